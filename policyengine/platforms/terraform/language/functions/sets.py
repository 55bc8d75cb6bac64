"""Functions of sets."""

from __future__ import annotations

from itertools import product
from operator import not_
from typing import TYPE_CHECKING

from policyengine.platforms.terraform.language.coercion import convert
from policyengine.platforms.terraform.language.functions.calling import (
    Calling,
    HclFunction,
    TreeFunction,
)
from policyengine.platforms.terraform.language.kinds import ANY, ANY_LIST, CollectionKind, TupleKind, unify
from policyengine.platforms.terraform.language.plain import Invalid, sort_key
from policyengine.platforms.terraform.language.values import (
    List,
    Tree,
    as_set,
    decided,
    kind_of,
    plain,
    unknown_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def _of_one_type(*sets: List) -> list[List]:
    """Sets whose elements have one type. Raises Invalid."""
    found = [convert(each, CollectionKind("set", ANY)) for each in sets]
    kind = unify([kind_of(each) for each in found if each.items or each.gap is not None])
    if kind is None:
        raise Invalid("sets have no type in common")
    return [convert(each, kind) if isinstance(kind, CollectionKind) else each for each in found]


def _setunion(calling: Calling, *given: List) -> Tree:
    sets = _of_one_type(*given)
    gap = next((each.gap for each in sets if each.gap is not None), None)
    return as_set([item for each in sets for item in each.items], calling.span, gap=gap, element=sets[0].element)


def _kept(calling: Calling, sets: list[List], keep: Callable[[bool], bool]) -> Tree:
    """The elements of the first set that the others hold, or do not."""
    unknown = next((unknown_of(each) for each in sets if not decided(each)), None)
    if unknown is not None:
        return unknown
    one, *others = sets
    held = [{sort_key(plain(item)) for item in each.items} for each in others]
    kept = [item for item in one.items if all(keep(sort_key(plain(item)) in each) for each in held)]
    return as_set(kept, calling.span, element=one.element)


def _setintersection(calling: Calling, *given: List) -> Tree:
    return _kept(calling, _of_one_type(*given), bool)


def _setsubtract(calling: Calling, *given: List) -> Tree:
    return _kept(calling, _of_one_type(*given), not_)


def _setproduct(calling: Calling, *given: List) -> Tree:
    total = 1
    sets = [each if each.unordered else convert(each, ANY_LIST) for each in given]
    for each in sets:
        if each.gap is not None:
            return each.gap
        total *= len(each.items)
    calling.frame.scope.budget.spend(total * len(sets) if all(each.items for each in sets) else 0)
    rows = tuple(List(row, calling.span) for row in product(*(each.items for each in sets)))
    kind = TupleKind(tuple(each.element or ANY for each in sets))
    if any(each.unordered for each in sets):
        return as_set(rows, calling.span, element=kind)
    return List(rows, calling.span, element=kind)


FUNCTIONS: dict[str, HclFunction] = {
    "setunion": TreeFunction("LL*", _setunion),
    "setintersection": TreeFunction("LL*", _setintersection),
    "setsubtract": TreeFunction("LL", _setsubtract),
    "setproduct": TreeFunction("LLL*", _setproduct),
}
