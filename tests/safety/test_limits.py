"""No small tree keeps a scan busy: each is scanned in a child process of which processor time and memory are counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.safety.multiplying import trees

GROUPS = 16


def exceeding(first: int, each: int) -> str:
    """A line for each of the trees that takes more than it may, in a process of its own."""
    command = [sys.executable, "-m", "tests.safety.measured", str(first), str(each)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    return done.stdout.strip()


def test_there_are_more_than_120_trees_that_multiply_beside_those_of_one_value() -> None:
    assert len([name for name in trees() if not name.startswith("value/")]) > 120


@pytest.mark.parametrize("group", range(2))
def test_some_small_trees_that_multiply_are_scanned_in_time(group: int) -> None:
    assert exceeding(group * 16, 32) == ""


@pytest.mark.limits
@pytest.mark.parametrize("group", range(GROUPS))
def test_every_small_tree_that_multiplies_is_scanned_in_time(group: int) -> None:
    assert exceeding(group, GROUPS) == ""
