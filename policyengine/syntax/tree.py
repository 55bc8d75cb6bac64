"""The located document tree that the YAML, JSON and TOML readers share.

The nodes are named tuples, not dataclasses: a reader makes millions of them, and a tuple is made six times faster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.model.value import Via


class Scalar(NamedTuple):
    """A leaf. `text` is its content with escapes resolved and is never typed by the reader.

    `span` covers the content without its quotes (with them when the content is empty), so for a scalar without
    escapes or folds the text at the span is `text`. `plain` tells a plain YAML scalar, or a JSON/TOML literal
    that is no string, from a quoted one: only a plain scalar may be resolved to null, a number or a boolean.
    `tag` is an explicit YAML tag such as `!reset`, or empty. `via` holds the aliases and merge keys that the node was
    reached through, the one nearest to the user first; `span` is then the place of the anchored node.
    """

    text: str
    span: Span
    plain: bool = False
    tag: str = ""
    via: tuple[Via, ...] = ()


class Sequence(NamedTuple):
    """A list, with the span from its first to its last character (trailing blanks and comments trimmed)."""

    items: tuple[Document, ...]
    span: Span
    tag: str = ""
    via: tuple[Via, ...] = ()


class Entry(NamedTuple):
    """One `key: value` of a mapping."""

    key: Scalar
    value: Document


class Mapping(NamedTuple):
    """A mapping in source order. Duplicate keys are a reader's error, merge keys (`<<`) are already merged."""

    entries: tuple[Entry, ...]
    span: Span
    tag: str = ""
    via: tuple[Via, ...] = ()

    def get(self, key: str) -> Document | None:
        """The value of `key`, or None."""
        for entry in self.entries:
            if entry.key.text == key:
                return entry.value
        return None

    def entry(self, key: str) -> Entry | None:
        """The entry of `key`, or None."""
        for entry in self.entries:
            if entry.key.text == key:
                return entry
        return None


Document = Scalar | Sequence | Mapping
