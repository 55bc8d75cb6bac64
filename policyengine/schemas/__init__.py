"""The JSON Schemas that ship with the package: `config`, `graph`, `report` and `explanation`."""

from __future__ import annotations

import json
from importlib import resources


def load(name: str) -> dict[str, object]:
    """One of the schemas by its name."""
    text = resources.files(__name__).joinpath(f"{name}.schema.json").read_text("utf-8")
    loaded: dict[str, object] = json.loads(text)
    return loaded


def of_config() -> dict[str, object]:
    """The JSON Schema of policyengine.yaml, made of the types that read it."""
    import msgspec  # noqa: PLC0415 - only where a schema is published

    from policyengine.repository.configuration_file import File  # noqa: PLC0415 - as above

    made: dict[str, object] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://policyengine.dev/schemas/config-v1.json",
        "title": "policyengine.yaml",
        **msgspec.json.schema(File),
    }
    plain: dict[str, object] = json.loads(json.dumps(made))  # tuples become arrays
    return plain
