"""Attributes of Terraform's resources beside their arguments: what they are before anything exists, and what not."""

from __future__ import annotations

from msgspec import Struct

from policyengine.knowledge.loading import Cited, FactTable, table


class ArgumentName(Struct, frozen=True, forbid_unknown_fields=True):
    """The argument whose value an attribute, or an input of a module, is."""

    argument: str
    source: str


class PortEngine(Struct, frozen=True, forbid_unknown_fields=True):
    """The engine of a resource that names none, empty where it must name one."""

    engine: str
    source: str


class ToldBy(Struct, frozen=True, forbid_unknown_fields=True):
    """The attributes that tell what runs where an argument may be a prefix of it, the best first."""

    attributes: tuple[str, ...]
    source: str


class Made(Struct, frozen=True, forbid_unknown_fields=True):
    """A type of resources that modules make."""

    type: str
    source: str


class StateArguments(Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of a backend that tell which state it keeps, the one that tells most last."""

    arguments: tuple[str, ...]
    source: str


class TerraformAttributes(FactTable, frozen=True):
    """The table.

    `ids` are the types whose `id` is an argument, `engines` those whose port follows from their engine, `renamed` the
    attributes (behind their type) that are an argument of another name, `inputs` the inputs of modules that are. By
    their names alone: `hosts` hold the name of a host, `given` are never null, `later` are known only after apply,
    `looked_up` are what a data source is asked for, so that an argument of that name is a filter. `actual` is what a
    plan or state tells of an argument, and `made` of which resources of a module it does, in that order. `states` are
    the backends.
    """

    ids: dict[str, ArgumentName]
    engines: dict[str, PortEngine]
    renamed: dict[str, ArgumentName]
    inputs: dict[str, ArgumentName]
    hosts: dict[str, Cited]
    given: dict[str, Cited]
    later: dict[str, Cited]
    looked_up: dict[str, Cited]
    actual: dict[str, ToldBy]
    made: tuple[Made, ...]
    states: dict[str, StateArguments]


def _table() -> TerraformAttributes:
    return table("terraform_attributes", TerraformAttributes)


def id_argument(kind: str) -> str | None:
    """The argument whose value the `id` of a type is; None where it is known only after apply."""
    found = _table().ids.get(kind)
    return None if found is None else found.argument


def port_engine(kind: str) -> str | None:
    """The engine of a type that names none, empty where it must; None where the port follows from no engine."""
    found = _table().engines.get(kind)
    return None if found is None else found.engine


def argument_of(kind: str, attribute: str) -> str:
    """The argument whose value an attribute is: as a rule the one of its name. `data.` begins a data source."""
    found = _table().renamed.get(f"{kind}.{attribute}")
    return attribute if found is None else found.argument


def input_of(name: str) -> str:
    """What the argument is called that an input of a module becomes."""
    found = _table().inputs.get(name)
    return name if found is None else found.argument


def is_host(attribute: str) -> bool:
    """Whether an attribute holds the name of a host."""
    return attribute in _table().hosts


def is_given(attribute: str) -> bool:
    """Whether an attribute that is known only after apply is certainly not null then."""
    return attribute in _table().given


def is_later(kind: str, attribute: str) -> bool:
    """Whether an attribute is known only after apply, though there may be an argument of its name."""
    return attribute in _table().later or (kind.startswith("data.") and attribute in _table().looked_up)


def told_by(argument: str) -> tuple[str, ...]:
    """The attributes that tell what runs where an argument may be a prefix of it."""
    found = _table().actual.get(argument)
    return () if found is None else found.attributes


def state_arguments(backend: str) -> tuple[str, ...]:
    """The arguments of a backend that tell which state it keeps, the one that tells most last; none if not known."""
    found = _table().states.get(backend)
    return () if found is None else found.arguments


def made_types() -> tuple[str, ...]:
    """The types of resources that tell what became of a module's inputs, in that order."""
    return tuple(each.type for each in _table().made)
