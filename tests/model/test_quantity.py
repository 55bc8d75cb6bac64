"""Amounts, in the spellings that the documentation of Compose and of ECS shows."""

from __future__ import annotations

import pytest

from policyengine.model.quantity import mebibytes, processors, seconds


@pytest.mark.parametrize(
    ("text", "in_units", "amount"),
    [("0.5", False, 0.5), (".25", False, 0.25), ("512", True, 0.5), (".5 vCPU", True, 0.5), ("1 vcpu", True, 1.0)],
)
def test_processors_are_a_fraction_or_units_of_ecs(text: str, in_units: bool, amount: float) -> None:
    assert processors(text, in_units=in_units) == amount


@pytest.mark.parametrize(
    ("text", "plain", "amount"),
    [
        ("1024", "m", 1024.0), ("2 GB", "m", 2048.0), ("1GB", "m", 1024.0), ("512M", "b", 512.0), ("300m", "b", 300.0),
        ("1gb", "b", 1024.0), ("2b", "b", 2 / 2**20), ("1024kb", "b", 1.0), ("1048576", "b", 1.0), ("1GiB", "b", 1024.0),
    ],
)  # fmt: skip
def test_memory_is_counted_in_mebibytes_whatever_its_unit(text: str, plain: str, amount: float) -> None:
    assert mebibytes(text, plain=plain) == amount


@pytest.mark.parametrize(
    ("text", "amount"),
    [("30", 30.0), ("1m30s", 90.0), ("1h5m30s20ms", 3930.02), ("10ms", 0.01), ("1.5h", 5400.0), ("20µs", 2e-05)],
)
def test_times_are_counted_in_seconds(text: str, amount: float) -> None:
    assert seconds(text) == pytest.approx(amount)


@pytest.mark.parametrize("text", ["", "much", "1 2", "5x", "-1", "1.2.3", "max"])
def test_a_text_that_is_no_amount_is_none(text: str) -> None:
    assert (processors(text, in_units=True), mebibytes(text, plain="b"), seconds(text)) == (None, None, None)
