"""What the Dockerfile of a database brings: extensions, and the version of pgvector as far as it is pinned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.api import Database, Known, Unknown
from policyengine.testing import scan_files

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins

NOT_KNOWN = "what the Dockerfile installs is not known"
NOT_PINNED = "the version of pgvector is not pinned"
FETCHED = "the Dockerfile builds or copies what it installs"


@pytest.mark.parametrize(
    ("lines", "extensions", "version"),
    [
        ("RUN apt-get install -y postgresql-16-pgvector=0.8.0-1.pgdg12+1", ("vector",), "0.8.0"),
        ("RUN apt-get install -y postgresql-16-pgvector openssl", ("vector",), NOT_PINNED),
        ("RUN apt-get install -y postgresql-16-madeup", NOT_KNOWN, NOT_PINNED),
        (
            "RUN apt-get install -y postgresql-16-madeup\nCOPY vector.so /usr/lib/postgresql/16/lib/",
            NOT_KNOWN,
            NOT_PINNED,
        ),
        ("RUN git clone --branch v0.7.4 https://github.com/pgvector/pgvector && make install", FETCHED, "0.7.4"),
        ("RUN echo hello", (), NOT_PINNED),
    ],
)
def test_a_dockerfile_tells_what_its_database_brings(
    lines: str, extensions: tuple[str, ...] | str, version: str, tmp_path: Path, installed: Plugins
) -> None:
    files = {"compose.yaml": "services:\n  db:\n    build: db\n", "db/Dockerfile": f"FROM postgres:16.4\n{lines}\n"}
    (store,) = scan_files(files, tmp_path, installed).graph.all(Database)
    told = [each.reason if isinstance(each, Unknown) else each for each in (store.extensions, store.vector_version)]
    found, pinned = (each.value if isinstance(each, Known) else each for each in told)
    assert (found, str(pinned)) == (extensions, version)
