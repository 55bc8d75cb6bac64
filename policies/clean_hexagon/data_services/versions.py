"""What the versions of a pair leave open, and what tags that fix none meant."""

from clean_hexagon.parts import unasked
from policyengine.api import Cache, Database, Datastore, Meaning, Outcomes, Unknown, undecided


def unknown_versions(local: Datastore, cloud: Datastore, *further: object) -> Outcomes:
    """What is not known of two versions; nothing where both sides run one image, of whose tag HEX414 speaks."""
    mine, theirs = local.reference, cloud.reference
    if mine is None or theirs is None or mine.shown != theirs.shown:
        yield from undecided(local, *unasked(cloud.engine, local.version, cloud.version, *further))


def moved_past(local: Database | Cache, major: int | None) -> Meaning | None:
    """What a tag that fixes no major meant, when that lies above the cloud's major already; tags never move down."""
    found = local.meaning if isinstance(local.version, Unknown) else None
    return found if found is not None and major is not None and found.version.major > major else None
