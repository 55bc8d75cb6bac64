from __future__ import annotations

import contextlib
import marshal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.model.source import ReadError, Source
from policyengine.syntax.hcl import (
    Body,
    Expression,
    Literal,
    TemplateExpression,
    parse,
    parse_attribute,
    parse_file,
    parse_template,
    read_blocks,
)
from policyengine.syntax.hcl.encode import decode, encode
from policyengine.syntax.hcl.syntax import (
    Binary,
    Conditional,
    Interpolation,
    Keyword,
    Name,
    NumberLiteral,
    ObjectExpression,
    Parentheses,
    Splat,
    Traversal,
    TupleExpression,
    Unary,
)


def source(text: str) -> Source:
    return Source("main.tf", text)


def value(text: str) -> tuple[Expression, Source]:
    found = source(f"x = {text}\n")
    return parse_attribute(found, read_blocks(found).attributes[0]), found


def refusal(text: str) -> tuple[str, str]:
    found = source(text)
    with pytest.raises(ReadError) as caught:
        parse_file(found)
    return caught.value.message, found.slice(caught.value.span)


def test_blocks_are_found_with_labels_and_bodies() -> None:
    found = source('resource "aws_db_instance" "main" {\n  engine = "postgres"\n}\nlocals {}\n')
    first, second = read_blocks(found).blocks
    assert (first.type, [label.text for label in first.labels]) == ("resource", ["aws_db_instance", "main"])
    assert found.text[first.labels[1].start : first.labels[1].end] == "main"
    assert found.text[first.body_start : first.body_end] == '\n  engine = "postgres"\n'
    assert second.type == "locals"


def test_braces_in_strings_comments_and_heredocs_close_nothing() -> None:
    text = 'a "}" {\n  x = "}" # }\n  /* } */\n  y = <<EOT\n}\nEOT\n  z = "${{ a = "}" }["a"]}"\n}\nb {}\n'
    assert [block.type for block in read_blocks(source(text)).blocks] == ["a", "b"]


def test_a_heredoc_marker_with_trailing_blanks_ends_the_heredoc() -> None:
    text = 'a {\n  x = <<EOT\n  text {\n  EOT  \n}\nresource "t" "n" {\n  y = 1\n}\n'
    file = read_blocks(source(text))
    assert [block.type for block in file.blocks] == ["a", "resource"]
    assert [attribute.name for attribute in parse(source(text), file.blocks[0]).attributes] == ["x"]


def test_a_marker_inside_an_interpolation_does_not_end_the_heredoc() -> None:
    text = 'a {\n  x = <<EOT\n${"\nEOT\n"}\nEOT\n}\n'
    assert read_blocks(source(text.replace('"\nEOT\n"', "[\n1]"))).errors == ()


def test_one_bad_block_loses_no_other() -> None:
    found = source('a {\n  x = "open\n}\nb {\n  y = 1\n}\n')
    file = read_blocks(found)
    assert [block.type for block in file.blocks] == ["b"]
    (error,) = file.errors
    assert error.message == "a string is not closed on its line"
    assert found.slice(error.span) == '"'


def test_attributes_of_variable_files_are_found() -> None:
    found = source('a = "x"\nb = [\n  1,\n]\nc = {\n  d = "}"\n}\n# end')
    assert [(each.name, found.text[each.value : each.end]) for each in read_blocks(found).attributes] == [
        ("a", '"x"'),
        ("b", "[\n  1,\n]"),
        ("c", '{\n  d = "}"\n}'),
    ]


def test_the_span_of_a_string_excludes_its_quotes_unless_it_is_empty() -> None:
    tree, found = value('"16.4"')
    assert isinstance(tree, Literal)
    assert found.text[tree.start : tree.end] == "16.4"
    empty, found = value('""')
    assert isinstance(empty, TemplateExpression)
    assert found.text[empty.start : empty.end] == '""'


@pytest.mark.parametrize(
    "text",
    [
        "1-1.5",
        "!!x",
        "- -1",
        "(a\n.b)",
        '"${\n a }"',
        '"${~ a ~}"',
        "core::max(1, 2)",
        "[for x in y : x\n if x]",
        "{ for k, v in y : k => v... if v }",
        '"$${ x }"',
        '"%%{ x }"',
        "größe",
        "{ in = 1, for_each = 2 }",
        "a.0.b.1",
        "1.e3",
        "a.*.b[0].c",
        "a[*].b[*].c",
        "f(a...)",
        "f(\n  a,\n  b,\n)",
        "a ? b : c ? d : e",
        '"%{ if a }b%{ else }c%{ endif }"',
        "<<_EOF\nx\n_EOF",
        "<<-A-B\n  ${x}\n  A-B",
    ],
)
def test_what_terraform_accepts_is_accepted(text: str) -> None:
    value(text)


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("a = 1\na = 2\n", "the attribute 'a' is set twice", "a"),
        ("a = 1 b = 2\n", "an attribute must end before another item begins", "b"),
        ("a = 1\n  + 2\n", "'+' has nothing before it on its line", "+"),
        ("a = 1 +\n  2\n", "a line ends where a value is expected", "\n"),
        ('a = "\\q"\n', "'\\\\q' is no escape sequence", "\\q"),
        ('a "${b}" {}\n', "a label holds an interpolation", "${"),
        ("a { b = 1\n}\n", "a block that begins on one line must end on it", "\n"),
        ("a {\n  b = 1 }\n", "a new line must stand before the '}' of a block", "}"),
        ("a {} b {}\n", "a new line must follow the '}' of a block", "b"),
        ("a = { b = 1 c = 2 }\n", "object items need a comma or a new line between them", "c"),
        ("a = (1\n", "a '(' is never closed", "("),
        ("a = 1 ]\n", "a ']' closes nothing", "]"),
        ("a b\n", "an item is neither an attribute nor a block", "\n"),
        ("a = b c\n", "an attribute must end before another item begins", "c"),
        ('a = "%{ if b }c"\n', "a directive is never closed", "%{ if b }"),
        ("a = <<EOT\nx\n", "a heredoc is never closed", "<"),
        ("a = @\n", "'@' is not part of the language", "@"),
        ("a = 10.1.2.3/32\n", "a number is not valid", "10.1"),
        ("a = 1e5e5\n", "a number is not valid", "1e5"),
        ("a = b.0.1\n", "one old-form index follows another", "0.1"),
        ("a = b.*.c.*.d\n", "one '.*' follows another", ".*"),
        ("a = b::c\n", "a '(' must follow the name of a function", "b::c"),
        ("a = { for = 1 }\n", "'for' needs a name behind it", "for"),
        ('a = "b\rc"\n', "a string is not closed on its line", '"'),
        ("a.b = 1\n", "'a.b' is no name", "a.b"),
    ],
)
def test_what_the_grammar_accepts_wrongly_is_refused_at_its_place(text: str, message: str, at: str) -> None:
    assert refusal(text) == (message, at)


def test_an_error_never_shows_the_text_of_a_string() -> None:
    message, _ = refusal('a = b "hunter2secret"\n')
    assert "hunter2" not in message


def test_the_index_behind_an_attribute_splat_applies_to_the_result() -> None:
    tree, _ = value("a.*.b[0]")
    assert isinstance(tree, Traversal)
    assert [type(step).__name__ for step in tree.steps] == ["Splat", "GetAttribute", "GetIndex"]
    assert tree.steps[0] == Splat(5, 7, full=False)


def test_operators_of_one_level_make_one_chain() -> None:
    tree, found = value("a - b * 2 - -c")
    assert isinstance(tree, Binary)
    assert [operation.operator for operation in tree.operations] == ["-", "-"]
    assert isinstance(tree.operations[0].right, Binary)
    negated = tree.operations[1].right
    assert isinstance(negated, Unary)
    assert (negated.operator, found.text[negated.start : negated.end]) == ("-", "-c")


def test_a_template_file_is_a_template_without_quotes() -> None:
    found = source('{"a": "${b}"}\n%{ for x in y ~}\n- ${x}\n%{ endfor ~}\n')
    tree = parse_template(found)
    assert (tree.form, tree.start, tree.end) == ("file", 0, len(found.text))
    assert [found.text[part.start : part.end] for part in tree.parts[:3]] == ['{"a": "', "${b}", '"}\n']


def test_the_encoded_syntax_holds_no_text_of_values_and_comes_back_equal() -> None:
    text = (
        'resource "a" "b" {\n  password = "hunter2"\n  h = <<-EOT\n    hunter3 ${x.y[0]}\n  EOT\n'
        "  n = 424242\n  t = true ? -1 : [for k, v in z : { (k) = v } if v]\n"
        '  dynamic "s" {\n    content {}\n  }\n}\n'
    )
    found = source(text)
    body = parse(found, read_blocks(found).blocks[0])
    data = marshal.dumps(encode(body))
    assert b"hunter" not in data
    assert b"424242" not in data
    assert decode(marshal.loads(data)) == body  # noqa: S302


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "(" * 5_000,
        "a = " + "[" * 5_000 + "]" * 5_000,
        "a = " + "1" + "-1" * 20_000,
        "a = " + "!" * 20_000 + "x",
        "a = " + "x ? 1 : " * 2_000 + "2",
        "a = b" + ".c" * 20_000,
        'a = "' + "${" * 2_000,
        "a {" * 5_000,
        "<<" * 10_000,
        "a = <<E\n" + "\n" * 50_000 + "E\n",
        "/*" * 20_000,
        'a = "' + "x" * 1_000_000,
        "a {\n" * 20_000,
        "a = {" + "#" * 20_000 + "\n b = 1\n}",
        "a = {" + "/" * 20_000 + "\n b = 1\n}",
        "a = [" + "/* # */" * 5_000 + "forx]",
    ],
    ids=range(16),
)
def test_hostile_text_is_refused_or_read_in_bounded_time(text: str) -> None:
    found = source(text)
    file = read_blocks(found)
    for block in file.blocks:
        with contextlib.suppress(ReadError):
            parse(found, block)
    for attribute in file.attributes:
        with contextlib.suppress(ReadError):
            parse_attribute(found, attribute)


_PIECES = st.sampled_from(
    [
        *'{}[]()"$%~#/*<>=!?:,.-+\n \\ab1é',
        "${",
        "%{",
        "<<E\n",
        "\nE\n",
        "//",
        "/*",
        "*/",
        "a = ",
        '"b"',
        "for x in ",
        "if ",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, max_size=40).map("".join))
def test_no_text_crashes_the_reader_and_spans_stay_in_bounds(text: str) -> None:
    found = source(text)
    file = read_blocks(found)
    for error in file.errors:
        assert 0 <= error.span.start <= error.span.end <= len(text)
    for block in file.blocks:
        assert 0 <= block.start < block.body_start <= block.body_end < block.end <= len(text)
        body: Body | ReadError
        try:
            body = parse(found, block)
        except ReadError as error:
            body = error
        if isinstance(body, ReadError):
            assert 0 <= body.span.start <= body.span.end <= len(text)
            continue
        for attribute in body.attributes:
            assert text[attribute.start : attribute.end] == attribute.name


_EXPRESSIONS = st.recursive(
    st.sampled_from(["1", "x", "true", '"s"', "var.a", "null", "1.5", '""', "x.y.0"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "==", "&&", "<"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("[{}]".format),
        inner.map("{{ k = {} }}".format),
        inner.map('"a${{{}}}b"'.format),
        inner.map("f({})".format),
        inner.map("x[{}]".format),
        st.tuples(inner, inner, inner).map(lambda each: f"({each[0]} ? {each[1]} : {each[2]})"),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(_EXPRESSIONS)
def test_the_span_of_a_generated_expression_is_its_text(text: str) -> None:
    tree, found = value(text)
    inner = found.text[tree.start : tree.end]
    assert inner == text or (isinstance(tree, Literal | TemplateExpression) and f'"{inner}"' == text)


@pytest.mark.parametrize(
    "text",
    [
        '"a" == "b"',
        '"a${b}" == "${c}d"',
        '"a" == b ? "c" : "d"',
        '!"true"',
        '"a".b',
        '"a${b}"[0]',
        "1 + <<E\nx\nE",
        "1 + <<E\nx${y}\n  E",
        "true ? <<-E\n  x\n  E\n  : 1",
    ],
)
def test_the_span_of_a_composite_expression_includes_the_quotes_and_markers_at_its_ends(text: str) -> None:
    found = source(f"x = [({text}\n)]\n")
    tree = parse_attribute(found, read_blocks(found).attributes[0])
    assert isinstance(tree, TupleExpression)
    inner = tree.items[0]
    assert isinstance(inner, Parentheses)
    assert found.text[inner.inner.start : inner.inner.end] == text


def test_a_label_needs_no_blank_before_it() -> None:
    found = source('a "b"c"d" {\n  x = 1\n}\n')
    (block,) = parse_file(found).blocks
    assert [(label.text, found.text[label.start : label.end]) for label in block.labels] == [
        ("b", "b"),
        ("c", "c"),
        ("d", "d"),
    ]


def test_the_span_of_an_object_item_includes_the_quotes_of_key_and_value() -> None:
    tree, found = value('{ "a" = "b", c = "d${e}" }')
    assert isinstance(tree, ObjectExpression)
    assert [found.text[item.start : item.end] for item in tree.items] == ['"a" = "b"', 'c = "d${e}"']


def test_keywords_numbers_and_names_are_told_apart() -> None:
    tree, found = value("x ? true : 12")
    assert isinstance(tree, Conditional)
    assert isinstance(tree.test, Name)
    assert isinstance(tree.yes, Keyword)
    assert tree.yes.value is True
    assert isinstance(tree.no, NumberLiteral)
    assert found.text[tree.no.start : tree.no.end] == "12"


@pytest.mark.parametrize("text", ["image: ${tag}\nv: 16.1\n", '["${x}",\n"a"]\n', "${a} <<\n", "a ${b} x.y"])
def test_a_template_may_end_in_anything(text: str) -> None:
    template = parse_template(Source("t", text))
    (name,) = [part.value for part in template.parts if isinstance(part, Interpolation)]
    assert isinstance(name, Name)
    assert name.name in ("tag", "x", "a", "b")
