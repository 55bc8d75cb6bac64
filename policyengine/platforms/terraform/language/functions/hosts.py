"""Functions of host names that exist only after apply: what they hold is not known, but what they cannot hold is.

A host name has no scheme, colon, slash, comma, blank or at sign (RFC 1123), the URL of an image repository no scheme.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.terraform_attributes import is_host
from policyengine.model.value import Known
from policyengine.platforms.terraform.language.values import Composite, List, Reference, Tree, decided, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.model.source import Span

_NOT_IN_HOSTS = frozenset(":/,@ \n")
_SCHEMES = frozenset({"https://", "http://"})


def of_hosts(name: str, arguments: Sequence[Tree], span: Span) -> Tree | None:
    """The value of a call with arguments that are not known, where the form of host names decides it; else None."""
    match name, arguments:
        case "split", (Known(str() as separator), (Composite() | Reference()) as text) if separator in _NOT_IN_HOSTS:
            return _split(separator, text, span)
        case ("replace", (Reference() as text, Known(str() as prefix), Known())) | (
            "trimprefix",
            (Reference() as text, Known(str() as prefix)),
        ) if prefix in _SCHEMES and (is_host(text.attribute) or text.attribute == "repository_url"):
            return text
        case _:
            return None


def _split(separator: str, text: Composite | Reference, span: Span) -> List | None:
    """A text cut at the separators between its host names."""
    found: list[list[Tree]] = [[]]
    for part in text.parts if isinstance(text, Composite) else (text,):
        if isinstance(part, Reference) and is_host(part.attribute):
            found[-1].append(part)
        elif decided(part):
            written = str(plain(part))
            for number, piece in enumerate(written.split(separator)):
                if number:
                    found.append([])
                if piece:
                    found[-1].append(Known(piece, part.span, part.via))
        else:
            return None
    return List(tuple(_joined(each, span) for each in found), span, text.via)


def _joined(parts: Sequence[Tree], span: Span) -> Tree:
    if not parts:
        return Known("", span)
    return parts[0] if len(parts) == 1 else Composite(tuple(parts), span)  # type: ignore[arg-type]
