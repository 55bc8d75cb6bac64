"""How the files of a language end."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from policyengine.knowledge.loading import FactTable, table

Language = Literal["components", "javascript", "jsx"]
"""`javascript` with TypeScript, `jsx` of both, and `components`, which hold either beside their markup."""


class LanguageFiles(Struct, frozen=True, forbid_unknown_fields=True):
    """The endings of a language, in the order in which an import without one looks for them."""

    endings: tuple[str, ...]
    source: str


class Languages(FactTable, frozen=True):
    """The table, by languages."""

    languages: dict[Language, LanguageFiles]


def endings(*languages: Language) -> tuple[str, ...]:
    """How files of languages end, with the dot."""
    known = table("languages", Languages).languages
    return tuple(ending for language in languages for ending in known[language].endings)
