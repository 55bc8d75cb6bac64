"""A Compose project's services as nodes of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge.commands import about
from policyengine.knowledge.names import does_one_thing
from policyengine.knowledge.variables import database_variables
from policyengine.model import image as images
from policyengine.model.nodes import (
    Build,
    Datastore,
    Mount,
    Origin,
    Role,
    Service,
    Side,
    Variable,
)
from policyengine.model.nodes.container import COMPOSE
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.compose.attributes import (
    attachments,
    command_value,
    command_words,
    count,
    dependencies,
    down,
    env_file,
    env_file_span,
    exposed,
    extra_hosts,
    first_of,
    flag,
    gap,
    healthcheck,
    hostnames,
    image_value,
    kernel,
    names,
    optional,
    platforms_of,
    ports,
    text_value,
    variable,
)
from policyengine.platforms.compose.environment import pairs, resolve_path
from policyengine.platforms.compose.located import Branch, Items, Leaf, Node, go_text
from policyengine.platforms.compose.rebasing import is_remote
from policyengine.platforms.docker.datastore import datastore, image_role
from policyengine.syntax import shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policyengine.model.image import ImageRef
    from policyengine.model.source import Source, Span
    from policyengine.platforms.compose.load import ComposeProject

_COMMENT = regex(r"#\s*parity:\s*(?:local=([\w.-]+)\s+)?(?:cloud=)([^\s#]+)")


class Place(Struct, frozen=True):
    """Where a project runs: the side, what its ids begin with, and what people call a service of it."""

    side: Side = Side.LOCAL
    prefix: str = "compose:services."
    noun: str = COMPOSE


_HERE = Place()


def lower(
    project: ComposeProject, source_of: Callable[[str], Source | None], place: Place = _HERE
) -> Iterator[Service | Datastore]:
    """A Service for every service of the project, disabled ones with their profiles, and the datastores they run."""
    section = project.model.get("services")
    services = section if isinstance(section, Branch) else Branch({}, project.model.span)
    one_shot = _one_shot(services)
    branches = (entry.node for entry in services.entries.values())
    links = [found for each in branches if isinstance(each, Branch) and (found := each.get("links")) is not None]
    for name, entry in services.entries.items():
        if not isinstance(entry.node, Branch):
            continue
        service = _service(project, name, entry.key, entry.node, source_of, one_shot, links, place)
        service = replace(service, doubt=project.doubts.get(name))
        yield service
        store = datastore(service, service.image, _database_name(service)) if service.build is None else None
        if store is not None:
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
    links: Sequence[Node],
    place: Place,
) -> Service:
    """The node of one service."""
    node_id = f"{place.prefix}{name}"
    image = image_value(service.get("image"), key)
    build = _build(project, f"{node_id}/build", name, service.get("build"), image, place.side)
    environment = project.environments[name]
    labels = tuple(
        replace(variable(each), value=Known("", each.key_span)) if each.text is None else variable(each)
        for each in project.labels[name].values()
    )
    networks = attachments(service.get("networks"), project.model.get("networks"))
    limits = down(service, "deploy", "resources", "limits")
    made = Service(
        id=node_id,
        name=name,
        side=place.side,
        span=key,
        role=Role.APP,
        group=f"compose:{project.directory or '.'}",
        image=image,
        build=build,
        entrypoint=command_value(service.get("entrypoint"), key),
        command=command_value(service.get("command"), key),
        user=text_value(service.get("user"), key),
        environment=tuple(variable(each) for each in environment.variables.values() if each.key),
        environment_gap=gap(environment),
        env_files=tuple(env_file(each) for each in environment.files if each.entry.unknown is None),
        env_file_span=env_file_span(service.get("env_file")),
        secret_files=tuple(each for each in _secret_files(project, service) if source_of(each.value) is None),
        ports=(*ports(service.get("ports")), *exposed(service.get("expose"))),
        mounts=tuple(_mounts(project, service)),
        networks=networks,
        network_mode=optional(service.get("network_mode"), key),
        hostnames=hostnames(service, name, links),
        extra_hosts=extra_hosts(service.get("extra_hosts")),
        depends_on=dependencies(service.get("depends_on")),
        healthcheck=healthcheck(service.get("healthcheck"), key),
        platform=optional(service.get("platform"), key),
        privileged=flag(service.get("privileged")),
        read_only=flag(service.get("read_only")),
        init=flag(service.get("init")),
        stop_grace_period=optional(service.get("stop_grace_period"), key),
        cpus=optional(first_of(down(limits, "cpus"), service.get("cpus")), key),
        memory=optional(first_of(down(limits, "memory"), service.get("mem_limit")), key),
        kernel=tuple(kernel(service)),
        count=count(first_of(service.get("scale"), down(service, "deploy", "replicas"))),
        profiles=names(service.get("profiles")),
        labels=labels,
        parity=_parity(service, key, labels, source_of),
        noun=place.noun,
        words=command_words(service.get("command")),
    )
    return replace(made, role=_role(made, service, one_shot))


def _build(
    project: ComposeProject, node_id: str, name: str, node: Node | None, image: Value[ImageRef], side: Side
) -> Build | None:
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
    tags: Value[tuple[ImageRef | Unknown, ...]] = Absent(node.span)
    given = node.get("tags")
    references: list[ImageRef | Unknown] = [image.value] if isinstance(image, Known) else []
    for each in given.items if isinstance(given, Items) else ():
        tag = image_value(each, node.span)
        if isinstance(tag, Known | Unknown):
            references.append(tag.value if isinstance(tag, Known) else tag)
    if any(not isinstance(each, Unknown) for each in references):
        tags = Known(tuple(references), image.span if isinstance(image, Known) else node.span)
    platforms, spans = platforms_of(node)
    arguments = node.get("args")
    return Build(
        id=node_id,
        name=name,
        side=side,
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


def _secret_files(project: ComposeProject, service: Branch) -> Iterator[Known[str]]:
    """The files of the secrets that a service is given, each at its declaration."""
    held, given = project.model.get("secrets"), service.get("secrets")
    for item in given.items if isinstance(given, Items) else ():
        name = down(item, "source")
        file = down(held, str(name.value), "file") if isinstance(name, Leaf) else None
        path = _context(project, file, item.span)
        if isinstance(path, Known):
            yield path


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
    named = about(made.name, "migrate", "seed") or does_one_thing(made.name)
    if role is Role.DATABASE and named and never and not isinstance(made.entrypoint, Absent):
        return Role.JOB  # `psql` with its image
    if role in (Role.APP, Role.TOOL) and never and not made.ports:
        return Role.JOB if named or _only_prepares(made) else role
    return role


def _only_prepares(made: Service) -> bool:
    """Whether the last thing that a container starts prepares a store, and no server comes after it."""
    values = [each for each in (made.entrypoint, made.command) if isinstance(each, Known)]
    found = [each for value in values for each in shell.shell_commands(value.value, value.span)]
    doing = [command for command in found if command.program not in ("echo", "exit", "true")]
    return bool(doing) and doing[-1].does("migrate", "prepare", "push-schema", "seed")


def _database_name(service: Service) -> Value[str] | None:
    for key in database_variables():
        found = service.variable(key)
        if found is not None:
            return found.value
    return None
