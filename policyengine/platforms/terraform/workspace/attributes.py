"""Attributes of resources and data sources, as far as their arguments give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.terraform_attributes import argument_of, is_later
from policyengine.model.source import ReadError, Source
from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.expressions import evaluate, settled
from policyengine.platforms.terraform.language.plain import Invalid, to_string
from policyengine.platforms.terraform.language.scope import HclFrame
from policyengine.platforms.terraform.language.values import Object, decided, null, plain, through, unknown_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.values import Reference, Tree
    from policyengine.platforms.terraform.workspace.folders import Declared
    from policyengine.platforms.terraform.workspace.instances import ModuleInstance
    from policyengine.platforms.terraform.workspace.reach import Reach
    from policyengine.syntax.hcl.syntax import Attribute


class Asked(Struct, frozen=True):
    """An attribute of one instance of a resource or data source. `names` are what the block sees (`each`, `count`)."""

    module: ModuleInstance
    declared: Declared
    names: Mapping[str, Tree]
    reference: Reference

    @property
    def kind(self) -> str:
        """The type; `data.` and the type for a data source."""
        first = "" if self.declared.block.type == "resource" else "data."
        return first + self.declared.block.label(0)

    def settled(self, written: tuple[Attribute, Source]) -> Tree:
        """The value of an argument of the block."""
        return settled(written[0].value, self.module.frame(written[1], self.names))

    def argument(self, reach: Reach, name: str) -> Tree | None:
        """An argument of the block; None where it is not given, or null."""
        found = reach.attribute_of(self.declared, name)
        tree = None if found is None else self.settled(found)
        return None if tree is None or null(tree) else tree

    def place(self, reach: Reach) -> Span:
        """Where the attribute is written, else the name of the block."""
        found = reach.attribute_of(self.declared, self.reference.attribute)
        return self.declared.span if found is None else found[1].span(found[0].value.start, found[0].value.end)


def written(reach: Reach, asked: Asked) -> Tree | None:
    """An attribute as an argument gives it; None where only the provider knows it. Raises Needs."""
    kind, name, declared = asked.kind, asked.reference.attribute, asked.declared
    if kind == "data.terraform_remote_state":
        return None
    if kind == "data.template_file" and name == "rendered":
        return _template_file(reach, asked)
    if is_later(kind, name) or kind == "data.aws_region":
        return None
    found = reach.attribute_of(declared, argument_of(kind, name))
    if found is None:
        return None
    tree = asked.settled(found)
    return asked.reference if null(tree) else tree


def _template_file(reach: Reach, asked: Asked) -> Tree:
    """`data.template_file.x.rendered`: the template with its variables."""
    from policyengine.syntax.hcl import parse_template  # noqa: PLC0415 - loads the grammar

    declared = asked.declared
    template, variables = reach.attribute_of(declared, "template"), reach.attribute_of(declared, "vars")
    if template is None:
        return Unknown("a template has no text", declared.span)
    text = asked.settled(template)
    given = asked.settled(variables) if variables is not None else None
    for block in reach.body(declared).nested("vars"):  # as written before Terraform 0.12
        frame = asked.module.frame(declared.source, asked.names)
        values = {each.name: settled(each.value, frame) for each in block.body.attributes}
        given = Object(values, declared.source.span(block.start, block.end))
    if not decided(text):
        return unknown_of(text)
    source = reach.read(text.span.path) if text.span.start == 0 else None
    written = to_string(plain(text))
    if source is None or source.text != written:
        source = Source("", written)
    try:
        syntax = parse_template(source)
    except ReadError as error:
        return Unknown(f"the template cannot be read: {error.message}", text.span)
    inner = {key: through(each, *given.via) for key, each in given.entries.items()} if isinstance(given, Object) else {}
    try:
        tree = evaluate(syntax, HclFrame(source, asked.module, inner))
    except Invalid as error:
        return Unknown(f"the template is not valid: {error}", text.span)
    if not source.path:
        return Known(to_string(plain(tree)), text.span, text.via) if decided(tree) else unknown_of(tree)
    return through(tree, *text.via)
