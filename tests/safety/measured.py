"""Scans the trees that multiply in child processes of which processor time and memory are counted.

`python -m tests.safety.measured FIRST EACH` scans each so many of them, beginning with one, and prints a line for each that
takes more than it may. Children are forked from a process that has loaded the program, so that a scan alone is counted.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from policyengine import cli
from tests.safety.multiplying import trees

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SECONDS = 10.0
"""The slowest take seven or eight on a machine that does other things, too."""

MEGABYTES = 500.0

WARM = {
    "compose.yml": "services: {a: {image: b}}\n",
    "main.tf": 'resource "aws_db_instance" "d" {\n  engine = "postgres"\n}\n',
    "Dockerfile": "FROM node:22\nRUN a && b\n",
    ".github/workflows/ci.yml": "on: push\njobs: {a: {runs-on: b, steps: [{run: docker compose up}]}}\n",
    ".gitignore": "a\n",
}
"""A tree of each kind, scanned first, so that no child has to load what is loaded on demand."""


class Measure(NamedTuple):
    """What a scan took: its exit code (negative for a signal), seconds of processor time, MB of memory, and words."""

    code: int
    seconds: float
    megabytes: float
    said: str
    complained: str


def planted(root: Path, files: Mapping[str, str]) -> Path:
    """A tree of files."""
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "surrogatepass"))
    return root


def measured(words: Sequence[str], room: Path, *, seconds: int, megabytes: int) -> Measure:
    """Run the command line in a child that may take so much processor time and memory."""
    out, err = room / "stdout", room / "stderr"
    child = os.fork()
    if child == 0:
        code = 99
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
            for path, number in ((out, 1), (err, 2)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
            sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
            code = cli.main(words)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
    _, status, usage = os.wait4(child, 0)
    return Measure(
        os.waitstatus_to_exitcode(status),
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
        out.read_text("utf-8", "replace"),
        err.read_text("utf-8", "replace"),
    )


def exceeding(first: int, each: int, room: Path) -> list[str]:
    """What is said of the trees whose scan takes more than it may, dies, or does not end in a report."""
    cli.main(["scan", str(planted(room / "warm", WARM)), "--no-cache", "-o", str(room / "warm.txt")])
    chosen = list(islice(trees().items(), first, None, each))
    found = []
    for number, (name, files) in enumerate(chosen):
        words = ["scan", str(planted(room / f"t{number}", files)), "--no-cache", "--jobs", "1"]
        taken = measured(words, room, seconds=int(SECONDS) + 5, megabytes=4_000)
        held = taken.seconds <= SECONDS and taken.megabytes <= MEGABYTES
        # 2 is for a policyengine.yaml that is not valid; an internal error is told with 3, too
        if not held or taken.code not in (0, 1, 2, 3) or "internal error" in taken.said + taken.complained:
            told = taken.complained.strip().split("\n")[0]
            found.append(f"{name}: {taken.code}, {taken.seconds:.1f} s, {taken.megabytes:.0f} MB {told}")
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print("\n".join(exceeding(int(sys.argv[1]), int(sys.argv[2]), Path(folder))))
