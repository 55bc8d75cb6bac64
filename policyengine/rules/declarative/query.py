"""One expression over everything of a kind in a graph: for which it holds, or what it gives, and where it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.source import UsageError
from policyengine.rules.declarative import cel
from policyengine.rules.declarative.cel import Condition, Failed
from policyengine.rules.declarative.facts import Facts
from policyengine.rules.declarative.fields import Type, close
from policyengine.rules.declarative.judging import dotted, reason
from policyengine.rules.declarative.lowering import Mistake
from policyengine.rules.declarative.selecting import Selection, everything, kinds, make, pairable, selected
from policyengine.rules.declarative.showing import data, hidden, holds_secret, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.graph import Graph
    from policyengine.model.nodes import Node
    from policyengine.model.source import Span
    from policyengine.model.value import Unknown
    from policyengine.rules.declarative.facts import Path
    from policyengine.rules.declarative.selecting import Row


class Told(Struct, frozen=True):
    """A fact that an answer rests on. `text` is it as people read it, `value` as plain data unless it is a secret."""

    path: str
    span: Span
    text: str
    value: object
    state: str


class Answer(Struct, frozen=True):
    """One thing that was asked for: what the expression gives, the facts in it, or why it is `open`."""

    node: Node
    value: object = None
    told: tuple[Told, ...] = ()
    open: Unknown | None = None


class Answers(Struct, frozen=True):
    """All answers, how many of the kind there are, and whether the expression is a condition."""

    kind: str
    asked: int
    condition: bool
    given: tuple[Answer, ...]
    open: tuple[Answer, ...]


def check(expression: str, pair: str = "", *, where: str = "") -> None:
    """Nothing where an expression can be asked, an empty one too. Raises `Mistake` and `UsageError` as `ask` does."""
    roots = _roots(pair)
    if expression and _path(expression, roots) is None:
        cel.condition(expression, roots)
    _filter(where, roots)


def _filter(where: str, roots: dict[str, Type]) -> Condition | None:
    made = cel.condition(where, roots) if where else None
    if made is not None and made.gives not in ("BOOL", "DYN"):
        raise Mistake("the filter is neither true nor false", 0, len(where))
    return made


def _roots(pair: str) -> dict[str, Type]:
    """What an expression can begin with: all kinds, or both sides of one."""
    if not pair:
        return {name: Type("record", records=(each,)) for name, each in kinds().items()}
    if pair not in pairable():
        raise UsageError(f"there are no pairs of '{pair}'; {close(pair, pairable())}")
    return Selection(pair, pair=True).roots


def ask(expression: str, graph: Graph, *, where: str = "", pair: str = "") -> Answers:
    """What an expression gives for each of the kind that it names; with `where` for those for which that holds.

    With `pair` it is asked of the pairs of that kind.

    Raises:
        Mistake: an expression is wrong.
        UsageError: there are no such pairs, or the CEL library is not installed.
    """
    roots = _roots(pair)
    path = _path(expression, roots)
    wanted = cel.condition(expression, roots) if path is None else None
    filters = _filter(where, roots)
    asked = wanted.asked if wanted is not None else (path or (),)
    kind = pair or _kind(expression, asked, filters)
    needs = {each for one in (wanted, filters) if one is not None for each in one.needs}
    facts = Facts(graph, everything(graph))
    found = selected(Selection(kind, pair=bool(pair)), graph)
    rows = [make(each, (), needs, facts) for each in found]
    answers = [each for row in rows for each in _answer(row, wanted, asked, filters)]
    return Answers(
        f"pairs of {kind}" if pair else kind,
        len(rows),
        wanted is not None and wanted.gives == "BOOL",
        tuple(each for each in answers if each.open is None),
        tuple(each for each in answers if each.open is not None),
    )


def _path(expression: str, roots: dict[str, Type]) -> tuple[str | int, ...] | None:
    try:
        return cel.path(expression, roots)[0]
    except Mistake:
        return None


def _kind(expression: str, asked: tuple[Path, ...], filters: Condition | None) -> str:
    named = dict.fromkeys(str(each[0]) for each in (*asked, *(filters.asked if filters is not None else ())))
    if not named:
        raise Mistake("the expression asks nothing, such as service.name", 0, len(expression))
    first, *others = named
    if others:
        raise Mistake(f"one query is about one kind; here are {' and '.join(map(repr, named))}", 0, len(expression))
    return first


def _answer(row: Row, wanted: Condition | None, asked: tuple[Path, ...], filters: Condition | None) -> Iterator[Answer]:
    node = next(iter(row.nodes.values()))
    held = True if filters is None else filters.run(row.given)
    if held is False:
        return
    if filters is not None and held is not True:
        yield Answer(node, open=reason(row, filters, held))
        return
    told = tuple(_told(row, each) for each in asked)
    if wanted is None:
        fact = row.facts.at(row.root, asked[0])
        if fact.unknown is not None:
            yield Answer(node, told=told, open=fact.unknown)
        elif fact.value is not None:
            yield Answer(node, None, told)
        return
    value = wanted.run(row.given)
    if isinstance(value, Failed):
        yield Answer(node, told=told, open=reason(row, wanted, value))
    elif value is not False:
        masked = any(holds_secret(row.facts, row.root, each) for each in asked)
        yield Answer(node, "*" * len(str(value)) if masked and not isinstance(value, bool) else value, told)


def _told(row: Row, path: tuple[str | int, ...]) -> Told:
    fact = row.facts.at(row.root, path)
    text = shown(row.facts, row.root, path)
    masked = hidden(row.facts, row.root, path)
    state = "unknown" if fact.unknown else "absent" if fact.value is None else "floating" if fact.floating else "known"
    return Told(dotted(path), fact.span, text, text if masked else data(row.facts, fact), state)
