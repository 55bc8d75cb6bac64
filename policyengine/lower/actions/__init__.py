"""GitHub workflows → Workflow, Job, Build and Service nodes.

Reusable workflows and composite actions of the repository are expanded in place, scripts are followed through package
scripts, Makefile targets and shell files (see `scripts`). Source of the forms: GitHub's workflow syntax reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from policyengine import image as images
from policyengine.discover import join
from policyengine.formats.tree import Document, Mapping, Scalar, Sequence
from policyengine.lower import Lowered
from policyengine.lower.actions import activities, builds
from policyengine.lower.actions.scripts import Follower, text_of
from policyengine.lower.datastore import datastore, image_role
from policyengine.nodes import (
    Activity,
    Build,
    Deploy,
    Job,
    Node,
    Origin,
    Port,
    Service,
    ShellCommand,
    Side,
    Step,
    Trigger,
    Variable,
    Workflow,
)
from policyengine.source import ReadError, Source, Span
from policyengine.value import Absent, Known, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyengine.discover import Files

_WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.ya?ml")
_MOST_STEPS = 500
_HARMLESS = re.compile(
    r"(?:actions/(?:checkout|setup-\w+|cache(?:/\w+)?|upload-artifact|download-artifact|github-script|labeler|stale)|"
    r"docker/(?:setup-\w+-action|login-action|metadata-action|build-push-action|bake-action)|"
    r"aws-actions/(?:configure-aws-credentials|amazon-ecr-login|amazon-ecs-render-task-definition)|"
    r"hashicorp/setup-terraform|pnpm/action-setup|oven-sh/setup-bun|codecov/codecov-action)@",
    re.IGNORECASE,
)


def lower(files: Files) -> Lowered:
    """The nodes of every workflow in `.github/workflows`; one that cannot be read is a problem, the rest go on."""
    nodes: list[Node] = []
    problems: list[ReadError] = []
    reader = _Reader(files, problems)
    for path in files.paths:
        if _WORKFLOW.fullmatch(path):
            document = reader.document(path)
            source = files.read(path)
            if isinstance(document, Mapping) and source is not None:
                nodes.extend(_Lowering(reader, source, path).workflow(document))
    return Lowered(nodes=tuple(nodes), problems=tuple(problems))


@dataclass(slots=True)
class _Reader:
    files: Files
    problems: list[ReadError]
    _documents: dict[str, Document | None] = field(default_factory=dict)

    def document(self, path: str) -> Document | None:
        """The YAML document at a path, or None; what is wrong with it is on record."""
        from policyengine.formats import yaml  # noqa: PLC0415  only trees with workflows pay for it

        if path not in self._documents:
            source = self.files.read(path)
            try:
                self._documents[path] = yaml.read(source) if source is not None else None
            except ReadError as error:
                self.problems.append(error)
                self._documents[path] = None
        return self._documents[path]


def _mapping(document: Document | None) -> Mapping | None:
    return document if isinstance(document, Mapping) else None


def _value(document: Document | None, place: Span) -> Value[str]:
    match document:
        case Scalar(text, span, plain) if not (plain and text in ("", "~", "null")):
            return Known(text, span)
        case None | Scalar():
            return Absent(place)
        case _:
            return Unknown("the value is no text", document.span)


def _boolean(document: Document | None) -> Value[bool] | None:
    match document:
        case Scalar(text, span) if text.lower() in ("true", "false"):
            return Known(text.lower() == "true", span)
        case Scalar(text, span):
            return Unknown(f"it is {text}", span)
        case _:
            return None


def _variables(document: Document | None, origin: Origin = Origin.ENVIRONMENT) -> tuple[Variable, ...]:
    mapping = _mapping(document)
    return tuple(
        Variable(entry.key.text, entry.key.span, _value(entry.value, entry.key.span), origin)
        for entry in (mapping.entries if mapping is not None else ())
    )


def _texts(document: Document | None) -> list[Scalar]:
    match document:
        case Scalar():
            return [document]
        case Sequence(items):
            return [item for item in items if isinstance(item, Scalar)]
        case Mapping(entries):
            return [entry.key for entry in entries]
        case _:
            return []


@dataclass(slots=True)
class _Lowering:
    """One workflow on its way into nodes."""

    reader: _Reader
    source: Source
    path: str
    follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        self.follower = Follower(self.reader.files)

    def workflow(self, document: Mapping) -> Iterator[Node]:
        """The workflow and all that belongs to its jobs."""
        jobs = _mapping(document.get("jobs"))
        on = document.entry("on")
        if jobs is None or on is None:
            return
        name = document.get("name")
        ids = [f"github:{self.path}#{entry.key.text}" for entry in jobs.entries]
        yield Workflow(
            id=f"github:{self.path}",
            name=name.text if isinstance(name, Scalar) and name.text else self.path.rpartition("/")[2],
            side=Side.PIPELINE,
            span=name.span if isinstance(name, Scalar) else on.key.span,
            path=self.path,
            triggers=tuple(_triggers(on.value)),
            jobs=tuple(ids),
            variables=_variables(document.get("env")),
        )
        directory = _working_directory(document)
        for entry in jobs.entries:
            body = _mapping(entry.value)
            if body is not None:
                yield from self._job(entry.key, body, _variables(document.get("env")), directory)

    def _job(self, key: Scalar, body: Mapping, env: tuple[Variable, ...], directory: str) -> Iterator[Node]:
        job_id = f"github:{self.path}#{key.text}"
        variables = _variables(body.get("env"))
        state = _State(job_id, (*env, *variables))
        uses = _value(body.get("uses"), key.span)
        gap: Unknown | None = None
        if isinstance(uses, Known):
            gap = self._reusable(uses, body, state)
        else:
            self._steps(body.get("steps"), _working_directory(body) or directory, state, frozenset())
        services = list(self._services(job_id, body, key))
        needs = body.entry("needs")
        label = body.get("name")
        yield Job(
            id=job_id,
            name=key.text,
            side=Side.PIPELINE,
            span=key.span,
            workflow=f"github:{self.path}",
            steps=tuple(state.steps),
            needs=tuple(f"github:{self.path}#{each.text}" for each in _texts(needs.value)) if needs else (),
            needs_span=needs.value.span if needs else None,
            condition=_value(body.get("if"), key.span) if body.get("if") is not None else None,
            environment=_environment(body.get("environment")),
            variables=variables,
            services=tuple(service.id for service in services if isinstance(service, Service)),
            outputs=_variables(body.get("outputs")),
            runs_on=_runs_on(body),
            continue_on_error=_boolean(body.get("continue-on-error")),
            uses=uses if not isinstance(uses, Absent) else None,
            gap=gap,
        )
        del label
        yield from services
        yield from state.finished()

    def _reusable(self, uses: Known[str], body: Mapping, state: _State) -> Unknown | None:
        """Expand a reusable workflow of the repository into the steps of the calling job."""
        if not uses.value.startswith("./"):
            return Unknown(f"the reusable workflow {uses.value} is not in the tree", uses.span)
        path = join("", uses.value.partition("@")[0])
        called = _mapping(self.reader.document(path)) if path else None
        source = self.reader.files.read(path) if path else None
        jobs = _mapping(called.get("jobs")) if called is not None else None
        if jobs is None or source is None or path is None:
            return Unknown(f"the reusable workflow {uses.value} is not in the tree", uses.span)
        inner = _Lowering(self.reader, source, path)
        inner.follower = self.follower
        state.inputs.update({each.key: each.value for each in _variables(body.get("with"), Origin.INPUT)})
        for entry in jobs.entries:
            job = _mapping(entry.value)
            if job is not None and job.get("uses") is None:
                inner._steps(job.get("steps"), _working_directory(job), state, frozenset())  # noqa: SLF001  the same class
            elif job is not None and len(state.steps) < _MOST_STEPS and path != self.path:
                deeper = _value(job.get("uses"), entry.key.span)
                if isinstance(deeper, Known) and state.depth < 4:
                    state.depth += 1
                    inner._reusable(deeper, job, state)  # noqa: SLF001  the same class
        return None

    def _steps(self, document: Document | None, directory: str, state: _State, seen: frozenset[str]) -> None:
        for item in document.items if isinstance(document, Sequence) else ():
            step = _mapping(item)
            if step is not None and len(state.steps) < _MOST_STEPS:
                self._step(step, directory, state, seen)

    def _step(self, step: Mapping, directory: str, state: _State, seen: frozenset[str]) -> None:
        place = step.span._replace(end=step.span.start)
        uses = _value(step.get("uses"), place)
        inputs = _variables(step.get("with"), Origin.INPUT)
        environment = _variables(step.get("env"))
        name = _value(step.get("name"), place)
        span = _step_span(step)
        commands: tuple[ShellCommand, ...] = ()
        found: list[Activity] = []
        drafts: list[builds.Drafted] = []
        gap: Unknown | None = None
        scope = {each.key: each.value for each in (*state.variables, *environment)}
        expand = _expander(scope, state.inputs)
        run = step.get("run")
        if isinstance(run, Scalar):
            shell = step.get("shell")
            where = _directory(step.get("working-directory"), directory)
            if not (isinstance(shell, Scalar) and re.match(r"pwsh|powershell|python|cmd|node", shell.text)):
                followed = self.follower.follow(
                    text_of(self.source, run), where, pipefail=isinstance(shell, Scalar) and shell.text == "bash"
                )
                commands, gap = followed.commands, followed.gap
        elif isinstance(uses, Known):
            given = {each.key: each for each in inputs}
            found.extend(activities.of_action(uses.value, {each.key: each.value for each in inputs}, uses.span))
            if uses.value.startswith("./") and uses.value not in seen:
                self._composite(uses, directory, state, seen)
            elif uses.value.startswith("docker/metadata-action@") and "images" in given:
                state.metadata[_id(step)] = _images(given["images"].value, expand)
            elif uses.value.startswith("docker/bake-action@"):
                drafts.extend(self._bake(given, directory, scope, uses.span, state))
            elif not found and not _HARMLESS.match(uses.value):
                gap = Unknown(f"what {uses.value.partition('@')[0]} does is not known", uses.span)
            draft = builds.of_action(uses.value, _expanded(given, expand), uses.span, state.metadata)
            if draft is not None:
                drafts.append(draft)
            script = given.get("script") or given.get("run") or given.get("command")
            if script is not None and isinstance(script.value, Known) and "ssh" in uses.value.lower():
                commands = self._remote(step, script)
        for command in commands:
            found.extend(activities.of_command(command))
            draft = builds.of_command(command, expand)
            if draft is not None:
                drafts.append(draft)
            if "bake" in command.argv[:4] and command.argv[:1] == ("docker",):
                drafts.extend(self._bake_command(command, scope, state))
        state.commands.extend(commands)
        state.add(
            Step(
                index=len(state.steps),
                name=name.value if isinstance(name, Known) else "",
                span=span,
                uses=uses,
                inputs=inputs,
                environment=environment,
                condition=_value(step.get("if"), place) if step.get("if") is not None else None,
                continue_on_error=_boolean(step.get("continue-on-error")),
                commands=commands,
                activities=tuple(found),
                gap=gap,
            ),
            drafts,
            expand,
        )

    def _remote(self, step: Mapping, script: Variable) -> tuple[ShellCommand, ...]:
        given = _mapping(step.get("with"))
        scalar = given.get(script.key) if given is not None else None
        if not isinstance(scalar, Scalar):
            return ()
        return Follower(_NoFiles()).follow(text_of(self.source, scalar), "").commands

    def _composite(self, uses: Known[str], directory: str, state: _State, seen: frozenset[str]) -> None:
        """Expand a local composite action."""
        folder = join("", uses.value)
        for name in ("action.yml", "action.yaml"):
            path = f"{folder}/{name}" if folder not in (None, ".") else name
            action = _mapping(self.reader.document(path))
            source = self.reader.files.read(path)
            runs = _mapping(action.get("runs")) if action is not None else None
            if runs is not None and source is not None:
                inner = _Lowering(self.reader, source, path)
                inner.follower = self.follower
                inner._steps(runs.get("steps"), directory, state, seen | {uses.value})  # noqa: SLF001  the same class
                return

    def _bake(
        self, given: dict[str, Variable], directory: str, scope: dict[str, Value[str]], span: Span, state: _State
    ) -> list[builds.Drafted]:
        from policyengine.lower import bake  # noqa: PLC0415  only workflows that bake pay for it

        def words(name: str) -> list[str]:
            value = given[name].value if name in given else None
            return re.split(r"[,\s]+", value.value.strip()) if isinstance(value, Known) else []

        push = given["push"].value if "push" in given else Absent(span)
        expand = _expander(scope, state.inputs)
        environment = {key: expand(value.value) for key, value in scope.items() if isinstance(value, Known)}
        return bake.builds(
            self.reader.files,
            [join(directory, name) or name for name in words("files")],
            words("targets"),
            [each.strip() for each in _lines(given.get("set"))],
            environment,
            directory,
            span,
            builds._push(push, Absent(span)),  # noqa: SLF001  the same package
        )

    def _bake_command(
        self, command: ShellCommand, scope: dict[str, Value[str]], state: _State
    ) -> list[builds.Drafted]:
        from policyengine.lower import bake  # noqa: PLC0415  as above

        words = command.argv[command.argv.index("bake") + 1 :]
        files, sets, targets, index = [], [], [], 0
        while index < len(words):
            name, equals, value = words[index].partition("=")
            if name in ("-f", "--file", "--set", "--metadata-file", "--progress", "--builder") and not equals:
                index += 1
                value = words[index] if index < len(words) else ""
            if name in ("-f", "--file"):
                files.append(join(command.directory, value) or value)
            elif name == "--set":
                sets.append(value)
            elif not name.startswith("-"):
                targets.append(words[index])
            index += 1
        push: Value[bool] = Known("--push" in words, command.span) if "--push" in words else Absent(command.span)
        expand = _expander(scope, state.inputs)
        environment = {key: expand(value.value) for key, value in scope.items() if isinstance(value, Known)}
        environment |= {each.key: each.value.value for each in command.assignments if isinstance(each.value, Known)}
        return bake.builds(
            self.reader.files, files, targets, sets, environment, command.directory, command.span, push
        )

    def _services(self, job_id: str, body: Mapping, key: Scalar) -> Iterator[Node]:
        services = _mapping(body.get("services"))
        for entry in services.entries if services is not None else ():
            inner = _mapping(entry.value)
            written = inner.get("image") if inner is not None else entry.value
            image = _image(written, entry.key.span)
            role = image_role(images.engine_of(image.value, image.span)) if isinstance(image, Known) else image_role(None)
            absent = Absent(entry.key.span)
            service = Service(
                id=f"{job_id}/services.{entry.key.text}",
                name=entry.key.text,
                side=Side.PIPELINE,
                span=entry.key.span,
                role=role,
                group=job_id,
                image=image,
                build=None,
                entrypoint=absent,
                command=absent,
                user=absent,
                environment=_variables(inner.get("env")) if inner is not None else (),
                ports=tuple(_ports(inner.get("ports"))) if inner is not None else (),
            )
            yield service
            store = datastore(service, image)
            if store is not None:
                yield store
        del key


@dataclass(frozen=True, slots=True)
class _NoFiles:
    """A tree without files: scripts on another machine lead nowhere."""

    paths: tuple[str, ...] = ()

    def read(self, path: str) -> Source | None:
        """Nothing."""
        del path
        return None


@dataclass(slots=True)
class _State:
    """What the steps of a job have made so far."""

    job: str
    variables: tuple[Variable, ...]
    steps: list[Step] = field(default_factory=list)
    builds: list[tuple[builds.Drafted, Callable[[str], str]]] = field(default_factory=list)
    commands: list[ShellCommand] = field(default_factory=list)
    metadata: dict[str, list[str]] = field(default_factory=dict)
    inputs: dict[str, Value[str]] = field(default_factory=dict)
    depth: int = 0

    def add(self, step: Step, drafts: list[builds.Drafted], expand: Callable[[str], str]) -> None:
        """Take a step with the builds it makes."""
        ids = []
        for draft in drafts:
            ids.append(f"{self.job}/build-{len(self.builds)}")
            self.builds.append((draft, expand))
        self.steps.append(replace(step, builds=tuple(ids)))

    def finished(self) -> Iterator[Build]:
        """The builds, with what later commands of the job tag and push."""
        for number, (draft, expand) in enumerate(self.builds):
            made = draft
            further = [name for tag in draft.written for name in builds.aliased(self.commands, expand, tag)]
            if further:
                made = replace(made, tags=builds.tags_of([*draft.written, *further], draft.tags.span))
            if isinstance(draft.push, Absent) and builds.sends(draft, builds.pushed(self.commands, expand)):
                made = replace(made, push=Known(value=True, span=draft.span))
            yield made.node(f"{self.job}/build-{number}", self.job)


def _triggers(document: Document) -> Iterator[Trigger]:
    mapping = _mapping(document)
    if mapping is None:
        for each in _texts(document):
            yield Trigger(each.text, each.span)
        return
    for entry in mapping.entries:
        body = _mapping(entry.value)

        def words(name: str, body: Mapping | None = body) -> tuple[str, ...]:
            return tuple(each.text for each in _texts(body.get(name))) if body is not None else ()

        yield Trigger(
            entry.key.text, entry.key.span, words("branches"), words("tags"), words("paths"), words("workflows"),
            words("types"),
        )  # fmt: skip


def _working_directory(document: Mapping) -> str:
    defaults = _mapping(document.get("defaults"))
    run = _mapping(defaults.get("run")) if defaults is not None else None
    return _directory(run.get("working-directory"), "") if run is not None else ""


def _directory(document: Document | None, default: str) -> str:
    if isinstance(document, Scalar) and document.text:
        return (join("", document.text) or default) if "$" not in document.text else default
    return default


def _environment(document: Document | None) -> Value[str] | None:
    match document:
        case Scalar():
            return _value(document, document.span)
        case Mapping():
            return _value(document.get("name"), document.span)
        case _:
            return None


def _runs_on(body: Mapping) -> Value[str] | None:
    document = body.get("runs-on")
    match document:
        case Scalar(text, span):
            return Unknown(f"the runner is {text}", span) if "${{" in text else Known(text, span)
        case Sequence(items, span):
            labels = [item.text for item in items if isinstance(item, Scalar)]
            return Known(" ".join(labels), span)
        case Mapping(_, span):
            return Unknown("the runner is a group", span)
        case _:
            return None


def _step_span(step: Mapping) -> Span:
    for key in ("run", "uses", "name"):
        value = step.get(key)
        if isinstance(value, Scalar):
            return value.span
    return step.span


def _id(step: Mapping) -> str:
    value = step.get("id")
    return value.text if isinstance(value, Scalar) else ""


def _images(value: Value[str], expand: Callable[[str], str]) -> list[str]:
    names = []
    for line in value.value.split("\n") if isinstance(value, Known) else ():
        fields = [part.strip() for part in line.split(",")]
        if fields[0] and "enable=false" not in fields:
            names.append(expand(fields[0].removeprefix("name=")))
    return names


def _lines(variable: Variable | None) -> list[str]:
    if variable is None or not isinstance(variable.value, Known):
        return []
    return [line for line in variable.value.value.split("\n") if line.strip()]


def _image(document: Document | None, place: Span) -> Value[images.ImageRef]:
    value = _value(document, place)
    match value:
        case Known(text, span):
            ref = images.parse_template(text)
            return Known(ref, span) if ref is not None else Unknown(f"the image is {text}", span)
        case Unknown() | Absent():
            return value
        case _:
            return Unknown("the image moves", value.span)


def _ports(document: Document | None) -> Iterator[Port]:
    for each in _texts(document):
        match = re.fullmatch(r"(?:(\d+):)?(\d+)(?:/(\w+))?", each.text)
        if match:
            published: Value[int] = Known(int(match[1]), each.span) if match[1] else Absent(each.span)
            yield Port(Known(int(match[2]), each.span), published, each.span, match[3] or "tcp")


_EXPRESSION = re.compile(r"\$\{\{\s*(?:(env|inputs|vars)\.([\w-]+)|([^}]*?))\s*\}\}|\$\{(\w+)\}|\$(\w+)")


def _expander(scope: dict[str, Value[str]], inputs: dict[str, Value[str]]) -> Callable[[str], str]:
    """Puts known environment values and inputs into a text; what is not known stays as it is written."""

    def once(text: str) -> str:
        def put(match: re.Match[str]) -> str:
            kind, name = match[1], match[2] or match[4] or match[5]
            table = inputs if kind == "inputs" else scope if kind != "vars" else {}
            value = table.get(name) if name else None
            return value.value if isinstance(value, Known) else match[0]

        return _EXPRESSION.sub(put, text)

    def expand(text: str) -> str:
        for _ in range(4):
            after = once(text)
            if after == text or len(after) > 10_000:
                break
            text = after
        return text

    return expand


def _expanded(given: dict[str, Variable], expand: Callable[[str], str]) -> dict[str, Variable]:
    return {
        key: replace(each, value=replace(each.value, value=expand(each.value.value)))
        if isinstance(each.value, Known)
        else each
        for key, each in given.items()
    }


