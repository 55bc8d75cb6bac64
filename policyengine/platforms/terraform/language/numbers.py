"""Terraform's numbers: binary floating point with 512 bits of mantissa, written as the shortest exact decimal.

`pow` and `log` give numbers of 53 bits, which are written with fewer digits and stay among themselves.
"""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

from policyengine.patterns import regex

PRECISION = 512
LARGEST_EXPONENT = 1200
"""Numbers beyond ten to this power are not computed."""

LONGEST = 1_000_000
"""A text with more characters is not made of shorter ones."""

Number = int | Fraction

_WIDE = Context(prec=5000, Emax=99999, Emin=-99999)

_NUMBER = regex(r"[-+]?(\d+(?:\.\d*)?|\.\d+)(?:[eE]([-+]?\d{1,6}))?\Z")


class DoubleWhole(int):
    """A whole number that Terraform keeps with 53 bits."""


class DoubleFraction(Fraction):
    """Another number that Terraform keeps with 53 bits."""


def double(value: float) -> Number:
    """A number of 53 bits. Raises NotComputed for infinite ones and for what is none."""
    if value - value != 0:
        raise NotComputed("a number is infinite")
    return DoubleWhole(value) if value.is_integer() else DoubleFraction(value)


class NotComputed(Exception):  # noqa: N818 - no error
    """What Terraform computes and we do not: the sentence."""


class SignedZero(NotComputed):
    """Terraform prints a zero that came of a negative number as `-0`; our numbers have one zero."""

    def __init__(self) -> None:
        super().__init__("a zero has a sign")


def rounded(value: Fraction | int) -> Number:
    """The nearest number with 512 bits of mantissa, ties to even; an int when it is whole."""
    if isinstance(value, int):
        if value.bit_length() > LARGEST_EXPONENT * 4:
            raise NotComputed("a number is too large to compute")
        return value
    numerator, denominator = value.numerator, value.denominator
    if max(numerator.bit_length(), denominator.bit_length()) > LARGEST_EXPONENT * 8:
        raise NotComputed("a number is too large to compute")
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
    if text.startswith("-") and not Fraction(text):
        raise SignedZero
    return rounded(Fraction(text))


def format_number(value: Number) -> str:
    """The number as Terraform prints it: decimal, without exponent."""
    if isinstance(value, DoubleWhole | DoubleFraction):
        return format(Decimal(repr(float(value))), "f").removesuffix(".0")
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


def _exact(value: Number) -> Decimal:
    """The number with all its digits, of which a fraction of twos has as many as twos."""
    fraction = Fraction(value)
    places = fraction.denominator.bit_length() - 1
    return Decimal(fraction.numerator * 5**places).scaleb(-places, _WIDE)


def fixed(value: Number, places: int) -> str:
    """The number as `%f` of Go writes it."""
    return format(_exact(value).quantize(Decimal(1).scaleb(-places), context=_WIDE), "f")


def scientific(value: Number, places: int) -> str:
    """The number as `%e` of Go writes it."""
    mantissa, _, exponent = format(_exact(value).normalize(_WIDE) if value else 0.0, f".{places}e").partition("e")
    return f"{mantissa}e{exponent[0]}{exponent[1:]:>02}"


def general(value: Number, digits: int | None) -> str:
    """The number as `%g` of Go writes it; `digits` is None for as many as tell it from others."""
    exact = Decimal(format_number(value)) if digits is None else Context(prec=max(digits, 1)).plus(_exact(value))
    sign, found, _ = exact.normalize(_WIDE).as_tuple()
    exponent = exact.adjusted() if exact else 0
    limit = 6 if digits is None else max(digits, 1)
    if -4 <= exponent < limit:
        return format(exact.normalize(_WIDE), "f")
    text = "".join(map(str, found))
    mantissa = f"{text[0]}.{text[1:]}".removesuffix(".")
    return f"{'-' * sign}{mantissa}e{exponent:+03}"


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
