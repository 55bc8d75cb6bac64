"""Collections. Functions that only move elements keep each element's place and history, and what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Known, Unknown, is_secret
from policyengine.platforms.terraform.language.characters import clusters
from policyengine.platforms.terraform.language.coercion import convert
from policyengine.platforms.terraform.language.functions.calling import (
    Calling,
    HclFunction,
    PlainFunction,
    TreeFunction,
    as_list,
    as_object,
)
from policyengine.platforms.terraform.language.kinds import ANY, ANY_LIST, STRINGS, CollectionKind, unify
from policyengine.platforms.terraform.language.plain import Invalid, PlainSet, equal, sort_key, to_string
from policyengine.platforms.terraform.language.secrecy import named
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
    key_of,
    kind_of,
    null,
    plain,
    through,
    unknown_of,
)

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.numbers import Number
    from policyengine.platforms.terraform.language.plain import Plain


def _length(calling: Calling, given: Tree) -> Tree:
    match given:
        case List(items, gap=None):
            return Known(len(items), calling.span, given.via)
        case Object(entries, gap=None):
            return Known(len(entries), calling.span, given.via)
        case Known(None):
            raise Invalid("length() takes no null")
        case Known() | Composite() | Encoded() if decided(given):
            value = plain(given)
            if not isinstance(value, str):
                raise Invalid("length() takes a string or a collection")
            return Known(len(clusters(value)), calling.span, history(given))
        case _:
            return unknown_of(given)


def _element(calling: Calling, source: List, index: Number) -> Tree:
    del calling
    if source.gap is not None:
        return through(source.gap, *source.via)
    if not source.items:
        raise Invalid("element() takes no empty list")
    if source.unordered:
        raise Invalid("element() takes no set")
    if not isinstance(index, int) or (index < 0 and index % len(source.items)):
        raise Invalid("element() takes a whole number that is not negative")
    return source.items[index % len(source.items)]


def _lookup(calling: Calling, source: Tree, key: str, *default: Tree) -> Tree:
    if isinstance(source, InstanceTree):
        return source.look(key, calling.span)
    found = as_object(source, "lookup")
    if isinstance(found, Unknown):
        return found
    if key in found.entries:
        return named(found.entries[key], key, calling.span)
    if found.gap is not None:
        return through(found.gap, *found.via)
    if not default:
        raise Invalid(f"a map has no element {key!r}")
    return default[0] if found.element is None else convert(default[0], found.element)


def _keys(calling: Calling, source: Object) -> Tree:
    found = tuple(key_of(source, key) for key in _sorted(source))
    return List(found, calling.span, gap=source.gap, element=None if source.element is None else "string")


def _values(calling: Calling, source: Object) -> Tree:
    found = tuple(source.entries[key] for key in _sorted(source))
    return List(found, calling.span, gap=source.gap, element=source.element)


def _sorted(source: Object) -> list[str]:
    return sorted(source.entries, key=lambda key: key.encode("utf-8", "surrogatepass"))


def _merge(calling: Calling, *arguments: Tree) -> Tree:
    entries: dict[str, Tree] = {}
    keys: dict[str, Span] = {}
    hidden: frozenset[str] = frozenset()
    gap: Unknown | None = None
    for argument in arguments:
        if null(argument):
            continue
        source = unknown_of(argument) if not isinstance(argument, Object) else as_object(argument, "merge")
        if isinstance(source, Unknown):
            if decided(argument):
                raise Invalid("merge() takes maps")
            gap = source
            entries = _overridable(entries, gap)
            continue
        if source.gap is not None:
            gap = source.gap
            entries = _overridable(entries, gap)
        entries.update(source.entries)
        keys.update(source.keys)
        hidden |= source.hidden
        for key in source.entries:
            keys.setdefault(key, source.span)
    kinds = {repr(each.element): each.element for each in arguments if isinstance(each, Object)}
    of_maps = len(kinds) == 1 and all(isinstance(each, Object) for each in arguments)
    element = kinds.popitem()[1] if of_maps else None
    return Object(entries, calling.span, keys=keys, gap=gap, element=element, hidden=hidden)


def _overridable(entries: dict[str, Tree], gap: Unknown) -> dict[str, Tree]:
    """Entries that an unknown map may override."""
    reason = gap.reason if gap.reason.startswith("an unknown map") else f"an unknown map may override it: {gap.reason}"
    return {key: Unknown(reason, each.span, (*each.via, *gap.via)) for key, each in entries.items()}


def _concat(calling: Calling, *arguments: Tree) -> Tree:
    items: list[Tree] = []
    gap: Unknown | None = None
    for argument in arguments:
        source = unknown_of(argument) if not isinstance(argument, List) else as_list(argument, "concat")
        if isinstance(source, Unknown):
            if decided(argument):
                raise Invalid("concat() takes lists")
            gap = gap or source
        else:
            if source.unordered:
                raise Invalid("concat() takes no set")
            items.extend(source.items)
            gap = gap or source.gap
    found = List(tuple(items), calling.span, gap=gap)
    if all(isinstance(each, List) and each.element is not None for each in arguments):
        return convert(found, ANY_LIST)
    return found


def _flatten(calling: Calling, source: List) -> Tree:
    items: list[Tree] = []
    gap = source.gap
    stack: list[Tree] = list(reversed(source.items))
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


def _distinct(calling: Calling, source: List) -> Tree:
    found: dict[object, Tree] = {}
    gap = source.gap
    for number, item in enumerate(source.items):
        key: object = sort_key(plain(item)) if decided(item) else ("unknown", number)
        if gap is None and len(source.items) > 1 and not decided(item):
            gap = unknown_of(item)  # it may be equal to another
        found.setdefault(key, item)
    return List(tuple(found.values()), calling.span, gap=gap, element=source.element)


def _compact(calling: Calling, source: List) -> Tree:
    gap = source.gap
    items: list[Tree] = []
    for item in source.items:
        if isinstance(item, Unknown):
            gap = gap or item
        elif not decided(item) or plain(item) not in ("", None):
            items.append(convert(item, "string"))
    return List(tuple(items), calling.span, gap=gap, element="string")


def _contains(calling: Calling, source: List, wanted: Tree) -> Tree:
    if not decided(wanted):
        return unknown_of(wanted)
    if null(wanted):
        raise Invalid("contains() takes no null")
    kind, sought = kind_of(wanted), plain(wanted)
    found = any(decided(item) and kind_of(item) == kind and equal(plain(item), sought) for item in source.items)
    if not found and not decided(source):
        return unknown_of(source)
    return Known(value=found, span=calling.span, via=history(source, wanted))


def _index(values: list[Plain], wanted: Plain) -> int:
    if isinstance(values, PlainSet):
        raise Invalid("index() takes no set")
    for number, value in enumerate(values):
        if equal(value, wanted):
            return number
    raise Invalid("index() does not find the value")


def _coalesce(calling: Calling, *arguments: Tree) -> Tree:
    del calling
    kind = unify(["string" if isinstance(each, Reference) else kind_of(each) for each in arguments])
    if kind is None:
        raise Invalid("the arguments of coalesce() have no type in common")
    for argument in arguments:
        if isinstance(argument, Unknown):
            return argument
        if null(argument) or (kind == "string" and isinstance(argument, Known) and argument.value == ""):
            continue
        return convert(argument, kind)
    raise Invalid("coalesce() has only null or empty arguments")


def _coalescelist(calling: Calling, *arguments: Tree) -> Tree:
    del calling
    for argument in arguments:
        fits = isinstance(argument, List) and not argument.unordered
        if not fits and (decided(argument) or isinstance(argument, List | Object)):
            raise Invalid("coalescelist() takes lists")
    for argument in arguments:
        if not isinstance(argument, List):
            return unknown_of(argument)
        if argument.items:
            return argument
        if argument.gap is not None:
            return argument.gap
    raise Invalid("coalescelist() has only empty arguments")


# composition


def _zipmap(calling: Calling, names: List, values: List) -> Tree:
    gap = names.gap or values.gap
    if len(names.items) != len(values.items) and gap is None:
        raise Invalid("zipmap() takes lists of one length")
    entries: dict[str, Tree] = {}
    keys: dict[str, Span] = {}
    hidden: set[str] = set()
    for name, value in zip(names.items, values.items, strict=False):
        if decided(name):
            key = to_string(plain(name))
            entries[key], keys[key] = value, name.span
            if is_secret(history(name)):
                hidden.add(key)
        else:
            gap = gap or unknown_of(name)
    return Object(entries, calling.span, keys=keys, gap=gap, element=values.element, hidden=frozenset(hidden))


def _slice(calling: Calling, source: List, start: Number, end: Number) -> Tree:
    if source.gap is not None:
        return source.gap
    if source.unordered:
        raise Invalid("slice() takes a list")
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start <= end <= len(source.items)):
        raise Invalid("slice() is out of bounds")
    return List(source.items[start:end], calling.span, element=source.element)


def _reverse(calling: Calling, source: List) -> Tree:
    return List(tuple(reversed(source.items)), calling.span, gap=source.gap, element=source.element)


def _chunklist(calling: Calling, source: List, size: Number) -> Tree:
    if not isinstance(size, int) or size < 0:
        raise Invalid("chunklist() takes a whole number")
    kind = CollectionKind("list", source.element or ANY)
    width = size or max(len(source.items), 1)
    starts = range(0, len(source.items), width)
    chunks = tuple(List(source.items[at : at + width], calling.span, element=source.element) for at in starts)
    return List(chunks, calling.span, gap=source.gap, element=kind)


def _one(calling: Calling, source: List) -> Tree:
    if source.gap is not None:
        return source.gap
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


def _matchkeys(calling: Calling, values: List, keys: List, wanted: List) -> Tree:
    unknown = next((each for each in (values, keys, wanted) if each.gap is not None), None) or next(
        (each for each in (*keys.items, *wanted.items) if not decided(each)), None
    )
    if unknown is not None:
        return unknown_of(unknown)
    if len(values.items) != len(keys.items):
        raise Invalid("matchkeys() takes lists of one length")
    kind = CollectionKind("list", unify([keys.element or ANY, wanted.element or ANY]) or ANY)
    sought = {sort_key(plain(each)) for each in convert(wanted, kind).items}
    pairs = zip(values.items, convert(keys, kind).items, strict=True)
    found = tuple(value for value, key in pairs if sort_key(plain(key)) in sought)
    return List(found, calling.span, element=values.element)


FUNCTIONS: dict[str, HclFunction] = {
    "length": TreeFunction("T", _length),
    "element": TreeFunction("Ln", _element),
    "lookup": TreeFunction("Ts?T", _lookup),
    "keys": TreeFunction("M", _keys),
    "values": TreeFunction("M", _values),
    "merge": TreeFunction("T*", _merge, gaps=True),
    "concat": TreeFunction("TT*", _concat, gaps=True),
    "flatten": TreeFunction("L", _flatten),
    "distinct": TreeFunction("C", _distinct),
    "compact": TreeFunction("L", _compact),
    "contains": TreeFunction("LT", _contains),
    "index": PlainFunction("la", _index),
    "coalesce": TreeFunction("TT*", _coalesce),
    "coalescelist": TreeFunction("TT*", _coalescelist),
    "zipmap": TreeFunction("LL", _zipmap),
    "slice": TreeFunction("Lnn", _slice),
    "reverse": TreeFunction("L", _reverse),
    "chunklist": TreeFunction("Cn", _chunklist),
    "one": TreeFunction("L", _one),
    "transpose": PlainFunction("m", _transpose, gives=CollectionKind("map", STRINGS)),
    "matchkeys": TreeFunction("CCC", _matchkeys),
}
