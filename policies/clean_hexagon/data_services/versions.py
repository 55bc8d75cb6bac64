"""What the versions of a pair leave open, and what tags that fix none meant."""

from collections.abc import Iterator

from policyengine.api import Cache, Database, Datastore, Meaning, Outcomes, Unknown, undecided


def unknown_versions(local: Datastore, cloud: Datastore, *further: object) -> Outcomes:
    """What is not known of two versions; nothing where both sides run one image, of whose tag HEX414 speaks."""
    mine, theirs = local.reference, cloud.reference
    if mine is None or theirs is None or mine.shown != theirs.shown:
        yield from undecided(local, *unasked(cloud, local.version, cloud.version, *further))


def unasked(cloud: Datastore, *values: object) -> Iterator[object]:
    """The values without those that are open because nobody has read what makes the store: HEX103 asks that."""
    asked = cloud.engine.reason if isinstance(cloud.engine, Unknown) else None
    return (each for each in values if not isinstance(each, Unknown) or each.reason != asked)


def moved_past(local: Database | Cache, major: int | None) -> Meaning | None:
    """What a tag that fixes no major meant, when that lies above the cloud's major already; tags never move down."""
    found = local.meaning if isinstance(local.version, Unknown) else None
    return found if found is not None and major is not None and found.version.major > major else None
