"""The parameters of a pack: what its part of policyengine.yaml may say, as its options type documents it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Parameter(Struct, frozen=True):
    """One parameter. `name` is the path of its keys, `ci.gate.runner`; `default` is JSON, empty where there is none."""

    name: str
    type: str
    default: str
    description: str


def parameters(options: type[object]) -> tuple[Parameter, ...]:
    """The parameters of an options type, those of nested parts under their own names."""
    (top,), definitions = msgspec.json.schema_components([options], ref_template="{name}")
    return tuple(_within(top, definitions, ""))


def _within(schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str) -> Iterator[Parameter]:
    part = definitions[schema["$ref"]] if "$ref" in schema else schema
    for key, each in part.get("properties", {}).items():
        name = f"{prefix}{key}"
        if "properties" in definitions.get(_reference(each), {}):
            yield from _within({"$ref": _reference(each)}, definitions, f"{name}.")
        else:
            default = msgspec.json.encode(each["default"]).decode() if "default" in each else ""
            yield Parameter(name, _type(each, definitions), default, each.get("description", ""))


def _reference(schema: Mapping[str, Any]) -> str:
    """The definition that a schema is, with or without a description of its own."""
    inner = [schema, *(schema.get("anyOf", ()) if len(schema.get("anyOf", ())) == 1 else ()), *schema.get("allOf", ())]
    return next((str(each["$ref"]) for each in inner if "$ref" in each), "")


def _type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """A type as people say it: `string`, `list of string`, `"major" or "minor"`."""
    if reference := _reference(schema):
        return _type(definitions[reference], definitions)
    if "enum" in schema:
        return " or ".join(msgspec.json.encode(each).decode() for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(each, definitions) for each in schema["anyOf"])
    match schema.get("type"):
        case "array":
            items = schema.get("items")
            return f"list of {_type(items, definitions)}" if isinstance(items, dict) and items else "list"
        case "object":
            values = schema.get("additionalProperties")
            return f"mapping to {_type(values, definitions)}" if isinstance(values, dict) and values else "mapping"
        case str(word):
            return word
        case _:
            return "any"
