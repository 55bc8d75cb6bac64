"""The literal text of templates: escapes, strip markers, and the indentation that `<<-` takes away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.characters import BLANKS, normal
from policyengine.syntax.hcl.syntax import ForDirective, IfDirective, Interpolation, Literal, TemplateExpression

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from policyengine.model.source import Source
    from policyengine.syntax.hcl.syntax import Part


_ESCAPE = regex(r"\\(?:([nrt\"\\])|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))|([$%])\4\{")


_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


_DOUBLED = regex(r"([$%])\1\{")


def unescaped(raw: str) -> str:
    """The text that the inside of a quoted string stands for."""

    def resolve(match: re.Match[str]) -> str:
        if match[1]:
            return _ESCAPED[match[1]]
        if match[4]:
            return match[4] + "{"
        code = int(match[2] or match[3], 16)
        return chr(code) if code <= 0x10FFFF else "\ufffd"

    return normal(_ESCAPE.sub(resolve, raw) if "\\" in raw or "{" in raw else raw)


def _flat(parts: Sequence[Part]) -> Iterator[Literal | Interpolation | tuple[int, bool, bool]]:
    """The parts in the order of the text, directives as (offset, trim left, trim right)."""
    for part in parts:
        match part:
            case Literal() | Interpolation():
                yield part
            case IfDirective(_, _, _, yes, no, marks):
                yield (marks[0].start, marks[0].trim_left, marks[0].trim_right)
                yield from _flat(yes)
                if len(marks) == 3:
                    yield (marks[1].start, marks[1].trim_left, marks[1].trim_right)
                    yield from _flat(no)
                yield (marks[-1].start, marks[-1].trim_left, marks[-1].trim_right)
            case ForDirective(body=body, marks=marks):
                yield (marks[0].start, marks[0].trim_left, marks[0].trim_right)
                yield from _flat(body)
                yield (marks[-1].start, marks[-1].trim_left, marks[-1].trim_right)


_LINES = regex(r"[^\n]*\n|[^\n]+")


class _Run(Struct):
    text: int  # start of the Literal node
    start: int
    value: str
    raw: bool  # the value is the text at its place
    cut: int = 0  # characters taken from its left


def literals(template: TemplateExpression, source: Source) -> dict[int, list[Known[str]]]:
    """The literal text of a template after strip markers and, in `<<-`, indentation, by the start of its Literal."""
    if template.form == "quoted" and all(
        isinstance(part, Literal) or (isinstance(part, Interpolation) and not part.trim_left and not part.trim_right)
        for part in template.parts
    ):
        found: dict[int, list[Known[str]]] = {}
        for part in template.parts:
            if isinstance(part, Literal):
                raw = source.text[part.start : part.end]
                value = unescaped(raw)
                found[part.start] = [Known(value, source.span(part.start, part.end))]
        return found
    sequence: list[_Run | None] = []
    trim_next = False
    for item in _flat(template.parts):
        if isinstance(item, Literal):
            made = list(_pieces(item, template.form, source))
            if trim_next and made:
                kept = made[0].value.lstrip(BLANKS)
                made[0].cut, made[0].value = len(made[0].value) - len(kept), kept
            sequence.extend(made)
            trim_next = False
            continue
        if isinstance(item, Interpolation):
            left, trim_next = item.trim_left, item.trim_right
        else:
            _, left, trim_next = item
        last = sequence[-1] if sequence else None
        if left and last is not None:
            last.value = last.value.rstrip(BLANKS)
        sequence.append(None)
    if template.form == "trimmed":
        _flush(sequence)
    result: dict[int, list[Known[str]]] = {}
    for literal in sequence:
        if literal is None:
            continue
        if literal.raw:
            start = literal.start + literal.cut
            span = source.span(start, start + len(literal.value))
        else:
            span = source.span(literal.text, literal.text + 1)
        result.setdefault(literal.text, []).append(Known(literal.value, span))
    if template.form in ("heredoc", "file"):
        result = {start: _joined(each, source) for start, each in result.items()}
    return result


def _joined(pieces: list[Known[str]], source: Source) -> list[Known[str]]:
    """Neighbouring lines as one piece, where they are one run of the text."""
    joined: list[Known[str]] = []
    for piece in pieces:
        if joined and joined[-1].span.end == piece.span.start:
            first = joined.pop()
            start, end = first.span.start, piece.span.end
            if end - start == len(first.value) + len(piece.value):
                joined.append(Known(source.text[start:end], source.span(start, end)))
                continue
            joined.append(first)
        joined.append(piece)
    return joined


def _pieces(text: Literal, form: str, source: Source) -> Iterator[_Run]:
    """A Literal as HashiCorp's scanner cuts it: quoted whole, otherwise by lines."""
    raw = source.text[text.start : text.end]
    if form == "quoted":
        yield _Run(text.start, text.start, unescaped(raw), "\\" not in raw and "{" not in raw)
        return
    for line in _LINES.finditer(raw):
        value = line[0]
        if form != "literal" and "{" in value and _DOUBLED.search(value):
            yield _Run(text.start, text.start + line.start(), _DOUBLED.sub(r"\1{", value), raw=False)
        else:
            yield _Run(text.start, text.start + line.start(), value, raw=True)


def _flush(sequence: Sequence[_Run | None]) -> None:
    """Take the common indentation from the lines of a `<<-` heredoc."""
    least: int | None = None
    indented: list[_Run] = []
    begins = True
    for literal in sequence:
        if begins:
            begins = False
            if literal is None:
                least = 0
            else:
                bare = literal.value.lstrip(BLANKS)
                if bare or not literal.value.endswith("\n"):
                    spaces = len(literal.value) - len(bare)
                    least = spaces if least is None else min(least, spaces)
                    indented.append(literal)
        if literal is not None and literal.value.endswith("\n"):
            begins = True
    for literal in indented:
        literal.value = literal.value[least or 0 :]
        literal.cut += least or 0
