"""How a Compose file overrides another: every attribute kind's own rule, and which list entries are the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.source import ReadError, Span
from policyengine.model.text import Text
from policyengine.platforms.compose.located import (
    Branch,
    Items,
    Leaf,
    Member,
    Node,
    Path,
    Resets,
    go_text,
    literal,
    string,
)
from policyengine.platforms.compose.shapes import identity
from policyengine.platforms.compose.short import volume_target

if TYPE_CHECKING:
    from collections.abc import Callable


def merge(base: Branch, other: Branch) -> Branch:
    """The whole model `base` overridden by `other`.

    Raises:
        ReadError: two values of an attribute cannot be combined.
    """
    return _fields(base, other, ())


def extend(base: Branch, service: Branch) -> Branch:
    """A service that extends `base`."""
    merged = merge_node(base, service, ("services", "*"))
    return merged if isinstance(merged, Branch) else service


def dropped(tree: Branch, tagged: Resets) -> Branch:
    """The tree without the values whose paths a later document marks with `!reset` or `!override`."""
    if not tagged.paths:
        return tree

    def walk(node: Node, path: Path) -> Node:
        if isinstance(node, Branch):
            kept = {}
            for key, field in node.entries.items():
                at = (*path, key)
                if at not in tagged.paths:
                    kept[key] = Member(field.key, walk(field.node, at))
            return node._replace(entries=kept)
        if isinstance(node, Items):
            return node._replace(items=tuple(walk(item, (*path, f"[{i}]")) for i, item in enumerate(node.items)))
        return node

    result = walk(tree, ())
    return result if isinstance(result, Branch) else tree


def merge_node(base: Node, other: Node, path: Path) -> Node:
    """One value overridden by another at a path whose name segments may be anything."""
    special = _special(path)
    if special is not None:
        return special(base, other, path)
    if _null(other):
        return base
    if isinstance(base, Branch):
        if not isinstance(other, Branch):
            raise _conflict(other, path)
        return _fields(base, other, path)
    if isinstance(base, Items):
        if not isinstance(other, Items):
            raise _conflict(other, path)
        return Items(_without_the_same(base.items, other.items), other.span, other.via)
    return other


def _without_the_same(base: tuple[Node, ...], other: tuple[Node, ...]) -> tuple[Node, ...]:
    """The entries of both lists, without those of `other` that are there already, as Docker Compose merges lists."""
    present = {identity(item) for item in base}
    added: dict[str, Node] = {}
    for item in other:
        if (name := identity(item)) not in present:
            added.setdefault(name, item)
    return (*base, *added.values())


def _null(node: Node | None) -> bool:
    return node is None or (isinstance(node, Leaf) and node.value is None)


def _conflict(node: Node, path: Path) -> ReadError:
    return ReadError(f"{'.'.join(path)} has another form than the value it overrides", node.span, "use one form")


def _fields(base: Branch, other: Branch, path: Path) -> Branch:
    entries = dict(base.entries)
    for key, field in other.entries.items():
        old = entries.get(key)
        if old is None:
            entries[key] = field
        else:
            entries[key] = Member(field.key, merge_node(old.node, field.node, (*path, key)))
    return Branch(entries, other.span, other.via)


def as_sequence(node: Node | None) -> tuple[Node, ...]:
    """A mapping as a sorted list of `key=value`, a string as a list of one."""
    if isinstance(node, Branch):
        rows: list[Leaf] = []
        for key, field in node.entries.items():
            key_text = Text.at(key, field.key)
            value = field.node
            if _null(value):
                rows.append(string(key_text, field.key, value.via))
                continue
            values = value.items if isinstance(value, Items) else (value,)
            for each in values:
                written = each.written if isinstance(each, Leaf) else Text.at("map[]", each.span)
                equals = Text.at("=", Span(field.key.path, field.key.end, field.key.end))
                joined = Text.join((key_text, equals, written))
                rows.append(string(joined, _covering(field.key, each.span), each.via))
        return tuple(sorted(rows, key=lambda row: str(row.value)))
    if isinstance(node, Items):
        return node.items
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return (node,)
    return ()


def _covering(key: Span, value: Span) -> Span:
    return key.cover(value) if key.path == value.path else key


def _to_sequence(base: Node, other: Node, _path: Path) -> Node:
    at = base if _null(other) else other
    return Items(_without_the_same(as_sequence(base), as_sequence(other)), at.span, at.via)


def _override(_base: Node, other: Node, _path: Path) -> Node:
    return other


def _build(base: Node, other: Node, path: Path) -> Node:
    def mapping(node: Node) -> Branch:
        if isinstance(node, Branch):
            return node
        if isinstance(node, Leaf) and isinstance(node.value, str):
            return Branch({"context": Member(node.span, node)}, node.span, node.via)
        if _null(node):
            return Branch({}, node.span, node.via)
        raise _conflict(node, path)

    return _fields(mapping(base), mapping(other), path)


def as_mapping(node: Node, default: dict[str, str | bool] | None = None) -> Branch:
    """A list of names as a mapping from each to null, or to a copy of `default`."""
    if isinstance(node, Branch):
        return node
    entries: dict[str, Member] = {}
    if isinstance(node, Items):
        for item in node.items:
            if not isinstance(item, Leaf) or not isinstance(item.value, str):
                raise ReadError("the list holds something other than names", item.span, "list names")
            value: Node = literal(None, item.span, item.via)
            if default is not None:
                filled = {key: Member(item.span, literal(each, item.span)) for key, each in default.items()}
                value = Branch(filled, item.span, item.via)
            entries[item.value] = Member(item.span, value)
    return Branch(entries, node.span, node.via)


DEPENDENCY: dict[str, str | bool] = {"condition": "service_started", "required": True}


def _depends_on(base: Node, other: Node, path: Path) -> Node:
    return _fields(as_mapping(base, DEPENDENCY), as_mapping(other, DEPENDENCY), path)


def _names(base: Node, other: Node, path: Path) -> Node:
    return _fields(as_mapping(base), as_mapping(other), path)


def _logging(base: Node, other: Node, path: Path) -> Node:
    if not isinstance(base, Branch) or not isinstance(other, Branch):
        raise _conflict(other, path)
    here, there = base.get("driver"), other.get("driver")
    if (
        here is None
        or there is None
        or (isinstance(here, Leaf) and isinstance(there, Leaf) and here.value == there.value)
    ):
        return _fields(base, other, path)
    return other


def _ipam(base: Node, other: Node, path: Path) -> Node:
    if not isinstance(base, Items) or not isinstance(other, Items):
        raise _conflict(other, path)
    pools: list[list[Branch]] = []  # each in a box: Compose goes on changing a pool after it listed it
    for original in base.items:
        box = [as_mapping(original)]
        for override in other.items:
            left = as_mapping(override)
            if _subnet(left) != _subnet(box[0]) and all(_subnet(pool[0]) != _subnet(left) for pool in pools):
                pools.append([left])
                continue
            box[0] = _fields(box[0], left, path)
            at = next((index for index, pool in enumerate(pools) if _subnet(pool[0]) == _subnet(box[0])), None)
            if at is None:
                pools.append(box)
            else:
                pools[at] = box
    return Items(tuple(pool[0] for pool in pools), other.span, other.via)


def _subnet(pool: Branch) -> object:
    node = pool.get("subnet")
    return node.value if isinstance(node, Leaf) else None


_SERVICE: dict[Path, Callable[[Node, Node, Path], Node]] = {
    **dict.fromkeys(
        (
            ("annotations",),
            ("build", "args"),
            ("build", "additional_contexts"),
            ("build", "extra_hosts"),
            ("build", "labels"),
            ("deploy", "labels"),
            ("dns",),
            ("dns_opt",),
            ("dns_search",),
            ("env_file",),
            ("label_file",),
            ("environment",),
            ("extra_hosts",),
            ("labels",),
            ("sysctls",),
            ("tmpfs",),
        ),
        _to_sequence,
    ),
    ("build",): _build,
    ("command",): _override,
    ("depends_on",): _depends_on,
    ("entrypoint",): _override,
    ("healthcheck", "test"): _override,
    ("logging",): _logging,
    ("models",): _names,
    ("networks",): _names,
}


def _special(path: Path) -> Callable[[Node, Node, Path], Node] | None:
    if len(path) < 3:
        return None
    if path[0] == "services":
        if len(path) == 4 and path[2] == "ulimits":
            return _override
        return _SERVICE.get(path[2:])
    if path[0] == "networks" and path[2:] == ("ipam", "config"):
        return _ipam
    if path[0] in ("networks", "volumes") and path[2:] == ("labels",):
        return _to_sequence
    return None


def _by_key(item: Node) -> str:
    if isinstance(item, Leaf) and isinstance(item.value, str):
        return item.value.partition("=")[0]
    raise ReadError("the list holds something other than strings", item.span, "list strings")


def _by_target(what: str) -> Callable[[Node], str]:
    def index(item: Node) -> str:
        if isinstance(item, Branch):
            target = item.get("target")
            if not isinstance(target, Leaf) or not isinstance(target.value, str):
                raise ReadError(f"the {what} has no target", item.span, "add 'target'")
            return target.value
        if isinstance(item, Leaf) and isinstance(item.value, str):
            if what == "device":
                parts = item.value.split(":")
                return parts[1] if len(parts) > 1 else parts[0]
            return volume_target(item)
        return ""

    return index


def _by_mount(folder: str) -> Callable[[Node], str]:
    def index(item: Node) -> str:
        if isinstance(item, Leaf) and isinstance(item.value, str):
            return f"{folder}/{item.value}"
        if isinstance(item, Branch):
            target = item.get("target")
            if isinstance(target, Leaf):
                return go_text(target.value)
            source = item.get("source")
            return f"{folder}/{go_text(source.value) if isinstance(source, Leaf) else ''}"
        raise ReadError("the list holds something other than names and mappings", item.span, "list names")

    return index


def _by_port(item: Node) -> str:
    if isinstance(item, Leaf):
        return go_text(item.value)
    if not isinstance(item, Branch):
        return ""
    if item.get("target") is None:
        raise ReadError("the port has no target", item.span, "add 'target'")

    def part(key: str, default: str) -> str:
        node = item.get(key)
        return go_text(node.value) if isinstance(node, Leaf) else default

    target = item.get("target")
    number = target.value if isinstance(target, Leaf) else None
    shown = go_text(number) if not isinstance(number, str) else f"%!d(string={number})"
    return f"{part('host_ip', '0.0.0.0')}:{part('published', '<nil>')}:{shown}/{part('protocol', 'tcp')}"  # noqa: S104


def _by_path(item: Node) -> str:
    if isinstance(item, Leaf):
        return str(item.value) if isinstance(item.value, str) else ""
    if isinstance(item, Branch):
        path = item.get("path")
        if isinstance(path, Leaf) and isinstance(path.value, str):
            return path.value
        raise ReadError("the env_file entry has no path", item.span, "add 'path'")
    return ""


def _by_number(item: Node) -> str:
    if isinstance(item, Leaf) and (isinstance(item.value, str) or type(item.value) is int):
        return str(item.value)
    raise ReadError("expose holds something other than ports", item.span, "list port numbers")


_UNIQUE: dict[Path, Callable[[Node], str]] = {
    **dict.fromkeys(
        (
            ("annotations",),
            ("build", "args"),
            ("build", "additional_contexts"),
            ("build", "platform"),
            ("build", "tags"),
            ("build", "labels"),
            ("cap_add",),
            ("cap_drop",),
            ("deploy", "labels"),
            ("dns",),
            ("dns_opt",),
            ("dns_search",),
            ("environment",),
            ("label_file",),
            ("labels",),
            ("links",),
            ("profiles",),
            ("sysctls",),
            ("tmpfs",),
        ),
        _by_key,
    ),
    ("devices",): _by_target("device"),
    ("configs",): _by_mount(""),
    ("secrets",): _by_mount("/run/secrets"),
    ("env_file",): _by_path,
    ("expose",): _by_number,
    ("ports",): _by_port,
    ("volumes",): _by_target("volume"),
}


def unique(tree: Branch) -> Branch:
    """The model without list entries that a later entry of the same list redefines.

    Raises:
        ReadError: an entry of such a list has a form that names nothing.
    """
    services = tree.get("services")
    if isinstance(services, Branch):
        tree = tree.with_entry("services", _each(services, _unique_service))
    networks = tree.get("networks")
    if isinstance(networks, Branch):
        tree = tree.with_entry("networks", _each(networks, _unique_network))
    return tree


def _each(parent: Branch, function: Callable[[Branch], Branch]) -> Branch:
    entries = {
        key: field._replace(node=function(field.node)) if isinstance(field.node, Branch) else field
        for key, field in parent.entries.items()
    }
    return parent._replace(entries=entries)


def _unique_service(service: Branch) -> Branch:
    for path, index in _UNIQUE.items():
        service = _at(service, path, index)
    networks = service.get("networks")
    if isinstance(networks, Branch):
        service = service.with_entry("networks", _each(networks, _unique_attachment))
    return service


def _unique_attachment(network: Branch) -> Branch:
    return _at(_at(network, ("aliases",), _by_key), ("link_local_ips",), _by_key)


def _unique_network(network: Branch) -> Branch:
    return _at(_at(network, ("labels",), _by_key), ("ipam", "options"), _by_key)


def _at(parent: Branch, path: Path, index: Callable[[Node], str]) -> Branch:
    field = parent.entries.get(path[0])
    if field is None:
        return parent
    node: Node = field.node
    if len(path) > 1:
        if not isinstance(node, Branch):
            return parent
        changed: Node = _at(node, path[1:], index)
    elif isinstance(node, Items):
        changed = _without_repeats(node, index)
    else:
        return parent
    return (
        parent if changed is node else parent._replace(entries={**parent.entries, path[0]: Member(field.key, changed)})
    )


def _without_repeats(node: Items, index: Callable[[Node], str]) -> Items:
    kept: dict[str, Node] = {}
    for item in node.items:
        kept[index(item)] = item
    return node if len(kept) == len(node.items) else node._replace(items=tuple(kept.values()))
