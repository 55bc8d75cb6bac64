"""What every node has, and what several families of nodes share."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.value import Absent, Known, Unknown
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.model.endpoint import Endpoint
    from policyengine.model.source import Span
    from policyengine.model.value import Value


class Side(StrEnum):
    """Where a node lives. `SOURCE` is what all environments are made from: Dockerfiles, code, migrations."""

    LOCAL = "local"
    CLOUD = "cloud"
    PIPELINE = "pipeline"
    SOURCE = "source"

    @property
    def far(self) -> bool:
        """Whether it is off the laptop: the cloud, and the pipeline that leads there."""
        return self in (Side.CLOUD, Side.PIPELINE)


class Role(StrEnum):
    """What a container is for. Pairs never cross roles."""

    APP = "app"
    DATABASE = "database"
    CACHE = "cache"
    SEARCH = "search"
    QUEUE = "queue"
    STORAGE = "storage"
    EMULATOR = "emulator"  # localstack and the like: one container standing in for several cloud services
    PROXY = "proxy"
    TOOL = "tool"  # mailpit, adminer, grafana: serves developers, not users
    JOB = "job"  # runs once and ends: migrations, bucket creation
    FUNCTION = "function"  # a serverless function; a local service that runs the same code is its twin
    SIDECAR = "sidecar"  # log router, tracing agent, mesh proxy beside an ECS container


class Origin(StrEnum):
    """Who sets a variable."""

    ENVIRONMENT = "environment"  # Compose `environment`, ECS `environment`, workflow `env`
    ENV_FILE = "env_file"  # Compose `env_file`, ECS `environmentFiles`
    SECRET = "secret"  # noqa: S105  ECS `secrets`, a secrets manager
    IMAGE = "image"  # Dockerfile ENV
    ARGUMENT = "argument"  # build argument
    INPUT = "input"  # `with:` of a GitHub action


class Node(Struct, frozen=True, kw_only=True):
    """One thing of the system.

    `id` is stable and unique in a graph and serves as the SARIF logical location: `compose:services.db`,
    `terraform:aws_db_instance.main`, `terraform:aws_ecs_task_definition.app#web`,
    `github:.github/workflows/ci.yml#gate`, `dockerfile:Dockerfile.production#runner`. `span` is the place of its name.
    `doubt` says why it may not be there at all, or not as it is said to be: what is found of such a node is an open
    question.
    """

    id: str
    name: str  # what people call it
    side: Side  # where it lives
    span: Span
    doubt: Unknown | None = None


class Command(Struct, frozen=True):
    """An entrypoint or a command. `shell` is the shell form, whose only word is the whole command line."""

    words: tuple[str, ...]  # the program and its arguments
    shell: bool = False

    def __str__(self) -> str:
        return " ".join(self.words)


class Variable(Struct, frozen=True):
    """One environment variable, build argument or action input.

    `references` are the Terraform addresses that its value is made of, such as `aws_db_instance.main.address`,
    `var.db_password` or `random_password.db.result`, through locals and module inputs. `reference` is the place a
    secret is read from (an ECS `valueFrom`), as far as it is known. `endpoints` are what a value names of which another
    part is open, such as the password of an address.
    """

    key: str  # its name
    key_span: Span  # where the name stands
    value: Value[str]  # what it is set to
    origin: Origin = Origin.ENVIRONMENT  # who sets it
    references: tuple[str, ...] = ()
    reference: Value[str] | None = None
    endpoints: tuple[Endpoint, ...] = ()

    @property
    def json_key(self) -> Value[str]:
        """The key of a secret's JSON object that `reference` names behind its ARN; Absent for the whole secret."""
        key = json_key(self.reference.value) if isinstance(self.reference, Known) else ""
        if is_open(key):
            return Unknown(f"the key of {self.key} is not decided", self.key_span)
        return Known(key, self.key_span) if key else Absent(self.key_span)


_PART = regex(r"\$\{[^{}]*\}|:")
_OPEN = regex(r"\$\{")


def is_open(reference: str) -> bool:
    """Whether a part of a reference is not decided, and stands in it as `${…}`."""
    return _OPEN.search(reference) is not None


def arn_parts(reference: str) -> list[str]:
    """What stands between the colons of an ARN; a `${…}` that stands for a part of it is kept whole."""
    colons = [match.start() for match in _PART.finditer(reference) if match[0] == ":"]
    return [reference[start + 1 : end] for start, end in zip((-1, *colons), (*colons, len(reference)), strict=True)]


def json_key(reference: str) -> str:
    """The key in `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME:KEY:STAGE:VERSION`; empty where none is named.

    (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html)
    """
    parts = arn_parts(reference)
    return next(iter(parts[7:] if parts[0] == "arn" else parts[1:]), "")


def variables(sequence: Sequence[Variable]) -> dict[str, Variable]:
    """The variables by key; a later one wins."""
    return {variable.key: variable for variable in sequence}
