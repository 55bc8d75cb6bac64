"""`.dockerignore` patterns, against a port of Docker's pattern matcher on own and random patterns."""

from __future__ import annotations

import random

import pytest

from policyengine.model.ignoring import left_out_by_docker as ignored

matcher = pytest.importorskip("e2b_dockerfile_utils")
pytestmark = pytest.mark.oracle

SEGMENTS = [
    "a",
    "b",
    "*",
    "**",
    "a*",
    "*.md",
    "?",
    "[ab]",
    "[^a]",
    "..",
    ".",
    "\\*",
    "a.b",
    "[a-c]x",
    ".env",
    "*.env",
    "a+b",
    "a*b*c",
    "*a*",
    "*.*.*",
    "a**b",
]
PATHS = [
    "a",
    "b",
    "a/b",
    "a/b/c",
    "a.b",
    "x/a",
    "b.md",
    "a/x.md",
    "c/a/b",
    "ax",
    "cx",
    "*",
    ".env",
    "a/.env",
    "x.env",
    "a+b/c",
    "aXbbYc",
    "a.b.c/x",
]


def test_random_patterns_leave_out_what_docker_leaves_out() -> None:
    pick = random.Random(5)
    compared = 0
    for _ in range(6_000):
        patterns = [
            pick.choice(["", "", "", "!", "/", "./", "! "])
            + "/".join(pick.choice(SEGMENTS) for _ in range(pick.randint(1, 3)))
            + pick.choice(["", "", "/", "  "])
            for _ in range(pick.randint(1, 4))
        ]
        try:
            theirs = matcher.PatternMatcher(patterns)
        except ValueError:
            continue
        for path in PATHS:
            compared += 1
            assert ignored(patterns, path) == theirs.matches(path), (patterns, path)
    assert compared > 50_000


@pytest.mark.parametrize(
    ("patterns", "path", "expected"),
    [
        ([".env*", "!.env.example"], ".env.local", True),
        ([".env*", "!.env.example"], ".env.example", False),
        (["**/node_modules"], "a/node_modules/b", True),
        (["a/*", "!a"], "a/b", True),
        (["*", "!src"], "src/a", False),
        (["# comment", "", "/dist/"], "dist/x", True),
        (["*.md"], "docs/a.md", False),
    ],
)
def test_patterns_that_people_write(patterns: list[str], path: str, *, expected: bool) -> None:
    assert matcher.PatternMatcher(patterns).matches(path) is expected
    assert ignored(patterns, path) is expected


def test_hostile_patterns_are_matched_to_their_end() -> None:
    path = "a" * 250 + "/" + "a/" * 100 + "b"
    for pattern in ("*a" * 60 + "*c", "**/a" * 30 + "/c", "**a" * 4 + "c", "[" * 1_000, "?" * 5_000, "a*" * 100 + "/c"):
        assert ignored([pattern], path) is False
