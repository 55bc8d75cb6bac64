"""Dates and durations."""

from __future__ import annotations

import datetime
import re
from fractions import Fraction

from policyengine.patterns import regex
from policyengine.platforms.terraform.language.functions.calling import HclFunction, PlainFunction
from policyengine.platforms.terraform.language.plain import Invalid

_STAMP = regex(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[-+]\d\d:\d\d)\Z")
_DURATION = regex(r"(\d+\.?\d*|\.\d+)(h|ms|us|µs|μs|ns|m|s)")
_UNITS = {
    "h": 3600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ns": 1,
}
_MONTHS = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_FORMAT = regex(r"'(?:[^']|'')*'|Y+|M+|D+|E+|H+|h+|m+|s+|A+|a+|Z+|.", re.DOTALL)


def _parse(text: str) -> datetime.datetime:
    if not _STAMP.match(text):
        raise Invalid("a timestamp is not as in RFC 3339")
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("a timestamp is not valid") from None


def _show(stamp: datetime.datetime) -> str:
    return stamp.isoformat().replace("+00:00", "Z")


def _nanoseconds(text: str) -> int:
    """The part of a timestamp below a second."""
    match = _STAMP.match(text)
    return int(f"{(match and match[7]) or '0':0<9.9}")


def _timeadd(text: str, duration: str) -> str:
    stamp = _parse(text).replace(microsecond=0)
    sign = -1 if duration.startswith("-") else 1
    bare = duration[1:] if duration[:1] in ("-", "+") else duration
    parts = list(_DURATION.finditer(bare))
    if bare != "0" and (not parts or "".join(part[0] for part in parts) != bare):
        raise Invalid("a duration is not valid")
    span = sign * sum(int(Fraction(part[1]) * _UNITS[part[2]]) for part in parts)
    try:
        return _show(stamp + datetime.timedelta(seconds=(span + _nanoseconds(text)) // 10**9))
    except OverflowError:
        raise Invalid("a time is out of range") from None


def _timecmp(one: str, other: str) -> int:
    left, right = ((_parse(each).replace(microsecond=0), _nanoseconds(each)) for each in (one, other))
    return (left > right) - (left < right)


def _formatdate(form: str, text: str) -> str:
    stamp = _parse(text)
    hour = stamp.hour % 12 or 12
    zone = stamp.strftime("%z")
    names = {
        "YYYY": f"{stamp.year:04}", "YY": f"{stamp.year % 100:02}",
        "MMMM": _MONTHS[stamp.month - 1], "MMM": _MONTHS[stamp.month - 1][:3],
        "MM": f"{stamp.month:02}", "M": str(stamp.month),
        "DD": f"{stamp.day:02}", "D": str(stamp.day),
        "EEEE": _DAYS[stamp.weekday()], "EEE": _DAYS[stamp.weekday()][:3],
        "hh": f"{stamp.hour:02}", "h": str(stamp.hour), "HH": f"{hour:02}", "H": str(hour),
        "AA": "AM" if stamp.hour < 12 else "PM", "aa": "am" if stamp.hour < 12 else "pm",
        "mm": f"{stamp.minute:02}", "m": str(stamp.minute), "ss": f"{stamp.second:02}", "s": str(stamp.second),
        "ZZZZZ": f"{zone[:3]}:{zone[3:]}", "ZZZZ": zone, "ZZZ": "UTC" if zone == "+0000" else zone,
        "Z": "Z" if zone == "+0000" else f"{zone[:3]}:{zone[3:]}",
    }  # fmt: skip
    out: list[str] = []
    for match in _FORMAT.finditer(form):
        token = match[0]
        if token.startswith("'"):
            if len(token) < 2:
                raise Invalid("a quote in a date format is not closed")
            out.append(token[1:-1].replace("''", "'") if len(token) > 2 else "'")
        elif token[0] in "YMDEHhmsAaZ":
            if token not in names:
                raise Invalid(f"a date format has no {token!r}")
            out.append(names[token])
        elif token.isalpha():
            raise Invalid(f"a date format has no {token!r}")
        else:
            out.append(token)
    return "".join(out)


FUNCTIONS: dict[str, HclFunction] = {
    "timeadd": PlainFunction("ss", _timeadd),
    "timecmp": PlainFunction("ss", _timecmp),
    "formatdate": PlainFunction("ss", _formatdate),
}
