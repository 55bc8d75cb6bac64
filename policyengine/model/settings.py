"""What a database or cache server is told of its configuration: by its command line, or by a parameter group."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from policyengine.knowledge import servers
from policyengine.knowledge.commands import program_name
from policyengine.model.image import version
from policyengine.model.nodes import Cache, Database, Variable
from policyengine.model.value import Absent, Known, Unknown, Value, Via, known, map_value
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyengine.knowledge.servers import ComparedSetting, ServerProgram
    from policyengine.model.command import Word
    from policyengine.model.container import Container
    from policyengine.model.image import Version
    from policyengine.model.nodes import Datastore
    from policyengine.model.source import Span


class Settings(Struct, frozen=True):
    """What a server is told, by the names that the server itself has for it. `gap` says why it may be told more.

    What is secret of it is a variable as everywhere else; a rule asks only whether it is given.
    """

    store: Datastore
    given: Mapping[str, Variable]
    gap: Unknown | None = None

    def value(self, name: str) -> Value[str]:
        """What is told, else the documented default; Absent where no default is known."""
        found = self.given.get(name)
        if found is not None:
            return found.value
        if self.gap is not None:
            return self.gap
        store = self.store
        told = servers.default(flavour(store), known(store.engine, ""), store.major, name)
        place = store.place
        return Absent(place) if told is None else Known(told, place, (Via(f"default of {name}", place),))

    @property
    def tls_only(self) -> Value[bool]:
        """Whether a managed service takes connections over TLS only; Absent where it does not tell."""
        found: Value[bool] = Absent(self.store.place)
        for name, values in servers.encrypting().items():
            told = self.value(name)
            found = map_value(told, partial(_is_among, values))
            if isinstance(told, Known) or name in self.given:
                break
        return found


def _is_among(values: Sequence[str], text: str) -> bool:
    return text.lower() in values


def flavour(store: Datastore) -> str:
    """Who runs a server: `rds`, `aurora`, `elasticache` …, `community` for what runs in a container."""
    return store.flavour if isinstance(store, Database | Cache) and not store.service else "community"


def settings(store: Datastore, container: Container | None) -> Settings:
    """What a server is told; `container` is what runs it, None for a managed one."""
    if container is None:
        parameters = store.parameters if isinstance(store, Database | Cache) else ()
        gap = store.parameters_gap if isinstance(store, Database | Cache) else None
        return Settings(store, {each.key.lower(): each for each in parameters}, gap)
    program = servers.program_of(known(store.engine, ""))
    if program is None:
        return Settings(store, {}, Unknown(f"how '{store.name}' is configured is not known", store.place))
    image = store.reference.name if store.reference is not None else ""
    named = servers.given_by_variables(image).items()
    told = {name: container.environment[key] for key, name in named if key in container.environment}
    line = _line(container, program)
    if line is None:
        started = container.started
        reason = f"what starts the server of '{store.name}' is not known"
        return Settings(store, told, started if isinstance(started, Unknown) else Unknown(reason, store.place))
    words, gap = line
    found = {each.key: each for each in _READERS[program.form](words, program)}
    files = [each.span for each in words[:1] if program.form == "listed" and not each.text.startswith("-")]
    files += [found[name].key_span for name in program.files if name in found]
    files += [each.span for each in container.service.mounts if known(each.target, "").endswith(program.mounted)]
    files += _configured(container)
    for place in files[:1]:
        gap = gap or Unknown(f"the configuration file of '{store.name}' is not read", place)
    return Settings(store, told | found, gap)


def _configured(container: Container) -> list[Span]:
    """Where a Dockerfile changes configuration files."""
    stage = container.stage.value if isinstance(container.stage, Known) else None
    if stage is None or not stage.dockerfile:
        return []
    files = (".cnf", ".conf")
    copied = [copy.span for copy in stage.copies if any(str(each).endswith(files) for each in copy.sources)]
    return copied + [run.span for run in stage.runs if any(end in word.text for word in run.words for end in files)]


def _line(container: Container, program: ServerProgram) -> tuple[Sequence[Word], Unknown | None] | None:
    """The words behind the server's program, and why there may be more; None where the program is not started."""
    candidates: list[Sequence[Word]] = [each.inner for each in container.commands]
    own = container.service.words
    if own and (own[0].text.startswith("-") or servers.program(program_name(own[0].text)) is not None):
        candidates.insert(0, own)  # with the exact place of each
    for words in candidates:
        for number, word in enumerate(words[:2]):
            server = servers.program(program_name(word.text))
            if server is not None and server.form == program.form:
                return words[number + 1 :], container.gap
        if words and words[0].text.startswith("-"):
            return words, container.gap
        if len(words) > 1 and words[0].text == "docker-entrypoint.sh" and words[1].text.startswith("-"):
            return words[1:], container.gap
    return None


def _assigned(words: Sequence[Word], program: ServerProgram) -> Iterator[Variable]:
    """`-c name=value`, `-cname=value`, `--name=value`, `-N 100`."""
    following = iter(words)
    for word in following:
        text, at = word.text, word
        letter = text[1:2] if text[:1] == "-" and text[1:2] != "-" else ""
        name = program.letters.get(letter, "")
        if letter == "c" or name:
            at = word if len(text) > 2 else next(following, word)
            text = text[2:] if at is word else at.text
            text = f"{name}={text}" if name else text
        elif text.startswith("--"):
            text = text[2:]
        else:
            continue
        key, equals, value = text.partition("=")
        if equals:  # `-` may stand for `_`
            yield _variable(key.lower().replace("-", "_"), value, at, at.span)


def _listed(words: Sequence[Word], _: ServerProgram) -> Iterator[Variable]:
    """`--name value value …`: each goes up to the next."""
    name: Word | None = None
    values: list[Word] = []
    for word in (*words, None):
        if word is None or word.text.startswith("--"):
            if name is not None:
                text = " ".join(each.text for each in values)
                at = values[0] if values else name
                literal = all(each.literal for each in values)
                yield _variable(name.text[2:].lower(), text, at, name.span, literal=literal)
            name, values = word, []
        else:
            values.append(word)


def _named(words: Sequence[Word], _: ServerProgram) -> Iterator[Variable]:
    """`--name=value` and `--name value`; one without a value is a switch. `-` may stand for `_`."""
    for at, word in enumerate(words):
        behind = words[at + 1] if at + 1 < len(words) else None
        key, equals, value = word.text.removeprefix("--").partition("=")
        key = key.lower().replace("-", "_")
        if not word.text.startswith("--"):
            continue
        if equals:
            yield _variable(key, value, word, word.span)
        elif behind is None or behind.text.startswith("-"):
            yield _variable(key, "on", word, word.span)
        else:
            yield _variable(key, behind.text, behind, word.span)


_READERS: Mapping[str, Callable[[Sequence[Word], ServerProgram], Iterator[Variable]]] = MappingProxyType(
    {"assigned": _assigned, "listed": _listed, "named": _named}
)


def _variable(key: str, text: str, at: Word, key_span: Span, *, literal: bool = True) -> Variable:
    if at.literal and literal:
        return Variable(key, key_span, Known(text, at.span))
    return Variable(key, key_span, Unknown(f"the value of '{key}' is set outside the files", at.span))


def redis_release(flavour: str, release: Version) -> Version:
    """The version of Redis that a release of a managed service is compatible with."""
    return version(servers.redis_of(flavour, str(release))) or release


_LIBRARIES = "shared_preload_libraries"
_MODES = "sql_mode"
_NUMBER = regex(r"(-?\d+)\s*(ms|s|min|h|d)?")
_MILLISECONDS = MappingProxyType({"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000})
_SAME = MappingProxyType(
    {"1": "on", "true": "on", "yes": "on", "0": "off", "false": "off", "no": "off", "etc/utc": "utc"}
)


def drift_of(name: str, here: Value[str], there: Value[str]) -> Literal["", "open", "note", "warning"]:
    """How far a setting of a database, told on one side or both, is from the other: nothing where that may be.

    A note is one about libraries for scheduling and statistics alone.
    """
    known_of = servers.compared(name)
    if known_of is None:
        return ""
    if isinstance(here, Unknown) or isinstance(there, Unknown):
        return "open"
    values = [each.value if isinstance(each, Known) else known_of.default for each in (here, there)]
    if None in values:
        return ""
    mine, theirs = (_plain(each or "", known_of) for each in values)
    if mine == theirs:
        return ""
    if name == _MODES:
        return "" if set(mine.split(",")) == set(theirs.split(",")) else "warning"
    if name == _LIBRARIES:
        differing = _libraries(mine) ^ _libraries(theirs)
        return "" if not differing else "note" if all(map(servers.is_watching, differing)) else "warning"
    return "warning"


def _libraries(text: str) -> set[str]:
    return {each.strip() for each in text.split(",") if each.strip()} - {"rdsutils"}


def _plain(text: str, known_of: ComparedSetting) -> str:
    """A value in one spelling: times in milliseconds, switches as `on` and `off`."""
    lower = text.strip(" '\"").lower()
    match = _NUMBER.fullmatch(lower) if known_of.unit else None
    if match is not None:
        return str(int(match[1]) * _MILLISECONDS[match[2] or known_of.unit])
    return _SAME.get(lower, lower) if known_of.default in {"on", "off", "utc"} else lower
