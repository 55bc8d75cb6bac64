"""Terraform's functions over trees.

A function is a row of a table: its parameters as letters (see `calling`) and what computes it. Most take plain values,
so that any part that is not known makes the result Unknown; those that only move values around take trees and keep what
is known. `try` and `can` belong to the evaluation of expressions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Unknown
from policyengine.platforms.terraform.language.coercion import convert
from policyengine.platforms.terraform.language.functions.calling import PlainFunction
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.values import (
    Composite,
    List,
    Reference,
    decided,
    history,
    tree_of,
    unknown_of,
    weigh,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.platforms.terraform.language.functions.calling import Calling, HclFunction
    from policyengine.platforms.terraform.language.values import Tree

__all__ = ["apply", "supported"]

_TABLE: dict[str, HclFunction] = {}


def _table() -> dict[str, HclFunction]:
    if not _TABLE:
        from policyengine.platforms.terraform.language.functions import (  # noqa: PLC0415 - only where a function is called
            collections,
            conversions,
            encoding,
            files,
            networks,
            numeric,
            regexes,
            sets,
            strings,
            times,
        )

        for module in (collections, conversions, encoding, files, networks, numeric, regexes, sets, strings, times):
            _TABLE.update(module.FUNCTIONS)
    return _TABLE


def supported() -> frozenset[str]:
    """The names of all functions that are computed, by this table or by the evaluation of expressions."""
    return frozenset(_table()) | {"try", "can"}


_DIFFERENT_EACH_TIME = frozenset({"timestamp", "plantimestamp", "uuid", "bcrypt"})


def apply(calling: Calling, arguments: Sequence[Tree], *, expand: bool) -> Tree:
    """The value of a function; `expand` tells that its last argument ends in `...`.

    Raises:
        Invalid: Terraform would refuse it.
        NotComputed: a number is too large to compute with.
    """
    name = calling.name
    if name in _DIFFERENT_EACH_TIME:
        return Unknown(f"{name}() differs at each run", calling.span)
    if name == "rsadecrypt":
        return Unknown("rsadecrypt() is not computed", calling.span)
    function = _table().get(name)
    if function is None:
        if "::" in name:
            return Unknown(f"the provider's function {name}() is not computed", calling.span)
        raise Invalid(f"there is no function {name}()")
    given = list(arguments)
    if expand:
        last = given.pop()
        if not isinstance(last, List):
            if decided(last):
                raise Invalid(f"the last argument of {name}() is no list")
            return unknown_of(last)
        given.extend(last.items)
        if last.gap is not None:
            if isinstance(function, PlainFunction) or not function.gaps:
                return last.gap
            given.append(last.gap)
    if isinstance(function, PlainFunction) and any(isinstance(each, Reference | Composite) for each in given):
        from policyengine.platforms.terraform.language.functions.hosts import of_hosts  # noqa: PLC0415 - rare

        found = of_hosts(name, given, calling.span)
        if found is not None:
            return found
    budget = calling.frame.scope.budget
    weigh(budget, *given, times=4)
    values = function.fitted(name, given)
    if isinstance(values, Unknown):
        return values
    if isinstance(function, PlainFunction):
        found = tree_of(function.compute(*values), calling.span, history(*given))
        weigh(budget, found)
        return convert(found, function.gives)
    tree: Tree = function.compute(calling, *values)
    return tree
