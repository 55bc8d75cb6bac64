"""Directives of templates: from the flat rules of the grammar to `if` and `for` with what lies between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyengine.syntax.hcl.syntax import ForDirective, IfDirective

if TYPE_CHECKING:
    from policyengine.syntax.hcl.syntax import Directive, Expression, Part


class Refused(Exception):  # noqa: N818 - said of the text
    """The text is not valid HCL; `at` is the offset in the source."""

    def __init__(self, message: str, at: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.end = end


class DirectiveMark:
    """A directive between the parts of a template, before they are put together."""

    __slots__ = ("collection", "directive", "key", "kind", "test", "value")

    def __init__(self, kind: str, directive: Directive) -> None:
        self.kind = kind
        self.directive = directive
        self.test: Expression | None = None
        self.collection: Expression | None = None
        self.key = ""
        self.value = ""


def assembled(children: list[Any]) -> tuple[Part, ...]:
    """Put directives and what lies between them together."""
    frames: list[tuple[list[DirectiveMark], list[list[Part]]]] = [([], [[]])]
    for child in children:
        if not isinstance(child, DirectiveMark):
            frames[-1][1][-1].append(child)
            continue
        marks, branches = frames[-1]
        opener = marks[0].kind if marks else ""
        if child.kind in ("if", "for"):
            frames.append(([child], [[]]))
        elif child.kind == "else" and opener == "if" and len(branches) == 1:
            marks.append(child)
            branches.append([])
        elif child.kind == f"end{opener}" and opener:
            frames.pop()
            marks.append(child)
            frames[-1][1][-1].append(_directive(marks, branches))
        else:
            at = child.directive
            raise Refused(f"a directive {child.kind!r} has no beginning", at.start, at.end)
    if len(frames) > 1:
        at = frames[-1][0][0].directive
        raise Refused("a directive is never closed", at.start, at.end)
    return tuple(frames[0][1][0])


def _directive(marks: list[DirectiveMark], branches: list[list[Part]]) -> Part:
    first, last = marks[0], marks[-1]
    start, end = first.directive.start, last.directive.end
    directives = tuple(mark.directive for mark in marks)
    if first.test is not None:
        no = tuple(branches[1]) if len(branches) > 1 else ()
        return IfDirective(start, end, first.test, tuple(branches[0]), no, directives)
    if first.collection is None:
        raise Refused("a directive has no collection", start, end)
    return ForDirective(start, end, first.key, first.value, first.collection, tuple(branches[0]), directives)
