"""The syntax tree of a shell script. `shell.read` is the reader to use; this is the grammar under it.

Tree nodes carry indexes into the logical text; only words carry spans of the file. The parser recurses at most
`DEPTH` levels, reads at most `LENGTH` characters and looks ahead a bounded number of characters, so it is linear.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct, field

from policyengine.patterns import regex

if TYPE_CHECKING:
    import re

    from policyengine.model.source import Span
    from policyengine.model.text import Text

DEPTH = 40
"""How deep compound commands and substitutions are followed."""
LENGTH = 1_000_000
"""How many characters of a script are read."""
_AHEAD = 4096
_WASTED = 200_000
"""How many characters may be looked at in vain for the end of an expansion."""

ExpansionKind = Literal["variable", "command", "arithmetic", "expression"]


class Expansion(NamedTuple):
    """A part of a word that is not literal: `[start, end)` of its text. `name` is the variable's, where it is one."""

    kind: ExpansionKind
    name: str
    start: int
    end: int


class Word(Struct, frozen=True):
    """A word without its quotes. `span` excludes quotes around the whole (and includes them when it is empty).

    `content` maps each character of `text` to its place. `expansions` are what the shell or GitHub replaces.
    """

    content: Text
    span: Span
    expansions: tuple[Expansion, ...] = ()
    quoted: bool = False
    commands: tuple[Block, ...] = ()

    @property
    def text(self) -> str:
        """The text, expansions as written."""
        return self.content.written

    @property
    def literal(self) -> bool:
        """Whether the text is what the command gets."""
        return not self.expansions


class Operator(NamedTuple):
    """A connector and its indexes."""

    text: str
    start: int
    end: int


class Simple(Struct):
    """Assignments, words and redirections up to a connector."""

    start: int
    end: int
    words: list[Word] = field(default_factory=list)
    assignments: list[tuple[str, Word, int, int]] = field(default_factory=list)
    redirects: list[tuple[str, Word | None, Text | None, bool]] = field(default_factory=list)


class Compound(Struct):
    """`if`, `for`, `while`, `until`, `select`, `case`, `(`, `{` or a function, with its blocks by role."""

    kind: str
    start: int
    end: int
    parts: list[tuple[str, Block]] = field(default_factory=list)
    name: str = ""
    subject: str = ""  # of a `case`, without its quotes
    patterns: list[tuple[str, ...]] = field(default_factory=list)  # of a `case`, one tuple for each part
    redirects: list[tuple[str, Word | None, Text | None, bool]] = field(default_factory=list)


Element = Simple | Compound


class Pipeline(Struct):
    """Elements joined by `|`; `bars` are the places of the bars, `negation` that of a leading `!`."""

    start: int
    end: int
    elements: list[Element]
    bars: list[tuple[int, int]]
    negation: tuple[int, int] | None = None


class AndOr(Struct):
    """Pipelines joined by `&&` and `||`, and what ends them: `;`, `&`, a newline, or nothing."""

    start: int
    end: int
    pipelines: list[Pipeline]
    operators: list[Operator]
    terminator: str = ""


class Block(Struct):
    """A list of commands."""

    items: list[AndOr] = field(default_factory=list)


_BLANK = regex(r"(?:[ \t]|\\\r?\n|\r(?=\n|$))+")
_GAP = regex(r"(?:[ \t\r\n]|\\\r?\n|#[^\n]*)+")
_PLAIN = regex(r"[^ \t\r\n|&;()<>\"'`$\\]+")
_IN_DOUBLE = regex(r"[^\"\\$`]+")
_RESERVED = regex(r"(?:[a-z]+|[!{}]|\[\[)(?=[ \t\r\n;|&()<>]|\\\r?\n|$)")
_ASSIGNED = regex(r"([A-Za-z_]\w*)(?:\[[^\]\s]*\])?\+?=")
_REDIRECT = regex(r"(?:\d{1,4}|\{[A-Za-z_]\w*\})?(<<<|<<-|<<|<>|<&|>>|>&|>\||<|>)|&>>|&>")
_VARIABLE = regex(r"\$(?:([A-Za-z_]\w*)|([0-9?@*#$!_-]))")
_NAMED = regex(r"[!#]?([A-Za-z_]\w*)")
_ARITHMETIC = regex(r"[()]")
_BRACES = regex(r"[\\}'\"`]|\$\{|\$\(|\)")
_EXPRESSION = regex(r"'(?:[^']|'')*'|\}\}")
_FUNCTION = regex(r"[ \t]*\([ \t]*\)")
_FUNCTION_NAME = regex(r"[^ \t\r\n()<>|&;]+(?:[ \t]*\([ \t]*\))?")
_NOT_NEWLINE = regex(r"[^\n]*")
_OPENERS = frozenset({"if", "for", "while", "until", "select", "case", "function", "{", "[["})


class Parser:
    """One pass over one logical text."""

    __slots__ = ("_depth", "_end", "_heredocs", "_i", "_t", "_wasted", "complete", "text")

    def __init__(self, text: Text) -> None:
        self.text = text
        self.complete = len(text.written) <= LENGTH
        self._t = text.written if self.complete else text.written[:LENGTH]
        self._i = 0
        self._end = len(self._t)
        self._depth = 0
        self._wasted = 0
        self._heredocs: list[tuple[list[tuple[str, Word | None, Text | None, bool]], int, str, bool, bool]] = []

    def script(self) -> Block:
        """The whole text."""
        block = self._block(frozenset())
        self._i = self._end
        return block

    # -- lists -----------------------------------------------------------------------------------------------------

    def _enter(self) -> bool:
        self._depth += 1
        if self._depth > DEPTH:
            self.complete = False
            self._i = self._end
            return False
        return True

    def _block(self, closers: frozenset[str]) -> Block:
        """Commands up to one of `closers`, which is left standing, or to the end."""
        block = Block()
        if not self._enter():
            self._depth -= 1
            return block
        while True:
            self._gap()
            if self._i >= self._end:
                if closers:
                    self.complete = False
                break
            char = self._t[self._i]
            if char == ")" and ")" in closers:
                break
            if char == ";":
                if ";;" in closers and self._t.startswith((";;", ";&"), self._i):
                    break
                self._i += 1
                continue
            if char in ")&|":
                self.complete = False
                self._i += 1
                continue
            word = _RESERVED.match(self._t, self._i)
            if word and word.group() in closers:
                break
            before = self._i
            block.items.append(self._and_or())
            if self._i == before:
                self.complete = False
                self._i += 1
        self._depth -= 1
        return block

    def _gap(self) -> None:
        """Blanks, newlines (with the here-documents that start after them) and comments."""
        while self._i < self._end:
            char = self._t[self._i]
            if char == "\n":
                self._i += 1
                self._bodies()
            elif char == "#":
                self._i = _NOT_NEWLINE.match(self._t, self._i).end()  # type: ignore[union-attr]
            elif blank := _BLANK.match(self._t, self._i):
                self._i = blank.end()
            elif char == "\r":
                self._i += 1
            else:
                return

    def _blank(self) -> None:
        if blank := _BLANK.match(self._t, self._i):
            self._i = blank.end()

    def _and_or(self) -> AndOr:
        start = self._i
        pipelines = [self._pipeline()]
        operators: list[Operator] = []
        end = pipelines[-1].end
        terminator = ""
        while True:
            self._blank()
            two = self._t[self._i : self._i + 2]
            if two in {"&&", "||"}:
                operators.append(Operator(two, self._i, self._i + 2))
                self._i += 2
                self._gap()
                pipelines.append(self._pipeline())
                end = max(end, pipelines[-1].end)
                continue
            if two[:1] in {";", "&"} and two not in {";;", ";&"}:
                terminator = two[:1]
                end = self._i if terminator == "&" else end
                self._i += 1
            elif two[:1] in {"\n", "#"} or two == "\r\n":
                terminator = "\n"
            return AndOr(start, end, pipelines, operators, terminator)

    def _pipeline(self) -> Pipeline:
        start = self._i
        negation: tuple[int, int] | None = None
        while word := _RESERVED.match(self._t, self._i):
            if word.group() == "!":
                negation = (word.start(), word.end())
            elif word.group() != "time":
                break
            self._i = word.end()
            self._blank()
        elements = [self._element()]
        bars: list[tuple[int, int]] = []
        while True:
            self._blank()
            if not self._t.startswith("|", self._i) or self._t.startswith("||", self._i):
                break
            bar = self._i
            self._i += 2 if self._t.startswith("|&", self._i) else 1
            bars.append((bar, self._i))
            self._gap()
            elements.append(self._element())
        return Pipeline(start, max(start, elements[-1].end), elements, bars, negation)

    # -- compound commands -----------------------------------------------------------------------------------------

    def _element(self) -> Element:
        start = self._i
        if self._t.startswith("((", start):
            end = self._arithmetic(start + 2)
            if end is not None:
                self._i = end
                return self._redirected(Compound("((", start, end))
        if self._t.startswith("(", start):
            self._i += 1
            compound = Compound("(", start, start)
            compound.parts.append(("(", self._block(frozenset({")"}))))
            self._take(")")
            return self._redirected(compound)
        word = _RESERVED.match(self._t, start)
        if word is None or word.group() not in _OPENERS:
            return self._simple()
        kind = word.group()
        self._i = word.end()
        compound = Compound(kind, start, start)
        match kind:
            case "if":
                self._if(compound)
            case "while" | "until":
                compound.parts.append(("condition", self._block(frozenset({"do"}))))
                self._take("do")
                compound.parts.append(("do", self._block(frozenset({"done"}))))
                self._take("done")
            case "for" | "select":
                self._for(compound)
            case "case":
                self._case(compound)
            case "{":
                compound.parts.append(("{", self._block(frozenset({"}"}))))
                self._take("}")
            case "function":
                self._blank()
                name = _FUNCTION_NAME.match(self._t, self._i)
                if name:
                    self._i = name.end()
                    self._body(compound, name.group().partition("(")[0].strip())
            case _:
                return self._test(start)
        return self._redirected(compound)

    def _take(self, closer: str) -> None:
        if self._t.startswith(closer, self._i):
            self._i += len(closer)
        else:
            self.complete = False

    def _redirected(self, compound: Compound) -> Compound:
        compound.end = self._i
        while self._i < self._end:
            mark = self._i
            self._blank()
            if not self._redirect(compound.redirects):
                self._i = mark
                break
            compound.end = self._i
        return compound

    def _if(self, compound: Compound) -> None:
        compound.parts.append(("condition", self._block(frozenset({"then"}))))
        self._take("then")
        while True:
            compound.parts.append(("then", self._block(frozenset({"elif", "else", "fi"}))))
            if not self._t.startswith("elif", self._i):
                break
            self._i += 4
            compound.parts.append(("condition", self._block(frozenset({"then"}))))
            self._take("then")
        if self._t.startswith("else", self._i):
            self._i += 4
            compound.parts.append(("else", self._block(frozenset({"fi"}))))
        self._take("fi")

    def _for(self, compound: Compound) -> None:
        self._blank()
        if self._t.startswith("((", self._i):
            end = self._arithmetic(self._i + 2)
            if end is not None:
                self._i = end
        else:
            while self._i < self._end and self._t[self._i] not in "\n;":
                mark = self._i
                self._blank()
                opener = _RESERVED.match(self._t, self._i)
                if opener and opener.group() == "do":  # `for name do`
                    break
                if self._i < self._end and self._t[self._i] not in "\n;|&()<>#\r":
                    compound.parts.extend(("$(", block) for block in self._word().commands)
                if self._i == mark:
                    break
        self._gap()
        while self._t.startswith(";", self._i):
            self._i += 1
            self._gap()
        opener = _RESERVED.match(self._t, self._i)
        if opener and opener.group() == "{":
            self._i += 1
            compound.parts.append(("do", self._block(frozenset({"}"}))))
            self._take("}")
            return
        self._take("do")
        compound.parts.append(("do", self._block(frozenset({"done"}))))
        self._take("done")

    def _case(self, compound: Compound) -> None:
        self._blank()
        if self._i < self._end and self._t[self._i] not in "\n;|&()<>":
            word = self._word()
            compound.subject = word.text if word is not None else ""
        self._gap()
        self._take("in")
        while True:
            self._gap()
            done = _RESERVED.match(self._t, self._i)
            if self._i >= self._end:
                self.complete = False
                return
            if done and done.group() == "esac":
                self._i = done.end()
                return
            patterns: list[str] = []
            if not self._pattern(patterns):
                self.complete = False
                return
            compound.patterns.append(tuple(patterns))
            compound.parts.append(("case", self._block(frozenset({";;", "esac"}))))
            while self._i < self._end and self._t[self._i] in ";&":
                if self._t[self._i] == "&":
                    compound.subject = ""  # one arm leads into the next
                self._i += 1

    def _pattern(self, patterns: list[str]) -> bool:
        """Consumes `a|b)`."""
        if self._t.startswith("(", self._i):
            self._i += 1
        while self._i < self._end:
            self._blank()
            if self._i >= self._end:
                break
            char = self._t[self._i]
            if char == ")":
                self._i += 1
                return True
            if char == "|":
                self._i += 1
            elif char in "\n;&<>(\r":
                return False
            else:
                mark = self._i
                self._word()
                if self._i == mark:
                    return False
                patterns.append(self._t[mark : self._i])
        return False

    def _body(self, compound: Compound, name: str) -> None:
        """The body of a function."""
        compound.kind = "function"
        compound.name = name
        self._gap()
        start = self._i
        if not self._enter():
            self._depth -= 1
            return
        body = self._element() if self._i < self._end else Simple(start, start)
        self._depth -= 1
        compound.parts.append(
            ("function", Block([AndOr(start, body.end, [Pipeline(start, body.end, [body], [])], [])]))
        )

    def _test(self, start: int) -> Simple:
        """`[[ … ]]` as one command; operators inside are words."""
        simple = Simple(start, start)
        simple.words.append(self._made(start, [(start, self._i)], [], quoted=False, commands=[]))
        while self._i < self._end:
            self._gap()
            if self._i >= self._end:
                break
            mark = self._i
            if self._t[mark] in "|&;()<>":
                self._i += 1
                simple.words.append(self._made(mark, [(mark, self._i)], [], quoted=False, commands=[]))
                continue
            word = self._word()
            simple.words.append(word)
            if word.text == "]]" and not word.quoted:
                simple.end = self._i
                return simple
            if self._i == mark:
                self._i += 1
        self.complete = False
        simple.end = self._i
        return simple

    # -- simple commands -------------------------------------------------------------------------------------------

    def _simple(self) -> Element:
        simple = Simple(self._i, self._i)
        while self._i < self._end:
            mark = self._i
            self._blank()
            if self._i >= self._end:
                break
            char = self._t[self._i]
            if char in "\n;|)":
                break
            if char == "\r" and self._t.startswith("\r\n", self._i):
                break
            if char == "#" and (self._i == simple.start or self._i > mark):
                break
            if self._redirect(simple.redirects):
                simple.end = self._i
                continue
            if char == "&":
                break
            if char == "(":
                if self._is_function(simple):
                    return self._function(simple)
                if self._i == mark and simple.words and self._t.startswith("=", self._i - 1):
                    self._array(simple)  # `declare -a NAME=(…)`
                    simple.end = self._i
                    continue
                self.complete = False
                self._i += 1
                continue
            if not simple.words and (assigned := _ASSIGNED.match(self._t, self._i)):
                self._assignment(simple, assigned)
            else:
                before = self._i
                simple.words.append(self._word())
                if self._i == before:
                    self._i += 1
            simple.end = self._i
        return simple

    def _is_function(self, simple: Simple) -> bool:
        return (
            len(simple.words) == 1
            and not simple.assignments
            and not simple.redirects
            and simple.words[0].literal
            and _FUNCTION.match(self._t, self._i) is not None
        )

    def _function(self, simple: Simple) -> Compound:
        compound = Compound("function", simple.start, simple.start)
        self._i = _FUNCTION.match(self._t, self._i).end()  # type: ignore[union-attr]
        self._body(compound, simple.words[0].text)
        compound.end = self._i
        return compound

    def _assignment(self, simple: Simple, assigned: re.Match[str]) -> None:
        start = self._i
        self._i = assigned.end()
        if self._t.startswith("(", self._i):
            inner = self._i
            commands = self._items()
            value = self._made(inner, [(inner, self._i)], [], quoted=False, commands=commands)
        elif self._i < self._end and self._t[self._i] not in " \t\r\n|&;()<>":
            value = self._word()
        else:
            value = self._made(self._i, [], [], quoted=False, commands=[])
        simple.assignments.append((assigned.group(1), value, start, self._i))

    def _array(self, simple: Simple) -> None:
        """Adds `(…)` to the word before it."""
        start = self._i
        before = simple.words.pop()
        commands = (*before.commands, *self._items())
        first = before.content.offset(0)
        index = start - len(before.text) if self.text.offset(start - len(before.text)) == first else start
        word = self._made(index, [(index, self._i)], [], quoted=False, commands=[])
        simple.words.append(Word(word.content, word.span, before.expansions, before.quoted, commands))

    def _items(self) -> list[Block]:
        """Consumes the `(…)` of an array; the commands substituted in it."""
        self._i += 1
        commands: list[Block] = []
        while self._i < self._end and self._t[self._i] != ")":
            mark = self._i
            self._gap()
            if self._i < self._end and self._t[self._i] not in ")|&;<>(":
                commands.extend(self._word().commands)
            if self._i == mark:
                self._i += 1
        self._take(")")
        return commands

    def _redirect(self, into: list[tuple[str, Word | None, Text | None, bool]]) -> bool:
        match = _REDIRECT.match(self._t, self._i)
        if match is None:
            return False
        operator = match.group(1) or match.group()
        if operator in {"<", ">"} and self._t.startswith("(", match.end()):
            return False  # process substitution: a word
        self._i = match.end()
        self._blank()
        process = self._t.startswith(("<(", ">("), self._i)
        if self._i >= self._end or (self._t[self._i] in "\r\n;|&()<>" and not process):
            into.append((operator, None, None, False))
            return True
        word = self._word()
        into.append((operator, word, None, word.quoted))
        if operator in {"<<", "<<-"}:
            self._heredocs.append((into, len(into) - 1, word.text, word.quoted, operator == "<<-"))
        return True

    def _bodies(self) -> None:
        """Reads the here-documents that start at this line."""
        pending, self._heredocs = self._heredocs, []
        for into, index, mark, quoted, tabs in pending:
            pieces: list[tuple[int, int]] = []
            closed = False
            while self._i < self._end:
                newline = self._t.find("\n", self._i)
                end = self._end if newline < 0 else newline + 1
                start = self._i
                if tabs:
                    while start < end and self._t[start] == "\t":
                        start += 1
                self._i = end
                if self._t[start:end].rstrip("\r\n") == mark:
                    closed = True
                    break
                pieces.append((start, end))
            if not closed:
                self.complete = False
            operator, target, _, _ = into[index]
            into[index] = (operator, target, self.text.kept(pieces), quoted)

    # -- words -----------------------------------------------------------------------------------------------------

    def _made(
        self,
        start: int,
        pieces: list[tuple[int, int]],
        expansions: list[Expansion],
        *,
        quoted: bool,
        commands: list[Block],
    ) -> Word:
        if any(begin < end for begin, end in pieces):
            content = self.text.kept(pieces)
            span = content.place
        else:
            content = self.text.cut(start, start)
            span = self.text.span(start, self._i)
        return Word(content, span, tuple(expansions), quoted, tuple(commands))

    def _word(self) -> Word:
        start = self._i
        scan = _Scan()
        while self._i < self._end:
            plain = _PLAIN.match(self._t, self._i)
            if plain:
                scan.keep(self._i, plain.end())
                self._i = plain.end()
                if self._i >= self._end:
                    break
            char = self._t[self._i]
            if char in " \t\n|&;)":
                break
            if char == "\r":
                if self._t.startswith("\r\n", self._i) or self._i == self._end - 1:
                    break
                scan.keep(self._i, self._i + 1)
                self._i += 1
            elif char in "<>":
                if not self._process(scan):
                    break
            elif char == "(":
                if not self._glob(scan):
                    break
            elif char == "\\":
                self._escape(scan)
            elif char == "'":
                self._single(scan)
            elif char == '"':
                self._double(scan)
            else:
                self._expansion(scan)
        return self._made(start, scan.pieces, scan.expansions, quoted=scan.quoted, commands=scan.commands)

    def _escape(self, scan: _Scan) -> None:
        after = self._t[self._i + 1 : self._i + 3]
        if after[:1] == "\n":
            self._i += 2
        elif after == "\r\n":
            self._i += 3
        elif not after:
            scan.keep(self._i, self._i + 1)
            self._i += 1
        else:
            scan.keep(self._i + 1, self._i + 2)
            scan.quoted = True
            self._i += 2

    def _single(self, scan: _Scan) -> None:
        start = self._i + 1
        close = self._t.find("'", start)
        scan.quoted = True
        stop = close if close >= 0 else self._end
        expression = self._t.find("${{", start, stop)
        while expression >= 0:
            # GitHub replaces expressions before the shell sees quotes; an expression may hold quotes of its own.
            self._i = expression
            end = self._expression_end(expression)
            if end is None:
                break
            scan.keep(start, expression)
            scan.expand("expression", "", expression, end)
            start = end
            close = self._t.find("'", start)
            stop = close if close >= 0 else self._end
            expression = self._t.find("${{", start, stop)
        scan.keep(start, stop)
        if close < 0:
            self.complete = False
        self._i = min(stop + 1, self._end)

    def _double(self, scan: _Scan) -> None:
        self._i += 1
        scan.quoted = True
        while self._i < self._end:
            plain = _IN_DOUBLE.match(self._t, self._i)
            if plain:
                scan.keep(self._i, plain.end())
                self._i = plain.end()
                if self._i >= self._end:
                    break
            char = self._t[self._i]
            if char == '"':
                self._i += 1
                return
            if char == "\\":
                after = self._t[self._i + 1 : self._i + 2]
                if after and after in '$`"\\\n':
                    if after != "\n":
                        scan.keep(self._i + 1, self._i + 2)
                    self._i += 2
                elif self._t.startswith("\r\n", self._i + 1):
                    self._i += 3
                else:
                    scan.keep(self._i, self._i + 1)
                    self._i += 1
            else:
                self._expansion(scan)
        self.complete = False

    def _expansion(self, scan: _Scan) -> None:
        """At `$` or a backquote."""
        start = self._i
        t = self._t
        if t[start] == "`":
            self._backquoted(scan)
            return
        if t.startswith("${{", start):
            end = self._expression_end(start)
            if end is not None:
                scan.expand("expression", "", start, end)
                self._i = end
                return
        if t.startswith("$((", start):
            end = self._arithmetic(start + 3)
            if end is not None:
                scan.expand("arithmetic", "", start, end)
                self._i = end
                return
        if t.startswith("$(", start):
            self._i = start + 2
            scan.commands.append(self._block(frozenset({")"})))
            self._take(")")
            scan.expand("command", "", start, self._i)
            return
        if t.startswith("${", start):
            end = self._braces(start + 2)
            if end is not None:
                name = _NAMED.match(t, start + 2)
                scan.expand("variable", name.group(1) if name else "", start, end)
                self._i = end
                return
        elif variable := _VARIABLE.match(t, start):
            scan.expand("variable", variable.group(1) or variable.group(2), start, variable.end())
            self._i = variable.end()
            return
        elif t.startswith("$'", start) and not scan.quoted:
            self._ansi(scan)
            return
        scan.keep(start, start + 1)
        self._i = start + 1

    def _ansi(self, scan: _Scan) -> None:
        """`$'…'`, escapes kept as written."""
        scan.quoted = True
        i = start = self._i + 2
        while i < self._end and self._t[i] != "'":
            i += 2 if self._t[i] == "\\" else 1
        i = min(i, self._end)
        scan.keep(start, i)
        if i >= self._end:
            self.complete = False
        self._i = min(i + 1, self._end)

    def _backquoted(self, scan: _Scan) -> None:
        start = self._i
        i = start + 1
        pieces: list[tuple[int, int]] = []
        kept = i
        while i < self._end and self._t[i] != "`":
            if self._t[i] == "\\" and self._t[i + 1 : i + 2] in {"`", "\\", "$"}:
                pieces.append((kept, i))
                kept = i + 1
                i += 2
            else:
                i += 1
        i = min(i, self._end)
        pieces.append((kept, i))
        if i >= self._end:
            self.complete = False
        self._i = min(i + 1, self._end)
        scan.expand("command", "", start, self._i)
        if pieces == [(start + 1, i)] and self._enter():
            # Without escapes the inside is parsed in place, bounded by the closing backquote.
            end, after, self._end, self._i = self._end, self._i, i, start + 1
            scan.commands.append(self._block(frozenset()))
            self._end, self._i = end, after
            self._depth -= 1

    def _expression_end(self, start: int) -> int | None:
        """Where `${{ … }}` at `start` ends."""
        i = start + 3
        limit = min(self._end, start + _AHEAD)
        while self._wasted < _WASTED and (match := _EXPRESSION.search(self._t, i, limit)):
            if match.group() == "}}":
                return match.end()
            i = match.end()
        self._wasted += limit - start
        return None

    def _arithmetic(self, start: int) -> int | None:
        """Where an arithmetic expression whose inside starts at `start` ends, or None when it is none."""
        depth = 0
        limit = min(self._end, start + _AHEAD)
        for match in _ARITHMETIC.finditer(self._t, start, limit) if self._wasted < _WASTED else ():
            if match.group() == "(":
                depth += 1
            elif depth:
                depth -= 1
            else:
                if self._t.startswith("))", match.start()):
                    return match.end() + 1
                break
        self._wasted += limit - start
        return None

    def _braces(self, start: int) -> int | None:
        """Where `${ … }` whose inside starts at `start` ends."""
        stack = ["}"]
        i = start
        limit = min(self._end, start + _AHEAD)
        while self._wasted < _WASTED and (match := _BRACES.search(self._t, i, limit)):
            found = match.group()
            i = match.end()
            if found == "\\":
                i += 1
            elif found == "${":
                stack.append("}")
            elif found == "$(":
                stack.append(")")
            elif found in {'"', "`"}:
                if stack[-1] == found:
                    stack.pop()
                else:
                    stack.append(found)
            elif found == "'":
                if '"' not in stack:
                    close = self._t.find("'", i, limit)
                    if close >= 0:
                        i = close + 1
            elif found == stack[-1]:
                stack.pop()
                if not stack:
                    return i
        self._wasted += limit - start
        return None

    def _process(self, scan: _Scan) -> bool:
        """`<(…)` or `>(…)` inside a word."""
        if not self._t.startswith("(", self._i + 1):
            return False
        start = self._i
        self._i += 2
        scan.commands.append(self._block(frozenset({")"})))
        self._take(")")
        scan.expand("command", "", start, self._i)
        return True

    def _glob(self, scan: _Scan) -> bool:
        """An extended glob such as `!(a|b)`."""
        if self._i == 0 or self._t[self._i - 1] not in "?*+@!":
            return False
        close = self._t.find(")", self._i, self._i + 200)
        if close < 0 or "\n" in self._t[self._i : close]:
            return False
        scan.keep(self._i, close + 1)
        self._i = close + 1
        return True


class _Scan:
    """What a word holds so far."""

    __slots__ = ("commands", "expansions", "length", "pieces", "quoted")

    def __init__(self) -> None:
        self.pieces: list[tuple[int, int]] = []
        self.expansions: list[Expansion] = []
        self.commands: list[Block] = []
        self.length = 0
        self.quoted = False

    def keep(self, start: int, end: int) -> None:
        if end <= start:
            return
        if self.pieces and self.pieces[-1][1] == start:
            self.pieces[-1] = (self.pieces[-1][0], end)
        else:
            self.pieces.append((start, end))
        self.length += end - start

    def expand(self, kind: ExpansionKind, name: str, start: int, end: int) -> None:
        before = self.length
        self.keep(start, end)
        self.expansions.append(Expansion(kind, name, before, self.length))
