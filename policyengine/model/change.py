"""Changes of files: exact ones, and those that say what is to stand where, whose text depends on the file.

A rule sees no file, so it says "under `environment` of this service stands `TZ: UTC`" and not where the line goes, how
far it is indented, or whether the variables are a list. `policyengine.syntax.editing` makes exact edits of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias, Union

from msgspec import Struct

if TYPE_CHECKING:
    from policyengine.model.source import Span


class Edit(Struct, frozen=True):
    """A replacement of the text at `span`; an empty span inserts. Where there is no such file, it is made."""

    span: Span
    text: str


class Raw(Struct, frozen=True):
    """An expression that is written as it is, such as `var.image_digest` in HCL."""

    text: str


Wanted: TypeAlias = Union[str, int, bool, Raw, tuple["Wanted", ...], Mapping[str, "Wanted"]]  # noqa: UP007
"""What can be put into a document. A text is quoted where the format asks for it."""


class Put(Struct, frozen=True):
    """`keys` are to lead to `value`, from what stands at `at` on: YAML, JSON or HCL.

    `at` is the name of an entry or a block (the span of most nodes), or any place within a mapping, a block or an
    object. Keys that are missing are added, behind the first of `after` that is there (an empty one is the top), else
    at the end; the key `-` is one more item of a list, behind the one that holds the place `behind`. Where a list holds
    `KEY=value`, a key is the part before the sign.
    """

    at: Span
    keys: tuple[str, ...]
    value: Wanted
    after: tuple[str, ...] = ()
    behind: Span | None = None


class Swap(Struct, frozen=True):
    """`old`, which stands once at the place, is to become `new`."""

    at: Span
    old: str
    new: str


class Drop(Struct, frozen=True):
    """The innermost entry, item or attribute that holds `at` is to go, and what would hold nothing without it.

    In code it is the default that stands there, `.default(…)`; in an env file, a script and other files of lines it is
    the lines.
    """

    at: Span


class LastLine(Struct, frozen=True):
    """A line to add to the file of `at`, which consists of lines: an env file, a .gitignore. It is made if need be."""

    at: Span
    text: str


class StageLine(Struct, frozen=True):
    """An instruction to add to the stage of a Dockerfile at `at`, before what starts the program."""

    at: Span
    text: str


Change: TypeAlias = Edit | Swap | Put | Drop | LastLine | StageLine
"""One change that a fix asks for."""
