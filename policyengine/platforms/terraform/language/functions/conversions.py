"""Conversions from one type to another, and what only marks a value."""

from __future__ import annotations

from msgspec.structs import replace

from policyengine.model.value import Known, Unknown, Via
from policyengine.platforms.terraform.language.functions.calling import (
    Calling,
    HclFunction,
    TreeFunction,
    as_list,
    as_object,
)
from policyengine.platforms.terraform.language.operators import shared
from policyengine.platforms.terraform.language.plain import Invalid, to_bool, to_number, to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    Reference,
    Tree,
    as_set,
    decided,
    history,
    null,
    plain,
    through,
    unknown_of,
)


def _tolist(calling: Calling, given: Tree) -> Tree:
    source = given if null(given) else as_list(given, "tolist")
    return List(shared(source.items), calling.span, gap=source.gap) if isinstance(source, List) else source


def _toset(calling: Calling, given: Tree) -> Tree:
    source = given if null(given) else as_list(given, "toset")
    return as_set(shared(source.items), calling.span, gap=source.gap) if isinstance(source, List) else source


def _tomap(calling: Calling, given: Tree) -> Tree:
    source = given if null(given) else as_object(given, "tomap")
    if not isinstance(source, Object):
        return source
    values = shared(tuple(source.entries.values()))
    return Object(dict(zip(source.entries, values, strict=True)), calling.span, keys=source.keys, gap=source.gap)


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
    "tolist": TreeFunction("T", _tolist),
    "toset": TreeFunction("T", _toset),
    "tomap": TreeFunction("T", _tomap),
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
