"""A small system that rules in YAML are held against, and what they say of it."""

from __future__ import annotations

import tempfile
import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from msgspec import convert

from policyengine import engine, plugins
from policyengine.model.source import UsageError
from policyengine.repository import discover
from policyengine.rules.declarative import yaml_pack
from policyengine.rules.rule import Finding, Pack, Undecided
from tests import trees

if TYPE_CHECKING:
    from policyengine.engine import Scanned
    from policyengine.model.source import Span

TREE = {
    "docker-compose.yml": """\
        services:
          web:
            image: ghcr.io/acme/web:${TAG}
            ports: ["127.0.0.1:8080:80", "9000:9000"]
            environment:
              REGION: eu-west-1
              DB_PASSWORD: hunter2-hunter2
              PEER: ${PEER}
            labels:
              team: shop
            logging:
              driver: json-file
          api:
            image: docker.io/acme/api:1.4.2
            env_file: [missing.env]
            privileged: true
            profiles: [debug, test]
            depends_on: [db]
          db:
            image: postgres:16.4
        """,
    "Dockerfile": """\
        FROM node:22-bookworm AS build
        RUN npm ci
        FROM node:22-bookworm
        USER node
        CMD ["node", "server.js"]
        """,
    "main.tf": """\
        variable "days" {}
        variable "zones" {}

        provider "aws" {
          region = "eu-west-1"
        }

        resource "aws_db_instance" "main" {
          engine                  = "postgres"
          engine_version          = "16.9"
          storage_encrypted       = true
          backup_retention_period = var.days
          tags                    = { team = "shop", Owner = var.days }
        }

        resource "aws_db_instance" "reports" {
          engine                  = "postgres"
          engine_version          = "16"
          backup_retention_period = 3
        }

        resource "aws_security_group" "open" {
          name = "acme-${var.days}"

          ingress {
            from_port   = 22
            to_port     = 22
            cidr_blocks = ["10.0.0.0/8", "0.0.0.0/0"]
          }

          ingress {
            from_port   = 443
            to_port     = 443
            cidr_blocks = var.zones
          }
        }

        resource "aws_s3_bucket" "logs" {
          bucket = "acme-logs"
        }

        resource "aws_s3_bucket" "files" {
          bucket = "acme-files"
        }

        resource "aws_s3_bucket_versioning" "files" {
          bucket = aws_s3_bucket.files.id

          versioning_configuration {
            status = "Enabled"
          }
        }

        data "aws_ami" "base" {
          owners = ["amazon"]
        }

        module "vpc" {
          source  = "terraform-aws-modules/vpc/aws"
          version = "5.1.0"
        }
        """,
    ".github/workflows/ci.yml": """\
        name: CI
        on: [push]
        permissions:
          contents: read
        jobs:
          test:
            runs-on: ubuntu-latest
            timeout-minutes: 10
            steps:
              - uses: actions/checkout@v4
              - uses: ./.github/actions/setup
              - run: npm test
                working-directory: web
          lint:
            runs-on: ubuntu-latest
            steps:
              - run: npm run lint
        """,
}


@cache
def system() -> Scanned:
    """The system as it is read, once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        trees.write(Path(folder), TREE)
        tree = discover.open_tree([Path(folder)], None)
        loaded = plugins.environment()
        scanned = engine.build_graph(tree, engine.load_config(tree, loaded), loaded, engine.Work(jobs=1, cache=False))
        list(scanned.graph.resources())  # what is read when it is asked for
        return scanned


def pack(folder: Path, text: str) -> Pack[Any]:
    """The pack in a text."""
    path = folder / "acme.yaml"
    path.write_text(textwrap.dedent(text), "utf-8")
    return yaml_pack(path)


def refused(folder: Path, text: str) -> str:
    """What is said of a text that is no pack, without the folder."""
    with pytest.raises(UsageError) as error:
        pack(folder, text)
    return str(error.value).replace(f"{folder}/", "")


def said(folder: Path, select: str, require: str, message: str = "'{name}'", **more: object) -> list[str]:
    """What one rule says: `line:column text` of a finding, `? line:column reason` of what is open."""
    extra = dict(more)
    options = extra.pop("options", {})
    names = extra.pop("parameters", {})
    roots = select.partition("{")[2].partition(":")[0].strip() or select
    root = "local" if "pair" in select else roots
    rule = {
        "id": "ACME001",
        "summary": "A rule is broken.",
        "severity": "error",
        "select": _flow(select),
        "require": require,
        "message": message.replace("{name}", f"{{{root}.name}}"),
        **extra,
    }
    path = folder / "acme.yaml"
    path.write_text(yaml.safe_dump({"pack": "acme", "version": "1", "parameters": names, "rules": [rule]}), "utf-8")
    return judged(yaml_pack(path), options)


def _flow(select: str) -> object:
    return yaml.safe_load(select if select.startswith("{") else f"{{{select}: {{}}}}")


def judged(pack: Pack[Any], options: object = None) -> list[str]:
    """What the rules of a pack say of the system, in the order in which they do."""
    scanned = system()
    given = convert(options or {}, pack.options)

    def at(span: Span) -> str:
        source = scanned.sources[span.path]
        line, column = source.position(span.start)
        return f"{span.path}:{line}:{column}"

    lines = []
    for rule in pack.rules:
        for outcome in rule.check(scanned.graph, given):
            match outcome:
                case Finding():
                    place = outcome.at if isinstance(outcome.at, tuple) else outcome.at.span
                    lines.append(f"{at(place)} {rule.text(outcome)}")
                case Undecided(_, place, reason):
                    lines.append(f"? {at(place)} {reason}")
    return lines
