"""Checks that public repositories write by hand, rebuilt as a pack: each rule holds its cases."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine import cli

if TYPE_CHECKING:
    import pytest

PACK = Path(__file__).parents[2] / "fixtures" / "packs" / "parity-checks" / "parity_checks.py"


def test_each_check_has_a_case_that_it_reports_and_one_that_it_leaves_alone(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = cli.main(["test", str(PACK), "--coverage"])
    finally:
        sys.modules.pop("parity_checks", None)
    out, err = capsys.readouterr()
    assert (code, err) == (0, ""), out
    assert out.splitlines()[-1].endswith(" cases of 2 rules passed")
