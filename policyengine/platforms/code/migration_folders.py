"""Folders of schema migrations, told by their layout as the tools themselves find them.

Where several tools share a layout, one file of the folder decides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge.languages import endings
from policyengine.patterns import regex
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.repository.files import Files


class Folder(NamedTuple):
    """A folder of migrations: its tool, and its files in order."""

    directory: str
    tool: str
    files: tuple[str, ...]


_ENDINGS = (".sql", ".py", ".rb", ".php", ".exs", ".cs", ".java", ".kt", ".xml", ".yml", ".yaml")


class _Layout(NamedTuple):
    """The paths of one tool's migrations: `directory` is the group of that name."""

    tool: str
    path: re.Pattern[str]


_LAYOUTS = (
    _Layout("supabase", regex(r"(?P<directory>(?:.+/)?supabase/migrations)/\d+_[^/]*\.sql")),
    _Layout("prisma", regex(r"(?P<directory>(?:.+/)?[\w-]*migrations?[\w-]*)/\d+_[^/]*/migration\.sql")),
    _Layout("hasura", regex(r"(?P<directory>(?:.+/)?migrations(?:/[\w-]+)?)/\d{13}_[^/]*/up\.sql")),
    _Layout("diesel", regex(r"(?P<directory>(?:.+/)?migrations)/[\d-]+_[^/]*/up\.sql")),
    _Layout("alembic", regex(r"(?P<directory>(?:.+/)?versions)/(?:.+/)?(?!__init__)\w[^/]*\.py")),
    _Layout("rails", regex(r"(?P<directory>(?:.+/)?db/(?:\w+_)?migrate)/\d{8,}_\w+\.rb")),
    _Layout("django", regex(r"(?P<directory>(?:.+/)?migrations)/\d{4}_\w+\.py")),
    _Layout("laravel", regex(r"(?P<directory>(?:.+/)?database/migrations)/(?:.+/)?\d{4}_\d{2}_\d{2}_\w+\.php")),
    _Layout("doctrine", regex(r"(?P<directory>(?:.+/)?[mM]igrations)/(?:.+/)?Version\d{14}\.php")),
    _Layout("ecto", regex(r"(?P<directory>(?:.+/)?priv/\w+/migrations)/\d{14}_\w+\.exs")),
    _Layout("ef", regex(r"(?P<directory>(?:.+/)?Migrations)/(?:.+/)?\d{14}_\w+\.cs")),
    _Layout("flyway", regex(r"(?P<directory>(?:.+/)?db/migrations?)/(?:.+/)?[VR][\w.]*__[^/]+\.(?:sql|java|kt)")),
    _Layout("flyway", regex(r"(?P<directory>(?:.+/)?(?:sql|migrations?|flyway))/(?:.+/)?V\d[\w.]*__[^/]+\.sql")),
    _Layout("liquibase", regex(r"(?P<directory>(?:.+/)?db/changelogs?)/.+\.(?:sql|xml|ya?ml)")),
    _Layout(
        "sql",
        regex(
            r"(?P<directory>(?:.+/)?(?:[\w-]*migrations?|migrate|drizzle|schema[-_]changes)(?:/(?:sql|postgres(?:ql)?|mysql|sqlite|up))?)/[^/]+\.sql"
        ),
    ),
    _Layout(
        "javascript",
        regex(r"(?P<directory>(?:.+/)?(?:[\w-]*migrations?|migrate))/\d{8,}[-_][^/]*\.(?:[cm]?[jt]s)"),
    ),
    _Layout("mikro-orm", regex(r"(?P<directory>(?:.+/)?migrations?)/Migration\d{14}\w*\.[jt]s")),
    _Layout("typeorm", regex(r"(?P<directory>(?:.+/)?migrations?)/\w*\d{13}[-_]?\w*\.[jt]s")),
)
_INIT = regex(
    r"(?P<directory>(?:.+/)?(?:docker-entrypoint-initdb\.d|initdb(?:\.d)?|init[-_](?:db|sql|scripts?)"
    r"|(?:db|database|sql|postgres(?:ql)?|mysql)[-_/](?:init|schemas?)(?:/sql)?))/\d+[-_.][^/]+\.sql"
)
"""Numbered SQL that a new database runs once: the schema of an application that has no migrations."""
_TABLE = regex(r"\bCREATE\s+TABLE\b", re.IGNORECASE)
_OWN_TABLES = regex(
    r"\bcreate_all\(|\bAutoMigrate\(|ddl-auto|hbm2ddl|\bsynchronize\s*:\s*true|\.sync\(|\bEnsureCreated|"
    r"\bcreate\s+table\b", re.IGNORECASE,
)  # fmt: skip
"""Code that makes the tables itself."""
_NO_MIGRATION = regex(
    r"(?:^|/)(?:seeds?|seeders?|rollbacks?|scripts/sql)/|\.d\.ts$|\.(?:test|spec)\.|"
    r"(?:^|/)(?:\.?(?:old|archived?|obsolete|deprecated|unused)(?:[_-]migrations?)?|"
    r"migrations?[_-](?:old|archived?|obsolete|deprecated|unused))/"
)
"""What is no migration, or one that was put aside."""

_SQL_MARKS = (
    ("goose", regex(r"^--\s*\+goose\s+Up", re.MULTILINE)),
    ("dbmate", regex(r"^--\s*migrate:up", re.MULTILINE)),
    ("sql-migrate", regex(r"^--\s*\+migrate\s+Up", re.MULTILINE)),
    ("drizzle", regex(r"-->\s*statement-breakpoint")),
    ("liquibase", regex(r"^--\s*liquibase formatted sql", re.MULTILINE)),
)
_JAVASCRIPT_MARKS = (
    ("typeorm", regex(r"\bMigrationInterface\b")),
    ("mikro-orm", regex(r"@mikro-orm/")),
    ("kysely", regex(r"\bKysely\b")),
    ("sequelize", regex(r"\bqueryInterface\b|\bQueryInterface\b")),
    ("node-pg-migrate", regex(r"\bMigrationBuilder\b|\bpgm\b")),
    ("knex", regex(r"\bknex\b", re.IGNORECASE)),
    ("payload", regex(r"@payloadcms/")),
    ("mongodb", regex(r"\.collection\(")),
)


def written_in() -> tuple[str, ...]:
    """How files end that hold migrations."""
    return (*_ENDINGS, *endings("javascript"))


def folders(files: Files, own: Sequence[str]) -> Iterator[Folder]:
    """The folders of migrations among `own`, the paths of the application."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    ends = written_in()
    for path in own:
        if not path.endswith(ends):
            continue
        if _NO_MIGRATION.search(path):
            continue
        for tool, pattern in _LAYOUTS:
            match = pattern.fullmatch(path)
            if match and _fits(tool, match["directory"], files):
                found[match["directory"], tool].append(path)
                break
    taken: set[str] = set()
    django: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for (directory, tool), paths in sorted(found.items()):
        if tool == "django":
            django[_above(directory, "manage.py", files)].append((directory, paths))
            continue
        if directory in taken:
            continue
        named = _tool(files, directory, tool, paths)
        if named:
            taken.add(directory)
            ups = [path for path in paths if not path.endswith((".down.sql", "/down.sql"))]
            yield Folder(directory, named, tuple(sorted(ups or paths)))
    for apps in django.values():
        directories = [directory for directory, _ in apps]
        every = sorted(path for _, paths in apps for path in paths)
        yield Folder(_shared(directories), "django", tuple(every))


def initial(files: Files, own: Sequence[str]) -> Iterator[Folder]:
    """The folders of numbered SQL that makes the tables of a new database, where no code of the application does."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in own:
        if (match := _INIT.fullmatch(path)) is not None and not _NO_MIGRATION.search(path):
            found[match["directory"]].append(path)
    if found and any(_says(files, path, _OWN_TABLES) for path in own if not path.endswith((".sql", ".sh"))):
        return
    for directory, paths in found.items():
        if any(_says(files, path, _TABLE) for path in sorted(paths)[:3]):
            yield Folder(directory, "sql", tuple(sorted(paths)))


def _says(files: Files, path: str, pattern: re.Pattern[str]) -> bool:
    source = files.read(path)
    return source is not None and pattern.search(source.text) is not None


def _fits(tool: str, directory: str, files: Files) -> bool:
    """Whether the files beside a folder are those of the tool."""
    above = parent(directory)
    beside = f"{above}/" if above else ""
    match tool:
        case "alembic":
            return any(files.exists(f"{beside}{name}") for name in ("env.py", "script.py.mako", "alembic.ini"))
        case "django":
            return files.exists(f"{directory}/__init__.py")
        case _:
            return True


def _tool(files: Files, directory: str, tool: str, paths: Sequence[str]) -> str:
    """The tool of a folder, empty when it is none."""
    above = parent(directory)
    beside = f"{above}/" if above else ""
    if tool == "prisma":
        return "drizzle" if files.exists(f"{parent(paths[0])}/snapshot.json") else "prisma"
    if tool == "sql":
        if files.exists(f"{directory}/meta/_journal.json"):
            return "drizzle"
        if files.exists(f"{directory}/atlas.sum"):
            return "atlas"
        if any(path.endswith(".up.sql") for path in paths):
            return "sqlx" if _above(directory, "Cargo.toml", files) != _NOWHERE else "golang-migrate"
        if _read_mark(files, paths, _SQL_MARKS):
            return _read_mark(files, paths, _SQL_MARKS)
        if directory.rpartition("/")[2] in ("migrate", "drizzle") and not any(
            re.match(r"\d", PurePosixPath(path).name) for path in paths
        ):
            return ""
        if files.exists(f"{beside}Cargo.toml"):
            return "sqlx"
        if len(paths) == 1 and re.search(r"\d", PurePosixPath(paths[0]).name) is None:
            return ""  # what somebody ran once
        return "sql"
    if tool == "javascript":
        return _read_mark(files, paths, _JAVASCRIPT_MARKS) or ("knex" if _knex(directory, files) else "")
    if tool == "typeorm":
        return _read_mark(files, paths, _JAVASCRIPT_MARKS[:1])
    if tool == "liquibase":
        names = {PurePosixPath(path).name for path in paths}
        return "liquibase" if any("changelog" in name or "master" in name for name in names) else ""
    return tool


def _read_mark(files: Files, paths: Sequence[str], marks: Iterable[tuple[str, re.Pattern[str]]]) -> str:
    """The tool whose mark stands in the first files of a folder that can be read."""
    for path in sorted(paths)[:3]:
        source = files.read(path)
        if source is None:
            continue
        for tool, pattern in marks:
            if pattern.search(source.text):
                return tool
    return ""


def _knex(directory: str, files: Files) -> bool:
    return any(_above(directory, f"knexfile.{ending}", files) != _NOWHERE for ending in ("js", "ts", "cjs", "mjs"))


_NOWHERE = "\0"


def _above(directory: str, name: str, files: Files) -> str:
    """The nearest folder at or above `directory` that holds a file `name`; `_NOWHERE` when none does."""
    folder = directory
    while True:
        if files.exists(f"{folder}/{name}" if folder else name):
            return folder
        if not folder:
            return _NOWHERE
        folder = parent(folder)


def _shared(directories: Sequence[str]) -> str:
    """The deepest folder that holds all `directories`."""
    if len(directories) == 1:
        return directories[0]
    parts = [directory.split("/") for directory in directories]
    shared: list[str] = []
    for names in zip(*parts, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return "/".join(shared) or "."
