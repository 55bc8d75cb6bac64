"""The variables of an application file of Spring, Quarkus or Micronaut: `${NAME}` must be set, `${NAME:x}` need not.

Files of profiles lie over it. What only they ask, or replace, is asked in a profile only.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.knowledge import names, settings
from policyengine.model.source import ReadError
from policyengine.patterns import regex
from policyengine.platforms.code.config_account import WHERE_USED, Account
from policyengine.platforms.code.config_values import ALWAYS, Control, Environment, Guard, Lit, constant
from policyengine.repository.discover import parent
from policyengine.syntax import yaml
from policyengine.syntax.tree import Document, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Source, Span
    from policyengine.repository.files import Files

IN_A_PROFILE = "it is required in a profile only"
_OPEN = regex(r"\$\{([^${}:]*)(:?)|\}")
_VARIABLE = regex(r"[A-Z][A-Z0-9_]*\Z")
_PROPERTY = regex(r"(?m)^[ \t]*([^#!\s=:][^\s=:]*)[ \t]*[=:][ \t]*(.*)$")

Property = tuple[str, "Span", bool]
"""A property with the place of its value, and whether it is one of a profile."""


def follow(files: Files, source: Source) -> Account[Control]:
    """What an application file and those of its profiles ask of the environment."""
    account = Account(Control(), {})
    own = list(_properties(account, source))
    profiles = [(other, list(_properties(account, other))) for other in _profiles(files, source)]
    replaced = {name for _, properties in profiles for name, _, _ in properties}
    known = {name for name, _, _ in own} | replaced
    for name, span, profile in own:
        told = settings.function("JVM", name.partition(".")[0])
        when = IN_A_PROFILE if profile or name in replaced else WHERE_USED if told is not None else ""
        account.frame.path = (Guard(when=when),) if when else (ALWAYS,)
        _placeholders(account, source, span, known)
    for other, properties in profiles:
        account.frame.path = (Guard(when=IN_A_PROFILE),)
        for _, span, _ in properties:
            _placeholders(account, other, span, known)
    return account


def _profiles(files: Files, source: Source) -> Iterator[Source]:
    stem, _, ending = PurePosixPath(source.path).name.partition(".")
    for path in files.below(parent(source.path)):
        name = PurePosixPath(path).name
        words = names.words(name.partition(".")[0].removeprefix(stem))
        meant = name.startswith(f"{stem}-") and name.endswith(f".{ending}") and parent(path) == parent(source.path)
        if meant and not {names.environment(word) for word in words} & {"dev", "local", "test"}:
            found = files.read(path)
            yield from [found] if found is not None else []


def _properties(account: Account[Control], source: Source) -> Iterator[Property]:
    if source.path.endswith(".properties"):
        yield from ((match[1], source.span(*match.span(2)), False) for match in _PROPERTY.finditer(source.text))
        return
    try:
        documents = yaml.read_all(source)
    except ReadError as error:
        account.gaps.append(f"'{source.path}' {error.message}")
        return
    for document in documents:
        found = list(_leaves(document, ""))
        profile = any(name in ("spring.config.activate.on-profile", "spring.profiles") for name, _ in found)
        yield from ((name, span, profile) for name, span in found)


def _leaves(node: Document, name: str) -> Iterator[tuple[str, Span]]:
    match node:
        case Mapping(entries=entries):
            for entry in entries:
                yield from _leaves(entry.value, f"{name}.{entry.key.text}".lstrip("."))
        case Sequence(items=items):
            for index, item in enumerate(items):
                yield from _leaves(item, f"{name}[{index}]")
        case Scalar(span=span):
            yield name, span


def _placeholders(account: Account[Control], source: Source, span: Span, known: set[str]) -> None:
    """Note the placeholders of a value; one within the default of others is asked where none of them is set."""
    around: list[tuple[str, int]] = []
    for match in _OPEN.finditer(source.text, span.start, span.end):
        name = (match[1] or "").strip()
        if match[0] == "}":
            if around:
                outer, start = around.pop()
                text = source.text[start : match.start()]
                plain = constant(Lit(text, source.span(start, match.start()), text)) if not _OPEN.search(text) else None
                if outer:
                    account.note(outer, default=plain)
            continue
        if _VARIABLE.match(name):
            start = source.text.index(name, match.start())
            account.read(name, source.span(start, start + len(name)), Environment())
            if not match[2]:
                account.stop([Guard((*(each for each, _ in around if each), name))])
        elif name and name not in known and not match[2]:
            account.gaps.append(f"the property '{name}' is set elsewhere")
        around.append((name if match[2] and _VARIABLE.match(name) else "", match.end()))
