"""Buildspecs of AWS CodeBuild as a workflow of one job, whose only step runs the commands of all phases.

Source of the form: "Build specification reference for CodeBuild". All commands run in one shell, one phase after the
other; which events start the project is not in the file, so the workflow has no triggers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes import Job, Origin, Side, Step, Variable, Workflow
from policyengine.model.text import Text
from policyengine.model.value import Absent
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.github.documents import WorkflowFiles, mapping, texts
from policyengine.platforms.github.expressions import Scope
from policyengine.platforms.github.scripts import Follower
from policyengine.platforms.github.step_frame import JobState, StepFrame
from policyengine.platforms.github.steps import Steps
from policyengine.platforms.github.terraform_folders import TerraformFolders
from policyengine.syntax.folding import unfold
from policyengine.syntax.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Node
    from policyengine.model.source import ReadError, Span
    from policyengine.platforms import Written
    from policyengine.repository.files import Files
    from policyengine.syntax.tree import Entry

_NAME = regex(r"(?:.*/)?(?:[^/]*buildspec[^/]*|buildspecs/[^/]*)\.ya?ml")
_PHASES = ("install", "pre_build", "build", "post_build")
_LISTS = ("commands", "finally")
_SET = "env/variables/"


def paths(files: Files) -> Iterator[str]:
    """The buildspec files of a tree."""
    return (path for path in files.holding("buildspec") if _NAME.fullmatch(path))


def lower(path: str, files: Files) -> Lowered:
    """The workflow of one buildspec, its job and the builds of that; nothing of a file that is none."""
    problems: list[ReadError] = []
    reader = WorkflowFiles(files, problems)
    document, source = reader.mapping(path), files.read(path)
    phases = document.entry("phases") if document is not None else None
    if document is None or source is None or phases is None:
        return Lowered(problems=tuple(problems))
    environment = mapping(document.get("env"))
    given = mapping(environment.get("variables")) if environment is not None else None
    variables = {
        each.key.text: unfold(source, each.value)
        for each in (given.entries if given is not None else ())
        if isinstance(each.value, Scalar)
    }
    commands = [unfold(source, each) for each in _commands(phases)]
    nodes = _nodes(f"codebuild:{path}", phases.key.span, commands, variables, reader)
    return Lowered(nodes=nodes, problems=tuple(problems), sealed=tuple(dict.fromkeys(reader.secrets())))


def written(files: Files, project: Written) -> Lowered:
    """The workflow of a buildspec that stands elsewhere, in parts; nothing of one that is a file named so."""
    parts = project.texts
    named = parts[project.main].literal if project.main in parts else None
    if named is not None:
        path = named.strip()
        return lower(path, files) if files.exists(path) and _NAME.fullmatch(path) is None else Lowered()
    order = sorted(parts, key=lambda path: [(len(each), each) for each in path.split("/")])
    starts = [f"phases/{name}/{key}" for name in _PHASES for key in _LISTS]
    commands = [parts[path] for start in starts for path in order if path == start or path.startswith(f"{start}/")]
    if commands and all(_NAME.fullmatch(each.place.path) for each in commands):
        return Lowered()
    variables = {path.removeprefix(_SET): text for path, text in parts.items() if path.startswith(_SET)}
    reader = WorkflowFiles(files, [])
    return Lowered(nodes=_nodes(f"codebuild:{project.name}", project.span, commands, variables, reader))


def _nodes(
    flow: str, place: Span, commands: list[Text], variables: dict[str, Text], reader: WorkflowFiles
) -> tuple[Node, ...]:
    """The workflow of a buildspec, its job and the builds of that; none where there are no commands."""
    if not commands:
        return ()
    first, state = commands[0].place, JobState(f"{flow}#build")
    given = tuple(Variable(name, text.place, text.value(), Origin.ENVIRONMENT) for name, text in variables.items())
    frame = StepFrame(Scope(variables={each.key: each.value for each in given}, budget=reader.files.budget))
    script = Text.join(part for each in commands for part in (each, Text.made("\n", each.place)))
    done = Steps(reader, Follower(reader.files), TerraformFolders(reader.files)).script(script, frame)
    step = Step(
        index=0, name="", span=first, uses=Absent(first), environment=given, commands=done.commands,
        activities=done.activities, gap=done.gap,
    )  # fmt: skip
    state.done.extend(done.on_images)
    state.add(step, list(done.drafts))
    job = Job(id=state.job, name="build", side=Side.PIPELINE, span=place, workflow=flow, steps=tuple(state.steps))
    name = place.path.rpartition("/")[2] if flow.endswith(f":{place.path}") else flow.partition(":")[2]
    workflow = Workflow(
        id=flow, name=name, side=Side.PIPELINE, span=place, path=place.path, triggers=(), jobs=(job.id,)
    )
    return (workflow, job, *state.finished())


def _commands(phases: Entry) -> Iterator[Scalar]:
    found = mapping(phases.value)
    for name in _PHASES:
        phase = mapping(found.get(name)) if found is not None else None
        for key in _LISTS:
            yield from texts(phase.get(key)) if phase is not None else ()
