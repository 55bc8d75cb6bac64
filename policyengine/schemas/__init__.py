"""The JSON Schemas that ship with the package: of the configuration, of rules in YAML, and of what is written."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

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
    import msgspec  # noqa: PLC0415 - only where a schema is published

    from policyengine.repository.configuration_file import file_type  # noqa: PLC0415 - as above

    names = sorted(packs)
    (file, *options), definitions = msgspec.json.schema_components(
        [file_type(parts), *(packs[name] for name in names)], ref_template="#/$defs/{name}"
    )
    made: dict[str, object] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://policyengine.dev/schemas/config-v1.json",
        "title": "policyengine.yaml",
        **file,
        "$defs": definitions,
    }
    plain: dict[str, Any] = json.loads(json.dumps(made))  # tuples become arrays
    plain["$defs"]["File"]["properties"]["packs"]["properties"] = dict(zip(names, options, strict=True))
    version = {"type": "string", "description": "The versions of the pack that may run, such as >=1.2,<2."}
    for reference in options:
        definition = plain["$defs"][reference["$ref"].rpartition("/")[2]]
        definition["properties"] = {"version": version, **definition["properties"]}
    return plain


def of_organisation() -> dict[str, object]:
    """The JSON Schema of an organisation's file, made of the types that read it."""
    import msgspec  # noqa: PLC0415 - only where a schema is published

    from policyengine.repository.organisation import OrganisationFile  # noqa: PLC0415 - as above

    (file,), definitions = msgspec.json.schema_components([OrganisationFile], ref_template="#/$defs/{name}")
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://policyengine.dev/schemas/organisation-v1.json",
        "title": "The file of an organisation",
        **file,
        "$defs": definitions,
    }
    plain: dict[str, object] = json.loads(json.dumps(made))  # tuples become arrays
    return plain


def of_knowledge() -> dict[str, object]:
    """The JSON Schema of the tables in `policyengine/knowledge`, made of the types that read them."""
    import msgspec  # noqa: PLC0415 - only where a schema is published

    from policyengine.knowledge import loading  # noqa: PLC0415 - as above

    subjects = loading.subjects()
    tables, definitions = msgspec.json.schema_components(
        [loading.shape(subject) for subject in subjects],
        ref_template="#/$defs/{name}",
        schema_hook=lambda _: {"type": "null"},
    )
    made: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://policyengine.dev/schemas/knowledge-v1.json",
        "title": "Facts about the world, by subject",
        "properties": dict(zip(subjects, tables, strict=True)),
    }
    for definition in definitions.values():  # docstrings are for Python, and `_` what lookup modules keep in a table
        for word in ("title", "description"):
            definition.pop(word, None)
        for name in [each for each in definition.get("properties", {}) if each.startswith("_")]:
            del definition["properties"][name]
    used, waiting = set[str](), list(made["properties"].values())
    while waiting:
        for name in re.findall(r"#/\$defs/(\w+)", json.dumps(waiting.pop())):
            if name not in used:
                used.add(name)
                waiting.append(definitions[name])
    made["$defs"] = {name: definitions[name] for name in sorted(used)}
    plain: dict[str, object] = json.loads(json.dumps(made))  # tuples become arrays
    return plain
