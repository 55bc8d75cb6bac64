"""Texts near those that people write: the files of our fixtures, and snippets of the forms that formats have, changed.

All choices come from one `random.Random`, so that a seed names a change, and hypothesis can make it small.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

FIXTURES = Path(__file__).parents[2] / "fixtures"

_TOKEN = re.compile(r"\w+|[ \t]+|\r?\n[ \t]*|.", re.DOTALL)

PIECES = (
    "${A}", "${A:-b}", "${A:?c}", "$A", "$$", "${", "}", "$(", ")", "`", "'", '"', "'''", '"""', "\\", "\\\n", "\n", "\n\n", "\t",
    "{{", "}}", "{{ a }}", "{{.A}}", "{% if a %}", "${{ inputs.a }}", "${{ matrix.a }}", "${{", "%{if a}", "%{endif}", "%{", "*a", "&a", "&a b",
    "<<: *a", "<<", "<<E\n", "<<-E\na\nE\n", "|\n  a", ">-\n  a", "- ", "---\n", "...\n", "? a", ": b", "!a", "!!binary", "[", "]", "{", "(", ",",
    ";", "&&", "||", "|", "&", "#", " # a", "//", "/*", "*/", "--", "=>", "=", ":=", "?=", "+=", "==", "@", "@sha256:", ":", "::", "://", "/", "../",
    "~", "null", "true", "no", "0", "-1", "1e400", "0x1", "1_000", "9" * 40, "\0", "\ufeff", "\u2028", "\u202e", "\x1b[0m", "\r", "é", "\U0001f600", "\\ud800",
    "for_each = a", "count = 2", 'dynamic "a" {', "each.key", "local.a", "var.a", "module.a", "data.a.b", "path.module", "jsonencode(", "try(",
    "FROM a AS b\n", "COPY --from=b a c\n", "ARG A=b\n", "ENV A b\n", "ONBUILD ", "HEALTHCHECK NONE\n", "# syntax=a\n", "# escape=`\n", "SHELL [",
    "extends: a", "extends: {service: a, file: b.yml}", "include: a.yml", "env_file: a", "depends_on: [a]", "build: .", "ports: ['1-3:1-3']",
    "uses: ./a", "needs: [a]", "if: always()", "strategy: {matrix: {a: [1, 2]}}", "run: make a", "shell: bash", "on: workflow_call",
    "a: b c\n\td\n", "ifdef A\n", "endif\n", "include a.mk\n", "define A\n", "$(call a,b)", "$(foreach a,b,c)", "$(eval a)", "export A\n", ".PHONY: a\n",
    "a b='c' *d: (e f) && g\n    h\n", "import 'a'\n", "mod a\n", "set shell := ['a']\n", "alias a := b\n", "[private]\n", "#!/bin/sh\n",
    "if a; then b; fi", "for a in b; do c; done", "case a in b) c;; esac", "a() { b; }", "sh -c 'a'", "docker compose up -d", "docker build -t a .", "exit 1",
    "process.env.A", "z.object({", "import a from 'b'", "export default", "`${a}`", "CREATE EXTENSION vector;", "$$", "E'a\\'", 'env("A")',
    "postgres://a:b@c:5432/d?e=f", "redis://", "http://localhost:3000", "postgres:16.4", "a/b/c:d@sha256:e", "**/a", "!a", "[a-", "[!a]",
)  # fmt: skip
"""Snippets of all formats: a text takes some of them at any place."""


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """The files of the fixtures that are text: path in its tree, and text."""
    found: list[tuple[str, str]] = []
    for tree in ("hndigest", "diverged"):
        for path in sorted((FIXTURES / tree).rglob("*")):
            if path.is_file() and ".git/" not in path.as_posix() and path.stat().st_size < 60_000:
                try:
                    found.append((path.relative_to(FIXTURES / tree).as_posix(), path.read_text("utf-8")))
                except UnicodeDecodeError:
                    continue
    return tuple(found)


def mutated(text: str, random: Random, others: tuple[str, ...] = ()) -> str:
    """A text with some tokens left out, doubled, swapped or replaced, and pieces of others put in."""
    tokens: list[str] = _TOKEN.findall(text)
    for _ in range(random.randint(1, 6)):
        at = random.randint(0, len(tokens))
        size = random.choice((1, 1, 2, 5, 20))
        match random.randint(0, 7):
            case 0:
                del tokens[at : at + size]
            case 1:
                tokens[at:at] = tokens[at : at + size]
            case 2 if tokens:
                other = random.randrange(len(tokens))
                here = min(at, len(tokens) - 1)
                tokens[here], tokens[other] = tokens[other], tokens[here]
            case 3 if others:
                taken = _TOKEN.findall(random.choice(others))
                start = random.randint(0, len(taken))
                tokens[at:at] = taken[start : start + size]
            case 4:
                tokens[at:] = []
            case 5:
                tokens[at:at] = [random.choice(PIECES)] * random.choice((1, 1, 1, 3, 40))
            case _:
                tokens.insert(at, random.choice(PIECES))
    return "".join(tokens)
