"""Scripts in YAML and JSON scalars keep the place of each character."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.source import Source
from policyengine.syntax import folding, json, yaml
from policyengine.syntax.tree import Mapping, Scalar

if TYPE_CHECKING:
    from policyengine.model.text import Text


def unfolded(text: str) -> tuple[Source, Text]:
    source = Source("f.yml", text)
    document = yaml.read(source)
    assert isinstance(document, Mapping)
    scalar = document.get("run")
    assert isinstance(scalar, Scalar)
    made = folding.unfold(source, scalar)
    assert made.written == scalar.text
    return source, made


@pytest.mark.parametrize(
    "text",
    [
        "run: npm test -- --ci",
        "run: |\n  first\n    second\n\n  third\n",
        "run: |-\n\n\n     deep\n     lines\n",
        "jobs: 1\nrun: |2-\n    lead\n   less\n",
        "run: >\n  folded\n  line\n\n  second\n   kept\n  end\n",
        "run: plain\n  over lines\n",
        "run: 'it''s\n  two'\n",
        'run: "a \\"b\\" \\\n   c \\u0041\n  d"\n',
        "run: |\r\n  first\r\n  second\r\n",
        "run: | # why\n  first\n",
    ],
)
def test_each_character_stands_where_it_is_written(text: str) -> None:
    source, made = unfolded(text)
    for index, char in enumerate(made.written):
        found = source.text[made.offset(index)]
        assert found == char or char in " \n" or found == "\\"


def test_the_words_of_a_block_scalar_are_found_behind_their_indentation() -> None:
    source, made = unfolded("run: |\n    cd app\n    docker compose up\n")
    at = made.written.index("docker")
    assert source.slice(made.span(at, at + 17)) == "docker compose up"


def test_escapes_of_json_move_what_follows() -> None:
    source = Source("package.json", '{"run": "echo \\"a\\" && ls"}')
    document = json.read(source)
    assert isinstance(document, Mapping)
    scalar = document.get("run")
    assert isinstance(scalar, Scalar)
    made = folding.unfold(source, scalar)
    at = made.written.index("ls")
    assert source.slice(made.span(at, at + 2)) == "ls"
