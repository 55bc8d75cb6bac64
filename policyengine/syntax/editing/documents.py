"""Edits of YAML and JSON: an entry is added, replaced or taken away, in block or in flow style."""

from __future__ import annotations

import json
import shlex
from bisect import bisect_right
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from policyengine.model.change import Edit, Put, Raw, Wanted
from policyengine.model.source import ReadError
from policyengine.syntax import json as json_syntax
from policyengine.syntax import yaml
from policyengine.syntax.editing.lines import below, line_start, newline, whole_lines
from policyengine.syntax.tree import Document, Entry, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Source, Span

_STEP = 2
_BLANK = len("\n\r\n")
_COMMANDS = frozenset({"command", "entrypoint"})


class Step(NamedTuple):
    """One step from the root to a node: the collection, and its entry or item."""

    inside: Mapping | Sequence
    key: Scalar | None
    value: Document


@lru_cache(maxsize=4)
def _documents(source: Source, *, json: bool) -> tuple[Document, ...]:
    """A file, read once for the changes that follow one another there; nothing of one that cannot be read."""
    try:
        return (json_syntax.read(source),) if json else yaml.read_all(source)
    except ReadError:
        return ()


class Editor(NamedTuple):
    """The documents of a file."""

    source: Source
    documents: tuple[Document, ...]
    json: bool

    @classmethod
    def of(cls, source: Source, *, json: bool) -> Editor:
        """The editor of a file; of one that cannot be read it finds nothing."""
        return cls(source, _documents(source, json=json), json)

    def put(self, change: Put) -> tuple[Edit, ...] | None:
        """Makes `keys` lead to a value."""
        way = self._way(change.at)
        if way and (way[-1].key is None or way[-1].key.span != change.at):  # a place within a mapping or a list
            item = change.keys[0] == "-"
            while way and not isinstance(way[-1].value, Sequence if item else Mapping):
                way.pop()
            if item and not (way and (change.behind or change.after or way[-1].value.span == change.at)):
                return None  # it is no list that stands there
        if way:
            return self._put(way[-1].key, way[-1].value, change.keys, change)
        roots = [each for each in self.documents if each.span.holds(change.at)] or [*self.documents]
        return self._put(None, roots[0], change.keys, change) if len(roots) == 1 else None

    def _put(self, key: Scalar | None, node: Document, keys: tuple[str, ...], change: Put) -> tuple[Edit, ...] | None:
        if node.via or node.tag:
            return None  # it stands elsewhere, or is more than it seems
        match node:
            case Mapping() if keys and keys[0] != "-":
                own = [entry for entry in node.entries if node.span.holds(entry.key.span)]
                found = next((entry for entry in own if entry.key.text == keys[0]), None)
                if found is not None:
                    return self._put(found.key, found.value, keys[1:], change)
                if (node.get(keys[0]) is not None and len(keys) > 1) or (not own and node.entries):
                    return None  # what a merge key brings would be hidden
                return self._add(key, node, own, keys[0], _nested(keys[1:], change.value), change.after)
            case Sequence(items) if len(keys) == 1:
                if keys[0] == "-":
                    return self._append(node, change.value, change.behind, first="" in change.after)
                if not items or not all(isinstance(item, Scalar) for item in items):
                    return None
                value = f"{keys[0]}={_text(change.value)}"
                for item in items:
                    if isinstance(item, Scalar) and item.text.partition("=")[0] == keys[0]:
                        return self._rewrite(None, item, value)
                return self._append(node, value)
            case Scalar() if keys == ("-",) and node.text:
                start, end = self._quoted(node)
                both = f"[{self.source.text[start:end]}, {self._flow(change.value)}]"
                return (Edit(self.source.span(start, end), both),) if end - start >= len(node.text) else None
            case Scalar() if keys:
                if key is None or not node.plain or node.text not in ("", "~", "null") or self.json:
                    return None
                column = self.column(key) + _STEP
                made = [*self._lines(keys[0], _nested(keys[1:], change.value), column)]
                if node.text:
                    return (Edit(node.span, ""), below(self.source, node.span.end, made))
                return (below(self.source, key.span.end, made),)
            case Scalar() if not isinstance(change.value, (tuple, dict)):
                return self._rewrite(key, node, change.value)
            case _:
                return self._replace_all(key, node, change.value)

    def _replace_all(self, key: Scalar | None, node: Document, value: Wanted) -> tuple[Edit, ...] | None:
        """Another value in place of a whole one."""
        if key is None or self.json:
            return None
        start, end = self.source.text.find(":", key.span.end) + 1, self._whole(key, node)[1]
        if isinstance(node, Scalar) and isinstance(value, tuple) and key.text in _COMMANDS:
            written = shlex.join(map(_text, value))  # a command line stays one
            return (Edit(self.source.span(start, end), f" {self._scalar(written)}"),)
        if not isinstance(value, dict) or "\n" not in self.source.text:
            return (Edit(self.source.span(start, end), f" {self._flow(value)}"),)
        lines = [*self._lines(key.text, value, self.column(key))][1:]
        return (Edit(self.source.span(start, end), "".join(f"{newline(self.source.text)}{each}" for each in lines)),)

    def _rewrite(self, key: Scalar | None, node: Scalar, value: Wanted) -> tuple[Edit, ...] | None:
        text, (_, start, end) = self.source.text, node.span
        if node.plain and not node.text:
            if key is None:
                return None
            colon = text.find(":", key.span.end)
            return (Edit(self.source.span(colon + 1, colon + 1), f" {self._scalar(value)}"),)
        if node.plain:
            return (Edit(node.span, self._scalar(value, flow=False)),)
        if start == 0 or text[start - 1] not in "'\"":
            if end - start != 2 or text[start] not in "'\"":
                return None  # a block scalar
            start, end = start + 1, end - 1
        quote, new = text[start - 1], _text(value)
        new = new.replace("'", "''") if quote == "'" else json.dumps(new, ensure_ascii=False)[1:-1]
        return (Edit(self.source.span(start, end), new),)

    def _add(
        self,
        key: Scalar | None,
        node: Mapping,
        own: list[Entry],
        name: str,
        value: Wanted,
        after: tuple[str, ...],
    ) -> tuple[Edit, ...] | None:
        text = self.source.text
        if text[node.span.start : node.span.start + 1] == "{":
            written = f"{json.dumps(name) if self.json else self._scalar(name)}: {self._flow(value)}"
            return self._into_flow(node.span, [self._whole(entry.key, entry.value) for entry in own], written)
        if not own:
            return None
        if "" in after and not any(entry.key.text in after for entry in own):
            first = line_start(text, own[0].key.span.start)
            if text[first : self._quoted(own[0].key)[0]].strip():
                return None
            lines = self._lines(name, value, self.column(own[0].key))
            return (Edit(self.source.span(first, first), "".join(f"{each}{newline(text)}" for each in lines)),)
        behind = next((entry for wanted in after for entry in own if entry.key.text == wanted), own[-1])
        column = self.column(own[0].key)
        step = column - self.column(key) if key is not None else _STEP
        made = [*self._lines(name, value, column, step if step > 0 else _STEP)]
        apart = isinstance(value, dict) and self._are_apart(tuple(entry.key for entry in own))
        return (below(self.source, self._whole(behind.key, behind.value)[1], ["", *made] if apart else made),)

    def _append(
        self, node: Sequence, value: Wanted, behind: Span | None = None, *, first: bool = False
    ) -> tuple[Edit, ...] | None:
        text = self.source.text
        if text[node.span.start : node.span.start + 1] == "[":
            return self._into_flow(node.span, [self._whole(None, item) for item in node.items], self._flow(value))
        if not node.items:
            return None
        start = self._whole(None, node.items[-1])[0]
        dash = text.rfind("-", line_start(text, start), start)
        if dash < 0 or text[line_start(text, start) : dash].strip():
            return None
        column = dash - line_start(text, start)
        if first:
            place, end = line_start(text, self._whole(None, node.items[0])[0]), newline(text)
            lines = self._item(value, column, _STEP)
            return (Edit(self.source.span(place, place), "".join(f"{each}{end}" for each in lines)),)
        last = next((each for each in node.items if behind and each.span.holds(behind)), node.items[-1])
        made = [*self._item(value, column, _STEP)]
        apart = isinstance(value, dict) and self._are_apart(node.items)
        return (below(self.source, self._whole(None, last)[1], ["", *made] if apart else made),)

    def _into_flow(self, span: Span, parts: list[tuple[int, int]], written: str) -> tuple[Edit, ...]:
        """One more entry or item in braces or brackets."""
        text = self.source.text
        if not parts:
            pad = " " if text[span.start] == "{" and not self.json else ""
            return (Edit(self.source.span(span.start + 1, span.end - 1), f"{pad}{written}{pad}"),)
        start, end = parts[-1]
        first = line_start(text, start)
        if text[first:start].strip() or "\n" not in text[end : span.end]:
            return (Edit(self.source.span(end, end), f", {written}"),)
        made = below(self.source, end, [f"{text[first:start]}{written}"])
        if text[end : end + 1] == ",":
            return (Edit(made.span, f"{made.text},"),)
        if made.span.start == end:
            return (Edit(made.span, f",{made.text}"),)
        return (Edit(self.source.span(end, end), ","), made)

    def drop(self, at: Span) -> tuple[Edit, ...] | None:
        """Takes the innermost entry or item at a place away, and with it what would be empty."""
        way = self._way(at)
        if not way:
            return None
        text = self.source.text
        while len(way) > 1 and _size(way[-1].inside) == 1 and text[way[-1].inside.span.start] not in "{[":
            way.pop()
        inside, key, value = way[-1]
        start, end = self._whole(key, value)
        if text[inside.span.start] in "{[":
            behind = text.find(",", end, inside.span.end)
            if behind >= 0:
                end = behind + 1
                while text[end : end + 1] == " ":
                    end += 1
                return (Edit(self.source.span(start, end), ""),)
            before = text.rfind(",", inside.span.start, start)
            return (Edit(self.source.span(start if before < 0 else before, end), ""),)
        lead = text[line_start(text, start) : start].strip()
        if lead and (lead != "-" or key is not None):
            return None
        return (Edit(whole_lines(self.source, start, end), ""),)

    # --- where things are

    def _way(self, at: Span) -> list[Step]:
        """The steps to the entry whose key is at a place, or to the innermost node there."""
        for root in self.documents:
            if root.span.holds(at):
                way: list[Step] = []
                node: Document | None = root
                while node is not None:
                    step = next((each for each in _near(node, at) if self._holds(each, at)), None)
                    if step is not None:
                        way.append(step)
                    node = None if step is None or (step.key is not None and step.key.span == at) else step.value
                return way
        return []

    def _holds(self, step: Step, at: Span) -> bool:
        if step.value.via or not step.inside.span.holds(step.value.span if step.key is None else step.key.span):
            return step.key is not None and step.inside.span.holds(step.key.span) and step.key.span.holds(at)
        start, end = self._whole(step.key, step.value)
        return start <= at.start and at.end <= end

    def _are_apart(self, nodes: tuple[Document, ...]) -> bool:
        """Whether most nodes stand behind an empty line."""
        text = self.source.text
        above = [line_start(text, node.span.start) for node in nodes[1:]]
        apart = sum(text.endswith(("\n\n", "\n\r\n"), max(at - _BLANK, 0), at) for at in above)
        return 2 * apart > len(above)

    def _whole(self, key: Scalar | None, value: Document) -> tuple[int, int]:
        """From the start of an entry or item to its end, quotes included."""
        text = self.source.text
        end = value.via[0].span.end if value.via and key is not None else self._quoted(value)[1]
        start = self._quoted(value)[0] if key is None else self._quoted(key)[0]
        if key is not None:
            end = max(end, text.find(":", key.span.end) + 1)
        return start, end

    def _quoted(self, node: Document) -> tuple[int, int]:
        start, end = node.span.start, node.span.end
        text = self.source.text
        quoted = isinstance(node, Scalar) and not node.plain and start > 0 and text[start - 1] in "'\""
        if quoted and text[end : end + 1] == text[start - 1]:
            return start - 1, end + 1
        return start, end

    def column(self, key: Scalar) -> int:
        """How many characters stand before a key in its line."""
        start = self._quoted(key)[0]
        return start - line_start(self.source.text, start)

    # --- what is written

    def _lines(self, key: str, value: Wanted, column: int, step: int = _STEP) -> Iterator[str]:
        name, pad = self._scalar(key), " " * column
        match value:
            case str() if "\n" in value:
                yield f"{pad}{name}: |"
                yield from (f"{pad}{' ' * step}{line}".rstrip() for line in value.rstrip("\n").split("\n"))
            case dict() if value:
                yield f"{pad}{name}:"
                for inner, each in value.items():
                    yield from self._lines(inner, each, column + step, step)
            case tuple() if value:
                yield f"{pad}{name}:"
                for each in value:
                    yield from self._item(each, column + (step if _indents_items(self.source) else 0), step)
            case tuple() | dict():
                yield f"{pad}{name}: {self._flow(value)}"
            case _:
                yield f"{pad}{name}: {self._scalar(value)}"

    def _item(self, value: Wanted, column: int, step: int) -> Iterator[str]:
        pad = " " * column
        if not isinstance(value, dict):
            yield f"{pad}- {self._flow(value) if isinstance(value, tuple) else self._scalar(value)}"
            return
        first = True
        for key, each in value.items():
            for line in self._lines(key, each, column + 2, step):
                yield f"{pad}- {line[column + 2 :]}" if first else line
                first = False

    def _flow(self, value: Wanted) -> str:
        match value:
            case tuple():
                return f"[{', '.join(map(self._flow, value))}]"
            case dict():
                parts = [
                    f"{json.dumps(key) if self.json else self._scalar(key, flow=True)}: {self._flow(each)}"
                    for key, each in value.items()
                ]
                return f"{{{', '.join(parts)}}}" if self.json else f"{{ {', '.join(parts)} }}"
            case _:
                return self._scalar(value, flow=True)

    def _scalar(self, value: Wanted, *, flow: bool = False) -> str:
        if isinstance(value, Raw):
            return value.text
        if not isinstance(value, str):
            return json.dumps(value)
        if self.json or (flow and any(sign in value for sign in ",[]{}")) or not _is_plain(value):
            return json.dumps(value, ensure_ascii=False)
        return value


def _nested(keys: tuple[str, ...], value: Wanted) -> Wanted:
    for key in reversed(keys):
        value = (value,) if key == "-" else {key: value}
    return value


def _text(value: Wanted) -> str:
    match value:
        case str():
            return value
        case Raw(text):
            return text
        case _:
            return json.dumps(value)


def _size(node: Mapping | Sequence) -> int:
    return len(node.entries if isinstance(node, Mapping) else node.items)


@lru_cache(maxsize=4)
def _indents_items(source: Source) -> bool:
    """Whether the first list of a YAML file stands deeper than its key; where there is none, the next one is to."""
    editor = Editor.of(source, json=False)
    waiting = deque(editor.documents)
    while waiting:
        for step in _steps(waiting.popleft()):
            value = step.value
            if step.key is not None and isinstance(value, Sequence) and not value.via and value.items:
                start = value.span.start
                if source.text[start : start + 1] == "-":
                    return start - line_start(source.text, start) > editor.column(step.key)
            waiting.append(value)
    return True


def _near(node: Document, at: Span) -> Iterator[Step]:
    """The steps that may lead to a place: those that begin next to it, or any where some stand elsewhere."""
    match node:
        case Mapping(entries) if entries and not entries[-1].value.via:  # what `<<` brings would be at the end
            behind = bisect_right(entries, at.start, key=lambda entry: entry.key.span.start)
            return _steps(node, slice(max(behind - 2, 0), behind + 1))
        case _:
            return _steps(node)


def _steps(node: Document, part: slice = slice(None)) -> Iterator[Step]:
    match node:
        case Mapping(entries):
            yield from (Step(node, entry.key, entry.value) for entry in entries[part])
        case Sequence(items):
            yield from (Step(node, None, item) for item in items[part])


def _is_plain(text: str) -> bool:
    """Whether YAML reads a text that is written without quotes as that text, in every version."""
    from yaml import YAMLError, safe_load  # noqa: PLC0415  few runs write

    try:
        return bool(text) and text.isprintable() and safe_load(f"a: {text}") == {"a": text} and text not in ("y", "n")
    except YAMLError:
        return False
