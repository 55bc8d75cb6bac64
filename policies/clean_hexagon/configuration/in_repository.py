"""No secret stands in the repository (HEX308)."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from msgspec.structs import replace

from clean_hexagon.options import Options
from policyengine.api import (
    Absent,
    Build,
    Compared,
    Container,
    Finding,
    Fix,
    Graph,
    HeldSecrets,
    Job,
    Known,
    Node,
    Origin,
    Outcomes,
    Service,
    Severity,
    Side,
    Span,
    Stage,
    Unknown,
    Variable,
    connection_password,
    environment,
    in_place,
    is_dummy,
    is_example,
    is_for_production,
    is_for_tests,
    is_generated,
    is_mode,
    is_real,
    known,
    password_in,
    regex,
    rule,
    secrecy,
    secrecy_of_value,
    speaks_of_development,
    token_kind,
    words_of,
)


@rule(
    "HEX308",
    mandate="3.2",
    severity=Severity.ERROR,
    remedy="Replace the secret, and take it from a secret manager, or in a build from 'RUN --mount=type=secret'.",
    tags=("security",),
    cwe=(798,),
    security=8.5,
    message={
        "default": "'{key}' in '{file}' holds a secret.",
        "state": "'{file}' is committed: the state of Terraform holds the secrets of all its resources.",
        "argument": "'{key}' of '{file}' is a build argument, which stays in the history of the image.",
    },
)
def secret_in_repo(graph: Graph, _: Options) -> Outcomes:
    """A secret stands in a Dockerfile, a workflow, Terraform or a file of settings, or is an argument of a build.

    What is committed stays in the history of git and in every clone; what a build gets by ARG or ENV can be read from
    the image, or from its provenance, with `docker history`.

    In a Dockerfile ENV and the defaults of ARG are asked: a value under the name of a secret that is real, or a token
    of a known kind; only a token in a Dockerfile for development. An ARG with the name of a secret is enough for a
    warning, since what is given to it is kept, and so is one for the address of a store that a pipeline gives a value
    of its own; with a dummy as its default it passes. Terraform gives real machines their passwords, so any text of
    eight characters under the name of a secret counts in variables, their defaults and arguments, but for dummies; a
    weak one (`Password123`) counts in a file for production or with a sign in it, and in an env file that Ansible fills
    in (`env.j2`), which is one finding. A key that opens the credentials of Rails (`config/master.key`) always does. In
    settings of an application (appsettings.json, application.yml, settings.py and their like) what is real counts, as
    in an env file, and so does a connection string with a password for a server elsewhere. In workflows and Compose
    files, in settings for the laptop, in the variables of containers, of which HEX306 and HEX307 speak, and in what
    they are started with, only tokens whose form tells them are reported (`ghp_…`, `AKIA…`, private keys): passwords of
    throwaway databases and texts for tests are meant to stand there. In a Compose file for the laptop what a generator
    made under the name of a secret (32 characters or more in hex or Base64) is a warning, once a file, but for services
    in a mode for development. A state of Terraform that git does not ignore is told by its name alone, once.
    The place is the name; the value is never shown.
    """
    seen: set[Span] = set()
    given: dict[str, set[str]] = {}
    for build in graph.all(Build):
        addresses = {each.key for each in build.args if secrecy(each.key) == "address"}
        of_run = {each.key for each in build.args if isinstance(each.value, Unknown) and build.job}
        given.setdefault(known(build.dockerfile, ""), set()).update(addresses & of_run)
    for stage in graph.all(Stage):
        if is_for_tests(stage.dockerfile):
            continue
        yield Compared(stage)
        laptop = speaks_of_development(stage.dockerfile)
        for variable in (*stage.environment, *stage.args):
            if variable.key_span in seen or variable.key_span.path != stage.dockerfile:
                continue
            seen.add(variable.key_span)
            text = known(variable.value, "").strip()
            if text and (token_kind(text, variable.key) if laptop else is_real(variable.key, text)):
                yield _found(stage, variable)
            elif (
                variable.origin is Origin.ARGUMENT
                and not _stands_in(variable)
                and (secrecy(variable.key) == "secret" or variable.key in given.get(stage.dockerfile, ()))
            ):
                how = f"give it to the step that needs it: RUN --mount=type=secret,id={variable.key.lower()}"
                yield Finding(
                    subject=stage,
                    at=variable.key_span,
                    variant="argument",
                    severity=Severity.WARNING,
                    args={"key": variable.key, "file": stage.dockerfile},
                    fix=Fix(how),
                )
    states = [held for held in graph.all(HeldSecrets) if held.path.endswith(_STATES)]
    kept = [held for held in states if not known(graph.ignored_by_git(held.path), default=False)]
    if kept:
        fix = Fix("take it out of git, keep it in a remote backend, and replace the secrets that it holds")
        args = {"file": ", ".join(held.path for held in kept[:3])}
        yield Finding(subject=kept[0], at=kept[0], variant="state", args=args, related=tuple(kept[1:3]), fix=fix)
    for node, variable in _written(graph):
        text = variable.value.value if isinstance(variable.value, Known) else ""
        if variable.key_span not in seen and token_kind(text, variable.key) is not None:
            seen.add(variable.key_span)
            yield Compared(node)
            yield _found(node, variable)
    yield from _generated(graph, seen)
    for container in graph.containers():
        command = next((word for word in _words(container) if token_kind(word.text)), None)
        if command is not None and command.span not in seen:
            seen.add(command.span)
            yield _found(container.node, Variable(command.before, command.span, Absent(command.span)))
    told = {span.path for span in seen}
    for held in graph.all(HeldSecrets):
        if held.path in told and held.path.endswith(_YAML):
            continue  # a Compose file, whose services tell of it
        yield Compared(held)
        secrets = [variable for variable in held.secrets if _is_held(held.path, variable)]
        if held.path.endswith(_TEMPLATE) and secrets:  # a file that holds all secrets of a machine has one finding
            keys = ", ".join(each.key for each in secrets)
            yield _found(held, Variable(keys, secrets[0].key_span, secrets[0].value))
        else:
            yield from (_found(held, variable) for variable in secrets)


def _generated(graph: Graph, seen: set[Span]) -> Iterator[Finding]:
    """What a generator made under the names of secrets in the Compose files for the laptop, once a file."""
    found: dict[str, dict[Span, tuple[Node, Variable]]] = {}
    for container in graph.containers(side=Side.LOCAL):
        said = ((key, known(each.value, "").lower()) for key, each in container.environment.items())
        modes = (text for key, text in said if is_mode(key) or words_of(key)[-1:] == ("environment",))
        if any(environment(each) in _DEVELOPING for each in modes):
            continue
        for each in container.service.environment:
            path, text = each.key_span.path, known(each.value, "")
            own = isinstance(each.value, Known) and each.value.span.path == path and each.origin is Origin.ENVIRONMENT
            aside = each.key_span in seen or is_example(path) or speaks_of_development(path)
            if own and not aside and secrecy(each.key) == "secret" and is_generated(text):
                found.setdefault(path, {})[each.key_span] = container.node, each
    for those in found.values():
        node, first = next(iter(those.values()))
        keys = ", ".join(dict.fromkeys(each.key for _, each in those.values()))
        told = _found(node, first)
        yield replace(told, args={**told.args, "key": keys}, severity=Severity.WARNING, related=tuple(those)[1:])


class _Given(NamedTuple):
    """A word of a command, and what stands before it."""

    text: str
    before: str
    span: Span


def _words(container: Container) -> Iterator[_Given]:
    """The words that a service itself starts its image with."""
    for value in (container.service.entrypoint, container.service.command):
        if isinstance(value, Known):
            words = " ".join(value.value.words).replace("=", " ").split()
            yield from (_Given(word, before, value.span) for before, word in pairwise(("command", *words)))


def _is_held(path: str, variable: Variable) -> bool:
    """Whether a text is a secret: the passwords of servers that Terraform makes are short, and in production weak."""
    key, text = variable.key, known(variable.value, "").strip()
    if connection_password(text) is not None:
        return True
    if token_kind(text, key) is not None or not path.endswith((".tf", ".tofu", ".tfvars", _TEMPLATE)):
        return is_real(key, text)
    told = secrecy_of_value(text) is None and not text.isdecimal() and not text.startswith("<")
    told = told and ("://" not in text or password_in(text) is not None)
    return (
        told
        and len(text) >= _SHORTEST
        and not is_dummy(
            text, key, used=is_for_production(path) or path.endswith(_TEMPLATE) or bool(_MEANT.match(text))
        )
    )


_YAML = (".yml", ".yaml")
_DEVELOPING = ("dev", "local", "test")
_SHORTEST = 8
_TEMPLATE = ".j2"
_STATES = (".tfstate", ".tfstate.backup")
_MEANT = regex(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[^\w])")
"""A password that meets the demands of a server: letters in both cases, digits and a sign."""


def _stands_in(variable: Variable) -> bool:
    """Whether the default of a build argument only stands for a secret."""
    text = known(variable.value, "").strip()
    return bool(text) and is_dummy(text, variable.key)


def _found(node: Node, variable: Variable) -> Finding:
    written = f"${{{{ secrets.{variable.key} }}}}" if isinstance(node, Job) else f"${{{variable.key}}}"
    edits = in_place(variable.value, written) if isinstance(node, Job | Service) and _is_name(variable.key) else ()
    fix = Fix(f"replace the secret, and take {variable.key} from a secret manager", edits)
    args = {"key": variable.key, "file": variable.key_span.path}
    return Finding(subject=node, at=variable.key_span, args=args, fix=fix)


_is_name = regex(r"[A-Za-z_]\w*\Z").match


def _written(graph: Graph) -> Iterator[tuple[Node, Variable]]:
    """What workflows and Compose files set, with the node that gets it."""
    for job in graph.all(Job):
        for variable in (*job.variables, *(each for step in job.steps for each in (*step.environment, *step.inputs))):
            yield job, variable
    for container in graph.containers():
        if container.side is Side.LOCAL or container.is_composed_in_production:
            for variable in container.service.environment:
                if variable.origin is Origin.ENVIRONMENT:
                    yield container.node, variable
