"""Which resources and modules of Terraform make which nodes of the graph, and which of their arguments tell what.

What an argument tells is its role: `version` is that of the engine, whatever a provider calls it. A role that is not
listed is told by the argument of its name; one with an empty list by none.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - msgspec reads it
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.knowledge.loading import Cited, FactTable, table
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Collection


class ResourceType(Struct, frozen=True, forbid_unknown_fields=True):
    """What a type of resources is.

    `node` is the type of its node, empty where it makes edges only, `reader` who makes it, where it takes more than to
    read the arguments. `arguments` are the names that tell a role, the first that is given counting; `defaults` hold
    what counts where none is given, `fixed` what every such resource is, and `untold` why no argument tells a role.
    With one of the arguments `unless` the resource is a part of another. `numbers` is in how many numbers its service
    counts releases, if not as the engine, by engine (the empty one for all others); with `moving`, a version moves
    without an edit whatever is given. What the arguments of an `opaque` one do not tell is not known: a module that
    nobody here has read.
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
    opaque: bool = False


class ModuleKind(Struct, frozen=True, forbid_unknown_fields=True):
    """What a module of a kind makes: a resource of the type `like`, or one of the shapes; `defaults` as of types."""

    like: str
    source: str
    defaults: Mapping[str, str | bool] = field(default_factory=dict)


class Deployment(Struct, frozen=True, forbid_unknown_fields=True):
    """What an action of a pipeline that deploys does it with."""

    tool: str
    source: str


class TerraformResources(FactTable, frozen=True):
    """The table: resources by type (a data source by `data.` and its type), modules by a part of their source.

    Other modules are told by words of their names (`module_words`), else by names of inputs that are all given
    (`module_inputs`); `module_shapes` are what no single resource is like. A module with a word of `module_bare` makes
    neither a service nor a datastore. `supporting` are types that make no node of their own but tell something about
    another. `deployments` are the providers of CodePipeline's actions.
    """

    resources: dict[str, ResourceType]
    modules: dict[str, ResourceType]
    module_words: dict[str, ModuleKind]
    module_inputs: dict[str, ModuleKind]
    module_shapes: dict[str, ResourceType]
    module_bare: dict[str, Cited]
    supporting: dict[str, Cited]
    deployments: dict[str, Deployment]


def _table() -> TerraformResources:
    return table("terraform_resources", TerraformResources)


def resource_type(typed: str) -> ResourceType | None:
    """What a type of resources is, None where it makes nothing of the graph."""
    return _table().resources.get(typed)


def deploys_with(provider: str) -> str:
    """What an action of CodePipeline deploys with, by its provider; empty where it does not deploy."""
    found = _table().deployments.get(provider)
    return "" if found is None else found.tool


def module_type(source: str, inputs: Collection[str] = ()) -> ResourceType | None:
    """What a module is, by its source and the names of its inputs; None where these tell nothing."""
    known = _table()
    found = max((part for part in known.modules if part in source), key=len, default=None)
    if found is not None and "//" not in source.partition(found)[2]:  # a module inside of it is another one
        return known.modules[found]
    spoken = _spoken(source)
    if spoken:
        kind = known.module_words[spoken]
        elsewhere = kind.like.startswith("aws_db") and any(name.endswith(_OF_A_SERVER) for name in inputs)
        return None if elsewhere else _like(known, kind)
    if makes_nothing(source):
        return None
    given = (kind for names, kind in known.module_inputs.items() if all(name in inputs for name in names.split()))
    told = next(given, None)
    return None if told is None else _like(known, told)


def makes_nothing(source: str) -> bool:
    """Whether the name of a module says that it makes neither a service nor a datastore: a network, an alarm."""
    return not _spoken(source) and not _words(source).isdisjoint(_table().module_bare)


def _spoken(source: str) -> str:
    """The most words of a module's name that tell what it makes, where no other word says that it makes nothing."""
    known, named = _table(), _words(source)
    every = [(len(each.split()), each) for each in known.module_words if named.issuperset(each.split())]
    most = max(every)[1] if every else ""
    told = {word for _, each in every for word in each.split()}
    return most if (named - told).isdisjoint(known.module_bare) else ""


def _like(known: TerraformResources, kind: ModuleKind) -> ResourceType:
    shape = known.module_shapes.get(kind.like)
    if shape is not None:
        return shape
    like = known.resources[kind.like]
    arguments = {**like.arguments, "group": (), "name": ("identifier", "cluster_identifier", "name")}
    defaults = {role: value for role, value in kind.defaults.items() if role not in like.fixed}
    return replace(like, arguments=arguments, defaults=defaults, numbers={}, unless=(), opaque=True)


def _words(source: str) -> frozenset[str]:
    """The words of a module's own name: `ecs`, `service` of `terraform-aws-ecs-service`, `rds` of `x//modules/rds`."""
    plain = source.partition("?")[0].rpartition("::")[2].removesuffix("/").removesuffix(".git")
    host, _, inner = plain.rpartition("//")
    parts = [part for part in (inner if host and not host.endswith(":") else plain).split("/") if part]
    registry = len(parts) in (_PUBLIC, _PUBLIC + 1) and "." not in parts[-1] and parts[-1] in _PROVIDERS
    name = parts[-2] if registry else parts[-1] if parts else ""
    return frozenset(_WORD.findall(name.lower())) - _PREFIX


_OF_A_SERVER = ("_address", "_endpoint", "_host")
"""Inputs by which a module of a database is told the server that it makes something in."""
_WORD = regex(r"[a-z0-9]+")
_PUBLIC = 3
_PROVIDERS = frozenset({"aws", "google", "azurerm"})
_PREFIX = frozenset({"terraform", "aws", "module", "modules", "tf"})


def types_read() -> frozenset[str]:
    """The types that make nodes or tell something about others."""
    return frozenset(_table().resources) | frozenset(_table().supporting)
