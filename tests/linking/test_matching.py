"""The matching with the largest sum, held to trying every one."""

from __future__ import annotations

import itertools
import random

import pytest

from policyengine.linking.matching import best_matching, matched

MATRICES = [(rows, columns, seed) for rows in range(1, 5) for columns in range(1, 5) for seed in range(4)]


def largest(weights: list[list[int]]) -> int:
    rows, columns = len(weights), len(weights[0])
    if rows > columns:
        return largest([list(column) for column in zip(*weights, strict=True)])
    return max(
        sum(weights[row][column] for row, column in enumerate(chosen))
        for chosen in itertools.permutations(range(columns), rows)
    )


@pytest.mark.parametrize(("rows", "columns", "seed"), MATRICES)
def test_no_other_matching_has_a_larger_sum(rows: int, columns: int, seed: int) -> None:
    drawn = random.Random(f"{rows} {columns} {seed}")
    weights = [[drawn.choice([0, 0, 1, 2, 5, 9]) for _ in range(columns)] for _ in range(rows)]
    found = best_matching(weights)
    assert sum(weights[row][column] for row, column in found) == largest(weights)
    assert len({row for row, _ in found}) == len({column for _, column in found}) == len(found)
    assert all(weights[row][column] > 0 for row, column in found)
    assert found == sorted(found)
    places = {
        (row, column): weights[row][column] for row in range(rows) for column in range(columns) if weights[row][column]
    }
    assert sum(places[place] for place in matched(places)) == largest(weights)


@pytest.mark.parametrize("weights", [[], [[]], [[0]], [[0, 0], [0, 0]]])
def test_nothing_is_matched_where_nothing_speaks_for_it(weights: list[list[int]]) -> None:
    assert best_matching(weights) == []


def test_parts_that_share_nothing_are_matched_apart() -> None:
    assert matched({(0, 0): 5, (1, 1): 3, (2, 1): 4, (7, 9): 1}) == [(0, 0), (2, 1), (7, 9)]


def test_a_large_part_is_matched_heaviest_first() -> None:
    chain = {(number, number): 10 for number in range(121)} | {(number, number + 1): 9 for number in range(120)}
    assert matched(chain) == [(number, number) for number in range(121)]
    heavier = chain | {(0, 1): 11}
    assert matched(heavier)[:2] == [(0, 1), (2, 2)]
    small = {(0, 0): 10, (0, 1): 11, (1, 1): 10}
    assert matched(small) == [(0, 0), (1, 1)]
