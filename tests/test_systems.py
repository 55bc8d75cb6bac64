"""Several systems in one repository: each is compared on its own, and what is found names its system."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from policyengine import engine, plugins, schemas
from policyengine.model.graph import Choice
from policyengine.model.source import UsageError
from policyengine.platforms.compose import choosing
from policyengine.platforms.terraform import root_modules
from policyengine.reports import concise, pairs, sarif, text
from policyengine.reports import json as json_report
from policyengine.reports.identity import identity
from policyengine.repository import discover
from policyengine.rules.coverage import accounts
from tests import trees

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyengine.rules.evaluate import Report, Result

FIXTURES = Path(__file__).parent.parent / "fixtures"


def scan(root: Path) -> Report:
    return engine.scan([root], cache=False, jobs=1)


def places(result: Result, folder: str = "") -> tuple[object, ...]:
    """A result as it is seen: rule, severity, message and all places."""
    spans = (result.span, *result.related)
    return result.rule.id, result.severity, result.message, *((folder + at.path, at.start, at.end) for at in spans)


@pytest.fixture(scope="module")
def monorepo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("monorepo")
    shutil.copytree(FIXTURES / "diverged", root / "a")
    shutil.copytree(FIXTURES / "hndigest", root / "b")
    return root


@pytest.fixture(scope="module")
def alone() -> Report:
    return scan(FIXTURES / "diverged")


@pytest.fixture(scope="module")
def report(monorepo: Path) -> Report:
    return scan(monorepo)


def test_a_monorepo_gives_the_findings_of_its_parts(report: Report, alone: Report) -> None:
    assert len(alone.results) >= 27
    assert {places(each) for each in report.results} == {places(each, "a/") for each in alone.results}
    assert {each.systems for each in report.results} == {("a",)}
    assert [each.subject.partition(":")[2][:2] for each in report.results] == ["a/"] * len(report.results)
    assert {(each.rule, each.span.path, each.reason) for each in report.undecided} == {
        (each.rule, f"a/{each.span.path}", each.reason) for each in alone.undecided
    }
    assert report.failures == ()
    assert {(each.local, each.cloud) for each in report.systems["b"].graph.pairs} == {
        ("compose:b/services.app", "terraform:b/aws_ecs_task_definition.app#app"),
        ("compose:b/services.db/database", "terraform:b/aws_db_instance.main"),
        ("compose:b/services.redis/cache", "terraform:b/aws_elasticache_replication_group.main"),
        ("compose:b/services.worker", "terraform:b/aws_ecs_task_definition.worker#worker"),
    }


def test_each_of_many_copies_gives_its_finding_under_its_name(tmp_path: Path) -> None:
    names = [f"service-{number}" for number in range(6)]
    for name in names:
        shutil.copytree(FIXTURES / "hndigest", tmp_path / name)
        compose = tmp_path / name / "docker-compose.yml"
        compose.write_text(compose.read_text("utf-8").replace("redis:7-alpine", "redis:8-alpine"), "utf-8")
    copies = scan(tmp_path)
    assert [(each.rule.id, each.systems, each.subject) for each in copies.results] == [
        ("HEX411", (name,), f"compose:{name}/services.redis/cache") for name in names
    ]
    assert len({identity(each) for each in copies.results}) == len(names)


def test_every_format_names_the_system(report: Report) -> None:
    told = json.loads(json_report.report(report))
    jsonschema.validate(told, schemas.load("report"))
    assert {tuple(each["systems"]) for each in told["findings"]} == {("a",)}
    assert [(each["name"], {side["green"] for side in each["coverage"]["sides"]}) for each in told["systems"]] == [
        ("a", {False}),
        ("b", {True}),
    ]
    run = json.loads(sarif.report(report, sarif.Options()).text)["runs"][0]
    assert {tuple(each["properties"]["systems"]) for each in run["results"]} == {("a",)}
    assert [each["name"] for each in run["properties"]["systems"]] == ["a", "b"]
    assert all("] [a] " in line for line in concise.report(report).splitlines()[:-1])
    lines = text.report(report, text.Style()).splitlines()
    assert sum(line.strip() == "= system: a" for line in lines) == len(report.results)
    assert any(
        re.fullmatch(r"  a  1✗ 2✗ 3✗ 4✗ 5✗ 6✗  \d+ errors  \d+ warnings  (\d+ notes?  )?\d+ pairs", each)
        for each in lines
    )
    assert "  b  1✓ 2✓ 3✓ 4✓ 5✓ 6✓  4 pairs" in lines
    heads = [line for line in pairs.report(report.graph, "text").splitlines() if line.startswith("system ")]
    assert heads == ["system a: both sides", "system b: both sides"]


def _app(name: str, minor: int) -> dict[str, str]:
    """An application in `apps/NAME`, which `infra/NAME` deploys with another Postgres."""
    return {
        f"apps/{name}/docker-compose.yml": """\
            services:
              web:
                build: .
                environment:
                  DATABASE_URL: postgres://web@db:5432/web
              db:
                image: postgres:16.1
            """,
        f"apps/{name}/Dockerfile": 'FROM node:22.12.0\nUSER node\nCMD ["node", "server.js"]\n',
        f"infra/{name}/main.tf": f"""\
            provider "aws" {{}}
            resource "aws_ecs_task_definition" "web" {{
              family                = "web"
              container_definitions = jsonencode([{{
                name = "web", image = "{name}:1", user = "node"
                environment = [{{ name = "DATABASE_URL", value = "postgres://web@${{aws_db_instance.db.address}}/web" }}]
              }}])
            }}
            resource "aws_db_instance" "db" {{
              engine                     = "postgres"
              engine_version             = "16.{minor}"
              auto_minor_version_upgrade = false
            }}
            """,
    }


SHARED = {
    "infra/network/main.tf": """\
        provider "aws" {}
        resource "aws_vpc" "main" {}
        """,
    ".github/workflows/shop.yml": """\
        on: push
        jobs:
          build:
            runs-on: ubuntu-24.04
            steps:
              - run: docker build -t registry.example.org/shop:1 apps/shop && docker push registry.example.org/shop:1
        """,
}


def _minors(report: Report) -> list[tuple[object, ...]]:
    return [
        (each.systems, each.subject, each.finding.against.id if each.finding.against is not None else "")
        for each in report.results
        if each.rule.id == "HEX402"
    ]


def test_folders_of_one_name_are_a_system(tmp_path: Path) -> None:
    trees.write(tmp_path, {**_app("shop", 2), **_app("blog", 3), **SHARED})
    report = scan(tmp_path)
    assert list(report.systems) == ["apps/blog", "apps/shop"]
    assert _minors(report) == [
        ((f"apps/{name}",), f"compose:apps/{name}/services.db/database", f"terraform:aws_db_instance.db@infra/{name}")
        for name in ("blog", "shop")
    ]
    assert {each.systems for each in report.results if each.span.path.startswith(".github")} == {("apps/shop",)}


def test_what_a_root_module_names_tells_whose_it_is_where_its_folder_does_not(tmp_path: Path) -> None:
    folders = {"shop": "infra/one", "blog": "infra/two"}
    files = {**_app("shop", 2), **_app("blog", 3)}
    trees.write(
        tmp_path, {folders[each[6:10]] + each[10:] if each[:6] == "infra/" else each: files[each] for each in files}
    )
    assert _minors(scan(tmp_path)) == [
        (
            (f"apps/{name}",),
            f"compose:apps/{name}/services.db/database",
            f"terraform:aws_db_instance.db@{folders[name]}",
        )
        for name in ("blog", "shop")
    ]


def test_a_shared_root_module_is_held_against_each_project_and_nobodys_part_is_missing(tmp_path: Path) -> None:
    files = {**_app("shop", 2), **_app("blog", 3)}
    files["infra/main.tf"] = 'provider "aws" {}\n' + "".join(
        f'module "{name}" {{\n  source = "./{name}"\n}}\n' for name in ("shop", "blog")
    )
    for name in ("shop", "blog"):
        files[f"apps/{name}/docker-compose.yml"] = files[f"apps/{name}/docker-compose.yml"].replace(
            "web", f"{name}-web"
        )
        files[f"infra/{name}/main.tf"] = (
            files[f"infra/{name}/main.tf"].replace('provider "aws" {}', "").replace('"web"', f'"{name}-web"')
        )
    trees.write(tmp_path, files)
    report = scan(tmp_path)
    assert list(report.systems) == ["apps/blog", "apps/shop"]
    assert [(each[0], each[2]) for each in _minors(report)] == [
        ((f"apps/{name}",), f"terraform:module.{name}.aws_db_instance.db@infra") for name in ("blog", "shop")
    ]
    assert not [each.message for each in report.results if each.rule.id == "HEX102"]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {"docker-compose.yml": "services: {web: {build: apps/shop}, blog: {build: apps/blog}}\n"}, id="built"
        ),
        pytest.param(
            {"docker-compose.yml": "include: [apps/shop/docker-compose.yml, apps/blog/docker-compose.yml]\n"},
            id="included",
        ),
        pytest.param(
            {"policyengine.yaml": "version: 1\ncompose: {canonical: [apps/shop/docker-compose.yml]}\n"}, id="set"
        ),
        pytest.param({"policyengine.yaml": "version: 1\nterraform: {root: infra/shop}\n"}, id="root"),
    ],
)
def test_a_project_that_starts_all_or_is_set_is_the_one_system(tmp_path: Path, files: dict[str, str]) -> None:
    trees.write(tmp_path, {**_app("shop", 2), **_app("blog", 3), **SHARED, **files})
    assert scan(tmp_path).systems == {}


WAYS = {
    "docker-compose.yml": "services: {shop: {build: ., ports: ['3000:3000']}}\n",
    "Dockerfile": 'FROM node:22.12.0\nUSER node\nEXPOSE 3000\nCMD ["node", "server.js"]\n',
    "terraform/network/main.tf": 'provider "aws" {}\nresource "aws_vpc" "main" {}\n',
    "terraform/ecs/main.tf": """\
        provider "aws" {}
        resource "aws_ecs_task_definition" "shop" {
          family                = "shop"
          container_definitions = jsonencode([{ name = "shop", image = "acme/shop:1", user = "root" }])
        }
        """,
    "terraform/eks/main.tf": """\
        provider "kubernetes" {}
        resource "kubernetes_deployment" "shop" {
          metadata { name = "shop" }
          spec {
            template {
              spec {
                container {
                  name  = "shop"
                  image = "acme/shop:1"
                }
              }
            }
          }
        }
        """,
}


def test_ways_to_deploy_one_project_are_each_held_against_it(tmp_path: Path) -> None:
    trees.write(tmp_path, WAYS)
    report = scan(tmp_path)
    assert {name: [pair.cloud for pair in each.graph.pairs] for name, each in report.systems.items()} == {
        "terraform/ecs": ["terraform:aws_ecs_task_definition.shop@terraform/ecs#shop"],
        "terraform/eks": ["terraform:kubernetes_deployment.shop@terraform/eks#shop"],
    }
    assert {each.local for each in report.graph.pairs} == {"compose:services.shop"}
    users = [(each.systems, each.subject) for each in report.results if each.rule.id == "HEX208"]
    assert users == [(("terraform/ecs",), "terraform:aws_ecs_task_definition.shop@terraform/ecs#shop")]


def test_what_has_a_twin_in_one_system_does_not_run_only_locally(tmp_path: Path) -> None:
    services = WAYS["docker-compose.yml"].replace("services: {", "services: {db: {image: postgres:16.4}, ")
    database = 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n  engine_version = "16.4"\n}\n'
    trees.write(tmp_path / "none", {**WAYS, "docker-compose.yml": services})
    report = scan(tmp_path / "none")
    assert [each.message for each in report.results if each.rule.id == "HEX101"] == ["'db' runs only locally."]
    ecs = {"terraform/ecs/main.tf": textwrap.dedent(WAYS["terraform/ecs/main.tf"]) + database}
    trees.write(tmp_path / "one", {**WAYS, **ecs, "docker-compose.yml": services})
    report = scan(tmp_path / "one")
    assert list(report.systems) == ["terraform/ecs", "terraform/eks"]
    assert [each.message for each in report.results if each.rule.id == "HEX101"] == []


def test_what_a_place_differs_in_from_each_way_to_deploy_is_one_finding_with_all_their_places(tmp_path: Path) -> None:
    local = WAYS["docker-compose.yml"].replace("build: .", "build: ., command: [npm, run, dev]")
    trees.write(tmp_path, {**WAYS, "docker-compose.yml": local, "package.json": '{"scripts": {"dev": "node x.js"}}'})
    task = tmp_path / "terraform/ecs/main.tf"
    task.write_text(task.read_text("utf-8").replace('"acme/shop:1"', '"acme/shop:1", command = ["node", "a.js"]'))
    (found,) = (each for each in scan(tmp_path).results if each.rule.id == "HEX109")
    assert found.systems == ("terraform/ecs", "terraform/eks")
    assert sorted(each.path for each in found.related) == ["Dockerfile", "terraform/ecs/main.tf"]


@pytest.mark.parametrize("other", ["worker", "lambda"])
def test_root_modules_beside_one_another_are_parts_of_one_system(tmp_path: Path, other: str) -> None:
    trees.write(tmp_path, {path.replace("eks", other): text for path, text in WAYS.items()})
    assert scan(tmp_path).systems == {}


def test_a_tree_of_one_system_is_asked_read_and_split_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[object, ...]] = []

    def counted(module: object, name: str, key: Callable[..., object]) -> None:
        original = getattr(module, name)

        def call(*given: object, **more: object) -> object:
            done.append((name, key(*given)))
            return original(*given, **more)

        monkeypatch.setattr(module, name, call)

    counted(discover, "load", lambda _, path: path)
    counted(root_modules, "read", lambda source: source.path)
    counted(root_modules, "pieces", lambda _: "")
    counted(choosing, "pieces", lambda _, side: side)
    trees.write(tmp_path, {path.replace("eks", "worker"): text for path, text in WAYS.items()})
    tool = {"tool/compose.yml": "services: {tool: {build: .}}\n", "tool/Dockerfile": "FROM alpine:3.20\n"}
    trees.write(tmp_path, {**tool, "docker-compose.prod.yml": "services: {other: {image: acme/other:1}}\n"})
    assert scan(tmp_path).systems == {}
    assert {name for name, _ in done} == {"load", "read", "pieces"}
    assert sorted(each for each, times in Counter(done).items() if times > 1) == []


def test_what_was_told_and_what_was_left_out_is_said(tmp_path: Path) -> None:
    tool = {
        "tools/seed/docker-compose.yml": "services: {seed: {build: .}}\n",
        "tools/seed/Dockerfile": "FROM alpine:3.20\n",
    }
    trees.write(tmp_path, {**_app("shop", 2), **_app("blog", 3), **SHARED, **tool})
    assert scan(tmp_path).graph.choices[0] == Choice(
        "systems",
        "apps/blog, apps/shop",
        "told by folders, names, workflows and images; left out, since nothing is known to deploy them: "
        "tools/seed/docker-compose.yml; set systems for others",
    )


def test_stated_systems_are_those_and_say_which_side_they_lack(tmp_path: Path) -> None:
    told = "version: 1\nsystems:\n  store: {paths: [apps/shop, infra/shop]}\n  diary: {paths: [apps/blog]}\n"
    files = {**_app("shop", 2), **_app("blog", 3), **SHARED, "policyengine.yaml": told}
    trees.write(tmp_path, {each: text for each, text in files.items() if each != "infra/blog/main.tf"})
    report = scan(tmp_path)
    assert {name: each.missing for name, each in accounts(report).items()} == {"store": (), "diary": ("cloud",)}
    assert [each[0] for each in _minors(report)] == [("store",)]


@pytest.mark.parametrize(
    ("systems", "message"),
    [
        ("a: {paths: [apps/shp]}", "policyengine.yaml:3:15: 'systems.a' names 'apps/shp', which is not there"),
        ("a: {paths: [apps]}\n  b: {paths: [apps/]}", "policyengine.yaml:4:15: 'apps' is of the system 'a' and of 'b'"),
        (
            "a: {paths: [apps/shop]}\n  b: {paths: [apps]}",
            "policyengine.yaml:3:15: 'apps/shop' is of the system 'b' and of 'a'",
        ),
        (
            "a: {paths: [apps]}\n  a: {paths: [infra]}",
            "policyengine.yaml:4:3: the mapping has the key 'a' twice; remove one",
        ),
    ],
)
def test_a_mistake_in_stated_systems_ends_the_run_with_its_place(tmp_path: Path, systems: str, message: str) -> None:
    told = f"version: 1\nsystems:\n  {systems}\n"
    trees.write(tmp_path, {**_app("shop", 2), "policyengine.yaml": told})
    with pytest.raises(UsageError, match=re.escape(message)):
        scan(tmp_path)


def test_names_of_pairs_and_waivers_are_those_of_any_system(tmp_path: Path) -> None:
    told = """\
        version: 1
        pairs:
          - {local: apps/shop/services.db/database, cloud: aws_db_instance.db@infra/shop}
        waivers:
          - {rule: HEX402, subject: "compose:apps/blog/services.db/database", reason: known}
        """
    trees.write(tmp_path, {**_app("shop", 2), **_app("blog", 3), "policyengine.yaml": told})
    report = scan(tmp_path)
    assert [each[0] for each in _minors(report)] == [("apps/shop",)]
    assert [(each.result.rule.id, each.result.systems) for each in report.waived] == [("HEX402", ("apps/blog",))]
    assert report.remarks == ()
    (tmp_path / "policyengine.yaml").write_text("version: 1\npairs: [{local: nobody, cloud: aws_db_instance.db}]\n")
    with pytest.raises(
        UsageError, match="'pairs' names 'nobody', which is not in the graph; known are apps/blog/services"
    ):
        scan(tmp_path)


def test_one_system_is_named_nowhere(alone: Report) -> None:
    assert "systems" not in json_report.report(alone)
    assert "= system:" not in text.report(alone, text.Style())


def test_the_graph_of_several_systems_has_what_each_alone_has(monorepo: Path) -> None:
    loaded = plugins.load()
    work = engine.Work(jobs=1, cache=False)
    opened = [discover.open_tree([each]) for each in (monorepo, FIXTURES / "hndigest")]
    joined, alone = (engine.build_graph(tree, engine.load_config(tree, loaded), loaded, work).graph for tree in opened)
    assert list(joined.systems) == ["a", "b"]
    assert len(joined.systems["b"].nodes) == len(alone.nodes)
    assert len(joined.nodes) == sum(len(each.nodes) for each in joined.systems.values())


def test_root_modules_of_the_account_are_told_from_those_of_the_system(tmp_path: Path) -> None:
    files = {
        f"infra/{name}/main.tf": f'provider "aws" {{}}\nresource "aws_ecr_repository" "{name}" {{}}\n'
        for name in ("accounts", "bootstrap", "shop")
    }
    report = trees.scan(tmp_path, files)
    assert [(each.what, each.chosen, each.reason) for each in report.graph.choices] == [
        ("Terraform left out", "infra/bootstrap", "for examples, tests or the first set-up; set terraform.root for it"),
        ("Terraform root", "infra/accounts", "what all systems stand on"),
        ("Terraform root", "infra/shop", "it is called by no other module"),
    ]


def test_a_root_module_called_after_what_is_no_longer_used_is_none_unless_a_workflow_names_it(tmp_path: Path) -> None:
    files = {f"infra/{name}/main.tf": 'resource "aws_ecr_repository" "a" {}\n' for name in ("live", "terraform-legacy")}
    reason = "its folder is called after what is no longer used, and no workflow names it; set terraform.root for it"
    told = [(each.what, each.chosen, each.reason) for each in trees.scan(tmp_path / "no", files).graph.choices]
    assert ("Terraform left out", "infra/terraform-legacy", reason) in told
    assert [chosen for what, chosen, _ in told if what == "Terraform root"] == ["infra/live"]
    flow = "on: push\njobs: {a: {runs-on: x, steps: [{run: terraform -chdir=infra/terraform-legacy apply}]}}\n"
    named = trees.scan(tmp_path / "named", {**files, ".github/workflows/a.yml": flow}).graph.choices
    assert {each.chosen for each in named if each.what == "Terraform root"} == {"infra/live", "infra/terraform-legacy"}


def test_a_plan_is_of_one_system_and_makes_the_tree_one(tmp_path: Path) -> None:
    trees.write(tmp_path, {**_app("shop", 2), **_app("blog", 3)})
    plan = tmp_path.with_suffix(".plan.json")
    address = {"address": "aws_db_instance.db", "mode": "managed", "type": "aws_db_instance", "name": "db"}
    made = {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {
            "root_module": {"resources": [{**address, "values": {"engine": "postgres", "engine_version": "16.1"}}]}
        },
    }
    plan.write_text(json.dumps(made), "utf-8")
    loaded, tree = plugins.load(), discover.open_tree([tmp_path])
    settings = engine.load_config(tree, loaded)
    assert len(engine.evaluate_tree(tree, settings, loaded, work=engine.Work(cache=False, jobs=1)).systems) == 2
    work = engine.Work(given={"plan": (plan,)}, cache=False, jobs=1)
    with pytest.raises(UsageError, match="fits 'infra/blog', 'infra/shop' equally"):
        engine.evaluate_tree(tree, settings, loaded, work=work)
