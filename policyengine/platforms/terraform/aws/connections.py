"""What a container connects to, by its image and its variables: edges to repositories, secrets and datastores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.nodes import Origin
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Service
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.resources.instances import Resource
    from policyengine.platforms.terraform.resources.stack import Stack

_STORES = frozenset(
    {
        "aws_db_instance",
        "aws_rds_cluster",
        "aws_rds_cluster_instance",
        "aws_elasticache_replication_group",
        "aws_elasticache_cluster",
        "aws_elasticache_serverless_cache",
        "aws_opensearch_domain",
        "aws_elasticsearch_domain",
        "aws_sqs_queue",
        "aws_s3_bucket",
        "aws_memorydb_cluster",
        "supabase_project",
    }
)


def edges(stack: Stack, service: Service, image: Tree | None) -> Iterator[Edge]:
    """From a container to the repository of its image, the secrets it is given, and the stores its variables name."""
    for address in facts.references(image) if image is not None else ():
        repository = stack.at(address)
        if repository is not None and "ecr" in repository.kind:
            yield Edge(
                EdgeKind.PULLS, service.id, stack.id(repository.address), f"runs an image of {repository.address}"
            )
    for variable in service.environment:
        for address in variable.references:
            target = stack.at(address)
            if target is None:
                continue
            if target.kind in ("aws_secretsmanager_secret", "aws_ssm_parameter") or _is_secret(target):
                if variable.origin is Origin.SECRET:
                    yield Edge(EdgeKind.READS, service.id, stack.id(target.address), variable.key)
            elif target.kind in _STORES or (target.mode == "module" and _is_store(target.kind)):
                owner = _owner(stack, target)
                yield Edge(EdgeKind.CONNECTS, service.id, stack.id(owner.address), variable.key)


def _is_secret(target: Resource) -> bool:
    return target.mode == "module" and any(part in target.kind for part in ("/secrets-manager", "/ssm-parameter"))


def _is_store(source: str) -> bool:
    return any(part in source for part in ("/rds", "/elasticache", "/sqs/", "/s3-bucket/", "/opensearch"))


def _owner(stack: Stack, resource: Resource) -> Resource:
    """The cluster of a cluster instance, the group of a member."""
    for argument, kind in (
        ("cluster_identifier", "aws_rds_cluster"),
        ("replication_group_id", "aws_elasticache_replication_group"),
        ("replicate_source_db", "aws_db_instance"),
    ):
        if resource.kind.startswith(kind.split("_", 2)[0]) and resource.get(argument) is not None:
            owners = stack.named(resource.get(argument), kind)
            if owners and owners[0].address != resource.address:
                return owners[0]
    return resource
