"""Which pairs are parts of the application: what it runs, and the proxies whose image is built here."""

from collections.abc import Iterator

from policyengine.api import Container, Graph, Role, Unknown


def parts(graph: Graph) -> Iterator[tuple[Container, Container]]:
    """The pairs of applications, and of proxies with a Dockerfile of their own: its files are the application's."""
    for local, cloud in graph.mirrored():
        if local.role is Role.APP or (local.role is Role.PROXY and local.service.build is not None):
            yield local, cloud


def unasked(cloud: Container, *values: object) -> Iterator[object]:
    """The values without those that are open because the image or the module of a container is: HEX208 asks that."""
    told = cloud.user
    asked = told.reason if isinstance(told, Unknown) else None
    return (each for each in values if not isinstance(each, Unknown) or each.reason != asked)
