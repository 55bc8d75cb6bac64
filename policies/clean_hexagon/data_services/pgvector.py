"""pgvector in the Postgres that code is tested against (HEX407)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clean_hexagon.data_services.versions import (
    image_place,
    major_of,
    reference,
    version_text,
    written,
)
from policyengine.api import (
    Compared,
    Database,
    EdgeKind,
    Extension,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Service,
    Severity,
    Side,
    Span,
    VectorUse,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options


@rule(
    "HEX407",
    mandate="4.2",
    severity=Severity.ERROR,
    message={
        "default": "'{database}' runs '{image}', which has no pgvector, but [the code needs it](1): '{need}'.",
        "policy": "'{database}' runs '{image}', which has no pgvector, but policyengine.yaml requires it.",
    },
)
def pgvector_missing_locally(graph: Graph, options: Options) -> Iterator[Outcome]:
    """Code needs pgvector, but the image of a local or CI Postgres does not bring it.

    `CREATE EXTENSION vector` fails on `postgres:16`, with "extension control file not found" at best, and at worst the
    migration is skipped and similarity search is tested against nothing (bytechef#2616, pgvector#331).

    pgvector is needed where SQL, Prisma, Drizzle or another model uses a vector column, where a pgvector package is a
    dependency, where Terraform creates the extension, or where the option `postgres.require_extensions` names
    `vector`. It is not demanded of a repository that shows no use of it. The images that bring it are known by table;
    for a built image its packages count; what an image of unknown contents brings is undecided. Where one Postgres of
    the stack has pgvector, the others are taken to serve something else. Among several without it, those are
    reported that an application connects to, and all when no connection is known. A job of the pipeline is judged by
    its own service containers. The fix is a built image: the official one with `postgresql-N-pgvector` installed.
    """
    need, where = _vector_need(graph, options)
    if not need:
        return
    groups: dict[str, list[Database]] = {}
    for database in graph.all(Database):
        if database.side in {Side.LOCAL, Side.PIPELINE} and _is_postgres(database):
            groups.setdefault(_group(graph, database), []).append(database)
    for databases in groups.values():
        if any(isinstance(each.vector, Known) and each.vector.value for each in databases):
            continue
        for database in _used(graph, databases):
            yield Compared(database)
            match database.vector:
                case Known(False):
                    yield Finding(
                        subject=database,
                        at=image_place(database),
                        variant="policy" if where is None else "default",
                        args={"database": database.name, "image": written(database), "need": need},
                        related=() if where is None else (where,),
                        fix=Fix(_pgvector_advice(database)),
                    )
                case _:
                    yield from undecided(database, database.vector)


def _is_postgres(database: Database) -> bool:
    return isinstance(database.engine, Known) and database.engine.value == "postgres"


def _vector_need(graph: Graph, options: Options) -> tuple[str, Span | None]:
    """What needs pgvector, and where it says so; empty when nothing does, without a place when only the policy does."""
    for use in graph.all(VectorUse):
        return use.what, use.span
    for extension in graph.all(Extension):
        match extension.extension:
            case Known("vector", span):
                return "the extension is created", span
            case _:
                pass
    return ("policy", None) if "vector" in options.postgres.require_extensions else ("", None)


def _group(graph: Graph, database: Database) -> str:
    """The Compose project or the job that a database belongs to."""
    service = graph.get(Service, database.service)
    return f"{database.side}:{'' if service is None else service.group}"


def _used(graph: Graph, databases: list[Database]) -> list[Database]:
    """The databases that an application connects to, or all when no connection is known."""
    used = {
        each.id
        for service in graph.all(Service)
        if service.build is not None
        for each in graph.targets(Database, EdgeKind.CONNECTS, service)
    }
    return [each for each in databases if each.id in used] or databases


def _pgvector_advice(database: Database) -> str:
    ref = reference(database)
    major = major_of(database.version)
    base = "postgres" if major is None else f"postgres:{version_text(database.version)}"
    if ref is not None and ref.name == "postgres" and "alpine" not in ref.text:
        base = ref.text
    package = f"postgresql-{'N' if major is None else major}-pgvector"
    return f"build the image from a Dockerfile: FROM {base}, then install the package {package}"
