"""A variable that the cloud gives under a name that nothing reads, beside one that the code asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = {
    "pyproject.toml": "[project]\nname = 'api'\n",
    "Dockerfile": 'FROM python:3.12\nCMD ["python", "config.py"]\n',
}
NET = {
    "src/Api/Api.csproj": "<Project/>\n",
    "src/Api.Tests/Api.Tests.csproj": "<Project/>\n",
    "src/Api/appsettings.json": '{"Jwt": {"Key": "acme"}}',
    "Dockerfile": 'FROM mcr.microsoft.com/dotnet/aspnet:8.0\nCOPY src .\nENTRYPOINT ["dotnet", "Api.dll"]\n',
}
CODE = "import os\nbucket = os.environ.get('ASSETS_BUCKET')\n"
ASKS = 'Use(builder.Configuration["Jwt:Key"]);\n'


@pytest.mark.parametrize(
    ("files", "name", "meant"),
    [
        ({**PYTHON, "config.py": CODE}, "ASSETS_S3_BUCKET", "ASSETS_BUCKET"),
        ({**PYTHON, "config.py": CODE}, "MEDIA_QUEUE", ""),
        ({**PYTHON, "config.py": CODE, "start.sh": "aws s3 sync s3://$ASSETS_S3_BUCKET .\n"}, "ASSETS_S3_BUCKET", ""),
        ({**PYTHON, "config.py": CODE + "assets_s3_bucket: str\n"}, "ASSETS_S3_BUCKET", ""),
        ({**PYTHON, "config.py": CODE + "os.getenv('MY_ASSETS_S3_BUCKET')\n"}, "ASSETS_S3_BUCKET", "MY_ASSETS_S3_BUCKET"),
        ({**NET, "src/Api/Program.cs": ASKS}, "Jwt__Secret", "Jwt__Key"),
        ({**NET, "src/Api/Program.cs": ASKS + 'Configuration.GetSection("Jwt").Bind(jwt);\n'}, "Jwt__Secret", ""),
        ({**NET, "src/Api/Program.cs": ASKS}, "JWT__KEY", ""),
    ],
)  # fmt: skip
def test_a_variable_that_nothing_names_is_meant_for_one_that_says_the_same(
    files: dict[str, str], name: str, meant: str, tmp_path: Path
) -> None:
    graph = trees.graph(tmp_path, {**files, ".github/workflows/b.yml": BUILT, "main.tf": ECS.replace("NAME", name)})
    (container,) = (each for each in graph.containers() if each.name == "api")
    assert [(given.key, key.key) for given, key in container.misnamed] == ([(name, meant)] if meant else [])


BUILT = """\
on: workflow_dispatch
jobs:
  b:
    runs-on: ubuntu-latest
    steps:
      - run: docker build -t ghcr.io/acme/api:1 . && docker push ghcr.io/acme/api:1
"""
ECS = """\
resource "aws_ecs_task_definition" "api" {
  family = "api"
  container_definitions = jsonencode([{
    name = "api", image = "ghcr.io/acme/api:1", environment = [{ name = "NAME", value = "x" }]
  }])
}
resource "aws_ecs_service" "api" {
  name            = "api"
  task_definition = aws_ecs_task_definition.api.arn
}
"""
