"""The version of Postgres on both sides, and that it stays (HEX401, HEX402, HEX403, HEX404)."""

from clean_hexagon.data_services.pgvector import built_with_pgvector
from clean_hexagon.data_services.versions import moved_past, unknown_versions
from clean_hexagon.options import Options
from policyengine.api import (
    Absent,
    Compared,
    Database,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    Outcomes,
    Put,
    Severity,
    Side,
    Span,
    Unknown,
    Version,
    rule,
    tag_for,
    undecided,
)

MANAGED = frozenset({"rds", "aurora"})
"""The flavours of Postgres that AWS runs."""


@rule(
    "HEX401",
    mandate="4.1",
    severity=Severity.ERROR,
    remedy="Run the major version of the cloud locally.",
    message={
        "default": "'{local}' runs Postgres '{here}', but [the cloud](1) runs Postgres '{there}'.",
        "moved": (
            "'{local}' runs '{image}', which was Postgres '{here}' on '{date}', but [the cloud](1) runs '{there}'."
        ),
    },
)
def postgres_major_mismatch(graph: Graph, _: Options) -> Outcomes:
    """Local and cloud Postgres run different major versions.

    A major changes the SQL that parses, the plans that are chosen, the defaults of the server and the format on disk.
    A query that passes on 17 may be a syntax error on 16, and `pg_dump` of one does not restore into the other.

    The place to edit is the local image, because it is cheap to change. The rule compares what is fixed: a tag such
    as `17-alpine` fixes the major although its minor moves. A tag that fixes nothing, such as `latest`, is looked up
    in the bundled table of what tags meant; tags only move up, so a mismatch is reported when the table already knows
    a higher major than the cloud's. HEX402 and HEX403 stay silent where this rule fires.
    """
    for local, cloud in graph.mirrors(Database, engine="postgres"):
        yield Compared(local, cloud)
        shown, moved = cloud.shown_version, moved_past(local, cloud.major)
        args: dict[str, object] = {"local": local.name, "here": local.shown_version, "there": shown}
        if moved is not None:
            args |= {"image": local.written, "here": moved.version, "date": moved.date}
        elif None in (local.major, cloud.major) or local.major == cloud.major:
            yield from unknown_versions(local, cloud)
            continue
        variant, at = ("default", local.version) if moved is None else ("moved", local.place)
        target = cloud.version.value if isinstance(cloud.version, Known | Floating) else Version(cloud.major or 0)
        related, fix = (cloud.version,), _retag(local, target, f"run Postgres {shown}")
        yield Finding(subject=local, against=cloud, at=at, variant=variant, args=args, related=related, fix=fix)


@rule(
    "HEX402",
    mandate="4.1",
    severity=Severity.ERROR,
    remedy="Run the minor version of the cloud locally.",
    message="'{local}' runs Postgres '{here}', but [the cloud](1) runs '{there}'.",
)
def postgres_minor_mismatch(graph: Graph, options: Options) -> Outcomes:
    """Local and cloud Postgres run different minor versions.

    Minors fix wrong results, change plans and costs, and carry the extension versions that come with them: pgvector
    0.8 on RDS needs 16.5, so a query that works on 16.4 with a newer local pgvector fails in the cloud. What passes
    on one minor proves little about another, and the difference is found in production, by the query that broke.

    Only two exact minors are compared. What is not known HEX401 asks. Where one side floats, equality is unprovable and
    HEX403 says so; where the majors differ, HEX401 does. The option `postgres.match: major` turns this rule off. The
    fix retags the local image only to tags that are certain to exist: `pgvector/pgvector` has none with a minor, so
    that a built image is advised, and a Debian or Alpine release in a tag is kept only when moving up.
    """
    if options.postgres.match == "major":
        return
    for local, cloud in graph.mirrors(Database, engine="postgres"):
        if isinstance(local.version, Known) and isinstance(cloud.version, Known):
            yield Compared(local, cloud)
        match local.version, cloud.version:
            case Known(Version() as here), Known(Version() as there) if here.major == there.major and here != there:
                args = {"local": local.name, "here": here, "there": there}
                at, related, fix = local.version, (cloud.version,), _retag(local, there, f"run Postgres {there}")
                yield Finding(subject=local, against=cloud, at=at, args=args, related=related, fix=fix)


@rule(
    "HEX403",
    mandate="4.1",
    severity=Severity.WARNING,
    remedy="Pin the same minor version on both sides.",
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
        "same": "'{local}' and [the cloud](1) run '{here}', whose minor moves.",
        "neither": "'{local}' runs Postgres '{here}', whose minor moves, and [the cloud](1) names no engine version.",
    },
)
def postgres_minor_unprovable(graph: Graph, options: Options) -> Outcomes:
    """A floating Postgres version on one side leaves it to chance whether both run the same minor.

    `postgres:16-alpine` is whatever was pulled last: two laptops differ, CI differs from both, and RDS differs from
    all three. `engine_version = "16"` lets AWS choose. Nobody sees the change, because no file changes; pgvector#155
    is such a case, where the same tag carried another server from one day to the next.

    A floating side is unprovable, not a mismatch, hence a warning. The place to edit is the side that floats: the
    local image, or the cloud's version where only that one floats. Where the majors differ HEX401 speaks instead. An
    image named by digest does not move; when its tag leaves the minor open it is reported until `facts` declares the
    version; of a digest without a tag HEX401 asks. A managed database that names no version at all
    floats too. Services other than those of AWS take a major alone: a minor that is pinned locally is then a note, and
    where the local side floats too nobody can do anything. One tag in both places is a note. What both sides start
    from one line is not compared with itself. Where the table of tags knows what the tag meant, the message says it,
    with the date.
    """
    if options.postgres.match == "major":
        return
    for local, cloud in graph.mirrors(Database, engine="postgres"):
        if not _decided_by_major(local, cloud):
            yield Compared(local, cloud)
            yield from _unprovable(local, cloud)


def _unprovable(local: Database, cloud: Database) -> Outcomes:
    meaning = local.meaning
    floats = isinstance(local.version, Floating) or (isinstance(local.version, Unknown) and meaning is not None)
    args: dict[str, object] = {"local": local.name, "cloud": cloud.name, "here": local.written}
    subject, other, fix = local, cloud, None
    at: Span = local.place
    severity: Severity | None = None
    takes_minors = bool(cloud.service) or cloud.flavour in MANAGED
    if local.version.span == cloud.version.span:
        return  # what both sides start from one line moves for both
    match cloud.version:
        case Known(there) if floats:
            variant, fix = "local", _retag(local, there, f"pin Postgres {there}")
            args |= {"image": local.written, "there": there}
            if local.reference is not None and local.reference.digest is not None:
                variant = "digest"
            elif meaning is not None:
                variant = "dated"
                args |= {"meant": meaning.version, "date": meaning.date}
        case Floating(there) if floats and takes_minors:
            variant, args["there"] = "both", cloud.written if cloud.service else there
            if args["here"] == args["there"]:
                variant, severity = "same", Severity.NOTE
        case Absent() if floats and cloud.flavour in MANAGED:
            variant = "neither"
        case Floating(there, at) if isinstance(local.version, Known):
            pinned = local.version.value
            subject, other, variant = cloud, local, "cloud"
            args |= {"here": pinned, "there": there}
            severity = None if takes_minors else Severity.NOTE
            fix = Fix("declare 'postgres.match: major', where the service takes no minor")
            if takes_minors:
                fix = Fix.replacing(f"pin Postgres {pinned}", at, str(there), str(pinned))
        case Absent(at) if isinstance(local.version, Known) and cloud.flavour in MANAGED:
            subject, other, variant = cloud, local, "unset"
            args["here"] = local.version.value
            put = Put(at, ("engine_version",), str(local.version.value), after=("engine",))
            fix = Fix(f'set engine_version to "{local.version.value}"', (put,))
        case _:
            return
    related = (other.version,)
    yield Finding(
        subject=subject, against=other, at=at, variant=variant, severity=severity, args=args, related=related, fix=fix
    )


def _decided_by_major(local: Database, cloud: Database) -> bool:
    """Whether the majors differ, so that HEX401 reports and no minor is asked for."""
    if local.major is None or cloud.major is None:
        return moved_past(local, cloud.major) is not None
    return local.major != cloud.major


def _retag(local: Database, version: Version, description: str) -> Fix:
    """The local image with the tag of another version, where such a tag is certain to exist.

    No tag of `pgvector/pgvector` names a minor, so that it takes a built image to run one.
    """
    ref = local.reference
    tag = None if ref is None else tag_for(ref, version)
    if tag is None and local.major == version.major and ref is not None and ref.name == "pgvector/pgvector":
        return Fix(built_with_pgvector(f"postgres:{version}", version.major))
    safe = local.side is Side.LOCAL and local.major == version.major  # another major does not read the volume
    return Fix.tagging(description, local.image, tag, safe=safe)


@rule(
    "HEX404",
    mandate="4.1",
    severity=Severity.WARNING,
    remedy="Set 'auto_minor_version_upgrade' to false, and upgrade both sides in one change.",
    precision="very-high",
    message={
        "default": "'{cloud}' upgrades its Postgres minor by itself.",
        "unset": "'{cloud}' upgrades its Postgres minor by itself, because auto_minor_version_upgrade is not set.",
    },
)
def rds_auto_minor_upgrade(graph: Graph, options: Options) -> Outcomes:
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
        if cloud.flavour not in MANAGED or switch is None or switch.span in seen:
            continue
        seen.add(switch.span)
        description, args = "set auto_minor_version_upgrade to false", {"cloud": cloud.name}
        if isinstance(cloud.engine, Known) and cloud.engine.value == "postgres":
            yield Compared(cloud)
        match cloud.engine, switch:
            case Known("postgres"), Known(True, span):
                fix = Fix.replacing(description, span, "true", "false")
                yield Finding(subject=cloud, at=span, args=args, fix=fix)
            case Known("postgres"), Absent(span):
                put = Put(span, ("auto_minor_version_upgrade",), value=False, after=("engine_version", "engine"))
                yield Finding(subject=cloud, at=span, variant="unset", args=args, fix=Fix(description, (put,)))
            case Known("postgres"), Unknown():
                yield from undecided(cloud, switch)
