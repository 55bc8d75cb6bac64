"""What operators make of values: arithmetic, comparison, and the type that both branches of a condition share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.terraform_attributes import is_given
from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.numbers import rounded
from policyengine.platforms.terraform.language.plain import Invalid, equal, to_number, to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    InstanceTree,
    List,
    Object,
    Reference,
    Tree,
)

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.plain import Atom, Plain


def unified(value: Tree, other: Tree) -> Tree:
    """A value converted to the type it shares with another one: numbers become strings beside strings."""
    match value, other:
        case Known(inner, span, via), Known(str()) | Composite() | Encoded() if inner is not None:
            return Known(to_string(inner), span, via)
        case List(items), List(others) if items and others and not value.unordered:
            if len(items) == len(others):
                alike = tuple(unified(here, there) for here, there in zip(items, others, strict=True))
            else:
                alike = shared((*items, *others))[: len(items)]
            return List(alike, value.span, value.via, gap=value.gap)
        case Object(entries), Object(others):
            if entries.keys() == others.keys():
                merged = {key: unified(each, others[key]) for key, each in entries.items()}
                return Object(merged, value.span, value.via, value.keys, value.gap)
            kinds = {_kind(each) for each in (*entries.values(), *others.values())}
            if entries and others and kinds <= {"string", "number", "bool"} and len(kinds) > 1:
                strings = {key: _as_string(each) for key, each in entries.items()}
                return Object(strings, value.span, value.via, value.keys, value.gap)
            return value
        case _:
            return value


_MOST_UNIFIED = 200
"""Collections within a longer collection are not converted to the type they share."""


def shared(items: tuple[Tree, ...]) -> tuple[Tree, ...]:
    """The elements of a collection converted to the one type they have there: strings where primitives are mixed."""
    kinds = {_kind(each) for each in items} - {"null"}
    if len(kinds) <= 1 and "other" not in kinds:
        return items
    if kinds <= {"string", "number", "bool"}:
        return tuple(_as_string(each) for each in items)
    if kinds != {"other"} or len(items) > _MOST_UNIFIED:
        return items
    found: list[Tree] = []
    for item in items:
        for other in items:
            item = unified(item, other)  # noqa: PLW2901 - converted step by step
        found.append(item)
    return tuple(found)


def _kind(tree: Tree) -> str:
    match tree:
        case Known(bool()):
            return "bool"
        case Known(str()) | Composite() | Encoded():
            return "string"
        case Known(None):
            return "null"
        case Known():
            return "number"
        case _:
            return "other"


def _as_string(tree: Tree) -> Tree:
    if isinstance(tree, Known) and tree.value is not None:
        return Known(to_string(tree.value), tree.span, tree.via)
    return tree


def differ(left: Tree, right: Tree) -> bool:
    """Whether two values that are not fully known differ for certain: one is null, the other holds something."""
    for one, other in ((left, right), (right, left)):
        if (
            isinstance(one, Known)
            and one.value is None
            and isinstance(other, Composite | Encoded | List | Object | InstanceTree)
        ):
            return True
        if isinstance(one, Known) and one.value in (None, "") and isinstance(other, Reference) and _exists(other):
            return True
        if isinstance(one, Known) and isinstance(one.value, str) and isinstance(other, Composite):
            first, last = other.parts[0], other.parts[-1]
            if isinstance(first, Known) and not one.value.startswith(first.value):
                return True
            if isinstance(last, Known) and not one.value.endswith(last.value):
                return True
            if not one.value and any(isinstance(part, Known) and part.value for part in other.parts):
                return True
    return False


_MODULE = regex(r"(?:^|\.)module\.[^.]+\Z")


def _exists(reference: Reference) -> bool:
    """Whether every resource has the attribute: it is known only after apply, but then neither null nor empty."""
    return is_given(reference.attribute) and _MODULE.search(reference.address) is None


def compute(operator: str, one: Plain, other: Plain) -> Atom:
    """`one operator other` for all operators but the logical ones. Raises Invalid."""
    if operator == "==":
        return equal(one, other)
    if operator == "!=":
        return not equal(one, other)
    left, right = to_number(one), to_number(other)
    match operator:
        case "<":
            return left < right
        case ">":
            return left > right
        case "<=":
            return left <= right
        case ">=":
            return left >= right
        case "+":
            return rounded(left + right)
        case "-":
            return rounded(left - right)
        case "*":
            return rounded(left * right)
    if right == 0:
        raise Invalid("a division by zero")
    from fractions import Fraction  # noqa: PLC0415 - divisions are rare

    quotient = Fraction(left) / Fraction(right)
    if operator == "/":
        return rounded(quotient)
    whole = abs(quotient.numerator) // quotient.denominator
    return rounded(left - right * (whole if quotient >= 0 else -whole))
