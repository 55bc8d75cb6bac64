"""What a public image brings, as a stage of its own: the table of base images at the place where the image is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.base_images import BaseImage, base_image
from policyengine.model.nodes import Command, Side, Stage, Variable
from policyengine.model.value import Absent, Known, Unknown, Value, Via
from policyengine.platforms.docker.image_values import ports_of

if TYPE_CHECKING:
    from policyengine.model.image import ImageRef
    from policyengine.model.source import Span


def facts_of(image: Known[ImageRef]) -> BaseImage | None:
    """What the table of base images says of an image, or None where it does not list it."""
    return base_image(image.value.name, image.value.effective_tag)


def stock(image: Known[ImageRef], facts: BaseImage, span: Span) -> Stage:
    """An image as it is pulled: a stage that adds nothing to it. `span` is where the image is chosen."""
    name = image.value.name
    via = (Via(f"default of {name}", span),)

    def default(value: str | None, what: str) -> Value[str]:
        if value is None:
            return Unknown(f"the default {what} of {name} is not in the bundled table", span)
        return Known(value, span, via)

    def command(value: tuple[str, ...] | None, what: str) -> Value[Command]:
        if value is None:
            return Unknown(f"the default {what} of {name} is not in the bundled table", span)
        return Known(Command(value), span, via) if value else Absent(span)

    return Stage(
        id=f"image:{name}",
        name=name,
        side=Side.SOURCE,
        span=span,
        dockerfile="",
        index=0,
        last=True,
        base=image,
        user=default(facts.user, "user"),
        workdir=default(facts.workdir, "working directory"),
        entrypoint=command(facts.entrypoint, "entrypoint"),
        command=command(facts.command, "command"),
        exposed=tuple(port for text in facts.exposed for port in ports_of(Known(text, span, via), span)),
        volumes=tuple(Known(text, span, via) for text in facts.volumes),
        users_created=tuple(Variable(user, span, Known(uid, span, via)) for user, uid in sorted(facts.users.items())),
        libc=default(facts.libc, "C library"),
    )
