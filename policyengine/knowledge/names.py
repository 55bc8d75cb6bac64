"""The words of a name, however it joins them: `DB_PASSWORD`, `db-password`, `dbPassword`, `Db__Password2`."""

from __future__ import annotations

from policyengine.patterns import regex

_WORD = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case; a run of digits is a word too."""
    return tuple(word.lower() for word in _WORD.findall(name))
