"""What leads to a scanned folder: from the working directory, from the root of a repository, and which that is."""

from __future__ import annotations

import os
from pathlib import Path

from policyengine.model.source import UsageError


def path_prefix(root: Path) -> str:
    """What leads from the working directory to the root, so that a terminal can open the paths."""
    try:
        here = Path.cwd().resolve()
    except OSError:
        return ""
    if root == here:
        return ""
    return f"{os.path.relpath(root, here) if root.is_relative_to(here) else root}/".replace(os.sep, "/")


def uri_prefix(root: Path, given: str | None) -> str:
    """What leads from the root of the URIs to the scanned root: empty, or a POSIX path with a slash at its end."""
    resolved = root.resolve()
    if given is not None:
        base = Path(given).resolve()
        if not base.is_dir():
            raise UsageError(f"--uri-root '{given}' is no folder")
        if not resolved.is_relative_to(base):
            raise UsageError(f"--uri-root '{given}' does not hold the scanned folder '{root}'")
    else:
        workspace = os.environ.get("GITHUB_WORKSPACE")
        base = Path(workspace).resolve() if workspace else resolved
        if not resolved.is_relative_to(base):
            base = resolved
    relative = resolved.relative_to(base).as_posix()
    return "" if relative == "." else f"{relative}/"


def repository(root: Path, prefix: str) -> tuple[str, str]:
    """The address and the commit of the repository in which the scanned folder lies below `prefix`."""
    from policyengine.repository import identity  # noqa: PLC0415  only SARIF names the repository

    base = root.resolve()
    for _ in Path(prefix).parts:
        base = base.parent
    return identity.identity(base)


def unread(root: Path, path: str) -> str | None:
    """The text of a file that no reader could use, for its line hashes only; None where there is no such file."""
    file = root / path
    try:
        inside = file.resolve(strict=True).is_relative_to(root.resolve())
        if not inside or file.is_symlink() or not file.is_file() or file.stat().st_size > 50_000_000:
            return None
        return file.read_bytes().decode("utf-8", "replace")
    except OSError:
        return None
