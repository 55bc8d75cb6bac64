"""Every case of every rule: findings equal marks, with every rule on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policyengine.testing import Case, Kept, check, load_cases

if TYPE_CHECKING:
    from policyengine.plugins import Plugins
    from policyengine.rules.rule import Pack

CASES = Path(__file__).parent.parent / "fixtures" / "cases"
KEPT = Kept()
ALL = [case for file in sorted(CASES.glob("*.yaml")) for case in load_cases(file)]


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.rule}: {case.name}")
def test_findings_and_open_questions_are_what_the_case_states(
    case: Case, reference: dict[str, str], installed: Plugins, tmp_path: Path
) -> None:
    check(case, reference, tmp_path / "tree", installed, strict=True, kept=KEPT)


def test_every_rule_has_a_diverging_and_a_conforming_case(packs: tuple[Pack[object], ...]) -> None:
    diverging = {case.rule for case in ALL if case.diverging}
    conforming = {case.rule for case in ALL if not case.diverging}
    rules = {rule.id for pack in packs for rule in pack.rules}
    assert (rules - diverging, rules - conforming) == (set(), set())
