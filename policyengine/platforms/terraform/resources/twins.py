"""The local twin that a resource names: by its tag `parity:local`, or by a comment `# parity: local=db` at its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.model.nodes import Datastore, Service
from policyengine.model.value import Known, Value
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.values import Object
from policyengine.platforms.terraform.resources.facts import text

if TYPE_CHECKING:
    from policyengine.model.graph import Edge
    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.resources.instances import Resource

TAG = "parity:local"
_COMMENT = regex(r"(?:#|//)\s*parity:\s*local=([\w.-]+)")


def named(made: Node | Edge, resource: Resource) -> Node | Edge:
    """What a resource makes, with the twin that the resource names."""
    if not isinstance(made, Service | Datastore) or made.parity is not None:
        return made
    twin = _twin(resource)
    return made if twin is None else replace(made, parity=twin)


def _twin(resource: Resource) -> Value[str] | None:
    tags = resource.get("tags")
    if isinstance(tags, Object) and TAG in tags.entries:
        return text(tags.entries[TAG], tags.span)
    source = resource.block.source
    number = source.position(resource.span.start).line
    for line in (number, number - 1):
        written = source.line(line) if line else ""
        found = _COMMENT.search(written)
        if found is not None and (line == number or written.lstrip().startswith(("#", "//"))):
            start = source.starts[line - 1] + found.start(1)
            return Known(found[1], source.span(start, start + len(found[1])))
    return None
