"""Where secret values stand in a text: ranges of code points, found by key, by form and by well-known prefix.

A reference to a secret (`${DB_PASSWORD}`, `${{ secrets.TOKEN }}`, `var.token`, an ARN, a path) is no secret and stays
visible. When in doubt a value is masked: a reader loses a word, not a password.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Range = tuple[int, int]

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    {
        "secret",
        "secrets",
        "password",
        "passwords",
        "passwd",
        "passphrase",
        "pass",
        "pwd",
        "token",
        "credential",
        "credentials",
        "creds",
        "apikey",
        "requirepass",
        "masterauth",
        "pgpassword",
        "jwt",
    }
)
_SECRET_PARTS = re.compile(
    r"secret|password|passwd|passphrase|apikey|privatekey|accesskey(?!id)|encryptionkey|signingkey|authkey|masterkey"
    r"|servicerolekey|servicekey|sessionkey|licensekey|hmackey|jwtkey|connectionstring|token\Z|accountkey|sharedkey"
    r"|authtoken\Z|bearer\Z"
)
_PUBLIC_WORDS = frozenset({"public", "publishable", "anon"})
_PLAIN_ENDINGS = frozenset(
    {
        "arn",
        "arns",
        "name",
        "names",
        "file",
        "files",
        "path",
        "paths",
        "dir",
        "url",
        "uri",
        "urls",
        "uris",
        "endpoint",
        "host",
        "hosts",
        "port",
        "ttl",
        "length",
        "size",
        "version",
        "versions",
        "type",
        "types",
        "expiry",
        "expires",
        "expiration",
        "expire",
        "days",
        "hours",
        "seconds",
        "minutes",
        "ms",
        "age",
        "rotation",
        "policy",
        "policies",
        "enabled",
        "manager",
        "managers",
        "provider",
        "algorithm",
        "strategy",
        "prefix",
        "suffix",
        "count",
        "limit",
        "limits",
        "issuer",
        "audience",
        "mode",
        "method",
        "field",
        "header",
        "attempts",
        "rounds",
        "min",
        "max",
        "required",
        "encoding",
        "region",
        "bits",
        "special",
        "lifetime",
        "timeout",
        "updates",
        "change",
        "window",
        "role",
        "ref",
        "refs",
        "source",
        "keys",
        "description",
        "rule",
        "rules",
        "scope",
        "scopes",
        "endpoints",
        "user",
        "username",
    }
)
_PLAIN_KEYS = frozenset(
    {"cache", "partition", "sort", "primary", "hash", "range", "foreign", "idempotency", "site", "s3"}
)


@cache
def secret_key(name: str) -> bool:
    """Whether a variable, attribute or option of that name holds a secret value itself, not merely a place of one."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or _PUBLIC_WORDS.intersection(words) or name in ("PWD", "OLDPWD"):
        return False
    if words[-1] in _PLAIN_ENDINGS:
        return False
    if words[-1] == "id":
        return "vault" in words and "secret" in words
    if _SECRET_WORDS.intersection(words) or _SECRET_PARTS.search("".join(words)):
        return True
    return name.isupper() and len(words) > 1 and words[-1] == "key" and not _PLAIN_KEYS.intersection(words)


def quoted_only(path: str) -> bool:
    """Whether only quoted text can be a literal in a file of that name: programs and HCL, not env files or YAML."""
    return path.endswith(_PROGRAMS)


_PROGRAMS = tuple(
    f".{ending}"
    for ending in (
        "tf",
        "hcl",
        "tfvars",
        "tofu",
        "ts",
        "tsx",
        "js",
        "jsx",
        "mjs",
        "cjs",
        "mts",
        "cts",
        "py",
        "rb",
        "go",
        "prisma",
        "sql",
        "toml",
        "json",
    )
)


def ranges(text: str, path: str = "") -> list[Range]:
    """The ranges of `text` that hold secret values, sorted and apart. `path` tells how the text is to be read."""
    code = quoted_only(path)
    found: list[Range] = []
    found.extend(_pem(text))
    found.extend(_prefixed(text))
    found.extend(_urls(text))
    found.extend(_assigned(text, path, code=code))
    found.extend(_named(text, path, code=code))
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


_COVERED = re.compile(r"[^\r\n\t]")


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

_OPENING = re.compile(r"\$\{\{|\$\{")
_DEFAULT = re.compile(r"[ \t]*[A-Za-z_]\w*:?[-+=]")
_PLAIN_VALUE = re.compile(
    r"\A(?:|true|false|null|none|nil|undefined|yes|no|on|off|~|inherit|read|write|required|optional|\$[A-Za-z_]\w*|\*[\w-]+|<[\w .-]+>"
    r"|arn:.*|/run/secrets/.*|op://.*|projects/[^/]+/secrets/.*|ssm:.*|vault:.*|file:.*)\Z",
    re.IGNORECASE | re.DOTALL,
)
_STRING = re.compile(
    r"""(?<!\[)(?P<quote>["'`])(?P<body>(?:\\.|(?!(?P=quote))[^\\\r\n])*)(?P=quote)(?![ \t]*[:=](?!=))"""
)


def literal(text: str, start: int, end: int) -> list[Range]:
    """What of a secret key's value is literal: references stay, and so do words such as `true`."""
    if _PLAIN_VALUE.match(text[start:end].strip()):
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
    return [each for match in _STRING.finditer(text, start, end) for each in literal(text, *match.span("body"))]


# --- forms that need no key

_PEM = re.compile(
    r"-----BEGIN (?P<kind>(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----(?P<body>.*?)(?:-----END (?P=kind)-----|\Z)",
    re.DOTALL,
)
_PREFIXED = re.compile(
    r"""(?<![A-Za-z0-9_])(?:
      (?:sk|rk)_(?:live|test)_(?P<stripe>[A-Za-z0-9]{6,})
    | whsec_(?P<hook>[A-Za-z0-9+/=]{8,})
    | (?:AKIA|ASIA|AROA|AIDA)(?P<aws>[A-Z0-9]{12,})
    | gh[pousr]_(?P<github>[A-Za-z0-9]{10,})
    | github_pat_(?P<pat>\w{10,})
    | xox[abeoprs]-(?P<slack>[A-Za-z0-9-]{6,})
    | xapp-(?P<app>[A-Za-z0-9-]{6,})
    | sk-(?:ant-|proj-|or-)?(?P<ai>[A-Za-z0-9_-]{16,})
    | AIza(?P<google>[A-Za-z0-9_-]{20,})
    | ya29\.(?P<oauth>[A-Za-z0-9_-]{10,})
    | GOCSPX-(?P<gocspx>[A-Za-z0-9_-]{10,})
    | glpat-(?P<gitlab>[A-Za-z0-9_-]{10,})
    | npm_(?P<npm>[A-Za-z0-9]{20,})
    | pypi-(?P<pypi>[A-Za-z0-9_-]{20,})
    | dckr_pat_(?P<docker>[A-Za-z0-9_-]{10,})
    | dop_v1_(?P<ocean>[a-f0-9]{20,})
    | hf_(?P<face>[A-Za-z0-9]{20,})
    | hvs\.(?P<vault>[A-Za-z0-9_-]{10,})
    | sbp_(?P<supabase>[a-f0-9]{20,})
    | re_(?P<resend>[A-Za-z0-9]{8,}_[A-Za-z0-9_]{8,})
    | SG\.(?P<grid>[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})
    | eyJ(?P<jwt>[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?)
    | st\.(?P<infisical>[a-z0-9-]{8,}\.[a-f0-9]{16,}(?:\.[a-f0-9]{8,})?)
    | AGE-SECRET-KEY-1(?P<age>[A-Z0-9]{10,})
    )""",
    re.VERBOSE,
)
_URL = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,30}://(?P<rest>[^\s\"'`<>]{1,4000})")
_BEARER = re.compile(r"\b(?:Bearer|Basic)[ \t]+(?P<value>[A-Za-z0-9._~+/=-]{8,})")
_PASSWORD = re.compile(r"""(?i)\b(?:password|identified[ \t]+by)[ \t]+(?P<quote>["'])(?P<value>[^"'\r\n]+)(?P=quote)""")


def _pem(text: str) -> Iterator[Range]:
    if "-----BEGIN" in text:
        for match in _PEM.finditer(text):
            yield match.span("body")


def _prefixed(text: str) -> Iterator[Range]:
    for match in _PREFIXED.finditer(text):
        yield match.span(match.lastgroup or 0)


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


_USER = re.compile(r"[^:@/?#,{}]*(?:\$\{[^{}]*\}[^:@/?#,{}]*)*:")


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


_FALLBACK = re.compile(r"\$\{(?P<key>[A-Za-z_]\w*):?[-+=](?P<value>(?:[^{}\r\n]|\$\{[^{}\r\n]*\})*)\}")


def _fallbacks(text: str) -> Iterator[Range]:
    """The default in `${DB_PASSWORD:-default}`."""
    for match in _FALLBACK.finditer(text):
        if secret_key(match["key"]):
            yield from literal(text, *match.span("value"))


def _passwords(text: str) -> Iterator[Range]:
    for match in (*_BEARER.finditer(text), *_PASSWORD.finditer(text)):
        yield from literal(text, *match.span("value"))


# --- `key = value` in the many ways it is written

_KEY = re.compile(
    r"""(?<![\w.-])(?P<key>[A-Za-z_][\w.-]{1,80}?)(?P<quote>["']?)[ \t]{0,80}(?P<sign>:=|=>|\?\?|\|\||[:=])(?![=>])"""
)
_BLOCK = re.compile(r"(?:![\w!:.-]*[ \t]+|&[\w-]+[ \t]+)*[|>][+-]?\d?[+-]?[ \t]*(?:#[^\r\n]*)?(?:\r\n?|\n)")
_PREFIX = re.compile(r"(?:![\w!:.-]*[ \t]+|&[\w-]+[ \t]+)*")
_HEREDOC = re.compile(r"<<[-~]?[ \t]*[\"']?(?P<mark>\w+)[\"']?[^\r\n]*(?:\r\n?|\n)")
_LINE_END = re.compile(r"\r\n?|\n|\Z")
_COMMENT = re.compile(r"[ \t]+#")
_LEGACY_ENV = re.compile(r"(?im)^[ \t]*(?:ENV)[ \t]+(?P<key>[A-Za-z_]\w*)[ \t]+(?P<value>[^=\r\n][^\r\n]*)$")
_LONGEST = 65_536


def _assigned(text: str, path: str, *, code: bool) -> Iterator[Range]:
    for match in _KEY.finditer(text):
        key = match["key"]
        if not secret_key(key.rpartition(".")[2]) or text.startswith("${", match.start() - 2):
            continue
        if key.rpartition(".")[2] == "secret_string" or match["sign"] in ("??", "||"):
            yield from _expression(text, match.end())
        else:
            yield from _value(
                text, match.end(), _Assigned(match.start(), key, match["sign"], bool(match["quote"]), path, code)
            )
    for match in _LEGACY_ENV.finditer(text):
        if secret_key(match["key"]):
            yield from literal(text, *match.span("value"))


def _expression(text: str, start: int) -> Iterator[Range]:
    """The strings of an expression that goes on until its brackets are closed at a line's end."""
    heredoc = _HEREDOC.match(text, start + len(text[start : start + 80]) - len(text[start : start + 80].lstrip(" \t")))
    if heredoc is not None:
        yield from _heredoc(text, heredoc)
        return
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
                yield from literal(text, *string.span("body"))
                at = string.end()
                continue
        at += 1


def _heredoc(text: str, heredoc: re.Match[str]) -> Iterator[Range]:
    end = re.compile(rf"(?m)^[ \t]*{re.escape(heredoc['mark'])}[ \t]*\r?$").search(text, heredoc.end())
    yield from literal(text, heredoc.end(), end.start() if end else len(text))


class _Assigned(NamedTuple):
    start: int
    key: str
    sign: str
    quoted: bool
    path: str
    code: bool


def _value(text: str, at: int, to: _Assigned) -> Iterator[Range]:
    line_start = max(text.rfind("\n", 0, to.start), text.rfind("\r", 0, to.start)) + 1
    block = _BLOCK.match(text, _blank(text, at))
    if block is not None and to.sign == ":":
        yield from literal(text, block.end(), _deeper(text, line_start, block.end()))
        return
    at = _blank(text, at)
    prefix = _PREFIX.match(text, at)
    if prefix is not None and to.sign == ":":
        at = prefix.end()
    heredoc = _HEREDOC.match(text, at)
    if heredoc is not None:
        yield from _heredoc(text, heredoc)
        return
    end = _end_of_line(text, at)
    opening = text[at : at + 1]
    if opening in ("[", "{", ""):
        if opening == "[" and to.key.lower() not in ("secrets", "credentials"):
            yield from _expression(text, at)
        return
    if opening in ("'", '"', "`"):
        close = _quote(text, at)
        if close >= 0:
            yield from literal(text, at + 1, close)
            return
        yield from literal(text, at + 1, end)
        return
    if to.code:
        yield from strings(text, at, end)
        return
    yield from literal(text, at, _bare(text, at, end, line_start, to))


def _bare(text: str, at: int, end: int, line_start: int, to: _Assigned) -> int:
    """Where an unquoted value ends."""
    before = text[line_start : to.start]
    name = to.path.rpartition("/")[2]
    comment = _COMMENT.search(text, at, end)
    whole = comment.start() if comment else end
    if to.quoted and to.sign == ":" and before.rstrip().endswith(("{", ",", '"', "'")):
        return _first(text, at, whole, ",}")
    if to.sign == ":":
        return _first(text, at, whole, ",}") if "{" in before else whole
    if before[-1:] in ("?", "&"):
        return _first(text, at, end, "& \t\"'`")
    if before.lstrip(" \t-") == "" and (
        ".env" in name or "-" in before or name.endswith((".env", ".properties", ".ini"))
    ):
        return whole
    quote = before[-1:] if before[-1:] in ("'", '"') else ""
    if quote:
        close = text.find(quote, at, end)
        return close if close >= 0 else end
    if name.endswith((".yml", ".yaml")) and before.strip() == "":
        return whole
    return _first(text, at, end, " \t\"'`")


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


def _end_of_line(text: str, at: int) -> int:
    match = _LINE_END.search(text, at)
    return match.start() if match else len(text)


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
        end = _end_of_line(text, at)
        first = _blank(text, at)
        if first < end and first - at <= indent:
            return at
        following = _LINE_END.match(text, end)
        if following is None or following.end() == end:
            return len(text)
        at = following.end()
    return at


# --- a name and its value as two entries, options of commands, defaults of Terraform variables

_NAMED = re.compile(
    r"""(?ix)\b(?:name|key|parameterkey)["']?[ \t]*[:=][ \t]*["']?(?P<key>[A-Za-z_][\w.-]{1,80})["']?
        [ \t]*,?(?:[ \t]|\r\n?|\n)*(?P<label>["']?\b(?:value|parametervalue)["']?)[ \t]*(?P<sign>[:=])"""
)
_NAMED_AFTER = re.compile(
    r"""(?ix)\bvalue["']?[ \t]*[:=][ \t]*(?P<quote>["'])(?P<value>[^"'\r\n]{0,4000})(?P=quote)
        [ \t]*,?(?:[ \t]|\r\n?|\n)*["']?\b(?:name|key)["']?[ \t]*[:=][ \t]*["']?(?P<key>[A-Za-z_][\w.-]{1,80})"""
)
_OPTION = re.compile(
    r"""(?<![\w-])(?:--(?P<long>[A-Za-z][\w-]{1,60})|(?P<word>requirepass|masterauth))
        (?:=|[ \t]+|["'][ \t]*,[ \t]*(?:\r\n?|\n)?[ \t]*["']|["']?[ \t]*(?:\r\n?|\n)[ \t]*-[ \t]+["']?)
        (?P<value>(?:\$\{[^{}\r\n]*\}|[^\s"'`,])+)""",
    re.VERBOSE,
)
_SHORT = re.compile(
    r"""\b(?:redis-cli\b[^\r\n|;]*?[ \t]-a[ \t]*|sshpass[ \t]+-p[ \t]*|docker[ \t]+login\b[^\r\n|;]*?[ \t]-p[ \t]+
        |(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\r\n|;]*?[ \t]-p|curl\b[^\r\n|;]*?[ \t](?:-u|--user)[ \t]+[^\s:'"]+:
        |curl\b[^\r\n|;]*?[ \t](?:-u|--user)[ \t]+["'][^\s:'"]+:)["']?(?P<value>(?:\$\{[^{}\r\n]*\}|[^\s"'`])+)""",
    re.VERBOSE,
)
_VARIABLE = re.compile(r"""\bvariable[ \t]+"(?P<key>[A-Za-z_][\w-]*)"[ \t]*\{""")
_DEFAULT_LINE = re.compile(r"(?m)^[ \t]*default[ \t]*=|(?P<end>^\})")


def _named(text: str, path: str, *, code: bool) -> Iterator[Range]:
    for match in _NAMED.finditer(text):
        if secret_key(match["key"]):
            to = _Assigned(match.start("label"), match["key"], match["sign"], match["label"][0] in "\"'", path, code)
            yield from _value(text, match.end(), to)
    for match in _NAMED_AFTER.finditer(text):
        if secret_key(match["key"]):
            yield from literal(text, *match.span("value"))


def _options(text: str) -> Iterator[Range]:
    for match in _OPTION.finditer(text):
        if (match["word"] or secret_key(match["long"])) and not match["value"].startswith("--"):
            yield from literal(text, *match.span("value"))
    for match in _SHORT.finditer(text):
        yield from literal(text, *match.span("value"))


def _defaults(text: str, path: str) -> Iterator[Range]:
    if not path.endswith(".tf"):
        return
    for match in _VARIABLE.finditer(text):
        if secret_key(match["key"]):
            inner = _DEFAULT_LINE.search(text, match.end())
            if inner is not None and inner["end"] is None:
                yield from _expression(text, inner.end())
