"""The environment of a container: plain variables, secrets, and what the secrets are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes import Origin, Variable
from policyengine.model.nodes.node import arn_parts, is_open, json_key
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.documents import document
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.values import Object, Tree, through
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.providers.fields import Fields
    from policyengine.platforms.terraform.resources.stack import ResourceView, Stack


def environment(stack: Stack, fields: Fields, lacking: Span) -> tuple[tuple[Variable, ...], Unknown | None]:
    """The variables of a container, and why there may be more."""
    variables: dict[str, Variable] = {}
    gap: Unknown | None = None
    for name, value_key, origin in (
        ("environment", "value", Origin.ENVIRONMENT),
        ("secrets", "valueFrom", Origin.SECRET),
    ):
        tree = fields.tree(name)
        if tree is None:
            continue
        if isinstance(tree, Object) and not ({"name", "Name"} & tree.entries.keys()):
            for key, each in tree.entries.items():
                place = tree.keys.get(key, tree.span)
                variables[key] = _variable(stack, key, place, through(each, *tree.via), origin)
            gap = gap or tree.gap
            continue
        gap = gap or fields.gap(name)
        for section in fields.blocks(name):
            key_value = section.text("name")
            if not isinstance(key_value, Known):
                if isinstance(key_value, Unknown):
                    gap = gap or Unknown(f"a variable's name is not known: {key_value.reason}", key_value.span)
                continue
            held = section.tree(value_key)
            variables[key_value.value] = _variable(stack, key_value.value, key_value.span, held, origin)
    files = fields.blocks("environmentFiles")
    if files or fields.gap("environmentFiles") is not None:
        place = files[0].span if files else lacking
        gap = gap or Unknown("an environment file is read from S3", place)
    return tuple(variables.values()), gap


def _variable(stack: Stack, key: str, place: Span, tree: Tree | None, origin: Origin) -> Variable:
    found = facts.references(tree) if tree is not None else ()
    if origin is not Origin.SECRET:
        return Variable(key, place, facts.pieced(tree, place), origin, found)
    if tree is None:
        return Variable(key, place, Absent(place), origin)
    reference: Value[str] = Known(facts.symbolic(tree), tree.span, tree.via)
    if isinstance(tree, Unknown):
        reference = tree
    held = Unknown("a secret manager holds the value", tree.span)
    inner = _behind(stack, tree, found)
    return Variable(key, place, held, origin, tuple(dict.fromkeys((*found, *inner))), reference)


def secret_of(stack: Stack, tree: Tree) -> ResourceView | None:
    """The secret or parameter that a value refers to."""
    kinds = ("aws_secretsmanager_secret", "aws_secretsmanager_secret_version", "aws_ssm_parameter", "infisical_secret")
    found = stack.named(tree, *kinds)
    for view in found:
        if view.kind == "aws_secretsmanager_secret_version":
            owners = stack.named(view.tree("secret_id"), "aws_secretsmanager_secret")
            if owners:
                return owners[0]
        return view
    return next(
        (each for each in stack.named(tree) if each.resource.mode == "module" and each.known.node == "Secret"), None
    )


_SUFFIX = regex(r"-[A-Za-z0-9]{6}\Z")


def told_name(reference: str) -> tuple[str, str]:
    """The manager and the name of the secret that a name or an ARN speaks of; the name is empty where it is not plain.

    A name alone is that of a parameter; AWS ends the ARN of a secret with a hyphen and six characters.
    """
    parts = arn_parts(reference)
    if parts[0] != "arn":
        return ("ssm", "" if is_open(reference) or len(parts) > 1 else reference.lstrip("/"))
    name = parts[6] if parts[2:3] == ["secretsmanager"] and len(parts) > 6 else parts[-1].removeprefix("parameter/")
    plain = "" if is_open(name) else name
    return (parts[2], _SUFFIX.sub("", plain)) if parts[2:3] == ["secretsmanager"] else ("ssm", plain)


def secrets_by_name(stack: Stack) -> dict[tuple[str, str], ResourceView]:
    """The secrets and parameters of Terraform by manager and name."""
    found: dict[tuple[str, str], ResourceView] = {}
    for kind, service in (("aws_ssm_parameter", "ssm"), ("aws_secretsmanager_secret", "secretsmanager")):
        for view in stack.kind(kind):
            name = view.text("name")
            if isinstance(name, Known) and name.value.strip("/"):
                found[(service, _SUFFIX.sub("", name.value) if service != "ssm" else name.value.lstrip("/"))] = view
    return found


def secret_content(secret: ResourceView) -> Tree | None:
    """What Terraform writes into a secret."""
    if secret.kind == "aws_ssm_parameter":
        return secret.tree("value", "insecure_value")
    if secret.resource.mode == "module":
        return secret.tree("secret_string")
    for version in secret.stack.once(versions).get(secret.name, ()):
        return version.tree("secret_string", "secret_string_wo")
    return None


def versions(stack: Stack) -> dict[str, list[ResourceView]]:
    """The versions of each secret, by its address."""
    found: dict[str, list[ResourceView]] = {}
    for version in stack.kind("aws_secretsmanager_secret_version"):
        for secret in stack.named(version.tree("secret_id"), "aws_secretsmanager_secret"):
            found.setdefault(secret.name, []).append(version)
    return found


def _behind(stack: Stack, tree: Tree, found: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses that the content of a referenced secret is made of."""
    secret = secret_of(stack, tree)
    content = secret_content(secret) if secret is not None else None
    if content is None:
        return ()
    key = json_key(facts.symbolic(tree))
    if key:
        try:
            content_tree = document(content, "json")
        except Invalid:
            return ()
        if not isinstance(content_tree, Object) or key not in content_tree.entries:
            return ()
        content = content_tree.entries[key]
    return tuple(each for each in facts.references(content) if each not in found)
