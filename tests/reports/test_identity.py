"""Identities: what moves, is reformatted or gets another wrong value is the same finding, and another problem another."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.reports import baseline
from policyengine.reports.identity import digest
from policyengine.reports.since import since
from policyengine.reports.view import View
from policyengine.testing import read_reference
from policyengine.testing.checking import scan_files

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyengine.plugins import Plugins
    from policyengine.reports.baseline import Known

    Files = dict[str, str]
    Edit = Callable[[Files, random.Random], Files]

DIVERGED = Path(__file__).parents[2] / "fixtures" / "diverged"
COMMENTS = {
    "#": re.compile(r"\.(ya?ml|tf|tfvars|hcl|toml|hosts|sh)\Z|\.env|[dD]ockerfile"),
    "--": re.compile(r"\.sql\Z"),
    "//": re.compile(r"\.(ts|tsx|js|prisma)\Z"),
}


def edited(files: Files, pattern: str, edit: Callable[[str], str]) -> Files:
    """The files with the texts of those changed whose path holds a pattern."""
    return {path: edit(text) if re.search(pattern, path) else text for path, text in files.items()}


def shuffled(text: str, block: str, chance: random.Random) -> str:
    """The text with its blocks, which begin with a pattern, in another order."""
    starts = [match.start() for match in re.finditer(block, text, re.MULTILINE)]
    if not starts:
        return text
    blocks = [text[start:end].rstrip("\n") + "\n" for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    chance.shuffle(blocks)
    return text[: starts[0]] + "".join(blocks)


def within(text: str, key: str, edit: Callable[[str], str]) -> str:
    """The text with what stands below a key of its first level changed."""
    match = re.search(rf"^{key}:\n((?:[ #].*\n|\n)+)", text, re.MULTILINE)
    return text if match is None else f"{text[: match.start(1)]}{edit(match[1])}{text[match.end(1) :]}"


def lines_inserted(files: Files, chance: random.Random) -> Files:
    """Comments and blank lines before everything."""
    made = dict(files)
    for path, text in files.items():
        for sign, pattern in COMMENTS.items():
            if pattern.search(path):
                first = text.index("\n") + 1 if text.startswith(("#!", "# syntax")) else 0
                made[path] = text[:first] + f"{sign} moved\n\n" * chance.randint(1, 5) + text[first:]
                break
    return made


def services_reordered(files: Files, chance: random.Random) -> Files:
    return edited(
        files,
        r"compose.*\.ya?ml\Z",
        lambda text: within(text, "services", lambda own: shuffled(own, r"^  [\w-]+:", chance)),
    )


def keys_reordered(files: Files, chance: random.Random) -> Files:
    """The keys of each service in another order."""

    def each(own: str) -> str:
        parts = re.split(r"(?m)^(?=  [\w-]+:)", own)
        return "".join(shuffled(part, r"^    [\w-]+:", chance) for part in parts)

    return edited(files, r"compose.*\.ya?ml\Z", lambda text: within(text, "services", each))


def jobs_reordered(files: Files, chance: random.Random) -> Files:
    return edited(
        files, r"workflows/", lambda text: within(text, "jobs", lambda own: shuffled(own, r"^  [\w-]+:", chance))
    )


def steps_inserted(files: Files, chance: random.Random) -> Files:
    return edited(
        files,
        r"workflows/",
        lambda text: re.sub(
            r"(?m)^( +)steps:\n", lambda match: match[0] + f"{match[1]}  - run: echo 1\n" * chance.randint(1, 3), text
        ),
    )


def blocks_reordered(files: Files, chance: random.Random) -> Files:
    words = r"^(?:resource|data|variable|locals|output|module|terraform|provider)\b"
    return edited(files, r"\.tf\Z", lambda text: shuffled(text, words, chance))


def blocks_moved(files: Files, chance: random.Random) -> Files:
    """All of a root module in one file of another name."""
    folders: dict[str, list[str]] = {}
    for path in sorted(files, key=lambda _: chance.random()):
        if path.endswith(".tf"):
            folders.setdefault(path.rpartition("/")[0], []).append(path)
    made = {path: text for path, text in files.items() if not path.endswith(".tf")}
    return made | {f"{name}/everything.tf": "\n".join(files[path] for path in own) for name, own in folders.items()}


def variables_reordered(files: Files, chance: random.Random) -> Files:
    def each(text: str) -> str:
        lines = text.splitlines()
        chance.shuffle(lines)
        return "".join(f"{line}\n" for line in lines)

    return edited(files, r"\.env", each)


def reformatted(files: Files, chance: random.Random) -> Files:
    """YAML with more indentation, HCL without alignment."""
    more = chance.randint(2, 3)
    wide = edited(
        files,
        r"\.ya?ml\Z",
        lambda text: re.sub(
            r"(?m)^( *)(- )?", lambda match: match[1] * more + (f"-{' ' * (2 * more - 1)}" if match[2] else ""), text
        ),
    )
    return edited(wide, r"\.tf\Z", lambda text: re.sub(r" += +", " = ", text))


def line_ends(files: Files, chance: random.Random) -> Files:
    del chance
    return {path: text.replace("\r\n", "\n").replace("\n", "\r\n") for path, text in files.items()}


def other_values(files: Files, chance: random.Random) -> Files:
    """Other wrong values at some of the places that are told."""
    del chance
    changed = {"postgres:16.9": "postgres:16.7", "redis:8": "redis:8.2", "5433": "5439", "Berlin": "Vienna"}
    made = edited(
        files, r"compose.*\.ya?ml\Z", lambda text: re.sub("|".join(changed), lambda match: changed[match[0]], text)
    )
    made["feed/config.js"] = made["feed/config.js"].replace("localhost:6379", "localhost:6399")
    return made


EDITS: tuple[Edit, ...] = (
    lines_inserted,
    services_reordered,
    keys_reordered,
    jobs_reordered,
    steps_inserted,
    blocks_reordered,
    blocks_moved,
    variables_reordered,
    reformatted,
    line_ends,
    other_values,
)


@pytest.fixture(scope="module")
def diverged() -> Files:
    return read_reference(DIVERGED)


def known(files: Files, installed: Plugins, folder: Path) -> list[Known]:
    report = scan_files(files, folder, installed, cache=True)
    assert not report.failures
    return baseline.known(View.of(report), report.results)


@pytest.fixture(scope="module")
def then(diverged: Files, installed: Plugins, tmp_path_factory: pytest.TempPathFactory) -> list[Known]:
    """What is known of the diverged stack; its folder is always called so."""
    return known(diverged, installed, tmp_path_factory.mktemp("then") / "diverged")


def test_no_two_findings_have_one_identity(then: list[Known]) -> None:
    assert len({each.identity for each in then}) == len(then) > 90


@settings(max_examples=12, derandomize=True)
@given(edits=st.lists(st.sampled_from(EDITS), min_size=1, max_size=4, unique=True), seed=st.integers(0, 999))
def test_what_moves_is_reformatted_or_has_another_wrong_value_is_the_same_finding(
    edits: list[Edit],
    seed: int,
    diverged: Files,
    then: list[Known],
    installed: Plugins,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    files = diverged
    for edit in sorted(edits, key=EDITS.index):
        files = edit(files, random.Random(seed))
    assert files != diverged
    now = known(files, installed, tmp_path_factory.mktemp("now") / "diverged")
    assert Counter(map(told, now)) == Counter(map(told, then))


def told(each: Known) -> tuple[str, str, str]:
    return each.identity, each.rule, each.subject


def test_another_problem_is_another_finding(
    diverged: Files, then: list[Known], installed: Plugins, tmp_path: Path
) -> None:
    text = diverged["docker-compose.yml"]
    once = text.replace(
        "      NODE_ENV: development\n", "      NODE_ENV: development\n      A_URL: redis://localhost:6379\n"
    )
    twice = once.replace(
        "A_URL: redis://localhost:6379\n", "A_URL: redis://localhost:6379\n      B_URL: postgres://localhost:5432/b\n"
    )
    assert text != once != twice
    first, second = (
        known({**diverged, "docker-compose.yml": each}, installed, tmp_path / name / "diverged")
        for name, each in (("once", once), ("twice", twice))
    )

    def more(now: list[Known], before: list[Known]) -> list[tuple[str, str]]:
        made = baseline.matched(now, before)
        assert len(made) == len(before)
        return [(each.rule, each.subject) for number, each in enumerate(now) if number not in made]

    assert more(first, then) == [("HEX501", "compose:services.notifier")]
    assert more(second, first) == [("HEX501", "compose:services.notifier")]
    assert len({each.identity for each in second}) == len(second)


QUEUE = 'resource "aws_sqs_queue" "{0}" {{\n  name = "{0}"\n}}\n'
ALIKE = {"compose.yml": "services:\n  app:\n    build: .\n", "main.tf": QUEUE.format("jobs")}


@pytest.mark.parametrize("name", ["early.tf", "zulu.tf"])
def test_what_joins_findings_that_are_told_as_one_is_new_and_what_leaves_them_is_fixed(
    name: str, installed: Plugins, tmp_path: Path
) -> None:
    one, two = (
        scan_files({**ALIKE, **more}, tmp_path / folder / "shop", installed)
        for folder, more in (("one", {}), ("two", {name: QUEUE.format("mails")}))
    )
    ((alone,), (both,)) = ([each for each in report.results if each.rule.id == "HEX102"] for report in (one, two))
    assert [each.subject for each in both.singly] == sorted(each.subject for each in both.singly)[
        :: 1 if name > "main" else -1
    ]
    came, went = since(two, one, "main"), since(one, two, "main")
    assert [each for each in came.results if each.rule.id == "HEX102"] == [both]
    assert came.since is not None
    assert came.since.fixed == ()
    assert went.since is not None
    assert alone in went.since.unchanged
    assert [(each.rule, each.subject) for each in went.since.fixed] == [("HEX102", "terraform:aws_sqs_queue.mails")]
    known = baseline.applied(two, baseline.of(one), "the baseline")
    assert [each for each in known.results if each.rule.id == "HEX102"] == [both]
    assert baseline.applied(one, baseline.of(two), "the baseline").fixed == (
        "HEX102 of 'terraform:aws_sqs_queue.mails'",
    )


def test_a_name_that_is_no_text_of_unicode_has_an_identity() -> None:
    assert len({digest("A1", "x\udcff"), digest("A1", "x\udcfe"), digest("A1", "x")}) == 3
