"""How functions are declared and their arguments fitted to their parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from policyengine.platforms.terraform.language.values import Invalid, to_bool, to_number, to_string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.expressions import Frame
    from policyengine.platforms.terraform.language.values import Plain, Tree


class Calling(Struct, frozen=True):
    """A call: the function's name, the place of the whole call, and what it sees.

    `referenced` tells that its first argument is a reference.
    """

    name: str
    span: Span
    frame: Frame
    referenced: bool = False


class PlainFunction(Struct, frozen=True):
    """A function of plain values; `parameters` as described in the package."""

    parameters: str
    compute: Callable[..., Any]  # the letters guarantee what it is called with

    def paired(self, name: str, arguments: Sequence[Tree]) -> Iterator[tuple[Tree, str]]:
        """Each argument with the letter of its parameter. Raises Invalid for a wrong number."""
        letters = self.parameters.rstrip("*").replace("?", "")
        least = len(self.parameters.split("?")[0].rstrip("*"))
        repeats = self.parameters.endswith("*")
        if repeats and "?" not in self.parameters:
            least = len(letters) - 1
        if len(arguments) < least or (len(arguments) > len(letters) and not repeats):
            raise Invalid(f"{name}() does not take {len(arguments)} arguments")
        for index, argument in enumerate(arguments):
            yield argument, letters[min(index, len(letters) - 1)]


class TreeFunction(Struct, frozen=True):
    """A function of trees. `least` and `most` bound its arguments; `gaps` allows a gap in `list...`."""

    compute: Callable[[list[Tree], Calling], Tree]
    least: int
    most: int = 1_000_000
    gaps: bool = False

    def check(self, name: str, count: int) -> None:
        """Raise Invalid for a wrong number of arguments."""
        if not self.least <= count <= self.most:
            raise Invalid(f"{name}() does not take {count} arguments")


Handler = PlainFunction | TreeFunction


def fits(value: Plain, kind: str, name: str) -> Plain:
    """An argument converted to what a parameter takes. Raises Invalid."""
    match kind:
        case "s":
            return to_string(value)
        case "n":
            return to_number(value)
        case "b":
            return to_bool(value)
        case "l" if not isinstance(value, list):
            raise Invalid(f"{name}() takes a list")
        case "m" if not isinstance(value, dict):
            raise Invalid(f"{name}() takes a map")
        case _:
            return value
