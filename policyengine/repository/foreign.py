"""Files that are none of the system's: templates that nobody has rendered, data of tests, code of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.names import folder_kinds
from policyengine.patterns import regex

if TYPE_CHECKING:
    from policyengine.model.source import Source

_STATEMENT = regex(r"(?m)^[ \t]*\{%[-+]?\s|(?<![$\\])\{\{[-\s]*(?!\s*[.$/\"'`])[A-Za-z_][\w.]*\s*(?:\|[^{}]*)?-?\}\}")
"""`{% if x %}` on a line of its own, and `{{ cookiecutter.name }}`; neither `${{ x }}` nor Docker's `{{.Node.ID}}`."""


def why(path: str, source: Source | None) -> str:
    """Why a file that cannot be read is none of the system's; empty for one that is."""
    if "{{" in path or "{%" in path or (source is not None and _STATEMENT.search(source.text) is not None):
        return "it is a template that is not rendered"
    if path.endswith((".md", ".html")):
        return "it is a document"
    if ".tfvars." in path and not path.endswith(".json"):
        return "it is an example of a variable file"
    kinds = folder_kinds(path)
    return "it is data of tests" if "fixture" in kinds else "it is code of others" if "foreign" in kinds else ""
