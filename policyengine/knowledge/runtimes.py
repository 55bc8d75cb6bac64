"""Languages and their versions: which files and actions name one, and how many numbers of it must agree."""

from __future__ import annotations

from msgspec import Struct

from policyengine.knowledge.loading import FactTable, table


class NamedRuntime(Struct, frozen=True, forbid_unknown_fields=True):
    """The language whose version a file or a plugin of asdf names."""

    runtime: str
    source: str


class Setup(Struct, frozen=True, forbid_unknown_fields=True):
    """A published action that installs a language, in the version that its `input` names."""

    runtime: str
    input: str
    source: str


class Agreement(Struct, frozen=True, forbid_unknown_fields=True):
    """How many numbers of two versions must agree to be one line of releases: Node.js 1, Python 2."""

    numbers: int
    source: str


class Runtimes(FactTable, frozen=True):
    """The table."""

    files: dict[str, NamedRuntime]
    plugins: dict[str, NamedRuntime]
    setups: dict[str, Setup]
    numbers: dict[str, Agreement]


def _runtimes() -> Runtimes:
    return table("runtimes", Runtimes)


def version_files() -> tuple[str, ...]:
    """The names of files that hold the version of one language."""
    return tuple(_runtimes().files)


def runtime_of_file(name: str) -> str:
    """The language whose version a file of that name holds; empty for another file."""
    found = _runtimes().files.get(name)
    return "" if found is None else found.runtime


def runtime_of_plugin(name: str) -> str:
    """The language that a plugin of asdf or mise installs; empty for another tool."""
    found = _runtimes().plugins.get(name)
    return "" if found is None else found.runtime


def setup(action: str) -> Setup | None:
    """What a published action installs, by its name without the version; None for another action."""
    return _runtimes().setups.get(action.lower())


def numbers_that_agree(runtime: str) -> int:
    """How many numbers of two versions of a language must agree; 0 for one that is not listed."""
    found = _runtimes().numbers.get(runtime)
    return 0 if found is None else found.numbers
