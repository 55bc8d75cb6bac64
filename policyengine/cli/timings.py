"""How long each stage and each rule of a scan took, for `scan --timings`."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 10


class Timings:
    """Is told of each stage when it begins, as a progress bar is, and adds up the seconds until the next."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._stage = "start"
        self._since = perf_counter()

    def __call__(self, stage: str, _done: int, _total: int) -> None:
        """A stage begins, which ends the one before."""
        now = perf_counter()
        self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now

    def lines(self) -> Iterator[str]:
        """The stages in their order, then the slowest rules, with seconds and their share of the whole."""
        self("", 1, 1)
        whole = sum(self._seconds.values()) or 1.0
        rules = {name: each for name, each in self._seconds.items() if name.startswith("rule ")}
        stages = [(name, each) for name, each in self._seconds.items() if name not in rules]
        slowest = sorted(rules.items(), key=lambda each: -each[1])
        rows = [*stages, (f"{len(rules)} rules", sum(rules.values())), *slowest[:_SHOWN], ("in all", whole)]
        longest = max(len(name) for name, _ in rows)
        for name, seconds in rows:
            yield f"{name:<{longest}}  {seconds:8.3f} s  {seconds / whole:6.1%}"
