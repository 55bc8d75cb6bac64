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


def _engine(schema: OrmSchema) -> str:
    return schema.engine.value if isinstance(schema.engine, Known) else ""


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
            case Known(here), Known(there) if not graph.equivalent(here, there):
                if {here, there} == {"redis", "valkey"}:
                    continue
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
    databases = list(graph.all(Database, side=Side.CLOUD))
    engines = {database.engine.value for database in databases if isinstance(database.engine, Known)}
    if not databases or not all(isinstance(database.engine, Known) for database in databases):
        return
    for schema in graph.all(OrmSchema):
        yield Compared(schema)
        match schema.engine:
            case Known(here) if not any(graph.equivalent(here, there) for there in engines):
                cloud = databases[0]
                yield Finding(
                    subject=schema,
                    at=schema.engine,
                    variant="schema",
                    args={"local": schema.name, "here": product(here), "there": product(min(engines))},
                    related=(cloud.engine,),
                    fix=Fix(f"use {product(min(engines))} in both places"),
                )
            case _:
                yield from undecided(schema, schema.engine)
