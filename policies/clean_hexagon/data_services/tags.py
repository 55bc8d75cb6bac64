"""What the tags of datastores fix, and the tag of the house (HEX412, HEX413, HEX414)."""

from collections.abc import Sequence

from clean_hexagon.data_services.postgres_images import misplaced
from clean_hexagon.data_services.redis import cloud_major
from clean_hexagon.data_services.versions import moved_past
from clean_hexagon.options import Options
from policyengine.api import (
    Absent,
    Cache,
    Compared,
    Database,
    Datastore,
    Finding,
    Fix,
    Floating,
    Graph,
    ImageRef,
    Known,
    Outcomes,
    Role,
    Service,
    Severity,
    Side,
    Span,
    Stage,
    Unknown,
    began_as,
    image_reference,
    known,
    purpose_of,
    redis_release,
    regex,
    rule,
    tag_fact,
    undecided,
)

_MANAGED = frozenset({"elasticache", "memorydb", "memorystore"})


@rule(
    "HEX412",
    mandate="4.3",
    severity=Severity.NOTE,
    remedy="Run the minor version of the cloud locally, as far as there is an image of it.",
    message="'{local}' runs Redis '{here}', but [the cloud's '{there}'](1) is compatible with Redis '{release}'.",
)
def redis_minor_drift(graph: Graph, options: Options) -> Outcomes:
    """Local and cloud Redis run different minors of one major.

    Commands come with minors too. This is off unless the option `redis.match: minor` asks for it, because ElastiCache
    7.1 is compatible with Redis 7.0, of which `redis:7-alpine` has long moved away. A tag that leaves the minor open
    is what the table of tags knows it was; where the table is silent, nothing is compared.
    """
    for local, cloud in graph.mirrors(Cache, engine="redis") if options.redis.match == "minor" else ():
        meant = local.meaning
        here = meant.version if meant is not None else local.version.value if isinstance(local.version, Known) else None
        if not isinstance(cloud.version, Known) or here is None:
            yield from undecided(local, local.version, cloud.version)
            continue
        there = cloud.version.value
        release = redis_release(cloud.flavour, there)
        yield Compared(local, cloud)
        if here.major == release.major and release.minor is not None and here.minor not in (None, release.minor):
            args = {"local": local.name, "here": here, "there": there, "release": release}
            fix, related = Fix(f"run Redis {release}"), (cloud.version,)
            yield Finding(subject=local, against=cloud, at=local.place, args=args, related=related, fix=fix)


@rule(
    "HEX413",
    mandate="4.3",
    severity=Severity.ERROR,
    remedy="Run the engine of the cloud locally, by the tag that was agreed on.",
    message={
        "default": "'{local}' runs '{here}', but [the cloud](1) runs '{there}'.",
        "tag": "'{local}' runs '{image}', but the tag of the house is '{tag}'.",
    },
)
def cache_engine_or_tag(graph: Graph, options: Options) -> Outcomes:
    """The local cache is Redis and the cloud's Valkey, or the reverse, or its tag is not the one that was agreed on.

    Valkey left Redis at 7.2: what either has added since is unknown to the other, and so are modules. `equivalences:
    [redis~valkey]` in policyengine.yaml says that none of it is used.

    The tag of the house is `7-alpine`, or the option `redis.required_tag`. It is a convention unless the option is
    set, and asked of the official image only; where the cloud runs another major than the tag, where HEX411 reports
    the major, or HEX414 a tag that fixes nothing, it is not asked at all.
    """
    for local, cloud in graph.mirrors(Cache):
        match local.engine, cloud.engine:
            case Known(here), Known(there) if here != there and {began_as(here), began_as(there)} == {"redis"}:
                yield Compared(local, cloud)
                if not graph.equivalent(here, there):
                    args = {"local": local.name, "here": here.capitalize(), "there": there.capitalize()}
                    fix, related = Fix(f"run {args['there']} locally"), (cloud.engine,)
                    yield Finding(subject=local, against=cloud, at=local.engine, args=args, related=related, fix=fix)
    tag, declared = options.redis.tag, options.redis.declared
    for local in graph.all(Cache, side=Side.LOCAL):
        ref = local.reference
        twins = [twin for pair in graph.pairs_of(local) if (twin := graph.get(Cache, pair.cloud)) is not None]
        if ref is None or ref.name != "redis" or ref.undecided or local.major is None:
            continue
        if any(not isinstance(twin.engine, Known) or twin.engine.value != "redis" for twin in twins):
            continue
        majors = {major for twin in twins if (major := cloud_major(twin)[0]) is not None}
        house = tag.partition("-")[0].partition(".")[0]
        if majors - {local.major} or (not declared and (not twins or {str(each) for each in majors} - {house})):
            continue
        yield Compared(local)
        if ref.tag != tag:
            args = {"local": local.name, "image": local.written, "tag": tag}
            fix = Fix.tagging(f"run '{tag}'", local.image, tag, safe=True)
            yield Finding(
                subject=local,
                at=local.place,
                variant="tag",
                severity=Severity.WARNING,
                args=args,
                fix=fix,
                convention=not declared,
            )


@rule(
    "HEX414",
    mandate="4.1",
    severity=Severity.WARNING,
    remedy="Name at least the major version in the tag or in 'engine_version'.",
    message={
        "default": "'{name}' runs '{image}', which fixes no major version.",
        "dated": "'{name}' runs '{image}', which fixes no major version: it was '{meant}' on '{date}'.",
        "unset": "'{name}' names no engine version, so that its service chooses one.",
        "copied": "'{name}' takes files of '{image}', which fixes no major version.",
    },
)
def datastore_unpinned(graph: Graph, _: Options) -> Outcomes:
    """A datastore names no major version, so that it changes under the application from one day to the next.

    `redis:latest` was 7 and is 8, `postgres:latest` refuses the volume that it made a year ago. Two laptops differ,
    and nothing in the repository says since when.

    Databases, caches, search engines, queues and object stores of the local stack and of a production Compose file are
    judged by their own image or by the FROM of their Dockerfile, and what a Dockerfile copies out of such an image
    (`COPY --from=redis`). Emulators of a whole cloud are no datastore, and an image of one's own may be built anywhere.
    Of the cloud, a cache without engine version is reported. A digest fixes the version. The pin is no safe fix where
    that Postgres does not start with the volume that it is given (HEX423). Where HEX401, HEX403 or HEX411
    already report the same tag against a twin, this rule is silent.
    """
    seen: set[Span] = set()  # one definition may make several
    for store in graph.all(Datastore):
        service = graph.get(Service, store.service)
        if store.side is Side.CLOUD and isinstance(store, Cache) and not store.service and store.flavour in _MANAGED:
            if isinstance(store.version, Absent) and store.span not in seen:
                seen.add(store.span)
                fix = Fix(f"set {'redis' if store.flavour == 'memorystore' else 'engine'}_version")
                yield Finding(subject=store, at=store.version, variant="unset", args={"name": store.name}, fix=fix)
            continue
        if service is None or service.role is Role.EMULATOR or store.side is Side.PIPELINE:
            continue
        if store.reference is not None and _moves(store.reference, store) and not _told(graph, store):
            safe = store.side is Side.LOCAL and not misplaced(graph, store)
            twins = [twin for pair in graph.pairs_of(store) if (twin := graph.get(type(store), pair.cloud)) is not None]
            yield _unpinned(store, store.reference, [each for each in twins if each is not store], safe=safe)
    yield from _copied(graph)


def _copied(graph: Graph) -> Outcomes:
    """What Dockerfiles take out of images that are datastores; the name of a stage is none."""
    named = {(stage.dockerfile, stage.name) for stage in graph.all(Stage)}
    for stage in graph.all(Stage):
        for copy in stage.copies:
            ref = image_reference(copy.stage) if (stage.dockerfile, copy.stage) not in named else None
            if ref is None or purpose_of(ref.name) not in _DATA or ref.digest is not None:
                continue
            if _LOOSE.fullmatch(ref.effective_tag or "0"):
                args = {"name": stage.dockerfile, "image": ref.shown}
                fix = Fix("name the major in its tag")
                yield Finding(subject=stage, at=copy.span, variant="copied", args=args, fix=fix)


_DATA = frozenset({"database", "cache", "search", "queue", "storage"})
_LOOSE = regex(r"[a-z-]+|(?:latest|alpine|stable)[\w.-]*")  # latest, alpine, bookworm, latest-alpine3.20


def _moves(ref: ImageRef, store: Datastore) -> bool:
    if ref.undecided or ref.digest is not None or isinstance(store.version, Known | Floating):
        return False
    if purpose_of(ref.name) is None:  # an image of one's own, which may be built elsewhere
        return False
    return _LOOSE.fullmatch(ref.effective_tag or "0") is not None


def _told(graph: Graph, store: Datastore) -> bool:
    """Whether another rule reports the tag against a twin."""
    for pair in graph.pairs_of(store):
        twin = graph.get(type(store), pair.cloud)
        if twin is None or twin is store or store.meaning is None or isinstance(twin.version, Unknown):
            continue
        if isinstance(store, Database) and isinstance(store.engine, Known) and store.engine.value == "postgres":
            return True
        engines = {each.engine.value for each in (store, twin) if isinstance(each.engine, Known)}
        if isinstance(store, Cache) and len(engines) == 1 and moved_past(store, twin.major) is not None:
            return True
    return False


def _unpinned(store: Datastore, ref: ImageRef, twins: Sequence[Datastore], *, safe: bool) -> Finding:
    """The finding; where twins have its engine, only their version may be pinned, as far as it is known."""
    meaning, fact, cause = store.meaning, tag_fact(ref), store.written
    args: dict[str, object] = {"name": store.name, "image": store.written}
    at: Span = store.place
    if meaning is None or fact is None:
        return Finding(subject=store, at=at, args=args, fix=Fix("name the major in its tag"), cause=cause)
    args |= {"meant": meaning.version, "date": meaning.date}
    fix = Fix.tagging(f"pin '{fact.tag}'", store.image, fact.tag, safe=safe)
    alike = [each for each in twins if known(each.engine, "") == known(store.engine, "-")]
    releases = {str(each.version.value) for each in alike if isinstance(each.version, Known | Floating)}
    if alike and releases != {str(meaning.version)}:
        tag = releases.pop() if len(releases) == 1 else None
        fix = Fix.tagging(f"pin '{tag}', as in the cloud" if tag else "pin the version of the cloud", store.image, tag)
    return Finding(subject=store, at=at, variant="dated", args=args, fix=fix, cause=cause)
