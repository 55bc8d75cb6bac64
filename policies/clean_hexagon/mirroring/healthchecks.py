"""Both sides ask an application in one way whether it is well (HEX108)."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from clean_hexagon.options import Options
from clean_hexagon.parts import parts, unasked
from policyengine.api import (
    Change,
    Compared,
    Container,
    Datastore,
    EdgeKind,
    Finding,
    Fix,
    Graph,
    Healthcheck,
    Known,
    Outcomes,
    Put,
    Role,
    Service,
    Severity,
    Side,
    Swap,
    TargetGroup,
    Unknown,
    Value,
    Wanted,
    known,
    regex,
    rule,
    shell_commands,
    undecided,
)

_URL = regex(r"\b(https?)://([^/\s'\"`)]*)([^\s'\"`)?#]*)")
_BARE = regex(r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::[^/\s]*)?(?:/\S*)?")
_LOOPBACK = regex(r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::\d+)?")
_PORT = regex(r":(\d+)$")
_PATH = regex(r"\bpath['\"]?\s*:\s*['\"](/[^'\"?#]*)")
_STATE = regex(r"/(?:livez?|liveness|alive|readyz?|readiness|healthz|startupz?)$")
_AROUND = frozenset({"exit", "echo", "test", "[", "[[", "true", "false", "sh", "bash", "set", "kill", "grep"})


class _Asked(Struct, frozen=True):
    """What a check asks: with which programs, at which path and port, as far as its words tell.

    `itself` tells that it asks the container in which it runs.
    """

    tools: frozenset[str]
    path: str = ""
    port: str = ""
    itself: bool = False

    @property
    def shown(self) -> str:
        return f":{self.port}{self.path}" if self.port else self.path


@rule(
    "HEX108",
    mandate="1.1",
    severity=Severity.WARNING,
    remedy="Run the same health check in both places.",
    message={
        "default": "'{local}' is checked at '{here}', but [the cloud](1) checks '{there}'.",
        "tool": "'{local}' is checked with '{here}', but [the cloud](1) checks with '{there}'.",
        "local": "'{local}' has a health check, but [the cloud](1) has none.",
        "image": "The health check of '{local}' stands in its image, where [the {noun}](1) ignores it.",
        "cloud": "'{local}' has no health check, but [the cloud](1) has one.",
        "balancer": "'{local}' is checked at '{here}', but [the load balancer](1) checks '{there}'.",
        "unchecked": "'{local}' has no health check, but [the load balancer](1) checks '{there}'.",
        "deaf": "'{local}' is checked at port '{here}', but [it listens](1) on '{there}'.",
    },
)
def healthcheck_divergence(graph: Graph, _: Options) -> Outcomes:
    """A service is checked in another way than its twin in the cloud, or on one side only.

    A path that only the cloud asks for fails for the first time in production, where the task is stopped and started
    for ever. ECS ignores the HEALTHCHECK of an image: it runs on the laptop alone.

    Compared are presence, path, port and program of the check in force: Compose's over the image's, that of the ECS
    container. Another program is noted where one asks for an address. The check of a load balancer is compared by its
    path alone and stands in for one that the container lacks; where nothing is checked locally, it is a convention. A
    check that asks nothing (`exit 0`) is none. Paths for liveness and readiness of one application (`/health/live`,
    `/readyz`) are alike. Parts that a shell fills in when the check runs are not compared. A proxy whose image is built
    here is asked as an application is, and a datastore that something in production waits for (`depends_on`) is to be
    checked there where it is locally. A check that asks the container itself at another port than that at which it
    is told to listen never succeeds, on whichever side.
    """
    compared: set[str] = set()
    for local, cloud in parts(graph):
        if not (cloud.is_ecs_task or cloud.is_composed):
            continue
        here, there = _check(local), _check(cloud)
        groups = [each for each in graph.sources(TargetGroup, EdgeKind.ROUTES, cloud.service) if _asks(each)]
        yield Compared(local.node, cloud.node)
        yield from undecided(local.node, here, *unasked(cloud.user, there))
        if isinstance(here, Unknown) or isinstance(there, Unknown):
            continue
        if isinstance(here, Known) and isinstance(there, Known):
            found = tuple(_unlike(local, cloud, here, there, groups))
            yield from found
            compared.update((local.id, cloud.id) if found else ())
            groups = [] if found else groups
        elif isinstance(there, Known):
            fix = Fix("give the Compose service the check of the cloud", _copied(local, there.value))
            yield _found(local, cloud, at=local, to=there, variant="cloud", fix=fix)
        elif isinstance(here, Known) and not groups:
            of_image = isinstance(local.stage, Known) and here.value.test.span.path == local.stage.value.dockerfile
            variant = "image" if of_image and cloud.is_ecs_task else "local"
            fix = Fix(f"give the {cloud.noun} the same check")
            yield _found(local, cloud, at=here.value.test, to=cloud, variant=variant, fix=fix)
        for group in groups if here is not None or there is None else ():
            yield from undecided(local.node, group.check_path)
            if not isinstance(group.check_path, Unknown):
                yield from _balanced(local, cloud, here, group)
    for local, cloud in _waited_for(graph):
        here = _check(local)
        if isinstance(here, Known) and _check(cloud) is None:
            fix = Fix("give the service of production the same check")
            yield _found(local, cloud, at=here.value.test, to=cloud, variant="local", fix=fix)
    for container in (*graph.containers(side=Side.LOCAL), *graph.deployed()):
        if container.role is not Role.APP and container.serves is None:
            continue
        yield from _deaf(container) if container.id not in compared else ()


def _waited_for(graph: Graph) -> Iterator[tuple[Container, Container]]:
    """The datastores of both sides for which a container of production's Compose file waits."""
    for here, there in graph.mirrors(Datastore):
        one, other = graph.get(Service, here.service), graph.get(Service, there.service)
        cloud = None if other is None else graph.container(other)
        if one is not None and cloud is not None and cloud.is_composed:
            waiting = (each.service for near in graph.neighbours(cloud) for each in near.service.depends_on)
            if cloud.name in waiting:
                yield graph.container(one), cloud


def _deaf(container: Container) -> Outcomes:
    """A check of a port at which nobody listens: its own command or the variable PORT names another one."""
    check = _check(container)
    asked = _asked(check) if isinstance(check, Known) else None
    if asked is None or not asked.port or not asked.itself:
        return
    named = {str(known(each.target, 0)) for each in container.service.ports}
    given = container.environment.get("PORT")
    told: Known[int] | Known[str] | None = container.told_port
    if told is None and given is not None and isinstance(given.value, Known) and named == {given.value.value}:
        told = given.value
    if told is None or not isinstance(check, Known):
        return
    if asked.port != str(told.value) and (not named or named == {str(told.value)}):
        args = {"local": container.name, "here": asked.port, "there": told.value}
        edits = (Swap(check.value.test.span, f":{asked.port}", f":{told.value}"),)
        fix = Fix(f"check port {told.value}", edits)
        yield Finding(subject=container.node, at=check.value.test, variant="deaf", args=args, related=(told,), fix=fix)


def _balanced(local: Container, cloud: Container, here: Known[Healthcheck] | None, group: TargetGroup) -> Outcomes:
    """What a target group asks for, against the check of the local service."""
    path, to = known(group.check_path, "/"), group.check_path if isinstance(group.check_path, Known) else group
    if here is None:
        fix = Fix(f"check {path} in Compose")
        yield _found(local, cloud, at=local, to=to, variant="unchecked", there=path, fix=fix, convention=True)
        return
    mine = _asked(here)
    if mine is not None and mine.path and not _alike(mine.path, path):
        edits = () if isinstance(_check(cloud), Known) else (Swap(here.value.test.span, mine.path, path),)
        fix = Fix(f"check {path} in both places", edits, safe=True)
        yield _found(local, cloud, at=here.value.test, to=to, variant="balancer", here=mine.path, there=path, fix=fix)


def _unlike(
    local: Container,
    cloud: Container,
    here: Known[Healthcheck],
    there: Known[Healthcheck],
    groups: Sequence[TargetGroup],
) -> Outcomes:
    mine, theirs = _asked(here), _asked(there)
    if mine is None or theirs is None or known(here.value.test, None) == known(there.value.test, None):
        return
    paths = mine.path and theirs.path and not _alike(mine.path, theirs.path)
    ports = mine.port and theirs.port and mine.port != theirs.port
    if paths or ports:
        one, other = (mine.shown, theirs.shown) if ports else (mine.path, theirs.path)
        old, new = (str(mine.port), str(theirs.port)) if ports else (mine.path, theirs.path)
        asked = all(_alike(known(each.check_path, "/"), new) for each in groups)
        fits = int(theirs.port) in local.listens if ports else asked
        edits = (Swap(here.value.test.span, old, new),) if fits and not (ports and paths) else ()
        fix = Fix(f"check {other} in both places", edits, safe=here.value.test.span.path == local.span.path)
        yield _found(local, cloud, at=here.value.test, to=there.value.test, here=one, there=other, fix=fix)
    elif mine.tools and theirs.tools and mine.tools.isdisjoint(theirs.tools):
        one, other = ", ".join(sorted(mine.tools)), ", ".join(sorted(theirs.tools))
        fix = Fix("run the same check in both places")
        same = Severity.NOTE if mine.path or theirs.path else None
        test, to = here.value.test, there.value.test
        yield _found(local, cloud, at=test, to=to, variant="tool", here=one, there=other, fix=fix, severity=same)


def _copied(local: Container, check: Healthcheck) -> tuple[Change, ...]:
    """The check of the cloud as Compose writes it; ECS gives times in seconds."""
    command = known(check.test, None)
    if command is None or not local.is_composed:
        return ()
    content: dict[str, Wanted] = {"test": ("CMD-SHELL" if command.shell else "CMD", *command.words)}
    for name in ("interval", "timeout", "retries", "start_period"):
        told: Value[str] | None = getattr(check, name)
        if isinstance(told, Known):
            seconds = told.value.isdecimal() and name != "retries"
            content[name] = f"{told.value}s" if seconds else int(told.value) if told.value.isdecimal() else told.value
    return (Put(local.span, ("healthcheck",), content),)


def _found(
    local: Container,
    cloud: Container,
    *,
    at: Value[object] | Container,
    to: Value[object] | Container | TargetGroup,
    fix: Fix,
    variant: str = "default",
    here: str = "",
    there: str = "",
    severity: Severity | None = None,
    convention: bool = False,
) -> Finding:
    return Finding(
        subject=local.node,
        against=cloud.node,
        at=at,
        variant=variant,
        severity=severity,
        args={"local": local.name, "here": here, "there": there, "noun": cloud.noun},
        related=(to,),
        fix=fix,
        convention=convention,
    )


def _check(container: Container) -> Known[Healthcheck] | Unknown | None:
    """The check in force; None where there is none."""
    match container.healthcheck:
        case Known(Healthcheck(disabled=True)):
            return None
        case Known(Healthcheck(test=Unknown() as test)):
            return test
        case Known() as check if (asked := _asked(check)) is not None and not asked.tools:
            return None
        case Known() | Unknown() as check:
            return check
        case _:
            return None


def _asks(group: TargetGroup) -> bool:
    """Whether a target group is checked by a request for a path."""
    protocol = known(group.check_protocol, "") or known(group.protocol, "")
    return protocol.upper() in ("HTTP", "HTTPS")


def _asked(check: Known[Healthcheck]) -> _Asked | None:
    test = check.value.test
    if not isinstance(test, Known):
        return None
    commands = [each for each in shell_commands(test.value, test.span) if each.program not in _AROUND]
    tools = frozenset(each.program for each in commands if each.program)
    for told in (word for each in commands for word in each.inner[1:]):
        word = told.text
        bare = _BARE.fullmatch(word)
        found = _URL.search(f"http://{word}" if bare else word)
        if found is None:
            given = _PATH.search(word)
            if given is not None:
                return _Asked(tools, given[1])
            continue
        host, path = found[2], found[3].rstrip("/") or "/"
        number = _PORT.search(host)
        port = number[1] if number else "" if ":" in host else "443" if found[1] == "https" else "80"
        itself = _LOOPBACK.fullmatch(host) is not None
        return _Asked(tools, path, port, itself) if told.literal else _Asked(tools)
    return _Asked(tools)


def _alike(one: str, other: str) -> bool:
    """Whether two paths ask one thing: equal, or equal but for the state that is asked for (`/live`, `/ready`)."""
    mine, theirs = one.rstrip("/").lower(), other.rstrip("/").lower()
    return mine == theirs or bool(mine and theirs and _STATE.sub("", mine) == _STATE.sub("", theirs))
