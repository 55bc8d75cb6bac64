"""Side 1: the local Compose stack is a replica of the cloud: the same components, engines and commands."""

from clean_hexagon.mirroring.commands import command_divergence
from clean_hexagon.mirroring.components import cloud_only_component, engine_substitution

RULES = (cloud_only_component, engine_substitution, command_divergence)
"""The rules of this side."""
