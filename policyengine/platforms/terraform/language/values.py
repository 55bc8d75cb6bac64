"""What an expression evaluates to, as far as the files decide it.

A `Tree` is a value of which any part may be Unknown, with the reason, or a `Reference` to what exists only after
`terraform apply`. Every tree knows the place where it stands in the end (`span`) and the steps it passed (`via`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.model.value import Known, Unknown, Via
from policyengine.platforms.terraform.language.numbers import Number, TooLarge, format_number, parse_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyengine.model.source import Span

Atom = str | bool | Number | None

LONGEST_HISTORY = 24
"""So many steps of a value's history are kept, those nearest to its user."""


class Reference(Struct, frozen=True):
    """An attribute that exists only after apply, such as `aws_db_instance.main.address`.

    `address` names the resource with its module path and instance key, `attribute` is the rest (`address`,
    `master_user_secret[0].secret_arn`), possibly empty.
    """

    address: str
    attribute: str
    span: Span
    via: tuple[Via, ...] = ()

    @property
    def text(self) -> str:
        """The reference as Terraform writes it."""
        return f"{self.address}.{self.attribute}" if self.attribute else self.address


class Composite(Struct, frozen=True):
    """A string made of parts, in order: literal text and interpolated values, each with its own place."""

    parts: tuple[Known[str] | Unknown | Reference | Encoded, ...]
    span: Span
    via: tuple[Via, ...] = ()


class Encoded(Struct, frozen=True):
    """A string that is the encoding of `tree` in `form` (`json`, `yaml`, `base64`), kept as the tree."""

    tree: Tree
    form: str
    span: Span
    via: tuple[Via, ...] = ()


class List(Struct, frozen=True):
    """A list, tuple or (then `unordered`) set. `gap` says why there may be more elements than listed."""

    items: tuple[Tree, ...]
    span: Span
    via: tuple[Via, ...] = ()
    unordered: bool = False
    gap: Unknown | None = None


class Object(Struct, frozen=True):
    """An object or map. `keys` holds the place of each key; `gap` says why there may be more entries than listed."""

    entries: Mapping[str, Tree]
    span: Span
    via: tuple[Via, ...] = ()
    keys: Mapping[str, Span] = field(default_factory=dict)
    gap: Unknown | None = None


class Instance(Struct, frozen=True, eq=False):
    """A whole resource, data source or module; attributes are looked up on demand.

    `whole` gives all of them as an object; it is None where not all can be listed, as of a resource.
    """

    address: str
    span: Span
    look: Callable[[str, Span], Tree]
    via: tuple[Via, ...] = ()
    whole: Callable[[], Tree] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Instance) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str, Span, tuple[Via, ...]]:
        return self.address, self.span, self.via


Tree = Known[Atom] | Unknown | Reference | Composite | Encoded | List | Object | Instance

Plain = str | bool | Number | None | list["Plain"] | dict[str, "Plain"]

T = TypeVar("T", bound=Tree)


class Undecided(Exception):  # noqa: N818 - no error
    """The files do not decide a value that a computation needs; `unknown` says why."""

    def __init__(self, unknown: Unknown) -> None:
        super().__init__(unknown.reason)
        self.unknown = unknown


class Invalid(Exception):  # noqa: N818 - said of the expression
    """Terraform would refuse the expression: the reason."""


class PlainSet(list["Plain"]):
    """A set as a sorted list without duplicates."""


def through(tree: T, *steps: Via) -> T:
    """The same value after it passed `steps`, the one nearest to the user first."""
    if not steps:
        return tree
    return replace(tree, via=(*steps, *tree.via)[:LONGEST_HISTORY])


def whole(tree: Tree) -> Tree:
    """The tree; a module as the object of its outputs."""
    return tree.whole() if isinstance(tree, Instance) and tree.whole is not None else tree


def unknown_of(tree: Tree) -> Unknown:
    """Why a tree is not decided, for one that is not."""
    match tree:
        case Unknown():
            return tree
        case Reference(span=span, via=via):
            return Unknown(f"{tree.text} is known only after apply", span, via)
        case Instance(whole=outputs) if outputs is not None:
            return unknown_of(outputs())
        case Instance(address, span, via=via):
            return Unknown(f"{address} is known only after apply", span, via)
        case Composite(parts, span):
            for part in parts:
                if not decided(part):
                    return unknown_of(part)
            return Unknown("the value is not known", span)
        case Encoded(inner):
            return unknown_of(inner)
        case List(items, span, gap=gap):
            return gap or next((unknown_of(each) for each in items if not decided(each)), Unknown("not known", span))
        case Object(entries, span, gap=gap):
            found = (unknown_of(each) for each in entries.values() if not decided(each))
            return gap or next(found, Unknown("not known", span))
        case Known(_, span, via):
            return Unknown("the value does not fit", span, via)


def decided(tree: Tree) -> bool:
    """Whether every part of a tree is Known."""
    match tree:
        case Known():
            return True
        case Composite(parts):
            return all(map(decided, parts))
        case Encoded(inner):
            return decided(inner)
        case List(items, gap=None):
            return all(map(decided, items))
        case Object(entries, gap=None):
            return all(map(decided, entries.values()))
        case Instance(whole=outputs) if outputs is not None:
            return decided(outputs())
        case _:
            return False


def plain(tree: Tree) -> Plain:
    """The value as plain data. Raises Undecided where a part of it is not known."""
    match tree:
        case Known(value):
            return value
        case Composite(parts) if all(map(decided, parts)):
            return "".join(str(plain(part)) for part in parts)
        case Encoded():
            return encoded_text(tree)
        case List(items, gap=None, unordered=unordered):
            values = [plain(each) for each in items]
            return PlainSet(values) if unordered else values
        case Object(entries, gap=None):
            return {key: plain(each) for key, each in entries.items()}
        case Instance(whole=outputs) if outputs is not None:
            return plain(outputs())
        case _:
            raise Undecided(unknown_of(tree))


def encoded_text(tree: Encoded) -> str:
    """The text of an encoding. Raises Undecided."""
    from policyengine.platforms.terraform.language.functions import encode  # noqa: PLC0415 - functions build on values

    return encode(plain(tree.tree), tree.form)


def tree_of(value: Plain, span: Span, via: tuple[Via, ...] = ()) -> Tree:
    """Plain data as a tree whose every part stands at `span`."""
    match value:
        case list():
            items = tuple(tree_of(each, span, via) for each in value)
            return List(items, span, via, unordered=isinstance(value, PlainSet))
        case dict():
            return Object({key: tree_of(each, span, via) for key, each in value.items()}, span, via)
        case _:
            return Known(value, span, via)


def history(*trees: Tree) -> tuple[Via, ...]:
    """The steps that several values passed, without repetition."""
    found: dict[Via, None] = {}
    for tree in trees:
        found.update(dict.fromkeys(tree.via))
        if isinstance(tree, Composite):
            found.update(dict.fromkeys(step for part in tree.parts for step in part.via))
    return tuple(found)[:LONGEST_HISTORY]


# conversions


def to_string(value: Plain) -> str:
    """A primitive value as a string. Raises Invalid for null and collections."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | Fraction():
            return format_number(value)
        case None:
            raise Invalid("null is no string")
        case _:
            raise Invalid("a collection is no string")


def to_number(value: Plain) -> Number:
    """A primitive value as a number. Raises Invalid."""
    match value:
        case bool():
            raise Invalid("a bool is no number")
        case int() | Fraction():
            return value
        case str():
            try:
                number = parse_number(value)
            except TooLarge:
                raise Invalid("a number is too large") from None
            if number is None:
                raise Invalid("a string is no number")
            return number
        case None:
            raise Invalid("null is no number")
        case _:
            raise Invalid("a collection is no number")


def to_bool(value: Plain) -> bool:
    """A primitive value as a bool. Raises Invalid."""
    match value:
        case bool():
            return value
        case "true":
            return True
        case "false":
            return False
        case _:
            raise Invalid("a value is no bool")


def is_number(value: object) -> bool:
    """Whether a plain value is a number."""
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def equal(one: Plain, other: Plain) -> bool:
    """Whether two plain values are equal as Terraform's `==` sees it: of the same type, and the same."""
    if isinstance(one, bool) or isinstance(other, bool):
        return isinstance(one, bool) and isinstance(other, bool) and one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(equal(here, there) for here, there in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if is_number(one) and is_number(other):
        return one == other
    return type(one) is type(other) and one == other


def sort_key(value: Plain) -> tuple[int, object]:
    """The order in which sets are listed: by kind, strings by code points of their UTF-8 form."""
    match value:
        case bool():
            return (1, value)
        case int() | Fraction():
            return (2, value)
        case str():
            return (3, value.encode("utf-8", "surrogatepass"))
        case None:
            return (0, 0)
        case list():
            return (4, repr([sort_key(each) for each in value]))
        case dict():
            return (5, repr(sorted((key, sort_key(each)) for key, each in value.items())))


_MOST_COMPARED = 200
"""Elements of a set that are compared with each other where some are not known."""


def as_set(items: Sequence[Tree], span: Span, via: tuple[Via, ...] = (), gap: Unknown | None = None) -> List:
    """A set of the items: sorted, without duplicates; an unknown one that may be a duplicate becomes the gap."""
    found: dict[tuple[int, object], Tree] = {}
    open_: list[Tree] = []
    for item in items:
        if decided(item):
            found.setdefault(sort_key(plain(item)), item)
        elif len(items) <= _MOST_COMPARED and all(_apart(item, other) for other in items if other is not item):
            open_.append(item)
        else:
            gap = gap or unknown_of(item)
    ordered = [found[key] for key in sorted(found, key=lambda key: (key[0], key[1]))]
    return List((*ordered, *open_), span, via, unordered=True, gap=gap)


def _apart(one: Tree, other: Tree) -> bool:
    """Whether two elements of a set differ whatever they turn out to be: objects that differ in a known entry."""
    if not isinstance(one, Object) or not isinstance(other, Object):
        return False
    return any(
        isinstance(here := one.entries[key], Known)
        and isinstance(there := other.entries[key], Known)
        and here.value != there.value
        for key in one.entries.keys() & other.entries.keys()
    )


def elements(tree: Tree) -> Iterator[tuple[Tree, Tree]]:
    """The keys and values that `for` sees. Raises Undecided for an unknown collection, Invalid for no collection."""
    match tree:
        case List(items, span, via, unordered=unordered):
            for index, item in enumerate(items):
                yield (item if unordered else Known(index, span, via)), through(item, *via)
        case Object(entries, span, via, keys):
            for key in sorted(entries, key=lambda key: key.encode("utf-8", "surrogatepass")):
                yield Known(key, keys.get(key, span), via), through(entries[key], *via)
        case Instance(whole=outputs) if outputs is not None:
            yield from elements(outputs())
        case Known(None):
            raise Invalid("null is no collection")
        case Known() | Composite() | Encoded():
            raise Invalid("a string, number or bool is no collection")
        case _:
            raise Undecided(unknown_of(tree))


def gap_of(tree: Tree) -> Unknown | None:
    """Why a collection may hold more than it lists."""
    return tree.gap if isinstance(tree, List | Object) else None
