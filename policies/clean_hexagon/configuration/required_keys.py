"""The cloud sets what the code requires (HEX303)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.api import (
    Compared,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Role,
    Severity,
    Stage,
    Unknown,
    given_by,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import ConfigKey, Container


@rule(
    "HEX303",
    mandate="3.3",
    severity=Severity.ERROR,
    message="The container '{name}' lacks '{keys}', which [the code requires](1).",
)
def env_key_missing_in_cloud(graph: Graph, options: Options) -> Iterator[Outcome]:
    """The cloud does not set a variable that the code requires.

    The config module throws at start-up, so the new task never becomes healthy; without such a module the variable is
    `undefined` in the middle of a request.

    Required keys are those of the config module that have neither a default nor `optional`; where one of several must
    be there, any of them will do. The cloud provides `environment`, `secrets`, `environmentFiles` and the ENV of the
    deployed stage. Keys of the platform and AWS credentials, which the task role replaces, need no entry. Variables
    injected by `infisical run` are not known from files. Where several containers share one config module and another
    of them has the key, it may be needed only there, so the finding is a warning. All missing keys of a container make
    one finding, at the container.
    """
    del options
    users: dict[str, list[Container]] = {}
    for container in graph.deployed(role=Role.APP):
        if container.config is not None:
            users.setdefault(container.config.id, []).append(container)
    for _, containers in sorted(users.items()):
        for container in containers:
            yield Compared(container.node)
            yield from _missing(graph, container, containers)


def _missing(graph: Graph, container: Container, users: list[Container]) -> Iterator[Outcome]:
    """What one of the containers that share a config module lacks."""
    absent = [key for key in _required(container) if not _met(key, container)]
    if absent and container.environment_gap is not None:
        yield from undecided(container.node, container.environment_gap)
        return
    if isinstance(container.stage, Unknown):
        anywhere = {variable.key for stage in graph.all(Stage) for variable in stage.environment}
        if any(key.key in anywhere for key in absent):
            yield from undecided(container.node, container.stage)
        absent = [key for key in absent if key.key not in anywhere]
    if not absent:
        return
    others = [each for each in users if each.id != container.id]
    elsewhere = all(any(_met(key, other) for other in others) for key in absent)
    names = ", ".join(" or ".join((*key.alternatives, key.key)) for key in absent)
    yield Finding(
        subject=container.node,
        at=container,
        args={"name": container.name, "keys": names},
        related=(absent[0],),
        severity=Severity.WARNING if elsewhere else None,
        fix=Fix(f"add {names} to the container's secrets or environment"),
    )


def _met(key: ConfigKey, container: Container) -> bool:
    """Whether a container has the variable, or one that may stand in for it."""
    return any(name in container.environment for name in (key.key, *key.alternatives))


def _required(container: Container) -> Iterator[ConfigKey]:
    """The keys that must be set, without those that the platform sets itself."""
    for key in container.config.keys if container.config is not None else ():
        required = isinstance(key.required, Known) and key.required.value
        if required and not key.client and not given_by(key.key, "container"):
            yield key
