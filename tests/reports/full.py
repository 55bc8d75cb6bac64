"""Two reports with each thing that a format can tell: of one system against an earlier commit, and of several systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.change import Edit
from policyengine.model.graph import Candidate, Choice, Graph, Pair, Unpaired
from policyengine.model.nodes import Side
from policyengine.model.source import Source, Span
from policyengine.model.value import Known, Via
from policyengine.reports.identity import identity
from policyengine.rules.evaluate import Failure, Gone, Open, Remark, Report, Since, Waived, evaluate, order
from policyengine.rules.rule import Compared, Finding, Fix, Outcome, Pack, Severity, Undecided, rule
from tests.linking.nodes import database, service

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPOSE, CLOUD = "compose.yml", "main.tf"
TEXTS = {
    COMPOSE: "".join(f"s{number}: image-{number}\n" for number in range(7)),
    CLOUD: "".join(f'resource "x" "s{number}" {{ size = {number} }}\n' for number in range(5)),
    "policyengine.yaml": "waivers:\n  - rule: FUL101\n  - rule: FUL201\n",
}


def _at(path: str, text: str) -> Span:
    start = TEXTS[path].index(text)
    return Span(path, start, start + len(text))


LOCAL = tuple(replace(service(f"s{number}"), span=_at(COMPOSE, f"s{number}")) for number in range(7))
THERE = tuple(replace(service(f"s{number}", Side.CLOUD), span=_at(CLOUD, f'"s{number}"')) for number in range(5))
DB = replace(database("db"), span=_at(COMPOSE, "s6: image-6"))
CERTAIN = Pair(LOCAL[0].id, THERE[0].id, 90, ("alike in name",))
DOUBTFUL = Pair(LOCAL[1].id, THERE[1].id, 40, (), certain=False)


class NoOptions(Struct, frozen=True):
    """A pack without options."""


@rule(
    "FUL101",
    mandate="1",
    severity=Severity.ERROR,
    message={
        "default": "'{name}' is not [the same](1) (it is {name})!",
        "many": "'{name}' is one of many",
    },
    remedy="Make it the same.",
    tags=("own",),
)
def same(graph: Graph, options: NoOptions) -> Iterator[Outcome]:
    """Both sides are the same.

    Or else they differ.
    """
    del graph, options
    first, second, third, *others = LOCAL
    yield Compared(third)
    yield Compared(others[-1], THERE[4])
    size = Known("0", _at(CLOUD, "0"), (Via("var.size", _at(CLOUD, "size")), Via("", _at(CLOUD, "size"))))
    fix = Fix("write it", (Edit(_at(COMPOSE, "image-0"), "image-1"),))
    for each, against in zip((first, second, third), THERE, strict=False):
        yield Finding(
            subject=each, at=_at(COMPOSE, "image-0"), args={"name": "s0"}, related=(size,), fix=fix, against=against
        )
    for each in others:
        yield Finding(subject=each, at=each, variant="many", args={"name": each.name}, severity=Severity.WARNING)
    for number, each in enumerate((*LOCAL[:5], *LOCAL[:2])):
        yield Undecided(each, _at(COMPOSE, f"image-{number}"), f"reason {number % 5}")


@rule("FUL201", mandate="2", severity=Severity.WARNING, message="'{name}' is no convention", remedy="Rename it")
def convention(graph: Graph, options: NoOptions) -> Iterator[Outcome]:
    """A name is a convention."""
    del graph, options
    for each in LOCAL[:3]:
        yield Finding(subject=each, at=each, args={"name": each.name}, fix=Fix("rename it"))


@rule("FUL301", mandate="2", severity=Severity.NOTE, message="never", security=3.5, cwe=(79, 80))
def clean(graph: Graph, options: NoOptions) -> Iterator[Outcome]:
    """All of it is clean."""
    del graph, options
    for each in (LOCAL[0], LOCAL[1], DB):
        yield Compared(each)


@rule("FUL401", mandate="2", severity=Severity.NOTE, message="never")
def still(graph: Graph, options: NoOptions) -> Iterator[Outcome]:
    """What an earlier commit had too."""
    del graph, options
    yield Finding(subject=LOCAL[6], at=LOCAL[6], args={})


@rule("FUL501", mandate="2", severity=Severity.NOTE, message="never")
def idle(graph: Graph, options: NoOptions) -> Iterator[Outcome]:
    """Nothing is there for it."""
    del graph, options
    return iter(())


@rule("FUL601", mandate="2", severity=Severity.WARNING, message="'{name}' is known")
def excused(graph: Graph, options: NoOptions) -> Iterator[Outcome]:
    """Somebody knows of it."""
    del graph, options
    for number, each in enumerate(LOCAL):
        yield Finding(subject=each, at=_at(COMPOSE, f"image-{number}"), args={"name": each.name})


PACK: Pack[NoOptions] = Pack(
    name="full",
    version="3.0",
    rules=(same, convention, clean, still, idle, excused),
    mandates={"1": "Both are the same.", "2": "Names are names."},
    sides={
        "1": "Sameness",
        "2": "Names",
        "3": "Cleanness",
        "4": "Former",
        "5": "Idleness",
        "6": "Excuses",
        "8": "Not run",
    },
    options=NoOptions,
)
OTHER: Pack[NoOptions] = Pack(
    name="other",
    version="0.1",
    rules=(replace(idle, id="OTH701", summary="Nothing of another pack is there."),),
    mandates={},
    sides={},
    options=NoOptions,
)
RULES = tuple(each.id for pack in (PACK, OTHER) for each in pack.rules)


def _graph() -> Graph:
    nodes = tuple(sorted((*LOCAL, *THERE, DB), key=lambda node: node.id))
    pairs = (CERTAIN, DOUBTFUL)
    without = (
        Unpaired(LOCAL[3].id, (Candidate(THERE[4].id, 30, ("alike in name",)),), 5),
        Unpaired(DB.id, (), 0),
        Unpaired(LOCAL[4].id, (), 5, aside=True),
    )
    return Graph(nodes, pairs=pairs, paths=tuple(TEXTS)).paired(pairs, without)


def one() -> Report:
    """A report of one system against an earlier commit, with conventions, waivers and remarks."""
    graph = _graph()
    found = evaluate(graph, [(PACK, None), (OTHER, None)], selected=frozenset(RULES))
    results = [
        replace(each, folded=each.rule is convention and each.finding.subject is not LOCAL[2])
        for each in found.results
        if each.rule not in (still, excused)
    ]
    at = next(number for number, each in enumerate(results) if each.finding.subject is LOCAL[2])
    results[at] = replace(results[at], environments=("prod", "staging"))
    unchanged = tuple(each for each in found.results if each.rule is still)
    waiver = _at("policyengine.yaml", "rule: FUL101")
    known = [each for each in found.results if each.rule is excused]
    said = (
        ("agreed", "", "", None, False, False),
        ("until then", "@db", "2027-01-31", waiver, False, False),
        ("for ever", "@db", "", waiver, False, False),
        ("until the end", "", "2026-12-31", _at(COMPOSE, "s3"), True, False),
        ("never mind", "", "", _at(COMPOSE, "s4"), True, False),
        ("known by baseline.json", "", "", None, False, True),
        ("", "", "", None, False, False),
    )
    waived = tuple(Waived(each, *one) for each, one in zip(known, said, strict=True))
    return Report(
        results=tuple(results),
        undecided=found.undecided,
        failures=(
            Failure("rule FUL301 crashed: KeyError", rule="FUL301", advice="tell us", trace=("one.py:1", "two.py:2")),
            Failure("is too large", Span(COMPOSE, 9_999, 9_999), "make it smaller"),
            Failure("no such file", Span("/elsewhere/facts.json", 0, 0)),
        ),
        waived=waived,
        packs=(PACK, OTHER),
        rules=RULES,
        graph=graph,
        sources={path: Source(path, text) for path, text in TEXTS.items()},
        compared=found.compared,
        configuration="policyengine.yaml",
        profile="recommended",
        remarks=(
            Remark("the waiver of FUL201 covers nothing", _at("policyengine.yaml", "rule: FUL201")),
            Remark("it is over", Span("/elsewhere/policyengine.yaml", 0, 0)),
        ),
        fixed=("FUL101 one", "FUL101 two", "FUL101 three", "FUL101 four", "FUL101 five"),
        since=Since(
            "main",
            unchanged=unchanged,
            fixed=(
                Gone("FUL101", Severity.WARNING, LOCAL[0].id, "it was | wrong", f"{COMPOSE}:1:1", f"{CLOUD}:2:1"),
                Gone("FUL201", Severity.ERROR, LOCAL[1].id, "it was worse"),
            ),
            touched={COMPOSE: ((1, 1), (4, 6)), CLOUD: ((3, 3),)},
            lacking=("a.tf: is broken", "b.tf: too", "c.tf: too", "d.tf: too"),
            accepted=frozenset({identity(known[2])}),
        ),
    )


def several(count: int = 11) -> Report:
    """A report of several systems: the first has a finding of each weight, the second lacks both sides, others are calm."""
    graph = _graph()
    whole = one()
    names = tuple(f"app{number}" for number in range(count))
    found = evaluate(graph, [(PACK, None)], selected=frozenset({"FUL101", "FUL201", "FUL301"}))
    results = [replace(each, systems=names[:1]) for each in found.results]
    results[0] = replace(results[0], systems=(names[0], *names[2:7]))
    own = replace(
        whole, results=(), waived=(), failures=(), since=None, fixed=(), remarks=(), configuration="", packs=(PACK,),
        rules=("FUL101", "FUL201", "FUL301"),
    )  # fmt: skip
    open_ = (Open("FUL101", LOCAL[0].id, _at(COMPOSE, "image-0"), "it is open"),)
    calm = replace(own, undecided=(), graph=Graph((*LOCAL[:1], *THERE[:1]), pairs=(CERTAIN,)))
    systems = dict.fromkeys(names, calm)
    systems[names[0]] = replace(own, undecided=found.undecided)
    systems[names[1]] = replace(own, undecided=open_, compared=(), graph=Graph(()))
    chosen = Choice("Compose project", COMPOSE, "it is the only one")
    systems[names[2]] = replace(calm, graph=Graph(graph.nodes, pairs=graph.pairs, choices=(chosen,)))
    return replace(
        own, results=tuple(sorted(results, key=order)), undecided=open_, compared=found.compared, systems=systems
    )


def hopeful() -> Report:
    """A report with a tick, one convention, a plain failure and nothing new."""
    whole = one()
    clean_ = tuple(each for each in whole.compared if each.rule == "FUL301")
    convention_ = tuple(each for each in whole.results if each.folded)[:1]
    return replace(
        whole, results=convention_, undecided=(), failures=(), waived=whole.waived[:1], compared=clean_, remarks=(),
        fixed=whole.fixed[:1], since=Since("main"), graph=Graph(whole.graph.nodes, pairs=(CERTAIN,)),
    )  # fmt: skip
