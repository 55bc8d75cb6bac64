"""Which variables a container's program asks for: those of its config module, and those of the files it leads to."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.model.value import Known, Unknown, known
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.model.command import ShellCommand
    from policyengine.model.nodes import ConfigKey, ConfigModule, Variable

_FILE = regex(r"[\w./@-]*?([\w.@/-]+)\.(?:py|[cm]?[jt]sx?)\Z")
_CALLED = regex(r"([A-Za-z_][\w.]*):[A-Za-z_]\w*(?:\(.*\))?\Z")
_DOTTED = regex(r"[A-Za-z_][\w.]*\Z")
_BUILT = regex(r"(?:\./)?(?:.*/)?(?:dist|build|out|lib|\.output/server)/")
_NAMING = ("-m", "-A", "--app", "--module")
_SCRIPTS = (".ts", ".js", ".mts", ".mjs", ".cts", ".cjs", ".tsx", ".jsx")
_PYTHON, _NODE, _GO = (True, False), (False, True), (False, False)
_ENDING = regex(r"\.(?:py|go|[cm]?[jt]sx?)\Z")


def keys(
    module: ConfigModule | None, commands: Sequence[ShellCommand], environment: Mapping[str, Variable]
) -> tuple[ConfigKey, ...]:
    """The variables, each once; the config module's word is the one that counts."""
    if module is None:
        return ()
    own = {name for key in module.keys for name in (key.key, *key.alternatives)}
    found: dict[str, ConfigKey] = {}
    starts = _starts(module, commands, environment) if module.reads else set()
    for reads in module.reads:
        if "" in reads.led_to_by or not starts.isdisjoint(reads.led_to_by):
            whole = reads.path.endswith(".go") and "" in reads.led_to_by  # the only program takes it in
            at_once = not starts.isdisjoint(reads.loaded_by) or (whole and bool(reads.loaded_by))
            for key in (each if at_once else _later(each) for each in reads.keys):
                if key.key not in own and (key.key not in found or _weight(key) > _weight(found[key.key])):
                    found[key.key] = key
    return (*module.keys, *found.values())


def _later(key: ConfigKey) -> ConfigKey:
    """A variable of a file that does not run at the start: nothing is asked for there."""
    asked = isinstance(key.required, Known) and key.required.value
    return replace(key, required=Unknown("it is asked for where it is used", key.span)) if asked else key


def _weight(key: ConfigKey) -> int:
    return 2 if known(key.required, default=False) else 1 if isinstance(key.default, Known) else 0


def _starts(module: ConfigModule, commands: Sequence[ShellCommand], environment: Mapping[str, Variable]) -> set[str]:
    """The files, or the folders of programs in Go, that the commands start."""
    inside = f"{module.directory}/" if module.directory not in ("", ".") else ""
    files = {path: _stem(path.removeprefix(inside)) for reads in module.reads for path in reads.led_to_by if path}
    found: set[str] = set()
    for wanted, ending in (each for command in commands for each in _wanted(command, environment)):
        those = {path: stem for path, stem in files.items() if _language(path) == ending}
        for name in wanted:
            fits = {path: far for path, stem in those.items() if (far := _distance(stem, name)) is not None}
            if fits:
                found |= {path for path, far in fits.items() if far == min(fits.values())}
                break
    return found


def _language(path: str) -> tuple[bool, bool]:
    return path.endswith(".py"), path.endswith(_SCRIPTS)


def _stem(path: str) -> str:
    stem = _ENDING.sub("", path)
    for end in ("/__init__", "/__main__", "/index"):
        stem = stem.removesuffix(end)
    return stem


def _distance(stem: str, wanted: str) -> int | None:
    """How far a file is from what a command names; None where it is another one."""
    if f"/{stem}".endswith(f"/{wanted}") or f"/{wanted}".endswith(f"/{stem}"):
        return abs(stem.count("/") - wanted.count("/"))
    return None


def _wanted(
    command: ShellCommand, environment: Mapping[str, Variable]
) -> Iterator[tuple[tuple[str, ...], tuple[bool, bool]]]:
    """What a command starts: paths without endings, of which the first that is there counts, and their language."""
    words, program = command.argv, command.program
    told = False
    for before, word in zip(("", *words), (each.removeprefix("--app=") for each in words), strict=False):
        file, called = _FILE.match(word), _CALLED.match(word)
        if file is not None or (program in ("node", "bun", "deno") and "/" in word):
            told = True
            yield (_stem(_BUILT.sub("", word.lstrip("./"))),), _PYTHON if word.endswith(".py") else _NODE
        elif called is not None or (before in _NAMING and _DOTTED.match(word)):
            told = True
            dotted = (called[1] if called is not None else word).replace(".", "/")
            yield (dotted, f"{dotted}/celery", dotted.rpartition("/")[0] or dotted), _PYTHON
    if program == "flask" and not told:
        variable = environment.get("FLASK_APP")
        named = known(variable.value, "").partition(":")[0] if variable is not None else ""
        yield (_stem(named).replace(".", "/"),) if named else ("wsgi", "app"), _PYTHON
    elif program == "nest":
        yield ("main",), _NODE
    elif words:
        yield (PurePosixPath(program).name,), _GO  # by the folder that it is built from
