"""Runs every command in every format over a tree with planted secrets, and tells which secrets come out, and where."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import textwrap
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from policyengine import engine, plugins
from policyengine.cli import main
from policyengine.cli.options import SHORT
from policyengine.model import explanation
from policyengine.model.source import UsageError
from policyengine.platforms.terraform.resources import addresses
from policyengine.platforms.terraform.root_modules import read_roots
from policyengine.reports import explanation as report
from policyengine.reports import finding
from policyengine.reports.starting import Starting
from policyengine.reports.text import Style
from policyengine.reports.view import View
from policyengine.repository import discover

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pytest

PLANTED = re.compile(r"§(?P<name>[^§:\n]+)(?::(?P<prefix>[^§\n]+))?§")
WINDOW = 7
"""So many characters of a secret in a row are a leak."""

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"


def secret(name: str, length: int = 16) -> str:
    """The random letters of a planted secret; the same for the same name."""
    digest = sha256(name.encode()).digest()
    return "".join(_LETTERS[each % len(_LETTERS)] for each in (digest * 3)[:length])


def _planted(name: str, prefix: str) -> str:
    if name.endswith(" aws"):
        return secret(name).upper()
    return prefix + secret(name, 36 if prefix else 16)


def planted(files: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The files with their secrets, and the secrets (without their prefixes) by their names."""
    secrets: dict[str, str] = {}

    def plant(match: re.Match[str]) -> str:
        name, prefix = match["name"], match["prefix"] or ""
        made = _planted(name, prefix)
        secrets[name] = made.removeprefix(prefix)
        return made

    return {path: PLANTED.sub(plant, textwrap.dedent(text)) for path, text in files.items()}, secrets


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write the texts, byte for byte."""
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())


def forms(text: str) -> Iterator[str]:
    """The ways in which a text may come out: as it is, backwards, in base64 at each offset, in hexadecimal digits."""
    yield text.lower()
    yield text[::-1].lower()
    yield text.encode().hex()
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + text.encode()).decode().rstrip("=")
        yield coded[(0, 2, 3)[shift] : -1].lower()


def leaked(secrets: Mapping[str, str], text: str) -> set[str]:
    """The names of the secrets of which a part stands in the text."""
    parts = _parts(tuple(secrets.items()))
    low = text.lower()
    windows = {low[at : at + WINDOW] for at in range(len(low) - WINDOW + 1)}
    return {name for part in windows & parts.keys() for name in parts[part]}


@lru_cache(maxsize=1)
def _parts(secrets: tuple[tuple[str, str], ...]) -> dict[str, set[str]]:
    """Every part of a secret in each of its forms, with the names of those that hold it."""
    found: dict[str, set[str]] = {}
    for name, each in secrets:
        for form in forms(each):
            for at in range(len(form) - WINDOW + 1):
                found.setdefault(form[at : at + WINDOW], set()).add(name)
    return found


COMMANDS = (
    ("scan", "ROOT", "--undecided"),
    ("scan", "ROOT", "--format", "json"),
    ("scan", "ROOT", "--format", "sarif", "--sarif-profile", "full"),
    *(("scan", "ROOT", "--format", each) for each in SHORT),
    ("scan", "ROOT", "--statistics"),
    ("scan", "ROOT", "--show-files"),
    ("scan", "ROOT", "--show-settings"),
    ("graph", "ROOT"),
    ("graph", "ROOT", "--declared"),
    ("graph", "ROOT", "--format", "mermaid"),
    ("graph", "ROOT", "--format", "dot"),
    ("pairs", "ROOT"),
    ("pairs", "ROOT", "--format", "json"),
    ("facts", "export", "ROOT", "--side", "local"),
    ("facts", "export", "ROOT", "--side", "cloud"),
    ("rules",),
)


def spilled(root: Path, cache: Path, capture: pytest.CaptureFixture[str]) -> Iterator[tuple[str, str]]:
    """What every command, file and explanation says of a tree, each with its name."""
    for words in COMMANDS:
        for run in ("cold", "warm")[: 2 if words[0] == "scan" else 1]:
            assert main([str(root) if each == "ROOT" else each for each in words]) in (0, 1, 3), words
            said = capture.readouterr()
            yield f"{' '.join(words)} ({run})", said.out
            yield f"{' '.join(words)} ({run}) stderr", said.err
    for path in sorted(cache.rglob("*")):
        if path.is_file():
            yield f"cache {path.parent.parent.name}", path.read_bytes().decode("latin-1")
    yield from explained(root)


def explained(root: Path) -> Iterator[tuple[str, str]]:
    """Every source as it may be quoted, and every explanation."""
    tree = discover.open_tree([root])
    loaded = plugins.load([])
    settings = engine.load_config(tree, loaded, None)
    found = engine.evaluate_tree(tree, settings, loaded, work=engine.Work(cache=False))
    view = View.of(found)
    for path in found.sources:
        source = view.source(path)
        yield f"lines of {path}", source.text if source is not None else ""
    yield "init", Starting.of(found, stated=True).text
    for result in found.results:
        yield f"explain {result.rule.id} of {result.subject}", finding.text(finding.Asked(found, result), Style())
    (terraform,) = (each for each in loaded.platforms if each.name == "terraform")
    roots = read_roots(tree, engine.told(terraform, settings, loaded, engine.Work(cache=False)))
    for address in _addresses(found.sources):
        try:
            told = addresses.explain(roots.planned, address)
        except UsageError as error:
            yield f"explain-value {address}", str(error)
            continue
        yield f"explain-value {address}", report.text(told, found.graph, tree.sources, report.Setting())
        yield f"explain-value --format json {address}", report.data(told, found.graph, tree.sources)
    for node in found.graph.nodes:
        for address in _facts(found.graph, node.id):
            try:
                told = explanation.explain_fact(found.graph, address)
            except UsageError as error:  # a key with a dot
                yield f"explain-value {address}", str(error)
                continue
            yield f"explain-value {address}", report.text(told, found.graph, tree.sources, report.Setting())
            yield f"explain-value --format json {address}", report.data(told, found.graph, tree.sources)


def _facts(graph: object, node: str) -> Iterator[str]:
    """A node, and the first two levels of what it holds."""
    yield node
    for part in explanation.explain_fact(graph, node).parts:  # type: ignore[arg-type]
        yield part.address
        with contextlib.suppress(UsageError):
            yield from (inner.address for inner in explanation.explain_fact(graph, part.address).parts)  # type: ignore[arg-type]


_DECLARED = re.compile(
    r'(?m)^\s*(?:variable\s+"(?P<var>\w+)"|output\s+"(?P<output>\w+)"|resource\s+"(?P<kind>\w+)"\s+"(?P<name>\w+)"'
    r"|(?P<argument>\w+)\s*=)"
)


def _addresses(sources: Mapping[str, object]) -> Iterator[str]:
    """The addresses of all variables, locals, outputs and arguments, in the root module and in the module `m`."""
    for path, source in sources.items():
        if not path.endswith((".tf", ".tf.json")):
            continue
        module = "module.m." if path.startswith("m/") else ""
        text: str = source.text  # type: ignore[attr-defined]
        if path.endswith(".json"):
            text = _as_blocks(text)
        resource = ""
        for match in _DECLARED.finditer(text):
            if match["kind"]:
                resource = f"{match['kind']}.{match['name']}"
            elif match["argument"]:
                yield f"{module}local.{match['argument']}"
                if resource:
                    yield f"{module}{resource}.{match['argument']}"
            else:
                yield f"{module}var.{match['var']}" if match["var"] else f"{module}output.{match['output']}"
        yield f"{module}local.map.word"
        yield f"{module}local.settings.list[0]"


def _as_blocks(text: str) -> str:
    try:
        read = json.loads(text)
    except ValueError:
        return ""
    lines = [f'variable "{name}"' for name in read.get("variable", ())]
    lines += [f"{name} =" for name in read.get("locals", ())]
    for kind, made in read.get("resource", {}).items():
        for name, arguments in made.items():
            lines += [f'resource "{kind}" "{name}"', *(f"{each} =" for each in arguments)]
    return "\n".join(lines)
