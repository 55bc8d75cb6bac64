"""Applications that are not written for Node: the files that hold their settings, and what these demand."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from policyengine.knowledge import settings
from policyengine.platforms.code.config_candidate import Candidate
from policyengine.platforms.code.package import set_aside
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyengine.model.nodes import ConfigKey
    from policyengine.model.source import Source
    from policyengine.repository.files import Files

Read = tuple[tuple["ConfigKey", ...], str, list["Source"]]
"""The variables of a file, why there may be more, and the files that were followed for them."""

LARGEST = 200_000
"""Characters of a file that is followed: a longer one is generated."""


def application(path: str, manifests: Sequence[str], files: Files) -> str:
    """The nearest folder upward that holds a manifest, the root when none does."""
    folder = parent(path)
    while folder and not any(files.exists(f"{folder}/{name}") for name in manifests):
        folder = parent(folder)
    return folder


def other_candidates(files: Files) -> Mapping[str, Sequence[Candidate]]:
    """The files with settings of each application that is not written for Node, by its folder."""
    found: dict[str, list[Candidate]] = defaultdict(list)
    for name, language in settings.languages().items():
        for path in sorted({*files.ending(*language.endings), *files.named(*language.names)}):
            if not language.holds(path) or set_aside(path) or settings.serves_upkeep(path):
                continue
            source = files.read(path)
            if source is None:
                continue
            directory = application(path, language.manifests, files) if language.manifests else parent(path)
            library, reader = language.library(source.text), _READERS.get(name)
            if library is not None and (reader is None or len(source.text) > LARGEST):
                gap = f"settings in {name} are not read"
                found[directory].append(Candidate(path, directory, library[1], (), gap, order=library[0]))
            elif reader is not None and len(source.text) <= LARGEST:
                keys, gap, others = reader(files, source)
                library = library or next(filter(None, (language.library(each.text) for each in others)), None)
                if library is not None:
                    found[directory].append(Candidate(path, directory, library[1], keys, gap, order=library[0]))
    return found


def _python(files: Files, source: Source) -> Read:
    from policyengine.platforms.code.config_python import Program  # noqa: PLC0415  only where there is Python

    def imported(importer: str, module: str) -> Source | None:
        """The file of settings that an import names."""
        name = module.lstrip(".")
        folder = importer
        for _ in range(len(module) - len(name) or 1):
            folder = parent(folder)
        while True:
            path = f"{folder}/{name.replace('.', '/')}".strip("/")
            for tried in (f"{path}.py", f"{path}/__init__.py", f"src/{path}.py"):
                if files.exists(tried) and settings.languages()["Python"].holds(tried):
                    return files.read(tried)
            if not folder or module.startswith("."):
                return None
            folder = parent(folder)

    program = Program(source, imported)
    program.follow()
    return program.keys(), next(iter(program.gaps), ""), [scope.source for scope in program.scopes.values()]


_READERS: Mapping[str, Callable[[Files, Source], Read]] = {"Python": _python}
