"""The words of a shell script: quotes taken off, escapes resolved, what the shell replaces left undecided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.text import Text
from policyengine.patterns import regex
from policyengine.syntax.shell_tree import AndOr, CommandList, Pipeline, Simple, WrittenWord

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Sequence

    from tree_sitter import Node


REPLACED = frozenset(
    {"arithmetic_expansion", "command_substitution", "expansion", "process_substitution", "simple_expansion"}
)
"""The nodes of the grammar for what the shell replaces."""
_UNSET = "the shell sets it"
_CHARACTERS = frozenset({'"', "string_content"})
_PLAIN = regex(r"\\(?:\r?\n|(.))")
_QUOTED = regex(r"\\(?:\r?\n|([$`\"\\]))")
_NAME = regex(r"[A-Za-z_]\w*")


class WordMaker:
    """What a word holds so far."""

    def __init__(
        self, text: Text, offset: Callable[[int], int], commands: Callable[[Iterable[Node]], CommandList]
    ) -> None:
        self._text = text
        self._offset = offset
        self._commands = commands
        self.pieces: list[Text] = []
        self.blocks: list[CommandList] = []
        self.quoted = False
        self._dollar = -2

    def plain(self, match: re.Match[str]) -> None:
        """Adds a word of quotes and plain variables."""
        for part in _PARTS.finditer(match.string, *match.span()):
            start, end = part.span()
            if part.lastgroup == "expansion":
                self.pieces.append(self._text.cut(start, end).unsettled(_UNSET))
            elif part.lastgroup is None:
                self._keep(start, end)
            else:
                self.quoted = True
                start += 1
                for inner in _EXPANSIONS.finditer(match.string, start, end - 1) if part.lastgroup == "double" else ():
                    self._keep(start, inner.start())
                    self.pieces.append(self._text.cut(*inner.span()).unsettled(_UNSET))
                    start = inner.end()
                self._keep(start, end - 1)

    def take(self, node: Node) -> None:
        """Adds a part of the word."""
        start, end = self._offset(node.start_byte), self._offset(node.end_byte)
        match node.type:
            case "regex":
                content = self._text.cut(start, end)
                self.pieces.append(content.unsettled(_UNSET) if "$" in content.written else content)
            case kind if kind in REPLACED:
                while self._text.written[start : start + 1].isspace():  # the grammar counts a blank before `${` to it
                    self._keep(start, start + 1)
                    start += 1
                self.pieces.append(self._text.cut(start, end).unsettled(_UNSET))
                self._substituted(node)
            case "raw_string" | "ansi_c_string":
                self.quoted = True
                self._keep(start + (1 if node.type == "raw_string" else 2), end - 1)
            case "string":
                self.quoted = True
                self._parts(node.named_children, start + 1, max(start + 1, end - 1), _QUOTED)
            case "array":
                self._keep(start, end)
                self._substituted(node)
            case _:
                self._parts(node.children, start, end, _PLAIN)

    def _parts(self, children: Sequence[Node], start: int, end: int, escape: re.Pattern[str]) -> None:
        """Adds parts, and the text between them with its escapes resolved."""
        offset = self._offset
        for child in children:
            if child.type not in _CHARACTERS:
                self._unescaped(start, max(start, offset(child.start_byte)), escape)
                self.take(child)
                start = offset(child.end_byte)
        self._unescaped(start, end, escape)

    def _unescaped(self, start: int, end: int, escape: re.Pattern[str]) -> None:
        written = self._text.written
        if start < end and self._dollar == start - 1:  # the grammar parts `$B` behind `.$`
            name = _NAME.match(written, start, end)
            if name is not None:
                self.pieces[-1] = self._text.cut(start - 1, name.end()).unsettled(_UNSET)
                start = name.end()
        for match in escape.finditer(written, start, end):
            self._keep(start, match.start())
            self.quoted = self.quoted or match[1] is not None
            start = match.end() if match[1] is None else match.start(1)
        self._keep(start, end)
        if start < end and written[end - 1] == "$" and start == end - 1:
            self._dollar = start

    def _keep(self, start: int, end: int) -> None:
        if end > start:
            self.pieces.append(self._text.cut(start, end))

    def _substituted(self, node: Node) -> None:
        """The commands that the shell runs to make a part, also within `${X:-$(…)}`."""
        waiting = [node]
        while waiting:
            each = waiting.pop()
            if each.type in {"command_substitution", "process_substitution"}:
                self.blocks.append(self._commands(each.children[1:-1]))
            else:
                waiting += reversed(each.children)

    def word(self, start: int, end: int) -> WrittenWord:
        """The word, which stands at the indexes `[start, end)` when it is empty."""
        if self.pieces:
            content = Text.join(self.pieces)
            return WrittenWord(content, content.place, self.quoted, tuple(self.blocks))
        return WrittenWord(self._text.cut(start, start), self._text.span(start, end), self.quoted)


_EXPANSION = r"\$[A-Za-z_]\w*+|\$\{[A-Za-z_]\w*+\}"
_WORD = rf"(?:[\w./:@=%+,-]++|'[^'\n]*+'|\"(?:[^\"\\$`\n]++|{_EXPANSION})*+\"|{_EXPANSION})++"
_SCRIPT = regex(rf"\s*+{_WORD}(?:[ \t]++{_WORD})*+[ \t]*+\n?")
_WORDS = regex(_WORD)
_PARTS = regex(rf"(?P<single>'[^']*')|(?P<double>\"[^\"]*\")|(?P<expansion>{_EXPANSION})|[^'\"$]+")
_EXPANSIONS = regex(_EXPANSION)
_RESERVED = frozenset(
    "case coproc do done elif else esac fi for function if in select then time until while".split()  # noqa: SIM905
)
_LONGEST = 2_000


def plain(text: Text, written: str) -> CommandList | None:
    """The one command of a line of words, quotes and plain variables, for which no grammar is needed; else None."""
    if len(written) > _LONGEST or not _SCRIPT.fullmatch(written):
        return None
    found = list(_WORDS.finditer(written))
    simple = Simple(found[0].start(), found[-1].end())
    if found[0][0] in _RESERVED or "=" in found[0][0]:
        return None
    for match in found:
        maker = WordMaker(text, lambda index: index, lambda _: CommandList())
        maker.plain(match)
        simple.words.append(maker.word(*match.span()))
    pipeline = Pipeline(simple.start, simple.end, [simple])
    return CommandList([AndOr(simple.start, simple.end, [pipeline])])
