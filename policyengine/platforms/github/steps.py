"""The steps of a job: what each runs, does and builds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge import actions
from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.nodes import Activity, Deploy, Origin, ShellCommand, Step, Variable, Word
from policyengine.model.text import Text
from policyengine.model.value import Absent, Known, Unknown, Value, known
from policyengine.patterns import regex
from policyengine.platforms.github import activities, builds, expressions, shipping
from policyengine.platforms.github.calls import local_path
from policyengine.platforms.github.documents import (
    WorkflowFiles,
    boolean,
    mapping,
    returned,
    value,
    variables,
    words,
)
from policyengine.platforms.github.handing import Handed, assigned, changed, handed_on, undecided
from policyengine.platforms.github.step_frame import Done, JobState, StepFrame, joined, written
from policyengine.repository.discover import join
from policyengine.syntax.folding import unfold
from policyengine.syntax.tree import Document, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.source import Source, Span
    from policyengine.platforms.github.expressions import Scope
    from policyengine.platforms.github.scripts import Follower
    from policyengine.platforms.github.terraform_folders import TerraformFolders
    from policyengine.syntax.environment import Environment

_MOST = 500
"""How many steps of a job are read, those of called workflows and actions included."""
_SHELL = regex(r"(?:\A\s*|[\s\"'/])(?:ba|da|z|k|a)?sh(?:[\s\"']|\Z)")


_NAMED = regex(r"[\w-]+")


def _settled(given: Variable, frame: StepFrame) -> Variable:
    """An input as far as the files decide it, in all combinations alike; what a secret may be part of stays open."""
    if not isinstance(given.value, Known):
        return given
    text, span = given.value.value, given.value.span
    found = {scope.text(text, span).value() for scope in frame.scopes(text)}
    one = found.pop() if len(found) == 1 else Unknown("the run decides it", span)
    if isinstance(one, Known) and one.value == text:
        return given
    if any(may_hold_secret(name) for name in (given.key, *_NAMED.findall(text))):
        one = Unknown("a secret may be a part of it", span)
    return replace(given, value=one)


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
        scope = replace(frame.scope, variables=named, others={**frame.scope.others, **state.outputs})
        done = Done()
        if not expressions.never(own, scope, frame.combinations):
            run = step.get("run")
            if isinstance(run, Scalar):
                done = self._script(step, run, source, replace(frame, scope=scope, own=own), state)
            elif isinstance(uses, Known):
                called = replace(frame, scope=scope, own=own, condition=condition, forgiven=forgiven)
                done = self._action(step, uses, source, called, state)
        state.commands.extend(done.commands)
        state.done.extend(done.on_images)
        handed = activities.handed_over(done.commands, state.commands)
        state.add(
            Step(
                index=len(state.steps),
                name=name.value if isinstance(name, Known) else "",
                span=_place(step),
                uses=uses,
                inputs=tuple(_settled(each, replace(frame, scope=scope, own=own)) for each in inputs),
                environment=environment,
                condition=condition,
                continue_on_error=forgiven,
                commands=done.commands,
                activities=tuple(
                    activities.informed(each, environment, scope)
                    for each in activities.on_machine(frame.runner, (*done.activities, *handed), deploys=frame.deploys)
                ),
                given=tuple(dict.fromkeys(shipping.given(done.commands, uses, inputs))),
                shipped=tuple(dict.fromkeys(shipping.shipped(done.commands, uses, inputs))),
                written=tuple(shipping.written(done.commands, step.span, source)),
                gap=done.gap,
            ),
            list(done.drafts),
        )

    # -- scripts ---------------------------------------------------------------------------------------------------

    def _script(self, step: Mapping, run: Scalar, source: Source, frame: StepFrame, state: JobState) -> Done:
        given = step.get("shell")
        shell = given.text if isinstance(given, Scalar) else frame.shell
        if shell.strip() and _SHELL.search(shell) is None:
            return Done(gap=Unknown(f"a script for {shell.split()[0]} is not read", run.span))
        text = unfold(source, run)
        directory = step.get("working-directory")
        made: list[Done] = []
        for scope in frame.scopes(
            " ".join((run.text, *(each.text for each in (directory, frame.where) if isinstance(each, Scalar))))
        ):
            followed = self.follower.follow(
                scope.script(text),
                frame.directory_of(directory, scope),
                errexit=not shell or shell in {"bash", "sh"} or re.search(r"\s-\w*e", shell) is not None,
                pipefail=shell == "bash" or "pipefail" in shell,
                folder=frame.folder,
                environment=frame.environment(scope, state),
            )
            made.append(self._of_commands(followed.commands, followed.gap, scope))
            made.extend(self._submitted(followed.commands, frame))
        done = joined(made)
        state.take(done, step.get("id"), frame, run.text)
        return done

    def _submitted(self, commands: Iterable[ShellCommand], frame: StepFrame) -> Iterator[Done]:
        """What Cloud Build does with the configurations that commands hand to it; its images are those of that file."""
        for command in commands:
            if command.layers and command.layers[-1].path == builds.CLOUD_BUILD:
                from policyengine.platforms.github import cloudbuild  # noqa: PLC0415  only who builds there pays for it

                for line in cloudbuild.submitted(command, self.reader):
                    yield replace(self.script(line, replace(frame, directory="", folder="")), drafts=())

    def _of_commands(self, commands: tuple[ShellCommand, ...], gap: Unknown | None, scope: Scope) -> Done:
        found: list[Activity] = []
        drafts: list[tuple[builds.Drafted, Scope]] = []
        built: dict[tuple[str, ...], ShellCommand] = {}  # what builds an image first, by its tags
        handed: list[Handed] = []
        perhaps: dict[str, ShellCommand] = {}  # variables that branches set, and what sets them
        on_images: list[builds.OnImage] = []
        texts: dict[str, list[str]] = {}  # all that variables are set to
        for command in commands:
            for each, word in zip(command.assignments, command.given, strict=False) if not command.words else ():
                texts.setdefault(each.key, []).append(word.text)
            before = undecided(command, scope, perhaps)
            scope = assigned(command, before)
            if command.branches and scope is not before:
                perhaps |= dict.fromkeys(changed(before, scope), command)
            handed.extend(handed_on(command, scope, self.reader.files))
            own = activities.of_command(command, scope)
            found.extend(each for each in own if not self._only_computes(each, command, scope))
            if named := builds.on_image(command):
                on_images.append((named[0].text, tuple(scope.word(each) for each in named[1:])))
            if not command.does("build"):
                continue
            for draft in (builds.of_command(command, scope, texts), *self._bake_command(command, scope)):
                if draft is not None and not _only_otherwise(command, built.setdefault(_tags(draft), command)):
                    drafts.append((draft, scope))
                    found.extend(activities.sent(draft, forgiven=command.forgiven))
        return Done(commands, tuple(found), tuple(drafts), gap, tuple(handed), tuple(on_images))

    def _only_computes(self, activity: Activity, command: ShellCommand, scope: Scope) -> bool:
        """Whether Terraform is applied where there is nothing to apply."""
        return (
            isinstance(activity, Deploy) and activity.tool == "terraform" and self.folders.only_computes(command, scope)
        )

    # -- actions ---------------------------------------------------------------------------------------------------

    def _action(self, step: Mapping, uses: Known[str], source: Source, frame: StepFrame, state: JobState) -> Done:
        name = local_path(uses.value, self.reader.files)
        inputs = variables(step.get("with"), Origin.INPUT)
        given = {each.key.lower(): each for each in inputs}
        action = actions.action(uses.value, given.keys())
        if name.startswith(("./", "../")):
            done = self._composite(step, replace(uses, value=name), given, frame, state)
            elsewhere = done.gap is not None and isinstance(action, actions.NamedAction) and action.does == "deploy"
            return Done(activities=activities.of_action(action, {}, uses.span)) if elsewhere else done
        does = action.does if action is not None else ""
        if does == "name-images" and "images" in given:
            identifier = step.get("id")
            key = identifier.text if isinstance(identifier, Scalar) else ""
            wanted = (given[each] for each in ("images", "tags", "flavor") if each in given)
            state.metadata[key] = (tuple(wanted), frame.scope)
        script = actions.script_of(action, given.keys())
        if script is not None:
            text = self._script_of(action, given.get(script), step, source, uses.span)
            return self.script(text, frame, remote=does == "run-remote") if text is not None else Done()
        state.open = state.open or does == "export"
        title = known(value(step.get("name"), uses.span), "")
        found = activities.of_action(action, {key: each.value for key, each in given.items()}, uses.span, title)
        drafts: list[tuple[builds.Drafted, Scope]] = []
        own = action.inputs if isinstance(action, actions.Action) else {"file": "dockerfile"}
        builds_too = does == "deploy" and own.get("context") in given
        images = [each for many, _ in state.metadata.values() for each in many] if does == "build" else []
        for scope in frame.scopes(" ".join(written(each.value) for each in (*inputs, *images))):
            given_texts = scope.texts(inputs)
            made: list[builds.Drafted] = []
            if does == "build" or builds_too:
                renamed = {key: given_texts[name] for key, name in own.items() if name in given_texts}
                named = {
                    key: builds.named_images(replace(by, matrix=scope.matrix).texts(many))
                    for key, (many, by) in state.metadata.items()
                }
                draft = builds.of_action(given_texts | renamed, uses.span, named)
                if isinstance(action, actions.NamedAction):
                    draft = builds.of_unlisted(draft, given_texts | renamed, pushes=action.pushes)
                if builds_too:
                    draft = replace(draft, push=Known(value=True, span=uses.span))
                if not builds_too or self.reader.files.exists(written(draft.dockerfile)):
                    made.append(draft)
            elif does == "bake":
                made.extend(self._bake(given_texts, scope, uses.span))
            drafts.extend((draft, scope) for draft in made if (draft, scope) not in drafts)
        unique = [each for index, each in enumerate(drafts) if all(each[0] != other[0] for other in drafts[:index])]
        sent = [activity for draft, _ in unique for activity in activities.sent(draft, forgiven=False)][:1]
        name = uses.value if "://" in uses.value else uses.value.partition("@")[0]
        gap = None if action is not None else Unknown(f"what {name} does is not known", uses.span)
        return Done(activities=(*found, *sent), drafts=tuple(unique), gap=gap)

    @staticmethod
    def _script_of(
        action: actions.Action | actions.NamedAction | None,
        given: Variable | None,
        step: Mapping,
        source: Source,
        at: Span,
    ) -> Text | None:
        """The script that an action runs: an input, or its default; the arguments of a program."""
        body = mapping(step.get("with"))
        scalar = body.get(given.key) if body is not None and given is not None else None
        if isinstance(scalar, Scalar):
            text = unfold(source, scalar)
        elif isinstance(action, actions.Action) and action.default:
            text = Text.made(action.default, at)
        else:
            return None
        program = action.program if isinstance(action, actions.Action) else ""
        return Text.join((Text.made(f"{program} ", at), text)) if program else text

    def script(
        self, text: Text, frame: StepFrame, *, remote: bool = False, environment: Environment | None = None
    ) -> Done:
        """What a script does that runs in the folder of its frame, or on another machine."""
        made: list[Done] = []
        for scope in frame.scopes(text.written):
            followed = self.follower.follow(
                scope.script(text), frame.directory, folder=frame.folder, remote=remote, environment=environment
            )
            made.append(self._of_commands(followed.commands, followed.gap, scope))
        return joined(made)

    def _composite(
        self, step: Mapping, uses: Known[str], given: dict[str, Variable], frame: StepFrame, state: JobState
    ) -> Done:
        """Expands a local composite action; another local action, or a missing one, is a gap."""
        folder = join("", uses.value)
        missing = Unknown(f"what {uses.value} does is not known", uses.span)
        if folder is None or uses.value in frame.seen:
            return Done(gap=missing)
        for name in ("action.yml", "action.yaml"):
            path = f"{folder}/{name}" if folder != "." else name
            action = self.reader.mapping(path)
            runs = mapping(action.get("runs")) if action is not None else None
            if action is None or runs is None:
                continue
            using = runs.get("using")
            if not (isinstance(using, Scalar) and using.text == "composite"):
                return Done(gap=missing)
            inputs = _defaults(action) | frame.scope.handed(given.values())
            inner = replace(
                frame,
                scope=replace(frame.scope, inputs=inputs, kinds={}, others=frame.scope.outside()),
                choices=frame.chosen(given.values()),
                folder="" if folder == "." else folder,
                directory="",
                where=None,
                own=None,
                certain=frame.runs(),
                seen=frame.seen | {uses.value},
            )
            outer, state.outputs = state.outputs, {}
            self.run(runs.get("steps"), path, inner, state)
            identifier = step.get("id")
            if isinstance(identifier, Scalar) and frame.own is None:
                outputs = returned(action.get("outputs"))
                outer |= inner.scope.known(outputs, f"steps.{identifier.text}.outputs", state.outputs)
            state.outputs = outer
            return Done()
        return Done(gap=missing)

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
        named = [scope.word(command.words[index]) for index in layer.operands]
        targets = [each.written for each in named]
        pushes = layer.value("--push") is not None
        push: Value[bool] = Known(value=True, span=command.span) if pushes else Absent(command.span)
        own = {
            each.key: scope.word(word).value() for each, word in zip(command.assignments, command.given, strict=False)
        }
        environment = _known(scope) | own
        open_ = next((each.unknown for each in named if each.unknown is not None), None)
        if open_ is not None:
            return [bake.unreadable(command.span, open_.reason, push)]
        return bake.builds(self.reader.files, files, targets, sets, environment, command.directory, command.span, push)


def _tags(draft: builds.Drafted) -> tuple[str, ...]:
    return tuple(each.written for each in draft.written)


def _only_otherwise(command: ShellCommand, first: ShellCommand) -> bool:
    """Whether a command builds again what one before it builds, for where that fails: `docker build … || docker …`."""
    return command is not first and command.branches[:-1] == first.branches != command.branches


def _known(scope: Scope) -> dict[str, Value[str]]:
    return {key: scope.value(each) for key, each in scope.variables.items()}


def _defaults(action: Mapping) -> dict[str, Value[str]]:
    inputs = mapping(action.get("inputs"))
    found: dict[str, Value[str]] = {}
    for entry in inputs.entries if inputs is not None else ():
        body = mapping(entry.value)
        default = value(body.get("default") if body is not None else None, entry.key.span)
        found[entry.key.text.lower()] = default if isinstance(default, Known) else Known("", entry.key.span)
    return found


def _place(step: Mapping) -> Span:
    for key in ("run", "uses", "name"):
        found = step.get(key)
        if isinstance(found, Scalar):
            return found.span
    return step.span
