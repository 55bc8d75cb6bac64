"""The whole path: discover → read → lower → link → evaluate. The CLI and tests call `scan` and `build_graph`."""

from __future__ import annotations

import datetime
import difflib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from policyengine.model.source import ReadError, Source, UsageError, WorkerDied
from policyengine.repository import configuration, discover
from policyengine.repository.configuration import Config
from policyengine.rules import packs as plugins
from policyengine.rules import waivers
from policyengine.rules.evaluate import Failure, Report, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from policyengine.model.graph import Graph
    from policyengine.platforms import Lowered
    from policyengine.platforms.terraform.plan.plan import Exact
    from policyengine.rules.rule import Pack

__all__ = ["Scanned", "UsageError", "build_graph", "evaluate_tree", "scan"]


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
    jobs: int = 0,
    cache: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
    today: datetime.date | None = None,
) -> Report:
    """Scan the folder or files at `paths` with the packs of the environment and `packs`.

    `select` and `ignore` are rule ids or prefixes of ids. `jobs` is the number of worker processes, 0 for one per
    processor. `progress` is called with a stage's name, how much is done and how much there is.

    Raises:
        UsageError: a path, an option, a pack or the configuration is wrong.
    """
    tree = discover.open_tree(paths)
    loaded = plugins.load(packs)
    settings = load_config(tree, config)
    return evaluate_tree(
        tree, settings, loaded, select=select, ignore=ignore, jobs=jobs, cache=cache, progress=progress, today=today
    )


def evaluate_tree(
    tree: discover.Tree,
    settings: Config,
    packs: Sequence[Pack[Any]],
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    jobs: int = 0,
    cache: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
    today: datetime.date | None = None,
    exact: Sequence[Exact] = (),
) -> Report:
    """Scan a tree with given packs. `exact` is what plans and states say. Raises `UsageError` as `scan` does."""
    selected = selection(packs, select, ignore)
    options = [(pack, configuration.options(settings, pack.name, pack.options)) for pack in packs]
    _check_names(settings, packs)
    scanned = build_graph(tree, settings, jobs=jobs, cache=cache, progress=progress, exact=exact)
    results, undecided, crashes = evaluate(scanned.graph, options, selected=selected)
    standing, waived = waivers.apply(results, settings.waivers, today or datetime.datetime.now(tz=datetime.UTC).date())
    return Report(
        results=standing,
        undecided=tuple(undecided),
        failures=(*scanned.failures, *crashes),
        waived=waived,
        packs=tuple(packs),
        rules=tuple(sorted(selected)),
        graph=scanned.graph,
        sources=scanned.sources,
    )


def load_config(tree: discover.Tree, path: Path | None = None) -> Config:
    """The configuration at `path`, or the policyengine.yaml at the root, or the defaults.

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
        found = next((name for name in configuration.NAMES if name in tree), None)
        if found is None:
            return Config()
        read = tree.read(found)
        if read is None:
            why = tree.failures.get(found, "is encrypted, or a link to a file that is not there")
            raise UsageError(f"configuration '{found}' {why}")
        source = read
    return configuration.read(source)


def _check_names(settings: Config, packs: Sequence[Pack[Any]]) -> None:
    names = {pack.name for pack in packs}
    for name in settings.packs:
        if name not in names:
            raise UsageError(f"{settings.path}: 'packs' names '{name}'; installed are {', '.join(sorted(names))}")
    rules = {rule.id for pack in packs for rule in pack.rules}
    for waiver in settings.waivers:
        if waiver.rule.text not in rules:
            raise UsageError(f"{settings.path}: a waiver names the unknown rule '{waiver.rule.text}'")


def selection(packs: Sequence[Pack[Any]], select: Sequence[str], ignore: Sequence[str]) -> frozenset[str]:
    """The ids of the rules that `select` and `ignore` leave; ids or prefixes of ids.

    Raises:
        UsageError: one of them fits no rule.
    """
    every = sorted(rule.id for pack in packs for rule in pack.rules)
    for prefix in (*select, *ignore):
        if not any(each.startswith(prefix) for each in every):
            close = difflib.get_close_matches(prefix, every, n=3, cutoff=0.5)
            hint = f"did you mean {', '.join(close)}?" if close else "see 'policyengine rules'"
            raise UsageError(f"no rule begins with '{prefix}'; {hint}")
    chosen = [each for each in every if not select or each.startswith(tuple(select))]
    return frozenset(each for each in chosen if not each.startswith(tuple(ignore) or ("\0",)))


def build_graph(
    tree: discover.Tree,
    settings: Config,
    *,
    jobs: int = 0,
    cache: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
    exact: Sequence[Exact] = (),
) -> Scanned:
    """The graph of a tree. What cannot be read is among the failures and loses nothing else.

    Raises:
        UsageError: the configuration names what is not there, or a plan or state fits no root module.
    """
    from policyengine.linking.link import link  # noqa: PLC0415

    parts: list[Lowered] = []
    failures: list[Failure] = []
    steps = list(_steps(tree, settings, jobs=jobs, cache=cache, exact=exact))
    for number, (name, step) in enumerate(steps):
        if progress is not None:
            progress(name, number, len(steps))
        try:
            parts.append(step())
        except WorkerDied:
            failures.append(Failure("a worker process died, so files went unread", advice="run again with --jobs 1"))
        except RecursionError:
            failures.append(Failure(f"{name}: files are nested too deeply", advice="git-ignore generated files"))
        except MemoryError:
            failures.append(Failure(f"{name}: memory ran out", advice="git-ignore large generated files"))
    if progress is not None:
        progress("link", len(steps), len(steps))
    graph = link(parts, settings, tree.paths)
    problems = {(error.span, error.message): error for part in parts for error in part.problems}
    for error in tree.failures.values():
        problems.setdefault((error.span, error.message), error)
    failures.extend(Failure.of(problems[key]) for key in sorted(problems))
    return Scanned(graph, tree.sources, tuple(failures))


_DOCKERFILE = ("Dockerfile", "Containerfile")


def _steps(
    tree: discover.Tree, settings: Config, *, jobs: int, cache: bool, exact: Sequence[Exact]
) -> Iterator[tuple[str, Callable[[], Lowered]]]:
    """The lowering steps for which the tree has files. Each imports its readers when it runs."""
    names = {PurePosixPath(path).name for path in tree.paths}

    def repository() -> Lowered:
        from policyengine.platforms.code import repository as step  # noqa: PLC0415

        return step.lower(tree)

    yield "env files", repository
    if _some(names, (".yml", ".yaml")):

        def compose() -> Lowered:
            from policyengine.platforms import compose as step  # noqa: PLC0415

            return step.lower(tree, settings)

        def actions() -> Lowered:
            from policyengine.platforms import github as step  # noqa: PLC0415

            return step.lower(tree)

        yield "Compose", compose
        if any(path.startswith(".github/") for path in tree.paths):
            yield "workflows", actions

    if any("ockerfile" in name or "ontainerfile" in name for name in names):

        def image() -> Lowered:
            from policyengine.platforms.docker import image as step  # noqa: PLC0415

            return step.lower(tree)

        yield "Dockerfiles", image

    if exact or _some(names, (".tf", ".tofu", ".tf.json")):

        def terraform() -> Lowered:
            from policyengine.platforms import terraform as step  # noqa: PLC0415

            return step.lower(tree, settings, jobs=jobs, cache=cache, exact=exact)

        yield "Terraform", terraform

    def source_code() -> Lowered:
        from policyengine.platforms import Lowered  # noqa: PLC0415
        from policyengine.platforms.code import config_module, migrations, package  # noqa: PLC0415

        made = [package.lower(tree), config_module.lower(tree), migrations.lower(tree)]
        return Lowered(
            nodes=tuple(node for each in made for node in each.nodes),
            edges=tuple(edge for each in made for edge in each.edges),
            choices=tuple(choice for each in made for choice in each.choices),
            problems=tuple(problem for each in made for problem in each.problems),
        )

    yield "code", source_code


def _some(names: Iterable[str], ends: tuple[str, ...]) -> bool:
    return any(name.endswith(ends) for name in names)
