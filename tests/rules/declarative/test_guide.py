"""The guide to rules in YAML: each example says what it shows, of the files that it shows."""

from __future__ import annotations

import re
import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine import cli, engine
from policyengine.rules.declarative import yaml_pack
from policyengine.rules.declarative.__main__ import page
from tests import trees

if TYPE_CHECKING:
    from _pytest.capture import CaptureFixture
    from _pytest.tmpdir import TempPathFactory

GUIDE = (Path(__file__).parent.parent.parent.parent / "docs" / "yaml-rules.md").read_text("utf-8")
EXAMPLES = GUIDE.partition("\n## Examples\n")[2].partition("\n## What needs Python\n")[0]


def files() -> dict[str, str]:
    """The files that the examples are held against."""
    return dict(re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", EXAMPLES, re.DOTALL | re.MULTILINE))


@cache
def blocks(language: str, start: str) -> tuple[str, ...]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", EXAMPLES, re.DOTALL | re.MULTILINE)
    return tuple(each for each in found if each.startswith(start))


def pack() -> str:
    rules = "".join(textwrap.indent(each, "  ") for each in blocks("yaml", "- id:"))
    (parameters,) = blocks("yaml", "parameters:")
    return f"pack: acme\n{parameters}rules:\n{rules}"


def test_every_example_says_what_it_shows(tmp_path: Path) -> None:
    trees.write(tmp_path, {"acme.yaml": pack(), **{f"tree/{name}": text for name, text in files().items()}})
    report = engine.scan([tmp_path / "tree"], packs=[str(tmp_path / "acme.yaml")], select=["ACME"], jobs=1)
    assert report.failures == ()

    def at(path: str, start: int) -> str:
        line, column = report.sources[path].position(start)
        return f"{path}:{line}:{column}"

    said = [
        f"{at(each.span.path, each.span.start)}: {each.severity.value}[{each.rule.id}] {each.message}"
        + (f" {each.finding.fix.description.capitalize()}." if each.finding.fix is not None else "")
        for each in report.results
    ]
    said += [f"{at(each.span.path, each.span.start)}: open[{each.rule}] {each.reason}" for each in report.undecided]
    shown = [line for each in blocks("text", "") for line in each.splitlines()]
    assert sorted(said) == sorted(shown)


def test_the_first_rule_of_the_guide_is_a_pack(tmp_path: Path) -> None:
    (text,) = re.findall(r"^`acme.yaml`:\n\n```yaml\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    (tmp_path / "acme.yaml").write_text(text)
    assert [rule.id for rule in yaml_pack(tmp_path / "acme.yaml").rules] == ["ACME001"]


def test_the_page_of_fields_is_current() -> None:
    written = (Path(__file__).parent.parent.parent.parent / "docs" / "reference" / "conditions.md").read_text("utf-8")
    assert written == page(), "run: python -m policyengine.rules.declarative docs/reference/conditions.md"


def test_the_query_of_the_guide_gives_what_it_shows(
    tmp_path_factory: TempPathFactory, capsys: CaptureFixture[str]
) -> None:
    folder = tmp_path_factory.mktemp("guide")
    trees.write(folder, files())
    command, *shown = re.search(r"```sh\n\$ policyengine query (.*?)```", GUIDE, re.DOTALL)[1].splitlines()  # type: ignore[index]
    expression, where = re.findall(r"'([^']*)'", command)
    assert cli.main(["query", expression, str(folder), "--where", where, "--jobs", "1"]) == cli.CLEAN
    assert capsys.readouterr().out.replace(f"{folder}/", "").splitlines() == shown
