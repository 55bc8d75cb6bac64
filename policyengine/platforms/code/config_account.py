"""What following code learns of the environment: which variables it reads, and where their absence ends the program.

Each language follows its own code and keeps the same account of it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from policyengine.knowledge.variables import given_by, is_published
from policyengine.model.nodes import ConfigKey
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_values import ALWAYS, OPAQUE, Control, Environment, Guard, Val

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from policyengine.model.source import Span

_KEY = regex(r"(?!npm_)[A-Za-z_]\w*\Z")
_UPPER = regex(r"[A-Z][A-Z0-9_]*\Z")
_READS = regex(r"env|config|setting|secret|param", re.IGNORECASE)
_BUILT_IN = frozenset({"MODE", "DEV", "PROD", "SSR", "BASE_URL"})  # Vite's own names in import.meta.env

WHERE_USED = "it is asked for where it is used"

STEPS = 60_000
"""How many expressions of a file are followed."""

CALLS = 16
"""How many calls within one another are followed."""

Frame = TypeVar("Frame", bound=Control)
T = TypeVar("T")


class TooLong(Exception):  # noqa: N818  said of the file
    """The file takes more steps than are followed."""


class Told(NamedTuple):
    """What code says of a variable besides checks: where its name stands first, its default, whether it is tested."""

    span: Span
    default: Value[str] | None = None
    tested: bool = False
    reason: str = ""
    client: bool = False
    asserted: bool = False
    overlaid_by: tuple[str, ...] = ()


class Account(Generic[Frame]):
    """What is learnt. `found` are the conditions under which the program ends.

    `given` are the variables that it sets itself, `*` for any. `names` is where the name of each variable stands.
    """

    def __init__(self, frame: Frame, names: dict[str, Span]) -> None:
        self.frame = frame
        self.names = names
        self.outer: tuple[Guard, ...] = (ALWAYS,)
        self.found: list[Guard] = []
        self.told: dict[str, Told] = {}
        self.gaps: list[str] = []
        self.given: set[str] = set()
        self.throws = self.assumed = False
        self._steps = self._calls = self._replaced = 0

    def step(self) -> None:
        """Count an expression that is followed.

        Raises:
            TooLong: the file takes too many.
        """
        self._steps += 1
        if self._steps > STEPS:
            raise TooLong

    def read(self, key: str, span: Span, environment: Environment) -> Val:
        """The value of a variable that is read, noted."""
        if not (_UPPER if environment.loose else _KEY).match(key) or (environment.meta and key in _BUILT_IN):
            return OPAQUE
        self.told.setdefault(key, Told(span, client=environment.meta))
        self.names.setdefault(key, span)
        return values.variable(key)

    def note(
        self, key: str, *, default: Val | None = None, reason: str = "", tested: bool = True, returned: bool = False
    ) -> None:
        """Keep what is told of a variable. The first default counts, and is open where it holds at times only."""
        told = self.told.get(key) or Told(self.names[key])
        if default is not None and told.default is None:
            comes = self.outer if returned else values.product(self.outer, self.frame.path)
            written = _written(default.only, told.span)
            sometimes = Unknown("the default holds under a condition", written.span)
            plain = not comes or ALWAYS in comes or Guard(when=WHERE_USED) in comes
            told = told._replace(default=written if plain else sometimes)
        self.told[key] = told._replace(tested=told.tested or tested, reason=told.reason or reason)

    def test(self, value: Val) -> Val:
        """The same value, whose variables an expression tests."""
        for key in value.keys:
            self.note(key)
        return value

    def stop(self, guards: Iterable[Guard] = (ALWAYS,)) -> None:
        """The program ends here, under further conditions."""
        self.throws = True
        ends = values.product(values.product(self.outer, self.frame.path), guards)
        self.found.extend(guard for guard in ends if guard.absent or guard.check)

    @contextmanager
    def aside(self, guard: Guard = ALWAYS) -> Iterator[list[Guard]]:
        """Collect conditions apart, as if control had come here always, or under one condition."""
        saved = self.found, self.outer, self.frame.path
        self.found, self.outer, self.frame.path = [], (guard,), (ALWAYS,)
        try:
            yield self.found
        finally:
            self.found, self.outer, self.frame.path = saved

    @contextmanager
    def within(self, frame: Frame) -> Iterator[None]:
        """Control in a frame of its own, to which it comes under the conditions that hold here."""
        before, outer = self.frame, self.outer
        self.frame, self.outer = frame, values.product(outer, before.path)
        try:
            yield
        finally:
            self.frame, self.outer = before, outer

    def called(self, frame: Frame, follow: Callable[[], T]) -> T | None:
        """What a function gives in its own frame; None where too many calls stand within one another."""
        if self._calls >= CALLS:
            return None
        self._calls += 1
        try:
            with self.within(frame):
                return follow()
        finally:
            self._calls -= 1

    def under(self, guards: Iterable[Guard], follow: Callable[[], Val]) -> Val:
        """What an expression is that is reached under conditions only."""
        before = self.frame.path
        self.frame.path = values.product(before, guards)
        try:
            return follow() if self.frame.path else values.NEVER
        finally:
            self.frame.path = before

    def needs(self, value: Val) -> Val:
        """A value that must be there: where it is `undefined`, the language itself ends the program."""
        lacking = [guard for guard, thing in value.cases if thing is values.UNDEFINED and not guard.when]
        if lacking and not self.assumed:
            self.stop(guard._replace(check=guard.check or "crash") for guard in lacking)
        return values.there(value) if lacking else value

    def default(self, left: Val, other: Val, lacking: Sequence[values.Guard]) -> None:
        """Note what stands in for the variables of `left`."""
        if other.only is values.UNDEFINED or other is values.NEVER:
            return
        if not other.keys:
            for key in {key for guard in lacking if not guard.when for key in guard.absent[:-1]}:
                self.note(key)
        stands = (other.cases or other.rest == "truthy") and not any(map(values.nullish, other.things))
        for key in {guard.absent[-1]: None for guard in lacking if not guard.when and guard.absent}:
            if other.keys - {key} and not stands:
                self.note(key, reason="another variable may stand in for it", tested=False)
            else:
                plain = left.read == key and not values.nullish(other.only)
                self.note(key, default=other if plain else None)

    def either(self, tested: Val, ways: Iterable[tuple[bool, Callable[[], bool | None] | None]]) -> bool | None:
        """Go the ways of a condition: True when control goes on behind it, False for a return, None for an end."""
        before, same, put = self.frame.path, True, self._replaced
        ends: list[bool | None] = []
        paths: list[Guard] = []
        for wanted, follow in ways:
            start = self.frame.path = values.product(before, values.branch(tested, want=wanted))
            ended = follow() if follow is not None and start else True if start else None
            ends.append(ended)
            if ended:
                paths.extend(self.frame.path)
                same = same and self.frame.path == start
        # an end changes nothing for what follows: without the variable, control does not come there either,
        # but where another way puts something in for it
        unchanged = not paths or (same and False not in ends and not (None in ends and self._replaced > put))
        self.frame.path = before if unchanged else tuple(dict.fromkeys(paths))
        return True if paths else False if False in ends else None

    def rounds(self, items: Iterable[tuple[Val, tuple[Guard, ...]]], follow: Callable[[Val], object]) -> None:
        """Follow the body of a loop for each item, under its conditions."""
        before = self.frame.path
        for item, guards in items:
            self.frame.path = values.product(before, guards)
            if self.frame.path:
                follow(item)
        self.frame.path = before

    def attempt(self, body: Callable[[], bool | None], handler: Callable[[], bool | None] | None) -> bool | None:
        """What ends the program in the body comes to the handler, which may end it, or not."""
        before, self.found = self.found, []
        goes_on = body()
        failures, self.found = self.found, before
        if handler is None:
            self.found.extend(failures)
            return goes_on
        outer, path = self.outer, self.frame.path
        self.outer, self.frame.path = (*dict.fromkeys(failures), values.SOMETIMES), (ALWAYS,)
        caught = handler()
        self.outer, self.frame.path = outer, path
        for key in {key for guard in failures for key in guard.absent} if caught else ():
            self.note(key)
        return True if caught or goes_on else caught

    def result(self) -> Val:
        """What the function that runs gives, and the defaults that it puts in for variables."""
        found = values.merged(self.frame.returned)
        for path, value in self.frame.returned:
            thing = value.only
            if isinstance(thing, values.Lit) and thing.span is not None and not isinstance(thing.value, bool):
                for guard in path:
                    if len(guard.absent) == 1 and not guard.when and guard.absent[0] in found.keys:
                        self.note(guard.absent[0], default=value, returned=True)
        return found

    def replaced(self, old: Val, new: Val) -> Val:
        """The value of a name that is given a new one where control is."""
        if self.frame.path == (ALWAYS,):
            return new
        self._replaced += 1
        absent = [set(guard.absent) for guard in self.frame.path if not guard.when]
        kept = tuple(case for case in old.cases if not any(keys <= set(case[0].absent) for keys in absent))
        return values.merged([((ALWAYS,), old._replace(cases=kept)), (self.frame.path, new)])

    def asked(self, name: Val, does: str, default: Val | None) -> Val:
        """The value of a variable that is read or asked for."""
        thing = name.only
        if not isinstance(thing, values.Lit) or not isinstance(thing.value, str) or thing.span is None:
            if not isinstance(thing, values.Lit):
                self.gaps.append("the names of variables are computed")
            return OPAQUE
        value = self.read(thing.value, thing.span, Environment())
        if default is not None:
            lacking = values.branch(values.present(value), want=False)
            self.default(value, default, lacking)
            if default.only is values.UNDEFINED:
                self.note(thing.value)
            return values.merged([((ALWAYS,), values.there(value)), (lacking, default)])._replace(read=value.read)
        if does == "reads":
            return value
        when = "it may come from a file" if does == "open" else ""
        self.stop(guard._replace(when=when) for guard in values.branch(values.present(value), want=False))
        return values.there(value)

    def elsewhere(self, name: str, given: Sequence[Val]) -> None:
        """Say so where a function that is not in reach may read a variable: `env("DATABASE_URL")`."""
        if given and _UPPER.match(given[0].text or "") and _READS.search(name):
            self.gaps.append(f"'{name}' may read variables, and is not in reach")

    def operated(self, left: Val, follow: Callable[[], Val], *, alternative: bool) -> Val:
        """`left or right`: a default, another variable; else `left and right`."""
        left = left if alternative else self.test(left)
        reached = values.branch(left, want=not alternative)
        right = self.under(reached, follow)
        if not alternative:
            return self.conjunction(left, reached, right)
        self.default(left, right, reached)
        found = values.merged([((ALWAYS,), values.when(left, want=True)), (reached, right)])
        return found._replace(read="" if right.keys else left.read)

    def choice(self, tested: Val, first: Callable[[], Val], second: Callable[[], Val]) -> Val:
        """`tested ? first : second`."""
        yes, no = values.branch(tested, want=True), values.branch(tested, want=False)
        one, other = self.under(yes, first), self.under(no, second)
        if one.read:
            self.default(one, other, no)
        return values.merged([(yes, one), (no, other)])

    def conjunction(self, left: Val, reached: Sequence[Guard], right: Val) -> Val:
        """`left and right`, where the right one is reached under conditions."""
        found = values.merged([((ALWAYS,), values.when(left, want=False)), (reached, right)])
        if right.rest in ("any", "truthy"):  # it may be true: `!process.env.A && flag()`
            may = values.product(reached, (Guard(when=right.note or values.UNDER),))
            new = tuple((guard, values.Lit(value=True)) for guard in may if guard.absent)
            found = found._replace(cases=found.cases + new)
        return found._replace(note=left.note or right.note)

    def keys(self) -> tuple[ConfigKey, ...]:
        """What is told of each variable."""
        required, conditional = _requirements(self)
        return tuple(_key(self, key, required, conditional) for key in self.told)


def _written(thing: object, span: Span) -> Value[str]:
    """The text of a default as it is written."""
    if isinstance(thing, values.Lit) and thing.span is not None and thing.value is not None:
        return Known(thing.text, thing.span)
    return Unknown("the default is computed", span)


def _requirements(account: Account[Any]) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """For each variable that must be there the others that may stand in; for others why they must be at times."""
    required: dict[str, tuple[str, ...]] = {}
    found = sorted(dict.fromkeys(account.found), key=lambda guard: len(guard.absent))
    waiting = [guard for guard in found if guard.absent and guard.when != values.INVALID]
    before = -1
    while before < len(required):  # what one variable requires may rest on another that is required anyway
        before = len(required)
        for guard in waiting:
            *others, key = guard.absent
            sure = not guard.when and not any(given_by(other, "container") for other in others)
            rests = all(required.get(other) == () for other in guard.present)
            if sure and rests and required.keys().isdisjoint(guard.absent):
                required[key] = tuple(others)
                for other in others:
                    account.note(other)
    return required, {guard.absent[-1]: guard.when or values.UNDER for guard in waiting}


def _key(
    account: Account[Any], key: str, required: dict[str, tuple[str, ...]], conditional: dict[str, str]
) -> ConfigKey:
    told = account.told[key]
    verdict: Value[bool] = Known(key in required, told.span)
    if key in required and not account.given.isdisjoint((key, "*")):
        verdict = Unknown("the program may set it itself", told.span)
    elif key in conditional and key not in required:
        verdict = Unknown(conditional[key], told.span)
    elif key not in required and told.default is None and not told.tested:
        verdict = Unknown(told.reason or "the code reads it without a check", told.span)
    return ConfigKey(
        key=key,
        span=told.span,
        required=verdict,
        default=Absent(told.span) if told.default is None or key in required else told.default,
        client=told.client or is_published(key),
        alternatives=required.get(key, ()),
        asserted=told.asserted and not told.tested and told.default is None and key not in required | conditional,
        overlaid_by=told.overlaid_by,
    )
