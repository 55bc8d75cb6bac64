"""Small nodes for graphs in memory: only what a test says of them is known, all else is absent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.linking.link import link
from policyengine.model import image
from policyengine.model.command import ShellCommand, Word
from policyengine.model.nodes import (
    Build,
    Cache,
    Command,
    Copy,
    Database,
    Package,
    Port,
    Queue,
    Role,
    Service,
    Side,
    Stage,
    Variable,
)
from policyengine.model.source import Span
from policyengine.model.value import Absent, Known, Unknown
from policyengine.platforms import Lowered
from policyengine.repository.configuration import Config
from policyengine.repository.discover import Tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyengine.linking.evidence import Evidence
    from policyengine.model.graph import Edge, Graph
    from policyengine.model.nodes import Node
    from policyengine.model.value import Value

AT = Span("docker-compose.yml", 0, 3)
NOTHING = Absent(AT)
EMPTY = Tree(Path("empty"), ())
"""A folder without files."""


def known(text: str | None) -> Value[str]:
    return NOTHING if text is None else Known(text, AT)


def reference(text: str) -> Value[image.ImageRef]:
    found = image.parse(text)
    assert found is not None
    return Known(found, AT)


def command(text: str | None) -> Value[Command]:
    return NOTHING if text is None else Known(Command(tuple(text.split())), AT)


def environment(values: dict[str, str]) -> tuple[Variable, ...]:
    return tuple(Variable(key, AT, Known(value, AT)) for key, value in values.items())


def place(side: Side, kind: str, name: str) -> str:
    """The id that a reader would give."""
    return f"compose:services.{name}{kind}" if side is Side.LOCAL else f"terraform:aws{kind.replace('/', '_')}.{name}"


def written(side: Side, name: str) -> Span:
    """A place of its own for each node."""
    return Span(f"{side.value}/{name}.yml", 0, 3)


def build(
    name: str,
    dockerfile: str | None = "Dockerfile",
    *,
    side: Side = Side.PIPELINE,
    context: str | None = ".",
    target: str | Unknown | None = None,
    tags: Iterable[str] = (),
    push: bool | None = None,
    inline: bool = False,
) -> Build:
    named = tuple(found for each in tags if (found := image.parse(each)) is not None)
    return Build(
        id=f"build:{name}",
        name=name,
        side=side,
        span=AT,
        tool="compose" if side is Side.LOCAL else "build-push",
        context=known(context),
        dockerfile=known(dockerfile),
        target=target if isinstance(target, Unknown) else known(target),
        platforms=NOTHING,
        tags=Known(named, AT) if named else NOTHING,
        push=NOTHING if push is None else Known(push, AT),
        inline=inline,
    )


def service(
    name: str,
    side: Side = Side.LOCAL,
    *,
    role: Role = Role.APP,
    runs: str | Unknown | None = None,
    built: Build | None = None,
    starts: str | None = None,
    ports: Iterable[int] = (),
    env: dict[str, str] | None = None,
    parity: str | None = None,
    profiles: tuple[str, ...] = (),
    group: str = "stack",
    hostnames: tuple[str, ...] = (),
    at: Span | None = None,
) -> Service:
    return Service(
        id=place(side, "" if side is Side.LOCAL else "_ecs", name),
        name=name,
        side=side,
        span=at or written(side, name),
        role=role,
        group=group,
        image=runs if isinstance(runs, Unknown) else NOTHING if runs is None else reference(runs),
        build=built,
        entrypoint=NOTHING,
        command=command(starts),
        user=NOTHING,
        environment=environment(env or {}),
        ports=tuple(Port(Known(port, AT), NOTHING, AT) for port in ports),
        parity=None if parity is None else known(parity),
        profiles=profiles,
        hostnames=hostnames,
    )


def stage(
    dockerfile: str,
    name: str = "0",
    index: int = 0,
    *,
    last: bool = True,
    base: str | None = None,
    starts: str | None = None,
    workdir: str | None = None,
    copies: Iterable[tuple[str, str]] = (),
    taken: str = "",
    runs: Iterable[str] = (),
) -> Stage:
    """A stage; `copies` are sources with their targets, from the stage `taken` where it is given."""
    ran = [ShellCommand(tuple(Word(word, AT) for word in each.split()), AT) for each in runs]
    return Stage(
        id=f"dockerfile:{dockerfile}#{name}",
        name=name,
        side=Side.SOURCE,
        span=Span(dockerfile, 0, 4),
        dockerfile=dockerfile,
        index=index,
        last=last,
        base=NOTHING if base is None else reference(base),
        user=NOTHING,
        workdir=known(workdir),
        entrypoint=NOTHING,
        command=command(starts),
        copies=tuple(Copy((source,), target, AT, taken) for source, target in copies),
        runs=tuple(ran),
    )


def package(directory: str, name: str) -> Package:
    return Package(
        id=f"package:{directory}",
        name=name,
        side=Side.SOURCE,
        span=AT,
        path=f"{directory}/package.json".lstrip("/"),
        directory=directory,
        ecosystem="npm",
    )


def database(
    name: str,
    side: Side = Side.LOCAL,
    *,
    engine: str | None = "postgres",
    holds: str | None = None,
    parity: str | None = None,
    of: str = "",
    at: Span | None = None,
) -> Database:
    return Database(
        id=place(side, "/database" if side is Side.LOCAL else "_db_instance", name),
        name=name,
        side=side,
        span=at or written(side, name),
        engine=known(engine),
        version=NOTHING,
        service=of,
        database_name=known(holds),
        parity=None if parity is None else known(parity),
    )


def cache(name: str, side: Side = Side.LOCAL, *, engine: str | None = "redis") -> Cache:
    return Cache(
        id=place(side, "/cache" if side is Side.LOCAL else "_elasticache", name),
        name=name,
        side=side,
        span=written(side, name),
        engine=known(engine),
        version=NOTHING,
    )


def queue(name: str, side: Side = Side.LOCAL, *, engine: str | None = "rabbitmq") -> Queue:
    return Queue(
        id=place(side, "/queue" if side is Side.LOCAL else "_sqs", name),
        name=name,
        side=side,
        span=written(side, name),
        engine=known(engine),
        version=NOTHING,
    )


def linked(
    *nodes: Node, edges: Iterable[Edge] = (), config: Config | None = None, evidence: tuple[Evidence, ...] = ()
) -> Graph:
    return link([Lowered(tuple(nodes), tuple(edges))], config or Config(path="policyengine.yaml"), EMPTY, evidence)


def scores(graph: Graph) -> dict[tuple[str, str], tuple[int, tuple[str, ...]]]:
    """Points and reasons of every pair, and of every candidate of what has no twin, by the names of the two."""
    names = {node.id: node.name for node in graph.nodes}
    local = {node.id for node in graph.nodes if node.side is Side.LOCAL}
    found = {(names[pair.local], names[pair.cloud]): (pair.score, pair.reasons) for pair in graph.pairs}
    for each in graph.without_twin:
        for candidate in each.candidates:
            one, other = (each.node, candidate.node) if each.node in local else (candidate.node, each.node)
            found[names[one], names[other]] = (candidate.score, candidate.reasons)
    return found


def pairs(graph: Graph) -> set[tuple[str, str]]:
    """The names of the nodes of each pair."""
    names = {node.id: node.name for node in graph.nodes}
    return {(names[pair.local], names[pair.cloud]) for pair in graph.pairs}


def certain(graph: Graph) -> dict[tuple[str, str], bool]:
    names = {node.id: node.name for node in graph.nodes}
    return {(names[pair.local], names[pair.cloud]): pair.certain for pair in graph.pairs}


def without_twin(graph: Graph) -> set[str]:
    names = {node.id: node.name for node in graph.nodes}
    return {names[each.node] for each in graph.without_twin}
