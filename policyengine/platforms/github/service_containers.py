"""The service containers of a job: `services: {postgres: {image: postgres:16}}`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model import image as images
from policyengine.model.nodes import Node, Port, Service, Side
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.docker.datastore import datastore, image_role
from policyengine.platforms.github.documents import mapping, texts, value, variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Span
    from policyengine.platforms.github.expressions import Scope
    from policyengine.syntax.tree import Document, Mapping

_PORT = regex(r"(?:(?:[\d.]+:)?(\d+):)?(\d+)(?:/(\w+))?")


def services(job_id: str, body: Mapping, scope: Scope) -> Iterator[Node]:
    """A Service for each container, and the datastore that it runs."""
    found = mapping(body.get("services"))
    for entry in found.entries if found is not None else ():
        inner = mapping(entry.value)
        written = inner.get("image") if inner is not None else entry.value
        image = _image(written, entry.key.span, scope)
        engine = images.engine_of(image.value, image.span) if isinstance(image, Known) else None
        absent = Absent(entry.key.span)
        service = Service(
            id=f"{job_id}/services.{entry.key.text}",
            name=entry.key.text,
            side=Side.PIPELINE,
            span=entry.key.span,
            role=image_role(engine, entry.key.text),
            group=job_id,
            image=image,
            build=None,
            entrypoint=absent,
            command=absent,
            user=absent,
            environment=variables(inner.get("env")) if inner is not None else (),
            ports=tuple(_ports(inner.get("ports"))) if inner is not None else (),
            noun="service container",
        )
        yield service
        store = datastore(service, image)
        if store is not None:
            yield store


def _image(document: Document | None, place: Span, scope: Scope) -> Value[images.ImageRef]:
    found = value(document, place)
    match found:
        case Known(text, span):
            ref = images.read(scope.text(text, span))
            return Known(ref, span) if isinstance(ref, images.ImageRef) else ref
        case Unknown() | Absent():
            return found
        case _:
            return Unknown("the image moves", found.span)


def _ports(document: Document | None) -> Iterator[Port]:
    for each in texts(document):
        match = _PORT.fullmatch(each.text)
        if match:
            published: Value[int] = Known(int(match[1]), each.span) if match[1] else Absent(each.span)
            yield Port(Known(int(match[2]), each.span), published, each.span, match[3] or "tcp")
