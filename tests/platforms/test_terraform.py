from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

import pytest

from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.image import Version
from policyengine.model.nodes import Cache as CacheNode
from policyengine.model.nodes import (
    Database,
    Definitions,
    Extension,
    MigrationRunner,
    Node,
    Repository,
    Role,
    Secret,
    Service,
)
from policyengine.model.source import Source, Span, WorkerDied
from policyengine.model.value import Absent, Floating, Known, Unknown, Value
from policyengine.platforms import Settings
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.language.values import Tree, decided, plain
from policyengine.platforms.terraform.root_modules import lower
from policyengine.platforms.terraform.workspace import syntaxes
from policyengine.platforms.terraform.workspace.folders import read_folder
from policyengine.platforms.terraform.workspace.project import Project
from policyengine.platforms.terraform.workspace.syntaxes import Syntaxes
from policyengine.repository.cache import Cache, user_cache
from policyengine.syntax.hcl import read_blocks
from policyengine.testing.memory import Memory

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.platforms import Lowered

PLAIN = Settings(TerraformPart(), jobs=1, cache=False)

N = TypeVar("N", bound=Node)


def lowered(texts: dict[str, str], settings: Settings[TerraformPart] | None = None) -> Lowered:
    return lower(Memory(texts), settings or PLAIN)


def made(result: Lowered) -> list[Node]:
    """What the resources are, beside the list of what is declared."""
    return [node for node in result.nodes if not isinstance(node, Definitions)]


def only(kind: type[N], result: Lowered) -> N:
    (node,) = [node for node in result.nodes if isinstance(node, kind)]
    return node


def shown(value: Value[object] | None, texts: dict[str, str]) -> tuple[object, str]:
    """The value and the text at its place."""
    assert isinstance(value, Known | Floating)
    return value.value, Memory(texts).at(value.span)


def local(texts: dict[str, str], name: str = "x") -> Tree:
    files = Memory(texts)
    sources = [source for path in files.ending(".tf") if "/" not in path and (source := files.read(path)) is not None]
    project = Project(read_folder("", sources), files.below, files.read, lambda _: None, Syntaxes())
    return project.run(lambda: project.value(("local", project.root, name)))


PROVIDER = 'provider "aws" {\n  region = "eu-central-1"\n}\n'


# values


def test_a_value_through_variables_and_locals_tells_its_way_and_where_to_edit_it() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n  engine_version = local.version\n}\n'
        + "locals {\n  version = var.engine_version\n}\n"
        + 'variable "engine_version" {\n  default = "15.1"\n}\n',
        "terraform.tfvars": 'engine_version = "16.4"\n',
    }
    version = only(Database, lowered(texts)).version
    assert shown(version, texts) == (Version(16, 4), "16.4")
    assert version.span.path == "terraform.tfvars"
    assert [step.what for step in version.via] == ["local.version", "var.engine_version"]
    assert [Memory(texts).at(step.span) for step in version.via] == ["local.version", "var.engine_version"]


def test_variable_files_override_each_other_in_the_order_of_terraform() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'variable "a" {\n  default = "0"\n}\nresource "aws_ecr_repository" "r" {\n  name = "n${var.a}"\n}\n',
        "terraform.tfvars": 'a = "1"\n',
        "b.auto.tfvars": 'a = "3"\n',
        "a.auto.tfvars": 'a = "2"\n',
        "prod.tfvars": 'a = "4"\n',
        "dev.tfvars": 'a = "5"\n',
    }
    for removed, value in [("", "n4"), ("prod.tfvars", "n5"), ("dev.tfvars", "n3"), ("b.auto.tfvars", "n2")]:
        texts.pop(removed, None)
        repository = only(Repository, lowered(texts)).repository
        assert isinstance(repository, Known)
        assert repository.value == value


def test_a_configured_variable_file_is_used_instead_of_the_conventional_one() -> None:
    texts = {
        "infra/main.tf": PROVIDER + 'variable "a" {}\nresource "aws_ecr_repository" "r" {\n  name = var.a\n}\n',
        "infra/prod.tfvars": 'a = "p"\n',
        "infra/eu.tfvars": 'a = "e"\n',
    }
    settings = Settings(TerraformPart(var_files=("eu.tfvars",)), jobs=1, cache=False)
    assert shown(only(Repository, lowered(texts, settings)).repository, texts) == ("e", "e")


def test_unknown_says_why_and_survives_inside_containers() -> None:
    tree = local({"main.tf": 'variable "v" {}\nlocals {\n  x = { a = [1, var.v], b = "${var.v}-1" }\n}\n'})
    assert not decided(tree)
    again = local({"main.tf": 'variable "v" {}\nlocals {\n  x = { a = [1, var.v] }.a[0]\n}\n'})
    assert plain(again) == 1


def test_a_cycle_is_unknown_and_a_long_chain_is_no_problem() -> None:
    cycle = local({"main.tf": "locals {\n  x = local.y\n  y = local.x\n}\n"})
    assert isinstance(cycle, Unknown)
    assert "depends on itself" in cycle.reason
    chain = "".join(f"  l{number} = local.l{number + 1}\n" for number in range(3_000))
    assert plain(local({"main.tf": f'locals {{\n  x = local.l0\n{chain}  l3000 = "end"\n}}\n'})) == "end"


def test_optional_attributes_get_the_defaults_of_the_type() -> None:
    tree = local(
        {
            "main.tf": 'variable "v" {\n  type = map(object({ n = number, s = optional(string, "d"), o = optional(bool) }))\n'
            '  default = { a = { n = "5" } }\n}\nlocals {\n  x = var.v\n}\n'
        }
    )
    assert plain(tree) == {"a": {"n": 5, "s": "d", "o": None}}


def test_files_outside_of_the_root_are_not_read() -> None:
    for path in ("/etc/passwd", "../../etc/passwd", "${path.module}/../../etc/passwd"):
        tree = local({"main.tf": f'locals {{\n  x = file("{path}")\n}}\n'})
        assert isinstance(tree, Unknown)


def test_files_and_templates_of_the_repository_are_read() -> None:
    texts = {
        "main.tf": 'locals {\n  x = [file("${path.module}/a.txt"), templatefile("t.tpl", { n = 2 }), fileset(".", "*.txt"),'
        ' filesha256("a.txt")]\n}\n',
        "a.txt": "hello",
        "t.tpl": "%{ for i in range(n) ~}\n<${i}>\n%{ endfor ~}\n",
    }
    assert plain(local(texts)) == [
        "hello",
        "<0>\n<1>\n",
        ["a.txt"],
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    ]


# modules


MODULE = {
    "modules/db/main.tf": 'variable "ver" {}\nvariable "name" {\n  default = "n"\n}\n'
    'resource "aws_db_instance" "this" {\n  engine = "postgres"\n  engine_version = var.ver\n  db_name = var.name\n}\n'
    'output "host" {\n  value = aws_db_instance.this.address\n}\noutput "ver" {\n  value = var.ver\n}\n',
}


def test_a_local_module_is_evaluated_for_each_instance() -> None:
    texts = {
        **MODULE,
        "main.tf": PROVIDER
        + 'module "db" {\n  source = "./modules/db"\n  for_each = { a = "16.1", b = "15.2" }\n'
        + "  ver = each.value\n  name = each.key\n}\n",
    }
    nodes = {node.id: node for node in lowered(texts).nodes if isinstance(node, Database)}
    assert list(nodes) == [f'terraform:module.db["{key}"].aws_db_instance.this' for key in "ab"]
    assert shown(nodes['terraform:module.db["b"].aws_db_instance.this'].version, texts) == (Version(15, 2), "15.2")


def test_a_module_that_is_called_is_no_root_of_its_own() -> None:
    texts = {**MODULE, "main.tf": PROVIDER + 'module "db" {\n  source = "./modules/db"\n  ver = "16.4"\n}\n'}
    result = lowered(texts)
    assert [node.id for node in made(result)] == ["terraform:module.db.aws_db_instance.this"]
    assert [choice.chosen for choice in result.choices if choice.what == "Terraform root"] == ["."]


def test_of_environments_side_by_side_production_is_read() -> None:
    body = 'module "db" {\n  source = "../../modules/db"\n  ver = "%s"\n}\n'
    texts = {
        **MODULE,
        "envs/dev/main.tf": PROVIDER + body % "15.1",
        "envs/production/main.tf": PROVIDER + body % "16.4",
    }
    result = lowered(texts)
    assert shown(only(Database, result).version, texts) == (Version(16, 4), "16.4")
    assert "envs/production" in {choice.chosen for choice in result.choices}
    assert shown(
        only(Database, lowered(texts, Settings(TerraformPart(), environment="dev", jobs=1, cache=False))).version, texts
    ) == (Version(15, 1), "15.1")


def test_a_resource_with_count_zero_does_not_exist() -> None:
    texts = {"main.tf": PROVIDER + 'resource "aws_ecr_repository" "r" {\n  count = 0\n  name = "n"\n}\n'}
    assert made(lowered(texts)) == []


def test_literal_terragrunt_inputs_of_the_production_unit_and_its_parent_are_used() -> None:
    unit = 'include {\n  path = find_in_parent_folders()\n}\nterraform {\n  source = "../../../aws//db"\n}\n'
    texts = {
        "aws/db/main.tf": 'variable "ver" {}\nresource "aws_db_instance" "m" {\n  engine = var.engine\n'
        "  engine_version = var.ver\n}\n",
        "live/terragrunt.hcl": 'locals {\n  e = "postgres"\n}\ninputs = {\n  engine = local.e\n  ver = "1.1"\n}\n',
        "live/prod/db/terragrunt.hcl": unit + 'inputs = {\n  ver = "16.4"\n}\n',
        "live/dev/db/terragrunt.hcl": unit + 'inputs = {\n  ver = "15.1"\n}\n',
    }
    node = only(Database, lowered(texts))
    assert shown(node.version, texts) == (Version(16, 4), "16.4")
    assert shown(node.engine, texts) == ("postgres", "postgres")


# databases and caches


def test_parameter_groups_are_found_by_reference_and_by_name() -> None:
    group = (
        'resource "aws_db_parameter_group" "g" {\n  name = "grp"\n  family = "postgres16"\n'
        '  dynamic "parameter" {\n    for_each = { "rds.force_ssl" = "1" }\n    content {\n'
        "      name = parameter.key\n      value = parameter.value\n    }\n  }\n}\n"
    )
    for name in ("aws_db_parameter_group.g.name", "aws_db_parameter_group.g.id", '"grp"'):
        instance = f'resource "aws_db_instance" "m" {{\n  engine = "postgres"\n  parameter_group_name = {name}\n}}\n'
        texts = {"main.tf": PROVIDER + group + instance}
        node = only(Database, lowered(texts))
        assert shown(node.family, texts) == ("postgres16", "postgres16")
        assert [(each.key, shown(each.value, texts)) for each in node.parameters] == [("rds.force_ssl", ("1", "1"))]


def test_a_default_parameter_group_tells_the_family() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_db_instance" "m" {\n  engine = "postgres"\n  engine_version = "16"\n'
        '  parameter_group_name = "default.postgres16"\n}\n'
    }
    node = only(Database, lowered(texts))
    assert isinstance(node.family, Known)
    assert node.family.value == "postgres16"
    assert node.version == Floating(Version(16), node.version.span)


def test_what_is_not_set_is_absent_at_the_name_of_the_resource() -> None:
    texts = {"main.tf": PROVIDER + 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n}\n'}
    node = only(Database, lowered(texts))
    assert isinstance(node.auto_minor_upgrade, Absent)
    assert Memory(texts).at(node.auto_minor_upgrade.span) == "main"


def test_aurora_instances_belong_to_their_cluster_and_replicas_are_left_out() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'resource "aws_rds_cluster" "c" {\n  engine = "aurora-postgresql"\n  engine_version = "16.4"\n}\n'
        + 'resource "aws_rds_cluster_instance" "i" {\n  cluster_identifier = aws_rds_cluster.c.id\n'
        + "  auto_minor_version_upgrade = false\n}\n"
        + 'resource "aws_db_instance" "replica" {\n  replicate_source_db = "x"\n}\n'
    }
    node = only(Database, lowered(texts))
    assert (node.id, node.flavour) == ("terraform:aws_rds_cluster.c", "aurora")
    assert node.engine == Known("postgres", node.engine.span)
    assert isinstance(node.auto_minor_upgrade, Known)
    assert node.auto_minor_upgrade.value is False


def test_an_undecided_instance_leaves_it_open_whether_a_cluster_upgrades_itself() -> None:
    cluster = PROVIDER + 'resource "aws_rds_cluster" "c" {\n  engine = "aurora-postgresql"\n}\n'
    instance = (
        'resource "aws_rds_cluster_instance" "{}" {{\n  cluster_identifier = aws_rds_cluster.c.id\n'
        "  auto_minor_version_upgrade = {}\n}}\n"
    )
    given = {"a": "true", "b": "var.upgrades"}
    texts = {
        "main.tf": cluster + 'variable "upgrades" {}\n' + "".join(instance.format(*each) for each in given.items())
    }
    assert isinstance(only(Database, lowered(texts)).auto_minor_upgrade, Unknown)
    texts["main.tf"] += instance.format("c", "false")
    decided_by = only(Database, lowered(texts)).auto_minor_upgrade
    assert isinstance(decided_by, Known)
    assert decided_by.value is False


def test_preferred_versions_leave_the_version_open() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'data "aws_rds_engine_version" "v" {\n  engine = "postgres"\n  preferred_versions = ["16.4", "16.3"]\n}\n'
        + 'resource "aws_db_instance" "m" {\n  engine = "postgres"\n  engine_version = data.aws_rds_engine_version.v.version\n}\n'
    }
    version = only(Database, lowered(texts)).version
    assert isinstance(version, Floating)
    assert version.value == Version(16, 4)


def test_caches_tell_version_family_and_encryption() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'resource "aws_elasticache_parameter_group" "g" {\n  name = "g"\n  family = "redis7"\n}\n'
        + 'resource "aws_elasticache_replication_group" "r" {\n  engine_version = "7.1"\n  num_node_groups = 2\n'
        + "  parameter_group_name = aws_elasticache_parameter_group.g.name\n  transit_encryption_enabled = true\n"
        + '  auth_token = "x"\n}\n'
        + 'resource "aws_elasticache_cluster" "member" {\n'
        + "  replication_group_id = aws_elasticache_replication_group.r.id\n}\n"
    }
    node = only(CacheNode, lowered(texts))
    assert shown(node.version, texts) == (Version(7, 1), "7.1")
    assert shown(node.family, texts) == ("redis7", "redis7")
    assert shown(node.cluster_mode, texts) == (True, "2")
    assert shown(node.transit_encryption, texts) == (True, "true")
    assert shown(node.auth, texts)[0] is True


def test_the_database_module_of_the_registry_is_read_by_its_inputs() -> None:
    texts = {
        "main.tf": PROVIDER + 'module "db" {\n  source = "terraform-aws-modules/rds/aws"\n  version = "6.1.0"\n'
        '  engine = "postgres"\n  engine_version = "16.4"\n  family = "postgres16"\n'
        '  parameters = [{ name = "rds.force_ssl", value = "1" }]\n}\n'
    }
    node = only(Database, lowered(texts))
    assert node.id == "terraform:module.db"
    assert shown(node.version, texts) == (Version(16, 4), "16.4")
    assert [each.key for each in node.parameters] == ["rds.force_ssl"]


# containers

JSON = '[{"name": "web", "image": "acme/web:1.2", "user": "node", "portMappings": [{"containerPort": 3005}]}]'
ENCODED = (
    'jsonencode([{ name = "web", image = "acme/web:1.2", user = "node", portMappings = [{ containerPort = 3005 }] }])'
)


def task(definitions: str, more: str = "") -> str:
    return PROVIDER + f'resource "aws_ecs_task_definition" "t" {{\n  container_definitions = {definitions}\n}}\n{more}'


@pytest.mark.parametrize(
    ("definitions", "more", "files"),
    [
        (ENCODED, "", {}),
        (f"<<EOT\n{JSON}\nEOT", "", {}),
        (f"<<-EOT\n    {JSON}\n  EOT", "", {}),
        ("local.defs", f"locals {{\n  defs = {ENCODED}\n}}\n", {}),
        ('file("t.json")', "", {"t.json": JSON}),
        ('file("${path.module}/t.json")', "", {"t.json": JSON}),
        (
            'templatefile("t.tpl", { port = 3005, image = "acme/web:1.2" })',
            "",
            {"t.tpl": JSON.replace("3005", "${port}").replace("acme/web:1.2", "${image}")},
        ),
        (
            "data.template_file.t.rendered",
            'data "template_file" "t" {\n  template = file("t.tpl")\n  vars = {\n    port = 3005\n  }\n}\n',
            {"t.tpl": JSON.replace("3005", "${port}")},
        ),
        ("jsonencode([local.web])", f"locals {{\n  web = {ENCODED[12:-2]}\n}}\n", {}),
        ("jsonencode([for c in local.all : c])", f"locals {{\n  all = {{ a = {ENCODED[12:-2]} }}\n}}\n", {}),
        (
            "module.web.json_map_encoded_list",
            (
                'module "web" {\n  source = "cloudposse/ecs-container-definition/aws"\n  container_name = "web"\n'
                '  container_image = "acme/web:1.2"\n  user = "node"\n  port_mappings = [{ containerPort = 3005 }]\n}\n'
            ),
            {},
        ),
    ],
    ids=[
        "jsonencode",
        "heredoc",
        "trimmed",
        "local",
        "file",
        "path",
        "templatefile",
        "template_file",
        "part",
        "for",
        "module",
    ],
)
def test_container_definitions_are_read_in_every_shape(definitions: str, more: str, files: dict[str, str]) -> None:
    texts = {"main.tf": task(definitions, more), **files}
    service = only(Service, lowered(texts))
    assert service.id == "terraform:aws_ecs_task_definition.t#web"
    assert isinstance(service.image, Known)
    assert (service.image.value.repository, service.image.value.tag) == ("acme/web", "1.2")
    assert Memory(texts).at(service.image.span) == "acme/web:1.2"
    assert shown(service.user, texts) == ("node", "node")
    assert shown(service.ports[0].target, texts) == (3005, "3005")
    assert Memory(texts).at(service.span) == "web"


def test_what_a_container_asks_of_the_kernel_is_told_as_compose_has_it() -> None:
    texts = {
        "main.tf": task(
            'jsonencode([{ name = "web", image = "a", linuxParameters = { sharedMemorySize = 256, capabilities = {'
            ' add = ["SYS_PTRACE"], drop = ["ALL"] } }, ulimits = [{ name = "nofile", softLimit = 10, hardLimit = 20 }],'
            ' systemControls = [{ namespace = "net.core.somaxconn", value = "1024" }] }])'
        )
    }
    service = only(Service, lowered(texts))
    assert {each.key: shown(each.value, texts) for each in service.kernel} == {
        "shm_size": ("256", "256"),
        "cap_add.SYS_PTRACE": ("true", '["SYS_PTRACE"]'),
        "cap_drop.ALL": ("true", '["ALL"]'),
        "ulimits.nofile": ("10:20", '{ name = "nofile", softLimit = 10, hardLimit = 20 }'),
        "sysctls.net.core.somaxconn": ("1024", "1024"),
    }
    assert service.kernel_gap is None


@pytest.mark.parametrize("argument", ["linuxParameters", "ulimits", "systemControls"])
def test_kernel_limits_and_checks_that_the_files_do_not_decide_are_unknown(argument: str) -> None:
    more = 'variable "limits" {}\n'
    texts = {
        "main.tf": task(
            f'jsonencode([{{ name = "web", image = "a", healthCheck = var.limits, {argument} = var.limits }}])', more
        )
    }
    service = only(Service, lowered(texts))
    assert service.kernel_gap is not None
    assert "limits" in service.kernel_gap.reason
    assert service.healthcheck is not None
    assert isinstance(service.healthcheck.test, Unknown)
    assert isinstance(service.init, Unknown) == (argument == "linuxParameters")


@pytest.mark.parametrize("variables", ['{ name = "web" }', "{ name = local.name }"])
def test_a_container_whose_template_takes_the_name_from_elsewhere_stands_in_the_template(variables: str) -> None:
    more = 'locals {\n  name = "web"\n}\n'
    texts = {
        "main.tf": task(f'templatefile("t.tpl", {variables})', more),
        "t.tpl": '[{"name": "${name}", "image": "x"}]',
    }
    service = only(Service, lowered(texts))
    assert (service.name, service.span) == ("web", Span("t.tpl", 3, 7))


def test_an_image_of_a_declared_repository_by_a_variable_digest_keeps_its_repository() -> None:
    more = (
        'resource "aws_ecr_repository" "app" {\n  name = "acme-app"\n  image_tag_mutability = "IMMUTABLE"\n}\n'
        'variable "digest" {}\n'
    )
    definitions = 'jsonencode([{ name = "app", image = "${aws_ecr_repository.app.repository_url}@${var.digest}" }])'
    texts = {"main.tf": task(definitions, more)}
    result = lowered(texts)
    service = only(Service, result)
    assert isinstance(service.image, Floating)
    image = service.image.value
    assert (image.repository, image.tag, image.text) == ("acme-app", None, "${…}/acme-app@${var.digest}")
    assert [each.reason for each in image.undecided] == [
        "the registry of the account",
        "variable 'digest' has no value in the repository",
    ]
    assert Edge(
        EdgeKind.PULLS, service.id, "terraform:aws_ecr_repository.app", "runs an image of aws_ecr_repository.app"
    ) in (result.edges)
    repository = only(Repository, result)
    assert shown(repository.immutable, texts) == (True, "IMMUTABLE")


def test_an_environment_value_names_what_it_is_made_of() -> None:
    more = (
        'resource "aws_db_instance" "main" {\n  engine = "postgres"\n}\nvariable "db_password" {}\n'
        'locals {\n  url = "postgres://u:${var.db_password}@${aws_db_instance.main.address}/db"\n}\n'
    )
    definitions = (
        'jsonencode([{ name = "app", image = "a", environment = [{ name = "DATABASE_URL", value = local.url },'
        ' { name = "NODE_ENV", value = "production" }] }])'
    )
    texts = {"main.tf": task(definitions, more)}
    result = lowered(texts)
    service = only(Service, result)
    url = service.variable("DATABASE_URL")
    assert url is not None
    assert isinstance(url.value, Unknown)
    assert url.references == ("var.db_password", "aws_db_instance.main.address")
    assert Memory(texts).at(url.key_span) == "DATABASE_URL"
    node_env = service.variable("NODE_ENV")
    assert node_env is not None
    assert shown(node_env.value, texts) == ("production", "production")
    assert Edge(EdgeKind.CONNECTS, service.id, "terraform:aws_db_instance.main", "DATABASE_URL") in result.edges


def test_secrets_lead_to_their_manager_and_through_their_content() -> None:
    more = (
        'resource "aws_db_instance" "main" {\n  engine = "postgres"\n}\n'
        'resource "aws_secretsmanager_secret" "app" {\n  name = "app"\n}\n'
        'resource "aws_secretsmanager_secret_version" "app" {\n  secret_id = aws_secretsmanager_secret.app.id\n'
        '  secret_string = jsonencode({ DATABASE_URL = "postgres://${aws_db_instance.main.address}", TOKEN = "hunter2" })\n}\n'
    )
    definitions = (
        'jsonencode([{ name = "app", image = "a", secrets = [{ name = "DATABASE_URL",'
        ' valueFrom = "${aws_secretsmanager_secret.app.arn}:DATABASE_URL::" }] }])'
    )
    texts = {"main.tf": task(definitions, more)}
    result = lowered(texts)
    secret = only(Secret, result)
    assert secret.keys == Known(("DATABASE_URL", "TOKEN"), secret.keys.span)
    service = only(Service, result)
    variable = service.variable("DATABASE_URL")
    assert variable is not None
    assert variable.references == ("aws_secretsmanager_secret.app.arn", "aws_db_instance.main.address")
    assert variable.reference == Known("${aws_secretsmanager_secret.app.arn}:DATABASE_URL::", variable.value.span)
    kinds = {(edge.kind, edge.target) for edge in result.edges}
    assert (EdgeKind.READS, "terraform:aws_secretsmanager_secret.app") in kinds
    assert (EdgeKind.CONNECTS, "terraform:aws_db_instance.main") in kinds


def test_an_unknown_map_may_override_values_but_their_keys_stay() -> None:
    more = 'variable "extra" {}\nlocals {\n  env = merge({ A = "1" }, var.extra, { B = "2" })\n}\n'
    definitions = (
        'jsonencode([{ name = "app", image = "a", environment = [for k, v in local.env : { name = k, value = v }] }])'
    )
    service = only(Service, lowered({"main.tf": task(definitions, more)}))
    assert [variable.key for variable in service.environment] == ["A", "B"]
    first, second = service.environment
    assert isinstance(first.value, Unknown)
    assert isinstance(second.value, Known)
    assert service.environment_gap is not None


def test_a_task_that_no_service_runs_is_a_job_and_sidecars_are_told_apart() -> None:
    more = (
        'resource "aws_ecs_task_definition" "web" {\n  container_definitions = jsonencode([{ name = "web", image = "a/w" },'
        ' { name = "datadog-agent", image = "public.ecr.aws/datadog/agent:7" }])\n}\n'
        'resource "aws_ecs_service" "web" {\n  task_definition = aws_ecs_task_definition.web.arn\n  desired_count = 2\n}\n'
    )
    texts = {"main.tf": task('jsonencode([{ name = "report", image = "a/w" }])', more)}
    roles = {node.name: node.role for node in lowered(texts).nodes if isinstance(node, Service)}
    assert roles == {"report": Role.JOB, "web": Role.APP, "datadog-agent": Role.SIDECAR}
    (web,) = [node for node in lowered(texts).nodes if node.name == "web" and isinstance(node, Service)]
    assert web.count is not None
    assert shown(web.count, texts) == (2, "2")


def test_the_ecs_module_of_the_registry_has_a_map_of_containers() -> None:
    texts = {
        "main.tf": PROVIDER + 'module "svc" {\n  source = "terraform-aws-modules/ecs/aws//modules/service"\n'
        '  container_definitions = {\n    web = {\n      image = "acme/web:1"\n'
        '      port_mappings = [{ containerPort = 80 }]\n      environment = [{ name = "A", value = "1" }]\n    }\n  }\n}\n'
    }
    service = only(Service, lowered(texts))
    assert service.id == "terraform:module.svc#web"
    assert Memory(texts).at(service.span) == "web"
    assert isinstance(service.read_only, Known)
    assert service.read_only.value is True
    assert isinstance(service.architecture, Known)
    assert service.architecture.value == "X86_64"
    assert [variable.key for variable in service.environment] == ["A"]


def test_unreadable_containers_stand_as_one_service_that_says_why() -> None:
    service = only(Service, lowered({"main.tf": task("var.defs", 'variable "defs" {}\n')}))
    assert isinstance(service.image, Unknown)
    assert "variable 'defs' has no value" in service.image.reason


# the rest


def test_a_migration_runner_tells_whether_a_change_of_files_starts_it() -> None:
    template = (
        'resource "terraform_data" "m" {{\n  triggers_replace = {}\n  provisioner "local-exec" {{\n'
        '    command = "npx prisma migrate deploy"\n  }}\n}}\n'
        'locals {{\n  hash = sha1(join("", [for f in fileset("m", "**") : filesha1("m/${{f}}")]))\n}}\n'
    )
    for trigger, hashed in [("local.hash", True), ("[var.x]", False), ("timestamp()", True)]:
        runner = only(MigrationRunner, lowered({"main.tf": PROVIDER + template.format(trigger)}))
        assert runner.tool == "prisma"
        assert isinstance(runner.hashed, Known)
        assert runner.hashed.value is hashed


def test_extensions_and_supabase_projects_are_nodes() -> None:
    texts = {
        "main.tf": 'provider "postgresql" {}\nresource "postgresql_extension" "v" {\n  name = "vector"\n}\n'
        'resource "supabase_project" "p" {\n  name = "p"\n}\n'
    }
    result = lowered(texts)
    assert shown(only(Extension, result).extension, texts) == ("vector", "vector")
    database = only(Database, result)
    assert database.flavour == "supabase"
    assert isinstance(database.version, Unknown)


def test_the_json_syntax_gives_the_same_nodes_with_exact_places() -> None:
    texts = {
        "main.tf.json": '{"provider": {"aws": {}}, "resource": {"aws_db_instance": {"main": {"engine": "postgres",'
        ' "engine_version": "${var.v}"}}}, "variable": {"v": {"type": "string", "default": "16.4"}}}'
    }
    node = only(Database, lowered(texts))
    assert node.id == "terraform:aws_db_instance.main"
    assert shown(node.version, texts) == (Version(16, 4), "16.4")


def test_a_broken_block_is_reported_and_loses_no_other() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_db_instance" "a" {\n  engine = = 1\n}\n'
        'resource "aws_db_instance" "b" {\n  engine = "postgres"\n}\n'
    }
    result = lowered(texts)
    assert {node.id for node in made(result)} == {"terraform:aws_db_instance.b"}
    (problem,) = result.problems
    assert Memory(texts).at(problem.span) == "="


def test_an_override_file_is_merged_over_the_resource() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_db_instance" "m" {\n  engine = "postgres"\n  engine_version = "15.1"\n}\n',
        "override.tf": 'resource "aws_db_instance" "m" {\n  engine_version = "16.4"\n}\n',
    }
    version = only(Database, lowered(texts)).version
    assert shown(version, texts) == (Version(16, 4), "16.4")
    assert version.span.path == "override.tf"


# caches and workers


def test_the_cache_is_private_holds_no_value_and_gives_the_same(tmp_path: Path) -> None:
    texts = {"main.tf": task('jsonencode([{ name = "app", image = "a/b:1", user = "hunter2" }])')}
    directory = tmp_path / "cache"
    source = Source("main.tf", texts["main.tf"])
    blocks = read_blocks(source).blocks
    first = Syntaxes(Cache(directory))
    made = [first.body(source, block) for block in blocks]
    first.flush()
    stored = [path for path in directory.rglob("*") if path.is_file()]
    assert len(stored) == 1
    assert b"hunter2" not in stored[0].read_bytes()
    second = Syntaxes(Cache(directory))
    assert [second.missing(source, block) for block in blocks] == [False, False]
    assert [second.body(source, block) for block in blocks] == made
    stored[0].write_bytes(b"damaged")
    assert [Syntaxes(Cache(directory)).body(source, block) for block in blocks] == made


def test_the_users_cache_is_for_the_user_alone_and_never_inside_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICYENGINE_CACHE_DIR", str(tmp_path / "c"))
    (tmp_path / "c").mkdir(mode=0o755)
    assert user_cache().directory == tmp_path / "c"
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o755
    assert user_cache(tmp_path).directory is None
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("POLICYENGINE_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert user_cache().directory is None


def large() -> list[Source]:
    body = "".join(f'  a{number} = "${{var.x}}-{number}"\n' for number in range(100))
    blocks = "".join(f'resource "t" "n{number}" {{\n{body}}}\n' for number in range(20))
    return [Source(f"f{number}.tf", blocks) for number in range(5)]


def test_worker_processes_give_the_same_syntax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntaxes, "PARALLEL_FROM", 1)
    sources = large()
    wanted = [(source, block) for source in sources for block in read_blocks(source).blocks]
    parallel, alone = Syntaxes(), Syntaxes()
    parallel.prepare(wanted, 2)
    assert not any(parallel.missing(source, block) for source, block in wanted)
    assert all(parallel.body(source, block) == alone.body(source, block) for source, block in wanted)


class Deadly(Source, frozen=True):
    """A source that ends the process which receives it."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (1,)


def test_a_killed_worker_is_an_error_and_never_less_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syntaxes, "PARALLEL_FROM", 1)
    sources = [Deadly(source.path, source.text) for source in large()]
    wanted = [(source, block) for source in sources for block in read_blocks(source).blocks]
    with pytest.raises(WorkerDied):
        Syntaxes().prepare(wanted, 2)
