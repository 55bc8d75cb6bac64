"""Reads HCL: Terraform files, tfvars, template files.

`read_blocks` is cheap: it only finds the top-level blocks. `parse` gives the syntax of one of them.
"""

from __future__ import annotations

from policyengine.model.source import ReadError, Source
from policyengine.syntax.hcl.split import HclFile, RawAttribute, RawBlock, items, split
from policyengine.syntax.hcl.syntax import Attribute, Body, Expression, Literal, NestedBlock, TemplateExpression

__all__ = [
    "Attribute",
    "Body",
    "Expression",
    "HclFile",
    "Literal",
    "NestedBlock",
    "RawAttribute",
    "RawBlock",
    "TemplateExpression",
    "items",
    "parse",
    "parse_attribute",
    "parse_expression",
    "parse_file",
    "parse_template",
    "read_blocks",
]


def read_blocks(source: Source) -> HclFile:
    """The top-level blocks and attributes of a file, unparsed."""
    return split(source)


def parse(source: Source, block: RawBlock) -> Body:
    """The body of one top-level block. Errors: ReadError at the place that is wrong."""
    from policyengine.syntax.hcl.grammar import parse_masked  # noqa: PLC0415 - the grammar is only loaded on demand
    from policyengine.syntax.hcl.mask import mask_body  # noqa: PLC0415 - as above

    body = parse_masked(source, mask_body(source, block.start, block.end), block.start)
    if len(body.blocks) != 1 or body.attributes:
        raise ReadError("this is not one block", source.span(block.start, block.start + 1), "correct the syntax")
    return body.blocks[0].body


def parse_attribute(source: Source, attribute: RawAttribute) -> Expression:
    """The value of a top-level attribute."""
    from policyengine.syntax.hcl.grammar import parse_masked  # noqa: PLC0415 - the grammar is only loaded on demand
    from policyengine.syntax.hcl.mask import mask_body  # noqa: PLC0415 - as above

    body = parse_masked(source, mask_body(source, attribute.start, attribute.end), attribute.start)
    if len(body.attributes) != 1 or body.blocks:
        raise ReadError("this is not one attribute", source.span(attribute.start, attribute.end), "correct the syntax")
    return body.attributes[0].value


def parse_file(source: Source, start: int = 0, end: int | None = None) -> Body:
    """A whole file as one body, or the blocks and attributes that make up a range of it."""
    from policyengine.syntax.hcl.grammar import parse_masked  # noqa: PLC0415 - the grammar is only loaded on demand
    from policyengine.syntax.hcl.mask import mask_body  # noqa: PLC0415 - as above

    return parse_masked(source, mask_body(source, start, len(source.text) if end is None else end), start)


def parse_expression(source: Source, start: int, end: int) -> Expression:
    """The expression at a range of a text."""
    from policyengine.syntax.hcl.grammar import parse_masked  # noqa: PLC0415 - the grammar is only loaded on demand
    from policyengine.syntax.hcl.mask import mask_expression  # noqa: PLC0415 - as above

    return parse_masked(source, mask_expression(source, start, end), start, "a=").attributes[0].value


def parse_template(source: Source, start: int = 0, end: int | None = None) -> TemplateExpression:
    """A text as a template without quotes: a template file, or a JSON string."""
    from policyengine.syntax.hcl.grammar import parse_masked  # noqa: PLC0415 - the grammar is only loaded on demand
    from policyengine.syntax.hcl.mask import mask_template  # noqa: PLC0415 - as above

    stop = len(source.text) if end is None else end
    found = parse_masked(source, mask_template(source, start, stop), start, 'a="', '"').attributes[0].value
    match found:
        case TemplateExpression(_, _, parts):
            return TemplateExpression(start, stop, parts, "file")
        case Literal() as text:
            return TemplateExpression(start, stop, (text,), "file")
        case _:
            return TemplateExpression(start, stop, (), "file")
