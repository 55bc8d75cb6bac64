"""The JSON syntax of Terraform, from the located JSON tree to the same blocks and expressions as the native one.

A JSON body does not tell attributes from nested blocks: everything becomes an attribute, and whoever asks for a nested
block is given the objects of the attribute of that name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.model.source import ReadError, Source
from policyengine.syntax.hcl.split import HclFile, RawAttribute, RawBlock
from policyengine.syntax.hcl.syntax import (
    Attribute,
    Body,
    Embedded,
    Expression,
    Item,
    Keyword,
    Label,
    Literal,
    NumberLiteral,
    ObjectExpression,
    TemplateExpression,
    TupleExpression,
)
from policyengine.syntax.tree import Document, Entry, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

_LABELS = {"resource": 2, "data": 2, "ephemeral": 2, "variable": 1, "output": 1, "module": 1, "provider": 1}
_LITERAL_STRINGS = frozenset({"type", "source", "version"})


def read_json(source: Source) -> HclFile:
    """The blocks of a `.tf.json` file, or the attributes of a `.tfvars.json` file."""
    from policyengine.syntax import json  # noqa: PLC0415 - rare

    document = json.read(source, unique=True)
    if not isinstance(document, Mapping):
        raise ReadError("the file holds no JSON object", document.span, "write one object")
    if source.path.endswith(".tfvars.json"):
        return HclFile(source, (), tuple(attributes(source, document)))
    blocks: list[RawBlock] = []
    for entry in document.entries:
        if entry.key.text == "//":
            continue
        depth = _LABELS.get(entry.key.text, 0)
        blocks.extend(_blocks(entry, entry.value, entry.key.text, (), depth))
    return HclFile(source, tuple(blocks))


def _blocks(entry: Entry, value: Document, kind: str, labels: tuple[Label, ...], depth: int) -> Iterator[RawBlock]:
    if isinstance(value, Sequence):
        for item in value.items:
            yield from _blocks(entry, item, kind, labels, depth)
    elif isinstance(value, Mapping) and depth:
        for inner in value.entries:
            if inner.key.text == "//":
                continue
            label = Label(inner.key.span.start, inner.key.span.end, inner.key.text)
            yield from _blocks(inner, inner.value, kind, (*labels, label), depth - 1)
    elif isinstance(value, Mapping):
        start, end = value.span.start, value.span.end
        yield RawBlock(kind, labels, start, end, start + 1, end - 1, value)


def attributes(source: Source, document: Document) -> Iterator[RawAttribute]:
    """The members of an object as attributes."""
    del source
    if isinstance(document, Mapping):
        for entry in document.entries:
            if entry.key.text != "//":
                span = entry.value.span
                yield RawAttribute(entry.key.text, entry.key.span.start, span.end, span.start, entry.value)


def body(source: Source, document: Document) -> Body:
    """The body that an object is."""
    if not isinstance(document, Mapping):
        return Body(document.span.start, document.span.end, (), ())
    found = tuple(
        Attribute(
            entry.key.span.start,
            entry.key.span.end,
            entry.key.text,
            expression(source, entry.value, literal=entry.key.text in _LITERAL_STRINGS),
        )
        for entry in document.entries
        if entry.key.text != "//"
    )
    return Body(document.span.start, document.span.end, found, ())


def expression(source: Source, document: Document, *, literal: bool = False) -> Expression:
    """The expression that a JSON value is; strings are templates unless `literal`."""
    start, end = document.span.start, document.span.end
    if isinstance(document, Mapping):
        items = tuple(
            Item(
                entry.key.span.start, entry.value.span.end, _string(source, entry.key), expression(source, entry.value)
            )
            for entry in document.entries
            if entry.key.text != "//"
        )
        return ObjectExpression(start, end, items)
    if isinstance(document, Sequence):
        return TupleExpression(start, end, tuple(expression(source, item) for item in document.items))
    if document.plain:
        if document.text in ("true", "false", "null"):
            return Keyword(start, end, {"true": True, "false": False, "null": None}[document.text])
        return NumberLiteral(start, end)
    return _string(source, document, literal=literal)


def _string(source: Source, scalar: Scalar, *, literal: bool = False) -> Expression:
    from policyengine.syntax.hcl import parse_expression, parse_template  # noqa: PLC0415 - avoids a cycle

    start, end = scalar.span.start, scalar.span.end
    text = scalar.text
    if not text:
        return TemplateExpression(start, end, ())
    plain = source.text[start:end] == text
    if literal and re.match(r"(?:list|set|map|object|tuple|string|number|bool|any)\b", text):
        if plain:
            return parse_expression(source, start, end)
        inner = Source("\0json", text)
        return Embedded(start, end, inner, parse_expression(inner, 0, len(text)))
    if source.path.endswith(".tfvars.json") or ("${" not in text and "%{" not in text):
        if plain and "\\" not in text and "${" not in text and "%{" not in text:
            return Literal(start, end)
        inner = Source("\0json", text)
        return Embedded(start, end, inner, TemplateExpression(0, len(text), (Literal(0, len(text)),), "literal"))
    if plain:
        template = parse_template(source, start, end)
        return TemplateExpression(start, end, template.parts, "quoted" if "\n" not in text else "file")
    inner = Source("\0json", text)
    try:
        parsed = parse_template(inner)
    except ReadError as error:
        raise ReadError(error.message, scalar.span, error.advice) from None
    form = "quoted" if "\n" not in text and "\\" not in text else "file"
    return Embedded(start, end, inner, TemplateExpression(parsed.start, parsed.end, parsed.parts, form))
