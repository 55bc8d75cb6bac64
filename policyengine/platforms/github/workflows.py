"""GitHub workflows → Workflow, Job, Build and Service nodes.

The jobs of reusable workflows of the repository are jobs of the workflow that calls them, composite actions are
expanded in place, scripts are followed through package scripts, Makefile targets and shell files (see `scripts`).
Source of the forms: GitHub's workflow syntax reference and "Reuse workflows".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge.platforms import platform_of_runner
from policyengine.model.nodes import Datastore, Job, Node, Origin, Service, Side, Variable, Workflow
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms import Lowered, joined
from policyengine.platforms.github import documents, expressions, rollouts, task_definitions
from policyengine.platforms.github.calls import WORKSPACE, local_path
from policyengine.platforms.github.declarations import declarations
from policyengine.platforms.github.documents import WorkflowFiles, mapping, returned, texts, value, variables
from policyengine.platforms.github.expressions import Scope
from policyengine.platforms.github.scripts import Follower
from policyengine.platforms.github.service_containers import services
from policyengine.platforms.github.step_frame import JobState, StepFrame
from policyengine.platforms.github.steps import Steps
from policyengine.platforms.github.terraform_folders import TerraformFolders
from policyengine.repository.discover import join
from policyengine.syntax.tree import Document, Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.source import ReadError, Span
    from policyengine.repository.files import Files

_WORKFLOW = regex(r"\.github/workflows/[^/]+\.ya?ml")
_DEEPEST = 10
"""How many workflows may call one another, the first included (GitHub's own limit)."""
_MOST_CALLED = 50
"""How many reusable workflows a run may call (GitHub's own limit)."""
_MOST_JOBS = 500
"""How many jobs of a run are lowered."""


def paths(files: Files) -> Iterator[str]:
    """The workflows of a tree."""
    return (path for path in files.holding(".github/workflows/") if _WORKFLOW.fullmatch(path))


def lower(path: str, files: Files) -> Lowered:
    """The nodes of one workflow, with the jobs of the workflows that it calls."""
    problems: list[ReadError] = []
    reader = WorkflowFiles(files, problems)
    document = reader.mapping(path)
    if document is None:
        return Lowered(problems=tuple(problems))
    lowering = _Lowering(reader, Steps(reader, Follower(files), TerraformFolders(files)), path)
    nodes = tuple(lowering.workflow(document))
    tasks, held = task_definitions.lower(nodes, files)
    nodes = (*nodes, *tasks, *rollouts.lower(nodes, files))
    secret = dict.fromkeys((*reader.secrets(), *lowering.steps.follower.secrets(), *held))
    declared = (declarations(path, files),)
    return Lowered(nodes=nodes, problems=tuple(problems), sealed=tuple(secret), declaring=declared)


def join_workflows(parts: Sequence[Lowered]) -> Lowered:
    """The nodes of all workflows.

    The jobs of a workflow that only others start stand with those that call it, if one does. A service container of a
    job is one however many workflows call that job.
    """
    runs = sorted((_Run.of(part) for part in parts), key=lambda each: (each.only_called, each.path))
    nodes: list[Node] = []
    known: dict[tuple[Span, tuple[object, ...]], tuple[str, ...]] = {}
    for run in runs:
        if not any(run.is_called_by(other) for other in runs):
            nodes.extend(_with_containers(run.nodes, known))
        elif run.workflow is not None:
            nodes.append(replace(run.workflow, jobs=()))
    return replace(joined(parts), nodes=tuple(nodes))


class _Run(Struct, frozen=True):
    """A workflow with its nodes, and the paths of those that it calls."""

    nodes: tuple[Node, ...]
    workflow: Workflow | None
    calls: frozenset[str]

    @classmethod
    def of(cls, part: Lowered) -> _Run:
        jobs = [node for node in part.nodes if isinstance(node, Job)]
        workflow = next((node for node in part.nodes if isinstance(node, Workflow)), None)
        return cls(part.nodes, workflow, frozenset(job.span.path for job in jobs if job.caller))

    @property
    def path(self) -> str:
        return self.workflow.path if self.workflow is not None else ""

    @property
    def only_called(self) -> bool:
        """Whether only other workflows start it."""
        return self.workflow is not None and {each.event for each in self.workflow.triggers} == {"workflow_call"}

    def is_called_by(self, other: _Run) -> bool:
        """Whether its jobs stand with the other's. Of two that call each other the first by path keeps its own."""
        if not self.only_called or other is self or self.path not in other.calls:
            return False
        return not (other.only_called and other.path in self.calls and self.path < other.path)


def _with_containers(
    nodes: Sequence[Node], known: dict[tuple[Span, tuple[object, ...]], tuple[str, ...]]
) -> Iterator[Node]:
    """The nodes of a run without the service containers that stand with another; `known` are their ids by job."""
    images = {node.id: node.image for node in nodes if isinstance(node, Service)}
    again: set[str] = set()
    for node in nodes:
        if isinstance(node, Job) and node.services:
            own = node.services
            standing = known.setdefault((node.span, tuple(images[each] for each in own)), own)
            if standing != own:
                again.update(own)
                yield replace(node, services=standing)
                continue
        elif node.id in again or (isinstance(node, Datastore) and node.service in again):
            continue
        yield node


_Containers = dict[tuple[str, str, tuple[object, ...]], tuple[str, ...]]
"""The ids of a job's service containers by its file, its key and their images: they are one however often called."""


class _Level(Struct, frozen=True):
    """A list of jobs: of the workflow itself, or of one that a job of it calls. `path` is the file they stand in."""

    path: str
    document: Mapping
    prefix: str
    scope: Scope
    caller: str = ""
    title: str = ""
    choices: dict[str, tuple[Value[str], ...]] = {}
    seen: tuple[str, ...] = ()
    skipped: bool = False  # whether a job never runs, or one that it needs does not


class _Lowering:
    """One workflow on its way into nodes."""

    def __init__(self, reader: WorkflowFiles, steps: Steps, path: str) -> None:
        self.reader = reader
        self.path = path
        self.steps = steps
        self.called: set[str] = set()
        self.count = 0
        self.containers: _Containers = {}

    def workflow(self, document: Mapping) -> Iterator[Node]:
        """The workflow and all that belongs to its jobs."""
        jobs = mapping(document.get("jobs"))
        on = document.entry("on")
        if jobs is None or on is None:
            return
        name = document.get("name")
        told = name.text if isinstance(name, Scalar) and name.text else ""
        events = {each.event for each in documents.triggers(on.value)}
        others = {"github.workflow": told or self.path, "github.workspace": WORKSPACE}
        if repository := self.reader.files.repository:
            others |= {"github.repository": repository, "github.repository_owner": repository.partition("/")[0]}
        if len(events) == 1 and "workflow_call" not in events:
            others["github.event_name"] = min(events)
        scope = Scope(others=others, budget=self.reader.files.budget)
        prefix = f"github:{self.path}#"
        level = _Level(self.path, document, prefix, scope, choices=_choices(on.value), seen=(self.path,))
        made, _ = self._jobs(jobs, level)
        yield Workflow(
            id=f"github:{self.path}",
            name=told or self.path.rpartition("/")[2],
            side=Side.PIPELINE,
            span=name.span if isinstance(name, Scalar) and name.text else on.key.span,
            path=self.path,
            triggers=tuple(documents.triggers(on.value)),
            jobs=tuple(node.id for node in made if isinstance(node, Job)),
            variables=variables(document.get("env")),
        )
        yield from made

    def _jobs(self, jobs: Mapping, level: _Level) -> tuple[list[Node], dict[str, str]]:
        """The jobs of one level with those they call, each with what it needs across the calls; their known outputs."""
        outputs: dict[str, str] = {}
        bodies = {entry.key.text: (entry.key, body) for entry in jobs.entries if (body := mapping(entry.value))}
        made: dict[str, list[Node]] = {key: [] for key in bodies}
        skipped: set[str] = set()
        for scalar, body in _by_needs(bodies):
            if self.count <= _MOST_JOBS or not level.caller:
                needed = {f"needs.{name}": each for name, each in outputs.items()}
                scope = replace(level.scope, others={**level.scope.others, **needed})
                asked = value(body.get("if"), scalar.span) if body.get("if") is not None else None
                waits = _ANYWAY.search(asked.value) is None if isinstance(asked, Known) else True
                skip = waits and not skipped.isdisjoint(each.text for each in texts(body.get("needs")))
                skip = skip or expressions.never(asked, scope)
                if skip:
                    skipped.add(scalar.text)
                here = replace(level, scope=scope, skipped=skip)
                made[scalar.text] = list(self._job(scalar, body, here, outputs))
        ends = {key: [node.id for node in nodes if isinstance(node, Job)] for key, nodes in made.items()}
        found: list[Node] = []
        for key, nodes in made.items():
            own = level.prefix + key
            for node in nodes:
                if isinstance(node, Job) and node.id == own:
                    needs = [each for need in node.needs for each in ends.get(need, (level.prefix + need,))]
                    outer = (level.caller,) if level.caller else ()
                    found.append(replace(node, needs=tuple(dict.fromkeys(needs)) or outer))
                else:
                    found.append(node)
        return found, outputs

    def _job(self, key: Scalar, body: Mapping, level: _Level, outputs: dict[str, str]) -> Iterator[Node]:
        """A job with `needs` as written, what belongs to it, and the jobs of the workflow that it calls.

        What is known of its outputs is added to `outputs`.
        """
        self.count += 1
        job_id = level.prefix + key.text
        frame = _frame(body, level)
        uses = value(body.get("uses"), key.span)
        condition = value(body.get("if"), key.span) if body.get("if") is not None else None
        job = Job(
            id=job_id,
            name=level.title + key.text,
            side=Side.PIPELINE,
            span=key.span,
            workflow=f"github:{self.path}",
            steps=(),
            needs=tuple(each.text for each in texts(body.get("needs"))),
            needs_span=needs.span if (needs := body.get("needs")) is not None else None,
            condition=condition,
            environment=documents.environment(body.get("environment")),
            variables=variables(body.get("env")),
            outputs=variables(body.get("outputs")),
            runs_on=_runner(body, frame),
            continue_on_error=documents.boolean(body.get("continue-on-error")),
            uses=uses if not isinstance(uses, Absent) else None,
            caller=level.caller,
        )
        if isinstance(uses, Known):
            yield from (job,) if level.skipped else self._calling(job, uses, body, frame, level, outputs)
            return
        state = JobState(job_id)
        self.steps.follower.begin()
        if not level.skipped:
            self.steps.run(body.get("steps"), level.path, frame, state)
        outputs |= frame.scope.known(job.outputs, f"{key.text}.outputs", state.outputs)
        found = list(services(job_id, body, frame.scope))
        named = tuple(each.id for each in found if isinstance(each, Service))
        images = tuple(each.image for each in found if isinstance(each, Service))
        known = self.containers.setdefault((level.path, key.text, images), named)
        yield replace(job, steps=tuple(state.steps), services=known)
        if known is named:
            yield from found
        yield from state.finished()

    def _calling(
        self, job: Job, uses: Known[str], body: Mapping, frame: StepFrame, level: _Level, outputs: dict[str, str]
    ) -> Iterator[Node]:
        """A job that calls a workflow, and the jobs of that: once, or for each combination that its inputs ask for."""
        written = local_path(uses.value, self.reader.files)
        path = join("", written.partition("@")[0]) if written.startswith("./") else None
        called = self.reader.mapping(path)
        jobs = mapping(called.get("jobs")) if called is not None else None
        if called is None or jobs is None or path is None:
            reason = "is not in the tree"
            yield replace(job, gap=Unknown(f"the reusable workflow {uses.value} {reason}", uses.span))
            return
        if path in level.seen or len(level.seen) >= _DEEPEST or len({*self.called, path}) > _MOST_CALLED:
            reason = "calls itself or too many others"
            yield replace(job, gap=Unknown(f"the reusable workflow {uses.value} {reason}", uses.span))
            return
        self.called.add(path)
        inside: list[Node] = []
        given = tuple(variables(body.get("with"), Origin.INPUT))
        for suffix, scope in _calls_by_matrix(frame, given):
            inputs, kinds = _declared(called)
            inputs |= scope.handed(given)
            inner = _Level(
                path=path,
                document=called,
                prefix=f"{job.id}{suffix}/",
                caller=job.id,
                title=f"{job.name}{suffix} / ",
                scope=Scope(inputs=inputs, kinds=kinds, others=scope.outside(), budget=scope.budget),
                seen=(*level.seen, path),
            )
            nodes, came = self._jobs(jobs, inner)
            inside.extend(nodes)
            came = {f"jobs.{name}": each for name, each in came.items()}
            outputs |= inner.scope.known(returned(_entry(_call(called), "outputs")), f"{job.key}.outputs", came)
        many = Unknown(f"there are more than {_MOST_JOBS} jobs", uses.span) if self.count > _MOST_JOBS else None
        yield replace(job, outputs=returned(_entry(_call(called), "outputs")), gap=many)
        yield from inside


def _calls_by_matrix(frame: StepFrame, given: tuple[Variable, ...]) -> Iterator[tuple[str, Scope]]:
    """The scope of a call; one for each combination of the matrix where an input is taken from it."""
    written = " ".join(each.value.value for each in given if isinstance(each.value, Known))
    if "matrix" not in written or not frame.combinations:
        yield "", frame.scope
        return
    for suffix, each in {f" ({', '.join(each.values())})": each for each in frame.combinations}.items():
        yield suffix, replace(frame.scope, matrix=each)


def _declared(called: Mapping) -> tuple[dict[str, Value[str]], dict[str, str]]:
    """The inputs of a called workflow by name: what each is when it is not given, and its type."""
    found: dict[str, Value[str]] = {}
    kinds: dict[str, str] = {}
    inputs = mapping(_entry(_call(called), "inputs"))
    for entry in inputs.entries if inputs is not None else ():
        kind = _entry(entry.value, "type")
        kinds[entry.key.text.lower()] = kind.text if isinstance(kind, Scalar) else "string"
        default = value(_entry(entry.value, "default"), entry.key.span)
        found[entry.key.text.lower()] = Known("", entry.key.span) if isinstance(default, Absent) else default
    return found, kinds


def _call(called: Mapping) -> Document | None:
    return _entry(called.get("on"), "workflow_call")


def _choices(on: Document) -> dict[str, tuple[Value[str], ...]]:
    """What a person who starts the workflow may choose for an input, by its name."""
    inputs = mapping(_entry(_entry(on, "workflow_dispatch"), "inputs"))
    found = (
        {entry.key.text.lower(): texts(_entry(entry.value, "options")) for entry in inputs.entries} if inputs else {}
    )
    return {name: tuple(Known(each.text, each.span) for each in options) for name, options in found.items() if options}


_ANYWAY = regex(r"\b(?:always|cancelled|failure)\s*\(")
"""What lets a job run although one that it needs did not."""


def _by_needs(bodies: dict[str, tuple[Scalar, Mapping]]) -> list[tuple[Scalar, Mapping]]:
    """The jobs, those that others need before these."""
    ordered: dict[str, tuple[Scalar, Mapping]] = {}
    waiting = list(reversed(bodies))
    opened: set[str] = set()
    while waiting:
        key = waiting[-1]
        needed = [each.text for each in texts(bodies[key][1].get("needs")) if each.text in bodies]
        open_ = [each for each in needed if each not in ordered and each not in opened]
        if key in ordered or not open_:
            ordered.setdefault(waiting.pop(), bodies[key])
            continue
        opened.add(key)
        waiting.extend(reversed(open_))
    return list(ordered.values())


def _frame(body: Mapping, level: _Level) -> StepFrame:
    """What holds for the steps of a job: its environment, matrix, working directory and shell."""
    document = level.document
    combinations = expressions.matrix(body.get("strategy"))
    first = combinations[0] if combinations else {}
    common = {key: text for key, text in first.items() if all(each.get(key) == text for each in combinations)}
    given = (*variables(document.get("env")), *variables(body.get("env")))
    shell = documents.defaults(body, "shell") or documents.defaults(document, "shell")
    return StepFrame(
        scope=replace(level.scope, variables={each.key: each.value for each in given}, matrix=common),
        combinations=tuple(combinations),
        choices=level.choices,
        where=documents.defaults(body, "working-directory") or documents.defaults(document, "working-directory"),
        runner=" ".join(each.text.lower() for each in texts(body.get("runs-on"))),
        deploys=body.get("environment") is not None,
        shell=shell.text if shell is not None else "pwsh" if _on_windows(body) else "",
    )


def _on_windows(body: Mapping) -> bool:
    """Whether the runner's own shell is PowerShell."""
    return any("windows" in each.text.lower() for each in texts(body.get("runs-on")))


def _runner(body: Mapping, frame: StepFrame) -> Value[str] | None:
    """The runner's labels; those of a matrix where all its combinations are on one architecture."""
    written = documents.runs_on(body)
    label = body.get("runs-on")
    if not isinstance(written, Unknown) or not isinstance(label, Scalar):
        return written
    texts_ = [replace(frame.scope, matrix=each).text(label.text, label.span) for each in frame.combinations or ({},)]
    if not all(each.decided for each in texts_):
        return written
    labels = {each.written for each in texts_}
    return Known(min(labels), label.span) if len(set(map(platform_of_runner, labels))) == 1 else written


def _entry(document: Document | None, name: str) -> Document | None:
    return document.get(name) if isinstance(document, Mapping) else None
