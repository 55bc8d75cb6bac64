"""Evaluated resources → graph nodes: which Terraform type is which node of the cloud side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from policyengine.graph import Edge, EdgeKind
from policyengine.lower import Lowered
from policyengine.lower.terraform import containers, datastores
from policyengine.lower.terraform.containers import Seen
from policyengine.lower.terraform.datastores import connected, node_id
from policyengine.lower.terraform.resource import Resource, objects, references, text
from policyengine.lower.terraform.values import Encoded, Object
from policyengine.nodes import Extension, MigrationRunner, Repository, Secret, Service, Side
from policyengine.value import Absent, Known, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.nodes import Datastore, Node

TYPES = (
    datastores.TYPES
    | containers.TYPES
    | frozenset(
        {
            "aws_ecr_repository",
            "aws_secretsmanager_secret",
            "aws_secretsmanager_secret_version",
            "aws_ssm_parameter",
            "postgresql_extension",
            "null_resource",
            "terraform_data",
        }
    )
)
"""The resource types that make nodes, or say something about one."""


def nodes(resources: Sequence[Resource]) -> Lowered:
    """The nodes and edges that the resources make."""
    stores = datastores.datastores(resources)
    repositories = {each.address: _repository(each) for each in resources if each.type == "aws_ecr_repository"}
    secrets = {each.address: _secret(each, resources) for each in resources if each.type in _SECRETS and not each.data}
    by_address: dict[str, Datastore] = {store.id.partition(":")[2]: store for store in stores}
    seen = Seen(repositories, secrets, by_address)
    services, edges = containers.containers(resources, seen)
    services = [_named(service, repositories) for service in services]
    edges.extend(_through_secrets(resources, secrets, by_address, services, edges))
    extensions = [_extension(each) for each in resources if each.type == "postgresql_extension"]
    runners = list(_runners(resources, services))
    made: list[Node] = [*stores, *repositories.values(), *secrets.values(), *services, *extensions, *runners]
    return Lowered(nodes=tuple(made), edges=tuple(sorted(set(edges), key=lambda edge: (edge.source, edge.target, edge.reason))))


_SECRETS = frozenset({"aws_secretsmanager_secret", "aws_ssm_parameter"})


def _repository(resource: Resource) -> Repository:
    mutability = resource.text("image_tag_mutability")
    immutable: Value[bool] = (
        Known(mutability.value.upper().startswith("IMMUTABLE"), mutability.span, mutability.via)
        if isinstance(mutability, Known)
        else Unknown(mutability.reason, mutability.span)
        if isinstance(mutability, Unknown)
        else Absent(resource.span)
    )
    name = resource.text("name")
    return Repository(
        id=node_id(resource.address),
        name=name.value if isinstance(name, Known) else resource.name,
        side=Side.CLOUD,
        span=resource.span,
        repository=name,
        immutable=immutable,
    )


def _secret(resource: Resource, every: Sequence[Resource]) -> Secret:
    manager = "ssm" if resource.type == "aws_ssm_parameter" else "aws-secretsmanager"
    kind = resource.text("type")
    secure: Value[bool] | None = None
    if manager == "ssm" and isinstance(kind, Known):
        secure = Known(kind.value == "SecureString", kind.span, kind.via)
    name = resource.text("name")
    return Secret(
        id=node_id(resource.address),
        name=name.value if isinstance(name, Known) else resource.name,
        side=Side.CLOUD,
        span=resource.span,
        manager=manager,
        keys=_keys(resource, every) if manager == "aws-secretsmanager" else Absent(resource.span),
        secure=secure,
    )


def _versions(secret_address: str, every: Sequence[Resource]) -> Iterator[Resource]:
    for version in every:
        if version.type == "aws_secretsmanager_secret_version" and not version.data:
            if any(each.address == secret_address for each in references(version.get("secret_id"))):
                yield version


def _keys(resource: Resource, every: Sequence[Resource]) -> Value[tuple[str, ...]]:
    """The names in the JSON object of a secret's version; values are never looked at."""
    for version in _versions(resource.address, every):
        tree = version.get("secret_string")
        if isinstance(tree, Encoded) and isinstance(tree.tree, Object) and tree.tree.gap is None:
            return Known(tuple(tree.tree.entries), tree.span)
        return Unknown("the secret's value is not a JSON object in the files", version.span)
    return Absent(resource.span)


def _through_secrets(
    resources: Sequence[Resource],
    secrets: dict[str, Secret],
    stores: dict[str, Datastore],
    services: Sequence[Service],
    edges: Sequence[Edge],
) -> Iterator[Edge]:
    """Service → Datastore by a secret whose value is made of the datastore's attributes."""
    holds: dict[tuple[str, str], list[str]] = {}
    for address, secret in secrets.items():
        values = list(_versions(address, resources)) or [each for each in resources if each.address == address]
        for version in values:
            tree = version.get("secret_string") or version.get("value")
            if isinstance(tree, Encoded) and isinstance(tree.tree, Object):
                for key, store in connected(tree.tree.entries.items(), stores):
                    holds.setdefault((secret.id, key), []).append(store)
            for _, store in connected([("", tree)], stores) if tree is not None else ():
                holds.setdefault((secret.id, ""), []).append(store)
    by_id = {service.id: service for service in services}
    for edge in edges:
        if edge.kind is not EdgeKind.READS or edge.source not in by_id:
            continue
        variable = by_id[edge.source].variable(edge.reason)
        where = variable.reference if variable is not None else None
        key = where.value.split(":")[-3] if isinstance(where, Known) and where.value.endswith("::") else ""
        for store in holds.get((edge.target, key), ()):
            yield Edge(EdgeKind.CONNECTS, edge.source, store, edge.reason)


def _named(service: Service, repositories: dict[str, Repository]) -> Service:
    """The service with the repository's own name in its image, where Terraform says it."""
    image = service.image
    if not isinstance(image, Known) or not image.value.repository.startswith("ecr--"):
        return service
    for address, repository in repositories.items():
        if image.value.repository == containers.placeholder(address):
            name = repository.repository.value if isinstance(repository.repository, Known) else repository.name
            return replace(service, image=replace(image, value=replace(image.value, repository=name)))
    return replace(service, image=Unknown("the image repository is not in the files", image.span, image.via))


def _extension(resource: Resource) -> Extension:
    return Extension(
        id=node_id(resource.address),
        name=resource.name,
        side=Side.CLOUD,
        span=resource.span,
        extension=resource.text("name"),
    )


def _runners(resources: Sequence[Resource], services: Sequence[Service]) -> Iterator[MigrationRunner]:
    """Task definitions, null_resource and terraform_data that run migrations."""
    for service in services:
        if containers.migrates(service):
            trigger = _trigger(resources, service.group.partition(":")[2])
            yield MigrationRunner(
                id=f"{service.id}/migrations",
                name=service.name,
                side=Side.CLOUD,
                span=service.span,
                tool="ecs",
                hashed=trigger if trigger is not None else Absent(service.span),
            )
    for resource in resources:
        if resource.type not in ("null_resource", "terraform_data"):
            continue
        lines = " ".join(
            line.value
            for block in objects(resource.get("provisioner"))
            if isinstance(line := text(block.entries.get("command"), block.span), Known)
        )
        if containers.MIGRATES.search(lines):
            yield MigrationRunner(
                id=node_id(resource.address),
                name=resource.name,
                side=Side.CLOUD,
                span=resource.span,
                tool=resource.type,
                hashed=_hashed(resource),
            )


def _trigger(resources: Sequence[Resource], task: str) -> Value[bool] | None:
    """Whether a resource that mentions a task definition runs it anew when the migrations change."""
    for resource in resources:
        if resource.type in ("null_resource", "terraform_data"):
            trees = [tree for name, tree in resource.attributes.items() if name not in ("depends_on",)]
            if any(reference.address == task for tree in trees for reference in references(tree)):
                return _hashed(resource)
    return None


def _hashed(resource: Resource) -> Value[bool]:
    tree = resource.get("triggers_replace") or resource.get("triggers") or resource.get("input")
    if tree is None:
        return Absent(resource.span)
    return Known(resource.hashes, tree.span)
