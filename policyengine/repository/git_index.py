"""Which files git keeps: the paths of its index, which holds them whatever `.gitignore` lists.

Source: git's documentation, "gitformat-index", versions 2 to 4.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEADER = 12
_FIXED = 62
"""Bytes of an entry before its name, with a hash of SHA-1."""
_EXTENDED = 0x4000
_MOST = 64_000_000
"""Bytes of an index that are read, and of the names in it; half a million files take less."""


class Committed:
    """The files of a repository that git keeps, read when they are first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def files(self) -> frozenset[str]:
        """The paths relative to the root; none where the root is not that of a repository."""
        git = self._root / ".git"
        index = git / "index"
        try:
            if git.is_symlink() or not git.is_dir() or index.is_symlink() or index.stat().st_size > _MOST:
                return frozenset()
            data = index.read_bytes()
        except OSError:
            return frozenset()
        return frozenset(_names(data))

    @cached_property
    def folders(self) -> frozenset[str]:
        """The folders that hold such files, each with `/` at its end."""
        found: set[str] = set()
        for path in self.files:
            at = path.rfind("/")
            while at > 0 and path[: at + 1] not in found:
                found.add(path[: at + 1])
                at = path.rfind("/", 0, at)
        return frozenset(found)


def _names(data: bytes) -> list[str]:
    """The paths of an index; none of one that is not understood."""
    version = int.from_bytes(data[4:8], "big")
    if data[:4] != b"DIRC" or version not in (2, 3, 4):
        return []
    found: list[str] = []
    at, last, room = _HEADER, b"", _MOST
    for _ in range(int.from_bytes(data[8:12], "big")):
        start = at
        flags = int.from_bytes(data[at + _FIXED - 2 : at + _FIXED], "big")
        at += _FIXED + (2 if flags & _EXTENDED else 0)
        if version == 4:
            dropped, at = _number(data, at)
            last = last[: len(last) - dropped]
        else:
            last = b""
        end = data.find(b"\0", at)
        last += data[at:end]
        room -= len(last)
        if end < 0 or room < 0:
            return []
        at = end + 1 if version == 4 else start + (end - start + 8) // 8 * 8
        try:
            found.append(last.decode())
        except UnicodeDecodeError:
            continue
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number as packs write offsets, and where it ends."""
    value = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value = (value << 7) + (byte & 127)
        if not byte & 128:
            break
        value += 1
    return value, at
