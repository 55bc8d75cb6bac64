"""ECS task definitions and services as Service nodes, one for each container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge.commands import about
from policyengine.knowledge.components import role_by_name
from policyengine.knowledge.names import does_one_thing
from policyengine.knowledge.names import label as told
from policyengine.knowledge.platforms import platform_of_machine
from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.image import engine_of
from policyengine.model.nodes import (
    Command,
    Dependency,
    Healthcheck,
    MigrationRunner,
    Mount,
    Port,
    Role,
    Service,
    Variable,
)
from policyengine.model.nodes.container import ECS
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, known, map_value
from policyengine.platforms.docker.datastore import image_role
from policyengine.platforms.terraform.language.sections import ObjectSection
from policyengine.platforms.terraform.language.values import decided, plain
from policyengine.platforms.terraform.providers.connections import edges, repository_name
from policyengine.platforms.terraform.providers.definitions import definitions
from policyengine.platforms.terraform.providers.fields import Fields
from policyengine.platforms.terraform.providers.migrations import migration_tool, starts_task
from policyengine.platforms.terraform.providers.principals import roles
from policyengine.platforms.terraform.providers.variables import environment as environment_of
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.image import ImageRef
    from policyengine.model.nodes import Node
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.sections import Nested, Section
    from policyengine.platforms.terraform.resources.stack import ResourceView


_MACHINES = ("aws_instance", "aws_launch_template", "aws_launch_configuration")


class Deployment(Struct, frozen=True):
    """How a task definition is run: by services, or by nothing that the files show.

    `left_alone` says why another image may run than the files name.
    """

    count: Value[int] | None
    launch: str
    serves: bool
    left_alone: Unknown | None = None


def task_definition(view: ResourceView) -> Iterator[Node | Edge]:
    """An aws_ecs_task_definition."""
    services = view.named_by("aws_ecs_service", "task_definition")
    unused = not services and bool(view.stack.kind("aws_ecs_service"))
    counts = [each.integer("desired_count") for each in services]
    count = next((each for each in counts if not isinstance(each, Absent)), counts[0] if counts else None)
    deployment = Deployment(count, _launch([*services, view]), not unused)
    held = view.left_alone("container_definitions") or next(
        (found for each in services if (found := each.left_alone("task_definition")) is not None), None
    )
    deployment = replace(deployment, left_alone=held)
    architecture: Value[str] = Absent(view.span)
    for block in view.blocks("runtime_platform"):
        architecture = block.text("cpu_architecture")
    if isinstance(architecture, Absent) and deployment.launch == "EC2":
        architecture = _of_instances(view)
    yield from containers(view, definitions(view), deployment, architecture)


def _of_instances(view: ResourceView) -> Value[str]:
    """The platform of the instances that the files know, where each names its type and all have one; else Absent."""
    types = [each.text("instance_type") for kind in _MACHINES for each in view.stack.kind(kind)]
    found = [platform_of_machine(each.value) if isinstance(each, Known) else None for each in types]
    if found and found[0] is not None and len(set(found)) == 1:
        return map_value(types[0], lambda _: str(found[0]))
    return Absent(view.span)


def _launch(candidates: list[ResourceView]) -> str:
    for each in candidates:
        launch = each.text("launch_type")
        if isinstance(launch, Known):
            return launch.value
        for strategy in each.blocks("capacity_provider_strategy"):
            if known(strategy.text("capacity_provider"), "").startswith("FARGATE"):
                return "FARGATE"
        required = each.tree("requires_compatibilities")
        if required is not None and decided(required):
            values = plain(required)
            if isinstance(values, list) and len(values) == 1:
                return str(values[0])
    return ""


def containers(
    view: ResourceView,
    definitions: Nested,
    deployment: Deployment,
    architecture: Value[str],
    *,
    whole: bool = False,
) -> Iterator[Node | Edge]:
    """The containers of one task, with their edges. `whole`: the only one is the resource itself."""
    if not definitions.sections:
        if definitions.gap is not None:
            yield _unreadable(view, definitions.gap, deployment, architecture)
        return
    taken: set[str] = set()
    alone = len(definitions.sections) == 1 and definitions.gap is None
    for number, section in enumerate(definitions.sections):
        yield from _container(
            view,
            Fields(section),
            number=number,
            deployment=deployment,
            architecture=architecture,
            taken=taken,
            alone=alone,
            whole=whole,
        )


def _unreadable(view: ResourceView, gap: Unknown, deployment: Deployment, architecture: Value[str]) -> Service:
    """A task whose containers are not known stands as one service of which nothing is known."""
    undecided = Unknown(f"the containers are not known: {gap.reason}", gap.span, gap.via)
    return replace(
        unread(view, view.id, ECS, undecided),
        role=Role.APP if deployment.serves else Role.JOB,
        architecture=architecture,
        count=deployment.count,
        launch=deployment.launch,
        inherits_healthcheck=False,
    )


def _container(
    view: ResourceView,
    fields: Fields,
    *,
    number: int,
    deployment: Deployment,
    architecture: Value[str],
    taken: set[str],
    alone: bool,
    whole: bool,
) -> Iterator[Node | Edge]:
    name = view.resource.name
    written = fields.text("name")
    label = written.value if isinstance(written, Known) else facts.spoken(fields.tree("name"))
    label = label or (name if alone else f"{name}-{number}")
    part = label if label not in taken else f"{label}-{number}"
    taken.add(part)
    span = _place(written, fields.section)
    fields = Fields(fields.section, span)
    image = facts.image(fields.tree("image"), span, lambda address: repository_name(view.stack, address))
    tag = facts.tag(fields.tree("image")) if isinstance(image, Unknown) else None
    if isinstance(image, Known | Floating) and deployment.left_alone is not None:
        declared = image.value.effective_tag
        tag = Known(declared, image.span, image.via) if declared is not None else None
        moved = replace(image.value, tag=deployment.left_alone, digest=None)
        image = Floating(moved, image.span, image.via)
    command = fields.command("command")
    environment, gap = environment_of(view.stack, fields, span)
    cpus, memory = fields.tree("cpu"), fields.tree("memory")
    if alone and view.resource.mode == "resource":
        cpus, memory = cpus or view.tree("cpu"), memory or view.tree("memory")
    linux = fields.first("linuxParameters")
    service = Service(
        id=view.id if whole else view.part(part),
        name=label,
        side=view.side,
        span=span,
        role=_role(label, told(view.name), fields, image=image, command=command, deployment=deployment, alone=alone),
        group=view.id,
        image=image,
        tag=tag,
        build=None,
        entrypoint=fields.command("entryPoint"),
        command=command,
        user=fields.text("user"),
        environment=environment,
        environment_gap=gap,
        ports=tuple(_ports(fields)),
        mounts=tuple(_mounts(fields)),
        depends_on=tuple(_dependencies(fields)),
        healthcheck=_healthcheck(fields),
        architecture=architecture,
        privileged=fields.boolean("privileged"),
        read_only=fields.boolean("readonlyRootFilesystem"),
        init=fields.gap("linuxParameters")
        or facts.boolean(linux.tree("initProcessEnabled") if linux is not None else None, span),
        stop_grace_period=fields.text("stopTimeout"),
        cpus=facts.text(cpus, span),
        kernel=tuple(_kernel(fields, linux)),
        kernel_gap=next((gap for each in _KERNEL if (gap := fields.gap(each)) is not None), None),
        memory=facts.text(memory or fields.tree("memoryReservation"), span),
        essential=fields.boolean("essential"),
        count=deployment.count,
        launch=deployment.launch,
        noun=ECS,
        inherits_healthcheck=False,
    )
    yield service
    yield from edges(view.stack, service, fields.tree("image"))
    for purpose, role in roles(view):
        yield Edge(EdgeKind.ACTS_AS, service.id, role.id, purpose)
    if service.role is Role.JOB and (tool := _migration_tool(service)):
        yield _runner(view, service, tool, starts=deployment.serves)


def _place(name: Value[str], section: Section) -> Span:
    """Where a container stands: at its name, or the key of that in a template file which takes it from elsewhere."""
    path = section.span.path
    if not isinstance(name, Known) or not name.span.path:
        return section.span
    if name.span.path == path or path.endswith((".tf", ".tf.json")) or not isinstance(section, ObjectSection):
        return name.span
    return section.tree.keys.get("name", section.span)


def _role(
    name: str,
    task: str,
    fields: Fields,
    *,
    image: Value[ImageRef],
    command: Value[Command],
    deployment: Deployment,
    alone: bool,
) -> Role:
    if (role_by_name(name) == "sidecar" and not alone) or not isinstance(
        fields.tree("firelensConfiguration"), Unknown | None
    ):
        return Role.SIDECAR
    role = Role.APP
    if isinstance(image, Known | Floating):
        role = image_role(engine_of(image.value, image.span))
    if role is not Role.APP:
        return role
    essential = fields.boolean("essential")
    stays = deployment.serves and not (isinstance(essential, Known) and not essential.value)
    named = about(task, "migrate", "seed") or about(name, "migrate", "seed")
    if named or (migration_tool(command) and not stays):
        return Role.JOB
    if not deployment.serves or (
        isinstance(essential, Known) and not essential.value and does_one_thing(name, beside=True)
    ):
        return Role.JOB
    return Role.APP


# the rest of a container


def _ports(fields: Fields) -> Iterator[Port]:
    for mapping in fields.blocks("portMappings"):
        target = mapping.integer("containerPort")
        yield Port(target, Absent(mapping.span), mapping.span, known(mapping.text("protocol"), "tcp"))


def _mounts(fields: Fields) -> Iterator[Mount]:
    for mount in fields.blocks("mountPoints"):
        yield Mount(
            "volume",
            mount.text("sourceVolume"),
            mount.text("containerPath"),
            mount.span,
            read_only=known(mount.boolean("readOnly"), default=False),
        )


def _dependencies(fields: Fields) -> Iterator[Dependency]:
    for dependency in fields.blocks("dependsOn"):
        name = dependency.text("containerName")
        if isinstance(name, Known):
            yield Dependency(name.value, name.span, known(dependency.text("condition"), "START"))


def _healthcheck(fields: Fields) -> Healthcheck | None:
    check, gap = fields.first("healthCheck"), fields.gap("healthCheck")
    if check is None:
        return None if gap is None else Healthcheck(gap, gap.span)
    test = check.command("command")
    first = test.value.words[:1] if isinstance(test, Known) else ()
    if isinstance(test, Known):
        test = Known(Command(test.value.words[1:], shell=first == ("CMD-SHELL",)), test.span, test.via)

    def optional(name: str) -> Value[str] | None:
        return None if check.tree(name) is None else check.text(name)

    return Healthcheck(
        test,
        check.span,
        optional("interval"),
        optional("timeout"),
        optional("retries"),
        optional("startPeriod"),
        disabled=first == ("NONE",),
    )


_KERNEL = ("linuxParameters", "ulimits", "systemControls")


def _kernel(fields: Fields, linux: Fields | None) -> Iterator[Variable]:
    """What a container asks of the kernel, in the words of the node."""
    shared = None if linux is None else linux.tree("sharedMemorySize")
    if shared is not None:
        yield Variable("shm_size", shared.span, facts.text(shared, shared.span))
    for each in () if linux is None else linux.blocks("capabilities"):
        for word in ("add", "drop"):
            named = each.command(word)
            for name in named.value.words if isinstance(named, Known) else ():
                key = f"cap_{word}.{name.upper().removeprefix('CAP_')}"
                yield Variable(key, named.span, Known("true", named.span, named.via))
    for each in fields.blocks("ulimits"):
        limits = [each.text("softLimit"), each.text("hardLimit")]
        gap = next((limit for limit in limits if isinstance(limit, Unknown)), None)
        shown = Known(":".join(known(limit, "") for limit in limits), each.span)
        yield Variable(f"ulimits.{known(each.text('name'), '')}", each.span, gap or shown)
    for each in fields.blocks("systemControls"):
        yield Variable(f"sysctls.{known(each.text('namespace'), '')}", each.span, each.text("value"))


# migrations


def _migration_tool(service: Service) -> str:
    found = migration_tool(service.entrypoint, service.command)
    named = about(service.name, "migrate", "seed") or about(service.group, "migrate", "seed")
    return found or ("container" if named else "")


def _runner(view: ResourceView, service: Service, tool: str, *, starts: bool) -> MigrationRunner:
    """The runner that a migration container is; one beside a served container starts with every deployment."""
    return MigrationRunner(
        id=f"{service.id}/migrations",
        name=service.name,
        side=view.side,
        span=service.span,
        tool=tool,
        hashed=Known(value=True, span=service.span) if starts else starts_task(view) or Absent(service.span),
    )


def unread(view: ResourceView, node: str, noun: str, reason: Unknown) -> Service:
    """The service `node` that a resource runs, of which nothing else is known."""
    return Service(
        id=node,
        name=view.resource.name,
        side=view.side,
        span=view.span,
        role=Role.APP,
        group=view.id,
        image=reason,
        build=None,
        entrypoint=reason,
        command=reason,
        user=reason,
        environment=(),
        environment_gap=reason,
        noun=noun,
    )
