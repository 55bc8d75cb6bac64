"""One way to read the configuration of a resource: from its block, from a module call, or from an object value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field

from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.values import (
    List,
    Object,
    Tree,
    decided,
    elements,
    through,
    unknown_of,
)
from policyengine.platforms.terraform.workspace.closure import called, telling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyengine.model.source import Source, Span
    from policyengine.platforms.terraform.language.scope import Frame
    from policyengine.platforms.terraform.workspace.folders import Address, Declared, Folder
    from policyengine.platforms.terraform.workspace.instances import Module
    from policyengine.platforms.terraform.workspace.project import Project
    from policyengine.syntax.hcl.syntax import Attribute, Block, Body


class Section(Protocol):
    """Arguments and nested blocks."""

    @property
    def span(self) -> Span:
        """The place of its name: where an argument that is missing would be reported."""
        ...

    def get(self, name: str) -> Tree | None:
        """An argument; None where it is not given, or null."""
        ...

    def blocks(self, name: str) -> Nested:
        """The nested blocks of a type."""
        ...


class Nested(Struct, frozen=True):
    """Nested blocks; `gap` says why there may be more."""

    sections: tuple[Section, ...] = ()
    gap: Unknown | None = None


def _given(tree: Tree | None) -> Tree | None:
    return None if isinstance(tree, Known) and tree.value is None else tree


class ObjectSection(Struct, frozen=True):
    """A section that is an object value."""

    tree: Object
    span: Span

    def get(self, name: str) -> Tree | None:
        """An argument; Unknown where the object may have it."""
        found = self.tree.entries.get(name)
        if found is None:
            return self.tree.gap
        return _given(through(found, *self.tree.via))

    def blocks(self, name: str) -> Nested:
        """The objects of an argument that is an object or a list of them."""
        return nested_of(self.get(name))


def nested_of(tree: Tree | None) -> Nested:
    """The objects that a value is made of, as sections."""
    match tree:
        case None:
            return Nested()
        case Object(span=span):
            return Nested((ObjectSection(tree, span),))
        case List(items, span, via, gap=gap):
            sections: list[Section] = []
            for item in items:
                if isinstance(item, Object):
                    sections.append(ObjectSection(through(item, *via), item.span))
                elif not decided(item):
                    gap = gap or unknown_of(item)
            return Nested(tuple(sections), gap)
        case _ if decided(tree):
            return Nested()
        case _:
            return Nested((), unknown_of(tree))


class Fields:
    """A container definition in the spelling of the API, or in that of Terraform modules (`read_only`)."""

    def __init__(self, section: Section) -> None:
        self.section = section
        self.span = section.span

    def get(self, name: str) -> Tree | None:
        """An argument, in either spelling."""
        found = self.section.get(name)
        if found is None or isinstance(found, Unknown):
            other = self.section.get(re.sub(r"(?<!^)([A-Z])", lambda match: f"_{match[1].lower()}", name))
            found = other if other is not None else found
        return found

    def nested(self, name: str) -> Nested:
        """The objects of an argument."""
        return nested_of(self.get(name))

    def section_of(self, name: str) -> Fields | None:
        """The one object that an argument is."""
        found = self.nested(name).sections
        return Fields(found[0]) if found else None


class BlockSection(Struct, frozen=True):
    """A section that is a block's body, evaluated in a module instance."""

    project: Project
    module: Module
    source: Source
    body: Body
    span: Span
    names: Mapping[str, Tree] = field(default_factory=dict)
    declared: Declared | None = None  # of a top-level block, for its override files
    address: str = ""  # of a top-level block

    def frame(self, source: Source | None = None) -> Frame:
        """What an expression of this block sees."""
        return self.module.frame(source or self.source, self.names)

    def attribute(self, name: str) -> tuple[Attribute, Source] | None:
        """The syntax of an argument, with the file it stands in."""
        if self.declared is not None:
            return self.project.attribute_of(self.declared, name)
        found = self.body.attribute(name)
        return None if found is None else (found, self.source)

    def _blocks(self) -> Sequence[tuple[Block, Source]]:
        if self.declared is not None:
            return self.project.blocks_of(self.declared)
        return [(block, self.source) for block in self.body.blocks]

    def get(self, name: str) -> Tree | None:
        """An argument; None where it is not given, or null."""
        found = self.written(name)
        if self.address and self.project.exact is not None:
            from policyengine.platforms.terraform.plan import exact  # noqa: PLC0415 - only with a plan or state

            return exact.argument(self.project.exact, self, name, found)
        return found

    def written(self, name: str) -> Tree | None:
        """An argument as the files give it."""
        found = self.attribute(name)
        if found is None:
            return None
        attribute, source = found
        frame = self.frame(source)
        return _given(self.project.run(lambda: settled(attribute.value, frame)))

    def blocks(self, name: str) -> Nested:
        """The nested blocks of a type, in source order."""
        found = self._written_blocks(name)
        if self.address and self.project.exact is not None:
            from policyengine.platforms.terraform.plan import exact  # noqa: PLC0415 - only with a plan or state

            return exact.nested(self.project.exact, self, name, found)
        return found

    def _written_blocks(self, name: str) -> Nested:
        """The nested blocks of a type, static ones and those that `dynamic` makes, as the files give them."""
        sections: list[Section] = []
        gap: Unknown | None = None
        for block, source in self._blocks():
            place = source.span(block.start, block.end)
            if block.type == name:
                sections.append(BlockSection(self.project, self.module, source, block.body, place, self.names))
            elif block.type == "dynamic" and block.labels and block.labels[0].text == name:
                made = self._dynamic(block.body, source, name, place)
                sections.extend(made.sections)
                gap = gap or made.gap
        if not sections and gap is None and self.attribute(name) is not None:
            return nested_of(self.get(name))  # the JSON syntax, and attributes that are lists of objects
        return Nested(tuple(sections), gap)

    def _dynamic(self, body: Body, source: Source, name: str, place: Span) -> Nested:
        content = next((each.body for each in body.blocks if each.type == "content"), None)
        each = body.attribute("for_each")
        if content is None or each is None:
            return Nested()
        iterator = body.attribute("iterator")
        label = source.text[iterator.value.start : iterator.value.end] if iterator is not None else name
        frame = self.frame(source)
        collection = self.project.run(lambda: settled(each.value, frame))
        if not isinstance(collection, List | Object):
            return Nested((), unknown_of(collection)) if not decided(collection) else Nested()
        sections = tuple(
            BlockSection(
                self.project,
                self.module,
                source,
                content,
                place,
                {**self.names, label: Object({"key": key, "value": value}, place)},
            )
            for key, value in elements(collection)
        )
        return Nested(sections, collection.gap)

    def text_of(self, name: str) -> str:
        """The source text of an argument's expression, empty where it is not given."""
        found = self.attribute(name)
        return "" if found is None else found[1].text[found[0].value.start : found[0].value.end]


class Resource(Struct, frozen=True):
    """One instance of a resource, a data source, or a call of a module that is not in the repository.

    `mode` is `resource`, `data` or `module`; for a module `kind` is its source. `gap` says why it is not known how many
    instances there are.
    """

    project: Project
    module: Module
    declared: Declared
    mode: str
    kind: str
    name: str
    address: str
    section: BlockSection
    gap: Unknown | None = None

    @property
    def span(self) -> Span:
        """The place of its name."""
        return self.section.span

    def get(self, name: str) -> Tree | None:
        """An argument; None where it is not given, or null."""
        return self.section.get(name)

    def blocks(self, name: str) -> Nested:
        """The nested blocks of a type."""
        return self.section.blocks(name)


def resources(project: Project, kinds: frozenset[str]) -> list[Resource]:
    """Every instance of the resources and data sources of these types, and every remote module call, by address."""
    found: list[Resource] = []
    useful = telling(project, project.folder, kinds)

    def wanted(folder: Folder, declared: Declared) -> bool:
        inner = called(project, folder, declared)
        return inner is None or inner.path in useful

    for module in project.every_module(wanted):
        if module.folder is None:
            found.append(module_call(project, module))
            if project.exact is not None:
                from policyengine.platforms.terraform.plan import exact  # noqa: PLC0415 - only with a plan or state

                found.extend(exact.unread(project.exact, found[-1], kinds))
            continue
        for (mode, kind, name), declared in module.folder.resources.items():
            if kind in kinds or f"data.{kind}" in kinds:
                found.extend(instances(project, module, declared, (mode, kind, name)))
    return sorted(found, key=lambda each: (each.address, each.span))


def module_call(project: Project, module: Module) -> Resource:
    """The call of a module that is not in the repository."""
    if module.call is None or module.parent is None:
        raise AssertionError(module.address)
    section = BlockSection(
        project,
        module.parent,
        module.call.source,
        project.body(module.call),
        module.call.span,
        module.names,
        module.call,
        module.address,
    )
    label = module.call.block.label(0)
    return Resource(project, module.parent, module.call, "module", module.source, label, module.address, section)


def instances(project: Project, module: Module, declared: Declared, address: Address) -> list[Resource]:
    """The instances of a resource or data source; one with a gap where it is not known how many there are.

    A declaration that cannot be read has none: nothing of it is known, not even that an argument is left out.
    """
    mode, kind, name = address
    plainly = f"data.{kind}.{name}" if mode == "data" else f"{kind}.{name}"
    expansion = project.expanded(module, declared)
    gap: Unknown | None = None
    if isinstance(expansion, Unknown):
        gap = expansion
        span = expansion.span
        expansion = [("", {"each": Object({"key": gap, "value": gap}, span), "count": Object({"index": gap}, span)})]
    body = project.body(declared)
    if not project.syntaxes.readable(declared.source, declared.block):
        return []
    return [
        Resource(
            project,
            module,
            declared,
            mode,
            kind,
            name,
            module.prefixed(plainly + suffix),
            BlockSection(
                project,
                module,
                declared.source,
                body,
                declared.span,
                names,
                declared,
                module.prefixed(plainly + suffix),
            ),
            gap,
        )
        for suffix, names in expansion
    ]
