"""The settings of a .NET application: what its code asks of `IConfiguration`, and what appsettings.json holds.

A variable is named after the path of a setting, `ConnectionStrings__Redis` for `ConnectionStrings:Redis`, in any case
("Configuration in ASP.NET Core"). appsettings.json, and over it that of production, stand in for it. What code asks by
a section that is bound to a class is not followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes import ConfigKey
from policyengine.model.source import ReadError
from policyengine.model.value import Absent, Known, Unknown
from policyengine.patterns import regex
from policyengine.platforms.code.config_account import WHERE_USED
from policyengine.platforms.code.package import set_aside
from policyengine.repository.discover import parent
from policyengine.syntax import json
from policyengine.syntax.tree import Document, Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Source, Span
    from policyengine.model.value import Value
    from policyengine.repository.files import Files

_MOST = 400
"""How many files of code are read for one application."""
_TEXT = r"\s*\"([\w:.-]{1,200})\"\s*"
_ASKED = regex(
    rf"\bGetConnectionString\({_TEXT}\)|\b[cC]onfig(?:uration)?\[{_TEXT}\]|\bGetEnvironmentVariable\({_TEXT}\)"
    rf"|\bGetValue(?:<[\w?]+>)?\({_TEXT}(?:\)|,\s*(\"[^\"\n]*\")?)"
)
_OTHERWISE = regex(r"\s*\?\?\s*(?:(throw)\b|\"([^\"\n{}]*)\"\s*[;,)\n])")
_NAMED = regex(r"(?:var|string\??)\s+(\w+)\s*=\s*(?:[\w.]+\.)?\Z")
_CHECK = r"if\s*\(\s*(?:string\.IsNullOr(?:Empty|WhiteSpace)\(\s*{0}\s*\)|{0}\s*(?:==|is)\s*null)\s*\)\s*\{{?\s*throw\b"
_NEAR = 600
"""In so many characters behind a setting its check must stand."""
_OF_THE_HOST = frozenset({"AllowedHosts", "Logging", "Serilog", "Kestrel"})
"""Sections of what hosts the application, and not of what it needs."""


def follow(files: Files, source: Source) -> tuple[tuple[ConfigKey, ...], str]:
    """The variables of the application beside an appsettings.json, and why there may be more."""
    held: dict[str, Known[str]] = {}
    for path in (source.path, source.path.removesuffix(".json") + ".Production.json"):
        held |= _held(files.read(path))
    found: dict[str, ConfigKey] = {}
    folder = parent(source.path)
    code = [path for path in files.below(folder) if path.endswith(".cs") and not set_aside(path)]
    for path in code[:_MOST]:
        other = files.read(path)
        for key in _asked(other, held) if other is not None else ():
            former = found.get(key.key)
            if former is None or _weight(key) > _weight(former):
                found[key.key] = key
    for name, value in held.items():
        if name not in found and value.value:
            found[name] = _key(name, value.span, Known(value=False, span=value.span), value)
    return tuple(found.values()), ""


def _weight(key: ConfigKey) -> int:
    """How much is told of a variable: that it must be there most, then its default."""
    if isinstance(key.required, Known):
        return 2 if key.required.value else 1
    return 0


def _key(name: str, span: Span, required: Value[bool], default: Value[str]) -> ConfigKey:
    upper = name.upper()
    return ConfigKey(name, span, required, default, alternatives=(upper,) if upper != name else ())


def _held(source: Source | None) -> dict[str, Known[str]]:
    """The texts of a file of settings by the names of their variables."""
    try:
        document = json.read(source) if source is not None else None
    except ReadError:
        return {}
    return dict(_leaves(document, "")) if document is not None else {}


def _leaves(node: Document, name: str) -> Iterator[tuple[str, Known[str]]]:
    match node:
        case Mapping(entries=entries):
            for entry in entries:
                if name or entry.key.text not in _OF_THE_HOST:
                    yield from _leaves(entry.value, f"{name}__{entry.key.text}".removeprefix("__"))
        case Scalar(text=text, span=span, plain=False):
            yield name, Known(text, span)


def _asked(source: Source, held: dict[str, Known[str]]) -> Iterator[ConfigKey]:
    """The variables that a file of code asks for."""
    if "onfiguration" not in source.text and "EnvironmentVariable" not in source.text and "onfig[" not in source.text:
        return
    text = source.text
    for match in _ASKED.finditer(text):
        group = next(number for number in (1, 2, 3, 4) if match[number])
        path = match[group] if group > 1 else f"ConnectionStrings:{match[1]}"
        name, span = path.replace(":", "__"), source.span(*match.span(group))
        there = held.get(name) if group != 3 else None
        behind = _OTHERWISE.match(text, match.end())
        literal = (
            match.span(5) if group == 4 and match[5] else behind.span(2) if behind and behind[2] is not None else None
        )
        if there is not None:
            ended = not there.value and _is_checked(text, match.start(), match.end())
            yield _key(name, span, Known(value=ended, span=span), Absent(span) if ended else there)
        elif (behind is not None and behind[1]) or _is_checked(text, match.start(), match.end()):
            yield _key(name, span, Known(value=True, span=span), Absent(span))
        elif literal is not None:
            default = text[slice(*literal)].strip('"')
            yield ConfigKey(name, span, Known(value=False, span=span), Known(default, source.span(*literal)))
        else:
            yield _key(name, span, Unknown(WHERE_USED, span), Absent(span))


def _is_checked(text: str, start: int, end: int) -> bool:
    """Whether code throws where the variable that a setting is put into is nothing."""
    named = _NAMED.search(text, max(0, start - 200), start)
    if named is None:
        return False
    return regex(_CHECK.format(named[1])).search(text, end, min(len(text), end + _NEAR)) is not None
