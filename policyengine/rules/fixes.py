"""What the fixes of a report come to in the files that were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from policyengine.model.source import Source
    from policyengine.rules.evaluate import Result


def worked_out(results: Iterable[Result], sources: Mapping[str, Source]) -> tuple[Result, ...]:
    """The results with exact edits; a fix that cannot be made where it is to be keeps its sentence only."""
    return tuple(_worked_out(each, sources) for each in results)


def _worked_out(result: Result, sources: Mapping[str, Source]) -> Result:
    fix = result.finding.fix
    if fix is None or not fix.edits:
        return result
    from policyengine.syntax.editing import exact, merged  # noqa: PLC0415  only where there is something to edit

    found = [exact(change, sources) for change in fix.edits]
    edits = tuple(edit for each in found for edit in each or ())
    made = () if None in found else merged(edits) or ()
    return replace(result, finding=replace(result.finding, fix=replace(fix, edits=made)))
