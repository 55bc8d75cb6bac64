"""Containers run as the same user, and not as root (HEX208, HEX209)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.api import (
    Absent,
    Edit,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Role,
    Service,
    Severity,
    Side,
    Stage,
    Unknown,
    Value,
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
        "override": "The ECS container '{name}' runs as root.",
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
    roots: dict[str, tuple[Service, Stage]] = {}
    for service in graph.apps(Side.CLOUD):
        match service.user:
            case Known(user):
                if _uid(user) == "0":
                    yield Finding(
                        subject=service,
                        at=service.user,
                        variant="override",
                        args={"name": service.name},
                        fix=Fix("drop the override, or name an unprivileged user"),
                    )
            case Absent():
                stage = graph.stage(service)
                match stage:
                    case Known(found):
                        if isinstance(found.user, Known | Absent) and _uid(_stage_user(found)) == "0":
                            roots.setdefault(found.id, (service, found))
                        else:
                            yield from undecided(service, found.user)
                    case _:
                        yield from undecided(service, stage)
            case _:
                yield from undecided(service, service.user)
    for _, root in roots.values():
        yield _root_image(root, options)


def _stage_user(stage: Stage) -> str:
    return stage.user.value if isinstance(stage.user, Known) else "0"


def _root_image(stage: Stage, options: Options) -> Finding:
    packages = {package.value for package in stage.packages if isinstance(package, Known)}
    words = {word.text for command in stage.runs for word in command.words}
    tool = next((each for each in _DROPS_PRIVILEGES if each in packages or each in words), "")
    written = isinstance(stage.user, Known) and stage.user.span.end - stage.user.span.start == len(stage.user.value)
    node = isinstance(stage.base, Known) and stage.base.value.basename == "node"
    user = options.required_user if node else "an unprivileged user"
    return Finding(
        subject=stage,
        at=stage.user if written else stage,
        variant="drops" if tool else "default",
        severity=Severity.NOTE if tool else None,
        args={"image": f"{stage.dockerfile}" if stage.last else f"{stage.dockerfile} ({stage.name})"}
        | ({"tool": tool} if tool else {}),
        fix=Fix(
            f"end the stage with USER {user}",
            (Edit(stage.user.span, user),) if written and node and isinstance(stage.user, Known) else (),
        ),
    )


def _uid(user: str, stage: Stage | None = None) -> str:
    """A user without its group, as the uid where it is known: root is 0, node is 1000, and what adduser was told."""
    name = user.partition(":")[0].strip() or "0"
    if name == "root":
        return "0"
    for created in stage.users_created if stage is not None else ():
        if created.key == name and isinstance(created.value, Known) and created.value.value:
            return created.value.value
    return "1000" if name == "node" else name.lstrip("0") or "0" if name.isdecimal() else name


@rule(
    "HEX209",
    mandate="2.3",
    severity=Severity.ERROR,
    message={
        "default": "'{local}' runs as '{here}', but [the cloud](1) runs as '{there}'.",
        "root": "'{local}' is made to run as '{here}' locally, unlike [the cloud](1).",
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
    An image that runs as root on both sides, or only in the cloud, is HEX208's.
    """
    for local, cloud in graph.mirrors(Service):
        if local.role is not Role.APP:
            continue
        if isinstance(local.privileged, Known) and local.privileged.value:
            yield Finding(
                subject=local,
                against=cloud,
                at=local.privileged,
                variant="privileged",
                args={"local": local.name},
                related=(cloud,),
                fix=Fix("drop privileged"),
            )
        here, there = _user(graph, local), _user(graph, cloud)
        mine, theirs = graph.stage(local), graph.stage(cloud)
        one = _uid(here.value, mine.value if isinstance(mine, Known) else None) if isinstance(here, Known) else ""
        other = (
            _uid(there.value, theirs.value if isinstance(theirs, Known) else None) if isinstance(there, Known) else ""
        )
        if isinstance(local.user, Known) and one == "0":
            yield Finding(
                subject=local,
                against=cloud,
                at=local.user,
                variant="root",
                args={"local": local.name, "here": local.user.value},
                related=(there if isinstance(there, Known) else cloud,),
                fix=Fix("drop the override"),
            )
        elif isinstance(here, Known) and isinstance(there, Known):
            if other not in (one, "0"):
                yield Finding(
                    subject=local,
                    against=cloud,
                    at=here,
                    args={"local": local.name, "here": here.value, "there": there.value},
                    related=(there,),
                    fix=Fix("drop the override" if isinstance(local.user, Known) else "run as the same user"),
                )
            elif one == other != "0" and one != _uid(options.required_user) and _on_node(mine):
                yield Finding(
                    subject=local,
                    against=cloud,
                    at=here,
                    variant="required",
                    severity=Severity.WARNING,
                    args={"local": local.name, "here": here.value, "required": options.required_user},
                    related=(there,),
                    fix=Fix(f"run as {options.required_user}"),
                )
        else:
            yield from undecided(local, here, there)


def _user(graph: Graph, service: Service) -> Value[str]:
    """The user in force: the service's own, else that of its image."""
    if not isinstance(service.user, Absent):
        return service.user
    stage = graph.stage(service)
    match stage:
        case Known(found):
            return Known("root", found.span) if isinstance(found.user, Absent) else found.user
        case Unknown():
            return stage
        case _:
            return Unknown(f"the user of the image of '{service.name}' is not known", service.span)


def _on_node(stage: Value[Stage]) -> bool:
    return (
        isinstance(stage, Known) and isinstance(stage.value.base, Known) and stage.value.base.value.basename == "node"
    )
