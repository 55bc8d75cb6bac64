"""The report of a scan whose every input is as it was: printed again instead of made again.

A scan is a function of the tree's paths, the texts it reads, or why one is not known (it is encrypted), the options,
the packs and the day. All of them make the key, so a replayed report has the bytes that a new one would have. Only
finished reports are kept, which by contract hold no secret value, and none of a run that could not do all its work.
"""

from __future__ import annotations

import os
import sys
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine import __version__
from policyengine.entry_points import installed
from policyengine.repository.cache import Cache, content_key, user_cache

if TYPE_CHECKING:
    from collections.abc import Iterable

    from policyengine.repository.discover import Tree

_KIND = "report"


class Replay(Struct, frozen=True):
    """Where the report of one scan is kept. `key` tells everything but the texts of files."""

    cache: Cache
    key: str
    tree: Tree

    def find(self) -> tuple[int, tuple[str, ...]] | None:
        """The exit code and the reports of an equal scan, or None."""
        match self.cache.load(_KIND, self.key):
            case (tuple() as paths, str() as digest, 0 | 1 as code, tuple() as texts) if all(
                isinstance(each, str) for each in (*paths, *texts)
            ):
                return (code, texts) if self._digest(paths) == digest else None
            case _:
                return None

    def keep(self, paths: Iterable[str], code: int, texts: Iterable[str]) -> None:
        """Keep what a scan that read `paths` reported."""
        names = tuple(sorted({*paths, *self.tree.unread}))
        digest = self._digest(names)
        if digest is not None:
            self.cache.store(_KIND, self.key, (names, digest, code, tuple(texts)))

    def _digest(self, paths: Iterable[str]) -> str | None:
        digest = blake2b(digest_size=20)
        for path in paths:
            source = self.tree.read(path)
            if source is None:
                if path not in self.tree.withheld:
                    return None
                digest.update(f"{path}\0{self.tree.withheld[path]}\0".encode())
                continue
            digest.update(f"{path}\0{len(source.text)}\0{source.bom}\0".encode())
            digest.update(source.text.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def replay(tree: Tree, facts: Iterable[object]) -> Replay | None:
    """The replay of a scan with these facts (options, places, the day); None where nothing can be kept."""
    cache = user_cache(tree.root)
    if cache.directory is None:
        return None
    parts = [repr(fact) for fact in facts]
    return Replay(cache, content_key(f"replay {__version__}", "\0".join([*parts, *_code(), *tree.paths])), tree)


def _code() -> Iterable[str]:
    """What tells the program and its packs apart from changed ones: names, sizes and times of their files."""
    from importlib.util import find_spec  # noqa: PLC0415  only scans ask

    yield sys.version
    own = str(Path(__file__).parent.parent)
    points = installed()
    for point in points:
        yield " ".join(point)
    folders = [own]
    for module in sorted({point.module.partition(".")[0] for point in points} - {"policyengine"}):
        spec = find_spec(module)
        if spec is not None:
            folders.extend(spec.submodule_search_locations or [spec.origin or ""])
    for folder in folders:
        for place, inner, names in os.walk(folder):
            inner[:] = sorted(name for name in inner if name != "__pycache__")
            for name in sorted(names):
                status = os.stat(os.path.join(place, name))  # noqa: PTH116, PTH118  hundreds of files: strings are quicker
                yield f"{place}/{name} {status.st_mtime_ns} {status.st_size}"
