"""What task runners run: make, just, go-task, composer, tox, and the scripts of Python projects.

Each reads the runner's own file at the place from which the command runs, and yields the scripts in order. What cannot
be told is a gap.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.knowledge import commands as knowledge
from policyengine.model.source import ReadError, Source, Span
from policyengine.model.text import Text
from policyengine.model.value import Sealed, Unknown
from policyengine.patterns import regex
from policyengine.platforms.github.calls import Called, Walk, entered, path_from, text_of
from policyengine.platforms.github.expressions import is_open
from policyengine.repository.discover import join, parent
from policyengine.syntax.folding import unfold
from policyengine.syntax.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Sequence as Words

    from policyengine.knowledge.commands import Layer
    from policyengine.model.nodes import ShellCommand
    from policyengine.repository.files import Files
    from policyengine.syntax.environment import Environment
    from policyengine.syntax.justfile import Justfile
    from policyengine.syntax.makefile import Makefile
    from policyengine.syntax.taskfile import Taskfile
    from policyengine.syntax.tree import Document

_GIVEN = regex(r"([A-Za-z_]\w*)[:+?]?=(.*)", re.DOTALL)
_JUST_NAMES = frozenset({"justfile", ".justfile"})
RUNNERS = frozenset({"make", "just", "task", "composer", "tox", "nox", "earthly"})
"""The task runners that are followed, by their names in the table of commands."""
_PYTHON_TOOLS = ("poe", "pdm", "hatch", "taskipy")


class Runners(Struct, frozen=True):
    """Follows the task runners of a tree."""

    files: Files
    _makefiles: dict[object, Makefile | None] = field(default_factory=dict)
    _documents: dict[str, Document | None] = field(default_factory=dict)
    _read: list[Makefile | Justfile | Taskfile] = field(default_factory=list)

    def secrets(self) -> Iterator[Sealed]:
        """The secrets among the variables of what was followed, which commands hold without their names."""
        return (Sealed(text, Span("", 0, 0)) for each in self._read for text in each.secrets())

    def follow(self, layer: Layer, made: ShellCommand, walk: Walk, gaps: list[Unknown]) -> Iterator[Called]:
        """What a task runner runs; nothing when it is asked to list or to tell."""
        if knowledge.tells(layer):
            return iter(())
        kinds = {
            "make": self.make, "just": self.just, "task": self.task, "composer": self.composer, "tox": self.tox,
            "nox": self.nox, "earthly": self.earthly,
        }  # fmt: skip
        return kinds[layer.path](layer, made, walk, gaps)

    # -- make ------------------------------------------------------------------------------------------------------

    def make(self, layer: Layer, made: ShellCommand, walk: Walk, gaps: list[Unknown]) -> Iterator[Called]:
        """`make -C app target NAME=value`."""
        call = _MakeCall(walk.directory)
        if not call.read(layer, made.argv, walk.folder):
            gaps.append(Unknown("where make runs is not known", made.span))
            return
        rules = self._makefile(call, _environment(made, walk))
        if rules is None:
            gaps.append(Unknown("the Makefile is not in the tree", made.span))
            return
        shell = rules.values.variables.get("SHELL", "sh")
        if not is_open(shell) and knowledge.read(shell.replace('"', "").replace("'", "").split())[-1].path != "sh":
            gaps.append(Unknown(f"a Makefile for {shell} is not read", made.span))
            return
        for goal in call.targets or [rules.default]:
            if goal and rules.target(goal) is None:
                gaps.append(Unknown(f"the target '{goal}' is not in the Makefile", made.span, about=goal))
            for target in rules.order(goal):
                if target.conditional:
                    gaps.append(_open(target.conditional, target.name, made.span))
                for number, recipe in enumerate(target.recipes):
                    if recipe.conditional or recipe.undecided:
                        gaps.append(_open(recipe.conditional or recipe.undecided, target.name, made.span))
                    if not recipe.conditional:
                        yield Called(
                            f"{recipe.text.path}#{target.name}.{number}.{recipe.text.offset(0)}",
                            f"make {target.name}",
                            recipe.text,
                            call.folder,
                            errexit=recipe.errexit or re.search(r"\s-\w*e", shell) is not None,
                            pipefail="pipefail" in shell,
                            ignored=recipe.ignored or call.forgiving,
                            goal=goal,
                        )

    def _makefile(self, call: _MakeCall, environment: Environment) -> Makefile | None:
        from policyengine.syntax import makefile  # noqa: PLC0415  only workflows that call make pay for it

        goals = " ".join(call.targets)
        known = frozenset(environment.variables.items())
        key = (call.folder, call.name, goals, frozenset(call.given.items()), known, environment.closed)
        if key not in self._makefiles:
            file = self._from(call.folder)
            names = (call.name,) if call.name else ("GNUmakefile", "makefile", "Makefile")
            source = next((found for name in names if (found := file(name)) is not None), None)
            self._makefiles[key] = (
                makefile.read(source, call.given, environment=environment, file=file, goals=goals) if source else None
            )
            self._read.extend(each for each in (self._makefiles[key],) if each is not None)
        return self._makefiles[key]

    def _from(self, folder: str) -> Callable[[str], Source | None]:
        """Finds files by the path from a folder."""

        def file(path: str) -> Source | None:
            where = join(folder, path)
            return self.files.read(where) if where else None

        return file

    def _above(self, folder: str, names: Words[str] | frozenset[str], *, fold: bool = False) -> Source | None:
        """The nearest file of one of the names, in a folder or above it."""
        at: str | None = folder
        while at is not None:
            for path in self._here(at) if fold else (join(at, name) for name in names):
                name = PurePosixPath(path or "").name
                if path and (not fold or name.lower() in names) and (found := self.files.read(path)) is not None:
                    return found
            at = at.rpartition("/")[0] if at else None
        return None

    def _here(self, folder: str) -> list[str]:
        found = self.files.holding("ustfile", "USTFILE")
        return [path for path in found if "justfile" in path[-8:].lower() and parent(path) == folder]

    # -- just ------------------------------------------------------------------------------------------------------

    def just(self, layer: Layer, made: ShellCommand, walk: Walk, gaps: list[Unknown]) -> Iterator[Called]:
        """`just -f app/justfile build prod`."""
        options = {option.name: option.value for option in layer.options}
        rest = [made.argv[index] for index in layer.operands]
        given: dict[str, str] = {}
        if "--set" in options and rest:
            given[options["--set"]], rest = rest[0], rest[1:]
        while rest and (match := _GIVEN.fullmatch(rest[0])):
            given[match[1]], rest = match[2], rest[1:]
        name = options.get("-f", options.get("--justfile", ""))
        where = path_from(walk.directory, name, walk.folder) if name else None
        if name:
            source = self.files.read(where) if where else None
        else:
            source = self._above(walk.directory, _JUST_NAMES, fold=True)
        folder = options.get("-d", options.get("--working-directory"))
        at = entered(walk.directory, folder, walk.folder) if folder else parent(source.path) if source else ""
        yield from self._just(source, rest, given, at, made, walk, gaps)

    def _just(
        self, source: Source | None, words: list[str], given: dict[str, str], folder: str, made: ShellCommand,
        walk: Walk, gaps: list[Unknown],
    ) -> Iterator[Called]:  # fmt: skip
        from policyengine.syntax import justfile  # noqa: PLC0415  only workflows that call just pay for it

        if source is None:
            gaps.append(Unknown("the justfile is not in the tree", made.span))
            return
        file = self._from(parent(source.path))
        rules = justfile.read(source, given=given, environment=_environment(made, walk), file=file)
        self._read.append(rules)
        for name, arguments in rules.split(words or [rules.default]):
            module, _, inner = name.partition("::")
            if module in rules.modules and not rules.has(name):
                rest = [inner, *arguments] if inner else words[words.index(name) + 1 :]
                there = _module(module, rules, file)
                yield from self._just(there, rest, {}, parent(there.path) if there else "", made, walk, gaps)
                if not inner:
                    return
                continue
            if name and not rules.has(name):
                gaps.append(Unknown(f"the recipe '{name}' is not in the justfile", made.span, about=name))
            for run in rules.order(name, arguments):
                if run.gap:
                    gaps.append(Unknown(run.gap, made.span))
                for number, line in enumerate(run.lines):
                    key = f"{run.path}#{run.name}.{number}.{line.text.written}"
                    where = entered(folder, line.directory, "") if line.directory else folder
                    yield Called(key, f"just {run.name}", line.text, where, ignored=line.ignored)

    # -- go-task ---------------------------------------------------------------------------------------------------

    def task(self, layer: Layer, made: ShellCommand, walk: Walk, gaps: list[Unknown]) -> Iterator[Called]:
        """`task -d app build TAG=1 -- --flag`."""
        from policyengine.syntax import taskfile  # noqa: PLC0415  only workflows that call task pay for it

        options = {option.name: option.value for option in layer.options}
        mark = made.argv.index("--") if "--" in made.argv else len(made.argv)
        given: dict[str, str | None] = {"CLI_ARGS": " ".join(made.argv[mark + 1 :])}
        names = []
        for word in (made.argv[index] for index in layer.operands if index < mark):
            if match := _GIVEN.fullmatch(word):
                given[match[1]] = match[2]
            else:
                names.append(word)
        folder = entered(walk.directory, options.get("-d", options.get("--dir", ".")), walk.folder)
        name = options.get("-t", options.get("--taskfile", ""))
        where = path_from(walk.directory, name, walk.folder) if name else None
        source = (self.files.read(where) if where else None) if name else self._above(folder, taskfile.NAMES)
        if source is None and names and self._above(folder, ("pyproject.toml",)) is not None:
            yield from self._python("taskipy", names, made, walk, gaps)
            return
        if source is None:
            gaps.append(Unknown("the Taskfile is not in the tree", made.span))
            return
        folder = parent(source.path)
        try:
            tasks = taskfile.read(source, _environment(made, walk), given, self._from(folder))
        except ReadError:
            gaps.append(Unknown("the Taskfile cannot be read", made.span))
            return
        self._read.append(tasks)
        for each in names or ["default"]:
            for number, line in enumerate(tasks.order(each)):
                if isinstance(line, Unknown):
                    gaps.append(Unknown(line.reason, made.span))
                    continue
                key = f"{line.text.path}#{line.name}.{number}.{line.text.written}"
                at = entered(folder, line.directory, "") if line.directory else folder
                yield Called(key, f"task {line.name}", line.text, at, ignored=line.ignored)

    # -- composer --------------------------------------------------------------------------------------------------

    def composer(self, layer: Layer, made: ShellCommand, walk: Walk, gaps: list[Unknown]) -> Iterator[Called]:
        """`composer run test`, `composer -d app test`."""
        names = knowledge.script_names(made.argv, layer)
        ran = not {"run", "run-script"}.isdisjoint(made.argv)
        folder = entered(walk.directory, layer.value("-d", "--working-dir") or ".", walk.folder)
        path = join(folder, "composer.json")
        source = self.files.read(path) if path else None
        scripts = _entry(self._json(source), "scripts")
        found = [(each, name) for name in names for each in _script(scripts, name, frozenset())]
        if ran and names and not found:
            gaps.append(Unknown(f"the package script '{names[0]}' is not in the tree", made.span, about=names[0]))
        for number, (scalar, name) in enumerate(found):
            if source is not None:
                text = unfold(source, scalar)
                text = text.cut(1) if text.startswith("@") else text
                yield Called(f"{source.path}#{name}.{number}", f"composer {name}", text, folder)

    def _json(self, source: Source | None) -> Document | None:
        from policyengine.syntax import json  # noqa: PLC0415  only workflows that call composer pay for it

        if source is None:
            return None
        if source.path not in self._documents:
            try:
                self._documents[source.path] = json.read(source)
            except ReadError:
                self._documents[source.path] = None
        return self._documents[source.path]

    # -- Python projects -------------------------------------------------------------------------------------------

    def python(self, made: ShellCommand, walk: Walk, gaps: list[Unknown]) -> Iterator[Called]:
        """`poe test`, `pdm run test`, `hatch run env:test`: the scripts in pyproject.toml."""
        layer = next(each for each in reversed(made.layers) if each.path.partition(" ")[0] in _PYTHON_TOOLS)
        last = made.layers[-1]
        names = [made.argv[index] for index in last.operands] if layer is last else [made.argv[last.start]]
        yield from self._python(layer.path.partition(" ")[0], names, made, walk, gaps)

    def _python(
        self, tool: str, names: list[str], made: ShellCommand, walk: Walk, gaps: list[Unknown]
    ) -> Iterator[Called]:
        source = self._above(walk.directory, ("pyproject.toml",))
        if not names:
            return
        lines = _python_scripts(source, tool, names[0]) if source is not None else []
        if source is None or not lines:
            if tool in {"poe", "taskipy"}:  # the others run programs as well
                gaps.append(Unknown(f"the package script '{names[0]}' is not in the tree", made.span, about=names[0]))
            return
        for number, line in enumerate(lines):
            yield _written(source, line, f"{names[0]}.{number}", f"{tool} {names[0]}")

    def tox(self, layer: Layer, made: ShellCommand, walk: Walk, gaps: list[Unknown]) -> Iterator[Called]:
        """`tox -e e2e`: the commands in tox.ini."""
        source = self._above(walk.directory, ("tox.ini",))
        for name in (layer.value("-e") or "").split(","):
            lines = _tox_commands(source, name) if source is not None else []
            if source is None or not lines:
                gaps.append(
                    Unknown(f"the package script '{name or 'tox'}' is not in the tree", made.span, about=name or "tox")
                )
                continue
            for number, line in enumerate(lines):
                yield _written(source, line, f"{name}.{number}", f"tox {name}".strip())

    def nox(self, layer: Layer, made: ShellCommand, walk: Walk, gaps: list[Unknown]) -> Iterator[Called]:
        """`nox -s e2e`: a Python program, which is not read."""
        del walk
        name = layer.value("-s", "--session", "--sessions", "-e") or "nox"
        gaps.append(Unknown(f"the package script '{name}' is not read", made.span, about=name))
        yield from ()

    def earthly(self, layer: Layer, made: ShellCommand, walk: Walk, gaps: list[Unknown]) -> Iterator[Called]:
        """`earthly +test`: a target of an Earthfile, which is not read."""
        del walk
        name = next((made.argv[index] for index in layer.operands), "")
        gaps.append(Unknown(f"the Earthfile target '{name}' is not read", made.span, about=name))
        yield from ()


class _MakeCall(Struct):
    """What a command line of make says: the folder, the file, the targets, the variables."""

    folder: str
    name: str = ""
    targets: list[str] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)
    forgiving: bool = False

    def read(self, layer: Layer, argv: Words[str], action: str) -> bool:
        """Takes the command line; whether the folder is known."""
        for option in layer.options:
            if option.name in {"-C", "--directory"}:
                if path_from(self.folder, option.value, action) is None:
                    return False
                self.folder = entered(self.folder, option.value, action)
            elif option.name in {"-f", "--file", "--makefile"}:
                self.name = option.value
            elif option.name in {"-i", "--ignore-errors"} or re.fullmatch(r"-[a-z]*i[a-z]*", option.name):
                self.forgiving = True
        for index in layer.operands:
            if match := _GIVEN.fullmatch(argv[index]):
                self.given[match[1]] = match[2]
            else:
                self.targets.append(argv[index])
        return True


def _open(condition: str, target: str, span: Span) -> Unknown:
    return Unknown(f"'{condition}' in the Makefile decides what 'make {target}' runs", span)


def _environment(made: ShellCommand, walk: Walk) -> Environment:
    """What a runner starts with: the script's environment, and what stands before the command."""
    return walk.environment.given({each.key: text_of(each.value) for each in made.assignments})


def _module(name: str, rules: Justfile, file: Callable[[str], Source | None]) -> Source | None:
    """The file of a module of a justfile."""
    written = rules.modules[name]
    paths = (
        (written, f"{written}/mod.just", f"{written}/justfile", f"{written}/.justfile")
        if written
        else (f"{name}.just", f"{name}/mod.just", f"{name}/justfile", f"{name}/.justfile")
    )
    return next((found for path in paths if (found := file(path)) is not None), None)


def _entry(document: Document | None, name: str) -> Document | None:
    return document.get(name) if isinstance(document, Mapping) else None


def _script(scripts: Document | None, name: str, seen: frozenset[str]) -> Iterator[Scalar]:
    """The command lines of a script of composer.json, references such as `@test` followed."""
    body = _entry(scripts, name)
    for item in body.items if isinstance(body, Sequence) else (body,):
        if not isinstance(item, Scalar):
            continue
        other = item.text.removeprefix("@").partition(" ")[0]
        if item.text.startswith("@") and _entry(scripts, other) is not None:
            if other not in seen:
                yield from _script(scripts, other, seen | {other, name})
        elif "::" not in item.text.partition(" ")[0]:  # a method of PHP
            yield item


def _written(source: Source, line: str, key: str, what: str) -> Called:
    """A command line that stands in a file somewhere."""
    starts = (source.text.find(line[:end]) for end in range(len(line), 0, -1))  # the file may have it on two lines
    text = Text.standing(line, source.path, next((start for start in starts if start >= 0), 0))
    return Called(f"{source.path}#{key}", what, text, parent(source.path))


def _tox_commands(source: Source, name: str) -> list[str]:
    """The commands of an environment of tox.ini, or of the common section."""
    from configparser import ConfigParser, Error  # noqa: PLC0415  only workflows that call tox pay for it

    found = ConfigParser(strict=False, interpolation=None)
    try:
        found.read_string(source.text)
    except Error:
        return []
    sections = (f"testenv:{name}", "testenv") if name else ("testenv",)
    section = next((each for each in sections if found.has_option(each, "commands")), None)
    written = found.get(section, "commands") if section is not None else ""
    lines = re.sub(r"\\\n\s*", "", written).split("\n")
    return [re.sub(r"\s*\{posargs[^}]*\}", "", line).strip() for line in lines if line.strip()]


def _python_scripts(source: Source, tool: str, name: str) -> list[str]:
    """The command lines of a script in pyproject.toml."""
    import tomllib  # noqa: PLC0415  only workflows that call such scripts pay for it

    try:
        tools: object = tomllib.loads(source.text).get("tool")
    except (tomllib.TOMLDecodeError, RecursionError):
        return []
    match tool:
        case "poe":
            found = _within(tools, "poe", "tasks", name)
        case "taskipy":
            found = _within(tools, "taskipy", "tasks", name)
        case "pdm":
            found = _within(tools, "pdm", "scripts", name)
        case _:
            space, _, inner = name.rpartition(":")
            found = _within(tools, "hatch", "envs", space or "default", "scripts", inner)
    return _command_lines(found, 0)


def _within(found: object, *keys: str) -> object:
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _command_lines(found: object, depth: int) -> list[str]:
    match found:
        case str():
            return [found]
        case list() if depth < 4:
            return [line for each in found for line in _command_lines(each, depth + 1)]
        case dict() if depth < 4:
            keys = ("cmd", "shell", "sequence", "composite")
            return [line for key in keys for line in _command_lines(found.get(key), depth + 1)]
        case _:
            return []
