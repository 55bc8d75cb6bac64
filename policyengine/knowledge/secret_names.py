"""Which names hold a secret value: of variables, attributes and command options."""

from __future__ import annotations

from functools import cache

from policyengine.patterns import regex

_WORD = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset({
    "secret", "secrets", "password", "passwords", "passwd", "passphrase", "pass", "pwd", "token",
    "credential", "credentials", "creds", "apikey", "requirepass", "masterauth", "pgpassword", "jwt",
})  # fmt: skip
_SECRET_PARTS = regex(
    r"secret|password|passwd|passphrase|apikey|privatekey|accesskey(?!id)|encryptionkey|signingkey|authkey|masterkey"
    r"|servicerolekey|servicekey|sessionkey|licensekey|hmackey|jwtkey|connectionstring|token\Z|accountkey|sharedkey"
    r"|authtoken\Z|bearer\Z"
)
_PUBLIC_WORDS = frozenset({"public", "publishable", "anon"})
_TIMES = frozenset({"expiry", "expires", "expiration", "ttl", "duration", "lifetime", "timeout", "validity"})
_PLAIN_ENDINGS = frozenset({
    "arn", "arns", "name", "names", "file", "files", "path", "paths", "dir", "url", "uri", "urls", "uris",
    "endpoint", "host", "hosts", "port", "ttl", "length", "size", "version", "versions", "type", "types",
    "expiry", "expires", "expiration", "expire", "days", "hours", "seconds", "minutes", "ms", "age",
    "rotation", "policy", "policies", "enabled", "manager", "managers", "provider", "algorithm", "strategy",
    "prefix", "suffix", "count", "limit", "limits", "issuer", "audience", "mode", "method", "field", "header",
    "attempts", "rounds", "min", "max", "required", "encoding", "region", "bits", "special", "lifetime",
    "timeout", "updates", "change", "window", "role", "ref", "refs", "source", "keys", "description", "rule",
    "rules", "scope", "scopes", "endpoints", "permissions", "user", "username",
})  # fmt: skip
_PLAIN_KEYS = frozenset(
    {"cache", "partition", "sort", "primary", "hash", "range", "foreign", "idempotency", "site", "s3"}
)


@cache
def secret_key(name: str) -> bool:
    """Whether a variable, attribute or option of that name holds a secret value itself, not merely a place of one."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or (_PUBLIC_WORDS | _TIMES).intersection(words) or name in ("PWD", "OLDPWD"):
        return False
    if words[-1] in _PLAIN_ENDINGS:
        return False
    if words[-1] == "id":
        return "vault" in words and "secret" in words
    if _SECRET_WORDS.intersection(words) or _SECRET_PARTS.search("".join(words)):
        return True
    return name.isupper() and len(words) > 1 and words[-1] == "key" and not _PLAIN_KEYS.intersection(words)
