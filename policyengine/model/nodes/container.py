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
    required: bool = True  # whether Compose refuses to start without it
    found: bool = True
    stand_in: str = ""


EXPORTED = "facts:"
"""What the group of a service begins with that is read from facts of another repository."""
TASK_FILES = "ecs:"
"""What the group of a container begins with that is read from a task definition in JSON."""
ROLLED_OUT = "rollout:"
"""What the id and the group of a service begin with that a command or an action of a workflow makes."""
INIT_CONTAINER = "init container"
"""What people call a container of a pod that ends before the others start."""

COMPOSE, PRODUCTION_COMPOSE, ECS = "Compose service", "production Compose service", "ECS container"
"""What people call a service of the Compose project that developers start, of the one that production runs, of ECS."""


class Port(Struct, frozen=True):
    """A port of a container; `host_ip` is empty for all addresses.

    `published` is Absent where it is only exposed, and Unknown where Docker chooses it when the container starts.
    """

    target: Value[int]  # the port in the container
    published: Value[int]
    span: Span  # where it is written
    protocol: str | Unknown = "tcp"  # `tcp` or `udp`
    host_ip: str | Unknown = ""


class Mount(Struct, frozen=True):
    """A volume, bind or tmpfs mount. `source` of a bind is relative to the root where it lies inside."""

    kind: str  # "bind", "volume", "tmpfs"
    source: Value[str]
    target: Value[str]  # the path in the container
    span: Span  # where it is written
    read_only: bool = False  # whether nothing can be written there


class Healthcheck(Struct, frozen=True):
    """A health check. `disabled` is Compose `disable: true` or `["NONE"]`. Times are the text as written."""

    test: Value[Command]  # the command
    span: Span  # where it is written
    interval: Value[str] | None = None  # between two checks, as written
    timeout: Value[str] | None = None  # of one check, as written
    retries: Value[str] | None = None  # failures in a row that count
    start_period: Value[str] | None = None  # in which failures do not count, as written
    disabled: bool = False


class Dependency(Struct, frozen=True):
    """A Compose `depends_on` or an ECS `dependsOn` entry. `condition` is as written, `service_started` by default."""

    service: str  # the name of the other service
    span: Span  # where it is named
    condition: str = "service_started"


class Attachment(Struct, frozen=True):
    """A network that a service is attached to, with the further names it has there.

    An `external` one is made elsewhere, and services of other projects may be on it.
    """

    network: str  # its name in the project
    span: Span  # where it is attached
    aliases: tuple[str, ...] = ()  # further names of the service in it
    external: bool = False


class Service(Node, frozen=True, kw_only=True):
    """A container that runs: a Compose service, an ECS container, or a service container of a workflow job.

    `noun` is what people call it in messages: "Compose service", "ECS container". `group` is what shares one network
    name space: the Compose project, or the ECS task definition, whose containers reach each other on localhost.
    `environment` is what Compose or ECS sets (`environment` over `env_file`), without the image's own ENV.
    `environment_gap` says why there may be more variables than listed, and is None when the list is complete. `count`
    is ECS `desired_count` or Compose `deploy.replicas`. `words` are those of a command as far as they are written out,
    each at its place; what is in force when it runs is asked of `Graph.container`.
    """

    role: Role  # what it is for
    group: str
    image: Value[ImageRef]  # that it runs
    build: Build | None  # how the image is built here
    entrypoint: Value[Command]  # over that of the image
    command: Value[Command]  # over that of the image
    user: Value[str]  # over that of the image
    environment: tuple[Variable, ...]
    environment_gap: Unknown | None = None
    env_files: tuple[EnvFile, ...] = ()  # in order
    env_file_span: Span | None = None  # where they are named
    secret_files: tuple[Known[str], ...] = ()  # of Compose `secrets` with `file`, where each is still to be put
    ports: tuple[Port, ...] = ()  # published and exposed
    mounts: tuple[Mount, ...] = ()  # volumes, binds, tmpfs
    networks: tuple[Attachment, ...] = ()  # that it is attached to
    network_mode: Value[str] | None = None  # `host`, `awsvpc`
    hostnames: tuple[str, ...] = ()  # container_name, hostname, links: further names siblings may use
    extra_hosts: tuple[str, ...] = ()  # names added to /etc/hosts
    depends_on: tuple[Dependency, ...] = ()  # what starts before it
    healthcheck: Healthcheck | None = None  # over that of the image
    platform: Value[str] | None = None  # `linux/amd64`
    architecture: Value[str] | None = None  # ECS runtime_platform.cpu_architecture: X86_64 or ARM64
    privileged: Value[bool] | None = None  # whether it may do all that the host may
    read_only: Value[bool] | None = None  # whether its root filesystem is
    init: Value[bool] | None = None  # whether an init process reaps children
    stop_grace_period: Value[str] | None = None  # before it is killed, as written
    cpus: Value[str] | None = None  # the limit, as written
    memory: Value[str] | None = None  # the limit, as written
    kernel: tuple[Variable, ...] = ()  # sysctls, ulimits, capabilities
    kernel_gap: Unknown | None = None  # why there may be more of these
    essential: Value[bool] | None = None  # whether its end ends the task
    count: Value[int] | None = None
    profiles: tuple[str, ...] = ()  # of Compose; none means always
    labels: tuple[Variable, ...] = ()  # in order
    parity: Value[str] | None = None  # the cloud twin named by `x-parity`, the label `parity.cloud` or a comment
    launch: str = ""  # "FARGATE", "EC2" … for ECS; empty for Compose
    noun: str = "container"
    words: tuple[Word, ...] = ()
    inherits_healthcheck: bool = True  # whether a HEALTHCHECK of the image is run where none is set; ECS does not
    tag: Known[str] | None = None  # of an image that is otherwise not known, or that something else may retag

    @property
    def exported(self) -> bool:
        """Whether it is read from facts of another repository, which tell neither its env files nor its build."""
        return self.group.startswith(EXPORTED)

    @property
    def renewed(self) -> bool:
        """Whether a workflow makes it anew with each deployment, as no file declares it but what that renders."""
        return self.group.startswith((TASK_FILES, ROLLED_OUT))

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
