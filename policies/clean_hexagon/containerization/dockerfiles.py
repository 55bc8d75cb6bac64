"""One Dockerfile builds both images (HEX201)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.api import (
    Build,
    Compared,
    Edit,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Role,
    Severity,
    environment,
    known,
    rule,
    undecided,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import Container, Value


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
    for local, cloud in graph.mirrored(role=Role.APP):
        build = local.service.build
        if build is None or build.inline:
            continue
        match build.dockerfile:
            case Known(path):
                if any(isinstance(maker.dockerfile, Known) for maker in cloud.builds):
                    yield Compared(local.node, cloud.node)
                finding = _compared(local, cloud, build, path, options)
                if finding is not None:
                    yield finding
            case _:
                yield from undecided(local.node, build.dockerfile)


def _compared(local: Container, cloud: Container, build: Build, path: str, options: Options) -> Finding | None:
    makers = [maker for maker in cloud.builds if isinstance(maker.dockerfile, Known)]
    files = {known(maker.dockerfile, ""): maker.dockerfile for maker in reversed(makers)}
    same = [maker.context for maker in makers if known(maker.dockerfile, "") == path]
    name = PurePosixPath(path).name
    place, variant, severity = build.dockerfile, "default", None
    args: dict[str, object] = {"local": local.name, "here": path}
    related: tuple[Container | Value[str], ...] = ()
    if files and path not in files:
        args["there"], related = min(files), (makers[0].dockerfile,)
        fix = _rewrite(build, min(files))
    elif not files and _is_local(name):
        variant, related, fix = "name", (cloud,), Fix("build from the Dockerfile of the deployed image")
    elif _elsewhere(build.context, same):
        variant, place, related, fix = "context", build.context, (same[0],), Fix("build in the same context")
        args |= {"here": known(build.context, ""), "there": known(same[0], "")}
    elif name != options.required_dockerfile:
        variant, severity, fix = "required", Severity.NOTE, Fix(f"rename it to {options.required_dockerfile}")
        args["required"] = options.required_dockerfile
    else:
        return None
    return Finding(
        subject=local.node,
        against=cloud.node,
        at=place,
        variant=variant,
        severity=severity,
        args=args,
        related=related,
        fix=fix,
    )


def _elsewhere(context: Value[str], contexts: list[Value[str]]) -> bool:
    """Whether the contexts of the deployed image are all known to be others."""
    if not contexts or not isinstance(context, Known):
        return False
    return all(isinstance(each, Known) and each.value != context.value for each in contexts)


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


def _is_local(name: str) -> bool:
    """Whether a Dockerfile is named for the laptop: `Dockerfile.dev`, `local.Dockerfile`."""
    words = words_of(name)
    return any(environment(word) in ("dev", "local") for word in (*words[:1], *words[-1:]))
