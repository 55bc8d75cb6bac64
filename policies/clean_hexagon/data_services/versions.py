"""Versions and images of datastores, as the rules of side 4 compare, show and mend them."""

from __future__ import annotations

from policyengine.api import (
    Datastore,
    Edit,
    Finding,
    Fix,
    Floating,
    ImageRef,
    Known,
    Span,
    TagFact,
    Unknown,
    Value,
    Version,
    meant_version,
    tag_fact,
)


def major_of(version: Value[Version]) -> int | None:
    """The major, as far as it is fixed."""
    match version:
        case Known(value) | Floating(value):
            return value.major
        case _:
            return None


def version_text(version: Value[Version]) -> str:
    """The version as messages show it."""
    return str(version.value) if isinstance(version, Known | Floating) else "unknown"


def reference(store: Datastore) -> ImageRef | None:
    """The image that a datastore runs, as far as it is known."""
    return store.image.value if isinstance(store.image, Known | Floating) else None


def written(store: Datastore) -> str:
    """The image as it was written, or the version where no image is known."""
    ref = reference(store)
    return shortened(ref.text or str(ref)) if ref is not None else version_text(store.version)


def shortened(image: str) -> str:
    """A reference with its digest cut to a length that people read."""
    named, at, digest = image.partition("@")
    return f"{named}@{digest[:19]}…" if at else named


def image_place(store: Datastore) -> Span:
    """Where the image stands, or the version where no image is known."""
    return store.version.span if store.image is None else store.image.span


def tag_floats(store: Datastore) -> bool:
    """Whether the image is named by a tag that moves and fixes not even the major, such as `latest`."""
    ref = reference(store)
    return isinstance(store.version, Unknown) and ref is not None and tag_fact(ref) is not None


def moved_past(store: Datastore, major: int) -> tuple[TagFact, Version, ImageRef] | None:
    """What a tag that fixes no major meant, when that lies above `major` already; tags never move down."""
    ref = reference(store)
    if ref is None or not tag_floats(store):
        return None
    fact = tag_fact(ref)
    meant = None if fact is None else meant_version(fact)
    return None if fact is None or meant is None or meant.major <= major else (fact, meant, ref)


def moved_finding(
    local: Datastore, cloud: Datastore, moved: tuple[TagFact, Version, ImageRef], shown: str, place: Span, fix: Fix
) -> Finding:
    """The finding, of the variant `moved`, that a tag's meaning lies above the cloud's version `shown` at `place`."""
    fact, meant, ref = moved
    return Finding(
        subject=local,
        against=cloud,
        at=image_place(local),
        variant="moved",
        args={
            "local": local.name,
            "image": shortened(ref.text),
            "here": meant,
            "date": fact.date,
            "there": shown,
        },
        related=(place,),
        fix=fix,
    )


def tagged(image: Known[ImageRef], tag: str, description: str) -> Fix:
    """The Fix that gives an image another tag, where the reference stands as one text."""
    ref, span = image.value, image.span
    if ref.tag_at is None or span.end - span.start != len(ref.text):
        return Fix(description)
    start, end = ref.tag_at
    return Fix(description, (Edit(Span(span.path, span.start + start, span.start + end), tag),))


def replaced(span: Span, old: str, new: str, description: str) -> Fix:
    """A Fix that puts `new` at `span` when exactly `old` can stand there, and only says so otherwise."""
    edits = (Edit(span, new),) if span.end - span.start == len(old) else ()
    return Fix(description, edits)
