"""The resources of a root module, one view for each instance, however it is made and whatever is laid over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.terraform_resources import ResourceType, module_type
from policyengine.model.source import ReadError
from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.expansion import unknown_names
from policyengine.platforms.terraform.workspace.blocks import BlockSection
from policyengine.platforms.terraform.workspace.closure import called, telling
from policyengine.platforms.terraform.workspace.modules import every_module
from policyengine.platforms.terraform.workspace.project import INSTANCE
from policyengine.syntax.hcl.syntax import Body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.sections import Nested, Section
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.plan.planned import Planned
    from policyengine.platforms.terraform.workspace.folders import Address, Declared, ModuleFolder
    from policyengine.platforms.terraform.workspace.instances import ModuleInstance


_KEY = regex(r"\[[^\]]*\]")
_INNER = regex(r"\.(?=(?:module\.|data\.)?[\w-]+\.[\w-]+)")
_TOO_MANY = "the modules make more instances than a scan follows, so some are left out"


class Resource(Struct, frozen=True):
    """One instance of a resource, a data source, or a call of a module that is not in the repository.

    `mode` is `resource`, `data` or `module`; for a module `kind` is its source. `block` is what is written, `section`
    what of it counts with a plan or state over it. `gap` says why it is not known how many instances there are.
    """

    module: ModuleInstance
    declared: Declared
    mode: str
    kind: str
    name: str
    address: str
    block: BlockSection
    section: Section
    gap: Unknown | None = None

    @property
    def span(self) -> Span:
        """The place of its name."""
        return self.section.span

    @property
    def doubt(self) -> Unknown | None:
        """Why it may not be there at all: it, or a module that it lies in, is left out by the default of a variable."""
        doubts = self.module.values.doubts
        plain = _KEY.sub("", self.address)
        parts = [plain, *(plain[: found.start()] for found in _INNER.finditer(plain))] if doubts else []
        return next((doubts[part] for part in parts if part in doubts), None)

    @property
    def makes(self) -> ResourceType | None:
        """What a module makes, by its source and the inputs that its call gives."""
        return module_type(self.kind, [each.name for each in self.block.body.attributes])

    @property
    def typed(self) -> str:
        """The type; of a data source `data.` and the type."""
        return f"data.{self.kind}" if self.mode == "data" else self.kind

    def get(self, name: str) -> Tree | None:
        """An argument; None where it is not given, or null."""
        return self.section.get(name)

    def blocks(self, name: str) -> Nested:
        """The nested blocks of a type."""
        return self.section.blocks(name)


def resources(planned: Planned, kinds: frozenset[str], inputs_tell: Callable[[Resource], bool]) -> list[Resource]:
    """Every instance of the resources and data sources of these types, and every remote module call, by address.

    What a plan or state says of the inside of a remote module is listed unless its inputs tell enough, by its source.
    """
    project = planned.project
    found: list[Resource] = []
    useful = telling(project, project.folder, kinds)

    def wanted(folder: ModuleFolder, declared: Declared) -> bool:
        inner = called(project, folder, declared)
        return inner is None or inner.path in useful

    budget = project.syntaxes.budget
    for module in every_module(project, wanted):
        budget.left -= INSTANCE
        if budget.left < 0:
            place = project.folder.sources[0].span(0, 0)
            project.syntaxes.problems[place.path, -1] = ReadError(_TOO_MANY, place, "scan fewer root modules at once")
            break
        if module.folder is None:
            call = module_call(planned, module)
            found.append(call)
            if not inputs_tell(call):
                made = made_by(planned, call)
                found.extend(each for each in made if each.typed in kinds)
            continue
        for (mode, kind, name), declared in module.folder.resources.items():
            if kind in kinds or f"data.{kind}" in kinds:
                found.extend(instances(planned, module, declared, (mode, kind, name)))
    return sorted(found, key=lambda each: (each.address, each.span))


def module_call(planned: Planned, module: ModuleInstance) -> Resource:
    """The call of a module that is not in the repository."""
    if module.call is None or module.parent is None:
        raise AssertionError(module.address)
    block = BlockSection(
        planned.project,
        module.parent,
        module.call.source,
        planned.project.body(module.call),
        module.call.span,
        module.names,
        module.call,
        module.address,
    )
    label = module.call.block.label(0)
    return Resource(
        module.parent, module.call, "module", module.source, label, module.address, block, planned.section(block)
    )


def made_by(planned: Planned, call: Resource) -> Iterator[Resource]:
    """What a plan or state says that a remote module makes, placed at its call."""
    exact = planned.exact
    place = call.block.body.start
    for address, _ in exact.inside(call.address) if exact is not None else ():
        mode, kind, name = exact.declared[address] if exact is not None else ("", "", "")
        empty = Body(place, place, (), ())
        block = BlockSection(planned.project, call.module, call.block.source, empty, call.span, address=address)
        yield Resource(call.module, call.declared, mode, kind, name, address, block, planned.section(block))


def instances(planned: Planned, module: ModuleInstance, declared: Declared, address: Address) -> list[Resource]:
    """The instances of a resource or data source; one with a gap where it is not known how many there are.

    A declaration that cannot be read has none: nothing of it is known, not even that an argument is left out.
    """
    mode, kind, name = address
    project = planned.project
    expansion = project.expanded(module, declared)
    body = project.body(declared)
    if not project.syntaxes.readable(declared.source, declared.block):
        return []
    gap = expansion if isinstance(expansion, Unknown) else None
    project.syntaxes.budget.left -= INSTANCE
    made: list[Resource] = []
    for suffix, names in expansion if not isinstance(expansion, Unknown) else [("", unknown_names(expansion))]:
        full = module.prefixed(declared.address + suffix)
        block = BlockSection(project, module, declared.source, body, declared.span, names, declared, full)
        made.append(Resource(module, declared, mode, kind, name, full, block, planned.section(block), gap))
    return made
