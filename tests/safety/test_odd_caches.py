"""What lies in the folder of the cache and is no entry that the user wrote is never believed, and stops nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from policyengine.repository.cache import Cache

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "ab" * 20
ENTRY = {"facts": [1, "two"]}


def _kept(root: Path) -> Path:
    """The file of an entry that the user's own cache holds."""
    Cache(root).store("kind", KEY, ENTRY)
    return root / "kind" / KEY[:2] / KEY


def _as_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def _as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _of_another_key(path: Path) -> None:
    Cache(path.parents[2]).store("kind", KEY[:2] * 19 + "cd", ["other"])
    (path.parent / (KEY[:2] * 19 + "cd")).replace(path)


ODD: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "not of marshal": lambda path: path.write_bytes(os.urandom(500)),
    "of another key": _of_another_key,
    "that others may write": lambda path: path.chmod(0o666),
    "a link": _as_link,
    "a folder": _as_folder,
    "a pipe that nobody writes": _as_pipe,
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_entry_of_the_user_is_none(odd: str, tmp_path: Path) -> None:
    path = _kept(tmp_path)
    assert Cache(tmp_path).load("kind", KEY) == ENTRY
    ODD[odd](path)
    assert Cache(tmp_path).load("kind", KEY) is None


@pytest.mark.parametrize("odd", [each for each in ODD if each != "a folder"])
def test_an_entry_is_kept_anew_in_its_place(odd: str, tmp_path: Path) -> None:
    ODD[odd](_kept(tmp_path))
    path = _kept(tmp_path)
    assert Cache(tmp_path).load("kind", KEY) == ENTRY
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_through_a_link_in_the_place_of_what_is_not_done(tmp_path: Path) -> None:
    path, own = _kept(tmp_path), tmp_path / "own"
    own.write_text("kept")
    path.with_name(f".{KEY}.{os.getpid()}").symlink_to(own)
    path.unlink()
    Cache(tmp_path).store("kind", KEY, ENTRY)
    assert own.read_text() == "kept"
    assert Cache(tmp_path).load("kind", KEY) is None
