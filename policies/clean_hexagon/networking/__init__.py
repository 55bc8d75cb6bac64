"""Side 5: containers find each other by their Docker names, and people find the application at one address."""

from clean_hexagon.networking.addresses import auth_url_not_canonical, public_url_port_not_published
from clean_hexagon.networking.internal import localhost_inside_container, published_port_used_internally

RULES = (
    localhost_inside_container,
    published_port_used_internally,
    auth_url_not_canonical,
    public_url_port_not_published,
)
"""The rules of this side."""
