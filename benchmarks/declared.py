"""What it costs that rules may ask for everything that files declare: nothing unasked, and asked, what was asked for.

    python benchmarks/declared.py [FILES]

Each generated file declares twenty resources of twenty types that no node is made of. What is compared is the time of a
rule that reads an argument of one type with that of a rule which reads everything, and what is evaluated where no rule
asks. Processor time of this process, one worker, nothing cached.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine import engine, plugins
from policyengine.api import Finding, Graph, NoOptions, Outcomes, Pack, Severity, rule
from policyengine.repository import discover
from policyengine.rules.evaluate import evaluate

if TYPE_CHECKING:
    from policyengine.api import Rule

FILES = 200
TYPES = 20
LIMIT = 0.15  # of the time for everything, for one type in twenty

RESOURCE = """\
resource "acme_type_{kind}" "it_{n}" {{
  name    = "acme-${{var.stage}}-{n}"
  days    = local.days
  policy  = jsonencode({{ Statement = [{{ Effect = "Allow", Action = ["a:b", "c:d"], Resource = "*" }}] }})
  tags    = merge(local.tags, {{ name = "it-{n}" }})
  enabled = true
  rule {{
    from = 80
    to   = 443
    cidr = ["10.0.0.0/8", "192.168.0.0/16"]
  }}
}}
"""
SHARED = """\
variable "stage" {}
locals {
  days = 14
  tags = { team = "core" }
}
"""


@rule("BEN001", severity=Severity.ERROR, message="'{name}'.")
def one_type(graph: Graph, _: NoOptions) -> Outcomes:
    """Asks one argument of one type."""
    for each in graph.resources("acme_type_7"):
        each.integer("days")
    yield from ()


@rule("BEN002", severity=Severity.ERROR, message="'{name}'.")
def everything(graph: Graph, _: NoOptions) -> Outcomes:
    """Asks everything of every type."""
    for each in graph.resources():
        each.get()
    yield from ()


@rule("BEN003", severity=Severity.ERROR, message="'{name}'.")
def nothing(graph: Graph, _: NoOptions) -> Outcomes:
    """Asks nothing that files declare."""
    for each in graph.nodes:
        if not each.id:
            yield Finding(subject=each, at=each, args={"name": each.name})


def measure(asked: Rule[NoOptions], size: int) -> tuple[float, float, int]:
    """Seconds for the graph and for the rule, and how much was evaluated."""
    found = plugins.environment()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "shared.tf").write_text(SHARED)
        for number in range(size):
            text = "\n".join(RESOURCE.format(kind=kind, n=number) for kind in range(TYPES))
            (folder / f"file_{number}.tf").write_text(text)
        tree = discover.open_tree([folder])
        start = time.process_time()
        graph = engine.build_graph(tree, engine.load_config(tree, found), found, engine.Work(jobs=1, cache=False)).graph
        built = time.process_time()
        evaluate(graph, [(Pack("bench", (asked,)), NoOptions())], selected=frozenset({asked.id}))
        done = time.process_time()
    return built - start, done - built, sum(len(each.made) for each in graph.declaring)


def main() -> int:
    """Print the times; the exit code tells whether the limits hold."""
    gc.set_threshold(200_000)  # as the command line does
    size = int(sys.argv[1]) if len(sys.argv) > 1 else FILES
    measure(everything, 5)  # loads what is loaded once
    graph, idle, unasked = measure(nothing, size)
    _, one, few = measure(one_type, size)
    _, whole, every = measure(everything, size)
    print(f"{size * TYPES} resources; the graph takes {graph:.2f}s")
    print(f"a rule that asks nothing: {idle * 1e3:7.1f} ms, {unasked} evaluated")
    print(f"a rule over one type:     {one * 1e3:7.1f} ms, {few} evaluated")
    print(f"a rule over everything:   {whole * 1e3:7.1f} ms, {every} evaluated")
    print(f"one type in {TYPES} takes {one / whole:.3f} of the time for everything (limit {LIMIT})")
    return 0 if unasked == 0 and few == size and one / whole <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
