"""What a scan compared, and what it did not: the account behind every tick of a report.

A side of a pack is green only where something was compared and nothing is open. Every service and every datastore of
both sides is paired, declared to have no counterpart, or named with its nearest candidates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.nodes import Datastore, Node, Service, Side, UnreadModule, Workflow
from policyengine.patterns import regex
from policyengine.rules.proposed import production

if TYPE_CHECKING:
    from policyengine.model.graph import Graph, Unpaired
    from policyengine.rules.evaluate import Report, Result, Waived

_SIDE = regex(r"[A-Z]+-?(\d)")


class SideAccount(Struct, frozen=True):
    """What the rules of one side of a pack made of the graph.

    `compared` counts what was held against a rule, with or without a finding: a node, or a pair. Of the `findings`
    so many are `conventions` of the strict profile, which do not take the tick away; `unchanged` are those besides that
    an earlier commit has too, and no conventions. `nothing` says why
    nothing was compared, and is empty where something was, or where a question is open. `ran` is False where none of
    the side's rules was selected. `without_twin` counts who may mirror something and does not, on the first
    side of which something was compared.
    """

    pack: str
    key: str
    title: str
    compared: int
    findings: int
    conventions: int
    waived: int
    open: int
    ran: bool
    nothing: str = ""
    without_twin: int = 0
    unchanged: int = 0

    @property
    def green(self) -> bool:
        """Whether something was compared, all of it holds but for conventions, and no question is open."""
        left = self.findings - self.conventions + self.unchanged + self.open + self.without_twin
        return self.compared > 0 and not left


class Account(Struct, frozen=True):
    """The whole account: each side of each pack, how many nodes are paired, and who is not, with candidates.

    `unread` are the modules that may hold more of the cloud side and are not in the repository; `incomplete` tells that
    there is what could not be read. `proposed` is a line of policyengine.yaml that would make a cloud side.
    """

    sides: tuple[SideAccount, ...]
    paired: int
    declared: tuple[str, ...]
    unpaired: tuple[Unpaired, ...]
    missing: tuple[str, ...]
    unread: tuple[str, ...] = ()
    incomplete: bool = False
    proposed: str = ""

    @property
    def without_twin(self) -> int:
        """How many mirror nothing although the other side has their like."""
        return _lonely(self.unpaired)

    @property
    def advice(self) -> str:
        """One sentence that says what to do next; empty where both sides were found and nothing is left over."""
        alone = any(not each.like and not each.aside for each in self.unpaired)
        match self.missing:
            case (_, *_) if self.incomplete:
                return f"no {' and no '.join(self.missing)} side was found, which may be in what could not be read"
            case _ if self.unread and (alone or _CLOUD in self.missing) and _LOCAL not in self.missing:
                names = ", ".join(self.unread[:_MOST]) + (" …" if len(self.unread) > _MOST else "")
                return f"what {names} makes is not in the repository: scan after 'terraform init', or give a plan"
            case (only,) if only == _CLOUD and self.proposed:
                terraform = "scan a folder that also holds the Terraform files of the system"
                composed = f"where production runs on Compose, say so in policyengine.yaml, as: {self.proposed}"
                return f"no cloud side was found: {terraform}; or, {composed}"
            case (only,) if only == _CLOUD:
                return "no cloud side was found: scan a folder that also holds the Terraform files of the system"
            case (only,) if only == _LOCAL:
                return "no local side was found: scan a folder that also holds the system's Compose file"
            case (_, _):
                return "neither a Compose file nor a cloud side was found, so nothing could be compared"
            case _ if self.without_twin:
                return "'policyengine pairs' lists what mirrors nothing, with the lines for policyengine.yaml"
            case _:
                return ""


def _lonely(unpaired: tuple[Unpaired, ...]) -> int:
    return sum(1 for each in unpaired if each.like and not each.aside)


_LOCAL, _CLOUD = "local", "cloud"
_MOST = 3
"""So many modules are named in a sentence."""


def side_of(rule_id: str) -> str:
    """The first digit of a rule's number, which tells the side; empty when there is none."""
    match = _SIDE.match(rule_id)
    return match[1] if match else ""


def account(report: Report) -> Account:
    """The account of a report."""
    graph = report.graph
    missing = _missing(graph)
    nothing = _nothing(graph, missing)
    lonely = _lonely(graph.without_twin)
    opened = {(each.rule, each.subject) for each in report.undecided}
    sides = []
    for pack in report.packs:
        own = {rule.id for rule in pack.rules}
        ran = set(map(side_of, own.intersection(report.rules)))
        about_nodes = (each for each in report.compared if not each.subject.startswith("policyengine:"))
        held = (each.rule for each in about_nodes if each.rule in own)
        paired_on = min(map(side_of, held), default="")
        titles = dict(sorted(pack.sides.items())) or dict.fromkeys(sorted(ran), pack.name)
        for key, title in titles.items():
            mine = {rule for rule in own if side_of(rule) == key}
            found = [each for each in report.results if each.rule.id in mine]
            waived = [each.result for each in report.waived if each.result.rule.id in mine]
            known = [each for each in report.since.unchanged if each.rule.id in mine] if report.since else []
            about = {
                (each.rule.id, each.subject, "" if (twin := each.finding.against) is None else twin.id)
                for each in (*found, *waived, *known)
            }
            about |= {
                (each.rule, each.subject, each.against)
                for each in report.compared
                if each.rule in mine and (each.rule, each.subject) not in opened
            }
            waiting = sum(1 for each in report.undecided if each.rule in mine)
            reason = "" if about or waiting else nothing
            folded = sum(each.folded for each in found)
            counts = len(about), len(found), folded, len(waived), waiting
            left = lonely if key == paired_on else 0
            still = sum(not each.folded for each in known)
            sides.append(SideAccount(pack.name, key, title, *counts, key in ran, reason, left, still))
    paired = {each for pair in graph.pairs for each in (pair.local, pair.cloud)}
    unread = tuple(each.name for each in graph.all(UnreadModule))
    line = production(graph) if missing == (_CLOUD,) else ""
    failed = bool(report.failures)
    return Account(tuple(sides), len(paired), graph.ignored, graph.without_twin, missing, unread, failed, line)


def accounts(report: Report) -> dict[str, Account]:
    """The account of each system by its name, where a report is of several."""
    results: dict[str, list[Result]] = {}
    for result in report.results:
        for name in result.systems:
            results.setdefault(name, []).append(result)
    waived: dict[str, list[Waived]] = {}
    for each in report.waived:
        for name in each.result.systems:
            waived.setdefault(name, []).append(each)
    return {
        name: account(
            replace(
                own,
                results=tuple(results.get(name, ())),
                waived=tuple(waived.get(name, ())),
                since=report.since and report.since.of(name),
            )
        )
        for name, own in report.systems.items()
    }


def _missing(graph: Graph) -> tuple[str, ...]:
    """Which of the two sides that are compared has no service and no datastore."""
    return tuple(side for side in (_LOCAL, _CLOUD) if not _any(graph, Side(side)))


def _any(graph: Graph, side: Side) -> bool:
    return any(isinstance(node, Service | Datastore) for node in graph.all(Node, side=side))


def _nothing(graph: Graph, missing: tuple[str, ...]) -> str:
    """Why a side of a pack has nothing to compare."""
    hidden = next(iter(graph.all(UnreadModule)), None) is not None
    lacking = [f"no {side} side{' outside of unread modules' * (hidden and side == _CLOUD)}" for side in missing]
    if next(iter(graph.all(Workflow)), None) is None:
        lacking.append("no workflow")
    if lacking:
        return f"{' and '.join(lacking)} found"
    return "no rule of it concerns what was found" if graph.pairs else "no pair found"


def changed(report: Report) -> str:
    """How many findings there are; where a commit was asked about, how many are new, unchanged and fixed."""
    if report.since is None:
        return "1 finding" if len(report.results) == 1 else f"{len(report.results)} findings"
    known, fixed = len(report.since.unchanged), len(report.since.fixed)
    mended = "" if report.failures else f", {fixed} fixed"
    untold = "; what is fixed is not known, since the report is not complete" if report.failures else ""
    old = ", ".join(report.since.lacking[:_NAMED])
    lacking = f"; what is new may be old where that could not be read: {old}" if old else ""
    told = f"{len(report.results)} new, {known} unchanged{mended} since '{report.since.revision}'"
    return f"{told}{untold}{lacking}"


_NAMED = 3
"""So many files of the commit are named."""


def sentence(found: Account) -> str:
    """The account in one line: what was compared, what is open, who is without a twin, and what to do next."""
    compared = sum(side.compared for side in found.sides)
    waiting = sum(side.open for side in found.sides)
    said = f"{compared} compared, {waiting} open, {found.without_twin} without a twin"
    return f"{said}; {found.advice}" if found.advice else said
