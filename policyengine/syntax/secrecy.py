"""Which texts of a document are secrets: those under a name that tells so, and what such a text was inserted into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.text import Text
from policyengine.model.value import Sealed, is_secret
from policyengine.syntax.tree import Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.syntax.tree import Document

Path = tuple[str, ...]

_OF_THE_NAME_ABOVE = frozenset({"content", "default", "value"})
"""Keys whose value is that of the name above them: `inputs.api_token.default`."""
_NAMES = ("secrets", "credentials")
"""Lists of that name hold names."""


def secrets_of(document: Document, path: Path = ()) -> Iterator[Sealed]:
    """The secrets of a document: `API_TOKEN: …`, `- API_TOKEN=…`, `{name: API_TOKEN, value: …}`."""
    match document:
        case Scalar(text, span, via=via):
            yield from told(path, Text.at(text, span, via))
        case Mapping(entries):
            name = document.get("name")
            for key, value in entries:
                named = key.text == "value" and isinstance(name, Scalar)
                yield from secrets_of(value, (*path, name.text if named and isinstance(name, Scalar) else key.text))
        case _:
            for item in document.items:
                yield from secrets_of(item, (*path, "[]"))


def told(path: Path, text: Text) -> Iterator[Sealed]:
    """The secrets of one text by the names that lead to it; `[]` stands for an element of a list."""
    names = [each for each in path if each != "[]"] or [""]
    name = names[-2] if names[-1] in _OF_THE_NAME_ABOVE and len(names) > 1 else names[-1]
    listed = path[-1:] == ("[]",)
    whole = may_hold_secret(name) and not (listed and name.lower().endswith(_NAMES))
    if listed and not whole:
        key, value = text.partition("=")
        if value is not None and may_hold_secret(key.written):
            text, whole = value, True
    if (names[0] == "secrets" and names[-1] == "content") or (names[0] == "jobs" and names[2:3] == ["secrets"]):
        whole = True
    for piece in text.pieces:
        if piece.unknown is None and (whole or is_secret(piece.via)):
            alone = is_secret(piece.via) or len(text.pieces) == 1
            yield Sealed(piece.text, piece.span if piece.exact else piece.span._replace(path=""), alone)
    if whole and len(text.pieces) > 1 and text.decided:
        yield Sealed(text.written, text.place._replace(path=""))
