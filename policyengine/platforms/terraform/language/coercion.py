"""Values of one type as values of another, as Terraform converts them by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from msgspec.structs import replace

from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.kinds import (
    ANY,
    CollectionKind,
    Kind,
    ObjectKind,
    TupleKind,
    unify,
)
from policyengine.platforms.terraform.language.plain import Atom, Invalid, equal, to_bool, to_number, to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    InstanceTree,
    List,
    Object,
    Reference,
    Tree,
    as_set,
    decided,
    history,
    kind_of,
    null,
    plain,
    through,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.model.source import Span


@overload
def convert(tree: List, kind: CollectionKind) -> List: ...


@overload
def convert(tree: Tree, kind: Kind) -> Tree: ...


def convert(tree: Tree, kind: Kind) -> Tree:
    """A value as one of another type. What is not known stays as it is. Raises Invalid where it cannot become one."""
    if isinstance(tree, InstanceTree) and not isinstance(kind, str) and isinstance(found := whole(tree), Object):
        tree = through(found, *tree.via)
    if kind == ANY or isinstance(tree, Unknown | Reference | InstanceTree) or null(tree):
        return tree
    match tree, kind:
        case List(), CollectionKind("list" | "set" as form, element):
            items, element = _elements(tree.items, tree.element, element)
            if form == "set":
                return as_set(items, tree.span, tree.via, tree.gap, element)
            return List(items, tree.span, tree.via, gap=tree.gap, element=element)
        case Object(), CollectionKind("map", element):
            values, element = _elements(tuple(tree.entries.values()), tree.element, element)
            return replace(tree, entries=dict(zip(tree.entries, values, strict=True)), element=element)
        case List(unordered=False), TupleKind(kinds) if len(kinds) == len(tree.items):
            pairs = zip(tree.items, kinds, strict=True)
            return List(tuple(convert(item, each) for item, each in pairs), tree.span, tree.via)
        case Object(), ObjectKind():
            return _object(tree, kind)
        case ((Known() | Composite() | Encoded()), str()):
            return _primitive(tree, kind)
        case _:
            raise Invalid(f"a value is no {kind if isinstance(kind, str) else 'value of the type it should have'}")


def _elements(items: Sequence[Tree], given: Kind | None, wanted: Kind) -> tuple[tuple[Tree, ...], Kind]:
    """Elements as ones of the wanted type, and that type: with `any`, the one that they share. Raises Invalid."""
    if wanted == ANY:
        if given is not None:
            return tuple(items), given
        kinds = [kind_of(item) for item in items]
        found = unify(kinds)
        if found is None or (found == ANY and set(map(repr, kinds)) - {repr(ANY)} and all(map(decided, items))):
            raise Invalid("elements have no type in common")
        wanted = found
    return tuple(convert(item, wanted) for item in items), wanted


def _primitive(tree: Known[Atom] | Composite | Encoded, name: str) -> Tree:
    if not isinstance(tree, Known):
        if name == "string" or not decided(tree):
            return tree
        return _primitive(Known(to_string(plain(tree)), tree.span, history(tree)), name)
    match name:
        case "string":
            return tree if isinstance(tree.value, str) else Known(to_string(tree.value), tree.span, tree.via)
        case "number":
            return Known(to_number(tree.value), tree.span, tree.via)
        case _:
            return Known(to_bool(tree.value), tree.span, tree.via)


def _object(tree: Object, kind: ObjectKind) -> Object:
    """The attributes of an object type; the default of `optional` where one is missing or null. Raises Invalid."""
    entries: dict[str, Tree] = {}
    for name, wanted in kind.attributes.items():
        given = tree.entries.get(name)
        default = kind.optional.get(name)
        if given is None and tree.gap is not None:
            entries[name] = through(tree.gap, *tree.via)
        elif default is not None and (given is None or null(given)):
            entries[name] = convert(default, wanted)
        elif given is not None:
            entries[name] = convert(given, wanted)
        elif name in kind.optional:
            entries[name] = Known(None, tree.span, tree.via)
        else:
            raise Invalid(f"an object has no attribute {name!r}")
    return Object(entries, tree.span, tree.via, tree.keys, hidden=tree.hidden)


def unified(value: Tree, other: Tree) -> Tree:
    """A value as one of the type that it shares with another one, as the branches of a condition. Raises Invalid."""
    kinds = kind_of(value), kind_of(other)
    if ANY in kinds or kinds[0] == kinds[1]:
        return value
    kind = unify(kinds)
    if kind is not None:
        return convert(value, kind)
    if decided(value) and decided(other):
        raise Invalid("the branches of a condition have no type in common")
    return value


def same(one: Tree, other: Tree, span: Span) -> Known[bool] | Unknown:
    """Whether two values of which every part is known are equal: of the same type, and the same."""
    here, there = plain(one), plain(other)
    if null(one) or null(other):
        return Known(null(one) and null(other), span)
    result = kind_of(one) == kind_of(other) and equal(here, there)
    if result and _holds_null(one):
        return Unknown("the type of a null within a value is not followed", span)
    return Known(result, span)


def _holds_null(tree: Tree) -> bool:
    match tree:
        case List(items):
            return any(null(each) or _holds_null(each) for each in items)
        case Object(entries):
            return any(null(each) or _holds_null(each) for each in entries.values())
        case _:
            return False
