"""Local variables come from one file (HEX301)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.api import (
    Command,
    Compared,
    Edit,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Package,
    Role,
    Severity,
    Side,
    rule,
    shell_commands,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import Container, EnvFile, ShellCommand

_LOCAL_FILE = ".env.local"


@rule(
    "HEX301",
    mandate="3.1",
    severity=Severity.WARNING,
    message={
        "default": "'{name}' loads '{files}', not '.env.local'.",
        "none": "'{name}' loads no '.env.local'.",
    },
)
def env_local_not_loaded(graph: Graph, options: Options) -> Iterator[Outcome]:
    """An application's Compose service does not load `.env.local`.

    With one file for local values, a new variable is added in one place and a secret has one place to hide in. A
    service that loads another file, or none, gets its variables by copies that drift.

    Asked of services that run the repository's own code: those that are built, or mirror a cloud container. A
    service that needs no variable loads none: none is set, and no config module stands in the folder that it is built
    from. Scripts that pass `--env-file .env.local` to Compose load it for every service.
    """
    del options
    if any(_passes_file(command) for command in _commands(graph)):
        return
    for container in graph.containers(side=Side.LOCAL, role=Role.APP):
        service, files = container.service, container.service.env_files
        mirrored = graph.mirror(service) is not None
        checked = (mirrored or _in_own_folder(container)) and container.config is not None
        needs = service.environment or files or checked
        if not (service.build or mirrored) or not needs:
            continue
        yield Compared(service)
        if any(_named_local(each.path) for each in files):
            continue
        names = ", ".join(each.path for each in files)
        yield Finding(
            subject=service,
            at=files[0] if files else service,
            variant="default" if files else "none",
            args={"name": service.name} | ({"files": names} if files else {}),
            fix=_load_local(files),
        )


def _named_local(path: str) -> bool:
    return PurePosixPath(path).name == _LOCAL_FILE


def _in_own_folder(container: Container) -> bool:
    """Whether a service is built from a folder of its own, so that the config module in it is its own too."""
    return any(
        isinstance(build.context, Known)
        and isinstance(build.dockerfile, Known)
        and (build.context.value not in ("", ".") or "/" in build.dockerfile.value)
        for build in container.builds
    )


def _commands(graph: Graph) -> Iterator[ShellCommand]:
    """The commands of workflows, and of the package scripts that name the file."""
    yield from graph.commands()
    for package in graph.all(Package):
        for script in package.scripts:
            if isinstance(script.value, Known) and _LOCAL_FILE in script.value.value:
                yield from shell_commands(Command((script.value.value,), shell=True), script.value.span)


def _passes_file(command: ShellCommand) -> bool:
    """Whether a command gives Compose the file: `docker compose --env-file .env.local up`."""
    return any(
        layer.path.startswith("docker compose") and any(map(_named_local, layer.values("--env-file")))
        for layer in command.layers
    )


def _load_local(files: tuple[EnvFile, ...]) -> Fix:
    if len(files) == 1 and PurePosixPath(files[0].path).name == ".env":
        span = files[0].span
        if span.end - span.start >= len(".env"):
            return Fix("load .env.local", (Edit(span._replace(start=span.end - len(".env")), _LOCAL_FILE),))
    return Fix("add 'env_file: .env.local'")
