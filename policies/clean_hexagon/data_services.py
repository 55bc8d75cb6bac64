"""Side 4: the databases and caches that the application talks to are the same product in the same version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.api import (
    Absent,
    Cache,
    Database,
    EdgeKind,
    Edit,
    Extension,
    Finding,
    Fix,
    Floating,
    Graph,
    ImageRef,
    Known,
    Outcome,
    Rule,
    Service,
    Severity,
    Side,
    Span,
    TagFact,
    Unknown,
    Value,
    VectorUse,
    Version,
    meant_version,
    rule,
    tag_fact,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import Datastore

_MANAGED = frozenset({"rds", "aurora"})


@rule(
    "HEX401",
    mandate="4.1",
    severity=Severity.ERROR,
    message={
        "default": "'{local}' runs Postgres '{here}', but [the cloud](1) runs Postgres '{there}'.",
        "moved": (
            "'{local}' runs '{image}', which was Postgres '{here}' on '{date}', but [the cloud](1) runs '{there}'."
        ),
    },
)
def postgres_major_mismatch(graph: Graph, options: Options) -> Iterator[Outcome]:
    """Local and cloud Postgres run different major versions.

    A major changes the SQL that parses, the plans that are chosen, the defaults of the server and the format on disk.
    A query that passes on 17 may be a syntax error on 16, and `pg_dump` of one does not restore into the other.

    The place to edit is the local image, because it is cheap to change. The rule compares what is fixed: a tag such
    as `17-alpine` fixes the major although its minor moves. A tag that fixes nothing, such as `latest`, is looked up
    in the bundled table of what tags meant; tags only move up, so a mismatch is reported when the table already knows
    a higher major than the cloud's. HEX402 and HEX403 stay silent where this rule fires.
    """
    del options
    for local, cloud in graph.mirrors(Database, engine="postgres"):
        here, there = _major(local.version), _major(cloud.version)
        if here is not None and there is not None:
            if here != there:
                yield Finding(
                    subject=local,
                    at=local.version,
                    args={"local": local.name, "here": _shown(local.version), "there": _shown(cloud.version)},
                    related=(cloud.version,),
                    fix=_retag(local.image, _target(cloud.version, there), f"run Postgres {_shown(cloud.version)}"),
                )
        elif there is not None and (moved := _moved_past(local, there)) is not None:
            fact, meant, ref = moved
            yield Finding(
                subject=local,
                at=_place(local),
                variant="moved",
                args={
                    "local": local.name,
                    "image": _short(ref.text),
                    "here": meant,
                    "date": fact.date,
                    "there": _shown(cloud.version),
                },
                related=(cloud.version,),
                fix=_retag(local.image, _target(cloud.version, there), f"run Postgres {_shown(cloud.version)}"),
            )
        else:
            yield from undecided(local, local.version, cloud.version)


@rule(
    "HEX402",
    mandate="4.1",
    severity=Severity.ERROR,
    message="'{local}' runs Postgres '{here}', but [the cloud](1) runs '{there}'.",
)
def postgres_minor_mismatch(graph: Graph, options: Options) -> Iterator[Outcome]:
    """Local and cloud Postgres run different minor versions.

    Minors fix wrong results, change plans and costs, and carry the extension versions that come with them: pgvector
    0.8 on RDS needs 16.5, so a query that works on 16.4 with a newer local pgvector fails in the cloud. What passes
    on one minor proves little about another, and the difference is found in production, by the query that broke.

    Only two exact minors are compared. Where one side floats, equality is unprovable and HEX403 says so; where the
    majors differ, HEX401 does. The option `postgres.match: major` turns this rule off. The fix retags the local image
    only to tags that are certain to exist: `pgvector/pgvector` has none with a minor, and a Debian or Alpine release
    in a tag is kept only when moving up.
    """
    if options.postgres.match == "major":
        return
    for local, cloud in graph.mirrors(Database, engine="postgres"):
        match local.version, cloud.version:
            case Known(Version() as here), Known(Version() as there) if here.major == there.major and here != there:
                yield Finding(
                    subject=local,
                    at=local.version,
                    args={"local": local.name, "here": here, "there": there},
                    related=(cloud.version,),
                    fix=_retag(local.image, there, f"run Postgres {there}"),
                )
            case _ if _decided_by_major(local, cloud):
                pass
            case _:
                yield from undecided(local, local.version, cloud.version)


@rule(
    "HEX403",
    mandate="4.1",
    severity=Severity.WARNING,
    message={
        "local": "'{local}' runs '{image}', whose minor moves, but [the cloud](1) pins '{there}'.",
        "dated": (
            "'{local}' runs '{image}', whose minor moves. It was '{meant}' on '{date}'; [the cloud](1) pins '{there}'."
        ),
        "digest": (
            "'{local}' runs '{image}', whose digest tells no minor; [the cloud](1) pins '{there}'. "
            "Name the minor in the tag, or declare it under 'facts'."
        ),
        "cloud": "'{cloud}' runs Postgres '{there}', whose minor moves, but [local '{local}'](1) runs '{here}'.",
        "unset": "'{cloud}' names no engine version, so AWS chooses one, but [local '{local}'](1) runs '{here}'.",
        "both": "'{local}' runs Postgres '{here}' and [the cloud](1) '{there}', whose minors move independently.",
        "neither": "'{local}' runs Postgres '{here}', whose minor moves, and [the cloud](1) names no engine version.",
    },
)
def postgres_minor_unprovable(graph: Graph, options: Options) -> Iterator[Outcome]:
    """A floating Postgres version on one side leaves it to chance whether both run the same minor.

    `postgres:16-alpine` is whatever was pulled last: two laptops differ, CI differs from both, and RDS differs from
    all three. `engine_version = "16"` lets AWS choose. Nobody sees the change, because no file changes; pgvector#155
    is such a case, where the same tag carried another server from one day to the next.

    A floating side is unprovable, not a mismatch, hence a warning. The place to edit is the side that floats: the
    local image, or the cloud's version where only that one floats. Where the majors differ HEX401 speaks instead. An
    image named by digest does not move; when its tag leaves the minor open it is reported until `facts` declares the
    version, and a digest without a tag is counted as undecided. A managed database that names no version at all
    floats too. Where the table of tags knows what the tag meant, the message says it, with the date.
    """
    if options.postgres.match == "major":
        return
    for local, cloud in graph.mirrors(Database, engine="postgres"):
        if not _decided_by_major(local, cloud):
            yield from _unprovable(local, cloud)


def _unprovable(local: Database, cloud: Database) -> Iterator[Outcome]:
    names = {"local": local.name, "cloud": cloud.name}
    local_floats = isinstance(local.version, Floating) or _tag_floats(local)
    match cloud.version:
        case Known(there) if local_floats:
            image = _ref(local)
            fact = None if image is None else tag_fact(image)
            meant = None if fact is None else meant_version(fact)
            variant = "local"
            args: dict[str, object] = {**names, "image": _written(local), "there": there}
            if image is not None and image.digest is not None:
                variant = "digest"
            elif fact is not None and meant is not None:
                variant = "dated"
                args |= {"meant": meant, "date": fact.date}
            fix = _retag(local.image, there, f"pin Postgres {there}")
            yield Finding(
                subject=local, at=_place(local), variant=variant, args=args, related=(cloud.version,), fix=fix
            )
        case Floating(there) if local_floats:
            args = {**names, "here": _written(local), "there": there}
            yield Finding(subject=local, at=_place(local), variant="both", args=args, related=(cloud.version,))
        case Absent() if local_floats and cloud.flavour in _MANAGED:
            args = {**names, "here": _written(local)}
            yield Finding(subject=local, at=_place(local), variant="neither", args=args, related=(cloud.version,))
        case Floating(there, span) if isinstance(local.version, Known):
            pinned = local.version.value
            args = {**names, "here": pinned, "there": there}
            fix = _replace(span, str(there), str(pinned), f"pin Postgres {pinned}")
            yield Finding(
                subject=cloud, at=cloud.version, variant="cloud", args=args, related=(local.version,), fix=fix
            )
        case Absent() if isinstance(local.version, Known) and cloud.flavour in _MANAGED:
            pinned = local.version.value
            yield Finding(
                subject=cloud,
                at=cloud.version,
                variant="unset",
                args={**names, "here": pinned},
                related=(local.version,),
                fix=Fix(f'set engine_version to "{pinned}"'),
            )
        case _:
            yield from undecided(local, local.version, cloud.version)


@rule(
    "HEX404",
    mandate="4.1",
    severity=Severity.WARNING,
    message={
        "default": "'{cloud}' upgrades its Postgres minor by itself.",
        "unset": "'{cloud}' upgrades its Postgres minor by itself, because auto_minor_version_upgrade is not set.",
    },
)
def rds_auto_minor_upgrade(graph: Graph, options: Options) -> Iterator[Outcome]:
    """RDS may upgrade its Postgres minor by itself, which no file of the repository records.

    `auto_minor_version_upgrade` is true unless it is set to false. In the next maintenance window AWS moves the server
    on, the local image stays, and Terraform from then on plans a downgrade that AWS refuses or shows a difference
    that nobody made (openaustralia/infrastructure#545, terraform-provider-aws#49496).

    Asked of RDS and Aurora Postgres, with a local twin or without: the version cannot be mirrored while it moves. Other
    engines are not the matter of this mandate, and a Supabase project has no such switch. A cluster is judged by its
    instances, where the attribute stands; a module that is used several times is reported once. The option
    `postgres.match: major` turns the rule off.
    """
    if options.postgres.match == "major":
        return
    seen: set[Span] = set()
    for cloud in graph.all(Database, side=Side.CLOUD):
        switch = cloud.auto_minor_upgrade
        if cloud.flavour not in _MANAGED or switch is None or switch.span in seen:
            continue
        seen.add(switch.span)
        match cloud.engine, switch:
            case Known("postgres"), Known(True, span):
                yield Finding(
                    subject=cloud,
                    at=span,
                    args={"cloud": cloud.name},
                    fix=_replace(span, "true", "false", "set auto_minor_version_upgrade to false"),
                )
            case Known("postgres"), Absent(span):
                yield Finding(
                    subject=cloud,
                    at=span,
                    variant="unset",
                    args={"cloud": cloud.name},
                    fix=Fix("set auto_minor_version_upgrade to false"),
                )
            case Known("postgres") | Unknown(), Unknown() as open_value:
                yield from undecided(cloud, cloud.engine, open_value)
            case _:
                pass


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
            match database.vector:
                case Known(False):
                    yield Finding(
                        subject=database,
                        at=_place(database),
                        variant="policy" if where is None else "default",
                        args={"database": database.name, "image": _written(database), "need": need},
                        related=() if where is None else (where,),
                        fix=Fix(_pgvector_advice(database)),
                    )
                case _:
                    yield from undecided(database, database.vector)


@rule(
    "HEX411",
    mandate="4.3",
    severity=Severity.ERROR,
    message={
        "default": "'{local}' runs '{image}', which is major '{here}', but [the cloud](1) runs '{there}'.",
        "moved": "'{local}' runs '{image}', which was '{here}' on '{date}', but [the cloud](1) runs '{there}'.",
    },
)
def redis_major_mismatch(graph: Graph, options: Options) -> Iterator[Outcome]:
    """Local and cloud Redis run different major versions.

    Majors change commands, defaults and the replies of scripts: with `redis:alpine`, which has long been 8, a client
    uses what ElastiCache 7 does not have, and the first `NOAUTH` or unknown command is seen in production
    (redisson#5400).

    Only majors are compared, because minors cannot agree: ElastiCache 7.1 is compatible with Redis OSS 7.0, and no
    image has that number. The cloud's major is that of its engine version, or of its parameter group's family
    (`redis7`) where no version is given. A tag without a major, such as `alpine` or `latest`, is looked up in the
    bundled table of what tags meant; tags only move up, so it is a mismatch when the table already knows a higher
    major, and undecided otherwise. Valkey is compared with Valkey in the same way; Redis with Valkey is another
    engine and another rule's matter.
    """
    for local, cloud in graph.mirrors(Cache):
        if not _same_engine(local, cloud):
            continue
        there, shown, place = _cache_major(cloud)
        here = _major(local.version)
        if here is not None and there is not None:
            if here != there:
                yield Finding(
                    subject=local,
                    at=local.version,
                    args={"local": local.name, "image": _written(local), "here": here, "there": shown},
                    related=(place,),
                    fix=_cache_retag(local, there, options),
                )
        elif here is None and there is not None and (moved := _moved_past(local, there)) is not None:
            fact, meant, ref = moved
            yield Finding(
                subject=local,
                at=_place(local),
                variant="moved",
                args={"local": local.name, "image": _short(ref.text), "here": meant, "date": fact.date, "there": shown},
                related=(place,),
                fix=_cache_retag(local, there, options),
            )
        else:
            yield from undecided(local, local.version, cloud.version, cloud.family)


RULES: tuple[Rule[Options], ...] = (
    postgres_major_mismatch,
    postgres_minor_mismatch,
    postgres_minor_unprovable,
    rds_auto_minor_upgrade,
    pgvector_missing_locally,
    redis_major_mismatch,
)
"""The rules of this side."""


def _major(version: Value[Version]) -> int | None:
    """The major, as far as it is fixed."""
    match version:
        case Known(value) | Floating(value):
            return value.major
        case _:
            return None


def _shown(version: Value[Version]) -> str:
    return str(version.value) if isinstance(version, Known | Floating) else "unknown"


def _target(version: Value[Version], major: int) -> Version:
    return version.value if isinstance(version, Known | Floating) else Version(major)


def _ref(store: Datastore) -> ImageRef | None:
    return store.image.value if isinstance(store.image, Known | Floating) else None


def _written(store: Datastore) -> str:
    """The image as it was written, or the version where no image is known."""
    ref = _ref(store)
    return _short(ref.text or str(ref)) if ref is not None else _shown(store.version)


def _short(image: str) -> str:
    """A reference with its digest cut to a length that people read."""
    named, at, digest = image.partition("@")
    return f"{named}@{digest[:19]}…" if at else named


def _place(store: Datastore) -> Span:
    """Where the image stands, or the version where no image is known."""
    return store.version.span if store.image is None else store.image.span


def _tag_floats(store: Datastore) -> bool:
    """Whether the image is named by a tag that moves and fixes not even the major, such as `latest`."""
    ref = _ref(store)
    return isinstance(store.version, Unknown) and ref is not None and tag_fact(ref) is not None


def _moved_past(store: Datastore, major: int) -> tuple[TagFact, Version, ImageRef] | None:
    """What a tag that fixes no major meant, when that lies above `major` already; tags never move down."""
    ref = _ref(store)
    if ref is None or not _tag_floats(store):
        return None
    fact = tag_fact(ref)
    meant = None if fact is None else meant_version(fact)
    return None if fact is None or meant is None or meant.major <= major else (fact, meant, ref)


def _decided_by_major(local: Database, cloud: Database) -> bool:
    """Whether the majors differ, so that HEX401 reports and no minor is asked for."""
    here, there = _major(local.version), _major(cloud.version)
    if there is None:
        return False
    return _moved_past(local, there) is not None if here is None else here != there


def _replace(span: Span, old: str, new: str, description: str) -> Fix:
    """A Fix that puts `new` at `span` when exactly `old` can stand there, and only says so otherwise."""
    edits = (Edit(span, new),) if span.end - span.start == len(old) else ()
    return Fix(description, edits)


def _retag(image: Value[ImageRef] | None, version: Version, description: str) -> Fix:
    """The image with the tag of a Postgres version, where such a tag is certain to exist."""
    if not isinstance(image, Known) or image.value.tag is None or image.value.digest is not None:
        return Fix(description)
    tag = _postgres_tag(image.value, version)
    return Fix(description) if tag is None else _tagged(image, tag, description)


def _postgres_tag(ref: ImageRef, version: Version) -> str | None:
    """The tag of that version in the scheme of the present tag; None where it might not exist."""
    head, _, variant = (ref.tag or "").partition("-")
    if ref.name == "pgvector/pgvector":
        ahead, _, major = (ref.tag or "").rpartition("pg")
        return f"{ahead}pg{version.major}" if major.isdigit() and int(major) != version.major else None
    if ref.name != "postgres":
        return None
    numbers = [int(part) for part in head.split(".") if part.isascii() and part.isdigit()]
    if (numbers or head == "latest") and not variant:
        return str(version)
    if (numbers and variant == "alpine") or ref.tag == "alpine":
        return f"{version}-alpine"
    if len(numbers) == 2 and numbers[0] == version.major and version.minor is not None and numbers[1] < version.minor:
        return f"{version}-{variant}"
    return None


def _tagged(image: Known[ImageRef], tag: str, description: str) -> Fix:
    ref, span = image.value, image.span
    if ref.tag_at is None or span.end - span.start != len(ref.text):
        return Fix(description)
    start, end = ref.tag_at
    return Fix(description, (Edit(Span(span.path, span.start + start, span.start + end), tag),))


def _cache_retag(local: Cache, major: int, options: Options) -> Fix:
    """The house's tag when it is of the right major, else the major with the variant that is used now."""
    tag = options.redis.required_tag
    if tag.partition("-")[0].partition(".")[0] != str(major):
        tag = f"{major}-alpine"
    description = f"run '{tag}'"
    ref = _ref(local)
    if not isinstance(local.image, Known) or ref is None or ref.digest is not None:
        return Fix(description)
    known = tag_fact(ImageRef(ref.registry, ref.repository, tag)) is not None
    return _tagged(local.image, tag, description) if known else Fix(description)


def _same_engine(local: Cache, cloud: Cache) -> bool:
    match local.engine, cloud.engine:
        case Known(here), Known(there):
            return here == there and here in {"redis", "valkey"}
        case _:
            return False


def _cache_major(cloud: Cache) -> tuple[int | None, str, Span]:
    """The cloud's major, how to show it, and where it stands."""
    major = _major(cloud.version)
    if major is not None:
        return major, _shown(cloud.version), cloud.version.span
    match cloud.family:
        case Known(family, span) if (digits := _digits(family)) is not None:
            return digits, family, span
        case _:
            return None, "", cloud.version.span


def _digits(family: str) -> int | None:
    """The major of a parameter group family: 7 of `redis7`, 6 of `redis6.x`, 7 of `default.redis7.cluster.on`."""
    name = family.removeprefix("default.")
    for engine in ("redis", "valkey"):
        if name.startswith(engine):
            number = name.removeprefix(engine).partition(".")[0]
            return int(number) if number.isascii() and number.isdigit() else None
    return None


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
    ref = _ref(database)
    base = ref.text if ref is not None and ref.name == "postgres" and "alpine" not in ref.text else "postgres"
    major = _major(database.version)
    package = f"postgresql-{'N' if major is None else major}-pgvector"
    return f"build the image from a Dockerfile: FROM {base}, then install the package {package}"
