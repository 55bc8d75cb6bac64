"""Attributes and elements of trees: `value.name` and `value[key]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.plain import Invalid, to_number, to_string
from policyengine.platforms.terraform.language.secrecy import named
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    InstanceTree,
    List,
    Object,
    Reference,
    Tree,
    decided,
    plain,
    through,
    unknown_of,
)

if TYPE_CHECKING:
    from policyengine.model.source import Span


def attribute(value: Tree, name: str, span: Span) -> Tree:
    """`value.name`. Raises Invalid where there is none."""
    match value:
        case Object(entries, _, via, gap=gap):
            if name in entries:
                return through(named(entries[name], name, span), *via)
            if gap is not None:
                return through(gap, *via)
            raise Invalid(f"an object has no attribute {name!r}")
        case InstanceTree(look=look, via=via):
            return through(look(name, span), *via)
        case Reference(address, inner, place, via):
            return Reference(
                address,
                f"{inner}.{name}" if inner else name,
                place.cover(span) if place.path == span.path else place,
                via,
            )
        case Unknown():
            return value
        case List() if name.isdigit():
            return indexed(value, Known(int(name), span), span)
        case List() | Known() | Composite() | Encoded():
            raise Invalid(f"a value has no attribute {name!r}")
        case _:
            assert_never(value)


def indexed(value: Tree, key: Tree, span: Span) -> Tree:
    """`value[key]`. Raises Invalid where there is no such element."""
    match value:
        case InstanceTree(whole=outputs) if outputs is not None and decided(key):
            return attribute(value, to_string(plain(key)), span)
        case Unknown() | InstanceTree():
            return value
        case Reference(address, inner, place, via):
            shown = plain(key) if decided(key) else None
            written = f'"{shown}"' if isinstance(shown, str) else to_string(shown) if shown is not None else "…"
            return Reference(address, f"{inner}[{written}]", place, via)
        case Object(entries, _, via, gap=gap):
            if not decided(key):
                return Unknown(f"the key is not known: {unknown_of(key).reason}", span, (*key.via, *via))
            name = to_string(plain(key))
            if name in entries:
                return through(named(entries[name], name, span), *via)
            if gap is not None:
                return through(gap, *via)
            raise Invalid(f"a map has no element {name!r}")
        case List(items, _, via, unordered=unordered, gap=gap):
            if unordered:
                raise Invalid("a set has no indices")
            if not decided(key):
                return Unknown(f"the index is not known: {unknown_of(key).reason}", span, (*key.via, *via))
            if gap is not None:  # where in the list there may be more is not known
                return through(gap, *via)
            index = to_number(plain(key))
            if isinstance(index, int) and 0 <= index < len(items):
                return through(items[index], *via)
            raise Invalid(f"a list has no element {to_string(index)}")
        case Known() | Composite() | Encoded():
            raise Invalid("a value that is no collection has no elements")
        case _:
            assert_never(value)
