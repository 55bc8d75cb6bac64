"""Everything that root modules declare, with all arguments: resources, data sources, module calls, providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.knowledge.secrets import may_hold_secret, secret_attribute
from policyengine.model.declaration import Declaration, DeclarationKind, Declarations, Elements, Entries
from policyengine.model.value import Absent, Known
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.secrecy import sealed
from policyengine.platforms.terraform.language.sections import ObjectSection
from policyengine.platforms.terraform.plan.sections import PlannedBlock, PlannedSection
from policyengine.platforms.terraform.resources.contents import content
from policyengine.platforms.terraform.resources.instances import Resource, module_call, resources
from policyengine.platforms.terraform.resources.secrecy import met
from policyengine.platforms.terraform.workspace.blocks import BlockSection
from policyengine.platforms.terraform.workspace.modules import every_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.declaration import Content
    from policyengine.model.nodes import Side
    from policyengine.model.source import ReadError, Span
    from policyengine.model.value import Sealed
    from policyengine.platforms.terraform.language.sections import Section
    from policyengine.platforms.terraform.plan.planned import Planned

_KINDS = frozenset({DeclarationKind.RESOURCE, DeclarationKind.DATA, DeclarationKind.MODULE, DeclarationKind.PROVIDER})
_NAMES = frozenset({"depends_on", "ignore_changes", "provider", "providers", "replace_triggered_by"})
"""Arguments that name what stands elsewhere, and are not evaluated."""

_NAMED = regex(r'[\w*-]+(?:\.[\w*-]+|\["[^"\n]*"\]|\[\d+\])*')
_KEY = regex(r"\[[^\]]*\]\Z")
_ADDRESS = regex(
    r'((?:module\.[\w-]+(?:\[(?:"[^"]*"|\d+|…)\])?\.)*(?:data\.)?([A-Za-z][\w-]*)\.[\w-]+)(\[(?:"[^"]*"|\d+|…)\])?'
)


class RootModule(Struct, frozen=True, eq=False):
    """A root module with what plans say of it. `suffix` is what the ids of its nodes end with."""

    planned: Planned
    suffix: str

    @property
    def place(self) -> str:
        """What its ids end with where another root module has the same."""
        return f"@{self.planned.project.folder.path or '.'}"


class _Declaring(Struct, eq=False):
    """The root modules, and what was found in them so far."""

    roots: Sequence[RootModule]
    side: Side
    known: dict[tuple[int, str], dict[str, Declaration]] = field(default_factory=dict)  # by root and type, then address
    owners: dict[str, int] = field(default_factory=dict)  # the root module of each address with its suffix
    made: dict[str, Declaration] = field(default_factory=dict)
    before: frozenset[int] = frozenset()  # the problems that are told without this
    sealed: dict[Sealed, None] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)

    def find(self, kind: DeclarationKind, type_: str) -> Iterator[Declaration]:
        for number in range(len(self.roots)):
            yield from self.of_root(number, kind, type_)

    def of_root(self, number: int, kind: DeclarationKind, type_: str) -> Iterator[Declaration]:
        """Those of one root module."""
        self.asked.add(number)
        planned = self.roots[number].planned
        if kind is DeclarationKind.PROVIDER:
            found = list(_providers(planned))
        elif kind is DeclarationKind.MODULE:
            found = [module_call(planned, each) for each in every_module(planned.project, _any) if each.call]
        else:
            types = frozenset({type_}) if type_ else _every_type(planned)
            found = [each for each in resources(planned, types, _nothing_told) if each.mode == kind.value]
        for each in found:
            typed = each.kind if kind in (DeclarationKind.MODULE, DeclarationKind.PROVIDER) else each.typed
            if type_ in ("", typed):
                yield self.declaration(number, kind, typed, each)

    def declaration(self, number: int, kind: DeclarationKind, type_: str, resource: Resource) -> Declaration:
        """One instance; the same for all who ask."""
        suffix = self.roots[number].suffix
        if self.owners.setdefault(f"{resource.address}{suffix}", number) != number:
            suffix = self.roots[number].place
        node_id = f"terraform:{resource.address}{suffix}"
        if node_id in self.made:
            return self.made[node_id]
        self.made[node_id] = made = Declaration(
            id=node_id,
            name=resource.address,
            side=self.side,
            span=resource.span,
            doubt=resource.doubt,
            kind=kind,
            type=type_,
            within=f"terraform:{resource.module.address}{suffix}" if resource.module.address else "",
            given=lambda: _keys(resource.section),
            read=lambda name: self.read(resource, resource.section, (name,)),
            lead=lambda name: self.at(number, name),
        )
        return made

    def read(self, resource: Resource, section: Section, path: tuple[str, ...]) -> Content:
        """An argument, or all nested blocks of a type."""
        name = path[-1]
        if name in _NAMES:
            return _named(section, name)
        nested = None if _is_argument(section, name) else section.blocks(name)
        if nested is not None and (nested.sections or nested.gap is not None):
            blocks = tuple(
                Entries({key: self.read(resource, each, (*path, key)) for key in _keys(each)}, each.span)
                for each in nested.sections
            )
            return Elements(blocks, blocks[0].span if blocks else section.span, nested.gap)
        tree = section.get(name)
        if tree is None:
            return Absent(section.span)
        listed = secret_attribute(resource.typed, ".".join(path))
        marked = listed is not None and listed.level != "plain"
        secret = may_hold_secret(name) if listed is None else marked
        self.sealed |= dict.fromkeys(sealed(tree, secret=secret, marked=marked))
        return content(tree, section.span)

    def at(self, number: int, name: str) -> Declaration | None:
        """What an address, with or without an attribute behind it, names in a root module."""
        match = _ADDRESS.match(name)
        if match is None:
            return None
        base, type_, key = match.groups()
        data = f"data.{type_}." in base
        if type_ in ("var", "local", "each", "count", "path", "terraform"):
            return None
        kind = DeclarationKind.DATA if data else DeclarationKind.RESOURCE
        kind = DeclarationKind.MODULE if type_ == "module" else kind
        typed = f"data.{type_}" if data else type_
        of_type = self.known.get((number, typed))
        if of_type is None:
            of_type = self.known[number, typed] = {}
            for each in self.of_root(number, kind, "" if kind is DeclarationKind.MODULE else typed):
                of_type[each.name] = each
                of_type.setdefault(_KEY.sub("", each.name), each)
        return of_type.get(base + (key or "")) or of_type.get(base)

    def made_of(self, node_id: str, _place: Span) -> Declaration | None:
        """The resource that a node is made of."""
        platform, _, rest = node_id.partition(":")
        if platform != "terraform":
            return None
        address = rest.partition("#")[0]
        for number, root in enumerate(self.roots):
            if address.endswith(root.suffix):
                found = self.at(number, address.removesuffix(root.suffix))
                if found is not None and found.id == f"terraform:{address}":
                    return found
        return None

    def secrets(self) -> Iterator[Sealed]:
        yield from self.sealed
        for number in sorted(self.asked):
            yield from met(self.roots[number].planned.project)

    def problems(self) -> Iterator[ReadError]:
        for number in sorted(self.asked):
            yield from (
                each
                for each in self.roots[number].planned.project.syntaxes.problems.values()
                if id(each) not in self.before
            )


def declarations(roots: Sequence[RootModule], side: Side) -> Declarations:
    """What root modules declare. Nothing is evaluated before somebody asks."""
    told = (id(each) for root in roots for each in root.planned.project.syntaxes.problems.values())
    declaring = _Declaring(roots, side, before=frozenset(told))
    return Declarations(
        _KINDS, declaring.find, declaring.made_of, declaring.made, declaring.secrets, declaring.problems
    )


def _any(*_: object) -> bool:
    return True


def _nothing_told(_: Resource) -> bool:
    return False


def _every_type(planned: Planned) -> frozenset[str]:
    folders = {each.folder.path: each.folder for each in every_module(planned.project, _any) if each.folder}
    stated = planned.exact.declared.values() if planned.exact is not None else ()
    written = (address for folder in folders.values() for address in folder.resources)
    return frozenset(f"data.{kind}" if mode == "data" else kind for mode, kind, _ in (*written, *stated))


def _providers(planned: Planned) -> Iterator[Resource]:
    """The provider configurations of every module."""
    for module in every_module(planned.project, _any):
        for declared in module.folder.providers if module.folder is not None else ():
            project = planned.project
            name = declared.block.label(0)
            block = BlockSection(project, module, declared.source, project.body(declared), declared.span, {}, declared)
            alias = block.text_of("alias").strip('"')
            address = module.prefixed(f"provider.{name}" + (f".{alias}" if alias else ""))
            yield Resource(module, declared, "provider", name, name, address, block, block)


def _keys(section: Section) -> tuple[str, ...]:
    """The names of arguments and the types of nested blocks that are given."""
    match section:
        case BlockSection():
            names = dict.fromkeys(each.name for each in section.body.attributes)
            if section.declared is not None:
                for override in section.declared.overrides:
                    names |= dict.fromkeys(each.name for each in section.project.body(override).attributes)
            for block, _ in section.nested():
                names[block.labels[0].text if block.type == "dynamic" and block.labels else block.type] = None
            return tuple(names)
        case PlannedBlock(exact, block):
            whole = exact.resources.get(block.address)
            return tuple(dict.fromkeys((*_keys(block), *(whole.keys if whole is not None else ()))))
        case PlannedSection(part=part, section=inner):
            return tuple(dict.fromkeys((*(_keys(inner) if inner is not None else ()), *part.keys)))
        case ObjectSection(tree):
            return tuple(tree.entries)
        case _:
            raise AssertionError(section)


def _is_argument(section: Section, name: str) -> bool:
    """Whether a name is written as an argument, and not as nested blocks."""
    match section:
        case BlockSection():
            return section.attribute(name) is not None
        case PlannedBlock(block=block):
            return block.attribute(name) is not None
        case PlannedSection(section=inner):
            return inner is not None and _is_argument(inner, name)
        case _:
            return True


def _named(section: Section, name: str) -> Content:
    """What an argument names, as it is written."""
    match section:
        case PlannedBlock(block=block) | PlannedSection(section=BlockSection() as block):
            found = block.attribute(name)
        case BlockSection():
            found = section.attribute(name)
        case _:
            found = None
    if found is None:
        return Absent(section.span)
    attribute, source = found
    place = source.span(attribute.value.start, attribute.value.end)
    words = _NAMED.finditer(source.text, place.start, place.end)
    items = tuple(Known(each[0], source.span(each.start(), each.end())) for each in words)
    return items[0] if name == "provider" and items else Elements(items, place)
