"""Plain data of Terraform: what a value is once all of it is known; conversions, equality and order."""

from __future__ import annotations

from fractions import Fraction

from policyengine.platforms.terraform.language.numbers import (
    NotComputed,
    Number,
    SignedZero,
    format_number,
    parse_number,
)

Atom = str | bool | Number | None

Plain = str | bool | Number | None | list["Plain"] | dict[str, "Plain"]


class Invalid(Exception):  # noqa: N818 - said of the expression
    """Terraform would refuse the expression: the reason."""


class PlainSet(list["Plain"]):
    """A set as a sorted list without duplicates."""


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
            except SignedZero:
                raise
            except NotComputed:
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
        case "true" | "1":
            return True
        case "false" | "0":
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
    """The order in which sets are listed: by kind, strings by code points of their UTF-8 form, null last."""
    match value:
        case bool():
            return (1, value)
        case int() | Fraction():
            return (2, value)
        case str():
            return (3, value.encode("utf-8", "surrogatepass"))
        case None:
            return (9, 0)
        case list():
            return (4, tuple(map(sort_key, value)))
        case dict():
            return (5, tuple(sorted((key, sort_key(each)) for key, each in value.items())))
