"""The environment of each service: `environment` over `env_file`, and the labels, with the place of every variable."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.knowledge.names import environment_words, stand_ins
from policyengine.model.budget import Budget, Exhausted
from policyengine.model.source import ReadError, Source, Span
from policyengine.model.text import Text
from policyengine.model.value import Unknown, Via
from policyengine.platforms.compose import standing
from policyengine.platforms.compose.located import Branch, Items, Leaf, Node, Resets
from policyengine.syntax import dotenv
from policyengine.syntax.env_expansion import Resolved, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Readable(Protocol):
    """Where files are read from: paths are POSIX and relative to the root, nothing outside it exists."""

    def read(self, path: str) -> Source | None:
        """The file, or None where there is none."""
        ...


class Assigned(Struct, frozen=True):
    """A variable of a service. `text` is None for a bare `KEY` that nothing gives a value."""

    key: str
    key_span: Span
    text: Text | None
    span: Span
    from_file: bool = False


class UsedEnvFile(Struct, frozen=True):
    """An env file that a service names: its path relative to the root, what stood in for it, a malformed line."""

    path: str
    entry: Leaf
    required: bool
    found: bool
    stand_in: str = ""
    lost: ReadError | None = None


class ServiceEnvironment(Struct, frozen=True):
    """The whole environment of a service, `environment` over `env_file`."""

    variables: dict[str, Assigned]
    files: tuple[UsedEnvFile, ...] = ()


class Context(Struct):
    """What all steps of one load share. `origins` are the texts of files that stand elsewhere, by their paths.

    `lost` is what is wrong with single lines of env files, for which Compose refuses all, and `faults` what it refuses
    of its own files and was passed over; neither where it is strict.
    """

    files: Readable
    strict: bool
    budget: Budget = field(default_factory=Budget)
    warnings: list[ReadError] = field(default_factory=list)
    faults: list[ReadError] = field(default_factory=list)
    documents: dict[str, tuple[tuple[Branch, Resets], ...]] = field(default_factory=dict)
    extended: dict[tuple[str, str], tuple[Branch, Resets]] = field(default_factory=dict)
    origins: Mapping[str, Text] = field(default_factory=dict)
    entries: dict[tuple[str, dotenv.Dialect], tuple[dotenv.EnvEntry, ...]] = field(default_factory=dict)
    lost: list[ReadError] = field(default_factory=list)

    def spend(self, steps: int, place: Span) -> None:
        """Count steps of the budget. Raises ReadError when there are no more."""
        try:
            self.budget.spend(steps)
        except Exhausted as error:
            raise ReadError(f"the project is not read: {error}", place, "include, extend and repeat less") from error

    def _entries(self, source: Source, dialect: dotenv.Dialect) -> tuple[dotenv.EnvEntry, ...]:
        key = (source.path, dialect)
        if key not in self.entries:
            lost: list[ReadError] = []
            found = dotenv.read(source, dialect, None if self.strict else lost)
            origin = self.origins.get(source.path)
            self.entries[key] = found if origin is None else standing.variables(found, origin)
            self.lost += lost if origin is None else [standing.error(each, origin) for each in lost]
        return self.entries[key]

    def resolve(
        self,
        source: Source,
        lookup: Callable[[str], Text | None],
        dialect: dotenv.Dialect = dotenv.Dialect.COMPOSE,
        before: dict[str, Resolved] | None = None,
    ) -> dict[str, Resolved]:
        """The variables of an env file after expansion, with those in `before`."""
        entries, lost = self._entries(source, dialect), None if self.strict else self.lost
        return resolve(entries, lookup, strict=self.strict, before=before, lost=lost)


def resolve_path(folder: str, path: str) -> str | None:
    """`path` from `folder` as a path relative to the root; None when it leads outside or is absolute."""
    if path.startswith(("/", "~")):
        return None
    joined = posixpath.normpath(posixpath.join(folder or ".", path))
    if joined == ".." or joined.startswith("../"):
        return None
    return "" if joined == "." else joined


def examples_of(name: str) -> list[str]:
    """What examples of an env file are called after it."""
    return [f"{name}{mark}{suffix}" for mark in ".-" for suffix in stand_ins()]


def stand_in_of(files: Readable, path: str) -> Source | None:
    """The committed example of an env file that git ignores."""
    folder, name = posixpath.split(path)
    candidates = examples_of(name)
    if name.startswith(".env"):
        candidates += [f".env.{suffix}" for suffix in stand_ins()]
        candidates += [f"{env}{suffix}" for env in ("env.", ".env_", "env_", "env-") for suffix in stand_ins()]
        candidates += [f"{suffix}{env}" for env in (".env", "_env", "-env") for suffix in stand_ins()]
        here = (*environment_words("local"), *environment_words("dev"))
        candidates += [f"{word}.env.{suffix}" for word in here for suffix in stand_ins()]
    for each in dict.fromkeys(candidates):
        source = files.read(posixpath.join(folder, each))
        if source is not None:
            return source
    return None


def environments_of(
    context: Context, model: Branch, directory: str, known: Mapping[str, Text], enabled: frozenset[str]
) -> tuple[dict[str, ServiceEnvironment], dict[str, dict[str, Assigned]]]:
    """The environment and the labels of every service; of a disabled one without errors."""
    services = model.get("services")
    environments: dict[str, ServiceEnvironment] = {}
    labels: dict[str, dict[str, Assigned]] = {}
    for name, entry in services.entries.items() if isinstance(services, Branch) else ():
        if not isinstance(entry.node, Branch) or (context.strict and name not in enabled):
            continue
        environments[name] = _environment(context, entry.node, directory, known)
        labels[name] = _labels(context, entry.node, directory, known)
    return environments, labels


def pairs(node: Node | None) -> dict[str, Assigned]:
    """The entries of a mapping, or of a list of `key=value`.

    Raises:
        ReadError: a key ends in a blank.
    """
    found: dict[str, Assigned] = {}
    if isinstance(node, Branch):
        for key, entry in node.entries.items():
            value = entry.node
            if not isinstance(value, Leaf):
                continue
            text = None if value.value is None else value.written
            via = tuple(step for step in value.via if text is None or step not in text.via)
            text = text if text is None or not via else text.stepped(*via)
            found[key] = Assigned(key, entry.key, text, value.span)
    elif isinstance(node, Items):
        for item in node.items:
            if not isinstance(item, Leaf):
                continue
            text = item.written
            key_text, value_text = text.partition("=")
            key, key_span = key_text.written, key_text.pieces[0].span
            if key and key[-1].isspace():
                raise ReadError(f"the variable {key!r} ends in a blank", item.span, "remove the blank")
            span = value_text.place if value_text is not None and len(value_text.pieces) == 1 else item.span
            via = tuple(step for step in item.via if step.what and (value_text is None or step not in value_text.via))
            value_text = value_text if value_text is None or not via else value_text.stepped(*via)
            found[key] = Assigned(key, key_span, value_text, span)
    return found


def _environment(context: Context, service: Branch, directory: str, known: Mapping[str, Text]) -> ServiceEnvironment:
    own = pairs(service.get("environment"))
    for key, variable in list(own.items()):
        held = known.get(key) if variable.text is None else None
        if held is not None:
            text = held.stepped(Via(key, variable.key_span))
            own[key] = Assigned(key, variable.key_span, text, _span_of(text, variable.span))
    set_here = {key: each.text for key, each in own.items() if each.text is not None}

    def lookup(key: str) -> Text | None:
        return known.get(key) or set_here.get(key)

    before = {key: Resolved(key, own[key].key_span, text) for key, text in set_here.items()}
    used: list[UsedEnvFile] = []
    entries = service.get("env_file")
    for entry in entries.items if isinstance(entries, Items) else ():
        read = _env_file(context, entry, directory)
        if read is None:
            continue
        file, source, dialect = read
        if source is not None and not _affordable(context, source, file):
            file, source = replace(file, found=False, stand_in=""), None
        used.append(file)
        if source is None:
            continue
        step = Via(f"env_file {file.path}", file.entry.span)
        after = context.resolve(source, lookup, dialect, before)
        if file.stand_in:
            after = left_blank(after, file)
        before = {
            key: each if before.get(key) is each else Resolved(key, each.key_span, each.text.stepped(step))
            for key, each in after.items()
        }
    merged = {
        key: Assigned(key, each.key_span, each.text, each.place, from_file=True)
        for key, each in before.items()
        if key not in own
    }
    broken = {each.span.path: each for each in reversed(context.lost)}
    files = (
        tuple(replace(each, lost=broken.get(each.stand_in or each.path)) for each in used) if broken else tuple(used)
    )
    return ServiceEnvironment({**merged, **own}, files)


def left_blank(resolved: Mapping[str, Resolved], file: UsedEnvFile) -> dict[str, Resolved]:
    """The variables of a file that stands in for another; what it leaves blank is there to be filled in."""
    reason = f"{file.stand_in}, which stands in for {file.path}, leaves it blank"
    return {
        key: Resolved(key, each.key_span, Text.undecided("", Unknown(reason, each.place)))
        if each.text.literal == "" and each.key_span.path == file.stand_in
        else each
        for key, each in resolved.items()
    }


_VARIABLE = 25
"""Steps that a variable of a service counts for."""

_LEFT_OUT = "the env files of the services hold more variables than a scan follows, so some are left out"


def _affordable(context: Context, source: Source, file: UsedEnvFile) -> bool:
    """Whether one more service may read an env file; what is left out is told once."""
    try:
        context.budget.spend(_VARIABLE * source.text.count("="))
    except Exhausted:
        if all(each.message != _LEFT_OUT for each in context.warnings):
            context.warnings.append(ReadError(_LEFT_OUT, file.entry.span, "name smaller ones"))
        return False
    return True


def _env_file(
    context: Context, entry: Node, directory: str
) -> tuple[UsedEnvFile, Source | None, dotenv.Dialect] | None:
    """One entry of `env_file`: what it names, and the file that is read for it."""
    path_leaf = entry.get("path") if isinstance(entry, Branch) else None
    if not isinstance(entry, Branch) or not isinstance(path_leaf, Leaf) or not isinstance(path_leaf.value, str):
        return None
    required_leaf, format_leaf = entry.get("required"), entry.get("format")
    required = not (isinstance(required_leaf, Leaf) and required_leaf.value in (False, "false", "no", "off", "n"))
    dialect = dotenv.Dialect.COMPOSE
    kind = format_leaf.value if isinstance(format_leaf, Leaf) else ""
    path = None if path_leaf.unknown is not None else resolve_path(directory, path_leaf.value)
    if path is None and path_leaf.value in context.origins:
        path = path_leaf.value  # of the machine whose script writes it
    source = context.files.read(path) if path is not None else None
    stand_in = ""
    if source is None and path is not None and not context.strict:
        source = stand_in_of(context.files, path)
        stand_in = source.path if source is not None else ""
    if source is None and required and context.strict:
        raise ReadError(f"the env file '{path_leaf.value}' is not there", path_leaf.span, "add the file")
    if kind == "raw":
        dialect = dotenv.Dialect.DOCKER
    elif kind not in ("", ".env", None) and source is not None:
        raise ReadError(f"the env_file format {kind!r} is not known", entry.span, "use 'raw', or none")
    shown = path if path is not None else path_leaf.value
    return UsedEnvFile(shown, path_leaf, required, source is not None, stand_in), source, dialect


def _labels(context: Context, service: Branch, directory: str, known: Mapping[str, Text]) -> dict[str, Assigned]:
    """The labels of a service: its own over those of `label_file`."""
    found: dict[str, Assigned] = {}
    files = service.get("label_file")
    for leaf in files.items if isinstance(files, Items) else ():
        if not isinstance(leaf, Leaf) or not isinstance(leaf.value, str) or leaf.unknown is not None:
            continue
        path = resolve_path(directory, leaf.value)
        source = context.files.read(path) if path is not None else None
        if source is None:
            if context.strict:
                raise ReadError(f"the label file '{leaf.value}' is not there", leaf.span, "add the file")
            continue
        for key, each in context.resolve(source, known.get).items():
            found[key] = Assigned(key, each.key_span, each.text, each.place)
    own = pairs(service.get("labels"))
    return {**found, **own}


def _span_of(text: Text, fallback: Span) -> Span:
    """The place of a text: its one part's, or all parts in the file of `fallback` together."""
    spans = [piece.span for piece in text.pieces]
    if len(spans) == 1:
        return spans[0]
    result = None
    for span in spans:
        if span.path == fallback.path:
            result = span if result is None else result.cover(span)
    return result or fallback
