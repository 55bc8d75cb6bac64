"""What an expression evaluates to, as far as the files decide it.

A `Tree` is a value of which any part may be Unknown, with the reason, or a `Reference` to what exists only after
`terraform apply`. Every tree knows the place where it stands in the end (`span`) and the steps it passed (`via`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.model.budget import Exhausted
from policyengine.model.value import Known, Unknown, Via, shortened
from policyengine.platforms.terraform.language.characters import normal
from policyengine.platforms.terraform.language.encodings import encode
from policyengine.platforms.terraform.language.kinds import ANY, CollectionKind, Kind, ObjectKind, TupleKind, unify
from policyengine.platforms.terraform.language.plain import Atom, Invalid, Plain, PlainSet, sort_key, to_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from policyengine.model.budget import Budget
    from policyengine.model.source import Span

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


class Composite(Struct, frozen=True, dict=True):
    """A string made of parts, in order: literal text and interpolated values, each with its own place."""

    parts: tuple[Known[str] | Unknown | Reference | Encoded, ...]
    span: Span
    via: tuple[Via, ...] = ()


class Encoded(Struct, frozen=True, dict=True):
    """A string that is the encoding of `tree` in `form` (`json`, `yaml`, `base64`), kept as the tree."""

    tree: Tree
    form: str
    span: Span
    via: tuple[Via, ...] = ()


class List(Struct, frozen=True, dict=True):
    """A list, tuple or (then `unordered`) set. `gap` says why there may be more elements than listed.

    `element` is the type of the elements of a list or set, None for a tuple, where each has its own.
    """

    items: tuple[Tree, ...]
    span: Span
    via: tuple[Via, ...] = ()
    unordered: bool = False
    gap: Unknown | None = None
    element: Kind | None = None


class Object(Struct, frozen=True, dict=True):
    """An object or map. `keys` holds the place of each key; `gap` says why there may be more entries than listed.

    `hidden` are the keys that are made of a secret.
    `element` is the type of the values of a map, None for an object, where each has its own.
    """

    entries: Mapping[str, Tree]
    span: Span
    via: tuple[Via, ...] = ()
    keys: Mapping[str, Span] = field(default_factory=dict)
    gap: Unknown | None = None
    element: Kind | None = None
    hidden: frozenset[str] = frozenset()


class InstanceTree(Struct, frozen=True, eq=False):
    """A whole resource, data source or module; attributes are looked up on demand.

    `whole` gives all of them as an object; it is None where not all can be listed, as of a resource.
    """

    address: str
    span: Span
    look: Callable[[str, Span], Tree]
    via: tuple[Via, ...] = ()
    whole: Callable[[], Tree] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InstanceTree) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[str, Span, tuple[Via, ...]]:
        return self.address, self.span, self.via


Tree = Known[Atom] | Unknown | Reference | Composite | Encoded | List | Object | InstanceTree

T = TypeVar("T", bound=Tree)


def through(tree: T, *steps: Via) -> T:
    """The same value after it passed `steps`, the one nearest to the user first."""
    if not steps:
        return tree
    return replace(tree, via=shortened((*steps, *tree.via), LONGEST_HISTORY))


def null(tree: Tree) -> bool:
    """Whether a value is null for certain."""
    return isinstance(tree, Known) and tree.value is None


def whole(tree: Tree) -> Tree:
    """The tree; a module as the object of its outputs."""
    return tree.whole() if isinstance(tree, InstanceTree) and tree.whole is not None else tree


def unknown_of(tree: Tree) -> Unknown:
    """Why a tree is not decided, for one that is not."""
    match tree:
        case Unknown():
            return tree
        case Reference(span=span, via=via):
            return Unknown(f"{tree.text} is known only after apply", span, via)
        case InstanceTree(whole=outputs) if outputs is not None:
            return unknown_of(outputs())
        case InstanceTree(address, span, via=via):
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
        case InstanceTree(whole=outputs) if outputs is not None:
            return decided(outputs())
        case _:
            return False


def plain(tree: Tree) -> Plain:
    """A tree of which every part is known as plain data."""
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
        case InstanceTree(whole=outputs) if outputs is not None:
            return plain(outputs())
        case _:
            raise AssertionError(tree)


def encoded_text(tree: Encoded) -> str:
    """The text of an encoding of a tree of which every part is known."""
    return encode(plain(tree.tree), tree.form)


DEEPEST = 100
"""Values within values."""


def weigh(budget: Budget, *trees: Tree, times: int = 1) -> None:
    """Count the steps of going so many times through values as they are written out, whatever their parts share.

    Raises:
        Exhausted: there are no more, or a value is nested deeper than `DEEPEST`.
    """
    for tree in trees:
        parts, letters, depth = _measured(tree)
        if depth > DEEPEST:
            raise Exhausted
        budget.spend((parts + letters // 16) * times)


def _measured(tree: Tree, depth: int = 0) -> tuple[int, int, int]:
    """The parts, the letters and the depth of a value as it is written out; a compound one keeps its own."""
    match tree:
        case Known(str() as text):
            return 1, len(text), 0
        case List() | Object() | Composite() | Encoded():
            found: tuple[int, int, int] | None = tree.__dict__.get(_MEASURED)
            if found is None:
                found = tree.__dict__[_MEASURED] = _sum(tree, depth)
            return found
        case InstanceTree(whole=outputs) if outputs is not None and depth <= DEEPEST:
            parts, letters, within = _measured(outputs(), depth + 1)
            return parts + 1, letters, within + 1
        case _:
            return 1, 0, 0


def _sum(tree: List | Object | Composite | Encoded, depth: int) -> tuple[int, int, int]:
    if depth > DEEPEST:
        raise Exhausted
    match tree:
        case List(items):
            inner: Iterable[Tree] = items
        case Object(entries):
            inner = entries.values()
        case Composite(pieces):
            inner = pieces
        case Encoded(one):
            parts, letters, within = _measured(one, depth + 1)
            return parts + 1, letters * 2, within + 1  # each encoding escapes the one within
    measured = [_measured(each, depth + 1) for each in inner]
    return (
        1 + sum(each[0] for each in measured),
        sum(each[1] for each in measured),
        1 + max((each[2] for each in measured), default=-1),
    )


_MEASURED = "measured"


def tree_of(value: Plain, span: Span, via: tuple[Via, ...] = ()) -> Tree:
    """Plain data as a tree whose every part stands at `span`."""
    match value:
        case list():
            items = tuple(tree_of(each, span, via) for each in value)
            return as_set(items, span, via) if isinstance(value, PlainSet) else List(items, span, via)
        case dict():
            return Object({key: tree_of(each, span, via) for key, each in value.items()}, span, via)
        case str():
            return Known(normal(value), span, via)
        case _:
            return Known(value, span, via)


def history(*trees: Tree) -> tuple[Via, ...]:
    """The steps that several values passed, without repetition; of what collections hold, those that make it secret."""
    found: dict[Via, None] = {}
    for tree in trees:
        found.update(dict.fromkeys(tree.via))
        if isinstance(tree, Composite):
            found.update(dict.fromkeys(step for part in tree.parts for step in part.via))
        found.update(dict.fromkeys(secret_steps(tree)))
    return shortened(tuple(found), LONGEST_HISTORY)


def secret_steps(tree: Tree) -> Iterator[Via]:
    """The steps that make any part of a value secret."""
    match tree:
        case List(items):
            parts: Iterable[Tree] = items
        case Object(entries):
            parts = entries.values()
        case Composite(pieces):
            parts = pieces
        case Encoded(inner):
            parts = (inner,)
        case _:
            return
    for part in parts:
        yield from (step for step in part.via if step.secret)
        yield from secret_steps(part)


_MOST_COMPARED = 200
"""Elements of a set that are compared with each other where some are not known."""


def kind_of(tree: Tree) -> Kind:
    """The type of a value, `any` where it is not known."""
    match tree:
        case Known(value):
            return "bool" if isinstance(value, bool) else "string" if isinstance(value, str) else _number_or_null(value)
        case Composite() | Encoded():
            return "string"
        case List(items, unordered=unordered, gap=gap, element=element):
            if element is not None:
                return CollectionKind("set" if unordered else "list", element)
            return TupleKind(tuple(map(kind_of, items))) if gap is None else ANY
        case Object(entries, gap=gap, element=element):
            if element is not None:
                return CollectionKind("map", element)
            return ObjectKind({key: kind_of(each) for key, each in entries.items()}) if gap is None else ANY
        case _:
            return ANY


def _number_or_null(value: Atom) -> Kind:
    return ANY if value is None else "number"


def as_set(
    items: Sequence[Tree],
    span: Span,
    via: tuple[Via, ...] = (),
    gap: Unknown | None = None,
    element: Kind | None = None,
) -> List:
    """A set of the items: sorted, without duplicates; an unknown one that may be a duplicate becomes the gap.

    `element` is their type, where it is not the one that they have.
    """
    if element is None:
        element = unify([kind_of(item) for item in items]) or ANY
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
    return List((*ordered, *open_), span, via, unordered=True, gap=gap, element=element)


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


def key_of(tree: Object, key: str) -> Tree:
    """A key of an object as a value, which is made of a secret where the key is."""
    place = tree.keys.get(key, tree.span)
    return Known(key, place, (Via("key", place, secret=True), *tree.via) if key in tree.hidden else tree.via)


def elements(tree: Tree) -> Iterator[tuple[Tree, Tree]]:
    """The keys and values that `for` sees of a collection; none for one that is not known. Raises Invalid."""
    match tree:
        case List(items, span, via, unordered=unordered):
            for index, item in enumerate(items):
                yield (item if unordered else Known(index, span, via)), through(item, *via)
        case Object(entries, via=via):
            for key in sorted(entries, key=lambda key: key.encode("utf-8", "surrogatepass")):
                yield key_of(tree, key), through(entries[key], *via)
        case InstanceTree(whole=outputs) if outputs is not None:
            yield from elements(outputs())
        case Known(None):
            raise Invalid("null is no collection")
        case Known() | Composite() | Encoded():
            raise Invalid("a string, number or bool is no collection")
        case _:
            return


def gap_of(tree: Tree) -> Unknown | None:
    """Why a collection may hold more than it lists."""
    return tree.gap if isinstance(tree, List | Object) else None


def relocated(tree: Tree, path: str, span: Span) -> Tree:
    """A tree in which `span` is the place of all that stands in a text that is no file, such as a JSON string."""
    if tree.span.path != path:
        return tree
    match tree:
        case List(items):
            return replace(tree, items=tuple(relocated(each, path, span) for each in items), span=span)
        case Object(entries):
            moved = {key: relocated(each, path, span) for key, each in entries.items()}
            return replace(tree, entries=moved, span=span, keys={})
        case _:
            return replace(tree, span=span)


Piece = Known[str] | Unknown | Reference | Encoded


def pieces_of(tree: Tree) -> Iterator[Piece]:
    """A value as parts of a string. Raises Invalid for what is no string."""
    match tree:
        case Known(str()):
            yield tree  # type: ignore[misc]
        case Known(value, place, via):
            yield Known(to_string(value), place, via)
        case Composite(parts, _, via):
            for part in parts:
                yield through(part, *via)
        case Unknown() | Reference() | Encoded():
            yield tree
        case InstanceTree():
            yield unknown_of(tree)
        case List() | Object():
            raise Invalid("a collection is no string")
