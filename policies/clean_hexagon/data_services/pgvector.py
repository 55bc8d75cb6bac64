"""pgvector in the Postgres that code is tested against (HEX407)."""

from clean_hexagon.options import Options
from policyengine.api import (
    Change,
    Compared,
    Database,
    Drop,
    EdgeKind,
    Extension,
    Finding,
    Fix,
    Graph,
    Known,
    LastLine,
    Outcomes,
    Put,
    Service,
    Severity,
    Side,
    Span,
    StageLine,
    VectorUse,
    rule,
    undecided,
)


@rule(
    "HEX407",
    mandate="4.2",
    severity=Severity.ERROR,
    remedy="Build the local image from a Dockerfile that installs pgvector, or run an image that has it.",
    message={
        "default": "'{database}' runs '{image}', which has no pgvector, but [the code needs it](1): '{need}'.",
        "policy": "'{database}' runs '{image}', which has no pgvector, but policyengine.yaml requires it.",
    },
)
def pgvector_missing_locally(graph: Graph, options: Options) -> Outcomes:
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
    groups: dict[str, list[Database]] = {}
    for database in graph.all(Database) if need else ():
        match database.engine:
            case Known("postgres") if database.side in {Side.LOCAL, Side.PIPELINE}:
                service = graph.get(Service, database.service)
                groups.setdefault(f"{database.side}:{service and service.group}", []).append(database)
    for databases in groups.values():
        if any(isinstance(each.vector, Known) and each.vector.value for each in databases):
            continue
        used = [each for each in databases if _is_used(graph, each)]
        for database in used or databases:
            yield Compared(database)
            match database.vector:
                case Known(False):
                    args = {"database": database.name, "image": database.written, "need": need}
                    variant, related = ("policy", ()) if where is None else ("default", (where,))
                    fix, at = Fix(_advice(database), _installed(graph, database)), database.place
                    yield Finding(subject=database, at=at, variant=variant, args=args, related=related, fix=fix)
                case _:
                    yield from undecided(database, database.vector)


def _vector_need(graph: Graph, options: Options) -> tuple[str, Span | None]:
    """What needs pgvector, and where it says so; empty when nothing does, without a place when only the policy does."""
    for use in graph.all(VectorUse):
        return use.what, use.span
    for extension in graph.all(Extension):
        match extension.extension:
            case Known("vector", span):
                return "the extension is created", span
    return ("policy", None) if "vector" in options.postgres.require_extensions else ("", None)


def _is_used(graph: Graph, database: Database) -> bool:
    """Whether a service that is built here connects to it."""
    return any(service.build is not None for service in graph.sources(Service, EdgeKind.CONNECTS, database))


def _advice(database: Database) -> str:
    base = "postgres" if database.major is None else f"postgres:{database.shown_version}"
    ref = database.reference
    if ref is not None and ref.name == "postgres" and "alpine" not in ref.text:
        base = ref.text
    return built_with_pgvector(base, database.major)


def built_with_pgvector(base: str, major: int | None) -> str:
    """How to get pgvector into an official image."""
    package = f"postgresql-{major or 'N'}-pgvector"
    return f"build the image from a Dockerfile: FROM {base}, then install the package {package}"


def _installed(graph: Graph, database: Database) -> tuple[Change, ...]:
    """The package in the Dockerfile of a local database, or a Dockerfile for the official image on Debian."""
    service, ref = graph.get(Service, database.service), database.reference
    if service is None or service.side is not Side.LOCAL or ref is None or ref.name != "postgres" or not database.major:
        return ()
    if "alpine" in ref.text or isinstance(database.image, Known) is False:
        return ()
    package = f"postgresql-{database.major}-pgvector"
    run = (
        "RUN apt-get update \\\n"
        f"    && apt-get install --yes --no-install-recommends {package} \\\n"
        "    && rm -rf /var/lib/apt/lists/*"
    )
    stage = graph.container(service).stage
    if service.build is not None:
        return (StageLine(stage.value.span, run),) if isinstance(stage, Known) else ()
    folder = f"docker/{service.name}"
    if "/" in service.span.path or any(each.startswith(f"{folder}/") for each in graph.paths):
        return ()
    return (
        LastLine(Span(f"{folder}/Dockerfile", 0, 0), f"FROM {ref.text}\n\n{run}"),
        Put(service.span, ("build",), folder, after=("",)),
        Drop(database.place),
    )
