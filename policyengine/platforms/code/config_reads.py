"""How code reads environment variables without a schema: plain reads, defaults, and checks written by hand.

A variable is required where its absence throws or ends the process: `if (!process.env.X) throw …`, a helper such as
`required("X")`, a list of names that is walked, an assertion. It is not where a default or a test stands by the read.
A plain read tells neither.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms.code.config_schema import Place, Verdict, literal
from policyengine.syntax.typescript import NAME, Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.platforms.code.config_schema import Modules
    from policyengine.syntax.typescript import Code, Function

ENVIRONMENT = r"(?:\b(?:process|globalThis\s*\.\s*process|import\s*\.\s*meta|Bun)\s*\??\s*\.\s*env\b)"
"""The pattern of the object that holds the environment."""

_ACCESS = rf"\s*!?\s*(?:\??\s*\.\s*(?P<name>{NAME})|(?:\?\.)?\s*\[\s*(?=[\"'`]))"
_READ = regex(rf"{ENVIRONMENT}{_ACCESS}")
_DENO = regex(r"\bDeno\s*\.\s*env\s*\.\s*get\s*\(\s*(?=[\"'`])")
_ALIAS = regex(
    rf"\b({NAME})\s*(?::\s*[\w.<>,|\[\] ]{{1,80}})?=\s*{ENVIRONMENT}(?!\s*(?:\??\.\s*{NAME}|\??\.?\s*\[|!?\s*\.))"
    rf"|\b({NAME})\s*\??\s*:\s*(?:NodeJS\s*\.\s*)?(?:ProcessEnv|ImportMetaEnv)\b"
)
_DESTRUCTURED = regex(rf"\}}\s*(?::[^=;\n]{{1,80}})?=\s*{ENVIRONMENT}(?!\s*(?:\??\.\s*{NAME}|\??\.?\s*\[))")
_DYNAMIC = (
    rf"(?:{ENVIRONMENT}|\b(?:%s))\s*(?:\?\.)?\s*\[\s*({NAME})\s*\]|\bDeno\s*\.\s*env\s*\.\s*get\s*\(\s*({NAME})\s*\)"
)
_KEY = regex(r"[A-Za-z_]\w*\Z")
_UPPER = regex(r"[A-Z][A-Z0-9_]*\Z")
_NOT_VARIABLES = frozenset({"MODE", "DEV", "PROD", "SSR", "BASE_URL"})
_STOPS = regex(
    r"\bthrow\b|\b(?:process|Deno)\s*\.\s*exit\s*\(|\bprocess\s*\.\s*abort\s*\(|\b(?:fail|panic|die|fatal)\w*\s*\("
)
_IF = regex(r"\bif\s*\(")
_OR = regex(r"[(\[{]|\|\|")
_AND = regex(r"&&")
_MISSING_AFTER = regex(
    r"\s*(?:={2,3}\s*(?:undefined\b|null\b|\"\"|''|\"\s*undefined)|\??\s*\.\s*length\s*(?:={2,3}\s*0|<\s*1))"
)
_MISSING_BEFORE = regex(r"(?:(?<!!)!\s*\(?\s*|\btypeof\s+|\b(?:isNil|isEmpty|isUndefined|isBlank)\(\s*)\Z")
_FALLBACK = regex(r"\s*(?:\?\?|\|\|)=?\s*")
_TESTED = regex(r"\s*\)?\s*(?:={2,3}|!={1,2}|\?(?![.?])|&&)|\s*\?\.\s*\w")
_CONVERTED = regex(r"\b(?:Number|parseInt|parseFloat|String|Boolean|BigInt)\s*\(\s*\Z")
_TESTED_BEFORE = regex(r"!\s*\Z|\b(?:if|while)\s*\(\s*\Z|&&\s*\(?\s*\Z|\bBoolean\(\s*\Z")
_METHODS = regex(rf"\s*(?:\?\s*)?\.\s*{NAME}\s*\(")
_ASSERTS = regex(r"\b(?:invariant|assert(?:\s*\.\s*ok)?|nullthrows|ensure|tinyInvariant)\s*\(\s*")
_STRING_CALL = regex(rf"(?<!function\s)(?<![\w$])({NAME})\s*(?:<[^<>()]{{0,80}}>\s*)?\(\s*(?=[\"'`])")
_LIST = regex(rf"\b(?:const|let|var)\s+({NAME})\s*(?::[^=;\n]{{1,80}})?=\s*(?=\[)")
_INLINE_LIST = regex(
    r"\bof\s*(?=\[)|=\s*(?=\[[^\]]*\]\s*(?:as\s+const\s*)?\)?\s*\.\s*(?:filter|forEach|find|some|every|map)\s*\()"
)
_PARAMETER = regex(rf"\s*(?:\.\.\.)?({NAME})")


_DOTTED = regex(rf"(?<![\w$.])({NAME})(?:\s*\.\s*({NAME}))?")
_ELSE = regex(r"\belse\s*(?=\{)")
_COUNTED = regex(rf"({NAME})\s*\.\s*length\b")
_PUSHES = regex(rf"({NAME})\s*\.\s*push\s*\(")


_FAR = 1500
"""How many characters of a condition, a body or a default are looked at: more than anybody writes."""


class Read(NamedTuple):
    """One place that reads a variable: its key, the key's part, and the part of the whole read."""

    key: str
    name: Part
    part: Part


class Found(NamedTuple):
    """What the code says of one variable, at one place."""

    key: str
    name: Place
    verdict: Verdict


class Helper(NamedTuple):
    """A function that reads the variable its parameter number `parameter` names; `throws` where that is missing."""

    parameter: int
    throws: bool
    function: Function
    code: Code


def aliases(code: Code) -> frozenset[str]:
    """The names that stand for the whole environment: `const env = process.env`, `(env: NodeJS.ProcessEnv)`."""
    return frozenset(match[1] or match[2] for match in _ALIAS.finditer(code.text))


def reads(code: Code) -> tuple[Read, ...]:
    """Every read of a variable whose name is written out, in order."""
    found = [
        read for pattern in (_READ, _DENO) for match in pattern.finditer(code.text) if (read := _read(code, match))
    ]
    names = aliases(code)
    if names:
        pattern = re.compile(rf"(?<![\w$.])(?:{'|'.join(map(re.escape, sorted(names)))}){_ACCESS}")
        for match in pattern.finditer(code.text):
            read = _read(code, match)
            if read is not None and _UPPER.match(read.key):
                found.append(read)
    return tuple(sorted(set(found), key=lambda read: read.part.start))


def _read(code: Code, match: re.Match[str]) -> Read | None:
    groups = match.groupdict()
    if groups.get("name"):
        key, name = groups["name"], Part(*match.span("name"))
        end = match.end()
    else:
        string = code.string(match.end())
        if string is None:
            return None
        key, name = string[0], Part(string[1].start, string[1].end)
        end = code.strings[match.end()]
        closing = re.compile(r"\s*[\])]").match(code.text, end)
        end = closing.end() if closing else end
    if not _KEY.match(key) or key in _NOT_VARIABLES or key.startswith("npm_"):
        return None
    return Read(key, name, Part(match.start(), end))


def found(reader: Modules, code: Code) -> tuple[Found, ...]:
    """What the code says of each variable, strongest first: required, then optional, then open; in order of place."""
    every = reads(code)
    said: list[Found] = []
    named = dict(_bound(code, every))
    ifs = _ifs(code)
    said.extend(_conditions(code, every, named, ifs))
    said.extend(
        each._replace(verdict=_GUARDED) if each.verdict.required and _guarded(code, ifs, each) else each
        for each in (*_helpers(reader, code), *_asserted(code, every, named))
    )
    said.extend(_lists(code, ifs))
    said.extend(Found(read.key, Place(code, read.name), _plain(reader, code, read)) for read in every)
    said.extend(_destructured(reader, code))
    best: dict[str, Found] = {}
    for each in said:
        known = best.get(each.key)
        if known is None or _strength(each.verdict) < _strength(known.verdict):
            best[each.key] = each
    return tuple(sorted(best.values(), key=lambda each: (each.name.code.source.path, each.name.part.start)))


def _strength(verdict: Verdict) -> int:
    """What counts where several places speak of one variable: required, required at times, optional, untold."""
    if verdict.required is not None:
        return 0 if verdict.required else 2
    return 1 if verdict.reason == _GUARDED.reason else 3


def _plain(reader: Modules, code: Code, read: Read) -> Verdict:
    """What stands around a read says of it."""
    at = read.part.end
    before = code.text[max(0, read.part.start - 60) : read.part.start]
    while method := _METHODS.match(code.text, at):
        closer = code.closers.get(method.end() - 1)
        if closer is None:
            break
        at = closer + 1
    if _CONVERTED.search(before) and not _FALLBACK.match(code.text, at):
        opener = read.part.start - 1 - (len(before) - len(before.rstrip()))
        at = code.closers.get(opener, at - 1) + 1
    if re.search(r"!\s*\Z", before):
        return Verdict(required=False)
    fallback = _FALLBACK.match(code.text, at)
    if fallback is not None:
        return _fallback(reader, code, fallback.end())
    if code.text.startswith("!", at) and not code.text.startswith("!=", at):
        return Verdict(None, reason="it is asserted with '!' and never checked")
    if _TESTED.match(code.text, at) or _TESTED_BEFORE.search(before):
        return Verdict(required=False)
    return Verdict(None, reason="the code reads it without a check")


def _fallback(reader: Modules, code: Code, start: int) -> Verdict:
    """What stands behind `??` or `||`: a default, another variable, or a throw."""
    part = code.expression(start, min(len(code.text), start + _FAR))
    last = start
    while match := _OR_OR_NULLISH.search(code.text, last, part.end):
        last = match.end() if match[0] in ("||", "??") else code.closers.get(match.start(), match.start()) + 1
        start = last if match[0] in ("||", "??") else start
    operand = code.trim(start, _ternary_start(code, start, part.end))
    text = code.text[operand.start : operand.end]
    if _STOPS.search(text) or re.match(r"(?:required?|missing|raise|assert)\w*\s*\(", text):
        return Verdict(required=True)
    if _READ.match(code.text, operand.start):
        return Verdict(None, reason="another variable may stand in for it")
    return Verdict(required=False, default=literal(reader, Place(code, operand)))


_OR_OR_NULLISH = regex(r"[(\[{]|\|\||\?\?")


def _ternary_start(code: Code, start: int, end: int) -> int:
    match = re.compile(r"\s\?\s|\s(?:===|!==|as|satisfies)\s").search(code.text, start, end)
    return match.start() if match else end


_WHOLE_VALUE = regex(
    r"\s*(?:\??\s*\.\s*trim\s*\(\s*\))?\s*!?\s*(?:as\s+[\w| ]+?)?\s*(?:[;,\n})]|\Z)",
)
_DECLARES = regex(rf"\b(?:const|let|var)\s+({NAME})\s*(?::[^=;\n]{{1,80}})?=\s*\Z")
_OBJECT = regex(rf"\b(?:const|let|var)\s+({NAME})\s*(?::[^=;\n]{{1,80}})?=\s*(?=\{{)")


def _bound(code: Code, every: tuple[Read, ...]) -> Iterator[tuple[str, Read]]:
    """Names that stand for one variable: `const x = process.env.X`, and `o.x` of `const o = { x: process.env.X }`."""
    by_start = {read.part.start: read for read in every if _WHOLE_VALUE.match(code.text, read.part.end)}
    for read in by_start.values():
        before = code.text[max(0, read.part.start - 200) : read.part.start]
        if match := _DECLARES.search(before):
            yield match[1], read
    for match in _OBJECT.finditer(code.text) if by_start else ():
        for each in code.properties(match.end()):
            if each.key and each.value.start in by_start:
                yield f"{match[1]}.{each.key}", by_start[each.value.start]
    for match in _DESTRUCTURED.finditer(code.text):
        opener = code.openers.get(match.start())
        for item in code.items(opener) if opener is not None else ():
            name = re.match(rf"({NAME})(?:\s*:\s*({NAME}))?", code.text[item.start : item.end])
            if name:
                part = Part(item.start, item.start + len(name[1]))
                yield name[2] or name[1], Read(name[1], part, part)


def _destructured(reader: Modules, code: Code) -> Iterator[Found]:
    """`const { A, B = "x" } = process.env`."""
    for match in _DESTRUCTURED.finditer(code.text):
        opener = code.openers.get(match.start())
        for each in code.items(opener) if opener is not None else ():
            name = re.match(rf"({NAME})(?:\s*:\s*{NAME})?\s*(=)?", code.text[each.start : each.end])
            if name is None or not _KEY.match(name[1]):
                continue
            verdict = Verdict(None, reason="the code reads it without a check")
            if name[2]:
                default = code.trim(each.start + name.end(), each.end)
                verdict = Verdict(required=False, default=literal(reader, Place(code, default)))
            yield Found(name[1], Place(code, Part(each.start, each.start + len(name[1]))), verdict)


class _Conditions(NamedTuple):
    """The `if` statements of a file: condition, body; and which offsets stand in the block of one."""

    statements: tuple[tuple[Part, Part], ...]
    starts: tuple[int, ...]
    reach: tuple[int, ...]

    def guarded(self, offset: int) -> bool:
        """Whether an offset stands in a block that runs only under a condition."""
        index = bisect_left(self.starts, offset) - 1
        return index >= 0 and self.reach[index] > offset


def _ifs(code: Code) -> _Conditions:
    statements: list[tuple[Part, Part]] = []
    blocks: list[Part] = []
    for match in _IF.finditer(code.text):
        opener = match.end() - 1
        closer = code.closers.get(opener)
        if closer is not None:
            body = _statement(code, closer + 1)
            statements.append((Part(opener + 1, closer), body))
            blocks.append(body)
    for match in _ELSE.finditer(code.text):
        closer = code.closers.get(match.end())
        if closer is not None:
            blocks.append(Part(match.end(), closer))
    blocks.sort()
    reach: list[int] = []
    for block in blocks:
        reach.append(max(block.end, reach[-1] if reach else 0))
    return _Conditions(tuple(statements), tuple(block.start for block in blocks), tuple(reach))


def _conditions(code: Code, every: tuple[Read, ...], named: dict[str, Read], ifs: _Conditions) -> Iterator[Found]:
    """`if (!process.env.X) throw …`, also through a name, and `if (!process.env.X) missing.push("X")`."""
    starts = [read.part.start for read in every]
    stopping = [
        _STOPS.search(code.text, body.start, min(body.end, body.start + _FAR)) is not None for _, body in ifs.statements
    ]
    counted = {
        match[1]
        for (condition, _), stops in zip(ifs.statements, stopping, strict=True)
        if stops
        for match in _COUNTED.finditer(code.text, condition.start, min(condition.end, condition.start + _FAR))
    }
    for (condition, body), stops in zip(ifs.statements, stopping, strict=True):
        pushes = (
            _PUSHES.finditer(code.text, body.start, min(body.end, body.start + _FAR)) if counted and not stops else ()
        )
        if not stops and not any(match[1] in counted for match in pushes):
            continue
        nested = ifs.guarded(condition.start)
        for part in _disjuncts(code, Part(condition.start, min(condition.end, condition.start + _FAR))):
            conditional = nested or _AND.search(code.text, part.start, part.end) is not None
            for read in (*_within(every, starts, part), *_names_within(code, named, part)):
                before = code.text[max(part.start, read.part.start - 40) : read.part.start]
                if _MISSING_BEFORE.search(before) or _MISSING_AFTER.match(code.text, read.part.end):
                    verdict = _GUARDED if conditional else Verdict(required=True)
                    yield Found(read.key, Place(code, read.name), verdict)


_GUARDED = Verdict(None, reason="it is required under a condition")


def _within(every: tuple[Read, ...], starts: list[int], part: Part) -> Iterator[Read]:
    for read in every[bisect_left(starts, part.start) :]:
        if read.part.start >= part.end:
            return
        yield read


def _names_within(code: Code, named: dict[str, Read], part: Part) -> Iterator[Read]:
    """Names in a condition that stand for a variable, as reads at the place of the name."""
    for match in _DOTTED.finditer(code.text, part.start, part.end):
        read = named.get(match[1])
        end = match.end(1)
        if read is None and match[2]:
            read, end = named.get(f"{match[1]}.{match[2]}"), match.end()
        if read is not None:
            yield Read(read.key, read.name, Part(match.start(), end))


def _disjuncts(code: Code, part: Part) -> Iterator[Part]:
    """The operands of `a || b || c`, brackets around them removed."""
    part = code.trim(*part)
    start = at = part.start
    while match := _OR.search(code.text, at, part.end):
        if match[0] == "||":
            yield code.trim(start, match.start())
            start = at = match.end()
        else:
            at = code.closers.get(match.start(), match.start()) + 1
    yield code.trim(start, part.end)


def _statement(code: Code, start: int) -> Part:
    part = code.trim(start, min(len(code.text), start + _FAR))
    if code.text.startswith("{", part.start):
        return Part(part.start, code.closers.get(part.start, part.end))
    return code.expression(part.start, part.end)


def helpers(code: Code) -> dict[str, Helper]:
    """The functions of a file that read the variable which a parameter names."""
    result: dict[str, Helper] = {}
    names = "|".join(map(re.escape, sorted(aliases(code)))) or r"(?!)"
    dynamic = re.compile(_DYNAMIC % names)
    every = list(code.functions())
    for name, function in every:
        parameters = [match[1] for part in function.parameters if (match := _PARAMETER.match(code.text, part.start))]
        for match in dynamic.finditer(code.text, function.body.start, function.body.end):
            key = match[1] or match[2]
            if key in parameters:
                throws = _STOPS.search(code.text, function.body.start, function.body.end) is not None
                result[name] = Helper(parameters.index(key), throws, function, code)
                break
    for name, function in every if result else ():
        parameters = [match[1] for part in function.parameters if (match := _PARAMETER.match(code.text, part.start))]
        if name in result or not parameters:
            continue
        inner = re.compile(
            rf"(?<![\w$])({'|'.join(map(re.escape, sorted(result)))})\s*(?:<[^<>()]*>\s*)?\(\s*({NAME})\s*[,)]"
        )
        for match in inner.finditer(code.text, function.body.start, function.body.end):
            if match[2] in parameters:
                throws = (
                    result[match[1]].throws
                    or _STOPS.search(code.text, function.body.start, function.body.end) is not None
                )
                result[name] = Helper(parameters.index(match[2]), throws, function, code)
                break
    return result


def _helpers(reader: Modules, code: Code) -> Iterator[Found]:
    """Calls such as `required("X")`."""
    own = helpers(code)
    brought: dict[str, Helper | None] = {}
    for match in _STRING_CALL.finditer(code.text):
        name = match[1]
        helper = own.get(name)
        if helper is None and name not in own:
            if name not in brought:
                brought[name] = _imported_helper(reader, code, name)
            helper = brought[name]
        opener = code.text.rfind("(", match.start(), match.end())
        arguments = code.items(opener)
        if helper is None:
            if name == "getOrThrow" and arguments and (string := code.whole_string(arguments[0])):
                yield Found(string[0], Place(code, Part(string[1].start, string[1].end)), Verdict(required=True))
            continue
        if len(arguments) <= helper.parameter:
            continue
        string = code.whole_string(arguments[helper.parameter])
        if string is None or not _KEY.match(string[0]):
            continue
        key = Place(code, Part(string[1].start, string[1].end))
        yield Found(string[0], key, _called(reader, code, helper, arguments))


def _guarded(code: Code, ifs: _Conditions, each: Found) -> bool:
    """Whether a call stands in a conditional block, or behind `?` or `&&`."""
    start = each.name.part.start
    before = code.text[max(0, start - 80) : start]
    return (
        ifs.guarded(start) or re.search(rf"(?:\?|&&)\s*(?:{NAME}\s*\.\s*)*{NAME}\s*\(\s*[\"'`]?\Z", before) is not None
    )


def _imported_helper(reader: Modules, code: Code, name: str) -> Helper | None:
    imported = code.imported(name)
    target = reader.module(code, imported.module) if imported else None
    return helpers(target).get(imported.name) if target and imported else None


def _called(reader: Modules, code: Code, helper: Helper, arguments: tuple[Part, ...]) -> Verdict:
    """What a call of a helper says: by what is given besides the name, or by the default of that parameter."""
    after = helper.parameter + 1
    if len(arguments) > after:
        given = arguments[after]
        text = code.text[given.start : given.end]
        default = literal(reader, Place(code, given))
        if text in ("true", "false") and helper.throws:
            return Verdict(required=text == "true")
        if text == "undefined":
            return Verdict(required=helper.throws)
        if isinstance(default, Known) or not helper.throws:
            return Verdict(required=False, default=default)
        return Verdict(None, reason="it depends on what the helper is given")
    if not helper.throws:
        return Verdict(required=False)
    if len(helper.function.parameters) > after:
        part = helper.function.parameters[after]
        text = helper.code.text[part.start : part.end]
        if re.search(r"=\s*false\b", text):
            return Verdict(required=False)
        if "=" in text and not re.search(r"=\s*(?:true|undefined|null|\{)", text):
            return Verdict(None, reason="it depends on what the helper is given")
    return Verdict(required=True)


_WALK = r"\bof\s+%s\b|\b%s\s*\.\s*(?:filter|forEach|find|some|every|map|reduce|flatMap)\s*\("
_LACKS = regex(r"!(?!=)|={2,3}\s*(?:undefined|null|\"\"|'')|\bin\s+process\b")
_DESCRIBED = regex(r"\brequired\s*:\s*(true|false)\b")


def _lists(code: Code, ifs: _Conditions) -> Iterator[Found]:
    """`for (const key of ["A", "B"]) if (!process.env[key]) throw …` and `names.filter((key) => !process.env[key])`."""
    if not computed(code):
        return
    names = "|".join(map(re.escape, sorted(aliases(code)))) or r"(?!)"
    dynamic = re.compile(rf"(?:{ENVIRONMENT}|\b(?:{names}))\s*(?:\?\.)?\s*\[|\bDeno\s*\.\s*env\s*\.\s*get\s*\(")
    for match in (*_LIST.finditer(code.text), *_INLINE_LIST.finditer(code.text)):
        strings = [code.whole_string(item) for item in code.items(match.end())]
        if not strings or not all(string and _UPPER.match(string[0]) for string in strings):
            continue
        start = match.end()
        if match.re is _LIST:
            name = re.escape(match[1])
            walked = re.search(_WALK % (name, name), code.text)
            if walked is None:
                continue
            start = walked.start()
        near = code.text[start : start + 700]
        read = dynamic.search(near)
        if (
            read is None
            or not _LACKS.search(near[: read.end() + 200])
            or not _STOPS.search(code.text, start, start + 2000)
        ):
            continue
        for string in strings:
            if string is not None:
                key = Place(code, Part(string[1].start, string[1].end))
                yield Found(string[0], key, _GUARDED if ifs.guarded(start) else Verdict(required=True))
    for match in _DESCRIBED.finditer(code.text):
        opener = code.text.rfind("{", max(0, match.start() - 400), match.start())
        for each in code.properties(opener) if opener >= 0 and code.closers.get(opener, -1) > match.end() else ():
            string = code.whole_string(each.value) if each.key in ("key", "name", "env", "variable") else None
            if string is not None and _UPPER.match(string[0]):
                key = Place(code, Part(string[1].start, string[1].end))
                yield Found(string[0], key, Verdict(required=match[1] == "true"))


def computed(code: Code) -> bool:
    """Whether a file reads variables whose names it computes, and throws or ends the process somewhere."""
    names = "|".join(map(re.escape, sorted(aliases(code)))) or r"(?!)"
    pattern = (
        rf"(?:{ENVIRONMENT}|\b(?:{names}))\s*(?:\?\.)?\s*\[\s*[A-Za-z_$]|\bDeno\s*\.\s*env\s*\.\s*get\s*\(\s*[A-Za-z_$]"
    )
    return re.search(pattern, code.text) is not None and _STOPS.search(code.text) is not None


def _asserted(code: Code, every: tuple[Read, ...], named: dict[str, Read]) -> Iterator[Found]:
    """`invariant(process.env.X, "…")`, `assert(X)`."""
    by_start = {read.part.start: read for read in every}
    for match in _ASSERTS.finditer(code.text):
        read = by_start.get(match.end())
        if read is None:
            name = re.compile(NAME).match(code.text, match.end())
            read = named.get(name[0]) if name else None
        if read is not None:
            yield Found(read.key, Place(code, read.name), Verdict(required=True))
