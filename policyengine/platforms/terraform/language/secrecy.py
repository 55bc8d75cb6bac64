"""Which values are secrets, by their names and by what they passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.secrets import may_hold_secret, secrecy_of_value
from policyengine.model.value import Known, Sealed, Via, is_secret
from policyengine.platforms.terraform.language.plain import to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    Tree,
    decided,
    encoded_text,
    plain,
    secret_steps,
    through,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.source import Span


def texts(tree: Tree) -> bool:
    """Whether a value is a text or a list of texts that may be secret, not a reference such as an ARN."""
    match tree:
        case Known(str() as text):
            return bool(text) and secrecy_of_value(text) != "plain"
        case Composite() | Encoded():
            return True
        case List(items):
            return bool(items) and all(map(texts, items))
        case _:
            return False


def named(tree: Tree, name: str, span: Span) -> Tree:
    """A value that is taken from somewhere by its name: a text is a secret when the name says so."""
    return through(tree, Via(name, span, secret=True)) if may_hold_secret(name) and texts(tree) else tree


def sealed(tree: Tree, *, secret: bool, marked: bool = False) -> Iterator[Sealed]:
    """The secrets that a value holds: all of it when it is `marked`; a `secret` name tells only of its texts.

    What objects hold is told by their keys, and by a name beside a value.
    """
    marked = marked or is_secret(tree.via)
    secret = secret or marked
    match tree:
        case Object(entries, hidden=hidden_keys):
            yield from (Sealed(key, tree.span._replace(path="")) for key in sorted(hidden_keys))
            name = entries.get("name")
            named = isinstance(name, Known) and isinstance(name.value, str) and may_hold_secret(name.value)
            for key, each in entries.items():
                yield from sealed(each, secret=may_hold_secret(key) or (named and key == "value"), marked=marked)
        case List(items):
            for each in items:
                yield from sealed(each, secret=secret, marked=marked)
        case Encoded(inner, form, span):
            hidden = form == "base64" and any(secret_steps(tree))  # in which no one finds the secret itself
            if (marked or hidden) and decided(tree):
                yield Sealed(encoded_text(tree), span._replace(path=""))
            yield from sealed(inner, secret=secret, marked=marked)
        case Composite(parts):
            if (secret or _taken_apart(parts)) and decided(tree):
                yield Sealed(str(plain(tree)), tree.span._replace(path=""))
            for part in parts:
                made_of_it = sealed(part, secret=secret)
                yield from (Sealed(each.text, each.span, is_secret(part.via)) for each in made_of_it)
        case Known(bool() | None):
            return
        case Known(value, span, via) if secret:
            computed = bool(via) and span.holds(via[0].span)
            text = to_string(value)
            yield Sealed(text, span._replace(path="") if computed else span)
        case _:
            return


def _taken_apart(parts: Sequence[Tree]) -> bool:
    """Whether a text is put together of the pieces of one secret, each of which may be too short to be found."""
    told = [step for part in parts for step in part.via if step.secret]
    return len(told) != len(set(told))
