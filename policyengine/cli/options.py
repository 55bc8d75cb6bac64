"""The options of `scan`, those of every command that reads a repository, and those that plug-ins add."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UnsetType

from policyengine.cli import output
from policyengine.model.source import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from policyengine.repository.organisation import Organisation

SHORT = ("concise", "github", "gitlab", "junit", "markdown")
"""The formats of modules that need no more than a report, and what goes before a path."""
FORMATS = ("text", "sarif", "json", *SHORT)


def _revision(told: str) -> str:
    """A commit as it is named; an empty name, such as that of a variable that is not set, is none."""
    if not told.strip():
        raise UsageError("--since and --baseline-ref name a commit, and this name is empty; leave the option out")
    return told


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="folders or files; the working directory by default")
    reports = parser.add_argument_group("reports")
    output.add_options(reports, FORMATS, more=True)
    reports.add_argument("--undecided", action="store_true", help="list every question that the files leave open")
    reports.add_argument("--statistics", action="store_true", help="count findings by rule instead of listing them")
    reports.add_argument("-q", "--quiet", action="store_true", help="findings and failures only, without a summary")
    reports.add_argument("--timings", action="store_true", help="say on stderr how long each stage and rule took")
    reports.add_argument(
        "--show-files",
        action="store_true",
        help="list what is read, and by whom, and what is not, and why; no findings",
    )
    reports.add_argument(
        "--show-settings", action="store_true", help="list what holds, and from which line or by default; no findings"
    )
    rules = parser.add_argument_group("rules")
    rules.add_argument(
        "--fail-on",
        choices=tuple(_FAILS),
        default="",
        help="lowest severity that makes the exit code 1, warning by default; 'undecided' counts open questions too",
    )
    add_rule_options(rules)
    add_engine_options(parser.add_argument_group("reading"))
    known = parser.add_argument_group("what is known")
    known.add_argument("--baseline", metavar="FILE", type=Path, help="findings that it knows do not fail the run")
    known.add_argument(
        "--baseline-ref",
        metavar="REV",
        type=_revision,
        default=None,
        help="take the baseline from a commit, so that a pull request cannot admit its own findings",
    )
    known.add_argument(
        "--since",
        metavar="REV",
        type=_revision,
        default=None,
        help="only findings that the commit did not have; nothing is checked out",
    )
    sarif = parser.add_argument_group("SARIF")
    sarif.add_argument(
        "--category", default="", metavar="NAME", help="GitHub's category of the upload; none by default"
    )
    sarif.add_argument(
        "--sarif-profile",
        choices=("github", "full"),
        default="github",
        help="'full' adds waived findings and fixes, which GitHub would show as open alerts",
    )
    sarif.add_argument(
        "--uri-root",
        metavar="DIR",
        help="folder that the paths of the log start from; by default $GITHUB_WORKSPACE when it holds the scanned "
        "folder, else the scanned folder",
    )


def add_rule_options(rules: argparse._ActionsContainer) -> None:
    """The options that say which rules run."""
    rules.add_argument("--select", action="append", default=[], metavar="ID", help="only rules with this id or prefix")
    rules.add_argument("--ignore", action="append", default=[], metavar="ID", help="no rules with this id or prefix")
    rules.add_argument(
        "--profile",
        choices=("strict", "recommended"),
        default="",
        help="'strict' is the whole strategy; 'recommended', the default, makes notes of its conventions",
    )


def add_engine_options(parser: argparse._ActionsContainer) -> None:
    """The options that every command has which reads a repository."""
    parser.add_argument("--config", metavar="FILE", type=Path, help="configuration; policyengine.yaml by default")
    add_org_option(parser)
    parser.add_argument(
        "--pack", action="append", default=[], metavar="PACK", help="one more plug-in: a module's name or path"
    )
    parser.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="worker processes; one per processor by default"
    )
    parser.add_argument("--no-cache", action="store_true", help="read every file anew and keep nothing")


def add_org_option(parser: argparse._ActionsContainer) -> None:
    """The option that names the file of an organisation."""
    parser.add_argument(
        "--org-config",
        metavar="FILE",
        type=Path,
        help="what an organisation holds all repositories to; by default what $POLICYENGINE_ORG_CONFIG names",
    )


def organisation(arguments: argparse.Namespace) -> Organisation | None:
    """The organisation's file that the option or the environment names.

    Raises:
        UsageError: they name two, or it cannot be read or is not valid.
    """
    named = os.environ.get(_ENVIRONMENT, "")
    given: Path | None = arguments.org_config
    if given is not None and named and given.resolve() != Path(named).resolve():
        raise UsageError(f"--org-config names '{given}', and {_ENVIRONMENT} another file: '{named}'")
    if given is None and not named:
        return None
    from policyengine.repository.organisation import read  # noqa: PLC0415  few runs have one

    return read(Path(named) if given is None else given)


_ENVIRONMENT = "POLICYENGINE_ORG_CONFIG"
_FAILS = {
    "error": frozenset({"error"}),
    "warning": frozenset({"error", "warning"}),
    "note": frozenset({"error", "warning", "note"}),
    "undecided": frozenset({"error", "warning", "undecided"}),
    "never": frozenset[str](),
}
"""What fails a run under each choice of --fail-on."""


def failing(given: str, held: Organisation | None) -> str:
    """What --fail-on means under an organisation's file.

    Raises:
        UsageError: less would fail than the organisation asks for.
    """
    floor = None if held is None else held.file.fail_on
    if held is None or floor is None or isinstance(floor, UnsetType):
        return given or "warning"
    if given and not _FAILS[given] >= _FAILS[floor]:
        raise UsageError(f"--fail-on {given} is below '{floor}', which {held.name} asks for")
    return given or (floor if _FAILS[floor] >= _FAILS["warning"] else "warning")


def extend(parser: argparse.ArgumentParser, packs: Sequence[str]) -> None:
    """Add what plug-ins bring: the options of platforms, which name files outside the tree, and formats."""
    from policyengine import plugins  # noqa: PLC0415  few runs use one

    loaded = plugins.load(packs)
    for action in parser._actions:  # noqa: SLF001  argparse tells its options nowhere else
        if action.dest == "format" and action.choices is None:
            action.metavar = f"{{{','.join((*FORMATS, *(each.name for each in loaded.reporters)))}}}"
    for platform in loaded.platforms:
        for option in platform.options:
            parser.add_argument(
                f"--{option.name}",
                dest=f"{_GIVEN}{option.name}",
                action="append",
                default=[],
                type=Path,
                metavar="FILE",
                help=option.help,
            )


_GIVEN = "given:"


def given(arguments: argparse.Namespace) -> dict[str, tuple[Path, ...]]:
    """The files that the options of platforms name."""
    return {
        name.removeprefix(_GIVEN): tuple(paths)
        for name, paths in sorted(vars(arguments).items())
        if name.startswith(_GIVEN) and paths
    }


def ids(given: list[str]) -> list[str]:
    """The ids, or prefixes of ids, that options hold, one by one; they may be written in any case."""
    return [part.strip().upper() for each in given for part in each.split(",") if part.strip()]
