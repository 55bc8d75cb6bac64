"""The graph as JSON (schema `schemas/graph.schema.json`), Mermaid and Graphviz, with secret values masked."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine import SCHEMA as ADDRESS
from policyengine import __version__
from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.declaration import DeclarationKind, Elements, Entries
from policyengine.model.image import ImageRef, Version
from policyengine.model.nodes import (
    Build,
    Command,
    ComposeUp,
    ConfigKey,
    Datastore,
    Deploy,
    EndToEnd,
    Grant,
    Job,
    LoadBalancer,
    Migrate,
    Node,
    Repository,
    Secret,
    Service,
    ShellCommand,
    Side,
    Stage,
    TargetGroup,
    Variable,
)
from policyengine.model.source import Span
from policyengine.model.value import Absent, Floating, Known, Unknown, Via, is_secret
from policyengine.reports.redact import Redactor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyengine.model.container import Container
    from policyengine.model.declaration import Content, Declaration
    from policyengine.model.graph import Graph
    from policyengine.model.source import Source

SCHEMA = ADDRESS.format(name="graph")

_TITLES = {Side.LOCAL: "Local", Side.SOURCE: "Source", Side.PIPELINE: "Pipeline", Side.CLOUD: "Cloud"}
_DRAWN = (Service, Datastore, Build, Stage, Job, Repository, Secret, LoadBalancer, TargetGroup)


def export(graph: Graph, sources: Mapping[str, Source], form: str, *, declared: bool = False) -> str:
    """The graph as `json`, `mermaid` or `dot`, ending in a line end; as JSON with all that is `declared`, if asked."""
    match form:
        case "mermaid":
            return _mermaid(graph, Redactor(graph, sources))
        case "dot":
            return Redactor(graph, sources).name(_dot(graph))
        case _:
            return json.dumps(document(graph, sources, declared=declared), indent=2, ensure_ascii=False) + "\n"


def every(graph: Graph) -> list[Declaration]:
    """Everything that the files declare, by kind; all of it is evaluated, so that its secrets are known."""
    found = [each for kind in DeclarationKind for each in graph.declarations(kind)]
    for each in found:
        each.get()
    return found


def document(graph: Graph, sources: Mapping[str, Source], *, declared: bool = False) -> dict[str, object]:
    """The graph as plain data, version 1 of the format. Lines and columns start at 1 and columns count code points.

    With what the files declare, `every` must have been asked before, and the graph know the secrets that this met.
    """
    redactor = Redactor(graph, sources)
    writer = _Data(redactor, sources)
    made = {
        "$schema": SCHEMA,
        "version": 1,
        "tool": {"name": "policyengine", "version": __version__},
        "nodes": [writer.node(node) for node in graph.nodes],
        "containers": [writer.container(container) for container in graph.running],
        "edges": [
            {"kind": edge.kind.value, "source": edge.source, "target": edge.target, "reason": edge.reason}
            for edge in graph.edges
        ],
        "mirrors": [
            {
                "local": pair.local,
                "cloud": pair.cloud,
                "score": pair.score,
                "certain": pair.certain,
                "reasons": list(pair.reasons),
            }
            for pair in graph.pairs
        ],
        "choices": [{"what": each.what, "chosen": each.chosen, "reason": each.reason} for each in graph.choices],
        "equivalences": [list(each) for each in graph.equivalences],
    }
    if declared:
        made["declared"] = [writer.declaration(each, graph) for each in every(graph)]
    return {key: redactor.document(each, key) for key, each in made.items()}


class _Data:
    """Makes plain data of nodes: values with state, place and history, variables masked by their keys."""

    def __init__(self, redactor: Redactor, sources: Mapping[str, Source]) -> None:
        self._redactor = redactor
        self._sources = sources

    def node(self, node: Node) -> dict[str, object]:
        return {
            "type": type(node).__name__,
            "id": node.id,
            "name": node.name,
            "side": node.side.value,
            "place": self.place(node.span),
            "facts": self._fields(node, skip=("id", "name", "side", "span", "words")),
        }

    def declaration(self, declaration: Declaration, graph: Graph) -> dict[str, object]:
        """All that the files say of one thing, with the ids of the nodes that are made of it."""
        made: dict[str, object] = {
            "kind": declaration.kind.value,
            "type": declaration.type,
            "id": declaration.id,
            "name": declaration.name,
            "side": declaration.side.value,
            "place": self.place(declaration.span),
            "nodes": [each.id for each in graph.made_of(declaration)],
            "content": {key: self.content(declaration.get(key), key) for key in declaration.given()},
        }
        if declaration.within:
            made["within"] = declaration.within
        if declaration.doubt is not None:
            made["doubt"] = declaration.doubt.reason
        return made

    def content(self, content: Content, key: str) -> dict[str, object]:
        """A part of it; what stands under a key that tells a secret is masked."""
        match content:
            case Entries(entries, span, more):
                named = entries.get("name")
                told = str(named.value) if isinstance(named, Known) else ""  # `{name: API_TOKEN, value: …}`
                keys = {name: told if name == "value" and may_hold_secret(told) else name for name in entries}
                made: dict[str, object] = {
                    "state": "entries",
                    "entries": {name: self.content(each, _telling(keys[name], key)) for name, each in entries.items()},
                    "place": self.place(span),
                }
            case Elements(items, span, more):
                made = {
                    "state": "elements",
                    "items": [self.content(each, key) for each in items],
                    "place": self.place(span),
                }
            case _:
                return self._value(content, key)
        return made if more is None else made | {"more": more.reason}

    def container(self, container: Container) -> dict[str, object]:
        """What is in force when it runs; nodes stand as their ids, variables in the order of their names."""
        return {
            "id": container.id,
            "noun": container.noun,
            "role": container.role.value,
            "facts": self._fields(container, skip=("node", "noun", "role", "environment"))
            | {"environment": [self.data(each) for _, each in sorted(container.environment.items())]},
        }

    def place(self, span: Span) -> dict[str, object]:
        made: dict[str, object] = {"path": span.path}
        source = self._sources.get(span.path)
        if source is not None:
            start, end = (source.position(min(at, len(source.text))) for at in (span.start, span.end))
            made |= {
                "start": {"line": start.line, "column": start.column},
                "end": {"line": end.line, "column": end.column},
            }
        return made

    def data(self, value: object, key: str = "", *, secret: bool = False) -> object:
        """Plain data; `key` is the name of the variable that a text belongs to, `secret` what it is made of."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, str):
            return self._redactor.value(key, value, secret=secret)
        if isinstance(value, Span):
            return self.place(value)
        if isinstance(value, (Version, ImageRef)):
            return str(value)
        if isinstance(value, Command):
            return {"words": list(self._redactor.words(value.words)), "shell": value.shell}
        if isinstance(value, (Known, Floating, Unknown, Absent)):
            return self._value(value, key)
        if isinstance(value, ShellCommand):
            words = self._redactor.words([self._redactor.standing(word.text, word.span) for word in value.words])
            return {
                "words": list(words),
                "place": self.place(value.span),
                "via": [self._via(step) for step in value.via],
            } | ({"does": does} if (does := sorted({deed.kind for deed in value.deeds})) else {})
        if isinstance(value, (ComposeUp, EndToEnd, Deploy, Migrate)):
            return {"type": type(value).__name__} | self._fields(value)
        if isinstance(value, Grant):
            return self._fields(value, skip=("actions",)) | {"actions": self._actions(value)}
        if isinstance(value, (Variable, ConfigKey)):
            return self._fields(value, skip=("key",), key=value.key) | {"key": value.key}
        if isinstance(value, Node):
            return {"id": value.id}
        if isinstance(value, (tuple, list)):
            return [self.data(part, key) for part in value]
        if isinstance(value, Struct):
            return self._fields(value)
        return str(value)

    def _value(self, value: Known[object] | Floating[object] | Unknown | Absent, key: str) -> dict[str, object]:
        made: dict[str, object] = {"state": type(value).__name__.lower()}
        if isinstance(value, (Known, Floating)):
            inner = value.value
            inner = self._redactor.standing(inner, value.span) if isinstance(inner, str) else inner
            made["value"] = self.data(inner, key, secret=is_secret(value.via))
        if isinstance(value, Unknown):
            made["reason"] = value.reason
        made["place"] = self.place(value.span)
        if value.via:
            made["via"] = [self._via(step) for step in value.via]
        return made

    def _actions(self, grant: Grant) -> dict[str, object]:
        """Names of operations, which are no secrets though `secretsmanager:GetSecretValue` looks like one."""
        made = self._value(grant.actions, "")
        if isinstance(grant.actions, (Known, Floating)):
            made["value"] = list(grant.actions.value)
        return made

    def _via(self, step: Via) -> dict[str, object]:
        return {"what": step.what, "place": self.place(step.span)}

    def _fields(self, value: Struct, skip: tuple[str, ...] = (), key: str = "") -> dict[str, object]:
        made: dict[str, object] = {}
        for name in value.__struct_fields__:
            part = getattr(value, name)
            if name in skip or name.startswith("_") or part is None or part == ():
                continue
            made["place" if name == "span" else name] = self.data(part, key)
        return made


def _telling(name: str, above: str) -> str:
    """The key that tells more of what stands under both."""
    return above if may_hold_secret(above) and not may_hold_secret(name) else name


def _drawn(graph: Graph) -> list[Node]:
    used = {end for edge in graph.edges for end in (edge.source, edge.target)}
    used |= {end for pair in graph.pairs for end in (pair.local, pair.cloud)}
    return [node for node in graph.nodes if node.id in used or isinstance(node, _DRAWN)]


def _label(node: Node) -> tuple[str, str]:
    """The name of a node, and what it is: its type, or engine and version."""
    what = type(node).__name__
    if isinstance(node, Datastore) and isinstance(node.engine, Known):
        version = node.version
        what = node.engine.value + (f" {version.value}" if isinstance(version, (Known, Floating)) else "")
    elif isinstance(node, Service):
        what = node.role.value
    return node.name, what


def _mermaid(graph: Graph, redactor: Redactor) -> str:
    nodes = _drawn(graph)
    names = {node.id: f"n{number}" for number, node in enumerate(nodes)}
    lines = ["flowchart LR"]
    for side, title in _TITLES.items():
        mine = [node for node in nodes if node.side is side]
        if not mine:
            continue
        lines.append(f'  subgraph {side.value}["{title}"]')
        for node in mine:
            name, what = (_escaped(redactor.name(part)) for part in _label(node))
            opening, closing = ("[(", ")]") if isinstance(node, Datastore) else ("[", "]")
            lines.append(f'    {names[node.id]}{opening}"{name}<br/><small>{what}</small>"{closing}')
        lines.append("  end")
    for edge in graph.edges:
        if edge.source in names and edge.target in names:
            label = edge.kind.value.replace("_", " ")
            lines.append(f'  {names[edge.source]} -->|"{label}"| {names[edge.target]}')
    lines.extend(
        f'  {names[pair.local]} <-. "mirrors" .-> {names[pair.cloud]}'
        for pair in graph.pairs
        if pair.local in names and pair.cloud in names
    )
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    """Text for a Mermaid label: whatever is no letter, digit, blank or plain sign as an entity."""
    return re.sub(r"[^\w \-./:]", lambda match: f"#{ord(match[0])};", text)


def _dot(graph: Graph) -> str:
    nodes = _drawn(graph)
    kept = {node.id for node in nodes}
    lines = ["digraph policyengine {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    for side, title in _TITLES.items():
        mine = [node for node in nodes if node.side is side]
        if not mine:
            continue
        lines.append(f"  subgraph cluster_{side.value} {{")
        lines.append(f"    label={_quoted(title)};")
        for node in mine:
            shape = ", shape=cylinder" if isinstance(node, Datastore) else ""
            label = "\\n".join(_quoted(part)[1:-1] for part in _label(node))
            lines.append(f'    {_quoted(node.id)} [label="{label}"{shape}];')
        lines.append("  }")
    lines.extend(
        f"  {_quoted(edge.source)} -> {_quoted(edge.target)} [label={_quoted(edge.kind.value.replace('_', ' '))}];"
        for edge in graph.edges
        if edge.source in kept and edge.target in kept
    )
    lines.extend(
        f'  {_quoted(pair.local)} -> {_quoted(pair.cloud)} [label="mirrors", dir=both, style=dashed, constraint=false];'
        for pair in graph.pairs
        if pair.local in kept and pair.cloud in kept
    )
    lines.append("}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    plain = re.sub(r"[\x00-\x1f]", " ", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
