"""Where secret values stand in a text: ranges of code points, found by key, by form and by well-known prefix.

A reference to a secret (`${DB_PASSWORD}`, `${{ secrets.TOKEN }}`, `var.token`, an ARN, a path) is no secret and stays
visible. When in doubt a value is masked: a reader loses a word, not a password.
"""

from __future__ import annotations

import base64
import contextlib
import re
from functools import cache
from typing import TYPE_CHECKING

from policyengine.knowledge import secrets
from policyengine.patterns import regex
from policyengine.reports.keyed import Values, defaults, fallbacks, named_after
from policyengine.reports.literals import literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.reports.literals import Range


def ranges(text: str, path: str = "") -> list[Range]:
    """The ranges of `text` that hold secret values, sorted and apart. `path` tells how the text is to be read."""
    found: list[Range] = []
    found.extend(secrets.private_keys(text))
    found.extend((token.start, token.end) for token in secrets.tokens(text))
    found.extend(_urls(text))
    found.extend(Values(text, path).found())
    found.extend(named_after(text))
    found.extend(_options(text))
    found.extend(defaults(text, path))
    found.extend(_passwords(text))
    found.extend(fallbacks(text))
    found.extend(_encoded(text))
    return merged(found)


def _encoded(text: str) -> Iterator[Range]:
    """Base64 of a text that holds a secret."""
    for match in _BASE64.finditer(text):
        with contextlib.suppress(ValueError):
            inner = base64.b64decode(match[0] + "=" * (-len(match[0]) % 4), validate=True).decode()
            if ranges(inner):
                yield match.span()


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


# --- forms that need no key

_URL = regex(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://(?P<rest>[^\s\"'`<>]{1,4000})")
_BASE64 = regex(r"(?<![\w+/=.-])[A-Za-z0-9+/]{24,}(?:={1,2}|(?![\w+/=.-]))")
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


_NO_PASSWORD = ("", "x-oauth-basic")
"""Stands where a password would, behind a user name that is a token (GitHub, Git over HTTPS)."""

_USER = regex(r"[^:@/?#,{}]*(?:\$\{[^{}]*\}[^:@/?#,{}]*)*:")


_AUTHORIZATION = regex(r"""(?i)\bauthorization["']?[ \t]*[:=][ \t]*["'`]?[a-z]+[ \t]+(?P<value>[^\s"'`\\]+)""")
_FILES = (
    regex(  # .netrc
        r"\b(?:machine[ \t]+[^\s\\]+|default)(?:\s|\\n)+login(?:\s|\\n)+[^\s\\]+(?:\s|\\n)+password(?:\s|\\n)+"
        r"(?P<value>[^\s\"'`\\]+)"
    ),
    regex(r":_(?:authToken|auth|password)(?:[ \t]*=[ \t]*|[ \t]+)(?P<value>[^\s\"'`=]+)"),  # .npmrc
    regex(r"""(?m)(?:^|["'])[\w.*-]+:(?:\d+|\*):[^:\s"']+:[^:\s"']+:(?P<value>[^:\s"']+)"""),  # .pgpass
    regex(r"""["']auth\\?["'][ \t]*:[ \t]*\\?["'](?P<value>[A-Za-z0-9+/=]{8,})"""),  # .docker/config.json
)
"""Lines of files that hold passwords, wherever they are written out."""
_ECHO = r"""\b(?:echo|printf)(?:[ \t]+-\w+|[ \t]+["']?%s(?:\\n)?["']?)*[ \t]+["']?"""
_STDIN = r"(?:--password-stdin|--with-token|--pass-stdin|--token-stdin)"
_COMMANDS = (
    regex(rf"""{_ECHO}(?P<value>[^\s"'`|]+)["']?[ \t]*\|[^|\r\n]*{_STDIN}\b"""),
    regex(rf"""{_ECHO}[^\s"':|]+:(?P<value>[^\s"'`|]+)["']?[ \t]*\|[ \t]*(?:sudo[ \t]+)?chpasswd\b"""),
    regex(rf"""{_STDIN}[^|\r\n<]{{0,300}}<<<[ \t]*["']?(?P<value>[^\s"'`]+)"""),
    regex(r"::add-mask::(?P<value>[^\s\"'`]+)"),
    regex(rf"""{_ECHO}(?P<value>[^\s"'`|]+)["']?[ \t]*\|[ \t]*sudo[ \t][^|\r\n]{{0,80}}?-S\b"""),
    regex(r"\bconfig[ \t](?:-\S+[ \t]+)*http-basic\.\S+[ \t]+\S+[ \t]+(?P<value>[^\s\"'`]+)"),
    regex(r"\bconfig[ \t](?:-\S+[ \t]+)*pypi-token\.\S+[ \t]+(?P<value>[^\s\"'`]+)"),
    regex(r"\bhtpasswd[ \t]+-\w*b\w*(?:[ \t]+-\w+)*[ \t]+\S+[ \t]+\S+[ \t]+(?P<value>[^\s\"'`]+)"),
    regex(r"\bput-parameter\b[^\r\n|;]{0,300}?[ \t]--value[= \t]+[\"']?(?P<value>[^\s\"'`]+)"),
)
"""Passwords that a command reads from standard input or takes as a word, and what GitHub is told to mask."""


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
    if rest[start:sign] in _NO_PASSWORD and sign >= 0:
        return (at, start - 1)
    return None if sign < 0 else (start, sign)


def _passwords(text: str) -> Iterator[Range]:
    for pattern in (_credentials(secrets.schemes()), _PASSWORD, _AUTHORIZATION, *_FILES, *_COMMANDS):
        for match in pattern.finditer(text):
            yield from literal(text, *match.span("value"))


@cache
def _credentials(schemes: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(schemes)})[ \t]+(?P<value>[A-Za-z0-9._~+/=-]{{8,}})")


_LONG_OPTION = r"""(?<![\w-])(?:--(?P<long>[A-Za-z][\w.-]{{1,60}})|(?P<word>{directives}))
    (?:=|[ \t]+|["'][ \t]*,[ \t]*(?:\r\n?|\n)?[ \t]*(?=["'])|["']?[ \t]*(?:\r\n?|\n)[ \t]*-[ \t]+)"""
_BARE = regex(r"""(?:\$\{\{[^{}\r\n]*\}\}|\$\{[^{}\r\n]*\}|[^\s"'`,\\])+""")
_QUOTE = regex(r"""\\?["'`]""")
_BLANKS = r"[ \t]+"
_APART = r"""(?:[ \t]+|["'][ \t]*,[ \t]*(?=["']))"""
_GAP = {"always": "", "either": rf"{_APART}?", "never": _APART}


def _options(text: str) -> Iterator[Range]:
    for match in _long_options(secrets.directives()).finditer(text):
        if (match["word"] or secrets.may_hold_secret(match["long"].rpartition(".")[2])) and not text.startswith(
            "--", match.end()
        ):
            yield from literal(text, *_word(text, match.end()))
    for match in _short_options(secrets.options()).finditer(text):
        yield from literal(text, *_word(text, match.end()))


def _word(text: str, at: int) -> Range:
    """The word of a command line that begins at an offset, or goes on there behind a user name: without its quotes."""
    before = max(0, at - _LONGEST_USER)
    start = max(before, *(text.rfind(blank, before, at) + 1 for blank in " \t\n"))
    opening = _QUOTE.match(text, at) or _QUOTE.match(text, start)
    if opening is not None and (at <= opening.end() or text.find(opening[0], opening.end(), at) < 0):
        at = max(at, opening.end())
        line = _LINE_END.search(text, at)
        end = text.find(opening[0], at, line.start() if line is not None else len(text))
        if end >= 0:
            return at, end
    bare = _BARE.match(text, at)
    return at, at if bare is None else bare.end()


_LINE_END = regex(r"[\r\n]")
_LONGEST_USER = 80


@cache
def _long_options(directives: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(_LONG_OPTION.format(directives="|".join(map(re.escape, directives))), re.VERBOSE)


@cache
def _short_options(options: tuple[secrets.SecretOption, ...]) -> re.Pattern[str]:
    forms: dict[str, list[str]] = {}
    for option in options:
        user = rf"""["']?[^\s'"{option.sign}]+{option.sign}""" if option.holds == "user and password" else ""
        cluster = "-[A-Za-z]*" if _LETTER.match(option.option) and option.attached != "always" else ""
        written = f"(?:{re.escape(option.option)}|{cluster}{option.option[1]})" if cluster else re.escape(option.option)
        forms.setdefault(option.program, []).append(written + _GAP[option.attached] + user)
    called = (
        _APART.join(map(re.escape, program.split())) + rf"""\b[^\r\n|;]{{0,300}}?[ \t"'](?:{"|".join(taken)})"""
        for program, taken in forms.items()
    )
    return re.compile(rf"\b(?:{'|'.join(called)})")


_LETTER = regex(r"-[A-Za-z]\Z")
