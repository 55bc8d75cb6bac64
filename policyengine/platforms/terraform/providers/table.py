"""Who reads which resources: the readers that the table of resource types names, and those of plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.terraform_resources import makes_nothing, types_read
from policyengine.model.nodes import Node, UnreadModule
from policyengine.patterns import regex
from policyengine.platforms.terraform.providers import (
    balancers,
    charts,
    containers,
    databases,
    deliveries,
    machines,
    migrations,
    modules,
    principals,
    secrets,
    workloads,
)
from policyengine.platforms.terraform.resources.twins import named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from policyengine.model.graph import Edge
    from policyengine.platforms.terraform.resources.instances import Resource
    from policyengine.platforms.terraform.resources.stack import ResourceView, Stack

_INNER = regex(r"\.(?=[a-z]\w*\.)")  # what follows lies in the module whose address stands before

READERS: Mapping[str, Callable[[ResourceView], Iterator[Node | Edge]]] = {
    "": databases.store,
    "build_project": deliveries.project,
    "by_engine": databases.by_engine,
    "chart": charts.chart,
    "classic_load_balancer": balancers.classic,
    "ecs_cluster_module": modules.cluster_module,
    "ecs_service": balancers.service,
    "ecs_service_module": modules.service_module,
    "ecs_task": containers.task_definition,
    "delivery_pipeline": deliveries.pipeline,
    "elasticache": databases.elasticache,
    "extension": migrations.extension,
    "image_repository": secrets.repository,
    "infisical": secrets.infisical,
    "load_balancer": balancers.balancer,
    "load_balancer_module": balancers.module,
    "machine": machines.machine,
    "migration_runner": migrations.runner,
    "opensearch": databases.opensearch,
    "parameter": secrets.parameter,
    "rds": databases.rds,
    "role": principals.role,
    "secret": secrets.secret,
    "sqs": databases.sqs,
    "synchronised_secrets": secrets.synchronised,
    "target_group": balancers.target_group,
    "workload": workloads.workload,
}
"""By the name that the table of resource types gives."""


def types(added: Mapping[str, object]) -> frozenset[str]:
    """The types of resources that are read; `added` are those of plug-ins."""
    return types_read() | frozenset(added)


def inputs_tell(call: Resource) -> bool:
    """Whether the inputs of a module tell all of what it makes."""
    return call.makes is not None and not call.makes.opaque


def build(stack: Stack, added: Mapping[str, Callable[[ResourceView], Iterator[Node | Edge]]]) -> Iterator[Node | Edge]:
    """The nodes and edges that the resources of a root module make. `added` are the readers of plug-ins, by type."""
    planned = (each.name for each in stack.views if each.known.node and each.resource.mode != "module")
    inside = {address[: found.start()] for address in planned for found in _INNER.finditer(address)}
    for view in stack.views:
        if view.name in inside and (view.known.opaque or not view.known.source):
            continue  # a plan or state tells what the module makes
        if view.resource.mode == "module" and not view.known.source and not makes_nothing(view.kind):
            yield UnreadModule(id=view.id, name=view.name, side=view.side, span=view.span)
        reader = added.get(view.resource.typed) if view.resource.mode != "module" else None
        if reader is None and (view.known.node or view.known.reader):
            reader = READERS[view.known.reader]
        if reader is None or any(view.section.get(name) is not None for name in view.known.unless):
            continue
        doubt = view.resource.doubt
        for made in reader(view):
            node = named(made, view.resource)
            yield replace(node, doubt=doubt) if doubt is not None and isinstance(node, Node) else node
