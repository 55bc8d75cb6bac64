"""Terraform's functions over trees.

A function is a row of a table: its parameters as letters and what computes it. Most take plain values, so that any
part that is not known makes the result Unknown; those that only move values around take trees and keep what is known.

Letters: `s` string, `n` number, `b` bool, `l` list or set, `m` map or object, `a` anything. `?` before a letter makes
it and the following optional, `*` after the last one lets it repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Unknown
from policyengine.platforms.terraform.language.functions.calling import (
    Calling,
    Handler,
    PlainFunction,
    TreeFunction,
    fits,
)
from policyengine.platforms.terraform.language.functions.encoding import encode
from policyengine.platforms.terraform.language.values import (
    Composite,
    Invalid,
    List,
    Reference,
    Tree,
    Undecided,
    history,
    plain,
    tree_of,
    whole,
)
from policyengine.syntax.hcl.syntax import Traversal

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.expressions import Frame
    from policyengine.syntax.hcl.syntax import Call

__all__ = ["call", "encode", "supported"]

_TABLE: dict[str, Handler] = {}


def _table() -> dict[str, Handler]:
    if not _TABLE:
        from policyengine.platforms.terraform.language.functions import (  # noqa: PLC0415 - they evaluate, and evaluation calls them
            collections,
            encoding,
            files,
            networks,
            numeric,
            sets,
            strings,
            times,
        )

        for module in (collections, encoding, files, networks, numeric, sets, strings, times):
            _TABLE.update(module.FUNCTIONS)
    return _TABLE


def supported() -> frozenset[str]:
    """The names of all functions that are computed."""
    return frozenset(_table()) | {"try", "can"}


_DIFFERENT_EACH_TIME = frozenset({"timestamp", "plantimestamp", "uuid", "bcrypt"})


def call(expression: Call, frame: Frame) -> Tree:
    """The value of a function call. Raises Invalid where Terraform would refuse it, Undecided where it is unknown."""
    from policyengine.platforms.terraform.language.expressions import evaluate  # noqa: PLC0415 - as above

    name = expression.name.removeprefix("core::")
    span = frame.span(expression)
    if name == "try":
        reasons = "try() has no argument"
        for argument in expression.arguments:
            try:
                return evaluate(argument, frame)
            except Invalid as error:
                reasons = str(error)
        raise Invalid(f"no argument of try() is valid: {reasons}")
    if name == "can":
        return _can(expression, frame)
    if name in _DIFFERENT_EACH_TIME:
        return Unknown(f"{name}() differs at each run", span)
    if name == "rsadecrypt":
        return Unknown("rsadecrypt() is not computed", span)
    handler = _table().get(name)
    if handler is None:
        if "::" in name:
            return Unknown(f"the provider's function {name}() is not computed", span)
        raise Invalid(f"there is no function {name}()")
    arguments = [whole(evaluate(argument, frame)) for argument in expression.arguments]
    if expression.expand:
        last = arguments.pop()
        if not isinstance(last, List):
            raise Undecided(_why(last, name))
        if last.gap is not None:
            if isinstance(handler, PlainFunction) or not handler.gaps:
                raise Undecided(last.gap)
            arguments.extend(last.items)
            arguments.append(last.gap)
        else:
            arguments.extend(last.items)
    referenced = bool(expression.arguments) and isinstance(expression.arguments[0], Traversal)
    calling = Calling(name, span, frame, referenced)
    if isinstance(handler, TreeFunction):
        handler.check(name, len(arguments))
        return handler.compute(arguments, calling)
    if any(isinstance(argument, Reference | Composite) for argument in arguments):
        from policyengine.platforms.terraform.language.functions.hosts import of_hosts  # noqa: PLC0415 - as above

        found = of_hosts(name, arguments, span)
        if found is not None:
            return found
    values = [fits(plain(argument), kind, name) for argument, kind in handler.paired(name, arguments)]
    return tree_of(handler.compute(*values), span, history(*arguments))


def _why(tree: Tree, name: str) -> Unknown:
    from policyengine.platforms.terraform.language.values import decided, unknown_of  # noqa: PLC0415 - rare

    if decided(tree):
        raise Invalid(f"the last argument of {name}() is no list")
    return unknown_of(tree)


def _can(expression: Call, frame: Frame) -> Tree:
    from policyengine.model.value import Known  # noqa: PLC0415 - as above
    from policyengine.platforms.terraform.language.expressions import evaluate  # noqa: PLC0415 - as above

    if len(expression.arguments) != 1:
        raise Invalid(f"can() does not take {len(expression.arguments)} arguments")
    try:
        tree = evaluate(expression.arguments[0], frame)
    except Invalid:
        return Known(value=False, span=frame.span(expression))
    if isinstance(tree, Unknown):
        return tree
    return Known(value=True, span=frame.span(expression), via=history(tree))
