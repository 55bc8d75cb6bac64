"""What a condition asks of all nodes of a kind: `every.service`, and what each has at a path, `every.service.name`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from policyengine.model.container import Container
from policyengine.model.declaration import Elements
from policyengine.model.nodes import Node, Variable

if TYPE_CHECKING:
    from msgspec import Struct

    from policyengine.model.source import Span
    from policyengine.model.value import Unknown
    from policyengine.rules.declarative.facts import Fact, Need

EVERY = "every"
"""The root that has all nodes of the graph, by their kinds."""


class Every(NamedTuple):
    """All things of each kind that can be selected, and why there may be more of one than was read."""

    of: Callable[[str], Iterable[Struct]]
    gap: Callable[[str], Unknown | None]


class Spread(NamedTuple):
    """Facts of many things: of all nodes of a kind, or what each of these has at a path."""

    facts: tuple[Fact, ...]


def all_of(every: Every, kind: str) -> Iterator[tuple[Struct | None, Span, Unknown | None]]:
    """All things of a kind with their places; of one that may not be there, and of what was not read, why."""
    for each in every.of(kind):
        node = each.node if isinstance(each, Container) else each
        if isinstance(node, Node):
            yield (each, node.span, None) if node.doubt is None else (None, node.doubt.span, node.doubt)
    gap = every.gap(kind)
    if gap is not None:
        yield None, gap.span, gap


def listed(value: object) -> bool:
    """Whether something is a list, or variables by their keys, and no single thing."""
    several = type(value) in (tuple, list, frozenset, set)
    return several or isinstance(value, Elements) or (isinstance(value, Mapping) and keyed(value.values()))


def named_in(value: object, step: str | int) -> bool:
    """Whether something is a list of variables, and a step the key of one."""
    values = value.values() if isinstance(value, Mapping) else value
    return isinstance(values, Collection) and keyed(values) and step not in Variable.__struct_fields__


def keyed(values: Iterable[object]) -> bool:
    """Whether these are variables, which are asked by their own keys."""
    return isinstance(next(iter(values), None), Variable)


_SHOWN = frozenset({"file", "id", "kind", "name", "role", "side", "type"})
"""What of a node is no secret."""


def is_open_to_all(need: Need) -> bool:
    """Whether what a condition needs of all nodes can be shown; what it needs of its row is asked by itself."""
    if not need.path or need.path[0] != EVERY:
        return True
    asked = need.path[2:3]
    inner = (each.path[0] if each.path else "" for each in need.inner)
    return _SHOWN.issuperset(asked) and (bool(asked) or _SHOWN.issuperset(inner))
