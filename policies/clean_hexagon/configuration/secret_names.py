"""Which texts of variables are secrets worth protecting."""

from __future__ import annotations

import re

from policyengine.api import is_dummy, regex, secrecy, secrecy_of_value, token_kind

USERINFO = regex(r"^[a-z][a-z0-9+.-]*://[^/@\s]*:(?P<password>[^/@\s]+)@", re.IGNORECASE)


def is_secret_key(key: str) -> bool:
    """Whether a variable of this name holds a secret, or an address with one."""
    return secrecy(key) in ("secret", "address")


def is_real(key: str, text: str) -> bool:
    """Whether a literal is a secret worth protecting: no reference, no dummy, no throwaway database password."""
    text = text.strip()
    if token_kind(text, key) is not None:
        return True
    if not is_secret_key(key) or "${" in text or secrecy_of_value(text) is not None:
        return False
    userinfo = USERINFO.match(text)
    if userinfo:
        text = userinfo["password"]
    elif secrecy(key) == "address" or "://" in text:
        return False
    return len(text) >= 12 and not is_dummy(text, key)
