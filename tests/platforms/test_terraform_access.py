"""Load balancers and target groups, IAM roles and what they may read."""

from __future__ import annotations

from typing import TypeVar

import pytest

from policyengine.model.graph import Edge, EdgeKind
from policyengine.model.nodes import Listener, LoadBalancer, Node, Principal, Secret, Service, TargetGroup
from policyengine.model.source import Span
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.platforms import Settings
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.root_modules import lower
from policyengine.testing.memory import Memory

PLAIN = Settings(TerraformPart(), jobs=1, cache=False)

N = TypeVar("N", bound=Node)


def read(text: str) -> tuple[dict[str, Node], list[Edge], str]:
    whole = 'provider "aws" {\n  region = "eu-central-1"\n}\n' + text
    found = lower(Memory({"main.tf": whole}), PLAIN)
    assert found.problems == ()
    return {node.id.removeprefix("terraform:"): node for node in found.nodes}, list(found.edges), whole


def only(kind: type[N], nodes: dict[str, Node]) -> N:
    (node,) = [node for node in nodes.values() if isinstance(node, kind)]
    return node


def edges(found: list[Edge], kind: EdgeKind) -> list[tuple[str, str, str]]:
    return [
        (edge.source.removeprefix("terraform:"), edge.target.removeprefix("terraform:"), edge.reason)
        for edge in found
        if edge.kind is kind
    ]


def at(value: Value[object], text: str) -> tuple[object, str]:
    assert isinstance(value, Known)
    return value.value, text[value.span.start : value.span.end]


BALANCED = """
resource "aws_lb" "main" {
  internal = false
}
resource "aws_lb_target_group" "web" {
  port     = 3000
  protocol = "HTTP"
  health_check {
    path    = "/api/health"
    matcher = "200-299"
  }
}
resource "aws_alb_target_group" "api" {
  port     = 8080
  protocol = "HTTP"
}
resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.main.arn
  port              = 443
  protocol          = "HTTPS"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}
resource "aws_lb_listener_rule" "api" {
  listener_arn = aws_lb_listener.https.arn
  action {
    type = "forward"
    forward {
      target_group {
        arn = aws_alb_target_group.api.arn
      }
    }
  }
  condition {
    path_pattern {
      values = ["/api/*"]
    }
  }
}
resource "aws_ecs_task_definition" "app" {
  container_definitions = jsonencode([
    { name = "web", image = "shop/web:1", portMappings = [{ containerPort = 3000 }] },
    { name = "api", image = "shop/api:1", portMappings = [{ containerPort = 8080 }] },
  ])
}
resource "aws_ecs_service" "app" {
  task_definition = aws_ecs_task_definition.app.arn
  load_balancer {
    target_group_arn = aws_lb_target_group.web.arn
    container_name   = "web"
    container_port   = 3000
  }
  load_balancer {
    target_group_arn = aws_alb_target_group.api.arn
    container_name   = "api"
    container_port   = 8080
  }
}
"""


def test_a_load_balancer_leads_through_its_target_groups_to_the_containers() -> None:
    nodes, found, text = read(BALANCED)
    balancer = only(LoadBalancer, nodes)
    assert at(balancer.internal, text) == (False, "false")
    assert balancer.kind == Known("application", balancer.span)
    (listener,) = balancer.listeners
    assert isinstance(listener, Listener)
    assert (at(listener.port, text), at(listener.protocol, text)) == ((443, "443"), ("HTTPS", "HTTPS"))
    group = nodes["aws_lb_target_group.web"]
    assert isinstance(group, TargetGroup)
    assert at(group.port, text) == (3000, "3000")
    assert at(group.check_path, text) == ("/api/health", "/api/health")
    assert at(group.check_codes, text) == ("200-299", "200-299")
    other = nodes["aws_alb_target_group.api"]
    assert isinstance(other, TargetGroup)
    assert other.check_path == Absent(other.span)
    assert edges(found, EdgeKind.FORWARDS) == [
        ("aws_lb.main", "aws_alb_target_group.api", "port 443"),
        ("aws_lb.main", "aws_lb_target_group.web", "port 443"),
    ]
    assert edges(found, EdgeKind.ROUTES) == [
        ("aws_alb_target_group.api", "aws_ecs_task_definition.app#api", "port 8080"),
        ("aws_lb_target_group.web", "aws_ecs_task_definition.app#web", "port 3000"),
    ]


def test_a_classic_load_balancer_has_listeners_and_no_target_groups() -> None:
    nodes, _, text = read(
        'resource "aws_elb" "old" {\n  internal = true\n  listener {\n    lb_port = 80\n    lb_protocol = "http"\n'
        "    instance_port = 3000\n  }\n}\n"
    )
    balancer = only(LoadBalancer, nodes)
    assert at(balancer.listeners[0].port, text) == (80, "80")
    assert balancer.kind == Known("classic", balancer.span)


TASK = """
resource "aws_secretsmanager_secret" "app" {
  name = "shop/app"
}
resource "aws_secretsmanager_secret" "other" {
  name = "billing"
}
resource "aws_ssm_parameter" "flag" {
  name = "/shop/flag"
  type = "SecureString"
}
resource "aws_ecs_task_definition" "app" {
  execution_role_arn    = aws_iam_role.exec.arn
  container_definitions = jsonencode([{ name = "web", image = "shop/web:1" }])
}
resource "aws_iam_role" "exec" {
  name = "exec"
}
resource "aws_iam_role" "unused" {
  name = "unused"
}
"""


def granted(policy: str) -> list[str]:
    nodes, found, _ = read(TASK + policy)
    assert edges(found, EdgeKind.ACTS_AS) == [
        ("aws_ecs_task_definition.app#web", "aws_iam_role.exec", "execution role")
    ]
    assert "aws_iam_role.unused" not in nodes
    return [target for _, target, _ in edges(found, EdgeKind.GRANTS)]


SECRET, OTHER, FLAG = "aws_secretsmanager_secret.app", "aws_secretsmanager_secret.other", "aws_ssm_parameter.flag"


def inline(statement: str) -> str:
    return (
        'resource "aws_iam_role_policy" "p" {\n  role = aws_iam_role.exec.id\n'
        f"  policy = jsonencode({{ Statement = [{statement}] }})\n}}\n"
    )


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ('"secretsmanager:GetSecretValue"', "aws_secretsmanager_secret.app.arn", [SECRET]),
        (
            '["secretsmanager:Get*"]',
            "[aws_secretsmanager_secret.app.arn, aws_secretsmanager_secret.other.arn]",
            [SECRET, OTHER],
        ),
        ('"secretsmanager:DescribeSecret"', '"*"', []),
        ('"secretsmanager:*"', '"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/*"', [SECRET]),
        ('"secretsmanager:*"', '"arn:aws:secretsmanager:*:*:secret:shop/app-??????"', [SECRET]),
        ('"secretsmanager:*"', '"arn:aws:secretsmanager:*:*:secret:shop/app"', []),
        ('"secretsmanager:*"', '"arn:aws:secretsmanager:*"', [SECRET, OTHER]),
        ('"secretsmanager:*"', '"arn:aws:ssm:*"', []),
        (
            '"ssm:GetParameters"',
            '"arn:aws:ssm:${data.aws_region.r.name}:${data.aws_caller_identity.c.account_id}:parameter/shop/*"',
            [FLAG],
        ),
        ('"*"', '"*"', [SECRET, OTHER, FLAG]),
        ('"secretsmanager:GetSecretValue"', '"${aws_secretsmanager_secret.app.arn}*"', [SECRET]),
    ],
)
def test_a_statement_grants_what_its_patterns_cover(action: str, resource: str, expected: list[str]) -> None:
    data = 'data "aws_region" "r" {}\ndata "aws_caller_identity" "c" {}\n'
    assert granted(data + inline(f'{{ Effect = "Allow", Action = {action}, Resource = {resource} }}')) == expected


def test_a_denial_takes_away_and_a_condition_is_told() -> None:
    allow = '{ Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = "*" }'
    deny = '{ Effect = "Deny", Action = "secretsmanager:*", Resource = aws_secretsmanager_secret.other.arn }'
    assert granted(inline(f"{allow}, {deny}")) == [SECRET]
    conditional = allow.replace("}", ', Condition = { StringEquals = { "aws:ResourceTag/app" = "shop" } } }')
    _, found, _ = read(TASK + inline(conditional))
    assert edges(found, EdgeKind.GRANTS)[0][2] == "secretsmanager:GetSecretValue, under conditions"
    except_other = (
        '{ Effect = "Allow", Action = "secretsmanager:*", NotResource = [aws_secretsmanager_secret.other.arn] }'
    )
    assert granted(inline(except_other)) == [SECRET]


def test_policies_reach_a_role_by_attachment_document_and_managed_arn() -> None:
    document = (
        'data "aws_iam_policy_document" "d" {\n  statement {\n    actions   = ["secretsmanager:GetSecretValue"]\n'
        "    resources = [aws_secretsmanager_secret.app.arn]\n  }\n}\n"
    )
    policy = document + 'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'
    attached = (
        'resource "aws_iam_role_policy_attachment" "a" {\n  role       = aws_iam_role.exec.name\n'
        "  policy_arn = aws_iam_policy.p.arn\n}\n"
    )
    assert granted(policy + attached) == [SECRET]
    managed = attached.replace("aws_iam_policy.p.arn", '"arn:aws:iam::aws:policy/SecretsManagerReadWrite"')
    assert granted(managed) == [SECRET, OTHER]
    plain = attached.replace(
        "aws_iam_policy.p.arn", '"arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"'
    )
    nodes, found, _ = read(TASK + plain)
    principal = only(Principal, nodes)
    assert (principal.grants, principal.gap, edges(found, EdgeKind.GRANTS)) == ((), None, [])


def test_a_policy_that_the_files_do_not_hold_leaves_the_role_open() -> None:
    attached = (
        'variable "arn" {}\nresource "aws_iam_role_policy_attachment" "a" {\n  role = aws_iam_role.exec.name\n'
        "  policy_arn = var.arn\n}\n"
    )
    nodes, _, _text = read(TASK + attached)
    gap = only(Principal, nodes).gap
    assert isinstance(gap, Unknown)
    assert gap.reason == "what the policy ${var.arn} grants is not in the files"
    assert isinstance(gap.span, Span)


def test_a_statement_keeps_its_patterns_as_they_are_written() -> None:
    nodes, _, text = read(
        TASK
        + inline('{ Effect = "Allow", Action = ["ssm:Get*"], Resource = ["${aws_ssm_parameter.flag.arn}", "arn:*"] }')
    )
    (grant,) = only(Principal, nodes).grants
    assert at(grant.actions, text) == (("ssm:Get*",), '["ssm:Get*"]')
    assert isinstance(grant.resources, Known)
    assert grant.resources.value == ("${aws_ssm_parameter.flag.arn}", "arn:*")
    assert (grant.allow, grant.conditional, grant.except_actions, grant.except_resources) == (True, False, False, False)


def test_the_modules_of_a_load_balancer_and_of_a_service_lead_to_each_other() -> None:
    nodes, found, text = read(
        'module "alb" {\n  source = "terraform-aws-modules/alb/aws"\n  listeners = {\n    https = {\n'
        '      port = 443\n      protocol = "HTTPS"\n      forward = { target_group_key = "web" }\n    }\n  }\n'
        '  target_groups = {\n    web = {\n      protocol = "HTTP"\n      port = 3000\n'
        '      health_check = { path = "/ready" }\n    }\n  }\n}\n'
        'module "web" {\n  source = "terraform-aws-modules/ecs/aws//modules/service"\n'
        '  container_definitions = {\n    app = { image = "shop/web:1" }\n  }\n  load_balancer = {\n    service = {\n'
        '      target_group_arn = module.alb.target_groups["web"].arn\n      container_name = "app"\n'
        "      container_port = 3000\n    }\n  }\n}\n"
    )
    group = nodes["module.alb#web"]
    assert isinstance(group, TargetGroup)
    assert (at(group.port, text), at(group.check_path, text)) == ((3000, "3000"), ("/ready", "/ready"))
    assert edges(found, EdgeKind.FORWARDS) == [("module.alb", "module.alb#web", "port 443")]
    assert edges(found, EdgeKind.ROUTES) == [("module.alb#web", "module.web#app", "port 3000")]


def test_secrets_of_infisical_and_of_modules_are_nodes() -> None:
    nodes, found, _ = read(
        'ephemeral "infisical_secret" "key" {\n  name = "API_KEY"\n}\n'
        'resource "infisical_secret_sync_aws_secrets_manager" "all" {\n  destination_config = {\n'
        '    aws_secrets_manager_secret_name = "shop/all"\n  }\n}\n'
        'module "secret" {\n  source = "terraform-aws-modules/secrets-manager/aws"\n  name = "shop/app"\n'
        '  secret_string = jsonencode({ A = "1", B = "2" })\n}\n'
        'resource "aws_ecs_task_definition" "app" {\n  container_definitions = jsonencode([{ name = "web", image = "a/b:1",\n'
        '    secrets = [{ name = "A", valueFrom = "${module.secret.secret_arn}:A::" }] }])\n}\n'
    )
    key = nodes["data.infisical_secret.key"]
    synchronised = nodes["infisical_secret_sync_aws_secrets_manager.all"]
    secret = nodes["module.secret"]
    assert isinstance(key, Secret)
    assert isinstance(synchronised, Secret)
    assert isinstance(secret, Secret)
    assert isinstance(key.keys, Known)
    assert key.keys.value == ("API_KEY",)
    assert (synchronised.name, secret.name) == ("shop/all", "shop/app")
    assert isinstance(secret.keys, Known)
    assert secret.keys.value == ("A", "B")
    assert edges(found, EdgeKind.READS) == [("aws_ecs_task_definition.app#web", "module.secret", "A")]


ENCRYPTED = """
resource "aws_kms_key" "own" {}
resource "aws_secretsmanager_secret" "app" {
  name       = "app"
  kms_key_id = aws_kms_key.own.arn
}
resource "aws_iam_role" "run" {}
resource "aws_iam_role_policy" "run" {
  role   = aws_iam_role.run.id
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = aws_secretsmanager_secret.app.arn },%s
  ] })
}
resource "aws_ecs_task_definition" "app" {
  family                = "app"
  execution_role_arn    = aws_iam_role.run.arn
  container_definitions = jsonencode([{ name = "app", image = "app:1", secrets = [
    { name = "KEY", valueFrom = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:app-AbCdEf:KEY::" }
  ] }])
}
"""


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("", EdgeKind.SEALED),
        ('{ Effect = "Allow", Action = "kms:Decrypt", Resource = aws_kms_key.own.arn }', EdgeKind.GRANTS),
        ('{ Effect = "Allow", Action = "kms:*", Resource = "*" }', EdgeKind.GRANTS),
        ('{ Effect = "Allow", Action = "kms:Decrypt", Resource = var.keys }', EdgeKind.MAY_GRANT),
        ('{ Effect = "Allow", Action = "kms:Encrypt", Resource = "*" }', EdgeKind.SEALED),
    ],
)
def test_a_secret_is_read_by_who_may_use_its_key_too(statement: str, kind: EdgeKind) -> None:
    _, found, _ = read('variable "keys" {}\n' + ENCRYPTED % statement)
    between = [edge.kind for edge in found if edge.target.endswith("secret.app") and edge.source.endswith("role.run")]
    assert between == [kind]


def test_a_secret_is_found_by_its_arn_and_its_key_stands_behind_that() -> None:
    nodes, found, _ = read(ENCRYPTED % "")
    assert edges(found, EdgeKind.READS) == [("aws_ecs_task_definition.app#app", "aws_secretsmanager_secret.app", "KEY")]
    (variable,) = only(Service, nodes).environment
    assert variable.json_key == Known("KEY", variable.key_span)
