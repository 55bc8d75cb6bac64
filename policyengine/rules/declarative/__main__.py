"""The page of what conditions can ask: `python -m policyengine.rules.declarative docs/reference/conditions.md`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.rules.declarative.fields import fields
from policyengine.rules.declarative.selecting import DECLARED, kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msgspec import Struct


def page() -> str:
    """The kinds that a rule in YAML can select with their fields, and the records that stand in these."""
    roots = {name: each for name, each in kinds().items() if name not in DECLARED} | {"resource": kinds()["resource"]}
    inner: dict[str, type[Struct]] = {}
    waiting = list(roots.values())
    while waiting:
        for each in _records(waiting.pop()):
            if each not in roots.values() and each.__name__ not in inner:
                inner[each.__name__] = each
                waiting.append(each)
    lines = ["# What conditions can ask", ""]
    lines += ["Made of the types of the graph; [rules in YAML](../yaml-rules.md) say how they are asked."]
    lines += ["A field with a `?` may be missing: it is `null` then.", "", "## What can be selected", ""]
    for name, each in sorted(roots.items()):
        also = ", ".join(f"`{kind}`" for kind in sorted(DECLARED) if kind != name) if name == "resource" else ""
        lines += [f"### `{name}`{f', and {also}' if also else ''}", "", *_described(each)]
    lines += ["## What stands in these", ""]
    for _, each in sorted(inner.items()):
        lines += [f"### {each.__name__}", "", *_described(each)]
    return "\n".join(lines)


def _records(record: type[Struct]) -> Iterator[type[Struct]]:
    for each in fields((record,)).values():
        yield from (each.of or each).records


def _described(record: type[Struct]) -> list[str]:
    first = (record.__doc__ or "").partition("\n")[0]
    every = fields((record,)).items()
    return [first, "", ", ".join(f"`{name}{'?' if each.nullable else ''}` {each}" for name, each in every), ""]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")
