"""Rarer ways to write a secret, and what looks like one and is none. `«…»` marks what must be hidden, and nothing else may be."""

from __future__ import annotations

import pytest

from tests.reports.test_masks_of_forms import check

SHELL = (
    'declare -A DB_PASSWORD=([main]="«one two»" [other]+=\'«three»\' «four»)\nHOST=visible',
    "API_TOKEN=«abc»${X}«def» run",
    "run --password=«a»${B:-«c d»}«e» rest",
    "run --password «a»${B}«e»; rest",
    "curl -d 'api_token=«abc&user=x»'",
    "curl 'https://x/y?user=x&api_token=«abc»&z=1'",
    "run --set 'db_password=«a b»,user=x'",
    "run --set db_password=«ab»,user=x",
    "run --set db_password=«ab»;user=x",
    'echo "{\\"password\\":\\"«abc»\\",\\"user\\":\\"x\\"}"',
    "openssl rsa -passin pass:«abc» -in key",
    "  export API_TOKEN=«abc» # note",
    "API_TOKEN=$(vault read x) HOST=visible",
    "cat <<EOF > .env\nAPI_TOKEN=«abc»\nHOST=visible\nEOF",
    "API_TOKEN=$(cat <<EOF\nabc\nEOF\n)",
    "mysql -u root -p'«a b»' thedb",
    "mysql -u root --password=\"«a b»\" thedb",
    'PGPASSWORD="«a b»" psql -h x',
    "PGPASSWORD=«ab» psql -h x",
)
ENV = (
    "DB_PASSWORD «abc def»\nHOST visible",
    "export DB_PASSWORD «abc»",
    'DB_PASSWORD="""«a\nb»"""\nHOST=visible',
    "DB_PASSWORD='''«a\nb»'''",
    "DB_PASSWORD={«abc»} # note",
    "DB_PASSWORD=<<EOF\n«abc»\nEOF\nHOST=visible",
    "DSN=postgres://app:«a»${B}«c»@host/db?sslmode=require",
)
PROPERTIES = (
    "db.password=«abc def» # note",
    "db.password.length=12",
    "db.password.file=/run/visible",
    "api-token = «abc»\nhost = visible",
    "spring.datasource.password: «abc»",
)
YAML = (
    "app_secrets: [one, two]",
    "db_passwords: [«one», '«two»']",
    "tokens: [{name: visible}]",
    "api_token: ${{ secrets.API_TOKEN || '«abc»' }}",
    "api_token: ${{ secrets.API_TOKEN }}",
    "api_token: ${{ inputs.a && '«one»' || '«two»' }} # note",
    "api_token: ${{ secrets['API_TOKEN'] }}",
    "password: |\r\n«  ab»\r\n«  c»\r\nuser: x",
    "password: |+\n«  ab»\n\n\nuser: x",
    "password: <<EOF\n«abc»\nEOF\n",
    'a: {"password": "«abc»", user: x}',
    'x: ["a", "password": «abc», user: x]',
    "- --password\n- «abc»\n- --port\n- 1",
    "- --password=«abc»\n- --port=1",
    'args: ["--password", "«abc»", "--port", "1"]',
    "args: [--password, «abc», --port, 1]",
    'command: ["sh", "-c", "mysql -p«abc» -u root"]',
    "value: abc\nkey: DB_USER",
    "env: DB_PASSWORD\ndefault: «abc»",
    "- {key: DB_PASSWORD, secure: true, value: «abc»}",
    'parameterKey: DB_PASSWORD\nparameterValue: "«abc»"',
)
PROGRAMS = (
    ("a.ts", 'process.env.DB_PASSWORD ??= "«abc»";\nprocess.env.API_TOKEN ||= "«def»";\nconst n = "visible";'),
    ("a.ts", 'const map = {apiToken: tokens["visible"], name: "visible"};'),
    ("a.ts", 'if (password === "«abc»") return "visible";'),
    ("a.ts", "const apiToken =\n  '«abc»';\nconst name = 'visible';"),
    ("a.ts", 'const password = first ? "«a»" : "«b»", name = "visible";'),
    ("a.ts", 'const password = () => {\n  "visible";\n}'),
    ("a.ts", "const password = `«abc»${HOST}«def»`;"),
    ("a.py", 'p: str = Field("«abc»", alias="DB_PASSWORD")\nq: str = Field("visible", alias="DB_HOST")'),
    ("a.py", 'password = ("«abc»")\nname = ("visible")'),
    ("a.py", 'password = conf["visible"]'),
    ("a.py", 'DB = dict(password="«abc»", name="visible")'),
    ("a.py", 'if DB_PASSWORD == \'«abc»\' or name == "visible": pass'),
    ("a.rb", 'config.api_token = "«abc»" # note\nname = "visible"'),
    ("a.go", 'ApiToken: "«abc»",\nName: "visible",'),
    ("a.json", '{"password": "«abc»", "name": "visible", "token": 12345, "secret": null}'),
    ("a.json", '{"apiToken":\n  "«abc»",\n "name": "visible"}'),
    ("a.toml", 'password = "«abc»"\nname = "visible"\n[x.secrets]\nany = "«def»"\n[y]\nany = "visible"'),
    ("a.toml", 'token = """«a\nb»"""\nname = "visible"'),
    ("a.tf", 'secret_string = jsonencode({\n  user = "«app»"\n  password = "«abc»"\n})\nname = "visible"'),
    ("a.tf", 'secret_string = <<EOF\n«{"a": "abc"}»\nEOF\nname = "visible"'),
    ("a.tf", 'password = var.password != "" ? var.password : "«abc»"\nname = "visible"'),
    ("a.tf", 'user_data = "export DB_PASSWORD=«abc» HOST=visible"'),
    ("a.tf", 'password = random_password.main.result\nname = "visible"'),
    ("a.tf", 'passwords = ["«one»", "«two»"]\nnames = ["visible"]'),
    ("a.tf", 'variable "api_token" {\n  default = "«abc»"\n  description = "visible"\n}\nvariable "name" {\n  default = "visible"\n}'),
    ("Dockerfile", "ENV DB_PASSWORD «abc def»\nENV HOST visible"),
    ("Dockerfile", 'ENV DB_PASSWORD=«abc» HOST=visible\nARG API_TOKEN=«def»\nRUN echo "visible"'),
    ("a.sql", "INSERT INTO users (email, \"password\") VALUES ('visible', '«abc»'); SELECT 'visible';"),
    ("a.sql", "INSERT INTO users (email) VALUES ('visible');"),
    ("a.sql", "ALTER USER app WITH PASSWORD '«abc»';\nCREATE USER 'visible'@'%' IDENTIFIED BY '«def»';"),
    ("a.txt", "jdbc:oracle:thin:app/«kX82mQz7»@host:1521:x jdbc:oracle:thin:app/«\"k 7\"»@host"),
    ("a.txt", "machine host login app password «kX82mQz7»\nAuthorization: Bearer «kX82mQz7»"),
    ("a.txt", "https://«ghx0123456789abcdefGH»@host/x https://app-user-of-this@host/y https://a:«b»@h/p:q@r"),
    ("a.txt", "//registry.npmjs.org/:_authToken=«kX82mQz7»"),
)  # fmt: skip
ENDINGS = (
    ".tf", ".hcl", ".tfvars", ".tofu", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts",
    ".py", ".rb", ".go", ".prisma", ".sql", ".toml", ".json",
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        *(("run.sh", each) for each in SHELL),
        *((".env.live", each) for each in ENV),
        *(("app.properties", each) for each in PROPERTIES),
        *(("a.yml", each) for each in YAML),
        *PROGRAMS,
        *((f"a{ending}", 'password = lookup(name)\npassword = "«abc»"') for ending in ENDINGS),
    ],
)
def test_in_detail(path: str, marked: str) -> None:
    check(path, marked)
