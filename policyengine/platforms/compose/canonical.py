"""The canonical form: short forms written out, defaults filled in, implied networks and dependencies made explicit."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from policyengine.model.source import ReadError
from policyengine.model.text import Text
from policyengine.model.value import Via
from policyengine.platforms.compose.located import Branch, Items, Leaf, Member, Node, go_text, literal, string
from policyengine.platforms.compose.merging import DEPENDENCY, as_mapping, extend
from policyengine.platforms.compose.short import cleaned, derived, device, part, ports, volume
from policyengine.platforms.compose.specification import HOOK_INHERITS

if TYPE_CHECKING:
    from collections.abc import Callable

RESOURCES = ("volumes", "networks", "secrets", "configs")


def each_entry(parent: Branch, name: str, function: Callable[[str, Node], Node]) -> Branch:
    """The model with every entry of one of its sections replaced by what `function` makes of it."""
    section = parent.get(name)
    if not isinstance(section, Branch):
        return parent
    entries = {key: field._replace(node=function(key, field.node)) for key, field in section.entries.items()}
    return parent.with_entry(name, section._replace(entries=entries))


def _changed(parent: Branch, key: str, function: Callable[[Node], Node]) -> Branch:
    field = parent.entries.get(key)
    return parent if field is None else parent.with_entry(key, function(field.node))


def _mapped(node: Node, function: Callable[[Node], Node]) -> Node:
    return node._replace(items=tuple(function(item) for item in node.items)) if isinstance(node, Items) else node


def _bad(node: Node, what: str) -> ReadError:
    return ReadError(f"{what} has the wrong form", node.span, "see the Compose specification")


def canonical(tree: Branch) -> Branch:
    """The model with every short form written out.

    Raises:
        ReadError: a short form is malformed.
    """
    tree = each_entry(tree, "services", lambda _, node: _service(node) if isinstance(node, Branch) else node)
    for name in RESOURCES:
        tree = each_entry(tree, name, lambda key, node: _maybe_external(node, key))
    return tree


def _service(service: Branch) -> Branch:
    build = service.get("build")
    if build is not None:
        service = service.with_entry("build", _build(build))
    for key, function in _SERVICE.items():
        service = _changed(service, key, function)
    return _changed(
        service,
        "pre_start",
        lambda node: _mapped(node, lambda hook: _service(hook) if isinstance(hook, Branch) else hook),
    )


def _build(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return Branch({"context": Member(node.span, node)}, node.span, node.via)
    if not isinstance(node, Branch):
        raise _bad(node, "build")
    node = _changed(node, "secrets", lambda each: _mapped(each, _file_mount))
    node = _changed(node, "provenance", _as_string)
    node = _changed(node, "sbom", _as_string)
    node = _changed(node, "additional_contexts", _key_values)
    node = _changed(node, "ssh", _ssh)
    return _changed(node, "ulimits", _ulimits)


def _as_string(node: Node) -> Node:
    return node if isinstance(node, Leaf) and isinstance(node.value, str) else _string_of(node)


def _string_of(node: Node) -> Node:
    return string(node.written, node.span) if isinstance(node, Leaf) else node


def _file_mount(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return Branch({"source": Member(node.span, node)}, node.span, node.via)
    if not isinstance(node, Branch):
        raise _bad(node, "the mount")
    return node


def _key_values(node: Node) -> Node:
    if isinstance(node, Branch):
        return node
    if not isinstance(node, Items):
        raise _bad(node, "additional_contexts")
    entries: dict[str, Member] = {}
    for item in node.items:
        if not isinstance(item, Leaf) or not isinstance(item.value, str) or "=" not in item.value:
            raise _bad(item, "additional_contexts")
        at = item.value.index("=")
        entries[item.value[:at]] = Member(part(item, 0, at).span, part(item, at + 1, len(item.value)))
    return Branch(entries, node.span, node.via)


def _ssh(node: Node) -> Node:
    if isinstance(node, Branch):
        return node
    if not isinstance(node, Items):
        raise _bad(node, "ssh")
    entries: dict[str, Member] = {}
    for item in node.items:
        if not isinstance(item, Leaf) or not isinstance(item.value, str):
            raise _bad(item, "ssh")
        name, equals, _ = item.value.partition("=")
        if not equals and name != "default":
            raise ReadError(f"the ssh key {name!r} has no path", item.span, "write id=path")
        value: Node = literal(None, item.span)
        if equals:
            value = part(item, len(name) + 1, len(item.value))
        entries[name] = Member(item.span, value)
    return Branch(entries, node.span, node.via)


def _ulimits(node: Node) -> Node:
    if isinstance(node, Branch):
        for field in node.entries.values():
            if not isinstance(field.node, Branch) and not (
                isinstance(field.node, Leaf) and (type(field.node.value) is int or field.node.unknown is not None)
            ):
                raise _bad(field.node, "the ulimit")
    return node


def _depends_on(node: Node) -> Node:
    if isinstance(node, Items):
        return as_mapping(node, DEPENDENCY)
    if not isinstance(node, Branch):
        raise _bad(node, "depends_on")
    entries: dict[str, Member] = {}
    for key, field in node.entries.items():
        each = field.node
        if not isinstance(each, Branch):
            raise _bad(each, "depends_on")
        for name, value in DEPENDENCY.items():
            if name not in each.entries:
                each = each.with_entry(name, literal(value, field.key))
        entries[key] = field._replace(node=each)
    return node._replace(entries=entries)


def _env_file(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return Items((_env_file_entry(node),), node.span, node.via)
    if not isinstance(node, Items):
        raise _bad(node, "env_file")
    return _mapped(node, _env_file_entry)


def _env_file_entry(node: Node) -> Node:
    if isinstance(node, Leaf):
        required = Member(node.span, literal(True, node.span))  # noqa: FBT003
        return Branch({"path": Member(node.span, node), "required": required}, node.span, node.via)
    if isinstance(node, Branch) and "required" not in node.entries:
        return node.with_entry("required", literal(True, node.span))  # noqa: FBT003
    return node


def _listed(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return Items((node,), node.span, node.via)
    return node


def _extends(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return Branch({"service": Member(node.span, node)}, node.span, node.via)
    return node


def _gpus(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        count = Member(node.span, literal("all", node.span, node.via))
        return Items((Branch({"count": count}, node.span, node.via),), node.span, node.via)
    if not isinstance(node, Items):
        raise _bad(node, "gpus")
    return node


def _named(node: Node) -> Node:
    return as_mapping(node) if isinstance(node, Items) else node


def _volume(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return volume(node)
    if not isinstance(node, Branch):
        raise _bad(node, "the volume")
    return node


def _device(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return device(node)
    if not isinstance(node, Branch):
        raise _bad(node, "the device")
    return node


def _ports(node: Node) -> Node:
    if not isinstance(node, Items):
        raise _bad(node, "ports")
    result: list[Node] = []
    for item in node.items:
        if isinstance(item, Leaf) and (isinstance(item.value, str) or type(item.value) is int):
            result.extend(ports(item))
        elif isinstance(item, Branch):
            result.append(item)
        else:
            raise _bad(item, "the port")
    return node._replace(items=tuple(result))


def _dns(node: Node) -> Node:
    node = _listed(node)
    if isinstance(node, Items):
        kept = tuple(item for item in node.items if not (isinstance(item, Leaf) and item.value in (None, "")))
        return node._replace(items=kept)
    return node


def _develop(node: Node) -> Node:
    def trigger(each: Node) -> Node:
        if isinstance(each, Branch):
            each = _changed(each, "ignore", _listed)
            each = _changed(each, "include", _listed)
        return each

    return _changed(node, "watch", lambda each: _mapped(each, trigger)) if isinstance(node, Branch) else node


_SERVICE: dict[str, Callable[[Node], Node]] = {
    "depends_on": _depends_on,
    "env_file": _env_file,
    "label_file": _listed,
    "extends": _extends,
    "gpus": _gpus,
    "networks": _named,
    "models": _named,
    "volumes": lambda node: _mapped(node, _volume),
    "dns": _dns,
    "devices": lambda node: _mapped(node, _device),
    "secrets": lambda node: _mapped(node, _file_mount),
    "configs": lambda node: _mapped(node, _file_mount),
    "ports": _ports,
    "ulimits": _ulimits,
    "develop": _develop,
}


def _maybe_external(node: Node, key: str) -> Node:
    if isinstance(node, Leaf) and node.value is None:
        return node
    if not isinstance(node, Branch):
        raise _bad(node, f"'{key}'")
    external = node.get("external")
    if isinstance(external, Branch):
        name, named = external.get("name"), node.get("name")
        if name is not None and named is not None and _differ(name, named):
            raise ReadError(f"'{key}' has both name and external.name", name.span, "only use name")
        node = node.with_entry("external", literal(True, external.span))  # noqa: FBT003
        if name is not None and named is None:
            node = node.with_entry("name", name)
    return node


def _differ(one: Node, other: Node) -> bool:
    return not (isinstance(one, Leaf) and isinstance(other, Leaf) and one.value == other.value)


def with_defaults(tree: Branch) -> Branch:
    """The model with the defaults that Compose writes out."""
    return each_entry(tree, "services", lambda _, node: _defaults(node) if isinstance(node, Branch) else node)


def _defaults(service: Branch) -> Branch:
    build = service.get("build")
    if isinstance(build, Branch) and "context" not in build.entries:
        service = service.with_entry("build", build.with_entry("context", literal(".", build.span)))
    service = _changed(service, "secrets", lambda node: _mapped(node, _secret_default))
    service = _changed(service, "ports", lambda node: _mapped(node, _port_default))
    service = _changed(service, "gpus", lambda node: _mapped(node, _device_default))
    service = _changed(service, "volumes", lambda node: _mapped(node, _volume_default))
    deploy = service.get("deploy")
    if isinstance(deploy, Branch):
        service = service.with_entry("deploy", _nested(deploy, ("resources", "reservations", "devices")))
    return service


def _nested(node: Branch, path: tuple[str, ...]) -> Branch:
    child = node.get(path[0])
    if len(path) == 1:
        return node if child is None else node.with_entry(path[0], _mapped(child, _device_default))
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
        raise _bad(node, "the device request")
    if "count" not in node.entries and "device_ids" not in node.entries:
        return node.with_entry("count", literal("all", node.span))
    return node


def _volume_default(node: Node) -> Node:
    bind = node.get("bind") if isinstance(node, Branch) else None
    if isinstance(node, Branch) and isinstance(bind, Branch) and "create_host_path" not in bind.entries:
        return node.with_entry("bind", bind.with_entry("create_host_path", literal(True, bind.span)))  # noqa: FBT003
    return node


def rebased(tree: Branch, base: str) -> Branch:
    """The model with its relative paths joined to `base`, as for a file that was included or extended."""

    def path(node: Node) -> Node:
        if not isinstance(node, Leaf) or not isinstance(node.value, str):
            return node
        if not node.value or node.value.startswith(("/", "~")):
            return node
        return derived(node, posixpath.normpath(posixpath.join(base, node.value)))

    def context(node: Node) -> Node:
        text = str(node.value) if isinstance(node, Leaf) else ""
        return node if is_remote(text) else path(node)

    def all_of(function: Callable[[Node], Node]) -> Callable[[Node], Node]:
        def apply(node: Node) -> Node:
            if isinstance(node, Branch):
                entries = {key: field._replace(node=function(field.node)) for key, field in node.entries.items()}
                return node._replace(entries=entries)
            return _mapped(node, function)

        return apply

    def mount(node: Node) -> Node:
        kind = node.get("type") if isinstance(node, Branch) else None
        if isinstance(node, Branch) and isinstance(kind, Leaf) and kind.value == "bind":
            return _changed(node, "source", path)
        return node

    def service(node: Node) -> Node:
        if not isinstance(node, Branch):
            return node
        build = node.get("build")
        if isinstance(build, Branch):
            build = _changed(build, "context", context)
            build = _changed(build, "additional_contexts", all_of(context))
            node = node.with_entry("build", _changed(build, "ssh", all_of(path)))
        node = _changed(
            node, "env_file", all_of(lambda each: _changed(each, "path", path) if isinstance(each, Branch) else each)
        )
        node = _changed(node, "label_file", all_of(path))
        node = _changed(
            node, "extends", lambda each: _changed(each, "file", path) if isinstance(each, Branch) else each
        )
        node = _changed(node, "volumes", all_of(mount))
        develop = node.get("develop")
        if isinstance(develop, Branch):
            node = node.with_entry(
                "develop",
                _changed(
                    develop,
                    "watch",
                    all_of(lambda each: _changed(each, "path", path) if isinstance(each, Branch) else each),
                ),
            )
        return node

    tree = each_entry(tree, "services", lambda _, node: service(node))
    for name in ("configs", "secrets"):
        tree = each_entry(
            tree, name, lambda _, node: _changed(node, "file", path) if isinstance(node, Branch) else node
        )
    return each_entry(tree, "volumes", lambda _, node: _driver_device(node, path))


def _driver_device(node: Node, path: Callable[[Node], Node]) -> Node:
    options = node.get("driver_opts") if isinstance(node, Branch) else None
    if not isinstance(node, Branch) or not isinstance(options, Branch):
        return node
    driver, mode = node.get("driver"), options.get("o")
    local = isinstance(driver, Leaf) and driver.value == "local" and isinstance(mode, Leaf) and mode.value == "bind"
    return node.with_entry("driver_opts", _changed(options, "device", path)) if local else node


def is_remote(context: str) -> bool:
    """Whether a build context is no folder: a URL, a Git reference, another service."""
    prefixes = ("service:", "https://", "http://", "git://", "ssh://", "github.com/", "git@")
    return "://" in context or context.startswith(prefixes)


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
        build = _changed(build, "args", lambda node: resolved(node, lookup, keep=False))
        service = service.with_entry("build", build)
    service = _changed(service, "environment", lambda node: resolved(node, lookup, keep=True))
    service = _dependencies(service)
    service = _changed(
        service,
        "volumes",
        lambda node: _mapped(node, lambda each: _clean_target(each) if isinstance(each, Branch) else each),
    )
    hooks = service.get("pre_start")
    if isinstance(hooks, Items):
        shared = service.without(*(key for key in service.entries if key not in HOOK_INHERITS))
        service = service.with_entry(
            "pre_start", _mapped(hooks, lambda hook: extend(shared, hook) if isinstance(hook, Branch) else hook)
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
