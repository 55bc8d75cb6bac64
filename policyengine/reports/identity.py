"""The identity of a result: what neither moving lines nor another wrong value changes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from policyengine.model.source import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyengine.model.nodes import Node
    from policyengine.rules.evaluate import Result


SHORT = 10
"""So many characters of an identity are shown where people may type it."""


def identity(result: Result, moved: Callable[[str], str] = str) -> str:
    """A fingerprint that neither moving lines nor another wrong value changes: rule, node and attribute.

    `moved` gives the node's id another spelling: of a file that was renamed.
    """
    finding = result.finding
    return digest(
        result.rule.id, moved(finding.subject.id), attribute(finding.subject, finding.at, result.span), finding.variant
    )


def attribute(node: Node, at: object, span: Span) -> str:
    """The name of the field of a node that something is, `variables.KEY` for one in a list, else empty."""
    key = getattr(at, "key", None)
    if isinstance(key, str):
        return key
    close = ""
    for name in node.__struct_fields__:
        value = getattr(node, name, None)
        if value is at:
            return name
        if not close and getattr(value, "span", None) == span:
            close = name
        for part in value if isinstance(value, tuple) and not isinstance(value, Span) else ():
            inner = getattr(part, "value", None)
            if part is at or inner is at or getattr(part, "span", None) == span:
                return f"{name}.{getattr(part, 'key', '')}"
    return close


def digest(*parts: str) -> str:
    """SHA-256 of the parts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def unique(found: str, seen: dict[str, int]) -> str:
    """A digest that no result before has: the second of equal ones gets a number."""
    seen[found] = seen.get(found, 0) + 1
    return found if seen[found] == 1 else digest(found, str(seen[found]))
