"""The checks of a config module that libraries make: zod and its kin, t3-env, envalid, convict, env-var, Nest."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from policyengine.model.nodes import ConfigKey
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.code.config_reads import ENVIRONMENT, aliases, reads
from policyengine.platforms.code.config_schema import Modules, Place, Shape, Verdict, library, literal, shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.platforms.code.config_reads import Read
    from policyengine.syntax.typescript import Code, Part

_CLIENT = regex(r"(?:NEXT_PUBLIC|VITE|REACT_APP|PUBLIC|NUXT_PUBLIC|EXPO_PUBLIC|GATSBY|VUE_APP)_")
_T3 = regex(r"(?<!function )\bcreateEnv\s*(?:<[^()]{0,200}>\s*)?\(")
_CLEAN = regex(r"(?<!function )\b(?:cleanEnv|customCleanEnv|parseEnv)\s*(?:<[^()]{0,200}>\s*)?\(")
_PARSES = regex(
    r"(\??\.)\s*(parse|safeParse|parseAsync|safeParseAsync|spa|validate|validateSync|validateAsync|attempt|assert|cast"
    r"|from|decode|create)\s*(?:<[^()]{0,200}>\s*)?\("
)
_PARSE_CALL = regex(r"(?<![\w$.])(parse|safeParse|parser|assert|attempt)\s*\(")
_ARK_CALL = regex(r"(?<![\w$.])([A-Za-z_$][\w$]*)\s*\(\s*(?=process|import|Bun)")
_NEST = regex(r"\bvalidationSchema\s*:\s*")
_CONVICT = regex(r"(?<![\w$.])convict\s*(?:<[^()]{0,200}>\s*)?\(")
_ENV_VAR = regex(r"(?<![\w$])(?:env|envVar|from\([^()]*\))\s*\.\s*get\s*\(\s*(?=[\"'`])")
_CLASS = regex(r"\bplainTo(?:Instance|Class)\s*\(\s*([A-Za-z_$][\w$]*)")
_DECORATED = regex(r"^[ \t]*(?:public\s+|readonly\s+)*([A-Z][A-Z0-9_]*)\s*([?!])?\s*[:=;]", re.MULTILINE)
_WHOLE = regex(rf"{ENVIRONMENT}(?!\s*(?:\??\.\s*[\w$]|\??\.?\s*\[))|\b(?:Deno\s*\.\s*env\s*\.\s*toObject)\b")
_SOME = regex(ENVIRONMENT)
_FAILS = regex(
    r"\bthrow\b|\b(?:process|Deno)\s*\.\s*(?:exit|abort)\s*\(|\bexitCode\b|\b(?:fail|panic|die|fatal)\w*\s*\(|\.orThrow\b|\breject\("
)


_MOST = 40
"""How many calls of `parse` in a file are looked at."""


class Checked(NamedTuple):
    """What one check of a file says: the library, the keys, and why there may be more."""

    library: str
    keys: tuple[ConfigKey, ...]
    gap: str = ""
    bypass: Value[str] | None = None


def checks(reader: Modules, code: Code) -> Iterator[Checked]:
    """Every check by a library in a file."""
    yield from _t3(reader, code)
    yield from _cleaned(reader, code)
    yield from _parsed(reader, code)
    yield from _nest(reader, code)
    yield from _convict(code)
    yield from _env_var(reader, code)
    yield from _classes(code)


def _t3(reader: Modules, code: Code) -> Iterator[Checked]:
    for match in islice(_T3.finditer(code.text), _MOST):
        arguments = code.items(match.end() - 1)
        if not arguments or not code.text.startswith("{", arguments[0].start):
            continue
        given = {each.key: each.value for each in code.properties(arguments[0].start)}
        if not given.keys() & {"server", "client", "shared", "runtimeEnv", "runtimeEnvStrict"}:
            continue
        keys: list[ConfigKey] = []
        gap = ""
        runtime = next(
            (given[name] for name in ("runtimeEnvStrict", "runtimeEnv", "experimental__runtimeEnv") if name in given),
            None,
        )
        for table in ("server", "client", "shared"):
            if table not in given:
                continue
            declared = shape(reader, Place(code, given[table]))
            gap = gap or declared.gap
            keys.extend(_bind(reader, declared, code, runtime, client=table == "client", keep=True))
        if "extends" in given and code.items(given["extends"].start):
            gap = gap or "it extends other sets of variables"
        skip = given.get("skipValidation")
        bypass = _bypass(reader, code, skip) if skip is not None else None
        if skip is not None and code.text[skip.start : skip.end] == "true":
            open_keys = tuple(replace(key, required=Known(value=False, span=key.span)) for key in keys)
            yield Checked("", open_keys, "validation is switched off")
        else:
            yield Checked("t3-env", tuple(keys), gap, bypass)


_SWITCH = regex(r"(?:!!\s*|\bBoolean\(\s*)?\Z")
_SWITCHED = regex(r"\s*\)?\s*(?:={2,3}\s*[\"'`]|[|,;)}\n]|\Z)")


def _bypass(reader: Modules, code: Code, part: Part, depth: int = 0) -> Value[str]:
    """The variable that switches validation off: `!!process.env.X`, `process.env.X === "true"`."""
    for each in reads(code):
        if not part.start <= each.part.start < part.end:
            continue
        compared = re.compile(r"\s*={2,3}\s*(?=[\"'`])").match(code.text, each.part.end)
        string = code.string(compared.end()) if compared else None
        plain = _SWITCH.search(code.text[part.start : each.part.start]) and _SWITCHED.match(code.text, each.part.end)
        if plain and each.key != "NODE_ENV" and (string is None or string[0].lower() in ("1", "true", "yes", "on")):
            return Known(each.key, code.span(each.name))
        return Unknown("what switches validation off is computed", code.span(part))
    text = code.text[part.start : part.end]
    if text == "false":
        return Absent(code.span(part))
    target = reader.value(code, text) if text.isidentifier() and depth < 6 else None
    if target is not None and target.part != part:
        return _bypass(reader, target.code, target.part, depth + 1)
    return Unknown("what switches validation off is computed", code.span(part))


def _cleaned(reader: Modules, code: Code) -> Iterator[Checked]:
    """`cleanEnv(process.env, { A: str() })`, and `parseEnv(process.env, { A: z.string() })` of znv."""
    for match in islice(_CLEAN.finditer(code.text), _MOST):
        arguments = code.items(match.end() - 1)
        if len(arguments) < 2 or not _environment(reader, code, arguments[0]):
            continue
        declared = shape(reader, Place(code, arguments[1]))
        name = "znv" if match[0].startswith("parseEnv") else "envalid"
        yield Checked(name, tuple(_bind(reader, declared, code, arguments[0])), declared.gap)


def _parsed(reader: Modules, code: Code) -> Iterator[Checked]:
    """`schema.parse(process.env)`, `v.parse(schema, process.env)`, `Env(process.env)`."""
    for match in islice(_PARSES.finditer(code.text), _MOST):
        opener = match.end() - 1
        arguments = code.items(opener)
        if not arguments:
            continue
        receiver = code.receiver(match.start(1))
        name = library(code, code.text[receiver.start : receiver.end].strip())
        if name and len(arguments) > 1 and _environment(reader, code, arguments[1]):
            schema, given = arguments[0], arguments[1]
        elif _environment(reader, code, arguments[0]):
            schema, given = receiver, arguments[0]
        else:
            continue
        yield from _checked(reader, Place(code, schema), Place(code, given), method=match[2], name=name)
    for match in islice(_PARSE_CALL.finditer(code.text), _MOST):
        arguments = code.items(match.end() - 1)
        if len(arguments) > 1 and library(code, match[1]) and _environment(reader, code, arguments[1]):
            yield from _checked(
                reader,
                Place(code, arguments[0]),
                Place(code, arguments[1]),
                method=match[1],
                name=library(code, match[1]),
            )
    for match in islice(_ARK_CALL.finditer(code.text), _MOST):
        target = reader.value(code, match[1])
        opener = code.text.rfind("(", match.start(), match.end())
        arguments = code.items(opener)
        if target is None or not arguments or not _environment(reader, code, arguments[0]):
            continue
        links, _ = target.code.chain(target.part)
        if links and library(target.code, links[0].name) == "arktype":
            yield from _checked(reader, target, Place(code, arguments[0]), method="assert", name="arktype")


def _checked(reader: Modules, schema: Place, given: Place, *, method: str, name: str) -> Iterator[Checked]:
    """What `schema.parse(given)` says. A lenient method whose failure nothing acts on checks nothing."""
    code, caller = schema.code, given.code
    declared = shape(reader, schema)
    if not declared.fields and not name:
        text = code.text[schema.part.start : schema.part.end]
        name = _root_library(reader, code, schema.part)
        if not name and not re.search(r"schema|env|config", text, re.IGNORECASE):
            return
    named = name or _root_library(reader, code, schema.part) or "zod"
    if code is caller and not declared.fields and any(each.part.start == given.part.start for each in reads(code)):
        return  # one value is parsed, not the environment
    lenient = method in ("safeParse", "safeParseAsync", "spa", "validate", "decode") and not _FAILS.search(caller.text)
    if named == "joi" and re.search(r"presence\s*:", caller.text):
        declared = declared._replace(
            fields=tuple(
                each if each.verdict.default else each._replace(verdict=Verdict(required=True))
                for each in declared.fields
            )
        )
    keys = tuple(_bind(reader, declared, caller, given.part))
    if lenient:
        keys = tuple(replace(key, required=Known(value=False, span=key.span)) for key in keys)
    yield Checked("" if lenient else named, keys, declared.gap)


def _root_library(reader: Modules, code: Code, part: Part, depth: int = 0) -> str:
    """The library of a schema: that of the name its chain starts with, through names of the tree."""
    links, _ = code.chain(part)
    if not links or depth > 6:
        return ""
    direct = library(code, links[0].name)
    if direct:
        return direct
    target = reader.value(code, links[0].name)
    if target is None or target.part.start == links[0].start:
        return ""
    return _root_library(reader, target.code, target.part, depth + 1)


def _environment(reader: Modules, code: Code, part: Part, depth: int = 0) -> bool:
    """Whether an expression is (made of) the environment."""
    text = code.text[part.start : part.end]
    if _SOME.search(text) or "Deno.env" in text:
        return True
    names = set(re.findall(r"(?<![\w$.])([A-Za-z_$][\w$]*)(?!\s*[(:])", text))
    if names & aliases(code):
        return True
    if depth > 4:
        return False
    for name in sorted(names)[:8]:
        target = code.declared(name)
        if target is not None and target != part and _environment(reader, code, target, depth + 1):
            return True
    if text.isidentifier() and code.declared(text) is None and code.imported(text) is None:
        return _is_validator(code, part, text)
    return False


def _is_validator(code: Code, part: Part, name: str) -> bool:
    """Whether a name is the parameter of a function that checks the environment, as @nestjs/config calls it."""
    for title, function in code.functions():
        if not function.body.start <= part.start < function.body.end:
            continue
        if not re.search(r"env|config", title, re.IGNORECASE) and title != "validate":
            continue
        if any(re.match(rf"{re.escape(name)}\b", code.text[each.start : each.end]) for each in function.parameters):
            return True
    return False


def _bind(
    reader: Modules, declared: Shape, code: Code, given: Part | None, *, client: bool = False, keep: bool = False
) -> Iterator[ConfigKey]:
    """The keys of a schema as variables, renamed and given defaults by `{ port: process.env.PORT ?? "1" }`."""
    opener = _object(reader, code, given) if given is not None else None
    sources: dict[str, Part] = {}
    whole = opener is None
    if opener is not None:
        holder, start = opener
        for given_key in holder.properties(start):
            if given_key.key:
                sources[given_key.key] = given_key.value
            else:
                spread = given_key.value
                whole = whole or _WHOLE.search(holder.text, spread.start, spread.end) is not None
        every = reads(holder)
    for each in declared.fields:
        value = sources.get(each.key)
        if value is None or opener is None:
            if whole or keep:
                yield config_key(each.key, each.name, each.verdict, code, client=client)
            continue
        holder = opener[0]
        inside = [read for read in every if value.start <= read.part.start < value.end]
        if not inside or holder.text.startswith("{", value.start):
            nested = _nested(reader, each.value, holder, value)
            if nested is not None:
                yield from nested
            continue
        verdict = _through(reader, holder, value, inside, each.verdict)
        first = inside[0]
        place = each.name if first.key == each.key else Place(holder, first.name)
        yield config_key(first.key, place, verdict, code, client=client)


def _nested(reader: Modules, schema: Place, holder: Code, value: Part) -> Iterator[ConfigKey] | None:
    """`{ db: { url: process.env.DATABASE_URL } }` against `z.object({ db: z.object({ url: … }) })`."""
    if not holder.text.startswith("{", value.start) or not reads(holder):
        return None
    inner = shape(reader, schema)
    return _bind(reader, inner, holder, value) if inner.fields else None


def _object(reader: Modules, code: Code, part: Part, depth: int = 0) -> tuple[Code, int] | None:
    """The object literal that an expression is, through names and one wrapping call; None for the whole environment."""
    if code.text.startswith("{", part.start):
        return code, part.start
    text = code.text[part.start : part.end]
    if _WHOLE.search(text) or depth > 4:
        return None
    if text.isidentifier():
        target = code.declared(text)
        return _object(reader, code, target, depth + 1) if target is not None and target != part else None
    links, _ = code.chain(part)
    if links and links[-1].call >= 0:
        arguments = code.items(links[-1].call)
        return _object(reader, code, arguments[0], depth + 1) if arguments else None
    return None


def _through(reader: Modules, code: Code, value: Part, inside: Sequence[Read], verdict: Verdict) -> Verdict:
    """The verdict of a schema for a value that is first given a default."""
    if verdict.required is False:
        return verdict
    last = inside[-1].part.end
    match = re.compile(r"\s*(?:\?\?|\|\|)\s*").match(code.text, last, value.end)
    if match is not None:
        operand = code.trim(match.end(), value.end)
        text = code.text[operand.start : operand.end]
        if text in ("undefined", "null"):
            return verdict
        return Verdict(required=False, default=literal(reader, Place(code, operand)))
    if len(inside) > 1:
        return Verdict(None, reason="another variable may stand in for it")
    return verdict


def config_key(key: str, place: Place, verdict: Verdict, code: Code, *, client: bool = False) -> ConfigKey:
    """The variable that a verdict is about. `client` is forced, or told by its prefix."""
    span = place.code.span(place.part)
    return ConfigKey(
        key=key,
        span=span,
        required=Unknown(verdict.reason or "the code does not tell", span)
        if verdict.required is None
        else Known(verdict.required, span),
        default=verdict.default if verdict.default is not None else Absent(span),
        client=client or _CLIENT.match(key) is not None or "import.meta" in code.text[span.start - 20 : span.start],
    )


def _nest(reader: Modules, code: Code) -> Iterator[Checked]:
    """`ConfigModule.forRoot({ validationSchema: Joi.object({ … }) })`."""
    for match in _NEST.finditer(code.text):
        part = code.expression(match.end())
        declared = shape(reader, Place(code, part))
        name = _root_library(reader, code, part)
        if declared.fields or name:
            keys = tuple(config_key(each.key, each.name, each.verdict, code) for each in declared.fields)
            yield Checked(name or "joi", keys, declared.gap)


def _convict(code: Code) -> Iterator[Checked]:
    """`convict({ port: { format: "port", default: 1, env: "PORT" } }).validate()`."""
    if "convict" not in {imported.module for imported in code.imports().values()}:
        return
    if _CONVICT.search(code.text):
        keys: list[ConfigKey] = []
        for each in re.compile(r"\benv\s*:\s*(?=[\"'`])").finditer(code.text):
            string = code.string(each.end())
            if string is None:
                continue
            key, span = string
            keys.append(ConfigKey(key, span, Unknown("convict's formats are not read", span), Absent(span)))
        yield Checked("convict", tuple(keys))


def _env_var(reader: Modules, code: Code) -> Iterator[Checked]:
    """`env.get("PORT").required().asInt()` of env-var."""
    if "env-var" not in {imported.module for imported in code.imports().values()}:
        return
    keys: list[ConfigKey] = []
    for match in _ENV_VAR.finditer(code.text):
        string = code.string(match.end())
        if string is None:
            continue
        key, span = string
        opener = code.text.rfind("(", match.start(), match.end())
        at = code.closers.get(opener, opener) + 1
        verdict = Verdict(required=False)
        link = re.compile(r"\s*\.\s*(\w+)\s*\(")
        while step := link.match(code.text, at):
            arguments = code.items(step.end() - 1)
            if step[1] == "required":
                optional = bool(arguments) and code.text[arguments[0].start : arguments[0].end] == "false"
                verdict = Verdict(required=not optional)
            elif step[1] == "default" and arguments:
                verdict = Verdict(required=False, default=literal(reader, Place(code, arguments[0])))
            at = code.closers.get(step.end() - 1, step.end()) + 1
        keys.append(ConfigKey(key, span, Known(bool(verdict.required), span), verdict.default or Absent(span)))
    if any(isinstance(key.required, Known) and key.required.value for key in keys):
        yield Checked("env-var", tuple(keys))
    elif keys:
        yield Checked("", tuple(keys))


def _classes(code: Code) -> Iterator[Checked]:
    """class-validator: `validateSync(plainToInstance(EnvironmentVariables, config))`."""
    if not re.search(r"\bvalidateSync\s*\(|\bvalidateOrReject\s*\(", code.text):
        return
    for match in _CLASS.finditer(code.text):
        declared = re.search(rf"\bclass\s+{re.escape(match[1])}\b[^{{]*\{{", code.text)
        keys: list[ConfigKey] = []
        if declared is not None:
            end = code.closers.get(declared.end() - 1, declared.end())
            last = declared.end()
            for each in _DECORATED.finditer(code.text, declared.end(), end):
                decorators = code.text[last : each.start()]
                last = each.end()
                span = code.source.span(*each.span(1))
                optional = each[2] == "?" or "@IsOptional" in decorators or "@ValidateIf" in decorators
                defaulted = code.text[each.end() - 1] == "="
                required: Value[bool] = (
                    Unknown("it depends on a condition", span)
                    if "@ValidateIf" in decorators
                    else Known(value=not (optional or defaulted), span=span)
                )
                keys.append(ConfigKey(each[1], span, required, Absent(span)))
        yield Checked("class-validator", tuple(keys), "" if keys else "the class of variables is in another file")
        return
