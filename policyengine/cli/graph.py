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
)
FORMATS = ("json", "mermaid", "dot")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="folders or files; the working directory by default")
    output.add_options(parser, FORMATS)
    add_engine_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build the graph, write it, and return the exit code."""
    from policyengine.cli.opened import opened  # noqa: PLC0415  so that --help is quick
    from policyengine.reports import graph as export  # noqa: PLC0415  so that --help is quick

    targets = output.asked(arguments, "json")
    scanned = opened(arguments, arguments.paths).graph()
    code = output.left_undone(scanned)
    for target in targets:
        code = max(code, output.deliver(target, export.export(scanned.graph, scanned.sources, target.format)))
    return code
