"""Which variables JavaScript and TypeScript files read by name, and what the files are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.nodes import EnvironmentReads
from tests import trees

if TYPE_CHECKING:
    from pathlib import Path


def reads(root: Path, path: str, text: str) -> list[str]:
    graph = trees.graph(root, {"package.json": '{"name": "app"}', path: text})
    return [read.value for file in graph.all(EnvironmentReads) for read in file.reads]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("export const a = process.env.A;", ["A"]),
        ("export const a = process.env['A'] ?? process.env[`B`];", ["A", "B"]),
        ("const { A, B: b, C = 'x' } = process.env;", ["A", "B", "C"]),
        ("export const a = process?.env?.A;", ["A"]),
        ("export const a = import.meta.env.VITE_A + Bun.env.B + Deno.env.get('C');", ["VITE_A", "B", "C"]),
        ("export const a = `http://${process.env.HOST}:${process.env.PORT}`;", ["HOST", "PORT"]),
        ("if (process.env.A === 'x') go();", ["A"]),
        ("process.env.A = 'x';", []),
        ("// process.env.A", []),
        ("/* process.env.A\n process.env.B */ go(process.env.C);", ["C"]),
        ("export const all = parse(process.env);", []),
        ("export const a = process.env[name];", []),
    ],
)
def test_each_way_to_read_a_variable_by_its_name(tmp_path: Path, text: str, names: list[str]) -> None:
    assert reads(tmp_path, "src/a.ts", text) == names


def test_a_read_stands_at_the_name_of_its_variable(tmp_path: Path) -> None:
    text = "export const é = process.env.MAIL_HOST;\n"
    graph = trees.graph(tmp_path, {"apps/web/package.json": "{}", "apps/web/src/a.ts": text})
    (file,) = graph.all(EnvironmentReads)
    (read,) = file.reads
    assert text[read.span.start : read.span.end] == "MAIL_HOST"
    assert (file.path, file.directory, file.purpose) == ("apps/web/src/a.ts", "apps/web", "")


@pytest.mark.parametrize(
    ("path", "purpose"),
    [
        ("src/mail.ts", ""),
        ("src/lib/api.ts", ""),
        ("src/lib/api/client.ts", ""),
        ("src/pages/index.tsx", ""),
        ("src/app/api/mail/route.ts", "server"),
        ("src/middleware.ts", "server"),
        ("src/config/mail.ts", "settings"),
        ("env.mjs", "settings"),
        ("next.config.ts", "tool"),
        ("scripts/deploy.ts", "tool"),
        ("src/serverless/resize/index.ts", "tool"),
        ("prisma/seed.ts", "tool"),
        ("src/mail.test.ts", "test"),
        ("e2e/mail.ts", "test"),
    ],
)
def test_the_path_of_a_file_says_what_it_is_for(tmp_path: Path, path: str, purpose: str) -> None:
    graph = trees.graph(tmp_path, {"package.json": "{}", path: "go(process.env.A);"})
    assert [file.purpose for file in graph.all(EnvironmentReads)] == [purpose]


@pytest.mark.parametrize(
    ("path", "text", "purpose"),
    [
        ("app/layout.tsx", "const session = await auth();", "server"),
        ("src/app/(shop)/page.tsx", "export const dynamic = 'force-dynamic';", "server"),
        ("app/page.tsx", "'use client'\nawait auth();", ""),
        ("app/page.tsx", "// the shop\n'use client'\nawait auth();", ""),
        ("app/page.tsx", "export default function Page() {}", ""),  # made once, when it is built
        ("app/footer.tsx", "await auth();", ""),
    ],
)
def test_a_page_that_a_server_makes_for_each_request_reads_what_is_set_then(
    tmp_path: Path, path: str, text: str, purpose: str
) -> None:
    graph = trees.graph(tmp_path, {"package.json": "{}", path: f"{text}\ngo(process.env.NEXT_PUBLIC_A);\n"})
    assert [file.purpose for file in graph.all(EnvironmentReads)] == [purpose]
