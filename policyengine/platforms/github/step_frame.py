"""What holds for a list of steps, and what the steps of a job have made so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.github import builds
from policyengine.platforms.github.expressions import Scope, is_open
from policyengine.platforms.github.handing import Handed, settled
from policyengine.repository.discover import join
from policyengine.syntax.environment import Environment
from policyengine.syntax.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.nodes import Activity, Build, ShellCommand, Step, Variable
    from policyengine.syntax.tree import Document

_IN_WORKSPACE = regex(r"\A\$\{\{\s*github\.workspace\s*\}\}/?")
_ACTION_PATH = regex(r"\bgithub\.action_path\b")
_DEFAULT = ("success()", "${{ success() }}")
"""The condition of a step that has none."""
_MOST_CHOICES = 16


class StepFrame(Struct, frozen=True):
    """What holds for a list of steps.

    `scope` is what names stand for, `combinations` those of the matrix, `choices` what a person may choose for an
    input, `own` the step's condition, `folder` that of the composite action, and `condition` and `forgiven` what the
    step that calls it brings, which is `certain` to run or not. `where` is the default working directory as written.
    `runner` are the labels of the machine, and `deploys` tells that its job names an environment.
    """

    scope: Scope
    combinations: tuple[dict[str, str], ...] = ()
    choices: dict[str, tuple[Value[str], ...]] = {}
    own: Value[str] | None = None
    directory: str = ""
    where: Scalar | None = None
    shell: str = ""
    folder: str = ""
    seen: frozenset[str] = frozenset()
    condition: Value[str] | None = None
    certain: bool = True
    forgiven: Value[bool] | None = None
    runner: str = ""
    deploys: bool = False

    def scopes(self, text: str) -> Iterator[Scope]:
        """The scope of a step, for each combination of the matrix and each choice of an input that a text asks for."""
        scope = self.scope
        asked = " ".join((text, *(written(each) for key, each in scope.variables.items() if key in text))).lower()
        asked += "".join(
            f" {written(each)}".lower() for name, each in scope.inputs.items() if f"inputs.{name}" in asked
        )
        matrices = self.combinations if "matrix" in asked and self.combinations else (scope.matrix,)
        chosen: list[dict[str, Value[str]]] = [scope.inputs]
        for name, options in self.choices.items():
            if f"inputs.{name}" in asked:
                chosen = [{**each, name: option} for each in chosen for option in options][:_MOST_CHOICES]
        for matrix in matrices:
            for inputs in chosen:
                each = replace(scope, matrix=matrix, inputs=inputs)
                if each.holds(self.own) is not False:
                    yield each

    def chosen(self, given: Iterable[Variable]) -> dict[str, tuple[Value[str], ...]]:
        """What the inputs of an action may be that hang on what a person chooses for the workflow, by their names."""
        asking = [each for each in given if "inputs." in written(each.value).lower()]
        found = {
            each.key.lower(): [scope.value(each.value) for scope in self.scopes(written(each.value))] for each in asking
        }
        return {name: tuple(dict.fromkeys(values)) for name, values in found.items() if len(set(values)) > 1}

    def runs(self) -> bool:
        """Whether the step, and what calls it, runs for certain where nothing before it fails."""
        own = self.own
        return self.certain and (own is None or written(own).strip() in _DEFAULT or self.scope.holds(own) is True)

    def environment(self, scope: Scope, state: JobState) -> Environment:
        """What a script starts with; nothing else where no step before it may have set more."""
        system = next((name for label, name in _SYSTEMS.items() if label in self.runner), None)
        fixed = {"CI": "true", "GITHUB_ACTIONS": "true", "RUNNER_OS": system}
        if system is not None:
            fixed["OS"] = "Windows_NT" if system == "Windows" else ""
        given: dict[str, str | None] = {
            key: found.value if isinstance(found := scope.value(each), Known) and not is_open(found.value) else None
            for key, each in scope.variables.items()
        }
        closed = not state.open and all(step.gap is None for step in state.steps)
        return Environment({**fixed, **given}, closed)

    def directory_of(self, document: Document | None, scope: Scope) -> str:
        """Where a step runs, as far as known."""
        if not isinstance(document, Scalar) or not document.text:
            document = self.where
        if document is None:
            return self.directory
        if _ACTION_PATH.search(document.text):
            return self.folder
        written = _IN_WORKSPACE.sub("", document.text) or "."
        where = scope.text(written, document.span).literal
        return self.directory if where is None else join("", where) or self.directory


_SYSTEMS = {"ubuntu": "Linux", "linux": "Linux", "macos": "macOS", "windows": "Windows"}
"""RUNNER_OS by what a runner's label holds."""


class Done(Struct, frozen=True):
    """What a step does."""

    commands: tuple[ShellCommand, ...] = ()
    activities: tuple[Activity, ...] = ()
    drafts: tuple[tuple[builds.Drafted, Scope], ...] = ()
    gap: Unknown | None = None
    handed: tuple[Handed, ...] = ()
    on_images: tuple[builds.OnImage, ...] = ()


def joined(made: list[Done]) -> Done:
    """What a step does in any of its combinations, each thing once."""
    if len(made) == 1:
        return made[0]
    drafts: list[tuple[builds.Drafted, Scope]] = []
    for draft, scope in (each for done in made for each in done.drafts):
        if all(draft != other for other, _ in drafts):
            drafts.append((draft, scope))
    return Done(
        tuple(dict.fromkeys(each for done in made for each in done.commands)),
        tuple(dict.fromkeys(each for done in made for each in done.activities)),
        tuple(drafts),
        next((done.gap for done in made if done.gap is not None), None),
        tuple(dict.fromkeys(each for done in made for each in done.handed)),
        tuple(each for done in made for each in done.on_images),
    )


class JobState(Struct):
    """What the steps of a job have made so far."""

    job: str
    steps: list[Step] = field(default_factory=list)
    drafted: list[tuple[builds.Drafted, Scope]] = field(default_factory=list)
    commands: list[ShellCommand] = field(default_factory=list)
    done: list[builds.OnImage] = field(default_factory=list)  # with images that are built
    metadata: dict[str, tuple[tuple[Variable, ...], Scope]] = field(default_factory=dict)  # of an action naming images
    exported: dict[str, Value[str]] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)  # by `steps.id.outputs.name`
    open: bool = False  # whether a step may have set any variable for those behind it

    def add(self, step: Step, drafts: list[tuple[builds.Drafted, Scope]]) -> None:
        """Takes a step with the builds it makes."""
        ids = []
        for draft in drafts:
            ids.append(f"{self.job}/build-{len(self.drafted)}")
            self.drafted.append(draft)
        self.steps.append(replace(step, builds=tuple(ids)))

    def take(self, done: Done, identifier: Document | None, frame: StepFrame, script: str) -> None:
        """Takes what a step hands on to those behind it: variables, and outputs where it surely sets them."""
        for file in ("GITHUB_ENV", "GITHUB_OUTPUT"):
            given = [each for each in done.handed if each.file == file]
            unseen = script.count(file) > len({each.span for each in given})
            values = {each.name: [other for other in given if other.name == each.name] for each in given}
            if file == "GITHUB_ENV":
                self.open = self.open or unseen
                found = {name: settled(all_) for name, all_ in values.items()}
                for name, each in found.items() if not frame.runs() else ():
                    former = self.exported.get(name)
                    if not (isinstance(former, Known) and isinstance(each, Known) and former.value == each.value):
                        found[name] = Unknown("a step sets it under a condition", each.span)
                self.exported |= found
            elif isinstance(identifier, Scalar) and frame.own is None and not unseen and done.gap is None:
                known = {name: settled(all_) for name, all_ in values.items()}
                self.outputs |= {
                    f"steps.{identifier.text}.outputs.{name}".lower(): each.value
                    for name, each in known.items()
                    if isinstance(each, Known) and not is_open(each.value)
                }

    def finished(self) -> Iterator[Build]:
        """The builds, with what later commands of the job tag and push."""
        pushes = builds.pushed(self.done)
        for number, (draft, _) in enumerate(self.drafted):
            made = draft
            further = [name for tag in draft.written for name in builds.aliased(self.done, tag)]
            if further:
                made = replace(made, tags=builds.tags_of([*draft.written, *further], draft.tags.span))
            if isinstance(draft.push, Absent) and builds.sends(draft, pushes):
                made = replace(made, push=Known(value=True, span=draft.span))
            yield made.node(f"{self.job}/build-{number}", self.job)


def written(value: Value[str]) -> str:
    """A value as it stands in the file; empty where it does not."""
    return value.value if isinstance(value, Known) else ""
