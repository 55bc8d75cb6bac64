"""Every attribute of a Compose file: what it may be, and how Docker Compose prints it.

Facts from the Compose specification as Docker Compose 5.6.1 enforces it; `tests/oracle/compose` holds them to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.source import ReadError
from policyengine.platforms.compose import words
from policyengine.platforms.compose.located import Branch, Items, Leaf, Node, go_text
from policyengine.platforms.compose.shapes import (
    OMIT,
    Atom,
    Custom,
    Either,
    Json,
    Keyed,
    ListOf,
    MapOf,
    Printed,
    ValueShape,
    print_any_string,
    print_bool,
    print_bytes,
    print_count,
    print_delay,
    print_duration,
    print_flag,
    print_int,
    print_single,
    print_string,
    print_unsigned,
    raw,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = r"^[a-zA-Z0-9._-]+$"


def _text(types: str = "s", *values: str, pattern: str = "") -> Atom:
    return Atom(types, print_string, values, pattern)


STRING = _text()
BOOL = Atom("bs", print_bool)
FLAG = Atom("bs", print_flag)
_OPT_OUT = Custom(FLAG, lambda node, path: OMIT if FLAG.print(node, path) is True else FLAG.print(node, path))
INT = Atom("is", print_int)
NUMBER = Atom("ns", print_int)
STRINGS = ListOf(STRING)
NAMES = ListOf(STRING, unique=True)
STRING_OR_LIST = ListOf(STRING, unique=True, alone=True)
DURATION = Atom("s", print_duration)
_ANY = Atom("snb0", print_any_string)


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


def _print_labels(node: Node, path: str) -> Printed:
    found: dict[str, Json] = {key: value or "" for key, value in _pairs(node, path).items()}
    return found or OMIT


def _print_variables(node: Node, path: str) -> Printed:
    found: dict[str, Json] = dict(_pairs(node, path))
    if isinstance(node, Items):
        for key in found:
            if key and key[-1].isspace():
                raise ReadError(f"{path}: the variable {key!r} ends in a blank", node.span, "remove the blank")
    return found or OMIT


_LIST_OR_DICT = Either((ListOf(STRING, unique=True), MapOf(_ANY)))
LABELS = Custom(_LIST_OR_DICT, _print_labels)
VARIABLES = Custom(_LIST_OR_DICT, _print_variables)


def _print_options(node: Node, path: str) -> Printed:
    if isinstance(node, Leaf) and node.value is None:
        return OMIT
    if not isinstance(node, Branch):
        raise refused(node, path, "mapping")
    return _print_labels(node, path)


def _options(types: str) -> Custom:
    return Custom(MapOf(Atom(types, print_any_string), closed=False), _print_options)


def _print_command(node: Node, path: str) -> Printed:
    if isinstance(node, Items):
        result: list[Json] = []
        for item in node.items:
            if not isinstance(item, Leaf) or not isinstance(item.value, str):
                raise refused(item, path, "string")
            result.append(item.value)
        return result
    if isinstance(node, Leaf) and isinstance(node.value, str):
        split = words.split(node.value)
        if split is None:
            raise refused(node, path, "command line")
        return list(split)
    return None


COMMAND = Custom(Either((_text("0s"), STRINGS)), _print_command)


def _print_test(node: Node, path: str) -> Printed:
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return ["CMD-SHELL", node.value]
    return STRINGS.print(node, path)


def _print_hosts(node: Node, path: str) -> Printed:
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


EXTRA_HOSTS = Custom(
    Either((ListOf(STRING, unique=True), MapOf(Either((STRING, ListOf(STRING)))))),
    _print_hosts,
)


def _print_mode(leaf: Leaf, path: str) -> Printed:
    value = leaf.value
    if isinstance(value, str):
        try:
            value = int(value, 8) if value.isdecimal() and len(value) < 20 else None
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int):
        raise refused(leaf, path, "mode")
    return f"0{value:o}"


_FILE_MOUNT = ListOf(
    Either(
        (
            STRING,
            Keyed(
                {
                    "source": STRING,
                    "target": STRING,
                    "uid": STRING,
                    "gid": STRING,
                    "mode": Atom("ns", _print_mode),
                }
            ),
        )
    )
)


def _print_ulimit(node: Node, path: str) -> Printed:
    if isinstance(node, Leaf):
        if isinstance(node.value, bool) or not isinstance(node.value, int):
            raise refused(node, path, "integer")
        return node.value or {}
    result: dict[str, Json] = {}
    for key in ("soft", "hard"):
        value = node.get(key) if isinstance(node, Branch) else None
        if isinstance(value, Leaf):
            if isinstance(value.value, bool) or not isinstance(value.value, int):
                raise refused(value, path, "integer")
            if value.value:
                result[key] = value.value
    return result


_ULIMITS = MapOf(
    Custom(Either((INT, Keyed({"hard": INT, "soft": INT}, required=("soft", "hard")))), _print_ulimit),
    keys=r"^[a-z]+$",
    closed=False,
)


def _print_device_count(leaf: Leaf, path: str) -> Printed:
    if isinstance(leaf.value, str):
        if leaf.value.lower() == "all":
            return -1
        return print_int(leaf, path)
    if type(leaf.value) is not int:
        raise refused(leaf, path, "count")
    return leaf.value or OMIT


_DEVICE_REQUEST: dict[str, ValueShape] = {
    "capabilities": NAMES,
    "count": Atom("is", _print_device_count),
    "device_ids": NAMES,
    "driver": STRING,
    "options": LABELS,
}
_DEVICES = ListOf(Keyed(_DEVICE_REQUEST, required=("capabilities",)))


def _print_ssh(node: Node, path: str) -> Printed:
    del path
    result: list[Json] = []
    if isinstance(node, Branch):
        for key, entry in node.entries.items():
            value = entry.node
            given = go_text(value.value) if isinstance(value, Leaf) and value.value is not None else ""
            result.append(f"{key}: {given}" if given else key)
    return result or OMIT


_HOOK_FIELDS: dict[str, ValueShape] = {
    "command": COMMAND,
    "user": STRING,
    "privileged": BOOL,
    "working_dir": STRING,
    "environment": VARIABLES,
}
_HOOK = Keyed(_HOOK_FIELDS, required=("command",), extra={"command": None})

BUILD = Keyed(
    {
        "context": STRING,
        "dockerfile": STRING,
        "dockerfile_inline": STRING,
        "entitlements": STRINGS,
        "args": VARIABLES,
        "ssh": Custom(_LIST_OR_DICT, _print_ssh),
        "labels": LABELS,
        "cache_from": STRINGS,
        "cache_to": STRINGS,
        "no_cache": BOOL,
        "no_cache_filter": STRING_OR_LIST,
        "additional_contexts": LABELS,
        "network": STRING,
        "provenance": _text("sb"),
        "sbom": _text("sb"),
        "pull": BOOL,
        "target": STRING,
        "shm_size": Atom("is", print_bytes),
        "extra_hosts": EXTRA_HOSTS,
        "isolation": STRING,
        "privileged": BOOL,
        "secrets": _FILE_MOUNT,
        "tags": STRINGS,
        "ulimits": _ULIMITS,
        "platforms": STRINGS,
    }
)

_BLKIO_LIMIT = ListOf(Keyed({"path": STRING, "rate": Atom("is", print_bytes)}, extensible=False))


def _print_blkio(key: str) -> Callable[[Node, str], Printed]:
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
                    shape = print_int if key == "weight" else print_bytes
                    shown = shape(value, path)
                    device[number] = zero if not isinstance(shown, str | int) else shown
            result.append(device)
        return result or OMIT

    return printed


BLKIO = Keyed(
    {
        **{
            key: Custom(_BLKIO_LIMIT, _print_blkio("rate"))
            for key in ("device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops")
        },
        "weight": INT,
        "weight_device": Custom(
            ListOf(Keyed({"path": STRING, "weight": INT}, extensible=False)), _print_blkio("weight")
        ),
    },
    extensible=False,
)

DEPENDS_ON = Either(
    (
        NAMES,
        MapOf(
            Keyed(
                {
                    "restart": BOOL,
                    "required": Atom("b", print_flag),
                    "condition": _text("s", "service_started", "service_healthy", "service_completed_successfully"),
                },
                required=("condition",),
            ),
            keys=_NAME,
        ),
    )
)

_UPDATE = Keyed(
    {
        "parallelism": Atom("is", print_unsigned),
        "delay": Atom("s", print_delay),
        "failure_action": STRING,
        "monitor": Atom("s", print_delay),
        "max_failure_ratio": Atom("ns", print_single),
        "order": _text("s", "start-first", "stop-first"),
    }
)


def _print_specification(node: Node, path: str) -> Printed:
    result: dict[str, Json] = {"kind": "", "value": 0}
    if isinstance(node, Branch):
        kind, value = node.get("kind"), node.get("value")
        if isinstance(kind, Leaf):
            result["kind"] = go_text(kind.value)
        if isinstance(value, Leaf):
            count = print_count(value, path)
            result["value"] = count if isinstance(count, int) else 0
    return result


_GENERIC = ListOf(
    Keyed(
        {
            "discrete_resource_spec": Custom(
                Keyed({"kind": STRING, "value": Atom("ns", print_count)}), _print_specification
            )
        }
    )
)
_CPUS = Atom("ns", print_single)
_MEMORY = Atom("s", print_bytes)
RESOURCES = Keyed(
    {
        "limits": Keyed({"cpus": _CPUS, "memory": _MEMORY, "pids": INT}),
        "reservations": Keyed({"cpus": _CPUS, "memory": _MEMORY, "generic_resources": _GENERIC, "devices": _DEVICES}),
    }
)
DEPLOY = Keyed(
    {
        "mode": STRING,
        "endpoint_mode": STRING,
        "replicas": Atom("is", print_count),
        "labels": LABELS,
        "rollback_config": _UPDATE,
        "update_config": _UPDATE,
        "resources": RESOURCES,
        "restart_policy": Keyed(
            {
                "condition": STRING,
                "delay": DURATION,
                "max_attempts": Atom("is", print_unsigned),
                "window": DURATION,
            }
        ),
        "placement": Keyed(
            {
                "constraints": STRINGS,
                "preferences": ListOf(Keyed({"spread": STRING})),
                "max_replicas_per_node": INT,
            }
        ),
    },
    null=True,
    extra={"placement": {}, "resources": {}},
)

HEALTHCHECK = Keyed(
    {
        "disable": BOOL,
        "interval": DURATION,
        "retries": Atom("ns", print_unsigned),
        "test": Custom(Either((STRING, STRINGS)), _print_test),
        "timeout": DURATION,
        "start_period": DURATION,
        "start_interval": DURATION,
    }
)

NETWORK_ATTACHMENT = Keyed(
    {
        "aliases": NAMES,
        "interface_name": STRING,
        "ipv4_address": STRING,
        "ipv6_address": STRING,
        "link_local_ips": NAMES,
        "mac_address": STRING,
        "driver_opts": _options("sn"),
        "priority": Atom("n", print_int),
        "gw_priority": Atom("n", print_int),
    }
)

PORT = Keyed(
    {
        "name": STRING,
        "mode": STRING,
        "host_ip": STRING,
        "target": Atom("is", print_int),
        "published": _text("is"),
        "protocol": STRING,
        "app_protocol": STRING,
    }
)

VOLUME = Keyed(
    {
        "type": _text("s", "bind", "volume", "tmpfs", "cluster", "npipe", "image"),
        "source": STRING,
        "target": STRING,
        "read_only": BOOL,
        "consistency": STRING,
        "bind": Keyed(
            {
                "propagation": STRING,
                "create_host_path": _OPT_OUT,
                "recursive": _text("s", "enabled", "disabled", "writable", "readonly"),
                "selinux": _text("s", "z", "Z"),
            }
        ),
        "volume": Keyed({"labels": LABELS, "nocopy": BOOL, "subpath": STRING}),
        "tmpfs": Keyed(
            {
                "size": Atom("is", print_bytes, least=0),
                "mode": Atom("ns", print_int),
            }
        ),
        "image": Keyed({"subpath": STRING}),
    },
    required=("type",),
)

_DEVICE = Either((STRING, Keyed({"source": STRING, "target": STRING, "permissions": STRING}, required=("source",))))
_GPUS = Either((_text("s", "all"), ListOf(Keyed(_DEVICE_REQUEST, open=True))))
_PULL = r"always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+"
_OPTION = Atom("snb", print_any_string)


def _print_provider_options(node: Node, path: str) -> Printed:
    result: dict[str, Json] = {}
    for key, entry in node.entries.items() if isinstance(node, Branch) else ():
        rows = entry.node.items if isinstance(entry.node, Items) else (entry.node,)
        values: list[Json] = [go_text(row.value) for row in rows if isinstance(row, Leaf)]
        result[key] = values
    del path
    return result or OMIT


def _print_expose(leaf: Leaf, path: str) -> Printed:
    del path
    return go_text(leaf.value)


_SERVICE: dict[str, ValueShape] = {
    "annotations": LABELS,
    "attach": FLAG,
    "blkio_config": BLKIO,
    "build": Either((STRING, BUILD)),
    "cap_add": NAMES,
    "cap_drop": NAMES,
    "cgroup": _text("s", "host", "private"),
    "cgroup_parent": STRING,
    "command": COMMAND,
    "configs": _FILE_MOUNT,
    "container_name": _text(pattern=r"[a-zA-Z0-9][a-zA-Z0-9_.-]+"),
    "cpu_count": Atom("is", print_int, least=0),
    "cpu_percent": Atom("is", print_single, least=0, most=100),
    "cpu_shares": NUMBER,
    "cpu_quota": NUMBER,
    "cpu_period": NUMBER,
    "cpu_rt_period": NUMBER,
    "cpu_rt_runtime": NUMBER,
    "cpus": Atom("ns", print_single),
    "cpuset": STRING,
    "credential_spec": Keyed({"config": STRING, "file": STRING, "registry": STRING}),
    "depends_on": DEPENDS_ON,
    "deploy": DEPLOY,
    "develop": Keyed(
        {
            "watch": ListOf(
                Keyed(
                    {
                        "ignore": STRING_OR_LIST,
                        "include": STRING_OR_LIST,
                        "path": STRING,
                        "action": _text("s", "rebuild", "sync", "restart", "sync+restart", "sync+exec"),
                        "target": STRING,
                        "exec": _HOOK,
                        "initial_sync": Atom("b", print_bool),
                    },
                    required=("path", "action"),
                    extra={"path": "", "action": "", "exec": {"command": None}},
                )
            )
        },
        null=True,
    ),
    "device_cgroup_rules": NAMES,
    "devices": ListOf(_DEVICE),
    "dns": STRING_OR_LIST,
    "dns_opt": NAMES,
    "dns_search": STRING_OR_LIST,
    "domainname": STRING,
    "entrypoint": COMMAND,
    "env_file": Either(
        (
            STRING,
            ListOf(
                Either(
                    (
                        STRING,
                        Keyed(
                            {"path": STRING, "format": STRING, "required": _OPT_OUT},
                            required=("path",),
                            extensible=False,
                        ),
                    )
                )
            ),
        )
    ),
    "environment": VARIABLES,
    "expose": ListOf(Atom("sn", _print_expose), unique=True),
    "extends": Either((STRING, Keyed({"service": STRING, "file": STRING}, required=("service",), extensible=False))),
    "external_links": NAMES,
    "extra_hosts": EXTRA_HOSTS,
    "gpus": _GPUS,
    "group_add": ListOf(_text("sn"), unique=True),
    "healthcheck": HEALTHCHECK,
    "hostname": STRING,
    "image": STRING,
    "init": FLAG,
    "ipc": STRING,
    "isolation": STRING,
    "label_file": Either((STRING, STRINGS)),
    "labels": LABELS,
    "links": NAMES,
    "logging": Keyed({"driver": STRING, "options": _options("sn0")}),
    "mac_address": STRING,
    "mem_limit": Atom("ns", print_bytes),
    "mem_reservation": Atom("is", print_bytes),
    "mem_swappiness": Atom("is", print_bytes),
    "memswap_limit": Atom("ns", print_bytes),
    "models": Either(
        (NAMES, MapOf(Keyed({"endpoint_var": STRING, "model_var": STRING}), keys=_NAME, closed=False, null=True))
    ),
    "network_mode": STRING,
    "networks": Either((NAMES, MapOf(NETWORK_ATTACHMENT, keys=_NAME, null=True))),
    "oom_kill_disable": BOOL,
    "oom_score_adj": Atom("is", print_int, least=-1000, most=1000),
    "pid": _text("s0"),
    "pids_limit": NUMBER,
    "platform": STRING,
    "ports": ListOf(Either((Atom("ns", print_string), PORT)), unique=True),
    "post_start": ListOf(_HOOK),
    "pre_stop": ListOf(_HOOK),
    "privileged": BOOL,
    "profiles": NAMES,
    "provider": Keyed(
        {
            "type": STRING,
            "options": Custom(MapOf(Either((_OPTION, ListOf(_OPTION))), closed=False), _print_provider_options),
        },
        required=("type",),
    ),
    "pull_policy": _text(pattern=_PULL),
    "pull_refresh_after": STRING,
    "read_only": BOOL,
    "restart": STRING,
    "runtime": STRING,
    "scale": Atom("is", print_count),
    "secrets": _FILE_MOUNT,
    "security_opt": NAMES,
    "shm_size": Atom("ns", print_bytes),
    "stdin_open": BOOL,
    "stop_grace_period": DURATION,
    "stop_signal": STRING,
    "storage_opt": Custom(Keyed({}, open=True), _print_options),
    "sysctls": LABELS,
    "tmpfs": STRING_OR_LIST,
    "tty": BOOL,
    "ulimits": _ULIMITS,
    "use_api_socket": Atom("b", print_bool),
    "user": STRING,
    "userns_mode": STRING,
    "uts": STRING,
    "volumes": ListOf(Either((STRING, VOLUME)), unique=True),
    "volumes_from": NAMES,
    "working_dir": STRING,
}
_NOT_IN_HOOKS = frozenset(
    [
        "attach",
        "build",
        "container_name",
        "depends_on",
        "deploy",
        "develop",
        "expose",
        "extends",
        "external_links",
        "healthcheck",
        "links",
        "ports",
        "post_start",
        "pre_stop",
        "profiles",
        "provider",
        "restart",
        "scale",
        "stdin_open",
        "tty",
    ]
)
_PRE_START = Keyed(
    {**{key: shape for key, shape in _SERVICE.items() if key not in _NOT_IN_HOOKS}, "per_replica": BOOL},
    extra={"command": None, "entrypoint": None},
)
HOOK_INHERITS = frozenset(_PRE_START.fields) - {"volumes", "per_replica"}
"""What a `pre_start` hook takes from its service: all that a hook may have but the mounts."""
SERVICE = Keyed({**_SERVICE, "pre_start": ListOf(_PRE_START)}, extra={"command": None, "entrypoint": None})

_EXTERNAL = Either((Atom("bs", print_bool), Keyed({"name": STRING})))
_EXTERNAL_OPEN = Either((Atom("bs", print_bool), Keyed({"name": STRING}, open=True)))


def _external(shape: ValueShape) -> Custom:
    return Custom(shape, lambda node, path: print_bool(node, path) if isinstance(node, Leaf) else OMIT)


_IPAM = Keyed(
    {
        "driver": STRING,
        "config": ListOf(
            Keyed({"subnet": STRING, "ip_range": STRING, "gateway": STRING, "aux_addresses": _options("s")})
        ),
        "options": Custom(MapOf(STRING), _print_labels),
    }
)
NETWORK = Keyed(
    {
        "name": STRING,
        "driver": STRING,
        "driver_opts": _options("sn"),
        "ipam": _IPAM,
        "external": _external(_EXTERNAL),
        "internal": BOOL,
        "enable_ipv4": FLAG,
        "enable_ipv6": FLAG,
        "attachable": BOOL,
        "labels": LABELS,
    },
    null=True,
    extra={"ipam": {}},
)
NAMED_VOLUME = Keyed(
    {
        "name": STRING,
        "driver": STRING,
        "driver_opts": _options("sn"),
        "external": _external(_EXTERNAL),
        "labels": LABELS,
    },
    null=True,
)
SECRET = Keyed(
    {
        "name": STRING,
        "environment": STRING,
        "file": STRING,
        "external": _external(_EXTERNAL_OPEN),
        "labels": LABELS,
        "driver": STRING,
        "driver_opts": _options("sn"),
        "template_driver": STRING,
    }
)
CONFIG = Keyed(
    {
        "name": STRING,
        "content": STRING,
        "environment": STRING,
        "file": STRING,
        "external": _external(_EXTERNAL_OPEN),
        "labels": LABELS,
        "template_driver": STRING,
    }
)
MODEL = Keyed(
    {
        "name": STRING,
        "model": STRING,
        "context_size": Atom("i", print_int),
        "runtime_flags": STRINGS,
    },
    required=("model",),
)
FILE = Keyed(
    {
        "version": STRING,
        "name": STRING,
        "include": ListOf(
            Either(
                (
                    STRING,
                    Keyed(
                        {"path": STRING_OR_LIST, "env_file": STRING_OR_LIST, "project_directory": STRING},
                        extensible=False,
                    ),
                )
            )
        ),
        "services": MapOf(SERVICE, keys=_NAME),
        "models": MapOf(MODEL, keys=_NAME, closed=False),
        "networks": MapOf(NETWORK, keys=_NAME, closed=False),
        "volumes": MapOf(NAMED_VOLUME, keys=_NAME),
        "secrets": MapOf(SECRET, keys=_NAME),
        "configs": MapOf(CONFIG, keys=_NAME),
    }
)


def validate(model: Branch) -> None:
    """Check a model against the specification.

    Raises:
        ReadError: Docker Compose refuses it.
    """
    found = FILE.check(model, "")
    if found is not None:
        raise found


__all__ = ["CONFIG", "FILE", "NAMED_VOLUME", "NETWORK", "SECRET", "SERVICE", "raw", "validate"]
