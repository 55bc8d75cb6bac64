"""What programs take as a secret is hidden in texts and in the words of a command; nothing beside it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from policyengine.knowledge import loading
from policyengine.knowledge.secret_words import SecretWords, told
from policyengine.model.graph import Graph
from policyengine.reports.masks import covered, ranges
from policyengine.reports.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = msgspec.convert(loading.table("secret_words", SecretWords), SecretWords)
VALUE = "kX82mQz7Lw4pTn9R"


def lines(program: str) -> Iterator[tuple[list[str], str]]:
    """Every way in which a program takes a secret: what stands behind its name, and the word that holds the secret."""
    taking = TABLE.programs[program]
    for option in taking.options:
        yield [option, VALUE], VALUE
        yield [f"{option}={VALUE}"], VALUE
        if len(option) == 2:
            yield [option + VALUE], VALUE
    for option in taking.apart:
        yield [option, VALUE], VALUE
    for option in taking.glued:
        yield [option + VALUE], VALUE
    for option in taking.pairs:
        yield [option, f"app{taking.sign}{VALUE}"], VALUE
    for position in taking.operands:
        yield [*(f"w{each}" for each in range(1, position)), VALUE], VALUE
    for option in taking.assigned:
        yield [*([option] if option else []), f"plain={VALUE}"], VALUE
    if taking.printed:
        yield ["port=%s:api_token=%s", "8080", VALUE], VALUE
    if taking.paired:
        yield ["gems.acme.io", f"app:{VALUE}"], VALUE
    if taking.named:
        yield ["main.authToken", VALUE], VALUE


def names(program: str) -> Iterator[str]:
    """The names of a program, whole where the last part is only the beginning of a word."""
    for name in (program, *TABLE.programs[program].also):
        yield f"{name}acme" if name.endswith(".") else name


@pytest.mark.parametrize("program", TABLE.programs)
def test_what_a_program_takes_is_hidden_in_texts_and_in_words(program: str) -> None:
    for name in names(program):
        for behind, secret in lines(program):
            words = ["env", "A=b", *name.split(), *behind]
            forms = (
                " ".join(words),
                f'sh -c "{" ".join(words)}"',
                "[" + ", ".join(f'"{each}"' for each in words) + "]",
                "[" + ", ".join(words) + "]" if "," not in behind[-1] else "",
                "command:\n" + "".join(f"  - {each}\n" for each in words),
                " \\\n  ".join(words),
            )
            for text in forms:
                assert secret not in covered(text, ranges(text)), text
            shown = Redactor(Graph(()), {}).words(words)
            assert secret not in " ".join(shown)
            assert shown[: 2 + len(name.split())] == tuple(words[: 2 + len(name.split())])


@pytest.mark.parametrize("program", [name for name, taking in TABLE.programs.items() if taking.input == "password"])
def test_what_a_program_reads_is_hidden(program: str) -> None:
    for name in names(program):
        for text in (
            f"echo {VALUE} | {name} x",
            f"printf '%s\\n' '{VALUE}' | sudo {name} x",
            f'{name} x <<< "{VALUE}"',
            f"{name} x <<EOF\n{VALUE}\nEOF\n",
            f"cat <<'EOF' | {name} x\n{VALUE}\nEOF\n",
            f'"{VALUE}" | {name} x',
        ):
            assert VALUE not in covered(text, ranges(text)), text


@pytest.mark.parametrize("directive", TABLE.directives)
def test_what_follows_a_directive_of_a_server_is_masked(directive: str) -> None:
    assert VALUE not in covered(f"{directive} {VALUE}", ranges(f"{directive} {VALUE}"))
    assert Redactor(Graph(()), {}).words(["redis-server", directive, VALUE])[-1] == "*" * len(VALUE)


@pytest.mark.parametrize("flag", TABLE.flags)
def test_an_option_that_takes_nothing_hides_nothing(flag: str) -> None:
    text = f"tool --{flag}-password db.internal"
    assert covered(text, ranges(text)) == text


@pytest.mark.parametrize(
    "line",
    [
        "docker run -p 3000:3000 acme/app",
        "docker login registry.example.com --password-stdin < token.txt",
        "docker secret create db_password ./db.txt",
        "psql -p 5432 -U app",
        "ssh -p 2222 host",
        "kubectl create configmap a --from-literal=mode=fast",
        "npm config set registry https://registry.example.com",
        "pulumi config set region eu-west-1",
        "curl -u app https://example.com",
        "htpasswd -c users app",
        "mysql -p shop",
        "mysql -h db -P3306 shop",
        "printf '%s=%s password' kX82mQz7Lw4pTn9R kX82mQz7Lw4pTn9R",
        "bundle config set mirror.https://rubygems.org https://gems.acme.io",
        "push user:jane.doe@acme.io",
        "push npm:lodash@4.17.21",
        "push mailto:Jane.DoeSmith2024@acme.io",
        "nats --creds app.creds pub subject",
        "openssl req -key server.key -keyout x.pem",
        "keytool -storepass:env PLACE",
        "vault kv get secret/app",
    ],
)
def test_words_that_are_no_secrets_are_shown(line: str) -> None:
    assert covered(line, ranges(line)) == line
    assert Redactor(Graph(()), {}).words(line.split()) == tuple(line.split())


def test_programs_that_start_others_are_looked_through() -> None:
    words = ["docker", "exec", "db", "mysql", "-uroot", f"-p{VALUE}", "shop"]
    assert [(each.word, each.start) for each in told(words).words] == [(5, 2)]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (f"curl -u sk_live_{VALUE}:{VALUE} x", f"curl -u sk_live_{'*' * 16}:{'*' * 16} x"),
        (f"vault kv put app sk_live_{VALUE}={VALUE}", f"vault kv put app sk_live_{'*' * 16}={'*' * 16}"),
    ],
)
def test_a_token_beside_what_a_program_takes_is_hidden_too(line: str, shown: str) -> None:
    assert covered(line, ranges(line)) == shown
    assert " ".join(Redactor(Graph(()), {}).words(line.split())) == shown
