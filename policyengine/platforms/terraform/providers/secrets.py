"""Secrets, parameters and image repositories as nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes import Repository, Secret
from policyengine.model.value import Known, Unknown, Value, known, map_value
from policyengine.platforms.terraform.language.documents import document
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.values import Object, Tree, decided, unknown_of
from policyengine.platforms.terraform.providers.variables import secret_content, versions
from policyengine.platforms.terraform.resources.facts import references

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.resources.stack import ResourceView


def secret(view: ResourceView) -> Iterator[Node]:
    """An aws_secretsmanager_secret with the keys of the JSON that Terraform puts in."""
    yield _secret(view, known(view.text("name"), view.name), _keys(view))


def _secret(view: ResourceView, name: str, keys: Value[tuple[str, ...]], secure: Value[bool] | None = None) -> Secret:
    of_infisical = known(view.text("manager"), "") == "infisical"
    return Secret(
        id=view.id,
        name=name,
        side=view.side,
        span=view.span,
        manager=known(view.text("manager"), ""),
        keys=keys,
        secure=secure,
        project=view.text("workspace_id", "project_id") if of_infisical else None,
        environment=view.text("env_slug", "environment") if of_infisical else None,
    )


def _keys(view: ResourceView) -> Value[tuple[str, ...]]:
    if view.resource.mode == "data":
        return Unknown("the secret is declared elsewhere", view.span)
    content = secret_content(view)
    changed = Unknown("the content of the secret is changed outside of Terraform", view.span)
    if view.resource.mode == "module" and view.tree("ignore_secret_changes") is not None:
        return changed
    if content is None:
        return Unknown("the content of the secret is not set by Terraform", view.span)
    return changed if _ignored(view) else _object_keys(content)


def _object_keys(content: Tree) -> Value[tuple[str, ...]]:
    try:
        tree = document(content, "json")
    except Invalid:
        return Known((), content.span) if decided(content) else unknown_of(content)
    if not isinstance(tree, Object):
        return Known((), content.span) if decided(tree) else unknown_of(tree)
    return tree.gap or Known(tuple(sorted(tree.entries)), tree.span, tree.via)


def _ignored(view: ResourceView) -> bool:
    """Whether Terraform leaves the content alone once it is there."""
    found = view.stack.once(versions).get(view.name, ())
    return any(version.left_alone("secret_string") is not None for version in found)


def parameter(view: ResourceView) -> Iterator[Node]:
    """An aws_ssm_parameter; one that holds the address of another secret keeps nothing secret itself."""
    secure: Value[bool] | None = map_value(view.text("type"), lambda value: value == "SecureString")
    content = view.tree("value")
    if content is not None and any(each.endswith((".arn", ".id", ".name")) for each in references(content)):
        secure = None
    yield _secret(view, known(view.text("name"), view.name), Known((), view.span), secure)


def infisical(view: ResourceView) -> Iterator[Node]:
    """An infisical_secret, also an ephemeral one, or the folder of secrets that `data.infisical_secrets` reads."""
    keys: Value[tuple[str, ...]] = Unknown("Infisical holds the secrets", view.span)
    if view.kind == "infisical_secret":
        keys = map_value(view.text("name"), lambda value: (value,))
    yield _secret(view, view.name, keys)


def synchronised(view: ResourceView) -> Iterator[Node]:
    """A folder of Infisical that is copied to a manager of AWS; `name` is that of the secret there, if one is named."""
    name = view.name
    for section in view.blocks("destination_config"):
        name = known(section.text("aws_secrets_manager_secret_name"), name)
        name = known(section.text("parameter_store_path"), name)
    yield _secret(view, name, Unknown("Infisical holds the secrets", view.span))


def repository(view: ResourceView) -> Iterator[Node]:
    """A repository of images of ECR."""
    name = view.text("name")
    yield Repository(
        id=view.id,
        name=known(name, view.name),
        side=view.side,
        span=view.span,
        repository=name,
        immutable=map_value(view.text("mutability"), lambda value: value == "IMMUTABLE"),
    )
