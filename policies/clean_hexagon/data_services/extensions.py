"""The extensions of Postgres: created on both sides, of one version (HEX408, HEX409, HEX410)."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Database,
    Extension,
    Finding,
    Fix,
    Graph,
    Known,
    Migrations,
    Outcomes,
    Service,
    Severity,
    Side,
    Unknown,
    VectorUse,
    created_by_image,
    created_with,
    is_contrib,
    known,
    not_offered,
    pgvector_bounds,
    pgvector_needed,
    rule,
    undecided,
)


@rule(
    "HEX408",
    mandate="4.2",
    severity=Severity.ERROR,
    remedy="Create the extension in the first migration: CREATE EXTENSION IF NOT EXISTS vector.",
    message={
        "default": "'{use}' needs the extension 'vector', which no migration, init script or Terraform creates.",
        "name": "There is no extension 'pgvector': the one that pgvector brings is called 'vector'.",
    },
)
def vector_extension_not_created(graph: Graph, _: Options) -> Outcomes:
    """Code uses vectors, but nothing creates the extension that has the type.

    `type "vector" does not exist` is what the first migration says on a database where nobody ran `CREATE EXTENSION
    vector` by hand: on the next laptop, in the pipeline, after a restore (pgvector#622). An image that brings pgvector
    does not create it.

    The extension is looked for in SQL of migrations and init scripts, in migrations of Django (`VectorExtension`),
    Rails (`enable_extension`), SQLAlchemy and others, in Prisma's `extensions`, in `postgresql_extension`, and where
    none of these has it in all code and scripts. Libraries that create it when they connect (LangChain, LlamaIndex)
    count too, and so do extensions that need it. A dependency on a pgvector library alone is no use. The name
    `pgvector` is a mistake of its own.
    """
    if not any(True for _ in _postgres(graph)):
        return
    created = list(graph.all(Extension))
    wrong = [each for each in created if isinstance(each.extension, Known) and each.extension.value == "pgvector"]
    for each in wrong:
        fix = Fix.replacing("call it 'vector'", each.extension.span, "pgvector", "vector", safe=True)
        yield Finding(subject=each, at=each.extension, variant="name", fix=fix)
    uses = [each for each in graph.all(VectorUse) if not each.dependency]
    if not uses:
        return
    yield Compared(uses[0])
    unknown = [each.extension for each in created if isinstance(each.extension, Unknown)]
    if wrong or any("vector" in _made(each) for each in created):
        return
    if unknown:
        yield from undecided(uses[0], *unknown)
        return
    args, fix = {"use": uses[0].name}, Fix("create it in the first migration: CREATE EXTENSION IF NOT EXISTS vector")
    yield Finding(subject=uses[0], at=uses[0], args=args, fix=fix)


def _made(extension: Extension) -> tuple[str, ...]:
    """What is created with an extension, by its name."""
    return created_with(extension.extension.value) if isinstance(extension.extension, Known) else ()


_WATCHING = frozenset({"pg_stat_statements", "pg_buffercache", "pageinspect", "pgstattuple", "pg_prewarm", "plpgsql"})
"""What people look at a server with, and no query of an application needs."""


@rule(
    "HEX409",
    mandate="4.2",
    severity=Severity.ERROR,
    remedy="Create the extension in a migration, which runs on both sides.",
    message={
        "local": "Only an init script creates '{name}': no migration and no Terraform does so in '{cloud}'.",
        "cloud": "The extension '{name}' is created only in the cloud, not in '{local}'.",
        "missing": "The extension '{name}' cannot be created in '{local}': its image [{image}](1) does not bring it.",
        "service": "The extension '{name}' cannot be created in [the cloud](1): '{service}' does not offer it.",
    },
)
def extension_set_mismatch(graph: Graph, _: Options) -> Outcomes:
    """Local and cloud Postgres do not have the same extensions.

    An init script of the image runs on laptops only: what it creates is missing in the cloud, where the first query
    that needs it fails. It is one that is mounted or copied to `docker-entrypoint-initdb.d`, or lies in a folder of
    that name; a script that people run by hand may be run on both sides. The reverse is an extension that Terraform
    creates and nobody has locally. Worse is one that a side cannot have at all: `timescaledb` is not offered by RDS,
    and `postgres:16` has nothing beyond contrib.

    Migrations run on both sides. What stands under a condition (`DO $$ … pg_available_extensions …`), or in code of
    which nobody knows when it runs, may be created and is not asked of an image. Extensions to watch a server with
    are left out, and those of pgvector, which HEX407 and HEX408 are about. What an init script creates and no file
    names the types or functions of is a warning. Local and cloud sets are compared where the
    tree has migrations, so that it is known how the cloud gets its schema. What an image that is not in the table
    brings is undecided; one local Postgres that has the extension is enough.
    """
    local = list(_postgres(graph, Side.LOCAL))
    cloud = [each for each in _postgres(graph, Side.CLOUD) if graph.pair_of(each) is not None]
    extensions = [each for each in graph.all(Extension) if _named(each) not in _WATCHING | {"", "vector", "pgvector"}]
    sides: dict[str, dict[Side, Extension]] = {}
    for each in sorted(extensions, key=lambda each: each.optional):
        sides.setdefault(_named(each), {}).setdefault(each.side, each)
    for name, where in sorted(sides.items()):
        certain = [each for each in where.values() if not each.optional]
        yield from (Compared(each) for each in certain[:1])
        yield from _one_side(name, where, local, cloud)
        yield from _impossible(name, certain, local, cloud)
    if local and cloud and any(True for _ in graph.all(Migrations)):
        yield from _of_init_scripts(graph, sides, local, cloud[0])


def _postgres(graph: Graph, side: Side | None = None) -> Iterator[Database]:
    return (each for each in graph.all(Database, side=side) if known(each.engine, "") == "postgres")


def _named(extension: Extension) -> str:
    return extension.extension.value if isinstance(extension.extension, Known) else ""


def _one_side(
    name: str, where: dict[Side, Extension], local: Sequence[Database], cloud: Sequence[Database]
) -> Outcomes:
    """What Terraform alone creates, while the image does not do it unasked."""
    only = next(iter(where.values()))
    if len(where) > 1 or only.optional or only.side is not Side.CLOUD or not local or not cloud:
        return
    if not any(name in _unasked(each) for each in local):
        args = {"name": name, "local": local[0].name}
        fix = Fix("create it in a migration, or in an init script of the local image")
        yield Finding(subject=only, at=only.extension, variant="cloud", args=args, fix=fix)


def _of_init_scripts(
    graph: Graph, sides: Mapping[str, Mapping[Side, Extension]], local: Sequence[Database], cloud: Database
) -> Outcomes:
    """What init scripts alone create: one finding a file, an error where something uses one of them."""
    files: dict[str, list[Extension]] = {}
    for where in sides.values():
        if list(where) == [Side.LOCAL] and not where[Side.LOCAL].optional:
            files.setdefault(where[Side.LOCAL].span.path, []).append(where[Side.LOCAL])
    run = [place for store in local for place in _run_at_first(graph, store)] if files else []
    for path, created in files.items():
        if f"/{_INIT}/" not in f"/{path}" and not any(_covers(place, path) for place in run):
            continue
        found = sorted(created, key=lambda each: each.span)
        first = found[0]
        severity = Severity.ERROR if any(each.used for each in found) else Severity.WARNING
        args = {"name": ", ".join(map(_named, found)), "cloud": cloud.name}
        fix = Fix("create it in a migration, which runs on both sides")
        yield Finding(subject=first, at=first.extension, variant="local", severity=severity, args=args, fix=fix)


_INIT = "docker-entrypoint-initdb.d"
"""The folder of which the images of Postgres run the scripts when they make a database."""


def _run_at_first(graph: Graph, store: Database) -> Iterator[str]:
    """The files and folders of the tree, or patterns, that a Postgres runs; `*` for what is not known."""
    service = graph.get(Service, store.service)
    if service is None:
        return
    for mount in service.mounts:
        if _INIT in known(mount.target, ""):
            yield posixpath.normpath(known(mount.source, "*"))
    container = graph.container(service)
    stage = container.stage.value if isinstance(container.stage, Known) else None
    contexts = [known(each.context, "") for each in container.builds]
    for copy in stage.copies if stage is not None else ():
        if not copy.stage and isinstance(copy.target, str) and _INIT in copy.target:
            for source in copy.sources:
                text = source.lstrip("/") if isinstance(source, str) else "*"
                yield from (posixpath.normpath(posixpath.join(context, text)) for context in contexts)


def _covers(place: str, path: str) -> bool:
    return place == "." or path.startswith(f"{place}/") or fnmatchcase(path, place)


def _unasked(store: Database) -> tuple[str, ...]:
    return () if store.reference is None else created_by_image(store.reference.name)


def _impossible(
    name: str, certain: Sequence[Extension], local: Sequence[Database], cloud: Sequence[Database]
) -> Outcomes:
    """What one side cannot create: a service that does not offer it, else an image that does not bring it."""
    for extension in certain[:1]:
        lacking = [each for each in cloud if not_offered(name, each.flavour) and extension.side is not Side.LOCAL]
        for store in lacking[:1]:
            args = {"name": name, "service": {"rds": "RDS", "aurora": "Aurora"}.get(store.flavour, store.flavour)}
            fix, related = Fix("do without it, or run the database elsewhere"), (store.engine,)
            at = extension.extension
            yield Finding(subject=extension, at=at, variant="service", args=args, related=related, fix=fix)
        if lacking or not local or is_contrib(name) or extension.side is Side.CLOUD:
            continue
        having = [
            each for each in local if not (isinstance(each.extensions, Known) and name not in each.extensions.value)
        ]
        if not having:
            first = local[0]
            args = {"name": name, "local": first.name, "image": first.written}
            fix, image = Fix(f"build the local image from a Dockerfile that installs '{name}'"), (first.place,)
            at = extension.extension
            yield Finding(subject=extension, at=at, variant="missing", args=args, related=image, fix=fix)
        elif not any(isinstance(each.extensions, Known) for each in having):
            yield from undecided(extension, *(each.extensions for each in having))


@rule(
    "HEX410",
    mandate="4.2",
    severity=Severity.WARNING,
    remedy="Run the version of pgvector that the cloud offers.",
    message={
        "newer": "'{local}' has pgvector '{here}', but [the cloud's Postgres '{there}'](1) offers less than '{limit}'.",
        "older": "'{local}' has pgvector '{here}', but [Postgres '{there}' in the cloud](1) offers '{limit}'.",
        "feature": "'{feature}' needs pgvector '{needed}', but [the cloud's Postgres '{there}'](1) offers older ones.",
    },
)
def pgvector_version_drift(graph: Graph, _: Options) -> Outcomes:
    """Local pgvector is another version than the one that the cloud's Postgres offers.

    HNSW indexes came with 0.5, `halfvec` with 0.7, iterative scans with 0.8: what the newer one accepts is a syntax
    error, or a slow query, in the other (pgvector#392). On RDS the version goes with the minor of Postgres: pgvector
    0.8.0 needs 17.1, 16.5, 15.9, 14.14 or 13.17.

    The local version is that of the image's tag, or of the package that the Dockerfile pins; where neither tells, the
    question is left open only if it would matter. Of the cloud it is known from which minor on a version is offered,
    so that only a difference across such a border is reported. What the code uses (`hnsw`, `halfvec`, `sparsevec`)
    is held to it in the same way.
    """
    uses = {each.feature: each for each in graph.all(VectorUse) if each.feature}
    needs = any(not each.dependency for each in graph.all(VectorUse))
    for local, cloud in graph.mirrors(Database, engine="postgres"):
        if not needs or not isinstance(cloud.version, Known):
            continue
        lacking, offered = pgvector_bounds(cloud.flavour, cloud.version.value)
        args: dict[str, object] = {"local": local.name, "there": cloud.version.value}
        related, here = (cloud.version,), local.vector_version
        if lacking is not None or offered is not None:
            yield Compared(local, cloud)
        for feature, use in sorted(uses.items()):
            needed = pgvector_needed(feature)
            if needed is not None and lacking is not None and needed >= lacking:
                more = {"feature": feature, "needed": needed}
                fix = Fix("run a newer minor in the cloud")
                yield Finding(subject=use, at=use, variant="feature", args=args | more, related=related, fix=fix)
        match here:
            case Known(version) if lacking is not None and version >= lacking:
                variant, limit, fix = "newer", lacking, Fix("run the version that the cloud offers")
            case Known(version) if offered is not None and version < offered:
                variant, limit, fix = "older", offered, Fix(f"run pgvector {offered} or newer")
            case _:
                continue
        args |= {"here": version, "limit": limit}
        yield Finding(subject=local, against=cloud, at=here, variant=variant, args=args, related=related, fix=fix)
