"""Schema changes of side 6: what is migrated locally is migrated in the cloud, by Terraform."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.api import (
    Absent,
    Command,
    ComposeUp,
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
    Value,
    family,
    regex,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import Node, Span

_MIGRATES = regex(
    r"prisma(?:@\S+)?\s+migrate\s+deploy|drizzle-kit\s+migrate|alembic\s+(?:\S+\s+)*upgrade|db:(?:migrate|prepare)\b"
    r"|manage\.py\s+migrate|knex\s+(?:\S+\s+)*migrate|typeorm\s+(?:\S+\s+)*migration:run|sequelize\S*\s+db:migrate"
    r"|flyway\s+(?:\S+\s+)*migrate|liquibase\s+(?:\S+\s+)*update|dbmate\s+(?:\S+\s+)*up|goose\s+(?:\S+\s+)*up"
    r"|\bmigrate\s+(?:\S+\s+)*up\b|atlas\s+migrate\s+apply|node-pg-migrate\s+(?:\S+\s+)*up|supabase\s+db\s+push"
    r"|flask\s+db\s+upgrade|artisan\s+migrate|doctrine:migrations:migrate|sqlx\s+migrate\s+run|diesel\s+migration\s+run"
    r"|ef\s+database\s+update|ecto\.migrate|mikro-orm\s+migration:up|\b(?:run|db)[-_:]?migrat(?:e|ions?)\b",
)
_SCRIPT = regex(r"(?:npm|pnpm|yarn|bun)\s+(?:run(?:-script)?\s+)?([\w:.-]+)")
_OFFICIAL = regex(r"\Adocker-entrypoint\.sh(?=\s|\Z)")
"""The entrypoint that Docker's official images have on their PATH; it starts what it is given."""

_SHELL_FILE = regex(r"(?:\A|[\s/])([\w.-]+\.(?:sh|bash))(?=\s|\Z)")
_DEVELOPMENT = regex(r"(?:^|[/._-])(?:dev|develop|development|local|test|ci|devcontainer)(?:[/._-]|$)", re.IGNORECASE)
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
    cloud = next(_cloud(graph), None)
    if cloud is None:
        return
    seen: set[str] = set()
    for migrations in graph.all(Migrations):
        for outcome in _judged(graph, migrations, cloud, options):
            if outcome.subject.id not in seen:
                seen.add(outcome.subject.id)
                yield outcome


def _judged(graph: Graph, migrations: Migrations, cloud: Node, options: Options) -> Iterator[Outcome]:
    args: dict[str, object] = {"tool": migrations.tool, "directory": migrations.directory}
    runners = [runner for runner in graph.all(MigrationRunner) if _fits(runner, migrations)]
    if any(isinstance(runner.hashed, Known) and runner.hashed.value for runner in runners):
        return
    if _at_start(graph, migrations):
        return
    in_pipeline = next(_pipeline(graph), None)
    if in_pipeline is not None and not options.schema.tf_only:
        return
    tasks = [service for service in _services(graph) if service.role is Role.JOB and _migrates(graph, service)]
    contained = any(graph.get(Service, runner.id.removesuffix("/migrations")) is not None for runner in runners)
    if (tasks or contained) and _run_task(graph):
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
            subject=tasks[0],
            at=tasks[0],
            variant="unstarted",
            severity=Severity.WARNING,
            args={"runner": tasks[0].name, "directory": migrations.directory},
            fix=Fix("start it with `aws ecs run-task` from a terraform_data whose triggers hash the directory"),
        )
    elif migrations.tool in _BY_CODE:
        reason = f"code may run the {migrations.tool} migrations when the application starts"
        yield from undecided(migrations, Unknown(reason, migrations.span))
    elif (script := next(_unread(graph), None) or next(_may_be_built_from(graph), None)) is not None:
        yield from undecided(*script)
    else:
        yield Finding(
            subject=migrations,
            at=migrations,
            variant="default" if in_pipeline is None else "pipeline",
            args=args,
            related=(cloud if in_pipeline is None else in_pipeline,),
            fix=Fix("add a terraform_data that runs them, with triggers that hash the directory"),
        )


def _cloud(graph: Graph) -> Iterator[Node]:
    """What the migrations are for: a relational database of the cloud, else a service."""
    for database in graph.all(Database, side=Side.CLOUD):
        if not isinstance(database.engine, Known) or family(database.engine.value) == "relational":
            yield database
    yield from graph.apps(Side.CLOUD)


def _fits(runner: MigrationRunner, migrations: Migrations) -> bool:
    return not runner.directory or runner.directory == migrations.directory


def _services(graph: Graph) -> Iterator[Service]:
    return graph.all(Service, side=Side.CLOUD)


def _lines(graph: Graph, service: Service) -> Iterator[tuple[str, Span]]:
    """The command lines with which a container starts, package scripts resolved one step."""
    commands: list[Value[Command]] = [service.entrypoint, service.command]
    match graph.stage(service):
        case Known(stage):
            own = [stage.entrypoint, stage.command]
            commands = [
                theirs if isinstance(mine, Absent) else mine for mine, theirs in zip(commands, own, strict=True)
            ]
        case _:
            pass
    yield from _expanded(graph, commands)


def _expanded(graph: Graph, commands: list[Value[Command]]) -> Iterator[tuple[str, Span]]:
    """A command line, and that of the package scripts it names."""
    line = " ".join(str(command.value) for command in commands if isinstance(command, Known))
    if not line:
        return
    yield line, next(command.span for command in reversed(commands) if isinstance(command, Known))
    names = set(_SCRIPT.findall(line))
    for package in graph.all(Package):
        for script in package.scripts:
            if script.key in {*names, *(f"pre{name}" for name in names)} and isinstance(script.value, Known):
                yield script.value.value, script.value.span


def _migrates(graph: Graph, service: Service) -> bool:
    return any(_MIGRATES.search(line) for line, _ in _lines(graph, service))


def _at_start(graph: Graph, migrations: Migrations) -> bool:
    """Whether an application of the cloud migrates when it starts."""
    if migrations.tool in _AT_START and any(package.ecosystem == "java" for package in graph.all(Package)):
        return True
    return any(service.role is Role.APP and _migrates(graph, service) for service in _services(graph))


def _unread(graph: Graph) -> Iterator[tuple[Service, Unknown]]:
    """The start scripts of applications in the cloud whose text is not in the graph."""
    for service in graph.apps(Side.CLOUD):
        for line, span in _lines(graph, service):
            if _SHELL_FILE.search(_OFFICIAL.sub("", line)):
                yield service, Unknown("what the start script does is not known", span)


def _may_be_built_from(graph: Graph) -> Iterator[tuple[Service, Unknown]]:
    """The applications whose Dockerfile is not known, where one of the repository's migrates when it starts."""
    for stage in graph.all(Stage):
        lines = _expanded(graph, [stage.entrypoint, stage.command]) if stage.last else ()
        if not _DEVELOPMENT.search(stage.dockerfile) and any(_MIGRATES.search(line) for line, _ in lines):
            for service in graph.apps(Side.CLOUD):
                image = graph.stage(service)
                if isinstance(image, Unknown):
                    yield service, image


def _pipeline(graph: Graph) -> Iterator[Span]:
    """Where workflows migrate a database that is not the job's own."""
    for job in graph.all(Job):
        activities = [activity for step in job.steps for activity in step.activities]
        if job.services or any(isinstance(activity, ComposeUp) for activity in activities):
            continue
        for activity in activities:
            if isinstance(activity, Migrate) and not activity.push:
                yield activity.span


def _run_task(graph: Graph) -> bool:
    """Whether a workflow starts a task of ECS."""
    return any(
        "run-task" in command.argv or "run-task" in " ".join(command.argv)
        for job in graph.all(Job)
        for step in job.steps
        for command in step.commands
    ) or any(
        each.key.startswith("run-task") and isinstance(each.value, Known) and each.value.value == "true"
        for job in graph.all(Job)
        for step in job.steps
        for each in step.inputs
    )
