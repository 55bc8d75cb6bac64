"""An effective configuration printed as `docker compose config --format json` prints it, without the doubling of `$`.

Only the comparison with the real program needs it: which attributes Go leaves out, and as what it prints the others.
The shapes of `policyengine.platforms.compose.specification` say what there is; `_PRINTERS` and `_ALWAYS` say where
printing differs from the kind of value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

from policyengine.model.source import ReadError
from policyengine.patterns import regex
from policyengine.platforms.compose import words
from policyengine.platforms.compose.interpolate import boolean, decimal, integer
from policyengine.platforms.compose.located import Branch, Items, Leaf, Moment, Node, Plain, go_text, shortest32, single
from policyengine.platforms.compose.shapes import Atom, Either, Json, Keyed, ListOf, MapOf, ValueShape, raw, size
from policyengine.platforms.compose.specification import CONFIG, NAMED_VOLUME, NETWORK, SECRET, SERVICE, STRINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyengine.platforms.compose.load import ComposeProject


class Omit:
    """The attribute is left out."""


OMIT = Omit()
T = TypeVar("T")
Printed: TypeAlias = Json | Omit


_SECTIONS = (("networks", NETWORK), ("volumes", NAMED_VOLUME), ("secrets", SECRET), ("configs", CONFIG))


def printed(project: ComposeProject) -> dict[str, Json]:
    """The effective configuration.

    Raises:
        ReadError: a value is not of its attribute's type.
    """
    model = project.model
    services = model.get("services")
    shown: dict[str, Json] = {}
    for name, entry in services.entries.items() if isinstance(services, Branch) else ():
        value = _shown(SERVICE, entry.node, ("services", "*"), f"services.{name}")
        if name not in project.enabled or not isinstance(value, dict):
            continue
        value.pop("env_file", None)
        value.pop("environment", None)
        environment: dict[str, Json] = {
            key: None if each.text is None else each.text.written
            for key, each in project.environments[name].variables.items()
        }
        if environment:
            value["environment"] = environment
        labels: dict[str, Json] = {
            key: "" if each.text is None else each.text.written for key, each in project.labels[name].items()
        }
        if labels:
            value["labels"] = labels
        scale, deploy = value.get("scale"), value.get("deploy")
        if scale is not None and isinstance(deploy, dict):
            deploy["replicas"] = scale
        shown[name] = value
    names: dict[str, str] = {}
    for name, value in shown.items():
        container = value.get("container_name") if isinstance(value, dict) else None
        if isinstance(container, str) and container:
            if container in names:
                message = f"the services '{names[container]}' and '{name}' have the same container_name"
                raise ReadError(message, model.span, "rename one")
            names[container] = name
    result: dict[str, Json] = {"name": project.name, "services": shown}
    used = _used(shown)
    for section, shape in _SECTIONS:
        node = model.get(section)
        rows: dict[str, Json] = {}
        for key, entry in node.entries.items() if isinstance(node, Branch) else ():
            row = _resource(entry.node, shape, section, f"{section}.{key}")
            if key in used[section] and not isinstance(row, Omit):
                rows[key] = row
        if rows:
            result[section] = rows
    for key, entry in model.entries.items():
        if key.startswith("x-"):
            result[key] = raw(entry.node)
    return result


def _used(services: dict[str, Json]) -> dict[str, set[str]]:
    """The resources that the enabled services use: the others are left out."""
    used: dict[str, set[str]] = {section: set() for section, _ in _SECTIONS}
    for service in services.values():
        if not isinstance(service, dict):
            continue
        networks, build = service.get("networks"), service.get("build")
        used["networks"].update(networks if isinstance(networks, dict) else ())
        used["volumes"].update(_sources([row for row in _rows(service.get("volumes")) if row.get("type") == "volume"]))
        used["configs"].update(_sources(_rows(service.get("configs"))))
        used["secrets"].update(_sources(_rows(service.get("secrets"))))
        used["secrets"].update(_sources(_rows(build.get("secrets") if isinstance(build, dict) else None)))
    return used


def _rows(value: Json) -> list[dict[str, Json]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _sources(rows: list[dict[str, Json]]) -> set[str]:
    return {source for row in rows if isinstance(source := row.get("source"), str) and source}


def _resource(node: object, shape: Keyed, section: str, path: str) -> Printed:
    if not isinstance(node, Branch):
        return {}
    value = _shown(shape, node, (section, "*"), path)
    if shape is CONFIG and isinstance(value, dict) and value.get("environment"):
        value.pop("content", None)
    return value


# -- by shape ---------------------------------------------------------------------------------------------------------


def _shown(shape: ValueShape, node: Node, at: tuple[str, ...], path: str) -> Printed:
    """A value of the attribute `at`, in which `*` is any key and `[]` any element; `path` names it in errors."""
    printer = _told(_PRINTERS, at)
    if printer is not None:
        return printer(node, path)
    match shape:
        case Either(shapes):
            return _shown(shapes[-1], node, at, path)
        case Keyed():
            return _keyed(shape, node, at, path)
        case MapOf():
            return _map(shape, node, at, path)
        case ListOf():
            return _list(shape, node, at, path)
        case Atom(types):
            return (_bool if "b" in types else _int if {"i", "n"} & set(types) else _string)(node, path)
        case _:
            raise TypeError(shape)


def _told(table: dict[str, T], at: tuple[str, ...]) -> T | None:
    """What a table says of an attribute: of the whole path (`^`), or else of its longest end."""
    whole = table.get("^" + ".".join(at))
    if whole is not None:
        return whole
    ends = (".".join(at[-length:]) for length in (3, 2, 1))
    return next((table[end] for end in ends if end in table), None)


def _keyed(shape: Keyed, node: Node, at: tuple[str, ...], path: str) -> Printed:
    if isinstance(node, Leaf) and node.value is None:
        return OMIT
    if not isinstance(node, Branch):
        raise _refused(node, path, "mapping")
    always = _told(_ALWAYS, at)
    result: dict[str, Json] = {} if always is None else dict(always)
    for key, entry in node.entries.items():
        inner = shape.fields.get(key)
        if inner is None:
            continue
        value = _shown(inner, entry.node, (*at, key), f"{path}.{key}" if path else key)
        if not isinstance(value, Omit):
            result[key] = value
    return result


def _map(shape: MapOf, node: Node, at: tuple[str, ...], path: str) -> Printed:
    if not isinstance(node, Branch):
        return OMIT
    result: dict[str, Json] = {}
    for key, entry in node.entries.items():
        if isinstance(entry.node, Leaf) and entry.node.value is None and shape.null:
            result[key] = None
            continue
        value = _shown(shape.item, entry.node, (*at, "*"), f"{path}.{key}")
        result[key] = "" if isinstance(value, Omit) else value
    return result or OMIT


def _list(shape: ListOf, node: Node, at: tuple[str, ...], path: str) -> Printed:
    """A list; an element of it is printed even when it is empty."""
    if isinstance(node, Leaf) and node.value is None:
        return OMIT
    result: list[Json] = []
    for index, item in enumerate(node.items if isinstance(node, Items) else (node,)):
        value = _shown(shape.item, item, (*at, "[]"), f"{path}.{index}")
        result.append("" if isinstance(value, Omit) else value)
    return result or OMIT


def _refused(node: Node, path: str, what: str) -> ReadError:
    shown = go_text(node.value) if isinstance(node, Leaf) else "a collection"
    return ReadError(f"{path} is {shown!r}, which is no {what}", node.span, f"write a {what}")


def _leaf(node: Node, path: str) -> Leaf:
    if not isinstance(node, Leaf):
        raise _refused(node, path, "scalar")
    return node


# -- single values ----------------------------------------------------------------------------------------------------


def _string(node: Node, path: str) -> Printed:
    """A string; an integer counts as its decimal."""
    leaf = _leaf(node, path)
    value = leaf.value
    if isinstance(value, Moment):
        raise _refused(leaf, path, "string")
    if value is None or value == "":
        return OMIT
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _refused(leaf, path, "string")
    return str(value)


def _bool(node: Node, path: str) -> Printed:
    """A flag that is left out when it is off."""
    leaf = _leaf(node, path)
    value = _flag(leaf, path)
    return value if value is True else OMIT


def _flag(node: Node, path: str) -> Printed:
    """A flag that is printed either way."""
    leaf = _leaf(node, path)
    value: Plain = leaf.value
    if isinstance(value, str):
        value = boolean(value)
    if leaf.value is None:
        return OMIT
    if not isinstance(value, bool):
        raise _refused(leaf, path, "boolean")
    return value


def _int(node: Node, path: str) -> Printed:
    """An integer that is left out when it is zero."""
    leaf = _leaf(node, path)
    value = _count(leaf, path)
    return value or OMIT


def _count(node: Node, path: str) -> Printed:
    """An integer that is printed even when it is zero."""
    leaf = _leaf(node, path)
    value: Plain = leaf.value
    if value is None:
        return OMIT
    if isinstance(value, str):
        value = integer(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(leaf, path, "integer")
    return int(value)


def _unsigned(node: Node, path: str) -> Printed:
    """A count that cannot be negative; a string is none."""
    leaf = _leaf(node, path)
    if isinstance(leaf.value, str) or (isinstance(leaf.value, int | float) and leaf.value < 0):
        raise _refused(leaf, path, "count")
    return _count(leaf, path)


def _single(node: Node, path: str) -> Printed:
    """A number of 32 bits that is left out when it is zero."""
    leaf = _leaf(node, path)
    value: Plain = leaf.value
    if value is None:
        return OMIT
    if isinstance(value, str):
        value = decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused(leaf, path, "number")
    number: float = single(float(value))
    if number == 0:
        return OMIT
    shortest = float(shortest32(number))
    return int(shortest) if shortest == int(shortest) else shortest


def _bytes(node: Node, path: str) -> Printed:
    """A size in bytes, printed as a string."""
    leaf = _leaf(node, path)
    value: Plain = leaf.value
    if isinstance(value, str):
        value = size(value)
        if value is None:
            raise _refused(leaf, path, "size")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value != 0 else OMIT


def _duration(node: Node, path: str) -> Printed:
    """A duration that is printed whenever it is given."""
    leaf = _leaf(node, path)
    if leaf.value is None:
        return OMIT
    value = duration(go_text(leaf.value))
    if value is None:
        raise _refused(leaf, path, "duration")
    return shown_duration(value)


def _delay(node: Node, path: str) -> Printed:
    """A duration that is left out when it is zero."""
    leaf = _leaf(node, path)
    value = _duration(leaf, path)
    return OMIT if value == "0s" else value


_DURATION = regex(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h|d|w)")
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 7 * 86400 * 10**9,
}


def duration(text: str) -> int | None:
    """Nanoseconds from `1m30s`, `2d`; None when it is no duration."""
    sign = -1 if text.startswith("-") else 1
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return 0
    total = 0
    at = 0
    while at < len(body):
        found = _DURATION.match(body, at)
        if found is None or len(found[1]) > 30:
            return None
        whole, _, part = found[1].partition(".")
        unit = _NANOSECONDS[found[2]]
        total += int(whole or 0) * unit + int(int(part or 0) * unit / 10 ** len(part))
        at = found.end()
    return sign * total if at and total < 2**63 else None


def shown_duration(nanoseconds: int) -> str:
    """A duration as Go prints it: `1m30s`, `1.5s`, `300ms`."""
    if nanoseconds == 0:
        return "0s"
    sign, left = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    for unit, scale in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if left < scale * 1000 and left < 10**9:
            return f"{sign}{_decimal(left, scale)}{unit}"
    hours, left = divmod(left, 3600 * 10**9)
    minutes, left = divmod(left, 60 * 10**9)
    text = f"{_decimal(left, 10**9)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    if hours:
        text = f"{hours}h{text}"
    return sign + text


def _decimal(value: int, scale: int) -> str:
    whole, part = divmod(value, scale)
    digits = str(part).rjust(len(str(scale)) - 1, "0").rstrip("0") if part else ""
    return f"{whole}.{digits}" if digits else str(whole)


# -- attributes of their own ------------------------------------------------------------------------------------------


def _pairs(node: Node, path: str) -> dict[str, str | None]:
    """A mapping or a list of `key=value` as keys and values; a bare key has none."""
    del path
    found: dict[str, str | None] = {}
    if isinstance(node, Branch):
        for key, entry in node.entries.items():
            value = entry.node
            found[key] = go_text(value.value) if isinstance(value, Leaf) and value.value is not None else None
    elif isinstance(node, Items):
        for item in node.items:
            key, equals, rest = go_text(item.value if isinstance(item, Leaf) else "map[]").partition("=")
            found[key] = rest if equals else None
    return found


def _labels(node: Node, path: str) -> Printed:
    found: dict[str, Json] = {key: value or "" for key, value in _pairs(node, path).items()}
    return found or OMIT


def _variables(node: Node, path: str) -> Printed:
    found: dict[str, Json] = dict(_pairs(node, path))
    if isinstance(node, Items):
        for key in found:
            if key and key[-1].isspace():
                raise ReadError(f"{path}: the variable {key!r} ends in a blank", node.span, "remove the blank")
    return found or OMIT


def _options(node: Node, path: str) -> Printed:
    if isinstance(node, Leaf) and node.value is None:
        return OMIT
    if not isinstance(node, Branch):
        raise _refused(node, path, "mapping")
    return _labels(node, path)


def _command(node: Node, path: str) -> Printed:
    if isinstance(node, Items):
        result: list[Json] = []
        for item in node.items:
            if not isinstance(item, Leaf) or not isinstance(item.value, str):
                raise _refused(item, path, "string")
            result.append(item.value)
        return result
    if isinstance(node, Leaf) and isinstance(node.value, str):
        split = words.split(node.value)
        if split is None:
            raise _refused(node, path, "command line")
        return list(split)
    return None


def _test(node: Node, path: str) -> Printed:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return ["CMD-SHELL", node.value]
    return _shown(STRINGS, node, ("test",), path)


def _hosts(node: Node, path: str) -> Printed:
    hosts: dict[str, list[str]] = {}
    if isinstance(node, Branch):
        for key, entry in node.entries.items():
            value = entry.node
            rows = value.items if isinstance(value, Items) else (value,)
            addresses = [go_text(row.value) for row in rows if isinstance(row, Leaf) and row.value is not None]
            hosts[key] = addresses or ([""] if not isinstance(value, Items) else [])
    elif isinstance(node, Items):
        for item in node.items:
            text = go_text(item.value) if isinstance(item, Leaf) else ""
            separator = "=" if "=" in text else ":"
            host, found, address = text.partition(separator)
            if not found:
                raise ReadError(f"{path}: the host {text!r} has no address", item.span, "write host=address")
            hosts.setdefault(host, []).extend(address.split(","))
    result: list[str] = []
    for host, addresses in hosts.items():
        if not host or ":" in host or "=" in host:
            raise ReadError(f"{path}: {host!r} is no host name", node.span, "correct the name")
        result.extend(
            f"{host}={each[1:-1] if len(each) > 2 and each[0] + each[-1] == '[]' else each}" for each in addresses
        )
    return list[Json](sorted(result)) or OMIT


def _mode(node: Node, path: str) -> Printed:
    leaf = _leaf(node, path)
    value = leaf.value
    if isinstance(value, str):
        try:
            value = int(value, 8) if value.isdecimal() and len(value) < 20 else None
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refused(leaf, path, "mode")
    return f"0{value:o}"


def _ulimit(node: Node, path: str) -> Printed:
    if isinstance(node, Leaf):
        if isinstance(node.value, bool) or not isinstance(node.value, int):
            raise _refused(node, path, "integer")
        return node.value or {}
    result: dict[str, Json] = {}
    for key in ("soft", "hard"):
        value = node.get(key) if isinstance(node, Branch) else None
        if isinstance(value, Leaf):
            if isinstance(value.value, bool) or not isinstance(value.value, int):
                raise _refused(value, path, "integer")
            if value.value:
                result[key] = value.value
    return result


def _device_count(node: Node, path: str) -> Printed:
    leaf = _leaf(node, path)
    if isinstance(leaf.value, str):
        if leaf.value.lower() == "all":
            return -1
        return _int(leaf, path)
    if type(leaf.value) is not int:
        raise _refused(leaf, path, "count")
    return leaf.value or OMIT


def _ssh(node: Node, path: str) -> Printed:
    del path
    result: list[Json] = []
    if isinstance(node, Branch):
        for key, entry in node.entries.items():
            value = entry.node
            given = go_text(value.value) if isinstance(value, Leaf) and value.value is not None else ""
            result.append(f"{key}: {given}" if given else key)
    return result or OMIT


def _blkio(key: str) -> Callable[[Node, str], Printed]:
    """A list of devices under the names that Go's structures have."""
    number, zero = ("Weight", 0) if key == "weight" else ("Rate", "0")

    def printed(node: Node, path: str) -> Printed:
        result: list[Json] = []
        for item in node.items if isinstance(node, Items) else ():
            device: dict[str, Json] = {"Path": "", number: zero}
            if isinstance(item, Branch):
                where, value = item.get("path"), item.get(key)
                if isinstance(where, Leaf):
                    device["Path"] = go_text(where.value)
                if isinstance(value, Leaf):
                    shape = _int if key == "weight" else _bytes
                    shown = shape(value, path)
                    device[number] = zero if not isinstance(shown, str | int) else shown
            result.append(device)
        return result or OMIT

    return printed


def _specification(node: Node, path: str) -> Printed:
    result: dict[str, Json] = {"kind": "", "value": 0}
    if isinstance(node, Branch):
        kind, value = node.get("kind"), node.get("value")
        if isinstance(kind, Leaf):
            result["kind"] = go_text(kind.value)
        if isinstance(value, Leaf):
            count = _count(value, path)
            result["value"] = count if isinstance(count, int) else 0
    return result


def _provider_options(node: Node, path: str) -> Printed:
    result: dict[str, Json] = {}
    for key, entry in node.entries.items() if isinstance(node, Branch) else ():
        rows = entry.node.items if isinstance(entry.node, Items) else (entry.node,)
        values: list[Json] = [go_text(row.value) for row in rows if isinstance(row, Leaf)]
        result[key] = values
    del path
    return result or OMIT


def _expose(node: Node, path: str) -> Printed:
    leaf = _leaf(node, path)
    del path
    return go_text(leaf.value)


def _opt_out(node: Node, path: str) -> Printed:
    value = _flag(node, path)
    return OMIT if value is True else value


def _external(node: Node, path: str) -> Printed:
    return _bool(node, path) if isinstance(node, Leaf) else OMIT


Printer: TypeAlias = "Callable[[Node, str], Printed]"
_PRINTERS: dict[str, Printer] = {
    **dict.fromkeys(("attach", "init", "enable_ipv4", "enable_ipv6", "depends_on.*.required"), _flag),
    **dict.fromkeys(("create_host_path", "env_file.[].required"), _opt_out),
    **dict.fromkeys(
        ("interval", "timeout", "start_period", "start_interval", "stop_grace_period", "window"), _duration
    ),
    "restart_policy.delay": _duration,
    **dict.fromkeys(("update_config.delay", "rollback_config.delay", "monitor"), _delay),
    **dict.fromkeys(
        ("shm_size", "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "memory", "tmpfs.size"), _bytes
    ),
    **dict.fromkeys(("cpus", "cpu_percent", "max_failure_ratio"), _single),
    **dict.fromkeys(("replicas", "scale"), _count),
    **dict.fromkeys(("parallelism", "max_attempts", "retries"), _unsigned),
    **dict.fromkeys(("configs.[].mode", "secrets.[].mode"), _mode),
    **dict.fromkeys(("provenance", "sbom", "published", "group_add.[]"), _string),
    **dict.fromkeys(("^secrets.*.environment", "^configs.*.environment"), _string),
    "expose.[]": _expose,
    **dict.fromkeys(
        ("labels", "annotations", "additional_contexts", "sysctls", "devices.[].options", "gpus.[].options"), _labels
    ),
    "ipam.options": _labels,
    **dict.fromkeys(("args", "environment"), _variables),
    **dict.fromkeys(("driver_opts", "logging.options", "storage_opt", "aux_addresses"), _options),
    **dict.fromkeys(("command", "entrypoint"), _command),
    "healthcheck.test": _test,
    "extra_hosts": _hosts,
    "ulimits.*": _ulimit,
    **dict.fromkeys(("devices.[].count", "gpus.[].count"), _device_count),
    "build.ssh": _ssh,
    **dict.fromkeys(("device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops"), _blkio("rate")),
    "weight_device": _blkio("weight"),
    "discrete_resource_spec": _specification,
    "provider.options": _provider_options,
    "external": _external,
}
"""How an attribute is printed, where its kind of value does not say it."""

_NO_COMMAND: dict[str, Json] = {"command": None}
_ALWAYS: dict[str, dict[str, Json]] = {
    "^services.*": {"command": None, "entrypoint": None},
    "pre_start.[]": {"command": None, "entrypoint": None},
    "post_start.[]": _NO_COMMAND,
    "pre_stop.[]": _NO_COMMAND,
    "watch.[].exec": _NO_COMMAND,
    "watch.[]": {"path": "", "action": "", "exec": _NO_COMMAND},
    "^services.*.deploy": {"placement": {}, "resources": {}},
    "^networks.*": {"ipam": {}},
}
"""What is printed even where it is not given."""
