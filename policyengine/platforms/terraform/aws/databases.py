"""RDS, Aurora and their parameter groups, caches and theirs, and other managed stores, as nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.nodes import Bucket, Cache, Database, Queue, Search, Variable
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, known, map_value
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.sections import Nested, nested_of
from policyengine.platforms.terraform.language.values import Reference, decided, plain
from policyengine.platforms.terraform.resources.facts import boolean, integer, symbolic, text, version

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.image import Version
    from policyengine.model.nodes import Node
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.resources.instances import Resource
    from policyengine.platforms.terraform.resources.stack import Stack

# RDS


def engine_name(engine: str) -> tuple[str, str]:
    """The product and flavour that an RDS engine is: `aurora-postgresql` is (`postgres`, `aurora`)."""
    flavour = "aurora" if engine.startswith("aurora") else "rds"
    bare = engine.removeprefix("aurora-")
    products = {"postgresql": "postgres", "postgres": "postgres", "aurora": "mysql", "neptune": "neptune"}
    return products.get(bare, bare.split("-")[0]), flavour


def database(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_db_instance. A replica is no database of its own."""
    if resource.get("replicate_source_db") is not None:
        return
    yield _rds(stack, resource, default_engine="")


def cluster(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_rds_cluster, with what its instances say where it is silent."""
    if resource.get("replication_source_identifier") is not None:
        return
    members = [each for each in stack.kind("aws_rds_cluster_instance") if _is_member(stack, each, resource)]
    yield _rds(stack, resource, default_engine="aurora", members=members)


def _is_member(stack: Stack, member: Resource, resource: Resource) -> bool:
    """Whether an instance names a cluster, or spells the text of which the cluster's identifier is made."""
    own, named = resource.get("cluster_identifier"), member.get("cluster_identifier")
    if resource in stack.named(named, "aws_rds_cluster"):
        return True
    if own is None or named is None or member.module.address != resource.module.address:
        return False
    return symbolic(own) == symbolic(named)


def _rds(
    stack: Stack,
    resource: Resource,
    *,
    default_engine: str,
    members: Sequence[Resource] = (),
    groups: Groups | None = None,
    renamed: dict[str, str] | None = None,
) -> Database:
    """One RDS database. `renamed` maps argument names to those of a module."""
    names = renamed or {}

    def argument(name: str) -> Tree | None:
        return resource.get(names.get(name, name))

    span = resource.span
    raw = text(argument("engine"), span)
    if isinstance(raw, Absent) and default_engine:
        raw = Known(default_engine, span)
    engine = map_value(raw, lambda value: engine_name(value)[0])
    flavour = engine_name(raw.value)[1] if isinstance(raw, Known) else "aurora" if default_engine else "rds"
    if isinstance(raw, Absent):
        engine = Unknown("the engine is that of the snapshot or source", span)
    product = known(engine, "postgres")
    minor = boolean(argument("auto_minor_version_upgrade"), span)
    if isinstance(minor, Absent):
        given = [boolean(each.get("auto_minor_version_upgrade"), each.span) for each in members]
        minor = next((each for each in given if not isinstance(each, Absent)), minor)
    found_groups = groups or _parameter_groups(
        stack,
        [argument("parameter_group_name"), argument("db_cluster_parameter_group_name")],
        ("aws_db_parameter_group", "aws_rds_cluster_parameter_group"),
        span,
    )
    return Database(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=span,
        engine=engine,
        version=_engine_version(stack, product, argument("engine_version"), span),
        database_name=text(argument("db_name") or resource.get("database_name") or resource.get("name"), span),
        port=integer(argument("port"), span),
        flavour=flavour,
        auto_minor_upgrade=minor,
        family=found_groups.family,
        parameters=found_groups.parameters,
    )


def _engine_version(stack: Stack, engine: str, tree: Tree | None, lacking: Span) -> Value[Version]:
    """The version, also through `data.aws_rds_engine_version`, whose preferred versions leave it open."""
    if isinstance(tree, Reference):
        source = stack.at(tree.address)
        if source is not None and source.kind == "aws_rds_engine_version":
            given = source.get("version")
            if given is not None:
                return version(engine, given, lacking)
            preferred = source.get("preferred_versions")
            if preferred is not None and decided(preferred):
                values = plain(preferred)
                first = version(engine, _first(preferred), lacking) if isinstance(values, list) and values else None
                if isinstance(first, Known):
                    return Floating(first.value, first.span, (*tree.via, *first.via))
    return version(engine, tree, lacking)


def _first(tree: Tree) -> Tree | None:
    from policyengine.platforms.terraform.language.values import List  # noqa: PLC0415 - keeps the types of a rare case local

    return tree.items[0] if isinstance(tree, List) and tree.items else None


# parameter groups


class Groups(Struct, frozen=True):
    """What the parameter groups of a database say."""

    family: Value[str] | None
    parameters: tuple[Variable, ...]


_DEFAULT_GROUP = regex(r"default\.([\w.-]+?)(?:\.cluster\.on)?\Z")


def _parameter_groups(stack: Stack, names: Sequence[Tree | None], kinds: tuple[str, ...], lacking: Span) -> Groups:
    family: Value[str] = Absent(lacking)
    parameters: list[Variable] = []
    for name in names:
        if name is None:
            continue
        groups = stack.named(name, *kinds)
        if not groups and decided(name):
            written = text(name, lacking)
            groups = [each for each in stack.kind(*kinds) if _same_name(each, written)]
            default = _DEFAULT_GROUP.match(known(written, ""))
            if default and isinstance(written, Known) and isinstance(family, Absent):
                family = Known(default[1], written.span, written.via)
        for group in groups[:1]:
            if not isinstance(family, Known):
                family = text(group.get("family"), group.span)
            parameters.extend(_parameters(group.blocks("parameter"), group.span))
        if not groups and isinstance(family, Absent) and not decided(name):
            family = Unknown("the parameter group is not declared here", lacking)
    return Groups(family, tuple(parameters))


def _same_name(group: Resource, name: Value[str]) -> bool:
    own = text(group.get("name"), group.span)
    return isinstance(own, Known) and isinstance(name, Known) and own.value == name.value


def _parameters(nested: Nested, lacking: Span) -> Iterator[Variable]:
    for section in nested.sections:
        name = text(section.get("name"), section.span)
        if isinstance(name, Known):
            yield Variable(name.value, name.span, text(section.get("value"), lacking))


# caches


def cache_group(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_elasticache_replication_group. A secondary of a global group takes its engine from there."""
    if resource.get("global_replication_group_id") is not None and resource.get("engine_version") is None:
        return
    yield _cache(stack, resource, default_engine="redis")


def cache_cluster(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_elasticache_cluster that is no member of a replication group."""
    if resource.get("replication_group_id") is None:
        yield _cache(stack, resource, default_engine="")


def cache_serverless(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_elasticache_serverless_cache: always TLS, always cluster mode, a major version only."""
    span = resource.span
    engine = text(resource.get("engine"), span)
    major = version(known(engine, "redis"), resource.get("major_engine_version"), span)
    floating = Floating(major.value, major.span, major.via) if isinstance(major, Known) else major
    yield Cache(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=span,
        engine=engine,
        version=floating,
        family=Absent(span),
        transit_encryption=Known(value=True, span=span),
        auth=_given(resource.get("user_group_id"), span),
        cluster_mode=Known(value=True, span=span),
    )


def memorydb(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_memorydb_cluster."""
    span = resource.span
    groups = _parameter_groups(stack, [resource.get("parameter_group_name")], ("aws_memorydb_parameter_group",), span)
    engine = text(resource.get("engine"), span)
    yield Cache(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=span,
        engine=engine if not isinstance(engine, Absent) else Known("redis", span),
        version=version("redis", resource.get("engine_version"), span, counted=2),
        port=integer(resource.get("port"), span),
        family=groups.family,
        parameters=groups.parameters,
        transit_encryption=boolean(resource.get("tls_enabled"), span),
        auth=_given(resource.get("acl_name"), span),
        cluster_mode=Known(value=True, span=span),
    )


def _given(tree: Tree | None, lacking: Span) -> Value[bool]:
    if tree is None:
        return Known(value=False, span=lacking)
    if isinstance(tree, Unknown):
        return tree
    return Known(value=True, span=tree.span, via=tree.via)


def _cache(stack: Stack, resource: Resource, *, default_engine: str, defaults: CacheDefaults | None = None) -> Cache:
    span = resource.span
    engine = text(resource.get("engine"), span)
    if isinstance(engine, Absent) and default_engine:
        engine = Known(default_engine, span)
    product = known(engine, "redis")
    groups = _parameter_groups(
        stack, [resource.get("parameter_group_name")], ("aws_elasticache_parameter_group",), span
    )
    if defaults is not None and defaults.groups is not None:
        groups = defaults.groups
    transit = boolean(resource.get("transit_encryption_enabled"), span)
    if isinstance(transit, Absent) and defaults is not None:
        transit = Known(value=defaults.transit_encryption, span=span)
    given = resource.get("auth_token") or resource.get("user_group_ids")
    return Cache(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=span,
        engine=engine,
        version=version(product, resource.get("engine_version"), span, counted=3 if product == "memcached" else 2),
        port=integer(resource.get("port"), span),
        family=groups.family,
        parameters=groups.parameters,
        transit_encryption=transit,
        auth=_given(given, span),
        cluster_mode=_cluster_mode(resource, groups, span),
    )


class CacheDefaults(Struct, frozen=True):
    """What a module sets where its caller is silent."""

    transit_encryption: bool
    groups: Groups | None = None


def _cluster_mode(resource: Resource, groups: Groups, span: Span) -> Value[bool]:
    mode = text(resource.get("cluster_mode"), span)
    if isinstance(mode, Known):
        return Known(mode.value == "enabled", mode.span, mode.via)
    enabled = boolean(resource.get("cluster_mode_enabled"), span)
    if isinstance(enabled, Known) and enabled.value:
        return enabled
    shards = resource.get("num_node_groups")
    for block in resource.blocks("cluster_mode").sections:
        shards = shards or block.get("num_node_groups")
    count = integer(shards, span)
    if isinstance(count, Known) and count.value > 1:
        return Known(value=True, span=count.span, via=count.via)
    for parameter in groups.parameters:
        if parameter.key == "cluster-enabled" and isinstance(parameter.value, Known):
            return Known(parameter.value.value == "yes", parameter.value.span, parameter.value.via)
    name = resource.get("parameter_group_name")
    written = text(name, span)
    if isinstance(written, Known) and written.value.endswith(".cluster.on"):
        return Known(value=True, span=written.span, via=written.via)
    if isinstance(count, Unknown):
        return count
    return Known(value=False, span=span)


# modules


def database_module(stack: Stack, resource: Resource) -> Iterator[Node]:
    """A call of terraform-aws-modules/rds (or of a module with the same inputs)."""
    if resource.get("replicate_source_db") is not None:
        return
    yield _rds(stack, resource, default_engine="", groups=_module_groups(resource))


def cluster_module(stack: Stack, resource: Resource) -> Iterator[Node]:
    """A call of terraform-aws-modules/rds-aurora."""
    groups = _module_groups(
        resource,
        family=("db_cluster_parameter_group_family", "db_parameter_group_family"),
        parameters=("db_cluster_parameter_group_parameters", "db_parameter_group_parameters"),
    )
    nested = resource.get("cluster_parameter_group")
    for section in nested_of(nested).sections:
        groups = Groups(
            text(section.get("family"), section.span), tuple(_parameters(section.blocks("parameters"), section.span))
        )
    yield _rds(stack, resource, default_engine="aurora-postgresql", groups=groups)


def cache_module(stack: Stack, resource: Resource) -> Iterator[Node]:
    """A call of terraform-aws-modules/elasticache: TLS unless switched off, cluster mode only on request."""
    groups = _module_groups(
        resource, family=("parameter_group_family", "family"), parameters=("parameters", "parameter")
    )
    defaults = CacheDefaults(transit_encryption=True, groups=groups)
    yield _cache(stack, resource, default_engine="redis", defaults=defaults)


def _module_groups(
    resource: Resource, family: tuple[str, ...] = ("family",), parameters: tuple[str, ...] = ("parameters",)
) -> Groups:
    span = resource.span
    trees = [resource.get(name) for name in family]
    found = next((tree for tree in trees if tree is not None), None)
    variables = [variable for name in parameters for variable in _parameters(nested_of(resource.get(name)), span)]
    return Groups(text(found, span), tuple(variables))


# others


def search(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_opensearch_domain or aws_elasticsearch_domain."""
    span = resource.span
    old = resource.kind == "aws_elasticsearch_domain"
    raw = text(resource.get("elasticsearch_version" if old else "engine_version"), span)
    engine = "elasticsearch" if old or known(raw, "").startswith("Elasticsearch") else "opensearch"
    found: Value[Version]
    if isinstance(raw, Known):
        bare = raw.value.split("_")[-1]
        found = version(engine, Known(bare, raw.span, raw.via), span, counted=2)
    else:
        found = raw  # type: ignore[assignment]
    yield Search(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=span,
        engine=Known(engine, raw.span),
        version=found,
    )


def search_serverless(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_opensearchserverless_collection, whose version is AWS's own."""
    yield Search(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=resource.span,
        engine=Known("opensearch", resource.span),
        version=Absent(resource.span),
    )


def queue(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_sqs_queue, aws_mq_broker or aws_msk_cluster. A dead-letter queue is part of the one it serves."""
    span = resource.span
    if resource.kind == "aws_sqs_queue" and resource.address in stack.once(_dead_letters):
        return
    engine: Value[str] = Known("sqs", span)
    found: Value[Version] = Absent(span)
    if resource.kind == "aws_mq_broker":
        engine = map_value(text(resource.get("engine_type"), span), str.lower)
        found = version(known(engine, ""), resource.get("engine_version"), span)
    elif resource.kind == "aws_msk_cluster":
        engine = Known("kafka", span)
        found = version("kafka", resource.get("kafka_version"), span)
    yield Queue(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=span,
        engine=engine,
        version=found,
    )


def _dead_letters(stack: Stack) -> frozenset[str]:
    """The addresses of the queues that take what others could not deliver."""
    return frozenset(
        queue.address
        for other in stack.kind("aws_sqs_queue", "aws_sqs_queue_redrive_policy")
        for queue in stack.named(other.get("redrive_policy"), "aws_sqs_queue")
        if queue.address != other.address
    )


def bucket(stack: Stack, resource: Resource) -> Iterator[Node]:
    """An aws_s3_bucket."""
    yield Bucket(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=resource.span,
        engine=Known("s3", resource.span),
        version=Absent(resource.span),
    )


def supabase(stack: Stack, resource: Resource) -> Iterator[Node]:
    """A supabase_project: the provider has no argument for the version."""
    span = resource.span
    yield Database(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=span,
        engine=Known("postgres", span),
        version=Unknown("the supabase provider does not tell the version; declare it under 'facts'", span),
        flavour="supabase",
    )
