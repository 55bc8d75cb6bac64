"""What a scan need not say again: what a baseline knows, and what an earlier commit has."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from policyengine.cli import baseline as files
from policyengine.cli import git, output
from policyengine.cli.ending import tidied
from policyengine.cli.opened import opened
from policyengine.model.source import UsageError
from policyengine.reports import baseline
from policyengine.reports.since import since
from policyengine.repository import discover

if TYPE_CHECKING:
    from policyengine.repository.discover import Tree
    from policyengine.rules.evaluate import Report


def check(arguments: argparse.Namespace, tree: Tree) -> None:
    """Find what is wrong with the options before the work.

    Raises:
        UsageError: a baseline cannot be read, or git knows no such commit.
    """
    if arguments.baseline or arguments.baseline_ref:
        _baseline(arguments, tree)
    if arguments.since:
        git.commit(tree.root, arguments.since)


def without_known(report: Report, arguments: argparse.Namespace, tree: Tree) -> Report:
    """The report without what a baseline, or an earlier commit, has already.

    Raises:
        UsageError: the baseline cannot be read, or git knows no such commit.
    """
    if arguments.baseline or arguments.baseline_ref:
        known, name = _baseline(arguments, tree)
        locked = () if arguments.baseline_ref else report.locked  # a pull request can write the file, not the commit
        report = baseline.applied(report, known, f"the baseline '{name}'", locked)
    if arguments.since:
        with tidied(), TemporaryDirectory(prefix="policyengine-") as scratch:
            folder = Path(scratch) / tree.root.name
            folder.mkdir()
            git.extracted(tree.root, arguments.since, folder)
            report = since(report, _former(folder, report, arguments, tree), arguments.since)
    return report


def _baseline(arguments: argparse.Namespace, tree: Tree) -> tuple[baseline.Baseline, str]:
    """What the file or the commit knows, and what it is called."""
    file = arguments.baseline or tree.root / discover.BASELINE
    if not arguments.baseline_ref:
        return files.load(file), str(file)
    path = Path(os.path.relpath(os.path.abspath(file), tree.root)).as_posix()  # noqa: PTH100  a link stays as it is
    text = git.text(tree.root, arguments.baseline_ref, path)
    name = f"{arguments.baseline_ref}:{path}"
    return baseline.read(text, name), name


def _former(folder: Path, report: Report, arguments: argparse.Namespace, tree: Tree) -> Report:
    """The report of the same paths as they were, under the configuration of then; where that is not valid, of now."""
    own = arguments.config and Path(os.path.abspath(arguments.config))  # noqa: PTH100  as above
    if own and own.is_relative_to(tree.root) and (folder / own.relative_to(tree.root)).is_file():
        own = folder / own.relative_to(tree.root)
    asked = argparse.Namespace(**{**vars(arguments), "config": own or None})
    try:
        return opened(asked, _as_it_was(folder, asked, tree)).report()
    except UsageError as error:
        output.say(f"'{arguments.since}' is held against the configuration of now, since with its own {error}")
    asked.config = arguments.config
    for name in discover.CONFIGURATIONS:
        (folder / name).unlink(missing_ok=True)
    if report.configuration and not arguments.config:
        shutil.copyfile(tree.root / report.configuration, folder / report.configuration)
    return opened(asked, _as_it_was(folder, asked, tree)).report()


def _as_it_was(folder: Path, arguments: argparse.Namespace, tree: Tree) -> Tree:
    """The same paths of an earlier commit, which may have only some of them, from the same root."""
    root = Path(os.path.abspath(tree.root))  # noqa: PTH100  as above
    given = [Path(os.path.abspath(path)) for path in arguments.paths or ["."]]  # noqa: PTH100  as above
    there = [folder / path.relative_to(root) for path in given if (folder / path.relative_to(root)).exists()]
    if not there:
        return discover.Tree(folder, ())
    found = discover.open_tree(there, arguments.config)
    own = arguments.baseline and Path(os.path.abspath(arguments.baseline))  # noqa: PTH100  as above
    kept = folder / own.relative_to(root) if own and own.is_relative_to(root) else None
    return found.beneath(folder).leaving([kept])
