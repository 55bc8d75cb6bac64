"""No secret stands in the repository (HEX308)."""

from collections.abc import Iterator

from clean_hexagon.options import Options
from policyengine.api import (
    Build,
    Compared,
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
    in_place,
    is_dummy,
    is_for_production,
    is_for_tests,
    is_real,
    known,
    password_in,
    regex,
    rule,
    secrecy,
    secrecy_of_value,
    speaks_of_development,
    token_kind,
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
    weak one (`Password123`) counts in a file for production, and in an env file that Ansible fills in (`env.j2`), which
    is one finding. A key that opens the credentials of Rails (`config/master.key`) always does. In settings of an
    application (appsettings.json, application.yml, settings.py and their like) what is real counts, as in an env file,
    and so does a connection string with a password for a server elsewhere. In workflows and Compose files, in settings
    for the laptop, and in the variables of containers, of which HEX306 and HEX307 speak, only tokens whose form tells
    them are reported (`ghp_…`, `AKIA…`, private keys): passwords of throwaway databases and texts for tests are meant
    to stand there.
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
    for held in graph.all(HeldSecrets):
        yield Compared(held)
        secrets = [variable for variable in held.secrets if _is_held(held.path, variable)]
        if held.path.endswith(_TEMPLATE) and secrets:  # a file that holds all secrets of a machine has one finding
            keys = ", ".join(each.key for each in secrets)
            yield _found(held, Variable(keys, secrets[0].key_span, secrets[0].value))
        else:
            yield from (_found(held, variable) for variable in secrets)
    for node, variable in _written(graph):
        text = variable.value.value if isinstance(variable.value, Known) else ""
        if variable.key_span not in seen and token_kind(text, variable.key) is not None:
            seen.add(variable.key_span)
            yield Compared(node)
            yield _found(node, variable)


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
        and not is_dummy(text, key, used=is_for_production(path) or path.endswith(_TEMPLATE))
    )


_SHORTEST = 8
_TEMPLATE = ".j2"


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
