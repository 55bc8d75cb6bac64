"""Libraries that check the environment of a program: how they are imported, and what their functions do to a schema."""

from __future__ import annotations

from fnmatch import fnmatchcase

from msgspec import Struct

from policyengine.knowledge.loading import FactTable, table


class Module(Struct, frozen=True, forbid_unknown_fields=True):
    """A module (`*` stands for anything), or the name that everybody gives it. `environment` checks nothing.

    What `reads` the environment itself needs no `process.env` in the file that uses it.
    """

    library: str
    source: str
    reads: bool = False


class Function(Struct, frozen=True, forbid_unknown_fields=True):
    """What a function does: to the schema that it makes, to the one that it is a method of, or to what it checks."""

    effect: str
    source: str


class Validators(FactTable, frozen=True):
    """The table. `calls` are `strict` where they throw, `lenient` where they tell by what they give back."""

    modules: dict[str, Module]
    names: dict[str, Module]
    constructors: dict[str, Function]
    methods: dict[str, Function]
    calls: dict[str, Function]


def _table() -> Validators:
    return table("validators", Validators)


def library(module: str) -> str | None:
    """The library that a module belongs to, None for one that is not known."""
    modules = _table().modules
    if module in modules:
        return modules[module].library
    return next((each.library for name, each in modules.items() if "*" in name and fnmatchcase(module, name)), None)


def reads_environment(text: str) -> bool:
    """Whether a text names a module that reads the environment itself."""
    names = [name.rstrip("*") for name, each in _table().modules.items() if each.reads]
    return any(f"{quote}{name}" in text for name in names for quote in "\"'")


def customary(name: str) -> str:
    """The library that a name stands for by custom, wherever it is imported from; an empty text for none."""
    found = _table().names.get(name)
    return found.library if found is not None else ""


def constructor(name: str) -> str:
    """What a function makes: an `object`, an `optional` value …; an empty text for a value that must be there."""
    found = _table().constructors.get(name)
    return found.effect if found is not None else ""


def method(name: str) -> str:
    """What a method does to a schema; an empty text where it does not matter whether there is a value."""
    found = _table().methods.get(name)
    return found.effect if found is not None else ""


def call(name: str) -> str:
    """How a function checks: `strict`, `lenient`, or an empty text when it does not."""
    found = _table().calls.get(name)
    return found.effect if found is not None else ""
