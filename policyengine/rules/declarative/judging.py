"""One rule in YAML as the check of a Rule: every row that it selects is held against its condition."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.source import Span
from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.rules.declarative.cel import BREAKS, HOLDS, OTHER, Failed
from policyengine.rules.declarative.everywhere import is_open_to_all
from policyengine.rules.declarative.facts import Hole
from policyengine.rules.declarative.showing import holds_secret, shown
from policyengine.rules.rule import Compared, Finding, Fix, Undecided

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.model.graph import Graph
    from policyengine.model.nodes import Node
    from policyengine.rules.declarative.cel import Breaking, Condition, Verdict
    from policyengine.rules.declarative.facts import Path
    from policyengine.rules.declarative.selecting import Row, Selecting, Selection
    from policyengine.rules.rule import Outcome


class Wording(Struct, frozen=True):
    """A text with placeholders, each a path or one of the rule's further arguments, by the names that stand in it."""

    text: str
    paths: Mapping[str, Path]
    names: tuple[str, ...] = ()


class Mending(Struct, frozen=True):
    """How to mend a finding: what to do, and the fact whose text is replaced."""

    description: Wording
    replace: Path = ()
    by: Wording | None = None


class Judge(Struct, frozen=True, eq=False):
    """The check of one rule. `at` are the paths of facts to mend, of which the first counts that has its own place.

    Before them counts the first element that breaks one of the `loops` of the condition.
    """

    selecting: Selecting
    selection: Selection
    where: Condition | None
    require: Condition
    verdict: Verdict
    message: Wording
    arguments: Mapping[str, Condition]
    at: tuple[Path, ...]
    related: tuple[Path, ...]
    fix: Mending | None
    loops: tuple[Breaking, ...] = ()

    def __call__(self, graph: Graph, options: object, /) -> Iterator[Outcome]:
        """What violates the rule, and what it cannot decide."""
        own, twin = self._names()
        for row in self.selecting.rows(self.selection, graph, options):
            said = self.verdict.run(row.given)
            if said is OTHER:
                continue
            subject, against = row.nodes[own], row.nodes[twin] if twin else None
            if said is HOLDS:
                yield Compared(subject, against)
            elif said is BREAKS:
                yield Compared(subject, against)
                yield Finding(
                    subject=subject,
                    against=against,
                    at=self._place(row, subject),
                    args=self._arguments(row, self.message),
                    related=tuple(row.facts.at(row.root, path).span for path in self.related),
                    fix=None if self.fix is None else self._fix(row, self.fix),
                )
            else:
                yield from self._open(row, subject, against)

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters of the pack that the rule asks."""
        conditions = (self.where, self.require, *self.arguments.values())
        asked = [each for one in conditions if one is not None for each in one.asked]
        return frozenset(str(path[1]) for path in (*asked, *self.message.paths.values()) if path[0] == "params")

    def _open(self, row: Row, subject: Node, against: Node | None) -> Iterator[Outcome]:
        """Why one of both conditions has no answer. What holds anyway is no question, whatever the filter says."""
        held = self.require.run(row.given)
        condition, answer = self.require, held
        if self.where is not None and (asked := self.where.run(row.given)) is not True:
            if held is True:
                return
            condition, answer = self.where, asked
        else:
            yield Compared(subject, against)
        unknown = reason(row, condition, answer)
        yield Undecided(subject, unknown.span, unknown.reason)

    def _place(self, row: Row, subject: Node) -> Span:
        """The place of the fact or of the element to mend, else that of the node."""
        if self.loops:
            given = row.facts.given(row.root, self.require.needs, {})
            broken = (_broken(row, each, given) for each in self.loops)
            found = next((place for place in broken if place is not None), None)
            if found is not None:
                return found
        facts = (row.facts.at(row.root, path) for path in self.at)
        return next((fact.span for fact in facts if fact.placed), subject.span)

    def _names(self) -> tuple[str, str]:
        """The root that a finding is about, and its twin's, empty where there is none."""
        first, *others = self.selection.roots
        own = str(self.at[0][0]) if self.at and self.at[0][0] in others else first
        return own, next((name for name in (first, *others) if name != own), "")

    def _arguments(self, row: Row, wording: Wording) -> dict[str, str]:
        made = {name: shown(row.facts, row.root, path) for name, path in wording.paths.items()}
        for name in wording.names:
            condition = self.arguments[name]
            told = condition.run(row.given)
            hidden = any(holds_secret(row.facts, row.root, each) for each in condition.asked)
            made[name] = "…" if isinstance(told, Failed) else "nothing" if told is None else _text(told)
            hidden = hidden or (isinstance(told, str) and not all(map(is_open_to_all, condition.needs)))
            made[name] = "*" * len(made[name]) if hidden else made[name]
        return made

    def _fix(self, row: Row, mending: Mending) -> Fix:
        description = mending.description.text.format_map(self._arguments(row, mending.description))
        if mending.by is None:
            return Fix(description)
        fact = row.facts.at(row.root, mending.replace)
        new = mending.by.text.format_map(self._arguments(row, mending.by))
        if not isinstance(fact.value, str | int) or fact.open is not None:
            return Fix(description)
        return Fix.replacing(description, fact.span, _text(fact.value), new)


def _broken(row: Row, breaking: Breaking, given: Mapping[str, object]) -> Span | None:
    """The place of the first element that breaks a loop of the condition."""
    loop = breaking.loop
    with contextlib.suppress(Hole):
        for each in row.facts.items(row.facts.at(row.root, loop.path), loop.needs):
            if each.placed and each.unknown is None and breaking.by(given, row.facts.given(each, loop.needs, {})):
                return each.span
    return None


_TEXT_AND_NUMBER = regex(r"\((?:text, number|number, text)\)")


def reason(row: Row, condition: Condition, answer: object) -> Unknown:
    """Why a condition gives no answer, and the place of what it lacks."""
    failed = answer if isinstance(answer, Failed) else Failed("", "it is neither true nor false")
    if failed.missing in row.holes:
        return row.holes[failed.missing]
    place = next((each.span for each in row.nodes.values()), Span("", 0, 0))
    compared = {need.path for need in condition.needs if need.form == "value"}
    for each in sorted(condition.asked, key=lambda asked: asked not in compared):
        fact = row.facts.at(row.root, each)
        if fact.open is not None:
            return fact.open
        if fact.value is None:
            return Unknown(f"'{dotted(each)}' is not given, and the condition does not say what holds then", fact.span)
    if failed.missing:
        return Unknown(f"'{failed.missing}' is not given, and the condition does not say what holds then", place)
    if _TEXT_AND_NUMBER.search(failed.reason):
        texts = (each for each in condition.asked if isinstance(row.facts.at(row.root, each).value, str))
        for path in texts:
            told = f"'{dotted(path)}' is written as a text, and is compared with a number; int() or double() reads it"
            return Unknown(told, row.facts.at(row.root, path).span)
    return Unknown(f"the condition has no answer: {failed.reason}", place)


def dotted(path: Path) -> str:
    """A path as a condition has it."""
    return ".".join(map(str, path))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
