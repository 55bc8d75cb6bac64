"""Which tests reach which line: recorded once by running them all under coverage, asked for each change."""

from __future__ import annotations

import ast
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING

from coverage.numbits import numbits_to_nums

if TYPE_CHECKING:
    import pytest

SECONDS, FAILED = "TEST_SECONDS", "TESTS_FAILED"
"""The variables that name the files into which the time of each test, and the tests that fail, are written."""
_RUN = "not tools and not limits and not install and not every_fix"
_LONG = 5
"""Seconds."""
_TOPS = ("policyengine", "policies")
_SETTINGS = "[run]\nbranch = false\nsource =\n    policyengine\n    policies\n"
_DATA, _TIMES, _CODE = "coverage.sqlite", "seconds.json", "code"


def record(tree: Path, folder: Path, jobs: int) -> None:
    """Run every test of a tree that starts no other tool, and keep in `folder` which lines each reaches.

    Raises:
        RuntimeError: the tests do not pass.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings").write_text(_SETTINGS)
    for top in _TOPS:
        shutil.copytree(tree / top, folder / _CODE / top, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    workers = ("-n", str(jobs)) if jobs > 1 else ()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", _RUN, "-p", "tests.mutation.reach", *workers,
         "--cov", "--cov-context=test", f"--cov-config={folder / 'settings'}", "--cov-report="],
        cwd=tree, env=environment(tree) | {"COVERAGE_FILE": str(folder / _DATA), SECONDS: str(folder / _TIMES)},
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError("the tests do not pass, so no change can be judged by them")


def environment(tree: Path) -> dict[str, str]:
    """The variables with which a copy of the tree is what is imported."""
    path = os.pathsep.join([str(tree), str(tree / "policies")])
    return {
        **os.environ,
        "PYTHONPATH": path,
        "POLICYENGINE_CACHE_DIR": str(tree / ".cache"),
    }


_seconds: dict[str, float] = {}
_failed: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Pytest's hook: add up how long each test takes, and keep those that fail."""
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if report.failed:
        _failed.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Pytest's hook: write what was kept, not in a worker."""
    for variable, kept in ((SECONDS, _seconds), (FAILED, _failed)):
        if variable in os.environ and not hasattr(session.config, "workerinput"):
            Path(os.environ[variable]).write_text(json.dumps(kept))


class Reach:
    """What `record` kept of a tree that may have changed since.

    `newer` are tests that the record does not know.
    """

    def __init__(self, tree: Path, folder: Path) -> None:
        self._tree, self._code = tree, folder / _CODE
        self.seconds: dict[str, float] = json.loads((folder / _TIMES).read_text())
        collected = _collected(tree)
        self.newer = sorted(collected - self.seconds.keys())
        self._there = collected & self.seconds.keys()
        self._data = sqlite3.connect(folder / _DATA, check_same_thread=False)
        self._tests = {
            number: name.partition("|")[0] for number, name in self._data.execute("select id, context from context")
        }
        files = {Path(path): number for number, path in self._data.execute("select id, path from file")}
        self._files = {_relative(path): number for path, number in files.items()}
        width: dict[str, int] = {}
        for context, bits in self._data.execute("select context_id, numbits from line_bits"):
            test = self._tests[context]
            width[test] = width.get(test, 0) + sum(byte.bit_count() for byte in bits)
        self._width = width

    def tests(self, path: str, line: int) -> list[str]:
        """The tests that reach a line of a file; see `_standing_for` for one at its top.

        Those that go furthest through its function, and those that reach least beside it, come first by turns, and
        those that take long last.
        """
        found: set[str] = set()
        standing = self._standing_for(path, line)
        for number, lines in standing:
            found |= self._on(number, lines)
        found = (found or self._on(path, self._inner_lines(path, line))) & self._there
        within = self._within(path, line, next((lines for each, lines in standing if each == path and lines), set()))
        far = self._counted(path, within)
        furthest = sorted(found, key=lambda test: (-far[test], self._width[test], test))
        narrowest = sorted(found, key=lambda test: (self._width[test], test))
        turns = dict.fromkeys(test for both in zip(furthest, narrowest, strict=True) for test in both)
        return sorted(turns, key=lambda test: self.seconds[test] > _LONG)

    def _within(self, path: str, line: int, naming: set[int]) -> set[int]:
        """The lines of the function that holds a line; for one at the top of a file, those that name what it makes."""
        inner = _innermost(ast.parse((self._tree / path).read_text("utf-8")), line)
        return naming if inner is None else set(range(inner.lineno, (inner.end_lineno or line) + 1))

    def _counted(self, path: str, lines: set[int]) -> Counter[str]:
        """How many of some lines of a file each test reaches."""
        found: Counter[str] = Counter()
        recorded = self._recorded(path, lines)
        for context, bits in self._data.execute(
            "select context_id, numbits from line_bits where file_id = ?", (self._files.get(path),)
        ):
            found[self._tests[context]] += len(recorded & set(numbits_to_nums(bits)))
        return found

    def _inner_lines(self, path: str, line: int) -> set[int] | None:
        """For a line at the top of a file that nothing is seen to name any line of it; for others none more."""
        inner = _innermost(ast.parse((self._tree / path).read_text("utf-8")), line)
        return None if inner is None or line < inner.body[0].lineno else set()

    def _on(self, path: str, lines: set[int] | None) -> set[str]:
        """The tests that run one of the lines of a file within a function, or any line."""
        number = self._files.get(path)
        lines = lines if lines is None else self._recorded(path, lines)
        return {
            self._tests[context]
            for context, bits in self._data.execute(
                "select context_id, numbits from line_bits where file_id = ?", (number,)
            )
            if self._tests[context] and (lines is None or lines & set(numbits_to_nums(bits)))
        }

    def _recorded(self, path: str, lines: set[int]) -> set[int]:
        """The lines of a file as it was recorded that stand where these do today."""
        if not (self._code / path).is_file():
            return lines
        before, after = ((root / path).read_text("utf-8").splitlines() for root in (self._code, self._tree))
        found: set[int] = set()
        for kind, old, old_end, new, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            within = {line for line in lines if new < line <= new_end}
            if kind == "equal":
                found |= {line - new + old for line in within}
            elif within:
                found |= set(range(max(old, 1), old_end + 2))
        return found

    def _standing_for(self, path: str, line: int) -> list[tuple[str, set[int] | None]]:
        """The lines whose tests judge a line: itself, or for what runs at import the lines that name what it makes."""
        tree = ast.parse((self._tree / path).read_text("utf-8"))
        statement = next((each for each in tree.body if _holds(each, line)), None)
        inner = _innermost(tree, line)
        if inner is not None and any(_holds(each, line) for each in inner.body):
            statements = (each for each in ast.walk(inner) if isinstance(each, ast.stmt) and each is not inner)
            inside = (each for each in statements if _holds(each, line))
            nearest = min(inside, key=lambda each: (each.end_lineno or 0) - each.lineno)
            if hasattr(nearest, "body") or hasattr(nearest, "cases"):
                return [(path, {line})]
            return [(path, set(range(nearest.lineno, (nearest.end_lineno or line) + 1)))]
        names = _made_by(statement)
        using: list[tuple[str, set[int] | None]] = [(path, _lines_naming(tree, names))]
        others = (other for other in self._files if other != path)
        using.extend((other, _lines_importing(self._tree / other, path, names)) for other in others)
        using = [(each, lines) for each, lines in using if lines]
        return using or [(path, None)]


def _collected(tree: Path) -> set[str]:
    """The tests of a tree that start no other tool."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "--collect-only", "--no-header", "-m", _RUN, "-p", "no:cacheprovider"],
        cwd=tree, env=environment(tree), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {line for line in done.stdout.splitlines() if "::" in line}


def _relative(path: Path) -> str:
    parts = path.parts
    top = max(
        index for index, part in enumerate(parts) if part in {"policyengine", "policies"} and index < len(parts) - 1
    )
    first = parts.index("policies") if "policies" in parts else top
    return "/".join(parts[first:])


def _holds(node: ast.AST, line: int) -> bool:
    if not isinstance(node, ast.stmt):
        return False
    above = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    return min([node.lineno, *(each.lineno for each in above)]) <= line <= (node.end_lineno or node.lineno)


def _innermost(tree: ast.AST, line: int) -> ast.FunctionDef | None:
    """The innermost function that holds a line."""
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    return max((each for each in functions if _holds(each, line)), key=lambda each: each.lineno, default=None)


def _made_by(statement: ast.stmt | None) -> set[str]:
    match statement:
        case ast.Assign(targets=targets):
            return {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return {name}
        case _:
            return set()


def _lines_naming(tree: ast.AST, names: set[str]) -> set[int]:
    """The lines in functions that name one of these; those of a function of that name itself."""
    found: set[int] = set()
    for function in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
        if function.name in names:
            found |= set(range(function.body[0].lineno, (function.end_lineno or 0) + 1))
        for each in ast.walk(function):
            if (isinstance(each, ast.Name) and each.id in names) or (
                isinstance(each, ast.Attribute) and each.attr in names
            ):
                found.add(each.lineno)
    return found


def _lines_importing(file: Path, path: str, names: set[str]) -> set[int]:
    """The lines in functions of another file that name what it imports from a file, or through its module."""
    if not file.is_file():
        return set()
    text = file.read_text("utf-8")
    if not any(name in text for name in names):
        return set()
    module = path.removeprefix("policies/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    tree = ast.parse(text)
    imported = any(
        isinstance(each, ast.ImportFrom) and (each.module or "") in {module, module.rpartition(".")[0]}
        for each in ast.walk(tree)
    )
    return _lines_naming(tree, names) if imported else set()
