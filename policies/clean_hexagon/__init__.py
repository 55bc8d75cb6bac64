"""The built-in policy pack: dev/prod parity as the six sides of a hexagon.

It is loaded through the entry-point group `policyengine.packs`, as anybody's pack is, and imports only
`policyengine.api`. Each side is one folder that lists its rules in `RULES`.
"""

from pathlib import Path

from clean_hexagon import configuration, containerization, data_services, mirroring, networking, pipeline
from clean_hexagon.mandates import MANDATES, SIDES
from clean_hexagon.options import Options
from policyengine.api import Pack, hookimpl

__all__ = ["Options", "policyengine_pack"]

VERSION = "0.1.0"
HELP = "https://github.com/policyengine-iac/policyengine/blob/main/docs/rules/{id}.md"


@hookimpl
def policyengine_pack() -> Pack[Options]:
    """The pack with its rules in the order of their ids."""
    sides = (mirroring, containerization, configuration, data_services, networking, pipeline)
    rules = sorted((rule for side in sides for rule in side.RULES), key=lambda rule: rule.id)
    return Pack(
        name="clean-hexagon",
        version=VERSION,
        rules=tuple(rules),
        mandates=MANDATES,
        sides=SIDES,
        options=Options,
        help_uri=HELP,
        cases=_cases(),
    )


def _cases() -> Path:
    """The cases that document the rules: beside this file in a wheel, in `fixtures/` of a working tree."""
    installed = Path(__file__).with_name("cases")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "fixtures" / "cases"
