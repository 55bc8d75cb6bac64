"""Type constraints of variables: conversion of values to them, with the defaults of `optional()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Known
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.operators import shared
from policyengine.platforms.terraform.language.plain import Invalid, to_bool, to_number, to_string
from policyengine.platforms.terraform.language.scope import HclFrame
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    Tree,
    as_set,
    decided,
    plain,
    unknown_of,
)
from policyengine.syntax.hcl.syntax import (
    Call,
    Embedded,
    Expression,
    Name,
    ObjectExpression,
    Parentheses,
    TupleExpression,
)

if TYPE_CHECKING:
    from policyengine.model.source import Span


def converted(tree: Tree, kind: Expression, frame: HclFrame) -> Tree:
    """A value converted to a type constraint. What does not fit stays as it is: `terraform plan` reports it."""
    try:
        return _converted(tree, kind, frame)
    except Invalid:
        return tree


def _converted(tree: Tree, kind: Expression, frame: HclFrame) -> Tree:
    if isinstance(tree, Known) and tree.value is None:
        return tree
    match kind:
        case Parentheses(_, _, inner):
            return _converted(tree, inner, frame)
        case Embedded(_, _, source, inner):
            return _converted(tree, inner, HclFrame(source, frame.scope))
        case Name(_, _, name):
            return _primitive(tree, name)
        case Call(_, _, "list", (element,)) if isinstance(tree, List):
            return List(_elements(tree.items, element, frame), tree.span, tree.via, gap=tree.gap)
        case Call(_, _, "set", (element,)) if isinstance(tree, List):
            return as_set(_elements(tree.items, element, frame), tree.span, tree.via, tree.gap)
        case Call(_, _, "map", (element,)) if isinstance(tree, Object):
            entries = dict(zip(tree.entries, _elements(tuple(tree.entries.values()), element, frame), strict=True))
            return Object(entries, tree.span, tree.via, tree.keys, tree.gap)
        case Call(_, _, "object", (ObjectExpression() as shape,)) if isinstance(tree, Object):
            return _object(tree, shape, frame)
        case Call(_, _, "tuple", (TupleExpression(_, _, kinds),)) if isinstance(tree, List):
            if len(kinds) != len(tree.items):
                return tree
            pairs = zip(tree.items, kinds, strict=True)
            return List(tuple(converted(item, each, frame) for item, each in pairs), tree.span, tree.via)
        case _:
            return tree


def _elements(items: tuple[Tree, ...], kind: Expression, frame: HclFrame) -> tuple[Tree, ...]:
    """Elements converted to a type constraint; those of `any` share the type that fits all of them."""
    if isinstance(kind, Name) and kind.name == "any":
        return shared(items)
    return tuple(converted(item, kind, frame) for item in items)


def _primitive(tree: Tree, name: str) -> Tree:
    match tree, name:
        case Known(value, span, via), "string":
            return Known(to_string(value), span, via)
        case Known(value, span, via), "number":
            return Known(to_number(value), span, via)
        case Known(value, span, via), "bool":
            return Known(to_bool(value), span, via)
        case ((Composite() | Encoded()), "number") if decided(tree):
            return Known(to_number(plain(tree)), tree.span, tree.via)
        case ((Composite() | Encoded()), "bool") if decided(tree):
            return Known(to_bool(plain(tree)), tree.span, tree.via)
        case _:
            return tree


def _object(tree: Object, shape: ObjectExpression, frame: HclFrame) -> Tree:
    entries: dict[str, Tree] = {}
    keys: dict[str, Span] = dict(tree.keys)
    for item in shape.items:
        name = frame.source.text[item.key.start : item.key.end]
        kind, default, optional = _optional(item.value)
        given = tree.entries.get(name)
        missing = given is None or (isinstance(given, Known) and given.value is None)
        if given is not None and not missing:
            entries[name] = converted(given, kind, frame)
        elif tree.gap is not None and given is None:
            entries[name] = unknown_of(tree.gap)
        elif optional and default is not None:
            entries[name] = converted(settled(default, frame), kind, frame)
        elif optional or given is not None:
            entries[name] = given if given is not None else Known(None, tree.span, tree.via)
    return Object(entries, tree.span, tree.via, keys)


def _optional(kind: Expression) -> tuple[Expression, Expression | None, bool]:
    match kind:
        case Call(_, _, "optional", (inner,)):
            return inner, None, True
        case Call(_, _, "optional", (inner, default)):
            return inner, default, True
        case _:
            return kind, None, False
