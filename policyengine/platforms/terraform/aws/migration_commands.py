"""Command lines that change a database's schema, and the tools that do."""

from __future__ import annotations

import re

from policyengine.patterns import regex

MIGRATES = regex(
    r"\b(prisma\s+(?:migrate|db)|drizzle-kit\s+(?:migrate|push)|alembic\s+upgrade|rails\s+db:migrate|rake\s+db:migrate"
    r"|manage\.py\s+migrate|knex\s+migrate|sequelize\S*\s+db:migrate|typeorm\s+\S*migration|flyway|liquibase|goose|dbmate"
    r"|golang-migrate|migrate\s+-path|node-pg-migrate|artisan\s+migrate|diesel\s+migration|sqlx\s+migrate|supabase\s+db)"
)
MIGRATION_NAME = regex(r"migrat|db[-_]?(?:setup|init|seed)", re.IGNORECASE)

_TOOLS = (
    ("prisma", r"\bprisma\b"),
    ("drizzle", r"\bdrizzle"),
    ("alembic", r"\balembic\b"),
    ("rails", r"\b(?:rails|rake)\b"),
    ("django", r"manage\.py"),
    ("knex", r"\bknex\b"),
    ("sequelize", r"\bsequelize"),
    ("typeorm", r"\btypeorm\b"),
    ("flyway", r"\bflyway\b"),
    ("liquibase", r"\bliquibase\b"),
    ("goose", r"\bgoose\b"),
    ("dbmate", r"\bdbmate\b"),
    ("laravel", r"\bartisan\b"),
    ("supabase", r"\bsupabase\b"),
    ("sql", r"\bpsql\b|\bmigrate\b|migration"),
)


def migration_tool(text: str) -> str:
    """The migration tool that a command line runs, or an empty string."""
    for tool, pattern in _TOOLS:
        if re.search(pattern, text) and (tool != "sql" or MIGRATION_NAME.search(text)):
            return tool
    return ""
