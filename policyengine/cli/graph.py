"""Export the graph of a repository: what there is, what belongs together, and what mirrors what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.options import add_engine_options, extend

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "extend", "run"]

EXAMPLES = (
    "policyengine graph --format mermaid",
    "policyengine graph infra -o graph.json",
    "policyengine graph --declared -o graph.json",
)
FORMATS = ("json", "mermaid", "dot")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="folders or files; the working directory by default")
    parser.add_argument(
        "--declared", action="store_true", help="add all that files declare, with every argument evaluated (JSON only)"
    )
    output.add_options(parser, FORMATS)
    add_engine_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build the graph, write it, and return the exit code."""
    from policyengine.cli.opened import opened  # noqa: PLC0415  so that --help is quick
    from policyengine.reports import graph as export  # noqa: PLC0415  so that --help is quick

    targets = output.asked(arguments, "json")
    scanned = opened(arguments, arguments.paths).graph()
    if arguments.declared:
        export.every(scanned.graph)
        scanned = scanned.asked()
    code = output.left_undone(scanned)
    for target in targets:
        text = export.export(scanned.graph, scanned.sources, target.format, declared=arguments.declared)
        code = max(code, output.deliver(target, text))
    return code
