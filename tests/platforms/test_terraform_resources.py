"""Which resources make which nodes: the table, how a resource is read, and types that plug-ins bring."""

from __future__ import annotations

import json
import subprocess
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policyengine import plugins
from policyengine.knowledge import aws_policies, terraform_resources
from policyengine.knowledge.loading import table
from policyengine.model import nodes
from policyengine.model.nodes import Cache, Database, Node, Role, Service, Side, Variable
from policyengine.model.value import Absent, Floating, Known, Unknown
from policyengine.platforms import Settings
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.plan import plan
from policyengine.platforms.terraform.providers.table import READERS
from policyengine.platforms.terraform.root_modules import lower
from policyengine.testing import Memory, read_reference, scan_files
from tests import trees

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.hooks import ResourceReader
    from policyengine.platforms.terraform.resources.stack import ResourceView

ROOT = Path(__file__).parent.parent.parent
AZURE = ROOT / "fixtures" / "extensions" / "azurerm_postgresql"
MODULE = AZURE / "policyengine_azurerm_postgresql.py"

TABLE = table("terraform_resources", terraform_resources.TerraformResources)
KNOWN = {**TABLE.resources, **TABLE.modules}


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_type_names_a_node_and_a_reader_that_there_are(name: str) -> None:
    known = KNOWN[name]
    assert not known.node or issubclass(getattr(nodes, known.node), Node)
    assert known.reader in READERS
    assert not set(known.fixed) & set(known.defaults)


def test_every_reader_is_used_by_a_type() -> None:
    assert {known.reader for known in KNOWN.values()} == set(READERS)


def test_a_type_makes_nodes_or_supports_others() -> None:
    assert not set(TABLE.resources) & set(TABLE.supporting)
    assert terraform_resources.types_read() == set(TABLE.resources) | set(TABLE.supporting)


@pytest.mark.parametrize(
    ("source", "node"),
    [
        ("terraform-aws-modules/rds/aws", "Database"),
        ("terraform-aws-modules/rds-aurora/aws", "Database"),
        ("git::https://github.com/terraform-aws-modules/terraform-aws-rds-aurora.git?ref=v9", "Database"),
        ("registry.terraform.io/terraform-aws-modules/elasticache/aws", "Cache"),
        ("terraform-aws-modules/ecs/aws//modules/service", "Service"),
        ("terraform-aws-modules/vpc/aws", None),
    ],
)
def test_the_longest_part_of_a_source_tells_the_module(source: str, node: str | None) -> None:
    known = terraform_resources.module_type(source)
    assert (known.node if known else None) == node


def test_the_module_of_ecs_services_is_told_from_that_of_clusters() -> None:
    service = terraform_resources.module_type("terraform-aws-modules/ecs/aws//modules/service")
    cluster = terraform_resources.module_type("terraform-aws-modules/ecs/aws")
    assert (service and service.reader, cluster and cluster.reader) == ("ecs_service_module", "ecs_cluster_module")


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("AdministratorAccess", ("*",)),
        ("AmazonECSTaskExecutionRolePolicy", ()),
        ("ReadOnlyAccess", ("ssm:Get*",)),
        ("Invented", None),
    ],
)
def test_a_managed_policy_says_what_it_allows_on_secrets(name: str, actions: tuple[str, ...] | None) -> None:
    assert aws_policies.managed_policy(name) == actions


# how a resource is read


TEXT = """
variable "size" {
  default = 3
}
resource "acme_store" "main" {
  version  = "16"
  size     = var.size
  exposed  = true
  command  = ["run", "it"]
  password = var.missing
  nested {
    name = "a"
  }
  dynamic "nested" {
    for_each = ["b"]
    content {
      name = nested.value
    }
  }
}
resource "acme_setting" "main" {
  store = acme_store.main.id
}
resource "acme_setting" "other" {
  store = "elsewhere"
}
"""


def seen(text: str, *types: str, exact: list[plan.Exact] | None = None) -> dict[str, ResourceView]:
    found: dict[str, ResourceView] = {}

    def look(view: ResourceView) -> Iterator[Node]:
        found[view.name] = view
        yield from ()

    resources: Mapping[str, ResourceReader] = dict.fromkeys(types, look)
    settings = Settings(TerraformPart(), jobs=1, cache=False, resources=resources)
    lower(Memory({"main.tf": text}), settings, exact=exact or ())
    return found


def test_arguments_are_read_as_values_with_their_places() -> None:
    files = Memory({"main.tf": TEXT})
    view = seen(TEXT, "acme_store")["acme_store.main"]
    version = view.version("postgres")
    assert isinstance(version, Floating)
    assert (str(version.value), files.at(version.span)) == ("16", "16")
    size = view.integer("size")
    assert isinstance(size, Known)
    assert (size.value, files.at(size.span), size.via[0].what) == (3, "3", "var.size")
    exposed = view.boolean("exposed")
    assert isinstance(exposed, Known)
    assert (exposed.value, files.at(exposed.span)) == (True, "true")
    command = view.command("command")
    assert isinstance(command, Known)
    assert command.value.words == ("run", "it")
    password = view.text("password")
    assert isinstance(password, Unknown)
    assert password.reason == "the variable 'missing' is not declared"


def test_an_argument_that_is_not_given_is_absent_or_what_the_provider_documents() -> None:
    view = seen(TEXT, "acme_store")["acme_store.main"]
    assert view.text("tier") == Absent(view.span)
    assert view.text("tier", default="basic") == Known("basic", view.span)
    assert view.integer("port", default=5432) == Known(5432, view.span)
    assert view.text("nothing", "version") == view.text("version")
    assert TEXT[view.span.start : view.span.end] == "main"


def test_nested_blocks_are_read_in_the_same_way() -> None:
    view = seen(TEXT, "acme_store")["acme_store.main"]
    names = [block.text("name") for block in view.blocks("nested")]
    assert [name.value for name in names if isinstance(name, Known)] == ["a", "b"]
    assert (view.gap("nested"), view.blocks("other")) == (None, ())


def test_a_view_leads_to_the_resources_that_it_names_and_that_name_it() -> None:
    found = seen(TEXT, "acme_store", "acme_setting")
    store, setting = found["acme_store.main"], found["acme_setting.main"]
    assert setting.named(setting.tree("store"), "acme_store") == [store]
    assert store.named_by("acme_setting", "store") == [setting]
    assert (store.id, store.part("a"), store.side) == (
        "terraform:acme_store.main",
        "terraform:acme_store.main#a",
        Side.CLOUD,
    )


def test_a_plan_is_laid_over_what_a_view_reads() -> None:
    part = plan.Part({"version": "16.9", "size": 5}, None, None, plan.PLANNED)
    exact = plan.Exact("plan.json", "plan", resources={"acme_store.main": part})
    exact.declared["acme_store.main"] = ("resource", "acme_store", "main")
    exact.instances["acme_store.main"] = {"": None}
    view = seen(TEXT, "acme_store", exact=[exact])["acme_store.main"]
    version = view.text("version")
    assert isinstance(version, Known)
    assert (version.value, version.via[0].what) == ("16.9", "planned value")
    size = view.integer("size")
    assert isinstance(size, Known)
    assert (size.value, [step.what for step in size.via]) == (5, ["planned value", "var.size"])


def test_a_stranger_may_read_a_type_that_the_program_reads_otherwise() -> None:
    def read(view: ResourceView) -> Iterator[Node]:
        yield Cache(
            id=view.id,
            name="mine",
            side=view.side,
            span=view.span,
            engine=Known("redis", view.span),
            version=view.version("postgres"),
        )

    settings = Settings(TerraformPart(), jobs=1, cache=False, resources={"aws_db_instance": read})
    text = 'resource "aws_db_instance" "main" {\n  engine_version = "16.4"\n}\n'
    (node,) = (each for each in lower(Memory({"main.tf": text}), settings).nodes if each.id != "terraform")
    assert (type(node), node.name) == (Cache, "mine")
    assert isinstance(node, Cache)
    assert str(node.version.value if isinstance(node.version, Known) else node.version) == "16.4"


# the example


@pytest.fixture(scope="module")
def azure() -> Iterator[plugins.Plugins]:
    yield plugins.load([str(MODULE)])
    plugins.load()


def test_the_example_makes_a_database_of_the_cloud_side(azure: plugins.Plugins, tmp_path: Path) -> None:
    files = read_reference(AZURE / "reference")
    report = scan_files(files, tmp_path / "tree", azure)
    (server,) = [each for each in report.graph.all(Database) if each.side is Side.CLOUD]
    main = files["infra/main.tf"]
    assert isinstance(server.version, Floating)
    assert (server.id, str(server.version.value)) == ("terraform:azurerm_postgresql_flexible_server.main", "16")
    assert main[server.version.span.start : server.version.span.end] == "16"
    assert main[server.span.start : server.span.end] == "main"
    (parameter,) = server.parameters
    assert isinstance(parameter, Variable)
    assert (parameter.key, main[parameter.value.span.start : parameter.value.span.end]) == (
        "azure.extensions",
        "VECTOR",
    )
    (pair,) = report.graph.pairs
    assert (pair.local, pair.cloud) == ("compose:services.db/database", server.id)
    assert [result.finding.subject.id for result in report.results if result.rule.id == "HEX403"] == [server.id]


def test_without_the_example_the_program_reads_the_same_of_the_type(tmp_path: Path) -> None:
    report = scan_files(read_reference(AZURE / "reference"), tmp_path / "tree", plugins.load())
    servers = report.graph.all(Database, side=Side.CLOUD)
    assert [(each.id.rpartition(".")[2], [parameter.key for parameter in each.parameters]) for each in servers] == [
        ("main", ["azure.extensions"]),
        ("replica", []),
    ]


def test_the_example_takes_at_most_30_lines() -> None:
    assert len(MODULE.read_text("utf-8").splitlines()) <= 30


@pytest.mark.install
def test_the_example_installs_and_is_found(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    program = str(tmp_path / "env" / "bin")
    install = [f"{program}/pip", "install", "-q", "--disable-pip-version-check", str(ROOT), str(AZURE)]
    subprocess.run(install, check=True, capture_output=True)
    command = [f"{program}/policyengine", "graph", str(AZURE / "reference"), "--format", "json"]
    done = subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    ids = [node["id"] for node in json.loads(done.stdout)["nodes"] if node["type"] == "Database"]
    assert "terraform:azurerm_postgresql_flexible_server.main" in ids


# many resources


def _many(count: int) -> Memory:
    return Memory(
        {
            f"f{number}.tf": f"""
resource "aws_ecs_task_definition" "t{number}" {{
  container_definitions = jsonencode([{{
    name = "c", image = "acme/app:1"
    secrets = [{{ name = "S", valueFrom = aws_secretsmanager_secret.s{number}.arn }}]
  }}])
}}
resource "aws_ecs_service" "s{number}" {{
  task_definition = aws_ecs_task_definition.t{number}.arn
}}
resource "aws_rds_cluster" "c{number}" {{
  engine             = "aurora-postgresql"
  cluster_identifier = "c{number}"
}}
resource "aws_rds_cluster_instance" "i{number}" {{
  cluster_identifier         = "c{number}"
  auto_minor_version_upgrade = false
}}
resource "aws_db_instance" "d{number}" {{
  engine               = "postgres"
  parameter_group_name = "g{number}"
}}
resource "aws_db_parameter_group" "g{number}" {{
  name   = "g{number}"
  family = "postgres16"
}}
resource "aws_secretsmanager_secret" "s{number}" {{
  name = "s{number}"
}}
"""
            for number in range(count)
        }
    )


def _seconds(count: int) -> float:
    files = _many(count)
    start = time.process_time()
    found = lower(files, Settings(TerraformPart(), jobs=1, cache=False))
    taken = time.process_time() - start
    databases = [node for node in found.nodes if isinstance(node, Database)]
    assert len(databases) == 2 * count
    assert all(isinstance(node.family, Known) for node in databases if "aws_db_instance" in node.name)
    assert all(isinstance(node.auto_minor_upgrade, Known) for node in databases if "aws_rds_cluster" in node.name)
    return taken


@pytest.mark.slow
def test_time_grows_with_the_number_of_resources_and_not_with_its_square() -> None:
    _seconds(20)
    small, large = min(_seconds(60), _seconds(60)), _seconds(480)
    assert large < 20 * small


def test_a_container_called_as_an_agent_is_the_application_where_it_is_the_only_one_of_its_task(tmp_path: Path) -> None:
    task = """
        resource "aws_ecs_task_definition" "%s" {
          family                = "%s"
          container_definitions = jsonencode([%s])
        }
    """
    agent, web = '{ name = "collector", image = "acme/collector:1" }', '{ name = "web", image = "acme/web:1" }'
    trees.write(tmp_path, {"one.tf": task % ("one", "one", agent), "two.tf": task % ("two", "two", f"{agent}, {web}")})
    roles = {each.id: each.role for each in trees.graph(tmp_path, {}).all(Service)}
    assert roles["terraform:aws_ecs_task_definition.one#collector"] is Role.APP
    assert roles["terraform:aws_ecs_task_definition.two#collector"] is Role.SIDECAR
