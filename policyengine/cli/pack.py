"""Begin a policy pack of your own: `policyengine pack new NAME` writes one that works, in a folder of that name.

It has a rule in Python and one in YAML with their cases, parameters, an entry point, a test for pytest and a workflow.
"""

from __future__ import annotations

import keyword
import re
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.cli import output
from policyengine.model.source import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 8
"""So many letters the ids of rules may begin with."""
_ENDING = ".template"

EXAMPLES = ("policyengine pack new acme-web",)


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("what", metavar="ACTION", choices=("new",), help="'new' writes a pack")
    parser.add_argument("name", metavar="NAME", help="what it is called: small letters, digits and hyphens")


def run(arguments: argparse.Namespace) -> int:
    """Write the pack, and say how to go on."""
    name: str = arguments.name
    module = name.replace("-", "_")
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' is no name of a pack: it has small letters, digits and hyphens, as 'acme-web'")
    folder = Path(name)
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"'{folder}' is there already; choose another name, or go elsewhere")
    if keyword.iskeyword(module) or module in ("tests", "policies") or find_spec(module) is not None:
        raise UsageError(f"the name '{name}' would make a module '{module}', which is taken; choose another")
    prefix = (re.sub(r"[^A-Z]", "", name.partition("-")[0].upper()))[:_LONGEST]
    words = {"@name@": name, "@module@": module, "@prefix@": prefix, "@title@": name.replace("-", " ").title()}
    try:
        for path, text in sorted(_files(words)):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8", newline="\n")
    except OSError as error:
        raise UsageError(f"'{folder}' cannot be written: {(error.strerror or '').lower()}") from error
    said = (
        f"'{name}' is a policy pack with the rules {prefix}001 and {prefix}002. Go on with:\n"
        f"  cd {name}\n"
        "  policyengine test --coverage\n"
        "  policyengine scan PATH --pack .\n"
        "  pip install -e .\n"
    )
    return output.deliver(output.Target("text"), said)


def _files(words: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The files of a pack by their paths, from the template beside this module."""
    top = {"package": words["@module@"], "github": ".github/workflows"}
    for path, file in _below(resources.files("policyengine.cli") / "pack_template", ""):
        first, slash, rest = path.partition("/")
        name, text = f"{top.get(first, first)}{slash}{rest}", file.read_text("utf-8")
        for word, value in words.items():
            name, text = name.replace(word, value), text.replace(word, value)
        yield name, text


def _below(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        if each.is_dir():
            yield from _below(each, f"{prefix}{each.name}/")
        elif each.name.endswith(_ENDING):
            yield f"{prefix}{each.name.removesuffix(_ENDING)}", each
