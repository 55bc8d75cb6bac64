"""Each word by which Terraform trees are read, asked once: names of environments, options of `docker run`, policies."""

from __future__ import annotations

import json

import pytest

from policyengine.model.graph import EdgeKind
from policyengine.model.nodes import MigrationRunner, Node, Principal, Role, Service
from policyengine.model.value import Floating, Known, Unknown
from policyengine.platforms import Settings
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.language.kinds import CollectionKind, Kind, TupleKind, convertible
from policyengine.platforms.terraform.root_modules import lower
from policyengine.platforms.terraform.workspace import roots
from policyengine.testing.memory import Memory

PLAIN = Settings(TerraformPart(), jobs=1, cache=False)
PROVIDER = 'provider "aws" {\n  region = "eu-central-1"\n}\n'


def nodes(text: str, **more: str) -> dict[str, Node]:
    found = lower(Memory({"main.tf": PROVIDER + text, **more}), PLAIN)
    assert found.problems == ()
    return {node.id.removeprefix("terraform:"): node for node in found.nodes}


def value(found: object) -> object:
    return found.value if isinstance(found, Known | Floating) else found.reason if isinstance(found, Unknown) else found


@pytest.mark.parametrize(
    ("paths", "wanted", "chosen", "reason"),
    [
        (("prod", "staging"), "prod", "prod", "it is named after the environment 'prod'"),
        (("production", "staging"), "prod", "production", "it is named after the environment 'prod'"),
        (("prd", "dev"), "prod", "prd", "it is named after the environment 'prod'"),
        (("dev", "staging"), "prod", "staging", "there is no 'prod', and 'staging' is nearest to production"),
        (("prod", "staging"), "stage", "staging", "it is named after the environment 'stage'"),
        (("prod", "dev"), "PROD", "prod", "it is named after the environment 'PROD'"),
    ],
)
def test_the_environment_that_stands_for_production(
    paths: tuple[str, ...], wanted: str, chosen: str, reason: str
) -> None:
    members = {f"envs/{path}": path for path in paths}
    assert roots.choose_environment(members, wanted) == (f"envs/{chosen}", reason)
    assert roots.nearest([f"envs/{path}/main" for path in paths], wanted) == f"envs/{chosen}/main"


@pytest.mark.parametrize(
    ("paths", "wanted", "expected"),
    [
        (["live/dev", "live/prod"], "prod", "live/prod"),
        (["live/dev", "live/staging"], "prod", "live/staging"),
        (["live", "dev"], "prod", "live"),
        (["b", "a"], "prod", "a"),
        (["b", "dev/x"], "prod", "dev/x"),
        (["dev/prod-db", "dev/test-db"], "prod", "dev/prod-db"),
    ],
)
def test_a_folder_of_all_environments_names_none(paths: list[str], wanted: str, expected: str) -> None:
    assert roots.nearest(paths, wanted) == expected


@pytest.mark.parametrize(
    ("root", "paths", "expected"),
    [
        ("infra", ["infra/prod.tfvars", "infra/dev.tfvars"], "infra/prod.tfvars"),
        ("infra", ["infra/prod.tfvars.json", "infra/dev.tfvars"], "infra/prod.tfvars.json"),
        ("infra", ["infra/envs/prod.tfvars"], "infra/envs/prod.tfvars"),
        ("infra", ["infra/environments/prod/terraform.tfvars"], "infra/environments/prod/terraform.tfvars"),
        ("infra", ["infra/prod/terraform.tfvars"], "infra/prod/terraform.tfvars"),
        ("infra", ["infra/other/prod.tfvars"], "infra/other/prod.tfvars"),
        ("infra", ["infra/terraform.tfvars"], ""),
        ("infra", ["infra/prod.auto.tfvars"], ""),
        ("infra", ["infra/prod.auto.tfvars.json"], ""),
        ("infra", ["prod.tfvars", "other/prod.tfvars", "infra/prod.txt"], ""),
        ("infra", ["infra/network.tfvars"], ""),
        ("", ["prod.tfvars"], "prod.tfvars"),
        ("", ["vars/prod.tfvars", "vars/dev.tfvars"], "vars/prod.tfvars"),
        ("", ["tfvars/dev.tfvars"], "tfvars/dev.tfvars"),
        ("", [], ""),
    ],
)
def test_the_variable_file_of_an_environment(root: str, paths: list[str], expected: str) -> None:
    assert roots.own_variable_file(root, paths, "prod")[0] == expected


@pytest.mark.parametrize(
    ("words", "settings", "expected"),
    [
        (frozenset({"production"}), Settings(TerraformPart()), "production"),
        (frozenset({"prod", "prd"}), Settings(TerraformPart()), "prod"),
        (frozenset(), Settings(TerraformPart()), "default"),
        (frozenset({"production"}), Settings(TerraformPart(workspace="blue")), "blue"),
        (frozenset({"production"}), Settings(TerraformPart(), environment="prod"), "production"),
        (frozenset({"prod"}), Settings(TerraformPart(), environment="staging"), "staging"),
        (frozenset(), Settings(TerraformPart(), environment="prod"), "prod"),
    ],
)
def test_the_workspace_is_called_as_the_files_call_production(
    words: frozenset[str], settings: Settings[TerraformPart], expected: str
) -> None:
    assert roots.workspace_of(words, settings) == expected


def started(command: str) -> dict[str, Service]:
    script = f'resource "aws_instance" "web" {{\n  user_data = <<-EOF\n    #!/bin/bash\n    {command}\n  EOF\n}}\n'
    return {name: node for name, node in nodes(script).items() if isinstance(node, Service)}


@pytest.mark.parametrize(
    ("options", "field", "expected"),
    [
        ("--name shop", "name", "shop"),
        ("-u node", "user", "node"),
        ("--user node", "user", "node"),
        ("--user=node", "user", "node"),
        ("--read-only", "read_only", True),
        ("--read-only=true", "read_only", True),
        ("--read-only=false", "read_only", False),
        ("--privileged", "privileged", True),
        ("--privileged=false", "privileged", False),
        ("--init", "init", True),
        ("--env-file /etc/app.env", "environment_gap", "the env file '/etc/app.env' is on the machine"),
    ],
)
def test_an_option_of_docker_run_on_a_machine(options: str, field: str, expected: object) -> None:
    (made,) = started(f"docker run -d {options} acme/shop:1").values()
    assert value(getattr(made, field)) == expected


def test_words_ports_and_variables_of_docker_run_on_a_machine() -> None:
    line = "docker run -d -p 80:3000 -p 53:53/udp --publish 81:81 -e A=1 --env B=2 -e C --entrypoint node acme/shop:1 server.js x"
    (made,) = started(line).values()
    assert isinstance(made.image, Known)
    assert made.image.value.text == "acme/shop:1"
    assert [(value(port.target), value(port.protocol)) for port in made.ports] == [
        (3000, "tcp"),
        (53, "udp"),
        (81, "tcp"),
    ]
    assert {each.key: value(each.value) for each in made.environment} == {
        "A": "1",
        "B": "2",
        "C": "the machine's own variable",
    }
    assert [value(each).words for each in (made.entrypoint, made.command)] == [("node",), ("server.js", "x")]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("flag", "role"),
    [("-d", Role.APP), ("-dit", Role.APP), ("--detach", Role.APP), ("--restart always", Role.APP), ("--rm", Role.JOB), ("", Role.JOB)],
)  # fmt: skip
def test_a_container_that_ends_with_its_command_is_a_job(flag: str, role: Role) -> None:
    assert [made.role for made in started(f"docker run {flag} acme/shop:1").values()] == [role]


@pytest.mark.parametrize("line", ["docker pull acme/shop:1", "docker run", "docker ps", "echo docker run acme/shop:1"])
def test_other_commands_start_no_container(line: str) -> None:
    assert started(line) == {}


def test_a_variable_that_the_script_sets_before_is_put_in() -> None:
    (made,) = started("TAG=2\n    docker run -d acme/shop:$TAG").values()
    assert isinstance(made.image, Known)
    assert made.image.value.text == "acme/shop:2"


def job(definition: str, service: bool = True) -> Role:  # noqa: FBT002  whether a service runs it
    text = f'resource "aws_ecs_task_definition" "t" {{\n  family = "t"\n  container_definitions = jsonencode([{definition}])\n}}\n'
    text += (
        'resource "aws_ecs_service" "s" {\n  name = "s"\n  task_definition = aws_ecs_task_definition.t.arn\n}\n'
        if service
        else ""
    )
    (made,) = (node for node in nodes(text).values() if isinstance(node, Service))
    return made.role


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ('{ name = "web", image = "a/b:1" }', Role.APP),
        ('{ name = "migrate", image = "a/b:1" }', Role.JOB),
        ('{ name = "db-seed", image = "a/b:1" }', Role.JOB),
        ('{ name = "web", image = "a/b:1", command = ["npx", "prisma", "migrate", "deploy"] }', Role.APP),
        ('{ name = "web", image = "a/b:1", command = ["npx", "prisma", "migrate", "deploy"], essential = false }', Role.JOB),
        ('{ name = "web", image = "a/b:1", essential = false }', Role.APP),
        ('{ name = "log_router", image = "a/b:1", firelensConfiguration = { type = "fluentbit" } }', Role.SIDECAR),
        ('{ name = "web", image = "a/b:1", firelensConfiguration = null }', Role.APP),
        ('{ name = "proxy", image = "nginx:1.27" }', Role.PROXY),
    ],
)  # fmt: skip
def test_the_role_of_a_container_of_ecs(definition: str, expected: Role) -> None:
    assert job(definition) is expected


ACTION = "secretsmanager:GetSecretValue"


def granted(*statements: dict[str, object], name: str = "shop/db") -> str:
    """The action by which the role of a task may read a secret."""
    text = f'resource "aws_secretsmanager_secret" "s" {{\n  name = "{name}"\n}}\n'
    text += 'resource "aws_iam_role" "r" {\n  name = "r"\n}\n'
    policy = (
        json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        .replace("${", "$${")
        .replace("@SECRET", "${aws_secretsmanager_secret.s.arn}")
    )
    text += (
        f'resource "aws_iam_role_policy" "p" {{\n  role = aws_iam_role.r.name\n  policy = jsonencode({policy})\n}}\n'
    )
    text += (
        'resource "aws_ecs_task_definition" "t" {\n  execution_role_arn = aws_iam_role.r.arn\n'
        '  container_definitions = jsonencode([{ name = "web", image = "a/b:1" }])\n}\n'
    )
    found = lower(Memory({"main.tf": PROVIDER + text}), PLAIN)
    assert found.problems == ()
    assert [node.id for node in found.nodes if isinstance(node, Principal)] == ["terraform:aws_iam_role.r"]
    return next((edge.reason for edge in found.edges if edge.kind is EdgeKind.GRANTS), "")


def statement(
    action: object = ACTION, resource: object = "*", effect: str = "Allow", **more: object
) -> dict[str, object]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/db"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([statement()], ACTION),
        ([statement("*")], ACTION),
        ([statement("secretsmanager:*")], ACTION),
        ([statement("secretsmanager:Get*")], ACTION),
        ([statement("SECRETSMANAGER:getsecretvalue")], ACTION),
        ([statement(["s3:GetObject", ACTION])], ACTION),
        ([statement("secretsmanager:BatchGetSecretValue")], "secretsmanager:BatchGetSecretValue"),
        ([statement("secretsmanager:DescribeSecret")], ""),
        ([statement("ssm:GetParameter")], ""),
        ([statement(resource="@SECRET")], ACTION),
        ([statement(resource=f"{ARN}-AbCdEf")], ACTION),
        ([statement(resource=f"{ARN}-??????")], ACTION),
        ([statement(resource=f"{ARN}-*")], ACTION),
        ([statement(resource=f"{ARN}*")], ACTION),
        ([statement(resource=ARN)], ""),
        ([statement(resource="arn:aws:secretsmanager:*:*:secret:shop/*")], ACTION),
        ([statement(resource="arn:aws:secretsmanager:*:*:secret:other/*")], ""),
        ([statement(resource="arn:*:secretsmanager:*:*:secret:shop/db-??????")], ACTION),
        ([statement(resource="arn:aws:ssm:*:*:parameter/shop/*")], ""),
        ([statement(), statement(effect="Deny")], ""),
        ([statement(), statement("s3:*", effect="Deny")], ACTION),
        ([statement(), statement(resource="arn:aws:secretsmanager:*:*:secret:other/*", effect="Deny")], ACTION),
        ([statement(), statement(effect="Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})], ACTION),
        ([statement(Condition={"StringEquals": {"a": "b"}})], f"{ACTION}, under conditions"),
        ([statement(Condition={"StringEquals": {"a": "b"}}), statement()], ACTION),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], ACTION),
        ([{"Effect": "Allow", "NotAction": "secretsmanager:*", "Resource": "*"}], ""),
        ([{"Effect": "Allow", "Action": ACTION, "NotResource": "arn:aws:secretsmanager:*:*:secret:other/*"}], ACTION),
        ([{"Effect": "Allow", "Action": ACTION, "NotResource": "arn:aws:secretsmanager:*:*:secret:shop/*"}], ""),
    ],
)  # fmt: skip
def test_what_a_policy_lets_a_task_read(statements: list[dict[str, object]], expected: str) -> None:
    assert granted(*statements) == expected


@pytest.mark.parametrize(
    ("provisioner", "tool"),
    [
        ('command = "npx prisma migrate deploy"', "prisma"),
        ('command = "flyway migrate"', "flyway"),
        ('inline = ["apt-get update", "npx prisma migrate deploy"]', "prisma"),
        ('command = "./do.sh"', None),
    ],
)
def test_a_provisioner_that_migrates_is_a_runner(provisioner: str, tool: str | None) -> None:
    def runners(name: str) -> list[str]:
        text = f'resource "terraform_data" "{name}" {{\n  provisioner "local-exec" {{\n    {provisioner}\n  }}\n}}\n'
        return [node.tool for node in nodes(text).values() if isinstance(node, MigrationRunner)]

    assert runners("x") == ([] if tool is None else [tool])
    assert runners("db_migrate") == [tool or "script"]


def listed(kind: Kind, form: str = "list") -> CollectionKind:
    return CollectionKind(form, kind)


@pytest.mark.parametrize(
    ("kind", "wanted", "expected"),
    [
        ("string", "string", True),
        ("number", "string", True),
        ("string", "bool", True),
        ("number", "bool", False),
        ("any", "bool", True),
        ("bool", "any", True),
        (listed("number"), listed("string"), True),
        (listed("number"), listed("bool"), False),
        (listed("string"), listed("string", "set"), True),
        (listed("string", "set"), listed("string"), True),
        (listed("string", "map"), listed("string"), False),
        (listed("string"), listed("string", "map"), False),
        (listed("string", "map"), listed("number", "map"), True),
        (listed("string"), listed(listed("string")), False),
        (listed(listed("number")), listed(listed("string", "set")), True),
        ("string", listed("string"), False),
        (TupleKind(("number", "bool")), listed("string"), True),
        (TupleKind(("number", listed("bool"))), listed("string"), False),
    ],
)
def test_what_terraform_converts(kind: Kind, wanted: Kind, expected: bool) -> None:
    assert convertible(kind, wanted) is expected
