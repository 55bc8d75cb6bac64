"""The cloud sets what the code requires (HEX303)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.api import (
    ConfigModule,
    EdgeKind,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Service,
    Severity,
    Side,
    Stage,
    Unknown,
    given_by,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options


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

    Required keys are those of the config module that have neither a default nor `optional`. The cloud provides
    `environment`, `secrets`, `environmentFiles` and the ENV of the deployed stage. Keys of the platform and AWS
    credentials, which the task role replaces, need no entry. Variables injected by `infisical run` are not known from
    files. Where several containers share one config module and another of them has the key, it may be needed only
    there, so the finding is a warning. All missing keys of a container make one finding, at the container.
    """
    del options
    users: dict[str, list[Service]] = {}
    for service in graph.apps(Side.CLOUD):
        module = module_of(graph, service)
        if module is not None and not (isinstance(service.count, Known) and service.count.value == 0):
            users.setdefault(module.id, []).append(service)
    for module_id, services in sorted(users.items()):
        module = graph.get(ConfigModule, module_id)
        for service in services if module is not None else ():
            yield from _missing(graph, module, service, services)


def _missing(graph: Graph, module: ConfigModule | None, service: Service, services: list[Service]) -> Iterator[Outcome]:
    if module is None:
        return
    required = [key for key in module.keys if isinstance(key.required, Known) and key.required.value and not key.client]
    absent = [key for key in required if key.key not in _given(graph, service) and not given_by(key.key, "container")]
    if not absent:
        return
    if service.environment_gap is not None:
        yield from undecided(service, service.environment_gap)
        return
    if _wrapped(graph, service):
        yield from undecided(service, Unknown("what 'infisical run' injects is not in the files", service.span))
        return
    if isinstance(graph.stage(service), Unknown):
        anywhere = {variable.key for stage in graph.all(Stage) for variable in stage.environment}
        if any(key.key in anywhere for key in absent):
            yield from undecided(service, graph.stage(service))
        absent = [key for key in absent if key.key not in anywhere]
        if not absent:
            return
    elsewhere = all(
        any(key.key in _given(graph, other) for other in services if other.id != service.id) for key in absent
    )
    yield Finding(
        subject=service,
        at=service,
        args={"name": service.name, "keys": ", ".join(key.key for key in absent)},
        related=tuple(key for key in absent[:1]),
        severity=Severity.WARNING if elsewhere else None,
        fix=Fix(f"add {', '.join(key.key for key in absent)} to the container's secrets or environment"),
    )


def _given(graph: Graph, service: Service) -> set[str]:
    keys = {variable.key for variable in service.environment}
    stage = graph.stage(service)
    if isinstance(stage, Known):
        keys |= {variable.key for variable in stage.value.environment}
    return keys


def _wrapped(graph: Graph, service: Service) -> bool:
    """Whether a wrapper injects variables when the container starts: `infisical run`, `doppler run`, `chamber exec`."""
    stage = graph.stage(service)
    commands = [service.entrypoint, service.command]
    if isinstance(stage, Known):
        commands += [stage.value.entrypoint, stage.value.command]
    pattern = re.compile(
        r"\b(?:infisical\s+run|doppler\s+run|chamber\s+exec|aws-vault\s+exec|op\s+run|dotenvx?\s+run)\b"
    )
    return any(isinstance(command, Known) and pattern.search(str(command.value)) for command in commands)


def module_of(graph: Graph, service: Service) -> ConfigModule | None:
    """The config module of a service."""
    return next(graph.targets(ConfigModule, EdgeKind.CONFIGURED_BY, service), None)
