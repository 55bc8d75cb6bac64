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
from policyengine.reports import sections, words
from policyengine.reports.keyed import Values, defaults, fallbacks, named_after
from policyengine.reports.literals import blank, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.reports.literals import Range


def ranges(text: str, path: str = "") -> list[Range]:
    """The ranges of `text` that hold secret values, sorted and apart. `path` tells how the text is to be read."""
    found: list[Range] = []
    found.extend(secrets.private_keys(text))
    found.extend((token.start, token.end) for token in secrets.tokens(text))
    found.extend(userinfo(text))
    found.extend(Values(text, path).found())
    found.extend(named_after(text))
    found.extend(words.ranges(text))
    found.extend(defaults(text, path))
    found.extend(_passwords(text))
    found.extend(fallbacks(text))
    found.extend(sections.ranges(text, path))
    found.extend(match.span("value") for match in _hashes(secrets.hashes()).finditer(text))
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


def unread(text: str, at: int, end: int | None = None) -> Iterator[Range]:
    """All but the first word of each line, where no reader understood the text; signs are left, which tell the error.

    Without an `end`: of the line at an offset and of the lines behind it that are indented deeper.
    """
    begin = max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1
    if end is None:
        indent = blank(text, begin) - begin
        shallower = re.compile(rf"(?m)^[ \t]{{0,{indent}}}[^ \t\r\n]").search(text, max(at, begin + indent + 1))
        end = shallower.start() if shallower is not None else len(text)
    for word in _WORD.finditer(text, begin, end):
        if word["first"] is None:
            yield word.span()
        elif secrets.is_random(word["first"]):
            yield word.span("first")


_WORD = regex(r"""(?m)^[ \t]*(?:-[ \t]+)?(?P<first>[\w.$-]+)|[^\s"'`=:{}\[\]()<>,;|&#]+""")

# --- forms that need no key

_URL = regex(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}:/{1,3}(?P<rest>[^\s\"'`<>]{1,4000})")
_BASE64 = regex(r"(?<![\w+/.-])[A-Za-z0-9+/]{24,}(?:={1,2}|(?![\w+/=.-]))")
_PASSWORD = regex(
    r"""(?i)\b(?:password|identified[ \t]+(?:with[ \t]+\S{1,40}[ \t]+)?by)[ \t]+
    (?:[en]|u&)?(?P<quote>["']|\$\w{0,20}\$)(?P<value>[^"'$\r\n]+)(?P=quote)""",
    re.VERBOSE,
)


def userinfo(text: str) -> Iterator[Range]:
    """The passwords, and tokens in place of users, of the addresses in a text."""
    for match in _URL.finditer(text):
        rest, base = match["rest"], match.start("rest")
        at = 0
        lone = _TOKEN_AS_USER.match(rest)
        if lone is not None:
            yield base, base + lone.end() - 1
        while True:
            password = _userinfo(rest, at)
            if password is None:
                break
            yield from literal(text, base + password[0], base + password[1])
            at = password[1] + 1


_TOKEN_AS_USER = regex(r"(?=[^@]*[\dA-Z])(?=[^@]*[A-Za-z])(?![A-Z_-]+@)[A-Za-z0-9_-]{16,}@")
"""A token that stands for the user, as Git's hosts take one; the name of a user is no such mixture."""
_NO_PASSWORD = ("", "x-oauth-basic")
"""Stands where a password would, behind a user name that is a token (GitHub, Git over HTTPS)."""

_USER = regex(r"[^:@/?#,{}]*(?:\$\{[^{}]*\}[^:@/?#,{}]*)*(?:@[\w.-]+(?=:[^\s@/]+@))?:")


_AUTHORIZATION = regex(r"""(?i)\bauthorization["']?[ \t]*[:=][ \t]*["'`]?[a-z]+[ \t]+(?P<value>[^\s"'`\\,]+)""")
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
_TEXTS = (
    regex(  # GitHub: `secrets.X || '…'`
        r"""\bsecrets(?:\.|\[')[\w-]+(?:'\])?(?:[ \t]*\|\|[ \t]*[A-Za-z_][\w.-]*){0,5}[ \t]*\|\|[ \t]*
        '(?P<value>[^'\r\n]+)'""",
        re.VERBOSE,
    ),
    regex(  # a file that a shell makes of a text
        r"""(?i)--?[\w.-]{0,40}(?:pw|pass|passw(?:or)?d|passphrase|secret|token|key|data)[_.-]?file[= \t]["']?<\([ \t]*
        (?:echo|printf)[ \t]+(?:-\w+[ \t]+|["']%s(?:\\n)?["'][ \t]+){0,3}(?P<value>[^)\r\n]+)""",
        re.VERBOSE,
    ),
    regex(r"::add-mask::(?P<value>[^\s\"'`]+)"),  # GitHub
    regex(  # what Go's MySQL takes, and an address without its scheme: `user:password@tcp(db:3306)`, `…@db:3306`
        r"""(?<![\w/.@:$-])[A-Za-z_][\w.%+-]{0,80}:(?P<value>[^\s"'`@/{}]{3,200})
        @(?:[a-z\d]{2,12}\(|/(?!/)|(?!sha\d)[\w.-]+:\d{2,5}(?!\w)|[\w-]+(?:\.[\w-]+)+/)""",
        re.VERBOSE,
    ),
    regex(  # without a port: only what looks like a token, since `user:jane@acme.io` is a person
        r"""(?<![\w/.@:$-])(?!mailto:)[A-Za-z_][\w.%+-]{0,80}:
        (?P<value>(?=[^\s@]{0,200}[A-Z])(?=[^\s@]{0,200}[a-z])[^\s"'`@/{}.]{12,200}|(?=[a-z]{0,200}\d)[a-z\d]{20,200})
        @[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,24}(?![\w@-])""",
        re.VERBOSE,
    ),
    regex(  # Oracle: `user/password@//db:1521/service`
        r"""(?:jdbc:oracle:\w+:|(?<![\w/.@:-]))[\w$#.-]{1,60}/(?P<value>\\?"[^"\r\n]{1,200}"|[^\s"'`@/:]{3,200})
        @(?://[\w.-]|[\w.-]+:\d+[/:])""",
        re.VERBOSE,
    ),
    regex(r"""jdbc:oracle:\w+:[\w$#.-]{1,60}/(?P<value>\\?"[^"\r\n]{1,200}"|[^\s"'`@/:]{3,200})@"""),
    regex(  # ODBC; elsewhere `PWD` is where a shell stands
        r"""(?i)(?:[;"']|%3B)[ \t]*pwd[ \t]*(?:=|%3D)[ \t]*(?P<value>\{[^{}\r\n]{1,200}\}|[^;\s"'`%{}]{1,200})"""
    ),
    regex(r"""(?i)\bpwd[ \t]*=[ \t]*(?P<value>[^;\s"'`{}$]{1,200})(?=;)"""),
    regex(r"""(?i)(?:%3B|%26|%3F)(?:password|pass|secret|token|accesskey)%3D(?P<value>[^%&\s"'`]{1,200})"""),
    regex(r"""(?i)\bset[ \t]+password[^\r\n=;]{0,100}=[ \t]*(?:password\([ \t]*)?["'](?P<value>[^"'\r\n]+)"""),
    regex(r"""(?i)\b(?:Network|PS)Credential\([^()\r\n]{0,200},[ \t]*["'](?P<value>[^"'\r\n]+)["']"""),
    regex(r"""(?i)pass(?:word)?[ \t,]{1,20}<<\\?"(?P<value>[^"\r\n]{1,200})\\?">>"""),  # Erlang
    regex(  # SQL: the vault of Supabase, pgcrypto
        r"""(?i)\b(?:vault\.(?:create_secret\(|update_secret\([^,()]{1,100},)|pgp_(?:sym|pub)_\w{7,16}\([^()]{0,400},)\s{0,200}
        '(?P<value>[^'\r\n]+)'""",
        re.VERBOSE,
    ),
    regex(r"""(?i)(?<![\w.])crypt\([ \t]*'(?P<value>[^'\r\n]+)'[ \t]*,[ \t]*gen_salt\("""),
    regex(  # a user and a password of a request: `auth=("user", "…")`, `HTTPBasicAuth("user", "…")`
        r"""\b(?:auth[ \t]*[=:][ \t]*[(\[]|HTTP\w*Auth\()\s{0,80}["'][^"'\r\n]*["'][ \t]*,\s{0,80}
        ["'](?P<value>[^"'\r\n]+)["']""",
        re.VERBOSE,
    ),
    regex(  # the same as they are encoded: `Buffer.from("user:…")`
        r"""\b(?:Buffer\.from|btoa|b64encode|base64encode|encodeToString|EncodeToString)\([^()"'`]{0,20}["'`][\w.@+-]{1,80}:
        (?P<value>[^"'`\s]+)["'`]""",
        re.VERBOSE,
    ),
    regex(  # Pydantic
        r"""\bSecret(?:Str|Bytes)(?:\(\s{0,200}|[^=()\r\n"']{0,80}=[ \t]*(?:Field\(\s{0,200}(?:default[ \t]*=[ \t]*)?)?)
        ["'](?P<value>[^"'\r\n]+)["']""",
        re.VERBOSE,
    ),
    regex(r"""https?://[\w.-]{3,200}/t/(?P<value>[\w-]{8,200})/"""),  # Anaconda
    regex(r"""(?<![\w-])sensitive\([ \t\r\n]{0,80}"(?P<value>[^"\r\n]+)\""""),  # Terraform
    regex(r"""(?i)["'](?:set-)?cookie["']?[ \t]*:[ \t]*["']?(?P<value>[^\s"'`;]+=[^"'`\r\n]+)"""),
)
"""Secrets that stand in texts of a certain form, whatever names them."""


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
    for pattern in (_credentials(secrets.schemes()), _PASSWORD, _AUTHORIZATION, *_FILES, *_TEXTS):
        for match in pattern.finditer(text):
            yield from literal(text, *match.span("value"))


@cache
def _hashes(beginnings: tuple[str, ...]) -> re.Pattern[str]:
    dollar = r"\\?\$\$?"  # as shells and Compose write one
    begun = "|".join(re.escape(each).replace(r"\$", dollar) for each in sorted(beginnings, key=len, reverse=True))
    parts = rf"(?:[A-Za-z0-9./+=,:-]{{0,80}}{dollar}){{0,5}}[A-Za-z0-9./+=]{{16,200}}"
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{begun})(?P<value>{parts})")


@cache
def _credentials(schemes: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(schemes)})(?:[ \t]|%20)+(?P<value>[A-Za-z0-9._~+/=-]{{8,}})")
