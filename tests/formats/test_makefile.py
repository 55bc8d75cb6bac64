"""Makefiles: what `make target` runs, and where it stands (GNU make manual)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policyengine.formats import makefile
from policyengine.source import Source

SOURCE = Source(
    "Makefile",
    """\
COMPOSE ?= docker compose
FILES := -f docker-compose.yml
# a comment
.PHONY: up test
up: build ## start
\t@$(COMPOSE) $(FILES) \\
\t  up -d --wait
\t-docker push $${REPO}/app:$(TAG)
build: ; docker build -t app .
test: up | build
\t$(MAKE) -C e2e run NAME=$@
""",
)


def recipes(name: str) -> list[tuple[str, bool]]:
    return [(recipe.text.text, recipe.ignored) for recipe in makefile.read(SOURCE).targets[name].recipes]


def test_recipes_come_with_variables_and_escapes_resolved() -> None:
    assert recipes("up") == [
        ("docker compose -f docker-compose.yml \\\n\t  up -d --wait", False),
        ("docker push ${REPO}/app:${TAG}", True),
    ]
    assert recipes("build") == [("docker build -t app .", False)]
    assert recipes("test") == [("make -C e2e run NAME=test", False)]


def test_the_text_of_a_recipe_stands_where_it_is_written() -> None:
    text = makefile.read(SOURCE).targets["up"].recipes[0].text
    at = text.text.index("up -d")
    assert SOURCE.slice(text.span(at, at + 5)) == "up -d"
    assert SOURCE.slice(text.span(0, len("docker compose"))) == "$(COMPOSE)"


def test_prerequisites_run_first_and_each_once() -> None:
    rules = makefile.read(SOURCE)
    assert [target.name for target in rules.order("test")] == ["build", "up", "test"]
    assert rules.default == "up"


def test_variables_of_the_command_line_win() -> None:
    rules = makefile.read(SOURCE, {"FILES": "-f e2e.yml"})
    assert rules.targets["up"].recipes[0].text.text.startswith("docker compose -f e2e.yml")


def test_a_function_is_no_command() -> None:
    rules = makefile.read(Source("Makefile", "a:\n\t@:$(call check, X, $(Y))\n\techo $(shell date) end\n"))
    assert [recipe.text.text for recipe in rules.targets["a"].recipes] == [":", "echo ${_} end"]


def test_a_cycle_ends() -> None:
    rules = makefile.read(Source("Makefile", "a: b\nb: a\n\techo b\n"))
    assert [target.name for target in rules.order("a")] == ["b", "a"]


def test_a_variable_of_itself_ends() -> None:
    rules = makefile.read(Source("Makefile", "X = $(X)$(X)$(X)\na:\n\techo $(X)\n"))
    assert len(rules.targets["a"].recipes[0].text.text) < 30_000


@given(st.text(alphabet="ab:=\t\n $(){}\\#;|-@?+!", max_size=120))
def test_any_text_is_read_with_places_inside_it(text: str) -> None:
    for target in makefile.read(Source("Makefile", text)).targets.values():
        for recipe in target.recipes:
            for index in range(len(recipe.text.text)):
                assert 0 <= recipe.text.offset(index) <= len(text)
