"""The canonical form: short forms written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.source import ReadError
from policyengine.platforms.compose.located import Branch, Items, Leaf, Member, Node, literal, string
from policyengine.platforms.compose.merging import DEPENDENCY, as_mapping
from policyengine.platforms.compose.short import device, part, ports, volume

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


def changed(parent: Branch, key: str, function: Callable[[Node], Node]) -> Branch:
    """The mapping with the value of a key replaced, where there is one."""
    field = parent.entries.get(key)
    return parent if field is None else parent.with_entry(key, function(field.node))


def mapped(node: Node, function: Callable[[Node], Node]) -> Node:
    """The list with each element replaced; anything else as it is."""
    return node._replace(items=tuple(function(item) for item in node.items)) if isinstance(node, Items) else node


def bad(node: Node, what: str) -> ReadError:
    """The error for a value of a form that its attribute does not take."""
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
        service = changed(service, key, function)
    return changed(
        service,
        "pre_start",
        lambda node: mapped(node, lambda hook: _service(hook) if isinstance(hook, Branch) else hook),
    )


def _build(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return Branch({"context": Member(node.span, node)}, node.span, node.via)
    if not isinstance(node, Branch):
        raise bad(node, "build")
    node = changed(node, "secrets", lambda each: mapped(each, _file_mount))
    node = changed(node, "provenance", _as_string)
    node = changed(node, "sbom", _as_string)
    node = changed(node, "additional_contexts", _key_values)
    node = changed(node, "ssh", _ssh)
    return changed(node, "ulimits", _ulimits)


def _as_string(node: Node) -> Node:
    return node if isinstance(node, Leaf) and isinstance(node.value, str) else _string_of(node)


def _string_of(node: Node) -> Node:
    return string(node.written, node.span) if isinstance(node, Leaf) else node


def _file_mount(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return Branch({"source": Member(node.span, node)}, node.span, node.via)
    if not isinstance(node, Branch):
        raise bad(node, "the mount")
    return node


def _key_values(node: Node) -> Node:
    if isinstance(node, Branch):
        return node
    if not isinstance(node, Items):
        raise bad(node, "additional_contexts")
    entries: dict[str, Member] = {}
    for item in node.items:
        if not isinstance(item, Leaf) or not isinstance(item.value, str) or "=" not in item.value:
            raise bad(item, "additional_contexts")
        at = item.value.index("=")
        entries[item.value[:at]] = Member(part(item, 0, at).span, part(item, at + 1, len(item.value)))
    return Branch(entries, node.span, node.via)


def _ssh(node: Node) -> Node:
    if isinstance(node, Branch):
        return node
    if not isinstance(node, Items):
        raise bad(node, "ssh")
    entries: dict[str, Member] = {}
    for item in node.items:
        if not isinstance(item, Leaf) or not isinstance(item.value, str):
            raise bad(item, "ssh")
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
                raise bad(field.node, "the ulimit")
    return node


def _depends_on(node: Node) -> Node:
    if isinstance(node, Items):
        return as_mapping(node, DEPENDENCY)
    if not isinstance(node, Branch):
        raise bad(node, "depends_on")
    entries: dict[str, Member] = {}
    for key, field in node.entries.items():
        each = field.node
        if not isinstance(each, Branch):
            raise bad(each, "depends_on")
        for name, value in DEPENDENCY.items():
            if name not in each.entries:
                each = each.with_entry(name, literal(value, field.key))
        entries[key] = field._replace(node=each)
    return node._replace(entries=entries)


def _env_file(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return Items((_env_file_entry(node),), node.span, node.via)
    if not isinstance(node, Items):
        raise bad(node, "env_file")
    return mapped(node, _env_file_entry)


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
        raise bad(node, "gpus")
    return node


def _named(node: Node) -> Node:
    return as_mapping(node) if isinstance(node, Items) else node


def _volume(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return volume(node)
    if not isinstance(node, Branch):
        raise bad(node, "the volume")
    return node


def _device(node: Node) -> Node:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return device(node)
    if not isinstance(node, Branch):
        raise bad(node, "the device")
    return node


def _ports(node: Node) -> Node:
    if not isinstance(node, Items):
        raise bad(node, "ports")
    result: list[Node] = []
    for item in node.items:
        if isinstance(item, Leaf) and (isinstance(item.value, str) or type(item.value) is int):
            result.extend(ports(item))
        elif isinstance(item, Branch):
            result.append(item)
        else:
            raise bad(item, "the port")
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
            each = changed(each, "ignore", _listed)
            each = changed(each, "include", _listed)
        return each

    return changed(node, "watch", lambda each: mapped(each, trigger)) if isinstance(node, Branch) else node


_SERVICE: dict[str, Callable[[Node], Node]] = {
    "depends_on": _depends_on,
    "env_file": _env_file,
    "label_file": _listed,
    "extends": _extends,
    "gpus": _gpus,
    "networks": _named,
    "models": _named,
    "volumes": lambda node: mapped(node, _volume),
    "dns": _dns,
    "devices": lambda node: mapped(node, _device),
    "secrets": lambda node: mapped(node, _file_mount),
    "configs": lambda node: mapped(node, _file_mount),
    "ports": _ports,
    "ulimits": _ulimits,
    "develop": _develop,
}


def _maybe_external(node: Node, key: str) -> Node:
    if isinstance(node, Leaf) and node.value is None:
        return node
    if not isinstance(node, Branch):
        raise bad(node, f"'{key}'")
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
