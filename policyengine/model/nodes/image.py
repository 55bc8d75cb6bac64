"""How images are built and where they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.nodes.node import Node
from policyengine.model.value import Absent, Known, Unknown

if TYPE_CHECKING:
    from policyengine.model.command import ShellCommand
    from policyengine.model.image import ImageRef
    from policyengine.model.nodes.container import Healthcheck, Port
    from policyengine.model.nodes.node import Command, Variable
    from policyengine.model.source import Span
    from policyengine.model.value import Value


class Build(Node, frozen=True, kw_only=True):
    """One way an image is built: Compose `build`, build-push-action, `docker build`, a bake target, CodeBuild.

    `context` and `dockerfile` are paths relative to the root, normalised (`.` is the root). `platforms` is Absent
    where none is named, which means the builder's own. `tags` are the image references the build gives its result, an
    Unknown for one whose repository is not decided.
    `job` is the id of the job that runs it, empty for Compose; `script:PATH` for what people run by hand.
    """

    tool: str  # what builds: `compose`, `bake`, `docker`, an action
    context: Value[str]
    dockerfile: Value[str]
    target: Value[str]  # the stage that is built
    platforms: Value[tuple[str, ...]]
    tags: Value[tuple[ImageRef | Unknown, ...]]
    push: Value[bool]  # whether the image is pushed
    args: tuple[Variable, ...] = ()  # the build arguments given
    job: str = ""
    inline: bool = False  # Compose `dockerfile_inline`
    platform_spans: tuple[Span, ...] = ()  # where each platform is named

    @property
    def references(self) -> tuple[ImageRef, ...]:
        """The tags whose repository is decided."""
        tags = self.tags.value if isinstance(self.tags, Known) else ()
        return tuple(each for each in tags if not isinstance(each, Unknown))

    @property
    def pushes(self) -> bool:
        """Whether it pushes what it makes, or may do so."""
        return not (isinstance(self.push, Absent) or (isinstance(self.push, Known) and not self.push.value))

    @property
    def by_hand(self) -> bool:
        """Whether people build it with a script or a task runner, and no pipeline does."""
        return self.job.startswith("script:")

    @property
    def workflow(self) -> str:
        """The path of the workflow or script that it runs in, empty for Compose."""
        return self.job.partition(":")[2].partition("#")[0]


class Copy(Struct, frozen=True):
    """A COPY or ADD of a Dockerfile. `stage` is the `--from` stage or image, empty for the build context."""

    sources: tuple[str | Unknown, ...]  # what is copied
    target: str | Unknown  # where to
    span: Span  # the instruction
    stage: str = ""
    owner: str | Unknown = ""  # of `--chown`, empty for none


class Stage(Node, frozen=True, kw_only=True):
    """One stage of a Dockerfile with what is in force at its end, inherited through FROM.

    `base` is the image at the bottom of its chain of stages, `parent` the id of the stage it is built on, or empty.
    `user`, `workdir`, `entrypoint`, `command` and `healthcheck` are effective values; a default that the base image
    brings is Known with the span of the FROM. `packages` are system packages that a RUN installs.
    """

    dockerfile: str  # the path of the file
    index: int  # its position, from 0
    last: bool  # whether it is the last of the file
    base: Value[ImageRef]
    user: Value[str]
    workdir: Value[str]
    entrypoint: Value[Command]
    command: Value[Command]
    parent: str = ""
    platform: Value[str] | None = None  # of `FROM --platform`
    environment: tuple[Variable, ...] = ()  # ENV, inherited ones included
    args: tuple[Variable, ...] = ()  # ARG
    exposed: tuple[Port, ...] = ()  # EXPOSE, inherited ones included
    healthcheck: Healthcheck | None = None
    volumes: tuple[Value[str], ...] = ()  # VOLUME, inherited ones included
    packages: tuple[Value[str], ...] = ()
    copies: tuple[Copy, ...] = ()  # COPY and ADD
    runs: tuple[ShellCommand, ...] = ()  # the commands of RUN
    users_created: tuple[Variable, ...] = ()  # key: user name, value: uid, from adduser/useradd
    libc: Value[str] | None = None  # "glibc", "musl"
    tools: Value[tuple[str, ...]] | None = None  # those of sh, bash, curl, wget, nc that it has; None: base unlisted


class Repository(Node, frozen=True, kw_only=True):
    """An image repository in the cloud (ECR). `repository` is its name as images spell it."""

    repository: Value[str]
    immutable: Value[bool]  # whether a tag cannot be moved
