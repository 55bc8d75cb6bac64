"""Expressions and facts that nobody should write: none crashes the library or the program, or takes long."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from policyengine.rules.declarative.lowering import Mistake
from policyengine.rules.declarative.query import ask
from tests import trees
from tests.rules.declarative.acme import system
from tests.rules.declarative.test_what_rules_say import FACTS, SELECTED

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = re.compile(r"""\w+|"[^"]*"|'[^']*'|\s+|&&|\|\||[=!<>]=|.""", re.DOTALL)
ODD = ['""', "é", "1.5", "-1", "9223372036854775808", "null", 'b"x"', "[", "]", "{", "}", "(", ")", "1u", "?", ":", ".", "\n", '"\\u0000"', "\ud800"]  # fmt: skip


def mutated(chance: random.Random, seeds: list[str]) -> str:
    """An expression with some of its words left out, put twice, or changed for those of another."""
    words = TOKEN.findall(chance.choice(seeds))
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(words))
        other = TOKEN.findall(chance.choice(seeds))
        match chance.randrange(4):
            case 0:
                words[at] = chance.choice(other)
            case 1:
                words[at : at + 1] = []
            case 2:
                words[at:at] = other[: chance.randint(1, 6)]
            case _:
                words[at] = chance.choice(ODD)
        words = words or ["x"]
    return "".join(words)


@pytest.mark.parametrize("seed", range(4))
def test_an_expression_that_is_changed_at_random_is_asked_or_is_a_mistake_in_it(seed: int) -> None:
    seeds = [each.values[0].require for each in (*FACTS, *SELECTED)]  # type: ignore[attr-defined]
    chance, graph, asked = random.Random(seed), system().graph, 0
    for _ in range(150):
        expression = mutated(chance, seeds)
        try:
            asked += ask(expression, graph).asked > 0
        except Mistake as mistake:
            assert 0 <= mistake.start <= len(expression) + 1, expression
    assert asked


TREE = {
    "docker-compose.yml": f"""\
        services:
          web:
            image: nginx:1.27
            labels:
              huge: 99999999999999999999999999
              long: {"x" * 100_001}
              zero: "a\\0b"
        """
}


@pytest.mark.parametrize(
    ("expression", "given", "reason"),
    [
        ("double(service.raw.labels.huge) > 3.0", 1, None),
        ('service.raw.labels.long.startsWith("x")', 0, "a text of over 100,000 characters is not compared"),
        ("size(service.raw.labels.long) > 3", 0, "a text of over 100,000 characters is not compared"),
        ('service.raw.labels.zero.startsWith("a")', 1, None),
        ("service.raw.labels.all(k, size(k) == 4)", 1, None),
    ],
)
def test_an_odd_fact_is_compared_or_open(expression: str, given: int, reason: str | None, tmp_path: Path) -> None:
    answers = ask(expression, trees.graph(tmp_path, TREE))
    assert len(answers.given) == given
    assert [each.open.reason for each in answers.open if each.open] == ([] if reason is None else [reason])
