"""Compose projects with one fault each, and the sentences that say so.

Docker Compose 5.6.1 refuses and takes the same of them, but for `ssh: [a=b=c]`, where it makes JSON that is none.
"""

from __future__ import annotations

from policyengine.model.source import ReadError, Span
from policyengine.platforms.compose.load import load
from policyengine.testing.memory import Memory
from tests.oracle.compose.printing import printed

HEAD = "services: {a: {image: x, "
ATTRIBUTES = (
    "ports: [x]", "ports: ['1:2:3:4']", "ports: ['80-81:90-95']", "ports: ['a.b:80:80']", "ports: ['999.1.1.1:80:80']", "ports: ['80/what']", "ports: ['70000:80']",
    "ports: ['0:']", "ports: [':']", "ports: [{published: 80}]", "ports: [{target: 80, protocol: 5}]", "ports: [80, 80]",
    "volumes: ['']", "volumes: [':/a']", "volumes: ['a:b:c:d']", "volumes: [{target: /a}]", "volumes: [{type: volume}]", "volumes: [{type: bind, target: /a}]", "volumes: [{type: x, target: /a}]",
    "volumes: ['gone:/a']", "volumes: ['/a:/b', '/c:/b']", "volumes: [{type: tmpfs, target: /t, tmpfs: {size: x}}]", "volumes: [{type: tmpfs, target: /t, tmpfs: {size: -1}}]",
    "devices: ['a:b:c:d']", "devices: [{target: x}]", "extra_hosts: [a]", "extra_hosts: [a, a]", "extra_hosts: {a: 1}",
    "networks: [gone]", "network_mode: host, networks: [default]", "network_mode: 'service:gone'", "depends_on: [gone]", "depends_on: [a]", "depends_on: {a: {}}", "depends_on: {gone: {condition: x}}",
    "secrets: [gone]", "configs: [gone]", "secrets: [{source: gone}]", "links: [gone]", "volumes_from: [gone]", "ipc: 'service:gone'", "pid: 'service:gone'",
    "container_name: '-'", "container_name: abc, scale: 2", "scale: -1", "deploy: {replicas: 1}, scale: 2", "deploy: {replicas: -1}", "cpus: 1, deploy: {resources: {limits: {cpus: '2'}}}",
    "mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}", "pids_limit: 1, deploy: {resources: {limits: {pids: 2}}}", "mem_limit: x", "shm_size: x", "stop_grace_period: x", "healthcheck: {test: [a]}",
    "healthcheck: {test: [NONE], interval: x}", "healthcheck: {test: []}", "healthcheck: {retries: x}", "env_file: [{required: true}]", "env_file: gone.env", "env_file: [{path: f.env, format: odd}]",
    "environment: ['A B = 1', 'A =1']", "environment: {A: [x]}", "environment: [A, A]", "label_file: gone", "ulimits: {nofile: {soft: 1}}", "ulimits: {nofile: x}", "dns: [1]", "expose: [x]", "expose: [[1]]",
    "profiles: ['-']", "profiles: [a b]", "pull_policy: odd", "restart: {}", "gpus: none", "gpus: [{count: 1, device_ids: [a]}]", "deploy: {resources: {reservations: {devices: [{}]}}}",
    "deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 1, device_ids: ['0']}]}}}", "build: {dockerfile: a, dockerfile_inline: b}", "build: {secrets: [gone]}", "build: {additional_contexts: {c: 'service:gone'}}",
    "build: {additional_contexts: [c]}", "build: {ssh: [a=b=c]}", "build: 5", "command: {}", "command: [[1]]", "develop: {watch: [{path: a}]}", "develop: {watch: [{path: a, action: odd}]}", "provider: {}", "provider: {type: t}",
    "models: [gone]", "extends: gone", "extends: {file: gone.yml, service: b}", "extends: {file: base.yml, service: gone}", "extends: {file: base.yml}", "extends: {service: a}", "extends: {file: base.yml, service: loop}",
    "hostname: '${A:?must be set}'", "hostname: '${A?}'", "hostname: '${A:?}'", "hostname: '${'", "hostname: '${A B}'", "hostname: '$'", "hostname: '${1}'", "scale: '${WORD}'", "privileged: '${WORD}'", "cpus: '${WORD}'",
    "unknown: 1", "user: [a]", "logging: {driver: 1}", "blkio_config: {weight: x}", "blkio_config: {odd: 1}", "credential_spec: {file: a, registry: b}", "tmpfs: [1]", "sysctls: {a: [b]}", "x: 1",
)  # fmt: skip
FILES = (
    "", "null", "[]", "a", "5", "services:", "services: []", "services: {a: }", "services: {a: 5}", "services: {a: {}}", "services: {'a b': {image: x}}", "services: {1: {image: x}}", "1: 2", "services: {a: {image: x}, a: {image: y}}",
    "name: 5\nservices: {a: {image: x}}", "name: 'A B'\nservices: {a: {image: x}}", "name: '!'\nservices: {a: {image: x}}", "odd: 1\nservices: {a: {image: x}}", "version: 3\nservices: {a: {image: x}}",
    "include: x\nservices: {a: {image: x}}", "include: [gone.yml]\nservices: {a: {image: x}}", "include: [{path: [5]}]\nservices: {a: {image: x}}", "include: [compose.yml]", "include: [{path: base.yml, env_file: gone.env}]", "include: [{path: base.yml, odd: 1}]",
    "include: ['../out.yml']", "include: ['${WHERE}/x.yml']", "services: {a: {image: x, networks: [n]}}\nnetworks: {n: {external: true, driver: d}}", "services: {a: {image: x, volumes: ['v:/v']}}\nvolumes: {v: {external: true, labels: {a: b}}}",
    "services: {a: {image: x}}\nvolumes: {v: {odd: 1}}", "services: {a: {image: x}}\nnetworks: []", "services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {}}", "services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {file: a, environment: B}}",
    "services: {a: {image: x, configs: [c]}}\nconfigs: {c: {file: a, content: b}}", "services: {a: {image: x}, b: {image: y, depends_on: [c]}, c: {image: z, depends_on: [b]}}", "services: {a: {image: x, profiles: [p]}, b: {image: y, depends_on: [a]}}",
    "services: {a: {image: x, container_name: abc}, b: {image: y, container_name: abc}}", "services: {a: &a {image: x, <<: *b}}", "services: {a: {<<: 5, image: x}}", "services:\n\ta: {image: x}", "services: {a: {image: x}", "services: {a: {image: .inf}}",
    "services: {a: {image: x, ports: !reset}}\nx: 1", "services: {a: {image: 'a b'}}", "services: {a: {image: x, models: [m]}}\nmodels: {m: {}}",
)  # fmt: skip
BESIDE = {
    "base.yml": "services: {b: {image: b}, loop: {extends: {file: compose.yml, service: a}}}",
    "f.env": "A=1\n",
}


def _shown(files: Memory, span: Span) -> str:
    source = files.read(span.path)
    return f"«{source.slice(span)}» in {span.path}" if source is not None else f"in '{span.path}'"


def _sentence(files: Memory, error: ReadError) -> str:
    return f"{error.message}; {error.advice} {_shown(files, error.span)}"


def sentences() -> str:
    """Each project with what is said of it: message, advice, and the text that is pointed at."""
    made = []
    for project in (*(f"{HEAD}{each}}}}}" for each in ATTRIBUTES), *FILES):
        made.append(project.removeprefix(HEAD).removesuffix("}}") if project.startswith(HEAD) else repr(project))
        files = Memory({**BESIDE, "compose.yml": project})
        for strict in (True, False):
            said = "taken"
            try:
                found = load(files, environment={"WORD": "w"}, name="n", strict=strict)
                if strict:
                    printed(found)
                elif found.faults:
                    said = _sentence(files, found.faults[0])
            except ReadError as error:
                said = _sentence(files, error)
            if strict:
                made.append(f"    {said}")
            elif f"    {said}" != made[-1]:
                made.append(f"    without an environment: {said}")
    return "\n".join(made) + "\n"
