"""Builds the typed syntax while a masked text is parsed: a method for each rule of python-hcl2's grammar."""
# ruff: noqa: D102 - each method makes the node of the rule that it is named after

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyengine.syntax.hcl.directives import DirectiveMark, Refused, assembled
from policyengine.syntax.hcl.syntax import (
    Attribute,
    Binary,
    Body,
    Call,
    Conditional,
    Directive,
    Expression,
    ForObject,
    ForTuple,
    GetAttribute,
    GetIndex,
    Interpolation,
    Item,
    Keyword,
    Label,
    Literal,
    Name,
    NestedBlock,
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
    from policyengine.model.source import Source
    from policyengine.syntax.hcl.mask import Masked

_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))
_LEVEL = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators}


_Steps = tuple[Step, ...]
_Intro = tuple[str, str, Expression]
_Spanned = Expression | Item
_Children = list[Any]  # tokens and nodes made here: the one place where the reader's input is untyped


class Builder:
    """Makes syntax nodes; the method of a rule's name is called as soon as the rule is complete."""

    def __init__(self) -> None:
        self.source: Source
        self.text = ""
        self.shift = 0
        self.begins = 0
        self.masked: Masked

    def prepare(self, source: Source, masked: Masked, shift: int, begins: int) -> None:
        """Set what the next parse reads: offsets in the parsed text plus `shift` are offsets in the source.

        What stands before `begins` is no text of the source.
        """
        self.source, self.text, self.masked, self.shift = source, source.text, masked, shift
        self.begins = begins
        self.extents: dict[int, tuple[int, int]] = {}  # of heredocs with their markers, by the start of the body

    def first(self, node: _Spanned) -> int:
        """Where a node begins, with the quotes that the span of a string leaves out."""
        if isinstance(node, Literal):
            return node.start - 1
        if isinstance(node, TemplateExpression):
            if node.form != "quoted":
                return self.extents[node.start][0]
            return node.start - 1 if node.parts else node.start
        return node.start

    def last(self, node: _Spanned) -> int:
        """Where a node ends, with its quotes."""
        if isinstance(node, Literal):
            return node.end + 1
        if isinstance(node, TemplateExpression):
            if node.form != "quoted":
                return self.extents[node.start][1]
            return node.end + 1 if node.parts else node.end
        return node.end

    # structure

    def start(self, children: _Children) -> Body:
        return children[0]  # type: ignore[no-any-return]

    def body(self, children: _Children) -> Body:
        attributes: list[Attribute] = []
        blocks: list[NestedBlock] = []
        names: set[str] = set()
        for child in children:
            if isinstance(child, Attribute):
                if child.name in names:
                    raise Refused(f"the attribute {child.name!r} is set twice", child.start, child.end)
                names.add(child.name)
                attributes.append(child)
            elif isinstance(child, NestedBlock):
                blocks.append(child)
        nodes: list[Attribute | NestedBlock] = [*attributes, *blocks]
        first = min((each.start for each in nodes), default=0)
        last = max((each.end for each in nodes), default=0)
        return Body(first, last, tuple(attributes), tuple(blocks))

    def attribute(self, children: _Children) -> Attribute:
        name = self._word(children[0])
        return Attribute(name.start, name.end, name.name, children[-1])

    def _word(self, node: Any) -> Name:  # noqa: ANN401 - a node or a token of the grammar
        match node:
            case Name():
                return node
            case Literal(start, end):
                raise Refused("an attribute's name stands without quotes", start, end)
            case Keyword(start, end):
                return Name(start, end, self.text[start:end])
            case Traversal() | TemplateExpression():
                raise Refused("a single name is expected here", node.start, node.end)
            case _:
                start, end = node.start_pos + self.shift, node.end_pos + self.shift
                return Name(start, end, self.text[start:end])

    def block(self, children: _Children) -> NestedBlock:
        kind = self._word(children[0])
        labels: list[Label] = []
        body = Body(kind.end, kind.end, (), ())
        brace_end = kind.end
        for child in children[1:]:
            match child:
                case Body():
                    body = child
                case Literal(start, end) | Name(start, end) | Keyword(start, end):
                    labels.append(Label(start, end, self.text[start:end]))
                case TemplateExpression(start, end, parts):
                    first = parts[0] if parts else None
                    if len(parts) == 1 and isinstance(first, Literal):
                        labels.append(Label(first.start, first.end, self.text[first.start : first.end]))
                    else:
                        labels.append(Label(start, end, ""))
                case Traversal(start, end):
                    raise Refused("a label is one name", start, end)
                case _ if child.type == "LBRACE":
                    opened = child.start_pos + self.shift
                case _ if child.type == "RBRACE":
                    brace_end = child.end_pos + self.shift
        return NestedBlock(
            kind.start, kind.end, kind.name, tuple(labels), Body(opened, brace_end, body.attributes, body.blocks)
        )

    # terms

    def identifier(self, children: _Children) -> Expression:
        token = children[0]
        start, end = token.start_pos + self.shift, token.end_pos + self.shift
        if start < self.begins:
            return Name(start, end, "")  # the attribute that a value alone is parsed as
        first = self.text[start]
        if first == '"':
            if end - start == 2:
                return TemplateExpression(start, end, ())
            return Literal(start + 1, end - 1)
        if first == "<":
            form, body_start, body_end = self.masked.heredocs[start]
            self.extents[body_start] = (start, end)
            parts = (Literal(body_start, body_end),) if body_end > body_start else ()
            return TemplateExpression(body_start, body_end, parts, form)
        text = self.text[start:end]
        if "." in text and "::" not in text:
            return self._dotted(start, text)
        return Name(start, end, text)

    def _dotted(self, start: int, text: str) -> Traversal:
        steps: list[Step] = []
        root: Expression | None = None
        position = start
        for word in text.split("."):
            after = position + len(word)
            if root is not None:
                steps.append(GetAttribute(position, after, word))
            elif word in ("true", "false", "null"):
                root = Keyword(position, after, {"true": True, "false": False, "null": None}[word])
            else:
                root = Name(position, after, word)
            position = after + 1
        if root is None:
            raise Refused("a name is expected here", start, start + 1)
        return Traversal(start, start + len(text), root, tuple(steps))

    def keyword(self, children: _Children) -> Name:
        return self._word(children[0])

    def literal_value(self, children: _Children) -> Keyword:
        token = children[0]
        value = {"TRUE": True, "FALSE": False, "NULL": None}[token.type]
        return Keyword(token.start_pos + self.shift, token.end_pos + self.shift, value)

    def int_lit(self, children: _Children) -> NumberLiteral:
        return NumberLiteral(children[0].start_pos + self.shift, children[0].end_pos + self.shift)

    float_lit = int_lit

    def expr_term(self, children: _Children) -> Expression:
        if len(children) == 1:
            return children[0]  # type: ignore[no-any-return]
        return Parentheses(children[0].start_pos + self.shift, children[-1].end_pos + self.shift, children[1])

    def tuple(self, children: _Children) -> TupleExpression:
        items = tuple(child for child in children if not hasattr(child, "start_pos"))
        return TupleExpression(children[0].start_pos + self.shift, children[-1].end_pos + self.shift, items)

    def object(self, children: _Children) -> ObjectExpression:
        items = tuple(child for child in children if isinstance(child, Item))
        return ObjectExpression(children[0].start_pos + self.shift, children[-1].end_pos + self.shift, items)

    def object_elem(self, children: _Children) -> Item:
        key, value = children[0], children[-1]
        return Item(self.first(key), self.last(value), key, value)

    def object_elem_key(self, children: _Children) -> Expression:
        return children[0]  # type: ignore[no-any-return]

    def arguments(self, children: _Children) -> _Children:
        return children

    def function_call(self, children: _Children) -> Call:
        name = children[0]
        if not isinstance(name, Name):
            raise Refused("a function has a plain name", name.start, name.end)
        arguments = children[2] if isinstance(children[2], list) else []
        values = tuple(each for each in arguments if not hasattr(each, "start_pos"))
        expand = bool(arguments) and getattr(arguments[-1], "type", "") == "ELLIPSIS"
        return Call(name.start, children[-1].end_pos + self.shift, name.name, values, expand)

    # steps

    def braces_index(self, children: _Children) -> _Steps:
        return (GetIndex(children[0].start_pos + self.shift, children[-1].end_pos + self.shift, children[1]),)

    def short_index(self, children: _Children) -> _Steps:
        number = self.int_lit(children[1:])
        return (GetIndex(number.start, number.end, number),)

    def get_attr(self, children: _Children) -> _Steps:
        match children[-1]:
            case Name(start, end, name):
                return (GetAttribute(start, end, name),)
            case Keyword(start, end):
                return (GetAttribute(start, end, self.text[start:end]),)
            case Traversal(_, _, Name(start, end, name), steps):
                return (GetAttribute(start, end, name), *steps)
            case Traversal(_, _, Keyword(start, end), steps):
                return (GetAttribute(start, end, self.text[start:end]), *steps)
            case other:
                raise Refused("an attribute's name stands without quotes", other.start, other.end)

    def attr_splat(self, children: _Children) -> _Steps:
        token = children[0]
        start, end = token.start_pos + self.shift, token.end_pos + self.shift
        return (Splat(start, end, full=token.type != "ATTR_SPLAT"), *(step for each in children[1:] for step in each))

    full_splat = attr_splat

    def index_expr_term(self, children: _Children) -> Traversal:
        source, steps = children
        if isinstance(source, Traversal):
            if isinstance(steps[0], Splat) and not steps[0].full and self.within_splat(source.steps):
                raise Refused("one '.*' follows another", steps[0].start, steps[0].end)
            return Traversal(source.start, steps[-1].end, source.root, (*source.steps, *steps))
        return Traversal(self.first(source), steps[-1].end, source, steps)

    def within_splat(self, steps: _Steps) -> bool:
        """Whether the steps end in those of a `.*`, which are attributes and old-form indices only."""
        for step in reversed(steps):
            if isinstance(step, Splat):
                return not step.full
            if isinstance(step, GetIndex) and self.text[step.start] == "[":
                return False
        return False

    get_attr_expr_term = index_expr_term
    attr_splat_expr_term = index_expr_term
    full_splat_expr_term = index_expr_term

    # operators

    def unary_op(self, children: _Children) -> Unary:
        token, operand = children
        at = token.start_pos + self.shift
        end = self.last(operand)
        result = Unary(at, end, self.text[at], operand)
        for offset, operator in reversed(self.masked.unary.get(at, ())):
            result = Unary(offset, end, operator, result)
        return result

    def binary_operator(self, children: _Children) -> Any:  # noqa: ANN401 - a token
        return children[0]

    def binary_term(self, children: _Children) -> Operation:
        token, right = children
        start, end = token.start_pos + self.shift, token.end_pos + self.shift
        return Operation(start, end, self.text[start:end], right)

    def binary_op(self, children: _Children) -> Binary:
        left, operation = children
        if isinstance(left, Binary) and _LEVEL[left.operations[0].operator] == _LEVEL[operation.operator]:
            return Binary(left.start, self.last(operation.right), left.left, (*left.operations, operation))
        return Binary(self.first(left), self.last(operation.right), left, (operation,))

    def conditional(self, children: _Children) -> Conditional:
        test, _, yes, _, no = children
        return Conditional(self.first(test), self.last(no), test, yes, no)

    # for

    def for_intro(self, children: _Children) -> _Intro:
        names = [child.name for child in children if isinstance(child, Name)]
        collection = children[-2]
        if isinstance(collection, Name):
            names.pop()
        bare = [child for child in children[:-2] if isinstance(child, Literal | Traversal | TemplateExpression)]
        if bare or not names:
            raise Refused("'for' needs a plain name", collection.start, collection.end)
        return (names[0] if len(names) > 1 else "", names[-1], collection)

    def for_cond(self, children: _Children) -> Expression:
        return children[-1]  # type: ignore[no-any-return]

    def for_tuple_expr(self, children: _Children) -> ForTuple:
        opened, (key, value, collection), result, *rest = children
        test = rest[0] if len(rest) > 1 else None
        closed = rest[-1]
        return ForTuple(
            opened.start_pos + self.shift, closed.end_pos + self.shift, key, value, collection, result, test
        )

    def for_object_expr(self, children: _Children) -> ForObject:
        opened, (key, value, collection), name, _, result, *rest = children
        closed = rest.pop()
        grouped = bool(rest) and getattr(rest[0], "type", "") == "ELLIPSIS"
        if grouped:
            rest.pop(0)
        start, end = opened.start_pos + self.shift, closed.end_pos + self.shift
        return ForObject(start, end, key, value, collection, name, result, grouped, rest[0] if rest else None)

    # templates

    def string(self, children: _Children) -> Expression:
        start, end = children[0].start_pos + self.shift, children[-1].end_pos + self.shift
        form = "quoted"
        inner_start, inner_end = start + 1, end - 1
        if start in self.masked.heredocs:
            form, inner_start, inner_end = self.masked.heredocs[start]
            self.extents[inner_start] = (start, end)
        if start < 0:
            form, inner_start, inner_end = "file", 0, len(self.text)
        parts: list[Any] = []
        for child in children[1:-1]:
            if isinstance(child, Literal):
                low, high = max(child.start, inner_start), min(child.end, inner_end)
                if low < high:
                    parts.append(Literal(low, high))
            else:
                parts.append(child)
        found = assembled(parts)
        if form == "quoted" and len(found) == 1 and isinstance(found[0], Literal):
            return found[0]
        if form == "quoted" and not found:
            return TemplateExpression(start, end, ())
        return TemplateExpression(inner_start, inner_end, found, form)

    def string_part(self, children: _Children) -> Any:  # noqa: ANN401 - a part or a mark
        child = children[0]
        if hasattr(child, "start_pos"):
            return Literal(child.start_pos + self.shift, child.end_pos + self.shift)
        return child

    def interpolation(self, children: _Children) -> Interpolation:
        start, end = children[0].start_pos + self.shift, children[-1].end_pos + self.shift
        return Interpolation(start, end, children[1], self.text[start + 2] == "~", self.text[end - 2] == "~")

    def _mark(self, kind: str, children: _Children) -> DirectiveMark:
        start, end = children[0].start_pos + self.shift, children[-1].end_pos + self.shift
        return DirectiveMark(kind, Directive(start, end, self.text[start + 2] == "~", self.text[end - 2] == "~"))

    def template_if_start(self, children: _Children) -> DirectiveMark:
        mark = self._mark("if", children)
        mark.test = next(child for child in children if not hasattr(child, "start_pos"))
        return mark

    def template_else(self, children: _Children) -> DirectiveMark:
        return self._mark("else", children)

    def template_endif(self, children: _Children) -> DirectiveMark:
        return self._mark("endif", children)

    def template_endfor(self, children: _Children) -> DirectiveMark:
        return self._mark("endfor", children)

    def template_for_start(self, children: _Children) -> DirectiveMark:
        mark = self._mark("for", children)
        names = [child for child in children if not hasattr(child, "start_pos")]
        mark.collection = names.pop()
        words = [self._word(name).name for name in names]
        mark.key = words[0] if len(words) > 1 else ""
        mark.value = words[-1]
        return mark
