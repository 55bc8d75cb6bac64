"""`primaryLocationLineHash`: the fingerprint by which GitHub follows an alert from commit to commit.

For each line, the next 100 UTF-16 units from its start, without blanks and tabs and with every line end as LF, are the
digits of a number in base 37 modulo 2^64, followed by how often that number has come up so far. After the text come
one unit 0xFFFF and zeros. The numbers come from prefix sums, so a file costs one pass whatever its lines' lengths.
"""

from __future__ import annotations

import sys
from array import array
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from policyengine.model.source import Source

_BASE = 37
_BLOCK = 100
_MASK = (1 << 64) - 1
_SHIFT = pow(_BASE, _BLOCK, 1 << 64)
_DROPPED = str.maketrans("", "", " \t")


def line_hashes(source: Source) -> tuple[str, ...]:
    """The hash of every line of a file; line `n` is at index `n - 1`."""
    text = ("\ufeff" if source.bom else "") + source.text
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_DROPPED)
    units = array("H")
    units.frombytes(text.encode("utf-16-le", "surrogatepass"))
    if sys.byteorder == "big":
        units.byteswap()
    starts = [0, *(index for index, unit in enumerate(units, 1) if unit == 10)]
    units.append(0xFFFF)
    units.extend([0] * _BLOCK)
    prefix = list(accumulate(units, lambda value, unit: (value * _BASE + unit) & _MASK, initial=0))
    seen: dict[int, int] = {}
    hashes: list[str] = []
    for start in starts:
        value = (prefix[start + _BLOCK] - prefix[start] * _SHIFT) & _MASK
        seen[value] = seen.get(value, 0) + 1
        hashes.append(f"{value:x}:{seen[value]}")
    return tuple(hashes)
