"""The version of Postgres on both sides (HEX401, HEX402, HEX403)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clean_hexagon.data_services.upgrades import MANAGED
from clean_hexagon.data_services.versions import (
    image_place,
    major_of,
    moved_finding,
    moved_past,
    reference,
    replaced,
    tag_floats,
    tagged,
    version_text,
    written,
)
from policyengine.api import (
    Absent,
    Compared,
    Database,
    Finding,
    Fix,
    Floating,
    Graph,
    ImageRef,
    Known,
    Outcome,
    Severity,
    Value,
    Version,
    meant_version,
    rule,
    tag_fact,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options


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
        here, there = major_of(local.version), major_of(cloud.version)
        yield Compared(local, cloud)
        if here is not None and there is not None:
            if here != there:
                yield Finding(
                    subject=local,
                    against=cloud,
                    at=local.version,
                    args={
                        "local": local.name,
                        "here": version_text(local.version),
                        "there": version_text(cloud.version),
                    },
                    related=(cloud.version,),
                    fix=_retag(
                        local.image, _target(cloud.version, there), f"run Postgres {version_text(cloud.version)}"
                    ),
                )
        elif there is not None and (moved := moved_past(local, there)) is not None:
            shown = version_text(cloud.version)
            fix = _retag(local.image, _target(cloud.version, there), f"run Postgres {shown}")
            yield moved_finding(local, cloud, moved, shown, cloud.version.span, fix)
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
        if isinstance(local.version, Known) and isinstance(cloud.version, Known):
            yield Compared(local, cloud)
        match local.version, cloud.version:
            case Known(Version() as here), Known(Version() as there) if here.major == there.major and here != there:
                yield Finding(
                    subject=local,
                    against=cloud,
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
            yield Compared(local, cloud)
            yield from _unprovable(local, cloud)


def _unprovable(local: Database, cloud: Database) -> Iterator[Outcome]:
    names = {"local": local.name, "cloud": cloud.name}
    local_floats = isinstance(local.version, Floating) or tag_floats(local)
    match cloud.version:
        case Known(there) if local_floats:
            image = reference(local)
            fact = None if image is None else tag_fact(image)
            meant = None if fact is None else meant_version(fact)
            variant = "local"
            args: dict[str, object] = {**names, "image": written(local), "there": there}
            if image is not None and image.digest is not None:
                variant = "digest"
            elif fact is not None and meant is not None:
                variant = "dated"
                args |= {"meant": meant, "date": fact.date}
            fix = _retag(local.image, there, f"pin Postgres {there}")
            yield Finding(
                subject=local,
                against=cloud,
                at=image_place(local),
                variant=variant,
                args=args,
                related=(cloud.version,),
                fix=fix,
            )
        case Floating(there) if local_floats:
            args = {**names, "here": written(local), "there": there}
            yield Finding(
                subject=local, against=cloud, at=image_place(local), variant="both", args=args, related=(cloud.version,)
            )
        case Absent() if local_floats and cloud.flavour in MANAGED:
            args = {**names, "here": written(local)}
            yield Finding(
                subject=local,
                against=cloud,
                at=image_place(local),
                variant="neither",
                args=args,
                related=(cloud.version,),
            )
        case Floating(there, span) if isinstance(local.version, Known):
            pinned = local.version.value
            args = {**names, "here": pinned, "there": there}
            fix = replaced(span, str(there), str(pinned), f"pin Postgres {pinned}")
            yield Finding(
                subject=cloud,
                against=local,
                at=cloud.version,
                variant="cloud",
                args=args,
                related=(local.version,),
                fix=fix,
            )
        case Absent() if isinstance(local.version, Known) and cloud.flavour in MANAGED:
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


def _target(version: Value[Version], major: int) -> Version:
    return version.value if isinstance(version, Known | Floating) else Version(major)


def _decided_by_major(local: Database, cloud: Database) -> bool:
    """Whether the majors differ, so that HEX401 reports and no minor is asked for."""
    here, there = major_of(local.version), major_of(cloud.version)
    if there is None:
        return False
    return moved_past(local, there) is not None if here is None else here != there


def _retag(image: Value[ImageRef] | None, version: Version, description: str) -> Fix:
    """The image with the tag of a Postgres version, where such a tag is certain to exist."""
    if not isinstance(image, Known) or not isinstance(image.value.tag, str) or image.value.digest is not None:
        return Fix(description)
    tag = _postgres_tag(image.value, version)
    return Fix(description) if tag is None else tagged(image, tag, description)


def _postgres_tag(ref: ImageRef, version: Version) -> str | None:
    """The tag of that version in the scheme of the present tag; None where it might not exist."""
    written = ref.tag if isinstance(ref.tag, str) else ""
    head, _, variant = written.partition("-")
    if ref.name == "pgvector/pgvector":
        ahead, _, major = written.rpartition("pg")
        return f"{ahead}pg{version.major}" if major.isdigit() and int(major) != version.major else None
    if ref.name != "postgres":
        return None
    numbers = [int(part) for part in head.split(".") if part.isascii() and part.isdigit()]
    if (numbers or head == "latest") and not variant:
        return str(version)
    if (numbers and variant == "alpine") or written == "alpine":
        return f"{version}-alpine"
    if len(numbers) == 2 and numbers[0] == version.major and version.minor is not None and numbers[1] < version.minor:
        return f"{version}-{variant}"
    return None
