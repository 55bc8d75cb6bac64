"""What the statements of SQL files make of a schema: tables with their columns, and views, by replaying them in order.

Names are compared without case, and without the schemas that databases begin with (`public`, `dbo`, `main`). Reading is
linear in the length of the files, and never fails: what cannot be followed makes the result `incomplete`.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.source import Span
    from policyengine.syntax.sql import Sql

_TOKEN = regex(
    r"\"(?:[^\"]|\"\")*+\"?|`[^`]*`?|\[[A-Za-z_][^\]\n]{0,127}\]|(?P<word>[^\W\d][\w$#@]*)|(?P<dollar>\$\w*\$)|[(),;.]|[^\s\w]"
)
_VERBS = frozenset({"alter", "create", "do", "drop", "exec", "execute", "rename"})
_USUAL = frozenset({"public", "dbo", "main", "pg_catalog"})
_SKIPPED = frozenset(
    {"global", "local", "temporary", "temp", "unlogged", "foreign", "external", "or", "replace", "virtual", "columnar"}
)
_NO_COLUMN = frozenset(
    {"constraint", "primary", "unique", "foreign", "check", "exclude", "index", "key", "like", "fulltext", "spatial"}
    | {"period"}
)
_OTHER_ACTIONS = frozenset(
    {
        "constraint",
        "primary",
        "unique",
        "foreign",
        "check",
        "exclude",
        "index",
        "key",
        "fulltext",
        "spatial",
        "partition",
    }
)
_TYPES = frozenset(
    {"text", "varchar", "character", "char", "nvarchar", "citext", "int", "integer", "bigint", "smallint", "serial"}
    | {"bigserial", "uuid", "json", "jsonb", "bytea", "blob", "boolean", "bool", "timestamp", "timestamptz", "date"}
    | {"numeric", "decimal", "real", "double", "bit", "inet", "tsvector", "longtext", "mediumtext", "datetime"}
)
"""Types that tell a column called `key` or `index` from the index that these words begin."""


class Column(NamedTuple):
    """A column as it is written, and the place of its name."""

    name: str
    span: Span


class Table(Struct):
    """A table: its name, where it is made, and its columns by their names in lower case.

    `loose` tells that it may have more columns: it is made of a query, or of another table.
    """

    name: str
    span: Span
    columns: dict[str, Column] = field(default_factory=dict)
    loose: bool = False


class Replay(Struct):
    """A schema as far as statements have made it. `incomplete` says why it may be otherwise, and where."""

    tables: dict[str, Table] = field(default_factory=dict)
    views: set[str] = field(default_factory=set)
    incomplete: tuple[str, Span] | None = None

    def run(self, read: Sql) -> None:
        """Carry out the statements of a file."""
        for statement in _statements(read):
            _Statement(self, read, statement).run()


class _Token(Struct, frozen=True):
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """The token as a keyword."""
        return self.text.lower()

    @property
    def name(self) -> str:
        """The token as a name."""
        first = self.text[:1]
        if first in '"`':
            return self.text[1:].rstrip(first)
        return self.text[1:-1] if first == "[" else self.text

    @property
    def is_name(self) -> bool:
        """Whether it may be a name."""
        return self.text[:1] in '"`[' or self.text[:1].isalpha() or self.text[:1] == "_"


def _statements(read: Sql) -> Iterator[list[_Token]]:
    """The statements of a file as tokens; the bodies of functions are left out, those of `DO` are kept."""
    tokens: list[_Token] = []
    quote, kept, wanted = "", True, True
    for match in _TOKEN.finditer(read.text):
        if match["dollar"]:
            if not quote:
                quote, kept = match[0], any(token.word == "do" for token in tokens[:1])
                if kept:
                    yield tokens
                    tokens = [_Token("do", match.start(), match.end())]
            elif quote == match[0]:
                quote = ""
        elif quote and not kept:
            continue
        elif match[0] == ";":
            yield tokens
            tokens, wanted = [_Token("do", match.start(), match.end())] if quote else [], True
        elif wanted:
            wanted = bool(tokens) or match[0].lower() in _VERBS  # the rest of an INSERT and its like is nothing
            tokens.append(_Token(match[0], *match.span()))
    yield tokens


class _Statement:
    """One statement while it is read."""

    def __init__(self, made: Replay, read: Sql, tokens: Sequence[_Token]) -> None:
        self._made, self._read, self._tokens, self._at = made, read, tokens, 0

    def run(self) -> None:
        if self._take("do"):
            self._in_block()
            return
        if self._take("create"):
            begun = self._at
            self._skip(_SKIPPED)
            passing = any(token.word in ("temp", "temporary") for token in self._tokens[begun : self._at])
            if self._take("table"):
                self._create(passing=passing)
            elif self._take("materialized") or self._peek() == "view" or self._take("recursive"):
                self._take("view")
                self._skip({"if", "not", "exists"})
                view = self._name()
                if view is not None:
                    self._made.views.add(view[0])
        elif self._take("alter"):
            self._skip({"foreign"})
            if self._take("table"):
                self._alter()
        elif self._take("drop"):
            if self._take("table"):
                self._skip({"if", "exists"})
                self._drop()
        elif self._take("rename"):
            self._take("table")
            self._renamed()
        elif self._take("exec", "execute"):
            self._renamed_by_procedure()

    def _in_block(self) -> None:
        """A statement in a block of code, which may not run: what it makes is not known for certain."""
        words = [token.word for token in self._tokens]
        pairs = set(itertools.pairwise(words))
        changed = not pairs.isdisjoint({("create", "table"), ("drop", "table"), ("drop", "column"), ("rename", "to")})
        added = ("alter", "table") in pairs and any(
            word == "add" and after not in _OTHER_ACTIONS for word, after in pairs
        )
        if changed or added or "execute" in words:
            told = ("create", "alter", "drop", "execute")
            self._open("a block of code changes tables", next(each for each in self._tokens if each.word in told))

    def _open(self, reason: str, token: _Token) -> None:
        if self._made.incomplete is None:
            self._made.incomplete = reason, self._read.source.span(token.start, token.end)

    # -- tokens

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at].word if at < len(self._tokens) else ""

    def _take(self, *words: str) -> bool:
        if self._peek() in words:
            self._at += 1
            return True
        return False

    def _skip(self, words: set[str] | frozenset[str]) -> None:
        while self._peek() in words:
            self._at += 1

    def _name(self) -> tuple[str, str, _Token] | None:
        """The name of a table: for comparing, as it is written, and its last part."""
        parts: list[_Token] = []
        while self._at < len(self._tokens) and self._tokens[self._at].is_name:
            parts.append(self._tokens[self._at])
            self._at += 1
            if not self._take("."):
                break
        if not parts:
            return None
        last = parts[-1]
        schema = parts[-2].name.lower() if len(parts) > 1 else ""
        shown = last.name if not schema or schema in _USUAL else f"{parts[-2].name}.{last.name}"
        return shown.lower(), shown, last

    def _items(self) -> Iterator[list[_Token]]:
        """What stands in the brackets that begin here, split at the commas of their level."""
        if not self._take("("):
            return
        depth, item = 1, list[_Token]()
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            depth += (token.text == "(") - (token.text == ")")
            if not depth:
                break
            if token.text == "," and depth == 1:
                yield item
                item = []
            else:
                item.append(token)
        yield item

    # -- statements

    def _create(self, *, passing: bool) -> None:
        """A table; one of the session alone is as good as a view."""
        self._skip({"if", "not", "exists"})
        found = self._name()
        if found is None:
            return
        key, shown, token = found
        if passing or shown.startswith("#"):
            self._made.views.add(key)
            return
        if key in self._made.tables:  # IF NOT EXISTS, or a repetition
            return
        table = Table(shown, self._read.source.span(token.start, token.end))
        self._made.tables[key] = table
        if self._peek() != "(":
            table.loose = True
            if self._take("partition") and self._take("of"):  # a part of another table is none of its own
                del self._made.tables[key]
            return
        for item in self._items():
            self._declared(table, item)
        if self._peek() in ("as", "inherits"):
            table.loose = True

    def _declared(self, table: Table, item: Sequence[_Token]) -> None:
        if not item or not item[0].is_name:
            return
        if item[0].word in _NO_COLUMN and len(item) > 1 and item[1].word not in _TYPES:
            table.loose = table.loose or item[0].word == "like"
            return
        self._column(table, item[0])

    def _column(self, table: Table, token: _Token) -> None:
        place = self._read.source.span(token.start, token.end)
        table.columns.setdefault(token.name.lower(), Column(token.name, place))

    def _alter(self) -> None:
        self._skip({"if", "exists", "only", "ignore"})
        found = self._name()
        if found is None:
            return
        key, shown, token = found
        table = self._made.tables.get(key)
        if table is None:
            if key not in self._made.views:
                self._open(f"a table '{shown}' is changed that no migration before has made", token)
            return
        while self._at < len(self._tokens):
            self._action(key, table)
            table = self._made.tables.get(key, table)
            self._to_comma()

    def _to_comma(self) -> None:
        depth = 0
        while self._at < len(self._tokens):
            text = self._tokens[self._at].text
            self._at += 1
            depth += (text == "(") - (text == ")")
            if text == "," and depth <= 0:
                return

    def _action(self, key: str, table: Table) -> None:
        if self._take("add"):
            self._take("column")
            self._skip({"if", "not", "exists"})
            if self._peek() == "(":
                for item in self._items():
                    self._declared(table, item)
            elif (self._peek() not in _OTHER_ACTIONS or self._peek(1) in _TYPES) and self._at < len(self._tokens):
                self._column(table, self._tokens[self._at])
        elif self._take("drop"):
            if self._peek() in _OTHER_ACTIONS:
                return
            self._take("column")
            self._skip({"if", "exists"})
            if self._at < len(self._tokens):
                table.columns.pop(self._tokens[self._at].name.lower(), None)
        elif self._take("rename"):
            self._rename(key, table)
        elif self._take("change"):  # MySQL
            self._take("column")
            old = self._tokens[self._at].name.lower() if self._at < len(self._tokens) else ""
            if old in table.columns and self._at + 1 < len(self._tokens):
                del table.columns[old]
                self._column(table, self._tokens[self._at + 1])

    def _rename(self, key: str, table: Table) -> None:
        if self._take("to", "as"):
            self._move(key, self._name())
            return
        if self._peek() in ("constraint", "index", "key"):
            return
        self._take("column")
        if self._at >= len(self._tokens):
            return
        old = self._tokens[self._at].name.lower()
        self._at += 1
        if self._take("to") and self._at < len(self._tokens) and old in table.columns:
            del table.columns[old]
            self._column(table, self._tokens[self._at])

    def _move(self, key: str, to: tuple[str, str, _Token] | None) -> None:
        table = self._made.tables.pop(key, None)
        if table is not None and to is not None:
            schema = key.rpartition(".")[0]
            moved = f"{schema}.{to[0]}" if schema and "." not in to[0] else to[0]
            table.name = to[1]
            self._made.tables[moved] = table

    def _renamed(self) -> None:
        """`RENAME TABLE a TO b` of MySQL."""
        old = self._name()
        if old is not None and self._take("to"):
            self._move(old[0], self._name())

    def _renamed_by_procedure(self) -> None:
        """`EXEC sp_rename …` of SQL Server, whose names are texts."""
        if "sp_rename" in (token.word for token in self._tokens):
            self._open("sp_rename changes names", self._tokens[0])

    def _drop(self) -> None:
        while (found := self._name()) is not None:
            self._made.tables.pop(found[0], None)
            if not self._take(","):
                return
