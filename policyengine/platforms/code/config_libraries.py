"""Libraries that check the environment by a call of their own: T3 Env, envalid, convict, Nest, Fastify and others."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from policyengine.knowledge import validators
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.platforms.code import config_schema as schemas
from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_schema import CONDITION, DEEPEST, Field, Method, Schema, outcome
from policyengine.platforms.code.config_values import NOTHING, OPAQUE, Items, Lit, Outside, Record, Val, constant, truth
from policyengine.syntax.typescript import children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Span
    from policyengine.platforms.code.config_reads import Reader

_ALL = constant(values.Environment())
_RUNTIMES = ("runtimeEnvStrict", "runtimeEnv", "experimental__runtimeEnv", "envStrict", "env")


def call(reader: Reader, function: Outside, given: list[Val], span: Span | None) -> Val | None:
    """What a function of a library gives, or None when it is none that is known."""
    library, path = function.library, function.path
    name = path[-1] if path else ""
    first, second = (*given, NOTHING, NOTHING)[:2]
    match library:
        case "" if name == "forRoot" and isinstance(first.only, Record):
            return _nest(reader, first.only)
        case "":
            effect = validators.method(name) if path and name != function.name else ""
            if effect not in ("optional", "default"):
                return None
            return constant(schemas.changed(schemas.schema_of(function), effect, given, name))
        case "issue":
            reader.stop() if name in ("addIssue", "push", "addError") else None
            return NOTHING
        case "t3-env" | "envin" if isinstance(first.only, Record):
            return _tables(reader, first.only, library, span)
        case "t3-env" | "envin":
            return OPAQUE
        case "envalid":
            return _envalid(reader, name, given)
        case "convict":
            return _convict(reader, name, first)
        case "env-var":
            key = (given[-1].text, _place(given[-1])) if given else (None, None)
            if name == "from" or key[0] is None or key[1] is None:
                return constant(function)
            return constant(Schema(library, "optional", key=(key[0], key[1])))
        case "fastify-env" | "env-schema":
            options = (second if library == "fastify-env" else first).only
            return _json_schema(reader, options, library) if isinstance(options, Record) else None
        case "nest":
            return _nest(reader, first.only) if isinstance(first.only, Record) else None
        case "class-transformer" if isinstance(first.only, values.Class):
            made = Instance(_of_class(reader, first.only), second)
            made.rest.append(second)
            return constant(made)
        case "class-validator" if isinstance(first.only, Instance):
            return _validated(reader, first.only, second, strict=name == "validateOrReject")
        case "adonis" if name in ("create", "rules", "validate"):
            return outcome(reader, given[-1] if given else OPAQUE, _ALL, library=library, kind="strict")
        case "class-transformer" | "class-validator":
            return None
    if name == "parseEnv" and len(given) > 1:  # znv
        return outcome(reader, second, first, library="znv", kind="strict")
    calls = validators.call(name) if len(path) == 1 or path[:1] == ("Value",) else ""
    if calls and len(given) > 1:
        schema, value = (second, first) if isinstance(second.only, Schema) else (first, second)
        return outcome(reader, schema, value, library=library, kind=calls)
    if name in ("parser", "safeParser") and isinstance(first.only, Schema):
        return constant(Method(first.only, "parse" if name == "parser" else "safeParse"))
    return schemas.make(library, path, given)


def _place(value: Val) -> Span | None:
    return value.only.span if isinstance(value.only, Lit) else None


# T3 Env and Envin


def _tables(reader: Reader, options: Record, library: str, span: Span | None) -> Val | None:
    """`createEnv({ server, client, shared, runtimeEnv, skipValidation })`."""
    fields = options.fields
    if not fields.keys() & {"server", "client", "shared", *_RUNTIMES}:
        return None
    runtime = next((fields[name] for name in _RUNTIMES if name in fields), _ALL)
    given = runtime
    if isinstance(runtime.only, Record):
        filled = Record(dict(runtime.only.fields))
        filled.names, filled.rest = runtime.only.names, [_ALL, *runtime.only.rest]
        given = constant(filled)
    skip = fields.get("skipValidation", fields.get("skip"))
    off = skip is not None and truth(skip.only) is True
    made_of = Record()
    for table in _with_extensions(reader, options):
        for name in ("server", "client", "shared"):
            if name not in table.fields:
                continue
            with reader.aside() if off else nullcontext():
                checked = outcome(reader, table.fields[name], given, library=library, kind="strict").only
            for key, value in checked.fields.items() if isinstance(checked, Record) else ():
                made_of.fields[key] = value
                if name == "client" and key in reader.told:
                    reader.told[key] = reader.told[key]._replace(client=True)
    if off:
        reader.gaps.append("validation is switched off")
    elif skip is not None and span is not None:
        reader.bypass = _bypass(reader, skip, span)
    return constant(made_of)


def _with_extensions(reader: Reader, options: Record, depth: int = 0) -> Iterator[Record]:
    """A set of variables and those that it extends, as far as they are in reach."""
    yield options
    extended = options.fields.get("extends", NOTHING).only
    for value, _ in extended.items if isinstance(extended, Items) and depth < DEEPEST else ():
        if isinstance(value.only, Record) and value.only.fields.keys() & {"server", "client", "shared", "extends"}:
            yield from _with_extensions(reader, value.only, depth + 1)
        elif not (isinstance(value.only, Record) and value.only.fields):
            reader.gaps.append("it extends other sets of variables")


def _bypass(reader: Reader, skip: Val, span: Span) -> Value[str]:
    """The variable that switches validation off: `!!process.env.X`, `process.env.X === "true"`."""
    if skip.only is not None and truth(skip.only) is False:
        return Absent(span)
    keys = [key for key in sorted(skip.keys) if key != "NODE_ENV"]
    without = [guard for guard in values.branch(skip, want=True) if guard.absent]
    if len(keys) == 1 and not without and keys[0] in reader.modules.names:
        return Known(keys[0], reader.modules.names[keys[0]])
    return Unknown("what switches validation off is computed", span)


# envalid, convict


def _envalid(reader: Reader, name: str, given: list[Val]) -> Val:
    """A check of envalid or envsafe, or a schema with options. A `devDefault` does not hold in production."""
    if name in ("cleanEnv", "customCleanEnv", "envsafe"):
        value, specs = (_ALL, *given, NOTHING)[:2] if name == "envsafe" else (*given, NOTHING, NOTHING)[:2]
        return outcome(reader, specs, value, library="envalid", kind="strict")
    if name.startswith("make"):
        return constant(Outside("envalid", ("custom",), name))
    options = given[0].only if given else None
    fields = options.fields if isinstance(options, Record) else {}
    if "requiredWhen" in fields:
        return constant(Schema("envalid", "open", CONDITION))
    default = fields.get("default")
    return constant(Schema("envalid", "required" if default is None else "optional", default=default))


def _convict(reader: Reader, name: str, first: Val) -> Val:
    given = first.only
    if name in ("addFormat", "addFormats"):
        if isinstance(given, Record):
            named = {given.fields["name"].text or "": first} if "name" in given.fields else given.fields
            reader.formats.update(named)
        return NOTHING
    if not isinstance(given, Record):
        reader.gaps.append("the schema is computed")
        return OPAQUE
    fields = {key: Field(span, constant(schema)) for key, span, schema in _leaves(reader, given)}
    for key, each in fields.items():
        if each.span is not None:
            reader.read(key, each.span, values.Environment())
            reader.note(key, default=schemas.schema_of(each.value.only).default)
    return constant(Schema("convict", fields=fields))


def _leaves(reader: Reader, node: Record, depth: int = 0) -> Iterator[tuple[str, Span, Schema]]:
    key = node.fields.get("env", OPAQUE).only
    if isinstance(key, Lit) and isinstance(key.value, str) and key.span is not None:
        yield key.value, key.span, _leaf(reader, node)
        return
    for value in node.fields.values() if depth < DEEPEST else ():
        if isinstance(value.only, Record):
            yield from _leaves(reader, value.only, depth + 1)


def _leaf(reader: Reader, node: Record) -> Schema:
    """One setting. Its default is validated like any value: `null` is no text, `""` no address."""
    default, form = node.fields.get("default", NOTHING), node.fields.get("format", OPAQUE)
    optional = Schema("convict", "optional", default=default)
    if not isinstance(default.only, Lit):
        return Schema("convict", "open", CONDITION) if default.only is values.UNDEFINED else optional
    if truth(node.fields.get("nullable", NOTHING).only) and default.only.value is None:
        return optional
    own = reader.formats.get(form.text or "", form)
    validate = own.only.fields.get("validate", own) if isinstance(own.only, Record) else own
    if isinstance(validate.only, values.Function):
        with reader.aside():
            refused = reader.call(validate, [default]) is values.NEVER
        return Schema("convict") if refused else optional
    if default.only.value not in (None, "") or form.text == "*" or "format" not in node.fields:
        return optional
    if isinstance(form.only, Items):
        return optional if any(each.text == default.only.value for each, _ in form.only.items) else Schema("convict")
    if form.text is not None or default.only.value is None:
        return Schema("convict")
    return optional if isinstance(form.only, Outside) else Schema("convict", "open", CONDITION)


# JSON Schema, Nest, class-validator


def _json_schema(reader: Reader, options: Record, library: str) -> Val:
    """`{ schema: { required: ["A"], properties: { A: { type: "string", default: "x" } } }, data: process.env }`."""
    schema, given = options.fields.get("schema", OPAQUE), options.fields.get("data", _ALL)
    thing = schema.only
    if isinstance(thing, Record):
        asked = thing.fields.get("required", OPAQUE).only
        names = {each.text for each, _ in asked.items} if isinstance(asked, Items) else set()
        properties = thing.fields.get("properties", NOTHING).only
        fields = {}
        for name, value in properties.fields.items() if isinstance(properties, Record) else ():
            default = value.only.fields.get("default") if isinstance(value.only, Record) else None
            missing = "required" if name in names and default is None else "optional"
            span = properties.names.get(name) if isinstance(properties, Record) else None
            fields[name] = Field(span, constant(Schema(library, missing, default=default)))
        schema = constant(Schema(library, fields=fields, gap="the schema is computed" if thing.rest else ""))
    return outcome(reader, schema, given, library=library, kind="strict")


def _nest(reader: Reader, options: Record) -> Val | None:
    """`ConfigModule.forRoot({ validationSchema, validate, load })`."""
    fields = options.fields
    load = fields.get("load", NOTHING).only
    for function, _ in load.items if isinstance(load, Items) else ():
        reader.call(function, [])
    if "validationSchema" in fields:
        outcome(reader, fields["validationSchema"], _ALL, library="", kind="strict")
    if "validate" in fields:
        reader.call(fields["validate"], [_ALL])
    return OPAQUE if fields.keys() & {"validationSchema", "validate", "load"} else None


_NO_VALIDATORS = {"ApiProperty", "Expose", "Transform", "Type"}


class Instance(Record):
    """An object of a class whose properties have validators, and what it was made of."""

    def __init__(self, schema: Schema, given: Val) -> None:
        super().__init__()
        self.schema = schema
        self.given = given


def _of_class(reader: Reader, made: values.Class, depth: int = 0) -> Schema:
    """The schema that the decorators of a class make."""
    code = made.scope.code
    fields: dict[str, Field] = {}
    gap = ""
    for child in children(made.node):
        if child.type == "class_heritage":
            parent = reader.name(code.text(child).removeprefix("extends").strip()).only
            gap = "the class of variables extends one that is not in reach"
            if isinstance(parent, values.Class) and depth < DEEPEST:
                fields, gap = _of_class(reader, parent, depth + 1).fields or {}, ""
    for each in children(made.node.child_by_field_name("body")):
        name = code.key(each.child_by_field_name("name") or each)
        if each.type != "public_field_definition" or name is None:
            continue
        decorators = {code.text(child)[1:].partition("(")[0] for child in each.children if child.type == "decorator"}
        schema = Schema("class-validator")
        if each.child_by_field_name("value") is not None:
            schema = Schema("class-validator", "optional", default=made.fields[name[0]])
        elif "ValidateIf" in decorators:
            schema = Schema("class-validator", "open", CONDITION)
        elif "IsOptional" in decorators or not decorators - _NO_VALIDATORS:
            schema = Schema("class-validator", "optional")
        fields[name[0]] = Field(name[1], constant(schema))
    return Schema("class-validator", fields=fields, gap=gap)


def _validated(reader: Reader, made: Instance, options: Val, *, strict: bool) -> Val:
    """`validateSync(instance)`: the errors, of which there are some when a property is missing."""
    settings = options.only.fields if isinstance(options.only, Record) else {}
    schema = made.schema
    if truth(settings.get("skipMissingProperties", NOTHING).only):
        schema = schemas.changed(schema, "partial", [])
    kind = "strict" if strict else "lenient"
    result = outcome(reader, constant(schema), made.given, library="class-validator", kind=kind).only
    if strict or not isinstance(result, Record):
        return OPAQUE
    return constant(Items([(constant(values.Caught()), (guard,)) for guard in result.failed]))
