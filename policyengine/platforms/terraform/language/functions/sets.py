"""Functions of sets."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from policyengine.model.value import Unknown
from policyengine.platforms.terraform.language.functions.calling import (
    Calling,
    HclFunction,
    PlainFunction,
    TreeFunction,
)
from policyengine.platforms.terraform.language.operators import shared
from policyengine.platforms.terraform.language.plain import PlainSet, equal, sort_key, to_string
from policyengine.platforms.terraform.language.values import List, Tree, as_set

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.plain import Plain

LARGEST = 100_000
"""A product with more elements is not built."""


def _setunion(calling: Calling, *sets: List) -> Tree:
    gap = next((each.gap for each in sets if each.gap is not None), None)
    return as_set(shared(tuple(item for each in sets for item in each.items)), calling.span, gap=gap)


def _of_one_type(*sets: list[Plain]) -> list[list[Plain]]:
    """Sets of primitives converted to the type that fits all their elements."""
    kinds = {type(value) for each in sets for value in each}
    if str not in kinds or {list, dict} & kinds:
        return list(sets)
    return [[value if value is None else to_string(value) for value in each] for each in sets]


def _setintersection(*sets: list[Plain]) -> PlainSet:
    one, *others = _of_one_type(*sets)
    kept = one
    for other in others:
        kept = [value for value in kept if any(equal(value, each) for each in other)]
    return PlainSet(sorted(_unique(kept), key=sort_key))


def _setsubtract(one: list[Plain], other: list[Plain]) -> PlainSet:
    one, other = _of_one_type(one, other)
    kept = [value for value in one if not any(equal(value, each) for each in other)]
    return PlainSet(sorted(_unique(kept), key=sort_key))


def _unique(values: list[Plain]) -> list[Plain]:
    return list({sort_key(value): value for value in values}.values())


def _setproduct(calling: Calling, *sets: List) -> Tree:
    total = 1
    for each in sets:
        if each.gap is not None:
            return each.gap
        total *= max(len(each.items), 1)
    if total > LARGEST:
        return Unknown("setproduct() has too many elements", calling.span)
    rows = tuple(List(row, calling.span) for row in product(*(each.items for each in sets)))
    if all(each.unordered for each in sets):
        return as_set(rows, calling.span)
    return List(rows, calling.span)


FUNCTIONS: dict[str, HclFunction] = {
    "setunion": TreeFunction("LL*", _setunion),
    "setintersection": PlainFunction("ll*", _setintersection),
    "setsubtract": PlainFunction("ll", _setsubtract),
    "setproduct": TreeFunction("LLL*", _setproduct),
}
