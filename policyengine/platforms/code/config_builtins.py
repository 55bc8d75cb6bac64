"""What JavaScript's own functions make of values: texts, arrays, objects and conversions."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_values import ALWAYS, NOTHING, OPAQUE, Items, Lit, Record, Val, constant, mapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyengine.model.source import Span
    from policyengine.platforms.code.config_reads import Reader

_SAME_TRUTH = frozenset({"toLowerCase", "toString", "toUpperCase", "trim", "trimEnd", "trimStart", "valueOf"})
_TEXTS: dict[str, Callable[..., object]] = {
    "endsWith": lambda text, end: Lit(text.endswith(end)),
    "includes": lambda text, inside: Lit(inside in text),
    "split": lambda text, by: Items((constant(Lit(each)), (ALWAYS,)) for each in (text.split(by) if by else text)),
    "startsWith": lambda text, start: Lit(text.startswith(start)),
    "toLowerCase": lambda text: Lit(text.lower()),
    "toString": Lit,
    "toUpperCase": lambda text: Lit(text.upper()),
    "trim": lambda text: Lit(text.strip()),
    "trimEnd": lambda text: Lit(text.rstrip()),
    "trimStart": lambda text: Lit(text.lstrip()),
    "valueOf": Lit,
}
_COUNT = Lit(1.0, many=True)


def literal(text: str, span: Span) -> Lit:
    """A number, truth value or `null` as it is written."""
    if text in ("true", "false", "null"):
        return Lit({"true": True, "false": False, "null": None}[text], span, text)
    digits = text.replace("_", "").removesuffix("n")
    try:
        return Lit(float(int(digits, 0)), span, text)
    except ValueError:
        told = values.number(Lit(digits))
        return Lit(math.nan if told is None else told, span, text)


def keeps_truth(name: str) -> bool:
    """Whether a method of a text gives nothing only where the text is nothing, blanks aside."""
    return name in _SAME_TRUTH


def member(thing: object, name: str) -> Val:
    """`thing.name` of a text or an array."""
    match thing:
        case Lit(value=str() as text) if name == "length":
            return constant(Lit(float(len(text))))
        case Items() if name in ("length", "size"):
            sure = sum(guards == (ALWAYS,) for _, guards in thing.items)
            if sure:
                return constant(Lit(float(sure)) if thing.closed and sure == len(thing.items) else _COUNT)
            cases = tuple((guard, _COUNT) for _, guards in thing.items for guard in guards)
            return Val(cases, "falsy") if thing.closed else Val(cases)
        case Items() if name.isdigit():
            return item(thing, int(name))
        case Lit() | Items():
            return NOTHING
    return OPAQUE


def item(thing: object, index: int) -> Val:
    """An item of an array."""
    return thing.items[index][0] if isinstance(thing, Items) and index < len(thing.items) else OPAQUE


def method(reader: Reader, thing: object, name: str, given: list[Val]) -> Val:
    """`thing.name(given)` of a text, an array or nothing."""
    texts = [value.text for value in given]
    if isinstance(thing, Items):
        return _of_items(reader, thing, name, given)
    if isinstance(thing, Lit) and isinstance(thing.value, str) and name in _TEXTS and None not in texts:
        try:
            return constant(_TEXTS[name](thing.value, *texts))
        except TypeError:  # more or fewer arguments than the function takes
            return OPAQUE
    return NOTHING if thing is values.UNDEFINED else reader.unknown(given)


def _of_items(reader: Reader, thing: Items, name: str, given: list[Val]) -> Val:
    first = given[0] if given else OPAQUE
    match name:
        case "push" | "unshift":
            thing.items.extend((value, reader.frame.path) for value in given)
            return OPAQUE
        case "filter" | "some" | "every" | "find" | "findIndex":
            return _tested(reader, thing, name, first)
        case "map" | "flatMap" | "forEach":
            return constant(Items(_each(reader, thing, first), closed=thing.closed))
        case "reduce" if len(given) > 1:
            result = given[1]
            for value, guards in list(thing.items):
                result = reader.under(guards, partial(reader.call, first, [result, value]))
            return result
        case "includes" | "has" if thing.closed and None not in (wanted := {value.text for value, _ in thing.items}):
            return mapped(first, lambda each: Lit(each.value in wanted) if isinstance(each, Lit) else None, keeps=False)
        case "concat":
            lists = [each.only for each in given if isinstance(each.only, Items)]
            more = [each for one in lists for each in one.items]
            return constant(Items([*thing.items, *more], closed=thing.closed and len(lists) == len(given)))
        case "sort" | "reverse" | "flat" | "slice" | "values":
            return constant(thing)
    return values.made_of(reader.unknown(given), *(value for value, _ in thing.items))


def _each(reader: Reader, thing: Items, function: Val) -> list[tuple[Val, tuple[values.Guard, ...]]]:
    """What a function gives for each item."""
    return [
        (reader.under(guards, partial(reader.call, function, [value])), guards) for value, guards in list(thing.items)
    ]


def _tested(reader: Reader, thing: Items, name: str, function: Val) -> Val:
    """`filter`, `some`, `every` and `find`: the conditions under which an item passes."""
    wanted, exact = name != "every", thing.closed
    passed: list[tuple[Val, tuple[values.Guard, ...]]] = []
    for (value, guards), (told, _) in zip(list(thing.items), _each(reader, thing, function), strict=True):
        passed.append((value, values.product(guards, values.branch(reader.test(told), want=wanted))))
        exact = exact and told.rest != "any"
    if name == "filter":
        return constant(Items((each for each in passed if each[1]), closed=thing.closed))
    cases = [(guard, Lit(value=True)) for _, guards in passed for guard in guards if guard.absent or not guard.when]
    found = Val(tuple(cases), "falsy" if exact else "any")
    return found if wanted else values.negated(found)


def type_of(value: Val) -> Val:
    """`typeof value`. A variable that is set is a text."""
    kinds = mapped(value, _kind, keeps=False)._replace(read="")
    if not value.read:
        return kinds
    return values.merged(
        [((ALWAYS,), kinds._replace(rest="none")), (values.branch(value, want=True), constant(Lit("string")))]
    )


def _kind(thing: object) -> Lit | None:
    match thing:
        case Lit(value=bool()):
            return Lit("boolean")
        case Lit(value=str()):
            return Lit("string")
        case Lit(value=None) | Record() | Items() | values.Environment():
            return Lit("object")
        case Lit():
            return Lit("number")
        case values.Outside(path=("window",) | ("document",)):
            return Lit("undefined")
    return Lit("undefined") if thing is values.UNDEFINED else None


def signed(value: Val, sign: str) -> Val:
    """`-value` and `+value`."""

    def scaled(thing: object) -> Lit | None:
        told = values.number(thing)
        if told is None:
            return None
        own = (
            thing if isinstance(thing, Lit) and thing.span and thing.text and not isinstance(thing.value, str) else None
        )
        span = own.span._replace(start=own.span.start - 1) if own is not None and own.span is not None else None
        return Lit(-told if sign == "-" else told, span, sign + own.text if own is not None else "")

    return mapped(value, scaled, keeps=False)


def instance_of(value: Val) -> Val:
    """`value instanceof X`: an error that was caught is one of the kind that is asked for."""
    found = mapped(value, lambda thing: Lit(value=True) if isinstance(thing, values.Caught) else None, keeps=False)
    return found._replace(rest="falsy" if found.cases and value.rest != "any" else "any")


def call(reader: Reader, path: tuple[str, ...], given: list[Val]) -> Val | None:
    """A function of the language by its path, or None when it is none that is known."""
    first = given[0] if given else NOTHING
    thing = first.only
    match path:
        case ("Boolean",):
            return values.negated(values.negated(reader.test(first)))
        case ("Number" | "parseFloat" | "parseInt" | "BigInt",) | ("Number", "parseInt" | "parseFloat"):
            return _numbers(first, lambda told, each: Lit(told, *(each[1:3] if isinstance(each, Lit) else ())))
        case ("isNaN",) | ("Number", "isNaN"):
            return _numbers(first, lambda told, _: Lit(math.isnan(told)))
        case ("Number", "isInteger" | "isFinite" | "isSafeInteger") | ("isFinite",):
            return _numbers(first, lambda told, _: Lit(math.isfinite(told)))
        case ("String",):
            return mapped(first, lambda each: Lit("undefined") if each is values.UNDEFINED else each)
        case ("Object", "freeze" | "seal") | ("structuredClone",) | ("Promise", "resolve"):
            return first
        case ("Object", "assign"):
            if isinstance(thing, values.Environment):
                more = [each.only for each in given[1:]]
                names = [set(each.fields) if isinstance(each, Record) and not each.rest else {"*"} for each in more]
                reader.given.update(*names)
                return first
            record = Record()
            for value in given:
                reader.spread(record, value)
            return constant(record)
        case ("Object", "keys" | "values" | "entries" as what) if isinstance(thing, Record):
            return constant(listed(thing, what))
        case ("Object", "fromEntries") if isinstance(thing, Items):
            record = Record()
            record.rest.extend([] if thing.closed else [OPAQUE])
            for pair, _ in thing.items:
                key = item(pair.only, 0)
                if isinstance(key.only, Lit) and key.text is not None:
                    record.fields[key.text] = item(pair.only, 1)
                    record.names |= {key.text: key.only.span} if key.only.span else {}
            return constant(record)
        case ("JSON", "parse"):
            return values.made_of(reader.needs(first))
    return None


def _numbers(value: Val, function: Callable[[float, object], Lit]) -> Val:
    """A function of the number that each outcome is."""
    return mapped(
        value, lambda each: None if (told := values.number(each)) is None else function(told, each), keeps=False
    )


def listed(record: Record, what: str) -> Items:
    """The `keys`, `values` or `entries` of an object."""
    items: list[tuple[Val, tuple[values.Guard, ...]]] = []
    for name, value in record.fields.items():
        key = constant(Lit(name, record.names.get(name), name))
        pair = constant(Items([(key, (ALWAYS,)), (value, (ALWAYS,))]))
        items.append(({"keys": key, "values": value}.get(what, pair), (ALWAYS,)))
    return Items(items, closed=not record.rest)
