"""Every attribute of a Compose file, and what it may be.

Facts from the Compose specification as Docker Compose 5.6.1 enforces it; `tests/oracle/compose` holds them to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.platforms.compose.shapes import Atom, Either, Keyed, ListOf, MapOf, ValueShape

if TYPE_CHECKING:
    from policyengine.platforms.compose.located import Branch

_NAME = r"^[a-zA-Z0-9._-]+$"


def _text(types: str = "s", *values: str, pattern: str = "") -> Atom:
    return Atom(types, values, pattern)


STRING = Atom("s")
BOOL = Atom("bs")
INT = Atom("is")
NUMBER = Atom("ns")
STRINGS = ListOf(STRING)
NAMES = ListOf(STRING, unique=True)
STRING_OR_LIST = ListOf(STRING, unique=True, alone=True)
PAIRS = Either((NAMES, MapOf(Atom("snb0"))))
COMMAND = Either((Atom("0s"), STRINGS))
EXTRA_HOSTS = Either((NAMES, MapOf(Either((STRING, STRINGS)))))


def _each(shape: ValueShape, names: str) -> dict[str, ValueShape]:
    """Attributes of one shape, their names apart by blanks."""
    return dict.fromkeys(names.split(), shape)


def _options(types: str) -> MapOf:
    return MapOf(Atom(types), closed=False)


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
                    "mode": NUMBER,
                }
            ),
        )
    )
)


_ULIMITS = MapOf(
    Either((INT, Keyed({"hard": INT, "soft": INT}, required=("soft", "hard")))),
    keys=r"^[a-z]+$",
    closed=False,
)


_DEVICE_REQUEST: dict[str, ValueShape] = {
    "capabilities": NAMES,
    "count": INT,
    "device_ids": NAMES,
    "driver": STRING,
    "options": PAIRS,
}
_DEVICES = ListOf(Keyed(_DEVICE_REQUEST, required=("capabilities",)))


_HOOK_FIELDS: dict[str, ValueShape] = {
    "command": COMMAND,
    "user": STRING,
    "privileged": BOOL,
    "working_dir": STRING,
    "environment": PAIRS,
}
_HOOK = Keyed(_HOOK_FIELDS, required=("command",))

BUILD = Keyed(
    {
        **_each(STRING, "context dockerfile dockerfile_inline network target isolation"),
        **_each(STRINGS, "entitlements cache_from cache_to tags platforms"),
        **_each(PAIRS, "args ssh labels additional_contexts"),
        **_each(BOOL, "no_cache pull privileged"),
        "no_cache_filter": STRING_OR_LIST,
        "shm_size": INT,
        "secrets": _FILE_MOUNT,
        "provenance": Atom("sb"),
        "sbom": Atom("sb"),
        "extra_hosts": EXTRA_HOSTS,
        "ulimits": _ULIMITS,
    }
)

_BLKIO_LIMIT = ListOf(Keyed({"path": STRING, "rate": INT}, extensible=False))


BLKIO = Keyed(
    {
        **dict.fromkeys(("device_read_bps", "device_read_iops", "device_write_bps", "device_write_iops"), _BLKIO_LIMIT),
        "weight": INT,
        "weight_device": ListOf(Keyed({"path": STRING, "weight": INT}, extensible=False)),
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
                    "required": Atom("b"),
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
        "parallelism": INT,
        **_each(STRING, "delay failure_action monitor"),
        "max_failure_ratio": NUMBER,
        "order": _text("s", "start-first", "stop-first"),
    }
)


_GENERIC = ListOf(Keyed({"discrete_resource_spec": Keyed({"kind": STRING, "value": NUMBER})}))
_CPUS = NUMBER
_MEMORY = STRING
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
        "replicas": INT,
        "labels": PAIRS,
        "rollback_config": _UPDATE,
        "update_config": _UPDATE,
        "resources": RESOURCES,
        "restart_policy": Keyed(
            {
                "condition": STRING,
                "delay": STRING,
                "max_attempts": INT,
                "window": STRING,
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
)

HEALTHCHECK = Keyed(
    {
        "disable": BOOL,
        "interval": STRING,
        "retries": NUMBER,
        "test": Either((STRING, STRINGS)),
        "timeout": STRING,
        "start_period": STRING,
        "start_interval": STRING,
    }
)

NETWORK_ATTACHMENT = Keyed(
    {
        "aliases": NAMES,
        "link_local_ips": NAMES,
        **_each(STRING, "interface_name ipv4_address ipv6_address mac_address"),
        "driver_opts": _options("sn"),
        "priority": Atom("n"),
        "gw_priority": Atom("n"),
    }
)

PORT = Keyed(
    {
        **_each(STRING, "name mode host_ip protocol app_protocol"),
        "target": INT,
        "published": Atom("is"),
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
                "create_host_path": BOOL,
                "recursive": _text("s", "enabled", "disabled", "writable", "readonly"),
                "selinux": _text("s", "z", "Z"),
            }
        ),
        "volume": Keyed({"labels": PAIRS, "nocopy": BOOL, "subpath": STRING}),
        "tmpfs": Keyed(
            {
                "size": Atom("is", least=0),
                "mode": NUMBER,
            }
        ),
        "image": Keyed({"subpath": STRING}),
    },
    required=("type",),
)

_DEVICE = Either((STRING, Keyed({"source": STRING, "target": STRING, "permissions": STRING}, required=("source",))))
_GPUS = Either((_text("s", "all"), ListOf(Keyed(_DEVICE_REQUEST, open=True))))
_PULL = r"always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+"
_OPTION = Atom("snb")

_SERVICE: dict[str, ValueShape] = {
    **_each(PAIRS, "annotations environment labels sysctls"),
    **_each(BOOL, "attach init oom_kill_disable privileged read_only stdin_open tty"),
    **_each(
        NAMES,
        "cap_add cap_drop device_cgroup_rules dns_opt external_links links profiles security_opt volumes_from",
    ),
    **_each(
        STRING,
        "cgroup_parent cpuset domainname hostname image ipc isolation mac_address network_mode platform "
        "pull_refresh_after restart runtime stop_grace_period stop_signal user userns_mode uts "
        "working_dir",
    ),
    "command": COMMAND,
    "entrypoint": COMMAND,
    "configs": _FILE_MOUNT,
    "secrets": _FILE_MOUNT,
    **_each(
        NUMBER,
        "cpu_shares cpu_quota cpu_period cpu_rt_period cpu_rt_runtime cpus mem_limit memswap_limit pids_limit shm_size",
    ),
    **_each(STRING_OR_LIST, "dns dns_search tmpfs"),
    **_each(INT, "mem_reservation mem_swappiness scale"),
    "blkio_config": BLKIO,
    "build": Either((STRING, BUILD)),
    "cgroup": _text("s", "host", "private"),
    "container_name": _text(pattern=r"[a-zA-Z0-9][a-zA-Z0-9_.-]+"),
    "cpu_count": Atom("is", least=0),
    "cpu_percent": Atom("is", least=0, most=100),
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
                        "initial_sync": Atom("b"),
                    },
                    required=("path", "action"),
                )
            )
        },
        null=True,
    ),
    "devices": ListOf(_DEVICE),
    "env_file": Either(
        (
            STRING,
            ListOf(
                Either(
                    (
                        STRING,
                        Keyed(
                            {"path": STRING, "format": STRING, "required": BOOL},
                            required=("path",),
                            extensible=False,
                        ),
                    )
                )
            ),
        )
    ),
    "expose": ListOf(Atom("sn"), unique=True),
    "extends": Either((STRING, Keyed({"service": STRING, "file": STRING}, required=("service",), extensible=False))),
    "extra_hosts": EXTRA_HOSTS,
    "gpus": _GPUS,
    "group_add": ListOf(Atom("sn"), unique=True),
    "healthcheck": HEALTHCHECK,
    "label_file": Either((STRING, STRINGS)),
    "logging": Keyed({"driver": STRING, "options": _options("sn0")}),
    "models": Either(
        (NAMES, MapOf(Keyed({"endpoint_var": STRING, "model_var": STRING}), keys=_NAME, closed=False, null=True))
    ),
    "networks": Either((NAMES, MapOf(NETWORK_ATTACHMENT, keys=_NAME, null=True))),
    "oom_score_adj": Atom("is", least=-1000, most=1000),
    "pid": STRING,
    "ports": ListOf(Either((NUMBER, PORT)), unique=True),
    "post_start": ListOf(_HOOK),
    "pre_stop": ListOf(_HOOK),
    "provider": Keyed(
        {
            "type": STRING,
            "options": MapOf(Either((_OPTION, ListOf(_OPTION))), closed=False),
        },
        required=("type",),
    ),
    "pull_policy": _text(pattern=_PULL),
    "storage_opt": MapOf(Atom("si0")),
    "ulimits": _ULIMITS,
    "use_api_socket": Atom("b"),
    "volumes": ListOf(Either((STRING, VOLUME)), unique=True),
}
_NOT_IN_HOOKS = _each(
    STRING,
    "attach build container_name depends_on deploy develop expose extends external_links healthcheck links "
    "ports post_start pre_stop profiles provider restart scale stdin_open tty",
).keys()
_PRE_START = Keyed(
    {**{key: shape for key, shape in _SERVICE.items() if key not in _NOT_IN_HOOKS}, "per_replica": BOOL},
)
HOOK_INHERITS = frozenset(_PRE_START.fields) - {"volumes", "per_replica"}
"""What a `pre_start` hook takes from its service: all that a hook may have but the mounts."""
SERVICE = Keyed({**_SERVICE, "pre_start": ListOf(_PRE_START)})

_EXTERNAL = Either((Atom("bs"), Keyed({"name": STRING})))
_EXTERNAL_OPEN = Either((Atom("bs"), Keyed({"name": STRING}, open=True)))


_IPAM = Keyed(
    {
        "driver": STRING,
        "config": ListOf(
            Keyed({"subnet": STRING, "ip_range": STRING, "gateway": STRING, "aux_addresses": _options("s")})
        ),
        "options": MapOf(STRING),
    }
)
NETWORK = Keyed(
    {
        "name": STRING,
        "driver": STRING,
        **_each(BOOL, "internal enable_ipv4 enable_ipv6 attachable"),
        "labels": PAIRS,
        "driver_opts": _options("sn"),
        "ipam": _IPAM,
        "external": _EXTERNAL,
    },
    null=True,
)
NAMED_VOLUME = Keyed(
    {
        "name": STRING,
        "driver": STRING,
        "driver_opts": _options("sn"),
        "external": _EXTERNAL,
        "labels": PAIRS,
    },
    null=True,
)
SECRET = Keyed(
    {
        **_each(STRING, "name environment file driver template_driver"),
        "labels": PAIRS,
        "external": _EXTERNAL_OPEN,
        "driver_opts": _options("sn"),
    }
)
CONFIG = Keyed(
    {
        **_each(STRING, "name content environment file template_driver"),
        "labels": PAIRS,
        "external": _EXTERNAL_OPEN,
    }
)
MODEL = Keyed(
    {
        "name": STRING,
        "model": STRING,
        "context_size": Atom("i"),
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
        "models": MapOf(MODEL, keys=_NAME),
        "networks": MapOf(NETWORK, keys=_NAME),
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
