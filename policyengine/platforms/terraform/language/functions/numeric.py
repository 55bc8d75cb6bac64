"""Numbers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from policyengine.platforms.terraform.language.functions.calling import HclFunction, PlainFunction
from policyengine.platforms.terraform.language.kinds import CollectionKind
from policyengine.platforms.terraform.language.numbers import NotComputed, Number, double, rounded
from policyengine.platforms.terraform.language.plain import Invalid, to_bool, to_number

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.plain import Plain


def _sum(values: list[Plain]) -> Number:
    if not values:
        raise Invalid("sum() takes at least one number")
    total: Number = 0
    for value in values:
        total = rounded(total + to_number(value))
    return total


def _pow(base: Number, power: Number) -> Number:
    try:
        found = float(base) ** float(power)
    except (OverflowError, ZeroDivisionError):
        raise NotComputed("a number is infinite") from None
    if isinstance(found, complex):
        raise Invalid("pow() has no result")
    return double(found)


def _log(value: Number, base: Number) -> Number:
    if value < 0 or base < 0 or (value == base and base in (0, 1)):
        raise Invalid("log() has no result")
    if base in (0, 1) or value == 0:
        raise NotComputed("a number is infinite, or a zero has a sign")
    return double(math.log(float(value)) / math.log(float(base)))


def _signum(value: Number) -> int:
    if not isinstance(value, int):
        raise Invalid("signum() takes a whole number")
    return (value > 0) - (value < 0)


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _parseint(text: Plain, base: Number) -> Number:
    if not isinstance(text, str):
        raise Invalid("parseint() takes a string")
    if not isinstance(base, int) or not 2 <= base <= 62 or len(text) > 300:
        raise Invalid("parseint() takes a base from 2 to 62")
    bare = text[1:] if text[:1] in ("-", "+") else text
    total = 0
    for character in bare if base > 36 else bare.lower():
        digit = _DIGITS.find(character)
        if not 0 <= digit < base:
            raise Invalid("parseint() cannot read the number")
        total = total * base + digit
    if not bare:
        raise Invalid("parseint() cannot read the number")
    return -total if text.startswith("-") else total


def _range(*limits: Number) -> list[Plain]:
    start: Number
    if len(limits) == 1:
        start, end, step = 0, limits[0], Fraction(1 if limits[0] >= 0 else -1)
    elif len(limits) == 2:
        start, end = limits
        step = Fraction(1 if end >= start else -1)
    else:
        start, end, step = limits[0], limits[1], Fraction(limits[2])
    if step == 0 or (step > 0 and end < start) or (step < 0 and end > start):
        raise Invalid("range() has a step that never arrives")
    found: list[Plain] = []
    current = Fraction(start)
    while (current < end) if step > 0 else (current > end):
        if len(found) >= 1024:
            raise Invalid("range() has more than 1024 elements")
        found.append(rounded(current))
        current += step
    return found


def _all(values: list[Plain]) -> bool:
    return all(to_bool(value) for value in values if value is not None) and None not in values


def _any(values: list[Plain]) -> bool:
    return any(to_bool(value) for value in values if value is not None)


def _floor(value: Number) -> int:
    return math.floor(value)


FUNCTIONS: dict[str, HclFunction] = {
    "abs": PlainFunction("n", lambda value: -value if value < 0 else value),
    "ceil": PlainFunction("n", math.ceil),
    "floor": PlainFunction("n", _floor),
    "log": PlainFunction("nn", _log),
    "max": PlainFunction("nn*", lambda *values: max(values)),
    "min": PlainFunction("nn*", lambda *values: min(values)),
    "pow": PlainFunction("nn", _pow),
    "signum": PlainFunction("n", _signum),
    "parseint": PlainFunction("an", _parseint),
    "sum": PlainFunction("l", _sum),
    "range": PlainFunction("n?nn", _range, gives=CollectionKind("list", "number")),
    "alltrue": PlainFunction("l", _all),
    "anytrue": PlainFunction("l", _any),
}
