"""What a condition asks of its roots, and the same condition over what it is given.

Each path (`service.image.tag`) becomes one name under which its fact is given, so that only what is asked for is
evaluated, and what is not known can be left out. The text for the type check has a name of its type in its place, as
long as the path, so that every column stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from policyengine.model.nodes import Variable
from policyengine.patterns import regex
from policyengine.rules.declarative.everywhere import EVERY
from policyengine.rules.declarative.facts import Need
from policyengine.rules.declarative.fields import DYN, TEXT, Type, called, close, code, fields, spoken, spread
from policyengine.rules.declarative.functions import ASKING, FUNCTIONS, OTHERWISE
from policyengine.rules.declarative.syntax import Call, Constant, Fold, Listing, Making, Name, Select

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.rules.declarative.facts import Form, Path, Step
    from policyengine.rules.declarative.syntax import Expression, Parsed

_FIELD = regex(r"\s*\.\s*(\w+)")
_INDEX = regex(r"""\s*\[\s*(?:"[^"\\]*"|'[^'\\]*'|\d+)\s*\]""")
_CLOSE = regex(r"\s*\)")
_CALLED = regex(r"(\w+)\s*\Z")
_OPERATOR = regex(r"\W|_.*_")


class Mistake(Exception):  # noqa: N818  said of the author of the condition
    """What is wrong with a condition, and the range of its characters that is."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


class Loop(NamedTuple):
    """A loop over the elements at a path that alone can break a condition: `all`, or `exists` that must not hold.

    `body` is what is asked of an element, which stands in `variable` with its `needs`; the element breaks the condition
    where the answer is `breaking`.
    """

    path: Path
    needs: tuple[Need, ...]
    variable: str
    body: Expression
    breaking: bool


class Lowered(NamedTuple):
    """A condition over what it is given: its tree, what it needs, the text for the check, the paths that it names.

    `patterns` are the regular expressions in it, by where they stand, `loops` what may name the element to mend.
    """

    expression: Expression
    needs: tuple[Need, ...]
    checked: str
    asked: tuple[Path, ...]
    patterns: tuple[tuple[str, int], ...]
    loops: tuple[Loop, ...]


class _Scope:
    """What is asked of one thing: of the roots, or of each element of a list."""

    def __init__(self) -> None:
        self.asked: dict[tuple[Path, Form, _Scope | None], None] = {}

    def needs(self) -> tuple[Need, ...]:
        return tuple(sorted({_need(*each) for each in self.asked}))


def _need(path: Path, form: Form, inner: _Scope | None) -> Need:
    return Need(path, form, () if inner is None else inner.needs())


class _Bound(NamedTuple):
    """What a name stands for: a root, or the element of a list that a loop is at."""

    type: Type
    scope: _Scope
    path: Path
    variable: str = ""


class _Place(NamedTuple):
    """A path below what a name stands for, and the characters that it stands at; `end` is -1 where that is not told."""

    bound: _Bound
    path: Path
    type: Type
    start: int
    end: int


class _Given(NamedTuple):
    """A fact in the lowered tree. What it needs of the elements is known when all is lowered."""

    number: int
    place: _Place
    form: Form
    inner: _Scope | None


def lower(text: str, parsed: Parsed, roots: Mapping[str, Type]) -> Lowered:
    """The condition over what it is given. `roots` are the names that it may begin with.

    Raises:
        Mistake: it names what is not there.
    """
    return _Lowering(text, parsed.offsets, roots).all(parsed.expression)


def placed(text: str, parsed: Parsed, roots: Mapping[str, Type]) -> tuple[Path, Type]:
    """The path that an expression is, and the type of what stands there.

    Raises:
        Mistake: it is none, or names what is not there.
    """
    return _Lowering(text, parsed.offsets, roots).path(parsed.expression)


class _Lowering:
    def __init__(self, text: str, offsets: dict[int, int], roots: Mapping[str, Type]) -> None:
        self._text = text
        self._offsets = offsets
        self._root = _Scope()
        self._env: dict[str, _Bound | None] = {
            name: _Bound(type_, self._root, (name,)) for name, type_ in roots.items()
        }
        self._replaced: dict[int, tuple[int, str]] = {}
        self._asked: dict[Path, None] = {}
        self._patterns: list[tuple[str, int]] = []
        self._appended: dict[str, tuple[Type, _Scope | None]] = {}

    def path(self, expression: Expression) -> tuple[Path, Type]:
        place = self._place(expression, self._env)
        if place is None:
            self._lower(expression, self._env)
            raise Mistake(f"'{self._text}' is no path, such as {next(iter(self._env))}.name", 0, len(self._text))
        return place.path, place.type

    def all(self, expression: Expression) -> Lowered:
        lowered = self._lower(expression, self._env)[0]
        made = _finished(lowered)
        checked = self._text
        for start, (end, name) in sorted(self._replaced.items(), reverse=True):
            blank = "".join(each if each in "\r\n" else " " for each in self._text[start + len(name) : end])
            checked = f"{checked[:start]}{name}{blank}{checked[end:]}"
        return Lowered(
            made, self._root.needs(), checked, tuple(self._asked), tuple(self._patterns), tuple(_loops(lowered))
        )

    def _lower(
        self, expression: Expression, env: Mapping[str, _Bound | None]
    ) -> tuple[Expression | _Given, Type, _Scope | None]:
        """The lowered expression, its type as far as it matters, and what is asked of its elements if it is a list."""
        place = self._place(expression, env)
        if place is not None:
            return self._value(expression, place)
        match expression:
            case Name(number, name) if name not in env and not name.startswith("@"):
                self._unknown_name(number, name, env)
            case Select(number, operand, field, test):
                return self._selected(Select(number, operand, field, test), env)
            case Call():
                return self._called(expression, env)
            case Listing(number, elements):
                return Listing(number, tuple(self._plain(each, env) for each in elements)), DYN, None
            case Making(number, name, entries):
                if name:
                    raise self._mistake(f"'{name}' is no type that a condition can make", number, len(name))
                made = tuple((at, self._plain(key, env), self._plain(value, env)) for at, key, value in entries)
                return Making(number, "", made), DYN, None
            case Fold():
                return self._folded(expression, env)
        return expression, DYN, None

    def _plain(self, expression: Expression, env: Mapping[str, _Bound | None]) -> Expression:
        return self._lower(expression, env)[0]  # type: ignore[return-value]  # `_finished` replaces what is given

    def _value(self, expression: Expression, place: _Place) -> tuple[Expression | _Given, Type, _Scope | None]:
        if place.type.kind == "record":
            names = fields(place.type.records)
            what = self._text[place.start : place.end]
            message = f"'{what}' is no single value but of type {place.type}; ask one of its fields: {', '.join(names)}"
            raise Mistake(message, place.start, max(place.end, place.start + 1))
        self._note(place)
        return self._given(expression.number, place, "value"), place.type, None

    def _given(self, number: int, place: _Place, form: Form, inner: _Scope | None = None) -> _Given:
        place.bound.scope.asked[place.path, form, inner] = None
        return _Given(number, place, form, inner)

    def _note(self, place: _Place, type_: Type | None = None) -> None:
        """Remember where a path stands, and put a name of its type there for the check."""
        if not place.bound.variable:
            self._asked[place.path] = None
        if place.end >= 0 and (place.path or not place.bound.variable):
            self._replaced[place.start] = (place.end, code(type_ or place.type))

    def _selected(
        self, select: Select, env: Mapping[str, _Bound | None]
    ) -> tuple[Expression | _Given, Type, _Scope | None]:
        if select.test:
            place = self._place(Select(0, select.operand, select.field), env)
            if place is not None:
                self._ask(place, select.number)
                return self._given(select.number, place, "has"), Type("bool"), None
        operand, type_, _ = self._lower(select.operand, env)
        if type_.kind == "record":
            raise self._mistake(
                "a field of an element of a list is asked within exists() or all(), not behind it", select.number, 1
            )
        return Select(select.number, operand, select.field, select.test), DYN, None  # type: ignore[arg-type]  # as in _plain

    def _called(self, call: Call, env: Mapping[str, _Bound | None]) -> tuple[Expression | _Given, Type, _Scope | None]:
        name, words = call.function, call.arguments
        if not _OPERATOR.match(name) and name not in FUNCTIONS:
            hint = f"did you mean '{OTHERWISE[name]}'?" if name in OTHERWISE else close(name, FUNCTIONS)
            raise self._mistake(f"there is no function '{name}'; {hint}", call.number, 0, name)
        if name in ASKING:
            place = self._place(words[0], env) if len(words) == 1 and call.target is None else None
            if place is None:
                raise self._mistake(
                    f"{name}() asks for one fact, as in {name}({next(iter(self._env))}.…)", call.number, 0, name
                )
            form, type_ = ASKING[name]
            if form == "written" and place.type.kind == "record" and not all(map(spoken, place.type.records)):
                self._value(words[0], place)  # says which fields there are
            self._ask(place, call.number, type_)
            return self._given(call.number, place, form), type_, None
        asked = words[0] if name == "size" and len(words) == 1 else call.target if name == "size" else None
        place = None if asked is None else self._place(asked, env)
        if place is not None and place.type.kind != "record":
            self._note(place)
            return self._given(call.number, place, "size"), Type("int"), None
        if name in ("_==_", "_!=_"):
            for one, other in (words, words[::-1]):
                place = self._place(one, env) if isinstance(other, Constant) and other.is_null else None
                if place is not None:
                    self._note(place, DYN)
                    has = self._given(call.number, place, "has")
                    absent = Call(call.number, "!_", (has,))  # type: ignore[arg-type]  # as in _plain
                    return has if name == "_!=_" else absent, Type("bool"), None
        if name == "@in":
            place = self._place(words[1], env)
            if place is not None and place.type.kind in ("list", "map", "dyn"):
                return self._within(call.number, self._plain(words[0], env), place), Type("bool"), None
        if name == "_+_" and isinstance(words[0], Name) and words[0].name.startswith("@"):
            return self._append(call, words[0].name, env), DYN, None
        if name == "_[_]":
            operand, type_, scope = self._lower(words[0], env)
            element = (type_.of or DYN) if scope is not None else DYN
            return Call(call.number, name, (operand, self._plain(words[1], env))), element, scope  # type: ignore[arg-type]  # as in _plain
        pattern = words[-1] if name == "matches" and words else None
        if isinstance(pattern, Constant) and isinstance(pattern.value, str):
            self._patterns.append((pattern.value, self._offsets.get(pattern.number, 0)))
        target = None if call.target is None else self._plain(call.target, env)
        return Call(call.number, name, tuple(self._plain(each, env) for each in words), target), DYN, None

    def _append(self, call: Call, total: str, env: Mapping[str, _Bound | None]) -> Expression:
        """What `filter` and `map` add to their result; elements that are records stay what was given of them."""
        added = call.arguments[1]
        each = added.elements[0] if isinstance(added, Listing) and len(added.elements) == 1 else None
        place = None if each is None else self._place(each, env)
        if each is not None and place is not None and place.type.kind == "record" and not place.path:
            self._appended[total] = (place.type, place.bound.scope)
            return call
        made = self._lower(each, env) if each is not None else (self._plain(added, env), DYN, None)
        self._appended[total] = made[1:]
        node = made[0] if each is None else Listing(added.number, (made[0],))  # type: ignore[arg-type]  # as in _plain
        return Call(call.number, "_+_", (call.arguments[0], node))  # type: ignore[arg-type]  # as in _plain

    def _within(self, number: int, wanted: Expression, place: _Place) -> Expression:
        """`wanted in place`: whether an element that is known is that; open where another one is not known."""
        self._note(place)
        inner = _Scope()
        keyed = place.type.of is not None and place.type.of.records == (Variable,)
        if place.type.of is not None and place.type.of.kind == "record" and not keyed and place.type.kind == "list":
            raise Mistake(f"the elements of a {place.type} are no single values; use exists()", place.start, place.end)
        element = _Place(_Bound(DYN, inner, (), "@each"), ("key",) if keyed else (), DYN, 0, -1)
        total, false = Name(0, "@found"), Constant(0, b"\x10\x00")
        same = Call(0, "_==_", (self._given(0, element, "value"), wanted))  # type: ignore[arg-type]  # as in _plain
        going = Call(0, "@not_strictly_false", (Call(0, "!_", (total,)),))
        each = self._given(0, place, "items", inner)
        return Fold(number, "@each", each, "@found", false, going, Call(0, "_||_", (total, same)), total)  # type: ignore[arg-type]  # as in _plain

    def _folded(self, fold: Fold, env: Mapping[str, _Bound | None]) -> tuple[Expression, Type, _Scope | None]:
        place = self._place(fold.range, env)
        bound: _Bound | None = None
        if place is not None:
            inner = _Scope()
            match place.type.kind:
                case "list":
                    element = place.type.of or DYN
                case "map":
                    element = TEXT
                case "dyn":
                    element = DYN
                case _:
                    what = self._text[place.start : place.end]
                    raise Mistake(f"'{what}' is {place.type} and no list", place.start, max(place.end, place.start + 1))
            self._note(place)
            around: Expression = self._given(fold.range.number, place, "items", inner)  # type: ignore[assignment]  # as in _plain
            bound = _Bound(element, inner, (), fold.variable)
        else:
            lowered, type_, scope = self._lower(fold.range, env)
            around = lowered  # type: ignore[assignment]  # as in _plain
            if scope is not None:
                bound = _Bound(type_.of or DYN, scope, (), fold.variable)
        within = {**env, fold.variable: bound, fold.total: None}
        parts = [self._plain(each, within) for each in (fold.start, fold.condition, fold.step, fold.result)]
        made = Fold(fold.number, fold.variable, around, fold.total, *parts)
        told, scope = self._appended.pop(fold.total, (None, None))
        return made, DYN if told is None else Type("list", of=told), scope

    def _place(self, expression: Expression, env: Mapping[str, _Bound | None]) -> _Place | None:
        """The path that an expression is; None for anything else."""
        match expression:
            case Name(number, name):
                bound = env.get(name)
                if bound is None:
                    return None
                start = self._offsets.get(number, 0)
                return _Place(bound, bound.path, bound.type, start, start + len(name))
            case Select(_, operand, field, False):
                step: Step = field
            case Call(_, "_[_]", (operand, Constant() as key)) if isinstance(key.value, (str, int)):
                step = key.value if isinstance(key.value, (str, int)) else ""
            case _:
                return None
        below = self._place(operand, env)
        if below is None:
            return None
        pattern = _INDEX if isinstance(expression, Call) else _FIELD
        found = pattern.match(self._text, below.end) if below.end >= 0 else None
        start, end = (
            (found.start(1) if pattern is _FIELD else found.start(), found.end()) if found else (below.start, -1)
        )
        type_ = self._field(below, step, start, end if found else start + 1)
        return _Place(below.bound, (*below.path, step), type_, below.start, end)

    def _field(self, place: _Place, step: Step, start: int, end: int) -> Type:
        what, type_ = self._text[place.start : place.end], place.type
        if place.path[:1] == (EVERY,) and type_.kind == "list" and (all_ := spread(type_, step)) is not None:
            return all_
        match type_.kind:
            case "record":
                known = fields(type_.records)
                if step not in known:
                    if what == "params":
                        hint = close(str(step), known) if known else "none is declared"
                        raise Mistake(f"there is no parameter '{step}'; {hint}", start, end)
                    hint = f"its arguments are under '{what}.values'" if "values" in known else close(str(step), known)
                    raise Mistake(f"{called(type_)} has no field '{step}'; {hint}", start, end)
                return known[str(step)]
            case "list" if isinstance(step, int) or (type_.of is not None and type_.of.records == (Variable,)):
                return (type_.of or DYN)._replace(nullable=True)
            case "list":
                raise Mistake(f"'{what}' is a {type_}; ask its elements with exists() or all()", start, end)
            case "map":
                return (type_.of or DYN)._replace(nullable=True)
            case "dyn":
                return DYN
            case _:
                raise Mistake(f"'{what}' is {type_} and has no field '{step}'", start, end)

    def _ask(self, place: _Place, number: int, type_: Type | None = None) -> None:
        """Note a path in `has(…)` and its like: the whole call is replaced for the check."""
        opened = self._offsets.get(number, 0)
        called = _CALLED.search(self._text, 0, opened)
        closed = _CLOSE.match(self._text, place.end) if place.end >= 0 else None
        if not place.bound.variable:
            self._asked[place.path] = None
        if called is not None and closed is not None:
            self._replaced[called.start()] = (closed.end(), code(type_ or Type("bool")))

    def _unknown_name(self, number: int, name: str, env: Mapping[str, _Bound | None]) -> None:
        names = [each for each in env if not each.startswith("@")]
        roots = {each: bound.type for each, bound in env.items() if bound is not None and bound.type.kind == "record"}
        having = [each for each, type_ in roots.items() if name in fields(type_.records)]
        if name in OTHERWISE or having:
            hint = f"did you mean '{OTHERWISE.get(name) or f'{having[0]}.{name}'}'?"
        else:
            hint = f"{close(name, names)}; a text stands in quotes"
        raise self._mistake(f"there is no '{name}' here; {hint}", number, len(name))

    def _mistake(self, message: str, number: int, size: int, called: str = "") -> Mistake:
        start = self._offsets.get(number, 0)
        if called:  # the place of a call is its parenthesis
            start = max(self._text.rfind(called, 0, start), 0)
        return Mistake(message, start, start + (size or len(called)))


def _loops(made: Expression | _Given, *, breaking: bool = False) -> Iterator[Loop]:
    """The loops over given facts of which one that fails makes the whole condition fail."""
    match made:
        case Call(_, "_&&_", (one, other)) if not breaking:
            yield from _loops(one)
            yield from _loops(other)
        case Call(_, "!_", (inner,)):
            yield from _loops(inner, breaking=not breaking)
        case Fold(_, variable, _Given(_, place, _, _Scope() as inner), _, _, _, Call(_, function, (_, body))):
            if function == ("_||_" if breaking else "_&&_") and not place.bound.variable:
                yield Loop(place.path, inner.needs(), variable, _finished(body), breaking)


def _finished(made: Expression | _Given) -> Expression:
    """The tree with a name for each fact that is given."""
    match made:
        case _Given(number, place, form, inner):
            name = _need(place.path, form, inner).name
            return Select(number, Name(0, place.bound.variable), name) if place.bound.variable else Name(number, name)
        case Select(number, operand, field, test):
            return Select(number, _finished(operand), field, test)
        case Call(number, function, arguments, target):
            words = tuple(_finished(each) for each in arguments)
            return Call(number, function, words, None if target is None else _finished(target))
        case Listing(number, elements):
            return Listing(number, tuple(_finished(each) for each in elements))
        case Making(number, name, entries):
            each = ((at, _finished(key), _finished(value)) for at, key, value in entries)
            return Making(number, name, tuple(each))
        case Fold():
            start, condition, step, result = (
                _finished(each) for each in (made.start, made.condition, made.step, made.result)
            )
            around = _finished(made.range)
            return Fold(made.number, made.variable, around, made.total, start, condition, step, result)
        case _:
            return made
