"""policyengine: policy as code for dev/prod parity."""

__version__ = "0.1.0"
SCHEMA = "https://raw.githubusercontent.com/policyengine-iac/policyengine/main/policyengine/schemas/{name}.schema.json"
"""The address of a published JSON Schema."""
