"""What files of an application read of the environment beside its config module, and which files lead to them.

A file counts for a container only where what the container starts leads to it: by imports, or since a framework finds
files by their place. What it demands counts only where it runs as soon as the program starts.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache, partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from policyengine.knowledge import settings
from policyengine.knowledge.variables import is_published
from policyengine.model.nodes import CodeReads, ConfigKey
from policyengine.model.value import Absent, Known, Unknown
from policyengine.patterns import regex
from policyengine.platforms.code.config_account import WHERE_USED
from policyengine.platforms.code.config_candidate import unless_refused
from policyengine.platforms.code.package import set_aside
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from policyengine.model.source import Source
    from policyengine.repository.files import Files

LARGEST = 200_000
"""Characters of a file that is followed: a longer one is generated."""

MOST = 2_000
"""So many files of an application are searched for what they import."""

_MOST_FOLLOWED = 150
"""So many files of an application that read the environment are followed."""

_PYTHON = regex(
    r"\n([ \t]*)(?:from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]*)|import[ \t]+([\w., \t]+))"
)  # begins with a character, which makes the search many times faster than `(?m)^`
_DJANGO = regex(r"DJANGO_SETTINGS_MODULE[\"'][ \t]*,[ \t]*[\"']([\w.]+)")
_READING = ("environ", "getenv", "config(", "env(", "Settings", "decouple", "dynaconf")


def may_read(text: str) -> bool:
    """Whether a text in Python may read the environment."""
    return any(each in text for each in _READING)


_WORD = regex(r"(\w+)(?:[ \t]+as[ \t]+\w+)?")


class Imported(NamedTuple):
    """A file that another one imports, and whether it does so as soon as it runs."""

    path: str
    at_once: bool = True


def gathered(
    paths: Iterable[str],
    keys: Callable[[str], tuple[ConfigKey, ...]],
    imports: Mapping[str, Iterable[Imported]],
    placed: Callable[[str], bool],
) -> tuple[CodeReads, ...]:
    """The reads of files, with those that lead to each; `placed` tells those that a framework finds by their place."""
    importers: dict[str, list[Imported]] = defaultdict(list)
    for path, found in imports.items():
        for each in found:
            importers[each.path].append(Imported(path, each.at_once))
    made = []
    for path in list(paths)[:_MOST_FOLLOWED]:
        own = keys(path)
        if own:
            led = _leading(path, importers, lazily=True)
            led |= {""} if any(map(placed, led)) else set()
            made.append(
                CodeReads(path, own, tuple(sorted(led)), tuple(sorted(_leading(path, importers, lazily=False))))
            )
    return tuple(made)


def _placed(frameworks: Iterable[str], path: str) -> bool:
    """Whether a framework finds a file by its place."""
    return any(settings.is_routed(each, path) for each in frameworks)


def _leading(path: str, importers: Mapping[str, list[Imported]], *, lazily: bool) -> set[str]:
    found, waiting = {path}, [path]
    while waiting:
        more = {each.path for each in importers.get(waiting.pop(), ()) if lazily or each.at_once} - found
        found |= more
        waiting += more
    return found


def of_python(
    files: Files, directories: Callable[[str], str], follow: Callable[[Source], tuple[ConfigKey, ...]]
) -> Mapping[str, tuple[CodeReads, ...]]:
    """What the Python files of each application read; `directories` gives the folder of the application of a file."""
    language = settings.languages()["Python"]
    every = [path for path in files.ending(".py") if not set_aside(path)]
    if len(every) > MOST:
        return {}
    texts = {path: source for path in every if (source := files.read(path)) is not None}
    reading: dict[str, list[str]] = defaultdict(list)
    for path, source in texts.items():
        if may_read(source.text) and len(source.text) <= LARGEST and language.library(source.text) is not None:
            reading[directories(path)].append(path)
    known = frozenset(texts)
    heads = {part for path in known for part in path.split("/")} if reading else set()

    @cache
    def named(folder: str, module: str) -> tuple[str, ...]:
        first = module.partition(".")[0]  # empty for a relative one
        inside = not first or first in heads or f"{first}.py" in heads
        return tuple(python_files(known.__contains__, folder, module)) if inside else ()

    imports = {path: list(_python_imports(texts[path], named)) for path in texts} if reading else {}
    django = {parent(path) for path in known if PurePosixPath(path).name == "manage.py"}

    def placed(path: str) -> bool:
        inside = any(not folder or path.startswith(f"{folder}/") for folder in django)
        return inside and _placed(("django",), path) and not settings.serves_upkeep(path)

    def keys(path: str) -> tuple[ConfigKey, ...]:
        return tuple(key for key in follow(texts[path]) if key.span.path == path)

    return {folder: gathered(paths, keys, imports, placed) for folder, paths in reading.items()}


def of_go(files: Files, follow: Callable[[Source], tuple[ConfigKey, ...]]) -> Mapping[str, tuple[CodeReads, ...]]:
    """What the Go files of each module read, led to by the folders of its programs."""
    from policyengine.platforms.code import go_programs  # noqa: PLC0415  only where there is Go

    found = {}
    for manifest in files.named("go.mod"):
        directory = parent(manifest)
        programs = go_programs.programs(files, directory) if not set_aside(manifest) else {}
        made = []
        for path in (each for each in files.below(directory) if programs and each.endswith(".go")):
            source = None if path.endswith("_test.go") or set_aside(path) else files.read(path)
            led = sorted(main for main, taken in programs.items() if parent(path) in taken)
            if source is None or not led or settings.languages()["Go"].library(source.text) is None:
                continue
            starts = [main for main in led if main == parent(path)]
            whole = len(led) == len(programs)
            keys = follow(source)
            if keys:
                made.append(CodeReads(path, keys, ("",) if whole else tuple(led), tuple(starts)))
        if made:
            found[directory] = tuple(made[:_MOST_FOLLOWED])
    return found


_NODE_IMPORT = regex(r"(?:\bfrom|\bimport|\brequire\s*\(|\b(import)\s*\()\s*[\"'`]([.@~#$\w][^\"'`\n]*)[\"'`]")
_LITERAL = r"\"([^\"\n]*)\"|'([^'\n]*)'|`([^`$\n]*)`"
_NODE_READ = regex(
    r"(?:\bprocess\??\.env(?:\??\.([A-Za-z_]\w*)\b|\??\.?\[\s*[\"'`](\w+)[\"'`]\s*\])"
    r"|\b[cC]onfig(?:Service)?\.get(?:<[^>\n]*>)?\(\s*[\"']([A-Z][A-Z0-9_]*)[\"']\s*(?:,\s*(?:"
    + _LITERAL
    + r")\s*)?\))"
    r"!?(?:\s*(?:\|\||\?\?)\s*(?:" + _LITERAL + r"))?(?!\s*=[^=>])"
)
_COMMENT = regex(r"(?m)(?<![:\\\"'`])//[^\n]*|/\*[\s\S]*?\*/")


def of_node(
    files: Files,
    paths: Sequence[str],
    reading: Mapping[str, Sequence[str]],
    resolve: Callable[[str, str], Iterator[str]],
    used: Mapping[str, Sequence[str]],
) -> Mapping[str, tuple[CodeReads, ...]]:
    """What the files in `reading`, of all `paths`, of each package read; `used` are the packages that each depends on.

    `resolve` gives the paths that an import of a folder may mean.
    """
    known = frozenset(paths)
    imports: dict[str, list[Imported]] = {}
    for path in known:
        source = files.read(path)
        for match in _NODE_IMPORT.finditer(source.text) if source is not None else ():
            meant = next((each for each in resolve(parent(path), match[2]) if each in known), None)
            if meant is not None:
                imports.setdefault(path, []).append(Imported(meant, not match[1]))

    def keys(path: str) -> tuple[ConfigKey, ...]:
        source = files.read(path)
        return unless_refused([*_node_keys(source)], source) if source is not None else ()

    return {
        folder: gathered(paths, keys, imports, partial(_placed, used.get(folder, ())))
        for folder, paths in reading.items()
    }


def _node_keys(source: Source) -> Iterator[ConfigKey]:
    """The variables of a file with their defaults; of one that is tested anywhere in it nothing more is told."""
    text = _COMMENT.sub(lambda match: " " * len(match[0]), source.text)
    found: dict[str, ConfigKey] = {}
    for match in _NODE_READ.finditer(text):
        name, span = next((match[each], source.span(*match.span(each))) for each in (1, 2, 3) if match[each])
        default = next((source.span(*match.span(each)) for each in (4, 5, 6, 7, 8, 9) if match[each] is not None), None)
        tested = regex(rf"process\.env\.{name}\s*(?:[!=]==?|\?[^.?]|&&)|!\s*process\.env\.{name}\b").search(text)
        key = ConfigKey(name, span, Unknown(WHERE_USED, span), Absent(span), client=is_published(name))
        before = text[max(0, match.start() - 80) : match.start()].rstrip()
        behind = before.endswith(("??", "||"))  # another variable comes first
        if default is not None and not tested and not behind:
            written = Known(source.slice(default), default)
            key = replace(key, required=Known(value=False, span=span), default=written)
        if name not in found or isinstance(found[name].required, Unknown):
            found[name] = key
    yield from found.values()


def _python_imports(source: Source, files: Callable[[str, str], Iterable[str]]) -> Iterator[Imported]:
    folder = parent(source.path)
    imports = [(each[1], True) for each in _DJANGO.finditer(source.text)]
    for match in _PYTHON.finditer(f"\n{source.text}"):
        if match[2]:
            dotted = match[2] if match[2].endswith(".") else f"{match[2]}."
            names = [match[2], *(f"{dotted}{each[1]}" for each in _WORD.finditer(match[3]))]
        else:
            names = [each.strip().split(" ")[0] for each in match[4].split(",")]
        imports += ((name, not match[1]) for name in names)
    for name, at_once in imports:
        yield from (Imported(path, at_once) for path in files(folder, name))


def python_files(there: Callable[[str], bool], folder: str, module: str) -> Iterator[str]:
    """The files that run when a file in a folder imports a module: its own, and those of the packages that hold it.

    `there` tells whether a file counts.
    """
    name = module.lstrip(".")
    parts = name.split(".") if name else []
    for _ in range(len(module) - len(name) - 1):
        folder = folder.rpartition("/")[0]
    while True:
        for start in (folder, f"{folder}/src".lstrip("/")):
            path = "/".join(filter(None, (start, *parts)))
            own = next(filter(there, (f"{path}.py", f"{path}/__init__.py".lstrip("/"))), None)
            if own is not None:
                yield own
                around = (
                    "/".join(filter(None, (start, *parts[:count], "__init__.py"))) for count in range(1, len(parts))
                )
                yield from filter(there, around)
                return
        if not folder or module.startswith("."):
            return
        folder = folder.rpartition("/")[0]
