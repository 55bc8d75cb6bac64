"""Write a policyengine.yaml, with comments, of what the repository shows: its sides, its pairs, what is left to say.

A scan with it finds what a scan without it finds, which is tried before it is written. Nothing is overwritten: where a
configuration is there, --workflow and --pre-commit write theirs alone.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.options import add_engine_options, extend
from policyengine.model.source import Source, UsageError

if TYPE_CHECKING:
    import argparse

    from policyengine.cli.opened import Opened
    from policyengine.rules.evaluate import Report

__all__ = ["configure", "extend", "run"]

EXAMPLES = ("policyengine init", "policyengine init services/shop", "policyengine init --workflow --pre-commit")
NAME = "policyengine.yaml"
WORKFLOW = ".github/workflows/policyengine.yml"
HOOKS = ".pre-commit-config.yaml"
_HOME = "policyengine-iac/policyengine"

_HOOK = f"""\
  - repo: https://github.com/{_HOME}
    rev: main # better the commit of a release
    hooks:
      - id: policyengine
        args: [--since, HEAD] # only what the commit breaks; leave it out for everything
"""

_JOB = f"""\
# policyengine in GitHub: alerts in code scanning, annotations and a summary; a pull request fails for what it breaks.
name: policyengine

on:
  push:
    branches: [@branch@] # so that alerts have a state to be compared with
  pull_request:
  merge_group:

permissions: {{}}

jobs:
  policyengine:
    name: Local against cloud
    runs-on: ubuntu-latest
    permissions:
      contents: read # to check out
      security-events: write # to upload
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          fetch-depth: 2 # a pull request and its base
          persist-credentials: false
      - uses: {_HOME}@main # better the commit of a release
"""
"""As docs/ci/github.yml has it."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "path", metavar="PATH", nargs="?", type=Path, default=Path(), help="a folder; the working directory by default"
    )
    parser.add_argument("--workflow", action="store_true", help=f"write {WORKFLOW} too, which scans in GitHub Actions")
    parser.add_argument("--pre-commit", action="store_true", help=f"write {HOOKS} too, which scans before a commit")
    add_engine_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Scan, write the files, and say what is in them."""
    from policyengine.repository.discover import CONFIGURATIONS  # noqa: PLC0415  so that --help is quick

    folder: Path = arguments.path
    if not folder.is_dir():
        raise UsageError(f"'{folder}' is no folder; give the one that holds the system")
    if arguments.config is not None:
        raise UsageError("a configuration is what 'init' writes; leave --config out")
    top = next((each for each in (folder.resolve(), *folder.resolve().parents) if (each / ".git").exists()), folder)
    if not folder.is_absolute():
        top = Path(os.path.relpath(top))  # as the folder is given
    more = _more(arguments, folder, top)
    homes = [folder, *(each for each in folder.resolve().parents if each.is_relative_to(top.resolve()))]
    there = next((each / name for each in homes for name in CONFIGURATIONS if (each / name).exists()), None)
    if there is not None and not more:
        also = "" if there.parent == folder else f" and holds for '{folder}' too"
        raise UsageError(f"'{there}' is there already{also}; edit it{'' if also else ', or remove it first'}")
    text, told, code = ("", f"'{there}' stays as it is", 0) if there is not None else _configured(arguments, folder)
    for file, made in (more if there is not None else {folder / NAME: text} | more).items():
        if file.exists():  # which only that of pre-commit may be
            output.say(f"'{file}' is there already; add this to its 'repos':")
            output.to_stdout(made.removeprefix("repos:\n"))
            continue
        _write(file, made, top)
        output.say(f"wrote {file}")
    output.say(f"{told}; next: policyengine scan {folder}")
    return code


def _more(arguments: argparse.Namespace, folder: Path, top: Path) -> dict[Path, str]:
    """The files that are asked for beside the configuration; what is there of pre-commit stays."""
    files: dict[Path, str] = {}
    if arguments.workflow:
        below = folder.resolve().relative_to(top.resolve()).as_posix()
        more = f"        with:\n          path: {json.dumps(below)}\n" if below != "." else ""
        files[top / WORKFLOW] = _at_commit(_JOB.replace("@branch@", _branch(top))) + more
        if (top / WORKFLOW).exists():
            raise UsageError(f"'{top / WORKFLOW}' is there already; edit it, or remove it first")
    if arguments.pre_commit:
        files[top / HOOKS] = _at_commit(f"repos:\n{_HOOK}")
    return files


def _configured(arguments: argparse.Namespace, folder: Path) -> tuple[str, str, int]:
    """The text of the configuration, a sentence that says what is in it, and the exit code."""
    from policyengine.cli.opened import opened  # noqa: PLC0415  so that --help is quick

    asked = opened(arguments, [folder])
    report = asked.report()
    if not report.sources and not report.failures:
        raise UsageError(f"there is nothing to scan in '{folder}'")
    return *_tried(asked, report), 3 if report.failures else 0


def _tried(asked: Opened, report: Report) -> tuple[str, str]:
    """The text of the configuration with which the same is found, and a sentence that says what is in it.

    What is certain is stated; where a scan with that finds something else, all of it is left to the reader.
    """
    from policyengine.reports.starting import Starting  # noqa: PLC0415  so that --help is quick

    for stated in (True, False):
        made = Starting.of(report, stated=stated)
        if _same(asked, report, made.text) or not stated:
            break
    return made.text, made.told


def _same(asked: Opened, report: Report, text: str) -> bool:
    """Whether a scan with this configuration finds what one without it found."""
    from policyengine import engine  # noqa: PLC0415  so that --help is quick
    from policyengine.repository import configuration  # noqa: PLC0415  as above

    try:
        config = configuration.read(Source(NAME, text), asked.plugins.parts)
        again = engine.evaluate_tree(asked.tree, config, asked.plugins, work=asked.work)
    except UsageError:
        return False
    return _found(again) == _found(report)


def _found(report: Report) -> tuple[object, ...]:
    results = sorted((each.rule.id, each.subject, each.span, each.severity, each.message) for each in report.results)
    return results, report.undecided, report.failures


def _at_commit(text: str) -> str:
    """A file with the commit that this program was installed from, where pip noted one, in the place of `main`."""
    import importlib.metadata  # noqa: PLC0415  only where a workflow or a hook is written

    try:
        noted = importlib.metadata.distribution("policyengine-iac").read_text("direct_url.json")
        commit = str(json.loads(noted or "{}").get("vcs_info", {}).get("commit_id", ""))
    except (importlib.metadata.PackageNotFoundError, ValueError, AttributeError):
        commit = ""
    if len(commit) != _COMMIT or not commit.isalnum():
        return text
    return text.replace("main # better the commit of a release", f"{commit} # as installed")


_COMMIT = 40


def _branch(top: Path) -> str:
    """The branch that a repository's work goes to, by what git keeps of its remote, else `main`."""
    try:
        head = (top / ".git" / "refs" / "remotes" / "origin" / "HEAD").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return "main"
    name = head.removeprefix("ref: refs/remotes/origin/")
    return name if name.isascii() and name.replace("-", "").replace("_", "").replace("/", "").isalnum() else "main"


def _write(file: Path, text: str, top: Path) -> None:
    if not file.parent.resolve().is_relative_to(top.resolve()):
        raise UsageError(f"'{file}' cannot be written: '{file.parent}' links to a place outside of '{top}'")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(f"'{file}' cannot be written: {(error.strerror or '').lower()}") from error
