"""Our effective configuration equals the real Docker Compose's, or both refuse the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.oracle.compose.projects import PROJECTS, Asked
from tests.oracle.compose_oracle import command, differences, docker, engine, normal

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(command() is None, reason="docker-compose is not installed"),
]


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_the_effective_configuration_is_docker_composes(name: str, tmp_path: Path) -> None:
    asked: Asked = PROJECTS[name]
    root = tmp_path / "project"
    for path, text in asked.files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    theirs = docker(root, asked.chain, asked.environment, asked.profiles)
    ours = engine(root, asked.chain, asked.environment, asked.profiles)
    if theirs.model is None:
        assert ours.model is None, f"Docker Compose refuses it: {theirs.error}"
    else:
        assert ours.model is not None, f"we refuse it: {ours.error}"
        assert differences(ours.model, normal(theirs.model)) == []


def test_there_are_enough_projects() -> None:
    assert len(PROJECTS) >= 250
