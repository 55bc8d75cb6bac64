"""Secrets come from a manager, and what reads them there can (HEX307, HEX309)."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from clean_hexagon.configuration.contexts import baked
from clean_hexagon.configuration.plaintext import GIVEN, is_literal, is_secret_key, leads_only, secret_source
from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Container,
    EdgeKind,
    EnvironmentFile,
    Finding,
    Fix,
    Graph,
    HeldSecrets,
    Job,
    Known,
    Origin,
    Outcomes,
    Principal,
    Secret,
    Severity,
    Side,
    Span,
    Undecided,
    Unknown,
    Variable,
    is_of_manager,
    regex,
    rule,
    secrecy,
    secrecy_of_reference,
    undecided,
)

_WAYS = {"default": "read them from a secret manager", "file": "let the machine read them from one when it starts"}
_MANAGERS = {"ssm": "the Parameter Store", "aws-secretsmanager": "Secrets Manager", "infisical": "Infisical"}


@rule(
    "HEX307",
    mandate="3.2",
    severity=Severity.ERROR,
    tags=("security",),
    cwe=(522,),
    security=7.0,
    remedy="Keep the secret in a manager of secrets, and let what needs it read it there.",
    message={
        "default": "'{key}' of the {what} '{name}' is set in plain sight and comes from no secret manager.",
        "parameter": "The parameter '{secret}' holds [the secret](1) '{key}' of '{name}' as a String, not encrypted.",
        "unread": "The parameter '{secret}' is a String, not encrypted, and its name is that of a secret.",
        "manager": "'{key}' of '{name}' comes from {manager}, which 'secret_managers' does not list.",
        "file": "'{key}' of '{name}' comes from an env file that is written when the machine starts.",
        "machine": "A machine writes '{keys}' into an env file when it starts, in plain sight of who reads its data.",
        "given": "'{name}' gives '{keys}' in plain sight to what it deploys.",
        "baked": "'{name}' writes '{keys}' into '{file}', which [a COPY](1) takes into the image that it pushes.",
        "shipped": "'{name}' copies '{file}' with its secrets to a machine.",
    },
)
def secret_not_from_manager(graph: Graph, options: Options) -> Outcomes:
    """A secret of the cloud comes from something else than a manager of secrets.

    A manager keeps a secret encrypted, says who read it, and lets it be changed in one place. A text in the definition
    of a function, a parameter of the type String, or a `.env` that is copied to a machine does nothing of that.

    Managers are those of `secret_managers`: Secrets Manager, the Parameter Store with SecureString, Infisical, and what
    other clouds have. Reported are secrets of functions and of services other than ECS containers (of which HEX306
    speaks) that are literals or made of a password; parameters that are not SecureString, where a container reads
    them as a secret or they are called like one; env files that a machine writes when it starts, or that a workflow
    copies to it, or into an image that it pushes; and secrets that a workflow gives to `--set-env-vars` and
    its like, or writes to another machine by itself. Public keys, flags, ARNs and addresses without a password are
    none; neither is a value that comes from a manager by another way, nor a parameter that is declared elsewhere. A
    value that files do not decide stays open.
    """
    told: set[Span] = set()
    shown = {(each.span.path, each.value) for job in graph.all(Job) for step in job.steps for each in step.given}
    env_files = {each.path for each in graph.all(EnvironmentFile)}
    for container in graph.containers(side=Side.CLOUD):
        yield from (Compared(container.node),) if container.service.environment else ()
        read = {edge.reason: edge.target for edge in graph.out_of(EdgeKind.READS, container.node)}
        plain: list[Finding | Undecided] = []
        for variable in container.service.environment:
            if not is_secret_key(variable.key) or variable.key_span in told:
                continue
            if (variable.key_span.path, variable.key) in shown:
                continue  # told of the job that gives it
            told.add(variable.key_span)  # one entry may make a variable of many containers
            if variable.origin is Origin.SECRET:
                secret = graph.get(Secret, read.get(variable.key, ""))
                yield from _read(container, variable, secret, options, told)
            else:
                plain += _plain(container, variable, env_files)
        yield from _together(plain)
    for secret in graph.all(Secret, side=Side.CLOUD):  # machines and people read them without a declaration
        called = secret.name.rstrip("/").rpartition("/")[2]
        if isinstance(secret.secure, Known) and secrecy(called) == "secret" and secret.secure.span not in told:
            yield Compared(secret)
            if not secret.secure.value:
                told.add(secret.secure.span)
                fix = Fix.replacing("make it a SecureString", secret.secure.span, "String", "SecureString")
                args = {"secret": secret.name}
                yield Finding(subject=secret, at=secret.secure.span, variant="unread", args=args, fix=fix)
    for held in graph.all(HeldSecrets):
        written = [each for each in held.written if each.span not in told]
        if written:
            keys = ", ".join(dict.fromkeys(each.value for each in written))
            fix = Fix("let the machine read them from a secret manager when it starts")
            yield Finding(subject=held, at=written[0], variant="machine", args={"keys": keys}, fix=fix)
    for job in graph.all(Job):
        given = [each for step in job.steps for each in step.given if is_secret_key(each.value)]
        if given:
            args = {"name": job.name, "keys": ", ".join(dict.fromkeys(each.value for each in given))}
            fix = Fix("let what is deployed read them from a secret manager")
            yield Finding(subject=job, at=given[0], variant="given", args=args, fix=fix)
        for file in [each for step in job.steps for each in step.shipped][:1]:
            args = {"name": job.name, "file": file.value}
            fix = Fix("let the machine read its secrets from a manager when it starts")
            yield Finding(subject=job, at=file, variant="shipped", args=args, fix=fix)
    yield from _baked(graph)


def _baked(graph: Graph) -> Outcomes:
    """The env files with secrets that a job writes and then copies into an image."""
    for each in baked(graph):
        secret = [one for one in each.variables if not one.name or is_secret_key(one.name)]
        if secret:
            keys = ", ".join(dict.fromkeys(one.name or "an env file" for one in secret))
            args = {"name": each.job.name, "keys": keys, "file": each.path}
            fix = Fix("let the container read them from a secret manager when it starts")
            at, copy = secret[0].span, each.copy.span
            yield Finding(subject=each.job, at=at, variant="baked", args=args, related=(copy,), fix=fix)


def _read(
    container: Container, variable: Variable, secret: Secret | None, options: Options, told: set[Span]
) -> Outcomes:
    """A variable that is read from a secret or a parameter."""
    if secret is None:
        return
    args = {"key": variable.key, "name": container.name}
    if secret.manager not in options.secret_managers:
        named = args | {"manager": _MANAGERS.get(secret.manager, secret.manager)}
        fix = Fix(f"keep {variable.key} in {_MANAGERS.get(options.secret_managers[0], options.secret_managers[0])}")
        yield Finding(subject=container.node, at=variable.key_span, variant="manager", args=named, fix=fix)
        return
    match secret.secure:
        case Known(False, span) if span not in told and _with_password(variable):
            told.add(span)
            fix = Fix.replacing("make it a SecureString", span, "String", "SecureString")
            args["secret"] = secret.name
            yield Finding(
                subject=secret, at=span, variant="parameter", args=args, related=(variable.key_span,), fix=fix
            )


def _with_password(variable: Variable) -> bool:
    """Whether what is read is a secret: an address is one where a password is a part of it."""
    parts = (secrecy_of_reference(each) for each in variable.references)
    return secrecy(variable.key) != "address" or "secret" in parts


def _together(found: Sequence[Finding | Undecided]) -> Outcomes:
    """What is found of the variables of one container, as one finding for all that are given in one way."""
    ways: dict[str, list[Finding]] = {}
    for each in found:
        if isinstance(each, Undecided):
            yield each
        else:
            ways.setdefault(each.variant, []).append(each)
    for first, *others in ways.values():
        keys = ", ".join(str(each.args["key"]) for each in (first, *others))
        fix = None if first.fix is None else replace(first.fix, description=f"{_WAYS[first.variant]}: {keys}")
        yield replace(
            first,
            args={**first.args, "key": keys},
            related=tuple(each.at for each in others),
            fix=fix if others else first.fix,
        )


def _plain(container: Container, variable: Variable, env_files: set[str]) -> Iterator[Finding | Undecided]:
    """A variable that is set where the service is defined, but not where HEX306 speaks of it."""
    args = {"key": variable.key, "name": container.name, "what": container.noun}
    holds = is_literal(variable) or bool(secret_source(variable))
    if any(is_of_manager(each) for each in variable.references):
        return
    passed = any(secrecy_of_reference(step.what) is not None for step in variable.value.via)
    if variable.origin is Origin.ENV_FILE and (holds or passed) and variable.key_span.path not in env_files:
        fix = Fix(f"let the machine read {variable.key} from a secret manager when it starts")
        yield Finding(subject=container.node, at=variable.key_span, variant="file", args=args, fix=fix)
    elif variable.origin is Origin.ENVIRONMENT and container.noun not in GIVEN and not container.is_composed:
        if holds:
            fix = Fix(f"read {variable.key} from a secret manager")
            yield Finding(subject=container.node, at=variable.key_span, args=args, fix=fix)
        elif not leads_only(variable):
            yield from undecided(container.node, variable.value)


@rule(
    "HEX309",
    mandate="3.2",
    severity=Severity.ERROR,
    remedy="Name a key that the secret has, and let the execution role read and decrypt it.",
    message={
        "default": "'{key}' is not in [the secret](1) '{secret}', so that the task of '{name}' cannot start.",
        "role": "'{role}' may not read [the secrets](1) '{secrets}', so that the task of '{names}' cannot start.",
        "stands": "'{key}' of '{name}' is read from an ARN with '{word}', which nothing fills in: no task can start.",
        "sealed": "'{role}' may not decrypt [the secrets](1) '{secrets}', so that the task of '{names}' cannot start.",
    },
)
def broken_secret_reference(graph: Graph, _: Options) -> Outcomes:
    """A container is to be given a secret that is not there, or that it may not read.

    ECS resolves `valueFrom` before the container starts: a key that the JSON of the secret lacks, or an execution role
    without `secretsmanager:GetSecretValue` or `ssm:GetParameters` (and `kms:Decrypt` for a key of your own), stops
    every task with a ResourceInitializationError that no test has seen.

    The key of `arn:json-key:stage:version` is looked for in what Terraform writes into that secret. Of content that is
    put in elsewhere, a secret or a role that is declared elsewhere, and a version that is left alone, no file tells;
    policies that are not in the repository stay open. A wildcard counts as far as it reaches; a policy of the key may
    allow what the role's policies do not. Reported at the `valueFrom`, and once at the role. So is the ARN of a task
    definition in JSON with a word for the region or the account (`arn:aws:ssm:REGION:ACCOUNT_ID:…`), where no command
    of the job that registers it works on the file.
    """
    read: dict[str, tuple[Principal, dict[str, tuple[Secret, Container]]]] = {}
    for container in graph.containers(side=Side.CLOUD):
        variables = {each.key: each for each in container.service.environment if each.origin is Origin.SECRET}
        if not container.is_ecs_task or not variables:
            continue
        yield from _stand_in(container, variables.values())
        edges = [(graph.get(Secret, edge.target), edge.reason) for edge in graph.out_of(EdgeKind.READS, container.node)]
        secrets = [(secret, key) for secret, key in edges if secret is not None]
        for secret, key in secrets:
            if key in variables and secret.manager != "ssm":
                yield from _key(container, secret, variables[key])
        acting = (each for each in graph.out_of(EdgeKind.ACTS_AS, container.node) if each.reason == "execution role")
        roles = [role for each in acting if (role := graph.get(Principal, each.target)) is not None]
        if roles or any(isinstance(secret.keys, Known) for secret, _ in secrets):
            yield Compared(container.node)
        for role in roles:
            given = read.setdefault(role.id, (role, {}))[1]
            given.update((f"{secret.id} {container.id}", (secret, container)) for secret, _ in secrets)
    yield from _roles(graph, read)


def _stand_in(container: Container, variables: Iterable[Variable]) -> Outcomes:
    """The first variable whose ARN has no region or no account, but a word for it."""
    for variable in variables:
        match variable.reference:
            case Known(text) if found := _ARN.match(text):
                wrong = [part for part, valid in ((found[1], _REGION), (found[2], _ACCOUNT)) if not valid.match(part)]
                if wrong:
                    args = {"key": variable.key, "name": container.name, "word": wrong[-1]}
                    fix = Fix(f"put the value in place of {wrong[-1]}, or let the workflow do so")
                    yield Finding(subject=container.node, at=variable.reference, variant="stands", args=args, fix=fix)
                    return
            case _:
                pass


_ARN = regex(r"arn:[\w-]+:(?:ssm|secretsmanager):([^:$]+):([^:$]+):")
_REGION = regex(r"[a-z]{2}(?:-[a-z]+)+-\d+\Z")
_ACCOUNT = regex(r"\d{12}\Z")


def _key(container: Container, secret: Secret, variable: Variable) -> Outcomes:
    """Whether the secret has the key that a variable is read from, as far as files tell its keys."""
    match variable.json_key, secret.keys:
        case Unknown() as key, _:
            yield from undecided(container.node, key)
        case Known(key), Known(keys) if key not in keys and variable.reference is not None:
            args = {"key": key, "secret": secret.name, "name": container.name}
            fix = Fix(f"add {key} to the JSON of the secret, or name a key that it has")
            yield Finding(subject=container.node, at=variable.reference, args=args, related=(secret,), fix=fix)


def _roles(graph: Graph, read: dict[str, tuple[Principal, dict[str, tuple[Secret, Container]]]]) -> Outcomes:
    """Whether execution roles may read what their containers are given; one finding a role and reason."""
    for role, secrets in (read[each] for each in sorted(read)):
        lacking: dict[str, list[tuple[Secret, Container]]] = {}
        opened = role.gap
        allowed = {(kind, edge.target): edge.reason for kind in _READING for edge in graph.out_of(kind, role)}
        for secret, container in (secrets[each] for each in sorted(secrets)):
            reason = allowed.get((EdgeKind.MAY_GRANT, secret.id))
            if reason is not None:
                opened = opened or Unknown(reason, role.span)
            elif (EdgeKind.GRANTS, secret.id) not in allowed:
                variant = "sealed" if (EdgeKind.SEALED, secret.id) in allowed else "role"
                lacking.setdefault(variant, []).append((secret, container))
        if lacking or opened is not role.gap:
            yield from undecided(role, opened)
        for variant, found in lacking.items() if role.gap is None else ():
            names = ", ".join(dict.fromkeys(secret.name for secret, _ in found))
            tasks = ", ".join(dict.fromkeys(container.name for _, container in found))
            action = "kms:Decrypt on the key" if variant == "sealed" else _ACTIONS.get(found[0][0].manager, "")
            args, fix = {"role": role.name, "secrets": names, "names": tasks}, Fix(f"allow the role {action}")
            yield Finding(subject=role, at=role, variant=variant, args=args, related=(found[0][0],), fix=fix)


_READING = (EdgeKind.GRANTS, EdgeKind.MAY_GRANT, EdgeKind.SEALED)
_ACTIONS = {"aws-secretsmanager": "secretsmanager:GetSecretValue", "ssm": "ssm:GetParameters"}
