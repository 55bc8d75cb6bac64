"""`policyengine test`: what it says of cases that pass and of cases that fail, and its exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from policyengine import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACK = """
from pathlib import Path
from msgspec import Struct
from policyengine.api import Finding, Pack, Service, Severity, Side, Undecided, hookimpl, rule

class Options(Struct, frozen=True, forbid_unknown_fields=True):
    pass

@rule("ACME001", mandate="1", severity=Severity.WARNING, message="'{name}' is called after the web.")
def named(graph, options):
    '''A service is called web.'''
    for each in graph.all(Service, side=Side.LOCAL):
        if each.name == "web":
            yield Finding(subject=each, at=each, args={"name": each.name})
        if each.name == "maybe":
            yield Undecided(each, each.span, "nobody knows")

@rule("ACME002", mandate="1", severity=Severity.NOTE, message="'{name}' is odd.")
def odd(graph, options):
    '''A service is odd.'''
    for each in graph.all(Service, side=Side.LOCAL):
        if each.name == "crash":
            raise RuntimeError("out of paper")
    return
    yield

@hookimpl
def policyengine_pack():
    return Pack(name="acme", version="1.0.0", rules=(named, odd), mandates={"1": "Names are good."}, options=Options,
                cases=Path(__file__).with_name("cases"))
"""
COMPOSE = "services:\n  shop:\n    image: nginx:1.27\n"
GOOD = """\
- name: a service of that name
  edit:
    docker-compose.yml: {replace: shop, with: «web»}
  findings:
    - warning: "'web' is called after the web."
- name: another name is fine
  edit:
    docker-compose.yml: {replace: shop, with: store}
- name: nobody knows
  edit:
    docker-compose.yml: {replace: shop, with: «?|maybe»}
"""


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    for name in [each for each in sys.modules if each.startswith("acme")]:
        del sys.modules[name]


def run(folder: Path, cases: dict[str, str], *words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    (folder / "acme.py").write_text(PACK)
    for name, text in {"reference/docker-compose.yml": COMPOSE, **cases}.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    code = cli.main(["test", str(folder / "acme.py"), *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_cases_that_pass_are_counted_by_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, {"cases/ACME001.yaml": GOOD}, capsys=capsys) == (
        0,
        f"acme 1.0.0  {tmp_path}/acme.py\n✓ ACME001  3 cases\n\n3 cases of 1 rule passed\n",
        "",
    )


def test_a_failing_case_is_shown_as_marked_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = """\
- name: the mark is one letter too long
  edit:
    docker-compose.yml: {replace: "shop:", with: "«web:»"}
"""
    code, out, err = run(tmp_path, {"cases/ACME001.yaml": cases}, capsys=capsys)
    assert (code, err) == (1, "")
    assert (
        out
        == f"""\
acme 1.0.0  {tmp_path}/acme.py
✗ ACME001  1 case
  the mark is one letter too long
    found, but not marked: ACME001 at docker-compose.yml:2:3
         2 │   web:
           │   ^^^
      warning: 'web' is called after the web.
    marked, but not found: ACME001 at docker-compose.yml:2:3
         2 │   web:
           │   ^^^^
    what is found, as a case states it:
      findings:
        - warning: "'web' is called after the web."
          subject: "compose:services.web"

1 of 1 case failed
"""
    )


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("{replace: shop, with: web}", "found, but not marked: ACME001 at docker-compose.yml:2:3"),
        ("{replace: shop, with: «store»}", "marked, but not found: ACME001 at docker-compose.yml:2:3"),
        ("{replace: shop, with: «ACME002|store»}", "marked, but not found: ACME002 at docker-compose.yml:2:3"),
        ("{replace: shop, with: «?|store»}", "marked, but not found: ACME001 is undecided here at docker-compose.yml:2:3"),
        ("{replace: shop, with: crash}", "failure: None: rule ACME002 crashed: RuntimeError"),
        ("{replace: stop, with: web}", "ACME001, x: 'replace' must match once in docker-compose.yml, not 0 times"),
    ],
)  # fmt: skip
def test_what_is_too_much_or_missing_fails(
    case: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = f"- name: x\n  edit:\n    docker-compose.yml: {case}\n"
    code, out, err = run(tmp_path, {"cases/ACME001.yaml": cases}, capsys=capsys)
    assert (code, err) == (1, "")
    assert said in out
    assert out.endswith("\n1 of 1 case failed\n")


def test_a_statement_that_nothing_fits_is_shown_beside_what_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(tmp_path, {"cases/ACME001.yaml": GOOD.replace("is called", "was called")}, capsys=capsys)
    assert code == 1
    assert "    stated, not found: warning of ACME001: 'web' was called after the web.\n" in out
    assert "- warning: \"'web' is called after the web.\"" in out
    assert out.endswith("\n1 of 3 cases failed\n")


def test_what_is_left_unstated_fails_only_under_strict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(tmp_path, {"cases/ACME001.yaml": GOOD}, "--strict", capsys=capsys)
    assert code == 1
    assert "stated, not found: warning of ACME001: 'web' is called after the web." in out


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"cases/ACME001.yaml": GOOD}, "✗ ACME002 has no diverging and no guarding case\n"),
        (
            {
                "cases/ACME001.yaml": GOOD.partition("- name: another")[0],
                "cases/ACME002.yaml": "- name: x\n  edit: {}\n",
            },
            "✗ ACME001 has no guarding case\n✗ ACME002 has no diverging case\n",
        ),
    ],
)
def test_coverage_names_rules_that_no_case_reports_or_none_spares(
    files: dict[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, files, capsys=capsys)[0] == 0
    code, out, _ = run(tmp_path, files, "--coverage", capsys=capsys)
    assert code == 1
    count = said.count("\n")
    assert f"\n\n{said}" in out
    assert out.endswith(f" passed; {count} rule{'s' * (count > 1)} without a case of either kind\n")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("ACME009", GOOD, "  ACME009.yaml: there is no rule 'ACME009' in the pack 'acme'\n"),
        ("ACME002", "- name: [x\n", "  ACME002.yaml:2:1: not valid YAML: "),
        ("ACME002", "- nam: x\n  edit: {}\n", "  ACME002.yaml:1:3: '0' lacks the key 'name'; there is none called 'nam'\n"),
        ("ACME002", "- name: x\n  edit: {a: {create: «x}}\n", "  ACME002.yaml:1:3: a: a '«' is not closed\n"),
        (
            "ACME002",
            "- name: x\n  edit: {a: {create: x}}\n- name: y\n  edit: {../a: {create: x}}\n",
            "  ACME002.yaml:3:3: '../a' leads out of the tree; a path begins at its root, as 'infra/main.tf'\n",
        ),
        ("ACME002", "[]\n", "  ACME002.yaml holds no case\n"),
    ],
)  # fmt: skip
def test_a_case_file_that_cannot_be_used_fails_and_loses_no_other(
    name: str, text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(tmp_path, {"cases/ACME001.yaml": GOOD, f"cases/{name}.yaml": text}, capsys=capsys)
    assert (code, err) == (1, "")
    assert "✓ ACME001  3 cases\n" in out
    assert said in out
    assert out.endswith("\n3 cases of 1 rule passed; 1 case file cannot be used\n")


def test_only_the_cases_of_the_rules_that_are_named_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(tmp_path, {"cases/ACME001.yaml": GOOD, "cases/ACME002.yaml": GOOD}, "ACME001", capsys=capsys)
    assert (code, "ACME002" in out) == (0, False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "the pack 'nowhere' is not loaded, and no such file is there; loaded are clean-hexagon"),
        (["{folder}/gone.py"], "policy pack '{folder}/gone.py' has no file {folder}/gone.py"),
        (["{folder}/acme.py"], "the pack 'acme' has no cases in '{folder}/cases'; give it Pack(cases=…), the folder of them; one in YAML has them in 'cases' beside its file"),
        (["clean-hexagon", "--reference", "{folder}/gone"], "--reference '{folder}/gone' is no folder"),
    ],
)  # fmt: skip
def test_what_is_no_pack_with_cases_is_wrong_usage(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "acme.py").write_text(PACK)
    code = cli.main(["test", *(word.format(folder=tmp_path) for word in words)])
    out, err = capsys.readouterr()
    assert (code, out, err) == (2, "", f"policyengine: {said.format(folder=tmp_path)}\n")


def test_colour_is_for_terminals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b" not in run(tmp_path, {"cases/ACME001.yaml": GOOD}, capsys=capsys)[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[32m✓\x1b[0m ACME001" in run(tmp_path, {"cases/ACME001.yaml": GOOD}, capsys=capsys)[1]


@pytest.mark.parametrize(("ids", "said"), [([], ""), (["ACME002"], " of ACME002")])
def test_a_folder_without_cases_is_wrong_usage(
    ids: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cases").mkdir()
    code, _, err = run(tmp_path, {}, *ids, capsys=capsys)
    assert (code, err) == (2, f"policyengine: there are no cases{said} in '{tmp_path}/cases'\n")
