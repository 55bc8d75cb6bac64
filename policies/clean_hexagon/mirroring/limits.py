"""Both sides give a container the same processors and memory (HEX107)."""

from typing import TypeAlias

from clean_hexagon.options import Options
from policyengine.api import (
    Absent,
    Compared,
    Container,
    Edit,
    Finding,
    Fix,
    Graph,
    Known,
    Outcomes,
    Role,
    Severity,
    Value,
    known,
    rule,
    undecided,
)

_MARGIN = 0.1
_Limit: TypeAlias = tuple[str, Value[float], Value[float]]
"""What is limited, in which unit, and how much of it each side has."""


@rule(
    "HEX107",
    mandate="1.1",
    severity=Severity.WARNING,
    message="'{local}' may use '{here}', but [the cloud](1) gives it '{there}'.",
)
def resource_limits(graph: Graph, _: Options) -> Outcomes:
    """A service has other limits of processors and memory than its twin in the cloud.

    What fits into a laptop is killed at 512 MiB in the cloud, and a heap that is sized by what the container sees has
    another size in each.

    Compared are `deploy.resources.limits` (or `cpus` and `mem_limit`) with `cpu` and `memory` of the ECS container, of
    its task where that is the only container: 1024 units are one processor, plain memory is MiB. More than 10 % off is
    reported. Processors are compared on Fargate only, since elsewhere ECS shares out what is idle. What the cloud does
    not limit is left alone. A convention: limits that differ break nothing by themselves.
    """
    for local, cloud in graph.mirrored(role=Role.APP):
        values: list[_Limit] = []
        if cloud.service.launch == "FARGATE" or cloud.is_composed:
            values.append(("CPU", local.processors, cloud.processors))
        values.append(("MiB", local.mebibytes, cloud.mebibytes))
        told = [each for each in values if not isinstance(each[2], Absent)]
        if not told:
            continue
        yield Compared(local.node, cloud.node)
        yield from undecided(local.node, *(value for _, here, there in told for value in (here, there)))
        off = [each for each in told if _off(each[1], each[2])]
        if off:
            places = [here for _, here, _ in off if isinstance(here, Known)]
            yield Finding(
                subject=local.node,
                against=cloud.node,
                at=places[0] if places else local,
                args={
                    "local": local.name,
                    "here": ", ".join(_shown(unit, here) for unit, here, _ in off),
                    "there": ", ".join(_shown(unit, there) for unit, _, there in off),
                },
                related=tuple(there for _, _, there in off),
                fix=_fix(local, off),
                convention=True,
            )


def _off(here: Value[float], there: Value[float]) -> bool:
    if not isinstance(there, Known) or not isinstance(here, Known | Absent):
        return False
    return isinstance(here, Absent) or abs(here.value - there.value) > _MARGIN * there.value


def _shown(unit: str, value: Value[float]) -> str:
    return f"{value.value:g} {unit}" if isinstance(value, Known) else "any CPU" if unit == "CPU" else "any memory"


_WRITTEN = {"CPU": 'cpus: "{:g}"', "MiB": "memory: {:g}M"}


def _fix(local: Container, off: list[_Limit]) -> Fix:
    """The limits of the cloud, put in place of other ones or added."""
    wanted = [_WRITTEN[unit].format(known(there, 0.0)) for unit, _, there in off]
    description = f"set the limits {' and '.join(wanted)} under deploy.resources"
    room, edits = local.service.room, []
    if room is not None and all(isinstance(here, Absent) for _, here, _ in off):
        lines = ["deploy:", "  resources:", "    limits:", *(f"      {each}" for each in wanted)]
        edits = [Edit(room.span, "".join(f"{room.value}{line}\n" for line in lines))]
    for unit, here, there in off:
        written = local.service.cpus if unit == "CPU" else local.service.memory
        if isinstance(here, Known) and isinstance(written, Known):
            new = f"{known(there, 0.0):g}" + ("" if unit == "CPU" else "M")
            edits.extend(Fix.replacing("", written.span, written.value, new).edits)
    return Fix(description, tuple(edits))
