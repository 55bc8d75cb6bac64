"""Attributes of resources and data sources, as far as their arguments decide them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.expansion import unknown_names
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.plain import Invalid, to_string
from policyengine.platforms.terraform.language.scope import Frame
from policyengine.platforms.terraform.language.values import (
    Object,
    Reference,
    Tree,
    decided,
    plain,
    through,
    unknown_of,
)
from policyengine.platforms.terraform.resources.computed import computed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyengine.platforms.terraform.workspace.folders import Address, Declared
    from policyengine.platforms.terraform.workspace.instances import Module
    from policyengine.platforms.terraform.workspace.project import Project

_ONLY_AFTER_APPLY = frozenset({"id", "arn", "tags_all", "unique_id"})
_DATA_COMPUTED = frozenset({"version", "engine_version", "value", "secret_string", "result", "body", "json"})


def attribute_value(project: Project, module: Module, address: Address, index: object, name: str) -> Tree:
    """An attribute of an instance of a resource or data source. Raises Needs."""
    found = _evaluated(project, module, address, index, name)
    if project.exact is None or module.folder is None:
        return found
    from policyengine.platforms.terraform.plan import exact  # noqa: PLC0415 - only with a plan or state

    mode, kind, label = address
    declared = module.folder.resources[address]
    expansion = project.expansion(module, declared)
    suffix = expansion[index][0] if isinstance(index, int) and not isinstance(expansion, Unknown) else ""
    shown = module.prefixed(f"data.{kind}.{label}{suffix}" if mode == "data" else f"{kind}.{label}{suffix}")
    written = project.attribute_of(declared, name)
    place = written[1].span(written[0].value.start, written[0].value.end) if written is not None else declared.span
    return exact.attribute(project.exact, shown, name, found, place)


def _evaluated(project: Project, module: Module, address: Address, index: object, name: str) -> Tree:
    """An attribute as the files give it."""
    mode, kind, label = address
    declared = module.folder.resources[address] if module.folder is not None else None
    if declared is None:
        raise AssertionError(address)
    expansion = project.expansion(module, declared)
    suffix = ""
    names: Mapping[str, Tree] = {}
    if isinstance(index, int) and not isinstance(expansion, Unknown):
        suffix, names = expansion[index]
    elif isinstance(expansion, Unknown):
        names = unknown_names(expansion)
    shown = module.prefixed(f"data.{kind}.{label}{suffix}" if mode == "data" else f"{kind}.{label}{suffix}")
    reference = Reference(shown, name, declared.span)
    if kind == "terraform_remote_state":
        return Unknown(f"{shown} is another project's state", declared.span)
    if kind == "template_file" and name == "rendered":
        return _template_file(project, module, declared, names)
    if kind == "terraform_data" and name == "output":
        name = "input"
    if kind == "null_data_source" and name == "outputs":
        name = "inputs"
    if kind == "aws_region":
        return computed(project, module, declared, "data.aws_region", names, reference) or reference
    after_apply = name in _ONLY_AFTER_APPLY or (mode == "data" and name in _DATA_COMPUTED)
    found = None if after_apply else project.attribute_of(declared, name)
    if found is None:
        typed = f"data.{kind}" if mode == "data" else kind
        return computed(project, module, declared, typed, names, reference) or reference
    tree = settled(found[0].value, module.frame(found[1], names))
    if isinstance(tree, Known) and tree.value is None:
        return reference
    return tree


def _template_file(project: Project, module: Module, declared: Declared, names: Mapping[str, Tree]) -> Tree:
    """`data.template_file.x.rendered`: the template with its variables."""
    from policyengine.model.source import ReadError  # noqa: PLC0415 - rare
    from policyengine.model.source import Source as Text  # noqa: PLC0415 - rare
    from policyengine.platforms.terraform.language.expressions import evaluate  # noqa: PLC0415 - as above
    from policyengine.syntax.hcl import parse_template  # noqa: PLC0415 - loads the grammar

    template, variables = project.attribute_of(declared, "template"), project.attribute_of(declared, "vars")
    if template is None:
        return Unknown("a template has no text", declared.span)
    text = settled(template[0].value, module.frame(template[1], names))
    given = settled(variables[0].value, module.frame(variables[1], names)) if variables is not None else None
    for block in project.body(declared).nested("vars"):  # as written before Terraform 0.12
        frame = module.frame(declared.source, names)
        values = {each.name: settled(each.value, frame) for each in block.body.attributes}
        given = Object(values, declared.source.span(block.start, block.end))
    if not decided(text):
        return unknown_of(text)
    source = project.read(text.span.path) if text.span.start == 0 else None
    written = to_string(plain(text))
    if source is None or source.text != written:
        source = Text("\0template", written)
    try:
        syntax = parse_template(source)
    except ReadError as error:
        return Unknown(f"the template cannot be read: {error.message}", text.span)
    inner = {key: through(each, *given.via) for key, each in given.entries.items()} if isinstance(given, Object) else {}
    try:
        tree = evaluate(syntax, Frame(source, module, inner))
    except Invalid as error:
        return Unknown(f"the template is not valid: {error}", text.span)
    if source.path.startswith("\0"):
        return Known(to_string(plain(tree)), text.span, text.via) if decided(tree) else unknown_of(tree)
    return through(tree, *text.via)
