"""Evaluates expressions to trees, as far as the files decide them.

What Terraform would refuse raises `Invalid`, so that `try` and `can` work; what is not known becomes Unknown where it
stands and everything around it stays. A frame that lacks a value raises what its scope raises, and the evaluation is
begun again when the value is there: evaluation never goes from one named value into another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, assert_never

from msgspec import Struct, field

from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.access import attribute, indexed
from policyengine.platforms.terraform.language.numbers import TooLarge, parse_number
from policyengine.platforms.terraform.language.operators import compute, differ, unified
from policyengine.platforms.terraform.language.template_text import literals, unescaped
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    Instance,
    Invalid,
    List,
    Object,
    Reference,
    Tree,
    Undecided,
    decided,
    elements,
    equal,
    gap_of,
    history,
    plain,
    through,
    to_bool,
    to_number,
    to_string,
    unknown_of,
)
from policyengine.syntax.hcl.syntax import (
    Binary,
    Call,
    Conditional,
    Embedded,
    Expression,
    ForDirective,
    ForObject,
    ForTuple,
    GetAttribute,
    GetIndex,
    IfDirective,
    Interpolation,
    Keyword,
    Name,
    Number,
    Operation,
    Parentheses,
    Splat,
    Step,
    Template,
    Text,
    Traversal,
    Unary,
)
from policyengine.syntax.hcl.syntax import Object as ObjectSyntax
from policyengine.syntax.hcl.syntax import Tuple as TupleSyntax

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.model.source import Source, Span
    from policyengine.platforms.terraform.language.values import Atom
    from policyengine.syntax.hcl.syntax import Part

LARGEST = 100_000
"""A collection or text with more elements than this is not built."""


class Scope(Protocol):
    """Where names lead: a module instance."""

    def named(self, root: str, steps: Sequence[Step], frame: Frame, span: Span) -> tuple[Tree, int]:
        """The value that a reference begins with, and how many of its steps that took."""
        ...

    def file(self, path: str) -> Source | None:
        """A file by the path that an expression of this module gives, None where there is none inside the root."""
        ...

    def listing(self, folder: str) -> Sequence[str] | None:
        """The files below a folder, relative to it; None where it lies outside the root."""
        ...


class Frame(Struct, frozen=True):
    """What an expression sees: the text it stands in, its module, and the names of enclosing `for` and `dynamic`.

    `depth` counts template files within template files.
    """

    source: Source
    scope: Scope
    names: Mapping[str, Tree] = field(default_factory=dict)
    depth: int = 0

    def span(self, node: Expression | Step | Part | Operation) -> Span:
        """The place of a node of the syntax."""
        return self.source.span(node.start, node.end)

    def binding(self, **names: Tree) -> Frame:
        """The frame with further names; an empty one is left out."""
        return Frame(self.source, self.scope, {**self.names, **names}, self.depth)


def settled(expression: Expression, frame: Frame) -> Tree:
    """The value of an expression; one that Terraform would refuse is Unknown."""
    try:
        return evaluate(expression, frame)
    except Invalid as error:
        return Unknown(f"the expression is not valid: {error}", frame.span(expression))


def evaluate(expression: Expression, frame: Frame) -> Tree:
    """The value of an expression. Raises Invalid where Terraform would refuse it."""
    try:
        return _evaluate(expression, frame)
    except Undecided as error:
        return error.unknown
    except TooLarge:
        return Unknown("a number is too large to compute", frame.span(expression))


def _evaluate(expression: Expression, frame: Frame) -> Tree:
    match expression:
        case Text(start, end):
            raw = frame.source.text[start:end]
            return Known(unescaped(raw) if "\\" in raw or "{" in raw else raw, frame.span(expression))
        case Traversal(_, _, root, steps):
            return _traverse(root, steps, frame, frame.span(expression))
        case Template():
            return _template(expression, frame)
        case Number(start, end):
            number = parse_number(frame.source.text[start:end])
            if number is None:
                raise Invalid("a number is not valid")
            return Known(number, frame.span(expression))
        case Keyword(_, _, value):
            return Known(value, frame.span(expression))
        case ObjectSyntax():
            return _object(expression, frame)
        case TupleSyntax(_, _, items):
            return List(tuple(evaluate(item, frame) for item in items), frame.span(expression))
        case Call():
            from policyengine.platforms.terraform.language.functions import call  # noqa: PLC0415 - functions evaluate arguments

            return call(expression, frame)
        case Conditional(_, _, test, yes, no):
            return _conditional(evaluate(test, frame), yes, no, frame)
        case Parentheses(_, _, inner):
            return evaluate(inner, frame)
        case Binary():
            return _binary(expression, frame)
        case Unary(_, _, operator, operand):
            tree = evaluate(operand, frame)
            operand_value = plain(tree)
            negated: Atom = not to_bool(operand_value) if operator == "!" else -to_number(operand_value)
            return Known(negated, frame.span(expression), history(tree))
        case ForTuple():
            return _for_tuple(expression, frame)
        case ForObject():
            return _for_object(expression, frame)
        case Name(_, _, name):
            if name in frame.names:
                return frame.names[name]
            tree, _ = frame.scope.named(name, (), frame, frame.span(expression))
            return tree
        case Embedded(_, _, source, inner):
            return _relocated(evaluate(inner, Frame(source, frame.scope, frame.names)), source, frame.span(expression))
        case _:
            assert_never(expression)


def _relocated(tree: Tree, source: Source, span: Span) -> Tree:
    """A tree whose places in an embedded text are replaced by the place of the whole text."""
    from msgspec.structs import replace  # noqa: PLC0415 - rare

    if tree.span.path != source.path:
        return tree
    match tree:
        case List(items):
            return replace(tree, items=tuple(_relocated(each, source, span) for each in items), span=span)
        case Object(entries):
            moved = {key: _relocated(each, source, span) for key, each in entries.items()}
            return replace(tree, entries=moved, span=span, keys={})
        case _:
            return replace(tree, span=span)


# references


def _traverse(root: Expression, steps: Sequence[Step], frame: Frame, span: Span) -> Tree:
    taken = 0
    if isinstance(root, Name):
        if root.name in frame.names:
            value = frame.names[root.name]
        else:
            value, taken = frame.scope.named(root.name, steps, frame, span)
    else:
        value = evaluate(root, frame)
    found = follow(value, steps[taken:], frame)
    if isinstance(found, Reference) and found.span.path == span.path and found.span.end <= span.end:
        return Reference(found.address, found.attribute, span, found.via)
    return found


def follow(value: Tree, steps: Sequence[Step], frame: Frame) -> Tree:
    """A value after steps into it."""
    position = 0
    while position < len(steps):
        step = steps[position]
        position += 1
        match step:
            case GetAttribute(_, _, name):
                value = attribute(value, name, frame.span(step))
            case GetIndex(_, _, key):
                value = indexed(value, evaluate(key, frame), frame.span(step))
            case Splat(full=True):
                return _splat(value, steps[position:], frame, frame.span(step))
            case Splat():
                after = position
                while after < len(steps) and _simple(steps[after], frame):
                    after += 1
                value = _splat(value, steps[position:after], frame, frame.span(step))
                position = after
            case _:
                assert_never(step)
    return value


def _simple(step: Step, frame: Frame) -> bool:
    return isinstance(step, GetAttribute) or (isinstance(step, GetIndex) and frame.source.text[step.start] != "[")


def _splat(value: Tree, rest: Sequence[Step], frame: Frame, span: Span) -> Tree:
    match value:
        case Known(None):
            return List((), span, value.via)
        case List(items, _, via, gap=gap):
            return List(tuple(follow(through(item, *via), rest, frame) for item in items), span, gap=gap)
        case Unknown():
            return value
        case Reference():
            whole = Reference(
                value.address, f"{value.attribute}[*]" if value.attribute else "[*]", value.span, value.via
            )
            return follow(whole, rest, frame)
        case _:
            return List((follow(value, rest, frame),), span)


# operators


def _conditional(test: Tree, yes: Expression, no: Expression, frame: Frame) -> Tree:
    if not decided(test):
        return _undecided_conditional(test, yes, no, frame)
    taken, other = (yes, no) if to_bool(plain(test)) else (no, yes)
    value = evaluate(taken, frame)
    try:
        alternative: Tree | None = evaluate(other, frame)
    except Invalid:
        alternative = None
    return value if alternative is None else unified(value, alternative)


def _undecided_conditional(test: Tree, yes: Expression, no: Expression, frame: Frame) -> Tree:
    """A condition that is not known: the value is known only if both branches are the same."""
    one: Tree | None = None
    other: Tree | None = None
    try:
        one, other = evaluate(yes, frame), evaluate(no, frame)
    except Invalid:
        one = None
    if one is not None and other is not None and decided(one) and decided(other) and equal(plain(one), plain(other)):
        return one
    reason = unknown_of(test).reason
    place = test.span if test.span.path == frame.source.path else frame.source.span(yes.start, no.end)
    return Unknown(
        reason if reason.startswith("the condition") else f"the condition is not known: {reason}", place, test.via
    )


def _binary(expression: Binary, frame: Frame) -> Tree:
    value = evaluate(expression.left, frame)
    span = frame.span(expression)
    for operation in expression.operations:
        value = _operate(value, operation, span, frame)
    return value


def _operate(left: Tree, operation: Operation, span: Span, frame: Frame) -> Tree:
    operator = operation.operator
    if operator in ("&&", "||"):
        return _logical(left, operation, span, frame)
    right = evaluate(operation.right, frame)
    if operator in ("==", "!=") and (not decided(left) or not decided(right)):
        known_difference = differ(left, right)
        if known_difference:
            return Known(operator == "!=", span, history(left, right))
    try:
        one, other = plain(left), plain(right)
    except Undecided as error:
        return error.unknown
    return Known(compute(operator, one, other), span, history(left, right))


def _logical(left: Tree, operation: Operation, span: Span, frame: Frame) -> Tree:
    decisive = operation.operator == "||"
    if decided(left) and to_bool(plain(left)) is decisive:
        return Known(decisive, span, history(left))
    right = evaluate(operation.right, frame)
    if decided(right) and to_bool(plain(right)) is decisive:
        return Known(decisive, span, history(right))
    if not decided(left):
        return unknown_of(left)
    if not decided(right):
        return unknown_of(right)
    return Known(not decisive, span, history(left, right))


# collections


def _object(expression: ObjectSyntax, frame: Frame) -> Tree:
    entries: dict[str, Tree] = {}
    keys: dict[str, Span] = {}
    gap: Unknown | None = None
    for item in expression.items:
        value = evaluate(item.value, frame)
        if isinstance(item.key, Name | Keyword):
            name = frame.source.text[item.key.start : item.key.end]
            place = frame.span(item.key)
        else:
            key = evaluate(item.key, frame)
            if not decided(key):
                gap = gap or Unknown(f"a key is not known: {unknown_of(key).reason}", key.span, key.via)
                continue
            name = to_string(plain(key))
            place = key.span
        entries[name] = value
        keys[name] = place
    return Object(entries, frame.span(expression), keys=keys, gap=gap)


def _bound(key: str, value: str, pair: tuple[Tree, Tree], frame: Frame) -> Frame:
    names = {value: pair[1]}
    if key:
        names = {key: pair[0], **names}
    return frame.binding(**names)


def _chosen(expression: ForTuple | ForObject, collection: Tree, frame: Frame) -> Iterator[Frame | Unknown]:
    """For each element that passes the `if`, a frame that names it; the Unknown of an `if` that is not decided."""
    for pair in elements(collection):
        inner = _bound(expression.key, expression.value, pair, frame)
        test = None if expression.test is None else evaluate(expression.test, inner)
        if test is not None and not decided(test):
            yield Unknown(f"an 'if' is not known: {unknown_of(test).reason}", test.span, test.via)
        elif test is None or to_bool(plain(test)):
            yield inner


def _for_tuple(expression: ForTuple, frame: Frame) -> Tree:
    collection = evaluate(expression.collection, frame)
    items: list[Tree] = []
    gap = gap_of(collection)
    for inner in _chosen(expression, collection, frame):
        if isinstance(inner, Unknown):
            gap = gap or inner
        else:
            items.append(evaluate(expression.result, inner))
    return List(tuple(items), frame.span(expression), gap=gap)


def _for_object(expression: ForObject, frame: Frame) -> Tree:
    collection = evaluate(expression.collection, frame)
    entries: dict[str, Tree] = {}
    groups: dict[str, list[Tree]] = {}
    keys: dict[str, Span] = {}
    span = frame.span(expression)
    gap = gap_of(collection)
    for inner in _chosen(expression, collection, frame):
        if isinstance(inner, Unknown):
            gap = gap or inner
            continue
        name = evaluate(expression.name, inner)
        if not decided(name):
            gap = gap or Unknown(f"a key is not known: {unknown_of(name).reason}", name.span, name.via)
            continue
        text = to_string(plain(name))
        keys.setdefault(text, name.span)
        value = evaluate(expression.result, inner)
        if expression.grouped:
            groups.setdefault(text, []).append(value)
        elif text in entries:
            raise Invalid(f"two elements have the key {text!r}")
        else:
            entries[text] = value
    if expression.grouped:
        entries = {key: List(tuple(values), span) for key, values in groups.items()}
    return Object(entries, span, keys=keys, gap=gap)


# templates

_Piece = Known[str] | Unknown | Reference | Encoded


def _template(expression: Template, frame: Frame) -> Tree:
    parts = expression.parts
    span = frame.span(expression)
    if not parts:
        return Known("", span)
    if expression.form == "quoted" and len(parts) == 1 and isinstance(parts[0], Interpolation):
        return evaluate(parts[0].value, frame)
    pieces = list(_render(parts, literals(expression, frame.source), frame))
    pieces = [piece for piece in pieces if not (isinstance(piece, Known) and not piece.value)]
    if not pieces:
        return Known("", span)
    if len(pieces) == 1 and isinstance(pieces[0], Known) and len(parts) == 1:
        return pieces[0]
    return Composite(tuple(pieces), span)


def _render(parts: Sequence[Part], texts: Mapping[int, Sequence[Known[str]]], frame: Frame) -> Iterator[_Piece]:
    for part in parts:
        match part:
            case Text(start):
                yield from texts[start]
            case Interpolation(_, _, inner):
                yield from pieces_of(evaluate(inner, frame))
            case IfDirective(_, _, test, yes, no):
                verdict = evaluate(test, frame)
                if decided(verdict):
                    yield from _render(yes if to_bool(plain(verdict)) else no, texts, frame)
                else:
                    yield unknown_of(verdict)
            case ForDirective(_, _, key, value, collection, body):
                found = evaluate(collection, frame)
                if isinstance(found, List | Object) or decided(found):
                    for pair in elements(found):
                        yield from _render(body, texts, _bound(key, value, pair, frame))
                    gap = gap_of(found)
                    if gap is not None:
                        yield gap
                else:
                    yield unknown_of(found)
            case _:
                assert_never(part)


def pieces_of(tree: Tree) -> Iterator[_Piece]:
    """A value as parts of a string. Raises Invalid for what is no string."""
    match tree:
        case Known(str()):
            yield tree  # type: ignore[misc]
        case Known(value, place, via):
            yield Known(to_string(value), place, via)
        case Composite(parts, _, via):
            for part in parts:
                yield through(part, *via)
        case Unknown() | Reference() | Encoded():
            yield tree
        case Instance():
            yield unknown_of(tree)
        case List() | Object():
            raise Invalid("a collection is no string")
