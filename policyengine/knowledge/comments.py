"""Which marks begin a comment in a file, told by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.knowledge.loading import FactTable, table

if TYPE_CHECKING:
    from collections.abc import Iterator


class CommentMark(Struct, frozen=True, forbid_unknown_fields=True):
    """What begins a comment in files with these endings, or whose names begin so (`Dockerfile.production`).

    `closes` is what ends it before the line does.
    """

    endings: tuple[str, ...]
    names: tuple[str, ...]
    source: str
    closes: str = ""


class Alone(Struct, frozen=True, forbid_unknown_fields=True):
    """An ending or a name of files in which a comment has its line for itself."""

    source: str


class Comments(FactTable, frozen=True):
    """The table, by marks and by the ends and names of files; `told` are answers that were given."""

    marks: dict[str, CommentMark]
    alone: dict[str, Alone]
    told: dict[str, CommentStyle] = field(default_factory=dict)


class CommentStyle(Struct, frozen=True):
    """How comments are written in a file: the marks with what closes them, and whether each has a line for itself."""

    marks: tuple[tuple[str, str], ...]
    alone: bool


def style_of(path: str) -> CommentStyle:
    """How comments are written in a file; without marks where its format has none, as JSON, or is not known."""
    known = table("comments", Comments)
    name = path.rpartition("/")[2].lower()
    keys = tuple(_keys(name))
    kind = keys[-1]
    if kind not in known.told:
        marks = ((mark, each.closes) for mark, each in known.marks.items() if _fits(each, keys))
        known.told[kind] = CommentStyle(tuple(marks), any(key in known.alone for key in keys))
    return known.told[kind]


def _fits(mark: CommentMark, keys: tuple[str, ...]) -> bool:
    return any(key in mark.endings or key in mark.names for key in keys)


def _keys(name: str) -> Iterator[str]:
    """What a file is known by: its ending, the first word of its name, and the name: `.env.local` is `.env`."""
    stem, dot, ending = name.rpartition(".")
    yield f".{ending}" if dot and stem else name
    if name.startswith(".env"):
        yield ".env"
    yield name.partition(".")[0] or name
    yield name
