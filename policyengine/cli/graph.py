"""Export the graph of a repository: what there is, what belongs together, and what mirrors what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.scan import add_engine_options, extend, given

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "extend", "run"]

FORMATS = ("json", "mermaid", "dot")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="folders or files; the working directory by default")
    output.add_options(parser, FORMATS)
    add_engine_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build the graph, write it, and return the exit code."""
    from policyengine import engine, plugins  # noqa: PLC0415  so that --help is quick
    from policyengine.reports import graph as export  # noqa: PLC0415  so that --help is quick
    from policyengine.repository import discover  # noqa: PLC0415  so that --help is quick

    targets = output.targets(getattr(arguments, "reports", None) or (), "json")
    output.check_writable(targets)
    tree = discover.open_tree([Path(path) for path in arguments.paths or ["."]], arguments.config)
    loaded = plugins.load(arguments.pack)
    settings = engine.load_config(tree, loaded, arguments.config)
    work = engine.Work(given=given(arguments), jobs=arguments.jobs, cache=not arguments.no_cache)
    scanned = engine.build_graph(tree, settings, loaded, work)
    code = output.left_undone(scanned)
    for target in targets:
        code = max(code, output.deliver(target, export.export(scanned.graph, scanned.sources, target.format)))
    return code
