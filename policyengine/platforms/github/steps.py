"""The steps of a job: what each runs, does and builds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.knowledge import actions
from policyengine.model.nodes import Activity, Build, Deploy, Origin, ShellCommand, Step, Variable, Word
from policyengine.model.text import Text
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.github import activities, builds, expressions
from policyengine.platforms.github.documents import WorkflowFiles, boolean, mapping, value, variables, words
from policyengine.platforms.github.expressions import is_open, marked
from policyengine.repository.discover import join
from policyengine.syntax.environment import Environment
from policyengine.syntax.folding import unfold
from policyengine.syntax.tree import Document, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Source, Span
    from policyengine.platforms.github.expressions import Scope
    from policyengine.platforms.github.scripts import Follower
    from policyengine.platforms.github.terraform_folders import TerraformFolders

_MOST = 500
"""How many steps of a job are read, those of called workflows and actions included."""
_SHELL = regex(r"(?:\A\s*|[\s\"'/])(?:ba|da|z|k|a)?sh(?:[\s\"']|\Z)")
_IN_WORKSPACE = regex(r"\A\$\{\{\s*github\.workspace\s*\}\}/?")
_ACTION_PATH = regex(r"\bgithub\.action_path\b")
_ENVIRONMENT = regex(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)


class StepFrame(Struct, frozen=True):
    """What holds for a list of steps.

    `scope` is what names stand for, `combinations` those of the matrix, `folder` that of the composite action, and
    `condition` and `forgiven` what the step that calls it brings. `runner` are the labels of the machine.
    """

    scope: Scope
    combinations: tuple[dict[str, str], ...] = ()
    directory: str = ""
    shell: str = ""
    folder: str = ""
    seen: frozenset[str] = frozenset()
    condition: Value[str] | None = None
    forgiven: Value[bool] | None = None
    runner: str = ""


class JobState(Struct):
    """What the steps of a job have made so far."""

    job: str
    steps: list[Step] = field(default_factory=list)
    drafted: list[tuple[builds.Drafted, Scope]] = field(default_factory=list)
    commands: list[ShellCommand] = field(default_factory=list)
    metadata: dict[str, tuple[Variable, Scope]] = field(default_factory=dict)  # the images that an action names
    exported: dict[str, Value[str]] = field(default_factory=dict)
    exports: int = 0
    open: bool = False  # whether a step may have set any variable for those behind it

    def add(self, step: Step, drafts: list[tuple[builds.Drafted, Scope]]) -> None:
        """Takes a step with the builds it makes."""
        ids = []
        for draft in drafts:
            ids.append(f"{self.job}/build-{len(self.drafted)}")
            self.drafted.append(draft)
        self.steps.append(replace(step, builds=tuple(ids)))

    def finished(self) -> Iterator[Build]:
        """The builds, with what later commands of the job tag and push."""
        for number, (draft, scope) in enumerate(self.drafted):
            made = draft
            further = [name for tag in draft.written for name in builds.aliased(self.commands, scope, tag)]
            if further:
                made = replace(made, tags=builds.tags_of([*draft.written, *further], draft.tags.span))
            if isinstance(draft.push, Absent) and builds.sends(draft, builds.pushed(self.commands, scope)):
                made = replace(made, push=Known(value=True, span=draft.span))
            yield made.node(f"{self.job}/build-{number}", self.job)


class _Done(Struct, frozen=True):
    """What a step does."""

    commands: tuple[ShellCommand, ...] = ()
    activities: tuple[Activity, ...] = ()
    drafts: tuple[tuple[builds.Drafted, Scope], ...] = ()
    gap: Unknown | None = None


class Steps(Struct, frozen=True):
    """Lowers steps, following what they call."""

    reader: WorkflowFiles
    follower: Follower
    folders: TerraformFolders

    def run(self, document: Document | None, path: str, frame: StepFrame, state: JobState) -> None:
        """Adds the steps of a list that stands in the file `path` to a job."""
        source = self.reader.files.read(path)
        for item in document.items if isinstance(document, Sequence) and source is not None else ():
            step = mapping(item)
            if step is not None and source is not None and len(state.steps) < _MOST:
                self._step(step, source, frame, state)

    def _step(self, step: Mapping, source: Source, frame: StepFrame, state: JobState) -> None:
        place = step.span._replace(end=step.span.start)
        uses = value(step.get("uses"), place)
        inputs = variables(step.get("with"), Origin.INPUT)
        environment = variables(step.get("env"))
        name = value(step.get("name"), place)
        own = value(step.get("if"), place) if step.get("if") is not None else None
        condition = own or frame.condition
        forgiven = boolean(step.get("continue-on-error")) or frame.forgiven
        named = {**frame.scope.variables, **state.exported, **{each.key: each.value for each in environment}}
        scope = replace(frame.scope, variables=named)
        done = _Done()
        if not expressions.never(own, scope, frame.combinations):
            run = step.get("run")
            if isinstance(run, Scalar):
                done = self._script(step, run, source, replace(frame, scope=scope), state)
            elif isinstance(uses, Known):
                called = replace(frame, scope=scope, condition=condition, forgiven=forgiven)
                done = self._action(step, uses, source, called, state)
        state.commands.extend(done.commands)
        state.add(
            Step(
                index=len(state.steps),
                name=name.value if isinstance(name, Known) else "",
                span=_place(step),
                uses=uses,
                inputs=inputs,
                environment=environment,
                condition=condition,
                continue_on_error=forgiven,
                commands=done.commands,
                activities=tuple(activities.informed(each, environment, scope) for each in done.activities),
                gap=done.gap,
            ),
            list(done.drafts),
        )

    # -- scripts ---------------------------------------------------------------------------------------------------

    def _script(self, step: Mapping, run: Scalar, source: Source, frame: StepFrame, state: JobState) -> _Done:
        given = step.get("shell")
        shell = given.text if isinstance(given, Scalar) else frame.shell
        if shell.strip() and _SHELL.search(shell) is None:
            return _Done(gap=Unknown(f"a script for {shell.split()[0]} is not read", run.span))
        where = _directory(step.get("working-directory"), frame)
        followed = self.follower.follow(
            marked(unfold(source, run)),
            where,
            errexit=not shell or shell in {"bash", "sh"} or re.search(r"\s-\w*e", shell) is not None,
            pipefail=shell == "bash" or "pipefail" in shell,
            folder=frame.folder,
            environment=_environment(frame, state),
        )
        before = state.exports
        done = self._of_commands(followed.commands, followed.gap, frame, state)
        state.open = state.open or run.text.count("GITHUB_ENV") > state.exports - before
        return done

    def _of_commands(
        self, commands: tuple[ShellCommand, ...], gap: Unknown | None, frame: StepFrame, state: JobState
    ) -> _Done:
        found: list[Activity] = []
        drafts: list[tuple[builds.Drafted, Scope]] = []
        scope = frame.scope
        known = {(via.span, deed.kind) for command in commands for deed in command.deeds for via in command.via}
        for command in commands:
            scope = self._assigned(command, scope)
            self._exported(command, scope, state)
            own = activities.of_command(command, scope, known)
            found.extend(each for each in own if not self._only_computes(each, command, scope))
            if not command.does("build"):
                continue
            for each in _scopes(scope, frame, " ".join(command.argv)):
                made = [builds.of_command(command, each), *self._bake_command(command, each)]
                for draft in made:
                    if draft is not None and all(draft != other for other, _ in drafts):
                        drafts.append((draft, each))
                        found.extend(activities.sent(draft, forgiven=command.forgiven))
        return _Done(commands, tuple(found), tuple(drafts), gap)

    def _only_computes(self, activity: Activity, command: ShellCommand, scope: Scope) -> bool:
        """Whether Terraform is applied where there is nothing to apply."""
        return (
            isinstance(activity, Deploy) and activity.tool == "terraform" and self.folders.only_computes(command, scope)
        )

    @staticmethod
    def _assigned(command: ShellCommand, scope: Scope) -> Scope:
        """The scope after a line of assignments only."""
        if command.words and command.words[0].text not in {"export", "readonly", "declare", "local"}:
            return scope
        given = {each.key: word for each, word in zip(command.assignments, command.given, strict=False)}
        for word in command.words[1:]:
            if match := _ENVIRONMENT.fullmatch(word.text):
                given[match[1]] = Word(match[2], word.span, word.literal)
        kept = {name: Known(word.text, word.span) for name, word in given.items() if not _runs_inside(word)}
        return replace(scope, variables={**scope.variables, **kept}) if kept else scope

    def _exported(self, command: ShellCommand, scope: Scope, state: JobState) -> None:
        """`echo "NAME=value" >> $GITHUB_ENV` sets a variable for the steps behind it."""
        if command.argv[:1] != ("echo",) or len(command.words) != 2:
            return
        source = self.reader.files.read(command.span.path)
        word = command.words[1]
        match = _ENVIRONMENT.fullmatch(word.text)
        if match and source is not None and "GITHUB_ENV" in source.slice(command.span):
            given = Word(match[2], word.span, word.literal)
            unknown = Unknown("a command gives it", word.span)
            state.exported[match[1]] = unknown if _runs_inside(given) else Known(scope.written(given), word.span)
            state.exports += 1

    # -- actions ---------------------------------------------------------------------------------------------------

    def _action(self, step: Mapping, uses: Known[str], source: Source, frame: StepFrame, state: JobState) -> _Done:
        name = uses.value.lower()
        inputs = variables(step.get("with"), Origin.INPUT)
        given = {each.key.lower(): each for each in inputs}
        if name.startswith(("./", "../")):
            return self._composite(uses, given, frame, state)
        script = given.get("script") or given.get("run") or given.get("command")
        action = actions.action(uses.value, script=script is not None)
        does = action.does if action is not None else ""
        if does == "name-images" and "images" in given:
            identifier = step.get("id")
            key = identifier.text if isinstance(identifier, Scalar) else ""
            state.metadata[key] = (given["images"], frame.scope)
        if script is not None and does in {"run", "run-remote"}:
            return self._inner(step, script, source, frame, state, remote=does == "run-remote")
        state.open = state.open or does == "export"
        found = activities.of_action(action, {key: each.value for key, each in given.items()}, uses.span)
        drafts: list[tuple[builds.Drafted, Scope]] = []
        for scope in _scopes(frame.scope, frame, " ".join(_text_of(each) for each in inputs)):
            texts = scope.texts(inputs)
            made: list[builds.Drafted] = []
            if does == "build":
                named = {
                    key: _images(each, replace(own, matrix=scope.matrix)) for key, (each, own) in state.metadata.items()
                }
                made.append(builds.of_action(texts, uses.span, named))
            elif does == "bake":
                made.extend(self._bake(texts, scope, uses.span))
            drafts.extend((draft, scope) for draft in made if (draft, scope) not in drafts)
        unique = [each for index, each in enumerate(drafts) if all(each[0] != other[0] for other in drafts[:index])]
        sent = [activity for draft, _ in unique for activity in activities.sent(draft, forgiven=False)][:1]
        gap = (
            None if action is not None else Unknown(f"what {uses.value.partition('@')[0]} does is not known", uses.span)
        )
        return _Done(activities=(*found, *sent), drafts=tuple(unique), gap=gap)

    def _inner(
        self, step: Mapping, script: Variable, source: Source, frame: StepFrame, state: JobState, *, remote: bool
    ) -> _Done:
        """The script that an action runs for the step."""
        given = mapping(step.get("with"))
        scalar = given.get(script.key) if given is not None else None
        if not isinstance(scalar, Scalar):
            return _Done()
        followed = self.follower.follow(marked(unfold(source, scalar)), "", folder=frame.folder, remote=remote)
        return self._of_commands(followed.commands, followed.gap, frame, state)

    def _composite(self, uses: Known[str], given: dict[str, Variable], frame: StepFrame, state: JobState) -> _Done:
        """Expands a local composite action; another local action, or a missing one, is a gap."""
        folder = join("", uses.value)
        missing = Unknown(f"what {uses.value} does is not known", uses.span)
        if folder is None or uses.value in frame.seen:
            return _Done(gap=missing)
        for name in ("action.yml", "action.yaml"):
            path = f"{folder}/{name}" if folder != "." else name
            action = self.reader.mapping(path)
            runs = mapping(action.get("runs")) if action is not None else None
            if action is None or runs is None:
                continue
            using = runs.get("using")
            if not (isinstance(using, Scalar) and using.text == "composite"):
                return _Done(gap=missing)
            inputs = _defaults(action) | frame.scope.handed(given.values())
            inner = replace(
                frame,
                scope=replace(frame.scope, inputs=inputs, kinds={}),
                folder="" if folder == "." else folder,
                directory="",
                seen=frame.seen | {uses.value},
            )
            self.run(runs.get("steps"), path, inner, state)
            return _Done()
        return _Done(gap=missing)

    # -- bake ------------------------------------------------------------------------------------------------------

    def _bake(self, given: dict[str, Text], scope: Scope, span: Span) -> list[builds.Drafted]:
        from policyengine.platforms.github import bake  # noqa: PLC0415  only workflows that bake pay for it

        where = given["workdir"].literal if "workdir" in given else ""
        directory = (join("", where) or "") if where else ""
        directory = "" if directory == "." else directory
        push = given["push"].value() if "push" in given else Absent(span)
        return bake.builds(
            self.reader.files,
            [join(directory, name) or name for name in words(given.get("files"))],
            words(given.get("targets")),
            [each for each in map(Text.strip, given["set"].split("\n")) if each.written] if "set" in given else [],
            _known(scope),
            directory,
            span,
            builds.push_of(push, Absent(span)),
        )

    def _bake_command(self, command: ShellCommand, scope: Scope) -> list[builds.Drafted]:
        from policyengine.platforms.github import bake  # noqa: PLC0415  as above

        layer = command.layers[-1]
        if layer.path != "docker buildx bake":
            return []
        files = [join(command.directory, file) or file for file in layer.values("-f", "--file")]
        sets = [
            scope.word(Word(option.value, command.words[option.index].span, command.words[option.index].literal))
            for option in layer.options
            if option.name == "--set"
        ]
        targets = [scope.word(command.words[index]).written for index in layer.operands]
        pushes = layer.value("--push") is not None
        push: Value[bool] = Known(value=True, span=command.span) if pushes else Absent(command.span)
        own = {
            each.key: scope.word(word).value() for each, word in zip(command.assignments, command.given, strict=False)
        }
        environment = _known(scope) | own
        return bake.builds(self.reader.files, files, targets, sets, environment, command.directory, command.span, push)


def _environment(frame: StepFrame, state: JobState) -> Environment:
    """What a script starts with; nothing else where no step before it may have set more."""
    system = next((name for label, name in _SYSTEMS.items() if label in frame.runner), None)
    fixed = {"CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_OS": system}
    if system is not None:
        fixed["OS"] = "Windows_NT" if system == "Windows" else ""
    given: dict[str, str | None] = {
        key: found.value if isinstance(found := frame.scope.value(each), Known) and not is_open(found.value) else None
        for key, each in frame.scope.variables.items()
    }
    closed = not state.open and all(step.gap is None for step in state.steps)
    return Environment({**fixed, **given}, closed)


_SYSTEMS = {"ubuntu": "Linux", "linux": "Linux", "macos": "macOS", "windows": "Windows"}
"""RUNNER_OS by what a runner's label holds."""


def _known(scope: Scope) -> dict[str, Value[str]]:
    return {key: scope.value(each) for key, each in scope.variables.items()}


def _runs_inside(word: Word) -> bool:
    """Whether a command decides a part of a word."""
    return not word.literal and ("$(" in word.text or "`" in word.text)


def _scopes(scope: Scope, frame: StepFrame, text: str) -> Iterator[Scope]:
    """The scope once, or once for each combination of the matrix where the text may ask for one."""
    if not frame.combinations or ("matrix." not in text and not is_open(text)):
        yield scope
        return
    for each in frame.combinations:
        yield replace(scope, matrix=each)


def _text_of(variable: Variable) -> str:
    return variable.value.value if isinstance(variable.value, Known) else ""


def _directory(document: Document | None, frame: StepFrame) -> str:
    if not isinstance(document, Scalar) or not document.text:
        return frame.directory
    if _ACTION_PATH.search(document.text):
        return frame.folder
    written = _IN_WORKSPACE.sub("", document.text) or "."
    where = frame.scope.text(written, document.span).literal
    return frame.directory if where is None else join("", where) or frame.directory


def _defaults(action: Mapping) -> dict[str, Value[str]]:
    inputs = mapping(action.get("inputs"))
    found: dict[str, Value[str]] = {}
    for entry in inputs.entries if inputs is not None else ():
        body = mapping(entry.value)
        default = value(body.get("default") if body is not None else None, entry.key.span)
        found[entry.key.text] = default if isinstance(default, Known) else Known("", entry.key.span)
    return found


def _place(step: Mapping) -> Span:
    for key in ("run", "uses", "name"):
        found = step.get(key)
        if isinstance(found, Scalar):
            return found.span
    return step.span


def _images(variable: Variable, scope: Scope) -> list[Text]:
    """The images of docker/metadata-action: plain names, or `name=…,enable=…`."""
    names: list[Text] = []
    for line in scope.texts([variable])[variable.key].split("\n") if isinstance(variable.value, Known) else ():
        key, value = line.strip().partition("=")
        parts = (
            line.split(",")
            if value is None
            else [value.split(",")[0]]
            if key.written == "name"
            else [line.split(",")[0]]
        )
        names.extend(part for part in map(Text.strip, parts) if part.written)
    return names
