"""What can be told of a pack before any of its rules runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from policyengine.hooks import API_VERSION
from policyengine.rules.rule import Rule

if TYPE_CHECKING:
    from policyengine.rules.rule import Pack


def flaw(pack: Pack[Any]) -> str:
    """What is wrong with a pack, as the rest of a sentence that begins with it; empty for nothing."""
    if not isinstance(pack.rules, tuple | list):
        return f"has rules that are no tuple but {type(pack.rules).__name__}; write rules=(first_rule, second_rule)"
    for number, each in enumerate(pack.rules):
        if not isinstance(each, Rule):
            what = f"the function '{each.__name__}' without @rule" if hasattr(each, "__code__") else type(each).__name__
            return f"has something else than a rule at place {number + 1} of its rules: {what}"
    if not (isinstance(pack.options, type) and issubclass(pack.options, Struct)):
        return "has options that are no type; give a subclass of msgspec.Struct"
    try:
        pack.options()
    except TypeError as error:
        return f"has an option without a default: {error}"
    return _api(pack.api)


def _api(needed: str) -> str:
    """What is wrong with the version of the API that a pack needs."""
    if not needed:
        return ""
    told = re.fullmatch(r"(\d+)(?:\.(\d+|x))?", str(needed))
    if told is None:
        return f"names no version of the API: api='{needed}'; write such as api='{API_VERSION}'"
    major, minor = map(int, API_VERSION.split("."))
    least = int(told[2]) if told[2] and told[2] != "x" else 0
    if int(told[1]) != major or least > minor:
        return f"needs version {needed} of policyengine.api, and this program has {API_VERSION}"
    return ""
