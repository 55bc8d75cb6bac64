"""ECS task definitions and services as Service nodes, one for each container."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from policyengine import image as images
from policyengine.graph import Edge, EdgeKind
from policyengine.lower.datastore import image_role
from policyengine.lower.terraform.datastores import connected, node_id
from policyengine.lower.terraform.resource import (
    Resource,
    flag,
    given,
    number,
    objects,
    references,
    sources,
    text,
)
from policyengine.lower.terraform.values import Composite, Encoded, List, Object, Reference, Tree, unknown_of
from policyengine.nodes import (
    Command,
    Dependency,
    Healthcheck,
    Mount,
    Origin,
    Port,
    Repository,
    Role,
    Secret,
    Service,
    Side,
    Variable,
)
from policyengine.value import Absent, Known, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.image import ImageRef
    from policyengine.nodes import Datastore
    from policyengine.source import Span

TYPES = frozenset({"aws_ecs_task_definition", "aws_ecs_service"})

MIGRATES = re.compile(
    r"\bmigrat|alembic\s+upgrade|db:(?:migrate|prepare|setup)|flyway|liquibase|knex\s+migrate|goose\s+up|dbmate",
    re.IGNORECASE,
)
_SIDECAR = re.compile(
    r"(?:^|[-_/])(?:log[-_]?router|fire-?lens|fluent-?bit|fluentd|datadog(?:-agent)?|dd-agent|x-?ray(?:-daemon)?|envoy|"
    r"aws-otel\S*|otel\S*|adot\S*|cloudwatch-agent|newrelic\S*|aws-appmesh\S*|ecs-exporter|cadvisor|vault-agent)(?:$|[-_])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What containers refer to: the nodes made so far, by Terraform address."""

    repositories: Mapping[str, Repository]
    secrets: Mapping[str, Secret]
    datastores: Mapping[str, Datastore]


def containers(
    resources: Sequence[Resource], seen: Seen
) -> tuple[list[Service], list[Edge]]:
    """The containers of every task definition, and the edges to what they pull, read and connect to."""
    services: list[Service] = []
    edges: list[Edge] = []
    runners = [each for each in resources if each.type == "aws_ecs_service" and not each.data]
    for task in resources:
        if task.type != "aws_ecs_task_definition" or task.data:
            continue
        own = [
            each
            for each in runners
            if any(reference.address == task.address for reference in references(each.get("task_definition")))
        ]
        for definition in _definitions(task):
            service = _container(task, definition, own[0] if own else None)
            services.append(service)
            edges.extend(_edges(service, definition, seen))
    return services, edges


def _definitions(task: Resource) -> Iterator[Object]:
    """The container definitions as objects, whether they were encoded, read from a template or referred to."""
    tree = task.get("container_definitions")
    while isinstance(tree, Encoded):
        tree = tree.tree
    if isinstance(tree, Object) and not {"name", "image"} & set(tree.entries):
        for key, inner in tree.entries.items():  # a map of containers by name, as the ecs module takes it
            if isinstance(inner, Object):
                named = {"name": Known(key, tree.keys.get(key, inner.span)), **inner.entries}
                yield Object(named, inner.span, inner.via, inner.keys, inner.gap)
        return
    items = tree.items if isinstance(tree, List) else ()
    for item in items:
        inner = item
        while isinstance(inner, Encoded):
            inner = inner.tree
        if isinstance(inner, Object):
            yield inner


def _get(definition: Object, name: str) -> Tree | None:
    """A property of a container definition; JSON names are matched without regard to case, as AWS accepts."""
    if name in definition.entries:
        return given(definition.entries[name])
    snake = re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)
    return given(definition.entries.get(snake))


def _container(task: Resource, definition: Object, runner: Resource | None) -> Service:
    name_tree = _get(definition, "name")
    name = text(name_tree, definition.span)
    label = _label(name, name_tree, task)
    image = _image(_get(definition, "image"), definition.span)
    command = _command(_get(definition, "command"), definition.span)
    entrypoint = _command(_get(definition, "entryPoint"), definition.span)
    gap = _gap(definition)
    place = name_tree.span if name_tree is not None else definition.span
    return Service(
        id=f"{node_id(task.address)}#{label}",
        name=label,
        side=Side.CLOUD,
        span=place,
        role=_role(label, image, command, entrypoint, task, runner),
        group=node_id(task.address),
        image=image,
        build=None,
        entrypoint=entrypoint,
        command=command,
        user=text(_get(definition, "user"), place),
        environment=tuple(_environment(definition)),
        environment_gap=gap,
        ports=tuple(_ports(definition)),
        mounts=tuple(_mounts(definition)),
        depends_on=tuple(_dependencies(definition)),
        healthcheck=_healthcheck(definition),
        architecture=_architecture(task),
        privileged=flag(_get(definition, "privileged"), place),
        read_only=flag(_get(definition, "readonlyRootFilesystem"), place),
        init=_init(definition),
        stop_grace_period=text(_get(definition, "stopTimeout"), place),
        cpus=text(_get(definition, "cpu"), place),
        memory=text(_get(definition, "memory"), place),
        essential=flag(_get(definition, "essential"), place),
        count=runner.number("desired_count") if runner is not None else None,
        launch=_launch(task, runner),
        parity=_tag(task),
    )


def _label(name: Value[str], tree: Tree | None, task: Resource) -> str:
    """The container's name; a name that is made of unknown parts keeps its known ones."""
    if isinstance(name, Known):
        return name.value
    if isinstance(tree, Composite):
        kept = "-".join(part.value.strip("-_") for part in tree.parts if isinstance(part, Known) and part.value.strip("-_"))
        if kept:
            return kept
    return task.name


def _tag(task: Resource) -> Value[str] | None:
    tags = task.get("tags")
    return text(tags.entries["parity:local"], tags.span) if isinstance(tags, Object) and "parity:local" in tags.entries else None


def _role(  # noqa: PLR0917  what a container is shows in all of these
    name: str,
    image: Value[ImageRef],
    command: Value[Command],
    entrypoint: Value[Command],
    task: Resource,
    runner: Resource | None,
) -> Role:
    basename = image.value.basename if isinstance(image, Known) else ""
    if _SIDECAR.search(name) or _SIDECAR.search(basename):
        return Role.SIDECAR
    if isinstance(image, Known):
        role = image_role(images.engine_of(image.value, image.span))
        if role is not Role.APP:
            return role
    lines = " ".join(str(each.value) for each in (entrypoint, command) if isinstance(each, Known))
    if MIGRATES.search(lines) and "&&" not in lines:
        return Role.JOB
    if runner is None and re.search(r"migrat|seed|init|setup", f"{name} {task.name}", re.IGNORECASE):
        return Role.JOB
    return Role.APP


def _image(tree: Tree | None, place: Span) -> Value[ImageRef]:
    """The image reference; parts that the files do not decide read `${what}`."""
    match tree:
        case None:
            return Absent(place)
        case Composite(parts, span, via):
            written = "".join(_part(part) for part in parts)
            return _parsed(written, span, via)
        case Reference(span=span, via=via):
            return _parsed(_part(tree), span, via)
        case _:
            pass
    value = text(tree, place)
    if isinstance(value, Known):
        return _parsed(value.value, value.span, value.via)
    return value if isinstance(value, Unknown | Absent) else Unknown("the image is not known", place)


_HOLE = re.compile(r"\$\{[^}]*\}")


def _part(part: Known[str] | Unknown | Reference) -> str:
    match part:
        case Known(value):
            return str(value)
        case Reference(address, attribute) if attribute.startswith("repository_url"):
            return "${registry}/" + placeholder(address)
        case Reference():
            return "${" + part.text + "}"
        case Unknown(via=via):
            return "${" + next((step.what for step in via), "unknown") + "}"


def placeholder(address: str) -> str:
    """An address as the path of an image, to be replaced by the repository's name when that is known."""
    return "ecr--" + re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-")


def _parsed(written: str, span: Span, via: tuple) -> Value[ImageRef]:  # type: ignore[type-arg]
    holes = _HOLE.findall(written)
    if not holes:
        ref = images.parse(written)
        return Known(ref, span, via) if ref else Unknown("the text is no image reference", span, via)
    filled = written
    registry = tag = digest = None
    head, _, last = filled.rpartition("/")
    if "@" in last:
        last, _, digest = last.partition("@")
    elif ":" in last and not last.startswith("${"):
        last, _, tag = last.partition(":")
    elif last.startswith("${") and "}:" in last:
        last, _, tag = last.partition("}:")
        last += "}"
    if "${" in last:
        return Unknown(f"the image repository is {last}", span, via)
    first = head.split("/", 1)[0] if head else ""
    registry, path = (first, head[len(first) + 1 :]) if ("${" in first or "." in first) else ("docker.io", head)
    if "${" in path:
        return Unknown(f"the image repository is {path}/{last}", span, via)
    repository = f"{path}/{last}" if path else last
    return Known(images.ImageRef(registry, repository, tag, digest, written), span, via)


def _command(tree: Tree | None, place: Span) -> Value[Command]:
    match tree:
        case None:
            return Absent(place)
        case List(items, span, via, gap=None):
            words = []
            for item in items:
                word = text(item, span)
                if not isinstance(word, Known):
                    return word if isinstance(word, Unknown) else Unknown("a word of the command is null", span, via)
                words.append(word.value)
            return Known(Command(tuple(words)), span, via) if words else Absent(span)
        case Known(str() as line, span, via):
            return Known(Command((line,), shell=True), span, via)
        case _:
            return unknown_of(tree)


def _gap(definition: Object) -> Unknown | None:
    """Why the container may have more variables than are listed."""
    for name in ("environment", "secrets", "environmentFiles"):
        tree = _get(definition, name)
        match tree:
            case None | List(gap=None):
                if name == "environmentFiles" and isinstance(tree, List) and tree.items:
                    return Unknown("the files named by environmentFiles are not in the tree", tree.span)
                for item in tree.items if isinstance(tree, List) else ():
                    key = item.entries.get("name") if isinstance(item, Object) else None
                    if not isinstance(key, Known):
                        return unknown_of(key if key is not None else item)
            case _:
                return unknown_of(tree)
    return definition.gap


def _environment(definition: Object) -> Iterator[Variable]:
    for item in objects(_list(definition, "environment")):
        key, value = item.entries.get("name"), given(item.entries.get("value"))
        if isinstance(key, Known):
            yield Variable(str(key.value), key.span, text(value, item.span), Origin.ENVIRONMENT, sources(value))
    for item in objects(_list(definition, "secrets")):
        key, origin = item.entries.get("name"), _get(item, "valueFrom")
        if isinstance(key, Known):
            kept = Unknown("the value is kept in a secrets manager", origin.span if origin is not None else item.span)
            yield Variable(
                str(key.value), key.span, kept, Origin.SECRET, sources(origin), _secret_reference(origin, item.span)
            )


def _list(definition: Object, name: str) -> List | None:
    tree = _get(definition, name)
    return tree if isinstance(tree, List) else None


def _secret_reference(tree: Tree | None, place: Span) -> Value[str]:
    """Where a secret is read from, with `${address.attribute}` for what is known after apply."""
    match tree:
        case Composite(parts, span, via):
            return Known("".join(_part(part) for part in parts), span, via)
        case Reference(span=span, via=via):
            return Known("${" + tree.text + "}", span, via)
        case _:
            return text(tree, place)


def _ports(definition: Object) -> Iterator[Port]:
    for item in objects(_list(definition, "portMappings")):
        target, published = _get(item, "containerPort"), _get(item, "hostPort")
        protocol = text(_get(item, "protocol"), item.span)
        yield Port(
            target=number(target, item.span),
            published=number(published, item.span),
            span=target.span if target is not None else item.span,
            protocol=protocol.value if isinstance(protocol, Known) else "tcp",
        )


def _mounts(definition: Object) -> Iterator[Mount]:
    for item in objects(_list(definition, "mountPoints")):
        read_only = flag(_get(item, "readOnly"), item.span)
        yield Mount(
            kind="volume",
            source=text(_get(item, "sourceVolume"), item.span),
            target=text(_get(item, "containerPath"), item.span),
            span=item.span,
            read_only=isinstance(read_only, Known) and read_only.value,
        )


def _dependencies(definition: Object) -> Iterator[Dependency]:
    for item in objects(_list(definition, "dependsOn")):
        name, condition = text(_get(item, "containerName"), item.span), text(_get(item, "condition"), item.span)
        if isinstance(name, Known):
            yield Dependency(name.value, item.span, condition.value if isinstance(condition, Known) else "START")


def _healthcheck(definition: Object) -> Healthcheck | None:
    tree = _get(definition, "healthCheck")
    if not isinstance(tree, Object):
        return None
    return Healthcheck(
        test=_command(_get(tree, "command"), tree.span),
        span=tree.span,
        interval=text(_get(tree, "interval"), tree.span),
        timeout=text(_get(tree, "timeout"), tree.span),
        retries=text(_get(tree, "retries"), tree.span),
        start_period=text(_get(tree, "startPeriod"), tree.span),
    )


def _init(definition: Object) -> Value[bool]:
    tree = _get(definition, "linuxParameters")
    inner = _get(tree, "initProcessEnabled") if isinstance(tree, Object) else None
    return flag(inner, definition.span)


def _architecture(task: Resource) -> Value[str]:
    for block in task.blocks("runtime_platform"):
        return text(given(block.entries.get("cpu_architecture")), task.span)
    tree = task.get("runtime_platform")
    return Absent(task.span) if tree is None or isinstance(tree, List) else unknown_of(tree)


def _launch(task: Resource, runner: Resource | None) -> str:
    if runner is not None:
        launch = runner.text("launch_type")
        if isinstance(launch, Known):
            return launch.value.upper()
        for block in runner.blocks("capacity_provider_strategy"):
            provider = text(block.entries.get("capacity_provider"), block.span)
            if isinstance(provider, Known):
                return "FARGATE" if provider.value.upper().startswith("FARGATE") else "EC2"
    needs = task.get("requires_compatibilities")
    words = [text(item, task.span) for item in needs.items] if isinstance(needs, List) else []
    names = [word.value.upper() for word in words if isinstance(word, Known)]
    return "FARGATE" if "FARGATE" in names else "EC2" if "EC2" in names else ""


def _edges(service: Service, definition: Object, seen: Seen) -> Iterator[Edge]:
    for reference in references(_get(definition, "image")):
        repository = seen.repositories.get(reference.address)
        if repository is not None:
            yield Edge(EdgeKind.PULLS, service.id, repository.id, f"pulls {repository.name}")
    for variable in service.environment:
        for address in variable.references:
            for secret_address, secret in seen.secrets.items():
                if address == secret_address or address.startswith(secret_address + "."):
                    yield Edge(EdgeKind.READS, service.id, secret.id, variable.key)
    named = [(_key(item), given(item.entries.get("value"))) for item in objects(_list(definition, "environment"))]
    for key, store in connected(named, seen.datastores):
        yield Edge(EdgeKind.CONNECTS, service.id, store, key)


def _key(item: Object) -> str:
    key = item.entries.get("name")
    return str(key.value) if isinstance(key, Known) else ""


def migrates(service: Service) -> bool:
    """Whether a container runs schema migrations when it starts."""
    lines = " ".join(str(each.value) for each in (service.entrypoint, service.command) if isinstance(each, Known))
    return MIGRATES.search(lines) is not None
