"""Small trees on disk, and what the whole program makes of them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from policyengine import engine

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from policyengine.model.graph import Graph
    from policyengine.rules.evaluate import Report


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write each text, dedented, to its path below `root`."""
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text), "utf-8")


def scan(root: Path, files: Mapping[str, str], *select: str, profile: str = "strict") -> Report:
    """The report of a tree under the whole strategy, of all rules or of those that are selected."""
    write(root, files)
    return engine.scan([root], select=select, profile=profile, cache=False, jobs=1)


def graph(root: Path, files: Mapping[str, str]) -> Graph:
    """The graph of a tree that can be read whole."""
    report = scan(root, files, "HEX404")
    assert report.failures == ()
    return report.graph
