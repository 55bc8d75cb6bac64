"""Which of a repository's Compose files are what developers start: the local side.

What counts is first that a file starts what the cloud runs, where Terraform speaks of the services of some; then that
it runs the application, and no fewer datastores than the default-named one nearest to the root; then that it has a name
which Docker Compose takes by itself; then how near to the root it lies. A file for examples, or for a container in
which an editor runs, does not count while another one does; one for tests or beside the application never does, one
for production only where Terraform runs its services, and no other file does.
"""

from __future__ import annotations

import posixpath
from functools import reduce
from typing import TYPE_CHECKING

from policyengine.knowledge.names import environment
from policyengine.model.graph import PROJECT, Choice
from policyengine.model.nodes import Side
from policyengine.platforms import Piece
from policyengine.platforms.compose import clouds, deploying
from policyengine.platforms.compose.candidates import ENDS, Candidate, is_finished, offered, runs_on, said_by, those
from policyengine.platforms.compose.producing import FEWEST, for_production, is_of, is_tried, tried_out
from policyengine.platforms.compose.sketch import Sketch, sketch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.repository.files import Files

_MOST_LEFT_OUT = 4
"""So many files that do not count are named."""


def choose(tree: Files, pieces: tuple[str, ...] | None = None) -> tuple[tuple[str, ...], Choice | None]:
    """The files of the project that counts, and why; nothing where none does. `pieces` are those that may."""
    candidates = list(those(pieces, offered(tree)))
    if tried := list(those(pieces, tried_out(tree, candidates))):
        candidates = [*tried, *those(pieces, offered(tree, told=True))]
    told = _commands(tree, candidates)
    candidates.extend(those(pieces, _staged(tree, told)))
    candidates.sort(key=lambda each: each.place)
    candidates = [each for each in candidates if runs_on(each.paths[-1]) != "sure"] or candidates
    production, _ = for_production(tree, pieces, tried=True)
    candidates = [each for each in candidates if not production or not is_of(each.paths[-1], production)] or candidates
    if not candidates:
        return (), None
    nearest = candidates[0]
    stores = nearest.sketch.stores if nearest.default else 0
    beside = posixpath.dirname(production[0]) if production else None
    if beside is not None and not _is_worked_on(tree, beside, candidates, production):
        beside = None
    runs = sketch(tree, production).complete
    worked = frozenset[str]().union(*(each.sketch.complete for each in candidates if each.is_worked_with))
    finished = frozenset(each.paths for each in candidates if is_finished(each, candidates))
    finished |= _only_under(tree, candidates, told)
    strange = _strange(tree, candidates) | finished
    first, *others = sorted(candidates, key=lambda each: each.rank(stores, beside, worked, runs, strange))
    if ".devcontainer" in first.paths[0].split("/") and not sketch(tree, first.paths).stores:
        reason = f"'{first.paths[0]}' only starts what an editor runs in; set compose.canonical for it"
        return (), Choice(PROJECT, "none", reason)
    if beside is not None and posixpath.dirname(first.paths[0]) == beside != posixpath.dirname(nearest.paths[0]):
        reason = f"it stands beside '{production[-1]}'"
    elif first is not nearest and first.is_worked_with:
        reason = "its name says that it is for development, and what it starts has the sources in it"
    elif first in tried:
        reason = "Terraform runs its services in production, and no other file starts them"
    elif nearest.paths in finished:
        reason = f"it is for development; '{nearest.paths[0]}' is not"
    elif nearest.paths in strange:
        reason = f"it starts what Terraform runs; '{nearest.paths[0]}' does not"
    elif first is not nearest and nearest.default:
        reason = f"it runs the application; '{nearest.paths[0]}' only starts what that needs"
    elif not first.default:
        reason = "no file has a default name"
    else:
        reason = "the default-named file nearest to the root"
    left = [each.paths[-1] for each in others if not each.aside and each.paths[-1] not in first.paths]
    if left:
        more = f" and {len(left) - _MOST_LEFT_OUT} more" if len(left) > _MOST_LEFT_OUT else ""
        shown = ", ".join(left[:_MOST_LEFT_OUT])
        reason += f"; left out: {shown}{more}; set compose.canonical for another"
    return first.paths, Choice(PROJECT, ", ".join(first.paths), reason, paths=first.paths)


def _commands(tree: Files, candidates: Sequence[Candidate]) -> frozenset[tuple[str, ...]]:
    """The chains that commands start, where these may tell which one people work with; none where a default one is."""
    several = sum(path.endswith(ENDS) for path in tree.holding("compose")) > 1
    told = deploying.chains(tree) if several and any(each.default for each in candidates) else frozenset()
    return frozenset() if () in told else told


def _only_under(
    tree: Files, candidates: Sequence[Candidate], told: frozenset[tuple[str, ...]]
) -> frozenset[tuple[str, ...]]:
    """The files that commands start only with another over them, where one starts what is worked with of the same."""
    under = {each[0] for each in told if len(each) > 1} - {each[0] for each in told if len(each) == 1}
    bases = [each.paths for each in candidates if len(each.paths) == 1 and each.paths[0] in under]
    started = [each for each in candidates if each.paths in told and (each.for_work or _is_staged(each))]
    built = frozenset[str]().union(*(each.sketch.built for each in started))
    return frozenset(each for each in bases if not built.isdisjoint(sketch(tree, each).built))


def _is_staged(each: Candidate) -> bool:
    """Whether a chain is called after staging."""
    return any(environment(word) == "staging" for word in said_by(each.paths[-1]))


def _staged(tree: Files, told: frozenset[tuple[str, ...]]) -> Iterator[Candidate]:
    """The chains called after staging that people start, where workflows roll out what runs in the cloud."""
    found = [each for each in offered(tree, "staging") if each.paths in told and len(each.paths) > 1]
    return (each for each in found if is_tried(tree, each.paths))


def _strange(tree: Files, candidates: Sequence[Candidate]) -> frozenset[tuple[str, ...]]:
    """The files that start less than half of what Terraform runs of the services of another one."""
    own = [each for each in candidates if not each.aside]
    if len(own) <= 1 or max(len(each.sketch.complete) for each in own) < FEWEST:
        return frozenset()
    told = clouds.told(tree)
    counts = {each.paths: told.count(each.sketch) for each in own}
    most = max(counts.values())
    return frozenset(paths for paths, count in counts.items() if most >= FEWEST and 2 * count < most)


def _is_worked_on(tree: Files, folder: str, candidates: Iterable[Candidate], chain: tuple[str, ...]) -> bool:
    """Whether one of the candidates in the folder of the production project starts some of the same services."""
    same, mine = sketch(tree, chain).complete, (one for one in candidates if posixpath.dirname(one.paths[0]) == folder)
    named = deploying.is_called_after_production(f"{folder}/")
    return not named and any(not same.isdisjoint(each.sketch.complete) for each in mine)


def pieces(tree: Files, side: Side) -> Iterator[Piece]:
    """What may be a side of a system: the projects of each folder as one."""
    folders: dict[str, list[Candidate]] = {}
    meant = "" if side is Side.LOCAL else "prod"
    started = [Candidate(files, sketch(tree, files)) for files, *_ in deploying.deployed(tree)] if meant else []
    named = list(offered(tree, meant, told=True))
    started += [each for each in named if not meant or not is_tried(tree, each.paths)]
    for other in ("machine", "staging"):
        if meant and not (started or named):
            named = list(offered(tree, other, told=True))
            started += named
    for each in started:
        folders.setdefault(posixpath.dirname(deploying.main(each.paths) if meant else each.paths[-1]), []).append(each)
    for folder, candidates in folders.items():
        said = reduce(Sketch.beside, (each.sketch for each in candidates))
        for path in said.included:
            said = said.beside(sketch(tree, (path,)))
        files = tuple(sorted({path for each in candidates for path in each.paths}))
        builds = frozenset(each for each in said.builds if not each.startswith((".", "$", "/")) and ":" not in each)
        runs = (said.runs if meant else bool(said.builds)) and not all(each.aside for each in candidates)
        names = said.names | said.complete if meant else said.names
        sure = runs and len(said.complete) > 1  # a service alone may be there to build its image
        yield Piece(side, files, folder, builds, names, runs, said.included, sure)


__all__ = ["choose", "pieces"]
