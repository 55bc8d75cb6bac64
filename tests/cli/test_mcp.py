"""A client of the Model Context Protocol, talking to the program."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from policyengine.cli import main
from policyengine.cli.mcp import Tools

ROOT = Path(__file__).parent.parent.parent
FIXTURES = ROOT / "fixtures"


def test_a_client_scans_explains_and_asks() -> None:
    anyio = pytest.importorskip("anyio")
    mcp = pytest.importorskip("mcp", reason="an extra")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "policies")])}
    program = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "policyengine", "mcp", str(FIXTURES)], env=environment
    )

    async def talk() -> tuple[set[str], list[Any]]:
        async with mcp.stdio_client(program) as (read, write), mcp.ClientSession(read, write) as session:
            await session.initialize()
            tools = {each.name for each in (await session.list_tools()).tools}
            answers = []
            for name, words in (
                ("scan", {"path": "diverged", "select": "hex402"}),
                ("explain", {"name": "HEX402"}),
                ("query", {"expression": "database.engine", "path": "hndigest"}),
                ("pairs", {"path": "hndigest"}),
                ("scan", {"path": "../.."}),
            ):
                answers.append(await session.call_tool(name, words))
            return tools, answers

    tools, (scan, explain, query, pairs, outside) = anyio.run(talk)
    assert {"scan", "explain", "query", "pairs"} <= tools
    told = [json.loads(each.content[0].text) for each in (scan, explain, query, pairs, outside)]
    assert [each["exit_code"] for each in told] == [1, 0, 0, 0, 2]
    assert [each["rule"] for each in told[0]["result"]["findings"]] == ["HEX402"]
    assert told[1]["result"].startswith("# HEX402 ")
    assert "postgres" in json.dumps(told[2]["result"])
    assert len(told[3]["result"]["pairs"]) == 4
    assert told[4]["messages"] == ["'../..' lies outside of the repository that is served"]


def test_words_of_an_agent_are_no_options() -> None:
    tools = Tools(FIXTURES.resolve())
    assert tools.explain("--help") == {
        "exit_code": 2,
        "result": None,
        "messages": ["'--help' is neither the id of a rule nor a fingerprint"],
    }
    assert tools.pairs("/etc")["messages"] == ["'/etc' lies outside of the repository that is served"]


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    assert main(["mcp", str(FIXTURES)]) == 2
    assert capfd.readouterr().err == "policyengine: 'mcp' needs the extra: pip install 'policyengine-iac[mcp]'\n"
