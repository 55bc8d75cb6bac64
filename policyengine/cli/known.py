"""What a scan need not say again: what a baseline knows, and what an earlier commit has."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from policyengine.cli import baseline as files
from policyengine.cli import git
from policyengine.cli.opened import opened
from policyengine.reports import baseline

if TYPE_CHECKING:
    import argparse

    from policyengine.repository.discover import Tree
    from policyengine.rules.evaluate import Report


def without_known(report: Report, arguments: argparse.Namespace, tree: Tree) -> Report:
    """The report without what a baseline, or an earlier commit, has already.

    Raises:
        UsageError: the baseline cannot be read, or git knows no such commit.
    """
    if arguments.baseline or arguments.baseline_ref:
        name = arguments.baseline or tree.root / baseline.NAME
        if arguments.baseline_ref:
            path = os.path.relpath(name, tree.root)
            known = baseline.read(git.text(tree.root, arguments.baseline_ref, path), f"{arguments.baseline_ref}:{path}")
        else:
            known = files.load(name)
        report = baseline.applied(report, known, f"the baseline '{name}'")
    if arguments.since:
        with TemporaryDirectory(prefix="policyengine-") as scratch:
            folder = Path(scratch) / tree.root.name
            folder.mkdir()
            git.extracted(tree.root, arguments.since, folder)
            former = _former_report(folder, arguments, tree)
        report = baseline.applied(report, baseline.of(former), f"the commit '{arguments.since}'")
    return report


def _former_report(folder: Path, arguments: argparse.Namespace, tree: Tree) -> Report:
    """The report of the same paths as they were."""
    root = tree.root.resolve()
    asked = [folder / Path(path).resolve().relative_to(root) for path in arguments.paths or ["."]]
    return opened(arguments, [path for path in asked if path.exists()] or [folder]).report()
