"""Caches that belong to the user: the grammar table and what was read of files.

Everything lies under one directory, `$POLICYENGINE_CACHE_DIR` or the user's cache directory, made with mode 0700; one
that is there is used as it is if it belongs to the user and nobody else may write there. Nothing in it is a value:
readers store offsets and structure. A cache that cannot be read or written is no error: the work is done again.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys
from hashlib import blake2b
from pathlib import Path

from msgspec import Struct

VARIABLE = "POLICYENGINE_CACHE_DIR"
"""The environment variable that names another cache directory."""


class Cache(Struct, frozen=True):
    """A directory of content-addressed entries. `directory` is None where nothing can be kept."""

    directory: Path | None

    def load(self, kind: str, key: str) -> object | None:
        """The entry, or None where there is none or it is damaged."""
        if self.directory is None:
            return None
        try:
            data = _read(self.directory / kind / key[:2] / key)
            digest, body = data[:16], data[16:]
            if _seal(kind, key, body) != digest:
                return None
            entry: object = marshal.loads(body)  # noqa: S302 - written by the same user, checked by its digest
        except (OSError, ValueError, EOFError, TypeError, MemoryError):
            return None
        return entry

    def store(self, kind: str, key: str, entry: object) -> None:
        """Keep an entry, in one step; a failure to do so is no error."""
        if self.directory is None:
            return
        try:
            body = marshal.dumps(entry)  # type: ignore[arg-type]  # plain data, by the contract
            folder = self.directory / kind / key[:2]
            for made in (folder.parent, folder):
                made.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = folder / f".{key}.{os.getpid()}"
            with os.fdopen(os.open(temporary, _NEW, 0o600), "wb") as file:
                file.write(_seal(kind, key, body) + body)
            temporary.replace(folder / key)
        except (OSError, ValueError):
            return


def _seal(kind: str, key: str, body: bytes) -> bytes:
    """What tells an entry from one that is damaged, or that stands at the place of another."""
    return blake2b(body, digest_size=16, key=blake2b(f"{kind}/{key}".encode(), digest_size=16).digest()).digest()


_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_PLAIN = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


def _read(path: Path) -> bytes:
    """What a file holds that the user alone can have written.

    Raises:
        OSError: there is none; a link, a pipe, or what somebody else may write stands there.
    """
    descriptor = os.open(path, _PLAIN)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not _is_own(status):
            raise OSError
        return file.read()


NOTHING = Cache(None)
"""A cache that keeps nothing (`--no-cache`)."""


def content_key(version: str, text: str) -> str:
    """The key of what a reader of that version makes of a text. It depends on the Python version as marshal does."""
    digest = blake2b(digest_size=20)
    digest.update(f"{version} {sys.version_info[:2]} {marshal.version}\0".encode())
    digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def user_cache(scanned: Path | None = None) -> Cache:
    """The user's cache, or one that keeps nothing: where it cannot be private, or would lie inside `scanned`."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        directory = Path(chosen)
    else:
        try:
            directory = _folder_of_caches() / "policyengine"
        except (RuntimeError, OSError):
            return NOTHING
    try:
        directory = directory.absolute()
        if scanned is not None and directory.resolve().is_relative_to(scanned.resolve()):
            return NOTHING
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _private(directory):
            return NOTHING
    except (OSError, RuntimeError):
        return NOTHING
    return Cache(directory)


def _folder_of_caches() -> Path:
    """Where this system keeps the user's caches.

    `$XDG_CACHE_HOME` or `~/.cache` (XDG Base Directory Specification), `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on
    Windows. The platformdirs library knows the same, and takes 15 ms to load.

    Raises:
        RuntimeError: the home directory cannot be told.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    named = os.environ.get("XDG_CACHE_HOME", "")
    return Path(named) if os.path.isabs(named) else Path.home() / ".cache"  # noqa: PTH117 - a text, mostly empty


def _private(directory: Path) -> bool:
    """Whether it is a folder, no link, in which only the user may write."""
    status = directory.lstat()
    return stat.S_ISDIR(status.st_mode) and _is_own(status)


def _is_own(status: os.stat_result) -> bool:
    """Whether only the user may write there."""
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)
