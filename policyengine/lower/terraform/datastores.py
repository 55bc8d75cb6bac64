"""RDS, Aurora, ElastiCache, OpenSearch, SQS and S3 resources as Datastore nodes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine import image as images
from policyengine.lower.terraform.resource import Resource, flag, references, sources, text
from policyengine.nodes import Bucket, Cache, Database, Datastore, Queue, Search, Side, Variable
from policyengine.value import Absent, Floating, Known, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from policyengine.image import Version

_ENGINES = {"postgresql": "postgres", "aurora-postgresql": "postgres", "aurora-mysql": "mysql", "aurora": "mysql"}
_OTHER_ORIGIN = (
    "snapshot_identifier",
    "replicate_source_db",
    "restore_to_point_in_time",
    "global_cluster_identifier",
    "replication_source_identifier",
    "s3_import",
    "global_replication_group_id",
    "snapshot_name",
    "snapshot_arns",
)


def node_id(address: str) -> str:
    """The id of the node for a Terraform address."""
    return f"terraform:{address}"


def datastores(resources: Sequence[Resource]) -> list[Datastore]:
    """The datastores among the resources, each with what its parameter group and its instances say."""
    by_address = {resource.address: resource for resource in resources}
    found: list[Datastore] = []
    for resource in resources:
        make = _MAKERS.get(resource.type)
        if make is not None and not resource.data:
            node = make(resource, by_address, resources)
            if node is not None:
                found.append(node)
    return found


def _name(resource: Resource) -> str:
    """The name people know it by: the resource's name, or its module's for `this` and the like."""
    if resource.name in ("this", "main", "default", "rds", "redis", "cluster", "replication_group") or "." not in resource.address:
        modules = re.findall(r"module\.([\w-]+)", resource.address)
        if modules and resource.name in ("this", "main", "default"):
            return modules[-1]
    return resource.name


def version_of(engine: str, value: Value[str]) -> Value[Version]:
    """An engine version as AWS reads it: `16.4` is exact, the prefix `16` floats, `6.x` floats in its minor."""
    match value:
        case Known(given, span, via) | Floating(given, span, via):
            parsed = images.version(given)
            if parsed is None:
                return Unknown("the engine version is no version number", span, via)
            exact = _exact(engine, given, parsed)
            return Known(parsed, span, via) if exact else Floating(parsed, span, via)
        case _:
            return value


def _exact(engine: str, given: str, parsed: Version) -> bool:
    if given.endswith(".x"):
        return False
    if engine == "postgres":
        return parsed.minor is not None
    return parsed.minor is not None and (engine in ("redis", "valkey") or parsed.patch is not None or engine == "mysql")


def _engine(resource: Resource, default: str = "") -> Value[str]:
    value = resource.text("engine")
    match value:
        case Known(name, span, via):
            lowered = name.lower()
            return Known(_ENGINES.get(lowered, lowered), span, via)
        case Absent() if default:
            return Known(default, resource.span)
        case _:
            return value


def _version(resource: Resource, engine: Value[str], name: str = "engine_version") -> Value[Version]:
    value = resource.text(name)
    if isinstance(value, Absent):
        for other in _OTHER_ORIGIN:
            if resource.get(other) is not None:
                return Unknown(f"the version comes from '{other}'", resource.span)
    return version_of(engine.value if isinstance(engine, Known) else "", value)


def _group(resource: Resource, attribute: str, groups: Mapping[str, Resource]) -> Resource | None:
    """The parameter group that an argument refers to."""
    for reference in references(resource.get(attribute)):
        group = groups.get(reference.address)
        if group is not None:
            return group
    return None


def _family(resource: Resource, attribute: str, group: Resource | None) -> Value[str]:
    if group is not None:
        return group.text("family")
    value = resource.text(attribute)
    if isinstance(value, Known):
        match = re.fullmatch(r"default\.(?:cluster-)?([\w.-]+?)(?:\.cluster\.on)?", value.value)
        return Known(match[1], value.span, value.via) if match else Unknown("the group is made elsewhere", value.span)
    return value


def _parameters(group: Resource | None) -> tuple[Variable, ...]:
    made = []
    for block in group.blocks("parameter") if group is not None else ():
        name = block.entries.get("name")
        if isinstance(name, Known):
            made.append(Variable(str(name.value), name.span, text(block.entries.get("value"), block.span)))
    return tuple(made)


def _parity(resource: Resource) -> Value[str] | None:
    """The local twin that the tag `parity:local` names."""
    from policyengine.lower.terraform.values import Object  # noqa: PLC0415

    tags = resource.get("tags")
    if isinstance(tags, Object) and "parity:local" in tags.entries:
        return text(tags.entries["parity:local"], resource.span)
    return None


def _instance(resource: Resource, groups: Mapping[str, Resource], _: Sequence[Resource]) -> Datastore | None:
    if resource.get("replicate_source_db") is not None:
        return None
    engine = _engine(resource)
    group = _group(resource, "parameter_group_name", groups)
    name = resource.text("db_name")
    return Database(
        id=node_id(resource.address),
        name=_name(resource),
        side=Side.CLOUD,
        span=resource.span,
        engine=engine,
        version=_version(resource, engine),
        flavour="rds",
        database_name=resource.text("name") if isinstance(name, Absent) else name,
        port=resource.number("port"),
        parity=_parity(resource),
        auto_minor_upgrade=resource.flag("auto_minor_version_upgrade"),
        family=_family(resource, "parameter_group_name", group),
        parameters=_parameters(group),
    )


def _cluster(resource: Resource, groups: Mapping[str, Resource], every: Sequence[Resource]) -> Datastore:
    engine = _engine(resource)
    group = _group(resource, "db_cluster_parameter_group_name", groups)
    members = [
        each
        for each in every
        if each.type in ("aws_rds_cluster_instance", "aws_docdb_cluster_instance")
        and any(ref.address == resource.address for ref in references(each.get("cluster_identifier")))
    ]
    switches = [member.flag("auto_minor_version_upgrade") for member in members]
    loose = next((each for each in switches if not (isinstance(each, Known) and not each.value)), None)
    upgrade = loose or (switches[0] if switches else Unknown("the cluster's instances are not in the files", resource.span))
    return Database(
        id=node_id(resource.address),
        name=_name(resource),
        side=Side.CLOUD,
        span=resource.span,
        engine=engine,
        version=_version(resource, engine),
        flavour="aurora",
        database_name=resource.text("database_name"),
        port=resource.number("port"),
        parity=_parity(resource),
        auto_minor_upgrade=upgrade,
        family=_family(resource, "db_cluster_parameter_group_name", group),
        parameters=_parameters(group),
    )


def _document(resource: Resource, *_: object) -> Datastore:
    return Database(
        id=node_id(resource.address),
        name=_name(resource),
        side=Side.CLOUD,
        span=resource.span,
        engine=Known("mongo" if "docdb" in resource.type else "dynamodb", resource.span),
        version=version_of("mongo", resource.text("engine_version")),
        flavour="documentdb",
        parity=_parity(resource),
    )


def _cache(resource: Resource, groups: Mapping[str, Resource], _: Sequence[Resource]) -> Datastore | None:
    if resource.type == "aws_elasticache_cluster" and resource.get("replication_group_id") is not None:
        return None
    if resource.get("global_replication_group_id") is not None:
        return None
    default = "redis" if resource.type == "aws_elasticache_replication_group" else ""
    engine = _engine(resource, default)
    serverless = resource.type == "aws_elasticache_serverless_cache"
    group = _group(resource, "parameter_group_name", groups)
    token = resource.get("auth_token")
    return Cache(
        id=node_id(resource.address),
        name=_name(resource),
        side=Side.CLOUD,
        span=resource.span,
        engine=engine,
        version=_version(resource, engine, "major_engine_version" if serverless else "engine_version"),
        port=resource.number("port"),
        parity=_parity(resource),
        family=_family(resource, "parameter_group_name", group),
        parameters=_parameters(group),
        transit_encryption=flag(resource.get("transit_encryption_enabled"), resource.span),
        auth=Absent(resource.span) if token is None else Known(value=True, span=token.span),
        cluster_mode=Known(value=True, span=resource.span) if serverless else None,
    )


def _search(resource: Resource, *_: object) -> Datastore:
    given = resource.text("engine_version")
    if isinstance(given, Absent):
        given = resource.text("elasticsearch_version")
    engine = "elasticsearch" if resource.type == "aws_elasticsearch_domain" else "opensearch"
    version: Value[Version] = given if isinstance(given, Unknown | Absent) else Unknown("not a version", given.span)
    if isinstance(given, Known):
        name, _, number = given.value.rpartition("_")
        engine = name.lower() or engine
        version = version_of(engine, Known(number, given.span, given.via))
    return Search(
        id=node_id(resource.address),
        name=_name(resource),
        side=Side.CLOUD,
        span=resource.span,
        engine=Known(engine, given.span),
        version=version,
        parity=_parity(resource),
    )


def _simple(kind: type[Datastore], engine: str) -> Callable[..., Datastore]:
    def make(resource: Resource, *_: object) -> Datastore:
        return kind(
            id=node_id(resource.address),
            name=_name(resource),
            side=Side.CLOUD,
            span=resource.span,
            engine=Known(engine, resource.span),
            version=Absent(resource.span),
            parity=_parity(resource),
        )

    return make


_MAKERS: Mapping[str, Callable[..., Datastore | None]] = {
    "aws_db_instance": _instance,
    "aws_rds_cluster": _cluster,
    "aws_docdb_cluster": _document,
    "aws_elasticache_cluster": _cache,
    "aws_elasticache_replication_group": _cache,
    "aws_elasticache_serverless_cache": _cache,
    "aws_opensearch_domain": _search,
    "aws_elasticsearch_domain": _search,
    "aws_sqs_queue": _simple(Queue, "sqs"),
    "aws_mq_broker": _simple(Queue, "mq"),
    "aws_msk_cluster": _simple(Queue, "kafka"),
    "aws_s3_bucket": _simple(Bucket, "s3"),
}
"""Resource type → the node it makes. Another cloud is added by adding rows."""

SUPPORTING = frozenset(
    {"aws_db_parameter_group", "aws_rds_cluster_parameter_group", "aws_elasticache_parameter_group",
     "aws_rds_cluster_instance", "aws_docdb_cluster_instance", "random_password"}
)  # fmt: skip
"""Resource types that datastores read facts from."""

TYPES = frozenset(_MAKERS) | SUPPORTING


def connected(keys: Iterable[tuple[str, object]], stores: Mapping[str, Datastore]) -> list[tuple[str, str]]:
    """Pairs (key, node id) of the datastores whose attributes a value mentions; `keys` holds (key, Tree)."""
    found = []
    for key, tree in keys:
        for reference in sources(tree):  # type: ignore[arg-type]
            for address, store in stores.items():
                if reference == address or reference.startswith(address + "."):
                    found.append((key, store.id))
    return sorted(set(found))
