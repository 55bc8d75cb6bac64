"""What files outside of a root module give its variables: variable files beside it, the pipeline that applies it.

A pipeline's `TF_VAR_name` counts less than any variable file and more than a default, its `-var` more than both. What
it takes from its own secrets, inputs or the commit leaves the variable Unknown, also where there is a default: that is
not what is applied.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.graph import Choice
from policyengine.model.value import Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.workspace.roots import choose_environment, environment_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from policyengine.model.source import Source
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.workspace.folders import ModuleFolder

_LEVELS = 3
"""So many directories above a root module its variable files are looked for."""

_FOLDERS = regex(r"(?:environments?|envs?|vars?|variables?|tfvars|configs?|workspaces?|settings)\Z")
_KEY = regex(r"^([A-Za-z_][\w-]*)[ \t]*=", re.MULTILINE)
_JSON_KEY = regex(r'^(?:[ ]{1,4}|\t)"([A-Za-z_][\w-]*)"[ \t]*:', re.MULTILINE)
FILE_NAMES = ("GNUmakefile", "Makefile", "makefile", "justfile", "apply", "deploy", "infra", "terraform")
"""Files without an ending that may apply Terraform."""
_PIPELINE = regex(
    r"(?:^|/)(?:\.github/(?:workflows/[^/]+|actions/.+/action)\.ya?ml|\.gitlab-ci\.ya?ml|(?:GNUm|M|m)akefile|justfile)\Z"
)
_SCRIPT = regex(r"(?:^|/)(?:[^/]+\.sh|apply|deploy|infra|terraform)\Z")
_APPLIES = regex(r"\b(?:terraform|terragrunt|tofu)\b[^\n]*\bapply\b|hashicorp/tfc-workflows|terragrunt-action")
_SETS = regex(r"TF_VAR_|(?<![\w-])--?var[ =]")
_ELSE = regex(r"destroy|cleanup|drift|localstack|restore", re.IGNORECASE)
_SETTING = regex(
    r"^[ \t]*(?:-[ \t]+)?TF_VAR_(?P<name>\w+)[ \t]*:[ \t]*(?P<quote>[\"']?)(?P<value>[^\n]*?)(?P=quote)"
    r"[ \t]*(?:#[^\n]*)?$",
    re.MULTILINE,
)

_ARGUMENT = regex(
    r"(?<![\w-])--?var[ =]+(?P<quote>[\"'])?(?P<name>[A-Za-z_][\w-]*)="
    r"(?P<value>(?(quote)(?:\$\{\{.*?\}\}|(?!(?P=quote))[^\n])*|(?:\$\{\{.*?\}\}|\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'\\])*))"
)


def variable_file(
    root: str,
    folder: ModuleFolder,
    paths: Sequence[str],
    read: Callable[[str], Source | None],
    modules: Iterable[str],
    wanted: str,
) -> tuple[str, Choice | None]:
    """The variable file above a root module that is written for it and for the wanted environment; empty for none.

    It is written for it where at least half of what it sets are its variables, one of which has no default.
    `modules` are the directories of Terraform files: a variable file in one of them is its own.
    """
    owners = frozenset(modules)
    files = [path for path in paths if path.endswith((".tfvars", ".tfvars.json")) and ".auto." not in path]
    above = root
    for _ in range(_LEVELS):
        if not above:
            break
        above = posixpath.dirname(above)
        prefix = f"{above}/" if above else ""
        found = {}
        for path in files:
            inner = path.removeprefix(prefix)
            parts = inner.split("/")
            if not path.startswith(prefix) or posixpath.dirname(path) in owners or len(parts) > 2:
                continue
            environment = environment_of(inner.removesuffix(".json").removesuffix(".tfvars"))
            if environment and (len(parts) == 1 or _FOLDERS.match(parts[0])) and _written_for(folder, read(path)):
                found[path] = environment
        if found:
            chosen, reason = choose_environment(found, wanted)
            return chosen, Choice("Terraform variables", chosen, reason)
    return "", None


def _written_for(folder: ModuleFolder, source: Source | None) -> bool:
    if source is None:
        return False
    keys = frozenset((_JSON_KEY if source.path.endswith(".json") else _KEY).findall(source.text))
    own = keys & folder.variables.keys()
    return bool(own) and 2 * len(own) >= len(keys) and any(not _has_default(folder, name) for name in own)


def _has_default(folder: ModuleFolder, name: str) -> bool:
    declared = folder.variables[name]
    return "default" in declared.source.text[declared.block.body_start : declared.block.body_end]


class Pipeline(Struct, frozen=True):
    """What pipelines set: as `TF_VAR_name` (`settings`), and as `-var name=…` of a command (`arguments`).

    `sources` are the files that do.
    """

    settings: Mapping[str, Tree]
    arguments: Mapping[str, Tree]
    sources: tuple[Source, ...]

    def every(self) -> Iterator[tuple[str, Tree]]:
        """Each variable that is set, with its value."""
        yield from self.settings.items()
        yield from self.arguments.items()

    def names(self, root: str) -> bool:
        """Whether a file speaks of the directory of a root module."""
        return any(re.search(rf"(?<![\w-]){re.escape(root)}(?![\w-])", source.text) for source in self.sources)


def pipeline(paths: Iterable[str], read: Callable[[str], Source | None], wanted: str) -> Pipeline:
    """What the pipeline of the wanted environment sets."""
    environments: dict[str, str] = {}
    sources: dict[str, Source] = {}
    for path in paths:
        if _ELSE.search(posixpath.basename(path)) or not (_PIPELINE.search(path) or _SCRIPT.search(path)):
            continue
        source = read(path)
        if source is not None and _SETS.search(source.text) and _APPLIES.search(source.text):
            sources[path] = source
            environments[path] = environment_of(posixpath.basename(path))
    named = {path: environment for path, environment in environments.items() if environment}
    if named:
        best, _ = choose_environment(named, wanted)
        chosen = [path for path in sources if environments[path] in ("", named[best])]
    else:
        chosen = list(sources)
    settings, arguments = (
        _values(each for path in chosen if _PIPELINE.search(path) for each in found(sources[path]))
        for found in (_settings, _arguments)
    )
    scripts = [sources[path] for path in chosen if not _PIPELINE.search(path)]
    for name, value in _values(each for source in scripts for each in _arguments(source)).items():
        if isinstance(value, Unknown) and name not in settings:  # anybody may run a script with a value of his own
            arguments.setdefault(name, value)
    return Pipeline(settings, arguments, tuple(sources[path] for path in chosen))


def _values(found: Iterable[tuple[str, str, Tree]]) -> dict[str, Tree]:
    """What is set by name; Unknown where it is set to several values."""
    by_name: dict[str, dict[str, Tree]] = {}
    for name, written, value in found:
        by_name.setdefault(name, {}).setdefault(written, value)
    values: dict[str, Tree] = {}
    for name, each in by_name.items():
        first = next(iter(each.values()))
        several = Unknown(f"the pipeline sets variable {name!r} to several values", first.span)
        values[name] = first if len(each) == 1 else several
    return values


def _settings(source: Source) -> Iterator[tuple[str, str, Tree]]:
    for match in _SETTING.finditer(source.text):
        name, written = match["name"], match["value"].strip()
        found = _set(source, f"TF_VAR_{name}", match, written)
        if isinstance(found[2], Unknown) or (written and not written.startswith(("[", "{", "|", ">", "&", "*"))):
            yield found


def _arguments(source: Source) -> Iterator[tuple[str, str, Tree]]:
    for match in _ARGUMENT.finditer(source.text):
        written = match["value"] if match["quote"] else match["value"].strip("\"'")
        if not written.startswith(("[", "{")):
            yield _set(source, f"-var {match['name']}", match, written)


def _set(source: Source, shown: str, match: re.Match[str], written: str) -> tuple[str, str, Tree]:
    """The name of a variable, what is written for it, and its value."""
    name = match["name"]
    start = source.text.index(written, match.start("value"))
    span = source.span(start, start + len(written))
    step = Via(shown, source.span(match.start("name"), match.end("name")))
    if "$" in written:
        who = "the pipeline" if _PIPELINE.search(source.path) else "a script"
        return name, written, Unknown(f"{who} sets variable {name!r} from {_expression(written)}", span, (step,))
    return name, written, Known(written, span, (step,))


_NAMES = regex(r"\b(?:secrets|vars|inputs|github|needs|steps|env|matrix)\.[\w.-]+|\$\{?([A-Za-z_]\w*)")


def _expression(written: str) -> str:
    """What an expression reads, without the literals in it."""
    match = _NAMES.search(written)
    return match[0].lstrip("${") if match is not None else "an expression"
