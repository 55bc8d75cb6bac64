"""Plans and states over evaluated values. `terraform_show/` holds what Terraform 1.11.4 printed for its configuration."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from policyengine.model.graph import EdgeKind
from policyengine.model.image import Version
from policyengine.model.nodes import Cache, Database, Definitions, Node, Service
from policyengine.model.source import Span, UsageError
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, Via, known
from policyengine.platforms import Settings
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.plan import plan
from policyengine.platforms.terraform.resources import addresses
from policyengine.platforms.terraform.root_modules import lower, read_roots
from policyengine.repository import discover
from policyengine.testing.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyengine.model.explanation import Explanation
    from policyengine.platforms import Lowered

PLAIN = Settings(TerraformPart(), jobs=1, cache=False)

RECORDED = Path(__file__).parent / "terraform_show"
SECRET = "hunter2-hunter2"

N = TypeVar("N", bound=Node)


def resource(kind: str, name: str, values: Mapping[str, object], **more: object) -> dict[str, object]:
    """A resource of a values representation."""
    return {"mode": "managed", "type": kind, "name": name, "values": values, "sensitive_values": {}, **more}


def change(kind: str, name: str, after: Mapping[str, object], **more: object) -> dict[str, object]:
    """An entry of `resource_changes`."""
    marks: dict[str, object] = {
        key: more.pop(key) for key in ("before", "after_unknown", "after_sensitive") if key in more
    }
    changed: dict[str, object] = {"actions": ["create"], "after": after, **marks}
    return {"mode": "managed", "type": kind, "name": name, "change": changed, **more}


class Case:
    """A tree with a plan or a state of it in a file beside."""

    def __init__(self, folder: Path, texts: dict[str, str] | str) -> None:
        self.folder = folder
        self.texts = {"main.tf": texts} if isinstance(texts, str) else texts
        self.exact: list[plan.Exact] = []

    def state(self, *resources: dict[str, object], modules: list[object] | None = None) -> Case:
        root = {"resources": resources, "child_modules": modules or []}
        return self.given("state", {"format_version": "1.0", "values": {"root_module": root}})

    def plan(self, *changes: dict[str, object], **more: object) -> Case:
        return self.given("plan", {"format_version": "1.2", "planned_values": {}, "resource_changes": changes, **more})

    def given(self, kind: str, document: object) -> Case:
        file = self.folder / f"{kind}.json"
        file.write_text(json.dumps(document), "utf-8")
        self.exact.append(plan.read(file, kind))
        return self

    def lowered(self) -> Lowered:
        return lower(Memory(self.texts), PLAIN, exact=self.exact)

    def only(self, kind: type[N]) -> N:
        (node,) = [node for node in self.lowered().nodes if isinstance(node, kind)]
        return node

    def value(self, address: str) -> Explanation:
        roots = read_roots(Memory(self.texts), PLAIN, exact=self.exact)
        return addresses.explain(roots.planned, address)

    def at(self, value: Value[object] | None) -> str:
        assert value is not None
        return self.text(value.span)

    def text(self, span: Span) -> str:
        return self.texts[span.path][span.start : span.end]


DATABASE = """\
variable "postgres" { default = "16.3" }
resource "aws_db_instance" "main" {
  engine         = "postgres"
  engine_version = var.postgres
}
"""


def test_a_planned_value_takes_the_place_of_the_argument_and_keeps_its_history(tmp_path: Path) -> None:
    case = Case(tmp_path, DATABASE).plan(
        change("aws_db_instance", "main", {"engine": "postgres", "engine_version": "16.4", "port": 5433})
    )
    database = case.only(Database)
    assert isinstance(database.version, Known)
    assert database.version.value == Version(16, 4)
    assert case.at(database.version) == "var.postgres"
    assert [step.what for step in database.version.via] == ["planned value", "var.postgres"]
    assert case.at(database.engine) == "postgres"
    assert database.engine == Known("postgres", database.engine.span)


def test_a_value_without_an_argument_stands_at_the_name_of_the_resource(tmp_path: Path) -> None:
    case = Case(tmp_path, DATABASE).plan(change("aws_db_instance", "main", {"port": 5433}))
    port = case.only(Database).port
    assert port == Known(5433, Span("main.tf", 69, 73), (Via("planned value", Span("main.tf", 69, 73)),))
    assert case.at(port) == "main"


def test_the_actual_engine_version_of_a_state_wins_over_the_argument(tmp_path: Path) -> None:
    texts = DATABASE.replace('"16.3"', '"16"')
    before = Case(tmp_path, texts).only(Database)
    assert isinstance(before.version, Floating)
    case = Case(tmp_path, texts).state(
        resource("aws_db_instance", "main", {"engine_version": "16", "engine_version_actual": "16.4"})
    )
    version = case.only(Database).version
    assert isinstance(version, Known)
    assert version.value == Version(16, 4)
    assert version.via[0].what == "actual value (state)"


def test_the_actual_version_in_a_plan_does_not_hide_a_planned_upgrade(tmp_path: Path) -> None:
    after = {"engine_version": "16.4", "engine_version_actual": "16.3"}
    case = Case(tmp_path, DATABASE).plan(change("aws_db_instance", "main", after, before={"engine_version": "16.3"}))
    version = case.only(Database).version
    assert isinstance(version, Known)
    assert version.value == Version(16, 4)


def test_what_the_older_provider_sdk_stores_for_unset_arguments_is_not_given(tmp_path: Path) -> None:
    case = Case(tmp_path, DATABASE).state(
        resource("aws_db_instance", "main", {"replicate_source_db": "", "db_name": "", "multi_az": False, "port": 0})
    )
    database = case.only(Database)
    assert isinstance(database.database_name, Absent)
    assert isinstance(database.port, Absent)


def test_false_is_a_value_that_a_state_gives(tmp_path: Path) -> None:
    case = Case(tmp_path, DATABASE).state(resource("aws_db_instance", "main", {"auto_minor_version_upgrade": False}))
    assert isinstance(case.only(Database).auto_minor_upgrade, Known)


def test_what_is_known_only_after_apply_stays_as_evaluated(tmp_path: Path) -> None:
    case = Case(tmp_path, DATABASE).plan(
        change("aws_db_instance", "main", {"engine": "postgres"}, after_unknown={"engine_version": True, "port": True})
    )
    database = case.only(Database)
    assert isinstance(database.version, Known)
    assert database.version.value == Version(16, 3)
    assert isinstance(database.port, Absent)


def test_variables_of_a_plan_are_values_of_the_root_modules_variables(tmp_path: Path) -> None:
    case = Case(tmp_path, DATABASE).plan(
        change("aws_db_instance", "main", {}), variables={"postgres": {"value": "15.8"}}
    )
    version = case.only(Database).version
    assert isinstance(version, Known)
    assert version.value == Version(15, 8)
    assert [step.what for step in version.via] == ["var.postgres", "planned value"]
    assert case.at(version) == "postgres"


SERVICE = """\
variable "tag" {}
variable "password" {}
resource "aws_db_instance" "main" { engine = "postgres" }
resource "aws_ecr_repository" "app" { name = "app" }
resource "aws_ecs_task_definition" "app" {
  container_definitions = jsonencode([
    {
      name  = "side"
      image = "fluent/fluent-bit:3"
    },
    {
      name  = "app"
      image = "${aws_ecr_repository.app.repository_url}:${var.tag}"
      environment = [
        { name = "HOST", value = aws_db_instance.main.address },
        { name = "TZ", value = "UTC" },
      ]
    }
  ])
}
"""
URL = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app"


def containers(**values: str) -> str:
    """As AWS gives them back: in its own order, with its defaults."""
    environment = [{"value": value, "name": name} for name, value in sorted(values.items())]
    app = {"name": "app", "image": f"{URL}:v7", "environment": environment, "mountPoints": [], "cpu": 0}
    return json.dumps([app, {"name": "side", "image": "fluent/fluent-bit:3", "essential": True}])


def test_other_expressions_see_the_values_of_a_state(tmp_path: Path) -> None:
    case = Case(tmp_path, SERVICE).state(
        resource("aws_db_instance", "main", {"address": "main.abc.rds.amazonaws.com"}),
        resource("aws_ecr_repository", "app", {"repository_url": URL}),
    )
    app = next(node for node in case.lowered().nodes if isinstance(node, Service) and node.name == "app")
    host = app.variable("HOST")
    assert host is not None
    assert isinstance(host.value, Known)
    assert host.value.value == "main.abc.rds.amazonaws.com"
    assert case.at(host.value) == "main"
    assert [step.what for step in host.value.via] == ["aws_db_instance.main.address", "actual value (state)"]
    assert host.references == ("aws_db_instance.main.address",)


def test_container_definitions_keep_the_place_of_each_part_whatever_their_order(tmp_path: Path) -> None:
    case = Case(tmp_path, SERVICE).state(
        resource("aws_ecs_task_definition", "app", {"container_definitions": containers(HOST="h", TZ="UTC", NEW="1")})
    )
    lowered = case.lowered()
    app = next(node for node in lowered.nodes if isinstance(node, Service) and node.name == "app")
    assert isinstance(app.image, Known)
    assert str(app.image.value) == f"{URL}:v7"
    assert case.at(app.image) == "${aws_ecr_repository.app.repository_url}:${var.tag}"
    assert {variable.key: case.at(variable.value) for variable in app.environment if variable.key != "NEW"} == {
        "HOST": "aws_db_instance.main.address",
        "TZ": "UTC",
    }
    new = app.variable("NEW")
    assert new is not None
    assert new.value.via[0].what == "actual value (state)"
    assert any(edge.kind is EdgeKind.PULLS and edge.target.endswith("aws_ecr_repository.app") for edge in lowered.edges)


def test_instances_that_the_files_do_not_decide_are_those_of_the_plan(tmp_path: Path) -> None:
    text = """\
variable "caches" {}
resource "aws_elasticache_replication_group" "main" {
  for_each             = var.caches
  engine_version       = each.value
  replication_group_id = each.key
}
"""
    case = Case(tmp_path, text).plan(
        change("aws_elasticache_replication_group", "main", {"engine_version": "7.1"}, index="a.b"),
        change("aws_elasticache_replication_group", "main", {"engine_version": "7.0"}, index='c"d'),
    )
    found = {node.id: node.version for node in case.lowered().nodes if isinstance(node, Cache)}
    assert {key: version.value for key, version in found.items() if isinstance(version, Known)} == {
        'terraform:aws_elasticache_replication_group.main["a.b"]': Version(7, 1),
        'terraform:aws_elasticache_replication_group.main["c"d"]': Version(7, 0),
    }
    assert case.value('aws_elasticache_replication_group.main["a.b"].replication_group_id').value == "a.b"


def test_no_instance_is_made_where_a_whole_plan_has_none(tmp_path: Path) -> None:
    text = (
        DATABASE.replace("{\n", "{\n  count = var.many\n", 1)
        + 'variable "many" {}\nresource "aws_ecs_cluster" "c" {}\n'
    )
    assert [type(node) for node in Case(tmp_path, text).lowered().nodes] == [Definitions, Database]
    case = Case(tmp_path, text).plan(change("aws_ecs_cluster", "c", {}), complete=True)
    assert [type(node) for node in case.lowered().nodes] == [Definitions]
    for more in ({}, {"complete": False}, {"complete": True, "errored": True}):
        case = Case(tmp_path, text).plan(change("aws_ecs_cluster", "c", {}), **more)
        assert [type(node) for node in case.lowered().nodes] == [Definitions, Database]


MODULES = """\
module "rds" {
  source         = "terraform-aws-modules/rds/aws"
  engine         = "postgres"
  engine_version = "16"
}
module "other" {
  source = "git::https://example.com/db.git"
}
"""


def test_resources_of_modules_that_are_not_in_the_repository_stand_at_their_call(tmp_path: Path) -> None:
    inner = {"engine": "postgres", "engine_version": "16", "engine_version_actual": "16.8"}
    this = resource("aws_db_instance", "this", inner, index=0)
    case = Case(tmp_path, MODULES).state(
        modules=[
            {
                "address": "module.rds",
                "child_modules": [{"address": "module.rds.module.db_instance", "resources": [this]}],
            },
            {"address": "module.other", "resources": [this]},
        ]
    )
    found = {node.id: node for node in case.lowered().nodes if isinstance(node, Database)}
    assert set(found) == {"terraform:module.rds", "terraform:module.other.aws_db_instance.this[0]"}
    assert [(case.at(node.version), case.text(node.span)) for node in found.values()] == [
        ("other", "other"),
        ("16", "rds"),
    ]
    assert {node.version.value for node in found.values() if isinstance(node.version, Known)} == {Version(16, 8)}


def test_nested_blocks_are_matched_by_what_they_say(tmp_path: Path) -> None:
    text = """\
variable "ssl" {}
resource "aws_db_parameter_group" "main" {
  family = "postgres16"
  parameter {
    name  = "rds.force_ssl"
    value = var.ssl
  }
  parameter {
    name  = "max_connections"
    value = "100"
  }
}
resource "aws_db_instance" "main" {
  engine               = "postgres"
  parameter_group_name = aws_db_parameter_group.main.name
}
"""
    parameters = [{"name": "max_connections", "value": "200"}, {"name": "rds.force_ssl", "value": "1"}]
    case = Case(tmp_path, text).state(
        resource("aws_db_parameter_group", "main", {"name": "main", "parameter": parameters}),
        resource("aws_db_instance", "main", {"parameter_group_name": "main"}),
    )
    found = case.only(Database).parameters
    assert [(each.key, case.at(each.value)) for each in found] == [
        ("max_connections", "100"),
        ("rds.force_ssl", "var.ssl"),
    ]
    assert [each.value.value for each in found if isinstance(each.value, Known)] == ["200", "1"]


def test_a_plan_says_more_than_a_state(tmp_path: Path) -> None:
    case = Case(tmp_path, DATABASE)
    case.plan(change("aws_db_instance", "main", {"engine_version": "16.6"}))
    case.state(resource("aws_db_instance", "main", {"engine_version": "16.4", "engine_version_actual": "16.4"}))
    version = case.only(Database).version
    assert isinstance(version, Known)
    assert version.value == Version(16, 6)


# secrets


def test_sensitive_values_are_not_taken_over(tmp_path: Path) -> None:
    text = SERVICE.replace("aws_db_instance.main.address", '"postgres://app:${var.password}@db/app"')
    revealing = containers(HOST=f"postgres://app:{SECRET}@db/app", TZ="UTC")
    variables = {"password": {"value": SECRET}, "tag": {"value": "v7"}}
    configuration = {"root_module": {"variables": {"password": {"sensitive": True}}}}
    for marks in ({"container_definitions": True}, {}):
        case = Case(tmp_path, text).plan(
            change("aws_ecs_task_definition", "app", {"container_definitions": revealing}, after_sensitive=marks),
            change("aws_db_instance", "main", {"password": SECRET}, after_sensitive={"password": True}),
            variables=variables,
            configuration=configuration,
        )
        lowered = case.lowered()
        assert SECRET not in repr(lowered)
        app = next(node for node in lowered.nodes if isinstance(node, Service) and node.name == "app")
        host = app.variable("HOST")
        assert host is not None
        assert isinstance(host.value, Unknown)
        assert "password" in host.value.reason


def test_an_attribute_that_is_named_like_a_secret_is_not_taken_over(tmp_path: Path) -> None:
    case = Case(tmp_path, 'resource "aws_db_instance" "main" {}\nlocals { p = aws_db_instance.main.password }\n').state(
        resource("aws_db_instance", "main", {"password": SECRET})
    )
    found = case.value("local.p")
    assert (found.state, found.value) == ("unknown", None)
    assert "sensitive" in found.reason


# which root module


TWO = {
    "infra/one/main.tf": 'provider "aws" {}\n' + DATABASE,
    "infra/two/main.tf": 'provider "aws" {}\nresource "aws_ecr_repository" "app" { name = "app" }\n',
}


def test_a_plan_belongs_to_the_root_module_that_declares_what_it_names(tmp_path: Path) -> None:
    case = Case(tmp_path, TWO).plan(change("aws_db_instance", "main", {"engine_version": "16.9"}))
    version = case.only(Database).version
    assert isinstance(version, Known)
    assert version.value == Version(16, 9)
    chosen = [choice for choice in case.lowered().choices if choice.what == "Terraform plan"]
    assert [(choice.chosen, choice.reason) for choice in chosen] == [
        ((tmp_path / "plan.json").as_posix(), "its addresses are those of 'infra/one'")
    ]


def test_a_plan_that_fits_no_root_module_is_refused(tmp_path: Path) -> None:
    case = Case(tmp_path, TWO).plan(change("aws_db_instance", "else", {}))
    with pytest.raises(
        UsageError, match=r"plan\.json:1:1: 'infra/one', 'infra/two' declares none of .*aws_db_instance\.else"
    ):
        case.lowered()


def test_a_plan_of_a_root_module_that_is_not_read_says_which(tmp_path: Path) -> None:
    texts = {
        f"envs/{name}/main.tf": f'provider "aws" {{}}\nresource "aws_sqs_queue" "{name}" {{}}\n'
        for name in ("dev", "prod")
    }
    case = Case(tmp_path, texts).plan(change("aws_sqs_queue", "dev", {}))
    with pytest.raises(UsageError, match="they are in 'envs/dev', which is not the root that is read"):
        case.lowered()


def test_a_plan_that_fits_several_root_modules_equally_is_refused(tmp_path: Path) -> None:
    texts = {path.replace("two", "eu"): TWO["infra/one/main.tf"] for path in TWO}
    case = Case(tmp_path, texts).plan(change("aws_db_instance", "main", {}))
    with pytest.raises(UsageError, match="fits 'infra/eu', 'infra/one' equally; put it into the folder of its own"):
        case.lowered()


def test_a_plan_in_the_folder_of_a_root_module_belongs_to_it(tmp_path: Path) -> None:
    for name in ("one", "eu"):
        (tmp_path / "infra" / name).mkdir(parents=True)
        (tmp_path / "infra" / name / "main.tf").write_text(TWO["infra/one/main.tf"], "utf-8")
    case = Case(tmp_path / "infra" / "eu", "").plan(change("aws_db_instance", "main", {"engine_version": "16.9"}))
    lowered = lower(discover.open_tree([tmp_path]), PLAIN, exact=case.exact)
    found = [node for node in lowered.nodes if isinstance(node, Database)]
    assert [(node.span.path, str(known(node.version, ""))) for node in found] == [
        ("infra/eu/main.tf", "16.9"),
        ("infra/one/main.tf", "16.3"),
    ]


# what is no plan


@pytest.mark.parametrize(
    ("kind", "content", "sentence"),
    [
        ("plan", b'{\n  "format_version": "1.2",\n  "planned_values": }', "3:21: the plan is not valid JSON"),
        ("plan", b'{\n "planned_values": {},\n "format_version": "2.0"}', "3:2: the format_version '2.0' is not known"),
        ("plan", b"[]", "1:1: this is no plan of Terraform"),
        ("plan", b"{}", "1:1: this is no plan of Terraform: there is no format_version"),
        ("plan", b'{"format_version": 1.2, "planned_values": {}}', "1:1: this is no plan of Terraform"),
        ("plan", b'{"format_version": "1.0", "values": {}}', "1:1: this is no plan: there are no planned_values"),
        ("state", b'{"format_version": "1.2", "planned_values": {}}', "1:1: this is a plan, not a state"),
        ("state", b'{"version": 4, "serial": 1, "lineage": "x"}', "1:1: this is a state in Terraform's own form"),
        ("plan", b"PK\x03\x04rest", "1:1: this is a plan in Terraform's own form"),
        ("plan", b'{"@level":"info"}\n{"@level":"info"}\n', "1:1: this is the log of 'terraform plan -json'"),
        ("plan", b"[command]/usr/bin/terraform show -json p\n{}", "1:1: a wrapper wrote its own words here"),
        ("plan", b"\xff\xfe{\x00}\x00", "1:1: the plan is UTF-16 text; save it as UTF-8"),
        ("plan", b"", "1:1: the plan is not valid JSON"),
        ("plan", b'{"format_version": "1.2", "planned_values": NaN}', "the plan is not valid JSON: NaN is no number"),
        ("plan", b"[" * 200_000, "1:1: the plan is nested too deeply"),
        ("plan", b'{"format_version": "1.2", "planned_values": ' + b'{"a":' * 100_000, "the plan is nested too deeply"),
    ],
)
def test_a_file_that_is_no_plan_is_refused_with_its_line(
    tmp_path: Path, kind: str, content: bytes, sentence: str
) -> None:
    file = tmp_path / "given.json"
    file.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        plan.read(file, kind)
    assert str(caught.value).startswith(f"{file.as_posix()}:")
    assert sentence in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: no such file or directory"):
        plan.read(tmp_path / "plan.json", "plan")


@pytest.mark.parametrize("wrong", [None, [], "x", 1, {"a": 1}, [[]], {"resources": {}}, {"root_module": []}])
def test_wrong_shapes_inside_a_plan_are_passed_over(tmp_path: Path, wrong: object) -> None:
    for key in ("planned_values", "resource_changes", "prior_state", "variables", "configuration"):
        document = {"format_version": "1.2", "planned_values": {}, key: wrong}
        assert Case(tmp_path, DATABASE).given("plan", document).exact[0].names == frozenset()
    for values in (wrong, {"root_module": {"resources": [wrong], "child_modules": [wrong]}}, {"outputs": {"a": wrong}}):
        case = Case(tmp_path, DATABASE).given("state", {"format_version": "1.0", "values": values})
        assert case.exact[0].names == frozenset()


@pytest.mark.parametrize(
    "value",
    [
        [[[1]]],
        {"a": {"b": [None]}},
        "[",
        '[{"a"',
        "\ud800",
        "\0",
        10**400,
        -1.5e300,
        True,
        [True, "x", None],
        "{}",
        "[]",
    ],
)
def test_any_value_of_any_attribute_is_taken_or_left_without_a_crash(tmp_path: Path, value: object) -> None:
    text = SERVICE + "locals { a = aws_ecs_task_definition.app.container_definitions }\n"
    names = ("container_definitions", "runtime_platform", "cpu", "volume", "family")
    case = Case(tmp_path, text).state(
        resource("aws_ecs_task_definition", "app", dict.fromkeys(names, value)),
        resource(
            "aws_db_instance",
            "main",
            dict.fromkeys(("engine", "engine_version", "port", "engine_version_actual"), value),
        ),
    )
    assert case.lowered().problems == ()
    case.value("local.a")


def test_a_collection_where_a_text_belongs_is_no_crash(tmp_path: Path) -> None:
    text = SERVICE.replace("environment = [", 'secrets = [{ name = "A", valueFrom = ["x"] }]\n      environment = [')
    app = next(
        node for node in Case(tmp_path, text).lowered().nodes if isinstance(node, Service) and node.name == "app"
    )
    assert app.variable("A") is not None


def test_a_deep_value_is_left_where_it_is(tmp_path: Path) -> None:
    deep: object = "x"
    for _ in range(300):
        deep = {"a": deep}
    case = Case(tmp_path, 'resource "terraform_data" "a" {}\nlocals { a = terraform_data.a.output }\n').state(
        resource("terraform_data", "a", {"output": deep})
    )
    assert "too deeply" in case.value("local.a").reason


# what Terraform itself printed


def recorded(kind: str) -> Case:
    texts = {path.relative_to(RECORDED).as_posix(): path.read_text("utf-8") for path in RECORDED.rglob("*.tf")}
    case = Case(RECORDED, texts)
    case.exact.append(plan.read(RECORDED / f"{kind}.json", kind))
    return case


@pytest.mark.parametrize(
    ("kind", "address", "value"),
    [
        ("plan", "var.tag", "v1"),
        ("plan", "var.size", 2),
        ("plan", "local.vpc", "vpc-1"),
        ("plan", "terraform_data.counted[1].input.index", 1),
        ("plan", "terraform_data.counted[1].input.share", 1.5),
        ("plan", 'module.api["c"].terraform_data.image.input', "v1"),
        ("plan", 'module.api["a\\"b"].image', "v1"),
        ("state", "local.vpc", "vpc-1"),
        ("state", "terraform_data.counted[0].input.tag", "v1"),
        ("state", 'module.api["c"].image', "v1"),
        ("state", "terraform_data.chained.triggers_replace[0]", "v1"),
    ],
)
def test_the_values_that_terraform_printed_are_taken_over(kind: str, address: str, value: object) -> None:
    found = recorded(kind).value(address)
    assert (found.state, found.value) == ("known", value)


def test_the_state_tells_what_was_known_only_after_apply() -> None:
    printed = json.loads((RECORDED / "state.json").read_text("utf-8"))
    assert recorded("plan").value("output.chained").state == "unknown"
    assert recorded("state").value("output.chained").value == printed["values"]["outputs"]["chained"]["value"]


@pytest.mark.parametrize("kind", ["plan", "state"])
def test_what_terraform_printed_without_a_mark_is_not_shown_either(kind: str) -> None:
    address = "terraform_data.counted[0].output.url"
    assert recorded(kind).exact[0].reveals(f"postgres://u:{SECRET}@h")
    found = recorded(kind).value(address)
    assert SECRET not in repr(found) or found.parts[0].secret


@pytest.mark.oracle
@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_still_prints_what_is_recorded(tmp_path: Path) -> None:
    shutil.copytree(RECORDED, tmp_path / "root", ignore=shutil.ignore_patterns("*.json"))

    def terraform(*words: str) -> str:
        found = subprocess.run(
            ["terraform", *words], cwd=tmp_path / "root", capture_output=True, text=True, check=True, timeout=120
        )
        return found.stdout

    terraform("init", "-no-color")
    terraform("plan", "-no-color", "-out", "plan.bin", "-var", "tag=v1", "-var", "size=2")
    printed = {"plan": terraform("show", "-json", "plan.bin")}
    terraform("apply", "-no-color", "plan.bin")
    printed["state"] = terraform("show", "-json")
    for kind, text in printed.items():
        file = tmp_path / f"{kind}.json"
        file.write_text(text, "utf-8")
        new, old = plan.read(file, kind), plan.read(RECORDED / f"{kind}.json", kind)
        assert (new.instances, new.variables, new.secrets) == (old.instances, old.variables, old.secrets)
        assert [(key, part.keys, part.sensitive) for key, part in sorted(new.resources.items())] == [
            (key, part.keys, part.sensitive) for key, part in sorted(old.resources.items())
        ]


def test_a_real_tree_is_read_with_its_plan(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(DATABASE, "utf-8")
    tree = discover.open_tree([tmp_path])
    case = Case(tmp_path, DATABASE).plan(change("aws_db_instance", "main", {"engine_version": "16.9"}))
    (node,) = (each for each in lower(tree, PLAIN, exact=case.exact).nodes if not isinstance(each, Definitions))
    assert isinstance(node, Database)
    assert isinstance(node.version, Known)
    assert node.version.value == Version(16, 9)
