"""Collections. Functions that only move elements keep each element's place and history, and what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.functions.calling import Calling, Handler, PlainFunction, TreeFunction
from policyengine.platforms.terraform.language.functions.strings import clusters
from policyengine.platforms.terraform.language.operators import shared
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    Instance,
    Invalid,
    List,
    Object,
    Reference,
    Tree,
    Undecided,
    as_set,
    decided,
    equal,
    history,
    plain,
    sort_key,
    through,
    to_bool,
    to_number,
    to_string,
    unknown_of,
)

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.values import Plain

LARGEST = 100_000


def _null(tree: Tree) -> bool:
    return isinstance(tree, Known) and tree.value is None


def as_list(tree: Tree, name: str) -> List:
    """An argument that is a list or set. Raises Invalid, Undecided."""
    match tree:
        case List():
            return replace(tree, items=tuple(through(item, *tree.via) for item in tree.items)) if tree.via else tree
        case Known() | Composite() | Encoded() | Object():
            raise Invalid(f"{name}() takes lists")
        case _:
            raise Undecided(unknown_of(tree))


def _object(tree: Tree, name: str) -> Object:
    match tree:
        case Object(entries, span, via, keys, gap):
            if not via:
                return tree
            return Object({key: through(each, *via) for key, each in entries.items()}, span, via, keys, gap)
        case Known() | Composite() | Encoded() | List():
            raise Invalid(f"{name}() takes maps")
        case _:
            raise Undecided(unknown_of(tree))


def _length(arguments: list[Tree], calling: Calling) -> Tree:
    first = arguments[0]
    match first:
        case List(items, gap=None):
            return Known(len(items), calling.span, first.via)
        case Object(entries, gap=None):
            return Known(len(entries), calling.span, first.via)
        case Known(None):
            raise Invalid("length() takes no null")
        case Known() | Composite() | Encoded():
            value = plain(first)
            if not isinstance(value, str):
                raise Invalid("length() takes a string or a collection")
            return Known(len(clusters(value)), calling.span, history(first))
        case _:
            raise Undecided(unknown_of(first))


def _element(arguments: list[Tree], calling: Calling) -> Tree:
    items = as_list(arguments[0], "element")
    if items.gap is not None:
        return through(items.gap, *items.via)
    index = to_number(plain(arguments[1]))
    if not items.items:
        raise Invalid("element() takes no empty list")
    if not isinstance(index, int) or index < 0:
        raise Invalid("element() takes a whole number that is not negative")
    del calling
    return items.items[index % len(items.items)]


def _lookup(arguments: list[Tree], calling: Calling) -> Tree:
    source = arguments[0]
    if not isinstance(source, Object):
        if isinstance(source, Instance):
            return source.look(to_string(plain(arguments[1])), calling.span)
        return unknown_of(_object(source, "lookup"))
    key = to_string(plain(arguments[1]))
    if key in source.entries:
        return through(source.entries[key], *source.via)
    if source.gap is not None:
        return through(source.gap, *source.via)
    if len(arguments) < 3:
        raise Invalid(f"a map has no element {key!r}")
    return arguments[2]


def _keys(arguments: list[Tree], calling: Calling) -> Tree:
    source = _object(arguments[0], "keys")
    found = tuple(Known(key, source.keys.get(key, source.span), source.via) for key in _sorted(source))
    return List(found, calling.span, gap=source.gap)


def _values(arguments: list[Tree], calling: Calling) -> Tree:
    source = _object(arguments[0], "values")
    return List(tuple(source.entries[key] for key in _sorted(source)), calling.span, gap=source.gap)


def _sorted(source: Object) -> list[str]:
    return sorted(source.entries, key=lambda key: key.encode("utf-8", "surrogatepass"))


def _merge(arguments: list[Tree], calling: Calling) -> Tree:
    entries: dict[str, Tree] = {}
    keys: dict[str, Span] = {}
    gap: Unknown | None = None
    for argument in arguments:
        if _null(argument):
            continue
        if isinstance(argument, Object):
            source = _object(argument, "merge")
            if source.gap is not None:
                gap = source.gap
                entries = _overridable(entries, gap)
            entries.update(source.entries)
            keys.update(source.keys)
            for key in source.entries:
                keys.setdefault(key, source.span)
        elif decided(argument):
            raise Invalid("merge() takes maps")
        else:
            gap = unknown_of(argument)
            entries = _overridable(entries, gap)
    return Object(entries, calling.span, keys=keys, gap=gap)


def _overridable(entries: dict[str, Tree], gap: Unknown) -> dict[str, Tree]:
    """Entries that an unknown map may override."""
    reason = gap.reason if gap.reason.startswith("an unknown map") else f"an unknown map may override it: {gap.reason}"
    return {key: Unknown(reason, each.span, (*each.via, *gap.via)) for key, each in entries.items()}


def _concat(arguments: list[Tree], calling: Calling) -> Tree:
    items: list[Tree] = []
    gap: Unknown | None = None
    for argument in arguments:
        if isinstance(argument, List):
            source = as_list(argument, "concat")
            items.extend(source.items)
            gap = gap or source.gap
        elif decided(argument):
            raise Invalid("concat() takes lists")
        else:
            gap = gap or unknown_of(argument)
    return List(tuple(items), calling.span, gap=gap)


def _flatten(arguments: list[Tree], calling: Calling) -> Tree:
    items: list[Tree] = []
    first = as_list(arguments[0], "flatten")
    gap = first.gap
    stack: list[Tree] = list(reversed(first.items))
    while stack:
        item = stack.pop()
        if isinstance(item, List):
            gap = gap or item.gap
            stack.extend(reversed([through(each, *item.via) for each in item.items]))
        elif isinstance(item, Unknown):
            gap = gap or item
        else:
            items.append(item)
    return List(tuple(items), calling.span, gap=gap)


def _distinct(arguments: list[Tree], calling: Calling) -> Tree:
    source = as_list(arguments[0], "distinct")
    found: dict[object, Tree] = {}
    for number, item in enumerate(shared(source.items)):
        key: object = sort_key(plain(item)) if decided(item) else ("unknown", number)
        found.setdefault(key, item)
    return List(tuple(found.values()), calling.span, gap=source.gap)


def _compact(arguments: list[Tree], calling: Calling) -> Tree:
    source = as_list(arguments[0], "compact")
    gap = source.gap
    items: list[Tree] = []
    for item in source.items:
        if isinstance(item, Unknown):
            gap = gap or item
        elif isinstance(item, Known) and item.value not in ("", None):
            items.append(Known(to_string(item.value), item.span, item.via))
        elif not isinstance(item, Known) and (not decided(item) or plain(item) != ""):
            items.append(item)
    return List(tuple(items), calling.span, gap=gap)


def _contains(arguments: list[Tree], calling: Calling) -> Tree:
    source = as_list(arguments[0], "contains")
    wanted = plain(arguments[1])
    for item in source.items:
        if decided(item) and equal(plain(item), wanted):
            return Known(value=True, span=calling.span, via=history(*arguments))
    if not decided(source):
        raise Undecided(unknown_of(source))
    return Known(value=False, span=calling.span, via=history(*arguments))


def _alike(one: Plain, other: Plain) -> bool:
    """Equality after conversion of primitives, as element types are unified."""
    if equal(one, other):
        return True
    atoms = (str, bool, int)
    if isinstance(one, atoms) and isinstance(other, atoms) and (isinstance(one, str) or isinstance(other, str)):
        return to_string(one) == to_string(other)
    return False


def _index(values: list[Plain], wanted: Plain) -> int:
    for number, value in enumerate(values):
        if equal(value, wanted):
            return number
    raise Invalid("index() does not find the value")


def _coalesce(arguments: list[Tree], calling: Calling) -> Tree:
    del calling
    texts = any(isinstance(each, Composite | Encoded | Reference) or _is_text(each) for each in arguments)
    for argument in arguments:
        if isinstance(argument, Unknown):
            return argument
        if _null(argument) or (
            isinstance(argument, Known) and argument.value == "" and isinstance(argument.value, str)
        ):
            continue
        if texts and isinstance(argument, Known) and not isinstance(argument.value, str):
            return Known(to_string(argument.value), argument.span, argument.via)
        return argument
    raise Invalid("coalesce() has only null or empty arguments")


def _is_text(tree: Tree) -> bool:
    return isinstance(tree, Known) and isinstance(tree.value, str)


def _coalescelist(arguments: list[Tree], calling: Calling) -> Tree:
    del calling
    for argument in arguments:
        if not isinstance(argument, List | Object):
            if decided(argument):
                raise Invalid("coalescelist() takes lists")
            raise Undecided(unknown_of(argument))
        filled = argument.items if isinstance(argument, List) else argument.entries
        if filled:
            return argument
        if argument.gap is not None:
            return argument.gap
    raise Invalid("coalescelist() has only empty arguments")


# conversions


def _tolist(arguments: list[Tree], calling: Calling) -> Tree:
    if _null(arguments[0]):
        return arguments[0]
    source = as_list(arguments[0], "tolist")
    return List(shared(source.items), calling.span, gap=source.gap)


def _toset(arguments: list[Tree], calling: Calling) -> Tree:
    if _null(arguments[0]):
        return arguments[0]
    source = as_list(arguments[0], "toset")
    return as_set(shared(source.items), calling.span, gap=source.gap)


def _tomap(arguments: list[Tree], calling: Calling) -> Tree:
    if _null(arguments[0]):
        return arguments[0]
    source = _object(arguments[0], "tomap")
    values = shared(tuple(source.entries.values()))
    return Object(dict(zip(source.entries, values, strict=True)), calling.span, keys=source.keys, gap=source.gap)


def _tostring(arguments: list[Tree], calling: Calling) -> Tree:
    del calling
    first = arguments[0]
    match first:
        case Known(None) | Composite() | Encoded() | Reference() | Unknown():
            return first
        case Known(value, span, via):
            return Known(to_string(value), span, via)
        case _:
            raise Invalid("tostring() takes a primitive value")


def _tonumber(arguments: list[Tree], calling: Calling) -> Tree:
    del calling
    first = arguments[0]
    if _null(first) or isinstance(first, Reference):
        return first
    return Known(to_number(plain(first)), first.span, history(first))


def _tobool(arguments: list[Tree], calling: Calling) -> Tree:
    del calling
    first = arguments[0]
    if _null(first) or isinstance(first, Reference):
        return first
    return Known(to_bool(plain(first)), first.span, history(first))


# composition


def _zipmap(arguments: list[Tree], calling: Calling) -> Tree:
    names, values = as_list(arguments[0], "zipmap"), as_list(arguments[1], "zipmap")
    gap = names.gap or values.gap
    if len(names.items) != len(values.items) and gap is None:
        raise Invalid("zipmap() takes lists of one length")
    entries: dict[str, Tree] = {}
    keys: dict[str, Span] = {}
    for name, value in zip(names.items, values.items, strict=False):
        if decided(name):
            key = to_string(plain(name))
            entries[key], keys[key] = value, name.span
        else:
            gap = gap or unknown_of(name)
    return Object(entries, calling.span, keys=keys, gap=gap)


def _slice(arguments: list[Tree], calling: Calling) -> Tree:
    source = as_list(arguments[0], "slice")
    start, end = to_number(plain(arguments[1])), to_number(plain(arguments[2]))
    if source.gap is not None:
        raise Undecided(source.gap)
    if source.unordered:
        raise Invalid("slice() takes a list")
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start <= end <= len(source.items)):
        raise Invalid("slice() is out of bounds")
    return List(source.items[start:end], calling.span)


def _reverse(arguments: list[Tree], calling: Calling) -> Tree:
    source = as_list(arguments[0], "reverse")
    return List(tuple(reversed(source.items)), calling.span, gap=source.gap)


def _chunklist(arguments: list[Tree], calling: Calling) -> Tree:
    source = as_list(arguments[0], "chunklist")
    size = to_number(plain(arguments[1]))
    if not isinstance(size, int) or size < 0:
        raise Invalid("chunklist() takes a whole number")
    if not source.items:
        return List((), calling.span, gap=source.gap)
    width = size or len(source.items)
    chunks = tuple(List(source.items[at : at + width], calling.span) for at in range(0, len(source.items), width))
    return List(chunks, calling.span, gap=source.gap)


def _one(arguments: list[Tree], calling: Calling) -> Tree:
    source = as_list(arguments[0], "one")
    if source.gap is not None:
        raise Undecided(source.gap)
    if len(source.items) > 1:
        raise Invalid("one() takes at most one element")
    return source.items[0] if source.items else Known(None, calling.span)


def _transpose(source: dict[str, Plain]) -> dict[str, Plain]:
    found: dict[str, list[Plain]] = {}
    for key in sorted(source):
        values = source[key]
        if not isinstance(values, list):
            raise Invalid("transpose() takes a map of lists")
        for value in values:
            found.setdefault(to_string(value), []).append(key)
    return {key: sorted(found[key], key=str) for key in sorted(found)}


def _matchkeys(values: list[Plain], keys: list[Plain], wanted: list[Plain]) -> list[Plain]:
    if len(values) != len(keys):
        raise Invalid("matchkeys() takes lists of one length")
    pairs = zip(values, keys, strict=True)
    return [value for value, key in pairs if any(_alike(key, each) for each in wanted)]


def _same(arguments: list[Tree], calling: Calling) -> Tree:
    del calling
    return arguments[0]


def _issensitive(arguments: list[Tree], calling: Calling) -> Tree:
    return Unknown("whether a value is sensitive is not followed", calling.span, arguments[0].via)


def _list_function(arguments: list[Tree], calling: Calling) -> Tree:
    return List(tuple(arguments), calling.span)


def _map_function(arguments: list[Tree], calling: Calling) -> Tree:
    pairs = zip(arguments[::2], arguments[1::2], strict=False)
    return Object({to_string(plain(key)): value for key, value in pairs}, calling.span)


FUNCTIONS: dict[str, Handler] = {
    "length": TreeFunction(_length, 1, 1),
    "element": TreeFunction(_element, 2, 2),
    "lookup": TreeFunction(_lookup, 2, 3),
    "keys": TreeFunction(_keys, 1, 1),
    "values": TreeFunction(_values, 1, 1),
    "merge": TreeFunction(_merge, 0, gaps=True),
    "concat": TreeFunction(_concat, 1, gaps=True),
    "flatten": TreeFunction(_flatten, 1, 1),
    "distinct": TreeFunction(_distinct, 1, 1),
    "compact": TreeFunction(_compact, 1, 1),
    "contains": TreeFunction(_contains, 2, 2),
    "index": PlainFunction("la", _index),
    "coalesce": TreeFunction(_coalesce, 1),
    "coalescelist": TreeFunction(_coalescelist, 1),
    "tolist": TreeFunction(_tolist, 1, 1),
    "toset": TreeFunction(_toset, 1, 1),
    "tomap": TreeFunction(_tomap, 1, 1),
    "tostring": TreeFunction(_tostring, 1, 1),
    "tonumber": TreeFunction(_tonumber, 1, 1),
    "tobool": TreeFunction(_tobool, 1, 1),
    "zipmap": TreeFunction(_zipmap, 2, 2),
    "slice": TreeFunction(_slice, 3, 3),
    "reverse": TreeFunction(_reverse, 1, 1),
    "chunklist": TreeFunction(_chunklist, 2, 2),
    "one": TreeFunction(_one, 1, 1),
    "transpose": PlainFunction("m", _transpose),
    "matchkeys": PlainFunction("lll", _matchkeys),
    "sensitive": TreeFunction(_same, 1, 1),
    "nonsensitive": TreeFunction(_same, 1, 1),
    "ephemeralasnull": TreeFunction(_same, 1, 1),
    "issensitive": TreeFunction(_issensitive, 1, 1),
    "list": TreeFunction(_list_function, 0),
    "map": TreeFunction(_map_function, 0),
}
