"""The syntax tree of a CEL expression, out of the bytes in which the library gives it, and back into them.

The bytes are `google.protobuf.Any` around `cel.expr.ParsedExpr` (cel-spec, proto/cel/expr/syntax.proto). Only the
messages of that file are read, so that no protobuf library is needed.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANY = b"type.googleapis.com/cel.expr.ParsedExpr"
_VARINT, _FIXED64, _BYTES = 0, 1, 2
_TEXT_CONSTANT, _INT_CONSTANT, _NULL_CONSTANT = 6, 3, 1


class Constant(NamedTuple):
    """A literal, as its bytes."""

    number: int
    raw: bytes

    @classmethod
    def of(cls, number: int) -> Constant:
        """A whole number that is not negative."""
        return cls(0, b"\x18" + _varint(number))

    @property
    def value(self) -> object:
        """The text or number that it is; None for another literal."""
        for field, value in _fields(self.raw):
            if field == _TEXT_CONSTANT and isinstance(value, bytes):
                return value.decode()
            if field == _INT_CONSTANT and isinstance(value, int):
                return value if value < 1 << 63 else value - (1 << 64)
        return None

    @property
    def is_null(self) -> bool:
        """Whether it is `null`."""
        return any(field == _NULL_CONSTANT for field, _ in _fields(self.raw))


class Name(NamedTuple):
    """An identifier."""

    number: int
    name: str


class Select(NamedTuple):
    """`operand.field`; with `test` it is `has(operand.field)`."""

    number: int
    operand: Expression
    field: str
    test: bool = False


class Call(NamedTuple):
    """`function(arguments)` or `target.function(arguments)`; an operator is a function such as `_==_`."""

    number: int
    function: str
    arguments: tuple[Expression, ...]
    target: Expression | None = None


class Listing(NamedTuple):
    """`[a, b]`."""

    number: int
    elements: tuple[Expression, ...]


class Making(NamedTuple):
    """`{key: value}`, or a message with a `name`."""

    number: int
    name: str
    entries: tuple[tuple[int, Expression, Expression], ...]


class Fold(NamedTuple):
    """What `all`, `exists`, `exists_one`, `filter` and `map` are: a loop over a range."""

    number: int
    variable: str
    range: Expression
    total: str
    start: Expression
    condition: Expression
    step: Expression
    result: Expression


Expression = Constant | Name | Select | Call | Listing | Making | Fold


class Parsed(NamedTuple):
    """An expression, and where each part of it stands by its number: an offset in characters."""

    expression: Expression
    offsets: dict[int, int]


def decoded(raw: bytes) -> Parsed:
    """The tree in the bytes of a serialized expression that was parsed without check."""
    parsed = dict(_fields(_bytes(dict(_fields(raw))[2])))
    offsets = {}
    for field, value in _fields(_bytes(parsed.get(3, b""))):
        if field == 4:
            entry = dict(_fields(_bytes(value)))
            offsets[_int(entry.get(1, 0))] = _int(entry.get(2, 0))
    return Parsed(_expression(_bytes(parsed[2])), offsets)


def encoded(expression: Expression) -> bytes:
    """The bytes of an expression, for the library to read. Its parts are numbered anew."""
    parsed = _framed(2, _written(expression, count(1))) + _framed(3, b"")
    return _framed(1, _ANY) + _framed(2, parsed)


def _expression(raw: bytes) -> Expression:
    number, kind, inner = 0, 0, b""
    for field, value in _fields(raw):
        if field == 2:
            number = _int(value)
        else:
            kind, inner = field, _bytes(value)
    if kind == 3:
        return Constant(number, inner)
    parts: dict[int, list[int | bytes]] = {}
    for field, value in _fields(inner):
        parts.setdefault(field, []).append(value)

    def text(field: int) -> str:
        return _bytes(parts[field][0]).decode() if field in parts else ""

    def one(field: int) -> Expression:
        return _expression(_bytes(parts[field][0]))

    match kind:
        case 4:
            return Name(number, text(1))
        case 5:
            return Select(number, one(1), text(2), test=3 in parts)
        case 6:
            arguments = tuple(_expression(_bytes(each)) for each in parts.get(3, ()))
            return Call(number, text(2), arguments, one(1) if 1 in parts else None)
        case 7:
            return Listing(number, tuple(_expression(_bytes(each)) for each in parts.get(1, ())))
        case 8:
            return Making(number, text(1), tuple(_entry(_bytes(each)) for each in parts.get(2, ())))
        case _:
            return Fold(number, text(1), one(2), text(3), *(one(field) for field in (4, 5, 6, 7)))


def _entry(raw: bytes) -> tuple[int, Expression, Expression]:
    parts = dict(_fields(raw))
    key = _expression(_bytes(parts[3])) if 3 in parts else Name(0, _bytes(parts[2]).decode())
    return _int(parts.get(1, 0)), key, _expression(_bytes(parts[4]))


def _written(expression: Expression, numbers: Iterator[int]) -> bytes:
    def part(field: int, inner: Expression) -> bytes:
        return _framed(field, _written(inner, numbers))

    number = next(numbers)
    match expression:
        case Constant(_, raw):
            kind, inner = 3, raw
        case Name(_, name):
            kind, inner = 4, _framed(1, name.encode())
        case Select(_, operand, field, test):
            kind, inner = 5, part(1, operand) + _framed(2, field.encode()) + (b"\x18\x01" if test else b"")
        case Call(_, function, arguments, target):
            before = b"" if target is None else part(1, target)
            kind, inner = 6, before + _framed(2, function.encode()) + b"".join(part(3, each) for each in arguments)
        case Listing(_, elements):
            kind, inner = 7, b"".join(part(1, each) for each in elements)
        case Making(_, _, entries):
            made = (b"\x08" + _varint(next(numbers)) + part(3, key) + part(4, value) for _, key, value in entries)
            kind, inner = 8, b"".join(_framed(2, entry) for entry in made)
        case Fold():
            parts = (expression.start, expression.condition, expression.step, expression.result)
            kind, inner = 9, _framed(1, expression.variable.encode()) + part(2, expression.range)
            inner += _framed(3, expression.total.encode())
            inner += b"".join(part(field, each) for field, each in enumerate(parts, 4))
    return b"\x10" + _varint(number) + _framed(kind, inner)


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message by their numbers, as protobuf writes them (protobuf.dev, Encoding)."""
    at = 0
    while at < len(raw):
        tag, at = _number(raw, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _number(raw, at)
            yield tag >> 3, value
        elif kind == _BYTES:
            size, at = _number(raw, at)
            yield tag >> 3, raw[at : at + size]
            at += size
        else:
            size = 8 if kind == _FIXED64 else 4
            yield tag >> 3, raw[at : at + size]
            at += size


def _number(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def _framed(field: int, inner: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(inner)) + inner


def _bytes(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else b""


def _int(value: int | bytes) -> int:
    return value if isinstance(value, int) else 0
