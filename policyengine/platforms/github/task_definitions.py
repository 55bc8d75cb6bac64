"""ECS task definitions in JSON that a workflow renders or registers, as the containers of the cloud.

Source of the form: "Amazon ECS task definition parameters". What the workflow puts in is not what the file says: the
image of a rendered container is what the job builds, variables are those of `environment-variables`.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from policyengine.knowledge import rollout
from policyengine.knowledge.commands import about
from policyengine.knowledge.names import alike, words
from policyengine.model import image as images
from policyengine.model.nodes import Build, Command, Healthcheck, Job, Origin, Port, Role, Service, Side, Variable
from policyengine.model.nodes.container import ECS, TASK_FILES
from policyengine.model.source import ReadError, Span
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, known
from policyengine.patterns import regex
from policyengine.platforms.docker.datastore import datastore, image_role
from policyengine.platforms.github.expressions import is_open
from policyengine.syntax.secrecy import secrets_of
from policyengine.syntax.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence as Listing

    from policyengine.model.nodes import Node, Step
    from policyengine.model.value import Sealed
    from policyengine.repository.files import Files
    from policyengine.syntax.tree import Document

_FILLED = regex(r"<[A-Za-z_][^<>]*>|\$\{|\$\(|\$[A-Z_]+|\{\{|%[A-Z_]+%|PLACEHOLDER")
"""What a workflow fills in before it registers a file."""
_GLOB = regex(r"\*(?:\.json)?\Z|\.py\Z|\.sh\Z")
"""What may name any file."""
_STANDS_IN = regex(r"arn:[\w-]+:\w+:(?:[^:]*[A-Z<][^:]*:|[^:]*:[^:]*[A-Za-z<])")
"""An ARN in whose place for the region or the account a word stands: `arn:aws:ssm:REGION:ACCOUNT_ID:…`."""
_START = regex(r"(?:file://)?(?:\.?/|\$\w+/|\$\{[^}/]*\}/|\$\{\{[^}]*\}\}/)*")
_LINE = regex(r"(?m)^[ \t]*([A-Za-z_]\w*)=([^\r\n]*)")


class _Use(NamedTuple):
    """A step that renders or registers a file, the builds of its job before it, and whether a command changes it."""

    path: str
    step: Step
    builds: tuple[Build, ...]
    filled: bool


def lower(nodes: Listing[Node], files: Files) -> tuple[list[Node], list[Sealed]]:
    """The containers of the task definitions that the steps of these jobs use, and the secrets of their files.

    A file of several containers is rendered by a step for each, one after the other.
    """
    from policyengine.syntax import json  # noqa: PLC0415  only workflows that use one pay for it

    made: list[Node] = []
    sealed: list[Sealed] = []
    uses: dict[str, list[_Use]] = {}
    for use in _uses(nodes, files):
        uses.setdefault(use.path, []).append(use)
    for path, used in uses.items():
        try:
            document = files.once(path, json.read)
        except ReadError:
            continue  # a template that is no JSON yet
        if isinstance(document, Mapping):
            made += _containers(document, used, files)
            sealed.extend(secrets_of(document))
    return made, sealed


def _uses(nodes: Listing[Node], files: Files) -> Iterator[_Use]:
    builds = {node.id: node for node in nodes if isinstance(node, Build)}
    for job in nodes:
        before: list[Build] = []
        path, filled = "", True
        for step in job.steps if isinstance(job, Job) else ():
            before += (builds[name] for name in step.builds if name in builds)
            for written in _named(step):
                named = posixpath.normpath(written[match.end() :] if (match := _START.match(written)) else written)
                if named.endswith(".json") and files.exists(named):
                    path, filled = named, _is_filled(job, named) if isinstance(job, Job) else True
                    yield _Use(path, step, tuple(before), filled)
            if path and any(each.key == "container-name" for each in step.inputs) and _goes_on(step, files):
                # the next container of the file that the step before rendered
                yield _Use(path, step, tuple(before), filled)


def _is_filled(job: Job, path: str) -> bool:
    """Whether a command of a job works on a file, and does not only register it: `sed -i s/REGION/…/ task.json`."""
    name = posixpath.basename(path)
    commands = (command for step in job.steps for command in step.commands if not command.starts("aws", "ecs"))
    return any(step.gap is not None for step in job.steps) or any(
        name in word or _GLOB.search(word) is not None for command in commands for word in command.argv
    )


def _named(step: Step) -> Iterator[str]:
    """The files that a step names as a task definition."""
    wanted = rollout.task_definitions((known(step.uses, "").partition("@")[0],))
    yield from (known(each.value, "") for each in step.inputs if each.key in wanted)
    for command in step.commands:
        options = rollout.task_definitions(command.argv)
        for number, word in enumerate(command.argv):
            name, _, given = word.partition("=")
            if name in options:
                yield given or next(iter(command.argv[number + 1 :]), "")


def _goes_on(step: Step, files: Files) -> bool:
    """Whether the task definition of a step is what another step makes: `${{ steps.web.outputs.task-definition }}`."""
    wanted = rollout.task_definitions((known(step.uses, "").partition("@")[0],))
    given = (each.value.span for each in step.inputs if each.key in wanted and isinstance(each.value, Unknown))
    sources = ((span, files.read(span.path)) for span in given)
    return any(source is not None and ".outputs." in source.slice(span) for span, source in sources)


def _containers(task: Mapping, uses: Listing[_Use], files: Files) -> Iterator[Node]:
    listed = task.get("containerDefinitions")
    found = [each for each in listed.items if isinstance(each, Mapping)] if isinstance(listed, Sequence) else []
    given = [(use, {each.key: each for each in use.step.inputs}) for use in uses]
    called = [known(inputs["container-name"].value, "") if "container-name" in inputs else "" for _, inputs in given]
    for number, each in enumerate(found):
        alone = len(found) == 1
        written = each.get("name")
        named = _text(written, each.span)
        name = named.value if isinstance(named, Known) else called[0] if alone and called[0] else f"container-{number}"
        service = _service(task, each, name, uses, alone=alone)
        for (use, inputs), rendered in zip(given, called, strict=True):
            if "image" not in inputs or not (alone or name == rendered):
                continue
            more = put_in(inputs["environment-variables"], files) if "environment-variables" in inputs else ()
            environment = {one.key: one for one in (*service.environment, *more)}
            image = built(name, use.builds, inputs["image"].value)
            engine = images.engine_of(image.value, image.span) if isinstance(image, Known | Floating) else None
            role = service.role if service.role is Role.JOB else image_role(engine, name)
            service = replace(service, image=image, role=role, environment=tuple(environment.values()))
        yield service
        if (store := datastore(service, service.image)) is not None:
            yield store


def _service(task: Mapping, body: Mapping, name: str, uses: Listing[_Use], *, alone: bool) -> Service:
    use, filled = uses[0], any(each.filled for each in uses)
    place = written.span if isinstance(written := body.get("name"), Scalar) else body.span
    image = _image(body.get("image"), place)
    engine = images.engine_of(image.value, image.span) if isinstance(image, Known | Floating) else None
    chore = about(name, "migrate", "seed") or about(posixpath.basename(use.path), "migrate", "seed")
    platform = task.get("runtimePlatform")
    launch = task.get("requiresCompatibilities")
    only = launch.items[0] if isinstance(launch, Sequence) and len(launch.items) == 1 else None
    cpus, memory = body.get("cpu"), body.get("memory") or body.get("memoryReservation")
    if alone:
        cpus, memory = cpus or task.get("cpu"), memory or task.get("memory")
    files = body.get("environmentFiles")
    return Service(
        id=f"{TASK_FILES}{use.path}#{name}",
        name=name,
        side=Side.CLOUD,
        span=place,
        role=Role.JOB if chore else image_role(engine, name),
        group=f"{TASK_FILES}{use.path}",
        image=image,
        build=None,
        entrypoint=_command(body.get("entryPoint"), place),
        command=_command(body.get("command"), place),
        user=_text(body.get("user"), place),
        environment=tuple(_variables(body, filled=filled)),
        environment_gap=None if files is None else Unknown("an environment file is read from S3", files.span),
        ports=tuple(_ports(body)),
        healthcheck=_healthcheck(body.get("healthCheck")),
        architecture=_text(platform.get("cpuArchitecture") if isinstance(platform, Mapping) else None, place),
        read_only=_switch(body.get("readonlyRootFilesystem"), place),
        privileged=_switch(body.get("privileged"), place),
        cpus=_text(cpus, place),
        memory=_text(memory, place),
        essential=_switch(body.get("essential"), place),
        launch=only.text if isinstance(only, Scalar) else "",
        noun=ECS,
        inherits_healthcheck=False,
    )


def _text(document: Document | None, place: Span) -> Value[str]:
    match document:
        case Scalar(text, span) if text and _FILLED.search(text) is None:
            return Known(text, span)
        case Scalar(_, span):
            return Unknown("the workflow fills it in", span)
        case None:
            return Absent(place)
        case _:
            return Unknown("the value is no text", document.span)


def _switch(document: Document | None, place: Span) -> Value[bool]:
    found = _text(document, place)
    return Known(found.value == "true", found.span) if isinstance(found, Known) else found  # type: ignore[return-value]


def _image(document: Document | None, place: Span) -> Value[images.ImageRef]:
    found = _text(document, place)
    if not isinstance(found, Known):
        return found  # type: ignore[return-value]
    ref = images.parse(found.value)
    return Unknown(f"{found.value!r} is no image reference", found.span) if ref is None else Known(ref, found.span)


def built(name: str, builds: Listing[Build], given: Value[str]) -> Value[images.ImageRef]:
    """The image that a workflow puts in: the one that it names, else that of the one build, or of the one called so."""
    if isinstance(given, Known):
        ref = images.parse(given.value)
        if ref is not None:
            return Known(ref, given.span)
    refs = list({each.repository: each for build in builds for each in build.references}.values())
    called = refs if len(refs) == 1 else [each for each in refs if alike(each.basename, name)]
    most = max((len({*words(each.basename)} & {*words(name)}) for each in called), default=0)
    called = [each for each in called if len({*words(each.basename)} & {*words(name)}) == most]
    if len(called) != 1:
        return Unknown("the workflow puts the image in", given.span)
    return Floating(called[0], given.span)


def _command(document: Document | None, place: Span) -> Value[Command]:
    if not isinstance(document, Sequence):
        return Absent(place) if document is None else Unknown("the value is no list", document.span)
    words = [_text(each, place) for each in document.items]
    open_ = next((each for each in words if not isinstance(each, Known)), None)
    if open_ is not None:
        return Unknown("the workflow fills it in", document.span)
    if not words:
        return Absent(place)
    return Known(Command(tuple(known(each, "") for each in words)), document.span)


def _entries(body: Mapping, name: str) -> Iterator[Mapping]:
    found = body.get(name)
    yield from (each for each in found.items if isinstance(each, Mapping)) if isinstance(found, Sequence) else ()


def _variables(body: Mapping, *, filled: bool) -> Iterator[Variable]:
    for each in _entries(body, "environment"):
        if isinstance(key := each.get("name"), Scalar):
            held = each.get("value")
            empty = Known("", held.span) if isinstance(held, Scalar) and not held.text else None
            yield Variable(key.text, key.span, empty or _text(held, key.span))
    for each in _entries(body, "secrets"):
        if isinstance(key := each.get("name"), Scalar):
            held = each.get("valueFrom")
            reference = _text(held, key.span)
            if isinstance(held, Scalar) and _STANDS_IN.match(held.text):
                reference = Unknown("the workflow fills it in", held.span) if filled else Known(held.text, held.span)
            secret = Unknown("a secret manager holds the value", reference.span)
            yield Variable(key.text, key.span, secret, Origin.SECRET, (), reference)


def put_in(given: Variable, files: Files) -> Iterator[Variable]:
    """The variables that an input of a workflow sets, one a line, as they stand in it."""
    source = files.read(given.value.span.path)
    if source is None:
        return
    span = given.value.span
    for match in _LINE.finditer(source.slice(span)):
        text, start = match[2].rstrip(), span.start + match.start(2)
        key, place = Span(span.path, start - 1 - len(match[1]), start - 1), Span(span.path, start, start + len(text))
        held: Value[str] = Unknown("the run decides it", place) if is_open(text) else Known(text, place)
        yield Variable(match[1], key, held)


def _ports(body: Mapping) -> Iterator[Port]:
    for each in _entries(body, "portMappings"):
        target, protocol = _text(each.get("containerPort"), each.span), _text(each.get("protocol"), each.span)
        if isinstance(target, Known) and target.value.isdecimal():
            number: Value[int] = Known(int(target.value[:9]), target.span)
        else:
            number = Unknown("the workflow fills it in", target.span)
        yield Port(number, Absent(each.span), each.span, known(protocol, "tcp"))


def _healthcheck(document: Document | None) -> Healthcheck | None:
    if not isinstance(document, Mapping):
        return None
    test = _command(document.get("command"), document.span)
    first = test.value.words[:1] if isinstance(test, Known) else ()
    if isinstance(test, Known):
        test = Known(Command(test.value.words[1:], shell=first == ("CMD-SHELL",)), test.span)

    def time(name: str) -> Value[str] | None:
        return None if document.get(name) is None else _text(document.get(name), document.span)

    return Healthcheck(
        test,
        document.span,
        time("interval"),
        time("timeout"),
        time("retries"),
        time("startPeriod"),
        disabled=first == ("NONE",),
    )


__all__ = ["built", "lower", "put_in"]
