"""Show the edits that mend findings, as a diff, and apply them.

Each edit is proven before it counts: the edited files are scanned in memory, and an edit after which its finding
stays, or another one appears, is dropped and named. Safe fixes change nothing that production runs and lose nothing;
--unsafe takes the others, too. What only the profile 'strict' minds is mended with --profile strict, or with --select.

The exit code is 0 when there is nothing to fix or all of it is applied, 1 when fixes are there that were not applied,
2 for wrong usage or a file with uncommitted changes, and 3 for work that could not be done.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.options import add_engine_options, add_rule_options, extend
from policyengine.model.source import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from policyengine.mending import Mended
    from policyengine.repository.discover import Tree
    from policyengine.rules.evaluate import Result

__all__ = ["configure", "extend", "run"]

EXAMPLES = (
    "policyengine fix",
    "policyengine fix --apply",
    "policyengine fix --select HEX4 --unsafe --apply",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("path", metavar="PATH", nargs="?", type=Path, default=Path(), help="the folder that is scanned")
    parser.add_argument("--apply", action="store_true", help="write the files; without it the diff is shown only")
    parser.add_argument("--unsafe", action="store_true", help="also what changes production, or may lose something")
    parser.add_argument("--allow-dirty", action="store_true", help="edit files that have uncommitted changes, too")
    add_rule_options(parser.add_argument_group("rules"))
    add_engine_options(parser.add_argument_group("reading"))


def run(arguments: argparse.Namespace) -> int:
    """Work the fixes out, show or apply them, and return the exit code."""
    from msgspec.structs import replace  # noqa: PLC0415  so that --help is quick

    from policyengine import mending  # noqa: PLC0415  as above
    from policyengine.cli.opened import opened  # noqa: PLC0415  as above
    from policyengine.platforms.units import Kept  # noqa: PLC0415  as above
    from policyengine.repository import discover  # noqa: PLC0415  as above

    tree = discover.open_tree([arguments.path], arguments.config)
    asked = opened(arguments, tree)
    asked = asked._replace(work=replace(asked.work, kept=Kept()))

    def wanted(result: Result) -> bool:
        return not result.folded or bool(arguments.select)

    found = mending.mend(
        tree, lambda edited: asked._replace(tree=edited).report(), unsafe=arguments.unsafe, wanted=wanted
    )
    if not found.before.sources and not found.before.failures:
        raise UsageError(f"there is nothing to scan in {arguments.path}")
    paths = sorted(path for path, text in found.texts.items() if text != _text(found, path))
    code = 3 if found.before.failures else 0
    lost: list[str] = []
    if arguments.apply:
        lost = _apply(tree, found, paths, allow_dirty=arguments.allow_dirty)
        code = 3 if lost else code
    else:
        from policyengine.cli.diff import shown  # noqa: PLC0415  only where it is shown

        output.to_stdout(shown(found, paths, colour=output.colours(sys.stdout)))
    _tell(found, lost, applied=arguments.apply, unsafe=arguments.unsafe)
    return max(code, int(bool(found.left) or (bool(found.done) and not arguments.apply)))


def _text(found: Mended, path: str) -> str | None:
    source = found.before.sources.get(path)
    return None if source is None else source.text


def _apply(tree: Tree, found: Mended, paths: list[str], *, allow_dirty: bool) -> list[str]:
    """Write the files, each as a whole; those that could not be written."""
    from policyengine.cli import git  # noqa: PLC0415  as above

    there = [path for path in paths if path in found.before.sources]
    dirty = [] if allow_dirty else git.uncommitted(tree.root, there)
    if dirty:
        raise UsageError(
            f"{', '.join(repr(each) for each in dirty)} would be edited and has uncommitted changes; commit them, "
            "or pass --allow-dirty"
        )
    lost: list[str] = []
    for path in paths:
        source, file = found.before.sources.get(path), tree.root / path
        mark = "\ufeff" if source is not None and source.bom else ""
        try:
            why = _unlike(tree.root, path, None if source is None else f"{mark}{source.text}".encode())
            if not why:
                output.put_in_place(file, f"{mark}{found.texts[path]}".encode())
        except OSError as error:
            why = (error.strerror or type(error).__name__).lower()
        if why:
            output.say(f"'{path}' could not be written: {why}")
            lost.append(path)
    return lost


def _unlike(root: Path, path: str, data: bytes | None) -> str:
    """Why a file is not the one that was read, or not to be made; empty where it may be written."""
    file = root / path
    if file.is_symlink() or file.parent.resolve() / file.name != root.resolve() / path:
        return "a link leads to another place"
    if data is None:
        return "there is such a file" if file.exists() else ""
    there = file.read_bytes()
    if there == data:
        return ""
    return (
        "it is not UTF-8" if there.decode("utf-8", "replace").encode() == data else "it has changed since it was read"
    )


def _tell(found: Mended, lost: Sequence[str], *, applied: bool, unsafe: bool) -> None:
    """What is mended and what is not, on stderr; nothing of files that are `lost` is mended."""
    from policyengine.reports.redact import Redactor  # noqa: PLC0415  as above

    former, latter = (Redactor(each.graph, each.sources) for each in (found.before, found.after))

    def told(result: Result, more: str) -> None:
        how = "" if result.finding.fix is None else result.finding.fix.description
        output.say(former.text(latter.text(f"{result.rule.id} {result.span.path}: {how} ({more})")))

    done = [
        each
        for each in found.done
        if each.finding.fix is None or not any(edit.span.path in lost for edit in each.finding.fix.exact or ())
    ]
    for result in done:
        told(result, "safe" if result.finding.fix is not None and result.finding.fix.safe else "unsafe")
    for left in found.left:
        told(left.result, f"not applied: {left.reason}")
    for failure in found.before.failures:
        output.say(former.text(f"{failure.span.path + ': ' if failure.span else ''}{failure.message}"))
    mended = f"{_count(len(done))} {'applied' if applied else 'can be applied with --apply'}"
    more = sum(fix is not None and not fix.safe for fix in (each.result.finding.fix for each in found.left))
    hint = "; --unsafe takes those that are unsafe" if more and not unsafe else ""
    output.say(f"{mended}{f', {_count(len(found.left))} left' if found.left else ''}{hint}")


def _count(number: int) -> str:
    return "1 fix" if number == 1 else f"{number or 'no'} fixes"
