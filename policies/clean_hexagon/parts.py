"""Which pairs are parts of the application, whose code a container runs, and what another rule asks already."""

from collections.abc import Iterator

from policyengine.api import Container, Graph, Known, Role, Service, Unknown, known


def parts(graph: Graph) -> Iterator[tuple[Container, Container]]:
    """The pairs of applications, and of proxies with a Dockerfile of their own: its files are the application's."""
    for local, cloud in graph.mirrored():
        if local.role is Role.APP or (local.role is Role.PROXY and local.service.build is not None):
            yield local, cloud


def lender(graph: Graph, container: Container) -> Container:
    """The container itself, or its twin, whose code is its own too where no build of its image is in the pipeline."""
    twin, pair = graph.mirror(container.node), graph.pair_of(container.node)
    lent = pair is not None and pair.certain and not pair.tied and not container.builds and container.config is None
    return graph.container(twin) if lent and isinstance(twin, Service) else container


def lacks_dockerfile(graph: Graph, container: Container) -> bool:
    """Whether a Compose service is built by a Dockerfile that is not in its folder, which HEX110 tells."""
    build = container.service.build if isinstance(container.node, Service) else None
    if build is None or not isinstance(build.dockerfile, Known) or not graph.holds(known(build.context, "?")):
        return False
    path = build.dockerfile.value
    return not graph.holds(path) and known(graph.ignored_by_git(path), default=True) is False


def unasked(told: object, *values: object) -> Iterator[object]:
    """The values without those that are open for the reason for which `told` is, of which another rule asks.

    HEX208 asks of the user of a container whose image or module is not known, HEX103 of the engine of a store.
    """
    asked = told.reason if isinstance(told, Unknown) else None
    return (each for each in values if not isinstance(each, Unknown) or each.reason != asked)
