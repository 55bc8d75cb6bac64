"""What every report shows of a result: its places, what each of them is, and how the values came there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from policyengine.model.nodes import Node
from policyengine.model.source import Span
from policyengine.model.value import Absent, Floating, Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.reports.redact import Redactor
from policyengine.rules.waivers import debt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.graph import Graph
    from policyengine.model.nodes import Side
    from policyengine.model.source import Source
    from policyengine.rules.evaluate import Report, Result
    from policyengine.rules.rule import Pack, Rule

LINK = regex(r"(?<!\\)\[(?P<text>[^\[\]]*)\]\((?P<number>\d+)\)")


class Place(Struct, frozen=True):
    """A place of a result. `what` says in words what it is, `node` is the id of the node it belongs to, or empty."""

    span: Span
    what: str
    node: str
    via: tuple[Via, ...]


class View(Struct, frozen=True):
    """A report with its secrets masked: the sources, the messages, and the places of each result."""

    report: Report
    redactor: Redactor
    owners: dict[Span, str]

    @classmethod
    def of(cls, report: Report) -> View:
        """The view of a report."""
        unread = [each.span for each in report.failures if each.span is not None]
        needed = report.results or report.waived or report.since
        return cls(
            report, Redactor(report.graph, report.sources, unread=unread), _owners(report.graph) if needed else {}
        )

    def source(self, path: str) -> Source | None:
        """The masked text of a file, or None."""
        return self.redactor.source(path)

    def message(self, result: Result) -> str:
        """The message with its links, its secrets masked."""
        return self.redactor.text(result.message)

    def remedy(self, result: Result) -> str:
        """What mends it, without a full stop: of the finding with the text to write, or else of the rule."""
        fix = result.finding.fix
        if fix is None:
            return result.rule.remedy.rstrip(".")
        said = fix.description
        written = fix.exact[0].text.strip(" ,\r\n\t") if len(fix.exact) == 1 else ""  # also as one more of a list
        if written and "\n" not in written and written not in said and written not in result.message:
            said = f"{said}: {written}"
        return self.redactor.text(said)

    @property
    def debt(self) -> str:
        """How much is waived, whose it is and until when; empty where nothing is."""
        return self.redactor.text(debt(self.report))

    def at(self, result: Result) -> Place:
        """The place to edit."""
        return Place(result.span, "", result.subject, _via(result.finding.at))

    def related(self, result: Result) -> tuple[Place, ...]:
        """The places of the other side. Number `n` of the message's links is the place at index `n - 1`."""
        names: dict[int, str] = {}
        for match in LINK.finditer(self.message(result)):
            names.setdefault(int(match["number"]), match["text"])
        return tuple(
            Place(span, names.get(number, ""), self.owner(at, span), _via(at))
            for number, (at, span) in enumerate(zip(result.finding.related, result.related, strict=True), 1)
        )

    def sides(self, result: Result) -> Iterator[tuple[Side, Place]]:
        """The places of a result, the one to edit first, each with the side that it is of."""
        own = result.finding.subject.side
        yield own, self.at(result)
        for place in self.related(result):
            node = (self.report.graph.get(Node, place.node) if place.node else None) or result.finding.against
            yield node.side if node else own, place

    def owner(self, at: object, span: Span) -> str:
        """The id of the node that a place belongs to, or an empty text."""
        return at.id if isinstance(at, Node) else self.owners.get(span, "")

    def outside(self, path: str) -> bool:
        """Whether a file lies outside of the tree, as one that an option names may: nothing leads to it from there."""
        return path.startswith("/") and path not in self.report.sources

    def position(self, span: Span) -> tuple[int, int]:
        """Line and column (in code points) of a span's start; 1 and 1 in a file that was not read."""
        source = self.report.sources.get(span.path)
        return source.position(min(span.start, len(source.text))) if source is not None else (1, 1)


def plain(message: str) -> str:
    """A message without the marks of its links."""
    return LINK.sub(lambda match: match["text"], message)


def rules(report: Report) -> Iterator[tuple[Pack[Any], Rule[Any]]]:
    """The rules that were evaluated with their packs, by id."""
    chosen = set(report.rules)
    found = [(pack, rule) for pack in report.packs for rule in pack.rules if rule.id in chosen]
    return iter(sorted(found, key=lambda each: each[1].id))


def _via(at: object) -> tuple[Via, ...]:
    if isinstance(at, (Known, Floating, Unknown, Absent)):
        return at.via
    inner = getattr(at, "value", None)
    return inner.via if isinstance(inner, (Known, Floating, Unknown, Absent)) else ()


def _owners(graph: Graph) -> dict[Span, str]:
    """Which node holds which span; the first node by id where several do."""
    owners: dict[Span, str] = {}
    for node in graph.nodes:
        owners.setdefault(node.span, node.id)
    met: set[int] = set()  # what stages and services inherit is held by many
    for node in graph.nodes:
        stack: list[object] = [node]
        while stack:
            each = stack.pop()
            if id(each) in met:
                continue
            met.add(id(each))
            if isinstance(each, Span):
                owners.setdefault(each, node.id)
            elif isinstance(each, tuple):
                stack.extend(part for part in each if not isinstance(part, (str, int)))
            elif isinstance(each, Struct) and (each is node or not isinstance(each, Via)):
                stack.extend(_parts(each))
    return owners


def _parts(each: Struct) -> Iterator[object]:
    for name in each.__struct_fields__:
        part = getattr(each, name, None)
        if part is not None and not isinstance(part, (str, int)):
            yield part
