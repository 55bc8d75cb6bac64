"""Say where a value came from, step by step, or why it is not known.

An ADDRESS is one of Terraform (aws_db_instance.main.engine_version, module.api.var.image, local.name, output.url), or a
node of the graph with a fact of it (compose:services.db.version).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.options import add_engine_options, extend
from policyengine.cli.places import path_prefix

if TYPE_CHECKING:
    import argparse

    from policyengine.model.explanation import Explanation
    from policyengine.model.graph import Graph

__all__ = ["configure", "extend", "run"]

EXAMPLES = (
    "policyengine explain-value . aws_db_instance.main.engine_version",
    "policyengine explain-value . compose:services.db/database.version",
)
FORMATS = ("text", "json")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("path", metavar="PATH", type=Path, help="the folder that the value is in")
    parser.add_argument("address", metavar="ADDRESS", help="the address of the value; quote it for the shell")
    output.add_options(parser, FORMATS)
    add_engine_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Find the value, say how it came about, and return the exit code."""
    from policyengine import engine  # noqa: PLC0415  so that --help is quick
    from policyengine.cli.opened import opened  # noqa: PLC0415  as above
    from policyengine.model import explanation  # noqa: PLC0415  so that --help is quick
    from policyengine.reports import explanation as report  # noqa: PLC0415  as above

    targets = output.asked(arguments, "text")
    asked = opened(arguments, [arguments.path])
    tree, scanned = asked.tree, asked.graph()
    if ":" in arguments.address.partition(".")[0].partition("[")[0]:
        found = explanation.explain_fact(scanned.graph, arguments.address)
    else:
        from policyengine.platforms.terraform import exact  # noqa: PLC0415  not for other nodes
        from policyengine.platforms.terraform.resources import addresses  # noqa: PLC0415  as above
        from policyengine.platforms.terraform.root_modules import read_roots  # noqa: PLC0415  as above

        (terraform,) = (each for each in asked.plugins.platforms if each.name == "terraform")
        settings = engine.told(terraform, asked.config, asked.plugins, asked.work)
        roots = read_roots(tree.without(asked.config.exclude), settings, exact=exact(asked.work.given))
        found = addresses.explain(roots.planned, arguments.address)
        found = _floating(found, scanned.graph)
    code = output.left_undone(scanned)
    for target in targets:
        if target.format == "json":
            made = report.data(found, scanned.graph, tree.sources)
        else:
            setting = report.Setting(
                colour=target.colour,
                unicode=target.file is not None or output.unicode(sys.stdout),
                prefix=path_prefix(tree.root),
            )
            made = report.text(found, scanned.graph, tree.sources, setting)
        code = max(code, output.deliver(target, made))
    return code


def _floating(found: Explanation, graph: Graph) -> Explanation:
    """A known value that a node holds as floating, such as the engine version `16`, is so here."""
    from msgspec.structs import replace  # noqa: PLC0415  as in run

    from policyengine.model.explanation import MOVES  # noqa: PLC0415  as in run
    from policyengine.model.value import Floating  # noqa: PLC0415  as in run

    if found.state != "known" or not found.steps:
        return found
    span = found.steps[-1].span
    for node in graph.nodes:
        for name in node.__struct_fields__:
            fact = getattr(node, name)
            if isinstance(fact, Floating) and fact.span == span and str(fact.value) == str(found.value):
                return replace(found, state="floating", reason=MOVES)
    return found
