"""The images that a job builds: build-push-action, bake, and `docker build` on a command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.model import image as images
from policyengine.model.nodes import Build, Origin, ShellCommand, Side, Variable, Word
from policyengine.model.text import Text
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.github.calls import path_from

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from policyengine.knowledge.commands import Layer
    from policyengine.model.image import ImageRef
    from policyengine.model.source import Span
    from policyengine.platforms.github.expressions import Scope


class Drafted(Struct, frozen=True):
    """A build without its id; the job gives it one."""

    tool: str
    span: Span
    context: Value[str]
    dockerfile: Value[str]
    target: Value[str]
    platforms: Value[tuple[str, ...]]
    tags: Value[tuple[ImageRef | Unknown, ...]]
    push: Value[bool]
    args: tuple[Variable, ...] = ()
    name: str = ""
    written: tuple[Text, ...] = field(default=())

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
    if "://" in path or path.startswith(("git@", "-")):
        return None
    return path_from(directory, path.rstrip("/") or ".", "")


def platforms_of(value: Value[str]) -> Value[tuple[str, ...]]:
    """The platforms of a comma- or line-separated list."""
    match value:
        case Known(text, span, via):
            return Known(tuple(part for part in re.split(r"[,\s]+", text) if part), span, via)
        case Unknown() | Absent():
            return value
        case _:
            return Unknown("the platforms move", value.span)


def tags_of(words: Sequence[Text], span: Span) -> Value[tuple[ImageRef | Unknown, ...]]:
    """The references that tags spell, Unknown those whose repository is not decided."""
    found = tuple(dict.fromkeys(map(images.read, words)))
    if any(isinstance(each, images.ImageRef) for each in found):
        return Known(found, span)
    return Unknown("the tags are not in the files", span) if words else Absent(span)


class NamedImages(Struct, frozen=True):
    """The images that docker/metadata-action names, the tags that it writes out, and whether it computes others."""

    names: tuple[Text, ...]
    tags: tuple[Text, ...]
    computes: bool


def named_images(inputs: Mapping[str, Text]) -> NamedImages:
    """What the inputs of docker/metadata-action name.

    Images are plain names, or `name=…,enable=…`. A tag of `type=raw` is written out, and `latest` comes with those of
    versions unless the flavor says no; the rest is computed, and so is all that the flavor puts something around.
    """
    names: list[Text] = []
    for fields in _lines(inputs.get("images")):
        names += [fields["name"]] if "name" in fields else [part for key, part in fields.items() if key != "enable"]
    flavor = inputs["flavor"].written if "flavor" in inputs else ""
    around = re.search(r"(?:prefix|suffix)=\S", flavor) is not None
    tags: list[Text] = []
    computes = "tags" not in inputs or around
    for fields in _lines(inputs.get("tags")) if not computes else ():
        said = {key: part.written for key, part in fields.items()}
        kind = said.get("type", "raw")
        if said.get("enable") == "false":
            continue
        value = fields.get("value") or next(iter(fields.values()))
        if kind == "raw" and value.search(_TEMPLATE) is None and not {"prefix", "suffix"} & said.keys():
            tags.append(value)
            continue
        computes = True
        if "latest=false" not in flavor and (kind in ("semver", "pep440", "match") or said.get("event") == "tag"):
            tags.append(Text.made("latest", value.place))
    return NamedImages(tuple(names), tuple(tags), computes)


_TEMPLATE = regex(r"\{\{")


def _lines(text: Text | None) -> Iterator[dict[str, Text]]:
    """The fields of each line of comma-separated values; one without a name is its own."""
    for line in map(Text.strip, text.split("\n")) if text is not None else ():
        fields: dict[str, Text] = {}
        for part in map(Text.strip, line.split(",")):
            key, value = part.partition("=")
            if part.written:
                fields[key.written] = part if value is None else value
        if fields:
            yield fields


def of_action(inputs: Mapping[str, Text], span: Span, metadata: Mapping[str, NamedImages]) -> Drafted:
    """The build of docker/build-push-action, or of one that takes the same inputs.

    `metadata` holds what docker/metadata-action names by step id.
    """

    def get(name: str) -> Value[str]:
        return inputs[name].value() if name in inputs else Absent(span)

    context, dockerfile = places(get("context"), get("file"), span, beside="")
    tags = inputs.get("tags")
    return Drafted(
        tool="build-push-action",
        span=span,
        context=context,
        dockerfile=dockerfile,
        target=_given(get("target")),
        platforms=platforms_of(get("platforms")),
        tags=tags_of(_tag_words(tags, metadata), span if tags is None else tags.place),
        push=push_of(get("push"), get("outputs")),
        args=_arguments(inputs.get("build-args")),
    )


def of_unlisted(draft: Drafted, inputs: Collection[str], *, pushes: bool) -> Drafted:
    """The build of an action that is told by its name alone: what its inputs do not say is not known."""
    unknown = Unknown("what the action builds by default is not known", draft.span)
    return replace(
        draft,
        context=draft.context if "context" in inputs else unknown,
        dockerfile=draft.dockerfile if "file" in inputs else unknown,
        platforms=unknown if isinstance(draft.platforms, Absent) else draft.platforms,
        push=Known(value=True, span=draft.span) if pushes and isinstance(draft.push, Absent) else draft.push,
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


def _given(value: Value[str]) -> Value[str]:
    return Absent(value.span) if isinstance(value, Known) and not value.value else value


def _tag_words(tags: Text | None, metadata: Mapping[str, NamedImages]) -> list[Text]:
    words: list[Text] = []
    for word in [part.strip() for line in tags.split("\n") for part in line.split(",")] if tags is not None else ():
        match = re.search(r"steps\.([\w-]+)\.outputs\.tags", word.written)
        if match:
            named = metadata.get(match[1])
            if named is not None:
                given = (*named.tags, word) if named.computes else named.tags
                words.extend(Text.join((one, Text.made(":", word.place), tag)) for one in named.names for tag in given)
        elif word.written:
            words.append(word)
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


def _arguments(given: Text | None) -> tuple[Variable, ...]:
    made = []
    for line in given.split("\n") if given is not None else ():
        key, value = line.strip().partition("=")
        if value is not None and key.written:
            made.append(Variable(key.written, line.place, value.value(), Origin.ARGUMENT))
    return tuple(made)


def of_command(command: ShellCommand, scope: Scope, assigned: Mapping[str, Sequence[str]] = {}) -> Drafted | None:
    """The build of `docker build`, `docker buildx build`, `podman build`, `gcloud builds submit`, `az acr build`.

    `assigned` are the texts that the script gives its variables. None for another command, and for one that runs what a
    configuration of Cloud Build says.
    """
    layer = command.layers[-1] if command.layers else None
    if layer is None or layer.path not in _BUILDERS:
        return None
    span, names = command.span, _BUILDERS[layer.path]
    options: dict[str, list[Text]] = {}
    for option in layer.options:
        word = command.words[option.index]
        where = word.span
        if word.text.startswith(f"{option.name}="):
            where = where._replace(start=where.start + len(option.name) + 1)
        given = scope.word(Word(option.value, where, word.literal))
        options.setdefault(names.get(option.name, option.name), []).append(given)
    if "--config" in options and layer.path == CLOUD_BUILD:
        return None

    maybe = _maybe_options(command, layer, assigned)

    def get(name: str) -> Value[str]:
        return options[name][-1].value() if name in options else maybe or Absent(span)

    outputs = get("--output")
    push: Value[bool] = maybe or Absent(span)
    away = layer.path != "docker build"
    if "--push" in options or (away and "--no-push" not in options):
        push = Known(value=True, span=options["--push"][-1].place if "--push" in options else span)
    elif isinstance(outputs, Known):
        push = push_of(Absent(span), outputs)
    tags = options.get("--tag", [])
    if "--registry" in options:
        parts = (options["--registry"][-1], Text.made(".azurecr.io/", span))
        tags = [Text.join((*parts, each)) for each in tags]
    context: Value[str] = Absent(span) if layer.path == CLOUD_BUILD else Unknown("no build context is named", span)
    if layer.operands:
        context = scope.word(command.words[layer.operands[-1]]).value()
    beside = None if away else command.directory
    folder, dockerfile = places(context, get("--file"), span, directory=command.directory, beside=beside)
    buildx = "buildx" in command.argv[layer.start : layer.rest]
    return Drafted(
        tool=layer.path if away else "buildx" if buildx else "docker build",
        span=span,
        context=folder,
        dockerfile=dockerfile,
        target=_given(get("--target")),
        platforms=platforms_of(get("--platform")),
        tags=tags_of(tags, tags[0].place) if tags else maybe or Absent(span),
        push=push,
        args=tuple(
            Variable(
                key.written,
                each.place,
                scope.value(scope.variables.get(key.written, Unknown("the environment gives it", each.place)))
                if value is None
                else value.value(),
                Origin.ARGUMENT,
            )
            for each in options.get("--build-arg", [])
            for key, value in [each.partition("=")]
        ),
        written=tuple(tags),
    )


def _maybe_options(command: ShellCommand, layer: Layer, assigned: Mapping[str, Sequence[str]]) -> Unknown | None:
    """Why a command may have more options than it shows: `${X:+--push}`, `"${options[@]}"`, `$FLAGS .`.

    Not by a variable that the script only gives options to which tell nothing of the image.
    """
    for index in layer.operands:
        word = command.words[index]
        whole = _WHOLE.fullmatch(word.text) if not word.literal else None
        given = assigned.get(word.text.strip("${}"), ()) if whole is not None else ()
        if given and all(map(_BESIDE_IMAGE.fullmatch, given)):
            continue
        if whole is not None and (index != layer.operands[-1] or whole[1] is not None):
            return Unknown(f"'{word.text}' may hold further options", word.span)
    return None


_WHOLE = regex(r"\$(?:\w+|\{\w+(\[[@*]\]|:?\+[^{}]*)?\})")
_BESIDE_IMAGE = regex(r"(?:\s*--(?:cache-from|cache-to|label|progress|pull|no-cache|quiet)(?:[= ][^\s-]\S*)?)*\s*")
"""Options of a build that tell neither what is built of nor what becomes of it."""
_LONG = {"-t": "--tag", "-f": "--file", "-o": "--output", "-m": "--memory"}
CLOUD_BUILD = "gcloud builds submit"
"""The command that hands a build to Cloud Build."""
_BUILDERS = {
    "docker build": _LONG,
    CLOUD_BUILD: {"-t": "--tag"},
    "az acr build": {"-t": "--tag", "--image": "--tag", "-f": "--file", "-r": "--registry"},
}
"""The commands that build an image, and what their options are called by Docker."""


def _docker(command: ShellCommand) -> tuple[Word, ...]:
    """The words behind `docker` or `docker image` that are no options: `push app:1`."""
    layer = command.layers[-1] if command.layers else None
    if layer is None or layer.path != "docker":
        return ()
    words = tuple(command.words[index] for index in layer.operands)
    return words[1:] if words and words[0].text == "image" else words


def on_image(command: ShellCommand) -> tuple[Word, ...]:
    """The words of a command that does something with an image that is built: `push app:1`, `tag app:1 app:latest`."""
    words = _docker(command)
    return words if words and words[0].text in ("push", "tag") else ()


OnImage = tuple[str, tuple[Text, ...]]
"""What is done with images that are built, and their references: `push`, `tag`."""


def pushed(done: Sequence[OnImage]) -> set[str]:
    """The references, as written, that `docker push` and `docker tag … && docker push` send to a registry."""
    found: set[str] = set()
    aliases: list[tuple[str, str]] = []
    for what, references in done:
        if what == "push":
            found.update(each.written for each in references)
        elif len(references) > 1:
            aliases.append((references[0].written, references[1].written))
    for own, further in reversed(aliases):
        if _named(further, found):
            found.add(own)
    return found


def _named(reference: str, pushes: set[str]) -> bool:
    return any(
        reference == each or reference.startswith(each + ":") or each.startswith(reference + ":") for each in pushes
    )


def sends(draft: Drafted, pushes: set[str]) -> bool:
    """Whether a later `docker push` sends what a build tagged."""
    return any(_named(tag.written, pushes) for tag in draft.written)


def aliased(done: Sequence[OnImage], reference: Text) -> list[Text]:
    """The further names that `docker tag` gives a reference."""
    return [given[1] for what, given in done if what == "tag" and _same(given, reference)]


def _same(given: tuple[Text, ...], reference: Text) -> bool:
    return len(given) > 1 and given[0].written.removesuffix(":latest") == reference.written.removesuffix(":latest")
