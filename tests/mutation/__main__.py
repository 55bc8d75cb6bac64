"""`python -m tests.mutation`: change the code a little, many times, and see whether a test notices.

The working tree is never touched: copies of it are changed. See CONTRIBUTING.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, NamedTuple

from tests.mutation.changes import Change, changes
from tests.mutation.reach import Reach, environment, record

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
PARTS = {
    "pack": ("policies/clean_hexagon",),
    "linking": ("policyengine/linking", "policyengine/rules"),
    "platforms": ("policyengine/platforms",),
    "reports": ("policyengine/reports",),
}
_FIRST = 40
"""So many of the most particular tests are run before all others."""
_LEAVE_OUT = (
    ".git",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".import_linter_cache",
    ".hypothesis",
    "__pycache__",
)
KNOWN = Path(__file__).with_name("survivors.json")
"""Changes that may pass, with the reason, by file, line as it is written and text."""


class Outcome(NamedTuple):
    """What came of a change: `caught`, `survived`, `unreached`, or `equivalent` and `accepted` with their reason."""

    change: Change
    what: str
    detail: str = ""


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part (repeatable)")
    parser.add_argument("--number", type=int, default=60, help="changes for each part (60)")
    parser.add_argument("--seed", type=int, default=8, help="which changes are drawn (8)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--reach", type=Path, help="folder of recorded coverage to use though the code has changed")
    parser.add_argument(
        "--also", action="append", default=[], help="a file of tests newer than that record (repeatable)"
    )
    parser.add_argument("--only", default="", help="only changes of files whose path holds this text")
    parser.add_argument("--list", action="store_true", help="only list the changes that are drawn")
    given = parser.parse_args()
    parts = given.part or list(PARTS)
    drawn = {part: draw(part, given.number, given.seed, given.only) for part in parts}
    if given.list:
        for part, chosen in drawn.items():
            for change in chosen:
                print(f"{part}: {change.path}:{change.line} {change.kind}: {change.shown}")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutation-") as scratch:
        copies = [_copy(Path(scratch) / f"tree-{number}") for number in range(given.jobs)]
        folder = given.reach or Path(tempfile.gettempdir()) / f"policyengine-reach-{_digest(copies[0])}"
        if not (folder / "seconds.json").is_file():
            print(f"recording which test reaches which line, into {folder}", flush=True)
            record(copies[0], folder, given.jobs)
        reach = Reach(copies[0], folder)
        outcomes = {part: list(_judge(chosen, copies, reach, given.also)) for part, chosen in drawn.items()}
    _report(outcomes)
    return 0


def draw(part: str, number: int, seed: int, only: str = "") -> list[Change]:
    """Changes of a part, drawn at random from all that there are."""
    every = [
        change
        for folder in PARTS[part]
        for file in sorted((ROOT / folder).rglob("*.py"))
        for change in changes(file.relative_to(ROOT).as_posix(), file.read_text("utf-8"))
        if only in change.path
    ]
    chosen = random.Random(f"{seed} {part}").sample(every, min(number, len(every)))
    return sorted(chosen)


def _copy(target: Path) -> Path:
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*_LEAVE_OUT), symlinks=True)
    return target


def _digest(tree: Path) -> str:
    files = sorted(
        path for top in ("policyengine", "policies", "tests", "fixtures") for path in (tree / top).rglob("*")
    )
    digest = hashlib.sha256()
    for path in files:
        if path.is_file() and not path.is_symlink():
            digest.update(path.relative_to(tree).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _judge(chosen: list[Change], copies: list[Path], reach: Reach, also: list[str]) -> Iterator[Outcome]:
    """What comes of each change, told as it becomes known."""
    free: Queue[Path] = Queue()
    for tree in copies:
        free.put(tree)

    def one(change: Change) -> Outcome:
        tree = free.get()
        try:
            return _known(_run(change, tree, reach, also))
        finally:
            free.put(tree)

    with ThreadPoolExecutor(len(copies)) as pool:
        for outcome in pool.map(one, chosen):
            print(f"{outcome.what:10} {outcome.change.path}:{outcome.change.line} {outcome.change.shown}", flush=True)
            yield outcome


def _run(change: Change, tree: Path, reach: Reach, also: list[str]) -> Outcome:
    tests = reach.tests(change.path, change.line)
    if not tests and not also:
        return Outcome(change, "unreached")
    file = tree / change.path
    original = file.read_text("utf-8")
    file.write_text(change.applied(original), "utf-8")
    try:
        for some in (tests[:_FIRST], also, tests[_FIRST:]):
            if some and (why := _fails(some, tree, sum(reach.seconds.get(test, 60) for test in some))):
                return Outcome(change, "caught", why)
    finally:
        file.write_text(original, "utf-8")
    return Outcome(change, "survived" if tests else "unreached", f"{len(tests)} tests")


def _fails(tests: list[str], tree: Path, seconds: float) -> str:
    """Why the tests do not pass; empty when they do."""
    listed = tree / ".tests"
    listed.write_text("\n".join(tests))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header", "--tb=no", "-n0"]
    command += ["--hypothesis-seed=0", f"@{listed}"]
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env=environment(tree),
            timeout=60 + 5 * seconds,
            capture_output=True,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "it takes too long"
    return (
        ""
        if done.returncode == 0
        else next(
            (line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))), "it does not start"
        )
    )


def _known(outcome: Outcome) -> Outcome:
    """The outcome with what was found out about a change that passes."""
    if outcome.what == "caught" or not KNOWN.is_file():
        return outcome
    line = (ROOT / outcome.change.path).read_text("utf-8").splitlines()[outcome.change.line - 1].strip()
    for known in json.loads(KNOWN.read_text("utf-8")):
        if (known["path"], known["line"], known["text"]) == (outcome.change.path, line, outcome.change.text):
            return Outcome(outcome.change, known["what"], known["reason"])
    return outcome


def _report(outcomes: dict[str, list[Outcome]]) -> None:
    """What is caught in each part, and what is not."""
    print()
    everything = [outcome for found in outcomes.values() for outcome in found]
    for outcome in everything:
        if outcome.what != "caught":
            change = outcome.change
            print(f"{outcome.what} {change.path}:{change.line} {change.kind}: {change.shown}  ({outcome.detail})")
    for part, found in (*outcomes.items(), ("all", everything)):
        counted = Counter(outcome.what for outcome in found)
        judged = len(found) - counted["equivalent"]
        share = 100 * counted["caught"] / judged if judged else 100.0
        print(f"{part}: {counted['caught']} of {judged} caught ({share:.0f} %), {dict(sorted(counted.items()))}")


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.0f} s")
    sys.exit(code)
