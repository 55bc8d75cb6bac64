"""Both sides start their containers alike (HEX109)."""

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
    build breaks. Another log level or number of workers, or a word in other letters, is a note. Where neither side
    overrides anything, both run what their images say, and the images are compared by the rules of side 2.
    """
    for local, cloud in graph.mirrored(role=Role.APP):
        if isinstance(local.started, Known) and isinstance(cloud.started, Known):
            yield Compared(local.node, cloud.node)
        match local.started, cloud.started:
            case Known(), Known() if local.line != cloud.line:
                here, there = (any(each.does("serve-dev") for each in side.commands) for side in (local, cloud))
                dev = here and not there
                mine, theirs = (" ".join(untuned(side.line.split())).lower() for side in (local, cloud))
                yield Finding(
                    subject=local.node,
                    against=cloud.node,
                    at=local.started,
                    variant="dev" if dev else "default",
                    severity=Severity.ERROR if dev else Severity.NOTE if mine == theirs else None,
                    args={"local": local.name, "here": local.line, "there": cloud.line},
                    related=(cloud.started,),
                    fix=Fix(f"run '{cloud.line}' in both places", _started_alike(local, cloud), safe=not dev),
                )
            case _ if local.overrides or cloud.overrides:
                yield from undecided(local.node, local.started, cloud.started)


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
