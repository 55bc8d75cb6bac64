"""Which resources and modules of Terraform make which nodes of the graph, and which of their arguments tell what.

What an argument tells is its role: `version` is that of the engine, whatever a provider calls it. A role that is not
listed is told by the argument of its name; one with an empty list by none.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads it

from msgspec import Struct, field

from policyengine.knowledge.loading import Cited, FactTable, table


class ResourceType(Struct, frozen=True, forbid_unknown_fields=True):
    """What a type of resources is.

    `node` is the type of its node, empty where it makes edges only, `reader` who makes it, where it takes more than to
    read the arguments. `arguments` are the names that tell a role, the first that is given counting; `defaults` hold
    what counts where none is given, `fixed` what every such resource is, and `untold` why no argument tells a role.
    With one of the arguments `unless` the resource is a part of another. `numbers` is in how many numbers its service
    counts releases, if not as the engine, by engine (the empty one for all others); with `moving`, a version moves
    without an edit whatever is given.
    """

    node: str
    source: str
    reader: str = ""
    arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    defaults: Mapping[str, str | bool] = field(default_factory=dict)
    fixed: Mapping[str, str | bool] = field(default_factory=dict)
    untold: Mapping[str, str] = field(default_factory=dict)
    unless: tuple[str, ...] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)
    moving: bool = False


class TerraformResources(FactTable, frozen=True):
    """The table: resources by type (a data source by `data.` and its type), modules by a part of their source.

    `supporting` are types that make no node of their own but tell something about another.
    """

    resources: dict[str, ResourceType]
    modules: dict[str, ResourceType]
    supporting: dict[str, Cited]


def _table() -> TerraformResources:
    return table("terraform_resources", TerraformResources)


def resource_type(typed: str) -> ResourceType | None:
    """What a type of resources is, None where it makes nothing of the graph."""
    return _table().resources.get(typed)


def module_type(source: str) -> ResourceType | None:
    """What a module is, by its source; None where its inputs tell nothing."""
    modules = _table().modules
    found = max((part for part in modules if part in source), key=len, default=None)
    return None if found is None else modules[found]


def types_read() -> frozenset[str]:
    """The types that make nodes or tell something about others."""
    return frozenset(_table().resources) | frozenset(_table().supporting)
