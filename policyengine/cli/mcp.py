"""Serve scans, explanations, questions and fixes to a coding agent, by the Model Context Protocol on standard input.

Needs the extra: pip install 'policyengine-iac[mcp]'. Nothing outside of ROOT is read, and nothing is written but by
'fix' with 'apply'.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policyengine import __version__
from policyengine.cli import COMMANDS
from policyengine.model.source import UsageError

if TYPE_CHECKING:
    import argparse

EXAMPLES = ("policyengine mcp", "policyengine mcp ~/src/shop")
_SECONDS = 600
"""A command that takes longer is ended."""
_ID = re.compile(r"[A-Za-z0-9][\w-]*")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "root",
        metavar="ROOT",
        nargs="?",
        type=Path,
        default=Path(),
        help="the repository; the working directory by default",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until standard input ends."""
    if not arguments.root.is_dir():
        raise UsageError(f"'{arguments.root}' is no folder")
    try:
        from mcp.server.mcpserver import MCPServer  # noqa: PLC0415  an extra, and slow to import
    except ImportError as error:
        raise UsageError("'mcp' needs the extra: pip install 'policyengine-iac[mcp]'") from error
    tools = Tools(arguments.root.resolve())
    server = MCPServer("policyengine", version=__version__, instructions=(__doc__ or "").strip())
    for tool in (tools.scan, tools.explain, tools.query, tools.pairs):
        server.add_tool(tool)
    if "fix" in COMMANDS:
        server.add_tool(tools.fix)
    server.run("stdio")
    return 0


class Tools:
    """The commands as functions over one repository. Each answers with `exit_code`, `result` and `messages`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def scan(self, path: str = ".", select: str = "", profile: str = "", since: str = "") -> dict[str, Any]:
        """Hold a folder or file against the rules: findings with places, remedies, edits and fingerprints.

        `select` are ids of rules or prefixes, with commas between; `profile` is strict or recommended; `since` is a
        commit, of which only what is new is told. Exit code 0: no finding that counts; 1: findings; 3: not complete.
        """
        given = {"select": select, "profile": profile, "since": since}
        options = [f"--{name}={value}" for name, value in given.items() if value]
        return self._run(path, "scan", "--format=json", *options)

    def explain(self, name: str, path: str = ".") -> dict[str, Any]:
        """What a rule (HEX402) demands and why, or why a finding (its fingerprint) is one: pair, values, remedy."""
        if not _ID.fullmatch(name):
            return _refused(f"'{name}' is neither the id of a rule nor a fingerprint")
        form = "--format=json" if re.fullmatch("[0-9a-f]{6,64}", name) else "--format=markdown"
        return self._run(path, "explain", form, name)

    def query(self, expression: str, where: str = "", path: str = ".") -> dict[str, Any]:
        """Ask an expression in CEL of everything of a kind: `service.image.tag == "latest"`."""
        asked = f" {expression}" if expression.startswith("-") else expression
        return self._run(path, "query", f"--where={where}", "--format=json", asked)

    def pairs(self, path: str = ".") -> dict[str, Any]:
        """What mirrors what, with the reasons, and who mirrors nothing."""
        return self._run(path, "pairs", "--format=json")

    def fix(self, path: str = ".", select: str = "", *, unsafe: bool = False, apply: bool = False) -> dict[str, Any]:
        """The edits that mend findings, as a diff; `apply` writes them. `unsafe` ones may change production."""
        options = ["--unsafe"] * unsafe + ["--apply"] * apply + ([f"--select={select}"] if select else [])
        return self._run(path, "fix", *options)

    def _run(self, path: str, *words: str) -> dict[str, Any]:
        """Run a command over a path, as a process of its own, so that nothing of it gets into the protocol."""
        if any("\0" in each for each in (path, *words)):
            return _refused("there is a NUL character in what is asked")
        place = (self.root / path).resolve()
        if not place.is_relative_to(self.root):
            return _refused(f"'{path}' lies outside of the repository that is served")
        try:
            done = subprocess.run(  # noqa: S603  this program, with checked words; -P: nothing of the repository runs
                [sys.executable, "-P", "-m", "policyengine", *words, str(place)],
                cwd=self.root,
                env={**os.environ, "PYTHONPATH": _absolute(os.environ.get("PYTHONPATH", ""))},
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=_SECONDS,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"exit_code": 3, "result": None, "messages": [f"not done within {_SECONDS} seconds, and ended"]}
        try:
            result: object = json.loads(done.stdout)
        except ValueError:
            result = done.stdout
        return {"exit_code": done.returncode, "result": result, "messages": done.stderr.splitlines()}


def _refused(message: str) -> dict[str, Any]:
    return {"exit_code": 2, "result": None, "messages": [message]}


def _absolute(paths: str) -> str:
    """The folders without those that depend on where a program starts, as an empty one does."""
    return os.pathsep.join(each for each in paths.split(os.pathsep) if Path(each).is_absolute())
