"""Evaluates expressions to trees, as far as the files decide them.

What Terraform would refuse raises `Invalid`, so that `try` and `can` work; what is not known becomes Unknown where it
stands and everything around it stays. A frame that lacks a value raises what its scope raises, and the evaluation is
begun again when the value is there: evaluation never goes from one named value into another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from policyengine.model.budget import Exhausted
from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.access import attribute, indexed
from policyengine.platforms.terraform.language.coercion import same, unified
from policyengine.platforms.terraform.language.functions.calling import Calling
from policyengine.platforms.terraform.language.kinds import ANY, unify
from policyengine.platforms.terraform.language.numbers import NotComputed, SignedZero, parse_number
from policyengine.platforms.terraform.language.operators import compute, differ
from policyengine.platforms.terraform.language.plain import Invalid, equal, to_bool, to_number, to_string
from policyengine.platforms.terraform.language.rendering import template
from policyengine.platforms.terraform.language.scope import HclFrame
from policyengine.platforms.terraform.language.secrecy import named
from policyengine.platforms.terraform.language.template_text import unescaped
from policyengine.platforms.terraform.language.values import (
    InstanceTree,
    List,
    Object,
    Reference,
    Tree,
    decided,
    elements,
    gap_of,
    history,
    kind_of,
    plain,
    relocated,
    through,
    unknown_of,
    weigh,
    whole,
)
from policyengine.syntax.hcl.syntax import (
    Binary,
    Call,
    Conditional,
    Embedded,
    Expression,
    ForObject,
    ForTuple,
    GetAttribute,
    GetIndex,
    Keyword,
    Literal,
    Name,
    NumberLiteral,
    ObjectExpression,
    Operation,
    Parentheses,
    Splat,
    Step,
    TemplateExpression,
    Traversal,
    TupleExpression,
    Unary,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.source import Span


def settled(expression: Expression, frame: HclFrame) -> Tree:
    """The value of an expression; one that Terraform would refuse is Unknown."""
    budget = frame.scope.budget
    beyond = budget.begin()
    try:
        tree = evaluate(expression, frame)
        if not isinstance(tree, Known | Unknown):
            weigh(budget, tree)
    except Invalid as error:
        return Unknown(f"the expression is not valid: {error}", frame.span(expression))
    except Exhausted as error:
        return Unknown(str(error), frame.span(expression))
    finally:
        budget.end(beyond)
    return tree


def evaluate(expression: Expression, frame: HclFrame) -> Tree:
    """The value of an expression. Raises Invalid where Terraform would refuse it, Exhausted where it is too much."""
    budget = frame.scope.budget
    budget.left -= 1  # `spend`, without the call
    if budget.left < 0:
        raise Exhausted
    try:
        return _evaluate(expression, frame)
    except NotComputed as error:
        return Unknown(str(error), frame.span(expression))


def _evaluate(expression: Expression, frame: HclFrame) -> Tree:
    match expression:
        case Literal(start, end):
            raw = frame.source.text[start:end]
            return Known(unescaped(raw), frame.span(expression))
        case Traversal(_, _, root, steps):
            return _traverse(root, steps, frame, frame.span(expression))
        case TemplateExpression():
            return template(expression, frame, evaluate)
        case NumberLiteral(start, end):
            number = parse_number(frame.source.text[start:end])
            if number is None:
                raise Invalid("a number is not valid")
            return Known(number, frame.span(expression))
        case Keyword(_, _, value):
            return Known(value, frame.span(expression))
        case ObjectExpression():
            return _object(expression, frame)
        case TupleExpression(_, _, items):
            return List(tuple(evaluate(item, frame) for item in items), frame.span(expression))
        case Call():
            return _call(expression, frame)
        case Conditional(_, _, test, yes, no):
            return _conditional(evaluate(test, frame), yes, no, frame)
        case Parentheses(_, _, inner):
            return evaluate(inner, frame)
        case Binary():
            return _binary(expression, frame)
        case Unary(_, _, operator, operand):
            return _unary(operator, evaluate(operand, frame), frame.span(expression))
        case ForTuple():
            return _for_tuple(expression, frame)
        case ForObject():
            return _for_object(expression, frame)
        case Name(_, _, name):
            if name in frame.names:
                return named(frame.names[name], name, frame.span(expression))
            tree, _ = frame.scope.named(name, (), frame, frame.span(expression))
            return tree
        case Embedded(_, _, source, inner):
            found = evaluate(inner, HclFrame(source, frame.scope, frame.names))
            return relocated(found, source.path, frame.span(expression))
        case _:
            assert_never(expression)


# references


def _traverse(root: Expression, steps: Sequence[Step], frame: HclFrame, span: Span) -> Tree:
    taken = 0
    if isinstance(root, Name):
        if root.name in frame.names:
            value = named(frame.names[root.name], root.name, span)
        else:
            value, taken = frame.scope.named(root.name, steps, frame, span)
    else:
        value = evaluate(root, frame)
    found = follow(value, steps[taken:], frame)
    if isinstance(found, Reference) and found.span.path == span.path and found.span.end <= span.end:
        return Reference(found.address, found.attribute, span, found.via)
    return found


def follow(value: Tree, steps: Sequence[Step], frame: HclFrame) -> Tree:
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


def _simple(step: Step, frame: HclFrame) -> bool:
    return isinstance(step, GetAttribute) or (isinstance(step, GetIndex) and frame.source.text[step.start] != "[")


def _splat(value: Tree, rest: Sequence[Step], frame: HclFrame, span: Span) -> Tree:
    match value:
        case Known(None):
            return List((), span, value.via)
        case List(items, _, via, gap=gap, element=element):
            found = tuple(follow(through(item, *via), rest, frame) for item in items)
            kind = None if element is None else unify([kind_of(each) for each in found]) or ANY
            return List(found, span, gap=gap, element=kind if rest else element)
        case Unknown():
            return value
        case Reference():
            whole = Reference(
                value.address, f"{value.attribute}[*]" if value.attribute else "[*]", value.span, value.via
            )
            return follow(whole, rest, frame)
        case _:
            return List((follow(value, rest, frame),), span)


# calls


def _call(expression: Call, frame: HclFrame) -> Tree:
    name = expression.name.removeprefix("core::")
    span = frame.span(expression)
    if name == "try":
        return _try(expression, frame)
    if name == "can":
        return _can(expression, frame)
    from policyengine.platforms.terraform.language.functions import apply  # noqa: PLC0415 - many files call no function

    arguments = [whole(evaluate(argument, frame)) for argument in expression.arguments]
    referenced = bool(expression.arguments) and isinstance(expression.arguments[0], Traversal)
    return apply(Calling(name, span, frame, evaluate, referenced), arguments, expand=expression.expand)


def _try(expression: Call, frame: HclFrame) -> Tree:
    reasons = "try() has no argument"
    for argument in expression.arguments:
        try:
            return evaluate(argument, frame)
        except Invalid as error:
            reasons = str(error)
    raise Invalid(f"no argument of try() is valid: {reasons}")


def _can(expression: Call, frame: HclFrame) -> Tree:
    if len(expression.arguments) != 1:
        raise Invalid(f"can() does not take {len(expression.arguments)} arguments")
    try:
        tree = evaluate(expression.arguments[0], frame)
    except Invalid:
        return Known(value=False, span=frame.span(expression))
    return tree if isinstance(tree, Unknown) else Known(value=True, span=frame.span(expression), via=history(tree))


# operators


def _unary(operator: str, tree: Tree, span: Span) -> Tree:
    if not decided(tree):
        return unknown_of(tree)
    operand = plain(tree)
    if operator == "!":
        return Known(not to_bool(operand), span, history(tree))
    number = to_number(operand)
    if not number:
        raise SignedZero
    return Known(-number, span, history(tree))


def _conditional(test: Tree, yes: Expression, no: Expression, frame: HclFrame) -> Tree:
    if not decided(test):
        return _undecided_conditional(test, yes, no, frame)
    taken, other = (yes, no) if to_bool(plain(test)) else (no, yes)
    value = evaluate(taken, frame)
    try:
        alternative: Tree | None = evaluate(other, frame)
    except Invalid:
        alternative = None
    if alternative is None:
        return value
    if not isinstance(value, Known):
        weigh(frame.scope.budget, value, alternative)
    return unified(value, alternative)


def _undecided_conditional(test: Tree, yes: Expression, no: Expression, frame: HclFrame) -> Tree:
    """A condition that is not known: the value is known only if both branches are the same."""
    one: Tree | None = None
    other: Tree | None = None
    try:
        one, other = evaluate(yes, frame), evaluate(no, frame)
    except Invalid:
        one = None
    if one is not None and other is not None:
        weigh(frame.scope.budget, one, other)
    if one is not None and other is not None and decided(one) and decided(other):
        here, there = unified(one, other), unified(other, one)
        if kind_of(here) == kind_of(there) and equal(plain(here), plain(there)):
            return here
    reason = unknown_of(test).reason
    place = test.span if test.span.path == frame.source.path else frame.source.span(yes.start, no.end)
    return Unknown(
        reason if reason.startswith("the condition") else f"the condition is not known: {reason}", place, test.via
    )


def _binary(expression: Binary, frame: HclFrame) -> Tree:
    value = evaluate(expression.left, frame)
    span = frame.span(expression)
    for operation in expression.operations:
        value = _operate(value, operation, span, frame)
    return value


def _operate(left: Tree, operation: Operation, span: Span, frame: HclFrame) -> Tree:
    operator = operation.operator
    if operator in ("&&", "||"):
        return _logical(left, operation, span, frame)
    right = evaluate(operation.right, frame)
    weigh(frame.scope.budget, left, right)
    if operator in ("==", "!=") and (not decided(left) or not decided(right)):
        known_difference = differ(left, right)
        if known_difference:
            return Known(operator == "!=", span, history(left, right))
    for each in (left, right):
        if not decided(each):
            return unknown_of(each)
    if operator in ("==", "!="):
        found = same(left, right, span)
        return through(
            found if operator == "==" or isinstance(found, Unknown) else Known(not found.value, span),
            *history(left, right),
        )
    return Known(compute(operator, plain(left), plain(right)), span, history(left, right))


def _logical(left: Tree, operation: Operation, span: Span, frame: HclFrame) -> Tree:
    decisive = operation.operator == "||"
    if decided(left) and to_bool(plain(left)) is decisive:
        try:
            right = evaluate(operation.right, frame)
            if decided(right):
                to_bool(plain(right))
        except Invalid as error:
            raise NotComputed(f"Terraform before 1.12 refuses the operand: {error}") from None
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


def _object(expression: ObjectExpression, frame: HclFrame) -> Tree:
    entries: dict[str, Tree] = {}
    keys: dict[str, Span] = {}
    hidden: set[str] = set()
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
            if _secret(key):
                hidden.add(name)
        entries[name] = value
        keys[name] = place
    return Object(entries, frame.span(expression), keys=keys, gap=gap, hidden=frozenset(hidden))


def _secret(tree: Tree) -> bool:
    return any(step.secret for step in history(tree))


def _chosen(expression: ForTuple | ForObject, collection: Tree, frame: HclFrame) -> Iterator[HclFrame | Unknown]:
    """For each element that passes the `if`, a frame that names it; the Unknown of an `if` that is not decided."""
    for pair in elements(collection):
        inner = frame.bound(expression.key, expression.value, pair)
        test = None if expression.test is None else evaluate(expression.test, inner)
        if test is not None and not decided(test):
            yield Unknown(f"an 'if' is not known: {unknown_of(test).reason}", test.span, test.via)
        elif test is None or to_bool(plain(test)):
            yield inner


def _for_tuple(expression: ForTuple, frame: HclFrame) -> Tree:
    collection = whole(evaluate(expression.collection, frame))
    if isinstance(collection, Unknown | Reference | InstanceTree):
        return unknown_of(collection)
    items: list[Tree] = []
    gap = gap_of(collection)
    for inner in _chosen(expression, collection, frame):
        if isinstance(inner, Unknown):
            gap = gap or inner
        else:
            items.append(evaluate(expression.result, inner))
    return List(tuple(items), frame.span(expression), gap=gap)


def _for_object(expression: ForObject, frame: HclFrame) -> Tree:
    collection = whole(evaluate(expression.collection, frame))
    if isinstance(collection, Unknown | Reference | InstanceTree):
        return unknown_of(collection)
    entries: dict[str, Tree] = {}
    groups: dict[str, list[Tree]] = {}
    keys: dict[str, Span] = {}
    hidden: set[str] = set()
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
        if _secret(name):
            hidden.add(text)
        value = evaluate(expression.result, inner)
        if expression.grouped:
            groups.setdefault(text, []).append(value)
        elif text in entries:
            raise Invalid(f"two elements have the key {text!r}")
        else:
            entries[text] = value
    if expression.grouped:
        entries = {key: List(tuple(values), span) for key, values in groups.items()}
    return Object(entries, span, keys=keys, gap=gap, hidden=frozenset(hidden))
