"""What both sides give a container: processors, memory, the kernel's limits, an init and time (HEX107, 111, 112)."""

from functools import partial
from typing import TypeAlias

from clean_hexagon.options import Options
from policyengine.api import (
    Absent,
    Change,
    Compared,
    Container,
    Drop,
    Finding,
    Fix,
    Graph,
    Known,
    Located,
    Outcomes,
    Put,
    Role,
    Severity,
    Span,
    Unknown,
    Value,
    Variable,
    Wanted,
    in_place,
    is_init,
    known,
    rule,
    undecided,
    variables,
)

_MARGIN = 0.1
_Limit: TypeAlias = tuple[str, Value[float], Value[float]]
"""What is limited, in which unit, and how much of it each side has."""


@rule(
    "HEX107",
    mandate="1.1",
    severity=Severity.WARNING,
    remedy="Set under 'deploy.resources.limits' what the cloud gives the container.",
    precision="medium",
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
    at, limits = local.node.span, ("deploy", "resources", "limits")
    added: dict[str, Wanted] = {}
    edits: list[Change] = []
    for unit, _here, there in off:
        key, new = ("cpus", f"{known(there, 0.0):g}") if unit == "CPU" else ("memory", f"{known(there, 0.0):g}M")
        written = local.service.cpus if unit == "CPU" else local.service.memory
        if isinstance(written, Known):
            edits.extend(Fix.replacing("", written.span, written.value, new).edits)
        else:
            added[key] = new
    if len(added) == len(off):
        edits = [Put(at, limits, added)]
    else:
        edits.extend(Put(at, (*limits, key), new) for key, new in added.items())
    return Fix(description, tuple(edits), safe=True)


@rule(
    "HEX111",
    mandate="1.1",
    severity=Severity.WARNING,
    remedy="Set capabilities, ulimits and sysctls alike in both places, or do without them.",
    message={
        "default": "'{local}' sets '{keys}', which [the cloud](1) does not.",
        "shm": "'{local}' sets '{keys}', but Fargate has no shared memory to give [the cloud](1).",
        "cloud": "[The cloud](1) sets '{keys}', which '{local}' does not.",
        "value": "'{local}' sets '{keys}' to '{here}', but [the cloud](1) to '{there}'.",
    },
)
def kernel_limits(graph: Graph, _: Options) -> Outcomes:
    """A service asks something else of the kernel than its twin in the cloud.

    A browser with 2 GB of shared memory locally crashes in the 64 MB of the cloud, and what needs `NET_ADMIN` or a
    higher `somaxconn` fails there for the first time.

    Compared are shared memory, ulimits, capabilities and sysctls with `linuxParameters`, `ulimits` and
    `systemControls` of the ECS container. Fargate has no shared memory to give: an application must do without, by a
    flag such as `--disable-dev-shm-usage`. A limit of open files that only Compose sets passes, since Fargate has a
    high one by default. What only one side sets is one finding, whatever it is.
    """
    for local, cloud in graph.mirrored(role=Role.APP):
        here, there = variables(local.service.kernel), variables(cloud.service.kernel)
        if not (cloud.is_ecs_task or cloud.is_composed) or not (here or there):
            continue
        yield Compared(local.node, cloud.node)
        yield from undecided(local.node, cloud.service.kernel_gap)
        if cloud.service.kernel_gap is not None:
            continue
        mine = [each for key, each in here.items() if key not in there and key != "ulimits.nofile"]
        theirs = [each for key, each in there.items() if key not in here]
        if mine:
            shm = cloud.service.launch == "FARGATE" and any(each.key == "shm_size" for each in mine)
            fix = Fix("set them for both, or do without")
            yield _unlike(local, cloud, mine[0].key_span, cloud, "shm" if shm else "default", fix, keys=_keys(mine))
        if theirs:
            puts = tuple(map(partial(_set, local), theirs))
            plain = all(each.key.startswith(("sysctls.", "cap_add.", "cap_drop.")) for each in theirs)
            fix = Fix("set them for the Compose service, too", puts if plain else (), safe=True)
            yield _unlike(local, cloud, local, theirs[0].key_span, "cloud", fix, keys=_keys(theirs))
        for key in (key for key in here if key in there):
            yield from undecided(local.node, here[key].value, there[key].value)
            match here[key].value, there[key].value:
                case Known(one), Known(other) if one != other:
                    at, to = here[key].value, there[key].value
                    fix = Fix(f"set {key} to {other} in both", in_place(at, other), safe=True)
                    yield _unlike(local, cloud, at, to, "value", fix, keys=key, here=one, there=other)


def _set(local: Container, given: Variable) -> Put:
    """What the cloud asks of the kernel, in Compose."""
    group, _, name = given.key.partition(".")
    if group == "sysctls":
        return Put(local.span, (group, name), known(given.value, ""))
    return Put(local.span, (group, "-"), name)


def _keys(given: list[Variable]) -> str:
    return ", ".join(each.key for each in given)


def _unlike(
    local: Container, cloud: Container, at: Located | Span, to: Located | Span, variant: str, fix: Fix, **args: str
) -> Finding:
    return Finding(
        subject=local.node,
        against=cloud.node,
        at=at,
        variant=variant,
        args={"local": local.name, **args},
        related=(to,),
        fix=fix,
    )


@rule(
    "HEX112",
    mandate="1.1",
    severity=Severity.NOTE,
    remedy="Set 'init' and 'stop_grace_period' to what the cloud does.",
    message={
        "default": "'{local}' has '{here}' to stop, but [the cloud](1) gives it '{there}'.",
        "init": "'{local}' runs under an init process, but [the cloud](1) starts it without one.",
        "cloud": "'{local}' runs without an init process, but [the cloud](1) starts it under one.",
    },
)
def init_and_stop(graph: Graph, _: Options) -> Outcomes:
    """A container is started under an init process, or given time to stop, on one side only.

    Without an init process the application is process 1: it gets no default handlers of signals and must reap what its
    children leave. What drains its work in 60 seconds locally is killed after 30 in the cloud.

    Compared are `init` with `initProcessEnabled`, which nobody has by default, and `stop_grace_period` with
    `stopTimeout`, where one of both is set: 10 seconds are Compose's default, 30 that of ECS. An image that starts
    under an init of its own (`tini`, `dumb-init`) needs none.
    """
    for local, cloud in graph.mirrored(role=Role.APP):
        if not (cloud.is_ecs_task or cloud.is_composed):
            continue
        mine, theirs = local.service.init, cloud.service.init
        yield Compared(local.node, cloud.node)
        yield from undecided(local.node, mine, theirs)
        here, there = (isinstance(each, Known) and each.value for each in (mine, theirs))
        told = isinstance(mine, Unknown) or isinstance(theirs, Unknown) or any(map(is_init, local.wrappers))
        if here != there and not told:
            at, to = mine if isinstance(mine, Known) else local, theirs if isinstance(theirs, Known) else cloud
            edit = Drop(mine.span) if isinstance(mine, Known) and not there else Put(local.span, ("init",), there)
            fix = Fix(f"set init: {str(there).lower()}", (edit,), safe=True)
            yield _unlike(local, cloud, at, to, "init" if here else "cloud", fix)
        yield from _stopped(local, cloud)


def _stopped(local: Container, cloud: Container) -> Outcomes:
    """The time that both sides give a container to stop, where one of them says so."""
    mine, theirs = local.stop_seconds, cloud.stop_seconds
    yield from undecided(local.node, mine, theirs)
    match mine, theirs:
        case Known(here), Known(there) if here != there and (_says(local) or _says(cloud)):
            put = Put(local.span, ("stop_grace_period",), f"{there:g}s")
            fix = Fix(f"set stop_grace_period: {there:g}s", (put,) if local.is_composed else (), safe=True)
            yield _unlike(local, cloud, mine, theirs, "default", fix, here=f"{here:g} s", there=f"{there:g} s")


def _says(container: Container) -> bool:
    return isinstance(container.service.stop_grace_period, Known)
