"""How much work a scan may do where work multiplies: one account that all who evaluate draw from.

A step is what takes about two microseconds: evaluating an expression, making a node of a value or sixteen characters
of text. Reading a text once is not counted; what a few lines can make large is. What exceeds the account is Unknown
with that reason, and the rest goes on.
"""

from __future__ import annotations

from msgspec import Struct

STEPS = 1_500_000
"""Steps of one scan: three seconds and some 300 MB."""

PER_CHARACTER = 4
"""Steps more for each character that is read: a large repository may take more work, a small one may not."""

SHARE = 200_000
"""Steps of one value, so that one alone cannot use up the account."""

REASON = "it takes more work than a scan may do"


class Exhausted(Exception):  # noqa: N818 - said of the account
    """The account, or a value's share of it, is used up."""

    def __init__(self) -> None:
        super().__init__(REASON)


class Budget(Struct):
    """What is left of the steps of a scan, or of a value's share."""

    left: int = STEPS

    def spend(self, steps: int) -> None:
        """Count steps. Raises Exhausted when there are no more."""
        self.left -= steps
        if self.left < 0:
            raise Exhausted

    def begin(self) -> int:
        """Open the share of one value; gives the steps beyond it, for `end`."""
        beyond = max(self.left - SHARE, 0)
        self.left -= beyond
        return beyond

    def end(self, beyond: int) -> None:
        """Close the share."""
        self.left = max(self.left, 0) + beyond
