"""What a public image is: its engine, what it does in a stack, and how its tags tell the engine's version."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from policyengine.knowledge.loading import Cited, FactTable, table
from policyengine.patterns import regex

Purpose = Literal[
    "database",
    "cache",
    "search",
    "queue",
    "storage",
    "emulator",
    "proxy",
    "identity",
    "workflow",
    "runtime",
    "base",
    "devtool",
    "migration",
    "sidecar",
    "test",
    "tool",
]
"""What an image does in a stack.

`emulator` stands in for several services of a cloud, `runtime` is a bare language image, `base` a bare system.
"""

Grammar = Literal["lead", "none", "pg", "supabase", "version"]
"""How a tag tells the version; the table says how each is written."""


class Image(Struct, frozen=True, forbid_unknown_fields=True):
    """A public image: `engine` is the engine's own word (`postgres`), `extensions` what it brings beyond it (`vector`).

    `version` is given where the name of the repository fixes it and the tag does not tell it.
    """

    engine: str
    purpose: Purpose
    grammar: Grammar
    source: str
    extensions: tuple[str, ...] = ()
    version: str = ""


class Releases(Struct, frozen=True, forbid_unknown_fields=True):
    """In how many numbers an engine counts its releases, from the major `since` on; three where nothing is said."""

    numbers: int
    source: str
    since: int = 0


class Codename(Struct, frozen=True, forbid_unknown_fields=True):
    """A name that stays with one major of an engine for ever."""

    engine: str
    major: int
    source: str


class Suggestion(Struct, frozen=True, forbid_unknown_fields=True):
    """The image that a word in the name of an unknown repository suggests."""

    image: str
    source: str


class Form(Struct, frozen=True, forbid_unknown_fields=True):
    """How the tags of a grammar are written, for people."""

    form: str
    source: str


class Images(FactTable, frozen=True):
    """The table. `other_programs` are words that tell a program around an engine, not the engine: `redis-exporter`.

    `samples` are the publishers' own hello-world images, which stand for the one that the first deployment brings.
    """

    grammars: dict[Grammar, Form]
    releases: dict[str, Releases]
    codenames: dict[str, Codename]
    suggestions: dict[str, Suggestion]
    other_programs: dict[str, Cited]
    samples: dict[str, Cited]
    images: dict[str, Image]


def image(name: str) -> Image | None:
    """What the image of that name (`postgres`, `ghcr.io/acme/app`) is, or None for one that the table does not list."""
    return table("images", Images).images.get(name)


def is_sample(name: str) -> bool:
    """Whether the image of that name is a publisher's sample, of which nobody here pushes anything."""
    return name in table("images", Images).samples


def purpose_of(name: str) -> Purpose | None:
    """What the image of that name does in a stack, or None for one that the table does not list."""
    found = image(name)
    return None if found is None else found.purpose


_WORD = regex(r"[^-_.]+")
_NUMBERED = regex(r"([a-z]+)\d")


def suggested(basename: str) -> Image | None:
    """What the last component of an unknown repository suggests: `acme-postgres16` is a Postgres."""
    images = table("images", Images)
    found: Image | None = None
    for word in _WORD.findall(basename):
        numbered = _NUMBERED.match(word)
        stem = word if numbered is None or word in images.other_programs else numbered[1]
        if stem in images.other_programs:
            return None
        if found is None and stem in images.suggestions:
            found = images.images.get(images.suggestions[stem].image)
    return found


def release_numbers(engine: str, major: int) -> int:
    """In how many numbers an engine counts a release of that major: `16.4` is a Postgres, `7.2.5` a Redis."""
    releases = table("images", Images).releases.get(engine)
    return 3 if releases is None or major < releases.since else releases.numbers


def codename(engine: str, tag: str) -> int | None:
    """The major that a tag names by its codename: `iron-slim` and `lts-iron` are Node 20."""
    found = table("images", Images).codenames.get(tag.removeprefix("lts-").partition("-")[0])
    return None if found is None or found.engine != engine else found.major
