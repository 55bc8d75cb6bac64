"""Ask one expression of everything that a repository has of a kind, and say where its answer comes from.

An EXPRESSION is CEL over one kind: of nodes (service, container, database, job …) or of what files declare (resource,
data, module, provider, instruction, step, uses). A condition lists those for which it holds, another expression what
it gives for each.

What cannot be told is listed as open, with the reason.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.cli.options import add_engine_options, extend
from policyengine.knowledge.secrets import may_hold_secret

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from policyengine.model.source import Source, Span
    from policyengine.reports.redact import Redactor
    from policyengine.rules.declarative.query import Answer, Answers, Told

__all__ = ["configure", "extend", "run"]

FORMATS = ("text", "json")
EXAMPLES = (
    "policyengine query 'service.image.tag == \"latest\"'",
    "policyengine query 'resource.values.engine_version' --where 'resource.type == \"aws_db_instance\"'",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("expression", metavar="EXPRESSION", help="an expression in CEL; quote it for the shell")
    parser.add_argument("paths", metavar="PATH", nargs="*", help="folders or files; the working directory by default")
    parser.add_argument("--pair", default="", metavar="KIND", help="pairs of a kind, which are called local and cloud")
    parser.add_argument("--where", default="", metavar="CONDITION", help="only those for which this holds, too")
    output.add_options(parser, FORMATS)
    add_engine_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask the graph, write the answers, and return the exit code."""
    from policyengine.cli.opened import opened  # noqa: PLC0415  so that --help is quick
    from policyengine.cli.places import path_prefix  # noqa: PLC0415  as above
    from policyengine.reports.redact import Redactor  # noqa: PLC0415  as above
    from policyengine.rules.declarative.lowering import Mistake  # noqa: PLC0415  as above
    from policyengine.rules.declarative.query import ask, check  # noqa: PLC0415  as above

    targets = output.asked(arguments, "text")
    for name, text, where in (("the expression", arguments.expression, ""), ("--where", "", arguments.where)):
        try:
            check(text, arguments.pair, where=where)
        except Mistake as mistake:
            return _wrong(name, text or where, mistake)
    asked = opened(arguments, arguments.paths)
    scanned = asked.graph()
    try:
        answers = ask(arguments.expression, scanned.graph, where=arguments.where, pair=arguments.pair)
    except Mistake as mistake:
        return _wrong("the expression", arguments.expression, mistake)
    scanned = scanned.asked()
    code = output.left_undone(scanned)
    writer = _Writer(Redactor(scanned.graph, scanned.sources), scanned.sources, path_prefix(asked.tree.root))
    for target in targets:
        if target.format == "json":
            made = writer.data(answers, arguments.expression, arguments.where)
            text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        else:
            text = "".join(f"{line}\n" for line in writer.lines(answers))
        code = max(code, output.deliver(target, text))
    return code


def _wrong(name: str, text: str, mistake: object) -> int:
    """Say what is wrong with an expression, and show where."""
    from policyengine.cli import USAGE  # noqa: PLC0415  it is loaded by now
    from policyengine.reports.lines import harmless, width  # noqa: PLC0415  only for a mistake

    start, end = getattr(mistake, "start", 0), getattr(mistake, "end", 1)
    output.say(f"{name}: {mistake}")
    before = text[:start].rpartition("\n")[2]
    line = before + text[start:].partition("\n")[0]
    caret = "^" * max(width(text[start : min(end, len(text))].partition("\n")[0]), 1)
    sys.stderr.write(harmless(f"  {line}\n  {' ' * width(before)}{caret}\n"))
    return USAGE


class _Writer:
    """Writes answers with their places, secrets masked."""

    def __init__(self, redactor: Redactor, sources: Mapping[str, Source], prefix: str) -> None:
        self._redactor = redactor
        self._sources = sources
        self._prefix = prefix

    def lines(self, answers: Answers) -> Iterator[str]:
        """The answers for people: each with the facts that it rests on, the open ones behind."""
        for each in answers.given:
            yield self._line(each)
            yield from self._facts(each)
        if answers.open:
            yield "open:"
        for each in answers.open:
            yield self._line(each)
            if each.open is not None:
                yield f"  {self._redactor.text(each.open.reason)}  {self._where(each.open.span)}"
        verb = "holds for" if answers.condition else "is given for"
        unknown = f", open for {len(answers.open)}" if answers.open else ""
        yield f"{verb} {len(answers.given)} of {answers.asked}{unknown} ({answers.kind})"

    def data(self, answers: Answers, expression: str, where: str) -> dict[str, object]:
        """The answers for programs."""
        return {
            "version": 1,
            "expression": self._redactor.text(expression),
            "where": self._redactor.text(where),
            "kind": answers.kind,
            "asked": answers.asked,
            "matches": [self._entry(each) for each in answers.given],
            "open": [
                self._entry(each) | {"reason": self._redactor.text(each.open.reason), "at": self._place(each.open.span)}
                for each in answers.open
                if each.open is not None
            ],
        }

    def _entry(self, answer: Answer) -> dict[str, object]:
        made: dict[str, object] = {
            "id": self._redactor.name(answer.node.id),
            "name": self._redactor.name(answer.node.name),
            "place": self._place(answer.node.span),
        }
        if answer.value is not None:
            made["value"] = self._masked(answer.value)
        made["facts"] = [
            {
                "path": each.path,
                "state": each.state,
                "value": self._masked(each.value),
                "place": self._place(each.span),
            }
            for each in answer.told
        ]
        return made

    def _line(self, answer: Answer) -> str:
        value = f"  {self._masked(answer.value)}" if not isinstance(answer.value, bool | None) else ""
        return f"{self._redactor.name(answer.node.id)}  {self._where(answer.node.span)}{value}"

    def _facts(self, answer: Answer) -> Iterator[str]:
        for each in answer.told:
            yield f"  {each.path} = {self._fact(each)}  {self._where(each.span)}"

    def _fact(self, told: Told) -> str:
        shown = self._redactor.text(told.text)
        return f"{shown} (moves)" if told.state == "floating" else shown

    def _masked(self, value: object, key: str = "") -> object:
        match value:
            case str():
                return self._redactor.value(key, value)
            case list():
                return [self._masked(each, key) for each in value]
            case dict():
                told = str(value.get("name", ""))  # `{name: API_TOKEN, value: …}`
                told = told if may_hold_secret(told) else "value"
                return {
                    name: self._masked(each, told if name == "value" else str(name)) for name, each in value.items()
                }
            case _:
                return value

    def _where(self, span: Span) -> str:
        source = self._sources.get(span.path)
        if source is None:
            return f"{self._prefix}{span.path}" if span.path else ""
        line, column = source.position(min(span.start, len(source.text)))
        return f"{self._prefix}{span.path}:{line}:{column}"

    def _place(self, span: Span) -> dict[str, object]:
        source = self._sources.get(span.path)
        if source is None:
            return {"path": span.path}
        line, column = source.position(min(span.start, len(source.text)))
        return {"path": span.path, "line": line, "column": column}
