"""Doing the units of a platform, and keeping what they made for the next scan in the same process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field

from policyengine.platforms import Lowered, joined
from policyengine.repository.view import View, same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from policyengine.platforms import Platform, Settings, Unit
    from policyengine.repository.files import Files
    from policyengine.repository.view import Question

    Survived = Callable[[str], AbstractContextManager[None]]

T = TypeVar("T")


class _Work(Struct, frozen=True):
    """What was made of one unit (or which units a platform has), of what, and what the tree answered."""

    inputs: object
    answers: Mapping[Question, str]
    made: Any
    steps: int


class Kept(Struct, frozen=True):
    """What was made of units before. It lives as long as the process: what units make holds values, also secret ones.

    `done` lists the units that were done anew since the last `begin`, as `platform: unit`.
    """

    done: list[str] = field(default_factory=list)
    _work: dict[tuple[str, str], _Work] = field(default_factory=dict)
    _systems: dict[str, Kept] = field(default_factory=dict)

    def of(self, system: str) -> Kept:
        """What was made of one of several systems."""
        return self._systems.setdefault(system, Kept(self.done)) if system else self

    def read_by(self) -> dict[str, set[str]]:
        """The paths that each platform has read, by its name, for all systems."""
        found: dict[str, set[str]] = {}
        for (platform, _), work in self._work.items():
            found.setdefault(platform, set()).update(asked[1] for asked in work.answers if asked[0] == "read")
        for each in self._systems.values():
            for platform, paths in each.read_by().items():
                found.setdefault(platform, set()).update(paths)
        return found

    def begin(self) -> None:
        """Start a scan."""
        self.done.clear()

    def again(self, platform: str, unit: str, tree: Files, inputs: object, make: Callable[[Files], T]) -> T:
        """What `make` makes of a view of the tree; what it made before where inputs and answers are the same."""
        former = self._work.get((platform, unit))
        if former is not None and former.inputs == inputs and same(tree, former.answers):
            found: T = former.made
            tree.budget.left -= former.steps
            return found
        view = View(tree)
        before = tree.budget.left
        found = make(view)
        self._work[platform, unit] = _Work(inputs, view.answers, found, before - tree.budget.left)
        if unit:
            self.done.append(f"{platform}: {unit}")
        return found


def lower(
    platform: Platform[Any], tree: Files, settings: Settings[Any], survived: Survived, kept: Kept | None
) -> Lowered:
    """What a platform makes of a tree. `survived` records what ends one unit and no other."""
    made: dict[str, Lowered] = {}
    with survived(platform.title):
        for unit in _units(platform, tree, settings, kept):
            with survived(unit.name):
                if kept is None:
                    made[unit.name] = unit.read(tree)
                else:
                    inputs = (settings, unit.inputs)
                    made[unit.name] = kept.again(platform.name, unit.name, tree, inputs, unit.read)
    parts = [made[name] for name in sorted(made)]
    if platform.join is not None:
        with survived(platform.title):
            return platform.join(parts)
    return joined(parts)


def _units(platform: Platform[Any], tree: Files, settings: Settings[Any], kept: Kept | None) -> Iterator[Unit]:
    if kept is None:
        yield from platform.units(tree, settings)
    else:
        yield from kept.again(platform.name, "", tree, settings, lambda view: tuple(platform.units(view, settings)))
