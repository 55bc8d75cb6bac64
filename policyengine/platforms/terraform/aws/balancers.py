"""Load balancers, their listeners, and the target groups that lead to the containers of ECS services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.nodes import Listener, LoadBalancer, TargetGroup
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.sections import ObjectSection, nested_of
from policyengine.platforms.terraform.language.values import Object, through
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.language.sections import Section
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.resources.instances import Resource
    from policyengine.platforms.terraform.resources.stack import Stack

_BALANCERS = ("aws_lb", "aws_alb")
_LISTENERS = ("aws_lb_listener", "aws_alb_listener")
_RULES = ("aws_lb_listener_rule", "aws_alb_listener_rule")
_GROUPS = ("aws_lb_target_group", "aws_alb_target_group")


def balancer(stack: Stack, resource: Resource) -> Iterator[Node | Edge]:
    """An aws_lb or aws_alb: an application load balancer that the internet reaches, unless it says otherwise."""
    span = resource.span
    kind = facts.text(resource.get("load_balancer_type"), span)
    internal = facts.boolean(resource.get("internal"), span)
    node_id = stack.id(resource.address)
    listeners = stack.once(_listeners).get(resource.address, [])
    yield LoadBalancer(
        id=node_id,
        name=resource.address,
        side=stack.side,
        span=span,
        kind=Known("application", span) if isinstance(kind, Absent) else kind,
        internal=Known(value=False, span=span) if isinstance(internal, Absent) else internal,
        listeners=tuple(_listener(each) for each in listeners),
    )
    for listener in listeners:
        shown = facts.text(listener.get("port"), listener.span)
        reason = f"port {shown.value}" if isinstance(shown, Known) else "a listener"
        for group in _targets(stack, listener):
            yield Edge(EdgeKind.FORWARDS, node_id, stack.id(group.address), reason)


def _listeners(stack: Stack) -> dict[str, list[Resource]]:
    """The listeners of each load balancer, by its address."""
    return _grouped(stack, _LISTENERS, "load_balancer_arn", _BALANCERS)


def _rules(stack: Stack) -> dict[str, list[Resource]]:
    """The rules that are added to each listener, by its address."""
    return _grouped(stack, _RULES, "listener_arn", _LISTENERS)


def _grouped(stack: Stack, kinds: tuple[str, ...], argument: str, owners: tuple[str, ...]) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {}
    for resource in stack.kind(*kinds):
        for owner in stack.named(resource.get(argument), *owners):
            found.setdefault(owner.address, []).append(resource)
    return found


def _listener(resource: Resource) -> Listener:
    span = resource.span
    return Listener(facts.integer(resource.get("port"), span), facts.text(resource.get("protocol"), span), span)


def _targets(stack: Stack, listener: Resource) -> Iterator[Resource]:
    """The target groups of a listener's default actions, and of the rules that are added to it."""
    sections: list[Section] = list(listener.blocks("default_action").sections)
    for rule in stack.once(_rules).get(listener.address, ()):
        sections.extend(rule.blocks("action").sections)
    for section in sections:
        named: list[Tree | None] = [section.get("target_group_arn")]
        for forward in section.blocks("forward").sections:
            named.extend(each.get("arn") for each in forward.blocks("target_group").sections)
        for tree in named:
            yield from stack.named(tree, *_GROUPS)


def classic(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_elb, which knows no target groups."""
    span = resource.span
    internal = facts.boolean(resource.get("internal"), span)
    yield LoadBalancer(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=span,
        kind=Known("classic", span),
        internal=Known(value=False, span=span) if isinstance(internal, Absent) else internal,
        listeners=tuple(
            Listener(
                facts.integer(each.get("lb_port"), each.span), facts.text(each.get("lb_protocol"), each.span), each.span
            )
            for each in resource.blocks("listener").sections
        ),
    )


def target_group(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_lb_target_group with its health check."""
    span = resource.span
    checks = resource.blocks("health_check")
    check = checks.sections[0] if checks.sections else None

    def checked(*names: str) -> Value[str]:
        if check is None:
            return checks.gap or Absent(span)
        found = next((tree for name in names if (tree := check.get(name)) is not None), None)
        return facts.text(found, check.span)

    yield TargetGroup(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=span,
        port=facts.integer(resource.get("port"), span),
        protocol=facts.text(resource.get("protocol"), span),
        check_path=checked("path"),
        check_port=checked("port"),
        check_protocol=checked("protocol"),
        check_codes=checked("matcher"),
    )


def service(stack: Stack, resource: Resource) -> Iterator[Edge]:
    """From the target groups that an aws_ecs_service names to the containers behind them."""
    tasks = stack.named(resource.get("task_definition"), "aws_ecs_task_definition")
    if tasks:
        yield from routes(stack, resource, lambda name: stack.id(tasks[0].address, name))


def routes(stack: Stack, section: Section, container: Callable[[str], str]) -> Iterator[Edge]:
    """From target groups to containers, as `load_balancer` says; `container` is the id of a container by its name."""
    given = section.blocks("load_balancer").sections
    for each in (*given, *_entries(section.get("load_balancer")).values()):
        name = facts.spoken(each.get("container_name"))
        port = facts.text(each.get("container_port"), each.span)
        reason = "a port that is not known" if isinstance(port, Unknown | Absent) else f"port {port.value}"
        for group in _groups(stack, each.get("target_group_arn")):
            yield Edge(EdgeKind.ROUTES, group, container(name), reason)


_MODULE_GROUP = regex(r"\.target_groups\[\"([^\"]+)\"\]")


def _groups(stack: Stack, tree: Tree | None) -> Iterator[str]:
    """The ids of the target groups that a value names: resources, or entries of a load balancer's module."""
    for resource in stack.named(tree):
        if resource.kind in _GROUPS:
            yield stack.id(resource.address)
        elif resource.mode == "module" and tree is not None:
            for match in _MODULE_GROUP.finditer(facts.symbolic(tree)):
                yield stack.id(resource.address, match[1])


# terraform-aws-modules/alb/aws, variables.tf of 9.0 to 10.0: maps of listeners and target groups, an internet-facing
# application load balancer unless told otherwise.


def module(stack: Stack, resource: Resource) -> Iterator[Node | Edge]:
    """A call of terraform-aws-modules/alb: one load balancer with its listeners and target groups."""
    span = resource.span
    node_id = stack.id(resource.address)
    kind = facts.text(resource.get("load_balancer_type"), span)
    internal = facts.boolean(resource.get("internal"), span)
    sections = _entries(resource.get("listeners"))
    yield LoadBalancer(
        id=node_id,
        name=resource.address,
        side=stack.side,
        span=span,
        kind=Known("application", span) if isinstance(kind, Absent) else kind,
        internal=Known(value=False, span=span) if isinstance(internal, Absent) else internal,
        listeners=tuple(
            Listener(facts.integer(each.get("port"), each.span), facts.text(each.get("protocol"), each.span), each.span)
            for each in sections.values()
        ),
    )
    groups = _entries(resource.get("target_groups"))
    for key, section in groups.items():
        yield _module_group(stack, resource, key, section)
    for section in sections.values():
        port = facts.text(section.get("port"), section.span)
        reason = f"port {port.value}" if isinstance(port, Known) else "a listener"
        forward = section.get("forward")
        for each in nested_of(forward).sections:
            key_ = facts.text(each.get("target_group_key"), each.span)
            if isinstance(key_, Known) and key_.value in groups:
                yield Edge(EdgeKind.FORWARDS, node_id, stack.id(resource.address, key_.value), reason)


def _entries(tree: Tree | None) -> dict[str, Section]:
    """The objects of a map, by key."""
    if not isinstance(tree, Object):
        return {}
    found = ((key, through(inner, *tree.via)) for key, inner in tree.entries.items())
    return {key: ObjectSection(each, tree.keys.get(key, each.span)) for key, each in found if isinstance(each, Object)}


def _module_group(stack: Stack, resource: Resource, key: str, section: Section) -> TargetGroup:
    checks = nested_of(section.get("health_check")).sections
    check = checks[0] if checks else None

    def argument(*names: str) -> Tree | None:
        return next((tree for name in names if (tree := section.get(name)) is not None), None)

    def checked(name: str) -> Value[str]:
        return Absent(section.span) if check is None else facts.text(check.get(name), check.span)

    return TargetGroup(
        id=stack.id(resource.address, key),
        name=key,
        side=stack.side,
        span=section.span,
        port=facts.integer(argument("port", "backend_port"), section.span),
        protocol=facts.text(argument("protocol", "backend_protocol"), section.span),
        check_path=checked("path"),
        check_port=checked("port"),
        check_protocol=checked("protocol"),
        check_codes=checked("matcher"),
    )
