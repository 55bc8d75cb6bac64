"""Hold a repository against the rules, and report every difference between what runs locally and in the cloud."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.cli import output, places
from policyengine.cli.options import FORMATS, SHORT, configure, extend, failing, given, organisation
from policyengine.model.source import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from policyengine.cli.progress import Bar
    from policyengine.cli.replay import Replay
    from policyengine.cli.timings import Timings
    from policyengine.repository.discover import Tree
    from policyengine.repository.organisation import Organisation
    from policyengine.rules.evaluate import Report, Reporter

__all__ = ["configure", "extend", "run"]

EXAMPLES = (
    "policyengine scan",
    "policyengine scan services/shop --profile strict",
    "policyengine scan --select HEX4 --statistics",
    "policyengine scan --format sarif -o policyengine.sarif --format text",
    "policyengine scan --since origin/main --fail-on error",
)

_WANTED = "no Compose file, Dockerfile, Terraform file, workflow or env file was found that git does not ignore"


def run(arguments: argparse.Namespace) -> int:
    """Scan, report, and return the exit code."""
    from policyengine.repository import discover  # noqa: PLC0415  so that --help is quick

    if arguments.jobs < 0:
        raise UsageError(f"--jobs must be 0 or more, not {arguments.jobs}")
    above = organisation(arguments)
    arguments.fail_on = failing(arguments.fail_on, above)
    reports = getattr(arguments, "reports", None) or ()
    reporters = {each.name: each for each in _reporters(reports, arguments.pack)}
    endings = {end: each.name for each in reporters.values() for end in each.endings} | output.EXTENSIONS
    targets = output.asked(arguments, "text", endings)
    for target in targets:
        if target.format not in (*FORMATS, *reporters):
            known = [*FORMATS, *reporters]
            hint = output.meant(target.format, known)
            raise UsageError(f"--format is one of {', '.join(known)}, not '{target.format}'{hint}")
    tree = discover.open_tree([Path(path) for path in arguments.paths or ["."]], arguments.config)
    tree = tree.leaving([arguments.baseline, *(target.file for target in targets)])
    if arguments.show_files or arguments.show_settings:
        from policyengine.cli import shown  # noqa: PLC0415  few runs ask

        return (shown.files if arguments.show_files else shown.settings)(arguments, tree, targets)
    places.uri_prefix(tree.root, arguments.uri_root)  # a wrong --uri-root is found before the work
    former = _former(arguments, tree, targets, above)
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


def _former(
    arguments: argparse.Namespace, tree: Tree, targets: Sequence[output.Target], above: Organisation | None
) -> Replay | None:
    """Where an equal scan may have left its report: not with a pack by path, a plan from a pipe, or without a cache."""
    files = given(arguments)
    named = [path for paths in files.values() for path in paths]
    if arguments.no_cache or arguments.pack or not all(path.is_file() for path in named):
        return None
    if arguments.baseline or arguments.baseline_ref or arguments.since or arguments.timings:
        return None
    from policyengine.cli.replay import replay  # noqa: PLC0415  not with --no-cache

    prefix = places.uri_prefix(tree.root, arguments.uri_root)
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
            None if above is None else (above.source.path, above.source.text),
            files,
            [_digest(path) for path in named],
            prefix,
            str(tree.root),
            places.path_prefix(tree.root),
            [target.colour for target in targets],
            arguments.quiet,
            arguments.statistics,
            output.unicode(sys.stdout),
            places.repository(tree.root, prefix) if sarif else (),
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
    if all(target.file is not None for target in targets) and not arguments.quiet:
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

    `undecided` fails on open questions, on nodes of which it is not known whom they mirror, and on warnings; with
    `--since` on those that the commit did not have.
    """
    from policyengine.rules.rule import Severity  # noqa: PLC0415

    if report.failures:
        return 3
    worst = report.worst()
    if fail_on == "undecided":
        asked = {(each.rule, each.subject) for each in report.undecided}
        asked |= {("", each.node) for each in report.graph.without_twin if each.like and not each.aside}
        if asked - (report.since.asked if report.since is not None else frozenset()):
            return 1
    least = Severity.WARNING if fail_on == "undecided" else None if fail_on == "never" else Severity(fail_on)
    return int(least is not None and worst is not None and worst.rank >= least.rank)


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

            prefix = places.uri_prefix(root, arguments.uri_root)
            log = sarif.report(
                report,
                sarif.Options(
                    profile=arguments.sarif_profile,
                    compared=bool(arguments.baseline or arguments.baseline_ref or arguments.since),
                    category=arguments.category,
                    prefix=prefix,
                    exit_code=code,
                    repository=places.repository(root, prefix),
                    unread=lambda path: places.unread(root, path),
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

            prefix = places.path_prefix(root) if short == "concise" else places.uri_prefix(root, arguments.uri_root)
            write = import_module(f"policyengine.reports.{short}").report
            made: str = write(report, prefix, quiet=arguments.quiet) if short == "concise" else write(report, prefix)
            return made
        case _:
            from policyengine.reports import text  # noqa: PLC0415

            stream = sys.stdout
            style = text.Style(
                colour=target.colour,
                unicode=target.file is not None or output.unicode(stream),
                undecided=arguments.undecided,
                quiet=arguments.quiet,
                statistics=arguments.statistics,
                prefix=places.path_prefix(root),
            )
            return text.report(report, style)


def _timings() -> Timings:
    from policyengine.cli.timings import Timings  # noqa: PLC0415  few runs ask

    return Timings()


def _progress() -> Bar | None:
    if not output.terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        return None
    from policyengine.cli.progress import Bar  # noqa: PLC0415  only on a terminal

    return Bar()
