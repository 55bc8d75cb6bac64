"""What of a value is secret: its literal parts. References, placeholders and words such as `true` stay visible."""

from __future__ import annotations

import re

from policyengine.knowledge import secrets
from policyengine.patterns import regex

Range = tuple[int, int]
"""A range of code points: the index of the first, and of the one after the last."""

LONGEST = 65_536
"""How far the end of an expression or a string is looked for."""

HEREDOC = regex(r"<<[-~]?[ \t]*[\"']?(?P<mark>\w+)[\"']?[^\r\n]*(?:\r\n?|\n)")


def quoted_only(path: str) -> bool:
    """Whether only quoted text can be a literal in a file of that name: programs and HCL, not env files or YAML."""
    return path.endswith(_PROGRAMS)


_PROGRAMS = (
    *(".tf", ".hcl", ".tfvars", ".tofu", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts"),
    *(".py", ".rb", ".go", ".prisma", ".sql", ".toml", ".json"),
)


_OPENING = regex(r"\$\{\{|\$\$?\{")  # Compose writes `$$` for the `$` of a shell
_DEFAULT = regex(r"[ \t]*[A-Za-z_]\w*:?[-+=]")
_PLAIN_VALUE = regex(
    r"\A(?:|(?:\$[A-Za-z_]\w*|(?-i:\$\$[A-Z][A-Z\d_]*))[,;]?|\$\(.*|\*[\w-]+|<[\w .-]+>"
    r"|[\w./-]+\.(?:key|pem|crt|cer|p12|jks|creds)"
    r"|\{\{.*\}\}|<%.*%>|\$\{[^{}]*\}:[\w-]*:[\w-]*:[\w-]*)\Z",
    re.IGNORECASE | re.DOTALL,
)
_ECHOED = regex(
    r"""\$?\$\([ \t]*(?:echo|printf)[ \t]+(?:-\w+[ \t]+|\\?["']%s(?:\\n)?\\?["'][ \t]+){0,3}
    (?P<value>(?!\$)[^|)\r\n]*[^|)\s])""",
    re.VERBOSE,
)
"""What a command only writes out again: `TOKEN=$(echo … | base64)`."""
_STRING = regex(r"""(?P<quote>["'`])(?P<body>(?:\\.|(?!(?P=quote))[^\\\r\n])*)(?P=quote)""")
_AFTER_KEY = regex(r"[ \t]*[:=](?![=>])|[ \t]*=>")


def literal(text: str, start: int, end: int) -> list[Range]:
    """What of a secret key's value is literal: references stay, and so do words such as `true`."""
    value = text[start:end].strip()
    if (echoed := _ECHOED.match(text, start, end)) is not None:
        return literal(text, *echoed.span("value"))
    hash_ = value[:1] == "*" and text[max(start - 1, 0) : start] in ("", "'", '"')  # of MySQL; an alias has no quotes
    if (not hash_ and _PLAIN_VALUE.match(value)) or secrets.secrecy_of_value(value) == "plain":
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
    """What of a quoted string is literal: nothing where it is a key, or an index in brackets.

    What stands before the colon of `condition ? "a" : "b"` is no key.
    """
    index = text[string.start() - 1 : string.start()] == "[" and text[string.end() : string.end() + 1] == "]"
    indexed = index and re.match(r"[\w)\]\"']", text[string.start() - 2 : string.start() - 1]) is not None
    chosen = text[max(0, string.start() - 80) : string.start()].rstrip().endswith("?")
    if indexed or (not chosen and _AFTER_KEY.match(text, string.end())):
        return []
    return literal(text, *string.span("body"))


def expression(text: str, start: int) -> tuple[list[Range], int]:
    """The strings of an expression that goes on until its brackets are closed at a line's end, and where that is."""
    opening = HEREDOC.match(text, blank(text, start))
    if opening is not None:
        return heredoc(text, opening), opening.end()
    found: list[Range] = []
    depth, at, stop = 0, start, min(len(text), start + LONGEST)
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


def closed(text: str, at: int) -> int:
    """Where the bracket at an offset is closed, behind its sign."""
    depth, stop = 0, min(len(text), at + LONGEST)
    while (sign := _SIGN.search(text, at, stop)) is not None:
        string = _STRING.match(text, sign.start(), stop) if sign[0] in "\"'`" else None
        at = sign.end() if string is None else string.end()
        if string is None:
            depth += (sign[0] in "([{") - (sign[0] in ")]}")
            if depth == 0 and sign[0] in ")]}":
                return at
    return stop


def argument(text: str, at: int) -> int:
    """Where an expression ends that is one of several: at a comma, a bracket that it did not open, or the line's end.

    It goes on behind a line's end within its brackets, and where a sign tells that it is not complete. The body of a
    function is no part of it.
    """
    depth, end = 0, min(len(text), at + _LONGEST_ARGUMENT)
    while (sign := _SIGN.search(text, at, end)) is not None:
        letter, at = sign[0], sign.start()
        string = _STRING.match(text, at, end) if letter in "\"'`" else None
        if string is not None:
            at = string.end()
            continue
        if (
            letter in "\r\n"
            and depth == 0
            and not _GOES_ON.match(text, at)
            and not _UNFINISHED.search(text[at - 3 : at])
        ):
            return at
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0 or (letter == "," and depth == 0) or _BODY.match(text, at):
            return at
        at += 1
    return end


_SIGN = regex(r"""["'`,()\[\]{}\r\n]""")
_BODY = regex(r"\{[ \t]*[\r\n]")
_GOES_ON = regex(r"\s{1,200}(?:\.\w|\?[^\w\s]|\? |: |\|\||or )")
_UNFINISHED = regex(r"(?:\?\?|\|\||&&|[^=]=|[?(+\\]|\bor)[ \t]*\Z")
_LONGEST_ARGUMENT = 2_000


def heredoc(text: str, opening: re.Match[str]) -> list[Range]:
    """What of a heredoc is literal, behind its opening line."""
    end = re.compile(rf"(?m)^[ \t]*{re.escape(opening['mark'])}[ \t]*\r?$").search(text, opening.end())
    return literal(text, opening.end(), end.start() if end else len(text))


def blank(text: str, at: int) -> int:
    """Where the blanks end that begin at an offset."""
    while text[at : at + 1] in (" ", "\t"):
        at += 1
    return at
