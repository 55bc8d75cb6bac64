"""Infisical gives each side the secrets of its own environment, and of one project (HEX310)."""

from collections.abc import Iterator

from clean_hexagon.configuration.plaintext import is_secret_key
from clean_hexagon.options import Options
from policyengine.api import (
    Command,
    Compared,
    Container,
    Deploy,
    Finding,
    Fix,
    Graph,
    InfisicalProject,
    Job,
    Known,
    Node,
    Outcomes,
    Package,
    Role,
    Secret,
    Service,
    Severity,
    ShellCommand,
    Side,
    Span,
    Unknown,
    Value,
    environment,
    known,
    rule,
    shell_commands,
    undecided,
    words_of,
)

_DEVELOPMENT = frozenset({"dev", "local", "test"})
_LOGIN = ("TOKEN", "CLIENT_ID", "IDENTITY", "IDENTITY_ID", "JWT")
_IDENTITY = ("--token", "--identityId", "--machine-identity-id", "--client-id", "--clientId")


@rule(
    "HEX310",
    mandate="3.2",
    severity=Severity.ERROR,
    remedy="Run each side with its own environment of one project of Infisical, and let it log in.",
    message={
        "default": "'{name}' runs in the cloud with the secrets that Infisical keeps for '{slug}'.",
        "local": "'{name}' runs locally with the secrets that Infisical keeps for '{slug}'.",
        "deploy": "'{name}' deploys to '{environment}' with the secrets that Infisical keeps for '{slug}'.",
        "token": "'{name}' is started by 'infisical run' and is given nothing to log in with.",
        "alone": "'{name}' gets its secrets in no way, but [its twin](1) by 'infisical run'.",
        "project": "'{name}' reads another project of Infisical than [the repository](1) names.",
    },
)
def infisical_parity(graph: Graph, _: Options) -> Outcomes:
    """Infisical gives a side the secrets of the other one, or none.

    With `--env=dev` in the image, production talks to the databases of developers; with `--env=prod` on a laptop, a
    test deletes customers. A wrapper without an identity stops the container when it starts.

    The cloud is what images and tasks start, and what a step runs that deploys; local are Compose services and scripts
    of packages that are called after development. Without `--env` it is the `defaultEnvironment` of `.infisical.json`,
    else `dev`. Staging is neither. A job is compared where its own `environment` is called after one. One side alone
    behind the wrapper is a warning where the other has neither an env file nor a variable for a secret. A project is
    another one where no `.infisical.json` names it: one for each application is fine. What variables decide stays open.
    """
    projects = list(graph.all(InfisicalProject))
    for side in (Side.LOCAL, Side.CLOUD):
        for container in graph.containers(side=side):
            for command in (each for each in container.commands if _wrapped(each)):
                yield Compared(container.node)
                yield from _slug(container.node, container.name, command, projects, side, container.span)
            if side is Side.CLOUD and any(map(_wrapped, container.commands)):
                yield from _login(container)
    for package in graph.all(Package):
        for script in package.scripts:
            named = {environment(word) for word in words_of(script.key)}
            if named & {"dev", "local"} and "prod" not in named and "infisical" in known(script.value, ""):
                for command in shell_commands(Command((known(script.value, ""),), shell=True), script.value.span):
                    if _wrapped(command):
                        yield Compared(package)
                        yield from _slug(package, script.key, command, projects, Side.LOCAL, script.value.span)
    for job in graph.all(Job):
        yield from _deployed(job)
    for local, cloud in graph.mirrored(role=Role.APP):
        yield from _alone(local, cloud)
    yield from _projects(graph, projects)


def _wrapped(command: ShellCommand) -> bool:
    return any(layer.path == "infisical run" for layer in command.layers)


def _option(command: ShellCommand, *names: str) -> Value[str] | None:
    """What `infisical run` is told by an option, at its place."""
    for layer in command.layers:
        for option in layer.options if layer.path == "infisical run" else ():
            if option.name in names:
                word = command.words[option.index]
                reason = f"{option.name} is decided when it runs"
                return Known(option.value, word.span) if word.literal else Unknown(reason, word.span)
    return None


def _slug(
    node: Node, name: str, command: ShellCommand, projects: list[InfisicalProject], side: Side, place: Span
) -> Outcomes:
    """Whether what is started takes the environment of its own side."""
    told = _option(command, "--env", "-e")
    if told is None:
        default = [each.environment for each in projects if isinstance(each.environment, Known)]
        told = default[0] if default else Known("dev", place)
    match told:
        case Unknown():
            yield from undecided(node, told)
        case Known(slug, span) if side is Side.CLOUD and environment(slug) in _DEVELOPMENT:
            yield Finding(
                subject=node,
                at=_written(told, command, place),
                args={"name": name, "slug": slug},
                fix=_renamed(command, span, slug, "prod"),
            )
        case Known(slug, span) if side is Side.LOCAL and environment(slug) == "prod":
            yield Finding(
                subject=node,
                at=_written(told, command, place),
                variant="local",
                args={"name": name, "slug": slug},
                fix=_renamed(command, span, slug, "dev"),
            )


def _written(told: Known[str], command: ShellCommand, place: Span) -> Span:
    """The place to edit: the option, or the command that lacks it."""
    return (
        told.span
        if told.span in {word.span for word in command.words}
        else command.span
        if command.span.path
        else place
    )


def _renamed(command: ShellCommand, span: Span, slug: str, wanted: str) -> Fix:
    """Names another environment, where the option stands by itself."""
    old = next((word.text for word in command.words if word.span == span), "")
    how = f"run it with --env={wanted}"
    return Fix.replacing(how, span, old, f"{old.removesuffix(slug)}{wanted}") if old.endswith(slug) else Fix(how)


def _login(container: Container) -> Outcomes:
    """Whether a container has an identity for Infisical."""
    keys = (*container.environment, *container.exported)
    wrapped = next(each for each in container.commands if _wrapped(each))
    given = any(key.startswith("INFISICAL_") and key.endswith(_LOGIN) for key in keys)
    logs_in = any(each.program == "infisical" and "login" in each.argv for each in container.commands)
    if given or logs_in or _option(wrapped, *_IDENTITY) is not None:
        return
    gap = container.service.environment_gap
    if gap is not None:
        yield from undecided(container.node, gap)
    else:
        fix = Fix(
            "give it INFISICAL_TOKEN, or the id and the secret of a machine identity, from the secrets of the task"
        )
        yield Finding(subject=container.node, at=container, variant="token", args={"name": container.name}, fix=fix)


def _deployed(job: Job) -> Outcomes:
    """Whether a job that deploys takes the secrets of the environment that it deploys to."""
    if not any(isinstance(each.activity, Deploy) for each in job.happenings):
        return
    target = known(job.environment, "")
    meant = next(filter(None, map(environment, words_of(target))), "")
    for told in _told(job):
        yield Compared(job)
        match told:
            case Unknown():
                yield from undecided(job, told)
            case Known(slug) if meant and environment(slug) and environment(slug) != meant:
                args = {"name": job.name, "environment": target, "slug": slug}
                fix = Fix(f"take the secrets of {target}")
                yield Finding(subject=job, at=told, variant="deploy", args=args, fix=fix)


def _told(job: Job) -> Iterator[Value[str]]:
    """The environments of Infisical that the steps of a job name."""
    for step in job.steps:
        if known(step.uses, "").lower().startswith("infisical/secrets-action@"):
            for each in step.inputs:
                if each.key == "env-slug":
                    yield each.value
        if any(isinstance(each, Deploy) for each in step.activities):
            for command in step.commands:
                if _wrapped(command) and (told := _option(command, "--env", "-e")) is not None:
                    yield told


def _alone(local: Container, cloud: Container) -> Outcomes:
    """Whether one of a pair gets secrets from Infisical, and the other from nowhere."""
    here, there = (any(map(_wrapped, each.commands)) for each in (local, cloud))
    bare, twin = (local, cloud) if there else (cloud, local)
    if here == there or not isinstance(bare.node, Service):
        return
    fed = bare.service.env_files or any(is_secret_key(each.key) for each in bare.environment.values())
    if not fed and bare.unset_gap is None and bare.gap is None:
        fix = Fix("load .env.local" if bare is local else "start it by 'infisical run', or give it secrets")
        yield Finding(
            subject=bare.node,
            against=twin.node,
            at=bare,
            variant="alone",
            severity=Severity.WARNING,
            args={"name": bare.name},
            related=(twin,),
            fix=fix,
        )
    elif not fed:
        yield from undecided(bare.node, bare.unset_gap or bare.gap)


def _projects(graph: Graph, projects: list[InfisicalProject]) -> Outcomes:
    """Whether Terraform and `--projectId` name a project of `.infisical.json`."""
    named = {each.project.value: each for each in projects if isinstance(each.project, Known)}
    seen: set[str] = set()
    for node, told in _named(graph) if named else ():
        yield Compared(node)
        match told:
            case Unknown():
                yield from undecided(node, told)
            case Known(project, span) if project not in named and project not in seen:
                seen.add(project)
                first = named[min(named)]
                fix = (
                    Fix.replacing("name the project of the repository", span, project, min(named))
                    if len(named) == 1
                    else Fix("name a project of the repository")
                )
                yield Finding(
                    subject=node,
                    at=told,
                    variant="project",
                    args={"name": node.name},
                    related=(first.project,),
                    fix=fix,
                )


def _named(graph: Graph) -> Iterator[tuple[Node, Value[str]]]:
    """The projects that Terraform, containers and steps name."""
    for secret in graph.all(Secret):
        if secret.project is not None:
            yield secret, secret.project
    for container in graph.containers():
        for command in container.commands:
            if (told := _option(command, "--projectId")) is not None:
                yield container.node, told
