"""What a container connects to, by its image and its variables: edges to repositories, secrets and datastores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.nodes import Origin
from policyengine.model.value import Absent, known
from policyengine.platforms.terraform.providers.variables import secrets_by_name, told_name
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Service, Variable
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
        read = _secret(stack, variable) if variable.origin is Origin.SECRET else None
        if read is not None:
            yield Edge(EdgeKind.READS, service.id, read.id, variable.key)
        for address in variable.references:
            target = stack.at(address)
            if target is None or target.known.fixed.get("manager") in _GIVEN:
                continue
            if target.known.node in _STORES or target.kind in _OWNERS:
                yield Edge(EdgeKind.CONNECTS, service.id, _owner(target).id, variable.key)


def _secret(stack: Stack, variable: Variable) -> ResourceView | None:
    """The secret that a variable is read from: the first that its reference names, or the one of that name or ARN."""
    for named in (stack.at(address) for address in variable.references):
        version = named is not None and named.kind == "aws_secretsmanager_secret_version"
        owners = named.named(named.tree("secret_id"), "aws_secretsmanager_secret") if named and version else []
        target = owners[0] if owners else named
        if target is not None and target.known.fixed.get("manager") in _GIVEN:
            return target
    return stack.once(secrets_by_name).get(told_name(known(variable.reference or Absent(variable.key_span), "")))


def repository_name(stack: Stack, address: str) -> str | None:
    """The name of the ECR repository at an address."""
    view = stack.at(address)
    if view is None or "ecr" not in view.kind:
        return None
    tree = view.tree("repository_name", "name") if view.resource.mode != "resource" else view.tree("name")
    return known(facts.text(tree, view.span), facts.spoken(tree)) or view.resource.name


def pulls(service: Service, repository: ResourceView) -> Edge:
    """From a container to the repository that its image comes from."""
    return Edge(EdgeKind.PULLS, service.id, repository.id, f"runs an image of {repository.name}")


def _owner(view: ResourceView) -> ResourceView:
    """The cluster of a cluster instance, the group of a member."""
    argument, kind = _OWNERS.get(view.kind, ("", ""))
    owners = view.named(view.section.get(argument), kind) if argument else []
    return owners[0] if owners and owners[0].name != view.name else view
