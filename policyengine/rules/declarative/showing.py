"""Facts as people and programs are shown them: secrets are masked, and what is not known is an ellipsis."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.container import Container
from policyengine.model.declaration import Elements, Entries
from policyengine.model.nodes import Node, Origin, Variable
from policyengine.model.value import Unknown, is_secret
from policyengine.rules.declarative.everywhere import keyed
from policyengine.rules.declarative.facts import Hole, Referring, Told, Values, opened
from policyengine.rules.declarative.fields import spoken

if TYPE_CHECKING:
    from policyengine.rules.declarative.facts import Fact, Facts, Path


def shown(facts: Facts, root: Fact, path: Path) -> str:
    """The fact at a path as people read it; `…` for what is not known, and stars for a secret."""
    fact = facts.at(root, path)
    told = _told(facts, fact)
    return "*" * len(told) if fact.value is not None and hidden(facts, root, path) else told


def hidden(facts: Facts, root: Fact, path: Path) -> bool:
    """Whether a name on the way, a variable or the history of the fact tells that it is a secret."""
    fact = root
    for number, step in enumerate(path):
        value = fact.value
        if isinstance(value, Variable):
            told = step in ("value", "reference") and (value.origin is Origin.SECRET or may_hold_secret(value.key))
        else:
            named = number > 1 and isinstance(step, str) and not isinstance(value, (Node, Container))
            told = named and may_hold_secret(str(step))
        if told:
            return True
        fact = facts.at(fact, (step,))
    return fact.secret


def holds_secret(facts: Facts, root: Fact, path: Path) -> bool:
    """Whether a fact is a secret, or a list or map that holds one."""
    fact = facts.at(root, path)
    return hidden(facts, root, path) or (fact.unknown is None and _secret_within(fact))


def _secret_within(fact: Fact) -> bool:
    match fact.value:
        case Variable() as variable:
            named = variable.origin is Origin.SECRET or may_hold_secret(variable.key)
            return named or is_secret(variable.value.via)
        case Entries(entries):
            return any(each.secret or _secret_within(each) for each in _entries(entries, fact).values())
        case Values(declaration):
            return _secret_within(fact._replace(value=declaration.get()))
        case Elements(items):
            return any(each.secret or _secret_within(each) for each in (opened(one, fact) for one in items))
        case Mapping() as entries:
            return any(_secret_within(opened(each, fact)) for each in entries.values())
        case tuple() | list() as items if not isinstance(items, (Told, Referring)):
            return any(_secret_within(opened(each, fact)) for each in items)
        case _:
            return False


def _entries(entries: Mapping[str, object], fact: Fact) -> dict[str, Fact]:
    """What a mapping holds; a key may tell that its value is a secret."""
    inner = {key: opened(each, fact) for key, each in entries.items()}
    return {key: each._replace(secret=each.secret or may_hold_secret(key)) for key, each in inner.items()}


def data(facts: Facts, fact: Fact) -> object:
    """The value of a fact as plain data: a text, a number, what a list or map has; stars for a secret in it."""
    match fact.value:
        case Enum() | Struct() if not isinstance(fact.value, Elements | Entries):
            return _told(facts, fact)
        case None | bool():
            return fact.value
        case int() | float() | str():
            return _told(facts, fact) if fact.secret else fact.value
        case Entries(entries):
            return {key: data(facts, each) for key, each in _entries(entries, fact).items()}
        case Values(declaration):
            return data(facts, fact._replace(value=declaration.get()))
        case Mapping() as entries if not keyed(entries.values()):
            return {str(key): data(facts, opened(each, fact)) for key, each in entries.items()}
        case Referring():
            return None
    try:
        return [data(facts, each) for each in facts.elements(fact) if each.unknown is None]
    except Hole:
        return None


def _told(facts: Facts, fact: Fact) -> str:
    told = _said(facts, fact)
    return "*" * len(told) if fact.secret and fact.value is not None else told


def _said(facts: Facts, fact: Fact) -> str:
    match fact.unknown or fact.value:
        case Unknown():
            return "…"
        case None:
            return "nothing"
        case bool() as value:
            return "true" if value else "false"
        case Enum() as member:
            return str(member.value)
        case str() | int() | float() as value:
            return str(value)
        case Node() as node:
            return node.name
        case Variable() as variable:
            return variable.key
        case Struct() as record if not isinstance(record, Elements | Entries):
            return str(record) if spoken(type(record)) else type(record).__name__
    try:
        return ", ".join(_told(facts, each) for each in facts.elements(fact))
    except Hole:
        return "…"
