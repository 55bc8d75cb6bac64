"""Paths of files and folders, of a tree or of an image."""

from collections.abc import Iterator


def lies_in(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies below it; everything lies in the root, which is empty or `/`."""
    home = folder.rstrip("/")
    return not home or path == home or path.startswith(f"{home}/")


def above(folder: str) -> Iterator[str]:
    """A folder of the tree and those that it lies in, the nearest first; the root, which is empty, comes last."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""
