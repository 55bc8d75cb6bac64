"""What may stand in a file of rules in YAML. The published JSON Schema is made of these types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, defstruct

from policyengine.model.nodes import Role, Side  # noqa: TC001  msgspec reads the annotations
from policyengine.rules.declarative.selecting import DECLARED, PAIR, kinds
from policyengine.rules.rule import Severity  # noqa: TC001  as above

Condition = Annotated[str, Meta(min_length=1, description="A condition in CEL.")]
Texts = tuple[str, ...]


class NodePart(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which nodes of a type; all of them where nothing is said."""

    side: Annotated[Side | UnsetType, Meta(description="Where they live.")] = UNSET
    role: Annotated[Role | UnsetType, Meta(description="What the containers are for.")] = UNSET
    engine: Annotated[str | UnsetType, Meta(description="What the datastores run, such as postgres.")] = UNSET


class ContainerPart(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which containers, with what is in force in each; all of them where nothing is said."""

    side: Annotated[Side | UnsetType, Meta(description="Where they run.")] = UNSET
    role: Annotated[Role | UnsetType, Meta(description="What they are for.")] = UNSET
    deployed: Annotated[bool, Meta(description="Only those of the cloud that are not scaled to zero.")] = False


class PairPart(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which pairs of a local and a cloud thing; a condition calls them 'local' and 'cloud'."""

    of: Annotated[str, Meta(description="The kind of both: container, service, database …")]
    role: Annotated[Role | UnsetType, Meta(description="What both are for.")] = UNSET
    engine: Annotated[str | UnsetType, Meta(description="What both run, such as postgres.")] = UNSET


class FixPart(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How to mend a finding."""

    description: Annotated[str, Meta(min_length=1, description="What to do, with placeholders as in the message.")]
    replace: Annotated[str | UnsetType, Meta(description="The path of the fact whose text is replaced.")] = UNSET
    by: Annotated[str | UnsetType, Meta(description="The new text, with placeholders as in the message.")] = UNSET


class RulePart(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule: what it selects, and what it requires of each."""

    id: Annotated[str, Meta(pattern="^[A-Z]{1,8}-?[0-9]{1,6}$", description="Stable, such as ACME001.")]
    summary: Annotated[str, Meta(min_length=1, description="One line: what is wrong where the rule fires.")]
    severity: Literal["error", "warning", "note"]
    select: SelectPart  # type: ignore[valid-type]  # made of the types of nodes
    require: Annotated[Condition, Meta(description="A finding is where this is false.")]
    message: Annotated[str, Meta(min_length=1, description="With paths in braces: '{service.name}' runs as root.")]
    name: Annotated[
        Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$")] | UnsetType,
        Meta(description="The pattern that it flags, such as foreign_registry; by default that of the summary."),
    ] = UNSET
    rationale: Annotated[str, Meta(description="Why it matters.")] = ""
    remedy: Annotated[str, Meta(description="A sentence that says what mends any of its findings.")] = ""
    mandate: Annotated[str, Meta(description="The mandate of the pack that it enforces.")] = ""
    where: Annotated[Condition | UnsetType, Meta(description="Of what is selected, only this.")] = UNSET
    args: Annotated[dict[str, str], Meta(description="Further placeholders of the message, each an expression.")] = {}
    at: Annotated[
        str | UnsetType,
        Meta(
            description="The path of the fact to mend; by default the element or the first fact that breaks 'require'."
        ),
    ] = UNSET
    related: Annotated[Texts, Meta(description="Paths of other places; the message links the first as [text](1).")] = ()
    fix: FixPart | UnsetType = UNSET
    tags: Texts = ()
    cwe: tuple[int, ...] = ()
    security: Annotated[Annotated[float, Meta(gt=0, le=10)] | UnsetType, Meta(description="A score up to 10.")] = UNSET
    precision: Literal["low", "medium", "high", "very-high"] = "high"


Kind = Literal["string", "integer", "number", "boolean", "strings"]


class ParameterPart(Struct, frozen=True, forbid_unknown_fields=True):
    """A parameter of the pack: conditions call it params.NAME, and policyengine.yaml may set it."""

    type: Kind
    default: Any
    description: str = ""


class ExtendsPart(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the pack changes of another one, wherever both are loaded."""

    version: Annotated[str, Meta(description="The versions of it that these changes are for, such as >=1.2,<2.")] = ""
    disable: Annotated[Texts, Meta(description="Rules that do not run, by id or prefix.")] = ()
    severities: Annotated[dict[str, Severity], Meta(description="What findings weigh, by id or prefix.")] = {}
    options: Annotated[dict[str, Any], Meta(description="Parameters, where policyengine.yaml says nothing else.")] = {}


class FilePart(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file of rules: a whole pack, or a part of one."""

    rules: tuple[RulePart, ...] = ()
    pack: Annotated[
        Annotated[str, Meta(pattern="^[a-z][a-z0-9-]*$")] | UnsetType, Meta(description="The name of the pack.")
    ] = UNSET
    version: Annotated[str | UnsetType, Meta(description="The version of the pack; quote it.")] = UNSET
    mandates: Annotated[dict[str, str], Meta(description="What rules enforce: the text of each by its id.")] = {}
    sides: Annotated[
        dict[str, str], Meta(description="Titles of groups, by the first digit of the rules' numbers.")
    ] = {}
    parameters: Annotated[dict[str, ParameterPart], Meta(description="Parameters by their names.")] = {}
    extends: Annotated[dict[str, ExtendsPart], Meta(description="What is other in other packs, by their names.")] = {}
    api: Annotated[str, Meta(description="The version of policyengine.api that the pack needs, such as 1.2.")] = ""
    help_uri: Annotated[str, Meta(description="An https address with {id} for the rule's id.")] = ""


def _select_type() -> type[Struct]:
    """The type of `select`: one key of those that can be selected."""
    made: list[tuple[str, Any, Any]] = []
    for kind in sorted(kinds()):
        what: Any = Texts | str if kind in DECLARED else ContainerPart if kind == "container" else NodePart
        told = Meta(description="Their types; * is all.") if kind in DECLARED else Meta()
        made.append((kind, Annotated[what | UnsetType, told], UNSET))
    made.append((PAIR, PairPart | UnsetType, UNSET))
    doc = "What a rule looks at: one kind of nodes, of what files declare, or pairs."
    return defstruct(
        "SelectPart", made, namespace={"__doc__": doc}, frozen=True, forbid_unknown_fields=True, omit_defaults=True
    )


SelectPart = _select_type()
