"""A Compose project's services as nodes of the graph."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.variables import database_variables
from policyengine.model import image as images
from policyengine.model.nodes import (
    Attachment,
    Build,
    Command,
    Datastore,
    Dependency,
    EnvFile,
    Healthcheck,
    Mount,
    Origin,
    Port,
    Role,
    Service,
    Side,
    Variable,
)
from policyengine.model.value import Absent, Known, Unknown, Value, Via
from policyengine.patterns import regex
from policyengine.platforms.compose import words
from policyengine.platforms.compose.canonical import is_remote
from policyengine.platforms.compose.environment import pairs, resolve_path
from policyengine.platforms.compose.located import Branch, Items, Leaf, Node, go_text
from policyengine.platforms.docker.datastore import datastore, image_role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyengine.model.image import ImageRef
    from policyengine.model.source import Source, Span
    from policyengine.platforms.compose.environment import Assigned, ServiceEnvironment, UsedEnvFile
    from policyengine.platforms.compose.load import ComposeProject

_COMMENT = regex(r"#\s*parity:\s*(?:local=([\w.-]+)\s+)?(?:cloud=)([^\s#]+)")
_JOB_WORDS = regex(
    r"\b(?:migrate|migration|migrations|db:migrate|db:prepare|seed|createbuckets|mc\s+(?:mb|alias)|alembic\s+upgrade"
    r"|prisma\s+(?:migrate|db\s+push)|drizzle-kit|collectstatic|knex\s+migrate|flyway|liquibase|init-db|createdb)\b"
)
_JOB_NAME = regex(r"(?:^|[-_.])(?:migrate|migrations?|migrator|init|setup|seed|seeder|createbuckets?)(?:$|[-_.\d])")


def lower(project: ComposeProject, source_of: Callable[[str], Source | None]) -> Iterator[Service | Datastore]:
    """A Service for every service of the project, disabled ones with their profiles, and the datastores they run."""
    section = project.model.get("services")
    services = section if isinstance(section, Branch) else Branch({}, project.model.span)
    one_shot = _one_shot(services)
    for name, entry in services.entries.items():
        if not isinstance(entry.node, Branch):
            continue
        service = _service(project, name, entry.key, entry.node, source_of, one_shot)
        yield service
        store = datastore(service, service.image, _database_name(service)) if service.build is None else None
        if store is not None and service.role is not Role.JOB:
            yield store


def _one_shot(services: Branch) -> set[str]:
    """The services that another one waits for to complete."""
    found: set[str] = set()
    for entry in services.entries.values():
        depends_on = entry.node.get("depends_on") if isinstance(entry.node, Branch) else None
        for name, dependency in depends_on.entries.items() if isinstance(depends_on, Branch) else ():
            condition = dependency.node.get("condition") if isinstance(dependency.node, Branch) else None
            if isinstance(condition, Leaf) and condition.value == "service_completed_successfully":
                found.add(name)
    return found


def _service(
    project: ComposeProject,
    name: str,
    key: Span,
    service: Branch,
    source_of: Callable[[str], Source | None],
    one_shot: set[str],
) -> Service:
    """The node of one service."""
    node_id = f"compose:services.{name}"
    image = _image(service.get("image"), key)
    build = _build(project, f"{node_id}/build", name, service.get("build"), image)
    environment = project.environments[name]
    labels = tuple(variable(each) for each in project.labels[name].values())
    networks = _attachments(service.get("networks"), project.model.get("networks"))
    limits = _down(service, "deploy", "resources", "limits")
    made = Service(
        id=node_id,
        name=name,
        side=Side.LOCAL,
        span=key,
        role=Role.APP,
        group=f"compose:{project.directory or '.'}",
        image=image,
        build=build,
        entrypoint=_command(service.get("entrypoint"), key),
        command=_command(service.get("command"), key),
        user=text_value(service.get("user"), key),
        environment=tuple(variable(each) for each in environment.variables.values() if each.key),
        environment_gap=_gap(environment),
        env_files=tuple(_env_file(each) for each in environment.files if each.entry.unknown is None),
        env_file_span=_env_file_span(service.get("env_file")),
        ports=(*_ports(service.get("ports")), *_exposed(service.get("expose"))),
        mounts=tuple(_mounts(project, service)),
        networks=networks,
        network_mode=_optional(service.get("network_mode"), key),
        hostnames=_hostnames(service),
        extra_hosts=_extra_hosts(service.get("extra_hosts")),
        depends_on=_dependencies(service.get("depends_on")),
        healthcheck=_healthcheck(service.get("healthcheck"), key),
        platform=_optional(service.get("platform"), key),
        privileged=_flag(service.get("privileged")),
        read_only=_flag(service.get("read_only")),
        init=_flag(service.get("init")),
        stop_grace_period=_optional(service.get("stop_grace_period"), key),
        cpus=_optional(_first(_down(limits, "cpus"), service.get("cpus")), key),
        memory=_optional(_first(_down(limits, "memory"), service.get("mem_limit")), key),
        count=_count(_first(service.get("scale"), _down(service, "deploy", "replicas"))),
        profiles=_names(service.get("profiles")),
        labels=labels,
        parity=_parity(service, key, labels, source_of),
        noun="Compose service",
    )
    return replace(made, role=_role(made, service, one_shot))


def _down(node: Node | None, *keys: str) -> Node | None:
    for key in keys:
        node = node.get(key) if isinstance(node, Branch) else None
    return node


def _first(*nodes: Node | None) -> Node | None:
    return next((node for node in nodes if node is not None), None)


def text_value(node: Node | None, at: Span) -> Value[str]:
    """A scalar attribute as text; Absent at `at` where it is not given."""
    if not isinstance(node, Leaf) or node.value is None:
        return Absent(at)
    return node.unknown or Known(node.written.written, node.span, node.via)


def _optional(node: Node | None, at: Span) -> Value[str] | None:
    value = text_value(node, at)
    return None if isinstance(value, Absent) else value


def _flag(node: Node | None) -> Value[bool] | None:
    if not isinstance(node, Leaf) or node.value is None:
        return None
    if isinstance(node.value, bool):
        return Known(node.value, node.span, node.via)
    return node.unknown or Unknown(f"{go_text(node.value)!r} is no boolean", node.span, node.via)


def _count(node: Node | None) -> Value[int] | None:
    if not isinstance(node, Leaf) or node.value is None:
        return None
    if isinstance(node.value, int):
        return Known(int(node.value), node.span, node.via)
    return node.unknown or Unknown(f"{go_text(node.value)!r} is no number", node.span, node.via)


def _image(node: Node | None, at: Span) -> Value[ImageRef]:
    text = text_value(node, at)
    if not isinstance(text, Known):
        return text if isinstance(text, Unknown) else Absent(at)
    if not text.value:
        return Absent(at)
    reference = images.parse(text.value)
    if reference is None:
        return Unknown(f"{text.value!r} is no image reference", text.span, text.via)
    return Known(reference, text.span, text.via)


def _build(project: ComposeProject, node_id: str, name: str, node: Node | None, image: Value[ImageRef]) -> Build | None:
    if not isinstance(node, Branch):
        return None
    context = _context(project, node.get("context"), node.span)
    inline = node.get("dockerfile_inline") is not None
    dockerfile: Value[str] = Absent(node.span)
    file = node.get("dockerfile")
    if isinstance(file, Leaf) and not inline:
        dockerfile = text_value(file, node.span)
        match context, dockerfile:
            case Known(folder), Known(path):
                joined = resolve_path(folder, path)
                dockerfile = (
                    Unknown(f"{path!r} lies outside the repository", file.span, file.via)
                    if joined is None
                    else Known(joined, dockerfile.span, dockerfile.via)
                )
            case Unknown(why, span, via), _:
                dockerfile = Unknown(why, span, via)
            case _:
                pass
    tags: Value[tuple[ImageRef, ...]] = Absent(node.span)
    given = node.get("tags")
    references = [reference] if isinstance(image, Known) and (reference := image.value) else []
    for each in given.items if isinstance(given, Items) else ():
        tag = _image(each, node.span)
        if isinstance(tag, Known):
            references.append(tag.value)
    if references:
        tags = Known(tuple(references), image.span if isinstance(image, Known) else node.span)
    platforms, spans = _platforms(node)
    arguments = node.get("args")
    return Build(
        id=node_id,
        name=name,
        side=Side.LOCAL,
        span=node.span,
        tool="compose",
        context=context,
        dockerfile=dockerfile,
        target=text_value(node.get("target"), node.span),
        platforms=platforms,
        tags=tags,
        push=Absent(node.span),
        args=tuple(replace(variable(each), origin=Origin.ARGUMENT) for each in pairs(arguments).values()),
        inline=inline,
        platform_spans=spans,
    )


def _context(project: ComposeProject, node: Node | None, at: Span) -> Value[str]:
    text = text_value(node, at)
    if not isinstance(text, Known):
        return text
    if is_remote(text.value):
        return Unknown(f"the build context {text.value!r} is not in the repository", text.span, text.via)
    path = resolve_path(project.directory, text.value)
    if path is None:
        return Unknown(f"the build context {text.value!r} lies outside the repository", text.span, text.via)
    return Known(path or ".", text.span, text.via)


def _platforms(build: Branch) -> tuple[Value[tuple[str, ...]], tuple[Span, ...]]:
    node = build.get("platforms")
    if not isinstance(node, Items) or not node.items:
        return Absent(build.span), ()
    leaves = [item for item in node.items if isinstance(item, Leaf)]
    spans = tuple(leaf.span for leaf in leaves)
    for leaf in leaves:
        if leaf.unknown is not None:
            return leaf.unknown, spans
    return Known(tuple(str(leaf.value) for leaf in leaves), node.span, node.via), spans


def _command(node: Node | None, at: Span) -> Value[Command]:
    """A command as the list that Compose makes of it: a string is split into words, never given to a shell."""
    if node is None or (isinstance(node, Leaf) and node.value is None):
        return Absent(at)
    if isinstance(node, Leaf):
        text = text_value(node, at)
        if not isinstance(text, Known):
            return text if isinstance(text, Unknown) else Absent(at)
        split = words.split(text.value)
        if split is None:
            return Unknown("a command line whose quotes do not close", node.span, node.via)
        return Known(Command(split), text.span, text.via)
    leaves = [item for item in node.items if isinstance(item, Leaf)] if isinstance(node, Items) else []
    via = tuple(dict.fromkeys(step for leaf in leaves for step in leaf.via)) or node.via
    for leaf in leaves:
        if leaf.unknown is not None:
            return leaf.unknown
    return Known(Command(tuple(go_text(leaf.value) for leaf in leaves)), node.span, via)


def variable(held: Assigned) -> Variable:
    """A variable, a build argument or a label as a node's fact."""
    origin = Origin.ENV_FILE if held.from_file else Origin.ENVIRONMENT
    value: Value[str]
    if held.text is None:
        step = Via(held.key, held.key_span)
        value = Unknown(f"the variable '{held.key}' set outside the files", held.key_span, (step,))
    else:
        value = replace(held.text.value(), span=held.span)
    return Variable(held.key, held.key_span, value, origin)


def _gap(environment: ServiceEnvironment) -> Unknown | None:
    for file in environment.files:
        if not file.found and file.required:
            return Unknown(f"the env file '{file.path}' is not among the files", file.entry.span, file.entry.via)
    return None


def _env_file(file: UsedEnvFile) -> EnvFile:
    return EnvFile(file.path, file.entry.span, file.required, file.found, file.stand_in)


def _env_file_span(node: Node | None) -> Span | None:
    return node.span if node is not None else None


def _ports(node: Node | None) -> Iterator[Port]:
    for item in node.items if isinstance(node, Items) else ():
        if not isinstance(item, Branch):
            continue
        target, published = item.get("target"), item.get("published")
        span = item.span
        first = _number(target, span)
        yield Port(
            target=first,
            published=Absent(span) if published is None else _number(published, span),
            span=span,
            protocol=_given(item.get("protocol"), "tcp"),
            host_ip=_given(item.get("host_ip"), ""),
        )


def _given(node: Node | None, default: str) -> str | Unknown:
    """An attribute as text, or why it is not decided; `default` where it is not given."""
    return (node.unknown or go_text(node.value)) if isinstance(node, Leaf) else default


def _number(node: Node | None, at: Span) -> Value[int]:
    if not isinstance(node, Leaf) or node.value is None:
        return Absent(at)
    if node.unknown is not None:
        return node.unknown
    text = go_text(node.value)
    if not text.isdecimal():
        return Unknown(f"{text!r} is a range of ports", node.span, node.via)
    return Known(int(text), node.span, node.via)


def _exposed(node: Node | None) -> Iterator[Port]:
    for item in node.items if isinstance(node, Items) else ():
        if isinstance(item, Leaf):
            number, _, protocol = go_text(item.value).partition("/")
            target: Value[int] = Unknown(f"{number!r} is a range of ports", item.span, item.via)
            if item.unknown is not None:
                target, protocol = item.unknown, ""
            elif number.isdecimal():
                target = Known(int(number), item.span, item.via)
            yield Port(target, Absent(item.span), item.span, protocol or "tcp")


def _mounts(project: ComposeProject, service: Branch) -> Iterator[Mount]:
    volumes = service.get("volumes")
    for item in volumes.items if isinstance(volumes, Items) else ():
        if not isinstance(item, Branch):
            continue
        kind = item.get("type")
        name = go_text(kind.value) if isinstance(kind, Leaf) else "volume"
        read_only = item.get("read_only")
        yield Mount(
            kind=name,
            source=_source(project, item, name),
            target=text_value(item.get("target"), item.span),
            span=item.span,
            read_only=isinstance(read_only, Leaf) and read_only.value is True,
        )
    tmpfs = service.get("tmpfs")
    for leaf in tmpfs.items if isinstance(tmpfs, Items) else (tmpfs,):
        if isinstance(leaf, Leaf) and leaf.value is not None:
            target = text_value(leaf, leaf.span)
            if isinstance(target, Known):
                path = target.value.partition(":")[0]
                span = target.span
                if span.end - span.start == len(target.value):
                    span = span._replace(end=span.start + len(path))
                target = Known(path, span, target.via)
            yield Mount("tmpfs", Absent(leaf.span), target, leaf.span)


def _source(project: ComposeProject, mount: Branch, kind: str) -> Value[str]:
    """The source of a mount; a bind's relative to the root where it lies inside."""
    text = text_value(mount.get("source"), mount.span)
    if kind == "bind" and isinstance(text, Known):
        path = resolve_path(project.directory, text.value)
        if path is not None:
            return Known(path or ".", text.span, text.via)
    return text


def _attachments(node: Node | None, networks: Node | None) -> tuple[Attachment, ...]:
    found = []
    for name, entry in node.entries.items() if isinstance(node, Branch) else ():
        aliases = entry.node.get("aliases") if isinstance(entry.node, Branch) else None
        network = networks.get(name) if isinstance(networks, Branch) else None
        external = network.get("external") if isinstance(network, Branch) else None
        found.append(
            Attachment(name, entry.key, _names(aliases), external=isinstance(external, Leaf) and external.value is True)
        )
    return tuple(found)


def _names(node: Node | None) -> tuple[str, ...]:
    leaves = node.items if isinstance(node, Items) else (node,)
    decided = (leaf for leaf in leaves if isinstance(leaf, Leaf) and leaf.unknown is None)
    return tuple(go_text(leaf.value) for leaf in decided if leaf.value is not None)


def _hostnames(service: Branch) -> tuple[str, ...]:
    found = [name for key in ("container_name", "hostname") for name in _names(service.get(key))]
    for link in (*_names(service.get("links")), *_names(service.get("external_links"))):
        name, colon, alias = link.partition(":")
        found.append(alias if colon else name)
    return tuple(dict.fromkeys(found))


def _extra_hosts(node: Node | None) -> tuple[str, ...]:
    if isinstance(node, Branch):
        return tuple(node.entries)
    return tuple(re.split(r"[=:]", text, maxsplit=1)[0] for text in _names(node)) if node is not None else ()


def _dependencies(node: Node | None) -> tuple[Dependency, ...]:
    found = []
    for name, entry in node.entries.items() if isinstance(node, Branch) else ():
        condition = entry.node.get("condition") if isinstance(entry.node, Branch) else None
        text = go_text(condition.value) if isinstance(condition, Leaf) else "service_started"
        found.append(Dependency(name, entry.key, text))
    return tuple(found)


def _healthcheck(node: Node | None, at: Span) -> Healthcheck | None:
    if not isinstance(node, Branch):
        return None
    test_node = node.get("test")
    disable = node.get("disable")
    disabled = isinstance(disable, Leaf) and disable.value is True
    test: Value[Command] = Absent(node.span)
    if isinstance(test_node, Leaf):
        text = text_value(test_node, node.span)
        if isinstance(text, Known):
            test = Known(Command((text.value,), shell=True), text.span, text.via)
        elif isinstance(text, Unknown):
            test = text
    elif isinstance(test_node, Items):
        given = _command(test_node, node.span)
        test = given
        if isinstance(given, Known):
            first, rest = given.value.words[:1], given.value.words[1:]
            disabled = disabled or first == ("NONE",)
            test = Known(Command(rest, shell=first == ("CMD-SHELL",)), given.span, given.via)
    return Healthcheck(
        test=test,
        span=node.span,
        interval=_optional(node.get("interval"), at),
        timeout=_optional(node.get("timeout"), at),
        retries=_optional(node.get("retries"), at),
        start_period=_optional(node.get("start_period"), at),
        disabled=disabled,
    )


def _parity(
    service: Branch, key: Span, labels: tuple[Variable, ...], source_of: Callable[[str], Source | None]
) -> Value[str] | None:
    """The cloud twin that `x-parity`, the label `parity.cloud` or a comment at the service's name tells."""
    node = service.get("x-parity")
    if isinstance(node, Branch):
        node = node.get("cloud")
    if isinstance(node, Leaf) and node.value is not None:
        return text_value(node, key)
    for label in labels:
        if label.key == "parity.cloud":
            return label.value
    source = source_of(key.path)
    if source is None:
        return None
    number = source.position(key.start).line
    for line in (number, number - 1):
        if line < 1:
            continue
        text = source.line(line)
        found = _COMMENT.search(text)
        if found is not None and (line == number or text.lstrip().startswith("#")):
            start = source.starts[line - 1] + found.start(2)
            return Known(found[2], source.span(start, start + len(found[2])))
    return None


def _role(made: Service, service: Branch, one_shot: set[str]) -> Role:
    """What the container is for: a job by what waits for it or by its command, else what its image is."""
    engine = images.engine_of(made.image.value, made.image.span) if isinstance(made.image, Known) else None
    role = image_role(engine, made.name) if made.build is None else Role.APP
    if made.name in one_shot:
        return Role.JOB
    restart = service.get("restart")
    never = not isinstance(restart, Leaf) or go_text(restart.value) in ("no", "false", "on-failure")
    commands = [each.value.words for each in (made.entrypoint, made.command) if isinstance(each, Known)]
    line = " ".join(word for command in commands for word in command)
    if role in (Role.APP, Role.TOOL) and never and not made.ports:
        job = _JOB_NAME.search(made.name) or (_JOB_WORDS.search(line) and not _serves(line))
        return Role.JOB if job else role
    return role


def _serves(line: str) -> bool:
    """Whether a command line goes on to run a server after its migration."""
    return re.search(r"&&|;|\b(?:start|serve|runserver|gunicorn|uvicorn|puma|server)\b", line) is not None


def _database_name(service: Service) -> Value[str] | None:
    for key in database_variables():
        found = service.variable(key)
        if found is not None:
            return found.value
    return None
