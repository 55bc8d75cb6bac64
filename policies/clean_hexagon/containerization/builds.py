"""The local build is that of the deployed image: the same stage and arguments (HEX202 to HEX204)."""

from collections.abc import Iterator

from clean_hexagon.options import Options
from clean_hexagon.parts import parts
from policyengine.api import (
    Build,
    Change,
    Compared,
    Container,
    Drop,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    Outcomes,
    Put,
    Role,
    Service,
    Severity,
    Side,
    Stage,
    Unknown,
    Value,
    Variable,
    in_place,
    is_address,
    is_label,
    is_public,
    known,
    rule,
    runtime_of,
    undecided,
    variables,
)


@rule(
    "HEX202",
    mandate="2.1",
    severity=Severity.ERROR,
    remedy="Build the Compose service from the Dockerfile of the deployed image.",
    message="'{local}' runs the stock image '{image}', but [the cloud](1) runs an image that is built for it.",
)
def stock_image_for_app(graph: Graph, _: Options) -> Outcomes:
    """An application runs locally in the bare image of its language, and not in the image that is deployed.

    With `image: node:20` and the sources mounted, nothing of the Dockerfile is tested: system packages, the user, the
    build and the files that are copied exist only in the cloud.

    Asked of applications whose twin is deployed; a service that is built, or that pulls an image of its own, passes,
    and so does one whose twin runs the same stock image. What the cloud runs must be known.
    """
    for local, cloud in graph.mirrored(role=Role.APP):
        here = runtime_of(local.image) if local.service.build is None else None
        if here is None:
            continue
        yield Compared(local.node, cloud.node)
        if not cloud.builds:
            yield from undecided(local.node, cloud.image)
        if (cloud.builds or isinstance(cloud.image, Known | Floating)) and runtime_of(cloud.image) is None:
            files = sorted({known(build.dockerfile, "") for build in cloud.builds} - {""})
            yield Finding(
                subject=local.node,
                against=cloud.node,
                at=local.image,
                args={"local": local.name, "image": local.shown_image},
                related=(cloud.image if isinstance(cloud.image, Known | Floating) else cloud,),
                fix=Fix(
                    f"build it from {files[0]}" if files else "build it from the Dockerfile of the deployed image",
                    _built(local, files[0]) if len(files) == 1 and known(cloud.builds[0].context, "") == "." else (),
                ),
            )


def _built(local: Container, dockerfile: str) -> tuple[Change, ...]:
    """A build in place of the image of a Compose service whose file lies in the root."""
    if "/" in local.span.path or not local.is_composed:
        return ()
    put = Put(local.span, ("build",), {"context": ".", "dockerfile": dockerfile}, after=("",))
    return (put, Drop(local.image.span))


@rule(
    "HEX203",
    mandate="2.1",
    severity=Severity.ERROR,
    remedy="Set 'build.target' to the stage that is deployed.",
    message={
        "default": "'{local}' is built up to the stage {here}, but [the deployed image](1) up to {there}.",
        "none": "'{local}' is to be built up to the stage '{here}', which '{file}' does not have: the build fails.",
    },
)
def build_target_divergence(graph: Graph, _: Options) -> Outcomes:
    """The local image ends in another stage of the Dockerfile than the deployed one.

    A stage for development has another command, user and set of dependencies than the one that production runs, so a
    Dockerfile that both share still gives two images.

    Without `target` the last stage is built. Stages are compared as what they hold: a stage that adds nothing to
    another is the same. Asked where both sides build one Dockerfile; another one is HEX201's. A target that names no
    stage of the Dockerfile is reported wherever Compose or a pipeline builds.
    """
    failing = list(_without_stage(graph))
    yield from failing
    lost = {each.subject.id for each in failing}
    for local, build, makers in _built_alike(graph):
        if local.id in lost or any(maker.id in lost or cloud.id in lost for cloud, maker in makers):
            continue
        stages = [(cloud, maker, _made(graph, cloud, maker)) for cloud, maker in makers]
        yield from undecided(local.node, local.stage, *(stage for _, _, stage in stages))
        decided = [(cloud, maker, stage.value) for cloud, maker, stage in stages if isinstance(stage, Known)]
        here = local.stage
        if not isinstance(here, Known) or not decided or len(decided) < len(stages):
            continue
        yield Compared(local.node, decided[0][0].node)
        if any(_content(graph, there) == _content(graph, here.value) for _, _, there in decided):
            continue
        cloud, maker, there = decided[0]
        yield Finding(
            subject=local.node,
            against=cloud.node,
            at=build.target if isinstance(build.target, Known) else build,
            args={"local": local.name, "here": _stage_name(here.value), "there": _stage_name(there)},
            related=(maker.target if isinstance(maker.target, Known) else maker,),
            fix=Fix(
                f"build the stage {there.name}",
                in_place(build.target, there.name)
                if isinstance(build.target, Known)
                else (Put(local.span, ("build", "target"), there.name),),
            ),
        )


def _stage_name(stage: Stage) -> str:
    """A stage by its name, or by the number that stands for it where it has none."""
    return f"number {stage.index}, which has no name" if stage.name == str(stage.index) else f"'{stage.name}'"


def _without_stage(graph: Graph) -> Iterator[Finding]:
    """The builds whose target is no stage of their Dockerfile."""
    services = [(each.node, each.service.build) for each in graph.containers() if isinstance(each.node, Service)]
    for node, build in (*services, *((each, each) for each in graph.all(Build, side=Side.PIPELINE))):
        stage = graph.stage(node)
        if build is None or not isinstance(build.target, Known) or not isinstance(stage, Known):
            continue
        name, file = build.target.value, stage.value.dockerfile
        mine = [each for each in graph.all(Stage) if each.dockerfile == file]
        if name.lower() not in {each.name.lower() for each in mine} | {str(each.index) for each in mine}:
            yield Finding(
                subject=node,
                at=build.target,
                variant="none",
                args={"local": node.name, "here": name, "file": file},
                fix=Fix("name a stage of the Dockerfile, or none for the last one"),
            )


def _built_alike(graph: Graph) -> Iterator[tuple[Container, Build, list[tuple[Container, Build]]]]:
    """Each local part of the application with the builds of its deployed twins that use the same Dockerfile."""
    found: dict[str, tuple[Container, Build, list[tuple[Container, Build]]]] = {}
    for local, cloud in parts(graph):
        build = local.service.build
        if build is None or build.inline or not isinstance(build.dockerfile, Known):
            continue
        path = build.dockerfile.value
        makers = [(cloud, each) for each in cloud.builds if known(each.dockerfile, "") == path and each.id != build.id]
        if makers:
            found.setdefault(local.id, (local, build, []))[2].extend(makers)
    yield from found.values()


def _made(graph: Graph, cloud: Container, maker: Build) -> Value[Stage]:
    """The stage that a build of a deployed container ends in; its own `build` is that of the service itself."""
    return cloud.stage if maker == cloud.service.build else graph.stage(maker)


def _content(graph: Graph, stage: Stage) -> str:
    """The id of the stage that first holds what a stage holds: its own, or that of the one it adds nothing to."""
    parent = graph.get(Stage, stage.parent)
    return stage.id if parent is None or _held(parent) != _held(stage) else _content(graph, parent)


def _held(stage: Stage) -> tuple[object, ...]:
    """What makes up a stage, without where it stands."""
    effective = (known(stage.user, ""), known(stage.workdir, ""), known(stage.entrypoint, None), stage.exposed)
    added = (len(stage.runs), len(stage.copies), len(stage.volumes), stage.healthcheck is None)
    settings = tuple((each.key, known(each.value, None)) for each in stage.environment)
    return (*effective, known(stage.command, None), *added, settings)


@rule(
    "HEX204",
    mandate="2.1",
    severity=Severity.WARNING,
    remedy="Give the build argument the same value in Compose and in the pipeline.",
    message={
        "default": "'{local}' is built with another '{key}' than [the deployed image](1).",
        "local": "'{local}' is built with '{key}', but [the deployed image](1) with the default of its Dockerfile.",
        "cloud": "'{local}' is built with the default of '{key}', but [the deployed image](1) with a value of its own.",
    },
)
def build_args_divergence(graph: Graph, _: Options) -> Outcomes:
    """A build argument that the image uses has another value locally than in the pipeline.

    Build arguments choose versions, features and modes; with another one the same Dockerfile gives another image.

    Compared is the value in force: the one given, else the default of the ARG. Only arguments that a stage on the way
    to the image declares count. What only labels a build (a commit, a date, a version of the application, a release of
    Sentry) may differ. What is built into a browser's bundle, and addresses, are noted: one image for both sides
    cannot hold two of them (HEX315). Values are never shown.
    """
    for local, build, makers in _built_alike(graph):
        declared = {arg.key: arg for each in _stages(graph, local.stage) for arg in each.args}
        here = variables(build.args)
        for key in sorted(declared.keys() & {key for _, maker in makers for key in (*here, *variables(maker.args))}):
            if is_label(key):
                continue
            mine = _in_force(key, here, declared)
            theirs = [(cloud, _in_force(key, variables(maker.args), declared), maker) for cloud, maker in makers]
            yield from undecided(local.node, mine, *(value for _, value, _ in theirs))
            if isinstance(mine, Unknown) or any(isinstance(value, Unknown) for _, value, _ in theirs):
                continue
            cloud, maker = theirs[0][0], theirs[0][2]
            yield Compared(local.node, cloud.node)
            if any(known(value, None) == known(mine, None) for _, value, _ in theirs):
                continue
            given = variables(maker.args)
            place = here[key].value.span if key in here else build.span
            there = given[key].value.span if key in given else maker.span
            yield Finding(
                subject=local.node,
                against=cloud.node,
                at=place,
                variant="default" if key in here and key in given else "local" if key in here else "cloud",
                severity=Severity.NOTE if is_public(key) or is_address(key) else None,
                args={"local": local.name, "key": key},
                related=(there,),
                fix=Fix(
                    f"build both sides with the same {key}",
                    in_place(here[key].value, known(given[key].value, "")) if key in here and key in given else (),
                    safe=True,
                ),
            )


def _stages(graph: Graph, stage: Value[Stage]) -> tuple[Stage, ...]:
    return graph.ingredients(stage.value) if isinstance(stage, Known) else ()


def _in_force(key: str, given: dict[str, Variable], declared: dict[str, Variable]) -> Value[str]:
    """The value of a build argument: the one given, else the default that the Dockerfile declares."""
    return given[key].value if key in given else declared[key].value
