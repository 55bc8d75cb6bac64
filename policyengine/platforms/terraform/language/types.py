"""Type constraints of variables: what a `type` argument means, and values converted to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.platforms.terraform.language.coercion import convert
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.kinds import ANY, CollectionKind, Kind, ObjectKind, TupleKind
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.scope import HclFrame
from policyengine.syntax.hcl.syntax import (
    Call,
    Embedded,
    Expression,
    Literal,
    Name,
    ObjectExpression,
    Parentheses,
    TupleExpression,
)

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.values import Tree


def converted(tree: Tree, kind: Expression, frame: HclFrame) -> Tree:
    """A value converted to a type constraint. What does not fit stays as it is: `terraform plan` reports it."""
    try:
        return convert(tree, constraint(kind, frame))
    except Invalid:
        return tree


def constraint(kind: Expression, frame: HclFrame) -> Kind:
    """The type that a `type` argument stands for; `any` for one that cannot be read."""
    match kind:
        case Parentheses(_, _, inner):
            return constraint(inner, frame)
        case Embedded(_, _, source, inner):
            return constraint(inner, HclFrame(source, frame.scope))
        case Name(_, _, name):
            return _named(name)
        case Literal(start, end):  # in quotes, as before Terraform 0.12
            return _named(frame.source.text[start:end])
        case Call(_, _, "list" | "set" | "map" as form, (element,)):
            return CollectionKind(form, constraint(element, frame))
        case Call(_, _, "object", (ObjectExpression() as shape,)):
            return _object(shape, frame)
        case Call(_, _, "tuple", (TupleExpression(_, _, kinds),)):
            return TupleKind(tuple(constraint(each, frame) for each in kinds))
        case _:
            return ANY


def _named(name: str) -> Kind:
    if name in ("list", "set", "map"):
        return CollectionKind(name, ANY)
    return name if name in ("string", "number", "bool") else ANY


def _object(shape: ObjectExpression, frame: HclFrame) -> ObjectKind:
    attributes: dict[str, Kind] = {}
    optional: dict[str, Tree | None] = {}
    for item in shape.items:
        name = frame.source.text[item.key.start : item.key.end]
        match item.value:
            case Call(_, _, "optional", (inner, *defaults)):
                attributes[name] = constraint(inner, frame)
                optional[name] = settled(defaults[0], frame) if defaults else None
            case kind:
                attributes[name] = constraint(kind, frame)
    return ObjectKind(attributes, optional)
