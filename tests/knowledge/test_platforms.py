from __future__ import annotations

import json
from pathlib import Path

import pytest

from policyengine.knowledge import loading
from policyengine.knowledge.platforms import (
    architecture,
    architecture_in,
    asks_for_architecture,
    platform,
    platform_of_runner,
    stops_after,
)

TABLE = json.loads((Path(loading.__file__).parent / "platforms.json").read_text("utf-8"))


@pytest.mark.parametrize(("name", "entry"), TABLE["architectures"].items())
def test_every_other_name_of_an_architecture_is_written_as_buildkit_does(name: str, entry: dict[str, str]) -> None:
    assert platform(f"linux/{name}") == f"linux/{entry['architecture']}"
    assert platform(f" Linux/{name.upper()} ") == f"linux/{entry['architecture']}"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("ARM64", "linux/arm64"),
        ("X86_64", "linux/amd64"),
        ("amd64", "linux/amd64"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("linux/s390x", "linux/s390x"),
        ("windows/amd64", "windows/amd64"),
    ],
)
def test_a_platform_without_a_system_is_of_linux(text: str, normal: str) -> None:
    assert platform(text) == normal


@pytest.mark.parametrize(("label", "entry"), [*TABLE["runners"].items(), *TABLE["runner_words"].items()])
def test_every_runner_of_the_table_has_its_platform(label: str, entry: dict[str, str]) -> None:
    assert platform_of_runner(f"{label}-1") == f"linux/{entry['architecture']}"


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("ubuntu-24.04-arm", "linux/arm64"),
        ("self-hosted-graviton", "linux/arm64"),
        ("self-hosted", None),
        ("macos-15", None),
    ],
)
def test_a_word_in_a_label_says_more_than_its_beginning(label: str, expected: str | None) -> None:
    assert platform_of_runner(label) == expected


@pytest.mark.parametrize(("word", "entry"), TABLE["file_words"].items())
def test_a_word_in_the_name_of_a_file_tells_its_architecture(word: str, entry: dict[str, str]) -> None:
    for text in (f"https://example.org/tool-linux-{word}.tar.gz", f"tool_{word.upper()}", f"{word}/tool"):
        assert architecture_in(text).lower() == word
        assert architecture(architecture_in(text)) == entry["architecture"]
    assert architecture_in(f"https://example.org/tool{word}z") == ""


@pytest.mark.parametrize("question", TABLE["questions"])
def test_who_asks_for_the_architecture_handles_each(question: str) -> None:
    asked = f"tool-${{{question}}}" if question.isupper() else f"tool-$({question} -m).zip"
    assert asks_for_architecture(asked)
    assert not asks_for_architecture("https://example.org/march-unamed")


@pytest.mark.parametrize(("noun", "entry"), TABLE["stops"].items())
def test_a_container_has_the_time_to_stop_that_the_table_says(noun: str, entry: dict[str, float]) -> None:
    assert stops_after(noun) == entry["seconds"]


def test_how_long_other_containers_have_to_stop_is_not_known() -> None:
    assert stops_after("Cloud Run service") is None
