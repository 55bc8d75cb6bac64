"""Models against migrations: which tables a tool's models declare, and which its migrations make.

Of Prisma, drizzle and schema files of SQL with their columns; of Django, SQLAlchemy with Alembic and Rails the tables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.model.nodes import SchemaTable, Side, TableColumn, TableModels
from policyengine.model.source import Span
from policyengine.model.value import Unknown
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.source import Source
    from policyengine.platforms.code.migration_folders import Folder
    from policyengine.repository.files import Files
    from policyengine.syntax.prisma import Schema
    from policyengine.syntax.sql_tables import Replay

_SCALARS = frozenset(
    {"String", "Boolean", "Int", "BigInt", "Float", "Decimal", "DateTime", "Json", "Bytes", "Unsupported"}
)
_SQL = frozenset({"prisma", "drizzle", "sql", "dbmate", "goose", "golang-migrate", "sql-migrate", "supabase", "atlas"})
_DUMPS = ("schema.sql", "structure.sql")


def lower(files: Files, folders: Sequence[Folder]) -> Iterator[TableModels]:
    """A node for each folder of migrations whose models are found."""
    drizzle = [folder for folder in folders if folder.tool == "drizzle"]
    if drizzle:
        yield from _drizzle(files, drizzle)
    for folder in folders:
        match folder.tool:
            case "prisma":
                yield from _prisma(files, folder)
            case "alembic" | "django" | "rails":
                from policyengine.platforms.code import class_tables  # noqa: PLC0415  few trees ask

                yield from class_tables.lower(files, folder, folders)
            case tool if tool in _SQL:
                yield from _dump(files, folder)
            case _:
                pass


def replay(files: Files, paths: Sequence[str]) -> Replay:
    """What migrations in SQL make, in their order; only the part that migrates up."""
    from policyengine.syntax import sql  # noqa: PLC0415  few trees ask
    from policyengine.syntax.sql_tables import Replay  # noqa: PLC0415  as above

    made = Replay()
    for path in paths:
        source = files.read(path)
        if source is not None:
            made.run(sql.read(source) if (up := _up(source)) is None else sql.Sql(source, sql.read(up).text))
    return made


_DOWN = re.compile(
    r"^--[ \t]*(?:\+goose[ \t]+Down|\+migrate[ \t]+Down|migrate:down|rollback)\b", re.MULTILINE | re.IGNORECASE
)


def _up(source: Source) -> Source | None:
    """A file that holds both ways without the way down, with blanks in its place; None where it holds none."""
    from policyengine.model.source import Source as Text  # noqa: PLC0415  it is made here alone

    down = _DOWN.search(source.text)
    return None if down is None else Text(source.path, source.text[: down.start()])


def _node(
    folder: Folder, path: str, span: Span, declared: Sequence[SchemaTable], made: Replay, gap: Unknown | None = None
) -> TableModels:
    if gap is None and made.incomplete is not None:
        gap = Unknown(*made.incomplete)
    return TableModels(
        id=f"models:{path}",
        name=path,
        side=Side.SOURCE,
        span=span,
        directory=folder.directory,
        tool=folder.tool,
        declared=tuple(declared),
        migrated=_made(made),
        views=tuple(sorted(made.views)),
        gap=gap,
    )


def _made(made: Replay) -> tuple[SchemaTable, ...]:
    """The tables of a replay, as the graph holds them."""
    return tuple(
        SchemaTable(table.name, table.span, tuple(TableColumn(*each) for each in table.columns.values()), table.loose)
        for table in made.tables.values()
    )


# -- Prisma


def _prisma(files: Files, folder: Folder) -> Iterator[TableModels]:
    """The models of the schema beside a folder of migrations, which may be several files."""
    from policyengine.syntax import prisma  # noqa: PLC0415  as above

    home = parent(folder.directory)
    near = [path for path in files.below(home) if path.endswith(".prisma")]
    schemas = [prisma.read(source) for path in near if (source := files.read(path)) is not None]
    sources = [(each, block) for each in schemas for block in each.blocks if block.kind == "datasource"]
    if len(sources) != 1:
        return  # it is not known which models are meant
    schema, block = sources[0]
    provider = block.get("provider")
    if provider is None or provider.text == "mongodb" or parent(schema.source.path) not in (home, f"{home}/schema"):
        return
    enums = {one.name for each in schemas for one in each.blocks if one.kind == "enum"}
    tables = [table for each in schemas for table in _prisma_tables(each, enums)]
    if tables:
        yield _node(folder, schema.source.path, block.name_span, tables, replay(files, folder.files))


def _prisma_tables(schema: Schema, enums: set[str]) -> Iterator[SchemaTable]:
    for block in schema.blocks:
        if block.kind != "model" or schema.attribute(block, "ignore") is not None:
            continue
        name = schema.attribute(block, "map") or block.name
        owner = schema.attribute(block, "schema")
        columns = [
            TableColumn(each.column, each.span)
            for each in schema.fields(block)
            if (each.type in _SCALARS or each.type in enums) and not each.ignored
        ]
        loose = any(each.ignored for each in schema.fields(block))
        shown = name if not owner or owner in ("public", "dbo") else f"{owner}.{name}"
        yield SchemaTable(shown, block.name_span, tuple(columns), loose)


# -- schema files of SQL


def _dump(files: Files, folder: Folder) -> Iterator[TableModels]:
    """The tables of `schema.sql` beside a folder of migrations."""
    home = parent(folder.directory)
    for name in _DUMPS:
        path = f"{home}/{name}" if home else name
        source = files.read(path) if files.exists(path) else None
        if source is None:
            continue
        declared = replay(files, (path,))
        tables = _made(declared)
        if tables and not declared.incomplete:
            yield _node(folder, path, Span(path, 0, len(source.line(1))), tables, replay(files, folder.files))
        return


# -- drizzle


def _drizzle(files: Files, folders: Sequence[Folder]) -> Iterator[TableModels]:
    """The tables of the configurations that name these folders; each configuration is read once."""
    from policyengine.platforms.code.drizzle_tables import tables  # noqa: PLC0415  few trees ask

    told = tables(files, {folder.directory for folder in folders})
    for folder in folders:
        found = told.get(folder.directory)
        if found is None:
            continue
        first = found.tables[0].span if found.tables else found.gap.span if found.gap is not None else None
        if first is not None:
            yield _node(folder, first.path, first, found.tables, replay(files, folder.files), found.gap)
