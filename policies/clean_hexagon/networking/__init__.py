"""Side 5: containers find each other by their Docker names, and people find the application at one address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clean_hexagon.networking.addresses import auth_url_not_canonical, public_url_port_not_published
from clean_hexagon.networking.internal import localhost_inside_container, published_port_used_internally

if TYPE_CHECKING:
    from clean_hexagon.options import Options
    from policyengine.api import Rule

RULES: tuple[Rule[Options], ...] = (
    localhost_inside_container,
    published_port_used_internally,
    auth_url_not_canonical,
    public_url_port_not_published,
)
"""The rules of this side."""
