"""What a pipeline does around a deployment: what waits, what hands a service an image, variables or a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.layers import read
from policyengine.knowledge.loading import Cited, FactTable, table

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence


class Setting(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of a command, or inputs of an action."""

    names: tuple[str, ...]
    source: str


class Rollouts(Struct, frozen=True, forbid_unknown_fields=True):
    """How a command or an action says which service it makes, by its options or inputs: `name` of none is an operand.

    `noun` is what people call the service, `whole` tells that it says all of it, `job` that the service ends. `flags`
    are inputs that hold options of the command. `kind` is what stands before the name of an operand (`deployment/api`):
    what such a command does not say a manifest does.
    """

    noun: str
    source: str
    whole: bool = True
    job: bool = False
    name: tuple[str, ...] = ()
    image: tuple[str, ...] = ()
    port: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    kind: str = ""


class Rollout(FactTable, frozen=True):
    """The table, by the words of a command without its options; all but `waits` hold names of actions too.

    `sets` are the options or inputs that set variables of what is deployed, for all to read; `copies` are those of
    what copies files to a machine, none for a program that takes them as its operands; `task_definitions` those that
    name a task definition of ECS in JSON; `services` what makes a service and names it.
    """

    hands_over: dict[str, Cited]
    waits: dict[str, Cited]
    sets: dict[str, Setting]
    copies: dict[str, Setting]
    task_definitions: dict[str, Setting]
    services: dict[str, Rollouts]


def sets(words: Sequence[str]) -> tuple[str, ...]:
    """The options of a command, or the inputs of an action by its name, that set variables of what is deployed."""
    return _setting(words, table("rollout", Rollout).sets)


def copies(words: Sequence[str]) -> tuple[str, ...] | None:
    """The inputs of an action that name files to copy to a machine, none for a command's operands; None for others."""
    found = table("rollout", Rollout).copies
    return next((found[each].names for each in _entries(words, found)), None)


def task_definitions(words: Sequence[str]) -> tuple[str, ...]:
    """The options of a command, or the inputs of an action by its name, that name a task definition of ECS in JSON."""
    return _setting(words, table("rollout", Rollout).task_definitions)


def service_command(words: Sequence[str]) -> str:
    """The entry of `services` that a command line is, or an empty text."""
    return max(_entries(words, table("rollout", Rollout).services), key=len, default="")


def service(name: str) -> Rollouts | None:
    """How a command, by its entry, or an action by its name says which service it makes."""
    return table("rollout", Rollout).services.get(name)


def _setting(words: Sequence[str], entries: Mapping[str, Setting]) -> tuple[str, ...]:
    return next((entries[each].names for each in _entries(words, entries)), ())


def waits(words: Sequence[str]) -> bool:
    """Whether a command waits, or asks whether something is there: `wait-on`, `sleep 10`, `curl --retry 5`."""
    return any(_entries(words, table("rollout", Rollout).waits))


def hands_over(words: Sequence[str]) -> bool:
    """Whether a command, or an action by its name, gives a service another image than its files name."""
    return any(_entries(words, table("rollout", Rollout).hands_over))


def handing_over() -> tuple[str, ...]:
    """The commands and actions that give a service another image than its files name."""
    return tuple(table("rollout", Rollout).hands_over)


def _entries(words: Sequence[str], entries: Container[str]) -> Iterator[str]:
    """The entries that one of the programs of a command line is, with the words behind it that are no options."""
    for layer in read(tuple(words)):
        if layer.path in entries:
            yield layer.path
        plain = [word.lower() for word in words[layer.start :] if not word.startswith("-")]
        for count in range(1, min(len(plain), _MOST_WORDS) + 1):
            name = " ".join(plain[:count])
            if name in entries:
                yield name


_MOST_WORDS = 6
"""Words of the longest entry, with some to spare."""
