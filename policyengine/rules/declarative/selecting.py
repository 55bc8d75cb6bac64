"""What rules look at: nodes of a type, what files declare, pairs. Each is a row with its roots and its facts."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct, field

from policyengine.model import nodes
from policyengine.model.container import Container
from policyengine.model.declaration import Declaration, DeclarationKind
from policyengine.model.nodes import Node
from policyengine.model.source import Span
from policyengine.model.value import Known
from policyengine.rules.declarative import cel
from policyengine.rules.declarative.facts import Fact, Facts
from policyengine.rules.declarative.fields import Type, fields, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from policyengine.model.graph import Graph
    from policyengine.model.value import Unknown
    from policyengine.rules.declarative.facts import Need

PAIR = "pair"
DECLARED = {
    "resource": DeclarationKind.RESOURCE,
    "data": DeclarationKind.DATA,
    "module": DeclarationKind.MODULE,
    "provider": DeclarationKind.PROVIDER,
    "instruction": DeclarationKind.INSTRUCTION,
    "step": DeclarationKind.STEP,
    "uses": DeclarationKind.USES,
}
"""What files declare and no type of nodes is for, by the names under which it is selected."""

_OTHERWISE = {"package": "manifest"}
"""Types of nodes whose own names are words of CEL."""


class Filter(Struct, frozen=True):
    """Which of a kind are selected. What is empty holds for all; `types` may have `*` in them."""

    side: str = ""
    role: str = ""
    engine: str = ""
    types: tuple[str, ...] = ()
    deployed: bool = False


class Selection(Struct, frozen=True):
    """A kind of things, which of them, and whether they are pairs of a local and a cloud one."""

    kind: str
    filter: Filter = Filter()
    pair: bool = False

    @property
    def roots(self) -> dict[str, Type]:
        """The names under which a condition knows what is selected."""
        type_ = Type("record", records=(kinds()[self.kind],))
        return dict.fromkeys(("local", "cloud") if self.pair else (self.kind,), type_)


@cache
def kinds() -> dict[str, type[Struct]]:
    """The type of what can be selected, by its name in conditions."""
    found: dict[str, type[Struct]] = {"container": Container}
    for name in nodes.__all__:
        each = getattr(nodes, name)
        if isinstance(each, type) and issubclass(each, Node) and each is not Node:
            found[_OTHERWISE.get(named(each), named(each))] = each
    return found | dict.fromkeys(DECLARED, Declaration)


def pairable() -> frozenset[str]:
    """The kinds of which a local and a cloud one can be a pair."""
    return frozenset(name for name in kinds() if name not in DECLARED)


class Row(NamedTuple):
    """One thing that is selected: the nodes that it is about, by root, and its facts.

    `given` is what the conditions of a pack need of it, `holes` why some of that is not there.
    """

    nodes: Mapping[str, Node]
    root: Fact
    given: Any
    holes: Mapping[str, Unknown]
    facts: Facts


class Selecting(Struct, frozen=True, eq=False):
    """The rows of one pack: what each kind needs is known when all rules are read, and given once a node."""

    needs: dict[tuple[str, bool], set[Need]] = field(default_factory=dict)
    _graphs: list[tuple[Graph, object, Facts]] = field(default_factory=list)
    _rows: dict[Selection, list[Row]] = field(default_factory=dict)
    _made: dict[tuple[str, bool, tuple[str, ...]], Row] = field(default_factory=dict)

    def need(self, selection: Selection, needs: Iterable[Need]) -> None:
        """Note what a condition over a selection needs."""
        self.needs.setdefault((selection.kind, selection.pair), set()).update(needs)

    def rows(self, selection: Selection, graph: Graph, params: object) -> list[Row]:
        """What a selection selects in a graph; kept while the same graph and parameters are asked."""
        if not self._graphs or self._graphs[0][0] is not graph or self._graphs[0][1] is not params:
            self._graphs[:] = [(graph, params, Facts(graph))]
            self._rows.clear()
            self._made.clear()
        found = self._rows.get(selection)
        if found is None:
            facts = self._graphs[0][2]
            every = selected(selection, graph)
            found = self._rows[selection] = [self._row(selection, roots, params, facts) for roots in every]
        return found

    def _row(self, selection: Selection, roots: Mapping[str, Struct], params: object, facts: Facts) -> Row:
        key = (selection.kind, selection.pair, tuple(_node(each).id for each in roots.values()))
        row = self._made.get(key)
        if row is None:
            needs = self.needs.get((selection.kind, selection.pair), ())
            row = self._made[key] = make(roots, params, needs, facts)
        return row


def make(roots: Mapping[str, Struct], params: object, needs: Iterable[Need], facts: Facts) -> Row:
    """The row of these roots, with what is needed of them."""
    nodes_ = {name: _node(each) for name, each in roots.items()}
    place = next((each.span for each in nodes_.values()), Span("", 0, 0))
    root = Fact({**roots, "params": params}, place)
    holes: dict[str, Unknown] = {}
    return Row(nodes_, root, cel.prepared(facts.given(root, needs, holes)), holes, facts)


def selected(selection: Selection, graph: Graph) -> Iterator[dict[str, Struct]]:
    """What a selection selects: the roots of each."""
    kind, filter_ = selection.kind, selection.filter
    if selection.pair:
        if kind == "container":
            pairs: Iterable[tuple[Any, Any]] = graph.mirrored()
        else:
            pairs = graph.mirrors(kinds()[kind])
        for local, cloud in pairs:
            if _fits(local, filter_) and _fits(cloud, filter_):
                yield {"local": local, "cloud": cloud}
        return
    if kind in DECLARED:
        plain = [each for each in filter_.types if "*" not in each]
        every = graph.declarations(DECLARED[kind], *(plain if len(plain) == len(filter_.types) else ()))
        found: Iterable[Any] = (
            each for each in every if not filter_.types or any(fnmatchcase(each.type, one) for one in filter_.types)
        )
    elif kind == "container":
        found = graph.deployed() if filter_.deployed else graph.containers()
    else:
        found = graph.all(kinds()[kind])
    for each in found:
        if _fits(each, filter_):
            yield {kind: each}


def _fits(each: Any, filter_: Filter) -> bool:  # noqa: ANN401  a node of any type, or a container
    if filter_.side and each.side.value != filter_.side:
        return False
    if filter_.role and each.role.value != filter_.role:
        return False
    return not filter_.engine or (isinstance(each.engine, Known) and each.engine.value == filter_.engine)


def lacking(selection: Selection) -> str:
    """The filter that a kind has no field for; empty where all fit."""
    known = fields((kinds()[selection.kind],))
    told = {name: getattr(selection.filter, name) for name in ("role", "engine")}
    return next((name for name, value in told.items() if value and name not in known), "")


def _node(each: Any) -> Node:  # noqa: ANN401  a node of any type, or a container
    node: Node = each.node if isinstance(each, Container) else each
    return node
