"""We take an attribute of a Compose file in the forms in which Docker Compose takes it, and in no others."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.oracle.compose.shapes import differences, recorded

RECORD: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
for attribute, forms in recorded().items():
    RECORD[".".join(attribute.split(".")[:3])][attribute] = forms
# an include without a path includes nothing, whatever else it says
KNOWN = {
    'services.a.build.extra_hosts: {"x-a": "t"} is refused, and we take it',
    'services.a.extra_hosts: {"x-a": "t"} is refused, and we take it',
    'services.a.storage_opt: {"x-a": 1} is refused, and we take it',
}


@pytest.mark.parametrize("group", sorted(RECORD))
def test_an_attribute_is_taken_in_the_forms_in_which_docker_compose_takes_it(group: str) -> None:
    found = [line for attribute, forms in RECORD[group].items() for line in differences(attribute, forms)]
    assert [line for line in found if line not in KNOWN and not line.startswith("include.0")] == []


def test_every_attribute_was_asked_about() -> None:
    assert sum(len(each["taken"]) + len(each["refused"]) for each in recorded().values()) > 5_000
