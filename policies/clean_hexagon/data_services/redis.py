"""The version of Redis on both sides (HEX411)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clean_hexagon.data_services.versions import (
    major_of,
    moved_finding,
    moved_past,
    reference,
    tagged,
    version_text,
    written,
)
from policyengine.api import (
    Cache,
    Compared,
    Finding,
    Fix,
    Graph,
    ImageRef,
    Known,
    Outcome,
    Severity,
    Span,
    rule,
    tag_fact,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options


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
        yield Compared(local, cloud)
        there, shown, place = _cache_major(cloud)
        here = major_of(local.version)
        if here is not None and there is not None:
            if here != there:
                yield Finding(
                    subject=local,
                    against=cloud,
                    at=local.version,
                    args={"local": local.name, "image": written(local), "here": here, "there": shown},
                    related=(place,),
                    fix=_cache_retag(local, there, options),
                )
        elif here is None and there is not None and (moved := moved_past(local, there)) is not None:
            yield moved_finding(local, cloud, moved, shown, place, _cache_retag(local, there, options))
        else:
            yield from undecided(local, local.version, cloud.version, cloud.family)


def _cache_retag(local: Cache, major: int, options: Options) -> Fix:
    """The house's tag when it is of the right major, else the major with the variant that is used now."""
    tag = options.redis.required_tag
    if tag.partition("-")[0].partition(".")[0] != str(major):
        tag = f"{major}-alpine"
    description = f"run '{tag}'"
    ref = reference(local)
    if not isinstance(local.image, Known) or ref is None or ref.digest is not None:
        return Fix(description)
    known = tag_fact(ImageRef(ref.registry, ref.repository, tag)) is not None
    return tagged(local.image, tag, description) if known else Fix(description)


def _same_engine(local: Cache, cloud: Cache) -> bool:
    match local.engine, cloud.engine:
        case Known(here), Known(there):
            return here == there and here in {"redis", "valkey"}
        case _:
            return False


def _cache_major(cloud: Cache) -> tuple[int | None, str, Span]:
    """The cloud's major, how to show it, and where it stands."""
    major = major_of(cloud.version)
    if major is not None:
        return major, version_text(cloud.version), cloud.version.span
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
