"""Options of servers that say how much they do at once and how much they tell, and not what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.loading import FactTable, table

if TYPE_CHECKING:
    from collections.abc import Sequence


class TuningOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The options of one program for its log level and the number of its workers, each with one value."""

    names: list[str]
    source: str


class Application(Struct, frozen=True, forbid_unknown_fields=True):
    """The options by which a program is given an application, and the module that it looks for in a package."""

    names: list[str]
    module: str
    source: str


class Tuning(FactTable, frozen=True):
    """The table, by the names of programs."""

    options: dict[str, TuningOptions]
    applications: dict[str, Application]


def untuned(words: Sequence[str]) -> tuple[str, ...]:
    """A command without its log level and the number of its workers, and with an application as its package."""
    known = table("tuning", Tuning)
    program = next((name for word in words if (name := word.rpartition("/")[2]) in known.options), "")
    if not program:
        return tuple(words)
    application = known.applications.get(program)
    kept: list[str] = []
    option = ""
    for word in words:
        name, equals, value = word.partition("=")
        if option in known.options[program].names:
            option = ""
        elif name in known.options[program].names:
            option = "" if equals else name
        elif application is not None and (option in application.names or (equals and name in application.names)):
            module = f".{application.module}"
            kept += [*([name] if equals else []), (value if equals else word).removesuffix(module)]
            option = ""
        else:
            option = word
            kept.append(word)
    return tuple(kept)
