"""The secrets of a root module: what is declared as sensitive, what has a secret's name, and all that is made of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from policyengine.knowledge.secrets import secret_arguments
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.secrecy import sealed
from policyengine.platforms.terraform.resources.instances import instances
from policyengine.platforms.terraform.workspace.inputs import values
from policyengine.platforms.terraform.workspace.instances import MARKS
from policyengine.platforms.terraform.workspace.modules import every_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.model.value import Sealed
    from policyengine.platforms.terraform.language.sections import Section
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.plan.planned import Planned
    from policyengine.platforms.terraform.workspace.folders import ModuleFolder
    from policyengine.platforms.terraform.workspace.instances import Key, ModuleInstance
    from policyengine.platforms.terraform.workspace.project import Project
    from policyengine.repository.files import Files


def secrets_of(planned: Planned) -> Iterator[Sealed]:
    """The secrets among the values that were evaluated, and those that are marked where nothing asked for them."""
    project = planned.project
    for module in every_module(project, lambda _, __: True):
        if module.folder is not None:
            for key in _marked(module, module.folder):
                project.run(lambda key=key: project.value(key))  # type: ignore[misc]
                yield from _default(project, module, key)
            yield from _arguments(planned, module, module.folder)
    yield from met(project)


def met(project: Project) -> Iterator[Sealed]:
    """The secrets among the named values that were evaluated so far."""
    for key, tree in list(project.memo.items()):
        if key[0] in ("var", "local", "output", "attribute"):
            secret = project.conceals(key, tree)
            yield from sealed(tree, secret=secret, marked=secret and project.marks(key))


def _marked(module: ModuleInstance, folder: ModuleFolder) -> Iterator[Key]:
    """The variables and outputs that may be declared as sensitive."""
    for kind, declared in (("var", folder.variables), ("output", folder.outputs)):
        for name, each in declared.items():
            if any(word in each.source.text for word in MARKS) and module.values.marks((kind, module, name)):
                yield (kind, module, name)


def _default(project: Project, module: ModuleInstance, key: Key) -> Iterator[Sealed]:
    """The default of a variable that is declared as sensitive, also where something else gives it its value."""
    declared = module.folder.variables.get(str(key[-1])) if module.folder is not None and key[0] == "var" else None
    found = None if declared is None else project.attribute_of(declared, "default")
    if found is not None:
        tree = project.run(partial(settled, found[0].value, module.frame(found[1])))
        yield from sealed(tree, secret=True, marked=True)


def given_elsewhere(
    projects: Iterable[Project], files: Files, pipelines: Iterable[tuple[str, Tree]]
) -> Iterator[Sealed]:
    """What any file of variable values and any pipeline gives to variables that a root module declares as sensitive.

    It is a secret also where it does not count for what is scanned, as that of another environment.
    """
    marked = {
        str(key[-1]): each for each in projects for key in _marked(each.root, each.folder) if key[0] == "var"
    }  # fmt: skip
    for name, tree in pipelines:
        if name in marked:
            yield from sealed(tree, secret=True, marked=True)
    for path in files.ending(".tfvars", ".tfvars.json") if marked else ():
        source = files.read(path)
        if source is None or not any(name in source.text for name in marked):
            continue
        project = next(iter(marked.values()))
        read = values(source, project.syntaxes, {})
        for name, (expression, _) in read.values.items() if read is not None else ():
            if name in marked:
                tree = project.run(partial(settled, expression, project.root.frame(source)))
                yield from sealed(tree, secret=True, marked=True)


def _arguments(planned: Planned, module: ModuleInstance, folder: ModuleFolder) -> Iterator[Sealed]:
    """What the arguments hold that a provider keeps secret."""
    for (mode, kind, name), declared in folder.resources.items():
        listed = secret_arguments(kind) if mode == "resource" else {}
        for path, attribute in listed.items():
            if planned.project.holds_only(declared, attribute):
                for each in instances(planned, module, declared, (mode, kind, name)):
                    yield from _at(each.section, path.split("."), marked=True)
        if kind == _TASKS:  # whose commands keep no history of their words
            for each in instances(planned, module, declared, (mode, kind, name)):
                yield from _at(each.section, ("container_definitions",), marked=False)


_TASKS = "aws_ecs_task_definition"


def _at(section: Section, path: Sequence[str], *, marked: bool) -> Iterator[Sealed]:
    """The secrets at a path: all that stands there where it is `marked`, else what is made of a secret."""
    if len(path) > 1:
        for inner in section.blocks(path[0]).sections:
            yield from _at(inner, path[1:], marked=marked)
        return
    tree = section.get(path[0])
    if tree is not None:
        yield from sealed(tree, secret=marked, marked=marked)
