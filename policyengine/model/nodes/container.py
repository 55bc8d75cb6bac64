"""Containers that run: Compose services, ECS containers, service containers of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.nodes.node import Node
from policyengine.model.value import Known

if TYPE_CHECKING:
    from policyengine.model.command import Word
    from policyengine.model.image import ImageRef
    from policyengine.model.nodes.image import Build
    from policyengine.model.nodes.node import Command, Role, Variable
    from policyengine.model.source import Span
    from policyengine.model.value import Unknown, Value


class EnvFile(Struct, frozen=True):
    """One file that Compose `env_file` names. `path` is relative to the root; `span` is the entry that names it.

    `found` tells whether the file, or a committed stand-in such as `.env.example` (then `stand_in` is its path),
    could be read.
    """

    path: str
    span: Span
    required: bool = True
    found: bool = True
    stand_in: str = ""


EXPORTED = "facts:"
"""What the group of a service begins with that is read from facts of another repository."""
COMPOSE, PRODUCTION_COMPOSE, ECS = "Compose service", "production Compose service", "ECS container"
"""What people call a service of the Compose project that developers start, of the one that production runs, of ECS."""


class Port(Struct, frozen=True):
    """A port of a container; `host_ip` is empty for all addresses.

    `published` is Absent where it is only exposed, and Unknown where Docker chooses it when the container starts.
    """

    target: Value[int]
    published: Value[int]
    span: Span
    protocol: str | Unknown = "tcp"
    host_ip: str | Unknown = ""


class Mount(Struct, frozen=True):
    """A volume, bind or tmpfs mount. `source` of a bind is relative to the root where it lies inside."""

    kind: str  # "bind", "volume", "tmpfs"
    source: Value[str]
    target: Value[str]
    span: Span
    read_only: bool = False


class Healthcheck(Struct, frozen=True):
    """A health check. `disabled` is Compose `disable: true` or `["NONE"]`. Times are the text as written."""

    test: Value[Command]
    span: Span
    interval: Value[str] | None = None
    timeout: Value[str] | None = None
    retries: Value[str] | None = None
    start_period: Value[str] | None = None
    disabled: bool = False


class Dependency(Struct, frozen=True):
    """A Compose `depends_on` or an ECS `dependsOn` entry. `condition` is as written, `service_started` by default."""

    service: str
    span: Span
    condition: str = "service_started"


class Attachment(Struct, frozen=True):
    """A network that a service is attached to, with the further names it has there.

    An `external` one is made elsewhere, and services of other projects may be on it.
    """

    network: str
    span: Span
    aliases: tuple[str, ...] = ()
    external: bool = False


class Service(Node, frozen=True, kw_only=True):
    """A container that runs: a Compose service, an ECS container, or a service container of a workflow job.

    `noun` is what people call it in messages: "Compose service", "ECS container". `group` is what shares one network
    name space: the Compose project, or the ECS task definition, whose containers reach each other on localhost.
    `environment` is what Compose or ECS sets (`environment` over `env_file`), without the image's own ENV.
    `environment_gap` says why there may be more variables than listed, and is None when the list is complete. `count`
    is ECS `desired_count` or Compose `deploy.replicas`. `room` is where `deploy` can be added to a Compose service that
    lacks it, its value the indentation there. `words` are those of a command as far as they are written out,
    each at its place; what is in force when it runs is asked of `Graph.container`.
    """

    role: Role
    group: str
    image: Value[ImageRef]
    build: Build | None
    entrypoint: Value[Command]
    command: Value[Command]
    user: Value[str]
    environment: tuple[Variable, ...]
    environment_gap: Unknown | None = None
    env_files: tuple[EnvFile, ...] = ()
    env_file_span: Span | None = None
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    networks: tuple[Attachment, ...] = ()
    network_mode: Value[str] | None = None
    hostnames: tuple[str, ...] = ()  # container_name, hostname, links: further names siblings may use
    extra_hosts: tuple[str, ...] = ()
    depends_on: tuple[Dependency, ...] = ()
    healthcheck: Healthcheck | None = None
    platform: Value[str] | None = None
    architecture: Value[str] | None = None  # ECS runtime_platform.cpu_architecture: X86_64 or ARM64
    privileged: Value[bool] | None = None
    read_only: Value[bool] | None = None
    init: Value[bool] | None = None
    stop_grace_period: Value[str] | None = None
    cpus: Value[str] | None = None
    memory: Value[str] | None = None
    kernel: tuple[Variable, ...] = ()
    kernel_gap: Unknown | None = None
    room: Known[str] | None = None
    essential: Value[bool] | None = None
    count: Value[int] | None = None
    profiles: tuple[str, ...] = ()
    labels: tuple[Variable, ...] = ()
    parity: Value[str] | None = None  # the cloud twin named by `x-parity`, the label `parity.cloud` or a comment
    launch: str = ""  # "FARGATE", "EC2" … for ECS; empty for Compose
    noun: str = "container"
    words: tuple[Word, ...] = ()
    inherits_healthcheck: bool = True  # whether a HEALTHCHECK of the image is run where none is set; ECS does not

    @property
    def exported(self) -> bool:
        """Whether it is read from facts of another repository, which tell neither its env files nor its build."""
        return self.group.startswith(EXPORTED)

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which its siblings find it, in lower case."""
        aliases = (alias for network in self.networks for alias in network.aliases)
        return tuple(name.lower() for name in (self.name, *self.hostnames, *aliases))

    @property
    def network(self) -> str:
        """The service whose network it uses: its own name, or that of `network_mode: service:x`; `host` for none."""
        mode = self.network_mode.value if isinstance(self.network_mode, Known) else ""
        kind, _, name = mode.partition(":")
        return name if kind in {"service", "container"} else "host" if kind == "host" else self.name

    def variable(self, key: str) -> Variable | None:
        """The variable `key` as Compose or ECS sets it, or None."""
        return next((variable for variable in self.environment if variable.key == key), None)


class Flavour(Node, frozen=True, kw_only=True):
    """A service of the local project as another Compose file has it, with the base that this changes.

    `path` is that file: for tests, or for another way to work. `service` is what it says, not what is in force.
    """

    path: str
    service: Service
