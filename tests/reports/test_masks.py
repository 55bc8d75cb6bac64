from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.reports.masks import covered, ranges


def masked(text: str, path: str = "") -> str:
    return covered(text, ranges(text, path))


@pytest.mark.parametrize(
    "name",
    [
        "POSTGRES_PASSWORD", "API_TOKEN", "apiKey", "SECRET_KEY", "db_password", "PGPASSWORD", "authToken",
        "private_key",
        "AWS_SECRET_ACCESS_KEY", "STRIPE_API_KEY", "APP_KEY", "requirepass", "SUPABASE_SERVICE_ROLE_KEY",
        "NEXTAUTH_SECRET",
    ],
)  # fmt: skip
def test_names_that_hold_a_secret(name: str) -> None:
    assert may_hold_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "NEXT_PUBLIC_MAPBOX_TOKEN", "SECRET_ARN", "password_length", "TOKEN_TTL", "POSTGRES_PASSWORD_FILE", "cache_key",
        "CACHE_KEY", "hash_key", "secretsmanager_endpoint", "DATABASE_URL", "PWD",
        "manage_master_user_password_rotation",
        "engine_version", "key", "AWS_ACCESS_KEY_ID", "STRIPE_PUBLISHABLE_KEY",
    ],
)  # fmt: skip
def test_names_that_hold_no_secret_value(name: str) -> None:
    assert not may_hold_secret(name)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (".env", "DATABASE_URL=postgres://u:pw@db:5432/a?sslmode=x", "DATABASE_URL=postgres://u:**@db:5432/a?sslmode=x"),
        (".env", "REDIS_URL=rediss://:p@w@redis:6379", "REDIS_URL=rediss://:***@redis:6379"),
        (".env", "U=http://u:p/w@h", "U=http://u:***@h"),
        (".env", "U=http://host:80/path@x", "U=http://host:80/path@x"),
        (".env", "U=postgres://u:${PW}@db", "U=postgres://u:${PW}@db"),
        (".env", "POSTGRES_PASSWORD=pw # note", "POSTGRES_PASSWORD=** # note"),
        (".env", 'API_TOKEN="a b"', 'API_TOKEN="***"'),
        (".env", 'KEY="-----BEGIN PRIVATE KEY-----\nab\n-----END PRIVATE KEY-----"\nB=1',
         'KEY="-----BEGIN PRIVATE KEY-----\n**\n-----END PRIVATE KEY-----"\nB=1'),
        ("c.yml", "  POSTGRES_PASSWORD: pw # note\n  A: b", "  POSTGRES_PASSWORD: ** # note\n  A: b"),
        ("c.yml", "# tokens etc.: a, b\n  A: b", "# tokens etc.: a, b\n  A: b"),
        ("c.yml", "  - API_TOKEN=pass word", "  - API_TOKEN=*********"),
        ("c.yml", '  - "API_TOKEN=pass word"', '  - "API_TOKEN=*********"'),
        ("c.yml", "  API_TOKEN: ${TOKEN}", "  API_TOKEN: ${TOKEN}"),
        ("c.yml", "  API_TOKEN: ${TOKEN:-abc}", "  API_TOKEN: ${TOKEN:-***}"),
        ("c.yml", "  X: ${API_TOKEN:-abc}", "  X: ${API_TOKEN:-***}"),
        ("c.yml", "  X: ${API_TOKEN:?say it}", "  X: ${API_TOKEN:?say it}"),
        ("c.yml", "  T_TOKEN: ${{ secrets.T || 'abc' }}", "  T_TOKEN: ${{ secrets.T || '***' }}"),
        ("c.yml", "  environment: {API_TOKEN: abc, B: c}", "  environment: {API_TOKEN: ***, B: c}"),
        ("c.yml", "PRIVATE_KEY: |\n  ab\n\n  c\nnext: 1", "PRIVATE_KEY: |\n**\n\n***\nnext: 1".replace("\n**\n",
         "\n****\n")),
        ("c.yml", "- name: API_TOKEN\n  value: abc\n- name: B\n  value: abc",
         "- name: API_TOKEN\n  value: ***\n- name: B\n  value: abc"),
        ("c.yml", "permissions:\n  id-token: write\nsecrets: inherit",
         "permissions:\n  id-token: write\nsecrets: inherit"),
        ("c.yml", "command: redis-server --requirepass pw --port 1", "command: redis-server --requirepass ** --port 1"),
        ("c.yml", 'command: ["redis-server", "--requirepass", "pw"]',
         'command: ["redis-server", "--requirepass", "**"]'),
        ("c.yml", "command:\n  - --requirepass\n  - pw\n", "command:\n  - --requirepass\n  - **\n"),
        ("m.tf", 'password = "pw"', 'password = "**"'),
        ("m.tf", "password = var.db_password", "password = var.db_password"),
        ("m.tf", 'password = "${var.a}x"', 'password = "${var.a}*"'),
        ("m.tf", 'password = random_password.db["a"].result', 'password = random_password.db["a"].result'),
        ("m.tf", 'valueFrom = "${aws_secretsmanager_secret.app.arn}:API_TOKEN::"',
         'valueFrom = "${aws_secretsmanager_secret.app.arn}:API_TOKEN::"'),
        ("m.tf", 'auth_token = "arn:aws:x:y"', 'auth_token = "arn:aws:x:y"'),
        ("m.tf", 'variable "db_password" {\n  default = "pw"\n}', 'variable "db_password" {\n  default = "**"\n}'),
        ("m.tf", 'secret_permissions = ["Set", "Get"]', 'secret_permissions = ["Set", "Get"]'),
        ("m.tf", 'api_token = ["abc", "de"]', 'api_token = ["***", "**"]'),
        ("", "arn:aws:secretsmanager:eu-west-1:1:secret:app/prod:API_TOKEN::",
         "arn:aws:secretsmanager:eu-west-1:1:secret:app/prod:API_TOKEN::"),
        ("c.yml", "run: |\n  PGPASSWORD=pw psql -h db", "run: |\n  PGPASSWORD=** psql -h db"),
        ("c.yml", "run: login --password ${{ secrets.PW }}", "run: login --password ${{ secrets.PW }}"),
        ("m.tf", 'app_secrets = [{ name = "A_TOKEN", valueFrom = var.x }]',
         'app_secrets = [{ name = "A_TOKEN", valueFrom = var.x }]'),
        ("m.tf", '{ key = "A_TOKEN", value = var.t, target = ["prod"] }',
         '{ key = "A_TOKEN", value = var.t, target = ["prod"] }'),
        ("m.tf", 'secret_key = "${aws_secretsmanager_secret.a.arn}:key::"',
         'secret_key = "${aws_secretsmanager_secret.a.arn}:key::"'),
        ("", "TOKEN=$(curl -sf http://x)", "TOKEN=$(curl -sf http://x)"),
        ("", "TLS_PRIVATEKEY=/etc/tls/server.key", "TLS_PRIVATEKEY=/etc/tls/server.key"),
        ("m.tf", 'variable "name" {\n  default = "pw"\n}', 'variable "name" {\n  default = "pw"\n}'),
        ("m.tf", 'secret_string = jsonencode({\n  A = "pw"\n  B = var.x\n})\nname = "n"',
         'secret_string = jsonencode({\n  A = "**"\n  B = var.x\n})\nname = "n"'),
        ("m.tf", "secret_string = <<EOF\nab\nEOF\nx = 1", "secret_string = <<EOF\n**\nEOF\nx = 1"),
        ("m.tf", '{ name = "API_TOKEN", value = "abc" }', '{ name = "API_TOKEN", value = "***" }'),
        ("m.tf", '{ value = "abc", name = "API_TOKEN" }', '{ value = "***", name = "API_TOKEN" }'),
        ("x.json", '{"password":"a\\"b","host":"h"}', '{"password":"****","host":"h"}'),
        ("config.ts", 'apiKey: process.env.API_KEY ?? "abc",', 'apiKey: process.env.API_KEY ?? "***",'),
        ("config.ts", "token: string;\nsecret: z.string().min(1),", "token: string;\nsecret: z.string().min(1),"),
        ("Dockerfile", "ENV A=1 API_TOKEN=abc B=2", "ENV A=1 API_TOKEN=*** B=2"),
        ("Dockerfile", "ENV API_TOKEN abc", "ENV API_TOKEN ***"),
        ("init.sql", "CREATE USER a WITH PASSWORD 'pw';", "CREATE USER a WITH PASSWORD '**';"),
        ("", "sk_live_abcdef123456 ghp_abcdefghijkl xoxb-123456-abc AKIAABCDEFGHIJKL",
         "sk_live_************ ghp_************ xoxb-********** AKIA************"),
        ("", "Authorization: Bearer abcdefghij", "Authorization: Bearer **********"),
        ("", "psql 'host=db password=pw user=a'", "psql 'host=db password=** user=a'"),
        ("", "/?token=abc&x=1", "/?token=***&x=1"),
        ("c.yml", "run: git push https://x-access-token:${{ secrets.T }}@github.com/a/b.git",
         "run: git push https://x-access-token:${{ secrets.T }}@github.com/a/b.git"),
        ("c.yml", "command: redis-cli -a $$REDIS_PASSWORD", "command: redis-cli -a $$REDIS_PASSWORD"),
        ("c.yml", "command: redis-cli -a $${REDIS_PASSWORD}", "command: redis-cli -a $${REDIS_PASSWORD}"),
        ("c.yml", "command: redis-cli -a $${PASS:-abc}", "command: redis-cli -a $${PASS:-***}"),
        ("c.yml", "command: redis-cli -a $$kX82mQz7", "command: redis-cli -a **********"),
        ("c.yml", "run: git push https://x-access-token:abc@github.com/a/b.git",
         "run: git push https://x-access-token:***@github.com/a/b.git"),
    ],
)  # fmt: skip
def test_secrets_are_masked_and_references_are_not(path: str, text: str, expected: str) -> None:
    assert masked(text, path) == expected


@given(
    st.text(alphabet="aPASSWORD_=:\"'`{}$[]()<>-#/@ \t\r\n|,.;\\😀", max_size=200),
    st.sampled_from(["", ".env", "a.yml", "a.tf"]),
)
@settings(max_examples=300, deadline=None)
def test_a_mask_keeps_every_offset_and_every_line_end(text: str, path: str) -> None:
    result = masked(text, path)
    assert len(result) == len(text)
    assert re.sub(r"[^\r\n\t]", "", result) == re.sub(r"[^\r\n\t]", "", text)
    assert all(new in (old, "*") for new, old in zip(result, text, strict=True))


@pytest.mark.parametrize(
    "piece",
    ["password=", "a:", "a.: ", "https://u:", "value='", "PASSWORD: '", "${", "-----BEGIN PRIVATE KEY-----", "x" * 50],
)
def test_hostile_text_is_masked_to_its_end(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    found = ranges(text, "a.yml")
    assert all(0 <= start < end <= len(text) for start, end in found)
