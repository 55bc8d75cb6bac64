"""What is masked in the many ways in which a secret is written. `«…»` marks what must be hidden, and nothing else may be."""

from __future__ import annotations

import re

import pytest

from policyengine.reports.masks import covered, ranges


def stars(text: str) -> tuple[str, str]:
    """The text without its marks, and with stars for what they mark."""
    hidden = re.sub(r"«(.*?)»", lambda match: re.sub(r"[^\r\n\t]", "*", match[1]), text, flags=re.DOTALL)
    return text.replace("«", "").replace("»", ""), hidden


def check(path: str, marked: str) -> None:
    plain, hidden = stars(marked)
    assert covered(plain, ranges(plain, path)) == hidden


@pytest.mark.parametrize(
    "marked",
    [
        "API_TOKEN=«abc»",
        "API_TOKEN=«abc» # note",
        "API_TOKEN=«abc#def»",
        "export API_TOKEN=«abc def»",
        "API_TOKEN='«a b»' # note",
        'API_TOKEN="«a\\"b»"',
        "API_TOKEN='«it''s»'",
        "API_TOKEN=`«abc»`",
        "API_TOKEN='«open»",
        "API_TOKEN=$OTHER",
        "API_TOKEN=$(cat file)",
        "API_TOKEN=<your token>",
        "API_TOKEN={{ vault.token }}",
        "API_TOKEN=true",
        "API_TOKEN=",
        "API_TOKEN=\nNEXT=x",
        "# API_TOKEN=«abc»",
        "A.B_TOKEN=«abc»",
        "API_TOKEN = «abc»",
        "API_TOKEN:=«abc»",
        "API_TOKEN==abc",
        "API_TOKEN=«x${VAR}y»".replace("${VAR}", "»${VAR}«"),
        "API_TOKEN=${A}${B}",
        "API_TOKEN=${A:-«abc»}",
        "API_TOKEN=${A-«abc»}",
        "API_TOKEN=${A:=«abc»}",
        "API_TOKEN=${A:?said}",
        "API_TOKEN=${A:-${B:-«abc»}}",
        "LINE=one\r\nAPI_TOKEN=«abc»\r\nTWO=two",
        "LINE=one\rAPI_TOKEN=«abc»\rTWO=two",
        "GREETING=abc",
        "PATH_TO_TOKEN=«x»\nDB_PASSWORD=«abc»",
    ],
)
def test_in_an_env_file(marked: str) -> None:
    check(".env.live", marked.replace("»»", "»").replace("««", "«").replace("«»", ""))


@pytest.mark.parametrize(
    "marked",
    [
        "password: «abc»",
        "password: «abc» # note",
        "password: «abc, def}»",
        "password: '«abc»'",
        'password: "«abc»" # note',
        "password: !vault «abc»",
        "password: &anchor «abc»",
        "password: *alias",
        "{password: «abc», user: x}",
        "{user: x, password: «abc»}",
        '{"password": «123abc», "user": "x"}',
        "- {name: x, password: «abc»}",
        "password: |\n«  ab»\n«  c»\nuser: x",
        "password: >-\n«  ab»\nuser: x",
        "password: |2 # note\n«  ab»\nuser: x",
        "a:\n  password: |\n«    ab»\n\n«    c»\n  user: x",
        "password: |\n«  ab»",
        "password: ['«a»', \"«b»\"]",
        "password: {from: file}",
        "passwords:\n  - x",
        "secrets: [one, two]",
        "credentials: [one]",
        "- name: DB_PASSWORD\n  value: «abc»\n- name: USER\n  value: abc",
        "- value: '«abc»'\n  name: DB_PASSWORD",
        "- value: abc\n  name: USER",
        "- key: DB_PASSWORD\n  value: '«abc»'",
        "name: DB_PASSWORD\nother: x\nvalue: abc",
        "- DB_PASSWORD=«abc»",
        "- DB_PASSWORD=«a b» # note",
        '- "DB_PASSWORD=«abc»"',
        "command: run --password «abc» --port 1",
        "command: run --password=«abc»",
        "command: run --password-file /x",
        "command: run --password --next",
        "command: mysql -p«abc» -u root",
        "command: mysql -u root",
        "command: redis-cli -a «abc» ping",
        "command: redis-cli ping",
        "command: redis-server --requirepass «abc»",
        "command: curl -u user:«abc» https://x",
        "command: curl --user user:«abc» https://x",
        "command: curl -H 'Authorization: Bearer «abcdefgh»' x",
        "command: curl -H 'Authorization: Basic «YWJjOmRlZg==»' x",
        "run: curl 'https://x/?token=«abc»&y=1'",
        "run: echo ${{ secrets.TOKEN }}",
        "token: ${{ secrets.TOKEN }}",
        "token: ${{ secrets.A || '«abc»' }}",
        "token: ${{ secrets['A'] }}",
        "token: x-${{ secrets.A }}".replace("x-", "«x-»"),
        "image: app:1\ntoken_endpoint: https://x",
        "api-token: «abc»",
        "apiToken: «abc»",
    ],
)
def test_in_yaml(marked: str) -> None:
    check("docker-compose.yml", marked)


@pytest.mark.parametrize(
    "marked",
    [
        'password = "«abc»"',
        'password = "«a»${var.x}«b»"',
        "password = var.x",
        'password = var.secrets["db"]',
        'password = lookup(var.x, "«key»", "«abc»")',
        'password = "«abc»" # note',
        'password = {\n  a = "abc"\n}',
        'password = [\n  "«abc»",\n  "«de»",\n]',
        'passwords = { db = "x" }',
        'secret_string = "«abc»"',
        'secret_string = jsonencode({ "A" = "«b»", c = var.d })',
        'secret_string = jsonencode({\n  A = "«b»"\n})\nname = "n"',
        "secret_string = <<-EOT\n«  abc»\n  EOT\nname = 1",
        "password = <<EOT\n«abc»\nEOT\nname = 1",
        'secret_string = join("«-»", [var.a])',
        'variable "db_password" {\n  type = string\n  default = "«abc»"\n}',
        'variable "db_password" {\n  type = string\n}\nvariable "other" {\n  default = "abc"\n}',
        'variable "db_password" {\n  default = null\n}',
        '{ name = "DB_PASSWORD", value = "«abc»" }',
        '{ name = "DB_PASSWORD", value = var.x }',
        '{ name = "DB_PASSWORD", valueFrom = "arn:aws:x" }',
        '{ value = "«abc»", name = "DB_PASSWORD" }',
        'password = cond ? "«abc»" : "«de»"',
        "password = true",
        'master_password = "«a\\"b»"',
        'url = "postgres://app:«abc»@${aws_db_instance.main.address}/x"',
        'url = "postgres://app:${var.password}@db/x"',
        'url = "postgres://app:${var.password}«x»@db/x"',
        'url = "https://host:443/path@x"',
        'url = "https://host/a:b@c"',
        'url = "jdbc:mysql://app:«abc»@db/x"',
        'urls = "redis://:«abc»@a:1,redis://:«de»@b:2"',
        'url = "https://user@host/x"',
        'url = "postgres://app:«p/w»@db/x"',
        'arn = "arn:aws:secretsmanager:eu-west-1:1:secret:x"',
    ],
)
def test_in_terraform(marked: str) -> None:
    check("main.tf", marked)


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("a.ts", 'const apiKey = "«abc»";'),
        ("a.ts", "const apiKey = process.env.API_KEY;"),
        ("a.ts", 'const apiKey = process.env.API_KEY ?? "«abc»";'),
        ("a.ts", 'const apiKey = process.env.API_KEY || "«abc»";'),
        ("a.ts", 'const apiKey = process.env["API_KEY"];'),
        ("a.ts", 'call({ apiKey: "«abc»", name: "x" });'),
        ("a.ts", 'call({ apiKey: make("«abc»", x), name: "x" });'),
        ("a.ts", "apiKey: z.string(),"),
        ("a.ts", "const apiKey = `«abc»${x}`;"),
        ("a.py", 'API_KEY = "«abc»"'),
        ("a.py", 'API_KEY = os.environ["API_KEY"]'),
        ("a.json", '{"apiKey": "«abc»", "x": "y"}'),
        ("a.json", '{"apiKey": 5, "x": "y"}'),
        ("a.toml", 'api_key = "«abc»"'),
        ("a.ini", "api_key = «abc def»\nnext=x"),
        ("a.properties", "db.password=«abc def»"),
        ("a.sh", "API_KEY=«abc» run"),
        ("a.sh", 'API_KEY="«abc def»" run'),
        ("a.sh", "export API_KEY=«abc»"),
        ("a.sh", "run --api-key «abc»"),
        ("a.sh", "PGPASSWORD=«abc» psql"),
        ("Dockerfile", "ENV API_KEY=«abc» OTHER=x"),
        ("Dockerfile", "ENV API_KEY «abc def»"),
        ("Dockerfile", "ENV OTHER abc"),
        ("Dockerfile", "ARG API_KEY"),
        ("Dockerfile", "ARG API_KEY=«abc»"),
        ("a.sql", "ALTER USER x IDENTIFIED BY '«abc»'"),
        ("a.sql", "CREATE ROLE x PASSWORD '«abc»'"),
        ("a.txt", "-----BEGIN RSA PRIVATE KEY-----\n«abc»\n«def»\n-----END RSA PRIVATE KEY-----"),
        ("a.txt", "postgres://app:«abc»@db"),
        ("a.txt", "see https://example.com/a?b=c"),
        ("", ""),
    ],
)
def test_in_other_files(path: str, marked: str) -> None:
    check(path, marked)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([(0, 2), (2, 3)], "***def"),
        ([(0, 1), (4, 5)], "*bcd*f"),
        ([(3, 3)], "abcdef"),
        ([(0, 4), (1, 2)], "****ef"),
    ],
)
def test_ranges_that_touch_are_one(found: list[tuple[int, int]], expected: str) -> None:
    from policyengine.reports.masks import merged

    assert covered("abcdef", merged(found)) == expected


def test_line_ends_and_tabs_stay() -> None:
    assert covered("a\tb\r\nc", [(0, 6)]) == "*\t*\r\n*"
