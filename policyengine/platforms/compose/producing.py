"""Which of a repository's Compose files production starts, by what deploys them and by what they say of themselves."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from policyengine.knowledge.names import words
from policyengine.model.graph import PRODUCTION_PROJECT, Choice
from policyengine.model.image import parse
from policyengine.platforms.compose import clouds, deploying
from policyengine.platforms.compose.candidates import (
    DEPLOYED,
    ENDS,
    Candidate,
    is_finished,
    may_be_compose,
    offered,
    runs_on,
    stands_beside,
    those,
)
from policyengine.platforms.compose.load import NAMES, default_files
from policyengine.platforms.compose.sketch import Sketch, sketch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.repository.files import Files

_OURS = "it starts images of this repository, and what is worked with is another"
_CERTIFIES = "it asks for certificates, and what is worked with is beside it"
_TITLED = "its first line says that it is for production"
_UNDER = "it holds no sources, and what is for development beside it changes what it starts"
_WITH_TERRAFORM = "it lies beside Terraform of its own, and what is worked with is another"
FEWEST = 2
"""So many services of a file, which Terraform runs too, tell that another one does not start what the cloud runs."""


def for_production(
    tree: Files, pieces: tuple[str, ...] | None = None, *, tried: bool = False
) -> tuple[tuple[str, ...], Choice | None]:
    """The files that production starts, and why; nothing where there are none.

    Those that something deploys, unless they are all that developers could start as well: what pulls its images leaves
    them the datastores of another file. Else those whose names say so, with the base that they need, with `tried` those
    too by which people only try it; where none does, those that are called after another deployed environment.
    """
    work = [each for each in those(pieces, offered(tree)) if not each.aside]
    running = any(each.sketch.runs for each in work)
    trials = {each.paths[-1] for each in tried_out(tree, work)}
    for files, reason, sure in deploying.deployed(tree):
        if not sure and (files[-1] in trials or sketch(tree, files[-1:]).is_tried):
            continue
        said, mine = sketch(tree, files), pieces is None or deploying.main(files) in pieces
        others = [each.sketch for each in work if not _is_part(each, files, said)]
        apart = not running or any(each.runs or (each.stores and not said.builds) for each in others)
        if mine and apart and said.runs:
            return files, _chosen(files, reason, guessed=False)
    for meant, reason in DEPLOYED.items():
        titled = [each for each in work if each.sketch.title == "prod" and is_finished(each, work)]
        if meant != "prod" and (paths := min((each.paths for each in those(pieces, titled)), default=())):
            return paths, _chosen(paths, _TITLED, guessed=True)
        if meant == "staging" and clouds.runs_elsewhere(tree):
            continue
        candidates = sorted(those(pieces, offered(tree, meant)), key=lambda each: each.place)
        stand = (each for each in candidates if meant != "machine" or _is_apart(tree, each, work))
        stand = (each for each in stand if not (each.aside or each.paths[-1] in trials or each.sketch.is_tried))
        paths = next((each.paths for each in stand if each.sketch.runs), ())
        if paths and (meant == "machine" or (tried and meant == "prod") or not is_tried(tree, paths)):
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


def is_tried(tree: Files, paths: tuple[str, ...]) -> bool:
    """Whether people only try production by these files: none starts again, and workflows roll out what runs there."""
    return not sketch(tree, paths).lasting and clouds.rolls_out(tree)


def tried_out(tree: Files, work: Sequence[Candidate]) -> list[Candidate]:
    """The files called after production that people try what Terraform runs with; `work` are those for work.

    None of these starts it, or few of the services: what is called after production is then no way to deploy.
    """
    meant = [each for each in offered(tree, "prod", told=True) if each.sketch.runs and not each.aside]
    told = clouds.told(tree) if meant else clouds.Told()
    if not told.runs:
        return []
    others = [said for each in work if not each.aside and (said := sketch(tree, each.paths)).runs]
    fewest = max(FEWEST if others else 1, 2 * max(map(told.count, others), default=0) + 1)
    return [each for each in meant if told.count(each.sketch) >= fewest]


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
    for path, _ in _lasting(tree):
        folder = posixpath.dirname(path)
        elsewhere = any(posixpath.dirname(each.paths[0]) != folder for each in work)
        if folder and elsewhere and any(posixpath.dirname(each) == folder for each in tree.ending(".tf")):
            yield path, _WITH_TERRAFORM
    if not clouds.runs_elsewhere(tree):
        yield from ((path, _UNDER) for path in _under(tree, work))


def _lasting(tree: Files) -> Iterator[tuple[str, Sketch]]:
    """The files that are whole, start applications again whatever happens, and hold no sources; the nearest first."""
    named = frozenset(tree.named(*NAMES))
    paths = [path for path in tree.ending(*ENDS) if path in named or may_be_compose(path, "")]
    for path in sorted(paths, key=lambda each: (each.count("/"), each)):
        own = Candidate((path,), sketch(tree, (path,)))
        said = own.sketch
        whole = not said.included and not (said.partial | said.needs) - said.complete
        beside = own.aside or own.for_work or stands_beside(posixpath.dirname(path))
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


def is_of(path: str, chain: tuple[str, ...]) -> bool:
    """Whether a file is what makes a chain that of production, or another one that only production starts."""
    return path == deploying.main(chain) or (path in chain and deploying.is_called_after_production(path))


def _is_part(each: Candidate, chain: tuple[str, ...], whole: Sketch) -> bool:
    """Whether a file is of a chain, changes it for a machine, or starts but a few of its services in another way."""
    mine, path = each.sketch, each.paths[-1]
    few = mine.complete < whole.complete and 2 * len(mine.complete) < len(whole.complete)
    few = few and not (each.default or each.for_work or mine.mounts or mine.stores)
    return few or is_of(path, chain) or (chain[-1] in each.paths[:-1] and bool(runs_on(path)))


__all__ = ["FEWEST", "building", "for_production", "is_of", "is_tried", "tried_out"]
