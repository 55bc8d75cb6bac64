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

_STARTS = regex(r"(?:main|app|asgi|wsgi|server|run|lifespan|startup|apps|database|db|session|__init__|__main__)\.py")
_BEGINS = regex(r"(?:main|app|index|server|bootstrap|instrumentation)\.[cm]?[jt]s")
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
    ("alembic", _STARTS,
     regex(r"\b(?:alembic\.)?(?:\w*command\.)?upgrade\(\s*[\w.]+\s*,\s*(?:revision\s*=\s*)?[\"']heads?[\"']")),
    ("django", _STARTS, regex(r"\bcall_command\(\s*[\"']migrate[\"']")),
    ("knex", _BEGINS, regex(r"\.migrate\s*\.latest\(")),
    ("drizzle", _BEGINS, regex(r"\bmigrate\(\s*\w+\s*,\s*\{\s*migrationsFolder\b")),
)  # fmt: skip
"""How the application's own code runs the migrations of a tool when it starts, and the names of files that do."""
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


def in_code(files: Files, own: Sequence[str], folders: Sequence[Folder]) -> Iterator[MigrationRunner]:
    """What migrates from the code of the application, for each folder of the tool."""
    told: list[tuple[str, bool]] | None = None
    for tool, names, call in _IN_CODE:
        meant = [folder for folder in folders if folder.tool == tool]
        for path in own if meant else ():
            if not names.fullmatch(PurePosixPath(path).name) or _TESTED.search(path):
                continue
            source = files.read(path)
            found = call.search(source.text) if source is not None else None
            if source is None or found is None:
                continue
            if path.endswith(".go"):
                told = list(_told(files)) if told is None else told
                if _stands_alone(source, told):
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
