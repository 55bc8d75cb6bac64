"""Templates: literal text and interpolated values as one text, with their directives."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from policyengine.model.value import Known
from policyengine.platforms.terraform.language.plain import to_bool
from policyengine.platforms.terraform.language.template_text import literals
from policyengine.platforms.terraform.language.values import (
    Composite,
    List,
    Object,
    Piece,
    Tree,
    decided,
    elements,
    gap_of,
    pieces_of,
    plain,
    unknown_of,
)
from policyengine.syntax.hcl.syntax import ForDirective, IfDirective, Interpolation, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyengine.platforms.terraform.language.scope import HclFrame
    from policyengine.syntax.hcl.syntax import Expression, Part, TemplateExpression

    Evaluate = Callable[[Expression, HclFrame], Tree]


def template(expression: TemplateExpression, frame: HclFrame, evaluate: Evaluate) -> Tree:
    """The text of a template as one value."""
    parts = expression.parts
    span = frame.span(expression)
    if not parts:
        return Known("", span)
    if expression.form == "quoted" and len(parts) == 1 and isinstance(parts[0], Interpolation):
        return evaluate(parts[0].value, frame)
    pieces = list(_render(parts, literals(expression, frame.source), frame, evaluate))
    pieces = [piece for piece in pieces if not (isinstance(piece, Known) and not piece.value)]
    if not pieces:
        return Known("", span)
    if len(pieces) == 1 and isinstance(pieces[0], Known) and len(parts) == 1:
        return pieces[0]
    return Composite(tuple(pieces), span)


def _render(
    parts: Sequence[Part], texts: Mapping[int, Sequence[Known[str]]], frame: HclFrame, evaluate: Evaluate
) -> Iterator[Piece]:
    for part in parts:
        match part:
            case Literal(start):
                yield from texts[start]
            case Interpolation(_, _, inner):
                tree = evaluate(inner, frame)
                if isinstance(tree, Composite):
                    frame.scope.budget.spend(len(tree.parts))
                yield from pieces_of(tree)
            case IfDirective(_, _, test, yes, no):
                verdict = evaluate(test, frame)
                if decided(verdict):
                    yield from _render(yes if to_bool(plain(verdict)) else no, texts, frame, evaluate)
                else:
                    yield unknown_of(verdict)
            case ForDirective(_, _, key, value, collection, body):
                found = evaluate(collection, frame)
                if isinstance(found, List | Object) or decided(found):
                    for pair in elements(found):
                        yield from _render(body, texts, frame.bound(key, value, pair), evaluate)
                    gap = gap_of(found)
                    if gap is not None:
                        yield gap
                else:
                    yield unknown_of(found)
            case _:
                assert_never(part)
