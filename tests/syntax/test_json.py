"""The JSON reader agrees with Python's own, and knows places."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.model.source import ReadError, Source
from policyengine.syntax.json import read
from policyengine.syntax.tree import Document, Mapping, Scalar, Sequence


def plain(document: Document) -> object:
    if isinstance(document, Scalar):
        return json.loads(document.text) if document.plain else document.text
    if isinstance(document, Sequence):
        return [plain(item) for item in document.items]
    return {entry.key.text: plain(entry.value) for entry in document.entries}


def test_every_value_has_its_exact_place() -> None:
    source = Source("a.json", '{\n  "a": "é\\n", "b": [1.5e3, true, {} ], "": ""\n}\n')
    document = read(source)
    assert isinstance(document, Mapping)
    shown = [(source.slice(entry.key.span), source.slice(entry.value.span)) for entry in document.entries]
    assert shown == [("a", "é\\n"), ("b", "[1.5e3, true, {} ]"), ('""', '""')]
    items = document.get("b")
    assert isinstance(items, Sequence)
    assert [source.slice(item.span) for item in items.items] == ["1.5e3", "true", "{}"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(JSON, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_what_python_writes_is_read_back(value: object, indent: int | str | None, escaped: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    assert plain(read(Source("a.json", text), unique=True)) == value


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from('{}[],:"\\ 1-.eEtruefalsnl\n'), max_size=20))
def test_the_verdict_is_pythons(text: str) -> None:
    try:
        value = json.loads(text, parse_constant=pytest.fail, object_pairs_hook=_unique)
    except ValueError:
        with pytest.raises(ReadError):
            read(Source("a.json", text), unique=True)
    else:
        assert plain(read(Source("a.json", text), unique=True)) == value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError
    return dict(pairs)


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ('{"a": 1, "a": 2}', "the object has the key 'a' twice", (10, 11)),
        ('{"a": 1,}', "a member", (8, 9)),
        ("[1, 2", "a comma or the end of the collection is expected here", (5, 5)),
        ("[1] x", "the end of the file is expected here", (4, 5)),
        ("", "a value is expected here", (0, 0)),
        ('"\\x"', "an escape that JSON does not know", (1, 3)),
    ],
)
def test_what_is_refused_is_refused_at_its_place(text: str, message: str, at: tuple[int, int]) -> None:
    with pytest.raises(ReadError) as caught:
        read(Source("a.json", text), unique=True)
    assert message in caught.value.message
    assert (caught.value.span.start, caught.value.span.end) == at


def test_of_a_repeated_key_the_last_value_counts() -> None:
    assert plain(read(Source("a.json", '{"a": 1, "b": 2, "a": {"c": 3, "c": 4}}'))) == {"a": {"c": 4}, "b": 2}


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, '{"a":' * 100_000, '"' + "\\" * 100_001, '"' + "a" * 1_000_000, "[1" + " " * 500_000, "1" * 20_000],
)
def test_hostile_input_is_read_or_refused(text: str) -> None:
    try:
        read(Source("a.json", text), unique=True)
    except ReadError as error:
        assert error.message
