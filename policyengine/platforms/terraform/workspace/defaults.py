"""What is left out only by the default of a variable that something else may set, such as `-var` of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Known, Unknown
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.values import List, Object

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.workspace.instances import ModuleInstance
    from policyengine.platforms.terraform.workspace.project import Project

_NAME = regex(r"(?<![\w.-])(var|local)\.([A-Za-z_][\w-]*)")
_DEEPEST = 8
"""Locals and calls of modules between a count and the variable that decides it."""


def left_open(project: Project, module: ModuleInstance, text: str, place: Span) -> Unknown | None:
    """Why a `count` that is 0 may be another number elsewhere; None where nothing but the files decides it.

    An empty default stands for a value that whoever applies the files gives; one that is false counts as such where no
    file and no pipeline sets variables at all. `text` is the expression. Raises Needs.
    """
    name = _variable(project, module, text, 0)
    return None if name is None else Unknown(f"it is only made where something sets the variable {name!r}", place)


def _variable(project: Project, module: ModuleInstance, text: str, depth: int) -> str | None:
    folder = module.folder
    if folder is None or depth >= _DEEPEST:
        return None
    for match in _NAME.finditer(text):
        kind, name = match.groups()
        local, declared = folder.locals.get(name), folder.variables.get(name)
        found = None
        if kind == "local":
            if local is not None:
                inner = local.source.text[local.attribute.value : local.attribute.end]
                found = _variable(project, module, inner, depth + 1)
        elif module.parent is not None and module.call is not None:
            passed = project.attribute_of(module.call, name)
            if passed is not None:
                attribute, source = passed
                written = source.text[attribute.value.start : attribute.value.end]
                found = _variable(project, module.parent, written, depth + 1)
        elif declared is not None and not project.inputs.sets(name):
            default = project.attribute_of(declared, "default")
            tree = settled(default[0].value, module.frame(default[1])) if default is not None else None
            match tree:
                case Known(None | "") | List(()) | Object({}):
                    found = name
                case Known(False) if not project.inputs:
                    found = name
        if found is not None:
            return found
    return None
