"""A located text: slices, joins and spans agree with the file; what is undecided equals no character and is never lost."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.model.source import Source, Span
from policyengine.model.text import Piece, Text
from policyengine.model.value import Known, Unknown, Via

FILE = Source("compose.yml", "image: registry/app:1.2\nports: ['${HOST}:5432']\n")
TAG = Unknown("the variable 'TAG' set outside the files", Span("compose.yml", 40, 47))


class Made(NamedTuple):
    """A text, and for each of its characters where it stands: an offset of the file, or what gave it."""

    text: Text
    places: list[int | Span]
    open: list[bool]


@st.composite
def literals(draw: st.DrawFn) -> Made:
    start = draw(st.integers(0, len(FILE.text)))
    end = draw(st.integers(start, len(FILE.text)))
    return Made(Text.of(FILE, FILE.span(start, end)), list(range(start, end)), [False] * (end - start))


@st.composite
def replacements(draw: st.DrawFn) -> Made:
    written = draw(st.text("ab:${}/", max_size=4))
    span = FILE.span(2, 9)
    return Made(Text.made(written, span), [span] * len(written), [False] * len(written))


@st.composite
def gaps(draw: st.DrawFn) -> Made:
    written = draw(st.sampled_from(["${TAG}", "${A:-b}", "…", "::"]))
    return Made(Text.undecided(written, TAG), [TAG.span] * len(written), [True] * len(written))


PARTS = st.lists(st.one_of(literals(), replacements(), gaps()), min_size=1, max_size=6)


def joined(parts: list[Made]) -> Made:
    return Made(
        Text.join(part.text for part in parts),
        [place for part in parts for place in part.places],
        [each for part in parts for each in part.open],
    )


def agrees(text: Text, places: list[int | Span], undecided: list[bool]) -> None:
    """Each character of the text stands where it should, and the pieces are in order and without gaps."""
    assert len(text.written) == len(places)
    assert "".join(piece.text for piece in text.pieces) == text.written
    assert text.decided is not any(undecided)
    at = 0
    for piece in text.pieces:
        for inside, character in enumerate(piece.text):
            place = places[at]
            assert (piece.unknown is not None) is undecided[at]
            if isinstance(place, int):
                assert piece.exact
                assert piece.span.start + inside == place == text.offset(at)
                assert FILE.text[place] == character
            else:
                assert piece.span == place
                assert text.offset(at) == place.start
            at += 1


@given(PARTS, st.data())
def test_a_slice_of_a_joined_text_stands_where_its_characters_do(parts: list[Made], data: st.DataObject) -> None:
    text, places, undecided = joined(parts)
    agrees(text, places, undecided)
    start = data.draw(st.integers(0, len(places)))
    end = data.draw(st.integers(0, len(places)))
    cut = text.cut(start, end)
    assert cut.written == text.written[start : max(start, end)]
    agrees(cut, places[start:end], undecided[start:end])
    span = text.span(start, end)
    assert span == cut.place
    assert 0 <= span.start <= span.end <= len(FILE.text)


@given(PARTS, st.data())
def test_cutting_and_joining_again_changes_nothing(parts: list[Made], data: st.DataObject) -> None:
    text, places, undecided = joined(parts)
    at = data.draw(st.integers(0, len(text.written)))
    agrees(Text.join((text.cut(0, at), text.cut(at))), places, undecided)
    if all(piece.exact for piece in text.pieces):
        assert Text.join((text.cut(0, at), text.cut(at))) == text
    assert text.kept([(0, at), (at, len(text.written))]).written == text.written


@given(PARTS)
def test_splitting_sees_only_the_literal_separators(parts: list[Made]) -> None:
    text, places, undecided = joined(parts)
    literal = [at for at, each in enumerate(text.written) if each == ":" and not undecided[at]]
    bounds = [-1, *literal, len(places)]
    split = text.split(":")
    assert [part.written for part in split] == [text.written[left + 1 : right] for left, right in pairwise(bounds)]
    for part, left, right in zip(split, bounds, bounds[1:], strict=False):
        agrees(part, places[left + 1 : right], undecided[left + 1 : right])
    before, behind = text.partition(":")
    assert before.written == split[0].written
    assert (behind is None) is (not literal)
    assert text.find(":") == (literal[0] if literal else -1)
    assert text.rfind(":") == (literal[-1] if literal else -1)
    assert [found.start() for found in text.matches(re.compile("[:]"))] == literal


@given(PARTS, st.sampled_from([None, "a:", "}"]))
def test_stripping_leaves_what_is_undecided(parts: list[Made], characters: str | None) -> None:
    text, places, undecided = joined(parts)
    shape = "".join("\0" if each else character for character, each in zip(text.written, undecided, strict=True))
    start = len(shape) - len(shape.lstrip(characters))
    end = max(start, len(shape.rstrip(characters)))
    stripped = text.strip(characters)
    agrees(stripped, places[start:end], undecided[start:end])


@given(PARTS)
def test_nothing_that_a_text_gives_holds_a_character_that_nobody_wrote(parts: list[Made]) -> None:
    text = joined(parts).text
    known = set("".join(part.text.written for part in parts))
    found = text.search(re.compile("(.*)", re.DOTALL))
    assert found is not None
    value = text.value()
    given = [
        text.written,
        text.masked("x").replace("x", ""),
        found[0].written,
        found[1].written,
        *(part.written for part in text.split(":")),
        value.value if isinstance(value, Known) else "",
        text.replaced(re.compile(r"\W"), lambda each: each).written,
    ]
    assert set("".join(given)) <= known


def test_a_value_is_known_only_when_all_of_it_is() -> None:
    image = Text.join((Text.of(FILE, FILE.span(7, 20)), Text.undecided("${TAG}", TAG, (Via("${TAG}", TAG.span),))))
    assert image.written == "registry/app:${TAG}"
    assert image.value() == Unknown(TAG.reason, FILE.span(7, 47), (Via("${TAG}", TAG.span),))
    assert (image.literal, image.unknown) == (None, TAG)
    name, tag = image.partition(":")
    assert name.value() == Known("registry/app", FILE.span(7, 19))
    assert tag is not None
    assert tag.value() == Unknown(TAG.reason, TAG.span, (Via("${TAG}", TAG.span),))


def test_a_colon_in_a_variable_separates_nothing() -> None:
    port = Text.join((Text.undecided("${HOST:-127.0.0.1}", TAG), Text.at(":5432", FILE.span(41, 46))))
    assert [part.written for part in port.split(":")] == ["${HOST:-127.0.0.1}", "5432"]
    assert port.match(re.compile(r"\$\{")) is None
    assert port.search(re.compile("HOST")) is None
    found = port.fullmatch(re.compile(r"([^:]+):(\d+)(x)?"))
    assert found is not None
    assert (found[1].decided, found[2].literal, found.group(3), found.span(3)) == (False, "5432", None, (-1, -1))
    with pytest.raises(LookupError):
        found[3]


def test_an_undecided_part_that_has_no_letters_can_still_be_seen() -> None:
    assert Text.undecided("", TAG).written == "…"


def test_an_empty_text_has_a_place() -> None:
    assert Text.of(FILE).cut(9, 9).place == FILE.span(9, 9)
    assert Text.of(FILE).kept([]).place == FILE.span(0, 0)
    assert Text.join([Text.at("", FILE.span(3, 5))]).place == FILE.span(3, 5)
    with pytest.raises(ValueError, match="no text to join"):
        Text.join([])


def test_pieces_that_go_on_in_the_file_are_one_and_others_are_not() -> None:
    parts = [Text.of(FILE, FILE.span(*each)) for each in ((0, 3), (3, 5), (6, 9))]
    assert [piece.span for piece in Text.join(parts).pieces] == [FILE.span(0, 5), FILE.span(6, 9)]
    step = Via("${A}", FILE.span(30, 34))
    assert len(Text.join((parts[0].stepped(step), parts[1])).pieces) == 2
    assert len(Text.join((parts[0].stepped(step), parts[1].stepped(step))).pieces) == 1


def test_a_replaced_part_stands_where_what_was_replaced_stands() -> None:
    text = Text.of(Source("a", r"x\ny")).replaced(re.compile(r"\\n"), lambda _: "\n")
    assert text.pieces == (
        Piece("x", Span("a", 0, 1)),
        Piece("\n", Span("a", 1, 3), exact=False),
        Piece("y", Span("a", 3, 4)),
    )


def test_the_place_of_a_text_from_two_files_is_in_the_first() -> None:
    other = Text.of(Source(".env", "TAG=16.4"), Span(".env", 4, 8))
    text = Text.join((Text.of(FILE, FILE.span(7, 20)), other.stepped(Via("${TAG}", FILE.span(20, 23)))))
    assert (text.place, text.span(13, 17)) == (FILE.span(7, 20), Span(".env", 4, 8))
    assert text.via == (Via("${TAG}", FILE.span(20, 23)), Via("", Span(".env", 4, 8)))


def test_a_part_of_a_text_keeps_its_places() -> None:
    text = Text.join(Text.standing(each, "f", offset) for each, offset in (("ab", 10), ("cd", 20), ("ef", 30)))
    assert [text.cut(1, 5).offset(index) for index in range(4)] == [11, 20, 21, 30]
    assert text.span(1, 3) == ("f", 11, 21)
    kept = text.kept([(0, 1), (4, 6)])
    assert (kept.written, [kept.offset(index) for index in range(3)]) == ("aef", [10, 30, 31])
    assert Text.of(Source("f", "xyz")).span(3, 3) == ("f", 3, 3)
