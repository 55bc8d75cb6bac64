"""What a user sees of the two trees is what was reviewed. `python -m tests.records.record` writes it again."""

from __future__ import annotations

import pytest

from tests.records.record import FOLDER, RECORDS


@pytest.mark.parametrize("name", RECORDS)
def test_a_user_sees_what_was_reviewed(name: str) -> None:
    assert RECORDS[name]().splitlines() == (FOLDER / f"{name}.txt").read_text("utf-8").splitlines(), (
        "run: python -m tests.records.record, and read the difference"
    )
