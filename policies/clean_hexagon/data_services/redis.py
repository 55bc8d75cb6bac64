"""The version of Redis on both sides (HEX411)."""

from collections.abc import Iterator

from clean_hexagon.data_services.versions import moved_past, unknown_versions
from clean_hexagon.options import Options
from policyengine.api import (
    Cache,
    Compared,
    Finding,
    Fix,
    Graph,
    ImageRef,
    Known,
    Outcomes,
    Severity,
    Span,
    began_as,
    regex,
    rule,
    tag_fact,
)

_FAMILY = regex(r"(?:default\.)?(?:redis|valkey)(\d+)")  # redis7, redis6.x, default.redis7.cluster.on


def redis_pairs(graph: Graph) -> Iterator[tuple[Cache, Cache]]:
    """The pairs of caches of which each is Redis or an engine made from it."""
    for pair in graph.mirrors(Cache):
        if all(isinstance(each.engine, Known) and began_as(each.engine.value) == "redis" for each in pair):
            yield pair


@rule(
    "HEX411",
    mandate="4.3",
    severity=Severity.ERROR,
    remedy="Run the major version of the cloud locally.",
    message={
        "default": "'{local}' runs '{image}', which is major '{here}', but [the cloud](1) runs '{there}'.",
        "moved": "'{local}' runs '{image}', which was '{here}' on '{date}', but [the cloud](1) runs '{there}'.",
    },
)
def redis_major_mismatch(graph: Graph, options: Options) -> Outcomes:
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
    for local, cloud in (*graph.mirrors(Cache, engine="redis"), *graph.mirrors(Cache, engine="valkey")):
        yield Compared(local, cloud)
        there, shown, place = cloud_major(cloud)
        moved = moved_past(local, there)
        args: dict[str, object] = {"local": local.name, "image": local.written, "here": local.major, "there": shown}
        if moved is not None:
            args |= {"here": moved.version, "date": moved.date}
        elif local.major is None or there is None:
            yield from unknown_versions(local, cloud, cloud.family)
            continue
        if there is not None and there != local.major:
            variant, at = ("default", local.version) if moved is None else ("moved", local.place)
            related, fix = (place,), _retag(local, there, options)
            yield Finding(subject=local, against=cloud, at=at, variant=variant, args=args, related=related, fix=fix)


def _retag(local: Cache, major: int, options: Options) -> Fix:
    """The house's tag when it is of the right major, else the major with the variant that is used now."""
    tag, ref = options.redis.tag, local.reference
    if tag.partition("-")[0].partition(".")[0] != str(major):
        tag = f"{major}-alpine"
    exists = ref is not None and tag_fact(ImageRef(ref.registry, ref.repository, tag)) is not None
    return Fix.tagging(f"run '{tag}'", local.image, tag if exists else None)


def cloud_major(cloud: Cache) -> tuple[int | None, str, Span]:
    """The cloud's major, how to show it, and where it stands: that of the version, or of the parameter group."""
    family = cloud.family if isinstance(cloud.family, Known) else None
    match = None if family is None else _FAMILY.match(family.value)
    if cloud.major is None and family is not None and match is not None:
        return int(match[1]), family.value, family.span
    return cloud.major, cloud.shown_version, cloud.version.span
