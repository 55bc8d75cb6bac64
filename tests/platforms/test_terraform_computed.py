"""What a provider computes from arguments, and texts of which resources give parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.nodes import Cache, Database, Service, Variable
from policyengine.model.value import Floating, Known, Unknown, Value
from policyengine.platforms import Settings
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.root_modules import lower
from policyengine.testing.memory import Memory

if TYPE_CHECKING:
    from policyengine.model.image import ImageRef

PLAIN = Settings(TerraformPart(), jobs=1, cache=False)


def variable(expression: str, blocks: str = "", provider: str = 'region = "eu-central-1"', **more: str) -> Variable:
    texts = {
        "main.tf": f'provider "aws" {{\n  {provider}\n}}\n{blocks}\n'
        'resource "aws_ecs_task_definition" "app" {\n  container_definitions = jsonencode([{ name = "web", image = "a/b:1",\n'
        f'    environment = [{{ name = "X", value = {expression} }}] }}])\n}}\n',
        **{path.replace("_", "/"): text for path, text in more.items()},
    }
    found = lower(Memory(texts), PLAIN)
    assert found.problems == ()
    (service,) = [node for node in found.nodes if isinstance(node, Service)]
    (only,) = service.environment
    return only


BUCKET = 'resource "aws_s3_bucket" "b" {\n  bucket = "shop-files"\n}\n'
ZONES = (
    'data "aws_route53_zone" "z" {\n  name = "example.org."\n}\n'
    'resource "aws_route53_record" "r" {\n  zone_id = data.aws_route53_zone.z.zone_id\n  name = "%s"\n}\n'
)


@pytest.mark.parametrize(
    ("expression", "blocks", "value"),
    [
        ("aws_s3_bucket.b.id", BUCKET, "shop-files"),
        ("aws_s3_bucket.b.arn", BUCKET, "arn:aws:s3:::shop-files"),
        ("aws_s3_bucket.b.bucket_regional_domain_name", BUCKET, "shop-files.s3.eu-central-1.amazonaws.com"),
        ("aws_s3_bucket.b.bucket_domain_name", BUCKET, "shop-files.s3.amazonaws.com"),
        ("aws_route53_record.r.fqdn", ZONES % "db.internal", "db.internal.example.org"),
        ("aws_route53_record.r.fqdn", ZONES % "db.example.org", "db.example.org"),
        ("aws_route53_record.r.fqdn", ZONES % "", "example.org"),
        ("aws_db_instance.d.port", 'resource "aws_db_instance" "d" {\n  engine = "postgres"\n}\n', "5432"),
        ("aws_db_instance.d.port", 'resource "aws_db_instance" "d" {\n  engine = "mysql"\n  port = 3307\n}\n', "3307"),
        ("aws_rds_cluster.d.port", 'resource "aws_rds_cluster" "d" {\n  engine = "aurora-postgresql"\n}\n', "5432"),
        (
            "aws_elasticache_replication_group.c.port",
            'resource "aws_elasticache_replication_group" "c" {\n  replication_group_id = "c"\n}\n',
            "6379",
        ),
        ("data.aws_partition.p.partition", 'data "aws_partition" "p" {}\n', "aws"),
    ],
)
def test_attributes_that_arguments_decide_are_known(expression: str, blocks: str, value: str) -> None:
    found = variable(expression, blocks)
    assert isinstance(found.value, Known)
    assert found.value.value == value
    assert expression in found.references or expression in [step.what for step in found.value.via]


def test_provider_settings_decide_data_sources() -> None:
    tags = 'region = "cn-north-1"\n  default_tags {\n    tags = { team = "shop" }\n  }'
    found = variable("data.aws_default_tags.t.tags.team", 'data "aws_default_tags" "t" {}\n', tags)
    assert isinstance(found.value, Known)
    assert found.value.value == "shop"
    partition = variable("data.aws_partition.p.partition", 'data "aws_partition" "p" {}\n', tags)
    assert isinstance(partition.value, Known)
    assert partition.value.value == "aws-cn"
    account = 'region = "eu-west-1"\n  allowed_account_ids = ["123456789012"]'
    caller = variable("data.aws_caller_identity.c.account_id", 'data "aws_caller_identity" "c" {}\n', account)
    assert isinstance(caller.value, Known)
    assert caller.value.value == "123456789012"


def test_what_only_aws_knows_stays_open() -> None:
    snapshot = 'resource "aws_db_instance" "d" {\n  engine = "postgres"\n  snapshot_identifier = "s"\n}\n'
    assert variable("aws_db_instance.d.port", snapshot).value.__class__ is Floating
    unnamed = 'resource "aws_s3_bucket" "b" {\n  bucket_prefix = "shop"\n}\n'
    assert variable("aws_s3_bucket.b.id", unnamed).value.__class__ is Floating
    caller = variable("data.aws_caller_identity.c.account_id", 'data "aws_caller_identity" "c" {}\n')
    assert isinstance(caller.value, Unknown)
    assert caller.value.reason == "data.aws_caller_identity.c.account_id is known only after apply"


DATABASE = 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n}\n'


def test_a_text_of_which_a_resource_gives_parts_is_floating_and_names_it() -> None:
    found = variable('"postgres://app@${aws_db_instance.main.address}:5432/shop"', DATABASE)
    assert isinstance(found.value, Floating)
    assert found.value.value == "postgres://app@${aws_db_instance.main.address}:5432/shop"
    assert found.references == ("aws_db_instance.main.address",)
    alone = variable("aws_db_instance.main.address", DATABASE)
    assert isinstance(alone.value, Floating)
    assert alone.value.value == "${aws_db_instance.main.address}"


@pytest.mark.parametrize(
    ("part", "blocks", "reason"),
    [
        ("var.host", 'variable "host" {}\n', "variable 'host' has no value in the repository"),
        (
            "data.aws_ssm_parameter.p.value",
            'data "aws_ssm_parameter" "p" {\n  name = "x"\n}\n',
            "data.aws_ssm_parameter.p.value is known only after apply",
        ),
    ],
)
def test_a_text_with_a_part_from_elsewhere_is_unknown(part: str, blocks: str, reason: str) -> None:
    found = variable(f'"${{aws_db_instance.main.address}}-${{{part}}}"', DATABASE + blocks)
    assert isinstance(found.value, Unknown)
    assert found.value.reason == reason


def image(expression: str, blocks: str = "") -> Value[ImageRef]:
    texts = {
        "main.tf": f'provider "aws" {{\n  region = "eu-central-1"\n}}\n{blocks}\n'
        f'resource "aws_ecs_task_definition" "app" {{\n  container_definitions = jsonencode([{{ name = "web", '
        f"image = {expression} }}])\n}}\n"
    }
    (service,) = [node for node in lower(Memory(texts), PLAIN).nodes if isinstance(node, Service)]
    return service.image


ACCOUNT = 'data "aws_caller_identity" "c" {}\nvariable "tag" {}\nvariable "name" {}\n'
HOST = "${data.aws_caller_identity.c.account_id}.dkr.ecr.eu-central-1.amazonaws.com"


def test_the_account_of_a_registry_does_not_matter_for_which_image_it_is() -> None:
    floating = image(f'"{HOST}/shop/web:${{var.tag}}"', ACCOUNT)
    assert isinstance(floating, Floating)
    assert (floating.value.repository, floating.value.digest) == ("shop/web", None)
    assert isinstance(floating.value.registry, Unknown)
    assert isinstance(floating.value.tag, Unknown)
    assert floating.value.tag.reason == "variable 'tag' has no value in the repository"
    untagged = image(f'"{HOST}/shop/web"', ACCOUNT)
    assert isinstance(untagged, Known)
    assert (untagged.value.repository, untagged.value.tag) == ("shop/web", None)
    assert isinstance(image(f'"{HOST}/${{var.name}}:1"', ACCOUNT), Unknown)
    assert isinstance(image('"${var.name}:1"', ACCOUNT), Unknown)


def test_an_instance_belongs_to_the_cluster_whose_identifier_it_spells() -> None:
    texts = {
        "main.tf": 'variable "stage" {}\nresource "aws_rds_cluster" "c" {\n  engine = "aurora-postgresql"\n'
        '  cluster_identifier = "shop-${var.stage}"\n}\nresource "aws_rds_cluster_instance" "i" {\n'
        '  cluster_identifier = "shop-${var.stage}"\n  auto_minor_version_upgrade = false\n}\n'
    }
    (database,) = [node for node in lower(Memory(texts), PLAIN).nodes if isinstance(node, Database)]
    assert isinstance(database.auto_minor_upgrade, Known)
    assert database.auto_minor_upgrade.value is False


def test_the_parameters_of_a_memorydb_cluster_are_those_of_its_group() -> None:
    texts = {
        "main.tf": 'resource "aws_memorydb_parameter_group" "p" {\n  name = "p"\n  family = "memorydb_redis7"\n'
        '  parameter {\n    name = "maxmemory-policy"\n    value = "noeviction"\n  }\n}\n'
        'resource "aws_memorydb_cluster" "c" {\n  parameter_group_name = aws_memorydb_parameter_group.p.id\n}\n'
    }
    (cache,) = [node for node in lower(Memory(texts), PLAIN).nodes if isinstance(node, Cache)]
    assert isinstance(cache.family, Known)
    assert cache.family.value == "memorydb_redis7"
    assert [parameter.key for parameter in cache.parameters] == ["maxmemory-policy"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("aws_db_instance.main.endpoint", "${aws_db_instance.main.address}:5432"),
        ('split(":", aws_db_instance.main.endpoint)[0]', "${aws_db_instance.main.address}"),
        ('split(":", aws_db_instance.main.endpoint)[1]', "5432"),
        ('element(split(":", aws_db_instance.main.endpoint), 0)', "${aws_db_instance.main.address}"),
        ('split(",", "a,${aws_db_instance.main.address}-x,b")[1]', "${aws_db_instance.main.address}-x"),
        ('trimprefix(aws_lb.web.dns_name, "https://")', "${aws_lb.web.dns_name}"),
        ('replace(aws_ecr_repository.r.repository_url, "https://", "")', "${aws_ecr_repository.r.repository_url}"),
    ],
)
def test_the_form_of_host_names_decides_what_functions_make_of_them(expression: str, value: str) -> None:
    blocks = DATABASE + 'resource "aws_lb" "web" {}\nresource "aws_ecr_repository" "r" {\n  name = "r"\n}\n'
    found = variable(expression, blocks).value
    assert isinstance(found, Known | Floating)
    assert found.value == value


def test_what_a_password_may_hold_is_not_cut() -> None:
    blocks = 'resource "random_password" "p" {\n  length = 8\n}\n'
    found = variable('split(":", random_password.p.result)[0]', blocks).value
    assert isinstance(found, Unknown)
    assert found.reason == "random_password.p.result is known only after apply"
