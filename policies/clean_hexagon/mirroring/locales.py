"""Both sides have one time zone and one language (HEX106)."""

from collections.abc import Iterator, Mapping

from clean_hexagon.options import Options
from policyengine.api import (
    Absent,
    Compared,
    Container,
    Database,
    Finding,
    Fix,
    Graph,
    Located,
    Node,
    Outcomes,
    Role,
    Service,
    Severity,
    Span,
    Unknown,
    Value,
    Variable,
    assigned,
    in_place,
    known,
    rule,
    undecided,
)

_KEYS = ("TZ", "LANG", "LC_ALL")
_ZONES = frozenset(
    {"", "utc", "etc/utc", "utc0", "gmt", "etc/gmt", "gmt0", "uct", "zulu", "universal", "etc/universal"}
)
_PLAIN = frozenset({"", "c", "posix"})
_SETTINGS = ("timezone", "time_zone")


@rule(
    "HEX106",
    mandate="1.1",
    severity=Severity.NOTE,
    remedy="Set the same TZ, LANG and time zone of the database in both places.",
    message={
        "default": "'{local}' sets '{key}' to '{here}', but [the cloud](1) to '{there}'.",
        "local": "'{local}' sets '{key}' to '{here}', which [the cloud](1) does not.",
        "cloud": "[The cloud](1) sets '{key}' to '{there}', which '{local}' does not.",
        "machine": "'{local}' takes its time zone from the laptop by '{source}'.",
        "database": "The database '{local}' is in the time zone '{here}', but [the cloud](1) in '{there}'.",
    },
)
def timezone_locale(graph: Graph, _: Options) -> Outcomes:
    """A container or a database has another time zone or language than its twin in the cloud.

    Reports that end at midnight, cron expressions and sorted names then differ between the laptop and production.

    Compared are TZ, LANG and LC_ALL in force, where one side has them, and the TZ of the container that initialised a
    database with the setting of the managed one. Nothing said is UTC, which has several names; the plain languages C
    and POSIX are what is in force without any. A mount of /etc/localtime takes the zone of whoever starts the stack.
    """
    for local, cloud in graph.mirrored(role=Role.APP):
        for key in _KEYS:
            mine, theirs = local.environment.get(key), cloud.environment.get(key)
            if mine is None and theirs is None:
                continue
            yield Compared(local.node, cloud.node)
            here, there = _value(local, mine), _value(cloud, theirs)
            yield from undecided(local.node, here, there)
            if isinstance(here, Unknown) or isinstance(there, Unknown) or _same(key, here, there):
                continue
            variant = "default" if mine and theirs else "local" if mine else "cloud"
            wanted = known(there, "")
            told = in_place(here, wanted) if mine else assigned(local, key, wanted)
            edits = told if theirs else ()
            fix = Fix(f"set {key} to {wanted} in both" if theirs else f"set {key} in both", edits, safe=True)
            at, to = mine.value if mine else local, theirs.value if theirs else cloud
            args = {"key": key, "here": known(here, ""), "there": known(there, "")}
            yield _unlike(local.node, cloud.node, at, to, variant, fix, args)
        yield from _of_the_machine(local)
    yield from _databases(graph)


def _value(container: Container, variable: Variable | None) -> Value[str]:
    if variable is not None:
        return variable.value
    return container.unset_gap or Absent(container.span)


def _same(key: str, here: Value[str], there: Value[str]) -> bool:
    plain = _ZONES if key == "TZ" else _PLAIN
    one, other = (known(each, "").lstrip(":").lower().replace("utf-8", "utf8") for each in (here, there))
    return one == other or (one in plain and other in plain)


def _of_the_machine(local: Container) -> Iterator[Finding]:
    for mount in local.service.mounts:
        source = known(mount.source, "")
        if mount.kind == "bind" and source in ("/etc/localtime", "/etc/timezone"):
            args = {"local": local.name, "source": source}
            fix = Fix("set TZ in its environment, as in the cloud")
            yield Finding(subject=local.node, at=mount, variant="machine", args=args, fix=fix)
            return


def _databases(graph: Graph) -> Outcomes:
    """The zone that a database took from its container; one that its settings name is compared with all settings."""
    for local, cloud in graph.mirrors(Database):
        service, mine = graph.get(Service, local.service), graph.settings(local)
        variable = None if service is None else graph.container(service).environment.get("TZ")
        if variable is None or any(name in mine.given for name in _SETTINGS):
            continue
        yield Compared(local, cloud)
        theirs = graph.settings(cloud)
        there = next((theirs.given[name].value for name in _SETTINGS if name in theirs.given), theirs.gap)
        yield from undecided(local, variable.value, there)
        if isinstance(variable.value, Unknown) or isinstance(there, Unknown):
            continue
        there = there or Absent(cloud.place)
        if not _same("TZ", variable.value, there):
            args = {"here": known(variable.value, ""), "there": known(there, "UTC")}
            fix = Fix(f"set the time zone {args['there']} locally", in_place(variable.value, args["there"]), safe=True)
            yield _unlike(local, cloud, variable.value, there, "database", fix, args)


def _unlike(
    local: Node, cloud: Node, at: Located | Span, to: Located | Span, variant: str, fix: Fix, args: Mapping[str, str]
) -> Finding:
    return Finding(
        subject=local,
        against=cloud,
        at=at,
        variant=variant,
        args={"local": local.name, **args},
        related=(to,),
        fix=fix,
    )
