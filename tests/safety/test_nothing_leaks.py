"""No secret that a name, a marking or a form tells comes out of any command, in any format, on stderr or in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.safety import fresh, plants
from tests.safety.spill import leaked, planted, spilled, write

if TYPE_CHECKING:
    from pathlib import Path


TREES = plants.TREES | {f"fresh {name}": tree for name, tree in fresh.TREES.items()}


@pytest.mark.parametrize("tree", TREES)
def test_no_planted_secret_comes_out(
    tree: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, cache = tmp_path / "tree", tmp_path / "cache"
    files, secrets = planted(TREES[tree])
    write(root, files)
    monkeypatch.setenv("POLICYENGINE_CACHE_DIR", str(cache))
    places: dict[str, list[str]] = {}
    for what, text in spilled(root, cache, capfd):
        for name in leaked(secrets, text):
            places.setdefault(name, []).append(what)
    assert {name: found[:6] for name, found in places.items()} == {}
