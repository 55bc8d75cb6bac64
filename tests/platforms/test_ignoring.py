import time

import pytest

from policyengine.model.ignoring import compile_patterns


@pytest.mark.parametrize(
    ("lines", "path", "verdict"),
    [
        (["!"], "x", None),
        (["node_modules", "!"], "node_modules/a", True),
        (["x\\"], "x", None),
        (["[z-a]"], "z", None),
        (["[[:alpha:]]x"], "ax", True),
        (["[[:digit:]]x"], "ax", None),
        (["# only a comment"], "# only a comment", None),
        (["*.log", "!keep.log"], "keep.log", False),
        (["foo\\ "], "foo ", True),
        (["/build/"], "build/a", True),
        (["/build/"], "src/build/a", None),
    ],
)
def test_a_gitignore_is_read_as_git_reads_it(lines: list[str], path: str, verdict: bool | None) -> None:
    assert compile_patterns(lines).verdict(path) is verdict


def test_thousands_of_patterns_are_matched_the_last_one_deciding() -> None:
    lines = [f"folder{number}/*.tmp" for number in range(7000)]
    patterns = compile_patterns([*lines, "!folder3/keep.tmp"])
    assert patterns.verdict("folder3/a.tmp") is True
    assert patterns.verdict("folder3/keep.tmp") is False
    assert patterns.verdict("elsewhere") is None


def test_a_pattern_of_many_stars_takes_no_longer_than_its_length() -> None:
    patterns = compile_patterns(["*a" * 14 + "*b"])
    start = time.process_time()
    assert patterns.verdict("a" * 5000 + ".txt") is None
    assert time.process_time() - start < 5
