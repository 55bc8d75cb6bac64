"""What a run was, for its SARIF log: its exit code, and what it compared, chose, left open and could not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.reports.sarif_rules import (
    CHOSEN,
    COMPARED,
    CONFIGURED,
    LEFT_OPEN,
    LEFT_OUT,
    NOT_DONE,
    NOT_READ,
    Catalogue,
    Json,
    clipped,
    sentence,
    text_of,
)
from policyengine.rules.coverage import account
from policyengine.rules.coverage import sentence as coverage_sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policyengine.model.graph import Choice
    from policyengine.model.source import Source
    from policyengine.reports.regions import Regions
    from policyengine.reports.view import View
    from policyengine.rules.coverage import SideAccount
    from policyengine.rules.evaluate import Failure, Report

_MOST_OPEN = 500
"""So many open questions are notifications; GitHub shows none of them, and other viewers no more."""


class Invocation(Struct, frozen=True):
    """Makes the invocation of a run; `source` gives the masked text of a file, also of one that was not understood."""

    found: Report
    view: View
    catalogue: Catalogue
    regions: Regions
    source: Callable[[str], Source | None]

    def told(self, sentences: Sequence[str], exit_code: int) -> Json:
        """What the run was: its exit code, and what it could not do."""
        notes: list[Json] = []
        for failure in self.found.failures:
            number = 0 if failure.span is not None else 1
            where = ""
            note: Json = {
                "descriptor": {"id": (NOT_READ, NOT_DONE)[number], "index": number},
                "level": "warning",
            }
            if failure.span is not None:
                where = f"'{text_of(failure.span.path)}' was not read: "
                physical: Json = {"artifactLocation": self.regions.artifact(failure.span.path)}
                if (source := self.source(failure.span.path)) is not None:
                    line, column = source.position(min(failure.span.start, len(source.text)), utf16=True)
                    physical["region"] = {"startLine": line, "startColumn": column}
                note["locations"] = [{"physicalLocation": physical}]
            note["message"] = {"text": clipped(sentence(where + text_of(undone(self.view, failure))))}
            if failure.rule in self.catalogue.index:
                note["associatedRule"] = {"id": failure.rule, "index": self.catalogue.index[failure.rule]}
            if failure.trace:
                calls = (clipped(text_of(self.view.redactor.text(each))) for each in failure.trace)
                frames: list[Json] = [{"location": {"message": {"text": each}}} for each in calls]
                note["exception"] = {"stack": {"frames": frames[::-1]}}
            notes.append(note)
        notes.extend(
            {"descriptor": {"id": LEFT_OUT, "index": 2}, "level": "warning", "message": {"text": sentence(each)}}
            for each in sentences
        )
        counted = account(self.found)
        notes.append(self._note(COMPARED, 3, coverage_sentence(counted)))
        notes.extend(self._note(COMPARED, 3, _side(side)) for side in counted.sides if side.ran)
        notes.extend(self._note(CHOSEN, 5, f"{each.what}: '{each.chosen}' ({each.reason})") for each in self._choices())
        for each in self.found.undecided[:_MOST_OPEN]:
            note = self._note(LEFT_OPEN, 6, f"'{each.subject}': {each.reason}")
            if self.view.source(each.span.path) is not None:
                note["locations"] = [{"physicalLocation": self.regions.physical(each.span)}]
            note["associatedRule"] = {"id": each.rule, "index": self.catalogue.index[each.rule]}
            notes.append(note)
        for remark in self.found.remarks:
            said: Json = {"descriptor": {"id": CONFIGURED, "index": 4}, "level": "warning"}
            if self.view.source(remark.span.path) is not None:
                said["locations"] = [{"physicalLocation": self.regions.physical(remark.span)}]
            notes.append({**said, "message": {"text": clipped(sentence(text_of(remark.message)))}})
        worthless = bool(self.found.failures) and (not self.found.sources or not self.found.rules)
        return {
            "executionSuccessful": not worthless,
            "exitCode": exit_code,
            "exitCodeDescription": _EXIT.get(exit_code, "Unknown."),
            "toolExecutionNotifications": notes,
        }

    def _note(self, of: str, index: int, text: str) -> Json:
        said = text_of(self.view.redactor.text(text))
        return {
            "descriptor": {"id": of, "index": index},
            "level": "note",
            "message": {"text": clipped(sentence(f"{said[:1].upper()}{said[1:]}"))},
        }

    def _choices(self) -> Iterator[Choice]:
        graphs = [self.found.graph, *(each.graph for each in self.found.systems.values())]
        return iter(dict.fromkeys(choice for graph in graphs for choice in graph.choices))


def undone(view: View, failure: Failure) -> str:
    """A failure and what to do about it."""
    text = f"{failure.message}; {failure.advice}" if failure.advice else failure.message
    return view.redactor.text(text)


def _side(side: SideAccount) -> str:
    """What one side of a pack comes to."""
    title = f"side {side.key} '{side.title}' of {side.pack}" if side.key else f"the pack '{side.pack}'"
    if side.nothing:
        return f"{title}: nothing to compare, {side.nothing}"
    left = f", {side.without_twin} without a twin" if side.without_twin else ""
    waived = f", {side.waived} waived" if side.waived else ""
    return f"{title}: {side.compared} compared, {side.findings} found{waived}, {side.open} open{left}"


_EXIT = {
    0: "No finding at or above the level that fails the run.",
    1: "Findings at or above the level that fails the run.",
    3: "Some work could not be done; the findings are not complete.",
}
