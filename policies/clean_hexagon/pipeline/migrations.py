"""What is migrated locally is migrated in the cloud, by Terraform (HEX610, HEX611)."""

from collections.abc import Iterator

from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    ComposeUp,
    Container,
    Database,
    Deploy,
    Finding,
    Fix,
    Graph,
    Job,
    Known,
    Migrate,
    MigrationRunner,
    Migrations,
    Node,
    Outcomes,
    Package,
    Role,
    Service,
    Severity,
    Side,
    Span,
    Stage,
    Unknown,
    UnreadModule,
    family,
    is_for_tests,
    known,
    migrations_called,
    rule,
    speaks_of_development,
    undecided,
)


@rule(
    "HEX610",
    mandate="6.4",
    severity=Severity.ERROR,
    remedy="Run the migrations from Terraform, with triggers that hash their folder, or from the job that deploys.",
    precision="medium",
    message={
        "default": "Nothing in Terraform runs the '{tool}' migrations in '{directory}' against [the cloud](1).",
        "pipeline": (
            "Only [the pipeline](1) runs the '{tool}' migrations in '{directory}'. "
            "Terraform must run them, or schema.tf_only be set to false."
        ),
        "build": (
            "[The build of an image](1) runs the '{tool}' migrations in '{directory}', and nothing does when what was "
            "built is deployed."
        ),
        "unhashed": "'{runner}' runs the migrations in '{directory}', but no trigger tells it that they [changed](1).",
        "unstarted": "'{runner}' can run the migrations in '{directory}', but nothing ever starts it.",
    },
)
def migrations_not_in_terraform(graph: Graph, options: Options) -> Outcomes:
    """The repository has schema migrations, but nothing in Terraform runs them in the cloud.

    Locally the schema is migrated by a script that everybody knows; in the cloud by whoever remembers. The code then
    meets a column that is not there, which no test against a freshly migrated database can show.

    Asked where the cloud side has a relational database or a service, for each migrations directory. A runner is a task
    definition whose command migrates together with something that starts it (`run-task`), a `terraform_data` or
    `null_resource` whose triggers hash the directory or change at every apply, or an image that migrates when it
    starts: by its entrypoint, its command, an init container, a package script, or its own code, as far as it calls EF
    Core, TypeORM, sqlx, Alembic and their like in the usual place. Flyway and Liquibase as dependencies of a JVM
    application migrate at start-up too. A runner with no such trigger runs once and never again: a warning, at the
    runner, once for all it may run. A start script that cannot be read leaves the question undecided, and so do a tool
    that is made to be called by the application's own code, such as sqlx or TypeORM, and an image of which it is not
    known whether it is built from the Dockerfile that migrates.

    A `RUN` of a Dockerfile that migrates does so when an image is built, against whatever database the build sees, and
    not when it is deployed.

    A workflow that migrates is not enough by mandate 6.4, and the message says so; `schema.tf_only: false` accepts it.
    A migration in a job that runs its own database, by Compose or service containers, is a test's.
    """
    cloud = next(_migrated(graph), None)
    running = [each for each in graph.containers(side=Side.CLOUD) if each.role is not Role.FUNCTION] or _images(graph)
    migrating = [each for each in running if _migrates(each)]
    seen: set[str] = set()
    for migrations in graph.all(Migrations) if cloud is not None else ():
        yield Compared(migrations)
        started = (each.role is Role.APP or each.is_composed or each.starts_with_others for each in migrating)
        if cloud is None or any(started):
            continue  # an application migrates when it starts; Compose and Kubernetes start such jobs with it
        tasks = [each for each in migrating if each.role is Role.JOB]
        for outcome in _judged(graph, migrations, cloud, tasks, options):
            if outcome.subject.id not in seen:
                seen.add(outcome.subject.id)
                yield outcome


def _judged(graph: Graph, migrations: Migrations, cloud: Node, tasks: list[Container], options: Options) -> Outcomes:
    """What is wrong with the migrations of one directory. `tasks` are the containers of the cloud that migrate."""
    directory, pipeline = migrations.directory, next(_pipeline(graph), None)
    runners = [each for each in graph.all(MigrationRunner) if each.directory in ("", directory)]
    runners.sort(key=lambda each: not isinstance(each.hashed, Known))  # first what has triggers to add to
    contained = any(graph.get(Service, runner.id.removesuffix("/migrations")) is not None for runner in runners)
    java = any(package.ecosystem == "java" for package in graph.all(Package))
    if (
        any(isinstance(runner.hashed, Known) and runner.hashed.value for runner in runners)
        or (java and migrations_called(migrations.tool) == "start")
        or (pipeline is not None and not options.tf_only)
        or ((tasks or contained) and _starts_tasks(graph))
    ):
        return
    unknown = next((runner for runner in runners if isinstance(runner.hashed, Unknown)), None)
    if unknown is not None:
        yield from undecided(unknown, unknown.hashed)
    elif runners or tasks:
        subject = runners[0] if runners else tasks[0].node
        how = "start it with `aws ecs run-task` from a terraform_data whose triggers hash the directory"
        yield Finding(
            subject=subject,
            at=runners[0].hashed if runners else subject,
            variant="unhashed" if runners else "unstarted",
            severity=Severity.WARNING,
            args={"runner": subject.name, "directory": directory},
            related=(migrations,) if runners else (),
            fix=Fix(f"hash the files of {directory} with filesha256 in its triggers" if runners else how),
        )
    elif migrations_called(migrations.tool) == "code":  # which the graph does not hold
        reason = f"code may run the {migrations.tool} migrations when the application starts"
        yield from undecided(migrations, Unknown(reason, migrations.span))
    elif (unread := next(_unread(graph), None)) is not None:
        yield from undecided(*unread)
    else:
        args = {"tool": migrations.tool, "directory": directory}
        fix = Fix("add a terraform_data that runs them, with triggers that hash the directory")
        built = next(_while_building(graph), None)
        variant, related = ("default", cloud) if pipeline is None else ("pipeline", pipeline)
        if pipeline is None and built is not None:
            variant, related = "build", built
        yield Finding(
            subject=migrations,
            at=migrations,
            variant=variant,
            args=args,
            related=(related,),
            fix=fix,
            convention=variant == "pipeline" and not options.schema,
        )


def _migrated(graph: Graph) -> Iterator[Node]:
    """What Terraform must migrate: a relational database of the cloud, else a service; not what Compose runs there."""
    composed = {each.id for each in graph.containers(side=Side.CLOUD) if each.is_composed_in_production}
    for database in graph.all(Database, side=Side.CLOUD):
        relational = not isinstance(database.engine, Known) or family(database.engine.value) == "relational"
        if database.flavour and relational and database.service not in composed:
            yield database
    yield from (app for app in graph.apps(Side.CLOUD) if app.id not in composed)


def _migrates(container: Container) -> bool:
    return any(command.does("migrate") for command in container.commands)


def _images(graph: Graph) -> list[Container]:
    """What the Dockerfiles that are not for development start: what may run where the files do not show who runs it."""
    stages = (stage for stage in graph.all(Stage) if stage.last and not is_for_tests(stage.dockerfile))
    return [graph.container(stage) for stage in stages if not speaks_of_development(stage.dockerfile)]


def _unread(graph: Graph) -> Iterator[tuple[Node, Unknown]]:
    """The applications in the cloud that may migrate unseen: by a start script, or by the Dockerfile they come from."""
    apps = list(graph.containers(side=Side.CLOUD, role=Role.APP))
    yield from ((each.node, each.gap) for each in apps if each.gap is not None)
    for module in graph.all(UnreadModule):
        yield module, Unknown(f"what '{module.name}' makes is not in the repository", module.span)
    if any(map(_migrates, _images(graph))):
        yield from ((each.node, each.stage) for each in apps if isinstance(each.stage, Unknown))


def _pipeline(graph: Graph) -> Iterator[Span]:
    """Where workflows migrate a database that is not the job's own."""
    for job in graph.all(Job):
        activities = [each.activity for each in job.happenings]
        if not job.services and not any(isinstance(each, ComposeUp) for each in activities):
            yield from (each.span for each in activities if isinstance(each, Migrate) and not each.push)


def _while_building(graph: Graph) -> Iterator[Span]:
    """Where Dockerfiles that are not for development or tests migrate while an image is built."""
    for stage in graph.all(Stage):
        if not (is_for_tests(stage.dockerfile) or speaks_of_development(stage.dockerfile)):
            yield from (command.span for command in stage.runs if command.does("migrate"))


def _starts_tasks(graph: Graph) -> bool:
    """Whether a workflow starts a task of ECS, by a command or by the input `run-task` of an action."""
    inputs = (each for job in graph.all(Job) for step in job.steps for each in step.inputs)
    asked = (each for each in inputs if each.key.startswith("run-task"))
    return any(command.does("run-task") for command in graph.commands()) or any(
        known(each.value, "") == "true" for each in asked
    )


@rule(
    "HEX611",
    mandate="6.4",
    severity=Severity.ERROR,
    remedy="Write migrations, and apply them in the pipeline.",
    message={
        "default": "'{job}' changes the schema with '{tool}' from the model, past the migrations.",
        "start": "'{job}' changes the schema with '{tool}' from the model whenever it starts.",
    },
)
def schema_push(graph: Graph, _: Options) -> Outcomes:
    """The schema is pushed from the model instead of being migrated.

    A push compares the database with the model and does what makes them equal, also by dropping columns. It keeps no
    history, so what the gate tested was never what the migrations make of the cloud's database.

    Reported where `prisma db push`, `migrate dev`, `drizzle-kit push` and their like run in a workflow or when a
    deployed container starts. In a job that only tests, with a database of its own or without one, it is a warning.
    """
    seen: set[Span] = set()
    for job in graph.all(Job):
        pushes = [each for each in job.happenings if isinstance(each.activity, Migrate)]
        if pushes:
            yield Compared(job)
        for each in pushes:
            if not isinstance(each.activity, Migrate) or not each.activity.push or each.span in seen:
                continue
            seen.add(each.span)
            gated = any(isinstance(other.activity, ComposeUp | Deploy) for other in job.happenings)
            tests = bool(job.services) or any(command.does("test") for step in job.steps for command in step.commands)
            severity = None if gated or not tests else Severity.WARNING
            args = {"job": job.name, "tool": each.activity.tool}
            yield Finding(subject=job, at=each, severity=severity, args=args, fix=_MIGRATE)
    for container in graph.deployed():
        if isinstance(container.node, Service) and container.commands:
            yield Compared(container.node)
        for command in container.commands:
            deed = next((each for each in command.deeds if each.kind == "push-schema"), None)
            if deed is not None and command.span not in seen:
                seen.add(command.span)
                args = {"job": container.name, "tool": deed.tool}
                yield Finding(subject=container.node, at=command, variant="start", args=args, fix=_MIGRATE)


_MIGRATE = Fix("write a migration, and apply the migrations")
