"""Follow a Go file of settings: os.Getenv and what becomes of it, and the tags of structs that libraries fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge import settings
from policyengine.model.source import ReadError
from policyengine.platforms.code import config_builtins as builtins
from policyengine.platforms.code import config_tags
from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_account import TooLong
from policyengine.platforms.code.config_trees import Function, Program
from policyengine.platforms.code.config_values import (
    ALWAYS,
    NOTHING,
    OPAQUE,
    SOMETIMES,
    Items,
    Lit,
    Outside,
    Record,
    Val,
    constant,
    made_of,
)
from policyengine.syntax.parsing import Incomplete, part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tree_sitter import Node

    from policyengine.model.source import Source

_TEXTS = ("interpreted_string_literal", "raw_string_literal")


class Go(Program):
    """Follows a file: what its packages declare, then each function that nothing in it calls."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, "tree_sitter_go")
        self.methods: dict[str, Function] = {}

    def follow(self) -> None:
        """Follow the file."""
        nodes = self.code.root.named_children
        for node in nodes:
            if node.type in ("function_declaration", "method_declaration"):
                made = Function(node, self.whole)
                self.waiting[made.id] = made
                if node.type == "function_declaration":
                    self.whole.names[self._name(node)] = constant(made)
                else:
                    self.methods[self._name(node)] = made
        try:
            self.block([node for node in nodes if node.type in ("var_declaration", "const_declaration")])
            config_tags.follow(self)
            if "AutomaticEnv(" in self.code.source.text:
                self.gaps.append("variables are read by the names of settings")
            for key, function in list(self.waiting.items()):
                if key in self.waiting and not self._asks_its_caller(function.node):
                    results = self._run(function, None)
                    failed = results[-1] if results else NOTHING
                    self.stop(guard for guard, thing in failed.cases if isinstance(thing, values.Caught))
        except (TooLong, RecursionError):
            self.gaps.append("the code is too long to be followed")

    def _name(self, node: Node) -> str:
        return self.code.text(part(node, "name"))

    def _asks_its_caller(self, node: Node) -> bool:
        """Whether a function is given texts, and so perhaps the names of variables."""
        return "string" in self.code.text(part(node, "parameters"))

    # Statements

    def statement(self, node: Node) -> bool | None:
        """Follow a statement, and tell as `block` does."""
        match node.type:
            case "short_var_declaration" | "assignment_statement":
                left, right = part(node, "left").named_children, part(node, "right").named_children
                self._assign(left, right, new=node.type == "short_var_declaration")
            case "var_spec" | "const_spec":
                given, kind = node.child_by_field_name("value"), node.child_by_field_name("type")
                if given is None and kind is not None and kind.type == "slice_type":
                    for name in node.children_by_field_name("name"):
                        self.put(self.code.text(name), constant(Items()))
                    return True
                self._assign(node.children_by_field_name("name"), given.named_children if given else [], new=True)
            case "if_statement":
                return self._if(node)
            case "return_statement":
                listed = [each for child in node.named_children for each in child.named_children]
                found = self._several(listed)
                self.frame.returned.append((self.frame.path, constant(Items((each, (ALWAYS,)) for each in found))))
                return None if self._fails(node, listed, found) else False
            case "for_statement":
                self._for(node)
            case "expression_statement" | "defer_statement" | "go_statement":
                found = self._several(node.named_children)
                return None if found and found[-1] is values.NEVER else True
            case "expression_switch_statement" | "type_switch_statement" | "select_statement":
                told = node.child_by_field_name("value")
                self.many([] if told is None else [told])
                bodies = [child for child in node.named_children if child.type.endswith("_case")]
                self.rounds([(OPAQUE, (SOMETIMES,))], lambda _: [self.block(each.named_children) for each in bodies])
            case "break_statement" | "continue_statement":
                return False
            case "block" | "statement_list" | "var_declaration" | "const_declaration" | "var_spec_list":
                return self.block(node.named_children)
        return True

    def _fails(self, node: Node, listed: Sequence[Node], found: Sequence[Val]) -> bool:
        """Whether a return gives an error: who gets it does not go on, so what follows is asked for by all that do."""
        if found and isinstance(found[-1].only, values.Caught):
            return True
        around = node
        while around.parent is not None and around.type != "if_statement":
            around = around.parent
        tested = around.child_by_field_name("condition")
        return bool(listed) and tested is not None and self.code.text(tested) == f"{self.code.text(listed[-1])} != nil"

    def _if(self, node: Node) -> bool | None:
        initial = node.child_by_field_name("initializer")
        if initial is not None:
            self.statement(initial)
        return self.branch(node)

    def _for(self, node: Node) -> None:
        clause = next((each for each in node.named_children if each.type == "range_clause"), None)
        left = clause.child_by_field_name("left") if clause is not None else None
        thing = self.value(part(clause, "right")).only if clause is not None else None
        if isinstance(thing, Record):
            thing = builtins.listed(thing, "entries")
        else:
            pairs = thing.items if isinstance(thing, Items) else []
            more = [(OPAQUE, (SOMETIMES,))] if not isinstance(thing, Items) or not thing.closed else []
            both = [(constant(Items([(OPAQUE, (ALWAYS,)), (value, (ALWAYS,))])), guards) for value, guards in pairs]
            thing = Items([*both, *more])
        names = left.named_children if left is not None else []

        def follow(item: Val) -> None:
            for index, name in enumerate(names):
                self.put(self.code.text(name), builtins.item(item.only, index))
            self.block([part(node, "body")])

        self.rounds(list(thing.items), follow)

    def _assign(self, left: Sequence[Node], right: Sequence[Node], *, new: bool) -> None:
        found = self._several(right)
        for index, each in enumerate(left):
            value = found[index] if index < len(found) else OPAQUE if right else NOTHING
            if each.type == "identifier":
                self.put(self.code.text(each), value, new=new)
            elif each.type in ("selector_expression", "index_expression"):
                thing = self.value(part(each, "operand")).only
                field = each.child_by_field_name("field")
                if isinstance(thing, Record) and field is not None:
                    thing.fields[self.code.text(field)] = value

    def _several(self, nodes: Sequence[Node]) -> list[Val]:
        """What expressions are, or what the only one gives that is a call."""
        if len(nodes) == 1 and nodes[0].type == "call_expression":
            self.step()
            return self._called(nodes[0])
        return self.many(nodes)

    # Expressions

    def expression(self, node: Node) -> Val:
        """What an expression is."""
        match node.type:
            case kind if kind in _TEXTS:
                return self.quoted(node)
            case "int_literal" | "float_literal" | "true" | "false":
                return constant(builtins.literal(self.code.text(node), self.code.span(node)))
            case "nil":
                return NOTHING
            case "identifier" | "selector_expression":
                return self._selected(node)
            case "call_expression":
                return next(iter(self._called(node)), OPAQUE)
            case "binary_expression":
                return self.binary(node)
            case "unary_expression":
                value = self.value(node.named_children[-1])
                return values.negated(self.test(value)) if self.code.text(node).startswith("!") else value
            case "index_expression":
                owner, key = (*self.many(node.named_children), OPAQUE, OPAQUE)[:2]
                fields = owner.only.fields if isinstance(owner.only, Record) else {}
                return fields.get(key.text or "", made_of(owner, key))
            case "composite_literal":
                return self._composite(node.child_by_field_name("body"))
            case "func_literal":
                return constant(Function(node, self.frame))
            case "parenthesized_expression" | "literal_element" | "type_conversion_expression":
                return self.value(node.named_children[-1]) if node.named_children else OPAQUE
        return made_of(*self.many(node.named_children))

    def _selected(self, node: Node) -> Val:
        if node.type == "identifier":
            name = self.code.text(node)
            found = self.named(name)
            return found if found is not None else constant(Outside("", (name,), name))
        owner, name = self.value(part(node, "operand")), self.code.text(part(node, "field"))
        match owner.only:
            case Outside() as thing:
                return constant(thing._replace(path=(*thing.path, name)))
            case Record(fields=fields):
                return fields.get(name, OPAQUE)
        return made_of(owner)

    def _composite(self, body: Node | None) -> Val:
        """`[]string{"A", "B"}`, `map[string]string{"A": os.Getenv("A")}`, `Config{URL: os.Getenv("URL")}`."""
        record, items = Record(), Items()
        for each in body.named_children if body is not None else ():
            if each.type == "keyed_element":
                key, value = each.named_children[0], self.value(each.named_children[-1])
                inner = key.named_children[0] if key.named_children else key
                literal = self.quoted(inner).only if inner.type in _TEXTS else None
                name = literal.value if isinstance(literal, Lit) else self.code.text(key)
                record.fields[str(name)] = value
                record.names |= {str(name): literal.span} if isinstance(literal, Lit) and literal.span else {}
            elif each.type != "comment":
                items.items.append((self.value(each), (ALWAYS,)))
        return constant(record if record.fields else items)

    # Calls

    def _called(self, node: Node) -> list[Val]:
        """What a call gives: one value, or several."""
        function = part(node, "function")
        called = self.value(function)
        field, owner = (function.child_by_field_name(each) for each in ("field", "operand"))
        method = self.methods.get(self.code.text(field)) if field is not None else None
        given = self.many([each for each in part(node, "arguments").named_children if each.type != "comment"])
        if method is not None and owner is not None and isinstance((receiver := self.value(owner)).only, Record):
            return self._run(method, given, receiver)
        match called.only:
            case Function() as thing:
                return self._run(thing, given)
            case Outside(path=path):
                return self._outside(".".join(path), given)
        return [made_of(called, *given)]

    def _outside(self, path: str, given: list[Val]) -> list[Val]:
        told = settings.function("Go", path)
        first = given[0] if given else OPAQUE
        match told.does if told is not None else path:
            case "ends":
                self.stop()
                return [values.NEVER]
            case "reads":
                value = self.asked(first, "reads", None)
                return [value, values.present(value)]
            case "binds":
                for each in given[1:]:
                    self.asked(each, "reads", None)
            case "sets":
                self.given.add(first.text or "*")
            case "same":
                return [first]
            case "fails":
                return [constant(values.Caught())]
            case "needs":
                lacking = values.mapped(first, lambda each: values.Caught() if each is values.UNDEFINED else None)
                fine = values.merged([((SOMETIMES,), OPAQUE), ((ALWAYS,), lacking)])
                return [self.test(made_of(first)), lacking._replace(rest="any", read="") if lacking.cases else fine]
            case "len":
                return [builtins.member(first.only, "length") if isinstance(first.only, Items) else _length(first)]
            case "append" if isinstance(first.only, Items | values.Undefined):
                items = first.only if isinstance(first.only, Items) else Items()
                items.items.extend((each, self.frame.path) for each in given[1:])
                return [constant(items)]
        if told is None:
            self.elsewhere(path, given)
        return [made_of(*given)]

    def _run(self, function: Function, given: Sequence[Val] | None, receiver: Val = OPAQUE) -> list[Val]:
        def names_of(field: str) -> list[str]:
            listed = function.node.child_by_field_name(field)
            several = listed.named_children if listed is not None else ()
            return [self.code.text(name) for each in several for name in each.children_by_field_name("name")]

        def prepare() -> None:
            self.frame.names |= dict.fromkeys(names_of("receiver"), receiver)
            for index, named in enumerate(names_of("parameters")):
                self.frame.names[named] = given[index] if given is not None and index < len(given) else OPAQUE
            result = function.node.child_by_field_name("result")
            for each in result.named_children if result is not None else ():
                for name in each.children_by_field_name("name"):
                    self.frame.names[self.code.text(name)] = NOTHING

        body = function.node.child_by_field_name("body")
        return self.run(function, prepare, lambda: self.block([body] if body is not None else []))

    def results(self) -> list[Val]:
        """What the function that runs gives, value by value."""
        rows = [(path, value.only.items) for path, value in self.frame.returned if isinstance(value.only, Items)]
        width = max((len(items) for _, items in rows), default=0)
        columns = [[(path, items[at][0]) for path, items in rows if at < len(items)] for at in range(width)]
        found: list[Val] = []
        for column in columns:
            self.frame.returned = column
            found.append(self.result())
        return found


def _length(value: Val) -> Val:
    return values.mapped(value, lambda each: Lit(0.0) if each is values.UNDEFINED else None)._replace(read="")


def follow(source: Source) -> Go | None:
    """What a file says; None for one that cannot be read."""
    try:
        program = Go(source)
        program.follow()
    except (ReadError, Incomplete):
        return None
    return program
