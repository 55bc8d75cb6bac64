"""What is deployed without a test that could stop it is an error under every profile (HEX601, HEX604, HEX605)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

COMPOSE = "services: {api: {build: .}}\n"
TERRAFORM = """\
    resource "aws_ecr_repository" "api" { name = "api" }
    resource "aws_ecs_task_definition" "api" {
      family                = "api"
      container_definitions = jsonencode([{ name = "api", image = "${aws_ecr_repository.api.repository_url}:1" }])
    }
    """
SHIP = [
    "docker build -t 123.dkr.ecr.eu-west-1.amazonaws.com/api:1 .",
    "docker push 123.dkr.ecr.eu-west-1.amazonaws.com/api:1",
    "aws ecs update-service --cluster a --service api --force-new-deployment",
]


def found(
    root: Path,
    *lines: str,
    on: str = "push",
    stack: bool = True,
    more: str = "",
    key: str = "ship",
    runner: str = "ubuntu-latest",
    behind: str = "    needs: test",
    path: str = "ship",
    cloud: bool = True,
) -> list[str]:
    steps = "".join(f'          - run: "{line}"\n' for line in lines)
    workflow = f"on: {on}\njobs:\n{more}  {key}:\n    runs-on: {runner}\n{behind if more else ''}\n    steps:\n{steps}"
    files = {"Dockerfile": "FROM node:22.1.0\n"} | ({"infra/main.tf": TERRAFORM} if cloud else {})
    files |= {"docker-compose.yml": COMPOSE} if stack else {}
    trees.write(root, files)
    (root / ".github/workflows").mkdir(parents=True, exist_ok=True)
    (root / f".github/workflows/{path}.yml").write_text(workflow)
    report = trees.scan(root, {}, "HEX601", "HEX604", "HEX605", profile="recommended")
    return [f"{each.rule.id} {each.message}" for each in report.results if not each.folded]


UNTESTED = (
    "HEX601 '.github/workflows/ship.yml' [deploys](1) on 'push' what no test has passed before: none comes before it, "
    "nor does the Compose stack (HEX605)."
)
WAITS = "  test:\n    runs-on: ubuntu-latest\n    steps: [{uses: lewagon/wait-on-check-action@v1}]\n"
PUSHED = f"  build:\n    runs-on: ubuntu-latest\n    steps: [{{run: '{' && '.join(SHIP[:2])}'}}]\n"
TEST = "  test:\n    runs-on: ubuntu-latest\n    steps: [{run: npx vitest run}]\n"


@pytest.mark.parametrize(
    ("lines", "more"),
    [
        (SHIP, ""),
        (["mvn package -DskipTests", *SHIP], ""),
        (["docker run -d --name it api:1", "curl -f localhost:8000/health", *SHIP], ""),
        (["terraform apply -auto-approve"], f"  test:\n    runs-on: ubuntu-latest\n    steps: [{{run: '{' && '.join(SHIP[:2])}'}}]\n"),
    ],
    ids=["none", "left out", "a smoke test", "by Terraform, what a job before it pushes"],
)  # fmt: skip
def test_a_deployment_that_no_test_comes_before_is_no_convention(lines: list[str], more: str, tmp_path: Path) -> None:
    assert found(tmp_path, *lines, more=more) == [UNTESTED]


@pytest.mark.parametrize(
    ("on", "told"),
    [
        ("{pull_request: {types: [closed]}}", [UNTESTED.replace("'push'", "'pull_request'")]),
        ("{pull_request: {types: [opened, synchronize, closed]}}", []),
    ],
)
def test_what_a_closed_pull_request_deploys_is_no_preview(on: str, told: list[str], tmp_path: Path) -> None:
    assert found(tmp_path, *SHIP, on=on) == told


SPARED = "HEX604 'test' runs its tests, but goes on when they fail, and so [this](1) deploys untested (HEX605)."
NEEDS = "  test:\n    runs-on: ubuntu-latest\n    steps: [{%s}]\n"


@pytest.mark.parametrize(
    ("step", "on_failure", "told"),
    [
        ("run: npx vitest run || true", "", [SPARED]),
        ("run: npx vitest run, continue-on-error: true", "", [SPARED]),
        ("run: npx vitest run, continue-on-error: true", "{run: exit 1, if: steps.it.outcome == 'failure'}", []),
        ("run: npx vitest run || exit 1", "", []),
        ("run: npx vitest run", "", []),
    ],
)
def test_tests_that_cannot_fail_let_a_deployment_pass(
    step: str, on_failure: str, told: list[str], tmp_path: Path
) -> None:
    steps = f"id: it, {step}}}, {on_failure[:-1]}" if on_failure else step
    assert found(tmp_path, *SHIP, more=NEEDS % steps) == told


def test_a_condition_that_lets_a_deployment_pass_failed_tests_is_told_and_one_that_asks_for_them_is_not(
    tmp_path: Path,
) -> None:
    past = "HEX604 'ship' [goes on](1) under a condition that also holds when [the tests](2) have failed (HEX605)."
    build = f"  build:\n    needs: test\n    runs-on: ubuntu-latest\n    steps: [{{run: '{' && '.join(SHIP[:2])}'}}]\n"
    between = "always() && contains(needs.*.result, 'success') && !contains(needs.*.result, 'failure')"
    for number, (needs, condition, told) in enumerate(
        [
            ("test", "always()", [past]),
            ("test", "'!cancelled()'", [past]),
            ("test", "'!failure() && !cancelled()'", []),
            ("test", "always() && needs.test.result == 'success'", []),
            ("build", "always() && needs.build.outputs.passed == 'true'", []),
            ("[test, build]", between, []),
            ("[other, build]", between, [past]),
            ("[other, build]", "always() && needs.build.result == 'success'", []),
        ]
    ):
        other = "  other: {runs-on: ubuntu-latest, steps: [{run: echo}]}\n"
        root = tmp_path / str(number)
        job = f"    needs: {needs}\n    if: {condition}"
        report = found(root, *SHIP, more=TEST + build + other, behind=job)
        assert report == told, (needs, condition)


def test_a_job_that_may_fail_stops_at_its_own_tests(tmp_path: Path) -> None:
    assert found(tmp_path, "npx vitest run", *SHIP, more=TEST, behind="    continue-on-error: true") == []


def test_a_package_that_is_released_whatever_the_tests_say_is_a_warning(tmp_path: Path) -> None:
    lines = ["npm test || true", "npm publish"]
    assert found(tmp_path, *lines, on="release") == [
        "HEX604 'ship' runs its tests, but goes on when they fail, and so [this](1) publishes what is untested."
    ]


CLOUD_BUILD = """\
    steps:
      - name: gcr.io/cloud-builders/docker
        args: [build, -t, europe-docker.pkg.dev/shop/all/api:1, .]
      - name: gcr.io/google.com/cloudsdktool/cloud-sdk
        entrypoint: gcloud
        args: [run, deploy, api, --image, europe-docker.pkg.dev/shop/all/api:1]
    """


def test_a_configuration_of_cloud_build_is_a_pipeline_of_its_own_unless_a_workflow_submits_it(tmp_path: Path) -> None:
    trees.write(tmp_path, {"cloudbuild.yaml": CLOUD_BUILD})
    assert found(tmp_path, "npx vitest run") == [
        "HEX605 'cloudbuild.yaml' [deploys](1) what no test has passed before: none comes before it."
    ]
    assert found(tmp_path, "npx vitest run", "gcloud builds submit --config cloudbuild.yaml .") == []
    assert found(tmp_path, "gcloud builds submit") == [UNTESTED]


@pytest.mark.parametrize(
    ("lines", "more", "on"),
    [
        (["npx vitest run", *SHIP], "", "push"),
        (["gh run watch 1 --exit-status", *SHIP], "", "push"),
        (["R=$(gh run list --workflow ci.yml --json conclusion)", '[ "$R" = success ] || exit 1', *SHIP], "", "push"),
        (SHIP, WAITS, "push"),
        (["./gradlew build", *SHIP], "", "push"),
        (SHIP, TEST, "push"),
        (SHIP, "", "[pull_request, workflow_dispatch]"),
        ([*SHIP, "npx vitest run"], "", "push"),
        (SHIP[2:], "", "push"),
        (["terraform apply -auto-approve"], "", "push"),
        (["terraform apply -auto-approve"], TEST + PUSHED, "push"),
        (["ssh shop 'docker compose pull; docker compose up -d'"], "", "push"),
        (["ansible-playbook ansible/validate-compose.yml"], "", "push"),
    ],
    ids=[
        "before",
        "in another workflow",
        "in another workflow, whose runs it asks for",
        "in another workflow, by an action",
        "in a build",
        "in a job that it needs",
        "a preview",
        "afterwards",
        "what others have built",
        "resources",
        "a candidate that waits for its tests",
        "what others have built, pulled by the machine",
        "a playbook that only validates",
    ],
)
def test_what_a_test_comes_before_or_what_is_no_code_is_a_convention(
    lines: list[str], more: str, on: str, tmp_path: Path
) -> None:
    behind = "    needs: [test, build]" if "build:" in more else "    needs: test"
    assert found(tmp_path, *lines, on=on, more=more, behind=behind) == []


def test_what_a_machine_builds_when_it_is_deployed_to_is_a_deployment_without_a_stack_too(tmp_path: Path) -> None:
    told = ["HEX605 'ship' [deploys](1) what no test has passed before: none comes before it."]
    build = "ssh shop 'docker compose build; docker compose up -d'"
    assert found(tmp_path, build, stack=False, cloud=False) == told


@pytest.mark.parametrize(("runner", "told"), [("[self-hosted, linux]", [UNTESTED]), ("ubuntu-latest", [])])
def test_a_service_that_is_started_stays_on_a_machine_of_ones_own(runner: str, told: list[str], tmp_path: Path) -> None:
    assert (
        found(tmp_path, "mvn package -DskipTests -Dgit.commit=1", "sudo systemctl restart api", runner=runner) == told
    )


def test_a_start_by_hand_beside_a_followed_workflow_is_a_convention_where_it_builds_nothing(tmp_path: Path) -> None:
    follows = "{workflow_run: {workflows: [ci], types: [completed]}, workflow_dispatch: }"
    ask = "github.event_name == 'workflow_dispatch' || github.event.workflow_run.conclusion == 'success'"
    workflow = f"name: ci\non: push\njobs:\n{TEST}"
    trees.write(tmp_path, {".github/workflows/ci.yml": workflow})
    told = ["HEX605 'ship' [deploys](1) in a workflow without a gate, which 'workflow_dispatch' starts."]
    condition = f'    if: "{ask}"'
    job = "  other: {runs-on: ubuntu-latest, steps: [{run: echo}]}\n"
    assert found(tmp_path, *SHIP, on=follows, more=job, behind=condition) == told
    assert found(tmp_path, "helm upgrade --install api chart", on=follows, more=job, behind=condition) == []


def test_without_a_stack_only_what_no_test_comes_before_is_reported(tmp_path: Path) -> None:
    assert found(tmp_path / "a", *SHIP, stack=False) == [
        "HEX605 'ship' [deploys](1) what no test has passed before: none comes before it."
    ]
    assert found(tmp_path / "b", "npx vitest run", *SHIP, stack=False) == []


def test_without_stack_and_cloud_a_workflow_that_builds_an_image_is_asked(tmp_path: Path) -> None:
    ship = [SHIP[0], "kubectl rollout restart deployment api"]
    told = "HEX605 'ship' [deploys](1) what no test has passed before: none comes before it."
    assert found(tmp_path / "a", *ship, stack=False, cloud=False) == [told]
    assert found(tmp_path / "b", "npx vite build", "vercel deploy --prod", stack=False, cloud=False) == []


@pytest.mark.parametrize(
    ("runner", "command", "told"),
    [
        ("[self-hosted, shop]", "docker compose -f docker-compose.production.yml up -d --build", [UNTESTED]),
        ("[self-hosted, shop]", "docker compose -f docker-compose.yml up -d --build", []),
        (
            "[self-hosted, shop]\n    environment: shop",
            "docker compose -f docker-compose.yml up -d --build",
            [UNTESTED],
        ),
        ("ubuntu-latest", "docker compose -f docker-compose.production.yml up -d --build", []),
    ],
)
def test_production_that_a_machine_of_ones_own_starts_is_a_deployment_and_no_gate(
    runner: str, command: str, told: list[str], tmp_path: Path
) -> None:
    trees.write(tmp_path, {"docker-compose.production.yml": COMPOSE})
    assert found(tmp_path, command, runner=runner) == told


@pytest.mark.parametrize(
    ("lines", "path", "told"),
    [
        (SHIP, "ship", ["HEX605 'ship' [deploys](1) in a workflow without a gate, which 'workflow_dispatch' starts."]),
        (SHIP[2:], "ship", []),
        (["npx vitest run", *SHIP], "ship", []),
        (SHIP, "rollback", []),
    ],
    ids=["what is built there", "what others have built", "behind other tests", "a rollback"],
)
def test_what_is_deployed_by_hand_is_an_error_only_where_it_is_built_there_without_tests(
    lines: list[str], path: str, told: list[str], tmp_path: Path
) -> None:
    assert found(tmp_path, *lines, on="workflow_dispatch", path=path) == told


def test_a_new_image_that_is_pushed_into_manifests_is_a_deployment(tmp_path: Path) -> None:
    hand = ["cd overlays/prod && kustomize edit set image api=api:2", "git commit -am api:2 && git push"]
    assert found(tmp_path / "a", *SHIP[:1], *hand) == [UNTESTED]
    assert found(tmp_path / "b", *SHIP[:1], "git push --tags") == []
