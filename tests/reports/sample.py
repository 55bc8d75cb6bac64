"""Reports made by hand: a small system in files that are hard to show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.change import Edit
from policyengine.model.graph import Choice, Edge, EdgeKind, Graph, Pair
from policyengine.model.image import Version
from policyengine.model.nodes import Database, EnvironmentFile, Node, Origin, Side, Variable
from policyengine.model.source import Source, Span
from policyengine.model.value import Known, Unknown, Via
from policyengine.rules.evaluate import Failure, Report, Waived, evaluate
from policyengine.rules.rule import Finding, Fix, Outcome, Pack, Severity, Undecided, rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMPOSE = "local stack/docker-compose.yml"
TERRAFORM = "infra/größe/main.tf"
TFVARS = "infra/größe/prod.tfvars"
ENV = ".env.example"
BROKEN = "infra/größe/broken.tf"
LATIN = "infra/latin.tf"

TEXTS = {
    COMPOSE: (
        "services:\r\n"
        "  db:\r\n"
        "    image: postgres:16.9 # 😀 дом 家\r\n"
        "    environment:\r\n"
        "      POSTGRES_PASSWORD: hunter2hunter2\r\n"
        "  😀: {image: 'postgres:15.1', x: '家', y: 'postgres:15.2'}\r\n"
        "  db:\r\n"
        "    image: postgres:16.9 # 😀 дом 家\r\n"
    ),
    TERRAFORM: (
        'resource "aws_db_instance" "main" {\r'
        '\tengine_version = var.version # "家"\t|\r'
        '\tpassword       = "hunter2hunter2"\r'
        "}\r"
    ),
    TFVARS: 'version = "16.10"\n',
    ENV: "DATABASE_URL=postgres://app:s3cr3t-p4ss@localhost:5434/app\nREDIS_TOKEN=abcdefgh12345678",
    BROKEN: "resource {\n",
}
BOM = (COMPOSE, TFVARS)


def source(path: str) -> Source:
    return Source(path, TEXTS[path], bom=path in BOM)


def at(path: str, text: str, occurrence: int = 1) -> Span:
    matches = list(re.finditer(re.escape(text), TEXTS[path]))
    match = matches[occurrence - 1]
    return Span(path, match.start(), match.end())


def database(node_id: str, side: Side, span: Span, version: Version | None, version_span: Span, *via: Via) -> Database:
    value = (
        Unknown("variable 'tag' has no default", version_span) if version is None else Known(version, version_span, via)
    )
    return Database(
        id=node_id,
        name=node_id.rpartition(".")[2],
        side=side,
        span=span,
        engine=Known("postgres", span),
        version=value,
    )


LOCAL = database("compose:services.db", Side.LOCAL, at(COMPOSE, "db"), Version(16, 9), at(COMPOSE, "postgres:16.9"))
OTHER = database("compose:services.😀", Side.LOCAL, at(COMPOSE, "😀", 2), Version(15, 1), at(COMPOSE, "postgres:15.1"))
CLOUD = database(
    "terraform:aws_db_instance.main",
    Side.CLOUD,
    at(TERRAFORM, "main"),
    Version(16, 10),
    at(TFVARS, "16.10"),
    Via("var.version", at(TERRAFORM, "var.version")),
)
OPEN = database(
    "terraform:aws_db_instance.open", Side.CLOUD, at(TERRAFORM, "aws_db_instance"), None, at(TERRAFORM, "var.version")
)
EXAMPLE = EnvironmentFile(
    id="env:.env.example",
    name=".env.example",
    side=Side.LOCAL,
    span=Span(ENV, 0, 0),
    path=ENV,
    example=True,
    variables=(
        Variable(
            "DATABASE_URL",
            at(ENV, "DATABASE_URL"),
            Known(
                "postgres://app:s3cr3t-p4ss@localhost:5434/app",
                at(ENV, "postgres://app:s3cr3t-p4ss@localhost:5434/app"),
            ),
            Origin.ENV_FILE,
        ),
        Variable(
            "REDIS_TOKEN",
            at(ENV, "REDIS_TOKEN"),
            Known("abcdefgh12345678", at(ENV, "abcdefgh12345678")),
            Origin.ENV_FILE,
        ),
    ),
)
NODES: tuple[Node, ...] = tuple(sorted((LOCAL, OTHER, CLOUD, OPEN, EXAMPLE), key=lambda node: node.id))
PAIRS = (Pair(LOCAL.id, CLOUD.id, 55, ("only database on each side",), certain=False),)


@rule(
    "SMP402",
    mandate="4.1",
    severity=Severity.ERROR,
    message={
        "default": "'{local}' runs Postgres '{here}', but [the cloud](1) runs '{there}'",
        "alone": "'{local}' runs Postgres '{here}' in {{all}} places",
    },
    cwe=(1188,),
)
def postgres_minor_mismatch(graph: Graph, options: NoOptions) -> Iterator[Outcome]:
    """Local and cloud Postgres run different minor versions.

    Query plans differ. See <https://www.postgresql.org/support/versioning/>.
    """
    del options
    cloud = next(each for each in graph.all(Database) if each.id == CLOUD.id)
    for local in graph.all(Database, side=Side.LOCAL):
        if isinstance(local.version, Known):
            yield Finding(
                subject=local,
                at=local.version,
                args={"local": local.name, "here": local.version.value, "there": "16.10"},
                related=(cloud.version,),
                fix=Fix("use the version of the cloud", (Edit(local.version.span, "postgres:16.10"),)),
            )
    yield Finding(
        subject=OTHER,
        at=at(COMPOSE, "postgres:15.2"),
        args={"local": "other", "here": "15.2"},
        variant="alone",
    )
    yield Finding(
        subject=LOCAL,
        at=at(COMPOSE, "postgres:16.9", 2),
        args={"local": "db", "here": "16.9", "there": "16.10"},
        related=(cloud.version,),
    )
    for each in graph.all(Database):
        if isinstance(each.version, Unknown):
            yield Undecided(each, each.version.span, each.version.reason)


@rule(
    "SMP501",
    mandate="5.1",
    severity=Severity.WARNING,
    message="'{key}' is '{url}', which is no place inside a container",
    tags=("security",),
    security=5.5,
    cwe=(798,),
)
def localhost_inside_container(graph: Graph, options: NoOptions) -> Iterator[Outcome]:
    """A URL names localhost inside a container.

    Localhost is the container itself.
    """
    del options
    for example in graph.all(EnvironmentFile):
        for variable in example.variables[:1]:
            if isinstance(variable.value, Known):
                yield Finding(
                    subject=example, at=variable.value, args={"key": variable.key, "url": variable.value.value}
                )


@rule("SMP601", mandate="5.1", severity=Severity.NOTE, message="never")
def workflow_without_gate(graph: Graph, options: NoOptions) -> Iterator[Outcome]:
    """A workflow has no gate."""
    del graph, options
    return iter(())


class NoOptions(Struct, frozen=True):
    """A pack without options."""


PACK: Pack[NoOptions] = Pack(
    name="sample",
    version="1.0",
    rules=(postgres_minor_mismatch, localhost_inside_container, workflow_without_gate),
    mandates={"4.1": "Local Postgres is the exact minor version of the cloud.", "5.1": "Services use Docker names."},
    sides={"4": "Data services", "5": "Networking and URLs", "6": "Pipeline"},
    options=NoOptions,
    help_uri="https://docs.example.org/rules/{id}",
)


def graph() -> Graph:
    return Graph(
        nodes=NODES,
        edges=(Edge(EdgeKind.CONNECTS, EXAMPLE.id, LOCAL.id, "DATABASE_URL"),),
        pairs=PAIRS,
        choices=(Choice("environment", "prod", "the only tfvars file"),),
        paths=tuple(sorted(TEXTS)),
    )


def report(*failures: Failure, waived: tuple[Waived, ...] = (), clean: bool = False) -> Report:
    found = evaluate(
        graph(), [(PACK, None)], selected=frozenset() if clean else frozenset(each.id for each in PACK.rules)
    )
    return Report(
        results=found.results,
        undecided=found.undecided,
        failures=(*failures, *found.failures),
        waived=waived,
        packs=(PACK,),
        rules=tuple(sorted(each.id for each in PACK.rules)),
        graph=graph(),
        sources={path: source(path) for path in TEXTS},
        compared=found.compared,
    )


def write(root: Path) -> Path:
    for path, text in TEXTS.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes((b"\xef\xbb\xbf" if path in BOM else b"") + text.encode())
    (root / LATIN).write_bytes(b"# \xe9t\xe9\n")
    return root
