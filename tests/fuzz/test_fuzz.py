"""A short run of the fuzzing; `python -m tests.fuzz --minutes 30` is the long one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.checks import READERS, reads, scans

pytestmark = pytest.mark.fuzz


@pytest.mark.parametrize("name", sorted(READERS))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_every_reader_takes_any_text_or_refuses_it_at_a_place(name: str, seed: int) -> None:
    reads(name, Random(seed))


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_scan_of_a_changed_tree_ends_with_a_report(seed: int) -> None:
    with tempfile.TemporaryDirectory() as room:
        scans(Path(room), Random(seed))
