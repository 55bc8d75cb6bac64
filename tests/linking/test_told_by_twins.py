"""Pairs that other pairs tell: stores by the services that reach them, agents by the tasks that they stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.linking.test_told_names import compose, made, task

if TYPE_CHECKING:
    from pathlib import Path


def reaching(name: str, **variables: str) -> str:
    """A task whose container has variables with expressions of Terraform."""
    given = ", ".join(f'{{ name = "{key}", value = {value} }}' for key, value in variables.items())
    return (
        f'resource "aws_ecs_task_definition" "{name}" {{\n  container_definitions = jsonencode([{{\n'
        f'    name = "{name}"\n    image = "acme/{name}:1"\n    environment = [{given}]\n  }}])\n}}\n'
    )


def cluster(label: str) -> str:
    """A Redis of the cloud."""
    return f'resource "aws_elasticache_cluster" "{label}" {{\n  engine = "redis"\n}}\n'


def test_services_that_mirror_each_other_tell_the_stores_that_they_reach(tmp_path: Path) -> None:
    files = {
        "compose.yml": compose(
            shop="{image: 'acme/a:1', environment: {SESSIONS: 'redis://one:6379'}}",
            mail="{image: 'acme/b:1', environment: {BROKER: 'redis://two:6379'}}",
            one="{image: 'redis:7'}",
            two="{image: 'redis:7'}",
        ),
        "main.tf": cluster("alpha")
        + cluster("beta")
        + reaching("shop", CACHE_HOST="aws_elasticache_cluster.beta.cache_nodes[0].address")
        + reaching("mail", QUEUE_HOST="aws_elasticache_cluster.alpha.cache_nodes[0].address"),
    }
    found = made(tmp_path, files)
    assert (found["one/cache"], found["two/cache"]) == (
        ["aws_elasticache_cluster.beta"],
        ["aws_elasticache_cluster.alpha"],
    )


@pytest.mark.parametrize("others", [1, 2, 3])
def test_the_last_of_several_local_stores_is_where_most_others_are(others: int, tmp_path: Path) -> None:
    names = [f"part{number}" for number in range(others)]
    services = {
        each: f"{{image: 'acme/{each}:1', environment: {{{each.upper()}_DB: 'x-{each}:5432'}}}}" for each in names
    }
    stores = {f"x_{each}": "{image: 'postgres:16'}" for each in (*names, "rest")}
    server = 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n}\n'
    tasks = "".join(reaching(each, **{f"{each.upper()}_DB": "aws_db_instance.main.address"}) for each in names)
    found = made(tmp_path, {"compose.yml": compose(**services, **stores), "main.tf": server + tasks})
    paired = [*names, "rest"] if others > 1 else names
    assert found == {
        **{f"x-{each}/database": ["aws_db_instance.main"] for each in paired},
        **{each: [f"aws_ecs_task_definition.{each}#{each}"] for each in names},
    }


def test_a_store_of_the_cloud_that_only_its_engine_tells_is_not_one_of_those_that_have_a_twin(tmp_path: Path) -> None:
    files = {
        "compose.yml": compose(redis_general="{image: 'redis:7'}", redis_tickets="{image: 'redis:7'}"),
        "main.tf": cluster("general") + cluster("tickets") + cluster("legacy"),
    }
    assert made(tmp_path, files) == {
        "redis-general/cache": ["aws_elasticache_cluster.general"],
        "redis-tickets/cache": ["aws_elasticache_cluster.tickets"],
    }


def test_an_agent_beside_several_tasks_is_the_one_that_runs_locally(tmp_path: Path) -> None:
    agent = '{ name = "otel-sidecar", image = var.agent, portMappings = [{ containerPort = 4317 }] }'
    text = 'variable "agent" {}\n' + "".join(
        task(each, each).replace("jsonencode([{", f"jsonencode([{agent}, {{") for each in ("api", "web")
    )
    collector = "{image: 'otel/opentelemetry-collector:0.1', ports: ['4317:4317']}"
    found = made(tmp_path, {"compose.yml": compose(otel_collector=collector), "main.tf": text})
    assert found == {"otel-collector": [f"aws_ecs_task_definition.{each}#otel-sidecar" for each in ("api", "web")]}
