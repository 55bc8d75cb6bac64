"""Read TypeScript and JavaScript far enough to see its structure, without a parser.

Comments, strings, templates and regular expressions are blanked with the same length, so that every offset stays, and
brackets are matched. What is left can be searched with regular expressions that cannot be misled by text. The
expressions inside `${…}` of a template stay visible. Reading never fails: broken code gives fewer brackets.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.model.source import Source, Span

NAME = r"[A-Za-z_$][\w$]*"
"""The pattern of an identifier."""

_TOKEN = regex(
    r"""//[^\n\r]*
    |/\*(?:[^*]|\*(?!/))*+(?:\*/)?
    |"(?:[^"\\\n\r]|\\(?:\r\n|[\s\S]))*+"?
    |'(?:[^'\\\n\r]|\\(?:\r\n|[\s\S]))*+'?
    |[/`(){}\[\]]""",
    re.VERBOSE,
)
_TEMPLATE = regex(r"(?:[^`\\$]|\\[\s\S]|\$(?!\{))*+(`|\$\{)?|\\")
_REGEX = regex(r"/(?:[^/\\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*+\])++/[a-z]*")
_LINE_REST = regex(r"[^\n\r]*")
_INK = regex(r"[^\n\r]")
_WORD_BEFORE = regex(r"[\w$]+\Z")
_BEFORE_REGEX = frozenset(
    [
        "return",
        "typeof",
        "case",
        "in",
        "of",
        "delete",
        "void",
        "instanceof",
        "new",
        "throw",
        "do",
        "else",
        "yield",
        "await",
        "default",
        "extends",
    ]
)
_PAIRS = {")": "(", "]": "[", "}": "{"}
_ESCAPE = regex(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(\r\n|[\s\S]))")
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_EMPTY = {"\r\n": "", "\n": "", "\r": ""}

_STRUCTURE = regex(r"[,;(\[{)\]}\n]")
_COMMA = regex(r"[,(\[{]")
_SPACE = regex(r"\s*")
_KEY = regex(rf"\s*(?:(?:readonly|async|get|set)\s+(?={NAME}))?({NAME}|\d+|[\"'\[])")
_MEMBER = regex(rf"\s*!?\s*(?:\?\.|\.(?!\.))\s*({NAME})?")
_CALL = regex(r"\s*!?\s*(?:\?\.\s*)?(<[^;(){}]{0,300}?>\s*)?\(")
_INDEX = regex(r"\s*!?\s*\[")
_ROOT = regex(rf"\s*(?:await\s+|new\s+)*({NAME})")
_DECLARED = regex(rf"\b(?:const|let|var)\s+({NAME})\s*!?\s*(?::[^=;]{{0,400}}?)?=(?![=>])\s*")
_FUNCTION = regex(rf"\bfunction\s*\*?\s*({NAME})\s*(?:<[^>(]{{0,300}}>\s*)?\(")
_METHOD = regex(
    rf"(?:^|[{{}};,\n])[ \t]*(?:(?:private|public|protected|static|async|readonly|override)\s+)*"
    rf"#?({NAME})\s*(?:<[^>(]{{0,300}}>\s*)?\(",
    re.MULTILINE,
)
_BODY = regex(r"\s*(?::[^{};]{0,500})?\{")
_ARROW_HEAD = regex(rf"\s*(?:async\s*)?(?:<[^>(]{{0,300}}>\s*)?(?:(\()|({NAME})\s*=>\s*)")
_ARROW = regex(r"\s*(?::[^=;]{0,500}?)?=>\s*")
_FUNCTION_EXPRESSION = regex(rf"\s*(?:async\s*)?function\b\s*\*?\s*(?:{NAME})?\s*(?:<[^>(]{{0,300}}>\s*)?\(")
_RETURN = regex(r"\breturn\b[ \t]*")
_IMPORT = regex(
    rf"\b(?:import|export)\s+(?:type\s+)?((?:{NAME}\s*,?\s*)?(?:\*\s*as\s+{NAME}\s*|\{{[^{{}}\"'`;]*+\}}\s*)?)from\s*(?=[\"'])"
)
_REQUIRE = regex(rf"\b(?:const|let|var)\s+({NAME}|\{{[^{{}}]*\}})\s*=\s*require\s*\(\s*(?=[\"'])")
_IMPORTED = regex(rf"(?:type\s+)?({NAME})(?:\s*(?:as|:)\s*({NAME}))?")
_CONTROL = frozenset(
    ["if", "for", "while", "switch", "catch", "return", "function", "await", "typeof", "new", "super", "import", "with"]
)
_CARRIES_ON = regex(r"\s*(?:[.?:&|+*/%<>=,)\]}]|-(?!-)|as\b|satisfies\b|instanceof\b|in\b)")
_UNFINISHED = regex(r"(?:[=(,?:&|+*/%<>\[{.!-]|\b(?:return|await|as|satisfies|new|typeof))\Z")


class Part(NamedTuple):
    """A piece of code between two offsets."""

    start: int
    end: int


class Property(NamedTuple):
    """A `key: value` of an object literal. `value` is the key itself for a shorthand; `key` is empty for a spread."""

    key: str
    key_part: Part
    value: Part


class Link(NamedTuple):
    """One step of a chain: `.name`, `.name(…)` or `(…)`. `call` is the offset of its `(`, or -1."""

    name: str
    start: int
    call: int
    end: int


class Import(NamedTuple):
    """A name brought in from another module; `name` is `default` or `*` where the whole of it is."""

    name: str
    module: str


class Function(NamedTuple):
    """A function: its parameters' names and texts, and its body. `block` tells a body in braces from an expression."""

    parameters: tuple[Part, ...]
    body: Part
    block: bool


class Code(Struct, frozen=True, eq=False):
    """A file with its text blanked outside of code.

    `text` has the length of the source. `closers` gives the offset of the closing bracket for that of each opening one,
    `openers` the reverse, `strings` the offset behind each string by the offset of its first quote.
    """

    source: Source
    text: str
    closers: Mapping[int, int]
    openers: Mapping[int, int]
    strings: Mapping[int, int]
    _declared: dict[str, int] = field(default_factory=dict)
    _functions: dict[str, Function] = field(default_factory=dict)
    _imports: dict[str, Import] = field(default_factory=dict)
    _done: list[str] = field(default_factory=list)

    def span(self, part: Part) -> Span:
        """The span of a piece of code."""
        return self.source.span(part.start, part.end)

    def trim(self, start: int, end: int) -> Part:
        """The part without the blanks (and blanked comments) around it."""
        piece = self.text[start:end]
        left = len(piece) - len(piece.lstrip())
        return Part(start + left, max(start + left, start + len(piece.rstrip())))

    def string(self, start: int) -> tuple[str, Span] | None:
        """The string literal whose quote stands at `start`: its value, and its span without quotes unless empty."""
        end = self.strings.get(start)
        if end is None:
            return None
        inner = self.source.text[start + 1 : end - 1]
        span = self.source.span(start + 1, end - 1) if inner else self.source.span(start, end)
        return (_ESCAPE.sub(_unescape, inner) if "\\" in inner else inner), span

    def whole_string(self, part: Part) -> tuple[str, Span] | None:
        """The string literal that the part consists of, or None."""
        return self.string(part.start) if self.strings.get(part.start) == part.end else None

    def items(self, opener: int) -> tuple[Part, ...]:
        """The parts between commas inside the brackets that open at `opener`; empty ones are left out."""
        closer = self.closers.get(opener)
        if closer is None:
            return ()
        parts: list[Part] = []
        at = start = opener + 1
        while match := _COMMA.search(self.text, at, closer):
            if match[0] == ",":
                parts.append(self.trim(start, match.start()))
                at = start = match.end()
            else:
                at = self.closers.get(match.start(), match.start()) + 1
        parts.append(self.trim(start, closer))
        return tuple(part for part in parts if part.end > part.start)

    def properties(self, opener: int) -> tuple[Property, ...]:
        """The properties of the object literal that opens at `opener`, spreads included; methods are left out."""
        found: list[Property] = []
        for part in self.items(opener):
            if self.text.startswith("...", part.start):
                found.append(Property("", Part(part.start, part.start + 3), self.trim(part.start + 3, part.end)))
            elif (new := self._property(part)) is not None:
                found.append(new)
            elif found:  # a comma inside `<A, B>`
                last = found[-1]
                found[-1] = last._replace(value=Part(last.value.start, part.end))
        return tuple(found)

    def _property(self, part: Part) -> Property | None:
        match = _KEY.match(self.text, part.start, part.end)
        if match is None:
            return None
        start, end = match.span(1)
        key = match[1]
        if key in "\"'":
            literal = self.string(start)
            if literal is None:
                return None
            key, (_, inner_start, inner_end) = literal[0], literal[1]
            end = self.strings[start]
            key_part = Part(inner_start, inner_end)
        elif key == "[":
            end = self.closers.get(start, part.end) + 1
            inside = self.trim(start + 1, end - 1)
            literal = self.whole_string(inside)
            key = literal[0] if literal else ""
            key_part = inside
            if not key:
                return None
        else:
            key_part = Part(start, end)
        rest = self.trim(end, part.end)
        if rest.start == rest.end:
            return Property(key, key_part, key_part)
        if self.text[rest.start] == ":":
            return Property(key, key_part, self.trim(rest.start + 1, part.end))
        return None

    def chain(self, part: Part) -> tuple[tuple[Link, ...], bool]:
        """The links of `a.b(…).c`, the root first, and whether they make up the whole part."""
        root = _ROOT.match(self.text, part.start, part.end)
        if root is None:
            return (), False
        links: list[Link] = []
        name, start, at = root[1], root.start(1), root.end()
        while True:
            call = _CALL.match(self.text, at, part.end)
            opener = call.end() - 1 if call else -1
            closer = self.closers.get(opener, -1)
            if call and 0 <= closer < part.end:
                links.append(Link(name, start, opener, closer + 1))
                name, start, at = "", closer + 1, closer + 1
                continue
            if name:
                links.append(Link(name, start, -1, at))
            index = _INDEX.match(self.text, at, part.end)
            if index and self.closers.get(index.end() - 1, part.end) < part.end:
                at = self.closers[index.end() - 1] + 1
                links.append(Link("[]", index.end() - 1, -1, at))
                name = ""
                continue
            member = _MEMBER.match(self.text, at, part.end)
            if member is None or not member[1]:
                break
            name, start, at = member[1], member.start(1), member.end()
        rest = self.text[at : part.end].strip()
        return tuple(links), rest in ("", "!") or rest.startswith(("as ", "satisfies "))

    def receiver(self, dot: int) -> Part:
        """The expression on which the member access at the dot (or `?.`) stands."""
        at = dot
        while True:
            head = self.text[:at].rstrip() if at < 64 else self.text[max(0, at - 2000) : at].rstrip()
            at = at - (min(at, 2000 if at >= 64 else at) - len(head))
            if head.endswith(("!", "?")):
                at -= 1
                continue
            if head.endswith((")", "]")):
                opener = self.openers.get(at - 1)
                if opener is None:
                    return Part(at, dot)
                at = opener
                before = self.text[max(0, at - 200) : at].rstrip()
                if not before or not (before[-1].isalnum() or before[-1] in "_$.)]>"):
                    return Part(at, dot)
                if before[-1] == ">":
                    left = self.text.rfind("<", max(0, at - 200), at)
                    at = left if left >= 0 else at
                continue
            word = _WORD_BEFORE.search(head)
            if word is None:
                return Part(at, dot)
            at -= len(word[0])
            before = self.text[max(0, at - 2000) : at].rstrip()
            if not before.endswith("."):
                return Part(at, dot)
            at = at - (min(at, 2000) - len(before)) - 1

    def expression(self, start: int, limit: int | None = None) -> Part:
        """The expression that starts at `start`, to a comma, semicolon, closing bracket or the end of a statement."""
        end = len(self.text) if limit is None else limit
        at = start
        while match := _STRUCTURE.search(self.text, at, end):
            mark = match[0]
            if mark in "([{":
                closer = self.closers.get(match.start())
                if closer is None:
                    return self.trim(start, match.start())
                at = closer + 1
            elif mark == "\n":
                at = match.end()
                before = self.text[max(start, match.start() - 80) : match.start()].rstrip()
                if not before or _UNFINISHED.search(before) or _CARRIES_ON.match(self.text, at, end):
                    continue
                if self.text[max(start, match.start() - 2000) : match.start()].strip():
                    return self.trim(start, match.start())
            else:
                return self.trim(start, match.start())
        return self.trim(start, end)

    def declared(self, name: str) -> Part | None:
        """The initialiser of `const name = …` (the first such declaration), or None."""
        self._index()
        start = self._declared.get(name)
        return None if start is None else self.expression(start)

    def function(self, name: str) -> Function | None:
        """The function, arrow function or method of that name, or None."""
        self._index()
        if name in self._functions:
            return self._functions[name]
        start = self._declared.get(name)
        return None if start is None else self.function_at(start)

    def functions(self) -> Iterator[tuple[str, Function]]:
        """Every named function, arrow function and method."""
        self._index()
        yield from self._functions.items()
        for name, start in self._declared.items():
            if name not in self._functions and (found := self.function_at(start)) is not None:
                yield name, found

    def function_at(self, start: int) -> Function | None:
        """The function expression or arrow function that starts at `start`, or None."""
        if match := _FUNCTION_EXPRESSION.match(self.text, start):
            return self._block(match.end() - 1)
        head = _ARROW_HEAD.match(self.text, start)
        if head is None:
            return None
        if head[2]:
            parameters: tuple[Part, ...] = (Part(*head.span(2)),)
            at = head.end()
        else:
            closer = self.closers.get(head.end() - 1)
            arrow = _ARROW.match(self.text, closer + 1) if closer is not None else None
            if arrow is None:
                return None
            parameters, at = self.items(head.end() - 1), arrow.end()
        if self.text.startswith("{", at) and at in self.closers:
            return Function(parameters, Part(at + 1, self.closers[at]), block=True)
        return Function(parameters, self.expression(at), block=False)

    def returned(self, function: Function) -> Part | None:
        """The one expression that a function returns, or None when there are several."""
        if not function.block:
            body = function.body
            if self.text.startswith("(", body.start) and self.closers.get(body.start) == body.end - 1:
                return self.trim(body.start + 1, body.end - 1)
            return body
        found = [match.end() for match in _RETURN.finditer(self.text, function.body.start, function.body.end)]
        return self.expression(found[0], function.body.end) if len(found) == 1 else None

    def imported(self, name: str) -> Import | None:
        """Where a name is imported from (`import`, `export … from` or `require`), or None."""
        self._index()
        return self._imports.get(name)

    def imports(self) -> Mapping[str, Import]:
        """Every imported name."""
        self._index()
        return self._imports

    def _block(self, opener: int) -> Function | None:
        closer = self.closers.get(opener)
        body = _BODY.match(self.text, closer + 1) if closer is not None else None
        if body is None:
            return None
        start = body.end() - 1
        end = self.closers.get(start)
        return None if end is None else Function(self.items(opener), Part(start + 1, end), block=True)

    def _index(self) -> None:
        if self._done:
            return
        self._done.append("")
        for match in _DECLARED.finditer(self.text):
            self._declared.setdefault(match[1], match.end())
        for pattern in (_FUNCTION, _METHOD):
            for match in pattern.finditer(self.text):
                if match[1] not in _CONTROL and match[1] not in self._functions:
                    found = self._block(match.end() - 1)
                    if found is not None:
                        self._functions[match[1]] = found
        for match in _IMPORT.finditer(self.text):
            self._import(match[1], match.end())
        for match in _REQUIRE.finditer(self.text):
            self._import(match[1], match.end(), required=True)

    def _import(self, clause: str, quote: int, *, required: bool = False) -> None:
        literal = self.string(quote)
        if literal is None:
            return
        module = literal[0]
        before, brace, inside = clause.partition("{")
        for piece in inside.partition("}")[0].split(",") if brace else ():
            if named := _IMPORTED.fullmatch(piece.strip()):
                self._imports.setdefault(named[2] or named[1], Import(named[1], module))
        for piece in before.split(","):
            words = piece.split()
            if len(words) == 1 and re.fullmatch(NAME, words[0]):
                self._imports.setdefault(words[0], Import("*" if required else "default", module))
            elif len(words) == 3 and words[:2] == ["*", "as"]:
                self._imports.setdefault(words[2], Import("*", module))


def read(source: Source) -> Code:
    """The code of a file. Linear in its length; never fails."""
    text = source.text
    pieces: list[str] = []
    strings: dict[int, int] = {}
    closers: dict[int, int] = {}
    stack: list[tuple[str, int]] = []
    depth = {"(": 0, "[": 0, "{": 0}
    comments: list[int] = []  # starts of comments, and their ends, in order
    comment_ends: list[int] = []
    value_end = -1  # the end of the last string, template or regular expression
    no_regex = -1  # no regular expression is closed on the line before this offset
    kept = at = 0

    def blank(start: int, end: int) -> None:
        nonlocal kept
        if end > start:
            pieces.append(text[kept:start])
            pieces.append(_blanked(text, start, end))
            kept = end

    def template(start: int) -> int:
        nonlocal value_end
        chunk = _TEMPLATE.match(text, start)
        end = chunk.end() if chunk else len(text)
        mark = chunk[1] if chunk else None
        blank(start, end - len(mark or ""))
        if mark == "${":
            stack.append(("$", end - 1))
            depth["{"] += 1
        value_end = end if mark == "`" else value_end
        return end

    while match := _TOKEN.search(text, at):
        start, at = match.span()
        mark = text[start]
        if mark in "\"'":
            closed = at - start > 1 and text[at - 1] == mark
            if closed:
                strings[start] = at
            blank(start + 1, at - 1 if closed else at)
            value_end = at
        elif mark == "/":
            if at - start > 1:
                blank(start, at)
                comments.append(start)
                comment_ends.append(at)
            elif start >= no_regex and _starts_regex(text, start, value_end, comments, comment_ends):
                regex = _REGEX.match(text, start)
                if regex:
                    at = value_end = regex.end()
                    blank(start, at)
                else:
                    rest = _LINE_REST.match(text, start)
                    no_regex = rest.end() if rest else len(text)
        elif mark == "`":
            at = template(at)
            if value_end == at:
                strings[start] = at
        elif mark in "([{":
            stack.append((mark, start))
            depth[mark] += 1
        else:
            wanted = _PAIRS[mark]
            while depth[wanted]:
                opener, offset = stack.pop()
                depth["{" if opener == "$" else opener] -= 1
                if opener == wanted or (opener == "$" and wanted == "{"):
                    closers[offset] = start
                    if opener == "$":
                        at = template(at)
                    break
    pieces.append(text[kept:])
    return Code(source, "".join(pieces), closers, {end: start for start, end in closers.items()}, strings)


def _blanked(text: str, start: int, end: int) -> str:
    if text.find("\n", start, end) < 0 and text.find("\r", start, end) < 0:
        return " " * (end - start)
    return _INK.sub(" ", text[start:end])


def _starts_regex(text: str, slash: int, value_end: int, comments: list[int], comment_ends: list[int]) -> bool:
    """Whether a slash starts a regular expression and does not divide, by what stands before it."""
    at = slash
    while True:
        while at > 0 and text[at - 1].isspace():
            at -= 1
        index = bisect_right(comment_ends, at) - 1
        if index >= 0 and comment_ends[index] == at:
            at = comments[index]
            continue
        break
    if at == 0:
        return True
    if at == value_end or text[at - 1] in ")]}<":
        return False
    word = _WORD_BEFORE.search(text, max(0, at - 12), at)
    return word is None or word[0] in _BEFORE_REGEX


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        number = int(code, 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
    mark = match[4]
    return _EMPTY.get(mark, _PLAIN_ESCAPES.get(mark, mark))
