"""Expressions of which a part is open, and what is left of them: places of values aside, all that a tree says."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from policyengine.model.value import Known, Unknown
from policyengine.platforms import Settings
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.language.plain import to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    Reference,
    Tree,
)
from policyengine.platforms.terraform.root_modules import read_roots
from policyengine.testing.memory import Memory

EXPRESSIONS = Path(__file__).with_name("open_expressions.txt")
ORACLE = Path(__file__).parent.parent / "oracle" / "terraform" / "expressions.json"
FILES = {
    "main.tf": """
variable "x" {}
variable "level" { default = "low" }
resource "aws_lb" "a" { name = "front" }
resource "aws_lb" "many" {
  count = 2
  name  = "many-${count.index}"
}
resource "aws_lb" "each" {
  for_each = { k = "v" }
  name     = "${each.key}-${each.value}"
}
locals {
  later  = aws_lb.a.arn
  name   = "${aws_lb.a.arn}-b"
  list   = ["a", var.x]
  map    = { a = "b", c = var.x }
  set    = toset(["a", var.x])
  gap    = concat(["a"], var.x)
  gapmap = merge({ a = "b" }, var.x)
  doc    = jsonencode({ a = var.x })
  loop   = local.loop2
  loop2  = local.loop
}
module "inner" {
  source = "./inner"
  given  = "handed"
}
module "far" {
  source = "acme/far/aws"
}
""",
    "inner/main.tf": """
variable "given" {}
resource "aws_lb" "b" {}
output "given" { value = var.given }
output "late" { value = aws_lb.b.arn }
""",
    "t.tftpl": "<${v}>",
    "bad.tftpl": "${",
    "f.txt": "text\n",
    "dir/one.txt": "1",
    "dir/two.txt": "2",
    "dir/deep/three.txt": "3",
}


def shown(tree: Tree) -> str:
    """A tree as one line: `?` before why a part is open, `←` before what it passed."""
    steps = "".join(f" ← {step.what}" for step in tree.via) if tree.via else ""
    return f"{_shown(tree)}{steps}"


def _shown(tree: Tree) -> str:
    match tree:
        case Known(str() as text):
            return json.dumps(text, ensure_ascii=False)
        case Known(None):
            return "null"
        case Known(value):
            return to_string(value)
        case Unknown(reason):
            return f"?({reason})"
        case Reference():
            return f"<{tree.text}>"
        case Composite(parts):
            return f"text({' + '.join(map(shown, parts))})"
        case Encoded(inner, form):
            return f"{form}({shown(inner)})"
        case List(items, gap=gap, unordered=unordered):
            inside = [*map(shown, items), *([f"…{shown(gap)}"] if gap is not None else [])]
            return f"{'set' if unordered else ''}[{', '.join(inside)}]"
        case Object(entries, gap=gap):
            inside = [f"{key} = {shown(each)}" for key, each in entries.items()]
            return f"{{{', '.join([*inside, *([f'…{shown(gap)}'] if gap is not None else [])])}}}"
        case _:
            return f"whole<{tree.address}>"


def values() -> str:
    """Each expression with what it is."""
    return _values(EXPRESSIONS.read_text("utf-8").splitlines())


def refused() -> str:
    """Each expression that Terraform refuses, and why we do."""
    recorded = json.loads(ORACLE.read_text("utf-8"))["values"]
    return _values([each for each, value in recorded.items() if value == "<error>"])


def _values(lines: list[str]) -> str:
    given = [line for line in lines if not line.startswith("#")]
    text = "locals {\n" + "".join(f"  v{number} = {each}\n" for number, each in enumerate(given)) + "}\n"
    files = Memory({**FILES, "values.tf": text})
    ((_, project),) = read_roots(files, Settings(TerraformPart(root="."), cache=False)).projects
    numbers = iter(range(len(given)))
    made = []
    for line in lines:
        if line.startswith("#"):
            made.append(line)
        else:
            name = f"v{next(numbers)}"
            tree = project.run(partial(project.value, ("local", project.root, name)))
            made.append(f"{line}\n    {shown(tree)}")
    return "\n".join(made) + "\n"
