"""The tables of facts: `knowledge/SUBJECT.json`, read once when it is first asked, with what packs add to it.

A lookup module names the shape of its table as a Struct and asks `table(subject, shape)` at each question; what it
derives from a table (an index, a compiled pattern, an answer) it keeps in that Struct, so that it goes with the table.
Every table holds `sources`, and every entry the key of the source that it was taken from.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Citation(Struct, frozen=True, forbid_unknown_fields=True):
    """Where facts were taken from, and when (ISO 8601). Without an `address` it is what people of the field know."""

    title: str
    date: str
    address: str = ""


class Cited(Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of which only the name matters."""

    source: str


class FactTable(Struct, frozen=True, forbid_unknown_fields=True):
    """What every table holds; `sources` by the key that entries cite."""

    sources: dict[str, Citation]


class Facts(Struct, frozen=True):
    """What a plug-in knows: a part of the table of a subject, written as its file is, with sources of its own.

    An entry takes the place of the one with its key; rows of a list come after the rows that are there.
    """

    subject: str
    entries: Mapping[str, object]


T = TypeVar("T", bound=FactTable)

_read: dict[str, FactTable] = {}
_more: list[Facts] = []


def table(subject: str, shape: type[T]) -> T:
    """The table of a subject, with what plug-ins know of it."""
    found = _read.get(subject)
    if found is None:
        found = _read[subject] = _table(subject, shape, [facts for facts in _more if facts.subject == subject])
    return cast("T", found)


def use(facts: Sequence[Facts]) -> None:
    """Let tables hold what plug-ins know, and nothing that was given before.

    Raises:
        ValueError: there is no such subject, or the entries have not the form of its table.
    """
    for each in facts:
        check(each)
    for subject in {each.subject for each in (*_more, *facts)} if list(facts) != _more else ():
        _read.pop(subject, None)
    _more[:] = facts


def check(facts: Facts) -> None:
    """Raises ValueError when there is no such subject, or the entries have not the form of its table."""
    if facts.subject not in subjects():
        raise ValueError(f"there is no table '{facts.subject}'; the subjects are {', '.join(subjects())}")
    made = _table(facts.subject, shape(facts.subject), [facts])
    for part in facts.entries:
        entries = getattr(made, part) if part != "sources" else {}
        for key, entry in entries.items() if isinstance(entries, dict) else enumerate(entries):
            if entry.source not in made.sources:
                raise ValueError(f"'{key}' in '{part}' of '{facts.subject}' cites the unknown source '{entry.source}'")


def shape(subject: str) -> type[FactTable]:
    """The type of a table, which its lookup module names after the subject: `BaseImages` in `base_images`."""
    found: type[FactTable] = getattr(
        import_module(f"policyengine.knowledge.{subject}"), subject.title().replace("_", "")
    )
    return found


def subjects() -> tuple[str, ...]:
    """The subjects there are, sorted."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.json")))


def parts(subject: str) -> tuple[str, ...]:
    """The parts of the table of a subject, `sources` among them."""
    return tuple(msgspec.json.decode(_text(subject), type=dict[str, msgspec.Raw]))


def _text(subject: str) -> bytes:
    return (Path(__file__).parent / f"{subject}.json").read_bytes()


def _table(subject: str, form: type[T], facts: Sequence[Facts]) -> T:
    text = _text(subject)
    if not facts:
        return msgspec.json.decode(text, type=form)
    merged = msgspec.json.decode(text, type=dict[str, object])
    for each in facts:
        for part, entries in each.entries.items():
            match merged.get(part), entries:
                case dict(here), dict(more):
                    merged[part] = here | more
                case list(here), list(more):
                    merged[part] = here + more
                case _:
                    merged[part] = entries
    return msgspec.convert(merged, form)
