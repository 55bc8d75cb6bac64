"""Maximum-weight matching of a sparse bipartite graph, in each of its connected parts.

A small part is solved exactly (Kuhn, 1955; the O(n³) form with potentials), a large one greedily, heaviest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


_LARGEST = 120
"""The most rows or columns of a part that is solved exactly."""


def matched(weights: Mapping[tuple[int, int], int]) -> list[tuple[int, int]]:
    """Pairs (row, column) with the largest sum of the given weights, sorted; each row and column at most once."""
    found: list[tuple[int, int]] = []
    for part in _parts(weights):
        rows, columns = sorted({row for row, _ in part}), sorted({column for _, column in part})
        if max(len(rows), len(columns)) <= _LARGEST:
            matrix = [[weights.get((row, column), 0) for column in columns] for row in rows]
            found.extend((rows[row], columns[column]) for row, column in best_matching(matrix))
        else:
            found.extend(_greedy(part, weights))
    return sorted(found)


def _parts(places: Iterable[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The places grouped by connected part, in the order of their first."""
    parent: dict[tuple[str, int], tuple[str, int]] = {}

    def top(each: tuple[str, int]) -> tuple[str, int]:
        while (above := parent.setdefault(each, each)) != each:
            parent[each] = parent[above]
            each = parent[each]
        return each

    ordered = sorted(places)
    for row, column in ordered:
        parent[top(("row", row))] = top(("column", column))
    parts: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for place in ordered:
        parts.setdefault(top(("row", place[0])), []).append(place)
    return list(parts.values())


def _greedy(part: Sequence[tuple[int, int]], weights: Mapping[tuple[int, int], int]) -> list[tuple[int, int]]:
    rows: set[int] = set()
    columns: set[int] = set()
    found = []
    for row, column in sorted(part, key=lambda place: (-weights[place], place)):
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            found.append((row, column))
    return found


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
