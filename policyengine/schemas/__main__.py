"""`python -m policyengine.schemas` writes the published JSON Schemas that are made of types anew."""

import json
from pathlib import Path

from policyengine import plugins, schemas

loaded = plugins.load()
made = {
    "config": schemas.of_config(loaded.parts, {pack.name: pack.options for pack in loaded.packs}),
    "knowledge": schemas.of_knowledge(),
    "organisation": schemas.of_organisation(),
    "rules": schemas.of_rules(),
}
for name, schema in made.items():
    Path(__file__).with_name(f"{name}.schema.json").write_text(json.dumps(schema, indent=2) + "\n", "utf-8")
