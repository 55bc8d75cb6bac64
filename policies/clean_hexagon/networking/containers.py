"""What the rules of side 5 ask of a container: its environment in force, its ports on the host, its network."""

from __future__ import annotations

from policyengine.api import (
    Graph,
    Known,
    Role,
    Service,
    Variable,
    variables,
)

CLIENTS = frozenset({Role.APP, Role.JOB})
"""The containers whose environment says what the application connects to."""


def effective(graph: Graph, service: Service) -> dict[str, Variable]:
    """The environment in force in a container: what Compose or ECS sets, over the image's own ENV."""
    match graph.stage(service):
        case Known(stage):
            return variables([*stage.environment, *service.environment])
        case _:
            return variables(service.environment)


def network_mode_of(service: Service) -> str:
    """The `network_mode` of a service, empty where none is known."""
    return service.network_mode.value if isinstance(service.network_mode, Known) else ""


def shares_host(service: Service) -> bool:
    """Whether a container uses the network of the machine itself."""
    return network_mode_of(service) == "host"


def host_ports(service: Service) -> tuple[int, ...]:
    """The ports that a service publishes to the host."""
    return tuple(port.published.value for port in service.ports if isinstance(port.published, Known))
