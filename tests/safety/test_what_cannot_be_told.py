"""What docs/security.md says that cannot be told does come out, so that the page promises no more than is kept."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from policyengine.cli import main
from tests.safety.spill import write

SECRET = "kX82mQz7Lw4pTn9R"
LETTERS = "kXabcdmQzLwpTnR"
PAGE = Path(__file__).parents[2] / "docs" / "security.md"

SERVICE = "services:\n  app:\n    image: node:20\n    environment:\n"
TASK = """\
variable "word" {{
  sensitive = true
  default   = "{word}"
}}
resource "aws_ecs_task_definition" "app" {{
  family                = "app"
  container_definitions = jsonencode([{{ name = "app", image = "x:1", environment = [{{ name = "A", value = {value} }}] }}])
}}
resource "aws_ecs_service" "app" {{
  name            = "app"
  task_definition = aws_ecs_task_definition.app.arn
}}
"""

SHOWN = {
    "a secret under a plain name": ({"compose.yaml": f"{SERVICE}      GREETING: {SECRET}\n"}, SECRET),
    "a secret in prose": ({"compose.yaml": f"{SERVICE}      A: b # the old one was {SECRET}\n"}, None),
    "the name of something": ({"compose.yaml": f"services:\n  {SECRET}:\n    image: node:20\n"}, SECRET),
    "a secret that only a human recognizes by its neighbours": (
        {"compose.yaml": f"{SERVICE}      A: b\n    command: ['mytool', 'login', '{SECRET}']\n"},
        SECRET,
    ),
    "what `read` gets": (
        {"compose.yaml": f"{SERVICE}      A: b\n    command: ['sh', '-c', 'read TOKEN <<< {SECRET}']\n"},
        SECRET,
    ),
    "a sentence in `${DB_PASSWORD:?…}`": (
        {"compose.yaml": f"{SERVICE}      A: ${{DB_PASSWORD:?set it to {SECRET}}}\n      DB_PASSWORD: x\n"},
        None,
    ),
    "parts that only a run joins": (
        {"compose.yaml": f"{SERVICE}      FIRST_HALF: {SECRET[:8]}\n      OTHER_HALF: {SECRET[8:]}\n"},
        SECRET[8:],
    ),
    "a word of letters alone in a mapping of secrets": (
        {
            "main.tf": 'locals {\n  secrets = { plain = "'
            + LETTERS
            + '" }\n}\n'
            + TASK.format(word=SECRET, value="local.secrets.plain")
        },
        LETTERS,
    ),
    "what a program makes of a secret when it runs": (
        {"compose.yaml": f"{SERVICE}      A: b\n    command: ['sh', '-c', 'echo {SECRET} | base64 > key']\n"},
        SECRET,
    ),
    "a short or common word elsewhere": (
        {"compose.yaml": f"{SERVICE}      DB_PASSWORD: shop\n      NAME: shop\n"},
        '"value": "shop"',
    ),
    "how long it is": ({"compose.yaml": f"{SERVICE}      API_TOKEN: {SECRET}\n"}, f'"{"*" * len(SECRET)}"'),
    "what is known of it": ({"main.tf": TASK.format(word=SECRET, value='var.word != "" ? "set" : "unset"')}, '"set"'),
    "what `nonsensitive()` sets free": (
        {"main.tf": TASK.format(word=SECRET, value="nonsensitive(strrev(var.word))")},
        SECRET[::-1],
    ),
}


def test_the_page_lists_what_is_tried_here() -> None:
    text = PAGE.read_text("utf-8").partition("## What cannot be told")[2].partition("\n## ")[0]
    listed = re.findall(r"(?m)^- \*\*(.+?)\*\*", text)
    packs = ["what a plug-in writes to a file of its own, or prints", "what a rule of a pack makes of a secret"]
    untried = [*packs, "the trace of a crash"]
    assert listed == [*SHOWN, *untried]


@pytest.mark.parametrize("what", [name for name, (_, shown) in SHOWN.items() if shown is not None])
def test_it_is_in_the_exported_graph(what: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files, shown = SHOWN[what]
    write(tmp_path, files)
    assert main(["graph", str(tmp_path), "--no-cache"]) == 0
    assert str(shown) in capfd.readouterr().out


def test_a_secret_in_prose_is_quoted_with_its_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"compose.yaml": f"services:\n  app:\n    image: node # the old one was {SECRET}\n"})
    main(["explain-value", str(tmp_path), "compose:services.app.image", "--no-cache"])
    assert SECRET in capfd.readouterr().out


SOURCES = {
    "compose.yaml": f"{SERVICE}      DB_PASSWORD: shop\n      URL: http://x/${{DB_PASSWORD}}\n",
    ".env": "DB_PASSWORD=shop\n",
}


def test_a_short_secret_is_masked_where_it_stands_and_where_its_value_is_used(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, SOURCES)
    assert main(["graph", str(tmp_path), "--no-cache"]) == 0
    assert "shop" not in capfd.readouterr().out


def test_references_and_names_are_not_masked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(
        tmp_path,
        {
            "compose.yaml": f"{SERVICE}      API_TOKEN: ${{API_TOKEN}}\n      SECRET_ARN: arn:aws:secretsmanager:x:1:secret:a\n",
            "main.tf": 'variable "db_password" {\n  sensitive = true\n}\n'
            'resource "aws_db_instance" "main" {\n  engine   = "postgres"\n  password = var.db_password\n}\n',
        },
    )
    assert main(["graph", str(tmp_path), "--no-cache"]) == 0
    assert "*" not in capfd.readouterr().out


@pytest.mark.parametrize(
    ("word", "shown"),
    [("eu-west-1", False), ("postgres", True), ("15", True)],
)
def test_a_marked_word_is_hidden_elsewhere_unless_it_is_common(
    word: str, shown: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, {"main.tf": TASK.format(word=word, value=f'"{word}"')})
    assert main(["graph", str(tmp_path), "--no-cache"]) == 0
    assert (f'"value": "{word}"' in capfd.readouterr().out) is shown
