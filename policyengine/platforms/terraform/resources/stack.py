"""The resources of a root module as they are read by all who make nodes of them: by address, with the ids of nodes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar, cast

from msgspec import Struct, field

from policyengine.knowledge.terraform_resources import ResourceType, resource_type
from policyengine.model.value import Absent, Floating, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.values import decided, plain
from policyengine.platforms.terraform.resources import facts
from policyengine.platforms.terraform.resources.arguments import BlockView
from policyengine.platforms.terraform.workspace.blocks import BlockSection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from policyengine.model.image import Version
    from policyengine.model.nodes import Side
    from policyengine.model.source import Span
    from policyengine.platforms import Lowered, Written
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.resources.instances import Resource

_ADDRESS = regex(r'(?:module\.[\w-]+(?:\[(?:"[^"]*"|\d+)\])?\.)*(?:data\.)?[\w-]+\.[\w-]+(?:\[(?:"[^"]*"|\d+|…)\])?')
_CALL = regex(r'(?:module\.[\w-]+(?:\[(?:"[^"]*"|\d+)\])?\.?)+')
_OUTER_CALL = regex(r'(?:module\.[\w-]+(?:\[(?:"[^"]*"|\d+)\])?\.?)+(?=\.module\.)')

_NAME = regex(r"(?:^\s*\[?|,)\s*[\"']?([A-Za-z_][^\s,\"']*)")
_REMARK = regex(r"(?:#|//)[^\n]*")
_INDEX = regex(r"\[[^\]]*\]|\]")

T = TypeVar("T")

NOTHING_KNOWN = ResourceType(node="", source="")


class ResourceView(BlockView, frozen=True, eq=False, kw_only=True):
    """One instance of a resource or data source, or a call of a module that is not in the repository.

    Its arguments are asked by their roles, as the table of resource types has them: `version` is `engine_version` of
    an `aws_db_instance`. A type that is not in the table has its arguments by their own names.
    """

    resource: Resource
    stack: Stack
    known: ResourceType = NOTHING_KNOWN

    @property
    def id(self) -> str:
        """The id of its node."""
        return self.stack.id(self.resource.address)

    @property
    def name(self) -> str:
        """Its address, which is the name of its node."""
        return self.resource.address

    def left_alone(self, *arguments: str) -> Unknown | None:
        """Why what runs may differ from one of these arguments: its lifecycle ignores changes of it.

        They are paths through nested blocks, `template.containers.image`, of which a part may be ignored.
        """
        for section in self.resource.block.blocks("lifecycle").sections:
            told = section.text_of("ignore_changes") if isinstance(section, BlockSection) else ""
            names = _NAME.findall(_REMARK.sub("", told)) if told else _listed(section.get("ignore_changes"))
            names = [_INDEX.sub("", name) for name in names]
            found = next(
                (
                    name
                    for name in names
                    if name == "all" or any(f"{each}.".startswith(f"{name}.") for each in arguments)
                ),
                None,
            )
            if found is not None:
                return Unknown(f"{self.name} ignores changes of {found}: something else may set it", section.span)
        return None

    @property
    def side(self) -> Side:
        """The side of the graph that it belongs to."""
        return self.stack.side

    @property
    def kind(self) -> str:
        """Its type without `data.`; of a module call the module's source."""
        return self.resource.kind

    def tells(self, role: str) -> bool:
        """Whether there is an argument that tells a role."""
        return self.known.arguments.get(role) != ()

    def part(self, part: str) -> str:
        """The id of a node that is a part of it, such as a container."""
        return self.stack.id(self.resource.address, part)

    @property
    def unread(self) -> Unknown | None:
        """Why an argument that is not given is not known; None where its absence tells."""
        reason = f"what '{self.name}' makes of its inputs is not in the repository"
        return Unknown(reason, self.span) if self.known.opaque else None

    def tree(self, *names: str) -> Tree | None:
        """An argument by its role, as it was evaluated; None where it is not given, or null."""
        told = (each for name in names for each in self.known.arguments.get(name, (name,)))
        return next((tree for name in told if (tree := self.section.get(name)) is not None), None)

    def version(self, engine: str = "") -> Value[Version]:
        """The version of an engine."""
        reason = self.known.untold.get("version")
        if reason is not None:
            return Unknown(reason, self.span)
        tree = self.tree("version")
        if tree is None and "version" in self.known.defaults:
            return self.version_of(engine, Known(str(self.known.defaults["version"]), self.span))
        return self.unread or self.version_of(engine, tree) if tree is None else self.version_of(engine, tree)

    def version_of(self, engine: str, tree: Tree | None) -> Value[Version]:
        """A version that is written elsewhere, in the numbers of the service."""
        found = facts.version(
            engine, tree, self.span, counted=self.known.numbers.get(engine, self.known.numbers.get("", 0))
        )
        moves = self.known.moving or self.left_alone(*self.known.arguments.get("version", ("version",))) is not None
        return Floating(found.value, found.span, found.via) if moves and isinstance(found, Known) else found

    def named(self, tree: Tree | None, *kinds: str) -> list[ResourceView]:
        """The resources of these types that a value refers to, in the order met."""
        return self.stack.named(tree, *kinds)

    def named_by(self, kind: str, argument: str) -> list[ResourceView]:
        """The resources of a type that name this one in an argument."""
        return self.stack.naming(kind, argument).get(self.name, [])

    def _read(self, names: tuple[str, ...], read: Callable[[Tree | None, Span], Value[T]]) -> Value[T]:
        for name in names:
            if name in self.known.fixed:
                return Known(cast("T", self.known.fixed[name]), self.span)
            if name in self.known.untold:
                return Unknown(self.known.untold[name], self.span)
        found = read(self.tree(*names), self.span)
        default = next((self.known.defaults[name] for name in names if name in self.known.defaults), None)
        if isinstance(found, Absent) and default is not None:
            return Known(cast("T", default), self.span)
        return self.unread or found if isinstance(found, Absent) else found


def _listed(tree: Tree | None) -> list[str]:
    """The names of a list of strings, as the JSON syntax has them."""
    values = plain(tree) if tree is not None and decided(tree) else None
    return [str(each) for each in values] if isinstance(values, list) else [str(values)]


class Stack(Struct, eq=False):
    """The resources of one root module.

    `suffix` tells the ids of several root modules apart. `reads` are other platforms that read what a text of this one
    writes. `plain` has the instances of each address without a key.
    """

    side: Side
    suffix: str = ""
    reads: Mapping[str, Callable[[Written], Lowered]] = field(default_factory=dict)
    views: list[ResourceView] = field(default_factory=list)
    by_address: dict[str, ResourceView] = field(default_factory=dict)
    plain: dict[str, list[ResourceView]] = field(default_factory=dict)
    by_type: dict[tuple[str, str], list[ResourceView]] = field(default_factory=dict)  # by mode and type
    _indexes: dict[str, object] = field(default_factory=dict)

    def once(self, index: Callable[[Stack], T]) -> T:
        """An index of the resources, such as which version belongs to which secret, made when it is first asked for."""
        name = f"{index.__module__}.{index.__qualname__}"
        if name not in self._indexes:
            self._indexes[name] = index(self)
        return cast("T", self._indexes[name])

    def id(self, address: str, part: str = "") -> str:
        """The node id of a resource, or of a part of it such as a container."""
        return f"terraform:{address}{self.suffix}" + (f"#{part}" if part else "")

    def kind(self, *kinds: str, mode: str = "resource") -> Sequence[ResourceView]:
        """The resources of these types."""
        if len(kinds) == 1:
            return self.by_type.get((mode, kinds[0]), ())
        found = [each for kind in kinds for each in self.by_type.get((mode, kind), ())]
        return sorted(found, key=lambda each: (each.name, each.span))

    def naming(self, kind: str, argument: str) -> Mapping[str, list[ResourceView]]:
        """The resources of a type by the addresses that an argument of theirs names."""
        name = f"{kind}.{argument}"
        if name not in self._indexes:
            found: dict[str, list[ResourceView]] = {}
            for each in self.kind(kind):
                for view in self.named(each.tree(argument)):
                    found.setdefault(view.name, []).append(each)
            self._indexes[name] = found
        return cast("Mapping[str, list[ResourceView]]", self._indexes[name])

    def at(self, address: str) -> ResourceView | None:
        """The resource that an address, with or without an attribute behind it, names."""
        match = _ADDRESS.match(address)
        if match is None:
            return None
        found = self.by_address.get(match[0])
        if found is None:
            same = self.plain.get(_without_key(match[0]), [])
            found = same[0] if same else None
        if found is None and address.startswith("module."):
            names = _CALL.match(address)
            while names is not None:
                prefix = names[0].rstrip(".")
                found = self.by_address.get(prefix)
                if found is not None or "." not in prefix:
                    break
                names = _OUTER_CALL.match(prefix)
        return found

    def named(self, tree: Tree | None, *kinds: str) -> list[ResourceView]:
        """The resources of these types that a value refers to, in the order met."""
        if tree is None:
            return []
        found: dict[str, ResourceView] = {}
        for address in facts.references(tree):
            view = self.at(address)
            if view is not None and (not kinds or view.kind in kinds):
                found.setdefault(view.name, view)
        return list(found.values())


def stack_of(
    resources: Iterable[Resource],
    side: Side,
    suffix: str = "",
    reads: Mapping[str, Callable[[Written], Lowered]] | None = None,
) -> Stack:
    """The stack of resources, in the order in which they make nodes. `reads` are other platforms that read texts."""
    stack = Stack(side, suffix, reads or {})
    for resource in resources:
        known = resource_type(resource.typed) if resource.mode != "module" else resource.makes
        view = ResourceView(section=resource.section, resource=resource, stack=stack, known=known or NOTHING_KNOWN)
        stack.views.append(view)
        stack.by_address[view.name] = view
        stack.by_type.setdefault((resource.mode, resource.kind), []).append(view)
        stack.plain.setdefault(_without_key(view.name), []).append(view)
    return stack


def _without_key(address: str) -> str:
    return re.sub(r"\[[^\]]*\]$", "", address)
