"""What is in force when a container runs: what its platform sets, over what its image brings."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.platforms import platform, platform_of_service
from policyengine.knowledge.ports import port_of_engine
from policyengine.knowledge.variables import injects
from policyengine.linking.images import built_for, manifest
from policyengine.linking.misnamed import Misnaming
from policyengine.linking.programs import keys
from policyengine.linking.started import Home, Scripts
from policyengine.linking.web_servers import listens
from policyengine.model.container import Container, User, account
from policyengine.model.graph import EdgeKind
from policyengine.model.nodes import (
    Build,
    Command,
    ConfigModule,
    Datastore,
    Origin,
    Package,
    Port,
    Role,
    Service,
    Side,
    Stage,
    Variable,
    variables,
)
from policyengine.model.nodes.container import COMPOSE, PRODUCTION_COMPOSE
from policyengine.model.value import Absent, Floating, Known, Unknown, Via, known, map_value
from policyengine.patterns import regex
from policyengine.platforms.docker.stock import facts_of, stock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from policyengine.model.graph import Graph
    from policyengine.model.nodes import Healthcheck, ShellCommand
    from policyengine.model.source import Span
    from policyengine.model.value import Value
    from policyengine.repository.files import Files


_REFERENCE = regex(r"\$\{?([A-Za-z_]\w*)")
_HANDS_ON = regex(r"(\"?)\$0\1 (\"?)\$@\2")


def containers(graph: Graph, files: Files, only: AbstractSet[str] | None = None) -> Iterator[Container]:
    """A container for each service, and one for the image that each Dockerfile builds without a target.

    With `only`, those of these services alone.
    """
    joined = manifest(graph)
    scripts = Scripts(graph.all(Package), files)
    stores = {store.service: store for store in graph.all(Datastore) if store.service}
    env_files = _EnvFiles(graph)
    misnaming = Misnaming(files)
    for service in graph.all(Service):
        if only is None or service.id in only:
            found = _of_service(graph, service, scripts, stores, joined, env_files)
            stage = known(found.stage, None)
            own = stage is not None and isinstance(service.command, Absent) and isinstance(service.entrypoint, Absent)
            served = listens(stage, service.mounts, found.builds, files) if stage is not None and own else None
            wrong = tuple(misnaming.of(service, found.config, found.keys, found.environment, found.packages))
            found = replace(found, serves=served, misnamed=wrong) if served is not None or wrong else found
            yield found
    for stage in graph.all(Stage) if only is None else ():
        if stage.last:
            yield _of_image(graph, stage, scripts, joined)


def _of_service(
    graph: Graph,
    service: Service,
    scripts: Scripts,
    stores: Mapping[str, Datastore],
    joined: Sequence[ShellCommand],
    env_files: _EnvFiles,
) -> Container:
    image = _inside(graph, service)
    entrypoint = _first(service.entrypoint, image.entrypoint if isinstance(image, Stage) else _unread(service, image))
    command = _first(service.command, _kept(service, image))
    builds = tuple(graph.targets(Build, EdgeKind.BUILT_BY, service)) if service.build is None else (service.build,)
    whole = started(entrypoint, command)
    store = stores.get(service.id)
    pushed = [build for build in builds if build.pushes and not _of_any_machine(build)]
    home = _home(image, builds)
    runs = scripts.run(whole, entrypoint, command, home)
    config = next(graph.targets(ConfigModule, EdgeKind.CONFIGURED_BY, service), None)
    environment = variables([*(image.environment if isinstance(image, Stage) else ()), *env_files.of(service)])
    return Container(
        node=service,
        noun=service.noun,
        role=service.role,
        image=service.image,
        base=image.base if isinstance(image, Stage) else image,
        stage=graph.stage(service),
        builds=builds,
        entrypoint=entrypoint,
        command=command,
        started=whole,
        overrides=not (isinstance(service.entrypoint, Absent) and isinstance(service.command, Absent)),
        commands=runs.commands,
        line=runs.line,
        gap=runs.gap,
        wrappers=runs.wrappers,
        user=_user(service, image),
        accounts=_accounts(image),
        workdir=image.workdir if isinstance(image, Stage) else image,
        environment=environment,
        overridden=tuple(
            each for each in (image.environment if isinstance(image, Stage) else ()) if environment[each.key] != each
        ),
        environment_gap=service.environment_gap or _injected(service, runs.wrappers),
        ports=_ports(service, image, store),
        healthcheck=_healthcheck(service, image),
        platform=_platform(service),
        built_for=built_for(graph, pushed, joined) if pushed else Absent(service.span),
        config=config,
        store=store,
        packages=tuple(scripts.packages(home)),
        keys=keys(config, runs.commands, environment),
    )


def _of_image(graph: Graph, stage: Stage, scripts: Scripts, joined: Sequence[ShellCommand]) -> Container:
    """What an image starts by itself."""
    builds = tuple(graph.sources(Build, EdgeKind.BUILT_FROM, stage))
    whole = started(stage.entrypoint, stage.command)
    pushed = [build for build in builds if build.pushes and not _of_any_machine(build)]
    home = _home(stage, builds)
    runs = scripts.run(whole, stage.entrypoint, stage.command, home)
    config = next(graph.targets(ConfigModule, EdgeKind.CONFIGURED_BY, stage), None)
    environment = variables(stage.environment)
    return Container(
        node=stage,
        noun="image",
        role=Role.APP,
        image=Absent(stage.span),
        base=stage.base,
        stage=Known(stage, stage.span),
        builds=builds,
        entrypoint=stage.entrypoint,
        command=stage.command,
        started=whole,
        overrides=False,
        commands=runs.commands,
        line=runs.line,
        gap=runs.gap,
        wrappers=runs.wrappers,
        user=_image_user(stage),
        accounts=_accounts(stage),
        workdir=stage.workdir,
        environment=environment,
        overridden=(),
        environment_gap=None,
        ports=stage.exposed,
        healthcheck=_stage_check(stage, stage.span),
        platform=stage.platform or Absent(stage.span),
        built_for=built_for(graph, pushed, joined) if pushed else Absent(stage.span),
        config=config,
        packages=tuple(scripts.packages(home)),
        keys=keys(config, runs.commands, environment),
    )


class _EnvFiles:
    """Who loads which env file and uses which variables: those its `environment` sets, its code or command reads."""

    def __init__(self, graph: Graph) -> None:
        self.loading: dict[str, set[str]] = {}
        for service in graph.all(Service):
            files = {file.stand_in or file.path for file in service.env_files}
            files |= {each.key_span.path for each in service.environment if each.origin is Origin.ENV_FILE}
            for path in files:  # those that a machine writes stand in its script
                self.loading.setdefault(path, set()).add(service.id)
        together = {path: ids for path, ids in self.loading.items() if len(ids) > 1}
        asked = set().union(*together.values())
        self.used = {each.id: frozenset(_used(graph, each)) for each in graph.all(Service) if each.id in asked}
        self.used_of = {
            path: frozenset(key for each in ids for key in self.used[each]) for path, ids in together.items()
        }

    def of(self, service: Service) -> list[Variable]:
        """The variables of a service, but for those of an env file that only others use which load it, too."""
        return [
            each for each in service.environment if each.origin is not Origin.ENV_FILE or self._counts(service, each)
        ]

    def _counts(self, service: Service, variable: Variable) -> bool:
        path = variable.key_span.path
        alone = self.loading.get(path, set()) <= {service.id}
        if service.role is not Role.APP or alone or variable.key in self.used[service.id]:
            return True
        return variable.key not in self.used_of[path]  # by others: it does not use it itself


def _used(graph: Graph, service: Service) -> Iterator[str]:
    yield from (each.key for each in service.environment if each.origin is not Origin.ENV_FILE)
    for module in graph.targets(ConfigModule, EdgeKind.CONFIGURED_BY, service):
        yield from (key.key for key in module.keys)
        yield from (key.key for reads in module.reads for key in reads.keys)
    for command in (service.entrypoint, service.command):
        for word in command.value.words if isinstance(command, Known) else ():
            yield from (match[1] for match in _REFERENCE.finditer(word))


def _injected(service: Service, wrappers: Sequence[str]) -> Unknown | None:
    """Why a container has more variables than its platform sets: a program around its own gives it some."""
    found = next((each for each in wrappers if injects(each)), None)
    return None if found is None else Unknown(f"what '{found}' injects is not in the files", service.span)


def _of_any_machine(build: Build) -> bool:
    """Whether the machine that builds decides for which platform, and nobody knows who runs it."""
    return build.by_hand and isinstance(build.platforms, Absent)


def _home(image: Stage | Unknown, builds: Sequence[Build]) -> Home:
    contexts = (build.context.value for build in builds if isinstance(build.context, Known))
    return Home.of(image if isinstance(image, Stage) else None, contexts)


def _inside(graph: Graph, service: Service) -> Stage | Unknown:
    """What the image of a service brings: the stage that it is built from, or the public image; else why not known."""
    stage = graph.stage(service)
    if isinstance(stage, Known):
        return stage.value
    if service.build is None and isinstance(service.image, Known | Floating):
        image = Known(service.image.value, service.image.span, service.image.via)
        facts = facts_of(image)
        if facts is not None:
            return stock(image, facts, image.span)
    if isinstance(stage, Unknown):
        return stage
    return Unknown(f"what the image of '{service.name}' brings is not known", service.image.span)


def _first(own: Value[Command], other: Value[Command]) -> Value[Command]:
    return other if isinstance(own, Absent) else own


def _unread(service: Service, image: Unknown) -> Unknown:
    """Why the entrypoint of an image is not known; at the command that it is given, where there is one."""
    if isinstance(service.command, Known):
        return Unknown(f"the entrypoint of the image of '{service.name}' is not known", service.command.span)
    return image


def _kept(service: Service, image: Stage | Unknown) -> Value[Command]:
    """The command of the image, which an entrypoint that is set drops unless it is empty, as Docker and ECS do.

    Source: `merge` of moby/daemon/commit.go, which both call.
    """
    match service.entrypoint:
        case Unknown():
            return service.entrypoint
        case Known(Command(words)) if words:
            return Absent(service.span)
        case _:
            return image.command if isinstance(image, Stage) else image


def started(entrypoint: Value[Command], command: Value[Command]) -> Value[Command]:
    """What is executed: the entrypoint with the command as its arguments.

    One in the shell form takes none, unless its script hands on to them: they are `$0` and `$@` of the shell.
    """
    match entrypoint, command:
        case Unknown(), _:
            return entrypoint
        case Known(Command(script, shell=True)), Known() | Unknown() if _HANDS_ON.search(" ".join(script)):
            return _handed(entrypoint, command)
        case Known(Command(shell=True)), _:
            return entrypoint
        case _, Unknown():
            return command
        case Known(Command(first)), Known(rest):
            return Known(Command((*first, *_words(rest))), command.span, command.via)
        case Known(), _:
            return entrypoint
        case _:
            return command


def _handed(entrypoint: Known[Command], command: Known[Command] | Unknown) -> Value[Command]:
    """A script with the words of the command in place of `$0 $@`."""
    if isinstance(command, Unknown):
        return command
    words = shlex.join(_words(command.value))
    text = _HANDS_ON.sub(lambda _: words, " ".join(entrypoint.value.words))
    return Known(Command((text,), shell=True), entrypoint.span, entrypoint.via)


def _words(command: Command) -> tuple[str, ...]:
    """A command as a program gets it: what is in the shell form is run by a shell."""
    return ("/bin/sh", "-c", *command.words) if command.shell else command.words


def _user(service: Service, image: Stage | Unknown) -> Value[User]:
    """The user that is set, else that of the image."""
    if isinstance(service.user, Absent):
        return _image_user(image) if isinstance(image, Stage) else image
    created = _accounts(image)
    return map_value(service.user, lambda text: account(text, created))


def _image_user(stage: Stage) -> Value[User]:
    if isinstance(stage.user, Absent):
        return Known(account("root", {}), stage.span)
    created = _accounts(stage)
    return map_value(stage.user, lambda text: account(text, created))


def _accounts(image: Stage | Unknown) -> dict[str, str]:
    """The numbers of the users that an image creates, by name; empty where the system chooses one."""
    users = image.users_created if isinstance(image, Stage) else ()
    return {each.key: known(each.value, "") for each in users}


def _ports(service: Service, image: Stage | Unknown, store: Datastore | None) -> tuple[Port, ...]:
    """The ports that a service names, and those of its image; the port of the engine where there are none."""
    mapped = {port.target.value for port in service.ports if isinstance(port.target, Known)}
    exposed = image.exposed if isinstance(image, Stage) else ()
    more = [port for port in exposed if not isinstance(port.target, Known) or port.target.value not in mapped]
    if not service.ports and not more and store is not None and isinstance(store.engine, Known):
        number = port_of_engine(store.engine.value)
        if number is not None:
            span = store.engine.span
            target = Known(number, span, (Via(f"default of {store.engine.value}", span),))
            more = [Port(target, Absent(span), span)]
    return (*service.ports, *more)


def _healthcheck(service: Service, image: Stage | Unknown) -> Value[Healthcheck]:
    """The check that is set, or only its times are; Docker runs the image's own, ECS and other clouds ignore it.

    Source: docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html.
    """
    own = service.healthcheck
    if own is not None:
        inner = image.healthcheck if isinstance(image, Stage) else None
        if isinstance(own.test, Absent) and not own.disabled and service.inherits_healthcheck:
            test = Unknown("the image tells what its check does", own.span) if inner is None else inner.test
            own = replace(own, test=test)
        return Known(own, own.span)
    if not service.inherits_healthcheck:
        return Absent(service.span)
    return _stage_check(image, service.span) if isinstance(image, Stage) else image


def _stage_check(stage: Stage, span: Span) -> Value[Healthcheck]:
    return Absent(span) if stage.healthcheck is None else Known(stage.healthcheck, stage.healthcheck.span)


def _platform(service: Service) -> Value[str]:
    """The platform that a container runs on; Absent for that of the machine, which builds for itself.

    A task that names no architecture runs on X86_64 on Fargate; on EC2 the instances decide
    (docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#runtime-platform).
    """
    only = platform_of_service(service.noun)
    composed = service.noun in (COMPOSE, PRODUCTION_COMPOSE)
    match service.architecture:
        case Known(name, span, via):
            return Known(platform(name), span, via)
        case _ if service.side is Side.CLOUD and only is not None:
            return Known(only, service.span, (Via(f"default of {service.noun}", service.span),))
        case Unknown():
            return service.architecture
        case _ if service.side is not Side.CLOUD or service.platform is not None or (composed and service.build):
            return map_value(service.platform or Absent(service.span), platform)
        case _ if not composed and service.launch in ("", "FARGATE"):
            return Known("linux/amd64", service.span, (Via("default of Fargate", service.span),))
        case _:
            machines = "machine that runs" if composed else "instances that run"
            return Unknown(f"the architecture of the {machines} '{service.name}' is not known", service.span)
