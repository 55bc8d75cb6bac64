from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from policyengine import docs

if TYPE_CHECKING:
    from policyengine.rules.rule import Pack

ROOT = Path(__file__).parent.parent.parent


def test_the_rule_reference_is_current(packs: tuple[Pack[object], ...]) -> None:
    pack = next(pack for pack in packs if pack.name == "clean-hexagon")
    folder = ROOT / "docs" / "rules"
    written = {file.name: file.read_text("utf-8") for file in folder.glob("*.md")}
    stale = {name for name, text in docs.pages(pack).items() if written.get(name) != text}
    extra = written.keys() - docs.pages(pack).keys()
    assert not stale | extra, "run: python -m policyengine.docs docs/rules"


def test_every_page_says_why_and_shows_a_case_that_is_reported(packs: tuple[Pack[object], ...]) -> None:
    pack = next(pack for pack in packs if pack.name == "clean-hexagon")
    for rule in pack.rules:
        page = docs.page(pack, rule)
        assert f"**Mandate {rule.mandate}**" in page
        assert "## Why it matters" in page, rule.id
        assert "## What is reported" in page, rule.id
        assert "«" not in page, rule.id
