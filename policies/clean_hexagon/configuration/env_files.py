"""Files with local variables stay private (HEX302)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from clean_hexagon.configuration.secret_names import is_real
from policyengine.api import (
    Compared,
    EnvironmentFile,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Role,
    Severity,
    Side,
    Unknown,
    regex,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import EnvFile, Node, Stage, Variable

_PRIVATE = frozenset({".env", ".env.local"})
_FOR_TESTS = regex(r"test|ci|e2e|fixture|mock", re.IGNORECASE)


@rule(
    "HEX302",
    mandate="3.1",
    severity=Severity.ERROR,
    tags=("security",),
    cwe=(538,),
    security=7.5,
    message={
        "default": "'{file}' is committed with a value for '{key}'.",
        "ignore": "'{file}' holds local secrets, but git does not ignore it.",
        "image": "'COPY' of the whole context takes '{file}' into the image, because no .dockerignore leaves it out.",
    },
)
def env_file_exposed(graph: Graph, options: Options) -> Iterator[Outcome]:
    """An env file with secrets is committed, or about to be, or copied into an image.

    A secret in git stays in its history and in every clone; one in an image layer travels with every pull.

    Three places are looked at: a committed env file with a real value for a secret-like key (examples, samples, test
    and CI files, dummies and throwaway database passwords, such as one that the Compose file itself gives a service,
    are fine); a file that Compose loads as `.env.local` or `.env` which git would not ignore; and a `COPY . .` in what
    the service's image is made of, whose context holds such a file that no .dockerignore leaves out. Without any
    .gitignore in the tree the second question stays undecided, since one may lie above it.
    """
    del options
    throwaway = _throwaway(graph)
    for file in graph.all(EnvironmentFile):
        if not file.example and not _FOR_TESTS.search(file.path):
            yield Compared(file)
        real = None if file.example or _FOR_TESTS.search(file.path) else _first_real(file, throwaway)
        if real is not None:
            yield Finding(
                subject=file,
                at=real.key_span,
                args={"file": file.path, "key": real.key},
                fix=Fix(f"remove {file.path} from git, ignore it, and replace the secret"),
            )
    yield from _not_ignored(graph)
    yield from _copied(graph)


def _first_real(file: EnvironmentFile, throwaway: set[str]) -> Variable | None:
    for variable in file.variables:
        text = variable.value.value.strip() if isinstance(variable.value, Known) else ""
        if text not in throwaway and is_real(variable.key, text):
            return variable
    return None


def _throwaway(graph: Graph) -> set[str]:
    """What the Compose file itself sets in plain sight: the password of a local database protects nothing."""
    return {
        variable.value.value
        for container in graph.containers(side=Side.LOCAL)
        if container.role is not Role.APP
        for variable in container.service.environment
        if isinstance(variable.value, Known)
        and variable.value.span.path == variable.key_span.path == container.span.path
    }


def _loaded(graph: Graph) -> dict[str, tuple[Node, EnvFile]]:
    """The private env files that local applications load, by path."""
    found: dict[str, tuple[Node, EnvFile]] = {}
    for container in graph.containers(side=Side.LOCAL, role=Role.APP):
        for file in container.service.env_files:
            if PurePosixPath(file.path).name in _PRIVATE:
                found.setdefault(file.path, (container.node, file))
    return found


def _not_ignored(graph: Graph) -> Iterator[Outcome]:
    committed = {file.path for file in graph.all(EnvironmentFile)}
    for path, (service, file) in sorted(_loaded(graph).items()):
        yield Compared(service)
        match Known(value=True, span=file.span) if path in committed else graph.ignored_by_git(path):
            case Known(False):
                yield Finding(
                    subject=service,
                    at=file,
                    variant="ignore",
                    args={"file": path},
                    fix=Fix(f"add '{PurePosixPath(path).name}' to .gitignore"),
                )
            case Unknown(reason):
                yield from undecided(service, Unknown(reason, file.span))


def _copied(graph: Graph) -> Iterator[Outcome]:
    """The first `COPY . .` of each Dockerfile that takes a private file into the image."""
    done: set[str] = set()
    loaded = sorted(_loaded(graph))
    for container in graph.containers(side=Side.LOCAL, role=Role.APP):
        build, stage = container.service.build, container.stage
        if build is None or not isinstance(build.context, Known) or not isinstance(stage, Known):
            continue
        context = build.context.value
        inside = [path for path in loaded if context == "." or path.startswith(context.rstrip("/") + "/")]
        if not inside or stage.value.dockerfile in done:
            continue
        done.add(stage.value.dockerfile)
        yield Compared(stage.value)
        yield from _taken_in(graph, stage.value, context, inside)


def _taken_in(graph: Graph, built: Stage, context: str, inside: list[str]) -> Iterator[Outcome]:
    for stage in graph.ingredients(built):
        for copy in stage.copies:
            if copy.stage or {".", "./"}.isdisjoint(copy.sources):
                continue
            for path in inside:
                match graph.ignored_by_docker(context, stage.dockerfile, path):
                    case Known(False):
                        yield Finding(
                            subject=stage,
                            at=copy,
                            variant="image",
                            args={"file": path},
                            fix=Fix(f"add '{PurePosixPath(path).name}' to .dockerignore"),
                        )
                        return
            return
