"""Workflows and composite actions as they stand: their jobs, the steps of these, and all that steps and jobs use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.model.declaration import Declaration, DeclarationKind, Declarations, Elements, Entries, numbered
from policyengine.model.nodes import Side
from policyengine.model.source import ReadError
from policyengine.model.value import Absent, Floating, Known
from policyengine.platforms import Lowered
from policyengine.platforms.github.documents import mapping
from policyengine.syntax.secrecy import secrets_of
from policyengine.syntax.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.declaration import Content
    from policyengine.model.source import Source, Span
    from policyengine.model.value import Sealed
    from policyengine.repository.files import Files
    from policyengine.syntax.tree import Document

_KINDS = frozenset({DeclarationKind.WORKFLOW, DeclarationKind.JOB, DeclarationKind.STEP, DeclarationKind.USES})
_EXPRESSION = "${{"


def declarations(path: str, files: Files) -> Declarations:
    """What the workflow or the action in a file declares."""
    declaring = _Declaring(path, files)
    return Declarations(_KINDS, declaring.find, declaring.made_of, declaring.made, declaring.sealed)


def actions(files: Files) -> Lowered:
    """The actions of the tree, which are only read when somebody asks what they declare."""
    return Lowered(declaring=tuple(declarations(path, files) for path in files.named("action.yml", "action.yaml")))


class _Declaring(Struct, eq=False):
    """One file, read when somebody asks."""

    path: str
    files: Files
    made: dict[str, Declaration] = field(default_factory=dict)

    def find(self, kind: DeclarationKind, type_: str) -> Iterator[Declaration]:
        """Those of a kind in the order in which they stand."""
        if not self.made:
            self.made.update((each.id, each) for each in self._all())
        return (each for each in self.made.values() if each.kind is kind and type_ in ("", each.type))

    def made_of(self, node_id: str, span: Span) -> Declaration | None:
        """The workflow with an id, or the job that stands at a place: one that others call has many ids."""
        if span.path != self.path or not node_id.startswith("github:"):
            return None
        jobs = self.find(DeclarationKind.JOB, "")
        return next((each for each in jobs if each.span == span), None) or self.made.get(node_id)

    def sealed(self) -> Iterator[Sealed]:
        """The secrets of the file, where it was read."""
        document = self._document() if self.made else None
        return iter(()) if document is None else secrets_of(document)

    def _document(self) -> Mapping | None:
        from policyengine.syntax import yaml  # noqa: PLC0415  only trees with workflows pay for it

        try:
            return mapping(self.files.once(self.path, yaml.read))
        except ReadError:  # on record where the workflow is read
            return None

    def _all(self) -> Iterator[Declaration]:
        document = self._document()
        if document is None:
            return
        action = not self.path.startswith(".github/workflows/")
        name = document.get("name")
        first = document.entries[0].key.span if document.entries else document.span
        yield _declaration(
            f"github:{self.path}",
            name.text if isinstance(name, Scalar) and name.text else self.path.rpartition("/")[2],
            name.span if isinstance(name, Scalar) else first,
            DeclarationKind.WORKFLOW,
            "action" if action else "workflow",
            document,
        )
        if action:
            runs = mapping(document.get("runs"))
            if runs is not None:
                yield from self._steps(runs, f"github:{self.path}#runs", f"github:{self.path}")
            return
        jobs = mapping(document.get("jobs"))
        for entry in jobs.entries if jobs is not None else ():
            body = mapping(entry.value)
            if body is not None:
                job = f"github:{self.path}#{entry.key.text}"
                kind = DeclarationKind.JOB
                yield _declaration(job, entry.key.text, entry.key.span, kind, "job", body, f"github:{self.path}")
                yield from self._uses(body, job)
                yield from self._steps(body, job, job)

    def _steps(self, body: Mapping, prefix: str, within: str) -> Iterator[Declaration]:
        steps = body.get("steps")
        taken: dict[str, int] = {}
        for number, step in enumerate(steps.items if isinstance(steps, Sequence) else ()):
            if isinstance(step, Mapping) and step.entries:
                name = next((each for key in ("name", "id", "uses", "run") if (each := step.get(key))), None)
                title = name.text.partition("\n")[0] if isinstance(name, Scalar) else f"step {number + 1}"
                own = numbered(f"{prefix}.steps[{_called(step)}]", taken)
                type_ = "uses" if step.get("uses") is not None else "run"
                place = step.entries[0].key.span
                yield _declaration(own, title, place, DeclarationKind.STEP, type_, step, within)
                yield from self._uses(step, own)

    def _uses(self, body: Mapping, within: str) -> Iterator[Declaration]:
        """What a step or a job uses, taken apart: the action and its version, and the comment behind it."""
        uses = body.entry("uses")
        if uses is None or not isinstance(uses.value, Scalar):
            return
        text, span = uses.value.text, uses.value.span
        action, at, version = text.partition("@")
        source = self.files.read(self.path)
        parts: dict[str, Content] = {"action": Known(action, _cut(span, text, 0, len(action)))}
        parts["version"] = Known(version, _cut(span, text, len(action) + 1, len(text))) if at else Absent(span)
        comment = None if source is None else _comment(source, span)
        parts["comment"] = comment or Absent(span)
        given = body.entry("with")
        if given is not None:
            parts["with"] = content(given.value)
        yield Declaration(
            id=f"{within}.uses",
            name=text,
            side=Side.PIPELINE,
            span=span,
            kind=DeclarationKind.USES,
            type=action,
            given=lambda: tuple(parts),
            read=lambda key: parts.get(key, Absent(span)),
            within=within,
        )


def _declaration(
    node_id: str, name: str, span: Span, kind: DeclarationKind, type_: str, body: Mapping, within: str = ""
) -> Declaration:
    def read(key: str) -> Content:
        found = body.get(key)
        return Absent(span) if found is None else content(found)

    return Declaration(
        id=node_id,
        name=name,
        side=Side.PIPELINE,
        span=span,
        kind=kind,
        type=type_,
        given=lambda: tuple(entry.key.text for entry in body.entries),
        read=read,
        within=within,
    )


def _called(step: Mapping) -> str:
    """What tells a step from the others of its job, whatever stands before it: its id, its name, what it uses."""
    for key in ("id", "name", "uses"):
        told = step.get(key)
        if isinstance(told, Scalar) and told.text:
            return told.text.partition("@")[0] if key == "uses" else told.text.partition("\n")[0]
    return "run"


def _cut(span: Span, text: str, start: int, end: int) -> Span:
    """The place of a part of a text, where that stands as it is."""
    return span._replace(start=span.start + start, end=span.start + end) if span.end - span.start == len(text) else span


def _comment(source: Source, span: Span) -> Known[str] | None:
    """The comment behind a value in its line."""
    end = source.text.find("\n", span.end)
    rest = source.text[span.end : end if end >= 0 else len(source.text)]
    sign = rest.find("#")
    text = rest[sign + 1 :].strip()
    if sign < 0 or rest[:sign].strip("'\" \t") or not text:
        return None
    start = span.end + rest.index(text, sign + 1)
    return Known(text, span._replace(start=start, end=start + len(text)))


def content(document: Document) -> Content:
    """A part of a workflow. A text that an expression stands in is open."""
    match document:
        case Mapping(entries, span, _, via):
            return Entries({entry.key.text: content(entry.value) for entry in entries}, span, via=via)
        case Sequence(items, span, _, via):
            return Elements(tuple(map(content, items)), span, via=via)
        case Scalar(text, span, plain, _, via):
            if _EXPRESSION in text:
                return Floating(text, span, via)
            if not plain:
                return Known(text, span, via)
            return Absent(span, via) if text in ("", "~", "null") else Known(_typed(text), span, via)


def _typed(text: str) -> str | int | float | bool:
    """A plain scalar; a number only where it is written as numbers are, so that the version `20.10` stays a text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            if str(kind(text)) == text:
                return kind(text)
        except ValueError:
            pass
    return text
