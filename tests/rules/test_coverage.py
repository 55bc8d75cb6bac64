"""What the account of a scan advises, and when a side has its tick."""

from __future__ import annotations

import pytest

from policyengine.model.graph import Unpaired
from policyengine.rules.coverage import Account, SideAccount, side_of

ALIKE = Unpaired("compose:services.a", (), 2)
ALONE = Unpaired("compose:services.b", (), 0)
ASIDE = Unpaired("compose:services.c", (), 2, aside=True)
ASIDE_ALONE = Unpaired("compose:services.d", (), 0, aside=True)
NO_CLOUD = "no cloud side was found: scan a folder that also holds the Terraform files of the system"
NO_LOCAL = "no local side was found: scan a folder that also holds the system's Compose file"
NEITHER = "neither a Compose file nor a cloud side was found, so nothing could be compared"
LIST = "'policyengine pairs' lists what mirrors nothing, with the lines for policyengine.yaml"


def unread(names: str) -> str:
    return f"what {names} makes is not in the repository: scan after 'terraform init', or give a plan"


@pytest.mark.parametrize(
    ("missing", "unpaired", "modules", "expected"),
    [
        ((), (), (), ""),
        ((), (ALIKE,), (), LIST),
        ((), (ASIDE, ALIKE), (), LIST),
        ((), (ALONE,), (), ""),
        ((), (ASIDE,), (), ""),
        (("cloud",), (), (), NO_CLOUD),
        (("cloud",), (ALIKE,), (), NO_CLOUD),
        (("local",), (), (), NO_LOCAL),
        (("local", "cloud"), (), (), NEITHER),
        ((), (), ("a",), ""),
        ((), (ALONE,), ("a",), unread("a")),
        ((), (ASIDE_ALONE,), ("a",), ""),
        ((), (ALIKE,), ("a",), LIST),
        (("cloud",), (), ("a", "b", "c"), unread("a, b, c")),
        (("cloud",), (), ("a", "b", "c", "d"), unread("a, b, c …")),
        (("local",), (ALONE,), ("a",), NO_LOCAL),
        (("local", "cloud"), (), ("a",), NEITHER),
    ],
)
def test_one_sentence_says_what_to_do_next(
    missing: tuple[str, ...], unpaired: tuple[Unpaired, ...], modules: tuple[str, ...], expected: str
) -> None:
    assert Account((), 0, (), unpaired, missing, modules).advice == expected


@pytest.mark.parametrize(
    ("compared", "findings", "conventions", "open_", "expected"),
    [
        (1, 0, 0, 0, True),
        (0, 0, 0, 0, False),
        (3, 1, 0, 0, False),
        (3, 1, 1, 0, True),
        (3, 2, 1, 0, False),
        (3, 0, 0, 1, False),
    ],
)
def test_a_side_has_its_tick_where_all_that_was_compared_holds(
    compared: int, findings: int, conventions: int, open_: int, *, expected: bool
) -> None:
    side = SideAccount("p", "1", "One", compared, findings, conventions, waived=0, open=open_, ran=True)
    assert side.green is expected


@pytest.mark.parametrize(
    ("rule", "expected"), [("HEX101", "1"), ("AB-9001", "9"), ("HEX", ""), ("hex101", ""), ("101", "")]
)
def test_the_side_of_a_rule_is_the_first_digit_of_its_number(rule: str, expected: str) -> None:
    assert side_of(rule) == expected


def test_a_side_that_may_be_in_what_could_not_be_read_is_not_called_absent() -> None:
    told = "no cloud side was found, which may be in what could not be read"
    assert Account((), 0, (), (), ("cloud",), ("a",), incomplete=True).advice == told
    assert Account((), 0, (), (), (), (), incomplete=True).advice == ""
