"""Trees of tree-sitter: nodes stand where the text has them, and no text takes more time than its length explains."""

from __future__ import annotations

import pytest
import tree_sitter_typescript
from hypothesis import given
from hypothesis import strategies as st
from tree_sitter import Language

from policyengine.model.source import ReadError, Source
from policyengine.syntax.parsing import parse

TYPESCRIPT = Language(tree_sitter_typescript.language_typescript())


def test_a_node_stands_where_its_characters_stand_not_its_bytes() -> None:
    text = 'const größe = "日本😀"; wert'
    parsed = parse(Source("a.ts", text), TYPESCRIPT)
    first, second = parsed.root.named_children
    assert parsed.text(first) == 'const größe = "日本😀";'
    assert parsed.text(second) == "wert"
    assert parsed.span(second) == ("a.ts", text.index("wert"), len(text))


@given(st.text(alphabet="aé日😀\"'`/*(){}[]<>=;\n", max_size=60))
def test_every_node_of_any_text_is_a_slice_of_it(text: str) -> None:
    parsed = parse(Source("a.ts", text), TYPESCRIPT)
    encoded = text.encode()
    waiting = [parsed.root]
    while waiting:
        node = waiting.pop()
        assert parsed.text(node).encode() == encoded[node.start_byte : node.end_byte]
        waiting.extend(node.children)


@pytest.mark.parametrize("piece", ["(/[", "/* ", "/*\n"])
def test_a_text_that_the_parser_reads_over_and_over_is_given_up(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    with pytest.raises(ReadError, match="too tangled"):
        parse(Source("a.ts", text), TYPESCRIPT)


@pytest.mark.parametrize("piece", ["f(x, `${y}`);\n", "const a = { b: /[/]/, c: 'd' };\n", "// é\n", "(", "[{"])
def test_long_and_deep_texts_are_read_to_their_end(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert parse(Source("a.ts", text), TYPESCRIPT).root.end_byte >= len(text.rstrip())
