"""There is one way to be undecided: no character or made-up name stands for it in a text, and no text is asked for it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import clean_hexagon
import pytest

import policyengine

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES = [Path(package.__file__ or "").parent for package in (policyengine, clean_hexagon)]
MADE_UP = ("\uffff", ".invalid", "dkr.ecr.amazonaws.com")
MARKS = ("$", "${", "${{", "$(")

READERS = ("policyengine/syntax/",)
"""They read the languages in which a `$` is written."""

LEFT = {
    "policyengine/knowledge/secrets.py": 1,  # a reference written in an env file is no secret
    "policyengine/platforms/code/migrations.py": 1,
    "policyengine/platforms/docker/image.py": 1,  # `$(` of a shell word
    "policyengine/platforms/docker/image_values.py": 1,  # a word of a Dockerfile without any
    "policyengine/platforms/github/arguments.py": 2,  # `$(cd … && pwd)` of a shell word
    "policyengine/platforms/github/handing.py": 1,  # `$(` of a shell word
    "policyengine/platforms/terraform/workspace/elsewhere.py": 1,
    "policyengine/linking/builds.py": 1,  # the name of a stage that an argument gives
    "clean_hexagon/configuration/plaintext.py": 1,
    "clean_hexagon/pipeline/resources.py": 1,  # a variable that holds an expression
}
"""How often a module still asks its texts; it may only become less."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            yield path.relative_to(package.parent).as_posix(), ast.parse(path.read_text("utf-8"))


def lookups(tree: ast.AST) -> Iterator[int]:
    """The lines that look for a `$` in a text, or hold a made-up value."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Compare(ast.Constant(str() as mark), [ast.In() | ast.NotIn()]) if mark in MARKS:
                yield node.lineno
            case ast.Constant(str() as text) if id(node) not in prose and any(each in text for each in MADE_UP):
                yield node.lineno


def test_no_module_asks_a_text_whether_it_is_decided() -> None:
    found = {name: list(lookups(tree)) for name, tree in modules() if not name.startswith(READERS)}
    assert {
        name: lines
        for name, lines in found.items()
        if len(lines) > LEFT.get(name, 0) and name != "policyengine/model/text.py"
    } == {}


@pytest.mark.parametrize("code", ['if "${" not in text: pass', 'HOST = "unknown.invalid"', 'GAP = "\\uffff"'])
def test_the_search_finds_what_it_looks_for(code: str) -> None:
    assert list(lookups(ast.parse(code))) == [1]
