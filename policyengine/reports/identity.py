"""The identity of a result: what neither moving lines nor another wrong value changes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.source import Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyengine.model.nodes import Node
    from policyengine.rules.evaluate import Result


SHORT = 10
"""So many characters of an identity are shown where people may type it."""


def identity(result: Result, moved: Callable[[str], str] = str) -> str:
    """A fingerprint that neither moving lines nor another wrong value changes: rule, node and attribute.

    A rule may say itself what of the node it is about; of a node as a whole, which form the problem takes tells one
    from another. `moved` gives the node's id another spelling: of a file that was renamed.
    """
    finding = result.finding
    about = finding.about or attribute(finding.subject, finding.at, result.span) or f"?{finding.variant}"
    return digest(result.rule.id, moved(finding.subject.id), about)


def attribute(node: Node, at: object, span: Span) -> str:
    """The names that lead to a place in a node, `environment.KEY`, and never a number; empty where it is not in it."""
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
            holds = isinstance(part, Struct) and any(getattr(part, each) is at for each in part.__struct_fields__)
            if holds or span in (getattr(part, "span", None), getattr(part, "key_span", None)):
                return f"{name}.{_label(part)}"
    return close or _holder(node, span)


def _holder(whole: Struct, span: Span) -> str:
    """The names that lead to the innermost part that holds a place: `environment.DATABASE_URL`, `healthcheck.test`."""
    for name in whole.__struct_fields__:
        value = getattr(whole, name, None)
        for part in value if isinstance(value, tuple) and not isinstance(value, Span) else (value,):
            place = getattr(part, "span", None) or getattr(getattr(part, "value", None), "span", None)
            if isinstance(part, Struct) and isinstance(place, Span) and place.holds(span):
                words = (name, _label(part) if part is not value else "", _holder(part, span))
                return ".".join(filter(None, words))
    return ""


_LABELS = ("key", "target", "path", "network", "service", "name", "event", "tool", "runner")
"""What parts of nodes are called by."""


def _label(part: object) -> str:
    for name in _LABELS:
        found = getattr(part, name, None)
        text = found if isinstance(found, str) else getattr(found, "value", None)
        if isinstance(text, (str, int)) and text != "":
            return str(text)
    return ""


def digest(*parts: str) -> str:
    """SHA-256 of the parts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def unique(found: str, seen: dict[str, int]) -> str:
    """A digest that no result before has: the second of equal ones gets a number."""
    seen[found] = seen.get(found, 0) + 1
    return found if seen[found] == 1 else digest(found, str(seen[found]))
