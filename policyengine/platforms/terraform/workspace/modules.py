"""Every instance of a module that a root module reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Unknown
from policyengine.platforms.terraform.language.expansion import unknown_names
from policyengine.platforms.terraform.workspace.instances import ModuleInstance
from policyengine.platforms.terraform.workspace.project import DEEPEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyengine.platforms.terraform.workspace.folders import Declared, ModuleFolder
    from policyengine.platforms.terraform.workspace.project import Project


def every_module(project: Project, wanted: Callable[[ModuleFolder, Declared], bool]) -> Iterator[ModuleInstance]:
    """The root module and every instance it reaches by calls that are wanted, parents first."""
    queue = [project.root]
    while queue:
        module = queue.pop(0)
        yield module
        folder = module.folder
        for name, declared in folder.modules.items() if folder is not None else ():
            if folder is not None and wanted(folder, declared):
                queue.extend(_present(project, module, name, declared))


def _present(project: Project, module: ModuleInstance, name: str, declared: Declared) -> list[ModuleInstance]:
    """The instances of a module call; one without a key where it is not known how many there are."""
    found = project.instances(module, name)
    if not isinstance(found, Unknown):
        return found
    if module.depth >= DEEPEST:
        return []
    folder, source, version = project.source_of(module, declared, name)
    address, names = module.prefixed(f"module.{name}"), unknown_names(found)
    return [ModuleInstance(project, address, folder, module, declared, names, source, version, module.depth + 1)]
