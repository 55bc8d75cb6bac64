"""Evaluated values as the content of declarations."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from policyengine.model.declaration import Elements, Entries
from policyengine.model.value import Absent, Floating, Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.documents import document
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    InstanceTree,
    List,
    Object,
    Reference,
    Tree,
    decided,
    unknown_of,
    whole,
)
from policyengine.platforms.terraform.resources.facts import symbolic, text

if TYPE_CHECKING:
    from policyengine.model.declaration import Atom, Content
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language import plain

_LOOKED_UP = regex(r"(?:^|\.)data\.")
_DOCUMENT = regex(r"\s*[\[{]")


def content(tree: Tree, place: Span) -> Content:
    """A value with all its parts. A text that is a JSON document is what the document says; null is not given."""
    match tree:
        case Known(None, _, via):
            return Absent(place, via)
        case Known(str() as written, span, via) if not _DOCUMENT.match(written):
            return Known(written, span, via)
        case Known(str()) | Composite():
            return _text(tree, place)
        case Known(value, span, via):
            return Known(_number(value), span, via)
        case Unknown():
            return tree
        case Reference(address, _, span, via):
            return _later(tree, address, tree.text, (*via, Via(tree.text, span)))
        case InstanceTree(address, span, via=via) if tree.whole is None:
            return _later(tree, address, address, (*via, Via(address, span)))
        case InstanceTree():
            return content(whole(tree), place)
        case Encoded(inner, "json" | "yaml", span, via):
            found = content(inner, place)
            return found if isinstance(found, Entries | Elements) else text(tree, place)
        case Encoded():
            return text(tree, place)
        case List(items, span, via, gap=gap):
            return Elements(tuple(content(each, span) for each in items), span, gap, via)
        case Object(entries, span, via, keys, gap):
            below = {key: content(each, keys.get(key, span)) for key, each in entries.items()}
            return Entries(below, span, gap, via)


def _number(value: plain.Atom) -> Atom:
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return "" if value is None else value


def _later(tree: Tree, address: str, named: str, via: tuple[Via, ...]) -> Content:
    """What exists only after apply: given for certain where this configuration makes it."""
    if _LOOKED_UP.search(address):
        found = unknown_of(tree)
        return Unknown(found.reason, found.span, via)
    return Floating(f"${{{named}}}", tree.span, via)


def _text(tree: Known[plain.Atom] | Composite, place: Span) -> Content:
    """A text, or the document that it is."""
    first = tree.parts[0] if isinstance(tree, Composite) and tree.parts else tree
    if isinstance(first, Known) and isinstance(first.value, str) and _DOCUMENT.match(first.value):
        try:
            found = document(tree, "json")
        except Invalid:
            pass
        else:
            if isinstance(found, List | Object):
                return content(found, place)
    if decided(tree) or not isinstance(tree, Composite):
        return text(tree, place)
    via = tuple(step for part in tree.parts for step in _passed(part))
    if not any(isinstance(part, Known) and part.value for part in tree.parts):
        found = unknown_of(tree)
        return Unknown(found.reason, found.span, (*tree.via, *via))
    return Floating(symbolic(tree), tree.span, (*tree.via, *via))


def _passed(part: Tree) -> tuple[Via, ...]:
    return (*part.via, Via(part.text, part.span)) if isinstance(part, Reference) else part.via
