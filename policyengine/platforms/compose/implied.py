"""What Compose adds itself: defaults, values that the environment gives, implied networks, dependencies and names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.text import Text
from policyengine.model.value import Via
from policyengine.platforms.compose.canonical import RESOURCES, bad, changed, each_entry, mapped
from policyengine.platforms.compose.located import Branch, Items, Leaf, Member, Node, go_text, literal, string
from policyengine.platforms.compose.merging import extend
from policyengine.platforms.compose.short import cleaned, derived
from policyengine.platforms.compose.specification import HOOK_INHERITS

if TYPE_CHECKING:
    from collections.abc import Callable


def with_defaults(tree: Branch) -> Branch:
    """The model with the defaults that Compose writes out."""
    return each_entry(tree, "services", lambda _, node: _defaults(node) if isinstance(node, Branch) else node)


def _defaults(service: Branch) -> Branch:
    build = service.get("build")
    if isinstance(build, Branch) and "context" not in build.entries:
        service = service.with_entry("build", build.with_entry("context", literal(".", build.span)))
    service = changed(service, "secrets", lambda node: mapped(node, _secret_default))
    service = changed(service, "ports", lambda node: mapped(node, _port_default))
    service = changed(service, "gpus", lambda node: mapped(node, _device_default))
    service = changed(service, "volumes", lambda node: mapped(node, _volume_default))
    deploy = service.get("deploy")
    if isinstance(deploy, Branch):
        service = service.with_entry("deploy", _nested(deploy, ("resources", "reservations", "devices")))
    return service


def _nested(node: Branch, path: tuple[str, ...]) -> Branch:
    child = node.get(path[0])
    if len(path) == 1:
        return node if child is None else node.with_entry(path[0], mapped(child, _device_default))
    return node.with_entry(path[0], _nested(child, path[1:])) if isinstance(child, Branch) else node


def _secret_default(node: Node) -> Node:
    if isinstance(node, Branch) and "target" not in node.entries:
        source = node.get("source")
        written = source.written if isinstance(source, Leaf) else Text.at("<nil>", node.span)
        prefix = literal("/run/secrets/", node.span).written
        return node.with_entry("target", string(Text.join((prefix, written)), node.span))
    return node


def _port_default(node: Node) -> Node:
    if isinstance(node, Branch):
        for key, value in (("protocol", "tcp"), ("mode", "ingress")):
            if key not in node.entries:
                node = node.with_entry(key, literal(value, node.span))
    return node


def _device_default(node: Node) -> Node:
    if not isinstance(node, Branch):
        raise bad(node, "the device request")
    if "count" not in node.entries and "device_ids" not in node.entries:
        return node.with_entry("count", literal("all", node.span))
    return node


def _volume_default(node: Node) -> Node:
    bind = node.get("bind") if isinstance(node, Branch) else None
    if isinstance(node, Branch) and isinstance(bind, Branch) and "create_host_path" not in bind.entries:
        return node.with_entry("bind", bind.with_entry("create_host_path", literal(True, bind.span)))  # noqa: FBT003
    return node


def pass_through(tree: Branch, lookup: Callable[[str], Text | None]) -> Branch:
    """The model with `- KEY` entries of environment lists given their values, and configs their contents."""

    def service(node: Node) -> Node:
        environment = node.get("environment") if isinstance(node, Branch) else None
        if isinstance(node, Branch) and isinstance(environment, Items):
            items = [_given(item, lookup) for item in environment.items if isinstance(item, Leaf)]
            return node.with_entry("environment", environment._replace(items=tuple(items)))
        return node

    def config(node: Node) -> Node:
        variable = node.get("environment") if isinstance(node, Branch) else None
        if isinstance(node, Branch) and isinstance(variable, Leaf) and isinstance(variable.value, str):
            held = lookup(variable.value)
            if held is not None:
                return node.with_entry("content", string(held.stepped(Via(variable.value, variable.span))))
        return node

    tree = each_entry(tree, "services", lambda _, node: service(node))
    return each_entry(tree, "configs", lambda _, node: config(node))


def _given(item: Leaf, lookup: Callable[[str], Text | None]) -> Leaf:
    if not isinstance(item.value, str) or item.text is None:
        return item
    held = lookup(item.value)
    if held is None:
        return item
    equals = Text.at("=", item.span._replace(start=item.span.end))
    return string(Text.join((item.text, equals, held.stepped(Via(item.value, item.span)))), item.span, item.via)


def normalized(tree: Branch, name: str, lookup: Callable[[str], Text | None]) -> Branch:
    """The model with implied networks, dependencies and names made explicit."""
    tree = _networks(tree)
    tree = each_entry(tree, "services", lambda _, node: _normal(node, lookup) if isinstance(node, Branch) else node)
    for section in RESOURCES:
        tree = each_entry(tree, section, lambda key, node: _resource_name(node, key, name))
    return tree


def _networks(tree: Branch) -> Branch:
    services = tree.get("services")
    used = False
    if isinstance(services, Branch):
        for key, field in services.entries.items():
            service = field.node
            if not isinstance(service, Branch) or "provider" in service.entries or "network_mode" in service.entries:
                continue
            networks = service.get("networks")
            if not isinstance(networks, Branch) or not networks.entries:
                default = Branch({"default": Member(field.key, literal(None, field.key))}, field.key)
                services = services.with_entry(key, service.with_entry("networks", default, field.key))
                used = True
            elif "default" in networks.entries:
                used = True
        tree = tree.with_entry("services", services)
    networks = tree.get("networks")
    if used and not (isinstance(networks, Branch) and "default" in networks.entries):
        base = networks if isinstance(networks, Branch) else Branch({}, tree.span)
        tree = tree.with_entry("networks", base.with_entry("default", literal(None, tree.span)))
    return tree


_SHARED = ("network_mode", "ipc", "pid", "uts", "cgroup")


def _normal(service: Branch, lookup: Callable[[str], Text | None]) -> Branch:
    policy = service.get("pull_policy")
    if isinstance(policy, Leaf) and policy.value == "if_not_present":
        service = service.with_entry("pull_policy", derived(policy, "missing"))
    build = service.get("build")
    if isinstance(build, Branch):
        if _nothing(build.get("context")):
            build = build.with_entry("context", literal(".", build.span))
        if _nothing(build.get("dockerfile")) and _nothing(build.get("dockerfile_inline")):
            build = build.with_entry("dockerfile", literal("Dockerfile", build.span))
        build = changed(build, "args", lambda node: resolved(node, lookup, keep=False))
        service = service.with_entry("build", build)
    service = changed(service, "environment", lambda node: resolved(node, lookup, keep=True))
    service = _dependencies(service)
    service = changed(
        service,
        "volumes",
        lambda node: mapped(node, lambda each: _clean_target(each) if isinstance(each, Branch) else each),
    )
    hooks = service.get("pre_start")
    if isinstance(hooks, Items):
        shared = service.without(*(key for key in service.entries if key not in HOOK_INHERITS))
        service = service.with_entry(
            "pre_start", mapped(hooks, lambda hook: extend(shared, hook) if isinstance(hook, Branch) else hook)
        )
    return service


def _nothing(node: Node | None) -> bool:
    return node is None or (isinstance(node, Leaf) and node.value is None)


def _clean_target(mount: Branch) -> Branch:
    target = mount.get("target")
    if not isinstance(target, Leaf) or not isinstance(target.value, str):
        return mount
    value = target if target.value else literal("", target.span)
    return mount.with_entry("target", cleaned(value) if value.value else derived(value, "."))


def _dependencies(service: Branch) -> Branch:
    """The service with what links, shared namespaces and volumes_from make it depend on."""
    depends_on = service.get("depends_on")
    found = depends_on if isinstance(depends_on, Branch) else Branch({}, service.span)

    def need(name: str, at: Leaf, *, restart: bool) -> None:
        nonlocal found
        if name not in found.entries:
            values: tuple[tuple[str, str | bool], ...] = (
                ("condition", "service_started"),
                ("restart", restart),
                ("required", True),
            )
            entries = {key: Member(at.span, literal(value, at.span)) for key, value in values}
            found = found.with_entry(name, Branch(entries, at.span, at.via), at.span)

    links = service.get("links")
    for link in links.items if isinstance(links, Items) else ():
        if isinstance(link, Leaf) and isinstance(link.value, str):
            parts = link.value.split(":")
            need(parts[0] if len(parts) == 2 else link.value, link, restart=True)
    for key in _SHARED:
        node = service.get(key)
        if isinstance(node, Leaf) and isinstance(node.value, str) and node.value.startswith("service:"):
            need(node.value.removeprefix("service:"), node, restart=True)
    sources = service.get("volumes_from")
    for source in sources.items if isinstance(sources, Items) else ():
        if isinstance(source, Leaf) and isinstance(source.value, str) and not source.value.startswith("container:"):
            need(source.value.split(":")[0], source, restart=False)
    return service.with_entry("depends_on", found) if found.entries else service


def resolved(node: Node, lookup: Callable[[str], Text | None], *, keep: bool) -> Node:
    """Variables without a value given the one of the project's environment; `keep` keeps those it does not know."""
    if isinstance(node, Items):
        items: list[Node] = []
        for item in node.items:
            if isinstance(item, Leaf) and isinstance(item.value, str) and "=" not in item.value:
                given = _given(item, lookup)
                if given is item and not keep:
                    continue
                items.append(given)
            else:
                items.append(item)
        return node._replace(items=tuple(items))
    if not isinstance(node, Branch):
        return node
    entries: dict[str, Member] = {}
    for key, field in node.entries.items():
        if not _nothing(field.node):
            entries[key] = field
            continue
        held = lookup(key)
        if held is not None:
            entries[key] = field._replace(node=string(held.stepped(Via(key, field.key)), field.key, field.node.via))
        elif keep:
            entries[key] = field
    return node._replace(entries=entries)


def _resource_name(node: Node, key: str, project: str) -> Node:
    resource = node if isinstance(node, Branch) else Branch({}, node.span, node.via)
    if not _nothing(resource.get("name")):
        return resource
    external = resource.get("external")
    is_external = isinstance(external, Leaf) and go_text(external.value) in ("1", "t", "T", "TRUE", "true", "True")
    return resource.with_entry("name", literal(key if is_external else f"{project}_{key}", node.span))
