"""What the servers are told of their configuration (HEX417, HEX421, HEX422)."""

from clean_hexagon.data_services.redis import redis_pairs
from clean_hexagon.options import Options
from clean_hexagon.parts import unasked
from policyengine.api import (
    Cache,
    Compared,
    Database,
    Finding,
    Fix,
    Graph,
    Known,
    Outcomes,
    Severity,
    Side,
    Span,
    Swap,
    Unknown,
    Value,
    drift_of,
    in_place,
    rule,
    undecided,
)


@rule(
    "HEX417",
    mandate="4.1",
    severity=Severity.WARNING,
    remedy="Set the same values in the local command and in the parameter group.",
    message="'{local}' and [the cloud](1) are set differently: '{names}'.",
)
def db_settings_divergence(graph: Graph, _: Options) -> Outcomes:
    """A setting that changes what the database does differs between the local command and the parameter group.

    A query that runs for a minute locally is cancelled by the cloud's `statement_timeout`, a pool that fits into the
    local `max_connections` does not fit into the cloud's, and an extension whose library is preloaded on one side
    only cannot be created on the other.

    The settings that are compared change results, errors or limits; sizes of memory, the planner's costs, logging and
    `rds.*` follow the machine and are left out. Values are compared in one unit (`30s` is `30000`). A setting that
    one side leaves to its default is compared with it where that is known (`collation_server` of MySQL 8); where the
    service chooses it (`max_connections`, `shared_preload_libraries`), it is not. Libraries for scheduling and
    statistics alone are a note. One finding names all settings of a pair.
    """
    for local, cloud in graph.mirrors(Database):
        engines = {each.engine.value if isinstance(each.engine, Known) else "" for each in (local, cloud)}
        if len(engines) > 1 or engines.isdisjoint(_TOLD):
            continue
        here, there = graph.settings(local), graph.settings(cloud)
        found: dict[str, tuple[Value[str], Value[str]]] = {}
        note = True
        for name in sorted({*here.given, *there.given}):
            mine, theirs = here.value(name), there.value(name)
            drift = drift_of(name, mine, theirs)
            if drift == "open":
                yield from undecided(local, mine, theirs)
            elif drift:
                found[name], note = (mine, theirs), note and drift == "note"
        yield Compared(local, cloud)
        if found:
            places = [each for pair in found.values() for each in pair]
            at = next((each.span for each in places[::2] if isinstance(each, Known)), local.place)
            other = next((each.span for each in places[1::2] if isinstance(each, Known)), cloud.place)
            args = {"local": local.name, "names": ", ".join(found)}
            severity = Severity.NOTE if note else None
            told = tuple(
                Swap(mine.span, mine.value, theirs.value)
                for mine, theirs in found.values()
                if isinstance(mine, Known) and isinstance(theirs, Known)
            )
            told = told if len(told) == len(found) else ()
            fix = Fix("set them alike in the command and in the parameter group", told, local.side is Side.LOCAL)
            yield Finding(subject=local, against=cloud, at=at, severity=severity, args=args, related=(other,), fix=fix)


_TOLD = frozenset({"mariadb", "mysql", "postgres"})
_QUEUES = frozenset({"bullmq", "bull", "@nestjs/bullmq", "@nestjs/bull"})


@rule(
    "HEX421",
    mandate="4.3",
    severity=Severity.WARNING,
    remedy="Set the same 'maxmemory-policy' and persistence on both sides.",
    message={
        "default": "'{local}' evicts by '{here}', but [the cloud](1) by '{there}'.",
        "queue": "'{local}' evicts by '{here}', [the cloud](1) by '{there}': BullMQ wants 'noeviction' on both sides.",
        "kept": "'{local}' keeps its data over a restart ('{setting}'), which [the cloud](1) does not.",
    },
)
def cache_policy(graph: Graph, _: Options) -> Outcomes:
    """The cache evicts by another policy in the cloud, or keeps what the cloud does not keep.

    Redis refuses writes when it is full (`noeviction`), ElastiCache evicts keys that expire (`volatile-lru`), unless
    something else is said: what is stored as a queue or a session disappears in the cloud only. BullMQ demands
    `noeviction` (bullmq#2215), which is noted where both sides have another policy.

    The policy is that of the command line and of the parameter group, else the default of each; where neither side sets
    one, it is a note. `appendonly` and
    `save` on the local side are a note where ElastiCache, which has neither, is the twin.
    """
    queue = not graph.dependencies.isdisjoint(_QUEUES)
    for local, cloud in redis_pairs(graph):
        settings, others = graph.settings(local), graph.settings(cloud)
        here, there = settings.value("maxmemory-policy"), others.value("maxmemory-policy")
        set_here, set_there = ("maxmemory-policy" in each.given for each in (settings, others))
        match here, there:
            case Known(mine), Known(theirs):
                yield Compared(local, cloud)
                lossy = queue and {mine, theirs} != {"noeviction"}
                if mine != theirs or lossy:
                    args = {"local": local.name, "here": mine, "there": theirs}
                    yield Finding(
                        subject=local,
                        against=cloud,
                        at=here,
                        variant="queue" if lossy else "default",
                        severity=None if mine != theirs and (set_here or set_there) else Severity.NOTE,
                        args=args,
                        related=(there,),
                        fix=Fix(
                            f"set maxmemory-policy to '{'noeviction' if lossy else theirs}' on both sides",
                            () if lossy and theirs != "noeviction" else in_place(here, theirs),
                            local.side is Side.LOCAL,
                        ),
                    )
            case _:
                yield from undecided(local, *unasked(cloud.engine, here, there))
        for name, nothing in (("appendonly", "no"), ("save", "")):
            told = settings.given.get(name)
            kept = told is not None and isinstance(told.value, Known) and told.value.value.strip('"') != nothing
            if told is not None and kept and cloud.flavour == "elasticache" and not cloud.service:
                args = {"local": local.name, "setting": name}
                fix = Fix("start it without, or keep nothing in it that must last")
                yield Finding(
                    subject=local,
                    against=cloud,
                    at=told.key_span,
                    variant="kept",
                    severity=Severity.NOTE,
                    args=args,
                    related=(cloud.span,),
                    fix=fix,
                )
                break


@rule(
    "HEX422",
    mandate="4.3",
    severity=Severity.ERROR,
    remedy="Start the local cache with '--cluster-enabled yes', or use a cloud cache without shards.",
    message="'{local}' is a single node, but [the cloud](1) spreads its keys over shards.",
)
def cache_cluster_mode(graph: Graph, _: Options) -> Outcomes:
    """The cloud's cache runs in cluster mode, the local one is a single node.

    A client that does not speak the protocol of clusters gets `MOVED` from the cloud; one that does refuses the local
    server. Commands over several keys fail with `CROSSSLOT` in the cloud only, which transactions, scripts and
    BullMQ's queues notice (langfuse#5906).

    The cloud's mode is told by `cluster_mode`, `num_node_groups`, the parameter `cluster-enabled` or a group such as
    `default.redis7.cluster.on`; a serverless cache always has it. The local one is a cluster when its image is, or its
    command says `--cluster-enabled yes`.
    """
    for local, cloud in graph.mirrors(Cache):
        mode = cloud.cluster_mode
        if not isinstance(mode, Known) or not mode.value:
            yield from undecided(local, *unasked(cloud.engine, mode))
            continue
        yield Compared(local, cloud)
        told = graph.settings(local).value("cluster-enabled")
        clustered = (isinstance(told, Known) and told.value == "yes") or "cluster" in local.written
        if isinstance(told, Unknown) and not clustered:
            yield from undecided(local, told)
        elif not clustered:
            at: Span = local.place
            fix = Fix("run it with '--cluster-enabled yes', or use a cloud cache without shards")
            yield Finding(subject=local, against=cloud, at=at, args={"local": local.name}, related=(mode,), fix=fix)
