"""A service is the same in each Compose file that starts it (HEX104)."""

import posixpath
from collections.abc import Iterator

from clean_hexagon.mirroring.components import STORES
from clean_hexagon.options import Options
from policyengine.api import (
    PROJECT,
    Absent,
    Build,
    Compared,
    ComposeUp,
    Container,
    Finding,
    Fix,
    Flavour,
    Floating,
    Graph,
    ImageRef,
    Known,
    Located,
    Outcomes,
    Role,
    Severity,
    Side,
    Stage,
    Unknown,
    Value,
    Workflow,
    is_for_tests,
    known,
    modes,
    rule,
    shell_commands,
    speaks_of_development,
    undecided,
)

_Difference = tuple[str, Located, Located]
"""What differs, and where it stands in the flavour and in the project."""


@rule(
    "HEX104",
    mandate="1.1",
    severity=Severity.WARNING,
    remedy="Take the service from one file, by 'extends' or '-f', and change only ports and passwords.",
    message={
        "default": "'{name}' differs from [the stack](1) in '{what}'.",
        "image": "'{name}' runs '{here}' here, but '{there}' in [the stack](1).",
    },
)
def compose_flavour_drift(graph: Graph, _: Options) -> Outcomes:
    """Another Compose file starts the same service in another way.

    Then there are two local stacks, and the one that is tested is not the one that people work with, or neither is that
    of the cloud.

    Asked of files beside the project (for tests, for development, an override that is given with `-f`) in its folder,
    or that build one of its applications; those for production and staging are compared as the cloud. A file that only
    changes services is read with its base, and one that a workflow gives with others keeps what it does not say.
    Compared are image, Dockerfile, target, user, entrypoint, command and mode (NODE_ENV, RAILS_ENV and their like) of
    applications, and the images of datastores; ports, passwords and volumes may differ, and a digest may be added. A
    service that only runs tests is another one, as is one that another folder builds of another Dockerfile. All that
    differs of a service in a file is one finding, a note where a file for development or tests only sets the mode.
    """
    local = {each.name: each for each in graph.containers(side=Side.LOCAL)}
    with_others = {file for up in _ups(graph) if len(up) > 1 for file in up}
    stack = {
        path for each in graph.choices if each.what == PROJECT for path in each.paths
    }  # its override says otherwise than what the base says in both
    for flavour in graph.all(Flavour):
        mine = local.get(flavour.name)
        if mine is None or mine.role not in (Role.APP, *STORES) or _tests(flavour):
            continue
        yield Compared(flavour, mine.node)
        apart = posixpath.dirname(flavour.path) != posixpath.dirname(mine.span.path)
        builds = flavour.service.build, mine.service.build
        if apart and mine.role is Role.APP and len({each and _dockerfile(each) for each in builds}) > 1:
            continue  # another application of that name
        differences = list(_differences(graph, flavour, mine, loose=flavour.path in with_others))
        yield from undecided(flavour, *(each for _, here, there in differences for each in (here, there)))
        found = [each for each in differences if not any(isinstance(one, Unknown) for one in each[1:])]
        found = [each for each in found if each[1].span.path not in stack - {flavour.path}]
        if not found:
            continue
        (first, at, to), *more = found
        only = isinstance(at, Known) and isinstance(to, Known) and first == "image" and not more
        yield Finding(
            subject=flavour,
            at=at,
            variant="image" if only else "default",
            severity=Severity.NOTE if _only_sets_mode(flavour, found) else None,
            args={
                "name": flavour.name,
                "what": ", ".join(what for what, _, _ in found),
                "here": _shown(flavour.service.image),
                "there": _shown(mine.service.image),
            },
            related=(to, *(there for _, _, there in more)),
            fix=Fix("take the service from one file, by 'extends' or '-f', and change only ports and passwords"),
        )


def _only_sets_mode(flavour: Flavour, found: list[_Difference]) -> bool:
    """Whether a file for development or tests changes nothing but the mode of a service, which it is there for."""
    purpose = speaks_of_development(flavour.path) or is_for_tests(flavour.path)
    return purpose and all(what in modes() for what, _, _ in found)


def _ups(graph: Graph) -> Iterator[tuple[str, ...]]:
    """The files of each `docker compose up` of the pipeline."""
    for happening in (each for workflow in graph.all(Workflow) for each in graph.happenings(workflow)):
        if isinstance(happening.activity, ComposeUp):
            yield happening.activity.files


def _tests(flavour: Flavour) -> bool:
    """Whether a service only runs tests."""
    given = (flavour.service.entrypoint, flavour.service.command)
    commands = (each for one in given if isinstance(one, Known) for each in shell_commands(one.value, one.span))
    return any(each.does("test", "e2e") for each in commands)


def _differences(graph: Graph, flavour: Flavour, mine: Container, *, loose: bool) -> Iterator[_Difference]:
    """What a flavour says in another way; `loose`: what it does not say is said by other files."""
    here, there = flavour.service, mine.service
    if here.build is not None and there.build is not None:
        yield from _builds(graph, here.build, there.build, loose=loose)
    elif here.build is None and there.build is None and _shown(here.image) != _shown(there.image):
        open_part = next((each for each in (here.image, there.image) if isinstance(each, Floating)), None)
        if open_part is not None:
            yield "image", Unknown("the files do not decide the whole image", open_part.span), there.image
        elif not _one_image(here.image, there.image):
            yield "image", here.image, there.image
    if mine.role is not Role.APP:
        return
    told: list[tuple[str, Value[object], Value[object]]] = [
        ("user", here.user, there.user),
        ("entrypoint", here.entrypoint, there.entrypoint),
        ("command", here.command, there.command),
    ]
    for key in modes():
        mode, other_mode = here.variable(key), there.variable(key)
        if mode is not None and other_mode is not None:
            told.append((key, mode.value, other_mode.value))
    for what, one, other in told:
        silent = isinstance(one, Absent)
        if not (loose and silent) and _text(one) != _text(other):
            yield what, flavour if silent else one, mine.node if isinstance(other, Absent) else other


def _builds(graph: Graph, here: Build, there: Build, *, loose: bool) -> Iterator[_Difference]:
    if isinstance(here.context, Unknown) or isinstance(there.context, Unknown) or here.inline or there.inline:
        return
    if _dockerfile(here) != _dockerfile(there):
        yield "Dockerfile", _placed(here.dockerfile, here), _placed(there.dockerfile, there)
    elif not (loose and isinstance(here.target, Absent)) and _target(graph, here) != _target(graph, there):
        yield "target", _placed(here.target, here), _placed(there.target, there)


def _placed(value: Value[str], build: Build) -> Located:
    return build if isinstance(value, Absent) else value


def _dockerfile(build: Build) -> str:
    return known(build.dockerfile, posixpath.normpath(posixpath.join(known(build.context, "."), "Dockerfile")))


def _target(graph: Graph, build: Build) -> str:
    """The stage that is built: the one that is named, else the last one."""
    last = (each.name for each in graph.all(Stage) if each.last and each.dockerfile == _dockerfile(build))
    return known(build.target, "") or next(last, "")


def _one_image(here: Value[ImageRef], there: Value[ImageRef]) -> bool:
    """Whether both images are one: of one name in whatever registry mirrors it, with one tag; one may have a digest."""
    one, other = (each.value if isinstance(each, Known) else None for each in (here, there))
    if one is None or other is None:
        return False
    digests = {each.digest for each in (one, other) if each.digest is not None}
    return (one.name, one.effective_tag) == (other.name, other.effective_tag) and len(digests) < 2


def _shown(image: Value[ImageRef]) -> str:
    return image.value.shown if isinstance(image, Known | Floating) else ""


def _text(value: Value[object]) -> str:
    return str(value.value) if isinstance(value, Known | Floating) else ""
