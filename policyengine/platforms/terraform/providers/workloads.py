"""Functions and containers of every other service that runs some: App Runner, Kubernetes, Cloud Run, unread modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.model.nodes import Role, Service
from policyengine.model.nodes.container import INIT_CONTAINER
from policyengine.model.value import Known, Unknown, known
from policyengine.platforms.terraform.language.sections import Nested, ObjectSection
from policyengine.platforms.terraform.language.values import List, Object, through
from policyengine.platforms.terraform.providers.containers import Deployment, containers
from policyengine.platforms.terraform.providers.definitions import definitions
from policyengine.platforms.terraform.resources.arguments import BlockView

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.graph import Edge
    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.resources.stack import ResourceView

_FIELDS = ("name", "image", "command")
"""What the table of resource types and a container definition call alike."""


def workload(view: ResourceView) -> Iterator[Node | Edge]:
    """The containers of a resource, as the table says where they stand in it; the resource itself where it is one."""
    paths = view.known.arguments["containers"]
    architecture = Unknown("the machines that run it are not in the files", view.span)
    blocks = [block for path in paths for block in _blocks(view, path)] or [view]
    given = definitions(view) if "container_definitions" in view.known.arguments else Nested()
    if given.sections:
        yield from containers(view, given, Deployment(view.integer("desired_count"), "", serves=True), architecture)
        return
    sections = tuple(ObjectSection(_definition(view, block, several=len(blocks) > 1), block.span) for block in blocks)
    role = Role(str(view.known.fixed["role"]))
    images = [f"{path}.{name}".lstrip(".") for path in paths or [""] for name in view.known.arguments["image"]]
    deployment = Deployment(None, "", serves=role is not Role.JOB, left_alone=view.left_alone(*images))
    variables = [f"{path}.{name}".lstrip(".") for path in paths or [""] for name in view.known.arguments["environment"]]
    elsewhere = view.left_alone(*variables)
    for made in containers(view, Nested(sections), deployment, architecture, whole=not paths):
        if isinstance(made, Service):
            judged = role if made.role is Role.APP else made.role
            unread = blocks == [view] and isinstance(made.image, Unknown)
            gap = made.environment_gap or elsewhere
            gap = gap or (made.image if unread and isinstance(made.image, Unknown) else None)
            yield replace(made, role=judged, noun=str(view.known.fixed["noun"]), environment_gap=gap)
        else:
            yield made
    yield from _before(view, architecture)


def _before(view: ResourceView, architecture: Unknown) -> Iterator[Node | Edge]:
    """The containers of a pod that run to their end before the others start, each time these do."""
    blocks = [block for path in view.known.arguments.get("before", ()) for block in _blocks(view, path)]
    sections = tuple(ObjectSection(_definition(view, block), block.span) for block in blocks)
    for made in containers(view, Nested(sections), Deployment(None, "", serves=False), architecture) if blocks else ():
        if isinstance(made, Service):
            gap = made.environment_gap or (made.image if isinstance(made.image, Unknown) else None)
            yield replace(made, role=Role.JOB, noun=INIT_CONTAINER, environment_gap=gap)


def _definition(view: ResourceView, block: BlockView, *, several: bool = False) -> Object:
    """A container definition in the spelling of ECS; of what nobody here has read, the rest is not known."""
    entries: dict[str, Tree] = {}
    for field in _FIELDS:
        tree = _at(block, view.known.arguments[field])
        if tree is not None:
            entries[field] = tree
    entrypoint = _at(block, view.known.arguments["entrypoint"])
    if entrypoint is not None:
        entries["entryPoint"] = entrypoint
    gap = None
    if view.known.opaque:
        gap = Unknown(f"what '{view.name}' makes is not in the repository", view.span)
    if "image" not in entries:
        entries["image"] = gap or Unknown("the files do not tell what image it runs", block.span)
    port = _at(block, view.known.arguments["ports"])
    if port is not None:
        entries["portMappings"] = Object({"containerPort": port}, port.span)
    beside = view.known.arguments.get("beside") if several else None
    own = Known(view.resource.name, block.span) if port is not None else _at(block, beside or ())
    if beside and own is not None:  # the one with a port goes by the name of the resource
        entries["name"] = own
    for path in view.known.arguments["environment"]:
        entries.update(_environment(block, path))
    mounts = list(_mounted(view, block))
    if mounts:
        entries["mountPoints"] = List(tuple(Object({"containerPath": each}, each.span) for each in mounts), block.span)
    return Object(entries, block.span, gap=gap)


def _mounted(view: ResourceView, block: BlockView) -> Iterator[Tree]:
    """Where volumes are mounted in a container, and the socket of Cloud SQL where an annotation asks for it."""
    for path in view.known.arguments.get("mounts", ()):
        found = (each.section.get("mount_path") for each in _blocks(block, path))
        yield from (tree for tree in found if tree is not None)
    told = _at(view, view.known.arguments.get("sockets", ()))
    if isinstance(told, Object) and "run.googleapis.com/cloudsql-instances" in told.entries:
        yield Known("/cloudsql", told.span)


def _at(block: BlockView, paths: Iterable[str]) -> Tree | None:
    """The first argument that is given, each by its path through nested blocks."""
    for path in paths:
        outer, _, name = path.rpartition(".")
        for inner in _blocks(block, outer) if outer else (block,):
            found = inner.section.get(name)
            if found is not None:
                return found
    return None


def _blocks(block: BlockView, path: str) -> list[BlockView]:
    found = [block]
    for name in path.split("."):
        found = [inner for each in found for inner in BlockView(each.section).blocks(name)]
    return found


def _environment(block: BlockView, path: str) -> Iterator[tuple[str, Tree]]:
    """The variables at a path: a map, or blocks with a name and a value; one without a value is read from a secret."""
    outer, _, name = path.rpartition(".")
    for inner in _blocks(block, outer) if outer else [block]:
        tree = inner.section.get(name)
        if tree is not None:
            yield "environment", tree
            return
        plain: list[Tree] = []
        secret: dict[str, Tree] = {}
        for each in BlockView(inner.section).blocks(name):
            label, value = each.section.get("name") or each.section.get("key"), each.section.get("value")
            if label is not None and value is not None:
                plain.append(Object({"name": label, "value": value}, label.span))
            elif isinstance(label, Known):
                held = Unknown("the value is read from elsewhere", label.span)
                secret[str(known(label, ""))] = through(held)
        gap = inner.gap(name)
        if plain or gap is not None:
            yield "environment", List(tuple(plain), inner.span, gap=gap)
        if secret:
            yield "secrets", Object(secret, inner.span)
