"""Say what a rule demands and why, which mandate it enforces, and show what it reports and what it leaves alone.

For the fingerprint of a finding (of JSON, or of a line 'why' in text): the pair and what speaks for it, both values and
the way of each, and what mends it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.options import add_engine_options, extend
from policyengine.model.source import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from typing import Any

    from policyengine.rules.rule import Pack, Rule

__all__ = ["configure", "extend", "run"]

EXAMPLES = (
    "policyengine explain HEX402",
    "policyengine explain hex402 --format markdown -o HEX402.md",
    "policyengine explain 1ba80b6234 services/shop",
)
FORMATS = ("text", "markdown", "json")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "id",
        metavar="ID",
        help="the id or name of a rule, such as HEX402, or the fingerprint of a finding or its beginning",
    )
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        help="of a finding: the folders or files that were scanned; the working directory by default",
    )
    output.add_options(parser, FORMATS)
    add_engine_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Explain one rule of the packs, or one finding."""
    from policyengine import docs, plugins  # noqa: PLC0415  so that --help is quick
    from policyengine.rules import locking  # noqa: PLC0415  as above

    targets = output.asked(arguments, "text")
    packs = (*plugins.load(arguments.pack).packs, locking.PACK)
    wanted = arguments.id.lower().replace("-", "").replace("_", "")
    for pack in packs:
        for rule in pack.rules:
            if wanted in (rule.id.lower().replace("-", ""), rule.name.lower()):
                if any(target.format == "json" for target in targets):
                    raise UsageError(
                        f"--format json is for findings; 'policyengine rules {rule.id} --format json' lists it"
                    )
                code = 0
                for target in targets:
                    made = docs.page(pack, rule) + "".join(_parameters(pack, rule))
                    text = made if target.format == "markdown" else docs.terminal(made, colour=target.colour)
                    code = max(code, output.deliver(target, text))
                return code
    if len(wanted) >= _LEAST and set(wanted) <= set("0123456789abcdef"):
        return _finding(arguments, wanted, targets)
    import difflib  # noqa: PLC0415  only for a mistake

    ids = [rule.id for pack in packs for rule in pack.rules]
    close = difflib.get_close_matches(arguments.id.upper(), ids, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else "see 'policyengine rules'"
    raise UsageError(f"there is no rule '{arguments.id}'; {hint}")


_LEAST = 6
"""So many characters of a fingerprint tell it from a word."""


def _finding(arguments: argparse.Namespace, wanted: str, targets: Sequence[output.Target]) -> int:
    """Scan, and explain the finding whose fingerprint begins so."""
    from policyengine.cli.opened import opened  # noqa: PLC0415  so that --help is quick
    from policyengine.cli.places import path_prefix  # noqa: PLC0415  as above
    from policyengine.reports import finding  # noqa: PLC0415  as above
    from policyengine.reports.identity import identity  # noqa: PLC0415  as above
    from policyengine.reports.text import Style  # noqa: PLC0415  as above

    if any(target.format == "markdown" for target in targets):
        raise UsageError("--format markdown is for rules; a finding is told as text or json")
    repository = opened(arguments, arguments.paths)
    report = repository.report()
    every = [(each, "") for each in report.results] + [(each.result, each.reason) for each in report.waived]
    found = [(identity(each), each, why) for each, why in every if identity(each).startswith(wanted)]
    if not found:
        raise UsageError(
            f"no finding there has the fingerprint '{wanted}'; 'policyengine scan --format json' tells them"
        )
    if len({mark for mark, _, _ in found}) > 1:
        named = ", ".join(f"{mark[:_LONG]} is {each.rule.id} of '{each.subject}'" for mark, each, _ in found)
        raise UsageError(f"several findings begin with '{wanted}': {named}")
    (_, result, why), *others = found
    asked = finding.Asked(report, result, why, tuple(each for _, each, _ in others))
    code = 3 if report.failures else 0
    for target in targets:
        style = Style(
            colour=target.colour,
            unicode=target.file is not None or output.unicode(sys.stdout),
            prefix=path_prefix(repository.tree.root),
        )
        made = finding.as_json(asked) if target.format == "json" else finding.text(asked, style)
        code = max(code, output.deliver(target, made))
    return code


_LONG = 16


def _parameters(pack: Pack[Any], rule: Rule[Any]) -> Iterator[str]:
    """The parameters of the pack that the rule's own code reads, and where all of them are told."""
    from policyengine.rules.parameters import parameters  # noqa: PLC0415  so that --help is quick

    found = parameters(pack.options)
    if not found:
        return
    code = getattr(rule.check, "__code__", None)
    read = {*getattr(code, "co_names", ()), *getattr(rule.check, "parameters", ())}
    yield "\n## Parameters\n\n"
    for each in found:
        if each.name.partition(".")[0] in read:
            default = f", {each.default} by default" if each.default else ""
            yield f"- **packs.{pack.name}.{each.name}**: {each.type}{default}. {each.description}".rstrip() + "\n"
    yield f"- 'policyengine packs {pack.name}' lists all {len(found)} of the pack.\n"
