"""One Dockerfile builds both images (HEX201)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.api import (
    Build,
    Compared,
    EdgeKind,
    Edit,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Role,
    Service,
    Severity,
    Value,
    regex,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options

_LOCAL_NAME = regex(r"(?:\.|-|_)(?:dev|develop|development|local)$|^(?:dev|local)\.Dockerfile$", re.IGNORECASE)


@rule(
    "HEX201",
    mandate="2.1",
    severity=Severity.ERROR,
    message={
        "default": "'{local}' is built from '{here}', but [the deployed image](1) from '{there}'.",
        "context": "'{local}' is built in the context '{here}', but [the deployed image](1) in '{there}'.",
        "name": "'{local}' is built from '{here}', which by its name is not what [the cloud](1) runs.",
        "required": "'{local}' is built from '{here}', not from '{required}'.",
    },
)
def different_dockerfile(graph: Graph, options: Options) -> Iterator[Outcome]:
    """The local image is built from another Dockerfile than the deployed one.

    Two Dockerfiles drift: another base image, a missing system package, a file that only one of them copies. What was
    tested is then not what is deployed.

    The deployed image's Dockerfile is that of the pipeline's build which pushes the repository that the twin pulls.
    Where no such build can be found, only a name that says `dev` or `local` is reported. A Dockerfile that is the same
    on both sides but is not the required one (option `required_dockerfile`) is noted. Paths are compared after
    normalisation.
    """
    for local, cloud in graph.mirrors(Service):
        build = local.build
        if local.role is not Role.APP or build is None or build.inline:
            continue
        makers = list(graph.targets(Build, EdgeKind.BUILT_BY, cloud))
        match build.dockerfile:
            case Known(path):
                yield from _compared(local, cloud, build, path, makers, options)
            case _:
                yield from undecided(local, build.dockerfile)


def _compared(
    local: Service, cloud: Service, build: Build, path: str, makers: list[Build], options: Options
) -> Iterator[Outcome]:
    known = [maker for maker in makers if isinstance(maker.dockerfile, Known)]
    files = {maker.dockerfile.value for maker in known if isinstance(maker.dockerfile, Known)}
    name = PurePosixPath(path).name
    if known:
        yield Compared(local, cloud)
    if known and path not in files:
        there = known[0].dockerfile
        yield Finding(
            subject=local,
            against=cloud,
            at=build.dockerfile,
            args={"local": local.name, "here": path, "there": min(files)},
            related=(there,),
            fix=_rewrite(build, min(files)),
        )
    elif not known and _LOCAL_NAME.search(name):
        yield Finding(
            subject=local,
            against=cloud,
            at=build.dockerfile,
            variant="name",
            args={"local": local.name, "here": path},
            related=(cloud,),
            fix=Fix("build from the Dockerfile of the deployed image"),
        )
    elif known and (other := _other_context(build, [each for each in known if path_of(each) == path])) is not None:
        yield Finding(
            subject=local,
            against=cloud,
            at=build.context,
            variant="context",
            args={"local": local.name, "here": _text(build.context), "there": _text(other)},
            related=(other,),
            fix=Fix("build in the same context"),
        )
    elif name != options.required_dockerfile:
        yield Finding(
            subject=local,
            against=cloud,
            at=build.dockerfile,
            variant="required",
            severity=Severity.NOTE,
            args={"local": local.name, "here": path, "required": options.required_dockerfile},
            fix=Fix(f"rename it to {options.required_dockerfile}"),
        )


def path_of(build: Build) -> str:
    """The Dockerfile of a build, empty where it is not known."""
    return build.dockerfile.value if isinstance(build.dockerfile, Known) else ""


def _text(value: Value[str]) -> str:
    return value.value if isinstance(value, Known) else ""


def _other_context(build: Build, makers: list[Build]) -> Value[str] | None:
    """The context of the deployed image, when it is known to be another."""
    contexts = [maker.context for maker in makers]
    if not contexts or not isinstance(build.context, Known):
        return None
    if any(not isinstance(each, Known) or each.value == build.context.value for each in contexts):
        return None
    return contexts[0]


def _rewrite(build: Build, path: str) -> Fix:
    """Point `build.dockerfile` at another file; only a key that is written can be edited."""
    description = f"build from {path}"
    if not isinstance(build.dockerfile, Known) or not isinstance(build.context, Known):
        return Fix(description)
    written = build.dockerfile.span.end - build.dockerfile.span.start
    context = "" if build.context.value == "." else build.context.value + "/"
    if build.dockerfile.span == build.context.span or written != len(build.dockerfile.value.removeprefix(context)):
        return Fix(description)
    if not path.startswith(context):
        return Fix(description)
    return Fix(description, (Edit(build.dockerfile.span, path.removeprefix(context)),))
