"""A tree in memory, for the tests of a platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, field

from policyengine.model.budget import Budget
from policyengine.model.source import Source
from policyengine.repository.files import index

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyengine.model.source import Span
    from policyengine.repository.files import Index

T = TypeVar("T")


class Memory(Struct, frozen=True):
    """Texts by path, as a `Files`."""

    texts: dict[str, str]
    name: str = ""
    budget: Budget = field(default_factory=Budget)
    repository: str = ""
    _sources: dict[str, Source] = field(default_factory=dict)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path."""
        return tuple(sorted(self.texts))

    def named(self, *names: str) -> tuple[str, ...]:
        """The paths whose file name is one of these."""
        return self._index().named(names)

    def ending(self, *endings: str) -> tuple[str, ...]:
        """The paths that end so."""
        return self._index().ending(endings)

    def holding(self, *parts: str) -> tuple[str, ...]:
        """The paths that hold one of these texts."""
        return self._index().holding(parts)

    def below(self, folder: str) -> tuple[str, ...]:
        """The paths in a folder and in those below it."""
        return self._index().below(folder)

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self.texts

    def read(self, path: str) -> Source | None:
        """The file, or None."""
        if path not in self.texts:
            return None
        text = self.texts[path]
        made = Source(path, text.removeprefix("\ufeff"), text.startswith("\ufeff"))
        return self._sources.setdefault(path, made)

    def once(self, path: str, reader: Callable[[Source], T]) -> T | None:
        """What a reader makes of a file. Raises ReadError as it does."""
        source = self.read(path)
        return None if source is None else reader(source)

    def real(self, folder: str) -> str:
        """The folder itself: there are no links."""
        return folder

    def installed(self, folder: str) -> tuple[str, ...]:
        """The files below a folder of modules that Terraform installed."""
        return tuple(path for path in self.paths if path.startswith(f"{folder}/"))

    def at(self, span: Span) -> str:
        """The text at a place."""
        return self.texts[span.path].removeprefix("\ufeff")[span.start : span.end]

    def _index(self) -> Index:
        return index(self.paths)
