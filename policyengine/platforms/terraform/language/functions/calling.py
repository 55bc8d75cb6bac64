"""How functions are declared, and their arguments fitted to their parameters.

Letters of parameters: `s` string, `n` number, `b` bool, `l` list or set, `m` map or object and `a` anything are given
as plain values, of which every part must be known. `L` list or set, `M` map or object and `T` anything are given as
trees, `C` as a list whose elements are of one type. `?` before a letter makes it and the following optional, `*` after
the last one lets it repeat, or be absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.coercion import convert
from policyengine.platforms.terraform.language.kinds import ANY, ANY_LIST, Kind
from policyengine.platforms.terraform.language.plain import Invalid, to_bool, to_number, to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    decided,
    plain,
    through,
    unknown_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.plain import Plain
    from policyengine.platforms.terraform.language.scope import HclFrame
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.syntax.hcl.syntax import Expression


class Calling(Struct, frozen=True):
    """A call: the function's name, the place of the whole call, what it sees, and how an expression is evaluated.

    `referenced` tells that its first argument is a reference.
    """

    name: str
    span: Span
    frame: HclFrame
    evaluate: Callable[[Expression, HclFrame], Tree]
    referenced: bool = False


class HclFunction(Struct, frozen=True):
    """A function: its parameters as letters, and what computes it. `gaps` allows a gap in `list...`.

    `gives` is the type of the result of a function of plain values, where it is not the one that the values have.
    """

    parameters: str
    compute: Callable[..., Any]  # the letters guarantee what it is called with
    gaps: bool = False
    gives: Kind = ANY

    def fitted(self, name: str, arguments: Sequence[Tree]) -> list[object] | Unknown:
        """The arguments as its parameters take them, or why they are not known. Raises Invalid."""
        found: list[object] = []
        for argument, letter in self._paired(name, arguments):
            value = _fitted(argument, letter, name)
            if isinstance(value, Unknown) and letter != "T":
                return value
            found.append(value)
        return found

    def _paired(self, name: str, arguments: Sequence[Tree]) -> Iterator[tuple[Tree, str]]:
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


class PlainFunction(HclFunction, frozen=True):
    """A function from plain values to a plain value: any part that is not known makes the result Unknown."""


class TreeFunction(HclFunction, frozen=True):
    """A function of a `Calling` and arguments that gives a tree."""


def _fitted(tree: Tree, letter: str, name: str) -> object:
    """An argument as a parameter takes it, or Unknown. Raises Invalid."""
    match letter:
        case "T":
            return tree
        case "L":
            return as_list(tree, name)
        case "C":
            found = as_list(tree, name)
            return convert(found, ANY_LIST) if isinstance(found, List) else found
        case "M":
            return as_object(tree, name)
        case _ if not decided(tree):
            return unknown_of(tree)
        case _:
            return _converted(plain(tree), letter, name)


def _converted(value: Plain, letter: str, name: str) -> Plain:
    match letter:
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


def as_list(tree: Tree, name: str) -> List | Unknown:
    """A list or set whose elements have passed what it passed. Raises Invalid for another value."""
    match tree:
        case List():
            return replace(tree, items=tuple(through(item, *tree.via) for item in tree.items)) if tree.via else tree
        case Known() | Composite() | Encoded() | Object():
            raise Invalid(f"{name}() takes lists")
        case _:
            return unknown_of(tree)


def as_object(tree: Tree, name: str) -> Object | Unknown:
    """A map or object whose entries have passed what it passed. Raises Invalid for another value."""
    match tree:
        case Object(entries, span, via, keys, gap, hidden=hidden):
            if not via:
                return tree
            moved = {key: through(each, *via) for key, each in entries.items()}
            return Object(moved, span, via, keys, gap, hidden=hidden)
        case Known() | Composite() | Encoded() | List():
            raise Invalid(f"{name}() takes maps")
        case _:
            return unknown_of(tree)
