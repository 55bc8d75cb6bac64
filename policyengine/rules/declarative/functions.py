"""What a condition may call, and what words of other languages are in CEL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.rules.declarative.fields import TEXT, Type

if TYPE_CHECKING:
    from policyengine.rules.declarative.facts import Form

ASKING: dict[str, tuple[Form, Type]] = {
    "known": ("known", Type("bool")),
    "floating": ("floating", Type("bool")),
    "written": ("written", TEXT),
}
"""The functions that ask of a fact what CEL does not: whether it is known, whether it moves, how it is written."""

FUNCTIONS = frozenset(
    {
        *("all", "exists", "exists_one", "filter", "map", "has", "size"),
        *("matches", "contains", "startsWith", "endsWith"),
        *("int", "uint", "double", "string", "bool", "dyn", "duration", "timestamp"),
        *("charAt", "indexOf", "lastIndexOf", "lowerAscii", "upperAscii", "split", "substring", "trim"),
        *ASKING,
    }
)
"""What a condition may call. Of CEL's functions on texts those are left out that can make one grow without bounds."""

OTHERWISE = {
    "len": "size",
    "length": "size",
    "count": "size",
    "any": "exists",
    "every": "all",
    "match": "matches",
    "lower": "lowerAscii",
    "upper": "upperAscii",
    "strip": "trim",
    "str": "string",
    "float": "double",
    "True": "true",
    "False": "false",
    "None": "null",
    "nil": "null",
    "undefined": "null",
}
"""What words of other languages are in CEL."""
