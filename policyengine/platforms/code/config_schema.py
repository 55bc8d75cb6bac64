"""Schemas of validation libraries → which variables they name, and which of them must be there.

Zod, valibot, Joi, yup, arktype and envalid are read as chains of calls. What a chain does not tell plainly (an imported
schema that cannot be found, a condition, a refinement of an optional value) is left open, never guessed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from policyengine.model.value import Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.repository.discover import join, parent
from policyengine.syntax import typescript
from policyengine.syntax.typescript import Code, Function, Link, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.repository.files import Files

DEEPEST = 12
"""How many names a schema may be followed through."""

_EXPORT_DEFAULT = regex(r"\bexport\s+default\s+")
_NUMBER = regex(r"[+-]?[\d_]+(?:\.\d+)?|true|false|null|undefined")
_THROWS = regex(r"\bthrow\b|\baddIssue\b")
_FILLS = regex(r"\?\?|\|\||\bundefined\b|\?[^.:]")
_STRICT_FORMAT = regex(r"url|uri|email|uuid|cuid|ulid|regex|startsWith|endsWith|includes|datetime|ip|length|jwt|base64")

_LIBRARIES = (
    (regex(r"zod(?:/.*)?|@hono/zod-openapi|@asteasolutions/zod-to-openapi|zod-openapi"), "zod"),
    (regex(r"valibot"), "valibot"),
    (regex(r"(?:@hapi/)?joi|@nestjs/joi"), "joi"),
    (regex(r"yup"), "yup"),
    (regex(r"arktype"), "arktype"),
    (regex(r"envalid"), "envalid"),
)
_BY_CUSTOM = {"z": "zod", "zod": "zod", "Joi": "joi", "joi": "joi", "yup": "yup", "Yup": "yup"}

_OBJECTS = frozenset({"object", "strictObject", "looseObject", "interface", "objectWithRest", "keys"})
_OPTIONAL_WRAPPERS = frozenset(
    {"optional", "nullish", "_default", "prefault", "catch", "fallback", "undefinedable", "exactOptional", "maybe"}
)
_TAKES_ANYTHING = frozenset({"any", "unknown", "undefined", "void", "mixed"})
_OPEN = frozenset({"custom", "lazy", "promise", "instanceof", "function", "transform", "when", "alternatives", "link"})


class Place(NamedTuple):
    """An expression in a file."""

    code: Code
    part: Part


class Verdict(NamedTuple):
    """Whether a variable must be there: `required` is None where the code does not tell, for `reason`."""

    required: bool | None
    default: Value[str] | None = None
    reason: str = ""


class Field(NamedTuple):
    """A key of a schema, where it stands, and the schema of its value."""

    key: str
    name: Place
    value: Place
    verdict: Verdict


class Shape(NamedTuple):
    """The keys of an object schema; `gap` says why there may be more."""

    fields: tuple[Field, ...]
    gap: str = ""


class Modules(Struct, frozen=True):
    """The files of a tree as code, read when a name leads to them."""

    files: Files
    _codes: dict[str, Code | None] = field(default_factory=dict)

    def code(self, path: str) -> Code | None:
        """The code of a file, or None where there is none."""
        if path not in self._codes:
            source = self.files.read(path)
            self._codes[path] = None if source is None else typescript.read(source)
        return self._codes[path]

    def module(self, importer: Code, module: str) -> Code | None:
        """The file that an import names, as far as that is decided by its path."""
        folder = parent(importer.source.path)
        if module.startswith("."):
            tried = [join(folder, module)]
        elif module.startswith(("@/", "~/", "#/", "src/", "$lib/")):
            rest = module.partition("/")[2] if not module.startswith("src/") else module
            tried = []
            while True:
                tried += [join(folder, f"src/{rest}"), join(folder, rest), join(folder, f"src/lib/{rest}")]
                if not folder:
                    break
                folder = parent(folder)
        else:
            return None
        for path in tried:
            for candidate in _spellings(path) if path else ():
                if candidate is not None and self.files.exists(candidate):
                    return self.code(candidate)
        return None

    def value(self, code: Code, name: str, depth: int = 0) -> Place | None:
        """What a name stands for: its initialiser in this file, or in the one that it is imported from."""
        found = code.declared(name)
        if found is not None:
            return Place(code, found)
        imported = code.imported(name)
        if imported is None or depth > DEEPEST:
            return None
        target = self.module(code, imported.module)
        if target is None:
            return None
        if imported.name == "default":
            match = _EXPORT_DEFAULT.search(target.text)
            part = target.expression(match.end()) if match else None
            bare = target.text[part.start : part.end] if part else ""
            if part is None:
                return None
            return self.value(target, bare, depth + 1) if bare.isidentifier() else Place(target, part)
        return self.value(target, imported.name, depth + 1)

    def function(self, code: Code, name: str, depth: int = 0) -> tuple[Code, Function] | None:
        """The function of a name, in this file or in the one that it is imported from."""
        found = code.function(name)
        if found is not None:
            return code, found
        imported = code.imported(name)
        target = self.module(code, imported.module) if imported and depth <= DEEPEST else None
        return self.function(target, imported.name, depth + 1) if target and imported else None


def modules(files: Files) -> Modules:
    """The modules of a tree."""
    return Modules(files)


def _spellings(path: str) -> list[str]:
    stem = re.sub(r"\.[cm]?jsx?$", "", path)
    endings = (".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs")
    return [
        path,
        *(stem + ending for ending in endings),
        *(path + ending for ending in endings),
        *(f"{path}/index{ending}" for ending in endings),
    ]


def library(code: Code, name: str) -> str:
    """The validation library that a name belongs to, or an empty string."""
    imported = code.imported(name)
    if imported is not None:
        for pattern, found in _LIBRARIES:
            if pattern.fullmatch(imported.module):
                return found
        return _BY_CUSTOM.get(imported.name if imported.name not in ("*", "default") else name, "")
    return "" if code.declared(name) is not None else _BY_CUSTOM.get(name, "")


def literal(reader: Modules, place: Place, depth: int = 0) -> Value[str]:
    """The text of a literal, through names of the same tree; Unknown for anything computed."""
    code, part = place
    text = code.text[part.start : part.end]
    string = code.whole_string(part)
    if string is not None:
        return Known(*string)
    if _NUMBER.fullmatch(text):
        return Known(text, code.span(part))
    if text.isidentifier() and depth <= DEEPEST:
        found = reader.value(code, text)
        if found is not None:
            return literal(reader, found, depth + 1)
    function = code.function_at(part.start)
    returned = code.returned(function) if function is not None else None
    if returned is not None and returned != part and depth <= DEEPEST:
        return literal(reader, Place(code, returned), depth + 1)
    return Unknown("the default is computed", code.span(part))


def ternary(code: Code, part: Part) -> tuple[Part, Part] | None:
    """The two outcomes of `condition ? a : b`, or None."""
    question = _outer(code, part, "?")
    if question is None:
        return None
    colon = _outer(code, Part(question + 1, part.end), ":")
    if colon is None:
        return None
    return code.trim(question + 1, colon), code.trim(colon + 1, part.end)


_OUTER = regex(r"[(\[{]|\?\?=?|\?\.|=>|[?:]")


def _outer(code: Code, part: Part, mark: str) -> int | None:
    """The first `mark` outside of all brackets; none behind an arrow."""
    at = part.start
    nested = 0
    while match := _OUTER.search(code.text, at, part.end):
        found = match[0]
        if found in "([{":
            at = code.closers.get(match.start(), match.start()) + 1
            continue
        if found == "=>":
            return None
        if found == "?" and mark == ":":
            nested += 1
        elif found == mark:
            if not nested:
                return match.start()
            nested -= 1
        at = match.end()
    return None


def judge(reader: Modules, place: Place, depth: int = 0) -> Verdict:
    """Whether a variable with this schema must be there."""
    code, part = place
    if depth > DEEPEST:
        return Verdict(None, reason="its schema is nested too deeply")
    outcomes = ternary(code, part)
    if outcomes is not None:
        first, second = (judge(reader, Place(code, outcome), depth + 1) for outcome in outcomes)
        if first.required == second.required and first.required is not None:
            return first
        return Verdict(None, reason="it depends on a condition")
    links, whole = code.chain(part)
    if not links or not whole:
        text = code.whole_string(part)
        if text is not None:  # arktype: "string", "string | undefined", "number = 3000"
            optional = "undefined" in text[0] or "=" in text[0]
            return Verdict(required=not optional)
        return Verdict(None, reason="its schema is computed")
    base, rest = _base(reader, code, links, depth)
    return _modified(reader, code, base, rest, found=library(code, links[0].name), depth=depth)


def _base(reader: Modules, code: Code, links: Sequence[Link], depth: int) -> tuple[Verdict, Sequence[Link]]:
    """The verdict of the head of a chain, and the links that follow it."""
    root = links[0]
    found = library(code, root.name)
    if found == "envalid" and root.call >= 0:
        return _envalid(reader, code, root), links[1:]
    if found and root.call >= 0:  # import { optional, string } from "valibot"
        return _constructor(reader, code, root, found, coerced=False, rest=links[1:], depth=depth), links[1:]
    if found and len(links) > 1:
        coerced = links[1].name in ("coerce", "iso") and links[1].call < 0 and len(links) > 2
        at = 2 if coerced else 1
        return (
            _constructor(
                reader,
                code,
                links[at],
                found,
                coerced=coerced and links[1].name == "coerce",
                rest=links[at + 1 :],
                depth=depth,
            ),
            links[at + 1 :],
        )
    if root.call >= 0:
        function = reader.function(code, root.name)
        if function is not None:
            returned = function[0].returned(function[1])
            if returned is not None:
                return judge(reader, Place(function[0], returned), depth + 1), links[1:]
        if root.name in ("str", "num", "bool", "host", "port", "url", "email", "json") and _has_cleaner(code):
            return _envalid(reader, code, root), links[1:]
        return Verdict(None, reason=f"its schema comes from '{root.name}', which is not in reach"), links[1:]
    target = reader.value(code, root.name)
    if target is not None and target.part != Part(root.start, root.end):
        return judge(reader, target, depth + 1), links[1:]
    return Verdict(None, reason=f"its schema comes from '{root.name}', which is not in reach"), links[1:]


def _has_cleaner(code: Code) -> bool:
    return code.imported("cleanEnv") is not None


def _constructor(
    reader: Modules, code: Code, link: Link, found: str, *, coerced: bool, rest: Sequence[Link], depth: int
) -> Verdict:
    """The verdict of `z.string()`, `z.optional(…)`, `v.pipe(…)`, `Joi.string()` …."""
    arguments = code.items(link.call) if link.call >= 0 else ()
    name = link.name
    if found in ("joi", "yup"):
        return Verdict(required=False)
    if name in _OPTIONAL_WRAPPERS:
        default = literal(reader, Place(code, arguments[1])) if len(arguments) > 1 else None
        return Verdict(required=False, default=default)
    if name in _TAKES_ANYTHING:
        return Verdict(required=False)
    if name in _OPEN:
        return Verdict(None, reason=f"its schema is a {name}")
    if name == "preprocess" and len(arguments) > 1:
        inner = judge(reader, Place(code, arguments[1]), depth + 1)
        filled = _FILLS.search(code.text, arguments[0].start, arguments[0].end) or not code.text.startswith(
            ("(", "a"), arguments[0].start
        )
        return Verdict(None, reason="it is prepared before it is checked") if inner.required and filled else inner
    if name in ("pipe", "pipeline", "nonOptional", "nonNullish", "nullable", "readonly", "brand") and arguments:
        if name in ("nonOptional", "nonNullish"):
            return Verdict(required=True)
        return judge(reader, Place(code, arguments[0]), depth + 1)
    if name in ("union", "or", "variant") and arguments:
        members = code.items(arguments[0].start) if code.text.startswith("[", arguments[0].start) else arguments
        return _any_of([judge(reader, Place(code, member), depth + 1) for member in members])
    if coerced and name in ("boolean", "string"):
        strict = any(_STRICT_FORMAT.match(each.name) for each in rest)
        return Verdict(required=name == "string" and strict)
    return Verdict(required=True)


def _any_of(verdicts: Sequence[Verdict]) -> Verdict:
    for verdict in verdicts:
        if verdict.required is False:
            return verdict
    return next((verdict for verdict in verdicts if verdict.required is None), Verdict(required=True))


def _modified(
    reader: Modules, code: Code, verdict: Verdict, links: Sequence[Link], *, found: str, depth: int
) -> Verdict:
    """A verdict after the methods of a chain."""
    for link in links:
        arguments = code.items(link.call) if link.call >= 0 else ()
        match link.name:
            case "optional" | "nullish" | "exactOptional" | "notRequired" | "forbidden":
                verdict = Verdict(required=False, default=verdict.default)
            case "default" | "prefault" | "catch" | "failover":
                given = literal(reader, Place(code, arguments[0])) if arguments else None
                verdict = Verdict(required=False, default=given)
            case "required" | "exist" | "defined" | "nonoptional":
                verdict = Verdict(required=True)
            case "or" if arguments and found != "joi":
                verdict = _any_of([verdict, judge(reader, Place(code, arguments[0]), depth + 1)])
            case "refine" | "superRefine" | "check" | "test" | "custom" if verdict.required is False:
                if verdict.default is None:
                    verdict = Verdict(None, reason="it is optional, but checked further")
            case "transform" if verdict.required is False and verdict.default is None:
                if link.call >= 0 and _THROWS.search(code.text, link.call, link.end):
                    verdict = Verdict(None, reason="it is optional, but checked further")
            case "pipe" if verdict.required is False and verdict.default is None:
                if not any(other.name == "transform" for other in links):
                    verdict = Verdict(None, reason="it is optional, but checked further")
            case "when" | "unwrap" | "removeDefault":
                verdict = Verdict(None, reason="it depends on a condition")
            case _:
                pass
    return verdict


def _envalid(reader: Modules, code: Code, link: Link) -> Verdict:
    """`str({ default: "x" })`: required unless it has a default. A `devDefault` does not hold in production."""
    arguments = code.items(link.call)
    options = arguments[0].start if arguments else -1
    for each in code.properties(options) if options >= 0 and code.text.startswith("{", options) else ():
        if each.key == "default":
            default = literal(reader, Place(code, each.value))
            return Verdict(required=False, default=default)
        if each.key == "requiredWhen":
            return Verdict(None, reason="it depends on a condition")
    return Verdict(required=True)


# Objects


def shape(reader: Modules, place: Place, depth: int = 0) -> Shape:
    """The keys of an object schema, or of an object literal of schemas."""
    code, part = place
    if depth > DEEPEST:
        return Shape((), "the schema is nested too deeply")
    if code.text.startswith("{", part.start):
        return _literal_shape(reader, code, part.start, depth)
    if code.text.startswith("(", part.start) and code.closers.get(part.start) == part.end - 1:
        return shape(reader, Place(code, code.trim(part.start + 1, part.end - 1)), depth + 1)
    outcomes = ternary(code, part)
    if outcomes is not None:
        return _either([shape(reader, Place(code, outcome), depth + 1) for outcome in outcomes])
    links, whole = code.chain(part)
    if not links:
        return Shape((), "the schema is computed")
    base, rest = _base_shape(reader, code, links, depth)
    base = base if whole else base._replace(gap=base.gap or "the schema is computed")
    for link in rest:
        base = _changed(reader, code, base, link, depth)
    return base


def _literal_shape(reader: Modules, code: Code, opener: int, depth: int) -> Shape:
    fields: list[Field] = []
    gap = ""
    for each in code.properties(opener):
        if not each.key:
            spread = shape(reader, Place(code, each.value), depth + 1)
            fields.extend(spread.fields)
            gap = gap or spread.gap
            continue
        value = Place(code, each.value)
        verdict = judge(reader, value, depth + 1)
        key = each.key
        if key.endswith("?") and code.text[each.key_part.start - 1] in "\"'":  # arktype
            key, verdict = key[:-1], Verdict(required=False)
            name = Place(code, Part(each.key_part.start, each.key_part.end - 1))
        else:
            name = Place(code, each.key_part)
        fields.append(Field(key, name, value, verdict))
    return Shape(_last_wins(fields), gap)


def _last_wins(fields: Sequence[Field]) -> tuple[Field, ...]:
    return tuple({each.key: each for each in fields}.values())


def _base_shape(reader: Modules, code: Code, links: Sequence[Link], depth: int) -> tuple[Shape, Sequence[Link]]:
    root = links[0]
    found = library(code, root.name)
    at = 0 if root.call >= 0 else 1
    if found and len(links) > at:
        link = links[at]
        arguments = code.items(link.call) if link.call >= 0 else ()
        if (link.name in _OBJECTS or (found == "arktype" and link.name == "type")) and arguments:
            return shape(reader, Place(code, arguments[0]), depth + 1), links[at + 1 :]
        if link.name in _OBJECTS:
            return Shape(()), links[at + 1 :]
        if link.name in ("union", "discriminatedUnion", "variant") and arguments:
            opener = arguments[-1].start
            members = code.items(opener) if code.text.startswith("[", opener) else ()
            return _either([shape(reader, Place(code, member), depth + 1) for member in members]), links[at + 1 :]
        if link.name in ("intersection", "intersect") and arguments:
            opener = arguments[0].start
            members = code.items(opener) if code.text.startswith("[", opener) else arguments
            return _all([shape(reader, Place(code, member), depth + 1) for member in members]), links[at + 1 :]
        if link.name == "preprocess" and len(arguments) > 1:
            inner = shape(reader, Place(code, arguments[1]), depth + 1)
            return _prepared(inner, code.source.text[arguments[0].start : arguments[0].end]), links[at + 1 :]
        if link.name in ("pipe", "pipeline", "partial") and arguments:
            return shape(reader, Place(code, arguments[0]), depth + 1), links[at + 1 :]
        return Shape((), f"the schema is made by '{link.name}'"), links[at + 1 :]
    if root.name == "Object" and len(links) > 1 and links[1].name == "assign":
        return _all([shape(reader, Place(code, each), depth + 1) for each in code.items(links[1].call)]), links[2:]
    if root.call >= 0:
        function = reader.function(code, root.name)
        returned = function[0].returned(function[1]) if function is not None else None
        if function is not None and returned is not None:
            return shape(reader, Place(function[0], returned), depth + 1), links[1:]
    else:
        target = reader.value(code, root.name)
        if target is not None and target.part.start != root.start:
            return shape(reader, target, depth + 1), links[1:]
    return Shape((), f"the schema comes from '{root.name}', which is not in reach"), links[1:]


def _prepared(inner: Shape, function: str) -> Shape:
    """A shape whose input a function prepares: the keys that it names may be filled in."""
    words = set(re.findall(r"\w+", function))
    open_verdict = Verdict(None, reason="it is prepared before it is checked")
    return inner._replace(
        fields=tuple(
            each._replace(verdict=open_verdict) if each.verdict.required and each.key in words else each
            for each in inner.fields
        )
    )


def _changed(reader: Modules, code: Code, base: Shape, link: Link, depth: int) -> Shape:
    """A shape after one method of the chain."""
    arguments = code.items(link.call) if link.call >= 0 else ()
    match link.name:
        case "merge" | "and" | "extend" | "safeExtend" | "concat" | "keys" | "append" if arguments:
            return _all([base, shape(reader, Place(code, arguments[0]), depth + 1)])
        case "partial" | "deepPartial" if not arguments:
            fields = tuple(each._replace(verdict=Verdict(required=False)) for each in base.fields)
            return base._replace(fields=fields)
        case "pick" | "omit" if arguments:
            chosen = {each.key for each in code.properties(arguments[0].start)}
            kept = tuple(each for each in base.fields if (each.key in chosen) == (link.name == "pick"))
            return base._replace(fields=kept)
        case "partial" | "required" | "or":
            return base._replace(gap=base.gap or "the schema is changed further")
        case _:
            return base


def _all(shapes: Sequence[Shape]) -> Shape:
    return Shape(
        _last_wins([each for one in shapes for each in one.fields]), next((one.gap for one in shapes if one.gap), "")
    )


def _either(shapes: Sequence[Shape]) -> Shape:
    """The keys of schemas of which one holds, required where all say so and open where they differ."""
    everywhere = [{each.key: each.verdict.required for each in one.fields} for one in shapes]
    fields: list[Field] = []
    for each in _last_wins([each for one in reversed(shapes) for each in one.fields]):
        told = [one.get(each.key) for one in everywhere]
        agreed = all(verdict == told[0] for verdict in told) and told[0] is not None
        fields.append(each if agreed else each._replace(verdict=Verdict(None, reason="it depends on a condition")))
    return Shape(tuple(fields), next((one.gap for one in shapes if one.gap), ""))
