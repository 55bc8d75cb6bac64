"""What tells twins apart where their names do not: the folder and the stage of a build, and what a bucket is for."""

from pathlib import Path

import pytest

from policyengine.api import Role
from policyengine.linking.features import serves_developers
from tests import trees
from tests.linking.nodes import service

TASK = """
resource "aws_ecs_task_definition" "{name}" {{
  family                = "{name}"
  container_definitions = jsonencode([{{ name = "{name}", image = "acme/{name}:1", portMappings = [{{ containerPort = {port} }}] }}])
}}
"""


def pairs(root: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    return [(pair.local, pair.cloud) for pair in trees.graph(root, files).pairs]


def test_a_service_that_is_built_in_the_folder_of_its_twin(tmp_path: Path) -> None:
    compose = """
services:
  nextjs:
    build: ./storefront
    ports: ["3000:3000"]
  worker:
    build: ./jobs
"""
    cloud = TASK.format(name="storefront", port=3000) + TASK.format(name="worker", port=1)
    found = pairs(
        tmp_path,
        {
            "compose.yml": compose,
            "storefront/Dockerfile": "FROM node:22\nEXPOSE 3000\n",
            "jobs/Dockerfile": "FROM node:22\n",
            "main.tf": cloud,
        },
    )
    assert ("compose:services.nextjs", "terraform:aws_ecs_task_definition.storefront#storefront") in found


def test_a_service_without_a_telling_name_is_called_as_its_stage(tmp_path: Path) -> None:
    compose = """
services:
  app:
    build: {context: ., target: payments}
    ports: ["3000:3000"]
  mailer:
    image: acme/mailer:1
"""
    cloud = TASK.format(name="payments", port=3000) + TASK.format(name="mailer", port=1)
    files = {"compose.yml": compose, "Dockerfile": "FROM node:22 AS payments\nEXPOSE 3000\n", "main.tf": cloud}
    assert ("compose:services.app", "terraform:aws_ecs_task_definition.payments#payments") in pairs(tmp_path, files)


def test_a_bucket_for_a_static_site_is_no_twin_of_a_local_store(tmp_path: Path) -> None:
    compose = "services:\n  minio:\n    image: minio/minio:latest\n"
    cloud = 'resource "aws_s3_bucket" "frontend" {\n  bucket = "shop-frontend"\n}\n'
    uploads = 'resource "aws_s3_bucket" "uploads" {\n  bucket = "shop-uploads"\n}\n'
    assert pairs(tmp_path / "site", {"compose.yml": compose, "main.tf": cloud}) == []
    assert pairs(tmp_path / "both", {"compose.yml": compose, "main.tf": cloud + uploads}) == [
        ("compose:services.minio/bucket", "terraform:aws_s3_bucket.uploads")
    ]


@pytest.mark.parametrize(
    ("name", "role", "expected"),
    [
        ("grafana", Role.APP, True),
        ("shop", Role.APP, False),
        ("minio", Role.APP, False),
        ("shop", Role.TOOL, True),
        ("shop", Role.SIDECAR, True),
        ("grafana", Role.JOB, False),
    ],
)
def test_what_is_called_as_a_tool_serves_developers(name: str, role: Role, *, expected: bool) -> None:
    assert serves_developers(service(name, role=role)) == expected
