"""Which variables and which texts are secrets."""

from __future__ import annotations

import re

from policyengine.api import (
    regex,
)

_SECRET_KEY = regex(
    r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|CREDENTIALS|"
    r"(?:^|_)(?:DATABASE|REDIS|MONGO(?:DB)?|POSTGRES|DB|AMQP|RABBITMQ|CELERY_BROKER)_UR[LI]$|(?:^|_)DSN$",
    re.IGNORECASE,
)
PUBLIC_KEY = regex(
    r"^(?:NEXT_PUBLIC|VITE|REACT_APP|NUXT_PUBLIC|EXPO_PUBLIC|PUBLIC)_|PUBLISHABLE|PUBLIC_?KEY|SENTRY_DSN|"
    r"(?:_|^)(?:ARN|NAME|ID|KID|FILE|PATH|DIR|PREFIX|HEADER|ISSUER|AUDIENCE|ALGORITHM|TTL|EXPIR\w*|LIFETIME|MAX_?AGE|"
    r"TIMEOUT|LENGTH|LIMIT|COUNT|ENABLED|DISABLED|REQUIRED|TYPE|VERSION|REGION|ENDPOINT|SECONDS|MINUTES|HOURS|DAYS|"
    r"GENERATION|MODE|FIELD|CLAIM|SCOPES?|BUCKET|BACKEND|CLUSTER_TOKEN)$|MAX_(?:\w+_)?TOKENS?$|"
    r"_EXPIR|_TTL|(?:TOKEN|SECRET|PASSWORD)S?_(?:\w+_)?(?:URL|URI|HOST|PROVIDER|POLICY|STORE|MANAGER)$",
    re.IGNORECASE,
)
_PREFIXED = regex(
    r"^(?:sk_live_|rk_live_|sk-[A-Za-z0-9]{20}|AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|gh[pousr]_|github_pat_|xox[abprs]-|"
    r"AIza|glpat-|npm_|-----BEGIN|eyJ[A-Za-z0-9_-]{10,}\.eyJ)"
)
_DUMMY = regex(
    r"dummy|example|change|your|test|fake|sample|placeholder|insert|replace|todo|local|dev|xxx|\*\*\*|\.\.\.|"
    r"<|>|foo|bar|mock|password|secret|insecure|not.?set|default|postgres|admin|root|123456|abcdef",
    re.IGNORECASE,
)
USERINFO = regex(r"^[a-z][a-z0-9+.-]*://[^/@\s]*:(?P<password>[^/@\s]+)@", re.IGNORECASE)
URL_KEY = regex(r"(?:_|^)(?:UR[LI]|DSN)$", re.IGNORECASE)


def is_secret_key(key: str) -> bool:
    """Whether a variable of this name holds a secret."""
    return _SECRET_KEY.search(key) is not None and PUBLIC_KEY.search(key) is None


def is_real(key: str, text: str) -> bool:
    """Whether a literal is a secret worth protecting: no reference, no dummy, no throwaway database password."""
    text = text.strip()
    if _PREFIXED.match(text):
        return True
    if not is_secret_key(key) or "${" in text or text.startswith(("arn:", "/", "file:")):
        return False
    userinfo = USERINFO.match(text)
    if userinfo:
        text = userinfo["password"]
    elif URL_KEY.search(key) or "://" in text:
        return False
    return len(text) >= 12 and len(set(text)) >= 6 and not _DUMMY.search(text)
