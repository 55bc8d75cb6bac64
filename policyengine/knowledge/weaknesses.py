"""The names of weaknesses that findings belong to."""

from __future__ import annotations

from msgspec import Struct

from policyengine.knowledge.loading import FactTable, table


class Weakness(Struct, frozen=True, forbid_unknown_fields=True):
    """A weakness of the Common Weakness Enumeration: its name in one word, and a sentence."""

    name: str
    text: str
    source: str


class Weaknesses(FactTable, frozen=True):
    """The table, by `CWE-` and four digits."""

    weaknesses: dict[str, Weakness]


def weakness(number: int) -> tuple[str, str]:
    """The name of a weakness and a sentence, for any number."""
    found = table("weaknesses", Weaknesses).weaknesses.get(f"CWE-{number:04}")
    if found is None:
        return f"Weakness{number}", f"CWE-{number} of the enumeration."
    return found.name, found.text
