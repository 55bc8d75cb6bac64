"""Follow Ruby files of settings: ENV and what becomes of it when a Rails application starts."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from policyengine.knowledge import names, settings
from policyengine.model.source import ReadError, Source
from policyengine.patterns import regex
from policyengine.platforms.code import config_builtins as builtins
from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_account import WHERE_USED, TooLong
from policyengine.platforms.code.config_trees import Function, Program
from policyengine.platforms.code.config_values import (
    ALWAYS,
    NOTHING,
    OPAQUE,
    SOMETIMES,
    Guard,
    Items,
    Val,
    constant,
    made_of,
)
from policyengine.syntax.parsing import Incomplete, part

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tree_sitter import Node

    from policyengine.model.nodes import ConfigKey

_CODE = regex(r"<%[=-]?(.*?)-?%>", 0)
_BLOCK = regex(r"(?m)^(\w+):")
_ASIDE = ("dev", "test")
_BLOCKS = (
    "block_body",
    "body_statement",
    "then",
    "else",
    "program",
    "begin_block",
    "parenthesized_statements",
    "ensure",
)
_SOMETIMES = ("when", "in_clause", "else", "do")
_WALKS = ("each", "each_with_object", "map", "each_with_index", "flat_map")
_FILTERS = ("select", "reject", "filter")
_CHOOSES = (*_FILTERS, "any?", "all?", "find")
_NEEDS = ("downcase", "gsub", "include?", "split", "start_with?", "strip", "to_sym", "upcase")
_CONDITIONS = {"if": True, "if_modifier": True, "elsif": True, "unless": False, "unless_modifier": False}


class Ruby(Program):
    """Follows a file from its first statement to its last, then the methods that nothing in it calls."""

    def __init__(self, source: Source) -> None:
        super().__init__(source, "tree_sitter_ruby")

    def follow(self) -> None:
        """Follow the file."""
        try:
            self.block(self.code.root.named_children)
            self.assumed = True
            for key, function in list(self.waiting.items()):
                if key in self.waiting:
                    self.frame.path = (Guard(when=WHERE_USED),)
                    self._run(function, None)
        except (TooLong, RecursionError):
            self.gaps.append("the code is too long to be followed")

    def statement(self, node: Node) -> bool | None:
        """Follow a statement, and tell as `block` does."""
        match node.type:
            case kind if kind in _CONDITIONS:
                return self.branch(node, straight=_CONDITIONS[kind])
            case kind if kind in _BLOCKS:
                return self.block(node.named_children)
            case "method" | "singleton_method":
                made = Function(node, self.frame)
                self.waiting[made.id] = made
                self.whole.names[self.code.text(part(node, "name"))] = constant(made)
            case "class" | "module" | "singleton_class":
                return self.block([each for each in node.named_children if each.type == "body_statement"])
            case "begin":
                rescue = next((each for each in node.named_children if each.type == "rescue"), None)
                body = [each for each in node.named_children if each.type not in ("rescue", "ensure", "else")]
                handler = rescue.child_by_field_name("body") if rescue is not None else None
                handled = None if rescue is None else partial(self.block, [handler] if handler is not None else [])
                return self.attempt(partial(self.block, body), handled)
            case "return":
                inside = [each for child in node.named_children for each in child.named_children]
                self.frame.returned.append((self.frame.path, self.value(inside[0]) if inside else NOTHING))
                return False
            case "next" | "break":
                return False
            case "case" | "case_match" | "while" | "until" | "for":
                bodies = [each for each in node.named_children if each.type in _SOMETIMES]
                self.many([each for each in node.named_children if each not in bodies])
                self.rounds([(OPAQUE, (SOMETIMES,))], lambda _: [self.many(each.named_children) for each in bodies])
            case "comment":
                return True
            case _:
                value = self.value(node)
                self.last = value
                return None if value is values.NEVER else True
        return True

    def expression(self, node: Node) -> Val:
        """What an expression is."""
        match node.type:
            case "string" | "bare_string" | "simple_symbol":
                inner = node.named_children
                if any(each.type == "interpolation" for each in inner):
                    return made_of(*self.many(inner), rest="truthy")
                return self.literal(self.code.span(inner[0] if inner else node)) if inner else NOTHING
            case "integer" | "float" | "true" | "false":
                return constant(builtins.literal(self.code.text(node), self.code.span(node)))
            case "nil":
                return NOTHING
            case "identifier" | "constant" | "instance_variable" | "global_variable":
                name = self.code.text(node)
                found = self.named(name)
                if node.type == "identifier" and (found is None or isinstance(found.only, Function)):
                    return self._ended(name, [])
                return OPAQUE if found is None else found
            case "array" | "string_array":
                return constant(Items([(each, (ALWAYS,)) for each in self.many(node.named_children)]))
            case "element_reference":
                return self._element(node)
            case "call":
                return self._call(node)
            case "binary":
                shifted = self.code.text(part(node, "operator")) == "<<"
                things = self.value(part(node, "left")).only if shifted else None
                if isinstance(things, Items):
                    things.items.append((self.value(node.named_children[-1]), self.frame.path))
                    return constant(things)
                return self.binary(node)
            case "unary":
                value = self.value(node.named_children[-1])
                sign = self.code.text(node)
                return values.negated(self.test(value)) if sign.startswith(("!", "not")) else made_of(value)
            case "conditional":
                return self._conditional(node)
            case "assignment" | "operator_assignment":
                return self._assign(node)
            case "rescue_modifier":
                ways = [partial(self.block, [each]) for each in node.named_children]
                return OPAQUE if self.attempt(ways[0], ways[-1]) else values.NEVER
            case kind if kind in _CONDITIONS or kind in _BLOCKS or kind in ("case", "while", "until", "for"):
                return values.NEVER if self.statement(node) is None else OPAQUE
        return made_of(*self.many([each for each in node.named_children if each.type != "comment"]))

    def _element(self, node: Node) -> Val:
        owner, *keys = node.named_children
        if self.code.text(owner) == "ENV" and keys:
            return self.asked(self.value(keys[0]), "reads", None)
        return made_of(*self.many(node.named_children))

    def _conditional(self, node: Node) -> Val:
        condition, *ways = (part(node, name) for name in ("condition", "consequence", "alternative"))
        return self.choice(self.test(self.value(condition)), *(partial(self.value, way) for way in ways))

    def _assign(self, node: Node) -> Val:
        left, right = part(node, "left"), part(node, "right")
        name = self.code.text(left)
        if left.type == "element_reference" and name.startswith("ENV"):
            key = self.value(left.named_children[-1])
            self.given.add(key.text or "*")
            return self.value(right)
        operator = node.child_by_field_name("operator")
        if operator is not None and self.code.text(operator) == "||=":
            value = self.operated(self.named(name) or NOTHING, partial(self.value, right), alternative=True)
        else:
            value = self.value(right)
        if left.type in ("identifier", "constant", "instance_variable", "global_variable"):
            self.put(name, value, new=False)
        return value

    # Calls

    def _call(self, node: Node) -> Val:
        receiver, method = node.child_by_field_name("receiver"), node.child_by_field_name("method")
        listed, body = node.child_by_field_name("arguments"), node.child_by_field_name("block")
        name = self.code.text(method) if method is not None else ""
        nodes = listed.named_children if listed is not None else []
        path = f"{self.code.text(receiver)}.{name}" if receiver is not None else name
        told = settings.function("Ruby", path)
        if told is not None and told.does in ("asks", "reads", "all"):
            given = self.many(nodes)
            if told.does == "all":
                for each in given:
                    self.asked(each, "asks", None)
                return OPAQUE
            default = given[1] if len(given) > 1 else None
            if body is not None:
                lacking = (Guard((given[0].text,)),) if given and given[0].text else (SOMETIMES,)
                default = self.under(lacking, partial(self._walk, body, given[0] if given else OPAQUE))
            return self.asked(given[0] if given else OPAQUE, told.does, default)
        owner = self.value(receiver) if receiver is not None else None
        if owner is None:
            return self._ended(name, nodes, body)
        if told is not None and told.does == "production":
            return Val(note=values.IN_PRODUCTION)
        return self._method(node, owner, name, nodes, body)

    def _ended(self, name: str, nodes: Sequence[Node], body: Node | None = None) -> Val:
        """A call without a receiver: of a method of this file, or of Ruby's own."""
        told, given = settings.function("Ruby", name), self.many(nodes)
        if told is not None and told.does == "ends":
            self.stop()
            return values.NEVER
        found = self.named(name)
        if found is not None and isinstance(found.only, Function):
            return self._run(found.only, given)
        if body is not None:
            self._walk(body, OPAQUE)
        return made_of(*given)

    def _method(self, node: Node, owner: Val, name: str, nodes: Sequence[Node], body: Node | None) -> Val:
        if owner.read and name in _NEEDS and not any(each.type == "&." for each in node.children):
            owner = self.needs(owner)
        thing = owner.only
        match name:
            case "nil?" | "blank?" | "empty?" | "none?" if not isinstance(thing, Items):
                return values.negated(self.test(owner))
            case "any?" | "present?" if isinstance(thing, Items) and body is None:
                return self.test(builtins.member(thing, "length"))
            case "present?":
                return self.test(owner)
            case "presence" | "strip" | "to_s" | "freeze" | "downcase" | "dup":
                return owner
            case "empty?" | "none?" | "blank?" if isinstance(thing, Items) and body is None:
                return values.negated(self.test(builtins.member(thing, "length")))
            case kind if kind in _CHOOSES and isinstance(thing, Items) and body is not None:
                return self._chosen(thing, name, body)
            case kind if kind in _WALKS and isinstance(thing, Items) and body is not None:
                self.rounds(list(thing.items), lambda item: self._walk(body, item))
                return owner
            case "push" | "append" if isinstance(thing, Items):
                thing.items.extend((each, self.frame.path) for each in self.many(nodes))
                return owner
        given = self.many(nodes)
        self.elsewhere(name, given)
        if body is not None:
            self._walk(body, OPAQUE)
        return made_of(owner, *given)

    def _walk(self, body: Node, item: Val) -> Val:
        """Follow a block for an item: what it gives in the end."""
        parameters = body.child_by_field_name("parameters")
        names = parameters.named_children if parameters is not None else []
        if names:
            self.put(self.code.text(names[0]), item)
        inside = body.child_by_field_name("body")
        self.last = OPAQUE
        self.block([inside] if inside is not None else [])
        return self.last

    def _chosen(self, thing: Items, name: str, body: Node) -> Val:
        """`names.reject { |name| ENV[name] }`, `names.all? { |name| ENV.key?(name) }`."""
        wanted, chosen = name not in ("reject", "all?"), Items(closed=thing.closed)

        def follow(item: Val) -> None:
            told = self.test(self._walk(body, item))
            path = values.product(self.frame.path, values.branch(told, want=wanted))
            chosen.items.extend([(item, path)] if path else [])

        self.rounds(list(thing.items), follow)
        if name in _FILTERS:
            return constant(chosen)
        some = builtins.member(chosen, "length")
        return values.negated(some) if name == "all?" else some

    def _run(self, function: Function, given: Sequence[Val] | None) -> Val:
        parameters = function.node.child_by_field_name("parameters")
        body = function.node.child_by_field_name("body")

        def prepare() -> None:
            for index, each in enumerate(parameters.named_children if parameters is not None else ()):
                named, default = each.child_by_field_name("name") or each, each.child_by_field_name("value")
                own = given[index] if given is not None and index < len(given) else None
                fallback = self.value(default) if default is not None and given is not None else OPAQUE
                self.frame.names[self.code.text(named)] = own if own is not None else fallback

        def follow() -> bool | None:
            self.last = NOTHING
            ended = self.block([body] if body is not None else [])
            if ended:
                self.frame.returned.append((self.frame.path, self.last))
            return None

        return next(iter(self.run(function, prepare, follow)), OPAQUE)

    last: Val = OPAQUE


def follow(source: Source) -> tuple[tuple[ConfigKey, ...], str] | None:
    """The variables of a file, or of the code in a template, and why there may be more; None for an unreadable one.

    What a template says for `development:` or `test:` alone holds outside of production.
    """
    if not source.path.endswith((".yml", ".erb")):
        return _followed(source)
    ends = [*(match.start() for match in _BLOCK.finditer(source.text)), len(source.text)]
    blocks = [(match[1], span) for match, span in zip(_BLOCK.finditer(source.text), pairwise(ends), strict=True)]
    aside = [span for name, span in blocks if names.environment(name) in _ASIDE]
    inner = {place for start, end in aside for place in range(start, end)}
    found = _followed(_code(source, inner))
    if found is None or not aside:
        return found or (_followed(_code(source, set())) if aside else None)
    keys, gap = found
    outer = set(range(len(source.text))) - inner
    more, other = _followed(_code(source, outer), Guard(when=values.OUTSIDE_PRODUCTION)) or ((), "")
    known = {key.key for key in keys}
    return (*keys, *(key for key in more if key.key not in known)), gap or other


def _code(source: Source, without: Collection[int]) -> Source:
    """The code in a template, at its places, without that which begins at some of them."""
    text = ["\n" if each == "\n" else " " for each in source.text]
    for match in _CODE.finditer(source.text):
        if match.start() not in without:
            text[match.start(1) : match.end(1)] = match[1]
            text[match.end(1)] = ";"
    return Source(source.path, "".join(text))


def _followed(source: Source, guard: Guard = ALWAYS) -> tuple[tuple[ConfigKey, ...], str] | None:
    try:
        program = Ruby(source)
        program.frame.path = (guard,)
        program.follow()
    except (ReadError, Incomplete):
        return None
    return program.keys(), next(iter(program.gaps), "")
