"""Runs the table of python-hcl2's grammar over masked text and calls a builder for each rule.

It is run here rather than by lark because masked text needs so little of a lexer, and because most of what a parser
does here are chains of rules with one child (`or_expr` … `expr_term`) that change the state and nothing else. What lark
does to the children of a rule is done in the same way: `_rules` are put in place, `?rules` with one child vanish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyengine.syntax.hcl.table import Step, Table

_PLAIN = regex(
    r" *(?:(\d+)|([A-Za-z_][A-Za-z0-9_-]*)"
    r"|(\[\*\]|\.\.\.|\.\*|==|=>|!=|<=|>=|&&|\|\||[-+*/%<>!?:=,.(){}\[\]\"]))"
)
_STRING = regex(r'(x+)|(?!)()|(\$\{|%\{|")')
_BLANKS = regex(r" *")

_SIGNS = {
    "[*]": "FULL_SPLAT_START",
    "...": "ELLIPSIS",
    ".*": "ATTR_SPLAT",
    "==": "DOUBLE_EQ",
    "=>": "FOR_OBJECT_ARROW",
    "!=": "NEQ",
    "<=": "LEQ",
    ">=": "GEQ",
    "&&": "DOUBLE_AMP",
    "||": "DOUBLE_PIPE",
    "-": "MINUS",
    "+": "PLUS",
    "*": "ASTERISK",
    "/": "SLASH",
    "%": "PERCENT",
    "<": "LT",
    ">": "GT",
    "!": "NOT",
    "?": "QMARK",
    ":": "COLON",
    "=": "EQ",
    ",": "COMMA",
    ".": "DOT",
    "(": "LPAR",
    ")": "RPAR",
    "{": "LBRACE",
    "}": "RBRACE",
    "[": "LSQB",
    "]": "RSQB",
    '"': "DBLQUOTE",
    "${": "INTERP_START",
    "%{": "DIRECTIVE_START",
}
_WORDS = {
    "if": "IF",
    "in": "IN",
    "for": "FOR",
    "for_each": "FOR_EACH",
    "else": "ELSE",
    "endif": "ENDIF",
    "endfor": "ENDFOR",
    "null": "NULL",
    "true": "TRUE",
    "false": "FALSE",
}

_END = "$END"


class Token:
    """A token of the grammar: its terminal, and where it stands in the masked text."""

    __slots__ = ("end_pos", "start_pos", "type")

    def __init__(self, type_: str, start_pos: int, end_pos: int) -> None:
        self.type = type_
        self.start_pos = start_pos
        self.end_pos = end_pos


class Misplaced(Exception):  # noqa: N818 - said of the text
    """A token does not fit where it stands, at `[at, end)` of the masked text."""

    def __init__(self, at: int, end: int) -> None:
        super().__init__(at, end)
        self.at = at
        self.end = end


class Driver:
    """The table with the methods of a builder, which are named after the rules."""

    def __init__(self, made: Table, builder: object) -> None:
        self.states = made.states
        self.start, self.end = made.start, made.end
        self.strings = frozenset(number for number, actions in enumerate(made.states) if "STRING_CHARS" in actions)
        self.rules: list[tuple[str, int, Callable[[list[Any]], Any] | None, bool, Sequence[Step] | None]] = [
            (origin, size, getattr(builder, name, None), single, steps)
            for origin, size, name, single, steps in made.rules
        ]
        self.jumps: dict[tuple[int, int, str], int] = {}
        self.passing = frozenset(
            number
            for number, (_, size, _, single, steps) in enumerate(self.rules)
            if size == 1 and single and steps is None
        )

    def _jump(self, below: int, number: int, kind: str) -> int:
        """The state after a chain of rules with one child that begins with a rule."""
        while True:
            state = self.states[below][self.rules[number][0]]
            number = ~self.states[state].get(kind, 0)
            if number not in self.passing:
                return state

    def run(self, text: str) -> Any:  # noqa: ANN401 - what the builder makes of the whole
        """What the builder makes of a masked text. Raises Misplaced."""
        states, rules, passing, strings, jumps = self.states, self.rules, self.passing, self.strings, self.jumps
        stack = [self.start]
        values: list[Any] = []
        position = 0
        while True:
            state = stack[-1]
            match = (_STRING if state in strings else _PLAIN).match(text, position)
            if match is None:
                start = position = _BLANKS.match(text, position).end()  # type: ignore[union-attr]
                if position < len(text):
                    raise Misplaced(position, position + 1)
                kind = _END
            else:
                group = match.lastindex or 0
                start, position = match.span(group)
                if group == 3:
                    kind = _SIGNS[match[3]]
                elif group == 1:
                    kind = "STRING_CHARS" if state in strings else "INT_LITERAL"
                else:
                    kind = _WORDS.get(match[2], "NAME")
                    if kind not in states[state]:
                        kind = "NAME"
            while True:
                action = states[stack[-1]].get(kind)
                if action is None:
                    raise Misplaced(start, position)
                if action >= 0:
                    stack.append(action)
                    values.append(Token(kind, start, position))
                    break
                number = ~action
                if number in passing:
                    below = stack[-2]
                    jump = (below, stack[-1], kind)
                    target = jumps.get(jump)
                    if target is None:
                        target = jumps[jump] = self._jump(below, number, kind)
                    stack[-1] = target
                    continue
                origin, size, method, single, steps = rules[number]
                if size:
                    children = values[-size:]
                    del stack[-size:]
                    del values[-size:]
                else:
                    children = []
                if steps is not None:
                    children = _kept(children, steps)
                if single and len(children) == 1:
                    values.append(children[0])
                else:
                    values.append(method(children) if method is not None else children)
                state = states[stack[-1]][origin]
                stack.append(state)
                if state == self.end and kind == _END:
                    return values[-1]


def _kept(children: list[Any], steps: Sequence[Step]) -> list[Any]:
    found: list[Any] = []
    for index, inline in steps:
        if inline:
            found.extend(children[index])
        else:
            found.append(children[index])
    return found
