"""The table of programs: what they do, how they run others, how they name scripts; and the words in names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

from policyengine.knowledge.loading import FactTable, table
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Kind = Literal[
    "build",
    "compose-up",
    "deploy",
    "e2e",
    "migrate",
    "prepare",
    "provision",
    "publish",
    "push-schema",
    "release",
    "run-task",
    "seed",
    "serve",
    "serve-dev",
    "start",
    "test",
]
"""What a command may do. `publish` sends an image to a registry, `release` a package, `push-schema` changes a schema
without migrations, `provision` makes something of a managed service, `prepare` creates what a server needs: buckets,
databases, static files; `start` starts a service on the machine that it runs on, `serve` is a framework's own server
for production."""

Place = Literal["", "container", "host"]
"""Where a wrapped command runs: here, in a container, or on another machine."""


class Deed(Struct, frozen=True):
    """Something that a command line does.

    `tool` is what does it, an empty text where only a name tells (`npm run db:migrate`: `named`). `at` is the index of
    the word that is the program. `place` is where it runs.
    """

    kind: Kind
    tool: str
    at: int = 0
    place: Place = ""
    named: bool = False


class Option(Struct, frozen=True):
    """An option of a command: `--file=x`, `-f x`, `-d`. `index` is the word that holds the value, or the option."""

    name: str
    value: str
    index: int


class Layer(Struct, frozen=True):
    """A program of a command line, with its sub-commands: `path` is `docker compose up`, by the names of the table.

    `start` is the index of its first word, `rest` of the first behind its sub-commands and the options before them.
    `options` are those before `rest` and, of the last layer, all behind it; `operands` are the indexes of its further
    words. `subject` is the operand that a wrapper asks for: the service of `docker compose exec`, the host of `ssh`.
    `script` is the index of a word that is a shell script of its own, `joined` tells that those behind it belong to it;
    `file` that of a word that names a program file.
    """

    path: str
    start: int
    rest: int
    options: tuple[Option, ...] = ()
    operands: tuple[int, ...] = ()
    place: Place = ""
    subject: str = ""
    script: int | None = None
    joined: bool = False
    file: int | None = None

    def value(self, *names: str) -> str | None:
        """The value of the last of the options of these names, or None."""
        return next((option.value for option in reversed(self.options) if option.name in names), None)

    def values(self, *names: str) -> tuple[str, ...]:
        """The values of all options of these names."""
        return tuple(option.value for option in self.options if option.name in names)


class Runs(Struct, frozen=True, forbid_unknown_fields=True):
    """How a program runs another command.

    Behind its options and so many `operands`; only behind `--` when `marked`; only where a program of the table follows
    when `known`. `script` and `module` are options whose value is a shell script, or the name of what runs. `joined`:
    all words behind are one script. `lines`: each word is a command line, or the name of a package script. `file`: the
    first operand is a program file (not with one of the options `stdin`), `files` are options that name one. `user`: as
    a user without the rights of root.
    """

    operands: int = 0
    marked: bool = False
    known: bool = False
    joined: bool = False
    file: bool = False
    lines: Literal["", "prefixed", "scripts"] = ""
    place: Place = ""
    script: tuple[str, ...] = ()
    module: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    stdin: frozenset[str] = frozenset()
    tool: str = ""
    user: bool = False
    reaps: bool = False


class ScriptNames(Struct, frozen=True, forbid_unknown_fields=True):
    """How a program names scripts, targets or tasks of a file of the tree.

    Behind one of the words `after`; when `direct` also without, but for its `own` commands; `bare` names need no such
    word either. `all` operands are names, else only the first. `targets` are options that hold names.
    """

    after: frozenset[str] = frozenset()
    direct: bool = False
    own: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    all: bool = False
    targets: tuple[str, ...] = ()


class Program(Struct, frozen=True, forbid_unknown_fields=True):
    """A program, or a sub-command of one.

    `also` are its other names. `valued` are the options (and words) that take the next word as their value (`<` is the
    file that it reads as its input), `numbered`
    those that take it when it is a number, `tells` those with which it does nothing but tell. `does`
    tells by the words that follow, `tasks` by any of them (`:test` also as the end of `app:test`), `options` by an
    option, `says` by the words in one of them; each names a kind, and the tool where it is not the program. It does
    something with one of the options `only`, where there are some; and from here to a place that holds a text of `to`,
    the last operand, where no operand has one of the words `besides`. `overrides` are options whose JSON holds the
    command that it runs. One that `fetches` brings files that are not the repository's. Tasks that are `tested` run the
    tests too, but for the options that leave them out (`-x test`, `-DskipTests`).
    """

    source: str
    also: tuple[str, ...] = ()
    valued: frozenset[str] = frozenset()
    numbered: frozenset[str] = frozenset()
    tells: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    to: tuple[str, ...] = ()
    besides: frozenset[str] = frozenset()
    overrides: tuple[str, ...] = ()
    fetches: bool = False
    does: dict[str, str] = {}
    tasks: dict[str, str] = {}
    tested: dict[str, list[str]] = {}
    options: dict[str, str] = {}
    says: dict[str, str] = {}
    runs: Runs | None = None
    scripts: ScriptNames | None = None

    @property
    def taking(self) -> frozenset[str]:
        """All options that take the next word, those included whose value runs."""
        return self.valued if self.runs is None else self.valued.union(self.runs.script, self.runs.module)

    @property
    def works(self) -> bool:
        """Whether the table says what it does, or how it finds that."""
        return bool(self.does or self.tasks or self.options or self.says or self.runs or self.scripts)


class Named(Struct, frozen=True, forbid_unknown_fields=True):
    """The names of scripts that tell a kind, by the words in them.

    One of `any`, one of `first` or `last` at an end, the words of `sequences` side by side, or the `whole` name; and
    none of `none`. `files` tells whether the names of program files (`paths`, but for the `whole` ones), and the words
    of unknown programs (`any`), count too; `lead` are words of those that stand before such a word:
    `bin/app eval App.Release.migrate`.
    """

    source: str
    any: frozenset[str] = frozenset()
    none: frozenset[str] = frozenset()
    first: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()
    sequences: tuple[str, ...] = ()
    whole: frozenset[str] = frozenset()
    files: Literal["", "any", "paths"] = ""
    lead: frozenset[str] = frozenset()

    def fits(self, words: Sequence[str]) -> bool:
        """Whether these are the words of such a name."""
        return (
            bool(words)
            and self.none.isdisjoint(words)
            and (
                " ".join(words) in self.whole
                or words[0] in self.first
                or words[-1] in self.last
                or says(words, self.sequences)
                or not self.any.isdisjoint(words)
            )
        )

    def tells_file(self, words: Sequence[str], path: str) -> bool:
        """Whether the words of the name of a program file are such a name."""
        is_path = not path.startswith(("@", "$")) and ("/" in path or "." in path)
        return self.fits(words) and (
            self.files == "any" or (self.files == "paths" and is_path and " ".join(words) not in self.whole)
        )

    def begins(self, operands: Sequence[str]) -> bool:
        """Whether the first words of a program are such a name: `server migrate up`, `app db migrate`."""
        words = [words_of(each) for each in operands]
        chosen = 1 if len(words) > 1 and words[0] and self.lead.issuperset(words[0]) else 0
        if not words or not words[chosen] or "/" in operands[chosen]:
            return False
        ends = "." not in operands[chosen] or words[chosen][-1] in self.any
        return ends and not self.any.isdisjoint(words[chosen]) and self.none.isdisjoint(sum(words, ()))

    def speaks(self, words: Sequence[str]) -> bool:
        """Whether the words of a name have to do with it at all: `dev-migrations`, `db_seed`."""
        return not self.any.isdisjoint(words) or says(words, self.sequences)


class Unless(Struct, frozen=True, forbid_unknown_fields=True):
    """The options with which a command only tells, and does nothing of a kind."""

    source: str
    options: frozenset[str]


class Commands(FactTable, frozen=True):
    """The table: programs by their words, names of scripts by kind, options that only tell; what was asked."""

    names: dict[Kind, Named]
    unless: dict[str, Unless]
    programs: dict[str, Program]
    read: dict[tuple[str, ...], tuple[Layer, ...]] = field(default_factory=dict)
    told: dict[tuple[str, ...], tuple[Deed, ...]] = field(default_factory=dict)
    _paths: dict[str, str] = field(default_factory=dict)

    @property
    def paths(self) -> dict[str, str]:
        """The entry that each path of words leads to; an empty text for the beginning of a longer one."""
        if not self._paths:
            for name, program in self.programs.items():
                for path in (name, *program.also):
                    words = path.split()
                    for count in range(1, len(words)):
                        self._paths.setdefault(" ".join(words[:count]), "")
                    self._paths[path] = name
        return self._paths


UNLISTED = Program(source="")
"""What is known of a program that the table does not list."""

_VERSIONED = regex(r"(?<=.)@[^/]*\Z")
_INSTALLED = regex(r"(?:.*/)?node_modules/(?!\.bin/)((?:@[^/]+/)?[^/]+)/")
_NUMBERED = regex(r"([a-z]+?)[\d.]+\Z")
_EXPANDED = regex(r"\$(?:\{(\w+)\}|\((\w+)\)|(\w+))\Z")
_TOKEN = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_LONGEST = 400


def commands() -> Commands:
    """The table."""
    return table("commands", Commands)


def program_name(word: str) -> str:
    """The name of a program: without its folder, version and ending; `$(DOCKER_COMPOSE)` is what it is called after."""
    if match := _EXPANDED.match(word):
        name = match[match.lastindex or 1].lower()
        return "docker compose" if "compose" in name.split("_") else name.replace("_", "-")
    if match := _INSTALLED.match(word):
        return match[1]
    name = _VERSIONED.sub("", word)
    return name if name.startswith("@") else name.rpartition("/")[2].removesuffix(".exe")


def words_of(name: str) -> tuple[str, ...]:
    """The words in a name: `db:runMigrations` has `db`, `run` and `migrations`."""
    return tuple(word.lower() for word in _TOKEN.findall(name[:_LONGEST]))


def says(words: Sequence[str], sequences: Iterable[str]) -> bool:
    """Whether the words of one of the sequences stand side by side among words."""
    spaced = f" {' '.join(words)} "
    return any(f" {each} " in spaced for each in sequences)


def entry(known: Commands, word: str) -> str:
    """The path of a program in the table, or its own name."""
    image = word.partition(":")[0]
    name = image if "/" in image and image in known.paths else program_name(word)
    if name not in known.paths and (match := _NUMBERED.match(name)) and match[1] in known.paths:
        name = match[1]
    return known.paths.get(name) or name


def works(known: Commands, word: str) -> bool:
    """Whether the table says what a program does."""
    path = entry(known, word)
    return (path in known.programs and known.programs[path].works) or known.paths.get(path) == ""


def is_tool(known: Commands, image: str) -> bool:
    """Whether an image is that of a program: `flyway/flyway:10`."""
    return "/" in image and image.partition(":")[0] in known.paths
