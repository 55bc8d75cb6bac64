"""A first policyengine.yaml: what a scan found out of a repository, and what it would have its people say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.graph import PROJECT
from policyengine.reports.lines import visible
from policyengine.reports.pairs import to_settle
from policyengine.reports.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.graph import Choice, Graph, Pair
    from policyengine.rules.evaluate import Report

_PAGE = "https://github.com/policyengine-iac/policyengine/blob/main/docs/configuration.md"
_MOST = 20
"""So many paths are proposed under `exclude`."""


class Starting(Struct, frozen=True):
    """The text of a configuration, and one sentence that says what is in it."""

    text: str
    told: str

    @classmethod
    def of(cls, report: Report, *, stated: bool) -> Starting:
        """What a report leads to; only where it shall be `stated` are pairs and the environment more than comments."""
        redactor = Redactor(report.graph, report.sources)
        graphs = list(report.graph.systems.values()) or [report.graph]
        pairs = sorted(
            {(each.local, each.cloud): each for graph in graphs for each in graph.pairs if each.certain}.items()
        )
        settling = list(dict.fromkeys(line for graph in graphs for line in to_settle(graph)))
        to_decide = [line for line in settling if line.startswith("  - ")]
        lines = [
            "# What no file of this repository says. 'policyengine init' began this; keep what is true.",
            f"# Every key: {_PAGE}",
            "version: 1",
            "",
            "# recommended: what diverges, or breaks in production, with its severity; conventions as notes.",
            "# strict: the whole strategy to the letter.",
            f"profile: {report.profile or 'recommended'}",
            *_systems(report),
            *([] if report.systems else _sides(report.graph, stated=stated)),
            *_pairs([pair for _, pair in pairs], to_decide, stated=stated),
            *_ignored([line for line in settling if line.startswith("ignore:")]),
            *_aside(report),
        ]
        text = "".join(f"{redactor.name(line)}\n" for line in lines)
        told = f"{len(pairs)} pair{'' if len(pairs) == 1 else 's'} {'stated' if stated else 'as comments'}"
        return cls(text, f"{told}, {len(to_decide)} to decide" if to_decide else told)


def _systems(report: Report) -> Iterator[str]:
    if not report.systems:
        return
    yield ""
    yield "# The repository holds several systems, each compared by itself. To have it otherwise, say what is whose:"
    yield "# systems:"
    for name, each in report.systems.items():
        paths = [_text(choice.chosen) for choice in each.graph.choices if choice.what in (PROJECT, "Terraform root")]
        yield f"#   {_text(name)}: {{paths: [{', '.join(paths)}]}}"


def _sides(graph: Graph, *, stated: bool) -> Iterator[str]:
    """What is the local side, what the cloud side, and which environment of it counts."""
    projects, roots = _chosen(graph, PROJECT), _chosen(graph, "Terraform root")
    for choice in projects[:1]:
        files = ", ".join(_text(file) for file in choice.chosen.split(", "))
        yield ""
        yield f"# The local side: {_comment(choice.reason)}."
        yield "# compose:"
        yield f"#   canonical: [{files}]"
    if roots:
        shown = ", ".join(_text(each.chosen) for each in roots)
        yield ""
        yield f"# The cloud side: {_comment(roots[0].reason)}."
        yield "# terraform:"
        yield f"#   root: {shown if len(roots) == 1 else f'[{shown}]'}"
    found = _chosen(graph, "environment")
    names = sorted({each.chosen for each in found})
    yield ""
    yield "# The environment that the local stack mirrors" + (f": {_comment(found[0].reason)}." if found else ".")
    yield f"{'' if stated and len(names) == 1 else '# '}environment: {_text(names[0]) if names else 'production'}"


def _pairs(pairs: Sequence[Pair], to_decide: Sequence[str], *, stated: bool) -> Iterator[str]:
    yield ""
    yield "# What mirrors what. A line whose names are there no more is wrong usage; without a line, files tell."
    mark = "" if stated and pairs else "# "
    yield f"{mark}pairs:"
    for each in pairs:
        local, cloud = (_text(node.partition(":")[2]) for node in (each.local, each.cloud))
        yield f"  {mark}- {{local: {local}, cloud: {cloud}}}  # {_comment('; '.join(each.reasons))}"
    if to_decide:
        yield "  # Not certain: keep what is true."
        yield from (f"  # {line.strip()}" for line in to_decide)


def _ignored(lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield "# What has nothing of its role on the other side. Say so of what need not have it:"
        yield from (f"# {line}" for line in lines)


def _aside(report: Report) -> Iterator[str]:
    """What could not be read, or is none of the system's, as paths that need not be read."""
    failed = {each.span.path: each.message for each in report.failures if each.span is not None}
    left = {each.chosen: each.reason for each in report.graph.choices if each.what == "file left aside"}
    rows = list({**left, **failed}.items())[:_MOST]
    if rows:
        yield ""
        yield "# What could not be read, or is left aside. What is none of the system's need not be read:"
        yield "# exclude:"
        yield from (f"#   - {_text(path)}  # {_comment(why)}" for path, why in rows)


def _chosen(graph: Graph, what: str) -> list[Choice]:
    return [each for each in graph.choices if each.what == what and each.chosen != "none"]


def _text(text: str) -> str:
    """A text as YAML: as it is where nothing in it has a meaning, else in quotes."""
    plain = text.replace("/", "").replace(".", "").replace("-", "").replace("_", "")
    safe = plain.isascii() and plain.isalnum() and plain[0].isalpha() and text[0].isalpha()
    return (
        text if safe and text.lower() not in ("true", "false", "null", "yes", "no", "on", "off") else json.dumps(text)
    )


def _comment(text: str) -> str:
    return visible(" ".join(text.split()))
