"""Virtual machines that run Docker Compose: the services of the file that their start script writes, or starts."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.model.nodes import Datastore, Mount, Service, Variable
from policyengine.model.value import Floating, Known, Unknown
from policyengine.patterns import regex
from policyengine.platforms import Written
from policyengine.platforms.terraform.language.sections import Nested
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    Reference,
    Tree,
)
from policyengine.platforms.terraform.providers.connections import edges, pulls, repository_name
from policyengine.platforms.terraform.providers.containers import Deployment, containers, unread
from policyengine.platforms.terraform.providers.start_scripts import StartScript
from policyengine.platforms.terraform.providers.started import started
from policyengine.platforms.terraform.resources.facts import references

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.model.graph import Edge
    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.resources.stack import ResourceView

_COMPOSE = regex(r"(?:^|[\w.-]*[-_.])?(?:docker-)?compose[\w.-]*\.ya?ml\Z")


_RUN = regex(r"\b(?:docker|podman|nerdctl)\s+(?:container\s+)?run\b")


def machine(view: ResourceView) -> Iterator[Node | Edge]:
    """A machine, or a template of machines, whose start script writes a Compose file, or runs containers itself."""
    for argument in view.known.arguments["script"]:
        tree = view.section.get(argument)
        if tree is None or not _mentions(tree):
            continue
        script = StartScript(view.stack, tree)
        for path in sorted(script.files):
            if _COMPOSE.match(posixpath.basename(path)):
                yield from _project(view, script, path, _repositories(view, tree))
                return
        if script.started:
            made = list(_project(view, script, script.started[0], _repositories(view, tree)))
            yield from made
            if made:
                return
        yield from _started(view, script)


def _started(view: ResourceView, script: StartScript) -> Iterator[Node | Edge]:
    """The containers that a start script runs without Compose."""
    found = [each for text in script.scripts for each in started(text)]
    architecture = Unknown("the machine decides it", view.span)
    for stays in (True, False):
        sections = tuple(section for section, does in found if does is stays)
        for made in containers(view, Nested(sections), Deployment(None, "", serves=stays), architecture):
            yield replace(made, noun="Docker container") if isinstance(made, Service) else made


def _mentions(tree: Tree) -> bool:
    """A cheap look: most machines run no Compose."""
    match tree:
        case Known(str() as text):
            return "compose" in text or _RUN.search(text) is not None
        case Composite(parts):
            return any(_mentions(part) for part in parts)
        case Encoded(inner):
            return _mentions(inner)
        case List(items):
            return any(_mentions(item) for item in items)
        case Object(entries):
            return any(_mentions(item) for item in entries.values())
        case Reference():
            return "cloudinit_config" in tree.address
        case _:
            return False


def _repositories(view: ResourceView, tree: Tree) -> dict[str, ResourceView]:
    """The repositories of images that a start script names, by their names."""
    found = ((repository_name(view.stack, address), view.stack.at(address)) for address in references(tree))
    return {name: repository for name, repository in found if name is not None and repository is not None}


def _project(
    view: ResourceView, script: StartScript, path: str, repositories: Mapping[str, ResourceView]
) -> Iterator[Node | Edge]:
    """The services of one Compose file, with the env files that lie beside it; or those of files of the tree."""
    read = view.stack.reads.get("compose")
    if read is None:
        return
    folder, wrote = posixpath.dirname(path), path in script.files
    beside = {
        posixpath.relpath(other, folder or "."): text
        for other, text in script.files.items()
        if posixpath.dirname(other) == folder or other.startswith(f"{folder}/")
    }
    name = posixpath.basename(folder) or view.resource.name
    if wrote:
        found = read(Written(beside, posixpath.basename(path), name))
    else:
        found = read(Written(script.files, path, name, over=script.started[1:]))
    if not found.nodes:
        for error in found.problems[:1]:
            reason = f"the Compose file that it writes cannot be read: {error.message}"
            yield unread(view, view.part("compose"), "Compose service", Unknown(reason, error.span))
    for node in found.nodes:
        if isinstance(node, Datastore):
            yield replace(node, id=_id(view, node), side=view.side, service=_id(view, node.service))
        elif isinstance(node, Service):
            placed = _placed(view, node, wrote=wrote)
            yield placed
            yield from edges(view.stack, placed, None)
            image = placed.image
            if isinstance(image, Known | Floating) and image.value.repository in repositories:
                yield pulls(placed, repositories[image.value.repository])


def _id(view: ResourceView, node: Node | str) -> str:
    written = node if isinstance(node, str) else node.id
    return view.part(written.removeprefix("compose:services."))


def _placed(view: ResourceView, service: Service, *, wrote: bool) -> Service:
    """A service of the machine: on the cloud side, and only with what the machine does not have of its own.

    Where its script `wrote` the Compose file, what is built and mounted is not that of the tree.
    """
    build = service.build
    if build is not None:
        build = replace(build, id=_id(view, build), side=view.side)
    if build is not None and wrote:
        elsewhere = Unknown("the machine builds it from files that are put there", build.span)
        build = replace(build, context=elsewhere, dockerfile=elsewhere)
    lacking = next((each for each in service.env_files if not each.found), None)
    gap = service.environment_gap
    if lacking is not None:
        gap = Unknown(f"the env file '{lacking.path}' is on the machine", lacking.span)
    return replace(
        service,
        id=_id(view, service),
        side=view.side,
        group=view.id,
        build=build,
        environment=tuple(replace(each, references=_addresses(view, each)) for each in service.environment),
        environment_gap=gap,
        env_files=(),
        env_file_span=None,
        mounts=tuple(map(_mount, service.mounts)) if wrote else service.mounts,
    )


def _addresses(view: ResourceView, variable: Variable) -> tuple[str, ...]:
    """The addresses that a variable's value is made of."""
    found = (step.what for step in variable.value.via if view.stack.at(step.what) is not None)
    return tuple(dict.fromkeys(found))


def _mount(mount: Mount) -> Mount:
    """A bind of a relative path leads to a folder of the machine, not of the repository."""
    if mount.kind == "bind" and isinstance(mount.source, Known) and not mount.source.value.startswith("/"):
        return replace(mount, source=Unknown("a folder of the machine", mount.source.span))
    return mount
