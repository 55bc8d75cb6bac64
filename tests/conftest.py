from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policyengine.rules import packs as plugins
from policyengine.testing import read_reference

if TYPE_CHECKING:
    from policyengine.rules.rule import Pack

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def reference() -> dict[str, str]:
    return read_reference(ROOT / "fixtures" / "hndigest")


@pytest.fixture(scope="session")
def packs() -> tuple[Pack[object], ...]:
    return plugins.load()
