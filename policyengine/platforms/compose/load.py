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

from policyengine.model.source import ReadError, Source, Span
from policyengine.model.text import Text
from policyengine.model.value import Via
from policyengine.platforms.compose import canonical, check, merging, specification
from policyengine.platforms.compose.environment import (
    Assigned,
    Context,
    Readable,
    ServiceEnvironment,
    environments_of,
    resolve_path,
    stand_in_of,
)
from policyengine.platforms.compose.interpolate import interpolate
from policyengine.platforms.compose.located import Branch, Items, Leaf, Member, Node, Resets, convert
from policyengine.syntax import dotenv, yaml
from policyengine.syntax.interpolation import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_SECTIONS = ("services", "volumes", "networks", "secrets", "configs", "models")
_DEEPEST_INCLUDE = 32
_LONGEST_EXTENDS = 100


class ComposeProject(Struct, frozen=True):
    """The effective configuration of one Compose project.

    `model` is the merged, canonical tree with every service; `enabled` names those that no profile leaves out.
    `environments` holds the environment of each service of `model`. `directory` is the project's folder relative to
    the root (empty for the root), which every relative path of the model starts from.
    """

    name: str
    directory: str
    files: tuple[str, ...]
    model: Branch
    enabled: frozenset[str]
    environments: dict[str, ServiceEnvironment]
    labels: dict[str, dict[str, Assigned]]
    warnings: tuple[ReadError, ...] = ()


class _Place(Struct, frozen=True):
    """Where a file is loaded.

    `folder` is where its references start, relative to the root. `base` is the same relative to the folder of the file
    that includes it, and empty for the project's own files.
    """

    folder: str
    base: str
    environment: dict[str, Text]


def load(
    files: Readable,
    directory: str = "",
    paths: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    profiles: Sequence[str] | None = None,
    name: str = "",
    strict: bool = False,
) -> ComposeProject:
    """The project in `directory`.

    `paths` are the `-f` files relative to the root, in order; without them COMPOSE_FILE of `.env` counts, then the
    default names. `environment` is the shell's. `profiles` are those switched on; without them COMPOSE_PROFILES counts.
    `name` is the name of the directory, for the default project name.

    Raises:
        ReadError: Docker Compose would refuse the project.
    """
    context = Context(files, strict)
    known = {key: Text.at(value, Span("", 0, 0)) for key, value in (environment or {}).items()}
    if paths:
        directory = posixpath.dirname(paths[0])
    known = {**_dot_env(context, directory, known), **known}
    chosen = tuple(paths) or _from_variable(context, directory, known) or default_files(files, directory)
    if not chosen:
        raise ReadError("the folder holds no Compose file", Span(directory, 0, 0), "name one with -f")
    if posixpath.dirname(chosen[0]) != directory:
        directory = posixpath.dirname(chosen[0])
        known = {**_dot_env(context, directory, known), **known}
    named = _project_name(context, chosen, known, name)
    project_name = normal_name(named.masked(""))
    known = {**known, "COMPOSE_PROJECT_NAME": named}
    place = _Place(directory, "", known)
    model = _model(context, chosen, place, ())
    if not model.entries:
        raise ReadError("the Compose file is empty", Span(chosen[0], 0, 0), "add 'services'")
    if not project_name and strict:
        raise ReadError("the project has no name", Span(chosen[0], 0, 0), "add 'name'")
    lookup = known.get
    model = canonical.normalized(model, project_name, lookup)
    switched = _profiles(profiles, known)
    enabled = frozenset(check.enabled(model, switched))
    check.consistent(model, enabled)
    environments, labels = environments_of(context, model, directory, known, enabled)
    return ComposeProject(
        project_name, directory, chosen, model, enabled, environments, labels, tuple(context.warnings)
    )


def default_files(files: Readable, directory: str) -> tuple[str, ...]:
    """The Compose file of a folder and its override, by Compose's own names and order."""
    main = next((path for each in NAMES if files.read(path := posixpath.join(directory, each)) is not None), None)
    if main is None:
        return ()
    over = next((path for each in OVERRIDES if files.read(path := posixpath.join(directory, each)) is not None), None)
    return (main,) if over is None else (main, over)


def _from_variable(context: Context, directory: str, known: Mapping[str, Text]) -> tuple[str, ...]:
    given = known.get("COMPOSE_FILE")
    if given is None or not given.written:
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
    return tuple(each.strip() for each in given.written.split(",")) if given is not None else ("",)


def _dot_env(context: Context, directory: str, known: Mapping[str, Text]) -> dict[str, Text]:
    """The variables of the `.env` in a folder, or of what stands in for it."""
    path = posixpath.join(directory, ".env")
    source = context.files.read(path)
    if source is not None:
        return _variables_of(context, source, known)
    stand_in = None if context.strict else stand_in_of(context.files, path)
    if stand_in is None:
        return {}
    step = Via(f"{stand_in.path} stands in for {path}", Span(stand_in.path, 0, 0))
    try:
        found = _variables_of(context, stand_in, known)
    except ReadError as error:
        context.warnings.append(error)
        return {}
    return {key: text.stepped(step) for key, text in found.items()}


def _variables_of(context: Context, source: Source, known: Mapping[str, Text]) -> dict[str, Text]:
    resolved = dotenv.resolve(dotenv.read(source), known.get, strict=context.strict)
    return {key: each.text for key, each in resolved.items() if each.text.decided}


def _project_name(context: Context, chosen: Sequence[str], known: Mapping[str, Text], directory_name: str) -> Text:
    place = Span(chosen[0], 0, 0)
    given = known.get("COMPOSE_PROJECT_NAME")
    if given is not None and given.written:
        if normal_name(given.written) != given.written:
            raise ReadError(f"the project name {given.written!r} is not valid", given.place, "use a-z, 0-9, - and _")
        return given
    named = None
    for path in chosen:
        for document, _ in _documents(context, path):
            node = document.get("name")
            if isinstance(node, Leaf) and isinstance(node.value, str) and node.value:
                named = node
    if named is None:
        return Text.made(normal_name(directory_name), place)
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


def _documents(context: Context, path: str, at: Span | None = None) -> tuple[tuple[Branch, Resets], ...]:
    """The documents of a file, typed."""
    if path in context.documents:
        return context.documents[path]
    source = context.files.read(path)
    if source is None:
        raise ReadError(f"the file '{path}' is not there", at or Span(path, 0, 0), "correct the path or add the file")
    result = []
    for document in yaml.read_all(source):
        node, tagged = convert(document)
        if isinstance(node, Leaf) and node.value is None and not document.tag:
            node = Branch({}, node.span)
            if not source.text.strip():
                continue
        if not isinstance(node, Branch):
            raise ReadError("the top level of a Compose file is a mapping", node.span, "add 'services'")
        result.append((node, tagged))
    context.documents[path] = tuple(result)
    return context.documents[path]


def _interpolated(context: Context, document: Branch, place: _Place) -> Branch:
    try:
        return interpolate(document, place.environment.get, strict=context.strict)
    except TemplateError as error:
        advice = f"set {error.required}" if error.required else "write $$ for a dollar sign"
        raise ReadError(error.message, error.span, advice) from error


def _model(context: Context, paths: Sequence[str], place: _Place, included: tuple[str, ...]) -> Branch:
    """The merged model of a chain of files, with defaults, validated."""
    model = Branch({}, Span(paths[0], 0, 0))
    for path in paths:
        model = _file(context, path, place, model, included)
    model = canonical.with_defaults(model)
    check.valid(model)
    if place.base:
        model = canonical.rebased(model, place.base)
    return canonical.pass_through(model, place.environment.get)


def _file(context: Context, path: str, place: _Place, model: Branch, included: tuple[str, ...]) -> Branch:
    """The model overridden by each document of a file."""
    for document, tagged in _documents(context, path):
        current = _interpolated(context, document, place)
        current = _include(context, current, place, (*included, path), tagged)
        model = merging.dropped(model, tagged)
        current = _extended(context, current, path, place, tagged)
        model = merging.unique(merging.merge(model, current))
        specification.validate(model)
        model = canonical.canonical(model.without("version"))
        model = merging.unique(model)
    return model


def _include(context: Context, model: Branch, place: _Place, included: tuple[str, ...], tagged: Resets) -> Branch:
    """The document with the resources of what it includes."""
    node = model.get("include")
    if node is None or (isinstance(node, Leaf) and node.value is None):
        return model
    if not isinstance(node, Items):
        raise ReadError("'include' is a list", node.span, "write a list of paths")
    if len(included) > _DEEPEST_INCLUDE:
        raise ReadError("files include each other without end", node.span, "break the cycle")
    for item in node.items:
        imported = _imported(context, item, place, included)
        for section in _SECTIONS:
            model = _with_section(model, imported, section, tagged)
    return model.without("include")


def _imported(context: Context, item: Node, place: _Place, included: tuple[str, ...]) -> Branch:
    """The model of one entry of `include`."""
    entry = item if isinstance(item, Branch) else Branch({"path": Member(item.span, item)}, item.span)
    names = _texts(entry.get("path"), "path")
    if not names:
        raise ReadError("the include names no path", item.span, "add 'path'")
    paths = [_inside(place.folder, leaf) for leaf in names]
    directory = entry.get("project_directory")
    if isinstance(directory, Leaf) and directory.value:
        folder = _inside(place.folder, directory)
    else:
        folder = posixpath.dirname(paths[0])
    if paths[0] in included:
        chain = " includes ".join([*included, paths[0]])
        raise ReadError(f"files include each other: {chain}", names[0].span, "break the cycle")
    env_files = _texts(entry.get("env_file"), "env_file")
    environment = _included_environment(context, place, folder, env_files)
    base = posixpath.relpath(folder or ".", place.folder or ".")
    return _model(context, paths, _Place(folder, base, environment), included)


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


def _inside(folder: str, leaf: Leaf) -> str:
    if leaf.unknown is not None:
        raise ReadError("the path depends on a variable that no file sets", leaf.span, "give it a default")
    path = resolve_path(folder, str(leaf.value))
    if path is None:
        raise ReadError(
            f"the path {leaf.value!r} leads out of the scanned root and is not read", leaf.span, "keep it inside"
        )
    return path


def _included_environment(context: Context, place: _Place, folder: str, env_files: list[Leaf]) -> dict[str, Text]:
    """The environment of included files: the root's wins over theirs."""
    found: dict[str, Text] = {}
    if not env_files:
        found = _dot_env(context, folder, place.environment)
    before: dict[str, dotenv.Resolved] = {}
    for leaf in env_files:
        if leaf.value == "/dev/null":
            continue
        path = _inside(place.folder, leaf)
        source = context.files.read(path)
        if source is None and not context.strict:
            source = stand_in_of(context.files, path)
            if source is None:
                continue
        if source is None:
            raise ReadError(f"the env file '{path}' is not there", leaf.span, "add the file")
        before = dotenv.resolve(dotenv.read(source), place.environment.get, strict=context.strict, before=before)
        found = {key: each.text for key, each in before.items() if each.text.decided}
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


def _extended(context: Context, model: Branch, path: str, place: _Place, tagged: Resets) -> Branch:
    """The document with every `extends` of its services followed."""
    services = model.get("services")
    if services is None:
        return model
    if not isinstance(services, Branch):
        if isinstance(services, Leaf) and services.value is None:
            return model
        raise ReadError("'services' is a mapping", services.span, "write name: … for each service")
    done: dict[str, Node] = {}
    for name in services.entries:
        services = services.with_entry(name, _extend(context, name, services, path, place, tagged, (), done))
    return model.with_entry("services", services)


def _extend(
    context: Context,
    name: str,
    services: Branch,
    path: str,
    place: _Place,
    tagged: Resets,
    chain: tuple[tuple[str, str], ...],
    done: dict[str, Node],
) -> Node:
    """A service with what it extends, followed to the end."""
    if name in done:
        return done[name]
    service = services.entries[name].node
    if isinstance(service, Leaf) and service.value is None:
        return service
    if not isinstance(service, Branch):
        raise ReadError(f"the service '{name}' is no mapping", service.span, "write its attributes")
    extends = service.get("extends")
    if extends is None:
        return service
    reference, file = _reference(name, extends)
    target, target_tagged, target_done, filename = services, tagged, done, path
    if file is not None:
        target, target_tagged = _extended_file(context, file, place)
        target_done, filename = {}, _inside(place.folder, file)
    if reference.value not in target.entries:
        message = f"service '{name}' extends '{reference.value}', which is not in {filename}"
        raise ReadError(message, reference.span, "correct the name")
    step = (filename, name)
    if step in chain:
        shown = " extends ".join(f"'{service}' in {file}" for file, service in (*chain, step))
        raise ReadError(f"services extend each other: {shown}", reference.span, "break the cycle")
    if len(chain) >= _LONGEST_EXTENDS:
        message = f"more than {_LONGEST_EXTENDS} services extend one another in a row"
        raise ReadError(message, reference.span, "extend a common base")
    wanted = str(reference.value)
    base = _extend(context, wanted, target, path, place, target_tagged, (*chain, step), target_done)
    if not isinstance(base, Branch):
        done[name] = service
        return service
    holder = Branch({"services": Member(base.span, Branch({name: Member(base.span, base)}, base.span))}, base.span)
    kept = merging.dropped(holder, tagged).get("services")
    base_kept = kept.get(name) if isinstance(kept, Branch) else None
    if isinstance(base_kept, Branch):
        via = Via(f"extends {wanted}", reference.span)
        base = _stepped(base_kept, via)
        merged: Node = merging.extend(base, service)
    else:
        merged = service
    if isinstance(merged, Branch):
        merged = merged.without("extends")
    done[name] = merged
    return merged


def _stepped(node: Branch, step: Via) -> Branch:
    """The base service with the step that its attributes passed, on each attribute's own nodes."""

    def walk(each: Node) -> Node:
        if isinstance(each, Leaf):
            return each._replace(via=(step, *each.via), text=None if each.text is None else each.text.stepped(step))
        if isinstance(each, Items):
            return each._replace(items=tuple(walk(item) for item in each.items), via=(step, *each.via))
        entries = {key: Member(entry.key, walk(entry.node)) for key, entry in each.entries.items()}
        return each._replace(entries=entries, via=(step, *each.via))

    result = walk(node)
    return result if isinstance(result, Branch) else node


def _reference(name: str, extends: Node) -> tuple[Leaf, Leaf | None]:
    """The service that is extended, and the file it is in when another one."""
    if isinstance(extends, Leaf) and isinstance(extends.value, str):
        return extends, None
    service = extends.get("service") if isinstance(extends, Branch) else None
    if not isinstance(extends, Branch) or not isinstance(service, Leaf) or not isinstance(service.value, str):
        raise ReadError(f"'extends' of service '{name}' names no service", extends.span, "add 'service'")
    file = extends.get("file")
    return service, file if isinstance(file, Leaf) and isinstance(file.value, str) else None


def _extended_file(context: Context, file: Leaf, place: _Place) -> tuple[Branch, Resets]:
    """The services of a file that another extends: interpolated and canonical, their paths made relative."""
    path = _inside(place.folder, file)
    key = (path, place.folder)
    if key not in context.extended:
        model = Branch({}, Span(path, 0, 0))
        tagged = Resets(frozenset())
        for document, marks in _documents(context, path, file.span):
            tagged = marks
            model = merging.dropped(model, marks)
            model = merging.unique(merging.merge(model, _interpolated(context, document, place)))
            model = merging.unique(canonical.canonical(model))
        base = posixpath.relpath(posixpath.dirname(path) or ".", place.folder or ".")
        context.extended[key] = canonical.rebased(model, base), tagged
    model, tagged = context.extended[key]
    services = model.get("services")
    if not isinstance(services, Branch):
        raise ReadError(f"the file '{path}' has no services to extend", file.span, "correct the path")
    return services, tagged
