"""Small graphs in which something is linked, or nearly: what is built and deployed from what, and what mirrors what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from policyengine.linking.link import link
from policyengine.model.graph import Choice
from policyengine.model.nodes import Repository, Role, Service, Side
from policyengine.model.nodes.container import ECS, PRODUCTION_COMPOSE, TASK_FILES
from policyengine.model.source import Span
from policyengine.model.value import Floating, Known, Unknown
from policyengine.platforms import Lowered
from policyengine.repository.configuration import Config, Configured, ConfiguredPair
from tests.linking.nodes import (
    AT,
    EMPTY,
    NOTHING,
    build,
    cache,
    database,
    known,
    queue,
    service,
    stage,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.graph import Graph
    from policyengine.model.nodes import Node

CLOUD, LOCAL = Side.CLOUD, Side.LOCAL
KEPT = "europe-docker.pkg.dev/acme/main"
APP = stage("Dockerfile", base="node:22")
API, WEB = stage("billing/Dockerfile", base="node:22"), stage("orders/Dockerfile", base="node:22")
OPEN = Unknown("variable 'tag' has no default", AT)


def _built(name: str, dockerfile: str = "Dockerfile", runs: str | None = None, target: str | None = None) -> Service:
    return service(name, built=build(name, dockerfile, side=LOCAL, target=target), runs=runs)


def _cloud(name: str, runs: str | Unknown | None = None, **more: Any) -> Service:  # noqa: ANN401
    return replace(service(name, CLOUD, runs=runs), **more)


def _repository(name: str, label: str = "main") -> Repository:
    place = Span(f"cloud/{label}.tf", 9, 12)
    return Repository(
        id=f"terraform:aws_ecr.{label}", name=label, side=CLOUD, span=place, repository=known(name), immutable=NOTHING
    )


def _both(*names: str) -> Iterator[Service]:
    for name in names:
        yield service(name)
        yield _cloud(name)


SCENES: dict[str, tuple[Iterable[Node], Config | None]] = {
    "a worker runs what its application builds": (
        (APP, _built("app", runs="acme/app:1"), service("worker", runs="acme/app:1"), service("other", runs="acme/app:2")),
        None,
    ),
    "targets": (
        (
            stage("Dockerfile", "Base", 0, last=False), stage("Dockerfile", "run", 1),
            *(_built(f"by-{each}", target=each) for each in ("base", "0", "1", "none")), _built("last"),
            service("open", built=build("open", side=LOCAL, target=OPEN)),
            service("inline", built=build("inline", side=LOCAL, inline=True)),
        ),
        None,
    ),
    "a target that an argument names": ((stage("Dockerfile", "$NAME", 0), _built("app", target="run")), None),
    "a certain twin lends its Dockerfile": ((API, _built("api", "billing/Dockerfile"), _cloud("api", "acme/billing:1")), None),
    "one for development is not lent": (
        (stage("billing/Dockerfile.dev"), _built("api", "billing/Dockerfile.dev"), _cloud("api", "acme/billing:1")), None,
    ),
    "a target for development is not lent": (
        (stage("billing/Dockerfile", "dev"), _built("api", "billing/Dockerfile", target="dev"), _cloud("api", "acme/billing:1")), None,
    ),
    "of two beside each other the one for production is lent": (
        (API, stage("billing/Dockerfile.prod"), _built("api", "billing/Dockerfile"), _cloud("api", "acme/billing:1")), None,
    ),
    "an engine's image is lent nothing": (
        (API, _built("api", "billing/Dockerfile"), _cloud("api", "postgres:16", role=Role.APP)), None,
    ),
    "a job is lent nothing": (
        (API, replace(_built("api", "billing/Dockerfile"), role=Role.JOB), _cloud("api", "acme/billing:1", role=Role.JOB)), None,
    ),
    "where a pipeline pushes another image nothing is lent": (
        (API, WEB, _built("billing", "billing/Dockerfile"), _cloud("billing", "acme/billing:1"), _cloud("zz", "acme/zz:1"),
         build("web", "orders/Dockerfile", tags=["acme/orders:1"], push=True)),
        None,
    ),
    "where a pipeline pushes another, the image of a cloud's registry is lent": (
        (API, WEB, _built("billing", "billing/Dockerfile"), _cloud("billing", f"{KEPT}/billing:1"), _cloud("zz", "acme/zz:1"),
         build("web", "orders/Dockerfile", tags=["acme/orders:1"], push=True)),
        None,
    ),
    "a nameless build is called as the image": (
        (API, WEB, _cloud("x", f"{KEPT}/billing:1"), _cloud("orders", f"{KEPT}/y:1"), _cloud("z", "acme/billing:1"),
         build("one", "billing/Dockerfile", push=True), build("two", "orders/Dockerfile", push=True)),
        None,
    ),
    "beside a nameless build alone it is lent": (
        (API, WEB, _built("billing", "billing/Dockerfile"), _cloud("billing", f"{KEPT}/billing:1"), _cloud("zz", "acme/zz:1"),
         build("web", "orders/Dockerfile", push=True)),
        None,
    ),
    "two nameless builds are called so": (
        (API, stage("docker/Dockerfile.billing"), _cloud("x", f"{KEPT}/billing:1"), _cloud("y", f"{KEPT}/shop:1"),
         build("one", "billing/Dockerfile", push=True), build("two", "docker/Dockerfile.billing", push=True)),
        None,
    ),
    "the only Dockerfile makes the only own image": (
        (APP, _repository("acme/shop"), _cloud("app", "acme/shop:1"), _cloud("worker", "acme/shop:2"),
         _cloud("db", "postgres:16")),
        None,
    ),
    "the Dockerfile that is called as the image": (
        (API, WEB, stage("e2e/Dockerfile.billing"), stage("billing/Dockerfile.test"), _cloud("x", f"{KEPT}/billing:1"),
         _cloud("orders", f"{KEPT}/y:1"), _cloud("z", "acme/orders:1"), _cloud("built", f"{KEPT}/orders:1", build=build("own"))),
        None,
    ),
    "a build of the pipeline makes what is deployed": (
        (API, WEB, _repository("acme/billing"), _repository("acme/none", "none"),
         build("api", "billing/Dockerfile", tags=["acme/billing:1", "acme/billing:2"], push=True),
         build("check", "orders/Dockerfile", tags=["acme/billing:1"], push=False),
         build("web", "orders/Dockerfile", tags=["ghcr.io/acme/orders:1"]),
         _cloud("api", "acme/billing:9"), _cloud("other", "quay.io/me/orders:1"), _cloud("job", "acme/billing:9", role=Role.JOB),
         service("pulls", runs="acme/billing:1"), service("local", runs="acme/unknown:1")),
        None,
    ),
    "what people build by hand makes what no pipeline does": (
        (API, WEB, replace(build("api", "billing/Dockerfile", tags=["acme/billing:1"], push=True), job="script:push.sh"),
         build("web", "orders/Dockerfile", tags=["acme/orders:1"], push=True),
         _cloud("api", "acme/billing:9"), _cloud("web", "acme/orders:9"), _cloud("else", "acme/else:9")),
        None,
    ),
    "by hand alone": (
        (API, replace(build("api", "billing/Dockerfile", tags=["acme/billing:1"], push=True), job="script:push.sh"),
         _cloud("else", "acme/else:9")),
        None,
    ),
    "the only image for the only one that runs": (
        (APP, build("x", tags=["acme/x:1"], push=True), _cloud("app", OPEN), service("local", runs="acme/y:1")), None,
    ),
    "not for a repository of its own by another name": (
        (APP, _repository("acme/else"), build("x", tags=["acme/x:1"], push=True), _cloud("app", "acme/else:1")), None,
    ),
    "but for one that shares a word": (
        (APP, _repository("acme/x-app"), build("x", tags=["acme/x:1"], push=True), _cloud("app", "acme/x-app:1")), None,
    ),
    "not where two Dockerfiles are built": (
        (APP, API, build("x", push=True), build("y", "billing/Dockerfile", push=True), _cloud("app", "acme/else:1")), None,
    ),
    "what a workflow puts into a task definition": (
        (API, WEB, replace(build("api", "billing/Dockerfile", push=True), job=f"job:{AT.path}#build"),
         replace(build("web", "orders/Dockerfile", push=True), job="job:other.yml#build"),
         _cloud("app", OPEN, group=f"{TASK_FILES}task.json"), _cloud("else", OPEN, group="x")),
        None,
    ),
    "of two that a workflow pushes none is put in": (
        (API, WEB, replace(build("api", "billing/Dockerfile", push=True), job=f"job:{AT.path}#build"),
         replace(build("web", "orders/Dockerfile", push=True), job=f"job:{AT.path}#build"),
         _cloud("app", OPEN, group=f"{TASK_FILES}task.json")),
        None,
    ),
    "task definitions in JSON beside Terraform": (
        (_cloud("app", noun=ECS), _cloud("json", noun=ECS, group=f"{TASK_FILES}task.json"),
         database("db", CLOUD, of="terraform:aws_ecs.json")),
        None,
    ),
    "task definitions in JSON alone": ((_cloud("json", noun=ECS, group=f"{TASK_FILES}task.json"),), None),
    "a rollout beside what runs": (
        (_cloud("app"), replace(_cloud("rolled"), id="rollout:rolled"), service("app")), None,
    ),
    "a rollout beside a sidecar alone": (
        (_cloud("agent", role=Role.SIDECAR), replace(_cloud("rolled"), id="rollout:rolled")), None,
    ),
    "production on Compose beside Terraform": (
        (_cloud("app"), _cloud("prod", noun=PRODUCTION_COMPOSE), database("db", CLOUD, of="terraform:aws_ecs.prod")), None,
    ),
    "production on Compose beside a database": (
        (_cloud("prod", noun=PRODUCTION_COMPOSE), database("db", CLOUD)), None,
    ),
    "nothing in common": ((service("one"), _cloud("two")), None),
    "one of each kind": (
        (service("one", starts="run x"), _cloud("two", command=Known(service("x", starts="run x").command.value, AT)),  # type: ignore[union-attr]
         cache("c"), cache("d", CLOUD), queue("q"), queue("r", CLOUD, engine="sqs"), database("p"), database("m", CLOUD)),
        None,
    ),
    "names": ((*_both("api", "web-app"), service("shop-worker"), _cloud("worker"), _cloud("shop-api-v2")), None),
    "ports and variables": (
        (service("app", ports=[80], env={"ONE": "1", "TWO": "2", "THREE": "3"}), service("b", ports=[90]),
         _cloud("api", ports=service("x", ports=[80]).ports, environment=service("x", env={"ONE": "1", "TWO": "2", "FOUR": "3"}).environment),
         _cloud("d", ports=service("x", ports=[91]).ports)),
        None,
    ),
    "images": (
        (service("a", runs="acme/shop-front:1"), service("b", runs="acme/back:1"), _cloud("c", f"{KEPT}/shop-front:2"),
         _cloud("d", f"{KEPT}/back:2"), _cloud("back-two", f"{KEPT}/shop-front-two:2")),
        None,
    ),
    "tied": ((service("worker"), _cloud("worker-a"), _cloud("worker-b"), service("x"), _cloud("y")), None),
    "variants by profile": (
        (service("app", profiles=("dev",)), replace(service("app", profiles=("prod",)), id="compose:services.app2"),
         _cloud("app"), service("db-dev"), service("db-prod")),
        None,
    ),
    "instances of one definition": (
        (service("app"), _cloud("app"), replace(_cloud("app"), id="terraform:aws_ecs.app[1]"), service("other")), None,
    ),
    "two databases of one server": (
        (database("db", holds="one"), database("one", CLOUD, holds="one"), database("two", CLOUD), cache("c"),
         database("three", CLOUD, engine="mysql")),
        None,
    ),
    "several local databases of one in the cloud": (
        (database("one"), database("two"), database("three"), database("main", CLOUD), cache("c", engine="valkey"),
         cache("d", CLOUD)),
        None,
    ),
    "an engine that the cloud leaves open": (
        (database("db"), database("main", CLOUD, engine=None), database("mysql", engine="mysql")), None,
    ),
    "any number of buckets": (
        (queue("q"), queue("jobs", CLOUD, engine="sqs"), queue("mail", CLOUD, engine="sqs"),
         service("app", env={"QUEUE": "amqp://q", "JOBS_QUEUE": "jobs"}), _cloud("app", environment=service("x", env={"JOBS_QUEUE": "jobs"}).environment)),
        None,
    ),
    "a parity that a node names": (
        (service("one", parity="far"), _cloud("far"), _cloud("one"), database("db", parity="far"), database("far", CLOUD),
         service("lost", parity="nowhere")),
        None,
    ),
    "a pair that the configuration names": (
        (service("one"), service("two"), _cloud("one"), _cloud("two")),
        Config(
            path="policyengine.yaml",
            pairs=(ConfiguredPair(Configured("one", AT), Configured("aws_ecs.two", AT)),),
            ignore_local=("two",),
        ),
    ),
    "tools and sidecars": (
        (service("grafana"), service("mail", role=Role.TOOL), _cloud("agent", role=Role.SIDECAR), service("proxy", role=Role.PROXY),
         _cloud("lb", role=Role.PROXY), service("migrate", role=Role.JOB), _cloud("migrator", role=Role.JOB), _cloud("fn", role=Role.FUNCTION)),
        None,
    ),
    "a database in a container of an open image": (
        (replace(service("store", runs=OPEN, ports=[5432], env={"POSTGRES_DB": "shop"})), service("no-port", runs=OPEN, env={"POSTGRES_DB": "shop"}),
         service("worker", role=Role.JOB, runs=OPEN, ports=[5432], env={"POSTGRES_DB": "shop"}), service("other", runs=OPEN, ports=[3306], env={"POSTGRES_DB": "shop"}),
         service("pg", runs="postgres:16.4", env={"POSTGRES_DB": "shop"}), service("floats", runs="redis")),
        None,
    ),
    "what a Dockerfile installs into a database": (
        (stage("db/Dockerfile", base="postgres:16.4", runs=["apt-get install -y postgresql-16-pgvector=0.8.0-1", "apt-get install -y postgresql-16-cron"]),
         _built("db", "db/Dockerfile"), stage("other/Dockerfile", base="postgres:16.4", runs=["apt-get install -y postgresql-16-pgvector", "make install"]),
         _built("other", "other/Dockerfile")),
        None,
    ),
    "who reaches whom": (
        (service("app", env={"DATABASE_URL": "postgres://u@db:5432/x", "CACHE": "redis://localhost:6379", "API": "http://api:80"}), service("api"),
         database("db", of="compose:services.pg"), service("pg", hostnames=("db",)), service("away", env={"API": "http://api"}, group="other"),
         _cloud("app", environment=service("x", env={"API": "http://localhost:80"}).environment), _cloud("api")),
        None,
    ),
}  # fmt: skip


def told() -> str:
    """Edges, pairs, candidates, datastores and containers of each scene."""
    lines: list[str] = []
    for name, (nodes, config) in SCENES.items():
        lines += ["", name, *(f"  {line}" for line in _told(_linked(tuple(nodes), config)))]
    return "\n".join(lines[1:]) + "\n"


def _linked(nodes: tuple[Node, ...], config: Config | None) -> Graph:
    chosen = (Choice("production Compose project", "prod.yml", "it is called so", guessed=True),)
    lowered = Lowered(nodes, (), choices=chosen)
    return link([lowered], config or Config(path="policyengine.yaml"), EMPTY)


def _told(graph: Graph) -> Iterator[str]:
    given = {each.id for each in graph.nodes}
    yield f"nodes: {', '.join(sorted(given))}"
    yield from (
        f"{choice.what}: {choice.chosen}, {choice.reason}" for choice in graph.choices if choice.chosen == "none"
    )
    for node in graph.nodes:
        for fact in ("engine", "version", "database_name", "extensions"):
            value = getattr(node, fact, NOTHING)
            if isinstance(value, Known | Floating):
                yield f"{node.id} {fact} {value.value}"
            elif isinstance(value, Unknown):
                yield f"{node.id} {fact}? {value.reason}"
            elif isinstance(value, tuple):
                yield from (f"{node.id} {fact} {each}" for each in value)
    yield from (f"{edge.kind}: {edge.source} → {edge.target} ({edge.reason})" for edge in graph.edges)
    for pair in graph.pairs:
        sure = "" if pair.certain else " uncertain"
        tied = " tied" if pair.tied else ""
        yield f"{pair.local} = {pair.cloud} {pair.score}{sure}{tied}: {', '.join(pair.reasons)}"
    for each in graph.without_twin:
        near = "; ".join(f"{one.node} {one.score} {', '.join(one.reasons)}" for one in each.candidates)
        yield f"without {each.node} of {each.like}{' aside' if each.aside else ''}{near and f': {near}'}"
