"""What changed since an earlier commit: findings that are new, unchanged and fixed, and the lines that differ."""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from itertools import chain
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.reports import baseline
from policyengine.reports.identity import identity
from policyengine.reports.view import View, plain
from policyengine.rules.evaluate import Gone, Since

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyengine.model.source import Source, Span
    from policyengine.reports.baseline import Known
    from policyengine.rules.evaluate import Report, Result

_ALIKE = 0.5
"""The part of their lines that two files share of which one is the other renamed; git has the same bound."""
_MOST = 300
"""So many files that came and went are held against each other."""
_LONGEST = 4_000
"""Lines that differ in a file beyond which all between the first and the last count as touched."""


def since(report: Report, former: Report, revision: str) -> Report:
    """The report with the results that `former`, that of an earlier commit, did not have, and what became of the rest.

    A finding is the same whatever its lines and values, also where its file was renamed. One that weighs more now, or
    is found in one more environment, is new. What the commit waived was not told then: it is new where it is told now.
    """
    view, earlier = View.of(report), View.of(former)
    results = [*report.results, *(each.result for each in report.waived)]
    singly = [each for result in results for each in result.singly]
    before = [each for result in former.results for each in result.singly]
    now, then = baseline.known(view, singly), baseline.known(earlier, before)
    made = baseline.matched(now, then)
    renamed = _renamed(former.sources, report.sources)
    if renamed and len(made) < min(len(now), len(then)):
        _follow(made, (singly, now), (before, then), renamed)
    unchanged = baseline.whole(results, {number for number, other in made.items() if then[other].covers(now[number])})
    standing = tuple(each for number, each in enumerate(report.results) if number not in unchanged)
    left = baseline.left(made, then)
    told = not report.failures
    ended = baseline.whole(former.results, {*left})
    owners = [number for number, result in enumerate(former.results) for _ in result.singly]
    gone = [former.results[number] for number in sorted(ended)]
    gone += [before[number] for number in left if owners[number] not in ended]
    gone = [each for each in gone if each.rule.id in report.rules]
    lacking = tuple(
        dict.fromkeys(
            earlier.redactor.text(f"{each.span.path}: {each.message}" if each.span else each.message)
            for each in former.failures
            if each not in report.failures
        )
    )
    return replace(
        report,
        results=standing,
        fixed=(*report.fixed, *baseline.fixed(report, [then[number] for number in left])),
        since=Since(
            revision,
            tuple(each for number, each in enumerate(report.results) if number in unchanged),
            tuple(_gone(earlier, each) for each in gone) if told else (),
            dict(_touched(standing, report.sources, former.sources, renamed)),
            lacking,
            frozenset(
                {(each.rule, each.subject) for each in former.undecided}
                | {("", each.node) for each in former.graph.without_twin}
            ),
            frozenset(identity(each.result) for each in former.waived),
        ),
    )


def _gone(view: View, result: Result) -> Gone:
    found: dict[bool, str] = {}
    for side, place in view.sides(result):
        line, column = view.position(place.span)
        found.setdefault(side.far, f"{place.span.path}:{line}:{column}")
    message = plain(view.message(result))
    subject = view.redactor.name(result.subject)
    return Gone(result.rule.id, result.severity, subject, message, found.get(False, ""), found.get(True, ""))


def _follow(
    made: dict[int, int],
    new: tuple[Sequence[Result], Sequence[Known]],
    old: tuple[Sequence[Result], Sequence[Known]],
    renamed: Mapping[str, str],
) -> None:
    """Add to what is the same the findings whose file, and with it perhaps their node, has another name now."""
    moved = _moving(renamed)
    for spell in (identity, _place):
        others = [replace(each, identity=spell(result, moved)) for result, each in zip(*old, strict=True)]
        here = [replace(each, identity=spell(result, str)) for result, each in zip(*new, strict=True)]
        numbers = [number for number in range(len(here)) if number not in made]
        left = baseline.left(made, others)
        found = baseline.matched([here[number] for number in numbers], [others[number] for number in left])
        made.update((numbers[number], left[other]) for number, other in found.items())


def _place(result: Result, moved: Callable[[str], str]) -> str:
    """What tells a finding in a renamed file whose node is not called after the file alone."""
    return f"{moved(result.span.path)} {identity(result, lambda _: result.finding.subject.name)}"


def _moving(renamed: Mapping[str, str]) -> Callable[[str], str]:
    """What a text with former paths would be with the new ones: of files, and of folders whose files all moved."""
    names = dict(renamed)
    for old, new in renamed.items():
        before, after = old.split("/")[:-1], new.split("/")[:-1]
        while before and before != after:
            names.setdefault("/".join(before), "/".join(after))
            if not after or before[-1] != after[-1]:
                break
            before, after = before[:-1], after[:-1]
    ordered = "|".join(re.escape(each) for each in sorted(names, key=lambda each: (-len(each), each)))
    pattern = re.compile(rf"(?<![\w./-])(?:{ordered})(?![\w-])")
    return lambda text: pattern.sub(lambda match: names[match[0]], text)


def _renamed(former: Mapping[str, Source], now: Mapping[str, Source]) -> dict[str, str]:
    """The new paths of files by their former ones: each is the most like one that went, by the lines they share."""
    went, came = sorted({*former} - {*now})[:_MOST], sorted({*now} - {*former})[:_MOST]
    left = {path: _lines(now[path].text) for path in came}
    holding: dict[tuple[str, int], list[str]] = {}
    for path, lines in left.items():
        for line in lines:
            holding.setdefault(line, []).append(path)
    found: dict[str, str] = {}
    for path in went:
        own = _lines(former[path].text)
        shared = Counter(chain.from_iterable(holding.get(line, ()) for line in own))
        shares = [(2 * shared[new] / (len(own) + len(lines)), new) for new, lines in left.items()]
        share, new = max(
            shares, key=lambda each: (each[0], each[1].rpartition("/")[2] == path.rpartition("/")[2]), default=(0.0, "")
        )
        if share >= _ALIKE:
            found[path] = new
            del left[new]
    return found


def _lines(text: str) -> list[tuple[str, int]]:
    """The lines of a text, each with how often it stood before, which tells repeated ones apart."""
    times = Counter[str]()
    made = []
    for line in text.split("\n"):
        made.append((line, times[line]))
        times[line] += 1
    return made


def _touched(
    results: Sequence[Result], now: Mapping[str, Source], former: Mapping[str, Source], renamed: Mapping[str, str]
) -> Iterator[tuple[str, tuple[tuple[int, int], ...]]]:
    origin = {new: old for old, new in renamed.items()}
    spans: list[Span] = [span for each in results for span in (each.span, *each.related)]
    for path in sorted({span.path for span in spans}):
        source, earlier = now.get(path), former.get(origin.get(path, path))
        if source is not None:
            yield path, _differing(earlier.text if earlier is not None else "", source.text)


def _differing(old: str, new: str) -> tuple[tuple[int, int], ...]:
    """The lines of the new text, first and last from 1, that the old one does not have."""
    before, after = old.splitlines(), new.splitlines()
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    before, after = before[start : len(before) - end], after[start : len(after) - end]
    if not before or max(len(before), len(after)) > _LONGEST:
        return ((start + 1, start + len(after)),) if after else ()
    blocks = SequenceMatcher(None, before, after).get_opcodes()
    return tuple(
        (start + first + 1, start + last) for tag, _, _, first, last in blocks if tag != "equal" and last > first
    )
