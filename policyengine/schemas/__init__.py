"""The JSON Schemas that ship with the package: `config`, `graph`, `report` and `explanation`."""

from __future__ import annotations

import json
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
    return plain
