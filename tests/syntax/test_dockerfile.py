from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.model.source import Source, Span
from policyengine.syntax.dockerfile import Dockerfile, Instruction, read


def dockerfile(text: str) -> Dockerfile:
    return read(Source("Dockerfile", text))


def at(text: str, span: Span) -> str:
    return text[span.start : span.end]


def only(text: str, keyword: str) -> Instruction:
    (found,) = [each for each in dockerfile(text) if each.keyword == keyword]
    return found


def test_a_heredoc_body_is_no_instruction() -> None:
    text = "FROM a\nRUN <<EOF\nUSER app\nFROM evil\nEOF\nUSER b\n"
    assert [each.keyword for each in dockerfile(text)] == ["FROM", "RUN", "USER"]
    (heredoc,) = only(text, "RUN").heredocs
    assert heredoc.body.written == "USER app\nFROM evil\n"
    assert at(text, heredoc.marker) == "<<EOF"
    assert at(text, heredoc.span) == "USER app\nFROM evil\nEOF"


def test_each_character_of_a_stripped_heredoc_keeps_its_place() -> None:
    text = "FROM a\nRUN <<-EOF\n\tone\n\t\ttwo\n\tEOF\n"
    body = only(text, "RUN").heredocs[0].body
    assert body.written == "one\ntwo\n"
    for index, character in enumerate(body.written):
        assert text[body.offset(index)] == character


def test_a_quoted_marker_keeps_its_body_from_expansion() -> None:
    assert [only(f"FROM a\nRUN <<{mark}\nEOF\n", "RUN").heredocs[0].expand for mark in ("EOF", "'EOF'", '"EOF"')] == [
        True,
        False,
        False,
    ]


def test_what_the_shell_is_given_holds_the_bodies_of_all_heredocs() -> None:
    text = "FROM a\nRUN cat <<A > x && cat <<B > y\n1\nA\n2\nB\n"
    script = only(text, "RUN").script()
    assert script is not None
    assert script.written == "cat <<A > x && cat <<B > y\n1\nA\n2\nB\n"
    assert script.offset(script.written.index("2")) == text.index("2")


def test_a_run_of_only_a_heredoc_gives_the_shell_its_body() -> None:
    script = only("FROM a\nRUN <<EOF\napt-get update\nEOF\n", "RUN").script()
    assert script is not None
    assert script.written == "apt-get update\n"


def test_words_of_a_continued_line_have_their_own_places() -> None:
    text = "FROM a\nCOPY one \\\n  # a comment\n\n  two \\\n  three/\n"
    words = only(text, "COPY").words()
    assert [word.text for word in words] == ["one", "two", "three/"]
    assert [at(text, word.span) for word in words] == ["one", "two", "three/"]


def test_json_strings_are_placed_without_their_quotes() -> None:
    text = 'FROM a\nCMD [ "node" , "a\\"b", "" ]\n'
    json = only(text, "CMD").json
    assert json is not None
    assert [word.text for word in json] == ["node", 'a"b', ""]
    assert [at(text, word.span) for word in json] == ["node", 'a\\"b', '""']


def test_a_bracket_that_is_no_json_is_the_shell_form() -> None:
    assert only("FROM a\nRUN [ -f x ] || exit 1\n", "RUN").json is None
    assert only("FROM a\nCMD ['a']\n", "CMD").json is None


def test_flags_lose_their_quotes_and_know_where_their_value_stands() -> None:
    text = 'FROM a\nCOPY --from=build --chown="1:2" x y\n'
    copy = only(text, "COPY")
    origin, owner = copy.flag("from"), copy.flag("chown")
    assert origin is not None
    assert owner is not None
    assert (origin.value, at(text, origin.value_span)) == ("build", "build")
    assert (owner.value, at(text, owner.value_span)) == ("1:2", "1:2")
    assert [word.text for word in copy.words()] == ["x", "y"]


@pytest.mark.parametrize(
    ("line", "pairs"),
    [
        ("ENV A b c", [("A", "b c")]),
        ("ENV A=b C='d e' F=\"g\" H=i\\ j", [("A", "b"), ("C", "'d e'"), ("F", '"g"'), ("H", "i\\ j")]),
        ("ENV A=", [("A", "")]),
        ("LABEL a.b=c d=", [("a.b", "c"), ("d", "")]),
        ("ARG A", [("A", None)]),
        ("ARG A=b C", [("A", "b"), ("C", None)]),
    ],
)
def test_pairs_of_both_forms(line: str, pairs: list[tuple[str, str | None]]) -> None:
    text = f"FROM a\n{line}\n"
    found = only(text, line.partition(" ")[0]).pairs()
    assert [(pair.key.text, None if pair.value is None else pair.value.text) for pair in found] == pairs
    for pair in found:
        assert at(text, pair.key.span) == pair.key.text
        if pair.value is not None:
            assert at(text, pair.value.span) == pair.value.text


def test_directives_end_at_the_first_other_line_and_check_is_one_of_them() -> None:
    text = "# syntax=docker/dockerfile:1\n# check=skip=all\n# escape=`\nFROM a\nRUN b `\n c\n"
    found = dockerfile(text)
    assert [(each.name, each.value, at(text, each.span)) for each in found.directives] == [
        ("syntax", "docker/dockerfile:1", "docker/dockerfile:1"),
        ("check", "skip=all", "skip=all"),
        ("escape", "`", "`"),
    ]
    assert at(text, found.instructions[1].span) == "RUN b `\n c"


def test_an_onbuild_holds_an_instruction_with_its_own_places() -> None:
    text = "FROM a\nONBUILD COPY --chown=b c d\n"
    inner = only(text, "ONBUILD").trigger()
    assert inner is not None
    assert inner.keyword == "COPY"
    assert at(text, inner.keyword_span) == "COPY"
    assert [at(text, word.span) for word in inner.words()] == ["c", "d"]


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("FROM a\nRUN <<EOF\nx\n", "the heredoc 'EOF' does not end", "<<EOF"),
        ("FROM a\nFROX b\n", "the instruction 'FROX' is unknown", "FROX"),
        ("FROM a\nENV b\n", "ENV must have two arguments", "ENV"),
        ("FROM a\nENV b=c d\n", "ENV has a word without '='", "d"),
        ("FROM a\nCMD [1]\n", "the JSON form holds something else than strings", "[1]"),
        ("FROM a\nCOPY b\n", "COPY requires at least two arguments", "COPY"),
        ("FROM a\nUSER\n", "USER requires exactly one argument", "USER"),
        ("FROM a b\n", "FROM requires either one or three arguments", "FROM"),
        ("FROM a\nSHELL x\n", "SHELL requires the arguments to be in JSON form", "SHELL"),
        ("FROM a\nCOPY --form=b c d\n", "the flag --form is unknown to COPY", "--form=b"),
        ("FROM a\nONBUILD FROM b\n", "FROM is not allowed as an ONBUILD trigger", "ONBUILD"),
        ("RUN a\nFROM b\n", "RUN stands before the first FROM", "RUN"),
        ("# escape=x\nFROM a\n", "the escape directive has the invalid value 'x'", "x"),
        ("ARG A\n", "the Dockerfile has no FROM", ""),
    ],
)
def test_what_docker_refuses_is_located(text: str, message: str, place: str) -> None:
    (error,) = dockerfile(text).errors
    assert error.message == message
    assert at(text, error.span) == place


def test_what_can_be_read_beside_an_error_is_read() -> None:
    found = dockerfile("FROM a\nNONSENSE\nUSER b\nENV x\nEXPOSE 1\n")
    assert [each.keyword for each in found] == ["FROM", "USER", "ENV", "EXPOSE"]
    assert len(found.errors) == 2


def check(text: str) -> None:
    found = dockerfile(text)
    for error in found.errors:
        assert 0 <= error.span.start <= error.span.end <= len(text)
    last = 0
    for each in found:
        assert last <= each.span.start <= each.span.end <= len(text)
        last = each.span.end
        assert at(text, each.keyword_span).upper() == each.keyword or "\n" in at(text, each.keyword_span)
        for index in range(len(each.text.written)):
            assert text[each.text.offset(index)] == each.text.written[index]
        for word in (*each.words(), *(word for pair in each.pairs() for word in (pair.key, pair.value) if word)):
            for index, character in enumerate(word.content.written):
                assert text[word.content.offset(index)] == character
        for flag in each.flags:
            assert 0 <= flag.value_span.start <= flag.value_span.end <= len(text)
        for heredoc in each.heredocs:
            for index, character in enumerate(heredoc.body.written):
                assert text[heredoc.body.offset(index)] == character
        script = each.script()
        if script is not None:
            assert script.offset(len(script.written)) <= len(text) + 1


@given(st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_and_every_place_holds_its_text(text: str) -> None:
    check(text)


PIECES = [
    "FROM a",
    "RUN ",
    "COPY ",
    "ENV ",
    "LABEL ",
    "ARG ",
    "HEALTHCHECK CMD ",
    "ONBUILD ",
    "a=b",
    "\n",
    "\\\n",
    "\\",
]
PIECES += [
    "<<A",
    "<<-'B'",
    "A\n",
    "\tB\n",
    "# c\n",
    "\t",
    '"',
    "'",
    '["a", "b"]',
    "--from=x ",
    "\r\n",
    "$X",
    "`",
    "é😀",
    " ",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40))
@settings(max_examples=250, deadline=None)
def test_any_pieces_of_dockerfiles_are_read_and_every_place_holds_its_text(pieces: list[str]) -> None:
    check("".join(pieces))


SIZE = 480_000
HOSTILE = [
    "x",
    "RUN x \\\n",
    "<<A ",
    "${x:-",
    "[",
    "\\\\",
    "9",
    "a=b ",
    "'\\'",
    "--a ",
    "\\\n",
    "\n",
    "#\n",
    "é",
    "\0\n",
    "\r",
    '"a", ',
]
PREFIXES = ["", "RUN ", "FROM a\nENV ", "FROM a\nCMD [", 'FROM a\nCMD ["', "FROM a\nLABEL x='", "FROM a\nCOPY "]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_is_read_to_its_end(piece: str) -> None:
    for prefix in PREFIXES:
        text = prefix + piece * ((SIZE - 20) // len(piece)) + " <<B"
        assert all(0 <= each.span.start <= each.span.end <= len(text) for each in dockerfile(text).instructions)


def test_a_huge_file_is_one_error() -> None:
    found = dockerfile("FROM a\n" + "RUN x\n" * 2_000_000)
    assert [error.message for error in found.errors] == ["the Dockerfile has over 500000 characters"]
    assert found.instructions == ()
