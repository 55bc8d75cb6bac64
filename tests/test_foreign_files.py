"""Files of a tree that are none of the system's: templates, what is encrypted, data of tests; and what git keeps."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from policyengine import engine
from policyengine.repository import discover
from policyengine.repository.git_index import Committed

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.rules.evaluate import Report

COMPOSE = "services: {app: {image: x}}\n"


def report(root: Path, files: dict[str, str | bytes]) -> Report:
    for name, content in ({"docker-compose.yml": COMPOSE} | files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return engine.scan([root])


def aside(found: Report) -> dict[str, str]:
    return {each.chosen: each.reason for each in found.graph.choices if each.what == "file left aside"}


TEMPLATES: dict[str, str | bytes] = {
    "{{cookiecutter.slug}}/Dockerfile": "FROM {{ cookiecutter.base }} AS\n",
    "app/package.json": '{"name": "{{ cookiecutter.slug }}", {% if x %}"a": 1{% endif %}}',
    "infra/main.tf": 'resource "aws_db_instance" "b" {\n{% if x %}\n  port = 1\n{% endif %}\n}\n',
    ".github/workflows/ci.yml": "on: push\n{% if x %}\njobs: {}\n{% endif %}\n",
}


def test_a_template_that_is_not_rendered_is_left_aside_and_no_failure(tmp_path: Path) -> None:
    found = report(tmp_path, TEMPLATES)
    assert (found.failures, aside(found)) == ((), dict.fromkeys(TEMPLATES, "it is a template that is not rendered"))


@pytest.mark.parametrize("text", ['resource "a" {\n', 'locals {\n  a = "${b\n}\n'])
def test_what_is_broken_without_being_a_template_is_a_failure(tmp_path: Path, text: str) -> None:
    assert [each.span.path for each in report(tmp_path, {"infra/main.tf": text}).failures if each.span] == [
        "infra/main.tf"
    ]


def test_broken_data_of_tests_is_left_aside(tmp_path: Path) -> None:
    found = report(tmp_path, {"parser/testdata/broken.tf": 'resource "a" {\n'})
    assert (found.failures, aside(found)) == ((), {"parser/testdata/broken.tf": "it is data of tests"})


ZONE = 'variable "zone" {}\nresource "aws_sqs_queue" "jobs" { name = var.zone }\n'


def test_a_document_or_an_example_of_a_variable_file_that_cannot_be_read_is_left_aside(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "README.md": b"127.0.0.1 caf\xe9.local\n",
        "infra/main.tf": ZONE,
        "infra/demo.tfvars.example": "zone =\n",
    }
    found = report(tmp_path, files)
    assert found.failures == ()
    assert aside(found) == {
        "README.md": "it is a document",
        "infra/demo.tfvars.example": "it is an example of a variable file",
    }


def test_a_variable_file_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    found = report(tmp_path, {"infra/main.tf": ZONE, "infra/terraform.tfvars": "zone =\n"})
    assert [each.span.path for each in found.failures if each.span] == ["infra/terraform.tfvars"]


ENCRYPTED: dict[str, str | bytes] = {
    ".env.git-crypt": b"\0GITCRYPT\0\1\2",
    ".env.ansible": b"$ANSIBLE_VAULT;1.1;AES256\n6638\n",
    ".env.plain-age": b"age-encryption.org/v1\n-> X25519 a b\n---\n\1",
    ".env.armored-age": b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n",
    ".env.pgp": b"-----BEGIN PGP MESSAGE-----\n\nhQ==\n-----END PGP MESSAGE-----\n",
    ".env.by-sops": b"A=ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops_version=3.8.1\n",
}


def test_an_encrypted_file_is_left_aside(tmp_path: Path) -> None:
    found = report(tmp_path, ENCRYPTED)
    assert (found.failures, aside(found)) == ((), dict.fromkeys(ENCRYPTED, "it is encrypted"))


def test_programs_and_scripts_in_another_encoding_are_left_aside_and_other_files_are_a_failure(tmp_path: Path) -> None:
    latin = "# caf\u00e9\n".encode("latin-1")
    programs: dict[str, str | bytes] = {
        "bin/migrate": b"\x7fELF\2\1\1\0\xff",
        "bin/large": b"\xcf\xfa\xed\xfe" + b"\0" * discover.MAX_BYTES,
        "bin/plan": b"PK\3\4\x14\0\x08\0\xff\xfe",
        "bin/picture": b"\x89PNG\r\n\x1a\n",
        "bin/unknown": b"\x93\x12\0\xff",
        "docker-compose.prod.yml": b"PK\5\6" + b"\0" * 18,
        "scripts/deploy": b"#!/bin/sh\n" + latin,
        "scripts/old.sh": latin,
    }
    found = report(tmp_path, {**programs, "Dockerfile": b"FROM x\nRUN " + latin[2:], "bin/data": b"a\0"})
    assert {each.span.path for each in found.failures if each.span} == {"Dockerfile", "bin/data"}
    assert aside(found) == {
        "bin/large": "it is a program or an archive",
        "bin/migrate": "it is a program or an archive",
        "bin/picture": "it is a program or an archive",
        "bin/plan": "it is a program or an archive",
        "bin/unknown": "it is a program or an archive",
        "docker-compose.prod.yml": "it is a program or an archive",
        "scripts/deploy": "it is not UTF-8 text: invalid byte at offset 15",
        "scripts/old.sh": "it is not UTF-8 text: invalid byte at offset 5",
    }


def test_code_in_another_encoding_is_looked_into_all_the_same(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "package.json": '{"name": "a", "dependencies": {"express": "4"}}',
        "a.js": b"// caf\xe9\nmodule.exports = process.env.API_URL;\n",
        "b/A.cs": "// caf\u00e9".encode("utf-16"),
        "b/migrations/1.sql": "-- caf\u00e9\nCREATE TABLE a (b int);\n".encode("cp1252"),
    }
    found = report(tmp_path, {**files, "docker-compose.yml": "services:\n  a:\n    build: .\n"})
    assert (found.failures, "a.js" in found.sources) == ((), True)


def test_what_git_and_docker_read_by_bytes_needs_no_encoding(tmp_path: Path) -> None:
    latin = "# caf\u00e9\n".encode("latin-1")
    files: dict[str, str | bytes] = {
        ".gitignore": latin + b"secret.tf\n",
        "secret.tf": "}",
        "Dockerfile": latin + b"FROM node:22\n",
        ".env": latin,
    }
    found = report(tmp_path, {**files, ".dockerignore": latin[2:]})
    assert (found.failures, sorted(found.sources)) == (
        (),
        [".dockerignore", ".env", ".gitignore", "Dockerfile", "docker-compose.yml"],
    )


def test_a_file_beside_an_env_file_is_none(tmp_path: Path) -> None:
    found = report(tmp_path, {f".env.{end}": "no variable\n" for end in ("age", "patch", "golden", "j2", "gpg")})
    assert (found.failures, [each.chosen for each in found.graph.choices]) == ((), ["docker-compose.yml"])


def test_a_nul_in_code_is_no_failure(tmp_path: Path) -> None:
    names = ("app/settings.py", "config/env.ts", "internal/config/config.go")
    assert report(tmp_path, dict.fromkeys(names, b"a = '\0'\n")).failures == ()


def test_git_reads_a_line_of_gitignore_up_to_a_nul_byte(tmp_path: Path) -> None:
    lines = b"out.tf\nno.tf\0\0\n\0k\0e\0p\0t\0\nlast.tf\0"
    names = ("out.tf", "no.tf", "kept.tf", "last.tf")
    found = report(tmp_path, {".gitignore": lines, ".dockerignore": lines, **dict.fromkeys(names, b"\n")})
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    ignored = subprocess.run([*git, "check-ignore", *names], check=True, capture_output=True).stdout.decode().split()
    assert (found.failures, set(names) - set(found.sources)) == ((), set(ignored))


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_a_committed_file_counts_although_gitignore_lists_it(tmp_path: Path, version: str) -> None:
    for name in ("build/sub/main.tf", "build/out.tf", ".env", "app/local.env", "app/kept.env"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("\n")
    (tmp_path / ".gitignore").write_text("build/\n*.env\n.env\n")
    kept = ["build/sub/main.tf", ".env", "app/kept.env"]
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-f", "-N" if version == "3" else "-f", *kept], check=True)
    subprocess.run([*git, "update-index", "--index-version", version], check=True)
    listed = subprocess.run([*git, "ls-files", "-z"], check=True, capture_output=True).stdout.decode().split("\0")
    assert Committed(tmp_path).files == frozenset(listed) - {""} == frozenset(kept)
    assert discover.discover([tmp_path]).paths == (".env", ".gitignore", "app/kept.env", "build/sub/main.tf")


def test_an_index_whose_names_would_fill_the_memory_keeps_nothing(tmp_path: Path) -> None:
    entry = b"\0" * 62 + b"\0" + b"a" * 100 + b"\0"  # it drops nothing of the name before
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/index").write_bytes(b"DIRC\0\0\0\4" + (2_000).to_bytes(4, "big") + entry * 2_000)
    assert Committed(tmp_path).files == frozenset()


@pytest.mark.parametrize("content", [b"", b"DIRC", b"DIRC\0\0\0\2\xff\xff\xff\xff", b"DIRC\0\0\0\x09\0\0\0\1"])
def test_an_index_that_is_not_understood_keeps_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/index").write_bytes(content)
    assert Committed(tmp_path).files == frozenset()
