"""What the names of build arguments say."""

import pytest

from policyengine.knowledge import loading
from policyengine.knowledge.variables import Variables, is_label

TABLE = loading.table("variables", Variables)


@pytest.mark.parametrize("label", TABLE.labels)
def test_a_build_argument_that_only_labels_the_build_is_told_by_its_name(label: str) -> None:
    assert is_label(label.upper())
    assert is_label(f"GIT_{label.upper()}") is not TABLE.labels[label].whole
    assert not is_label("NODE_VERSION")
