"""What a tree can be asked, and the one index of its paths by name and by ending."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from policyengine.model.budget import Budget
    from policyengine.model.source import Source

T = TypeVar("T")


class Files(Protocol):
    """A tree: its paths (POSIX, relative to the root, sorted), and the text of each.

    Ask for what is wanted (`named`, `ending`, `holding`) rather than for all `paths`: what is made of a tree is kept
    while it gives the same answers to what was asked.
    """

    @property
    def name(self) -> str:
        """The name of the tree's folder, empty where it has none."""
        ...

    @property
    def budget(self) -> Budget:
        """What all who read this tree draw from."""
        ...

    @property
    def repository(self) -> str:
        """`owner/name` of the repository that the tree is, in lower case; empty where that is not known."""
        ...

    @property
    def paths(self) -> Sequence[str]:
        """Every path."""
        ...

    def named(self, *names: str) -> tuple[str, ...]:
        """The paths whose file name is one of these: `named("package.json")`."""
        ...

    def ending(self, *endings: str) -> tuple[str, ...]:
        """The paths that end so: `ending(".tf", ".tf.json")`. Each ending begins with a dot."""
        ...

    def holding(self, *parts: str) -> tuple[str, ...]:
        """The paths that hold one of these texts: `holding(".github/workflows/")`."""
        ...

    def below(self, folder: str) -> tuple[str, ...]:
        """The paths in a folder and in those below it; all for the root, `""`."""
        ...

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        ...

    def read(self, path: str) -> Source | None:
        """The file, or None where there is none, or it cannot be read (then the failure is on record)."""
        ...

    def once(self, path: str, reader: Callable[[Source], T]) -> T | None:
        """What a pure reader makes of a file, once for all who ask; None where there is no file to read.

        Raises:
            ReadError: the reader does.
        """
        ...

    def real(self, folder: str) -> str:
        """Where a folder really lies when links within the tree lead to it; the folder itself where none do."""
        ...

    def installed(self, folder: str) -> tuple[str, ...]:
        """The files below a folder of modules that Terraform installed, which `paths` leaves out; `read` takes them."""
        ...


class Index(Struct, frozen=True):
    """The paths of a tree by file name and by the last ending of that, made in one pass."""

    paths: tuple[str, ...]
    names: Mapping[str, Sequence[str]]
    endings: Mapping[str, Sequence[str]]

    def named(self, names: Iterable[str]) -> tuple[str, ...]:
        """As `Files.named`."""
        return tuple(sorted(path for name in set(names) for path in self.names.get(name, ())))

    def ending(self, endings: tuple[str, ...]) -> tuple[str, ...]:
        """As `Files.ending`."""
        last = {end[end.rfind(".") :] for end in endings}
        return tuple(sorted(path for end in last for path in self.endings.get(end, ()) if path.endswith(endings)))

    def below(self, folder: str) -> tuple[str, ...]:
        """As `Files.below`."""
        first = bisect_left(self.paths, f"{folder}/")
        return self.paths[first : bisect_left(self.paths, f"{folder}0", first)] if folder else self.paths

    def holding(self, parts: Iterable[str]) -> tuple[str, ...]:
        """As `Files.holding`."""
        found = {path for part in parts for path in self.paths if part in path}
        return tuple(sorted(found))


def index(paths: Iterable[str]) -> Index:
    """The index of sorted paths."""
    paths = tuple(paths)
    names: dict[str, list[str]] = {}
    endings: dict[str, list[str]] = {}
    for path in paths:
        name = path[path.rfind("/") + 1 :]
        names.setdefault(name, []).append(path)
        dot = name.rfind(".")
        if dot >= 0:
            endings.setdefault(name[dot:], []).append(path)
    return Index(paths, names, endings)
