"""The tutorial and the guides, typed command by command into an empty folder: each prints what the page shows."""

from __future__ import annotations

import pytest

from tests import pages

DOCS = pages.ROOT / "docs"


@pytest.mark.parametrize("name", ["tutorial.md", "how-to-packs.md"])
def test_each_command_prints_what_the_page_shows(name: str, tmp_path: pages.Path) -> None:
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
