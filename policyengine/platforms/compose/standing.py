"""Files whose texts stand elsewhere, such as in the script that writes them: from what is read of them to what stands.

They are read as other files are, with a letter for each character that is not decided; then every text becomes again
what stands there, decided or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.source import ReadError, Span
from policyengine.platforms.compose.located import Branch, Items, Leaf, Member, Node, string
from policyengine.syntax.dotenv import EnvEntry
from policyengine.syntax.folding import unfold
from policyengine.syntax.tree import Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyengine.model.source import Source
    from policyengine.model.text import Text

LETTER = "x"


def placed(span: Span, origin: Text) -> Span:
    """Where a range of a written file stands: its first piece, and those that go on behind it."""
    first, *others = origin.cut(span.start, max(span.end, span.start + 1)).pieces
    if not first.exact:
        return first.span
    end = first.span.end if span.end > span.start else first.span.start
    for piece in others:
        gap = piece.span.start - end
        if not piece.exact or piece.span.path != first.span.path or not 0 <= gap <= _INDENTATION:
            break
        end = piece.span.end
    return Span(first.span.path, first.span.start, end)


_INDENTATION = 200
"""So many characters may lie between two pieces that stand one after the other in a file."""


def document(node: Node, source: Source, origin: Text) -> Node:
    """A document of a written file with its texts and places as they stand."""
    if isinstance(node, Leaf):
        span = placed(node.span, origin)
        if node.text is None:
            return node._replace(span=span)
        text = unfold(source, Scalar(node.text.written, node.span)).traced(origin)
        return string(text, span, node.via)
    if isinstance(node, Items):
        items = tuple(document(each, source, origin) for each in node.items)
        return node._replace(items=items, span=placed(node.span, origin))
    entries: dict[str, Member] = {}
    for key, member in node.entries.items():
        there = origin.cut(member.key.start, member.key.end)
        name = key if there.decided else there.written
        entries[name] = Member(placed(member.key, origin), document(member.node, source, origin))
    return Branch(entries, placed(node.span, origin), node.via)


def error(lost: ReadError, origin: Text) -> ReadError:
    """What is wrong with a line of a written file, where that stands."""
    return ReadError(lost.message, placed(lost.span, origin), lost.advice)


def variables(entries: Iterable[EnvEntry], origin: Text) -> tuple[EnvEntry, ...]:
    """The variables of a written env file as they stand."""
    return tuple(
        EnvEntry(
            each.key,
            placed(each.key_span, origin),
            None if each.value is None else each.value.traced(origin),
            each.expands,
        )
        for each in entries
    )
