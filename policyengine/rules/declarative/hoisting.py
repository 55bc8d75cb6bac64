"""Parts of a condition that ask of all nodes and of nothing else: they are the same for every row, and asked once."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from policyengine.rules.declarative.everywhere import EVERY
from policyengine.rules.declarative.syntax import Call, Fold, Listing, Making, Name, Select, encoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.rules.declarative.syntax import Expression

_PLAIN = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "_&&_", "_||_", "!_", "@in", "size"})
"""Functions that give no list, whose result so can be given in their place."""


class Hoisted(NamedTuple):
    """A part of a condition, and the name under which its result is given."""

    name: str
    part: Expression


def hoisted(tree: Expression) -> tuple[Expression, tuple[Hoisted, ...]]:
    """The tree with a name for each part that asks of all nodes alone, and these parts."""
    found: dict[str, Hoisted] = {}
    return _without(tree, found), tuple(found.values())


def _without(tree: Expression, found: dict[str, Hoisted]) -> Expression:
    if _is_plain(tree):
        names = {*_free(tree)}
        if any(_is_of_all(each) for each in names) and all(_is_of_all(each) or _is_parameter(each) for each in names):
            name = f"@{blake2b(encoded(tree), digest_size=12).hexdigest()}"
            found[name] = Hoisted(name, tree)
            return Name(tree.number, name)
    match tree:
        case Select(number, operand, field, test):
            return Select(number, _without(operand, found), field, test)
        case Call(number, function, arguments, target):
            words = tuple(_without(each, found) for each in arguments)
            return Call(number, function, words, None if target is None else _without(target, found))
        case Fold():  # what is within may be about its element
            body = (tree.start, tree.condition, tree.step, tree.result)
            return Fold(tree.number, tree.variable, _without(tree.range, found), tree.total, *body)
        case _:
            return tree


def _is_plain(tree: Expression) -> bool:
    if isinstance(tree, Fold):
        return not isinstance(tree.start, Listing)  # filter() and map() begin with an empty list
    return isinstance(tree, Call) and tree.function in _PLAIN


def _is_of_all(name: str) -> bool:
    return name.startswith(f"{EVERY}.")


def _is_parameter(name: str) -> bool:
    return name.startswith("params.")


def _free(tree: Expression) -> Iterator[str]:
    """The names in a tree that are not those of its own loops."""
    match tree:
        case Name(_, name):
            yield name
        case Select(_, operand):
            yield from _free(operand)
        case Call(_, _, arguments, target):
            for each in arguments if target is None else (target, *arguments):
                yield from _free(each)
        case Listing(_, elements):
            for each in elements:
                yield from _free(each)
        case Making(_, _, entries):
            for _, key, value in entries:
                yield from _free(key)
                yield from _free(value)
        case Fold():
            yield from _free(tree.range)
            for each in (tree.start, tree.condition, tree.step, tree.result):
                yield from (name for name in _free(each) if name not in (tree.variable, tree.total))
