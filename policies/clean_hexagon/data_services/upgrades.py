"""Managed databases keep their version (HEX404)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clean_hexagon.data_services.versions import (
    replaced,
)
from policyengine.api import (
    Absent,
    Compared,
    Database,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Severity,
    Side,
    Span,
    Unknown,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options

MANAGED = frozenset({"rds", "aurora"})


@rule(
    "HEX404",
    mandate="4.1",
    severity=Severity.WARNING,
    message={
        "default": "'{cloud}' upgrades its Postgres minor by itself.",
        "unset": "'{cloud}' upgrades its Postgres minor by itself, because auto_minor_version_upgrade is not set.",
    },
)
def rds_auto_minor_upgrade(graph: Graph, options: Options) -> Iterator[Outcome]:
    """RDS may upgrade its Postgres minor by itself, which no file of the repository records.

    `auto_minor_version_upgrade` is true unless it is set to false. In the next maintenance window AWS moves the server
    on, the local image stays, and Terraform from then on plans a downgrade that AWS refuses or shows a difference
    that nobody made (openaustralia/infrastructure#545, terraform-provider-aws#49496).

    Asked of RDS and Aurora Postgres, with a local twin or without: the version cannot be mirrored while it moves. Other
    engines are not the matter of this mandate, and a Supabase project has no such switch. A cluster is judged by its
    instances, where the attribute stands; a module that is used several times is reported once. The option
    `postgres.match: major` turns the rule off.
    """
    if options.postgres.match == "major":
        return
    seen: set[Span] = set()
    for cloud in graph.all(Database, side=Side.CLOUD):
        switch = cloud.auto_minor_upgrade
        if cloud.flavour not in MANAGED or switch is None or switch.span in seen:
            continue
        seen.add(switch.span)
        if isinstance(cloud.engine, Known) and cloud.engine.value == "postgres":
            yield Compared(cloud)
        match cloud.engine, switch:
            case Known("postgres"), Known(True, span):
                yield Finding(
                    subject=cloud,
                    at=span,
                    args={"cloud": cloud.name},
                    fix=replaced(span, "true", "false", "set auto_minor_version_upgrade to false"),
                )
            case Known("postgres"), Absent(span):
                yield Finding(
                    subject=cloud,
                    at=span,
                    variant="unset",
                    args={"cloud": cloud.name},
                    fix=Fix("set auto_minor_version_upgrade to false"),
                )
            case Known("postgres") | Unknown(), Unknown() as open_value:
                yield from undecided(cloud, cloud.engine, open_value)
            case _:
                pass
