"""Containers run as the same user, and not as root (HEX208, HEX209)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.api import (
    Compared,
    Container,
    Edit,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    Node,
    Outcome,
    Role,
    Severity,
    Side,
    Span,
    Stage,
    User,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options

_DROPS_PRIVILEGES = ("gosu", "su-exec", "setpriv", "tini-su")


@rule(
    "HEX208",
    mandate="2.3",
    severity=Severity.ERROR,
    tags=("security",),
    cwe=(250,),
    security=6.5,
    message={
        "default": "The deployed image '{image}' runs as root.",
        "override": "The {noun} '{name}' runs as root.",
        "drops": "The deployed image '{image}' starts as root and drops its privileges with '{tool}'.",
    },
)
def container_runs_as_root(graph: Graph, options: Options) -> Iterator[Outcome]:
    """The deployed container runs as root.

    Whoever breaks out of the process has the container, its secrets and every writable path, and files that it writes
    belong to root, so that the same volume fails for the `node` user on the other side.

    The user is that of ECS, else the USER in force at the end of the deployed stage, inherited through FROM; for a base
    image without USER, the default of the bundled table. A `:nonroot` image and a numeric uid other than 0 are fine.
    An entrypoint that drops its privileges with gosu or su-exec is noted. Datastores are not the application's images.
    """
    reported: set[str] = set()
    for container in graph.containers(side=Side.CLOUD, role=Role.APP):
        yield Compared(container.node)
        match container.user:
            case Known(user) if user.is_root and isinstance(container.service.user, Known):
                yield Finding(
                    subject=container.node,
                    at=container.user,
                    variant="override",
                    args={"noun": container.noun, "name": container.name},
                    fix=Fix("drop the override, or name an unprivileged user"),
                )
            case Known(user) if user.is_root:
                image = container.stage.value if isinstance(container.stage, Known) else container.node
                if image.id not in reported:
                    reported.add(image.id)
                    yield _root_image(container, image, options)
            case _:
                yield from undecided(container.node, container.user)


def _root_image(container: Container, image: Node, options: Options) -> Finding:
    """The finding at the USER of the stage, at the stage, or at the public image that is run as it is."""
    written = isinstance(container.user, Known) and _is_written(container.user)
    user = options.required_user if _on_node(container) else "an unprivileged user"
    tool = next(iter(_dropping(image)), "")
    if isinstance(image, Stage):
        name = image.dockerfile if image.last else f"{image.dockerfile} ({image.name})"
        fix = Fix(
            f"end the stage with USER {user}",
            (Edit(container.user.span, user),) if written and _on_node(container) else (),
        )
    else:
        name = container.image.value.text if isinstance(container.image, Known | Floating) else container.name
        fix = Fix("build an image that names an unprivileged user")
    return Finding(
        subject=image,
        at=container.user if written or not isinstance(image, Stage) else image,
        variant="drops" if tool else "default",
        severity=Severity.NOTE if tool else None,
        args={"image": name} | ({"tool": tool} if tool else {}),
        fix=fix,
    )


def _is_written(user: Known[User]) -> bool:
    """Whether the user stands in the file, and is not the default of a base image."""
    return user.span.end - user.span.start == len(user.value.text)


def _dropping(image: Node) -> Iterator[str]:
    """The programs by which an entrypoint of the image may drop its privileges."""
    if isinstance(image, Stage):
        packages = {package.value for package in image.packages if isinstance(package, Known)}
        words = {word.text for command in image.runs for word in command.words}
        yield from (each for each in _DROPS_PRIVILEGES if each in packages or each in words)


def _on_node(container: Container) -> bool:
    """Whether the image is built on the official image of Node.js, which has a user `node`."""
    return isinstance(container.base, Known) and container.base.value.basename == "node"


@rule(
    "HEX209",
    mandate="2.3",
    severity=Severity.ERROR,
    message={
        "default": "'{local}' runs as '{here}', but [the cloud](1) runs as '{there}'.",
        "root": "'{local}' is made to run as '{here}' locally, unlike [the cloud](1).",
        "both": "'{local}' is made to run as '{here}' locally, whatever [the cloud](1) runs as.",
        "privileged": "'{local}' is privileged locally, unlike [the cloud](1).",
        "required": "'{local}' and [the cloud](1) run as '{here}', not as '{required}'.",
    },
)
def effective_user_mismatch(graph: Graph, options: Options) -> Iterator[Outcome]:
    """A service runs as another user than its twin in the cloud.

    Root writes where `node` may not, so a missing `chown` shows only in the cloud. `user: root`, `user: "0"` and
    `privileged: true` are reported whatever the cloud does.

    A user is compared by uid: `node` is 1000, and a name that the Dockerfile creates has the uid it was given.
    `${UID:-1000}` is read as its default. Where both sides agree on a user of their own, an image built on `node` is
    warned about when the user is not the required one (option `required_user`); other images have no `node` user.
    An image that runs as root on both sides, or only in the cloud, is HEX208's. A USER that several services run is
    reported once.
    """
    seen: set[Span] = set()
    for local, cloud in graph.mirrored(role=Role.APP):
        yield Compared(local.node, cloud.node)
        for outcome in _users(local, cloud, options):
            if isinstance(outcome, Finding) and outcome.at is local.user:
                if local.user.span in seen:
                    continue
                seen.add(local.user.span)
            yield outcome


def _users(local: Container, cloud: Container, options: Options) -> Iterator[Outcome]:
    name, overrides = local.name, isinstance(local.service.user, Known)
    if isinstance(local.service.privileged, Known) and local.service.privileged.value:
        yield Finding(
            subject=local.node,
            against=cloud.node,
            at=local.service.privileged,
            variant="privileged",
            args={"local": name},
            related=(cloud.node,),
            fix=Fix("drop privileged"),
        )
    match local.user, cloud.user:
        case Known(here), there if overrides and here.is_root:
            yield Finding(
                subject=local.node,
                against=cloud.node,
                at=local.user,
                variant="root" if isinstance(there, Known) and not there.value.is_root else "both",
                args={"local": name, "here": here},
                related=(there if isinstance(there, Known) else cloud.node,),
                fix=Fix("drop the override"),
            )
        case Known(here), Known(there) if not here.same(there) and not there.is_root:
            yield Finding(
                subject=local.node,
                against=cloud.node,
                at=local.user,
                args={"local": name, "here": here, "there": there},
                related=(cloud.user,),
                fix=Fix("drop the override" if overrides else "run as the same user"),
            )
        case Known(here), Known(there) if (
            here.same(there)
            and not here.is_root
            and not here.same(local.account(options.required_user))
            and _on_node(local)
        ):
            yield Finding(
                subject=local.node,
                against=cloud.node,
                at=local.user,
                variant="required",
                severity=Severity.WARNING,
                args={"local": name, "here": here, "required": options.required_user},
                related=(cloud.user,),
                fix=Fix(f"run as {options.required_user}"),
            )
        case _:
            yield from undecided(local.node, local.user, cloud.user)
