"""Runs scans in child processes of which processor time and memory are counted.

Children are forked from a process that has loaded the program, so that what is counted is the scan alone.
"""

from __future__ import annotations

import os
import resource
import sys
from typing import TYPE_CHECKING, NamedTuple

from policyengine import cli

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


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
