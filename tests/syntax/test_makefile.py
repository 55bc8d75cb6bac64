"""Makefiles: what `make target` runs, and where it stands (GNU make manual)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.model.source import Source
from policyengine.syntax import makefile
from policyengine.syntax.environment import Environment

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
    return [(recipe.text.written, recipe.ignored) for recipe in makefile.read(SOURCE).targets[name].recipes]


def test_recipes_come_with_variables_and_escapes_resolved() -> None:
    assert recipes("up") == [
        ("docker compose -f docker-compose.yml \\\n\t  up -d --wait", False),
        ("docker push ${REPO}/app:${TAG}", True),
    ]
    assert recipes("build") == [("docker build -t app .", False)]
    assert recipes("test") == [("make -C e2e run NAME=test", False)]


def test_the_text_of_a_recipe_stands_where_it_is_written() -> None:
    text = makefile.read(SOURCE).targets["up"].recipes[0].text
    at = text.written.index("up -d")
    assert SOURCE.slice(text.span(at, at + 5)) == "up -d"
    assert SOURCE.slice(text.span(0, len("docker compose"))) == "$(COMPOSE)"


def test_prerequisites_run_first_and_each_once() -> None:
    rules = makefile.read(SOURCE)
    assert [target.name for target in rules.order("test")] == ["build", "up", "test"]
    assert rules.default == "up"


def test_variables_of_the_command_line_win() -> None:
    rules = makefile.read(SOURCE, {"FILES": "-f e2e.yml"})
    assert rules.targets["up"].recipes[0].text.written.startswith("docker compose -f e2e.yml")


def test_a_function_is_no_command() -> None:
    rules = makefile.read(Source("Makefile", "a:\n\t@:$(call check, X, $(Y))\n\techo $(shell date) end\n"))
    assert [recipe.text.written for recipe in rules.targets["a"].recipes] == [":", "echo ${_} end"]


def test_a_cycle_ends() -> None:
    rules = makefile.read(Source("Makefile", "a: b\nb: a\n\techo b\n"))
    assert [target.name for target in rules.order("a")] == ["b", "a"]


def test_a_variable_of_itself_ends() -> None:
    rules = makefile.read(Source("Makefile", "X = $(X)$(X)$(X)\na:\n\techo $(X)\n"))
    assert len(rules.targets["a"].recipes[0].text.written) < 30_000


@given(st.text(alphabet="ab:=\t\n $(){}\\#;|-@?+!", max_size=120))
def test_any_text_is_read_with_places_inside_it(text: str) -> None:
    for target in makefile.read(Source("Makefile", text)).targets.values():
        for recipe in target.recipes:
            for index in range(len(recipe.text.written)):
                assert 0 <= recipe.text.offset(index) <= len(text)


def made(text: str, goal: str = "a", environment: dict[str, str | None] | None = None, **others: str) -> list[str]:
    """The lines that `make goal` runs; those that a condition decides in brackets, with an unknown part in braces."""
    others = {name.replace("_", "."): other for name, other in others.items()}
    rules = makefile.read(
        Source("Makefile", text),
        environment=Environment(environment or {}, closed=environment is not None),
        file=lambda path: Source(path, others[path]) if path in others else None,
        goals=goal,
    )
    return [
        f"[{recipe.text.written}]"
        if recipe.conditional
        else f"{{{recipe.text.written}}}"
        if recipe.undecided
        else recipe.text.written
        for target in rules.order(goal)
        for recipe in target.recipes
    ]


@pytest.mark.parametrize(
    ("condition", "environment", "expected"),
    [
        ("ifdef CI", {"CI": "true"}, ["up"]),
        ("ifdef CI", {}, ["down"]),
        ("ifdef CI", {"CI": None}, ["[up]", "[down]"]),
        ("ifdef CI", None, ["[up]", "[down]"]),
        ("ifndef CI", {"CI": "true"}, ["down"]),
        ("ifeq ($(OS),Windows_NT)", {"OS": ""}, ["down"]),
        ("ifeq ($(strip $(CI)), true)", {"CI": " true "}, ["up"]),
        ("ifneq (,$(findstring test,$(MAKECMDGOALS)))", {}, ["down"]),
        ('ifeq "$(ENV)" "prod"', {"ENV": "prod"}, ["up"]),
        ("ifeq '$(ENV)' 'prod'  # a comment", {"ENV": "prod"}, ["up"]),
        ("ifeq ($(filter $(ENV),dev prod),)", {"ENV": "prod"}, ["down"]),
        ("ifeq ($(shell uname -s),Linux)", {"RUNNER_OS": "Linux"}, ["up"]),
        ("ifeq ($(shell uname -s),Linux)", {}, ["[up]", "[down]"]),
        ("ifeq ($(shell git status),)", {}, ["[up]", "[down]"]),
        ("ifneq (,$(wildcard .env))", {}, ["[up]", "[down]"]),
        ("ifeq ($(origin TAG),undefined)", {}, ["up"]),
        ("ifdef HOME", {}, ["[up]", "[down]"]),  # a machine sets it
        ("ifeq", {}, ["[up]", "[down]"]),
    ],
)
def test_a_condition_that_files_decide_takes_one_branch(
    condition: str, environment: dict[str, str | None] | None, expected: list[str]
) -> None:
    assert made(f"a:\n{condition}\n\tup\nelse\n\tdown\nendif\n", environment=environment) == expected


def test_branches_exclude_one_another() -> None:
    text = "a:\nifeq ($(X),1)\n\tone\nelse ifeq ($(X),2)\n\ttwo\nelse\n\tthree\nendif\n\tall\n"
    assert made(text, environment={"X": "1"}) == ["one", "all"]
    assert made(text, environment={"X": "2"}) == ["two", "all"]
    assert made(text, environment={"X": "3"}) == ["three", "all"]
    assert made(text, environment={"X": None}) == ["[one]", "[two]", "[three]", "all"]


def test_conditions_nest_and_an_undecided_one_outside_leaves_the_inside_undecided() -> None:
    text = "ifdef X\nifdef Y\nV = 1\nelse\nV = 2\nendif\nendif\na:\n\trun $(V)\n"
    assert made(text, environment={"X": "x", "Y": "y"}) == ["run 1"]
    assert made(text, environment={"X": "x"}) == ["run 2"]
    assert made(text, environment={}) == ["run "]
    assert made(text, environment={"X": None, "Y": "y"}) == ["{run ${V}}"]


def test_a_variable_that_an_undecided_condition_sets_alike_is_known() -> None:
    assert made("V = 1\nifdef X\nV = 1\nendif\na:\n\trun $(V)\n", environment={"X": None}) == ["run 1"]


def test_a_variable_that_nothing_sets_is_empty_only_as_a_word_of_its_own() -> None:
    assert made("a:\n\t$(SUDO) run app:$(TAG)\n", environment={}) == [" run app:${TAG}"]
    assert made("a:\n\t$(SUDO) run app:$(TAG)\n") == ["${SUDO} run app:${TAG}"]


def test_the_environment_gives_way_to_the_file_and_to_nothing_with_a_default() -> None:
    assert made("V = file\nW ?= file\na:\n\trun $(V) $(W)\n", environment={"V": "env", "W": "env"}) == ["run file env"]


def test_included_files_count_where_they_are_included() -> None:
    text = "V = 1\ninclude more.mk\nifeq ($(V),2)\na: b\nendif\n-include none.mk\n"
    assert made(text, environment={}, more_mk="V = 2\nb:\n\tin $(V)\n") == ["in 2"]


def test_a_pattern_makes_what_has_no_recipe_by_the_shortest_stem() -> None:
    text = "%:\n\tany $@\ntest-%: build-%\n\ttest $* $< \nbuild-%: ; build $*\n.PHONY: all\nall: test-api\n"
    assert made(text, "all") == ["build api", "test api build-api "]
    assert made(text, "x") == ["any x"]
    assert made(text, "all", environment={}) == ["build api", "test api build-api "]


def test_a_file_that_is_there_is_not_made_by_a_pattern() -> None:
    assert made("%: %.in\n\tmake $@\na: conf\n\tuse $^\n", conf="x") == ["use conf"]


def test_a_pattern_that_feeds_itself_ends() -> None:
    assert len(made("%: %.x\n\trun $@\n")) <= 200


def test_a_static_pattern_has_its_stem() -> None:
    assert made("a.o b.o: %.o: %.c\n\tcc $< $*\n", "a.o") == ["cc a.c a"]


def test_the_variables_of_a_target_reach_what_it_needs() -> None:
    text = "ENV = dev\na: ENV = prod\na: ship\nship:\n\tship $(ENV)\n"
    assert made(text) == ["ship prod"]
    assert made(text, "ship") == ["ship dev"]


def test_one_shell_makes_one_script_of_all_lines() -> None:
    assert made(".ONESHELL:\na:\n\t@cd app\n\t-run\n") == ["cd app\nrun\n"]
    source = Source("Makefile", ".ONESHELL:\n.SHELLFLAGS = -ec\na:\n\t@cd app\n\trun\n")
    (recipe,) = makefile.read(source).targets["a"].recipes
    at = recipe.text.written.index("run")
    assert source.slice(recipe.text.span(at, at + 3)) == "run"
    assert recipe.errexit


def test_a_call_puts_its_arguments_in() -> None:
    text = "compose = docker compose -f $(1) $(2)\ndefine twice\n$(1)\n$(1)\nendef\n"
    assert made(text + "a:\n\t$(call compose,e2e.yml,up -d)\n\t$(call twice,x)\n") == [
        "docker compose -f e2e.yml up -d",
        "x\nx",
    ]


def test_the_prefix_of_recipes_may_be_another() -> None:
    assert made(".RECIPEPREFIX = >\na:\n>run\n") == ["run"]


def test_references_without_end_stay_bounded() -> None:
    assert len(made("X = " + "$(X)" * 1000 + "\na:\n\techo $(X)\n")[0]) < 30_000


@pytest.mark.parametrize(
    "text",
    [
        "a:\n\t" + "$(" * 50_000 + "\n",
        "ifdef X\n" * 50_000 + "a:\n\techo\n",
        "a " + " " * 50_000 + "\n",
        "X = " + "$(E)" * 2_000 + "\nE =\na:\n\t" + "$(X)" * 50_000 + "\n",
        "X = $(Y) $(Y)\nY = $(X) $(X)\na: $(X)\n\t$(X)\n",
        "f = $(call f,$(1)$(1))\na:\n\t$(call f,x)\n",
    ],
)
def test_texts_made_to_take_for_ever_end(text: str) -> None:
    assert len(made(text)) <= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [  # as GNU make 4.3 prints them with `make -n a`
        ("a: b\na: c\n\techo a\nb:\n\techo b\nc:\n\techo c\n", ["echo c", "echo b", "echo a"]),
        ("a:\n\techo one\na:\n\techo two\n", ["echo two"]),
        ("a::\n\techo one\na::\n\techo two\n", ["echo one", "echo two"]),
        ("B = x # c\nifeq ($(B),x)\nC = same\nendif\na:\n\techo $(C)\n", ["echo "]),
        ("D = $(C)\nifdef D\nE = set\nendif\na:\n\techo $(E)\n", ["echo set"]),
        ("D := x\nD += $(or $(C),$(D),y)\na:\n\techo $(D)\n", ["echo x x"]),
        ("ENV += more\na:\n\techo $(ENV)\n", ["echo env more"]),
        ("a: V = x # c\na:\n\techo $(V)\n", ["echo x "]),
        ("C = $(B)z\nifeq '$(C)' 'z'\na: b\nendif\nb:\n\techo b\n", ["echo b"]),
        ("a:\n\techo $(filter-out x,$(B) x y) $(wordlist 2,3,1 2 3) $(words $(B))\n", ["echo y 2 3 0"]),
    ],
)
def test_what_make_prints_is_what_is_read(text: str, expected: list[str]) -> None:
    assert made(text, environment={"ENV": "env"}) == expected
