"""The variables of an application file of Spring, Quarkus or Micronaut: `${NAME}` must be set, `${NAME:x}` need not.

Files of profiles lie over it. What only they ask, or replace, is asked in a profile only. A variable by the name of a
property replaces its whole value, placeholders and all (https://docs.spring.io/spring-boot/reference/features/external-config.html).
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.knowledge import names, settings
from policyengine.model.source import ReadError
from policyengine.patterns import regex
from policyengine.platforms.code.config_account import WHERE_USED, Account
from policyengine.platforms.code.config_values import ALWAYS, Control, Environment, Guard, Lit, Val, constant
from policyengine.repository.discover import parent
from policyengine.syntax import yaml
from policyengine.syntax.tree import Document, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from policyengine.model.source import Source, Span
    from policyengine.repository.files import Files

IN_A_PROFILE = "it is required in a profile only"
_OPEN = regex(r"\$\{([^${}:]*)(:?)|\}")
_SEPARATOR = regex(r"[.-]")
_VARIABLE = regex(r"[A-Z][A-Z0-9_]*\Z")
_PROPERTY = regex(r"(?m)^[ \t]*([^#!\s=:][^\s=:]*)[ \t]*[=:][ \t]*(.*)$")

Property = tuple[str, "Span", bool]
"""A property with the place of its value, and whether it is one of a profile."""

_IMPORT = regex(
    r"(?:optional:)?(?:classpath:|file:)?(?:\./|/)?([\w./-]+\.(?:ya?ml|properties))(?:\[[^\]]*\])?\s*(?:,|\Z)"
)


def follow(files: Files, source: Source) -> Account[Control]:
    """What an application file, those that it takes in, and those of its profiles ask of the environment."""
    account = Account(Control(), {})
    own = [(source, each) for each in _properties(account, source)]
    taken = [*_taken_in(files, source, own), *_bootstrap(files, source)]
    own += [(other, each) for other in taken for each in _properties(account, other)]
    found = (other for other in _profiles(files, source) if other not in taken)
    profiles = [(other, each) for other in found for each in _properties(account, other)]
    replaced: dict[str, list[set[str]]] = {}
    kept: dict[str, set[str]] = {}
    for other, (name, span, _) in profiles:
        replaced.setdefault(name, []).append(_asked(other, span))
        kept.setdefault(name, set()).update(match[1] for match in _OPEN.finditer(other.text, span.start, span.end))
    known = {
        name: constant(Lit(text, span, text)) if not _OPEN.search(text := other.slice(span)) else None
        for other, (name, span, _) in (*profiles, *own)
    }
    for other, (name, span, profile) in own:
        told = settings.function("JVM", name.partition(".")[0])
        always = all(_asked(other, span) <= each for each in replaced.get(name, ()))
        when = IN_A_PROFILE if profile or not always else WHERE_USED if told is not None else ""
        account.frame.path = (Guard(when=when),) if when else (ALWAYS,)
        _placeholders(account, other, name, span, known, kept=kept.get(name))
    account.frame.path = (Guard(when=IN_A_PROFILE),)
    for other, (name, span, _) in profiles:
        _placeholders(account, other, name, span, known)
    return account


def _taken_in(files: Files, source: Source, own: list[tuple[Source, Property]]) -> Iterator[Source]:
    """The files that `spring.config.import` and `spring.profiles.include` name."""
    stem, _, ending = PurePosixPath(source.path).name.partition(".")
    for _, (name, span, _) in own:
        listed, text = name.partition("[")[0], source.slice(span)
        paths = _IMPORT.findall(text) if listed == "spring.config.import" else []
        if listed == "spring.profiles.include":
            paths = [f"{stem}-{each.strip()}.{ending}" for each in text.split(",")]
        for path in paths:
            found = files.read(f"{parent(source.path)}/{path}".lstrip("/"))
            yield from [found] if found is not None else []


def _bootstrap(files: Files, source: Source) -> Iterator[Source]:
    """The bootstrap files beside an application file, where the build has the starter that reads them."""
    folder = parent(source.path)
    root = folder.removesuffix("src/main/resources").rstrip("/")
    manifests = (files.read(f"{root}/{name}".lstrip("/")) for name in ("pom.xml", "build.gradle", "build.gradle.kts"))
    if any(each is not None and "spring-cloud-starter-bootstrap" in each.text for each in manifests):
        found = (files.read(f"{folder}/bootstrap.{ending}".lstrip("/")) for ending in ("yml", "yaml", "properties"))
        yield from (each for each in found if each is not None)


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


def _asked(source: Source, span: Span) -> set[str]:
    """The variables that a value asks for."""
    return {match[1] for match in _OPEN.finditer(source.text, span.start, span.end) if match[1] and not match[2]}


def _placeholders(
    account: Account[Control],
    source: Source,
    name: str,
    span: Span,
    known: dict[str, Val | None],
    *,
    kept: Collection[str] | None = None,
) -> None:
    """Note the placeholders of a property's value; one within the default of others is asked where none is set.

    A default holds at times only where files of profiles have the property too, and `kept` does not hold the variable.
    """
    overlays = _SEPARATOR.sub("_", name.partition("[")[0]).upper()
    around: list[tuple[str, int]] = []
    for match in _OPEN.finditer(source.text, span.start, span.end):
        variable = (match[1] or "").strip()
        if match[0] == "}":
            if around:
                outer, start = around.pop()
                text = source.text[start : match.start()]
                plain = constant(Lit(text, source.span(start, match.start()), text)) if not _OPEN.search(text) else None
                if outer:
                    path = account.frame.path
                    account.frame.path = path if kept is None or outer in kept else (Guard(when=IN_A_PROFILE),)
                    account.note(outer, default=plain)
                    account.frame.path = path
            continue
        if _VARIABLE.match(variable):
            start = source.text.index(variable, match.start())
            account.read(variable, source.span(start, start + len(variable)), Environment())
            told = account.told[variable]
            account.told[variable] = told._replace(overlaid_by=tuple(dict.fromkeys((*told.overlaid_by, overlays))))
            if variable in known:  # a property of the files, over which a variable of its name lies
                account.note(variable, default=known[variable])
            elif not match[2]:
                account.stop([Guard((*(each for each, _ in around if each), variable))])
        elif variable and variable not in known and not match[2]:
            account.gaps.append(f"the property '{variable}' is set elsewhere")
        around.append((variable if match[2] and _VARIABLE.match(variable) else "", match.end()))
