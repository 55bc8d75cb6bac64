"""List what mirrors what: pairs with their scores and reasons, and who mirrors nothing with its nearest candidates.

What is left over ends in the lines for policyengine.yaml that would pair it, or declare that it has no counterpart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.scan import add_engine_options, extend, given

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "extend", "run"]

FORMATS = ("text", "json")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="folders or files; the working directory by default")
    output.add_options(parser, FORMATS)
    add_engine_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build the graph, list its pairs, and return the exit code."""
    from policyengine import engine, plugins  # noqa: PLC0415  so that --help is quick
    from policyengine.reports import pairs  # noqa: PLC0415  so that --help is quick
    from policyengine.reports.redact import Redactor  # noqa: PLC0415  as above
    from policyengine.repository import discover  # noqa: PLC0415  so that --help is quick

    targets = output.targets(getattr(arguments, "reports", None) or (), "text")
    output.check_writable(targets)
    tree = discover.open_tree([Path(path) for path in arguments.paths or ["."]], arguments.config)
    loaded = plugins.load(arguments.pack)
    settings = engine.load_config(tree, loaded, arguments.config)
    work = engine.Work(given=given(arguments), jobs=arguments.jobs, cache=not arguments.no_cache)
    scanned = engine.build_graph(tree, settings, loaded, work)
    code = output.left_undone(scanned)
    redactor = Redactor(scanned.graph, scanned.sources)
    for target in targets:
        made = redactor.name(pairs.report(scanned.graph, target.format))
        code = max(code, output.deliver(target, made))
    return code
