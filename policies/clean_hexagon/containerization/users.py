"""Containers run as the same user, and not as root (HEX208, HEX209)."""

from collections.abc import Iterator

from msgspec.structs import replace

from clean_hexagon.options import Options
from clean_hexagon.parts import unasked
from policyengine.api import (
    Compared,
    Container,
    Drop,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    Located,
    Outcomes,
    Role,
    Severity,
    Side,
    Stage,
    StageLine,
    User,
    Value,
    drops_privileges,
    engine_of,
    folder_kinds,
    in_place,
    is_for_tests,
    known,
    rule,
    speaks_of_development,
    undecided,
    words_of,
)


@rule(
    "HEX208",
    mandate="2.3",
    severity=Severity.ERROR,
    remedy="End the stage that is deployed with USER and an unprivileged user.",
    precision="very-high",
    tags=("security",),
    cwe=(250,),
    security=6.5,
    message={
        "default": "The deployed image '{image}' runs as root.",
        "stock": "The {noun} '{name}' runs '{image}', an image that runs as root.",
        "override": "The {noun} '{name}' runs as root.",
        "drops": "The deployed image '{image}' starts as root and drops its privileges with '{tool}'.",
    },
)
def container_runs_as_root(graph: Graph, options: Options) -> Outcomes:
    """The deployed container runs as root.

    Whoever breaks out of the process has the container, its secrets and every writable path, and files that it writes
    belong to root, so that the same volume fails for the `node` user on the other side.

    The user is that of ECS, else the USER in force at the end of the deployed stage, inherited through FROM; for a base
    image without USER, the default of the bundled table. A `:nonroot` image and a numeric uid other than 0 are fine.
    An entrypoint that drops its privileges with gosu or su-exec is noted. Datastores are not the application's images,
    nor are those that others publish.
    An image that the pipeline pushes is deployed, whatever runs it, but for those for tests, for development, to build
    others on, and of functions, which Lambda runs as a user of its own.
    """
    reported: set[str] = set()
    for container in graph.containers(side=Side.CLOUD, role=Role.APP):
        yield Compared(container.node)
        match container.user:
            case Known(user) if user.is_root and isinstance(container.service.user, Known):
                fix = Fix("drop the override, or name an unprivileged user", (Drop(container.user.span),))
                args = {"noun": container.noun, "name": container.name}
                yield Finding(subject=container.node, at=container.user, variant="override", args=args, fix=fix)
            case Known(user, span) if user.is_root and isinstance(container.stage, Known):
                if container.stage.value.id not in reported:
                    reported.add(container.stage.value.id)
                    yield _root_stage(container, container.stage.value, Known(user, span), options)
            case Known(user) if user.is_root:
                fix = Fix("build an image that names an unprivileged user")
                args = {"noun": container.noun, "name": container.name, "image": container.shown_image}
                cause = f"the image {container.shown_image}"
                yield Finding(
                    subject=container.node, at=container.user, variant="stock", args=args, fix=fix, cause=cause
                )
            case _ if not graph.made_by_others(container.service):
                yield from undecided(container.node, container.user)
    for stage in published_stages(graph):
        match graph.container(stage).user:
            case Known(user, span) if user.is_root:
                yield _root_stage(graph.container(stage), stage, Known(user, span), options)


def published_stages(graph: Graph) -> Iterator[Stage]:
    """What images of applications are published from that nothing of the cloud is known to run."""
    below = {known(each.base, None) for each in graph.all(Stage)} - {None}
    bases = {each.repository for each in below if each is not None}
    run = {each.stage.value.id for each in graph.containers(side=Side.CLOUD) if isinstance(each.stage, Known)}
    found: dict[str, Stage] = {}
    for image in graph.published:
        for build in image.builds if not image.for_tests else ():
            if any(each.repository in bases for each in build.references):
                continue  # another image is built on it
            stage = known(graph.stage(build), None)
            if stage is not None and stage.last and stage.id not in run and _is_application(stage):
                found.setdefault(stage.id, stage)
    yield from found.values()


def _is_application(stage: Stage) -> bool:
    """Whether a Dockerfile is for an application, as it is deployed, on a runtime or a bare system."""
    path, base = stage.dockerfile, stage.base
    engine = engine_of(base.value, base.span) if isinstance(base, Known | Floating) else None
    if _for_lambda(stage):
        return False
    aside = is_for_tests(path) or folder_kinds(path) or speaks_of_development(path) or "base" in words_of(path)
    return not aside and (engine is None or engine.purpose in ("runtime", "base"))


def _for_lambda(stage: Stage) -> bool:
    """Whether an image is for functions: by its stage, its base, what it takes from others, or what it starts."""
    started = (command.value for command in (stage.entrypoint, stage.command) if isinstance(command, Known))
    words = [stage.name, *(each.stage for each in stage.copies), *(word for each in started for word in each.words)]
    words += [stage.base.value.repository] if isinstance(stage.base, Known | Floating) else []
    return any("lambda" in each.lower() for each in words)


def _root_stage(container: Container, stage: Stage, user: Known[User], options: Options) -> Finding:
    """The finding at the USER of a stage, or at the stage where that is the default of its base image."""
    written = user.span.end - user.span.start == len(user.value.text)
    name = options.user if _on_node(container) else "an unprivileged user"
    there = user.value.text if _on_node(container) else ""
    packages = {package.value for package in stage.packages if isinstance(package, Known)}
    words = packages.union(word.text for command in stage.runs for word in command.words)
    tool = next((each for each in sorted(words) if drops_privileges(each)), "")
    return Finding(
        subject=stage,
        at=user if written else stage,
        variant="drops" if tool else "default",
        severity=Severity.NOTE if tool else None,
        args={"image": stage.dockerfile if stage.last else f"{stage.dockerfile} ({stage.name})", "tool": tool},
        fix=Fix(
            f"end the stage with USER {name}",
            ()
            if tool or not _on_node(container)
            else in_place(Known(there, user.span), name)
            if written
            else (StageLine(stage.span, f"USER {name}"),),
        ),
    )


def _on_node(container: Container) -> bool:
    """Whether the image is built on the official image of Node.js, which has a user `node`."""
    return isinstance(container.base, Known) and container.base.value.basename == "node"


@rule(
    "HEX209",
    mandate="2.3",
    severity=Severity.ERROR,
    remedy="Run the service as the same user in both places, best as the USER of the image.",
    message={
        "default": "'{local}' runs as '{here}', but [the cloud](1) runs as '{there}'.",
        "root": "'{local}' is made to run as '{here}' locally, unlike [the cloud](1).",
        "both": "'{local}' is made to run as '{here}' locally, whatever [the cloud](1) runs as.",
        "privileged": "'{local}' is privileged locally, unlike [the cloud](1).",
        "required": "'{local}' and [the cloud](1) run as '{here}', not as '{required}'.",
    },
)
def effective_user_mismatch(graph: Graph, options: Options) -> Outcomes:
    """A service runs as another user than its twin in the cloud.

    Root writes where `node` may not, so a missing `chown` shows only in the cloud. `user: root`, `user: "0"` and
    `privileged: true` are reported whatever the cloud does.

    A user is compared by uid: `node` is 1000, and a name that the Dockerfile creates has the uid it was given.
    `${UID:-1000}` is read as its default. Where both sides agree on a user of their own, an image built on `node` is
    warned about when the user is not the required one (option `required_user`); other images have no `node` user.
    An image that runs as root on both sides, or only in the cloud, is HEX208's. A USER that several services run is
    reported of each, since each may have another twin.
    """
    required = options.user
    for local, cloud in graph.mirrored(role=Role.APP):
        yield Compared(local.node, cloud.node)
        here, there, overrides = local.user, cloud.user, isinstance(local.service.user, Known)
        args = {"local": local.name, "here": _text(here), "there": _text(there), "required": required}
        privileged = local.service.privileged
        if privileged is not None and known(privileged, default=False):
            yield _differs(local, cloud, "privileged", privileged, cloud, args, "drop privileged")
        match here, there:
            case Known(mine), _ if overrides and mine.is_root:
                variant = "root" if isinstance(there, Known) and not there.value.is_root else "both"
                fix = "drop the override"
            case Known(mine), Known(theirs) if not mine.same(theirs) and not theirs.is_root:
                variant, fix = "default", "drop the override" if overrides else "run as the same user"
            case Known(mine), Known(theirs) if mine.same(theirs) and not mine.is_root and _on_node(local):
                variant, fix = "required", f"run as {required}"
                if mine.same(local.account(required)):
                    continue
            case _:
                yield from undecided(local.node, here, *unasked(cloud.user, there))
                continue
        other = there if isinstance(there, Known) else cloud
        found = _differs(local, cloud, variant, here, other, args, fix)
        yield replace(found, convention=variant == "required" and not options.required_user)


def _differs(
    local: Container, cloud: Container, variant: str, at: Located, other: Located, args: dict[str, str], fix: str
) -> Finding:
    severity = Severity.WARNING if variant == "required" else None
    return Finding(
        subject=local.node,
        against=cloud.node,
        at=at,
        variant=variant,
        severity=severity,
        args=args,
        related=(other,),
        fix=Fix(fix, (Drop(at.span),) if fix.startswith("drop") else (), safe=True),
    )


def _text(user: Value[User]) -> str:
    return user.value.text if isinstance(user, Known) else ""
