"""Follow Go and Ruby: what both need to say what the names of their code stand for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_account import Account
from policyengine.platforms.code.config_values import OPAQUE, Control, Lit, Val, constant
from policyengine.syntax.parsing import Incomplete, grammar, parse, part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tree_sitter import Node

    from policyengine.model.source import Source, Span

_DEEPEST = 90
"""How many expressions within one another are followed."""


class Frame(Control):
    """What runs, and the names that it sees."""

    def __init__(self, outer: Frame | None = None) -> None:
        super().__init__()
        self.outer = outer
        self.names: dict[str, Val] = {}


class Function:
    """A function, and the names that it sees."""

    def __init__(self, node: Node, frame: Frame) -> None:
        self.node, self.frame = node, frame
        self.id = node.start_byte


class Program(Account[Frame]):
    """Follows a file."""

    language = ""

    def __init__(self, source: Source, package: str) -> None:
        super().__init__(Frame(), {})
        self.code = parse(source, grammar(package))
        self.whole = self.frame
        self.waiting: dict[int, Function] = {}
        self._depth = 0

    def value(self, node: Node) -> Val:
        """What an expression is; nothing is known of what is nested too deeply."""
        self.step()
        if self._depth >= _DEEPEST:
            return OPAQUE
        self._depth += 1
        try:
            return self.expression(node)
        except Incomplete:
            return OPAQUE
        finally:
            self._depth -= 1

    def expression(self, node: Node) -> Val:
        """What an expression is."""
        raise NotImplementedError

    def block(self, nodes: Sequence[Node]) -> bool | None:
        """Follow statements: True when control goes on behind them, False for a return, None for an end."""
        for node in nodes:
            try:
                goes_on = self.statement(node)
            except Incomplete:
                continue
            if not goes_on:
                return goes_on
        return True

    def statement(self, node: Node) -> bool | None:
        """Follow a statement, and tell as `block` does."""
        raise NotImplementedError

    def many(self, nodes: Sequence[Node]) -> list[Val]:
        """What several expressions are."""
        return [self.value(each) for each in nodes]

    def branch(self, node: Node, *, straight: bool = True) -> bool | None:
        """Follow an `if`, or an `unless` that is not `straight`."""
        tested = self.test(self.value(part(node, "condition")))
        body = node.child_by_field_name("consequence") or node.child_by_field_name("body")
        bodies = [body, node.child_by_field_name("alternative")]
        ways = [None if each is None else partial(self.block, [each]) for each in bodies]
        return self.either(tested, zip((straight, not straight), ways, strict=True))

    def binary(self, node: Node) -> Val:
        """`left or right`, `left == right` and the like."""
        left, operator, right = (part(node, name) for name in ("left", "operator", "right"))
        sign, one = self.code.text(operator), self.value(left)
        if sign in ("||", "or", "&&", "and"):
            return self.operated(one, partial(self.value, right), alternative=sign in ("||", "or"))
        other = self.value(right)
        if sign in ("==", "!=", "<", ">", "<=", ">="):
            return self.test(values.compared({"==": "===", "!=": "!=="}.get(sign, sign), one, other))
        return self.test(values.made_of(one, other))

    def quoted(self, node: Node) -> Val:
        """A text in quotation marks. An empty one is as good as none."""
        span = self.code.span(node)
        return self.literal(span._replace(start=span.start + 1, end=span.end - 1))

    def literal(self, span: Span) -> Val:
        """A text that stands somewhere."""
        text = self.code.source.slice(span)
        return constant(Lit(text, span, text)) if text else values.NOTHING

    def named(self, name: str) -> Val | None:
        """What a name stands for, None for one that is not known."""
        frame: Frame | None = self.frame
        while frame is not None and name not in frame.names:
            frame = frame.outer
        return None if frame is None else frame.names[name]

    def put(self, name: str, value: Val, *, new: bool = True) -> None:
        """Give a name a value where control is; an old one in the frame that has it."""
        frame: Frame | None = self.frame
        while not new and frame is not None and name not in frame.names:
            frame = frame.outer
        names = (frame or self.frame).names
        old = names.get(name, values.NOTHING)
        if value.only is None or old.only is not value.only:  # a list that has grown is the same list
            names[name] = self.replaced(old, value)

    def run(self, function: Function, prepare: Callable[[], None], body: Callable[[], bool | None]) -> list[Val]:
        """Follow a function: what it gives, value by value."""
        self.waiting.pop(function.id, None)

        def follow() -> list[Val]:
            prepare()
            if body():
                self.frame.returned.append((self.frame.path, values.NOTHING))
            return self.results()

        found = self.called(Frame(function.frame), follow)
        return [OPAQUE] if found is None else found

    def results(self) -> list[Val]:
        """What the function that runs gives."""
        return [self.result()]
