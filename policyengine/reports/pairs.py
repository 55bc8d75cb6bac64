"""The pairs of a graph for people and programs: what mirrors what and why, and who mirrors nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from policyengine.model.nodes import Datastore, Node, Role, Service, Side, UnreadModule
from policyengine.reports.lines import visible
from policyengine.rules.proposed import production

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.graph import Candidate, Graph, Pair, Unpaired


_MOST = 5
"""So many modules are named at a node without a twin."""


def report(graph: Graph, form: str) -> str:
    """The pairs as `text` or `json`, ending in a line end."""
    if form == "json":
        own = [{"name": name, **_pairs(each)} for name, each in graph.systems.items()]
        document = {"version": 1, **_pairs(graph), **({"systems": own} if own else {})}
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return "".join(f"{line}\n" for line in _of_systems(graph))


def _of_systems(graph: Graph) -> Iterator[str]:
    """The lines of each system under its name; without one where there is only one."""
    if not graph.systems:
        yield from _lines(graph)
    for number, (name, each) in enumerate(graph.systems.items()):
        if number:
            yield ""
        yield f"system {visible(name)}: {', '.join(_lacking(each)) or 'both sides'}"
        yield from _lines(each)


def _lacking(graph: Graph) -> Iterator[str]:
    """The sides on which nothing runs."""
    for side in (Side.LOCAL, Side.CLOUD):
        if not any(isinstance(node, Service | Datastore) for node in graph.all(Node, side=side)):
            yield f"no {side.value} side"


def _pairs(graph: Graph) -> dict[str, object]:
    return {
        "pairs": [
            {
                "local": pair.local,
                "cloud": pair.cloud,
                "score": pair.score,
                "certain": pair.certain,
                "tied": pair.tied,
                "reasons": list(pair.reasons),
            }
            for pair in graph.pairs
        ],
        "declared": list(graph.ignored),
        "unread": list(_unread(graph)),
        "unpaired": [
            {
                "node": each.node,
                "candidates": [
                    {"node": near.node, "score": near.score, "reasons": list(near.reasons)} for near in each.candidates
                ],
            }
            for each in graph.without_twin
        ],
    }


def _lines(graph: Graph) -> Iterator[str]:
    yield f"{len(graph.pairs)} pair{'' if len(graph.pairs) == 1 else 's'}"
    for pair in graph.pairs:
        yield f"  {_short(pair.local)}  ↔  {_short(pair.cloud)}"
        yield f"      {_weight(pair)}: {'; '.join(pair.reasons)}"
    if graph.ignored:
        yield ""
        yield "declared to have no counterpart"
        for node in graph.ignored:
            yield f"  {_short(node)}"
    for side in (Side.LOCAL, Side.CLOUD):
        left = [each for each in graph.without_twin if _on(graph, each, side)]
        if left:
            yield ""
            yield f"without a twin on the {side.value} side"
            for each in left:
                yield f"  {_short(each.node)}"
                for near in each.candidates:
                    yield f"      {_near(near)}"
                if not each.candidates:
                    yield f"      {_why(each, _unread(graph) if side is Side.LOCAL else ())}"
    settling = list(to_settle(graph))
    if settling:
        yield ""
        yield "to settle it, keep what is true of these lines in policyengine.yaml:"
        yield ""
        yield from settling


def to_settle(graph: Graph) -> Iterator[str]:
    """The lines of policyengine.yaml that settle what is left over or tied.

    No application is proposed to have no counterpart: that would silence for good what says that nothing of it is
    compared. What nothing on the other side is like is named in a comment, with the key that compares it.
    """
    running = [each for each in graph.all(Service, side=Side.CLOUD) if each.role is Role.APP]
    found = bool(running) or any(graph.all(Datastore, side=Side.CLOUD))
    if not found and (line := production(graph)):
        yield line
    tied = [pair for pair in graph.pairs if pair.tied]
    near = [(each.node, each.candidates[0].node) for each in graph.without_twin if each.candidates]
    alone: dict[str, list[str]] = {"local": [], "cloud": []}
    lost: list[str] = []
    unlike: dict[str, list[str]] = {"local": [], "cloud": []}
    hidden = bool(_unread(graph))
    for each in graph.without_twin:
        node = graph.get(Node, each.node)
        if node is None or each.candidates or each.aside or (hidden and node.side is Side.LOCAL):
            continue
        runs = isinstance(node, Service) and node.role is Role.APP
        nowhere = node.side is Side.LOCAL and not (running if runs else found)
        (lost if nowhere else (unlike if runs else alone)[node.side.value]).append(_short(each.node))
    if lost:
        yield f"# no file says what runs these in the cloud, so nothing of them is compared: {', '.join(lost)}"
    if tied or near:
        yield "pairs:"
        places = [(pair.local, pair.cloud) for pair in tied]
        places += [(one, other) if _local(graph, one) else (other, one) for one, other in near]
        for local, cloud in sorted(set(places)):
            yield f"  - {{local: {_quoted(local)}, cloud: {_quoted(cloud)}}}"
    for side, other in (("local", "cloud"), ("cloud", "local")):
        if unlike[side]:
            told = ", ".join(unlike[side])
            yield f"# nothing on the {other} side is like these; name their twins under pairs: {told}"
    if any(alone.values()):
        lists = {side: ", ".join(map(_plain, names)) for side, names in alone.items() if names}
        listed = ", ".join(f"{side}: [{names}]" for side, names in lists.items())
        yield f"ignore: {{{listed}}}"


def _local(graph: Graph, node_id: str) -> bool:
    node = graph.get(Node, node_id)
    return node is not None and node.side is Side.LOCAL


def _on(graph: Graph, each: Unpaired, side: Side) -> bool:
    node = graph.get(Node, each.node)
    return node is not None and node.side is side


def _unread(graph: Graph) -> tuple[str, ...]:
    """The modules that may hold what has no twin on the cloud side."""
    return tuple(each.name for each in graph.all(UnreadModule))


def _why(each: Unpaired, unread: tuple[str, ...]) -> str:
    if each.aside:
        return "serves tests or the infrastructure, which the other side need not have"
    if unread:
        more = f" and {len(unread) - _MOST} more" if len(unread) > _MOST else ""
        return f"its twin may be in a module that is not in the repository: {', '.join(unread[:_MOST])}{more}"
    if each.like:
        return f"nothing speaks for any of the {each.like} of its role on the other side"
    return "the other side has nothing of its role"


def _weight(pair: Pair) -> str:
    return f"{pair.score} points, {'tied' if pair.tied else 'certain' if pair.certain else 'not certain'}"


def _near(near: Candidate) -> str:
    reasons = f": {'; '.join(near.reasons)}" if near.reasons else ""
    return f"nearest {_short(near.node)} ({near.score} points{reasons})"


def _short(node_id: str) -> str:
    return visible(node_id.partition(":")[2])


def _plain(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _quoted(node_id: str) -> str:
    return json.dumps(_short(node_id), ensure_ascii=False)
