"""Marks in the text of a case: `«…»` with what it says before a bar."""

from __future__ import annotations

from msgspec import Struct

from policyengine.patterns import regex

_OPEN, _CLOSE = "«", "»"
_ID = r"[A-Z]{1,8}-?[0-9]{1,6}"
_LABEL = rf"(?:{_ID}(?::[0-9]+)?|[0-9]+|\?(?:{_ID})?)"
_LABELS = regex(rf"({_LABEL}(?:,{_LABEL})*)\|")


class CaseError(AssertionError):
    """A case that is malformed, or whose findings are not what it states."""


class Mark(Struct, frozen=True, order=True):
    """A span that a rule must name. Offsets are code points into the file without its marks.

    `what` is empty for the place that is reported, "1" for the one that the message links as `(1)`, "?" for one that
    leaves the rule's question open.
    """

    path: str
    start: int
    end: int
    rule: str
    what: str = ""


def strip_marks(path: str, text: str, rule: str) -> tuple[str, list[Mark]]:
    """The text without its marks, and the marks. `rule` is whose a mark is that names no other.

    Raises:
        CaseError: a mark is not closed, or closed without being open.
    """
    kept: list[str] = []
    marks: list[Mark] = []
    opened: list[tuple[int, str]] = []
    length, index = 0, 0
    while index < len(text):
        if text[index] == _OPEN:
            labels = _LABELS.match(text, index + 1)
            opened.append((length, labels[1] if labels else rule))
            index = labels.end() if labels else index + 1
        elif text[index] == _CLOSE:
            if not opened:
                raise CaseError(f"{path}: a '{_CLOSE}' without its '{_OPEN}'")
            start, labelled = opened.pop()
            marks.extend(Mark(path, start, length, *_label(each, rule)) for each in labelled.split(","))
            index += 1
        else:
            following = min((at for sign in (_OPEN, _CLOSE) if (at := text.find(sign, index)) >= 0), default=len(text))
            kept.append(text[index:following])
            length += following - index
            index = following
    if opened:
        raise CaseError(f"{path}: a '{_OPEN}' is not closed")
    return "".join(kept), marks


def _label(label: str, rule: str) -> tuple[str, str]:
    """The rule and the `what` of a mark's label: `HEX207`, `1`, `HEX207:1`, `?` or `?HEX207`."""
    if label.startswith("?"):
        return label[1:] or rule, "?"
    if label.isdecimal():
        return rule, label
    named, _, number = label.partition(":")
    return named, number
