"""What images are made on: their platform, their base and the version of their language (HEX206, HEX211, HEX214)."""

from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct

from clean_hexagon.containerization.users import published_stages
from clean_hexagon.options import Options
from clean_hexagon.paths import above, lies_in
from policyengine.api import (
    Absent,
    Build,
    Compared,
    Container,
    Copy,
    Drop,
    Edit,
    Engine,
    Finding,
    Fix,
    Floating,
    Graph,
    ImageRef,
    Job,
    Known,
    Outcomes,
    Package,
    Role,
    RuntimeVersion,
    Severity,
    ShellCommand,
    Side,
    Span,
    Stage,
    Step,
    Unknown,
    Version,
    allows_major,
    architecture,
    architecture_in,
    asks_for_architecture,
    engine_of,
    folder_kinds,
    in_place,
    is_native,
    known,
    numbers_that_agree,
    platform,
    release_of,
    rule,
    runtime_of,
    setup_of,
    undecided,
)

_FETCHES = frozenset({"curl", "wget", "aria2c"})


@rule(
    "HEX206",
    mandate="2.2",
    severity=Severity.WARNING,
    remedy="Leave the platform to the build, without '--platform' in FROM and 'platform' in Compose.",
    precision="very-high",
    message={
        "default": "'{name}' is held to the platform '{platform}', so it is emulated on machines of the other one.",
        "stage": "The stage '{name}' of '{dockerfile}' is held to the platform '{platform}'.",
        "download": "'{dockerfile}' downloads '{file}', which is for '{architecture}' alone.",
    },
)
def arch_pinned(graph: Graph, _: Options) -> Outcomes:
    """An image is held to one architecture, in its Dockerfile or in Compose.

    Held to linux/amd64 it runs emulated on Apple Silicon, slower and with faults of its own; a program that is
    downloaded for x86_64 does not run at all in an image for arm64.

    Reported are a literal `FROM --platform=`, a literal `platform:` of a service that is built here, and a download by
    curl, wget or ADD that names one architecture. A stage that asks for the architecture (TARGETARCH, `uname -m`,
    `dpkg --print-architecture`) or names the other one too handles both; `$BUILDPLATFORM` is the way to cross-compile.
    A service that is held to the platform its twin runs on is a convention. An editor's container and images of tests
    are left alone.
    """
    stages: dict[str, Stage] = {}
    for container in graph.containers():
        service = container.service
        if isinstance(container.node, Stage) and folder_kinds(container.node.dockerfile):
            continue
        if service.platform is not None and service.side is Side.LOCAL and service.build is not None:
            yield Compared(container.node)
            yield from undecided(container.node, service.platform)
            if isinstance(service.platform, Known):
                yield _held(graph, container, service.platform)
        if isinstance(container.stage, Known):
            stages |= {each.id: each for each in graph.ingredients(container.stage.value)}
    seen: set[Span] = set()
    for stage in stages.values():
        yield Compared(stage)
        if isinstance(stage.platform, Known) and not stage.platform.via and stage.platform.span not in seen:
            seen.add(stage.platform.span)
            args = {"name": stage.name, "dockerfile": stage.dockerfile, "platform": stage.platform.value}
            flag = stage.platform.span
            plain = flag.end - flag.start == len(stage.platform.value)
            cut = Edit(flag._replace(start=flag.start - len("--platform="), end=flag.end + 1), "")
            fix = Fix("leave the platform to the build", (cut,) if plain else ())
            cause = f"{stage.dockerfile} {stage.platform.value}"
            yield Finding(subject=stage, at=stage.platform, variant="stage", args=args, fix=fix, cause=cause)
        for place, url, built_for in _downloads(stage):
            if place not in seen:
                seen.add(place)
                file = url.rpartition("/")[2].partition("?")[0] or url.split("/")[2]
                args = {"dockerfile": stage.dockerfile, "file": file, "architecture": built_for}
                fix = Fix("name the architecture by ${TARGETARCH}")
                yield Finding(subject=stage, at=place, variant="download", args=args, fix=fix)


def _held(graph: Graph, container: Container, held: Known[str]) -> Finding:
    twin = graph.mirror(container.service)
    same = twin is not None and known(graph.container(twin).platform, "") == platform(held.value)
    args = {"name": container.name, "platform": held.value}
    fix = Fix("build the image for both platforms, and leave the choice to Docker", (Drop(held.span),), safe=True)
    return Finding(subject=container.node, at=held, args=args, fix=fix, convention=same)


def _downloads(stage: Stage) -> Iterator[tuple[Span, str, str]]:
    """The downloads of a stage for one architecture: the place, the address and the architecture as it is written."""
    words = [word.text for command in stage.runs for word in command.words]
    if any(asks_for_architecture(word) for word in (*words, *(arg.key for arg in stage.args))):
        return
    fetched = [(word.text, word.span) for each in stage.runs if _fetches(each) for word in each.words]
    fetched += [(source, copy.span) for copy in stage.copies for source in copy.sources if isinstance(source, str)]
    named = {architecture_in(word) for word in (*words, *(text for text, _ in fetched))} - {""}
    if len({architecture(each) for each in named}) == 1:
        for text, span in fetched:
            found = architecture_in(text) if "://" in text else ""
            if found:
                yield span, text, found


def _fetches(command: ShellCommand) -> bool:
    return command.program in _FETCHES


@rule(
    "HEX211",
    mandate="2.1",
    severity=Severity.WARNING,
    remedy="Name a minor version or a digest in FROM, and build all stages on one base.",
    message={
        "default": "'{dockerfile}' builds on '{image}', which names no version.",
        "minor": "'{dockerfile}' builds on '{image}', whose minor version moves.",
        "libc": (
            "The stage '{name}' runs on {here}, but takes files from [the stage](1) '{other}' on {there}, and "
            "'{package}' is built for one of them."
        ),
    },
)
def base_image_drift(graph: Graph, _: Options) -> Outcomes:
    """The base of an image moves, or its stages do not share one C library.

    `node:latest` is another version after each rebuild, so the image that was tested and the one that is built next
    month differ without any change. A native module that npm or pip installed on Debian does not load on Alpine.

    Asked of the Dockerfiles of applications, and of proxies that are built here. A tag that names no version (`latest`,
    `lts`, none) is reported; one whose minor moves (`node:22-alpine`) is a convention. A digest pins everything, an
    image without versions has none to name. Of an image that is not known only a written `latest` is reported,
    unless the repository builds it. The C library counts where a stage copies from another one and a dependency
    is a native module.
    """
    seen: set[Span] = set()
    own = {ref.repository for build in graph.all(Build) for ref in build.references}
    for container in graph.containers():
        if not isinstance(container.stage, Known) or container.role not in (Role.APP, Role.PROXY):
            continue
        yield Compared(container.node)
        for stage in graph.ingredients(container.stage.value):
            if isinstance(stage.base, Known | Floating) and stage.base.span not in seen and not stage.parent:
                seen.add(stage.base.span)
                if stage.base.value.repository not in own:
                    yield from _moves(stage, stage.base.value, stage.base.span)
        yield from _two_libraries(graph, container, container.stage.value, seen)


def _moves(stage: Stage, base: ImageRef, span: Span) -> Iterator[Finding]:
    engine, tag = engine_of(base, span), base.effective_tag
    if tag is None or base.digest is not None:
        return
    args = {"dockerfile": stage.dockerfile, "image": base.shown}
    if engine is None or not engine.numbered:
        counted = engine is not None and engine.purpose == "runtime" and isinstance(engine.version, Unknown)
        written = engine is None and base.tag == tag and "/" in base.repository
        if tag == "latest" and not base.undecided and (counted or written):
            yield Finding(subject=stage, at=span, args=args, fix=Fix("name a version, and best a digest"))
    elif isinstance(engine.version, Unknown) and (tag == "latest" or engine.purpose != "base"):
        yield Finding(subject=stage, at=span, args=args, fix=Fix("name a version, and best a digest"))
    elif isinstance(engine.version, Floating) and engine.purpose == "runtime" and engine.version.value.minor is None:
        fix = Fix("name the minor version, or a digest")
        yield Finding(
            subject=stage, at=span, variant="minor", severity=Severity.NOTE, args=args, fix=fix, convention=True
        )


def _two_libraries(graph: Graph, container: Container, last: Stage, seen: set[Span]) -> Iterator[Finding]:
    package = next((each for each in _dependencies(container.packages) if is_native(each)), "")
    stages = {each.name.lower(): each for each in graph.ingredients(last)}
    here = _libc(last)
    language = runtime_of(last.base)
    if not package or not here or language is None:
        return
    for copy in last.copies:
        other = stages.get(copy.stage.lower())
        there = "" if other is None else _libc(other)
        if other is None or there in ("", here) or copy.span in seen or not _brings_dependencies(copy, other):
            continue
        one = runtime_of(other.base)
        if one is not None and one.name == language.name:
            seen.add(copy.span)
            args = {"name": last.name, "here": here, "other": other.name, "there": there, "package": package}
            fix = Fix("build all stages on one base image")
            yield Finding(subject=last, at=copy.span, variant="libc", args=args, related=(other,), fix=fix)


def _brings_dependencies(copy: Copy, stage: Stage) -> bool:
    """Whether a COPY takes what a package manager installed in another stage, or all of its working directory."""
    paths = [each.rstrip("/") for each in copy.sources if isinstance(each, str)]
    installed = any(not folder_kinds(f"{path}/").isdisjoint({"foreign", "state"}) for path in paths)
    return installed or known(stage.workdir, "/").rstrip("/") in paths


def _libc(stage: Stage) -> str:
    return "" if stage.libc is None else known(stage.libc, "")


def _dependencies(packages: tuple[Package, ...]) -> Iterator[str]:
    return (each.key for package in packages for each in package.dependencies)


@rule(
    "HEX214",
    mandate="2.1",
    severity=Severity.ERROR,
    remedy="Use one version of the language in the image, on laptops and in CI.",
    message={
        "default": "'{file}' asks for {runtime} '{here}', but [the image](1) of '{name}' has '{there}'.",
        "engines": "'{file}' allows {runtime} '{here}', but [the image](1) of '{name}' has '{there}'.",
        "job": "The job '{file}' works with {runtime} '{here}', but [the image](1) of '{name}' has '{there}'.",
        "stage": "The stage '{file}' is on {runtime} '{here}', but [the stage](1) '{name}' on '{there}'.",
    },
)
def runtime_version_mismatch(graph: Graph, _: Options) -> Outcomes:
    """Developers or CI work with another version of the language than the image has.

    What was written and tested on Node.js 20 runs on 22: another parser, other defaults, native modules that were
    installed for another ABI.

    Compared with the image of each application: the nearest .nvmrc, .node-version, .python-version, .ruby-version,
    .java-version, .go-version, .php-version or .tool-versions above its package, the range of `engines`, the version
    that a setup action installs in a job that builds or tests, and the stages of the Dockerfile with each other.
    Node.js and Java are compared by their major, Go, PHP, Python and Ruby by two numbers; the `go` of go.mod is the
    least that the image must have. A range that allows the image's version passes, as do names that move (`lts/*`) or
    are a range (`^1.23`), what a run decides, and a job where any application of the language has its version. Asked
    are applications that run somewhere or whose image the pipeline publishes, and jobs that work in the folder of such
    an application. A job that only runs tools of it, such as its linter, is a warning.
    """
    seen: set[Span] = set()
    images: _Images = {}
    files: _Files = {}
    for file in graph.all(RuntimeVersion):
        files.setdefault((file.runtime, file.directory), []).append(file)
    published = map(graph.container, published_stages(graph))
    for container in (*graph.containers(role=Role.APP), *published):
        known_to_run = container.side is Side.CLOUD or graph.pair_of(container.node) is not None
        if not known_to_run and isinstance(container.stage, Known) and folder_kinds(container.stage.value.dockerfile):
            continue
        stages = graph.ingredients(container.stage.value) if isinstance(container.stage, Known) else ()
        bases = [(stage, base, engine) for stage in stages for base, engine in _language(stage)]
        for stage, base, engine in bases[-1:]:
            images.setdefault(engine.name, []).append((container, base, engine))
            yield Compared(container.node)
            for other, at, one in bases[:-1]:
                if (
                    one.name == engine.name
                    and not _one_line(_given(one), engine.name, _given(engine))
                    and at.span not in seen
                ):
                    seen.add(at.span)
                    args = {"file": other.name, "runtime": engine.name, "here": str(_given(one)), "name": stage.name}
                    ref = known(base, None)
                    tag = ref.effective_tag if ref is not None and ref.name == engine.name else None
                    fix = Fix.tagging(f"build all stages on {engine.name} {_given(engine)}", other.base, tag)
                    yield Finding(
                        subject=other,
                        at=at,
                        variant="stage",
                        args=args | {"there": str(_given(engine))},
                        related=(base,),
                        fix=fix,
                    )
            for found in _asked(files, container, base, engine):
                if isinstance(found.at, Known) and found.at.span not in seen:
                    seen.add(found.at.span)
                    yield found
    yield from _in_jobs(graph, images)


_Base = Known[ImageRef] | Floating[ImageRef]
_App = tuple[Container, _Base, Engine]
_Images = dict[str, list[_App]]
"""The applications of each language, with the base of their image and what it is."""
_Files = dict[tuple[str, str], list[RuntimeVersion]]
"""The files that ask for a version, by the language and their folder."""


def _called(container: Container) -> str:
    """A container by its name, an image that only the pipeline knows by its Dockerfile."""
    return container.node.dockerfile if isinstance(container.node, Stage) else container.name


def _language(stage: Stage) -> Iterator[tuple[_Base, Engine]]:
    """The base of a stage and its language, where its version is known and is compared."""
    engine = runtime_of(stage.base)
    if engine is None or not isinstance(stage.base, Known | Floating):
        return
    if _given(engine) is not None and numbers_that_agree(engine.name):
        yield stage.base, engine


def _given(engine: Engine) -> Version | None:
    return engine.version.value if isinstance(engine.version, Known | Floating) else None


def _one_line(mine: Version | None, runtime: str, other: Version | None) -> bool:
    """Whether a version is of the release line that an image has, as far as both name it."""
    numbers = numbers_that_agree(runtime)
    pairs = zip(mine.parts[:numbers], other.parts[:numbers], strict=False) if mine and other else ()
    return all(one == another for one, another in pairs)


def _older(engine: Engine, least: Version | None) -> bool:
    """Whether an image has an older release than the least that is asked for, as far as both name it."""
    mine = _given(engine)
    return mine is not None and least is not None and mine.parts < least.parts[: len(mine.parts)]


def _asked(files: _Files, container: Container, base: _Base, engine: Engine) -> Iterator[Finding]:
    """What the nearest files above an application's package ask for, where the image has another version."""
    folders = {each for package in container.packages for each in above(package.directory)}
    there = sorted(each for each in folders if (engine.name, each) in files)
    nearest = max(map(len, there), default=0)
    args = {"runtime": engine.name, "name": _called(container), "there": str(_given(engine))}
    fix = Fix(f"use {engine.name} {_given(engine)} everywhere")
    major = 0 if isinstance(engine.version, Unknown | Absent) else engine.version.value.major
    for file in (file for each in there if len(each) == nearest for file in files[engine.name, each]):
        asked = release_of(file.runtime, known(file.version, ""))
        if asked is not None and not _one_line(_given(engine), engine.name, asked):
            told = args | {"file": file.path, "here": known(file.version, "")}
            alike = in_place(file.version, _as_exact(known(file.version, ""), engine))
            mended = Fix(fix.description, alike, safe=True)
            yield Finding(subject=file, at=file.version, args=told, related=(base,), fix=mended)
    for package in container.packages:
        for wanted in package.engines:
            least = release_of("go", known(wanted.value, "")) if package.ecosystem == "go" else None
            if wanted.key != engine.name:
                continue
            if _older(engine, least):
                told = args | {"file": package.path, "here": known(wanted.value, "")}
                yield Finding(subject=package, at=wanted.value, args=told, related=(base,), fix=fix)
            elif least is None and not allows_major(known(wanted.value, ""), major):
                told = args | {"file": package.path, "here": known(wanted.value, "")}
                yield Finding(subject=package, at=wanted.value, variant="engines", args=told, related=(base,), fix=fix)


def _in_jobs(graph: Graph, images: _Images) -> Outcomes:
    files = {each.path for each in graph.all(RuntimeVersion)}
    versions = {name: {_given(engine) for _, _, engine in apps} for name, apps in images.items()}
    homes = {name: _homes(graph, apps) for name, apps in images.items()}
    tools = {name: _tools(apps) for name, apps in images.items()}
    for job in graph.all(Job):
        for step in job.steps:
            found = setup_of(known(step.uses, "").partition("@")[0])
            given = next((each for each in step.inputs if found and each.key == found.input), None)
            if found is None or given is None or found.runtime not in images:
                continue
            mine = _works_on(homes[found.runtime], _folders(job, step))
            checked = None if mine is not None else _folders(job, step, tools[found.runtime])
            mine = mine if checked is None else _works_on(homes[found.runtime], checked)
            if mine is None:
                continue
            asked = release_of(found.runtime, known(given.value, ""))
            if asked is None or known(given.value, "") in files:
                continue
            yield Compared(job)
            if any(_one_line(each, found.runtime, asked) for each in versions[found.runtime]):
                continue
            container, base, engine = images[found.runtime][mine]
            args = {
                "file": job.key,
                "runtime": found.runtime,
                "here": known(given.value, ""),
                "name": _called(container),
            }
            yield Finding(
                subject=job,
                at=given.value,
                variant="job",
                severity=None if checked is None else Severity.WARNING,
                cause=f"{found.runtime} {asked}, not that of {container.id}",
                args=args | {"there": str(_given(engine))},
                related=(base,),
                fix=Fix(
                    f"set up {found.runtime} {_given(engine)}",
                    in_place(given.value, _as_exact(known(given.value, ""), engine)),
                    safe=True,
                ),
            )


def _as_exact(written: str, engine: Engine) -> str:
    """The version of an image with as many numbers as another one is written with."""
    numbers = str(_given(engine)).split(".")
    more = written.strip().removeprefix("v").split(".") if written.strip("v. ")[:1].isdigit() else numbers
    return "v" * written.startswith("v") + ".".join(numbers[: len(more)])


class _Homes(Struct, frozen=True):
    """Where applications of the same kinds of packages live: by folder the number of the first that has one there."""

    first: dict[str, int]  # in the order of the numbers
    manifests: set[str]  # the folders of all packages of these kinds, of other applications and of none, too
    apart: bool  # whether a package in the root has nothing to do with those below


def _homes(graph: Graph, apps: Sequence[_App]) -> list[_Homes]:
    found: dict[frozenset[str], _Homes] = {}
    for number, (container, _, _) in enumerate(apps):
        kinds = frozenset(package.ecosystem for package in container.packages)
        if kinds not in found:
            manifests = {each.directory for each in graph.all(Package) if each.ecosystem in kinds}
            found[kinds] = _Homes({}, manifests, "npm" in kinds and _is_apart(graph))
        for package in container.packages:
            found[kinds].first.setdefault(package.directory, number)
    return list(found.values())


def _is_apart(graph: Graph) -> bool:
    """Whether a package.json in the root is of an application there, and says nothing of the packages below it."""
    root = next((each for each in graph.all(Package) if each.path == "package.json"), None)
    return root is not None and not root.workspaces and not any(map(graph.holds, _WORKSPACES))


_WORKSPACES = ("pnpm-workspace.yaml", "lerna.json", "nx.json", "rush.json", "turbo.json")


def _tools(apps: Sequence[_App]) -> frozenset[str]:
    """The programs that applications of a language bring by their dependencies, such as linters."""
    return frozenset(name for container, _, _ in apps for name in _dependencies(container.packages))


def _folders(job: Job, setup: Step, tools: frozenset[str] = frozenset()) -> set[str]:
    """The folders in which a job builds or tests, or runs one of the tools; its setup may name the folder itself."""
    told = next((known(each.value, "") for each in setup.inputs if each.key == "working-directory"), "").strip("./")
    commands = [command for step in job.steps for command in step.commands]
    if tools:
        return {each.directory for each in commands if each.program in tools}
    if told and not any(each.works for each in job.steps):
        return set()
    return {told} if told else {each.directory for each in commands if each.does("build", "test", "e2e")}


def _works_on(homes: Sequence[_Homes], folders: set[str]) -> int | None:
    """The number of the first application that lives in one of the folders, or in the root that holds a package.

    A folder is of the application whose manifest is the nearest above it.
    """
    found: list[int] = []
    for each in homes:
        for folder in folders:
            nearest = next((one for one in above(folder) if one in each.manifests), None)
            if nearest is None:
                found.extend(number for home, number in each.first.items() if folder and lies_in(home, folder))
            elif nearest in each.first:
                found.append(each.first[nearest])
            elif not folder and not each.apart:
                found.extend(islice(each.first.values(), 1))
    return min(found, default=None)
