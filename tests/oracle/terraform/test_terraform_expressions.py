from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import compare_expressions  # type: ignore[import-not-found]  # a tool beside this test

RECORD = json.loads((Path(__file__).parent / "expressions.json").read_text("utf-8"))


@pytest.mark.parametrize("expression", RECORD["values"])
def test_an_expression_has_the_value_that_terraform_recorded(expression: str) -> None:
    assert compare_expressions.ours(expression) == RECORD["values"][expression]


@pytest.mark.oracle
@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_the_record_is_what_the_installed_terraform_says() -> None:
    if compare_expressions.version() != RECORD["terraform"]:
        pytest.skip(f"recorded with Terraform {RECORD['terraform']}, installed is {compare_expressions.version()}")
    found = list(RECORD["values"])
    assert dict(zip(found, compare_expressions.terraform(found), strict=True)) == RECORD["values"]


def test_the_suite_is_recorded() -> None:
    assert set(RECORD["values"]) <= set(compare_expressions.expressions())
    assert len(RECORD["values"]) >= 600
