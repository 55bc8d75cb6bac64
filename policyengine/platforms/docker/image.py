"""Dockerfile → its stages, with what is in force at the end of each, as BuildKit would decide it.

Inherited through FROM: from an earlier stage, from a named context, or from the bundled table of public base images.
Every value keeps where it stands in the end, and the places it passed.
"""

from __future__ import annotations

import posixpath
import re
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.model.graph import Choice
from policyengine.model.nodes import (
    Copy,
    Origin,
    ShellCommand,
    Side,
    Stage,
    Variable,
    Word,
)
from policyengine.model.source import ReadError, Span
from policyengine.model.text import Text
from policyengine.model.value import Absent, Known, Unknown, Value, Via, passed
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.docker import image_commands
from policyengine.platforms.docker.image_values import (
    Budget,
    BuildScope,
    command_of,
    dotnet_user,
    evaluate_word,
    healthcheck_of,
    joined,
    port_key,
    ports_of,
    postgres_major,
)
from policyengine.platforms.docker.state import State, image_of, inherited, on_image, tools
from policyengine.syntax.dockerfile import Argument, Dockerfile, Instruction, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyengine.model.image import ImageRef
    from policyengine.repository.files import Files
    from policyengine.syntax.dockerfile import Flag

MOST_INSTRUCTIONS = 5_000
MOST_STAGES = 300
MOST_PORTS = 2_000
"""What of one file, and of one EXPOSE, is followed; people's files stay far below."""

_NO_SHELLS = frozenset({"powershell", "pwsh", "cmd", "python", "python3", "node", "perl", "ruby"})

PREDEFINED = frozenset(
    f"{side}{part}" for side in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "ARCH", "VARIANT")
) | {"TARGETSTAGE"}
"""Arguments that BuildKit sets itself: known only when a build names its platform."""

_FILE = regex(
    r"(?:(?:Docker|Container)file(?:[._-][\w.-]+)?|[\w.-]+[._-](?:Docker|Container)file)\Z",
    re.IGNORECASE,
)
_NOT_A_FILE = regex(
    r"\.(?:dockerignore|mdx?|rst|adoc|txt|py|tsx?|jsx?|mjs|cjs|go|rb|rs|java|kt|php|sh|bash|ps1|ya?ml|json|toml|hcl|tf|html"
    r"|css|svg|png|lock|patch|diff|log|orig|rej|bak|swp|m4|in|j2|jinja2?|tmpl|tpl|template|erb|ejs|hbs|mustache|gotmpl)\Z",
    re.IGNORECASE,
)
"""Ends of names that make something else of `Dockerfile.…`: code about Dockerfiles, and templates of them."""


_OWN_FRONTEND = regex(r"(?:[\w.-]+(?::\d+)?/)*docker/dockerfile(?:-upstream)?(?:[:@]|\Z)")


def is_dockerfile(path: str) -> bool:
    """Whether a path has the name of a Dockerfile: `Dockerfile`, `Dockerfile.production`, `api.Dockerfile`."""
    name = PurePosixPath(path).name
    return _FILE.match(name) is not None and _NOT_A_FILE.search(name) is None


def lower(path: str, files: Files) -> Lowered:
    """The stages of a Dockerfile, built with its own argument defaults."""
    source = files.read(path)
    if source is None:
        return Lowered()
    dockerfile = read(source)
    frontend = _foreign(dockerfile)
    if frontend and dockerfile.errors:  # another language than ours
        return Lowered(choices=(Choice("Dockerfile left aside", path, f"it is written for the frontend {frontend!r}"),))
    problems = list(_first(dockerfile.errors))
    if len(dockerfile.instructions) > MOST_INSTRUCTIONS:
        place = dockerfile.instructions[MOST_INSTRUCTIONS].keyword_span
        problems.append(ReadError(f"there are over {MOST_INSTRUCTIONS} instructions", place, "split the Dockerfile"))
    froms = [each for each in dockerfile.instructions if each.keyword == "FROM"]
    if len(froms) > MOST_STAGES:
        place = froms[MOST_STAGES].keyword_span
        problems.append(ReadError(f"there are over {MOST_STAGES} stages", place, "split the Dockerfile"))
    from policyengine.platforms.docker.declarations import declarations  # noqa: PLC0415  which builds on this

    return Lowered(nodes=stages(dockerfile, {}), problems=tuple(problems), declaring=(declarations(dockerfile),))


def _foreign(dockerfile: Dockerfile) -> str:
    """The frontend that a `# syntax=` directive names, where that is not Docker's own.

    Source: docs.docker.com/build/buildkit/frontend, "Dockerfile frontend".
    """
    named = next((each.value for each in dockerfile.directives if each.name == "syntax"), "")
    return "" if not named or _OWN_FRONTEND.match(named) else named


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
    return Lowering(dockerfile, args, contexts or {}).run()


class Lowering(Struct):
    """A Dockerfile on its way into stages."""

    dockerfile: Dockerfile
    given: Mapping[str, Value[str]]
    contexts: Mapping[str, Value[ImageRef]]
    meta: dict[str, Value[str]] = field(default_factory=dict)
    made: list[Stage] = field(default_factory=list)
    states: list[State] = field(default_factory=list)
    budget: Budget = field(default_factory=Budget)
    global_scope: BuildScope = field(default_factory=BuildScope)

    def run(self) -> tuple[Stage, ...]:
        """The stages in order."""
        self.global_scope.budget = self.budget
        for name in PREDEFINED:
            self.global_scope.variables[name] = self._predefined(name)
        instructions = self.dockerfile.instructions[:MOST_INSTRUCTIONS]
        froms = [number for number, each in enumerate(instructions) if each.keyword == "FROM"][:MOST_STAGES]
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
                self.meta[key] = self._value(pair.value, self.global_scope)
            else:
                self.meta[key] = Absent(pair.key.span)
            self.global_scope.define(key, self.meta[key])

    def _predefined(self, name: str) -> Value[str]:
        if name in self.given:
            return self.given[name]
        return Unknown(f"{name} depends on the platform that is built", Span(self.dockerfile.source.path, 0, 0))

    def _open_scope(self, state: State) -> None:
        """The variables that a stage starts with: those it inherits, and what its base image may set."""
        scope = BuildScope({key: each.value for key, each in state.environment.items()}, budget=self.budget)
        if state.facts is None:
            what = state.base.value.name if isinstance(state.base, Known) else "the base image"
            scope.open = f"the variables that {what} sets are not known"
        else:
            scope.open_names = state.facts.environment
            if isinstance(state.base, Known):
                postgres_major(scope, state.base)
        if isinstance(state.base, Known):
            dotnet_user(scope, state.base)
        state.scope = scope

    def _value(self, word: Argument, scope: BuildScope, start: int = 0) -> Value[str]:
        """The value of a word, from its character `start` on."""
        text = word.text[start:]
        span = word.inner if not start else word.content.cut(start).place
        content = word.content.cut(start) if start else word.content
        return evaluate_word(text, span, content, scope, self.dockerfile.escape, json=word.json)

    # -- stages ----------------------------------------------------------------------------------------------------

    def _stage(self, head: Instruction, body: tuple[Instruction, ...], index: int, *, last: bool) -> None:
        words = head.words()
        if not words:
            return
        name = words[2].text.lower() if len(words) > 2 and words[1].text.upper() == "AS" else ""
        name_span = words[2].span if name else words[0].span
        state = self._from(head, words[0])
        pending, state.triggers = state.triggers, []
        self._open_scope(state)
        for instruction in (*pending, *body):
            self._apply(state, instruction)
        self.states.append(state)
        written = words[2].text if name else str(index)
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
                environment=tuple(state.environment.values()),
                args=tuple(state.args.values()),
                exposed=tuple(state.exposed.values()),
                healthcheck=state.healthcheck,
                volumes=tuple(state.volumes),
                packages=tuple(state.packages),
                copies=tuple(state.copies),
                runs=tuple(state.runs),
                users_created=tuple(state.users_created.values()),
                libc=state.libc,
                tools=tools(state, head.span),
            )
        )

    def _from(self, head: Instruction, word: Argument) -> State:
        scope = self.global_scope
        name = self._value(word, scope)
        flag = head.flag("platform")
        platform = None if flag is None else self._flag(flag, scope)
        if isinstance(name, Known):
            parent = self._stage_named(name.value)
            if parent is not None:
                step = Via("FROM " + name.value, word.span)
                return inherited(self.states[parent], self.made[parent], step, platform)
            if name.value in self.contexts:
                return on_image(passed(self.contexts[name.value], Via(name.value, word.span)), head, platform)
        return on_image(image_of(name), head, platform)

    def _stage_named(self, name: str) -> int | None:
        """The index of the last stage of that name so far."""
        lowered = name.lower()
        for index in range(len(self.made) - 1, -1, -1):
            if self.made[index].id.rpartition("#")[2] == lowered and not lowered.isdecimal():
                return index
        return None

    def _apply(self, state: State, instruction: Instruction) -> None:
        match instruction.keyword:
            case "ENV":
                self._env(state, instruction)
            case "ARG":
                self._arg(state, instruction)
            case "USER":
                state.user = self._only(state, instruction)
            case "WORKDIR":
                state.workdir = joined(state.workdir, self._only(state, instruction))
            case "EXPOSE":
                self._expose(state, instruction)
            case "VOLUME":
                state.volumes += (self._value(word, state.scope) for word in instruction.words())
            case "CMD":
                state.command, state.command_here = command_of(instruction), True
            case "ENTRYPOINT":
                state.entrypoint = command_of(instruction)
                if not state.command_here:
                    state.command = Absent(instruction.keyword_span)
            case "HEALTHCHECK":
                state.healthcheck = healthcheck_of(instruction)
            case "SHELL" if instruction.json:
                state.shell = tuple(word.text for word in instruction.json)
            case "RUN":
                self._run(state, instruction)
            case "COPY" | "ADD":
                self._copy(state, instruction)
            case "ONBUILD":
                trigger = instruction.trigger()
                if trigger is not None:
                    state.triggers.append(trigger)
            case _:
                pass

    def _only(self, state: State, instruction: Instruction) -> Value[str]:
        word = instruction.argument
        if word is None:
            return Unknown(f"{instruction.keyword} has no argument", instruction.keyword_span)
        return self._value(word, state.scope)

    def _env(self, state: State, instruction: Instruction) -> None:
        """All values of one ENV see the variables as they were before it."""
        made: list[Variable] = []
        for pair in instruction.pairs():
            key = self._value(pair.key, state.scope)
            if isinstance(key, Known) and key.value and pair.value is not None:
                value = self._value(pair.value, state.scope) if pair.value.text else _empty(pair.key)
                made.append(Variable(key.value, pair.key.span, value, Origin.IMAGE))
        for variable in made:
            state.environment.pop(variable.key, None)
            state.environment[variable.key] = variable
            state.scope.define(variable.key, variable.value)

    def _arg(self, state: State, instruction: Instruction) -> None:
        for pair in instruction.pairs():
            key = pair.key.text
            step = Via(f"ARG {key}", pair.key.span)
            value: Value[str]
            if key in self.given:
                value = passed(self.given[key], step)
            elif pair.value is not None:
                value = self._value(pair.value, state.scope) if pair.value.text else _empty(pair.key)
            elif key in self.meta:
                value = passed(self.meta[key], step)
            elif key in PREDEFINED:
                value = passed(self._predefined(key), step)
            else:
                value = Absent(pair.key.span)
            state.args.pop(key, None)
            state.args[key] = Variable(key, pair.key.span, value, Origin.ARGUMENT)
            if key not in state.environment:  # ENV always overrides an ARG of the same name
                state.scope.define(key, value)

    def _expose(self, state: State, instruction: Instruction) -> None:
        ports = (port for word in instruction.words() for port in ports_of(self._value(word, state.scope), word.span))
        if self.budget.left <= 0:
            return
        for port in islice(ports, MOST_PORTS):
            self.budget.left -= 50
            state.exposed.pop(port_key(port), None)
            state.exposed[port_key(port)] = port

    def _run(self, state: State, instruction: Instruction) -> None:
        if instruction.json is not None:
            words = [Word(word.text, word.span) for word in instruction.json]
            found: tuple[ShellCommand, ...] = (image_commands.exec_command(words, instruction.span),) if words else ()
        else:
            script = instruction.script()
            name = posixpath.basename(state.shell[0]).lower().removesuffix(".exe") if state.shell else "sh"
            if script is None or name in _NO_SHELLS:
                return
            first = script.written.partition("\n")[0]
            if instruction.heredocs and first.startswith("#!") and "sh" not in first:
                return
            options = " ".join(state.shell[1:])
            errexit = re.search(r"(?:^|\s)-[a-z]*e", options) is not None
            found = image_commands.commands(script, errexit=errexit, pipefail="pipefail" in options)
        scope = BuildScope(state.scope.variables, open="a variable of the shell", budget=self.budget)

        def evaluate(word: Word) -> Value[str]:
            if "$(" in word.text or "`" in word.text:
                return Unknown("the output of a command", word.span)
            content = Text.at(word.text, word.span)
            return evaluate_word(word.text, word.span, content, scope, "\\", json=False)

        state.runs += found
        state.packages += image_commands.packages(found, evaluate)
        for user in image_commands.users(found, evaluate):
            state.users_created.pop(user.key, None)
            state.users_created[user.key] = user

    def _copy(self, state: State, instruction: Instruction) -> None:
        words = instruction.words()
        if len(words) < 2:
            return
        *sources, target = [_decided(self._value(word, state.scope)) for word in words]
        origin, owner = instruction.flag("from"), instruction.flag("chown")
        stage = "" if origin is None else origin.value
        if stage.isdecimal() and len(stage) < 5 and int(stage) < len(self.made):
            stage = self.made[int(stage)].name
        owned = "" if owner is None else _decided(self._flag(owner, state.scope))
        state.copies.append(Copy(tuple(sources), target, instruction.span, stage, owned))

    def _flag(self, flag: Flag, scope: BuildScope) -> Value[str]:
        written = Text.at(flag.value, flag.value_span)
        return evaluate_word(flag.value, flag.value_span, written, scope, self.dockerfile.escape, json=False)


def _empty(key: Argument) -> Value[str]:
    """Nothing after the `=`: an empty value, at the place where it would stand."""
    at = key.span.end + 1
    return Known("", Span(key.span.path, at, at))


def _decided(value: Value[str]) -> str | Unknown:
    """A text, or why it is not decided; empty where there is none."""
    return value if isinstance(value, Unknown) else "" if isinstance(value, Absent) else value.value
