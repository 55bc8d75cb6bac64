"""Images are built for the platforms that run them (HEX205, HEX207)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.api import (
    Absent,
    Compared,
    Edit,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    PublishedImage,
    Role,
    Severity,
    Side,
    known,
    map_value,
    platform,
    regex,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import Build, Located, Span

_WORD = regex(r"[a-z0-9]+")
_TESTS = frozenset({"test", "tests", "e2e", "devcontainer", "buildcache"})
_MOST_NAMES = 4
_WITH_PLATFORMS = frozenset({"build-push-action", "buildx", "docker buildx build"})
_PUBLISHES = frozenset({"deploy", "release", "publish", "push", "cd"})


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
    deployed = graph.containers(side=Side.CLOUD, role=Role.APP)
    broken = {build.id for each in deployed if each.platform_is_built is False for build in each.builds}
    run = {build.id for each in graph.containers() for build in each.builds}
    lacking: dict[tuple[Span, tuple[str, ...]], list[PublishedImage]] = {}
    for image in _published(graph, run):
        match image.platforms:
            case Known(platforms):
                yield Compared(image.builds[0])
                missing = tuple(each for each in map(platform, options.platforms) if each not in platforms)
                if missing and not any(build.id in broken for build in image.builds):
                    lacking.setdefault((image.builds[0].span, missing), []).append(image)
            case _:
                yield from undecided(image.builds[0], image.platforms)
    for (_, missing), images in lacking.items():
        build, built = images[0].builds[0], images[0].platforms
        yield Finding(
            subject=build,
            at=_place(build),
            args={"image": _listed(images), "built": ", ".join(known(built, ())), "missing": ", ".join(missing)},
            fix=_add_platforms(build, options),
        )


def _published(graph: Graph, run: set[str]) -> list[PublishedImage]:
    """The images to ask; where the pipeline publishes none, those whose Compose build names platforms."""
    asked = [image for image in graph.published if any(each.id in run or not _for_tests(each) for each in image.builds)]
    for container in () if asked else graph.containers(side=Side.LOCAL, role=Role.APP):
        build = container.service.build
        if build is not None and isinstance(build.platforms, Known):
            platforms = map_value(build.platforms, lambda each: tuple(map(platform, each)))
            asked.append(PublishedImage(container.name, (build,), platforms))
    return asked


def _for_tests(build: Build) -> bool:
    """Whether an image is for the tests of CI only, by its name, or by that of a workflow that publishes nothing."""
    words = _WORD.findall(PurePosixPath(build.workflow).stem.lower())
    if words[:1] in (["test"], ["tests"], ["e2e"]) and _PUBLISHES.isdisjoint(words):
        return True
    names = [tag.repository for tag in build.tags.value] if isinstance(build.tags, Known) else []
    return bool(names) and all(not _TESTS.isdisjoint(_WORD.findall(name.lower())) for name in names)


def _listed(images: list[PublishedImage]) -> str:
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
    editable = isinstance(build.platforms, Known) and build.tool in _WITH_PLATFORMS
    return Fix(description, (Edit(build.platforms.span, wanted),) if editable else ())


def _place(build: Build) -> Located:
    """Where the platforms of a build are named, or the build."""
    return build.platforms if isinstance(build.platforms, Known) else build


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
    for container in graph.containers(side=Side.CLOUD, role=Role.APP):
        if isinstance(container.built_for, Absent):
            continue
        yield Compared(container.node)
        yield from undecided(container.node, container.platform, container.built_for)
        if container.platform_is_built is False:
            needed, built = known(container.platform, ""), ", ".join(known(container.built_for, ()))
            yield Finding(
                subject=container.node,
                at=container.platform if isinstance(container.service.architecture, Known) else container,
                args={"name": container.name, "platform": needed, "built": built},
                related=(_place(next(each for each in container.builds if each.pushes)),),
                fix=Fix(f"build the image for {needed}"),
            )
