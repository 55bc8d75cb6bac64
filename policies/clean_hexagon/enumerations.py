"""Several names in one message."""

from collections.abc import Sequence

MOST = 4
"""How many names a message holds; of further ones it tells the number."""


def enumerated(names: Sequence[str]) -> str:
    """The names one after the other: `a, b, c, d, 3 more`."""
    return ", ".join(names if len(names) <= MOST else [*names[:MOST], f"{len(names) - MOST} more"])
