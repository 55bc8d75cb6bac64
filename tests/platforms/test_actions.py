"""Workflows: jobs, steps, followed scripts, builds and what steps do (GitHub's workflow syntax reference)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from policyengine.model.nodes import (
    Build,
    ComposeUp,
    Database,
    Deploy,
    EndToEnd,
    Job,
    Migrate,
    Node,
    Service,
    Step,
    Workflow,
)
from policyengine.model.value import Absent, Known, Unknown
from policyengine.platforms.github import workflows as actions
from policyengine.testing.memory import Memory

if TYPE_CHECKING:
    from policyengine.model.value import Value
    from policyengine.platforms import Lowered

N = TypeVar("N", bound=Node)
T = TypeVar("T")
CI = ".github/workflows/ci.yml"


def lowered(workflow: str, **files: str) -> tuple[Lowered, Memory]:
    tree = Memory({CI: workflow, **{name.replace("__", "/"): text for name, text in files.items()}})
    return actions.join_workflows([actions.lower(path, tree) for path in actions.paths(tree)]), tree


def tree_of(files: dict[str, str]) -> tuple[Lowered, Memory]:
    tree = Memory(files)
    return actions.join_workflows([actions.lower(path, tree) for path in actions.paths(tree)]), tree


def all_of(found: Lowered, kind: type[N]) -> list[N]:
    return [node for node in found.nodes if isinstance(node, kind)]


def job(found: Lowered, name: str, path: str = CI) -> Job:
    return next(each for each in all_of(found, Job) if each.id == f"github:{path}#{name}")


def known(value: Value[T] | None) -> T:
    assert isinstance(value, Known)
    return value.value


def steps(run: str, **files: str) -> tuple[tuple[Step, ...], Memory]:
    body = "\n".join("          " + line for line in run.split("\n"))
    found, tree = lowered(
        f"on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n{body}\n", **files
    )
    return job(found, "a").steps, tree


def told(run: str, **files: str) -> list[str]:
    found, _ = steps(run, **files)
    return [
        f"{type(each).__name__} {getattr(each, 'runner', getattr(each, 'tool', ''))}".strip()
        for step in found
        for each in step.activities
    ]


@pytest.mark.parametrize(
    "on", ["on: push", "on: [push]", "on:\n  push:", '"on": push', "on:\n  push:\n    branches: [main]"]
)
def test_every_form_of_on_is_a_trigger(on: str) -> None:
    found, tree = lowered(f"{on}\njobs: {{a: {{steps: []}}}}\n")
    (workflow,) = all_of(found, Workflow)
    assert [trigger.event for trigger in workflow.triggers] == ["push"]
    assert tree.at(workflow.triggers[0].span) == "push"
    assert tree.at(workflow.span) == "on"


def test_a_workflow_run_knows_what_it_follows() -> None:
    found, tree = lowered("name: Deploy\non:\n  workflow_run: {workflows: [CI], types: [completed]}\njobs: {a: {}}\n")
    (workflow,) = all_of(found, Workflow)
    assert (workflow.name, tree.at(workflow.span)) == ("Deploy", "Deploy")
    assert (workflow.triggers[0].workflows, workflow.triggers[0].types) == (("CI",), ("completed",))


def test_needs_conditions_and_runners_stand_where_they_are_written() -> None:
    found, tree = lowered(
        "on: push\njobs:\n  gate: {runs-on: ubuntu-latest}\n  deploy:\n    needs: gate\n    if: always()\n"
        "    environment: {name: production}\n    runs-on: [self-hosted, arm64]\n    continue-on-error: true\n"
    )
    deploy = job(found, "deploy")
    assert deploy.needs == (f"github:{CI}#gate",)
    assert deploy.needs_span is not None
    assert tree.at(deploy.needs_span) == "gate"
    assert tree.at(deploy.span) == "deploy"
    assert known(deploy.condition) == "always()"
    assert known(deploy.environment) == "production"
    assert known(deploy.runs_on) == "self-hosted arm64"
    assert known(deploy.continue_on_error) is True


def test_compose_up_is_told_with_its_files_services_and_flags() -> None:
    (step,), tree = steps(
        "cd stack\nAPP_IMAGE=app docker compose -f a.yml --file=b.yml --profile e2e up -d --wait web || true"
    )
    (up,) = step.activities
    assert isinstance(up, ComposeUp)
    assert (up.files, up.services, up.profiles) == (("stack/a.yml", "stack/b.yml"), ("web",), ("e2e",))
    assert (up.wait, up.detached, up.build, up.forgiven, up.directory) == (True, True, False, True, "stack")
    assert [(each.key, known(each.value)) for each in up.environment] == [("APP_IMAGE", "app")]
    assert tree.at(up.span).startswith("APP_IMAGE=app docker compose")


@pytest.mark.parametrize("line", ["ssh host bash -s < up.sh", "cat up.sh | ssh host 'bash -s'"])
def test_a_script_that_a_shell_on_another_machine_reads_runs_there(line: str) -> None:
    assert told(line, **{"up.sh": "docker compose up -d\n"}) == ["Deploy ssh"]


def test_the_environment_of_a_step_reaches_compose() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    steps:\n      - run: docker compose up --wait\n        env:\n"
        "          COMPOSE_FILE: a.yml:b.yml\n          APP_IMAGE: repo@${{ needs.x.outputs.digest }}\n"
    )
    (up,) = job(found, "a").steps[0].activities
    assert isinstance(up, ComposeUp)
    assert up.files == ("a.yml", "b.yml")
    assert {each.key: known(each.value) for each in up.environment}["APP_IMAGE"] == "repo@${{ needs.x.outputs.digest }}"


@pytest.mark.parametrize(
    ("run", "told_of"),
    [
        ("npx playwright test", ["EndToEnd playwright"]),
        ("pnpm exec playwright test --project=chromium", ["EndToEnd playwright"]),
        ("xvfb-run -a yarn cypress run", ["EndToEnd cypress"]),
        ("npx playwright install --with-deps", []),
        ("docker compose run --rm e2e npx playwright test", ["ComposeUp", "EndToEnd playwright"]),
        ("docker compose exec -T app sh -c 'npm ci && npx playwright test'", ["EndToEnd playwright"]),
        ("docker compose exec -T app npx prisma migrate deploy", ["Migrate prisma"]),
        ("npx prisma db push", ["Migrate prisma"]),
        ("aws --region eu-west-1 ecs update-service --service a --force-new-deployment", ["Deploy ecs"]),
        ("terraform -chdir=infra apply -auto-approve", ["Deploy terraform"]),
        ("terraform plan -out apply", []),
        ("terraform apply -refresh-only", []),
        ("terragrunt run-all apply", ["Deploy terraform"]),
        ("docker push 1.dkr.ecr.eu-west-1.amazonaws.com/app:1", ["Deploy ecr-push"]),
        ("docker push ghcr.io/acme/app:1", []),
        ("ssh deploy@host 'cd /srv && docker compose up -d'", ["Deploy ssh"]),
        ("ssh deploy@host <<EOF\ndocker compose up -d\nEOF", ["Deploy ssh"]),
        ("ssh deploy@host 'sudo bash -se' <<EOF\ndocker compose up -d\nEOF", ["Deploy ssh"]),
        ("ssh deploy@host 'cat > a' <<EOF\ndocker compose up -d\nEOF", []),
        ("DOCKER_HOST=ssh://host docker compose up -d", ["Deploy ssh"]),
        ("timeout 300 docker compose up --wait", ["ComposeUp"]),
        ("sudo -E docker-compose up -d", ["ComposeUp"]),
        ("bash -c 'docker compose up -d'", ["ComposeUp"]),
        ("echo docker compose up", []),
        ("# docker compose up", []),
        ("cat <<EOF\ndocker compose up\nEOF", []),
    ],
)
def test_what_a_command_does_is_told(run: str, told_of: list[str]) -> None:
    assert told(run) == told_of


def test_scripts_are_followed_through_packages_makefiles_files_and_functions() -> None:
    found, tree = steps(
        "npm run e2e",
        **{
            "package.json": '{"scripts": {"pree2e": "make -C stack up", "e2e": "bash scripts/e2e.sh"}}',
            "stack__Makefile": "up:\n\tdocker compose up -d --wait\n",
            "scripts__e2e.sh": "set -e\nrun() { npx playwright test; }\nrun\n",
        },
    )
    (step,) = found
    up, test = step.activities
    assert isinstance(up, ComposeUp)
    assert isinstance(test, EndToEnd)
    assert (up.span.path, tree.at(up.span)) == ("stack/Makefile", "docker compose up -d --wait")
    assert (test.span.path, tree.at(test.span)) == ("scripts/e2e.sh", "npx playwright test")
    command = next(each for each in step.commands if each.argv == ("npx", "playwright", "test"))
    assert [via.what for via in command.via] == ["run()", "scripts/e2e.sh", "npm run e2e"]
    assert [via.span.path for via in command.via] == ["scripts/e2e.sh", "package.json", CI]


@pytest.mark.parametrize(
    "run",
    [
        "pnpm --filter web e2e",
        "pnpm --filter @acme/web run e2e",
        "npm run e2e -w web",
        "npm --prefix apps/web run e2e",
        "yarn --cwd apps/web e2e",
        "yarn workspace @acme/web e2e",
        "cd apps/web && npm run e2e",
        "npx turbo run e2e",
        "pnpm -r e2e",
        "(cd apps/web; bun run e2e)",
    ],
)
def test_package_scripts_of_workspaces_are_found(run: str) -> None:
    files = {
        "package.json": '{"name": "root", "scripts": {}}',
        "apps__web__package.json": '{"name": "@acme/web", "scripts": {"e2e": "playwright test"}}',
    }
    assert told(run, **files) == ["EndToEnd playwright"]


def test_a_script_that_calls_itself_ends() -> None:
    assert told("npm test", **{"package.json": '{"scripts": {"test": "npm test && playwright test"}}'}) == [
        "EndToEnd playwright"
    ]


def test_a_script_that_is_not_there_is_a_gap_at_the_command() -> None:
    (step,), tree = steps("./scripts/up.sh --all")
    assert step.gap is not None
    assert tree.at(step.gap.span) == "./scripts/up.sh --all"


def test_a_step_that_never_runs_does_nothing() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    steps:\n      - run: docker compose up\n        if: ${{ false }}\n"
        "  b:\n    if: false\n    steps:\n      - run: docker compose up\n"
    )
    assert [step.activities for step in job(found, "a").steps] == [()]
    assert job(found, "b").steps == ()


def test_the_jobs_of_a_reusable_workflow_are_jobs_of_its_caller_with_its_inputs() -> None:
    found, tree = tree_of(
        {
            CI: "on: push\njobs:\n  gate:\n    uses: ./.github/workflows/gate.yml\n    with: {file: e2e.yml}\n",
            ".github/workflows/gate.yml": (
                "on:\n  workflow_call:\n    inputs:\n      file: {default: no.yml, type: string}\n"
                "      target: {default: runner, type: string}\n"
                "    outputs:\n      digest: {value: '${{ jobs.build.outputs.digest }}'}\n"
                "env: {TARGET: '${{ inputs.target }}'}\n"
                "jobs:\n"
                "  test:\n    needs: build\n    steps: [{run: npx playwright test}]\n"
                "  build:\n    runs-on: ubuntu-24.04-arm\n    steps:\n"
                "      - run: docker build --target $TARGET -f ${{ inputs.file }} .\n"
            ),
        }
    )
    gate, test, build_job = (job(found, name) for name in ("gate", "gate/test", "gate/build"))
    assert gate.steps == ()
    assert [each.key for each in gate.outputs] == ["digest"]
    assert [type(each).__name__ for step in test.steps for each in step.activities] == ["EndToEnd"]
    assert (test.name, tree.at(test.span), test.span.path) == ("gate / test", "test", ".github/workflows/gate.yml")
    assert (test.workflow, test.caller, build_job.caller) == (f"github:{CI}", gate.id, gate.id)
    assert known(build_job.runs_on) == "ubuntu-24.04-arm"
    (build,) = all_of(found, Build)
    assert (build.job, known(build.dockerfile), known(build.target)) == (build_job.id, "e2e.yml", "runner")
    ci, reused = (each for each in all_of(found, Workflow))
    assert ci.jobs == (gate.id, test.id, build_job.id)
    assert reused.jobs == ()


def test_needs_hold_across_the_boundary_of_a_call() -> None:
    call = "{{needs: {}, uses: ./.github/workflows/{}.yml}}"
    found, _ = tree_of(
        {
            CI: "on: push\njobs:\n  lint: {}\n  gate: " + call.format("lint", "outer") + "\n  deploy: {needs: gate}\n",
            ".github/workflows/outer.yml": "on: workflow_call\njobs:\n  first: {}\n  second: "
            + call.format("first", "inner")
            + "\n",
            ".github/workflows/inner.yml": "on: workflow_call\njobs:\n  last: {}\n",
        }
    )
    needs = {each.name: [need.partition("#")[2] for need in each.needs] for each in all_of(found, Job)}
    assert needs == {
        "lint": [],
        "gate": ["lint"],
        "gate / first": ["gate"],
        "gate / second": ["gate/first"],
        "gate / second / last": ["gate/second"],
        "deploy": ["gate", "gate/first", "gate/second", "gate/second/last"],
    }


@pytest.mark.parametrize(
    ("given", "condition", "runs"),
    [
        ("apply: false", "inputs.apply", False),
        ("apply: true", "inputs.apply", True),
        ("apply: '${{ false }}'", "${{ inputs.apply }}", False),
        ("apply: false", "always() && inputs.apply", False),
        ("apply: false", "inputs.apply == 'false'", False),  # a switch is no text
        ("apply: false", "inputs.apply == false", True),
        ("apply: false", "github.ref == 'refs/heads/main' && inputs.apply", False),
        ("apply: false", "github.ref == 'refs/heads/main' || inputs.apply", True),
        ('apply: "${{ github.ref == 1 }}"', "inputs.apply", True),
        ("command: plan", "inputs.command == 'Plan'", True),
        ("command: plan", "inputs.command == 'apply'", False),
        ("command: plan", "contains('apply destroy', inputs.command)", False),
        ("command: plan", "startsWith(inputs.command, 'pl') && !(inputs.command != 'plan')", True),
        ("{}", "inputs.command", False),
        ("{}", "inputs.command || inputs.apply", False),
        ("{}", "inputs.wait > 5", False),
        ("{}", "inputs.unknown == null && fromJSON('true')", True),
        ("apply: false", "${{ inputs.apply }} && true", True),  # GitHub makes it a text, which is true
        ("apply: false", "inputs.apply ==", True),  # no expression
        ("apply: false", "((((((((((" * 50, True),
        ("command: plan", "inputs.command == 0x" + "f" * 900, False),
        ("command: plan", "inputs.command < 'q' && 1 < 2 && inputs.wait >= 5", True),
        ("command: plan", "format('{0}-{1}', inputs.command, inputs.wait) == 'plan-5'", True),
        ("command: plan", "endsWith(inputs.command, 'AN') && !contains(inputs.command, 'x')", True),
    ],
)
def test_the_inputs_of_a_call_decide_conditions(given: str, condition: str, runs: bool) -> None:
    given = given if given == "{}" else "{" + given + "}"
    condition = condition.replace("'", "''")
    for place in ("  a:\n    if: 'IF'\n    steps: [{run: terraform apply}]\n",
                  "  a:\n    steps: [{run: terraform apply, if: 'IF'}]\n"):  # fmt: skip
        found, _ = tree_of(
            {
                CI: f"on: push\njobs:\n  deploy:\n    uses: ./.github/workflows/tf.yml\n    with: {given}\n",
                ".github/workflows/tf.yml": (
                    "on:\n  workflow_call:\n    inputs:\n      apply: {type: boolean}\n"
                    "      command: {type: string}\n      wait: {type: number, default: 5}\njobs:\n"
                )
                + place.replace("IF", condition),
            }
        )
        steps_ = job(found, "deploy/a").steps
        assert bool([each for step in steps_ for each in step.activities]) is runs


def test_the_environment_decides_no_condition() -> None:
    found, _ = lowered(
        "on: push\nenv: {GO: 'no'}\njobs:\n  a: {steps: [{if: env.GO == 'yes', run: terraform apply}]}\n"
    )
    assert len(job(found, "a").steps[0].activities) == 1


def test_a_step_that_no_combination_of_the_matrix_runs_does_nothing() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    strategy: {matrix: {os: [linux, mac], push: [true]}}\n    steps:\n"
        "      - {if: matrix.os == 'windows', run: terraform apply}\n"
        "      - {if: matrix.os == 'mac' && matrix.push, run: terraform apply}\n"
    )
    assert [len(step.activities) for step in job(found, "a").steps] == [0, 1]


def test_a_call_for_each_combination_of_a_matrix_makes_its_own_jobs() -> None:
    found, _ = tree_of(
        {
            CI: "on: push\njobs:\n  ship:\n    strategy: {matrix: {to: [dev, prod]}}\n"
            "    uses: ./.github/workflows/ship.yml\n    with: {to: '${{ matrix.to }}'}\n  end: {needs: [ship]}\n",
            ".github/workflows/ship.yml": "on:\n  workflow_call:\n    inputs: {to: {type: string}}\njobs:\n"
            "  a: {steps: [{if: inputs.to == 'prod', run: terraform apply}]}\n",
        }
    )
    assert job(found, "ship (dev)/a").steps[0].activities == ()
    assert len(job(found, "ship (prod)/a").steps[0].activities) == 1
    assert job(found, "end").needs == tuple(f"github:{CI}#{name}" for name in ("ship", "ship (dev)/a", "ship (prod)/a"))


def test_workflows_may_call_ten_deep_and_no_deeper() -> None:
    chain = {
        f".github/workflows/w{number}.yml": f"on: workflow_call\njobs: {{a: {{uses: ./.github/workflows/w{number + 1}.yml}}}}\n"
        for number in range(1, 12)
    }
    found, _ = tree_of({CI: "on: push\njobs: {a: {uses: ./.github/workflows/w1.yml}}\n", **chain})
    gaps = {each.id.partition("#")[2]: each.gap for each in all_of(found, Job)}
    assert gaps["/".join("a" * 9)] is None
    assert gaps["/".join("a" * 10)] is not None
    assert "/".join("a" * 11) not in gaps


def test_a_reusable_workflow_of_another_repository_is_a_gap() -> None:
    found, tree = lowered("on: push\njobs:\n  gate:\n    uses: acme/ci/.github/workflows/gate.yml@v1\n")
    gap = job(found, "gate").gap
    assert gap is not None
    assert tree.at(gap.span) == "acme/ci/.github/workflows/gate.yml@v1"


def test_workflows_that_call_one_another_end() -> None:
    body = "on: workflow_call\njobs:\n  a:\n    uses: ./.github/workflows/{}.yml\n"
    found, _ = tree_of({CI: body.format("other"), ".github/workflows/other.yml": body.format("ci")})
    assert job(found, "a").gap is None
    assert job(found, "a/a").gap is not None


def test_a_composite_action_is_expanded_with_its_inputs_and_its_own_scripts() -> None:
    found, tree = tree_of(
        {
            CI: "on: push\njobs:\n  a:\n    steps:\n      - uses: ./.github/actions/up\n        continue-on-error: true\n"
            "        with: {file: e2e.yml}\n",
            ".github/actions/up/action.yml": (
                "inputs:\n  file: {default: compose.yml}\nruns:\n  using: composite\n  steps:\n"
                "    - run: $GITHUB_ACTION_PATH/up.sh\n      shell: bash\n"
                "    - uses: docker/build-push-action@v6\n      with: {file: '${{ inputs.file }}', push: true}\n"
            ),
            ".github/actions/up/up.sh": "docker compose up -d\n",
        }
    )
    inner, build_step, outer = job(found, "a").steps
    (up,) = inner.activities
    assert isinstance(up, ComposeUp)
    assert tree.at(up.span) == "docker compose up -d"
    assert up.directory == ""
    assert known(inner.continue_on_error) is True
    assert len(build_step.builds) == 1
    assert outer.activities == ()
    (build,) = all_of(found, Build)
    assert (known(build.dockerfile), known(build.push)) == ("e2e.yml", True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("production", ["production"]),
        ("${{ inputs.environment }}", ["test", "staging"]),
        ("eu-${{ inputs.environment }}", ["eu-test", "eu-staging"]),
        ("${{ matrix.to }}", ["one", "two"]),
        (None, ["none"]),
    ],
)
def test_an_input_of_an_action_is_what_its_call_gives(given: str | None, expected: list[str]) -> None:
    to = f"\n        with: {{environment: '{given}'}}" if given else ""
    found, _ = tree_of(
        {
            CI: "on:\n  workflow_dispatch:\n    inputs:\n      environment: {type: choice, options: [test, staging]}\n"
            f"jobs:\n  a:\n    strategy: {{matrix: {{to: [one, two]}}}}\n    steps:\n      - uses: ./.github/actions/d{to}\n",
            ".github/actions/d/action.yml": "inputs:\n  environment: {default: none}\nruns:\n  using: composite\n  steps:\n"
            "    - run: ./deploy ${{ inputs.environment }}\n      shell: bash\n",
        }
    )
    inner, _ = job(found, "a").steps
    assert [each.argv[1] for each in inner.commands] == expected


def test_the_tags_of_a_build_have_what_stands_for_an_input_that_is_not_given() -> None:
    found, _ = lowered(
        "on:\n  push:\n  workflow_dispatch:\n    inputs:\n      to: {default: staging}\njobs:\n  a:\n    steps:\n"
        "      - uses: docker/build-push-action@v6\n        env:\n          TO: acme-${{ inputs.to || 'prod' }}-api\n"
        "        with:\n          push: true\n          tags: ${{ env.TO }}:1\n"
    )
    (build,) = all_of(found, Build)
    assert [each.repository for each in build.references] == ["acme-prod-api"]


def test_a_build_tells_its_dockerfile_platforms_tags_and_push() -> None:
    found, tree = lowered(
        "on: push\nenv: {REGISTRY: 1.dkr.ecr.eu-west-1.amazonaws.com}\njobs:\n  a:\n    steps:\n"
        "      - uses: docker/build-push-action@v6\n        with:\n          context: web\n          target: runner\n"
        "          platforms: linux/amd64,linux/arm64\n          push: true\n"
        "          tags: ${{ env.REGISTRY }}/app:${{ github.sha }}\n          build-args: |\n            A=1\n"
    )
    (build,) = all_of(found, Build)
    assert (known(build.context), known(build.dockerfile), known(build.target)) == ("web", "web/Dockerfile", "runner")
    assert known(build.platforms) == ("linux/amd64", "linux/arm64")
    assert isinstance(build.platforms, Known)
    assert tree.at(build.platforms.span) == "linux/amd64,linux/arm64"
    (image,) = build.references
    assert (image.registry, image.repository) == ("1.dkr.ecr.eu-west-1.amazonaws.com", "app")
    assert image.tag == Unknown("'github.sha' set by the run", build.tags.span)
    (step,) = job(found, "a").steps
    assert [each.tool for each in step.activities if isinstance(each, Deploy)] == ["ecr-push"]


def test_a_matrix_makes_one_build_for_each_combination() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    strategy:\n      matrix:\n        platform: [linux/amd64, linux/arm64]\n"
        "        include:\n          - {platform: linux/amd64, runner: ubuntu-latest}\n"
        "          - {platform: linux/arm64, runner: ubuntu-24.04-arm}\n"
        "    runs-on: ${{ matrix.runner }}\n    steps:\n      - uses: docker/build-push-action@v6\n"
        "        with: {platforms: '${{ matrix.platform }}', push: true, tags: acme/app}\n"
    )
    assert [known(build.platforms) for build in all_of(found, Build)] == [("linux/amd64",), ("linux/arm64",)]
    assert isinstance(job(found, "a").runs_on, Unknown)


def test_a_pushed_docker_build_is_found_through_its_variables() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          IMAGE=1.dkr.ecr.eu-west-1.amazonaws.com/app:$GITHUB_SHA\n"
        "          docker build -t $IMAGE -f Dockerfile.prod .\n          docker push $IMAGE\n"
    )
    (build,) = all_of(found, Build)
    assert known(build.push) is True
    assert known(build.dockerfile) == "Dockerfile.prod"
    assert [each.repository for each in build.references] == ["app"]
    (step,) = job(found, "a").steps
    assert [type(each).__name__ for each in step.activities] == ["Deploy"]


def test_a_build_without_push_says_nothing_of_it() -> None:
    found, _ = lowered("on: push\njobs:\n  a:\n    steps:\n      - run: docker build .\n")
    (build,) = all_of(found, Build)
    assert isinstance(build.push, Absent)
    assert isinstance(build.platforms, Absent)


def test_service_containers_are_services_with_their_datastore() -> None:
    found, tree = lowered(
        "on: push\njobs:\n  a:\n    services:\n      db:\n        image: postgres:16.4\n        ports: ['5433:5432']\n"
    )
    (service,) = all_of(found, Service)
    assert service.id == f"github:{CI}#a/services.db"
    assert isinstance(service.image, Known)
    assert tree.at(service.image.span) == "postgres:16.4"
    assert [(known(each.published), known(each.target)) for each in service.ports] == [(5433, 5432)]
    assert [each.service for each in all_of(found, Database)] == [service.id]
    assert job(found, "a").services == (service.id,)


def test_an_action_that_retries_runs_its_command() -> None:
    found, tree = lowered(
        "on: push\njobs:\n  a:\n    steps:\n      - uses: nick-fields/retry@v3\n        with:\n          max_attempts: 3\n"
        "          command: |\n            docker compose up -d\n            npx playwright test\n"
    )
    (step,) = job(found, "a").steps
    assert [type(each).__name__ for each in step.activities] == ["ComposeUp", "EndToEnd"]
    assert tree.at(step.activities[1].span) == "npx playwright test"


@pytest.mark.parametrize(
    ("action", "deploys"),
    [("superfly/flyctl-actions@1.5", True), ("superfly/flyctl-actions/setup-flyctl@master", False)],
)
def test_an_action_that_only_installs_a_program_deploys_nothing(action: str, *, deploys: bool) -> None:
    found, _ = lowered(f"on: push\njobs:\n  a:\n    steps:\n      - uses: {action}\n        with: {{args: deploy}}\n")
    assert [isinstance(each, Deploy) for step in job(found, "a").steps for each in step.activities] == [True] * deploys


def test_a_script_that_only_names_a_command_runs_none() -> None:
    assert told('echo "run: terraform apply -auto-approve"\necho npx prisma migrate deploy') == []


DISPATCH = """#!/bin/bash
set -e
command="${1:-help}"
shift || true
deploy() {
  case "$1" in
    infra) terraform apply -auto-approve ;;
    app | "web") aws ecs update-service --service app --force-new-deployment ;;
    *) echo what ;;
  esac
}
case "$command" in
  test) npx playwright test ;;
  deploy) deploy "$@" ;;
  migrate*) npx prisma migrate deploy ;;
  help | *) echo usage ;;
esac
"""


@pytest.mark.parametrize(
    ("run", "told_of"),
    [
        ("./ci.sh test", ["EndToEnd playwright"]),
        ("bash ci.sh deploy infra", ["Deploy terraform"]),
        ("./ci.sh deploy web", ["Deploy ecs"]),
        ("./ci.sh deploy other", []),
        ("./ci.sh migrate-now", ["Migrate prisma"]),
        ("./ci.sh", []),
        ('./ci.sh "$WHAT"', ["EndToEnd playwright", "Deploy terraform", "Deploy ecs", "Migrate prisma"]),
        ("./ci.sh deploy $WHAT", ["Deploy terraform", "Deploy ecs"]),
        ("TARGET=test\n./ci.sh $TARGET", ["EndToEnd playwright"]),
    ],
)
def test_the_arguments_of_a_script_choose_the_arms_of_its_case(run: str, told_of: list[str]) -> None:
    assert told(run, **{"ci.sh": DISPATCH}) == told_of


@pytest.mark.parametrize(
    ("script", "told_of"),
    [
        ('while [ $# -gt 0 ]; do case "$1" in a) terraform apply ;; esac; shift; done', ["Deploy terraform"]),
        ('case "$1" in b) ;& a) terraform apply ;; esac', ["Deploy terraform"]),
        ('[ -n "$X" ] && shift\ncase "$1" in b) terraform apply ;; esac', ["Deploy terraform"]),
        ('case "$1" in "$Y") terraform apply ;; esac', ["Deploy terraform"]),
        ('case "$1" in "*") terraform apply ;; esac', ["Deploy terraform"]),
        ('if true; then set -- c; fi\ncase "$1" in c) terraform apply ;; esac', ["Deploy terraform"]),
        ('case "$2" in "") terraform apply ;; esac', ["Deploy terraform"]),
        ('case "$1" in [[:alpha:]]) terraform apply ;; esac', ["Deploy terraform"]),
        ('case "$1" in [^b]) terraform apply ;; esac', ["Deploy terraform"]),
        (f'shift {"9" * 5000}\ncase "$1" in a) terraform apply ;; esac', ["Deploy terraform"]),
        ("if foo; then exit 0; fi\nterraform apply", ["Deploy terraform"]),
        ('foo && [ "$1" = a ] && exit 0\nterraform apply', ["Deploy terraform"]),
        ('if foo; then :; elif [ "$1" = a ]; then exit 0; fi\nterraform apply', ["Deploy terraform"]),
        ('if foo || bar; then if [ "$1" = a ]; then exit 0; fi; fi\nterraform apply', ["Deploy terraform"]),
        ('for x in "$@"; do [ "$1" = a ] && exit 0; done\nterraform apply', ["Deploy terraform"]),
        ('[ "$1" = a ] && (exit 0)\nterraform apply', ["Deploy terraform"]),
        ('[ "$1" = "$Y" ] && exit 0\nterraform apply', ["Deploy terraform"]),
        ('if [ "$1" = b ] || [ "$1" = a ]; then terraform apply; fi', ["Deploy terraform"]),
        ('if [ "$1" = b ] || foo; then terraform apply; fi', ["Deploy terraform"]),
        ('case "$1" in b) terraform apply ;; esac', []),
        ('if [ "$1" = a ]; then exit 0; fi\nterraform apply', []),
        ('[ "$1" = a ] && exit\nterraform apply', []),
        ('case "$1" in a) exit 0 ;; esac\nterraform apply', []),
        ('X="${1:?say which}"\nif [ "$X" = b ] || [ "$X" = c ]; then terraform apply; fi', []),
        ('if [ "$1" = a ] || foo; then :; else terraform apply; fi', []),
        ('case "$1" in [b-z]) terraform apply ;; a) ;; esac', []),
    ],
)
def test_arms_that_may_run_are_kept(script: str, told_of: list[str]) -> None:
    assert told("sh run.sh a", **{"run.sh": script}) == told_of


@pytest.mark.parametrize(
    "here",
    [
        '"$(cd "$(dirname "$0")" && pwd)"', "$(cd $(dirname $0); pwd)", '$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" &> /dev/null && pwd -P)',
        '"$(dirname "$(readlink -f "$0")")"', '$(dirname "$(realpath "${BASH_SOURCE[0]}")")', '"$(git rev-parse --show-toplevel)/ci/jobs"',
        '"$(cd "${0%/*}" >/dev/null 2>&1 && pwd)"', '"$(realpath "$(dirname "$0")")"',
    ],
)  # fmt: skip
def test_the_folder_of_a_script_is_followed_wherever_it_runs(here: str) -> None:
    script = f'readonly HERE={here}\nROOT="$(cd "$HERE/../.." && pwd)"\ncd "$ROOT/app"\n"$HERE"/up.sh\n$ROOT/top.sh\n'
    files = {
        "ci__jobs__run.sh": script, "ci__jobs__up.sh": "npx prisma migrate deploy\n",
        "top.sh": 'cd "$(dirname "$0")/infra" && docker compose up -d\n',
    }  # fmt: skip
    (step,), _ = steps("cd docs && ../ci/jobs/run.sh", **files)
    assert step.gap is None
    migrate, up = step.activities
    assert (type(migrate), isinstance(up, ComposeUp) and up.directory) == (Migrate, "infra")


MAKEFILE = """test: cluster
\t$(eval DEPLOY_ENV=test)
ci:
\t$(eval export AUTO_APPROVE=-auto-approve)
cluster:
\taz aks get-credentials
login:
\tkubelogin convert-kubeconfig
unit:
\tour-runner all
"""


@pytest.mark.parametrize(
    ("line", "tests"),
    [
        ("make test ci", False), ("make ci", False), ("make test login", False), ("make unit", True), ("make unit ci", True),
        ("ssh host make test", True), ("make -C other test", True),
    ],
)  # fmt: skip
def test_a_goal_of_a_makefile_is_what_its_recipe_does(line: str, tests: bool) -> None:
    (step,), _ = steps(line, Makefile=MAKEFILE)
    assert any(each.does("test") for each in step.commands) == tests


@pytest.mark.parametrize(
    ("line", "told_of"),
    [
        ('psql "$URL" < migrations/1.sql', ["Migrate sql"]), ("cat db/migrations/*.sql | psql $URL", ["Migrate sql"]), ("mysql -h db app < db/migrate.sql", ["Migrate sql"]),
        ('for f in migrations/*.sql; do psql "$URL" -v ON_ERROR_STOP=1 -f "$f"; done', ["Migrate sql"]), ("for f in $(ls $DIR/migrations/*.sql | sort -V); do psql < $f; done", ["Migrate sql"]),
        ('ssh host "for f in app/migrations/*.sql; do docker compose exec -T db psql -U app < \\"\\$f\\"; done"', ["Migrate sql"]),
        ("psql $URL < seed.sql", []), ("for f in dumps/*.sql; do psql -f $f; done", []), ("cat migrations/1.sql | grep x", []), ("wc -l < migrations/1.sql", []), ("mysql app -e 'select 1'", []),
    ],
)  # fmt: skip
def test_sql_that_a_client_reads_migrates_where_its_name_says_so(line: str, told_of: list[str]) -> None:
    assert told(line) == told_of


def test_a_script_for_another_shell_is_a_gap() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    defaults: {run: {shell: pwsh}}\n    steps:\n      - run: docker compose up\n"
    )
    (step,) = job(found, "a").steps
    assert step.activities == ()
    assert step.gap is not None


def test_a_migration_in_the_pipeline_is_told_apart_from_a_push() -> None:
    found, _ = steps("npx prisma migrate deploy\nnpx prisma db push")
    assert [(each.tool, each.push) for each in found[0].activities if isinstance(each, Migrate)] == [
        ("prisma", False),
        ("prisma", True),
    ]


def test_a_workflow_that_is_no_yaml_loses_no_other() -> None:
    found, _ = tree_of({CI: "on: push\njobs: {a: {}}\n", ".github/workflows/bad.yml": "a: [b\n"})
    assert [each.name for each in all_of(found, Job)] == ["a"]
    assert [problem.span.path for problem in found.problems] == [".github/workflows/bad.yml"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "on: push", "on: push\njobs: []", "on: push\njobs: {a: 1}", "on: push\njobs: {a: {steps: {b: 1}, needs: {c: 1}}}",
     "on: 1\njobs: {a: {steps: [1, {run: [x]}, {uses: {}}], services: [x], strategy: {matrix: [1]}, env: x}}"],
)  # fmt: skip
def test_documents_of_another_shape_are_survived(text: str) -> None:
    lowered(text)


RUNNERS = {
    "justfile": "up: build\n  docker compose up -d\nbuild:\n  docker build .\nmod ops\n",
    "ops.just": "ship:\n  terraform apply\n",
    "Taskfile.yml": "tasks:\n  up: {cmds: [docker compose up -d]}\n  e2e: {dir: e2e, cmd: npx playwright test}\n",
    "composer.json": '{"scripts": {"e2e": ["@up", "npx playwright test"], "up": "docker compose up -d"}}',
    "pyproject.toml": '[tool.poe.tasks]\ne2e.sequence = [{cmd = "docker compose up -d"}, {shell = "npx playwright test"}]\n'
    '[tool.pdm.scripts]\nup = "docker compose up -d"\n[tool.hatch.envs.e2e.scripts]\nrun = ["npx playwright test"]\n',
    "tox.ini": "[testenv]\ncommands = pytest {posargs}\n[testenv:e2e]\ncommands =\n  docker compose up -d\n"
    "  npx playwright test {posargs:e2e}\n",
    "Makefile": "up:\nifdef CI\n\tdocker compose up -d\nelse\n\tnpm run dev\nendif\n"
    "ship:\nifdef TARGET\n\tterraform apply\nendif\n",
}


@pytest.mark.parametrize(
    ("run", "told_of"),
    [
        ("just up", ["ComposeUp"]),
        ("cd e2e && just up", ["ComposeUp"]),
        ("just ops ship", ["Deploy terraform"]),
        ("just ops::ship", ["Deploy terraform"]),
        ("just --list", []),
        ("task up e2e", ["ComposeUp", "EndToEnd playwright"]),
        ("go-task -d . up", ["ComposeUp"]),
        ("composer run e2e", ["ComposeUp", "EndToEnd playwright"]),
        ("composer install", []),
        ("poe e2e", ["ComposeUp", "EndToEnd playwright"]),
        ("poetry run poe e2e", ["ComposeUp", "EndToEnd playwright"]),
        ("pdm run up", ["ComposeUp"]),
        ("hatch run e2e:run", ["EndToEnd playwright"]),
        ("tox -e e2e", ["ComposeUp", "EndToEnd playwright"]),
        ("tox", []),
        ("bun run --bun playwright test", ["EndToEnd playwright"]),
        ("yarn run playwright test", ["EndToEnd playwright"]),
        ("npx @playwright/test test", []),
        ("make up", ["ComposeUp"]),
        ("cd e2e && make -sC .. up", ["ComposeUp"]),
        ("make -n up", []),
        ("make -C $DIR up", []),
        ("TARGET=prod make ship", ["Deploy terraform"]),
        ("export TARGET=prod\nmake ship", ["Deploy terraform"]),
        ("make ship TARGET=prod", ["Deploy terraform"]),
        ("make ship", []),
    ],
)
def test_task_runners_are_followed(run: str, told_of: list[str]) -> None:
    assert told(run, **RUNNERS) == told_of


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("just none", "the recipe 'none' is not in the justfile"),
        ("task none", "the task 'none' is not in the Taskfile"),
        ("composer run none", "the package script 'none' is not in the tree"),
        ("poe none", "the package script 'none' is not in the tree"),
        ("nox -s e2e", "the package script 'e2e' is not read"),
        ("tox -e none -c other.ini", None),
        ("npx @redocly/cli lint", None),
        ("make -C $DIR up", "where make runs is not known"),
        ("source .env && make ship", "'ifdef TARGET' in the Makefile decides what 'make ship' runs"),
    ],
)
def test_what_a_runner_does_not_tell_is_a_gap(run: str, reason: str | None) -> None:
    (step,), _ = steps(run, **RUNNERS)
    assert (step.gap.reason if step.gap else None) == reason


def test_the_tasks_of_a_python_project_are_followed_where_there_is_no_taskfile() -> None:
    found, _ = steps("uv run task e2e", **{"pyproject.toml": '[tool.taskipy.tasks]\ne2e = "npx playwright test"\n'})
    assert [type(each) for each in found[0].activities] == [EndToEnd]


def test_pipefail_may_be_part_of_a_makefiles_shell() -> None:
    makefile = "SHELL = /bin/bash -o pipefail\na:\n\tnpx playwright test | tee log\n"
    (step,), _ = steps("make a", Makefile=makefile)
    (test,) = step.activities
    assert isinstance(test, EndToEnd)
    assert not test.forgiven
    (step,), _ = steps("make a", Makefile=makefile.partition("\n")[2])
    (test,) = step.activities
    assert isinstance(test, EndToEnd)
    assert test.forgiven


@pytest.mark.parametrize(
    ("uses", "gap", "activities"),
    [
        ("acme/setup-java@v1", False, []),
        ("acme/tools/install-kubectl@v1", False, []),
        ("acme/setup-compose-stack@v1", True, []),
        ("acme/actions/terraform/apply@v1", False, ["Deploy"]),
        ("acme/terraform-plan@v1", False, []),
        ("acme/anything@v1", True, []),
    ],
)
def test_what_published_actions_do_is_told_by_their_names(uses: str, gap: bool, activities: list[str]) -> None:
    found, _ = lowered(f"on: push\njobs: {{a: {{steps: [{{uses: '{uses}'}}]}}}}\n")
    (step,) = job(found, "a").steps
    assert ((step.gap is not None), [type(each).__name__ for each in step.activities]) == (gap, activities)


def test_a_script_for_a_shell_inside_another_program_is_read() -> None:
    found, _ = lowered(
        "on: push\njobs: {a: {steps: [{run: docker compose up -d, shell: 'script -q -e -c \"bash {0}\"'}]}}\n"
    )
    assert len(job(found, "a").steps[0].activities) == 1


def test_a_script_with_expressions_is_read_to_its_end() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          if [ '${{ inputs.x == 'y' }}' = true ]; then\n"
        "            npx prisma migrate deploy ${{ needs.a.outputs['b c'] }}\n          fi\n          bun run a.ts\n"
    )
    (step,) = job(found, "a").steps
    assert step.gap is None
    assert [each.argv for each in step.commands][1] == (
        "npx", "prisma", "migrate", "deploy", "${{ needs.a.outputs['b c'] }}",
    )  # fmt: skip
    assert not step.commands[1].words[-1].literal
    assert [type(each) for each in step.activities] == [Migrate]


def test_a_variable_that_an_earlier_step_sets_decides_a_makefile() -> None:
    runs = {
        "echo TARGET=prod >> $GITHUB_ENV": (1, None),
        "echo TARGET=$(date) >> $GITHUB_ENV": (0, "'ifdef TARGET' in the Makefile decides what 'make ship' runs"),
        "date | tee -a $GITHUB_ENV": (0, "'ifdef TARGET' in the Makefile decides what 'make ship' runs"),
        "echo nothing": (0, None),
    }
    for first, (count, reason) in runs.items():
        found, _ = lowered(
            f"on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: {first}\n      - run: make ship\n",
            **RUNNERS,
        )
        step = job(found, "a").steps[1]
        assert len(step.activities) == count
        assert (step.gap.reason if step.gap else None) == reason


@pytest.mark.parametrize(
    ("run", "context", "dockerfile"),
    [
        ("run: docker build -f app/Dockerfile.production app", "app", "app/Dockerfile.production"),
        ("run: cd app && docker build -f ../Dockerfile ..", ".", "Dockerfile"),
        ("run: docker build app", "app", "app/Dockerfile"),
        ("run: docker build -f Dockerfile.production .", ".", "Dockerfile.production"),
        ("uses: docker/build-push-action@v6\n        with: {context: app}", "app", "app/Dockerfile"),
        ("uses: docker/build-push-action@v6\n        with: {context: app, file: Dockerfile}", "app", "Dockerfile"),
        ("uses: docker/build-push-action@v6\n        with: {file: a/Dockerfile}", ".", "a/Dockerfile"),
        ("run: docker buildx bake web", "web", "web/Dockerfile.production"),
        ("run: docker buildx bake api", ".", "Dockerfile"),
        ("run: cd deep && docker buildx bake", "deep", "deep/x/Dockerfile"),
    ],
)
def test_every_way_to_build_finds_its_context_and_dockerfile(run: str, context: str, dockerfile: str) -> None:
    found, _ = tree_of(
        {
            CI: f"on: push\njobs:\n  a:\n    steps:\n      - {run}\n",
            "docker-bake.hcl": 'target "web" {\n  context = "web"\n  dockerfile = "Dockerfile.production"\n}\ntarget "api" {}\n',
            "deep/docker-bake.hcl": 'target "default" {\n  dockerfile = "x/Dockerfile"\n}\n',
        }
    )
    (build,) = all_of(found, Build)
    assert (known(build.context), known(build.dockerfile)) == (context, dockerfile)


@pytest.mark.parametrize(
    "run", ["docker build https://example.com/x.git", "docker build $DIR", "docker build -", "docker build"]
)
def test_a_context_outside_the_tree_is_unknown_and_its_dockerfile_too(run: str) -> None:
    found, _ = lowered(f"on: push\njobs: {{a: {{steps: [{{run: '{run}'}}]}}}}\n")
    (build,) = all_of(found, Build)
    assert isinstance(build.context, Unknown)
    assert isinstance(build.dockerfile, Unknown)


def test_a_run_has_a_bounded_number_of_jobs() -> None:
    wide = ", ".join(str(number) for number in range(60))
    call = f"strategy: {{matrix: {{n: [{wide}]}}}}, with: {{n: '${{{{ matrix.n }}}}'}}, uses: ./.github/workflows/"
    files = {CI: "on: push\njobs: {a: {" + call + "w0.yml}}\n"}
    for number in range(4):
        inputs = "{workflow_call: {inputs: {n: {type: string}}}}"
        files[f".github/workflows/w{number}.yml"] = f"on: {inputs}\njobs: {{a: {{{call}w{number + 1}.yml}}}}\n"
    files[".github/workflows/w4.yml"] = "on: workflow_call\njobs: {a: {}}\n"
    jobs = all_of(tree_of(files)[0], Job)
    assert len(jobs) < 2_000
    assert any(each.gap is not None and "more than" in each.gap.reason for each in jobs)


def test_of_a_choice_that_the_inputs_make_only_the_chosen_name_is_left() -> None:
    tags = (
        "${{ inputs.registry == 'ecr' && steps.ecr.outputs.tags || steps.ghcr.outputs.tags "
        "|| format('ghcr.io/{0}', steps.name.outputs.name) || inputs.registry == 'ecr' && 'ecr' || 'x' }}"
    )
    found, _ = tree_of(
        {
            CI: "on: push\njobs: {a: {uses: ./.github/workflows/b.yml, with: {registry: ghcr}}}\n",
            ".github/workflows/b.yml": "on: {workflow_call: {inputs: {registry: {type: string}}}}\njobs:\n  b:\n    steps:\n"
            f'      - run: docker build -t "{tags}" --push .\n',
        }
    )
    assert job(found, "a/b").steps[0].activities == ()


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("task-definition: task-defs/api-migrate.json, run-task: true", Migrate),
        ("task-definition: task-defs/api.json, service: api", Deploy),
        ("task-definition: task-defs/api-migrate.json, service: api", Deploy),
    ],
)
def test_a_task_that_is_run_and_called_after_migrating_migrates(given: str, kind: type[object]) -> None:
    uses = "aws-actions/amazon-ecs-deploy-task-definition@v2"
    found, _ = lowered(f"on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{{uses: {uses}, with: {{{given}}}}}]\n")
    (step,) = job(found, "a").steps
    assert [type(each) for each in step.activities] == [kind]
