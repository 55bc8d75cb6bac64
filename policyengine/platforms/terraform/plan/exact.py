"""What a plan or state says, where the evaluation and the builders of nodes ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.value import Known, Unknown, Via
from policyengine.platforms.terraform.language.values import Object, Reference, Tree, decided
from policyengine.platforms.terraform.plan.overlay import NAMES, Spot, agrees, empty, hidden, matched, merged
from policyengine.platforms.terraform.resources.sections import BlockSection, Nested, ObjectSection, Resource
from policyengine.syntax.hcl.syntax import Body

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.expansion import Expansion
    from policyengine.platforms.terraform.plan.plan import Exact, Part
    from policyengine.platforms.terraform.resources.sections import Section

# what the evaluation asks


def variable(exact: Exact, name: str, tree: Tree, place: Span) -> Tree:
    """The value of a variable of the root module; `tree` is what the files give it."""
    part = exact.variables.get(name)
    found = None if part is None else merged(exact, tree, part, Spot(place, place))
    return tree if found is None else found


def attribute(exact: Exact, address: str, name: str, tree: Tree, place: Span) -> Tree:
    """An attribute of an instance as other expressions see it; `place` is its argument's value, or the name."""
    whole = exact.resources.get(address)
    if whole is None or name not in whole.keys:
        return tree
    part = whole.item(name)
    written = None if isinstance(tree, Reference) and tree.address == address else tree
    if part.value is None or part.unknown is True:
        return tree
    if hidden(exact, part):
        return tree if written is not None else Unknown(f"{address}.{name} is sensitive, so it is not read", place)
    found = merged(exact, written, part, Spot(place, place))
    return tree if found is None else found


def expansion(exact: Exact, base: str, found: Expansion | Unknown, place: Span) -> Expansion | Unknown:
    """The instances of a block; `base` is its address without a key. What a state lacks may be made yet."""
    known = exact.instances.get(base)
    if known is None:
        return [] if isinstance(found, Unknown) and exact.whole and not _has_data(base) else found
    if not isinstance(found, Unknown) and (
        exact.kind == "state" or {each[:1] for each, _ in found} - {each[:1] for each in known}
    ):
        return found
    names = {} if isinstance(found, Unknown) else dict(found)
    reason = found if isinstance(found, Unknown) else Unknown("the files make no such instance", place)
    made: Expansion = []
    for suffix in sorted(known, key=_key):
        if suffix in names:
            made.append((suffix, names[suffix]))
        elif suffix[:2] == '["':
            key = Known(suffix[2:-2], place, (Via(exact.what, place),))
            made.append((suffix, {"each": Object({"key": key, "value": reason}, place)}))
        elif suffix:
            index = Known(int(suffix[1:-1]), place, (Via(exact.what, place),))
            made.append((suffix, {"count": Object({"index": index}, place)}))
    return made if made or not known else found


def _has_data(base: str) -> bool:
    return base.rpartition(".")[0].endswith("data") or ".data." in f".{base}"


def _key(suffix: str) -> tuple[int, str]:
    digits = suffix[1:-1]
    return (int(digits), "") if digits.isdigit() else (-1, suffix)


# what the builders of nodes ask

_ACTUAL = {"engine_version": ("engine_version_actual", "engine_patch_version")}
"""Attributes that tell what runs where the argument may be a prefix of it, of RDS, ElastiCache and MemoryDB."""


def argument(exact: Exact, section: BlockSection, name: str, tree: Tree | None) -> Tree | None:
    """An argument of a block; `tree` is what the files give it. One that is not written counts only where it is set."""
    part = _argument(exact, section, name)
    if part is None or name.endswith("_wo"):
        return tree
    if tree is None and (part.unknown is True or empty(part.value)):
        return None
    found = merged(exact, tree, part, _spot(section, name, section.span))
    return None if isinstance(found, Known) and found.value is None else found


def nested(exact: Exact, section: BlockSection, name: str, found: Nested) -> Nested:
    """The nested blocks of a type; `found` are those that the files make."""
    part = _argument(exact, section, name)
    if part is None or part.unknown is True or hidden(exact, part):
        return found
    parts = [part.item(index) for index in range(len(part.value))] if isinstance(part.value, list) else [part]
    if not all(isinstance(each.value, dict) for each in parts):
        return found
    if section.attribute(name) is not None:
        return found  # of an argument, which is overlaid already
    return Nested(tuple(_overlaid(exact, parts, found.sections, section.span)))


class _Overlaid(Struct, frozen=True):
    """A nested block with planned or actual values over what is written, if it is written."""

    exact: Exact
    part: Part
    section: Section | None
    span: Span

    def get(self, name: str) -> Tree | None:
        tree = self.section.get(name) if self.section is not None else None
        if name not in self.part.keys:
            return tree
        part = self.part.item(name)
        if tree is None and (part.unknown is True or empty(part.value)):
            return None
        found = merged(self.exact, tree, part, _spot(self.section, name, self.span))
        return None if isinstance(found, Known) and found.value is None else found

    def blocks(self, name: str) -> Nested:
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
        _Overlaid(exact, part, None, place)
        if index is None
        else _Overlaid(exact, part, sections[index], sections[index].span)
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
    for actual in _ACTUAL.get(name, ()):
        part = whole.item(actual)
        if isinstance(part.value, str) and part.value and part.unknown is not True:
            return part
    return whole.item(name) if name in whole.keys else None


_MADE = (
    "aws_db_instance",
    "aws_rds_cluster",
    "aws_elasticache_replication_group",
    "aws_elasticache_cluster",
    "aws_elasticache_serverless_cache",
    "aws_db_parameter_group",
    "aws_rds_cluster_parameter_group",
    "aws_elasticache_parameter_group",
    "aws_ecs_task_definition",
    "aws_ecs_service",
    "aws_ecr_repository",
)
_INPUTS = {
    "repository_name": "name",
    "repository_image_tag_mutability": "image_tag_mutability",
    "parameters": "parameter",
}
"""Inputs of modules that are named otherwise than the argument they become."""


def _input(exact: Exact, module: str, name: str) -> Part | None:
    """What became of an input of a module that is not in the repository: the same argument of a resource it made."""
    target = _INPUTS.get(name, name)
    for kind in _MADE:
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


def unread(exact: Exact, call: Resource, kinds: frozenset[str]) -> Iterator[Resource]:
    """What a module makes, of these types, that is neither in the repository nor known by its inputs."""
    from policyengine.platforms.terraform.resources.table import MODULES  # noqa: PLC0415 - the table is of builders, which ask us

    if not any(part in call.kind for part, _ in MODULES):
        for made in made_by(exact, call):
            if (f"data.{made.kind}" if made.mode == "data" else made.kind) in kinds:
                yield made


def made_by(exact: Exact, call: Resource) -> Iterator[Resource]:
    """What a module makes that is not in the repository, placed at its call."""
    place = call.section.body.start
    for address, _ in exact.inside(call.address):
        mode, kind, name = exact.declared[address]
        empty = Body(place, place, (), ())
        section = BlockSection(call.project, call.module, call.section.source, empty, call.span, address=address)
        yield Resource(call.project, call.module, call.declared, mode, kind, name, address, section)


def _actual(whole: Part, name: str) -> Sequence[str]:
    """The attribute that tells the most about an argument; none where there is no such attribute."""
    for actual in _ACTUAL.get(name, ()):
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
