"""Secrets whose key stands on another line, or in another place, than they do. `«…»` marks what must be hidden."""

from __future__ import annotations

import pytest

from tests.reports.test_masks_of_forms import check

PROGRAMS = (
    ("a.ts", 'const env = z.object({\n  DB_PASSWORD: z\n    .string()\n    .default("«kX82mQz7»"),\n  PORT: z.string().default("3005"),\n});'),
    ("a.ts", 'const c = {\n  password:\n    process.env.DB_PASSWORD ??\n    "«kX82mQz7»",\n  name: "visible",\n};'),
    ("a.ts", 'const c = {\n  secret: process.env.API_TOKEN\n    ? process.env.API_TOKEN\n    : "«kX82mQz7»",\n  name: "visible",\n};'),
    ("a.ts", 'const k = process.env.API_TOKEN\n  || "«kX82mQz7»";\nconst n = "visible";'),
    ("a.ts", 'const token = () => {\n  return "visible";\n};'),
    ("a.ts", 'const password = config.password\nconst name = "visible"'),
    ("a.ts", 'const p = getEnv(\n  "DB_PASSWORD",\n  "«kX82mQz7»",\n);'),
    ("a.ts", 'const b = Buffer.from("app:«kX82mQz7»").toString("base64");'),
    ("a.js", "module.exports = { db: { format: String, default: '«kX82mQz7»', env: 'DB_PASSWORD' } };"),
    ("a.py", 'X = os.environ.get(\n    "DB_PASSWORD",\n    "«kX82mQz7»",\n)\nY = "visible"'),
    ("a.py", 'X = os.environ.get("DB_PASSWORD") or "«kX82mQz7»"'),
    ("a.py", 'X = os.environ.get("HOST") or "visible"'),
    ("a.py", 'class S:\n    db_password: str = Field(\n        default="«kX82mQz7»",\n        gt=1,\n    )\n    host: str = "visible"'),
    ("a.py", 'class S:\n    plain: SecretStr = "«kX82mQz7»"\n    other: SecretStr = Field(SecretStr("«kX82mQz7»"))'),
    ("a.py", 'if not password:\n    raise Error("visible")'),
    ("a.py", 'SECRET = """\n«kX82mQz7»\n"""\nHOST = "visible"'),
    ("a.py", 'requests.get(url, auth=("app", "«kX82mQz7»"))'),
    ("a.rb", 'X = ENV.fetch(\n  "DB_PASSWORD",\n  "«kX82mQz7»"\n)\nY = ENV.fetch("API_TOKEN", nil) || "«kX82mQz7»"\nZ = ENV.fetch("API_TOKEN") { "«kX82mQz7»" }'),
    ("a.go", 'type C struct {\n  P string `env:"DB_PASSWORD,required" envDefault:"«kX82mQz7»"`\n  H string `env:"HOST" envDefault:"visible"`\n}'),
    ("a.rs", 'let x = env::var("API_TOKEN").unwrap_or("«kX82mQz7»".into());'),
    ("a.properties", "spring.pw=${db.password:«kX82mQz7»}\nhost=${HOST:visible}"),
    ("a.sh", 'echo "${TOKEN:0:8} ${TOKEN:4}"'),
)  # fmt: skip
SETTINGS = (
    ("a.tf", 'environment_variable {\n  name  = "API_TOKEN"\n  type  = "PLAINTEXT"\n  value = "«kX82mQz7»"\n}'),
    ("a.tf", 'name  = "/app/db_password"\ntype  = "String"\nvalue = "«kX82mQz7»"'),
    ("a.tf", 'api_token = (\n  "«kX82mQz7»"\n)\nregion = "visible"'),
    ("a.hcl", 'variable "NPM_TOKEN" { default = "«kX82mQz7»" }\nvariable "TAG" { default = "visible" }'),
    ("a.tf", 'output "api_token" {\n  value = "«kX82mQz7»"\n}\noutput "name" { value = "visible" }'),
    ("a.toml", '[edge_runtime.secrets]\nANY = "«kX82mQz7»"\n[db]\nname = "visible"'),
    ("a.yml", "run: |\n  kubectl apply -f - <<EOF\n  kind: Secret\n  metadata:\n    name: visible\n  stringData:\n    any: «kX82mQz7»\n  ---\n  kind: ConfigMap\n  data:\n    any: visible\n  EOF"),
    ("a.yml", 'run: |\n  echo "DB_PASSWORD<<EOF" >> $GITHUB_ENV\n  echo "«kX82mQz7»" >> $GITHUB_ENV\n  echo "EOF" >> $GITHUB_ENV\n  echo "visible"'),
    ("a.yml", "run: echo 'root:«kX82mQz7»' | chpasswd"),
    ("a.yml", "run: (echo root:«kX82mQz7»|chpasswd); ls"),
    ("a.sql", "CREATE ROLE a PASSWORD $$«kX82mQz7»$$;\nCREATE ROLE b PASSWORD E'«kX82mQz7»';\nSELECT vault.create_secret('«kX82mQz7»', 'visible');"),
    ("a.sql", "INSERT INTO users (email, api_token, n) VALUES ('a, (b)', '«kX82mQz7»', 1), (lower('c'), '«kX82mQz7»', 2);"),
    ("a.sql", "ALTER DATABASE x SET app.jwt_secret TO '«kX82mQz7»';"),
)  # fmt: skip


@pytest.mark.parametrize(("path", "marked"), [*PROGRAMS, *SETTINGS])
def test_what_a_key_tells_on_another_line(path: str, marked: str) -> None:
    check(path, marked)
