"""Values of `terraform_remote_state`: the outputs of the root module of the same tree that keeps that state.

Which it is, is told by the backend, whose configuration is literal. What one of the two leaves to the command line does
not tell them apart.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.knowledge.terraform_attributes import state_arguments
from policyengine.model.value import Known, Unknown, Via
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    InstanceTree,
    List,
    Object,
    Piece,
    Reference,
    Tree,
    decided,
    plain,
    through,
    unknown_of,
    whole,
)
from policyengine.syntax.hcl.syntax import Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.workspace.attributes import Asked
    from policyengine.platforms.terraform.workspace.folders import ModuleFolder
    from policyengine.platforms.terraform.workspace.project import Project
    from policyengine.platforms.terraform.workspace.syntaxes import Syntaxes
    from policyengine.syntax.hcl.syntax import Body

Backend = tuple[str, dict[str, str]]
"""The type of a backend, and the arguments that tell which state it is."""


class RemoteStates(Struct, eq=False):
    """The root modules of a tree by the states that they keep. `project` gives the one in a directory, evaluated."""

    folders: Mapping[str, ModuleFolder]
    syntaxes: Syntaxes
    project: Callable[[str], Project]
    _backends: dict[str, Backend] | None = None
    _asked: set[str] = field(default_factory=set)

    def outputs(self, project: Project, asked: Asked) -> Tree:
        """The `outputs` of a `terraform_remote_state`. Raises Needs."""
        address, span = asked.reference.address, asked.declared.span
        kind, config = asked.argument(project, "backend"), asked.argument(project, "config")
        for each in (kind, config):
            if each is not None and not decided(each):
                return Unknown(f"which state {address} reads is not known: {unknown_of(each).reason}", span)
        wanted = (str(plain(kind)) if kind is not None else "", _texts(config))
        path = self._keeper(_placed(wanted, project.folder.path))
        if path is None:
            return Unknown(f"{address} is another project's state", span)
        defaults = asked.argument(project, "defaults")

        def look(name: str, place: Span) -> Tree:
            held = self._output(path, name)
            if held is None and isinstance(defaults, Object):
                held = defaults.entries.get(name)
            held = held or Unknown(f"'{path or '.'}', whose state {address} reads, has no output {name!r}", place)
            return through(held, Via(f"{address}.outputs.{name}", place))

        names = self.folders[path].outputs
        return InstanceTree(
            f"{address}.outputs", span, look, whole=lambda: Object({each: look(each, span) for each in names}, span)
        )

    def _output(self, path: str, name: str) -> Tree | None:
        if name not in self.folders[path].outputs:
            return None
        if path in self._asked:
            return Unknown("two root modules read the states of one another", self.folders[path].outputs[name].span)
        other = self.project(path)
        self._asked.add(path)
        try:
            key = ("output", other.root, name)
            found = other.run(lambda: _elsewhere(other.value(key), path or "."))
            step = Via(f"{path or '.'}: output.{name}", found.span, secret=True)
            return through(found, step) if other.conceals(key, found) else found
        finally:
            self._asked.discard(path)

    def _keeper(self, wanted: Backend) -> str | None:
        """The directory of the one root module that keeps a state."""
        if self._backends is None:
            self._backends = dict(self._kept())
        found = [path for path, backend in self._backends.items() if _same(backend, wanted)]
        return found[0] if len(found) == 1 else None

    def _kept(self) -> Iterator[tuple[str, Backend]]:
        for path, folder in self.folders.items():
            for settings in folder.settings:
                if "backend" not in settings.source.text and "cloud" not in settings.source.text:
                    continue
                for block in self.syntaxes.body(settings.source, settings.block).blocks:
                    if block.type in ("backend", "cloud"):
                        kind = block.labels[0].text if block.labels else "remote"
                        yield path, _placed((kind, dict(_literals(block.body, settings.source.text))), path)


def _literals(body: Body, text: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    for attribute in body.attributes:
        if isinstance(attribute.value, Literal):
            yield f"{prefix}{attribute.name}", text[attribute.value.start : attribute.value.end]
    for block in body.blocks:
        yield from _literals(block.body, text, f"{block.type}.")


def _texts(config: Tree | None, prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, each in config.entries.items() if isinstance(config, Object) else ():
        if isinstance(each, Object):
            found |= _texts(each, f"{prefix}{name}.")
        elif isinstance(value := plain(each), str):
            found[f"{prefix}{name}"] = value
    return found


def _placed(backend: Backend, folder: str) -> Backend:
    """A backend with the path of a local state from the root of the tree."""
    kind, arguments = backend
    if kind != "local":
        return backend
    path = posixpath.normpath(posixpath.join(folder, arguments.get("path", "terraform.tfstate")))
    return kind, {"path": path}


def _same(one: Backend, other: Backend) -> bool:
    """Whether two backends keep one state: the last argument that tells it is given by both, the others differ not."""
    names = state_arguments(one[0])
    if one[0] != other[0] or not names or not (one[1].get(names[-1]) and other[1].get(names[-1])):
        return False
    pairs = ((one[1].get(name), other[1].get(name)) for name in names)
    return all(not here or not there or here == there for here, there in pairs)


def _elsewhere(tree: Tree, path: str) -> Tree:
    """A value of another root module: its addresses are none of the one that reads it."""
    via = tuple(Via(f"{path}: {step.what}", step.span, step.secret) for step in tree.via)
    match whole(tree):
        case Reference() | InstanceTree():
            return Unknown(f"{unknown_of(tree).reason} of '{path}'", tree.span, via)
        case Composite(parts, span):
            return Composite(tuple(_piece(part, path) for part in parts), span, via)
        case Encoded(inner, form, span):
            return Encoded(_elsewhere(inner, path), form, span, via)
        case List(items) as found:
            return replace(found, items=tuple(_elsewhere(each, path) for each in items), via=via)
        case Object(entries) as found:
            return replace(found, entries={key: _elsewhere(each, path) for key, each in entries.items()}, via=via)
        case found:
            return replace(found, via=via)


def _piece(part: Piece, path: str) -> Piece:
    found = _elsewhere(part, path)
    return found if isinstance(found, Known | Unknown | Encoded) else part  # type: ignore[return-value]
