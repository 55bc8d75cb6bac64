"""What addresses of a small root module lead to, one line each: value, reason and way, or why there is nothing.

The errors are sentences that a user reads, so that what is near is held as well.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from policyengine.model.explanation import AddressError, Explanation
from policyengine.platforms import Settings
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.resources import addresses
from policyengine.platforms.terraform.root_modules import read_roots
from policyengine.testing.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.platforms.terraform.plan.planned import Planned

FILES = {
    "main.tf": """\
variable "size" {
  default = 2
}
variable "names" {}
variable "token" {
  sensitive = true
  default   = "correct-horse"
}
locals {
  url   = "http://${var.token}@db:5432"
  list  = ["a", "b", { c = var.size }]
  doc   = jsonencode({ env = [{ name = "A", value = "1" }], "a.b" = true })
  yaml  = "x: {z: [1, 2]}"
  open  = var.names
  none  = null
  wrong = "a" + 1
}
resource "aws_db_instance" "main" {
  engine   = "postgres"
  password = "hunter2-hunter2"
  db_name  = local.open
  timeouts {
    create = "1h"
  }
  timeouts {
    create = "${var.size}h"
  }
}
resource "aws_sqs_queue" "many" {
  for_each = toset(["blue", "green"])
  name     = "q-${each.key}"
}
resource "aws_sqs_queue" "six" {
  count = 6
  name  = "q-${count.index}"
}
resource "aws_sqs_queue" "no" {
  count = 0
}
resource "aws_sqs_queue" "open" {
  for_each = var.names
  name     = each.key
}
data "aws_ssm_parameter" "one" {
  name = "/one"
}
module "api" {
  for_each = { "eu.west" = 1, us = 2 }
  source   = "./api"
  count_   = each.value
}
module "open" {
  for_each = var.names
  source   = "./api"
}
module "far" {
  source = "acme/far/aws"
  size   = var.size
  tags   = { team = "core" }
}
module "bare" {
  source = "git::https://example.com/bare.git"
}
output "size" {
  value = var.size
}
output "empty" {}
""",
    "api/main.tf": """\
variable "count_" {
  default = 0
}
resource "aws_s3_bucket" "files" {
  bucket = "files-${var.count_}"
}
output "double" {
  value = var.count_ * 2
}
""",
}

ASKED = ["", "var.size", "var.sise", "var.nothing_like_it", "var", "var.names", "var.token", "var.size.more", "local.url", "local.list", "local.list[0]", "local.list.1", "local.list[2].c", "local.list[3]", 'local.list["a"]', "local.doc", "local.doc.env[0].value", 'local.doc["a.b"]', "local.doc.evn", "local.yaml.x.z[1]", "local.open", "local.open.x", "local.none", "local.none.x", "local.wrong", "local.lists", "output.size", "output.empty", "output.sizes", "aws_db_instance.main", "aws_db_instance.main.engine", "aws_db_instance.main.password", "aws_db_instance.main.db_name", "aws_db_instance.main.address", "aws_db_instance.main.engin", "aws_db_instance.main.timeouts", "aws_db_instance.main.timeouts.create", "aws_db_instance.main.timeouts[1].create", "aws_db_instance.main.timeouts[2].create", 'aws_db_instance.main.timeouts["x"].create', "aws_db_instance.main[0].engine", "aws_db_instance.mian.engine", "aws_db_instance", "aws_sqs_queue.many.name", 'aws_sqs_queue.many["blue"].name', 'aws_sqs_queue.many["bleu"].name', "aws_sqs_queue.many[0].name", "aws_sqs_queue.six.name", "aws_sqs_queue.six[5].name", "aws_sqs_queue.six[6].name", "aws_sqs_queue.no.name", "aws_sqs_queue.no[0].name", "aws_sqs_queue.open.name", 'aws_sqs_queue.open["x"].name', "data.aws_ssm_parameter.one.name", "data.aws_ssm_parameter.one.value", "data.aws_ssm_parameter.two.name", "data", "module.api", 'module.api["us"]', 'module.api["eu.west"].double', 'module.api["eu.west"].count_', 'module.api["us"].output.double', 'module.api["us"].var.count_', 'module.api["us"].aws_s3_bucket.files.bucket', 'module.api["us"].aws_s3_bucket.file.bucket', 'module.api["us"].doubel', 'module.api["asia"].double', "module.api.double", "module.open.double", 'module.open["x"].double', "module.far", "module.far.size", "module.far.tags.team", "module.far.arn", "module.bare.arn", "module.apis.double", "module", ".var.size", "var..size", "var.size]", "[0]", "var.size.", "var size", "", ""][1:-1]  # fmt: skip


def told() -> str:
    """Each address with what it leads to, and one address where no root module is."""
    roots = read_roots(Memory(FILES), Settings(TerraformPart(), jobs=1, cache=False)).planned
    lines = [line for address in ASKED for line in (address, *(f"    {each}" for each in _answers(roots, address)))]
    return "\n".join([*lines, "no root module", *(f"    {each}" for each in _answers((), "var.size"))]) + "\n"


def _answers(roots: Sequence[Planned], address: str) -> Iterator[str]:
    try:
        found = addresses.explain(roots, address)
    except AddressError as error:
        yield f"nothing at depth {error.depth}: {error}"
        return
    yield from _told(found)


def _told(found: Explanation) -> Iterator[str]:
    value = f" {json.dumps(found.value)}" if found.value is not None else ""
    reason = f" ({found.reason})" if found.reason else ""
    secret = " secret" if found.secret else ""
    yield f"{found.state}{secret}{value}{reason}"
    for step in found.steps:
        text = FILES.get(step.span.path, "")[step.span.start : step.span.end].partition("\n")[0]
        yield f"← {step.what} {step.span.path} «{text}»"
    for part in found.parts:
        yield f"  {part.address}"
        yield from (f"    {each}" for each in _told(part))
