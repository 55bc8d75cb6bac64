"""Which names, texts and attributes hold secrets: one answer for what is masked and for what is reported.

A name is decided by its words, and the last of them tells most: `TOKEN_TTL` is a lifetime, `TTL_TOKEN` a token.
"""

from __future__ import annotations

import base64
import contextlib
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct, field

from policyengine.knowledge.loading import Cited, FactTable, table
from policyengine.knowledge.names import runs, words
from policyengine.knowledge.variables import is_published, is_store_address
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Secrecy = Literal["secret", "address", "doubtful", "plain"]
"""What a name says of its value.

`secret`: it is one, to be masked and reported. `address`: it may hold a password within the address of a store, which
is masked and reported for itself. `doubtful`: it may be a secret, so it is masked, and no rule reports it. `plain`: it
is none, in spite of a word that sounds like one.
"""


class Term(Struct, frozen=True, forbid_unknown_fields=True):
    """Words that follow one another in a name, and where. `glued` ones also end a longer word: `dbpassword`.

    With `capitals` the term says something only in a name of capital letters, which is that of a variable.
    """

    level: Secrecy
    place: Literal["anywhere", "end", "start", "start or end"]
    source: str
    glued: bool = False
    capitals: bool = False


class ExactName(Struct, frozen=True, forbid_unknown_fields=True):
    """A name as it is written, that its words would not decide."""

    level: Secrecy
    source: str


class TokenKind(Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of secret that its own beginning gives away.

    What follows the prefix and looks like `rest` (a regular expression) is masked; it is reported when it has `length`
    characters. A `throwaway` token opens nothing real, and a `published` kind is often meant for browsers: the name of
    the variable decides.
    """

    prefix: str
    rest: str
    length: int
    source: str
    throwaway: bool = False
    published: bool = False


class SecretAttribute(Struct, frozen=True, forbid_unknown_fields=True):
    """An argument or attribute of a Terraform resource; secret `only` beside another: `type=SecureString`."""

    level: Secrecy
    source: str
    only: str = ""


class Dummy(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of texts that stand for a secret. Only those `in_tokens` are looked for in a token's random letters.

    A `weak` one is also a part of secrets that people use, such as `Password123`.
    """

    source: str
    in_tokens: bool = False
    weak: bool = False


class Secrets(FactTable, frozen=True):
    """The table.

    `hashes` are what hashes of passwords begin with, `schemes` those of an Authorization header. `values` are texts
    that are no secret wherever they stand, `references` the beginnings of texts that only lead to one. `attributes` are
    those of Terraform resources whose own name does not tell: a doubtful one is a secret when a secret name takes it.
    The types of resources of `managers` of secrets begin so. An application makes a secret `own` for itself whose name
    is made of these words alone: nobody has issued it.
    """

    names: dict[str, Term]
    exact: dict[str, ExactName]
    tokens: dict[str, TokenKind]
    hashes: dict[str, Cited]
    schemes: dict[str, Cited]
    values: dict[str, ExactName]
    references: dict[str, ExactName]
    dummies: dict[str, Dummy]
    attributes: dict[str, SecretAttribute]
    managers: dict[str, Cited]
    own: dict[str, Cited]
    _joined: dict[str, Term] = field(default_factory=dict)
    _answers: dict[str, Secrecy | None] = field(default_factory=dict)
    _arguments: dict[str, dict[str, SecretAttribute]] = field(default_factory=dict)
    _patterns: list[re.Pattern[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._joined.update((name.replace(" ", ""), term) for name, term in self.names.items())

    def secrecy(self, name: str) -> Secrecy | None:
        """What the name says of its value; None for a name that says nothing of secrets."""
        if name not in self._answers:
            exact = self.exact.get(name) or self.exact.get(".".join(name.split(".")[-2:]))
            self._answers[name] = self._decided(name) if exact is None else exact.level
        return self._answers[name]

    @property
    def arguments(self) -> dict[str, dict[str, SecretAttribute]]:
        """The attributes that may be secret, by their types and what stands behind those."""
        if not self._arguments:
            for name, each in self.attributes.items():
                kind, _, path = name.partition(".")
                if kind != "data" and each.level != "plain":
                    self._arguments.setdefault(kind, {})[path] = each
        return self._arguments

    @property
    def kinds(self) -> tuple[TokenKind, ...]:
        """The kinds of tokens, those with the longest prefix first: `sk-ant-` before `sk-`."""
        return tuple(sorted(self.tokens.values(), key=lambda token: (-len(token.prefix), token.prefix)))

    @property
    def pattern(self) -> re.Pattern[str]:
        """What finds a token: the group of a kind, in the order of `kinds`, matches what follows its prefix."""
        if not self._patterns:
            forms = (f"{re.escape(kind.prefix)}({kind.rest})" for kind in self.kinds)
            self._patterns.append(re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(forms)})"))
        return self._patterns[0]

    def _decided(self, name: str) -> Secrecy | None:
        if is_published(name):
            return "plain"
        parts = words(name)
        while parts and parts[-1].isdecimal():  # `API_KEY_2`
            parts = parts[:-1]
        found = list(self._terms(parts, capitals=name.isupper()))
        ends = {end - start: term for start, end, term in found if end == len(parts)}
        last = ends[max(ends)] if ends else None
        weak = any(term.level == "doubtful" and term.place == "start" for _, _, term in found)  # `RATE_LIMIT_TOKENS`
        found = [each for each in found if each[2].level != "doubtful" or each[2].place != "start"]
        sounding = {term.level for _, _, term in found if term.level != "plain" or term.place != "end"}
        if not sounding and max(ends, default=1) == 1 and is_store_address(parts):
            return "address"
        if last is not None and last.level == "plain" and (sounding or max(ends) > 1):
            return "plain"
        level = next((each for each in _STRONGEST if each in sounding), None)
        return "doubtful" if weak and level == "secret" else level

    def _terms(self, parts: Sequence[str], *, capitals: bool) -> Iterator[tuple[int, int, Term]]:
        """The terms that the words of a name hold, each with the range of its words."""
        for start, end, run in runs(parts):
            term = self._joined.get(run) or (self._glued(run) if end - start == 1 else None)
            if term is None or (term.capitals and not capitals):
                continue
            at_start, at_end = start == 0, end == len(parts)
            if term.place == "anywhere" or (at_start and "start" in term.place) or (at_end and "end" in term.place):
                yield start, end, term

    def _glued(self, word: str) -> Term | None:
        """The term that ends a single word."""
        cuts = (self._joined.get(word[at:]) for at in range(1, len(word) - 3))
        return next((term for term in cuts if term is not None and term.glued), None)


_STRONGEST: tuple[Secrecy, ...] = ("plain", "secret", "doubtful")


def secrecy(name: str) -> Secrecy | None:
    """What the name of a variable, attribute or option says of its value; None when it says nothing of secrets."""
    return table("secrets", Secrets).secrecy(name)


def may_hold_secret(name: str) -> bool:
    """Whether the value under that name is to be masked: it is a secret, or may be one."""
    return secrecy(name) in ("secret", "doubtful")


def listed(name: str) -> Secrecy | None:
    """What the table says of a name as it is written, such as `basicauth.users`; None for one that it does not hold."""
    exact = table("secrets", Secrets).exact.get(name)
    return None if exact is None else exact.level


def is_random(text: str) -> bool:
    """Whether a word looks like a token: long, of letters and digits. The name of a user or of a key does not."""
    return _RANDOM.match(text) is not None


_RANDOM = regex(r"(?=.*\d)(?=.*[A-Za-z])[\w.-]{16,}\Z")


def is_public(name: str) -> bool:
    """Whether the name says that its value is none, in spite of a word that sounds like one."""
    return secrecy(name) == "plain"


class FoundToken(NamedTuple):
    """A token in a text: its kind, and the range of what is secret of it, without the prefix that tells the kind."""

    kind: TokenKind
    start: int
    end: int


def tokens(text: str) -> Iterator[FoundToken]:
    """The tokens of known kinds in a text, with the prefixes that tell them."""
    secrets = table("secrets", Secrets)
    for match in secrets.pattern.finditer(text):
        group = match.lastindex or 0
        yield FoundToken(secrets.kinds[group - 1], *match.span(group))


def token_kind(text: str, name: str = "") -> str | None:
    """The kind of token that a text begins with: as long as a real one, and no dummy. None otherwise.

    A kind that is published to browsers, as the key of a map is, counts unless the `name` it stands under is public.
    """
    if _PRIVATE_KEY.match(text):
        return "private-key"
    found = next(tokens(text), None)
    if found is None or found.start != len(found.kind.prefix) or found.end - found.start < found.kind.length:
        return None
    if found.kind.throwaway or (found.kind.published and is_public(name)) or is_dummy(text, in_token=True):
        return None
    return next(name for name, kind in table("secrets", Secrets).tokens.items() if kind is found.kind)


_PRIVATE_KEY = regex(
    r"-----BEGIN (?P<kind>(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----(?P<body>.*?)(?:-----END (?P=kind)-----|\Z)",
    re.DOTALL,
)


def private_keys(text: str) -> Iterator[tuple[int, int]]:
    """The ranges of private keys in a text, between their labels (RFC 7468)."""
    if "-----BEGIN" in text:
        yield from (match.span("body") for match in _PRIVATE_KEY.finditer(text))


def secrecy_of_value(text: str) -> Literal["plain", "doubtful"] | None:
    """Whether a text itself is no secret, under any name: a flag, a rate, an ARN, a path; None for any other text.

    A path is doubtful: a password may begin with a slash, so it is masked, and no rule reports it.
    """
    known = table("secrets", Secrets)
    low = text.lower()
    if low in known.values or _RATE.match(low):
        return "plain"
    levels = {entry.level for start, entry in known.references.items() if low.startswith(start)}
    return "plain" if "plain" in levels else "doubtful" if levels else None


_RATE = regex(r"\d{1,9} ?(?:/|per) ?\d{0,5} ?(?:[smhd]|sec|min|(?:second|minute|hour|day|week|month)s?)\Z")
"""So many times in so long, as limits of requests are written: `100/5m`, `10 per minute`."""


def is_dummy(text: str, name: str = "", *, in_token: bool = False, used: bool = False) -> bool:
    """Whether a text stands for a secret: `changeme`, a few characters over and over, or the words of its own name.

    One that is known to be `used` may be weak, and is one all the same: `Password123`.
    """
    low = text.lower()
    dummies = table("secrets", Secrets).dummies
    own = {part for part in words(text) if not part.isdecimal()} <= set(words(name)) or _letters(text) in _letters(name)
    if len(set(text)) < _FEWEST or (own and not used) or _is_typed(text):
        return True
    parts = (part for part, dummy in dummies.items() if (dummy.in_tokens or not in_token) and not (used and dummy.weak))
    return any(part.lower() in low for part in parts)


def _is_typed(text: str) -> bool:
    """Whether a key in Base64, as Laravel takes it, holds letters alone, which random bytes do not."""
    head, _, body = text.partition("base64:")
    with contextlib.suppress(ValueError):
        return bool(body) and not head and base64.b64decode(body).decode("ascii").isprintable()
    return False


def _letters(text: str) -> str:
    return "".join(words(text))


_FEWEST = 6
"""A secret has more different characters."""


_USERINFO = regex(r"[a-z][a-z0-9+.-]*://[^/@\s]*:(?P<password>[^/@\s]+)@", re.IGNORECASE)
_SHORTEST = 12
"""A secret that is worth protecting has so many characters."""


def password_in(address: str) -> str | None:
    """The password in the user information of an address: `secret` of `postgres://app:secret@db`; None without one."""
    found = _USERINFO.match(address)
    return None if found is None else found["password"]


def connection_password(text: str) -> str | None:
    """The password in a connection string to a server elsewhere, `Server=db.acme.io;…;Password=…`; None without one."""
    server, found = _SERVER.search(text), _PASSWORD.search(text)
    if server is None or found is None or server[1].startswith("127.") or is_dummy(found[1], "password"):
        return None
    return found[1]


_SERVER = regex(r"(?i)(?:^|;)\s{0,9}(?:server|host|data source)\s{0,9}=\s{0,9}(?:tcp:)?([\w-]{1,100}\.[\w.-]{1,100})")
_PASSWORD = regex(r"(?i);\s{0,9}(?:password|pwd)\s{0,9}=\s{0,9}([^;$%{}<>\s]{1,200})")
_GENERATED = "django-insecure-"
"""What Django's startproject puts before the key that it makes."""


def is_real(name: str, text: str) -> bool:
    """Whether a literal is a secret worth protecting: no reference, no dummy, no throwaway database password."""
    if token_kind(text, name) is not None:
        return True
    if secrecy(name) not in ("secret", "address") or "${" in text or secrecy_of_value(text) is not None:
        return False
    password = password_in(text)
    if password is None and (secrecy(name) == "address" or "://" in text):
        return False
    secret = text.removeprefix(_GENERATED) if password is None else password
    return len(secret) >= _SHORTEST and not is_dummy(secret, name)


def is_generated(text: str) -> bool:
    """Whether a text is what a generator of secrets makes: 32 characters or more in hex or Base64, and no words.

    In Base64 letters in both cases and digits change all the time, which they do not in words: `MyVerySecretKey1234…`.
    """
    low = text.lower()
    if _GENERATED_FORM.match(text) is None or any(low[at : at + 8] in low[at + 8 :] for at in range(len(low) - 8)):
        return False
    runs = any(run in low for run in ("01234567", "12345678", "23456789", "abcdef01", "fedcba98", "deadbeef"))
    if runs or len(set(low)) < _FEWEST_RANDOM or is_dummy(text, in_token=True) or _is_typed(f"base64:{text}"):
        return False
    if _HEX.match(text):
        return True
    kinds = ["a" if each.islower() else "A" if each.isupper() else "1" if each.isdecimal() else "/" for each in text]
    changes = sum(one != other for one, other in pairwise(kinds))
    return {"a", "A", "1"} <= set(kinds) and changes * 2 > len(text)


_GENERATED_FORM = regex(r"[A-Za-z0-9+/_-]{32,512}={0,2}\Z")
_HEX = regex(r"(?=.*[0-9])(?=.*[a-fA-F])(?:[0-9a-f]+|[0-9A-F]+)\Z")
_FEWEST_RANDOM = 10
"""Of 32 random digits in hex so many differ, but for one text in a hundred."""


def is_made_here(name: str) -> bool:
    """Whether a name is one of a secret that an application makes for itself: `APP_SECRET`, `SECRET_KEY_BASE`."""
    return set(words(name)) <= table("secrets", Secrets).own.keys()


def hashes() -> tuple[str, ...]:
    """What hashes of passwords begin with."""
    return tuple(table("secrets", Secrets).hashes)


def schemes() -> tuple[str, ...]:
    """The schemes of an Authorization header."""
    return tuple(table("secrets", Secrets).schemes)


def secrecy_of_reference(reference: str) -> Secrecy | None:
    """What the address of a Terraform value says of it: `random_password.db.result`, `var.db_password`.

    An attribute of a resource is a secret for certain. A variable, local or output of a secret's name is doubtful, and
    so is an attribute such as `random_string.x.result`, unless its resource has a secret's name.
    """
    reference = _INDEX.sub("", reference) if "[" in reference else reference
    parts = (_MODULE.sub("", reference) if reference.startswith("module.") else reference).split(".")
    data = parts[:1] == ["data"]
    kind, rest = parts[int(data)] if len(parts) > data else "", parts[1 + data :]
    if kind in ("var", "local", "module", "each"):
        named = secrecy(rest[-1]) if rest else None
        return "doubtful" if named in ("secret", "address") else named
    if len(rest) < 2:
        return None
    known = table("secrets", Secrets).attributes
    names = (f"{'data.' if data else ''}{kind}.{'.'.join(rest[1:end])}" for end in range(2, len(rest) + 1))
    listed = next((known[name] for name in names if name in known), None)
    if listed is None:
        return secrecy(rest[-1])
    return "secret" if listed.level == "doubtful" and may_hold_secret(rest[0]) else listed.level


def is_of_manager(reference: str) -> bool:
    """Whether the address of a Terraform value is that of something that a manager of secrets holds."""
    plain = _MODULE.sub("", reference).removeprefix("data.").removeprefix("ephemeral.")
    return plain.startswith(tuple(table("secrets", Secrets).managers))


def secret_attribute(kind: str, path: str) -> SecretAttribute | None:
    """What the table says of an attribute of a type (`data.` before that of a data source); None for one not listed."""
    return table("secrets", Secrets).attributes.get(f"{kind}.{path}")


def secret_arguments(kind: str) -> dict[str, SecretAttribute]:
    """The listed arguments of a type of resources that hold secrets, by their names behind those of their blocks."""
    return table("secrets", Secrets).arguments.get(kind, {})


_MODULE = regex(r"\A(?:module\.[^.]+\.)+(?=(?:data\.)?[a-z][a-z0-9]*_\w+\.[^.]+\.)")
_INDEX = regex(r"\[[^\]]*\]")
