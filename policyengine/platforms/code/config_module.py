"""Config modules: the one file of an application that checks its environment when it starts.

Among the files whose names suggest it, those count that really check: a schema that is fed `process.env`, t3-env's
`createEnv`, envalid's `cleanEnv`, or a throw by hand. An application gets one module, its best; further files that
check are named in the module's `gap`. A file that reads the environment without any check has an empty `library`.

Applications in other languages get a module without keys whose `gap` says that their settings are not read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.nodes import ConfigKey, ConfigModule, Side
from policyengine.model.source import Span
from policyengine.model.value import Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.code.config_checks import checks as config_checks
from policyengine.platforms.code.config_checks import config_key
from policyengine.platforms.code.config_languages import application, other_modules
from policyengine.platforms.code.config_reads import ENVIRONMENT, computed, found
from policyengine.platforms.code.config_schema import Modules, modules
from policyengine.platforms.code.package import set_aside
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.repository.files import Files

_SCRIPT = regex(r"(?P<stem>.+)\.[cm]?[jt]s")
_WORDS = regex(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_NAMES = frozenset("env envs environment environments config configs configuration settings envvars secrets".split())  # noqa: SIM905  a list of words
_PLAIN_NAMES = frozenset("env environment environments config configuration settings".split())  # noqa: SIM905
_FOLDERS = frozenset("env envs config configs configuration environment environments settings".split())  # noqa: SIM905
_FURTHER = frozenset({"app.module", "keys", "instrumentation"})
_TOOLS = regex(
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
_ELSEWHERE = regex(
    r"(?:^|/)(?:scripts?|tools?|bin|migrations?|seeds?|seeders?|infra|infrastructure|cdk|terraform|iac|pulumi|deploy(?:ment)?"
    r"|playwright|\.github|\.circleci|docs?|\.storybook|storybook|public|static|assets|types|typings|generated|i18n|locales|stories"
    r"|benchmarks?|load[-_]tests?|hardhat|contracts|\.\w[\w-]*)/"
)
_RELEVANT = regex(
    rf"{ENVIRONMENT}|\b(?:Deno|Bun)\s*\.\s*env\b|\bcreateEnv\b|\bcleanEnv\b|\bvalidationSchema\b|\bgetOrThrow\b"
    r"|\bProcessEnv\b|\bparseEnv\b|\bconvict\b|\bplainTo(?:Instance|Class)\b"
)

_LARGEST = 200_000
"""Characters of a config module: a longer file is generated."""


class _Candidate(Struct, frozen=True):
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
    paths = files.ending(".js", ".cjs", ".mjs", ".ts", ".cts", ".mts")
    reader = modules(files)
    by_folder: dict[str, list[_Candidate]] = defaultdict(list)
    for path in paths:
        if _suggested(path) and (candidate := _candidate(reader, path)) is not None:
            by_folder[candidate.directory].append(candidate)
    nodes: dict[str, ConfigModule] = {}
    for directory, candidates in sorted(by_folder.items()):
        module = _best(directory, candidates)
        if module is not None:
            nodes[directory] = module
    for module in other_modules(files):
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


def _candidate(reader: Modules, path: str) -> _Candidate | None:
    source = reader.files.read(path)
    if source is None or len(source.text) > _LARGEST or not _RELEVANT.search(source.text):
        return None
    code = reader.code(path)
    if code is None:
        return None
    checks = list(config_checks(reader, code))
    plain = [config_key(each.key, each.name, each.verdict, code) for each in found(reader, code)]
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
        application(path, ("package.json", "deno.json", "deno.jsonc"), reader.files),
        named,
        tuple(keys.values()),
        Unknown(gap, source.span(0, 0)) if gap else None,
        next((check.bypass for check in checks if check.bypass is not None), None),
        rank,
    )


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


# Modules shared in a monorepo

_DOCKERFILE = regex(r"(?:Dockerfile|Containerfile)(?:[.-][\w.-]+)?|[\w.-]+\.[dD]ockerfile")


def _shared(files: Files, nodes: dict[str, ConfigModule]) -> Iterator[ConfigModule]:
    """For an npm package with a Dockerfile but no module: that of a package of the repository that it depends on."""
    if len(nodes) == 0:
        return
    from policyengine.model.nodes import Package  # noqa: PLC0415
    from policyengine.platforms.code import package as manifests  # noqa: PLC0415  only where there is a module

    packages = [
        node
        for node in manifests.packages(files, files.named("package.json")).nodes
        if isinstance(node, Package) and node.ecosystem == "npm"
    ]
    providers = {
        package.name: nodes[package.directory]
        for package in packages
        if package.directory in nodes and nodes[package.directory].library and package.directory
    }
    dockerfiles = files.holding("ockerfile", "ontainerfile")
    built = {parent(path) for path in dockerfiles if _DOCKERFILE.fullmatch(PurePosixPath(path).name)}
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
