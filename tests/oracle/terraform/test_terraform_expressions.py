from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from policyengine.platforms.terraform.language.functions import supported

sys.path.insert(0, str(Path(__file__).parent))
import compare_expressions  # type: ignore[import-not-found]  # a tool beside this test

RECORD = json.loads((Path(__file__).parent / "expressions.json").read_text("utf-8"))


LEFT_OPEN = compare_expressions.left_open()


@pytest.mark.parametrize("expression", sorted(LEFT_OPEN))
def test_what_is_left_open_has_a_reason_and_no_value(expression: str) -> None:
    assert expression in RECORD["values"]
    assert compare_expressions.ours(expression).startswith("unknown: ")


@pytest.mark.parametrize("expression", [each for each in RECORD["values"] if each not in LEFT_OPEN])
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
    assert len(RECORD["values"]) >= 900


OF_FILES = frozenset({name for name in supported() if name.startswith("file")}) | {"templatefile", "abspath"}
"""Compared by the modules of compare_modules.py."""
NOT_IN_TERRAFORM = frozenset({"list", "map", "urldecode"})
"""Of releases before 0.15 and of OpenTofu."""


@pytest.mark.parametrize("name", sorted(supported() - OF_FILES - NOT_IN_TERRAFORM))
def test_every_function_is_compared_with_terraform(name: str) -> None:
    assert any(re.search(rf"(?<!\w){name}\(", expression) for expression in RECORD["values"])
