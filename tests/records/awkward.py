"""Reports that are hard to set: long lines and spans, many choices and reasons, nodes without a twin, odd names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.change import Edit
from policyengine.model.explanation import Explanation
from policyengine.model.graph import Candidate, Choice, Edge, EdgeKind, Graph, Pair, Unpaired
from policyengine.model.nodes import Database, Node, Service, Side
from policyengine.model.source import Source, Span
from policyengine.model.value import Floating, Via
from policyengine.rules.evaluate import Failure, Report, Waived, evaluate
from policyengine.rules.rule import Finding, Fix, Outcome, Pack, Severity, Undecided, rule
from tests.linking.nodes import build, database, queue, service

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG = "x" * 300 + " MARK " + "y" * 4200
TEXTS = {
    "long.tf": f"short\n{LONG}\nend",
    "many.yml": "".join(f"line {number}:\n  deeper\n" for number in range(40)),
    "tabs.yml": "\tkey:\tvalue\t# note\n\n  \n\tlast: x",
    "odd \u202e name.yml": 'a: "b"\n',
}
CLOUD = Side.CLOUD
NODES: tuple[Node, ...] = (
    service("app", ports=[80]),
    service('we"b'),
    service("mail-test"),
    service("lost"),
    service("app", CLOUD),
    service("web", CLOUD),
    service("web2", CLOUD),
    *(service(f"extra{number}", CLOUD) for number in range(10)),
    database("db"),
    database("main", CLOUD, engine=None),
    queue("jobs", CLOUD, engine="sqs"),
    build("image", tags=["ghcr.io/acme/app:1"]),
)
IDS = {node.id: node for node in NODES}
APP, WEB, MAIL, LOST, APP2, WEB2, WEB3, *EXTRA = NODES
PAIRS = (
    Pair(APP.id, APP2.id, 100, ("policyengine.yaml says so",)),
    Pair(WEB.id, WEB2.id, 70, ("alike in name", "shared variables"), certain=False, tied=True),
    Pair(WEB.id, WEB3.id, 70, ("alike in name",), certain=False, tied=True),
    Pair("compose:services.db/database", "terraform:aws_db_instance.main", 45, (), certain=False),
)
WITHOUT = (
    Unpaired(LOST.id, (Candidate(EXTRA[0].id, 30, ("alike in name",)), Candidate(EXTRA[1].id, 20, ())), 12),
    Unpaired(MAIL.id, (), 12, aside=True),
    *(Unpaired(each.id, (), 4) for each in EXTRA[:10]),
    Unpaired("terraform:aws_sqs.jobs", (), 0),
)
CHOICES = (
    *(Choice("Terraform root", f"stacks/{name}", "it is called by no other module") for name in "abcde"),
    *(Choice("Compose project", f"{name}.yml", "the default") for name in "ab"),
)


def graph() -> Graph:
    """A graph with pairs of each kind, nodes without a twin, and a declared one."""
    return Graph(
        tuple(sorted(NODES, key=lambda node: node.id)),
        edges=(Edge(EdgeKind.BUILT_BY, APP2.id, "build:image", "x"), Edge(EdgeKind.READS, APP.id, "nowhere", "x")),
        pairs=PAIRS,
        choices=CHOICES,
        paths=tuple(sorted(TEXTS)),
        ignored=("compose:services.declared",),
    ).paired(PAIRS, WITHOUT)


def _at(path: str, text: str, occurrence: int = 0) -> Span:
    start = [index for index in range(len(TEXTS[path])) if TEXTS[path].startswith(text, index)][occurrence]
    return Span(path, start, start + len(text))


SPANS = (
    _at("long.tf", "MARK"),
    _at("long.tf", LONG),
    Span("long.tf", len(TEXTS["long.tf"]), len(TEXTS["long.tf"])),
    Span("long.tf", 5, 5),
    Span("many.yml", 0, len(TEXTS["many.yml"])),
    Span("many.yml", 10, 60),
    _at("many.yml", "line 39:"),
    _at("tabs.yml", "value"),
    Span("tabs.yml", 19, 19),
    Span("tabs.yml", 20, 23),
    _at("tabs.yml", "last: x"),
    Span("odd \u202e name.yml", 3, 6),
    Span("gone.yml", 0, 4),
)


class NoOptions(Struct, frozen=True):
    """A pack without options."""


@rule(
    "AWK101",
    mandate="1",
    severity=Severity.NOTE,
    message={
        "default": "it is '{word}'",
        "linked": "'{word}' links [one](1), [two](2) and [one](1) again, and {{braces}} [x]",
        "long": "'{word}' " + "and so on " * 120,
    },
    precision="low",
    tags=("own",),
)
def odd_places(found: Graph, options: NoOptions) -> Iterator[Outcome]:
    """Places that are hard to show."""
    del options
    app = found.get(Service, APP.id)
    web = found.get(Service, WEB.id)
    db = found.get(Database, "compose:services.db/database")
    assert app is not None
    assert web is not None
    assert db is not None
    for number, span in enumerate(SPANS):
        fix = Fix("mend it", (Edit(span, "new\n"),)) if number % 3 == 0 else Fix("say so") if number % 3 == 1 else None
        yield Finding(subject=app, at=span, args={"word": number}, fix=fix)
    value = Floating("x", SPANS[7], (Via("var.a", SPANS[0]), Via("local.b", SPANS[5])))
    yield Finding(
        subject=web, at=value, variant="linked", args={"word": "w"}, related=(SPANS[6], db), against=IDS[WEB2.id]
    )
    yield Finding(
        subject=web, at=value, variant="linked", args={"word": "w"}, related=(SPANS[6], db), against=IDS[WEB3.id]
    )
    yield Finding(
        subject=app, at=SPANS[0], variant="linked", severity=Severity.ERROR, args={"word": "e"}, related=(db, SPANS[7])
    )
    yield Finding(subject=db, at=SPANS[6], variant="long", args={"word": "l" * 500}, severity=Severity.WARNING)
    for number in range(5):
        yield Undecided(app, SPANS[0], f"reason {number}")
    yield Undecided(web, SPANS[-1], "reason 0")


@rule("AWK201", mandate="2", severity=Severity.ERROR, message="never", cwe=(79,), security=8.5)
def never_found(found: Graph, options: NoOptions) -> Iterator[Outcome]:
    """Nothing.

    Why *it* matters, in `words`:

    - one
    - two
    """
    del found, options
    return iter(())


PACK: Pack[NoOptions] = Pack(
    name="awkward",
    version="2.0",
    rules=(odd_places, never_found),
    mandates={"1": "Odd things are shown.", "2": "Others are not."},
    sides={"1": "Odd"},
    options=NoOptions,
)


def report() -> Report:
    """What the pack finds, with failures and a waiver."""
    found = evaluate(graph(), [(PACK, None)], selected=frozenset({"AWK101", "AWK201"}))
    return Report(
        results=found.results,
        undecided=found.undecided,
        failures=(
            *found.failures,
            Failure("is odd", SPANS[4]),
            Failure("rule AWK201 crashed: KeyError", rule="AWK201", advice="leave it out"),
        ),
        waived=(Waived(found.results[0], "agreed"), Waived(found.results[1], "")),
        packs=(PACK,),
        rules=("AWK101", "AWK201"),
        graph=graph(),
        sources={path: Source(path, text) for path, text in TEXTS.items()},
        compared=found.compared,
    )


def _known(address: str, value: object, *steps: Via, secret: bool = False) -> Explanation:
    return Explanation(address, "known", value, steps=steps, secret=secret)


EXPLANATIONS = (
    _known("local.x", "plain", Via("local.x", SPANS[7]), Via("", SPANS[0])),
    _known("var.password", "s3cr3t-value", Via("var.password", SPANS[10]), secret=True),
    _known("local.numbers", [1, 2.5, True, None, {"name": "DB_PASSWORD", "value": "hunter2-hunter2", "other": "x"}]),
    _known("var.pin", 1234, secret=True),
    _known("local.long", "z" * 500),
    Explanation("var.y", "unknown", None, "variable 'y' has no default", (Via("var.y", SPANS[6]),), root=""),
    Explanation("aws_x.y", "absent", steps=(Via("aws_x.y", Span("", 0, 0)), Via("y", SPANS[4])), root="infra"),
    Explanation("aws_x.z", "floating", "16", "the tag moves"),
    Explanation(
        "local.object",
        "known",
        parts=(
            _known("local.object.a", "one", Via("a", SPANS[7])),
            _known("local.object.longer", None),
            Explanation("local.object.c", "unknown", None, "not known"),
        ),
    ),
    Explanation(
        "local.text",
        "known",
        "a-b",
        parts=(_known("var.a", "a", Via("var.a", SPANS[0])), Explanation("var.b", "unknown", "b", "said")),
    ),
    Explanation("local.empty", "known"),
)
