"""What files outside of a root module give its variables: variable files beside it, the pipeline that applies it.

A pipeline's `TF_VAR_name` counts less than any variable file and more than a default. What it takes from its own
secrets, inputs or the commit leaves the variable Unknown, also where there is a default: that is not what is applied.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

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
_PIPELINE = regex(r"(?:^|/)(?:\.github/workflows/[^/]+\.ya?ml|\.gitlab-ci\.ya?ml)\Z")
_APPLIES = regex(r"\b(?:terraform|terragrunt|tofu)\b[^\n]*\bapply\b|hashicorp/tfc-workflows|terragrunt-action")
_ELSE = regex(r"destroy|cleanup|drift|localstack", re.IGNORECASE)
_SETTING = regex(
    r"^[ \t]*(?:-[ \t]+)?TF_VAR_(?P<name>\w+)[ \t]*:[ \t]*(?P<quote>[\"']?)(?P<value>[^\n]*?)(?P=quote)"
    r"[ \t]*(?:#[^\n]*)?$",
    re.MULTILINE,
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


def pipeline_values(
    paths: Sequence[str], read: Callable[[str], Source | None], wanted: str
) -> tuple[Mapping[str, Tree], str]:
    """What the pipeline of the wanted environment sets as `TF_VAR_name`, by name, and the files that do."""
    environments: dict[str, str] = {}
    sources: dict[str, Source] = {}
    for path in paths:
        if not _PIPELINE.search(path) or _ELSE.search(posixpath.basename(path)):
            continue
        source = read(path)
        if source is not None and "TF_VAR_" in source.text and _APPLIES.search(source.text):
            sources[path] = source
            environments[path] = environment_of(posixpath.basename(path))
    named = {path: environment for path, environment in environments.items() if environment}
    if named:
        best, _ = choose_environment(named, wanted)
        chosen = [path for path in sources if environments[path] in ("", named[best])]
    else:
        chosen = list(sources)
    found: dict[str, dict[str, Tree]] = {}
    for path in chosen:
        for name, written, value in _settings(sources[path]):
            found.setdefault(name, {}).setdefault(written, value)
    values: dict[str, Tree] = {}
    for name, settings in found.items():
        first = next(iter(settings.values()))
        several = Unknown(f"the pipeline sets variable {name!r} to several values", first.span)
        values[name] = first if len(settings) == 1 else several
    return values, ", ".join(chosen)


def _settings(source: Source) -> Iterator[tuple[str, str, Tree]]:
    for match in _SETTING.finditer(source.text):
        name, written = match["name"], match["value"].strip()
        span = source.span(match.start("value"), match.start("value") + len(written))
        step = Via(f"TF_VAR_{name}", source.span(match.start("name"), match.end("name")))
        if "$" in written:
            shown = _expression(written)
            yield name, written, Unknown(f"the pipeline sets variable {name!r} from {shown}", span, (step,))
        elif written and not written.startswith(("[", "{", "|", ">", "&", "*")):
            yield name, written, Known(written, span, (step,))


_NAMES = regex(r"\b(?:secrets|vars|inputs|github|needs|steps|env|matrix)\.[\w.-]+|\$\{?([A-Za-z_]\w*)")


def _expression(written: str) -> str:
    """What an expression reads, without the literals in it."""
    match = _NAMES.search(written)
    return match[0].lstrip("${") if match is not None else "an expression"
