"""The files of a running container are those of its image, and it may write where it must (HEX210, 212, 213, 215)."""

import posixpath
from collections.abc import Iterator

from clean_hexagon.options import Options
from clean_hexagon.parts import unasked
from clean_hexagon.paths import lies_in
from policyengine.api import (
    CHECKED_TOOLS,
    Build,
    Change,
    Compared,
    Container,
    Copy,
    Drop,
    Finding,
    Fix,
    Graph,
    Known,
    Located,
    Mount,
    Outcomes,
    Put,
    Role,
    Severity,
    Stage,
    Swap,
    Unknown,
    folder_kinds,
    known,
    rule,
    runtime_of,
    shell_commands,
    undecided,
    written_by,
)

_GIVES_AWAY = frozenset({"chown", "chmod", "install", "mkdir", "setfacl"})
_OF_ROOT = ("", "root", "root:root", "0", "0:0")
_FOR_ALL = ("", "/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  folders of the image in which everybody may write
_KEPT = frozenset({"built", "foreign", "state"})


@rule(
    "HEX210",
    mandate="2.3",
    severity=Severity.WARNING,
    remedy="Give the folder to the user in the image: COPY --chown, or mkdir and chown before USER.",
    message={
        "default": "'{name}' runs as '{user}' and writes to '{path}', which its image leaves to root.",
        "volume": "'{name}' runs as '{user}', but nothing in its image gives it the volume at '{path}'.",
    },
)
def writable_path_not_owned(graph: Graph, _: Options) -> Outcomes:
    """An unprivileged container writes where only root may.

    COPY and WORKDIR make files of root, whatever USER says, and a new volume takes its owner from the folder of the
    image that it covers, or belongs to root where there is none. The first write then fails with `EACCES`.

    Asked of applications on public base images that run as a user other than root. Writes that are known: a named
    volume, and the folders of Next.js, Rails and Laravel. A COPY with `--chown`, or a chown, chmod, install or mkdir
    that names the folder or one above it, settles the question.
    """
    for container in graph.containers(role=Role.APP):
        stage, user = container.stage, container.user
        if not isinstance(stage, Known) or not isinstance(user, Known) or user.value.is_root:
            continue
        if runtime_of(stage.value.base) is None:
            continue
        yield Compared(container.node)
        args = {"name": container.name, "user": user.value.text}
        for variant, path, at in _writes(container, stage.value):
            if not _owned(stage.value, path):
                yield Finding(
                    subject=container.node,
                    at=at,
                    variant=variant,
                    args=args | {"path": path},
                    related=(stage.value,),
                    fix=Fix(
                        f"give {path} to the user: COPY --chown={user.value.text}, or mkdir and chown before USER",
                        (Swap(at.span, "COPY ", f"COPY --chown={user.value.text} "),) if variant == "default" else (),
                    ),
                )
                break


def _writes(container: Container, stage: Stage) -> Iterator[tuple[str, str, Located]]:
    """The folders that a container writes to, and what says so."""
    mounted = {known(mount.target, "").rstrip("/"): mount for mount in container.service.mounts}
    for path, mount in mounted.items():
        named = mount.kind == "volume" and isinstance(mount.source, Known) and mount.source.value
        if not named or path in _FOR_ALL or mount.read_only or not container.is_composed:
            continue
        if _KEPT.isdisjoint(folder_kinds(f"{path}/")):
            yield "volume", path, mount
    home, language = known(stage.workdir, ""), runtime_of(stage.base)
    needs = {need.key for package in container.packages for need in package.dependencies}
    folders = [folder for need in sorted(needs) for folder in written_by(need, language.name)] if language else []
    for folder in folders if home.strip("/") else ():
        path = posixpath.join(home, folder)
        copied = [copy for copy in stage.copies if _target(stage, copy) and lies_in(path, _target(stage, copy))]
        if copied and not any(lies_in(path, each) for each in mounted if each):
            yield "default", path, copied[-1]


def _owned(stage: Stage, path: str) -> bool:
    """Whether something of the image may give a folder to another user than root."""
    given = [copy for copy in stage.copies if copy.owner not in _OF_ROOT]
    if any(_near(path, _target(stage, copy)) for copy in given):
        return True
    home = known(stage.workdir, "/")
    for command in stage.runs:
        if command.program in _GIVES_AWAY:
            named = (posixpath.normpath(posixpath.join(home, word)) for word in command.arguments)
            undecided_word = any(not word.literal for word in command.words)
            if undecided_word or any(_near(path, each) for each in named if each != "/"):
                return True
    return path.startswith("/home/")


def _target(stage: Stage, copy: Copy) -> str:
    """Where a COPY puts things, as an absolute path; empty where that is not known."""
    if not isinstance(copy.target, str):
        return ""
    return posixpath.normpath(posixpath.join(known(stage.workdir, "/"), copy.target))


def _near(path: str, other: str) -> bool:
    return bool(other) and (lies_in(path, other) or lies_in(other, path))


@rule(
    "HEX212",
    mandate="1.1",
    severity=Severity.ERROR,
    remedy="Install the program, or check with one that the image has.",
    message={
        "default": "The health check of '{name}' calls '{tool}', which its image '{image}' does not have.",
        "shell": "The health check of '{name}' needs a shell, which its image '{image}' does not have.",
    },
)
def healthcheck_binary_missing(graph: Graph, _: Options) -> Outcomes:
    """A health check calls a program that is not in the image.

    The check fails each time, so the container is unhealthy for ever: `depends_on: service_healthy` waits, and ECS
    stops the task and starts the next one.

    Asked of curl, wget, nc, bash and the shell, where the bundled table knows the base image; what a RUN installs or a
    COPY brings counts. BusyBox on Alpine has wget and nc. Another program of the same check that the image has, and a
    program that any RUN names, leave it alone.
    """
    for container in graph.containers():
        check, tools = container.healthcheck, container.tools
        test = check.value.test if isinstance(check, Known) and not check.value.disabled else None
        if tools is None or not isinstance(test, Known):
            continue
        yield Compared(container.node)
        yield from undecided(container.node, tools)
        has = {*known(tools, CHECKED_TOOLS), *_brought(container)}
        asked = [each.program for each in shell_commands(test.value, test.span) if each.program in CHECKED_TOOLS]
        shellless = (test.value.shell or "sh" in asked) and "sh" not in has
        if shellless or (asked and has.isdisjoint(asked)):
            tool = "sh" if shellless else asked[0]
            yield Finding(
                subject=container.node,
                at=test,
                variant="shell" if shellless else "default",
                args={"name": container.name, "image": _image(container), "tool": tool},
                fix=Fix(f"install {tool}, or check with a program of the image"),
            )


def _image(container: Container) -> str:
    return container.stage.value.dockerfile if isinstance(container.stage, Known) else container.shown_image


def _brought(container: Container) -> frozenset[str]:
    """The programs that a stage may have beside those of packages: each that a RUN names, all of a copied folder."""
    if not isinstance(container.stage, Known):
        return frozenset()
    stage = container.stage.value
    named = {posixpath.basename(word.text) for command in stage.runs for word in command.words}
    folders = {_target(stage, copy) for copy in stage.copies if copy.stage}
    return frozenset(CHECKED_TOOLS if any(each in _PROGRAMS for each in folders) else named)


_PROGRAMS = frozenset({"/", "/bin", "/usr", "/usr/bin", "/usr/local", "/usr/local/bin", "/sbin", "/usr/sbin"})


@rule(
    "HEX213",
    mandate="2.1",
    severity=Severity.ERROR,
    remedy="Drop the mount; 'develop.watch' brings changes into the container.",
    message={
        "default": "'{local}' mounts '{source}' over '{target}', so it does not run the files of its image.",
        "production": "'{local}' mounts '{source}' over '{target}', so production does not run the files of its image.",
    },
)
def bind_mount_shadows_image(graph: Graph, _: Options) -> Outcomes:
    """A folder of the laptop is mounted over the files that the image brings.

    What runs locally is then the working copy, with its own node_modules and build results, and the image is never
    tested: a file that the Dockerfile forgets to copy is missing in the cloud alone.

    Asked of applications whose twin is deployed. Reported is a bind mount that covers the working directory or what a
    COPY puts there, and one of a folder of the build context at the place to which it is copied. Single files and
    folders without committed files (data, logs, uploads) are fine, and `develop.watch` mounts nothing. So is a folder
    that the deployed container mounts at the same place: both run it. A production Compose file that mounts what is
    copied into the image is a warning.
    """
    yield from _in_production(graph)
    for local, cloud in graph.mirrored(role=Role.APP):
        stage, build = local.stage, local.service.build
        if not isinstance(stage, Known) or not local.service.mounts:
            continue
        yield Compared(local.node, cloud.node)
        alike = {_bound(mount) for mount in cloud.service.mounts}
        for mount in local.service.mounts:
            source, target = mount.source, known(mount.target, "").rstrip("/")
            if mount.kind != "bind" or not isinstance(source, Known) or not target or _bound(mount) in alike:
                continue
            if _shadows(graph, stage.value, build, mount):
                args = {"local": local.name, "source": source.value or ".", "target": target}
                how = "drop the mount; 'develop.watch' brings changes into the container"
                fix = Fix(how, (Drop(mount.span),))
                yield Finding(
                    subject=local.node,
                    against=cloud.node,
                    at=mount,
                    args=args,
                    related=(stage.value,),
                    fix=fix,
                    cause=f"{args['source']} over {target} of {stage.value.id}",
                )
                break


def _in_production(graph: Graph) -> Outcomes:
    """The sources that a production Compose file mounts over its own image."""
    for container in graph.deployed(role=Role.APP):
        if not container.is_composed_in_production or not isinstance(container.stage, Known):
            continue
        yield Compared(container.node)
        for mount in container.service.mounts:
            stage, source, target = container.stage.value, mount.source, known(mount.target, "").rstrip("/")
            if mount.kind != "bind" or not isinstance(source, Known) or not target:
                continue
            if _shadows(graph, stage, container.service.build, mount):
                args = {"local": container.name, "source": source.value or ".", "target": target}
                fix = Fix("drop the mount, and deploy the image", (Drop(mount.span),))
                yield Finding(
                    subject=container.node,
                    at=mount,
                    variant="production",
                    severity=Severity.WARNING,
                    args=args,
                    related=(stage,),
                    fix=fix,
                    cause=f"{args['source']} over {target} of {stage.id}",
                )
                break


def _bound(mount: Mount) -> tuple[str, str, str]:
    """What is mounted where, and how."""
    return mount.kind, known(mount.source, ""), known(mount.target, "").rstrip("/")


def _shadows(graph: Graph, stage: Stage, build: Build | None, mount: Mount) -> bool:
    source, target = known(mount.source, ""), known(mount.target, "").rstrip("/")
    if posixpath.normpath(source) in graph.paths or not graph.holds(posixpath.normpath(source)):
        return False
    home = known(stage.workdir, "").rstrip("/")
    if home and lies_in(home, target):
        return True
    context = "" if build is None else known(build.context, "").removeprefix(".").strip("/")
    for copy in stage.copies:
        there = _target(stage, copy)
        if there.strip("/") and lies_in(there, target) and there != home:
            return True
        rest = target[len(there) :].strip("/")
        for each in copy.sources if not copy.stage and there and lies_in(target, there) else ():
            copied = isinstance(each, str) and posixpath.normpath(posixpath.join(context, each, rest))
            if copied == posixpath.normpath(source):
                return True
    return False


@rule(
    "HEX215",
    mandate="1.1",
    severity=Severity.WARNING,
    remedy="Set 'read_only' in both places, with a tmpfs for what is written.",
    message={
        "default": "'{local}' may write to its root file system, but [the cloud](1) mounts it read-only.",
        "local": "'{local}' has a read-only root file system, but [the cloud](1) may write to it.",
    },
)
def readonly_filesystem(graph: Graph, _: Options) -> Outcomes:
    """The root file system is read-only on one side.

    A program that writes a cache, a lock or a log beside its code works locally and ends with `EROFS` in the cloud.

    Compared are Compose's `read_only` and `readonlyRootFilesystem` of the container, false where nothing is said; the
    module terraform-aws-modules/ecs sets it to true by default. Read-only on the laptop alone is noted.
    """
    for local, cloud in graph.mirrored(role=Role.APP):
        here, there = local.service.read_only, cloud.service.read_only
        yield Compared(local.node, cloud.node)
        yield from undecided(local.node, here, *unasked(cloud.user, there))
        if isinstance(here, Unknown) or isinstance(there, Unknown):
            continue
        mine, theirs = (known(each, default=False) for each in (here, there))
        if mine != theirs:
            yield Finding(
                subject=local.node,
                against=cloud.node,
                at=here if isinstance(here, Known) else local,
                variant="local" if mine else "default",
                severity=Severity.NOTE if mine else None,
                args={"local": local.name},
                related=(there if isinstance(there, Known) else cloud,),
                fix=Fix(
                    "set read_only in both, with a tmpfs for what is written" if theirs else "set it in both",
                    _read_only(local) if theirs else (),
                ),
            )


def _read_only(local: Container) -> tuple[Change, ...]:
    """A root file system as in the cloud, with room for temporary files."""
    told, temporary = local.service.read_only, "/tmp"  # noqa: S108  a folder of the container
    put: Change = Put(local.span, ("read_only",), value=True)
    if any(known(mount.target, "") == temporary for mount in local.service.mounts) or isinstance(told, Known):
        return (put,)
    return (put, Put(local.span, ("tmpfs", "-"), temporary))
