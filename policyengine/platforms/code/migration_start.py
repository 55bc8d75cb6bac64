"""What migrates when a container starts: shell scripts that an image starts with, and the application's own code."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.model.nodes import MigrationRunner, Side
from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from policyengine.platforms.code.migration_folders import Folder
    from policyengine.repository.files import Files

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
    (
        "",
        r"\b(?:node|tsx|ts-node|bun|deno|python3?|php|ruby)\s+(?:(?:-\S+|run)\s+)*[\w./-]*migrat\w*(?:\.\w+)+(?:\s|$)",
    ),
    (
        "",
        r"\b(?:npm|pnpm|yarn|bun)\s+(?:[\w./@-]+\s+)*?(?:[\w-]+:)*(?:run-?)?migrat(?:e|ions?)(?::(?:run|up|deploy|prod))?(?:\s|$)",
    ),
)
"""The commands of tools, and at last, of no tool in particular, scripts that say so in their name."""
_MIGRATE_LINES = tuple((tool, regex(pattern)) for tool, pattern in _MIGRATES)
_DOCKERFILE = regex(r"(?:^|/)(?:Dockerfile|Containerfile)(?:[.-][\w.-]+)?$|\.(?:D|d)ockerfile$")
_DEVELOPMENT = regex(r"(?:^|[/.-])(?:dev|develop|development|local|test|ci|devcontainer)(?:[/.-]|$)", re.IGNORECASE)
_STARTED = regex(r"^[ \t]*(?:CMD|ENTRYPOINT)[ \t]+((?:[^\n]*\\\r?\n)*[^\n]*)", re.MULTILINE | re.IGNORECASE)
_STAGE = regex(r"^[ \t]*FROM[ \t]", re.MULTILINE | re.IGNORECASE)
_SCRIPT_FILE = regex(r"[\w./${}-]*?([\w.-]+\.(?:sh|bash)|docker-entrypoint|entrypoint)\b(?![\w.-])")
_START_SCRIPT = regex(r"^[ \t]*(?!#)(?:[^\n#]*)$", re.MULTILINE)
_GUARDED = regex(r"^[ \t]*(?:if|elif|case|\[)\b|\becho\b|\bprintf\b")


_IN_CODE = (
    ("ef", regex(r"(?:Program|Startup|\w*Initiali[sz]er|\w*Migrat\w*|\w*Extensions?)\.cs"),
     regex(r"\.Database\.Migrate(?:Async)?\(")),
    ("typeorm",
     regex(r"(?:data-?source|app\.module|[\w.-]*(?:typeorm|ormconfig|database)[\w.-]*)\.[jt]s", re.IGNORECASE),
     regex(r"\bmigrationsRun\s*:\s*true\b")),
    ("mikro-orm", regex(r"(?:main|index|[\w.-]*(?:mikro|migrat|database)[\w.-]*)\.[jt]s"),
     regex(r"\bgetMigrator\(\)\s*\.up\(")),
    ("sqlx", regex(r"(?:main|lib|mod|\w*(?:db|database|migrat|store|storage)\w*)\.rs"), regex(r"\bmigrate!\(")),
    ("diesel", regex(r"(?:main|lib|mod|\w*(?:db|database|migrat)\w*)\.rs"), regex(r"\brun_pending_migrations\(")),
    ("goose", regex(r"(?:main|\w*(?:db|database|migrat|store|postgres)\w*)\.go"),
     regex(r"\bgoose\.Up(?:Context)?\(")),
    ("golang-migrate", regex(r"(?:main|\w*(?:db|database|migrat|store|postgres)\w*)\.go"),
     regex(r"\bmigrate\.New(?:With\w+)?\(")),
)  # fmt: skip
"""How the application's own code runs the migrations of a tool when it starts, and the names of files that do."""
_TESTED = regex(r"(?:^|[/._-])(?:\w*tests?|spec|e2e|fixtures?|global-setup)(?:[/._-]|$)", re.IGNORECASE)


def in_code(files: Files, own: Sequence[str], folders: Sequence[Folder]) -> Iterator[MigrationRunner]:
    """What migrates from the code of the application, for each folder of the tool."""
    for tool, names, call in _IN_CODE:
        meant = [folder for folder in folders if folder.tool == tool]
        for path in own if meant else ():
            if not names.fullmatch(PurePosixPath(path).name) or _TESTED.search(path):
                continue
            source = files.read(path)
            found = call.search(source.text) if source is not None else None
            if source is None or found is None:
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


def runners(files: Files, own: Sequence[str], folders: Sequence[Folder]) -> Iterator[MigrationRunner]:
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


def _runner(files: Files, script: str, folders: Sequence[Folder]) -> Iterator[MigrationRunner]:
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
