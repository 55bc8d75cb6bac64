"""What rules look at: nodes of a type, what files declare, pairs. Each is a row with its roots and its facts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct, defstruct, field
from msgspec.structs import replace

from policyengine.model import nodes
from policyengine.model.container import Container
from policyengine.model.declaration import Declaration, DeclarationKind
from policyengine.model.nodes import Datastore, Node, Service, Side, UnreadModule
from policyengine.model.source import Span
from policyengine.model.value import Known, Unknown
from policyengine.rules.declarative import cel
from policyengine.rules.declarative.everywhere import EVERY, Every
from policyengine.rules.declarative.facts import Fact, Facts
from policyengine.rules.declarative.fields import Type, fields, named

if TYPE_CHECKING:
    from policyengine.model.graph import Graph
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


class Tree(Node, frozen=True, kw_only=True):
    """What is scanned as a whole; `paths` are its files."""

    paths: tuple[str, ...]


TREE = "tree"


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
    found[TREE] = Tree
    return found | dict.fromkeys(DECLARED, Declaration)


def pairable() -> frozenset[str]:
    """The kinds of which a local and a cloud one can be a pair."""
    return frozenset(name for name in kinds() if name not in DECLARED and name != TREE)


@cache
def every_kind() -> Type:
    """The type of what has all nodes, by their kinds."""
    held: Any = [(name, tuple[each, ...]) for name, each in kinds().items() if name != TREE]  # type: ignore[valid-type]  # made of what there is
    return Type("record", records=(defstruct("Every", held, namespace={"__doc__": "All nodes, by their kinds."}),))


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
    once: dict[tuple[str, bool], dict[str, cel.Once]] = field(default_factory=dict)
    _told: dict[str, object] = field(default_factory=dict)
    _graphs: list[tuple[Graph, object, Facts]] = field(default_factory=list)
    _rows: dict[Selection, list[Row]] = field(default_factory=dict)
    _made: dict[tuple[str, bool, tuple[str, ...]], Row] = field(default_factory=dict)

    def need(self, selection: Selection, condition: cel.Condition) -> None:
        """Note what a condition over a selection needs."""
        key = (selection.kind, selection.pair)
        self.needs.setdefault(key, set()).update(condition.needs)
        self.once.setdefault(key, {}).update((each.name, each) for each in condition.once)

    def rows(self, selection: Selection, graph: Graph, params: object) -> list[Row]:
        """What a selection selects in a graph; kept while the same graph and parameters are asked."""
        if not self._graphs or self._graphs[0][0] is not graph or self._graphs[0][1] is not params:
            self._graphs[:] = [(graph, params, Facts(graph, everything(graph)))]
            self._rows.clear()
            self._made.clear()
            self._told.clear()
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
            kind = selection.kind, selection.pair
            row = self._made[key] = make(roots, params, self.needs.get(kind, ()), facts, self._results(kind))
        return row

    def _results(self, kind: tuple[str, bool]) -> Results:
        """Finds what is the same for all rows of a kind, once."""

        def results(given: Mapping[str, object], holes: Mapping[str, Unknown]) -> Iterator[tuple[str, object]]:
            prepared: Any = None
            for name, each in self.once.get(kind, {}).items():
                if name not in self._told:
                    prepared = cel.prepared(given) if prepared is None else prepared
                    said = each.run(prepared)
                    if isinstance(said, cel.Failed):
                        lacking = holes.get(said.missing)
                        said = lacking or Unknown(
                            f"the condition has no answer: {said.reason or said.missing}", Span("", 0, 0)
                        )
                    self._told[name] = said
                yield name, self._told[name]

        return results


Results = Callable[[Mapping[str, object], Mapping[str, Unknown]], Iterable[tuple[str, object]]]


def make(
    roots: Mapping[str, Struct], params: object, needs: Iterable[Need], facts: Facts, results: Results | None = None
) -> Row:
    """The row of these roots, with what is needed of them, and of what was given with `results` of it."""
    nodes_ = {name: _node(each) for name, each in roots.items()}
    place = next((each.span for each in nodes_.values()), Span("", 0, 0))
    root = Fact({**roots, "params": params, EVERY: facts.every}, place)
    holes: dict[str, Unknown] = {}
    given = facts.given(root, needs, holes)
    for name, said in [*results(given, holes)] if results is not None else ():
        if isinstance(said, Unknown):
            holes[name] = said if said.span.path else replace(said, span=place)
        else:
            given[name] = said
    return Row(nodes_, root, cel.prepared(given), holes, facts)


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
    elif kind == TREE:
        found = _tree(graph)
    elif kind == "container":
        found = graph.deployed() if filter_.deployed else graph.containers()
    else:
        found = graph.all(kinds()[kind])
    for each in found:
        if _fits(each, filter_):
            yield {kind: each}


def _tree(graph: Graph) -> Iterator[Tree]:
    """The tree, which stands where the first of its services, or else the first of its nodes, does.

    Its id has the file, which tells the systems of one repository apart.
    """
    first = next((each for kind in (Service, Node) for each in graph.all(kind) if each.span.path), None)
    if first is not None:
        file = first.span.path
        yield Tree(id=f"{TREE}:{file}", name=TREE, side=Side.SOURCE, span=Span(file, 0, 0), paths=graph.paths)


def everything(graph: Graph) -> Every:
    """All nodes of a graph by their kinds."""

    def of(kind: str) -> Iterator[Struct]:
        return (each for roots in selected(Selection(kind), graph) for each in roots.values())

    def gap(kind: str) -> Unknown | None:
        unread: Iterable[Node] = ()
        if kind in ("resource", "data"):
            calls = graph.declarations(DeclarationKind.MODULE)
            unread = (each for each in calls if not each.type.startswith("."))
        elif kind == "container" or issubclass(kinds()[kind], (Service, Datastore)):
            unread = graph.all(UnreadModule)
        one = next(iter(unread), None)
        return None if one is None else Unknown(f"what '{one.name}' makes is not in the repository", one.span)

    return Every(of, gap)


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
