"""Every word about tags that move, programs that wait and commands that hand over an image."""

from __future__ import annotations

import pytest

from policyengine.knowledge import loading, rollout, tags
from policyengine.knowledge.rollout import Rollout
from policyengine.knowledge.tags import Tags

TABLE = loading.table("rollout", Rollout)


@pytest.mark.parametrize("command", TABLE.hands_over)
def test_a_service_is_handed_another_image(command: str) -> None:
    first, *rest = command.split()
    assert rollout.hands_over((first, "--region", *rest, "--now")) or not rest
    assert rollout.hands_over(command.split())
    assert not rollout.hands_over(("echo", command))


@pytest.mark.parametrize("command", TABLE.waits)
def test_a_command_waits_behind_its_wrappers(command: str) -> None:
    assert rollout.waits(command.split())
    assert rollout.waits(("timeout", "60", *command.split(), "http://127.0.0.1:3000"))


def test_another_command_does_neither() -> None:
    for words in (("docker", "compose", "up", "-d"), ("aws", "ecs", "describe-services"), ("npm", "ci"), ()):
        assert not rollout.waits(words)
        assert not rollout.hands_over(words)


@pytest.mark.parametrize("tag", loading.table("tags", Tags).moving)
def test_a_tag_that_moves_is_told_in_any_case(tag: str) -> None:
    assert tags.moves(tag.upper())
    assert not tags.moves(f"{tag}-1.4.2")


@pytest.mark.parametrize(("tag", "moving"), [("prod", True), ("staging", True), ("v1.4.2", False), ("4f0c1de", False)])
def test_an_environment_is_a_tag_that_moves_and_a_version_is_none(tag: str, moving: bool) -> None:
    assert tags.moves(tag) is moving
