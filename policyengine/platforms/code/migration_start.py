"""What migrates when an application starts: its own code. What its container starts is told by `Graph.container`."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.model.nodes import MigrationRunner, Side
from policyengine.model.value import Known
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.source import Source
    from policyengine.platforms.code.migration_folders import Folder
    from policyengine.repository.files import Files

_PYTHON = regex(r"\w+\.py")
_SCRIPT = regex(
    r"(?:main|app|index|server|start|startup|bootstrap|instrumentation|setup|init|database|db|connection|knex"
    r"|data-?source|app\.module|ormconfig|[\w.-]*(?:typeorm|database|mikro|migrat)[\w.-]*)\.[cm]?[jt]s",
    re.IGNORECASE,
)
_GO, _RUST = regex(r"\w+\.go"), regex(r"\w+\.rs")
_LISTED = regex(
    r"\b(?:readdir(?:Sync)?|r?glob|listdir|scandir)\([^\n]{0,80}migrations?|migrations?[^\n]{0,80}\.(?:r?glob|iterdir)\(",
    re.IGNORECASE,
)
_IN_CODE = (
    ("ef", regex(r"\w+\.cs"), "Database.Migrate", regex(r"\bDatabase\.Migrate(?:Async)?\(")),
    ("typeorm", _SCRIPT, "igrations", regex(r"\bmigrationsRun\s*:\s*(?!false\b)!?\w+|\.runMigrations\(")),
    ("mikro-orm", _SCRIPT, "getMigrator()", regex(r"\bgetMigrator\(\)\s*\.up\(")),
    ("sqlx", _RUST, "migrate!(", regex(r"\bmigrate!\(")),
    ("diesel", _RUST, "run_pending_migrations(", regex(r"\brun_pending_migrations\(")),
    ("goose", _GO, "goose.", regex(r"\bgoose\.(?:Up\w*|Run\w*|NewProvider)\(")),
    ("golang-migrate", _GO, "migrat", regex(r"\bmigrate\.New(?:With\w+)?\(|//go:embed[^\n]*migrations?")),
    ("sql-migrate", _GO, "migrate.Exec", regex(r"\bmigrate\.Exec\w*\(")),
    ("dbmate", _GO, "dbmate.New(", regex(r"\bdbmate\.New\(")),
    ("sql", _GO, "", regex(r"\bmigrate\.NewMigrator\(|//go:embed[^\n]*(?:migrations?|\.sql)")),
    ("sql", _RUST, "migrat", regex(r"\bembed_migrations!\(|\bmigrate!\(")),
    ("alembic", _PYTHON, "upgrade", regex(
        r"\b(?:alembic\.)?(?:\w*command\.)?upgrade\(\s*[\w.]+\s*,\s*(?:revision\s*=\s*)?[\"']heads?[\"']"
        r"|[\"']alembic[\"'](?:,[^\n\]]{0,80})?,\s*[\"']upgrade[\"']|\b(?:system|run|check_call|call|Popen)\(\s*"
        r"f?[\"'][^\"'\n]{0,80}\balembic(?: -c \S{1,80})? upgrade heads?\b"
        r"|\n[ \t]+(?:flask_migrate\.)?upgrade\(\)"
    )),
    ("django", _PYTHON, "call_command(", regex(r"\bcall_command\(\s*[\"']migrate[\"']")),
    ("knex", _SCRIPT, ".migrate", regex(r"\.migrate\s*\.(?:latest|up)\(")),
    ("kysely", _SCRIPT, ".migrateToLatest(", regex(r"\.migrateToLatest\(")),
    ("sequelize", _SCRIPT, "new Umzug(", regex(r"\bnew Umzug\(")),
    ("drizzle", _SCRIPT, "migrate(", regex(r"\bmigrate\(\s*\w+\s*,\s*\{\s*migrationsFolder\b")),
    ("prisma", _SCRIPT, "migrate", regex(r"\bprisma[\"', ]+migrate[\"', ]+deploy\b")),
    ("ecto", regex(r"application\.ex"), "Ecto.Migrator", regex(r"\bEcto\.Migrator\b")),
    ("sql", _SCRIPT, "igration|IGRATION", _LISTED),
    ("sql", _PYTHON, "igration|IGRATION", _LISTED),
)  # fmt: skip
"""How the application's own code runs the migrations of a tool when it starts: the tool, the names of files that do, a
word that each such file holds, or words (`a|b`) of which it holds one, since these are found faster, and the call."""
_APART = regex(
    r"(?:.*/)?(?:(?:scripts?|bin|tools|management|commands|cli)/(?:.*/)?(?P<script>\w+)"
    r"|(?P<name>\w*(?:migrat|alembic)[\w.-]*?))\.(?:py|[cm]?[jt]s)",
    re.IGNORECASE,
)
"""Files that may be a script of their own as well: they count where one of the others imports them."""
_BEGINS = regex(r"(?:main|app|index|server|start|startup|bootstrap|lifespan|asgi|wsgi|__init__)\.(?:py|[cm]?[jt]s)")
_TESTED = regex(r"(?:^|[/._-])(?:\w*tests?|spec|e2e|fixtures?|global-setup)(?:[/._-]|$)", re.IGNORECASE)

_PROGRAM = regex(r"(?:.*/)?(cmd/[^/]*(?:migrat|schema|goose)[^/]*)/[^/]*\.go", re.IGNORECASE)
_STARTING = ("ockerfile", "ontainerfile", "entrypoint", "compose", ".github/workflows/", "Procfile")
_MAIN = regex(r"^package main\b", re.MULTILINE)


def _told(files: Files) -> Iterator[tuple[str, bool]]:
    """The texts of images, stacks and workflows, and whether each builds every program it may name so: `./cmd/...`."""
    for path in files.holding(*_STARTING):
        source = files.read(path)
        if source is not None:
            text, low = source.text, path.lower()
            every = "containerfile" in low or "dockerfile" in low
            yield text, every and ("./..." in text or "./cmd/..." in text)


def _stands_alone(source: Source, told: Sequence[tuple[str, bool]]) -> bool:
    """Whether a file of Go is a program of its own that only migrates, and that no image, stack or workflow names."""
    program = _PROGRAM.fullmatch(source.path)
    if program is None or not _MAIN.search(source.text):
        return False
    return not any(every or program[1] in text for text, every in told)


def _is_imported(files: Files, path: str, own: Sequence[str]) -> bool:
    """Whether a file that may be a script of its own is imported by one with which an application begins."""
    apart = _APART.fullmatch(path)
    if apart is None:
        return True
    name = re.escape(apart["script"] or apart["name"])
    named = re.compile(rf"\b(?:import|from|require)\b[^\n]{{0,200}}\b{name}\b")
    begins = (each for each in own if each != path and _BEGINS.fullmatch(PurePosixPath(each).name))
    sources = (files.read(each) for each in begins)
    return any(each is not None and named.search(each.text) is not None for each in sources)


def in_code(files: Files, own: Sequence[str], folders: Sequence[Folder]) -> Iterator[MigrationRunner]:
    """What migrates from the code of the application, for each folder of the tool."""
    told: list[tuple[str, bool]] | None = None
    for tool, names, words, call in _IN_CODE:
        meant = [folder for folder in folders if folder.tool == tool]
        for path in own if meant else ():
            if not names.fullmatch(PurePosixPath(path).name) or _TESTED.search(path):
                continue
            source = files.read(path)
            found = (
                call.search(source.text)
                if source is not None and any(each in source.text for each in words.split("|"))
                else None
            )
            if source is None or found is None:
                continue
            if path.endswith(".go"):
                told = list(_told(files)) if told is None else told
                if _stands_alone(source, told):
                    continue
            elif not _is_imported(files, path, own):
                continue
            span = source.span(found.start(), found.end())
            for folder in meant:
                yield MigrationRunner(
                    id=f"runner:{path}#{folder.directory}",
                    name=path,
                    side=Side.SOURCE,
                    span=span,
                    tool=tool,
                    hashed=Known(value=True, span=span),
                    directory=folder.directory,
                )
            break
