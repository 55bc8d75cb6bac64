"""The secrets that files of variable values hold in plain sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.names import is_example
from policyengine.knowledge.secrets import secrecy
from policyengine.model.nodes import Variable
from policyengine.model.source import ReadError
from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms.terraform.workspace.folders import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.repository.files import Files

_LITERAL = regex(r'"([^"$%\\\n]+)"\s*(?:(?:#|//)[^\n]*)?\Z')


def committed_secrets(files: Files) -> Iterator[Variable]:
    """The literals under names of secrets in `*.tfvars`; examples and files for tests hold none."""
    for path in files.ending(".tfvars"):
        source = None if is_example(path) else files.read(path)
        if source is None:
            continue
        try:
            attributes = read(source).attributes
        except ReadError:  # told where the file is used
            continue
        for each in attributes:
            found = _LITERAL.match(source.text[each.value : each.end]) if secrecy(each.name) == "secret" else None
            if found is not None:
                key, at = source.span(each.start, each.start + len(each.name)), each.value + found.start(1)
                yield Variable(each.name, key, Known(found[1], source.span(at, at + len(found[1]))))
