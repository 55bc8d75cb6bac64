"""What a floating tag of an official image meant on the day of the table."""

from __future__ import annotations

from msgspec import Struct

from policyengine.knowledge.loading import Cited, FactTable, table
from policyengine.knowledge.names import environment


class TagFact(Struct, frozen=True):
    """What a floating tag meant: the most specific `tag` of the same image on that `date`; `source` is an address."""

    tag: str
    date: str
    source: str


class FloatingTags(Struct, frozen=True, forbid_unknown_fields=True):
    """The floating tags of one image, each with the most specific tag of the same image."""

    tags: dict[str, str]
    source: str


class Tags(FactTable, frozen=True):
    """The table: floating tags by the name of the image, and names that move as the tag of any image."""

    images: dict[str, FloatingTags]
    moving: dict[str, Cited]


def meant(image: str, tag: str) -> TagFact | None:
    """What `tag` of the image `postgres` meant, or None where the table is silent."""
    tags = table("tags", Tags)
    found = tags.images.get(image)
    if found is None or tag not in found.tags:
        return None
    source = tags.sources[found.source]
    return TagFact(found.tags[tag], source.date, source.address or source.title)


def moves(tag: str) -> bool:
    """Whether a tag is given to another image again and again: `latest`, a branch, an environment."""
    return tag.lower() in table("tags", Tags).moving or bool(environment(tag.lower()))
