from __future__ import annotations

import pytest
from clean_hexagon import pipeline
from clean_hexagon.options import Options
from msgspec import convert
from msgspec.structs import replace

from policyengine.api import (
    Absent,
    Activity,
    Command,
    ComposeUp,
    Database,
    Dependency,
    Deploy,
    EndToEnd,
    Finding,
    Job,
    Known,
    Migrate,
    MigrationRunner,
    Migrations,
    Node,
    Outcome,
    Package,
    Put,
    Role,
    Service,
    ShellCommand,
    Side,
    Span,
    Step,
    Trigger,
    Undecided,
    Unknown,
    Value,
    Variable,
    Version,
    Word,
    Workflow,
)
from tests.policies.linked import linked, said

CI = ".github/workflows/ci.yml"


def at(start: int, path: str = CI) -> Span:
    return Span(path, start, start + 4)


UP = ComposeUp(span=at(100), wait=True, detached=True)
E2E = EndToEnd(span=at(200), runner="playwright")
APPLY = Deploy(span=at(300), tool="terraform")
PUSH = Deploy(span=at(400), tool="ecr-push")


def command(line: str) -> ShellCommand:
    return ShellCommand(tuple(Word(word, at(0)) for word in line.split()), at(0))


def step(
    *activities: Activity, run: str = "", uses: str = "", gap: Unknown | None = None, builds: tuple[str, ...] = ()
) -> Step:
    return Step(
        index=0,
        name="",
        span=at(50),
        uses=Known(uses, at(50)) if uses else Absent(at(50)),
        commands=(command(run),) if run else (),
        activities=activities,
        builds=builds,
        gap=gap,
    )


def job(name: str, *steps: Step, needs: tuple[str, ...] = (), path: str = CI, **more: object) -> Job:
    condition = more.get("condition")
    gap = more.get("gap")
    return Job(
        id=f"github:{path}#{name}",
        name=name,
        side=Side.PIPELINE,
        span=at(10, path),
        workflow=path,
        steps=steps,
        needs=tuple(f"github:{path}#{each}" for each in needs),
        needs_span=Span(path, 20, 20 + len(needs[0])) if needs else None,
        condition=Known(condition, at(30, path)) if isinstance(condition, str) else None,
        gap=gap if isinstance(gap, Unknown) else None,
    )


def workflow(
    *jobs: Job, on: tuple[str, ...] = ("push",), path: str = CI, name: str = "CI", follows: str = ""
) -> tuple[Node, ...]:
    triggers = tuple(Trigger(event, at(5, path), workflows=(follows,) if follows else ()) for event in on)
    node = Workflow(
        id=f"github:{path}",
        name=name,
        side=Side.PIPELINE,
        span=at(0, path),
        path=path,
        triggers=triggers,
        jobs=tuple(each.id for each in jobs),
    )
    return node, *jobs


def service(name: str, *words: str, role: Role = Role.APP, side: Side = Side.LOCAL) -> Service:
    return Service(
        id=f"{side}:{name}",
        name=name,
        side=side,
        span=at(0, "docker-compose.yml"),
        role=role,
        group="stack",
        image=Absent(at(0)),
        build=None,
        entrypoint=Absent(at(0)),
        command=Known(Command(words), at(40, "ecs.tf")) if words else Absent(at(0)),
        user=Absent(at(0)),
        environment=(),
    )


STACK = service("app")


def results(*nodes: Node, given: Options | None = None) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for rule in pipeline.RULES:
        outcomes: list[Outcome] = said(rule.check(linked(*nodes), given or Options()))
        for each in outcomes:
            if isinstance(each, Finding):
                assert rule.text(each)
        if outcomes:
            found[rule.id] = outcomes
    return found


def variants(*nodes: Node, given: Options | None = None) -> dict[str, list[str]]:
    return {
        rule: [each.variant if isinstance(each, Finding) else "undecided" for each in outcomes]
        for rule, outcomes in results(*nodes, given=given).items()
    }


GATE = job("gate", step(UP), step(E2E))


@pytest.mark.parametrize(
    "line",
    [
        "npm test",
        "pnpm run test:unit",
        "npx vitest run",
        "go test ./...",
        "./gradlew build",
        "mvn -B verify",
        "pytest -q",
        "bundle exec rspec",
        "cargo nextest run",
        "uv run pytest",
        "python -m pytest",
        "make test",
        "docker build .",
        "python manage.py test",
        "bin/rails test",
        "yarn build",
        "dotnet test",
        "docker compose build",
        "infisical run --env=ci -- npx vitest run",
        "timeout 600 npx vitest run",
        "npx cross-env CI=1 vitest run",
        "doppler run -- vitest run",
    ],
)
def test_a_workflow_that_builds_or_tests_needs_the_gate(line: str) -> None:
    assert variants(STACK, *workflow(job("unit", step(run=line)))) == {"HEX601": ["default"]}


@pytest.mark.parametrize(
    "line",
    ["npm ci", "npm run lint", "npx tsc --noEmit", "terraform plan", "npx playwright install", "echo test", "ruff ."],
)
def test_a_workflow_that_only_looks_at_the_text_needs_none(line: str) -> None:
    assert variants(STACK, *workflow(job("lint", step(run=line)))) == {}


def test_a_deployment_without_a_gate_names_what_follows() -> None:
    assert variants(STACK, *workflow(job("deploy", step(APPLY)))) == {"HEX601": ["deploys"]}


@pytest.mark.parametrize("path", ["codeql-analysis.yml", "labeler.yml", "deploy-docs.yaml", "dependency-review.yml"])
def test_workflows_about_something_else_need_none(path: str) -> None:
    path = f".github/workflows/{path}"
    assert variants(STACK, *workflow(job("x", step(run="npm test"), path=path), path=path)) == {}


def test_the_house_may_leave_workflows_out() -> None:
    given = convert({"ci": {"ignore_workflows": ["c?.yml"]}}, Options)
    assert variants(STACK, *workflow(job("x", step(APPLY))), given=given) == {}


def test_a_library_with_a_test_database_has_no_system_to_bring_up() -> None:
    database = service("db", role=Role.DATABASE)
    nodes = workflow(job("unit", step(run="npm test")))
    assert variants(database, *nodes) == {}
    assert variants(database, service("web", side=Side.CLOUD), *nodes) == {"HEX601": ["default"]}
    assert variants(*nodes) == {}


@pytest.mark.parametrize(
    ("scope", "on", "steps", "expected"),
    [
        ("all", ("schedule",), (step(run="npm run lint"),), True),
        ("all", ("workflow_call",), (step(run="npm test"),), False),
        ("push_pr", ("schedule",), (step(run="npm test"),), False),
        ("push_pr", ("merge_group",), (step(run="npm test"),), True),
        ("deploy", ("push",), (step(run="npm test"),), False),
        ("deploy", ("push",), (step(APPLY),), True),
    ],
)
def test_the_scope_of_the_gate(scope: str, on: tuple[str, ...], steps: tuple[Step, ...], expected: bool) -> None:
    given = convert({"ci": {"gate": {"scope": scope}}}, Options)
    assert ("HEX601" in variants(STACK, *workflow(job("x", *steps), on=on), given=given)) is expected


HIDDEN = Unknown("the script ci/run.sh is not in the repository", at(60))


@pytest.mark.parametrize(
    ("hiding", "expected"),
    [
        (step(gap=HIDDEN), "undecided"),
        (step(uses="acme/compose-up@v1", gap=HIDDEN), "undecided"),
        (step(uses="actions/checkout@v4", gap=HIDDEN), "default"),
    ],
)
def test_what_cannot_be_read_may_hide_the_gate(hiding: Step, expected: str) -> None:
    assert variants(STACK, *workflow(job("x", hiding, step(run="npm test")))) == {"HEX601": [expected]}


def test_a_remote_reusable_workflow_may_hide_the_gate() -> None:
    assert variants(STACK, *workflow(job("x", step(run="npm test"), gap=HIDDEN))) == {"HEX601": ["undecided"]}


def test_literal_mode_wants_the_gate_first() -> None:
    given = convert({"ci": {"gate": {"literal": True}}}, Options)
    late = job("gate", step(uses="actions/checkout@v4"), step(run="npm test"), step(UP), step(E2E))
    prompt = job("gate", step(uses="actions/checkout@v4"), step(UP), step(E2E), step(run="npm test"))
    assert variants(STACK, *workflow(late), given=given) == {"HEX601": ["late"]}
    assert variants(STACK, *workflow(prompt), given=given) == {}


@pytest.mark.parametrize(
    "uses",
    [
        "actions/checkout@v4",
        "actions/setup-node@v4",
        "docker/login-action@v3",
        "aws-actions/configure-aws-credentials@v4",
        "aws-actions/amazon-ecr-login@v2",
        "actions/cache@v4",
        "docker/build-push-action@v6",
        "docker/bake-action@v5",
        "docker/setup-qemu-action@v3",
        "acme/ecr@v1",
        "acme/qemu@v1",
        "acme/bake@v1",
        "acme/credentials@v1",
        "Acme/SETUP@v1",
    ],
)
def test_in_literal_mode_preparations_may_come_before_the_gate(uses: str) -> None:
    given = convert({"ci": {"gate": {"literal": True}}}, Options)
    assert variants(STACK, *workflow(job("gate", step(uses=uses), step(UP), step(E2E))), given=given) == {}


@pytest.mark.parametrize("uses", ["actions/upload-artifact@v4", "acme/lint@v1", "codecov/codecov-action@v5"])
def test_in_literal_mode_other_actions_may_not(uses: str) -> None:
    given = convert({"ci": {"gate": {"literal": True}}}, Options)
    early = workflow(job("gate", step(uses=uses), step(UP), step(E2E)))
    assert variants(STACK, *early, given=given) == {"HEX601": ["late"]}


@pytest.mark.parametrize(
    ("hiding", "expected"),
    [
        *(
            (step(uses=f"acme/{name}@v1", gap=HIDDEN), "undecided")
            for name in ("compose", "E2E", "end-to-end", "integration", "playwright", "cypress")
        ),
        *((step(uses=f"acme/{name}@v1", gap=HIDDEN), "default") for name in ("docker", "stack", "start", "lint")),
        *(
            (step(gap=replace(HIDDEN, about=name)), "undecided")
            for name in (
                "e2e.sh", "end.sh", "integration", "compose.sh", "docker.sh", "stack", "bin/up", "start-all", "test.sh",
                "run-ci", "playwright.sh", "cypress",
            )
        ),
        *((step(gap=replace(HIDDEN, about=name)), "default") for name in ("setup.sh", "cite.sh", "generate", "lint.sh")),
    ],
)  # fmt: skip
def test_what_cannot_be_read_may_hide_the_gate_by_its_name(hiding: Step, expected: str) -> None:
    assert variants(STACK, *workflow(job("x", hiding, step(run="npm test")))) == {"HEX601": [expected]}


@pytest.mark.parametrize(
    ("jobs", "variant"),
    [
        ((job("gate", step(UP), step(E2E)),), None),
        ((job("gate", step(UP, E2E)),), None),
        ((job("gate", step(UP)),), "default"),
        ((job("gate", step(UP), step(EndToEnd(span=at(1), runner="cypress"))),), "other"),
        ((job("gate", step(E2E), step(UP)),), "before"),
        ((job("gate", step(UP)), job("e2e", step(E2E), needs=("gate",))), "elsewhere"),
        ((job("gate", step(UP), step(gap=HIDDEN)),), "undecided"),
        ((job("gate", step(gap=HIDDEN), step(UP)),), "default"),
        ((job("unit", step(UP)), job("gate", step(UP), step(E2E))), None),
    ],
)
def test_the_tests_run_where_the_stack_is(jobs: tuple[Job, ...], variant: str | None) -> None:
    assert variants(STACK, *workflow(*jobs)) == ({} if variant is None else {"HEX602": [variant]})


def test_a_service_of_the_stack_may_be_the_test_run() -> None:
    up = ComposeUp(span=at(100), services=("e2e",))
    tests = service("e2e", "npx", "playwright", "test", role=Role.TOOL)
    assert variants(STACK, tests, *workflow(job("gate", step(up)))) == {"HEX603": ["default"]}
    needing = replace(tests, depends_on=(Dependency("app", at(1)),))
    assert variants(STACK, needing, *workflow(job("gate", step(up)))) == {}


def test_the_runner_is_the_house_s() -> None:
    given = convert({"ci": {"gate": {"runner": "cypress"}}}, Options)
    cypress = EndToEnd(span=at(200), runner="cypress")
    assert variants(STACK, *workflow(job("gate", step(UP), step(cypress))), given=given) == {}


@pytest.mark.parametrize(
    ("jobs", "variant"),
    [
        ((GATE, job("deploy", step(APPLY), needs=("gate",))), None),
        ((GATE, job("ok", needs=("gate",)), job("deploy", step(APPLY), needs=("ok",))), None),
        ((GATE, job("deploy", step(APPLY))), "default"),
        ((GATE, job("types"), job("deploy", step(APPLY), needs=("types",))), "default"),
        ((job("gate", step(UP), step(E2E), step(APPLY)),), None),
        ((job("gate", step(UP), step(APPLY), step(E2E)),), "early"),
        ((job("gate", step(PUSH), step(UP), step(E2E)),), None),
        ((job("image", step(PUSH)), job("gate", step(UP), step(E2E), needs=("image",))), None),
        ((GATE, job("image", step(PUSH))), "default"),
    ],
)
def test_a_deployment_waits_for_the_gate(jobs: tuple[Job, ...], variant: str | None) -> None:
    assert variants(STACK, *workflow(*jobs)) == ({} if variant is None else {"HEX605": [variant]})


def test_the_fix_adds_the_gate_to_what_is_needed() -> None:
    nodes = workflow(GATE, job("types"), job("deploy", step(APPLY), needs=("types",)))
    (finding,) = results(STACK, *nodes)["HEX605"]
    assert isinstance(finding, Finding)
    assert finding.fix is not None
    assert finding.fix.edits == (Put(finding.subject.span, ("needs", "-"), "gate"),)


OTHER = ".github/workflows/deploy.yml"


@pytest.mark.parametrize(
    ("on", "condition", "follows", "expected"),
    [
        (("workflow_dispatch",), None, "", ["workflow"]),
        (("release",), None, "", ["workflow"]),
        (("workflow_call",), None, "", None),
        (("workflow_run",), None, "CI", ["unchecked"]),
        (("workflow_run",), "github.event.workflow_run.conclusion == 'success'", "CI", None),
        (("workflow_run",), None, "Elsewhere", ["undecided"]),
    ],
)
def test_a_second_workflow_is_no_way_around(
    on: tuple[str, ...], condition: str | None, follows: str, expected: list[str] | None
) -> None:
    deploy = job("deploy", step(APPLY), path=OTHER, condition=condition)
    nodes = [*workflow(GATE), *workflow(deploy, on=on, path=OTHER, name="Deploy", follows=follows)]
    assert variants(STACK, *nodes) == ({} if expected is None else {"HEX605": expected})


def test_a_deployment_that_follows_a_workflow_without_a_gate_has_its_cause_there() -> None:
    first = workflow(job("unit", step(run="npm test")))
    second = workflow(
        job("deploy", step(APPLY), path=OTHER), on=("workflow_run",), path=OTHER, name="Deploy", follows="CI"
    )
    assert variants(STACK, *first, *second) == {"HEX601": ["default"]}


def test_a_dispatch_that_skips_the_gate_is_a_bypass() -> None:
    gate = job("gate", step(UP), step(E2E), condition="github.event_name == 'push'")
    deploy = job("deploy", step(APPLY), needs=("gate",), condition="always() && github.ref == 'refs/heads/main'")
    assert variants(STACK, *workflow(gate, deploy, on=("push", "workflow_dispatch"))) == {"HEX605": ["dispatch"]}
    assert variants(STACK, *workflow(gate, deploy, on=("push",))) == {"HEX604": ["anyway"]}


MIGRATIONS = Migrations(
    id="migrations:prisma/migrations",
    name="prisma/migrations",
    side=Side.SOURCE,
    span=at(0, "prisma/migrations/1/migration.sql"),
    directory="prisma/migrations",
    tool="prisma",
    files=(),
)
CLOUD = Database(
    id="terraform:aws_db_instance.main",
    name="main",
    side=Side.CLOUD,
    span=at(0, "rds.tf"),
    engine=Known("postgres", at(0)),
    version=Known(Version(16, 4), at(0)),
)


def runner(hashed: Value[bool], directory: str = "") -> MigrationRunner:
    return MigrationRunner(
        id="terraform:terraform_data.migrate",
        name="terraform_data.migrate",
        side=Side.CLOUD,
        span=at(0, "migrate.tf"),
        tool="prisma",
        hashed=hashed,
        directory=directory,
    )


def task(*words: str, role: Role = Role.JOB) -> Service:
    return service("migrate", *words, role=role, side=Side.CLOUD)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ((), "default"),
        ((runner(Known(value=True, span=at(0))),), None),
        ((runner(Known(value=False, span=at(0))),), "unhashed"),
        ((runner(Absent(at(0))),), "unhashed"),
        ((runner(Unknown("the triggers come from a module", at(0))),), "undecided"),
        ((runner(Known(value=True, span=at(0)), "drizzle"),), "default"),
        ((task("npx", "prisma", "migrate", "deploy"),), "unstarted"),
        ((task("npx", "prisma", "migrate", "deploy"), *workflow(job("x", step(run="aws ecs run-task")))), None),
        ((task("sh", "-c", "npx prisma migrate deploy && node server.js", role=Role.APP),), None),
        ((task("./entrypoint.sh", role=Role.APP),), "undecided"),
        ((task("node", "server.js", role=Role.APP),), "default"),
        (workflow(job("deploy", step(Migrate(span=at(9), tool="prisma")))), "pipeline"),
        (workflow(job("gate", step(UP, Migrate(span=at(9), tool="prisma")))), "default"),
    ],
)
def test_migrations_run_from_terraform(nodes: tuple[Node, ...], expected: str | None) -> None:
    assert variants(MIGRATIONS, CLOUD, *nodes) == ({} if expected is None else {"HEX610": [expected]})


@pytest.mark.parametrize(
    ("tool", "expected"), [("sqlx", "undecided"), ("typeorm", "undecided"), ("alembic", "default")]
)
def test_migrations_that_code_may_run_are_undecided(tool: str, expected: str) -> None:
    assert variants(replace(MIGRATIONS, tool=tool), CLOUD) == {"HEX610": [expected]}


def test_a_runner_of_several_directories_is_reported_once() -> None:
    other = replace(MIGRATIONS, id="migrations:other", directory="other")
    assert variants(MIGRATIONS, other, CLOUD, runner(Absent(at(0)))) == {"HEX610": ["unhashed"]}


def test_the_pipeline_will_do_when_the_house_says_so() -> None:
    nodes = workflow(job("deploy", step(Migrate(span=at(9), tool="prisma"))))
    assert variants(MIGRATIONS, CLOUD, *nodes, given=convert({"schema": {"tf_only": False}}, Options)) == {}


def test_without_a_cloud_side_there_is_nothing_to_migrate() -> None:
    assert variants(MIGRATIONS) == {}


def test_a_package_script_is_followed() -> None:
    start = Variable("start", at(0), Known("prisma migrate deploy && next start", at(0)))
    package = Package(
        id="npm:.",
        name="app",
        side=Side.SOURCE,
        span=at(0),
        path="package.json",
        directory=".",
        ecosystem="npm",
        scripts=(start,),
    )
    assert variants(MIGRATIONS, CLOUD, package, task("npm", "start", role=Role.APP)) == {}


def test_an_undecided_question_names_its_subject() -> None:
    subject = task("./entrypoint.sh", role=Role.APP)
    (outcome,) = results(MIGRATIONS, CLOUD, subject)["HEX610"]
    assert outcome == Undecided(subject, at(40, "ecs.tf"), "what the start script does is not known")
