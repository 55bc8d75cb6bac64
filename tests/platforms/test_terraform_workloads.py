"""Functions, containers of other services, stores of other clouds, and modules that are not in the repository."""

from __future__ import annotations

import pytest

from policyengine.knowledge.terraform_resources import makes_nothing, module_type
from policyengine.model.nodes import Cache, Database, Datastore, Definitions, Node, Role, Service
from policyengine.model.value import Absent, Floating, Known, Unknown
from policyengine.platforms import Settings
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.root_modules import lower
from policyengine.testing import Memory


def made(text: str) -> dict[str, Node]:
    found = lower(Memory({"main.tf": text}), Settings(part=TerraformPart()))
    assert not found.problems
    return {node.id.partition(":")[2]: node for node in found.nodes if not isinstance(node, Definitions)}


def service(text: str) -> Service:
    (found,) = [node for node in made(text).values() if isinstance(node, Service)]
    return found


KUBERNETES = """
resource "kubernetes_deployment_v1" "web" {
  metadata { name = "web" }
  spec {
    template {
      metadata {}
      spec {
        container {
          name    = "web"
          image   = "acme/web:1.2"
          command = ["node"]
          args    = ["server.js"]
          port { container_port = 3000 }
          env {
            name  = "LOG_LEVEL"
            value = "info"
          }
          env {
            name = "TOKEN"
            value_from {
              secret_key_ref { name = "web" }
            }
          }
        }
      }
    }
  }
}
"""


def test_a_container_of_a_deployment_is_a_service_with_what_its_block_says() -> None:
    found = service(KUBERNETES)
    assert (found.id, found.role, found.noun) == (
        "terraform:kubernetes_deployment_v1.web#web",
        Role.APP,
        "Kubernetes container",
    )
    assert isinstance(found.image, Known)
    assert found.image.value.repository == "acme/web"
    assert isinstance(found.entrypoint, Known)
    assert isinstance(found.command, Known)
    assert (found.entrypoint.value.words, found.command.value.words) == (("node",), ("server.js",))
    assert [port.target.value for port in found.ports if isinstance(port.target, Known)] == [3000]
    level, token = found.environment
    assert (level.key, level.value.value if isinstance(level.value, Known) else "") == ("LOG_LEVEL", "info")
    assert (token.key, isinstance(token.value, Unknown)) == ("TOKEN", True)
    assert found.environment_gap is None
    assert isinstance(found.architecture, Unknown)


@pytest.mark.parametrize(
    ("text", "address", "role", "image"),
    [
        (
            'resource "aws_lambda_function" "mail" {\n  function_name = "mailer"\n  image_uri = "acme/mailer:1"\n}',
            "aws_lambda_function.mail",
            Role.FUNCTION,
            "acme/mailer",
        ),
        (
            (
                'resource "aws_apprunner_service" "web" {\n  service_name = "web"\n  source_configuration {\n'
                '    image_repository {\n      image_identifier = "acme/web:1"\n    }\n  }\n}'
            ),
            "aws_apprunner_service.web",
            Role.APP,
            "acme/web",
        ),
        (
            'resource "google_cloud_run_v2_service" "web" {\n  template {\n    containers { image = "acme/web:1" }\n  }\n}',
            "google_cloud_run_v2_service.web#web",
            Role.APP,
            "acme/web",
        ),
        (
            (
                'resource "google_cloud_run_v2_job" "seed" {\n  template {\n    template {\n'
                '      containers { image = "acme/seed:1" }\n    }\n  }\n}'
            ),
            "google_cloud_run_v2_job.seed#seed",
            Role.JOB,
            "acme/seed",
        ),
    ],
)
def test_what_runs_a_container_is_a_service(text: str, address: str, role: Role, image: str) -> None:
    found = service(text)
    assert (found.id, found.role) == (f"terraform:{address}", role)
    assert isinstance(found.image, Known)
    assert found.image.value.repository == image


def test_the_containers_beside_the_one_with_a_port_go_by_their_own_names() -> None:
    text = """
    resource "google_cloud_run_v2_service" "web" {
      template {
        containers {
          name  = "main"
          image = "acme/web:1"
          ports { container_port = 8080 }
        }
        containers {
          name  = "proxy"
          image = "acme/proxy:1"
        }
      }
    }
    """
    found = [each.name for each in made(text).values() if isinstance(each, Service)]
    assert sorted(found) == ["proxy", "web"]


def test_a_function_of_a_zip_file_has_an_image_that_is_not_told() -> None:
    found = service('resource "aws_lambda_function" "x" {\n  handler = "x.y"\n  function_name = "x"\n}')
    assert isinstance(found.image, Unknown)
    assert found.image.reason == "the files do not tell what image it runs"


@pytest.mark.parametrize(
    ("kind", "arguments", "engine", "version"),
    [
        ("aws_dynamodb_table", 'name = "users"', "dynamodb", Absent),
        ("aws_docdb_cluster", 'engine_version = "5.0.0"', "docdb", "5.0.0"),
        ("google_sql_database_instance", 'database_version = "POSTGRES_16"', "postgres", "16"),
        ("google_sql_database_instance", 'database_version = "MYSQL_8_0_31"', "mysql", "8.0.31"),
        ("aws_lightsail_database", 'blueprint_id = "postgres_16"', "postgres", "16"),
        ("digitalocean_database_cluster", 'engine  = "pg"\n  version = "16"', "postgres", "16"),
        ("digitalocean_database_cluster", 'engine  = "valkey"\n  version = "8"', "valkey", "8"),
        ("azurerm_storage_container", 'name = "x"', "azure-blob", Absent),
    ],
)
def test_a_store_of_any_cloud_has_its_engine_and_version(
    kind: str, arguments: str, engine: str, version: str | type[Absent]
) -> None:
    (store,) = made(f'resource "{kind}" "x" {{\n  {arguments}\n}}').values()
    assert isinstance(store, Datastore)
    assert isinstance(store.engine, Known)
    assert store.engine.value == engine
    if isinstance(version, str):
        assert isinstance(store.version, Known | Floating)
        assert str(store.version.value) == version
    else:
        assert isinstance(store.version, version)
    assert isinstance(store, Cache) == (engine == "valkey")


def test_a_public_chart_of_a_datastore_is_one_and_any_other_is_nothing() -> None:
    text = 'resource "helm_release" "{0}" {{\n  repository = "https://charts.example.org"\n  chart = "{0}"\n}}\n'
    found = made(text.format("postgresql") + text.format("ingress-nginx"))
    assert list(found) == ["helm_release.postgresql"]
    store = found["helm_release.postgresql"]
    assert isinstance(store, Database)
    assert isinstance(store.engine, Known)
    assert store.engine.value == "postgres"
    assert isinstance(store.version, Unknown)
    assert store.parameters_gap is not None  # its values are not read


def test_a_chart_of_the_repository_is_an_application_of_which_nothing_is_known() -> None:
    found = service('resource "helm_release" "web" {\n  name  = "web"\n  chart = "./charts/web"\n}')
    assert isinstance(found.image, Unknown)


# modules that are not in the repository


@pytest.mark.parametrize(
    ("source", "inputs", "node"),
    [
        ("git::https://github.com/acme/terraform-aws-postgres.git?ref=v1", (), "Database"),
        ("github.com/acme/modules//rds?ref=v1", (), "Database"),
        ("acme/rds-cluster/aws", (), "Database"),
        ("app.terraform.io/acme/elasticache-redis/aws", (), "Cache"),
        ("git@github.com:acme/terraform-aws-ecs-alb-service-task.git", (), "Service"),
        ("github.com/acme/modules//lambda", (), "Service"),
        ("acme/s3-bucket/aws", (), "Bucket"),
        ("acme/cloudfront-s3-cdn/aws", (), ""),
        ("acme/ecs-cluster/aws", (), ""),
        ("acme/ecs-container-definition/aws", (), ""),
        ("acme/thing/aws", (), ""),
        ("acme/thing/aws", ("engine", "engine_version"), "Database"),
        ("acme/thing/aws", ("engine_version", "node_type"), "Cache"),
        ("acme/thing/aws", ("image", "container_port"), "Service"),
    ],
)
def test_the_name_of_a_module_or_its_inputs_tell_what_it_makes(source: str, inputs: tuple[str, ...], node: str) -> None:
    found = module_type(source, inputs)
    assert ("" if found is None else found.node) == node


@pytest.mark.parametrize(
    ("source", "nothing"),
    [
        ("terraform-aws-modules/vpc/aws", True),
        ("acme/alb/aws", True),
        ("acme/ecs-alb-service-task/aws", False),
        ("acme/thing/aws", False),
    ],
)
def test_the_name_of_a_module_may_say_that_nothing_runs_in_it(source: str, nothing: bool) -> None:
    assert makes_nothing(source) is nothing


def test_what_the_inputs_of_an_unread_module_do_not_tell_is_not_known() -> None:
    found = made('module "db" {\n  source = "acme/postgres/aws"\n  engine_version = "16.4"\n}')["module.db"]
    assert isinstance(found, Database)
    assert isinstance(found.version, Known)
    assert str(found.version.value) == "16.4"
    assert isinstance(found.auto_minor_upgrade, Unknown)
    assert found.auto_minor_upgrade.reason == "what 'module.db' makes of its inputs is not in the repository"


def test_an_unread_cache_may_have_tls_and_a_password() -> None:
    found = made('module "cache" {\n  source = "acme/redis/aws"\n}')["module.cache"]
    assert isinstance(found, Cache)
    values = (found.version, found.transit_encryption, found.auth, found.cluster_mode)
    assert all(isinstance(value, Unknown) for value in values)


def test_an_unread_service_has_what_its_inputs_say_and_nothing_else_is_known() -> None:
    found = service(
        'module "web" {\n  source = "acme/ecs-service/aws"\n  name = "web"\n  container_image = "acme/web:1"\n'
        '  environment = { LOG_LEVEL = "info" }\n}'
    )
    assert (found.id, found.name, found.role) == ("terraform:module.web", "web", Role.APP)
    assert isinstance(found.image, Known)
    assert [each.key for each in found.environment] == ["LOG_LEVEL"]
    assert isinstance(found.user, Unknown)
    assert isinstance(found.command, Unknown)


def test_definitions_that_a_module_is_given_are_its_containers() -> None:
    found = service(
        'module "web" {\n  source = "acme/ecs-service/aws"\n  container_definitions = jsonencode([\n'
        '    { name = "web", image = "acme/web:1", user = "node" }\n  ])\n}'
    )
    assert found.id == "terraform:module.web#web"
    assert isinstance(found.user, Known)
    assert isinstance(found.command, Absent)
