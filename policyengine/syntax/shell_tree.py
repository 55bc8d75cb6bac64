"""The syntax tree of a shell script: words, commands, pipelines, blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from policyengine.model.command import Word

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.model.text import Text


class WrittenWord(Struct, frozen=True):
    """A word without its quotes. `span` excludes quotes around the whole (and includes them when it is empty).

    What the shell replaces is an undecided piece of `content`. `blocks` are the commands substituted in it.
    """

    content: Text
    span: Span
    quoted: bool = False
    blocks: tuple[CommandList, ...] = ()

    @property
    def text(self) -> str:
        """The text, expansions as written."""
        return self.content.written

    @property
    def literal(self) -> bool:
        """Whether the text is what the command gets."""
        return self.content.decided

    def read(self) -> Word:
        """The word as the graph holds it."""
        return Word(self.text, self.span, self.literal)


class Operator(NamedTuple):
    """A connector and its indexes."""

    text: str
    start: int
    end: int


class WrittenAssignment(Struct, frozen=True):
    """`NAME=value` before a command, or on its own."""

    name: str
    value: WrittenWord
    span: Span


class Redirect(Struct, frozen=True):
    """A redirection.

    `body` is the text of a here-document, without leading tabs for `<<-`; `literal` when its mark is quoted.
    """

    operator: str
    target: WrittenWord | None
    body: Text | None = None
    literal: bool = False


class Simple(Struct):
    """Assignments, words and redirections up to a connector."""

    start: int
    end: int
    words: list[WrittenWord] = field(default_factory=list)
    assignments: list[WrittenAssignment] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


class Compound(Struct):
    """`if`, `for`, `while`, `until`, `case`, `(`, `{` or a function, with its blocks by role."""

    kind: str
    start: int
    end: int
    parts: list[tuple[str, CommandList]] = field(default_factory=list)
    name: str = ""  # of a function, or the variable of a `for`
    over: str = ""  # what a `for` goes through, as written
    subject: WrittenWord | None = None  # of a `case`
    patterns: list[tuple[str, ...]] = field(default_factory=list)  # of a `case`, one tuple for each part
    redirects: list[Redirect] = field(default_factory=list)


Element = Simple | Compound


class Pipeline(Struct):
    """Elements joined by `|`; `bars` are the places of the bars, `negation` that of a leading `!`."""

    start: int
    end: int
    elements: list[Element] = field(default_factory=list)
    bars: list[tuple[int, int]] = field(default_factory=list)
    negation: tuple[int, int] | None = None


class AndOr(Struct):
    """Pipelines joined by `&&` and `||`, and what ends them: `;`, `&`, a newline, or nothing."""

    start: int
    end: int
    pipelines: list[Pipeline] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)
    terminator: str = ""


class CommandList(Struct):
    """A list of commands."""

    items: list[AndOr] = field(default_factory=list)
