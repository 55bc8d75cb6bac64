"""HEX417 where the database is MySQL or MariaDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.testing import scan_files

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins

RDS = """resource "aws_db_instance" "db" {
  identifier           = "db"
  engine               = "%s"
  engine_version       = "%s"
  parameter_group_name = %s
}
resource "aws_db_parameter_group" "db" {
  name   = "db"
  family = "mysql8.0"
%s
}
"""
COMPOSE = "services:\n  db:\n    image: %s\n    command: %s\n"


def parameters(**told: str) -> str:
    return "".join(
        f'  parameter {{\n    name  = "{name}"\n    value = "{value}"\n  }}\n' for name, value in told.items()
    )


OWN = "aws_db_parameter_group.db.name"
UNICODE = "--collation-server=utf8mb4_unicode_ci"


@pytest.mark.parametrize(
    ("image", "command", "engine", "version", "told", "found"),
    [
        ("mysql:8.0", f"['{UNICODE}']", "mysql", "8.0", {}, ["collation_server"]),
        ("mysql:8.0", "--collation-server utf8mb4_unicode_ci", "mysql", "8.0", {}, ["collation_server"]),
        ("mysql:8.0", f"mysqld {UNICODE}", "mysql", "8.0", {"collation_server": "utf8mb4_unicode_ci"}, []),
        ("mysql:8.0", "--character-set-server=utf8mb4", "mysql", "8.0", {}, []),
        ("mysql:5.7", f"['{UNICODE}']", "mysql", "5.7", {}, []),
        ("mysql:8.0", "--sql-mode=ANSI,TRADITIONAL", "mysql", "8.0", {"sql_mode": "TRADITIONAL,ANSI"}, []),
        ("mysql:8.0", "--sql-mode=ANSI", "mysql", "8.0", {"sql_mode": "TRADITIONAL"}, ["sql_mode"]),
        ("mysql:8.0", "--log-bin-trust-function-creators", "mysql", "8.0", {}, ["log_bin_trust_function_creators"]),
        ("mysql:8.0", "--log-bin-trust-function-creators=1", "mysql", "8.0",
         {"log_bin_trust_function_creators": "1"}, []),
        ("mysql:8.0", "--skip-name-resolve --innodb-buffer-pool-size=1G", "mysql", "8.0", {}, []),
        ("mariadb:11.4", "--group-concat-max-len=4096", "mariadb", "11.4", {"group_concat_max_len": "8192"},
         ["group_concat_max_len"]),
        ("mariadb:11.4", "--sql-mode=ANSI", "mysql", "8.0", {"sql_mode": "TRADITIONAL"}, []),
    ],
    ids=[
        "against the default",
        "with the value behind it",
        "alike",
        "as is the default",
        "an old major",
        "modes in another order",
        "other modes",
        "a switch",
        "a switch on both sides",
        "what may differ",
        "MariaDB",
        "two engines",
    ],
)  # fmt: skip
def test_settings_of_mysql_are_held_against_the_parameter_group(
    image: str, command: str, engine: str, version: str, told: dict[str, str], found: list[str],
    tmp_path: Path, installed: Plugins,
) -> None:  # fmt: skip
    files = {
        "compose.yaml": COMPOSE % (image, command),
        "main.tf": RDS % (engine, version, OWN if told else '"default.mysql8.0"', parameters(**told)),
    }
    report = scan_files(files, tmp_path, installed)
    assert [each.message for each in report.results if each.rule.id == "HEX417"] == [
        f"'db' and [the cloud](1) are set differently: '{name}'." for name in found
    ]


def test_a_configuration_file_leaves_the_question_open(tmp_path: Path, installed: Plugins) -> None:
    files = {
        "compose.yaml": COMPOSE % ("mysql:8.0", "mysqld") + "    volumes: ['./my.cnf:/etc/mysql/conf.d/my.cnf']\n",
        "main.tf": RDS % ("mysql", "8.0", OWN, parameters(sql_mode="ANSI")),
    }
    report = scan_files(files, tmp_path, installed)
    assert [each.reason for each in report.undecided if each.rule == "HEX417"] == [
        "the configuration file of 'db' is not read"
    ]
