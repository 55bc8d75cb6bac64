"""What operators make of values: arithmetic and comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.terraform_attributes import is_given
from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.numbers import (
    DoubleFraction,
    DoubleWhole,
    NotComputed,
    SignedZero,
    double,
    rounded,
)
from policyengine.platforms.terraform.language.plain import Invalid, to_number
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


_DOUBLE = (DoubleWhole, DoubleFraction)


def compute(operator: str, one: Plain, other: Plain) -> Atom:
    """`one operator other` for arithmetic and order. Raises Invalid and NotComputed."""
    left, right = to_number(one), to_number(other)
    if isinstance(left, _DOUBLE) and isinstance(right, _DOUBLE) and operator in ("+", "-", "*"):
        here, there = float(left), float(right)
        return double(here + there if operator == "+" else here - there if operator == "-" else here * there)
    if operator in ("*", "/") and ((not left and right < 0) or (not right and left < 0 and operator == "*")):
        raise SignedZero
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
        if operator == "%":
            return left
        if left != 0:
            raise NotComputed("a number is infinite")
        raise Invalid("a division by zero")
    from fractions import Fraction  # noqa: PLC0415 - divisions are rare

    quotient = Fraction(left) / Fraction(right)
    if operator == "/" and isinstance(left, _DOUBLE) and isinstance(right, _DOUBLE):
        return double(float(left) / float(right))
    if operator == "/":
        return rounded(quotient)
    whole = abs(quotient.numerator) // quotient.denominator
    return rounded(left - right * (whole if quotient >= 0 else -whole))
