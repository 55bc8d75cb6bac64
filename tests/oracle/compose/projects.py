"""Compose projects to ask the real Docker Compose about: every attribute in every form, and every way to combine files.

Nothing here says what is right. `PROJECTS` maps a name to the files of a project, and what to call Compose with.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise

from tests.oracle.compose.overlaps import OVERLAPS, SECTIONS


@dataclass(frozen=True)
class Asked:
    """One question: files by path, and the arguments and environment of the call."""

    files: dict[str, str]
    chain: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()


ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "annotations": ("{a: b, c: 1}", "[a=c, d=e]"),
    "attach": ("true", "false"),
    "blkio_config": (
        "{weight: 300, weight_device: [{path: /dev/sda, weight: 400}]}",
        "{device_read_bps: [{path: /dev/sdb, rate: 12mb}], device_write_iops: [{path: /dev/sdb, rate: 30}]}",
    ),
    "build": (
        ".",
        "{context: ./dir, dockerfile: D, target: t, args: {A: 1, B: }}",
        "{context: ., args: [A=2, C=x], labels: {l: m}, cache_from: [a, b], platforms: [linux/amd64, linux/arm64]}",
        "{dockerfile_inline: 'FROM x', no_cache: true, pull: true, network: host, shm_size: 64m}",
        "{context: https://github.com/a/b.git, extra_hosts: [a=1.2.3.4, 'b:::1'], tags: [q, r], isolation: default}",
        "{context: ., secrets: [s, {source: s, target: /t, mode: 0440}], privileged: true, ulimits: {nofile: 9}}",
        "{context: ., additional_contexts: [a=docker-image://b, c=../d], sbom: true, provenance: mode=max}",
        "{context: ., additional_contexts: {r: ./s}, entitlements: [network.host], no_cache_filter: x, cache_to: [q]}",
    ),
    "cap_add": ("[ALL]", "[NET_ADMIN, SYS_TIME]"),
    "cap_drop": ("[NET_ADMIN]", "[ALL, KILL]"),
    "cgroup": ("host", "private"),
    "cgroup_parent": ("a", "b"),
    "command": (
        "echo hi",
        "[a, 'b c', '$$HOME']",
        "sh -c 'a \"b\" $$X'",
        "[]",
        '""',
        "'a\\ b \"c d\"e'",
        "a && b",
        "null",
    ),
    "configs": ("[c]", "[{source: c, target: /x, uid: '1', gid: '2', mode: 0444}]", "[{source: c2, mode: '0400'}]"),
    "container_name": ("abc", "def"),
    "cpu_count": ("2", '"3"'),
    "cpu_percent": ("50", '"20"'),
    "cpu_period": ("100", '"200"'),
    "cpu_quota": ("100", '"200"'),
    "cpu_rt_period": ("100", '"200"'),
    "cpu_rt_runtime": ("100", '"200"'),
    "cpu_shares": ("100", '"200"'),
    "cpus": ("0.5", '"1.25"', "2"),
    "cpuset": ("0-1", '"0,1"'),
    "credential_spec": ("{file: a.json}", "{registry: b}"),
    "depends_on": (
        "[db]",
        "{db: {condition: service_healthy}, cache: {condition: service_started, required: false, restart: true}}",
        "{cache: {condition: service_completed_successfully}}",
    ),
    "deploy": (
        "{replicas: 2, mode: replicated, labels: {a: b}, endpoint_mode: vip}",
        "{resources: {limits: {cpus: '0.5', memory: 512M, pids: 5}, reservations: {cpus: 0.25, memory: 1.5gb}}}",
        "{resources: {reservations: {devices: [{capabilities: [gpu], count: all, driver: nvidia}]}}}",
        "{resources: {reservations: {devices: [{capabilities: [gpu], device_ids: ['0'], options: {a: b}}]}}}",
        "{resources: {reservations: {generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}}}",
        "{restart_policy: {condition: on-failure, delay: 5s, max_attempts: 3, window: 2m}}",
        "{update_config: {parallelism: 2, delay: 10s, order: start-first, max_failure_ratio: 0.1, monitor: 1m}}",
        "{rollback_config: {parallelism: 0, failure_action: pause}, labels: [c=d, a=e]}",
        "{placement: {constraints: [a, b], preferences: [{spread: x}], max_replicas_per_node: 2}}",
    ),
    "develop": (
        "{watch: [{path: ./a, action: sync, target: /a, ignore: b, include: [c]}]}",
        "{watch: [{path: ./c, action: rebuild}, {path: d, action: sync+exec, target: /d, exec: {command: x y}}]}",
    ),
    "device_cgroup_rules": ("['c 1:3 mr']", "['a 7:* rmw']"),
    "devices": (
        "[/dev/a, '/dev/b:/dev/c', '/dev/d:/dev/e:r']",
        "[{source: x, target: y, permissions: r}, '/dev/f:/dev/c']",
    ),
    "dns": ("1.1.1.1", "[8.8.8.8, 9.9.9.9]", "[]"),
    "dns_opt": ("[a, b]", "[b, c]"),
    "dns_search": ("a.b", "[c.d, a.b]"),
    "domainname": ("a", "b"),
    "entrypoint": ("/bin/a b", "[x, y]", "null", "[]"),
    "env_file": (
        "a.env",
        "[a.env, b.env]",
        "[{path: a.env}, {path: gone.env, required: false}, {path: raw.env, format: raw}]",
    ),
    "environment": (
        "{A: 1, B: true, C: , D: 'x', E: 1.5, F: 0x10, G: 2001-01-01, H: 1e3, I: 010, J: yes, K: 22:22, L: ~}",
        "[A=2, GIVEN, UNSET, 'M=a=b', N=]",
        "{A: '', GIVEN: , O: 1_000, P: .5, Q: 0o17, R: 12345678901234567890123, S: 'null', T: +5, U: 1.10}",
    ),
    "expose": ("[80, '81-83/udp']", "['80', 90]"),
    "external_links": ("[a, 'b:c']", "[d]"),
    "extra_hosts": ("['a:1.1.1.1', 'b=::1', 'c:[::1]']", "{a: 1.1.1.2, d: [1.1.1.1, 2.2.2.2]}", "['a=3.3.3.3']"),
    "gpus": ("all", "[{driver: d, count: 2, capabilities: [c]}]"),
    "group_add": ("[mail, 12]", "[x]"),
    "healthcheck": (
        "{test: curl x, interval: 1m30s, timeout: 10s, retries: 3, start_period: 1h, start_interval: 500ms}",
        "{test: [CMD, a, b], retries: '4', disable: false, interval: 0s}",
        "{test: [CMD-SHELL, 'a || b']}",
        "{disable: true}",
        "{test: [NONE], timeout: 1.5s, interval: 2d}",
    ),
    "hostname": ("a", "b"),
    "image": ("x", "y:1", "null"),
    "init": ("true", "false", '"yes"'),
    "ipc": ("host", "shareable"),
    "isolation": ("default", "process"),
    "label_file": ("labels", "[labels, labels2]"),
    "labels": ("{a: b, c: 1, d: true, e: }", "[a=z, f, 'g=h=i']"),
    "links": ("[db, 'cache:c']", "['cache:c', 'db:d']"),
    "logging": (
        "{driver: json-file, options: {max-size: 10m, max-file: 3}}",
        "{driver: json-file, options: {max-size: 20m, x: }}",
        "{driver: syslog, options: {a: b}}",
        "{options: {c: d}}",
    ),
    "mac_address": ("aa:bb:cc:dd:ee:ff",),
    "mem_limit": ("1g", "512m", "1000000", '"1.5g"', "10 MB", "1kib"),
    "mem_reservation": ("100k", "5"),
    "mem_swappiness": ("5", '"6"'),
    "memswap_limit": ("-1", "1g"),
    "models": ("[m]", "{m: {endpoint_var: A, model_var: B}}"),
    "networks": (
        "[n]",
        "{n: {aliases: [a, b], ipv4_address: 1.2.3.4, priority: 5, mac_address: m}, default: }",
        "{n: {aliases: [c, a], link_local_ips: [l], gw_priority: 2, driver_opts: {x: 1}}, default: {}}",
        "[default]",
    ),
    "oom_kill_disable": ("true", '"false"'),
    "oom_score_adj": ("-5", '"10"'),
    "pid": ("host",),
    "pids_limit": ("5", "-1"),
    "platform": ("linux/amd64", "linux/arm64"),
    "ports": (
        "['80', 81, '8080:82', '127.0.0.1:8081:83/udp', '9000-9002:9000-9002', '[::1]:90:90', '7000-7010:7000']",
        "[{target: 80, published: '8080', protocol: udp, mode: host, host_ip: 1.2.3.4, name: n, app_protocol: http}]",
        "['8080:82', {target: 84}, {target: '85', published: 86}, '::1:87:87', '1.2.3.4::88', '3000-3001']",
    ),
    "post_start": (
        "[{command: a b, user: u, privileged: true, working_dir: /w, environment: [A=b]}]",
        "[{command: [c]}]",
    ),
    "pre_start": ("[{command: a b, image: i}]", "[{command: [c], environment: {A: 1}, volumes: ['./q:/q']}]"),
    "pre_stop": ("[{command: a}]", "[{command: b}]"),
    "privileged": ("true", '"false"'),
    "profiles": ("[]",),
    "pull_policy": ("always", "if_not_present", "every_12h"),
    "read_only": ("true", "false", '"on"'),
    "restart": ("always", "'no'", "on-failure:3"),
    "runtime": ("runc", "x"),
    "scale": ("2", '"3"', "0"),
    "secrets": ("[s]", "[{source: s, target: /x, uid: '1', mode: 0440}]", "[{source: s2}, s]"),
    "security_opt": ("[a, b]", "[c]"),
    "shm_size": ("64m", "1000"),
    "stdin_open": ("true", '"false"'),
    "stop_grace_period": ("30s", "1m30s", "1.5h", "100ms"),
    "stop_signal": ("SIGINT", "x"),
    "storage_opt": ("{size: 1G}",),
    "sysctls": ("{a: 1, b: x}", "[a=2, c=3]"),
    "tmpfs": ("/run", "[/run, '/tmp:size=1m']", "['/run:exec', /x]"),
    "tty": ("true", "false"),
    "ulimits": ("{nproc: 5, nofile: {soft: 1, hard: 2}}", "{nproc: '6', nofile: 7}"),
    "use_api_socket": ("false",),
    "user": ('"1000:1000"', "node"),
    "userns_mode": ("host", "x"),
    "uts": ("host", "x"),
    "volumes": (
        "['/a', 'named:/b', './c:/d:ro', '../e:/f', '~/g:/h', 'named:/i:nocopy', '/j:/k:rw,z', './l:/m:rshared']",
        "[{type: bind, source: ./n, target: /b, read_only: true, bind: {propagation: shared, selinux: z}}]",
        "[{type: volume, source: named, target: /o, volume: {nocopy: true, subpath: s, labels: {a: b}}}]",
        "[{type: tmpfs, target: /p, tmpfs: {size: 10m, mode: 0700}}, {type: image, source: i, target: /q}]",
        "[{type: bind, source: ., target: /r/, bind: {create_host_path: false, recursive: readonly}}, 'C:\\x:/y']",
    ),
    "volumes_from": ("[db]", "['cache:ro', 'container:q']"),
    "working_dir": ("/a", "/b"),
}

TAIL = """
networks: {n: {driver: bridge}}
volumes: {named: }
secrets: {s: {file: ./s.txt}, s2: {environment: GIVEN}}
configs: {c: {content: hi}, c2: {file: ./c}}
models: {m: {model: mm, context_size: 5}}
"""
HELPERS = "  db: {image: db}\n  cache: {image: cache}\n"
SIDE = {
    "a.env": "FROM_A=1\nA=file\nDOLLAR='$$x'\nREF=${FROM_A}-${GIVEN}\n",
    "b.env": "FROM_B=2\nFROM_A=3\n",
    "raw.env": "RAW='quoted' $GIVEN\n",
    "labels": "one=1\na=file\n",
    "labels2": "two=2\n",
}
ENVIRONMENT = {"GIVEN": "given"}


def _service(attribute: str, value: str, name: str = "app") -> str:
    image = "" if attribute in ("image", "build") else "    image: app\n"
    return f"  {name}:\n{image}    {attribute}: {value}\n"


def _attribute_projects() -> dict[str, Asked]:
    found: dict[str, Asked] = {}
    for attribute, values in ATTRIBUTES.items():
        for number, value in enumerate(values):
            text = "services:\n" + _service(attribute, value) + HELPERS + TAIL
            found[f"{attribute}-{number}"] = Asked({"compose.yaml": text, **SIDE}, environment=ENVIRONMENT)
        for number, (first, second) in enumerate(pairwise((*values, values[0]))):
            base = "services:\n" + _service(attribute, first) + HELPERS + TAIL
            over = "services:\n  app:\n" + f"    {attribute}: {second}\n"
            files = {"compose.yaml": base, "compose.override.yml": over, **SIDE}
            found[f"{attribute}-override-{number}"] = Asked(files, environment=ENVIRONMENT)
        first, second = values[0], values[-1]
        text = (
            "services:\n"
            + _service(attribute, first, "base").replace("    image: app\n", "    image: basis\n")
            + f"  app:\n    extends: base\n    {attribute}: {second}\n"
            + HELPERS
            + TAIL
        )
        if attribute != "container_name":
            found[f"{attribute}-extends"] = Asked({"compose.yaml": text, **SIDE}, environment=ENVIRONMENT)
        over = f"services:\n  app:\n    {attribute}: !reset null\n"
        base = "services:\n" + _service(attribute, first) + HELPERS + TAIL
        found[f"{attribute}-reset"] = Asked(
            {"compose.yaml": base, "compose.override.yaml": over, **SIDE}, environment=ENVIRONMENT
        )
        over = f"services:\n  app:\n    {attribute}: !override {second}\n"
        found[f"{attribute}-replace"] = Asked(
            {"compose.yaml": base, "compose.override.yaml": over, **SIDE}, environment=ENVIRONMENT
        )
    return found


def _overlapping_projects() -> dict[str, Asked]:
    """Projects that say something again: in an override, in two of them, and in a service that extends another."""
    found: dict[str, Asked] = {}
    for attribute, pairs in OVERLAPS.items():
        for number, (first, second) in enumerate(pairs):
            base = "services:\n" + _service(attribute, first) + HELPERS + TAIL
            over = f"services:\n  app:\n    {attribute}: {second}\n"
            chain = ("a.yml", "b.yml", "c.yml") if number == 0 else ("a.yml", "b.yml")
            files = dict.fromkeys(chain, over) | {"a.yml": base} | SIDE
            found[f"{attribute}-repeated-{number}"] = Asked(files, chain, environment=ENVIRONMENT)
            text = (
                "services:\n"
                + _service(attribute, first, "base").replace("    image: app\n", "    image: basis\n")
                + f"  app:\n    extends: base\n    {attribute}: {second}\n"
                + HELPERS
                + TAIL
            )
            found[f"{attribute}-extends-and-repeats-{number}"] = Asked(
                {"compose.yaml": text, **SIDE}, environment=ENVIRONMENT
            )
    for section, pairs in SECTIONS.items():
        for number, (first, second) in enumerate(pairs):
            found[f"{section}-section-repeated-{number}"] = Asked(
                {
                    "compose.yaml": f"services: {{a: {{image: x}}}}\n{section}: {first}\n",
                    "compose.override.yml": f"{section}: {second}\n",
                }
            )
    return found


INTERPOLATIONS = (
    "$A",
    "${A}",
    "${A:-d}",
    "${A-d}",
    "${A:+d}",
    "${A+d}",
    "${A:?e}",
    "${A?e}",
    "${U}",
    "${U:-d}",
    "${U-d}",
    "${U:+d}",
    "${U+d}",
    "${U:?must be set}",
    "${U?}",
    "${E}",
    "${E:-d}",
    "${E-d}",
    "${E:+d}",
    "${E+d}",
    "${E:?e}",
    "${E?e}",
    "$$A",
    "$${A}",
    "$$$A",
    "$1",
    "$(x)",
    "$",
    "a$",
    "${A}${B}",
    "${A}-$B-${U:-x}",
    "${U:-${A}}",
    "${U:-${U2:-${B}}}",
    "${A:+${B}}",
    "${U:-a${B}c}",
    "${U:-$B}",
    "${U:-{}}",
    "${U:-a}b}",
    "${U:-}",
    "${U-}",
    "${U:-a:-b}",
    "${U:-a-b}",
    "${U-a:-b}",
    "${U:?${A} is needed}",
    "${ A }",
    "${1}",
    "${A=b}",
    "${A",
    "${}",
    "${A}}",
    "{${A}}",
    "${U:-http://x:80/?a=b}",
    "${a_b}",
    "${A:-x} and ${B:-y}",
    "${U:-x} and ${U:-y}",
    "${U:-x}${B",
    "${A:-{a}} ${B:-c}",
    "$A$B$U",
    "${A!}",
    "${A/x/y}",
    "é${A}é",
)


def _interpolation_projects() -> dict[str, Asked]:
    found = {}
    for number, template in enumerate(INTERPOLATIONS):
        text = f"services:\n  a:\n    image: x\n    environment:\n      V: '{template}'\n      $A: '$A'\n"
        shell = {"A": "aa", "B": "bb", "E": "", "a_b": "q"}
        found[f"interpolation-{number}"] = Asked({"compose.yaml": text}, environment=shell)
    return found


def _ok(text: str, **more: str) -> Asked:
    files = {key.replace("__", "/").replace("_dot_", "."): value for key, value in more.items()}
    return Asked({"compose.yaml": text, **files})


SPECIAL: dict[str, Asked] = {
    "dot-env": Asked(
        {"compose.yaml": "services: {a: {image: 'x:${T}', environment: [P, T]}}", ".env": "T=1.2\nP=from-env\n"}
    ),
    "shell-beats-dot-env": Asked(
        {"compose.yaml": "services: {a: {image: 'x:${T:-d}'}}", ".env": "T=1.2\n"}, environment={"T": ""}
    ),
    "compose-file-in-dot-env": Asked(
        {
            "a.yml": "services: {a: {image: x}}",
            "b.yml": "services: {a: {user: u}}",
            ".env": "COMPOSE_FILE=a.yml:b.yml\n",
        }
    ),
    "compose-path-separator": Asked(
        {"a.yml": "services: {a: {image: x}}", "b.yml": "services: {a: {user: u}}"},
        environment={"COMPOSE_FILE": "a.yml;b.yml", "COMPOSE_PATH_SEPARATOR": ";"},
    ),
    "compose-file-missing": Asked({"compose.yaml": "services: {a: {image: x}}", ".env": "COMPOSE_FILE=gone.yml\n"}),
    "compose-profiles": Asked(
        {"compose.yaml": "services: {a: {image: x, profiles: [p]}, b: {image: y}}", ".env": "COMPOSE_PROFILES=p,q\n"}
    ),
    "profile-flag": Asked(
        {"compose.yaml": "services: {a: {image: x, profiles: [p]}, b: {image: y, profiles: [q]}, c: {image: z}}"},
        profiles=("q",),
    ),
    "profile-star": Asked({"compose.yaml": "services: {a: {image: x, profiles: [p]}}"}, profiles=("*",)),
    "profile-dependency-missing": _ok("services: {a: {image: x, depends_on: [b]}, b: {image: y, profiles: [p]}}"),
    "profile-dependency-optional": _ok(
        "services: {a: {image: x, depends_on: {b: {condition: service_started, required: false}}}, b: {image: y, profiles: [p]}}"
    ),
    "project-name": _ok("name: My.Project_1\nservices: {a: {image: x}}"),
    "project-name-interpolated": Asked(
        {"compose.yaml": "name: ${N}\nservices: {a: {image: '${COMPOSE_PROJECT_NAME}'}}"}, environment={"N": "nn"}
    ),
    "project-name-variable": Asked(
        {"compose.yaml": "name: n\nservices: {a: {image: x}}", ".env": "COMPOSE_PROJECT_NAME=other\n"}
    ),
    "project-name-invalid": Asked(
        {"compose.yaml": "services: {a: {image: x}}"}, environment={"COMPOSE_PROJECT_NAME": "No.Good"}
    ),
    "discovery-prefers-compose-yaml": Asked(
        {"compose.yaml": "services: {a: {image: x}}", "docker-compose.yml": "services: {b: {image: y}}"}
    ),
    "discovery-docker-compose": Asked(
        {
            "docker-compose.yaml": "services: {a: {image: x}}",
            "docker-compose.yml": "services: {b: {image: y}}",
            "docker-compose.override.yml": "services: {b: {user: u}}",
        }
    ),
    "docker-override-applies-to-compose-yaml": Asked(
        {"compose.yaml": "services: {a: {image: x}}", "docker-compose.override.yml": "services: {a: {user: u}}"}
    ),
    "override-yml-before-yaml": Asked(
        {
            "compose.yaml": "services: {a: {image: x}}",
            "compose.override.yaml": "services: {a: {user: one}}",
            "compose.override.yml": "services: {a: {user: two}}",
        }
    ),
    "chain": Asked(
        {
            "compose.yaml": "services: {a: {image: x}}",
            "compose.override.yml": "services: {a: {user: never}}",
            "b.yml": "services: {a: {user: u}, b: {image: y}}",
            "c.yml": "services: {b: {image: z}}",
        },
        chain=("compose.yaml", "b.yml", "c.yml"),
    ),
    "chain-missing": Asked({"compose.yaml": "services: {a: {image: x}}"}, chain=("compose.yaml", "gone.yml")),
    "several-documents": _ok(
        "services: {a: {image: x, ports: ['80']}}\n---\nservices: {a: {user: u, ports: ['81']}, b: {image: y}}\n"
    ),
    "several-documents-reset": _ok(
        "services: {a: {image: x, ports: ['80']}}\n---\nservices: {a: {ports: !override ['81']}}\n"
    ),
    "anchors": _ok(
        "x-c: &c {restart: always, environment: &e {A: 1, B: 2}}\n"
        "services:\n  a: {<<: *c, image: x}\n  b: {<<: *c, image: y, environment: {<<: *e, B: 3}}\n"
    ),
    "merge-key-list": _ok(
        "x-a: &a {user: u, image: i}\nx-b: &b {user: v, restart: always}\n"
        "services:\n  a: {<<: [*a, *b]}\n  b:\n    <<: *b\n    image: j\n"
    ),
    "merge-key-inline": _ok("services: {a: {<<: {image: x, user: u}, user: v}}"),
    "alias-of-scalar": _ok("x-i: &i 'x:1'\nservices: {a: {image: *i}, b: {image: *i}}"),
    "alias-undefined": _ok("services: {a: {image: *gone}}"),
    "duplicate-key": _ok("services:\n  a: {image: x}\n  a: {image: y}\n"),
    "duplicate-attribute": _ok("services:\n  a:\n    image: x\n    image: y\n"),
    "not-a-mapping": _ok("- a\n"),
    "empty": _ok("\n"),
    "empty-services": _ok("services: {}\n"),
    "no-services": _ok("volumes: {v: }\n"),
    "null-service": _ok("services: {a: }\n"),
    "unknown-attribute": _ok("services: {a: {image: x, imagee: y}}"),
    "unknown-top-level": _ok("services: {a: {image: x}}\nfoo: bar\n"),
    "version": _ok("version: '3.8'\nservices: {a: {image: x}}"),
    "version-number": _ok("version: 3.8\nservices: {a: {image: x}}"),
    "extensions": _ok("x-a: {b: [1, 2.5, true, null, '$$x']}\nservices: {a: {image: x, x-b: 1}}\nx-c: '${U:-d}'\n"),
    "integer-key": _ok("services: {1: {image: x}}"),
    "boolean-key": _ok("services: {true: {image: x}}"),
    "no-image": _ok("services: {a: {user: u}}"),
    "unknown-dependency": _ok("services: {a: {image: x, depends_on: [gone]}}"),
    "dependency-cycle": _ok("services: {a: {image: x, depends_on: [b]}, b: {image: y, depends_on: [a]}}"),
    "self-dependency": _ok("services: {a: {image: x, depends_on: [a]}}"),
    "unknown-network": _ok("services: {a: {image: x, networks: [gone]}}"),
    "unknown-volume": _ok("services: {a: {image: x, volumes: ['gone:/x']}}"),
    "unknown-secret": _ok("services: {a: {image: x, secrets: [gone]}}"),
    "unknown-config": _ok("services: {a: {image: x, configs: [gone]}}"),
    "unknown-network-service": _ok("services: {a: {image: x, network_mode: 'service:gone'}}"),
    "network-mode-and-networks": _ok("services: {a: {image: x, network_mode: host, networks: [n]}}\nnetworks: {n: }"),
    "network-mode-service": _ok("services: {a: {image: x, network_mode: 'service:b'}, b: {image: y}}"),
    "ipc-service": _ok("services: {a: {image: x, ipc: 'service:b', pid: 'service:c'}, b: {image: y}, c: {image: z}}"),
    "same-container-name": _ok("services: {a: {image: x, container_name: nn}, b: {image: y, container_name: nn}}"),
    "container-name-scaled": _ok("services: {a: {image: x, container_name: nn, scale: 2}}"),
    "same-mount-twice": _ok("services: {a: {image: x, tmpfs: [/a], volumes: ['./b:/a']}}"),
    "cpus-twice": _ok("services: {a: {image: x, cpus: 1, deploy: {resources: {limits: {cpus: '2'}}}}}"),
    "memory-twice": _ok("services: {a: {image: x, mem_limit: 1g, deploy: {resources: {limits: {memory: 1g}}}}}"),
    "memory-differs": _ok("services: {a: {image: x, mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}}}"),
    "scale-and-replicas": _ok("services: {a: {image: x, scale: 2, deploy: {replicas: 3}}}"),
    "scale-equals-replicas": _ok("services: {a: {image: x, scale: 2, deploy: {replicas: 2}}}"),
    "negative-scale": _ok("services: {a: {image: x, scale: -1}}"),
    "platform-not-built": _ok("services: {a: {build: {context: ., platforms: [linux/arm64]}, platform: linux/amd64}}"),
    "dockerfile-twice": _ok("services: {a: {build: {context: ., dockerfile: D, dockerfile_inline: 'FROM x'}}}"),
    "bad-healthcheck": _ok("services: {a: {image: x, healthcheck: {test: [curl, x]}}}"),
    "bad-duration": _ok("services: {a: {image: x, stop_grace_period: soon}}"),
    "bad-size": _ok("services: {a: {image: x, mem_limit: lots}}"),
    "bad-port": _ok("services: {a: {image: x, ports: ['http:80']}}"),
    "bad-port-zero": _ok("services: {a: {image: x, ports: ['80:0']}}"),
    "host-port-zero": _ok("services: {a: {image: x, ports: ['0:80', '0-1:81-82']}}"),
    "large-floats": _ok(
        "services: {a: {image: x, environment: {A: 1e6, B: 123456789.5, C: 999999.0, D: 1e20}, labels: {a: 1e6},"
        " sysctls: {a: 1e7}, build: {context: ., args: {a: 1e6}}}}"
    ),
    "underscores-and-hexadecimal": _ok(
        'services: {a: {image: x, cpus: "1_0.5", mem_limit: "${X:-1_0k}", shm_size: "0x1p4", deploy: {replicas: 1}}}'
    ),
    "bad-underscores": _ok('services: {a: {image: x, cpus: "1__0"}}'),
    "bad-port-range": _ok("services: {a: {image: x, ports: ['80-82:80-81']}}"),
    "bad-port-number": _ok("services: {a: {image: x, ports: ['80:99999']}}"),
    "bad-port-ip": _ok("services: {a: {image: x, ports: ['1.2.3:80:80']}}"),
    "bad-port-protocol": _ok("services: {a: {image: x, ports: ['80/icmp']}}"),
    "bad-host-ip": _ok("services: {a: {image: x, ports: [{target: 80, host_ip: nope}]}}"),
    "bad-volume": _ok("services: {a: {image: x, volumes: ['a:/b:ro:x']}}"),
    "empty-volume": _ok("services: {a: {image: x, volumes: ['']}}"),
    "bad-boolean": _ok("services: {a: {image: x, privileged: maybe}}"),
    "bad-integer": _ok("services: {a: {image: x, scale: many}}"),
    "bad-command": _ok('services: {a: {image: x, command: "a \'b"}}'),
    "command-lines": _ok(
        "services:\n"
        + "".join(
            f"  s{number}: {{image: x, command: {json.dumps(line)}, entrypoint: [e]}}\n"
            for number, line in enumerate(
                (
                    r"a\nb \t \q\\ \'",
                    r"""sh -c "printf '{\"a\":%s}\n\t' x" """,
                    r"'a\nb' \\n",
                    r"`a\nb 'c\"` \t",
                    r"$$(a\tb 'c) d\t",
                    "a 12> b",
                    "a x12> b",
                    "1a> b",
                    "0> b",
                    "a '1'> b",
                    r"a \( \) b",
                    "'(' \")\"",
                )
            )
        )
    ),
    "bad-command-parenthesis": _ok("services: {a: {image: x, command: 'a ) b ) c'}}"),
    "bad-command-escaped-dollar": _ok("services: {a: {image: x, command: '\\\\$$(a)'}}"),
    "command-with-number": _ok("services: {a: {image: x, command: [a, 1]}}"),
    "environment-list-of-mapping": _ok("services: {a: {image: x, environment: [{A: 1}]}}"),
    "environment-duplicates": _ok("services: {a: {image: x, environment: [A=1, A=2]}}"),
    "environment-same-twice": _ok("services: {a: {image: x, environment: [A=1, A=1]}}"),
    "environment-blank-key": _ok("services: {a: {image: x, environment: ['A =1']}}"),
    "ports-same-twice": _ok("services: {a: {image: x, ports: ['80:80', '80:80']}}"),
    "ports-short-and-long-equal": _ok("services: {a: {image: x, ports: ['80:80', {target: 80, published: '80'}]}}"),
    "volumes-same-target": _ok("services: {a: {image: x, volumes: ['./a:/x', './b:/x']}}"),
    "env-file-missing": _ok("services: {a: {image: x, env_file: gone.env}}"),
    "env-file-missing-disabled": _ok("services: {a: {image: x, env_file: gone.env, profiles: [p]}, b: {image: y}}"),
    "env-file-format-unknown": Asked(
        {"compose.yaml": "services: {a: {image: x, env_file: [{path: e, format: odd}]}}", "e": "A=1\n"}
    ),
    "env-file-precedence": Asked(
        {
            "compose.yaml": "services: {a: {image: x, env_file: [e, f], environment: {B: own, C: , D: '${A}'}}}",
            "e": "A=1\nB=2\nC=3\nX=${B}\nY=${A}\n",
            "f": "A=9\nZ=${A}${X}\n",
            ".env": "A=dot\n",
        }
    ),
    "env-file-quotes": Asked(
        {
            "compose.yaml": "services: {a: {image: x, env_file: e}}",
            "e": "A='a $B'\nB=\"x\\ny $A\"\nC=plain # c\nD=a#b\nexport E=1\nF: 2\nG=\n# H=1\nI=\"a\nb\"\nJ=\\$A\nK='it''s'\n",
        }
    ),
    "env-file-unterminated": Asked({"compose.yaml": "services: {a: {image: x, env_file: e}}", "e": 'A="x\n'}),
    "env-file-windows": Asked({"compose.yaml": "services: {a: {image: x, env_file: e}}", "e": "A=1\r\nB='2'\r\nC\r\n"}),
    "env-file-bom": Asked({"compose.yaml": "services: {a: {image: x, env_file: e}}", "e": "\ufeffA=1\n"}),
    "extends-missing-service": _ok("services: {a: {image: x, extends: gone}}"),
    "extends-missing-file": _ok("services: {a: {extends: {file: gone.yml, service: b}}}"),
    "extends-cycle": _ok("services: {a: {image: x, extends: b}, b: {extends: a}}"),
    "extends-self": _ok("services: {a: {image: x, extends: a}}"),
    "extends-chain": _ok(
        "services: {a: {image: x, user: u, labels: {a: 1}}, b: {extends: a, labels: {b: 2}}, c: {extends: {service: b}, image: z}}"
    ),
    "extends-order": _ok("services: {z: {image: x, command: a}, b: {extends: m}, m: {extends: z, entrypoint: e}}"),
    "extends-file": Asked(
        {
            "compose.yaml": "services: {a: {extends: {file: sub/base.yml, service: b}, environment: {A: 2}}}",
            "sub/base.yml": "services: {b: {build: ./ctx, env_file: e.env, volumes: ['./d:/d', 'v:/v'], environment: [A=1, B]}}\nvolumes: {v: }",
            "sub/e.env": "FILE=1\n",
            "compose.override.yml": "volumes: {v: }\n",
        },
        environment={"B": "bb"},
    ),
    "extends-file-chain": Asked(
        {
            "compose.yaml": "services: {a: {extends: {file: sub/b.yml, service: b}}}",
            "sub/b.yml": "services: {b: {extends: {file: c.yml, service: c}, user: u}}",
            "sub/c.yml": "services: {c: {image: x, build: .}}",
            "c.yml": "services: {c: {image: other}}",
        }
    ),
    "extends-file-same-service": Asked(
        {
            "compose.yaml": "services: {a: {extends: {file: b.yml, service: a}, ports: ['81:81']}}",
            "b.yml": "services: {a: {image: x, ports: ['80:80'], depends_on: [c], networks: [n]}, c: {image: y}}\nnetworks: {n: }",
            "compose.override.yml": "services: {c: {image: z}}\nnetworks: {n: }\n",
        }
    ),
    "extends-needs-what-it-copies": Asked(
        {
            "compose.yaml": "services: {a: {extends: {file: b.yml, service: a}}}",
            "b.yml": "services: {a: {image: x, depends_on: [c]}, c: {image: y}}",
        }
    ),
    "extends-reset": _ok(
        "services: {a: {image: x, ports: ['80'], command: c}, b: {extends: a, ports: !reset [], command: !override d}}"
    ),
    "extends-interpolated-file": Asked(
        {
            "compose.yaml": "services: {a: {extends: {file: '${F}', service: b}}}",
            "q.yml": "services: {b: {image: '${I:-i}'}}",
        },
        environment={"F": "q.yml"},
    ),
    "extends-profiles": _ok("services: {a: {image: x, profiles: [p]}, b: {extends: a}}"),
    "include-short": Asked(
        {
            "compose.yaml": "include: [sub/compose.yaml]\nservices: {a: {image: x, depends_on: [b]}}",
            "sub/compose.yaml": "services: {b: {image: 'y:${T:-d}', build: ., env_file: e, volumes: ['./q:/q']}}\nvolumes: {v: }",
            "sub/e": "INC=1\n",
            "sub/.env": "T=sub\n",
        }
    ),
    "include-root-env-wins": Asked(
        {
            "compose.yaml": "include: [sub/compose.yaml]",
            "sub/compose.yaml": "services: {b: {image: 'y:${T}-${O}'}}",
            "sub/.env": "T=sub\nO=only\n",
            ".env": "T=root\n",
        }
    ),
    "include-long": Asked(
        {
            "compose.yaml": "include: [{path: [sub/a.yml, sub/b.yml], project_directory: other, env_file: inc.env}]",
            "sub/a.yml": "services: {b: {image: 'y:${T}', build: ./here}}",
            "sub/b.yml": "services: {b: {user: u}}",
            "inc.env": "T=inc\n",
            "other/.env": "T=never\n",
        }
    ),
    "include-nested": Asked(
        {
            "compose.yaml": "include: [one/c.yml]\nservices: {a: {image: x}}",
            "one/c.yml": "include: [two/c.yml]\nservices: {b: {image: y, build: .}}",
            "one/two/c.yml": "services: {c: {image: z, build: ./d, env_file: [{path: e, required: false}]}}",
        }
    ),
    "include-conflict": Asked(
        {
            "compose.yaml": "include: [sub.yml]\nservices: {a: {user: u}}",
            "sub.yml": "services: {a: {image: x, user: v, ports: ['80']}}",
        }
    ),
    "include-overridden": Asked(
        {
            "compose.yaml": "include: [sub.yml]",
            "sub.yml": "services: {a: {image: x, ports: ['80']}}",
            "compose.override.yml": "services: {a: {user: u, ports: !override ['81']}}",
        }
    ),
    "include-cycle": Asked(
        {"compose.yaml": "include: [b.yml]\nservices: {a: {image: x}}", "b.yml": "include: [compose.yaml]"}
    ),
    "include-missing": _ok("include: [gone.yml]\nservices: {a: {image: x}}"),
    "include-no-list": _ok("include: sub.yml\nservices: {a: {image: x}}"),
    "include-resources": Asked(
        {
            "compose.yaml": "include: [sub/c.yml]\nservices: {a: {image: x, networks: [n], secrets: [s], configs: [c], volumes: ['v:/v']}}",
            "sub/c.yml": "networks: {n: {driver: d}}\nsecrets: {s: {file: ./s}}\nconfigs: {c: {file: c}}\nvolumes: {v: {driver: local}}",
        }
    ),
    "network-forms": _ok(
        "services: {a: {image: x, networks: [n, o, p]}}\n"
        "networks:\n  n: {driver: d, driver_opts: {a: 1}, internal: true, attachable: 'true', enable_ipv6: true, labels: [a=b]}\n"
        "  o: {external: true}\n  p: {external: true, name: q}\n"
    ),
    "network-ipam": _ok(
        "services: {a: {image: x, networks: [n]}}\nnetworks:\n  n:\n    ipam:\n      driver: d\n"
        "      config: [{subnet: 1.0.0.0/8, gateway: 1.0.0.1, ip_range: 1.1.0.0/16, aux_addresses: {h: 1.0.0.5}}]\n"
        "      options: {a: b}\n"
    ),
    "network-ipam-merged": Asked(
        {
            "compose.yaml": "services: {a: {image: x, networks: [n]}}\nnetworks: {n: {ipam: {config: [{subnet: 1.0.0.0/8}, {subnet: 2.0.0.0/8}]}}}",
            "compose.override.yml": "networks: {n: {ipam: {config: [{subnet: 1.0.0.0/8, gateway: 1.0.0.1}, {subnet: 3.0.0.0/8}]}}}",
        }
    ),
    "external-name": _ok("services: {a: {image: x, volumes: ['v:/v']}}\nvolumes: {v: {external: {name: w}}}"),
    "external-conflict": _ok("services: {a: {image: x, volumes: ['v:/v']}}\nvolumes: {v: {external: true, driver: d}}"),
    "volume-forms": _ok(
        "services: {a: {image: x, volumes: ['v:/v', 'w:/w', 'z:/z']}}\n"
        "volumes:\n  v: {driver: local, driver_opts: {type: none, o: bind, device: ./d}, labels: {a: b}}\n  w: {name: ww}\n  z: {external: true}\n"
    ),
    "secret-forms": Asked(
        {
            "compose.yaml": "services: {a: {image: x, secrets: [s, t, u]}}\n"
            "secrets: {s: {file: ./s}, t: {environment: T, name: tt}, u: {external: true}}\n"
        },
        environment={"T": "value"},
    ),
    "secret-without-source": _ok("services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {}}"),
    "secret-two-sources": _ok("services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {file: f, environment: E}}"),
    "config-forms": Asked(
        {
            "compose.yaml": "services: {a: {image: x, configs: [c, d, e]}}\n"
            "configs: {c: {content: 'a ${V}'}, d: {environment: V}, e: {external: true, name: ee}}\n"
        },
        environment={"V": "vv"},
    ),
    "unused-resources": _ok("services: {a: {image: x}}\nnetworks: {n: }\nvolumes: {v: }\nsecrets: {s: {file: f}}"),
    "default-network-configured": _ok("services: {a: {image: x}}\nnetworks: {default: {name: nn, external: true}}"),
    "provider": _ok(
        "services: {a: {provider: {type: t, options: {a: 1, b: [x, y], c: true}}}, b: {image: x, depends_on: [a]}}"
    ),
    "build-contexts-of-services": _ok(
        "services: {a: {build: {context: ., additional_contexts: {b: 'service:b'}}}, b: {build: ./b}, c: {image: x}}"
    ),
    "build-context-not-built": _ok(
        "services: {a: {build: {context: ., additional_contexts: {b: 'service:b'}}}, b: {image: x}}"
    ),
    "numbers-as-strings": _ok("services: {a: {image: 1.10, user: 5}}"),
    "image-is-a-number": _ok("services: {a: {image: 16}}"),
    "hostname-is-boolean": _ok("services: {a: {image: x, hostname: true}}"),
    "folded-and-literal": _ok(
        "services:\n  a:\n    image: x\n    command: >\n      a b\n      c\n    environment:\n      L: |\n        one\n        two\n      F: >-\n        x\n        y\n"
    ),
    "quoted-escapes": _ok("services: {a: {image: x, environment: {A: \"a\\tb\\u00e9\\n\", B: 'it''s'}}}"),
    "json-is-yaml": _ok('{"services": {"a": {"image": "x", "ports": ["80:80"], "environment": {"A": null}}}}'),
    "tabs": _ok("services:\n\ta: {image: x}\n"),
    "malformed": _ok("services: {a: {image: x}\n"),
    "infinity": _ok("services: {a: {image: x, environment: {A: .inf}}}"),
    "not-a-number": _ok("services: {a: {image: x}}\nx-a: .nan\n"),
    "tag-str": _ok("services: {a: {image: x, environment: {A: !!str 5, B: !!str yes, C: !!int '7'}}}"),
    "reset-in-first-file": _ok("services: {a: {image: x, ports: !reset ['80'], user: !override u}}"),
    "reset-service": Asked(
        {
            "compose.yaml": "services: {a: {image: x}, b: {image: y}}",
            "compose.override.yml": "services: {b: !reset null}",
        }
    ),
    "override-section": Asked(
        {
            "compose.yaml": "services: {a: {image: x, environment: {A: 1}}}\nnetworks: {n: {driver: d}}",
            "compose.override.yml": "services: {a: {environment: !override {B: 2}}}\nnetworks: {n: !reset {}}",
        }
    ),
    "override-other-form": Asked(
        {
            "compose.yaml": "services: {a: {image: x, ports: ['80']}}",
            "compose.override.yml": "services: {a: {ports: {a: b}}}",
        }
    ),
    "override-new-service": Asked(
        {"compose.yaml": "services: {a: {image: x}}", "compose.override.yml": "services: {b: {image: y}}"}
    ),
    "entry-twice-in-the-base": Asked(
        {
            "compose.yaml": "services: {a: {build: {context: ., cache_from: [a, a]}, cap_add: [k, k]}}",
            "compose.override.yml": "services: {a: {build: {cache_from: [b]}, cap_add: [l]}}",
        }
    ),
    "entry-twice-in-the-override": Asked(
        {
            "compose.yaml": "services: {a: {build: {context: ., cache_from: [a]}, security_opt: [s], group_add: [12]}}",
            "compose.override.yml": "services: {a: {build: {cache_from: [b, b, a]}, security_opt: [t, t], group_add: ['12']}}",
        }
    ),
    "entry-repeated-in-another-order-of-keys": Asked(
        {
            "compose.yaml": "services: {a: {image: x, gpus: [{driver: d, count: 1}, {driver: e, count: 2}]}}",
            "compose.override.yml": "services: {a: {gpus: [{count: 1, driver: d}, {count: '2', driver: e}]}}",
        }
    ),
    "three-files": Asked(
        {
            "a.yml": "services: {a: {image: x, environment: {A: 1, B: 1}, ports: ['80:80'], command: a}}",
            "b.yml": "services: {a: {environment: [B=2, C=2], ports: ['81:81'], command: [b]}}",
            "c.yml": "services: {a: {environment: {C: 3}, ports: [{target: 80, published: '80'}], command: null}}",
        },
        chain=("a.yml", "b.yml", "c.yml"),
    ),
    "name-with-dots": _ok("services: {a.b: {image: x, environment: {A: 1}, ports: ['80']}}"),
    "bad-service-name": _ok("services: {'a b': {image: x}}"),
    "extension-service-name": _ok("services: {x-a: {image: x}}"),
    "deep-defaults": _ok("services: {a: {image: '${A:-${B:-${C:-c}}}'}}"),
    "mixed-line-ends": _ok("services:\r\n  a:\r\n    image: x\r\n    user: u\n"),
    "comments-everywhere": _ok("# c\nservices: # c\n  # c\n  a: # c\n    image: x # c\n    # c\n"),
    "devcontainer-like": _ok(
        "services:\n  app:\n    build: {context: .., dockerfile: .devcontainer/Dockerfile}\n    volumes: ['..:/w:cached']\n"
        "    command: sleep infinity\n    network_mode: service:db\n  db:\n    image: postgres:16\n    restart: unless-stopped\n"
    ),
}

INTEGERS = [
    "cpu_count",
    "cpu_period",
    "cpu_quota",
    "cpu_rt_period",
    "cpu_rt_runtime",
    "cpu_shares",
    "oom_score_adj",
    "pids_limit",
    "scale",
    "cpu_percent",
]
SWITCHES = ("init", "oom_kill_disable", "privileged", "read_only", "stdin_open", "tty")
DEEP = (
    "deploy: {replicas: @}",
    "deploy: {update_config: {parallelism: @, max_failure_ratio: @}}",
    "deploy: {rollback_config: {parallelism: @}}",
    "deploy: {rollback_config: {max_failure_ratio: @}}",
    "deploy: {restart_policy: {max_attempts: @}}",
    "deploy: {placement: {max_replicas_per_node: @}}",
    "healthcheck: {test: x, retries: @}",
    "ports: [{target: @}]",
    "ulimits: {nproc: @}",
    "ulimits: {nofile: {soft: @, hard: 1}}",
    "ulimits: {nofile: {soft: 1, hard: @}}",
    "cpus: @",
    "depends_on: {b: {condition: service_started, required: @}}",
    "depends_on: {b: {condition: service_started, restart: @}}",
    "healthcheck: {disable: @}",
    "volumes: [{type: bind, source: ., target: /t, read_only: @}]",
    "volumes: [{type: volume, source: v, target: /t, volume: {nocopy: @}}]",
)
RESOURCES = (
    *(("networks", key) for key in ("external", "internal", "attachable", "enable_ipv4", "enable_ipv6")),
    *((section, "external") for section in ("volumes", "secrets", "configs")),
)
GIVEN_VALUES = {
    "N": "3",
    "HALF": "0.5",
    "YES": "true",
    "NO": "off",
    "WORD": "w",
    "HEX": "0x10",
    "SIGN": "+4",
    "OUT": " 5 ",
}
SCALAR_VALUES = (
    *[
        ".5",
        "-.5",
        "+5",
        "0b11",
        "0o17",
        "017",
        "0x1F",
        "1_000",
        "1e3",
        "1E-3",
        "1e21",
        "1e22",
        "1.0",
        "1.50",
        "0.0001",
        "0.00001",
        "123456789012345678",
    ],
    *[
        "18446744073709551615",
        "True",
        "TRUE",
        "False",
        "FALSE",
        "true",
        "yes",
        "no",
        "on",
        "off",
        "Yes",
        "y",
        "n",
        "~",
        "Null",
        "NULL",
    ],
    *[
        "null",
        "12:30:45",
        "2001-01-01",
        "2001-1-1",
        "2001-12-14t21:59:43.10-05:00",
        "2001-12-14T21:59:43Z",
        "2001-13-01",
        "+.5",
        "1.",
    ],
    *["0.", "-1.5e-7", "1__0", "_1", "0x", "0b2", "08", "1e400", "'5'"],
    *(
        "2001-12-14 21:59:43.10 -5",
        "2001-12-14 21:59:43",
        "!!str 5",
        "!!float 5",
        "!!bool true",
        "!!null ''",
        "!!int 0x1",
    ),
)


def _given_by_variables() -> dict[str, Asked]:
    """Attributes whose values are variables, which Compose casts to the type that it needs; and scalars of every form."""
    found: dict[str, Asked] = {}
    tail = "  b: {image: y}\nvolumes: {v: }\n"
    for number, place in enumerate((*(f"{key}: @" for key in (*INTEGERS, *SWITCHES)), *DEEP)):
        for name in GIVEN_VALUES if number in (0, len(INTEGERS)) else ("N", "HALF", "YES", "WORD"):
            text = f"services:\n  a:\n    image: x\n    {place.replace('@', '${' + name + '}')}\n{tail}"
            found[f"cast {place} {name}"] = Asked({"compose.yaml": text}, environment=GIVEN_VALUES)
    for section, key in RESOURCES:
        used = "volumes: ['r:/r']" if section == "volumes" else f"{section}: [r]"
        for name in ("YES", "WORD"):
            text = f"services: {{a: {{image: x, {used}}}}}\n{section}: {{r: {{{key}: '${{{name}}}'}}}}\n"
            found[f"cast {section}.{key} {name}"] = Asked({"compose.yaml": text}, environment=GIVEN_VALUES)
    held = "".join(f"      K{number}: {scalar}\n" for number, scalar in enumerate(SCALAR_VALUES))
    found["scalars"] = Asked({"compose.yaml": f"services:\n  a:\n    image: x\n    environment:\n{held}"})
    for scalar in (
        ".inf",
        "+.inf",
        "+.Inf",
        "+.INF",
        "-.inf",
        "-.Inf",
        "-.INF",
        ".Inf",
        ".INF",
        ".nan",
        ".NaN",
        ".NAN",
        "1e999",
    ):
        text = f"services: {{a: {{image: x, environment: {{A: {scalar}}}}}}}\n"
        found[f"number {scalar}"] = Asked({"compose.yaml": text})
    return found


PROJECTS: dict[str, Asked] = {
    **_attribute_projects(),
    **_overlapping_projects(),
    **_interpolation_projects(),
    **_given_by_variables(),
    **SPECIAL,
}
