"""Migrations, SQL and ORM schemas → what the database must be: migrations, extensions, vectors, the engine.

Folders of migrations are told by their layout, as the tools themselves find them; where the layout is shared by several
tools, one file of the folder decides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from policyengine.discover import parent
from policyengine.lower import Lowered
from policyengine.lower.package import set_aside
from policyengine.nodes import Extension, MigrationRunner, Migrations, OrmSchema, Side, VectorUse
from policyengine.source import ReadError, Span
from policyengine.value import Known, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from policyengine.discover import Files
    from policyengine.nodes import Node
    from policyengine.source import Source

_ENGINES = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "postgis": "postgres",
    "pg": "postgres",
    "mysql": "mysql",
    "mysql2": "mysql",
    "trilogy": "mysql",
    "singlestore": "singlestore",
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
    "turso": "sqlite",
    "libsql": "sqlite",
    "mongodb": "mongodb",
    "cockroachdb": "cockroachdb",
    "sqlserver": "sqlserver",
    "mssql": "sqlserver",
}


def lower(files: Files) -> Lowered:
    """Migrations, Extension, VectorUse, OrmSchema and MigrationRunner nodes of the tree."""
    own = [path for path in files.paths if not set_aside(path)]
    folders = tuple(sorted(_folders(files, own), key=lambda folder: folder.directory))
    nodes: list[Node] = [
        Migrations(
            id=f"migrations:{folder.directory}",
            name=folder.directory,
            side=Side.SOURCE,
            span=_start(files, folder.files[0]),
            directory=folder.directory,
            tool=folder.tool,
            files=folder.files,
        )
        for folder in folders
    ]
    migrated = {path for folder in folders for path in folder.files}
    nodes.extend(_from_sql(files, own, migrated))
    nodes.extend(_from_code(files, own, migrated))
    nodes.extend(_from_schemas(files, own))
    nodes.extend(_from_packages(files))
    nodes.extend(_runners(files, own, folders))
    unique: dict[str, Node] = {}
    for node in nodes:
        unique.setdefault(node.id, node)
    return Lowered(nodes=tuple(unique.values()))


def _start(files: Files, path: str) -> Span:
    """The first line of a file, the place of what is about the whole of it."""
    source = files.read(path)
    return Span(path, 0, len(source.line(1)) if source is not None else 0)


# Folders of migrations


class _Folder(NamedTuple):
    directory: str
    tool: str
    files: tuple[str, ...]


class _Layout(NamedTuple):
    """The paths of one tool's migrations: `directory` is the group of that name."""

    tool: str
    path: re.Pattern[str]


_LAYOUTS = (
    _Layout("supabase", re.compile(r"(?P<directory>(?:.+/)?supabase/migrations)/\d+_[^/]*\.sql")),
    _Layout("prisma", re.compile(r"(?P<directory>(?:.+/)?[\w-]*migrations?[\w-]*)/\d+_[^/]*/migration\.sql")),
    _Layout("hasura", re.compile(r"(?P<directory>(?:.+/)?migrations(?:/[\w-]+)?)/\d{13}_[^/]*/up\.sql")),
    _Layout("diesel", re.compile(r"(?P<directory>(?:.+/)?migrations)/[\d-]+_[^/]*/up\.sql")),
    _Layout("alembic", re.compile(r"(?P<directory>(?:.+/)?versions)/(?:.+/)?(?!__init__)\w[^/]*\.py")),
    _Layout("rails", re.compile(r"(?P<directory>(?:.+/)?db/(?:\w+_)?migrate)/\d{8,}_\w+\.rb")),
    _Layout("django", re.compile(r"(?P<directory>(?:.+/)?migrations)/\d{4}_\w+\.py")),
    _Layout("laravel", re.compile(r"(?P<directory>(?:.+/)?database/migrations)/(?:.+/)?\d{4}_\d{2}_\d{2}_\w+\.php")),
    _Layout("doctrine", re.compile(r"(?P<directory>(?:.+/)?[mM]igrations)/(?:.+/)?Version\d{14}\.php")),
    _Layout("ecto", re.compile(r"(?P<directory>(?:.+/)?priv/\w+/migrations)/\d{14}_\w+\.exs")),
    _Layout("ef", re.compile(r"(?P<directory>(?:.+/)?Migrations)/(?:.+/)?\d{14}_\w+\.cs")),
    _Layout("flyway", re.compile(r"(?P<directory>(?:.+/)?db/migrations?)/(?:.+/)?[VR][\w.]*__[^/]+\.(?:sql|java|kt)")),
    _Layout("flyway", re.compile(r"(?P<directory>(?:.+/)?(?:sql|migrations?|flyway))/(?:.+/)?V\d[\w.]*__[^/]+\.sql")),
    _Layout("liquibase", re.compile(r"(?P<directory>(?:.+/)?db/changelogs?)/.+\.(?:sql|xml|ya?ml)")),
    _Layout(
        "sql",
        re.compile(
            r"(?P<directory>(?:.+/)?(?:[\w-]*migrations?|migrate|drizzle|schema[-_]changes)(?:/(?:sql|postgres(?:ql)?|mysql|sqlite|up))?)/[^/]+\.sql"
        ),
    ),
    _Layout(
        "javascript",
        re.compile(r"(?P<directory>(?:.+/)?(?:[\w-]*migrations?|migrate))/\d{8,}[-_][^/]*\.(?:[cm]?[jt]s)"),
    ),
    _Layout("typeorm", re.compile(r"(?P<directory>(?:.+/)?migrations?)/\w*\d{13}[-_]?\w*\.[jt]s")),
    _Layout("mikro-orm", re.compile(r"(?P<directory>(?:.+/)?migrations?)/Migration\d{14}\w*\.[jt]s")),
)
_NO_MIGRATION = re.compile(r"(?:^|/)(?:seeds?|seeders?|rollbacks?|scripts/sql)/|\.d\.ts$|\.(?:test|spec)\.")

_SQL_MARKS = (
    ("goose", re.compile(r"^--\s*\+goose\s+Up", re.MULTILINE)),
    ("dbmate", re.compile(r"^--\s*migrate:up", re.MULTILINE)),
    ("sql-migrate", re.compile(r"^--\s*\+migrate\s+Up", re.MULTILINE)),
    ("drizzle", re.compile(r"-->\s*statement-breakpoint")),
    ("liquibase", re.compile(r"^--\s*liquibase formatted sql", re.MULTILINE)),
)
_JAVASCRIPT_MARKS = (
    ("typeorm", re.compile(r"\bMigrationInterface\b")),
    ("mikro-orm", re.compile(r"@mikro-orm/")),
    ("kysely", re.compile(r"\bKysely\b")),
    ("sequelize", re.compile(r"\bqueryInterface\b|\bQueryInterface\b")),
    ("node-pg-migrate", re.compile(r"\bMigrationBuilder\b|\bpgm\b")),
    ("knex", re.compile(r"\bknex\b", re.IGNORECASE)),
    ("payload", re.compile(r"@payloadcms/")),
    ("mongodb", re.compile(r"\.collection\(")),
)


def _folders(files: Files, own: Sequence[str]) -> Iterator[_Folder]:
    known = set(files.paths)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path in own:
        if not path.endswith((".sql", ".py", ".rb", ".php", ".exs", ".cs", ".ts", ".js", ".mjs", ".cjs", ".java", ".kt", ".xml", ".yml", ".yaml", ".mts", ".cts")):  # fmt: skip  # noqa: E501
            continue
        if _NO_MIGRATION.search(path):
            continue
        for tool, pattern in _LAYOUTS:
            match = pattern.fullmatch(path)
            if match and _fits(tool, match["directory"], known):
                found[match["directory"], tool].append(path)
                break
    taken: set[str] = set()
    django: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for (directory, tool), paths in sorted(found.items()):
        if tool == "django":
            django[_above(directory, "manage.py", known)].append((directory, paths))
            continue
        if directory in taken:
            continue
        named = _tool(files, directory, tool, paths, known)
        if named:
            taken.add(directory)
            ups = [path for path in paths if not path.endswith((".down.sql", "/down.sql"))]
            yield _Folder(directory, named, tuple(sorted(ups or paths)))
    for apps in django.values():
        directories = [directory for directory, _ in apps]
        every = sorted(path for _, paths in apps for path in paths)
        yield _Folder(_shared(directories), "django", tuple(every))


def _fits(tool: str, directory: str, known: set[str]) -> bool:
    """Whether the files beside a folder are those of the tool."""
    above = parent(directory)
    beside = f"{above}/" if above else ""
    match tool:
        case "alembic":
            return any(f"{beside}{name}" in known for name in ("env.py", "script.py.mako", "alembic.ini"))
        case "django":
            return f"{directory}/__init__.py" in known
        case _:
            return True


def _tool(files: Files, directory: str, tool: str, paths: Sequence[str], known: set[str]) -> str:
    """The tool of a folder, empty when it is none."""
    above = parent(directory)
    beside = f"{above}/" if above else ""
    if tool == "prisma":
        return "drizzle" if f"{parent(paths[0])}/snapshot.json" in known else "prisma"
    if tool == "sql":
        if f"{directory}/meta/_journal.json" in known:
            return "drizzle"
        if f"{directory}/atlas.sum" in known:
            return "atlas"
        if any(path.endswith(".up.sql") for path in paths):
            return "sqlx" if _above(directory, "Cargo.toml", known) != _NOWHERE else "golang-migrate"
        if _read_mark(files, paths, _SQL_MARKS):
            return _read_mark(files, paths, _SQL_MARKS)
        if directory.rpartition("/")[2] in ("migrate", "drizzle") and not any(
            re.match(r"\d", PurePosixPath(path).name) for path in paths
        ):
            return ""
        if f"{beside}Cargo.toml" in known:
            return "sqlx"
        return "sql"
    if tool == "javascript":
        return _read_mark(files, paths, _JAVASCRIPT_MARKS) or ("knex" if _knex(directory, known) else "")
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


def _knex(directory: str, known: set[str]) -> bool:
    return any(_above(directory, f"knexfile.{ending}", known) != _NOWHERE for ending in ("js", "ts", "cjs", "mjs"))


_NOWHERE = "\0"


def _above(directory: str, name: str, known: set[str]) -> str:
    """The nearest folder at or above `directory` that holds a file `name`; `_NOWHERE` when none does."""
    folder = directory
    while True:
        if (f"{folder}/{name}" if folder else name) in known:
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


# Extensions and vectors

_INIT = re.compile(
    r"(?:^|/)(?:docker-entrypoint-initdb\.d|init(?:db)?(?:[-_.]?(?:d|db|scripts?|sql))?|entrypoint-initdb)/[^/]+"
    r"|(?:^|/)(?:[\w.-]*[-_.])?(?:init|initdb|create|bootstrap|setup|extensions?)(?:[-_.][\w.-]*)?"
)
_SCHEMA_SQL = re.compile(
    r"(?:^|/)(?:[\w.-]*[-_.])?(?:schema|structure|tables?|ddl|dump)(?:[-_.][\w.-]*)?\.sql$"
    r"|(?:^|/)(?:db|database|sql|postgres(?:ql)?|pg|pgvector|schemas?|supabase)/(?:[^/]+/)?[^/]+\.sql$"
)
_SHELL_COMMENT = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)


def _from_sql(files: Files, own: Sequence[str], migrated: set[str]) -> Iterator[Node]:
    for path in own:
        stem, _, ending = path.rpartition(".")
        if ending not in ("sql", "sh"):
            continue
        init = _INIT.search(stem) is not None and path not in migrated
        if ending == "sh" and not (init and re.search(r"init|postgres|pg|db|database|sql", path)):
            continue
        if not (init or path in migrated or _SCHEMA_SQL.search(path)):
            continue
        source = files.read(path)
        if source is not None:
            yield from _sql_nodes(source, Side.LOCAL if init else Side.SOURCE)


def _sql_nodes(source: Source, side: Side) -> Iterator[Node]:
    lowered = source.text.lower()
    if "extension" not in lowered and "vec" not in lowered:
        return
    from policyengine.formats import sql  # noqa: PLC0415  most trees have no such file

    if source.path.endswith(".sh"):
        blanked = _SHELL_COMMENT.sub(lambda match: " " * len(match[0]), source.text)
        read = sql.Sql(source, blanked)
    else:
        read = sql.read(source)
    for name, span in read.extensions():
        yield _extension(source, name, span, side)
    for span in read.vectors():
        yield _vector(source, "a vector column", span)


def _extension(source: Source, name: str, span: Span, side: Side) -> Extension:
    return Extension(
        id=f"extension:{source.path}#{span.start}",
        name=name,
        side=side,
        span=span,
        extension=Unknown(f"the name '{name}' is computed", span) if "$" in name else Known(name, span),
    )


def _vector(source: Source, what: str, span: Span) -> VectorUse:
    return VectorUse(
        id=f"vector:{source.path}#{span.start}", name=source.slice(span), side=Side.SOURCE, span=span, what=what
    )


_EMBEDDED = re.compile(
    r"\bCREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?\\?[\"`]?([A-Za-z_][\w-]*)"
    r"|\benable_extension!?[ (]*[\"':](?:[\w]+\.)?(\w[\w-]*)"
    r"|\bCreateExtension\(\s*(?:name\s*=\s*)?[\"'](\w[\w-]*)",
    re.IGNORECASE,
)
_DJANGO_EXTENSION = re.compile(
    r"\b(Vector|Trigram|HStore|CIText|Unaccent|BtreeGin|BtreeGist|Crypto|BloomExtension)Extension\(\s*\)"
)
_DJANGO_NAMES = {
    "Vector": "vector",
    "Trigram": "pg_trgm",
    "HStore": "hstore",
    "CIText": "citext",
    "Unaccent": "unaccent",
    "BtreeGin": "btree_gin",
    "BtreeGist": "btree_gist",
    "Crypto": "pgcrypto",
}
_EMBEDDED_VECTOR = re.compile(
    r"\bt\.(vector|halfvec)\s+[:\"']|\b(VectorField|HalfVectorField)\(|\b(?:pgvector\.sqlalchemy\.)?(Vector)\(\s*(?:dim\s*=\s*)?\d"
    r"|:(vector|halfvec),\s*limit:|[\s\"'`](vector|halfvec)\(\d+\)"
)
_HASH_COMMENT = re.compile(r"^[ \t]*#[^\n]*", re.MULTILINE)
_SLASH_COMMENT = re.compile(r"^[ \t]*(?://|\*|/\*)[^\n]*", re.MULTILINE)
_RAILS_SCHEMA = re.compile(r"(?:^|/)db/(?:\w+_)?schema\.rb$")


def _from_code(files: Files, own: Sequence[str], migrated: set[str]) -> Iterator[Node]:
    """What migrations written in Python, Ruby, TypeScript … create."""
    for path in own:
        if path.endswith((".sql", ".sh")) or not (path in migrated or _RAILS_SCHEMA.search(path)):
            continue
        source = files.read(path)
        if source is None or ("xtension" not in source.text and "ec" not in source.text):
            continue
        comment = _HASH_COMMENT if path.endswith((".py", ".rb", ".exs")) else _SLASH_COMMENT
        text = comment.sub(lambda match: " " * len(match[0]), source.text)
        for match in _EMBEDDED.finditer(text):
            start, end = match.span(match.lastindex or 0)
            name = text[start:end]
            if name.lower() != "if":
                yield _extension(source, name.lower(), source.span(start, end), Side.SOURCE)
        for match in _DJANGO_EXTENSION.finditer(text):
            created = _DJANGO_NAMES.get(match[1])
            if created:
                yield _extension(
                    source, created, source.span(match.start(), match.end(1) + len("Extension")), Side.SOURCE
                )
        for match in _EMBEDDED_VECTOR.finditer(text):
            yield _vector(source, "a vector column", source.span(*match.span(match.lastindex or 0)))


# Declared schemas

_DRIZZLE_CONFIG = re.compile(r"(?:^|/)drizzle[\w.-]*\.config\.[cm]?[jt]s$|(?:^|/)drizzle\.config[\w.-]*\.[cm]?[jt]s$")
_DRIZZLE_SCHEMA = re.compile(
    r"(?:^|/)(?:[\w.-]*[-_.])?(?:schema|tables?|models?|embeddings?)(?:[-_.][\w.-]*)?\.[cm]?ts$"
    r"|(?:^|/)(?:schemas?|tables|db|database|drizzle|models)/(?:[^/]+/)*[^/]+\.[cm]?ts$"
)
_DIALECT = re.compile(r"\bdialect\s*:\s*(?=[\"'`])")
_VECTOR_CALL = re.compile(r"\b(vector|halfvec|sparsevec)\s*\(\s*(?:[\"'`]|\{\s*dimensions)")
_DATABASE_YML = re.compile(r"(?:^|/)config/database\.ya?ml$")
_YAML_BLOCK = re.compile(r"^(\w[\w-]*):[ \t]*(&\w+)?[^\n]*$", re.MULTILINE)
_ADAPTER = re.compile(r"^[ \t]+adapter:[ \t]*([\"']?)([^\s\"'#]+)\1", re.MULTILINE)
_MERGE = re.compile(r"^[ \t]+<<:[ \t]*\*(\w+)", re.MULTILINE)


def _from_schemas(files: Files, own: Sequence[str]) -> Iterator[Node]:
    drizzle = False
    for path in own:
        if path.endswith(".prisma"):
            source = files.read(path)
            if source is not None:
                yield from _prisma(source)
        elif _DATABASE_YML.search(path):
            source = files.read(path)
            if source is not None:
                yield from _rails(source)
        elif _DRIZZLE_CONFIG.search(path):
            source = files.read(path)
            if source is not None:
                drizzle = True
                yield from _drizzle_config(source)
    if drizzle:
        for path in own:
            if _DRIZZLE_SCHEMA.search(path) and not path.endswith(".d.ts"):
                source = files.read(path)
                if source is not None and "drizzle-orm/pg-core" in source.text:
                    yield from _drizzle_vectors(source)


def _prisma(source: Source) -> Iterator[Node]:
    from policyengine.formats import prisma  # noqa: PLC0415  most trees have none

    schema = prisma.read(source)
    for block in schema.blocks:
        provider = block.get("provider") if block.kind == "datasource" else None
        if provider is None:
            continue
        yield OrmSchema(
            id=f"orm:{source.path}",
            name=source.path,
            side=Side.SOURCE,
            span=block.name_span,
            engine=_engine(provider.text, provider.span)
            if provider.literal
            else Unknown("the provider is not written as a text", provider.span),
        )
    for text, span in schema.unsupported:
        if re.match(r"(?:\w+\.)?(?:vector|halfvec|sparsevec)\b", text):
            yield _vector(source, "a Prisma field of a vector type", span)


def _engine(name: str, span: Span) -> Known[str] | Unknown:
    engine = _ENGINES.get(name.lower())
    return Unknown(f"'{name}' is no engine that is known", span) if engine is None else Known(engine, span)


def _drizzle_config(source: Source) -> Iterator[Node]:
    from policyengine.formats import typescript  # noqa: PLC0415  most trees have none

    code = typescript.read(source)
    for match in _DIALECT.finditer(code.text):
        literal = code.string(match.end())
        if literal is not None:
            name, span = literal
            yield OrmSchema(
                id=f"orm:{source.path}", name=source.path, side=Side.SOURCE, span=span, engine=_engine(name, span)
            )
            return


def _drizzle_vectors(source: Source) -> Iterator[Node]:
    from policyengine.formats import typescript  # noqa: PLC0415  most trees have none

    code = typescript.read(source)
    for match in _VECTOR_CALL.finditer(code.text):
        yield _vector(source, "a drizzle vector column", source.span(*match.span(1)))


def _rails(source: Source) -> Iterator[Node]:
    """The adapter of production: its own, or that of the block it merges."""
    text = source.text
    heads = list(_YAML_BLOCK.finditer(text))
    blocks = {
        match[1]: (match.end(), heads[index + 1].start() if index + 1 < len(heads) else len(text), match[2] or "")
        for index, match in enumerate(heads)
    }
    anchors = {anchor.removeprefix("&"): name for name, (_, _, anchor) in blocks.items() if anchor}
    name = "production" if "production" in blocks else "default"
    for _ in range(4):
        if name not in blocks:
            return
        start, end, _anchor = blocks[name]
        adapter = _ADAPTER.search(text, start, end)
        if adapter is not None:
            span = source.span(*adapter.span(2))
            yield OrmSchema(
                id=f"orm:{source.path}",
                name=source.path,
                side=Side.SOURCE,
                span=span,
                engine=Unknown("the adapter is computed", span) if "<%" in adapter[2] else _engine(adapter[2], span),
            )
            return
        merge = _MERGE.search(text, start, end)
        if merge is None:
            return
        name = anchors.get(merge[1], "")


# Dependencies

_MAY_HAVE_PGVECTOR = re.compile(r"pgvector|neighbor", re.IGNORECASE)
_PGVECTOR = re.compile(
    r"pgvector(?:-.*)?|neighbor|github\.com/pgvector/pgvector-go(?:/.*)?|pgvector/pgvector|com\.pgvector:pgvector"
    r"|Pgvector(?:\..*)?|.*[:-]pgvector-store.*|langchain4j-pgvector|dev\.langchain4j:langchain4j-pgvector",
)


def _from_packages(files: Files) -> Iterator[Node]:
    from policyengine.lower import package  # noqa: PLC0415  only its manifests are read again

    for path in files.paths:
        if not package.is_manifest(path):
            continue
        source = files.read(path)
        if source is None or not _MAY_HAVE_PGVECTOR.search(source.text):
            continue
        try:
            found = package.dependencies(source)
        except ReadError:
            continue  # the package lowering reports it
        for dependency in found:
            if _PGVECTOR.fullmatch(dependency.key):
                yield VectorUse(
                    id=f"vector:{path}#{dependency.key_span.start}",
                    name=dependency.key,
                    side=Side.SOURCE,
                    span=dependency.key_span,
                    what=f"the dependency {dependency.key}",
                )


# Start scripts that migrate

_MIGRATES = (
    ("prisma", r"\bprisma(?:@\S+)?\s+migrate\s+deploy\b"),
    ("drizzle", r"\bdrizzle-kit\s+migrate\b"),
    ("alembic", r"\balembic\s+(?:-\S+\s+(?:\S+\s+)?)*upgrade\b|\bflask\s+db\s+upgrade\b"),
    ("rails", r"\b(?:rails|rake)\s+(?:\S+\s+)*?db:(?:migrate|prepare)\b"),
    ("django", r"\bmanage(?:\.py)?\s+migrate\b|\bdjango-admin\s+migrate\b"),
    ("knex", r"\bknex\s+(?:\S+\s+)*?migrate:(?:latest|up)\b"),
    ("typeorm", r"\btypeorm\S*\s+(?:\S+\s+)*?migration:run\b"),
    ("sequelize", r"\bsequelize\S*\s+(?:\S+\s+)*?db:migrate\b"),
    ("mikro-orm", r"\bmikro-orm\s+migration:up\b"),
    ("node-pg-migrate", r"\bnode-pg-migrate\s+(?:\S+\s+)*?up\b"),
    ("flyway", r"\bflyway\s+(?:\S+\s+)*?migrate\b"),
    ("liquibase", r"\bliquibase\s+(?:\S+\s+)*?update\b"),
    ("dbmate", r"\bdbmate\s+(?:\S+\s+)*?(?:up|migrate)\b"),
    ("goose", r"\bgoose\s+(?:\S+\s+)*?up\b"),
    ("atlas", r"\batlas\s+migrate\s+apply\b"),
    ("laravel", r"\bartisan\s+migrate\b"),
    ("doctrine", r"\bdoctrine:migrations:migrate\b"),
    ("sqlx", r"\bsqlx\s+migrate\s+run\b"),
    ("diesel", r"\bdiesel\s+migration\s+run\b"),
    ("ecto", r"\becto\.migrate\b"),
    ("golang-migrate", r"\bmigrate\s+(?:-\S+\s+(?:\S+\s+)?)+up\b"),
)
_MIGRATE_LINES = tuple((tool, re.compile(pattern)) for tool, pattern in _MIGRATES)
_DOCKERFILE = re.compile(r"(?:^|/)(?:Dockerfile|Containerfile)(?:[.-][\w.-]+)?$|\.(?:D|d)ockerfile$")
_DEVELOPMENT = re.compile(
    r"(?:^|[/.-])(?:dev|develop|development|local|test|ci|devcontainer)(?:[/.-]|$)", re.IGNORECASE
)
_STARTED = re.compile(r"^[ \t]*(?:CMD|ENTRYPOINT)[ \t]+((?:[^\n]*\\\r?\n)*[^\n]*)", re.MULTILINE | re.IGNORECASE)
_STAGE = re.compile(r"^[ \t]*FROM[ \t]", re.MULTILINE | re.IGNORECASE)
_SCRIPT_FILE = re.compile(r"[\w./${}-]*?([\w.-]+\.(?:sh|bash)|docker-entrypoint|entrypoint)\b(?![\w.-])")
_START_SCRIPT = re.compile(r"^[ \t]*(?!#)(?:[^\n#]*)$", re.MULTILINE)
_GUARDED = re.compile(r"^[ \t]*(?:if|elif|case|\[)\b|\becho\b|\bprintf\b")


def _runners(files: Files, own: Sequence[str], folders: Sequence[_Folder]) -> Iterator[MigrationRunner]:
    """Shell scripts that an image starts with and that migrate. Commands in CMD itself are the Dockerfile's matter."""
    shells: Mapping[str, list[str]] = _by_name(own)
    done: set[str] = set()
    for path in own:
        if not _DOCKERFILE.search(path) or _DEVELOPMENT.search(path):
            continue
        source = files.read(path)
        if source is None:
            continue
        stages = [match.start() for match in _STAGE.finditer(source.text)]
        for started in _STARTED.finditer(source.text, stages[-1] if stages else 0):
            for name in sorted({match[1] for match in _SCRIPT_FILE.finditer(started[1])}):
                script = _nearest(shells.get(name, []), parent(path))
                if script is None or script in done:
                    continue
                done.add(script)
                yield from _runner(files, script, folders)


def _by_name(own: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path in own:
        name = PurePosixPath(path).name
        if name.endswith((".sh", ".bash")) or "entrypoint" in name:
            found[name].append(path)
    return found


def _nearest(paths: Sequence[str], directory: str) -> str | None:
    """The one path that is meant from `directory`: the only one, or the only one below it."""
    if len(paths) == 1:
        return paths[0]
    below = [path for path in paths if path.startswith(f"{directory}/")] if directory else []
    return below[0] if len(below) == 1 else None


def _runner(files: Files, script: str, folders: Sequence[_Folder]) -> Iterator[MigrationRunner]:
    source = files.read(script)
    for line in _START_SCRIPT.finditer(source.text) if source is not None else ():
        if source is None or _GUARDED.search(line[0]):
            continue
        for tool, pattern in _MIGRATE_LINES:
            match = pattern.search(line[0])
            if match is None:
                continue
            span = source.span(line.start() + match.start(), line.start() + match.end())
            own = [folder.directory for folder in folders if folder.tool == tool]
            yield MigrationRunner(
                id=f"runner:{script}",
                name=script,
                side=Side.SOURCE,
                span=span,
                tool=tool,
                hashed=Known(value=True, span=span),
                directory=own[0] if len(own) == 1 else "",
            )
            return
