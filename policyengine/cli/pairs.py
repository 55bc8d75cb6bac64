"""List what mirrors what: pairs with their scores and reasons, and who mirrors nothing with its nearest candidates.

What is left over ends in the lines for policyengine.yaml that would pair it, or declare that it has no counterpart.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.options import add_engine_options, extend

if TYPE_CHECKING:
    import argparse

__all__ = ["configure", "extend", "run"]

EXAMPLES = (
    "policyengine pairs",
    "policyengine pairs services/shop --format json",
)
FORMATS = ("text", "json")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="folders or files; the working directory by default")
    output.add_options(parser, FORMATS)
    add_engine_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build the graph, list its pairs, and return the exit code."""
    from policyengine.cli.opened import opened  # noqa: PLC0415  so that --help is quick
    from policyengine.reports import pairs  # noqa: PLC0415  so that --help is quick
    from policyengine.reports.redact import Redactor  # noqa: PLC0415  as above
    from policyengine.reports.text import ASCII  # noqa: PLC0415  as above

    targets = output.asked(arguments, "text")
    scanned = opened(arguments, arguments.paths).graph()
    code = output.left_undone(scanned)
    redactor = Redactor(scanned.graph, scanned.sources)
    for target in targets:
        made = redactor.name(pairs.report(scanned.graph, target.format))
        if target.format == "text" and target.file is None and not output.unicode(sys.stdout):
            made = made.translate(ASCII)  # before a terminal without them writes their numbers
        code = max(code, output.deliver(target, made))
    return code
