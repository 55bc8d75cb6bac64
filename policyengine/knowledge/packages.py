"""What packages bring: programs, database extensions; and how package managers are called."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from policyengine.knowledge.loading import Cited, FactTable, table


class Manager(Struct, frozen=True, forbid_unknown_fields=True):
    """A program that installs packages: its verbs, its options that take the next word.

    Where packages are installed into a project too, only one of the options `globally` makes them the system's.
    """

    install: tuple[str, ...]
    valued: tuple[str, ...]
    source: str
    globally: tuple[str, ...] = ()


class BroughtProgram(Struct, frozen=True, forbid_unknown_fields=True):
    """The program that a system package brings."""

    program: str
    source: str


class UsedExtension(Struct, frozen=True, forbid_unknown_fields=True):
    """The database extension that a package is for, or that an operation of a migration creates."""

    extension: str
    source: str


class Migrator(Struct, frozen=True, forbid_unknown_fields=True):
    """What runs the migrations of a tool besides its command line.

    The application's own `code`, which calls a library; or that library at the `start` of every application.
    """

    called: Literal["code", "start"]
    source: str


class Written(Struct, frozen=True, forbid_unknown_fields=True):
    """The folders, relative to the application, into which a framework of a language writes while it runs."""

    runtime: str
    paths: tuple[str, ...]
    source: str


class EnvLoader(Struct, frozen=True, forbid_unknown_fields=True):
    """A package that reads env files; one for `secrets` reads from `.env` what a server is not to show."""

    source: str
    secrets: bool = False


class Packages(FactTable, frozen=True):
    """The table; `native` are dependencies with code for one C library, `to_files` build an application to files.

    `loads_env_files` read `.env` and its like, or other files with settings, from the folder where the code runs.

    A `*` at either end of a package's name in `uses` is any further text.
    """

    managers: dict[str, Manager]
    tools: dict[str, BroughtProgram]
    uses: dict[str, UsedExtension]
    operations: dict[str, UsedExtension]
    creators: dict[str, UsedExtension]
    plain_drivers: dict[str, Cited]
    migrators: dict[str, Migrator]
    native: dict[str, Cited]
    writes: dict[str, Written]
    to_files: dict[str, Cited]
    loads_env_files: dict[str, EnvLoader]
    _patterns: list[tuple[str, str, UsedExtension]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, entry in self.uses.items():
            if "*" in name:
                self._patterns.append((name, name.strip("*"), entry))

    def use(self, package: str) -> UsedExtension | None:
        """The entry of a package, by its name or by a pattern."""
        found = self.uses.get(package)
        for name, text, entry in self._patterns if found is None else ():
            starts, ends = name.endswith("*"), name.startswith("*")
            if (text in package) if starts and ends else package.startswith(text) if starts else package.endswith(text):
                found = entry
        return found


def migrations_called(tool: str) -> Literal["", "code", "start"]:
    """What runs the migrations of a tool besides its command line; empty where nothing does."""
    found = _packages().migrators.get(tool)
    return "" if found is None else found.called


def _packages() -> Packages:
    return table("packages", Packages)


def manager(program: str) -> Manager | None:
    """The package manager that a program is, or None."""
    return _packages().managers.get(program)


def brings(package: str) -> str | None:
    """The program that a system package brings, of those that rules ask for; None for another package."""
    found = _packages().tools.get(package)
    return None if found is None else found.program


def extension_of(package: str) -> str | None:
    """The database extension that a dependency is for (`vector` of `pgvector`), or None."""
    found = _packages().use(package)
    return None if found is None else found.extension


def creator_of(package: str) -> str | None:
    """The database extension that a library creates by itself when it first connects; None for another package."""
    found = _packages().creators.get(package)
    return None if found is None else found.extension


def connects_plainly(package: str, ecosystem: str) -> bool:
    """Whether a driver of Postgres asks for no TLS unless it is told to; libpq, as of Ruby's `pg`, tries it."""
    return ecosystem == "npm" and package in _packages().plain_drivers


def created_by(operation: str) -> str | None:
    """The database extension that an operation of Django's migrations creates, `TrigramExtension`; None for another."""
    found = _packages().operations.get(operation)
    return None if found is None else found.extension


def is_native(package: str) -> bool:
    """Whether a dependency of npm, Python or Ruby brings code that is built for one C library: `bcrypt`, `psycopg2`."""
    return package.lower() in _packages().native


def builds_to_files(package: str) -> bool:
    """Whether an npm package builds a front end to files that any server of files may serve: `vite`."""
    return package in _packages().to_files


def loads_env_files(package: str) -> bool:
    """Whether a dependency reads env files by itself, or for code that asks it to: `dotenv`, `python-decouple`."""
    return package in _packages().loads_env_files


def keeps_secrets_in_env_files(package: str) -> bool:
    """Whether a dependency is there to read a `.env` with secrets of a server: `python-dotenv`, and not `vite`."""
    loader = _packages().loads_env_files.get(package)
    return loader is not None and loader.secrets


def written_by(package: str, runtime: str) -> tuple[str, ...]:
    """The folders into which a framework of a language writes while it runs: `.next/cache` of Next.js on `node`."""
    found = _packages().writes.get(package)
    return found.paths if found is not None and found.runtime == runtime else ()
