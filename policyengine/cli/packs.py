"""List the policy packs that are loaded, from where, with their versions; name one for its parameters too.

--format schema prints the JSON Schema of policyengine.yaml with the options of all of them, for editors, and
--format rules-schema that of rules in YAML.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.options import add_org_option, organisation
from policyengine.model.source import UsageError
from policyengine.reports.lines import width

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from typing import Any

    from policyengine.plugins import Loaded, Plugins
    from policyengine.repository.organisation import Organisation
    from policyengine.rules.parameters import Parameter
    from policyengine.rules.rule import Pack

EXAMPLES = (
    "policyengine packs",
    "policyengine packs clean-hexagon",
    "policyengine packs --format schema -o policyengine.schema.json",
)
FORMATS = ("text", "json", "schema", "rules-schema")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("name", metavar="NAME", nargs="?", default="", help="only this pack, with its parameters")
    output.add_options(parser, FORMATS)
    parser.add_argument("--pack", action="append", default=[], metavar="PACK", help="one more policy pack")
    add_org_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Load the packs and list them."""
    from policyengine import plugins  # noqa: PLC0415  so that --help is quick

    targets = output.asked(arguments, "text")
    above = organisation(arguments)
    loaded = plugins.load(arguments.pack)
    if above is not None:
        from policyengine.rules import locking  # noqa: PLC0415  few runs have one

        locking.check(above, loaded.packs)
    packs = [pack for pack in loaded.packs if arguments.name in ("", pack.name)]
    if not packs:
        names = ", ".join(pack.name for pack in loaded.packs) or "none"
        raise UsageError(f"the pack '{arguments.name}' is not loaded; loaded are {names}")
    code = 0
    for target in targets:
        match target.format:
            case "schema":
                from policyengine import schemas  # noqa: PLC0415  few runs ask

                schema = schemas.of_config(loaded.parts, {pack.name: pack.options for pack in loaded.packs})
                text = json.dumps(schema, indent=2) + "\n"
            case "rules-schema":
                from policyengine import schemas  # noqa: PLC0415  as above

                text = json.dumps(schemas.load("rules"), indent=2) + "\n"
            case "json":
                text = _json(packs, loaded, above)
            case _:
                lines = _table(packs, loaded, above, whole=bool(arguments.name), colour=target.colour)
                text = "".join(f"{line}\n" for line in lines)
        code = max(code, output.deliver(target, text))
    return code


def _table(
    packs: Sequence[Pack[Any]], plugins: Plugins, above: Organisation | None, *, whole: bool, colour: bool
) -> Iterator[str]:
    def paint(code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if colour else text

    heads = [f"{pack.name} {pack.version}".strip() for pack in packs]
    longest = max(map(width, heads))
    for pack, head in zip(packs, heads, strict=True):
        rules = f"{len(pack.rules)} rule{'' if len(pack.rules) == 1 else 's'}"
        where = str(plugins.loaded[pack.name])
        yield f"{paint('1', head)}{' ' * (longest - width(head))}  {rules.rjust(9)}  {where}"
        required, locked = _locked(pack, above)
        if required or locked:
            asks = [f"required by {above.name if above else ''}"] if required else []
            asks += [f"{len(locked)} of its rules locked"] if locked else []
            yield paint("2", f"{' ' * longest}  {' ' * 9}  {', '.join(asks)}")
        by = _extenders(pack, plugins)
        if by:
            yield paint("2", f"{' ' * longest}  {' ' * 9}  changed by {', '.join(by)}")
        if whole:
            yield from ("", *described(pack, above))


def described(pack: Pack[Any], above: Organisation | None = None) -> Iterator[str]:
    """The parameters of a pack, as they stand in policyengine.yaml, in lines for a terminal."""
    from policyengine.rules.parameters import parameters  # noqa: PLC0415  not for the list

    found = parameters(pack.options)
    yield f"parameters (packs.{pack.name} of policyengine.yaml):" if found else "it has no parameters"
    for each in found:
        default = f", {each.default} by default" if each.default else ""
        held = _held(each.name, pack, above)
        yield f"  {each.name}: {each.type}{default}{held}"
        if each.description:
            yield f"      {each.description}"


def _held(name: str, pack: Pack[Any], above: Organisation | None) -> str:
    """What an organisation locks a parameter to."""
    value: object = above.file.packs.get(pack.name, {}) if above else {}
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            return ""
        value = value[key]
    told = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return f", locked to {told} by {above.name}" if above else ""


def _extenders(pack: Pack[Any], plugins: Plugins) -> list[str]:
    return [each.name for each in plugins.packs if pack.name in {told.pack for told in each.extends}]


def _locked(pack: Pack[Any], above: Organisation | None) -> tuple[bool, list[str]]:
    """Whether an organisation requires a pack, and which rules of it are locked."""
    if above is None:
        return False, []
    locked = [rule.id for rule in pack.rules if above.lock(rule.id, pack.name) is not None]
    return pack.name in above.file.packs, locked


def _json(packs: Sequence[Pack[Any]], plugins: Plugins, above: Organisation | None) -> str:
    from policyengine.rules.parameters import parameters  # noqa: PLC0415  not for the list

    listed = []
    for pack in packs:
        required, locked = _locked(pack, above)
        entry = _entry(pack, plugins.loaded[pack.name], parameters(pack.options))
        listed.append({**entry, "required": required, "locked": locked, "changed_by": _extenders(pack, plugins)})
    return json.dumps({"version": 1, "packs": listed}, indent=2, ensure_ascii=False) + "\n"


def _entry(pack: Pack[Any], where: Loaded, found: Sequence[Parameter]) -> dict[str, object]:
    return {
        "name": pack.name,
        "version": pack.version,
        "rules": [rule.id for rule in pack.rules],
        "from": {"distribution": where.distribution, "path": where.path, "replaces": where.replaces},
        "parameters": [
            {"name": each.name, "type": each.type, "default": each.default, "description": each.description}
            for each in found
        ],
    }
