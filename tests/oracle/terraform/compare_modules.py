"""Compares modules of several files with `terraform plan`, and records what Terraform makes of their outputs.

python tests/oracle/terraform/compare_modules.py            # print where we differ from the record
python tests/oracle/terraform/compare_modules.py --record   # ask Terraform anew

The plan of a configuration without providers tells each output's value, and which parts of it are known only after
apply. What is known at plan time must be known and equal here. What is not known then must not be known here either, or
be what it is after apply: `terraform_data.x.output` is its input, which the plan does not say.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.values import Tree

HERE = Path(__file__).parent
UNKNOWN = "<known only after apply>"

Value = str | bool | Fraction | None | list["Value"] | dict[str, "Value"]


class Case(NamedTuple):
    """A tree of files with its root module, its workspace and the variable files named on the command line."""

    name: str
    files: dict[str, str]
    root: str = ""
    workspace: str = ""
    var_file: str = ""
    installed: bool = False


_OPTION = re.compile(r" (root|workspace|var-file|installed)=(\S+)")


def cases() -> list[Case]:
    """The cases of the suite."""
    found: list[Case] = []
    for text in ("\n" + (HERE / "modules.txt").read_text("utf-8")).split("\n=== ")[1:]:
        head, _, rest = text.partition("\n")
        options = dict(_OPTION.findall(head))
        files: dict[str, str] = {}
        for part in ("\n" + rest.rstrip("\n") + "\n").split("\n--- ")[1:]:
            path, _, content = part.partition("\n")
            content = re.sub(r"\\r$", "\r", content, flags=re.MULTILINE).replace("\\BOM", "\ufeff")
            files[path] = content if not content or content.endswith("\n") else content + "\n"
        found.append(
            Case(
                _OPTION.sub("", head),
                files,
                options.get("root", ""),
                options.get("workspace", ""),
                options.get("var-file", ""),
                installed="installed" in options,
            )
        )
    return found


def loads(text: str) -> Value:
    """JSON with exact numbers."""
    value: Value = json.loads(text, parse_int=Fraction, parse_float=Fraction)
    return value


def terraform(case: Case) -> dict[str, Value]:
    """The outputs by name as Terraform plans them (`planned`), and those after apply (`applied`) that differ.

    Raises:
        SystemExit: Terraform refuses the case.
    """
    with tempfile.TemporaryDirectory() as folder:
        for path, text in case.files.items():
            place = Path(folder) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(text.encode())
        environment = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull, "TF_IN_AUTOMATION": "1", "NO_COLOR": "1"}
        environment |= {"GOMEMLIMIT": "2GiB", "GOGC": "off"}  # for a program that ends within a tenth of a second
        if case.workspace:
            environment["TF_WORKSPACE"] = case.workspace
        variables = [f"-var-file={case.var_file}"] if case.var_file else []
        init = [] if case.installed else [["init", "-backend=false", "-input=false"]]
        planning = [*init, ["plan", "-input=false", "-out=plan", *variables], ["show", "-json", "plan"]]
        outputs: list[str] = []
        for command in [*planning, ["apply", "-input=false", "plan"], ["output", "-json"]]:
            done = subprocess.run(
                ["terraform", *command],
                cwd=Path(folder) / case.root,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            if done.returncode:
                raise SystemExit(f"{case.name}: {done.stderr[:2000]}")
            outputs.append(done.stdout)
    changes = json.loads(outputs[-3], parse_int=Fraction, parse_float=Fraction).get("output_changes", {})
    done_outputs = json.loads(_UUID.sub("<uuid>", outputs[-1]), parse_int=Fraction, parse_float=Fraction)
    planned = {name: _planned(each.get("after"), each.get("after_unknown")) for name, each in sorted(changes.items())}
    applied = {name: each["value"] for name, each in sorted(done_outputs.items()) if planned[name] != each["value"]}
    return {"planned": planned, "applied": applied}


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def agrees(ours: Value, planned: Value, applied: Value) -> bool:
    """Whether our value is the planned one, and in the parts that are not known then unknown or the applied one."""
    if planned == UNKNOWN:
        return ours in (UNKNOWN, applied)
    if isinstance(planned, dict) and isinstance(ours, dict) and isinstance(applied, dict):
        return ours.keys() == planned.keys() and all(
            agrees(ours[key], planned[key], applied.get(key)) for key in planned
        )
    if isinstance(planned, list) and isinstance(ours, list) and isinstance(applied, list):
        return len(ours) == len(planned) == len(applied) and all(map(agrees, ours, planned, applied))
    return ours == planned


def differences(case: Case, record: Value) -> list[str]:
    """The outputs of a case that disagree with the record, each as a line."""
    mine = ours(case)
    if not isinstance(record, dict) or not isinstance(mine, dict):
        return [f"Terraform {record!r:.600}, ours {mine!r:.600}"]
    planned, applied = record["planned"], record["applied"]
    if not isinstance(planned, dict) or not isinstance(applied, dict):
        raise SystemExit("the record is damaged")
    return [
        f"{name}: Terraform {planned.get(name, '<absent>')!r}, ours {mine.get(name, '<absent>')!r}"
        for name in sorted({*planned, *mine})
        if name not in planned
        or name not in mine
        or not agrees(mine[name], planned[name], applied.get(name, planned[name]))
    ]


def _planned(after: Value, unknown: Value) -> Value:
    if unknown is True:
        return UNKNOWN
    if isinstance(unknown, dict):
        known = after if isinstance(after, dict) else {}
        return {key: _planned(known.get(key), unknown.get(key)) for key in sorted({*known, *unknown})}
    if isinstance(unknown, list) and unknown:
        listed = after if isinstance(after, list) else []
        return [
            _planned(listed[index] if index < len(listed) else None, unknown[index] if index < len(unknown) else False)
            for index in range(max(len(listed), len(unknown)))
        ]
    return after


@functools.cache
def version() -> str:
    """The version of the Terraform that is installed."""
    done = subprocess.run(["terraform", "version", "-json"], capture_output=True, text=True, check=True)
    return str(json.loads(done.stdout)["terraform_version"])


def ours(case: Case) -> Value:
    """The outputs as policyengine evaluates them, by name, or the first problem as a text."""
    from policyengine.platforms import Settings
    from policyengine.platforms.terraform import TerraformPart
    from policyengine.platforms.terraform.root_modules import read_roots
    from policyengine.testing.memory import Memory

    part = TerraformPart(
        root=case.root or ".",
        var_files=(case.var_file or "none.tfvars",),
        workspace=case.workspace or "default",
    )
    roots = read_roots(Memory(case.files), Settings(part, cache=False))
    ((_, project),) = roots.projects
    project.certain = True  # Terraform is run on the files alone
    found: dict[str, Value] = {}
    for name in sorted(project.folder.outputs):
        found[name] = shown(project.run(lambda name=name: project.value(("output", project.root, name))))  # type: ignore[misc]
    for problem in [*roots.problems.values(), *roots.syntaxes.problems.values()]:
        return f"refused: {problem.message} {problem.span}"
    return found


def shown(tree: Tree) -> Value:
    """A tree as JSON, with a mark for each part that is not known."""
    from policyengine.model.value import Known
    from policyengine.platforms.terraform.language.numbers import format_number
    from policyengine.platforms.terraform.language.values import (
        Composite,
        Encoded,
        InstanceTree,
        List,
        Object,
        decided,
        plain,
    )

    match tree:
        case InstanceTree(whole=whole) if whole is not None:
            return shown(whole())
        case List(items, gap=None, unordered=False):
            return [shown(each) for each in items]
        case List(items, gap=None) if all(map(decided, items)):
            return [shown(each) for each in items]
        case Object(entries, gap=None):
            return {key: shown(entries[key]) for key in sorted(entries)}
        case Known(bool() | str() | None as value):
            return value
        case Known(int() | Fraction() as number):
            return Fraction(format_number(number))
        case Composite() | Encoded() if decided(tree):
            return plain(tree)  # type: ignore[return-value]
        case _:
            return UNKNOWN


def _recorded(value: Value) -> object:
    """A value for the record; a number that no float holds would be lost, and is refused."""
    match value:
        case bool() | str() | None:
            return value
        case Fraction():
            number = int(value) if value.denominator == 1 else float(value)
            if isinstance(number, float) and Fraction(repr(number)) != value:
                raise SystemExit(f"{value} cannot be recorded as a number; make it a text")
            return number
        case list():
            return [_recorded(each) for each in value]
        case dict():
            return {key: _recorded(each) for key, each in value.items()}


def recorded() -> dict[str, Value]:
    """The record: the version of Terraform, and the outputs by case."""
    record = loads((HERE / "modules.json").read_text("utf-8"))
    if not isinstance(record, dict):
        raise SystemExit("the record is damaged")
    return record


def main() -> None:
    """Record, or print the differences."""
    if "--record" in sys.argv:
        lines = [
            f"  {json.dumps(case.name)}: {json.dumps(_recorded(terraform(case)), ensure_ascii=False)}"
            for case in cases()
        ]
        text = f'{{\n "terraform": {json.dumps(version())},\n "outputs": {{\n' + ",\n".join(lines) + "\n }\n}\n"
        (HERE / "modules.json").write_text(text, "utf-8")
    outputs = recorded()["outputs"]
    if not isinstance(outputs, dict):
        raise SystemExit("the record is damaged")
    wrong = 0
    for case in cases():
        found = differences(case, outputs.get(case.name))
        wrong += bool(found)
        if found:
            sys.stdout.write("\n   ".join([case.name, *found]) + "\n")
    sys.stdout.write(f"{len(cases()) - wrong} of {len(cases())} equal\n")


if __name__ == "__main__":
    main()
