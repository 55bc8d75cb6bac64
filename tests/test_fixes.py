"""Each fix that a rule offers, applied: its finding is gone, nothing is new, and real tools accept the files.

By default every fifth case is tried; `-m every_fix` tries all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policyengine import engine, mending
from policyengine.platforms.units import Kept
from policyengine.reports.identity import identity
from policyengine.repository import discover
from policyengine.testing import Case, edited, load_cases

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.mending import Mended
    from policyengine.plugins import Plugins

CASES = Path(__file__).parent.parent / "fixtures" / "cases"
FIXED = [
    case
    for file in sorted(CASES.glob("*.yaml"))
    for case in load_cases(file)
    if any(each.becomes for each in case.findings)
]
KEPT = Kept()

NOT_BY_ITSELF = {
    ("HEX302", "the image takes .env.local with it"): "HEX302",  # then '.env' is named, which its example tells of
    ("HEX302", "a pattern of the COPY takes .env.local with it"): "HEX302",  # the same
    ("HEX303", "the cloud gives a variable another name than the code"): "HEX303",  # lacking locally then: HEX304
    ("HEX310", "a wrapper with the secrets of production that logs in first"): "HEX109",  # those are not for the laptop
    ("HEX312", "no container of the cloud sets the secret"): "HEX312",  # the key is then lacking locally: HEX304
    ("HEX513", "a mapped port at which nobody listens"): "HEX513",  # the cloud takes requests at the former one
}
"""Fixes that no file can be left with: another finding would be there. The rule whose fix is refused."""


def name(case: Case) -> str:
    return f"{case.rule}: {case.name}"


def written(files: Mapping[str, str], folder: Path) -> discover.Tree:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    return discover.open_tree([folder])


def mended(files: Mapping[str, str], folder: Path, plugins: Plugins) -> Mended:
    tree = written(files, folder)
    settings = engine.load_config(tree, plugins)
    work = engine.Work(jobs=1, cache=False, kept=KEPT)
    return mending.mend(tree, lambda each: engine.evaluate_tree(each, settings, plugins, work=work), unsafe=True)


def lines_of(text: str) -> Counter[str]:
    return Counter(text.splitlines())


def hold(case: Case, reference: dict[str, str], plugins: Plugins, folder: Path) -> Mended:
    files, _ = edited(case, reference)
    found = mended(files, folder, plugins)
    refused = {each.result.rule.id for each in found.left}
    assert refused == {NOT_BY_ITSELF[case.rule, case.name]} if (case.rule, case.name) in NOT_BY_ITSELF else not refused
    before, after = (Counter(map(identity, each.results)) for each in (found.before, found.after))
    assert not after - before
    assert before - after >= Counter({identity(each): 1 for each in found.done} if not found.left else {})
    assert found.after.failures == found.before.failures
    for path, text in found.texts.items():
        gone, new = lines_of(files.get(path, "")) - lines_of(text), lines_of(text) - lines_of(files.get(path, ""))
        assert sum(gone.values()) <= 12
        assert sum(new.values()) <= 32
    for path, text in found.texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    again = mended({}, folder, plugins)
    assert not [each for each in again.done if identity(each) in map(identity, found.done)]
    return found


@pytest.mark.parametrize("case", FIXED[::5], ids=name)
def test_a_fix_mends_its_finding_and_makes_none(
    case: Case, reference: dict[str, str], installed: Plugins, tmp_path: Path
) -> None:
    hold(case, reference, installed, tmp_path / "tree")


@pytest.mark.every_fix
@pytest.mark.parametrize("case", FIXED, ids=name)
def test_every_fix_pleases_the_tools_that_its_file_is_written_for(
    case: Case, reference: dict[str, str], installed: Plugins, tmp_path: Path
) -> None:
    folder = tmp_path / "tree"
    found = hold(case, reference, installed, folder)
    given, _ = edited(case, reference)
    before = tmp_path / "before"
    written(given, before)
    for path in found.texts:
        for program, *words in commands(path):
            if accepts(program, words, before) or path not in given:  # what it refused before is not the fix's matter
                assert accepts(program, words, folder), (program, path, found.texts[path])


def commands(path: str) -> Iterator[tuple[str, ...]]:
    """The tools that judge a file, and how they are started."""
    if path == "docker-compose.yml":
        yield "docker-compose", "config", "--quiet"
    elif "Dockerfile" in path:
        yield "hadolint", "--failure-threshold", "error", path
    elif path.endswith(".tf"):
        yield "terraform", "fmt", "-check", path


def accepts(program: str, words: list[str], folder: Path) -> bool:
    beside = os.pathsep.join((os.environ.get("PATH", ""), str(Path(sys.executable).parent)))
    found = shutil.which(program, path=beside)
    if found is None:
        return True
    (folder / ".env.local").touch()
    environment = {"CHECKPOINT_DISABLE": "1", "FEED_CREDENTIALS": "x", **os.environ}
    done = subprocess.run([found, *words], cwd=folder, env=environment, capture_output=True, check=False, timeout=60)
    return done.returncode == 0


def test_forty_rules_and_more_offer_edits() -> None:
    assert len({each.rule for case in FIXED for each in case.findings if each.becomes}) >= 60
