"""The programs of a Go module, and which of them take a file in: each `package main` imports what it is made of."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.patterns import regex
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.repository.files import Files

_MODULE = regex(r"(?m)^module\s+\"?([\w./~-]+)")
_MAIN = regex(r"(?m)^package main\b")
_IMPORT = regex(r"(?m)^\s*(?:import\s+)?(?:[\w.]+\s+)?[\"`]([\w./~-]+)[\"`]\s*(?://.*)?$")
_MOST = 2_000
"""So many files of a module are read to tell what its programs import."""


def users(files: Files, directory: str, path: str) -> tuple[str, ...]:
    """The folders of the programs of a module that take the package of a file in; none where all do, or one is all.

    Empty too where the module is too large to tell.
    """
    made = programs(files, directory)
    found = [each for each, taken in made.items() if parent(path) in taken]
    return tuple(sorted(found)) if 0 < len(found) < len(made) else ()


def programs(files: Files, directory: str) -> dict[str, set[str]]:
    """The folders of the programs of a module, with those of the packages of which each is made.

    None of them where the module is too large to tell.
    """
    manifest = files.read(f"{directory}/go.mod".lstrip("/"))
    named = _MODULE.search(manifest.text) if manifest is not None else None
    if named is None:
        return {}
    packages: dict[str, list[str]] = {}
    for each in files.ending(".go"):
        if each.startswith(f"{directory}/" if directory else "") and not each.endswith("_test.go"):
            packages.setdefault(parent(each), []).append(each)
    if sum(map(len, packages.values())) > _MOST:
        return {}
    texts = {
        folder: [s.text for one in paths if (s := files.read(one)) is not None] for folder, paths in packages.items()
    }
    mains = [folder for folder, each in texts.items() if any(map(_MAIN.search, each))]
    return {each: _taken_in(each, texts, named[1], directory) for each in mains}


def _taken_in(start: str, texts: dict[str, list[str]], module: str, directory: str) -> set[str]:
    """The folders of the packages of which a program is made."""
    found, waiting = {start}, [start]
    while waiting:
        for folder in _imported(texts[waiting.pop()], module, directory):
            if folder in texts and folder not in found:
                found.add(folder)
                waiting.append(folder)
    return found


def _imported(texts: list[str], module: str, directory: str) -> Iterator[str]:
    for text in texts:
        for match in _IMPORT.finditer(text):
            if match[1] == module or match[1].startswith(f"{module}/"):
                folder = PurePosixPath(directory, match[1].removeprefix(module).lstrip("/")).as_posix()
                yield "" if folder == "." else folder
