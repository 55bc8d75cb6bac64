"""Applications that are not written for Node: that they have settings is told, which ones is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge import settings
from policyengine.model.nodes import ConfigModule, Side
from policyengine.model.value import Unknown
from policyengine.platforms.code.package import set_aside
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.repository.files import Files


def application(path: str, manifests: Sequence[str], files: Files) -> str:
    """The nearest folder upward that holds a manifest, the root when none does."""
    folder = parent(path)
    while folder and not any(files.exists(f"{folder}/{name}") for name in manifests):
        folder = parent(folder)
    return folder


def other_modules(files: Files) -> Iterator[ConfigModule]:
    """One module without keys for each application that is not written for Node."""
    best: dict[str, tuple[tuple[int, int, str], ConfigModule]] = {}
    for name, language in settings.languages().items():
        for path in sorted({*files.ending(*language.endings), *files.named(*language.names)}):
            if not language.holds(path) or set_aside(path) or settings.serves_upkeep(path):
                continue
            source = files.read(path)
            library = language.library(source.text) if source is not None else None
            if source is None or library is None:
                continue
            directory = application(path, language.manifests, files) if language.manifests else parent(path)
            rank = (library[0], path.count("/"), path)
            if directory not in best or rank < best[directory][0]:
                span = source.span(0, 0)
                module = ConfigModule(
                    id=f"config:{path}",
                    name=path,
                    side=Side.SOURCE,
                    span=span,
                    path=path,
                    directory=directory,
                    library=library[1],
                    keys=(),
                    gap=Unknown(f"settings in {name} are not read", span),
                )
                best[directory] = (rank, module)
    yield from (module for _, module in best.values())
