"""Dockerfile → its stages, with what is in force at the end of each, as BuildKit would decide it.

Inherited through FROM: from an earlier stage, from a named context, or from the bundled table of public base images.
Every value keeps where it stands in the end, and the places it passed.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.base_image import CHECKED_TOOLS, BaseImage, base_image
from policyengine.formats.dockerfile import Dockerfile, Instruction, read
from policyengine.formats.dockerfile import Word as Argument
from policyengine.image import ImageRef, parse
from policyengine.lower import Lowered, image_commands
from policyengine.lower.image_values import (
    Scope,
    command_of,
    evaluate_word,
    exposed_with,
    healthcheck_of,
    joined,
    ports_of,
    postgres_major,
    unset_argument,
)
from policyengine.nodes import (
    Command,
    Copy,
    Healthcheck,
    Origin,
    Port,
    ShellCommand,
    Side,
    Stage,
    Variable,
    Word,
)
from policyengine.source import ReadError, Span, Text
from policyengine.value import Absent, Floating, Known, Unknown, Value, Via, passed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyengine.discover import Files

PREDEFINED = frozenset(
    f"{side}{part}" for side in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "ARCH", "VARIANT")
) | {"TARGETSTAGE"}
"""Arguments that BuildKit sets itself: known only when a build names its platform."""

_FILE = re.compile(
    r"(?:(?:Docker|Container)file(?:[._-][\w.-]+)?|[\w.-]+[._-](?:Docker|Container)file)\Z",
    re.IGNORECASE,
)
_NOT_A_FILE = re.compile(
    r"\.(?:dockerignore|mdx?|rst|adoc|txt|py|tsx?|jsx?|mjs|cjs|go|rb|rs|java|kt|php|sh|bash|ps1|ya?ml|json|toml|hcl|tf|html"
    r"|css|svg|png|lock|patch|diff|log|orig|rej|bak|swp|m4|in|j2|jinja2?|tmpl|tpl|template|erb|ejs|hbs|mustache|gotmpl)\Z",
    re.IGNORECASE,
)
"""Ends of names that make something else of `Dockerfile.…`: code about Dockerfiles, and templates of them."""


def is_dockerfile(path: str) -> bool:
    """Whether a path has the name of a Dockerfile: `Dockerfile`, `Dockerfile.production`, `api.Dockerfile`."""
    name = PurePosixPath(path).name
    return _FILE.match(name) is not None and _NOT_A_FILE.search(name) is None


def lower(files: Files) -> Lowered:
    """The stages of every Dockerfile of the tree, built with its own argument defaults."""
    nodes: list[Stage] = []
    problems: list[ReadError] = []
    for path in files.paths:
        if not is_dockerfile(path):
            continue
        source = files.read(path)
        if source is None:
            continue
        dockerfile = read(source)
        problems += _first(dockerfile.errors)
        nodes += stages(dockerfile, {})
    return Lowered(nodes=tuple(nodes), problems=tuple(problems))


def _first(errors: tuple[ReadError, ...]) -> tuple[ReadError, ...]:
    """One clear error for a file: the first, with the number of the others."""
    if len(errors) < 2:
        return errors
    first, more = errors[0], len(errors) - 1
    return (ReadError(f"{first.message} (and {more} more error{'s' if more > 1 else ''})", first.span, first.advice),)


def stages(
    dockerfile: Dockerfile,
    args: Mapping[str, Value[str]],
    contexts: Mapping[str, Value[ImageRef]] | None = None,
) -> tuple[Stage, ...]:
    """The stages of a Dockerfile in order.

    `args` are the build arguments that a build gives; an ARG without them has its default. `contexts` are named build
    contexts that are images: a FROM or `COPY --from` of that name means the image.
    """
    return _Lowering(dockerfile, args, contexts or {}).run()


@dataclass(frozen=True, slots=True)
class _State:
    """What is in force in a stage so far."""

    base: Value[ImageRef]
    facts: BaseImage | None
    user: Value[str]
    workdir: Value[str]
    entrypoint: Value[Command]
    command: Value[Command]
    parent: str = ""
    platform: Value[str] | None = None
    environment: tuple[Variable, ...] = ()
    args: tuple[Variable, ...] = ()
    exposed: tuple[Port, ...] = ()
    healthcheck: Healthcheck | None = None
    volumes: tuple[Value[str], ...] = ()
    packages: tuple[Value[str], ...] = ()
    copies: tuple[Copy, ...] = ()
    runs: tuple[ShellCommand, ...] = ()
    users_created: tuple[Variable, ...] = ()
    libc: Value[str] | None = None
    triggers: tuple[Instruction, ...] = ()
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    command_here: bool = False
    tools: frozenset[str] | None = None


@dataclass(slots=True)
class _Lowering:
    dockerfile: Dockerfile
    given: Mapping[str, Value[str]]
    contexts: Mapping[str, Value[ImageRef]]
    meta: dict[str, Value[str]] = field(default_factory=dict)
    made: list[Stage] = field(default_factory=list)
    states: list[_State] = field(default_factory=list)

    def run(self) -> tuple[Stage, ...]:
        froms = [number for number, each in enumerate(self.dockerfile.instructions) if each.keyword == "FROM"]
        instructions = self.dockerfile.instructions
        for instruction in instructions[: froms[0] if froms else 0]:
            if instruction.keyword == "ARG":
                self._meta(instruction)
        for order, start in enumerate(froms):
            end = froms[order + 1] if order + 1 < len(froms) else len(instructions)
            self._stage(instructions[start], instructions[start + 1 : end], order, last=order == len(froms) - 1)
        return tuple(self.made)

    # -- arguments and words ------------------------------------------------------------------------------------

    def _meta(self, instruction: Instruction) -> None:
        for pair in instruction.pairs():
            key = pair.key.text
            if key in self.given:
                self.meta[key] = passed(self.given[key], Via(f"ARG {key}", pair.key.span))
            elif pair.value is not None:
                self.meta[key] = self._value(pair.value, self._meta_scope())
            else:
                self.meta[key] = Unknown(f"argument '{key}' has no default", pair.key.span)

    def _meta_scope(self) -> Scope:
        unset = {key for key, value in self.meta.items() if unset_argument(value)}
        scope = Scope({name: value for name, value in self.meta.items() if name not in unset})
        for name in PREDEFINED:
            scope.values.setdefault(name, self._predefined(name))
        return scope

    def _predefined(self, name: str) -> Value[str]:
        if name in self.given:
            return self.given[name]
        return Unknown(f"{name} depends on the platform that is built", Span(self.dockerfile.source.path, 0, 0))

    def _scope(self, state: _State) -> Scope:
        """Variables of a stage: its ARGs, and over them its ENV."""
        scope = Scope({each.key: each.value for each in state.args if not unset_argument(each.value)})
        scope.values.update((each.key, each.value) for each in state.environment)
        if state.facts is None:
            what = state.base.value.name if isinstance(state.base, Known) else "the base image"
            scope.open = f"the variables that {what} sets are not known"
        else:
            scope.open_names = state.facts.environment
            if isinstance(state.base, Known):
                postgres_major(scope, state.base)
        return scope

    def _value(self, word: Argument, scope: Scope, start: int = 0) -> Value[str]:
        """The value of a word, from its character `start` on."""
        text = word.text[start:]
        span = word.inner if not start else word.content.span(start, len(word.content.text))
        content = word.content.part(start, len(word.content.text)) if start else word.content
        return evaluate_word(text, span, content, scope, self.dockerfile.escape, json=word.json)

    # -- stages ----------------------------------------------------------------------------------------------------

    def _stage(self, head: Instruction, body: tuple[Instruction, ...], index: int, *, last: bool) -> None:
        words = head.words()
        if not words:
            return
        name = words[2].text.lower() if len(words) > 2 and words[1].text.upper() == "AS" else ""
        name_span = words[2].span if name else words[0].span
        state = self._from(head, words[0])
        pending, state = state.triggers, replace(state, triggers=(), command_here=False, shell=state.shell)
        for instruction in (*pending, *body):
            state = self._apply(state, instruction)
        self.states.append(state)
        written = words[2].text if name else str(index)
        facts_tools = state.tools
        self.made.append(
            Stage(
                id=f"dockerfile:{self.dockerfile.source.path}#{name or index}",
                name=written,
                side=Side.SOURCE,
                span=name_span,
                dockerfile=self.dockerfile.source.path,
                index=index,
                last=last,
                base=state.base,
                user=state.user,
                workdir=state.workdir,
                entrypoint=state.entrypoint,
                command=state.command,
                parent=state.parent,
                platform=state.platform,
                environment=state.environment,
                args=state.args,
                exposed=state.exposed,
                healthcheck=state.healthcheck,
                volumes=state.volumes,
                packages=state.packages,
                copies=state.copies,
                runs=state.runs,
                users_created=state.users_created,
                libc=state.libc,
                tools=None if facts_tools is None else _tools(facts_tools, state, head.span),
            )
        )

    def _from(self, head: Instruction, word: Argument) -> _State:
        scope = self._meta_scope()
        name = self._value(word, scope)
        platform: Value[str] | None = None
        flag = head.flag("platform")
        if flag is not None:
            written = Text(flag.span.path, flag.value, (0,), (flag.value_span.start,))
            platform = evaluate_word(flag.value, flag.value_span, written, scope, self.dockerfile.escape, json=False)
        if isinstance(name, Known):
            parent = self._stage_named(name.value)
            if parent is not None:
                step = Via("FROM " + name.value, word.span)
                return _inherited(self.states[parent], self.made[parent], step, platform)
            if name.value in self.contexts:
                return self._on_image(passed(self.contexts[name.value], Via(name.value, word.span)), head, platform)
        return self._on_image(_image(name), head, platform)

    def _stage_named(self, name: str) -> int | None:
        """The index of the last stage of that name so far."""
        lowered = name.lower()
        for index in range(len(self.made) - 1, -1, -1):
            if self.made[index].id.rpartition("#")[2] == lowered and not lowered.isdecimal():
                return index
        return None

    def _on_image(self, base: Value[ImageRef], head: Instruction, platform: Value[str] | None) -> _State:
        span = head.span
        if not isinstance(base, Known):
            why = base.reason if isinstance(base, Unknown) else "the base image is not known"
            nothing = Unknown(why, base.span, base.via)
            return _State(base, None, nothing, nothing, nothing, nothing, platform=platform)
        ref = base.value
        facts = base_image(ref)
        if facts is None:
            facts_of = f"what {ref.name} brings is not in the bundled table"
            unknown = Unknown(facts_of, span)
            return _State(base, None, unknown, unknown, unknown, unknown, platform=platform)
        via = (Via(f"default of {ref.name}", span),)

        def default(value: str | None, what: str) -> Value[str]:
            if value is None:
                return Unknown(f"the default {what} of {ref.name} is not in the bundled table", span)
            return Known(value, span, via)

        def command(value: tuple[str, ...] | None, what: str) -> Value[Command]:
            if value is None:
                return Unknown(f"the default {what} of {ref.name} is not in the bundled table", span)
            return Known(Command(value), span, via) if value else Absent(span)

        return _State(
            base=base,
            facts=facts,
            user=default(facts.user, "user"),
            workdir=default(facts.workdir, "working directory"),
            entrypoint=command(facts.entrypoint, "entrypoint"),
            command=command(facts.command, "command"),
            platform=platform,
            exposed=tuple(port for text in facts.exposed for port in ports_of(Known(text, span, via), span)),
            volumes=tuple(Known(text, span, via) for text in facts.volumes),
            users_created=tuple(
                Variable(user, span, Known(uid, span, via)) for user, uid in sorted(facts.users.items())
            ),
            libc=default(facts.libc, "C library"),
            tools=facts.tools,
        )

    def _apply(self, state: _State, instruction: Instruction) -> _State:
        match instruction.keyword:
            case "ENV":
                return self._env(state, instruction)
            case "ARG":
                return self._arg(state, instruction)
            case "USER":
                return replace(state, user=self._only(state, instruction))
            case "WORKDIR":
                return replace(state, workdir=joined(state.workdir, self._only(state, instruction)))
            case "EXPOSE":
                return replace(state, exposed=exposed_with(state.exposed, self._expose(state, instruction)))
            case "VOLUME":
                found = tuple(self._value(word, self._scope(state)) for word in instruction.words())
                return replace(state, volumes=state.volumes + found)
            case "CMD":
                return replace(state, command=command_of(instruction), command_here=True)
            case "ENTRYPOINT":
                command = state.command if state.command_here else Absent(instruction.keyword_span)
                return replace(state, entrypoint=command_of(instruction), command=command)
            case "HEALTHCHECK":
                return replace(state, healthcheck=healthcheck_of(instruction))
            case "SHELL" if instruction.json:
                return replace(state, shell=tuple(word.text for word in instruction.json))
            case "RUN":
                return self._run(state, instruction)
            case "COPY" | "ADD":
                return replace(state, copies=(*state.copies, *self._copy(state, instruction)))
            case "ONBUILD":
                trigger = instruction.trigger()
                return state if trigger is None else replace(state, triggers=(*state.triggers, trigger))
            case _:
                return state

    def _only(self, state: _State, instruction: Instruction) -> Value[str]:
        word = instruction.argument
        if word is None:
            return Unknown(f"{instruction.keyword} has no argument", instruction.keyword_span)
        return self._value(word, self._scope(state))

    def _env(self, state: _State, instruction: Instruction) -> _State:
        scope = self._scope(state)
        found = {each.key: each for each in state.environment}
        for pair in instruction.pairs():
            key = self._value(pair.key, scope)
            if isinstance(key, Known) and key.value and pair.value is not None:
                value = self._value(pair.value, scope)
                if isinstance(value, Known) and not pair.value.text:
                    value = Known("", pair.key.span)
                found.pop(key.value, None)
                found[key.value] = Variable(key.value, pair.key.span, value, Origin.IMAGE)
        return replace(state, environment=tuple(found.values()))

    def _arg(self, state: _State, instruction: Instruction) -> _State:
        scope = self._scope(state)
        found = {each.key: each for each in state.args}
        for pair in instruction.pairs():
            key = pair.key.text
            step = Via(f"ARG {key}", pair.key.span)
            value: Value[str]
            if key in self.given:
                value = passed(self.given[key], step)
            elif pair.value is not None:
                value = self._value(pair.value, scope) if pair.value.text else Known("", pair.key.span)
            elif key in self.meta:
                value = passed(self.meta[key], step)
            elif key in PREDEFINED:
                value = passed(self._predefined(key), step)
            else:
                value = Absent(pair.key.span)
            scope.values[key] = value
            found.pop(key, None)
            found[key] = Variable(key, pair.key.span, value, Origin.ARGUMENT)
        return replace(state, args=tuple(found.values()))

    def _expose(self, state: _State, instruction: Instruction) -> tuple[Port, ...]:
        scope = self._scope(state)
        return tuple(port for word in instruction.words() for port in ports_of(self._value(word, scope), word.span))

    def _run(self, state: _State, instruction: Instruction) -> _State:
        scope = self._scope(state)
        if instruction.json is not None:
            words = [Word(word.text, word.span) for word in instruction.json]
            found: tuple[ShellCommand, ...] = (image_commands.exec_command(words, instruction.span),) if words else ()
        else:
            script = instruction.script()
            name = posixpath.basename(state.shell[0]) if state.shell else "sh"
            if script is None or name.lower().removesuffix(".exe") in {
                "powershell",
                "cmd",
                "pwsh",
                "python",
                "python3",
            }:
                return state
            first = script.text.partition("\n")[0]
            if instruction.heredocs and first.startswith("#!") and "sh" not in first:
                return state
            options = " ".join(state.shell[1:])
            errexit = re.search(r"(?:^|\s)-[a-z]*e", options) is not None
            found = image_commands.commands(script, errexit=errexit, pipefail="pipefail" in options)

        scope = Scope(scope.values, open="a variable of the shell")

        def evaluate(word: Word) -> Value[str]:
            if "$(" in word.text or "`" in word.text:
                return Unknown("the output of a command", word.span)
            content = Text(word.span.path, word.text, (0,), (word.span.start,))
            return evaluate_word(word.text, word.span, content, scope, "\\", json=False)

        return replace(
            state,
            runs=state.runs + found,
            packages=state.packages + tuple(image_commands.packages(found, evaluate)),
            users_created=_users(state.users_created, tuple(image_commands.users(found, evaluate))),
        )

    def _copy(self, state: _State, instruction: Instruction) -> tuple[Copy, ...]:
        scope = self._scope(state)
        words = instruction.words()
        if len(words) < 2:
            return ()
        texts = [_text(self._value(word, scope), word.text) for word in words]
        origin = instruction.flag("from")
        owner = instruction.flag("chown")
        stage = "" if origin is None else origin.value
        if stage.isdecimal() and int(stage) < len(self.made):
            stage = self.made[int(stage)].name
        owned = ""
        if owner is not None:
            written = Text(owner.span.path, owner.value, (0,), (owner.value_span.start,))
            value = evaluate_word(owner.value, owner.value_span, written, scope, self.dockerfile.escape, json=False)
            owned = _text(value, owner.value)
        return (Copy(tuple(texts[:-1]), texts[-1], instruction.span, stage, owned),)


def _image(name: Value[str]) -> Value[ImageRef]:
    match name:
        case Known(text, span, via) | Floating(text, span, via):
            ref = parse(text)
            if ref is None:
                return Unknown(f"{text!r} is no image reference" if text else "the image name is empty", span, via)
            return Known(ref, span, via)
        case _:
            return name


def _inherited(state: _State, stage: Stage, step: Via, platform: Value[str] | None) -> _State:
    """A stage on top of another: its image configuration, but not its arguments."""
    health = state.healthcheck
    return replace(
        state,
        parent=stage.id,
        base=passed(state.base, step),
        user=passed(state.user, step),
        workdir=passed(state.workdir, step),
        entrypoint=passed(state.entrypoint, step),
        command=passed(state.command, step),
        platform=platform if platform is not None else state.platform,
        args=(),
        healthcheck=None if health is None else replace(health, test=passed(health.test, step)),
        environment=tuple(replace(each, value=passed(each.value, step)) for each in state.environment),
    )


def _users(before: tuple[Variable, ...], more: tuple[Variable, ...]) -> tuple[Variable, ...]:
    names = {each.key for each in more}
    return tuple(each for each in before if each.key not in names) + more


_BRINGS = {
    "curl": "curl",
    "wget": "wget",
    "bash": "bash",
    "netcat": "nc",
    "netcat-openbsd": "nc",
    "netcat-traditional": "nc",
    "nmap-ncat": "nc",
    "busybox": "wget",
}


def _tools(base: frozenset[str], state: _State, span: Span) -> Value[tuple[str, ...]]:
    """Which of the checked programs the image has: the base's, and those of installed packages."""
    found = set(base)
    for package in state.packages:
        if isinstance(package, Known):
            if package.value in _BRINGS:
                found.add(_BRINGS[package.value])
        elif isinstance(package, Unknown):
            return Unknown("a RUN installs packages that are not known", package.span)
    copied = {posixpath.basename(each) for copy in state.copies for each in (*copy.sources, copy.target)}
    found |= copied & set(CHECKED_TOOLS)
    return Known(tuple(sorted(found)), span)


def _text(value: Value[str], written: str) -> str:
    return value.value if isinstance(value, Known | Floating) else written
