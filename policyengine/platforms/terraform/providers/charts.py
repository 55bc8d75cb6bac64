"""Releases of Helm: a datastore by the name of a public chart, an application by a chart of the repository."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.model import image as images
from policyengine.model.nodes import Cache, Database
from policyengine.model.value import Absent, Known, Unknown
from policyengine.platforms.docker.datastore import datastore
from policyengine.platforms.terraform.providers.containers import unread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.resources.stack import ResourceView


def chart(view: ResourceView) -> Iterator[Node]:
    """A helm_release; other public charts (an ingress, an operator) serve the cluster."""
    written = view.text("chart")
    if not isinstance(written, Known):
        return
    reason = Unknown("the values of its chart are not read", written.span, written.via)
    service = unread(view, view.id, "Helm release", reason)
    if written.value.startswith((".", "/")):
        yield service
        return
    image = images.parse(posixpath.basename(written.value))
    store = None if image is None else datastore(service, Known(image, written.span, written.via))
    if store is not None:
        store = replace(store, id=view.id, service="", version=reason, image=None, port=Absent(view.span))
        yield replace(store, parameters_gap=reason) if isinstance(store, Database | Cache) else store
