from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from policyengine import plugins
from policyengine.testing import read_reference

if TYPE_CHECKING:
    from policyengine.plugins import Plugins
    from policyengine.rules.rule import Pack

ROOT = Path(__file__).parent.parent

# a machine that does other things beside is slow, not wrong
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(scope="session")
def reference() -> dict[str, str]:
    return read_reference(ROOT / "fixtures" / "hndigest")


@pytest.fixture(scope="session", autouse=True)
def installed() -> Plugins:
    """What is installed before a test puts something of its own on the path."""
    return plugins.environment()


@pytest.fixture(scope="session")
def packs(installed: Plugins) -> tuple[Pack[object], ...]:
    return installed.packs
