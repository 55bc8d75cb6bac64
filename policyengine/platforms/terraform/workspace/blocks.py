"""Blocks of a root module as sections: their arguments are evaluated when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.sections import Nested, given, nested_of
from policyengine.platforms.terraform.language.values import List, Object, decided, elements, unknown_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyengine.model.source import Source, Span
    from policyengine.model.value import Unknown
    from policyengine.platforms.terraform.language.scope import HclFrame
    from policyengine.platforms.terraform.language.sections import Section
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.workspace.folders import Declared
    from policyengine.platforms.terraform.workspace.instances import ModuleInstance
    from policyengine.platforms.terraform.workspace.project import Project
    from policyengine.syntax.hcl.syntax import Attribute, Body, NestedBlock


class BlockSection(Struct, frozen=True):
    """A section that is a block's body, evaluated in a module instance."""

    project: Project
    module: ModuleInstance
    source: Source
    body: Body
    span: Span
    names: Mapping[str, Tree] = field(default_factory=dict)
    declared: Declared | None = None  # of a top-level block, for its override files
    address: str = ""  # of a top-level block

    def frame(self, source: Source | None = None) -> HclFrame:
        """What an expression of this block sees."""
        return self.module.frame(source or self.source, self.names)

    def attribute(self, name: str) -> tuple[Attribute, Source] | None:
        """The syntax of an argument, with the file it stands in."""
        if self.declared is not None:
            return self.project.attribute_of(self.declared, name)
        found = self.body.attribute(name)
        return None if found is None else (found, self.source)

    def nested(self) -> Sequence[tuple[NestedBlock, Source]]:
        """The syntax of all nested blocks, each with the file it stands in."""
        if self.declared is not None:
            return self.project.blocks_of(self.declared)
        return [(block, self.source) for block in self.body.blocks]

    def get(self, name: str) -> Tree | None:
        """An argument; None where it is not given, or null."""
        found = self.attribute(name)
        if found is None:
            return None
        attribute, source = found
        frame = self.frame(source)
        return given(self.project.run(lambda: settled(attribute.value, frame)))

    def blocks(self, name: str) -> Nested:
        """The nested blocks of a type, static ones and those that `dynamic` makes, in source order."""
        sections: list[Section] = []
        gap: Unknown | None = None
        for block, source in self.nested():
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
