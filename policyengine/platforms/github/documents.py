"""The values of a workflow document: texts, switches, variables, with their places."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.model.nodes import Origin, Trigger, Variable
from policyengine.model.source import ReadError, Span
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.platforms.github.expressions import is_open
from policyengine.syntax.secrecy import secrets_of
from policyengine.syntax.tree import Document, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.text import Text
    from policyengine.model.value import Sealed
    from policyengine.repository.files import Files


class WorkflowFiles(Struct):
    """Reads the YAML files of a tree, each once; `problems` collects what is wrong with them."""

    files: Files
    problems: list[ReadError]
    _documents: dict[str, Document | None] = field(default_factory=dict)

    def document(self, path: str) -> Document | None:
        """The YAML document at a path, or None; what is wrong with it is on record."""
        from policyengine.syntax import yaml  # noqa: PLC0415  only trees with workflows pay for it

        if path not in self._documents:
            try:
                self._documents[path] = self.files.once(path, yaml.read)
            except ReadError as error:
                self.problems.append(error)
                self._documents[path] = None
        return self._documents[path]

    def secrets(self) -> Iterator[Sealed]:
        """The secrets of the documents that were read."""
        for document in self._documents.values():
            if document is not None:
                yield from secrets_of(document)

    def mapping(self, path: str | None) -> Mapping | None:
        """The mapping that a file holds, or None."""
        return mapping(self.document(path)) if path else None


def mapping(document: Document | None) -> Mapping | None:
    """The document if it is a mapping."""
    return document if isinstance(document, Mapping) else None


def value(document: Document | None, place: Span) -> Value[str]:
    """A scalar's text; Absent at `place` where there is none."""
    match document:
        case Scalar(text, span, plain) if not (plain and text in {"", "~", "null"}):
            return Known(text, span)
        case None | Scalar():
            return Absent(place)
        case _:
            return Unknown("the value is no text", document.span)


def boolean(document: Document | None) -> Value[bool] | None:
    """A switch; Unknown where an expression decides it, None where it is not given."""
    match document:
        case Scalar(text, span) if text.lower() in {"true", "false"}:
            return Known(text.lower() == "true", span)
        case Scalar(text, span):
            return Unknown(f"it is {text}", span)
        case _:
            return None


def variables(document: Document | None, origin: Origin = Origin.ENVIRONMENT) -> tuple[Variable, ...]:
    """The entries of a mapping such as `env:` or `with:`."""
    found = mapping(document)
    return tuple(
        Variable(entry.key.text, entry.key.span, value(entry.value, entry.key.span), origin)
        for entry in (found.entries if found is not None else ())
    )


def returned(document: Document | None) -> tuple[Variable, ...]:
    """The outputs of an action or of a called workflow: `{name: {value: …}}`."""
    outputs = mapping(document)
    found = [(each.key, mapping(each.value)) for each in (outputs.entries if outputs is not None else ())]
    values = [(key, value(body.get("value") if body is not None else None, key.span)) for key, body in found]
    return tuple(Variable(key.text, key.span, each, Origin.ENVIRONMENT) for key, each in values)


def texts(document: Document | None) -> list[Scalar]:
    """A text, the texts of a list, or the keys of a mapping."""
    match document:
        case Scalar():
            return [document]
        case Sequence(items):
            return [item for item in items if isinstance(item, Scalar)]
        case Mapping(entries):
            return [entry.key for entry in entries]
        case _:
            return []


def triggers(document: Document) -> Iterator[Trigger]:
    """The events of `on:`, in its three forms."""
    events = mapping(document)
    if events is None:
        for each in texts(document):
            yield Trigger(each.text, each.span)
        return
    for entry in events.entries:
        body = mapping(entry.value)
        words = {
            name: tuple(each.text for each in texts(body.get(name) if body is not None else None))
            for name in ("branches", "tags", "paths", "workflows", "types")
        }
        yield Trigger(
            entry.key.text, entry.key.span, words["branches"], words["tags"], words["paths"], words["workflows"],
            words["types"],
        )  # fmt: skip


def defaults(document: Mapping, name: str) -> Scalar | None:
    """An entry of `defaults.run`: `shell` or `working-directory`."""
    outer = mapping(document.get("defaults"))
    run = mapping(outer.get("run")) if outer is not None else None
    found = run.get(name) if run is not None else None
    return found if isinstance(found, Scalar) else None


def environment(document: Document | None) -> Value[str] | None:
    """The deployment environment of a job, in both forms."""
    match document:
        case Scalar():
            return value(document, document.span)
        case Mapping():
            return value(document.get("name"), document.span)
        case _:
            return None


def runs_on(body: Mapping) -> Value[str] | None:
    """The labels of the runner, in all three forms."""
    document = body.get("runs-on")
    match document:
        case Scalar(text, span):
            return Unknown(f"the runner is {text}", span) if is_open(text) else Known(text, span)
        case Sequence(items, span):
            labels = [item.text for item in items if isinstance(item, Scalar)]
            return Known(" ".join(labels), span)
        case Mapping(_, span):
            found = texts(document.get("labels"))
            if found:
                return Known(" ".join(each.text for each in found), span)
            return Unknown("the runner is a group", span)
        case _:
            return None


def words(text: Text | None) -> list[str]:
    """The words of an input that holds a list, by commas or blanks."""
    return [] if text is None else [word for word in re.split(r"[,\s]+", text.written) if word]
