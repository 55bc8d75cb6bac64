"""`python -m policyengine.schemas` writes the published JSON Schema of policyengine.yaml anew."""

import json
from pathlib import Path

from policyengine import plugins, schemas

loaded = plugins.load()
made = schemas.of_config(loaded.parts, {pack.name: pack.options for pack in loaded.packs})
Path(__file__).with_name("config.schema.json").write_text(json.dumps(made, indent=2) + "\n", "utf-8")
