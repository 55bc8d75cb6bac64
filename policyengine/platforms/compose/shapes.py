"""What an attribute of a Compose file may be: shapes whose `check` returns the first fault of a value.

A value that is not decided is never at fault.
"""

from __future__ import annotations

import json
import math
import re
from typing import Protocol, TypeAlias

from msgspec import Struct

from policyengine.model.source import ReadError
from policyengine.platforms.compose.interpolate import decimal, integer
from policyengine.platforms.compose.located import (
    Branch,
    Items,
    Leaf,
    Moment,
    Node,
    go_text,
)

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


_NAMES = {"s": "a string", "i": "an integer", "n": "a number", "b": "a boolean", "0": "null"}


class ValueShape(Protocol):
    """What an attribute may be."""

    def check(self, node: Node, path: str) -> ReadError | None:
        """The first fault of the value, or None."""
        ...


def kind_of(node: Node) -> str:
    """The JSON type of a value: s, i, n, b, 0, m or l; `?` for a text that is not decided."""
    if isinstance(node, Branch):
        return "m"
    if isinstance(node, Items):
        return "l"
    value = node.value
    if isinstance(value, str):
        return "s" if node.unknown is None else "?"
    if value is None:
        return "0"
    if isinstance(value, bool):
        return "b"
    return "i" if isinstance(value, int) or value.is_integer() else "n"


def fits(node: Node, types: str) -> bool:
    """Whether a value is of one of the types."""
    kind = kind_of(node)
    if kind == "?":
        return any(each in types for each in "sinb")
    if isinstance(node, Leaf) and isinstance(node.value, float) and node.value in (float("inf"), float("-inf")):
        return "n" in types
    return kind in types or (kind == "i" and "n" in types)


def fault(node: Node, path: str, wanted: str) -> ReadError:
    """The error for a value of the wrong form."""
    return ReadError(f"{path} must be {wanted}", node.span, "see the Compose specification")


class Atom(Struct, frozen=True):
    """A leaf: its JSON types, and what else is asked of it."""

    types: str
    values: tuple[str, ...] = ()
    pattern: str = ""
    least: float | None = None
    most: float | None = None

    def check(self, node: Node, path: str) -> ReadError | None:
        """See `ValueShape`."""
        if not fits(node, self.types):
            return fault(node, path, " or ".join(_NAMES[each] for each in self.types))
        if not isinstance(node, Leaf) or kind_of(node) == "?":
            return None
        if isinstance(node.value, str):
            if self.values and node.value not in self.values:
                return fault(node, path, f"one of {', '.join(self.values)}")
            if self.pattern and re.search(self.pattern, node.value) is None:
                return fault(node, path, f"like {self.pattern}")
        elif isinstance(node.value, int | float) and not isinstance(node.value, bool):
            if self.least is not None and node.value < self.least:
                return fault(node, path, f"a number from {self.least:g}")
            if self.most is not None and node.value > self.most:
                return fault(node, path, f"a number up to {self.most:g}")
        return None


class ListOf(Struct, frozen=True):
    """A list of one shape. With `alone`, a single string is a list of one."""

    item: ValueShape
    unique: bool = False
    alone: bool = False

    def check(self, node: Node, path: str) -> ReadError | None:
        """See `ValueShape`."""
        if self.alone and fits(node, "s"):
            return None
        if not isinstance(node, Items):
            return fault(node, path, "a string or a list" if self.alone else "a list")
        seen: set[tuple[str, str]] = set()
        for index, item in enumerate(node.items):
            found = self.item.check(item, f"{path}.{index}")
            if found is not None:
                return found
            if self.unique and isinstance(item, Leaf):
                key = (kind_of(item).replace("i", "n"), go_text(item.value))
                if key in seen:
                    return ReadError(f"{path} holds {key[1]!r} twice", item.span, "remove one of them")
                seen.add(key)
        if self.unique:
            return _repeated(node, path)
        return None


def _repeated(node: Items, path: str) -> ReadError | None:
    seen: set[str] = set()
    for item in node.items:
        if isinstance(item, Leaf):
            continue
        value = identity(item)
        if value in seen:
            return ReadError(f"{path} holds the same entry twice", item.span, "remove one of them")
        seen.add(value)
    return None


class MapOf(Struct, frozen=True):
    """A mapping whose keys are anybody's choice. `null` tells that a value may be left empty."""

    item: ValueShape
    keys: str = ""
    closed: bool = True
    null: bool = False

    def check(self, node: Node, path: str) -> ReadError | None:
        """See `ValueShape`."""
        if not isinstance(node, Branch):
            return fault(node, path, "a mapping")
        for key, entry in node.entries.items():
            if self.keys and re.search(self.keys, key) is None:
                if self.closed:
                    return ReadError(f"{path} does not allow the key {key!r}", entry.key, "correct the name")
                continue
            if self.null and isinstance(entry.node, Leaf) and entry.node.value is None:
                continue
            found = self.item.check(entry.node, f"{path}.{key}")
            if found is not None:
                return found
        return None


class Keyed(Struct, frozen=True):
    """A mapping with known keys, and `x-` keys unless `extensible` is False; with `open`, any others."""

    fields: dict[str, ValueShape]
    required: tuple[str, ...] = ()
    extensible: bool = True
    null: bool = False
    open: bool = False

    def check(self, node: Node, path: str) -> ReadError | None:
        """See `ValueShape`."""
        if self.null and isinstance(node, Leaf) and node.value is None:
            return None
        if not isinstance(node, Branch):
            return fault(node, path, "a mapping")
        for key, entry in node.entries.items():
            shape = self.fields.get(key)
            if shape is None:
                if self.open or (self.extensible and key.startswith("x-")):
                    continue
                return ReadError(f"{path or 'the file'} does not allow the key {key!r}", entry.key, "correct the name")
            found = shape.check(entry.node, f"{path}.{key}" if path else key)
            if found is not None:
                return found
        for key in self.required:
            if key not in node.entries:
                return ReadError(f"{path} lacks {key!r}", node.span, f"add '{key}'")
        return None


class Either(Struct, frozen=True):
    """One of several shapes; the last is the canonical one."""

    shapes: tuple[ValueShape, ...]

    def check(self, node: Node, path: str) -> ReadError | None:
        """See `ValueShape`: the fault of the shape that got furthest."""
        best: ReadError | None = None
        for shape in self.shapes:
            found = shape.check(node, path)
            if found is None:
                return None
            if best is None or found.message.count(".") > best.message.count("."):
                best = found
        return best


def raw(node: Node) -> Json:
    """A value as plain JSON."""
    if isinstance(node, Branch):
        return {key: raw(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Items):
        return [raw(item) for item in node.items]
    if isinstance(node.value, Moment):
        return moment_json(node.value)
    return node.value


def identity(node: Node) -> str:
    """A text that is equal for equal values only, whatever the order of their keys; 12 is not "12"."""
    return json.dumps(raw(node), sort_keys=True)


def moment_json(value: Moment) -> str:
    """A timestamp as Go's JSON has it."""
    date, clock, offset = value.split(" ")[:3]
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
    return f"{date}T{clock}{zone}"


_UNITS = {"k": 10, "m": 20, "g": 30, "t": 40, "p": 50}


def size(text: str) -> int | None:
    """A number of bytes from `512m`, `1.5 GiB`, `-1`; None when it is none."""
    number = integer(text)
    if number is not None:
        return number
    at = max((index for index, letter in enumerate(text) if letter in "0123456789. "), default=-1)
    if at < 0:
        return None
    figures, suffix = (text[:at] if text[at] == " " else text[: at + 1]), text[at + 1 :].lower()
    value = decimal(figures)
    if value is None or value < 0 or math.isnan(value) or value == float("inf"):
        return None
    if suffix in ("", "b"):
        return int(value)
    if suffix[0] not in _UNITS or suffix[1:] not in ("", "b", "ib"):
        return None
    return int(value * (1 << _UNITS[suffix[0]]))
