"""What a graph says of its nodes beside them: edges, pairs, what has no twin, what was chosen, what is published."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from policyengine.model.nodes import Build
    from policyengine.model.value import Value


class EdgeKind(StrEnum):
    """What an edge says of its two ends."""

    RUNS = "runs"  # Service → Datastore: the container is that datastore
    BUILT_FROM = "built_from"  # Service or Build → Stage
    BUILT_BY = "built_by"  # Service → Build: the image a service runs is made by that build
    PUBLISHES = "publishes"  # Build → Repository
    PULLS = "pulls"  # Service → Repository
    READS = "reads"  # Service → Secret
    CONFIGURED_BY = "configured_by"  # Service → ConfigModule
    CONNECTS = "connects"  # Service → Datastore, by an environment variable
    ACTS_AS = "acts_as"  # Service → Principal: the reason is "execution role" or "task role"
    GRANTS = "grants"  # Principal → Secret: it may read the secret
    MAY_GRANT = "may_grant"  # Principal → Secret: whether it may read the secret is not decided; the reason says why
    SEALED = "sealed"  # Principal → Secret: it may read the secret, but not use the key that this is encrypted with
    FORWARDS = "forwards"  # LoadBalancer → TargetGroup
    ROUTES = "routes"  # TargetGroup → Service, to the container's `port`


class Edge(Struct, frozen=True):
    """A typed edge between the nodes with the ids `source` and `target`. `reason` is shown to people.

    `port` is that of the target to which requests are sent, where the edge stands for such.
    """

    kind: EdgeKind
    source: str
    target: str
    reason: str = ""
    port: Value[int] | None = None


class Pair(Struct, frozen=True):
    """A local node and the cloud node it mirrors.

    `reasons` say why the two were paired. `certain` is False for a score of 40 to 59, which lowers the severity of
    what is found on the pair by one step. `tied` is True where another node would do as well: only what all of the tied
    pairs of a node agree on is reported.
    """

    local: str
    cloud: str
    score: int
    reasons: tuple[str, ...]
    certain: bool = True
    tied: bool = False


class Candidate(Struct, frozen=True):
    """A node of the other side that an unpaired node may mirror: its id, the points for it and the reasons."""

    node: str
    score: int
    reasons: tuple[str, ...]


class Unpaired(Struct, frozen=True):
    """A service or datastore that mirrors nothing, with its nearest candidates, the nearest first.

    `like` is how many nodes of its role the other side has. `aside` tells that it serves tests or the infrastructure
    (`db-test`, a bucket for logs), which the other side need not have.
    """

    node: str
    candidates: tuple[Candidate, ...] = ()
    like: int = 0
    aside: bool = False


PROJECT = "Compose project"
"""What the choice of the Compose files that developers start is called."""

PRODUCTION_PROJECT = "production Compose project"
"""What the choice of the Compose files that production runs is called."""


class Choice(Struct, frozen=True):
    """Something the engine chose and a person may want to choose otherwise: the Compose project, the environment.

    `guessed` tells that only names or contents speak for it, and nothing that starts or names what was chosen. `paths`
    are the files that it is about, taken or left out.
    """

    what: str
    chosen: str
    reason: str
    guessed: bool = False
    paths: tuple[str, ...] = ()


class PublishedImage(Struct, frozen=True):
    """An image that the pipeline pushes: its repository, the builds that make it, the platforms that these are for.

    `for_tests` tells that it is for the tests of CI only, by its name or by that of a workflow that publishes nothing.
    """

    name: str
    builds: tuple[Build, ...]
    platforms: Value[tuple[str, ...]]
    for_tests: bool = False
