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
_NETRC = regex(r"\b(?:machine[ \t]+\S+|default)\s+login\s+\S+\s+password\s+(?P<value>[^\s\"'`]+)")
_NPMRC = regex(r":_(?:authToken|auth|password)[ \t]*=[ \t]*(?P<value>[^\s\"'`]+)")
_PIPED = regex(
    r"""\b(?:echo|printf)(?:[ \t]+-\w+|[ \t]+["']?%s(?:\\n)?["']?)*[ \t]+["']?(?P<value>[^\s"'`|]+)["']?
        [ \t]*\|[^|\r\n]*(?:--password-stdin|--with-token|--pass-stdin|--token-stdin)\b""",
    re.VERBOSE,
)
"""A password that a command reads from standard input."""


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
    for pattern in (_credentials(secrets.schemes()), _PASSWORD, _AUTHORIZATION, _NETRC, _NPMRC, _PIPED):
        for match in pattern.finditer(text):
            yield from literal(text, *match.span("value"))


@cache
def _credentials(schemes: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(schemes)})[ \t]+(?P<value>[A-Za-z0-9._~+/=-]{{8,}})")


_LONG_OPTION = r"""(?<![\w-])(?:--(?P<long>[A-Za-z][\w-]{{1,60}})|(?P<word>{directives}))
    (?:=|[ \t]+|["'][ \t]*,[ \t]*(?:\r\n?|\n)?[ \t]*["']|["']?[ \t]*(?:\r\n?|\n)[ \t]*-[ \t]+["']?)
    (?P<value>(?:\$\{{\{{[^{{}}\r\n]*\}}\}}|\$\{{[^{{}}\r\n]*\}}|[^\s"'`,])+)"""
_SHORT_OPTION = r"""\b(?:{options})["']?(?P<value>(?:\$\{{[^{{}}\r\n]*\}}|[^\s"'`])+)"""
_BLANKS = r"[ \t]+"
_APART = r"""(?:[ \t]+|["'][ \t]*,[ \t]*["'])"""
_GAP = {"always": "", "either": rf"{_APART}?", "never": _APART}


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
        _APART.join(map(re.escape, program.split())) + rf"""\b[^\r\n|;]{{0,300}}?[ \t"'](?:{"|".join(taken)})"""
        for program, taken in forms.items()
    )
    return re.compile(_SHORT_OPTION.format(options="|".join(called)))
