"""The skill for coding agents: an agent that knows only what it says mends what can be mended by the JSON."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from policyengine.cli import COMMANDS, main, parser_of

ROOT = Path(__file__).parent.parent
SKILL = (ROOT / "skills" / "policyengine" / "SKILL.md").read_text("utf-8")
NAMED = [shlex.split(line) for line in re.findall(r"`(policyengine [^`]+)`", SKILL)]
ASK_FIRST = (".tf", ".yml")
"""Files of the cloud, of deployments and of data, whose edits the skill leaves to people."""


def test_the_skill_has_what_agents_look_for() -> None:
    _, head, body = SKILL.split("---\n", 2)
    front = yaml.safe_load(head)
    assert front["name"] == "policyengine"
    assert 100 < len(front["description"]) <= 1024
    assert len(body.splitlines()) < 100


@pytest.mark.parametrize("words", NAMED, ids=" ".join)
def test_each_command_of_the_skill_is_one(words: list[str]) -> None:
    if words[1] == "--version":
        return
    assert words[1] in COMMANDS
    module, parser = parser_of(words[1])
    required = [action for action in parser._actions if action.required]  # noqa: SLF001
    if len(words) > 2 or not required:
        parser.parse_intermixed_args(words[2:])
        assert hasattr(module, "run")


class Agent:
    """Runs the commands that the skill names in the working directory, and reads their JSON as it says."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self.capfd = capfd

    def run(self, question: str, **words: str) -> Any:  # noqa: ANN401  JSON
        command = re.search(rf"\| {re.escape(question)} \| `policyengine ([^`]+)` \|", SKILL)
        assert command is not None
        told = [words.get(word, word) for word in shlex.split(command[1])]
        code = main(told)
        out, err = self.capfd.readouterr()
        assert code == 0, err
        return json.loads(out)

    def scan(self) -> Any:  # noqa: ANN401  as above
        return self.run("What differs? What did my change break?")


def applied(text: str, edits: list[dict[str, Any]]) -> str:
    """A text with edits, from the last to the first, as the skill says."""
    for edit in sorted(edits, key=lambda each: each["place"]["offsets"], reverse=True):
        start, end = edit["place"]["offsets"]
        shown = edit["place"]["text"]  # a secret in it is masked, letter by letter
        assert all(mask in ("*", letter) for letter, mask in zip(text[start:end], shown, strict=True))
        text = text[:start] + edit["text"] + text[end:]
    return text


def test_an_agent_mends_what_the_json_says_and_nothing_new_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "fixtures" / "diverged", tmp_path / "repository")
    monkeypatch.chdir(tmp_path / "repository")
    agent = Agent(capfd)
    before = agent.scan()
    assert before["summary"]["exit_code"] == 0
    assert before["failures"] == []
    known = {each["fingerprint"] for each in before["findings"]}
    now, mended = before, set()
    for mark in [each["fingerprint"] for each in sorted(before["findings"], key=lambda each: each["severity"])]:
        found: Any = next((each for each in now["findings"] if each["fingerprint"] == mark), None)
        edits = found["fix"]["edits"] if found is not None and found["fix"] is not None else []
        if not edits or found["place"]["path"].endswith(ASK_FIRST):
            continue
        files = {edit["place"]["path"]: Path(edit["place"]["path"]).read_text("utf-8") for edit in edits}
        for path, text in files.items():
            mine = [edit for edit in edits if edit["place"]["path"] == path]
            Path(path).write_text(applied(text, mine), "utf-8")
        again = agent.scan()
        after = {each["fingerprint"] for each in again["findings"]}
        if mark in after or after - known:  # the edit leads to something else, so it is taken back
            for path, text in files.items():
                Path(path).write_text(text, "utf-8")
        else:
            now = again
            mended.add(found["rule"])
    assert {"HEX501", "HEX502", "HEX511", "HEX305"} <= mended
    left = {each["fingerprint"] for each in agent.scan()["findings"]}
    assert left < known
    assert len(known - left) >= len(mended)


def test_an_agent_learns_why_from_the_json(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT / "fixtures" / "diverged")
    agent = Agent(capfd)
    found = next(each for each in agent.scan()["findings"] if each["rule"] == "HEX402")
    told = agent.run("Why is this a finding?", FINGERPRINT=found["fingerprint"])
    assert [each["value"] for each in told["values"]] == ["16.9", "16.10"]
    assert told["finding"]["remedy"].startswith("run Postgres 16.10")
    value = agent.run("Where does a value come from?", ADDRESS="aws_db_instance.analytics.engine_version")
    assert value["value"] == "16.10"
    pairs = agent.run("What mirrors what, and who mirrors nothing?")
    assert found["pair"] in pairs["pairs"]
    nodes = {each["id"] for each in agent.run("What runs, with image, ports, variables?")["nodes"]}
    assert {found["pair"]["local"], found["pair"]["cloud"]} <= nodes
    assert agent.run("What was read, and what not?")["read"]
    assert agent.run("Which settings hold, from where?")["settings"]
