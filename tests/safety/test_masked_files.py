"""What the gate leaves of the files themselves: no planted secret, whichever lines of them a report shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.cli import parser_of
from policyengine.cli.opened import opened
from policyengine.reports.redact import Redactor
from tests.safety.spill import leaked, planted, write

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping
    from pathlib import Path

TREES: Mapping[str, Mapping[str, str]] = {
    "given to a sensitive variable": {
        "infra/variables.tf": 'variable "word" {\n  default   = "§default that is not used§"\n  sensitive = true\n}\n'
        'variable "list" {\n  sensitive = true\n}\nresource "aws_db_instance" "db" {\n  engine     = "postgres"\n'
        "  identifier = var.word\n}\n",
        "infra/prod.tfvars": 'word = "§of production§"\nlist = ["§element of production§"]\n',
        "infra/staging.tfvars": 'word = "§of another environment§"\n',
        ".github/workflows/ci.yml": "on: push\nenv:\n  TF_VAR_word: §of a pipeline§\njobs:\n  a:\n    runs-on: x\n"
        "    steps:\n      - run: terraform -chdir=infra apply -var word=§of a command§\n",
    },
    "put together": {
        "docker-compose.yml": "services:\n  api:\n    image: acme/api:1\n    environment:\n"
        "      STORE: postgres://app:${HALF}@db/app\n",
        ".env": "HALF=§interpolated§\n",
        "main.tf": 'locals {\n  plain = "§of a local§"\n}\nresource "aws_ecs_task_definition" "api" {\n  family = "api"\n'
        '  container_definitions = jsonencode([{ name = "api", image = "acme/api:1", environment = [\n'
        '    { name = "STORE", value = format("postgres://%s:%s@db/app", "app", "§formatted§") },\n'
        '    { name = "OTHER", value = "Server=db;Password=${local.plain};" }] }])\n}\n',
    },
}


@pytest.mark.parametrize("tree", TREES)
def test_no_planted_secret_is_left_in_a_file(tree: str, tmp_path: Path) -> None:
    files, secrets = planted(TREES[tree])
    write(tmp_path, files)
    arguments: Namespace = parser_of("graph")[1].parse_args([str(tmp_path), "--no-cache", "--jobs", "1"])
    scanned = opened(arguments, arguments.paths).graph()
    redactor = Redactor(scanned.graph, scanned.sources)
    assert scanned.failures == ()
    shown = "".join(redactor.file(path, text) for path, text in files.items())
    assert set(leaked(secrets, shown)) == set()
