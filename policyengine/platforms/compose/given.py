"""What the scripts that deploy give to Compose where production runs: tags of images, and an env file of another name.

`export TAG=…`, `TAG=… docker compose up`, a line that is written into the `.env` of the server, `--env-file .env.prod`.
These are found in the text, as scripts are sent to servers in many ways.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.knowledge.names import environment, environment_words, speaks_of_production, words
from policyengine.model.text import Text
from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.platforms.compose.environment import examples_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from policyengine.repository.files import Files

_STARTS = regex(r"\bdocker[ -]compose\b")
_ASSIGNED = regex(
    r"(?m)(?:^[ \t]*(?:export[ \t]+)?|\bexport[ \t]+|\becho[ \t]+[\"']?|\bs([|/])\^?[A-Z][^|/\n]{0,80}\1|"
    r"[\s\"'(](?=[^\n]{0,200}\bdocker[ -]compose\b))((?:[A-Z0-9]+_)*(?:TAG|VERSION|SHA|COMMIT))"
    r"=(?![\"']?\$\{\w+:-)([\"']?[^\s;&|]*[$`{<][^\s;&|]*)"
)
"""A tag that is set, exported, echoed, replaced by `sed`, or stands before the command; no constant, no default.

Other variables, such as the name of an image, say by their defaults what production runs.
"""
_ENV_FILE = regex(r"--env-file[\s=]+[\"']?([^\s\"'\\|;&]+)")
_PARAMETER = regex(r"\\?\$\{\{[^}]*\}\}|\\?\$\{[^}]*\}|\\?\$\w+")


class Given(Struct, frozen=True):
    """What Compose is given: `env_file` by its name, that is `.env` where no other is told, and variables."""

    env_file: str = ".env"
    variables: Mapping[str, Text] = field(default_factory=dict)


def given(tree: Files, scripts: Iterable[str], directory: str) -> Given:
    """What the scripts that start Compose give to the project in a folder."""
    meant = (
        path for path in scripts if {environment(word) for word in words(path)}.isdisjoint({"dev", "local", "test"})
    )
    told = [each for each in map(tree.read, meant) if each is not None and _STARTS.search(each.text)]
    variables: dict[str, Text] = {}
    for source in told:
        for match in _ASSIGNED.finditer(source.text):
            unknown = Unknown(f"'{source.path}' sets it when it deploys", source.span(*match.span(3)))
            variables.setdefault(match[2], Text.undecided(f"${{{match[2]}}}", unknown))
    named = {posixpath.basename(name) for source in told for name in _ENV_FILE.findall(source.text)}
    files = (each for one in sorted(named) for each in _for_production(one))
    known = (name for name in files if tree.exists(posixpath.join(directory, name)) or _example(tree, directory, name))
    unnamed = (name for word in environment_words("prod") if _example(tree, directory, name := f".env.{word}"))
    return Given(next(known, next(unnamed, ".env")), variables)


def _example(tree: Files, directory: str, name: str) -> bool:
    """Whether an example of an env file of just that name is in the tree."""
    return any(tree.exists(posixpath.join(directory, each)) for each in examples_of(name))


def _for_production(name: str) -> Iterator[str]:
    """The names that an argument may have in production."""
    tried = [_PARAMETER.sub(word, name) for word in environment_words("prod")] if _PARAMETER.search(name) else [name]
    yield from (each for each in tried if speaks_of_production(each))
