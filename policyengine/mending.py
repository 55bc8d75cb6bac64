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

    def own(self, faults: Sequence[_Fault]) -> str:
        """Which fault is one of its own results, in words; empty where none is."""
        about = {(each.rule.id, each.subject) for each in self.results}
        return next((each.reason for each in faults if each.own and (each.rule, each.subject) in about), "")


class _Fault(Struct, frozen=True):
    """What speaks against a report. `own` tells that a fix does not mend what it is for."""

    reason: str
    rule: str = ""
    subject: str = ""
    own: bool = False


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
        alone = False  # one alone did not fit to those that are accepted
        while waiting:
            tried = waiting.pop(0)
            faults = self.wrong([*accepted, *tried], tried)
            own = [each.own(faults) for each in tried]
            if not faults:
                accepted.extend(tried)
                alone = False
            elif len(tried) == 1:
                refused[tried[0].key] = faults[0].reason
                alone = True
            elif alone and accepted and all(own):  # nor do these; they are tried again beside fewer, in the next round
                refused.update(zip((each.key for each in tried), own, strict=True))
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

    def wrong(self, offers: Sequence[_Offer], tried: Sequence[_Offer]) -> list[_Fault]:
        """Why offers do not hold together; nothing where they do."""
        for path in {edit.span.path for offer in tried for edit in offer.edits} - set(self.report.sources):
            if self.tree.exists(path) or (self.tree.root / path).exists() or (self.tree.root / path).is_symlink():
                return [_Fault(f"there is a file '{path}' that was not read")]
        after = self.scan(self.tree.editing(self.made(offers)))
        mended = Counter(identity(result) for offer in offers for result in offer.results)
        faults = [*_faults(self.report, after, mended, offers)]
        if not faults:
            self.reports[_names(offers)] = after
        return faults


def _faults(before: Report, after: Report, mended: Counter[str], offers: Sequence[_Offer]) -> Iterator[_Fault]:
    """What speaks against a report that is to lack what was mended, and to have nothing else."""
    had, has = (Counter(map(identity, each.results)) for each in (before, after))
    told = {(each.message, each.span and each.span.path) for each in before.failures}
    for failure in after.failures:
        if (failure.message, failure.span and failure.span.path) not in told:
            path = failure.span.path if failure.span else ""
            yield _Fault(f"'{path}' could then not be read: {failure.message}")
    for result in after.results:
        name = identity(result)
        if has[name] > had[name]:
            yield _Fault(f"then {result.rule.id} is found of '{result.finding.subject.name}'")
        elif name in mended and has[name] > had[name] - mended[name]:
            reason = f"{result.rule.id} of '{result.finding.subject.name}' would stay"
            yield _Fault(reason, result.rule.id, result.subject, own=True)
    asked = {(result.rule.id, result.subject) for offer in offers for result in offer.results}
    known = {(each.rule, each.subject) for each in before.undecided}
    for question in after.undecided:
        if (question.rule, question.subject) in asked - known:
            reason = f"{question.rule} of '{question.subject}' would be open: {question.reason}"
            yield _Fault(reason, question.rule, question.subject, own=True)
