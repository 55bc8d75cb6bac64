"""An explanation of a value, for people and as JSON: each step with its place and line, secrets masked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine import SCHEMA as ADDRESS
from policyengine import __version__
from policyengine.model.source import Span
from policyengine.model.value import Sealed
from policyengine.reports import masks
from policyengine.reports.lines import shown, visible
from policyengine.reports.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.model.explanation import Explanation
    from policyengine.model.graph import Graph
    from policyengine.model.source import Source
    from policyengine.model.value import Via

SCHEMA = ADDRESS.format(name="explanation")

_COLOURS = {"known": "1;32", "floating": "1;33", "unknown": "1;35", "absent": "1;36"}
_LONGEST = 400


class Setting(Struct, frozen=True):
    """How an explanation is set: with ANSI colours, with box characters, with a prefix before each path."""

    colour: bool = False
    unicode: bool = True
    prefix: str = ""


def text(found: Explanation, graph: Graph, sources: Mapping[str, Source], setting: Setting) -> str:
    """The explanation for people, ending in a line end."""
    made = "".join(f"{line}\n" for line in _Writer(found, graph, sources, setting).lines())
    return made if setting.unicode else made.translate(_ASCII)


_ASCII = str.maketrans({"│": "|", "┌": "-", "├": "-", "─": "-", "→": ">", "…": "~"})


def data(found: Explanation, graph: Graph, sources: Mapping[str, Source]) -> str:
    """The explanation as JSON, version 1 of `schemas/explanation.schema.json`.

    Lines and columns start at 1, and columns count code points.
    """
    writer = _Writer(found, graph, sources, Setting())
    document = {
        "$schema": SCHEMA,
        "version": 1,
        "tool": {"name": "policyengine", "version": __version__},
        **writer.plain(found),
    }
    return json.dumps(writer.redactor.document(document), indent=2, ensure_ascii=False) + "\n"


class _Writer:
    def __init__(self, found: Explanation, graph: Graph, sources: Mapping[str, Source], setting: Setting) -> None:
        self.found = found
        self.setting = setting
        self.redactor = Redactor(graph, sources, (*_sealed(found), *_quoted(found, sources)))

    def paint(self, code: str, words: str) -> str:
        return f"\x1b[{code}m{words}\x1b[0m" if self.setting.colour and words else words

    # for people

    def lines(self) -> Iterator[str]:
        found = self.found
        root = f"  in the root module '{found.root or '.'}'" if found.root is not None else ""
        yield f"{self.paint('1', visible(found.address))}{self.paint('2', root)}"
        yield ""
        yield from self.steps(found, "")
        if found.value is None and found.state == "known" and found.parts:
            longest = max(len(part.address) for part in found.parts)
            for part in found.parts:
                place = self.where(part.steps[-1].span) if part.steps else ""
                yield f"{visible(part.address.ljust(longest))}  {self.verdict(part)}  {self.paint('2', place)}".rstrip()
            return
        yield self.verdict(found)
        for part in found.parts:
            yield ""
            yield f"  {self.paint('1', visible(part.address))}"
            yield from self.steps(part, "  ")
            yield f"  {self.verdict(part)}"

    def steps(self, found: Explanation, indent: str) -> Iterator[str]:
        gutter = max((self.digits(step.span) for step in found.steps), default=1)
        for number, step in enumerate(found.steps):
            if not step.span.path:
                continue
            last = number == len(found.steps) - 1
            yield from self.step(step, gutter, "├" if number else "┌", indent, colour="1;34" if not last else "1;32")
        if found.steps:
            yield ""

    def step(self, step: Via, gutter: int, corner: str, indent: str, *, colour: str) -> Iterator[str]:
        bar = self.paint("34", "│")
        about = f"  {self.paint('2', visible(self.redactor.text(step.what)))}" if step.what else ""
        yield f"{indent}{' ' * gutter} {self.paint('34', corner + '─')} {self.where(step.span)}{about}"
        source = self.redactor.source(step.span.path)
        if source is None or step.span.start > len(source.text):
            return
        for line in shown(source, step.span):
            if line is None:
                yield f"{indent}{self.paint('34', '…'.rjust(gutter))} {bar}"
                continue
            yield f"{indent}{self.paint('34', str(line.number).rjust(gutter))} {bar} {line.text}".rstrip()
            marks = self.paint(colour, "^" * (line.end - line.start))
            yield f"{indent}{' ' * gutter} {bar} {' ' * line.start}{marks}"

    def verdict(self, found: Explanation) -> str:
        state = self.paint(_COLOURS[found.state], found.state.capitalize())
        words = [state]
        if found.value is not None or (found.state == "known" and not found.parts):
            value = json.dumps(self.value(found), ensure_ascii=False)
            words.append(visible(value if len(value) <= _LONGEST else value[:_LONGEST] + "…"))
        if found.reason:
            reason = visible(self.redactor.text(found.reason))
            words.append(f"({reason})" if len(words) > 1 else reason)
        head, *rest = words
        return f"{head}: {' '.join(rest)}" if rest else head

    def digits(self, span: Span) -> int:
        source = self.redactor.source(span.path)
        return 1 if source is None else len(str(source.position(min(span.end, len(source.text))).line))

    def where(self, span: Span) -> str:
        source = self.redactor.source(span.path)
        line, column = (1, 1) if source is None else source.position(min(span.start, len(source.text)))
        return f"{visible(self.setting.prefix + span.path)}:{line}:{column}"

    # as data

    def plain(self, found: Explanation) -> dict[str, object]:
        made: dict[str, object] = {"address": found.address}
        if found.root is not None:
            made["root"] = found.root or "."
        made["state"] = found.state
        if found.value is not None or (found.state == "known" and not found.parts):
            made["value"] = self.value(found)
        if found.reason:
            made["reason"] = found.reason
        made["steps"] = [self.place(step) for step in found.steps if step.span.path]
        if found.parts:
            made["parts"] = [self.plain(part) for part in found.parts]
        return made

    def place(self, step: Via) -> dict[str, object]:
        made: dict[str, object] = {"what": step.what, "path": step.span.path}
        source = self.redactor.source(step.span.path)
        if source is not None:
            start, end = (source.position(min(at, len(source.text))) for at in (step.span.start, step.span.end))
            made["start"] = {"line": start.line, "column": start.column}
            made["end"] = {"line": end.line, "column": end.column}
            made["line"] = source.line(start.line)
        return made

    def value(self, found: Explanation) -> object:
        """The value, masked: as a whole when it is secret, else by the names in it and by the form of its texts."""
        return self.masked(found.value, "password" if found.secret else "", made_of_secret=bool(found.sealed))

    def masked(self, value: object, key: str, *, made_of_secret: bool) -> object:
        match value:
            case str():
                return self.redactor.value(key, value, secret=made_of_secret)
            case list():
                return [self.masked(each, key, made_of_secret=False) for each in value]
            case dict():
                named = value.get("name") if isinstance(value.get("name"), str) else ""
                return {
                    self.redactor.name(str(name)): self.masked(
                        each, key or (str(named) if name == "value" else str(name)), made_of_secret=False
                    )
                    for name, each in value.items()
                }
            case bool() | None:
                return value
            case _:
                return "*" * len(str(value)) if key == "password" and self.found.secret else value


def _sealed(found: Explanation) -> Iterator[Sealed]:
    """The secrets of an explanation, so that source lines do not show them."""
    yield from found.sealed
    for part in found.parts:
        yield from _sealed(part)
    if found.secret and isinstance(found.value, str) and found.steps:
        yield Sealed(found.value, found.steps[-1].span)


def _quoted(found: Explanation, sources: Mapping[str, Source]) -> Iterator[Sealed]:
    """What the lines of the steps hide by the names and forms in them, so that the value does not show it."""
    spans: dict[str, list[Span]] = {}
    for each in (found, *found.parts):
        for step in each.steps:
            spans.setdefault(step.span.path, []).append(step.span)
    for path, quoted in spans.items():
        source = sources.get(path)
        for start, end in () if source is None else masks.ranges(source.text, path):
            if any(start <= each.end and end >= each.start for each in quoted):
                yield Sealed(sources[path].text[start:end], Span("", 0, 0))
