"""Lines of workflows that lead to nothing, or to what is not there: no failure, and no more open than need be."""

from __future__ import annotations

import pytest

from tests.platforms.test_runner_words import MAKE, PACKAGE, followed

ABSENT = "the package script 'nope' is not in the tree"


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("X=1", {}, []),
        ("", {}, []),
        ("poe", {"pyproject.toml": '[tool.poe.tasks]\ne2e = "x"\n'}, []),
        ("poe nope", {"pyproject.toml": '[tool.poe.tasks]\ne2e = "x"\n'}, [ABSENT]),
        ("poe nope", {}, [ABSENT]),
        ("pdm run nope", {"pyproject.toml": '[tool.pdm.scripts]\ne2e = "x"\n'}, []),
        ("npm run nope", {"package.json": PACKAGE}, []),  # it fails
        ("npm run nope", {}, [ABSENT]),
        ("npm --prefix web run nope", {"package.json": PACKAGE}, [ABSENT]),
        ("npm run nope -ws", {"package.json": PACKAGE}, []),
        ("npm run nope --workspaces", {"package.json": PACKAGE}, []),
        ("pnpm -r run nope", {"package.json": PACKAGE}, []),
        ("npm run nope -w other", {"package.json": PACKAGE}, []),
        ("pnpm --filter other run nope", {"package.json": PACKAGE}, []),
        ("pnpm nope", {"package.json": PACKAGE}, []),
        ("make nope", {"Makefile": MAKE}, ["the target 'nope' is not in the Makefile"]),
        ('WORK="$(mktemp -d)"; "$WORK/deploy.sh"', {}, []),
        ('"$WORK/deploy.sh"', {}, ["the script $WORK/deploy.sh is not in the tree"]),
        ("docker build", {}, []),
        ("docker", {}, []),
    ],
)
def test_a_line_that_leads_nowhere(line: str, files: dict[str, str], expected: list[str]) -> None:
    assert followed(line, files) == expected


@pytest.mark.parametrize(
    ("line", "tested"),
    [
        (". ./run.sh playwright", True),
        ("source run.sh playwright", True),
        ("bash run.sh playwright", True),
        ("bash run.sh", False),
        (". ./run.sh eslint", False),
    ],
)
def test_a_script_that_is_taken_in_has_the_words_it_is_given_or_those_that_are_there(line: str, tested: bool) -> None:
    assert followed(line, {"run.sh": "$1 test\n"}) == (["run.sh"] if tested else [])
