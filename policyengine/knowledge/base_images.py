"""What a public image brings to the stages built on it: user, working directory, C library, shell, tools, defaults.

The table `facts/bases.json` carries its date and source. What it does not say stays None: a rule then has an Unknown.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, cast

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyengine.model.image import ImageRef

CHECKED_TOOLS = ("sh", "bash", "curl", "wget", "nc")
"""The programs of which the table tells whether an image has them."""

SET_EVERYWHERE = frozenset({"PATH", "HOME", "HOSTNAME"})
"""Variables that every image, or the runtime, sets."""


class BaseImage(Struct, frozen=True):
    """The facts about one image; None is unknown. `tools` are those of `CHECKED_TOOLS` that it has.

    `users` maps users that it creates to their uid, `environment` names variables that it sets.
    """

    user: str | None = None
    workdir: str | None = None
    libc: str | None = None
    tools: frozenset[str] | None = None
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    exposed: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)
    environment: frozenset[str] = frozenset()
    date: str = ""


def base_image(ref: ImageRef) -> BaseImage | None:
    """What is known of an image, or None for an image that the table does not list."""
    table = _table()
    tag = "" if ref.effective_tag is None else ref.effective_tag
    merged: dict[str, object] = {}
    for variant, row in table.rows.get(ref.name, ()):
        if variant is None or variant.search(tag):
            merged.update(row)
    if not merged:
        return None
    tools = cast("list[str] | None", merged.get("tools"))
    entrypoint = cast("list[str] | None", merged.get("entrypoint"))
    command = cast("list[str] | None", merged.get("command"))
    if ref.tag is None and ref.digest is not None:  # the variant is not known, so neither is what depends on it
        tools = None
        merged.pop("libc", None)
    return BaseImage(
        user=cast("str | None", merged.get("user")),
        workdir=cast("str | None", merged.get("workdir")),
        libc=cast("str | None", merged.get("libc")),
        tools=None if tools is None else frozenset(tools),
        entrypoint=None if entrypoint is None else tuple(entrypoint),
        command=None if command is None else tuple(command),
        exposed=tuple(cast("list[str]", merged.get("exposed", []))),
        volumes=tuple(cast("list[str]", merged.get("volumes", []))),
        users=cast("dict[str, str]", merged.get("users", {})),
        environment=frozenset(cast("list[str]", merged.get("environment", []))) | SET_EVERYWHERE,
        date=table.date,
    )


class _Table(Struct, frozen=True):
    date: str
    rows: Mapping[str, list[tuple[re.Pattern[str] | None, dict[str, object]]]]


@cache
def _table() -> _Table:
    text = resources.files("policyengine.knowledge").joinpath("bases.json").read_text(encoding="utf-8")
    table = cast("dict[str, object]", json.loads(text))
    rows: dict[str, list[tuple[re.Pattern[str] | None, dict[str, object]]]] = {}
    for row in cast("list[dict[str, object]]", table["rows"]):
        variant = re.compile(str(row["variant"])) if "variant" in row else None
        for repository in cast("list[str]", row["repositories"]):
            rows.setdefault(repository, []).append((variant, row))
    return _Table(str(table["date"]), rows)
