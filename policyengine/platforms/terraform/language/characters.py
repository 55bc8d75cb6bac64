"""Characters as Terraform counts them."""

from __future__ import annotations

import re
import unicodedata


def clusters(text: str) -> list[str]:
    """The text as Terraform counts characters: a base character with its combining marks."""
    if text.isascii():
        return list(text) if "\r\n" not in text else re.findall(r"\r\n|[\s\S]", text)
    found: list[str] = []
    for character in text:
        joined = found and (
            unicodedata.combining(character)
            or character in "\u200d\ufe0f"
            or "\U0001f3fb" <= character <= "\U0001f3ff"
            or found[-1].endswith("\u200d")
        )
        if joined:
            found[-1] += character
        else:
            found.append(character)
    return found
