"""Which systems a repository holds: parts with a local and a cloud side of their own, each compared on its own.

A system is a Compose project with the root modules, or the Compose file for production, that deploy it. What speaks for
that they belong together is, the strongest first: a folder that holds both; a part of the root module's path that is
called as the project, its image or the folder that this is built in; a workflow that uses both; the name of its image
in the files. A root module that speaks for several alike belongs to each of them, one that speaks for none to all.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge.names import (
    folder_kinds,
    is_filler,
    is_foundation,
    tells_no_system,
    without_deployment,
    words,
)
from policyengine.model.graph import Choice, EdgeKind, Graph, sorted_nodes
from policyengine.model.nodes import Datastore, Service, Side, Stage, Workflow
from policyengine.model.source import UsageError
from policyengine.patterns import regex
from policyengine.repository.configuration import where
from policyengine.repository.discover import CONFIGURATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyengine.model.source import Source
    from policyengine.platforms import Piece
    from policyengine.repository.configuration import Configured, ConfiguredSystem
    from policyengine.repository.discover import Tree

_WORKFLOWS = ".github/workflows/"
_PATH = regex(r"[\w@-][\w.@-]*(?:/[\w.@-]+)*")
_NAME = regex(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_MOST = 4
"""So many systems or files are named in one sentence."""
_CONFIGURED = (".tf", ".tf.json", ".tfvars", ".hcl", ".tpl", ".tftpl")
_NEAR, _CALLED, _USED, _NAMED = 8, 4, 2, 1
"""What a common folder (for each of its parts), a name in the path, a workflow, a name in a file speak for."""


class System(Struct, frozen=True):
    """One of several systems of a repository.

    `own` are folders and files that only it reads, or it and the others whose own they are too; what is nobody's own is
    read by all. `pieces` are the files and folders of its Compose projects and root modules, None where all are. One
    that stands `apart` is a repository within the repository: its only folder is read as if it were scanned alone.
    """

    name: str
    own: tuple[str, ...] = ()
    pieces: tuple[str, ...] | None = None
    apart: bool = False


def systems(tree: Tree, ask: Callable[[Side], list[Piece]]) -> tuple[System, ...]:
    """The systems of a tree, sorted by their names; none where it is one system. `ask` gives what may be a side."""
    apart = [System(each, (each,), apart=True) for each in _repositories(tree)]
    if apart:
        return (System("."), *apart)
    found = _inferred(tree, ask) or _alternatives(tree, ask)
    return tuple(sorted(found, key=lambda each: each.name))


def chosen(found: Sequence[System], ask: Callable[[Side], list[Piece]], *, named: bool) -> Choice:
    """Which systems these are, why, and which projects are of none. `named` tells that the configuration says so."""
    files = {file for each in found for file in each.pieces or ()}
    left = sorted(each.files[-1] for each in ask(Side.LOCAL) if each.runs and files and files.isdisjoint(each.files))
    reason = "told by folders, names, workflows and images"
    if named or any(each.apart for each in found):
        reason = "stated" if named else "repositories of their own, by their configurations or workflows"
    if left:
        reason += f"; left out, since nothing is known to deploy them: {listed(left)}"
    return Choice("systems", listed([each.name for each in found]), f"{reason}; set systems for others")


def listed(names: Sequence[str]) -> str:
    """The first of several names, and how many more there are."""
    return ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")


def stated(
    told: Sequence[ConfiguredSystem], tree: Tree, ask: Callable[[Side], list[Piece]], source: Source | None
) -> tuple[System, ...]:
    """The systems that a configuration states, by the folders and files that are their own.

    Raises:
        UsageError: a path is not there, or is that of two systems.
    """
    claims: dict[str, str] = {}
    places = [(each.name.text, path) for each in told for path in each.paths]
    for name, path in places:
        if not (tree.exists(path.text) or tree.below(path.text) or tree.part):
            raise UsageError(f"{_at(source, path)}'systems.{name}' names '{path.text}', which is not there")
        claims.setdefault(path.text, name)
    for name, path in places:
        other = next((claims[above] for above in _up(path.text) if claims.get(above, name) != name), None)
        if other is not None:
            raise UsageError(f"{_at(source, path)}'{path.text}' is of the system '{other}' and of '{name}'")
    apart = set(_repositories(tree))
    pieces: dict[str, list[str]] = {each.name.text: [] for each in told}
    for file in (file for side in (Side.LOCAL, Side.CLOUD) for piece in ask(side) for file in piece.files):
        owner = next((claims[above] for above in _up(file) if above in claims), None)
        for name in pieces if owner is None else (owner,):
            pieces[name].append(file)
    return tuple(
        System(name, paths, tuple(pieces[name]), apart=len(paths) == 1 and paths[0] in apart)
        for each in told
        for name, paths in [(each.name.text, tuple(path.text for path in each.paths))]
    )


def _at(source: Source | None, text: Configured) -> str:
    return "" if source is None else f"{where(source, text.span)}: "


def seen_by_each(tree: Tree, found: Sequence[System]) -> dict[str, Tree]:
    """The files that each system is made of: its own, and those that are nobody's own."""
    claims: dict[str, list[str]] = {}
    for each in found:
        for path in each.own:
            claims.setdefault(path, []).append(each.name)
    seen: dict[str, list[str]] = {each.name: [] for each in found if not each.apart}
    for path in tree.paths:
        owners = next((claims[each] for each in _up(path) if each in claims), None)
        for name in seen if owners is None else owners:
            if name in seen:
                seen[name].append(path)
    return {
        each.name: tree.inside(each.own[0]) if each.apart else tree.only(frozenset(seen[each.name]).__contains__)
        for each in found
    }


def is_sided(graph: Graph) -> bool:
    """Whether something runs in a system, on either side."""
    return any(node.side in (Side.LOCAL, Side.CLOUD) and isinstance(node, Service | Datastore) for node in graph.nodes)


def stands_for_something(graph: Graph) -> bool:
    """Whether a graph holds more than files about files."""
    return any(isinstance(node, Service | Datastore | Workflow | Stage) for node in graph.nodes)


def divided(graphs: Sequence[Graph]) -> list[Graph]:
    """The graphs of systems that share root modules, each without what of these is another's; pairs are as they were.

    A service of the cloud is of the system that holds its twin; of several such, of those in which most speaks for it,
    and of one that has nothing else for the local node. A datastore is of those whose services reach it.
    """
    best: dict[str, int] = {}
    for pair in (pair for graph in graphs for pair in graph.pairs):
        best[pair.cloud] = max(pair.score, best.get(pair.cloud, 0))
    made = []
    for graph in graphs:
        own = {pair.cloud for pair in graph.pairs}
        settled = {pair.local for pair in graph.pairs if pair.score == best[pair.cloud]}
        weaker = {pair.cloud for pair in graph.pairs if pair.score < best[pair.cloud] and pair.local in settled}
        others = (best.keys() - own) | weaker
        for store in graph.all(Datastore, side=Side.CLOUD):
            users = {each.id for each in graph.sources(Service, EdgeKind.CONNECTS, store)}
            if users and users <= others:
                others.add(store.id)
        made.append(graph.without(others))
    return made


def joined(graphs: Mapping[str, Graph], choice: Choice) -> Graph:
    """The graphs of several systems as one: what is of all is there once, and has a twin where one finds it.

    `choice` says which systems these are.
    """
    every = tuple(graphs.values())
    pairs = {(pair.local, pair.cloud): pair for each in reversed(every) for pair in each.pairs}
    paired = {name for pair in pairs for name in pair}
    left = {one.node: one for each in reversed(every) for one in each.without_twin if one.node not in paired}
    return Graph(
        nodes=sorted_nodes({node.id: node for each in reversed(every) for node in each.nodes}.values()),
        edges=tuple(
            sorted(
                {edge for each in every for edge in each.edges},
                key=lambda edge: (edge.kind, edge.source, edge.target, edge.reason),
            )
        ),
        pairs=tuple(pairs[name] for name in sorted(pairs)),
        choices=(choice, *dict.fromkeys(one for each in every for one in each.choices)),
        equivalences=every[0].equivalences,
        paths=tuple(sorted({path for each in every for path in each.paths})),
        ignored=tuple(sorted({name for each in every for name in each.ignored})),
        without_twin=tuple(left[name] for name in sorted(left)),
        running=tuple({one.id: one for each in reversed(every) for one in each.running}.values()),
        published=tuple(dict.fromkeys(image for each in every for image in each.published)),
        sealed=tuple(dict.fromkeys(one for each in every for one in each.sealed)),
        systems=graphs,
        declaring=tuple(one for each in every for one in each.declaring),
    )


def _up(path: str) -> Iterator[str]:
    """A path and the folders that it lies in, but for the root."""
    while path:
        yield path
        path = posixpath.dirname(path)


def _repositories(tree: Tree) -> list[str]:
    """The folders that are repositories of their own, outermost only.

    They have a configuration; or workflows and both sides, where nothing beside them is a Compose project. Where the
    root itself has workflows there is none: GitHub runs these, and none below.
    """
    if tree.below(_WORKFLOWS.strip("/")):
        return []
    configured = {posixpath.dirname(path) for path in tree.named(*CONFIGURATIONS)}
    working = {path.rpartition(f"/{_WORKFLOWS}")[0] for path in tree.holding(f"/{_WORKFLOWS}")}
    composed = [path for path in tree.holding("compose") if path.endswith((".yml", ".yaml"))]
    if not all(any(above in working for above in _up(path)) for path in composed):
        working = set()
    planned = {above for path in tree.ending(".tf") for above in _up(path)}
    local = {above for path in composed for above in _up(path)}
    found = {each for each in configured | (working & planned & local) if each and not folder_kinds(f"{each}/")}
    return sorted(each for each in found if found.isdisjoint(_up(posixpath.dirname(each))))


def _inferred(tree: Tree, ask: Callable[[Side], list[Piece]]) -> list[System]:
    """The systems that files and folders tell."""
    projects = _projects(ask(Side.LOCAL))
    if len(projects) <= 1:
        return []
    claims = _folders_of(projects)
    used = _used_together(tree, claims)
    names = [frozenset(_names(number, each, claims)) for number, each in enumerate(projects)]
    top = next((number for number, each in enumerate(projects) if not each.folder), None)
    own: dict[int, list[Piece]] = {}
    free: list[Piece] = []
    for root in ask(Side.CLOUD):
        weights = [] if is_foundation(root.folder) else _weights(tree, root, projects, names, used)
        most = max(weights, default=0)
        best = [number for number, each in enumerate(weights) if each == most]
        if most == _NAMED and top is not None:
            best = [top]  # a name alone makes no system of a part of what the root's project starts
        for number in best if most else ():
            own.setdefault(number, []).append(root)
        free += [] if most else [root]
    if top is not None and top not in own:
        own[top] = [root for root in free if root.runs]
        free = [root for root in free if not root.runs]
    made = []
    for number, project in enumerate(projects):
        roots = own.get(number, [])
        if any(root.runs for root in roots):
            folders = [path for path, owners in claims.items() if number in owners]
            folders += [path for root in roots for path in root.files]
            pieces = [*project.files, *(path for root in (*roots, *free) for path in root.files)]
            made.append(System(project.folder or ".", tuple(dict.fromkeys(filter(None, folders))), tuple(pieces)))
    return _with_workflows(tree, made) if len(made) > 1 else []


def _alternatives(tree: Tree, ask: Callable[[Side], list[Piece]]) -> list[System]:
    """Ways to deploy one project, such as `terraform/ecs` and `terraform/eks`: a system each, of all else as well.

    Root modules and a Compose file for production are two ways where each runs services of the project.
    """
    folders = {posixpath.dirname(path) for path in tree.ending(".tf")}
    if not folders:
        return []
    plain = {each: without_deployment(each) for each in folders}
    ways = {each: (posixpath.dirname(each), rest) for each, rest in plain.items() if rest is not None}
    projects = ask(Side.LOCAL)
    names = {_plain(name) for each in projects if each.runs for name in each.names}
    if not names:
        return []
    roots = ask(Side.CLOUD)
    composed = [each for each in roots if each.files[-1].endswith((".yml", ".yaml"))]
    if len(set(ways.values())) == len(ways) and not composed:
        return []  # as nearly all
    shared = {path for each in projects for path in each.files}
    groups: dict[tuple[str, str], list[Piece]] = {}
    planned = [each for each in roots if each not in composed]
    running = [root for root in planned if root.sure and not names.isdisjoint(_said(tree, root, _CONFIGURED))]
    for root in running:
        if root.folder in ways:
            groups.setdefault(ways[root.folder], []).append(root)
    found = [[each] for each in next((each for each in groups.values() if len(each) > 1), [])]
    if not found and composed and running:
        apart = (each for each in composed if each.sure and not shared.issuperset(each.files))
        started = next((each for each in apart if not names.isdisjoint(map(_plain, each.names))), None)
        found = [] if started is None else [[started], sorted(planned, key=lambda each: each not in running)]
    ours = [each for way in found for each in way]
    rest = [*shared, *(path for each in roots if each not in ours for path in each.files)]
    made = []
    for way in found:
        files = [path for each in way for path in each.files if path not in shared]
        made.append(System(way[0].folder or files[-1] or ".", tuple(files), (*files, *sorted(rest))))
    return _with_workflows(tree, made)


def _projects(pieces: Sequence[Piece]) -> list[Piece]:
    """The projects that build what they run, without those of which another one, nearer to the root, starts a part."""
    building = [each for each in pieces if each.runs]
    included = {path for each in building for path in each.included}
    return [
        each
        for each in building
        if included.isdisjoint(each.files)
        and not any(
            other is not each
            and not each.builds.isdisjoint(other.builds)
            and (not other.folder or each.folder.startswith(f"{other.folder}/"))
            and other.folder != each.folder
            for other in building
        )
    ]


def _folders_of(projects: Sequence[Piece]) -> dict[str, frozenset[int]]:
    """The files of the projects, and the folders that they stand or build in, each with the projects whose it is."""
    claims: dict[str, set[int]] = {}
    for number, each in enumerate(projects):
        for path in (*each.files, each.folder):
            claims.setdefault(path, set()).add(number)
    for number, each in enumerate(projects):
        for path in each.builds:
            if not any(above in claims and number not in claims[above] for above in _up(path)):
                claims.setdefault(path, set()).add(number)
    return {path: frozenset(numbers) for path, numbers in claims.items() if path}


def _names(number: int, project: Piece, claims: Mapping[str, frozenset[int]]) -> Iterator[str]:
    """What a project, its images and the folders that only they are built in are called."""
    for path in (project.folder, *project.builds):
        if claims.get(path) == frozenset({number}):
            yield _plain(posixpath.basename(path))
    yield from map(_plain, project.names)


def _plain(name: str) -> str:
    """A name without case, joints and numbers: `20-Contracts` is `contracts`."""
    return "-".join(word for word in words(name) if not word.isdigit())


def _weights(
    tree: Tree, root: Piece, projects: Sequence[Piece], names: Sequence[frozenset[str]], used: Mapping[int, set[str]]
) -> list[int]:
    """What speaks for each project that the root module deploys it."""
    parts = {_plain(part) for path in root.files for part in path.split("/")}
    found = []
    for number, each in enumerate(projects):
        near = max(_common(root.folder, path) for path in (each.folder, *each.builds))
        called = not parts.isdisjoint(names[number])
        together = not used.get(number, set()).isdisjoint(root.files)
        found.append(_NEAR * near + _CALLED * called + _USED * together)
    if not any(found):
        shared = Counter(name for each in names for name in each)
        said = _said(tree, root)
        for number, mine in enumerate(names):
            telling = (name for name in mine if shared[name] == 1 and not all(map(is_filler, name.split("-"))))
            found[number] = _NAMED * any(name in said for name in telling)
    return found


def _common(one: str, other: str) -> int:
    """How many folders two paths begin with, where one of these tells a system."""
    same: list[str] = []
    for here, there in zip(one.split("/"), other.split("/"), strict=False):
        if here != there:
            break
        same.append(here)
    return 0 if tells_no_system("/".join(same)) else len(same)


def _said(tree: Tree, root: Piece, endings: tuple[str, ...] = ("",)) -> frozenset[str]:
    """The names that stand in the files of a root module, of those that end so."""
    found: set[str] = set()
    for folder in root.files:
        inside = tree.below(folder) if not tree.exists(folder) else (folder,)
        for path in inside:
            if (posixpath.dirname(path) == folder or path == folder) and path.endswith(endings):
                source = tree.read(path)
                found.update(_NAME.findall(source.text.lower()) if source is not None else ())
    return frozenset(name.replace("_", "-") for name in found)


def _used_together(tree: Tree, claims: Mapping[str, frozenset[int]]) -> dict[int, set[str]]:
    """The paths that a workflow names which builds or starts one project and no other, by that project."""
    found: dict[int, set[str]] = {}
    for paths in _mentioned(tree).values():
        used = {number for path in paths for number in claims.get(path, ())}
        if len(used) == 1:
            found.setdefault(used.pop(), set()).update(paths)
    return found


def _mentioned(tree: Tree) -> dict[str, set[str]]:
    """The paths that each workflow names, with the folders that they lie in."""
    found = {}
    for path in tree.below(_WORKFLOWS.strip("/")):
        source = tree.read(path)
        if source is not None:
            named = {posixpath.normpath(each) for each in _PATH.findall(source.text)}
            found[path] = {above for each in named for above in _up(each)}
    return found


def _with_workflows(tree: Tree, found: Sequence[System]) -> list[System]:
    """The systems with the workflows that use what is only theirs, or only some of theirs."""
    owners: dict[str, set[int]] = {}
    for number, each in enumerate(found):
        for path in each.own:
            owners.setdefault(path, set()).add(number)
    workflows: dict[int, list[str]] = {}
    for workflow, paths in _mentioned(tree).items():
        users = {number for path in paths for number in owners.get(path, ())}
        for number in users:
            workflows.setdefault(number, []).append(workflow)
    return [replace(each, own=(*each.own, *workflows.get(number, ()))) for number, each in enumerate(found)]
