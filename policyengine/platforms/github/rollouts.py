"""Services of the cloud that a workflow makes by a command or an action that names them, as far as it says.

`gcloud run deploy`, `az containerapp create` and the actions around them: no other file declares such a service. What
they do not say stays open: an update keeps what was there.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge import rollout
from policyengine.knowledge.names import environment, words
from policyengine.model.command import Word
from policyengine.model.nodes import Build, Command, Job, Origin, Port, Role, Service, Side, Variable, variables
from policyengine.model.nodes.container import ROLLED_OUT
from policyengine.model.source import Span
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, known
from policyengine.patterns import regex
from policyengine.platforms.github.expressions import is_open
from policyengine.platforms.github.task_definitions import built, put_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from collections.abc import Sequence as Listing

    from policyengine.knowledge.rollout import Rollouts
    from policyengine.model.image import ImageRef
    from policyengine.model.nodes import Node, Step
    from policyengine.repository.files import Files

_NAME = regex(r"[A-Za-z][\w.-]{0,99}")
_VARIABLE = regex(r"\$\{?(\w+)\}?")
_PAIR = regex(r"(?s)([A-Za-z_]\w*)=(.*)")
_ELSEWHERE = frozenset({"staging", "test", "dev", "local"})
"""Environments whose services are not what production runs."""


class _Told(NamedTuple):
    """What one command or action says of a service: its options or inputs with the words behind them."""

    form: Rollouts
    name: Word
    said: Mapping[str, list[Word]]
    span: Span
    inputs: Mapping[str, Variable]


def lower(nodes: Listing[Node], files: Files) -> list[Node]:
    """The services that the steps of these jobs make or change, each once: by what says most of it.

    Of one without an image only the variables are of use, where another file declares it; linking leaves it out.
    """
    builds = {node.id: node for node in nodes if isinstance(node, Build)}
    made: dict[str, tuple[tuple[bool, int], Node]] = {}
    for job in nodes:
        if not isinstance(job, Job):
            continue
        mine = tuple(builds[name] for step in job.steps for name in step.builds if name in builds)
        for step in job.steps:
            for told in (*_commands(step, job), *_actions(step, files)):
                named = {
                    environment(word) for each in (job.span.path, job.name, told.name.text) for word in words(each)
                }
                if named.isdisjoint(_ELSEWHERE) and _NAME.fullmatch(told.name.text):
                    pushed = tuple(each for each in builds.values() if each.pushes)
                    service = _service(told, pushed if told.form.kind else mine, files)
                    weight = isinstance(service.image, Known | Floating), len(told.said) + len(told.inputs)
                    if (weight[0] or service.environment) and (service.id not in made or weight > made[service.id][0]):
                        made[service.id] = weight, service
    return [node for _, node in made.values()]


def _commands(step: Step, job: Job) -> Iterator[_Told]:
    given = variables((*job.variables, *step.environment))
    for command in step.commands:
        last = command.layers[-1:]
        plain = [command.argv[index] for layer in last for index in layer.operands]
        path = rollout.service_command(command.argv) or rollout.service_command((command.program, *plain))
        form = rollout.service(path)
        if form is None or command.remote:
            continue
        said, operands = _options(command.inner[1:])
        behind = operands[len(path.split()) - 1 :]
        if form.kind:
            name = next((each for word in command.inner if (each := _after(form.kind, word)) is not None), None)
        else:
            name = next((said[each][0] for each in form.name if said.get(each)), behind[0] if behind else None)
        whole = _VARIABLE.fullmatch(name.text) if name is not None and not name.literal else None
        if name is not None and whole is not None and whole[1] in given:
            name = Word(known(given[whole[1]].value, ""), name.span, literal=True)
        if name is not None and name.literal:
            yield _Told(form, name, said, command.span, {})


def _after(kind: str, word: Word) -> Word | None:
    """The name in `deployment/api`."""
    start, slash, name = word.text.partition("/")
    if not slash or start.lower() not in (kind, f"{kind}s", f"{kind}.apps"):
        return None
    return Word(name, Span(word.span.path, word.span.end - len(name), word.span.end), word.literal)


def _actions(step: Step, files: Files) -> Iterator[_Told]:
    form = rollout.service(known(step.uses, "").partition("@")[0])
    if form is None:
        return
    inputs = {each.key: each for each in step.inputs}
    name = next((inputs[each] for each in form.name if each in inputs), None)
    if name is None or not isinstance(name.value, Known):
        return
    said: dict[str, list[Word]] = {}
    for each in step.inputs:
        said[each.key] = [_word(each.value)]
    for flags in (inputs[each] for each in form.flags if each in inputs):
        span = flags.value.span
        source = files.read(span.path)
        try:
            texts = shlex.split(source.slice(span)) if source is not None else []
        except ValueError:
            continue
        more, _ = _options([Word(text, span, not is_open(text)) for text in texts])
        said.update(more)
    yield _Told(form, Word(name.value.value, name.value.span), said, step.span, inputs)


def _word(value: Value[str]) -> Word:
    return Word(known(value, ""), value.span, isinstance(value, Known))


def _options(given: Listing[Word]) -> tuple[dict[str, list[Word]], list[Word]]:
    """The options of a command with the words behind each, and the words before the first option."""
    said: dict[str, list[Word]] = {}
    before: list[Word] = []
    last = before
    for word in given:
        if word.text.startswith("-") and len(word.text) > 1:
            name, equals, text = word.text.partition("=")
            last = said.setdefault(name, [])
            if equals:
                start = min(word.span.start + len(name) + 1, word.span.end)
                last.append(Word(text, Span(word.span.path, start, word.span.end), word.literal))
        else:
            last.append(word)
    return said, before


def _service(told: _Told, builds: tuple[Build, ...], files: Files) -> Service:
    form, said, place = told.form, told.said, told.name.span
    name = told.name.text
    given = next((said[each][0] for each in form.image if said.get(each)), None)
    held: Value[str] = Unknown("the run decides the image", told.span)
    if given is not None and given.literal:
        held = Known(given.text, given.span)
    image: Value[ImageRef] = Unknown("the command names no image", told.span)
    if given is not None or (form.kind and len({each.repository for one in builds for each in one.references}) > 1):
        image = built(name, builds, held)
    variables = tuple(_variables(told, files))
    kept = None if form.whole else Unknown("the command changes what is there, and does not say all of it", told.span)
    is_open_ = next((each for names in form.variables for each in said.get(names, ()) if not each.literal), None)
    if is_open_ is not None and not told.inputs:
        kept = Unknown("the run decides which variables it sets", is_open_.span)
    unsaid = Absent(place) if form.whole else Unknown("the command keeps what is there", told.span)
    return Service(
        id=f"{ROLLED_OUT}{place.path}#{name}",
        name=name,
        side=Side.CLOUD,
        span=place,
        role=Role.JOB if form.job else Role.APP,
        group=f"{ROLLED_OUT}{place.path}#{name}",
        image=image,
        build=None,
        entrypoint=_argv(said, form.entrypoint, unsaid),
        command=_argv(said, form.command, unsaid),
        user=Absent(place),
        environment=variables,
        environment_gap=kept,
        ports=tuple(_ports(said, form)),
        architecture=None if form.kind else Unknown("the machines that run it are not in the files", told.span),
        noun=form.noun,
        inherits_healthcheck=False,
    )


def _argv(said: Mapping[str, list[Word]], names: tuple[str, ...], unsaid: Absent | Unknown) -> Value[Command]:
    given = next((said[each] for each in names if said.get(each)), None)
    if given is None:
        return unsaid
    if not all(each.literal for each in given):
        return Unknown("the run decides the command", given[0].span)
    texts = [part for each in given for part in each.text.split(",")]
    return Known(Command(tuple(texts)), given[0].span)


def _ports(said: Mapping[str, list[Word]], form: Rollouts) -> Iterator[Port]:
    for word in (said[each][0] for each in form.port if said.get(each)):
        number = int(word.text[:9]) if word.literal and word.text.isdecimal() else None
        target: Value[int] = Unknown("the run decides it", word.span) if number is None else Known(number, word.span)
        yield Port(target, Absent(word.span), word.span)


def _variables(told: _Told, files: Files) -> Iterator[Variable]:
    """The variables that are set, and those that are read from secrets."""
    for names, secret in ((told.form.variables, False), (told.form.secrets, True)):
        for name in names:
            if name in told.inputs:
                found = list(put_in(told.inputs[name], files))
            else:
                found = [each for word in told.said.get(name, ()) for each in _pairs(word)]
            for each in found:
                if secret:
                    held = Unknown("a secret manager holds the value", each.value.span)
                    yield Variable(each.key, each.key_span, held, Origin.SECRET, (), each.value)
                else:
                    yield each


def _pairs(word: Word) -> Iterator[Variable]:
    """The variables of one word: `A=1,B=2`; their values are known where nothing in the word is open."""
    for part in word.text.split(","):
        if (match := _PAIR.fullmatch(part)) is not None:
            key, text = match[1], match[2]
            held: Value[str] = Known(text, word.span) if word.literal else Unknown("the run decides it", word.span)
            if text.startswith("secretref:"):
                secret = Unknown("a secret manager holds the value", word.span)
                yield Variable(key, word.span, secret, Origin.SECRET, (), Known(text, word.span))
            else:
                yield Variable(key, word.span, held)


__all__ = ["lower"]
