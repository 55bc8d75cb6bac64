"""One module checks the environment at start-up (HEX311)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from clean_hexagon.configuration.required_keys import module_of
from policyengine.api import (
    ConfigModule,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Package,
    Role,
    Service,
    Severity,
    Side,
    rule,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options


@rule(
    "HEX311",
    mandate="3.3",
    severity=Severity.ERROR,
    message={
        "default": "The deployed application '{name}' has no config module that checks its environment.",
        "unchecked": "'{path}' reads the environment of the deployed application without checking it.",
    },
)
def config_module_missing(graph: Graph, options: Options) -> Iterator[Outcome]:
    """A deployed application has no module that checks its environment at start-up.

    Without it a missing variable is found by the first request that needs it. One `config.ts` that parses
    `process.env` with zod, t3-env, envalid or a plain throw finds it when the container starts, on both sides, and
    tells every other rule which variables the code needs.

    Asked of Node applications (with a package.json) that the cloud runs. Reported at the package's name.
    """
    del options
    modules = list(graph.all(ConfigModule))
    packages = [package for package in graph.all(Package) if package.ecosystem == "npm"]
    done: set[str] = set()
    for service in graph.apps(Side.CLOUD):
        package = _package(graph, service, packages)
        if package is None or package.id in done:
            continue
        done.add(package.id)
        own = [module for module in modules if _within(module.directory, package.directory)]
        linked = module_of(graph, service)
        if linked is not None:
            own.append(linked)
        if not own:
            yield Finding(
                subject=package,
                at=package,
                args={"name": package.name},
                related=(),
                fix=Fix("add src/config.ts with a schema that is parsed at start-up"),
            )
        elif all(not module.library and module.gap is None for module in own):
            yield Finding(
                subject=own[0],
                at=own[0],
                variant="unchecked",
                args={"path": own[0].path},
                fix=Fix("parse process.env with a schema and throw on what is missing"),
            )


def _within(directory: str, folder: str) -> bool:
    return folder in ("", ".") or directory == folder or directory.startswith(folder.rstrip("/") + "/")


def _package(graph: Graph, service: Service, packages: list[Package]) -> Package | None:
    """The package.json of what a cloud container runs: that of its Dockerfile's folder or context."""
    stage = graph.stage(service)
    if service.role is not Role.APP or not isinstance(stage, Known):
        return None
    if isinstance(stage.value.base, Known) and stage.value.base.value.basename not in (
        "node",
        "bun",
        "deno",
        "playwright",
    ):
        return None
    folder = PurePosixPath(stage.value.dockerfile).parent.as_posix()
    folder = "" if folder == "." else folder
    own = [package for package in packages if package.directory in (folder, folder or ".")]
    if own:
        return own[0]
    return packages[0] if len(packages) == 1 else None
