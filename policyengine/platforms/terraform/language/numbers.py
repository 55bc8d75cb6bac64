"""Terraform's numbers: binary floating point with 512 bits of mantissa, written as the shortest exact decimal."""

from __future__ import annotations

from fractions import Fraction

from policyengine.patterns import regex

PRECISION = 512
LARGEST_EXPONENT = 1200
"""Numbers beyond ten to this power are not computed."""

Number = int | Fraction

_NUMBER = regex(r"[-+]?(\d+(?:\.\d*)?|\.\d+)(?:[eE]([-+]?\d{1,6}))?\Z")


class NotComputed(Exception):  # noqa: N818 - no error
    """What Terraform computes and we do not: the sentence."""


def rounded(value: Fraction | int) -> Number:
    """The nearest number with 512 bits of mantissa, ties to even; an int when it is whole."""
    if isinstance(value, int):
        if value.bit_length() > LARGEST_EXPONENT * 4:
            raise NotComputed("a number is too large to compute")
        return value
    numerator, denominator = value.numerator, value.denominator
    if denominator == 1:
        return rounded(numerator)
    if denominator & (denominator - 1) == 0 and numerator.bit_length() <= PRECISION:
        return value
    shift = PRECISION - (abs(numerator).bit_length() - denominator.bit_length())
    scaled = (
        Fraction(numerator * (1 << shift), denominator) if shift >= 0 else Fraction(numerator, denominator << -shift)
    )
    if abs(scaled.numerator // scaled.denominator).bit_length() > PRECISION:
        shift -= 1
        scaled /= 2
    mantissa = round(scaled)
    result = Fraction(mantissa, 1 << shift) if shift >= 0 else Fraction(mantissa << -shift)
    return result.numerator if result.denominator == 1 else result


def parse_number(text: str) -> Number | None:
    """The number that a text spells, or None. Raises NotComputed."""
    match = _NUMBER.match(text)
    if match is None:
        return None
    if len(match[1]) > LARGEST_EXPONENT or (match[2] and abs(int(match[2])) > LARGEST_EXPONENT):
        raise NotComputed("a number is too large to compute")
    return rounded(Fraction(text))


def format_number(value: Number) -> str:
    """The number as Terraform prints it: decimal, without exponent."""
    if isinstance(value, int):
        return str(value)
    sign = "-" if value < 0 else ""
    value = abs(value)
    exponent = len(str(value.numerator // value.denominator)) if value >= 1 else -_leading_zeros(value)
    for digits in range(1, 170):
        scale = Fraction(10) ** (digits - exponent)
        whole = round(value * scale)
        if rounded(Fraction(whole) / scale) == value:
            return sign + _decimal(whole, digits - exponent)
    return sign + _decimal(round(value * 10**160), 160)


def _leading_zeros(value: Fraction) -> int:
    """How many zeros follow the decimal point."""
    zeros = max(0, len(str(value.denominator // value.numerator)) - 1)
    while value * 10 ** (zeros + 1) < 1:
        zeros += 1
    while zeros and value * 10**zeros >= 1:
        zeros -= 1
    return zeros


def _decimal(whole: int, places: int) -> str:
    if places <= 0:
        return str(whole * 10**-places)
    text = str(whole).rjust(places + 1, "0")
    result = f"{text[:-places]}.{text[-places:]}".rstrip("0")
    return result.removesuffix(".")
