"""Side 1: the local Compose stack is a replica of the cloud: the same components, engines and commands."""

from clean_hexagon.mirroring.commands import command_divergence
from clean_hexagon.mirroring.components import cloud_only_component, engine_substitution, local_only_service
from clean_hexagon.mirroring.flavours import compose_flavour_drift
from clean_hexagon.mirroring.healthchecks import healthcheck_divergence
from clean_hexagon.mirroring.limits import init_and_stop, kernel_limits, resource_limits
from clean_hexagon.mirroring.locales import timezone_locale
from clean_hexagon.mirroring.mounts import mount_source_missing
from clean_hexagon.mirroring.waivers import undocumented_waiver

RULES = (
    local_only_service,
    cloud_only_component,
    engine_substitution,
    compose_flavour_drift,
    undocumented_waiver,
    timezone_locale,
    resource_limits,
    healthcheck_divergence,
    command_divergence,
    mount_source_missing,
    kernel_limits,
    init_and_stop,
)
"""The rules of this side."""
