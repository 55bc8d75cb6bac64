"""Both sides run the same engines (HEX103)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.api import (
    Compared,
    Database,
    Datastore,
    Finding,
    Fix,
    Graph,
    Known,
    OrmSchema,
    Outcome,
    Severity,
    Side,
    product,
    rule,
    serves,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options

_CACHES = frozenset({"redis", "valkey"})


@rule(
    "HEX103",
    mandate="1.1",
    severity=Severity.ERROR,
    message={
        "default": "'{local}' runs '{here}', but [the cloud](1) runs '{there}'.",
        "emulator": "'{local}' runs the emulator '{here}' in place of [the '{there}' of the cloud](1).",
        "schema": "'{local}' is written for '{here}', but [the cloud](1) runs '{there}'.",
    },
)
def engine_substitution(graph: Graph, options: Options) -> Iterator[Outcome]:
    """Another engine does the same work locally.

    SQLite accepts what Postgres refuses, MariaDB's JSON is not MySQL's, and OpenSearch has left Elasticsearch: tests
    on a substitute prove the substitute. `equivalences` in policyengine.yaml declares engines to be the same.

    An emulator of an AWS interface (MinIO, LocalStack, ElasticMQ) cannot be avoided and is only noted. Redis and
    Valkey are left to the rule that compares cache engines. A Prisma provider is compared with the cloud's databases
    when none of them is what it names.
    """
    del options
    for local, cloud in graph.mirrors(Datastore):
        yield Compared(local, cloud)
        match local.engine, cloud.engine:
            case Known(here), Known(there) if not graph.equivalent(here, there) and {here, there} != _CACHES:
                emulator = serves(here, there)
                yield Finding(
                    subject=local,
                    against=cloud,
                    at=local.engine,
                    variant="emulator" if emulator else "default",
                    severity=Severity.NOTE if emulator else None,
                    args={"local": local.name, "here": product(here), "there": product(there)},
                    related=(cloud.engine,),
                    fix=None if emulator else Fix(f"run {product(there)} locally"),
                )
            case _:
                yield from undecided(local, local.engine, cloud.engine)
    yield from _schemas(graph)


def _schemas(graph: Graph) -> Iterator[Outcome]:
    """What an ORM's schema is written for, where all engines of the cloud's databases are known."""
    cloud = [database.engine for database in graph.all(Database, side=Side.CLOUD)]
    engines = {engine.value for engine in cloud if isinstance(engine, Known)}
    for schema in graph.all(OrmSchema) if cloud and all(isinstance(engine, Known) for engine in cloud) else ():
        yield Compared(schema)
        match schema.engine:
            case Known(here) if not any(graph.equivalent(here, there) for there in engines):
                there = product(min(engines))
                args = {"local": schema.name, "here": product(here), "there": there}
                fix = Fix(f"use {there} in both places")
                yield Finding(
                    subject=schema, at=schema.engine, variant="schema", args=args, related=(cloud[0],), fix=fix
                )
            case _:
                yield from undecided(schema, schema.engine)
