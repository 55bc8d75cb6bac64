"""Where one value came from: the steps it passed, and what it is in the end."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.image import ImageRef, Version
from policyengine.model.nodes import Command, Origin, Variable
from policyengine.model.source import Span, UsageError
from policyengine.model.value import Absent, Floating, Known, Sealed, Unknown, Via, is_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policyengine.model.graph import Graph
    from policyengine.model.nodes import Node

_CLOSE, _SHOWN = 0.5, 4
_TO = " → "


class Explanation(Struct, frozen=True):
    """What is at an address and how it came there.

    `state` is `known`, `floating`, `unknown` or `absent`; `value` is plain data (also what of an undecided value is
    known), `reason` says why it is not known. `steps` begin with what was asked for and end where the value stands.
    `parts` explain what a text or collection is made of. `secret` says that nothing of the value is shown, `sealed` are
    the secrets that it is made of.
    """

    address: str
    state: str
    value: object = None
    reason: str = ""
    steps: tuple[Via, ...] = ()
    parts: tuple[Explanation, ...] = ()
    secret: bool = False
    root: str | None = None
    sealed: tuple[Sealed, ...] = ()


class AddressError(UsageError):
    """An address leads to nothing. `depth` tells how much of it could be followed."""

    def __init__(self, message: str, depth: int) -> None:
        super().__init__(message)
        self.depth = depth


def nearest(wanted: str, names: Iterable[str], *, what: str) -> str:
    """A hint at the names that are near a wrong one, or at some that there are."""
    import difflib  # noqa: PLC0415 - only for a mistake

    known = sorted(set(names))
    if not known:
        return f"there are no {what}"
    close = difflib.get_close_matches(wanted, known, n=3, cutoff=_CLOSE)
    if close:
        return f"did you mean {', '.join(close)}?"
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"{what} are {', '.join(known[:_SHOWN])}{more}"


def joined(steps: Sequence[Via]) -> tuple[Via, ...]:
    """The steps with those that stand within the one before them joined to it: `a → var.b` at the place of `var.b`."""
    made: list[Via] = []
    for step in steps:
        if not step.span.path and not step.what:
            continue
        last = made[-1] if made else None
        if last is not None and last.span.holds(step.span):
            words = dict.fromkeys([*last.what.split(_TO), *step.what.split(_TO)])
            made[-1] = Via(_TO.join(filter(None, words)), step.span)
        else:
            made.append(step)
    return tuple(made)


# facts of nodes


def explain_fact(graph: Graph, address: str) -> Explanation:
    """A fact of a node: the node's id, then the names of its fields, such as `compose:services.db.image`.

    Raises:
        AddressError: there is no such node or fact.
    """
    nodes = [node for node in graph.nodes if address == node.id or address.startswith((f"{node.id}.", f"{node.id}["))]
    if not nodes:
        ids = [node.id for node in graph.nodes]
        raise AddressError(f"there is no node '{address}'; {nearest(address, ids, what='nodes')}", 0)
    node = max(nodes, key=lambda each: len(each.id))
    names = address[len(node.id) :].replace("[", ".").replace("]", "").strip(".")
    value: object = node
    followed, key = node.id, ""
    for name in names.split(".") if names else ():
        inner = _inner(value)
        if name.strip('"') not in inner:
            hint = nearest(name, inner, what="facts")
            raise AddressError(f"'{followed}' has no fact '{name}'; {hint}", 1)
        key = getattr(value, "key", key)
        value = inner[name.strip('"')]
        followed = f"{followed}.{name}"
    return _explained(followed, value, node, key)


def of_value(address: str, value: object, node: Node, key: str = "") -> Explanation:
    """A value of a node; `key` is that of the variable it belongs to, whose name may tell that it is secret."""
    return _explained(address, value, node, key)


def _inner(value: object) -> dict[str, object]:
    """The facts in a record, the variables in a list by their keys, and other elements by their numbers."""
    if isinstance(value, Known | Floating):
        value = value.value
    if isinstance(value, Variable):
        return {"value": value.value, "reference": value.reference}
    if isinstance(value, tuple) and not isinstance(value, Span):
        if value and all(isinstance(each, Variable) for each in value):
            return {each.key: each for each in value}
        return {str(index): each for index, each in enumerate(value)}
    if isinstance(value, Struct):
        return {
            name: found
            for name in value.__struct_fields__
            if not isinstance(found := getattr(value, name), Span) and found is not None and name not in ("id", "side")
        }
    return {}


def _explained(address: str, value: object, node: Node, key: str = "", *, inside: bool = False) -> Explanation:
    """What is at an address. `key` is that of the variable it belongs to, `inside` that it is listed with others."""
    secret = bool(key) and may_hold_secret(key)
    match value:
        case Variable(key=name, value=held, origin=origin):
            found = _explained(address, held, node, name, inside=inside)
            return found if origin is not Origin.SECRET else replace(found, secret=True)
        case Known(inner, span, via):
            steps = _steps(address, via, span)
            return Explanation(address, "known", _plain(inner), steps=steps, secret=secret, sealed=_made_of(via))
        case Floating(inner, span, via):
            steps = _steps(address, via, span)
            return Explanation(address, "floating", _plain(inner), MOVES, steps, secret=secret, sealed=_made_of(via))
        case Unknown(reason, span, via):
            return Explanation(address, "unknown", None, reason, _steps(address, via, span))
        case Absent(span, via):
            return Explanation(address, "absent", None, "no value is given", _steps(address, via, span))
        case _:
            pass
    place = getattr(value, "span", node.span)
    steps = (Via(address, place),)
    facts = {} if isinstance(value, Version | ImageRef | Command | str) else _inner(value)
    if not facts and not isinstance(value, tuple):
        return Explanation(address, "known", _plain(value), steps=steps, secret=secret)
    if inside:
        return Explanation(address, "known", list(facts), steps=steps)
    parts = tuple(
        _explained(f"{address}.{name}", each, node, getattr(value, "key", key), inside=True)
        for name, each in facts.items()
        if each not in ("", ())
    )
    return Explanation(address, "known", steps=steps, parts=parts)


def _made_of(via: Sequence[Via]) -> tuple[Sealed, ...]:
    """A mark that a value is made of a secret, whose text is found elsewhere."""
    return (Sealed("", Span("", 0, 0)),) if is_secret(via) else ()


MOVES = "it moves without an edit"
"""Why a value is floating."""


def _steps(address: str, via: Sequence[Via], span: Span) -> tuple[Via, ...]:
    first = via[0].span if via else span
    return joined([Via(address, first), *via, Via("", span)])


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return str(value)
