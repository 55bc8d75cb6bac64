"""Maximum-weight matching of a small bipartite graph (Kuhn, 1955; the O(n³) form with potentials)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def best_matching(weights: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Pairs (row, column) with the largest sum of weights; each row and column at most once, zero weights left out.

    `weights` is a full matrix of non-negative integers. Among equal sums the choice is fixed.
    """
    if not weights or not weights[0]:
        return []
    flipped = len(weights) > len(weights[0])
    rows = [list(column) for column in zip(*weights, strict=True)] if flipped else [list(row) for row in weights]
    owner = _assign(rows)
    pairs = [(row, column) for column, row in owner.items() if rows[row][column] > 0]
    return sorted((column, row) if flipped else (row, column) for row, column in pairs)


def _assign(rows: list[list[int]]) -> dict[int, int]:
    """Column → row of the assignment of every row that costs least, where cost is the negative weight."""
    height, width = len(rows), len(rows[0])
    infinity = 1 << 62
    row_price, column_price = [0] * (height + 1), [0] * (width + 1)
    owner, back = [0] * (width + 1), [0] * (width + 1)
    for row in range(1, height + 1):
        owner[0], column = row, 0
        least, used = [infinity] * (width + 1), [False] * (width + 1)
        while True:
            used[column] = True
            current, step, following = owner[column], infinity, 0
            for other in range(1, width + 1):
                if used[other]:
                    continue
                cost = -rows[current - 1][other - 1] - row_price[current] - column_price[other]
                if cost < least[other]:
                    least[other], back[other] = cost, column
                if least[other] < step:
                    step, following = least[other], other
            for other in range(width + 1):
                if used[other]:
                    row_price[owner[other]] += step
                    column_price[other] -= step
                else:
                    least[other] -= step
            column = following
            if owner[column] == 0:
                break
        while column:
            owner[column] = owner[back[column]]
            column = back[column]
    return {column - 1: owner[column] - 1 for column in range(1, width + 1) if owner[column]}
