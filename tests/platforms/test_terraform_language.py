"""What of Terraform's language cannot be compared with `terraform console`: what is not computed, and how long it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from policyengine.model.source import Source
from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.workspace.folders import read_folder
from policyengine.platforms.terraform.workspace.project import Project
from policyengine.platforms.terraform.workspace.syntaxes import Syntaxes

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.values import Tree


def value(expression: str) -> Tree:
    source = Source("main.tf", f"locals {{\n  x = {expression}\n}}\n")
    project = Project(read_folder("", [source]), [], lambda _: None, lambda _: None, Syntaxes())
    return project.run(lambda: project.value(("local", project.root, "x")))


def test_a_pattern_too_large_to_compile_is_unknown_and_not_invalid() -> None:
    tree = value('try(regexall(join("", [for i in range(30) : "(\\\\pL\\\\pN){500}"]), "x"), "fallback")')
    assert isinstance(tree, Unknown)
    assert tree.reason == "a regular expression is too large to compile"


def test_a_pattern_of_an_unknown_text_is_unknown() -> None:
    tree = value('regexall("a+", var.missing)')
    assert isinstance(tree, Unknown)
    assert tree.reason == "the variable 'missing' is not declared"


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", "(a*)*(a*)*b", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_no_pattern_takes_longer_than_its_text_is_long(pattern: str) -> None:
    text = "a" * 50_000
    start = time.perf_counter()
    tree = value(f'can(regex("{pattern}", "{text}"))')
    assert isinstance(tree, Known)
    assert tree.value is False
    assert time.perf_counter() - start < 5


def test_re2_is_loaded_only_where_a_pattern_is_used() -> None:
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from policyengine.platforms.terraform.language.functions import supported\n"
        "assert 'regex' in supported()\n"
        "print('re2' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
