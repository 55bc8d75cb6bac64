"""A run that is ended leaves no worker behind, and in the cache nothing but whole entries."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from policyengine.cli import main
from policyengine.platforms.terraform.workspace.syntaxes import PARALLEL_FROM
from tests.safety.spill import write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="children are told by /proc")  # noqa: PTH112

BLOCK = 'resource "aws_db_instance" "d{n}" {{\n  engine = "postgres"\n  tags   = [{items}]\n}}\n'


def children(of: int) -> set[int]:
    """The processes that a process has started."""
    try:
        with open(f"/proc/{of}/task/{of}/children", encoding="ascii") as listed:  # noqa: PTH123  a file of the system
            return {int(each) for each in listed.read().split()}
    except OSError:
        return set()


def alive(process: int) -> bool:
    """Whether a process runs yet; one that only waits to be fetched does not."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as told:  # noqa: PTH123  as above
            return told.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(seconds: float) -> Iterator[None]:
    """Again and again, for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda each: each.name)
def test_workers_end_with_the_run(
    how: signal.Signals, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, cache = tmp_path / "tree", tmp_path / "cache"
    items = "(1), " * (PARALLEL_FROM // 450)
    write(tree, {f"f{n}.tf": BLOCK.format(n=n, items=items) for n in range(100)})
    environment = os.environ | {"POLICYENGINE_CACHE_DIR": str(cache)}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it, and so would the run
    run = subprocess.Popen(
        [sys.executable, "-m", "policyengine", "scan", str(tree), "--jobs", "2"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    workers: set[int] = set()
    for _ in until(60):
        workers |= children(run.pid)
        if len(workers) >= 2 or run.poll() is not None:
            break
    assert len(workers) >= 2, "the tree is large enough for workers"
    run.send_signal(how)
    _, complained = run.communicate(timeout=30)
    assert run.returncode == {signal.SIGINT: 130}.get(how, -how)
    assert b"Traceback" not in complained
    for _ in until(20):
        if not any(map(alive, workers)):
            break
    assert not any(map(alive, workers))
    assert not [each for each in cache.rglob("*") if each.is_file() and each.suffix == ".tmp"]
    write(small := tmp_path / "small", {"main.tf": BLOCK.format(n=1, items="1")})
    monkeypatch.setenv("POLICYENGINE_CACHE_DIR", str(cache))
    assert main(["scan", str(small), "--fail-on", "never"]) == 0
    assert "internal error" not in capfd.readouterr().err
