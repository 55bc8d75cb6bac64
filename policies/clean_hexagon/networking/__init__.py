"""Side 5: containers find each other by their Docker names, and people find the application at one address."""

from clean_hexagon.networking.addresses import auth_url_not_canonical, public_url_port_not_published
from clean_hexagon.networking.aliases import hosts_alias_inconsistent
from clean_hexagon.networking.consistency import public_url_inconsistent
from clean_hexagon.networking.fallbacks import localhost_fallback_in_code
from clean_hexagon.networking.internal import localhost_inside_container, published_port_used_internally
from clean_hexagon.networking.names import network_topology, scheme_mismatch, unresolvable_internal_host
from clean_hexagon.networking.ports import container_port_mismatch, host_env_port_mismatch
from clean_hexagon.networking.public import internal_host_in_public_var

RULES = (
    localhost_inside_container,
    published_port_used_internally,
    unresolvable_internal_host,
    scheme_mismatch,
    localhost_fallback_in_code,
    auth_url_not_canonical,
    public_url_port_not_published,
    public_url_inconsistent,
    internal_host_in_public_var,
    hosts_alias_inconsistent,
    host_env_port_mismatch,
    network_topology,
    container_port_mismatch,
)
"""The rules of this side."""
