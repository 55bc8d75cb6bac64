"""Every word of the table of secrets is asked of what masks and of the rules that report, and all give one answer."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.knowledge import loading, secrets
from policyengine.knowledge.secrets import Secrets
from policyengine.model.graph import Graph
from policyengine.model.nodes import Service
from policyengine.reports.graph import export
from policyengine.reports.masks import covered, ranges
from policyengine.reports.redact import Redactor
from policyengine.testing import scan_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.plugins import Plugins
    from policyengine.rules.evaluate import Report

TABLE = loading.table("secrets", Secrets)
VALUE = "Zx81kQpo02LmNv57"
"""No word of it is a dummy's, and it has the length and the variety of a secret."""

Expected = Literal["secret", "address", "doubtful", "plain", "none"]


def names() -> Iterator[tuple[str, Expected]]:
    """Names made of each term at each of its places, and what is to be said of them."""
    for term, entry in TABLE.names.items():
        word = term.upper().replace(" ", "_")
        weakens = (entry.level == "plain" and " " not in term) or entry.place == "start"
        sounding = "PASSWORD_" if weakens else ""
        made = {
            "anywhere": [f"{sounding}{word}_ALPHA", f"ALPHA_{sounding}{word}"],
            "end": [f"ALPHA_{sounding}{word}", f"ALPHA_{sounding}{word}_2"],
            "start": [f"{word}_{sounding}ALPHA"],
            "start or end": [f"{word}_{sounding}ALPHA", f"ALPHA_{sounding}{word}"],
        }[entry.place]
        if entry.glued:
            made.append(f"ALPHA{word.replace('_', '')}")
        yield from ((name, entry.level) for name in made)
    yield from ((name, entry.level) for name, entry in TABLE.exact.items())


NAMES = dict(names())
ADDRESSES = ("DATABASE_URL", "APP_REDIS_URL", "MONGODB_URI", "CELERY_BROKER_URL", "PRIMARY_DSN", "DB_URL", "MYSQL_URI")
PLAIN = (
    *("MAX_TOKENS", "TOKEN_TTL", "SECRET_NAME", "PUBLIC_KEY", "PRIMARY_KEY", "KEYCLOAK_URL", "CACHE_KEY_PREFIX"),
    *("PASSWORD_MIN_LENGTH", "ACCESS_TOKEN_EXPIRES_IN", "JWT_ALGORITHM", "NEXT_PUBLIC_API_KEY", "VITE_MAP_TOKEN"),
    *("MONKEY", "COMPASS", "BYPASS", "TOKENIZER", "PASSWORDLESS", "SECRETARY", "HOTKEYS", "KEEPALIVE", "GIT_ASKPASS"),
    *("SENTRY_DSN", "STRIPE_PUBLISHABLE_KEY", "SUPABASE_ANON_KEY", "AWS_ACCESS_KEY_ID", "POSTGRES_PASSWORD_FILE"),
    *("DISABLE_PASSWORD_LOGIN", "MAX_ORGS_PER_PASS", "CORS_ALLOW_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"),
    *("TOKEN_BROKER_URL", "DJANGO_PASSWORD_HASH_ITERATIONS", "SQS_QUEUE_URL", "PORT", "LOG_LEVEL", "NODE_ENV"),
)
ASKED: dict[str, Expected] = {
    **NAMES, **dict.fromkeys(ADDRESSES, "address"), **dict.fromkeys(PLAIN, "none")
}  # fmt: skip

_TASK = """
resource "aws_ecs_cluster" "main" {{
  name = "main"
}}

{resources}

resource "aws_ecs_service" "app" {{
  name            = "app"
  cluster         = aws_ecs_cluster.main.id
  task_definition = aws_ecs_task_definition.app.arn
  desired_count   = 1
}}

resource "aws_ecs_task_definition" "app" {{
  family = "app"
  container_definitions = jsonencode([{{
    name        = "app"
    image       = "ghcr.io/acme/app:1.0"
    essential   = true
    environment = [
{environment}
    ]
  }}])
}}
"""


def task(environment: dict[str, str], resources: str = "") -> str:
    """A task definition whose container has these variables; values are HCL expressions."""
    lines = (f'      {{ name = "{name}", value = {value} }},' for name, value in environment.items())
    return _TASK.format(environment="\n".join(lines), resources=resources)


def secret_of(name: str) -> str:
    """A value that no other name of the tree has: a secret that is known by one name is hidden under every other."""
    return f"{VALUE}{list(ASKED).index(name):03}"


def value_of(name: str) -> str:
    secret = secret_of(name)
    return f"postgres://app:{secret}@db.internal:5432/app" if ASKED[name] == "address" else secret


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, installed: Plugins) -> Report:
    """One scan of a tree with an env file and a variable of the task for each name."""
    files = {f"part-{number}/.env": f"{name}={value_of(name)}\n" for number, name in enumerate(ASKED)}
    files["infra/main.tf"] = task({name: f'"{value_of(name)}"' for name in ASKED})
    return scan_files(files, tmp_path_factory.mktemp("names"), installed)


def reported(report: Report, rule: str) -> set[str]:
    return {str(dict(result.finding.args)["key"]) for result in report.results if result.rule.id == rule}


@pytest.mark.parametrize("name", ASKED)
def test_every_reader_and_rule_says_the_same_of_a_name(name: str, report: Report) -> None:
    level = ASKED[name]
    told = secrets.secrecy(name)
    assert (told or "none") == level or (level == "none" and told == "plain")
    masked = level in ("secret", "doubtful")
    text = f"{name}={VALUE}"
    assert (VALUE not in covered(text, ranges(text, ".env"))) is masked
    assert (VALUE not in Redactor(Graph(()), {}).value(name, VALUE)) is masked
    assert (name in reported(report, "HEX302")) is (level in ("secret", "address"))
    assert (name in reported(report, "HEX306")) is (level in ("secret", "address"))


def test_the_export_shows_no_value_of_a_secret(report: Report) -> None:
    service = next(each for each in report.graph.all(Service) if each.name == "app")
    assert len(service.environment) == len(ASKED)
    exported = json.loads(export(report.graph, report.sources, "json"))
    node = next(each for each in exported["nodes"] if each["id"] == service.id)
    shown = {variable["key"]: variable["value"]["value"] for variable in node["facts"]["environment"]}
    for name, level in ASKED.items():
        hidden = level in ("secret", "doubtful", "address")
        assert (secret_of(name) not in shown[name]) is hidden, name


# --- tokens


@pytest.mark.parametrize("name", TABLE.tokens)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_every_kind_of_token_is_masked_and_told_by_its_form(name: str, data: st.DataObject) -> None:
    kind = TABLE.tokens[name]
    rest = data.draw(st.from_regex(kind.rest, fullmatch=True))
    text = kind.prefix + rest
    shown = covered(text, ranges(text))
    assert shown.startswith(kind.prefix)
    assert set(shown[len(kind.prefix) :]) <= {"*"} or "*" * 4 in shown
    long = len(rest) >= kind.length and not kind.throwaway and not secrets.is_dummy(text, in_token=True)
    assert (secrets.token_kind(text) is not None) is long


REAL = {
    "discord-webhook": "604382915027364851/Kq7vTz2w8Yb3Nc5MKq7vTz2w",
    "slack-trigger": "T7KZ2VXW9/604382915027/Kq7vTz2w8Yb3Nc5MKq7v",
    "slack-workflow": "T7KZ2VXW9/A7KZ2VXW9/604382915027/Kq7vTz2w8Yb3Nc5MKq7v",
    "telegram-bot": "6043829150:Kq7vTz2w8Yb3Nc5MKq7vTz2w8Yb3Nc5MKq7",
    "zapier-hook": "6043829/q7vtz2w8",
    "doppler-service": "prd.Kq7vTz2w8Yb3Nc5Md7Pf9Qg1Rh2Sj4TkKq7vTz2w8",
    "dynatrace": "Q7KZ2VXW9H4JR8MQ7KZ2VXW9.H4JR8MQ7KZ2VXW9H4JR8MQ7KZ2VXW9H4JR8MQ7KZ2VXW9H4JR8MQ7KZ2VXW9H4JR",
    "postman": "0123456789abcdef01234567-0123456789abcdef0123456789abcdef0f",
    "slack-webhook": "T0K7QZ2VX/B0H4JR8MQ/Kq7vTz2w8Yb3Nc5Md7Pf9Qg1",
    "tailscale": "auth-kQ7vTz2w8Yb3-Nc5Md7Pf9Qg1Rh2Sj4TkKq7v",
    "age": "1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQ7",
    "infisical": "a1b2c3d4-e5f6.0123456789abcdef0123456789abcdef.0f1e2d3c",
    "jwt": "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxNzE4In0.Qm9vZ2llV29vZ2ll",
    "resend": "Kq7vTz2w_8Yb3Nc5Md7Pf9Qg1Rh2Sj4Tk",
    "sendgrid": "Kq7vTz2w8Yb3Nc5Md7Pf9Q.g1Rh2Sj4TkKq7vTz2w8Yb3Nc5Md7Pf9Qg1Rh2Sj4Tk0",
}


def real(name: str) -> str:
    """A token as its issuer makes it, of letters that spell nothing."""
    kind = TABLE.tokens[name]
    hexadecimal = "a-f0-9" in kind.rest
    letters = "0123456789abcdef" if hexadecimal else "Q7KZ2VXW9H4JR8M" if "a-z" not in kind.rest else "Kq7vTz2w8Yb3Nc5M"
    rest = REAL.get(name) or (letters * 8)[: max(kind.length, 24)]
    assert re.fullmatch(kind.rest, rest), name
    return kind.prefix + rest


@pytest.fixture(scope="module")
def token_report(tmp_path_factory: pytest.TempPathFactory, installed: Plugins) -> Report:
    files = {f"part-{number}/.env": f"NOTE_{number}={real(name)}\n" for number, name in enumerate(TABLE.tokens)}
    return scan_files(files, tmp_path_factory.mktemp("tokens"), installed)


@pytest.mark.parametrize("name", TABLE.tokens)
def test_a_real_token_is_masked_and_reported_under_any_name(name: str, token_report: Report) -> None:
    kind, text = TABLE.tokens[name], real(name)
    assert text[len(kind.prefix) :] not in covered(text, ranges(text))
    key = f"NOTE_{list(TABLE.tokens).index(name)}"
    assert (key in reported(token_report, "HEX302")) is (not kind.throwaway)


@pytest.mark.parametrize("name", [name for name, kind in TABLE.tokens.items() if kind.published])
def test_a_key_for_browsers_is_no_secret_under_a_public_name(name: str) -> None:
    assert secrets.token_kind(real(name), "NEXT_PUBLIC_MAP_KEY") is None
    assert secrets.token_kind(real(name), "MAP_KEY") is not None


def test_documented_tokens_are_dummies() -> None:
    assert secrets.token_kind("AKIAIOSFODNN7EXAMPLE") is None
    assert secrets.token_kind("ghp_" + "x" * 36) is None
    assert secrets.token_kind("sk-your-openai-api-key-goes-here") is None


def test_a_private_key_is_a_secret_and_a_certificate_is_none() -> None:
    key = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----"
    assert secrets.token_kind(key) == "private-key"
    assert "MHcCAQEE" not in covered(key, ranges(key))
    certificate = "-----BEGIN CERTIFICATE-----\nMIIBkTCB\n-----END CERTIFICATE-----"
    assert secrets.token_kind(certificate) is None
    assert covered(certificate, ranges(certificate)) == certificate


# --- schemes and hashes


@pytest.mark.parametrize("scheme", TABLE.schemes)
def test_what_follows_a_scheme_is_masked(scheme: str) -> None:
    text = f"curl -H 'Authorization: {scheme} {VALUE}' https://api.acme.io"
    assert VALUE not in covered(text, ranges(text))


@pytest.mark.parametrize("beginning", TABLE.hashes)
def test_the_hash_of_a_password_is_masked(beginning: str) -> None:
    digest = "5qZ0GtuB2mPpc4aWx7yVke"
    for written in (beginning, beginning.replace("$", "$$"), beginning.replace("$", "\\$")):
        text = f"users: admin:{written}c4t8saLT${digest}"
        assert digest not in covered(text, ranges(text))
        assert "admin" in covered(text, ranges(text))


# --- dummies


@pytest.fixture(scope="module")
def dummy_report(tmp_path_factory: pytest.TempPathFactory, installed: Plugins) -> Report:
    files = {
        f"part-{number}/.env": f"ALPHA_{number}_SECRET='Zx81kQpo-{dummy}-02LmNv57'\n"
        for number, dummy in enumerate(TABLE.dummies)
    }
    return scan_files(files, tmp_path_factory.mktemp("dummies"), installed)


@pytest.mark.parametrize("dummy", TABLE.dummies)
def test_a_text_with_the_word_of_a_dummy_is_not_reported(dummy: str, dummy_report: Report) -> None:
    assert secrets.is_dummy(f"Zx81kQpo-{dummy}-02LmNv57")
    number = list(TABLE.dummies).index(dummy)
    assert f"ALPHA_{number}_SECRET" not in reported(dummy_report, "HEX302")


def test_a_key_of_letters_that_a_person_typed_is_a_dummy() -> None:
    assert secrets.is_dummy("base64:" + base64.b64encode(b"stub to build the pages with....").decode())
    assert not secrets.is_dummy("base64:" + base64.b64encode(bytes(range(7, 230, 7))).decode())


def test_a_text_made_of_the_words_of_its_own_name_is_a_dummy() -> None:
    assert secrets.is_dummy("partner_gateway_auth_key123", "PARTNER_GATEWAY_AUTH_KEY")
    assert not secrets.is_dummy("partner_gateway_auth_key123", "API_KEY")
    assert not secrets.is_dummy(VALUE, "PARTNER_GATEWAY_AUTH_KEY")


# --- texts that are no secret under any name


@pytest.fixture(scope="module")
def values_report(tmp_path_factory: pytest.TempPathFactory, installed: Plugins) -> Report:
    texts = (*TABLE.values, *(f"{start}{VALUE}" for start in TABLE.references), VALUE)
    environment = {f"ALPHA_{number}_SECRET": f'"{text}"' for number, text in enumerate(texts)}
    files = {"infra/main.tf": task(environment)} | {
        f"part-{number}/.env": f"ALPHA_{number}_SECRET={text}\n" for number, text in enumerate(texts)
    }
    return scan_files(files, tmp_path_factory.mktemp("values"), installed)


def test_a_value_of_the_table_is_no_secret_for_masking_and_for_rules(values_report: Report) -> None:
    for value in TABLE.values:
        for text in (value, value.upper()):
            assert secrets.secrecy_of_value(text) == "plain"
            assert ranges(f"ALPHA_SECRET={text}", ".env") == []
    last = f"ALPHA_{len(TABLE.values) + len(TABLE.references)}_SECRET"
    assert reported(values_report, "HEX302") == reported(values_report, "HEX306") == {last}
    assert secrets.secrecy_of_value(VALUE) is None


@pytest.mark.parametrize(
    ("text", "level"),
    [
        *((each, "plain") for each in ("100/5m", "10/s", "1000/day", "5 per minute", "20 per 1 hour", "3/15min")),
        *((each, None) for each in ("100/5mx", "a/5m", "100/5m/x", "12345678/secret", "5 per")),
    ],
)
def test_a_rate_is_no_secret(text: str, level: str | None) -> None:
    assert secrets.secrecy_of_value(text) == level


@pytest.mark.parametrize("start", TABLE.references)
def test_what_only_leads_to_a_secret_is_masked_when_in_doubt(start: str) -> None:
    assert secrets.secrecy_of_value(f"{start}{VALUE}") == TABLE.references[start].level
    text = f"ALPHA_SECRET={start}{VALUE}"
    assert (ranges(text, ".env") != []) is (TABLE.references[start].level == "doubtful")


# --- attributes of Terraform's resources


def test_what_terraform_values_hold_is_told_by_their_addresses() -> None:
    told = {
        reference: secrets.secrecy_of_reference(reference)
        for reference in (
            "var.db_password", "local.api_token", "module.db.database_url", "var.secret_name", "var.region",
            "aws_db_instance.main.password", "aws_db_instance.main.username", "tls_private_key.a[0].private_key_pem",
            "tls_private_key.a.public_key_openssh", "aws_iam_access_key.ci.secret", "aws_iam_access_key.ci.id",
            "data.aws_secretsmanager_secret_version.db.secret_string", "aws_secretsmanager_secret.db_password.arn",
            "aws_db_instance.main.master_user_secret[0].secret_arn", "random_string.api_secret.result",
            "random_string.suffix.result", "aws_secretsmanager_secret.db_password", "var",
        )
    }  # fmt: skip
    assert told == {
        "var.db_password": "doubtful", "local.api_token": "doubtful", "module.db.database_url": "doubtful",
        "var.secret_name": "plain", "var.region": None,
        "aws_db_instance.main.password": "secret", "aws_db_instance.main.username": None,
        "tls_private_key.a[0].private_key_pem": "secret", "tls_private_key.a.public_key_openssh": "plain",
        "aws_iam_access_key.ci.secret": "secret", "aws_iam_access_key.ci.id": None,
        "data.aws_secretsmanager_secret_version.db.secret_string": "secret",
        "aws_secretsmanager_secret.db_password.arn": None,
        "aws_db_instance.main.master_user_secret[0].secret_arn": "plain", "random_string.api_secret.result": "secret",
        "random_string.suffix.result": "doubtful", "aws_secretsmanager_secret.db_password": None, "var": None,
    }  # fmt: skip


@pytest.mark.parametrize("attribute", TABLE.attributes)
def test_an_attribute_of_the_table_is_traced_to_the_variable_that_holds_it(
    attribute: str, tmp_path_factory: pytest.TempPathFactory, installed: Plugins
) -> None:
    level = TABLE.attributes[attribute].level
    kind, _, name = attribute.removeprefix("data.").partition(".")
    block, address = (
        ("data", f"data.{kind}.it.{name}") if attribute.startswith("data.") else ("resource", f"{kind}.it.{name}")
    )
    resource = f'{block} "{kind}" "it" {{\n}}\n'
    environment = {"ALPHA": address, "ALPHA_TOKEN": address}
    files = {"infra/main.tf": task(environment, resource)}
    report = scan_files(files, tmp_path_factory.mktemp("attribute"), installed)
    wanted = {"secret": {"ALPHA", "ALPHA_TOKEN"}, "doubtful": {"ALPHA_TOKEN"}, "plain": set()}[level]
    assert reported(report, "HEX306") == wanted


@pytest.mark.parametrize(
    ("reference", "level"),
    [
        ("module.m.random_password.db.result", "secret"),
        ('module.m["a"].module.n.random_password.db[0].result', "secret"),
        ("module.m.data.vault_generic_secret.app.data", "secret"),
        ("module.m.aws_db_instance.main.address", None),
        ("module.m.db_password", "doubtful"),
        ("module.m.outputs.db_password", "doubtful"),
        ("helm_release.app.set_sensitive.value", "secret"),
        ("random_string.db_password.result", "secret"),
    ],
)
def test_a_reference_into_a_local_module_says_what_it_says_there(reference: str, level: str | None) -> None:
    assert secrets.secrecy_of_reference(reference) == level
