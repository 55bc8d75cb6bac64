"""The image that was tested is the image that is deployed (HEX606, HEX607, HEX613)."""

from collections.abc import Iterator

from clean_hexagon.options import Options
from clean_hexagon.pipeline import gate
from policyengine.api import (
    Build,
    Compared,
    Container,
    EdgeKind,
    Finding,
    Fix,
    Floating,
    Graph,
    Happening,
    ImageRef,
    Job,
    Known,
    Located,
    Outcomes,
    Repository,
    Role,
    Severity,
    Side,
    Span,
    Unknown,
    Workflow,
    engine_of,
    hands_over,
    known,
    rule,
    tag_moves,
    undecided,
)


@rule(
    "HEX606",
    mandate="6.2",
    severity=Severity.ERROR,
    remedy="Deploy the image that the gate has tested: push what it built, or start the stack with what was pushed.",
    message={
        "default": "'{job}' builds '{image}' again after [the gate](1) has tested another build of it.",
        "name": "The {noun} '{name}' pulls '{image}', but [the pipeline](1) pushes that as '{pushed}'.",
    },
)
def tested_image_not_deployed(graph: Graph, options: Options) -> Outcomes:
    """The deployed image is built after the gate, and is not the one that the gate has tested.

    A second build takes what the registries hold by then: another minor of the base image, another package. What passed
    and what runs differ, and nobody can tell.

    Asked where a gate exists. A build that pushes an image and stands behind the tests, in their job or in one that
    needs it, makes another image than the stack that was tested. Retagging, `docker push` of an image that was built
    before the tests and a deployment by digest pass. A Dockerfile that nothing of the local stack is built from was not
    tested at all, so it is not asked here.

    An image that the cloud pulls from `acme/shop-api`, where the pipeline pushes `acme/shop/api`, is one that nobody
    publishes: what runs is what somebody once pushed by hand, if anything does.
    """
    builds = (each.service.build for each in graph.containers(side=Side.LOCAL))
    tested = {known(build.dockerfile, "") for build in builds if build is not None} - {""}
    seen: set[Span] = set()
    for workflow in graph.all(Workflow):
        ups = gate.brought_up(graph, workflow) if gate.is_asked(workflow, options) else []
        tests = [test for up in ups if (test := gate.test_after(graph, up, options.gate.runner)) is not None]
        for build, job in _pushed(graph, workflow) if tests else ():
            yield Compared(workflow)
            if known(build.dockerfile, "") not in tested or build.span in seen:
                continue
            before = next((test for test in tests if _is_behind(graph, job, build, test)), None)
            if before is not None:
                seen.add(build.span)
                args = {"job": job.name, "image": _name(build)}
                fix = Fix("push the image that the gate has built, or start the stack with the image that was pushed")
                yield Finding(subject=job, at=build, args=args, related=(before,), fix=fix)
    for container in graph.deployed(role=Role.APP):
        image = container.image
        pushed = {ref.repository: build for build in container.builds if build.pushes for ref in build.references}
        for name, build in sorted(pushed.items(), key=lambda each: each[0])[:1]:
            yield Compared(container.node)
            if isinstance(image, Known | Floating) and all(_respelt(image.value.repository, each) for each in pushed):
                args = {"noun": container.noun, "name": container.name, "image": image.value.shown, "pushed": name}
                fix = Fix("pull the image by the name that the pipeline pushes")
                yield Finding(
                    subject=container.node,
                    at=image,
                    variant="name",
                    severity=Severity.WARNING,
                    args=args,
                    related=(build.tags,),
                    fix=fix,
                    cause=f"names of {image.span.path}",
                )


def _respelt(one: str, other: str) -> bool:
    """Whether two repositories of a registry differ by `-` for `/`, as far as both are written."""
    short, whole = sorted((f"/{one}", f"/{other}"), key=len)
    tail = whole[-len(short) :]
    return tail[0] == "/" and tail != short and tail.replace("/", "-") == short.replace("/", "-")


def _pushed(graph: Graph, workflow: Workflow) -> Iterator[tuple[Build, Job]]:
    """The builds of a workflow that push, with their jobs."""
    for job in graph.jobs(workflow):
        for step in job.steps:
            for name in step.builds:
                build = graph.get(Build, name)
                if build is not None and isinstance(build.push, Known) and build.push.value:
                    yield build, job


def _is_behind(graph: Graph, job: Job, build: Build, test: Happening) -> bool:
    """Whether a build comes after tests: in a job that needs theirs, or later in the same one."""
    if job.id != test.job.id:
        return test.job.id in graph.needs(job)
    step = next((each.index for each in job.steps if build.id in each.builds), -1)
    return step > test.job.steps[test.step].index


def _name(build: Build) -> str:
    return build.references[0].repository if build.references else known(build.dockerfile, build.name)


@rule(
    "HEX607",
    mandate="6.2",
    severity=Severity.WARNING,
    remedy="Deploy by digest, or by a tag of the commit.",
    precision="very-high",
    message={
        "default": "The {noun} '{name}' runs '{image}', and the tag '{tag}' is another image after each push.",
        "back": "The {noun} '{name}' runs '{image}' after each apply of Terraform, whatever [a workflow](1) deploys.",
        "tag": "The {noun} '{name}' runs its image by the tag '{tag}', which is another one after each push.",
    },
)
def mutable_image_tag(graph: Graph, _: Options) -> Outcomes:
    """The cloud runs an image by a tag that moves.

    Each task that starts pulls what the tag is by then: two tasks of one service may run two versions, a rollback rolls
    nothing back, and nobody can say which build passed the tests.

    Moving are `latest`, no tag at all, names of branches and of environments, and any fixed word that the build of the
    image pushes each time, as they are known in the end: the default of a variable counts where nothing else sets it. A
    digest or the number of a version or commit passes. Where a workflow hands a new image to the service (a rendered
    task definition, `--image`), Terraform puts its own tag back with the next apply, unless lifecycle ignores it; what
    the workflow itself declares is not asked then. Where lifecycle ignores the task definition, but workflows only
    start the service anew (`--force-new-deployment`), the tag of the files is what runs. Not asked of public images, of
    what is built where it runs (an override that gives a service an image of a registry pulls it), and where HEX613
    reports the same repository. The services that one file gives the same tag are one finding, which names them.
    """
    stopped = {known(repository.repository, "") for repository, _ in _stopped(graph)}
    handed, there = _handing_over(graph), gate.builds_there(graph)
    restarted = handed is None and any("--force-new-deployment" in each.argv for each in graph.commands())
    seen: set[Span] = set()
    for container in graph.deployed(role=Role.APP):
        image, service, variant = container.image, container.service, "default"
        tag = service.tag.value if service.tag is not None else ""
        yield Compared(container.node)
        own = gate.is_built_there(container, builds=there)
        if (handed is not None and service.renewed) or own or image.span in seen:
            continue
        if isinstance(image, Known | Floating) and image.value.is_sample:
            image, tag = Unknown(f"'{image.value.shown}' is a sample, which something else replaces", image.span), ""
        if isinstance(image, Known | Floating):
            tag = image.value.effective_tag or (tag if restarted else "")
            stays = not tag_moves(tag) and not _is_pushed_again(container, tag)
            public = not container.builds and engine_of(image.value, image.span) is not None
            if stays or public or image.value.repository in stopped:
                continue
            if handed is not None and not container.is_composed_in_production:
                variant = "back"
        elif tag_moves(tag):
            variant = "tag"
        else:
            yield from undecided(container.node, image) if handed is None else ()
            continue
        seen.add(image.span)
        args = {"noun": container.noun, "name": container.name, "image": container.shown_image, "tag": tag}
        yield Finding(
            subject=container.node,
            at=service.tag if variant == "tag" and service.tag is not None else image,
            variant=variant,
            args=args,
            related=() if handed is None or variant != "back" else (handed,),
            fix=Fix("deploy by digest, or by a tag of the commit"),
            cause=f"{image.span.path} {tag}" if variant != "back" else "an apply of Terraform",
        )


def _is_pushed_again(container: Container, tag: str) -> bool:
    """Whether a build of what a container runs pushes its tag each time: a word, and no number of a version."""
    word = not any(letter.isdigit() for letter in tag)
    return word and any(ref.tag == tag for build in container.builds if build.pushes for ref in build.references)


def _handing_over(graph: Graph) -> Located | None:
    """What of a workflow gives services other images than the files name."""
    steps = (
        step for job in graph.all(Job) for step in job.steps if hands_over((known(step.uses, "").partition("@")[0],))
    )
    return next((each for each in graph.commands() if hands_over(each.argv)), None) or next(steps, None)


@rule(
    "HEX613",
    mandate="6.2",
    severity=Severity.ERROR,
    remedy="Push a tag of the commit, or exclude the tag from immutability.",
    precision="very-high",
    message="'{image}' is pushed by the tag '{tag}' each time, but [the repository](1) takes every tag only once.",
)
def immutable_ecr_moving_tag(graph: Graph, _: Options) -> Outcomes:
    """A workflow pushes a fixed tag to a repository whose tags are immutable.

    The first run passes. The second fails with `tag invalid: The image tag already exists`, after everything was built
    and tested.

    Fixed is a tag that is written out in the workflow; one that holds a commit, a run or a version of the event is
    another one each time. A repository that excludes tags from immutability is not asked.
    """
    for repository, builds in _stopped(graph):
        for build, image in builds:
            args = {"image": image.repository, "tag": image.effective_tag}
            fix = Fix("push a tag of the commit, or exclude the tag from immutability")
            yield Finding(subject=build, at=build.tags, args=args, related=(repository,), fix=fix)


def _stopped(graph: Graph) -> Iterator[tuple[Repository, list[tuple[Build, ImageRef]]]]:
    """The repositories with immutable tags, each with the builds that push a fixed tag to it."""
    for repository in graph.all(Repository):
        if not known(repository.immutable, default=False):
            continue
        found = []
        for build in graph.sources(Build, EdgeKind.PUBLISHES, repository):
            if isinstance(build.push, Known) and build.push.value:
                fixed = [image for image in build.references if isinstance(image.tag, str)]
                found += [(build, image) for image in fixed[:1]]
        if found:
            yield repository, found
