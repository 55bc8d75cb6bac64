"""What speaks for a pair, in points. Versions are never compared here, since closeness would hide a mismatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.names import is_part
from policyengine.linking.features import plain
from policyengine.model.nodes import Role, Service
from policyengine.model.nodes.container import PRODUCTION_COMPOSE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policyengine.linking.features import Features, Words
    from policyengine.model.graph import Graph
    from policyengine.model.nodes import Node

_PART_OF_NAME = 0.8
"""How far a name holds that is part of the other: `django` in `django-q`, `api` in `shop-api`."""
_SEVERAL_WORDS = 1.2
"""How far an image or a folder holds that has several words of a name: `OrderStatusHandler` of `order_status_lambda`.
"""


class Evidence(Struct, frozen=True):
    """One thing that speaks for a pair: its points, the words for it, and how far it holds (0 to 1) for two nodes."""

    points: int
    words: str
    holds: Callable[[Graph, Node, Node], float]


class Score(Struct, frozen=True):
    """How much speaks for a pair, and what."""

    points: int
    reasons: tuple[str, ...] = ()

    def plus(self, points: int, reason: str) -> Score:
        """The score with one more reason."""
        return Score(self.points + points, (*self.reasons, reason))


NOTHING = Score(0)


def score(graph: Graph, here: Features, there: Features, more: Sequence[Evidence] = ()) -> Score:
    """What speaks for a local and a cloud node. `more` is the evidence that plug-ins bring."""
    if not _fit(here, there):
        return NOTHING
    points, reasons = 0, []
    for weight, words, share in _shares(here, there):
        if share:
            points += round(weight * share)
            reasons.append(words)
    for each in more:
        share = each.holds(graph, here.node, there.node)
        if share:
            points += round(each.points * share)
            reasons.append(each.words)
    return Score(points, tuple(reasons))


def called_alike(here: Features, there: Features) -> bool:
    """Whether two services have one name that says more than `app`."""
    return bool(here.stem) and not here.nameless and here.stem in (there.stem, there.long)


def _fit(here: Features, there: Features) -> bool:
    """Whether two nodes can be twins at all.

    A proxy and an application only where they are one image or one name, a task that ends and a service by name. Of two
    Compose files, which one hand writes, services that share no name, build, language or variable are two.
    """
    if here.aside != there.aside:
        return False
    if here.once != there.once and not called_alike(here, there):
        return False
    composed = isinstance(there.node, Service) and there.node.noun == PRODUCTION_COMPOSE
    unnamed = there.nameless or says_little(here)
    if composed and not unnamed and not any(_told(here, there)):
        return False
    roles = [each.role for each in (here.node, there.node) if isinstance(each, Service)]
    if roles.count(Role.PROXY) == 1 and not called_alike(here, there):
        return bool(here.dockerfile and here.dockerfile == there.dockerfile) or (
            bool(here.repository) and here.repository == there.repository
        )
    return True


def says_little(one: Features) -> bool:
    """Whether a name tells no more than that something answers: `app`, `api`, `web`."""
    return one.nameless or all(map(is_part, one.stem))


def _told(here: Features, there: Features) -> Iterator[float]:
    """How far two services agree in what people choose for them."""
    yield max(_names(here.stem, there.stem), _names(here.stem, there.long))
    yield _same(here.dockerfile, there.dockerfile) or _images(here, there) or _folders(here, there)
    yield _same(here.runtime, there.runtime)
    yield float(not here.environment.isdisjoint(there.environment))


def _shares(here: Features, there: Features) -> tuple[tuple[int, str, float], ...]:
    services = isinstance(here.node, Service)
    return (
        (50, "built from the same Dockerfile", _same(here.dockerfile, there.dockerfile)),
        (40, "reached by the same variable", float(bool(here.keys & there.keys))),
        (35, "reached by services that mirror each other", float(bool(here.reachers & there.reachers))),
        (
            30,
            "alike in name",
            max(
                _names(here.stem, there.stem),
                _names(here.stem, there.long),
                float(bool(here.whole) and here.whole == there.whole),
            ),
        ),
        (25, "a variable of the local side calls it so", float(there.stem in here.called or there.long in here.called)),
        (25, "built in a folder of its name", _folders(here, there)),
        (15, "both named as the project or not at all", float(here.nameless and there.nameless)),
        (35, "a variable of the local side names it", float(plain(there.stem) in here.named)),
        (25, "the same engine", _same(here.engine, there.engine)),
        (20, "the same image name", _images(here, there)),
        (20, "the same database name", _same(here.database, there.database)),
        (15, "the same container port", float(bool(here.ports & there.ports))),
        (15, "shared variables", _jaccard(here.environment, there.environment)),
        (10, "the same kind of command", float(services and here.command == there.command)),
    )


def _same(one: str, other: str) -> float:
    return float(bool(one) and one == other)


def _names(one: Words, other: Words) -> float:
    if not one or not other:
        return 0.0
    return 1.0 if one == other else _PART_OF_NAME * len(one & other) / min(len(one), len(other))


def _folders(here: Features, there: Features) -> float:
    """How far the folder or the stage of a build is called as the other side's container, where names tell nothing."""
    if _names(here.stem, there.stem) or _names(here.stem, there.long):
        return 0.0
    if any(len(each & here.folder) > 1 for each in (there.stem, there.long)):
        return _SEVERAL_WORDS
    theirs = 0.0 if here.dockerfile == there.dockerfile else _names(here.stem, there.folder)
    return max(theirs, *(_names(here.folder, each) for each in (there.stem, there.long, there.image)))


def _images(here: Features, there: Features) -> float:
    alike = bool(there.image) and there.image in (here.image, here.stem)
    alike = alike or (len(here.stem) > 1 and here.stem < there.image)
    alike = alike or (bool(here.image) and here.image in (there.stem, there.long))
    return (
        0.0 if not alike else _SEVERAL_WORDS if len(there.image) > 1 and there.image in (here.image, here.stem) else 1.0
    )


def _jaccard(one: Words, other: Words) -> float:
    return len(one & other) / len(one | other) if one and other else 0.0
