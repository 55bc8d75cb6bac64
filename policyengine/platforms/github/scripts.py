"""The commands that a `run:` script leads to: through package scripts, task runners and shell files."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.knowledge import commands as knowledge
from policyengine.model.budget import REASON
from policyengine.model.text import Text
from policyengine.model.value import Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.github.arguments import ScriptArguments
from policyengine.platforms.github.calls import Called, Walk, entered, path_from, text_of
from policyengine.platforms.github.package_scripts import MANAGERS, PROJECTS, Packages
from policyengine.platforms.github.runners import RUNNERS, Runners
from policyengine.repository.discover import join, parent
from policyengine.syntax import shell
from policyengine.syntax.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence as Words

    from policyengine.model.nodes import ShellCommand
    from policyengine.model.value import Sealed
    from policyengine.repository.files import Files

DEEPEST = 8
"""How many scripts may call one another."""
_MOST = 2_000
_COMMAND = 25
"""Steps of the account that following a command takes, and as many again what is done with it."""
_STILL_FAILS = frozenset({"&&", "condition", "substitution", "!", "&"})
"""Reasons for an ignored failure that are how scripts are written, and no wish to ignore it."""
_PYTHON = frozenset({"poe", "pdm run", "hatch run"})
_SHEBANG = regex(r"#![^\n]*\b(?:ba|da|z|k|a)?sh\b[^\n]*")
_SHELL_FILE = regex(r"(?:\A|/)[^./]+\Z|\.(?:sh|bash|ksh|env)\Z")
_HOLE = regex(r"\$\{\{[^}]*\}\}|\$\{?\w+\}?")
_OUTSIDE = regex(r"[/~]|(?:.*/)?(?:node_modules|vendor|\.?venv)/(?:\.?bin)/|\$\{?(?:RUNNER_\w+|HOME|TMPDIR)\}?(?:/|\Z)")
_SHELL = regex(r"(?:sudo(?:\s+-\w+)*\s+)?(?:/(?:usr/)?bin/)?(?:ba|da|z)?sh(?:\s+-[a-z]+)*(?:\s+-s\b.*|\s+-)?")
_IN_FOLDER = regex(r"\$\{?(\w{1,50})\}?/")
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
    _packages: Packages | None = None
    _runners: Runners | None = None
    _brought: set[str] = field(default_factory=set)  # names of files that commands fetch or build
    _read: dict[tuple[str, int, int, bool, bool], tuple[str, shell.Script]] = field(default_factory=dict)

    def secrets(self) -> Iterator[Sealed]:
        """The secrets among the variables of task runners that were followed."""
        return iter(()) if self._runners is None else self._runners.secrets()

    def begin(self) -> None:
        """Begins with the scripts of another job, on another machine."""
        self._brought.clear()

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
        budget = self.files.budget
        if budget.left < 0:
            return Followed((), Unknown(REASON, text.span(0, 1)))
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
        budget.left -= _COMMAND * len(commands)  # what is done with each
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
        file = not text.offset(0) and walk.via and not walk.contained
        folder = parent(text.path) if file else None
        arguments = ScriptArguments(walk.arguments, dict(walk.environment.variables), folder=folder)
        yield from self._run(script.commands, script, walk, arguments, gaps)

    def _run(
        self,
        commands: tuple[shell.WrittenCommand, ...],
        script: shell.Script,
        walk: Walk,
        arguments: ScriptArguments,
        gaps: list[Unknown],
    ) -> Iterator[ShellCommand]:
        folders, left = [walk.directory], walk.directory
        last: ShellCommand | None = None
        environment = walk.environment
        for written in commands:
            if not arguments.choose(written.arms):
                continue
            self.files.budget.left -= _COMMAND
            if self.files.budget.left < 0:
                gaps.append(Unknown(REASON, written.span))
                return
            nested = sum(each in {"(", "$("} for each in written.within) + 1
            if written.before == "" and len(folders) >= nested > 1:
                del folders[nested - 1 :]
            while len(folders) < nested:
                folders.append(folders[-1])
            del folders[nested:]
            command = arguments.fill(written, folders[-1])
            ignored = walk.forgiven or (command.ignored is not None and command.ignored.marker not in _STILL_FAILS)
            here = replace(walk, directory=folders[-1], forgiven=ignored, environment=environment)
            piped = last if command.before == "|" else None
            last = made = _made(command, here, piped)
            here = replace(here, branches=made.branches)
            behind: list[ShellCommand] = []
            if command.name not in {"cd", "pushd"} and len(walk.seen) < DEEPEST:
                known, doubts = len(gaps), set[str | None]()
                behind += islice(self._deeper(command, made, script, here, arguments, gaps, doubts), _MOST)
                if behind or (len(gaps) == known and _follows_goals(made)):
                    made = replace(made, leads=_leads(made, behind, doubts))
            self._bring(made)
            yield made
            yield from behind
            if command.name == "exit" and arguments.surely(written):
                return
            environment = _exported(command, environment)
            arguments.follow(written)
            if command.name in {"cd", "pushd"} and len(command.words) > 1:
                to = command.words[1].text
                left, folders[-1] = folders[-1], left if to == "-" else entered(folders[-1], to, walk.folder)
            elif command.name == "popd":
                folders[-1] = left

    def _bring(self, made: ShellCommand) -> None:
        """Keeps which files are not the repository's, since a command fetches or builds them."""
        if made.does("build") or any(knowledge.fetches(layer) for layer in made.layers):
            self._brought.update({"", *(word.rpartition("/")[2] for word in made.argv)})

    def _deeper(
        self,
        command: shell.WrittenCommand,
        made: ShellCommand,
        script: shell.Script,
        walk: Walk,
        arguments: ScriptArguments,
        gaps: list[Unknown],
        doubts: set[str | None],
    ) -> Iterator[ShellCommand]:
        """The commands of what a command calls; `doubts` takes the goals of which not all is known."""
        if command.name in script.functions:
            key = f"{made.span.path}:{command.name}()"
            if key not in walk.seen:
                inside = replace(walk, seen=walk.seen | {key}, via=(Via(f"{command.name}()", made.span), *walk.via))
                given = arguments.called(command.words[1:])
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
                contained=walk.contained
                or made.does("run-task")
                or any(layer.place == "container" for layer in made.layers),
            )
            if len(inside.seen) > len(walk.seen):
                yield from self._script(inner, inside, gaps)
        fed = self.files.read(join(walk.directory, made.input) or "") if made.input and _reads_input(made) else None
        if fed is not None and fed.path not in walk.seen:
            away = walk.remote or made.layers[-1].path == "ssh"
            inside = replace(walk, seen=walk.seen | {fed.path}, via=(Via(fed.path, made.span), *walk.via))
            yield from self._script(Text.of(fed), replace(inside, arguments=None, remote=away), gaps)
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
                for each in self._script(called.text, inside, gaps):
                    if not each.plain:
                        doubts.add(called.goal)
                    yield each

    def _called(self, made: ShellCommand, walk: Walk, gaps: list[Unknown]) -> Iterator[Called]:
        """The scripts of the tree that a command runs."""
        layers = made.layers
        places = {layer.place for layer in layers[:-1]}
        if "host" in places or (layers and knowledge.tells(layers[-1])):
            return  # it runs on another machine, or it is only read
        if "container" in places:
            yield from self._contained(made, walk)
            return
        self._packages = self._packages or Packages(self.files)
        for layer in layers:
            manager = layer.path.partition(" ")[0]
            if manager in MANAGERS:
                found = list(self._packages.script(manager, layer, made, walk, gaps))
                yield from found
                if found:
                    return
        if not layers:
            return
        layer = layers[-1]
        asked = next((made.words[index] for index in layer.operands), None)
        if asked is not None and not asked.literal and not made.deeds and knowledge.may_deploy(layer):
            reason = f"what '{made.program} {asked.text}' does is set by the run"
            gaps.append(Unknown(reason, made.span, about=f"deploy {made.program}"))
        self._runners = self._runners or Runners(self.files)
        name = made.words[layer.start].text
        if layer.path in PROJECTS:
            yield from self._packages.task(layer, made)
        elif layer.path in RUNNERS:
            yield from self._runners.follow(layer, made, walk, gaps)
        elif layer.path in {"sh", "source"}:
            if layer.file is not None:
                sourced = layer.path == "source"
                yield from self._file(
                    made.argv[layer.file], made, walk, None if sourced else gaps, strict=_errexit(made)
                )
        elif any(each.path in _PYTHON for each in layers):
            yield from self._runners.python(made, walk, gaps)
        elif "/" in name and not name.startswith(("/", "~", "@")) and not knowledge.works(name):
            yield from self._file(name, made, walk, gaps)

    def _contained(self, made: ShellCommand, walk: Walk) -> Iterator[Called]:
        """The shell file that a command runs in a container, where only one of the tree can be meant."""
        layer = made.layers[-1]
        path = made.argv[layer.start if layer.path != "sh" or layer.file is None else layer.file]
        if "/" not in path or knowledge.works(path):
            return
        parts = [part for part in path.split("/") if part not in {"", "."}]
        for start in range(len(parts)):
            ending = "/".join(parts[start:])
            found = [each for each in self.files.named(parts[-1]) if f"/{each}".endswith(f"/{ending}")]
            if len(found) == 1:
                folder = found[0][: -len(ending)].rstrip("/")
                yield from self._file(ending, made, replace(walk, directory=folder), None, strict=_errexit(made))
            if found:
                return

    # -- shell files -----------------------------------------------------------------------------------------------

    def _file(
        self, path: str, made: ShellCommand, walk: Walk, gaps: list[Unknown] | None, *, strict: bool = False
    ) -> Iterator[Called]:
        if not _FILE_NAME.fullmatch(_HOLE.sub("", path)):
            return
        where = path_from(walk.directory, path, walk.folder)
        source = self.files.read(where) if where else None
        if source is None:
            name = path.rpartition("/")[2]
            brought = name in self._brought or ("." not in name and "" in self._brought)
            outside = path.startswith(("http", "<(")) or _OUTSIDE.match(path) or self._is_sandbox(path, made.span.path)
            if gaps is not None and not brought and not outside:
                gaps.append(Unknown(f"the script {path} is not in the tree", made.span, about=_program(path)))
            return
        shebang = _SHEBANG.match(source.text)
        if shebang or (not source.text.startswith("#!") and _SHELL_FILE.search(source.path)):
            started = shebang[0] if shebang is not None and made.layers[-1].path != "sh" else ""
            strict = strict or re.search(r"sh[ \t]+-\w*e", started) is not None
            yield Called(source.path, path, Text.of(source), walk.directory, errexit=strict)
        elif gaps is not None:
            gaps.append(Unknown(f"what {path} does is not known", made.span, about=_program(path)))

    def _is_sandbox(self, path: str, script: str) -> bool:
        """Whether a path is in a folder that a script makes for the time it runs: `WORK=$(mktemp -d)`."""
        source, start = self.files.read(script), _IN_FOLDER.match(path)
        made = start and source and re.search(rf"\b{start[1]}=[\"']?\$\(mktemp\b", source.text)
        return made is not None


def _given(command: shell.WrittenCommand, called: Called, arguments: ScriptArguments) -> tuple[str | None, ...] | None:
    """What a command hands to the script that it calls."""
    behind = next((number for number, word in enumerate(command.words, 1) if word.text == called.what), 0)
    if not behind:
        return None
    if command.name in {".", "source"} and behind == len(command.words):
        return arguments.words
    return arguments.of(command.words[behind:])


_SAME: dict[str, set[str]] = {"test": {"test", "e2e"}, "migrate": {"migrate", "push-schema"}}
"""What a script does where it does what its name says, if that may be something else."""


def _leads(made: ShellCommand, behind: Words[ShellCommand], doubts: set[str | None]) -> frozenset[str]:
    """What the names that a command calls tell, although their scripts are known: what these may do besides."""
    done = {deed.kind for each in behind for deed in each.deeds}
    if any(not each.plain for each in behind) and (not doubts or None in doubts):
        kinds = {deed.kind for deed in made.deeds}
    else:
        kinds = {kind for goal in doubts if goal for kind in knowledge.named(goal)}
    return frozenset(kind for kind in kinds if done.isdisjoint(_SAME.get(kind, {kind})))


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


def _input(command: shell.WrittenCommand, piped: ShellCommand | None) -> str:
    """The file that a command reads as its standard input: `psql < a.sql`, `cat a.sql | psql`."""
    given = [each.target.text for each in command.redirects if each.operator == "<" and each.target is not None]
    if piped is not None and piped.starts("cat") and not given:
        given = [word for word in piped.argv[1:] if not word.startswith("-")]
    return given[-1] if given else ""


def _follows_goals(made: ShellCommand) -> bool:
    """Whether all that a command does is what the goals of a Makefile of the tree do."""
    here = not made.remote and not any(layer.place for layer in made.layers)
    return here and bool(made.layers) and made.layers[-1].path == "make"


def _made(command: shell.WrittenCommand, walk: Walk, piped: ShellCommand | None) -> ShellCommand:
    return replace(
        command.read(),
        forgiven=walk.forgiven,
        via=walk.via,
        directory=walk.directory,
        background=command.ignored is not None and command.ignored.marker == "&",
        remote=walk.remote or _remote(command.texts, command.assignments),
        contained=walk.contained,
        branches=(*walk.branches, *command.branches),
        input=_input(command, piped),
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
    if _reads_input(made):
        yield from ((each.body, _errexit(made)) for each in command.redirects if each.body is not None)


def _reads_input(made: ShellCommand) -> bool:
    """Whether a shell runs what it is given as its input: `ssh host <<EOF`, `ssh host 'sudo bash -s' <<EOF`."""
    layer = made.layers[-1] if made.layers else None
    if layer is None or layer.path not in {"sh", "ssh"} or layer.file is not None:
        return False
    told = next((script for _, script in knowledge.scripts(made.argv)), "") if layer.script is not None else ""
    return layer.script is None or (layer.path == "ssh" and _SHELL.fullmatch(told) is not None)


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
