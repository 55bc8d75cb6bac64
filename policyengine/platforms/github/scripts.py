"""The commands that a `run:` script leads to: through package scripts, task runners and shell files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.knowledge import commands as knowledge
from policyengine.model.source import ReadError, Source
from policyengine.model.text import Text
from policyengine.model.value import Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.github.arguments import ScriptArguments
from policyengine.platforms.github.calls import Called, Walk, entered, path_from, text_of
from policyengine.platforms.github.runners import RUNNERS, Runners
from policyengine.repository.discover import join
from policyengine.syntax import shell
from policyengine.syntax.environment import Environment
from policyengine.syntax.folding import unfold
from policyengine.syntax.tree import Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence as Words

    from policyengine.knowledge.commands import Layer
    from policyengine.model.nodes import ShellCommand
    from policyengine.repository.files import Files
    from policyengine.syntax.tree import Document

DEEPEST = 8
"""How many scripts may call one another."""
_MOST = 2_000
_STILL_FAILS = frozenset({"&&", "condition", "substitution", "!", "&"})
"""Reasons for an ignored failure that are how scripts are written, and no wish to ignore it."""
_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
_PROJECTS = frozenset({"turbo", "nx", "lerna"})
_PYTHON = frozenset({"poe", "pdm run", "hatch run"})
_SHEBANG = regex(r"#![^\n]*\b(?:ba|da|z|k|a)?sh\b[^\n]*")
_SHELL_FILE = regex(r"(?:\A|/)[^./]+\Z|\.(?:sh|bash|ksh|env)\Z")
_HOLE = regex(r"\$\{\{[^}]*\}\}|\$\{?\w+\}?")
_RUN = frozenset({"run", "run-script", "rum", "urn"})
_EVERYWHERE = frozenset({"-r", "--recursive", "--workspaces", "--parallel", "workspaces"})
_OUTSIDE = regex(r"[/~]|\$\{?(?:RUNNER_\w+|HOME|TMPDIR)\}?(?:/|\Z)")
_FILE_NAME = regex(r"[\w.@+~/ -]+")
_PROGRAM_FILE = regex(r"[\w./@-]+\.(?:[cm]?[jt]s|py|rb|php)")
_REMOTE_DOCKER = regex(r"(?:ssh|tcp)://")


def _program(path: str) -> str:
    """The path of a program whose name tells what it does; a shell file may do anything."""
    return path if _PROGRAM_FILE.fullmatch(path) else ""


class Followed(Struct, frozen=True):
    """The commands in the order in which they run, and why there may be more."""

    commands: tuple[ShellCommand, ...]
    gap: Unknown | None = None


class Follower(Struct):
    """Follows scripts through the files of the tree; each script once on a path of calls, to a bounded depth."""

    files: Files
    _packages: dict[str, _Package] | None = None
    _runners: Runners | None = None
    _read: dict[tuple[str, int, int, bool, bool], tuple[str, shell.Script]] = field(default_factory=dict)

    def follow(
        self,
        text: Text,
        directory: str,
        *,
        errexit: bool = True,
        pipefail: bool = False,
        folder: str = "",
        remote: bool = False,
        environment: Environment | None = None,
    ) -> Followed:
        """The commands of a script that runs in `directory` (relative to the root).

        `folder` is that of the composite action it stands in; `remote` tells that it runs on another machine.
        `environment` is what it starts with.
        """
        gaps: list[Unknown] = []
        commands: list[ShellCommand] = []
        walk = Walk(
            "" if directory == "." else directory,
            errexit=errexit,
            pipefail=pipefail,
            folder=folder,
            remote=remote,
            environment=environment or Environment(),
        )
        for command in self._script(text, walk, gaps):
            commands.append(command)
            if len(commands) >= _MOST:
                gaps.append(Unknown(f"the script leads to more than {_MOST} commands", text.span(0, 1)))
                break
        return Followed(tuple(commands), gaps[0] if gaps else None)

    def _script(self, text: Text, walk: Walk, gaps: list[Unknown]) -> Iterator[ShellCommand]:
        key = (text.path, text.offset(0), len(text.written), walk.errexit, walk.pipefail)
        known = self._read.get(key)
        if known is not None and known[0] == text.written:
            script = known[1]
        else:
            script = shell.read(text, errexit=walk.errexit, pipefail=walk.pipefail)
            self._read[key] = (text.written, script)
        if not script.complete:
            gaps.append(Unknown("the script cannot be read to its end", text.cut(0, 1).place))
        yield from self._run(script.commands, script, walk, ScriptArguments(walk.arguments, {}), gaps)

    def _run(
        self,
        commands: tuple[shell.WrittenCommand, ...],
        script: shell.Script,
        walk: Walk,
        arguments: ScriptArguments,
        gaps: list[Unknown],
    ) -> Iterator[ShellCommand]:
        folders = [walk.directory]
        environment = walk.environment
        for command in commands:
            if not arguments.choose(command.arms):
                continue
            nested = sum(each in {"(", "$("} for each in command.within) + 1
            if command.before == "" and len(folders) >= nested > 1:
                del folders[nested - 1 :]
            while len(folders) < nested:
                folders.append(folders[-1])
            del folders[nested:]
            ignored = walk.forgiven or (command.ignored is not None and command.ignored.marker not in _STILL_FAILS)
            here = replace(walk, directory=folders[-1], forgiven=ignored, environment=environment)
            made = _made(command, here)
            yield made
            environment = _exported(command, environment)
            arguments.follow(command)
            if command.name in {"cd", "pushd"} and len(command.words) > 1:
                folders[-1] = entered(folders[-1], command.words[1].text, walk.folder)
            elif len(walk.seen) < DEEPEST:
                yield from self._deeper(command, made, script, here, arguments, gaps)

    def _deeper(
        self,
        command: shell.WrittenCommand,
        made: ShellCommand,
        script: shell.Script,
        walk: Walk,
        arguments: ScriptArguments,
        gaps: list[Unknown],
    ) -> Iterator[ShellCommand]:
        if command.name in script.functions:
            key = f"{made.span.path}:{command.name}()"
            if key not in walk.seen:
                inside = replace(walk, seen=walk.seen | {key}, via=(Via(f"{command.name}()", made.span), *walk.via))
                given = ScriptArguments(arguments.of(command.words[1:]), arguments.names)
                yield from self._run(script.functions[command.name], script, inside, given, gaps)
            return
        for inner, errexit in _inline(command, made):
            inside = replace(
                walk,
                seen=walk.seen | {f"{inner.path}:{inner.offset(0)}:{len(inner.written)}"},
                arguments=None,
                errexit=errexit,
                pipefail=False,
                remote=walk.remote or made.remote or any(layer.place == "host" for layer in made.layers),
                contained=walk.contained or any(layer.place == "container" for layer in made.layers),
            )
            if len(inside.seen) > len(walk.seen):
                yield from self._script(inner, inside, gaps)
        if walk.remote:
            return
        for called in self._called(made, walk, gaps):
            if called.key not in walk.seen:
                own = {each.key: text_of(each.value) for each in made.assignments}
                inside = replace(
                    walk,
                    environment=walk.environment.given(own),
                    directory=called.directory,
                    via=(Via(called.what, made.span), *walk.via),
                    seen=walk.seen | {called.key},
                    forgiven=walk.forgiven or called.ignored,
                    errexit=called.errexit,
                    pipefail=called.pipefail,
                    arguments=_given(command, called, arguments),
                )
                yield from self._script(called.text, inside, gaps)

    def _called(self, made: ShellCommand, walk: Walk, gaps: list[Unknown]) -> Iterator[Called]:
        """The scripts of the tree that a command runs."""
        if any(layer.place for layer in made.wrappers):
            return  # it runs in a container, or on another machine
        for layer in made.layers:
            manager = layer.path.partition(" ")[0]
            if manager in _MANAGERS:
                found = list(self._package_script(manager, layer, made, walk, gaps))
                yield from found
                if found:
                    return
        if not made.layers:
            return
        layer = made.layers[-1]
        self._runners = self._runners or Runners(self.files)
        name = made.argv[layer.start]
        if layer.path in _PROJECTS:
            yield from self._task(layer, made)
        elif layer.path in RUNNERS:
            yield from self._runners.follow(layer, made, walk, gaps)
        elif layer.path in {"sh", "source"}:
            if layer.file is not None:
                sourced = layer.path == "source"
                yield from self._file(
                    made.argv[layer.file], made, walk, None if sourced else gaps, strict=_errexit(made)
                )
        elif any(each.path in _PYTHON for each in made.layers):
            yield from self._runners.python(made, walk, gaps)
        elif "/" in name and not name.startswith(("/", "~", "@")) and not knowledge.works(name):
            yield from self._file(name, made, walk, gaps)

    # -- shell files -----------------------------------------------------------------------------------------------

    def _file(
        self, path: str, made: ShellCommand, walk: Walk, gaps: list[Unknown] | None, *, strict: bool = False
    ) -> Iterator[Called]:
        if not _FILE_NAME.fullmatch(_HOLE.sub("", path)):
            return
        where = path_from(walk.directory, path, walk.folder)
        source = self.files.read(where) if where else None
        if source is None:
            if gaps is not None and not path.startswith(("http", "<(")) and not _OUTSIDE.match(path):
                gaps.append(Unknown(f"the script {path} is not in the tree", made.span, about=_program(path)))
            return
        shebang = _SHEBANG.match(source.text)
        if shebang or (not source.text.startswith("#!") and _SHELL_FILE.search(source.path)):
            started = shebang[0] if shebang is not None and made.layers[-1].path != "sh" else ""
            strict = strict or re.search(r"sh[ \t]+-\w*e", started) is not None
            yield Called(source.path, path, Text.of(source), walk.directory, errexit=strict)
        elif gaps is not None:
            gaps.append(Unknown(f"what {path} does is not known", made.span, about=_program(path)))

    # -- package scripts -------------------------------------------------------------------------------------------

    def _package_script(
        self, manager: str, layer: Layer, made: ShellCommand, walk: Walk, gaps: list[Unknown]
    ) -> Iterator[Called]:
        names = knowledge.script_names(made.argv, layer)
        if not names or (manager == "bun" and "." in names[0]):  # `bun run a.ts` runs a file
            return
        name = "test" if names[0] == "t" else names[0]
        at = next((index for index in layer.operands if made.argv[index] == names[0]), len(made.argv))
        given = {each.name: each.value for each in layer.options if manager == "npm" or each.index < at}
        folder = walk.directory
        for option in ("--prefix", "-C", "--dir", "--cwd"):
            folder = entered(folder, given[option], "") if option in given else folder
        root = manager != "npm" and not {"-w", "--workspace-root"}.isdisjoint(given)
        chosen = next((given[each] for each in ("--workspace", "--filter", "-F", "workspace") if each in given), "")
        if manager == "npm":
            chosen = given.get("-w", chosen)
        everywhere = "-ws" in made.argv[:at] + made.argv[at + 1 :] or not _EVERYWHERE.isdisjoint(given)
        found = False
        for package in self._package_list("" if root else folder, chosen, everywhere=everywhere):
            if name in package.scripts:
                found = True
                yield from self._stages(package, name, manager)
        ran = layer is made.layers[-1] and not _RUN.isdisjoint(made.argv[layer.start + 1 : at])
        if not found and ran and not chosen and not everywhere:
            gaps.append(Unknown(f"the package script '{name}' is not in the tree", made.span, about=name))

    def _stages(self, package: _Package, name: str, manager: str) -> Iterator[Called]:
        for each in (f"pre{name}", name, f"post{name}"):
            if each in package.scripts:
                text = unfold(package.source, package.scripts[each])
                yield Called(f"{package.source.path}#{each}", f"{manager} run {each}", text, package.folder)

    def _package_list(self, folder: str, chosen: str, *, everywhere: bool) -> list[_Package]:
        packages = self._read_packages()
        if everywhere:
            return list(packages.values())
        if chosen:
            wanted = chosen.strip("'\"").removeprefix("...").removesuffix("...").removeprefix("{").removesuffix("}")
            plain = wanted.removeprefix("./").rstrip("/")
            return [
                package
                for package in packages.values()
                if wanted in {package.name, package.name.rpartition("/")[2]}
                or package.folder in {plain, join(folder, plain)}
            ]
        at: str | None = folder
        while at is not None:
            if at in packages:
                return [packages[at]]
            at = at.rpartition("/")[0] if at else None
        return []

    def _task(self, layer: Layer, made: ShellCommand) -> Iterator[Called]:
        """`turbo run test:e2e --filter=web`, `nx e2e web`, `nx run web:e2e`, `lerna run e2e`."""
        names = knowledge.script_names(made.argv, layer)[:8]
        chosen = next(iter(layer.values("--filter", "-F", "--scope")), "")
        if layer.path == "nx" and names and ":" in names[0]:
            chosen, _, target = names[0].partition(":")
            names = (target.partition(":")[0],)
        elif layer.path == "nx" and len(names) > 1 and layer.value("-t", "--target", "--targets") is None:
            names, chosen = names[:1], names[1]
        for name in names:
            for package in self._package_list(made.directory, chosen, everywhere=not chosen):
                if name in package.scripts:
                    yield from self._stages(package, name, layer.path)

    def _read_packages(self) -> dict[str, _Package]:
        if self._packages is None:
            self._packages = {}
            for path in self.files.named("package.json"):
                package = _read_package(self.files.read(path), path)
                if package is not None:
                    self._packages[package.folder] = package
        return self._packages


def _given(command: shell.WrittenCommand, called: Called, arguments: ScriptArguments) -> tuple[str | None, ...] | None:
    """What a command hands to the script that it calls."""
    behind = next((number for number, word in enumerate(command.words, 1) if word.text == called.what), 0)
    if not behind:
        return None
    if command.name in {".", "source"} and behind == len(command.words):
        return arguments.words
    return arguments.of(command.words[behind:])


def _exported(command: shell.WrittenCommand, environment: Environment) -> Environment:
    """The environment behind a command: `export X=1` sets a variable, a file that is read may set any."""
    if command.name in {".", "source", "eval"}:
        return environment.opened()
    if command.name not in {"export", "declare", "typeset"}:
        return environment
    given: dict[str, str | None] = {}
    for word in command.words[1:]:
        name, equals, value = word.text.partition("=")
        if not name.startswith("-"):
            given[name] = value if equals and word.literal else None
    return environment.given(given)


class _Package(Struct, frozen=True):
    """A package.json: where it is, its name and its scripts."""

    source: Source
    folder: str
    name: str
    scripts: dict[str, Scalar]


def _read_package(source: Source | None, path: str) -> _Package | None:
    from policyengine.syntax import json  # noqa: PLC0415  only workflows that call package scripts pay for it

    if source is None:
        return None
    try:
        document: Document = json.read(source)
    except ReadError:
        return None
    if not isinstance(document, Mapping):
        return None
    name = document.get("name")
    scripts = document.get("scripts")
    found = (
        {entry.key.text: entry.value for entry in scripts.entries if isinstance(entry.value, Scalar)}
        if isinstance(scripts, Mapping)
        else {}
    )
    folder = path[: -len("package.json")].rstrip("/")
    return _Package(source, folder, name.text if isinstance(name, Scalar) else "", found)


def _made(command: shell.WrittenCommand, walk: Walk) -> ShellCommand:
    return replace(
        command.read(),
        forgiven=walk.forgiven,
        via=walk.via,
        directory=walk.directory,
        background=command.ignored is not None and command.ignored.marker == "&",
        remote=walk.remote or _remote(command.texts, command.assignments),
        contained=walk.contained,
    )


def _remote(argv: Words[str], assignments: tuple[shell.WrittenAssignment, ...]) -> bool:
    """Whether Docker is told to work on another machine."""
    if any(each.name == "DOCKER_HOST" and _REMOTE_DOCKER.match(each.value.text) for each in assignments):
        return True
    for layer in knowledge.read(argv):
        if layer.path.startswith("docker"):
            host, context = layer.value("-H", "--host"), layer.value("-c", "--context")
            if layer.path == "docker run":
                return False
            return (host is not None and _REMOTE_DOCKER.match(host) is not None) or (
                context is not None and context not in {"default", "desktop-linux"}
            )
    return False


def _inline(command: shell.WrittenCommand, made: ShellCommand) -> Iterator[tuple[Text, bool]]:
    """The scripts in `bash -c '…'`, `ssh host '…'`, `concurrently '…'`, `bash <<EOF`; whether `-e` holds in them."""
    for index, script in knowledge.scripts(made.argv):
        word = command.words[index]
        errexit = made.layers[-1].script is not None and _errexit(made)
        if word.text == script:
            yield word.content, errexit
        elif made.layers[-1].joined:
            yield _rest(command, index), errexit
        else:
            yield Text.made(script, word.span), errexit
    last = made.layers[-1].path if made.layers else ""
    if last in {"sh", "ssh"} and made.layers[-1].script is None and made.layers[-1].file is None:
        yield from ((each.body, _errexit(made)) for each in command.redirects if each.body is not None)


def _errexit(made: ShellCommand) -> bool:
    """Whether a shell is started with `-e`."""
    layer = made.layers[-1]
    behind = next((index for index in (layer.script, layer.file) if index is not None), len(made.argv))
    return any(re.fullmatch(r"-[a-z]*e[a-z]*", word) for word in made.argv[layer.rest : behind])


def _rest(command: shell.WrittenCommand, index: int) -> Text:
    """The unquoted words behind `ssh host` as one script."""
    parts: list[Text] = []
    for word in command.words[index:]:
        parts += (word.content, Text.made(" ", word.span._replace(start=word.span.end)))
    return Text.join(parts)
