"""Secret values are masked in whatever is shown: source lines, messages, exported values.

A mask has as many characters as what it hides, and line ends and tabs stay: places and carets keep their meaning.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge import secret_words, secrets
from policyengine.knowledge.names import is_for_tests
from policyengine.model.nodes import Command, Origin, ShellCommand, Variable
from policyengine.model.source import Source, Span
from policyengine.model.value import Floating, Known, Sealed, is_secret
from policyengine.patterns import regex
from policyengine.reports import literals, masks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.model.graph import Graph
    from policyengine.reports.literals import Range

_THROWAWAY = regex(r"\A(?:[a-z]+|[A-Z]+|\d+|.{0,7})\Z", re.DOTALL)
"""Too common a word to be hidden wherever it occurs: `postgres` as a password must not blank every image name."""


_PLAIN = regex(r"[\w.:/@+-]*\Z")
_PLACES = frozenset({"$schema", "path", "version"})
_NAMES = frozenset(
    {
        *("actions", "address", "chosen", "cloud", "declared", "id", "key", "local", "name", "node", "pack", "rule"),
        *("source", "subject", "target", "type", "unpaired"),
    }
)
"""The keys of our JSON formats that hold names; a name such as `secretsmanager:GetSecretValue` looks like a secret."""


class Redactor:
    """Masks the secrets of one scan: those that readers met, `more`, and those a text gives away by its form.

    Of the lines at `unread` places, which no reader understood, only the first words are shown.
    """

    def __init__(
        self,
        graph: Graph,
        sources: Mapping[str, Source],
        more: Sequence[Sealed] = (),
        unread: Sequence[Span] = (),
    ) -> None:
        self._graph = graph
        self._more = more
        self._unread = unread
        self._sources = sources
        self._masked: dict[str, Source] = {}
        self._texts: dict[str, str] = {}

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
        for each in self._secrets[0].get(path, ()):
            found.extend(_at(text, each))
        for span in self._unread:
            if span.path == path:
                found.extend(masks.unread(text, min(span.start, len(text))))
        return masks.covered(text, masks.merged([*found, *self._occurrences(text)]))

    @staticmethod
    def outline(source: Source) -> Source:
        """A file of which nothing was understood, with no more than the first word of each line."""
        shown = masks.covered(source.text, masks.merged(masks.unread(source.text, 0, len(source.text))))
        return Source(source.path, shown, source.bom)

    def text(self, text: str) -> str:
        """A message or a value with its secrets masked."""
        if text not in self._texts:
            found = [*masks.ranges(text), *self._occurrences(text)]
            self._texts[text] = masks.covered(text, masks.merged(found)) if found else text
        return self._texts[text]

    def document(self, value: object, key: str = "") -> object:
        """Plain data without the secrets of its texts; of names, only those that are a secret's text, of paths none."""
        match value:
            case str() if key not in _PLACES:
                return self.name(value) if key in _NAMES else self.text(value)
            case list():
                return [self.document(each, key) for each in value]
            case dict():
                return {name: self.document(each, name) for name, each in value.items()}
            case _:
                return value

    def name(self, name: str) -> str:
        """A name, in which only a text is masked that is known to be a secret, or the password of an address.

        One of several words may be a line of a script, as a step has it that is given no name.
        """
        found = masks.ranges(name) if " " in name else masks.userinfo(name)
        return masks.covered(name, masks.merged([*self._occurrences(name), *found]))

    def standing(self, text: str, span: Span) -> str:
        """A text as it is quoted at its place, if it stands there letter by letter."""
        original, shown = self._sources.get(span.path), self.source(span.path)
        same = original is not None and shown is not None and original.slice(span) == text
        return shown.slice(span) if same and shown is not None else text

    def value(self, key: str, value: str, *, secret: bool = False) -> str:
        """The value of a variable called `key`, masked as a whole when the key tells a secret.

        One that is made of a `secret` is masked as a whole where it is not seen which part of it that is.
        """
        if secrets.may_hold_secret(key):
            return _covered(value)
        found = self.text(value)
        return _covered(value) if secret and found == value else found

    def words(self, words: Sequence[str]) -> tuple[str, ...]:
        """The words of a command line, without what they tell by the options that they stand behind."""
        shown = [*map(self.text, words)]
        for at, start, end in secret_words.told(words).words:
            shown[at] = shown[at][:start] + _covered(words[at][start:end]) + shown[at][end:]
        return tuple(shown)

    def _occurrences(self, text: str) -> Iterator[Range]:
        """Where a secret that the graph knows stands in the text, whatever surrounds it."""
        pattern = self._secrets[1]
        return iter(()) if pattern is None else (match.span() for match in pattern.finditer(text))

    @cached_property
    def _secrets(self) -> tuple[dict[str, list[Sealed]], re.Pattern[str] | None]:
        """The secrets by the files that they stand in, and a pattern of the texts that are no common words."""
        places: dict[str, list[Sealed]] = {}
        texts: set[str] = set()
        parts = [*_parts(self._graph.nodes)]
        for each in (*self._graph.sealed, *self._more, *_held(parts)):
            if each.span.path:
                places.setdefault(each.span.path, []).append(each)
            if each.text and each.alone:
                texts.update(text for text in _as_printed(each.text) if _unusual(text))
        if texts:  # a placeholder may repeat the name of a variable, and names are shown
            texts -= {each.key for each in parts if isinstance(each, Variable)}
        ordered = sorted(texts, key=lambda text: (-len(text), text))
        return places, re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _as_printed(text: str) -> Iterator[str]:
    """A secret as it may stand in an output: itself, within a JSON string, and the lines of a long one."""
    yield text
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    if "\n" in text:
        yield from (line.strip() for line in text.splitlines() if not line.startswith("-----"))


def _unusual(text: str) -> bool:
    """Whether a text is no common word, and none that the form of a reference tells to be harmless."""
    if _THROWAWAY.match(text) or (len(text) < _SHORT and is_for_tests(text)):
        return False
    return literals.literal(text, 0, len(text)) == [(0, len(text))]


_SHORT = 16
"""A text that says that it is for tests (`e2e-test`) is a secret of nobody, and a word of many names."""


def _held(parts: Sequence[object]) -> Iterator[Sealed]:
    """The secrets of the parts of nodes: variables named like one, what is computed of secrets, words of commands."""
    commands: set[tuple[str, ...]] = set()  # which repeat in the jobs of a called workflow
    put_together: set[str] = set()
    for each in parts:
        match each:
            case Variable(key=key, value=Known(str() as text, span) | Floating(str() as text, span), origin=origin):
                if origin is Origin.SECRET or secrets.may_hold_secret(key):
                    yield Sealed(text, span)
            case Known(str() as text, span, via) if is_secret(via) and span.holds(via[0].span):
                yield Sealed(text, span._replace(path=""))
            case Known(str() as text) | Floating(str() as text) if len(text) <= _LONGEST and _FORMED.search(text):
                put_together.add(text)
            case Command(words=words):
                commands.add(words)
            case ShellCommand():
                commands.add(tuple(word.text for word in each.words))
    for words in commands:
        yield from _of_words(words)
    for text in put_together:
        yield from formed(text)


def formed(text: str) -> Iterator[Sealed]:
    """The secrets that the form of a value tells; where it is put together, they stand elsewhere without that form."""
    for start, end in masks.ranges(text):
        yield Sealed(text[start:end].rstrip(";,"), _NOWHERE)


_FORMED = regex(r"(?i)://[^/\s]{0,400}@|passw|\bpwd[ =]|\bbearer |\bbasic |authorization")
_LONGEST = 4_000
"""Of a longer value its parts are values of their own."""


def _of_words(words: Sequence[str]) -> Iterator[Sealed]:
    told = {at: [(start, end)] for at, start, end in secret_words.told(words).words}
    for at, word in enumerate(words):
        if _THROWAWAY.match(word):
            continue  # nothing of it is looked for elsewhere
        for start, end in told.get(at) or masks.ranges(word):
            yield Sealed(word[start:end], _NOWHERE)


_NOWHERE = Span("", 0, 0)


def _covered(value: str) -> str:
    return masks.covered(value, masks.merged(literals.literal(value, 0, len(value))))


def _at(text: str, sealed: Sealed) -> list[Range]:
    """The literal parts of a secret at its place, which may be a whole expression."""
    path, start, end = sealed.span
    if text[start:end] == sealed.text:
        return literals.literal(text, start, end)
    if sealed.text and _PLAIN.match(text, start, end):
        return []  # the name of what it is computed from
    end = min(end, len(text))
    inside_quotes = text[max(start - 1, 0) : start] in ('"', "'", "`")
    if literals.quoted_only(path) and not inside_quotes and "\n" not in text[start:end]:
        return literals.strings(text, start, end)
    return literals.literal(text, start, end)


def _parts(value: object) -> Iterator[object]:
    """Every record that a node, or anything else made of records and tuples, holds; one that several hold once."""
    stack = [value]
    met: set[int] = set()
    while stack:
        each = stack.pop()
        if id(each) in met:
            continue
        met.add(id(each))
        if isinstance(each, tuple) and not isinstance(each, Span):
            stack.extend(part for part in each if not isinstance(part, (str, int)))
        elif isinstance(each, Struct):
            yield each
            stack.extend(
                part
                for name in each.__struct_fields__
                if not isinstance(part := getattr(each, name, None), (str, int, type(None)))
            )
