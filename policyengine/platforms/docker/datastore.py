"""What a container's image makes of it: its role, and the datastore it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from policyengine.knowledge.base_images import base_image
from policyengine.knowledge.components import only_asks, role_by_name
from policyengine.knowledge.extensions import brought_by_image
from policyengine.knowledge.names import does_one_thing
from policyengine.model.image import Engine, engine_of
from policyengine.model.nodes import Bucket, Cache, Command, Database, Datastore, Queue, Role, Search, Service
from policyengine.model.value import Floating, Known, Unknown, Value

if TYPE_CHECKING:
    from policyengine.model.image import ImageRef

T = TypeVar("T")

_ROLES = {
    "database": Role.DATABASE,
    "cache": Role.CACHE,
    "search": Role.SEARCH,
    "queue": Role.QUEUE,
    "storage": Role.STORAGE,
    "emulator": Role.EMULATOR,
    "proxy": Role.PROXY,
    "identity": Role.TOOL,
    "workflow": Role.TOOL,
    "devtool": Role.TOOL,
    "sidecar": Role.SIDECAR,
    "migration": Role.JOB,
    "test": Role.TOOL,
    "tool": Role.TOOL,
}
_KINDS: dict[Role, tuple[type[Datastore], str]] = {
    Role.DATABASE: (Database, "database"),
    Role.CACHE: (Cache, "cache"),
    Role.SEARCH: (Search, "search"),
    Role.QUEUE: (Queue, "queue"),
    Role.STORAGE: (Bucket, "bucket"),
}


def image_role(engine: Engine | None, name: str = "") -> Role:
    """The role that an image gives a container; an unknown one leaves it to the `name`, which may be that of an agent.

    A language runtime, or an unknown image under any other name, is an application.
    """
    if engine is None:
        return Role.SIDECAR if role_by_name(name) == "sidecar" else Role.APP
    return _ROLES.get(engine.purpose, Role.APP)


def datastore(service: Service, image: Value[ImageRef], database_name: Value[str] | None = None) -> Datastore | None:
    """The datastore that a service with this image runs, or None when the image is none, or the service ends.

    `image` is the service's own image, or the one at the bottom of the Dockerfile it is built from.
    """
    if service.role is Role.JOB or not isinstance(image, Known | Floating):
        return None
    if is_client(service.name, service.entrypoint, service.command):
        return None
    engine = engine_of(image.value, image.span)
    if engine is None or image_role(engine) not in _KINDS:
        return None
    kind, suffix = _KINDS[image_role(engine)]
    node = kind(
        id=f"{service.id}/{suffix}",
        name=service.name,
        side=service.side,
        span=service.span,
        engine=Known(engine.name, image.span, image.via),
        version=_via(engine.version, image),
        service=service.id,
        image=image,
        database_name=database_name,
        port=service.ports[0].target if service.ports else None,
        parity=service.parity,
        doubt=service.doubt,
    )
    if isinstance(node, Database):
        facts = base_image(image.value.name, image.value.effective_tag)
        libc = (None if facts is None else facts.libc) or ("musl" if "alpine" in engine.variant else None)
        untold = Unknown(f"the C library of {image.value.name} is not known", image.span)
        node = replace(node, libc=untold if libc is None else Known(libc, image.span, image.via))
        return _with_extensions(node, engine, image) if engine.name == "postgres" else node
    return node


def is_client(name: str, entrypoint: Value[Command], command: Value[Command]) -> bool:
    """Whether a container only uses the programs of a datastore's image: it sets up or asks one that runs elsewhere."""
    words = (word for value in (entrypoint, command) if isinstance(value, Known) for word in value.value.words)
    return does_one_thing(name) or only_asks(words)


def _via(value: Value[T], image: Known[ImageRef] | Floating[ImageRef]) -> Value[T]:
    """The version at the image's place, with the image's history."""
    match value:
        case Known(inner):
            return Known(inner, image.span, image.via)
        case Floating(inner):
            return Floating(inner, image.span, image.via)
        case _:
            return value


def _with_extensions(node: Database, engine: Engine, image: Known[ImageRef] | Floating[ImageRef]) -> Database:
    brought = brought_by_image(image.value.name)
    reason = f"what {image.value.name} brings is not known"
    extensions = Unknown(reason, image.span) if brought is None else Known(brought, image.span, image.via)
    node = replace(node, extensions=extensions, vector_version=engine.extension("vector"))
    if engine.extension("vector") is not None:
        return replace(node, vector=Known(value=True, span=image.span, via=image.via))
    if engine.certain:
        return replace(node, vector=Known(value=False, span=image.span, via=image.via))
    return replace(node, vector=Unknown(reason, image.span))
