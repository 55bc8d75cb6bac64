"""Blocks with planned or actual values over what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.terraform_attributes import input_of, made_types, told_by
from policyengine.model.value import Known
from policyengine.platforms.terraform.language.sections import Nested, ObjectSection, nested_of
from policyengine.platforms.terraform.language.values import Tree, decided
from policyengine.platforms.terraform.plan.overlay import NAMES, Spot, agrees, empty, hidden, matched, merged
from policyengine.platforms.terraform.workspace.blocks import BlockSection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.sections import Section
    from policyengine.platforms.terraform.plan.plan import Exact, Part


class PlannedBlock(Struct, frozen=True):
    """A top-level block with planned or actual values over what is written."""

    exact: Exact
    block: BlockSection

    @property
    def span(self) -> Span:
        """The place of its name."""
        return self.block.span

    def get(self, name: str) -> Tree | None:
        """An argument. One that is not written counts only where it is set."""
        return _laid(self.exact, self.block, name, self.block.get(name))

    def blocks(self, name: str) -> Nested:
        """The nested blocks of a type."""
        if self.block.attribute(name) is not None:
            return nested_of(self.get(name))
        return _nested(self.exact, self.block, name, self.block.blocks(name))


def _laid(exact: Exact, section: BlockSection, name: str, tree: Tree | None) -> Tree | None:
    part = _argument(exact, section, name)
    if part is None or name.endswith("_wo"):
        return tree
    if tree is None and (part.unknown is True or empty(part.value)):
        return None
    found = merged(exact, tree, part, _spot(section, name, section.span))
    return None if isinstance(found, Known) and found.value is None else found


def _nested(exact: Exact, section: BlockSection, name: str, found: Nested) -> Nested:
    part = _argument(exact, section, name)
    if part is None or part.unknown is True or hidden(exact, part):
        return found
    parts = [part.item(index) for index in range(len(part.value))] if isinstance(part.value, list) else [part]
    if not all(isinstance(each.value, dict) for each in parts):
        return found
    return Nested(tuple(_overlaid(exact, parts, found.sections, section.span)))


class PlannedSection(Struct, frozen=True):
    """A nested block with planned or actual values over what is written, if it is written."""

    exact: Exact
    part: Part
    section: Section | None
    span: Span

    def get(self, name: str) -> Tree | None:
        """An argument, as of a top-level block."""
        tree = self.section.get(name) if self.section is not None else None
        if name not in self.part.keys:
            return tree
        part = self.part.item(name)
        if tree is None and (part.unknown is True or empty(part.value)):
            return None
        found = merged(self.exact, tree, part, _spot(self.section, name, self.span))
        return None if isinstance(found, Known) and found.value is None else found

    def blocks(self, name: str) -> Nested:
        """The nested blocks of a type, as of a top-level block."""
        found = self.section.blocks(name) if self.section is not None else Nested()
        part = self.part.item(name)
        if not isinstance(part.value, list) or not all(isinstance(each, dict) for each in part.value):
            return found
        parts = [part.item(index) for index in range(len(part.value))]
        return Nested(tuple(_overlaid(self.exact, parts, found.sections, self.span)))


def _overlaid(exact: Exact, parts: Sequence[Part], sections: Sequence[Section], place: Span) -> list[Section]:
    scores = [[_alike(part, section) for section in sections] for part in parts]
    chosen = matched(scores, same_length=len(parts) == len(sections))
    return [
        PlannedSection(exact, part, None, place)
        if index is None
        else PlannedSection(exact, part, sections[index], sections[index].span)
        for part, index in zip(parts, chosen, strict=True)
    ]


def _alike(part: Part, section: Section) -> int:
    score = 0
    for name in part.keys:
        value = part.item(name).value
        if isinstance(value, dict | list):
            continue
        tree = section.get(name)
        if tree is not None and decided(tree) and not empty(value):
            if agrees(tree, value):
                score += 1
            elif name in NAMES:
                return -1
    return score


def _argument(exact: Exact, section: BlockSection, name: str) -> Part | None:
    whole = exact.resources.get(section.address)
    if whole is None:
        call = section.declared is not None and section.declared.block.type == "module"
        return _input(exact, section.address, name) if call else None
    for actual in told_by(name):
        part = whole.item(actual)
        if isinstance(part.value, str) and part.value and part.unknown is not True:
            return part
    return whole.item(name) if name in whole.keys else None


def _input(exact: Exact, module: str, name: str) -> Part | None:
    """What became of an input of a module that is not in the repository: the same argument of a resource it made."""
    target = input_of(name)
    for kind in made_types():
        found = [
            whole.item(actual)
            for address, whole in exact.inside(module)
            if f".{kind}." in address
            for actual in _actual(whole, target)
        ]
        if found:
            same = all(each.value == found[0].value for each in found)
            return found[0] if same and name != "name" else None
    return None


def _actual(whole: Part, name: str) -> Sequence[str]:
    """The attribute that tells the most about an argument; none where there is no such attribute."""
    for actual in told_by(name):
        part = whole.item(actual)
        if isinstance(part.value, str) and part.value and part.unknown is not True:
            return (actual,)
    return (name,) if name in whole.keys else ()


def _spot(section: Section | None, name: str, place: Span) -> Spot:
    match section:
        case BlockSection():
            found = section.attribute(name)
            if found is not None:
                syntax, source = found
                inside = source.span(syntax.start, syntax.value.end)
                return Spot(inside, source.span(syntax.value.start, syntax.value.end))
        case ObjectSection(tree):
            return Spot(tree.span, tree.keys.get(name, place))
        case _:
            pass
    return Spot(place, place)
