"""Instances of modules: where the names of their expressions lead."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.model.source import Span
from policyengine.model.value import Known, Unknown, Via
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.scope import Frame
from policyengine.platforms.terraform.language.values import Tree, through
from policyengine.syntax.hcl.syntax import Expression, GetAttribute, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from policyengine.model.source import Source
    from policyengine.platforms.terraform.workspace.folders import Declared, Folder
    from policyengine.platforms.terraform.workspace.project import Project

Key = tuple[object, ...]

NOWHERE = Span("", 0, 0)


class Needs(Exception):  # noqa: N818 - no error: a request
    """A value is needed before the evaluation can go on."""

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.key = key


class TfVars(Struct, frozen=True):
    """A file of variable values with its attributes, in order of precedence (later wins)."""

    source: Source
    values: Mapping[str, tuple[Expression, Span]]


class Module(Struct, eq=False):
    """One instance of a module. `address` is empty for the root, else `module.db` or `module.db["a"]`.

    `call` is the block that calls it, evaluated in `parent` with `names` (`each`, `count`). `folder` is None for a
    module that is not in the repository; `source` and `version` are then what the call names.
    """

    project: Project
    address: str
    folder: Folder | None
    parent: Module | None = None
    call: Declared | None = None
    names: Mapping[str, Tree] = field(default_factory=dict)
    source: str = ""
    version: str = ""
    depth: int = 0

    def frame(self, source: Source, names: Mapping[str, Tree] | None = None) -> Frame:
        """What an expression in a file of this module sees."""
        return Frame(source, self, names or {})

    @property
    def directory(self) -> str:
        """The module's directory relative to the root of the scan."""
        return self.folder.path if self.folder is not None else ""

    def prefixed(self, address: str) -> str:
        """An address of this module as seen from the root module."""
        return f"{self.address}.{address}" if self.address else address

    # what the evaluation of expressions asks

    def named(self, root: str, steps: Sequence[Step], frame: Frame, span: Span) -> tuple[Tree, int]:  # noqa: ARG002
        """The value that a reference begins with, and how many of its steps that took."""
        first = steps[0].name if steps and isinstance(steps[0], GetAttribute) else ""
        match root:
            case "var" if first:
                return through(self.project.value(("var", self, first)), Via(f"var.{first}", span)), 1
            case "local" if first:
                return through(self.project.value(("local", self, first)), Via(f"local.{first}", span)), 1
            case "module" if first:
                return self.project.value(("module", self, first)), 1
            case "path":
                return self._path(first, span), 1
            case "terraform" | "tofu":
                return through(self.project.workspace, Via("terraform.workspace", span)), 1
            case "each" | "count" | "self":
                return Unknown(f"{root}.{first} is not known here", span), min(1, len(steps))
            case "data" if len(steps) > 1 and isinstance(steps[1], GetAttribute):
                return self.project.value(("resource", self, "data", first, steps[1].name)), 2
            case "ephemeral" if len(steps) > 1 and isinstance(steps[1], GetAttribute):
                return self.project.value(("resource", self, "data", first, steps[1].name)), 2
            case _ if first:
                return self.project.value(("resource", self, "resource", root, first)), 1
            case _:
                raise Invalid(f"the name {root!r} is not known")

    def _path(self, name: str, span: Span) -> Tree:
        if name == "module":
            return Known(posixpath.relpath(self.directory or ".", self.project.folder.path or "."), span)
        if name == "root":
            return Known(".", span)
        if name == "cwd":
            from policyengine.platforms.terraform.language.scope import HERE  # noqa: PLC0415 - loads the functions

            return Known(posixpath.normpath(posixpath.join(HERE, self.directory_of_root)), span)
        raise Invalid(f"there is no path.{name}")

    @property
    def directory_of_root(self) -> str:
        """The directory of the root module relative to the root of the scan."""
        return self.project.folder.path

    def file(self, path: str) -> Source | None:
        """A file by its path from the root module's directory."""
        place = self.project.inside(path)
        found = self.project.read(place) if place is not None else None
        if found is None and self.project.beside and place is not None:
            inner = posixpath.relpath(place, self.directory_of_root or ".")
            copied = posixpath.normpath(posixpath.join(self.project.beside, inner))
            found = None if copied.startswith("../") else self.project.read(copied)
        return found

    def listing(self, folder: str) -> Sequence[str] | None:
        """The files below a directory, relative to it; None where there is none in the repository."""
        place = self.project.inside(folder)
        if place is None:
            return None
        prefix = "" if place in ("", ".") else place.rstrip("/") + "/"
        found = [
            path[len(prefix) :]
            for path in (*self.project.paths, *self.project.hidden(place))
            if path.startswith(prefix)
        ]
        return found or None


def calls_of(module: Module) -> Iterable[str]:
    """The names of the calls that lead from the root module to an instance."""
    names: list[str] = []
    current: Module | None = module
    while current is not None and current.call is not None:
        names.append(current.call.block.label(0))
        current = current.parent
    return reversed(names)


def key_text(key: Key) -> str:
    """A key as Terraform writes what it stands for."""
    match key:
        case ("var" | "local" | "module" as kind, _, name):
            return f"{kind}.{name}"
        case ("output", Module(address=address), name):
            return f"{address}.{name}"
        case ("resource" | "attribute", _, mode, kind, name, *rest):
            attribute = f".{rest[-1]}" if rest else ""
            return f"{'data.' if mode == 'data' else ''}{kind}.{name}{attribute}"
        case _:
            return "a value"
