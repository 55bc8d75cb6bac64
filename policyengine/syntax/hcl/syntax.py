"""The syntax of HCL as typed values: bodies, attributes, blocks and expressions.

Every node holds the offsets `start` and `end` (code points, half-open) of its text in the source it was read from.
No node holds the text of a string: `Literal` and `NumberLiteral` are read by slicing the source, so that a tree may be
kept in a cache without keeping any value. Names of attributes, blocks, functions and variables are held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from policyengine.model.source import Source


class Literal(Struct, frozen=True):
    """A run of literal text: of a quoted string (escapes unresolved), a heredoc or a template file, never empty."""

    start: int
    end: int


class NumberLiteral(Struct, frozen=True):
    """A number; its text is at the span."""

    start: int
    end: int


class Keyword(Struct, frozen=True):
    """`true`, `false` or `null` as `value`."""

    start: int
    end: int
    value: bool | None


class Interpolation(Struct, frozen=True):
    """`${ value }`. `trim_left` and `trim_right` are its strip markers `~`."""

    start: int
    end: int
    value: Expression
    trim_left: bool = False
    trim_right: bool = False


class Directive(Struct, frozen=True):
    """The braces of one template directive, for their strip markers."""

    start: int
    end: int
    trim_left: bool = False
    trim_right: bool = False


class IfDirective(Struct, frozen=True):
    """`%{ if test }yes%{ else }no%{ endif }`. `marks` are the two or three directives in order."""

    start: int
    end: int
    test: Expression
    yes: tuple[Part, ...]
    no: tuple[Part, ...]
    marks: tuple[Directive, ...]


class ForDirective(Struct, frozen=True):
    """`%{ for key, value in collection }body%{ endfor }`; `key` is empty where there is none."""

    start: int
    end: int
    key: str
    value: str
    collection: Expression
    body: tuple[Part, ...]
    marks: tuple[Directive, ...]


Part = Literal | Interpolation | IfDirective | ForDirective


class TemplateExpression(Struct, frozen=True):
    """A string made of parts. The span excludes the quotes, unless the string is empty.

    `form` is `quoted`, `heredoc` (`<<EOT`), `trimmed` (`<<-EOT`) or `file` (a whole template file).
    """

    start: int
    end: int
    parts: tuple[Part, ...]
    form: str = "quoted"


class Name(Struct, frozen=True):
    """A bare name: the root of a reference, or the key of an object item."""

    start: int
    end: int
    name: str


class GetAttribute(Struct, frozen=True):
    """`.name`; the span is that of the name."""

    start: int
    end: int
    name: str


class GetIndex(Struct, frozen=True):
    """`[key]`, or the old form `.0`."""

    start: int
    end: int
    key: Expression


class Splat(Struct, frozen=True):
    """`[*]`, or `.*` where not `full`: the steps after it apply to each element.

    After `.*` only attributes and old-form indices do; the next bracket applies to the result.
    """

    start: int
    end: int
    full: bool


Step = GetAttribute | GetIndex | Splat


class Traversal(Struct, frozen=True):
    """A value and the steps into it: `module.db.hosts[0].name`."""

    start: int
    end: int
    root: Expression
    steps: tuple[Step, ...]


class Call(Struct, frozen=True):
    """A function call; `expand` tells that the last argument ends in `...`."""

    start: int
    end: int
    name: str
    arguments: tuple[Expression, ...]
    expand: bool = False


class Conditional(Struct, frozen=True):
    """`test ? yes : no`."""

    start: int
    end: int
    test: Expression
    yes: Expression
    no: Expression


class Unary(Struct, frozen=True):
    """`-operand` or `!operand`."""

    start: int
    end: int
    operator: str
    operand: Expression


class Operation(Struct, frozen=True):
    """An operator with its right operand."""

    start: int
    end: int
    operator: str
    right: Expression


class Binary(Struct, frozen=True):
    """A chain of operators of one precedence, evaluated from left to right."""

    start: int
    end: int
    left: Expression
    operations: tuple[Operation, ...]


class TupleExpression(Struct, frozen=True):
    """`[a, b]`."""

    start: int
    end: int
    items: tuple[Expression, ...]


class Item(Struct, frozen=True):
    """One `key = value` of an object. A bare `Name` as key is the literal word."""

    start: int
    end: int
    key: Expression
    value: Expression


class ObjectExpression(Struct, frozen=True):
    """`{ a = b }`."""

    start: int
    end: int
    items: tuple[Item, ...]


class ForTuple(Struct, frozen=True):
    """`[for key, value in collection : result if test]`."""

    start: int
    end: int
    key: str
    value: str
    collection: Expression
    result: Expression
    test: Expression | None


class ForObject(Struct, frozen=True):
    """`{for key, value in collection : name => result if test}`, grouped by name with `result...`."""

    start: int
    end: int
    key: str
    value: str
    collection: Expression
    name: Expression
    result: Expression
    grouped: bool
    test: Expression | None


class Parentheses(Struct, frozen=True):
    """`(inner)`."""

    start: int
    end: int
    inner: Expression


class Embedded(Struct, frozen=True):
    """An expression whose offsets count in another text, such as a JSON string with escapes. It is never cached."""

    start: int
    end: int
    source: Source
    inner: Expression


Expression = (
    Literal
    | NumberLiteral
    | Keyword
    | TemplateExpression
    | Name
    | Traversal
    | Call
    | Conditional
    | Unary
    | Binary
    | TupleExpression
    | ObjectExpression
    | ForTuple
    | ForObject
    | Parentheses
    | Embedded
)


class Attribute(Struct, frozen=True):
    """`name = value`; the span is that of the name."""

    start: int
    end: int
    name: str
    value: Expression


class Label(Struct, frozen=True):
    """A label of a block; the span excludes its quotes."""

    start: int
    end: int
    text: str


class NestedBlock(Struct, frozen=True):
    """A nested block; the span is that of its type name."""

    start: int
    end: int
    type: str
    labels: tuple[Label, ...]
    body: Body


class Body(Struct, frozen=True):
    """Attributes and blocks, in source order."""

    start: int
    end: int
    attributes: tuple[Attribute, ...]
    blocks: tuple[NestedBlock, ...]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name, or None."""
        return next((each for each in self.attributes if each.name == name), None)

    def nested(self, kind: str) -> tuple[NestedBlock, ...]:
        """The nested blocks of that type."""
        return tuple(block for block in self.blocks if block.type == kind)
