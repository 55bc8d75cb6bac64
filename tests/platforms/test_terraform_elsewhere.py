"""Values that files outside of the root module give, sets with parts that are not known, providers by alias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes import Service, Variable
from policyengine.model.value import Floating, Known, Unknown, Value
from policyengine.platforms import Settings
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.root_modules import lower
from policyengine.testing.memory import Memory

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.platforms import Lowered

PLAIN = Settings(TerraformPart(), jobs=1, cache=False)


def lowered(texts: dict[str, str]) -> Lowered:
    found = lower(Memory(texts), PLAIN)
    assert found.problems == ()
    return found


def environment(texts: dict[str, str]) -> dict[str, Variable]:
    (service,) = [node for node in lowered(texts).nodes if isinstance(node, Service)]
    assert service.environment_gap is None
    return {variable.key: variable for variable in service.environment}


def known(value: Value[str] | None) -> str:
    assert isinstance(value, Known)
    return value.value


def text(texts: dict[str, str], span: Span) -> str:
    return texts[span.path][span.start : span.end]


PROVIDER = 'provider "aws" {\n  region = "eu-central-1"\n}\n'


def task(*names: str) -> str:
    pairs = ", ".join(f'{{ name = "{name.upper()}", value = var.{name} }}' for name in names)
    return (
        PROVIDER
        + "".join(f'variable "{name}" {{}}\n' for name in names)
        + 'resource "aws_ecs_task_definition" "app" {\n'
        f'  container_definitions = jsonencode([{{ name = "web", image = "a/b:1", environment = [{pairs}] }}])\n}}\n'
    )


# variable files


def test_the_variable_file_of_production_in_a_folder_above_the_root_module_counts() -> None:
    texts = {
        "deployment/terraform/main.tf": task("host"),
        "deployment/environments/terraform-production.tfvars": 'host = "live"\n',
        "deployment/environments/terraform-staging.tfvars": 'host = "stage"\n',
    }
    host = environment(texts)["HOST"].value
    assert isinstance(host, Known)
    assert (host.value, text(texts, host.span), host.span.path) == (
        "live",
        "live",
        "deployment/environments/terraform-production.tfvars",
    )
    assert ("Terraform variables", "deployment/environments/terraform-production.tfvars") in [
        (choice.what, choice.chosen) for choice in lowered(texts).choices
    ]


def test_a_variable_file_that_is_written_for_another_root_module_does_not_count() -> None:
    for path, written in (
        ("infra/tfvars/prod.tfvars", 'host = "live"\na = 1\nb = 2\n'),  # mostly of others
        ("infra/other/prod.tfvars", 'host = "live"\n'),  # in a folder of no known name
        ("infra/owner/prod.tfvars", 'host = "live"\n'),  # beside the files of another module
    ):
        texts = {"infra/app/main.tf": task("host"), path: written, "infra/owner/main.tf": PROVIDER}
        value = environment(texts)["HOST"].value
        assert isinstance(value, Unknown)
        assert value.reason == "variable 'host' has no value in the repository"


def test_nested_keys_of_a_variable_file_are_no_variables() -> None:
    texts = {
        "infra/app/main.tf": task("host"),
        "infra/tfvars/prod.tfvars": 'host = "live"\nother = {\n  a = 1\n  b = 2\n  c = 3\n}\n',
    }
    value = environment(texts)["HOST"].value
    assert isinstance(value, Known)
    assert value.value == "live"


# pipelines

WORKFLOW = "jobs:\n  apply:\n    env:\n      TF_VAR_host: %s\n    steps:\n      - run: terraform apply -auto-approve\n"


def test_what_the_pipeline_sets_counts_less_than_a_variable_file_and_more_than_a_default() -> None:
    main = task("host").replace('variable "host" {}', 'variable "host" {\n  default = "nowhere"\n}')
    texts = {"infra/main.tf": main, ".github/workflows/deploy.yml": WORKFLOW % '"live"  # the only one'}
    value = environment(texts)["HOST"].value
    assert isinstance(value, Known)
    assert (value.value, text(texts, value.span)) == ("live", "live")
    assert [step.what for step in value.via] == ["var.host", "TF_VAR_host"]
    texts["infra/terraform.tfvars"] = 'host = "file"\n'
    value = environment(texts)["HOST"].value
    assert isinstance(value, Known)
    assert value.value == "file"


def test_what_the_pipeline_takes_from_elsewhere_hides_a_default() -> None:
    main = task("host").replace('variable "host" {}', 'variable "host" {\n  default = "nowhere"\n}')
    texts = {"infra/main.tf": main, ".github/workflows/deploy.yml": WORKFLOW % "${{ secrets.HOST }}"}
    value = environment(texts)["HOST"].value
    assert isinstance(value, Unknown)
    assert value.reason == "the pipeline sets variable 'host' from secrets.HOST"
    assert text(texts, value.span) == "${{ secrets.HOST }}"


def test_the_pipeline_of_production_counts_and_those_that_destroy_or_only_plan_do_not() -> None:
    texts = {
        "infra/main.tf": task("host"),
        ".github/workflows/apply-production.yml": WORKFLOW % "live",
        ".github/workflows/apply-staging.yml": WORKFLOW % "stage",
        ".github/workflows/destroy.yml": WORKFLOW % "foo",
        ".github/workflows/plan-production.yml": (WORKFLOW % "plan").replace("apply -auto-approve", "plan"),
    }
    value = environment(texts)["HOST"].value
    assert isinstance(value, Known)
    assert value.value == "live"
    texts[".github/workflows/deploy.yml"] = WORKFLOW % "other"
    value = environment(texts)["HOST"].value
    assert isinstance(value, Unknown)
    assert value.reason == "the pipeline sets variable 'host' to several values"


def test_what_a_script_hands_to_terraform_hides_a_default_where_no_pipeline_sets_it_and_its_own_words_do_not() -> None:
    main = task("host", "tag").replace(" {}", ' {\n  default = "latest"\n}')
    script = 'terraform plan -out=it -var="tag=${GIT_COMMIT}" -var host=mine\nterraform apply it\n'
    for path in ("scripts/infra", "scripts/up.sh", "Makefile"):
        found = environment({"infra/main.tf": main, path: script})
        tag = found["TAG"].value
        assert isinstance(tag, Unknown)
        who = "the pipeline" if path == "Makefile" else "a script"
        assert tag.reason == f"{who} sets variable 'tag' from GIT_COMMIT"
        assert known(found["HOST"].value) == ("mine" if path == "Makefile" else "latest")
    texts = {"infra/main.tf": main, "scripts/infra": script, ".github/workflows/deploy.yml": WORKFLOW % "live"}
    texts[".github/workflows/deploy.yml"] += "      - run: terraform apply -var tag=1\n"
    assert known(environment(texts)["TAG"].value) == "1"
    texts["scripts/destroy.sh"] = texts.pop("scripts/infra")
    assert known(environment(texts)["HOST"].value) == "live"


def test_an_environment_that_only_a_run_knows_is_the_one_that_was_chosen() -> None:
    texts = {
        "infra/main.tf": task("environment") + '# "prod"\n',
        ".github/workflows/deploy.yml": (WORKFLOW % "${{ inputs.environment }}").replace("_host", "_environment"),
    }
    value = environment(texts)["ENVIRONMENT"].value
    assert isinstance(value, Known)
    assert value.value == "prod"


# sets and conditions


def test_a_set_of_objects_keeps_those_that_differ_in_a_known_part() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'module "app" {\n  source  = "./app"\n  secrets = [\n    { name = "A", valueFrom = aws_ssm_parameter.a.arn },\n'
        + '    { name = "B", valueFrom = aws_ssm_parameter.b.arn },\n  ]\n}\n'
        + 'resource "aws_ssm_parameter" "a" {\n  name = "a"\n}\nresource "aws_ssm_parameter" "b" {\n  name = "b"\n}\n',
        "app/main.tf": 'variable "secrets" {\n  type = set(object({ name = string, valueFrom = string }))\n}\n'
        'resource "aws_ecs_task_definition" "app" {\n  container_definitions = jsonencode([\n'
        '    { name = "web", image = "a/b:1", secrets = var.secrets }])\n}\n',
    }
    found = environment(texts)
    assert {key: known(variable.reference) for key, variable in found.items()} == {
        "A": "${aws_ssm_parameter.a.arn}",
        "B": "${aws_ssm_parameter.b.arn}",
    }


def test_an_attribute_that_every_resource_has_is_not_null() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'resource "aws_db_instance" "d" {\n  engine = "postgres"\n}\nlocals {\n  env = {\n'
        + '    HOST = aws_db_instance.d.address\n    NONE = null\n    TEXT = "x"\n  }\n}\n'
        + 'resource "aws_ecs_task_definition" "app" {\n  container_definitions = jsonencode([{ name = "web", image = "a/b:1",\n'
        + '    environment = [for k, v in local.env : { name = k, value = v } if v != null && v != ""] }])\n}\n'
    }
    found = environment(texts)
    assert list(found) == ["HOST", "TEXT"]
    assert isinstance(found["HOST"].value, Floating)


# providers


def test_the_region_is_that_of_the_provider_that_a_module_is_given() -> None:
    texts = {
        "main.tf": 'provider "aws" {\n  alias  = "west"\n  region = "eu-west-1"\n}\n'
        'provider "aws" {\n  region = "us-east-1"\n}\n'
        'module "app" {\n  source = "./app"\n  providers = {\n    aws.region = aws.west\n  }\n}\n',
        "app/main.tf": 'data "aws_region" "own" {\n  provider = aws.region\n}\ndata "aws_region" "inherited" {}\n'
        'resource "aws_ecs_task_definition" "app" {\n  container_definitions = jsonencode([{ name = "web", image = "a/b:1",\n'
        '    environment = [{ name = "OWN", value = data.aws_region.own.name },\n'
        '      { name = "INHERITED", value = data.aws_region.inherited.name }] }])\n}\n',
    }
    found = {key: variable.value for key, variable in environment(texts).items()}
    assert isinstance(found["OWN"], Known)
    assert isinstance(found["INHERITED"], Known)
    assert (found["OWN"].value, found["INHERITED"].value) == ("eu-west-1", "us-east-1")


# places


def test_a_text_of_parts_from_several_files_stands_where_they_do() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'variable "tag" {\n  default = "16.4"\n}\nresource "aws_ecs_task_definition" "app" {\n'
        + '  container_definitions = templatefile("task.json", { tag = var.tag, engine = "postgres" })\n}\n',
        "task.json": '[{ "name": "db", "image": "library/${engine}:${tag}",\n'
        '   "environment": [{ "name": "X", "value": "a-${tag}" }] }]\n',
    }
    (service,) = [node for node in lowered(texts).nodes if isinstance(node, Service)]
    assert isinstance(service.image, Known)
    assert service.image.value.text == "library/postgres:16.4"
    assert (service.image.span.path, text(texts, service.image.span)) == ("task.json", "library/")
    (only,) = service.environment
    assert text(texts, only.value.span) == "a-"


# Terragrunt


def test_the_outputs_of_a_unit_that_another_depends_on_are_its_inputs() -> None:
    inputs = (
        'terraform {\n  source = "../../aws//app"\n}\ninclude {\n  path = find_in_parent_folders("root.hcl")\n}\n'
        'dependency "ecr" {\n  config_path = "../ecr"\n}\ndependency "gone" {\n  config_path = "../gone"\n}\n'
        "inputs = {\n  image = dependency.ecr.outputs.url\n  secret = dependency.ecr.outputs.secret_arn\n"
        "  port = dependency.ecr.outputs.port\n  gone = dependency.gone.outputs.x\n}\n"
    )
    names = ("image", "secret", "port", "gone", "team")
    texts = {
        "env/app/terragrunt.hcl": inputs,
        "env/root.hcl": 'inputs = {\n  team = "shop"\n  port = "1"\n}\n',
        "env/ecr/terragrunt.hcl": 'terraform {\n  source = "../../aws//ecr"\n}\ninputs = {\n  number = 3000\n}\n',
        "aws/ecr/main.tf": 'variable "number" {}\nresource "aws_ecr_repository" "r" {\n  name = "shop/web"\n}\n'
        'resource "aws_secretsmanager_secret" "s" {}\noutput "url" {\n  value = aws_ecr_repository.r.repository_url\n}\n'
        'output "secret_arn" {\n  value = aws_secretsmanager_secret.s.arn\n}\noutput "port" {\n  value = var.number\n}\n',
        "aws/app/main.tf": "".join(f'variable "{name}" {{}}\n' for name in names)
        + 'resource "aws_ecs_task_definition" "app" {\n  container_definitions = jsonencode([{ name = "web",\n'
        '    image = "${var.image}:1.2", secrets = [{ name = "S", valueFrom = var.secret }], environment = [\n'
        '      { name = "PORT", value = tostring(var.port) }, { name = "GONE", value = var.gone },\n'
        '      { name = "TEAM", value = var.team }] }])\n}\n',
    }
    (service,) = [node for node in lowered(texts).nodes if isinstance(node, Service)]
    assert isinstance(service.image, Known)
    assert (service.image.value.repository, service.image.value.tag) == ("shop/web", "1.2")
    values = {variable.key: variable for variable in service.environment}
    assert known(values["S"].reference) == "${dependency.ecr.outputs.secret_arn}"
    assert (known(values["PORT"].value), known(values["TEAM"].value)) == ("3000", "shop")
    gone = values["GONE"].value
    assert isinstance(gone, Unknown)
    assert gone.reason == "dependency.gone.outputs.x is not in the repository"


def test_units_that_depend_on_each_other_end() -> None:
    unit = 'terraform {{\n  source = "../../aws/{0}"\n}}\ndependency "o" {{\n  config_path = "../{1}"\n}}\n'
    unit += "inputs = {{\n  host = dependency.o.outputs.host\n}}\n"
    texts = {
        "env/a/terragrunt.hcl": unit.format("a", "b"),
        "env/b/terragrunt.hcl": unit.format("b", "a"),
        "aws/a/main.tf": task("host") + 'output "host" {\n  value = var.host\n}\n',
        "aws/b/main.tf": 'variable "host" {}\noutput "host" {\n  value = var.host\n}\n',
    }
    assert isinstance(environment(texts)["HOST"].value, Unknown)
