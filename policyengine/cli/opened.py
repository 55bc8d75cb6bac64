"""A repository as a command was asked to read it: its files, the plug-ins, the configuration, the options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from policyengine import engine, plugins
from policyengine.cli.options import given, ids, organisation
from policyengine.repository import discover

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from policyengine.plugins import Plugins
    from policyengine.repository.configuration import Config
    from policyengine.rules.evaluate import Report


class Opened(NamedTuple):
    """What all commands read a repository with."""

    arguments: argparse.Namespace
    tree: discover.Tree
    plugins: Plugins
    config: Config
    work: engine.Work

    def graph(self) -> engine.Scanned:
        """The graph, without a rule having looked at it."""
        return engine.build_graph(self.tree, self.config, self.plugins, self.work)

    def report(self) -> Report:
        """What the rules find; those that --select, --ignore and --profile ask for where a command has them."""
        asked = vars(self.arguments)
        return engine.evaluate_tree(
            self.tree,
            self.config,
            self.plugins,
            select=ids(asked.get("select", [])),
            ignore=ids(asked.get("ignore", [])),
            profile=asked.get("profile", ""),
            work=self.work,
        )


def opened(
    arguments: argparse.Namespace,
    paths: Sequence[str | Path] | discover.Tree,
    progress: Callable[[str, int, int], None] | None = None,
) -> Opened:
    """The paths, by default the working directory, with the options of `add_engine_options`.

    Raises:
        UsageError: a path is not there, or a plug-in or the configuration cannot be used.
    """
    above = organisation(arguments)
    if not isinstance(paths, discover.Tree):
        paths = discover.open_tree([Path(path) for path in paths or ["."]], arguments.config)
    loaded = plugins.load(arguments.pack)
    config = engine.load_config(paths, loaded, arguments.config, above)
    work = engine.Work(given=given(arguments), jobs=arguments.jobs, cache=not arguments.no_cache, progress=progress)
    return Opened(arguments, paths, loaded, config, work)
