"""Buildspec files of AWS CodeBuild as a workflow of one job, whose only step runs the commands of all phases.

Source of the form: "Build specification reference for CodeBuild". All commands run in one shell, one phase after the
other; which events start the project is not in the file, so the workflow has no triggers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes import Job, Side, Step, Workflow
from policyengine.model.text import Text
from policyengine.model.value import Absent
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.github.documents import WorkflowFiles, mapping, texts, variables
from policyengine.platforms.github.expressions import Scope
from policyengine.platforms.github.scripts import Follower
from policyengine.platforms.github.step_frame import JobState, StepFrame
from policyengine.platforms.github.steps import Steps
from policyengine.platforms.github.terraform_folders import TerraformFolders
from policyengine.syntax.folding import unfold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Variable
    from policyengine.model.source import ReadError, Source
    from policyengine.repository.files import Files
    from policyengine.syntax.tree import Mapping, Scalar

_NAME = regex(r"(?:.*/)?(?:[^/]*buildspec[^/]*|buildspecs/[^/]*)\.ya?ml")
_PHASES = ("install", "pre_build", "build", "post_build")


def paths(files: Files) -> Iterator[str]:
    """The buildspec files of a tree."""
    return (path for path in files.holding("buildspec") if _NAME.fullmatch(path))


def lower(path: str, files: Files) -> Lowered:
    """The workflow of one buildspec, its job and the builds of that; nothing of a file that is none."""
    problems: list[ReadError] = []
    reader = WorkflowFiles(files, problems)
    document, source = reader.mapping(path), files.read(path)
    commands = list(_commands(document)) if document is not None else []
    phases = document.entry("phases") if document is not None else None
    if not commands or phases is None or source is None:
        return Lowered(problems=tuple(problems))
    given = _variables(document)
    state = JobState(f"codebuild:{path}#build")
    frame = StepFrame(Scope(variables={each.key: each.value for each in given}))
    done = Steps(reader, Follower(files), TerraformFolders(files)).script(_joined(commands, source), frame)
    span = phases.key.span
    step = Step(
        index=0, name="", span=commands[0].span, uses=Absent(span), environment=given, commands=done.commands,
        activities=done.activities, gap=done.gap,
    )  # fmt: skip
    state.commands.extend(done.commands)
    state.add(step, list(done.drafts))
    flow = f"codebuild:{path}"
    job = Job(id=state.job, name="build", side=Side.PIPELINE, span=span, workflow=flow, steps=tuple(state.steps))
    workflow = Workflow(
        id=flow, name=path.rpartition("/")[2], side=Side.PIPELINE, span=span, path=path, triggers=(), jobs=(job.id,)
    )
    return Lowered(nodes=(workflow, job, *state.finished()), problems=tuple(problems))


def _commands(document: Mapping) -> Iterator[Scalar]:
    phases = mapping(document.get("phases"))
    for name in _PHASES:
        phase = mapping(phases.get(name)) if phases is not None else None
        for key in ("commands", "finally"):
            yield from texts(phase.get(key)) if phase is not None else ()


def _variables(document: Mapping | None) -> tuple[Variable, ...]:
    environment = mapping(document.get("env")) if document is not None else None
    return variables(environment.get("variables")) if environment is not None else ()


def _joined(commands: list[Scalar], source: Source) -> Text:
    """The commands as the lines of one script."""
    parts: list[Text] = []
    for each in commands:
        text = unfold(source, each)
        parts += (text, Text.made("\n", text.place))
    return Text.join(parts)
