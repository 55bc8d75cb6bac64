"""Schemas of validation libraries: what they make of a value that is not there, and when they refuse it.

Zod, valibot, Joi, yup, arktype, TypeBox and their kin are followed as they run: a schema is given the variables, or an
object made of them, and says under which conditions it fails. What is not plain (an imported schema that cannot be
found, a condition, a check that is computed) fails under a condition, and is never guessed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge import validators
from policyengine.patterns import regex
from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_values import ALWAYS, OPAQUE, Environment, Guard, Items, Record, Val, constant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyengine.model.source import Span
    from policyengine.platforms.code.config_reads import Reader

DEEPEST = 8
"""How many objects or classes within one another are looked through."""

CONDITION = "it depends on a condition"
JUDGED_ELSEWHERE = Guard(when="whether a failure stops the program is not told here")
_STRICT_FORMAT = regex(r"url|uri|email|uuid|cuid|ulid|regex|startsWith|endsWith|includes|datetime|ip|length|jwt|base64")
_CONTEXT = constant(values.Outside("issue", (), "ctx"))


class Field(NamedTuple):
    """A key of an object's schema: where it stands, and its schema."""

    span: Span | None
    value: Val


class Schema(Struct, frozen=True, eq=False):
    """A schema. `missing` tells what becomes of nothing: `required`, `optional` (then `default`), `open` for `reason`.

    `anything` takes nothing as it is. `fields` makes it the schema of an object; `gap` says why there may be more of
    them. `before` prepares what is checked. `steps` follow: a `check`, `review` or `transform` by a function (a review
    tells by what it calls, not by its result), a `pipe` into another schema, names of which `any` must be there. `key`
    is the variable that a builder is about (env-var). `text` is the schema that makes a text of nothing, and refuses it
    only with a format.
    """

    library: str = ""
    missing: str = "required"
    reason: str = ""
    default: Val | None = None
    fields: dict[str, Field] | None = None
    gap: str = ""
    before: Val | None = None
    steps: tuple[tuple[str, Val], ...] = ()
    key: tuple[str, Span] | None = None
    text: bool = False


class Method(Struct, frozen=True, eq=False):
    """A method of a schema before it is called."""

    schema: Schema
    name: str


def schema_of(thing: object) -> Schema:
    """The schema that something is: one of a library, an object of schemas, a definition in words."""
    match thing:
        case Schema():
            return thing
        case Method(schema=schema):
            return schema
        case Record():
            fields = {
                name.removesuffix("?"): Field(
                    _without_mark(thing.names.get(name), name), _each(value, _optional) if name.endswith("?") else value
                )
                for name, value in thing.fields.items()
            }
            return Schema(fields=fields, gap="the schema is computed" if thing.rest else "")
        case values.Lit(value=str() as text):  # arktype: "string", "string | undefined", "number = 3000"
            return Schema("arktype", "optional" if "undefined" in text or "=" in text else "required")
        case values.Outside() if not thing.library:
            where = f"its schema comes from '{thing.name}', which is not in reach"
            return Schema(missing="open", reason=where, gap=where.replace("its", "the"))
        case _:
            return _OPEN


_OPEN = Schema(missing="open", reason="its schema is computed", gap="the schema is computed")


def _without_mark(span: Span | None, name: str) -> Span | None:
    return span._replace(end=span.end - 1) if span is not None and name.endswith("?") else span


def _optional(schema: Schema) -> Schema:
    return replace(schema, missing="optional")


def _each(value: Val, change: Callable[[Schema], Schema]) -> Val:
    """A schema with a change, in each of its outcomes."""
    if not value.cases:
        return constant(change(_OPEN))
    return value._replace(cases=tuple((guard, change(schema_of(thing))) for guard, thing in value.cases))


def record(schema: Schema) -> Record:
    """The schemas of an object's keys, as `.shape` and `.entries` give them."""
    fields = schema.fields or {}
    spans = {name: each.span for name, each in fields.items() if each.span is not None}
    made = Record({name: each.value for name, each in fields.items()}, spans)
    made.rest.extend([OPAQUE] if schema.gap else [])
    return made


def member(schema: Schema, name: str) -> Val:
    """`schema.name`."""
    if name in ("shape", "entries", "fields", "properties") and schema.fields is not None:
        return constant(record(schema))
    return constant(Method(schema, name))


# Checking


def check(reader: Reader, schema: Val, given: Val) -> tuple[Val, tuple[Guard, ...]]:
    """What a schema makes of a value, and under which conditions it refuses it."""
    several = [(guard, schema_of(thing)) for guard, thing in schema.cases] or [(ALWAYS, _OPEN)]
    if len({each.missing for _, each in several}) == 1 and several[0][1].missing != "open":
        several = [(ALWAYS, several[0][1])]
    outcomes = [(guard, *_checked(reader, each, given)) for guard, each in several]
    failures = [guard for guard, _, found in outcomes for guard in values.product((guard,), found)]
    return values.merged([((guard,), out) for guard, out, _ in outcomes]), tuple(failures)


def _checked(reader: Reader, schema: Schema, given: Val) -> tuple[Val, tuple[Guard, ...]]:
    if schema.before is not None:
        lacking = [guard for guard, thing in given.cases if thing is values.UNDEFINED]
        given = reader.call(schema.before, [given])
        if not given.cases and schema.missing == "required":
            return given, tuple(guard._replace(when="it is prepared before it is checked") for guard in lacking)
    if schema.fields is not None:
        return _object(reader, schema, given)
    cases: list[tuple[Guard, object]] = []
    failures: list[Guard] = []
    for guard, thing in given.cases:
        if (
            isinstance(thing, values.Lit)
            and isinstance(thing.value, float)
            and math.isnan(thing.value)
            and not schema.text
        ):
            failures.append(guard)
        elif thing is not values.UNDEFINED or schema.missing == "anything":
            cases.append((guard, thing))
        elif schema.missing == "optional":
            default = schema.default or values.NOTHING
            cases.extend((new, each) for other, each in default.cases if (new := values.both(guard, other)))
            for key in guard.absent if len(guard.absent) == 1 else ():
                reader.note(key, default=schema.default)
        elif schema.missing == "required":
            failures.append(guard)
        else:
            failures.append(guard._replace(when=schema.reason))
            cases.append((guard, thing))
    out = given._replace(cases=tuple(cases))
    for kind, function in schema.steps:
        out, found = _step(reader, kind, function, out)
        failures.extend(found)
    return out, tuple(failures)


def _step(reader: Reader, kind: str, function: Val, out: Val) -> tuple[Val, Sequence[Guard]]:
    """A check or a change of a value that was taken: what it is then, and when it is refused."""
    if kind == "pipe":
        return check(reader, function, out)
    failures: list[Guard] = []
    parts: list[tuple[Sequence[Guard], Val]] = []
    for guard, thing in out.cases:
        with reader.aside(guard) as found:
            result = reader.call(function, [constant(thing), _CONTEXT])
        failures.extend(found)
        if kind == "transform":
            failures.extend([guard] if result is values.NEVER else ())
            parts.append(((guard,), result))
            continue
        told = None if result.only is None else values.truth(result.only)
        if told is False and kind == "check":
            failures.append(guard)
        else:
            parts.append(((guard,), constant(thing)))
            if told is None and thing is values.UNDEFINED and result.rest != "none":
                failures.extend(values.product((guard,), values.branch(result, want=False)))
    if out.rest != "none":
        parts.append(((values.SOMETIMES,), out._replace(cases=(), rest="any" if kind == "transform" else out.rest)))
    return values.merged(parts)._replace(read="" if kind == "transform" else out.read), failures


def _object(reader: Reader, schema: Schema, given: Val) -> tuple[Val, tuple[Guard, ...]]:
    """Check an object key by key, then as a whole."""
    sources = [thing for thing in given.things if isinstance(thing, (Environment, Record))]
    failures = [guard for guard, thing in given.cases if thing is values.UNDEFINED and schema.missing == "required"]
    if not sources:
        return OPAQUE, tuple(failures)
    source = sources[-1]
    made = Record()
    for name, each in (schema.fields or {}).items():
        if isinstance(source, Record):
            value = reader.field(source, name, each.span)
            if value.read == name and each.span is not None:
                reader.told[name] = reader.told[name]._replace(span=each.span)
        else:
            value = reader.read(name, each.span, source) if each.span is not None else OPAQUE
        made.fields[name], found = check(reader, each.value, value)
        for key in value.keys:
            reader.note(key, reason="what is checked is computed", tested=bool(value.cases))
        failures.extend(found)
    out = constant(made)
    for kind, function in schema.steps:
        if kind == "any":
            names = [value.text or "" for value, _ in function.only.items] if isinstance(function.only, Items) else []
            failures.append(Guard(tuple(name for name in names if name)))
            continue
        if kind == "pipe":
            out, more = check(reader, function, out)
            failures.extend(more)
            continue
        with reader.aside() as collected:
            result = reader.call(function, [out, _CONTEXT])
        failures.extend(collected)
        if kind == "check":
            failures.extend(guard for guard in values.branch(reader.test(result), want=False) if guard.absent)
        elif kind == "transform":
            out = result
    return out, tuple(failures)


def concerns(value: Val, depth: int = 0) -> bool:
    """Whether a value is made of variables."""
    inside = [
        each for thing in value.things if isinstance(thing, Record) for each in (*thing.fields.values(), *thing.rest)
    ]
    own = bool(value.keys) or any(isinstance(thing, Environment) for thing in value.things)
    return own or (depth < DEEPEST and any(concerns(each, depth + 1) for each in inside))


def outcome(reader: Reader, schema: Val, given: Val, *, library: str, kind: str) -> Val:
    """What a check of variables gives: `strict` ones end the program, `lenient` ones tell, `raw` ones give either."""
    if not concerns(given):
        return OPAQUE
    out, failures = check(reader, schema, given)
    if any(isinstance(thing, (Environment, Record)) for thing in given.things):
        reader.gaps.extend(schema_of(thing).gap for thing in schema.things or [None] if schema_of(thing).gap)
    named = library or next((found for thing in schema.things if (found := _library(thing))), "zod")
    told = [guard._replace(check=guard.check or named) for guard in failures]
    told.append(Guard(when=values.INVALID, check=named))
    if kind == "strict":
        reader.stop(told)
        return out
    if kind == "raw":
        return values.merged([(told, constant(values.Caught())), ((ALWAYS,), out)])
    result = Record()
    refused = tuple((guard, values.Lit(value=False)) for guard in told)
    result.fields["success"] = Val(refused, "truthy")
    failed = Val(tuple((guard, values.Caught()) for guard in told), "falsy")
    result.fields |= dict.fromkeys(("error", "issues", "errors"), failed)
    taken = values.merged([(told, values.NOTHING), ((ALWAYS,), out)])
    result.fields |= dict.fromkeys(("data", "value", "output"), taken)
    result.failed = tuple(told)
    return constant(result)


def _library(thing: object) -> str:
    schema = schema_of(thing)
    inside = [it for each in (schema.fields or {}).values() for it in each.value.things]
    return schema.library or next((found for each in inside if (found := _library(each))), "")


# Making and changing


def make(library: str, path: Sequence[str], given: list[Val]) -> Val:
    """The schema that a function of a library makes: `z.string()`, `v.optional(…)`, `Joi.object(…)`."""
    name = path[-1] if path else "type"
    first, rest = (given[0], given[1:]) if given else (OPAQUE, [])
    match effect := validators.constructor(name):
        case "object":
            inside = schema_of(first.only) if given else _OPEN
            return constant(Schema(library, fields=inside.fields or {}, gap=inside.gap if given else ""))
        case "anything":
            return constant(Schema(library, "anything"))
        case "open":
            return constant(Schema(library, "open", f"its schema is a {name}"))
        case "union":
            return constant(_any_of(_listed(given)))
        case "all":
            return constant(_together(_listed(given)))
        case "transform" if isinstance(first.only, Schema) and rest:  # Valibot before 0.31
            return _each(first, lambda schema: changed(schema, effect, rest[:1]))
        case "transform" | "check" | "review":
            return constant(Schema(library, "optional", steps=((effect, first),)))
        case "preprocess":
            return _each(rest[0] if rest else OPAQUE, lambda schema: replace(schema, before=first))
        case "":
            pass
        case _:
            return _each(first, lambda schema: changed(schema, effect, rest, name))
    if library == "arktype":
        inside = schema_of(first.only)
        return constant(replace(inside, library=library))
    options = given[-1].only if given else None
    if library == "typebox" and isinstance(options, Record) and "default" in options.fields:
        return constant(Schema(library, "optional", default=options.fields["default"]))
    if "coerce" in path[:-1] and name in ("boolean", "string"):
        return constant(Schema(library, "anything", text=True))
    return constant(Schema(library, "optional" if library in ("joi", "yup") and name != "required" else "required"))


def changed(schema: Schema, effect: str, given: Sequence[Val], name: str = "") -> Schema:
    """A schema after a function or method, by what that does."""
    first = given[0] if given else None
    match effect:
        case "optional" | "default":
            passed = schema.missing == "required" and schema.library != "yup"  # nothing does not come to them
            kept = () if passed or name in ("default", "catch", "failover") else schema.steps  # Zod 4 passes them by
            default = OPAQUE if effect == "default" and first is None else first
            return replace(schema, missing="optional", default=default, steps=kept)
        case "required" if schema.fields is None:
            return replace(schema, missing="required", default=None)
        case "required":
            gap = "the schema is changed further" if given else ""
            return replace(_all_required(schema), gap=schema.gap or gap)
        case "or" | "alternatives" if schema.library == "joi":
            return replace(schema, steps=(*schema.steps, ("any", constant(Items((each, (ALWAYS,)) for each in given)))))
        case "or" if first is not None:
            return _any_of([schema, schema_of(first.only)])
        case "check" | "review" | "transform" | "pipe" if first is not None:
            called = next(
                (each for each in given if each.only is not None and not isinstance(each.only, values.Lit)), first
            )
            return replace(schema, steps=(*schema.steps, (effect, called)))
        case "same":
            steps = tuple(step for value in given for thing in value.things for step in schema_of(thing).steps)
            return replace(schema, steps=schema.steps + steps)
        case "inner":
            return replace(schema, missing="required", default=None)
        case "conditional":
            return replace(schema, missing="open", reason=CONDITION)
        case "presence" if first is not None and _presence(first):
            return _all_required(schema)
        case "merge" if first is not None and (schema.fields is not None or schema.gap):
            return _together([schema, schema_of(first.only)])
        case "partial" | "pick" | "omit" if schema.fields is not None:
            return replace(schema, fields=_selected(schema.fields, effect, None if first is None else first.only))
    strict = schema.text and _STRICT_FORMAT.match(name) is not None
    return replace(schema, missing="required", text=False) if strict else schema


def _selected(fields: dict[str, Field], effect: str, listed: object) -> dict[str, Field]:
    chosen = set(listed.fields) if isinstance(listed, Record) else set()
    if isinstance(listed, Items):
        chosen = {each.text or "" for each, _ in listed.items}
    if effect != "partial":
        return {key: each for key, each in fields.items() if (key in chosen) is (effect == "pick")}
    return {
        key: each._replace(value=_each(each.value, _optional)) if listed is None or key in chosen else each
        for key, each in fields.items()
    }


def _listed(given: Sequence[Val]) -> list[Schema]:
    last = given[-1].only if given else None
    members = [value for value, _ in last.items] if isinstance(last, Items) else given
    return [schema_of(member.only) for member in members] or [_OPEN]


def _together(schemas: Sequence[Schema]) -> Schema:
    """A schema that asks all that several do."""
    fields = {name: each for one in schemas for name, each in (one.fields or {}).items()}
    gap = next((one.gap for one in schemas if one.gap), "")
    return replace(schemas[0], fields=fields, gap=gap, steps=tuple(step for one in schemas for step in one.steps))


def _any_of(schemas: Sequence[Schema]) -> Schema:
    """A schema that takes what one of several does."""
    if all(one.fields is None for one in schemas):
        ease = ["anything", "optional", "open", "required"]
        return min(schemas, key=lambda one: ease.index(one.missing))
    fields: dict[str, Field] = {}
    for name in dict.fromkeys(name for one in schemas for name in one.fields or {}):
        own = [one.fields[name] for one in schemas if one.fields and name in one.fields]
        told = {schema_of(each.value.only).missing for each in own}
        told |= {"optional"} if len(own) < len(schemas) else set()
        depends = own[0]._replace(value=constant(Schema(schemas[0].library, "open", CONDITION)))
        fields[name] = own[0] if len(told) == 1 else depends
    return replace(schemas[0], fields=fields, gap=next((one.gap for one in schemas if one.gap), ""))


def _all_required(schema: Schema) -> Schema:
    """A schema whose keys must be there unless they have a default."""

    def asked(each: Schema) -> Schema:
        return replace(each, missing="required") if each.missing == "optional" and each.default is None else each

    fields = {key: each._replace(value=_each(each.value, asked)) for key, each in (schema.fields or {}).items()}
    return replace(schema, fields=fields)


def _presence(value: Val) -> bool:
    options = value.only
    return isinstance(options, Record) and options.fields.get("presence", OPAQUE).text == "required"


def method(reader: Reader, schema: Schema, name: str, given: list[Val]) -> Val:
    """`schema.name(given)`."""
    everything = constant(Environment())
    if schema.library == "convict":
        if name == "validate":
            outcome(reader, constant(schema), everything, library="convict", kind="strict")
        return OPAQUE if name in ("get", "getProperties", "default", "has") else constant(schema)
    if schema.key is not None:  # env.get("PORT").required().asInt() of env-var
        if name.startswith("as"):
            value = reader.read(*schema.key, Environment())
            return outcome(reader, constant(replace(schema, key=None)), value, library="env-var", kind="strict")
        asked = not (given and values.truth(given[0].only) is False)
        effect = "" if name == "required" and not asked else name
        return constant(changed(schema, effect if effect in ("required", "default") else "", given))
    calls = validators.call(name) if name else "raw" if schema.library == "arktype" else ""
    if calls and given:
        if schema.library == "joi" and any(_presence(each) for each in given[1:]):
            schema = _all_required(schema)
        calls = "strict" if schema.library == "yup" else calls
        return outcome(reader, constant(schema), given[0], library=schema.library, kind=calls)
    return constant(changed(schema, validators.method(name), given, name))
