"""What a rule says is to be changed of a container and of values, wherever they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.change import Change, Drop, Edit, Put
from policyengine.model.nodes import Origin, Service
from policyengine.model.value import Floating, Known

if TYPE_CHECKING:
    from policyengine.model.container import Container
    from policyengine.model.nodes import Variable
    from policyengine.model.value import Value


def in_place(value: Value[str] | None, new: str) -> tuple[Change, ...]:
    """Puts another text where a value stands letter by letter; nothing where it does not."""
    if isinstance(value, Known | Floating) and value.span.end - value.span.start == len(value.value):
        return (Edit(value.span, new),)
    return ()


def assigned(container: Container, key: str, value: str) -> tuple[Change, ...]:
    """Gives a container a variable: where it stands, else among those of its Compose service or its task."""
    variable = container.environment.get(key)
    if variable is not None and variable.origin is Origin.ENVIRONMENT:
        return in_place(variable.value, value)
    if not isinstance(container.node, Service) or container.service.exported:
        return ()
    if container.is_composed:
        return (Put(container.span, ("environment", key), value),)
    return (Put(container.span, ("environment", "-"), {"name": key, "value": value}),) if container.is_ecs_task else ()


def unset(variable: Variable) -> tuple[Change, ...]:
    """Takes a variable away where it is set, name and value."""
    value = variable.value
    if value.span.path != variable.key_span.path:
        return ()
    return (Drop(variable.key_span.cover(value.span)),)
