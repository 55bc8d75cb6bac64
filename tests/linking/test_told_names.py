"""Pairs where the name of a container says too little: modules, folders, variables and images tell what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.linking.trees import graph_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def made(root: Path, files: Mapping[str, str]) -> dict[str, list[str]]:
    """The twins of each local node that has some, without the words that all ids share."""
    found: dict[str, list[str]] = {}
    for pair in graph_of(root, files).pairs:
        found.setdefault(pair.local.removeprefix("compose:services."), []).append(pair.cloud.partition(":")[2])
    return found


def task(label: str, name: str, *keys: str, image: str = "acme/x:1", port: int = 0) -> str:
    """A task definition with one container."""
    environment = ", ".join(f'{{ name = "{key}", value = "{key.lower()}" }}' for key in keys)
    ports = f"[{{ containerPort = {port} }}]" if port else "[]"
    return (
        f'resource "aws_ecs_task_definition" "{label}" {{\n  family = "{label}"\n  container_definitions = jsonencode([{{\n'
        f'    name = "{name}"\n    image = "{image}"\n    environment = [{environment}]\n    portMappings = {ports}\n'
        "  }])\n}\n"
    )


def compose(**services: str) -> str:
    """A project of services in the flow style of YAML."""
    return "services:\n" + "".join(f"  {name.replace('_', '-')}: {lines}\n" for name, lines in services.items())


def test_modules_tell_the_containers_of_one_name_in_them_apart(tmp_path: Path) -> None:
    files = {
        "compose.yml": compose(frontend="{image: 'acme/front:1'}", backend="{image: 'acme/back:1'}"),
        "main.tf": 'module "frontend_service" {\n  source = "./service"\n}\n'
        'module "backend_service" {\n  source = "./service"\n}\n',
        "service/main.tf": task("this", "web"),
    }
    assert made(tmp_path, files) == {
        "backend": ["module.backend_service.aws_ecs_task_definition.this#web"],
        "frontend": ["module.frontend_service.aws_ecs_task_definition.this#web"],
    }


def test_copies_of_a_module_for_regions_keep_the_name_of_their_container(tmp_path: Path) -> None:
    files = {
        "compose.yml": compose(api="{image: 'acme/api:1'}"),
        "main.tf": 'module "east" {\n  source = "./service"\n}\nmodule "west" {\n  source = "./service"\n}\n',
        "service/main.tf": task("this", "api"),
    }
    twins = [f"module.{each}.aws_ecs_task_definition.this#api" for each in ("east", "west")]
    assert made(tmp_path, files) == {"api": twins}


def test_a_folder_of_a_root_module_tells_what_main_is(tmp_path: Path) -> None:
    backend = 'terraform {\n  backend "s3" {}\n}\n'
    files = {
        "compose.yml": compose(api="{image: 'acme/a:1'}", reports="{image: 'acme/b:1'}"),
        "services/30-api/main.tf": backend + task("this", "app"),
        "services/40-reports/main.tf": backend + task("this", "app"),
    }
    assert made(tmp_path, files) == {
        "api": ["aws_ecs_task_definition.this@services/30-api#app"],
        "reports": ["aws_ecs_task_definition.this@services/40-reports#app"],
    }


def test_a_component_in_two_environments_is_no_word_that_all_names_share(tmp_path: Path) -> None:
    job = 'resource "aws_batch_job_definition" "parser" {{\n  name = "parser-{0}"\n  type = "container"\n'
    job += '  container_properties = jsonencode({{ image = "acme/x:1" }})\n}}\n'
    files = {
        "compose.yml": compose(parser="{image: 'acme/parser:1'}", web="{image: 'acme/web:1'}"),
        "a/main.tf": 'terraform {\n  backend "s3" {}\n}\n' + job.format("prod"),
        "b/main.tf": 'terraform {\n  backend "s3" {}\n}\n' + job.format("dev"),
    }
    assert made(tmp_path, files) == {
        "parser": ["aws_batch_job_definition.parser@a", "aws_batch_job_definition.parser@b"]
    }


def test_a_variable_that_leads_to_a_service_tells_its_name(tmp_path: Path) -> None:
    web = "{image: 'acme/w:1', command: w, environment: {VITE_API_PROXY_TARGET: 'http://app:8080'}}"
    files = {
        "compose.yml": compose(app="{image: 'acme/a:1', ports: ['8080:8080']}", web=web),
        "main.tf": task("api", "api", port=8080) + task("migrate", "migrate"),
    }
    assert made(tmp_path, files) == {"app": ["aws_ecs_task_definition.api#api"]}


KEYS = ("ORDERS_TABLE", "USERS_TABLE", "QUIZ_TABLE", "MAIL_FROM", "SESSION_SECRET")


def test_the_most_variables_in_common_speak_for_a_pair(tmp_path: Path) -> None:
    environment = "{" + ", ".join(f"{key}: x" for key in KEYS) + "}"
    files = {
        "compose.yml": compose(
            shop=f"{{image: 'acme/a:1', environment: {environment}}}", other="{image: 'acme/b:1', environment: {A: b}}"
        ),
        "main.tf": task("core", "core", *KEYS) + task("rest", "rest", "B"),
    }
    assert made(tmp_path, files) == {"shop": ["aws_ecs_task_definition.core#core"]}


def test_variables_that_two_services_share_tell_neither(tmp_path: Path) -> None:
    environment = "{" + ", ".join(f"{key}: x" for key in KEYS) + "}"
    files = {
        "compose.yml": compose(
            shop=f"{{image: 'acme/a:1', environment: {environment}}}",
            queue=f"{{image: 'acme/b:1', environment: {environment}}}",
        ),
        "main.tf": task("core", "core", *KEYS) + task("rest", "rest", "B"),
    }
    assert made(tmp_path, files) == {}


FUNCTION = 'resource "aws_lambda_function" "{0}" {{\n  function_name = "{0}"\n  package_type = "Image"\n'
FUNCTION += '  image_uri = "acme/functions:1"\n}}\n'


@pytest.mark.parametrize(("name", "twin"), [("api_waf_sync", False), ("api", True)])
def test_a_function_is_not_the_service_that_its_name_begins_with(name: str, twin: bool, tmp_path: Path) -> None:
    files = {
        "compose.yml": compose(api="{image: 'acme/a:1'}", worker="{image: 'acme/b:1'}"),
        "main.tf": FUNCTION.format(name) + FUNCTION.format("mail_bounces"),
    }
    assert made(tmp_path, files) == ({"api": [f"aws_lambda_function.{name}"]} if twin else {})


def test_a_folder_that_has_several_words_of_a_functions_name_tells_it(tmp_path: Path) -> None:
    build = "{build: {context: ., dockerfile: src/OrderStatusHandler/Dockerfile}}"
    files = {
        "compose.yml": compose(**{"lambda": build, "web": "{image: 'acme/b:1'}"}),
        "src/OrderStatusHandler/Dockerfile": "FROM node:22\n",
        "main.tf": FUNCTION.format("order_status_lambda") + FUNCTION.format("mail_bounces"),
    }
    assert made(tmp_path, files) == {"lambda": ["aws_lambda_function.order_status_lambda"]}


DATABASE = 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n  db_name = "shop"\n}\n'


def test_a_local_container_with_the_variables_and_the_port_of_an_engine_is_its_database(tmp_path: Path) -> None:
    files = {
        "compose.yml": compose(db="{image: 'acme/devdb:1', ports: ['5432:5432'], environment: {POSTGRES_DB: shop}}"),
        "main.tf": DATABASE,
    }
    assert made(tmp_path, files) == {"db/database": ["aws_db_instance.main"]}


@pytest.mark.parametrize(
    ("environment", "store"),
    [("REPORTS_DB_HOST: db.internal", False), ("DB_HOST: analysis", True), ("POSTGRES_DB: shop", True)],
)
def test_what_is_built_from_an_image_of_a_store_and_told_where_one_is_is_none(
    environment: str,
    store: bool,
    tmp_path: Path,
) -> None:
    files = {
        "compose.yml": compose(
            db="{image: 'postgres:16'}",
            analysis=f"{{build: ., environment: {{{environment}}}, links: ['db:db.internal']}}",
        ),
        "Dockerfile": "FROM postgres:16\n",
    }
    stores = [each.id for each in graph_of(tmp_path, files).nodes if each.id.endswith("/database")]
    assert stores == [*(["compose:services.analysis/database"] if store else []), "compose:services.db/database"]


def test_a_module_behind_a_link_to_a_folder_of_the_tree_is_read(tmp_path: Path) -> None:
    files = {
        "compose.yml": compose(db="{image: 'postgres:16'}"),
        "envs/prod/main.tf": 'module "db" {\n  source = "./modules/db"\n}\n',
        "shared/db/main.tf": DATABASE,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "envs/prod/modules").symlink_to("../../shared")
    assert made(tmp_path, {}) == {"db/database": ["module.db.aws_db_instance.main@envs/prod"]}


def test_a_module_behind_a_link_out_of_the_tree_is_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside/db"
    outside.mkdir(parents=True)
    (outside / "main.tf").write_text(DATABASE)
    root = tmp_path / "tree"
    files = {
        "compose.yml": compose(db="{image: 'postgres:16'}"),
        "main.tf": 'module "x" {\n  source = "./modules/db"\n}\n',
    }
    root.mkdir()
    (root / "modules").symlink_to("../outside")
    assert [each.id for each in graph_of(root, files).nodes if "aws_db_instance" in each.id] == []


@pytest.mark.parametrize(("folder", "twin"), [("backend", "api"), ("frontend", "frontend"), ("src", "frontend")])
def test_a_service_called_web_is_the_part_whose_folder_it_is_built_in(folder: str, twin: str, tmp_path: Path) -> None:
    files = {
        "compose.yml": compose(web=f"{{build: ./{folder}}}"),
        f"{folder}/Dockerfile": "FROM node:22\n",
        "main.tf": task("api", "api") + task("frontend", "frontend"),
    }
    assert made(tmp_path, files) == {"web": [f"aws_ecs_task_definition.{twin}#{twin}"]}


def test_a_program_that_uses_a_store_is_not_taken_for_it_by_its_image(tmp_path: Path) -> None:
    files = {
        "compose.yml": compose(redis="{image: 'redis:7'}"),
        "main.tf": task("x", "backend-redis", image="1.dkr.ecr.eu-west-1.amazonaws.com/backend-redis:1"),
    }
    assert made(tmp_path, files) == {}


def test_a_store_for_analysis_is_no_twin_of_a_relational_one(tmp_path: Path) -> None:
    files = {"compose.yml": compose(events="{image: 'clickhouse/clickhouse-server:24'}"), "main.tf": DATABASE}
    assert made(tmp_path, files) == {}


def test_a_module_of_azure_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    source = 'source = "../templates/modules/container-app'
    files = {
        "compose.yml": compose(web="{image: 'acme/web:1'}", db="{image: 'postgres:16'}"),
        "main.tf": f'module "webapp" {{\n  {source}"\n}}\nmodule "scope" {{\n  {source}-environment"\n}}\n'
        f'module "setup" {{\n  {source}-job"\n}}\n',
    }
    assert made(tmp_path, files) == {"web": ["module.webapp"]}


@pytest.mark.parametrize(("image", "twins"), [("upload-stats", 1), ("stats", 0)])
def test_an_image_of_several_words_tells_a_function_of_another_name(image: str, twins: int, tmp_path: Path) -> None:
    build = "{build: {context: ., dockerfile: functions/upload-statistics/Dockerfile}}"
    files = {
        "compose.yml": compose(upload_stats=build, web="{image: 'acme/b:1'}"),
        "functions/upload-statistics/Dockerfile": "FROM node:22\n",
        "main.tf": FUNCTION.format("update_statistics").replace("acme/functions", f"acme/{image}")
        + FUNCTION.format("mail_bounces"),
    }
    assert len(made(tmp_path, files)) == twins
