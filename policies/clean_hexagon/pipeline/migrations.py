"""What is migrated locally is migrated in the cloud, by Terraform (HEX610)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.api import (
    Compared,
    ComposeUp,
    Container,
    Database,
    Finding,
    Fix,
    Graph,
    Job,
    Known,
    Migrate,
    MigrationRunner,
    Migrations,
    Outcome,
    Package,
    Role,
    Service,
    Severity,
    Side,
    Stage,
    Unknown,
    environment,
    family,
    is_for_tests,
    rule,
    undecided,
    words_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import Node, Span

_AT_START = frozenset({"flyway", "liquibase"})
_BY_CODE = frozenset(
    {"sqlx", "diesel", "refinery", "sea-orm", "typeorm", "mikro-orm", "ecto", "ef", "goose", "migrate"}
)
"""Tools whose library is made to run the migrations from the application's own code, which the graph does not hold."""


@rule(
    "HEX610",
    mandate="6.4",
    severity=Severity.ERROR,
    message={
        "default": "Nothing in Terraform runs the '{tool}' migrations in '{directory}' against [the cloud](1).",
        "pipeline": (
            "Only [the pipeline](1) runs the '{tool}' migrations in '{directory}'. "
            "Terraform must run them, or schema.tf_only be set to false."
        ),
        "unhashed": "'{runner}' runs the migrations in '{directory}', but no trigger tells it that they [changed](1).",
        "unstarted": "'{runner}' can run the migrations in '{directory}', but nothing ever starts it.",
    },
)
def migrations_not_in_terraform(graph: Graph, options: Options) -> Iterator[Outcome]:
    """The repository has schema migrations, but nothing in Terraform runs them in the cloud.

    Locally the schema is migrated by a script that everybody knows; in the cloud by whoever remembers. The code then
    meets a column that is not there, which no test against a freshly migrated database can show.

    Asked where the cloud side has a relational database or a service, for each migrations directory. A runner is a task
    definition whose command migrates together with something that starts it (`run-task`), a `terraform_data` or
    `null_resource` whose triggers hash the directory or change at every apply, or an image that migrates when it
    starts: by its entrypoint, its command, a package script, or its own code, as far as that calls EF Core, TypeORM,
    sqlx and their like in the usual place. Flyway and Liquibase as dependencies of a JVM
    application migrate at start-up too. A runner with no such trigger runs once and never again: a warning, at the
    runner, once for all it may run. A start script that cannot be read leaves the question undecided, and so do a tool
    that is made to be called by the application's own code, such as sqlx or TypeORM, and an image of which it is not
    known whether it is built from the Dockerfile that migrates.

    A workflow that migrates is not enough by mandate 6.4, and the message says so; `schema.tf_only: false` accepts it.
    A migration in a job that runs its own database, by Compose or service containers, is a test's.
    """
    cloud = next(_migrated(graph), None)
    if cloud is None:
        return
    running = list(graph.containers(side=Side.CLOUD)) or _images(graph)
    found = _Found(
        migrating=tuple(each for each in running if _migrates(each)),
        pipeline=next(_pipeline(graph), None),
        starts_tasks=_starts_tasks(graph),
        unread=next(_unread(graph), None),
    )
    seen: set[str] = set()
    for migrations in graph.all(Migrations):
        yield Compared(migrations)
        for outcome in _judged(graph, migrations, cloud, found, options):
            if outcome.subject.id not in seen:
                seen.add(outcome.subject.id)
                yield outcome


class _Found(Struct, frozen=True):
    """What migrates in the cloud or in the pipeline, and who may do so unseen."""

    migrating: tuple[Container, ...]
    pipeline: Span | None
    starts_tasks: bool
    unread: tuple[Node, Unknown] | None


def _judged(graph: Graph, migrations: Migrations, cloud: Node, found: _Found, options: Options) -> Iterator[Outcome]:
    runners = [each for each in graph.all(MigrationRunner) if each.directory in ("", migrations.directory)]
    if any(isinstance(runner.hashed, Known) and runner.hashed.value for runner in runners):
        return
    if any(each.role is Role.APP for each in found.migrating):
        return
    if migrations.tool in _AT_START and any(package.ecosystem == "java" for package in graph.all(Package)):
        return
    if found.pipeline is not None and not options.schema.tf_only:
        return
    tasks = [each for each in found.migrating if each.role is Role.JOB]
    contained = any(graph.get(Service, runner.id.removesuffix("/migrations")) is not None for runner in runners)
    if (tasks or contained) and found.starts_tasks:
        return
    for runner in runners:
        if isinstance(runner.hashed, Unknown):
            yield from undecided(runner, runner.hashed)
            return
    if runners:
        yield Finding(
            subject=runners[0],
            at=runners[0].hashed,
            variant="unhashed",
            severity=Severity.WARNING,
            args={"runner": runners[0].name, "directory": migrations.directory},
            related=(migrations,),
            fix=Fix(f"hash the files of {migrations.directory} with filesha256 in its triggers"),
        )
    elif tasks:
        yield Finding(
            subject=tasks[0].node,
            at=tasks[0],
            variant="unstarted",
            severity=Severity.WARNING,
            args={"runner": tasks[0].name, "directory": migrations.directory},
            fix=Fix("start it with `aws ecs run-task` from a terraform_data whose triggers hash the directory"),
        )
    elif migrations.tool in _BY_CODE:
        reason = f"code may run the {migrations.tool} migrations when the application starts"
        yield from undecided(migrations, Unknown(reason, migrations.span))
    elif found.unread is not None:
        yield from undecided(*found.unread)
    else:
        yield Finding(
            subject=migrations,
            at=migrations,
            variant="default" if found.pipeline is None else "pipeline",
            args={"tool": migrations.tool, "directory": migrations.directory},
            related=(cloud if found.pipeline is None else found.pipeline,),
            fix=Fix("add a terraform_data that runs them, with triggers that hash the directory"),
        )


def _migrated(graph: Graph) -> Iterator[Node]:
    """What the migrations are for: a relational database of the cloud, else a service."""
    for database in graph.all(Database, side=Side.CLOUD):
        if not isinstance(database.engine, Known) or family(database.engine.value) == "relational":
            yield database
    yield from graph.apps(Side.CLOUD)


def _migrates(container: Container) -> bool:
    return any(command.does("migrate") for command in container.commands)


def _images(graph: Graph) -> list[Container]:
    """What the Dockerfiles that are not for development start: what may run where the files do not show who runs it."""
    stages = (stage for stage in graph.all(Stage) if stage.last and not _for_development(stage.dockerfile))
    return [graph.container(stage) for stage in stages]


def _unread(graph: Graph) -> Iterator[tuple[Node, Unknown]]:
    """The applications in the cloud that may migrate unseen: by a start script, or by the Dockerfile they come from."""
    apps = list(graph.containers(side=Side.CLOUD, role=Role.APP))
    yield from ((each.node, each.gap) for each in apps if each.gap is not None)
    if any(map(_migrates, _images(graph))):
        yield from ((each.node, each.stage) for each in apps if isinstance(each.stage, Unknown))


def _pipeline(graph: Graph) -> Iterator[Span]:
    """Where workflows migrate a database that is not the job's own."""
    for job in graph.all(Job):
        activities = [activity for step in job.steps for activity in step.activities]
        if job.services or any(isinstance(activity, ComposeUp) for activity in activities):
            continue
        for activity in activities:
            if isinstance(activity, Migrate) and not activity.push:
                yield activity.span


def _starts_tasks(graph: Graph) -> bool:
    """Whether a workflow starts a task of ECS, by a command or by the input `run-task` of an action."""
    steps = [step for job in graph.all(Job) for step in job.steps]
    return any(command.does("run-task") for step in steps for command in step.commands) or any(
        each.key.startswith("run-task") and isinstance(each.value, Known) and each.value.value == "true"
        for step in steps
        for each in step.inputs
    )


def _for_development(path: str) -> bool:
    """Whether a Dockerfile is for development or tests by its path."""
    return is_for_tests(path) or any(environment(word) in ("dev", "local") for word in words_of(path))
