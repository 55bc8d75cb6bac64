"""What something else than a root module's own files decides: other states, lifecycles, command lines, examples."""

from __future__ import annotations

import pytest

from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.image import Version
from policyengine.model.nodes import Database, Role, Service
from policyengine.model.value import Floating, Known, Unknown, Value, is_secret
from policyengine.platforms import Lowered, Settings
from policyengine.platforms.compose import reads
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.root_modules import lower
from policyengine.testing.memory import Memory

PLAIN = Settings(TerraformPart(), jobs=1, cache=False, reads={"compose": reads})
PROVIDER = 'provider "aws" {\n  region = "eu-central-1"\n}\n'


def lowered(texts: dict[str, str]) -> Lowered:
    found = lower(Memory(texts), PLAIN)
    assert found.problems == ()
    return found


def database(texts: dict[str, str]) -> Database:
    (found,) = [node for node in lowered(texts).nodes if isinstance(node, Database)]
    return found


def service(texts: dict[str, str]) -> Service:
    (found,) = [node for node in lowered(texts).nodes if isinstance(node, Service)]
    return found


def reason(value: Value[object]) -> str:
    assert isinstance(value, Unknown)
    return value.reason


# the states of other root modules


def backend(key: str, bucket: str = '    bucket = "states"\n') -> str:
    return f'terraform {{\n  backend "s3" {{\n{bucket}    key = "{key}"\n  }}\n}}\n'


def reading(key: str, output: str = "version") -> str:
    return (
        'data "terraform_remote_state" "data" {\n  backend = "s3"\n  config = {\n    bucket = "states"\n'
        f'    key = "{key}"\n  }}\n}}\n'
        'resource "aws_db_instance" "main" {\n  engine = "postgres"\n'
        f"  engine_version = data.terraform_remote_state.data.outputs.{output}\n}}\n"
    )


VERSIONS = backend("data/prod.tfstate") + (
    'variable "pg" {\n  default = "16.4"\n}\n'
    'output "version" {\n  value = var.pg\n}\n'
    'resource "random_id" "x" {}\noutput "later" {\n  value = random_id.x.hex\n}\n'
)


def test_a_state_that_another_root_module_keeps_gives_its_outputs_where_they_stand() -> None:
    texts = {
        "data/main.tf": VERSIONS,
        "app/main.tf": PROVIDER + 'variable "env" {\n  default = "prod"\n}\n' + reading("data/${var.env}.tfstate"),
    }
    version = database(texts).version
    assert isinstance(version, Known)
    assert (version.value, Memory(texts).at(version.span), version.span.path) == (
        Version(16, 4),
        "16.4",
        "data/main.tf",
    )
    assert "data.terraform_remote_state.data.outputs.version" in [step.what for step in version.via]


def test_a_sensitive_output_of_another_root_module_stays_a_secret() -> None:
    texts = {
        "data/main.tf": VERSIONS.replace("  value = var.pg\n", "  value = var.pg\n  sensitive = true\n"),
        "app/main.tf": PROVIDER + reading("data/prod.tfstate"),
    }
    version = database(texts).version
    assert isinstance(version, Known)
    assert is_secret(version.via)


def test_a_backend_that_leaves_its_bucket_to_the_command_line_is_told_by_its_key() -> None:
    texts = {
        "data/main.tf": VERSIONS.replace('    bucket = "states"\n', ""),
        "app/main.tf": PROVIDER + reading("data/prod.tfstate"),
    }
    assert isinstance(database(texts).version, Known)


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (
            {"data/main.tf": VERSIONS, "app/main.tf": PROVIDER + reading("data/other.tfstate")},
            "data.terraform_remote_state.data is another project's state",
        ),
        (
            {
                "data/main.tf": VERSIONS.replace('"states"', '"elsewhere"'),
                "app/main.tf": PROVIDER + reading("data/prod.tfstate"),
            },
            "data.terraform_remote_state.data is another project's state",
        ),
        (
            {
                "data/main.tf": VERSIONS,
                "copy/main.tf": VERSIONS,
                "app/main.tf": PROVIDER + reading("data/prod.tfstate"),
            },
            "data.terraform_remote_state.data is another project's state",
        ),
        (
            {"data/main.tf": VERSIONS, "app/main.tf": PROVIDER + reading("data/prod.tfstate", "later")},
            "random_id.x.hex is known only after apply of 'data'",
        ),
        (
            {"data/main.tf": VERSIONS, "app/main.tf": PROVIDER + reading("data/prod.tfstate", "nothing")},
            "'data', whose state data.terraform_remote_state.data reads, has no output 'nothing'",
        ),
        (
            {"app/main.tf": PROVIDER + 'variable "key" {}\n' + reading("${var.key}")},
            "which state data.terraform_remote_state.data reads is not known: variable 'key' has no value in the repository",
        ),
    ],
)
def test_a_state_or_an_output_that_no_root_module_keeps_leaves_the_value_open(texts: dict[str, str], why: str) -> None:
    assert reason(database(texts).version) == why


def test_root_modules_that_read_the_states_of_one_another_end() -> None:
    one = backend("one") + reading("two").replace("outputs.version", "outputs.x")
    texts = {
        "one/main.tf": one + 'output "x" {\n  value = data.terraform_remote_state.data.outputs.x\n}\n',
        "two/main.tf": backend("two")
        + reading("one").partition("resource")[0]
        + 'output "x" {\n  value = data.terraform_remote_state.data.outputs.x\n}\n',
    }
    assert reason(database(texts).version) == "two root modules read the states of one another"


def test_a_local_state_is_told_by_its_path() -> None:
    texts = {
        "live/data/main.tf": VERSIONS.partition("variable")[0].replace('"s3"', '"local"').replace("key", "path")
        + "variable"
        + VERSIONS.partition("variable")[2],
        "live/app/main.tf": PROVIDER
        + reading("../data/data/prod.tfstate").replace('"s3"', '"local"').replace("key", "path"),
    }
    assert isinstance(database(texts).version, Known)


# what a lifecycle leaves alone


@pytest.mark.parametrize("ignored", ["[engine_version]", '[tags["a"], engine_version]', "all"])
def test_a_version_whose_changes_are_ignored_floats(ignored: str) -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n  engine_version = "16.4"\n'
        f"  lifecycle {{\n    ignore_changes = {ignored}\n  }}\n}}\n"
    }
    version = database(texts).version
    assert isinstance(version, Floating)
    assert (version.value, Memory(texts).at(version.span)) == (Version(16, 4), "16.4")


def test_a_version_beside_ignored_changes_of_something_else_does_not_float() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n  engine_version = "16.4"\n'
        "  lifecycle {\n    ignore_changes = [password, parameters[0].engine_version]\n  }\n}\n"
    }
    assert isinstance(database(texts).version, Known)


def test_the_json_syntax_ignores_changes_too() -> None:
    texts = {
        "main.tf.json": '{"resource": {"aws_db_instance": {"main": {"engine": "postgres", "engine_version": "16.4",'
        ' "lifecycle": {"ignore_changes": ["engine_version"]}}}}}'
    }
    assert isinstance(database(texts).version, Floating)


TASK = (
    PROVIDER + 'resource "aws_ecs_task_definition" "app" {\n%s'
    '  container_definitions = jsonencode([{ name = "web", image = "shop/web:1.2" }])\n}\n'
    'resource "aws_ecs_service" "app" {\n  task_definition = aws_ecs_task_definition.app.arn\n%s}\n'
)
LIFECYCLE = "  lifecycle {\n    ignore_changes = [%s]\n  }\n"


@pytest.mark.parametrize(
    ("task", "run", "why"),
    [
        (
            "",
            LIFECYCLE % "task_definition",
            "aws_ecs_service.app ignores changes of task_definition: something else may set it",
        ),
        (
            LIFECYCLE % "container_definitions",
            "",
            "aws_ecs_task_definition.app ignores changes of container_definitions: something else may set it",
        ),
    ],
)
def test_an_image_that_terraform_leaves_alone_keeps_its_repository_only(task: str, run: str, why: str) -> None:
    image = service({"main.tf": TASK % (task, run)}).image
    assert isinstance(image, Floating)
    assert image.value.repository == "shop/web"
    assert isinstance(image.value.tag, Unknown)
    assert image.value.tag.reason == why


def test_an_image_whose_service_only_scales_by_itself_is_known() -> None:
    image = service({"main.tf": TASK % ("", LIFECYCLE % "desired_count")}).image
    assert isinstance(image, Known)
    assert image.value.tag == "1.2"


# modules of Aurora


@pytest.mark.parametrize(
    ("module", "instances", "upgrades"),
    [
        ("", "a = {}, b = { auto_minor_version_upgrade = false }", False),
        ("  auto_minor_version_upgrade = false\n", "a = {}", False),
        ("  auto_minor_version_upgrade = false\n", "a = { auto_minor_version_upgrade = true }", True),
    ],
)
def test_the_instances_of_an_aurora_module_say_whether_its_minor_moves(
    module: str, instances: str, *, upgrades: bool
) -> None:
    texts = {
        "main.tf": PROVIDER + 'module "db" {\n  source = "terraform-aws-modules/rds-aurora/aws"\n'
        f'  engine_version = "16.4"\n{module}  instances = {{ {instances} }}\n}}\n'
    }
    found = database(texts).auto_minor_upgrade
    assert isinstance(found, Known)
    assert found.value is upgrades


# images that a start script names


def test_a_repository_that_a_start_script_names_is_that_of_the_image() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_ecr_repository" "app" {\n  name = "shop/api"\n}\n'
        'resource "aws_instance" "web" {\n  user_data = <<-EOF\n    #!/bin/bash\n'
        "    cat > /opt/compose.yml <<'END'\n    services:\n      api:\n"
        "        image: ${aws_ecr_repository.app.repository_url}:v3\n    END\n"
        "    docker compose -f /opt/compose.yml up -d\n  EOF\n}\n"
    }
    found = service(texts)
    assert isinstance(found.image, Floating)
    assert (found.image.value.repository, found.image.value.tag) == ("shop/api", "v3")
    assert isinstance(found.image.value.registry, Unknown)
    pulls = Edge(
        EdgeKind.PULLS, found.id, "terraform:aws_ecr_repository.app", "runs an image of aws_ecr_repository.app"
    )
    assert pulls in lowered(texts).edges


def test_a_container_that_a_start_script_runs_is_a_service_of_the_repository_s_image() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_ecr_repository" "app" {\n  name = "shop/api"\n}\n'
        'resource "aws_instance" "web" {\n  user_data = <<-EOF\n    #!/bin/bash\n'
        "    ECR=${aws_ecr_repository.app.repository_url}\n"
        "    docker run -d --name api -p 80:3000 -e MODE=live -e TOKEN --user 1000 $ECR:v3 node server.js\n  EOF\n}\n"
    }
    found = service(texts)
    assert (found.id, found.noun) == ("terraform:aws_instance.web#api", "Docker container")
    assert isinstance(found.image, Known)
    assert (found.image.value.repository, found.image.value.tag) == ("shop/api", "v3")
    assert [(port.target.value, port.protocol) for port in found.ports if isinstance(port.target, Known)] == [
        (3000, "tcp")
    ]
    values = {each.key: each.value for each in found.environment}
    assert isinstance(values["MODE"], Known)
    assert (values["MODE"].value, Memory(texts).at(values["MODE"].span)) == ("live", "live")
    assert reason(values["TOKEN"]) == "the machine's own variable"
    assert isinstance(found.user, Known)
    assert found.user.value == "1000"
    assert isinstance(found.command, Known)
    assert found.command.value.words == ("node", "server.js")
    pulls = Edge(
        EdgeKind.PULLS, found.id, "terraform:aws_ecr_repository.app", "runs an image of aws_ecr_repository.app"
    )
    assert pulls in lowered(texts).edges


def test_a_container_that_ends_with_its_command_is_a_job() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_instance" "web" {\n'
        '  user_data = "#!/bin/sh\\ndocker run --rm --env-file /etc/app.env shop/api:v3 npx prisma migrate deploy\\n"\n}\n'
    }
    found = service(texts)
    assert found.role is Role.JOB
    assert found.environment_gap is not None
    assert found.environment_gap.reason == "the env file '/etc/app.env' is on the machine"


# who else may set a variable


def with_variable(default: str = "16.4") -> str:
    return (
        PROVIDER + f'variable "pg" {{\n  default = "{default}"\n}}\n'
        'resource "aws_db_instance" "main" {\n  engine = "postgres"\n  engine_version = var.pg\n}\n'
    )


WORKFLOW = "jobs:\n  apply:\n    steps:\n      - run: terraform -chdir=infra apply -auto-approve %s\n"


@pytest.mark.parametrize("argument", ["-var pg=15.7", "-var 'pg=15.7'", '-var="pg=15.7"', "-var=pg='15.7'"])
def test_a_value_on_the_command_line_of_the_pipeline_counts_more_than_a_variable_file(argument: str) -> None:
    texts = {
        "infra/main.tf": with_variable(),
        "infra/terraform.tfvars": 'pg = "16.1"\n',
        ".github/workflows/deploy.yml": WORKFLOW % argument,
    }
    version = database(texts).version
    assert isinstance(version, Known)
    assert (version.value, Memory(texts).at(version.span)) == (Version(15, 7), "15.7")
    assert [step.what for step in version.via] == ["var.pg", "-var pg"]


@pytest.mark.parametrize(
    ("argument", "written", "name"),
    [
        ("-var 'pg=${{ inputs.pg-version }}'", "${{ inputs.pg-version }}", "inputs.pg-version"),
        ("-var pg=${{ github.sha }} -out x", "${{ github.sha }}", "github.sha"),
        ('-var "pg=$PG_VERSION"', "$PG_VERSION", "PG_VERSION"),
    ],
)
def test_a_value_that_only_a_run_knows_hides_the_default(argument: str, written: str, name: str) -> None:
    texts = {"infra/main.tf": with_variable(), ".github/workflows/deploy.yml": WORKFLOW % argument}
    version = database(texts).version
    assert reason(version) == f"the pipeline sets variable 'pg' from {name}"
    assert Memory(texts).at(version.span) == written


def test_a_command_line_of_another_root_module_counts_less_than_a_variable_file() -> None:
    texts = {
        "infra/main.tf": with_variable(),
        "infra/terraform.tfvars": 'pg = "16.1"\n',
        "other/main.tf": PROVIDER + 'resource "aws_sqs_queue" "q" {}\n',
        ".github/workflows/deploy.yml": (WORKFLOW % "-var pg=15.7").replace("infra", "other"),
    }
    version = database(texts).version
    assert isinstance(version, Known)
    assert version.value == Version(16, 1)


def test_an_example_of_a_variable_file_says_what_a_file_that_is_not_there_sets() -> None:
    texts = {"infra/main.tf": with_variable(), "infra/terraform.tfvars.example": 'pg = "16.4"\n'}
    assert isinstance(database(texts).version, Known)
    texts["infra/terraform.tfvars.example"] = 'pg = "15.2"\n'
    assert (
        reason(database(texts).version)
        == "a file like infra/terraform.tfvars.example, not in the tree, sets variable 'pg'"
    )
    texts["infra/terraform.tfvars"] = 'pg = "14.2"\n'
    assert isinstance(database(texts).version, Known)


def test_what_asks_for_a_block_that_only_a_default_leaves_out_is_open() -> None:
    texts = {
        "main.tf": PROVIDER + 'variable "db" {\n  default = ""\n}\n'
        'data "aws_rds_cluster" "db" {\n  count = var.db == "" ? 0 : 1\n  cluster_identifier = var.db\n}\n'
        'resource "aws_ecs_task_definition" "app" {\n  container_definitions = jsonencode([{ name = "web", image = "a/b:1",\n'
        '    environment = [{ name = "HOST", value = try(data.aws_rds_cluster.db[0].endpoint, "localhost") }] }])\n}\n'
    }
    (host,) = service(texts).environment
    assert reason(host.value) == "it is only made where something sets the variable 'db'"
