"""Config modules: the one file of an application that checks its environment when it starts.

Among the files whose names suggest it, those count that really check: a schema that is fed `process.env`, t3-env's
`createEnv`, envalid's `cleanEnv`, or a throw by hand. An application gets one module, its best; further files that
check are named in the module's `gap`. A file that reads the environment without any check has an empty `library`.

Applications in other languages get a module without keys whose `gap` says that their settings are not read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from policyengine.discover import parent
from policyengine.lower import Lowered
from policyengine.lower.config_reads import ENVIRONMENT, aliases, computed, found, reads
from policyengine.lower.config_schema import Modules, Place, Shape, Verdict, library, literal, modules, shape
from policyengine.lower.package import set_aside
from policyengine.nodes import ConfigKey, ConfigModule, Side
from policyengine.source import Span
from policyengine.value import Absent, Known, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.discover import Files
    from policyengine.formats.typescript import Code, Part
    from policyengine.lower.config_reads import Read
    from policyengine.source import Source

_SCRIPT = re.compile(r"(?P<stem>.+)\.[cm]?[jt]s")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_NAMES = frozenset("env envs environment environments config configs configuration settings envvars secrets".split())  # noqa: SIM905  a list of words
_PLAIN_NAMES = frozenset("env environment environments config configuration settings".split())  # noqa: SIM905
_FOLDERS = frozenset("env envs config configs configuration environment environments settings".split())  # noqa: SIM905
_FURTHER = frozenset({"app.module", "keys", "instrumentation"})
_TOOLS = re.compile(
    r"(?:next|vite|vitest|jest|playwright|webpack|rollup|rolldown|tailwind|postcss|eslint|prettier|babel|cypress|drizzle"
    r"|metro|astro|svelte|nuxt|remix|react-router|tsup|tsdown|esbuild|rspack|rsbuild|turbo|gatsby|docusaurus|commitlint"
    r"|stylelint|lint-staged|sanity(?:\.cli)?|payload|trigger|prisma|codegen|graphql|orval|karma|protractor|wdio|mocha|ava"
    r"|nodemon|pm2|ecosystem|release|semantic-release|changelog|svgo|uno|unocss|windi|vue|quasar|capacitor|expo|electron"
    r"|forge|ng|nx|workspace|jsdoc|typedoc|i18n|i18next(?:-parser)?|lingui|formatjs|storybook|ladle|histoire|knip|oxlint"
    r"|biome|content|contentlayer|source|velite|mdx|sst|serverless|wrangler|open-next|sentry(?:\.\w+)?|instrumentation"
    r"|components|shadcn|panda|theme|stencil|snowpack|parcel|craco|config-overrides|proxy|test|tests|e2e|mikro-orm|orm"
    r"|ormconfig|knexfile|sequelize|better-auth|auth|vitest\.\w+|jest\.\w+|vite\.\w+|webpack\.\w+|lighthouse\w*|backstop"
    r"|rush|lage|bunup|nitro|app|stryker|dependency-cruiser|license|check\w*|size-limit|bundle\w*)\.config"
)
_ELSEWHERE = re.compile(
    r"(?:^|/)(?:scripts?|tools?|bin|migrations?|seeds?|seeders?|infra|infrastructure|cdk|terraform|iac|pulumi|deploy(?:ment)?"
    r"|playwright|\.github|\.circleci|docs?|\.storybook|storybook|public|static|assets|types|typings|generated|i18n|locales|stories"
    r"|benchmarks?|load[-_]tests?|hardhat|contracts|\.\w[\w-]*)/"
)
_CLIENT = re.compile(r"(?:NEXT_PUBLIC|VITE|REACT_APP|PUBLIC|NUXT_PUBLIC|EXPO_PUBLIC|GATSBY|VUE_APP)_")
_RELEVANT = re.compile(
    rf"{ENVIRONMENT}|\b(?:Deno|Bun)\s*\.\s*env\b|\bcreateEnv\b|\bcleanEnv\b|\bvalidationSchema\b|\bgetOrThrow\b"
    r"|\bProcessEnv\b|\bparseEnv\b|\bconvict\b|\bplainTo(?:Instance|Class)\b"
)

_T3 = re.compile(r"(?<!function )\bcreateEnv\s*(?:<[^()]{0,200}>\s*)?\(")
_CLEAN = re.compile(r"(?<!function )\b(?:cleanEnv|customCleanEnv|parseEnv)\s*(?:<[^()]{0,200}>\s*)?\(")
_PARSES = re.compile(
    r"(\??\.)\s*(parse|safeParse|parseAsync|safeParseAsync|spa|validate|validateSync|validateAsync|attempt|assert|cast"
    r"|from|decode|create)\s*(?:<[^()]{0,200}>\s*)?\("
)
_PARSE_CALL = re.compile(r"(?<![\w$.])(parse|safeParse|parser|assert|attempt)\s*\(")
_ARK_CALL = re.compile(r"(?<![\w$.])([A-Za-z_$][\w$]*)\s*\(\s*(?=process|import|Bun)")
_NEST = re.compile(r"\bvalidationSchema\s*:\s*")
_CONVICT = re.compile(r"(?<![\w$.])convict\s*(?:<[^()]{0,200}>\s*)?\(")
_ENV_VAR = re.compile(r"(?<![\w$])(?:env|envVar|from\([^()]*\))\s*\.\s*get\s*\(\s*(?=[\"'`])")
_CLASS = re.compile(r"\bplainTo(?:Instance|Class)\s*\(\s*([A-Za-z_$][\w$]*)")
_DECORATED = re.compile(r"^[ \t]*(?:public\s+|readonly\s+)*([A-Z][A-Z0-9_]*)\s*([?!])?\s*[:=;]", re.MULTILINE)
_WHOLE = re.compile(rf"{ENVIRONMENT}(?!\s*(?:\??\.\s*[\w$]|\??\.?\s*\[))|\b(?:Deno\s*\.\s*env\s*\.\s*toObject)\b")
_SOME = re.compile(ENVIRONMENT)
_FAILS = re.compile(
    r"\bthrow\b|\b(?:process|Deno)\s*\.\s*(?:exit|abort)\s*\(|\bexitCode\b|\b(?:fail|panic|die|fatal)\w*\s*\(|\.orThrow\b|\breject\("
)


class _Checked(NamedTuple):
    """What one check of a file says: the library, the keys, and why there may be more."""

    library: str
    keys: tuple[ConfigKey, ...]
    gap: str = ""
    bypass: Value[str] | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A file that reads the environment."""

    path: str
    directory: str
    library: str
    keys: tuple[ConfigKey, ...]
    gap: Unknown | None
    bypass: Value[str] | None
    rank: tuple[object, ...]


def lower(files: Files) -> Lowered:
    """At most one ConfigModule for each folder with a package manifest."""
    paths = files.paths
    known = frozenset(paths)
    reader = modules(files)
    by_folder: dict[str, list[_Candidate]] = defaultdict(list)
    for path in paths:
        if _suggested(path) and (candidate := _candidate(reader, path, known)) is not None:
            by_folder[candidate.directory].append(candidate)
    nodes: dict[str, ConfigModule] = {}
    for directory, candidates in sorted(by_folder.items()):
        module = _best(directory, candidates)
        if module is not None:
            nodes[directory] = module
    for module in _others(files, known):
        own = nodes.get(module.directory)
        if own is None or not own.library:
            nodes[module.directory] = module
    for module in _shared(files, nodes):
        nodes[module.directory] = module
    return Lowered(nodes=tuple(sorted(nodes.values(), key=lambda node: node.id)))


def _suggested(path: str) -> bool:
    """Whether a path may be a config module by its name."""
    pure = PurePosixPath(path)
    match = _SCRIPT.fullmatch(pure.name)
    if match is None or path.endswith(".d.ts") or set_aside(path) or _ELSEWHERE.search(path):
        return False
    stem = match["stem"]
    if _TOOLS.fullmatch(stem) and not (stem == "app.config" and "config" in pure.parts[:-1]):
        return False
    if re.search(r"\.(?:test|spec|stories|mock|setup)$", stem) or stem.startswith("."):
        return False
    words = {word.lower() for word in _WORDS.findall(stem)}
    return bool(words & _NAMES) or stem in _FURTHER or pure.parent.name in _FOLDERS


def _candidate(reader: Modules, path: str, known: frozenset[str]) -> _Candidate | None:
    source = reader.files.read(path)
    if source is None or not _RELEVANT.search(source.text):
        return None
    code = reader.code(path)
    if code is None:
        return None
    checks = list(_checks(reader, code))
    plain = [_key(each.key, each.name, each.verdict, code) for each in found(reader, code)]
    manual = any(isinstance(key.required, Known) and key.required.value for key in plain)
    named = next((check.library for check in checks if check.library), "manual" if manual else "")
    dynamic = not named and "throw" in code.text and any(not key.client for key in plain) and computed(code)
    keys: dict[str, ConfigKey] = {}
    for key in (*(key for check in checks for key in check.keys), *plain):
        keys.setdefault(key.key, key)
    if not named and not keys:
        return None
    stem = PurePosixPath(path).name.split(".")[0].lower()
    folder = PurePosixPath(path).parent.name
    plainly = stem in _PLAIN_NAMES or (folder in _FOLDERS and stem in ("index", "server", "app"))
    if not named and not (
        plainly and any(not key.client and key.key not in ("NODE_ENV", "CI") for key in keys.values())
    ):
        return None
    gap = next((check.gap for check in checks if check.gap), "the names that it checks are computed" if dynamic else "")
    required = sum(isinstance(key.required, Known) and key.required.value for key in keys.values())
    only_client = all(key.client for key in keys.values())
    rank = (
        not named,
        not keys,
        only_client,
        named == "manual",
        not plainly,
        -required,
        -len(keys),
        path.count("/"),
        path,
    )
    return _Candidate(
        path,
        _directory(path, ("package.json", "deno.json", "deno.jsonc"), known),
        named,
        tuple(keys.values()),
        Unknown(gap, source.span(0, 0)) if gap else None,
        next((check.bypass for check in checks if check.bypass is not None), None),
        rank,
    )


def _directory(path: str, manifests: Sequence[str], known: frozenset[str]) -> str:
    """The nearest folder upward that holds a manifest, the root when none does."""
    folder = parent(path)
    while folder:
        if any(f"{folder}/{name}" in known for name in manifests):
            return folder
        folder = parent(folder)
    return ""


def _best(directory: str, candidates: Sequence[_Candidate]) -> ConfigModule | None:
    first, *rest = sorted(candidates, key=lambda candidate: candidate.rank)
    keys = {key.key: key for key in first.keys}
    elsewhere: list[str] = []
    for other in rest:
        if not other.library:
            continue
        if (
            parent(other.path) == parent(first.path)
            and other.library not in ("", "manual")
            and first.library != "manual"
        ):
            for key in other.keys:
                keys.setdefault(key.key, key)
        else:
            elsewhere.append(other.path)
    gap = first.gap
    if gap is None and elsewhere:
        shown = ", ".join(f"'{path}'" for path in elsewhere[:3]) + (" and others" if len(elsewhere) > 3 else "")
        gap = Unknown(f"the environment is also checked in {shown}", _start(first))
    return ConfigModule(
        id=f"config:{first.path}",
        name=first.path,
        side=Side.SOURCE,
        span=_start(first),
        path=first.path,
        directory=directory,
        library=first.library,
        keys=tuple(keys.values()),
        gap=gap,
        bypass=first.bypass,
    )


def _start(candidate: _Candidate) -> Span:
    return Span(candidate.path, 0, 0)


# Checks


def _checks(reader: Modules, code: Code) -> Iterator[_Checked]:
    """Every check by a library in a file."""
    yield from _t3(reader, code)
    yield from _cleaned(reader, code)
    yield from _parsed(reader, code)
    yield from _nest(reader, code)
    yield from _convict(code)
    yield from _env_var(reader, code)
    yield from _classes(code)


def _t3(reader: Modules, code: Code) -> Iterator[_Checked]:
    for match in _T3.finditer(code.text):
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
            yield _Checked("", open_keys, "validation is switched off")
        else:
            yield _Checked("t3-env", tuple(keys), gap, bypass)


_SWITCH = re.compile(r"(?:!!\s*|\bBoolean\(\s*)?\Z")
_SWITCHED = re.compile(r"\s*\)?\s*(?:={2,3}\s*[\"'`]|[|,;)}\n]|\Z)")


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


def _cleaned(reader: Modules, code: Code) -> Iterator[_Checked]:
    """`cleanEnv(process.env, { A: str() })`, and `parseEnv(process.env, { A: z.string() })` of znv."""
    for match in _CLEAN.finditer(code.text):
        arguments = code.items(match.end() - 1)
        if len(arguments) < 2 or not _environment(reader, code, arguments[0]):
            continue
        declared = shape(reader, Place(code, arguments[1]))
        name = "znv" if match[0].startswith("parseEnv") else "envalid"
        yield _Checked(name, tuple(_bind(reader, declared, code, arguments[0])), declared.gap)


def _parsed(reader: Modules, code: Code) -> Iterator[_Checked]:
    """`schema.parse(process.env)`, `v.parse(schema, process.env)`, `Env(process.env)`."""
    for match in _PARSES.finditer(code.text):
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
    for match in _PARSE_CALL.finditer(code.text):
        arguments = code.items(match.end() - 1)
        if len(arguments) > 1 and library(code, match[1]) and _environment(reader, code, arguments[1]):
            yield from _checked(
                reader,
                Place(code, arguments[0]),
                Place(code, arguments[1]),
                method=match[1],
                name=library(code, match[1]),
            )
    for match in _ARK_CALL.finditer(code.text):
        target = reader.value(code, match[1])
        opener = code.text.rfind("(", match.start(), match.end())
        arguments = code.items(opener)
        if target is None or not arguments or not _environment(reader, code, arguments[0]):
            continue
        links, _ = target.code.chain(target.part)
        if links and library(target.code, links[0].name) == "arktype":
            yield from _checked(reader, target, Place(code, arguments[0]), method="assert", name="arktype")


def _checked(reader: Modules, schema: Place, given: Place, *, method: str, name: str) -> Iterator[_Checked]:
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
    yield _Checked("" if lenient else named, keys, declared.gap)


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
                yield _key(each.key, each.name, each.verdict, code, client=client)
            continue
        holder = opener[0]
        inside = [read for read in every if value.start <= read.part.start < value.end]
        if not inside:
            nested = _nested(reader, each.value, holder, value)
            if nested is not None:
                yield from nested
            continue
        verdict = _through(reader, holder, value, inside, each.verdict)
        first = inside[0]
        place = each.name if first.key == each.key else Place(holder, first.name)
        yield _key(first.key, place, verdict, code, client=client)


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


def _key(key: str, place: Place, verdict: Verdict, code: Code, *, client: bool = False) -> ConfigKey:
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


def _nest(reader: Modules, code: Code) -> Iterator[_Checked]:
    """`ConfigModule.forRoot({ validationSchema: Joi.object({ … }) })`."""
    for match in _NEST.finditer(code.text):
        part = code.expression(match.end())
        declared = shape(reader, Place(code, part))
        name = _root_library(reader, code, part)
        if declared.fields or name:
            keys = tuple(_key(each.key, each.name, each.verdict, code) for each in declared.fields)
            yield _Checked(name or "joi", keys, declared.gap)


def _convict(code: Code) -> Iterator[_Checked]:
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
        yield _Checked("convict", tuple(keys))


def _env_var(reader: Modules, code: Code) -> Iterator[_Checked]:
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
        yield _Checked("env-var", tuple(keys))
    elif keys:
        yield _Checked("", tuple(keys))


def _classes(code: Code) -> Iterator[_Checked]:
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
        yield _Checked("class-validator", tuple(keys), "" if keys else "the class of variables is in another file")
        return


# Other languages


class _Language(NamedTuple):
    """How the settings of a language look: the files, what they contain, and its manifests."""

    name: str
    path: re.Pattern[str]
    libraries: tuple[tuple[str, re.Pattern[str]], ...]
    manifests: tuple[str, ...]


_LANGUAGES = (
    _Language(
        "Python",
        re.compile(
            r"(?:.+/)?(?:settings|config|configuration|env|environment|app_config|app_settings|configs)\.py"
            r"|(?:.+/)?(?:settings|config|configs)/(?:\w+)\.py"
        ),
        (
            ("pydantic", re.compile(r"\bBaseSettings\b")),
            ("django-environ", re.compile(r"\benviron\.(?:Fileaware)?Env\(|\bfrom environ import")),
            ("decouple", re.compile(r"\b(?:from|import) decouple\b")),
            ("environs", re.compile(r"\b(?:from|import) environs\b")),
            ("dynaconf", re.compile(r"\bdynaconf\b", re.IGNORECASE)),
            ("starlette", re.compile(r"\bstarlette\.config\b")),
            (
                "os.environ",
                re.compile(r"\bos\.environ\b|\bos\.getenv\b|\bfrom os import (?:environ|getenv)|\bgetenv\("),
            ),
        ),
        ("pyproject.toml", "requirements.txt", "Pipfile", "setup.py", "manage.py", "requirements.in", "uv.lock"),
    ),
    _Language(
        "Ruby",
        re.compile(r"(?:.+/)?config/application\.rb|(?:.+/)?config/(?:environment|settings|config)\.rb"),
        (("rails", re.compile(r"\bRails\b|\bENV\b")),),
        ("Gemfile",),
    ),
    _Language(
        "PHP",
        re.compile(r"(?:.+/)?config/(?:app|services|bundles|database)\.(?:php|ya?ml)"),
        (("laravel", re.compile(r"\benv\(")), ("symfony", re.compile(r"%env\(|Symfony"))),
        ("composer.json",),
    ),
    _Language(
        "Go",
        re.compile(
            r"(?:.+/)?(?:config|configuration|env|settings|conf)\.go|(?:.+/)?(?:config|env|settings|conf)/\w+\.go"
        ),
        (
            ("envconfig", re.compile(r"\benvconfig\b")),
            ("viper", re.compile(r"\bspf13/viper\b")),
            ("cleanenv", re.compile(r"\bcleanenv\b")),
            ("env", re.compile(r"\bcaarlos0/env\b")),
            ("os", re.compile(r"\bos\.(?:Getenv|LookupEnv)\b")),
        ),
        ("go.mod",),
    ),
    _Language(
        "JVM",
        re.compile(r"(?:.+/)?src/main/resources/(?:config/)?application[\w-]*\.(?:ya?ml|properties|conf)"),
        (("spring", re.compile(r"\$\{|^spring|^server|^quarkus|^micronaut|\?[A-Z_]+", re.MULTILINE)),),
        ("pom.xml", "build.gradle", "build.gradle.kts", "build.sbt"),
    ),
    _Language(
        "Rust",
        re.compile(r"(?:.+/)?src/(?:.+/)?(?:config|configuration|env|settings)(?:/mod)?\.rs"),
        (
            ("envy", re.compile(r"\benvy::")),
            ("figment", re.compile(r"\bfigment\b")),
            ("config", re.compile(r"\bconfig::(?:Config|Environment)\b")),
            ("std", re.compile(r"\benv::var\b|\benv!\(|\bdotenv|#\[(?:arg|clap)\(.*\benv\b")),
        ),
        ("Cargo.toml",),
    ),
    _Language(
        "Elixir",
        re.compile(r"(?:.+/)?config/(?:runtime|releases)\.exs"),
        (("config", re.compile(r"System\.(?:fetch_env!|get_env)")),),
        ("mix.exs",),
    ),
    _Language(
        ".NET",
        re.compile(r"(?:.+/)?appsettings\.json"),
        (("dotnet", re.compile(r"\{")),),
        (),
    ),
)


_NO_SETTINGS = re.compile(
    r"(?:^|/)(?:\.\w[\w-]*|alembic\w*|\w*migrations?|load[-_]?tests?|locust|scripts?|tools?|docs?|demos?|demo_apps)/"
)


def _others(files: Files, known: frozenset[str]) -> Iterator[ConfigModule]:
    """One module without keys for each application that is not written for Node."""
    done: dict[str, tuple[tuple[int, int, str], ConfigModule]] = {}
    for path in files.paths:
        language = next((each for each in _LANGUAGES if each.path.fullmatch(path)), None)
        if language is None or set_aside(path) or _NO_SETTINGS.search(path):
            continue
        source = files.read(path)
        if source is None:
            continue
        for order, (name, pattern) in enumerate(language.libraries):
            if not pattern.search(source.text):
                continue
            directory = _directory(path, language.manifests, known) if language.manifests else parent(path)
            rank = (order, path.count("/"), path)
            if directory not in done or rank < done[directory][0]:
                span = source.span(0, 0)
                module = ConfigModule(
                    id=f"config:{path}",
                    name=path,
                    side=Side.SOURCE,
                    span=span,
                    path=path,
                    directory=directory,
                    library=name,
                    keys=(),
                    gap=Unknown(f"settings in {language.name} are not read", span),
                )
                done[directory] = (rank, module)
            break
    for _, module in done.values():
        yield module


# Modules shared in a monorepo

_DOCKERFILE = re.compile(r"(?:Dockerfile|Containerfile)(?:[.-][\w.-]+)?|[\w.-]+\.[dD]ockerfile")


def _shared(files: Files, nodes: dict[str, ConfigModule]) -> Iterator[ConfigModule]:
    """For an npm package with a Dockerfile but no module: that of a package of the repository that it depends on."""
    if len(nodes) == 0:
        return
    from policyengine.lower import package as manifests  # noqa: PLC0415  only where there is a module
    from policyengine.nodes import Package  # noqa: PLC0415

    packages = [
        node for node in manifests.lower(_OnlyNpm(files)).nodes if isinstance(node, Package) and node.ecosystem == "npm"
    ]
    providers = {
        package.name: nodes[package.directory]
        for package in packages
        if package.directory in nodes and nodes[package.directory].library and package.directory
    }
    built = {parent(path) for path in files.paths if _DOCKERFILE.fullmatch(PurePosixPath(path).name)}
    for package in packages:
        own = nodes.get(package.directory)
        if package.directory not in built or (own is not None and (own.library or own.gap is not None)):
            continue
        wanted = [providers[each.key] for each in package.dependencies if each.key in providers]
        if not wanted:
            continue
        named = [module for module in wanted if re.search(r"env|config", module.directory.rpartition("/")[2])]
        first = (named or wanted)[0]
        yield replace(
            first,
            id=f"config:{package.directory}={first.path}",
            directory=package.directory,
            keys=first.keys if named else (),
            gap=first.gap
            if named and first.gap
            else None
            if named
            else Unknown(f"the environment is checked in '{first.path}' of a package it depends on", first.span),
        )


@dataclass(frozen=True, slots=True)
class _OnlyNpm:
    """The package.json files of a tree."""

    files: Files

    @property
    def paths(self) -> Sequence[str]:
        return [path for path in self.files.paths if PurePosixPath(path).name == "package.json"]

    def read(self, path: str) -> Source | None:
        return self.files.read(path)
