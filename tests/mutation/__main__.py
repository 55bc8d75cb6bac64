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
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, NamedTuple

from tests.mutation.changes import Change, changes
from tests.mutation.reach import FAILED, Reach, environment, record

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
PARTS = {
    "pack": ("policies/clean_hexagon/**/*.py",),
    "linking": ("policyengine/linking/**/*.py",),
    "rules": ("policyengine/rules/**/*.py",),
    "platforms": ("policyengine/platforms/**/*.py",),
    "reports": ("policyengine/reports/**/*.py",),
    "engine": ("policyengine/e*.py", "policyengine/mending.py", "policyengine/plugin*.py", "policyengine/testing/*.py"),
}
_FIRST = 30
"""So many of the most particular tests are run for a change alone; the others for all at once that pass these."""
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
        outcomes = dict(_judged([change for chosen in drawn.values() for change in chosen], copies, reach))
    _report({part: [outcomes[change] for change in chosen] for part, chosen in drawn.items()})
    return 0


def draw(part: str, number: int, seed: int, only: str = "") -> list[Change]:
    """Changes of a part, drawn at random from all that there are."""
    every = [
        change
        for pattern in PARTS[part]
        for file in sorted(ROOT.glob(pattern))
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


def _judged(chosen: list[Change], copies: list[Path], reach: Reach) -> Iterator[tuple[Change, Outcome]]:
    """What comes of each change, told as it becomes known: alone with its first tests, then together with others."""
    free: Queue[Path] = Queue()
    for tree in copies:
        free.put(tree)

    def one(change: Change) -> Outcome | None:
        tree = free.get()
        try:
            return _alone(change, tree, reach)
        finally:
            free.put(tree)

    passed: list[Change] = []
    with ThreadPoolExecutor(len(copies)) as pool:
        for change, outcome in zip(chosen, pool.map(one, chosen), strict=True):
            if outcome is None:
                passed.append(change)
                print(f"{'passes':10} {change.path}:{change.line} {change.shown}", flush=True)
            else:
                yield change, _told(outcome)
    caught = _together(passed, copies[0], reach, len(copies))
    for change in passed:
        if change in caught:
            yield change, _told(Outcome(change, "caught", caught[change]))
        else:
            number = len(reach.tests(change.path, change.line))
            yield change, _told(Outcome(change, "survived" if number else "unreached", f"{number} tests"))


def _told(outcome: Outcome) -> Outcome:
    known = _known(outcome)
    print(f"{known.what:10} {known.change.path}:{known.change.line} {known.change.shown}", flush=True)
    return known


def _alone(change: Change, tree: Path, reach: Reach) -> Outcome | None:
    """What comes of a change with its most particular tests; nothing where these pass and there are others."""
    tests = reach.tests(change.path, change.line)
    if not tests and not reach.newer:
        return Outcome(change, "unreached")
    first = tests[:_FIRST]
    with _applied([change], tree):
        if first and (run := _run(first, tree, reach)).failed:
            return Outcome(change, "caught", run.failed[0])
    return None if reach.newer or len(tests) > _FIRST else Outcome(change, "survived", f"{len(tests)} tests")


def _together(passed: list[Change], tree: Path, reach: Reach, jobs: int) -> dict[Change, str]:
    """Which of some changes the other tests notice, and by which test.

    All are made at once. A test that fails then is run for each change that it may be about; a test that passes then
    would pass with each. This is done again for those that are left, since one change may hide another.
    """
    chosen = _apart(passed)
    later = [change for change in passed if change not in chosen]
    others = {change: [*reach.tests(change.path, change.line)[_FIRST:], *reach.newer] for change in chosen}
    tried: dict[Change, set[str]] = {change: set() for change in chosen}
    caught: dict[Change, str] = {}
    while left := [change for change in chosen if change not in caught]:
        with _applied(left, tree):
            run = _run(
                sorted({test for change in left for test in others[change]}), tree, reach, jobs=jobs, all_of=True
            )
        if not run.ended:
            if len(left) == 1:
                caught[left[0]] = run.failed[0]
                break
            half = len(left) // 2
            return (
                caught
                | _together(left[:half], tree, reach, jobs)
                | _together([*left[half:], *later], tree, reach, jobs)
            )
        before = len(caught)
        for change in left:
            about = [test for test in others[change] if test in run.failed and test not in tried[change]]
            tried[change].update(about)
            with _applied([change], tree):
                if about and (found := _run(about, tree, reach).failed):
                    caught[change] = found[0]
        if len(caught) == before:
            break
    return caught | (_together(later, tree, reach, jobs) if later else {})


def _apart(changes: list[Change]) -> list[Change]:
    """Those of some changes that can be made together, as none lies within another."""
    chosen: list[Change] = []
    for change in sorted(changes):
        if not any(each.path == change.path and change.start < each.end and each.start < change.end for each in chosen):
            chosen.append(change)
    return chosen


@contextmanager
def _applied(changes: list[Change], tree: Path) -> Iterator[None]:
    """A tree with some changes, for a while."""
    originals = {tree / change.path: (tree / change.path).read_text("utf-8") for change in changes}
    for file, text in originals.items():
        changed = text
        for change in sorted(changes, key=lambda each: each.start, reverse=True):
            if tree / change.path == file:
                changed = change.applied(changed)
        _write(file, changed)
    try:
        yield
    finally:
        for file, text in originals.items():
            _write(file, text)


def _write(file: Path, text: str) -> None:
    """Write a file, with a time by which Python sees that what it compiled is older."""
    later = file.stat().st_mtime + 1
    file.write_text(text, "utf-8")
    os.utime(file, (later, later))


class _Ran(NamedTuple):
    """Which tests failed, or why they did not run; `ended` where each of them did."""

    failed: list[str]
    ended: bool = True


def _run(tests: list[str], tree: Path, reach: Reach, *, jobs: int = 1, all_of: bool = False) -> _Ran:
    """Run tests until one fails, or all of them."""
    listed, told = tree / ".tests", tree / ".failed"
    listed.write_text("\n".join(tests))
    told.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.mutation.reach"]
    command += ["--no-header", "--tb=no", f"-n{jobs if jobs > 1 else 0}", "--hypothesis-seed=0"]
    command += [f"@{listed}"] if all_of else ["-x", f"@{listed}"]
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env=environment(tree) | {FAILED: str(told)},
            timeout=60 + 3 * sum(reach.seconds.get(test, 1) for test in tests),
            capture_output=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _Ran(["it takes too long"], ended=False)
    failed = json.loads(told.read_text("utf-8")) if told.is_file() else []
    if done.returncode > 1 or (done.returncode and not failed):
        return _Ran(failed or ["it does not start"], ended=False)
    return _Ran(failed)


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
