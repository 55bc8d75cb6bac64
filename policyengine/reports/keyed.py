"""Secret values that stand behind their keys, in the many ways in which a key and its value are written."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge import secrets
from policyengine.patterns import regex
from policyengine.reports.literals import (
    HEREDOC,
    LONGEST,
    Range,
    argument,
    blank,
    closed,
    expression,
    heredoc,
    literal,
    quoted_only,
    strings,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY = regex(
    r"""(?:(?<![\w.:-])|(?<=\$[Ee]nv:)|(?<=\$ENV:)|(?<=\{[Ee]nv:)|(?<=-D)|(?<=-P))(?P<key>[A-Za-z_][\w.-]{1,80}?)
    (?P<quote>(?:\\?["'])?)[\]}]?(?:!(?=[ \t]{0,80}(?:\?\?|\|\|)))?
    (?:[ \t]{0,80}(?P<sign>:=|=>|\?\?=?|\|\|=?|[:=])(?![=>:])|\s{1,200}(?P<below>\?\?|\|\|)(?!=))""",
    re.VERBOSE,
)
_BLOCK = regex(r"(?:![\w!:.-]*[ \t]+|&[\w-]+[ \t]+)*[|>][+-]?\d?[+-]?[ \t]*(?:#[^\r\n]*)?(?:\r\n?|\n)")
_ELEMENT = regex(
    r"""\s{0,200}(?:\[[^\]\r\n]{1,80}\]\+?=)?
    (?:(?P<quote>\\?["'])(?P<quoted>(?:(?!(?P=quote)).)*)(?P=quote)|(?P<bare>[^\s"'()\\]+))""",
    re.VERBOSE | re.DOTALL,
)
_BARE = regex(r"""(?<=[\[,])\s{0,200}(?P<value>[^\s"'\[\],#][^\[\],\r\n]*)(?=[^\[\]]{0,4000}\])""")
"""An element without quotes of a list of YAML."""
_NAMES = ("secrets", "credentials")
"""Keys whose lists hold names."""
_BRACED = regex(r"""\{(?P<value>[^{}\s"'=:]+)\}(?=[;"'\s]|\Z)""")
_FOLLOWING = regex(r"[,;](?=[ \t]*[A-Za-z_][\w .-]{0,60}=)")
_PREFIX = regex(r"(?:![\w!:.-]*[ \t]+|&[\w-]+[ \t]+)*")
_LINE_END = regex(r"\r\n?|\n|\Z")
_COMMENT = regex(r"[ \t]+#")
_LEGACY_ENV = regex(r"(?im)^[ \t]*(?:ENV)[ \t]+(?P<key>[A-Za-z_]\w*)[ \t]+(?P<value>[^=\r\n][^\r\n]*)$")
_SPACED = regex(r"(?m)^[ \t]*(?:export[ \t]+)?(?P<key>[A-Za-z_][\w.-]*)[ \t]+(?P<value>[^=:\r\n][^\r\n]*)$")
_SECOND = regex(
    r"""(?:\(\s{0,200}|\b[A-Za-z]\w{1,40}[ \t]{1,20})
        (?P<quote>["'`])(?P<key>[A-Za-z_][\w.:-]{1,80})(?P=quote)\s{0,20},\s{0,200}(?:default[ \t]*=[ \t]*)?
        (?P<mark>["'`])(?P<value>[^"'`\r\n]*)(?P=mark)""",
    re.VERBOSE,
)
"""What a variable is without a value, or is set to: `getenv("DB_PASSWORD", "…")`, `environment 'TOKEN', '…'`."""
_ELSE = regex(
    r"""(?P<quote>["'`])(?P<key>[A-Za-z_][\w.:-]{1,80})(?P=quote)(?:,[ \t]*(?:nil|None|null|""|''))?[ \t]*[\])]!?
        \s{0,200}(?:\|\||\?\?|\?:|or(?=[ \t"'])|\{|\.unwrap_or(?:_else)?\((?:\|\w*\|)?)\s{0,200}
        (?P<mark>["'`])(?P<value>[^"'`\r\n]*)(?P=mark)""",
    re.VERBOSE,
)
"""The same behind the call: `getenv("DB_PASSWORD") or "…"`, `ENV["DB_PASSWORD"] || "…"`, `var("…").unwrap_or("…")`."""
_TAG = regex(
    r"""\benv(?:config)?:"(?P<key>[A-Za-z_]\w{1,80})[^"`\r\n]{0,80}"[^`\r\n]{0,200}?(?:envDefault|default):"(?P<value>[^"`\r\n]*)\""""
)
"""A tag of a field in Go."""
_ALIAS = regex(
    r"""\bField\([ \t]*["'](?P<value>[^"'\r\n]+)["'][^()\r\n]{0,200}alias[ \t]*=[ \t]*["'](?P<key>[A-Za-z_]\w{1,80})"""
)
_OUTPUT = regex(r"""::(?:set-output|set-env|save-state)[ ]name=(?P<key>[\w.-]{1,80})::(?P<value>[^"'`\r\n]+)""")
_SET_TO = regex(r"""(?i)\bset[ \t]+(?:[a-z]\w*\.)?(?P<key>[a-z_]\w{1,80})[ \t]+to[ \t]+'(?P<value>[^'\r\n]+)'""")
_PROPERTY = regex(r"""\$\{(?P<key>[A-Za-z_][\w.-]{1,80}):(?!\d{0,4}(?::\d+)?\})(?P<value>[^{}\s:?=+-][^{}\r\n]*)\}""")
"""What Spring takes for a property that nothing sets. `${TOKEN:0:8}` is a part of a variable of the shell."""
_ELEMENT_OF_XML = regex(
    r"""<(?:[A-Za-z]\w{0,40}:)?(?P<key>[A-Za-z_][\w.-]{1,80})(?:\s[^<>]{0,400})?>\s{0,99}(?P<value>[^<>\r\n]+)</"""
)
_SET = regex(
    r"""\bset[ \t]+\$(?P<key>[A-Za-z_]\w{1,80})[ \t]+(?P<quote>["']?)(?P<value>[^"';\r\n]{1,400})(?P=quote)[ \t]*;"""
)
"""A variable of nginx."""
_BLANKS = regex(r"\s{0,200}")
_COMPARED = regex(
    r"""(?<![\w-])(?P<key>[A-Za-z_]\w{1,80})[ \t]*[!=]==?[ \t]*(?P<mark>["'`])(?P<value>[^"'`\r\n]+)(?P=mark)"""
)
_NAMED = regex(
    r"""(?ix)\b(?:name|key|parameterkey|env)(?:\\?["'])?[ \t]*[:=][ \t]*(?:\\?["'])?
        (?:[\w./-]{0,80}/)?(?P<key>[A-Za-z_][\w.-]{1,80})(?:\\?["'])?[ \t]*,?(?:[ \t]|\r\n?|\n)*
        (?:(?:\\?["'])?(?:type|format|doc|scope|resource|tier|protected|masked|secure|sensitive|encrypted|overwrite)
            (?:\\?["'])?[ \t]*[:=][ \t]*[^"'{}\[\],\s]{0,80}(?:["'][^"'\r\n]{0,200}["'])?[ \t]*,?\s{1,200}){0,3}
        (?:["']?[ \t]{1,20}--set(?:-string)?[= \t]["']?)?(?:[\w.-]{1,60}\[\d{1,4}\]\.)?
        (?P<label>(?:\\?["'])?\b(?:value|parametervalue|default)(?:\\?["'])?)[ \t]*(?P<sign>[:=])"""
)
_NAMED_AFTER = regex(
    r"""(?ix)\b(?:value|default)["']?[ \t]*[:=][ \t]*(?P<quote>["'])(?P<value>[^"'\r\n]{0,4000})(?P=quote)
        [ \t]*,?(?:[ \t]|\r\n?|\n)*["']?\b(?:name|key|env)["']?[ \t]*[:=][ \t]*["']?(?P<key>[A-Za-z_][\w.-]{1,80})"""
)
_PATTERNS = (_SECOND, _ELSE, _COMPARED, _TAG, _ALIAS, _OUTPUT, _SET_TO, _PROPERTY, _ELEMENT_OF_XML, _SET)
_FALLBACK = regex(
    r"\$\{(?P<key>[A-Za-z_]\w*):?(?:[-+=](?P<value>(?:[^{}\r\n]|\$\{[^{}\r\n]*\})*)|\?(?P<word>[^\s{}]+))\}"
)
_VARIABLE = regex(r"""\b(?:variable|output)[ \t]+"(?P<key>[A-Za-z_][\w-]*)"[ \t]*\{""")
_JOINED = regex(r"\s{0,200}(?:\+|%[ \t]|\.(?:join|concat|format)\()")
_BRACE = regex(r"[{}]")
_OWNER = regex(r"""(?P<key>[A-Za-z_][\w-]{1,80})["']?[ \t]*[:=][ \t]*\Z""")
_MAPPING = regex(r"""(?m)^(?P<indent>[ ]*)["']?(?P<key>[A-Za-z_][\w.-]{1,80})["']?:[ \t]*\r?$""")
_CHILD = regex(
    r"""(?m)^[ \t]*(?:-[ \t]+)?(?:["']?[\w./-]{1,80}["']?:[ \t]+)?(?P<quote>["']?)
    (?P<value>[^\s"'\#:{}\[\]]+)(?P=quote)[ \t]*(?:\#[^\r\n]*)?\r?$""",
    re.VERBOSE,
)
_DEEPEST = 3
"""So many collections within one another are read each for its own name."""
_COMMON = regex(r"(?:[a-z]+|[A-Z]+|\d+|.{0,7})\Z")
_WORD_ENDS = " \t\"'`\\;&|"
_FARTHEST = 4_000
"""How far before a key the string is looked for that it stands in."""
_HCL = (".tf", ".hcl", ".tfvars", ".tofu")
_SCRIPTS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".json")
_CALLED = regex(r"[A-Za-z_][\w-]*[.(\[]|(?:true|false|null)\b")
_EXPRESSION = regex(r"[A-Za-z_][\w-]*[.(\[]|[A-Za-z_]\w{0,9}[ \t]*(?:[?}),\]]|$)|[-!\d(]|(?:true|false|null)\b")
_DEFAULT_LINE = regex(r"(?m)(?:^|(?<=\{))[ \t]*(?:default|value)[ \t]*=|(?P<end>^\})")


class _Lines:
    """Where the lines of a text end; asked often, on lines that may be as long as the text."""

    def __init__(self, text: str) -> None:
        self._ends = [match.start() for match in _LINE_END.finditer(text)]
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def end(self, at: int) -> int:
        """The end of the line that holds the offset, before its line end."""
        return self._ends[min(bisect_left(self._ends, at), len(self._ends) - 1)]

    def start(self, at: int) -> int:
        """The start of the line that holds the offset."""
        return self._starts[bisect_right(self._starts, at) - 1]


class _Key(NamedTuple):
    """A secret key and how its value is given. `start` is where the key stands."""

    start: int
    name: str
    sign: str
    quoted: bool


class Values:
    """The values of secret keys in one text."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._name = path.rpartition("/")[2]
        self._code = quoted_only(path)
        self._lines = _Lines(text)
        self._collections: list[int] = []  # where those end that are read, the inner ones last

    def found(self) -> Iterator[Range]:
        """What is masked for the sake of its key. Keys within a value that is masked already are passed over."""
        text, done = self._text, 0
        for match in _KEY.finditer(text):
            if match.start() < done:
                continue
            name = match["key"].rpartition(".")[2]
            named = name if "." not in match["key"] else ".".join(match["key"].split(".")[-2:])
            told = secrets.may_hold_secret(name) or secrets.listed(named) in ("secret", "doubtful")
            if not told and name.lower() == "key" and match["sign"] == ":":
                told = secrets.may_hold_secret(f"{_parent(text, match.start())}_key")
            several = (
                name.endswith(("s", "S")) and secrets.may_hold_secret(name[:-1]) and not secrets.is_public(name)
            )  # `tokens`
            if not (told or several) or text.startswith(("${", "//"), match.start() - 2):
                continue
            held = self._collection(blank(text, match.end()), match, several=several)
            if held is not None or not told:
                for each in held or ():
                    yield each
                    done = max(done, each[1])
                continue
            if name == "secret_string" or match["below"] or match["sign"] in ("??", "||", "??=", "||="):
                masked, done = expression(text, _BLANKS.match(text, match.end()).end())  # type: ignore[union-attr]
                yield from masked
                continue
            for each in self.value(match.end(), _Key(match.start(), name, match["sign"], bool(match["quote"]))):
                yield each
                done = max(done, each[1])
        pairs = _SPACED.finditer(text) if ".env" in self._name or self._name.endswith(".properties") else ()
        for match in (*_LEGACY_ENV.finditer(text), *pairs):
            if secrets.may_hold_secret(match["key"].rpartition(".")[2]):
                yield from literal(text, *match.span("value"))
        for pattern in _PATTERNS:
            found = (
                match
                for match in pattern.finditer(text)
                if secrets.may_hold_secret(match["key"].rpartition(":")[2].rpartition(".")[2])
            )
            for match in found:
                yield from literal(text, *match.span("value"))
        for match in _NAMED.finditer(text):
            if secrets.may_hold_secret(match["key"]):
                key = _Key(match.start("label"), match["key"], match["sign"], match["label"][0] in "\\\"'")
                yield from self.value(match.end(), key)

    def value(self, at: int, key: _Key) -> list[Range]:
        """What of the value that follows `at` is secret."""
        text = self._text
        at = blank(text, at)
        if key.sign == ":":
            block = _BLOCK.match(text, at)
            if block is not None:
                return literal(text, block.end(), _deeper(text, self._lines.start(key.start), block.end()))
            prefix = _PREFIX.match(text, at)
            at = prefix.end() if prefix is not None else at
        opening = HEREDOC.match(text, at)
        if opening is not None:
            return heredoc(text, opening)
        first = text[at : at + 1]
        if first in ("\r", "\n") and self._code and (key.sign == "=" or self._name.endswith(_SCRIPTS)):
            at = _BLANKS.match(text, at).end()  # type: ignore[union-attr]
            first = text[at : at + 1]
        if (mark := text[at : at + 3]) in ('"""', "'''") and (close := text.find(mark, at + 3, at + LONGEST)) > 0:
            return literal(text, at + 3, close)
        if first == "(" and key.sign == "=" and not self._code:
            return self._array(at)
        if key.sign == "=" and (braced := _BRACED.match(text, at)) is not None:
            return literal(text, *braced.span("value"))
        if (
            first == "{" != text[at + 1 : at + 2]
            and key.name.isupper()
            and (closed := text.find("}", at, self._lines.end(at))) > at
        ):
            return literal(text, at + 1, closed)  # a variable holds no mapping
        if first in ("[", "{", ""):
            return []
        end = self._lines.end(at)
        if first in ("'", '"', "`"):
            close = _quote(text, at)
            found = literal(text, at + 1, close if close >= 0 else end)
            joined = self._code and close >= 0 and _JOINED.match(text, close + 1) is not None
            return [*found, *strings(text, close + 1, argument(text, close + 1))] if joined else found
        if text.startswith("$(", at):
            return literal(text, at, min(end, at + _FARTHEST))
        if text[at : at + 2] in ("\\'", '\\"'):
            close = text.find(text[at : at + 2], at + 2, end)
            return literal(text, at + 2, close if close >= 0 else end)
        if self._code:
            stop = self._within(at, end, key)
            return literal(text, at, stop) if stop else strings(text, at, argument(text, at))
        return literal(text, at, self._bare(at, end, key))

    def _within(self, at: int, end: int, key: _Key) -> int:
        """Where a value ends that stands, with its key, within a string of a program; 0 where it is an expression."""
        text = self._text
        before = text[max(self._lines.start(key.start), key.start - _FARTHEST) : key.start]
        if not key.quoted and any((before.count(quote) - before.count(f"\\{quote}")) % 2 for quote in "\"'`"):
            stop = _first(text, at, end, _WORD_ENDS)
            return stop if stop > at else _first(text, at + 2, end, "\"'`\\")
        glued = text[at - len(key.sign) - 1 : at] not in (f" {key.sign}", f"{key.sign} ")
        expression = (_CALLED if glued else _EXPRESSION).match(text, at, end)
        return _first(text, at, end, _WORD_ENDS) if self._name.endswith(_HCL) and expression is None else 0

    def _collection(self, at: int, key: re.Match[str], *, several: bool) -> list[Range] | None:
        """What is secret of the list or mapping that a key has; None where it has another value.

        All of a list, unless it is one of names; else what looks like a token, or what the plural of a secret's name
        tells to be no common word.
        """
        text, name = self._text, key["key"].lower()
        while self._collections and self._collections[-1] <= at:
            self._collections.pop()
        deep = len(self._collections) >= _DEEPEST
        names = name.endswith(_NAMES)
        if text[at : at + 1] in ("[", "{") and text[at : at + 2] != "{{":
            if deep:
                return []
            self._collections.append(end := closed(text, at))
            inner = text[at:end].replace("${", "")
            if inner[0] == "{" and key["key"].isupper() and "\n" not in inner and not quoted_only(self._name):
                return None  # a variable holds no mapping
            found = strings(text, at, end)
            if key["sign"] == ":" and not self._code and inner[0] == "[" and "{" not in inner:
                bare = _BARE.finditer(text, at, end)
                found += [part for each in bare for part in literal(text, *each.span("value"))]
            if not found:
                return None
            if "{" not in inner and not names:
                return found
        elif key["sign"] == ":" and not self._code and text[at : at + 1] in ("\r", "\n"):
            if deep:
                return []
            end = _deeper(text, self._lines.start(key.start()), _LINE_END.match(text, at).end())  # type: ignore[union-attr]
            self._collections.append(end)
            found = [each.span("value") for each in _CHILD.finditer(text, at, end)]
        else:
            return None
        plain = _COMMON if several and not names and not name.endswith("tokens") else None
        return [each for each in found if _like_token(text[each[0] : each[1]], plain)]

    def _array(self, at: int) -> list[Range]:
        """The elements of an array of the shell, without their keys: `([password]="…" [user]='…')`."""
        text, found, at = self._text, list[Range](), at + 1
        while (element := _ELEMENT.match(text, at, at + LONGEST)) is not None:
            group = "quoted" if element["quoted"] is not None else "bare"
            found.extend(literal(text, *element.span(group)))
            at = element.end()
        return found

    def _bare(self, at: int, end: int, key: _Key) -> int:
        """Where an unquoted value ends."""
        text = self._text
        start = self._lines.start(key.start)
        near = text[max(start, key.start - 100) : key.start]
        first = near.strip(" \t-") in ("", "export")
        if near[-1:] in ("'", '"') and not key.quoted and (close := text.find(near[-1], at, end)) >= 0:
            return self._listed(at, close)
        if text[at - 1] == ":":  # no mapping of YAML: `-passin pass:…`
            return _first(text, at, end, " \t\"'`,}")
        if key.sign == ":":
            flow = text.rfind("{", start, key.start) >= 0 or (key.quoted and near.rstrip().endswith((",", '"', "'")))
            return _uncommented(text, at, _first(text, at, end, ",}") if flow else end)
        if near[-1:] in ("?", "&"):
            return _first(text, at, end, "& \t\"'`")
        if not first:
            end = self._listed(at, end)
        settings = ".env" in self._name or self._name.endswith((".properties", ".ini"))
        if first and (settings or "-" in near):
            return _uncommented(text, at, end)
        return _first(text, at, end, " \t\"'`")

    def _listed(self, at: int, end: int) -> int:
        """Where a value ends that is one of several: `A=…,B=…` or `A=…;B=…`."""
        following = _FOLLOWING.search(self._text, at, end)
        return following.start() if following is not None else end


def _like_token(text: str, plain: re.Pattern[str] | None) -> bool:
    """Whether a text looks like a token, or is no `plain` one."""
    return secrets.is_random(text.replace("+", "").rstrip("=")) or (plain is not None and plain.match(text) is None)


def _parent(text: str, at: int) -> str:
    """The key of the mapping that holds the key at an offset: `jwt` of `jwt: {key: …}`; empty where none is near."""
    start = max(0, at - _FARTHEST // 2)
    opened: list[int] = []
    for brace in _BRACE.finditer(text, start, at):
        if brace[0] == "{":
            opened.append(brace.start())
        elif opened:
            opened.pop()
    if opened:
        found = _OWNER.search(text, max(start, opened[-1] - 100), opened[-1])
        return found["key"] if found is not None else ""
    line = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    indent = blank(text, line) - line
    above = [each for each in _MAPPING.finditer(text, start, line) if len(each["indent"]) < indent]
    return above[-1]["key"] if above else ""


def _uncommented(text: str, at: int, end: int) -> int:
    comment = _COMMENT.search(text, at, end)
    return comment.start() if comment else end


def _first(text: str, at: int, end: int, stops: str) -> int:
    found = re.compile(f"[{re.escape(stops)}]|\\$\\{{").search(text, at, end)
    if found is None or found[0] != "${":
        return end if found is None else found.start()
    depth = 0
    for here in range(found.start(), end):
        letter = text[here]
        if text.startswith("${", here):
            depth += 1
        elif letter == "}" and depth:
            depth -= 1
        elif depth == 0 and letter in stops:
            return here
    return end


def _quote(text: str, at: int) -> int:
    """The index of the quote that closes the one at `at`, or -1. Doubled and escaped quotes do not close."""
    quote = text[at]
    here, stop = at + 1, min(len(text), at + LONGEST)
    while here < stop:
        letter = text[here]
        if letter == "\\" and quote != "'":
            here += 2
            continue
        if letter == quote:
            if quote == "'" and text.startswith("''", here):
                here += 2
                continue
            return here
        here += 1
    return -1


def _deeper(text: str, line_start: int, at: int) -> int:
    """Where the lines end that are indented deeper than the line at `line_start`, or blank."""
    indent = blank(text, line_start) - line_start
    for line_end in _LINE_END.finditer(text, at):
        if blank(text, at) - at <= indent and blank(text, at) < line_end.start():
            return at
        at = line_end.end()
    return at


def fallbacks(text: str) -> Iterator[Range]:
    """The default in `${DB_PASSWORD:-default}`, and a single word where a message would stand: `…:?word`."""
    for match in _FALLBACK.finditer(text):
        if secrets.may_hold_secret(match["key"]):
            yield from literal(text, *match.span("value" if match["word"] is None else "word"))


def named_after(text: str) -> Iterator[Range]:
    """The value that stands before its name, as two entries of one mapping."""
    for match in _NAMED_AFTER.finditer(text):
        if secrets.may_hold_secret(match["key"]):
            yield from literal(text, *match.span("value"))


def defaults(text: str, path: str) -> Iterator[Range]:
    """The default of a variable of Terraform or Bake, and the value of an output."""
    if not path.endswith((".tf", ".tofu", ".hcl")):
        return
    found = [*_VARIABLE.finditer(text)]
    for match, end in zip(found, [*(each.start() for each in found[1:]), len(text)], strict=False):
        if secrets.may_hold_secret(match["key"]):
            inner = _DEFAULT_LINE.search(text, match.end() - 1, end)
            if inner is not None and inner["end"] is None:
                yield from expression(text, inner.end())[0]
