"""The YAML reader: what it reads, where, and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.model.source import ReadError, Source
from policyengine.syntax.tree import Document, Mapping, Scalar, Sequence
from policyengine.syntax.yaml import read, read_all


def mapping(text: str) -> tuple[Source, Mapping]:
    source = Source("a.yaml", text)
    document = read(source)
    assert isinstance(document, Mapping)
    return source, document


def scalar(document: Document | None) -> Scalar:
    assert isinstance(document, Scalar)
    return document


def refused(text: str) -> ReadError:
    with pytest.raises(ReadError) as caught:
        read_all(Source("a.yaml", text))
    return caught.value


@pytest.mark.parametrize(
    ("text", "value", "at", "plain"),
    [
        ("a: 22:22\n", "22:22", "22:22", True),
        ("a: yes # no\n", "yes", "yes", True),
        ("a: 010\n", "010", "010", True),
        ("a: 'it''s'\n", "it's", "it''s", False),
        ('a: "x\\ty"\n', "x\ty", "x\\ty", False),
        ("a: ''\n", "", "''", False),
        ("a:\n", "", "", True),
        ("a: é☃𝄞 # c\n", "é☃𝄞", "é☃𝄞", True),
        ("a: &x !!str 5\n", "5", "5", True),
        ("a: |\n  one\n  two\n\nb: 1\n", "one\ntwo\n", "one\n  two", False),
        ("a: >-\n  one\n  two\n# c\nb: 1\n", "one two", "one\n  two", False),
        ("a: x\n  y\n", "x y", "x\n  y", True),
    ],
)
def test_a_scalar_keeps_its_text_and_place(text: str, value: str, at: str, plain: bool) -> None:
    source, document = mapping(text)
    found = scalar(document.get("a"))
    assert (found.text, source.slice(found.span), found.plain) == (value, at, plain)


def test_block_collections_end_at_their_last_character() -> None:
    source, document = mapping("a:\n  b: 1 # c\n\n# d\ne:\n- 1\n- 2\n\nf: 3\n")
    inner, items = document.get("a"), document.get("e")
    assert inner is not None
    assert items is not None
    assert source.slice(inner.span) == "b: 1"
    assert source.slice(items.span) == "- 1\n- 2"
    assert source.slice(document.span) == "a:\n  b: 1 # c\n\n# d\ne:\n- 1\n- 2\n\nf: 3"


def test_flow_collections_have_their_brackets() -> None:
    source, document = mapping("a: &x [1, {b: 2} ] # c\n")
    items = document.get("a")
    assert isinstance(items, Sequence)
    assert source.slice(items.span) == "[1, {b: 2} ]"
    assert source.slice(items.items[1].span) == "{b: 2}"


def test_an_alias_stands_where_its_anchor_is_and_says_how_it_was_reached() -> None:
    source, document = mapping("a: &x value\nb: *x\n")
    found = scalar(document.get("b"))
    assert source.slice(found.span) == "value"
    assert [(step.what, source.slice(step.span)) for step in found.via] == [("*x", "*x")]


def test_own_keys_win_over_merged_ones_and_earlier_mappings_over_later() -> None:
    text = "a: &a {k: 1, l: 1}\nb: &b {l: 2, m: 2}\nc: {m: 3, <<: [*a, *b]}\n"
    source, document = mapping(text)
    merged = document.get("c")
    assert isinstance(merged, Mapping)
    values = {entry.key.text: scalar(entry.value) for entry in merged.entries}
    assert {key: value.text for key, value in values.items()} == {"m": "3", "k": "1", "l": "1"}
    assert values["k"].via[0].what == "<<: *a"
    assert source.slice(values["k"].span) == "1"


def test_of_repeated_merge_keys_the_first_wins_and_a_quoted_one_is_a_plain_key() -> None:
    repeated: list[ReadError] = []
    text = "c: {'<<': 0, <<: {k: 1, l: 1}, m: 3, <<: [{l: 2, m: 2, n: 2}]}\n"
    (document,) = read_all(Source("a.yaml", text), repeated)
    merged = document.get("c") if isinstance(document, Mapping) else None
    assert isinstance(merged, Mapping)
    values = [(entry.key.text, scalar(entry.value).text) for entry in merged.entries]
    assert values == [("<<", "0"), ("m", "3"), ("k", "1"), ("l", "1"), ("n", "2")]
    assert len(repeated) == 1


@pytest.mark.parametrize("line", ["<<: {}\n", "'<<': 1\n"])
def test_many_merge_keys_are_read_in_time(line: str) -> None:
    text = "".join(f"k{n}: 1\n" for n in range(20_000)) + line * 20_000
    (document,) = read_all(Source("a.yaml", text), [])
    assert isinstance(document, Mapping)


def test_explicit_tags_are_kept_as_written() -> None:
    _, document = mapping("a: !reset null\nb: !override [1]\nc: !!int '7'\nd: ! x\n")
    assert [entry.value.tag for entry in document.entries] == ["!reset", "!override", "!!int", "!"]


def test_a_file_may_hold_several_documents() -> None:
    documents = read_all(Source("a.yaml", "a: 1\n---\n- 2\n--- \n...\n"))
    assert [type(document) for document in documents] == [Mapping, Sequence, Scalar]
    assert "more than one" in refused_one("a: 1\n---\nb: 2\n").message
    assert "more than one" in refused_one("---\n---\nb: 2\n").message


def test_the_mark_of_a_document_at_the_end_begins_none() -> None:
    _, document = mapping("a: 1\n---\n# done\n")
    assert [entry.key.text for entry in document.entries] == ["a"]


def refused_one(text: str) -> ReadError:
    with pytest.raises(ReadError) as caught:
        read(Source("a.yaml", text))
    return caught.value


def test_an_empty_file_is_an_empty_plain_scalar() -> None:
    assert read(Source("a.yaml", "# nothing\n")) == Scalar("", Source("a.yaml", "").span(0, 0), plain=True)


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("a: 1\nb: 2\na: 3\n", "the mapping has the key 'a' twice", (10, 11)),
        ("a: {<<: 1}\n", "a merge key takes a mapping", (4, 6)),
        ("a: *x\n", "the alias names no anchor", (3, 5)),
        ("a: &x [*x]\n", "the anchor 'x' contains itself", (7, 9)),
        ("? [a]\n: b\n", "a mapping key is not a scalar", (2, 5)),
        ("a: 'x\n", "not valid YAML: found unexpected end of stream", (6, 6)),
        ("a: \x01\n", "the character U+0001 is not allowed", (3, 4)),
        ("a:\n\tb: 1\n", "not valid YAML: found character that cannot start any token", (3, 4)),
    ],
)
def test_what_is_refused_is_refused_at_its_place(text: str, message: str, at: tuple[int, int]) -> None:
    error = refused(text)
    assert message in error.message
    assert (error.span.start, error.span.end) == at


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def merge_bomb(levels: int) -> str:
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: v" for n in range(50)) + "}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 60)}], k{n}x: v}}" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        bomb(12),
        merge_bomb(40),
        "- " * 100_000,
        "[" * 100_000,
        "{a: " * 100_000,
        "a:\n" + "".join(f"{' ' * n}a:\n" for n in range(1, 3000)),
        "? " * 100_000,
        "\0",
        "a: b\0c",
        "\ud800",
    ],
    ids=["aliases", "merges", "blocks", "brackets", "braces", "indents", "questions", "nul", "nul within", "surrogate"],
)
def test_hostile_input_is_one_error(text: str) -> None:
    error = refused(text)
    assert error.message


def test_a_number_of_many_digits_is_only_text() -> None:
    _, document = mapping("a: " + "9" * 20_000 + "\n")
    assert len(scalar(document.get("a")).text) == 20_000


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x85", "\u2028"])
def test_places_are_right_whatever_ends_a_line(end: str) -> None:
    source = Source("a.yaml", f"a: 1{end}b: two{end}c: |{end}  three{end}")
    document = read(source)
    assert isinstance(document, Mapping)
    assert [source.slice(entry.value.span) for entry in document.entries] == ["1", "two", "three"]


def bounded(document: Document, length: int) -> None:
    assert 0 <= document.span.start <= document.span.end <= length
    if isinstance(document, Sequence):
        for item in document.items:
            bounded(item, length)
    elif isinstance(document, Mapping):
        for entry in document.entries:
            bounded(entry.key, length)
            bounded(entry.value, length)


YAML_TEXT = st.text(st.sampled_from("ab:-[]{}&*!|>'\"#,?% \n\t\r1~<é\u2028"), max_size=40)


@settings(max_examples=300, deadline=None)
@given(YAML_TEXT)
def test_any_text_is_read_or_refused_within_its_bounds(text: str) -> None:
    source = Source("a.yaml", text)
    try:
        documents = read_all(source)
    except ReadError as error:
        assert 0 <= error.span.start <= error.span.end <= len(text)
        return
    for document in documents:
        bounded(document, len(text))


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9./_-]{0,12}", fullmatch=True)
    )
)
def test_the_text_at_a_plain_scalars_span_is_its_text(values: dict[str, str]) -> None:
    text = "".join(f"{key}:   {value}  # c\n" for key, value in values.items())
    source = Source("a.yaml", text)
    document = read(source)
    for entry in document.entries if isinstance(document, Mapping) else ():
        assert source.slice(entry.key.span) == entry.key.text
        assert source.slice(entry.value.span) == scalar(entry.value).text
