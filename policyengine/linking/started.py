"""The commands that really run when a container starts: through shells, package scripts and shell files of the tree."""

from __future__ import annotations

import itertools
import shlex
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge import commands as knowledge
from policyengine.knowledge.base_images import is_entrypoint
from policyengine.model.nodes import BrowserTests, Command, Package, WebServer
from policyengine.model.text import Text
from policyengine.model.value import Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.syntax import shell

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from policyengine.model.command import ShellCommand
    from policyengine.model.nodes import Node, Stage, Variable
    from policyengine.model.source import Span
    from policyengine.model.value import Value
    from policyengine.repository.files import Files

_DEEPEST = 8
_SHELL_FILE = regex(r"(?:[\w./${}-]*/)?([\w.-]+\.(?:sh|bash)|(?:[\w-]+-)?entrypoint)")
_BINARY = regex(r"(?:\./)?node_modules/\.bin/")
_PROGRAM_FILE = regex(r"[\w./-]*\w\.(?:[cm]?[jt]sx?|py|rb|php)|(?:.*/)?node_modules/(?!\.bin/).*")
_SPECIAL = regex(r"[\s;&|]")


class Started(Struct, frozen=True):
    """What a container starts: its commands, the line for people, which of them is not known, what is around them."""

    commands: tuple[ShellCommand, ...] = ()
    line: str = ""
    gap: Unknown | None = None
    wrappers: tuple[str, ...] = ()


class Home(Struct, frozen=True):
    """Where the files of a container come from: folders of the tree, the nearest first, and what its stage copies.

    The root as the context of a build says nothing: the whole of a monorepo is the context of each of its parts.
    """

    folders: tuple[str, ...] = ()
    copied: frozenset[str] = frozenset()

    @classmethod
    def of(cls, stage: Stage | None, contexts: Iterable[str]) -> Home:
        """The home of what is built from a stage in these contexts."""
        if stage is None or not stage.dockerfile:
            return cls()
        folder = PurePosixPath(stage.dockerfile).parent.as_posix()
        sources = (source for copy in stage.copies for source in copy.sources if isinstance(source, str))
        copied = frozenset(PurePosixPath(source).name for source in sources)
        return cls((_folder(folder), *filter(None, map(_folder, contexts))), copied)


_MOST_FOLLOWED = 10_000
"""So many calls of shell files are followed in a scan."""


class Scripts:
    """The package scripts and shell files of a tree, as commands name them."""

    def __init__(self, nodes: Iterable[Node], files: Files) -> None:
        self._files = files
        self._read: dict[str, tuple[shell.WrittenCommand, ...]] = {}
        self._followed = 0
        self._packages: dict[str, dict[str, Package]] = {}
        for node in nodes:
            if isinstance(node, Package):
                self._packages.setdefault(node.ecosystem, {}).setdefault(_folder(node.directory), node)
        self._scripts: dict[str, list[tuple[str, Variable]]] = {}
        for folder, package in self._packages.get("npm", {}).items():
            for script in package.scripts:
                if isinstance(script.value, Known):
                    self._scripts.setdefault(script.key, []).append((folder, script))
        self._shells: dict[str, list[str]] = {}
        for path in files.paths:
            name = path.rpartition("/")[2]
            if _SHELL_FILE.fullmatch(name):
                self._shells.setdefault(name, []).append(path)

    def packages(self, home: Home) -> Iterator[Package]:
        """The manifests of a container: of each ecosystem the one in its nearest folder, else the only one."""
        for packages in self._packages.values() if home.folders else ():
            folder = next((each for each in home.folders if each in packages), None)
            if folder is not None:
                yield packages[folder]
            elif len(packages) == 1:
                yield from packages.values()

    def run(self, started: Value[Command], entrypoint: Value[Command], command: Value[Command], home: Home) -> Started:
        """What a container starts, or as much of it as is known."""
        for value in (started, command, entrypoint):
            if isinstance(value, Known):
                return self._run(value.value, value.span, home, (), _DEEPEST)
        return Started()

    def _run(self, command: Command, span: Span, home: Home, via: tuple[Via, ...], depth: int) -> Started:
        found = shell.shell_commands(command, span)
        runs = [self._one(replace(each, via=via), home, depth) for each in found]
        line = runs[0].line if len(runs) == 1 else " ".join(_script(command).split())
        return _together(runs, line)

    def _one(self, command: ShellCommand, home: Home, depth: int) -> Started:
        """One command, and what is behind the names in it."""
        own = Started((command,), _line(command), wrappers=tuple(layer.path for layer in command.wrappers))
        if not depth:
            return own
        called = [*self._package_scripts(command, home, depth)]
        if called:
            return _together([replace(own, commands=()), *called], called[0].line)
        read = [self._shell_file(command, word, home, depth) for word in _files(command, home)]
        return _together([*read, own], own.line)

    def _package_scripts(self, command: ShellCommand, home: Home, depth: int) -> Iterator[Started]:
        """What `npm run x` runs: the script itself first, for its line, then what runs before and after it."""
        layers = command.layers
        names = knowledge.script_names(command.argv, layers[-1]) if layers else ()
        for name in names[:1]:
            script = self._named(name, home)
            if script is None:
                continue
            rest = command.argv[layers[-1].start :]
            given = [word for word in rest[rest.index(name) + 1 :] if word != "--"] if name in rest else []
            yield self._script(script, given, command, home, depth)
            for around in (f"pre{name}", f"post{name}"):
                other = self._named(around, home)
                if other is not None:
                    yield self._script(other, [], command, home, depth)

    def _script(self, script: Variable, given: Sequence[str], command: ShellCommand, home: Home, depth: int) -> Started:
        text = script.value.value if isinstance(script.value, Known) else ""
        line = " ".join([text, *map(shlex.quote, given)])
        via = (Via(f"script {script.key}", script.value.span), *command.via)
        return self._run(Command((line,), shell=True), script.value.span, home, via, depth - 1)

    def _named(self, name: str, home: Home) -> Variable | None:
        """The package script of that name: of the container's own package, else the only text of that name."""
        found = self._scripts.get(name, [])
        for folder in home.folders:
            own = next((script for directory, script in found if directory == folder), None)
            if own is not None:
                return own
        texts = {script.value.value for _, script in found if isinstance(script.value, Known)}
        return found[0][1] if len(texts) == 1 else None

    def _shell_file(self, command: ShellCommand, word: str, home: Home, depth: int) -> Started:
        """The commands of a shell file of the tree, and the words behind it where it hands on to them."""
        path = self._path(word, home)
        source = self._files.read(path) if path is not None else None
        self._followed += 1
        if source is None or self._followed > _MOST_FOLLOWED:
            return Started(gap=Unknown("what the start script does is not known", command.span))
        if any(step.what == word for step in command.via):  # it calls itself, which adds nothing
            return Started()
        via = (Via(word, command.span), *command.via)
        if source.path not in self._read:
            script = shell.read(Text.of(source))
            told = chain(script.commands, *script.functions.values())
            self._read[source.path] = tuple(one for one in told if one.words)
        commands = [replace(one.read(), via=via) for one in self._read[source.path]]
        runs = [self._one(each, home, depth - 1) for each in commands]
        if any(each.words[-1].text == "$@" for each in commands):
            rest = command.argv[command.argv.index(word) + 1 :]
            runs.append(self._run(Command(rest), command.span, home, command.via, depth - 1) if rest else Started())
        return _together(runs, "")

    def _path(self, word: str, home: Home) -> str | None:
        """The file that is meant: the only one of its name, or the only one below a folder of the container."""
        paths = self._shells.get(word.rpartition("/")[2], [])
        if len(paths) == 1:
            return paths[0]
        for folder in home.folders:
            below = [path for path in paths if path.startswith(f"{folder}/")] if folder else []
            if len(below) == 1:
                return below[0]
        return None


def served(nodes: Collection[Node], files: Files) -> Iterator[BrowserTests]:
    """Configurations of tests with what the servers that they start lead to."""
    asked = [each for each in nodes if isinstance(each, BrowserTests) and each.servers]
    if asked:
        scripts = Scripts(nodes, files)
        yield from (replace(each, servers=tuple(_followed(one, scripts) for one in each.servers)) for each in asked)


def _followed(server: WebServer, scripts: Scripts) -> WebServer:
    if not isinstance(server.command, Known):
        return server
    line = Known(Command((server.command.value,), shell=True), server.command.span)
    folders = [server.directory, *(each.as_posix() for each in PurePosixPath(server.directory).parents)]
    return replace(server, commands=scripts.run(line, line, line, Home(tuple(map(_folder, folders)))).commands)


def _together(runs: Sequence[Started], line: str) -> Started:
    return Started(
        tuple(command for run in runs for command in run.commands),
        line,
        next((run.gap for run in runs if run.gap is not None), None),
        tuple(dict.fromkeys(wrapper for run in runs for wrapper in run.wrappers)),
    )


def _files(command: ShellCommand, home: Home) -> Iterator[str]:
    """The words of a command that are shell files: programs, and what a shell is given; not those of public images."""
    for layer in command.layers:
        for index in (layer.start, layer.file):
            word = command.argv[index] if index is not None else ""
            match = _SHELL_FILE.fullmatch(word)
            if match is not None and (not is_entrypoint(word) or PurePosixPath(word).name in home.copied):
                yield word


def _line(command: ShellCommand) -> str:
    """A command for people: without what only runs it, but with the interpreter of a program file."""
    words = list(command.argv)
    layers = command.layers
    busy = {deed.at for deed in command.deeds}
    start = next(
        (
            layer.start
            for layer, inner in itertools.pairwise(layers)
            if layer.start in busy or _PROGRAM_FILE.fullmatch(words[inner.start])
        ),
        layers[-1].start if layers else 0,
    )
    words = words[start:]
    if words:
        words[0] = _BINARY.sub("", words[0])
    return shlex.join(words) if any(_SPECIAL.search(word) for word in words) else " ".join(words)


def _script(command: Command) -> str:
    """The script in a command, as it is written."""
    scripts = () if command.shell else knowledge.scripts(command.words)
    return scripts[0][1] if scripts else " ".join(command.words)


def _folder(path: str) -> str:
    return "" if path in (".", "") else path.rstrip("/")
