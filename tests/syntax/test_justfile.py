"""Justfiles: what `just recipe` runs, and where it stands (the just manual)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.model.source import Source
from policyengine.syntax import justfile
from policyengine.syntax.environment import Environment

TEXT = """\
set dotenv-load
compose := "docker compose" + " -f e2e.yml"
tag := env_var_or_default('TAG', 'dev')
alias t := test

# starts all
[group('stack')]
up wait="--wait": build && logs
    {{compose}} up -d {{wait}}

@build:
    docker build \\
      -t app:{{tag}} .

test runner *args: (up "--wait=false")
    -npx {{runner}} test {{args}}

logs:
    # nothing
    @docker compose logs {{unknown}} {{{{raw}}
"""


def lines(words: str, text: str = TEXT, environment: dict[str, str | None] | None = None, **others: str) -> list[str]:
    files = {name.replace("_", "."): other for name, other in others.items()}
    rules = justfile.read(
        Source("justfile", text),
        environment=Environment(environment or {}, closed=True),
        file=lambda path: Source(path, files[path]) if path in files else None,
    )
    return [
        ("-" if line.ignored else "") + line.text.written
        for name, arguments in rules.split(words.split())
        for run in rules.order(name, arguments)
        for line in run.lines
    ]


def test_dependencies_run_before_and_those_behind_the_mark_afterwards() -> None:
    assert lines("up") == [
        "docker build \\\n      -t app:dev .",
        "docker compose -f e2e.yml up -d --wait",
        "docker compose logs ${unknown} {{raw}}",
    ]


def test_arguments_reach_the_recipe_and_what_it_needs() -> None:
    assert lines("t playwright --headed -x")[1:] == [
        "docker compose -f e2e.yml up -d --wait=false",
        "docker compose logs ${unknown} {{raw}}",
        "-npx playwright test --headed -x",
    ]


def test_the_environment_is_asked_before_the_default() -> None:
    assert lines("build", environment={"TAG": "v1"}) == ["docker build \\\n      -t app:v1 ."]


def test_several_recipes_run_in_turn() -> None:
    assert lines("a b x c", "a:\n  one\nb p:\n  two {{p}}\nc:\n  three\n") == ["one", "two x", "three"]


def test_the_first_recipe_is_the_default() -> None:
    assert justfile.read(Source("justfile", TEXT)).default == "up"


def test_a_recipe_with_a_shebang_is_one_script() -> None:
    text = "a name='x':\n    #!/usr/bin/env bash\n    if true; then\n        run {{name}}\n    fi\n"
    assert lines("a", text) == ["#!/usr/bin/env bash\nif true; then\n    run x\nfi\n"]
    (run,) = justfile.read(Source("justfile", "a:\n  #!/usr/bin/env python3\n  print()\n")).order("a")
    assert (run.lines, run.gap) == ((), "a recipe for /usr/bin/env python3 is not read")


def test_what_stands_in_the_file_wins_over_what_it_imports() -> None:
    assert lines("a b", "import 'more.just'\na:\n  own\n", more_just="a:\n  other\nb:\n  more\n") == ["own", "more"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'a' + \"b\"", "ab"),
        ("'a' / 'b'", "a/b"),
        ("if 'a' == 'a' { 'yes' } else { 'no' }", "yes"),
        ("if env('CI') != 'true' { 'yes' } else { 'no' }", "no"),
        ("env('NONE', 'else')", "else"),
        ("`git rev-parse HEAD`", "${v}"),
        ("uppercase('a')", "${v}"),
        ("v + 'a'", "${v}"),
    ],
)
def test_expressions_are_evaluated_as_far_as_they_are_texts(expression: str, value: str) -> None:
    assert lines("a", f"v := {expression}\na:\n  run {{{{v}}}}\n", environment={"CI": "true"}) == [f"run {value}"]


def test_a_recipe_of_another_system_does_nothing() -> None:
    text = "[windows]\na:\n  dir\nb: a\n  ls\n"
    assert lines("b", text, environment={"RUNNER_OS": "Linux"}) == ["ls"]


def test_the_text_of_a_line_stands_where_it_is_written() -> None:
    source = Source("justfile", TEXT)
    *_, build, up, _ = [line for run in justfile.read(source).order("up") for line in run.lines]
    assert source.slice(up.text.span(0, len("docker compose"))) == "{{compose}}"
    at = up.text.written.index("up -d")
    assert source.slice(up.text.span(at, at + 5)) == "up -d"
    assert source.slice(build.text.span(0, 12)) == "docker build"


def test_recipes_that_need_one_another_end() -> None:
    assert lines("a", "a: b\n  one\nb: a\n  two\n") == ["two", "one"]


@given(st.text(alphabet="ab:=\t\n (){}'\"&@[]#-", max_size=100))
def test_any_text_is_read_with_places_inside_it(text: str) -> None:
    rules = justfile.read(Source("justfile", text))
    for run in rules.order(rules.default):
        for line in run.lines:
            for index in range(len(line.text.written)):
                assert 0 <= line.text.offset(index) <= len(text)


def test_texts_made_to_take_for_ever_end() -> None:
    doubling = "".join(f"{one} := {other} + {other}\n" for one, other in zip("abcdefg", "bcdefgh", strict=True))
    assert len(lines("r", doubling + 'h := "x"\nr:\n  ' + "{{a}}" * 20_000 + "\n")) == 1
    assert len(lines("r", "r:\n  " + "{{a'" * 20_000 + "\n")) == 1
    assert len(lines("r0", "".join(f"r{n}: r{n + 1} r{n + 1}\n" for n in range(500)) + "r500:\n  x\n")) <= 1


def test_a_recipe_of_dependencies_only_is_no_script_where_the_file_begins_with_a_shebang() -> None:
    text = "#!/usr/bin/env -S just --justfile\n\nall: build\n\nbuild:\n    docker build -t x:1 .\n"
    assert lines("all", text) == ["docker build -t x:1 ."]
