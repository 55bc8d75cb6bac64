"""Time of a repository of many systems: copies of the reference stack with one divergence each.

    python benchmarks/systems.py [COPIES…]

What is compared is the time for one copy: it may grow by half from the smallest repository to the largest, else
something is not linear. Each copy must give one finding that names its system. Processor time of this process, one
worker, nothing cached.
"""

from __future__ import annotations

import gc
import shutil
import sys
import tempfile
import time
from pathlib import Path

from policyengine import engine
from policyengine.reports import json

SIZES = (10, 50, 200)
LIMIT = 1.5
STACK = Path(__file__).parent.parent / "fixtures" / "hndigest"


def write(root: Path, copies: int) -> None:
    """The copies, `service-000` and so on, each with a Redis of another major than its cloud has."""
    for number in range(copies):
        compose = root / f"service-{number:03}" / "docker-compose.yml"
        shutil.copytree(STACK, compose.parent)
        text = compose.read_text("utf-8")
        compose.write_text(text.replace("redis:7-alpine", "redis:8-alpine"), "utf-8")


def measure(copies: int) -> tuple[float, float]:
    """Seconds for the scan and for its report as JSON."""
    with tempfile.TemporaryDirectory() as place:
        write(Path(place), copies)
        start = time.process_time()
        report = engine.scan([Path(place)], cache=False, jobs=1)
        scanned = time.process_time()
        json.report(report)
        done = time.process_time()
    found = [(each.rule.id, each.systems) for each in report.results]
    if found != [("HEX411", (f"service-{number:03}",)) for number in range(copies)]:
        sys.exit(f"not one finding for each copy: {found[:3]}")
    return scanned - start, done - scanned


def main() -> int:
    """Print the times; the exit code tells whether the limit holds."""
    gc.set_threshold(200_000)  # as the command line does
    sizes = [int(word) for word in sys.argv[1:]] or SIZES
    measure(2)  # loads what is loaded once
    times = {size: measure(size) for size in sizes}
    print(f"{'copies':>7}{'scan':>10}{'a copy':>10}{'report':>10}{'a copy':>10}")
    for size, (scan, report) in times.items():
        print(f"{size:7}{scan:9.2f}s{scan / size * 1e3:7.0f} ms{report:9.2f}s{report / size * 1e3:7.0f} ms")
    growth = [times[sizes[-1]][each] / times[sizes[0]][each] / (sizes[-1] / sizes[0]) for each in (0, 1)]
    print(f"time for a copy grows {growth[0]:.2f} times in the scan, {growth[1]:.2f} in the report (limit {LIMIT})")
    return 0 if max(growth) <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
