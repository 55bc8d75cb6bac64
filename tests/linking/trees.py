"""Small trees, read as the program reads them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from policyengine import engine, plugins
from policyengine.repository import discover

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from policyengine.api import Graph


def graph_of(root: Path, files: Mapping[str, str]) -> Graph:
    """The graph of these files, written below `root`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    tree, loaded = discover.open_tree([root]), plugins.load()
    work = engine.Work(jobs=1, cache=False)
    return engine.build_graph(tree, engine.load_config(tree, loaded), loaded, work).graph
