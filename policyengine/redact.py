"""Secret values are masked in whatever is shown: source lines, messages, exported values.

A mask has as many characters as what it hides, and line ends and tabs stay: places and carets keep their meaning.
"""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from policyengine.masks import covered, literal, merged, quoted_only, ranges, secret_key, strings
from policyengine.nodes import Origin, Variable
from policyengine.source import Source, Span
from policyengine.value import Floating, Known

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.graph import Graph

_THROWAWAY = re.compile(r"\A(?:[a-z]+|[A-Z]+|\d+|.{0,7})\Z", re.DOTALL)
"""Too common a word to be hidden wherever it occurs: `postgres` as a password must not blank every image name."""


class Redactor:
    """Masks the secrets of one scan: those the graph knows, and those a text gives away by its form."""

    def __init__(self, graph: Graph, sources: Mapping[str, Source]) -> None:
        self._sources = sources
        self._spans: dict[str, list[Span]] = {}
        self._words: set[str] = set()
        self._masked: dict[str, Source] = {}
        for variable in found_variables(graph.nodes):
            if variable.origin is not Origin.SECRET and not secret_key(variable.key):
                continue
            if isinstance(variable.value, (Known, Floating)):
                self._spans.setdefault(variable.value.span.path, []).append(variable.value.span)
                word = variable.value.value
                if isinstance(word, str) and not _THROWAWAY.match(word) and literal(word, 0, len(word)):
                    self._words.add(word)
        self._anywhere = (
            re.compile("|".join(re.escape(word) for word in sorted(self._words, key=lambda word: (-len(word), word))))
            if self._words
            else None
        )

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
        found = ranges(text, path)
        for span in self._spans.get(path, ()):
            found.extend(_at(text, span))
        if self._anywhere is not None:
            found.extend(match.span() for match in self._anywhere.finditer(text))
        return covered(text, merged(found))

    def text(self, text: str) -> str:
        """A message or a value with its secrets masked."""
        found = ranges(text)
        if self._anywhere is not None:
            found.extend(match.span() for match in self._anywhere.finditer(text))
        return covered(text, merged(found)) if found else text

    def value(self, key: str, value: str) -> str:
        """The value of a variable called `key`, masked as a whole when the key tells a secret."""
        if secret_key(key):
            return covered(value, merged(literal(value, 0, len(value))))
        return self.text(value)

    def words(self, words: Sequence[str]) -> tuple[str, ...]:
        """The words of a command line; the one after `--password` is masked."""
        result: list[str] = []
        previous = ""
        for word in words:
            option = previous.startswith("-") or previous in ("requirepass", "masterauth")
            hidden = option and not word.startswith("-") and secret_key(previous.lstrip("-"))
            result.append(covered(word, merged(literal(word, 0, len(word)))) if hidden else self.text(word))
            previous = word
        return tuple(result)


def _at(text: str, span: Span) -> list[tuple[int, int]]:
    """The literal parts of a secret variable's value at its place, which may be a whole expression."""
    start, end = span.start, min(span.end, len(text))
    inside_quotes = text[max(start - 1, 0) : start] in ('"', "'", "`")
    if quoted_only(span.path) and not inside_quotes and "\n" not in text[start:end]:
        return strings(text, start, end)
    return literal(text, start, end)


def found_variables(value: object) -> Iterator[Variable]:
    """Every Variable that a node, or anything else made of dataclasses and tuples, holds."""
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, Variable):
            yield each
        elif isinstance(each, tuple) and not isinstance(each, Span):
            stack.extend(part for part in each if not isinstance(part, (str, int)))
        elif is_dataclass(each) and not isinstance(each, type):
            stack.extend(
                part
                for field in fields(each)
                if not isinstance(part := getattr(each, field.name, None), (str, int, type(None)))
            )
