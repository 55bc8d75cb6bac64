"""TypeScript as a tree: what a file imports, exports and declares, what its literals say, and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.model.source import Source, Span
from policyengine.syntax import typescript
from policyengine.syntax.typescript import Code, Import, arguments, children, inner, names


def code(text: str, path: str = "a.ts") -> Code:
    return typescript.read(Source(path, text))


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("f('(', /[)]/, `${g(1)}`)", ["f", "g"]),
        ("// f()\ng()", ["g"]),
        ("/* f()\n */ g()", ["g"]),
        ('x = "f()" + g()', ["g"]),
        ("`a${`f()${y()}z`}c`", ["y"]),
        ("a = /['\"]f()/g; b()", ["b"]),
        ("a / b() / c", ["b"]),
    ],
)
def test_what_is_no_code_holds_no_calls(text: str, calls: list[str]) -> None:
    read = code(text)
    assert [read.text(call.children[0]) for call in read.walk("call_expression")] == calls


def test_an_angle_bracket_is_a_cast_in_typescript_and_an_element_in_tsx() -> None:
    assert next(code("x = <T>y").walk("type_assertion"), None) is not None
    assert next(code("x = <b>y</b>", "a.tsx").walk("jsx_element"), None) is not None


@pytest.mark.parametrize(
    ("text", "value", "slice_"),
    [
        ('x = "a\\n\\u{41}"', "a\nA", "a\\n\\u{41}"),
        ("x = 'é日😀'", "é日😀", "é日😀"),
        ("x = `plain`", "plain", "plain"),
        ("x = ''", "", "''"),
        ('x = "\\q\\x41\\u0042"', "qAB", "\\q\\x41\\u0042"),
    ],
)
def test_a_string_has_its_value_and_its_place_without_quotes(text: str, value: str, slice_: str) -> None:
    read = code(text)
    literal = read.string(next(read.walk("string", "template_string")))
    assert literal is not None
    assert literal[0] == value
    assert text[literal[1].start : literal[1].end] == slice_


def test_a_template_with_an_expression_says_no_text() -> None:
    read = code("x = `a${b}`")
    assert read.string(next(read.walk("template_string"))) is None


def test_keys_are_known_as_they_are_written() -> None:
    text = '({ a: 1, "b-c": 2, ["d"]: 3, [e]: 4, 5: 6 })'
    read = code(text)
    keys = [read.key(pair.named_children[0]) for pair in read.walk("pair")]
    assert [key and (key[0], text[key[1].start : key[1].end]) for key in keys] == [
        ("a", "a"),
        ("b-c", "b-c"),
        ("d", "d"),
        None,
        ("5", "5"),
    ]


def test_the_inside_of_brackets_casts_and_assertions_is_found() -> None:
    read = code("(await (x as T))!")
    assert read.text(inner(read.root.named_children[0])) == "x"


def test_arguments_are_those_in_brackets_without_comments() -> None:
    read = code("f(a, /* b */ c, ...d); g`x`")
    assert [[read.text(each) for each in arguments(call)] for call in read.walk("call_expression")] == [
        ["a", "c", "...d"],
        [],
    ]


def test_imports_are_known_by_their_local_name() -> None:
    read = code(
        'import J, { a as b, type C } from "m";\nimport * as v from "./v";\nimport x = require("y");\nimport "side";'
    )
    assert read.imports == {
        "J": Import("default", "m"),
        "b": Import("a", "m"),
        "C": Import("C", "m"),
        "v": Import("*", "./v"),
        "x": Import("*", "y"),
    }


def test_exports_are_known_by_their_outer_name() -> None:
    read = code(
        'export { q, r as s } from "./q";\nexport * from "./all";\nexport * as n from "./n";\nexport { z as zed };\n'
        "export const A = 1, { B, c: C = 2, ...D } = x;\nexport function f() {}\nexports.g = 3;"
    )
    assert read.exports == {
        "q": Import("q", "./q"),
        "s": Import("r", "./q"),
        "n": Import("*", "./n"),
        "zed": "z",
        **{name: name for name in ("A", "B", "C", "D", "f")},
        "g": "exports.g",
    }
    assert read.stars == ["./all"]


@pytest.mark.parametrize(
    ("text", "expression"),
    [("export default f(1);", "f(1)"), ("module.exports = { a };", "{ a }"), ("export = x;", "x")],
)
def test_the_default_export_is_an_expression(text: str, expression: str) -> None:
    read = code(text)
    assert [read.text(node) for node in read.default] == [expression]


def test_declarations_are_known_by_the_names_they_bind() -> None:
    read = code("const a = 1, { b, c: [d = 2, ...e] } = x;\nfunction f() { const no = 1 }\nclass G {}\nenum H {}")
    assert {name: read.text(node).split()[0] for name, node in read.declared.items()} == {
        "a": "a",
        "b": "{",
        "d": "{",
        "e": "{",
        "f": "function",
        "G": "class",
        "H": "enum",
    }


@given(st.text(alphabet="ab'\"`/*\\\n${}()[],;:=<>.?! \ré日😀", max_size=120))
def test_any_text_is_read_and_every_place_is_a_slice_of_it(text: str) -> None:
    read = code(text)
    for node in read.walk("identifier", "string", "template_string", "number"):
        span = read.span(node)
        assert 0 <= span.start <= span.end <= len(text)
        assert read.text(node) == text[span.start : span.end]
        literal = read.string(node)
        if literal is not None and "\\" not in literal[0]:
            assert span.holds(literal[1])
        list(names(read, node))
        children(node)
        read.key(node)


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="'\\\n\r\0"), max_size=40))
def test_a_string_of_any_characters_says_them(text: str) -> None:
    read = code(f"x = '{text}'")
    literals = [read.string(node) for node in read.walk("string")]
    assert literals == [(text, Span("a.ts", 5, 5 + len(text)) if text else Span("a.ts", 4, 6))]
