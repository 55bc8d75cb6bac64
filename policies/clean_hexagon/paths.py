"""Paths of files and folders, of a tree or of an image."""


def lies_in(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies below it; everything lies in the root, which is empty or `/`."""
    home = folder.rstrip("/")
    return not home or path == home or path.startswith(f"{home}/")
