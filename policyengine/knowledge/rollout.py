"""What a pipeline does around a deployment: programs that wait, commands that hand an image to a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.layers import read
from policyengine.knowledge.loading import Cited, FactTable, table

if TYPE_CHECKING:
    from collections.abc import Sequence


class Rollout(FactTable, frozen=True):
    """The table, by the words of a command without its options; `hands_over` holds names of actions too."""

    hands_over: dict[str, Cited]
    waits: dict[str, Cited]


def waits(words: Sequence[str]) -> bool:
    """Whether a command waits, or asks whether something is there: `wait-on`, `sleep 10`, `curl --retry 5`."""
    return _names(words, table("rollout", Rollout).waits)


def hands_over(words: Sequence[str]) -> bool:
    """Whether a command, or an action by its name, gives a service another image than its files name."""
    return _names(words, table("rollout", Rollout).hands_over)


def _names(words: Sequence[str], entries: dict[str, Cited]) -> bool:
    """Whether one of the programs of a command line, with the words behind it that are no options, is an entry."""
    for layer in read(tuple(words)):
        plain = " ".join(word for word in words[layer.start :] if not word.startswith("-")).lower()
        if layer.path in entries or any(f"{plain} ".startswith(f"{each} ") for each in entries):
            return True
    return False
