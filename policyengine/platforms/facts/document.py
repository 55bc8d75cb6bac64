"""The document of facts, version 1: services and datastores of one side, as JSON. Its schema is `facts.schema.json`.

A fact is `{"known": …}`, `{"floating": …}` or `{"unknown": "why"}`, with the place `at` which it stands in the
repository that it comes from; what nothing is said of is left out. A variable has its value where that is known, short,
and no secret by its name, its marking or its form.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from policyengine.model import image as images
from policyengine.model import nodes
from policyengine.model.graph import Choice, Edge, EdgeKind
from policyengine.model.nodes import Command, Healthcheck, Origin, Port, Role, Side, Variable
from policyengine.model.nodes.container import EXPORTED
from policyengine.model.source import ReadError, Source, Span, UsageError
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, Via
from policyengine.platforms import Lowered
from policyengine.repository import discover
from policyengine.repository.decoding import decode
from policyengine.syntax import json
from policyengine.syntax.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from policyengine.model.graph import Graph
    from policyengine.repository.files import Files
    from policyengine.syntax.tree import Document

VERSION = 1
_KINDS: dict[str, type[nodes.Datastore]] = {
    "database": nodes.Database,
    "cache": nodes.Cache,
    "search": nodes.Search,
    "queue": nodes.Queue,
    "bucket": nodes.Bucket,
}
_SERVICE = (
    "image",
    "entrypoint",
    "command",
    "user",
    "platform",
    "architecture",
    "privileged",
    "read_only",
    "init",
    "stop_grace_period",
    "cpus",
    "memory",
    "essential",
    "count",
)
_STORE = (
    "engine",
    "version",
    "image",
    "database_name",
    "port",
    "auto_minor_upgrade",
    "family",
    "vector",
    "transit_encryption",
    "auth",
    "cluster_mode",
)
_REPOSITORY = ("repository", "immutable")
_LONGEST = 64
"""Characters of a value that travels: modes, time zones, names of drivers and numbers are short."""

_DIGITS = 10
"""A number has fewer; Python reads none of over 4,300."""

_PARTS = ("registry", "repository", "tag", "digest")
"""The parts of a reference to an image; null is one that is not decided."""
_FOUND_IN = ("engine", "version", "image", "entrypoint", "command", "user")
"""What a node always has, if only as absent."""


# --- writing


class Shown(Struct, frozen=True):
    """What a document may say: `where` tells a place as `path:line:column`, `public` whether a value is no secret."""

    where: Callable[[Span], str]
    public: Callable[[Variable, str], bool]


def export(graph: Graph, side: Side, shown: Shown) -> dict[str, object]:
    """The services, datastores and image repositories of a side, and what runs migrations there."""
    reached: dict[str, list[dict[str, str]]] = {}
    for edge in graph.edges:
        if edge.kind is EdgeKind.CONNECTS:
            reached.setdefault(edge.source, []).append({"to": edge.target, "by": edge.reason})
    services = [
        _service(each, shown) | {"connects": reached.get(each.id, [])} for each in graph.all(nodes.Service, side=side)
    ]
    stores = [_store(each, shown) for each in graph.all(nodes.Datastore, side=side)]
    made: dict[str, object] = {"version": VERSION, "side": side.value, "services": services, "datastores": stores}
    repositories = [
        {"id": each.id, "name": each.name, "at": shown.where(each.span)} | _facts(each, _REPOSITORY, shown.where)
        for each in graph.all(nodes.Repository, side=side)
    ]
    runners = [
        {"id": each.id, "name": each.name, "at": shown.where(each.span), "tool": each.tool, "directory": each.directory}
        | _facts(each, ("hashed",), shown.where)
        for each in graph.all(nodes.MigrationRunner, side=side)
    ]
    modules = [
        {"id": each.id, "name": each.name, "at": shown.where(each.span)}
        for each in graph.all(nodes.UnreadModule, side=side)
    ]
    more = {"repositories": repositories, "migration_runners": runners, "unread_modules": modules}
    return made | {name: each for name, each in more.items() if each}


def _service(service: nodes.Service, shown: Shown) -> dict[str, object]:
    where = shown.where
    made: dict[str, object] = {
        "id": service.id,
        "name": service.name,
        "at": where(service.span),
        "role": service.role.value,
        "group": service.group,
        "noun": service.noun,
        "launch": service.launch,
        "inherits_healthcheck": service.inherits_healthcheck,
        "hostnames": list(service.hostnames),
    }
    made |= _facts(service, _SERVICE, where)
    made["ports"] = [
        {"protocol": each.protocol if isinstance(each.protocol, str) else "tcp"}
        | _facts(each, ("target", "published"), where)
        for each in service.ports
    ]
    if service.healthcheck is not None:
        made["healthcheck"] = {"disabled": service.healthcheck.disabled} | _facts(service.healthcheck, ("test",), where)
    made["variables"] = [_variable(each, shown) for each in service.environment]
    if service.environment_gap is not None:
        made["variables_unknown"] = service.environment_gap.reason
    return made


def _variable(variable: Variable, shown: Shown) -> dict[str, object]:
    made: dict[str, object] = {
        "name": variable.key,
        "from": variable.origin.value,
        "at": shown.where(variable.key_span),
    }
    if variable.references:
        made["references"] = list(variable.references)
    match variable.value:
        case Known(text) if len(text) <= _LONGEST and shown.public(variable, text):
            made["value"] = {"known": text, "at": shown.where(variable.value.span)}
    return made


def _store(store: nodes.Datastore, shown: Shown) -> dict[str, object]:
    where = shown.where
    kind = next(name for name, each in _KINDS.items() if isinstance(store, each))
    made: dict[str, object] = {"id": store.id, "kind": kind, "name": store.name, "at": where(store.span)}
    made |= {"service": store.service, "flavour": getattr(store, "flavour", "")}
    if isinstance(store, nodes.Database | nodes.Cache):
        if store.parameters:
            made["parameters"] = [_variable(each, shown) for each in store.parameters]
        if store.parameters_gap is not None:
            made["parameters_unknown"] = store.parameters_gap.reason
    return made | _facts(store, _STORE, where)


def _facts(node: object, names: tuple[str, ...], where: Callable[[Span], str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in names:
        match getattr(node, name, None):
            case Known(value, span):
                found[name] = {"known": _plain(value), "at": where(span)}
            case Floating(value, span):
                found[name] = {"floating": _plain(value), "at": where(span)}
            case Unknown(reason, span):
                found[name] = {"unknown": reason, "at": where(span)}
            case _:
                continue
    return found


def _plain(value: object) -> object:
    match value:
        case bool() | int() | str():
            return value
        case Command(words, shell):
            return {"words": list(words), "shell": shell}
        case images.ImageRef():
            parts = {name: getattr(value, name) for name in _PARTS}
            return {"text": value.text or str(value)} | {
                name: None if isinstance(part, Unknown) else part for name, part in parts.items() if part is not None
            }
        case _:
            return str(value)


# --- reading


def days(text: str) -> int | None:
    """The days of `30d` or `4w`; None for anything else."""
    number, unit = text[:-1], text[-1:]
    return int(number) * {"d": 1, "w": 7}[unit] if number.isascii() and number.isdecimal() and unit in "dw" else None


def lower(files: Files, named: Scalar, most: int | None) -> Lowered:
    """The nodes of a document of the tree that the configuration names; `most` is how many days old it may be."""
    path = discover.join("", named.text) or named.text
    source = files.read(path)
    if source is None:
        error = ReadError(f"the facts '{named.text}' are not there", named.span, "correct 'facts', or add the file")
        return Lowered(problems=(error,))
    try:
        return _lowered(source, most)
    except ReadError as error:
        return Lowered(problems=(error,))


def given(path: Path) -> Lowered:
    """The nodes of a document that the command line names.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        return _lowered(decode(path.read_bytes(), path.as_posix()), None)
    except OSError as error:
        raise UsageError(f"the facts '{path}' cannot be read: {(error.strerror or '').lower()}") from error
    except ReadError as error:
        raise UsageError(f"the facts '{path}' cannot be used: {error}") from error


def _lowered(source: Source, most: int | None) -> Lowered:
    document = json.read(source)
    top = document if isinstance(document, Mapping) else Mapping((), Span(source.path, 0, 0))
    if _text(top, "version") != str(VERSION) or _text(top, "side") not in (Side.LOCAL, Side.CLOUD):
        advice = "export it with 'policyengine facts'"
        raise ReadError("it is no document of facts of version 1", Span(source.path, 0, 0), advice)
    reader = _Reader(source.path, top)
    age = reader.age()
    problems: list[ReadError] = []
    if most is not None and (age is None or age > most):
        told = "have no date" if age is None else f"are {age} days old"
        problems.append(ReadError(f"the facts {told}, over {most} days", reader.date.span, "export them anew"))
    origin = f"exported from {reader.origin} on {reader.date.text or 'an unknown day'}"
    choice = Choice(f"{reader.side.value} side", source.path, origin)
    edges = tuple(
        Edge(EdgeKind.CONNECTS, _text(service, "id"), _text(each, "to"), _text(each, "by"))
        for service in _each(top, "services")
        for each in _each(service, "connects")
    )
    return Lowered(nodes=tuple(reader.made(top)), edges=edges, choices=(choice,), problems=tuple(problems))


def _text(told: Mapping, key: str) -> str:
    found = told.get(key)
    return found.text if isinstance(found, Scalar) else ""


def _texts(told: Mapping, key: str) -> tuple[str, ...]:
    found = told.get(key)
    return tuple(map(_shown, found.items)) if isinstance(found, Sequence) else ()


def _each(told: Mapping, key: str) -> Iterator[Mapping]:
    found = told.get(key)
    yield from (each for each in (found.items if isinstance(found, Sequence) else ()) if isinstance(each, Mapping))


class _Reader:
    """Reads one document. Every value passed its place in the repository that it comes from."""

    def __init__(self, path: str, top: Mapping) -> None:
        self.path = path
        self.side = Side(_text(top, "side"))
        date = top.get("date")
        self.date = date if isinstance(date, Scalar) else Scalar("", Span(path, 0, 0))
        self.origin = (
            " at ".join(each for each in (_text(top, "repository"), _text(top, "commit")[:12]) if each) or path
        )

    def age(self) -> int | None:
        """How many days old it is."""
        try:
            day = datetime.date.fromisoformat(self.date.text)
        except ValueError:
            return None
        return (datetime.datetime.now(tz=datetime.UTC).date() - day).days

    def made(self, top: Mapping) -> Iterator[nodes.Node]:
        """Services, then datastores, image repositories, modules of which nothing is known, and what runs migrations.

        Raises:
            ReadError: one has no id, or is of a kind or role that is not known.
        """
        try:
            for told in _each(top, "services"):
                yield self._service(told)
            for told in _each(top, "datastores"):
                yield _KINDS[_text(told, "kind")](**self._named(told), **self._stored(told))
            for told in _each(top, "repositories"):
                named = self._named(told)
                named |= {each: self._fact(told, each, named["span"]) for each in _REPOSITORY}
                yield nodes.Repository(**named)
            for told in _each(top, "unread_modules"):
                yield nodes.UnreadModule(**self._named(told))
            for told in _each(top, "migration_runners"):
                named = self._named(told) | {each: _text(told, each) for each in ("tool", "directory")}
                yield nodes.MigrationRunner(**named, hashed=self._fact(told, "hashed", named["span"]))
        except (KeyError, ValueError) as error:
            raise ReadError(f"it holds {error}, which is not known", Span(self.path, 0, 0), "export it anew") from error

    def _named(self, told: Mapping) -> dict[str, Any]:
        name = told.get("name")
        at = name.span if isinstance(name, Scalar) else told.span
        return {"id": _text(told, "id"), "name": _text(told, "name"), "side": self.side, "span": at}

    def _service(self, told: Mapping) -> nodes.Service:
        at = self._named(told)["span"]
        gap = told.get("variables_unknown")
        check = told.get("healthcheck")
        return nodes.Service(
            **self._named(told),
            **self._facts(told, _SERVICE, at),
            role=Role(_text(told, "role")),
            group=f"{EXPORTED}{_text(told, 'group')}",
            build=None,
            hostnames=_texts(told, "hostnames"),
            noun=_text(told, "noun"),
            launch=_text(told, "launch"),
            inherits_healthcheck=_text(told, "inherits_healthcheck") != "false",
            environment=tuple(self._variable(each) for each in _each(told, "variables")),
            environment_gap=Unknown(gap.text, gap.span) if isinstance(gap, Scalar) else None,
            ports=tuple(self._port(each) for each in _each(told, "ports")),
            healthcheck=Healthcheck(
                self._fact(check, "test", check.span), check.span, disabled=_text(check, "disabled") == "true"
            )
            if isinstance(check, Mapping)
            else None,
        )

    def _stored(self, told: Mapping) -> dict[str, Any]:
        kind = _KINDS[_text(told, "kind")]
        names = tuple(each for each in _STORE if each in kind.__struct_fields__)
        made = self._facts(told, names, self._named(told)["span"]) | {"service": _text(told, "service")}
        if "flavour" not in kind.__struct_fields__:
            return made
        gap = told.get("parameters_unknown")
        return made | {
            "flavour": _text(told, "flavour"),
            "parameters": tuple(self._variable(each) for each in _each(told, "parameters")),
            "parameters_gap": Unknown(gap.text, gap.span) if isinstance(gap, Scalar) else None,
        }

    def _variable(self, told: Mapping) -> Variable:
        name = told.get("name")
        span = name.span if isinstance(name, Scalar) else told.span
        value: Value[str] = Unknown("the value is not exported", span, self._via(told))
        exported = told.get("value")
        known = exported.get("known") if isinstance(exported, Mapping) else None
        if isinstance(exported, Mapping) and isinstance(known, Scalar):
            value = Known(known.text, known.span, self._via(exported))
        return Variable(_text(told, "name"), span, value, Origin(_text(told, "from")), _texts(told, "references"))

    def _port(self, told: Mapping) -> Port:
        target, published = (self._fact(told, each, told.span) for each in ("target", "published"))
        return Port(target, published, told.span, _text(told, "protocol"))

    def _facts(self, told: Mapping, names: tuple[str, ...], at: Span) -> dict[str, Any]:
        return {
            name: self._fact(told, name, at) for name in names if name in _FOUND_IN or told.get(name) is not None
        } | ({"image": None} if "engine" in names and told.get("image") is None else {})

    def _fact(self, told: Mapping, name: str, at: Span) -> Value[Any]:
        fact = told.get(name)
        if not isinstance(fact, Mapping):
            return Absent(at)
        via = self._via(fact)
        for state, made in (("known", Known), ("floating", Floating)):
            value = fact.get(state)
            if value is not None:
                read = _READ.get(name, _written)(value)
                return (
                    Unknown(f"{_shown(value)!r} is not read", value.span, via)
                    if read is None
                    else made(read, value.span, via)
                )
        reason = fact.get("unknown")
        return Unknown(_shown(reason), reason.span, via) if reason is not None else Absent(fact.span, via)

    def _via(self, fact: Mapping) -> tuple[Via, ...]:
        return (Via(f"{_text(fact, 'at')} of {self.origin}", fact.span),)


def _shown(told: Document) -> str:
    return told.text if isinstance(told, Scalar) else "it"


def _written(told: Document) -> str | None:
    return told.text if isinstance(told, Scalar) else None


def _told(told: Document) -> bool | None:
    return {"true": True, "false": False}.get(told.text) if isinstance(told, Scalar) and told.plain else None


def _number(told: Document) -> int | None:
    text = told.text if isinstance(told, Scalar) else ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < _DIGITS else None


def _command(told: Document) -> Command | None:
    words = told.get("words") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(words, Sequence):
        return None
    return Command(tuple(_shown(each) for each in words.items), _text(told, "shell") == "true")


def _image(told: Document) -> images.ImageRef | None:
    if not isinstance(told, Mapping):
        return images.parse(_shown(told))
    parts: dict[str, Any] = {}
    for name in _PARTS:
        part = told.get(name)
        if isinstance(part, Scalar):
            undecided = part.plain and part.text == "null"
            parts[name] = (
                Unknown(f"the {name} is not decided where it was exported", part.span) if undecided else part.text
            )
    if not isinstance(parts.get("repository"), str):
        return None
    parts.setdefault("registry", Unknown("the registry is not told where it was exported", told.span))
    return images.ImageRef(**parts, text=_text(told, "text"))


_READ: dict[str, Callable[[Document], object]] = {
    "image": _image,
    "version": lambda told: images.version(_shown(told)),
    "command": _command,
    "entrypoint": _command,
    "test": _command,
    **dict.fromkeys(("count", "port", "published", "target"), _number),
    **dict.fromkeys(
        (
            *("auth", "auto_minor_upgrade", "cluster_mode", "essential", "hashed", "immutable", "init", "privileged"),
            *("read_only", "transit_encryption", "vector"),
        ),
        _told,
    ),
}
"""How each fact is read, those aside that are texts; what is of another type is not read."""
