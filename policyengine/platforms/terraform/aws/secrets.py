"""Secrets, parameters and image repositories as nodes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.model.nodes import Repository, Secret
from policyengine.model.value import Absent, Known, Unknown, Value, map_value
from policyengine.platforms.terraform.aws.variables import secret_content, versions
from policyengine.platforms.terraform.language.documents import document
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.values import Object, Tree, decided, unknown_of
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.resources.instances import Resource
    from policyengine.platforms.terraform.resources.stack import Stack


def secret(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_secretsmanager_secret with the keys of the JSON that Terraform puts in."""
    yield Secret(
        id=stack.id(resource.address),
        name=_name(resource, "name"),
        side=stack.side,
        span=resource.span,
        manager="aws-secretsmanager",
        keys=_keys(stack, resource),
    )


def _name(resource: Resource, argument: str) -> str:
    value = facts.text(resource.get(argument), resource.span)
    return value.value if isinstance(value, Known) else resource.address


def _keys(stack: Stack, resource: Resource) -> Value[tuple[str, ...]]:
    if resource.mode == "data":
        return Unknown("the secret is declared elsewhere", resource.span)
    content = secret_content(stack, resource)
    if resource.mode == "module" and resource.get("ignore_secret_changes") is not None:
        return Unknown("the content of the secret is changed outside of Terraform", resource.span)
    if content is None:
        return Unknown("the content of the secret is not set by Terraform", resource.span)
    if _ignored(stack, resource):
        return Unknown("the content of the secret is changed outside of Terraform", resource.span)
    return _object_keys(content)


def _object_keys(content: Tree) -> Value[tuple[str, ...]]:
    try:
        tree = document(content, "json")
    except Invalid:
        return Known((), content.span) if decided(content) else unknown_of(content)
    if not isinstance(tree, Object):
        return Known((), content.span) if decided(tree) else unknown_of(tree)
    if tree.gap is not None:
        return tree.gap
    return Known(tuple(sorted(tree.entries)), tree.span, tree.via)


def _ignored(stack: Stack, resource: Resource) -> bool:
    for version in stack.once(versions).get(resource.address, ()):
        for block in version.block.body.nested("lifecycle"):
            text = version.block.source.text[block.body.start : block.body.end]
            if re.search(r"ignore_changes\s*=\s*(?:all\b|\[[^\]]*secret_string)", text):
                return True
    return False


def parameter(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_ssm_parameter."""
    kind = facts.text(resource.get("type"), resource.span)
    if resource.mode == "data":
        kind = Unknown("the parameter is declared elsewhere", resource.span)
    yield Secret(
        id=stack.id(resource.address),
        name=_name(resource, "name"),
        side=stack.side,
        span=resource.span,
        manager="ssm",
        keys=Known((), resource.span),
        secure=map_value(kind, lambda value: value == "SecureString"),
    )


def infisical(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An infisical_secret, also an ephemeral one, or the folder of secrets that `data.infisical_secrets` reads."""
    keys: Value[tuple[str, ...]] = Unknown("Infisical holds the secrets", resource.span)
    if resource.kind == "infisical_secret":
        keys = map_value(facts.text(resource.get("name"), resource.span), lambda value: (value,))
    yield Secret(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=resource.span,
        manager="infisical",
        keys=keys,
    )


def synchronised(stack: Stack, resource: Resource) -> Iterator[Node]:
    """A folder of Infisical that is copied to a manager of AWS; `name` is that of the secret there, if one is named."""
    name = resource.address
    for section in resource.blocks("destination_config").sections:
        for argument in ("aws_secrets_manager_secret_name", "parameter_store_path"):
            written = facts.text(section.get(argument), section.span)
            if isinstance(written, Known):
                name = written.value
    yield Secret(
        id=stack.id(resource.address),
        name=name,
        side=stack.side,
        span=resource.span,
        manager="infisical",
        keys=Unknown("Infisical holds the secrets", resource.span),
    )


def repository(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_ecr_repository. Without image_tag_mutability it is mutable."""
    span = resource.span
    module = resource.mode == "module"
    mutability = facts.text(resource.get("repository_image_tag_mutability" if module else "image_tag_mutability"), span)
    name = facts.text(resource.get("repository_name") if module else resource.get("name"), span)
    immutable: Value[bool] = map_value(mutability, lambda value: value.startswith("IMMUTABLE"))
    if isinstance(mutability, Absent):
        immutable = Known(value=module, span=span)
    yield Repository(
        id=stack.id(resource.address),
        name=name.value if isinstance(name, Known) else resource.address,
        side=stack.side,
        span=span,
        repository=name,
        immutable=immutable,
    )
