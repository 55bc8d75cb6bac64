"""What is in force in a stage while its Dockerfile is read: what its image brings, what instructions changed."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.knowledge.base_images import CHECKED_TOOLS, BaseImage
from policyengine.knowledge.packages import brings
from policyengine.model.image import ImageRef, parse
from policyengine.model.value import Floating, Known, Unknown, Value, Via, passed
from policyengine.platforms.docker.image_values import BuildScope, port_key
from policyengine.platforms.docker.stock import facts_of, stock

if TYPE_CHECKING:
    from policyengine.model.nodes import Command, Copy, Healthcheck, Port, ShellCommand, Stage, Variable
    from policyengine.model.source import Span
    from policyengine.syntax.dockerfile import Instruction

_MOST_TRACED = 200


class State(Struct):
    """What is in force in a stage so far. Only `Lowering` changes it, and only while the stage is being read."""

    base: Value[ImageRef]
    facts: BaseImage | None
    user: Value[str]
    workdir: Value[str]
    entrypoint: Value[Command]
    command: Value[Command]
    parent: str = ""
    platform: Value[str] | None = None
    environment: dict[str, Variable] = field(default_factory=dict)
    args: dict[str, Variable] = field(default_factory=dict)
    exposed: dict[object, Port] = field(default_factory=dict)
    healthcheck: Healthcheck | None = None
    volumes: list[Value[str]] = field(default_factory=list)
    packages: list[Value[str]] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    runs: list[ShellCommand] = field(default_factory=list)
    users_created: dict[str, Variable] = field(default_factory=dict)
    libc: Value[str] | None = None
    triggers: list[Instruction] = field(default_factory=list)
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    command_here: bool = False
    scope: BuildScope = field(default_factory=BuildScope)


def on_image(base: Value[ImageRef], head: Instruction, platform: Value[str] | None) -> State:
    """What an image brings to a stage that is built on it, at the FROM `head`."""
    span = head.span
    if not isinstance(base, Known):
        why = base.reason if isinstance(base, Unknown) else "the base image is not known"
        nothing = Unknown(why, base.span, base.via)
        return State(base, None, nothing, nothing, nothing, nothing, platform=platform)
    facts = facts_of(base)
    if facts is None:
        unknown = Unknown(f"what {base.value.name} brings is not in the bundled table", span)
        return State(base, None, unknown, unknown, unknown, unknown, platform=platform)
    image = stock(base, facts, span)
    return State(
        base=base,
        facts=facts,
        user=image.user,
        workdir=image.workdir,
        entrypoint=image.entrypoint,
        command=image.command,
        platform=platform,
        exposed={port_key(port): port for port in image.exposed},
        volumes=list(image.volumes),
        users_created={user.key: user for user in image.users_created},
        libc=image.libc,
    )


def image_of(name: Value[str]) -> Value[ImageRef]:
    """The image that a FROM names."""
    match name:
        case Known(text, span, via) | Floating(text, span, via):
            ref = parse(text)
            if ref is None:
                return Unknown(f"{text!r} is no image reference" if text else "the image name is empty", span, via)
            return Known(ref, span, via)
        case _:
            return name


def inherited(state: State, stage: Stage, step: Via, platform: Value[str] | None) -> State:
    """A stage on top of another: its image, but not its arguments."""
    health = state.healthcheck
    environment = dict(state.environment)
    if len(environment) <= _MOST_TRACED:
        environment = {key: replace(each, value=passed(each.value, step)) for key, each in environment.items()}
    return replace(
        state,
        parent=stage.id,
        base=passed(state.base, step),
        user=passed(state.user, step),
        workdir=passed(state.workdir, step),
        entrypoint=passed(state.entrypoint, step),
        command=passed(state.command, step),
        platform=platform if platform is not None else state.platform,
        environment=environment,
        args={},
        exposed=dict(state.exposed),
        healthcheck=None if health is None else replace(health, test=passed(health.test, step)),
        volumes=list(state.volumes),
        packages=list(state.packages),
        copies=list(state.copies),
        runs=list(state.runs),
        users_created=dict(state.users_created),
        triggers=list(state.triggers),
        command_here=False,
    )


def tools(state: State, span: Span) -> Value[tuple[str, ...]] | None:
    """Which of the checked programs the image has: the base's, and those of installed packages."""
    if state.facts is None or state.facts.tools is None:
        return None
    found = set(state.facts.tools)
    for package in state.packages:
        if isinstance(package, Known):
            program = brings(package.value)
            found |= set() if program is None else {program}
        elif isinstance(package, Unknown):
            return Unknown("a RUN installs packages that are not known", package.span)
    paths = (each for copy in state.copies for each in (*copy.sources, copy.target))
    copied = {posixpath.basename(each) for each in paths if isinstance(each, str)}
    found |= copied & set(CHECKED_TOOLS)
    return Known(tuple(sorted(found)), span)
