"""Rewrites HCL into an equally long text that the grammar reads exactly as HashiCorp's parser would.

The grammar of python-hcl2 differs from HashiCorp's scanner in many small ways: heredocs, escapes, comments, newlines
inside brackets, strip markers, Unicode names, chains of unary operators. The mask removes all of them, offset for
offset, and with them the text of every string:

- comments, blanks and newlines become spaces; a newline that separates object items becomes a comma;
- a string or heredoc without interpolation becomes one name, `"abc"` → `sssss`; in others the literal text becomes `x`;
- a dotted name becomes one name, a namespaced function as well; names outside ASCII become `u`;
- binary `-` becomes `+`, unary `-` becomes `!`, and of a chain of unary operators the last one stays.

What a token was is read from the source at its offset. On the way the mask refuses what the grammar accepts wrongly:
two items on one line, a newline beside an operator, bad escapes, interpolation in labels.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from msgspec import Struct

from policyengine.model.source import ReadError
from policyengine.patterns import regex
from policyengine.syntax.hcl.split import heredoc_end

if TYPE_CHECKING:
    from policyengine.model.source import Source

DEEPEST = 120
"""Deeper nesting of brackets, strings and conditionals is refused."""

LONGEST = 2_000
"""An expression with more operators in one chain is refused."""

_TOKEN = regex(
    r"""
    (?P<blank>(?:[ \t\r]|\#[^\n]*+|//[^\n]*+|/\*(?s:.*?)\*/)++)
    |(?P<newline>\n)
    |(?P<name>[^\W\d][\w-]*+(?:\.[^\W\d][\w-]*+|::[^\W\d][\w-]*+)*+)
    |(?P<plain>"(?:[^"\\$%\r\n]|\\[nrt"\\]|[$%](?!\{))*+"(?![\w"]))
    |(?P<quote>")
    |(?P<number>\d+(?:\.\d+|\.(?=[eE][+-]?\d))?(?:[eE][+-]?\d+)?)
    |(?P<heredoc><<(?P<trim>-?)(?P<marker>[^\W\d][\w-]*)[ \t]*\r?\n)
    |(?P<operator>==|!=|<=|>=|&&|\|\||=>|\.\.\.|[-+*/%<>!?:=,.])
    |(?P<opening>[({\[])
    |(?P<closing>[)}\]])
    |(?P<strip>~(?=\}))
    """,
    re.VERBOSE,
)
_LITERAL = regex(r'(?:[^"\\$%\r\n]|\\[nrt"\\]|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\$\$\{|%%\{|[$%](?!\{))+')
_FOR = regex(r"(?:[ \t\r\n]|\#[^\n]*+|//[^\n]*+|/\*(?s:.*?)\*/)*+for\b(?!-)")
_FILE_STOP = regex(r"\$\$\{|%%\{|(?P<open>[$%]\{)|(?P<lead>)(?P<end>\Z)")
_TIGHT = regex(r"[\w\"-]")

_ARGUMENTS = regex(r"[ \t]*\(")
_ITEM = regex(r"[ \t]*[=:]")
_DIGITS = regex(r"\.?\d|[eE][+-]?\d")

_CLOSING = {"(": ")", "[": "]", "{": "}"}


class _Context(Struct):
    """Something open. `kind` is `body`, `object`, `bracket`, `braces` (of an interpolation), `quote` or `heredoc`."""

    kind: str
    opening: str
    start: int
    operators: int = 0
    conditionals: int = 0
    state: int = 0  # of a body: 0 between items, 1 in a header, 2 in a value, 3 behind a nested block
    multiline: bool = True
    items: int = 0
    stop: re.Pattern[str] | None = None


class Masked(Struct, frozen=True):
    """A masked text, and what it cannot say itself.

    `unary` gives, for the offset of a kept unary operator, the operators of the same chain before it with their
    offsets. `heredocs` gives, for the offset of `<<`, the form and the range of the body.
    """

    text: str
    unary: dict[int, tuple[tuple[int, str], ...]]
    heredocs: dict[int, tuple[str, int, int]]


def mask_body(source: Source, start: int, end: int) -> Masked:
    """The range `[start, end)` of a file, which holds body items, masked."""
    return _Masker(source, start, end).run([_Context("body", "", start)])


def mask_expression(source: Source, start: int, end: int) -> Masked:
    """The range `[start, end)`, which holds one expression, masked."""
    return _Masker(source, start, end).run([_Context("bracket", "", start)])


def mask_template(source: Source, start: int, end: int) -> Masked:
    """The range `[start, end)`, which is the text of a template without quotes, masked without quotes."""
    return _Masker(source, start, end).run([_Context("heredoc", "", start, stop=_FILE_STOP)])


class _Masker:
    """One run over one range."""

    def __init__(self, source: Source, start: int, end: int) -> None:
        self.source = source
        self.text = source.text
        self.position = start
        self.end = end
        self.out: list[str] = []
        self.unary: dict[int, tuple[tuple[int, str], ...]] = {}
        self.heredocs: dict[int, tuple[str, int, int]] = {}
        self.operand = False  # the last token ends an operand
        self.operator = False  # the last token needs something behind it
        self.fresh = True  # a newline or an opening stands before the next token

    def fail(self, message: str, at: int, end: int | None = None) -> NoReturn:
        """Refuse the range."""
        raise ReadError(message, self.source.span(at, min(end or at + 1, len(self.text))), "correct the syntax")

    def run(self, stack: list[_Context]) -> Masked:
        while self.position < self.end:
            context = stack[-1]
            if context.kind == "quote":
                self.quoted(context, stack)
            elif context.kind == "heredoc":
                self.heredoc(context, stack)
            else:
                self.token(context, stack)
            if len(stack) > DEEPEST:
                self.fail(f"brackets are nested more than {DEEPEST} deep", self.position - 1)
        if len(stack) > 1:
            if stack[-1].stop is not None:
                self.fail("a heredoc is never closed", stack[-1].start)
            self.fail(f"a {stack[-1].opening!r} is never closed", stack[-1].start)
        last = stack[0]
        if self.operator and last.kind != "heredoc":
            self.fail("an operator has nothing behind it", max(self.position - 1, 0))
        if last.kind == "body" and last.state == 1:
            self.fail("an item is neither an attribute nor a block", max(self.position - 1, 0))
        return Masked("".join(self.out), self.unary, self.heredocs)

    def quoted(self, context: _Context, stack: list[_Context]) -> None:
        run = _LITERAL.match(self.text, self.position, self.end)
        if run:
            self.out.append("x" * (run.end() - run.start()))
            self.position = run.end()
        at = self.position
        character = self.text[at : at + 1] if at < self.end else ""
        if character == '"':
            self.out.append('"')
            self.position = at + 1
            stack.pop()
            self.operand, self.operator = True, False
        elif character in ("$", "%") and character:
            outer = stack[-2]
            if outer.kind == "body" and outer.state == 1:
                self.fail("a label holds an interpolation", at, at + 2)
            self.interpolation(at, stack)
        elif character == "\\":
            self.fail(f"{self.text[at : at + 2]!r} is no escape sequence", at, at + 2)
        else:
            self.fail("a string is not closed on its line", context.start)

    def interpolation(self, at: int, stack: list[_Context]) -> None:
        self.out.append(self.text[at : at + 2])
        self.position = at + 2
        if self.text[at + 2 : at + 3] == "~":
            self.out.append(" ")
            self.position += 1
        stack.append(_Context("braces", "{", at))
        self.operand, self.operator, self.fresh = False, False, True

    def heredoc(self, context: _Context, stack: list[_Context]) -> None:
        stop_pattern = context.stop
        if stop_pattern is None:
            return
        position = self.position
        while True:
            stop = stop_pattern.search(self.text, position, self.end)
            if stop is None:
                self.fail("a heredoc is never closed", context.start)
            if stop["open"]:
                self.out.append("x" * (stop.start() - self.position))
                self.interpolation(stop.start(), stack)
                return
            if stop["end"] is not None:
                if len(stack) == 1:
                    self.out.append("x" * (stop.end() - self.position))
                    self.position = max(stop.end(), self.end)
                    return
                form, body, _ = self.heredocs[context.start]
                self.heredocs[context.start] = (form, body, stop.start())
                self.out.append("x" * (stop.end() - self.position - 1) + '"')
                self.position = stop.end()
                stack.pop()
                self.operand, self.operator = True, False
                return
            position = stop.end()

    def token(self, context: _Context, stack: list[_Context]) -> None:
        match = _TOKEN.match(self.text, self.position, self.end)
        if match is None:
            self.fail(self.strange(), self.position)
        kind = match.lastgroup
        at, end = match.span()
        length = end - at
        self.position = end
        match kind:
            case "blank":
                self.out.append(" " * length)
            case "newline":
                self.newline(context, at)
            case "name":
                self.name(match[0], context, at, end)
            case "plain":
                self.term(context, at)
                self.out.append("s" * length if not self.tight(at) else '"' + "x" * (length - 2) + '"')
            case "quote":
                self.term(context, at)
                self.out.append('"')
                stack.append(_Context("quote", '"', at))
            case "number":
                if self.text[at - 1 : at] == ".":
                    if "." in match[0]:
                        self.fail("one old-form index follows another", at, end)
                elif _DIGITS.match(self.text, end):
                    self.fail("a number is not valid", at, end)
                self.term(context, at)
                self.out.append("1" * length)
            case "heredoc":
                self.open_heredoc(match, context, stack)
            case "operator":
                self.operation(match[0], context, at)
            case "opening":
                self.opening(match[0], context, at, stack)
            case "closing":
                self.closing(match[0], context, at, stack)
            case _:
                if context.kind != "braces":
                    self.fail("'~' is no operator", at)
                self.out.append(" ")

    def tight(self, at: int) -> bool:
        """Whether the token at `at` touches a name before it."""
        return bool(at > 0 and self.out and self.out[-1] and _TIGHT.match(self.out[-1][-1]))

    def strange(self) -> str:
        character = self.text[self.position]
        if self.text.startswith("/*", self.position):
            return "a comment '/*' is never closed"
        return f"{character!r} is not part of the language"

    def newline(self, context: _Context, at: int) -> None:
        match context.kind:
            case "body":
                self.out.append(" ")
                if self.operator or (context.state == 2 and not self.operand):
                    self.fail("a line ends where a value is expected", at)
                if context.state == 1:
                    self.fail("an item is neither an attribute nor a block", at)
                if not context.multiline and context.items:
                    self.fail("a block that begins on one line must end on it", at)
                context.multiline = True
                context.state = 0
                self.operand = False
                context.operators = context.conditionals = 0
            case "object":
                if self.operator and self.out:
                    self.fail("a line ends where a value is expected", at)
                self.out.append("," if self.operand else " ")
                self.operand = False
                context.operators = context.conditionals = 0
            case _:
                self.out.append(" ")
                return
        self.fresh = True

    def term(self, context: _Context, at: int) -> None:
        """Note that a name, number or string starts here."""
        if context.kind == "body":
            if context.state in (0, 3):
                if context.state == 3:
                    self.fail("a new line must follow the '}' of a block", at)
                self.fail("a name is expected where an item begins", at)
            if context.state == 2 and self.operand:
                self.fail("an attribute must end before another item begins", at)
        elif context.kind == "object" and self.operand:
            self.fail("object items need a comma or a new line between them", at)
        self.operand, self.operator, self.fresh = True, False, False

    def name(self, text: str, context: _Context, at: int, end: int) -> None:
        if context.kind == "body" and context.state in (0, 1, 3):
            if context.state == 3:
                self.fail("a new line must follow the '}' of a block", at)
            if "." in text or ":" in text:
                self.fail(f"{text!r} is no name", at, end)
            if context.state == 0:
                if not context.multiline and context.items:
                    self.fail("a block on one line holds one attribute", at)
                context.items += 1
                context.state = 1
            self.operand, self.operator, self.fresh = True, False, False
        else:
            self.term(context, at)
        if ":" in text and not _ARGUMENTS.match(self.text, end):
            self.fail("a '(' must follow the name of a function", at, end)
        masked = text.replace(".", "_").replace(":", "_") if text.isascii() else "u" * len(text)
        if self.tight(at):
            if self.text[at - 1] != '"':
                self.fail("a blank is missing before a name", at)
            if self.out[-1].startswith("s"):  # a string that would be one word with the name
                self.out[-1] = '"' + "x" * (len(self.out[-1]) - 2) + '"'
        self.out.append(masked)

    def open_heredoc(self, match: re.Match[str], context: _Context, stack: list[_Context]) -> None:
        at, end = match.span()
        if context.kind == "body" and context.state == 1:
            self.fail("a label is no heredoc", at)
        self.term(context, at)
        stop_pattern = heredoc_end(match["marker"])
        form = "trimmed" if match["trim"] else "heredoc"
        position = end
        while True:
            stop = stop_pattern.search(self.text, position, self.end)
            if stop is None:
                self.fail("a heredoc is never closed", at)
            if stop["open"] or stop["end"] is not None:
                break
            position = stop.end()
        if stop["open"]:
            self.heredocs[at] = (form, end, end)
            self.out.append('"' + "x" * (end - at - 1))
            stack.append(_Context("heredoc", '"', at, stop=stop_pattern))
        else:
            self.heredocs[at] = (form, end, stop.start())
            self.out.append("s" * (stop.end() - at))
            self.position = stop.end()

    def operation(self, text: str, context: _Context, at: int) -> None:
        context.operators += 1
        if context.operators > LONGEST:
            self.fail(f"an expression has more than {LONGEST} operators", at)
        previous = self.text[at - 1] if at else ""
        if text == "*" and (previous == "." or (previous == "[" and not self.operand)):
            self.out.append(text)
            self.operand, self.operator = True, False
            return
        if text in ("-", "!") and not self.operand:
            self.unary_operator(text, context, at)
            return
        if context.kind in ("body", "object"):
            if self.fresh and not self.operand:
                self.fail(f"{text!r} has nothing before it on its line", at)
            if text == "=" and context.kind == "body" and context.state == 1:
                context.state = 2
            elif context.kind == "body" and context.state != 2:
                self.fail(f"{text!r} is misplaced", at)
        if not self.operand:
            self.fail(f"{text!r} has nothing before it", at)
        if text == "?":
            context.conditionals += 1
            if context.conditionals > DEEPEST:
                self.fail(f"conditionals are nested more than {DEEPEST} deep", at)
        if text == ",":
            context.operators = context.conditionals = 0
            self.out.append(",")
            self.operand, self.operator, self.fresh = False, False, False
            return
        self.out.append("+" if text == "-" else text)
        self.operand = False
        self.operator = text != "..."
        self.fresh = False

    def unary_operator(self, text: str, context: _Context, at: int) -> None:
        if context.kind == "body" and context.state != 2:
            self.fail(f"{text!r} is misplaced", at)
        chain: tuple[tuple[int, str], ...] = ()
        last = len(self.out) - 1
        while last >= 0 and not self.out[last].strip():
            last -= 1
        if last >= 0 and self.out[last] == "!":
            offset = at - sum(len(piece) for piece in self.out[last:])
            chain = (*self.unary.pop(offset, ()), (offset, self.text[offset]))
            if len(chain) > DEEPEST:
                self.fail(f"more than {DEEPEST} unary operators follow each other", at)
            self.out[last] = " "
        if chain:
            self.unary[at] = chain
        self.out.append("!")
        self.operand, self.operator, self.fresh = False, True, False

    def opening(self, text: str, context: _Context, at: int, stack: list[_Context]) -> None:
        if text == "{":
            if context.kind == "body" and context.state == 1:
                if not context.multiline:
                    self.fail("a block on one line holds no other block", at)
                nested = _Context("body", "{", at, multiline=False)
                self.out.append("{")
                stack.append(nested)
                self.operand, self.operator, self.fresh = False, False, True
                return
            self.term(context, at)
            introduced = _FOR.match(self.text, self.position, self.end)
            if introduced and _ITEM.match(self.text, introduced.end()):
                self.fail("'for' needs a name behind it", introduced.end() - 3, introduced.end())
            kind = "bracket" if introduced else "object"
        else:
            if context.kind == "body" and context.state != 2:
                self.fail(f"{text!r} is misplaced", at)
            if not self.operand:
                self.term(context, at)
            context.operators += 1
            if context.operators > LONGEST:
                self.fail(f"an expression has more than {LONGEST} operators", at)
            kind = "bracket"
        self.out.append(text)
        stack.append(_Context(kind, text, at))
        self.operand, self.operator, self.fresh = False, False, True

    def closing(self, text: str, context: _Context, at: int, stack: list[_Context]) -> None:
        if not context.opening or _CLOSING[context.opening] != text:
            self.fail(f"a {text!r} closes nothing", at)
        if self.operator:
            self.fail("an operator has nothing behind it", at)
        if context.kind == "body":
            if context.state == 1 or (context.state == 2 and not self.operand):
                self.fail("an item is neither an attribute nor a block", at)
            if context.multiline and context.state != 0:
                self.fail("a new line must stand before the '}' of a block", at)
        stack.pop()
        self.out.append(text)
        outer = stack[-1]
        if context.kind == "body":
            outer.state = 3
            self.operand = False
        else:
            self.operand = True
        self.operator, self.fresh = False, False
