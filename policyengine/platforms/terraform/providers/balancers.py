"""Load balancers, their listeners, and the target groups that lead to the containers of ECS services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.nodes import Listener, LoadBalancer, TargetGroup
from policyengine.model.value import Known, Value
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.sections import ObjectSection
from policyengine.platforms.terraform.language.values import Object, through
from policyengine.platforms.terraform.resources import facts
from policyengine.platforms.terraform.resources.arguments import BlockView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.resources.stack import ResourceView, Stack

_BALANCERS = ("aws_lb", "aws_alb")
_LISTENERS = ("aws_lb_listener", "aws_alb_listener")
_RULES = ("aws_lb_listener_rule", "aws_alb_listener_rule")
_GROUPS = ("aws_lb_target_group", "aws_alb_target_group")


def balancer(view: ResourceView) -> Iterator[Node | Edge]:
    """An aws_lb or aws_alb, with the listeners that name it."""
    listeners = view.stack.once(_listeners).get(view.name, [])
    yield _balancer(view, listeners)
    for listener in listeners:
        for group in _targets(view.stack, listener):
            yield Edge(EdgeKind.FORWARDS, view.id, group.id, _at_port(listener))


def _balancer(view: ResourceView, listeners: Iterable[BlockView]) -> LoadBalancer:
    return LoadBalancer(
        id=view.id,
        name=view.name,
        side=view.side,
        span=view.span,
        kind=view.text("kind"),
        internal=view.boolean("internal"),
        listeners=tuple(
            Listener(each.integer("port", "lb_port"), each.text("protocol", "lb_protocol"), each.span)
            for each in listeners
        ),
    )


def _at_port(listener: BlockView) -> str:
    port = listener.text("port")
    return f"port {port.value}" if isinstance(port, Known) else "a listener"


def _listeners(stack: Stack) -> dict[str, list[ResourceView]]:
    """The listeners of each load balancer, by its address."""
    return _grouped(stack, _LISTENERS, "load_balancer_arn", _BALANCERS)


def _rules(stack: Stack) -> dict[str, list[ResourceView]]:
    """The rules that are added to each listener, by its address."""
    return _grouped(stack, _RULES, "listener_arn", _LISTENERS)


def _grouped(
    stack: Stack, kinds: tuple[str, ...], argument: str, owners: tuple[str, ...]
) -> dict[str, list[ResourceView]]:
    found: dict[str, list[ResourceView]] = {}
    for view in stack.kind(*kinds):
        for owner in stack.named(view.tree(argument), *owners):
            found.setdefault(owner.name, []).append(view)
    return found


def _targets(stack: Stack, listener: ResourceView) -> Iterator[ResourceView]:
    """The target groups of a listener's default actions, and of the rules that are added to it."""
    sections = list(listener.blocks("default_action"))
    for rule in stack.once(_rules).get(listener.name, ()):
        sections.extend(rule.blocks("action"))
    for section in sections:
        named: list[Tree | None] = [section.tree("target_group_arn")]
        for forward in section.blocks("forward"):
            named.extend(each.tree("arn") for each in forward.blocks("target_group"))
        for tree in named:
            yield from stack.named(tree, *_GROUPS)


def classic(view: ResourceView) -> Iterator[Node]:
    """An aws_elb, which knows no target groups."""
    yield _balancer(view, view.blocks("listener"))


def target_group(view: ResourceView) -> Iterator[Node]:
    """An aws_lb_target_group with its health check."""
    yield _target_group(view.stack, view.id, view.name, view)


def _target_group(stack: Stack, node_id: str, name: str, group: BlockView) -> TargetGroup:
    check = next(iter(group.blocks("health_check")), None)

    def checked(argument: str) -> Value[str]:
        if check is None:
            return group.gap("health_check") or facts.text(None, group.span)
        return check.text(argument)

    return TargetGroup(
        id=node_id,
        name=name,
        side=stack.side,
        span=group.span,
        port=group.integer("port", "backend_port"),
        protocol=group.text("protocol", "backend_protocol"),
        check_path=checked("path"),
        check_port=checked("port"),
        check_protocol=checked("protocol"),
        check_codes=checked("matcher"),
    )


def service(view: ResourceView) -> Iterator[Edge]:
    """From the target groups that an aws_ecs_service names to the containers behind them."""
    tasks = view.named(view.tree("task_definition"), "aws_ecs_task_definition")
    if tasks:
        yield from routes(view.stack, view, tasks[0].part)


def routes(stack: Stack, section: BlockView, container: Callable[[str], str]) -> Iterator[Edge]:
    """From target groups to containers, as `load_balancer` says; `container` is the id of a container by its name."""
    for each in (*section.blocks("load_balancer"), *entries(section.tree("load_balancer")).values()):
        port = each.integer("container_port")
        reason = f"port {port.value}" if isinstance(port, Known) else "a port that is not known"
        for group in _groups(stack, each.tree("target_group_arn")):
            yield Edge(EdgeKind.ROUTES, group, container(facts.spoken(each.tree("container_name"))), reason, port)


_MODULE_GROUP = regex(r"\.target_groups\[\"([^\"]+)\"\]")


def _groups(stack: Stack, tree: Tree | None) -> Iterator[str]:
    """The ids of the target groups that a value names: resources, or entries of a load balancer's module."""
    for view in stack.named(tree):
        if view.kind in _GROUPS:
            yield view.id
        elif view.resource.mode == "module" and tree is not None:
            for match in _MODULE_GROUP.finditer(facts.symbolic(tree)):
                yield view.part(match[1])


def module(view: ResourceView) -> Iterator[Node | Edge]:
    """A call of terraform-aws-modules/alb: one load balancer, with maps of its listeners and target groups."""
    listeners = entries(view.tree("listeners"))
    yield _balancer(view, listeners.values())
    groups = entries(view.tree("target_groups"))
    for key, group in groups.items():
        yield _target_group(view.stack, view.part(key), key, group)
    for listener in listeners.values():
        for forward in listener.blocks("forward"):
            named = forward.text("target_group_key")
            if isinstance(named, Known) and named.value in groups:
                yield Edge(EdgeKind.FORWARDS, view.id, view.part(named.value), _at_port(listener))


def entries(tree: Tree | None) -> dict[str, BlockView]:
    """The objects of a map, by key."""
    if not isinstance(tree, Object):
        return {}
    found = ((key, through(inner, *tree.via)) for key, inner in tree.entries.items())
    return {
        key: BlockView(ObjectSection(each, tree.keys.get(key, each.span)))
        for key, each in found
        if isinstance(each, Object)
    }
