"""RDS, Aurora, caches and other managed stores, with their parameter groups, as nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge.components import engine_of_dialect
from policyengine.model.nodes import Bucket, Cache, Database, Queue, Search, Variable
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, known, map_value
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.values import List, Object, Reference, decided, plain
from policyengine.platforms.terraform.providers.balancers import entries
from policyengine.platforms.terraform.resources import facts
from policyengine.platforms.terraform.resources.facts import symbolic, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.model.image import Version
    from policyengine.model.nodes import Node
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.resources.arguments import BlockView
    from policyengine.platforms.terraform.resources.stack import ResourceView, Stack

_NODES: dict[str, type[Bucket | Cache | Database | Queue | Search]] = {
    "Bucket": Bucket,
    "Cache": Cache,
    "Database": Database,
    "Queue": Queue,
    "Search": Search,
}
_SERVED = {"redis": "Cache", "valkey": "Cache", "kafka": "Queue", "opensearch": "Search"}
"""The node that a service makes of an engine, where it serves databases and others."""


def store(view: ResourceView) -> Iterator[Node]:
    """A store of which the arguments tell all that there is to tell: its engine and its version."""
    engine = map_value(view.text("engine"), str.lower)
    yield _store(view, view.known.node, engine, view.version(known(engine, "")))


def by_engine(view: ResourceView) -> Iterator[Node]:
    """A store of a service for several engines, whose argument may hold the version too: `POSTGRES_16`, `mysql_8_0`."""
    raw = view.text("engine")
    engine = map_value(raw, _engine_word)
    written = view.text("version")
    if isinstance(written, Known) and "_" in written.value:
        number = written.value.partition("_")[2].replace("_", ".")
        version_of = view.version_of(known(engine, ""), Known(number, written.span, written.via))
    else:
        version_of = view.version(known(engine, ""))
    yield _store(view, _SERVED.get(known(engine, ""), view.known.node), engine, version_of)


def _engine_word(written: str) -> str:
    word = written.lower().partition("_")[0]
    return engine_of_dialect(word) or word


def _store(view: ResourceView, kind: str, engine: Value[str], version: Value[Version]) -> Node:
    node = _NODES[kind](id=view.id, name=view.name, side=view.side, span=view.span, engine=engine, version=version)
    if not isinstance(node, Database | Cache):
        return node
    told, gap = _configured(view)
    node = replace(node, flavour=known(view.text("flavour"), ""), parameters=told, parameters_gap=gap)
    if isinstance(node, Cache) and "transit" in view.known.arguments:
        node = replace(node, transit_encryption=_transit(view), auth=_asks(view))
    libc = view.text("libc")
    return replace(node, libc=libc) if isinstance(node, Database) and isinstance(libc, Known) else node


def _transit(view: ResourceView) -> Value[bool]:
    """Whether a cache is reached over TLS alone, as its service does by itself or the argument says."""
    told = view.text("transit")
    if isinstance(told, Absent):
        return view.unread or Known(bool(view.known.fixed["secured"]), view.span)
    return map_value(told, lambda mode: mode.lower() in ("server_authentication", "false"))  # or: an open port besides


def _asks(view: ResourceView) -> Value[bool]:
    """Whether a cache asks for a password, as its service does by itself or the argument says."""
    inner = (each for name in view.known.arguments["asks_in"] for each in view.blocks(name))
    told = (each.boolean(*view.known.arguments["asks"]) for each in (view, *inner))
    by_itself = view.unread or Known(bool(view.known.fixed["secured"]), view.span)
    return next((each for each in told if not isinstance(each, Absent)), by_itself)


def _configured(view: ResourceView) -> tuple[tuple[Variable, ...], Unknown | None]:
    """What the blocks of a store, or resources beside it, tell its server, and why there may be more."""
    arguments = view.known.arguments
    if "configured_by" in arguments:
        (kind,), (argument,) = arguments["configured_by"], arguments["configures"]
        beside = view.named_by(kind, argument)
        return tuple(_parameters(beside, view.span)), view.unread
    if "map" in arguments:
        given = view.tree(*arguments["map"])
        if given is None or isinstance(given, Object):
            entries_of = given.entries.items() if given is not None else ()
            return tuple(Variable(key, each.span, text(each, view.span)) for key, each in entries_of), view.unread
        return (), Unknown(f"what '{view.name}' is configured with is known only after apply", given.span)
    if "inside" in arguments:
        outer, *inside = arguments["inside"]
        trees = ((name, block, block.tree(name)) for block in view.blocks(outer) for name in inside)
        set_there = (
            Variable(name.replace("_", "-"), tree.span, block.text(name))
            for name, block, tree in trees
            if tree is not None
        )
        return tuple(set_there), view.unread or view.gap(outer)
    if "flags" not in arguments:
        return (), Unknown(f"how '{view.name}' is configured is not read", view.span)
    (outer, flags), (_, inner, *names) = arguments["flags"], arguments["told"]
    found: list[Variable] = []
    gap = view.unread or view.gap(outer)
    for block in view.blocks(outer):
        found.extend(_parameters(block.blocks(flags), view.span))
        gap = gap or block.gap(flags) or block.gap(inner)
        for each in block.blocks(inner):
            first = next((name for name in names if each.tree(name) is not None), None)
            found += [Variable(first, each.span, each.text(first))] if first is not None else []
    return tuple(found), gap


def sqs(view: ResourceView) -> Iterator[Node]:
    """An aws_sqs_queue. A dead-letter queue is part of the one it serves."""
    if view.name not in view.stack.once(_dead_letters):
        yield from store(view)


def _dead_letters(stack: Stack) -> frozenset[str]:
    """The addresses of the queues that take what others could not deliver."""
    return frozenset(
        queue.name
        for other in stack.kind("aws_sqs_queue", "aws_sqs_queue_redrive_policy")
        for queue in stack.named(other.tree("redrive_policy"), "aws_sqs_queue")
        if queue.name != other.name
    )


def opensearch(view: ResourceView) -> Iterator[Node]:
    """A domain of OpenSearch Service, whose version may begin with the engine: `OpenSearch_2.11`."""
    raw = view.text("version")
    written = known(raw, "")
    engine = "elasticsearch" if written.startswith("Elasticsearch") else known(view.text("engine"), "opensearch")
    named: Value[str] = raw if isinstance(raw, Unknown) and engine == "opensearch" else Known(engine, raw.span)
    found: Value[Version] = raw if isinstance(raw, Unknown | Absent) else Unknown("no version", raw.span)
    if isinstance(raw, Known):
        found = view.version_of(engine, Known(written.split("_")[-1], raw.span, raw.via))
    yield _store(view, "Search", named, found)


# RDS


def engine_name(engine: str) -> tuple[str, str]:
    """The product and flavour that an RDS engine is: `aurora-postgresql` is (`postgres`, `aurora`)."""
    flavour = "aurora" if engine.startswith("aurora") else "rds"
    bare = engine.removeprefix("aurora-")
    products = {"postgresql": "postgres", "postgres": "postgres", "aurora": "mysql", "neptune": "neptune"}
    return products.get(bare, bare.split("-")[0]), flavour


def rds(view: ResourceView) -> Iterator[Node]:
    """A database of RDS, a cluster of Aurora with what its instances add to it, or a module that is one."""
    raw = view.text("engine")
    engine = map_value(raw, lambda value: engine_name(value)[0])
    flavour = (
        engine_name(raw.value)[1] if isinstance(raw, Known) else "aurora" if "engine" in view.known.defaults else "rds"
    )
    if view.known.opaque and view.section.get("engine") is None:
        flavour = ""  # a module of another cloud may be called so, too
    if isinstance(raw, Absent):
        engine = Unknown("the engine is that of the snapshot or source", view.span)
    minor = view.boolean("minor_upgrade")
    members = [each.boolean("auto_minor_version_upgrade") for each in _members(view)]
    given = [each for each in members if not isinstance(each, Absent)]
    if given:  # one instance that does not is enough for the cluster not to, and an undecided one may be that
        minor = next((each for each in given if isinstance(each, Known) and not each.value), None) or next(
            (each for each in given if isinstance(each, Unknown)), given[0]
        )
    groups = _groups(view, ("aws_db_parameter_group", "aws_rds_cluster_parameter_group"))
    for section in view.blocks("cluster_parameter_group"):
        told = tuple(_parameters(section.blocks("parameters"), section.span))
        groups = Groups(section.text("family"), told, section.gap("parameters"))
    yield Database(
        id=view.id,
        name=view.name,
        side=view.side,
        span=view.span,
        engine=engine,
        version=_engine_version(view, known(engine, "postgres")),
        database_name=view.text("database_name"),
        port=view.integer("port"),
        flavour=flavour,
        auto_minor_upgrade=minor,
        family=groups.family,
        option_major=view.text("major_engine_version") if "family" in view.known.arguments else None,
        parameters=groups.parameters,
        parameters_gap=groups.gap,
    )


def _members(cluster: ResourceView) -> Iterator[BlockView]:
    """The instances of a cluster: those that name it, or spell the text of which its identifier is made.

    A module takes them as a map.
    """
    if cluster.resource.mode == "module":
        yield from entries(cluster.tree("instances")).values()
    if cluster.kind != "aws_rds_cluster":
        return
    found = {each.name: each for each in cluster.named_by("aws_rds_cluster_instance", "cluster_identifier")}
    own = cluster.tree("cluster_identifier")
    if own is not None:
        spelled = cluster.resource.module.address, symbolic(own)
        found |= {each.name: each for each in cluster.stack.once(_by_cluster).get(spelled, ())}
    yield from (found[name] for name in sorted(found))


def _by_cluster(stack: Stack) -> dict[tuple[str, str], list[ResourceView]]:
    """The instances of clusters by their module and what they spell as the cluster's identifier."""
    found: dict[tuple[str, str], list[ResourceView]] = {}
    for each in stack.kind("aws_rds_cluster_instance"):
        named = each.tree("cluster_identifier")
        if named is not None:
            found.setdefault((each.resource.module.address, symbolic(named)), []).append(each)
    return found


def _engine_version(view: ResourceView, engine: str) -> Value[Version]:
    """The version, also through `data.aws_rds_engine_version`, whose preferred versions leave it open."""
    tree = view.tree("version")
    source = view.stack.at(tree.address) if isinstance(tree, Reference) else None
    if tree is None or source is None or source.kind != "aws_rds_engine_version":
        return view.version(engine)
    given = source.tree("version")
    if given is not None:
        return facts.version(engine, given, view.span)
    preferred = source.tree("preferred_versions")
    if isinstance(preferred, List) and preferred.items and decided(preferred):
        first = facts.version(engine, preferred.items[0], view.span)
        if isinstance(first, Known):
            return Floating(first.value, first.span, (*tree.via, *first.via))
    return view.version(engine)


# parameter groups


class Groups(Struct, frozen=True):
    """What the parameter groups of a store say; `gap` says why they may say more."""

    family: Value[str] | None
    parameters: tuple[Variable, ...]
    gap: Unknown | None = None


_ELSEWHERE = "the parameter group is not declared here"
_DEFAULT_GROUP = regex(r"default\.([\w.-]+?)(?:\.cluster\.on)?\Z")


def _groups(view: ResourceView, kinds: tuple[str, ...]) -> Groups:
    """The groups that a store names; a module takes what they hold as arguments of its own."""
    if "family" in view.known.arguments:
        names = view.known.arguments["parameters"]
        nested = [each for name in names for each in view.blocks(name)]
        gap = next((found for name in names if (found := view.gap(name)) is not None), view.unread)
        if not nested and view.tree("parameter_group_name", "db_cluster_parameter_group_name") is not None:
            gap = gap or Unknown(_ELSEWHERE, view.span)
        return Groups(view.text("family"), tuple(_parameters(nested, view.span)), gap)
    gap = view.unread
    family: Value[str] = Absent(view.span)
    parameters: list[Variable] = []
    for argument in view.known.arguments.get("group", ()):
        name = view.tree(argument)
        if name is None:
            continue
        groups = view.named(name, *kinds)
        if not groups and decided(name):
            written = text(name, view.span)
            groups = [each for each in view.stack.once(_by_name).get(known(written, ""), ()) if each.kind in kinds]
            default = _DEFAULT_GROUP.match(known(written, ""))
            if default and isinstance(written, Known) and isinstance(family, Absent):
                family = Known(default[1], written.span, written.via)
            elif not groups:
                gap = gap or Unknown(_ELSEWHERE, written.span)
        for group in groups[:1]:
            if not isinstance(family, Known):
                family = group.text("family")
            parameters.extend(_parameters(group.blocks("parameter"), group.span))
            gap = gap or group.gap("parameter")
        if not groups and not decided(name):
            gap = gap or Unknown(_ELSEWHERE, view.span)
            family = gap if isinstance(family, Absent) else family
    return Groups(family, tuple(parameters), gap)


_GROUPS = (
    "aws_db_parameter_group",
    "aws_rds_cluster_parameter_group",
    "aws_elasticache_parameter_group",
    "aws_memorydb_parameter_group",
)


def _by_name(stack: Stack) -> dict[str, list[ResourceView]]:
    """The parameter groups by their names."""
    found: dict[str, list[ResourceView]] = {}
    for group in stack.kind(*_GROUPS):
        found.setdefault(known(group.text("name"), ""), []).append(group)
    found.pop("", None)
    return found


def _parameters(sections: Iterable[BlockView], lacking: Span) -> Iterator[Variable]:
    for section in sections:
        name = section.text("name")
        if isinstance(name, Known):
            yield Variable(name.value, name.span, text(section.tree("value"), lacking))


# caches


def elasticache(view: ResourceView) -> Iterator[Node]:
    """A cache of ElastiCache or MemoryDB, or a module that is one.

    A secondary of a global replication group takes its engine from there, so it is none of its own.
    """
    if view.tree("global_replication_group_id") is not None and view.tree("version") is None:
        return
    engine = view.text("engine")
    groups = _groups(view, ("aws_elasticache_parameter_group", "aws_memorydb_parameter_group"))
    yield Cache(
        id=view.id,
        name=view.name,
        side=view.side,
        span=view.span,
        engine=engine,
        version=view.version(known(engine, "redis")),
        port=view.integer("port") if view.tells("port") else None,
        flavour="memorydb" if "memorydb" in view.kind else "elasticache",
        family=groups.family,
        parameters=groups.parameters,
        parameters_gap=groups.gap,
        transit_encryption=view.boolean("tls"),
        auth=_given(view, view.tree("auth")),
        cluster_mode=_cluster_mode(view, groups),
    )


_OPEN = "open-access"
"""The access list of MemoryDB that lets everybody in."""


def _given(view: ResourceView, tree: Tree | None) -> Value[bool]:
    if tree is None:
        return view.unread or Known(value=False, span=view.span)
    if isinstance(tree, Unknown):
        return tree
    if decided(tree) and plain(tree) in ([], "", _OPEN):
        return Known(value=False, span=tree.span, via=tree.via)
    return Known(value=True, span=tree.span, via=tree.via)


def _cluster_mode(view: ResourceView, groups: Groups) -> Value[bool]:
    """Whether keys are spread over shards, so that a client must know the protocol of clusters."""
    if view.known.fixed.get("cluster_mode"):
        return Known(value=True, span=view.span)
    mode = view.text("cluster_mode")
    if isinstance(mode, Known):
        return Known(mode.value == "enabled", mode.span, mode.via)
    enabled = view.boolean("cluster_mode_enabled")
    if isinstance(enabled, Known) and enabled.value:
        return enabled
    shards: Sequence[BlockView] = (view, *view.blocks("cluster_mode"))
    counts = (each.integer("num_node_groups") for each in shards)
    count = next((each for each in counts if not isinstance(each, Absent)), None)
    if isinstance(count, Known) and count.value > 1:
        return Known(value=True, span=count.span, via=count.via)
    for parameter in groups.parameters:
        if parameter.key == "cluster-enabled" and isinstance(parameter.value, Known):
            return Known(parameter.value.value == "yes", parameter.value.span, parameter.value.via)
    written = view.text("parameter_group_name")
    if isinstance(written, Known) and written.value.endswith(".cluster.on"):
        return Known(value=True, span=written.span, via=written.via)
    return count if isinstance(count, Unknown) else view.unread or Known(value=False, span=view.span)
