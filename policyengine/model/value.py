"""The four-valued facts: Known, Floating, Unknown, Absent. Each knows its place and how it came about.

A rule matches on the four cases::

    match local.version, cloud.version:
        case Known(here), Known(there) if here != there:
            yield Finding(...)

`Unknown` never makes a finding and is never dropped: a rule hands it to `undecided`, and the report counts it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyengine.model.source import Span

T = TypeVar("T")
U = TypeVar("U")
T_co = TypeVar("T_co", covariant=True)


class Via(Struct, frozen=True):
    """One step of a value's history: what it passed (`var.engine_version`, `${TAG}`, `FROM`) and where that stands.

    `secret` tells that what it passed holds a secret, so that the value is one, or is made of one.
    """

    what: str
    span: Span
    secret: bool = False


def is_secret(via: Sequence[Via]) -> bool:
    """Whether a value with this history is a secret, or made of one."""
    return any(step.secret for step in via)


def shortened(via: tuple[Via, ...], most: int) -> tuple[Via, ...]:
    """The steps of a long history that are nearest to the user; that it passed a secret is not forgotten."""
    if len(via) <= most:
        return via
    secret = next((step for step in via[most:] if step.secret), None)
    return via[:most] if secret is None or is_secret(via[:most]) else (*via[: most - 1], secret)


class Sealed(Struct, frozen=True):
    """A secret of the scanned files, which no output shows: its text, and where it stands.

    The place is nowhere (an empty path) for a text that was computed. `alone` tells that the text is a secret wherever
    it stands, and not only as a part of a longer one.
    """

    text: str
    span: Span
    alone: bool = True


class Known(Struct, Generic[T_co], frozen=True):
    """A value that the files decide.

    `span` is the place to edit: where the text of the value stands in the end. `via` holds the places it passed on
    its way, the one nearest to the user of the value first.
    """

    value: T_co
    span: Span
    via: tuple[Via, ...] = ()


class Floating(Struct, Generic[T_co], frozen=True):
    """A value that moves without an edit, such as the tag `16-alpine` or the engine version `16`.

    `value` is as much of it as is fixed.
    """

    value: T_co
    span: Span
    via: tuple[Via, ...] = ()


class Unknown(Struct, frozen=True):
    """A value that the files do not decide. `reason` is a noun phrase: "variable 'tag' has no default".

    `about` is the name of what is not known, where the reason is that a script, a target or a program is not seen, or
    that no file sets a variable.
    """

    reason: str
    span: Span
    via: tuple[Via, ...] = ()
    about: str = ""


class Absent(Struct, frozen=True):
    """No value is given. `span` is the name of the thing that lacks it: where it would be added."""

    span: Span
    via: tuple[Via, ...] = ()


Value = Known[T] | Floating[T] | Unknown | Absent
"""A fact: one of the four cases."""


def known(value: Value[T] | None, default: T) -> T:
    """The value when it is Known, `default` in the three other cases and where there is none."""
    return value.value if isinstance(value, Known) else default


def passed(value: Value[T], *steps: Via) -> Value[T]:
    """The same value after it passed `steps`, the step nearest to the user first."""
    return replace(value, via=(*steps, *value.via))


def map_value(value: Value[T], function: Callable[[T], U]) -> Value[U]:
    """`function` applied to what is Known or Floating; Unknown and Absent stay as they are."""
    match value:
        case Known(inner, span, via):
            return Known(function(inner), span, via)
        case Floating(inner, span, via):
            return Floating(function(inner), span, via)
        case _:
            return value
