"""Which root module a plan or state belongs to: the one that declares what it names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.model.graph import Choice
from policyengine.model.source import UsageError
from policyengine.platforms.terraform.plan.plan import together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.platforms.terraform.plan.plan import Exact
    from policyengine.platforms.terraform.workspace.folders import ModuleFolder


def assigned(
    given: Sequence[Exact], read: Sequence[ModuleFolder], folders: Mapping[str, ModuleFolder], root: Path | None
) -> tuple[dict[str, Exact], list[Choice]]:
    """What plans and states say of each root module that is read, by its directory, and which root each belongs to.

    `folders` are all directories of the tree, so that a plan of another root can be told from one of no root.

    Raises:
        UsageError: a plan or state fits none of the root modules that are read, or several equally.
    """
    found: dict[str, list[Exact]] = {}
    choices: list[Choice] = []
    for each in given:
        path = _root(each, read, folders, root)
        found.setdefault(path, []).append(each)
        choices.append(Choice(f"Terraform {each.kind}", each.path, f"its addresses are those of '{path or '.'}'"))
    return {path: together(mine) for path, mine in found.items()}, choices


def _root(given: Exact, read: Sequence[ModuleFolder], folders: Mapping[str, ModuleFolder], root: Path | None) -> str:
    where = f"{given.path}:1:1"
    names = given.names
    if not names:
        raise UsageError(f"{where}: the {given.kind} names no resource, so it tells nothing")
    scores = {folder.path: _score(names, folder) for folder in read}
    best = max(scores.values(), default=(0, 0))
    if best[0] == 0:
        others = [path for path, folder in folders.items() if path not in scores and _score(names, folder)[0]]
        if others:
            listed = " or ".join(f"'{path or '.'}'" for path in others[:3])
            advice = f"they are in {listed}, which is not the root that is read; name it as terraform.root"
        else:
            advice = f"give the {given.kind} of this repository"
        shown = ", ".join(sorted(names)[:3])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        looked = ", ".join(f"'{folder.path or '.'}'" for folder in read[:3]) or "no root module"
        raise UsageError(f"{where}: {looked} declares none of the {given.kind}'s {shown}{more}; {advice}")
    equal = [path for path, score in scores.items() if score == best]
    if len(equal) > 1:
        near = [path for path in equal if root is not None and _lies_in(given.path, root / path)]
        equal = [max(near, key=len)] if near else equal
    if len(equal) > 1:
        listed = ", ".join(f"'{path or '.'}'" for path in equal[:5])
        advice = "put it into the folder of its own, or name that as terraform.root in policyengine.yaml"
        raise UsageError(f"{where}: the {given.kind} fits {listed} equally; {advice}")
    return equal[0]


def _score(names: frozenset[str], folder: ModuleFolder) -> tuple[int, int]:
    """How many names a directory declares, and, negative, how many others it declares."""
    declared = frozenset(_declared(folder))
    return len(names & declared), -len(declared - names)


def _declared(folder: ModuleFolder) -> Iterator[str]:
    yield from (declared.address for declared in folder.resources.values())
    yield from (declared.address for declared in folder.modules.values())


def _lies_in(path: str, folder: Path) -> bool:
    return Path(path).resolve().is_relative_to(folder.resolve())
