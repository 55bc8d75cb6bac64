"""The ECS modules of terraform-aws-modules, whose inputs hold container definitions as maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Known, Unknown, known
from policyengine.platforms.terraform.language.sections import Nested, ObjectSection, Section
from policyengine.platforms.terraform.language.values import Object, decided, through, unknown_of
from policyengine.platforms.terraform.providers.balancers import entries, routes
from policyengine.platforms.terraform.providers.containers import Deployment, containers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.graph import Edge
    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.language.plain import Atom
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.resources.arguments import BlockView
    from policyengine.platforms.terraform.resources.stack import ResourceView


def service_module(view: ResourceView) -> Iterator[Node | Edge]:
    """A call of terraform-aws-modules/ecs//modules/service."""
    yield from _service(view, view)


def cluster_module(view: ResourceView) -> Iterator[Node | Edge]:
    """A call of terraform-aws-modules/ecs: a cluster with a map of services."""
    for service in entries(view.tree("services")).values():
        yield from _service(view, service)


def _service(view: ResourceView, service: BlockView) -> Iterator[Node | Edge]:
    launch = known(service.text("launch_type"), str(view.known.defaults["launch_type"]))
    architecture = Known(str(view.known.defaults["cpu_architecture"]), service.span)
    for platform in service.blocks("runtime_platform"):
        found = platform.text("cpu_architecture")
        architecture = found if isinstance(found, Known) else architecture
    yield from routes(view.stack, service, view.part)
    held = service.boolean("ignore_task_definition_changes")
    left = (
        Unknown("the module ignores changes of the task definition", held.span) if known(held, default=False) else None
    )
    deployment = Deployment(service.integer("desired_count"), launch, serves=True, left_alone=left)
    definitions = _named(service.tree("container_definitions"), view.known.defaults["readonly_root_filesystem"])
    yield from containers(view, definitions, deployment, architecture)


def _named(tree: Tree | None, read_only: Atom) -> Nested:
    """A map of container definitions as sections that know their names and the module's defaults."""
    if tree is None:
        return Nested()
    if not isinstance(tree, Object):
        return Nested() if decided(tree) else Nested((), unknown_of(tree))
    sections: list[Section] = []
    for name, inner in tree.entries.items():
        definition = through(inner, *tree.via)
        if not isinstance(definition, Object):
            continue
        place = tree.keys.get(name, tree.span)
        held = dict(definition.entries)
        held.setdefault("name", Known(name, place))
        if "readonly_root_filesystem" not in held:
            held.setdefault("readonlyRootFilesystem", Known(read_only, place))
        made = Object(held, definition.span, definition.via, definition.keys, definition.gap)
        sections.append(ObjectSection(made, place))
    return Nested(tuple(sections), tree.gap)
