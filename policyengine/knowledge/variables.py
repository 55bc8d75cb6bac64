"""What the names of environment variables say: addresses of stores, for whom an address is, who sets a variable."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

from policyengine.knowledge.loading import Cited, FactTable, table
from policyengine.knowledge.names import words
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence


class StoreWord(Struct, frozen=True, forbid_unknown_fields=True):
    """A word that speaks of a store of one of the `engines`: `db` of a Postgres or a MySQL.

    With `password` the address of such a store usually holds one.
    """

    engines: tuple[str, ...]
    source: str
    password: bool = False


class AddressEnd(Struct, frozen=True, forbid_unknown_fields=True):
    """The last word of a name that holds an address, and which: all that a client needs, a host, or several hosts."""

    holds: Literal["host", "hosts", "url"]
    source: str


class CreatedDatabase(Struct, frozen=True, forbid_unknown_fields=True):
    """The engine whose image creates the database that the variable names."""

    engine: str
    source: str


class BuildLabel(Struct, frozen=True, forbid_unknown_fields=True):
    """A word of a build argument that only labels the build; with `whole` the name itself, and not a word of it."""

    source: str
    whole: bool = False


Giver = Literal["container", "image", "machine", "role"]
"""Who sets a variable without being told: the platform that runs a container, every image, a machine and its tools."""


class Given(Struct, frozen=True, forbid_unknown_fields=True):
    """Who sets the variable of that name; a `*` at one end of the name is any further text."""

    by: tuple[Giver, ...]
    source: str


class Mode(Struct, frozen=True, forbid_unknown_fields=True):
    """A variable that chooses how a program runs; with `runtime` one that its language or framework reads by itself.

    `unset` is the mode where nothing sets it, empty where that is none of its values.
    """

    source: str
    runtime: bool = False
    unset: str = ""


class KindWord(Struct, frozen=True, forbid_unknown_fields=True, rename={"kind": "is"}):
    """What a word of a name says that the variable holds, empty for nothing; a `thing` itself has a name."""

    kind: str
    source: str
    thing: bool = False


class PublishedPrefix(Struct, frozen=True, forbid_unknown_fields=True):
    """How names begin of variables that the tool of one of the npm `packages` builds into pages.

    With `late` a server of that tool gives pages the value that holds when it runs.
    """

    packages: tuple[str, ...]
    source: str
    late: bool = False


class Variables(FactTable, frozen=True):
    """The table.

    Variables with one of the `published_prefixes` are built into what browsers load, unless one of the npm packages or
    programs of `late_values` puts them there when the program starts. Addresses under `browser_words`
    are for browsers, under `server_words` for calls between servers, under `inner_words` for containers, whoever else
    gets the variable; `own_words` make an address that of the program. `address_words` say of an address how it is
    used, and not whose it is. `modes` choose how a program runs; what is `cloud_only` has no meaning on a laptop, with
    `*` at one end of the name for any further text. A name that ends in one of the `choices` chooses who does
    something, and `doubles` are those that only pretend. Those that are `public` hold the address at which people open
    the application, for links in mails and the like. Values under `place_words` are of the place where they hold.
    Words of one of the `kinds` say what a variable holds, and not whose it is.
    """

    store_words: dict[str, StoreWord]
    address_ends: dict[str, AddressEnd]
    address_words: dict[str, Cited]
    databases: dict[str, CreatedDatabase]
    public: dict[str, Cited]
    given: dict[str, Given]
    published_prefixes: dict[str, PublishedPrefix]
    late_values: dict[str, Cited]
    browser_words: dict[str, Cited]
    server_words: dict[str, Cited]
    own_words: dict[str, Cited]
    inner_words: dict[str, Cited]
    injectors: dict[str, Cited]
    labels: dict[str, BuildLabel]
    modes: dict[str, Mode]
    cloud_only: dict[str, Cited]
    kinds: dict[str, KindWord]
    choices: dict[str, Cited]
    doubles: dict[str, Cited]
    place_words: dict[str, Cited]
    _patterns: list[tuple[str, str, Given]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, entry in self.given.items():
            if "*" in name:
                start, _, end = name.partition("*")
                self._patterns.append((start, end, entry))

    def givers(self, name: str) -> frozenset[Giver]:
        """Who sets a variable."""
        exact = self.given.get(name)
        found = [entry for start, end, entry in self._patterns if name.startswith(start) and name.endswith(end)]
        return frozenset(giver for entry in (*found, *(() if exact is None else (exact,))) for giver in entry.by)


def _variables() -> Variables:
    return table("variables", Variables)


def speaks_of(parts: Iterable[str], engine: str) -> bool:
    """Whether the words of a variable's name (in lower case) speak of an engine: `db` of postgres, `cache` of redis."""
    stores = _variables().store_words
    return any(part == engine or (part in stores and engine in stores[part].engines) for part in parts)


def speaks_of_stores(parts: Iterable[str]) -> bool:
    """Whether the words of a variable's name (in lower case) speak of a store of any engine."""
    return not _variables().store_words.keys().isdisjoint(parts)


def is_store_address(parts: Sequence[str]) -> bool:
    """Whether the words are those of a name that holds a store's address, its password included: `DATABASE_URL`."""
    known = _variables()
    end = known.address_ends.get(parts[-1]) if parts else None
    if end is None or end.holds != "url":
        return False
    before = known.store_words.get(parts[-2]) if len(parts) > 1 else None
    return parts[-1] == "dsn" or (before is not None and before.password)


def whose(name: str) -> str:
    """What a variable calls the one whose address it holds: `api` for `API_PROXY_TARGET`; often empty."""
    known = _variables()
    prefix = next((each for each in known.published_prefixes if name.startswith(each)), "")
    says_how = known.address_ends.keys() | known.address_words.keys() | known.own_words.keys()
    return " ".join(word for word in words(name[len(prefix) :]) if word not in says_how)


def names_another(name: str) -> bool:
    """Whether a variable says by its own words whose address it holds: `SENTRY_DSN`, but not `API_URL`."""
    known = _variables()
    return not known.server_words.keys() | known.inner_words.keys() >= set(whose(name).split())


def holds_all_of(whole: str, part: str) -> bool:
    """Whether a variable holds the whole address of the store of which another holds a part: `DATABASE_URL`, `DB_HOST`.

    Code with both takes the parts only where the address is not given.
    """
    stores, one = _variables().store_words, words(whole)
    mine, theirs = (
        {each for word in parts if word in stores for each in stores[word].engines} for parts in (one, words(part))
    )
    address = is_store_address(one) or one[-2:] == ("datasource", "url")  # whose password stands elsewhere
    return address and not mine.isdisjoint(theirs)


def likeness(one: str, other: str) -> float:
    """How likely two names are meant to be one, from 0 to 1: those of one kind (`JWT_SECRET`, `JWT_KEY`) of one owner.

    Of a thing that has a name itself, half of the words must be the same: `S3_BUCKET_RAW`, `MINIO_BUCKET_RAW`.
    """
    known, sides = _variables().kinds, [_PIECE.findall(each.lower()) for each in (one, other)]
    kinds = [{known[word].kind for word in side if word in known and known[word].kind} for side in sides]
    words_of = [{word for word in side if word not in known or known[word].kind} for side in sides]
    owners = [{word for word in side if word not in known} for side in sides]
    if one == other or not kinds[0] or kinds[0] != kinds[1]:
        return 0
    if owners[0] and owners[0] == owners[1]:
        return 1
    thing = any(word in known and known[word].thing for word in sides[0])
    same = len(words_of[0] & words_of[1]) / len(words_of[0] | words_of[1])
    return same if thing and same >= _ALIKE else 0


_PIECE = regex(r"[a-z0-9]+")
_ALIKE = 0.5


def is_for_people(name: str) -> bool:
    """Whether a variable holds the address at which people open the application: `SITE_URL`, `APP_BASE_URL`."""
    return name in _variables().public


def is_address(name: str) -> bool:
    """Whether a variable of this name holds the address of something."""
    return words(name)[-1:] != () and words(name)[-1] in _variables().address_ends


def holds_host(word: str) -> bool:
    """Whether a variable whose name ends in this word holds only a host, and another one the port."""
    found = _variables().address_ends.get(word)
    return found is not None and found.holds == "host"


def database_variables() -> tuple[str, ...]:
    """The variables by which official images are told the database to create."""
    return tuple(_variables().databases)


def engine_of_variable(key: str) -> str:
    """The engine whose official image reads such a variable; empty for any other."""
    found = _variables().databases.get(key)
    return "" if found is None else found.engine


def given_by(name: str, giver: Giver) -> bool:
    """Whether a platform, every image or a machine sets a variable without being told."""
    return giver in _variables().givers(name)


def given_names(giver: Giver) -> frozenset[str]:
    """The names that are given as they are, without those of a pattern."""
    return frozenset(name for name, entry in _variables().given.items() if giver in entry.by and "*" not in name)


def injects(program: str) -> bool:
    """Whether a program that runs another one gives it variables which no file tells: `infisical run`."""
    return program in _variables().injectors


def is_label(name: str) -> bool:
    """Whether a build argument of this name only labels the build: `GIT_SHA`, `VERSION`, `SENTRY_RELEASE`."""
    labels = _variables().labels
    return name.lower() in labels or any(word in labels and not labels[word].whole for word in words(name))


def is_mode(name: str, *, runtime: bool = False) -> bool:
    """Whether a variable chooses how a program runs: `NODE_ENV`. With `runtime` only what languages read themselves."""
    found = _variables().modes.get(name)
    return found is not None and (found.runtime or not runtime)


def modes() -> tuple[str, ...]:
    """The variables that choose how a program runs."""
    return tuple(_variables().modes)


def mode_unset(name: str) -> str:
    """The mode that holds where nothing sets the variable: `development` for RAILS_ENV; empty where none is told."""
    found = _variables().modes.get(name)
    return "" if found is None else found.unset


def is_cloud_only(name: str) -> bool:
    """Whether a variable of this name means nothing on a laptop: `QUEUE_ARN`, `OTEL_EXPORTER_OTLP_ENDPOINT`."""
    return any(fnmatchcase(name, pattern) for pattern in _variables().cloud_only)


def is_double(name: str, text: str) -> bool:
    """Whether a variable chooses something that only stands in for a provider: `MAIL_DRIVER=log`."""
    return chooses(name) and text.lower() in _variables().doubles


def chooses(name: str) -> bool:
    """Whether a variable chooses a provider, by its last word: `MAIL_DRIVER`."""
    return next(reversed(words(name)), "") in _variables().choices


def is_of_place(name: str) -> bool:
    """Whether the value of a variable depends on where it holds: how much, how many, how loud, for whom."""
    return not _variables().place_words.keys().isdisjoint(words(name))


def is_published(name: str) -> bool:
    """Whether a variable is built into what browsers load: `NEXT_PUBLIC_API_URL`."""
    return name.startswith(tuple(_variables().published_prefixes))


def publishers(name: str) -> tuple[str, ...]:
    """The npm packages of tools that build a variable of that name into pages."""
    return next(
        (each.packages for start, each in _variables().published_prefixes.items() if name.startswith(start)), ()
    )


def is_inlined(name: str, packages: Container[str]) -> bool:
    """Whether the build of what depends on these npm packages puts a variable's value into pages, for good."""
    found = next((each for start, each in _variables().published_prefixes.items() if name.startswith(start)), None)
    late = any(each in packages for each in _variables().late_values)
    return found is not None and not found.late and not late and any(each in packages for each in found.packages)


def replaces(program: str) -> bool:
    """Whether a program puts values into pages that are already built: `envsubst`, `sed`."""
    return program in _variables().late_values


def is_for_browsers(name: str) -> bool:
    """Whether a web address under this name is for people's browsers, not for the container that holds it."""
    known, parts = _variables(), words(name)
    if "internal" in parts:
        return False
    own = parts[-1:] in (("url",), ("uri",)) and len(parts) <= _OWN and _own(parts[:-1])
    return is_published(name) or own or any(part in known.browser_words for part in parts)


_OWN = 3


def _own(before: Sequence[str]) -> bool:
    """Whether the words before `URL` make it that of the program itself: none, `APP`, `SERVER_BASE`."""
    return not before or (before[0] in _variables().own_words and all(part in ("base", "root") for part in before[1:]))


def is_for_servers(name: str) -> bool:
    """Whether a web address under this name is for calls between servers: `API_URL`, `ORDERS_SERVICE_URL`."""
    return any(part in _variables().server_words for part in words(name))


def is_for_containers(name: str) -> bool:
    """Whether a variable that a page gets is meant for the server that makes the page: `VITE_PROXY_TARGET`."""
    return any(part in _variables().inner_words for part in words(name))


class Split(Struct, frozen=True):
    """A variable that holds only a host: the words that tell whose, and the name of the variable with the port."""

    words: frozenset[str]
    port: str


def split_host(name: str) -> Split | None:
    """How `DB_HOST` or `HOST_DB` goes with `DB_PORT` or `PORT_DB`; None for other names, and for a bare `HOST`."""
    upper, parts = name.upper(), words(name)
    if upper == "PGHOST":
        return Split(frozenset({"pg"}), "PGPORT")
    head, _, last = upper.rpartition("_")
    if head and holds_host(last.lower()):
        return Split(frozenset(parts[:-1]), f"{name[: len(head)]}_PORT")
    first, _, rest = upper.partition("_")
    if first == "HOST" and rest.lower() in _variables().store_words:
        return Split(frozenset(parts[1:]), f"PORT_{name[len('HOST_') :]}")
    return None
