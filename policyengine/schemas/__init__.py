"""The JSON Schemas that ship with the package: of the configuration, of rules in YAML, and of what is written."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

from msgspec.json import schema_components

from policyengine import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec import Struct


def load(name: str) -> dict[str, object]:
    """One of the schemas by its name."""
    text = resources.files(__name__).joinpath(f"{name}.schema.json").read_text("utf-8")
    loaded: dict[str, object] = json.loads(text)
    return loaded


def of_config(parts: Mapping[str, type[Struct]], packs: Mapping[str, type[object]]) -> dict[str, object]:
    """The JSON Schema of policyengine.yaml, made of the types that read it.

    `parts` are the types of the platforms' parts, `packs` those of the options of packs, both by their names.
    """
    from policyengine.repository.configuration_file import file_type  # noqa: PLC0415 - only where it is published

    names = sorted(packs)
    (file, *options), definitions = schema_components(
        [file_type(parts), *(packs[name] for name in names)], ref_template=_REFERENCE
    )
    plain = _published("config", "policyengine.yaml", file, definitions)
    plain["$defs"]["File"]["properties"]["packs"]["properties"] = dict(zip(names, options, strict=True))
    version = {"type": "string", "description": "The versions of the pack that may run, such as >=1.2,<2."}
    for reference in options:
        definition = plain["$defs"][reference["$ref"].rpartition("/")[2]]
        definition["properties"] = {"version": version, **definition["properties"]}
    return plain


def of_organisation() -> dict[str, object]:
    """The JSON Schema of an organisation's file, made of the types that read it."""
    from policyengine.repository.organisation import OrganisationFile  # noqa: PLC0415 - only where it is published

    (file,), definitions = schema_components([OrganisationFile], ref_template=_REFERENCE)
    return _published("organisation", "The file of an organisation", file, definitions)


def of_rules() -> dict[str, object]:
    """The JSON Schema of a file of rules in YAML, made of the types that read it."""
    from policyengine.rules.declarative.part import FilePart  # noqa: PLC0415 - only where it is published

    (file,), definitions = schema_components([FilePart], ref_template=_REFERENCE)
    return _published("rules", "Rules of policyengine in YAML", file, definitions)


def of_knowledge() -> dict[str, object]:
    """The JSON Schema of the tables in `policyengine/knowledge`, made of the types that read them."""
    from policyengine.knowledge import loading  # noqa: PLC0415 - only where it is published

    subjects = loading.subjects()
    tables, definitions = schema_components(
        [loading.shape(subject) for subject in subjects],
        ref_template=_REFERENCE,
        schema_hook=lambda _: {"type": "null"},
    )
    for definition in definitions.values():  # docstrings are for Python, and `_` what lookup modules keep in a table
        for word in ("title", "description"):
            definition.pop(word, None)
        for name in [each for each in definition.get("properties", {}) if each.startswith("_")]:
            del definition["properties"][name]
    used, waiting = set[str](), [*tables]
    while waiting:
        for name in re.findall(r"#/\$defs/(\w+)", json.dumps(waiting.pop())):
            if name not in used:
                used.add(name)
                waiting.append(definitions[name])
    properties = {"properties": dict(zip(subjects, tables, strict=True))}
    kept = {name: definitions[name] for name in sorted(used)}
    return _published("knowledge", "Facts about the world, by subject", properties, kept)


_REFERENCE = "#/$defs/{name}"


def _published(name: str, title: str, body: Mapping[str, object], definitions: Mapping[str, object]) -> dict[str, Any]:
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA.format(name=name),
        "title": title,
        **body,
        "$defs": definitions,
    }
    plain: dict[str, Any] = json.loads(json.dumps(made))  # tuples become arrays
    return plain
