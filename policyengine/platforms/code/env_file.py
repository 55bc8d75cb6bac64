"""The variables of an env file as Docker Compose reads it on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes import Origin, Variable
from policyengine.model.value import Known, Unknown, Value
from policyengine.syntax import dotenv
from policyengine.syntax.env_expansion import resolve

if TYPE_CHECKING:
    from policyengine.model.source import ReadError, Source
    from policyengine.syntax.env_expansion import Resolved


def variables(source: Source) -> tuple[tuple[Variable, ...], list[ReadError]]:
    """The variables of a file, sorted by where they stand, and what Compose refuses in it."""
    lost: list[ReadError] = []
    found = resolve(dotenv.read(source, lost=lost), lambda _: None, strict=False, lost=lost)
    rows = sorted((each for each in found.values() if each.key), key=lambda each: each.key_span)
    return tuple(variable(each) for each in rows), lost


def variable(resolved: Resolved, origin: Origin = Origin.ENV_FILE) -> Variable:
    """One variable of an env file as a node's fact."""
    return Variable(resolved.key, resolved.key_span, value_of(resolved), origin)


def value_of(resolved: Resolved) -> Value[str]:
    """The value of a variable: Unknown when it is made of what only the environment sets."""
    text = resolved.text
    span = resolved.place
    if text.unknown is not None:
        return Unknown(text.unknown.reason, span, text.via)
    return Known(text.written, span, text.via)
