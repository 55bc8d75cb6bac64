"""The case harness tells every way in which a finding differs from what its case states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.testing import CaseError, Mark, check, edited, load_cases

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins

REFERENCE = {
    "docker-compose.yml": "services:\n  db:\n    image: postgres:14.4\n",
    "main.tf": (
        'resource "aws_db_instance" "db" {\n  engine         = "postgres"\n'
        '  engine_version = "14.4"\n  auto_minor_version_upgrade = false\n}\n'
    ),
}
WHOLE = """\
- name: one minor behind
  edit:
    docker-compose.yml:
      replace: "postgres:14.4"
      with: "«postgres:14.3»"
    main.tf:
      keep: '= "«1|14.4»"'
  findings:
    - error: "'db' runs Postgres '14.3', but [the cloud](1) runs '14.4'."
      subject: compose:services.db/database
      pair: terraform:aws_db_instance.db
      fix: run Postgres 14.4
      becomes: "image: postgres:14.4"
"""
OPEN = """\
- name: a variable decides
  edit:
    main.tf:
      replace: '"14.4"'
      with: var.version
    variables.tf:
      create: |
        variable "«?HEX401|version»" {}
  open:
    - reason: variable 'version' has no value in the repository
      rule: HEX401
      subject: compose:services.db/database
"""


def run(text: str, folder: Path, installed: Plugins, *, strict: bool = True) -> str:
    """What the harness says of the only case in `text`; empty when it passes."""
    file = folder / "HEX402.yaml"
    file.write_text(text, "utf-8")
    (case,) = load_cases(file)
    try:
        check(case, REFERENCE, folder / "tree", installed, strict=strict)
    except CaseError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("text", [WHOLE, OPEN])
def test_a_case_that_states_everything_passes(text: str, tmp_path: Path, installed: Plugins) -> None:
    assert run(text, tmp_path, installed) == ""
    assert run(text, tmp_path, installed, strict=False) == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("«postgres:14.3»", "postgres:«14.3»", "reported, not marked: HEX402 at docker-compose.yml:3 «postgres:14.3»"),
        ("«postgres:14.3»", "postgres:«14.3»", "marked, not reported: HEX402 at docker-compose.yml:3 «14.3»"),
        ("«postgres", "«HEX401|postgres", "marked, not reported: HEX401 at docker-compose.yml:3 «postgres:14.3»"),
        ("«1|14.4»", "«1|14».4", "reported, not marked: HEX402 links (1) at main.tf:3 «14.4»"),
        ("«1|", "«2|", "marked, not reported: HEX402 links (2) at main.tf:3 «14.4»"),
        ("«1|", "«HEX401:1|", "marked, not reported: HEX401 links (1) at main.tf:3 «14.4»"),
        ("error:", "warning:", "stated, not found"),
        ("'db' runs Postgres", "'db' runs  Postgres", "stated, not found"),
        ("subject: compose:services.db/database", "subject: compose:services.db", "stated, not found"),
        ("pair: terraform:aws_db_instance.db", "pair: terraform:aws_db_instance.other", "stated, not found"),
        ("pair: terraform:aws_db_instance.db", "pair: terraform:aws_db_instance.db (uncertain)", "stated, not found"),
        ("fix: run Postgres 14.4", "fix: run Postgres 14.5", "stated, not found"),
        ('becomes: "image: postgres:14.4"', 'becomes: "image: postgres:14.5"', "stated, not found"),
        ('becomes: "image: postgres:14.4"', 'becomes: {main.tf: "image: postgres:14.4"}', "stated, not found"),
        ("    - error", "    - rule: HEX401\n      error", "stated, not found"),
    ],
)
def test_whatever_is_stated_wrongly_fails(old: str, new: str, said: str, tmp_path: Path, installed: Plugins) -> None:
    assert old in WHOLE
    for strict in (True, False):
        assert said in run(WHOLE.replace(old, new), tmp_path, installed, strict=strict)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("«?HEX401|version»", '«?HEX401|version"»'),
        ("«?HEX401|version»", "«?|version»"),
        ("has no value in the repository", "has no default"),
        ("subject: compose:services.db/database", "subject: compose:services.db"),
        ("rule: HEX401", "rule: HEX401, HEX404"),
    ],
)
def test_an_open_question_that_is_stated_wrongly_fails(old: str, new: str, tmp_path: Path, installed: Plugins) -> None:
    assert run(OPEN.replace(old, new), tmp_path, installed)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (WHOLE, "    main.tf:\n      keep: '= \"«1|14.4»\"'\n"),
        (WHOLE, "      subject: compose:services.db/database\n"),
        (WHOLE, "      pair: terraform:aws_db_instance.db\n"),
        (WHOLE, "      fix: run Postgres 14.4\n"),
        (WHOLE, '      becomes: "image: postgres:14.4"\n'),
        (WHOLE, WHOLE[WHOLE.index("  findings") :]),
        (OPEN, "      subject: compose:services.db/database\n"),
        (OPEN, OPEN[OPEN.index("  open") :]),
        (OPEN, "?HEX401|"),
    ],
)
def test_what_is_not_stated_fails_only_where_everything_must_be(
    text: str, line: str, tmp_path: Path, installed: Plugins
) -> None:
    less = text.replace(line, "") if line.startswith(" ") else text.replace(f"«{line}version»", "version")
    assert less != text
    assert run(less, tmp_path, installed)
    assert run(less, tmp_path, installed, strict=False) == ""


def test_a_failing_case_shows_what_it_would_have_to_state(tmp_path: Path, installed: Plugins) -> None:
    shown = run(WHOLE[: WHOLE.index("  findings")], tmp_path, installed)
    assert [line.removeprefix("    ") for line in shown.partition("as a case states it:\n")[2].splitlines()] == [
        "findings:",
        "  - error: \"'db' runs Postgres '14.3', but [the cloud](1) runs '14.4'.\"",
        '    subject: "compose:services.db/database"',
        '    pair: "terraform:aws_db_instance.db"',
        '    fix: "run Postgres 14.4"',
        '    becomes: "image: postgres:14.4"',
    ]


def test_a_statement_for_each_of_two_findings_is_needed(tmp_path: Path, installed: Plugins) -> None:
    twice = WHOLE + WHOLE[WHOLE.index("    - error") :]
    assert "stated, not found" in run(twice, tmp_path, installed, strict=False)


def test_a_failure_of_the_engine_fails_a_case(tmp_path: Path, installed: Plugins) -> None:
    text = "- name: broken\n  edit:\n    broken.tf:\n      create: |\n        resource {{\n"
    assert "  failure: broken.tf: " in run(text, tmp_path, installed)


def marks(text: str, folder: Path) -> list[Mark]:
    file = folder / "HEX402.yaml"
    file.write_text(f"- name: x\n  edit:\n    a.txt:\n      create: '{text}'\n", "utf-8")
    return edited(load_cases(file)[0], {})[1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a «b» c", [Mark("a.txt", 2, 3, "HEX402")]),
        ("«b|c»", [Mark("a.txt", 0, 3, "HEX402")]),
        ("«HEX207|b»", [Mark("a.txt", 0, 1, "HEX207")]),
        ("«ACME-1|b»", [Mark("a.txt", 0, 1, "ACME-1")]),
        ("«HEX207,HEX402|b»", [Mark("a.txt", 0, 1, "HEX207"), Mark("a.txt", 0, 1, "HEX402")]),
        ("«12|b»", [Mark("a.txt", 0, 1, "HEX402", "12")]),
        ("«HEX207:2|b»", [Mark("a.txt", 0, 1, "HEX207", "2")]),
        ("«?|b»", [Mark("a.txt", 0, 1, "HEX402", "?")]),
        ("«?HEX207,1|b»", [Mark("a.txt", 0, 1, "HEX207", "?"), Mark("a.txt", 0, 1, "HEX402", "1")]),
        ("«x «1|y»» «?|»z", [Mark("a.txt", 0, 3, "HEX402"), Mark("a.txt", 2, 3, "HEX402", "1"), Mark("a.txt", 4, 4, "HEX402", "?")]),
    ],
)  # fmt: skip
def test_what_a_mark_says_stands_before_its_bar(text: str, found: list[Mark], tmp_path: Path) -> None:
    assert marks(text, tmp_path) == found


@pytest.mark.parametrize(("text", "said"), [("«b", "a '«' is not closed"), ("b»", "a '»' without its '«'")])
def test_a_mark_is_closed_and_opened(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=said):
        marks(text, tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: x", "1:1: the file must be a list"),
        ("- name: x", "1:3: '0' lacks the key 'edit'"),
        (
            "- {name: x, edit: {}, options: {}}",
            "1:23: unknown key 'options' in '0'; it may be edit, findings, name, open",
        ),
        ("- {name: x, edit: {a: {replace: b}}}", "the edit of a must have"),
        ("- {name: x, edit: {a: {delete: false}}}", "1:32: '0.edit.a.delete' must be true"),
        ("- {name: x, edit: {a: {create: b, delete: true}}}", "the edit of a must have"),
        ("- {name: x, edit: {}, findings: [{fix: y}]}", "a finding has its message under"),
        ("- {name: x, edit: {}, findings: [{error: y, note: z}]}", "a finding has its message under"),
        ("- {name: x, edit: {}, open: [{rule: HEX402}]}", "1:30: '0.open.0' lacks the key 'reason'"),
    ],
)
def test_a_malformed_case_file_is_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "HEX402.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(CaseError, match=rf"^HEX402\.yaml:.*({said})"):
        load_cases(file)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("gone.txt: {delete: true}", "the reference has no file gone.txt"),
        (
            "docker-compose.yml: {replace: mysql, with: x}",
            "'replace' must match once in docker-compose.yml, not 0 times",
        ),
        ("main.tf: {replace: engine, with: x}", "'replace' must match once in main.tf, not 2 times"),
    ],
)
def test_an_edit_that_does_not_fit_is_named(edit: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "HEX402.yaml"
    file.write_text(f"- name: x\n  edit:\n    {edit}\n", "utf-8")
    with pytest.raises(CaseError, match=rf"^HEX402, x: {said}"):
        edited(load_cases(file)[0], REFERENCE)
