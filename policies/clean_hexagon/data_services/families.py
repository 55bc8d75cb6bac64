"""What surrounds the version of the cloud's Postgres: its parameter group and its flavour (HEX405, HEX406)."""

from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Database,
    Finding,
    Fix,
    Graph,
    Known,
    Outcomes,
    Severity,
    Side,
    regex,
    rule,
    undecided,
)

_FAMILY = regex(r"(?:default\.)?(aurora-)?postgres(?:ql)?(\d+)(?:\.\d+)?")  # postgres16, aurora-postgresql15


@rule(
    "HEX405",
    mandate="4.1",
    severity=Severity.ERROR,
    remedy="Use the family of parameter groups of the engine's major.",
    precision="very-high",
    message={
        "default": "The parameter group of '{cloud}' is for '{family}', but [its engine](1) is Postgres '{there}'.",
        "flavour": "The parameter group of '{cloud}' is for '{family}', but [the database](1) runs on '{there}'.",
        "options": "The option group of '{cloud}' is for Postgres '{family}', but [its engine](1) is '{there}'.",
    },
)
def pg_family_mismatch(graph: Graph, _: Options) -> Outcomes:
    """The parameter group of a cloud Postgres is for another major than its engine.

    AWS refuses to attach a group of the family `postgres15` to an engine of version 16: the plan succeeds and the apply
    fails half-way, often in the middle of an upgrade for which only one of the two lines was changed.

    The family is compared with the engine of its own database only; whether that is the local major is HEX401's
    question. It is the `family` of the group that the database names, that of a group such as `default.postgres16`,
    or the input of a module; `major_engine_version` of the RDS module is held to the engine in the same way. A family
    of Aurora under RDS, or the reverse, is the same mistake. The place to edit is the family: the engine's version is
    what the other rules compare.
    """
    for cloud in graph.all(Database, side=Side.CLOUD):
        if not isinstance(cloud.engine, Known) or cloud.engine.value != "postgres":
            continue
        for variant, family in (("default", cloud.family), ("options", cloud.option_major)):
            if isinstance(family, Known):
                yield Compared(cloud)
                yield from _compared(graph, cloud, family, variant)
            else:
                yield from undecided(cloud, family)


def _compared(graph: Graph, cloud: Database, family: Known[str], variant: str) -> Outcomes:
    match = _FAMILY.fullmatch(family.value if variant == "default" else f"postgres{family.value}")
    if match is None:
        return
    args: dict[str, object] = {"cloud": cloud.name, "family": family.value, "there": cloud.shown_version}
    if variant == "default" and (match[1] is not None) is not (cloud.flavour == "aurora"):
        place, args["there"] = cloud.engine.span, "Aurora" if cloud.flavour == "aurora" else "RDS"
        variant = "flavour"
    elif cloud.major is None:
        yield from undecided(cloud, cloud.version)
        return
    elif int(match[2]) == cloud.major:
        return
    else:
        place = cloud.version.span
    major = cloud.major if cloud.major is not None else int(match[2])
    name = "aurora-postgresql" if cloud.flavour == "aurora" else "postgres"
    wanted = str(major) if variant == "options" else f"{name}{major}"
    users = [each.family.span for each in graph.all(Database) if isinstance(each.family, Known)]
    alone = users.count(family.span) <= 1  # what another database uses too is not changed for one of them
    fix = Fix.replacing(f"use '{wanted}'", family.span, family.value if alone else "", wanted)
    yield Finding(subject=cloud, at=family, variant=variant, args=args, related=(place,), fix=fix)


@rule(
    "HEX406",
    mandate="4.1",
    severity=Severity.NOTE,
    remedy="Declare the engines as the same under 'equivalences' where the difference does not matter.",
    message="'{local}' runs community Postgres, but [the cloud](1) runs Aurora.",
)
def pg_flavour(graph: Graph, _: Options) -> Outcomes:
    """The local database is community Postgres, the cloud's is Aurora.

    Aurora has another storage layer, other waits, and extensions and parameters of its own; plans and locks are those
    of Postgres. There is no image of it, so that this is only noted: `equivalences: [postgres~aurora]` in
    policyengine.yaml says that the difference was considered.
    """
    for local, cloud in graph.mirrors(Database, engine="postgres"):
        yield Compared(local, cloud)
        if cloud.flavour == "aurora" and local.service and not graph.equivalent("postgres", "aurora"):
            args = {"local": local.name}
            fix = Fix("declare 'postgres~aurora' under 'equivalences' where the difference does not matter")
            yield Finding(subject=local, against=cloud, at=local.place, args=args, related=(cloud.engine,), fix=fix)
