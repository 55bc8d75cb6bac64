"""Every weakness of the table has a name that reports show, and every rule names one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.knowledge import loading, weaknesses
from policyengine.knowledge.weaknesses import Weaknesses

if TYPE_CHECKING:
    from policyengine.rules.rule import Pack

WEAKNESSES = loading.table("weaknesses", Weaknesses).weaknesses


@pytest.mark.parametrize("key", WEAKNESSES)
def test_a_weakness_has_a_name_and_a_sentence(key: str) -> None:
    entry = WEAKNESSES[key]
    assert key == f"CWE-{int(key.removeprefix('CWE-')):04}"
    assert weaknesses.weakness(int(key.removeprefix("CWE-"))) == (entry.name, entry.text)
    assert entry.name.isalnum()
    assert entry.text.endswith(".")


def test_a_weakness_that_no_table_names_is_its_number() -> None:
    assert weaknesses.weakness(4711) == ("Weakness4711", "CWE-4711 of the enumeration.")


def test_every_weakness_of_the_built_in_rules_is_in_the_table(packs: tuple[Pack[object], ...]) -> None:
    named = {f"CWE-{number:04}" for pack in packs for rule in pack.rules for number in rule.cwe}
    assert named
    assert named <= set(WEAKNESSES)
