"""Local variables come from one file that stays private (HEX301, HEX302)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from clean_hexagon.configuration.required_keys import module_of
from clean_hexagon.configuration.secret_names import is_real
from policyengine.api import (
    Edit,
    EnvFile,
    EnvironmentFile,
    Finding,
    Fix,
    Graph,
    Job,
    Known,
    Outcome,
    Package,
    Role,
    Service,
    Severity,
    Side,
    Stage,
    Unknown,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options

_LOCAL_FILE = ".env.local"


@rule(
    "HEX301",
    mandate="3.1",
    severity=Severity.WARNING,
    message={
        "default": "'{name}' loads '{files}', not '.env.local'.",
        "none": "'{name}' loads no '.env.local'.",
    },
)
def env_local_not_loaded(graph: Graph, options: Options) -> Iterator[Outcome]:
    """An application's Compose service does not load `.env.local`.

    With one file for local values, a new variable is added in one place and a secret has one place to hide in. A
    service that loads another file, or none, gets its variables by copies that drift.

    Asked of services that run the repository's own code: those that are built, or mirror a cloud container. A
    service that needs no variable loads none: none is set, and no config module stands in the folder that it is built
    from. Scripts that pass `--env-file .env.local` to Compose load it for every service.
    """
    del options
    if _passed_on_command_line(graph):
        return
    for service in graph.apps(Side.LOCAL):
        mirrored = graph.mirror(service) is not None
        own = service.build is not None or mirrored
        checked = (mirrored or _in_own_folder(service)) and module_of(graph, service) is not None
        needs = service.environment or service.env_files or checked
        if not own or not needs or any(PurePosixPath(each.path).name == _LOCAL_FILE for each in service.env_files):
            continue
        files = ", ".join(each.path for each in service.env_files)
        yield Finding(
            subject=service,
            at=service.env_files[0] if service.env_files else service,
            variant="default" if files else "none",
            args={"name": service.name} | ({"files": files} if files else {}),
            fix=_load_local(service.env_files),
        )


def _in_own_folder(service: Service) -> bool:
    """Whether a service is built from a folder of its own, so that the config module in it is its own too."""
    build = service.build
    if build is None or not isinstance(build.context, Known) or not isinstance(build.dockerfile, Known):
        return False
    return build.context.value not in ("", ".") or "/" in build.dockerfile.value


def _passed_on_command_line(graph: Graph) -> bool:
    texts = [
        script.value.value
        for package in graph.all(Package)
        for script in package.scripts
        if isinstance(script.value, Known)
    ]
    for job in graph.all(Job):
        texts.extend(" ".join(command.argv) for step in job.steps for command in step.commands)
    pattern = re.compile(r"\bcompose\b.*--env-file[ =]\S*\.env\.local\b")
    return any(pattern.search(text) for text in texts)


def _load_local(files: tuple[EnvFile, ...]) -> Fix:
    if len(files) == 1 and PurePosixPath(files[0].path).name == ".env":
        span = files[0].span
        if span.end - span.start >= len(".env"):
            return Fix("load .env.local", (Edit(span._replace(start=span.end - len(".env")), _LOCAL_FILE),))
    return Fix("add 'env_file: .env.local'")


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
        if file.example or re.search(r"test|ci|e2e|fixture|mock", file.path, re.IGNORECASE):
            continue
        real = next(
            (
                variable
                for variable in file.variables
                if isinstance(variable.value, Known)
                and is_real(variable.key, variable.value.value)
                and variable.value.value.strip() not in throwaway
            ),
            None,
        )
        if real is not None:
            yield Finding(
                subject=file,
                at=real.key_span,
                args={"file": file.path, "key": real.key},
                fix=Fix(f"remove {file.path} from git, ignore it, and replace the secret"),
            )
    yield from _not_ignored(graph)
    yield from _copied(graph)


def _throwaway(graph: Graph) -> set[str]:
    """What the Compose file itself sets in plain sight: the password of a local database protects nothing."""
    return {
        variable.value.value
        for service in graph.all(Service, side=Side.LOCAL)
        if service.role is not Role.APP
        for variable in service.environment
        if isinstance(variable.value, Known) and variable.value.span.path == variable.key_span.path == service.span.path
    }


def _loaded(graph: Graph) -> dict[str, tuple[Service, EnvFile]]:
    """The private env files that local applications load: `.env` and `.env.local`, by path."""
    found: dict[str, tuple[Service, EnvFile]] = {}
    for service in graph.apps(Side.LOCAL):
        for file in service.env_files:
            if PurePosixPath(file.path).name in (".env", _LOCAL_FILE):
                found.setdefault(file.path, (service, file))
    return found


def _not_ignored(graph: Graph) -> Iterator[Outcome]:
    committed = {file.path for file in graph.all(EnvironmentFile)}
    for path, (service, file) in sorted(_loaded(graph).items()):
        if path in committed:
            continue
        match graph.ignored_by_git(path):
            case Known(False):
                yield Finding(
                    subject=service,
                    at=file,
                    variant="ignore",
                    args={"file": path},
                    fix=Fix(f"add '{PurePosixPath(path).name}' to .gitignore"),
                )
            case Unknown() as unknown:
                yield from undecided(service, Unknown(unknown.reason, file.span))
            case _:
                continue


def _copied(graph: Graph) -> Iterator[Outcome]:
    done: set[str] = set()
    files = _loaded(graph)
    for service in graph.apps(Side.LOCAL):
        build = service.build
        if build is None or not isinstance(build.context, Known):
            continue
        context = build.context.value
        inside = [path for path in sorted(files) if context == "." or path.startswith(context.rstrip("/") + "/")]
        stage = graph.stage(service)
        if not inside or not isinstance(stage, Known) or stage.value.dockerfile in done:
            continue
        done.add(stage.value.dockerfile)
        for each in sorted(_made_of(graph, stage.value), key=lambda one: one.index):
            copy = next((copy for copy in each.copies if not copy.stage and {".", "./"} & set(copy.sources)), None)
            if copy is None:
                continue
            exposed = [
                path
                for path in inside
                if isinstance(verdict := graph.ignored_by_docker(context, each.dockerfile, path), Known)
                and not verdict.value
            ]
            if exposed:
                yield Finding(
                    subject=each,
                    at=copy,
                    variant="image",
                    args={"file": exposed[0]},
                    related=(),
                    fix=Fix(f"add '{PurePosixPath(exposed[0]).name}' to .dockerignore"),
                )
            break


def _made_of(graph: Graph, built: Stage) -> list[Stage]:
    """A stage with those that it is built on or copies from, of the same Dockerfile."""
    known = {name: each for each in graph.all(Stage) if each.dockerfile == built.dockerfile for name in _called(each)}
    found: dict[str, Stage] = {}
    waiting = [built]
    while waiting:
        stage = waiting.pop()
        if stage.id not in found:
            found[stage.id] = stage
            names = (stage.parent, *(copy.stage.lower() for copy in stage.copies))
            waiting.extend(known[name] for name in names if name in known)
    return list(found.values())


def _called(stage: Stage) -> tuple[str, ...]:
    """What other stages of its Dockerfile call a stage."""
    return stage.id, stage.name.lower(), str(stage.index)
