"""Files that read the environment, and which of them is the configuration module of an application."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge import names, settings
from policyengine.model.nodes import ConfigKey, ConfigModule, Side
from policyengine.model.source import Span
from policyengine.model.value import Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policyengine.model.source import Source


class Candidate(Struct, frozen=True):
    """A file that reads the environment. `order` says how strict its library is among those of its language."""

    path: str
    directory: str
    library: str
    keys: tuple[ConfigKey, ...]
    gap: str
    bypass: Value[str] | None = None
    order: int = 0
    programs: tuple[str, ...] = ()

    @property
    def rank(self) -> tuple[object, ...]:
        """What comes first is the application's module."""
        required = sum(map(_sure, self.keys))
        return (
            self.environment not in ("", "prod"),
            not self.library,
            not self.keys,
            all(key.client for key in self.keys),
            self.order,
            not settings.is_plainly_settings(self.path),
            -required,
            -len(self.keys),
            self.path.count("/"),
            self.path,
        )

    @property
    def environment(self) -> str:
        """The environment that the file is for by its name: `settings/production.py`, `application-dev.yml`."""
        told = (names.environment(word) for word in names.words(PurePosixPath(self.path).name.partition(".")[0]))
        return next((each for each in told if each), "")

    def follows(self, other: Candidate) -> bool:
        """Whether the file comes to all that another one checks, and to the same end."""
        own = {key.key: key for key in self.keys}
        same = any(key.key in own and own[key.key].span == key.span for key in other.keys)
        kept = all(key.key in own and (not _sure(key) or _sure(own[key.key])) for key in other.keys)
        return bool(self.library) and same and kept

    def module(self, directory: str, gap: str = "") -> ConfigModule:
        """The module of the application in a folder."""
        start, own = Span(self.path, 0, 0), directory == self.directory
        return ConfigModule(
            id=f"config:{self.path}" if own else f"config:{directory}={self.path}",
            name=self.path,
            side=Side.SOURCE,
            span=start,
            path=self.path,
            directory=directory,
            library=self.library,
            keys=self.keys,
            gap=Unknown(self.gap or gap, start) if self.gap or gap else None,
            bypass=self.bypass,
            programs=self.programs,
        )


def unless_refused(keys: Sequence[ConfigKey], source: Source) -> tuple[ConfigKey, ...]:
    """The variables of a file, without the defaults that it compares with what is set: it refuses them somewhere."""
    refuses = _REFUSED.search(source.text) is not None
    return tuple(
        replace(key, default=Unknown("the code compares its default with what is set", key.default.span))
        if isinstance(key.default, Known)
        and (_is_compared(key.default, source) or (refuses and key.default.value.partition("://")[2].startswith(_HERE)))
        else key
        for key in keys
    )


def _is_compared(default: Known[str], source: Source) -> bool:
    """Whether a file holds the text of a default once more, where something is compared with it."""
    if len(default.value) < _TELLING or default.span.path != source.path or source.text.count(default.value) < _TWICE:
        return False
    value = re.escape(default.value)
    quoted = regex(_QUOTED.format(value)).finditer(source.text)
    if all(each.start() <= default.span.start < each.end() for each in quoted):
        return False
    places = regex(_COMPARED.format(value)).finditer(source.text)
    return any(not each.start() <= default.span.start < each.end() for each in places)


_HERE = "localhost"
_REFUSED = regex(r"\b(?:raise|throw)\s+(?:new\s+)?[\w.]+\(\s*[fr]?[\"'`][^\"'`\n]*\blocalhost\b")
"""An error that speaks of addresses of the machine itself, which some check refuses."""
_TELLING = 6
"""So many characters of a default make another text that is equal the same thing."""
_TWICE = 2
_QUOTED = r"[\"']{}[\"']"
_COMPARED = (
    r"(?m)(?:[=!]==?\s*|\bin\s*[\[({{]?[^\n]*|\.(?:includes|has)\(\s*|^\s*|[\[{{]\s*)"
    + _QUOTED
    + r"\s*(?:[,\])}}:;]|$)"
)


def _sure(key: ConfigKey) -> bool:
    """Whether a variable must be there."""
    return isinstance(key.required, Known) and key.required.value


def best(directory: str, candidates: Sequence[Candidate]) -> ConfigModule:
    """The module of an application: the best of its files, or one that comes to it and to all others that do."""
    running = [each for each in candidates if not names.is_for_tests(each.path)]
    ordered = sorted(running or candidates, key=lambda candidate: candidate.rank)
    first = _widest(ordered[0], [each for each in ordered[1:] if each.follows(ordered[0])])
    keys = {key.key: key for key in first.keys}
    gap, elsewhere = "", []
    for other in (each for each in ordered if each is not first and not first.follows(each)):
        libraries = {first.library, other.library}
        if not other.library:
            gap = gap or (other.gap if not other.keys else "")
        elif parent(other.path) == parent(first.path) and "manual" not in libraries and not other.order:
            keys = {key.key: key for key in other.keys} | keys
        elif other.keys and other.environment in ("", "prod", "staging"):
            elsewhere.append(other.path)
    if elsewhere:
        shown = ", ".join(f"'{path}'" for path in elsewhere[:3]) + (" and others" if len(elsewhere) > 3 else "")
        gap = f"the environment is also checked in {shown}"
    return replace(first, keys=tuple(keys.values())).module(directory, gap)


def _widest(first: Candidate, others: Sequence[Candidate]) -> Candidate:
    """Of the files that come to another, the one that comes to all of them, or is production's."""
    whole = [each for each in others if all(each.follows(other) for other in others)]
    whole = [each for each in whole if len(each.keys) > len(first.keys)]
    production = [each for each in others if each.environment == "prod"]
    return max(whole or (production if len(production) == 1 else []), key=lambda each: len(each.keys), default=first)
