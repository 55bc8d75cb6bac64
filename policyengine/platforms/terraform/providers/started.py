"""The containers that a machine's start script runs by itself: `docker run` in the spelling of a container definition.

Source: https://docs.docker.com/reference/cli/docker/container/run/, read on 2026-11-30.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.model.text import Text
from policyengine.model.value import Known, Unknown
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.sections import ObjectSection
from policyengine.platforms.terraform.language.values import Composite, List, Object, Tree
from policyengine.syntax import shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.knowledge.programs import Layer
    from policyengine.model.source import Span

_VARIABLE = regex(r"\$\{?([A-Za-z_]\w*)\}?\Z")
_PORT = regex(r"(?:.*:)?(\d+)(?:/(tcp|udp))?\Z")


def started(script: Text) -> Iterator[tuple[ObjectSection, bool]]:
    """The containers of a script in order, and whether each stays: what ends with its command does not."""
    given: dict[str, Text] = {}
    for command in shell.read(script).commands:
        words = [_put(word.content, given) for word in command.words]
        if not words:
            given |= {each.name: _put(each.value.content, given) for each in command.assignments}
        layer = next((each for each in command.read().layers if each.path == "docker run"), None) if words else None
        if layer is not None and layer.operands:
            names = {option.name for option in layer.options}
            stays = bool(names & {"-d", "--detach", "--restart"}) or any(name.startswith("-d") for name in names)
            yield ObjectSection(_definition(words, layer, command.span), command.span), stays


def _put(text: Text, given: Mapping[str, Text]) -> Text:
    """A word with the variables that the script set before."""
    if text.decided:
        return text
    found: list[Text] = []
    at = 0
    for piece in text.pieces:
        name = _VARIABLE.match(piece.text) if piece.unknown is not None else None
        found.append(
            given.get(name[1], text.cut(at, at + len(piece.text))) if name else text.cut(at, at + len(piece.text))
        )
        at += len(piece.text)
    return Text.join(found)


def _definition(words: Sequence[Text], layer: Layer, span: Span) -> Object:
    image = layer.operands[0]
    entries: dict[str, Tree] = {"image": _tree(words[image])}
    if len(words) > image + 1:
        entries["command"] = List(tuple(map(_tree, words[image + 1 :])), span)
    variables: list[Tree] = []
    ports: list[Tree] = []
    gap: Unknown | None = None
    for option in layer.options:
        word = words[option.index]
        value = word.cut(word.written.rfind(option.value)) if option.value else word
        match option.name:
            case "--name":
                entries["name"] = _tree(value)
            case "--entrypoint":
                entries["entryPoint"] = List((_tree(value),), span)
            case "-u" | "--user":
                entries["user"] = _tree(value)
            case "-e" | "--env":
                variables.append(_variable(value, word.place))
            case "--env-file":
                gap = Unknown(f"the env file '{value.written}' is on the machine", word.place)
            case "-p" | "--publish" if port := _PORT.match(value.written):
                target = Known(int(port[1]), word.place)
                ports.append(
                    Object({"containerPort": target, "protocol": Known(port[2] or "tcp", word.place)}, word.place)
                )
            case "--read-only" | "--privileged":
                field = "readonlyRootFilesystem" if option.name == "--read-only" else "privileged"
                entries[field] = Known(option.value != "false", word.place)
            case "--init":
                entries["linuxParameters"] = Object(
                    {"initProcessEnabled": Known(value=True, span=word.place)}, word.place
                )
    entries["environment"] = List(tuple(variables), span, gap=gap)
    entries["portMappings"] = List(tuple(ports), span)
    return Object(entries, span)


def _variable(text: Text, place: Span) -> Object:
    name, value = text.partition("=")
    held = _tree(value) if value is not None else Unknown("the machine's own variable", place)
    return Object({"name": _tree(name), "value": held}, place)


def _tree(text: Text) -> Tree:
    """A text as a value whose open parts are what they are in the text."""
    parts = tuple(
        Known(piece.text, piece.span, piece.via)
        if piece.unknown is None
        else replace(piece.unknown, via=(*piece.via, *piece.unknown.via))
        for piece in text.pieces
    )
    return parts[0] if len(parts) == 1 else Composite(parts, text.place)
