"""What published GitHub actions do, by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from policyengine.knowledge.loading import FactTable, table
from policyengine.knowledge.programs import words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Does = Literal[
    "bake",
    "build",
    "compose-up",
    "deploy",
    "e2e",
    "export",
    "name-images",
    "nothing",
    "run",
    "run-remote",
]
"""What an action does: `nothing` that brings up, tests, builds or deploys; `export` sets variables for later steps;
`run` and `run-remote` run the script that they are given, here or on another machine."""


class Action(Struct, frozen=True, forbid_unknown_fields=True):
    """What an action does; `tool` is what it deploys or tests with.

    One that runs something takes it from the input `script` (any of the usual names where that is not told), or runs
    the `default`; where there is a `program` these are its arguments. `inputs` are its own names of what
    docker/build-push-action calls so.
    """

    does: Does
    source: str
    tool: str = ""
    script: str = ""
    program: str = ""
    default: str = ""
    inputs: dict[str, str] = {}


class NamedAction(Struct, frozen=True, forbid_unknown_fields=True):
    """What actions of anybody do that are named so.

    By the words of the name behind its owner: one of `any` is in it, and none of `none`; the action's own name starts
    with one of `first` (`action` aside), or ends with one of `last`. What such a one builds is what its inputs say; it
    `pushes` that.
    """

    does: Does
    source: str
    tool: str = ""
    any: tuple[str, ...] = ()
    none: frozenset[str] = frozenset()
    first: frozenset[str] = frozenset()
    last: tuple[str, ...] = ()
    pushes: bool = False

    def fits(self, whole: Sequence[str], own: Sequence[str]) -> bool:
        """Whether the words of a whole name, and those of its last part, are such a name."""
        spaced = f" {' '.join(whole)} "
        starts = own[1:2] if own[:1] == ["action"] else own[:1]
        return self.none.isdisjoint(own) and (
            any(f" {each} " in spaced for each in self.any)
            or not self.first.isdisjoint(starts)
            or any(spaced.endswith(f" {each} ") for each in self.last)
        )


class Actions(FactTable, frozen=True):
    """The table: actions by `owner/name`, with `*` for any ending, and names by their words."""

    actions: dict[str, Action]
    names: list[NamedAction]


_RUNS = frozenset({"run", "run-remote"})
_SCRIPTS = ("script", "run", "command")


def script_of(action: Action | NamedAction | None, inputs: Collection[str]) -> str | None:
    """The name of the input that holds the script that an action runs; None for one that runs none."""
    if action is None or action.does not in _RUNS:
        return None
    named = (action.script,) if isinstance(action, Action) and action.script else _SCRIPTS
    default = named[0] if isinstance(action, Action) and action.default else None
    return next((name for name in named if name in inputs), default)


def action(uses: str, inputs: Collection[str] = ()) -> Action | NamedAction | None:
    """What the action of a step (`docker/build-push-action@v6`) does; None where that is not known.

    Only with a script among its inputs (their names in lower case) an action runs one, whatever else its name says.
    """
    known = table("actions", Actions)
    name = uses.partition("@")[0].lower().rstrip("/")
    parts = name.split("/")
    whole = [word for part in parts[1:] for word in words_of(part)]
    exact = (known.actions.get(name if end == len(name) else f"{name[:end]}*") for end in range(len(name), 0, -1))
    named = (each for each in known.names if each.fits(whole, list(words_of(parts[-1]))))
    found = [
        each
        for each in (*exact, *named)
        if each is not None and (each.does not in _RUNS or script_of(each, inputs) is not None)
    ]
    return next((each for each in found if each.does in _RUNS), found[0] if found else None)
