"""What of Terraform's language cannot be compared with `terraform console`: what is not computed, and how long it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from policyengine.knowledge.terraform_attributes import argument_of, id_argument, input_of, is_later, told_by
from policyengine.model.source import Source
from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.values import Composite, Object, unknown_of
from policyengine.platforms.terraform.workspace.folders import read_folder
from policyengine.platforms.terraform.workspace.project import Project
from policyengine.platforms.terraform.workspace.syntaxes import Syntaxes

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.values import Tree


def value(expression: str) -> Tree:
    source = Source("main.tf", f"locals {{\n  x = {expression}\n}}\n")
    project = Project(read_folder("", [source]), lambda _: (), lambda _: None, lambda _: None, Syntaxes())
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


# documents with parts that are not known


def located(text: str, expression_at: str, form: str) -> tuple[Tree, Source]:
    source = Source("main.tf", f"locals {{\n  x = {form}(<<E\n{text}\nE\n  )\n}}\n")
    project = Project(read_folder("", [source]), lambda _: (), lambda _: None, lambda _: None, Syntaxes())
    tree = project.run(lambda: project.value(("local", project.root, "x")))
    assert isinstance(tree, Object)
    return tree.entries[expression_at], source


def pieces(tree: Tree, source: Source) -> list[str]:
    assert isinstance(tree, Composite)
    return [
        source.slice(each.span) if isinstance(each, Known) else f"<{unknown_of(each).reason}>" for each in tree.parts
    ]


@pytest.mark.parametrize("form", ["jsondecode", "yamldecode"])
def test_a_part_that_is_not_known_stands_in_the_document_where_it_stands_in_the_text(form: str) -> None:
    tree, source = located('{"image": "acme/app:${var.tag}-slim", "b": 1}', "image", form)
    assert pieces(tree, source) == ["acme/app:", "<the variable 'tag' is not declared>", "-slim"]


def test_what_stands_before_and_behind_an_escape_keeps_its_place() -> None:
    tree, source = located(r'{"a": "one\ttwo ${var.tag} \"x\" three"}', "a", "jsondecode")
    assert pieces(tree, source) == [
        *("one", r"\t", "two ", "<the variable 'tag' is not declared>", " ", r"\"", "x", r"\"", " three"),
    ]
    assert isinstance(tree, Composite)
    assert "".join(each.value if isinstance(each, Known) else "?" for each in tree.parts) == 'one\ttwo ? "x" three'


def test_a_part_alone_is_itself_with_and_without_quotes() -> None:
    for text in ('{"port": ${var.port}}', '{"port": "${var.port}"}'):
        tree, _ = located(text, "port", "jsondecode")
        assert isinstance(tree, Unknown)
        assert tree.reason == "the variable 'port' is not declared"


def test_the_letter_that_stands_for_a_part_is_no_word_of_the_text() -> None:
    tree, source = located('{"a": "x${var.tag}x", "b": "x"}', "a", "jsondecode")
    assert pieces(tree, source) == ["x", "<the variable 'tag' is not declared>", "x"]
    other, _ = located('{"a": "x${var.tag}x", "b": "x"}', "b", "jsondecode")
    assert isinstance(other, Known)
    assert other.value == "x"


def test_a_key_that_is_not_known_leaves_a_gap() -> None:
    source = Source("main.tf", 'locals {\n  x = jsondecode("{\\"${var.k}\\": 1, \\"b\\": 2}")\n}\n')
    project = Project(read_folder("", [source]), lambda _: (), lambda _: None, lambda _: None, Syntaxes())
    tree = project.run(lambda: project.value(("local", project.root, "x")))
    assert isinstance(tree, Object)
    assert (list(tree.entries), tree.gap and tree.gap.reason) == (["b"], "a key is not known")


def test_lines_of_a_block_scalar_keep_their_places_around_a_part() -> None:
    text = "run: |\n  echo one\n  echo ${var.tag}\n  echo two\n"
    tree, source = located(text, "run", "yamldecode")
    assert isinstance(tree, Composite)
    assert (
        "".join(each.value if isinstance(each, Known) else "?" for each in tree.parts) == "echo one\necho ?\necho two\n"
    )
    first, *_, last = tree.parts
    assert source.slice(first.span) == "echo one\n"
    assert source.slice(last.span).endswith("\n")


@pytest.mark.parametrize(
    ("kind", "attribute", "argument"),
    [("aws_iam_role", "id", "name"), ("aws_s3_bucket", "id", "bucket"), ("aws_vpc", "id", None)],
)
def test_the_id_of_some_types_is_an_argument(kind: str, attribute: str, argument: str | None) -> None:
    assert attribute == "id"
    assert id_argument(kind) == argument


def test_what_a_data_source_is_asked_for_is_no_attribute_of_it() -> None:
    assert is_later("data.aws_rds_engine_version", "version")
    assert not is_later("aws_db_instance", "engine_version")
    assert argument_of("terraform_data", "output") == "input"
    assert told_by("engine_version") == ("engine_version_actual", "engine_patch_version")
    assert input_of("repository_image_tag_mutability") == "image_tag_mutability"
