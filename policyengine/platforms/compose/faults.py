"""What is left of a document that Docker Compose refuses at one place: the rest of it still tells what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Unknown
from policyengine.platforms.compose.located import Branch, Items, Leaf, Member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from policyengine.model.source import ReadError, Span
    from policyengine.platforms.compose.located import Node, Path

MOST = 20
"""So many faults are passed over; a file with more is refused as a whole."""


def without(document: Branch, place: Span) -> tuple[Branch, frozenset[Path]]:
    """A document without what stands at a place, or else without the smallest part around it, and the paths of that."""
    dropped: set[Path] = set()
    kept = _without(document, (), lambda span: span == place, dropped)
    if not dropped:
        around = frozenset(_around(document, place))
        kept = _without(document, (), lambda span: span in around, dropped)
    return (kept if isinstance(kept, Branch) else document), frozenset(dropped)


def _without(node: Node, path: Path, faulty: Callable[[Span], bool], dropped: set[Path]) -> Node:
    if isinstance(node, Leaf):
        return node
    if isinstance(node, Items):
        parts = [((*path, str(index)), item.span, item) for index, item in enumerate(node.items)]
        kept = [_without(item, at, faulty, dropped) for at, span, item in parts if not faulty(span)]
        dropped.update(at for at, span, _ in parts if faulty(span))
        return node._replace(items=tuple(kept))
    entries = {}
    for key, (at, value) in node.entries.items():
        if faulty(at) or faulty(value.span):
            dropped.add((*path, key))
        else:
            entries[key] = Member(at, _without(value, (*path, key), faulty, dropped))
    return node._replace(entries=entries)


def _around(node: Node, place: Span) -> list[Span]:
    """The spans of the smallest parts of a document that hold a place."""
    if isinstance(node, Leaf):
        return []
    parts = node.items if isinstance(node, Items) else tuple(member.node for member in node.entries.values())
    inner = [span for part in parts for span in _around(part, place)]
    return inner or [part.span for part in parts if _holds(part.span, place)]


def _holds(outer: Span, inner: Span) -> bool:
    return outer.path == inner.path and outer.start <= inner.start <= inner.end <= outer.end


def doubts(errors: Iterable[ReadError], documents: Iterable[Branch]) -> dict[str, Unknown]:
    """Why what services say may not hold, by their names: Compose refuses a part of them, or of what they extend.

    What they wait for is none of it: however that is mended, it changes nothing of what they run.
    """
    sections = [each for document in documents if isinstance(each := document.get("services"), Branch)]
    found: dict[str, Unknown] = {}
    for error in errors:
        for section in sections:
            _, paths = without(section, error.span)
            for path in paths:
                if path[1:2] == ("depends_on",):
                    continue
                found.setdefault(path[0], Unknown(f"Compose refuses its service: {error.message}", error.span))
    grown = True
    while grown:
        grown = False
        for section in sections:
            for name, base in _extending(section):
                if base in found and name not in found:
                    found[name], grown = found[base], True
    return found


def _extending(services: Branch) -> Iterator[tuple[str, str]]:
    """Which services extend which, by their names."""
    for name, member in services.entries.items():
        base = member.node.get("extends") if isinstance(member.node, Branch) else None
        base = base.get("service") if isinstance(base, Branch) else base
        if isinstance(base, Leaf):
            yield name, str(base.value)
