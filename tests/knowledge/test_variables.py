"""What the names of variables and build arguments say."""

import pytest

from policyengine.knowledge import loading
from policyengine.knowledge.variables import Variables, is_cloud_only, is_double, is_label, is_mode, is_of_place, modes

TABLE = loading.table("variables", Variables)


@pytest.mark.parametrize("label", TABLE.labels)
def test_a_build_argument_that_only_labels_the_build_is_told_by_its_name(label: str) -> None:
    assert is_label(label.upper())
    assert is_label(f"GIT_{label.upper()}") is not TABLE.labels[label].whole
    assert not is_label("NODE_VERSION")


@pytest.mark.parametrize("name", TABLE.modes)
def test_a_variable_chooses_the_mode_of_a_program(name: str) -> None:
    assert is_mode(name)
    assert is_mode(name, runtime=True) is TABLE.modes[name].runtime
    assert name in modes()
    assert not is_mode(f"{name}_FILE")


@pytest.mark.parametrize("pattern", TABLE.cloud_only)
def test_a_variable_means_nothing_on_a_laptop(pattern: str) -> None:
    assert is_cloud_only(pattern.replace("*", "DIGEST"))
    assert not is_cloud_only(f"MY_{pattern.strip('*')}_NAME")


@pytest.mark.parametrize("choice", TABLE.choices)
@pytest.mark.parametrize("double", TABLE.doubles)
def test_a_double_is_chosen_by_the_last_word_of_a_name(choice: str, double: str) -> None:
    assert is_double(f"MAIL_{choice.upper()}", double.upper())
    assert not is_double(f"{choice.upper()}_NAME", double)
    assert not is_double(f"MAIL_{choice.upper()}", "ses")


@pytest.mark.parametrize("word", TABLE.place_words)
def test_a_value_is_of_its_place_where_a_word_of_the_name_says_so(word: str) -> None:
    assert is_of_place(f"WEB_{word.upper()}")
    assert not is_of_place(f"WEB{word.upper()}S_FLAG")
