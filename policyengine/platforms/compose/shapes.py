"""What an attribute of a Compose file may be: shapes that check a value and print it as Docker Compose does.

`check` returns the first fault of a value, `print` the JSON value that `docker compose config --format json` has for
it, or `OMIT` where Go leaves the attribute out. A value that is not decided is never at fault.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Protocol, TypeAlias

from msgspec import Struct, field

from policyengine.model.source import ReadError
from policyengine.patterns import regex
from policyengine.platforms.compose.interpolate import boolean, decimal, integer
from policyengine.platforms.compose.located import (
    Branch,
    Items,
    Leaf,
    Moment,
    Node,
    Plain,
    go_text,
    shortest32,
    single,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


class Omit:
    """The attribute is left out."""


OMIT = Omit()
Printed: TypeAlias = Json | Omit

_NAMES = {"s": "string", "i": "integer", "n": "number", "b": "boolean", "0": "null", "m": "mapping", "l": "list"}


class ValueShape(Protocol):
    """What an attribute may be."""

    def check(self, node: Node, path: str) -> ReadError | None:
        """The first fault of the value, or None."""
        ...

    def print(self, node: Node, path: str) -> Printed:
        """The value as Docker Compose prints it.

        Raises:
            ReadError: Docker Compose cannot make a value of its type of it.
        """
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
    return ReadError(f"{path} must be a {wanted}", node.span, "see the Compose specification")


def refused(node: Node, path: str, what: str) -> ReadError:
    """The error for a value that has no meaning."""
    shown = go_text(node.value) if isinstance(node, Leaf) else "a collection"
    return ReadError(f"{path} is {shown!r}, which is no {what}", node.span, f"write a {what}")


class Atom(Struct, frozen=True):
    """A leaf: its JSON types, how it is printed, and what else is asked of it."""

    types: str
    printed: Callable[[Leaf, str], Printed]
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
                return fault(node, path, f"match for {self.pattern}")
        elif isinstance(node.value, int | float) and not isinstance(node.value, bool):
            if self.least is not None and node.value < self.least:
                return fault(node, path, f"number from {self.least:g}")
            if self.most is not None and node.value > self.most:
                return fault(node, path, f"number up to {self.most:g}")
        return None

    def print(self, node: Node, path: str) -> Printed:
        """See `ValueShape`."""
        if not isinstance(node, Leaf):
            raise refused(node, path, "scalar")
        return self.printed(node, path)


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
            return fault(node, path, "string or list" if self.alone else "list")
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

    def print(self, node: Node, path: str) -> Printed:
        """See `ValueShape`."""
        if isinstance(node, Leaf) and node.value is None:
            return OMIT
        items = node.items if isinstance(node, Items) else (node,)
        result: list[Json] = []
        for index, item in enumerate(items):
            value = self.item.print(item, f"{path}.{index}")
            result.append(_zero(value))
        return result or OMIT


def _repeated(node: Items, path: str) -> ReadError | None:
    seen: list[object] = []
    for item in node.items:
        if isinstance(item, Leaf):
            continue
        value = raw(item)
        if value in seen:
            return ReadError(f"{path} holds the same entry twice", item.span, "remove one of them")
        seen.append(value)
    return None


def _zero(value: Printed) -> Json:
    """A list element is printed even when it is empty."""
    return "" if isinstance(value, Omit) else value


class MapOf(Struct, frozen=True):
    """A mapping whose keys are anybody's choice. `null` tells that a value may be left empty and is printed so."""

    item: ValueShape
    keys: str = ""
    closed: bool = True
    null: bool = False

    def check(self, node: Node, path: str) -> ReadError | None:
        """See `ValueShape`."""
        if not isinstance(node, Branch):
            return fault(node, path, "mapping")
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

    def print(self, node: Node, path: str) -> Printed:
        """See `ValueShape`."""
        if not isinstance(node, Branch):
            return OMIT
        result: dict[str, Json] = {}
        for key, entry in node.entries.items():
            if isinstance(entry.node, Leaf) and entry.node.value is None and self.null:
                result[key] = None
                continue
            value = self.item.print(entry.node, f"{path}.{key}")
            result[key] = "" if isinstance(value, Omit) else value
        return result or OMIT


class Keyed(Struct, frozen=True):
    """A mapping with known keys, and `x-` keys unless `extensible` is False. `always` prints it even when empty."""

    fields: dict[str, ValueShape]
    required: tuple[str, ...] = ()
    extensible: bool = True
    null: bool = False
    open: bool = False
    extra: dict[str, Json] = field(default_factory=dict)

    def check(self, node: Node, path: str) -> ReadError | None:
        """See `ValueShape`."""
        if self.null and isinstance(node, Leaf) and node.value is None:
            return None
        if not isinstance(node, Branch):
            return fault(node, path, "mapping")
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

    def print(self, node: Node, path: str) -> Printed:
        """See `ValueShape`."""
        if isinstance(node, Leaf) and node.value is None:
            return OMIT
        if not isinstance(node, Branch):
            raise refused(node, path, "mapping")
        result: dict[str, Json] = dict(self.extra)
        for key, entry in node.entries.items():
            shape = self.fields.get(key)
            if shape is None:
                continue
            value = shape.print(entry.node, f"{path}.{key}" if path else key)
            if not isinstance(value, Omit):
                result[key] = value
        return result


class Either(Struct, frozen=True):
    """One of several shapes; printed by the last, which is the canonical one."""

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

    def print(self, node: Node, path: str) -> Printed:
        """See `ValueShape`."""
        return self.shapes[-1].print(node, path)


class Custom(Struct, frozen=True):
    """A shape to check with, and a function that prints."""

    shape: ValueShape
    printed: Callable[[Node, str], Printed]

    def check(self, node: Node, path: str) -> ReadError | None:
        """See `ValueShape`."""
        return self.shape.check(node, path)

    def print(self, node: Node, path: str) -> Printed:
        """See `ValueShape`."""
        return self.printed(node, path)


def raw(node: Node) -> Json:
    """A value as plain JSON."""
    if isinstance(node, Branch):
        return {key: raw(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Items):
        return [raw(item) for item in node.items]
    if isinstance(node.value, Moment):
        return moment_json(node.value)
    return node.value


def moment_json(value: Moment) -> str:
    """A timestamp as Go's JSON has it."""
    date, clock, offset = value.split(" ")[:3]
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
    return f"{date}T{clock}{zone}"


def print_string(leaf: Leaf, path: str) -> Printed:
    """A string; an integer counts as its decimal."""
    value = leaf.value
    if isinstance(value, Moment):
        raise refused(leaf, path, "string")
    if value is None or value == "":
        return OMIT
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise refused(leaf, path, "string")
    return str(value)


def print_any_string(leaf: Leaf, path: str) -> Printed:
    """Whatever the value is, as Go prints it."""
    del path
    return "" if leaf.value is None else go_text(leaf.value)


def print_bool(leaf: Leaf, path: str) -> Printed:
    """A flag that is left out when it is off."""
    value = print_flag(leaf, path)
    return value if value is True else OMIT


def print_flag(leaf: Leaf, path: str) -> Printed:
    """A flag that is printed either way."""
    value: Plain = leaf.value
    if isinstance(value, str):
        value = boolean(value)
    if leaf.value is None:
        return OMIT
    if not isinstance(value, bool):
        raise refused(leaf, path, "boolean")
    return value


def print_int(leaf: Leaf, path: str) -> Printed:
    """An integer that is left out when it is zero."""
    value = print_count(leaf, path)
    return value or OMIT


def print_count(leaf: Leaf, path: str) -> Printed:
    """An integer that is printed even when it is zero."""
    value: Plain = leaf.value
    if value is None:
        return OMIT
    if isinstance(value, str):
        value = integer(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(leaf, path, "integer")
    return int(value)


def print_unsigned(leaf: Leaf, path: str) -> Printed:
    """A count that cannot be negative; a string is none."""
    if isinstance(leaf.value, str) or (isinstance(leaf.value, int | float) and leaf.value < 0):
        raise refused(leaf, path, "count")
    return print_count(leaf, path)


def print_single(leaf: Leaf, path: str) -> Printed:
    """A number of 32 bits that is left out when it is zero."""
    value: Plain = leaf.value
    if value is None:
        return OMIT
    if isinstance(value, str):
        value = decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(leaf, path, "number")
    number: float = single(float(value))
    if number == 0:
        return OMIT
    shortest = float(shortest32(number))
    return int(shortest) if shortest == int(shortest) else shortest


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


def print_bytes(leaf: Leaf, path: str) -> Printed:
    """A size in bytes, printed as a string."""
    value: Plain = leaf.value
    if isinstance(value, str):
        value = size(value)
        if value is None:
            raise refused(leaf, path, "size")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value != 0 else OMIT


_DURATION = regex(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d|w)")
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 7 * 86400 * 10**9,
}


def duration(text: str) -> int | None:
    """Nanoseconds from `1m30s`, `2d`; None when it is no duration."""
    sign = -1 if text.startswith("-") else 1
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return 0
    total = 0
    at = 0
    while at < len(body):
        found = _DURATION.match(body, at)
        if found is None or len(found[1]) > 30:
            return None
        whole, _, part = found[1].partition(".")
        unit = _NANOSECONDS[found[2]]
        total += int(whole or 0) * unit + int(int(part or 0) * unit / 10 ** len(part))
        at = found.end()
    return sign * total if at and total < 2**63 else None


def shown_duration(nanoseconds: int) -> str:
    """A duration as Go prints it: `1m30s`, `1.5s`, `300ms`."""
    if nanoseconds == 0:
        return "0s"
    sign, left = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    for unit, scale in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if left < scale * 1000 and left < 10**9:
            return f"{sign}{_decimal(left, scale)}{unit}"
    hours, left = divmod(left, 3600 * 10**9)
    minutes, left = divmod(left, 60 * 10**9)
    text = f"{_decimal(left, 10**9)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    if hours:
        text = f"{hours}h{text}"
    return sign + text


def _decimal(value: int, scale: int) -> str:
    whole, part = divmod(value, scale)
    digits = str(part).rjust(len(str(scale)) - 1, "0").rstrip("0") if part else ""
    return f"{whole}.{digits}" if digits else str(whole)


def print_duration(leaf: Leaf, path: str) -> Printed:
    """A duration that is printed whenever it is given."""
    if leaf.value is None:
        return OMIT
    value = duration(go_text(leaf.value))
    if value is None:
        raise refused(leaf, path, "duration")
    return shown_duration(value)


def print_delay(leaf: Leaf, path: str) -> Printed:
    """A duration that is left out when it is zero."""
    value = print_duration(leaf, path)
    return OMIT if value == "0s" else value
