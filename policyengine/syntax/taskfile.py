"""Taskfiles (go-task) as far as `task name` needs: tasks, their dependencies and commands, variables and includes.

Source of fact: the Taskfile schema reference, taskfile.dev. Templates are evaluated as far as they are variables
(`{{.TAG}}`) with an optional default; what is left is not decided. Commands are `Text`s for the shell reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.source import ReadError, Source
from policyengine.model.text import Text
from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.syntax.folding import unfold
from policyengine.syntax.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Mapping as Named

    from policyengine.model.source import Span
    from policyengine.syntax.environment import Environment
    from policyengine.syntax.tree import Document

NAMES = (
    "Taskfile.yml", "taskfile.yml", "Taskfile.yaml", "taskfile.yaml",
    "Taskfile.dist.yml", "taskfile.dist.yml", "Taskfile.dist.yaml", "taskfile.dist.yaml",
)  # fmt: skip
"""The names that task looks for, in order."""
_DEEPEST = 8
_MOST = 500
_LONGEST = 20_000
_PUT = regex(r"\{\{([^{}]{0,300})\}\}")
_NAMED = regex(r"\.([A-Za-z_]\w*)(?:\s*\|\s*default\s+[\"']([^\"']*)[\"'])?|"
               r"default\s+[\"']([^\"']*)[\"']\s+\.([A-Za-z_]\w*)")  # fmt: skip
_CONTROL = regex(r"\{\{-?[ \t\n]{0,20}(?:if|range|with|else|end|template|block|define)\b")
_SYSTEM = {"Linux": "linux", "macOS": "darwin", "Windows": "windows"}


class TaskCommand(Struct, frozen=True):
    """One command of a task, run in `directory` (relative to the folder of the first file)."""

    name: str
    text: Text
    ignored: bool
    directory: str


class _Task(Struct, frozen=True):
    source: Source
    body: Document
    scope: _Scope


class _Scope(Struct, frozen=True):
    """A file's place: its folder, the name space under which it is included, its variables."""

    folder: str
    space: str
    variables: dict[str, str | None]


def read(
    source: Source,
    environment: Environment,
    given: Named[str, str | None],
    file: Callable[[str], Source | None],
) -> Taskfile:
    """The tasks of a file and of those that it includes; `file` finds one by the path from the folder of the first.

    `given` are variables of the command line (`task build TAG=1`), which win.

    Raises:
        ReadError: the file is no YAML mapping.
    """
    made = Taskfile(source, environment, given, file)
    made.read(source, "", "", {}, 0)
    return made


class Taskfile:
    """The tasks by their full names."""

    def __init__(
        self,
        source: Source,
        environment: Environment,
        given: Named[str, str | None],
        file: Callable[[str], Source | None],
    ) -> None:
        self.source = source
        self._place = source.span(0, 0)
        self._environment = environment
        self._given = given
        self._file = file
        self._tasks: dict[str, _Task] = {}
        self._count = 0
        self._secrets = {value: None for name, value in given.items() if value and may_hold_secret(name)}

    def secrets(self) -> Iterable[str]:
        """The values, met so far, of variables whose names tell a secret."""
        return self._secrets

    def has(self, name: str) -> bool:
        """Whether there is such a task."""
        return self._find(name) is not None

    def order(self, name: str) -> Iterator[TaskCommand | Unknown]:
        """What `task name` runs: dependencies first, then its commands, with the tasks that they call."""
        self._count = 0
        yield from self._run(name, {}, frozenset(), self._place)

    # -- running ---------------------------------------------------------------------------------------------------

    def _find(self, name: str) -> tuple[_Task, str] | None:
        """A task by name, alias, or a name with `*`, and what the star stands for."""
        if name in self._tasks:
            return self._tasks[name], ""
        for known, task in self._tasks.items():
            before, star, after = known.partition("*")
            if star and name.startswith(before) and name.endswith(after) and len(name) >= len(before) + len(after):
                return task, name[len(before) : len(name) - len(after)]
        return None

    def _run(
        self, name: str, called: dict[str, str | None], seen: frozenset[str], place: Span
    ) -> Iterator[TaskCommand | Unknown]:
        found = self._find(name)
        self._count += 1
        if found is None:
            yield Unknown(f"the task '{name}' is not in the Taskfile", place)
            return
        if name in seen or len(seen) > 40 or self._count > _MOST:
            return
        task, star = found
        body = task.body if isinstance(task.body, Mapping) else None
        if body is not None and not self._here(body.get("platforms")):
            return
        own = body.get("vars") if body is not None else None
        variables = self._variables(own, {**task.scope.variables, **called})
        variables = {**variables, **called, **self._given, "TASK": name, "MATCH": star}
        directory = task.scope.folder
        if body is not None and isinstance(where := body.get("dir"), Scalar):
            directory = self._joined(directory, self._put(where.text, variables))
        inside = seen | {name}
        for need in _items(body.get("deps") if body is not None else None):
            yield from self._call(need, task, variables, inside)
        commands = body.get("cmds") or body.get("cmd") if body is not None else task.body
        ignoring = body is not None and _true(body.get("ignore_error"))
        for command in _items(commands):
            yield from self._command(command, name, task, variables, inside, directory, ignoring=ignoring)

    def _command(
        self,
        command: Document,
        name: str,
        task: _Task,
        variables: dict[str, str | None],
        seen: frozenset[str],
        directory: str,
        *,
        ignoring: bool,
    ) -> Iterator[TaskCommand | Unknown]:
        if isinstance(command, Scalar):
            if _CONTROL.search(command.text):
                yield Unknown(f"a template decides what the task '{name}' runs", command.span)
            else:
                yield TaskCommand(name, self._text(task.source, command, variables), ignoring, directory)
            return
        if not isinstance(command, Mapping) or not self._here(command.get("platforms")):
            return
        for each in self._repeated(command.get("for"), variables):
            written = command.get("cmd")
            later = command.get("defer")
            ignored = ignoring or _true(command.get("ignore_error"))
            if isinstance(written, Scalar):
                yield from self._command(written, name, task, each, seen, directory, ignoring=ignored)
            elif command.get("task") is not None:
                yield from self._call(command, task, each, seen)
            elif isinstance(later, Scalar):
                yield TaskCommand(name, self._text(task.source, later, each), True, directory)  # noqa: FBT003
            elif isinstance(later, Mapping):
                yield from self._call(later, task, each, seen)

    def _repeated(self, loop: Document | None, variables: dict[str, str | None]) -> list[dict[str, str | None]]:
        """The variables of each turn of a `for`; once with an unknown item where it is no plain list."""
        if loop is None:
            return [variables]
        if isinstance(loop, Sequence):
            return [{**variables, "ITEM": each.text} for each in loop.items if isinstance(each, Scalar)][:_MOST]
        return [{**variables, "ITEM": None}]

    def _call(
        self, document: Document, task: _Task, variables: dict[str, str | None], seen: frozenset[str]
    ) -> Iterator[TaskCommand | Unknown]:
        """A task that another calls, by name or with variables."""
        named = document.get("task") if isinstance(document, Mapping) else document
        if not isinstance(named, Scalar):
            return
        name = self._put(named.text, variables)
        if name is None:
            yield Unknown("which task is called is not in the Taskfile", named.span)
            return
        full = name.removeprefix(":") if name.startswith(":") else task.scope.space + name
        if self._find(full) is None and self._find(name) is not None:
            full = name
        given = self._variables(document.get("vars") if isinstance(document, Mapping) else None, variables, only=True)
        yield from self._run(full, given, seen, named.span)

    def _here(self, platforms: Document | None) -> bool:
        """Whether a list of platforms holds the machine's; so it counts where that is not known."""
        system = _SYSTEM.get(self._environment.get("RUNNER_OS") or "")
        names = [each.text for each in _items(platforms) if isinstance(each, Scalar)]
        systems = {name.partition("/")[0] for name in names}
        return not names or system is None or system in systems or systems.isdisjoint(_SYSTEM.values())

    @staticmethod
    def _joined(folder: str, path: str | None) -> str:
        """A path from a folder; the folder itself where it is not decided."""
        if path is None:
            return folder
        return f"{folder}/{path}" if folder and not path.startswith("/") else path

    # -- texts -----------------------------------------------------------------------------------------------------

    def _variables(
        self, document: Document | None, outer: Named[str, str | None], *, only: bool = False
    ) -> dict[str, str | None]:
        """The variables of a `vars:` over those around it; with `only` without those."""
        found: dict[str, str | None] = dict(outer)
        made: dict[str, str | None] = {}
        for entry in document.entries if isinstance(document, Mapping) else ():
            value = self._put(entry.value.text, found) if isinstance(entry.value, Scalar) else None
            found[entry.key.text] = made[entry.key.text] = value
            if value and may_hold_secret(entry.key.text):
                self._secrets[value] = None
        return made if only else found

    def _value(self, match: re.Match[str], variables: Named[str, str | None]) -> str | None:
        """What a template comes to; None where the files do not decide it."""
        named = _NAMED.fullmatch(match[1].strip("- \t\n"))
        if named is None:
            return None
        name, default = (named[1], named[2]) if named[1] else (named[4], named[3])
        if name == "CLI_ARGS" and name not in variables:
            return ""
        value = variables[name] if name in variables else self._environment.get(name)
        if value is None:
            return None
        if value or default is not None or name in variables or name in self._environment.variables:
            return value or default or ""
        # Nothing in the files sets it: empty as a word of its own, kept within one, where it may only seem so.
        around = match.string[match.start() - 1 : match.start()] + match.string[match.end() : match.end() + 1]
        return "" if not around.strip() else None

    def _put(self, text: str, variables: Named[str, str | None]) -> str | None:
        """A text with what is known put in; None where that leaves a part of it open."""
        values = [self._value(match, variables) for match in _PUT.finditer(text)]
        if None in values:
            return None
        given = iter(values)
        return _PUT.sub(lambda _: next(given) or "", text)[:_LONGEST]

    def _text(self, source: Source, scalar: Scalar, variables: Named[str, str | None]) -> Text:
        """A command with known variables put in; their characters stand where the template does."""
        whole = unfold(source, scalar)
        texts: list[Text] = []
        at, length = 0, 0
        for put in _PUT.finditer(whole.written):
            start, end = put.span()
            value, span = self._value(put, variables), whole.span(start, end)
            texts.append(whole.cut(at, start))
            if value is None:
                named = _NAMED.fullmatch(put[1].strip("- \t\n"))
                name = (named[1] or named[4]) if named is not None else "_"
                texts.append(Text.undecided(f"${{{name}}}", Unknown(f"'{name}' is not in the Taskfile", span)))
            else:
                texts.append(Text.made(value[: max(0, _LONGEST - length - start + at)], span))
                length += len(value)
            length += start - at
            at = end
        return Text.join((*texts, whole.cut(at)))

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self, source: Source, folder: str, space: str, outer: Named[str, str | None], depth: int) -> None:
        """Reads a file under a name space.

        Raises:
            ReadError: the file is no YAML mapping.
        """
        from policyengine.syntax import yaml  # noqa: PLC0415  only trees with Taskfiles pay for it

        document = yaml.read(source)
        if not isinstance(document, Mapping):
            raise ReadError("is no mapping", source.span(0, 0))
        variables = {**self._variables(document.get("vars"), {}), **outer, **self._given}
        scope = _Scope(folder, f"{space}:" if space else "", variables)
        tasks = document.get("tasks")
        for entry in tasks.entries if isinstance(tasks, Mapping) else ():
            task = _Task(source, entry.value, scope)
            self._tasks.setdefault(scope.space + entry.key.text, task)
            if space and entry.key.text == "default":
                self._tasks.setdefault(space, task)
            for alias in _items(entry.value.get("aliases") if isinstance(entry.value, Mapping) else None):
                if isinstance(alias, Scalar):
                    self._tasks.setdefault(scope.space + alias.text, task)
        includes = document.get("includes")
        for entry in includes.entries if isinstance(includes, Mapping) and depth < _DEEPEST else ():
            self._include(entry.key.text, entry.value, scope, depth)

    def _include(self, name: str, body: Document, scope: _Scope, depth: int) -> None:
        written = body.get("taskfile") if isinstance(body, Mapping) else body
        if not isinstance(written, Scalar):
            return
        put = self._put(written.text, scope.variables)
        if put is None:
            return
        path = self._joined(scope.folder, put)
        found = self._file(path)
        folder = path.rpartition("/")[0]
        if found is None:
            candidates = ((self._file(f"{path}/{each}"), path) for each in NAMES)
            found, folder = next(((file, where) for file, where in candidates if file is not None), (None, path))
        if found is None:
            return
        more: Document | None = None
        flat = False
        if isinstance(body, Mapping):
            more, flat = body.get("vars"), _true(body.get("flatten"))
            if isinstance(where := body.get("dir"), Scalar):
                folder = self._joined(scope.folder, self._put(where.text, scope.variables))
        given = self._variables(more, scope.variables, only=True)
        try:
            self.read(found, folder, scope.space.rstrip(":") if flat else scope.space + name, given, depth + 1)
        except ReadError:
            return  # what it holds is then not in the Taskfile


def _items(document: Document | None) -> tuple[Document, ...]:
    match document:
        case None:
            return ()
        case Sequence(items):
            return items
        case _:
            return (document,)


def _true(document: Document | None) -> bool:
    return isinstance(document, Scalar) and document.text == "true"
