"""What files say of the laptop's network: Playwright's address, Supabase's ports, lines for a hosts file, Compose files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.knowledge.ports import is_local_name, port_given, speaks_scheme
from policyengine.model.image import Version
from policyengine.model.nodes import Beside, BrowserTests, HostAlias, Passing, SupabaseStack
from policyengine.model.source import Source, Span
from policyengine.model.value import Absent, Known, Unknown
from policyengine.platforms.code import browser_tests, host_aliases, passing, supabase
from policyengine.testing.memory import Memory
from tests import trees

if TYPE_CHECKING:
    from pathlib import Path


def playwright(text: str) -> BrowserTests:
    (node,) = browser_tests.lower("e2e/playwright.config.ts", Memory({"e2e/playwright.config.ts": text})).nodes
    assert isinstance(node, BrowserTests)
    return node


@pytest.mark.parametrize(
    ("text", "url", "keys", "starts"),
    [
        ('export default { use: { baseURL: "http://a:1" } };', "http://a:1", (), False),
        ('module.exports = { use: { baseURL: "http://a:1" }, webServer: {} };', "http://a:1", (), True),
        (
            'import d from "x";\nconst c = { use: { baseURL: `http://a:1` } };\nexport default d(c);',
            "http://a:1",
            (),
            False,
        ),
        (
            'const use = { baseURL: process.env.A ?? "http://a:1" };\nexport default { use };',
            "http://a:1",
            ("A",),
            False,
        ),
        ("const P = 3;\nexport default { use: { baseURL: `http://a:${P}` } };", "http://a:3", (), False),
        (
            'export default { use: { baseURL: process.env["A"] || process.env.B || "http://a:1" } };',
            "http://a:1",
            ("A", "B"),
            False,
        ),
        ('export default { use: { baseURL: "http://a:1" }, webServer: undefined };', "http://a:1", (), False),
    ],
)
def test_playwright_begins_at_what_no_variable_says_otherwise(
    text: str, url: str, keys: tuple[str, ...], starts: bool
) -> None:
    node = playwright(text)
    assert isinstance(node.base_url, Known)
    assert (node.base_url.value, node.keys, node.starts, node.directory) == (url, keys, starts, "e2e")


def test_the_place_of_an_address_is_the_text_between_the_quotes() -> None:
    text = 'export default { use: { baseURL: "http://a:1" } };'
    assert playwright(text).base_url.span == Span("e2e/playwright.config.ts", 34, 44)


@pytest.mark.parametrize(
    "given", ["url()", "process.env.STAGE ? 'http://a' : 'http://b'", "`http://${host()}`", "x + 'a'"]
)
def test_an_address_that_code_computes_is_not_known(given: str) -> None:
    assert isinstance(playwright(f"export default {{ use: {{ baseURL: {given} }} }};").base_url, Unknown)


def test_a_configuration_without_an_address_has_none_and_code_without_an_object_says_nothing() -> None:
    assert isinstance(playwright("export default { use: {} };").base_url, Absent)
    path = "playwright.config.ts"
    assert browser_tests.lower(path, Memory({path: "export default make;"})).nodes == ()
    assert browser_tests.paths(Memory({path: "", "src/playwright.ts": "", "a/playwright-ct.config.mts": ""})) == [
        "a/playwright-ct.config.mts",
        path,
    ]


def test_supabase_takes_the_ports_of_its_settings_and_its_defaults() -> None:
    told = stack("[db]\nport = 6000\nmajor_version = 15\n[studio]\nport = 6001\n")
    found = {port.value for port in told.ports if isinstance(port, Known)}
    assert {6000, 6001, 54321, 54320} <= found
    assert found.isdisjoint({15, 54322, 54323})
    assert told.version == Known(Version(15), Span(told.path, 33, 35))


@pytest.mark.parametrize("major", ["env(MAJOR)", "²", "9" * 5_000, "15\n[db"])
def test_a_configuration_of_supabase_that_is_not_understood_leaves_the_defaults(major: str) -> None:
    told = stack(f"[db]\nmajor_version = {major}\n")
    assert Known(54322, Span(told.path, 0, 0)) in told.ports
    assert isinstance(told.version, Known) == major.startswith("15")


def stack(text: str) -> SupabaseStack:
    path = "supabase/config.toml"
    (node,) = supabase.lower(path, Memory({path: text})).nodes
    assert isinstance(node, SupabaseStack)
    return node


def aliases(files: dict[str, str]) -> list[tuple[str, str, str, bool]]:
    nodes = host_aliases.lower(Memory(files)).nodes
    return [(each.path, each.name, each.address, each.used) for each in nodes if isinstance(each, HostAlias)]


def test_lines_for_a_hosts_file_are_read_wherever_they_are_told() -> None:
    found = aliases(
        {
            "docs/setup.md": "Add `127.0.0.1  Shop.local api.shop.local` to /etc/hosts.",
            "scripts/up.sh": "echo '::1 admin.test' >> /etc/hosts",
            "Makefile": "hosts:\n\techo 10.0.0.1 db.cluster.local x.example.com",
            "app/.env": "URL=http://shop.local",
            "a/b/c/deep.md": "127.0.0.1 deep.local",
        }
    )
    assert found == [
        ("docs/setup.md", "shop.local", "127.0.0.1", True),
        ("docs/setup.md", "api.shop.local", "127.0.0.1", False),
        ("scripts/up.sh", "admin.test", "::1", False),
    ]


def test_names_that_no_public_server_knows() -> None:
    assert [is_local_name(host) for host in ("a.local", "a.b.test", "db.cluster.local", "local", "a.example.com")] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("line", "port"),
    [
        ("next start --port 3001", 3001),
        ("gunicorn -b 0.0.0.0:8000 app", 8000),
        ("gunicorn --bind=:8001 app", 8001),
        ("python manage.py runserver 0.0.0.0:8002", 8002),
        ("node server.js 3000", None),
        ("tsx -p tsconfig.json", None),
    ],
)
def test_the_port_that_a_command_gives_its_server(line: str, port: int | None) -> None:
    assert port_given(line.split()) == port


def test_schemes_that_a_server_speaks() -> None:
    assert speaks_scheme("postgres", "postgresql+asyncpg") is True
    assert speaks_scheme("postgres", "db+postgresql") is True
    assert speaks_scheme("redis", "http") is False
    assert speaks_scheme("postgres", "exotic") is None
    assert speaks_scheme("minio", "http") is None


def test_other_compose_files_tell_their_services_and_the_ports_that_they_take(tmp_path: Path) -> None:
    graph = trees.graph(
        tmp_path,
        {
            "compose.yml": "services:\n  app:\n    build: .\n",
            "tools/compose.tools.yml": """
                services:
                  Mail:
                    image: axllent/mailpit
                    ports: ["${MAIL:-8025}:80", {target: 1025, published: "1026"}]
            """,
        },
    )
    (other,) = graph.all(Beside)
    assert (other.path, other.names) == ("tools/compose.tools.yml", ("mail",))
    numbers = {port.value for port in other.ports if isinstance(port, Known)}
    assert {8025, 1026} <= numbers
    assert 1025 not in numbers
    assert Source(other.path, "").span(0, 0) == other.span


def test_files_that_pass_requests_on_tell_the_variables_that_they_name() -> None:
    files = Memory(
        {
            "web/Caddyfile": "reverse_proxy /api* {$VITE_BACKEND_URL}",
            "web/vite.config.ts": "export default { server: { proxy: { '/api': process.env.API_URL } } };",
            "web/src/api.ts": "import.meta.env.VITE_OTHER_URL",
            "nginx.conf": "listen 80;",
        }
    )
    assert passing.paths(files) == ["nginx.conf", "web/Caddyfile", "web/vite.config.ts"]
    made = [node for path in passing.paths(files) for node in passing.lower(path, files).nodes]
    assert [(each.path, each.keys) for each in made if isinstance(each, Passing)] == [
        ("web/Caddyfile", ("VITE_BACKEND_URL",)),
        ("web/vite.config.ts", ("API_URL",)),
    ]
