"""Which private env files lie in the context of a build, and which of them it takes into an image (HEX302)."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from policyengine.api import (
    Build,
    Compared,
    ConfigModule,
    Copy,
    EdgeKind,
    EnvironmentFile,
    EnvironmentReads,
    Finding,
    Fix,
    Graph,
    IgnoreFile,
    Job,
    LastLine,
    Outcomes,
    Package,
    Service,
    Severity,
    Span,
    Stage,
    Unknown,
    WrittenVariable,
    is_for_tests,
    keeps_secrets_in_env_files,
    known,
    secrecy,
    speaks_of_development,
)

_MOST_PLACES = 1_000
"""So many places of a file in the stages of a Dockerfile are looked at."""


def private_files(graph: Graph) -> dict[str, bool]:
    """The `.env` files that git ignores and developers keep secrets in, and whether an example names these.

    Where no env file lies in a folder or above it, a library of an application there that reads the file tells as much.
    """
    files = {_folder(file.path) for file in graph.all(EnvironmentFile)}
    examples = [file for file in graph.all(EnvironmentFile) if _stands_in(file)]
    told = {_folder(file.path): True for file in examples if any(_is_private(each.key) for each in file.variables)}
    names: dict[str, list[str]] = {}
    for module in graph.all(ConfigModule):
        names.setdefault(module.directory, []).extend(each.key for each in module.keys)
    for file in graph.all(EnvironmentReads):
        names.setdefault(file.directory, []).extend(each.value for each in file.reads if not file.purpose)
    for package in graph.all(Package):
        here, read, script = package.directory, names.get(package.directory, []), package.ecosystem == "npm"
        if any(f"{here}/".startswith(f"{folder}/") or not folder for folder in files):
            continue
        if any(keeps_secrets_in_env_files(each.key) for each in package.dependencies):
            told |= {here: False} if any(map(_is_private, read)) or not (read or script) else {}
    paths = {posixpath.join(folder, ".env"): named for folder, named in told.items()}
    return {path: named for path, named in paths.items() if known(graph.ignored_by_git(path), default=False)}


def _is_private(key: str) -> bool:
    return secrecy(key) in ("secret", "address")


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _stands_in(file: EnvironmentFile) -> bool:
    """Whether a file is an example of `.env`: `.env.example`, `.env.template`."""
    name = posixpath.basename(file.path)
    return file.example and name.startswith(".env.") and name.count(".") == 2 and not is_for_tests(name)


def copied(graph: Graph, private: Mapping[str, bool]) -> Outcomes:
    """The first COPY of each Dockerfile that takes a private file into the image.

    Where only a library tells of the file (`private`), it is asked of what is built on the laptop from its folder; what
    only pipelines build is asked of the file of its folder, with an example.
    """
    done: set[str] = set()
    for build, stage in sorted(_built(graph), key=lambda each: (_is_of_pipeline(each[0]), each[1].id)):
        context = known(build.context, "").rstrip("/")
        own = {context.removeprefix("."), _folder(stage.dockerfile)}
        asked = (
            path for path, named in private.items() if named + (not _is_of_pipeline(build)) + (_folder(path) in own) > 1
        )
        inside = [path for path in asked if context == "." or path.startswith(f"{context}/")]
        if inside and stage.dockerfile not in done:
            done.add(stage.dockerfile)
            yield Compared(stage)
            found = taken_in(graph, build, stage, inside)
            yield from (_finding(graph, build, *found),) if found is not None else ()


def _is_of_pipeline(build: Build) -> bool:
    return bool(build.job) and not build.by_hand


def _built(graph: Graph) -> Iterator[tuple[Build, Stage]]:
    """The builds of images that travel, each with the stage that it builds."""
    services = ((each.build, each) for each in graph.all(Service))
    for build, node in (*services, *((each, each) for each in graph.all(Build))):
        if build is None or not known(build.context, ""):
            continue
        for stage in graph.targets(Stage, EdgeKind.BUILT_FROM, node):
            named = f"{stage.dockerfile} {stage.name}"
            if not speaks_of_development(named) and not is_for_tests(named):
                yield build, stage


def taken_in(graph: Graph, build: Build, built: Stage, inside: Sequence[str]) -> tuple[Stage, Copy, str] | None:
    """The first COPY that takes one of these files into the image that a build makes, with its stage and the file."""
    stages, context = graph.ingredients(built), known(build.context, ".")
    found = (
        (stage, copy, path)
        for stage in stages
        for copy in stage.copies
        for path in (inside if not copy.stage else ())
        if not known(graph.ignored_by_docker(context, stage.dockerfile, path), default=True)
        and any(_ships(stages, built, stage, place) for place in _places(stage, copy, posixpath.relpath(path, context)))
    )
    return next(found, None)


class Baked(NamedTuple):
    """An env file that a job writes, and a COPY then takes into an image that the job pushes."""

    job: Job
    path: str
    variables: Sequence[WrittenVariable]
    stage: Stage
    copy: Copy


def baked(graph: Graph) -> Iterator[Baked]:
    """The env files that jobs write and take into images."""
    for job in graph.all(Job):
        files: dict[str, list[WrittenVariable]] = {}
        for step in job.steps:
            for each in step.written:
                files.setdefault(each.path, []).append(each)
            builds = (build for name in step.builds if (build := graph.get(Build, name)) is not None and build.pushes)
            for build in builds if files else ():
                for stage in graph.targets(Stage, EdgeKind.BUILT_FROM, build):
                    context = known(build.context, "")
                    inside = [path for path in files if context and (context == "." or path.startswith(f"{context}/"))]
                    found = taken_in(graph, build, stage, inside)
                    if found is not None:
                        yield Baked(job, found[2], files.pop(found[2]), stage, found[1])


def _finding(graph: Graph, build: Build, stage: Stage, copy: Copy, path: str) -> Finding:
    context = known(build.context, ".")
    places = (f"{stage.dockerfile}.dockerignore", posixpath.normpath(f"{context}/.dockerignore"))
    there = {each.path for each in graph.all(IgnoreFile) if each.kind == "docker"}
    file = next((each for each in places if each in there), places[-1])
    line = LastLine(Span(file, 0, 0), posixpath.relpath(path, context))
    fix = Fix(f"add '{posixpath.basename(path)}' to .dockerignore", (line,))
    weight = Severity.WARNING if _is_of_pipeline(build) else None
    return Finding(subject=stage, at=copy, variant="image", args={"file": path}, fix=fix, severity=weight)


def _places(stage: Stage, copy: Copy, path: str) -> Iterator[str]:
    """Where a COPY puts a file of the context; nowhere where it takes neither the file nor a folder above."""
    for source in copy.sources:
        taken = "" if isinstance(source, Unknown) else _named(posixpath.normpath(source).strip("/"), path)
        start = f"{taken}/".removeprefix("./") if taken else ""
        if isinstance(source, Unknown) or not f"{path}/".startswith(start):
            continue
        if start != f"{path}/":
            yield f"{_into(stage, copy)}/{path[len(start) :]}"
        else:
            folder = len(copy.sources) > 1 or isinstance(copy.target, Unknown) or copy.target.endswith(("/", "."))
            yield f"{_into(stage, copy)}/{posixpath.basename(path)}" if folder else _into(stage, copy)


def _named(source: str, path: str) -> str:
    """What a source with wildcards (`.env*`) names of a path, part by part as Docker does; else the source."""
    wanted = source.split("/")
    parts = path.split("/")[: len(wanted)]
    matches = len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))
    return "/".join(parts) if matches else source


def _ships(stages: Sequence[Stage], built: Stage, stage: Stage, place: str) -> bool:
    """Whether a file at a place of a stage is in the image: by FROM, or by a `COPY --from` of what holds it."""
    waiting, done = [(stage, posixpath.normpath(place))], set[tuple[str, str]]()
    while waiting:
        each, at = waiting.pop()
        if each.id == built.id:
            return True
        if (each.id, at) in done or len(done) > _MOST_PLACES:
            continue
        done.add((each.id, at))
        for other in stages:
            if other.parent == each.id:
                waiting.append((other, at))
            for copy in other.copies:
                if copy.stage.lower() in (each.name.lower(), str(each.index)):
                    waiting += [(other, there) for source in copy.sources if (there := _moved(at, source, other, copy))]
    return False


def _moved(place: str, source: str | Unknown, stage: Stage, copy: Copy) -> str:
    """Where a `COPY --from` puts a file; empty where it does not take it along."""
    if isinstance(source, Unknown):
        return ""
    start = posixpath.normpath(f"/{source}").removesuffix("/*").rstrip("/").replace("//", "/")
    within = place.startswith(f"{start}/")
    return f"{_into(stage, copy)}{place[len(start) :] if within else ''}" if within or place == start else ""


def _into(stage: Stage, copy: Copy) -> str:
    """The folder of a stage into which a COPY puts things."""
    target = copy.target if isinstance(copy.target, str) else "."
    return posixpath.normpath(posixpath.join("/", known(stage.workdir, "/"), target)).rstrip("/")
