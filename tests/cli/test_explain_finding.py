"""`policyengine explain FINGERPRINT`: why a finding is one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from policyengine.cli import main
from tests.trees import write

if TYPE_CHECKING:
    from pathlib import Path

TREE = {
    "docker-compose.yml": """\
        services:
          app:
            image: acme/app:1
            environment:
              DATABASE_URL: postgres://app:hunter2hunter2@localhost:5434/app
              SESSION_SECRET: s3cr3ts3cr3ts3cr3t
          db:
            image: postgres:16.9
            ports: ["5434:5432"]
        """,
    "infra/main.tf": """\
        variable "version" {
          default = "16.10"
        }
        resource "aws_db_instance" "db" {
          engine         = "postgres"
          engine_version = var.version
        }
        """,
    "policyengine.yaml": """\
        version: 1
        waivers:
        - {rule: HEX501, reason: moved next week, owner: me, expires: 2999-01-01}
        """,
}
SECRETS = ("hunter2hunter2", "s3cr3ts3cr3ts3cr3t")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("explained")
    write(root, TREE)
    return root


def program(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    out, err = capfd.readouterr()
    return code, out, err


def told(capfd: pytest.CaptureFixture[str], tree: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(program(capfd, "scan", str(tree), "--format", "json")[1])
    return made


def mark(capfd: pytest.CaptureFixture[str], tree: Path, rule: str) -> str:
    found = told(capfd, tree)
    every = [*found["findings"], *(each["finding"] for each in found["waived"])]
    return str(next(each["fingerprint"] for each in every if each["rule"] == rule))


def test_a_finding_is_told_with_its_pair_both_values_their_ways_and_what_mends_it(
    tree: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    whole = mark(capfd, tree, "HEX402")
    code, out, _ = program(capfd, "explain", whole[:10].upper())
    assert code == 0
    assert out == (
        "error[HEX402] 'db' runs Postgres '16.9', but the cloud runs '16.10'.\n"
        "  ┌─ docker-compose.yml:8:12  (compose:services.db/database)\n"
        "8 │     image: postgres:16.9\n"
        "  │            ^^^^^^^^^^^^^\n"
        "  ├─ infra/main.tf:2:14  the cloud (terraform:aws_db_instance.db)\n"
        '2 │   default = "16.10"\n'
        "  │              ─────\n"
        "  = via: var.version infra/main.tf:6:20 → infra/main.tf:2:14\n"
        "  = help: run Postgres 16.10 (safe fix)\n"
        f"  = why: policyengine explain {whole[:10]}\n"
        "\n"
        "the pair, and what speaks for it\n"
        "  compose:services.db/database  ↔  terraform:aws_db_instance.db\n"
        "  85 points, certain: the same engine; the only one of its kind on each side\n"
        "\n"
        "where the values come from\n"
        "compose:services.db/database.version\n"
        "\n"
        "  ┌─ docker-compose.yml:8:12  compose:services.db/database.version\n"
        "8 │     image: postgres:16.9\n"
        "  │            ^^^^^^^^^^^^^\n"
        "\n"
        'Known: "16.9"\n'
        "\n"
        "terraform:aws_db_instance.db.version\n"
        "\n"
        "  ┌─ infra/main.tf:6:20  terraform:aws_db_instance.db.version → var.version\n"
        "6 │   engine_version = var.version\n"
        "  │                    ^^^^^^^^^^^\n"
        "  ├─ infra/main.tf:2:14\n"
        '2 │   default = "16.10"\n'
        "  │              ^^^^^\n"
        "\n"
        'Known: "16.10"\n'
        "\n"
        "what mends it\n"
        "  run Postgres 16.10\n"
        '  docker-compose.yml:8:21: "16.9" becomes "16.10"\n'
        "\n"
        f"fingerprint {whole}\n"
        "'policyengine explain HEX402' says what the rule demands, and why\n"
    )


def test_as_json_it_is_the_finding_of_the_report_with_an_explanation_of_each_value(
    tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = next(each for each in told(capfd, tree)["findings"] if each["rule"] == "HEX402")
    made = json.loads(program(capfd, "explain", found["fingerprint"], str(tree), "--format", "json")[1])
    assert made["finding"] == found
    assert [(each["address"], each["state"], each["value"]) for each in made["values"]] == [
        ("compose:services.db/database.version", "known", "16.9"),
        ("terraform:aws_db_instance.db.version", "known", "16.10"),
    ]


def test_a_waived_finding_says_why_and_no_secret_is_shown(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _, out, _ = program(capfd, "explain", mark(capfd, tree, "HEX501"), str(tree))
    assert "waived: moved next week\n" in out
    assert '\nKnown: "postgres://app:**************@localhost:5434/app"\n' in out
    found = told(capfd, tree)
    marks = {each["fingerprint"] for each in [*found["findings"], *(each["finding"] for each in found["waived"])]}
    assert len(marks) > 3
    for each in marks:
        for form in ("text", "json"):
            shown = "".join(map(str, program(capfd, "explain", each, str(tree), "--format", form)))
            assert [secret for secret in SECRETS if secret in shown] == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("0123456789",),
            "no finding there has the fingerprint '0123456789'; 'policyengine scan --format json' tells them",
        ),
        (("0123",), "there is no rule '0123'"),
        (
            ("HEX402", "--format", "json"),
            "--format json is for findings; 'policyengine rules HEX402 --format json' lists it",
        ),
        (("abcdef0123", "--format", "markdown"), "--format markdown is for rules; a finding is told as text or json"),
    ],
)
def test_what_names_nothing_is_wrong_usage(
    words: tuple[str, ...], sentence: str, tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = program(capfd, "explain", words[0], str(tree), *words[1:])
    assert (code, out) == (2, "")
    assert sentence in err
