"""policyengine.yaml → a frozen Config, with the line of the first mistake."""

from __future__ import annotations

import datetime
import difflib
import posixpath
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, ValidationError, convert, field, json
from msgspec.structs import replace

from policyengine.model.source import ReadError, Source, Span, UsageError
from policyengine.repository.configuration_file import file_type, part_of
from policyengine.syntax.tree import Document, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as Dict

    from policyengine.repository.organisation import Attempt, Lock, Organisation

_MANY = 25
"""So many keys are not all named where one of them is close to what is there."""
STRICT, RECOMMENDED = "strict", "recommended"
VERSION = "version"
"""The key beside a pack's options that says which versions of it may run; no option has this name."""

T = TypeVar("T")


class Configured(Struct, frozen=True):
    """A text of the configuration and its place."""

    text: str
    span: Span


_NOTHING = Configured("", Span("", 0, 0))


class ConfiguredSystem(Struct, frozen=True):
    """One of several systems: its name, and the folders and files that are its own."""

    name: Configured
    paths: tuple[Configured, ...]


class ConfiguredPair(Struct, frozen=True):
    """An explicit pair of a Compose service and a Terraform address."""

    local: Configured
    cloud: Configured


class Fact(Struct, frozen=True):
    """A declared engine and version of the node `address`."""

    address: Configured
    engine: Configured | None = None
    version: Configured | None = None


class RuleSetting(Struct, frozen=True):
    """What is other for the rules whose ids begin with `prefix`: `severity` and `profile`, empty where not said.

    `paths` are patterns as in .gitignore of the files at which it holds, `systems` and `environments` the names of
    those in which it does; without any it holds everywhere.
    """

    prefix: Configured
    severity: str = ""
    profile: str = ""
    paths: tuple[str, ...] = ()
    systems: tuple[Configured, ...] = ()
    environments: tuple[Configured, ...] = ()

    def concerns(self, system: str, environment: str) -> bool:
        """Whether it says something of a system in an environment."""
        inside = not self.systems or any(each.text == system for each in self.systems)
        return inside and (not self.environments or any(each.text == environment for each in self.environments))


class Waiver(Struct, frozen=True):
    """A finding that is accepted until the end of the day `expires`. Without a subject it covers the whole rule.

    One in a comment covers what is found at one of its `lines`.
    """

    rule: Configured
    reason: str
    subject: Configured | None = None
    owner: str = ""
    expires: datetime.date | None = None
    lines: tuple[Span, ...] = ()

    def is_beside(self, at: Span) -> bool:
        """Whether it is in a comment beside a place."""
        return any(line.path == at.path and line.start <= at.start <= line.end for line in self.lines)

    def over(self, today: datetime.date) -> bool:
        """Whether its last day is over."""
        return self.expires is not None and today > self.expires


class Config(Struct, frozen=True):
    """The configuration; every field has the default that an empty file means.

    Paths are relative to the scanned root. `parts` holds the part of each platform by its name, `packs` the options of
    each pack as plain data, `constraints` the versions that it may have, `places` the spans of both by the pack's name.
    `select` and `ignore` are ids of rules or prefixes of them, `exclude` patterns of paths that are not read. `rules`
    are sorted by the length of their prefix. The local stack is held against each of the `environments`, of which
    `environment` is the first. `source` is the file itself, and `document` what it says. `shared` tells that it holds
    for several systems, so that a name which one of them does not know is another's. Under the file of an
    `organisation`, `locks` says by their ids which rules are not to be weakened, `attempts` what of this configuration
    would have, and `central` holds the waivers of that file.
    """

    path: str = ""
    source: Source | None = None
    profile: str = RECOMMENDED
    select: tuple[Configured, ...] = ()
    ignore: tuple[Configured, ...] = ()
    exclude: tuple[str, ...] = ()
    rules: tuple[RuleSetting, ...] = ()
    environment: str = ""
    environments: tuple[Configured, ...] = ()
    parts: Dict[str, Struct] = field(default_factory=dict)
    systems: tuple[ConfiguredSystem, ...] = ()
    pairs: tuple[ConfiguredPair, ...] = ()
    facts: tuple[Fact, ...] = ()
    equivalences: tuple[tuple[str, str], ...] = ()
    ignore_local: tuple[str, ...] = ()
    ignore_cloud: tuple[str, ...] = ()
    packs: Dict[str, Dict[str, object]] = field(default_factory=dict)
    constraints: Dict[str, Configured] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    places: Dict[str, Span] = field(default_factory=dict)
    document: Document | None = None
    shared: bool = False
    organisation: Organisation | None = None
    locks: Dict[str, Lock] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    central: tuple[Waiver, ...] = ()

    def within(self, folder: str) -> Config:
        """What of it holds in a folder that is read as a repository of its own, as one of several systems."""

        def named(each: Configured) -> Configured:
            return Configured(each.text.removeprefix(f"{folder}/"), each.span)

        return replace(
            self,
            pairs=tuple(ConfiguredPair(named(each.local), named(each.cloud)) for each in self.pairs),
            facts=tuple(Fact(named(each.address), each.engine, each.version) for each in self.facts),
            ignore_local=tuple(each.removeprefix(f"{folder}/") for each in self.ignore_local),
            ignore_cloud=tuple(each.removeprefix(f"{folder}/") for each in self.ignore_cloud),
            parts={},
            exclude=(),
            document=None,
            shared=True,
        )


def read(source: Source, parts: Dict[str, type[Struct]]) -> Config:
    """The configuration that a file holds; `parts` are the types of the platforms' parts by their names.

    Raises:
        UsageError: the file is no YAML, or not as `File` says; the message names file, line and what is allowed.
    """
    document = document_of(source)
    if isinstance(document, Scalar) and document.plain and document.text in ("", "~", "null"):
        raise UsageError(f"{source.path}:1:1: the configuration is empty; it starts with 'version: 1'")
    file = typed(source, document, file_type(parts))
    return _config(source, document, part_of(file, parts))


def options(settings: Config, pack: str, kind: type[T]) -> T:
    """The options of a pack.

    Raises:
        UsageError: they are not as `kind` says.
    """
    given = settings.packs.get(pack, {})
    if not given:
        return kind()
    if settings.source is None:
        return convert(given, kind)  # an organisation's own, which were checked
    return typed(settings.source, None, kind, ("packs", pack), given)


def document_of(source: Source) -> Document:
    """What a YAML file says.

    Raises:
        UsageError: it is no YAML.
    """
    from policyengine.syntax import yaml  # noqa: PLC0415  only repositories with a configuration pay for it

    try:
        return yaml.read(source)
    except ReadError as error:
        raise UsageError(f"{where(source, error.span)}: {error}") from error


def where(source: Source, span: Span) -> str:
    """`path:line:column` of a span's start."""
    line, column = source.position(span.start)
    return f"{source.path}:{line}:{column}"


def typed(
    source: Source, document: Document | None, kind: type[T], path: tuple[str, ...] = (), data: object = None
) -> T:
    """A document, or the plain data of its part at `path`, as a type; the first mistake is an error with its line."""
    try:
        return convert(plain(document) if document is not None else data, kind)
    except ValidationError as error:
        part = at(document or document_of(source), [*path])
        raise UsageError(_first_mistake(source, part, kind, ".".join(path)) or f"{source.path}: {error}") from error


def _first_mistake(source: Source, document: Document, kind: type[object], prefix: str) -> str:
    """What the JSON Schema of the type says of the first place that breaks it."""
    import jsonschema  # noqa: PLC0415  costs 40 ms, and tells mistakes better

    every = jsonschema.Draft202012Validator(json.schema(kind)).iter_errors(plain(document))
    errors = [jsonschema.exceptions.best_match([each]) or each for each in every]  # what an anyOf lacks, and not that
    located = sorted((_place(document, error).start, _sentence(error, prefix)) for error in errors)
    return f"{where(source, Span(source.path, located[0][0], located[0][0]))}: {located[0][1]}" if located else ""


def _place(document: Document, error: object) -> Span:
    path = list(getattr(error, "absolute_path", ()))
    if getattr(error, "validator", "") == "additionalProperties":
        inner = at(document, path)
        allowed = set(getattr(error, "schema", {}).get("properties", {}))
        if isinstance(inner, Mapping):
            return next((entry.key.span for entry in inner.entries if entry.key.text not in allowed), inner.span)
    return at(document, path).span


_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping",
    "string": "a text",
}


def _sentence(error: object, prefix: str) -> str:
    parts = [str(part) for part in getattr(error, "absolute_path", ())]
    name = ".".join([prefix, *parts] if prefix else parts)
    rule = getattr(error, "schema", {})
    instance = getattr(error, "instance", None)
    subject = f"'{name}'" if name else "the file"
    match getattr(error, "validator", ""):
        case "additionalProperties":
            names = sorted(rule.get("properties", {}))
            extra = next((key for key in instance or () if key not in names), "")
            close = difflib.get_close_matches(extra, names, n=1) if len(names) > _MANY else []
            hint = f"did you mean '{close[0]}'?" if close else f"it may be {', '.join(names)}"
            return f"unknown key '{extra}' in {subject}; {hint}"
        case "required":
            missing = next((key for key in rule.get("required", ()) if key not in (instance or ())), "")
            odd = [key for key in instance or () if key not in rule.get("properties", {})]
            near = difflib.get_close_matches(missing, odd, n=1)
            return f"{subject} lacks the key '{missing}'" + (f"; there is none called '{near[0]}'" if near else "")
        case "enum":
            allowed = ", ".join(str(each) for each in rule["enum"])
            return f"{subject} must be {'one of ' if len(rule['enum']) > 1 else ''}{allowed}"
        case "type":
            hint = (
                "; write it in quotes" if rule["type"] == "string" and isinstance(instance, (bool, int, float)) else ""
            )
            return f"{subject} must be {_TYPES.get(rule['type'], rule['type'])}{hint}"
        case "anyOf":
            kinds = [each for each in rule["anyOf"] if each.get("type") != "null"]
            words = [str(word).lower() for each in kinds for word in each.get("enum", [each.get("type", "object")])]
            words = [_TYPES.get(word, word) for word in words]
            return f"{subject} must be {' or '.join(words)}"
        case "pattern":
            return f"{subject} must match {rule['pattern']}"
        case other:
            return f"{subject} breaks '{other}': {rule.get(other)}"


def at(document: Document, path: list[object]) -> Document:
    """The part of a document at a path of keys and indexes; the deepest part that exists."""
    for part in path:
        match document:
            case Mapping() if (inner := document.get(str(part))) is not None:
                document = inner
            case Sequence(items) if isinstance(part, int) and part < len(items):
                document = items[part]
            case _:
                return document
    return document


def plain(document: Document) -> object:
    """The plain data of a document, with scalars resolved as YAML 1.2's core schema does."""
    match document:
        case Mapping(entries):
            return {entry.key.text: plain(entry.value) for entry in entries}
        case Sequence(items):
            return [plain(item) for item in items]
        case Scalar(text, _, False):
            return text
        case Scalar(text):
            return _resolve(text)


def _resolve(text: str) -> object:
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.lstrip("+-").isdecimal() and len(text) < 20:
        return int(text)
    try:
        return float(text) if text.lstrip("+-")[:1].isdigit() and len(text) < 40 else text
    except ValueError:
        return text


def _texts(document: Document | None) -> tuple[Configured, ...]:
    items = document.items if isinstance(document, Sequence) else ()
    return tuple(Configured(item.text, item.span) for item in items if isinstance(item, Scalar))


def _ids(document: Document | None) -> tuple[Configured, ...]:
    """Ids of rules or prefixes of them, which may be written in any case."""
    return tuple(Configured(each.text.upper(), each.span) for each in _texts(document))


def _text(document: Document | None) -> Configured | None:
    return Configured(document.text, document.span) if isinstance(document, Scalar) else None


def _string(document: Document | None) -> str:
    return document.text if isinstance(document, Scalar) else ""


def _entries(document: Document | None) -> Iterator[Mapping]:
    for item in document.items if isinstance(document, Sequence) else ():
        if isinstance(item, Mapping):
            yield item


def _mapping(document: Document | None) -> Mapping:
    return document if isinstance(document, Mapping) else Mapping((), Span("", 0, 0))


def _config(source: Source, document: Document, parts: Dict[str, Struct]) -> Config:
    top = _mapping(document)
    ignore = _mapping(top.get("ignore"))
    packs = _mapping(top.get("packs"))
    options: dict[str, Dict[str, object]] = {}
    constraints: dict[str, Configured] = {}
    places: dict[str, Span] = {}
    for entry in packs.entries:
        data = plain(entry.value)
        options[entry.key.text] = (
            {key: value for key, value in data.items() if key != VERSION} if isinstance(data, dict) else {}
        )
        version = _mapping(entry.value).get(VERSION)
        if version is not None:
            constraints[entry.key.text] = _text(version) or Configured("", version.span)
        places[entry.key.text] = entry.key.span
    return Config(
        path=source.path,
        source=source,
        profile=_string(top.get("profile")) or RECOMMENDED,
        select=_ids(top.get("select")),
        ignore=_ids(ignore.get("rules")),
        exclude=tuple(each.text for each in _texts(top.get("exclude"))),
        rules=tuple(sorted(_settings(_mapping(top.get("rules"))), key=lambda each: len(each.prefix.text))),
        environment=_string(top.get("environment")) or next(iter(_texts(top.get("environments"))), _NOTHING).text,
        environments=_texts(top.get("environments")) or tuple(filter(None, [_text(top.get("environment"))])),
        parts=parts,
        systems=tuple(
            ConfiguredSystem(
                Configured(entry.key.text, entry.key.span),
                tuple(
                    Configured(posixpath.normpath(each.text), each.span)
                    for each in _texts(_mapping(entry.value).get("paths"))
                ),
            )
            for entry in _mapping(top.get("systems")).entries
        ),
        pairs=tuple(
            ConfiguredPair(local, cloud)
            for item in _entries(top.get("pairs"))
            if (local := _text(item.get("local"))) and (cloud := _text(item.get("cloud")))
        ),
        facts=tuple(_facts(top.get("facts"))),
        equivalences=tuple(
            (one, other) for each in _texts(top.get("equivalences")) for one, _, other in [each.text.partition("~")]
        ),
        ignore_local=tuple(each.text for each in _texts(ignore.get("local"))),
        ignore_cloud=tuple(each.text for each in _texts(ignore.get("cloud"))),
        packs=options,
        constraints=constraints,
        waivers=tuple(_waiver(source, item) for item in _entries(top.get("waivers"))),
        places=places,
        document=document,
    )


def _facts(told: Document | None) -> Iterator[Fact]:
    """The facts of nodes, by their addresses or as a list; documents in it are read by their platform."""
    for entry in _mapping(told).entries:
        part = _mapping(entry.value)
        yield Fact(Configured(entry.key.text, entry.key.span), _text(part.get("engine")), _text(part.get("version")))
    for item in _entries(told):
        address = _text(item.get("of"))
        if address is not None:
            yield Fact(address, _text(item.get("engine")), _text(item.get("version")))


def _settings(rules: Mapping) -> Iterator[RuleSetting]:
    for entry in rules.entries:
        told = _mapping(entry.value)
        yield RuleSetting(
            Configured(entry.key.text.upper(), entry.key.span),
            _string(told.get("severity")),
            _string(told.get("profile")),
            tuple(each.text for each in _texts(told.get("paths"))),
            _texts(told.get("systems")),
            _texts(told.get("environments")),
        )


def _waiver(source: Source, item: Mapping) -> Waiver:
    named = _text(item.get("rule"))
    rule = Configured(named.text.upper(), named.span) if named is not None else Configured("", item.span)
    expires = _text(item.get("expires"))
    try:
        day = datetime.date.fromisoformat(expires.text) if expires else None
    except ValueError as error:
        span = expires.span if expires else item.span
        raise UsageError(f"{where(source, span)}: 'expires' must be a day such as 2026-12-01") from error
    return Waiver(rule, _string(item.get("reason")), _text(item.get("subject")), _string(item.get("owner")), day)
