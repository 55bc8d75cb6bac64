"""The whole path: discover → platforms → link → evaluate. The CLI and tests call `scan` and `build_graph`."""

from __future__ import annotations

import datetime
import difflib
import os
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from policyengine.knowledge import loading
from policyengine.knowledge.names import distance_to_production, environment, words
from policyengine.linking.declared import check_names
from policyengine.linking.systems import is_sided, seen_by, stands_for_something, systems
from policyengine.model.graph import Graph
from policyengine.model.source import ReadError, Source, Span, UsageError, WorkerDied
from policyengine.platforms import NoPart, Settings
from policyengine.platforms.units import lower
from policyengine.plugins import load
from policyengine.repository import configuration, discover
from policyengine.repository.configuration import Config
from policyengine.rules.configured import Weighed, weigh
from policyengine.rules.evaluate import Evaluation, Failure, Report, evaluate
from policyengine.rules.rule import Pack, Rule
from policyengine.syntax.tree import Mapping as Document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from policyengine.platforms import Lowered, Platform
    from policyengine.platforms.units import Kept
    from policyengine.plugins import Plugins

T = TypeVar("T")

__all__ = ["Scanned", "UsageError", "Work", "build_graph", "evaluate_tree", "scan"]


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
) -> Report:
    """Scan the folder or files at `paths` with the packs of the environment and `packs`.

    `select` and `ignore` are rule ids or prefixes of ids. `profile` overrides that of the configuration. `jobs` is the
    number of worker processes, 0 for one per processor. `progress` is called with a stage's name, how much is done and
    how much there is.

    Raises:
        UsageError: a path, an option, a pack or the configuration is wrong.
    """
    tree = discover.open_tree(paths, config)
    plugins = load(packs)
    work = Work(jobs=jobs, cache=cache, progress=progress)
    return evaluate_tree(
        tree,
        load_config(tree, plugins, config),
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
    _check_environments(tree, settings)
    asked = Asked(tuple(select), tuple(ignore), profile, work, day)
    reports = {
        each.name: report
        for each in _parts(tree, settings, plugins)
        if stands_for_something((report := _evaluated(each, plugins, asked)).graph) or report.failures
    }
    if sum(map(is_sided, (each.graph for each in reports.values()))) < 2:
        return _evaluated(Part("", tree, settings), plugins, asked)
    from policyengine.rules import together  # noqa: PLC0415  few repositories hold several systems

    report = together.systems(reports)
    check_names(report.graph, settings)
    return report


class Asked(Struct, frozen=True):
    """What of the rules is asked for, how to work, and the day that waivers are held against."""

    select: tuple[str, ...]
    ignore: tuple[str, ...]
    profile: str
    work: Work
    day: datetime.date


class Part(Struct, frozen=True):
    """One system of a repository: its files, what holds for it, and the folder that it is read in as if alone.

    `configured` tells that it has a configuration of its own.
    """

    name: str
    tree: discover.Tree
    settings: Config
    folder: str = ""
    configured: bool = False

    def moved(self, graph: Graph, value: T) -> T:
        """What was made of its files, as it stands in the whole repository."""
        if not self.folder:
            return value
        from policyengine.model.moving import Moving  # noqa: PLC0415  as above

        return Moving(self.folder, (node.id for node in graph.nodes), (Rule, Pack))(value)


def _parts(tree: discover.Tree, settings: Config, plugins: Plugins) -> list[Part]:
    """The systems of a repository; none where it is one."""
    tree = tree.without(settings.exclude)
    found = systems(tree)
    made = []
    for each in found:
        seen = seen_by(each, [other for other in found if other is not each], tree)
        own = load_config(seen, plugins) if each.apart else Config()
        if own.source is not None:
            made.append(Part(each.name, seen, own, each.own[0], configured=True))
        elif each.apart:
            made.append(Part(each.name, seen, settings.within(each.own[0]), each.own[0]))
        else:
            made.append(Part(each.name, seen, replace(settings, shared=True)))
    return made


def _evaluated(part: Part, plugins: Plugins, asked: Asked) -> Report:
    """The report of one system."""
    settings = part.settings
    selected = _selected(settings, plugins.packs) & selection(plugins.packs, asked.select, asked.ignore)
    options = [(pack, configuration.options(settings, pack.name, pack.options)) for pack in plugins.packs]
    reports: dict[str, Report] = {}
    for name in [each.text for each in settings.environments] or [settings.environment]:
        scanned = _scanned(part, replace(settings, environment=name), plugins, asked.work)
        found, graph = evaluate(scanned.graph, options, selected=selected), scanned.graph
        if not part.configured:
            scanned, found = part.moved(graph, (scanned, found))
        weighed = weigh(found.results, settings, asked.profile or settings.profile, selected, asked.day)
        made = _report(scanned, found, weighed, plugins, settings, selected)
        if part.configured:
            made = replace(part.moved(graph, made), configuration=f"{part.folder}/{made.configuration}")
        reports[name] = made
    if len(reports) == 1:
        return next(iter(reports.values()))
    from policyengine.rules import together  # noqa: PLC0415  few configurations name several

    return together.environments(reports)


def _report(
    scanned: Scanned,
    found: Evaluation,
    weighed: Weighed,
    plugins: Plugins,
    settings: Config,
    selected: frozenset[str],
) -> Report:
    return Report(
        results=weighed.standing,
        undecided=found.undecided,
        failures=(*scanned.failures, *found.failures),
        waived=weighed.waived,
        packs=plugins.packs,
        rules=tuple(sorted(selected)),
        graph=scanned.graph,
        sources=scanned.sources,
        compared=found.compared,
        configuration=settings.path,
        remarks=weighed.remarks,
    )


def load_config(tree: discover.Tree, plugins: Plugins, path: Path | None = None) -> Config:
    """The configuration at `path`, or that at the root of the tree, or the defaults; plug-ins say what may stand.

    Raises:
        UsageError: it cannot be read or is not valid.
    """
    if path is not None:
        try:
            source = discover.decode(path.read_bytes(), path.as_posix())
        except OSError as error:
            raise UsageError(f"configuration '{path}' cannot be read: {(error.strerror or '').lower()}") from error
        except ReadError as error:
            raise UsageError(f"configuration '{path}' {error}") from error
    else:
        found = next((name for name in discover.CONFIGURATIONS if name in tree), None)
        if found is None:
            return Config()
        read = tree.read(found)
        if read is None:
            why = tree.failures.get(found, "is encrypted, or a link to a file that is not there")
            raise UsageError(f"configuration '{found}' {why}")
        source = read
    return configuration.read(source, plugins.parts)


def _check_names(settings: Config, packs: Sequence[Pack[Any]]) -> None:
    names = {pack.name for pack in packs}
    for name in settings.packs:
        if name not in names:
            where = _where(settings, settings.places[name])
            raise UsageError(f"{where}'packs' names '{name}'; installed are {', '.join(sorted(names))}")
    rules = sorted(rule.id for pack in packs for rule in pack.rules)
    for waiver in settings.waivers:
        if waiver.rule.text not in rules:
            hint = _hint(waiver.rule.text, rules)
            raise UsageError(
                f"{_where(settings, waiver.rule.span)}a waiver names the unknown rule '{waiver.rule.text}'; {hint}"
            )
    for prefix in (*settings.select, *settings.ignore, *(each.prefix for each in settings.rules)):
        if not any(each.startswith(prefix.text) for each in rules):
            hint = _hint(prefix.text, rules)
            raise UsageError(f"{_where(settings, prefix.span)}no rule begins with '{prefix.text}'; {hint}")


def _check_environments(tree: discover.Tree, settings: Config) -> None:
    """Refuse an environment after which nothing is named, where others are."""
    if not settings.environments:
        return
    values = (".tf", ".tfvars", ".tfvars.json")
    deployed = {environment(word) for path in tree.ending(*values) for word in words(path)}
    named = {word for path in tree.ending(*values, ".yml", ".yaml") for word in words(path)}
    found = sorted(each for each in deployed if distance_to_production(each) is not None)
    for each in settings.environments:
        meant = environment(each.text.lower())
        if found and each.text.lower() not in named and (not meant or meant not in deployed):
            raise UsageError(
                f"{_where(settings, each.span)}nothing is named after the environment '{each.text}'; "
                f"found are {', '.join(found)}"
            )


def _where(settings: Config, span: Span) -> str:
    return "" if settings.source is None else f"{configuration.where(settings.source, span)}: "


def _hint(name: str, rules: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, rules, n=3, cutoff=0.5)
    return f"did you mean {', '.join(close)}?" if close else "see 'policyengine rules'"


def _selected(settings: Config, packs: Sequence[Pack[Any]]) -> frozenset[str]:
    _check_names(settings, packs)
    return selection(packs, [each.text for each in settings.select], [each.text for each in settings.ignore])


def selection(packs: Sequence[Pack[Any]], select: Sequence[str], ignore: Sequence[str]) -> frozenset[str]:
    """The ids of the rules that `select` and `ignore` leave; ids or prefixes of ids.

    Raises:
        UsageError: one of them fits no rule.
    """
    every = sorted(rule.id for pack in packs for rule in pack.rules)
    for prefix in (*select, *ignore):
        if not any(each.startswith(prefix) for each in every):
            raise UsageError(f"no rule begins with '{prefix}'; {_hint(prefix, every)}")
    chosen = [each for each in every if not select or each.startswith(tuple(select))]
    return frozenset(each for each in chosen if not each.startswith(tuple(ignore) or ("\0",)))


def build_graph(tree: discover.Tree, settings: Config, plugins: Plugins, work: Work = PLAIN) -> Scanned:
    """The graph of a tree, joined of those of its systems. What cannot be read is a failure and loses nothing else.

    Raises:
        UsageError: the configuration names what is not there, or a file that an option names does not fit.
    """
    found: dict[str, Scanned] = {}
    for part in _parts(tree, settings, plugins):
        scanned = _scanned(part, part.settings, plugins, work)
        if stands_for_something(scanned.graph) or scanned.failures:
            found[part.name] = part.moved(scanned.graph, scanned)
    if sum(is_sided(each.graph) for each in found.values()) < 2:
        return _scanned(Part("", tree, settings), settings, plugins, work)
    graph = Graph.joined({name: each.graph for name, each in found.items()})
    check_names(graph, settings)
    return Scanned(
        graph,
        {path: source for each in found.values() for path, source in each.sources.items()},
        tuple(dict.fromkeys(failure for each in found.values() for failure in each.failures)),
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
        parts.append(lower(platform, tree, told(platform, settings, plugins, work), partial(_survived, failures), kept))
    if work.progress is not None:
        work.progress("link", len(asked), len(asked))
    project = tree.repository.rpartition("/")[2]
    graph = link(parts, settings, tree, plugins.evidence, project=project, survived=partial(_survived, failures))
    problems = {(error.span, error.message): error for part in parts for error in part.problems}
    for error in tree.failures.values():
        problems.setdefault((error.span, error.message), error)
    failures.extend(Failure.of(problems[key]) for key in sorted(problems))
    return Scanned(graph, tree.sources, tuple(failures))


def told(platform: Platform[Any], settings: Config, plugins: Plugins, work: Work) -> Settings[Any]:
    """What one platform is told."""
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
