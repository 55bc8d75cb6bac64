"""The tables that classes declare, against migrations in code: Django, SQLAlchemy with Alembic, Rails.

Only literal names are read; of Django the names of models stand for those of tables. Anything computed makes a gap.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.model.nodes import SchemaTable, Side, TableModels
from policyengine.model.source import Span
from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.platforms.code.package import set_aside
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.model.source import Source
    from policyengine.platforms.code.migration_folders import Folder
    from policyengine.repository.files import Files

_COMMENT = regex(r"#[^\n]*")
_INK = regex(r"[^\n]")


class _Replay(Struct):
    """Tables as far as migrations have made them, by their names in lower case."""

    tables: dict[str, SchemaTable] = field(default_factory=dict)
    aside: set[str] = field(default_factory=set)
    gap: Unknown | None = None

    def make(self, name: str, place: Span) -> None:
        self.tables.setdefault(name.lower(), SchemaTable(name, place, loose=True))

    def drop(self, name: str) -> None:
        self.tables.pop(name.lower(), None)

    def rename(self, old: str, new: str) -> None:
        table = self.tables.pop(old.lower(), None)
        if table is not None:
            self.tables[new.lower()] = SchemaTable(new, table.span, loose=True)

    def touch(self, name: str, place: Span) -> None:
        """A table is changed, which must have been made before."""
        if name.lower() not in self.tables and name.lower() not in self.aside:
            self.open(f"a table '{name}' is changed that no migration before has made", place)

    def change(self, operation: str, name: str | None, new: str | None, place: Span) -> None:
        """Carry out an operation of a migration; one of no special kind changes a table."""
        match operation:
            case _ if name is None:
                self.open("names of tables are computed", place)
            case "create_table":
                self.make(name, place)
            case "drop_table":
                self.drop(name)
            case "rename_table" if new:
                self.rename(name, new)
            case _:
                self.touch(name, place)

    def open(self, reason: str, place: Span) -> None:
        self.gap = self.gap or Unknown(reason, place)


def lower(files: Files, folder: Folder, folders: Sequence[Folder]) -> Iterator[TableModels]:
    """The models of a folder of migrations, with what these make."""
    match folder.tool:
        case "django":
            yield from _django(files, folder)
        case "alembic":
            yield from _alembic(files, folder, folders)
        case _:
            yield from _rails(files, folder)


def _node(folder: str, tool: str, path: str, declared: Iterable[SchemaTable], made: _Replay) -> TableModels:
    tables = tuple(declared)
    return TableModels(
        id=f"models:{path}",
        name=path,
        side=Side.SOURCE,
        span=tables[0].span,
        directory=folder,
        tool=tool,
        declared=tables,
        migrated=tuple(made.tables.values()),
        views=tuple(sorted(made.aside)),
        gap=made.gap,
    )


def _code(source: Source) -> str:
    """The text with blanks for comments; a `#` in a text may hide a name, and never invents one."""
    return _COMMENT.sub(lambda match: _INK.sub(" ", match[0]), source.text)


# -- Django

_MODEL = regex(r"^class[ \t]+(\w+)[ \t]*\(([^()]*)\)[ \t]*:", re.MULTILINE)
_TOP = regex(r"^\S", re.MULTILINE)
_NO_TABLE = regex(
    r"^[ \t]+(?:(?:abstract|proxy)[ \t]*=[ \t]*True|managed[ \t]*=[ \t]*False|(?:app_label|swappable)[ \t]*=)",
    re.MULTILINE,
)
_OPERATION = regex(
    r"\b(CreateModel|DeleteModel|RenameModel)\(\s*(?:(?:old_)?name\s*=\s*)?[\"'](\w+)[\"']"
    r"(?:\s*,\s*(?:new_name\s*=\s*)?[\"'](\w+)[\"'])?"
)
_NEXT = regex(r"\b(?:migrations\.[A-Z]\w+|(?:Create|Delete|Rename)Model)\(")
_PROXY = regex(r"[\"'](?:proxy[\"']\s*:\s*True|managed[\"']\s*:\s*False)")
_REPLACES = regex(r"^[ \t]+replaces[ \t]*=[ \t]*\[", re.MULTILINE)
_NAMED = regex(r"[\"'](\w+)[\"']\s*\)")


def _django(files: Files, folder: Folder) -> Iterator[TableModels]:
    apps: dict[str, list[str]] = defaultdict(list)
    for path in folder.files:
        apps[parent(parent(path))].append(path)
    for app, paths in sorted(apps.items()):
        below = f"{app}/" if app else ""
        inside = [path for path in files.below(app) if path.endswith(".py") and "/migrations/" not in path]
        own = [path for path in inside if path == f"{below}models.py" or path.startswith(f"{below}models/")]
        declared = [table for path in own for table in _django_models(files, path)]
        if not declared:
            continue
        made = _django_replay(files, paths)
        known = {each.key for each in declared}
        classes = {name.lower() for path in inside for name in _classes(files, path)}
        told = {name: name.removeprefix("historical") for name in made.tables}  # django-simple-history makes these
        made.aside |= {name for name in made.tables if name not in known and {name, told[name]} & (classes | known)}
        for name in made.aside:
            made.drop(name)
        yield _node(f"{below}migrations", "django", own[0], declared, made)


def _classes(files: Files, path: str) -> list[str]:
    source = files.read(path)
    return [] if source is None else re.findall(r"^[ \t]*class[ \t]+(\w+)", source.text, re.MULTILINE)


def _django_models(files: Files, path: str) -> Iterator[SchemaTable]:
    """The classes of a file that certainly are models with a table of their own."""
    source = files.read(path)
    text = "" if source is None else _code(source)
    for match in _MODEL.finditer(text):
        end = _TOP.search(text, match.end())
        body = text[match.end() : end.start() if end else len(text)]
        bases = [base.strip() for base in match[2].split(",")]
        if source is not None and bases[-1:] == ["models.Model"] and not _NO_TABLE.search(body):
            yield SchemaTable(match[1], source.span(*match.span(1)), loose=True)


def _django_replay(files: Files, paths: Sequence[str]) -> _Replay:
    made = _Replay()
    sources = [source for path in sorted(paths) if (source := files.read(path)) is not None]
    replaced: set[str] = set()
    for source in sources:
        begin = _REPLACES.search(source.text)
        if begin is not None:
            stop = source.text.find("]", begin.end())
            replaced.update(_NAMED.findall(source.text, begin.end(), max(begin.end(), stop)))
    for source in sources:
        if posixpath.basename(source.path).removesuffix(".py") in replaced:
            continue  # a squashed migration stands for it
        text = _code(source)
        for match in _OPERATION.finditer(text):
            if match[1] == "CreateModel":
                end = _NEXT.search(text, match.end())
                if _PROXY.search(text, match.end(), end.start() if end else len(text)):
                    made.aside.add(match[2].lower())
                else:
                    made.make(match[2], source.span(*match.span(2)))
            elif match[1] == "DeleteModel":
                made.drop(match[2])
            elif match[3]:
                made.rename(match[2], match[3])
    return made


# -- SQLAlchemy with Alembic

_TABLENAME = regex(
    r"\b__tablename__(?:[ \t]*:[\w\[\]., \t]*+)?[ \t]*=\s*(?:[\"'](\w+)[\"']|(\S))|\bdef[ \t]+__tablename__"
)
_CORE = regex(r"\bTable\(\s*[\"'](\w+)[\"']\s*,\s*(?:\w+\.)*metadata\b")
_TABLE = regex(r"\btable[ \t]*=[ \t]*True\b")
"""What makes a class of SQLModel a table, which is called as the class is, in lower case."""
_REVISION = regex(r"^(revision|down_revision)\b[^=\n]*=\s*(?:[\"']([\w-]+)[\"']|(None)|(\S))", re.MULTILINE)
_UPGRADE = regex(r"^def[ \t]+upgrade\b.*?(?=^def[ \t]|\Z)", re.MULTILINE | re.DOTALL)
_OP = regex(
    r"\bop\.(create_table|drop_table|rename_table|add_column|alter_column|drop_column|batch_alter_table|execute)\(\s*"
    r"(?:[\"'](\w+)[\"']|(\S))(?:\s*,\s*[\"'](\w+)[\"'])?"
)
_SQL = regex(r"\b(?:CREATE|ALTER|DROP|RENAME)\s+(?:TABLE|VIEW|MATERIALIZED)\b", re.IGNORECASE)


def _alembic(files: Files, folder: Folder, folders: Sequence[Folder]) -> Iterator[TableModels]:
    scripts = parent(folder.directory)
    home = parent(scripts)
    below = f"{home}/" if home else ""
    if any(
        each.directory.startswith(below) and each.tool == "alembic" and each.directory != folder.directory
        for each in folders
    ):
        return  # it is not known whose the models are
    declared: list[SchemaTable] = []
    made = _alembic_replay(files, folder)
    texts: list[str] = []
    for path in files.below(home):
        if not path.endswith(".py") or path.startswith(f"{scripts}/") or set_aside(path):
            continue
        source = files.read(path)
        if source is None:
            continue
        text = _code(source)
        texts.append(text)
        for match in (*_TABLENAME.finditer(text), *_CORE.finditer(text)):
            if match[1]:
                declared.append(SchemaTable(match[1], source.span(*match.span(1)), loose=True))
            else:
                made.open("names of tables are computed", source.span(*match.span()))
        for match in _MODEL.finditer(text):
            if _TABLE.search(match[2]):
                end = text.find("\nclass ", match.end())
                if "__tablename__" not in text[match.end() : end if end > 0 else len(text)]:
                    declared.append(SchemaTable(match[1].lower(), source.span(*match.span(1)), loose=True))
            elif "db.Model" in match[2] and "__tablename__" not in text:
                made.open("names of tables are those of classes", source.span(*match.span()))
    if not declared:
        return
    said = {word for text in texts for word in re.findall(r"[\"'](\w+)[\"']", text)}
    known = {each.key for each in declared}
    for name in [key for key, each in made.tables.items() if each.name in said and key not in known]:
        made.drop(name)  # a class that is not found may be called so
    yield _node(folder.directory, "alembic", declared[0].span.path, declared, made)


def _alembic_replay(files: Files, folder: Folder) -> _Replay:
    made = _Replay()
    by_parent: dict[str, list[Source]] = defaultdict(list)
    names: dict[str, str] = {}
    for path in folder.files:
        source = files.read(path)
        told = {} if source is None else {each[1]: each for each in _REVISION.finditer(source.text)}
        if source is None or not told:
            continue
        if "revision" not in told or "down_revision" not in told or told["down_revision"][4]:
            made.open("revisions do not follow one another", Span(path, 0, len(source.line(1))))
            return made
        names[path] = told["revision"][2] or ""
        by_parent[told["down_revision"][2] or ""].append(source)
    at = ""
    while by_parent.get(at):
        if len(by_parent[at]) > 1:
            made.open("revisions do not follow one another", Span(by_parent[at][1].path, 0, 0))
            return made
        source = by_parent.pop(at)[0]
        at = names[source.path]
        _upgraded(made, source)
    if by_parent:
        made.open("revisions do not follow one another", Span(folder.files[0], 0, 0))
    return made


def _upgraded(made: _Replay, source: Source) -> None:
    """What `upgrade()` of a revision does."""
    text = _code(source)
    body = _UPGRADE.search(text)
    if body is None:
        return
    if (raw := _SQL.search(text, body.start(), body.end())) is not None:
        made.open("SQL in code changes tables", source.span(*raw.span()))
    for match in _OP.finditer(text, body.start(), body.end()):
        operation, name = match[1], match[2]
        place = source.span(*match.span(2 if name else 1))
        if operation != "execute":
            made.change(operation, name, match[4], place)


# -- Rails

_RUBY_TABLE = regex(r"^[ \t]*create_table[ \t(]+[:\"'](\w+)", re.MULTILINE)
_RUBY = regex(
    r"^[ \t]*(create_table|drop_table|rename_table|add_column|remove_column|change_column|change_table|rename_column"
    r"|create_join_table|create_view|add_reference|add_timestamps)[ \t(]+(?:[:\"'](\w+)[\"']?|(\S))"
    r"(?:[ \t]*,[ \t]*[:\"'](\w+))?",
    re.MULTILINE,
)
_REVERT = regex(r"^[ \t]*revert\b", re.MULTILINE)
_RUBY_DOWN = regex(r"^[ \t]*def[ \t]+(?:self\.)?down\b", re.MULTILINE)


def _rails(files: Files, folder: Folder) -> Iterator[TableModels]:
    """The tables of schema.rb, which the migrations must have made."""
    name = posixpath.basename(folder.directory).removesuffix("migrate")
    path = f"{parent(folder.directory)}/{name}schema.rb"
    source = files.read(path) if files.exists(path) else None
    text = "" if source is None else _code(source)
    declared = [
        SchemaTable(match[1], source.span(*match.span(1)), loose=True)
        for match in (_RUBY_TABLE.finditer(text) if source is not None else ())
        if source is not None
    ]
    if declared:
        made = _Replay()
        beside = (each for each in files.ending(".rb") if parent(each) == folder.directory)  # `….active_storage.rb` too
        for each in sorted({*folder.files, *beside}):
            migration = files.read(each)
            if migration is not None:
                _migrated(made, migration)
        yield _node(folder.directory, "rails", path, declared, made)


def _migrated(made: _Replay, source: Source) -> None:
    text = _code(source)
    down = _RUBY_DOWN.search(text)
    end = down.start() if down else len(text)
    if (raw := _SQL.search(text, 0, end)) is not None:
        made.open("SQL in code changes tables", source.span(*raw.span()))
    if (undone := _REVERT.search(text, 0, end)) is not None:
        made.open("a migration is reverted", source.span(*undone.span()))
    for match in _RUBY.finditer(text, 0, end):
        operation, name = match[1], match[2]
        place = source.span(*match.span(2 if name else 1))
        if name is not None and operation in ("create_join_table", "create_view"):
            made.aside.add("_".join(sorted((name, match[4]))) if match[4] else name)
        else:
            made.change(operation, name, match[4], place)
