"""Both sides start their containers alike (HEX109)."""

from difflib import SequenceMatcher

from clean_hexagon.options import Options
from policyengine.api import (
    Absent,
    Change,
    Compared,
    Container,
    Drop,
    Finding,
    Fix,
    Graph,
    Known,
    Outcomes,
    Put,
    Role,
    Severity,
    Unknown,
    known,
    rule,
    undecided,
    untuned,
)


@rule(
    "HEX109",
    mandate="1.1",
    severity=Severity.WARNING,
    remedy="Start the service with the command of the cloud.",
    message={
        "default": "'{local}' runs '{here}', but [the cloud](1) runs '{there}'.",
        "dev": "'{local}' runs the development server '{here}', but [the cloud](1) runs '{there}'.",
    },
)
def command_divergence(graph: Graph, _: Options) -> Outcomes:
    """A service is started in another way than its twin in the cloud.

    Entrypoint and command are compared as they take effect: Compose or ECS over the image's own, and an overridden
    entrypoint drops the image's command, as Docker and ECS do. Scripts of package.json are resolved, `exec`, `npx`,
    `node_modules/.bin`, init processes and an image's docker-entrypoint.sh are seen through.

    A development server is an error: it compiles on demand, reloads, skips the production build and hides what that
    build breaks. Another log level or number of workers, or a word in other letters, is a note. What a rollout keeps is
    not known; a development server is then held against what the image starts by itself. Where neither side overrides
    anything, both run what their images say, and the images are compared by the rules of side 2.
    """
    for local, cloud in graph.mirrored(role=Role.APP):
        here, there = _serves(local), _started(graph, local, cloud)
        if isinstance(local.started, Known) and isinstance(there.started, Known):
            yield Compared(local.node, cloud.node)
        match local.started, there.started:
            case Known(), Known() if local.line != there.line:
                dev = here and not _serves(there)
                if not (dev or local.overrides or there.overrides):
                    continue  # each runs what its image says
                one, other = _told_apart(local.line, there.line)
                mine, theirs = (" ".join(untuned(side.line.split())).lower() for side in (local, there))
                yield Finding(
                    subject=local.node,
                    against=cloud.node,
                    at=local.started,
                    variant="dev" if dev else "default",
                    severity=Severity.ERROR if dev else Severity.NOTE if mine == theirs else None,
                    args={"local": local.name, "here": one, "there": other},
                    related=(there.started,),
                    cause=_cause(local, there),
                    fix=Fix(f"run '{other}' in both places", _started_alike(local, cloud), safe=not dev),
                )
            case _ if local.overrides or cloud.overrides:
                asked = isinstance(cloud.user, Unknown)  # by HEX208
                kept = cloud.id.startswith("rollout:")  # nobody can tell what a rollout keeps
                yield from undecided(local.node, local.started, None if asked or kept else cloud.started)


def _cause(local: Container, there: Container) -> str:
    """One Dockerfile whose services all start one program in place of another one; nothing without a Dockerfile."""
    stage = known(local.stage, None)
    programs = " for ".join(side.line.partition(" ")[0] for side in (local, there))
    return "" if stage is None else f"{programs} in {stage.id}"


def _serves(container: Container) -> bool:
    """Whether it runs a development server."""
    return any(each.does("serve-dev") for each in container.commands)


def _started(graph: Graph, local: Container, cloud: Container) -> Container:
    """What the cloud starts; what its image starts where only that is known, beside a development server."""
    if isinstance(cloud.started, Unknown) and isinstance(cloud.stage, Known) and _serves(local):
        return graph.container(cloud.stage.value)
    return cloud


_LONG = 120  # characters
_MOST = 400  # words that are compared


def _told_apart(here: str, there: str) -> tuple[str, str]:
    """Two command lines; of long ones the words that only one of them has, each with its neighbours."""
    mine, theirs = here.split(), there.split()
    if max(len(here), len(there)) <= _LONG or len(mine) + len(theirs) > _MOST:
        return here, there
    shared = SequenceMatcher(None, mine, theirs, autojunk=False).get_matching_blocks()
    return _without(mine, [(a, size) for a, _, size in shared]), _without(theirs, [(b, size) for _, b, size in shared])


def _without(words: list[str], shared: list[tuple[int, int]]) -> str:
    """Words without the runs that are shared, but for the first and the last of each."""
    left = list(words)
    for start, size in shared:
        if size > 3:
            left[start + 1 : start + size - 1] = ["…", *[""] * (size - 3)]
    return " ".join(filter(None, left))


def _started_alike(local: Container, cloud: Container) -> tuple[Change, ...]:
    """The command of the cloud in Compose, or none where the cloud takes that of the image."""
    mine, theirs = local.service.command, cloud.service.command
    if not local.is_composed or isinstance(local.service.entrypoint, Known) != isinstance(
        cloud.service.entrypoint, Known
    ):
        return ()
    if isinstance(theirs, Known) and not theirs.value.shell:
        return (Put(local.span, ("command",), theirs.value.words),)
    return (Drop(mine.span),) if isinstance(mine, Known) and isinstance(theirs, Absent) else ()
