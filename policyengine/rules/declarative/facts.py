"""What a condition asks of a node: the fact at a path, with its place, and the forms in which CEL is given it.

A fact that is not known is never given: CEL then has an error in its place, which `a || b` forgives where the other
side decides. So it is within lists too: an element that is not known is one without a value.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.container import Container
from policyengine.model.declaration import HELD, Declaration, Elements, Entries
from policyengine.model.image import Version
from policyengine.model.nodes import Cache, Database, Node, Origin, Variable
from policyengine.model.source import Span
from policyengine.model.value import Absent, Floating, Known, Unknown, is_secret
from policyengine.rules.declarative.fields import spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.graph import Graph
    from policyengine.model.settings import Settings

Step = str | int
Path = tuple[Step, ...]
Form = Literal["value", "items", "size", "has", "known", "floating", "written"]
_MARKS: dict[Form, str] = {"value": "", "size": "#", "has": "!", "known": "?", "floating": "~", "written": '"'}
_INCOMPLETE = frozenset({"activities", "commands", "given", "grants", "keys", "steps"})
_LARGEST = 2**63
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

    `gap` says why a list or map may hold more, and `secret` tells that it is made of a secret.
    """

    value: object
    span: Span
    unknown: Unknown | None = None
    floating: bool = False
    gap: Unknown | None = None
    secret: bool = False

    @property
    def open(self) -> Unknown | None:
        """Why its value cannot be compared: it is not known, or a part of it moves."""
        if self.floating and isinstance(self.value, (str, int, float)):
            return Unknown(f"'{self.value}' is not decided", self.span)
        return self.unknown


class _Hole(Exception):  # noqa: N818  it is no mistake
    """A value that holds something which is not known."""

    def __init__(self, unknown: Unknown) -> None:
        super().__init__(unknown.reason)
        self.unknown = unknown


class _Values(NamedTuple):
    """All arguments of a declaration, of which nothing is evaluated before one is asked for."""

    of: Declaration


class _Referring(NamedTuple):
    """The resources that name a declaration, by their types."""

    to: Declaration


class _Told(NamedTuple):
    """What a server is told of its configuration, by the names of the settings."""

    settings: Settings


class Facts:
    """The facts of the nodes of one graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

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
                made[need.name] = self._formed(self.at(root, need.path), need, holes)
            except _Hole as hole:
                holes.setdefault(need.name, hole.unknown)
        return made

    def shown(self, root: Fact, path: Path) -> str:
        """The fact at a path as people read it; `…` for what is not known, and stars for a secret."""
        fact = self.at(root, path)
        told = self._told(fact)
        return "*" * len(told) if fact.value is not None and self.hidden(root, path) else told

    def hidden(self, root: Fact, path: Path) -> bool:
        """Whether a name on the way, a variable or the history of the fact tells that it is a secret."""
        fact = root
        for number, step in enumerate(path):
            value = fact.value
            if isinstance(value, Variable):
                told = step in ("value", "reference") and (value.origin is Origin.SECRET or may_hold_secret(value.key))
            else:
                named = number > 1 and isinstance(step, str) and not isinstance(value, (Node, Container))
                told = named and may_hold_secret(str(step))
            if told:
                return True
            fact = self.at(fact, (step,))
        return fact.secret

    def data(self, fact: Fact) -> object:
        """The value of a fact as plain data: a text, a number, what a list or map has; a record as its text."""
        match fact.value:
            case Enum() | Struct() if not isinstance(fact.value, Elements | Entries):
                return self._told(fact)
            case None | bool() | int() | float() | str():
                return fact.value if fact.unknown is None else None
            case Entries(entries):
                return {key: self.data(_opened(each, fact)) for key, each in entries.items()}
            case _Values(declaration):
                given = declaration.given()
                return {key: self.data(_opened(declaration.get(key), fact)) for key in given}
            case Mapping() as entries if not _keyed(entries.values()):
                return {str(key): self.data(_opened(each, fact)) for key, each in entries.items()}
            case _Referring():
                return None
        try:
            return [self.data(each) for each in self.elements(fact) if each.unknown is None]
        except _Hole:
            return None

    def _told(self, fact: Fact) -> str:
        match fact.unknown or fact.value:
            case Unknown():
                return "…"
            case None:
                return "nothing"
            case bool() as value:
                return "true" if value else "false"
            case Enum() as member:
                return str(member.value)
            case str() | int() | float() as value:
                return str(value)
            case Node() as node:
                return node.name
            case Variable() as variable:
                return variable.key
            case Struct() as record if not isinstance(record, Elements | Entries):
                return str(record) if spoken(type(record)) else type(record).__name__
        try:
            return ", ".join(self._told(each) for each in self.elements(fact))
        except _Hole:
            return "…"

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
            case _Values(declaration):
                found = declaration.given()
            case _Told(settings):
                found, gap = settings.given, settings.gap
            case Mapping() as entries:
                found = entries.values() if _keyed(entries.values()) else entries
            case str() | bytes():
                raise _Hole(Unknown(f"'{fact.value!s}' is no list", fact.span))
            case frozenset() | set() as several:
                found = sorted(several)
            case Collection() as several:
                found = several
            case _:
                raise _Hole(Unknown("the value is no list", fact.span))
        for each in found:
            yield _opened(each, fact)
        if gap is not None:
            yield Fact(None, gap.span, gap)

    def _formed(self, fact: Fact, need: Need, holes: dict[str, Unknown]) -> object:
        match need.form:
            case "known":
                return fact.open is None and fact.gap is None
            case "floating":
                return fact.floating
        if fact.unknown is not None:
            raise _Hole(fact.unknown)
        match need.form:
            case "has":
                return fact.value is not None
            case "written":
                return _clean(str(fact.value)) if isinstance(fact.value, (str, int, float)) else self._plain(fact)
            case "items":
                return [self._element(each, need.inner, holes) for each in self.elements(fact)]
            case "size":
                return self._size(fact)
            case _:
                return self._plain(fact)

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
        if each and each[-1].unknown is not None and each[-1].unknown is (fact.gap or _unlisted(fact.value)):
            raise _Hole(each[-1].unknown)
        return len(each)

    def _plain(self, fact: Fact) -> object:
        """The value as CEL knows it; a record is only something that is there."""
        if fact.open is not None:
            raise _Hole(fact.open)
        match fact.value:
            case None | bool() | float():
                return fact.value
            case int() as number:
                return number if -_LARGEST <= number < _LARGEST else float(number)
            case Enum() as member:
                return str(member.value)
            case str() as text:
                return _clean(text)
            case Entries(entries, unlisted=unlisted):
                _whole(fact.gap or unlisted)
                return {_clean(key): self._plain(_opened(each, fact)) for key, each in entries.items()}
            case _Values(declaration):
                return self._plain(fact._replace(value=declaration.get()))
            case Mapping() as entries:
                _whole(fact.gap)
                return {_clean(str(key)): self._plain(_opened(each, fact)) for key, each in entries.items()}
            case Struct():
                if not isinstance(fact.value, Elements):
                    return {}
        return [self._plain(each) for each in self.elements(fact)]

    def _below(self, fact: Fact, step: Step) -> Fact:
        value, gap = fact.value, None
        found: object
        match value:
            case _Values(declaration):
                found = declaration.get(step)
            case _Told(settings):
                found = settings.value(str(step))
            case _Referring(to):
                found = tuple(self._graph.referring(to, str(step)))
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
        made = _opened(found, fact, gap=gap)
        moving = fact.floating and isinstance(value, Version) and str(step) not in value.__struct_fields__
        return made._replace(floating=True) if moving else made

    def _attribute(self, record: Struct, name: str) -> object:
        if isinstance(record, Declaration):
            match name:
                case "values":
                    return _Values(record)
                case "referring":
                    return _Referring(record)
                case "within":
                    return self._holder(record)
        if name == "settings" and isinstance(record, (Cache, Database)):
            return _Told(self._graph.settings(record))
        if name == "raw" and isinstance(record, (Node, Container)):
            found = self._graph.declaration(record.node if isinstance(record, Container) else record)
            return None if found is None else _Values(found)
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
                return "".join(f"_{each.lower()}" if each.isupper() else each for each in type(record).__name__)[1:]
            case "text" if spoken(type(record)):
                return str(record)
            case _:
                return None

    def _holder(self, held: Declaration) -> Declaration | None:
        """What holds a declaration."""
        kinds = [kind for kind, inner in HELD.items() if held.kind in inner]
        every = (each for kind in kinds for each in self._graph.declarations(kind))
        return next((each for each in every if each.id == held.within), None) if held.within else None


def _opened(found: object, fact: Fact, gap: Unknown | None = None) -> Fact:
    """What was found below a fact, out of the case that it is."""
    floating, secret = False, fact.secret
    span = fact.span
    while isinstance(found, (Known, Floating)):
        floating = floating or isinstance(found, Floating)
        secret = secret or is_secret(found.via)
        span = found.span
        found = found.value
    match found:
        case Unknown(_, at):
            return Fact(None, at, found)
        case Absent(at):
            return Fact(None, at, secret=secret)
        case Struct():
            place = getattr(found, "span", None)
            if not floating and place is not None and span == fact.span:
                span = place
    return Fact(found, span, None, floating, gap, secret)


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
        raise _Hole(gap)


def _keyed(values: Iterable[object]) -> bool:
    return isinstance(next(iter(values), None), Variable)


def _clean(text: str) -> str:
    """A text that is UTF-8 without a zero: what CEL takes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "�")
