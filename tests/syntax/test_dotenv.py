"""Env files: four dialects, as the table of their differences has it and as their own programs read them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.model.source import ReadError, Source, Span
from policyengine.model.text import Text
from policyengine.model.value import Unknown, Via
from policyengine.syntax.dotenv import Dialect, read
from policyengine.syntax.env_expansion import Resolved, resolve

SHELL = {"S": "shell"}


def lookup(name: str) -> Text | None:
    return Text.at(SHELL[name], Span("", 0, 0)) if name in SHELL else None


def variables(text: str, dialect: Dialect) -> dict[str, str] | None:
    try:
        found = resolve(read(Source(".env", text), dialect), lookup, strict=True)
    except ReadError:
        return None
    return {key: each.text.written for key, each in found.items()}


C, N, P, D = Dialect.COMPOSE, Dialect.NODE, Dialect.PYTHON, Dialect.DOCKER


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("A=1#c", {C: "1#c", N: "1", P: "1#c", D: "1#c"}),
        ("A= #c", {C: "#c", N: "", P: "", D: " #c"}),
        ("A=$S", {C: "shell", N: "$S", P: "$S", D: "$S"}),
        ("A=${S}", {C: "shell", N: "${S}", P: "shell", D: "${S}"}),
        ("A='${S}'", {C: "${S}", N: "${S}", P: "shell", D: "'${S}'"}),
        ("A=${Q-d}", {C: "d", N: "${Q-d}", P: "", D: "${Q-d}"}),
        ("A=${Q:-d}", {C: "d", N: "${Q:-d}", P: "d", D: "${Q:-d}"}),
        ("A: 1", {C: "1", N: "1", P: None, D: None}),
        ("export A=1", {C: "1", N: "1", P: "1", D: None}),
        ('A="x', {C: None, N: '"x', P: None, D: '"x'}),
        (
            'A="a\\nb\\tc\\"d\\$e"',
            {C: 'a\nb\tc"d$e', N: 'a\nb\\tc\\"d\\$e', P: 'a\nb\tc"d\\$e', D: '"a\\nb\\tc\\"d\\$e"'},
        ),
    ],
)
@pytest.mark.parametrize("dialect", list(Dialect))
def test_the_dialects_differ_as_they_do(text: str, values: dict[Dialect, str | None], dialect: Dialect) -> None:
    found = variables(text + "\n", dialect)
    assert (None if found is None else found.get("A")) == values[dialect]


def resolved(text: str, dialect: Dialect = Dialect.COMPOSE) -> tuple[Source, dict[str, Resolved]]:
    source = Source(".env", text)
    return source, resolve(read(source, dialect), lambda _: None, strict=False)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("A=one two # c\n", "one two"),
        ("export  A =  'x y' # c\n", "x y"),
        ('A="x"\r\n', "x"),
        ("A=\n", ""),
        ("\ufeff\nA=é\n".removeprefix("\ufeff"), "é"),
    ],
)
@pytest.mark.parametrize("dialect", [Dialect.COMPOSE, Dialect.NODE, Dialect.PYTHON])
def test_the_text_at_a_values_span_is_the_value(text: str, at: str, dialect: Dialect) -> None:
    source, found = resolved(text, dialect)
    value = found["A"]
    assert value.text.written == at
    assert source.slice(value.text.pieces[0].span) == at
    assert source.slice(value.key_span) == "A"


def test_an_expanded_value_tells_where_each_part_stands() -> None:
    source, found = resolved("HOST=db\nURL=postgres://$HOST:${PORT:-5432}/app\n")
    text = found["URL"].text
    assert text.written == "postgres://db:5432/app"
    assert [source.slice(piece.span) for piece in text.pieces] == ["postgres://", "db", ":", "5432", "/app"]
    assert [step.what for step in text.via] == ["$HOST", "", "${PORT:-5432}"]
    assert source.slice(text.via[1].span) == "db"


def test_an_unset_variable_is_undecided_for_analysis() -> None:
    _, found = resolved("A=x-${GONE}\n")
    assert found["A"].text.written == "x-${GONE}"
    step = Via("${GONE}", Span(".env", 4, 11))
    reason = "the variable 'GONE' set outside the files"
    assert found["A"].text.value() == Unknown(reason, Span(".env", 2, 11), (step,), about="GONE")


def test_the_last_assignment_of_a_key_wins() -> None:
    source, found = resolved("A=1\nA=2\n")
    assert source.slice(found["A"].text.pieces[0].span) == "2"


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("A='x\nB=1\n", "no closing '", (2, 3)),
        ("A B=1\n", "a blank stands in the name of a variable", (0, 3)),
        ("A!=1\n", "unexpected character '!'", (1, 2)),
        ("A=${\n", "invalid interpolation format", (2, 4)),
        ("A=${B:?is needed}\n", "required variable B is missing a value: is needed", (2, 17)),
    ],
)
def test_what_compose_refuses_is_refused_at_its_place(text: str, message: str, at: tuple[int, int]) -> None:
    with pytest.raises(ReadError) as caught:
        resolve(read(Source(".env", text)), lambda _: None, strict=True)
    assert message in caught.value.message
    assert (caught.value.span.start, caught.value.span.end) == at


@pytest.mark.parametrize(
    ("text", "values", "lost"),
    [
        ("A=1\nB C\nD=2\n", {"A": "1", "D": "2"}, "B C"),
        ("A=1\nsome words\nD=2\n", {"A": "1", "D": "2"}, "some words"),
        ("A=1\nB!=x\nD=2\n", {"A": "1", "D": "2"}, "!"),
        ("A='x\nB=1\n", {"A": None, "B": "1"}, "'"),
        ('A="x\nB="y"\nC=1\n', {"A": None, "B": "y", "C": "1"}, '"'),
        ("A=${B\nC=1\n", {"A": None, "C": "1"}, "${"),
        ('A="x\ny" # kept\nB=1\n', {"A": "x\ny", "B": "1"}, None),
    ],
)
def test_a_malformed_line_is_lost_alone(text: str, values: dict[str, str | None], lost: str | None) -> None:
    source, wrong = Source(".env", text), list[ReadError]()
    found = resolve(read(source, lost=wrong), lambda _: None, strict=False, lost=wrong)
    told = {key: each.text.written if each.text.decided else None for key, each in found.items()}
    assert (told, [source.slice(each.span) for each in wrong]) == (values, [] if lost is None else [lost])


def test_a_line_that_names_no_variable_is_lost_alone_for_docker_run() -> None:
    wrong = list[ReadError]()
    found = read(Source("a.env", "A=1\n=x\nB C=2\nD='3'\n"), Dialect.DOCKER, wrong)
    assert [each.key for each in found] == ["A", "D"]
    assert [each.span for each in wrong] == [Span("a.env", 4, 6), Span("a.env", 7, 10)]


ENV_TEXT = st.text(st.sampled_from("AB=: \n\t\r'\"`#\\$ {}-nexport1é."), max_size=40)


@settings(max_examples=300, deadline=None)
@given(ENV_TEXT)
def test_python_dotenv_reads_the_same(text: str) -> None:
    dotenv = pytest.importorskip("dotenv")
    import logging

    logging.disable(logging.WARNING)
    theirs = dotenv.dotenv_values(stream=io.StringIO(text, newline=""), interpolate=False)
    found = read(Source(".env", text), Dialect.PYTHON)
    ours = {each.key: None if each.value is None else each.value.written for each in found}
    assert ours == dict(theirs)


@settings(max_examples=300, deadline=None)
@given(ENV_TEXT, st.sampled_from(list(Dialect)))
def test_exact_parts_stand_in_the_file_letter_by_letter(text: str, dialect: Dialect) -> None:
    source = Source(".env", text)
    try:
        found = resolve(read(source, dialect), lambda _: None, strict=False)
    except ReadError as error:
        assert 0 <= error.span.start <= error.span.end <= len(text)
        return
    for value in found.values():
        for piece in value.text.pieces:
            assert 0 <= piece.span.start <= piece.span.end <= len(text)
            if piece.exact:
                assert source.slice(piece.span) == piece.text


def test_a_chain_of_variables_keeps_the_nearest_steps_and_costs_no_more_than_its_length() -> None:
    chain = "A0=y\n" + "".join(f"A{number}=${{A{number - 1}}}x\n" for number in range(1, 400))
    last = resolved(chain)[1]["A399"]
    assert last.text.written == "y" + "x" * 399
    assert sum(len(piece.via) for piece in last.text.pieces) <= 200 * 32
