"""What containers reach and read: datastores by their variables, configuration modules by their folders."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.model.endpoint import hosts
from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.nodes import (
    Build,
    ConfigModule,
    Node,
    Package,
    Role,
    Service,
    Side,
)
from policyengine.model.value import Known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def connected(nodes: dict[str, Node], edges: set[Edge]) -> Iterator[Edge]:
    """Service → Datastore for a local variable that names the sibling which runs it."""
    runs = {edge.source: edge.target for edge in edges if edge.kind is EdgeKind.RUNS}
    groups: dict[tuple[Side, str], dict[str, str]] = {}
    for service in nodes.values():
        if isinstance(service, Service) and service.side is not Side.CLOUD and service.id in runs:
            named = groups.setdefault((service.side, service.group), {})
            named.update((name, runs[service.id]) for name in service.names)
    for service in list(nodes.values()):
        if not isinstance(service, Service):
            continue
        for variable in service.environment:
            if isinstance(variable.value, Known):
                for host in hosts(variable.value.value):
                    target = groups.get((service.side, service.group), {}).get(host)
                    if target and target != runs.get(service.id):
                        yield Edge(EdgeKind.CONNECTS, service.id, target, variable.key)


def configured(nodes: Iterable[Node], edges: set[Edge]) -> Iterator[Edge]:
    """Service → ConfigModule: of the folder its image is built from, or the only one there is.

    A Dockerfile in the folder of a package builds that package, whatever its context.
    """
    everything = list(nodes)
    modules = [node for node in everything if isinstance(node, ConfigModule)]
    packages = {_folder(node.directory) for node in everything if isinstance(node, Package)}
    if not modules:
        return
    built_by = {edge.source: edge.target for edge in edges if edge.kind is EdgeKind.BUILT_BY}
    by_id = {node.id: node for node in everything}
    for service in everything:
        if not isinstance(service, Service) or service.role is not Role.APP or service.side is Side.PIPELINE:
            continue
        build = service.build or by_id.get(built_by.get(service.id, ""))
        module = _module(build if isinstance(build, Build) else None, modules, packages)
        if module is not None:
            yield Edge(EdgeKind.CONFIGURED_BY, service.id, module.id, f"reads {module.path}")


def _module(build: Build | None, modules: Sequence[ConfigModule], packages: set[str]) -> ConfigModule | None:
    if build is None or not isinstance(build.context, Known):
        return modules[0] if len(modules) == 1 else None
    folders = {_folder(build.context.value)}
    if isinstance(build.dockerfile, Known):
        own = _folder(PurePosixPath(build.dockerfile.value).parent.as_posix())
        folders = {own} if own and own in packages else folders | {own}
    inside = [module for module in modules if _folder(module.directory) in folders]
    if not inside:
        inside = [module for module in modules if any(_under(module.directory, folder) for folder in folders)]
    files = {module.path: module for module in reversed(inside)}  # one may be what another takes of it
    return next(iter(files.values())) if len(files) == 1 else None


def _under(directory: str, folder: str) -> bool:
    return not folder or _folder(directory).startswith(folder + "/")


def _folder(path: str) -> str:
    return "" if path in (".", "") else path.rstrip("/")
