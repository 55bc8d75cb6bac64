"""The commands that a `run:` script leads to: through package scripts, Makefile targets and shell files."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.discover import join
from policyengine.formats import shell
from policyengine.formats.tree import Mapping, Scalar
from policyengine.nodes import ShellCommand, Variable, Word
from policyengine.source import ReadError, Source, Span, Text
from policyengine.value import Known, Unknown, Via

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.discover import Files

_DEEPEST = 8
_MOST = 2_000
_FAILS = frozenset({"&&", "condition", "substitution", "!"})
_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
_OWN = frozenset(
    """install ci add remove exec dlx create init publish pack audit login config cache link update upgrade outdated
    version view why list ls dedupe prune rebuild store fetch import patch setup workspaces set info x i""".split()
)
_SHELLS = frozenset({"bash", "sh", "zsh", "dash"})


@dataclass(frozen=True, slots=True)
class Followed:
    """The commands in the order in which they run, and why there may be more."""

    commands: tuple[ShellCommand, ...]
    gap: Unknown | None = None


def text_of(source: Source, scalar: Scalar) -> Text:
    """A scalar's text with the place of each line: block scalars lose their indentation."""
    raw = source.slice(scalar.span)
    if raw == scalar.text:
        return Text.of(source, scalar.span)
    if "\n" not in raw:
        return Text(source.path, scalar.text, (0,), (scalar.span.start,))
    starts, offsets, index, search = [], [], 0, scalar.span.start
    for line in scalar.text.split("\n"):
        at = source.text.find(line, search, scalar.span.end + 1) if line.strip() else search
        at = search if at < 0 else at
        starts.append(index)
        offsets.append(at)
        search = at + len(line)
        index += len(line) + 1
    return Text(source.path, scalar.text, tuple(starts), tuple(offsets))


@dataclass(slots=True)
class Follower:
    """Follows scripts through the files of the tree; each script at most once per step, to a bounded depth."""

    files: Files
    _packages: dict[str, dict[str, tuple[Source, Scalar]]] | None = None
    _makefiles: dict[str, dict[str, tuple[Text, ...]]] | None = None

    def follow(self, text: Text, directory: str, *, errexit: bool = True, pipefail: bool = False) -> Followed:
        """The commands of a script that runs in `directory` (relative to the root)."""
        gaps: list[Unknown] = []
        commands = list(
            self._commands(text, directory, (), frozenset(), gaps, options=(errexit, pipefail), forgiven=False)
        )[:_MOST]
        return Followed(tuple(commands), gaps[0] if gaps else None)

    def _commands(  # noqa: PLR0917  the state of one walk
        self,
        text: Text,
        directory: str,
        via: tuple[Via, ...],
        seen: frozenset[str],
        gaps: list[Unknown],
        *,
        options: tuple[bool, bool],
        forgiven: bool,
    ) -> Iterator[ShellCommand]:
        script = shell.read(text, errexit=options[0], pipefail=options[1])
        if not script.complete:
            gaps.append(Unknown("the script cannot be read to its end", text.span(0, min(1, len(text.text)))))
        for command in script.commands:
            ignored = forgiven or (command.ignored is not None and command.ignored.marker not in _FAILS)
            made = _made(command, via, directory, forgiven=ignored)
            if command.name == "cd" and len(command.words) > 1 and "(" not in command.within:
                directory = join(directory, command.words[1].text) or directory
            yield made
            if len(seen) < _DEEPEST:
                yield from self._deeper(command, made, directory, seen, gaps, forgiven=ignored)

    def _deeper(
        self,
        command: shell.Command,
        made: ShellCommand,
        directory: str,
        seen: frozenset[str],
        gaps: list[Unknown],
        *,
        forgiven: bool,
    ) -> Iterator[ShellCommand]:
        argv = made.argv
        inner = _inline(command)
        if inner is not None:
            yield from self._commands(
                inner, directory, made.via, seen | {inner.text}, gaps, options=(False, False), forgiven=forgiven
            )
            return
        for key, what, text, where in self._called(argv, directory, made.span, gaps):
            if key not in seen:
                via = (Via(what, made.span), *made.via)
                yield from self._commands(
                    text, where, via, seen | {key}, gaps, options=(True, False), forgiven=forgiven
                )

    def _called(
        self, argv: tuple[str, ...], directory: str, span: Span, gaps: list[Unknown]
    ) -> Iterator[tuple[str, str, Text, str]]:
        """Key, name, text and directory of each script that a command calls."""
        words = [word for word in argv if word not in ("sudo", "time")]
        if not words:
            return
        name = words[0]
        if name in _MANAGERS:
            yield from self._package_script(words, directory, span, gaps)
        elif name in ("make", "gmake"):
            yield from self._make(words, directory, span, gaps)
        else:
            path = next((word for word in words[1:] if not word.startswith("-")), "") if name in _SHELLS else name
            if (name in _SHELLS and path) or name.startswith("./") or (name.endswith(".sh") and "/" in name):
                yield from self._file(path, directory, span, gaps)

    def _file(self, path: str, directory: str, span: Span, gaps: list[Unknown]) -> Iterator[tuple[str, str, Text, str]]:
        where = join(directory, path)
        source = self.files.read(where) if where else None
        if source is None:
            gaps.append(Unknown(f"the script {path} is not in the tree", span))
        elif re.match(r"#!.*\b(?:ba|da|z|k)?sh\b|(?!#!)", source.text):
            yield source.path, path, Text.of(source), directory

    def _package_script(
        self, words: list[str], directory: str, span: Span, gaps: list[Unknown]
    ) -> Iterator[tuple[str, str, Text, str]]:
        rest, folder = _without_options(words[1:], directory)
        if rest[:1] in (["run"], ["run-script"]):
            rest = rest[1:]
        elif rest[:1] and (rest[0] in _OWN or (words[0] == "npm" and rest[0] not in ("test", "start", "t"))):
            return
        if not rest:
            return
        name = "test" if rest[0] == "t" else rest[0]
        scripts = self._scripts().get(folder) or self._scripts().get("") or {}
        if name not in scripts:
            if words[1:2] in (["run"], ["run-script"]):
                gaps.append(Unknown(f"the package script '{name}' is not in the tree", span))
            return
        for each in (f"pre{name}", name, f"post{name}"):
            if each in scripts:
                source, scalar = scripts[each]
                yield f"{source.path}#{each}", f"{words[0]} run {each}", text_of(source, scalar), folder

    def _scripts(self) -> dict[str, dict[str, tuple[Source, Scalar]]]:
        if self._packages is None:
            self._packages = {}
            for path in self.files.paths:
                if PurePosixPath(path).name == "package.json":
                    found = _package_scripts(self.files.read(path))
                    folder = path[: -len("package.json")].rstrip("/")
                    self._packages[folder] = found
        return self._packages

    def _make(
        self, words: list[str], directory: str, span: Span, gaps: list[Unknown]
    ) -> Iterator[tuple[str, str, Text, str]]:
        folder, targets, skip = directory, [], False
        for index, word in enumerate(words[1:], 1):
            if skip:
                skip = False
            elif word in ("-C", "-f", "-j", "-o"):
                skip = True
                if word == "-C" and index + 1 < len(words):
                    folder = join(directory, words[index + 1]) or directory
            elif not word.startswith("-") and "=" not in word:
                targets.append(word)
        folder = "" if folder == "." else folder
        recipes = self._recipes(folder)
        if not recipes:
            gaps.append(Unknown("the Makefile is not in the tree", span))
        for target in targets or list(recipes)[:1]:
            yield from ((key, what, text, folder) for key, what, text in _targets(folder, target, recipes))

    def _recipes(self, folder: str) -> dict[str, tuple[tuple[str, ...], tuple[Text, ...]]]:
        for name in ("GNUmakefile", "makefile", "Makefile"):
            source = self.files.read(f"{folder}/{name}" if folder else name)
            if source is not None:
                return _read_makefile(source)
        return {}


def _made(command: shell.Command, via: tuple[Via, ...], directory: str, *, forgiven: bool) -> ShellCommand:
    return ShellCommand(
        words=tuple(Word(word.text, word.span, word.literal) for word in command.words),
        span=command.span,
        assignments=tuple(
            Variable(
                each.name,
                each.span,
                Known(each.value.text, each.value.span)
                if each.value.literal
                else Unknown("the shell sets it", each.value.span),
            )
            for each in command.assignments
        ),
        forgiven=forgiven,
        via=via,
        directory=directory,
    )


def _inline(command: shell.Command) -> Text | None:
    """The script in `bash -c '…'` or `ssh host '…'`."""
    words = command.words
    if command.name in _SHELLS:
        for index, word in enumerate(words[1:-1], 1):
            if re.fullmatch(r"-[a-z]*c", word.text):
                return words[index + 1].content
    if command.name == "ssh" and len(words) > 2 and " " in words[-1].text:
        return words[-1].content
    return None


def _without_options(words: list[str], directory: str) -> tuple[list[str], str]:
    """The words without leading options, and the folder that `--prefix`, `-C` or `--cwd` names."""
    index, folder = 0, directory
    while index < len(words) and words[index].startswith("-"):
        option, _, value = words[index].partition("=")
        if option in ("--prefix", "-C", "--dir", "--cwd", "-w", "--workspace", "--filter", "-F") and not value:
            index += 1
            value = words[index] if index < len(words) else ""
        if option in ("--prefix", "-C", "--dir", "--cwd"):
            folder = join(directory, value) or directory
        index += 1
    return words[index:], "" if folder == "." else folder


def _package_scripts(source: Source | None) -> dict[str, tuple[Source, Scalar]]:
    from policyengine.formats import json  # noqa: PLC0415  only workflows that call package scripts pay for it

    if source is None:
        return {}
    try:
        document = json.read(source)
    except ReadError:
        return {}
    scripts = document.get("scripts") if isinstance(document, Mapping) else None
    if not isinstance(scripts, Mapping):
        return {}
    return {entry.key.text: (source, entry.value) for entry in scripts.entries if isinstance(entry.value, Scalar)}


_TARGET = re.compile(r"^([A-Za-z0-9_./%-][^:=#\n]*?)\s*::?(?![=:])([^\n#;]*)")


def _read_makefile(source: Source) -> dict[str, tuple[tuple[str, ...], tuple[Text, ...]]]:
    """Target → prerequisites and recipe lines (GNU make manual, "Rule Syntax"), continuation lines joined."""
    found: dict[str, tuple[tuple[str, ...], tuple[Text, ...]]] = {}
    current: list[str] = []
    number = 1
    while number <= len(source.starts):
        line, start = source.line(number), source.starts[number - 1]
        if line.startswith("\t"):
            last = number
            while source.line(last).endswith("\\") and last < len(source.starts):
                last += 1
            end = source.starts[last - 1] + len(source.line(last))
            skip = len(line) - len(line.lstrip("\t @-+"))
            text = Text.of(source, source.span(start + skip, end))
            forgiven = "-" in line[:skip]
            for name in current:
                needs, lines = found[name]
                found[name] = (needs, (*lines, _forgiven(text) if forgiven else text))
            number = last
        else:
            match = _TARGET.match(line)
            if match:
                current = match[1].split()
                for name in current:
                    needs, lines = found.get(name, ((), ()))
                    found[name] = ((*needs, *match[2].split()), lines)
            elif line.strip() and not line.startswith("#"):
                current = []
        number += 1
    found.pop(".PHONY", None)
    return found


def _forgiven(text: Text) -> Text:
    return replace(text, text=text.text + " || true")


def _targets(
    folder: str, target: str, recipes: dict[str, tuple[tuple[str, ...], tuple[Text, ...]]]
) -> Iterator[tuple[str, str, Text]]:
    """The recipe lines of a target after those of its prerequisites."""
    order: list[str] = []
    stack = [(target, False)]
    visited: set[str] = set()
    while stack:
        name, ready = stack.pop()
        if ready:
            order.append(name)
        elif name in recipes and name not in visited:
            visited.add(name)
            stack.append((name, True))
            stack.extend((need, False) for need in reversed(recipes[name][0]))
    for name in order:
        for number, text in enumerate(recipes[name][1]):
            yield f"{folder}#make {name} {number}", f"make {name}", text
