"""One Dockerfile builds the image of both sides, for the platforms that run it (HEX201, HEX205, HEX207)."""

from itertools import pairwise
from pathlib import PurePosixPath

from clean_hexagon.enumerations import enumerated
from clean_hexagon.options import Options
from clean_hexagon.parts import parts
from policyengine.api import (
    Absent,
    Build,
    Change,
    Compared,
    Container,
    Edit,
    Finding,
    Fix,
    Graph,
    Job,
    Known,
    Located,
    Outcomes,
    PublishedImage,
    Put,
    Role,
    Severity,
    Side,
    Span,
    Stage,
    Unknown,
    Value,
    known,
    map_value,
    platform,
    rule,
    speaks_of_development,
    undecided,
)


@rule(
    "HEX201",
    mandate="2.1",
    severity=Severity.ERROR,
    remedy="Build the Compose service from the Dockerfile of the deployed image, in the same context.",
    message={
        "default": "'{local}' is built from '{here}', but [the deployed image](1) from '{there}'.",
        "context": "'{local}' is built in the context '{here}', but [the deployed image](1) in '{there}'.",
        "name": "'{local}' is built from '{here}', which by its name is not what [the cloud](1) runs.",
        "required": "'{local}' is built from '{here}', not from '{required}'.",
    },
)
def different_dockerfile(graph: Graph, options: Options) -> Outcomes:
    """The local image is built from another Dockerfile than the deployed one.

    Two Dockerfiles drift: another base image, a missing system package, a file that only one of them copies. What was
    tested is then not what is deployed.

    The deployed image's Dockerfile is that of the pipeline's build which pushes the repository that the twin pulls.
    Where no such build can be found, it is the one beside the local one that is called after production
    (`Dockerfile.prod`), else only a name that says `dev` or `local` is reported. A Dockerfile that is the same
    on both sides but is not the required one (option `required_dockerfile`) is noted. Paths are compared after
    normalisation. A proxy whose image is built here is a part of the application, too.
    """
    for local, cloud in parts(graph):
        build = local.service.build
        if build is None or build.inline:
            continue
        match build.dockerfile:
            case Known(path):
                yield from _compared(local, cloud, build, path, options)
            case _:
                yield from undecided(local.node, build.dockerfile)


def _compared(local: Container, cloud: Container, build: Build, path: str, options: Options) -> Outcomes:
    makers = [maker for maker in cloud.builds if isinstance(maker.dockerfile, Known)]
    files = {known(maker.dockerfile, ""): maker.dockerfile for maker in reversed(makers)}
    same = [maker.context for maker in makers if known(maker.dockerfile, "") == path]
    if makers:
        yield Compared(local.node, cloud.node)
    name = PurePosixPath(path).name
    place, variant, severity = build.dockerfile, "default", None
    args: dict[str, object] = {"local": local.name, "here": path}
    related: tuple[Container | Stage | Value[str], ...] = ()
    beside = _beside(cloud, path) if not makers else None
    if beside is not None:
        args["there"], related = beside.dockerfile, (beside,)
        fix = _rewrite(local, build, beside.dockerfile)
    elif files and path not in files:
        args["there"], related = min(files), (makers[0].dockerfile,)
        fix = _rewrite(local, build, min(files))
    elif not files and speaks_of_development(name):
        variant, related, fix = "name", (cloud,), Fix("build from the Dockerfile of the deployed image")
    elif _elsewhere(build.context, same):
        variant, place, related, fix = "context", build.context, (same[0],), Fix("build in the same context")
        args |= {"here": known(build.context, ""), "there": known(same[0], "")}
    elif name != options.dockerfile:
        variant, severity, fix = "required", Severity.NOTE, Fix(f"rename it to {options.dockerfile}")
        args["required"] = options.dockerfile
    else:
        return
    yield Finding(
        subject=local.node,
        against=cloud.node,
        at=place,
        variant=variant,
        severity=severity,
        args=args,
        related=related,
        fix=fix,
        convention=variant == "required" and not options.required_dockerfile,
    )


def _beside(cloud: Container, path: str) -> Stage | None:
    """The stage of the deployed image where that is of another Dockerfile of the same folder, as their names tell."""
    stage = known(cloud.stage, None)
    if stage is None or stage.dockerfile == path:
        return None
    return stage if PurePosixPath(stage.dockerfile).parent == PurePosixPath(path).parent else None


def _elsewhere(context: Value[str], contexts: list[Value[str]]) -> bool:
    """Whether the contexts of the deployed image are all known to be others."""
    if not contexts or not isinstance(context, Known):
        return False
    return all(isinstance(each, Known) and each.value != context.value for each in contexts)


def _rewrite(owner: Container, build: Build, path: str) -> Fix:
    """Point the build of a Compose service at another file."""
    description, here, folder = f"build from {path}", build.dockerfile, build.context
    if not isinstance(here, Known) or not isinstance(folder, Known):
        return Fix(description)
    context = "" if folder.value == "." else folder.value + "/"
    if not path.startswith(context):
        return Fix(description)
    wanted = path.removeprefix(context)
    if here.span == folder.span:  # the default file of a context, which may be all that is said of the build
        told = "." if folder.span.end - folder.span.start == 1 else folder.value
        whole = Put(owner.span, ("build",), {"context": told, "dockerfile": wanted})
        put = (
            whole if build.span == folder.span else Put(owner.span, ("build", "dockerfile"), wanted, after=("context",))
        )
        return Fix(description, (put,), safe=True)
    return Fix.replacing(description, here.span, here.value.removeprefix(context), wanted, safe=True)


_SET_UP = ("docker/setup-qemu-action@v3", "docker/setup-buildx-action@v3")
_WITH_PLATFORMS = frozenset({"build-push-action", "buildx", "docker buildx build"})


@rule(
    "HEX205",
    mandate="2.2",
    severity=Severity.ERROR,
    remedy="Build and push the image for both platforms with Buildx.",
    message="The image '{image}' is published for '{built}' only, so '{missing}' is missing.",
)
def multiarch_not_built(graph: Graph, options: Options) -> Outcomes:
    """A published image lacks one of the platforms that developers and the cloud run.

    An image for linux/amd64 alone runs emulated on Apple Silicon: slowly, and with crashes that the cloud never sees.
    So developers build their own, and what they run is no longer what is deployed.

    The platforms of all builds that push one repository are taken together, so jobs for one platform each are fine
    where they push to the same repository, and undecided where a manifest joins images of several. A build without
    platforms is for its runner. Builds that push nothing are ignored. Where HEX207 reports that the cloud cannot even
    start the image, that finding stands for this one. Images for the tests of CI only, told by the words `test` or
    `e2e` in their name or in that of their workflow, are not asked for unless the cloud runs them. One build is
    reported once, whatever number of names or Dockerfiles it is given. A platform on which no container is said to run
    is a convention, unless the option `platforms` names it.
    """
    deployed = graph.containers(side=Side.CLOUD, role=Role.APP)
    broken = {build.id for each in deployed if each.platform_is_built is False for build in each.builds}
    run = {build.id for each in graph.containers() for build in each.builds}
    needed = {each.platform.value for each in graph.containers() if isinstance(each.platform, Known)}
    lacking: dict[tuple[Span, tuple[str, ...]], list[PublishedImage]] = {}
    for image in _published(graph, run):
        match image.platforms:
            case Known(platforms):
                yield Compared(image.builds[0])
                missing = tuple(each for each in map(platform, options.built_for) if each not in platforms)
                if missing and not any(build.id in broken for build in image.builds):
                    lacking.setdefault((image.builds[0].span, missing), []).append(image)
            case _:
                yield from undecided(image.builds[0], image.platforms)
    for (_, missing), images in lacking.items():
        build, built = images[0].builds[0], ", ".join(known(images[0].platforms, ()))
        args = {"image": _listed(images), "built": built, "missing": ", ".join(missing)}
        taste = not options.platforms and needed.isdisjoint(missing)
        fix = _add_platforms(graph, build, options)
        yield Finding(subject=build, at=_place(build), args=args, fix=fix, convention=taste)


def _published(graph: Graph, run: set[str]) -> list[PublishedImage]:
    """The images to ask; where the pipeline publishes none, those whose Compose build names platforms."""
    asked = [image for image in graph.published if not image.for_tests or any(each.id in run for each in image.builds)]
    for container in () if asked else graph.containers(side=Side.LOCAL, role=Role.APP):
        build = container.service.build
        if build is not None and isinstance(build.platforms, Known):
            platforms = map_value(build.platforms, lambda each: tuple(map(platform, each)))
            asked.append(PublishedImage(container.name, (build,), platforms))
    return asked


def _listed(images: list[PublishedImage]) -> str:
    """The names under which one build is published, the full ones where there are such."""
    pairs = [(image.name, {other.name for other in images if other.builds == image.builds}) for image in images]
    full = [name for name, names in pairs if not any(each.endswith(f"/{name}") for each in names)]
    return enumerated(full)


def _add_platforms(graph: Graph, build: Build, options: Options) -> Fix:
    wanted = ",".join(options.built_for)
    description = f"build for {wanted} with Buildx (and set up QEMU where the runner has one architecture)"
    return _for_platforms(graph, description, build, wanted)


def _for_platforms(graph: Graph, description: str, build: Build, wanted: str) -> Fix:
    """Names the platforms of a build, where it is one of Buildx or Compose."""
    edits: tuple[Change, ...] = ()
    if isinstance(build.platforms, Known) and build.tool in _WITH_PLATFORMS:
        edits = (Edit(build.platforms.span, wanted),)
    elif isinstance(build.platforms, Absent) and build.tool == "build-push-action":
        edits = (Put(build.span, ("with", "platforms"), wanted), *_emulation(graph, build))
    elif isinstance(build.platforms, Known) and build.tool in ("compose", "bake"):
        lacking = [each for each in wanted.split(",") if each not in build.platforms.value]
        edits = tuple(Put(build.platforms.span, ("-",), each) for each in lacking)
    return Fix(description, edits)


def _emulation(graph: Graph, build: Build) -> tuple[Change, ...]:
    """The steps that a build for another architecture needs, before it, where the job lacks them."""
    job = graph.get(Job, build.job)
    steps = () if job is None else job.steps
    before = next((one for one, other in pairwise(steps) if build.id in other.builds), None)
    used = {known(step.uses, "").partition("@")[0] for step in steps}
    lacking = [each for each in _SET_UP if each.partition("@")[0] not in used]
    place, top = (None, ("",)) if before is None else (before.span, ())
    return tuple(Put(steps[0].span, ("-",), {"uses": each}, after=top, behind=place) for each in lacking)


def _place(build: Build) -> Located:
    """Where the platforms of a build are named, or the build."""
    return build.platforms if isinstance(build.platforms, Known) else build


@rule(
    "HEX207",
    mandate="2.2",
    severity=Severity.ERROR,
    remedy="Build the image for the architecture that the cloud runs it on.",
    message="'{name}' runs on '{platform}', but [its image](1) is built for '{built}' only: exec format error.",
)
def cloud_arch_not_built(graph: Graph, _: Options) -> Outcomes:
    """The cloud runs a service on an architecture that its image is not built for.

    The task is scheduled, pulls the image and dies with `exec format error`; with a deployment circuit breaker the
    service stays on the old version, without one it is down.

    An ECS task without `runtime_platform` runs on X86_64 on Fargate; on EC2 the instances decide, and the question
    stays undecided. So it does of the machine that runs the Compose file of production, once for all its services. The
    place reported is the task's architecture, or the container when it says none.
    """
    asked: set[str] = set()
    for container in graph.containers(side=Side.CLOUD, role=Role.APP):
        if isinstance(container.built_for, Absent):
            continue
        yield Compared(container.node)
        if not container.is_composed_in_production or container.service.group not in asked:
            yield from undecided(container.node, container.platform, container.built_for)
            asked |= {container.service.group} if isinstance(container.platform, Unknown) else set()
        if container.platform_is_built is False:
            needed, built = known(container.platform, ""), ", ".join(known(container.built_for, ()))
            at = container.platform if isinstance(container.service.architecture, Known) else container
            args = {"name": container.name, "platform": needed, "built": built}
            made = next(each for each in container.builds if each.pushes)
            related = (_place(made),)
            wanted = ",".join((*known(made.platforms, ()), needed))
            fix = _for_platforms(graph, f"build the image for {needed}", made, wanted)
            yield Finding(subject=container.node, at=at, args=args, related=related, fix=fix)
