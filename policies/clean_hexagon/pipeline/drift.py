"""Models and migrations make the same schema (HEX612)."""

from collections.abc import Iterable
from posixpath import commonpath

from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Finding,
    Fix,
    Graph,
    Outcomes,
    SchemaTable,
    Severity,
    TableModels,
    Undecided,
    is_bookkeeping,
    rule,
    undecided,
)


@rule(
    "HEX612",
    mandate="6.4",
    severity=Severity.ERROR,
    message={
        "default": "'{where}' declares the table '{names}', which no migration in '{directory}' makes.",
        "extra": "The migrations in '{directory}' make the table '{names}', which '{where}' does not declare.",
        "columns": "'{where}' declares '{names}' of '{table}', which no migration in '{directory}' makes.",
        "left": "The migrations in '{directory}' leave '{names}' in '{table}', which [its model](1) does not declare.",
    },
    remedy="Write the migration that makes the database what the models say.",
)
def schema_migration_drift(graph: Graph, _: Options) -> Outcomes:
    """The migrations make another schema than the models declare.

    A laptop whose schema was pushed, or changed by hand, runs; the cloud, which has only the migrations, meets a table
    or a column that is not there. The next migration that somebody generates then holds the changes of others.

    The migrations are replayed, CREATE, ALTER, RENAME and DROP, and the tables and columns that are left compared with
    the models by their names in the database (`@@map`, `@map`): of Prisma, of drizzle, and of a `schema.sql` beside
    plain SQL; of Django, of SQLAlchemy with Alembic and of Rails the tables. Views, models that the tool is to ignore,
    the tables that tools keep for themselves and those of relations between many (`_AToB`) pass.

    Where the migrations begin with a database that is there already, since an older history was squashed, where code
    or a block of SQL decides what is changed, and where names are computed, the question stays open. What is missing,
    and what is too much, is one finding each; of columns one for each table.
    """
    for models in graph.all(TableModels):
        yield Compared(models)
        if models.gap is not None:
            yield from undecided(models, models.gap)
        elif not models.migrated:
            reason = "no migration makes a table: the database was there before"
            yield Undecided(models, models.span, reason)
        else:
            yield from _compared(models)


def _compared(models: TableModels) -> Outcomes:
    declared = {each.key: each for each in models.declared}
    migrated = {each.key: each for each in models.migrated}
    schemas = {key.rpartition(".")[0] for key in declared}
    missing = [each for key, each in declared.items() if key not in migrated and key not in models.views]
    extra = [
        each
        for key, each in migrated.items()
        if key not in declared and not is_bookkeeping(key) and key.rpartition(".")[0] in schemas
    ]
    args = {"directory": models.directory}
    files = sorted({each.span.path for each in declared.values()})
    for variant, found in (("default", missing), ("extra", extra)):
        if found:
            where = (
                found[0].span.path if variant == "default" else models.name if len(files) == 1 else commonpath(files)
            )
            said = {**args, "where": where, "names": _listed(each.name for each in found)}
            yield Finding(subject=models, at=found[0].span, variant=variant, args=said, fix=_fix(variant))
    for key, here in declared.items():
        there = migrated.get(key)
        if there is not None and not (here.loose or there.loose):
            yield from _columns(models, here, there, args)


def _columns(models: TableModels, here: SchemaTable, there: SchemaTable, args: dict[str, str]) -> Outcomes:
    ours = {each.name.lower(): each for each in here.columns}
    theirs = {each.name.lower(): each for each in there.columns}
    for variant, one, other in (("columns", ours, theirs), ("left", theirs, ours)):
        found = [each for key, each in one.items() if key not in other]
        if found and theirs:
            names = _listed(each.name for each in found)
            said = {**args, "where": here.span.path, "table": here.name, "names": names}
            related = (here.span,) if variant == "left" else ()
            about, at = f"{variant} {here.name}", found[0].span
            yield Finding(
                subject=models, at=at, variant=variant, args=said, related=related, about=about, fix=_fix(variant)
            )


def _fix(variant: str) -> Fix:
    if variant in ("default", "columns"):
        return Fix("write the migration that makes them")
    return Fix("declare them, or write the migration that drops them")


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return ", ".join(every[:_MOST]) + more


_MOST = 5
"""So many names are told in a message."""
