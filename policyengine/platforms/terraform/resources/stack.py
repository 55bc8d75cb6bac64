"""What the builders of nodes share: the resources of a root module by address, and the ids of their nodes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar, cast

from msgspec import Struct, field

from policyengine.patterns import regex
from policyengine.platforms.terraform.resources.facts import references

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyengine.model.nodes import Side
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.resources.instances import Resource

_ADDRESS = regex(r'(?:module\.[\w-]+(?:\[(?:"[^"]*"|\d+)\])?\.)*(?:data\.)?[\w-]+\.[\w-]+(?:\[(?:"[^"]*"|\d+|…)\])?')


T = TypeVar("T")


class Stack(Struct):
    """The resources of one root module. `suffix` tells the ids of several root modules apart."""

    resources: list[Resource]
    side: Side
    suffix: str = ""
    _by_address: dict[str, Resource] = field(default_factory=dict)
    _plain: dict[str, list[Resource]] = field(default_factory=dict)
    _indexes: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for resource in self.resources:
            self._by_address[resource.address] = resource
            self._plain.setdefault(_without_key(resource.address), []).append(resource)

    def once(self, index: Callable[[Stack], T]) -> T:
        """An index of the resources, such as which version belongs to which secret, made when it is first asked for."""
        name = f"{index.__module__}.{index.__qualname__}"
        if name not in self._indexes:
            self._indexes[name] = index(self)
        return cast("T", self._indexes[name])

    def id(self, address: str, part: str = "") -> str:
        """The node id of a resource, or of a container in it."""
        return f"terraform:{address}{self.suffix}" + (f"#{part}" if part else "")

    def kind(self, *kinds: str, mode: str = "resource") -> Iterator[Resource]:
        """The resources of these types."""
        return (each for each in self.resources if each.mode == mode and each.kind in kinds)

    def modules(self, *sources: str) -> Iterator[Resource]:
        """The calls of modules from a registry or repository whose source contains one of these texts."""
        return (each for each in self.resources if each.mode == "module" and any(part in each.kind for part in sources))

    def at(self, address: str) -> Resource | None:
        """The resource that an address, with or without an attribute behind it, names."""
        match = _ADDRESS.match(address)
        if match is None:
            return None
        found = self._by_address.get(match[0])
        if found is None:
            same = self._plain.get(_without_key(match[0]), [])
            found = same[0] if same else None
        if found is None and address.startswith("module."):
            names = re.match(r'(?:module\.[\w-]+(?:\[(?:"[^"]*"|\d+)\])?\.?)+', address)
            while names is not None:
                prefix = names[0].rstrip(".")
                found = self._by_address.get(prefix)
                if found is not None or "." not in prefix:
                    break
                names = re.match(r'(?:module\.[\w-]+(?:\[(?:"[^"]*"|\d+)\])?\.?)+(?=\.module\.)', prefix)
        return found

    def named(self, tree: Tree | None, *kinds: str) -> list[Resource]:
        """The resources of these types that a value refers to, in the order met."""
        if tree is None:
            return []
        found: dict[str, Resource] = {}
        for address in references(tree):
            resource = self.at(address)
            if resource is not None and (not kinds or resource.kind in kinds):
                found.setdefault(resource.address, resource)
        return list(found.values())


def _without_key(address: str) -> str:
    return re.sub(r"\[[^\]]*\]$", "", address)
