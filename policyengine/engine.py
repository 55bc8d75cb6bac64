"""The whole path: discover → platforms → link → evaluate. The CLI and tests call `scan` and `build_graph`."""

from __future__ import annotations

import datetime
import os
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from policyengine.effective import check_environments, load_config
from policyengine.knowledge import loading
from policyengine.linking.declared import check_names
from policyengine.linking.systems import (
    chosen,
    divided,
    is_sided,
    joined,
    listed,
    seen_by_each,
    stands_for_something,
    stated,
    systems,
)
from policyengine.model.graph import Choice
from policyengine.model.source import Source, UsageError, WorkerDied
from policyengine.platforms import Lowered, NoPart, Settings
from policyengine.platforms.units import lower
from policyengine.plugins import load
from policyengine.repository import configuration, discover, foreign
from policyengine.repository.configuration import Config
from policyengine.rules.configured import Weighed, accepted, switched_off, weigh
from policyengine.rules.evaluate import Evaluation, Failure, Report, evaluate
from policyengine.rules.fixes import worked_out
from policyengine.rules.rule import Pack, Rule
from policyengine.rules.selecting import check_locks, check_scopes, selected, selection
from policyengine.rules.waivers import in_comments
from policyengine.syntax.tree import Mapping as Document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from policyengine.linking.evidence import Evidence
    from policyengine.model.graph import Graph
    from policyengine.model.nodes import Side
    from policyengine.platforms import Piece, Platform
    from policyengine.platforms.units import Kept
    from policyengine.plugins import Plugins

T = TypeVar("T")

__all__ = ["Scanned", "UsageError", "Work", "build_graph", "evaluate_tree", "load_config", "scan"]


class Work(Struct, frozen=True):
    """How to do the work.

    `given` holds the files of the platforms' options by their names (`plan`), `jobs` is the number of worker processes
    (0 for one per processor). `cache` tells whether syntax is kept for the next run. `progress` is called with a
    stage's name, how much is done and how much there is. `kept` keeps what was made for the next scan in this process.
    """

    given: Mapping[str, tuple[Path, ...]] = {}
    jobs: int = 0
    cache: bool = True
    progress: Callable[[str, int, int], None] | None = None
    kept: Kept | None = None


PLAIN = Work()


class Scanned(Struct, frozen=True):
    """A graph with what was read for it and what could not be."""

    graph: Graph
    sources: Mapping[str, Source]
    failures: tuple[Failure, ...]

    def holding(self, graph: Graph) -> Scanned:
        """The same with another graph."""
        return Scanned(graph, self.sources, self.failures)

    def asked(self) -> Scanned:
        """The same with the secrets and the failures that were met since somebody asked what the files declare."""
        sealed = dict.fromkeys(each for one in self.graph.declaring for each in one.sealed())
        failures = dict.fromkeys(Failure.of(each) for one in self.graph.declaring for each in one.problems())
        if not (sealed or failures):
            return self
        graph = self.graph.sealing(tuple(dict.fromkeys((*self.graph.sealed, *sealed))))
        return Scanned(graph, self.sources, tuple(dict.fromkeys((*self.failures, *failures))))


def scan(
    paths: Sequence[Path],
    *,
    config: Path | None = None,
    packs: Sequence[str] = (),
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    profile: str = "",
    jobs: int = 0,
    cache: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
    today: datetime.date | None = None,
    organisation: Path | None = None,
) -> Report:
    """Scan the folder or files at `paths` with the packs of the environment and `packs`.

    `select` and `ignore` are rule ids or prefixes of ids. `profile` overrides that of the configuration. `jobs` is the
    number of worker processes, 0 for one per processor. `progress` is called with a stage's name, how much is done and
    how much there is. `organisation` is the file of an organisation, which the configuration cannot weaken.

    Raises:
        UsageError: a path, an option, a pack or the configuration is wrong.
    """
    above = None
    if organisation is not None:
        from policyengine.repository.organisation import read  # noqa: PLC0415  few scans have one

        above = read(organisation)
    tree = discover.open_tree(paths, config)
    plugins = load(packs)
    work = Work(jobs=jobs, cache=cache, progress=progress)
    return evaluate_tree(
        tree,
        load_config(tree, plugins, config, above),
        plugins,
        select=select,
        ignore=ignore,
        profile=profile,
        work=work,
        today=today,
    )


def evaluate_tree(
    tree: discover.Tree,
    settings: Config,
    plugins: Plugins,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    profile: str = "",
    work: Work = PLAIN,
    today: datetime.date | None = None,
) -> Report:
    """Scan a tree with given plug-ins. Raises `UsageError` as `scan` does."""
    loading.use(plugins.facts)
    day = today or datetime.datetime.now(tz=datetime.UTC).date()
    check_environments(tree, settings)
    check_locks(settings, selection(plugins.packs, select, ignore), profile)
    asked = Asked(tuple(select), tuple(ignore), profile, work, day)
    found, choice = _systems(tree, settings, plugins, work)
    for each in (settings, *(part.settings for part in found if part.configured)):
        check_scopes(each, [part.name for part in found])
    reports = {part.name: _evaluated(part, plugins, asked) for part in found}
    if choice is None:
        return reports[found[0].name]
    from policyengine.rules import together  # noqa: PLC0415  few repositories hold several systems

    return together.systems(reports, choice)


class Asked(Struct, frozen=True):
    """What of the rules is asked for, how to work, and the day that waivers are held against."""

    select: tuple[str, ...]
    ignore: tuple[str, ...]
    profile: str
    work: Work
    day: datetime.date


class Part(Struct, frozen=True):
    """One system of a repository: its files, what holds for it, and the folder that it is read in as if alone.

    `configured` tells that it has a configuration of its own, `pieces` which Compose projects and root modules are its,
    `scanned` holds what was read for each environment.
    """

    name: str
    tree: discover.Tree
    settings: Config
    folder: str = ""
    configured: bool = False
    pieces: tuple[str, ...] | None = None
    scanned: tuple[Scanned, ...] = ()

    def moved(self, graph: Graph, value: T) -> T:
        """What was made of its files, as it stands in the whole repository."""
        if not self.folder:
            return value
        from policyengine.model.moving import Moving  # noqa: PLC0415  as above

        declared = (name for each in graph.declaring for name in each.made)
        judged = (
            each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, Evaluation | Report)
        )
        asked = (each.subject for one in judged for each in one.compared)  # what is no node of the graph, too
        return Moving(self.folder, (*(node.id for node in graph.nodes), *declared, *asked), (Rule, Pack))(value)


def _systems(tree: discover.Tree, settings: Config, plugins: Plugins, work: Work) -> tuple[list[Part], Choice | None]:
    """The systems of a repository with their graphs, and why these; one without a name where it is one system.

    A plan or state is of one system: with one given the whole tree is that.

    Raises:
        UsageError: the configuration names what is in none of them.
    """
    found = []
    told_exactly = any(
        option.name in work.given for each in plugins.platforms if each.pieces for option in each.options
    )
    parts, choice = ([], None) if told_exactly else _parts(tree, settings, plugins)
    for part in parts:
        read = _read(part, plugins, work)
        if settings.systems or any(stands_for_something(each.graph) or each.failures for each in read.scanned):
            found.append(read)
    if told_exactly or (not settings.systems and sum(is_sided(part.scanned[0].graph) for part in found) < _SEVERAL):
        return [_read(Part("", tree, settings), plugins, work)], None
    shared = _divided([part for part in found if not part.folder], plugins.evidence)
    found = [shared.get(part.name, part) for part in found]
    if not tree.part:
        check_names([(part.scanned[0].graph, part.settings) for part in found if not part.configured])
    return found, choice and replace(choice, chosen=listed([part.name for part in found]))


_SEVERAL = 2


def _divided(parts: Sequence[Part], evidence: Sequence[Evidence]) -> dict[str, Part]:
    """The systems that share files, each without what is another's, by their names."""
    from policyengine.linking.link import paired  # noqa: PLC0415  as above

    rows = zip(*(part.scanned for part in parts), strict=True)
    columns = zip(*(divided([each.graph for each in row]) for row in rows), strict=True)
    made = {}
    for part, graphs in zip(parts, columns, strict=True):
        anew = (
            each if own is each.graph else each.holding(paired(own, part.settings, evidence, own.called))
            for each, own in zip(part.scanned, graphs, strict=True)
        )
        made[part.name] = replace(part, scanned=tuple(anew))
    return made


def _parts(tree: discover.Tree, settings: Config, plugins: Plugins) -> tuple[list[Part], Choice | None]:
    """The systems of a repository, nothing of them read, and why these; none where it is one."""
    tree = tree.without(settings.exclude)

    @cache
    def ask(side: Side) -> list[Piece]:
        return [
            piece
            for platform in plugins.platforms
            if platform.pieces is not None and platform.wants.found(tree)
            for piece in platform.pieces(tree, told(platform, settings, plugins, PLAIN), side)
        ]

    found = stated(settings.systems, tree, ask, settings.source) if settings.systems else systems(tree, ask)
    if not found:
        return [], None
    seen_by = seen_by_each(tree, found)
    made = []
    for each in found:
        seen = seen_by[each.name]
        own = load_config(seen, plugins, organisation=settings.organisation) if each.apart else Config()
        if own.source is not None:
            made.append(Part(each.name, seen, own, each.own[0], configured=True))
        elif each.apart:
            made.append(Part(each.name, seen, settings.within(each.own[0]), each.own[0]))
        else:
            made.append(Part(each.name, seen, replace(settings, shared=True), pieces=each.pieces))
    return made, chosen(found, ask, named=bool(settings.systems))


def _read(part: Part, plugins: Plugins, work: Work) -> Part:
    """A system with its graph in each environment."""
    named = [each.text for each in part.settings.environments] or [part.settings.environment]
    scanned = (_scanned(part, replace(part.settings, environment=name), plugins, work) for name in named)
    return replace(part, scanned=tuple(scanned))


def _evaluated(part: Part, plugins: Plugins, asked: Asked) -> Report:
    """The report of one system."""
    settings = part.settings
    chosen = selected(settings, plugins.packs) & selection(plugins.packs, asked.select, asked.ignore)
    options = [(pack, configuration.options(settings, pack.name, pack.options)) for pack in plugins.packs]
    reports: list[Report] = []
    own = settings.source is not None and not (part.folder and not part.configured)
    ids = frozenset(rule.id for pack in plugins.packs for rule in pack.rules)
    environments = [each.text for each in settings.environments] or [settings.environment]
    for environment, scanned in zip(environments, part.scanned, strict=True):
        comments = in_comments(scanned.sources, ids)
        given = (*(settings.waivers if own else ()), *comments.waivers)
        known = (*accepted(given, asked.day), *(switched_off(settings) if own else ()))
        graph = scanned.graph.with_nodes(known) if known else scanned.graph
        found = evaluate(graph, options, selected=chosen, progress=asked.work.progress)
        scanned = scanned.asked()  # noqa: PLW2901  the same, with what the rules came across
        if not part.configured:
            scanned, found, comments = part.moved(graph, (scanned, found, comments))  # noqa: PLW2901  where it stands
        profile = asked.profile or settings.profile
        weighed = weigh(found.results, settings, profile, chosen, asked.day, comments, (part.name, environment))
        made = replace(_report(scanned, found, weighed, plugins, settings, chosen), profile=profile)
        if part.configured:
            made = replace(part.moved(graph, made), configuration=f"{part.folder}/{made.configuration}")
        reports.append(made)
    if len(reports) == 1:
        return reports[0]
    from policyengine.rules import together  # noqa: PLC0415  few configurations name several

    return together.environments(dict(zip((each.text for each in settings.environments), reports, strict=True)))


def _report(
    scanned: Scanned,
    found: Evaluation,
    weighed: Weighed,
    plugins: Plugins,
    settings: Config,
    selected: frozenset[str],
) -> Report:
    report = Report(
        results=worked_out(weighed.standing, scanned.sources),
        undecided=found.undecided,
        failures=(*scanned.failures, *found.failures),
        waived=tuple(
            replace(each, result=result)
            for each, result in zip(
                weighed.waived, worked_out([each.result for each in weighed.waived], scanned.sources), strict=True
            )
        ),
        packs=plugins.packs,
        rules=tuple(sorted(selected)),
        graph=scanned.graph,
        sources=scanned.sources,
        compared=found.compared,
        configuration=settings.path,
        remarks=weighed.remarks,
    )
    if settings.organisation is None:
        return report
    from policyengine.rules import locking  # noqa: PLC0415  few scans have one

    return locking.told(report, settings)


def build_graph(tree: discover.Tree, settings: Config, plugins: Plugins, work: Work = PLAIN) -> Scanned:
    """The graph of a tree, joined of those of its systems. What cannot be read is a failure and loses nothing else.

    Raises:
        UsageError: the configuration names what is not there, or a file that an option names does not fit.
    """
    found, choice = _systems(tree, replace(settings, environments=()), plugins, work)
    if choice is None:
        return found[0].scanned[0]
    made = [part.moved(part.scanned[0].graph, part.scanned[0]) for part in found]
    return Scanned(
        joined({part.name: each.graph for part, each in zip(found, made, strict=True)}, choice),
        {path: source for each in made for path, source in each.sources.items()},
        tuple(dict.fromkeys(failure for each in made for failure in each.failures)),
    )


def _scanned(part: Part, settings: Config, plugins: Plugins, work: Work) -> Scanned:
    """The graph of one system."""
    from policyengine.linking.link import link  # noqa: PLC0415

    tree = part.tree.without(settings.exclude)
    asked = [
        each
        for each in plugins.platforms
        if each.wants.found(tree) or any(option.name in work.given for option in each.options)
    ]
    parts: list[Lowered] = []
    failures: list[Failure] = []
    for number, platform in enumerate(asked):
        if work.progress is not None:
            work.progress(platform.title, number, len(asked))
        kept = None if any(option.name in work.given for option in platform.options) else work.kept
        kept = kept and kept.of(part.name)
        parts.append(
            lower(
                platform, tree, told(platform, settings, plugins, work, part.pieces), partial(_survived, failures), kept
            )
        )
    if work.progress is not None:
        work.progress("link", len(asked), len(asked))
    project = tree.repository.rpartition("/")[2]
    problems = {(error.span, error.message): error for part in parts for error in part.problems}
    for error in tree.failures.values():
        problems.setdefault((error.span, error.message), error)
    aside = {key: reason for key in problems if (reason := foreign.why(key[0].path, tree.known(key[0].path)))}
    left = [*((key[0].path, reason) for key, reason in sorted(aside.items())), *sorted(tree.withheld.items())]
    parts.append(Lowered(choices=tuple(Choice("file left aside", path, reason) for path, reason in left)))
    graph = link(parts, settings, tree, plugins.evidence, project=project, survived=partial(_survived, failures))
    failures.extend(Failure.of(problems[key]) for key in sorted(problems) if key not in aside)
    return Scanned(graph, tree.sources, tuple(failures))


def told(
    platform: Platform[Any], settings: Config, plugins: Plugins, work: Work, pieces: tuple[str, ...] | None = None
) -> Settings[Any]:
    """What one platform is told, of a system that is made of these pieces where there are several."""
    part = settings.parts.get(platform.name) or (platform.part or NoPart)()
    written = settings.document.get(platform.name) if isinstance(settings.document, Document) else None
    return Settings(
        part,
        environment=settings.environment,
        given=work.given,
        jobs=work.jobs,
        cache=work.cache,
        resources=plugins.resources,
        reads={each.name: each.reads for each in plugins.platforms if each.reads is not None},
        written=written,
        pieces=pieces,
        shared=settings.shared,
    )


@contextmanager
def _survived(failures: list[Failure], what: str) -> Iterator[None]:
    """What ends one piece of work and no other is a failure on record."""
    try:
        yield
    except WorkerDied:
        failures.append(Failure("a worker process died, so files went unread", advice="run again with --jobs 1"))
    except RecursionError:
        failures.append(Failure(f"{what}: files are nested too deeply", advice="git-ignore generated files"))
    except MemoryError:
        failures.append(Failure(f"{what}: memory ran out", advice="git-ignore large generated files"))
    except UsageError:
        raise
    except Exception as error:
        if os.environ.get("POLICYENGINE_DEBUG"):
            raise
        advice = "set POLICYENGINE_DEBUG=1 for the trace, and report it"
        failures.append(Failure(f"{what}: internal error: {type(error).__name__}", advice=advice))
