"""List the rules of the installed policy packs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.options import ids
from policyengine.reports.lines import width
from policyengine.rules.coverage import side_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from typing import Any

    from policyengine.rules.rule import Pack

EXAMPLES = (
    "policyengine rules",
    "policyengine rules HEX4 HEX501",
    "policyengine rules --format json",
)
FORMATS = ("table", "json")
_COLOURS = {"error": "31", "warning": "33", "note": "36"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("ids", metavar="ID", nargs="*", help="only rules with this id or prefix")
    output.add_options(parser, FORMATS)
    parser.add_argument("--pack", action="append", default=[], metavar="PACK", help="one more policy pack")


def run(arguments: argparse.Namespace) -> int:
    """Load the packs and list their rules."""
    from policyengine import plugins  # noqa: PLC0415  so that --help is quick
    from policyengine.rules.selecting import selection  # noqa: PLC0415  as above

    targets = output.asked(arguments, "table")
    packs = plugins.load(arguments.pack).packs
    chosen = selection(packs, ids(arguments.ids), ())
    code = 0
    for target in targets:
        if target.format == "json":
            text = _json(packs, chosen)
        else:
            colour = target.colour
            text = "".join(f"{line}\n" for line in _table(packs, chosen, colour=colour))
        code = max(code, output.deliver(target, text))
    return code


def _table(packs: tuple[Pack[Any], ...], chosen: frozenset[str], *, colour: bool) -> Iterator[str]:
    def paint(code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if colour else text

    first = True
    for pack in packs:
        mine = [rule for rule in pack.rules if rule.id in chosen]
        for key in sorted({side_of(rule.id) for rule in mine}):
            if not first:
                yield ""
            first = False
            yield paint("1", f"{key} · {pack.sides[key]}" if key in pack.sides else pack.name)
            listed = [rule for rule in mine if side_of(rule.id) == key]
            longest = max(width(rule.id) for rule in listed)
            for rule in listed:
                severity = paint(_COLOURS[rule.severity.value], rule.severity.value.ljust(7))
                yield f"  {rule.id.ljust(longest)}  {severity}  {rule.mandate.ljust(4)}  {rule.summary}"
    count = len(chosen)
    yield ""
    yield paint("2", f"{count} rule{'' if count == 1 else 's'}; 'policyengine explain ID' tells more of each")


def _json(packs: tuple[Pack[Any], ...], chosen: frozenset[str]) -> str:
    import json  # noqa: PLC0415  the table needs none

    rules = [
        {
            "id": rule.id,
            "name": rule.name,
            "pack": pack.name,
            "side": side_of(rule.id),
            "side_title": pack.sides.get(side_of(rule.id), ""),
            "mandate": rule.mandate,
            "mandate_text": pack.mandates.get(rule.mandate, ""),
            "severity": rule.severity.value,
            "precision": rule.precision,
            "security_severity": rule.security,
            "tags": list(rule.tags),
            "cwe": list(rule.cwe),
            "summary": rule.summary,
            "rationale": rule.rationale,
            "remedy": rule.remedy,
            "messages": dict(rule.messages),
            "help_uri": pack.help_uri.format(id=rule.id),
        }
        for pack in packs
        for rule in pack.rules
        if rule.id in chosen
    ]
    return json.dumps({"version": 1, "rules": rules}, indent=2, ensure_ascii=False) + "\n"
