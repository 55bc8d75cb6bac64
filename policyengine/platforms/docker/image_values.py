"""Words of a Dockerfile → located values: variables replaced, ports counted, paths joined."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.image import ImageRef, engine_of
from policyengine.model.nodes import Command, Healthcheck, Port
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, Via
from policyengine.patterns import regex
from policyengine.syntax.dockerfile.words import LONGEST, WordError, expand

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.model.text import Text
    from policyengine.syntax.dockerfile import Instruction

_PORT = regex(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?\Z", re.IGNORECASE)
_LEADING_NUMBER = regex(r"\d{1,4}")
_MOST_PORTS = 1000
_LONGEST_HISTORY = 20


class Budget(Struct):
    """How many characters the words of one Dockerfile may still expand to."""

    left: int = 8_000_000


class BuildScope(Mapping[str, "str | None"]):
    """The variables that a word may name, as `expand` asks for them: None is set to something unknown.

    `open` is why a variable that is not listed may be set all the same (every name then is, to something unknown);
    `open_names` are the names that the base image is known to set.
    """

    def __init__(
        self,
        variables: dict[str, Value[str]] | None = None,
        open: str = "",  # noqa: A002 - said of the scope
        open_names: frozenset[str] = frozenset(),
        budget: Budget | None = None,
    ) -> None:
        self.variables = {} if variables is None else variables
        self.open = open
        self.open_names = open_names
        self.budget = budget or Budget()

    def define(self, name: str, value: Value[str]) -> None:
        """Set a variable; an ARG without any value is declared, but unset."""
        if isinstance(value, Absent):
            self.variables.pop(name, None)
        else:
            self.variables[name] = value

    def __contains__(self, name: object) -> bool:
        return bool(self.open) or name in self.variables or name in self.open_names

    def __getitem__(self, name: str) -> str | None:
        value = self.variables.get(name)
        return value.value if isinstance(value, Known | Floating) else None

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def __len__(self) -> int:
        return len(self.variables)


def evaluate_word(text: str, span: Span, content: Text, scope: BuildScope, escape: str, *, json: bool) -> Value[str]:
    """A word with its variables replaced; Unknown with the reason of the first variable that is."""
    if "$" not in text and escape not in text and "'" not in text and '"' not in text:
        return Known(text, span)
    if scope.budget.left <= 0:
        return Unknown("the words of the Dockerfile expand to too much", span)
    try:
        expanded = expand(text, scope, escape=escape)
    except WordError as error:
        scope.budget.left -= len(text) + 1_000
        if error.costly:
            scope.budget.left -= LONGEST
        return Unknown(f"the word cannot be expanded: {error.message}", span)
    scope.budget.left -= len(expanded.text)
    taken = [reference for reference in expanded.references if reference.taken]
    exact = not json or content.written == text
    steps = []
    for reference in taken:
        place = content.span(reference.start, reference.end) if exact else span
        steps.append(Via(content.written[reference.start : reference.end] if exact else f"${reference.name}", place))
    if expanded.unknown:
        name = expanded.unknown[0]
        cause = scope.variables.get(name)
        if isinstance(cause, Unknown):
            return Unknown(cause.reason, cause.span, (*steps[:1], *cause.via)[:_LONGEST_HISTORY])
        return Unknown(scope.open or f"the value of '{name}' is set by the base image", span)
    if len(taken) == 1 and len(expanded.references) == 1:
        origin = scope.variables.get(taken[0].name)
        whole = taken[0].end - taken[0].start == len(text.strip('"'))
        if (
            origin is not None
            and whole
            and expanded.text == scope[taken[0].name]
            and origin.span.end > origin.span.start
        ):
            return Known(expanded.text, origin.span, (*steps, *origin.via)[:_LONGEST_HISTORY])
    definitions = [
        Via(reference.name, scope.variables[reference.name].span)
        for reference in taken
        if reference.name in scope.variables
    ]
    return Known(expanded.text, span, tuple(dict.fromkeys(definitions))[:_LONGEST_HISTORY])


def postgres_major(scope: BuildScope, base: Known[ImageRef]) -> None:
    """The official Postgres images set PG_MAJOR, which Dockerfiles use in package names."""
    engine = engine_of(base.value, base.span)
    if engine is None or not engine.certain or engine.name != "postgres":
        return
    if isinstance(engine.version, Known | Floating):
        scope.variables.setdefault("PG_MAJOR", Known(str(engine.version.value.major), base.span, base.via))


def dotnet_user(scope: BuildScope, base: Known[ImageRef]) -> None:
    """Microsoft's .NET images from 8 on set APP_UID to the uid of their user `app`, for `USER $APP_UID`."""
    major = _LEADING_NUMBER.match(base.value.effective_tag or "")
    if base.value.name.startswith("mcr.microsoft.com/dotnet/") and major is not None and int(major[0]) >= 8:
        scope.variables.setdefault("APP_UID", Known("1654", base.span, base.via))


def joined(before: Value[str], value: Value[str]) -> Value[str]:
    """The directory of a WORKDIR: cleaned, and a relative one joined to the one before."""
    if not isinstance(value, Known):
        return value
    if value.value.startswith("/"):
        path = "/" + posixpath.normpath(value.value).lstrip("/")
        span = value.span
        if span.end - span.start == len(value.value) and value.value.startswith(path):
            span = span._replace(end=span.start + len(path))
        return Known(path, span, value.via)
    if isinstance(before, Known):
        path = posixpath.normpath(posixpath.join("/", before.value, value.value))
        return Known(path, value.span, (*value.via, Via(f"WORKDIR {before.value}", before.span)))
    reason = before.reason if isinstance(before, Unknown) else "the working directory before it is not known"
    return Unknown(reason, value.span, value.via)


def ports_of(value: Value[str], span: Span) -> tuple[Port, ...]:
    """The ports that a word of EXPOSE names: `8080`, `8080/udp`, `3000-3005`."""
    nowhere = Absent(span)
    if not isinstance(value, Known):
        reason = value.reason if isinstance(value, Unknown) else "the port is not known"
        return (Port(Unknown(reason, span), nowhere, span),)
    found: list[Port] = []
    for text in value.value.split():
        match = _PORT.match(text)
        if match is None:
            found.append(Port(Unknown(f"{text!r} is no port", span), nowhere, span))
            continue
        first = int(match[1])
        last = int(match[2] or first)
        protocol = (match[3] or "tcp").lower()
        whole = value.span
        if match[3] and whole.end - whole.start == len(text):
            whole = whole._replace(end=whole.end - len(match[3]) - 1)
        found += (
            Port(Known(number, whole, value.via), nowhere, span, protocol)
            for number in range(first, min(last, first + _MOST_PORTS) + 1)
        )
    return tuple(found)


def port_key(port: Port) -> tuple[object, object]:
    """What makes two EXPOSE entries one port."""
    return (port.target.value if isinstance(port.target, Known) else port.span, port.protocol)


def command_of(instruction: Instruction) -> Value[Command]:
    """The command of a CMD or ENTRYPOINT; Absent when it is empty."""
    if instruction.json is not None:
        if not instruction.json:
            return Absent(instruction.keyword_span)
        first, last = instruction.json[0].span, instruction.json[-1].span
        return Known(Command(tuple(word.text for word in instruction.json)), first.cover(last))
    argument = instruction.argument
    if argument is None:
        return Absent(instruction.keyword_span)
    return Known(Command((argument.text,), True), argument.span)  # noqa: FBT003  shell form


def healthcheck_of(instruction: Instruction) -> Healthcheck | None:
    """The check that a HEALTHCHECK asks for, or None when it is incomplete."""
    argument = instruction.argument
    if argument is None:
        return None
    kind = argument.text.split(maxsplit=1)[0]
    if kind.upper() == "NONE":
        return Healthcheck(Absent(instruction.keyword_span), instruction.span, disabled=True)
    test: Value[Command]
    if instruction.json is not None:
        if not instruction.json:
            return None
        place = instruction.json[0].span.cover(instruction.json[-1].span)
        test = Known(Command(tuple(word.text for word in instruction.json)), place)
    else:
        content = argument.content.cut(len(kind)).lstrip()
        if not content.written:
            return None
        test = Known(Command((content.written,), True), content.place)  # noqa: FBT003  shell form

    def time(name: str) -> Value[str] | None:
        flag = instruction.flag(name)
        return None if flag is None else Known(flag.value, flag.value_span)

    return Healthcheck(
        test=test,
        span=instruction.span,
        interval=time("interval"),
        timeout=time("timeout"),
        retries=time("retries"),
        start_period=time("start-period"),
    )
