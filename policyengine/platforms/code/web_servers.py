"""The servers that Playwright starts before its tests (`webServer`), as far as they start in CI."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from policyengine.model.nodes import WebServer
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.syntax.typescript import Code, arguments, children, inner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node

    from policyengine.model.budget import Budget

_VARIABLE = regex(r"process\.env(?:\.|\[['\"])(\w+)(?:['\"]\])?")
_ASKED = regex(rf"{_VARIABLE.pattern}(?:\s*(?:\|\||\?\?)\s*{_VARIABLE.pattern})*")
_DEEPEST = 16
_MEANT = {"true": True, "1": True, "undefined": False, "false": False, "null": False, "": False}
_NONE = frozenset({"undefined", "null", "false"})

Needs = tuple[frozenset[str], frozenset[str]]
"""The variables that must not be set, and those that must be."""

ALWAYS: Needs = (frozenset(), frozenset())


def web_servers(code: Code, budget: Budget, given: Node, folder: str) -> tuple[bool, tuple[WebServer, ...]]:
    """Whether a configuration starts servers at all, and those that it may start in CI.

    Raises:
        Exhausted: names and spreads lead to more than the budget holds.
    """
    starts, found = False, []
    for node, conditions in _given(code, budget, given, ()):
        starts = starts or node.type not in _NONE
        needs = _together(*(_needs(code, budget, *each) for each in conditions))
        if node.type in _NONE or needs is None:
            continue
        found.append(_server(code, budget, node, folder, needs))
    return starts, tuple(found)


Condition = tuple["Node", bool]
"""An expression, and what it must come to."""


def _given(
    code: Code, budget: Budget, holder: Node, conditions: tuple[Condition, ...], depth: int = 0
) -> Iterator[tuple[Node, tuple[Condition, ...]]]:
    """What stands under `webServer` in an object, also by `...(process.env.CI ? {} : { webServer: … })`."""
    budget.spend(1 + len(holder.named_children))
    value = property_of(code, holder, "webServer")
    if value is not None:
        yield from _leaves(code, budget, value, conditions)
    for spread in (each for each in holder.named_children if each.type == "spread_element"):
        for node, under in _leaves(code, budget, spread.named_children[0], conditions) if spread.named_children else ():
            if node.type == "object" and depth < _DEEPEST:
                yield from _given(code, budget, node, under, depth + 1)


def _leaves(
    code: Code, budget: Budget, node: Node, conditions: tuple[Condition, ...], depth: int = 0
) -> Iterator[tuple[Node, tuple[Condition, ...]]]:
    """What an expression may come to, each with the conditions under which it does."""
    node = inner(node)
    budget.spend(1)
    if depth >= _DEEPEST:
        yield node, conditions
        return
    match node.type:
        case "ternary_expression":
            asked = node.child_by_field_name("condition")
            for name, wanted in (("consequence", True), ("alternative", False)):
                branch = node.child_by_field_name(name)
                if branch is not None and asked is not None:
                    yield from _leaves(code, budget, branch, (*conditions, (asked, wanted)), depth + 1)
        case "binary_expression" if code.text(node.children[1]) == "&&":
            yield from _leaves(code, budget, node.children[-1], (*conditions, (node.children[0], True)), depth + 1)
        case "array":
            for each in children(node):
                yield from _leaves(code, budget, each, conditions, depth + 1)
        case "identifier" | "shorthand_property_identifier" if (value := declared(code, node)) is not None:
            yield from _leaves(code, budget, value, conditions, depth + 1)
        case _:
            yield node, conditions


def _together(*needs: Needs | Unknown | None) -> Needs | Unknown | None:
    """All of several conditions; None where one never holds."""
    if None in needs:
        return None
    unknown = next((each for each in needs if isinstance(each, Unknown)), None)
    known = [each for each in needs if isinstance(each, tuple)]
    unless = frozenset().union(*(each[0] for each in known))
    given = frozenset().union(*(each[1] for each in known))
    return unknown or (None if unless & given else (unless, given))


def _needs(code: Code, budget: Budget, node: Node, wanted: bool, depth: int = 0) -> Needs | Unknown | None:  # noqa: FBT001  what it must come to
    """What must be set or not for a condition to come out as wanted, in CI; None where it never does."""
    node = inner(node)
    budget.spend(1)
    doubt = Unknown("whether the server starts in CI is computed", code.span(node))
    if depth >= _DEEPEST:
        return doubt
    text = code.text(node)
    key = _VARIABLE.fullmatch(text)
    if key is not None:
        if key[1] == "CI":
            return ALWAYS if wanted else None
        named = frozenset({key[1]})
        return (frozenset(), named) if wanted else (named, frozenset())
    match node.type:
        case "true" | "false":
            return ALWAYS if wanted is (node.type == "true") else None
        case "unary_expression" if text.startswith("!"):
            return _needs(code, budget, node.named_children[-1], not wanted, depth + 1)
        case "call_expression" if text.startswith("Boolean("):
            given = arguments(node)
            return _needs(code, budget, given[0], wanted, depth + 1) if given else doubt
        case "identifier" if (value := declared(code, node)) is not None:
            return _needs(code, budget, value, wanted, depth + 1)
        case "binary_expression":
            left, sign, right = node.children[0], code.text(node.children[1]), node.children[-1]
            if sign in ("===", "==", "!==", "!="):
                told = code.text(inner(right)).strip("'\"`")
                meant = _MEANT.get(told)
                if meant is None:
                    return doubt
                return _needs(code, budget, left, (meant is (sign[0] == "=")) is wanted, depth + 1)
            sides = [_needs(code, budget, each, wanted, depth + 1) for each in (left, right)]
            if sign == ("&&" if wanted else "||"):
                return _together(*sides)
            if sign in ("&&", "||", "??"):  # either will do
                return ALWAYS if ALWAYS in sides else _either(sides, doubt)
        case _:
            pass
    return doubt


def _either(sides: list[Needs | Unknown | None], doubt: Unknown) -> Needs | Unknown | None:
    possible = [each for each in sides if each is not None]
    return possible[0] if len(possible) == 1 else doubt if possible else None


def _server(code: Code, budget: Budget, node: Node, folder: str, needs: Needs | Unknown) -> WebServer:
    span = code.span(node)
    unless, given = needs if isinstance(needs, tuple) else ALWAYS
    doubt = needs if isinstance(needs, Unknown) else None
    if node.type != "object":
        doubt = Unknown("which servers are started is computed", span)
    named = {name: property_of(code, node, name) for name in ("command", "cwd", "url", "port", "reuseExistingServer")}
    command, where, reuses = named["command"], named["cwd"], named["reuseExistingServer"]
    address = named["url"] or named["port"]
    told = None if where is None else text_of(code, budget, where, set())
    inside = posixpath.normpath(posixpath.join(folder, told.value)) if isinstance(told, Known) else folder
    reused = None if reuses is None else _needs(code, budget, reuses, wanted=True)
    return WebServer(
        command=Unknown("the command is computed", span) if command is None else text_of(code, budget, command, set()),
        span=span,
        directory="" if inside == "." else inside,
        address=Absent(span) if address is None else text_of(code, budget, address, set()),
        reuses=Known(reused == ALWAYS, span)
        if reused is None or reused == ALWAYS
        else Unknown("whether a running server is taken is computed", code.span(reuses or node)),
        unless=tuple(sorted(unless)),
        given=tuple(sorted(given)),
        doubt=doubt,
    )


def declared(code: Code, node: Node) -> Node | None:
    """What a name of the file stands for."""
    declared = code.declared.get(code.text(node))
    return declared.child_by_field_name("value") if declared is not None else None


def property_of(code: Code, node: Node, name: str) -> Node | None:
    """What an object holds under a name, the last where there are several."""
    found = None
    for each in children(node):
        key = each.child_by_field_name("key")
        if each.type == "pair" and key is not None and (code.key(key) or ("", None))[0] == name:
            found = each.child_by_field_name("value")
        elif each.type == "shorthand_property_identifier" and code.text(each) == name:
            found = each
    return found


def text_of(code: Code, budget: Budget, node: Node, keys: set[str], depth: int = 0) -> Value[str]:
    """What an expression says where the variables of the environment that it asks first, put in `keys`, are not set."""
    node, span = inner(node), code.span(inner(node))
    plain = code.string(node)
    if plain is not None:
        return Known(*plain)
    budget.spend(1)
    if depth < _DEEPEST:
        match node.type:
            case "number":
                return Known(code.text(node), span)
            case "identifier" | "shorthand_property_identifier" if (value := declared(code, node)) is not None:
                return text_of(code, budget, value, keys, depth + 1)
            case "binary_expression" if code.text(node.children[1]) in ("||", "??"):
                asked = _ASKED.fullmatch(code.text(inner(node.children[0])))
                if asked is not None:
                    keys.update(_VARIABLE.findall(asked[0]))
                    return text_of(code, budget, node.children[-1], keys, depth + 1)
            case "ternary_expression" if (chosen := _chosen(code, budget, node)) is not None:
                return text_of(code, budget, chosen, keys, depth + 1)
            case "template_string":
                parts = list(_parts(code, budget, node, keys, depth))
                if all(isinstance(part, str) for part in parts):
                    return Known("".join(map(str, parts)), span)
            case _:
                pass
    return Unknown("it is computed by code", span)


def _chosen(code: Code, budget: Budget, node: Node) -> Node | None:
    """The branch that a condition takes in CI, where that alone decides it."""
    asked = node.child_by_field_name("condition")
    needs = None if asked is None else _needs(code, budget, asked, wanted=True)
    if needs != ALWAYS and needs is not None:
        return None
    return node.child_by_field_name("alternative" if needs is None else "consequence")


def _parts(code: Code, budget: Budget, node: Node, keys: set[str], depth: int) -> Iterator[str | None]:
    for each in node.named_children:
        if each.type != "template_substitution":
            yield code.text(each)
            continue
        value = text_of(code, budget, each.named_children[0], keys, depth + 1) if each.named_children else None
        yield value.value if isinstance(value, Known) else None
