"""Wall time of `policyengine scan fixtures/hndigest`, as ratios.

    python benchmarks/scan.py [RUNS]

| ratio | limit |
| --- | --- |
| a cold scan to `python -c pass` | 35 |
| a cached scan to `python -c pass` | 15 |
| the first run, with an empty cache, to a cold scan with nothing kept | 1.3 |
| a cold scan beside 100,000 files of no concern to a cold scan without them | 5 |

The commands run in turn, so that a change of the machine's speed falls on all of them; medians are compared. Cold is
`--no-cache`; cached is a second run over the same files.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STACK = Path(__file__).parent.parent / "fixtures" / "hndigest"
FILES = 100_000
LIMITS = {("cold", "pass"): 35, ("cached", "pass"): 15, ("first", "cold"): 1.3, ("beside many", "cold"): 5}


def measure(command: list[str], cache: Path) -> float:
    """The wall time of one run in seconds."""
    environment = {**os.environ, "POLICYENGINE_CACHE_DIR": str(cache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its byte code
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def scan(folder: Path, *words: str) -> list[str]:
    """The command that scans a folder."""
    return [sys.executable, "-m", "policyengine", "scan", str(folder), "--fail-on", "never", *words]


def surround(folder: Path) -> Path:
    """The reference stack with many files beside it that no platform wants."""
    made = Path(shutil.copytree(STACK, folder / "many"))
    for number in range(FILES // 100):
        place = made / "data" / f"{number:04}"
        place.mkdir(parents=True)
        for index in range(100):
            (place / f"picture-{number:04}-{index:02}.{('png', 'txt', 'md', 'css', 'svg')[index % 5]}").touch()
    return made


def main() -> int:
    """Print the ratios; the exit code tells whether the limits hold."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        commands = {
            "pass": [sys.executable, "-c", "pass"],
            "cold": scan(STACK, "--no-cache"),
            "cached": scan(STACK),
            "first": scan(STACK),
            "beside many": scan(surround(work), "--no-cache"),
        }
        for command in commands.values():
            measure(command, work / "cache")
        times: dict[str, list[float]] = {name: [] for name in commands}
        for run in range(runs):
            for name, command in commands.items():
                times[name].append(measure(command, work / (f"empty{run}" if name == "first" else "cache")))
    medians = {name: statistics.median(each) for name, each in times.items()}
    for name, median in medians.items():
        print(f"{name:12} {median * 1000:8.1f} ms")
    kept = True
    for (name, other), limit in LIMITS.items():
        ratio = medians[name] / medians[other]
        kept = kept and ratio <= limit
        print(f"{name} to {other}: {ratio:.2f} (the limit is {limit})")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
