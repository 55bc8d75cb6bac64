"""The table of python-hcl2's grammar, which lark makes in more than a second.

It ships with the program as `table.json`, with a digest of the grammar it was made of. Where another grammar is
installed it is made anew, and kept where the caller keeps such things. `python -m policyengine.syntax.hcl.table` writes
the file.
"""

from __future__ import annotations

import sys
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from lark.grammar import Rule

VERSION = "4"
"""Part of the digest, for a table of another form."""

Step = tuple[int, bool]  # which child, and whether its own children take its place
Row = tuple[str, int, str, bool, tuple[Step, ...] | None]  # origin, size, name, vanishes with one child, children


class Store(Protocol):
    """What keeps plain data between runs, such as the user's cache."""

    def load(self, kind: str, key: str, /) -> object | None:
        """What was kept, or None."""
        ...

    def store(self, kind: str, key: str, entry: object, /) -> None:
        """Keep something."""
        ...


class Table(Struct, frozen=True):
    """The parser's table, of the grammar with the digest `grammar`.

    `states` give for each symbol the next state, or the inverted number of the rule to reduce by.
    """

    grammar: str
    start: int
    end: int
    rules: tuple[Row, ...]
    states: tuple[dict[str, int], ...]


def table(store: Store | None = None) -> Table:
    """The table of the installed grammar.

    Raises:
        ModuleNotFoundError: python-hcl2 is not installed.
    """
    grammar = installed()
    wanted = digest(grammar)
    shipped = FILE.read_bytes()
    if f'"{wanted}"'.encode() in shipped[:200]:
        return msgspec.json.decode(shipped, type=Table)
    kept = store.load("grammar", wanted) if store is not None else None
    if isinstance(kept, bytes):
        return msgspec.json.decode(kept, type=Table)
    made = build(grammar)
    if store is not None:
        store.store("grammar", wanted, msgspec.json.encode(made))
    return made


FILE = Path(__file__).with_name("table.json")


def installed() -> str:
    """The grammar of the installed python-hcl2, of which nothing else is used."""
    package = find_spec("hcl2")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("python-hcl2 is not installed; install policyengine-iac again")
    return (Path(package.submodule_search_locations[0]) / "hcl2.lark").read_text(encoding="utf-8")


def digest(grammar: str) -> str:
    """What tells a grammar from another."""
    return blake2b(f"{VERSION}\0{grammar}".encode(), digest_size=16).hexdigest()


def build(grammar: str) -> Table:
    """The table as lark makes it."""
    import lark  # noqa: PLC0415 - costs 50 ms, and only another grammar needs it
    from lark.parsers.lalr_analysis import Shift  # noqa: PLC0415 - as above

    made: Any = lark.Lark(grammar, parser="lalr", propagate_positions=False, maybe_placeholders=False)
    found = made.parser.parser._parse_table  # noqa: SLF001 - the table is what it was made for
    first = found.start_states["start"]
    order = {first: 0}  # states in the order in which they are reached: the numbers of lark differ from run to run
    rules: dict[Rule, int] = {}
    states: list[dict[str, int]] = []
    for state in (waiting := [first]):
        row: dict[str, int] = {}
        for symbol, (action, argument) in sorted(found.states[state].items(), key=lambda item: str(item[0])):
            if action is Shift:
                if argument not in order:
                    order[argument] = len(order)
                    waiting.append(argument)
                row[str(symbol)] = order[argument]
            else:
                row[str(symbol)] = ~rules.setdefault(argument, len(rules))
        states.append(row)
    end = order[found.end_states["start"]]
    return Table(digest(grammar), 0, end, tuple(_row(rule) for rule in rules), tuple(states))


def _row(rule: Rule) -> Row:
    options = rule.options
    kept = [
        (index, not symbol.is_term and symbol.name.startswith("_"))
        for index, symbol in enumerate(rule.expansion)
        if options.keep_all_tokens or not (symbol.is_term and symbol.filter_out)  # type: ignore[attr-defined]
    ]
    plain = len(kept) == len(rule.expansion) and not any(inline for _, inline in kept)
    name = rule.alias or options.template_source or rule.origin.name
    single = bool(options.expand1 and not rule.alias)
    return str(rule.origin.name), len(rule.expansion), str(name), single, None if plain else tuple(kept)


def text(made: Table) -> str:
    """The table as its file holds it: a rule or a state a line."""
    lines = msgspec.json.encode(made).decode()
    return lines.replace('],["', '],\n["').replace("},{", "},\n{") + "\n"


if __name__ == "__main__":
    FILE.write_text(text(build(installed())), "utf-8")
    sys.exit(0)
