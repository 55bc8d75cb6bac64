"""What a condition asks of a node: the fact at a path, with its place, and the forms in which CEL is given it.

A fact that is not known is never given: CEL then has an error in its place, which `a || b` forgives where the other
side decides. So it is within lists too: an element that is not known is one without a value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct

from policyengine.model.container import Container
from policyengine.model.declaration import HELD, Declaration, Elements, Entries
from policyengine.model.image import ImageRef, Version
from policyengine.model.nodes import Cache, Database, Node
from policyengine.model.source import Span
from policyengine.model.value import Absent, Floating, Known, Unknown, is_secret
from policyengine.rules.declarative.everywhere import EVERY, Every, Spread, all_of, keyed, listed, named_in
from policyengine.rules.declarative.fields import named, spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.declaration import DeclarationKind
    from policyengine.model.graph import Graph
    from policyengine.model.settings import Settings

Step = str | int
Path = tuple[Step, ...]
Form = Literal["value", "items", "size", "has", "known", "floating", "written"]
_MARKS: dict[Form, str] = {"value": "", "size": "#", "has": "!", "known": "?", "floating": "~", "written": '"'}
_INCOMPLETE = frozenset({"activities", "commands", "given", "grants", "keys", "steps"})
_LARGEST = 2**63
LONGEST = 100_000
"""Characters of a text that is compared; a longer one is open, so that no condition takes long."""
VALUE = "="
"""The name under which an element of a list has its own value, where it is no record."""


class Need(NamedTuple):
    """What a condition needs of a root or of an element: the fact at a path, in one form.

    `inner` is what it needs of each element, in the form `items`.
    """

    path: Path
    form: Form = "value"
    inner: tuple[Need, ...] = ()

    @property
    def name(self) -> str:
        """The name under which it is given; the path comes first."""
        path = ".".join(map(str, self.path)) or VALUE
        if self.form == "items":
            return f"{path}[{','.join(each.name for each in self.inner)}]"
        return f"{path}{_MARKS[self.form]}"


class Fact(NamedTuple):
    """What stands at a path. `value` is None where nothing is given; `unknown` says why it is not known.

    `gap` says why a list or map may hold more, and `secret` tells that it is made of a secret. `placed` tells that
    `span` is its own place, and not that of what it stands in.
    """

    value: object
    span: Span
    unknown: Unknown | None = None
    floating: bool = False
    gap: Unknown | None = None
    secret: bool = False
    placed: bool = False

    @property
    def open(self) -> Unknown | None:
        """Why its value cannot be compared: it is not known, or a part of it moves."""
        if self.floating and isinstance(self.value, (str, int, float)):
            return Unknown(f"'{self.value}' is not decided", self.span)
        return self.unknown


class Hole(Exception):  # noqa: N818  it is no mistake
    """A value that holds something which is not known."""

    def __init__(self, unknown: Unknown) -> None:
        super().__init__(unknown.reason)
        self.unknown = unknown


class Values(NamedTuple):
    """All arguments of a declaration, of which nothing is evaluated before one is asked for."""

    of: Declaration


class Referring(NamedTuple):
    """The resources that name a declaration, by their types."""

    to: Declaration


class Told(NamedTuple):
    """What a server is told of its configuration, by the names of the settings."""

    settings: Settings


class Facts:
    """The facts of the nodes of one graph."""

    def __init__(self, graph: Graph, every: Every) -> None:
        self._graph = graph
        self.every = every
        self._everywhere: dict[Need, tuple[object, dict[str, Unknown]] | Unknown] = {}
        self._referring: dict[str, dict[str, list[Declaration]]] = {}
        self._holding: dict[DeclarationKind, dict[str, Declaration]] = {}

    def at(self, fact: Fact, path: Path) -> Fact:
        """The fact at a path below another."""
        for step in path:
            if fact.unknown is not None or fact.value is None:
                return fact
            fact = self._below(fact, step)
        return fact

    def given(self, root: Fact, needs: Iterable[Need], holes: dict[str, Unknown]) -> dict[str, object]:
        """What is needed of a root or element, by the names of the needs; `holes` takes why one is not there."""
        made: dict[str, object] = {}
        for need in needs:
            try:
                if need.path and need.path[0] == EVERY:
                    made[need.name] = self._of_every(root, need, holes)
                else:
                    made[need.name] = self._formed(self.at(root, need.path), need, holes)
            except Hole as hole:
                holes.setdefault(need.name, hole.unknown)
        return made

    def _of_every(self, root: Fact, need: Need, holes: dict[str, Unknown]) -> object:
        """What is the same for all rows, found once."""
        if need not in self._everywhere:
            inner: dict[str, Unknown] = {}
            try:
                self._everywhere[need] = self._formed(self.at(root, need.path), need, inner), inner
            except Hole as hole:
                self._everywhere[need] = hole.unknown
        found = self._everywhere[need]
        if isinstance(found, Unknown):
            raise Hole(found)
        value, inner = found
        for name, unknown in inner.items():
            holes.setdefault(name, unknown)
        return value

    def elements(self, fact: Fact) -> Iterator[Fact]:
        """The elements of a list, or the keys of a map; one that is not known where there may be more."""
        gap = fact.gap
        match fact.value:
            case None:
                return
            case Elements(items, unlisted=unlisted):
                found: Iterable[object] = items
                gap = gap or unlisted
            case Entries(entries, unlisted=unlisted):
                found, gap = entries, gap or unlisted
            case Values(declaration):
                found = declaration.given()
            case Told(settings):
                found, gap = settings.given, settings.gap
            case Spread(facts):
                for one in facts:
                    if one.unknown is None and listed(one.value):
                        yield from self.elements(one)
                    elif one.unknown is not None or one.value is not None:
                        yield one
                return
            case Mapping() as entries:
                found = entries.values() if keyed(entries.values()) else entries
            case str() | bytes():
                raise Hole(Unknown(f"'{fact.value!s}' is no list", fact.span))
            case frozenset() | set() as several:
                found = sorted(several)
            case Collection() as several:
                found = several
            case _:
                raise Hole(Unknown("the value is no list", fact.span))
        for each in found:
            yield opened(each, fact)
        if gap is not None:
            yield Fact(None, gap.span, gap)

    def _formed(self, fact: Fact, need: Need, holes: dict[str, Unknown]) -> object:
        match need.form:
            case "known":
                return fact.open is None and fact.gap is None
            case "floating":
                return fact.floating
        if fact.unknown is not None:
            raise Hole(fact.unknown)
        match need.form:
            case "has":
                return fact.value is not None
            case "written" if isinstance(fact.value, Struct):
                return self._plain(self.at(fact, ("text",))._replace(floating=False))
            case "written" if isinstance(fact.value, (int, float)):
                return str(fact.value)
            case "written":
                return self._plain(fact._replace(floating=False))
            case "items":
                return [self._element(each, need.inner, holes) for each in self.items(fact, need.inner)]
            case "size":
                return self._size(fact)
            case _:
                return self._plain(fact)

    def items(self, fact: Fact, needs: tuple[Need, ...]) -> Iterable[Fact]:
        """The elements that a condition loops over. One text is a list of one, and so is a mapping asked for fields.

        Files write `on: push` and `Action = "*"` for lists of one; the keys of a mapping have no fields.
        """
        match fact.value:
            case str() | bool() | int() | float():
                return (fact,)
            case Entries() if needs and all(need.path for need in needs):
                return (fact,)
            case _:
                return self.elements(fact)

    def _element(self, fact: Fact, needs: Iterable[Need], holes: dict[str, Unknown]) -> dict[str, object]:
        """What is needed of an element; nothing where it is not known."""
        if fact.unknown is None:
            return self.given(fact, needs, holes)
        for need in needs:
            holes.setdefault(need.name, fact.unknown)
        return {}

    def _size(self, fact: Fact) -> int:
        if isinstance(fact.value, str):
            self._plain(fact)
            return len(fact.value)
        each = list(self.elements(fact))
        gap = each[-1].unknown if each else None
        if isinstance(fact.value, Spread) and (lost := next((one.unknown for one in each if one.unknown), None)):
            raise Hole(lost)
        if gap is not None and gap is (fact.gap or _unlisted(fact.value)):
            raise Hole(gap)
        return len(each)

    def _plain(self, fact: Fact) -> object:
        """The value as CEL knows it; a record is only something that is there."""
        if fact.open is not None:
            raise Hole(fact.open)
        match fact.value:
            case None | bool() | float():
                return fact.value
            case int() as number:
                return number if -_LARGEST <= number < _LARGEST else float(number)
            case Enum() as member:
                return str(member.value)
            case str() as text if len(text) > LONGEST:
                raise Hole(Unknown(f"a text of over {LONGEST:,} characters is not compared", fact.span))
            case str() as text:
                return _clean(text)
            case Entries(entries, unlisted=unlisted):
                _whole(fact.gap or unlisted)
                return {_clean(key): self._plain(opened(each, fact)) for key, each in entries.items()}
            case Values(declaration):
                return self._plain(fact._replace(value=declaration.get()))
            case Mapping() as entries:
                _whole(fact.gap)
                return {_clean(str(key)): self._plain(opened(each, fact)) for key, each in entries.items()}
            case Struct():
                if not isinstance(fact.value, Elements):
                    return {}
        return [self._plain(each) for each in self.elements(fact)]

    def _below(self, fact: Fact, step: Step) -> Fact:
        value, gap = fact.value, None
        found: object
        match value:
            case Values(declaration):
                found = declaration.get(step)
            case Told(settings):
                found = settings.value(str(step))
            case Every():
                found = all_of(value, str(step))
                return fact._replace(value=Spread(tuple(Fact(each, at, why) for each, at, why in found)))
            case Spread(facts):
                return fact._replace(value=Spread(tuple(self._spread(facts, step))))
            case Referring(to):
                found = self._naming(str(step)).get(to.id, ())
            case Entries() | Elements():
                found = value.get(step)
            case Struct():
                found = self._attribute(value, str(step))
                gap = _gap(value, str(step))
                if found is None and fact.floating and isinstance(value, Version):
                    found = Unknown(f"only '{value}' is fixed, the rest moves", fact.span)
            case Mapping():
                found = value.get(step)
            case Collection() if isinstance(step, str):
                found = next((each for each in reversed([*value]) if getattr(each, "key", None) == step), None)
            case Collection() if isinstance(step, int):
                items = [*value]
                found = items[step] if step < len(items) else None
            case _:
                found = None
        if found is None and fact.gap is not None:
            found = fact.gap
        made = opened(found, fact, gap=gap)
        moving = fact.floating and isinstance(value, Version) and str(step) not in value.__struct_fields__
        if isinstance(value, ImageRef) and isinstance(value.registry, Unknown):  # so it begins with what is open
            moving = step in ("name", "shown", "text")
        return made._replace(floating=True) if moving else made

    def _spread(self, facts: Iterable[Fact], step: Step) -> Iterator[Fact]:
        """What many facts have at a step; of variables one by its key, of another list what each element has."""
        for fact in facts:
            if fact.unknown is not None:
                yield fact
            elif not listed(fact.value) or named_in(fact.value, step):
                yield self._below(fact, step)
            else:
                yield from self._spread(self.elements(fact), step)

    def _attribute(self, record: Struct, name: str) -> object:
        if isinstance(record, Declaration):
            match name:
                case "values":
                    return Values(record)
                case "referring":
                    return Referring(record)
                case "within":
                    return self._holder(record)
        if name == "settings" and isinstance(record, (Cache, Database)):
            return Told(self._graph.settings(record))
        if name == "raw" and isinstance(record, (Node, Container)):
            found = self._graph.declaration(record.node if isinstance(record, Container) else record)
            return None if found is None else Values(found)
        if hasattr(type(record), name):
            try:
                return getattr(record, name)
            except LookupError:
                return None
        match name:
            case "file":
                place = getattr(record, "span", None)
                return place.path if isinstance(place, Span) else None
            case "type":
                return named(type(record))
            case "text" if spoken(type(record)):
                return str(record)
            case _:
                return None

    def _naming(self, of_type: str) -> dict[str, list[Declaration]]:
        """The resources of a type by what they name, found once for all that is named."""
        if of_type not in self._referring:
            made = self._referring[of_type] = {}
            for each in self._graph.resources(of_type):
                for named in each.refers_to():
                    made.setdefault(named.id, []).append(each)
        return self._referring[of_type]

    def _holder(self, held: Declaration) -> Declaration | None:
        """What holds a declaration; what may hold one of its kind is found once."""
        if not held.within:
            return None
        if held.kind not in self._holding:
            kinds = [kind for kind, inner in HELD.items() if held.kind in inner]
            every = [each for kind in kinds for each in self._graph.declarations(kind)]
            self._holding[held.kind] = {each.id: each for each in reversed(every)}  # of two with one id the first
        return self._holding[held.kind].get(held.within)


def opened(found: object, fact: Fact, gap: Unknown | None = None) -> Fact:
    """What was found below a fact, out of the case that it is."""
    floating, secret = False, fact.secret
    placed = fact.placed and not isinstance(fact.value, (Node, Container))
    span = fact.span
    while isinstance(found, (Known, Floating)):
        floating = floating or isinstance(found, Floating)
        secret = secret or is_secret(found.via)
        span, placed = found.span, True
        found = found.value
    match found:
        case Unknown(_, at):
            return Fact(None, at, found, placed=True)
        case Absent(at):
            return Fact(None, at, secret=secret, placed=True)
        case Struct():
            place = getattr(found, "span", None) or getattr(found, "key_span", None)
            if not floating and place is not None and span == fact.span:
                span, placed = place, True
    return Fact(found, span, None, floating, gap, secret, placed)


def _unlisted(value: object) -> Unknown | None:
    return value.unlisted if isinstance(value, (Entries, Elements)) else None


def _gap(record: Struct, name: str) -> Unknown | None:
    """Why there may be more in a field than is listed."""
    for each in (f"{name}_gap", "unset_gap" if name == "environment" else "", "gap" if name in _INCOMPLETE else ""):
        found = getattr(record, each, None) if each else None
        if isinstance(found, Unknown):
            return found
    return None


def _whole(gap: Unknown | None) -> None:
    if gap is not None:
        raise Hole(gap)


def _clean(text: str) -> str:
    """A text that is UTF-8 without a zero: what CEL takes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")
