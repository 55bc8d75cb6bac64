"""The images that a job builds: build-push-action, bake, and `docker build` on a command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.model import image as images
from policyengine.model.nodes import Build, Origin, ShellCommand, Side, Variable
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.platforms.github.expressions import located
from policyengine.repository.discover import join

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyengine.model.image import ImageRef
    from policyengine.model.source import Span


class Drafted(Struct, frozen=True):
    """A build without its id; the job gives it one."""

    tool: str
    span: Span
    context: Value[str]
    dockerfile: Value[str]
    target: Value[str]
    platforms: Value[tuple[str, ...]]
    tags: Value[tuple[ImageRef, ...]]
    push: Value[bool]
    args: tuple[Variable, ...] = ()
    name: str = ""
    written: tuple[str, ...] = field(default=())

    def node(self, build_id: str, job: str) -> Build:
        """The build as a node."""
        return Build(
            id=build_id,
            name=self.name or build_id.rpartition("/")[2],
            side=Side.PIPELINE,
            span=self.span,
            tool=self.tool,
            context=self.context,
            dockerfile=self.dockerfile,
            target=self.target,
            platforms=self.platforms,
            tags=self.tags,
            push=self.push,
            args=self.args,
            job=job,
        )


def path_in(directory: str, path: str) -> str | None:
    """A path relative to the root, `.` for the root itself; None outside it or for what is no path."""
    if "$" in path or "://" in path or path.startswith(("git@", "-")):
        return None
    return join(directory, path.rstrip("/") or ".")


def platforms_of(value: Value[str]) -> Value[tuple[str, ...]]:
    """The platforms of a comma- or line-separated list."""
    match value:
        case Known(text, span, via) if "$" not in text:
            return Known(tuple(part for part in re.split(r"[,\s]+", text) if part), span, via)
        case Known(text, span):
            return Unknown(f"the platforms are {text}", span)
        case Unknown() | Absent():
            return value
        case _:
            return Unknown("the platforms move", value.span)


def tags_of(words: Sequence[str], span: Span) -> Value[tuple[ImageRef, ...]]:
    """The references that tags spell; those with an undecided repository are left out."""
    read = (images.read(located(word, span)) for word in words)
    found = tuple(dict.fromkeys(ref for ref in read if isinstance(ref, images.ImageRef)))
    if found:
        return Known(found, span)
    return Unknown("the tags are not in the files", span) if words else Absent(span)


def of_action(
    uses: str, inputs: Mapping[str, Variable], span: Span, metadata: Mapping[str, Sequence[str]]
) -> Drafted | None:
    """The build of docker/build-push-action, or of one that takes the same inputs.

    `metadata` holds the images of docker/metadata-action by step id.
    """
    if not re.match(r"(?:docker|depot|useblacksmith)/build-push-action@", uses, re.IGNORECASE):
        return None

    def get(name: str) -> Value[str]:
        return inputs[name].value if name in inputs else Absent(span)

    context, dockerfile = places(get("context"), get("file"), span, beside="")
    return Drafted(
        tool="build-push-action",
        span=span,
        context=context,
        dockerfile=dockerfile,
        target=_plain(get("target")),
        platforms=platforms_of(get("platforms")),
        tags=tags_of(_tag_words(get("tags"), metadata), get("tags").span),
        push=push_of(get("push"), get("outputs")),
        args=_arguments(get("build-args")),
    )


_NO_FOLDER = "the build context is not a folder of the tree"


def places(
    context: Value[str], file: Value[str], span: Span, *, directory: str = "", beside: str | None = None
) -> tuple[Value[str], Value[str]]:
    """The context and the Dockerfile of a build relative to the root, as every way to build finds them.

    `context` is read from `directory`, which is it where none is given. The Dockerfile is the given one, read from
    `beside` or, where that is None, from the context; without one it is `Dockerfile` in the context (docker build and
    Bake references).
    """
    match context:
        case Known(written, where, via):
            folder = path_in(directory, written)
            found: Value[str] = Known(folder, where, via) if folder else Unknown(_NO_FOLDER, where, via)
        case Absent():
            folder = path_in(directory, ".")
            found = Known(folder, span) if folder else Unknown(_NO_FOLDER, span)
        case _:
            folder, found = None, Unknown(_NO_FOLDER, context.span)
    base = folder if beside is None else beside
    match file:
        case Known(written, where, via) if base is not None:
            path = path_in(base, written)
            return found, Known(path, where, via) if path else Unknown(f"the Dockerfile is {written}", where, via)
        case Unknown():
            return found, file
        case _ if folder is None or isinstance(file, Known):
            return found, Unknown(_NO_FOLDER, span)
        case _:
            return found, Known("Dockerfile" if folder == "." else f"{folder}/Dockerfile", span)


def _plain(value: Value[str]) -> Value[str]:
    if isinstance(value, Known) and "$" in value.value:
        return Unknown(f"it is {value.value}", value.span)
    if isinstance(value, Known) and not value.value:
        return Absent(value.span)
    return value


def _tag_words(value: Value[str], metadata: Mapping[str, Sequence[str]]) -> list[str]:
    if not isinstance(value, Known):
        return []
    words: list[str] = []
    for word in re.split(r"[,\n]+", value.value):
        match = re.search(r"steps\.([\w-]+)\.outputs\.tags", word)
        if match:
            words.extend(f"{name}:${{steps.{match[1]}}}" for name in metadata.get(match[1], ()))
        elif word.strip():
            words.append(word.strip())
    return words


def push_of(push: Value[str], outputs: Value[str]) -> Value[bool]:
    """Whether a build sends its result to a registry: the input `push`, else what `outputs` says."""
    match push:
        case Known(text, span, via) if text.strip().lower() in ("true", "false"):
            return Known(text.strip().lower() == "true", span, via)
        case Known(text, span):
            return Unknown(f"push is {text}", span)
        case Absent() if isinstance(outputs, Known):
            sends = re.search(r"type=registry|push=true", outputs.value) is not None
            return Known(sends, outputs.span)
        case Absent(span):
            return Absent(span)
        case _:
            return Unknown("push is not known", push.span)


def _arguments(value: Value[str]) -> tuple[Variable, ...]:
    made = []
    for line in value.value.split("\n") if isinstance(value, Known) else ():
        key, equals, text = line.strip().partition("=")
        if key and equals:
            given: Value[str] = Known(text, value.span) if "$" not in text else Unknown(f"it is {text}", value.span)
            made.append(Variable(key, value.span, given, Origin.ARGUMENT))
    return tuple(made)


def of_command(command: ShellCommand, expand: Callable[[str], str]) -> Drafted | None:
    """The build of `docker build`, `docker buildx build`, `docker image build`, `podman build`; else None."""
    layer = command.layers[-1] if command.layers else None
    if layer is None or layer.path != "docker build":
        return None
    span = command.span
    options: dict[str, list[Known[str]]] = {}
    for option in layer.options:
        where = command.words[option.index].span
        if command.words[option.index].text.startswith(f"{option.name}="):
            where = where._replace(start=where.start + len(option.name) + 1)
        options.setdefault(_LONG.get(option.name, option.name), []).append(Known(expand(option.value), where))
    context = command.words[layer.operands[-1]] if layer.operands else None

    def get(name: str) -> Value[str]:
        return options[name][-1] if name in options else Absent(span)

    outputs = get("--output")
    push: Value[bool] = Known(value=True, span=options["--push"][-1].span) if "--push" in options else Absent(span)
    if isinstance(push, Absent) and isinstance(outputs, Known):
        push = push_of(Absent(span), outputs)
    tags = options.get("--tag", [])
    given: Value[str] = (
        Known(expand(context.text), context.span) if context else Unknown("no build context is named", span)
    )
    folder, dockerfile = places(given, get("--file"), span, directory=command.directory, beside=command.directory)
    return Drafted(
        tool="buildx" if "buildx" in command.argv[layer.start : layer.rest] else "docker build",
        span=span,
        context=folder,
        dockerfile=dockerfile,
        target=_plain(get("--target")),
        platforms=platforms_of(get("--platform")),
        tags=tags_of([each.value for each in tags], tags[0].span if tags else span),
        push=push,
        args=tuple(
            Variable(
                key,
                each.span,
                Known(text, each.span) if "$" not in text else Unknown(f"it is {text}", each.span),
                Origin.ARGUMENT,
            )
            for each in options.get("--build-arg", [])
            for key, _, text in [each.value.partition("=")]
        ),
        written=tuple(each.value for each in tags),
    )


_LONG = {"-t": "--tag", "-f": "--file", "-o": "--output", "-m": "--memory"}


def _docker(command: ShellCommand) -> tuple[str, ...]:
    """The words behind `docker` or `docker image` that are no options: `push app:1`."""
    layer = command.layers[-1] if command.layers else None
    if layer is None or layer.path != "docker":
        return ()
    words = tuple(command.argv[index] for index in layer.operands)
    return words[1:] if words[:1] == ("image",) else words


def pushed(commands: Sequence[ShellCommand], expand: Callable[[str], str]) -> set[str]:
    """The references, as written, that `docker push` and `docker tag … && docker push` send to a registry."""
    found: set[str] = set()
    aliases: list[tuple[str, str]] = []
    for command in commands:
        match _docker(command):
            case ("push", *references):
                found.update(map(expand, references))
            case ("tag", source, target, *_):
                aliases.append((expand(source), expand(target)))
    for source, target in reversed(aliases):
        if _named(target, found):
            found.add(source)
    return found


def _named(reference: str, pushes: set[str]) -> bool:
    return any(
        reference == each or reference.startswith(each + ":") or each.startswith(reference + ":") for each in pushes
    )


def sends(draft: Drafted, pushes: set[str]) -> bool:
    """Whether a later `docker push` sends what a build tagged."""
    return any(_named(tag, pushes) for tag in draft.written)


def aliased(commands: Sequence[ShellCommand], expand: Callable[[str], str], written: str) -> list[str]:
    """The further names that `docker tag` gives a reference."""
    return [
        expand(words[2])
        for words in map(_docker, commands)
        if words[:1] == ("tag",) and len(words) > 2 and expand(words[1]) == written
    ]
