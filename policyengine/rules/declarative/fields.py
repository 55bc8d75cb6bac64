"""What a condition can ask of a node: the fields of the Structs that the Python API has, with their types.

One source of truth: a new field of a node type, or a new question of a container, is a field of conditions too.
"""

from __future__ import annotations

import collections.abc
import difflib
import sys
import types
import typing
from enum import Enum
from functools import cache
from typing import Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from policyengine.model.container import Container
from policyengine.model.declaration import Declaration
from policyengine.model.nodes import Cache, Database, Node, Variable
from policyengine.model.source import Span
from policyengine.model.value import Absent, Floating, Known, Unknown, Via

Kind = Literal["bool", "int", "double", "string", "list", "map", "record", "dyn"]


class Type(NamedTuple):
    """What kind of fact a field holds. `of` is what a list or map holds, `records` are the Structs of a record."""

    kind: Kind
    nullable: bool = False
    of: Type | None = None
    records: tuple[type[Struct], ...] = ()

    def __str__(self) -> str:
        """The type as people read it."""
        match self.kind:
            case "list":
                return f"list of {self.of}"
            case "map":
                return f"map of {self.of}"
            case "record":
                return " or ".join(each.__name__ for each in self.records)
            case "dyn":
                return "anything"
            case other:
                return {"bool": "true or false", "int": "number", "double": "number", "string": "text"}[other]


DYN = Type("dyn", nullable=True)
TEXT = Type("string")
_PLAIN: dict[object, Type] = {bool: Type("bool"), int: Type("int"), float: Type("double"), str: TEXT}
_LISTS = (tuple, list, frozenset, set, collections.abc.Sequence)
_MAPS = (dict, collections.abc.Mapping)
_SILENT = (Unknown, Absent, type(None))
_PLACES = (Span, Via)


@cache
def fields(records: tuple[type[Struct], ...]) -> dict[str, Type]:
    """The fields of a record by their names, in the order of its type; of several records all that one of them has.

    `file` is the path that a node stands in, `raw` what its file says of it in full, `settings` what a server is told,
    `text` what a record is as a text, and `type` which one of several records it is.
    """
    found: dict[str, Type] = {}
    for record in records:
        for name, type_ in _own(record).items():
            other = found.get(name, type_)
            found[name] = type_ if other == type_ else DYN
    if len(records) > 1:
        found["type"] = TEXT
        alike = [name for name in found if all(name in _own(each) for each in records)]
        found = {
            name: each if name in (*alike, "type") else each._replace(nullable=True) for name, each in found.items()
        }
    return found


def _own(record: type[Struct]) -> dict[str, Type]:
    found: dict[str, Type] = {}
    known = _names()
    for name, hint in get_type_hints(record, localns=known).items():
        if name in record.__struct_fields__:
            _note(found, name, hint)
    for owner in reversed(record.__mro__):
        for name, member in vars(owner).items():
            if isinstance(member, property) and member.fget is not None:
                told = get_type_hints(member.fget, vars(sys.modules[owner.__module__]), known)
                _note(found, name, told.get("return"))
    if issubclass(record, Declaration):
        found["file"], found["values"] = TEXT, DYN
        found["within"] = Type("record", nullable=True, records=(Declaration,))
        found["referring"] = Type("map", of=Type("list", of=Type("record", records=(Declaration,))))
    elif issubclass(record, (Node, Container)):
        found["file"], found["raw"] = TEXT, DYN
    if issubclass(record, (Cache, Database)):
        found["settings"] = Type("map", of=TEXT)
    if spoken(record):
        found.setdefault("text", TEXT)
    return found


def spread(listed: Type, step: str | int) -> Type | None:
    """The type of what all elements of a list have at a step, as one list; None where they have no such field."""
    of = listed.of or DYN
    if of.kind != "record":
        return listed if of.kind == "dyn" else None
    known = fields(of.records)
    if step not in known:
        return listed if of.records == (Variable,) else None
    found = known[str(step)]
    return found if found.kind == "list" else Type("list", of=found._replace(nullable=False))


def spoken(record: type) -> bool:
    """Whether people know values of the type as a text, such as versions and images."""
    return "__str__" in {name for each in record.__mro__ if each is not object for name in vars(each)}


def named(record: type) -> str:
    """The name of a type in small letters: `host_alias`."""
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in record.__name__)[1:]


def _note(found: dict[str, Type], name: str, hint: object) -> None:
    hidden = name.startswith("_") or name in ("doubt", "via") or name.rpartition("_")[2] in ("span", "gap")
    type_ = None if hidden or hint is None else _type(hint)
    if type_ is not None:
        found[name] = type_


def _type(hint: object) -> Type | None:
    """The type that an annotation means; None for places, and what only the program itself needs."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return TEXT
    plain = _PLAIN.get(hint) if isinstance(hint, type) else None
    if plain is not None:
        return plain
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Known, Floating):
        return _type(arguments[0])
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is Literal:
        return TEXT if all(isinstance(each, str) for each in arguments) else None
    if origin in _LISTS:
        alike = len({*arguments} - {Ellipsis}) == 1
        of = _type(arguments[0]) if alike else None
        return None if of is None else Type("list", of=of)
    if origin in _MAPS:
        of = _type(arguments[1])
        if of is not None and of.records == (Variable,):
            return Type("list", of=of)  # variables are asked by their keys as they are, whatever holds them
        return None if of is None or arguments[0] not in (str, int) else Type("map", of=of)
    if isinstance(hint, TypeVar):
        return DYN
    if isinstance(hint, type) and issubclass(hint, Struct) and not issubclass(hint, (*_PLACES, *_SILENT)):
        return Type("record", records=(hint,))
    return None


def _union(arguments: tuple[object, ...]) -> Type | None:
    told = [each for each in arguments if each not in _SILENT]
    nullable = len(told) < len(arguments)
    found = list(dict.fromkeys(each for each in map(_type, told) if each is not None))
    nullable = nullable and not (len(told) + 1 == len(arguments) and Unknown in arguments)
    if not found:
        return None
    if len(found) == 1:
        return found[0]._replace(nullable=nullable or found[0].nullable)
    if all(each.kind == "record" for each in found):
        return Type("record", nullable, None, tuple(record for each in found for record in each.records))
    return DYN


@cache
def _names() -> dict[str, object]:
    """What annotations of the model may name; most of it is only imported for type checkers there."""
    named: dict[str, object] = {}
    for path, module in sorted(sys.modules.items()):
        if path.startswith(("policyengine.knowledge.", "policyengine.model.")):
            named.update((name, each) for name, each in vars(module).items() if not name.startswith("_"))
    for module in (typing, collections.abc):
        named.update((name, getattr(module, name)) for name in module.__all__)
    return named


def called(type_: Type) -> str:
    """A type with its article."""
    return f"{'an' if str(type_)[0] in 'AEIOU' else 'a'} {type_}"


def close(name: str, names: collections.abc.Iterable[str]) -> str:
    """What a name that is not there may have meant, as the end of a sentence."""
    names = sorted(names)
    found = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    if found:
        return f"did you mean {' or '.join(repr(each) for each in found)}?"
    return f"there are {', '.join(names)}" if names else "it has none"


_SCALARS = {"bool": "b", "int": "i", "double": "d", "string": "s"}


def code(type_: Type) -> str:
    """The name that stands for every fact of a type in the text for the check, two to three characters long."""
    if type_.kind in ("list", "map"):
        of = _SCALARS.get(type_.of.kind, "x") if type_.of is not None else "x"
        return f"_{type_.kind[0]}{of}"
    letter = _SCALARS.get(type_.kind, "x")
    return f"_{letter.upper()}" if type_.nullable and letter != "x" else f"_{letter}"


def codes() -> collections.abc.Iterator[tuple[str, Type]]:
    """Those names with their types."""
    scalars = [Type(kind) for kind in ("bool", "int", "double", "string")]
    for each in (*scalars, *(each._replace(nullable=True) for each in scalars), DYN):
        yield code(each), each
    for each in (*scalars, DYN):
        for around in (Type("list", of=each), Type("map", of=each)):
            yield code(around), around
