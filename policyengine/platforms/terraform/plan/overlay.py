"""One planned or actual value over the evaluated one, part by part, at the places where the files say the same.

A value that the files decide as the plan has it stays as it is, with its place and history. Another one takes the place
of what is written: of the value where it stands in its argument, else of the argument; without an argument, of the
resource's name. It keeps the history of what it replaces, for that tells which resources belong together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.value import Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.documents import document
from policyengine.platforms.terraform.language.plain import Invalid, PlainSet, to_string
from policyengine.platforms.terraform.language.values import (
    LONGEST_HISTORY,
    Composite,
    Encoded,
    InstanceTree,
    List,
    Object,
    Reference,
    Tree,
    decided,
    plain,
)
from policyengine.platforms.terraform.plan.plan import Part, clean, values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.plain import Plain
    from policyengine.platforms.terraform.plan.plan import Exact

DEEPEST = 64
"""Levels of a value that are taken over."""

_MOST_PAIRS = 40_000

NAMES = ("name", "Name", "key", "Key", "containerName", "sourceVolume")
"""Entries that tell which element of a list is meant."""

_UPPER = regex(r"(?<!^)([A-Z])")


class Spot(Struct, frozen=True):
    """Where a value is written: `inside` a text, or else `at` a place of it."""

    inside: Span
    at: Span

    def of(self, tree: Tree | None) -> Span:
        """The place of what stands for `tree`."""
        if tree is None:
            return self.at
        spans = (tree.span, *(step.span for step in tree.via))
        return next((span for span in spans if self.inside.holds(span)), self.at)


def merged(exact: Exact, tree: Tree | None, part: Part, spot: Spot, depth: int = 0) -> Tree | None:
    """A planned or actual value over what the files give; None where neither gives any."""
    if part.unknown is True:
        return tree
    value = part.value
    if value is None:
        return tree if tree is None or decided(tree) else Known(None, spot.of(tree), _history(part, spot, tree))
    if isinstance(value, str) and part.sensitive is not True and tree is not None:
        found = _encoded(exact, tree, part, spot, depth)
        if found is not None:
            return found
    if hidden(exact, part) or depth > DEEPEST:
        reason = "the value is nested too deeply" if depth > DEEPEST else "the value is sensitive, so it is not read"
        return tree if tree is not None else Unknown(reason, spot.at)
    if tree is not None and agrees(tree, value) and not isinstance(part.unknown, dict | list):
        return tree
    match value:
        case dict():
            return _object(exact, tree, part, spot, depth)
        case list():
            return _list(exact, tree, part, spot, depth)
        case str():
            return Known(clean(value), spot.of(tree), _history(part, spot, tree))
        case _:
            return Known(value, spot.of(tree), _history(part, spot, tree))


def hidden(exact: Exact, part: Part) -> bool:
    """Whether a value must not be taken over."""
    return part.sensitive is True or (isinstance(part.value, str) and exact.reveals(part.value))


def _history(part: Part, spot: Spot, tree: Tree | None) -> tuple[Via, ...]:
    return (Via(part.what, spot.of(tree)), *_passed(tree))[:LONGEST_HISTORY]


def _passed(tree: Tree | None) -> tuple[Via, ...]:
    """All that a value passed, with the references it is made of."""
    found: dict[Via, None] = {}
    stack: list[Tree] = [] if tree is None else [tree]
    while stack and len(found) < LONGEST_HISTORY:
        each = stack.pop()
        found.update(dict.fromkeys(each.via))
        match each:
            case Reference():
                found[Via(each.text, each.span)] = None
            case InstanceTree(address, span):
                found[Via(address, span)] = None
            case Composite(parts):
                stack.extend(reversed(parts))
            case Encoded(inner):
                stack.append(inner)
            case List(items):
                stack.extend(reversed(items))
            case Object(entries):
                stack.extend(reversed(list(entries.values())))
            case _:
                pass
    return tuple(found)


def _later(part: Part, spot: Spot) -> Unknown:
    """What neither the files nor the plan know."""
    if part.unknown is True:
        return Unknown("the value is known only after apply", spot.at)
    return Unknown("the value is not known", spot.at)


def _object(exact: Exact, tree: Tree | None, part: Part, spot: Spot, depth: int) -> Tree:
    olds = tree.entries if isinstance(tree, Object) else {}
    places = tree.keys if isinstance(tree, Object) else {}
    inside = tree.span if isinstance(tree, Object) else spot.of(tree)
    entries: dict[str, Tree] = {}
    for key in part.keys:
        spelled = key if key in olds else _UPPER.sub(lambda match: f"_{match[1].lower()}", key)
        name = spelled if spelled in olds else key
        inner = part.item(key)
        place = Spot(inside, places.get(name, inside))
        found = merged(exact, olds.get(name), inner, place, depth + 1)
        if found is None:
            found = Known(None, place.at) if inner.unknown is not True else _later(inner, place)
        entries[name] = found
    for name, old in olds.items():
        if name not in entries and decided(old) and empty(plain(old)):
            entries[name] = old
    steps = tree.via if isinstance(tree, Object) else _history(part, spot, tree)
    return Object(entries, inside, steps, places)


def _list(exact: Exact, tree: Tree | None, part: Part, spot: Spot, depth: int) -> Tree:
    given = part.value if isinstance(part.value, list) else []
    if isinstance(tree, Object) and tree.entries and all(isinstance(each, Object) for each in tree.entries.values()):
        named = _by_name(part, given)
        if named is not None:  # a module's map of containers, and the list that it makes of them
            return _object(exact, tree, named, spot, depth)
    olds = tree.items if isinstance(tree, List) else ()
    inside = tree.span if isinstance(tree, List) else spot.of(tree)
    place = Spot(inside, inside)
    if len(olds) * len(given) > _MOST_PAIRS:
        chosen: list[int | None] = [index if index < len(olds) else None for index in range(len(given))]
    else:
        scores = [[_likeness(old, value) for old in olds] for value in given]
        chosen = matched(scores, same_length=len(olds) == len(given))
    items: list[Tree] = []
    for index, old in enumerate(chosen):
        inner = part.item(index)
        found = merged(exact, None if old is None else olds[old], inner, place, depth + 1)
        if found is None:
            found = Known(None, inside) if inner.unknown is not True else _later(inner, place)
        items.append(found)
    steps = tree.via if isinstance(tree, List) else _history(part, spot, tree)
    return List(tuple(items), inside, steps, unordered=isinstance(tree, List) and tree.unordered)


def _by_name(part: Part, given: Sequence[Plain]) -> Part | None:
    names = [each.get("name") if isinstance(each, dict) else None for each in given]
    if not names or not all(isinstance(name, str) for name in names) or len(set(map(str, names))) < len(names):
        return None
    parts = {str(name): part.item(index) for index, name in enumerate(names)}
    return Part(
        {name: each.value for name, each in parts.items()},
        {name: each.unknown for name, each in parts.items()},
        {name: each.sensitive for name, each in parts.items()},
        part.what,
    )


def _encoded(exact: Exact, tree: Tree, part: Part, spot: Spot, depth: int) -> Tree | None:
    """A JSON text over another one; None where one of them is no JSON."""
    if not isinstance(part.value, str) or part.value.lstrip()[:1] not in ("[", "{") or isinstance(tree, List | Object):
        return None
    try:
        written = document(tree, "json")
        given = values(part.value)
    except (Invalid, ValueError, RecursionError):
        return None
    if isinstance(written, Unknown):
        return None
    found = merged(exact, written, Part(given, None, None, part.what), spot, depth + 1)
    if found is None or found is written:
        return tree
    return Encoded(found, "json", tree.span, tree.via)


# which is which


def matched(scores: Sequence[Sequence[int]], *, same_length: bool) -> list[int | None]:
    """For each row the column that fits best, each column once; what nothing fits stays in its place."""
    free = set(range(len(scores[0]))) if scores else set()
    chosen: list[int | None] = []
    for row in scores:
        best = max(free, key=lambda index: (row[index], -index), default=None)
        if best is not None and row[best] > 0:
            free.discard(best)
            chosen.append(best)
        else:
            chosen.append(None)
    if same_length:
        for index, row in enumerate(scores):
            if chosen[index] is None and index in free and row[index] >= 0:
                free.discard(index)
                chosen[index] = index
    return chosen


def _likeness(old: Tree, value: Plain) -> int:
    """How certain it is that a value stands for an element of a list; negative where it cannot."""
    if isinstance(old, Object) and isinstance(value, dict):
        score = 0
        for name, tree in old.entries.items():
            if name in value and decided(tree):
                if agrees(tree, value[name]):
                    score += 1000 if name in NAMES else 1
                elif name in NAMES:
                    return -1
        return score
    return int(agrees(old, value))


def agrees(tree: Tree, value: Plain) -> bool:
    """Whether the files decide a value, and as the plan has it."""
    try:
        return decided(tree) and _same(plain(tree), value)
    except Invalid:
        return False


def _same(one: Plain, other: Plain) -> bool:
    """Whether a planned value is the evaluated one, whatever a provider's schema converts."""
    match one, other:
        case PlainSet(), list():
            return len(one) == len(other) and sorted(map(repr, one)) == sorted(map(repr, other))
        case list(), list():
            return len(one) == len(other) and all(map(_same, one, other))
        case dict(), dict():
            return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
        case (list() | dict() | None, _) | (_, list() | dict() | None):
            return one == other
        case _:
            return to_string(one) == to_string(other)


def empty(value: Plain) -> bool:
    """Whether a value is what the older provider SDK stores for an argument that is not set."""
    return value is None or (not isinstance(value, bool) and value in ("", 0, [], {}))
