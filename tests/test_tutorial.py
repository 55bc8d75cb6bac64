"""The tutorial and the guides, typed command by command into an empty folder: each prints what the page shows."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

import pytest

from tests import pages

if TYPE_CHECKING:
    from pathlib import Path

DOCS = pages.ROOT / "docs"


@pytest.mark.parametrize("name", ["tutorial.md", "how-to-packs.md"])
def test_each_command_prints_what_the_page_shows(name: str, tmp_path: Path) -> None:
    followed = pages.follow(DOCS / name, tmp_path)
    assert [f"{each.commands}{printed}" for each, printed in followed] == [
        f"{each.commands}{each.shown}" for each, _ in followed
    ]


@pytest.mark.parametrize("name", ["tutorial.md", "how-to-packs.md"])
def test_the_page_shows_something_of_each_command_of_policyengine(name: str) -> None:
    silent = [
        each.commands for each in pages.blocks(DOCS / name) if "policyengine " in each.commands and not each.shown
    ]
    assert silent == []


def test_each_rule_beside_one_of_another_tool_stands_in_the_pack_that_is_tested() -> None:
    tested = (pages.ROOT / "fixtures/packs/known-policies/policies.yaml").read_text("utf-8")
    page = (DOCS / "from-other-tools.md").read_text("utf-8")
    for tool in ("checkov", "conftest and Rego", "semgrep", "Sentinel and Terraform's policies"):
        section = page.partition(f"\n## {tool}\n")[2].partition("\n## ")[0]
        shown = [
            text
            for text in re.findall(r"^```yaml\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
            if text.startswith("- id")
        ]
        assert len(shown) >= 3
        assert [text for text in shown if textwrap.indent(text, "  ") not in tested] == []


LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(?:#([^)]+))?\)")


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "tutorial.md",
        "how-to-packs.md",
        "from-other-tools.md",
        "packs.md",
        "yaml-rules.md",
        "organisation.md",
    ],
)
def test_each_link_of_the_pages_leads_somewhere(name: str) -> None:
    text = re.sub(r"^```.*?^```$|`[^`]*`", "", (DOCS / name).read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target, anchor in LINK.findall(text):
        file = (DOCS / target).resolve()
        assert file.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, (
                target,
                anchor,
            )
