"""Say what a rule demands and why, which mandate it enforces, and show what it reports and what it leaves alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.model.source import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import Any

    from policyengine.rules.rule import Pack, Rule

EXAMPLES = (
    "policyengine explain HEX402",
    "policyengine explain hex402 --format markdown -o HEX402.md",
)
FORMATS = ("text", "markdown")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("id", metavar="ID", help="the id of a rule, such as HEX402, or its name")
    output.add_options(parser, FORMATS)
    parser.add_argument("--pack", action="append", default=[], metavar="PACK", help="one more policy pack")


def run(arguments: argparse.Namespace) -> int:
    """Load the packs and explain one rule."""
    from policyengine import docs, plugins  # noqa: PLC0415  so that --help is quick
    from policyengine.rules import locking  # noqa: PLC0415  as above

    targets = output.asked(arguments, "text")
    packs = (*plugins.load(arguments.pack).packs, locking.PACK)
    wanted = arguments.id.lower().replace("-", "").replace("_", "")
    for pack in packs:
        for rule in pack.rules:
            if wanted in (rule.id.lower().replace("-", ""), rule.name.lower()):
                code = 0
                for target in targets:
                    colour = target.colour
                    made = docs.page(pack, rule) + "".join(_parameters(pack, rule))
                    text = made if target.format == "markdown" else docs.terminal(made, colour=colour)
                    code = max(code, output.deliver(target, text))
                return code
    import difflib  # noqa: PLC0415  only for a mistake

    ids = [rule.id for pack in packs for rule in pack.rules]
    close = difflib.get_close_matches(arguments.id.upper(), ids, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else "see 'policyengine rules'"
    raise UsageError(f"there is no rule '{arguments.id}'; {hint}")


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
