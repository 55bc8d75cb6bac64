"""What a command calls: a script of the tree, where and how it runs; and where paths in it lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms.github.expressions import is_open
from policyengine.repository.discover import join
from policyengine.syntax.environment import Environment

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.model.text import Text
    from policyengine.model.value import Value, Via
    from policyengine.repository.files import Files

WORKSPACE = "/github/workspace"
"""Where the tree lies in a container of GitHub's runner ("Default environment variables")."""
_WORKSPACE = regex(rf"(?:\$\{{?GITHUB_WORKSPACE\}}?|\$\{{\{{\s*github\.workspace\s*\}}\}}|{WORKSPACE}(?=/|\Z))/?")
_ACTION_PATH = regex(r"(?:\$\{?GITHUB_ACTION_PATH\}?|\$\{\{\s*github\.action_path\s*\}\})")


def local_path(uses: str, files: Files) -> str:
    """What a step or job uses, as a path of the tree where that is this repository's own: `./.github/actions/x`."""
    owner, _, rest = uses.partition("@")[0].partition("/")
    name, _, path = rest.partition("/")
    if path.startswith(".github/") and f"{owner}/{name}".lower() == files.repository:
        return f"./{path}"
    return uses


class Called(Struct, frozen=True):
    """A script that a command calls: its identity, what to call it, its text, where it runs, and how.

    `goal` is the name by which the command calls it, where it may call several.
    """

    key: str
    what: str
    text: Text
    directory: str
    errexit: bool = False
    pipefail: bool = False
    ignored: bool = False
    goal: str | None = None


class Walk(Struct, frozen=True):
    """The state that nested scripts inherit."""

    directory: str
    via: tuple[Via, ...] = ()
    seen: frozenset[str] = frozenset()
    forgiven: bool = False
    remote: bool = False
    contained: bool = False
    branches: tuple[Span, ...] = ()
    errexit: bool = False
    pipefail: bool = False
    environment: Environment = Environment()
    folder: str = ""  # of the composite action
    arguments: tuple[str | None, ...] | None = None  # of the script; None where the call is not known


def path_from(directory: str, path: str, folder: str) -> str | None:
    """A path of a script relative to the root; None where variables or `..` lead out of what is known."""
    if match := _WORKSPACE.match(path):
        directory, path = "", path[match.end() :] or "."
    elif match := _ACTION_PATH.match(path):
        directory, path = folder, path[match.end() :].lstrip("/") or "."
    return None if is_open(path) else join(directory, path)


def entered(directory: str, path: str, folder: str) -> str:
    """The folder behind `cd path`; the same where it is not known."""
    where = path_from(directory, path, folder)
    if where is None:
        return directory
    return "" if where == "." else where


def text_of(found: Value[str]) -> str | None:
    """A value as the environment holds it; None where only the run gives it."""
    return found.value if isinstance(found, Known) and not is_open(found.value) else None
