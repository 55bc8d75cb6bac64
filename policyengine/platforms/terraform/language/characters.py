"""Characters as Terraform counts them: extended grapheme clusters of Unicode 15, which its strings (in NFC) consist of.

Source: https://www.unicode.org/reports/tr29/, "Grapheme Cluster Boundary Rules", revision 41, read on 2026-11-30.
"""

from __future__ import annotations

import unicodedata

from policyengine.patterns import regex

BLANKS = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""White space of Unicode, which is less than what Python's `str.strip` takes."""

_ASCII = regex(r"(?s)\r\n|.")
_PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\u0d4e\U000110bd\U000110cd")
_PICTURED = frozenset("©®‼⁉™ℹ↔↕↖↗↘↙↩↪〰〽㊗㊙")


def normal(text: str) -> str:
    """A text as Terraform keeps it: composed (NFC)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def clusters(text: str) -> list[str]:
    """The characters of a text."""
    if text.isascii():
        return list(text) if "\r\n" not in text else _ASCII.findall(text)
    found: list[str] = []
    last, flags, pictured = "", 0, False  # the class before, regional indicators in a row, a picture and its modifiers
    for character in text:
        kind = _class(character)
        if found and not _breaks(last, kind, flags=flags, pictured=pictured):
            found[-1] += character
        else:
            found.append(character)
        flags = flags + 1 if kind == "flag" else 0
        pictured = kind == "picture" or (pictured and kind in ("extend", "join"))
        last = kind
    return found


def _breaks(last: str, kind: str, *, flags: int, pictured: bool) -> bool:
    """Whether a character begins behind one of the class `last`."""
    if last == "\r" and kind == "\n":
        return False
    if last in ("\r", "\n", "control") or kind in ("\r", "\n", "control"):
        return True
    if kind in ("extend", "join", "mark") or last == "prepend":
        return False
    if last in ("L", "LV", "V", "LVT", "T") and kind in ("L", "LV", "LVT", "V", "T"):
        return kind not in {"L": ("L", "V", "LV", "LVT"), "LV": ("V", "T"), "V": ("V", "T")}.get(last, ("T",))
    if kind == "flag":
        return flags % 2 == 0
    return not (last == "join" and kind == "picture" and pictured)


def _class(character: str) -> str:
    """What a character is at the boundary of clusters, as far as the rules tell characters apart."""
    code = ord(character)
    if code < 0x300:
        if character in "\r\n":
            return character
        return "control" if code < 0x20 or 0x7F <= code < 0xA0 or code == 0xAD else _picture(character)
    if 0x1100 <= code < 0x1200 or 0xA960 <= code < 0xA980 or 0xAC00 <= code < 0xD800:
        return _hangul(code)
    if character == "\u200d":
        return "join"
    if 0x1F1E6 <= code <= 0x1F1FF:
        return "flag"
    if character in _PREPENDED:
        return "prepend"
    category = unicodedata.category(character)
    if category in ("Mn", "Me") or code == 0x200C or 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F:
        return "extend"
    if category == "Mc" or code in (0xE33, 0xEB3, 0xFF9E, 0xFF9F):
        return "mark"
    return "control" if category in ("Cc", "Cf", "Zl", "Zp") else _picture(character)


def _hangul(code: int) -> str:
    if code < 0x1160 or 0xA960 <= code < 0xA980:
        return "L"
    if code < 0x11A8 or 0xD7B0 <= code < 0xD7CB:
        return "V"
    if code < 0x1200 or code >= 0xD7CB:
        return "T"
    return "LV" if (code - 0xAC00) % 28 == 0 else "LVT"


def _picture(character: str) -> str:
    code = ord(character)
    pictured = 0x1F000 <= code < 0x1FB00 or (0x2300 <= code < 0x2C00 and unicodedata.category(character) == "So")
    return "picture" if pictured or character in _PICTURED else "other"
