"""The ECS modules of terraform-aws-modules, whose inputs hold container definitions as maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Known
from policyengine.platforms.terraform.aws.balancers import routes
from policyengine.platforms.terraform.aws.containers import Deployment, containers
from policyengine.platforms.terraform.language.sections import Nested, ObjectSection, Section
from policyengine.platforms.terraform.language.values import Object, Tree, decided, through, unknown_of
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.graph import Edge
    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.resources.instances import Resource
    from policyengine.platforms.terraform.resources.stack import Stack

# terraform-aws-modules/ecs/aws//modules/service, variables.tf of 5.12 and 6.0: launch_type FARGATE, desired_count 1,
# runtime_platform LINUX/X86_64; modules/container-definition: readonly_root_filesystem true, essential as in the API.
DEFAULT_ARCHITECTURE = "X86_64"
DEFAULT_READ_ONLY = True


def service_module(stack: Stack, resource: Resource) -> Iterator[Node | Edge]:
    """A call of terraform-aws-modules/ecs//modules/service."""
    yield from _service(stack, resource, resource.section)


def cluster_module(stack: Stack, resource: Resource) -> Iterator[Node | Edge]:
    """A call of terraform-aws-modules/ecs: a cluster with a map of services."""
    services = resource.get("services")
    if isinstance(services, Object):
        for name in services.entries:
            tree = through(services.entries[name], *services.via)
            if isinstance(tree, Object):
                section = ObjectSection(tree, services.keys.get(name, tree.span))
                yield from _service(stack, resource, section, prefix=name)


def _service(stack: Stack, resource: Resource, section: Section, prefix: str = "") -> Iterator[Node | Edge]:
    del prefix
    count = facts.integer(section.get("desired_count"), section.span)
    launch = facts.text(section.get("launch_type"), section.span)
    architecture = Known(DEFAULT_ARCHITECTURE, section.span)
    platform = section.get("runtime_platform")
    if isinstance(platform, Object):
        found = facts.text(ObjectSection(platform, platform.span).get("cpu_architecture"), section.span)
        if isinstance(found, Known):
            architecture = found
    definitions = section.get("container_definitions")
    yield from routes(stack, section, lambda name: stack.id(resource.address, name))
    deployment = Deployment(count, launch.value if isinstance(launch, Known) else "FARGATE", serves=True)
    yield from containers(stack, resource, _named(definitions), deployment, architecture)


def _named(tree: Tree | None) -> Nested:
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
        entries = dict(definition.entries)
        entries.setdefault("name", Known(name, place))
        if "readonly_root_filesystem" not in entries:
            entries.setdefault("readonlyRootFilesystem", Known(DEFAULT_READ_ONLY, place))
        made = Object(entries, definition.span, definition.via, definition.keys, definition.gap)
        sections.append(ObjectSection(made, place))
    return Nested(tuple(sections), tree.gap)
