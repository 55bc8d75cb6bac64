"""What is put into a script before its commands are told: GitHub's "Contexts reference" and the rules of the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.image import ImageRef
from policyengine.model.nodes import Build, Deploy, EndToEnd, Job, Migrate, Service, Workflow
from policyengine.model.value import Absent, Known, Unknown
from policyengine.platforms.github import buildspecs, workflows
from policyengine.testing.memory import Memory
from tests.platforms.test_actions import CI, all_of, job, known, lowered, steps, told, tree_of

if TYPE_CHECKING:
    from policyengine.platforms import Lowered


def done(found: Lowered, name: str) -> list[str]:
    """What the steps of a job do, with its tool."""
    named = [each for step in job(found, name).steps for each in step.activities]
    return [each.tool for each in named if isinstance(each, Deploy | Migrate)]


STEPS = """
jobs:
  a:
    {job}
    steps:
      - id: say
        run: echo "command=apply" >> "$GITHUB_OUTPUT"
      - {step}
"""


@pytest.mark.parametrize(
    ("top", "body", "step"),
    [
        ("env: {CMD: apply}", "runs-on: x", "run: terraform ${{ env.CMD }} -auto-approve"),
        ("env: {CMD: apply}", "runs-on: x", "run: terraform $CMD -auto-approve"),
        ("", "env: {LINE: terraform apply -auto-approve}", "run: $LINE"),
        ("", "env: {LINE: terraform apply -auto-approve}", "run: ${{ env.LINE }}"),
        ("", "strategy: {matrix: {cmd: [apply]}}", "run: terraform ${{ matrix.cmd }}"),
        ("", "strategy: {matrix: {cmd: [plan, apply]}}", "run: terraform ${{ matrix.CMD }}"),
        ("", "runs-on: x", "run: terraform ${{ steps.say.outputs.command }}"),
        ("", "runs-on: x", "{run: 'terraform $DO', env: {DO: '${{ steps.Say.outputs.Command }}'}}"),
    ],
)
def test_what_is_known_is_put_in_before_a_command_is_told(top: str, body: str, step: str) -> None:
    found, _ = lowered(f"on: push\n{top}\n{STEPS.format(job=body, step=step)}")
    assert done(found, "a") == ["terraform"]


@pytest.mark.parametrize(
    "step",
    [
        "run: terraform ${{ vars.CMD }}",
        "run: terraform $CMD",
        "{if: \"matrix.cmd == 'plan'\", run: 'terraform ${{ matrix.cmd }}'}",
        "run: for CMD in plan; do terraform $CMD; done",
        "run: 'echo terraform ${{ steps.say.outputs.command }}'",
    ],
)
def test_what_is_not_known_or_not_chosen_makes_no_deployment(step: str) -> None:
    found, _ = lowered(f"on: push\n{STEPS.format(job='strategy: {matrix: {cmd: [plan, apply]}}', step=step)}")
    assert done(found, "a") == []


def test_a_value_put_in_stands_at_the_expression() -> None:
    found, tree = lowered("on: push\nenv: {CMD: apply}\njobs: {a: {steps: [{run: 'terraform ${{ env.CMD }} -x'}]}}\n")
    (command,) = job(found, "a").steps[0].commands
    assert [(word.text, tree.at(word.span)) for word in command.words] == [
        ("terraform", "terraform"), ("apply", "${{ env.CMD }}"), ("-x", "-x"),
    ]  # fmt: skip


def test_the_value_of_a_secret_variable_is_not_put_in() -> None:
    found, _ = lowered(
        "on: push\nenv: {DB_PASSWORD: abc, NAME: web}\njobs: {a: {steps: [{run: 'x $DB_PASSWORD $NAME'}]}}\n"
    )
    assert job(found, "a").steps[0].commands[0].argv == ("x", "$DB_PASSWORD", "web")


def test_a_choice_of_a_person_may_be_any_of_its_options() -> None:
    on = "on: {workflow_dispatch: {inputs: {Action: {type: choice, options: [plan, apply]}}}}\n"
    body = "jobs:\n  a:\n    steps:\n      - run: terraform ${{ inputs.action }}\n      - run: terraform ${{ github.event.inputs.action }}\n"
    assert done(lowered(on + body)[0], "a") == ["terraform", "terraform"]


def test_names_of_inputs_ignore_case() -> None:
    found, _ = lowered(
        "on: push\njobs: {a: {uses: ./.github/workflows/b.yml, with: {COMMAND: apply}}}\n",
        **{
            ".github__workflows__b.yml": "on: {workflow_call: {inputs: {command: {type: string}}}}\n"
            "jobs:\n  c:\n    steps:\n      - if: inputs.Command == 'apply'\n        run: terraform ${{ inputs.CoMMand }}\n"
        },
    )
    assert done(found, "a/c") == ["terraform"]


def test_an_input_that_begins_otherwise_does_not_meet_a_condition() -> None:
    found, _ = lowered(
        "on: push\njobs: {a: {uses: ./.github/workflows/b.yml, with: {url: 'https://${{ needs.x.outputs.host }}'}}}\n",
        **{
            ".github__workflows__b.yml": "on: {workflow_call: {inputs: {url: {type: string}}}}\njobs:\n  c:\n    steps:\n"
            "      - if: inputs.url == 'http://localhost:3000'\n        run: terraform apply\n"
            "      - if: inputs.url == 'https://shop.example'\n        run: cdk deploy\n"
        },
    )
    assert done(found, "a/c") == ["cdk"]


OUTPUTS = """on: push
jobs:
  deploy:
    needs: decide
    if: needs.decide.outputs.go == 'yes'
    steps: [{{run: 'terraform ${{{{ needs.decide.outputs.command }}}}'}}]
  decide:
    outputs: {{go: '${{{{ steps.x.outputs.go }}}}', command: '${{{{ steps.x.outputs.command }}}}'}}
    steps:
      - id: x
        run: |
          {run}
"""


_GO = 'echo "go=$GO" >> $GITHUB_OUTPUT\n          echo command=apply >> $GITHUB_OUTPUT'


@pytest.mark.parametrize(
    ("run", "deploys"),
    [
        ('echo "go=yes" >> $GITHUB_OUTPUT\n          echo command=apply >> "$GITHUB_OUTPUT"', True),
        ('echo "go=no" >> $GITHUB_OUTPUT\n          echo command=apply >> "$GITHUB_OUTPUT"', False),
        ('if x; then echo "go=no" >> $GITHUB_OUTPUT; fi\n          echo command=apply >> "$GITHUB_OUTPUT"', True),
        (f"if x; then GO=yes; else GO=no; fi\n          {_GO}", True),
        (f"GO=no\n          if x; then GO=no; fi\n          {_GO}", False),
        (f"GO=no\n          if x; then GO=yes; fi\n          {_GO}", True),
        (f"if x; then\n            GO=yes\n            {_GO}\n          fi", False),
        (f"if x; then GO=no; fi\n          if y; then GO=no; fi\n          {_GO}", True),
        ('echo "command=apply" >> $GITHUB_OUTPUT\n          echo command=plan >> "$GITHUB_OUTPUT"', False),
        ('{ echo "command=apply"; } >> "$GITHUB_OUTPUT"', False),
    ],
)
def test_outputs_of_jobs_are_put_in_where_a_step_surely_sets_them(run: str, *, deploys: bool) -> None:
    assert done(lowered(OUTPUTS.format(run=run))[0], "deploy") == ["terraform"] * deploys


def test_outputs_of_called_workflows_and_actions_are_put_in() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a: {uses: ./.github/workflows/b.yml}\n  d:\n    needs: a\n    steps:\n"
        "      - {id: s, uses: ./.github/actions/say}\n"
        "      - run: terraform ${{ needs.a.outputs.command }}\n      - run: cdk ${{ steps.s.outputs.word }}\n",
        **{
            ".github__workflows__b.yml": "on: {workflow_call: {outputs: {command: {value: '${{ jobs.c.outputs.w }}'}}}}\n"
            "jobs:\n  c:\n    outputs: {w: '${{ steps.x.outputs.y }}'}\n    steps:\n      - {id: x, run: 'echo y=apply >> $GITHUB_OUTPUT'}\n",
            ".github__actions__say__action.yml": "outputs: {word: {value: '${{ steps.inner.outputs.z }}'}}\nruns:\n  using: composite\n"
            "  steps: [{id: inner, shell: bash, run: 'echo z=deploy >> $GITHUB_OUTPUT'}]\n",
        },
    )
    assert done(found, "d") == ["terraform", "cdk"]


def test_the_name_of_the_workflow_and_its_only_event_decide_conditions() -> None:
    found, _ = lowered(
        "name: Ship\non: push\njobs:\n  a:\n    steps:\n      - {if: \"github.workflow == 'Ship'\", run: terraform apply}\n"
        "      - {if: \"github.workflow != 'Ship'\", run: cdk deploy}\n      - {if: \"github.event_name == 'schedule'\", run: sls deploy}\n"
    )
    assert done(found, "a") == ["terraform"]


def test_a_matrix_chooses_the_working_directory() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    strategy: {matrix: {app: [api, web]}}\n    defaults: {run: {working-directory: 'apps/${{ matrix.app }}'}}\n"
        "    steps: [{run: npm run ship}]\n",
        **{
            "apps__api__package.json": '{"scripts": {"ship": "sam deploy"}}',
            "apps__web__package.json": '{"scripts": {"ship": "vercel deploy --prod"}}',
        },
    )
    assert done(found, "a") == ["cloudformation", "vercel"]


@pytest.mark.parametrize(
    ("script", "told_of"),
    [
        ("if false; then terraform apply; fi", []),
        ("if true; then terraform apply; else cdk deploy; fi", ["Deploy terraform"]),
        ("if ! false; then terraform apply; else cdk deploy; fi", ["Deploy terraform"]),
        ("false && terraform apply\ntrue || cdk deploy", []),
        ('X=b\nif [ "$X" = a ]; then terraform apply; elif [[ $X == b* ]]; then cdk deploy; else sls deploy; fi', ["Deploy cdk"]),
        ('X=b\n[ "$X" != a ] && [ -n "$X" ] && terraform apply', ["Deploy terraform"]),
        ('X=b\n[ "$X" != b ] && terraform apply\n[ -z "$X" ] && cdk deploy', []),
        ('[ "$Y" = a ] && terraform apply || cdk deploy', ["Deploy terraform", "Deploy cdk"]),
        ('for Y in a b; do if [ "$Y" = c ]; then terraform apply; fi; done', ["Deploy terraform"]),
        ("bash -n ./deploy.sh", []),
        ("bash ./deploy.sh", ["Deploy k8s"]),
        ("kubectl apply --dry-run=client -f k8s", []),
        ("ssh host 'docker pull app && docker run -d app'", ["Deploy ssh"]),
        ("ssh host 'docker run --rm app true'", []),
        ("ssh host 'cd app && git pull && sudo systemctl restart app'", ["Deploy ssh"]),
        ("ssh host 'bash ~/deploy.sh'", ["Deploy ssh"]),
        ("docker run -d --name nats nats:2", []),
        ("""aws ecs run-task --overrides '{"containerOverrides":[{"command":["npm","run","up"]}]}'""", ["Migrate prisma"]),
        ("aws ecs run-task --task-definition shop-migrate", ["Migrate ecs"]),
        ("gcloud run jobs execute shop-migrations --region r", ["Migrate cloud-run"]),
        ("npm run test:lint && npm run verify", []),
        ("npm run with:env -- npm run up", ["Migrate prisma"]),
        ("npm run deploy", []),
    ],
)  # fmt: skip
def test_what_runs_is_told_and_nothing_else(script: str, told_of: list[str]) -> None:
    scripts = '"up": "prisma migrate deploy", "with:env": "dotenv -e .env --", "deploy": "next build", "verify": "tsc"'
    files = {"deploy.sh": "kubectl apply -f k8s\n", "package.json": f'{{"scripts": {{{scripts}}}}}'}
    assert told(script, **files) == told_of


def test_a_target_whose_commands_are_all_known_does_not_do_what_its_name_says() -> None:
    run, make = "make private-tests", "private-tests:\n\tgit clone https://example.com/x\n"
    found, _ = lowered(f"on: push\njobs: {{a: {{steps: [{{run: {run}}}]}}}}\n", Makefile=make)
    assert not any(command.does("test") for command in job(found, "a").steps[0].commands)
    found, _ = lowered(f"on: push\njobs: {{a: {{steps: [{{run: {run}}}]}}}}\n", Makefile=make + "\t./bin/run-them\n")
    assert job(found, "a").steps[0].commands[0].does("test")


def test_a_matrix_of_one_value_names_the_image_of_a_service() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    strategy: {matrix: {pg: ['16']}}\n    services: {db: {image: 'postgres:${{ matrix.pg }}'}}\n"
    )
    assert str(known(all_of(found, Service)[0].image)) == "postgres:16"


def test_jobs_that_need_one_another_are_read_all_the_same() -> None:
    found, _ = lowered(
        "on: push\njobs: {a: {needs: b, steps: [{run: cdk deploy}]}, b: {needs: a, steps: [{run: npx playwright test}]}}\n"
    )
    assert [each.id for each in all_of(found, Job)] == [f"github:{CI}#a", f"github:{CI}#b"]
    assert [type(each) for each in job(found, "b").steps[0].activities] == [EndToEnd]


OWN = {
    CI: "on: push\njobs:\n  a:\n    uses: Acme/Shop/.github/workflows/b.yml@main\n  b:\n    uses: other/shop/.github/workflows/b.yml@main\n"
    "  c:\n    steps:\n      - uses: acme/shop/.github/actions/ship@v1\n      - uses: acme/other/.github/actions/ship@v1\n",
    ".github/workflows/b.yml": "on: workflow_call\njobs: {d: {steps: [{run: cdk deploy}]}}\n",
    ".github/actions/ship/action.yml": "runs: {using: composite, steps: [{shell: bash, run: terraform apply}]}\n",
}


def test_the_repositorys_own_workflows_and_actions_are_read_by_their_full_names() -> None:
    tree = Memory(OWN, repository="acme/shop")
    found = workflows.join_workflows([workflows.lower(path, tree) for path in workflows.paths(tree)])
    assert done(found, "a/d") == ["cdk"]
    assert done(found, "c") == ["terraform"]
    assert [each.id for each in all_of(found, Job) if each.gap is not None] == [f"github:{CI}#b"]
    assert [step.gap is not None for step in job(found, "c").steps][-1]
    called = next(each for each in all_of(found, Workflow) if each.path.endswith("b.yml"))
    assert called.jobs == ()


def test_without_a_known_repository_a_full_name_is_anybodys() -> None:
    tree = Memory(OWN)
    found = workflows.lower(CI, tree)
    assert [each.id for each in all_of(found, Job) if each.gap is not None] == [f"github:{CI}#a", f"github:{CI}#b"]


def drafts(run: str, **files: str) -> list[Build]:
    body = "\n".join("          " + line for line in run.split("\n"))
    found, _ = lowered(
        f"on: push\njobs:\n  a:\n    steps:\n      - run: |\n{body}\n", Dockerfile="FROM scratch\n", **files
    )
    return all_of(found, Build)


@pytest.mark.parametrize(
    ("options", "platforms", "reason"),
    [
        ("--platform linux/arm64", ("linux/arm64",), ""),
        ("", None, ""),
        ("${P:+--platform $P}", None, "'${P:+--platform $P}' may hold further options"),
        ('"${more[@]}"', None, "'${more[@]}' may hold further options"),
        ("$MORE", None, "'$MORE' may hold further options"),
    ],
)
def test_options_that_may_be_there_are_unknown_and_not_absent(
    options: str, platforms: tuple[str, ...] | None, reason: str
) -> None:
    (build,) = drafts(f"docker build {options} -t app:1 .")
    match build.platforms:
        case Unknown(why):
            assert why == reason
            assert isinstance(build.push, Unknown)
        case Known(value):
            assert value == platforms
        case other:
            assert isinstance(other, Absent)
            assert platforms is None
            assert not reason


def test_options_in_variables_that_are_known_are_read() -> None:
    script = 'P=x\nmore=(--push)\nmore+=(--load)\nflags=(--platform linux/arm64 -t "app:1")\n'
    (build,) = drafts(script + 'docker build "${flags[@]}" ${P:+--target web} .')
    assert (known(build.platforms), known(build.target)) == (("linux/arm64",), "web")
    (build,) = drafts(script + 'docker build "${more[@]}" .')
    assert isinstance(build.push, Unknown)


@pytest.mark.parametrize(
    ("condition", "runs"),
    [("", False), ("if: github.ref != ''", False), ("if: always()", True), ("if: '!failure()'", True)],
)
def test_what_needs_a_job_that_never_runs_does_not_run_unless_it_says_so(condition: str, runs: bool) -> None:
    found, _ = lowered(
        "on: push\njobs:\n  b:\n    needs: a\n    steps: [{run: terraform apply}]\n"
        f"    {condition or 'name: b'}\n  a: {{if: false, steps: [{{run: echo}}]}}\n"
    )
    assert [bool(job(found, key).steps) for key in ("a", "b")] == [False, runs]


def test_an_action_of_elsewhere_deploys_where_its_name_says_so_and_one_of_the_tree_does_what_it_holds() -> None:
    uses = "on: push\njobs:\n  a:\n    steps: [{uses: ./.github/actions/shared/coolify-deploy}]\n"
    found, _ = lowered(uses)
    (step,) = job(found, "a").steps
    assert ([type(each).__name__ for each in step.activities], step.gap) == (["Deploy"], None)
    action = "runs: {using: composite, steps: [{run: echo, shell: bash}]}\n"
    found, _ = lowered(uses, **{".github/actions/shared/coolify-deploy/action.yml": action})
    assert [each for step in job(found, "a").steps for each in step.activities] == []


def test_a_function_hands_on_the_words_that_it_is_called_with() -> None:
    (build,) = drafts('ship() { docker buildx build --push "$@"; }\nship -f a/Dockerfile -t "$R/acme/api:$SHA" a')
    assert (known(build.dockerfile), known(build.push), build.references[0].repository) == (
        "a/Dockerfile",
        True,
        "acme/api",
    )
    (build,) = drafts('ship() { docker build -t "$1" "$2"; }\nship "$R/acme/api:$SHA" web')
    assert (known(build.context), build.references[0].repository) == ("web", "acme/api")


@pytest.mark.parametrize(
    ("inputs", "tags"),
    [
        ("tags: |\n  type=raw,value=edge\n  stable", ["edge", "stable"]),
        ("tags: 'type=raw,value=latest,enable={{is_default_branch}}'", ["latest"]),
        ("tags: |\n  type=raw,value=edge\n  type=raw,value=latest,enable=false\n  type=sha", ["edge", None]),
        ("tags: 'type=raw,value=main-{{sha}}'", [None]),
        ("tags: 'type=semver,pattern={{version}}'", ["latest", None]),
        ("tags: 'type=semver,pattern={{version}}'\nflavor: latest=false", [None]),
        ("tags: 'type=raw,value=edge'\nflavor: suffix=-slim", [None]),
        ("labels: a=1", [None]),
    ],
)
def test_the_tags_that_an_action_names_are_known_as_far_as_it_writes_them_out(
    inputs: str, tags: list[str | None]
) -> None:
    given = "".join(f"          {line}\n" for line in inputs.split("\n"))
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    steps:\n      - uses: docker/metadata-action@v5\n        id: meta\n        with:\n"
        f"          images: ghcr.io/acme/api\n{given}"
        "      - uses: docker/build-push-action@v6\n        with: {tags: '${{ steps.meta.outputs.tags }}'}\n"
    )
    (build,) = all_of(found, Build)
    assert {each.repository for each in build.references} == {"acme/api"}
    assert [each.tag if isinstance(each.tag, str) else None for each in build.references] == tags


BAKE = 'target "api" { tags = ["acme/api:1"] }\ntarget "web" { tags = ["acme/web:1"] }\n'


def test_the_targets_of_bake_may_stand_in_an_array() -> None:
    found = drafts('targets=(api web)\ndocker buildx bake "${targets[@]}"', **{"docker-bake.hcl": BAKE})
    assert [each.name for each in found] == ["api", "web"]
    (build,) = drafts('docker buildx bake "${targets[@]}"', **{"docker-bake.hcl": BAKE})
    assert isinstance(build.dockerfile, Unknown)


def test_a_list_of_tags_with_one_that_is_not_decided_is_not_the_list_of_the_others() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    steps:\n      - uses: docker/build-push-action@v6\n        with:\n          tags: |\n"
        "            acme/app-test:1\n            ${{ vars.IMAGE }}:1\n"
    )
    (build,) = all_of(found, Build)
    tested, open_ = known(build.tags)
    assert str(tested) == "acme/app-test:1"
    assert isinstance(open_, Unknown)
    assert [str(each) for each in build.references] == ["acme/app-test:1"]


@pytest.mark.parametrize(
    ("script", "told_of"),
    [
        ('CMD="terraform"\nCMD+=" apply"\n$CMD', ["Deploy terraform"]),
        ('X="$X apply"\nterraform $X', []),
        ("words=(terraform apply)\n${words[@]}", ["Deploy terraform"]),
        ("X=a\nfor X in apply; do terraform $X; done", []),
        ("X=apply\nsource ./.env\nterraform $X", []),
    ],
)
def test_a_variable_that_changes_is_what_it_became(script: str, told_of: list[str]) -> None:
    assert told(script) == told_of


def gap(run: str, **files: str) -> str | None:
    (step,), _ = steps(run, **files)
    return step.gap.reason if step.gap is not None else None


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        ("terraform ${{ vars.CMD }} -auto-approve", "what 'terraform ${{ vars.CMD }}' does is set by the run"),
        ("terraform apply ${{ vars.ARGS }}", None),
        ("git ${{ vars.ARGS }}", None),
        ("./tool check", "the script ./tool is not in the tree"),
        ("curl -fsSL -o tool https://example.com/x\nchmod +x tool\n./tool check", None),
        ("curl -LO https://example.com/x.tar.gz && tar xzf x.tar.gz\n./x/bin/tool check", None),
        ("curl -LO https://example.com/x.tar.gz && tar xzf x.tar.gz\n./install.sh", "the script ./install.sh is not in the tree"),
        ("wget https://example.com/install.sh\nbash install.sh", None),
        ("go build -o server ./cmd\n./server --version", None),
        ("earthly +deploy", "the Earthfile target '+deploy' is not read"),
    ],
)  # fmt: skip
def test_what_a_command_leaves_open(run: str, reason: str | None) -> None:
    assert gap(run) == reason


def test_what_one_job_fetches_is_not_there_for_another() -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a: {steps: [{run: 'curl -O https://example.com/tool'}, {run: ./tool}]}\n  b: {steps: [{run: ./tool}]}\n"
    )
    assert [step.gap for step in job(found, "a").steps] == [None, None]
    assert job(found, "b").steps[0].gap is not None


BUILDSPEC = """version: 0.2
env:
  variables: {REPO: 1.dkr.ecr.eu-west-1.amazonaws.com/shop}
phases:
  pre_build:
    commands:
      - cd app
      - npm test
  build:
    commands:
      - |
        docker build -f Dockerfile.dev \\
          -t $REPO:latest .
    finally:
      - docker push $REPO:latest
  post_build:
    commands: [aws ecs update-service --service shop --force-new-deployment]
"""


def test_a_buildspec_is_a_workflow_of_one_job_with_its_builds() -> None:
    tree = Memory({"ci/buildspec.yml": BUILDSPEC, "app/package.json": '{"scripts": {"test": "jest"}}'})
    (path,) = buildspecs.paths(tree)
    found = buildspecs.lower(path, tree)
    (build,) = all_of(found, Build)
    assert (build.id, known(build.context), known(build.dockerfile)) == (
        "codebuild:ci/buildspec.yml#build/build-0", "app", "app/Dockerfile.dev",
    )  # fmt: skip
    assert known(build.push) is True
    assert [str(each) for each in build.references] == ["1.dkr.ecr.eu-west-1.amazonaws.com/shop:latest"]
    (made,) = all_of(found, Job)
    assert [each.tool for each in made.steps[0].activities if isinstance(each, Deploy)] == ["ecr-push", "ecs"]
    assert tree.at(made.steps[0].activities[1].span) == "aws ecs update-service --service shop --force-new-deployment"
    assert any(command.argv == ("jest",) for command in made.steps[0].commands)
    (workflow,) = all_of(found, Workflow)
    assert (workflow.id, workflow.triggers, workflow.jobs) == ("codebuild:ci/buildspec.yml", (), (made.id,))


@pytest.mark.parametrize(
    "text", ["", "[]", "version: 0.2\n", "phases: {build: {}}\n", "phases: [", "phases: {build: 1}\n"]
)
def test_a_buildspec_without_commands_is_nothing(text: str) -> None:
    assert buildspecs.lower("buildspec.yml", Memory({"buildspec.yml": text})).nodes == ()


@pytest.mark.parametrize(
    "run",
    ["./with.sh npx playwright test", "bash with.sh npx playwright test", "node wrap.js npx playwright test",
     "node --import tsx wrap.ts npm run e2e -- --shard 1"],
)  # fmt: skip
def test_a_script_that_runs_its_arguments_is_read_through(run: str) -> None:
    files = {"with.sh": '#!/bin/sh\nset -a\nexec "$@"\n', "package.json": '{"scripts": {"e2e": "playwright test"}}'}
    assert told(run, **files) == ["EndToEnd playwright"]


@pytest.mark.parametrize(
    ("run", "told_of"),
    [
        ("docker compose run --rm backend bash scripts/prestart.sh", ["Migrate alembic"]),
        ("docker compose exec backend ./scripts/prestart.sh", ["Migrate alembic"]),
        ("docker run --rm backend /srv/app/scripts/prestart.sh", ["Migrate alembic"]),
        ("docker compose run web bash scripts/start.sh", []),
        ("docker compose run web bash scripts/none.sh", []),
        ("ssh host bash scripts/prestart.sh", []),
        ("flyctl deploy --build-only --push", []),
    ],
)
def test_a_shell_file_in_a_container_is_read_where_only_one_of_the_tree_can_be_meant(
    run: str, told_of: list[str]
) -> None:
    files = {
        "backend/scripts/prestart.sh": "#!/bin/sh\nalembic upgrade head\n",
        "web/scripts/start.sh": "#!/bin/sh\nalembic upgrade head\n",
        "api/scripts/start.sh": "#!/bin/sh\nalembic upgrade head\n",
    }
    assert told(run, **files) == told_of


BRANCHES = {
    "if x; then T=1; TOLD; fi": "1",
    "if x; then T=1; if y; then TOLD; fi; fi": "1",
    "if x; then T=1; else TOLD; fi": None,
    "if x; then T=1; elif y; then TOLD; fi": None,
    "if x; then T=1; if y; then T=2; fi; TOLD; fi": None,
    "if x; then T=1; if y; then T=1; fi; TOLD; fi": "1",
    "case $X in a) T=1;; b) TOLD;; esac": None,
    "case $X in a) T=1; TOLD;; b) T=2;; esac": "1",
    "for x in a b; do T=1; TOLD; done": "1",
    "for x in a b; do T=1; done; TOLD": None,
    "{ T=1; }; TOLD": "1",
    "x && T=1 && TOLD": "1",
    "x && T=1; TOLD": None,
    "x && { y; T=1; }; TOLD": None,
    "x && T=1 || TOLD": None,
    "x && T=1 && y || z && TOLD": None,
    "f() { T=2; }; if x; then T=1; else f; TOLD; fi": "2",
    "f() { TOLD; }; if x; then T=1; f; fi": "1",
    "f() { TOLD; }; if x; then T=1; else f; fi": None,
    "f() { T=1; }; if x; then f; fi; TOLD": None,
}


@pytest.mark.parametrize("script", BRANCHES)
def test_what_a_branch_sets_is_known_in_it_and_nowhere_else(script: str) -> None:
    run = script.replace("TOLD", "docker build -t app:$T .")
    found, _ = lowered(f"on: push\njobs:\n  a:\n    steps:\n      - run: |\n          {run}\n")
    (build,) = (node for node in found.nodes if isinstance(node, Build))
    (image,) = build.tags.value if isinstance(build.tags, Known) else ()
    assert isinstance(image, ImageRef)
    assert (image.tag if isinstance(image.tag, str) else None) == BRANCHES[script]


@pytest.mark.parametrize(
    ("condition", "deploys"),
    [
        ("", True),
        ("if: always()", True),
        ("if: ${{ always() }}", True),
        ("if: ${{ success() }}", True),
        ("if: 1 == 1", True),
        ("if: failure()", False),
        ("if: github.ref == 'refs/heads/main'", False),
    ],
)
def test_a_variable_that_a_step_sets_under_a_condition_is_not_known_behind_it(condition: str, *, deploys: bool) -> None:
    found, _ = lowered(
        "on: push\njobs:\n  a:\n    steps:\n      - run: echo C=apply >> $GITHUB_ENV\n"
        f"        {condition}\n      - run: terraform ${{{{ env.C }}}}\n"
    )
    assert done(found, "a") == ["terraform"] * deploys


@pytest.mark.parametrize(("condition", "deploys"), [("", True), ("if: always()", True), ("if: vars.X == 'x'", False)])
def test_a_variable_of_an_action_that_is_called_under_a_condition_is_not_known(
    condition: str, *, deploys: bool
) -> None:
    found, _ = tree_of(
        {
            CI: f"on: push\njobs:\n  a:\n    steps:\n      - uses: ./say\n        {condition}\n"
            "      - run: terraform ${{ env.C }}\n",
            "say/action.yml": "runs:\n  using: composite\n  steps:\n    - uses: ./inner\n",
            "inner/action.yml": "runs: {using: composite, steps: [{shell: bash, run: echo C=apply >> $GITHUB_ENV}]}\n",
        }
    )
    assert done(found, "a") == ["terraform"] * deploys


COPY = "{{uses: appleboy/scp-action@v1, with: {{source: '{}'}}}}"


@pytest.mark.parametrize(
    ("step", "given", "shipped"),
    [
        ("run: gcloud run deploy x --set-env-vars A=1,B=2 --update-env-vars=C=3", ("A", "B", "C"), ()),
        ("run: gcloud run deploy x --set-env-vars '^|^A=1|B=$(x)|C='", ("A",), ()),
        ("run: gcloud run deploy x --labels A=1", (), ()),
        ("run: az containerapp update -n x --set-env-vars A=secretref:a B=2", ("B",), ()),
        ("run: other --set-env-vars A=1", (), ()),
        ("{uses: google-github-actions/deploy-cloudrun@v2, with: {env_vars: 'A=1', labels: 'B=2'}}", ("A",), ()),
        ("run: ssh me@host 'echo API_KEY=${{ secrets.K }} >> .env'", ("API_KEY",), ()),
        ("run: ssh me@host 'echo done'", (), ()),
        ("run: echo API_KEY=x", (), ()),
        ("run: aws ssm send-command --parameters \"commands=['echo API_KEY=x >> /srv/.env']\"", ("API_KEY",), ()),
        ("run: aws ssm send-command --parameters 'echo API_KEY=x >> /srv/log'", (), ()),
        ("run: scp compose.yml .env prod.env .env.example other.txt me@host:/srv", (), (".env", "prod.env")),
        ("run: rsync -a .env.production me@host:/srv", (), (".env.production",)),
        ("run: scp .env /srv", (), ()),
        ("run: cp .env me@host:/srv", (), ()),
        (COPY.format("compose.yml, app/.env,!app/.env.local,.env.sample"), (), ("app/.env",)),
        ("{uses: appleboy/scp-action@v1, with: {target: .env}}", (), ()),
    ],
)
def test_what_a_step_gives_to_machines_and_services_in_plain_sight(
    step: str, given: tuple[str, ...], shipped: tuple[str, ...]
) -> None:
    found, _ = lowered(f"on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - {step}\n")
    (one,) = job(found, "a").steps
    assert tuple(each.value for each in one.given) == given
    assert tuple(each.value for each in one.shipped) == shipped


OPEN = "what the action builds by default is not known"


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("{uses: acme/docker-build-push-action@v1}", (OPEN, OPEN, OPEN, True)),
        (
            "{uses: acme/docker-build-push-action@v1, with: {context: app, file: x/Dockerfile, platforms: linux/amd64, push: 'false'}}",
            ("app", "x/Dockerfile", ("linux/amd64",), False),
        ),
        ("{uses: acme/docker-build-push-action@v1, with: {context: app}}", ("app", OPEN, OPEN, True)),
        ("{uses: docker/build-push-action@v6}", (".", "Dockerfile", None, None)),
        ("{uses: docker/build-push-action@v6, with: {push: true}}", (".", "Dockerfile", None, True)),
    ],
)
def test_what_an_action_builds_that_its_name_alone_tells_is_open_but_for_its_inputs(
    step: str, told: tuple[object, ...]
) -> None:
    found, _ = lowered(f"on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - {step}\n")
    (build,) = all_of(found, Build)
    values = (build.context, build.dockerfile, build.platforms, build.push)
    assert tuple(each.reason if isinstance(each, Unknown) else getattr(each, "value", None) for each in values) == told
