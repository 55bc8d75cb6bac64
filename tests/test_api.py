"""The public surface of policyengine, which is all that a policy pack may import."""

from __future__ import annotations

import inspect

from policyengine import api
from policyengine.model import graph, nodes, relations, value


def test_every_type_that_a_graph_is_made_of_is_public() -> None:
    made = {
        name
        for module in (graph, nodes, relations, value)
        for name, each in vars(module).items()
        if inspect.isclass(each) and each.__module__ == module.__name__ and not name.startswith("_")
    }
    assert made - set(vars(api)) == set()
