"""`count` and `for_each`: the instances of a block, and what `count`, `each` stand for in each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.values import List, Object, Tree, decided, plain, through, unknown_of

if TYPE_CHECKING:
    from policyengine.model.source import Span

MOST = 2_000
"""Instances of one resource or module."""

Expansion = list[tuple[str, dict[str, Tree]]]
"""The instance keys of a block (`""`, `[0]`, `["a"]`) with the names each sees."""


def counted(tree: Tree, span: Span) -> Expansion | Unknown:
    """The instances that a `count` makes."""
    if not decided(tree):
        return unknown_of(tree)
    number = plain(tree)
    if isinstance(number, str) and number.isdigit():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST:
        return Unknown("count is no whole number", span)
    return [(f"[{index}]", {"count": Object({"index": Known(index, span)}, span)}) for index in range(number)]


def keyed(tree: Tree, span: Span) -> Expansion | Unknown:
    """The instances that a `for_each` makes."""
    match tree:
        case Object(entries, _, via, keys, None) if len(entries) <= MOST:
            return [
                (
                    f'["{key}"]',
                    {
                        "each": Object(
                            {"key": Known(key, keys.get(key, span), via), "value": through(entries[key], *via)}, span
                        )
                    },
                )
                for key in sorted(entries)
            ]
        case List(items, _, via, gap=None) if all(map(decided, items)) and len(items) <= MOST:
            found: Expansion = []
            for item in items:
                moved = through(item, *via)
                value = plain(item)
                if not isinstance(value, str):
                    return Unknown("for_each takes a map or a set of strings", span)
                found.append((f'["{value}"]', {"each": Object({"key": moved, "value": moved}, span)}))
            return sorted(found, key=lambda each: each[0])
        case _ if decided(tree):
            return Unknown("for_each takes a map or a set of strings", span)
        case _:
            return unknown_of(tree)


def unknown_names(unknown: Unknown) -> dict[str, Tree]:
    """`each` and `count` where the instances are not known."""
    span = unknown.span
    return {
        "each": Object({"key": unknown, "value": unknown}, span),
        "count": Object({"index": unknown}, span),
    }
