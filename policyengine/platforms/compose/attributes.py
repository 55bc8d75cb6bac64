"""Attributes of a Compose service as values of the graph: what files do not decide is Unknown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.model import image as images
from policyengine.model.command import Word
from policyengine.model.endpoint import OPEN, endpoints_around
from policyengine.model.nodes import (
    Attachment,
    Command,
    Dependency,
    EnvFile,
    Healthcheck,
    Origin,
    Port,
    Variable,
)
from policyengine.model.quantity import mebibytes
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, Via, known
from policyengine.platforms.compose import words
from policyengine.platforms.compose.environment import pairs
from policyengine.platforms.compose.located import Branch, Items, Leaf, Node, go_text
from policyengine.syntax.interpolation import unset

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.image import ImageRef
    from policyengine.model.source import Span
    from policyengine.platforms.compose.environment import Assigned, ServiceEnvironment, UsedEnvFile


def down(node: Node | None, *keys: str) -> Node | None:
    """What stands below a mapping under some keys, or None."""
    for key in keys:
        node = node.get(key) if isinstance(node, Branch) else None
    return node


def first_of(*nodes: Node | None) -> Node | None:
    """The first that is given."""
    return next((node for node in nodes if node is not None), None)


def text_value(node: Node | None, at: Span) -> Value[str]:
    """A scalar attribute as text; Absent at `at` where it is not given."""
    if not isinstance(node, Leaf) or node.value is None:
        return Absent(at)
    return node.unknown or Known(node.written.written, node.span, node.via)


def optional(node: Node | None, at: Span) -> Value[str] | None:
    """A scalar attribute as text; None where it is not given."""
    value = text_value(node, at)
    return None if isinstance(value, Absent) else value


def flag(node: Node | None) -> Value[bool] | None:
    """A boolean attribute; None where it is not given."""
    if not isinstance(node, Leaf) or node.value is None:
        return None
    if isinstance(node.value, bool):
        return Known(node.value, node.span, node.via)
    return node.unknown or Unknown(f"{go_text(node.value)!r} is no boolean", node.span, node.via)


def count(node: Node | None) -> Value[int] | None:
    """An integer attribute; None where it is not given."""
    if not isinstance(node, Leaf) or node.value is None:
        return None
    if isinstance(node.value, int):
        return Known(int(node.value), node.span, node.via)
    return node.unknown or Unknown(f"{go_text(node.value)!r} is no number", node.span, node.via)


def image_value(node: Node | None, at: Span) -> Value[ImageRef]:
    """The image; Floating where the files leave open a part of it, such as the tag of `postgres:${TAG}`."""
    if not isinstance(node, Leaf) or node.value is None or not node.written.written:
        return Absent(at)
    reference = images.read(node.written)
    if isinstance(reference, Unknown):
        return Unknown(reference.reason, node.span, node.via)
    return Floating(reference, node.span, node.via) if reference.undecided else Known(reference, node.span, node.via)


def platforms_of(build: Branch) -> tuple[Value[tuple[str, ...]], tuple[Span, ...]]:
    """The platforms of a build, and the place of each."""
    node = build.get("platforms")
    if not isinstance(node, Items) or not node.items:
        return Absent(build.span), ()
    leaves = [item for item in node.items if isinstance(item, Leaf)]
    spans = tuple(leaf.span for leaf in leaves)
    for leaf in leaves:
        if leaf.unknown is not None:
            return leaf.unknown, spans
    return Known(tuple(str(leaf.value) for leaf in leaves), node.span, node.via), spans


def command_value(node: Node | None, at: Span) -> Value[Command]:
    """A command as the list that Compose makes of it: a string is split into words, never given to a shell."""
    if node is None or (isinstance(node, Leaf) and node.value is None):
        return Absent(at)
    if isinstance(node, Leaf):
        text = text_value(node, at)
        if not isinstance(text, Known):
            return text if isinstance(text, Unknown) else Absent(at)
        split = words.split(text.value)
        if split is None:
            return Unknown("a command line whose quotes do not close", node.span, node.via)
        return Known(Command(split), text.span, text.via)
    leaves = [item for item in node.items if isinstance(item, Leaf)] if isinstance(node, Items) else []
    via = tuple(dict.fromkeys(step for leaf in leaves for step in leaf.via)) or node.via
    for leaf in leaves:
        if leaf.unknown is not None:
            return leaf.unknown
    return Known(Command(tuple(go_text(leaf.value) for leaf in leaves)), node.span, via)


def command_words(node: Node | None) -> tuple[Word, ...]:
    """The words of a command, each at its place; what the files leave open of one stands as it is written."""
    if isinstance(node, Items):
        leaves = [item for item in node.items if isinstance(item, Leaf)]
        return tuple(Word(leaf.written.written, leaf.span, leaf.unknown is None) for leaf in leaves)
    if not isinstance(node, Leaf) or node.value is None:
        return ()
    text, at = node.written, 0
    found: list[Word] = []
    for word in words.split(text.written) or ():
        start = text.written.find(word, at)
        part = text.cut(start, start + len(word)) if start >= 0 else text  # one that is written with a backslash
        found.append(Word(word, part.place, part.decided))
        at = start + len(word) if start >= 0 else at
    return tuple(found)


def variable(held: Assigned) -> Variable:
    """A variable, a build argument or a label as a node's fact."""
    origin = Origin.ENV_FILE if held.from_file else Origin.ENVIRONMENT
    value: Value[str]
    if held.text is None:
        step = Via(held.key, held.key_span)
        value = replace(unset(held.key, held.key_span), via=(step,))
    else:
        value = replace(held.text.value(), span=held.span)
    around = () if held.text is None or held.text.decided else endpoints_around(held.text.masked(OPEN))
    return Variable(held.key, held.key_span, value, origin, endpoints=around)


def gap(environment: ServiceEnvironment) -> Unknown | None:
    """Why the environment may hold more than its variables: a required env file that is not there, or a lost line."""
    for file in environment.files:
        if not file.found and file.required:
            return Unknown(f"the env file '{file.path}' is not among the files", file.entry.span, file.entry.via)
        if file.lost is not None:
            return Unknown(f"a malformed line of an env file: {file.lost.message}", file.lost.span, file.entry.via)
    return None


def env_file(file: UsedEnvFile) -> EnvFile:
    """An env file as a node's fact."""
    return EnvFile(file.path, file.entry.span, file.required, file.found, file.stand_in)


def env_file_span(node: Node | None) -> Span | None:
    """Where `env_file` stands."""
    return node.span if node is not None else None


def ports(node: Node | None) -> Iterator[Port]:
    """The ports that a service publishes."""
    for item in node.items if isinstance(node, Items) else ():
        if not isinstance(item, Branch):
            continue
        target, published = item.get("target"), item.get("published")
        span = item.span
        first = _number(target, span)
        yield Port(
            target=first,
            published=Unknown("Docker chooses a free port of the host", span)
            if published is None
            else _number(published, span),
            span=span,
            protocol=_given(item.get("protocol"), "tcp"),
            host_ip=_given(item.get("host_ip"), ""),
        )


def _given(node: Node | None, default: str) -> str | Unknown:
    """An attribute as text, or why it is not decided; `default` where it is not given."""
    return (node.unknown or go_text(node.value)) if isinstance(node, Leaf) else default


def _number(node: Node | None, at: Span) -> Value[int]:
    if not isinstance(node, Leaf) or node.value is None:
        return Absent(at)
    if node.unknown is not None:
        return node.unknown
    text = go_text(node.value)
    if not text.isdecimal():
        return Unknown(f"{text!r} is a range of ports", node.span, node.via)
    return Known(int(text), node.span, node.via)


def exposed(node: Node | None) -> Iterator[Port]:
    """The ports that a service only exposes."""
    for item in node.items if isinstance(node, Items) else ():
        if isinstance(item, Leaf):
            number, _, protocol = go_text(item.value).partition("/")
            target: Value[int] = Unknown(f"{number!r} is a range of ports", item.span, item.via)
            if item.unknown is not None:
                target, protocol = item.unknown, ""
            elif number.isdecimal():
                target = Known(int(number), item.span, item.via)
            yield Port(target, Absent(item.span), item.span, protocol or "tcp")


def attachments(node: Node | None, networks: Node | None) -> tuple[Attachment, ...]:
    """The networks that a service is attached to."""
    found = []
    for name, entry in node.entries.items() if isinstance(node, Branch) else ():
        aliases = entry.node.get("aliases") if isinstance(entry.node, Branch) else None
        network = networks.get(name) if isinstance(networks, Branch) else None
        external = network.get("external") if isinstance(network, Branch) else None
        found.append(
            Attachment(name, entry.key, names(aliases), external=isinstance(external, Leaf) and external.value is True)
        )
    return tuple(found)


def names(node: Node | None) -> tuple[str, ...]:
    """The decided texts of a list, or of the one scalar."""
    leaves = node.items if isinstance(node, Items) else (node,)
    decided = (leaf for leaf in leaves if isinstance(leaf, Leaf) and leaf.unknown is None)
    return tuple(go_text(leaf.value) for leaf in decided if leaf.value is not None)


def hostnames(service: Branch, name: str, linked: Iterable[Node]) -> tuple[str, ...]:
    """The further names under which others reach a service; `linked` are the `links` of all of its project."""
    found = [each for key in ("container_name", "hostname") for each in names(service.get(key))]
    links = (link.partition(":") for node in linked for link in names(node))
    return tuple(dict.fromkeys([*found, *(alias for target, _, alias in links if alias and target == name)]))


def extra_hosts(node: Node | None) -> tuple[str, ...]:
    """The host names that a service knows besides."""
    if isinstance(node, Branch):
        return tuple(node.entries)
    return tuple(re.split(r"[=:]", text, maxsplit=1)[0] for text in names(node)) if node is not None else ()


def dependencies(node: Node | None) -> tuple[Dependency, ...]:
    """What a service waits for."""
    found = []
    for name, entry in node.entries.items() if isinstance(node, Branch) else ():
        condition = entry.node.get("condition") if isinstance(entry.node, Branch) else None
        text = go_text(condition.value) if isinstance(condition, Leaf) else "service_started"
        found.append(Dependency(name, entry.key, text))
    return tuple(found)


def healthcheck(node: Node | None, at: Span) -> Healthcheck | None:
    """The health check, or None where none is given."""
    if not isinstance(node, Branch):
        return None
    test_node = node.get("test")
    disable = node.get("disable")
    disabled = isinstance(disable, Leaf) and disable.value is True
    test: Value[Command] = Absent(node.span)
    if isinstance(test_node, Leaf):
        text = text_value(test_node, node.span)
        if isinstance(text, Known):
            test = Known(Command((text.value,), shell=True), text.span, text.via)
        elif isinstance(text, Unknown):
            test = text
    elif isinstance(test_node, Items):
        given = command_value(test_node, node.span)
        test = given
        if isinstance(given, Known):
            first, rest = given.value.words[:1], given.value.words[1:]
            disabled = disabled or first == ("NONE",)
            test = Known(Command(rest, shell=first == ("CMD-SHELL",)), given.span, given.via)
    return Healthcheck(
        test=test,
        span=node.span,
        interval=optional(node.get("interval"), at),
        timeout=optional(node.get("timeout"), at),
        retries=optional(node.get("retries"), at),
        start_period=optional(node.get("start_period"), at),
        disabled=disabled,
    )


def kernel(service: Branch) -> Iterator[Variable]:
    """What a service asks of the kernel, in the words of the node."""
    shared = optional(service.get("shm_size"), service.span)
    if shared is not None:
        yield Variable("shm_size", shared.span, _in_mebibytes(shared))
    for key in ("cap_add", "cap_drop"):
        node = service.get(key)
        for leaf in node.items if isinstance(node, Items) else ():
            if isinstance(leaf, Leaf):
                name = go_text(leaf.value).upper().removeprefix("CAP_")
                yield Variable(f"{key}.{name}", leaf.span, leaf.unknown or Known("true", leaf.span, leaf.via))
    limits, controls = service.get("ulimits"), service.get("sysctls")
    for name, entry in limits.entries.items() if isinstance(limits, Branch) else ():
        told = [entry.node] if isinstance(entry.node, Leaf) else [down(entry.node, "soft"), down(entry.node, "hard")]
        texts = [text_value(each, entry.key) for each in told]
        gap = next((each for each in texts if isinstance(each, Unknown)), None)
        shown = ":".join(known(each, "") for each in (*texts, *texts)[:2])
        yield Variable(f"ulimits.{name}", entry.key, gap or Known(shown, entry.node.span))
    for each in pairs(controls).values():
        yield replace(variable(each), key=f"sysctls.{each.key}")


def _in_mebibytes(text: Value[str]) -> Value[str]:
    amount = mebibytes(text.value, plain="b") if isinstance(text, Known) else None
    return text if amount is None else Known(f"{amount:g}", text.span, text.via)
