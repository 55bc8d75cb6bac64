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
from policyengine.model.graph import PRODUCTION_PROJECT, Choice
from policyengine.model.image import parse
from policyengine.model.nodes import Side
from policyengine.platforms import Piece
from policyengine.platforms.compose import clouds, deploying
from policyengine.platforms.compose.load import NAMES, OVERRIDES, default_files
from policyengine.platforms.compose.sketch import Sketch, sketch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.repository.files import Files

_DEPLOYED = {
    "prod": "its name says that it is for production",
    "machine": "its name says on what it runs, and what is worked with is another",
    "staging": "its name says that it is for staging, and none is for production",
}
"""The environments that are deployed, the nearest to production first, and what a name says of them."""
_OURS = "it starts images of this repository, and what is worked with is another"
_CERTIFIES = "it asks for certificates, and what is worked with is beside it"
_TITLED = "its first line says that it is for production"
_UNDER = "it holds no sources, and what is for development beside it changes what it starts"
_FEWEST = 2
"""So many services of a file, which Terraform runs too, tell that another one does not start what the cloud runs."""
_FILLER = frozenset({"compose", "docker", "yml", "yaml"})
_ENDS = (".yml", ".yaml")
_MOST_LEFT_OUT = 4
"""So many files that do not count are named."""


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
        spent = spent or any(folder_kind(word) == "example" for word in _said(self.paths[-1]))
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


def choose(tree: Files, pieces: tuple[str, ...] | None = None) -> tuple[tuple[str, ...], Choice | None]:
    """The files of the project that counts, and why; nothing where none does. `pieces` are those that may."""
    candidates = list(_those(pieces, _candidates(tree)))
    if tried := list(_those(pieces, _tried(tree, candidates))):
        candidates = [*tried, *_those(pieces, _candidates(tree, told=True))]
    candidates.sort(key=lambda each: each.place)
    candidates = [each for each in candidates if runs_on(each.paths[-1]) != "sure"] or candidates
    production, _ = for_production(tree, pieces)
    candidates = [each for each in candidates if not production or not _is_of(each.paths[-1], production)] or candidates
    if not candidates:
        return (), None
    nearest = candidates[0]
    stores = nearest.sketch.stores if nearest.default else 0
    beside = posixpath.dirname(production[0]) if production else None
    if beside is not None and not _is_worked_on(tree, beside, candidates, production):
        beside = None
    runs = sketch(tree, production).complete
    worked = frozenset[str]().union(*(each.sketch.complete for each in candidates if each.is_worked_with))
    finished = frozenset(each.paths for each in candidates if _is_finished(each, candidates))
    strange = _strange(tree, candidates) | finished
    first, *others = sorted(candidates, key=lambda each: each.rank(stores, beside, worked, runs, strange))
    if ".devcontainer" in first.paths[0].split("/") and not sketch(tree, first.paths).stores:
        reason = f"'{first.paths[0]}' only starts what an editor runs in; set compose.canonical for it"
        return (), Choice("Compose project", "none", reason)
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
    return first.paths, Choice("Compose project", ", ".join(first.paths), reason)


def for_production(tree: Files, pieces: tuple[str, ...] | None = None) -> tuple[tuple[str, ...], Choice | None]:
    """The files that production starts, and why; nothing where there are none.

    Those that something deploys, unless they are all that developers could start as well: what pulls its images leaves
    them the datastores of another file. Else those whose names say
    so, with the base that they need; where none does, those that are called after another deployed environment.
    """
    work = [each for each in _those(pieces, _candidates(tree)) if not each.aside]
    running = any(each.sketch.runs for each in work)
    tried = {each.paths[-1] for each in _tried(tree, work)}
    for files, reason, sure in deploying.deployed(tree):
        if not sure and (files[-1] in tried or sketch(tree, files[-1:]).is_tried):
            continue
        said, mine = sketch(tree, files), pieces is None or deploying.main(files) in pieces
        others = [each.sketch for each in work if not _is_part(each, files, said)]
        apart = not running or any(each.runs or (each.stores and not said.builds) for each in others)
        if mine and apart and said.runs:
            return files, _chosen(files, reason, guessed=False)
    for meant, reason in _DEPLOYED.items():
        titled = [each for each in work if each.sketch.title == "prod" and _is_finished(each, work)]
        if meant != "prod" and (paths := min((each.paths for each in _those(pieces, titled)), default=())):
            return paths, _chosen(paths, _TITLED, guessed=True)
        if meant == "staging" and clouds.runs_elsewhere(tree):
            continue
        candidates = sorted(_those(pieces, _candidates(tree, meant)), key=lambda each: each.place)
        stand = (each for each in candidates if meant != "machine" or _is_apart(tree, each, work))
        stand = (each for each in stand if not (each.aside or each.paths[-1] in tried or each.sketch.is_tried))
        if paths := next((each.paths for each in stand if each.sketch.runs), ()):
            return paths, _chosen(paths, reason, guessed=True)
    for files, reason in deploying.pulled(tree):
        said = sketch(tree, files)
        beside = any(each.sketch.runs and not _is_part(each, files, said) for each in work)
        if (pieces is None or deploying.main(files) in pieces) and beside:
            return files, _chosen(files, reason, guessed=False)
    for path, reason in _standing(tree, work):
        if pieces is None or path in pieces:
            return (path,), _chosen((path,), reason, guessed=True)
    return (), None


def _is_apart(tree: Files, each: Candidate, work: Iterable[Candidate]) -> bool:
    """Whether developers start the same services by another file than one whose name says on what it runs."""
    mine, sure = each.sketch, runs_on(each.paths[-1]) == "sure"
    others = [sketch(tree, one.paths) for one in work if one.paths[-1] != each.paths[-1]]
    others = [one for one in others if (sure or one.runs) and not mine.complete.isdisjoint(one.complete)]
    stands = not mine.mounts and (bool(mine.lasting) or any(one.mounts for one in others))
    return bool(others) and not each.for_work and (sure or stands)


def _said(path: str) -> list[str]:
    """What the name of a Compose file says besides being one, that of its folder where it has a default one."""
    folder, name = posixpath.split(path)
    return [word for word in words(posixpath.basename(folder) if name in NAMES else name) if word not in _FILLER]


def runs_on(path: str) -> str:
    """Whether a path says on what production runs: `compose.vps.yml`, or `coolify/compose.yml`, and surely."""
    told, plain = machine(_said(path)), posixpath.basename(path) in NAMES
    return "" if plain and (told != "sure" or _said(path) == ["stack"]) else told


def _is_finished(each: Candidate, candidates: Iterable[Candidate]) -> bool:
    """Whether a file tells that it is for production, or only pulls what another one for development builds."""
    said = each.sketch
    others = [one for one in candidates if one.paths != each.paths and not one.aside]
    others = [one for one in others if one.for_work or one.sketch.title == "work"]
    told = said.title == "prod" or (said.certifies and bool(said.lasting))
    same = (one.sketch.complete if told else one.sketch.built - said.built for one in others)
    return not (each.aside or each.for_work or said.mounts) and any(said.complete & one for one in same)


def _tried(tree: Files, work: Sequence[Candidate]) -> list[Candidate]:
    """The files called after production that people try what Terraform runs with; `work` are those for work.

    None of these starts it, or few of the services: what is called after production is then no way to deploy.
    """
    meant = [each for each in _candidates(tree, "prod", told=True) if each.sketch.runs and not each.aside]
    told = clouds.told(tree) if meant else clouds.Told()
    if not told.runs:
        return []
    others = [said for each in work if not each.aside and (said := sketch(tree, each.paths)).runs]
    fewest = max(_FEWEST if others else 1, 2 * max(map(told.count, others), default=0) + 1)
    return [each for each in meant if told.count(each.sketch) >= fewest]


def _strange(tree: Files, candidates: Sequence[Candidate]) -> frozenset[tuple[str, ...]]:
    """The files that start less than half of what Terraform runs of the services of another one."""
    own = [each for each in candidates if not each.aside]
    if len(own) <= 1 or max(len(each.sketch.complete) for each in own) < _FEWEST:
        return frozenset()
    told = clouds.told(tree)
    counts = {each.paths: told.count(each.sketch) for each in own}
    most = max(counts.values())
    return frozenset(paths for paths, count in counts.items() if most >= _FEWEST and 2 * count < most)


def _chosen(paths: Sequence[str], reason: str, *, guessed: bool) -> Choice:
    return Choice(PRODUCTION_PROJECT, ", ".join(paths), reason, guessed, tuple(paths))


def _standing(tree: Files, work: Sequence[Candidate]) -> Iterator[tuple[str, str]]:
    """The files that are made to run for ever while others are worked with, and what tells it; the nearest first.

    Self-hosted products ship them: they start images that the repository publishes, or ask for certificates, have their
    applications started again whatever happens, and hold no sources. Then those that a file for development changes.
    """
    for path, said in _lasting(tree):
        others = [each for each in work if each.paths != (path,)]
        apart = [each for each in others if path not in each.paths]
        made = frozenset[str]().union(*(each.sketch.built for each in apart))
        ours = any(
            _is_ours(tree, image) or (service in made and ("/" in image or image.startswith("$")))
            for service, image in said.lasting
        )
        if not said.built and ours and any(each.sketch.built or each.for_work for each in apart):
            yield path, _OURS
        elif said.certifies and any(_has_sources(tree, each, said) for each in others):
            yield path, _CERTIFIES
    if not clouds.runs_elsewhere(tree):
        yield from ((path, _UNDER) for path in _under(tree, work))


def _lasting(tree: Files) -> Iterator[tuple[str, Sketch]]:
    """The files that are whole, start applications again whatever happens, and hold no sources; the nearest first."""
    named = frozenset(tree.named(*NAMES))
    paths = [path for path in tree.ending(*_ENDS) if path in named or _may_be_compose(path, "")]
    for path in sorted(paths, key=lambda each: (each.count("/"), each)):
        own = Candidate((path,), sketch(tree, (path,)))
        said = own.sketch
        whole = not said.included and not (said.partial | said.needs) - said.complete
        beside = own.aside or own.for_work or _stands_beside(posixpath.dirname(path))
        if said.lasting and whole and not said.mounts and not beside:
            yield path, said


def building(tree: Files, chain: tuple[str, ...]) -> tuple[str, ...]:
    """The file that builds, to run them for ever, services whose images production pulls; nothing where there is none.

    That of the application's root where production's file is what people download.
    """
    pulled = sketch(tree, chain)
    names = pulled.complete - pulled.built
    for path, said in _lasting(tree):
        if path not in chain and any((name, "") in said.lasting for name in names):
            return (path,)
    return ()


def _has_sources(tree: Files, other: Candidate, said: Sketch) -> bool:
    """Whether developers start the same services with the sources in them."""
    theirs = sketch(tree, other.paths) if other.for_work or other.overridden else Sketch()
    return theirs.mounts and not said.complete.isdisjoint(theirs.complete)


def _under(tree: Files, work: Iterable[Candidate]) -> Iterator[str]:
    """The files of a default name, without sources, that a file for development beside them changes or stands in for.

    It builds what they pull, or builds for development; or Docker starts their applications again whatever happens.
    """
    for each in work:
        for path in default_files(tree, posixpath.dirname(each.paths[-1]))[:1] if each.for_work else ():
            said, own = sketch(tree, (path,)), sketch(tree, each.paths[-1:])
            lasting = {name for name, _ in said.lasting}
            made = own.built & (said.complete - said.built) or own.worked & said.built
            kept = said.built <= lasting and lasting & (own.complete | own.partial)
            if path != each.paths[-1] and said.runs and not said.mounts and (made or kept):
                yield path


def _is_ours(tree: Files, image: str) -> bool:
    """Whether the name of an image is that of the repository: `ghcr.io/acme/shop-api` in `acme/shop`."""
    owner, _, name = tree.repository.partition("/")
    found = parse(image) if owner else None
    if found is None or f"/{owner}/" not in f"/{found.repository.lower()}/":
        return False
    return "/".join(words(name)) in "/".join(words(found.repository))


def _is_of(path: str, chain: tuple[str, ...]) -> bool:
    """Whether a file is what makes a chain that of production, or another one that only production starts."""
    return path == deploying.main(chain) or (path in chain and deploying.is_called_after_production(path))


def _is_part(each: Candidate, chain: tuple[str, ...], whole: Sketch) -> bool:
    """Whether a file is of a chain, changes it for a machine, or starts but a few of its services in another way."""
    mine, path = each.sketch, each.paths[-1]
    few = mine.complete < whole.complete and 2 * len(mine.complete) < len(whole.complete)
    few = few and not (each.default or each.for_work or mine.mounts or mine.stores)
    return few or _is_of(path, chain) or (chain[-1] in each.paths[:-1] and bool(runs_on(path)))


def _is_worked_on(tree: Files, folder: str, candidates: Iterable[Candidate], chain: tuple[str, ...]) -> bool:
    """Whether one of the candidates in the folder of the production project starts some of the same services."""
    same, mine = sketch(tree, chain).complete, (one for one in candidates if posixpath.dirname(one.paths[0]) == folder)
    named = deploying.is_called_after_production(f"{folder}/")
    return not named and any(not same.isdisjoint(each.sketch.complete) for each in mine)


def _those(pieces: tuple[str, ...] | None, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """The candidates that a system has; all where there is one system."""
    return (each for each in candidates if pieces is None or each.paths[-1] in pieces)


def pieces(tree: Files, side: Side) -> Iterator[Piece]:
    """What may be a side of a system: the projects of each folder as one."""
    folders: dict[str, list[Candidate]] = {}
    meant = "" if side is Side.LOCAL else "prod"
    started = [Candidate(files, sketch(tree, files)) for files, *_ in deploying.deployed(tree)] if meant else []
    started += _candidates(tree, meant, told=True)
    for other in ("machine", "staging"):
        if meant and not started:
            started += _candidates(tree, other, told=True)
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


def _candidates(tree: Files, meant: str = "", *, told: bool = False) -> Iterator[Candidate]:
    """The projects for work, or those that are meant for an environment; what even a single one says where `told`."""
    named = set() if meant else set(tree.named(*NAMES))
    found = [path for path in tree.ending(*_ENDS) if path in named or _may_be_compose(path, meant)]
    found = [path for path in found if not _stands_beside(posixpath.dirname(path)) and tree.read(path) is not None]
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


def _may_be_compose(path: str, meant: str) -> bool:
    """Whether a name says that it is a Compose file for work: `docker-compose.server.yml`, `local.yml`.

    With an environment that is `meant`, whether it says so of that one: `compose.prod.yaml`, `production.yml`.
    """
    name = posixpath.basename(path)
    compose, said = "compose" in words(name), _said(path)
    if meant == "machine":
        return (compose or said == ["stack"]) and bool(runs_on(path))
    if not compose and not (said and environment(said[0])):
        return False  # as nearly every YAML file
    if name in OVERRIDES or is_for_tests(name):
        return False
    known = {"prod" if deploys(word) else environment(word) for word in said}
    if meant:
        return known & _DEPLOYED.keys() == {meant} and (compose or known == {meant})
    return known.isdisjoint(_DEPLOYED) and (compose or known <= {"dev", "local"})


def _stands_beside(folder: str) -> bool:
    """Whether a Compose project stands beside the application, and is never its local side."""
    return any(folder_kind(part.lower()) in ("beside", "foreign") for part in folder.split("/"))


__all__ = ["building", "choose", "for_production", "pieces", "runs_on"]
