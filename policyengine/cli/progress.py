"""A progress bar on the terminal."""

from __future__ import annotations

import sys
from time import monotonic

from policyengine.cli import output


class Bar:
    """A progress bar on the terminal, from the first second of work on."""

    WAIT = 1.0
    WIDTH = 24

    def __init__(self) -> None:
        self._start = monotonic()
        self._drawn = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Draw how much of a stage is done."""
        if monotonic() - self._start < self.WAIT and not self._drawn:
            return
        self._drawn = True
        filled = self.WIDTH * done // total if total else 0
        bar = "━" * filled + "─" * (self.WIDTH - filled) if output.unicode(sys.stderr) else "#" * filled
        sys.stderr.write(f"\r\x1b[2K{bar} {stage}")
        sys.stderr.flush()

    def done(self) -> None:
        """Take the bar away."""
        if self._drawn:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
