"""Where secret values stand in a text: ranges of code points, found by key, by form and by well-known prefix.

A reference to a secret (`${DB_PASSWORD}`, `${{ secrets.TOKEN }}`, `var.token`, an ARN, a path) is no secret and stays
visible. When in doubt a value is masked: a reader loses a word, not a password.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge import secrets
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Range = tuple[int, int]


def quoted_only(path: str) -> bool:
    """Whether only quoted text can be a literal in a file of that name: programs and HCL, not env files or YAML."""
    return path.endswith(_PROGRAMS)


_PROGRAMS = (
    *(".tf", ".hcl", ".tfvars", ".tofu", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts"),
    *(".py", ".rb", ".go", ".prisma", ".sql", ".toml", ".json"),
)


def ranges(text: str, path: str = "") -> list[Range]:
    """The ranges of `text` that hold secret values, sorted and apart. `path` tells how the text is to be read."""
    found: list[Range] = []
    found.extend(secrets.private_keys(text))
    found.extend((token.start, token.end) for token in secrets.tokens(text))
    found.extend(_urls(text))
    found.extend(_Values(text, path).found())
    found.extend(_named_after(text))
    found.extend(_options(text))
    found.extend(_defaults(text, path))
    found.extend(_passwords(text))
    found.extend(_fallbacks(text))
    return merged(found)


def merged(found: Iterable[Range]) -> list[Range]:
    """The ranges sorted, without empty ones, and with touching ones joined."""
    result: list[Range] = []
    for start, end in sorted(found):
        if end <= start:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


_COVERED = regex(r"[^\r\n\t]")


def covered(text: str, found: Iterable[Range]) -> str:
    """`text` with a `*` for each character of the ranges; line ends and tabs stay, so every offset keeps its place."""
    pieces: list[str] = []
    last = 0
    for start, end in found:
        pieces += (text[last:start], _COVERED.sub("*", text[start:end]))
        last = end
    pieces.append(text[last:])
    return "".join(pieces)


# --- what of a value is secret

_OPENING = regex(r"\$\{\{|\$\{")
_DEFAULT = regex(r"[ \t]*[A-Za-z_]\w*:?[-+=]")
_PLAIN_VALUE = regex(
    r"\A(?:|\$[A-Za-z_]\w*[,;]?|\$\(.*|\*[\w-]+|<[\w .-]+>|[\w./-]+\.(?:key|pem|crt|cer|p12|jks)"
    r"|\{\{.*\}\}|<%.*%>|\$\{[^{}]*\}:[\w-]*:[\w-]*:[\w-]*)\Z",
    re.IGNORECASE | re.DOTALL,
)
_STRING = regex(r"""(?P<quote>["'`])(?P<body>(?:\\.|(?!(?P=quote))[^\\\r\n])*)(?P=quote)""")
_AFTER_KEY = regex(r"[ \t]*[:=](?![=>])|[ \t]*=>")


def literal(text: str, start: int, end: int) -> list[Range]:
    """What of a secret key's value is literal: references stay, and so do words such as `true`."""
    value = text[start:end].strip()
    if _PLAIN_VALUE.match(value) or secrets.secrecy_of_value(value) == "plain":
        return []
    found: list[Range] = []
    at = start
    while at < end:
        opening = _OPENING.search(text, at, end)
        if opening is None:
            break
        close = _closing(text, opening.end(), end)
        if close < 0:
            break
        found.append((at, opening.start()))
        found.extend(_inner(text, opening.end(), close))
        at = close + 1
        if opening[0] == "${{" and text.startswith("}", at):
            at += 1
    found.append((at, end))
    return [each for each in found if each[1] > each[0] and not text[each[0] : each[1]].isspace()]


def _closing(text: str, start: int, end: int) -> int:
    depth = 1
    for at in range(start, end):
        if text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
    # `${{ … }}` opened two braces at once, and so closes with the first of two
    return -1


def _inner(text: str, start: int, end: int) -> list[Range]:
    default = _DEFAULT.match(text, start, end)
    if default is not None:
        return literal(text, default.end(), end)
    return strings(text, start, end)


def strings(text: str, start: int, end: int) -> list[Range]:
    """The literal parts of the quoted strings in an expression."""
    return [each for match in _STRING.finditer(text, start, end) for each in _content(text, match)]


def _content(text: str, string: re.Match[str]) -> list[Range]:
    """What of a quoted string is literal: nothing where it is a key, or an index in brackets."""
    index = text[string.start() - 1 : string.start()] == "[" and text[string.end() : string.end() + 1] == "]"
    indexed = index and re.match(r"[\w)\]\"']", text[string.start() - 2 : string.start() - 1]) is not None
    if indexed or _AFTER_KEY.match(text, string.end()):
        return []
    return literal(text, *string.span("body"))


# --- forms that need no key

_URL = regex(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://(?P<rest>[^\s\"'`<>]{1,4000})")
_PASSWORD = regex(r"""(?i)\b(?:password|identified[ \t]+by)[ \t]+(?P<quote>["'])(?P<value>[^"'\r\n]+)(?P=quote)""")


def _urls(text: str) -> Iterator[Range]:
    for match in _URL.finditer(text):
        rest, base = match["rest"], match.start("rest")
        at = 0
        while True:
            password = _userinfo(rest, at)
            if password is None:
                break
            yield from literal(text, base + password[0], base + password[1])
            at = password[1] + 1


_USER = regex(r"[^:@/?#,{}]*(?:\$\{[^{}]*\}[^:@/?#,{}]*)*:")


def _userinfo(rest: str, at: int) -> Range | None:
    """The password of `user:password@…` at `at` of a URL's part after `//`, or None.

    The password ends at the last `@` before the path. One with an unescaped `/`, `?` or `#` is found too, unless what
    follows the colon is a port.
    """
    if at:
        further = rest.find("://", at)
        if further < 0:
            return None
        at = further + 3
    user = _USER.match(rest, at)
    if user is None:
        return None
    start = user.end()
    authority = re.compile(r"(?:\$\{[^{}]*\}|[^/?#])*").match(rest, start)
    stop = authority.end() if authority else len(rest)
    further = rest.find("://", start, stop)
    sign = rest.rfind("@", start, stop if further < 0 else further)
    if sign < 0 and not re.compile(r"\d{1,5}(?:[/?#]|\Z)").match(rest, start):
        sign = rest.find("@", start)
    return None if sign < 0 else (start, sign)


_FALLBACK = regex(r"\$\{(?P<key>[A-Za-z_]\w*):?[-+=](?P<value>(?:[^{}\r\n]|\$\{[^{}\r\n]*\})*)\}")


def _fallbacks(text: str) -> Iterator[Range]:
    """The default in `${DB_PASSWORD:-default}`."""
    for match in _FALLBACK.finditer(text):
        if secrets.may_hold_secret(match["key"]):
            yield from literal(text, *match.span("value"))


def _passwords(text: str) -> Iterator[Range]:
    for match in (*_credentials(secrets.schemes()).finditer(text), *_PASSWORD.finditer(text)):
        yield from literal(text, *match.span("value"))


@cache
def _credentials(schemes: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(schemes)})[ \t]+(?P<value>[A-Za-z0-9._~+/=-]{{8,}})")


# --- `key = value` in the many ways it is written

_KEY = regex(
    r"""(?<![\w.:-])(?P<key>[A-Za-z_][\w.-]{1,80}?)(?P<quote>["']?)[ \t]{0,80}(?P<sign>:=|=>|\?\?|\|\||[:=])(?![=>:])"""
)
_BLOCK = regex(r"(?:![\w!:.-]*[ \t]+|&[\w-]+[ \t]+)*[|>][+-]?\d?[+-]?[ \t]*(?:#[^\r\n]*)?(?:\r\n?|\n)")
_PREFIX = regex(r"(?:![\w!:.-]*[ \t]+|&[\w-]+[ \t]+)*")
_HEREDOC = regex(r"<<[-~]?[ \t]*[\"']?(?P<mark>\w+)[\"']?[^\r\n]*(?:\r\n?|\n)")
_LINE_END = regex(r"\r\n?|\n|\Z")
_COMMENT = regex(r"[ \t]+#")
_LEGACY_ENV = regex(r"(?im)^[ \t]*(?:ENV)[ \t]+(?P<key>[A-Za-z_]\w*)[ \t]+(?P<value>[^=\r\n][^\r\n]*)$")
_LONGEST = 65_536


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


class _Values:
    """The values of secret keys in one text."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._name = path.rpartition("/")[2]
        self._code = quoted_only(path)
        self._lines = _Lines(text)

    def found(self) -> Iterator[Range]:
        """What is masked for the sake of its key. Keys within a value that is masked already are passed over."""
        text, done = self._text, 0
        for match in _KEY.finditer(text):
            if match.start() < done:
                continue
            name = match["key"].rpartition(".")[2]
            if not secrets.may_hold_secret(name) or text.startswith("${", match.start() - 2):
                continue
            if name == "secret_string" or match["sign"] in ("??", "||"):
                masked, done = expression(text, match.end())
                yield from masked
                continue
            for each in self.value(match.end(), _Key(match.start(), name, match["sign"], bool(match["quote"]))):
                yield each
                done = max(done, each[1])
        for match in _LEGACY_ENV.finditer(text):
            if secrets.may_hold_secret(match["key"]):
                yield from literal(text, *match.span("value"))
        for match in _NAMED.finditer(text):
            if secrets.may_hold_secret(match["key"]):
                key = _Key(match.start("label"), match["key"], match["sign"], match["label"][0] in "\"'")
                yield from self.value(match.end(), key)

    def value(self, at: int, key: _Key) -> list[Range]:
        """What of the value that follows `at` is secret."""
        text = self._text
        at = _blank(text, at)
        if key.sign == ":":
            block = _BLOCK.match(text, at)
            if block is not None:
                return literal(text, block.end(), _deeper(text, self._lines.start(key.start), block.end()))
            prefix = _PREFIX.match(text, at)
            at = prefix.end() if prefix is not None else at
        heredoc = _HEREDOC.match(text, at)
        if heredoc is not None:
            return _heredoc(text, heredoc)
        opening = text[at : at + 1]
        if opening in ("[", "{", ""):
            return (
                self._list(at) if opening == "[" and not key.name.lower().endswith(("secrets", "credentials")) else []
            )
        end = self._lines.end(at)
        if opening in ("'", '"', "`"):
            close = _quote(text, at)
            return literal(text, at + 1, close if close >= 0 else end)
        if self._code:
            return strings(text, at, _argument(text, at, end))
        return literal(text, at, self._bare(at, end, key))

    def _list(self, at: int) -> list[Range]:
        """The strings of a list; a list of objects has keys of its own."""
        found, end = expression(self._text, at)
        return [] if "{" in self._text[at:end].replace("${", "") else found

    def _bare(self, at: int, end: int, key: _Key) -> int:
        """Where an unquoted value ends."""
        text = self._text
        start = self._lines.start(key.start)
        near = text[max(start, key.start - 100) : key.start]
        first = not near.strip(" \t-") and key.start - start <= len(near)
        if key.sign == ":":
            flow = text.rfind("{", start, key.start) >= 0 or (key.quoted and near.rstrip().endswith((",", '"', "'")))
            return _uncommented(text, at, _first(text, at, end, ",}") if flow else end)
        if near[-1:] in ("?", "&"):
            return _first(text, at, end, "& \t\"'`")
        if near[-1:] in ("'", '"'):
            close = text.find(near[-1], at, end)
            return close if close >= 0 else end
        settings = ".env" in self._name or self._name.endswith((".properties", ".ini"))
        if first and (settings or "-" in near):
            return _uncommented(text, at, end)
        return _first(text, at, end, " \t\"'`")


def _uncommented(text: str, at: int, end: int) -> int:
    comment = _COMMENT.search(text, at, end)
    return comment.start() if comment else end


def expression(text: str, start: int) -> tuple[list[Range], int]:
    """The strings of an expression that goes on until its brackets are closed at a line's end, and where that is."""
    heredoc = _HEREDOC.match(text, _blank(text, start))
    if heredoc is not None:
        return _heredoc(text, heredoc), heredoc.end()
    found: list[Range] = []
    depth, at, stop = 0, start, min(len(text), start + _LONGEST)
    while at < stop:
        letter = text[at]
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth < 0:
                break
        elif letter in "\r\n" and depth == 0:
            break
        elif letter in "\"'`":
            string = _STRING.match(text, at, stop)
            if string is not None:
                found.extend(_content(text, string))
                at = string.end()
                continue
        at += 1
    return found, at


def _argument(text: str, at: int, end: int) -> int:
    """Where an expression ends that is one of several on its line: at a comma, or a bracket that it did not open."""
    depth = 0
    while at < end:
        letter = text[at]
        string = _STRING.match(text, at, end) if letter in "\"'`" else None
        if string is not None:
            at = string.end()
            continue
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0 or (letter == "," and depth == 0):
            return at
        at += 1
    return end


def _heredoc(text: str, heredoc: re.Match[str]) -> list[Range]:
    end = re.compile(rf"(?m)^[ \t]*{re.escape(heredoc['mark'])}[ \t]*\r?$").search(text, heredoc.end())
    return literal(text, heredoc.end(), end.start() if end else len(text))


def _first(text: str, at: int, end: int, stops: str) -> int:
    depth = 0
    for here in range(at, end):
        letter = text[here]
        if text.startswith("${", here):
            depth += 1
        elif letter == "}" and depth:
            depth -= 1
        elif depth == 0 and letter in stops:
            return here
    return end


def _blank(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    return at


def _quote(text: str, at: int) -> int:
    """The index of the quote that closes the one at `at`, or -1. Doubled and escaped quotes do not close."""
    quote = text[at]
    here, stop = at + 1, min(len(text), at + _LONGEST)
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
    indent = _blank(text, line_start) - line_start
    while at < len(text):
        line_end = _LINE_END.search(text, at)
        end = line_end.start() if line_end is not None else len(text)
        first = _blank(text, at)
        if first < end and first - at <= indent:
            return at
        following = _LINE_END.match(text, end)
        if following is None or following.end() == end:
            return len(text)
        at = following.end()
    return at


# --- a name and its value as two entries, options of commands, defaults of Terraform variables

_NAMED = regex(
    r"""(?ix)\b(?:name|key|parameterkey)["']?[ \t]*[:=][ \t]*["']?(?P<key>[A-Za-z_][\w.-]{1,80})["']?
        [ \t]*,?(?:[ \t]|\r\n?|\n)*(?P<label>["']?\b(?:value|parametervalue)["']?)[ \t]*(?P<sign>[:=])"""
)
_NAMED_AFTER = regex(
    r"""(?ix)\bvalue["']?[ \t]*[:=][ \t]*(?P<quote>["'])(?P<value>[^"'\r\n]{0,4000})(?P=quote)
        [ \t]*,?(?:[ \t]|\r\n?|\n)*["']?\b(?:name|key)["']?[ \t]*[:=][ \t]*["']?(?P<key>[A-Za-z_][\w.-]{1,80})"""
)
_LONG_OPTION = r"""(?<![\w-])(?:--(?P<long>[A-Za-z][\w-]{{1,60}})|(?P<word>{directives}))
    (?:=|[ \t]+|["'][ \t]*,[ \t]*(?:\r\n?|\n)?[ \t]*["']|["']?[ \t]*(?:\r\n?|\n)[ \t]*-[ \t]+["']?)
    (?P<value>(?:\$\{{\{{[^{{}}\r\n]*\}}\}}|\$\{{[^{{}}\r\n]*\}}|[^\s"'`,])+)"""
_SHORT_OPTION = r"""\b(?:{options})["']?(?P<value>(?:\$\{{[^{{}}\r\n]*\}}|[^\s"'`])+)"""
_BLANKS = r"[ \t]+"
_GAP = {"always": "", "either": r"[ \t]*", "never": _BLANKS}
_VARIABLE = regex(r"""\bvariable[ \t]+"(?P<key>[A-Za-z_][\w-]*)"[ \t]*\{""")
_DEFAULT_LINE = regex(r"(?m)^[ \t]*default[ \t]*=|(?P<end>^\})")


def _named_after(text: str) -> Iterator[Range]:
    for match in _NAMED_AFTER.finditer(text):
        if secrets.may_hold_secret(match["key"]):
            yield from literal(text, *match.span("value"))


def _options(text: str) -> Iterator[Range]:
    for match in _long_options(secrets.directives()).finditer(text):
        if (match["word"] or secrets.may_hold_secret(match["long"])) and not match["value"].startswith("--"):
            yield from literal(text, *match.span("value"))
    for match in _short_options(secrets.options()).finditer(text):
        yield from literal(text, *match.span("value"))


@cache
def _long_options(directives: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(_LONG_OPTION.format(directives="|".join(map(re.escape, directives))), re.VERBOSE)


@cache
def _short_options(options: tuple[secrets.SecretOption, ...]) -> re.Pattern[str]:
    forms: dict[str, list[str]] = {}
    for option in options:
        user = r"""["']?[^\s:'"]+:""" if option.holds == "user and password" else ""
        forms.setdefault(option.program, []).append(re.escape(option.option) + _GAP[option.attached] + user)
    called = (
        _BLANKS.join(map(re.escape, program.split())) + rf"\b[^\r\n|;]{{0,300}}?[ \t](?:{'|'.join(taken)})"
        for program, taken in forms.items()
    )
    return re.compile(_SHORT_OPTION.format(options="|".join(called)))


def _defaults(text: str, path: str) -> Iterator[Range]:
    if not path.endswith(".tf"):
        return
    for match in _VARIABLE.finditer(text):
        if secrets.may_hold_secret(match["key"]):
            inner = _DEFAULT_LINE.search(text, match.end())
            if inner is not None and inner["end"] is None:
                yield from expression(text, inner.end())[0]
