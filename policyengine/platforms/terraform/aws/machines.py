"""Virtual machines that run Docker Compose: the services of the Compose file that their start script writes."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.nodes import Datastore, Mount, Role, Service, Variable
from policyengine.model.source import ReadError, Source, Span
from policyengine.model.value import Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.aws.connections import edges
from policyengine.platforms.terraform.aws.start_scripts import HOLE, StartScript
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    Reference,
    Tree,
    unknown_of,
)
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.model.graph import Edge
    from policyengine.model.nodes import Node
    from policyengine.model.text import Text
    from policyengine.platforms.terraform.resources.stack import ResourceView

T = TypeVar("T")

_COMPOSE = regex(r"(?:^|[\w.-]*[-_.])?(?:docker-)?compose[\w.-]*\.ya?ml\Z")
_INDENTATION = 200
"""So many characters may lie between two parts of a text that stand one after the other in a file."""

_NAME = regex(HOLE + r"\d+")


def machine(view: ResourceView) -> Iterator[Node | Edge]:
    """A machine, or a template of machines, whose start script writes a Compose file."""
    for argument in view.known.arguments["script"]:
        tree = view.section.get(argument)
        if tree is None or not _mentions(tree):
            continue
        script = StartScript(view.stack, tree)
        for path in sorted(script.files):
            if _COMPOSE.match(posixpath.basename(path)):
                yield from _project(view, script, path)
                return


def _mentions(tree: Tree) -> bool:
    """A cheap look: most machines run no Compose."""
    match tree:
        case Known(str() as text):
            return "compose" in text
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


def _project(view: ResourceView, script: StartScript, path: str) -> Iterator[Node | Edge]:
    """The services of one Compose file, with the env files that lie beside it."""
    from policyengine.platforms.compose import services  # noqa: PLC0415 - only where a machine runs Compose
    from policyengine.platforms.compose.load import load  # noqa: PLC0415 - as above

    folder = posixpath.dirname(path)
    beside = {
        posixpath.relpath(other, folder or "."): text
        for other, text in script.files.items()
        if posixpath.dirname(other) == folder or other.startswith(f"{folder}/")
    }
    written = _Files(beside)
    name = posixpath.basename(path)
    lifted = _Lifted(view, script, beside)
    try:
        project = load(written, "", (name,), name=posixpath.basename(folder) or view.resource.name)
        made = list(services.lower(project, written.read))
    except ReadError as error:
        place = lifted.span(error.span)
        reason = Unknown(f"the Compose file that it writes cannot be read: {error.message}", place)
        yield lifted.unreadable(reason)
        return
    for node in made:
        service = node.name if isinstance(node, Service) else node.service.removeprefix("compose:services.")
        if service and service not in project.enabled:
            continue
        placed = lifted.node(node)
        yield placed
        if isinstance(placed, Service):
            yield from edges(view.stack, placed, None)


class _Files:
    """The written files, as a reader asks for them."""

    def __init__(self, texts: Mapping[str, Text]) -> None:
        self._sources = {path: Source(path, text.written) for path, text in texts.items()}

    def read(self, path: str) -> Source | None:
        return self._sources.get(path)


class _Lifted:
    """Nodes of a written Compose project as nodes of the cloud side, at the places where the text stands."""

    def __init__(self, view: ResourceView, script: StartScript, texts: Mapping[str, Text]) -> None:
        self._view = view
        self._script = script
        self._texts = texts

    def node(self, node: Service | Datastore) -> Service | Datastore:
        """A node with its own id, on the cloud side."""
        placed = self._placed(node)
        if isinstance(placed, Datastore):
            return replace(placed, id=self._id(placed.id), side=self._view.side, service=self._id(placed.service))
        written = node.environment if isinstance(node, Service) else ()
        build = placed.build
        if build is not None:
            elsewhere = Unknown("the machine builds it from files that are put there", build.span)
            build = replace(build, id=self._id(build.id), side=self._view.side, context=elsewhere, dockerfile=elsewhere)
        lacking = next((each for each in placed.env_files if not each.found), None)
        gap = placed.environment_gap
        if lacking is not None:
            gap = Unknown(f"the env file '{lacking.path}' is on the machine", lacking.span)
        return replace(
            placed,
            id=self._id(placed.id),
            side=self._view.side,
            group=self._view.id,
            build=build,
            environment=tuple(
                replace(variable, references=self._addresses(read))
                for variable, read in zip(placed.environment, written, strict=True)
            ),
            environment_gap=gap,
            env_files=(),
            env_file_span=None,
            mounts=tuple(_mount(each) for each in placed.mounts),
        )

    def _id(self, node_id: str) -> str:
        part = node_id.removeprefix("compose:services.")
        return self._view.part(part)

    def unreadable(self, reason: Unknown) -> Service:
        """A service of which nothing is known, in place of those of a file that cannot be read."""
        return Service(
            id=self._view.part("compose"),
            name=self._view.resource.name,
            side=self._view.side,
            span=self._view.span,
            role=Role.APP,
            group=self._view.id,
            image=reason,
            build=None,
            entrypoint=reason,
            command=reason,
            user=reason,
            environment=(),
            environment_gap=reason,
            noun="Compose service",
        )

    def _addresses(self, variable: Variable) -> tuple[str, ...]:
        """The addresses that a variable's value is made of."""
        found = [step.what for step in variable.value.via if self._view.stack.at(step.what) is not None]
        for part in self._parts(variable.value):
            found.extend(facts.references(part))
        return tuple(dict.fromkeys(found))

    def _parts(self, value: object) -> Iterator[Tree]:
        """The parts of the script that make a value unknown."""
        for name in _NAME.findall(value.reason) if isinstance(value, Unknown) else ():
            part = self._script.hole(name)
            if part is not None:
                yield part

    def span(self, span: Span) -> Span:
        """The place in the repository of a place in a written file."""
        text = self._texts.get(span.path)
        if text is None:
            return span
        first, *others = text.cut(span.start, max(span.end, span.start + 1)).pieces
        if not first.text:
            return self._view.span
        if not first.exact:
            return first.span
        end = first.span.end if span.end > span.start else first.span.start
        for piece in others:
            gap = piece.span.start - end
            if not piece.exact or piece.span.path != first.span.path or not 0 <= gap <= _INDENTATION:
                break
            end = piece.span.end
        return Span(first.span.path, first.span.start, end)

    def _placed(self, value: T) -> T:
        """A record with every place in a written file replaced."""
        made: object = value
        if isinstance(value, Span):
            made = self.span(value)
        elif isinstance(value, Unknown):
            part = next(self._parts(value), None)
            reason = value.reason if part is None else unknown_of(part).reason
            made = Unknown(reason, self.span(value.span), self._placed(value.via))
        elif isinstance(value, Via) and (match := _NAME.search(value.what)) is not None:
            part = self._script.hole(match[0])
            made = Via(value.what if part is None else facts.symbolic(part), self.span(value.span))
        elif isinstance(value, tuple) and type(value) is tuple:
            made = tuple(self._placed(each) for each in value)
        elif isinstance(value, Struct):
            fields = {name: getattr(value, name) for name in value.__struct_fields__}
            placed = {name: self._placed(each) for name, each in fields.items()}
            changed = {name: each for name, each in placed.items() if each is not fields[name]}
            made = replace(value, **changed) if changed else value
        return made  # type: ignore[return-value]


def _mount(mount: Mount) -> Mount:
    """A bind of a relative path leads to a folder of the machine, not of the repository."""
    if mount.kind == "bind" and isinstance(mount.source, Known) and not mount.source.value.startswith("/"):
        return replace(mount, source=Unknown("a folder of the machine", mount.source.span))
    return mount
