"""Keep the findings that are known in a file, so that only new ones fail a scan.

create writes what a scan finds now; update does so anew; prune takes away what is fixed; show lists it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.options import add_engine_options, extend
from policyengine.model.source import UsageError
from policyengine.reports import masks
from policyengine.reports.lines import harmless, visible
from policyengine.repository import discover

if TYPE_CHECKING:
    import argparse

    from policyengine.reports.baseline import Baseline

__all__ = ["configure", "extend", "run"]

EXAMPLES = (
    "policyengine baseline create",
    "policyengine scan --baseline policyengine.baseline.json",
)


_MOST = 50_000_000
"""Bytes of a file that is still read: it lies in the scanned tree, and may be a link to what never ends."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("what", metavar="ACTION", choices=("create", "update", "prune", "show"), help="what to do")
    parser.add_argument("path", metavar="PATH", nargs="?", type=Path, default=Path(), help="the folder that is scanned")
    parser.add_argument(
        "--baseline", metavar="FILE", type=Path, help=f"the file; {discover.BASELINE} in the scanned folder by default"
    )
    add_engine_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Do what is asked, and return the exit code."""
    from policyengine.cli.opened import opened  # noqa: PLC0415  so that --help is quick
    from policyengine.reports import baseline  # noqa: PLC0415  as above

    file = arguments.baseline or arguments.path / discover.BASELINE
    kept = None
    if arguments.what != "create":
        kept = load(file)
    elif file.exists():
        raise UsageError(f"there is a baseline '{file}'; 'policyengine baseline update' writes it anew")
    if arguments.what == "show" and kept is not None:
        for each in kept.findings:
            line = f"{each.rule} {each.subject}: {each.message}"
            output.to_stdout(harmless(f"{visible(masks.covered(line, masks.ranges(line)))}\n"))
        return 0
    tree = discover.open_tree([arguments.path], arguments.config).leaving([file])
    report = opened(arguments, tree).report()
    if report.failures:
        raise UsageError("the scan is not complete, and what it did not find would count as fixed; mend its failures")
    found = baseline.of(report)
    if arguments.what == "prune" and kept is not None:
        found = baseline.pruned(kept, report)
    code = output.deliver(output.Target("json", file), baseline.written(found))
    if code == 0:
        before = f", {len(kept.findings)} before" if kept is not None else ""
        many = "1 finding" if len(found.findings) == 1 else f"{len(found.findings)} findings"
        output.say(f"'{file}' knows {many}{before}; next: policyengine scan {arguments.path} --baseline {file}")
    return code


def load(file: Path) -> Baseline:
    """The baseline in a file.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    from policyengine.reports import baseline  # noqa: PLC0415  so that --help is quick

    try:
        with file.open("rb") as stream:
            data = stream.read(_MOST + 1)
        if len(data) > _MOST:
            raise UsageError(f"the baseline '{file}' cannot be read: it has more than {_MOST // 1_000_000} MB")
        return baseline.read(data.decode("utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or "it is not UTF-8 text").lower()
        hint = "; write it with 'policyengine baseline create'" if isinstance(error, FileNotFoundError) else ""
        raise UsageError(f"the baseline '{file}' cannot be read: {reason}{hint}") from error
