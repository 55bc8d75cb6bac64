"""What files declare, as it stands in them: resources, services, instructions, jobs, each with all its arguments.

Typed nodes say what these mean; here is everything else that they hold. It is evaluated when a rule asks for it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from msgspec import Struct, field

from policyengine.model.nodes.node import Node
from policyengine.model.value import Absent, Floating, Known, Unknown, Via

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from policyengine.model.source import ReadError, Span
    from policyengine.model.text import Text
    from policyengine.model.value import Sealed, Value

T = TypeVar("T")

Step: TypeAlias = "str | int"
"""A step of a path: the key of an entry or the type of nested blocks, or the number of an element from 0."""

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"
"""Content of which every part is Known, as plain data. None stands only for an element or entry that is not given."""


class DeclarationKind(StrEnum):
    """What a declaration is. Its `type` says more."""

    RESOURCE = "resource"  # of Terraform; `type` is `aws_db_instance`
    DATA = "data"  # a data source of Terraform; `type` is `data.aws_ami`
    MODULE = "module"  # a call of a module of Terraform; `type` is its source
    PROVIDER = "provider"  # a configuration of a provider of Terraform; `type` is its name, `aws`
    SERVICE = "service"  # of Compose; `type` is `service`
    INSTRUCTION = "instruction"  # of a Dockerfile; `type` is its keyword, `FROM`; `within` is its stage
    WORKFLOW = "workflow"  # of GitHub; `type` is `workflow`
    JOB = "job"  # of a workflow, which `within` names; `type` is `job`
    STEP = "step"  # of a job, which `within` names; `type` is `uses` or `run`
    USES = "uses"  # what a step or a job uses; `type` is the action or the path without its version


HELD: Mapping[DeclarationKind, tuple[DeclarationKind, ...]] = {
    DeclarationKind.MODULE: (
        DeclarationKind.MODULE,
        DeclarationKind.PROVIDER,
        DeclarationKind.RESOURCE,
        DeclarationKind.DATA,
    ),
    DeclarationKind.INSTRUCTION: (DeclarationKind.INSTRUCTION,),
    DeclarationKind.WORKFLOW: (DeclarationKind.JOB, DeclarationKind.STEP),
    DeclarationKind.JOB: (DeclarationKind.STEP, DeclarationKind.USES),
    DeclarationKind.STEP: (DeclarationKind.USES,),
}
"""What a declaration of a kind may hold."""


class Reading:
    """How content is asked. Each method takes a path: `"tags", "team"`, or `"ingress", 0, "from_port"`.

    A key leads through a list of one element into that element, as one nested block is a list of one.
    """

    __slots__ = ()

    def get(self, *steps: Step) -> Content:
        """What stands at a path; Absent where nothing does."""
        raise NotImplementedError

    def text(self, *steps: Step, default: str | None = None) -> Value[str]:
        """A text, `Floating` where a part of it is open; a number or a bool as it is written."""
        found = self.get(*steps)
        if isinstance(found, Floating):
            return Floating(_text(found.value), found.span, found.via)
        return _typed(found, _text, "text", default)

    def boolean(self, *steps: Step, default: bool | None = None) -> Value[bool]:
        """A bool, also one that is written as a text."""
        return _typed(self.get(*steps), _bool, "bool", default)

    def integer(self, *steps: Step, default: int | None = None) -> Value[int]:
        """A whole number, also one that is written as a text."""
        return _typed(self.get(*steps), _int, "whole number", default)

    def number(self, *steps: Step, default: float | None = None) -> Value[float]:
        """A number, also one that is written as a text."""
        return _typed(self.get(*steps), float, "number", default)

    def plain(self, *steps: Step) -> Value[Plain]:
        """All that stands at a path as plain data; Unknown where any part of it is not Known."""
        found = self.get(*steps)
        if isinstance(found, Known | Floating | Unknown | Absent):
            return _typed(found, lambda value: value, "data", None)
        gap = next(_gaps(found), None)
        return Known(_data(found), found.span, tuple(_history(found))) if gap is None else gap

    def blocks(self, *steps: Step) -> tuple[Entries, ...]:
        """The nested blocks, objects or mappings at a path; `gap` says why there may be more."""
        found = self.get(*steps)
        each = found.items if isinstance(found, Elements) else (found,)
        return tuple(one for one in each if isinstance(one, Entries))

    def gap(self, *steps: Step) -> Unknown | None:
        """Why there may be more at a path than is listed."""
        match found := self.get(*steps):
            case Elements(items, _, gap):
                return gap or next((each for each in items if isinstance(each, Unknown)), None)
            case Entries():
                return found.unlisted
            case _:
                return found if isinstance(found, Unknown) else None

    def names(self, *steps: Step) -> tuple[str, ...]:
        """What a value is made of: `aws_db_instance.main.address`, `var.name`, `${TAG}`."""
        return tuple(dict.fromkeys(step.what for step in _history(self.get(*steps))))


class Entries(Struct, Reading, frozen=True, eq=False):
    """A mapping, a nested block, an object. `span` is its place, `unlisted` says why there may be more entries."""

    entries: Mapping[str, Content]
    span: Span
    unlisted: Unknown | None = None
    via: tuple[Via, ...] = ()

    def get(self, *steps: Step) -> Content:
        """What stands at a path below it; Absent where nothing does."""
        return at(self, steps)


class Elements(Struct, Reading, frozen=True, eq=False):
    """A list, a set, or all nested blocks of one type. `unlisted` says why there may be more elements."""

    items: tuple[Content, ...]
    span: Span
    unlisted: Unknown | None = None
    via: tuple[Via, ...] = ()

    def get(self, *steps: Step) -> Content:
        """What stands at a path below it; Absent where nothing does."""
        return at(self, steps)


Atom: TypeAlias = "str | int | float | bool"

Content: TypeAlias = "Value[Atom] | Entries | Elements"
"""What stands at a path, each part with its place.

`Known` is a text, a number or a bool. `Floating` is a text of which a part is decided elsewhere and stands in it as
`${…}` or `${{ … }}`: also what a resource of this configuration is to be called. `Unknown` is what the files do not
decide, `Absent` what is not given, or null.
"""


def numbered(name: str, taken: dict[str, int]) -> str:
    """An id that is not taken: the name, or the name with a number. Things of other names do not change it.

    `taken` has the last number of each.
    """
    found, number = name, taken.get(name, 1)
    while found in taken:
        number += 1
        found = f"{name}({number})"
    taken[name] = number
    taken.setdefault(found, 1)
    return found


def of_text(text: Text) -> Value[str]:
    """A text as content: `Floating` where only a part of it is decided."""
    found = text.value()
    if isinstance(found, Unknown) and any(each.unknown is None and each.text.strip() for each in text.pieces):
        via = tuple(step for each in text.pieces for step in each.via)
        return Floating(text.written, text.place, via)
    return found


def at(content: Content, steps: Sequence[Step]) -> Content:
    """What stands at a path below some content."""
    for step in steps:
        content = _below(content, step)
    return content


def _below(content: Content, step: Step) -> Content:
    match content:
        case Unknown() | Absent():
            return content
        case Entries(entries, span, unlisted) if isinstance(step, str):
            found = entries.get(step)
            return (unlisted or Absent(span)) if found is None else found
        case Elements(items, span, unlisted) if isinstance(step, int):
            return items[step] if -len(items) <= step < len(items) else unlisted or Absent(span)
        case Elements(items, span, unlisted):
            if len(items) > 1:
                return Unknown(f"there are {len(items)}, each with its own '{step}'", span)
            return unlisted or (_below(items[0], step) if items else Absent(span))
        case Floating(value, span, via):
            return Unknown(f"'{value}' is not decided", span, via)
        case _:
            return Absent(content.span)


def _typed(content: Content, convert: Callable[[Atom], T], what: str, default: T | None) -> Value[T]:
    match content:
        case Absent(span) if default is not None:
            return Known(default, span)
        case Unknown() | Absent():
            return content
        case Known(value, span, via):
            try:
                return Known(convert(value), span, via)
            except ValueError:
                return Unknown(f"the value is no {what}", span, via)
        case Floating(value, span, via):
            return Unknown(f"'{value}' is not decided", span, via)
        case _:
            return Unknown(f"the value is no {what}", content.span)


def _text(value: Atom) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bool(value: Atom) -> bool:
    told = {"true": True, "false": False}.get(_text(value))
    if told is None:
        raise ValueError(value)
    return told


def _int(value: Atom) -> int:
    number = float(value)
    if isinstance(value, bool) or not number.is_integer():
        raise ValueError(value)
    return int(number)


def _gaps(content: Content) -> Iterator[Unknown]:
    """Why content is not Known throughout."""
    match content:
        case Unknown():
            yield content
        case Floating(value, span, via):
            yield Unknown(f"'{value}' is not decided", span, via)
        case Entries(entries, unlisted=unlisted):
            for each in entries.values():
                yield from _gaps(each)
            if unlisted is not None:
                yield unlisted
        case Elements(items, unlisted=unlisted):
            for each in items:
                yield from _gaps(each)
            if unlisted is not None:
                yield unlisted


def _history(content: Content) -> Iterator[Via]:
    yield from content.via
    match content:
        case Entries(entries):
            for each in entries.values():
                yield from _history(each)
        case Elements(items):
            for each in items:
                yield from _history(each)


def _data(content: Content) -> Plain:
    match content:
        case Known(value):
            return value
        case Entries(entries):
            return {key: _data(each) for key, each in entries.items()}
        case Elements(items):
            return [_data(each) for each in items]
        case _:
            return None


def _nowhere(_: str) -> Declaration | None:
    return None


class Declaration(Node, Reading, frozen=True, eq=False, kw_only=True):
    """One thing that files declare, with all that they say of it.

    `id` is that of the typed node which is made of it: `terraform:aws_db_instance.main`, `compose:services.db`.
    `within` is the id of what holds it: of a step its job, of an instruction its stage. `given` tells what is given,
    `read` evaluates one of these, `lead` finds what a name in them stands for; a pack asks `get`
    and its like.
    """

    kind: DeclarationKind  # what it is
    type: str  # what it is more exactly: `aws_db_instance`, `FROM`, the action that is used
    given: Callable[[], tuple[str, ...]]
    read: Callable[[str], Content]
    within: str = ""
    lead: Callable[[str], Declaration | None] = _nowhere
    _known: dict[str, Content] = field(default_factory=dict)

    def get(self, *steps: Step) -> Content:
        """What stands at a path; without one all of it. Only what is asked for is evaluated."""
        if not steps:
            return Entries({key: self.get(key) for key in self.given()}, self.span)
        first, *rest = steps
        if not isinstance(first, str):
            return Absent(self.span)
        found = self._known.get(first)
        if found is None:
            found = self._known[first] = self.read(first)
        return at(found, rest) if rest else found

    def __repr__(self) -> str:
        """What it is; its values are not to be shown by chance."""
        return f"Declaration({self.kind.value} {self.id!r})"

    def refers_to(self, *steps: Step) -> tuple[Declaration, ...]:
        """The other declarations that the value at a path is made of: the log group that an attribute of it names."""
        found = {each.id: each for name in self.names(*steps) if (each := self.lead(name)) is not None}
        return tuple(found[name] for name in found if name != self.id)


class Declarations(Struct, frozen=True, eq=False):
    """What one platform read that declares something; nothing of it is evaluated before somebody asks.

    `find` lists those of a kind, and of one type where it is not empty; `made_of` is the one that a node with that id
    and place is made of. `made` has all that were ever given out, by their ids. `sealed` are the secrets that were met
    since, `problems` what could not be read.
    """

    kinds: frozenset[DeclarationKind]
    find: Callable[[DeclarationKind, str], Iterable[Declaration]]
    made_of: Callable[[str, Span], Declaration | None]
    made: dict[str, Declaration]
    sealed: Callable[[], Iterable[Sealed]] = tuple
    problems: Callable[[], Iterable[ReadError]] = tuple
    found: dict[tuple[DeclarationKind, str], tuple[Declaration, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        """The kinds; what `find` and the like are bound to holds values that are not to be shown."""
        return f"Declarations({', '.join(sorted(self.kinds))})"

    def of(self, kind: DeclarationKind, types: tuple[str, ...] = ()) -> Iterator[Declaration]:
        """Those of a kind and of these types, each found once."""
        if kind in self.kinds:
            for each in types or ("",):
                if (kind, each) not in self.found:
                    self.found[kind, each] = tuple(self.find(kind, each))
                yield from self.found[kind, each]
