"""One module checks the environment at start-up (HEX311)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.api import Compared, ConfigModule, Finding, Fix, Graph, Known, Outcome, Role, Severity, Side, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import Container, Package

_RUNTIMES = frozenset({"node", "bun", "deno", "playwright"})


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
    done: set[str] = set()
    for container in graph.containers(side=Side.CLOUD, role=Role.APP):
        package = _node_package(container)
        if package is None or package.id in done:
            continue
        done.add(package.id)
        yield Compared(package)
        own = [module for module in graph.all(ConfigModule) if _within(module.directory, package.directory)]
        if container.config is not None:
            own.append(container.config)
        if not own:
            yield Finding(
                subject=package,
                at=package,
                args={"name": package.name},
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


def _node_package(container: Container) -> Package | None:
    """The package.json of a container whose image runs Node or its like, or may do so."""
    if not isinstance(container.stage, Known):
        return None
    if isinstance(container.base, Known) and container.base.value.basename not in _RUNTIMES:
        return None
    return next((package for package in container.packages if package.ecosystem == "npm"), None)
