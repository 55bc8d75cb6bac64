"""Terragrunt, as far as it is literal: which unit applies a root module, and the inputs that it and its parent give.

Terragrunt copies a module next to a unit's files and passes `inputs` as environment variables, so they count less than
variable files. `dependency.name.outputs` are those of the module that the other unit applies; its own functions and
`include` values are not known.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.model.source import ReadError
from policyengine.model.value import Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.values import InstanceTree, Object, Reference, through
from policyengine.platforms.terraform.workspace.folders import read_folder
from policyengine.platforms.terraform.workspace.inputs import Inputs
from policyengine.platforms.terraform.workspace.project import Project
from policyengine.platforms.terraform.workspace.repositories import repository_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from policyengine.model.source import Source, Span
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.workspace.folders import ModuleFolder
    from policyengine.platforms.terraform.workspace.syntaxes import Syntaxes
    from policyengine.repository.files import Files

NAME = "terragrunt.hcl"

_SOURCE = regex(
    r'\bterraform\s*\{[^}]*?\bsource\s*=\s*"(?:\$\{get_(?:terragrunt|parent_terragrunt)_dir\(\)\}/)?(\.[^"$]*)"'
)


_CONFIG_PATH = regex(r'\bconfig_path\s*=\s*"(?:\$\{get_(?:original_)?terragrunt_dir\(\)\}/)?(\.[^"$]*)"')
_PARENT = regex(r'\bfind_in_parent_folders\(\s*"([\w.-]+)"')


class TerragruntUnit(Struct, frozen=True):
    """A directory with a terragrunt.hcl that applies a root module, with its inputs; `path` is empty for none."""

    path: str = ""
    inputs: Mapping[str, Tree] = field(default_factory=dict)


def units(files: Files) -> dict[str, list[str]]:
    """The directories with a terragrunt.hcl by the directory of the module that each applies."""
    found: dict[str, list[str]] = {}
    for path in files.named(NAME):
        source = files.read(path)
        if source is None:
            continue
        folder = posixpath.dirname(path)
        match = _SOURCE.search(source.text)
        target = folder
        if match is not None:
            target = posixpath.normpath(posixpath.join(folder, match[1].partition("?")[0].replace("//", "/")))
        found.setdefault("" if target == "." else target, []).append(folder)
    return found


class Units:
    """The units of a tree, each evaluated with the outputs of those it depends on."""

    def __init__(self, files: Files, folders: Mapping[str, ModuleFolder], syntaxes: Syntaxes) -> None:
        self._files = files
        self._folders = folders
        self._syntaxes = syntaxes
        self.by_module = units(files)
        self._targets = {unit: target for target, found in self.by_module.items() for unit in found}
        self._projects: dict[str, Project | None] = {}

    def unit(self, module: str, choose: Callable[[Sequence[str]], str]) -> TerragruntUnit:
        """The unit that is chosen of those that apply a module, with its inputs over those of its parents."""
        found = self.by_module.get(module, [])
        if not found:
            return TerragruntUnit()
        chosen = found[0] if len(found) == 1 else choose(found)
        return TerragruntUnit(chosen, self._inputs(chosen))

    def _inputs(self, unit: str) -> dict[str, Tree]:
        inputs: dict[str, Tree] = {}
        for source in _chain(unit, self._files):
            inputs.update(self._given(source))
        return inputs

    def _given(self, source: Source) -> dict[str, Tree]:
        """The inputs of one file."""
        from policyengine.syntax.hcl import read_blocks  # noqa: PLC0415 - only where there is Terragrunt

        try:
            file = read_blocks(source)
        except ReadError:
            return {}
        attribute = next((each for each in file.attributes if each.name == "inputs"), None)
        expression = self._syntaxes.value(source, attribute) if attribute is not None else None
        if expression is None:
            return {}
        folder = read_folder(posixpath.dirname(source.path), [source])
        project = Project(folder, self._files.below, self._files.read, lambda _: None, self._syntaxes)
        for block in file.blocks:
            path = _CONFIG_PATH.search(source.text, block.body_start, block.body_end)
            if block.type == "dependency" and path is not None:
                span = source.span(block.start, block.body_end)
                outputs = self._outputs(block.label(0), posixpath.normpath(posixpath.join(folder.path, path[1])), span)
                project.memo["resource", project.root, "resource", "dependency", block.label(0)] = outputs
        tree = project.run(lambda: settled(expression, project.root.frame(source)))
        if not isinstance(tree, Object):
            return {}
        step = Via(f"inputs of {source.path}", tree.span)
        return {key: through(value, step, *tree.via) for key, value in tree.entries.items()}

    def _outputs(self, name: str, unit: str, span: Span) -> Tree:
        """`dependency.name`, whose outputs are looked up when they are asked for."""
        address = f"dependency.{name}"

        def look(output: str, place: Span) -> Tree:
            project = self._project(unit)
            if project is None or output not in project.folder.outputs:
                return Unknown(f"{address}.outputs.{output} is not in the repository", place)
            found = project.run(lambda: project.value(("output", project.root, output)))
            step = Via(f"{address}.outputs.{output}", place)
            if isinstance(found, Reference):
                return _elsewhere(project, found, Reference(address, f"outputs.{output}", place, (step, *found.via)))
            return through(found, step)

        return Object({"outputs": InstanceTree(f"{address}.outputs", span, look)}, span)

    def _project(self, unit: str) -> Project | None:
        """What a unit applies; None while it is being made, or where it is not in the repository."""
        if unit not in self._projects:
            self._projects[unit] = None
            folder = self._folders.get(self._targets.get(unit, ""))
            if unit in self._targets and folder is not None:
                self._projects[unit] = Project(
                    folder=folder,
                    below=self._files.below,
                    read=self._files.read,
                    open_folder=self._folders.get,
                    syntaxes=self._syntaxes,
                    inputs=Inputs(below=self._inputs(unit)),
                    beside=unit,
                )
        return self._projects[unit]


def _elsewhere(project: Project, found: Reference, named: Reference) -> Tree:
    """A reference to a resource of another unit, by the output that gives it; the URL of a repository by its name."""
    own = Via(found.text, found.span)
    if found.attribute == "repository_url":
        name = project.run(lambda: project.attribute_at(found.address, "name") or found)
        if isinstance(name, Known):
            return repository_url(str(name.value), named.span, (*named.via, own, *name.via))
    return through(Reference(named.address, named.attribute, named.span), *named.via, own)


def _chain(folder: str, files: Files) -> Iterable[Source]:
    """The files above a unit, the outermost first, and its own. A parent may have the name that a unit asks for."""
    found: list[Source] = []
    names = [NAME]
    current = folder
    while True:
        for name in names:
            source = files.read(posixpath.join(current, name))
            if source is not None:
                found.append(source)
                names.extend(
                    each for each in _PARENT.findall(source.text) if each not in names and each.endswith(".hcl")
                )
        if not current:
            return reversed(found)
        current = posixpath.dirname(current)
