"""docs/design.md is held to the code: its folders, and the ways from a file to SARIF."""

import importlib
import re
from functools import reduce
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "design.md").read_text("utf-8")
STEPS = ["repository", "syntax", "platforms", "linking", "rules", "reports"]
WAYS = [
    [re.findall(r"`(policyengine[\w.]+):([\w.]+)`", line) for line in way.splitlines() if re.match(r"\d+\. ", line)]
    for way in TEXT.split("<!-- way -->")[1:]
]


def test_every_folder_of_the_program_has_its_sentence() -> None:
    named = {each.rstrip("/") for each in re.findall(r"^\| `([\w/]+)` \| .+ \|$", TEXT, re.MULTILINE)}
    inner = {"functions", "hcl", "dockerfile", "nodes", "rule"}
    found = {
        path.parent.relative_to(ROOT).as_posix()
        for path in (ROOT / "policyengine").rglob("__init__.py")
        if path.parent.name not in inner and path.parent.parent.name != "clean_hexagon"
    }
    missing = found - named - {"policyengine", "policyengine/platforms/terraform"}
    assert missing == set()
    assert all((ROOT / each).is_dir() for each in named)


@pytest.mark.parametrize("way", WAYS, ids=["tag", "key", "run"])
def test_a_way_to_sarif_never_climbs_back_up(way: list[list[tuple[str, str]]]) -> None:
    assert len(way) >= 7
    places = []
    for functions in way:
        assert functions
        for module, name in functions:
            assert callable(reduce(getattr, name.split("."), importlib.import_module(module)))
        places.append(STEPS.index(functions[0][0].split(".")[1]))
    assert all(before <= after for before, after in pairwise(places))
    assert (places[0], places[-1]) == (0, len(STEPS) - 1)
