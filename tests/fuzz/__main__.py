"""Fuzzing for as long as one likes: `python -m tests.fuzz --minutes 30`. Each failure is printed with its seed."""

from __future__ import annotations

import argparse
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random

from tests.fuzz.checks import READERS, reads, scans


def main() -> int:
    """Run until the time is over; 1 where something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--only", choices=("scan", *READERS), help="only the whole scan, or only one reader")
    given = parser.parse_args()
    end = time.monotonic() + given.minutes * 60
    failures: Counter[str] = Counter()
    done: Counter[str] = Counter()
    seed = given.seed
    while time.monotonic() < end:
        for name in (given.only,) if given.only else ("scan", *READERS):
            for number in range(1 if name == "scan" else 10):
                done[name] += 1
                try:
                    if name == "scan":
                        with tempfile.TemporaryDirectory() as room:
                            scans(Path(room), Random(seed))
                    else:
                        reads(name, Random(seed * 10 + number))
                except Exception as error:  # noqa: BLE001  whatever it is, it is a finding
                    place = traceback.extract_tb(error.__traceback__)[-1]
                    kind = (
                        f"{name}: {type(error).__name__} in {Path(place.filename).name}:{place.lineno}: {error!s:.200}"
                    )
                    failures[kind] += 1
                    if failures[kind] == 1:
                        print(f"seed {seed if name == 'scan' else seed * 10 + number} {kind}", flush=True)
        seed += 1
    print(
        f"{sum(done.values())} runs ({done['scan']} scans), seeds {given.seed} to {seed - 1}, {len(failures)} kinds of failure"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
