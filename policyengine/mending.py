"""Fixes applied to a tree in memory, each proven by a scan of what they make of it. Nothing is written here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.reports.identity import identity
from policyengine.syntax.editing import applied, meet, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyengine.model.change import Edit
    from policyengine.repository.discover import Tree
    from policyengine.rules.evaluate import Report, Result

    Scan = Callable[[Tree], Report]


class Left(Struct, frozen=True):
    """A result whose fix was not applied, and why."""

    result: Result
    reason: str


class Mended(Struct, frozen=True):
    """What became of a tree: the new texts by path, what they mend, what of it is left, the reports before and after.

    `done` are results of the rounds that mended them: a later one may hold for a text that an earlier one made.
    """

    texts: Mapping[str, str]
    done: tuple[Result, ...]
    left: tuple[Left, ...]
    before: Report
    after: Report


UNSAFE = "it is unsafe"


def mend(tree: Tree, scan: Scan, *, unsafe: bool = False, wanted: Callable[[Result], bool] = lambda _: True) -> Mended:
    """Applies the fixes that are safe, and with `unsafe` the others, round by round until nothing changes.

    A fix stands if the scan of the edited tree lacks its finding, has no other one and no other failure, and opens no
    question of the same rule and node. Where edits meet or fixes do not fit together, rules go by their ids.
    """
    before = report = scan(tree)
    done: list[Result] = []
    refused: dict[tuple[str, str], str] = {}
    texts: dict[str, str] = dict(tree.edited)
    while True:
        offers = [
            each
            for each in _offers(report)
            if (unsafe or all(_fix_is_safe(one) for one in each.results))
            and any(map(wanted, each.results))
            and each.key not in refused
        ]
        if not offers:
            break
        round_ = _Round(tree, scan, report, texts)
        accepted = round_.proven(_apart(offers), refused)
        if not accepted:
            continue
        refused.clear()  # what did not fit beside others may fit now
        done.extend(result for each in accepted for result in each.results)
        texts, report = round_.made(accepted), round_.reports[_names(accepted)]
    left = [
        Left(result, refused.get(each.key, UNSAFE))
        for each in _offers(report)
        for result in each.results
        if wanted(result)
    ]
    return Mended(texts, tuple(done), tuple(left), before, report)


class _Offer(Struct, frozen=True):
    """Results with one and the same fix."""

    results: tuple[Result, ...]
    edits: tuple[Edit, ...]

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by when lines have moved."""
        return ", ".join(sorted(map(identity, self.results))), "\0".join(each.text for each in self.edits)


def _fix_is_safe(result: Result) -> bool:
    return result.finding.fix is not None and result.finding.fix.safe


def _offers(report: Report) -> list[_Offer]:
    found: dict[tuple[Edit, ...], list[Result]] = {}
    for result in sorted(report.results, key=lambda each: (each.rule.id, each.span)):
        fix = result.finding.fix
        if fix is not None and fix.exact:
            found.setdefault(fix.exact, []).append(result)
    return [_Offer(tuple(results), edits) for edits, results in found.items()]


def _apart(offers: Sequence[_Offer]) -> list[_Offer]:
    """Those that can be made at once: of edits that meet, the first ones."""
    chosen: list[_Offer] = []
    taken: dict[str, list[Edit]] = {}
    for offer in offers:
        if any(meet(edit, other) for edit in offer.edits for other in taken.get(edit.span.path, ())):
            continue
        chosen.append(offer)
        for edit in offer.edits:
            taken.setdefault(edit.span.path, []).append(edit)
    return chosen


def _names(offers: Sequence[_Offer]) -> frozenset[tuple[str, str]]:
    return frozenset(each.key for each in offers)


class _Round(Struct, frozen=True):
    """One round: fixes of one report, whose edits all hold for the same texts."""

    tree: Tree
    scan: Scan
    report: Report
    texts: Mapping[str, str]
    reports: dict[frozenset[tuple[str, str]], Report] = {}

    def proven(self, offers: Sequence[_Offer], refused: dict[tuple[str, str], str]) -> list[_Offer]:
        """The offers that hold together: all, or those that are left when halves are tried."""
        accepted: list[_Offer] = []
        waiting = [list(offers)] if offers else []
        while waiting:
            tried = waiting.pop(0)
            wrong = self.wrong([*accepted, *tried], tried)
            if not wrong:
                accepted.extend(tried)
            elif len(tried) == 1:
                refused[tried[0].key] = wrong
            else:
                middle = len(tried) // 2
                waiting[:0] = [tried[:middle], tried[middle:]]
        return accepted

    def made(self, offers: Sequence[_Offer]) -> dict[str, str]:
        """The texts that the offers make, those of earlier rounds among them."""
        edits = merged(tuple(edit for offer in offers for edit in offer.edits)) or ()
        texts = dict(self.texts)
        for path in dict.fromkeys(edit.span.path for edit in edits):
            source = self.report.sources.get(path)
            own = tuple(edit for edit in edits if edit.span.path == path)
            texts[path] = applied(source.text if source is not None else "", own)
        return texts

    def wrong(self, offers: Sequence[_Offer], tried: Sequence[_Offer]) -> str:
        """Why offers do not hold together; empty where they do."""
        for path in {edit.span.path for offer in tried for edit in offer.edits} - set(self.report.sources):
            if self.tree.exists(path) or (self.tree.root / path).exists() or (self.tree.root / path).is_symlink():
                return f"there is a file '{path}' that was not read"
        after = self.scan(self.tree.editing(self.made(offers)))
        mended = Counter(identity(result) for offer in offers for result in offer.results)
        return next(_faults(self.report, after, mended, offers), "") or self._keep(offers, after)

    def _keep(self, offers: Sequence[_Offer], report: Report) -> str:
        self.reports[_names(offers)] = report
        return ""


def _faults(before: Report, after: Report, mended: Counter[str], offers: Sequence[_Offer]) -> Iterator[str]:
    """What speaks against a report that is to lack what was mended, and to have nothing else."""
    had, has = (Counter(map(identity, each.results)) for each in (before, after))
    told = {(each.message, each.span and each.span.path) for each in before.failures}
    for failure in after.failures:
        if (failure.message, failure.span and failure.span.path) not in told:
            yield f"'{failure.span.path if failure.span else ''}' could then not be read: {failure.message}"
    for result in after.results:
        name = identity(result)
        if has[name] > had[name]:
            yield f"then {result.rule.id} is found of '{result.finding.subject.name}'"
        elif name in mended and has[name] > had[name] - mended[name]:
            yield f"{result.rule.id} of '{result.finding.subject.name}' would stay"
    asked = {(result.rule.id, result.subject) for offer in offers for result in offer.results}
    known = {(each.rule, each.subject) for each in before.undecided}
    for question in after.undecided:
        if (question.rule, question.subject) in asked - known:
            yield f"{question.rule} of '{question.subject}' would be open: {question.reason}"
