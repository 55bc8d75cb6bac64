"""What a public image brings to the stages built on it: user, working directory, C library, shell, tools, defaults.

What the table does not say stays None: a rule then has an Unknown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, TypeVar

from msgspec import Struct, field

from policyengine.knowledge.loading import FactTable, table
from policyengine.knowledge.variables import given_names

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")

CHECKED_TOOLS = ("sh", "bash", "curl", "wget", "nc")
"""The programs of which the table tells whether an image has them."""


class BaseImage(Struct, frozen=True):
    """The facts about one image; None is unknown. `tools` are those of `CHECKED_TOOLS` that it has.

    `users` maps users that it creates to their uid, `environment` names variables that it, or the runtime, sets.
    """

    user: str | None = None
    workdir: str | None = None
    libc: str | None = None
    tools: frozenset[str] | None = None
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    exposed: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    users: dict[str, str] = field(default_factory=dict)
    environment: frozenset[str] = frozenset()


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is true of some images, and of those of their tags in which the expression `variant` is found."""

    repositories: tuple[str, ...]
    source: str
    variant: str | None = None
    user: str | None = None
    workdir: str | None = None
    libc: Literal["glibc", "musl"] | None = None
    tools: frozenset[str] | None = None
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    exposed: tuple[str, ...] | None = None
    volumes: tuple[str, ...] | None = None
    users: dict[str, str] | None = None
    environment: frozenset[str] | None = None


class BaseImages(FactTable, frozen=True):
    """The table: of the rows that concern an image, a later one overrules what an earlier one says of a field."""

    rows: list[Row]


def base_image(name: str, tag: str | None) -> BaseImage | None:
    """What is known of the image of that name, or None for one that the table does not list.

    `tag` is the one that is pulled. With None only a digest is known, so what depends on the variant is not.
    """
    rows = [row for row in table("base_images", BaseImages).rows if name in row.repositories]
    found = [row for row in rows if row.variant is None or re.search(row.variant, tag or "")]
    if not found:
        return None
    return BaseImage(
        user=_last(row.user for row in found),
        workdir=_last(row.workdir for row in found),
        libc=None if tag is None else _last(row.libc for row in found),
        tools=None if tag is None else _last(row.tools for row in found),
        entrypoint=_last(row.entrypoint for row in found),
        command=_last(row.command for row in found),
        exposed=_last(row.exposed for row in found) or (),
        volumes=_last(row.volumes for row in found) or (),
        users=_last(row.users for row in found) or {},
        environment=(_last(row.environment for row in found) or frozenset()) | given_names("image"),
    )


def is_entrypoint(word: str) -> bool:
    """Whether a listed image starts with that word by itself: `docker-entrypoint.sh`, as it is written there."""
    return any(row.entrypoint and row.entrypoint[0] == word for row in table("base_images", BaseImages).rows)


def uid(user: str) -> str | None:
    """The number by which every listed image that creates a user knows it: 1000 of `node`; None where they differ."""
    rows = table("base_images", BaseImages).rows
    found = {row.users[user] for row in rows if row.users is not None and user in row.users}
    return found.pop() if len(found) == 1 else None


def _last(said: Iterable[T | None]) -> T | None:
    """The last that says something."""
    return next((each for each in reversed(tuple(said)) if each is not None), None)
