"""IAM roles of ECS tasks, with what their policies grant, and which secrets they may read."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.aws_policies import managed_policy
from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.nodes import Grant, Principal
from policyengine.model.value import Absent, Floating, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.documents import document
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.sections import Nested, nested_of
from policyengine.platforms.terraform.language.values import (
    Composite,
    InstanceTree,
    List,
    Reference,
    Tree,
    decided,
    unknown_of,
)
from policyengine.platforms.terraform.providers.variables import versions
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.model.nodes import Node
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.resources.stack import ResourceView, Stack

_READS = {
    "secretsmanager": ("secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"),
    "ssm": ("ssm:GetParameters", "ssm:GetParameter", "ssm:GetParametersByPath"),
    "kms": ("kms:Decrypt",),
}
_SECRETS = {"aws_secretsmanager_secret": "secretsmanager", "aws_ssm_parameter": "ssm"}
_MANAGED_ARN = regex(r"arn:[^:]*:iam::aws:policy/(?:[\w-]+/)*([\w-]+)\Z")
_VARIABLE = regex(r"\$\{[^}]*\}")
_SUFFIX = "-AbCdEf"  # AWS adds a hyphen and six characters to the name of a secret
_UNNAMED = "…"  # fits wildcards only


def role(view: ResourceView) -> Iterator[Node | Edge]:
    """An aws_iam_role that a task definition names."""
    if view.name not in view.stack.once(_roles_of_tasks):
        return
    grants: list[Grant] = []
    gap: Unknown | None = None
    for grant in _granted(view):
        if isinstance(grant, Unknown):
            gap = gap or grant
        else:
            grants.append(grant)
    node = Principal(
        id=view.id,
        name=view.name,
        side=view.side,
        span=view.span,
        grants=tuple(grants),
        gap=gap,
    )
    yield node
    for secret_id, secret in view.stack.once(_secrets).items() if grants else ():
        kind, reason = _reading(view.stack, secret, grants)
        if reason:
            yield Edge(kind, node.id, secret_id, reason)


def roles(task: ResourceView) -> Iterator[tuple[str, ResourceView]]:
    """The roles of a task definition, and as what it has them."""
    for argument, name in (("execution_role_arn", "execution role"), ("task_role_arn", "task role")):
        for each in task.named(task.tree(argument), "aws_iam_role")[:1]:
            if each.resource.mode == "resource":
                yield name, each


def _roles_of_tasks(stack: Stack) -> frozenset[str]:
    """The addresses of the roles that task definitions name."""
    return frozenset(role.name for task in stack.kind("aws_ecs_task_definition") for _, role in roles(task))


# policies


def _granted(view: ResourceView) -> Iterator[Grant | Unknown]:
    """The statements of every policy of a role, and why there may be more."""
    stack = view.stack
    for block in view.blocks("inline_policy"):
        yield from _statements(stack, block.tree("policy"))
    attached: list[Tree | None] = []
    listed = view.tree("managed_policy_arns")
    if isinstance(listed, List):
        attached.extend(listed.items)
        if listed.gap is not None:
            yield listed.gap
    elif listed is not None:
        attached.append(listed)
    name = view.text("name")
    index = stack.once(_by_role)
    for each in (*index.get(view.name, ()), *(index.get(name.value, ()) if isinstance(name, Known) else ())):
        if each.kind == "aws_iam_role_policy":
            yield from _statements(stack, each.tree("policy"))
        else:
            attached.append(each.tree("policy_arn"))
    for tree in attached:
        if tree is not None:
            yield from _attached(stack, tree)


def _by_role(stack: Stack) -> dict[str, list[ResourceView]]:
    """Policies and attachments by the addresses of the roles that they name, or by the names where they spell those."""
    found: dict[str, list[ResourceView]] = {}
    for kind, argument in (
        ("aws_iam_role_policy", "role"),
        ("aws_iam_role_policy_attachment", "role"),
        ("aws_iam_policy_attachment", "roles"),
    ):
        for view in stack.kind(kind):
            tree = view.tree(argument)
            for each in tree.items if isinstance(tree, List) else (tree,):
                named = [role.name for role in stack.named(each, "aws_iam_role")]
                spelled = facts.text(each, view.span)
                for key in named or ([spelled.value] if isinstance(spelled, Known) else []):
                    found.setdefault(key, []).append(view)
    return found


def _attached(stack: Stack, tree: Tree) -> Iterator[Grant | Unknown]:
    """A policy by its ARN: one that is declared, or one that AWS manages."""
    for policy in stack.named(tree, "aws_iam_policy"):
        if policy.resource.mode == "resource":
            yield from _statements(stack, policy.tree("policy"))
            return
        tree = policy.tree("arn") or _managed_by_name(policy) or tree
    arn = facts.symbolic(tree)
    match = _MANAGED_ARN.search(arn)
    actions = None if match is None else managed_policy(match[1])
    if match is None:
        yield Unknown(f"what the policy {arn} grants is not in the files", tree.span, tree.via)
    elif actions is not None:
        if actions:
            yield Grant(Known(actions, tree.span, tree.via), Known(("*",), tree.span, tree.via), tree.span)
    else:
        yield Unknown(f"what the AWS policy {match[1]} grants is not known here", tree.span, tree.via)


def _managed_by_name(policy: ResourceView) -> Tree | None:
    """`data.aws_iam_policy` by the name of a policy that AWS manages."""
    name = policy.text("name")
    if isinstance(name, Known) and managed_policy(name.value) is not None:
        return Known(f"arn:aws:iam::aws:policy/{name.value}", name.span, name.via)
    return None


def _statements(stack: Stack, tree: Tree | None) -> Iterator[Grant | Unknown]:
    """The statements of a policy: JSON text, or a data source that makes it."""
    if tree is None:
        return
    if isinstance(tree, Reference | InstanceTree):
        source = stack.at(tree.address)
        if source is not None and source.kind == "aws_iam_policy_document":
            yield from _of_document(source)
        else:
            yield unknown_of(tree)
        return
    try:
        found = nested_of(document(tree, "json"))
    except Invalid as error:
        yield Unknown(f"the policy cannot be read: {error}", tree.span, tree.via)
        return
    for section in found.sections:
        nested = nested_of(section.get("Statement"))
        yield from _each(nested)
    if found.gap is not None:
        yield found.gap


def _of_document(source: ResourceView) -> Iterator[Grant | Unknown]:
    """The statements of data.aws_iam_policy_document, with those of the documents it takes over."""
    yield from _each(source.section.blocks("statement"))
    for name in ("source_policy_documents", "override_policy_documents", "source_json", "override_json"):
        tree = source.tree(name)
        if tree is None:
            continue
        for item in tree.items if isinstance(tree, List) else (tree,):
            if not (isinstance(item, Reference) and item.address == source.name):
                yield from _statements(source.stack, item)
        if isinstance(tree, List) and tree.gap is not None:
            yield tree.gap


_SPELLINGS = {
    "Effect": "effect",
    "Action": "actions",
    "NotAction": "not_actions",
    "Resource": "resources",
    "NotResource": "not_resources",
    "Condition": "condition",
}


def _each(nested: Nested) -> Iterator[Grant | Unknown]:
    if nested.gap is not None:
        yield nested.gap
    for section in nested.sections:
        given = {key: section.get(key) or section.get(other) for key, other in _SPELLINGS.items()}
        conditional = given["Condition"] is not None or bool(section.blocks("condition").sections)
        effect = facts.text(given["Effect"], section.span)
        if isinstance(effect, Unknown):
            yield effect
            continue
        yield Grant(
            actions=_patterns(given["Action"] or given["NotAction"], section.span),
            resources=_patterns(given["Resource"] or given["NotResource"], section.span),
            span=section.span,
            allow=not (isinstance(effect, Known) and effect.value == "Deny"),
            conditional=conditional,
            except_actions=given["Action"] is None and given["NotAction"] is not None,
            except_resources=given["Resource"] is None and given["NotResource"] is not None,
        )


def _patterns(tree: Tree | None, lacking: Span) -> Value[tuple[str, ...]]:
    """A list of patterns, or one alone; Floating where another file may give more of them."""
    if tree is None:
        return Absent(lacking)
    if isinstance(tree, List):
        texts = tuple(facts.symbolic(item) for item in tree.items)
        if tree.gap is None and all(map(_spelled, tree.items)):
            return Known(texts, tree.span, tree.via)
        gap = tree.gap or next(unknown_of(item) for item in tree.items if not _spelled(item))
        return Floating(texts, tree.span, gap.via) if texts else gap
    if _spelled(tree):
        return Known((facts.symbolic(tree),), tree.span, tree.via)
    return unknown_of(tree)


def _spelled(tree: Tree) -> bool:
    """Whether a pattern is decided, up to the resources of this configuration that it names."""
    match tree:
        case Reference():
            return True
        case Composite(parts):
            return all(isinstance(part, Known | Reference) for part in parts)
        case _:
            return decided(tree)


# which secrets


class _Secret(Struct, frozen=True):
    """What patterns are compared with: the addresses that references name it by, and the ends of its ARN.

    `key` is the key of the account that it is encrypted with. `open` tells that not all of it is decided by the files.
    """

    addresses: frozenset[str]
    service: str
    rest: str
    key: _Secret | None = None
    open: bool = False


def _secrets(stack: Stack) -> dict[str, _Secret]:
    """The secrets and parameters by the ids of their nodes, as patterns see them."""
    found: dict[str, _Secret] = {}
    for secret in stack.views:
        service = _SECRETS.get(secret.kind)
        if service is not None:
            tree = secret.tree("name", "name_prefix")
            name = facts.symbolic(tree) if tree is not None else _UNNAMED
            rest = f"parameter/{name.lstrip('/')}" if service == "ssm" else f"secret:{name}{_SUFFIX}"
            unsure = not isinstance(tree, Known) or secret.resource.mode != "resource"
            found[secret.id] = _Secret(_addresses(secret), service, rest, _key(secret), unsure)
    return found


def _key(secret: ResourceView) -> _Secret | None:
    """The key of the account that a secret is encrypted with; a policy of its own may let anybody use it."""
    tree = secret.tree("kms_key_id", "key_id")
    if tree is None or facts.symbolic(tree).startswith("alias/aws/") or tree == Known(None, tree.span, tree.via):
        return None
    keys = secret.named(tree, "aws_kms_key")
    told = len(keys) == 1 and keys[0].resource.mode == "resource" and keys[0].tree("policy") is None
    others = secret.stack.kind("aws_kms_key_policy", "aws_kms_grant")
    return _Secret(frozenset(each.name for each in keys), "kms", f"key/{_UNNAMED}", open=not told or bool(others))


def _reading(stack: Stack, secret: _Secret, grants: Sequence[Grant]) -> tuple[EdgeKind, str]:
    """Whether a secret may be read and decrypted, and by what; an empty text where it surely may not."""
    action = _may_read(secret, grants)
    if not action:
        return EdgeKind.MAY_GRANT, _unsure(stack, secret, grants)
    if secret.key is None or _may_read(secret.key, grants):
        return EdgeKind.GRANTS, action
    unsure = "the policy of its key may allow it" if secret.key.open else _unsure(stack, secret.key, grants)
    return (EdgeKind.MAY_GRANT, unsure) if unsure else (EdgeKind.SEALED, action)


def _unsure(stack: Stack, secret: _Secret, grants: Iterable[Grant]) -> str:
    """Why a statement that does not name the secret may mean it nevertheless; empty where none may."""
    for grant in grants:
        undecided = isinstance(grant.actions, Unknown | Floating)
        acts = undecided or any(_concerns_action(grant, each) for each in _READS[secret.service])
        if not grant.allow or not acts:
            continue
        if undecided or isinstance(grant.resources, Unknown | Floating) or secret.open:
            return "a policy of the role names what the files do not decide"
        for pattern in _texts(grant.resources):
            named = stack.at(pattern[2:].partition("}")[0]) if pattern.startswith("${") else None
            if _VARIABLE.search(pattern.rpartition(":")[2]) and (named is None or named.resource.mode != "resource"):
                return f"what {pattern} of a policy of the role stands for is not known here"
    return ""


def _may_read(secret: _Secret, grants: Iterable[Grant]) -> str:
    """The action by which a secret may be read, or an empty string."""
    found = under = ""
    for grant in grants:
        action = next((each for each in _READS[secret.service] if _concerns_action(grant, each)), "")
        if not action or not _concerns(grant, secret):
            continue
        if not grant.allow and not grant.conditional:
            return ""
        if grant.conditional and grant.allow:
            under = under or f"{action}, under conditions"
        elif grant.allow:
            found = found or action
    return found or under


def _addresses(secret: ResourceView) -> frozenset[str]:
    """The secret and its versions, as references name them."""
    return frozenset({secret.name, *(each.name for each in secret.stack.once(versions).get(secret.name, ()))})


def _texts(value: Value[tuple[str, ...]]) -> tuple[str, ...]:
    return value.value if isinstance(value, Known | Floating) else ()


def _concerns_action(grant: Grant, action: str) -> bool:
    fits = any(fnmatchcase(action.lower(), pattern.lower()) for pattern in _texts(grant.actions))
    return fits != grant.except_actions


def _concerns(grant: Grant, secret: _Secret) -> bool:
    fits = any(_fits(pattern, secret) for pattern in _texts(grant.resources))
    return fits != grant.except_resources


def _fits(pattern: str, secret: _Secret) -> bool:
    """Whether a resource pattern covers a secret, whatever its partition, region and account."""
    if pattern.startswith("${"):
        return pattern[2:].partition("}")[0].rpartition(".")[0] in secret.addresses
    fields = pattern.split(":", 5)
    fields[1:5] = (_VARIABLE.sub("*", each) for each in fields[1:5])
    partition, region, account = (
        fields[at] if len(fields) > at and not set("*?") & set(fields[at]) else "any" for at in (1, 3, 4)
    )
    name = f"arn:{partition}:{secret.service}:{region}:{account}:{secret.rest}"
    return fnmatchcase(name, ":".join(fields).replace("[", "[[]"))
