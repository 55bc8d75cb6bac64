"""What was read in a folder, as it stands in the tree around it: paths and ids of nodes begin with the folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.declaration import Declaration, Declarations
from policyengine.model.graph import Choice, Graph
from policyengine.model.source import ReadError, Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


def within(folder: str, node_id: str) -> str:
    """An id as it is in the tree around a folder: `compose:services.db` is `compose:shop/services.db` in `shop`."""
    kind, _, rest = node_id.partition(":")
    return f"{kind}:{folder}/{rest}"


class Moving:
    """Moves what was made of a folder into the tree around it; equal parts that were one thing stay one thing.

    `ids` are those of its nodes, `still` the types of what belongs to no tree.
    """

    def __init__(self, folder: str, ids: Iterable[str], still: tuple[type, ...] = ()) -> None:
        self._folder = folder
        self._ids = {each: within(folder, each) for each in ids}
        self._still = still
        self._done: dict[int, tuple[object, object]] = {}

    def __call__(self, value: T) -> T:
        """The value with all places and ids in it moved."""
        if type(value) is str:
            return cast("T", self._ids.get(str(value), value))
        if value is None or isinstance(value, (str, int, float, *self._still)):
            return value
        known = self._done.get(id(value))
        if known is None:
            known = self._done[id(value)] = (value, self._moved(value))
        return cast("T", known[1])

    def path(self, path: str) -> str:
        """A path; one of a file outside the tree, or of none, as it is."""
        return path if not path or path.startswith("/") else f"{self._folder}/{path}"

    def _moved(self, value: object) -> object:
        match value:
            case Span(path, start, end):
                return Span(self.path(path), start, end)
            case Source(path, text, bom):
                return Source(self.path(path), text, bom)
            case Choice(chosen=chosen, reason=reason) if "/" in chosen or "." in chosen:
                paths = ", ".join(self.path("" if each == "." else each) for each in chosen.split(", "))
                return replace(value, chosen=paths, reason=reason)
            case Graph():
                fields = {name: self(getattr(value, name)) for name in Graph.__struct_fields__ if name[0] != "_"}
                return Graph(**(fields | {"paths": tuple(map(self.path, value.paths))}))
            case Declaration():
                return self._declaration(value)
            case Declarations():
                return self._declarations(value)
            case Struct():
                return self._struct(value)
            case tuple() if hasattr(value, "_fields"):
                return type(value)(*map(self, value))
            case tuple() | frozenset():
                moved = type(value)(map(self, value))
                return value if all(map(_same, value, moved)) and isinstance(value, tuple) else moved
            case Mapping():
                entries = [(self(key), self(each)) for key, each in value.items()]
                return {each.path if isinstance(each, Source) else key: each for key, each in entries}
            case _:
                return value

    def _declaration(self, value: Declaration) -> Declaration:
        """The same, of which what is read later is moved too."""
        return replace(
            value,
            id=within(self._folder, value.id),
            within=value.within and within(self._folder, value.within),
            span=self(value.span),
            doubt=self(value.doubt),
            read=lambda key: self(value.get(key)),
            lead=lambda name: self(value.lead(name)),
            _known={},
        )

    def _declarations(self, value: Declarations) -> Declarations:
        made: dict[str, Declaration] = {}

        def moved(each: Declaration) -> Declaration:
            found = self(each)
            return made.setdefault(found.id, found)

        def made_of(node_id: str, span: Span) -> Declaration | None:
            kind, _, rest = node_id.partition(f":{self._folder}/")
            place = span._replace(path=span.path.removeprefix(f"{self._folder}/"))
            found = value.made_of(f"{kind}:{rest}", place) if rest else None
            return None if found is None else moved(found)

        return Declarations(
            value.kinds,
            lambda kind, type_: map(moved, value.of(kind, (type_,) if type_ else ())),
            made_of,
            made,
            lambda: map(self, value.sealed()),
            lambda: (ReadError(each.message, self(each.span), each.advice) for each in value.problems()),
        )

    def _struct(self, value: Struct) -> Struct:
        changed = {}
        for name in value.__struct_fields__:
            part = getattr(value, name)
            moved = self(part)
            if moved is not part:
                changed[name] = moved
        return replace(value, **changed) if changed else value


def _same(one: object, other: object) -> bool:
    return one is other
