"""Everything that files declare: located, evaluated when it is asked for, four-valued at every leaf."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from policyengine import engine
from policyengine.api import (
    Absent,
    Database,
    Declaration,
    DeclarationKind,
    Elements,
    Entries,
    Finding,
    Floating,
    Graph,
    Known,
    Outcomes,
    Pack,
    Rule,
    Service,
    Severity,
    Span,
    Stage,
    Unknown,
    rule,
    undecided,
)
from policyengine.engine import Work
from policyengine.model.declaration import at
from policyengine.platforms.units import Kept
from policyengine.plugins import load
from policyengine.reports import json as json_report
from policyengine.repository import discover
from tests.trees import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from policyengine.model.declaration import Content
    from policyengine.rules.evaluate import Report

HERE = Span("x", 0, 1)


def graph(root: Path, files: Mapping[str, str], **given: tuple[Path, ...]) -> Graph:
    """The graph of a tree."""
    write(root, files)
    tree = discover.open_tree([root])
    plugins = load(())
    return engine.build_graph(tree, engine.load_config(tree, plugins), plugins, Work(given, jobs=1, cache=False)).graph


def report(root: Path, files: Mapping[str, str], *rules: Rule[Any], config: str = "") -> Report:
    """What rules say of a tree."""
    write(root, {**files, **({"policyengine.yaml": config} if config else {})})
    tree = discover.open_tree([root])
    plugins = load(())
    pack = Pack(name="acme", rules=rules)
    with_rules = replace(plugins, packs=(pack,))
    return engine.evaluate_tree(tree, engine.load_config(tree, with_rules), with_rules, work=Work(jobs=1, cache=False))


def only(graph: Graph, *types: str) -> Declaration:
    (found,) = graph.resources(*types)
    return found


def shown(content: object, root: Path) -> tuple[object, str]:
    """What a leaf says, and the text at its place."""
    assert isinstance(content, (Known, Floating, Unknown, Absent))
    said = content.value if isinstance(content, (Known, Floating)) else getattr(content, "reason", None)
    path, start, end = content.span
    return said, (root / path).read_text("utf-8")[start:end]


# the content itself


def known(value: str | float | bool) -> Known[str | int | float | bool]:
    return Known(value, HERE)


TREE = Entries(
    {
        "text": known("7"),
        "on": known("true"),
        "half": known(0.5),
        "one": Elements((Entries({"deep": known(1)}, HERE),), HERE),
        "two": Elements((Entries({"deep": known(1)}, HERE), Entries({"deep": known(2)}, HERE)), HERE),
        "none": Elements((), HERE),
        "open": Floating("acme-${var.env}", HERE),
        "unknown": Unknown("variable 'x' has no value", HERE),
        "more": Elements((known("a"),), HERE, Unknown("var.list is not known", HERE)),
        "some": Entries({"a": known("b")}, HERE, Unknown("var.tags is not known", HERE)),
        "a.b": known("dotted"),
    },
    HERE,
)


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        (("text",), known("7")),
        (("a.b",), known("dotted")),
        (("missing",), Absent(HERE)),
        (("one", "deep"), known(1)),
        (("one", 0, "deep"), known(1)),
        (("two", 1, "deep"), known(2)),
        (("two", "deep"), Unknown("there are 2, each with its own 'deep'", HERE)),
        (("two", 2), Absent(HERE)),
        (("none", "deep"), Absent(HERE)),
        (("more", "deep"), Unknown("var.list is not known", HERE)),
        (("more", 1), Unknown("var.list is not known", HERE)),
        (("some", "b"), Unknown("var.tags is not known", HERE)),
        (("some", "a"), known("b")),
        (("text", "below"), Absent(HERE)),
        (("open", "below"), Unknown("'acme-${var.env}' is not decided", HERE)),
        (("unknown", "below", 3), Unknown("variable 'x' has no value", HERE)),
    ],
)
def test_a_path_leads_through_blocks_and_lists_and_ends_in_one_of_four_values(
    steps: tuple[str | int, ...], found: Content
) -> None:
    assert TREE.get(*steps) == found
    assert at(TREE, steps) == found


def test_a_typed_question_converts_as_terraform_does_and_is_open_where_that_is_not_possible() -> None:
    assert TREE.integer("text") == Known(7, HERE)
    assert TREE.text("one", "deep") == Known("1", HERE)
    assert TREE.boolean("on") == Known(value=True, span=HERE)
    assert TREE.number("half") == Known(0.5, HERE)
    assert TREE.integer("half") == Unknown("the value is no whole number", HERE)
    assert TREE.boolean("text") == Unknown("the value is no bool", HERE)
    assert TREE.text("one") == Unknown("the value is no text", HERE)
    assert TREE.integer("missing", default=3) == Known(3, HERE)
    assert TREE.integer("open", default=3) == Unknown("'acme-${var.env}' is not decided", HERE)
    assert TREE.text("open") == Floating("acme-${var.env}", HERE)


def test_plain_data_is_known_only_where_every_part_of_it_is() -> None:
    assert TREE.plain("two") == Known([{"deep": 1}, {"deep": 2}], HERE)
    assert TREE.plain("more") == Unknown("var.list is not known", HERE)
    assert TREE.plain("some") == Unknown("var.tags is not known", HERE)
    assert TREE.plain() == Unknown("'acme-${var.env}' is not decided", HERE)
    assert TREE.plain("missing") == Absent(HERE)
    assert [each.plain().value for each in TREE.blocks("two") if isinstance(each.plain(), Known)] == [  # type: ignore[union-attr]
        {"deep": 1},
        {"deep": 2},
    ]
    assert TREE.gap("more") == Unknown("var.list is not known", HERE)
    assert TREE.gap("two") is None


# Terraform

MODULES = {
    "main.tf": """\
        variable "env" {}
        variable "retention" { default = 14 }
        variable "ports" { default = [80, 443] }

        resource "acme_thing" "main" {
          name     = "acme-${var.env}"
          plain    = "thing"
          days     = var.retention
          nothing  = null
          other    = acme_other.x[0].id
          looked   = data.acme_ami.y.id
          policy   = jsonencode({ Statement = [{ Effect = "Allow", Resource = var.env }] })
          document = <<EOT
          {"a": [1, true]}
          EOT
          tags     = { team = "core", "a/b" = var.env }
          versioning { enabled = true }
          dynamic "ingress" {
            for_each = var.ports
            content { port = ingress.value }
          }
          lifecycle { ignore_changes = [tags, plain] }
          depends_on = [acme_other.x]
        }

        resource "acme_other" "x" {
          count = 1
        }
        data "acme_ami" "y" { owner = "self" }

        module "inner" {
          source = "./inner"
          for_each = toset(["a", "b"])
          size   = each.key
        }
        provider "acme" { region = "eu" }
        provider "acme" {
          alias  = "second"
          region = "us"
        }
    """,
    "inner/main.tf": """\
        variable "size" {}
        resource "acme_inner" "it" { size = var.size }
    """,
}


def test_a_resource_of_a_type_that_nobody_knows_has_every_argument_with_its_place(tmp_path: Path) -> None:
    thing = only(graph(tmp_path, MODULES), "acme_thing")
    assert (thing.id, thing.name, thing.type) == ("terraform:acme_thing.main", "acme_thing.main", "acme_thing")
    assert shown(thing.get("plain"), tmp_path) == ("thing", "thing")
    assert shown(thing.get("days"), tmp_path) == (14, "14")
    assert thing.names("days") == ("var.retention",)
    assert shown(thing.get("name"), tmp_path) == ("acme-${var.env}", "acme-${var.env}")
    assert isinstance(thing.get("name"), Floating)
    assert isinstance(thing.get("nothing"), Absent)
    assert thing.get("missing") == Absent(thing.span)
    assert isinstance(thing.get("other"), Floating)
    assert shown(thing.get("other"), tmp_path) == ("${acme_other.x[0].id}", "acme_other.x[0].id")
    assert shown(thing.get("looked"), tmp_path)[0] == "data.acme_ami.y.id is known only after apply"
    assert shown(thing.get("tags", "team"), tmp_path) == ("core", "core")
    assert shown(thing.get("tags", "a/b"), tmp_path)[0] == "variable 'env' has no value in the repository"
    assert shown(thing.get("policy", "Statement", 0, "Effect"), tmp_path) == ("Allow", "Allow")
    assert isinstance(thing.get("policy", "Statement", 0, "Resource"), Unknown)
    assert shown(thing.get("document", "a", 1), tmp_path) == (True, "true")
    assert shown(thing.get("versioning", "enabled"), tmp_path) == (True, "true")
    assert [shown(each.get("port"), tmp_path) for each in thing.blocks("ingress")] == [(80, "80"), (443, "443")]
    assert thing.plain("lifecycle", "ignore_changes").value == ["tags", "plain"]  # type: ignore[union-attr]
    assert thing.plain("depends_on").value == ["acme_other.x"]  # type: ignore[union-attr]
    assert set(thing.given()) == {
        *("name", "plain", "days", "nothing", "other", "looked", "policy", "document", "tags", "depends_on"),
        *("versioning", "ingress", "lifecycle"),
    }


def test_modules_instances_data_sources_calls_and_providers_are_declared_too(tmp_path: Path) -> None:
    made = graph(tmp_path, MODULES)
    inner = list(made.resources("acme_inner"))
    assert [each.id for each in inner] == [
        'terraform:module.inner["a"].acme_inner.it',
        'terraform:module.inner["b"].acme_inner.it',
    ]
    assert [shown(each.get("size"), tmp_path) for each in inner] == [("a", "a"), ("b", "b")]
    calls = list(made.declarations(DeclarationKind.MODULE))
    assert [(each.name, each.type) for each in calls] == [
        ('module.inner["a"]', "./inner"),
        ('module.inner["b"]', "./inner"),
    ]
    assert [each.within for each in inner] == [each.id for each in calls]
    assert list(made.inside(calls[0])) == [inner[0]]
    assert only(made, "data.acme_ami").id == "terraform:data.acme_ami.y"
    assert [each.type for each in made.resources()] == ["acme_other", "acme_thing", "acme_inner", "acme_inner"]
    regions = {each.id: each.plain("region") for each in made.declarations(DeclarationKind.PROVIDER, "acme")}
    assert {name: value.value for name, value in regions.items() if isinstance(value, Known)} == {
        "terraform:provider.acme": "eu",
        "terraform:provider.acme.second": "us",
    }


def test_a_resource_leads_to_those_that_it_names_and_back(tmp_path: Path) -> None:
    made = graph(tmp_path, MODULES)
    thing, other = only(made, "acme_thing"), only(made, "acme_other")
    assert other.id == "terraform:acme_other.x[0]"
    assert thing.refers_to("other") == (other,)
    assert thing.refers_to("looked") == (only(made, "data.acme_ami"),)
    assert thing.refers_to("plain") == ()
    assert list(made.referring(other, "acme_thing", "other")) == [thing]
    assert list(made.referring(other, "acme_thing", "plain")) == []


def test_what_is_named_is_found_through_modules_and_instances(tmp_path: Path) -> None:
    files = {
        "main.tf": """\
            module "store" {
              source   = "./store"
              for_each = toset(["a", "b"])
              name     = each.key
            }
            module "far" { source = "terraform-aws-modules/rds/aws" }
            resource "aws_s3_bucket_policy" "a" { bucket = module.store["a"].id }
            resource "acme_thing" "far" { address = module.far.db_instance_address }
        """,
        "store/main.tf": """\
            variable "name" {}
            resource "aws_s3_bucket" "it" { bucket = var.name }
            resource "aws_s3_bucket_versioning" "it" { bucket = aws_s3_bucket.it.id }
            output "id" { value = aws_s3_bucket.it.id }
        """,
    }
    made = graph(tmp_path, files)
    first, second = made.resources("aws_s3_bucket")
    asked = ("aws_s3_bucket_versioning", "aws_s3_bucket_policy")
    found = {
        each.name: [one.name for kind in asked for one in made.referring(each, kind, "bucket")]
        for each in (first, second)
    }
    assert found == {
        'module.store["a"].aws_s3_bucket.it': [
            'module.store["a"].aws_s3_bucket_versioning.it',
            "aws_s3_bucket_policy.a",
        ],
        'module.store["b"].aws_s3_bucket.it': ['module.store["b"].aws_s3_bucket_versioning.it'],
    }
    assert [each.name for each in only(made, "aws_s3_bucket_policy").refers_to("bucket")] == [
        'module.store["a"]',
        'module.store["a"].aws_s3_bucket.it',
    ]
    assert [each.type for each in only(made, "acme_thing").refers_to("address")] == ["terraform-aws-modules/rds/aws"]
    (node,) = made.all(Database)
    assert (node.id, made.declaration(node)) == ("terraform:module.far", only_module(made, "module.far"))


def only_module(made: Graph, name: str) -> Declaration:
    (found,) = (each for each in made.declarations(DeclarationKind.MODULE) if each.name == name)
    return found


def test_values_of_a_plan_lie_over_those_of_the_files(tmp_path: Path) -> None:
    after = {"name": "acme-prod", "days": 3, "versioning": [{"enabled": False}], "arn": None}
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {
            "root_module": {
                "resources": [
                    {
                        "address": "acme_thing.main",
                        "mode": "managed",
                        "type": "acme_thing",
                        "name": "main",
                        "values": after,
                        "sensitive_values": {},
                    }
                ]
            }
        },
        "resource_changes": [
            {
                "address": "acme_thing.main",
                "mode": "managed",
                "type": "acme_thing",
                "name": "main",
                "change": {"actions": ["create"], "after": after, "after_unknown": {"arn": True}},
            }
        ],
        "configuration": {"root_module": {"resources": []}},
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan), "utf-8")
    thing = only(graph(tmp_path / "tree", MODULES, plan=(tmp_path / "plan.json",)), "acme_thing")
    assert shown(thing.get("name"), tmp_path / "tree") == ("acme-prod", "acme-${var.env}")
    assert thing.plain("days").value == 3  # type: ignore[union-attr]
    assert shown(thing.get("versioning", "enabled"), tmp_path / "tree") == (False, "true")
    assert "arn" in thing.given()


def test_two_root_modules_with_the_same_address_are_two(tmp_path: Path) -> None:
    files = {f"{each}/main.tf": f'resource "acme_thing" "it" {{ name = "{each}" }}' for each in ("infra", "terraform")}
    names = {each.id: each.plain("name") for each in graph(tmp_path, files).resources("acme_thing")}
    assert {str(each.value) for each in names.values() if isinstance(each, Known)} == {"infra", "terraform"}
    assert len(names) == 2


# Compose, Docker, GitHub

COMPOSE = {
    "compose.yml": """\
        x-common: &common
          restart: unless-stopped
        services:
          web:
            <<: *common
            image: ghcr.io/acme/web:${TAG}
            env_file: web.env
            environment: {LEVEL: info}
            ports: ["8080:80"]
            labels: ["team=core"]
            cpu_count: 2
          db:
            image: postgres:16
    """,
    "web.env": "PORT=80\nLEVEL=debug\n",
    "Dockerfile": """\
        ARG BASE=node:22
        FROM ${BASE} AS build
        ARG UID
        RUN npm ci \\
         && npm run build
        FROM build
        COPY --from=build --chown=app /src /app/
        ENV A=1 B="${A}x"
        ARG TARGETARCH
        USER u${TARGETARCH}
        HEALTHCHECK --interval=5s CMD ["true"]
    """,
    ".github/workflows/ci.yml": """\
        name: CI
        on: push
        jobs:
          test:
            runs-on: ${{ matrix.os }}
            timeout-minutes: 30
            steps:
              - uses: actions/checkout@v4 # v4.2.2
                with: {fetch-depth: 0, version: 20.10}
              - run: echo ${{ github.actor }}
          call:
            uses: ./.github/workflows/other.yml
    """,
    ".github/actions/set-up/action.yml": """\
        name: Set up
        runs:
          using: composite
          steps:
            - uses: actions/setup-node@49933ea5288caeca8642d1e84afbd3f7d6820020
    """,
}


def test_a_service_of_compose_has_all_keys_as_docker_sees_them(tmp_path: Path) -> None:
    made = graph(tmp_path, COMPOSE)
    web, db = made.declarations(DeclarationKind.SERVICE)
    assert (web.id, db.id) == ("compose:services.web", "compose:services.db")
    assert shown(web.get("image"), tmp_path) == ("ghcr.io/acme/web:${TAG}", "ghcr.io/acme/web:${TAG}")
    assert isinstance(web.get("image"), Floating)
    assert shown(web.get("restart"), tmp_path) == ("unless-stopped", "unless-stopped")
    assert shown(web.get("environment", "PORT"), tmp_path) == ("80", "80")
    assert web.get("environment", "PORT").span.path == "web.env"
    assert shown(web.get("environment", "LEVEL"), tmp_path) == ("info", "info")
    assert web.plain("ports", 0, "published").value == "8080"  # type: ignore[union-attr]
    assert web.plain("labels").value == {"team": "core"}  # type: ignore[union-attr]
    assert shown(web.get("cpu_count"), tmp_path) == (2, "2")
    node = made.get(Service, "compose:services.web")
    assert node is not None
    assert made.declaration(node) is web
    assert made.made_of(web) == (node,)
    assert [each.id for each in made.made_of(db)] == ["compose:services.db", "compose:services.db/database"]


def test_an_instruction_has_its_words_as_buildkit_sees_them_and_knows_its_stage(tmp_path: Path) -> None:
    made = graph(tmp_path, COMPOSE)
    found = list(made.declarations(DeclarationKind.INSTRUCTION))
    assert [each.type for each in found] == [
        *("ARG", "FROM", "ARG", "RUN", "FROM", "COPY", "ENV", "ARG", "USER", "HEALTHCHECK")
    ]
    first, second, *_ = made.declarations(DeclarationKind.INSTRUCTION, "FROM")
    assert shown(first.get("image"), tmp_path) == ("node:22", "node:22")
    assert shown(first.get("stage"), tmp_path) == ("build", "build")
    assert isinstance(second.get("image"), Absent)
    assert shown(second.get("parent"), tmp_path) == ("build", "build")
    assert [each.type for each in made.inside(first)] == ["ARG", "RUN"]
    assert shown(found[3].get("script"), tmp_path)[0] == "npm ci  && npm run build"
    assert found[5].plain().value == {  # type: ignore[union-attr]
        "text": "/src /app/",
        "flags": {"from": "build", "chown": "app"},
        "sources": ["/src"],
        "target": "/app/",
    }
    assert found[6].plain("values").value == {"A": "1", "B": "x"}  # type: ignore[union-attr]
    assert isinstance(found[8].get("words", 0), Unknown)
    assert found[9].plain("words").value == ["true"]  # type: ignore[union-attr]
    stage = made.get(Stage, "dockerfile:Dockerfile#build")
    assert stage is not None
    assert made.declaration(stage) is first


def test_a_workflow_has_jobs_steps_and_all_that_these_use(tmp_path: Path) -> None:
    made = graph(tmp_path, COMPOSE)
    workflow, action = made.declarations(DeclarationKind.WORKFLOW)
    assert (workflow.name, workflow.type, action.name, action.type) == ("CI", "workflow", "Set up", "action")
    job, call = made.declarations(DeclarationKind.JOB)
    assert isinstance(job.get("runs-on"), Floating)
    assert shown(job.get("timeout-minutes"), tmp_path) == (30, "30")
    uses = {each.type: each for each in made.declarations(DeclarationKind.USES)}
    checkout = uses["actions/checkout"]
    assert shown(checkout.get("version"), tmp_path) == ("v4", "v4")
    assert shown(checkout.get("comment"), tmp_path) == ("v4.2.2", "v4.2.2")
    assert checkout.plain("with").value == {"fetch-depth": 0, "version": "20.10"}  # type: ignore[union-attr]
    assert uses["./.github/workflows/other.yml"].within == call.id
    assert uses["actions/setup-node"].span.path == ".github/actions/set-up/action.yml"
    steps = list(made.inside(job))
    assert [each.type for each in steps] == ["uses", "run"]
    assert shown(steps[1].get("run"), tmp_path) == ("echo ${{ github.actor }}",) * 2
    assert list(made.inside(steps[0])) == [checkout]


def test_what_has_no_name_keeps_its_id_when_something_else_is_put_before_it(tmp_path: Path) -> None:
    docker = "FROM node:22\nRUN one\nRUN two\n"
    steps = (
        "      - uses: actions/checkout@v4\n      - run: one\n      - run: two\n      - {name: Test it, run: three}\n"
    )
    head = "on: push\njobs:\n  it:\n    runs-on: ubuntu-24.04\n    steps:\n"
    workflow = ".github/workflows/ci.yml"
    before = graph(tmp_path / "before", {"Dockerfile": docker, workflow: head + steps})
    more = f"{head}      - uses: actions/cache@v4\n{steps}"
    after = graph(tmp_path / "after", {"Dockerfile": docker.replace("RUN one", "COPY . .\nRUN one"), workflow: more})
    for kind in (DeclarationKind.INSTRUCTION, DeclarationKind.STEP, DeclarationKind.USES):
        assert {each.id for each in before.declarations(kind)} < {each.id for each in after.declarations(kind)}
    assert [each.id.partition("#")[2] for each in before.declarations(DeclarationKind.STEP)] == [
        *("it.steps[actions/checkout]", "it.steps[run]", "it.steps[run](2)", "it.steps[Test it]")
    ]
    assert [each.id for each in before.declarations(DeclarationKind.INSTRUCTION)] == [
        *("dockerfile:Dockerfile#0[FROM]", "dockerfile:Dockerfile#0[RUN]", "dockerfile:Dockerfile#0[RUN](2)")
    ]


def test_what_is_asked_again_of_a_changed_tree_is_what_now_stands_there(tmp_path: Path) -> None:
    text = 'resource "acme_thing" "it" {\n  made = file("${path.module}/made.txt")\n}\n'
    kept = Kept()
    said = []
    for made in ("one", "one", "two"):
        write(tmp_path, {"main.tf": text, "made.txt": made})
        tree, plugins = discover.open_tree([tmp_path]), load(())
        work = Work(jobs=1, cache=False, kept=kept)
        found = engine.build_graph(tree, engine.load_config(tree, plugins), plugins, work).graph
        said.append(only(found, "acme_thing").plain("made"))
    assert [each.value for each in said if isinstance(each, Known)] == ["one", "one", "two"]


# rules of a stranger


@rule("ACME001", severity=Severity.ERROR, message="'{name}' keeps backups for '{days}' days.")
def short_backups(graph: Graph, _: object) -> Outcomes:
    """A database keeps its backups for less than a week."""
    for db in graph.resources("aws_db_instance"):
        kept = db.integer("backup_retention_period", default=0)
        if isinstance(kept, Known) and kept.value < 7:
            yield Finding(subject=db, at=kept, args={"name": db.name, "days": kept.value})
        yield from undecided(db, kept)


@rule("ACME002", severity=Severity.WARNING, message="'{name}' logs to '{group}', which keeps logs [for ever](1).")
def logs_kept_for_ever(graph: Graph, _: object) -> Outcomes:
    """A service logs to a group without a retention."""
    groups = {}
    for group in graph.resources("aws_cloudwatch_log_group"):
        name = group.text("name")
        if isinstance(name, Known):
            groups[name.value] = group
    for service in graph.resources("aws_ecs_service"):
        for task in service.refers_to("task_definition"):
            for container in task.blocks("container_definitions"):
                name = container.text("logConfiguration", "options", "awslogs-group")
                yield from undecided(service, name)
                found = groups.get(name.value) if isinstance(name, Known) else None
                if found is not None and isinstance(found.get("retention_in_days"), Absent):
                    args = {"name": service.name, "group": found.name}
                    yield Finding(subject=service, at=name, args=args, related=(found,))


@rule("ACME003", severity=Severity.ERROR, message="'{name}' comes from '{registry}'.")
def foreign_registry(graph: Graph, _: object) -> Outcomes:
    """An image comes from a registry that is not ours."""
    for service in graph.declarations(DeclarationKind.SERVICE):
        image = service.text("image")
        if isinstance(image, Known | Floating) and not image.value.startswith("ghcr.io/acme/"):
            yield Finding(subject=service, at=image, args={"name": service.name, "registry": image.value})
    for base in graph.declarations(DeclarationKind.INSTRUCTION, "FROM"):
        image = base.text("image")
        if isinstance(image, Known) and not image.value.startswith("ghcr.io/acme/"):
            yield Finding(subject=base, at=image, args={"name": base.name, "registry": image.value})
        yield from undecided(base, image)


STACK = {
    "infra/main.tf": """\
        variable "days" {}
        resource "aws_db_instance" "short" { backup_retention_period = 3 }
        resource "aws_db_instance" "none" { engine = "postgres" }
        resource "aws_db_instance" "long" { backup_retention_period = 14 }
        resource "aws_db_instance" "open" { backup_retention_period = var.days }
        resource "aws_cloudwatch_log_group" "app" { name = "/ecs/app" }
        resource "aws_ecs_task_definition" "app" {
          family = "app"
          container_definitions = jsonencode([{
            name  = "app"
            image = "nginx"
            logConfiguration = {
              logDriver = "awslogs"
              options   = { "awslogs-group" = aws_cloudwatch_log_group.app.name }
            }
          }])
        }
        resource "aws_ecs_service" "app" {
          name            = "app"
          task_definition = aws_ecs_task_definition.app.arn
        }
    """,
    **COMPOSE,
}


def said(found: Report, root: Path) -> set[tuple[str, str, str]]:
    """The message, the subject and the text at the place of every result."""
    at = ((each, (root / each.span.path).read_text("utf-8")[each.span.start : each.span.end]) for each in found.results)
    return {(each.message, each.subject, text) for each, text in at}


def test_three_ordinary_rules_of_a_stranger_can_be_written(tmp_path: Path) -> None:
    found = report(tmp_path, STACK, short_backups, logs_kept_for_ever, foreign_registry)
    assert found.failures == ()
    assert said(found, tmp_path) == {
        ("'aws_db_instance.short' keeps backups for '3' days.", "terraform:aws_db_instance.short", "3"),
        ("'aws_db_instance.none' keeps backups for '0' days.", "terraform:aws_db_instance.none", "none"),
        (
            "'aws_ecs_service.app' logs to 'aws_cloudwatch_log_group.app', which keeps logs [for ever](1).",
            "terraform:aws_ecs_service.app",
            "/ecs/app",
        ),
        ("'db' comes from 'postgres:16'.", "compose:services.db", "postgres:16"),
        ("'FROM' comes from 'node:22'.", "dockerfile:Dockerfile#build[FROM]", "node:22"),
    }
    assert [(each.rule, each.subject, each.reason) for each in found.undecided] == [
        ("ACME001", "terraform:aws_db_instance.open", "variable 'days' has no value in the repository")
    ]


def test_findings_of_a_system_in_a_folder_of_its_own_stand_in_the_whole_repository(tmp_path: Path) -> None:
    files = {f"{part}/{path}": text for part in ("shop", "blog") for path, text in STACK.items()}
    found = report(tmp_path, files, short_backups, foreign_registry)
    assert set(found.systems) == {"blog", "shop"}
    assert ("'aws_db_instance.short' keeps backups for '3' days.", "terraform:shop/aws_db_instance.short", "3") in said(
        found, tmp_path
    )
    assert {each.span.path.partition("/")[0] for each in found.results} == {"blog", "shop"}
    assert {each.subject.partition(":")[2].partition("/")[0] for each in found.undecided} == {"blog", "shop"}
    service, *_ = found.graph.declarations(DeclarationKind.SERVICE)
    assert service.id == "compose:blog/services.web"
    assert service.get("image").span.path == "blog/compose.yml"
    assert [each.id for each in found.graph.made_of(service)] == ["compose:blog/services.web"]
    (ecs, _) = found.graph.resources("aws_ecs_service")
    assert [each.id for each in ecs.refers_to("task_definition")] == ["terraform:blog/aws_ecs_task_definition.app"]


@rule("ACME004", severity=Severity.ERROR, message="'{name}' is '{value}'.")
def tells_a_secret(graph: Graph, _: object) -> Outcomes:
    """A rule that shows what it should not."""
    for thing in graph.resources("acme_thing"):
        for key in thing.given():
            value = thing.get(key)
            if isinstance(value, Known):
                yield Finding(subject=thing, at=value, args={"name": key, "value": value.value})


def test_no_report_shows_a_secret_that_a_rule_came_across(tmp_path: Path) -> None:
    files = {
        "main.tf": """\
            variable "inner" {
              sensitive = true
              default   = "Tr0ub4dor-and-3"
            }
            resource "acme_thing" "it" {
              master_password = "hunter2-hunter2-X"
              title           = "plain to see"
              made            = "pre-${var.inner}"
            }
        """
    }
    found = report(tmp_path, files, tells_a_secret)
    told = json_report.report(found)
    assert "plain to see" in told
    assert "hunter2" not in told
    assert "Tr0ub4dor" not in told


def test_what_cannot_be_read_is_told_when_a_rule_asks_for_it_and_only_then(tmp_path: Path) -> None:
    files = {"main.tf": 'resource "acme_thing" "it" {\n  a = [1,\n}\nresource "aws_db_instance" "x" {}\n'}

    @rule("ACME005", severity=Severity.ERROR, message="'{name}'.")
    def every_thing(graph: Graph, _: object) -> Outcomes:
        """All of them."""
        for thing in graph.resources("acme_thing"):
            yield Finding(subject=thing, at=thing, args={"name": thing.name})

    asked = report(tmp_path, files, every_thing)
    unasked = report(tmp_path, files, short_backups)
    assert [each.span.path for each in asked.failures if each.span is not None] == ["main.tf"]
    assert asked.results == ()
    assert unasked.failures == ()
