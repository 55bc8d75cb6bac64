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
_ENDING = regex(r"\.(?:py|go|[cm]?[jt]sx?)\Z")


def keys(
    module: ConfigModule | None, commands: Sequence[ShellCommand], environment: Mapping[str, Variable]
) -> tuple[ConfigKey, ...]:
    """The variables, each once; the config module's word is the one that counts."""
    if module is None:
        return ()
    found = {key.key: key for key in module.keys}
    met = {alternative for key in module.keys for alternative in key.alternatives}
    starts = _starts(module, commands, environment) if module.reads else set()
    for reads in module.reads:
        if "" in reads.led_to_by or not starts.isdisjoint(reads.led_to_by):
            at_once = not starts.isdisjoint(reads.loaded_by) or reads.path.endswith(".go")
            for key in (each if at_once else _later(each) for each in reads.keys):
                former = found.get(key.key)
                if key.key not in met and (former is None or (former not in module.keys and _weight(key) > _weight(former))):
                    found[key.key] = key
    return tuple(found.values())


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
    for command in commands:
        for wanted in _wanted(command, environment):
            fits = {path: distance for path, stem in files.items() if (distance := _distance(stem, wanted)) is not None}
            found |= {path for path, distance in fits.items() if distance == min(fits.values())}
    return found


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


def _wanted(command: ShellCommand, environment: Mapping[str, Variable]) -> Iterator[str]:
    """What a command starts, as paths without endings."""
    words = command.argv
    program = command.program
    told = False
    for before, word in zip(("", *words), words, strict=False):
        word = word.partition("=")[2] if word.startswith("--app=") else word
        file, called = _FILE.match(word), _CALLED.match(word)
        if file is not None or (program in ("node", "bun", "deno") and "/" in word):
            told = True
            yield _stem(_BUILT.sub("", word.lstrip("./")))
        elif called is not None or (before in _NAMING and _DOTTED.match(word)):
            told = True
            dotted = (called[1] if called is not None else word).replace(".", "/")
            yield dotted
            if called is None:
                yield from (f"{dotted}/celery", dotted.rpartition("/")[0] or dotted)
    if program == "flask" and not told:
        told_by = environment.get("FLASK_APP")
        named = known(told_by.value, "") if told_by is not None else ""
        yield from [_stem(named.partition(":")[0].replace(".py", "").replace(".", "/"))] if named else ["app", "wsgi"]
    elif program == "nest":
        yield "main"
    elif words:
        yield PurePosixPath(program).name  # a program in Go, by the folder that it is built from
