"""How one value came to be what it is, as the reports tell it."""

from __future__ import annotations

import posixpath
from fractions import Fraction
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.explanation import Explanation, joined
from policyengine.model.source import Span
from policyengine.model.value import Known, Unknown, Via, is_secret
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.secrecy import sealed
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    InstanceTree,
    List,
    Object,
    Reference,
    Tree,
    decided,
    history,
    plain,
    through,
    unknown_of,
)
from policyengine.platforms.terraform.plan.plan import ACTUAL, PLANNED
from policyengine.platforms.terraform.resources.facts import symbolic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policyengine.model.value import Sealed
    from policyengine.platforms.terraform.workspace.project import Project

DEEPEST = 3
"""So many levels of parts are explained."""

MOST_PARTS = 20
"""So many parts of one value are explained."""

_NAME = regex(r"(?<![\w\[\"-])[^\W\d][\w-]*")
_CALL = regex(r'(?:module\.[\w-]+(?:\[(?:"[^"]*"|\d+)\])?\.?)+\Z')


class Teller(Struct, frozen=True):
    """Tells how the values of a root module came about."""

    project: Project

    def of(self, address: str, tree: Tree, steps: Sequence[Via], depth: int = 0) -> Explanation:
        """How a value came to be what it is; `steps` led to it."""
        root = self.project.folder.path if depth == 0 else None
        via = tuple(self._told(step) for step in _own(tree.via))
        secret = is_secret(tree.via) or (depth == 0 and _named_so(address))
        if isinstance(tree, Unknown | Reference | InstanceTree):
            undecided = unknown_of(tree)
            passed = joined([*steps, *via, Via("", undecided.span)])
            return Explanation(address, "unknown", None, undecided.reason, passed, root=root, sealed=self._met())
        if _computed(tree):
            via = tuple(step for step in via if step.what in (PLANNED, ACTUAL))
        passed = joined([*steps, *via, Via("", tree.span)])
        parts = tuple(self._parts(address, tree, depth)) if depth < DEEPEST else ()
        state, reason = ("known", "") if decided(tree) else ("unknown", unknown_of(tree).reason)
        inner = tuple(sealed(tree, secret=secret))
        return Explanation(address, state, _data(tree), reason, passed, parts, secret, root, inner)

    def _met(self) -> tuple[Sealed, ...]:
        """The secrets by name that were met on the way, which a reason may quote."""
        memo = ((key, each) for key, each in self.project.memo.items() if key[0] in ("var", "local"))
        return tuple(one for key, each in memo if self.project.conceals(key, each) for one in sealed(each, secret=True))

    def _told(self, step: Via) -> Via:
        """A step in words: a bare module is the call that sets an input, on the line of its name."""
        source = self.project.read(step.span.path) if _CALL.match(step.what) else None
        if source is None:
            return step
        line = source.position(step.span.start).line
        end = source.starts[line - 1] + len(source.line(line))
        return Via(f"{step.what} sets it", step.span._replace(end=max(end, step.span.end)))

    def _parts(self, address: str, tree: Tree, depth: int) -> Iterable[Explanation]:
        """What a text is made of, and what of a collection is not known."""
        match tree:
            case Composite(parts):
                for part in [each for each in parts if not _literal(each, parts)][:MOST_PARTS]:
                    yield self.of(_spoken(part), part, (), depth + 1)
            case Encoded(inner):
                yield from self._parts(address, inner, depth)
            case Known() if _computed(tree):
                yield from self._operands(tree, depth)
            case List() | Object() if not decided(tree):
                for name, each in _undecided(address, tree)[:MOST_PARTS]:
                    yield self.of(name, each, (), depth + 1)
            case _:
                return

    def _operands(self, tree: Tree, depth: int) -> Iterable[Explanation]:
        """The variables and locals that a value is computed from."""
        folder = posixpath.dirname(tree.span.path)
        for step in tree.via[:MOST_PARTS]:
            kind, _, name = step.what.partition(".")
            for key, value in list(self.project.memo.items()):
                if (
                    key[0] == kind in ("var", "local")
                    and key[2:] == (name,)
                    and getattr(key[1], "directory", None) == folder
                ):
                    secret = self.project.conceals(key, value)
                    yield self.of(step.what, concealed(value) if secret else value, (step,), depth + 1)
                    break


def concealed(tree: Tree) -> Tree:
    """A value that is a secret by what it belongs to."""
    return through(tree, Via("", Span("", 0, 0), secret=True))


def _named_so(address: str) -> bool:
    """Whether the last name of an address is that of a secret."""
    names = _NAME.findall(address)
    return bool(names) and may_hold_secret(names[-1])


def _own(via: Sequence[Via]) -> Sequence[Via]:
    """The history of a value, without that of the value it took the place of."""
    end = next((index for index, step in enumerate(via) if step.what in (PLANNED, ACTUAL)), len(via))
    return via[: end + 1]


def _computed(tree: Tree) -> bool:
    """Whether a value is that of an expression, so that what it passed is what it is computed from."""
    passed = [step for step in tree.via if step.span.path]
    return isinstance(tree, Known) and bool(passed) and all(tree.span.holds(step.span) for step in passed)


def _literal(part: Tree, parts: Sequence[Tree]) -> bool:
    """Whether a part is text between others: it came no other way than they did, but not as far."""
    if not isinstance(part, Known):
        return False
    count = len(part.via)
    return not count or any(other.via[:count] == part.via and len(other.via) > count for other in parts)


def _spoken(part: Tree) -> str:
    if isinstance(part, Reference):
        return part.text
    return part.via[-1].what if part.via else "a part of it"


def _undecided(address: str, tree: List | Object) -> list[tuple[str, Tree]]:
    """The parts of a collection that are not known, with their addresses."""
    found: list[tuple[str, Tree]] = []
    stack: list[tuple[str, Tree]] = [(address, tree)]
    while stack and len(found) < MOST_PARTS:
        name, each = stack.pop()
        if decided(each):
            continue
        match each:
            case Encoded(inner):
                stack.append((name, inner))
            case List(items, gap=gap):
                if gap is not None:
                    found.append((f"{name}[…]", gap))
                stack.extend((f"{name}[{index}]", items[index]) for index in reversed(range(len(items))))
            case Object(entries, gap=gap):
                if gap is not None:
                    found.append((f"{name}.…", gap))
                stack.extend((f"{name}.{key}", entries[key]) for key in reversed(list(entries)))
            case _:
                found.append((name, each))
    return found


def _covered(key: str, number: int, tree: Object) -> str:
    """A key as it is shown: one that is made of a secret as stars, and its number, since others may be as long."""
    return f"{'*' * len(key)}{number + 1}" if key in tree.hidden else key


def _data(tree: Tree) -> object:
    """A value as plain data; what is not known is the reference that stands for it, what is secret is covered."""
    match tree:
        case List(items):
            return [_data(item) for item in items]
        case Object(entries):
            return {_covered(key, number, tree): _data(each) for number, (key, each) in enumerate(entries.items())}
        case Known(str() as value, via=via) if is_secret(via):
            return "*" * len(value)
        case Known(Fraction() as value):
            return float(value)
        case Known(value):
            return value
        case Composite(parts):
            return "".join("*" * len(symbolic(part)) if is_secret(history(part)) else symbolic(part) for part in parts)
        case Encoded(inner):
            return plain(tree) if decided(tree) else _data(inner)
        case _:
            return symbolic(tree)
