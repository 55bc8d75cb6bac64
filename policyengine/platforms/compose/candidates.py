"""The Compose files of a repository that may be a side, and what the name and the place of each say of it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge.names import (
    deploys,
    environment,
    folder_kind,
    is_for_tests,
    is_retired,
    machine,
    speaks_of_development,
    words,
)
from policyengine.platforms.compose import deploying
from policyengine.platforms.compose.load import NAMES, OVERRIDES, default_files
from policyengine.platforms.compose.sketch import Sketch, sketch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.repository.files import Files

DEPLOYED = {
    "prod": "its name says that it is for production",
    "machine": "its name says on what it runs, and what is worked with is another",
    "staging": "its name says that it is for staging, and none is for production",
}
"""The environments that are deployed, the nearest to production first, and what a name says of them."""
_FILLER = frozenset({"compose", "docker", "yml", "yaml"})
ENDS = (".yml", ".yaml")


class Candidate(NamedTuple):
    """Files as they would be given to `docker compose -f`, and what the last of them says."""

    paths: tuple[str, ...]
    sketch: Sketch

    @property
    def default(self) -> bool:
        """Whether Docker Compose finds it by itself."""
        return posixpath.basename(self.paths[0]) in NAMES and len(self.paths) == 1 + self.overridden

    @property
    def overridden(self) -> bool:
        """Whether the override that belongs to it is there too."""
        return len(self.paths) == 2 and posixpath.basename(self.paths[1]) in OVERRIDES

    @property
    def aside(self) -> bool:
        """Whether it is for examples, for tests, or for an editor, or is no longer used."""
        folders = posixpath.dirname(self.paths[0]).lower().split("/")
        spent = self.sketch.title == "retired" or is_retired(self.paths[-1])
        spent = spent or "debug" in words(posixpath.dirname(self.paths[0]))
        spent = spent or any(folder_kind(word) == "example" for word in said_by(self.paths[-1]))
        return spent or ".devcontainer" in folders or any(folder_kind(part) is not None for part in folders)

    @property
    def place(self) -> tuple[object, ...]:
        """The nearest to the root first."""
        folder = posixpath.dirname(self.paths[0])
        depth = folder.count("/") + bool(folder)
        length = len(words(posixpath.basename(self.paths[-1]))) if self.for_work else 0  # `dev` before `dev-azure`
        return self.aside, not self.default, depth, not self.for_work, length, self.paths

    @property
    def for_work(self) -> bool:
        """Whether a word of its path says that it is for development: `compose.dev.yml`, `local/compose.yml`."""
        return speaks_of_development(self.paths[-1])

    @property
    def is_worked_with(self) -> bool:
        """Whether it is for development by its name, and has the sources in what it builds."""
        return self.for_work and self.sketch.mounts and not self.aside

    def rank(
        self,
        stores: int,
        beside: str | None,
        worked: frozenset[str],
        deployed: frozenset[str],
        strange: frozenset[tuple[str, ...]],
    ) -> tuple[object, ...]:
        """What comes first is what developers start.

        `stores` is how many datastores the nearest default one has, `beside` the folder of the production project,
        `deployed` the services of this, `worked` those that a file for development starts with the sources in them;
        `strange` are the files of which the cloud does not run what they start.
        """
        stands = bool(self.sketch.lasting) and not (self.for_work or self.sketch.mounts)
        stands = stands and not worked.isdisjoint(self.sketch.complete)
        lacking = len(deployed - self.sketch.complete)
        whole = self.sketch.runs and self.sketch.stores >= stores
        apart = beside not in (None, posixpath.dirname(self.paths[0]))
        apart = apart or deploying.is_called_after_production(self.paths[0])
        other = self.paths in strange
        return self.aside, other, not whole, apart, stands, not self.default, not self.for_work, lacking, *self.place


def offered(tree: Files, meant: str = "", *, told: bool = False) -> Iterator[Candidate]:
    """The projects for work, or those that are meant for an environment; what even a single one says where `told`."""
    named = set() if meant else set(tree.named(*NAMES))
    found = [path for path in tree.ending(*ENDS) if path in named or may_be_compose(path, meant)]
    found = [path for path in found if not stands_beside(posixpath.dirname(path)) and tree.read(path) is not None]
    alone = len(found) == 1 and not told
    done: set[str] = set()
    for path in found:
        folder = posixpath.dirname(path)
        if path in named:
            chain = default_files(tree, folder)
            if chain and folder not in done:
                done.add(folder)
                yield Candidate(chain, Sketch(runs=True) if alone else sketch(tree, chain))
            continue
        own = sketch(tree, (path,))
        base = next(iter(default_files(tree, folder)), "")
        under = sketch(tree, (base,)) if base and base != path else Sketch()
        lacking = (own.partial | own.needs) - own.complete
        pulls = not own.built and own.complete <= under.worked  # images of what is built for development
        changes = (own.changes and not pulls and own.complete & under.complete) or own.complete & under.partial
        if own.complete and not lacking and not changes:
            yield Candidate((path,), own)
        elif base and lacking <= under.complete:
            yield Candidate((base, path), own.beside(under))


def those(pieces: tuple[str, ...] | None, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """The candidates that a system has; all where there is one system."""
    return (each for each in candidates if pieces is None or each.paths[-1] in pieces)


def said_by(path: str) -> list[str]:
    """What the name of a Compose file says besides being one, that of its folder where it has a default one."""
    folder, name = posixpath.split(path)
    return [word for word in words(posixpath.basename(folder) if name in NAMES else name) if word not in _FILLER]


def runs_on(path: str) -> str:
    """Whether a path says on what production runs: `compose.vps.yml`, or `coolify/compose.yml`, and surely."""
    told, plain = machine(said_by(path)), posixpath.basename(path) in NAMES
    return "" if plain and (told != "sure" or said_by(path) == ["stack"]) else told


def is_finished(each: Candidate, candidates: Iterable[Candidate]) -> bool:
    """Whether a file tells that it is for production, or only pulls what another one for development builds."""
    said = each.sketch
    others = [one for one in candidates if one.paths != each.paths and not one.aside]
    others = [one for one in others if one.for_work or one.sketch.title == "work"]
    told = said.title == "prod" or (said.certifies and bool(said.lasting))
    same = (one.sketch.complete if told else one.sketch.built - said.built for one in others)
    return not (each.aside or each.for_work or said.mounts) and any(said.complete & one for one in same)


def may_be_compose(path: str, meant: str) -> bool:
    """Whether a name says that it is a Compose file for work: `docker-compose.server.yml`, `local.yml`.

    With an environment that is `meant`, whether it says so of that one: `compose.prod.yaml`, `production.yml`.
    """
    name = posixpath.basename(path)
    compose, said = "compose" in words(name), said_by(path)
    if meant == "machine":
        return (compose or said == ["stack"]) and bool(runs_on(path))
    if not compose and not (said and environment(said[0])):
        return False  # as nearly every YAML file
    if name in OVERRIDES or is_for_tests(name):
        return False
    known = {"prod" if deploys(word) else environment(word) for word in said}
    if meant:
        return known & DEPLOYED.keys() == {meant} and (compose or known == {meant})
    return known.isdisjoint(DEPLOYED) and (compose or known <= {"dev", "local"})


def stands_beside(folder: str) -> bool:
    """Whether a Compose project stands beside the application, and is never its local side."""
    return any(folder_kind(part.lower()) in ("beside", "foreign") for part in folder.split("/"))


__all__ = [
    "DEPLOYED",
    "ENDS",
    "Candidate",
    "is_finished",
    "may_be_compose",
    "offered",
    "runs_on",
    "said_by",
    "stands_beside",
    "those",
]
