"""Images are built for the platforms that run them (HEX205, HEX207)."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct

from clean_hexagon.containerization.dockerfiles import path_of
from policyengine.api import (
    Absent,
    Build,
    Compared,
    EdgeKind,
    Edit,
    Finding,
    Fix,
    Graph,
    Job,
    Known,
    Outcome,
    Service,
    Severity,
    Side,
    Span,
    Unknown,
    Value,
    regex,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clean_hexagon.options import Options

_WORD = regex(r"[a-z0-9]+")
_TESTS = frozenset({"test", "tests", "e2e", "devcontainer", "buildcache"})
_MOST_NAMES = 4
_PUBLISHES = frozenset({"deploy", "release", "publish", "push", "cd"})
_ARCHITECTURES = {"X86_64": "linux/amd64", "ARM64": "linux/arm64"}
_ALIASES = {
    "linux/arm64/v8": "linux/arm64", "linux/aarch64": "linux/arm64", "linux/x86_64": "linux/amd64",
    "linux/x86-64": "linux/amd64", "linux/amd64/v1": "linux/amd64", "amd64": "linux/amd64", "arm64": "linux/arm64",
}  # fmt: skip


def _platform(text: str) -> str:
    """A platform in BuildKit's normal form: `linux/arm64/v8` is `linux/arm64`."""
    return _ALIASES.get(text.strip().lower(), text.strip().lower())


class _Published(Struct, frozen=True):
    """The builds that publish one image, and the platforms they publish together (Unknown when one is)."""

    name: str
    builds: tuple[Build, ...]
    platforms: Value[tuple[str, ...]]


def _published(graph: Graph) -> list[_Published]:
    """What the pipeline publishes, by repository; without a pipeline build, Compose builds that name platforms."""
    groups: dict[str, list[Build]] = {}
    pipeline = _distinct(build for build in graph.all(Build, side=Side.PIPELINE) if _pushes(build))
    deployed = {edge.target for edge in graph.edges if edge.kind is EdgeKind.BUILT_BY}
    pipeline = [build for build in pipeline if build.id in deployed or not _for_tests(build)]
    for build in pipeline:
        for name in _names(build):
            groups.setdefault(name, []).append(build)
    if not pipeline:
        for service in graph.apps(Side.LOCAL):
            if service.build is not None and isinstance(service.build.platforms, Known):
                groups.setdefault(service.name, []).append(service.build)
    joined = _manifest(graph)
    published = []
    for name, builds in sorted(groups.items()):
        union = _union(graph, builds)
        if isinstance(union, Known) and joined is not None and len(union.value) < 2:
            union = Unknown("the platforms of a manifest that is put together from several builds", joined)
        published.append(_Published(name, tuple(builds), union))
    return published


def _pushes(build: Build) -> bool:
    return not (isinstance(build.push, Absent) or (isinstance(build.push, Known) and not build.push.value))


def _distinct(builds: Iterable[Build]) -> list[Build]:
    """The builds without those of a reusable workflow on its own, where a call of it is there too."""
    by_span: dict[Span, list[Build]] = {}
    for build in builds:
        by_span.setdefault(build.span, []).append(build)
    return [
        build
        for group in by_span.values()
        for build in group
        if _workflow(build) != build.span.path or all(_workflow(each) == build.span.path for each in group)
    ]


def _workflow(build: Build) -> str:
    """The path of the workflow that a build runs in."""
    return build.job.partition(":")[2].partition("#")[0]


def _for_tests(build: Build) -> bool:
    """Whether an image is for the tests of CI only, by its name, or by that of a workflow that publishes nothing."""
    words = _WORD.findall(PurePosixPath(_workflow(build)).stem.lower())
    if words[:1] in (["test"], ["tests"], ["e2e"]) and _PUBLISHES.isdisjoint(words):
        return True
    return all(not _TESTS.isdisjoint(_WORD.findall(name.lower())) for name in _names(build))


def _names(build: Build) -> list[str]:
    if isinstance(build.tags, Known) and build.tags.value:
        return sorted({tag.repository for tag in build.tags.value})
    return [path_of(build) or build.job.partition(":")[2] or build.id]


def _manifest(graph: Graph) -> Span | None:
    """Where a job joins single-platform images: `buildx imagetools create`, `docker manifest create`."""
    for job in graph.all(Job):
        for step in job.steps:
            for command in step.commands:
                words = command.argv
                if "imagetools" in words or ("manifest" in words and "docker" in words[:1]):
                    return command.span
    return None


def _union(graph: Graph, builds: Iterable[Build]) -> Value[tuple[str, ...]]:
    found: set[str] = set()
    span = None
    for build in builds:
        match build.platforms:
            case Known(platforms, where):
                found |= {_platform(each) for each in platforms}
                span = span or where
            case Unknown():
                return build.platforms
            case _:
                host = _host(graph, build)
                if isinstance(host, Unknown):
                    return host
                found |= {_platform(host.value)} if isinstance(host, Known) else set()
                span = span or build.span
    return Known(tuple(sorted(found)), span) if span is not None else Unknown("nothing is built", Span("", 0, 0))


def _host(graph: Graph, build: Build) -> Value[str]:
    """The platform of the runner, which a build without platforms is for."""
    job = graph.get(Job, build.job)
    runs_on = job.runs_on if job is not None else None
    match runs_on:
        case Known(label, span):
            arm = re.search(r"arm|aarch|graviton", label, re.IGNORECASE)
            if not arm and not re.match(r"(?:ubuntu|linux|windows|macos-1[0-3])", label, re.IGNORECASE):
                return Unknown(f"the architecture of the runner '{label}' is not known", span)
            return Known("linux/arm64" if arm else "linux/amd64", span)
        case Unknown():
            return runs_on
        case _:
            return Known("linux/amd64", build.span)


@rule(
    "HEX205",
    mandate="2.2",
    severity=Severity.ERROR,
    message="The image '{image}' is published for '{built}' only, so '{missing}' is missing.",
)
def multiarch_not_built(graph: Graph, options: Options) -> Iterator[Outcome]:
    """A published image lacks one of the platforms that developers and the cloud run.

    An image for linux/amd64 alone runs emulated on Apple Silicon: slowly, and with crashes that the cloud never sees.
    So developers build their own, and what they run is no longer what is deployed.

    The platforms of all builds that push one repository are taken together, so jobs for one platform each are fine
    where they push to the same repository, and undecided where a manifest joins images of several. A build without
    platforms is for its runner. Builds that push nothing are ignored. Where HEX207 reports that the cloud cannot even
    start the image, that finding stands for this one. Images for the tests of CI only, told by the words `test` or
    `e2e` in their name or in that of their workflow, are not asked for unless the cloud runs them. One build is
    reported once, whatever number of names or Dockerfiles it is given.
    """
    broken = {build for build, _, _ in _unstartable(graph)}
    lacking: dict[tuple[Span, tuple[str, ...]], list[_Published]] = {}
    for image in _published(graph):
        match image.platforms:
            case Known(platforms):
                yield Compared(image.builds[0])
                missing = tuple(each for each in map(_platform, options.platforms) if each not in platforms)
                if missing and not any(each.id in broken for each in image.builds):
                    lacking.setdefault((image.builds[0].span, missing), []).append(image)
            case _:
                yield from undecided(image.builds[0], image.platforms)
    for (_, missing), images in lacking.items():
        build, union = images[0].builds[0], images[0].platforms
        built = ", ".join(union.value) if isinstance(union, Known) else ""
        yield Finding(
            subject=build,
            at=build.platforms if isinstance(build.platforms, Known) else build,
            args={"image": _listed(images), "built": built, "missing": ", ".join(missing)},
            fix=_add_platforms(build, options),
        )


def _listed(images: list[_Published]) -> str:
    """The names under which one build is published, the full ones where there are such."""
    full = [
        image.name
        for image in images
        if not any(other.builds == image.builds and other.name.endswith(f"/{image.name}") for other in images)
    ]
    return ", ".join(full if len(full) <= _MOST_NAMES else [*full[:_MOST_NAMES], f"{len(full) - _MOST_NAMES} more"])


def _add_platforms(build: Build, options: Options) -> Fix:
    wanted = ",".join(options.platforms)
    description = f"build for {wanted} with Buildx (and set up QEMU where the runner has one architecture)"
    if isinstance(build.platforms, Known) and build.tool in ("build-push-action", "buildx", "docker buildx build"):
        return Fix(description, (Edit(build.platforms.span, wanted),))
    return Fix(description)


def _unstartable(graph: Graph) -> Iterator[tuple[str, Service, str]]:
    """Build id, cloud service and platform: the service runs on a platform that its image is not built for."""
    for service in graph.apps(Side.CLOUD):
        makers = [build for build in graph.targets(Build, EdgeKind.BUILT_BY, service) if _pushes(build)]
        platform = _cloud_platform(service)
        if not makers or not isinstance(platform, Known) or _manifest(graph) is not None:
            continue
        union = _union(graph, makers)
        if isinstance(union, Known) and platform.value not in union.value:
            yield makers[0].id, service, platform.value


def _cloud_platform(service: Service) -> Value[str]:
    match service.architecture:
        case Known(name, span, via):
            return Known(_ARCHITECTURES.get(name.upper(), name), span, via)
        case Unknown():
            return service.architecture
        case _ if service.launch in ("", "FARGATE"):
            return Known("linux/amd64", service.span)
        case _:
            return Unknown(f"the architecture of the instances that run '{service.name}' is not known", service.span)


@rule(
    "HEX207",
    mandate="2.2",
    severity=Severity.ERROR,
    message="'{name}' runs on '{platform}', but [its image](1) is built for '{built}' only: exec format error.",
)
def cloud_arch_not_built(graph: Graph, options: Options) -> Iterator[Outcome]:
    """The cloud runs a service on an architecture that its image is not built for.

    The task is scheduled, pulls the image and dies with `exec format error`; with a deployment circuit breaker the
    service stays on the old version, without one it is down.

    An ECS task without `runtime_platform` runs on X86_64 on Fargate; on EC2 the instances decide, and the question
    stays undecided. The place reported is the task's architecture, or the container when it says none.
    """
    del options
    for build_id, service, platform in _unstartable(graph):
        build = graph.get(Build, build_id)
        if build is None:
            continue
        union = _union(graph, [each for each in graph.targets(Build, EdgeKind.BUILT_BY, service) if _pushes(each)])
        built = ", ".join(union.value) if isinstance(union, Known) else ""
        yield Finding(
            subject=service,
            at=service.architecture if isinstance(service.architecture, Known) else service,
            args={"name": service.name, "platform": platform, "built": built},
            related=(build.platforms if isinstance(build.platforms, Known) else build,),
            fix=Fix(f"build the image for {platform}"),
        )
    for service in graph.apps(Side.CLOUD):
        makers = [build for build in graph.targets(Build, EdgeKind.BUILT_BY, service) if _pushes(build)]
        if makers:
            yield Compared(service)
            yield from undecided(service, _cloud_platform(service), _union(graph, makers))
