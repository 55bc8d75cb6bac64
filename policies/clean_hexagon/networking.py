"""Side 5: containers find each other by their Docker names, and people find the application at one address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clean_hexagon.endpoints import (
    Endpoint,
    Split,
    endpoints,
    is_browser_key,
    is_connection_key,
    is_loopback,
    split_host,
)
from clean_hexagon.public_urls import AUTH_KEYS, public_keys, public_url
from policyengine.api import (
    Edit,
    EnvironmentFile,
    Finding,
    Fix,
    Graph,
    Known,
    Origin,
    Outcome,
    Role,
    Rule,
    Service,
    Severity,
    Side,
    Span,
    Unknown,
    Variable,
    rule,
    undecided,
    variables,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import Port
