"""Changes of files: what is to stand where, and every other character stays."""

from __future__ import annotations

import json

import pytest
import yaml as pyyaml

from policyengine.model.change import Change, Drop, Edit, LastLine, Put, Raw, StageLine, Swap, Wanted
from policyengine.model.source import Source, Span
from policyengine.syntax import hcl
from policyengine.syntax.editing import applied, exact, merged


def changed(path: str, text: str, *changes: Change) -> str | None:
    source = Source(path, text)
    found = [exact(each, {path: source}) for each in changes]
    edits = merged(tuple(edit for each in found for edit in each or ()))
    return None if None in found or edits is None else applied(text, edits)


def at(path: str, text: str, part: str) -> Span:
    assert text.count(part) == 1, part
    return Span(path, text.index(part), text.index(part) + len(part))


COMPOSE = """\
# what developers start
services:
  app:
    image: "shop:1"   # ours
    environment:
      MODE: test

  db:
      image: postgres:16
      environment:
      - POSTGRES_DB=shop
      cap_add: [SYS_NICE]
"""


@pytest.mark.parametrize(
    ("part", "keys", "value", "old", "new"),
    [
        ("app", ("init",), True, "      MODE: test\n", "      MODE: test\n    init: true\n"),
        ("app", ("environment", "TZ"), "UTC", "      MODE: test\n", "      MODE: test\n      TZ: UTC\n"),
        ("app", ("environment", "MODE"), "1", "MODE: test", 'MODE: "1"'),
        ("app", ("image",), "shop:2", '"shop:1"', '"shop:2"'),
        (
            "app",
            ("deploy", "resources", "limits"),
            {"cpus": "0.5", "memory": "512M"},
            "      MODE: test\n",
            '      MODE: test\n    deploy:\n      resources:\n        limits:\n          cpus: "0.5"\n          memory: 512M\n',
        ),
        ("db", ("environment", "TZ"), "UTC", "- POSTGRES_DB=shop\n", "- POSTGRES_DB=shop\n      - TZ=UTC\n"),
        ("db", ("environment", "POSTGRES_DB"), "x", "POSTGRES_DB=shop", "POSTGRES_DB=x"),
        ("db", ("cap_add", "-"), "IPC_LOCK", "[SYS_NICE]", "[SYS_NICE, IPC_LOCK]"),
        ("db", ("dns", "-"), "10.0.0.2", "cap_add: [SYS_NICE]\n", "cap_add: [SYS_NICE]\n      dns:\n      - 10.0.0.2\n"),
        ("db", ("command",), ("postgres", "-c", "ssl=on"), "[SYS_NICE]\n", "[SYS_NICE]\n      command:\n      - postgres\n      - -c\n      - ssl=on\n"),
    ],
)  # fmt: skip
def test_a_key_is_put_into_yaml_as_the_file_is_written(
    part: str, keys: tuple[str, ...], value: Wanted, old: str, new: str
) -> None:
    place = at("c.yml", COMPOSE, f"  {part}:\n")
    found = changed("c.yml", COMPOSE, Put(Span("c.yml", place.start + 2, place.end - 2), keys, value))
    assert found == COMPOSE.replace(old, new)
    node = pyyaml.safe_load(found)["services"][part]
    for key in keys:
        node = node if key == "-" or isinstance(node, list) else node[key]
    given = list(value) if isinstance(value, tuple) else value
    assert node == given or given in node or any(each.endswith(f"={given}") for each in node)


@pytest.mark.parametrize(
    ("text", "part", "new"),
    [
        ("a:\n  b: 1\n  c: 2\n", "b: 1", "a:\n  c: 2\n"),
        ("a:\n  b: 1\nd: 2\n", "b: 1", "d: 2\n"),
        ("a:\n  - x\n  - z # also\n", "z", "a:\n  - x\n"),
        ("a: {b: 1, c: 2}\n", "b: 1", "a: {c: 2}\n"),
        ("a: [x, y]\n", "y", "a: [x]\n"),
        ("a: 1\nb: 2", "b: 2", "a: 1"),
    ],
)
def test_what_is_dropped_from_yaml_takes_what_would_be_empty_with_it(text: str, part: str, new: str) -> None:
    assert changed("a.yml", text, Drop(at("a.yml", text, part))) == new


def test_what_stands_elsewhere_or_would_hide_something_is_not_edited() -> None:
    text = "x: &base\n  environment: {A: 1}\na: *base\nb:\n  <<: *base\n  image: x\nc: |\n  text\n"
    for part, keys in (("a", ("environment", "B")), ("b", ("environment", "B")), ("c", ("d",))):
        place = text.index(f"\n{part}:") + 1
        assert changed("a.yml", text, Put(Span("a.yml", place, place + 1), keys, "2")) is None


def test_each_of_many_entries_is_found_beside_an_alias_and_what_a_merge_key_brings() -> None:
    services = "".join(f"  s{number}:\n    image: x\n" for number in range(100, 160))
    for first, last in (("", ""), ("  o: *base\n", ""), ("", "  o: *base\n"), ("  <<: {y: {}, z: {}}\n", "")):
        text = f"x: &base {{image: z}}\nservices:\n{first}{services}{last}"
        for name in ("s100", "s131", "s159"):
            new = text.replace(f"  {name}:\n    image: x\n", f"  {name}:\n    image: x\n    init: true\n")
            assert changed("a.yml", text, Put(at("a.yml", text, name), ("init",), value=True)) == new


def test_line_ends_and_a_missing_one_at_the_end_stay_as_they_are() -> None:
    text = "services:\r\n  app:\r\n    image: x"
    found = changed("c.yml", text, Put(at("c.yml", text, "app"), ("environment",), {"A": "b"}))
    assert found == f"{text}\r\n    environment:\r\n      A: b"
    assert changed(".env", "A=1\r\n", LastLine(Span(".env", 0, 0), "B=2")) == "A=1\r\nB=2\r\n"
    assert changed(".env", "A=1", LastLine(Span(".env", 0, 0), "B=2")) == "A=1\nB=2"


def test_json_keeps_its_commas_and_quotes() -> None:
    text = '{\n  "name": "shop",\n  "engines": {\n    "node": "20"\n  }\n}\n'
    found = changed("package.json", text, Put(at("package.json", text, "engines"), ("npm",), "10"))
    assert found == text.replace('"20"', '"20",\n    "npm": "10"')
    assert json.loads(found) == {"name": "shop", "engines": {"node": "20", "npm": "10"}}
    assert changed("a.json", '{"a": []}', Put(Span("a.json", 2, 3), ("-",), "x")) == '{"a": ["x"]}'


TERRAFORM = """\
resource "aws_db_instance" "main" {
  engine         = "postgres"
  engine_version = "16.4" # pinned

  tags = {
    Name = "main"
  }
}

locals {
  containers = jsonencode([{
    name      = "app"
    essential = true
    environment = [
      { name = "A", value = "1" },
      { name = "B", value = "2" }
    ]
  }])
}
"""


@pytest.mark.parametrize(
    ("part", "keys", "value", "new"),
    [
        (
            "main",
            ("auto_minor_version_upgrade",),
            False,
            TERRAFORM.replace('engine         = "', 'engine                     = "').replace(
                'engine_version = "16.4" # pinned\n',
                'engine_version             = "16.4" # pinned\n  auto_minor_version_upgrade = false\n',
            ),
        ),
        ("main", ("port",), 5432, TERRAFORM.replace("# pinned\n", "# pinned\n  port           = 5432\n")),
        ("main", ("tags", "Owner"), "web", TERRAFORM.replace('"main"\n  }', '"main"\n    Owner = "web"\n  }').replace("Name =", "Name  =")),
        ("main", ("engine",), "mysql", TERRAFORM.replace('"postgres"', '"mysql"')),
        ("app", ("user",), "node", TERRAFORM.replace("    ]\n", '    ]\n    user = "node"\n')),
        (
            "app",
            ("environment", "-"),
            {"name": "C", "value": Raw("var.c")},
            TERRAFORM.replace('"2" }', '"2" },\n      { name = "C", value = var.c }'),
        ),
        (
            "app",
            ("linuxParameters", "initProcessEnabled"),
            True,
            TERRAFORM.replace("    ]\n", "    ]\n    linuxParameters = {\n      initProcessEnabled = true\n    }\n"),
        ),
    ],
)  # fmt: skip
def test_a_key_is_put_into_hcl_as_terraform_fmt_has_it(
    part: str, keys: tuple[str, ...], value: Wanted, new: str
) -> None:
    place = at("a.tf", TERRAFORM, f'"{part}"' if part == "app" else f'"{part}" {{')
    span = Span("a.tf", place.start + 1, place.start + 1 + len(part))
    assert changed("a.tf", TERRAFORM, Put(span, keys, value)) == new
    hcl.parse_file(Source("a.tf", new))


def test_a_block_is_edited_beside_one_that_cannot_be_read() -> None:
    text = 'a "x" {\n  b = 1\n}\nc "y" {\n  d = = 2\n}\n'
    assert changed("a.tf", text, Put(at("a.tf", text, "x"), ("e",), 2)) == text.replace("b = 1", "b = 1\n  e = 2")
    assert changed("a.tf", text, Put(at("a.tf", text, "y"), ("e",), 2)) is None
    values = "a = 1\nb = { c = 2 }\n"
    assert changed("a.tfvars", values, Put(at("a.tfvars", values, "c = 2"), ("d",), 3)) == values.replace(
        "2", "2, d = 3"
    )


def test_what_is_dropped_from_hcl_leaves_the_rest_aligned() -> None:
    assert changed("a.tf", TERRAFORM, Drop(at("a.tf", TERRAFORM, "engine_version"))) == TERRAFORM.replace(
        '  engine_version = "16.4" # pinned\n', ""
    ).replace("engine         =", "engine =")
    item = at("a.tf", TERRAFORM, 'A", value = "1')
    assert changed("a.tf", TERRAFORM, Drop(item)) == TERRAFORM.replace('      { name = "A", value = "1" },\n', "")


def test_an_instruction_is_added_before_what_starts_the_program() -> None:
    text = "FROM node:22 AS build\nRUN npm ci\n\nFROM node:22\nCOPY . .\nEXPOSE 80\n# how it starts\nCMD node .\n"
    first, last = (Span("Dockerfile", each, each + 12) for each in (0, text.rindex("FROM")))
    assert changed("Dockerfile", text, StageLine(last, "USER node")) == text.replace(
        "# how it starts", "USER node\n# how it starts"
    )
    assert changed("Dockerfile", text, StageLine(first, "USER node")) == text.replace("ci\n", "ci\nUSER node\n")


@pytest.mark.parametrize(
    ("text", "part", "new"),
    [
        ("FROM x\nENV A=1\nCMD a\n", "A=1", "FROM x\nCMD a\n"),
        ("FROM x\nENV A=1 \\\n    B=2 \\\n    C=3\n", "B=2", "FROM x\nENV A=1 \\\n    C=3\n"),
        ("FROM x\nENV A=1 B=2\n", "B=2", None),
        ("FROM x\nENV A=1 \\\n    B=2\n", "B=2", None),
        ("FROM x\nENV A=1 \\\n    B=2\n", "A=1", None),
    ],
)
@pytest.mark.parametrize("path", ["Dockerfile", "Dockerfile.production", "api.dockerfile"])
def test_a_line_of_a_dockerfile_is_dropped_where_nothing_else_hangs_on_it(
    path: str, text: str, part: str, new: str | None
) -> None:
    assert changed(path, text, Drop(at(path, text, part))) == new


def test_a_part_is_swapped_only_where_it_stands_once() -> None:
    text = "run: docker compose up -d\n"
    assert changed("a.yml", text, Swap(Span("a.yml", 0, 25), " up ", " up --wait ")) == text.replace("up", "up --wait")
    assert changed("a.yml", text, Swap(Span("a.yml", 0, 25), "o", "0")) is None
    assert changed("a.yml", text, Swap(Span("a.yml", 0, 25), "down", "up")) is None


@pytest.mark.parametrize(
    ("text", "value", "new"),
    [
        ('z.string().default("x"),', '"x"', "z.string(),"),
        ("z\n  .string()\n  .default('x')\n", "'x'", "z\n  .string()\n"),
        ('env.A ?? "x"', '"x"', None),
    ],
)
def test_a_default_of_a_schema_is_taken_away(text: str, value: str, new: str | None) -> None:
    place = at("c.ts", text, value)
    assert changed("c.ts", text, Drop(Span("c.ts", place.start + 1, place.end - 1))) == new


def test_edits_of_one_fix_that_meet_are_none_and_insertions_at_one_place_are_one() -> None:
    one, other = Edit(Span("a", 0, 4), "x"), Edit(Span("a", 3, 5), "y")
    assert merged((one, other)) is None
    first, second = Edit(Span("a", 4, 4), "x"), Edit(Span("a", 4, 4), "y")
    assert merged((second, one, first)) == (one, Edit(Span("a", 4, 4), "yx"))
