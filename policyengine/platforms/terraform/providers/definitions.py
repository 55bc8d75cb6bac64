"""The shapes in which container definitions are written: JSON, templates, references, the outputs of modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.terraform_resources import module_type
from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.documents import document
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.sections import Nested, nested_of
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    Reference,
    Tree,
    through,
)

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.resources.stack import ResourceView, Stack


def definitions(task: ResourceView) -> Nested:
    """The container definitions, whatever shape they are written in."""
    tree = task.tree("container_definitions")
    if tree is None:
        return Nested()
    try:
        return nested_of(_expanded(task.stack, document(_replaced(task.stack, tree), "json")))
    except Invalid as error:
        return Nested((), Unknown(f"container_definitions cannot be read: {error}", tree.span, tree.via))


def _replaced(stack: Stack, tree: Tree) -> Tree:
    """References to the outputs of container-definition modules as what those modules give."""
    match tree:
        case Reference(address, attribute):
            module = stack.at(address)
            if module is not None and module.resource.mode == "module" and "container-definition" in module.kind:
                name = attribute.removeprefix("sensitive_").partition("[")[0]
                made: Tree = _cloudposse(module)
                if name.endswith("_list") or name == "json":
                    made = List((made,), tree.span)
                return made if name.endswith("_object") else Encoded(made, "json", tree.span, tree.via)
            return tree
        case Composite(parts, span, via):
            replaced = (_replaced(stack, part) for part in parts)
            kept = (new if isinstance(new, Encoded) else old for new, old in zip(replaced, parts, strict=True))
            return Composite(tuple(kept), span, via)
        case Encoded(inner, form, span, via):
            return Encoded(_replaced(stack, inner), form, span, via)
        case List(items, span, via, unordered, gap):
            return List(tuple(_replaced(stack, item) for item in items), span, via, unordered, gap)
        case _:
            return tree


_CLOUDPOSSE = "cloudposse/ecs-container-definition/aws"


def _cloudposse(module: ResourceView) -> Object:
    """What a module makes of its inputs that is, or is made after, cloudposse/ecs-container-definition."""
    known = module_type(_CLOUDPOSSE)
    names = {name: field for field, told in (known.arguments.items() if known else ()) for name in told}
    entries: dict[str, Tree] = {}
    keys: dict[str, Span] = {}
    block = module.resource.block
    for attribute in block.body.attributes:
        name = names.get(attribute.name, attribute.name)
        tree = module.section.get(attribute.name)
        if tree is not None:
            entries[name] = tree
            keys[name] = block.source.span(attribute.start, attribute.end)
    for kind, target in (("map_environment", "environment"), ("map_secrets", "secrets")):
        given = entries.get(kind)
        if isinstance(given, Object):
            value = "value" if target == "environment" else "valueFrom"
            items = tuple(
                Object(
                    {"name": Known(key, given.keys.get(key, given.span)), value: through(each, *given.via)}, given.span
                )
                for key, each in given.entries.items()
            )
            entries[target] = List(items, given.span, gap=given.gap)
    return Object(entries, module.span, keys=keys)


def _expanded(stack: Stack, tree: Tree) -> Tree:
    """A list of definitions whose elements may be outputs of modules or lists themselves."""
    if not isinstance(tree, List):
        replaced = _replaced(stack, tree)
        return replaced.tree if isinstance(replaced, Encoded) else replaced
    items: list[Tree] = []
    for item in tree.items:
        replaced = _replaced(stack, item)
        inner = replaced.tree if isinstance(replaced, Encoded) else replaced
        items.extend(inner.items if isinstance(inner, List) else [inner])
    return List(tuple(items), tree.span, tree.via, gap=tree.gap)
