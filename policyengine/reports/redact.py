"""Secret values are masked in whatever is shown: source lines, messages, exported values.

A mask has as many characters as what it hides, and line ends and tabs stay: places and carets keep their meaning.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge import secrets
from policyengine.model.nodes import Origin, Variable
from policyengine.model.source import Source, Span
from policyengine.model.value import Floating, Known
from policyengine.patterns import regex
from policyengine.reports import literals, masks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.model.graph import Graph
    from policyengine.reports.literals import Range

_THROWAWAY = regex(r"\A(?:[a-z]+|[A-Z]+|\d+|.{0,7})\Z", re.DOTALL)
"""Too common a word to be hidden wherever it occurs: `postgres` as a password must not blank every image name."""


class Redactor:
    """Masks the secrets of one scan: those the graph knows, `more`, and those a text gives away by its form."""

    def __init__(self, graph: Graph, sources: Mapping[str, Source], more: Sequence[Variable] = ()) -> None:
        self._graph = graph
        self._more = more
        self._sources = sources
        self._masked: dict[str, Source] = {}

    def source(self, path: str) -> Source | None:
        """The file with its secrets masked, every offset kept; None for a file that was not read."""
        if path not in self._masked:
            original = self._sources.get(path)
            if original is None:
                return None
            self._masked[path] = Source(path, self.file(path, original.text), original.bom)
        return self._masked[path]

    def file(self, path: str, text: str) -> str:
        """The text of the file at `path` with its secrets masked, every offset kept."""
        found = masks.ranges(text, path)
        for span in self._secrets[0].get(path, ()):
            found.extend(_at(text, span))
        return masks.covered(text, masks.merged([*found, *self._occurrences(text)]))

    def text(self, text: str) -> str:
        """A message or a value with its secrets masked."""
        found = [*masks.ranges(text), *self._occurrences(text)]
        return masks.covered(text, masks.merged(found)) if found else text

    def value(self, key: str, value: str) -> str:
        """The value of a variable called `key`, masked as a whole when the key tells a secret."""
        return _covered(value) if secrets.may_hold_secret(key) else self.text(value)

    def words(self, words: Sequence[str]) -> tuple[str, ...]:
        """The words of a command line; the one after `--password` is masked, and so is one after `redis-cli … -a`."""
        programs = [word.rpartition("/")[2] for word in words]
        result: list[str] = []
        previous, taken = "", None
        for at, word in enumerate(words):
            directive = previous in secrets.directives()
            named = directive or (previous.startswith("-") and secrets.may_hold_secret(previous.lstrip("-")))
            if taken is not None and taken.option == previous and taken.attached != "always":
                start = word.find(":") + 1 if taken.holds == "user and password" else 0
                result.append(word[:start] + _covered(word[start:]))
            elif named and not word.startswith("-"):
                result.append(_covered(word))
            else:
                result.append(self.text(word))
            taken = secrets.option(programs[:at], word)
            if taken is not None and len(word) > len(taken.option):
                result[-1] = taken.option + _covered(word[len(taken.option) :])
            previous = word
        return tuple(result)

    def _occurrences(self, text: str) -> Iterator[Range]:
        """Where a secret that the graph knows stands in the text, whatever surrounds it."""
        pattern = self._secrets[1]
        return iter(()) if pattern is None else (match.span() for match in pattern.finditer(text))

    @cached_property
    def _secrets(self) -> tuple[dict[str, list[Span]], re.Pattern[str] | None]:
        """The places of the graph's secret values by file, and a pattern of those that are no common words."""
        spans: dict[str, list[Span]] = {}
        words: set[str] = set()
        for variable in (*found_variables(self._graph.nodes), *self._more):
            if variable.origin is not Origin.SECRET and not secrets.may_hold_secret(variable.key):
                continue
            if isinstance(variable.value, (Known, Floating)):
                spans.setdefault(variable.value.span.path, []).append(variable.value.span)
                word = variable.value.value
                if (
                    isinstance(word, str)
                    and not _THROWAWAY.match(word)
                    and literals.literal(word, 0, len(word)) == [(0, len(word))]
                ):
                    words.add(word)
        ordered = sorted(words, key=lambda word: (-len(word), word))
        return spans, re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _covered(value: str) -> str:
    return masks.covered(value, masks.merged(literals.literal(value, 0, len(value))))


def _at(text: str, span: Span) -> list[Range]:
    """The literal parts of a secret variable's value at its place, which may be a whole expression."""
    start, end = span.start, min(span.end, len(text))
    inside_quotes = text[max(start - 1, 0) : start] in ('"', "'", "`")
    if literals.quoted_only(span.path) and not inside_quotes and "\n" not in text[start:end]:
        return literals.strings(text, start, end)
    return literals.literal(text, start, end)


def found_variables(value: object) -> Iterator[Variable]:
    """Every Variable that a node, or anything else made of records and tuples, holds."""
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, Variable):
            yield each
        elif isinstance(each, tuple) and not isinstance(each, Span):
            stack.extend(part for part in each if not isinstance(part, (str, int)))
        elif isinstance(each, Struct):
            stack.extend(
                part
                for name in each.__struct_fields__
                if not isinstance(part := getattr(each, name, None), (str, int, type(None)))
            )
