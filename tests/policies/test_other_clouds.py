"""HEX418 to HEX421 of Cloud SQL, Memorystore and Azure, and what a variable says of TLS on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

SQL = """\
resource "google_sql_database_instance" "db" {{
  name             = "db"
  database_version = "POSTGRES_16"
  settings {{
    tier = "db-custom-2-4096"
    ip_configuration {{
      {ip}
    }}
    {flags}
  }}
}}
"""
FLAG = 'database_flags {\n      name  = "statement_timeout"\n      value = "60000"\n    }\n'
AZURE = """\
resource "azurerm_postgresql_flexible_server" "db" {{
  name    = "db"
  version = "16"
}}
resource "azurerm_postgresql_flexible_server_configuration" "one" {{
  name      = "{name}"
  server_id = azurerm_postgresql_flexible_server.db.id
  value     = "{value}"
}}
"""
COMPOSE = "services:\n  db:\n    image: {image}\n"


def found(root: Path, compose: str, terraform: str, rule: str) -> list[tuple[str, str]]:
    """The severity and subject of each finding, where nothing stays open."""
    report = trees.scan(root, {"docker-compose.yml": compose, "main.tf": terraform}, rule)
    assert (report.failures, report.undecided) == ((), ())
    return [(each.severity.value, each.subject) for each in report.results]


PLAIN = [("warning", "compose:services.db/database")]


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ('ssl_mode = "ENCRYPTED_ONLY"', PLAIN),
        ('ssl_mode = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"', PLAIN),
        ("require_ssl = true", PLAIN),
        ('ssl_mode = "ALLOW_UNENCRYPTED_AND_ENCRYPTED"\n require_ssl = true', []),
        ("require_ssl = false", []),
        ("ipv4_enabled = false", []),
    ],
)
def test_cloud_sql_says_whether_it_takes_plain_connections(
    tmp_path: Path, ip: str, expected: list[tuple[str, str]]
) -> None:
    terraform = SQL.format(ip=ip, flags="")
    assert found(tmp_path, COMPOSE.format(image="postgres:16.3"), terraform, "HEX419") == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("require_secure_transport", "OFF", []), ("require_secure_transport", "ON", PLAIN), ("work_mem", "4096", PLAIN)],
)
def test_azure_takes_no_plain_connections_unless_it_is_told_to(
    tmp_path: Path, name: str, value: str, expected: list[tuple[str, str]]
) -> None:
    terraform = AZURE.format(name=name, value=value)
    assert found(tmp_path, COMPOSE.format(image="postgres:16.3"), terraform, "HEX419") == expected


@pytest.mark.parametrize(("image", "expected"), [("postgres:16-alpine", PLAIN), ("postgres:16", [])])
def test_cloud_sql_sorts_by_glibc(tmp_path: Path, image: str, expected: list[tuple[str, str]]) -> None:
    terraform = SQL.format(ip="ipv4_enabled = false", flags="")
    assert found(tmp_path, COMPOSE.format(image=image), terraform, "HEX418") == expected


def test_a_flag_of_cloud_sql_is_a_setting_of_the_server(tmp_path: Path) -> None:
    terraform = SQL.format(ip="ipv4_enabled = false", flags=FLAG)
    told = COMPOSE.format(image="postgres:16.3") + "    command: postgres -c statement_timeout=30s\n"
    assert found(tmp_path, told, terraform, "HEX417") == PLAIN
    same = told.replace("30s", "60s")
    assert found(tmp_path, same, terraform, "HEX417") == []


@pytest.mark.parametrize(
    ("configs", "command", "expected"),
    [
        ("", "", "note"),
        ('redis_configs = { maxmemory-policy = "allkeys-lru" }', "", "warning"),
        ('redis_configs = { maxmemory-policy = "noeviction" }', "", ""),
        ("", "    command: redis-server --maxmemory-policy allkeys-lru\n", "warning"),
    ],
)
def test_memorystore_evicts_by_its_configs_and_a_difference_of_defaults_is_a_note(
    tmp_path: Path, configs: str, command: str, expected: str
) -> None:
    terraform = f'resource "google_redis_instance" "db" {{\n  redis_version = "REDIS_7_0"\n  {configs}\n}}\n'
    told = COMPOSE.format(image="redis:7.0") + command
    assert [each for each, _ in found(tmp_path, told, terraform, "HEX421")] == [expected] * bool(expected)


ECS = """\
resource "aws_ecs_service" "app" {{
  name            = "app"
  task_definition = aws_ecs_task_definition.app.arn
}}
resource "aws_ecs_task_definition" "app" {{
  family                = "app"
  container_definitions = jsonencode([
    {{ name = "app", image = "ghcr.io/acme/shop:1", environment = [{{ name = "{key}", value = "{value}" }}] }}
  ])
}}
"""


@pytest.mark.parametrize(
    ("key", "there", "here", "count"),
    [
        ("SHOP_DB_SSL", "verify-full", "allow", 1),
        ("PGSSLMODE", "require", "disable", 1),
        ("DATABASE_USE_SSL", "true", "false", 1),
        ("POSTGRES_TLS", "verify-ca", "verify-full", 0),
        ("SMTP_SSL", "true", "false", 0),
        ("DB_SSL", "false", "true", 0),
    ],
)
def test_what_one_variable_says_of_tls_is_compared_whatever_the_server_says(
    tmp_path: Path, key: str, there: str, here: str, count: int
) -> None:
    app = f'services:\n  app:\n    image: ghcr.io/acme/shop:1\n    environment:\n      {key}: "{here}"\n'
    assert len(found(tmp_path, app, ECS.format(key=key, value=there), "HEX419")) == count


@pytest.mark.parametrize(("image", "severities"), [("postgres:16", []), ("postgres:16.3", ["note"])])
def test_a_minor_that_is_pinned_beside_a_service_that_takes_none_is_a_note(
    image: str, severities: list[str], tmp_path: Path
) -> None:
    told = found(tmp_path, COMPOSE.format(image=image), SQL.format(ip="", flags=""), "HEX403")
    assert [severity for severity, _ in told] == severities


@pytest.mark.parametrize(
    ("resource", "rule", "expected"),
    [
        ('"azurerm_redis_cache" "db" {}', "HEX411", "runs 'redis:7', which is major '7', but [the cloud](1) runs '6'."),
        ('"azurerm_redis_cache" "db" {\n  redis_version = 7\n}', "HEX411", ""),
        (
            '"azurerm_redis_cache" "db" {\n  redis_configuration {\n    maxmemory_policy = "allkeys-lru"\n  }\n}',
            "HEX421",
            "evicts by 'noeviction', but [the cloud](1) by 'allkeys-lru'.",
        ),
        ('"azurerm_redis_cache" "db" {}', "HEX421", "evicts by 'noeviction', but [the cloud](1) by 'volatile-lru'."),
        ('"google_redis_instance" "db" {}', "HEX414", "names no engine version, so that its service chooses one."),
        ('"google_redis_instance" "db" {\n  redis_version = "REDIS_7_2"\n}', "HEX414", ""),
        (
            '"google_memorystore_instance" "db" {\n  engine_version = "VALKEY_8_0"\n}',
            "HEX413",
            "runs 'Redis', but [the cloud](1) runs 'Valkey'.",
        ),
    ],
)
def test_a_cache_of_another_cloud_has_the_version_and_the_policy_that_its_service_gives_it(
    resource: str, rule: str, expected: str, tmp_path: Path
) -> None:
    files = {"docker-compose.yml": COMPOSE.format(image="redis:7"), "main.tf": f"resource {resource}\n"}
    report = trees.scan(tmp_path, files, rule)
    assert [each.message.partition(" ")[2] for each in report.results] == [expected] * bool(expected)
    assert report.undecided == ()


def test_a_datastore_that_both_sides_start_from_one_line_is_not_compared_with_itself(tmp_path: Path) -> None:
    files = {
        "docker-compose.yml": "services:\n  db: {image: 'postgres:16'}\n",
        "docker-compose.dev.yml": "services:\n  app: {build: .}\n",
        "docker-compose.prod.yml": "services:\n  app: {build: ., depends_on: [db]}\n",
        "Dockerfile": "FROM node:22\n",
        "Makefile": "up:\n\tdocker compose -f docker-compose.yml -f docker-compose.dev.yml up\n"
        "live:\n\tdocker compose -f docker-compose.yml -f docker-compose.prod.yml up -d\n",
    }
    report = trees.scan(tmp_path, files, "HEX403")
    assert ("compose:services.db/database", "compose:docker-compose.prod.yml:services.db/database") in {
        (pair.local, pair.cloud) for pair in report.graph.pairs
    }
    assert report.results == ()


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        ("azurerm_redis_cache", "", "is reached without TLS and password, but [the cloud](1) asks for both."),
        (
            "azurerm_redis_cache",
            "redis_configuration {}",
            "is reached without TLS and password, but [the cloud](1) asks for both.",
        ),
        ("azurerm_redis_cache", "non_ssl_port_enabled = true", "takes no password, but [the cloud](1) asks for one."),
        (
            "azurerm_redis_cache",
            "redis_configuration {\n authentication_enabled = false\n}",
            "is reached without TLS, but [the cloud](1) encrypts in transit.",
        ),
        ("google_redis_instance", "", ""),
        ("google_redis_instance", "auth_enabled = true", "takes no password, but [the cloud](1) asks for one."),
        (
            "google_redis_instance",
            'transit_encryption_mode = "SERVER_AUTHENTICATION"',
            "is reached without TLS, but [the cloud](1) encrypts in transit.",
        ),
    ],
)
def test_a_cache_asks_for_what_its_service_asks_for_by_itself_or_is_told_to(
    kind: str, told: str, expected: str, tmp_path: Path
) -> None:
    terraform = f'resource "{kind}" "main" {{\n  name = "main"\n  {told}\n}}\n'
    files = {"docker-compose.yml": "services:\n  redis:\n    image: redis:7\n", "main.tf": terraform}
    report = trees.scan(tmp_path, files, "HEX420")
    assert [each.message for each in report.results] == ([f"'redis' {expected}"] if expected else [])


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ('"8.0"', "pin '8.0', as in the cloud"),
        ("var.version", "pin the version of the cloud"),
    ],
)
def test_a_tag_that_fixes_nothing_is_pinned_to_the_version_of_the_cloud(
    version: str, expected: str, tmp_path: Path
) -> None:
    terraform = f'variable "version" {{}}\nresource "aws_db_instance" "db" {{\n  engine = "mysql"\n  engine_version = {version}\n}}\n'
    files = {"docker-compose.yml": "services:\n  db:\n    image: mysql:latest\n", "main.tf": terraform}
    (found,) = trees.scan(tmp_path, files, "HEX414").results
    assert found.finding.fix is not None
    assert found.finding.fix.description == expected


SOCKETS = [
    'env {\n name = "INSTANCE"\n value = google_sql_database_instance.db.connection_name\n }',
    'volume_mounts {\n name = "cloudsql"\n mount_path = "/cloudsql"\n }',
]


@pytest.mark.parametrize(("container", "expected"), [("", PLAIN), *((each, []) for each in SOCKETS)])
def test_the_socket_of_cloud_sql_encrypts_for_the_application(
    container: str, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    service = f"""resource "google_cloud_run_v2_service" "app" {{
  name = "app"
  template {{
    containers {{
      image = "ghcr.io/acme/shop:1"
      {container}
    }}
  }}
}}
"""
    terraform = SQL.format(ip='ssl_mode = "ENCRYPTED_ONLY"', flags="") + service
    assert found(tmp_path, COMPOSE.format(image="postgres:16"), terraform, "HEX419") == expected
