"""The servers that Playwright's configuration starts in CI, and what decides it."""

from __future__ import annotations

import time

import pytest

from policyengine.model.nodes import BrowserTests
from policyengine.model.value import Absent, Known, Unknown
from policyengine.platforms.code import browser_tests
from policyengine.testing.memory import Memory

PATH = "web/playwright.config.ts"
SERVER = '{ command: "npm run dev", port: 3000 }'


def read(config: str, before: str = "") -> BrowserTests:
    files = Memory({PATH: f"{before}\nexport default defineConfig({{\n  {config}\n}});\n"})
    (node,) = browser_tests.lower(PATH, files).nodes
    assert isinstance(node, BrowserTests)
    return node


@pytest.mark.parametrize(
    ("config", "unless", "given"),
    [
        (f"webServer: {SERVER}", (), ()),
        (f"webServer: [{SERVER}]", (), ()),
        (f"webServer: process.env.CI ? {SERVER} : undefined", (), ()),
        (f"webServer: process.env.BASE_URL ? undefined : {SERVER}", ("BASE_URL",), ()),
        (f"webServer: !process.env['BASE_URL'] && {SERVER}", ("BASE_URL",), ()),
        (f'webServer: process.env.START === "1" ? {SERVER} : null', (), ("START",)),
        (f'webServer: process.env.START !== "true" ? undefined : {SERVER}', (), ("START",)),
        (f"webServer: process.env.A || process.env.B ? undefined : {SERVER}", ("A", "B"), ()),
        (f"webServer: process.env.CI && process.env.START ? {SERVER} : undefined", (), ("START",)),
        (f"...(process.env.CI ? {{ webServer: {SERVER} }} : {{}})", (), ()),
        (f"...(!process.env.BASE_URL && {{ webServer: {SERVER} }})", ("BASE_URL",), ()),
    ],
)
def test_a_server_starts_where_its_conditions_hold_in_ci(
    config: str, unless: tuple[str, ...], given: tuple[str, ...]
) -> None:
    node = read(config)
    (server,) = node.servers
    assert (server.unless, server.given, server.doubt, node.starts) == (unless, given, None, True)
    assert isinstance(server.command, Known)
    assert (server.command.value, server.directory) == ("npm run dev", "web")


@pytest.mark.parametrize(
    ("config", "starts"),
    [
        (f"webServer: process.env.CI ? undefined : {SERVER}", True),
        (f"webServer: !process.env.CI && {SERVER}", True),
        (f"webServer: isCI ? [] : [{SERVER}]", True),
        (f"...(isCI ? {{}} : {{ webServer: {SERVER} }})", True),
        (f'webServer: process.env.CI === "true" ? undefined : {SERVER}', True),
        *((f"webServer: {nothing}", False) for nothing in ("undefined", "null", "false")),
        ("retries: 1", False),
    ],
)
def test_a_server_that_is_left_out_in_ci_is_none(config: str, starts: bool) -> None:
    found = read(config, "const isCI = Boolean(process.env.CI);")
    assert (found.servers, found.starts) == ((), starts)


@pytest.mark.parametrize(
    ("value", "holds"), [("undefined", False), ("null", False), ("false", False), ("'1'", True), ("''", False)]
)
def test_what_a_variable_is_held_against_tells_whether_it_must_be_set(value: str, holds: bool) -> None:
    (server,) = read(f"webServer: process.env.START === {value} ? {SERVER} : undefined").servers
    assert (server.given, server.unless) == ((("START",), ()) if holds else ((), ("START",)))


@pytest.mark.parametrize(
    ("told", "reused"),
    [("", False), ("true", True), ("!process.env.CI", False), ("process.env.CI", True), ("!isCI", False)],
)
def test_whether_a_running_server_is_taken(told: str, reused: bool) -> None:
    more = f", reuseExistingServer: {told}" if told else ""
    (server,) = read(f'webServer: {{ command: "npm start"{more} }}', "const isCI = !!process.env.CI;").servers
    assert isinstance(server.reuses, Known)
    assert server.reuses.value is reused
    assert isinstance(server.address, Absent)


def test_what_code_computes_is_open() -> None:
    (server,) = read("webServer: { command: command(), cwd: '..', reuseExistingServer: reuse() }").servers
    assert isinstance(server.command, Unknown)
    assert isinstance(server.reuses, Unknown)
    assert server.directory == ""
    (server,) = read(f"webServer: target() ? {SERVER} : undefined").servers
    assert server.doubt is not None
    assert server.doubt.reason == "whether the server starts in CI is computed"


def test_where_ci_alone_decides_it_what_holds_there_counts() -> None:
    node = read("use: { baseURL: process.env.CI ? 'http://localhost:3000' : 'http://localhost:5173' }")
    assert isinstance(node.base_url, Known)
    assert node.base_url.value == "http://localhost:3000"


@pytest.mark.parametrize(
    ("config", "before"),
    [
        ("...a", "const a = { ...a, ...a, webServer: a };"),
        ("webServer: a0", "".join(f"const a{n} = [{', '.join([f'a{n + 1}'] * 30)}];\n" for n in range(14))),
        ("use: { baseURL: a0 }", "".join(f"const a{n} = `{f'${{a{n + 1}}}' * 30}`;\n" for n in range(14))),
        ("webServer: c ? a : a", "const c = !c || c && c;\nconst a = c ? a : a;"),
    ],
    ids=["itself", "arrays", "templates", "conditions"],
)
def test_names_that_multiply_keep_nobody_busy(config: str, before: str) -> None:
    began = time.process_time()
    browser_tests.lower(PATH, Memory({PATH: f"{before}\nexport default {{ {config} }};\n"}))
    assert time.process_time() - began < 2
