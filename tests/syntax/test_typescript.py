"""The TypeScript masker: text blanked outside of code, brackets matched, nothing crashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.model.source import Source
from policyengine.syntax import typescript
from policyengine.syntax.typescript import Code, Part


def code(text: str) -> Code:
    return typescript.read(Source("a.ts", text))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("a // b\nc", "a     \nc"),
        ("a /* b\nc */ d", "a     \n     d"),
        ('x = "a\\"b" + c', 'x = "    " + c'),
        ("x = 'it''s'", "x = '  '' '"),
        ("`a${b}c`", "` ${b} `"),
        ("`a${`x${y}z`}c`", "` ${` ${y} `} `"),
        ("a = /[/'\"]/g; b", "a =         ; b"),
        ("a / b / c", "a / b / c"),
        ("(a) / 2 // x", "(a) / 2     "),
        ("return /x'/.test(y)", "return     .test(y)"),
        ("<br /> 'a'", "<br /> ' '"),
        ("'open\nx", "'    \nx"),
    ],
)
def test_what_is_no_code_is_blanked_with_the_same_length(text: str, masked: str) -> None:
    assert code(text).text == masked


def test_brackets_in_strings_and_regular_expressions_do_not_match() -> None:
    read = code("f('(', /[)]/, `${g(1)}`)")
    assert read.closers[1] == len(read.text) - 1
    assert read.text[read.closers[1]] == ")"


def test_a_stray_closing_bracket_changes_nothing() -> None:
    assert code(")a(b)").closers == {2: 4}


def test_a_string_has_its_value_and_its_place_without_quotes() -> None:
    text = 'x = "a\\n\\u{41}"'
    found = code(text).string(4)
    assert found is not None
    assert found[0] == "a\nA"
    assert text[found[1].start : found[1].end] == "a\\n\\u{41}"


def test_properties_have_keys_values_spreads_and_shorthands() -> None:
    text = '{ a: f(1, 2), "b-c": x, ...rest, d, e: z.custom<A, B>(y).optional(), }'
    read = code(text)
    found = [(each.key, text[each.value.start : each.value.end]) for each in read.properties(0)]
    assert found == [
        ("a", "f(1, 2)"),
        ("b-c", "x"),
        ("", "rest"),
        ("d", "d"),
        ("e", "z.custom<A, B>(y).optional()"),
    ]


def test_a_chain_is_followed_over_lines_calls_and_type_arguments() -> None:
    text = "z\n  .string<A>()\n  .min(1)\n  .optional()"
    links, whole = code(text).chain(Part(0, len(text)))
    assert [(link.name, link.call >= 0) for link in links] == [
        ("z", False),
        ("string", True),
        ("min", True),
        ("optional", True),
    ]
    assert whole


def test_an_expression_ends_where_its_statement_ends() -> None:
    text = "const a = z\n  .object({})\nconst b = 1; const c = x ??\n y\nlet d"
    read = code(text)
    for name, value in (("a", "z\n  .object({})"), ("b", "1"), ("c", "x ??\n y")):
        part = read.declared(name)
        assert part is not None
        assert text[part.start : part.end] == value


def test_a_receiver_is_the_whole_expression_before_the_dot() -> None:
    text = "x = z.object({ a: 1 }).strict().parse(process.env)"
    part = code(text).receiver(text.index(".parse"))
    assert text[part.start : part.end].strip() == "z.object({ a: 1 }).strict()"


def test_imports_are_known_by_their_local_name() -> None:
    read = code(
        'import J, { a as b, type C } from "m";\nimport * as v from "./v";\nconst { z } = require("zod")\n'
        'export { q } from "./q"'
    )
    assert {name: tuple(each) for name, each in read.imports().items()} == {
        "J": ("default", "m"),
        "b": ("a", "m"),
        "C": ("C", "m"),
        "v": ("*", "./v"),
        "q": ("q", "./q"),
        "z": ("z", "zod"),
    }


@given(st.text(alphabet="ab'\"`/*\\\n${}()[],;:=<>.?! \r", max_size=200))
def test_reading_never_fails_and_keeps_every_offset(text: str) -> None:
    read = code(text)
    assert len(read.text) == len(text)
    assert all(text[start] in "([{" and start < end for start, end in read.closers.items())
    assert all(before in (after, *"'\"`") or after == " " for before, after in zip(text, read.text, strict=True))
    for start, end in read.strings.items():
        assert text[start] == text[end - 1]
    read.declared("a")
    read.chain(Part(0, len(text)))
    read.items(0)


@pytest.mark.parametrize("piece", ["(/[", "`${", "'", "/* ", "= /a", "/**/ ", '"\\', "import {", "a<", "function f<"])
def test_hostile_files_are_read_to_their_end(piece: str) -> None:
    text = piece * (400_000 // len(piece))
    read = code(text)
    assert len(read.text) == len(text)
    read.declared("a")
