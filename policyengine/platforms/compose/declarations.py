"""The services of a Compose project with all their keys, as Docker sees them after merging, `extends` and variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.declaration import Declaration, DeclarationKind, Declarations, Elements, Entries, of_text
from policyengine.model.value import Absent, Known
from policyengine.platforms.compose.attributes import gap, variable
from policyengine.platforms.compose.located import Branch, Items, Leaf

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.declaration import Content
    from policyengine.model.source import Span
    from policyengine.model.value import Unknown
    from policyengine.platforms.compose.environment import Assigned
    from policyengine.platforms.compose.load import ComposeProject
    from policyengine.platforms.compose.located import Node
    from policyengine.platforms.compose.services import Place

TYPE = "service"


def declarations(project: ComposeProject, place: Place) -> Declarations:
    """The services of a project; their ids are those of its nodes."""
    made: dict[str, Declaration] = {}

    def find(_: DeclarationKind, type_: str) -> Iterator[Declaration]:
        section = project.model.get("services")
        for name, member in section.entries.items() if isinstance(section, Branch) else ():
            if type_ in ("", TYPE) and isinstance(member.node, Branch):
                node_id = f"{place.prefix}{name}"
                if node_id not in made:
                    made[node_id] = _service(project, place, name, member.key, member.node)
                yield made[node_id]

    def made_of(node_id: str, _: Span) -> Declaration | None:
        if not node_id.startswith(place.prefix):
            return None
        for _each in find(DeclarationKind.SERVICE, TYPE):
            pass
        return made.get(node_id) or made.get(node_id.rpartition("/")[0])

    return Declarations(frozenset({DeclarationKind.SERVICE}), find, made_of, made)


def _service(project: ComposeProject, place: Place, name: str, key: Span, service: Branch) -> Declaration:
    def read(key_: str) -> Content:
        node = service.get(key_)
        if key_ == "environment":
            environment = project.environments[name]
            at = node.span if node is not None else key
            return _assigned(environment.variables.values(), at, gap(environment))
        if key_ == "labels" and node is not None:
            return _assigned(project.labels[name].values(), node.span, None)
        return Absent(key) if node is None else content(node)

    return Declaration(
        id=f"{place.prefix}{name}",
        name=name,
        side=place.side,
        span=key,
        doubt=project.doubts.get(name),
        kind=DeclarationKind.SERVICE,
        type=TYPE,
        given=lambda: tuple(service.entries),
        read=read,
    )


def _assigned(variables: Iterable[Assigned], span: Span, more: Unknown | None) -> Content:
    """Variables or labels as a mapping: an absent mapping where there are none."""
    entries = {each.key: variable(each).value if each.text is None else of_text(each.text) for each in variables}
    return Entries(entries, span, more) if entries or more is not None else Absent(span)


def content(node: Node) -> Content:
    """A node of the effective configuration."""
    match node:
        case Branch(entries, span, via):
            return Entries({key: content(each.node) for key, each in entries.items()}, span, via=via)
        case Items(items, span, via):
            return Elements(tuple(map(content, items)), span, via=via)
        case Leaf(None, span, via):
            return Absent(span, via)
        case Leaf(str(), _, _, text) if text is not None:
            return of_text(text)
        case Leaf(value, span, via):
            return node.unknown or Known("" if value is None else value, span, via)
