"""A unified diff of what fixes make of files. Secrets are masked in it, so it is there to be read."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from policyengine.reports.lines import harmless, visible
from policyengine.reports.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.mending import Mended

_AROUND = 3


def shown(found: Mended, paths: Sequence[str], *, colour: bool) -> str:
    """The diff of the files at `paths`, one after the other."""
    before = Redactor(found.before.graph, found.before.sources)
    after = Redactor(found.after.graph, found.after.sources)
    lines: list[str] = []
    for path in paths:
        source = found.before.sources.get(path)
        old, new = source.text if source is not None else "", found.texts[path]
        masked = after.name(before.file(path, old)), before.name(after.file(path, new))
        name = visible(path)
        lines += ["--- /dev/null" if source is None else f"--- a/{name}", f"+++ b/{name}"]
        lines += _hunks(_lines(old), _lines(new), _lines(masked[0]), _lines(masked[1]))
    return harmless("".join(f"{_painted(line) if colour else line}\n" for line in lines), colour=colour)


def _lines(text: str) -> list[str]:
    """The lines with their ends, so that a last one without differs."""
    parts = text.split("\n")
    return [*(f"{part}\n" for part in parts[:-1]), *filter(None, parts[-1:])]


def _hunks(old: list[str], new: list[str], old_shown: list[str], new_shown: list[str]) -> Iterator[str]:
    """The hunks of the lines, told by what they are and shown as they may be."""
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_AROUND):
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
        for kind, start, end, new_start, new_end in group:
            if kind == "equal":
                yield from _written(" ", old_shown[start:end])
            else:
                yield from _written("-", old_shown[start:end])
                yield from _written("+", new_shown[new_start:new_end])


def _range(start: int, end: int) -> str:
    length = end - start
    return f"{start + (length > 0)}" if length == 1 else f"{start + (length > 0)},{length}"


def _written(sign: str, lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield sign + visible(line.rstrip("\r\n"))
        if not line.endswith("\n"):
            yield "\\ No newline at end of file"


_COLOURS = {"-": "31", "+": "32", "@": "36"}


def _painted(line: str) -> str:
    if line.startswith(("--- ", "+++ ")):
        return f"\x1b[1m{line}\x1b[0m"
    code = _COLOURS.get(line[:1])
    return line if code is None else f"\x1b[{code}m{line}\x1b[0m"
