"""Which versions of pgvector the Postgres of a managed service offers, and which one a feature needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge import extensions
from policyengine.model.image import version

if TYPE_CHECKING:
    from policyengine.model.image import Version


def pgvector_needed(feature: str) -> Version | None:
    """The version that brought a feature (`hnsw`), None for one that is as old as the type."""
    since = extensions.pgvector_since(feature)
    return None if since is None else version(since)


def pgvector_bounds(flavour: str, postgres: Version) -> tuple[Version | None, Version | None]:
    """The lowest version that a service is known not to offer with a Postgres, and the highest that it offers."""
    lacking: Version | None = None
    offered: Version | None = None
    for text, since in extensions.pgvector_offered(flavour):
        borders = [border for each in since if (border := version(each)) is not None]
        own = next((border for border in borders if border.major == postgres.major), None)
        if postgres.major > max(border.major for border in borders) or (own is not None and postgres >= own):
            offered = version(text)
        elif own is not None and lacking is None:
            lacking = version(text)
    return lacking, offered
