"""Our syntax of an expression in the shape of HashiCorp's: `[type, attributes, children]`, as hcl_parser.mjs prints it.

Literal text is that of the source, escapes and all: hcl2json prints it so. Heredocs are left out: it prints of them what
cannot be compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

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
    Literal,
    Name,
    NumberLiteral,
    ObjectExpression,
    Parentheses,
    Part,
    Splat,
    Step,
    TemplateExpression,
    Traversal,
    TupleExpression,
    Unary,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policyengine.model.source import Source

Node = list[Any]

_OPERATORS = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "%": "modulo",
    "==": "equal",
    "!=": "notEqual",
    "<": "lessThan",
    "<=": "lessThanOrEqual",
    ">": "greaterThan",
    ">=": "greaterThanOrEqual",
    "&&": "logicalAnd",
    "||": "logicalOr",
}
_HOLE: Node = ["", {}, []]


def tree(node: Expression, source: Source) -> Node:
    """An expression as HashiCorp's parser builds it."""
    match node:
        case Literal(start, end):
            return ["template", {}, [_literal("string", source.text[start:end])]]
        case NumberLiteral(start, end):
            return _literal("number", source.text[start:end])
        case Keyword(value=value):
            return _literal("dynamic", "null") if value is None else _literal("bool", "true" if value else "false")
        case TemplateExpression(parts=parts):
            if node.form == "quoted" and len(parts) == 1 and isinstance(parts[0], Interpolation):
                return ["templateWrap", {}, [tree(parts[0].value, source)]]
            return ["template", {}, _parts(parts, source) or [_literal("string", "")]]
        case Name(_, _, name):
            return ["scopeTraversal", {"traversal": [["nameTraversal", name]]}, []]
        case Traversal(_, _, root, steps):
            return _steps(tree(root, source), steps, source)
        case Call(_, _, name, arguments):
            return ["function", {"name": name}, [tree(each, source) for each in arguments]]
        case Conditional(_, _, test, yes, no):
            return ["conditional", {}, [tree(each, source) for each in (test, yes, no)]]
        case Unary(_, _, operator, operand):
            name = "negate" if operator == "-" else "logicalNot"
            return ["unaryOp", {"operator": name}, [tree(operand, source)]]
        case Binary(_, _, left, operations):
            made = tree(left, source)
            for each in operations:
                made = ["binaryOp", {"operator": _OPERATORS[each.operator]}, [made, tree(each.right, source)]]
            return made
        case TupleExpression(_, _, items):
            return ["tuple", {}, [tree(each, source) for each in items]]
        case ObjectExpression(items=entries):
            return [
                "object",
                {},
                [each for item in entries for each in (_key(item.key, source), tree(item.value, source))],
            ]
        case ForTuple(_, _, key, value, collection, result, test):
            return _for(key, value, [collection, result], test, source)
        case ForObject(_, _, key, value, collection, name_of, result, grouped, test):
            return _for(key, value, [collection, name_of, result], test, source, grouped=grouped)
        case Parentheses(_, _, inner):
            return ["", {}, [tree(inner, source)]]
        case Embedded():
            raise AssertionError(node)
        case _:
            assert_never(node)


def _literal(kind: str, value: str) -> Node:
    return ["literalValue", {"type": kind, "value": value}, []]


def _key(node: Expression, source: Source) -> Node:
    return _HOLE if isinstance(node, Name | Keyword) else ["", {}, [tree(node, source)]]


def _for(
    key: str,
    value: str,
    children: Sequence[Expression],
    test: Expression | None,
    source: Source,
    *,
    grouped: bool = False,
) -> Node:
    names = {"keyVar": key, "valVar": value, "groupedValue": grouped, "has": [len(children) > 2, test is not None]}
    return ["for", names, [tree(each, source) for each in (*children, *([test] if test is not None else []))]]


def _parts(parts: Iterable[Part], source: Source) -> list[Node]:
    made: list[Node] = []
    for part in parts:
        match part:
            case Literal(start, end):
                made.append(_literal("string", source.text[start:end]))
            case Interpolation(value=value):
                made.append(tree(value, source))
            case IfDirective(test=test, yes=yes, no=no):
                branches: list[Node] = [["template", {}, _parts(branch, source)] for branch in (yes, no)]
                made.append(["conditional", {}, [tree(test, source), *branches]])
            case ForDirective(key=key, value=name, collection=collection, body=body):
                names = {"keyVar": key, "valVar": name, "groupedValue": False, "has": [False, False]}
                inner: Node = ["template", {}, _parts(body, source)]
                made.append(["templateJoin", {}, [["for", names, [tree(collection, source), inner]]]])
    return made


def _steps(made: Node, steps: Sequence[Step], source: Source) -> Node:
    """A value after steps into it: literal steps make a traversal, others an index or a splat."""
    for position, step in enumerate(steps):
        match step:
            case GetAttribute(_, _, name):
                made = _traversed(made, ["nameTraversal", name])
            case GetIndex(key=NumberLiteral(start, end)):
                made = _traversed(made, ["indexTraversal", source.text[start:end]])
            case GetIndex(key=Literal(start, end)):
                made = _traversed(made, ["indexTraversal", f'"{source.text[start:end]}"'])
            case GetIndex(key=TemplateExpression(parts=())):
                made = _traversed(made, ["indexTraversal", '""'])
            case GetIndex(key=key):
                made = ["index", {}, [made, tree(key, source)]]
            case Splat(full=True):
                return ["splat", {}, [made, _steps(_HOLE, steps[position + 1 :], source)]]
            case Splat():
                rest = steps[position + 1 :]
                count = next((at for at, each in enumerate(rest) if not _simple(each, source)), len(rest))
                splat: Node = ["splat", {}, [made, _steps(_HOLE, rest[:count], source)]]
                return _steps(splat, rest[count:], source)
    return made


def _simple(step: Step, source: Source) -> bool:
    return isinstance(step, GetAttribute) or (isinstance(step, GetIndex) and source.text[step.start] != "[")


def _traversed(made: Node, step: list[str]) -> Node:
    kind, attributes, children = made
    if kind in ("scopeTraversal", "relativeTraversal"):
        return [kind, {"traversal": [*attributes["traversal"], step]}, children]
    return ["relativeTraversal", {"traversal": [step]}, [made]]
