"""The syntax as plain tuples and back, for caches and worker processes: offsets and names, no text of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyengine.syntax.hcl import syntax

if TYPE_CHECKING:
    from msgspec import Struct

    from policyengine.syntax.hcl.syntax import Body, Expression

VERSION = "2"
"""Part of a cache's key: changes with the syntax and with how it is read."""

_KINDS: tuple[type[Struct], ...] = (
    syntax.Literal,
    syntax.NumberLiteral,
    syntax.Keyword,
    syntax.Interpolation,
    syntax.Directive,
    syntax.IfDirective,
    syntax.ForDirective,
    syntax.TemplateExpression,
    syntax.Name,
    syntax.GetAttribute,
    syntax.GetIndex,
    syntax.Splat,
    syntax.Traversal,
    syntax.Call,
    syntax.Conditional,
    syntax.Unary,
    syntax.Operation,
    syntax.Binary,
    syntax.TupleExpression,
    syntax.Item,
    syntax.ObjectExpression,
    syntax.ForTuple,
    syntax.ForObject,
    syntax.Parentheses,
    syntax.Attribute,
    syntax.Label,
    syntax.NestedBlock,
    syntax.Body,
)
_NUMBER = {kind: number for number, kind in enumerate(_KINDS)}
_FIELDS = {kind: kind.__struct_fields__ for kind in _KINDS}

Packed = tuple[Any, ...]


def encode(node: Body | Expression) -> Packed:
    """A node as nested tuples: its kind's number, then its fields; a tuple of nodes is a list."""
    kind = type(node)
    return (_NUMBER[kind], *[_encoded(getattr(node, name)) for name in _FIELDS[kind]])


def _encoded(value: Any) -> Any:  # noqa: ANN401 - any field of any node
    if isinstance(value, tuple):
        return [_encoded(each) for each in value]
    return encode(value) if type(value) in _NUMBER else value


def decode(data: Packed) -> Any:  # noqa: ANN401 - the node that was encoded
    """The node that `encode` gave as tuples."""
    return _KINDS[data[0]](*[_decoded(value) for value in data[1:]])


def _decoded(value: Any) -> Any:  # noqa: ANN401 - as above
    if type(value) is tuple:
        return decode(value)
    if type(value) is list:
        return tuple([_decoded(each) for each in value])
    return value
