"""What the local image of Postgres brings beside its version: the C library, the place of its data (HEX418, HEX423)."""

from clean_hexagon.data_services.postgres import MANAGED
from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Database,
    Datastore,
    Finding,
    Fix,
    Graph,
    Known,
    Outcomes,
    Service,
    Severity,
    Side,
    Unknown,
    Value,
    known,
    regex,
    rule,
    undecided,
)

_CHOSEN = regex(r"icu|--no-locale|--(?:locale|lc-collate)[= ]['\"]?(?:C|POSIX)\b")


@rule(
    "HEX418",
    mandate="4.1",
    severity=Severity.WARNING,
    remedy="Run an image that is built on Debian, on a new volume.",
    message={
        "default": "'{local}' runs '{image}', whose C library has no collations, but [the cloud](1) sorts by those of "
        "glibc.",
        "cloud": "'{local}' runs '{image}', which sorts by the collations of glibc, but the C library of "
        "[the cloud](1) has none.",
    },
)
def db_libc_collation(graph: Graph, _: Options) -> Outcomes:
    """One Postgres is built on Alpine, the other on glibc: they sort text differently.

    musl, the C library of Alpine, knows no collations: `ORDER BY name` sorts by bytes, capital letters first, whatever
    the locale is called. RDS sorts as glibc does. Lists come in another order, ranges hold other rows, and a test that
    passes locally fails on the cloud's data (docker-library/postgres#327).

    A database that is made with ICU or the C locale (`POSTGRES_INITDB_ARGS`) does not ask the C library. The library
    is that of the image at the bottom of a built one; where the table does not know it, the question is open.
    """
    for local, cloud in graph.mirrors(Database, engine="postgres"):
        glibc = cloud.flavour in MANAGED and not cloud.service
        there = "glibc" if glibc else cloud.libc.value if isinstance(cloud.libc, Known) else ""
        if not there or not local.service:
            continue
        yield Compared(local, cloud)
        if isinstance(local.libc, Unknown):
            yield from undecided(local, local.libc)
        if not isinstance(local.libc, Known) or {local.libc.value, there} != {"glibc", "musl"}:
            continue
        service = graph.get(Service, local.service)
        asked = service if there == "glibc" else graph.get(Service, cloud.service or "")
        args = None if asked is None else graph.container(asked).environment.get("POSTGRES_INITDB_ARGS")
        if args is not None and isinstance(args.value, Unknown):
            yield from undecided(local, args.value)
        elif args is None or not isinstance(args.value, Known) or not _CHOSEN.search(args.value.value):
            said = {"local": local.name, "image": local.written}
            fix = Fix("run one image in both")
            if there == "glibc":
                how, built = "run the image that is built on Debian, on a new volume", service and service.build
                fix = Fix.tagging(how, local.image, None if built else _debian(local))
            yield Finding(
                subject=local,
                against=cloud,
                at=local.place,
                variant="default" if there == "glibc" else "cloud",
                args=said,
                related=(cloud.engine,),
                fix=fix,
            )


def _debian(local: Database) -> str | None:
    """The tag of the official image that is the same release on Debian."""
    ref = local.reference
    if ref is None or ref.name != "postgres" or not isinstance(ref.tag, str):
        return None
    release, _, variant = ref.tag.partition("-")
    return release if variant.startswith("alpine") and release[:1].isdigit() else None


_DATA = "/var/lib/postgresql/data"


@rule(
    "HEX423",
    mandate="4.1",
    severity=Severity.ERROR,
    remedy="Mount the volume at /var/lib/postgresql.",
    precision="very-high",
    message="'{name}' mounts its data at '{path}', where [the image '{image}'](1) does not keep it.",
)
def pg18_volume_path(graph: Graph, _: Options) -> Outcomes:
    """A volume is mounted where Postgres 18 no longer keeps its data.

    From 18 on the official image keeps it in `/var/lib/postgresql/18/docker` and wants one volume at
    `/var/lib/postgresql`. It refuses to start when it finds a mount at the old place (docker-library/postgres#1259,
    #1400), so that an upgrade of the tag alone stops the stack, on an empty volume too.

    `PGDATA` says where the data is, and settles it. Images that are built on the official one, or derived from it, do
    the same unless they changed it, which makes it a warning. A tag without a major, such as `latest`, is judged by the
    table of tags, which only moves up.
    """
    for store in graph.all(Database):
        service = graph.get(Service, store.service)
        wrong = _at_old_place(store, service)
        if service is None or wrong is None or service.side is Side.PIPELINE:
            continue
        if _release(store) is None:
            yield from undecided(store, store.version)
        elif misplaced(graph, store):
            official = service.build is None and store.reference is not None and store.reference.name == "postgres"
            args = {"name": store.name, "path": _DATA, "image": store.written}
            fix = Fix.replacing("mount it at /var/lib/postgresql", wrong.span, known(wrong, ""), "/var/lib/postgresql")
            yield Finding(
                subject=store,
                at=wrong,
                severity=None if official else Severity.WARNING,
                args=args,
                related=(store.place,),
                fix=fix,
                cause=store.written,
            )


def misplaced(graph: Graph, store: Datastore) -> bool:
    """Whether a Postgres from 18 on has its volume where it no longer keeps its data, so that it does not start."""
    service = graph.get(Service, store.service)
    if not isinstance(store, Database) or service is None or _at_old_place(store, service) is None:
        return False
    return (_release(store) or 0) >= 18 and "PGDATA" not in graph.container(service).environment


def _release(store: Database) -> int | None:
    """The major that runs, by what the tag fixes, else by what it meant."""
    meant = store.meaning if store.major is None and isinstance(store.version, Unknown) else None
    return store.major if meant is None else meant.version.major


def _at_old_place(store: Database, service: Service | None) -> Value[str] | None:
    """The target of a mount at the old place of the data of Postgres."""
    if service is None or known(store.engine, "") != "postgres":
        return None
    targets = (each.target for each in service.mounts)
    return next((each for each in targets if known(each, "").rstrip("/") == _DATA), None)
