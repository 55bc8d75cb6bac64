"""Who reads which resources: the readers that the table of resource types names, and those of plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.terraform_resources import module_type, types_read
from policyengine.platforms.terraform.aws import (
    balancers,
    containers,
    databases,
    machines,
    migrations,
    modules,
    principals,
    secrets,
)
from policyengine.platforms.terraform.resources.twins import named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from policyengine.model.graph import Edge
    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.resources.stack import ResourceView, Stack

READERS: Mapping[str, Callable[[ResourceView], Iterator[Node | Edge]]] = {
    "": databases.store,
    "classic_load_balancer": balancers.classic,
    "ecs_cluster_module": modules.cluster_module,
    "ecs_service": balancers.service,
    "ecs_service_module": modules.service_module,
    "ecs_task": containers.task_definition,
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
}
"""By the name that the table of resource types gives."""


def types(added: Mapping[str, object]) -> frozenset[str]:
    """The types of resources that are read; `added` are those of plug-ins."""
    return types_read() | frozenset(added)


def inputs_tell(source: str) -> bool:
    """Whether the inputs of a module, by its source, tell what it makes."""
    return module_type(source) is not None


def build(stack: Stack, added: Mapping[str, Callable[[ResourceView], Iterator[Node | Edge]]]) -> Iterator[Node | Edge]:
    """The nodes and edges that the resources of a root module make. `added` are the readers of plug-ins, by type."""
    for view in stack.views:
        reader = added.get(view.resource.typed) if view.resource.mode != "module" else None
        if reader is None and (view.known.node or view.known.reader):
            reader = READERS[view.known.reader]
        if reader is None or any(view.section.get(name) is not None for name in view.known.unless):
            continue
        yield from (named(made, view.resource) for made in reader(view))
