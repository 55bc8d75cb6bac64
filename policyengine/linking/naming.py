"""What names say: their words, without what a project, an environment or a region puts around them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from policyengine.knowledge import names
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORD = regex(r"[a-z0-9]+")
_HUMP = regex(r"(?<=[a-z0-9])(?=[A-Z])")  # between the words of `ApiContainer`
_REGION = regex(r"(?:us|eu|ap|sa|ca|me|af|il|mx|cn)-(?:gov-)?(?:north|south|east|west|central)+-\d")
_NUMBER = regex(r"\[\d+\]")
_FEWEST = 2
"""How many different names must share a word that is taken for an affix of the project."""


def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, without a region, a number in brackets and a turn.

    `api-eu-west-1` is `api`, and so is `api-blue`; `blue` alone stays.
    """
    plain = _REGION.sub("-", _NUMBER.sub("", _HUMP.sub("-", name)).lower().replace("_", "-"))
    found = tuple(_WORD.findall(plain))
    return tuple(word for word in found if not names.takes_turns(word)) or found


def affixes(names: Iterable[str]) -> frozenset[str]:
    """The words that stand in each of several different names: those of the project, not of its parts.

    What is called alike but for its environment is one name.
    """
    lists = {frozenset(word for word in words(name) if not _deployment(word)) for name in names}
    if len(lists) < _FEWEST:
        return frozenset()
    counted = Counter(word for each in lists for word in each)
    return frozenset(word for word, times in counted.items() if times == len(lists))


def stem(name: str, without: frozenset[str] = frozenset()) -> frozenset[str]:
    """What is left of a name: one word for all that mean the same, no environment, no affix; the words if nothing is.

    `prod-api-prod` is `api`, `app_dev` is `app`, `frontend` and `front` are `web`.
    """
    every = words(name)
    kept = [word for word in every if not names.is_filler(word) and not _deployment(word) and word not in without]
    kept = kept or [word for word in every if not _deployment(word)]
    return names.meanings(kept) or frozenset(every)


def bare(name: str, without: frozenset[str]) -> str:
    """A name without environments and affixes, its words in order: `shop-prod-auth-service` is `auth-service`."""
    return "-".join(word for word in words(name) if not _deployment(word) and word not in without)


def telling(name: str, without: frozenset[str] = frozenset()) -> bool:
    """Whether a name says more than `app`, `main` or `default`."""
    return any(not names.is_filler(word) and not _deployment(word) and word not in without for word in words(name))


def for_upkeep(name: str) -> bool:
    """Whether a bucket's name says that it serves the infrastructure: logs, state, backups."""
    return any(names.speaks_of_upkeep(word) for word in words(name))


def for_tests(name: str, without: frozenset[str] = frozenset()) -> bool:
    """Whether a name says that a node serves the tests only: `db-test`, `e2e`; not by the words `without`."""
    return any(names.speaks_of_tests(word) and word not in without for word in words(name))


def _deployment(word: str) -> bool:
    """Whether a word names an environment that a system is deployed to, or the local one."""
    return names.environment(word) not in ("", "test")
