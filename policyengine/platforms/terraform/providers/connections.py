"""What a container connects to, by its image and its variables: edges to repositories, secrets and datastores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.nodes import Origin
from policyengine.model.value import known
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Service
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.resources.stack import ResourceView, Stack

_STORES = frozenset({"Database", "Cache", "Search", "Queue", "Bucket"})
_GIVEN = frozenset({"aws-secretsmanager", "ssm"})
"""The managers whose secrets ECS gives to containers."""

_OWNERS = {
    "aws_rds_cluster_instance": ("cluster_identifier", "aws_rds_cluster"),
    "aws_elasticache_cluster": ("replication_group_id", "aws_elasticache_replication_group"),
    "aws_db_instance": ("replicate_source_db", "aws_db_instance"),
}
"""The argument by which a part of a store names the store that it is a part of."""


def edges(stack: Stack, service: Service, image: Tree | None) -> Iterator[Edge]:
    """From a container to the repository of its image, the secrets it is given, and the stores its variables name."""
    for address in facts.references(image) if image is not None else ():
        repository = stack.at(address)
        if repository is not None and "ecr" in repository.kind:
            yield pulls(service, repository)
    for variable in service.environment:
        for address in variable.references:
            target = stack.at(address)
            if target is None:
                continue
            if target.known.fixed.get("manager") in _GIVEN:
                if variable.origin is Origin.SECRET:
                    yield Edge(EdgeKind.READS, service.id, target.id, variable.key)
            elif target.known.node in _STORES or target.kind in _OWNERS:
                yield Edge(EdgeKind.CONNECTS, service.id, _owner(target).id, variable.key)


def repository_name(stack: Stack, address: str) -> str | None:
    """The name of the ECR repository at an address."""
    view = stack.at(address)
    if view is None or "ecr" not in view.kind:
        return None
    tree = view.tree("repository_name", "name") if view.resource.mode == "module" else view.tree("name")
    return known(facts.text(tree, view.span), facts.spoken(tree)) or view.resource.name


def pulls(service: Service, repository: ResourceView) -> Edge:
    """From a container to the repository that its image comes from."""
    return Edge(EdgeKind.PULLS, service.id, repository.id, f"runs an image of {repository.name}")


def _owner(view: ResourceView) -> ResourceView:
    """The cluster of a cluster instance, the group of a member."""
    argument, kind = _OWNERS.get(view.kind, ("", ""))
    owners = view.named(view.section.get(argument), kind) if argument else []
    return owners[0] if owners and owners[0].name != view.name else view
