"""Here-documents of a shell script: found by the grammar, read line by line, and put out of its sight.

The grammar loses what stands behind a mark (`<<A <<B`, `<<A 2>&1 | b`), so it gets plain redirections in their place.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from policyengine.patterns import regex
from policyengine.syntax.shell_tree import Redirect, WrittenWord

if TYPE_CHECKING:
    from policyengine.model.text import Text
    from policyengine.syntax.parsing import Parsed


class HereDocument(NamedTuple):
    """A here-document: the indexes of its operator, of its mark, and of the lines of its body."""

    operator: str
    start: int
    mark: tuple[int, int]
    quoted: bool
    lines: list[tuple[int, int]]

    def redirect(self, text: Text) -> Redirect:
        """The redirection that it is."""
        start, end = self.mark
        kept = text.kept((at, at + 1) for at in range(start, end) if text.written[at] not in "'\"\\")
        target = WrittenWord(kept, kept.place, self.quoted)
        return Redirect(self.operator, target, text.kept(self.lines), self.quoted)


_QUOTES = regex(r"['\"\\]")
_TABS = regex(r"\t*")
_INK = regex(r"[^\r\n]")
_MOST = 1_000
"""How many here-documents of a script are read."""
_HEREDOC = regex(r"<<(-?)(?!<)[ \t]*((?:'[^'\n]*'|\"[^\"\n]*\"|\\.|[^\s|&;()<>'\"\\])+)")
_LINE = regex(r"(?:[^\\\n]|\\(?:\n|[^\n]|\Z))*(?:\n|\Z)")


def documents(written: str, parsed: Parsed) -> tuple[list[HereDocument], str, bool]:
    """The here-documents of a script, and the script with plain redirections in place of them; whether all are closed.

    The grammar loses what stands behind a mark (`<<A <<B`, `<<A 2>&1 | b`), so it does not get to see them.
    """
    found: list[HereDocument] = []
    edits: list[tuple[int, int, str]] = []
    closed, line, behind, place, byte = True, -1, -1, 0, 0
    for match in islice(_HEREDOC.finditer(written), _MOST):
        start = match.start()
        byte, place = byte + len(written[place:start].encode("utf-8", "surrogatepass")), start
        if line <= start < behind or not _is_operator(parsed, byte):
            continue
        if start >= line:
            line = behind = _LINE.match(written, match.end()).end()  # type: ignore[union-attr]
        first, mark = behind, _QUOTES.sub("", match[2])
        lines, behind, ended = _body(written, first, mark, tabs=match[1] == "-")
        closed = closed and ended
        found.append(HereDocument(f"<<{match[1]}", start, match.span(2), mark != match[2], lines))
        edits.append((start, match.start(2), "<".ljust(match.start(2) - start)))
        edits.append((first, behind, _INK.sub(" ", written[first:behind])))
    pieces: list[str] = []
    at = 0
    for start, end, text in sorted(edits):
        pieces += (written[at:start], text)
        at = end
    return found, "".join([*pieces, written[at:]]), closed


def _body(written: str, at: int, mark: str, *, tabs: bool) -> tuple[list[tuple[int, int]], int, bool]:
    """The lines of a here-document from `at` on, where it ends, and whether it does."""
    lines: list[tuple[int, int]] = []
    while at < len(written):
        end = written.find("\n", at) + 1 or len(written)
        start = _TABS.match(written, at, end).end() if tabs else at  # type: ignore[union-attr]
        if written[start:end].rstrip("\r\n") == mark:
            return lines, end, True
        lines.append((start, end))
        at = end
    return lines, at, False


def _is_operator(parsed: Parsed, byte: int) -> bool:
    """Whether what stands at a byte is the operator of a here-document, as the grammar sees it."""
    node = parsed.root.descendant_for_byte_range(byte, byte + 1)
    if node is None or node.type not in {"<<", "<<-", "<", "ERROR", "heredoc_redirect"}:
        return False
    return node.parent is None or node.parent.type != "binary_expression"
