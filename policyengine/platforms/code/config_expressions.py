"""Follow the expressions of a file: what each is when variables are not set."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from policyengine.patterns import regex
from policyengine.platforms.code import config_builtins as builtins
from policyengine.platforms.code import config_schema as schemas
from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_reads import Reader
from policyengine.platforms.code.config_values import ALWAYS, NOTHING, OPAQUE, Record, Val, constant, made_of, merged
from policyengine.syntax.parsing import Incomplete, part
from policyengine.syntax.typescript import CLASSES, FUNCTIONS, arguments, children, inner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node

    from policyengine.model.source import Span

_STOPS = regex(r"(?:fail|panic|die|fatal|missing|require|raise|throw|assert|abort)\w*\Z", re.IGNORECASE)
_SPEAKS_OF_ENVIRONMENT = regex(r"env|config|validate", re.IGNORECASE)
_HOLDS_TEXTS = regex(r"\Z|.*(?:Record<|any|unknown|Env)", re.DOTALL)
_CHAIN = ("member_expression", "subscript_expression", "call_expression")

DEEPEST = 90
"""How many expressions within one another are followed."""


class Expressions(Reader):
    """Follows expressions."""

    _depth = 0

    def value(self, node: Node) -> Val:
        """What an expression is; nothing is known of broken code and of what is nested too deeply."""
        self.step()
        if self._depth >= DEEPEST:
            return OPAQUE
        self._depth += 1
        try:
            found = self._value(inner(node))
        except Incomplete:
            return OPAQUE
        finally:
            self._depth -= 1
        if found.read and node.type == "non_null_expression":
            self.note(found.read, reason="it is asserted with '!' and never checked", tested=False)
            self.told[found.read] = self.told[found.read]._replace(asserted=True)
        return found

    def _value(self, node: Node) -> Val:
        match node.type:
            case "identifier" | "shorthand_property_identifier":
                return self.name(self.code.text(node))
            case "string" | "template_string":
                literal = self.code.string(node)
                if literal is None:
                    return made_of(*(self.value(each) for each in children(node)), rest="truthy")
                return constant(values.Lit(literal[0], literal[1], literal[0]))
            case "template_substitution":
                return made_of(*(self.value(each) for each in children(node)))
            case "number" | "true" | "false" | "null":
                return constant(builtins.literal(self.code.text(node), self.code.span(node)))
            case "undefined":
                return NOTHING
            case "this":
                return self.frame.scope.this
            case "member_expression" | "subscript_expression" | "call_expression":
                return self._chain(node)
            case "meta_property":
                return constant(values.Outside("", ("import.meta",), "import.meta"))
            case "import":
                return constant(values.Outside("", ("require",), "import"))
            case "binary_expression":
                return self._binary(node)
            case "unary_expression":
                return self._unary(self.code.text(part(node, "operator")), self.value(part(node, "argument")))
            case "ternary_expression":
                return self._ternary(node)
            case "object":
                return self._object(node)
            case "array":
                return self._array(node)
            case "new_expression":
                return self._new(node)
            case "assignment_expression" | "augmented_assignment_expression":
                return self._assign(node)
            case kind if kind in FUNCTIONS:
                return constant(self.function(node))
            case kind if kind in CLASSES:
                return self._class(node)
        return made_of(*(self.value(each) for each in children(node)))

    # Chains of members and calls

    def _chain(self, node: Node) -> Val:
        """`a.b(…)[c]` from its root to its end, without a call of ours for each link."""
        links: list[Node] = []
        while (node := inner(node)).type in _CHAIN:
            links.append(node)
            node = part(node, "function" if node.type == "call_expression" else "object")
        value, waiting, optional = self.value(node), len(links), False
        while waiting:
            waiting -= 1
            link = links[waiting]
            self.step()
            if link.type == "call_expression":
                value = self.call(value, self._arguments(link), self.code.span(link))
                continue
            optional = optional or link.child_by_field_name("optional_chain") is not None  # `a?.b.c` ends at `a`
            value = value if optional else self.needs(value)
            named = part(link, "property" if link.type == "member_expression" else "index")
            key = self.code.key(named) if link.type == "member_expression" else self._index(named)
            if key is None:
                value = self._indexed(value, self.value(named))
            elif waiting and links[waiting - 1].type == "call_expression":
                waiting -= 1
                value = self.invoke(value, key[0], self._arguments(links[waiting]), key[1])
            else:
                value = self.get(value, *key)
        return value

    def _index(self, node: Node) -> tuple[str, Span] | None:
        """The text or number that an index always is."""
        thing = self.value(node).only
        if not isinstance(thing, values.Lit) or isinstance(thing.value, bool) or thing.value is None:
            return None
        if isinstance(thing.value, float):
            return str(int(thing.value)) if thing.value.is_integer() else "", thing.span or self.code.span(node)
        return (thing.value, thing.span) if thing.span is not None else None

    def _indexed(self, receiver: Val, index: Val) -> Val:
        """`receiver[index]` where the index is computed, or one of several texts."""
        parts: list[tuple[Sequence[values.Guard], Val]] = [
            ((guard,), self.get(receiver, thing.value, thing.span))
            for guard, thing in index.cases
            if isinstance(thing, values.Lit) and isinstance(thing.value, str) and thing.span
        ]
        if not parts and any(isinstance(thing, values.Environment) for thing in receiver.things):
            self.computed = True
        return merged([*parts, ((values.SOMETIMES,), made_of(receiver, index))])

    def _arguments(self, node: Node) -> list[Val]:
        given: list[Val] = []
        for each in arguments(node):
            value = self.value(each)
            spread = value.only if each.type == "spread_element" else None
            given.extend((item for item, _ in spread.items) if isinstance(spread, values.Items) else [value])
        return given

    def _new(self, node: Node) -> Val:
        made, given = self.value(part(node, "constructor")).only, self._arguments(node)
        if isinstance(made, values.Class):
            self.call(made.fields.get("constructor", OPAQUE), given)
            return constant(made)
        path = made.path if isinstance(made, values.Outside) else ()
        if path == ("URL",) and len(given) == 1:
            self.needs(given[0])
        if path == ("Set",) and given:
            return given[0]
        return self.unknown(given)._replace(rest="truthy")

    # Operators

    def _binary(self, node: Node) -> Val:
        """`a || b || c` from left to right, without a call of ours for each operator."""
        links: list[Node] = []
        while (node := inner(node)).type == "binary_expression":
            links.append(node)
            node = part(node, "left")
        left = self.value(node)
        for link in reversed(links):
            self.step()
            left = self._operated(self.code.text(part(link, "operator")), left, part(link, "right"))
        return left

    def _operated(self, sign: str, left: Val, right: Node) -> Val:
        match sign:
            case "||" | "??":
                return self.otherwise(left, right, sign)
            case "&&":
                self.test(left)
                yes = values.branch(left, want=True)
                other = self.under(yes, lambda: self.value(right))
                return self.conjunction(left, yes, other)
            case "===" | "!==" | "==" | "!=" | "<" | "<=" | ">" | ">=":
                return self.test(values.compared(sign, left, self.value(right)))
            case "instanceof":
                self.value(right)
                return builtins.instance_of(left)
            case "in" if isinstance(left.only, values.Lit) and left.text is not None:
                return self.test(values.present(self.get(self.value(right), left.text, left.only.span)))
        return self.test(made_of(left, self.value(right)))

    def otherwise(self, left: Val, right: Node, sign: str = "??") -> Val:
        """`left || right` and `left ?? right`: a default, another variable, or an end."""
        lacking = values.branch(left if sign == "||" else values.present(left), want=False)
        ends = len(self.found)
        other = self.under(lacking, lambda: self.value(right))
        called = inner(right).child_by_field_name("function")
        name = self.code.text(called).rpartition(".")[2] if called is not None else ""
        if _STOPS.match(name) and not other.cases and other is not values.NEVER and len(self.found) == ends:
            self.stop(lacking)  # fail("…"), which is not in reach
            other = values.NEVER
        self.default(left, other, lacking)
        kept = values.when(left, want=True) if sign == "||" else values.there(left)
        found = merged([((ALWAYS,), kept), (lacking, other)])
        return found._replace(read=left.read if not other.keys else "", note=left.note)

    def _unary(self, sign: str, value: Val) -> Val:
        match sign:
            case "!":
                return values.negated(self.test(value))
            case "typeof":
                return builtins.type_of(self.test(value))
            case "-" | "+":
                return builtins.signed(value, sign)
        return self.test(made_of(value))

    def _ternary(self, node: Node) -> Val:
        tested = self.test(self.value(part(node, "condition")))
        ways = [partial(self.value, part(node, name)) for name in ("consequence", "alternative")]
        return self.choice(tested, *ways)

    # Objects, arrays and classes

    def _object(self, node: Node) -> Val:
        record = Record()
        for each in children(node):
            if each.type == "spread_element":
                self.spread(record, self.value(each.named_children[0]))
                continue
            named = each.child_by_field_name("key") or each.child_by_field_name("name") or each
            key = self.code.key(named) or (self._index(named.named_children[0]) if named.named_children else None)
            value = self.value(each.child_by_field_name("value") or each)
            if key is None:
                record.rest.append(OPAQUE)
            else:
                record.fields[key[0]], record.names[key[0]] = value, key[1]
        return constant(record)

    def spread(self, record: Record, value: Val) -> None:
        """`{ ...value }`."""
        thing = schemas.record(value.only) if isinstance(value.only, schemas.Schema) else value.only
        if isinstance(thing, Record):
            record.fields |= thing.fields
            record.names |= thing.names
            record.rest.extend(thing.rest)
        elif value.cases and all(isinstance(each, Record) for each in value.things):
            for name in sorted({name for each in value.things if isinstance(each, Record) for name in each.fields}):
                own = record.fields.get(name, NOTHING)
                parts = [
                    ((guard,), each.fields.get(name, own)) for guard, each in value.cases if isinstance(each, Record)
                ]
                record.fields[name] = merged(parts)
        elif thing is not values.UNDEFINED:
            record.rest.append(value)

    def _array(self, node: Node) -> Val:
        items = values.Items()
        for each in children(node):
            value = self.value(each)
            if each.type != "spread_element":
                items.items.append((value, (ALWAYS,)))
            elif isinstance(value.only, values.Items):
                items.items.extend(value.only.items)
                items.closed = items.closed and value.only.closed
            else:
                items.closed = False
        return constant(items)

    def _class(self, node: Node) -> Val:
        made = values.Class(node, self.frame.scope)
        for child in node.children:
            if child.type == "decorator":
                self.value(child)
        for each in children(node.child_by_field_name("body")):
            name = each.child_by_field_name("name")
            key = self.code.key(name) if name is not None else None
            value = each if each.type == "method_definition" else each.child_by_field_name("value")
            if key is not None:
                made.names[key[0]] = key[1]
                made.fields[key[0]] = OPAQUE
                if value is not None:
                    made.fields[key[0]] = self.at(made.scope, partial(self.value, value))
        return constant(made)

    # Names that are given values

    def _assign(self, node: Node) -> Val:
        left, right = inner(part(node, "left")), part(node, "right")
        operator = node.child_by_field_name("operator")
        if operator is None:
            value = self.value(right)
        else:
            value = self._operated(self.code.text(operator).removesuffix("="), self.value(left), right)
        if left.type == "identifier":
            name, scope = self.code.text(left), self.frame.scope
            while name not in scope.names and scope.outer is not None:
                scope = scope.outer
            scope.names[name] = self.replaced(self.of_file(scope, name), value)
        elif left.type in ("member_expression", "subscript_expression"):
            self._set(self.value(part(left, "object")).only, left, value)
        else:
            self.bind(left, value)
        return value

    def _set(self, thing: object, left: Node, value: Val) -> None:
        """`thing.name = value`. What the program gives itself as a variable may come from anywhere."""
        plain = left.type == "member_expression"
        index = None if plain else self.value(part(left, "index"))
        name = self.code.text(part(left, "property")) if index is None else index.text
        if isinstance(thing, Record) and name is not None:
            thing.fields[name] = self.replaced(thing.fields.get(name, NOTHING), value)
        elif isinstance(thing, values.Environment):
            names = (
                {each.value for each in index.things if isinstance(each, values.Lit)} if index is not None else {name}
            )
            self.given.update(each if isinstance(each, str) else "*" for each in names or {None})

    def bind(self, pattern: Node, value: Val) -> None:
        """Give the names of a pattern what they take from a value."""
        match pattern.type:
            case "identifier" | "shorthand_property_identifier_pattern":
                self.frame.scope.names[self.code.text(pattern)] = value
            case "assignment_pattern" | "object_assignment_pattern":
                lacking = any(thing is values.UNDEFINED for thing in value.things)
                self.bind(part(pattern, "left"), self.otherwise(value, part(pattern, "right")) if lacking else value)
            case "object_pattern":
                for each in children(pattern):
                    named = each.child_by_field_name("key") or each.child_by_field_name("left") or each
                    key = self.code.key(named)
                    target = each.child_by_field_name("value") or each
                    self.bind(target, value if key is None else self.get(value, *key))
            case "array_pattern":
                for index, each in enumerate(children(pattern)):
                    self.bind(each, builtins.item(value.only, index))
            case "rest_pattern" if pattern.named_children:
                self.bind(pattern.named_children[0], value if isinstance(value.only, values.Environment) else OPAQUE)

    def parameters(self, function: values.Function, given: Sequence[Val] | None) -> None:
        """Give the parameters of a function what it is called with."""
        single = function.node.child_by_field_name("parameter")
        listed = [single] if single is not None else children(function.node.child_by_field_name("parameters"))
        for index, each in enumerate(listed):
            pattern, fallback = each.child_by_field_name("pattern") or each, each.child_by_field_name("value")
            value = given[index] if given is not None and index < len(given) else NOTHING
            if pattern.type == "rest_pattern":
                pattern = children(pattern)[0]
                value = constant(
                    values.Items(((one, (ALWAYS,)) for one in (given or ())[index:]), closed=given is not None)
                )
            elif fallback is not None and any(thing is values.UNDEFINED for thing in value.things):
                value = self.value(fallback) if value is NOTHING else self.otherwise(value, fallback)
            elif given is None:
                kind = each.child_by_field_name("type")
                value = self._assumed(function, index, self.code.text(kind) if kind is not None else "")
            self.bind(pattern, value)

    def _assumed(self, function: values.Function, index: int, kind: str) -> Val:
        """What a parameter is called with from elsewhere: the environment, by its type or the name of the function."""
        if "ProcessEnv" in kind or "ImportMetaEnv" in kind:
            return constant(values.Environment(meta="Meta" in kind))
        loose = index == 0 and _SPEAKS_OF_ENVIRONMENT.search(function.name) and _HOLDS_TEXTS.match(kind)
        return constant(values.Environment(loose=True)) if loose else OPAQUE
