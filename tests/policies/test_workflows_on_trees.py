"""The gate of workflows, on small whole trees: when it is asked, what counts as it, and what may deploy."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.rules.evaluate import Report

STACK = {
    "docker-compose.yml": "services:\n  app:\n    build: .\n    ports: ['3000:3000']\n",
    "Dockerfile": 'FROM node:22\nUSER node\nCMD ["node", "server.js"]\n',
    "package.json": '{"name": "shop", "scripts": {"build": "next build"}}',
}
UP, TEST = "docker compose up -d --wait", "npx playwright test"
APPLY = "terraform apply -auto-approve"
PUSH = "docker push 123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1"


def job(*runs: str, **more: str) -> str:
    """A job's body: what stands in `more`, and a step for each script."""
    lines = ["runs-on: ubuntu-latest", *(f"{key.rstrip('_')}: {value}" for key, value in more.items()), "steps:"]
    lines += ["  - uses: actions/checkout@v5", *(f"  - run: {run}" for run in runs)]
    return "\n".join(lines)


def workflow(on: str = "push", name: str = "", **jobs: str) -> str:
    head = (f"name: {name}\n" if name else "") + f"on: {on}\njobs:\n"
    return head + "".join(f"  {key}:\n{textwrap.indent(body, '    ')}\n" for key, body in jobs.items())


def scan(root: Path, *rules: str, config: str = "", **files: str) -> Report:
    """The report of the stack with these workflows, by name (`ci` is .github/workflows/ci.yml)."""
    tree = STACK | {f".github/workflows/{name.replace('__', '-')}.yml": text for name, text in files.items()}
    if config:
        tree["policyengine.yaml"] = f"version: 1\npacks:\n  clean-hexagon:\n    {config}\n"
    report = trees.scan(root, tree, *(rules or ("HEX6",)))
    assert report.failures == ()
    return report


def told(report: Report) -> list[tuple[str, str]]:
    return [(each.rule.id, each.message) for each in report.results]


BUILD = job("npm run build")
DEFAULT = "'.github/workflows/{file}.yml' runs on '{event}' without bringing up the Compose stack."


@pytest.mark.parametrize(
    ("on", "event"),
    [
        ("push", "push"),
        ("pull_request", "pull_request"),
        ("merge_group", "merge_group"),
        ("[workflow_dispatch, push]", "push"),
        ("{push: {branches: [main]}}", "push"),
        ("{push: {branches: [main], tags: ['v*']}}", "push"),
        ("{push: {tags: ['v*']}}", ""),
        ("workflow_dispatch", ""),
        ("{schedule: [{cron: '0 3 * * *'}]}", ""),
        ("workflow_call", ""),
        ("release", ""),
        ("{pull_request: {types: [opened, synchronize]}}", "pull_request"),
        ("{pull_request: {types: [closed]}}", ""),
        ("{pull_request: {types: [labeled]}}", ""),
    ],
)
def test_a_gate_is_asked_of_what_brings_a_change(on: str, event: str, tmp_path: Path) -> None:
    found = [message for _, message in told(scan(tmp_path, "HEX601", ci=workflow(on, build=BUILD)))]
    assert [message.partition(". So")[0] + "." for message in found] == (
        [DEFAULT.format(file="ci", event=event)] if event else []
    )


@pytest.mark.parametrize(
    ("run", "asked"),
    [
        ("npm run build", True),
        ("npx vitest run", True),
        ("docker build .", True),
        ("npx prisma migrate deploy", True),
        ("npm run lint", False),
        ("echo npm run build", False),
        ("git commit -m 'npm run build'", False),
    ],
)
def test_a_gate_is_asked_of_work_on_the_system(run: str, asked: bool, tmp_path: Path) -> None:
    assert bool(told(scan(tmp_path, "HEX601", ci=workflow(work=job(run))))) is asked


@pytest.mark.parametrize("name", ["codeql", "labeler", "docs", "dependency__review", "stale", "security__audit"])
def test_a_workflow_about_something_else_needs_no_gate(name: str, tmp_path: Path) -> None:
    assert told(scan(tmp_path, "HEX601", **{name: workflow(build=BUILD)})) == []


def test_a_chore_that_deploys_needs_one_all_the_same(tmp_path: Path) -> None:
    ((rule, message),) = told(scan(tmp_path, "HEX601", docs=workflow(deploy=job(APPLY))))
    assert rule == "HEX601"
    assert message.endswith("So nothing is tested end to end (HEX602) before [this](1) deploys it (HEX605).")


@pytest.mark.parametrize(
    ("scope", "on", "runs", "asked"),
    [
        ("all", "workflow_dispatch", "npm run lint", True),
        ("all", "workflow_call", "npm run build", False),
        ("deploy", "push", "npm run build", False),
        ("deploy", "push", APPLY, True),
        ("deploy", "workflow_dispatch", APPLY, False),
        ("push_pr", "push", "npm run build", True),
    ],
)
def test_the_scope_says_of_which_workflows_a_gate_is_asked(
    scope: str, on: str, runs: str, asked: bool, tmp_path: Path
) -> None:
    report = scan(tmp_path, "HEX601", config=f"ci: {{gate: {{scope: {scope}}}}}", ci=workflow(on, work=job(runs)))
    assert bool(told(report)) is asked


@pytest.mark.parametrize(
    ("ignored", "asked"),
    [("[ci.yml]", False), ("['.github/workflows/c*']", False), ("['*.yaml']", True), ("[i.yml]", True)],
)
def test_a_workflow_that_the_house_leaves_out_is_not_asked(ignored: str, asked: bool, tmp_path: Path) -> None:
    report = scan(tmp_path, "HEX601", config=f"ci: {{ignore_workflows: {ignored}}}", ci=workflow(build=BUILD))
    assert bool(told(report)) is asked


@pytest.mark.parametrize(
    ("runs", "late"),
    [((UP, TEST), ""), (("npm ci", UP, TEST), "npm ci"), (("docker build .", UP, TEST), "")],
)
def test_in_literal_mode_the_gate_comes_before_other_work(runs: tuple[str, ...], late: str, tmp_path: Path) -> None:
    report = scan(tmp_path, "HEX601", config="ci: {gate: {literal: true}}", ci=workflow(gate=job(*runs)))
    expected = "'.github/workflows/ci.yml' brings up the Compose stack only after [other work](1)."
    assert [message for _, message in told(report)] == ([expected] if late else [])


@pytest.mark.parametrize(
    ("compose", "terraform", "asked"),
    [
        ("services:\n  db:\n    image: postgres:16\n", "", False),
        ("services:\n  db:\n    image: postgres:16\n", 'resource "aws_sqs_queue" "jobs" {\n}\n', True),
        ("services:\n  app:\n    image: acme/app:1\n", "", True),
        ("services: {}\n", 'resource "aws_sqs_queue" "jobs" {\n}\n', False),
    ],
)
def test_a_gate_needs_a_stack_that_stands_for_a_system(
    compose: str, terraform: str, asked: bool, tmp_path: Path
) -> None:
    files = {"docker-compose.yml": compose, ".github/workflows/ci.yml": workflow(build=BUILD)}
    if terraform:
        files["main.tf"] = terraform
    assert bool(told(trees.scan(tmp_path, files, "HEX601"))) is asked


CALLED_ELSEWHERE = "uses: acme/workflows/.github/workflows/gate.yml@v1"


@pytest.mark.parametrize(
    "body", [CALLED_ELSEWHERE, job("npm run build").replace("- run: npm", "- uses: ./missing/compose-up\n  - run: npm")]
)
def test_what_cannot_be_read_leaves_the_gate_open(body: str, tmp_path: Path) -> None:
    report = scan(tmp_path, "HEX601", ci=workflow(build=BUILD, other=body))
    assert told(report) == []
    assert [each.subject for each in report.undecided] == ["github:.github/workflows/ci.yml"]


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        ({"gate": job(UP, TEST)}, ""),
        ({"gate": job(f"{UP} && {TEST}")}, ""),
        ({"gate": job(UP)}, "'gate' brings up the Compose stack, but never runs 'playwright' against it."),
        ({"gate": job(TEST, UP)}, "'gate' runs ['playwright'](1) before the Compose stack is up."),
        (
            {"gate": job(UP), "e2e": job(TEST)},
            "'gate' brings up the Compose stack, but ['playwright'](1) runs in 'e2e', on another machine.",
        ),
        (
            {"gate": job(UP, "npx cypress run")},
            "'gate' brings up the Compose stack, but [tests it](1) with 'cypress' and not with 'playwright'.",
        ),
        ({"gate": job(UP), "more": job(UP, TEST)}, ""),
        (
            {"gate": job("npx cypress run", UP)},
            "'gate' brings up the Compose stack, but never runs 'playwright' against it.",
        ),
    ],
)
def test_playwright_runs_against_the_stack_in_the_same_job(jobs: dict[str, str], message: str, tmp_path: Path) -> None:
    assert told(scan(tmp_path, "HEX602", ci=workflow(**jobs))) == ([("HEX602", message)] if message else [])


def test_an_unread_script_may_test_the_stack(tmp_path: Path) -> None:
    report = scan(tmp_path, "HEX602", ci=workflow(gate=job(UP, "./e2e.sh")))
    assert told(report) == []
    assert [each.rule for each in report.undecided] == ["HEX602"]


GATE = job(UP, TEST)


@pytest.mark.parametrize(
    ("on", "jobs", "message"),
    [
        ("push", {"gate": GATE, "ship": job(APPLY, needs="gate")}, ""),
        ("push", {"gate": GATE, "ok": job("true", needs="gate"), "ship": job(APPLY, needs="[ok]")}, ""),
        ("push", {"gate": job(UP, TEST, APPLY)}, ""),
        ("push", {"gate": job(APPLY, UP, TEST)}, "'gate' [deploys](1) before [its own tests](2) have passed."),
        ("push", {"gate": GATE, "ship": job(APPLY)}, "'ship' [deploys](1) without waiting for [the gate](2)."),
        (
            "push",
            {"gate": GATE, "lint": BUILD, "ship": job(APPLY, needs="lint")},
            "'ship' [deploys](1) without waiting for [the gate](2).",
        ),
        ("push", {"image": job(PUSH), "gate": job(UP, TEST, needs="image")}, ""),
        (
            "push",
            {"image": job(PUSH), "gate": GATE},
            "'image' [deploys](1) without waiting for [the gate](2).",
        ),
        (
            "push",
            {"first": job(APPLY), "gate": job(UP, TEST, needs="first")},
            "'first' [deploys](1) without waiting for [the gate](2).",
        ),
        (
            "workflow_dispatch",
            {"ship": job(APPLY)},
            "'ship' [deploys](1) in a workflow without a gate, which 'workflow_dispatch' starts.",
        ),
        ("{push: {tags: ['v*']}}", {"gate": GATE, "ship": job(APPLY, needs="gate")}, ""),
        (
            "[push, workflow_dispatch]",
            {
                "gate": job(UP, TEST, if_="github.event_name != 'workflow_dispatch'"),
                "ship": job(APPLY, needs="gate", if_="always()"),
            },
            "'ship' [deploys](1) on workflow_dispatch even when [the gate](2) is skipped.",
        ),
        (
            "[push, workflow_dispatch]",
            {
                "gate": job(UP, TEST, if_="github.event_name == 'push'"),
                "ship": job(APPLY, needs="gate", if_="always() && needs.gate.result == 'success'"),
            },
            "",
        ),
        (
            "[push, workflow_dispatch]",
            {"gate": job(UP, TEST, if_="github.event_name == 'push'"), "ship": job(APPLY, needs="gate")},
            "",
        ),
    ],
)
def test_a_deployment_waits_for_the_gate(on: str, jobs: dict[str, str], message: str, tmp_path: Path) -> None:
    assert told(scan(tmp_path, "HEX605", ci=workflow(on, **jobs))) == ([("HEX605", message)] if message else [])


RUN = "{{workflow_run: {{workflows: [{name}], types: [completed]}}}}"


@pytest.mark.parametrize(
    ("follows", "condition", "message", "open_"),
    [
        ("CI", "github.event.workflow_run.conclusion == 'success'", "", False),
        ("CI", "github.event.workflow_run.conclusion == 'success' && vars.PROJECT != ''", "", False),
        ("CI", "contains(fromJSON('[\"success\"]'), github.event.workflow_run.conclusion)", "", False),
        ("CI", "", "'ship' [deploys](1) whatever 'CI' came to. Ask for conclusion == 'success'.", False),
        (
            "CI",
            "github.event.workflow_run.conclusion != 'cancelled'",
            "'ship' [deploys](1) whatever 'CI' came to. Ask for conclusion == 'success'.",
            False,
        ),
        ("Elsewhere", "github.event.workflow_run.conclusion == 'success'", "", True),
    ],
)
def test_a_deployment_that_follows_a_workflow_asks_what_came_of_it(
    follows: str, condition: str, message: str, open_: bool, tmp_path: Path
) -> None:
    ship = job(APPLY, if_=condition) if condition else job(APPLY)
    report = scan(
        tmp_path, "HEX605", ci=workflow(name="CI", gate=GATE), ship=workflow(RUN.format(name=follows), ship=ship)
    )
    assert told(report) == ([("HEX605", message)] if message else [])
    assert [each.rule for each in report.undecided] == (["HEX605"] if open_ else [])


BY_HAND = "github.event_name == 'workflow_dispatch' || github.event.workflow_run.conclusion == 'success'"


@pytest.mark.parametrize("follows", ["CI", "Elsewhere"])
@pytest.mark.parametrize(
    ("condition", "by_hand"), [(BY_HAND, True), ("github.event.workflow_run.conclusion == 'success'", False)]
)
def test_a_start_by_hand_beside_the_workflow_that_is_followed_has_no_gate(
    follows: str, condition: str, by_hand: bool, tmp_path: Path
) -> None:
    on = RUN.format(name=follows).removesuffix("}") + ", workflow_dispatch: {}}"
    ship = workflow(on, ship=job(APPLY, if_=f'"{condition}"'))
    report = scan(tmp_path, "HEX605", ci=workflow(name="CI", gate=GATE), ship=ship)
    message = "'ship' [deploys](1) in a workflow without a gate, which 'workflow_dispatch' starts."
    assert told(report) == ([("HEX605", message)] if by_hand else [])
    assert len(report.undecided) == (not by_hand and follows == "Elsewhere")


REMOTE = "uses: acme/flows/.github/workflows/{name}.yml@v1"


@pytest.mark.parametrize(
    ("on", "jobs", "open_"),
    [
        ("push", {"ship": REMOTE.format(name="ship")}, ["HEX601"]),
        ("workflow_dispatch", {"ship": REMOTE.format(name="ship")}, ["HEX605"]),
        ("push", {"gate": GATE, "ship": REMOTE.format(name="ship")}, ["HEX605"]),
        ("push", {"gate": GATE, "ship": "needs: gate\n" + REMOTE.format(name="ship")}, []),
        ("push", {"tidy": REMOTE.format(name="labeler")}, []),
        ("workflow_call", {"ship": REMOTE.format(name="ship")}, []),
    ],
)
def test_a_called_workflow_of_another_repository_leaves_the_question_open(
    on: str, jobs: dict[str, str], open_: list[str], tmp_path: Path
) -> None:
    report = scan(tmp_path, "HEX601", "HEX605", ci=workflow(on, **jobs))
    assert told(report) == []
    assert [(each.rule, each.reason) for each in report.undecided] == [
        (rule, "the reusable workflow acme/flows/.github/workflows/ship.yml@v1 is not in the tree") for rule in open_
    ]


def test_without_a_stack_nothing_is_asked_of_deployments(tmp_path: Path) -> None:
    files = {".github/workflows/ship.yml": workflow("workflow_dispatch", ship=job(APPLY))}
    assert told(trees.scan(tmp_path, files, "HEX605")) == []


def test_where_only_deployments_need_a_gate_one_by_hand_still_needs_it(tmp_path: Path) -> None:
    config = "ci: {gate: {scope: deploy}}"
    by_hand = scan(tmp_path, "HEX605", config=config, ship=workflow("workflow_dispatch", ship=job(APPLY)))
    assert told(by_hand) == [
        ("HEX605", "'ship' [deploys](1) in a workflow without a gate, which 'workflow_dispatch' starts.")
    ]
    pushed = scan(tmp_path, "HEX605", config=config, ship=workflow("push", ship=job(APPLY)))
    assert told(pushed) == []


@pytest.mark.parametrize(
    ("step", "late"),
    [
        ("uses: actions/setup-node@v4", False),
        ("uses: docker/login-action@v3", False),
        ("uses: aws-actions/configure-aws-credentials@v4", False),
        ("uses: actions/cache@v4", False),
        ("uses: docker/setup-qemu-action@v3", False),
        ("{name: Install buildx, run: ./get.sh}", False),
        ("uses: acme/lint-action@v1", True),
        ("run: npm run lint", True),
    ],
)
def test_what_prepares_the_gate_may_come_before_it(step: str, late: bool, tmp_path: Path) -> None:
    gate = job(UP, TEST).replace("  - uses: actions/checkout@v5\n", f"  - uses: actions/checkout@v5\n  - {step}\n")
    report = scan(tmp_path, "HEX601", config="ci: {gate: {literal: true}}", ci=workflow(gate=gate))
    assert bool(told(report)) is late


GATED = job(UP, TEST)
ELSEWHERE = "uses: acme/shared/.github/workflows/deploy.yml@v1"


@pytest.mark.parametrize(
    ("files", "config", "expected"),
    [
        ({"ci": workflow(deploy=job(APPLY))}, "", []),
        ({"ci": workflow("workflow_dispatch", deploy=job(APPLY))}, "", ["deploy"]),
        ({"ci": workflow(deploy=job(APPLY))}, "ci: {gate: {scope: deploy}}", []),
        ({"ci": workflow("workflow_dispatch", deploy=job(APPLY))}, "ci: {gate: {scope: deploy}}", ["deploy"]),
        ({"ci": workflow(gate=GATED, deploy=job(APPLY))}, "", ["deploy"]),
        ({"ci": workflow(gate=GATED, deploy=job(APPLY, needs="gate"))}, "", []),
        ({"ci": workflow(gate=GATED, deploy=ELSEWHERE)}, "", ["? deploy"]),
        ({"ci": workflow(gate=GATED, deploy=f"needs: gate\n{ELSEWHERE}")}, "", []),
        ({"ci": workflow("workflow_dispatch", deploy=ELSEWHERE)}, "", ["? deploy"]),
        ({"ci": workflow("workflow_dispatch", lint=job("npm run lint"))}, "", []),
        (
            {"ci": workflow(name="CI", gate=GATED), "cd": workflow("{workflow_run: {workflows: [CI]}}", deploy=job(APPLY))},
            "",
            ["deploy"],
        ),
        (
            {
                "ci": workflow(name="CI", gate=GATED),
                "cd": workflow("{workflow_run: {workflows: [CI]}}", deploy=job(APPLY, if_="github.ref == 'refs/heads/main'")),
            },
            "",
            ["github.ref == 'refs/heads/main'"],
        ),
        (
            {
                "ci": workflow(name="CI", gate=GATED),
                "cd": workflow(
                    "{workflow_run: {workflows: [CI]}}",
                    deploy=job(APPLY, if_="github.event.workflow_run.conclusion == 'success'"),
                ),
            },
            "",
            [],
        ),
        (
            {"ci": workflow(name="CI", unit=BUILD), "cd": workflow("{workflow_run: {workflows: [CI]}}", deploy=job(APPLY))},
            "",
            [],
        ),
        (
            {"ci": workflow("release", name="CI", unit=job("echo")), "cd": workflow("{workflow_run: {workflows: [CI]}}", deploy=job(APPLY))},
            "",
            ["deploy"],
        ),
        ({"cd": workflow("{workflow_run: {workflows: [Other]}}", deploy=job(APPLY))}, "", ["? deploy"]),
    ],
)  # fmt: skip
def test_what_deploys_without_the_gate_and_where_it_is_told(
    files: dict[str, str], config: str, expected: list[str], tmp_path: Path
) -> None:
    report = scan(tmp_path, "HEX605", config=config, **files)
    found = [report.sources[each.span.path].slice(each.span) for each in report.results]
    assert found + [f"? {each.subject.rpartition('#')[2]}" for each in report.undecided] == expected


ECR = """
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: aws-actions/amazon-ecr-login@v2
        id: ecr
      - run: docker build -t ${{ steps.ecr.outputs.registry }}/shop:1 . %s
"""


@pytest.mark.parametrize(
    ("terraform", "push", "reported"),
    [
        (
            'resource "aws_sns_topic" "sales" {}\n',
            "--push",
            ["'publish' pushes images to 'ECR', which nothing in Terraform defines."],
        ),
        ('resource "aws_ecr_repository" "shop" {\n  name = "shop"\n}\n', "--push", []),
        ('resource "aws_sns_topic" "sales" {}\n', "", []),
    ],
    ids=["to no repository of Terraform", "to one of Terraform", "nothing is pushed"],
)
def test_a_registry_to_which_the_pipeline_pushes_is_to_be_in_terraform(
    terraform: str, push: str, reported: list[str], tmp_path: Path
) -> None:
    files = {".github/workflows/ci.yml": ECR % push, "Dockerfile": "FROM node:22\n", "main.tf": terraform}
    assert [each.message for each in trees.scan(tmp_path, files, "HEX609").results] == reported


def test_a_database_to_which_only_a_variable_of_the_cloud_leads_is_to_be_in_terraform(tmp_path: Path) -> None:
    files = {
        "compose.yaml": "services:\n  web: {build: .}\n  db: {image: 'postgres:17'}\n",
        "Dockerfile": "FROM node:22\n",
        "main.tf": """
            resource "aws_ecs_task_definition" "web" {
              family = "web"
              container_definitions = jsonencode([{
                name = "web", image = "acme/web:1", secrets = [{ name = "DB_HOST", valueFrom = "arn:aws:ssm:eu-west-1:1:parameter/h" }]
              }])
            }
        """,
    }
    assert [each.message for each in trees.scan(tmp_path, files, "HEX609").results] == [
        "'DB_HOST' of 'web' is for ['Postgres'](1), which nothing in Terraform defines."
    ]


@pytest.mark.parametrize(
    ("command", "reported"),
    [
        (
            "npx vite --host",
            [("ERROR", "'web' runs the development server 'vite --host', but [the cloud](1) runs 'node server.js'.")],
        ),
        ("node other.js", []),
    ],
)
def test_a_development_server_is_held_against_the_image_that_a_rollout_brings(
    command: str, reported: list[tuple[str, str]], tmp_path: Path
) -> None:
    files = {
        "compose.yaml": f"services:\n  web: {{build: ., command: {command}}}\n",
        "Dockerfile": 'FROM node:22\nCMD ["node", "server.js"]\n',
        ".github/workflows/ci.yml": """
            on: push
            jobs:
              roll:
                runs-on: ubuntu-latest
                steps:
                  - uses: actions/checkout@v5
                  - run: docker build -t ghcr.io/acme/web:1 . --push
                  - run: az containerapp update --name web --resource-group shop --image ghcr.io/acme/web:1
        """,
    }
    report = trees.scan(tmp_path, files, "HEX109")
    assert [(each.severity.name, each.message) for each in report.results] == reported
    assert report.undecided == ()
