"""Reading Terraform at the command line, beside `terraform fmt -check -recursive` on the same tree in the same run.

    python benchmarks/terraform.py FOLDER [ROUNDS]

FOLDER is a tree of at least 700 `.tf` files. Each round runs every command once, so that a change of the machine's
speed falls on all of them; medians are compared. Cold is an empty cache; cached is a second run. Both are repeated on
ten copies of the tree, where memory is the sum of the resident sizes of all processes at its highest (pages that they
share count for each of them). `cpu` is user and system time of all processes, which suffers less from a busy machine.

`policyengine scan --jobs 2` parses the blocks that some rule may ask for, and it is held to the limits. A tree may hold
few such blocks: "every block" tells what the same reader takes for all of them, with two workers as well.

A cached scan prints the report of the first one again, unless the program was edited in between: what runs is a copy.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from policyengine.platforms.terraform.workspace.folders import ENDS, read
from policyengine.platforms.terraform.workspace.syntaxes import Syntaxes
from policyengine.repository.cache import user_cache
from policyengine.repository.discover import discover

if TYPE_CHECKING:
    from policyengine.model.source import Source
    from policyengine.syntax.hcl import RawAttribute, RawBlock

ROOT = Path(__file__).parent.parent
COPIES = 10
COLD, CACHED, GROWTH, MEMORY = 2.5, 0.5, 10.5, 1_000_000_000
"""The limits: cold and cached as multiples of Terraform's time, ten copies as a multiple of one, bytes."""


class Run(NamedTuple):
    """Seconds on the clock, seconds of all processors, and bytes of memory at the highest."""

    wall: float
    cpu: float
    memory: int = 0


def measure(command: list[str], cache: Path, *, memory: bool = False) -> Run:
    """One run of a command."""
    environment = {**os.environ, "POLICYENGINE_CACHE_DIR": str(cache), "TF_CLI_CONFIG_FILE": os.devnull}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = [0]
    watch = threading.Thread(target=_watch, args=(process, peak))
    if memory:
        watch.start()
    _, errors = process.communicate()
    wall = time.perf_counter() - start
    if memory:
        watch.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in (0, 1, 3):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {errors.decode()[-500:]}")
    return Run(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak[0])


def _watch(process: subprocess.Popen[bytes], peak: list[int]) -> None:
    while process.poll() is None:
        peak[0] = max(peak[0], sum(_resident(each) for each in _family(process.pid)))
        time.sleep(0.02)


def _family(process: int) -> list[int]:
    """A process and all that descend from it, on Linux."""
    found = [process]
    for each in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found.extend(map(int, (task / "children").read_text().split()))
    return found


def _resident(process: int) -> int:
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize()
    return 0


def read_everything(folder: Path) -> None:
    """Parse every block and attribute of every Terraform file, with two workers and the user's cache."""
    gc.set_threshold(50_000)  # as the command line does
    tree = discover([folder])
    syntaxes = Syntaxes(user_cache(folder))
    sources = [source for path in tree.paths if path.endswith(ENDS) and (source := tree.read(path)) is not None]
    files = [read(source) for source in sources]
    wanted: list[tuple[Source, RawBlock | RawAttribute]] = [(file.source, raw) for file in files for raw in file.blocks]
    wanted += [(file.source, raw) for file in files for raw in file.attributes]
    syntaxes.prepare(wanted, 2)
    for source, raw in wanted:
        syntaxes.syntax(source, raw)
    syntaxes.flush()


class Measurement:
    """The commands on one tree, round after round."""

    def __init__(self, folder: Path, caches: Path) -> None:
        self.folder, self.caches = folder, caches
        self.runs: dict[str, list[Run]] = {}

    def round(self, *, memory: bool = False) -> None:
        """Run every command once: Terraform, then each of ours cold and cached."""
        self._run("terraform fmt", ["terraform", "fmt", "-check", "-recursive", str(self.folder)], self.caches, memory)
        for name, command in OURS.items():
            cache = Path(tempfile.mkdtemp(dir=self.caches))
            for state in ("cold", "cached"):
                self._run(f"{name}, {state}", [*command, str(self.folder)], cache, memory)
            shutil.rmtree(cache)

    def _run(self, name: str, command: list[str], cache: Path, memory: bool) -> None:  # noqa: FBT001 - not public
        self.runs.setdefault(name, []).append(measure(command, cache, memory=memory))

    def median(self, name: str) -> Run:
        """The medians of a command's runs."""
        runs = self.runs[name]
        middle = statistics.median
        return Run(middle(run.wall for run in runs), middle(run.cpu for run in runs), max(run.memory for run in runs))


OURS = {
    "scan": [sys.executable, "-m", "policyengine", "scan", "--jobs", "2", "--fail-on", "never"],
    "every block": [sys.executable, __file__, "--read-everything"],
}


def main() -> int:
    """Print times, ratios and limits; the exit code tells whether the limits hold."""
    if sys.argv[1:2] == ["--read-everything"]:
        read_everything(Path(sys.argv[2]))
        return 0
    folder = Path(sys.argv[1]).resolve()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    files = [path for path in folder.rglob("*.tf") if path.is_file()]
    print(
        f"{len(files)} .tf files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB, {rounds} rounds, medians"
    )
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        for package in (ROOT / "policyengine", ROOT / "policies" / "clean_hexagon"):
            shutil.copytree(package, work / "code" / package.name, ignore=shutil.ignore_patterns("__pycache__"))
        os.environ["PYTHONPATH"] = str(work / "code")
        many = work / "copies"
        for number in range(COPIES):
            shutil.copytree(folder, many / f"copy{number}", symlinks=True)
        one, ten = Measurement(folder, work), Measurement(many, work)
        for number in range(rounds):
            one.round()
            if number < max(1, rounds // 2):
                ten.round(memory=True)
    return 0 if _report(one, ten) else 1


def _report(one: Measurement, ten: Measurement) -> bool:
    base = one.median("terraform fmt")
    print(f"{'':22}{'wall':>8}{'cpu':>8}{'ratio of wall':>15}{'of cpu':>8}{'limit':>7}")
    print(f"{'terraform fmt':22}{base.wall:7.2f}s{base.cpu:7.2f}s")
    kept = True
    for name in one.runs:
        if name == "terraform fmt":
            continue
        run = one.median(name)
        ratio = run.wall / base.wall
        shown = ""
        if name.startswith("scan"):
            limit = COLD if name.endswith("cold") else CACHED
            kept, shown = kept and ratio <= limit, f"{limit:7.1f}"
        print(f"{name:22}{run.wall:7.2f}s{run.cpu:7.2f}s{ratio:15.2f}{run.cpu / base.cpu:8.2f}{shown}")
    print(f"{COPIES} copies{'':13}{'wall':>8}{'cpu':>8}{'growth of wall':>15}{'of cpu':>8}{'limit':>7}{'memory':>10}")
    for name in ten.runs:
        run, single = ten.median(name), one.median(name)
        growth = run.wall / single.wall
        ours = name.startswith("scan")
        kept = kept and (not ours or (growth <= GROWTH and run.memory < MEMORY))
        shown = f"{GROWTH:7.1f}" if ours else f"{'':7}"
        print(
            f"{name:22}{run.wall:7.2f}s{run.cpu:7.2f}s{growth:15.2f}{run.cpu / single.cpu:8.2f}{shown}"
            f"{run.memory / 1e6:7.0f} MB"
        )
    print(f"the limit of memory is {MEMORY / 1e6:.0f} MB; " + ("all limits hold" if kept else "A LIMIT DOES NOT HOLD"))
    return kept


if __name__ == "__main__":
    sys.exit(main())
