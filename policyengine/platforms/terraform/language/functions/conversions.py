"""Conversions from one type to another, and what only marks a value."""

from __future__ import annotations

from msgspec.structs import replace

from policyengine.model.value import Known, Unknown, Via
from policyengine.platforms.terraform.language.coercion import convert
from policyengine.platforms.terraform.language.functions.calling import (
    Calling,
    HclFunction,
    TreeFunction,
    as_list,
    as_object,
)
from policyengine.platforms.terraform.language.kinds import ANY, CollectionKind
from policyengine.platforms.terraform.language.plain import Invalid, to_bool, to_number, to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    Reference,
    Tree,
    decided,
    history,
    null,
    plain,
    through,
    unknown_of,
)


def _collected(form: str, fits: type[Tree]) -> TreeFunction:
    def compute(calling: Calling, given: Tree) -> Tree:
        if not isinstance(given, fits):
            if null(given):
                return given
            if decided(given):
                raise Invalid(f"to{form}() takes no such value")
            return unknown_of(given)
        made = convert(as_list(given, form) if isinstance(given, List) else as_object(given, form), kind)
        return replace(made, span=calling.span, via=())

    kind = CollectionKind(form, ANY)
    return TreeFunction("T", compute)


def _tostring(calling: Calling, given: Tree) -> Tree:
    del calling
    match given:
        case Known(None) | Composite() | Encoded() | Reference() | Unknown():
            return given
        case Known(value, span, via):
            return Known(to_string(value), span, via)
        case _:
            raise Invalid("tostring() takes a primitive value")


def _tonumber(calling: Calling, given: Tree) -> Tree:
    del calling
    if null(given) or isinstance(given, Reference):
        return given
    return Known(to_number(plain(given)), given.span, history(given)) if decided(given) else unknown_of(given)


def _tobool(calling: Calling, given: Tree) -> Tree:
    del calling
    if null(given) or isinstance(given, Reference):
        return given
    return Known(to_bool(plain(given)), given.span, history(given)) if decided(given) else unknown_of(given)


def _same(calling: Calling, given: Tree) -> Tree:
    del calling
    return given


def _sensitive(calling: Calling, given: Tree) -> Tree:
    return through(given, Via("sensitive()", calling.span, secret=True))


def _nonsensitive(calling: Calling, given: Tree) -> Tree:
    del calling
    return replace(given, via=tuple(Via(step.what, step.span) for step in given.via))


def _issensitive(calling: Calling, given: Tree) -> Tree:
    if any(step.secret and step.what == "sensitive()" for step in given.via):
        return Known(value=True, span=calling.span)
    if decided(given) and not history(given):
        return Known(value=False, span=calling.span)
    return Unknown("whether a value is sensitive is not followed", calling.span, given.via)


def _list(calling: Calling, *arguments: Tree) -> Tree:
    return List(arguments, calling.span)


def _map(calling: Calling, *arguments: Tree) -> Tree:
    keys, values = arguments[::2], arguments[1::2]
    unknown = next((unknown_of(key) for key in keys if not decided(key)), None)
    if unknown is not None:
        return unknown
    return Object({to_string(plain(key)): each for key, each in zip(keys, values, strict=False)}, calling.span)


FUNCTIONS: dict[str, HclFunction] = {
    "tolist": _collected("list", List),
    "toset": _collected("set", List),
    "tomap": _collected("map", Object),
    "tostring": TreeFunction("T", _tostring),
    "tonumber": TreeFunction("T", _tonumber),
    "tobool": TreeFunction("T", _tobool),
    "sensitive": TreeFunction("T", _sensitive),
    "nonsensitive": TreeFunction("T", _nonsensitive),
    "ephemeralasnull": TreeFunction("T", _same),
    "issensitive": TreeFunction("T", _issensitive),
    "list": TreeFunction("T*", _list),
    "map": TreeFunction("T*", _map),
}
