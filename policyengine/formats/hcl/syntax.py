"""The syntax of HCL as typed values: bodies, attributes, blocks and expressions.

Every node holds the offsets `start` and `end` (code points, half-open) of its text in the source it was read from.
No node holds the text of a string: `Text` and `Number` are read by slicing the source, so that a tree may be kept in
a cache without keeping any value. Names of attributes, blocks, functions and variables are held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policyengine.source import Source


@dataclass(frozen=True, slots=True)
class Text:
    """A run of literal text: of a quoted string (escapes unresolved), a heredoc or a template file, never empty."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number; its text is at the span."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Keyword:
    """`true`, `false` or `null` as `value`."""

    start: int
    end: int
    value: bool | None


@dataclass(frozen=True, slots=True)
class Interpolation:
    """`${ value }`. `trim_left` and `trim_right` are its strip markers `~`."""

    start: int
    end: int
    value: Expression
    trim_left: bool = False
    trim_right: bool = False


@dataclass(frozen=True, slots=True)
class Directive:
    """The braces of one template directive, for their strip markers."""

    start: int
    end: int
    trim_left: bool = False
    trim_right: bool = False


@dataclass(frozen=True, slots=True)
class IfDirective:
    """`%{ if test }yes%{ else }no%{ endif }`. `marks` are the two or three directives in order."""

    start: int
    end: int
    test: Expression
    yes: tuple[Part, ...]
    no: tuple[Part, ...]
    marks: tuple[Directive, ...]


@dataclass(frozen=True, slots=True)
class ForDirective:
    """`%{ for key, value in collection }body%{ endfor }`; `key` is empty where there is none."""

    start: int
    end: int
    key: str
    value: str
    collection: Expression
    body: tuple[Part, ...]
    marks: tuple[Directive, ...]


Part = Text | Interpolation | IfDirective | ForDirective


@dataclass(frozen=True, slots=True)
class Template:
    """A string made of parts. The span excludes the quotes, unless the string is empty.

    `form` is `quoted`, `heredoc` (`<<EOT`), `trimmed` (`<<-EOT`) or `file` (a whole template file).
    """

    start: int
    end: int
    parts: tuple[Part, ...]
    form: str = "quoted"


@dataclass(frozen=True, slots=True)
class Name:
    """A bare name: the root of a reference, or the key of an object item."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class GetAttribute:
    """`.name`; the span is that of the name."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class GetIndex:
    """`[key]`, or the old form `.0`."""

    start: int
    end: int
    key: Expression


@dataclass(frozen=True, slots=True)
class Splat:
    """`[*]`, or `.*` where not `full`: the steps after it apply to each element.

    After `.*` only attributes and old-form indices do; the next bracket applies to the result.
    """

    start: int
    end: int
    full: bool


Step = GetAttribute | GetIndex | Splat


@dataclass(frozen=True, slots=True)
class Traversal:
    """A value and the steps into it: `module.db.hosts[0].name`."""

    start: int
    end: int
    root: Expression
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; `expand` tells that the last argument ends in `...`."""

    start: int
    end: int
    name: str
    arguments: tuple[Expression, ...]
    expand: bool = False


@dataclass(frozen=True, slots=True)
class Conditional:
    """`test ? yes : no`."""

    start: int
    end: int
    test: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True, slots=True)
class Unary:
    """`-operand` or `!operand`."""

    start: int
    end: int
    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator with its right operand."""

    start: int
    end: int
    operator: str
    right: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """A chain of operators of one precedence, evaluated from left to right."""

    start: int
    end: int
    left: Expression
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Tuple:
    """`[a, b]`."""

    start: int
    end: int
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One `key = value` of an object. A bare `Name` as key is the literal word."""

    start: int
    end: int
    key: Expression
    value: Expression


@dataclass(frozen=True, slots=True)
class Object:
    """`{ a = b }`."""

    start: int
    end: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class ForTuple:
    """`[for key, value in collection : result if test]`."""

    start: int
    end: int
    key: str
    value: str
    collection: Expression
    result: Expression
    test: Expression | None


@dataclass(frozen=True, slots=True)
class ForObject:
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


@dataclass(frozen=True, slots=True)
class Parentheses:
    """`(inner)`."""

    start: int
    end: int
    inner: Expression


@dataclass(frozen=True, slots=True)
class Embedded:
    """An expression whose offsets count in another text, such as a JSON string with escapes. It is never cached."""

    start: int
    end: int
    source: Source
    inner: Expression


Expression = (
    Text
    | Number
    | Keyword
    | Template
    | Name
    | Traversal
    | Call
    | Conditional
    | Unary
    | Binary
    | Tuple
    | Object
    | ForTuple
    | ForObject
    | Parentheses
    | Embedded
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """`name = value`; the span is that of the name."""

    start: int
    end: int
    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a block; the span excludes its quotes."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A nested block; the span is that of its type name."""

    start: int
    end: int
    type: str
    labels: tuple[Label, ...]
    body: Body


@dataclass(frozen=True, slots=True)
class Body:
    """Attributes and blocks, in source order."""

    start: int
    end: int
    attributes: tuple[Attribute, ...]
    blocks: tuple[Block, ...]

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name, or None."""
        return next((each for each in self.attributes if each.name == name), None)

    def nested(self, kind: str) -> tuple[Block, ...]:
        """The nested blocks of that type."""
        return tuple(block for block in self.blocks if block.type == kind)
