"""The pairs of a graph for people: what is left without a twin and why, and the lines that settle it."""

from __future__ import annotations

import pytest

from policyengine.model.graph import Candidate, Graph, Pair, Unpaired
from policyengine.model.nodes import Node, Side, UnreadModule
from policyengine.model.source import Span
from policyengine.reports import pairs
from tests.linking.nodes import database, service

APP, WEB = service("app"), service("web")
APP2, WEB2 = service("app", Side.CLOUD), service("web", Side.CLOUD)
DB = database("db")
UNLIKE_CLOUD = "# nothing on the cloud side is like these; name their twins under pairs:"
UNLIKE_LOCAL = "# nothing on the local side is like these; name their twins under pairs:"
CERTAIN = Pair(APP.id, APP2.id, 90, ("alike in name",))
TIED = Pair(APP.id, APP2.id, 90, ("alike in name",), certain=False, tied=True)
UNSURE = Pair(APP.id, APP2.id, 40, ("alike in name",), certain=False)
HEAD = ["", "to settle it, keep what is true of these lines in policyengine.yaml:", ""]


def modules(count: int) -> tuple[Node, ...]:
    return tuple(
        UnreadModule(id=f"terraform:module.m{number}", name=f"m{number}", side=Side.CLOUD, span=Span("main.tf", 0, 1))
        for number in range(count)
    )


def lines(found: tuple[Pair, ...], without: tuple[Unpaired, ...], unread: int = 0) -> list[str]:
    graph = Graph((APP, WEB, APP2, WEB2, DB, *modules(unread))).paired(found, without)
    return pairs.report(graph, "text").splitlines()


def settling(found: tuple[Pair, ...], without: tuple[Unpaired, ...], unread: int = 0) -> list[str]:
    made = lines(found, without, unread)
    return made[made.index(HEAD[1]) - 1 :] if HEAD[1] in made else []


@pytest.mark.parametrize(
    ("found", "without", "expected"),
    [
        ((), (), []),
        ((CERTAIN,), (), []),
        ((UNSURE,), (), []),
        ((TIED,), (), [*HEAD, "pairs:", f'  - {{local: "{APP.id[8:]}", cloud: "{APP2.id[10:]}"}}']),
        (
            (),
            (Unpaired(WEB.id, (Candidate(WEB2.id, 30, ()),), 1),),
            [*HEAD, "pairs:", f'  - {{local: "{WEB.id[8:]}", cloud: "{WEB2.id[10:]}"}}'],
        ),
        (
            (),
            (Unpaired(WEB2.id, (Candidate(WEB.id, 30, ()),), 1),),
            [*HEAD, "pairs:", f'  - {{local: "{WEB.id[8:]}", cloud: "{WEB2.id[10:]}"}}'],
        ),
        (
            (),
            (Unpaired(WEB.id, (Candidate(WEB2.id, 30, ()),), 1), Unpaired(WEB2.id, (Candidate(WEB.id, 30, ()),), 1)),
            [*HEAD, "pairs:", f'  - {{local: "{WEB.id[8:]}", cloud: "{WEB2.id[10:]}"}}'],
        ),
        ((), (Unpaired(WEB.id, (), 1),), [*HEAD, f"{UNLIKE_CLOUD} {WEB.id[8:]}"]),
        ((), (Unpaired(WEB2.id, (), 1),), [*HEAD, f"{UNLIKE_LOCAL} {WEB2.id[10:]}"]),
        ((), (Unpaired(DB.id, (), 0),), [*HEAD, f'ignore: {{local: ["{DB.id[8:]}"]}}']),
        (
            (),
            tuple(Unpaired(each.id, (), 1) for each in (APP, WEB, APP2, DB)),
            [
                *HEAD,
                f"{UNLIKE_CLOUD} {APP.id[8:]}, {WEB.id[8:]}",
                f"{UNLIKE_LOCAL} {APP2.id[10:]}",
                f'ignore: {{local: ["{DB.id[8:]}"]}}',
            ],
        ),
        ((), (Unpaired(WEB.id, (), 1, aside=True),), []),
        ((), (Unpaired("compose:services.gone", (), 1),), []),
    ],
)
def test_the_lines_to_paste_are_of_what_is_tied_near_or_alone(
    found: tuple[Pair, ...], without: tuple[Unpaired, ...], expected: list[str]
) -> None:
    assert settling(found, without) == expected


def test_where_modules_are_unread_nobody_is_asked_to_ignore_what_is_local() -> None:
    assert settling((), (Unpaired(WEB.id, (), 1),), unread=1) == []
    assert settling((), (Unpaired(WEB2.id, (), 1),), unread=1) == [*HEAD, f"{UNLIKE_LOCAL} {WEB2.id[10:]}"]


@pytest.mark.parametrize(
    ("without", "unread", "expected"),
    [
        (Unpaired(WEB.id, (), 0), 0, "the other side has nothing of its role"),
        (Unpaired(WEB.id, (), 3), 0, "nothing speaks for any of the 3 of its role on the other side"),
        (
            Unpaired(WEB.id, (), 3, aside=True),
            2,
            "serves tests or the infrastructure, which the other side need not have",
        ),
        (Unpaired(WEB.id, (), 3), 1, "its twin may be in a module that is not in the repository: m0"),
        (Unpaired(WEB.id, (), 0), 5, "its twin may be in a module that is not in the repository: m0, m1, m2, m3, m4"),
        (
            Unpaired(WEB.id, (), 0),
            7,
            "its twin may be in a module that is not in the repository: m0, m1, m2, m3, m4 and 2 more",
        ),
        (Unpaired(WEB2.id, (), 0), 1, "the other side has nothing of its role"),
        (Unpaired(WEB.id, (Candidate(WEB2.id, 30, ()),), 1), 1, f"nearest {WEB2.id[10:]} (30 points)"),
        (
            Unpaired(WEB.id, (Candidate(WEB2.id, 30, ("alike in name", "one port")),), 1),
            0,
            f"nearest {WEB2.id[10:]} (30 points: alike in name; one port)",
        ),
    ],
)
def test_each_node_without_a_twin_is_given_one_reason(without: Unpaired, unread: int, expected: str) -> None:
    made = lines((), (without,), unread)
    at = made.index(f"  {without.node.partition(':')[2]}")
    side = "local" if without.node == WEB.id else "cloud"
    assert made[at - 1 : at + 2] == [f"without a twin on the {side} side", f"  {without.node.partition(':')[2]}", f"      {expected}"]  # fmt: skip


@pytest.mark.parametrize(
    ("pair", "expected"),
    [(CERTAIN, "90 points, certain"), (TIED, "90 points, tied"), (UNSURE, "40 points, not certain")],
)
def test_a_pair_says_how_sure_it_is(pair: Pair, expected: str) -> None:
    assert f"      {expected}: alike in name" in lines((pair,), ())
