"""Where applications keep their settings: how such files are called, and how each language reads the environment."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.loading import Cited, FactTable, table
from policyengine.knowledge.names import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class FileWord(Struct, frozen=True, forbid_unknown_fields=True):
    """A word in the name of a file with settings. `plain` says it alone; all of a `folder` so called holds settings."""

    plain: bool
    folder: bool
    source: str


class SettingsLibrary(Struct, frozen=True, forbid_unknown_fields=True):
    """A library that reads the environment, and the pattern of a file that uses it."""

    name: str
    pattern: str


class SettingsFunction(Struct, frozen=True, forbid_unknown_fields=True):
    """What a function, or a method of what it makes, does with the environment.

    It `reads` a variable, which may be missing, or `asks` for one that must be there, both but for a `default` (the
    place of that argument); `open` asks where it is not told who gives it, `all` for each that it is given, and `binds`
    reads those behind the first. It `sets` variables, `needs` what it is given, gives the `same`, `makes` what has
    methods, `fails` with an error, `ends` the program, tells whether this is `production`. `environment` holds all
    variables, `settings` is a class whose fields are variables; one that may be nothing is then `optional`. `key` is
    read where no name is given.
    """

    does: str
    source: str
    default: int = 0
    key: str = ""
    optional: bool = False


class Language(Struct, frozen=True, forbid_unknown_fields=True):
    """How the settings of a language look.

    `paths` are patterns of whole paths; `libraries` the strictest first; `manifests` name the files in the folder of an
    application. `endings` and `names` are those of all its files. An application loads all of them `together`, or one.
    """

    paths: list[str]
    libraries: list[SettingsLibrary]
    manifests: list[str]
    endings: list[str]
    names: list[str]
    source: str
    together: bool = False

    def holds(self, path: str) -> bool:
        """Whether a file may hold settings, by its path."""
        return any(re.fullmatch(pattern, path) for pattern in self.paths)

    def library(self, text: str) -> tuple[int, str] | None:
        """The library that a file uses, and how strict it is (0 the most); None for none."""
        found = ((order, each.name) for order, each in enumerate(self.libraries) if re.search(each.pattern, text))
        return next(found, None)


class Routed(Struct, frozen=True, forbid_unknown_fields=True):
    """The `files` that a framework runs because of where they lie, as a pattern of whole paths."""

    files: str
    source: str


class Settings(FactTable, frozen=True):
    """The table. Words and `files` are those of Node's; `tools` are those whose `NAME.config.ts` is theirs alone.

    `functions` are named after their language; `node_programs` run packages of Node or build what browsers get, and
    load no settings in another language; `routed` are packages that find the files of an application by their place.
    `folders` hold no settings of an application, `upkeep` those of the
    other languages; `*` stands for anything.
    """

    words: dict[str, FileWord]
    files: dict[str, Cited]
    tools: dict[str, Cited]
    folders: dict[str, Cited]
    upkeep: dict[str, Cited]
    functions: dict[str, SettingsFunction]
    node_programs: dict[str, Cited]
    routed: dict[str, Routed]
    languages: dict[str, Language]


def _settings() -> Settings:
    return table("settings", Settings)


def _one_of(names: Iterable[str], patterns: Mapping[str, Cited]) -> bool:
    wild = [pattern for pattern in patterns if "*" in pattern]
    return any(name in patterns or any(fnmatchcase(name, pattern) for pattern in wild) for name in names)


def may_hold_settings(path: str) -> bool:
    """Whether a TypeScript or JavaScript file may hold the settings of an application, by its path."""
    known, pure = _settings(), PurePosixPath(path)
    stem, parts = pure.stem, pure.parts[:-1]
    tool, dot, last = stem.rpartition(".")
    if (
        _one_of(parts, known.folders)
        or stem.startswith(".")
        or last in ("test", "spec", "stories", "mock", "setup", "d")
    ):
        return False
    if dot and last == "config" and _one_of((tool,), known.tools) and not (tool == "app" and "config" in parts):
        return False
    return _in_folder(parts) or stem in known.files or any(word in known.words for word in words(stem))


def speaks_of_settings(name: str) -> bool:
    """Whether the name of a package speaks of settings: `@acme/env`, `app-config`."""
    return any(word in _settings().words for word in words(name.rpartition("/")[2]))


def is_plainly_settings(path: str) -> bool:
    """Whether a file says by its name that it holds the settings: `config.ts`, `env/index.ts`."""
    known, pure = _settings(), PurePosixPath(path)
    stem = pure.name.partition(".")[0].lower()
    plain = stem in known.words and known.words[stem].plain
    return plain or (stem in ("index", "server", "app") and _in_folder(pure.parts[:-1]))


def _in_folder(parts: Sequence[str]) -> bool:
    """Whether a folder holds settings: `config`, `packages/env/src`."""
    folders = [part for part in parts if part != "src"][-1:]
    return any(part in _settings().words and _settings().words[part].folder for part in folders)


def languages() -> Mapping[str, Language]:
    """The languages besides TypeScript and JavaScript."""
    return _settings().languages


def function(language: str, path: str) -> SettingsFunction | None:
    """What a function does with the environment, by its path: `os.getenv`, `environ.Env().bool`."""
    known = _settings().functions
    return known.get(f"{language}:{path}") or known.get(f"{language}:{path.rpartition('.')[0]}.*")


def serves_upkeep(path: str) -> bool:
    """Whether a file stands in a folder that holds no settings of an application: migrations, scripts, guides."""
    return _one_of(PurePosixPath(path).parts[:-1], _settings().upkeep)


def is_of_node(program: str) -> bool:
    """Whether a program runs packages of Node, or builds what browsers get: it loads no settings of other languages."""
    return program in _settings().node_programs


def is_routed(framework: str, path: str) -> bool:
    """Whether a framework runs a file because of where it lies, and nothing needs to import it: routes of Next.js."""
    known = _settings().routed.get(framework)
    return known is not None and re.fullmatch(known.files, path) is not None
