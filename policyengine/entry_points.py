"""The plug-ins of the environment: what the metadata of installed distributions names in the groups of policyengine."""

from __future__ import annotations

import os
import re
import sys
from typing import NamedTuple

PACKS = "policyengine.packs"
EXTENSIONS = "policyengine.extensions"


class EntryPoint(NamedTuple):
    """A module that a distribution names in a group."""

    group: str
    name: str
    module: str
    distribution: str


def installed() -> list[EntryPoint]:
    """The entry points of the environment, sorted.

    They are read from `*.dist-info/entry_points.txt` on the path: importlib.metadata does the same, and its import
    alone takes as long as a fifth of a cached scan. Where distributions may lie elsewhere (in an archive, or where a
    finder of the environment's own knows), it is asked instead.
    """
    found = _on_path()
    return sorted(found if found is not None else _by_metadata())


def described(distribution: str) -> str:
    """A distribution as people know it: `acme_policies-1.2.0.dist-info` is `acme-policies 1.2.0`."""
    match = re.match(r"(.*?)-(\d[^-]*?)(-py[\d.]+)?(\.dist-info|\.egg-info)?$", distribution)
    name, version = (match[1], match[2]) if match else (distribution.removesuffix(".egg-info"), "")
    return f"{name.replace('_', '-')} {version}".strip()


def _on_path() -> list[EntryPoint] | None:
    if any(hasattr(finder, "find_distributions") and finder.__name__ != "PathFinder" for finder in _finders()):
        return None
    found: list[EntryPoint] = []
    seen: set[str] = set()
    for folder in dict.fromkeys(sys.path):
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208  pathlib is not loaded for this
        except NotADirectoryError:
            return None
        except OSError:
            continue
        for name in sorted(names):
            if name.endswith((".dist-info", ".egg-info")):
                project = name.partition("-")[0].lower().replace("_", "-").replace(".", "-")
                if project not in seen:
                    seen.add(project)
                    found.extend(_in(f"{folder}/{name}", name))
    return found


def _finders() -> list[type]:
    return [finder if isinstance(finder, type) else type(finder) for finder in sys.meta_path]


def _in(folder: str, distribution: str) -> list[EntryPoint]:
    """The entry points in the metadata of a distribution."""
    try:
        with open(f"{folder}/entry_points.txt", encoding="utf-8") as stream:  # noqa: PTH123  as above
            lines = stream.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found: list[EntryPoint] = []
    group = ""
    for line in lines:
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            group = text[1:-1].strip()
        elif group in (PACKS, EXTENSIONS) and "=" in text and not text.startswith(("#", ";")):
            name, _, value = text.partition("=")
            module = value.partition("[")[0].partition(":")[0].strip()
            found.append(EntryPoint(group, name.strip(), module, distribution))
    return found


def _by_metadata() -> list[EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415  see above

    found = entry_points()
    points = [*found.select(group=PACKS), *found.select(group=EXTENSIONS)]
    return [
        EntryPoint(each.group, each.name, each.module, f"{each.dist.name}-{each.dist.version}" if each.dist else "")
        for each in points
    ]
