"""The types of Terraform's values, and the one type that values of several types become together.

A primitive type is its name; `any` stands for a type that is not known: of `null`, of what exists only after apply.
Source: the packages cty and cty/convert of https://github.com/zclconf/go-cty, read on 2026-11-30.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyengine.platforms.terraform.language.values import Tree


class CollectionKind(Struct, frozen=True):
    """A `list`, `set` or `map` (its `form`), whose elements are of one type."""

    form: str
    element: Kind


class TupleKind(Struct, frozen=True):
    """A tuple, with the type of each element."""

    elements: tuple[Kind, ...]


class ObjectKind(Struct, frozen=True):
    """An object, with the type of each attribute; as a type constraint, with those that are optional, and defaults."""

    attributes: Mapping[str, Kind]
    optional: Mapping[str, Tree | None] = field(default_factory=dict)


Kind = str | CollectionKind | TupleKind | ObjectKind

ANY = "any"
STRINGS = CollectionKind("list", "string")
ANY_LIST = CollectionKind("list", ANY)


def collection(kind: Kind, form: str) -> bool:
    """Whether a type is that of a `list`, `set` or `map`."""
    return isinstance(kind, CollectionKind) and kind.form == form


def convertible(kind: Kind, wanted: Kind) -> bool:
    """Whether values of a type may become values of another one, as far as types tell."""
    if kind == wanted or ANY in (kind, wanted):
        return True
    match kind, wanted:
        case str(), str():
            return "string" in (kind, wanted)
        case CollectionKind(form, element), CollectionKind(other, inner):
            return (form == "map") is (other == "map") and convertible(element, inner)
        case TupleKind(elements), CollectionKind("list" | "set", inner):
            return all(convertible(each, inner) for each in elements) and (inner != ANY or unify(elements) is not None)
        case TupleKind(elements), TupleKind(others):
            return len(elements) == len(others) and all(map(convertible, elements, others))
        case ObjectKind(attributes), CollectionKind("map", inner):
            kinds = tuple(attributes.values())
            return all(convertible(each, inner) for each in kinds) and (inner != ANY or unify(kinds) is not None)
        case ObjectKind(attributes), ObjectKind(others, optional):
            return all(
                convertible(attributes[name], each) if name in attributes else name in optional
                for name, each in others.items()
            )
        case CollectionKind("map", element), ObjectKind(others):
            return all(convertible(element, each) for each in others.values())
        case _:
            return False


def unify(kinds: Sequence[Kind]) -> Kind | None:
    """The type that values of all these types become, None where there is none.

    Types that are not known count for nothing, unless the others have no type in common.
    """
    distinct = list({kind if isinstance(kind, str) else repr(kind): kind for kind in kinds if kind != ANY}.values())
    if len(distinct) < 2:
        return distinct[0] if distinct else ANY
    forms = {kind.form if isinstance(kind, CollectionKind) else type(kind).__name__ for kind in distinct}
    if len(forms) == 1:
        match distinct[0]:
            case CollectionKind(form):
                element = unify([each.element for each in distinct if isinstance(each, CollectionKind)])
                return None if element is None else CollectionKind(form, element)
            case ObjectKind():
                return _objects([each for each in distinct if isinstance(each, ObjectKind)])
            case TupleKind():
                return _tuples([each for each in distinct if isinstance(each, TupleKind)])
    for structure, form in ((ObjectKind, "map"), (TupleKind, "list")):
        if forms == {structure.__name__, form}:
            inner = unify([kind for each in distinct if isinstance(each, structure) for kind in _inner(each)])
            if inner is not None:
                mixed = [CollectionKind(form, inner) if isinstance(each, structure) else each for each in distinct]
                found = unify(mixed)
                if found is not None:
                    return found
    apart = {"ObjectKind", "TupleKind"} <= forms
    for wanted in () if apart else sorted(distinct, key=_rank):
        if all(convertible(each, wanted) for each in distinct):
            return wanted
    return ANY if ANY in kinds and not apart else None


def _inner(kind: Kind) -> tuple[Kind, ...]:
    match kind:
        case ObjectKind(attributes):
            return tuple(attributes.values())
        case TupleKind(elements):
            return elements
        case _:
            return ()


def _objects(kinds: Sequence[ObjectKind]) -> Kind | None:
    """Objects with the same attributes stay objects; others become maps."""
    names = kinds[0].attributes.keys()
    if any(each.attributes.keys() != names for each in kinds):
        return _collected("map", kinds)
    found = {name: unify([each.attributes[name] for each in kinds]) for name in names}
    known = {name: kind for name, kind in found.items() if kind is not None}
    return ObjectKind(known) if len(known) == len(found) else None


def _tuples(kinds: Sequence[TupleKind]) -> Kind | None:
    """Tuples of one length stay tuples; others become lists."""
    if len({len(each.elements) for each in kinds}) > 1:
        return _collected("list", kinds)
    found = [unify(each) for each in zip(*(each.elements for each in kinds), strict=True)]
    known = tuple(kind for kind in found if kind is not None)
    return TupleKind(known) if len(known) == len(found) else None


def _collected(form: str, kinds: Sequence[Kind]) -> Kind | None:
    element = unify([kind for each in kinds for kind in _inner(each)])
    return None if element is None else CollectionKind(form, element)


def _rank(kind: Kind) -> int:
    """Which type is tried first: strings before other primitives, lists before sets, collections first."""
    match kind:
        case "string" | CollectionKind("list" | "map"):
            return 0
        case TupleKind():
            return 2
        case CollectionKind("set"):
            return 3
        case _:
            return 1
