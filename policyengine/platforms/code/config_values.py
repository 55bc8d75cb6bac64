"""What an expression is when variables of the environment are not set: the values that code is followed with.

A `Val` lists outcomes, each under a `Guard`: `process.env.A ?? "x"` is `"x"` when `A` is not set. What it is otherwise
is not listed, only whether that is true or false for an `if`. Everything that code does with values is done with each
outcome, so that `if (!env.A && !env.B) throw …` throws when neither `A` nor `B` is set, and nothing is guessed of a
condition that files do not decide.
"""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Literal, NamedTuple

from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tree_sitter import Node

    from policyengine.model.source import Span
    from policyengine.syntax.typescript import Code

UNDER = "it is required under a condition"
IN_PRODUCTION = "it is required in production only"
OUTSIDE_PRODUCTION = "it is required outside production only"
INVALID = "a value is invalid"
_OPPOSITE = {IN_PRODUCTION: OUTSIDE_PRODUCTION, OUTSIDE_PRODUCTION: IN_PRODUCTION}

MOST = 1_000
"""Outcomes and conditions that are told apart: more than the variables of any application."""

FEW = 50
"""Variables of which one condition tells that they are there: more than anybody writes in an `if`."""


class Guard(NamedTuple):
    """A condition: `absent` are not set, `present` are; `when` says what else must hold that files do not decide.

    Not `sure` is a guard that is one way among others to the same outcome: `X !== "local"` holds without `X`, and for
    many values of it. `check` is the library whose finding the condition is.
    """

    absent: tuple[str, ...] = ()
    present: frozenset[str] = frozenset()
    when: str = ""
    sure: bool = True
    check: str = ""


ALWAYS = Guard()
SOMETIMES = Guard(when=UNDER)


def both(one: Guard, two: Guard) -> Guard | None:
    """Both conditions at once; None when they contradict each other."""
    if one is ALWAYS or two is ALWAYS:
        return two if one is ALWAYS else one
    if not (one.present.isdisjoint(two.absent) and two.present.isdisjoint(one.absent)):
        return None
    when, sure = one.when or two.when, one.sure and two.sure
    absent = tuple(dict.fromkeys((*one.absent, *two.absent)))
    if not sure and one.absent and two.absent and set(one.absent) != set(two.absent):
        when = when or UNDER
        absent = one.absent if one.sure else two.absent if two.sure else absent
        sure = one.sure or two.sure
    return Guard(absent, one.present | two.present, when, sure, one.check or two.check)


def product(one: Sequence[Guard], two: Iterable[Guard]) -> tuple[Guard, ...]:
    """The conditions under which one of each holds."""
    if one == (ALWAYS,):
        return tuple(two)
    listed = tuple(two)
    found = dict.fromkeys(new for a in one for b in listed if (new := both(a, b)) is not None)
    return tuple(found) if len(found) <= MOST else (SOMETIMES,)


# What a value may be


class Undefined:
    """`undefined`."""


class Caught:
    """An error that was caught, or that a check gives back."""


class Lit(NamedTuple):
    """A text, number, truth value or `null`, where and how it is written. `many` is a count of one or more."""

    value: str | float | bool | None
    span: Span | None = None
    text: str = ""
    many: bool = False


class Outside(NamedTuple):
    """What a name of another module or of the platform stands for: `library` if known, and the names after it."""

    library: str
    path: tuple[str, ...]
    name: str


class Environment(NamedTuple):
    """All variables. A `loose` one is called so by its name only: names in small letters are no variables there."""

    meta: bool = False
    loose: bool = False


class Items:
    """An array: its items, each with the conditions under which it is there; `closed` when there are no others."""

    def __init__(self, items: Iterable[tuple[Val, tuple[Guard, ...]]] = (), *, closed: bool = True) -> None:
        self.items = list(items)
        self.closed = closed


class Record:
    """An object: its properties, where their names stand, what else is spread into it, and what it says has failed."""

    def __init__(self, fields: dict[str, Val] | None = None, names: dict[str, Span] | None = None) -> None:
        self.fields = fields or {}
        self.names = names or {}
        self.rest: list[Val] = []
        self.failed: tuple[Guard, ...] = ()


UNDEFINED = Undefined()

Rest = Literal["any", "truthy", "falsy", "none"]


class Val(NamedTuple):
    """The outcomes of an expression, and what the rest of them is for an `if`.

    `keys` are the variables that it is made of, `read` the one whose value it is. `note` says when it is true, where
    that is the question whether this is production.
    """

    cases: tuple[tuple[Guard, object], ...] = ()
    rest: Rest = "any"
    keys: frozenset[str] = frozenset()
    read: str = ""
    note: str = ""

    @property
    def only(self) -> object:
        """What it always is, or None when that is not told."""
        return self.cases[0][1] if len(self.cases) == 1 and self.cases[0][0] is ALWAYS else None

    @property
    def text(self) -> str | None:
        """The text that it always is."""
        return self.only.value if isinstance(self.only, Lit) and isinstance(self.only.value, str) else None

    @property
    def things(self) -> tuple[object, ...]:
        """What it may be, as far as told."""
        return tuple(thing for _, thing in self.cases)


OPAQUE = Val()
NEVER = Val(rest="none")
"""The value of what does not return: a throw, the end of the process."""


def constant(thing: object) -> Val:
    """What is always the same."""
    return Val(((ALWAYS, thing),), "none")


NOTHING = constant(UNDEFINED)


def variable(key: str) -> Val:
    """The value of a variable: nothing when it is not set. An empty text counts as not set."""
    return Val(((Guard((key,)), UNDEFINED),), "truthy", frozenset([key]), key)


def made_of(*values: Val, rest: Rest = "any") -> Val:
    """Something computed from values."""
    return Val(rest=rest, keys=frozenset().union(*(value.keys for value in values)))


def truth(thing: object) -> bool | None:
    """Whether something is true for an `if`; None where that is not told."""
    match thing:
        case None | Outside():
            return None
        case Undefined():
            return False
        case Lit(value=float() as number):
            return bool(number) and not math.isnan(number)
        case Lit(value=value):
            return bool(value)
    return True


def nullish(thing: object) -> bool:
    """Whether something is `undefined` or `null`."""
    return thing is UNDEFINED or (isinstance(thing, Lit) and thing.value is None)


def branch(value: Val, want: bool) -> tuple[Guard, ...]:  # noqa: FBT001  the wanted outcome
    """The conditions under which a value is true, or false."""
    found: list[Guard] = []
    for guard, thing in value.cases:
        told = truth(thing)
        if told is None:
            found.append(both(guard, SOMETIMES) or guard)
        elif told is want:
            found.append(guard._replace(sure=False) if value.rest == "any" and guard.absent else guard)
    if value.rest in ("any", "truthy" if want else "falsy"):
        found.append(_remainder(value, want=want))
    return tuple(found)


def _remainder(value: Val, *, want: bool) -> Guard:
    """The condition that none of the outcomes holds which are told."""
    present: set[str] = set()
    exact = value.rest != "any"
    for guard, _ in value.cases:
        if len(guard.absent) == 1 and guard.sure and not guard.when and guard.present <= present:
            present.add(guard.absent[0])
        else:
            exact = False
    note = value.note if want else _OPPOSITE.get(value.note, "")
    if len(present) > FEW:
        return SOMETIMES
    return Guard(present=frozenset(present), when="" if exact else note or UNDER)


def merged(parts: Iterable[tuple[Sequence[Guard], Val]]) -> Val:
    """The value that is one of several, each under its conditions."""
    told = [(guards, value) for guards, value in parts if guards and value is not NEVER]
    if len(told) == 1 and tuple(told[0][0]) == (ALWAYS,):
        return told[0][1]
    cases = dict.fromkeys(
        (new, thing)
        for guards, value in told
        for guard in guards
        for other, thing in value.cases
        if (new := both(guard, other._replace(sure=False) if _loose(guard, other, value) else other)) is not None
    )
    rests = {value.rest for _, value in told if value.rest != "none"}
    rest: Rest = "none" if not rests else rests.pop() if len(rests) == 1 else "any"
    keys = frozenset[str]().union(*(value.keys for _, value in told))
    if not told:
        return NEVER
    return Val(tuple(cases), rest, keys) if len(cases) <= MOST else Val(keys=keys)


def _loose(guard: Guard, other: Guard, value: Val) -> bool:
    """Whether an outcome under a further condition is one way among others to be so."""
    return value.rest == "any" and guard.absent != () and other.absent != ()


def when(value: Val, want: bool) -> Val:  # noqa: FBT001  the wanted outcome
    """A value as far as it is true, or false."""
    cases = tuple(case for case in value.cases if truth(case[1]) is not (not want))
    wanted: Rest = "truthy" if want else "falsy"
    return value._replace(cases=cases, rest=wanted if value.rest in (wanted, "any") else "none")


def there(value: Val) -> Val:
    """A value as far as it is neither `undefined` nor `null`."""
    return value._replace(cases=tuple(case for case in value.cases if not nullish(case[1])))


def present(value: Val) -> Val:
    """Whether a value is neither `undefined` nor `null`."""
    return mapped(value, lambda thing: Lit(not nullish(thing)))._replace(read="")


def negated(value: Val) -> Val:
    """`!value`."""
    found = mapped(value, lambda thing: None if (told := truth(thing)) is None else Lit(not told))
    rest: Rest = {"truthy": "falsy", "falsy": "truthy"}.get(found.rest, found.rest)  # type: ignore[assignment]
    return found._replace(rest=rest, read="", note=_OPPOSITE.get(value.note, ""))


def mapped(value: Val, function: Callable[[object], object | None], *, keeps: bool = True) -> Val:
    """A function of each outcome, without those for which it gives None; whether the rest is true may be kept."""
    cases = tuple((guard, new) for guard, thing in value.cases if (new := function(thing)) is not None)
    known = len(cases) == len(value.cases) and (keeps or value.rest == "none")
    return value._replace(cases=cases, rest=value.rest if known else "any", note="")


def compared(sign: str, left: Val, right: Val) -> Val:
    """`left === right`, `left < right` and the like."""
    negative, keys = sign.startswith("!"), left.keys | right.keys
    for one, other in ((left, right), (right, left)):
        if one.read == "NODE_ENV" and sign in _EQUAL and (other.text or not other.cases):
            note = IN_PRODUCTION if other.text == "production" else ""
            return Val(keys=keys, note=_OPPOSITE.get(note, "") if negative else note)
    cases = tuple(
        (guard, Lit(told))
        for a, one_thing in left.cases
        for b, other_thing in right.cases
        if (guard := both(a, b)) is not None and (told := _compare(sign, one_thing, other_thing)) is not None
    )
    rest: Rest = "any"
    if left.rest == right.rest == "none" and len(cases) == len(left.cases) * len(right.cases):
        rest = "none"
    for one, other in ((left, right), (right, left)):
        known = truth(other.only) is False
        if one.rest == "truthy" and known and sign in _EQUAL:
            rest = "truthy" if negative else "falsy"
        elif one.rest == "falsy" and known and any(isinstance(thing, Lit) and thing.many for thing in one.things):
            rest = "truthy" if sign in ("==", "===", "<=", ">=") else "falsy"  # a count that is 0 otherwise
    return Val(cases[:MOST], rest, keys)


_EQUAL = {"==", "===", "!=", "!=="}
_ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _compare(sign: str, one: object, other: object) -> bool | None:
    if sign in _ORDERS:
        first, second = number(one), number(other)
        if first is None or second is None or (_many(one, other) and 0 not in (first, second)):
            return None
        return bool(_ORDERS[sign](first, second))
    told = _equal(one, other, loose=len(sign) == 2)
    return None if told is None else told is not sign.startswith("!")


def _many(*things: object) -> bool:
    return any(isinstance(thing, Lit) and thing.many for thing in things)


def _equal(one: object, other: object, *, loose: bool) -> bool | None:
    if one is UNDEFINED or other is UNDEFINED:
        return one is other or (loose and nullish(one) and nullish(other))
    if isinstance(one, Lit) and isinstance(other, Lit):
        if _many(one, other):
            return False if 0 in (one.value, other.value) else None
        return one.value == other.value and isinstance(one.value, bool) == isinstance(other.value, bool)
    return False if isinstance(one, Lit) or isinstance(other, Lit) else None


_NUMBER = regex(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*\Z")


def number(thing: object) -> float | None:
    """The number that `Number(…)` makes of something, None where that is not told."""
    if thing is UNDEFINED:
        return math.nan
    if not isinstance(thing, Lit):
        return None
    if isinstance(thing.value, str):
        match = _NUMBER.match(thing.value)
        return float(match[1]) if match else math.nan if thing.value.strip() else 0
    return float(thing.value or 0)


# What names stand for


class Scope:
    """Names and what they stand for; those of a file are followed when they are first asked for."""

    def __init__(self, code: Code, outer: Scope | None = None, this: Val | None = None) -> None:
        self.code = code
        self.outer = outer
        self.this: Val = this or (outer.this if outer else OPAQUE)
        self.names: dict[str, Val] = {}


class Function:
    """A function and the names that it sees."""

    def __init__(self, node: Node, scope: Scope) -> None:
        self.node = node
        self.scope = scope
        self.id = scope.code.source.path, scope.code.offset(node.start_byte)
        named = node.child_by_field_name("name")
        self.name = scope.code.text(named) if named is not None else ""
        self.getter = any(child.type == "get" for child in node.children)


class Class(Record):
    """A class, which stands for its objects too, and the names that it sees."""

    def __init__(self, node: Node, scope: Scope) -> None:
        super().__init__()
        self.node = node
        self.scope = Scope(scope.code, scope, constant(self))
        self.rest.append(OPAQUE)


class Control:
    """What runs: under which conditions control is where it is, and what was returned so far."""

    def __init__(self) -> None:
        self.path: tuple[Guard, ...] = (ALWAYS,)
        self.returned: list[tuple[tuple[Guard, ...], Val]] = []


class Frame(Control):
    """A function that runs, and the names that it sees."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope
