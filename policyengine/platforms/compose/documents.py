"""The documents of the files of a Compose project: typed, their variables replaced, their paths kept in the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.source import ReadError, Span
from policyengine.platforms.compose import standing
from policyengine.platforms.compose.environment import Context, resolve_path
from policyengine.platforms.compose.interpolate import interpolate
from policyengine.platforms.compose.located import Branch, Leaf, Resets, convert
from policyengine.syntax import yaml
from policyengine.syntax.interpolation import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Source
    from policyengine.model.text import Text
    from policyengine.platforms.compose.located import Node


class Place(Struct, frozen=True):
    """Where a file is loaded.

    `folder` is where its references start, relative to the root. `base` is the same relative to the folder of the file
    that includes it, and empty for the project's own files.
    """

    folder: str
    base: str
    environment: dict[str, Text]


def documents_of(context: Context, path: str, at: Span | None = None) -> tuple[tuple[Branch, Resets], ...]:
    """The documents of a file, typed."""
    if path in context.documents:
        return context.documents[path]
    source = context.files.read(path)
    if source is None:
        raise ReadError(f"the file '{path}' is not there", at or Span(path, 0, 0), "correct the path or add the file")
    result = []
    for node, tagged, tag in _read(context, source):
        if isinstance(node, Leaf) and node.value is None and not tag:
            if source.text.strip():
                result.append((Branch({}, node.span), tagged))
        elif not isinstance(node, Branch):
            raise ReadError("the top level of a Compose file is a mapping", node.span, "add 'services'")
        else:
            result.append((node, tagged))
    context.documents[path] = tuple(result)
    return context.documents[path]


def _read(context: Context, source: Source) -> Iterator[tuple[Node, Resets, str]]:
    """The documents of a file, each with what its tags drop and its own tag."""
    origin = context.origins.get(source.path)
    repeated: list[ReadError] | None = None if context.strict else []
    if origin is None:
        yield from ((*convert(document), document.tag) for document in yaml.read_all(source, repeated))
        context.faults.extend(repeated or ())
        return
    try:
        for document in yaml.read_all(source, repeated):
            node, tagged = convert(document)
            yield standing.document(node, source, origin), tagged, document.tag
        for error in repeated or ():
            context.faults.append(ReadError(error.message, standing.placed(error.span, origin), error.advice))
    except ReadError as error:
        raise ReadError(error.message, standing.placed(error.span, origin), error.advice) from error


def interpolated(context: Context, document: Branch, place: Place) -> Branch:
    """A document with its variables replaced.

    Raises:
        ReadError: a template is malformed, or requires a variable that is not set.
    """
    try:
        return interpolate(document, place.environment.get, strict=context.strict, spend=context.spend)
    except TemplateError as error:
        advice = f"set {error.required}" if error.required else "write $$ for a dollar sign"
        raise ReadError(error.message, error.span, advice) from error


def inside(folder: str, leaf: Leaf) -> str:
    """The path that a leaf names, from `folder` relative to the root.

    Raises:
        ReadError: it is not decided, or leads out of the root.
    """
    if leaf.unknown is not None:
        raise ReadError("the path depends on a variable that no file sets", leaf.span, "give it a default")
    if "://" in str(leaf.value):
        raise ReadError(f"the remote file '{leaf.value}' is not read", leaf.span, "name a file of the repository")
    path = resolve_path(folder, str(leaf.value))
    if path is None:
        raise ReadError(
            f"the path {leaf.value!r} leads out of the scanned root and is not read", leaf.span, "keep it inside"
        )
    return path
