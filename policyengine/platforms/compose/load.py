"""From the files of a Compose project to its one effective configuration, as `docker compose config` has it.

Two modes share every step. *Strict* reproduces Docker Compose with a given environment: what is unset becomes empty,
what is missing is an error. The other mode is for analysis, where the environment of whoever runs Compose is not known:
an unset variable is undecided (`Unknown` in the graph), and a committed `.env.example` stands in for an env file that
git ignores.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.model.budget import Budget
from policyengine.model.source import ReadError, Span
from policyengine.model.text import Text
from policyengine.model.value import Unknown, Via
from policyengine.platforms.compose import canonical, check, faults, implied, merging, rebasing, specification
from policyengine.platforms.compose.documents import Place, documents_of, inside, interpolated
from policyengine.platforms.compose.environment import (
    Assigned,
    Context,
    Readable,
    ServiceEnvironment,
    environments_of,
    resolve_path,
    stand_in_of,
)
from policyengine.platforms.compose.extending import extended
from policyengine.platforms.compose.interpolate import interpolate
from policyengine.platforms.compose.located import Branch, Items, Leaf, Member, Node, Path, Resets, extent
from policyengine.syntax.interpolation import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyengine.platforms.compose.given import Given
    from policyengine.syntax.env_expansion import Resolved

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_HERE = re.compile(r"localhost|127\.0\.0\.1")
_SECTIONS = ("services", "volumes", "networks", "secrets", "configs", "models")
Branches = tuple[tuple[Branch, Resets], ...]
_DEEPEST_INCLUDE = 32
_NODE = 4
"""Steps that a node of a file counts for."""


class ComposeProject(Struct, frozen=True):
    """The effective configuration of one Compose project.

    `model` is the merged, canonical tree with every service; `enabled` names those that no profile leaves out.
    `environments` holds the environment of each service of `model`, `lost` the malformed lines of env files, `known`
    the variables of whoever runs Compose that files tell. `directory` is the project's folder relative to the root
    (empty for the root), which every relative path of the model starts from. `called` is the name that the files give,
    empty where the folder gives it.
    """

    name: str
    directory: str
    files: tuple[str, ...]
    model: Branch
    enabled: frozenset[str]
    environments: dict[str, ServiceEnvironment]
    labels: dict[str, dict[str, Assigned]]
    warnings: tuple[ReadError, ...] = ()
    lost: tuple[ReadError, ...] = ()
    known: Mapping[str, Text] = {}
    called: str = ""
    faults: tuple[ReadError, ...] = ()
    doubts: Mapping[str, Unknown] = {}


def load(
    files: Readable,
    directory: str = "",
    paths: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    profiles: Sequence[str] | None = None,
    name: str = "",
    strict: bool = False,
    origins: Mapping[str, Text] | None = None,
    budget: Budget | None = None,
    deployed: Given | None = None,
) -> ComposeProject:
    """The project in `directory`. What Compose refuses at one place is passed over, unless the mode is `strict`.

    `paths` are the `-f` files relative to the root, in order; without them COMPOSE_FILE of `.env` counts, then the
    default names. `environment` is the shell's. `profiles` are those switched on; without them COMPOSE_PROFILES counts.
    `name` is the name of the directory, for the default project name. `origins` are the texts of files that stand
    elsewhere, by their paths. `budget` is what the work draws from. `deployed` is what those give who start
    it in production.

    Raises:
        ReadError: Docker Compose would refuse the project, or includes, aliases, `extends` and variables make more of
            it than a scan follows.
    """
    context = Context(files, strict, budget or Budget(), origins=origins or {})
    known = {key: Text.at(value, Span("", 0, 0)) for key, value in (environment or {}).items()}
    known |= deployed.variables if deployed is not None else {}
    if paths:
        directory = posixpath.dirname(paths[0])
    known = {**_dot_env(context, directory, known, deployed), **known}
    chosen = tuple(paths) or _from_variable(context, directory, known) or default_files(files, directory)
    if not chosen:
        raise ReadError("the folder holds no Compose file", Span(directory, 0, 0), "name one with -f")
    if posixpath.dirname(chosen[0]) != directory:
        directory = posixpath.dirname(chosen[0])
        known = {**_dot_env(context, directory, known, deployed), **known}
    warnings, lost = tuple(context.warnings), tuple(context.lost)
    whole: dict[str, Branches] = {}
    told: set[tuple[str, Path]] = set()
    while True:
        try:
            project = _project(context, directory, chosen, known, profiles, name)
        except ReadError as error:
            if context.strict or not _passed_over(context, error, whole, told):
                raise next(iter(context.faults), error) from error
            context.warnings[:], context.lost[:] = warnings, lost
        else:
            refused = tuple(context.faults)
            documents = [each for path, read in context.documents.items() for each, _ in whole.get(path, read)]
            doubts = faults.doubts(refused, documents) if refused else {}
            return replace(project, warnings=(*refused, *project.warnings), faults=refused, doubts=doubts)


def _project(
    context: Context,
    directory: str,
    chosen: tuple[str, ...],
    known: Mapping[str, Text],
    profiles: Sequence[str] | None,
    name: str,
) -> ComposeProject:
    """The project of the chosen files. Raises ReadError where Docker Compose would refuse it."""
    named = _project_name(context, chosen, known)
    called = "" if named is None else normal_name(named.masked(""))
    named = named or Text.made(normal_name(name), Span(chosen[0], 0, 0))
    project_name = normal_name(named.masked(""))
    known = {**known, "COMPOSE_PROJECT_NAME": named}
    place = Place(directory, "", known)
    model = _model(context, chosen, place, ())
    if not model.entries:
        raise ReadError("the Compose file is empty", Span(chosen[0], 0, 0), "add 'services'")
    if not project_name and context.strict:
        raise ReadError("the project has no name", Span(chosen[0], 0, 0), "add 'name'")
    model = implied.normalized(model, project_name, known.get)
    switched = _profiles(profiles, known)
    enabled = frozenset(check.enabled(model, switched))
    check.consistent(model, enabled)
    environments, labels = environments_of(context, model, directory, known, enabled)
    return ComposeProject(
        project_name, directory, chosen, model, enabled, environments, labels, tuple(context.warnings),
        tuple(context.lost), known, called,
    )  # fmt: skip


def _passed_over(context: Context, error: ReadError, whole: dict[str, Branches], told: set[tuple[str, Path]]) -> bool:
    """Whether the rest of the files can be read without what stands where Compose refuses them: it is taken out.

    `whole` keeps the documents as they are written. One fault of a service is told, whose next may follow from it;
    `told` are the services of which one is, by their files.
    """
    if context.budget.left < 0 or len(context.faults) >= faults.MOST:
        return False
    parts: set[tuple[str, Path]] = set()
    for path, documents in context.documents.items():
        whole.setdefault(path, documents)
        left = [(*faults.without(document, error.span), tagged) for document, tagged in documents]
        parts.update((path, each[:2]) for _, dropped, _ in left for each in dropped if len(each) > 1)
        context.documents[path] = tuple((document, tagged) for document, _, tagged in left)
    if not parts <= told:
        context.faults.append(error)
    told |= parts
    context.extended.clear()
    return bool(parts)


def default_files(files: Readable, directory: str) -> tuple[str, ...]:
    """The Compose file of a folder and its override, by Compose's own names and order."""
    main = next((path for each in NAMES if files.read(path := posixpath.join(directory, each)) is not None), None)
    if main is None:
        return ()
    over = next((path for each in OVERRIDES if files.read(path := posixpath.join(directory, each)) is not None), None)
    return (main,) if over is None else (main, over)


def _from_variable(context: Context, directory: str, known: Mapping[str, Text]) -> tuple[str, ...]:
    given = known.get("COMPOSE_FILE")
    if given is None or not given.literal:
        return ()
    separator = known["COMPOSE_PATH_SEPARATOR"].written if "COMPOSE_PATH_SEPARATOR" in known else ":"
    found = []
    for each in given.written.split(separator or ":"):
        path = resolve_path(directory, each)
        if path is None or context.files.read(path) is None:
            raise ReadError(f"COMPOSE_FILE names {each!r}, which is not there", given.pieces[0].span, "correct it")
        found.append(path)
    return tuple(found)


def _profiles(profiles: Sequence[str] | None, known: Mapping[str, Text]) -> tuple[str, ...]:
    if profiles:
        return tuple(profiles)
    given = known.get("COMPOSE_PROFILES")
    return tuple(each.strip() for each in given.written.split(",")) if given is not None and given.decided else ("",)


def _dot_env(
    context: Context, directory: str, known: Mapping[str, Text], deployed: Given | None = None
) -> dict[str, Text]:
    """The variables of the `.env` in a folder, or of what stands in for it.

    An example for the laptop does not tell what the machine itself is called in production.
    """
    path = posixpath.join(directory, ".env" if deployed is None else deployed.env_file)
    source = context.files.read(path)
    if source is not None:
        return _set(context.resolve(source, known.get))
    stand_in = None if context.strict else stand_in_of(context.files, path)
    if stand_in is None:
        return {}
    step = Via(f"{stand_in.path} stands in for {path}", Span(stand_in.path, 0, 0))
    told = _set(context.resolve(stand_in, known.get))
    if deployed is not None and deployed.env_file == ".env":
        reason = f"what {path} sets in production is not in the files"
        told = {key: text.unsettled(reason) if _HERE.search(text.written) else text for key, text in told.items()}
    return {key: text.stepped(step) for key, text in told.items() if text.literal != ""}  # a blank is to be filled in


def _set(resolved: Mapping[str, Resolved]) -> dict[str, Text]:
    """The variables that a file sets; a bare key, which takes what the shell has, sets none."""
    return {key: each.text for key, each in resolved.items() if each.text.decided or each.text.place != each.key_span}


def _project_name(context: Context, chosen: Sequence[str], known: Mapping[str, Text]) -> Text | None:
    """The name that COMPOSE_PROJECT_NAME or a file gives; None for that of the folder."""
    place = Span(chosen[0], 0, 0)
    given = known.get("COMPOSE_PROJECT_NAME")
    if given is not None and given.written:
        if given.decided and normal_name(given.written) != given.written:
            raise ReadError(f"the project name {given.written!r} is not valid", given.place, "use a-z, 0-9, - and _")
        return given
    named = None
    for path in chosen:
        for document, _ in documents_of(context, path):
            node = document.get("name")
            if isinstance(node, Leaf) and isinstance(node.value, str) and node.value:
                named = node
    if named is None:
        return None
    holder = Branch({"name": Member(named.span, named)}, named.span)
    try:
        result = interpolate(holder, known.get, strict=context.strict).get("name")
    except TemplateError as error:
        raise ReadError(error.message, error.span) from error
    text = result.written if isinstance(result, Leaf) else Text.made("", place)
    return Text.made(normal_name(text.written), place) if text.decided else text


def normal_name(text: str) -> str:
    """A project name as Compose normalises it."""
    return "".join(re.findall(r"[a-z0-9_-]", text.lower())).lstrip("_-")


def _model(context: Context, paths: Sequence[str], place: Place, included: tuple[str, ...]) -> Branch:
    """The merged model of a chain of files, with defaults, validated."""
    model = Branch({}, Span(paths[0], 0, 0))
    for path in paths:
        model = _file(context, path, place, model, included)
    model = implied.with_defaults(model)
    check.valid(model)
    if place.base:
        model = rebasing.rebased(model, place.base)
    return implied.pass_through(model, place.environment.get)


def _file(context: Context, path: str, place: Place, model: Branch, included: tuple[str, ...]) -> Branch:
    """The model overridden by each document of a file."""
    for document, tagged in documents_of(context, path):
        context.spend(_NODE * extent(document), document.span)
        current = interpolated(context, document, place)
        current = _include(context, current, place, (*included, path), tagged)
        model = merging.dropped(model, tagged)
        current = extended(context, current, path, place, tagged)
        context.spend(_NODE * extent(current), document.span)
        model = merging.unique(merging.merge(model, current))
        specification.validate(model)
        model = canonical.canonical(model.without("version"))
        model = merging.unique(model)
    return model


def _include(context: Context, model: Branch, place: Place, included: tuple[str, ...], tagged: Resets) -> Branch:
    """The document with the resources of what it includes."""
    node = model.get("include")
    if node is None or (isinstance(node, Leaf) and node.value is None):
        return model.without("include")
    if not isinstance(node, Items):
        raise ReadError("'include' is a list", node.span, "write a list of paths")
    if len(included) > _DEEPEST_INCLUDE:
        raise ReadError("files include each other without end", node.span, "break the cycle")
    for item in node.items:
        imported = _imported(context, item, place, included)
        for section in _SECTIONS:
            model = _with_section(model, imported, section, tagged)
    return model.without("include")


def _imported(context: Context, item: Node, place: Place, included: tuple[str, ...]) -> Branch:
    """The model of one entry of `include`."""
    entry = item if isinstance(item, Branch) else Branch({"path": Member(item.span, item)}, item.span)
    names = _texts(entry.get("path"), "path")
    if not names:
        return Branch({}, item.span)
    paths = [inside(place.folder, leaf) for leaf in names]
    directory = entry.get("project_directory")
    if isinstance(directory, Leaf) and directory.value:
        folder = inside(place.folder, directory)
    else:
        folder = posixpath.dirname(paths[0])
    if paths[0] in included:
        chain = " includes ".join([*included, paths[0]])
        raise ReadError(f"files include each other: {chain}", names[0].span, "break the cycle")
    env_files = _texts(entry.get("env_file"), "env_file")
    environment = _included_environment(context, place, folder, env_files)
    base = posixpath.relpath(folder or ".", place.folder or ".")
    return _model(context, paths, Place(folder, base, environment), included)


def _texts(node: Node | None, what: str) -> list[Leaf]:
    if node is None or (isinstance(node, Leaf) and node.value is None):
        return []
    leaves = list(node.items) if isinstance(node, Items) else [node]
    result = []
    for leaf in leaves:
        if not isinstance(leaf, Leaf) or not isinstance(leaf.value, str):
            raise ReadError(f"'{what}' is a path or a list of paths", leaf.span, "write a string")
        result.append(leaf)
    return result


def _included_environment(context: Context, place: Place, folder: str, env_files: list[Leaf]) -> dict[str, Text]:
    """The environment of included files: the root's wins over theirs."""
    found: dict[str, Text] = {}
    if not env_files:
        found = _dot_env(context, folder, place.environment)
    before: dict[str, Resolved] = {}
    for leaf in env_files:
        if leaf.value == "/dev/null":
            continue
        path = inside(place.folder, leaf)
        source = context.files.read(path)
        if source is None and not context.strict:
            source = stand_in_of(context.files, path)
            if source is None:
                continue
        if source is None:
            raise ReadError(f"the env file '{path}' is not there", leaf.span, "add the file")
        before = context.resolve(source, place.environment.get, before=before)
        found = _set(before)
    return {**found, **place.environment}


def _with_section(model: Branch, imported: Branch, section: str, tagged: Resets) -> Branch:
    source = imported.get(section)
    if not isinstance(source, Branch):
        return model
    target = model.get(section)
    if not isinstance(target, Branch):
        target = Branch({}, source.span)
    for name, entry in source.entries.items():
        mine = target.entries.get(name)
        if mine is None:
            target = target.with_entry(name, entry.node, entry.key)
            continue
        holder = Branch({section: Member(entry.key, Branch({name: entry}, entry.node.span))}, entry.node.span)
        kept = merging.dropped(holder, tagged).get(section)
        theirs = kept.get(name) if isinstance(kept, Branch) else None
        merged = mine.node if theirs is None else merging.merge_node(theirs, mine.node, (section, name))
        target = target.with_entry(name, merged)
    return model.with_entry(section, target)
