"""The module of an application that checks its environment: zod, t3-env, envalid, valibot, or a plain throw."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.discover import parent
from policyengine.formats import typescript
from policyengine.lower import Lowered
from policyengine.nodes import ConfigKey, ConfigModule, Node, Side
from policyengine.value import Absent, Known, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.discover import Files
    from policyengine.formats.typescript import Code
    from policyengine.source import Source

_SCRIPT = re.compile(
    r"(?:^|/)(?:(?:config|env|environment|settings|configuration|env\.(?:server|client|schema|validation)|"
    r"config\.schema|validate-?env|env-?schema|env-?validation)\.(?:ts|mts|js|mjs|cjs)|"
    r"(?:config|env)/(?:index|env|config|schema|server|validation|configuration|environment)\.(?:ts|mts|js|mjs|cjs))$",
    re.IGNORECASE,
)
_PYTHON = re.compile(r"(?:^|/)(?:config|settings|conf|env|base|production)\w*\.py$")
_AWAY = re.compile(
    r"(?:^|/)(?:node_modules|dist|build|\.next|vendor|tests?|__tests__|spec|e2e|fixtures?|examples?|mocks?|__mocks__|"
    r"storybook|\.storybook|docs|scripts|cypress|playwright|public)/"
)
_MANIFESTS = ("package.json", "pyproject.toml", "requirements.txt", "Pipfile", "setup.py")
_ENV = re.compile(r"(?:process\.env|import\.meta\.env|Deno\.env|Bun\.env)\b")
_SCHEMA = re.compile(r"(?:\b(?:z|zod|v|Joi|joi|yup|t|type|s)\s*\.\s*)(?:strictObject|looseObject|object)\s*\(\s*(\{)")
_T3 = re.compile(r"\b(server|client|shared|clientSchema|serverSchema)\s*:\s*(\{)")
_ENVALID = re.compile(r"\bcleanEnv\s*\(\s*[^,{]+,\s*(\{)")
_OPTIONAL = re.compile(r"\.\s*(?:optional|nullish|default|catch|prefault|exactOptional|nullable|or)\s*\(|\bdefault\s*:")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_KEY = re.compile(r"\s*(?:(?P<bare>[A-Za-z_$][\w$]*)|[\"'](?P<quoted>\s*)[\"'])\s*:")
_READ = re.compile(r"process\s*\.\s*env\s*(?:\?\.|\.)\s*([A-Za-z_]\w*)")
_REQUIRING = re.compile(r"\b(?:require|must|assert|ensure|need)\w*\s*\(\s*$|\b\w*(?:[rR]equired|Mandatory|OrThrow)\w*\s*\(\s*$")
_PUBLIC = re.compile(r"^(?:NEXT_PUBLIC|VITE|REACT_APP|NUXT_PUBLIC|EXPO_PUBLIC|PUBLIC)_")


def lower(files: Files) -> Lowered:
    """A ConfigModule node for each module that reads the environment under a config module's name."""
    folders = sorted({parent(path) for path in files.paths if PurePosixPath(path).name in _MANIFESTS}, key=len)
    nodes: list[Node] = []
    for path in files.paths:
        if _AWAY.search(path):
            continue
        if _SCRIPT.search(path):
            source = files.read(path)
            if source is not None and _ENV.search(source.text):
                node = _script(source, _application(path, folders))
                if node is not None:
                    nodes.append(node)
        elif _PYTHON.search(path):
            source = files.read(path)
            if source is not None:
                nodes.extend(_python(source, _application(path, folders)))
    return Lowered(nodes=tuple(nodes))


def _application(path: str, folders: list[str]) -> str:
    """The folder of the nearest package manifest above a file."""
    above = [folder for folder in folders if not folder or path.startswith(folder + "/")]
    return above[-1] if above else ""


def _python(source: Source, directory: str) -> Iterator[ConfigModule]:
    match = re.search(r"\b(BaseSettings|environ\.Env\(|from decouple import|dynaconf|os\.environ\[)", source.text)
    if match:
        span = source.span(match.start(), match.end())
        yield ConfigModule(
            id=f"config:{source.path}",
            name=source.path,
            side=Side.SOURCE,
            span=span,
            path=source.path,
            directory=directory,
            library={"BaseSettings": "pydantic", "environ.Env(": "environ"}.get(match[1], "manual"),
            keys=(),
            gap=Unknown("the keys of a Python settings module are not read", span),
        )


def _script(source: Source, directory: str) -> ConfigModule | None:
    code = typescript.read(source)
    library, keys = _declared(code)
    if not library:
        keys = list(_manual(code))
        throws = re.search(r"\bthrow\b|process\s*\.\s*exit\s*\(", code.text) is not None
        library = "manual" if throws and any(not _certainly_optional(key) for key in keys) else ""
    if not keys and not library:
        return None
    first = _ENV.search(source.text)
    unique: dict[str, ConfigKey] = {}
    for key in keys:
        unique.setdefault(key.key, key)
    return ConfigModule(
        id=f"config:{source.path}",
        name=source.path,
        side=Side.SOURCE,
        span=source.span(first.start(), first.end()) if first else source.span(0, 0),
        path=source.path,
        directory=directory,
        library=library,
        keys=tuple(unique.values()),
    )


def _certainly_optional(key: ConfigKey) -> bool:
    return isinstance(key.required, Known) and not key.required.value


def _declared(code: Code) -> tuple[str, list[ConfigKey]]:
    """The library that checks the environment, and the keys of its schema; an empty library where none does."""
    text = code.text
    if re.search(r"\bcreateEnv\s*\(", text):
        keys = [
            key
            for match in _T3.finditer(text)
            for key in _properties(code, match.start(2), client=match[1].startswith("client"))
        ]
        return "t3-env", keys
    envalid = _ENVALID.search(text)
    if envalid:
        return "envalid", list(_properties(code, envalid.start(1)))
    if re.search(r"\.\s*(?:parse|safeParse|parseAsync|validate|validateSync|validateEnv|assert|attempt)\s*\(|\bparse\s*\(", text):
        keys = []
        for match in _SCHEMA.finditer(text):
            found = list(_properties(code, match.start(1)))
            if sum(key.key.isupper() or "_" in key.key for key in found) * 2 >= len(found):
                keys.extend(found)
        if keys:
            return "zod" if re.search(r"\bz(?:od)?\s*\.", text) else "schema", keys
    return "", []


def _properties(code: Code, brace: int, *, client: bool = False) -> Iterator[ConfigKey]:
    """The keys of an object literal, each with whether its value makes it required."""
    end = code.closers.get(brace)
    if end is None:
        return
    text, source, index = code.text, code.source, brace + 1
    while index < end:
        stop = _value_end(code, index, end)
        match = _KEY.match(text, index, stop)
        if match:
            name = match["bare"]
            start = match.start("bare") if name else match.start("quoted")
            if name is None:
                stop_quote = match.end("quoted")
                name = source.text[start:stop_quote]
                span = source.span(start, stop_quote)
            else:
                span = source.span(start, start + len(name))
            value = text[match.end() : stop]
            required, default = _requirement(code, value, match.end())
            yield ConfigKey(name, span, Known(required, span), default, client or _PUBLIC.match(name) is not None)
        index = stop + 1


def _value_end(code: Code, index: int, end: int) -> int:
    """The offset of the comma that ends a property, or the end of the object."""
    while index < end:
        char = code.text[index]
        if char == ",":
            return index
        index = code.closers.get(index, index) + 1 if char in "([{" else index + 1
    return end


def _requirement(code: Code, value: str, start: int) -> tuple[bool, Value[str]]:
    span = code.source.span(start, start + len(value))
    name = _NAME.match(value.strip())
    if name and name[0] == value.strip():
        declared = re.search(rf"\b(?:const|let|var)\s+{re.escape(name[0])}\b[^=]*=", code.text)
        if declared:
            stop = code.text.find(";", declared.end())
            value = code.text[declared.end() : stop if stop >= 0 else declared.end() + 400]
    optional = _OPTIONAL.search(value) is not None
    default = re.search(r"\.\s*default\s*\(\s*", value)
    if default and name and name[0] != value.strip():
        at = start + default.end()
        literal = re.match(r"[\"']([^\"'\n]*)[\"']", code.source.text[at : at + 200])
        if literal:
            return False, Known(literal[1], code.source.span(at + 1, at + 1 + len(literal[1])))
    return not optional, Absent(span) if not optional else Unknown("the default is computed", span)


def _manual(code: Code) -> Iterator[ConfigKey]:
    """What is read from process.env, and whether a plain check makes it required."""
    text, source = code.text, code.source
    checked = {
        match[1]
        for match in re.finditer(r"if\s*\(\s*!\s*process\s*\.\s*env\s*\.\s*([A-Za-z_]\w*)\s*\)\s*\{?\s*(?:throw|process\s*\.\s*exit)", text)
    }
    for match in _READ.finditer(text):
        span = source.span(match.start(1), match.end(1))
        after = text[match.end() : match.end() + 12].lstrip()
        required: Value[bool] = Unknown("the code does not tell whether it is required", span)
        if match[1] in checked:
            required = Known(value=True, span=span)
        elif after.startswith(("??", "||")) and not re.match(r"(?:\?\?|\|\|)\s*\(?\s*(?:fail|throw|raise)", after):
            required = Known(value=False, span=span)
        yield ConfigKey(match[1], span, required, Absent(span), _PUBLIC.match(match[1]) is not None)
    for match in re.finditer(r"[\"'](?P<name>[A-Z][A-Z0-9_]{2,})[\"']", source.text):
        if _REQUIRING.search(text[max(0, match.start() - 60) : match.start()]):
            span = source.span(match.start("name"), match.end("name"))
            yield ConfigKey(match["name"], span, Known(value=True, span=span), Absent(span))
