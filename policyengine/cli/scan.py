"""Hold a repository against the rules, and report every difference between what runs locally and in the cloud."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.model.source import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from policyengine.cli.replay import Replay
    from policyengine.cli.timings import Timings
    from policyengine.repository.discover import Tree
    from policyengine.rules.evaluate import Report, Reporter

_WANTED = "no Compose file, Dockerfile, Terraform file, workflow or env file was found that git does not ignore"

SHORT = ("concise", "github", "gitlab", "junit", "markdown")
"""The formats of modules that need no more than a report, and what goes before a path."""
FORMATS = ("text", "sarif", "json", *SHORT)


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help="folders or files; the working directory by default")
    output.add_options(parser, FORMATS, more=True)
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning", "note", "undecided", "never"),
        default="warning",
        help="lowest severity that makes the exit code 1, warning by default; 'undecided' counts open questions too",
    )
    add_engine_options(parser)
    parser.add_argument("--select", action="append", default=[], metavar="ID", help="only rules with this id or prefix")
    parser.add_argument("--ignore", action="append", default=[], metavar="ID", help="no rules with this id or prefix")
    parser.add_argument(
        "--profile",
        choices=("strict", "recommended"),
        default="",
        help="'strict' is the whole strategy; 'recommended', the default, makes notes of its conventions",
    )
    parser.add_argument("--undecided", action="store_true", help="list every question that the files leave open")
    parser.add_argument("--timings", action="store_true", help="say on stderr how long each stage and rule took")
    known = parser.add_argument_group("what is known")
    known.add_argument("--baseline", metavar="FILE", type=Path, help="findings that it knows do not fail the run")
    known.add_argument(
        "--baseline-ref",
        metavar="REV",
        default="",
        help="take the baseline from a commit, so that a pull request cannot admit its own findings",
    )
    known.add_argument(
        "--since", metavar="REV", default="", help="only findings that the commit did not have; nothing is checked out"
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


def add_engine_options(parser: argparse.ArgumentParser) -> None:
    """The options that every command has which reads a repository."""
    parser.add_argument("--config", metavar="FILE", type=Path, help="configuration; policyengine.yaml by default")
    parser.add_argument(
        "--pack", action="append", default=[], metavar="PACK", help="one more plug-in: a module's name or path"
    )
    parser.add_argument(
        "--jobs", type=int, default=0, metavar="N", help="worker processes; one per processor by default"
    )
    parser.add_argument("--no-cache", action="store_true", help="read every file anew and keep nothing")


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


def run(arguments: argparse.Namespace) -> int:
    """Scan, report, and return the exit code."""
    from policyengine.repository import discover  # noqa: PLC0415  so that --help is quick

    if arguments.jobs < 0:
        raise UsageError(f"--jobs must be 0 or more, not {arguments.jobs}")
    reports = getattr(arguments, "reports", None) or ()
    reporters = {each.name: each for each in _reporters(reports, arguments.pack)}
    endings = {end: each.name for each in reporters.values() for end in each.endings} | output.EXTENSIONS
    targets = output.targets(reports, "text", endings)
    for target in targets:
        if target.format not in (*FORMATS, *reporters):
            known = ", ".join((*FORMATS, *reporters))
            raise UsageError(f"invalid choice: '{target.format}' is no --format; choose from {known}")
    output.check_writable(targets)
    tree = discover.open_tree([Path(path) for path in arguments.paths or ["."]], arguments.config)
    uri_prefix(tree.root, arguments.uri_root)  # a wrong --uri-root is found before the work
    former = _former(arguments, tree, targets)
    found = former.find() if former is not None else None
    if found is not None and len(found[1]) == len(targets):
        code, texts = found
        for target, text in zip(targets, texts, strict=True):
            code = max(code, output.deliver(target, text))
        return code
    return _anew(arguments, tree, targets, former, reporters)


def _reporters(reports: Sequence[tuple[str, str]], packs: Sequence[str]) -> Sequence[Reporter]:
    """The reporters of plug-ins, where a format or the ending of a file asks for one."""
    formats = {value for kind, value in reports if kind == "format"}
    files = [value for kind, value in reports if kind == "output"]
    told = len(files) <= len(reports) - len(files) or {Path(each).suffix.lower() for each in files} <= {
        "",
        *output.EXTENSIONS,
    }
    if formats <= {*FORMATS} and told:
        return ()
    from policyengine import plugins  # noqa: PLC0415  few runs use one

    return plugins.load(packs).reporters


def _former(arguments: argparse.Namespace, tree: Tree, targets: Sequence[output.Target]) -> Replay | None:
    """Where an equal scan may have left its report: not with a pack by path, a plan from a pipe, or without a cache."""
    files = given(arguments)
    named = [path for paths in files.values() for path in paths]
    if arguments.no_cache or arguments.pack or not all(path.is_file() for path in named):
        return None
    if arguments.baseline or arguments.baseline_ref or arguments.since or arguments.timings:
        return None
    from policyengine.cli.replay import replay  # noqa: PLC0415  not with --no-cache

    prefix = uri_prefix(tree.root, arguments.uri_root)
    sarif = any(target.format == "sarif" for target in targets)
    config = arguments.config.read_bytes() if arguments.config is not None and arguments.config.is_file() else b""
    return replay(
        tree,
        (
            [target.format for target in targets],
            [target.file is None for target in targets],
            arguments.fail_on,
            arguments.select,
            arguments.ignore,
            arguments.profile,
            arguments.undecided,
            arguments.category,
            arguments.sarif_profile,
            arguments.config,
            config,
            files,
            [_digest(path) for path in named],
            prefix,
            str(tree.root),
            path_prefix(tree.root),
            output.colours(sys.stdout),
            output.unicode(sys.stdout),
            _repository(tree.root, prefix) if sarif else (),
            tree.repository,
            time.strftime("%Y-%m-%d", time.gmtime()),
        ),
    )


def _digest(path: Path) -> str:
    """What tells a file outside the tree from a changed one; empty where it cannot be read, which ends the run."""
    from hashlib import blake2b  # noqa: PLC0415  only for a plan or state

    try:
        return blake2b(path.read_bytes(), digest_size=20).hexdigest()
    except OSError:
        return ""


def _anew(
    arguments: argparse.Namespace,
    tree: Tree,
    targets: Sequence[output.Target],
    former: Replay | None,
    reporters: Mapping[str, Reporter],
) -> int:
    """Scan and report; a report without failures is kept for the next equal scan."""
    from policyengine.cli.opened import opened  # noqa: PLC0415  so that --help is quick

    timings = _timings() if arguments.timings else None
    bar = _progress() if timings is None else None
    asked = opened(arguments, tree, timings or bar)
    for each in asked.plugins.reporters:
        if each.name in FORMATS:
            raise UsageError(f"a plug-in brings the format '{each.name}', which is built in")
    try:
        report = asked.report()
    finally:
        if bar is not None:
            bar.done()
    if arguments.baseline or arguments.baseline_ref or arguments.since:
        from policyengine.cli.known import without_known  # noqa: PLC0415  few runs ask

        report = without_known(report, arguments, tree)
    if not report.sources and not report.failures:
        raise UsageError(f"there is nothing to scan in {', '.join(arguments.paths or ['.'])}; {_WANTED}")
    code = verdict = exit_code(report, arguments.fail_on)
    if all(target.file is not None for target in targets):
        from policyengine.rules.coverage import account, sentence  # noqa: PLC0415

        output.say(sentence(account(report)))
    texts: list[str] = []
    for line in timings.lines() if timings is not None else ():
        output.say(line)
    for target in targets:
        reporter = reporters.get(target.format)
        texts.append(_masked(reporter, report) if reporter else _render(report, target, arguments, tree.root, code))
        code = max(code, output.deliver(target, texts[-1]))
    if former is not None and not report.failures:
        former.keep(report.sources, verdict, texts)
    return code


def exit_code(report: Report, fail_on: str) -> int:
    """3 when work was left undone, 1 for a finding at or above `fail_on`, else 0.

    `undecided` fails on open questions, on nodes of which it is not known whom they mirror, and on warnings.
    """
    from policyengine.rules.rule import Severity  # noqa: PLC0415

    if report.failures:
        return 3
    worst = report.worst()
    if fail_on == "undecided" and (
        report.undecided or any(each.like and not each.aside for each in report.graph.without_twin)
    ):
        return 1
    least = Severity.WARNING if fail_on == "undecided" else None if fail_on == "never" else Severity(fail_on)
    return int(least is not None and worst is not None and worst.rank >= least.rank)


def ids(given: list[str]) -> list[str]:
    """What options with lists hold, one by one."""
    return [part.strip() for each in given for part in each.split(",") if part.strip()]


def _masked(reporter: Reporter, report: Report) -> str:
    """The report of a plug-in, without the values of secrets."""
    from policyengine.reports.redact import Redactor  # noqa: PLC0415  few runs use one

    try:
        text = reporter.write(report)
    except Exception as error:
        raise UsageError(f"the reporter '{reporter.name}' crashed: {type(error).__name__}: {error}") from error
    return Redactor(report.graph, report.sources).text(text)


def _render(report: Report, target: output.Target, arguments: argparse.Namespace, root: Path, code: int) -> str:
    match target.format:
        case "sarif":
            from policyengine.reports import sarif  # noqa: PLC0415

            prefix = uri_prefix(root, arguments.uri_root)
            log = sarif.report(
                report,
                sarif.Options(
                    profile=arguments.sarif_profile,
                    category=arguments.category,
                    prefix=prefix,
                    exit_code=code,
                    repository=_repository(root, prefix),
                    unread=lambda path: _unread(root, path),
                ),
            )
            for sentence in log.left_out:
                output.say(sentence)
            return log.text
        case "json":
            from policyengine.reports import json  # noqa: PLC0415

            return json.report(report, exit_code=code)
        case short if short in SHORT:
            from importlib import import_module  # noqa: PLC0415  the others are not needed

            prefix = path_prefix(root) if short == "concise" else uri_prefix(root, arguments.uri_root)
            made: str = import_module(f"policyengine.reports.{short}").report(report, prefix)
            return made
        case _:
            from policyengine.reports import text  # noqa: PLC0415

            stream = sys.stdout
            style = text.Style(
                colour=target.file is None and output.colours(stream),
                unicode=target.file is not None or output.unicode(stream),
                undecided=arguments.undecided,
                prefix=path_prefix(root),
            )
            return text.report(report, style)


def path_prefix(root: Path) -> str:
    """What leads from the working directory to the root, so that a terminal can open the paths."""
    try:
        here = Path.cwd().resolve()
    except OSError:
        return ""
    if root == here:
        return ""
    return f"{os.path.relpath(root, here) if root.is_relative_to(here) else root}/".replace(os.sep, "/")


def uri_prefix(root: Path, given: str | None) -> str:
    """What leads from the root of the URIs to the scanned root: empty, or a POSIX path with a slash at its end."""
    resolved = root.resolve()
    if given is not None:
        base = Path(given).resolve()
        if not base.is_dir():
            raise UsageError(f"--uri-root '{given}' is no folder")
        if not resolved.is_relative_to(base):
            raise UsageError(f"--uri-root '{given}' does not hold the scanned folder '{root}'")
    else:
        workspace = os.environ.get("GITHUB_WORKSPACE")
        base = Path(workspace).resolve() if workspace else resolved
        if not resolved.is_relative_to(base):
            base = resolved
    relative = resolved.relative_to(base).as_posix()
    return "" if relative == "." else f"{relative}/"


def _repository(root: Path, prefix: str) -> tuple[str, str]:
    from policyengine.repository import identity  # noqa: PLC0415  only SARIF names the repository

    base = root.resolve()
    for _ in Path(prefix).parts:
        base = base.parent
    return identity.identity(base)


def _unread(root: Path, path: str) -> str | None:
    """The text of a file that no reader could use, for its line hashes only; None where there is no such file."""
    file = root / path
    try:
        inside = file.resolve(strict=True).is_relative_to(root.resolve())
        if not inside or file.is_symlink() or not file.is_file() or file.stat().st_size > 50_000_000:
            return None
        return file.read_bytes().decode("utf-8", "replace")
    except OSError:
        return None


def _timings() -> Timings:
    from policyengine.cli.timings import Timings  # noqa: PLC0415  few runs ask

    return Timings()


def _progress() -> _Bar | None:
    return _Bar() if output.terminal(sys.stderr) and os.environ.get("TERM") != "dumb" else None


class _Bar:
    """A progress bar on the terminal, from the first second of work on."""

    WAIT = 1.0
    WIDTH = 24

    def __init__(self) -> None:
        from time import monotonic  # noqa: PLC0415

        self._now = monotonic
        self._start = monotonic()
        self._drawn = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._now() - self._start < self.WAIT and not self._drawn:
            return
        self._drawn = True
        filled = self.WIDTH * done // total if total else 0
        bar = "━" * filled + "─" * (self.WIDTH - filled) if output.unicode(sys.stderr) else "#" * filled
        sys.stderr.write(f"\r\x1b[2K{bar} {stage}")
        sys.stderr.flush()

    def done(self) -> None:
        """Take the bar away."""
        if self._drawn:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
