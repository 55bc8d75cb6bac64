"""Terraform: what a root module would create, as far as its files decide it, as the cloud side of the graph."""

from __future__ import annotations

import os
import posixpath
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.names import environment_words, is_retired, system_variables, tells_no_system
from policyengine.model.graph import Choice, Edge
from policyengine.model.nodes import Definitions, Node, Side
from policyengine.model.source import ReadError, Source, Span
from policyengine.model.value import Known, Sealed, Unknown
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.terraform.plan.planned import Planned
from policyengine.platforms.terraform.providers.computed import computed
from policyengine.platforms.terraform.workspace import terragrunt
from policyengine.platforms.terraform.workspace.elsewhere import FILE_NAMES, Pipeline, pipeline, variable_file
from policyengine.platforms.terraform.workspace.folders import ENDS, read, read_folder
from policyengine.platforms.terraform.workspace.inputs import Inputs, examples, variable_files
from policyengine.platforms.terraform.workspace.installed import Folders, installed
from policyengine.platforms.terraform.workspace.project import ENVIRONMENT_VARIABLES, Project
from policyengine.platforms.terraform.workspace.remote_states import RemoteStates
from policyengine.platforms.terraform.workspace.roots import (
    Root,
    find_roots,
    nearest,
    own_variable_file,
    workspace_of,
)
from policyengine.platforms.terraform.workspace.syntaxes import Syntaxes
from policyengine.repository.discover import INSTALLED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from policyengine.platforms import Piece, Settings
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.part import TerraformPart
    from policyengine.platforms.terraform.plan.plan import Exact
    from policyengine.platforms.terraform.workspace.folders import Declared, ModuleFolder
    from policyengine.repository.files import Files
    from policyengine.syntax.hcl import HclFile

__all__ = ["Roots", "lower", "read_roots"]


class Roots(Struct):
    """The root modules that are read, each with what plans say of it, what was chosen, and what could not be read."""

    projects: list[tuple[Root, Project]]
    planned: list[Planned]
    syntaxes: Syntaxes
    choices: list[Choice]
    problems: dict[tuple[Span, str], ReadError]
    pipelines: Pipeline
    folders: Sequence[ModuleFolder] = ()


def read_roots(files: Files, settings: Settings[TerraformPart], *, exact: Sequence[Exact] = ()) -> Roots:
    """The root modules of a tree, nothing of them evaluated yet. `exact` is what plans and states say.

    Raises:
        UsageError: a plan or state fits no root module.
    """
    from policyengine.repository.cache import NOTHING, user_cache  # noqa: PLC0415 - only where there is Terraform

    scanned = getattr(files, "root", None)
    root = scanned if isinstance(scanned, Path) else None
    store = user_cache(root) if settings.cache else NOTHING
    syntaxes = Syntaxes(store, budget=files.budget)
    folders = _folders(files)
    called = frozenset(_called(folders, files))
    value_files = files.ending(".tfvars", ".tfvars.json")
    retired = _retired(folders, files)
    living = {path: each for path, each in folders.items() if path not in retired}
    roots, choices = find_roots(living, called, value_files, settings, files.exists)
    choices += [Choice("Terraform left out", path, _RETIRED) for path in sorted(retired - called)]
    problems: dict[tuple[Span, str], ReadError] = {}
    for folder in folders.values():
        for error in folder.broken:
            problems[error.span, error.message] = error

    units = terragrunt.Units(files, folders, syntaxes)
    beside: dict[str, list[str]] = {}  # variable files by their directory and by the one above it
    for path in value_files:
        directory = posixpath.dirname(path)
        for near in {directory, posixpath.dirname(directory)}:
            beside.setdefault(near, []).append(path)
    directories = frozenset(folders)
    words = _words(folders)
    wanted = settings.environment or "prod"
    pipelines = pipeline((*files.ending(".yml", ".yaml", ".sh"), *files.named(*FILE_NAMES)), files.read, wanted)
    wanting = frozenset(name for each in roots if each.path in folders for name in folders[each.path].variables)
    sets = (value.span.path for name, value in pipelines.every() if name in wanting)
    if shown := ", ".join(sorted(set(sets))):
        choices.append(Choice("Terraform variables", shown, "it applies Terraform with values for variables"))
    made: dict[str, Project] = {}

    def project_of(root: Root) -> Project:
        if root.path not in made:
            made[root.path] = _project(
                root,
                files,
                folders,
                units=units,
                words=words,
                pipelines=pipelines,
                alone=len(roots) == 1,
                value_files=value_files,
                syntaxes=syntaxes,
                settings=settings,
                problems=problems,
                states=states,
            )
        return made[root.path]

    def project_in(path: str) -> Project:
        file, _ = own_variable_file(path, value_files, wanted)
        return project_of(Root(path, (file,) if file else ()))

    states = RemoteStates(folders, syntaxes, project_in)
    projects: list[tuple[Root, Project]] = []
    for each in roots:
        if each.path not in folders and settings.shared:
            choices.append(Choice("Terraform root", "none", f"terraform.root names '{each.path}', of another part"))
            continue
        if each.path not in folders:
            place = settings.place("root")
            error = ReadError(f"there are no Terraform files in '{each.path}'", place, "correct 'terraform.root'")
            problems[error.span, error.message] = error
            continue
        if not each.var_files and not settings.part.var_files:
            file, choice = variable_file(
                each.path, folders[each.path], _above(each.path, beside), files.read, directories, wanted
            )
            if choice is not None:
                each = Root(each.path, (file,))  # noqa: PLW2901 - the same root module with its variable file
                choices.append(choice)
        projects.append((each, project_of(each)))
    stated: Mapping[str, Exact] = {}
    if exact:
        from policyengine.platforms.terraform.plan.fitting import assigned  # noqa: PLC0415 - only with a plan or state

        stated, told = assigned(exact, [project.folder for _, project in projects], folders, root)
        choices += told
    planned = [Planned(project, stated.get(project.folder.path)) for _, project in projects]
    return Roots(projects, planned, syntaxes, choices, problems, pipelines, tuple(folders.values()))


_RETIRED = "its folder is called after what is no longer used, and no workflow names it; set terraform.root for it"


def _retired(folders: Iterable[str], files: Files) -> frozenset[str]:
    """The folders that are called after what is no longer used, and that no workflow or Makefile names."""
    found = frozenset(path for path in folders if is_retired(path))
    if not found:
        return found
    paths = (*files.below(".github/workflows"), *files.ending("akefile", "justfile"))
    texts = [source.text for path in paths if (source := files.read(path)) is not None]
    return frozenset(path for path in found if not any(path in text for text in texts))


def _above(root: str, beside: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The variable files in the directories above a root module, and one level below each of these."""
    found: set[str] = set()
    while root:
        root = posixpath.dirname(root)
        found.update(beside.get(root, ()))
    return sorted(found)


def lower(files: Files, settings: Settings[TerraformPart], *, exact: Sequence[Exact] = ()) -> Lowered:
    """The cloud side: nodes and edges of every root module, what was chosen, and what could not be read.

    `exact` is what plans and states say.

    Raises:
        WorkerDied: a worker process was killed.
        UsageError: a plan or state fits no root module.
    """
    from policyengine.platforms.terraform.providers.table import build, inputs_tell, types  # noqa: PLC0415 - as above
    from policyengine.platforms.terraform.resources.declarations import RootModule, declarations  # noqa: PLC0415 - as above
    from policyengine.platforms.terraform.resources.instances import resources  # noqa: PLC0415 - as above
    from policyengine.platforms.terraform.resources.secrecy import given_elsewhere, secrets_of  # noqa: PLC0415 - as above
    from policyengine.platforms.terraform.resources.stack import stack_of  # noqa: PLC0415 - as above
    from policyengine.platforms.terraform.workspace.closure import closure  # noqa: PLC0415 - only where there is Terraform

    roots = read_roots(files, settings, exact=exact)
    syntaxes, choices, problems = roots.syntaxes, roots.choices, roots.problems
    kinds = types(settings.resources)
    syntaxes.prepare(closure((project for _, project in roots.projects), kinds), settings.jobs or os.cpu_count() or 1)

    nodes: dict[str, Node] = {}
    edges: dict[Edge, None] = {}
    secret: dict[Sealed, None] = {}
    called: set[str] = set()
    declared: list[RootModule] = []
    reads = {name: partial(read, files) for name, read in settings.reads.items()}
    for (each, project), planned in zip(roots.projects, roots.planned, strict=True):
        called.update(_called_as(project))
        called.update(named for folder in roots.folders for named in _written(folder))
        found = resources(planned, kinds, inputs_tell)
        several = settings.pieces is not None and bool(each.path)
        suffix = f"@{each.path}" if several or not tells_no_system(each.path) else ""
        made = list(build(stack_of(found, Side.CLOUD, suffix, reads), settings.resources))
        if any(isinstance(item, Node) and item.id in nodes for item in made):
            suffix = f"@{each.path or '.'}"
            made = list(build(stack_of(found, Side.CLOUD, suffix, reads), settings.resources))
        declared.append(RootModule(planned, suffix))
        for item in made:
            if isinstance(item, Edge):
                edges[item] = None
            else:
                nodes.setdefault(item.id, item)
        secret |= dict.fromkeys(secrets_of(planned))
        if project.assumed:
            names = ", ".join(sorted(project.assumed))
            choices.append(Choice("environment", project.environment, f"no file sets {names} of {each.path or '.'}"))
        if any("terraform.workspace" in source.text for source in project.folder.sources):
            shown = project.workspace.value if isinstance(project.workspace, Known) else ""
            choices.append(Choice("Terraform workspace", str(shown), "the files ask for terraform.workspace"))
    every = (project for _, project in roots.projects)
    secret |= dict.fromkeys(given_elsewhere(every, files, roots.pipelines.every()))
    syntaxes.flush()
    for error in syntaxes.problems.values():
        problems[error.span, error.message] = error
    nodes.update((each.id, each) for each in _definitions(roots.folders))
    return Lowered(
        nodes=tuple(nodes[key] for key in sorted(nodes)),
        edges=tuple(
            sorted(
                (edge for edge in edges if edge.target in nodes),
                key=lambda edge: (edge.source, edge.kind, edge.target, edge.reason),
            )
        ),
        choices=tuple(dict.fromkeys(choices)),
        names=tuple(sorted(called)),
        problems=tuple(problems[key] for key in sorted(problems)),
        sealed=tuple(secret),
        declaring=(declarations(declared, Side.CLOUD),),
    )


def _definitions(folders: Sequence[ModuleFolder]) -> Iterable[Definitions]:
    """What all directories declare together."""
    declared = [each for folder in folders for each in folder.resources]
    calls = [(name, each) for folder in folders for name, each in folder.modules.items()]
    if declared or calls:
        places = (each.span for folder in folders for each in (*folder.resources.values(), *folder.modules.values()))
        named = {text for name, each in calls if (source := _source(each)) for text in (name, source)}
        yield Definitions(
            id="terraform",
            name="Terraform",
            side=Side.SOURCE,
            span=min(places),
            types=tuple(sorted({kind for _, kind, _ in declared})),
            modules=tuple(sorted(named)),
            elsewhere=any(kind == "terraform_remote_state" for _, kind, _ in declared),
        )


def _source(declared: Declared) -> str:
    """The address of a module that is not in the tree; empty for one that is."""
    text = declared.source.text[declared.block.body_start : declared.block.body_end]
    found = _ANY_SOURCE.search(text)
    return "" if found is None or found[1].startswith(".") else found[1]


def pieces(files: Files) -> Iterable[Piece]:
    """What may be the cloud side of a system."""
    from policyengine.platforms.terraform import sides  # noqa: PLC0415  few trees are asked

    folders = _folders(files)
    return sides.pieces(folders, frozenset(_called(folders, files)))


def _called_as(project: Project) -> Iterable[str]:
    """What the variables and locals of a root module that are made for it call the system."""
    for name in system_variables():
        for kind, declared in (("var", project.folder.variables), ("local", project.folder.locals)):
            if name in declared:
                value = project.run(lambda key=(kind, project.root, name): project.value(key))  # type: ignore[misc]
                if isinstance(value, Known) and isinstance(value.value, str):
                    yield value.value


def _written(folder: ModuleFolder) -> Iterable[str]:
    """What the files of a directory call the system in so many words."""
    pattern = re.compile(rf'(?m)^\s*(?:{"|".join(system_variables())})\s*=\s*"([\w-]+)"')
    return (name for source in folder.sources for name in pattern.findall(source.text))


def _folders(files: Files) -> dict[str, ModuleFolder]:
    """Every directory with Terraform files, each split once for all who ask."""
    by_folder: dict[str, list[Source]] = {}
    for path in files.ending(*ENDS):
        if not posixpath.basename(path).startswith(".") and INSTALLED not in path:
            source = files.read(path)
            if source is not None:
                by_folder.setdefault(posixpath.dirname(path), []).append(source)

    def split(source: Source) -> HclFile:
        return files.once(source.path, read) or read(source)

    return {path: read_folder(path, sources, split) for path, sources in sorted(by_folder.items())}


_ANY_SOURCE = regex(r'\bsource"?\s*[=:]\s*"([^"]*)"')
_SOURCE = regex(r'\bsource"?\s*[=:]\s*"(\.{1,2}(?:/[^"$]*)?)"')


def _called(folders: Mapping[str, ModuleFolder], files: Files) -> Iterable[str]:
    """The directories that a module call of another directory names, by links too."""
    for path, folder in folders.items():
        for declared in folder.modules.values():
            text = declared.source.text[declared.block.body_start : declared.block.body_end]
            for source in _SOURCE.findall(text):
                joined = posixpath.normpath(posixpath.join(path, source))
                if joined != path:
                    joined = "" if joined == "." else joined
                    yield joined if joined in folders or joined.startswith("..") else files.real(joined)


def _project(
    root: Root,
    files: Files,
    folders: Mapping[str, ModuleFolder],
    *,
    units: terragrunt.Units,
    words: Mapping[str, frozenset[str]],
    pipelines: Pipeline,
    alone: bool,
    value_files: Sequence[str],
    syntaxes: Syntaxes,
    settings: Settings[TerraformPart],
    problems: dict[tuple[Span, str], ReadError],
    states: RemoteStates,
) -> Project:
    folder = folders[root.path]
    reachable = Folders(files, folders)
    below = f"{root.path}/" if root.path else ""
    own = [path for path in folders if path == root.path or path.startswith(below)]
    asks = any("terraform.workspace" in source.text for path in own for source in folders[path].sources)
    spoken = frozenset().union(*(words[path] for path in own)) or frozenset().union(*words.values())
    chosen = workspace_of(spoken, settings)
    workspace: Tree = Known(chosen if asks else "default", folder.sources[0].span(0, 0))
    unit = units.unit(root.path, lambda found: nearest(found, settings.environment or "prod"))
    told = alone or (bool(root.path) and pipelines.names(root.path))
    set_, passed = (
        {name: value for name, value in each.items() if name in folder.variables and _is_given(name, value)}
        for each in (pipelines.settings, pipelines.arguments)
    )
    return Project(
        folder=folder,
        below=files.below,
        read=files.read,
        open_folder=reachable.open,
        hidden=reachable.hidden,
        syntaxes=syntaxes,
        workspace=workspace,
        inputs=Inputs(
            variable_files(root, value_files, files, syntaxes, problems),
            {**unit.inputs, **set_, **passed},
            passed if told else {},
            examples(root, files, syntaxes, problems),
        ),
        beside=unit.path if unit.path != root.path else "",
        environment=chosen if spoken or settings.environment else "",
        installed=installed(root.path, files),
        computed=computed,
        states=states,
    )


def _is_given(name: str, value: Tree) -> bool:
    """Whether what the pipeline sets counts: an environment that only a run knows is the one that was chosen."""
    return name not in ENVIRONMENT_VARIABLES or not isinstance(value, Unknown)


def _words(folders: Mapping[str, ModuleFolder]) -> dict[str, frozenset[str]]:
    """The words for production that the files of each directory use."""
    production = re.compile(rf"(?<![\w-])(?:{'|'.join(environment_words('prod'))})(?![\w-])")
    return {
        path: frozenset(word for source in folder.sources for word in production.findall(source.text))
        for path, folder in folders.items()
    }
