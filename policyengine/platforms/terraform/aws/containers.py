"""ECS task definitions and services as Service nodes, one for each container."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.commands import about
from policyengine.knowledge.components import role_by_name
from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.image import engine_of
from policyengine.model.nodes import Dependency, Healthcheck, MigrationRunner, Mount, Port, Role, Service
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, known
from policyengine.platforms.docker.datastore import image_role
from policyengine.platforms.terraform.aws.connections import edges
from policyengine.platforms.terraform.aws.definitions import definitions
from policyengine.platforms.terraform.aws.fields import Fields
from policyengine.platforms.terraform.aws.migrations import migration_tool, starts_task
from policyengine.platforms.terraform.aws.principals import roles
from policyengine.platforms.terraform.aws.variables import environment as environment_of
from policyengine.platforms.terraform.language.values import decided, plain
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.image import ImageRef
    from policyengine.model.nodes import Command, Node
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.sections import Nested, Section
    from policyengine.platforms.terraform.resources.instances import Resource
    from policyengine.platforms.terraform.resources.stack import Stack


class Deployment(Struct, frozen=True):
    """How a task definition is run: by services, or by nothing that the files show."""

    count: Value[int] | None
    launch: str
    serves: bool


def task_definition(stack: Stack, resource: Resource) -> Iterator[Node | Edge]:
    """An aws_ecs_task_definition."""
    services = [
        each
        for each in stack.kind("aws_ecs_service")
        if resource in stack.named(each.get("task_definition"), resource.kind)
    ]
    counts = [facts.integer(each.get("desired_count"), each.span) for each in services]
    count = next((each for each in counts if not isinstance(each, Absent)), counts[0] if counts else None)
    launch = _launch([*services, resource])
    any_service = any(True for _ in stack.kind("aws_ecs_service"))
    deployment = Deployment(count, launch, bool(services) or not any_service)
    architecture: Value[str] = Absent(resource.span)
    for block in resource.blocks("runtime_platform").sections:
        architecture = facts.text(block.get("cpu_architecture"), block.span)
    yield from containers(stack, resource, definitions(stack, resource), deployment, architecture)


def _launch(candidates: list[Resource]) -> str:
    for each in candidates:
        launch = facts.text(each.get("launch_type"), each.span)
        if isinstance(launch, Known):
            return launch.value
        for strategy in each.blocks("capacity_provider_strategy").sections:
            provider = facts.text(strategy.get("capacity_provider"), strategy.span)
            if isinstance(provider, Known) and provider.value.startswith("FARGATE"):
                return "FARGATE"
        required = each.get("requires_compatibilities")
        if required is not None and decided(required):
            values = plain(required)
            if isinstance(values, list) and len(values) == 1:
                return str(values[0])
    return ""


def containers(
    stack: Stack, resource: Resource, definitions: Nested, deployment: Deployment, architecture: Value[str]
) -> Iterator[Node | Edge]:
    """The containers of one task, with their edges."""
    if not definitions.sections:
        if definitions.gap is not None:
            yield _unreadable(stack, resource, definitions.gap, deployment, architecture)
        return
    taken: set[str] = set()
    alone = len(definitions.sections) == 1 and definitions.gap is None
    for number, section in enumerate(definitions.sections):
        yield from _container(
            stack,
            resource,
            section,
            number=number,
            deployment=deployment,
            architecture=architecture,
            taken=taken,
            alone=alone,
        )


def _unreadable(
    stack: Stack, resource: Resource, gap: Unknown, deployment: Deployment, architecture: Value[str]
) -> Service:
    """A task whose containers are not known stands as one service of which nothing is known."""
    undecided = Unknown(f"the containers are not known: {gap.reason}", gap.span, gap.via)
    return Service(
        id=stack.id(resource.address),
        name=resource.name,
        side=stack.side,
        span=resource.span,
        role=Role.APP if deployment.serves else Role.JOB,
        group=stack.id(resource.address),
        image=undecided,
        build=None,
        entrypoint=undecided,
        command=undecided,
        user=undecided,
        environment=(),
        environment_gap=undecided,
        architecture=architecture,
        count=deployment.count,
        launch=deployment.launch,
        noun="ECS container",
        inherits_healthcheck=False,
    )


def _container(
    stack: Stack,
    resource: Resource,
    section: Section,
    *,
    number: int,
    deployment: Deployment,
    architecture: Value[str],
    taken: set[str],
    alone: bool,
) -> Iterator[Node | Edge]:
    fields = Fields(section)
    written = facts.text(fields.get("name"), section.span)
    label = written.value if isinstance(written, Known) else facts.spoken(fields.get("name"))
    label = label or (resource.name if alone else f"{resource.name}-{number}")
    part = label if label not in taken else f"{label}-{number}"
    taken.add(part)
    span = written.span if isinstance(written, Known) and written.span.path else section.span
    node_id = stack.id(resource.address, part)
    image_tree = fields.get("image")
    image = facts.image(image_tree, span, lambda address: _repository(stack, address))
    command = facts.command(fields.get("command"), span)
    entrypoint = facts.command(fields.get("entryPoint"), span)
    environment, gap = environment_of(stack, fields, span)
    cpus, memory = fields.get("cpu"), fields.get("memory")
    if alone and resource.mode == "resource":
        cpus, memory = cpus or resource.get("cpu"), memory or resource.get("memory")
    linux = fields.section_of("linuxParameters")
    service = Service(
        id=node_id,
        name=label,
        side=stack.side,
        span=span,
        role=_role(label, resource, fields, image=image, command=command, deployment=deployment),
        group=stack.id(resource.address),
        image=image,
        build=None,
        entrypoint=entrypoint,
        command=command,
        user=facts.text(fields.get("user"), span),
        environment=environment,
        environment_gap=gap,
        ports=tuple(_ports(fields)),
        mounts=tuple(_mounts(fields)),
        depends_on=tuple(_dependencies(fields)),
        healthcheck=_healthcheck(fields, span),
        architecture=architecture,
        privileged=facts.boolean(fields.get("privileged"), span),
        read_only=facts.boolean(fields.get("readonlyRootFilesystem"), span),
        init=facts.boolean(linux.get("initProcessEnabled") if linux is not None else None, span),
        stop_grace_period=facts.text(fields.get("stopTimeout"), span),
        cpus=facts.text(cpus, span),
        memory=facts.text(memory or fields.get("memoryReservation"), span),
        essential=facts.boolean(fields.get("essential"), span),
        count=deployment.count,
        launch=deployment.launch,
        noun="ECS container",
        inherits_healthcheck=False,
    )
    yield service
    yield from edges(stack, service, image_tree)
    for name, role in roles(stack, resource):
        yield Edge(EdgeKind.ACTS_AS, service.id, stack.id(role.address), name)
    if service.role is Role.JOB and (tool := _migration_tool(service)):
        yield _runner(stack, resource, service, tool, starts=deployment.serves)


def _repository(stack: Stack, address: str) -> str | None:
    """The name of the ECR repository at an address."""
    resource = stack.at(address)
    if resource is None or "ecr" not in resource.kind:
        return None
    names = ("name", "repository_name") if resource.mode != "module" else ("repository_name", "name")
    for name in names:
        tree = resource.get(name)
        if tree is not None:
            value = facts.text(tree, resource.span)
            if isinstance(value, Known):
                return value.value
            spoken = facts.spoken(tree)
            return spoken or resource.name
    return resource.name


def _role(
    name: str,
    resource: Resource,
    fields: Fields,
    *,
    image: Value[ImageRef],
    command: Value[Command],
    deployment: Deployment,
) -> Role:
    if role_by_name(name) == "sidecar" or fields.get("firelensConfiguration") is not None:
        return Role.SIDECAR
    role = Role.APP
    if isinstance(image, Known | Floating):
        role = image_role(engine_of(image.value, image.span))
    if role is not Role.APP:
        return role
    essential = facts.boolean(fields.get("essential"), fields.span)
    stays = deployment.serves and not (isinstance(essential, Known) and not essential.value)
    named = about(resource.name, "migrate", "seed") or about(name, "migrate", "seed")
    if named or (migration_tool(command) and not stays):
        return Role.JOB
    if not deployment.serves or (isinstance(essential, Known) and not essential.value and _finishes(name)):
        return Role.JOB
    return Role.APP


def _finishes(name: str) -> bool:
    return re.search(r"(?:^|[-_])(?:init|setup|seed|bootstrap|job|task)(?:$|[-_])", name.lower()) is not None


# the rest of a container


def _ports(fields: Fields) -> Iterator[Port]:
    for section in fields.nested("portMappings").sections:
        mapping = Fields(section)
        target = facts.integer(mapping.get("containerPort"), section.span)
        protocol = facts.text(mapping.get("protocol"), section.span)
        yield Port(target, Absent(section.span), section.span, known(protocol, "tcp"))


def _mounts(fields: Fields) -> Iterator[Mount]:
    for section in fields.nested("mountPoints").sections:
        mount = Fields(section)
        read_only = facts.boolean(mount.get("readOnly"), section.span)
        yield Mount(
            "volume",
            facts.text(mount.get("sourceVolume"), section.span),
            facts.text(mount.get("containerPath"), section.span),
            section.span,
            read_only=known(read_only, default=False),
        )


def _dependencies(fields: Fields) -> Iterator[Dependency]:
    for section in fields.nested("dependsOn").sections:
        dependency = Fields(section)
        name = facts.text(dependency.get("containerName"), section.span)
        condition = facts.text(dependency.get("condition"), section.span)
        if isinstance(name, Known):
            yield Dependency(name.value, name.span, known(condition, "START"))


def _healthcheck(fields: Fields, lacking: Span) -> Healthcheck | None:
    check = fields.section_of("healthCheck")
    if check is None:
        return None
    test = facts.command(check.get("command"), check.span)
    disabled = isinstance(test, Known) and test.value.words[:1] == ("NONE",)

    def optional(name: str) -> Value[str] | None:
        tree = check.get(name)
        return None if tree is None else facts.text(tree, lacking)

    return Healthcheck(
        test,
        check.span,
        optional("interval"),
        optional("timeout"),
        optional("retries"),
        optional("startPeriod"),
        disabled,
    )


# migrations


def _migration_tool(service: Service) -> str:
    found = migration_tool(service.entrypoint, service.command)
    named = about(service.name, "migrate", "seed") or about(service.group, "migrate", "seed")
    return found or ("container" if named else "")


def _runner(stack: Stack, resource: Resource, service: Service, tool: str, *, starts: bool) -> MigrationRunner:
    """The runner that a migration container is; one beside a served container starts with every deployment."""
    return MigrationRunner(
        id=f"{service.id}/migrations",
        name=service.name,
        side=stack.side,
        span=service.span,
        tool=tool,
        hashed=Known(value=True, span=service.span) if starts else starts_task(stack, resource) or Absent(service.span),
    )
