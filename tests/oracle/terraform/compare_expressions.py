"""Compares expressions with `terraform console`, and records what Terraform makes of them.

python tests/oracle/terraform/compare_expressions.py            # print where we differ from the record
python tests/oracle/terraform/compare_expressions.py --record   # ask Terraform anew
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ERROR = "<error>"
UNKNOWN = "<unknown>"


def expressions() -> list[str]:
    """The expressions of the suite."""
    lines = (HERE / "expressions.txt").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def left_open() -> frozenset[str]:
    """Those that policyengine leaves open although Terraform has a value for them, or an error."""
    return frozenset((HERE / "open.txt").read_text("utf-8").splitlines())


def wrapped(expression: str) -> str:
    """An expression whose value is the JSON of another one, or the mark of an error."""
    return f'try(jsonencode({expression}), "{ERROR}")'


def terraform(found: list[str]) -> list[str]:
    """What `terraform console` makes of expressions, as JSON texts."""
    with tempfile.TemporaryDirectory() as folder:
        asked = ", ".join(wrapped(each) for each in found)
        query = f"nonsensitive(base64encode(jsonencode([{asked}])))\n"
        done = subprocess.run(
            ["terraform", "console"], cwd=folder, input=query, capture_output=True, text=True, timeout=120, check=False
        )
    unknown = done.stdout.strip() == "(known after apply)"
    if not done.stdout.strip() or done.returncode or unknown:
        if len(found) == 1:
            return [UNKNOWN if unknown else ERROR]
        half = len(found) // 2
        return terraform(found[:half]) + terraform(found[half:])
    if not re.fullmatch(r'"[A-Za-z0-9+/=]*"', done.stdout.strip()):
        raise SystemExit(f"terraform console answers {done.stdout[:300]!r} to {query[:300]!r}")
    answers: list[str] = json.loads(base64.b64decode(done.stdout.strip().strip('"')))
    return answers


def version() -> str:
    """The version of the Terraform that is installed."""
    done = subprocess.run(["terraform", "version", "-json"], capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["terraform_version"])


def ours(expression: str) -> str:
    """What policyengine makes of an expression, as JSON text."""
    from policyengine.model.source import Source
    from policyengine.platforms.terraform.language.values import decided, plain
    from policyengine.platforms.terraform.workspace.folders import read_folder
    from policyengine.platforms.terraform.workspace.project import Project
    from policyengine.platforms.terraform.workspace.syntaxes import Syntaxes

    source = Source("main.tf", f"locals {{\n  x = {wrapped(expression)}\n}}\n")
    syntaxes = Syntaxes()
    project = Project(read_folder("", [source]), lambda _: (), lambda _: None, lambda _: None, syntaxes)
    tree = project.run(lambda: project.value(("local", project.root, "x")))
    if syntaxes.problems:
        return ERROR
    return str(plain(tree)) if decided(tree) else f"unknown: {tree}"


def main() -> None:
    """Record, or print the differences."""
    file = HERE / "expressions.json"
    if "--record" in sys.argv:
        found = expressions()
        answers = zip(found, terraform(found), strict=True)
        record = {"terraform": version(), "values": {each: answer for each, answer in answers if answer != UNKNOWN}}
        file.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    values: dict[str, str] = json.loads(file.read_text("utf-8"))["values"]
    wrong = [(each, theirs, mine) for each, theirs in values.items() if (mine := ours(each)) != theirs]
    wrong = [found for found in wrong if found[0] not in left_open() or not found[2].startswith("unknown: ")]
    for each, theirs, mine in wrong:
        sys.stdout.write(f"{each}\n   Terraform  {theirs}\n   ours       {mine}\n")
    sys.stdout.write(f"{len(values) - len(wrong)} of {len(values)} equal\n")


if __name__ == "__main__":
    main()
