"""What a change is to do → the exact edits of the file, which leave every other character as it is."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.model.change import Change, Drop, Edit, LastLine, Put, StageLine, Swap
from policyengine.model.source import ReadError, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["applied", "exact", "meet", "merged"]

_LINES = ("", ".hosts", ".sh", ".bash", ".txt", ".md")
_CODE = (".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx")
_YAML, _JSON, _HCL = (".yml", ".yaml"), (".json",), (".tf", ".hcl", ".tfvars", ".tofu")


def exact(change: Change, sources: Mapping[str, Source]) -> tuple[Edit, ...] | None:
    """The edits that a change comes to in the files that were read; None where it cannot be made there."""
    if isinstance(change, Edit):
        return (change,)
    source = sources.get(change.at.path)
    if source is None:
        made = Edit(change.at._replace(start=0, end=0), f"{change.text}\n") if isinstance(change, LastLine) else None
        return None if made is None else (made,)
    try:
        return _exact(change, source)
    except ReadError:
        return None


def _exact(change: Swap | Put | Drop | LastLine | StageLine, source: Source) -> tuple[Edit, ...] | None:
    kind = PurePosixPath(source.path).suffix.lower()
    match change:
        case Swap(at, old, new):
            start = source.text.find(old, at.start, at.end)
            once = start >= 0 and source.text.find(old, start + 1, at.end) < 0
            return (Edit(source.span(start, start + len(old)), new),) if once else None
        case LastLine(_, text):
            from policyengine.syntax.editing import lines  # noqa: PLC0415  few findings ask

            return lines.append(source, text)
        case StageLine(at, text):
            from policyengine.syntax.editing import dockerfile  # noqa: PLC0415  as above

            return dockerfile.add(source, at, text)
        case _ if kind in (*_YAML, *_JSON):
            from policyengine.syntax.editing import documents  # noqa: PLC0415  as above

            editor = documents.Editor.of(source, json=kind in _JSON)
            return editor.put(change) if isinstance(change, Put) else editor.drop(change.at)
        case _ if kind in _HCL:
            from policyengine.syntax.editing import hcl  # noqa: PLC0415  as above

            return hcl.put(source, change) if isinstance(change, Put) else hcl.drop(source, change.at)
        case Drop(at) if kind in _CODE:
            from policyengine.syntax.editing import code  # noqa: PLC0415  as above

            return code.drop_default(source, at)
        case Drop(at) if "dockerfile" in source.path.rpartition("/")[2].lower() or source.path.endswith(
            "Containerfile"
        ):
            from policyengine.syntax.editing import dockerfile  # noqa: PLC0415  as above

            return dockerfile.drop(source, at)
        case Drop(at) if kind in _LINES or ".env" in source.path.rpartition("/")[2]:
            from policyengine.syntax.editing import lines  # noqa: PLC0415  as above

            return lines.drop(source, at)
        case _:
            return None


def merged(edits: tuple[Edit, ...]) -> tuple[Edit, ...] | None:
    """The edits of one fix in order, equal ones once, insertions at one place as one; None where two others meet."""
    made: list[Edit] = []
    for each in sorted(dict.fromkeys(edits), key=lambda edit: edit.span):
        last = made[-1] if made else None
        if last is None or not meet(last, each):
            made.append(each)
        elif last.span == each.span and each.span.start == each.span.end:
            made[-1] = Edit(last.span, last.text + each.text)
        else:
            return None
    return tuple(made)


def meet(one: Edit, other: Edit) -> bool:
    """Whether two edits change the same characters, or insert at one place."""
    if one.span.path != other.span.path:
        return False
    if one.span == other.span:
        return True
    return one.span.start < other.span.end and other.span.start < one.span.end


def applied(text: str, edits: tuple[Edit, ...]) -> str:
    """A text after edits of it, which are in order and do not meet."""
    return "".join(_pieces(text, edits))


def _pieces(text: str, edits: tuple[Edit, ...]) -> Iterator[str]:
    at = 0
    for edit in edits:
        yield text[at : edit.span.start]
        yield edit.text
        at = edit.span.end
    yield text[at:]
