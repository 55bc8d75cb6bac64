"""Export one side of the system as a document of facts, which a scan of another repository reads with --facts.

It holds engines, versions, images, ports, platforms, and variables with the values that are short and no secret.
"""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING

from policyengine import SCHEMA, __version__
from policyengine.cli import output
from policyengine.cli.options import add_engine_options, extend

if TYPE_CHECKING:
    import argparse

    from policyengine.model.nodes import Variable
    from policyengine.model.source import Span

__all__ = ["configure", "extend", "run"]

EXAMPLES = (
    "policyengine facts export infra -o infra.facts.json",
    "policyengine scan app --facts infra.facts.json",
)
FORMATS = ("json",)


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("what", metavar="export", choices=("export",), help="export: write the document")
    parser.add_argument("paths", metavar="PATH", nargs="*", help="folders or files; the working directory by default")
    parser.add_argument("--side", choices=("cloud", "local"), default="cloud", help="which side; cloud by default")
    output.add_options(parser, FORMATS)
    add_engine_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build the graph, write one side of it, and return the exit code."""
    from policyengine.cli.opened import opened  # noqa: PLC0415  so that --help is quick
    from policyengine.knowledge import secrets  # noqa: PLC0415  as above
    from policyengine.model.nodes import Side  # noqa: PLC0415  as above
    from policyengine.model.value import is_secret  # noqa: PLC0415  as above
    from policyengine.platforms.facts import document  # noqa: PLC0415  as above
    from policyengine.reports.redact import Redactor  # noqa: PLC0415  as above
    from policyengine.repository import identity  # noqa: PLC0415  as above

    targets = output.asked(arguments, "json")
    repository = opened(arguments, arguments.paths)
    scanned = repository.graph()
    uri, commit = identity.identity(repository.tree.root)

    redactor = Redactor(scanned.graph, scanned.sources)

    def public(variable: Variable, text: str) -> bool:
        secret = (
            is_secret(variable.value.via)
            or any(map(secrets.secrecy_of_reference, variable.references))
            or secrets.is_random(text)
            or "://" in text
        )
        return not secret and redactor.value(variable.key, text) == text

    def where(span: Span) -> str:
        source = scanned.sources.get(span.path)
        line, column = source.position(min(span.start, len(source.text))) if source is not None else (1, 1)
        return f"{span.path}:{line}:{column}"

    made = {
        "$schema": SCHEMA.format(name="facts"),
        "tool": f"policyengine {__version__}",
        "repository": "" if uri == identity.UNKNOWN else uri,
        "commit": commit,
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        **document.export(scanned.graph, Side(arguments.side), document.Shown(where, public)),
    }
    text = redactor.text(json.dumps(made, indent=2, ensure_ascii=False) + "\n")
    code = output.left_undone(scanned)
    for target in targets:
        code = max(code, output.deliver(target, text))
    return code
